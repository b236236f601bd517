#include "tests/unit/syncing.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

static int64_t wall_us(const struct clock *clock)
{
	return ((const struct syncing *)((const char *)clock - offsetof(struct syncing, clock)))
		->now;
}

/* What has a NUL is no text. */
static int text(const char *path, const char *type, const char *bytes, size_t len,
	struct buf *title, struct buf *body, struct error *err)
{
	(void)type;
	if (memchr(bytes, '\0', len) != NULL)
		return error_set(err, ENOTSUP, "%s: no text", path);
	buf_adds(title, "title");
	buf_add(body, bytes, len);
	return 0;
}

void syncing_open(struct syncing *p)
{
	if (catalog_open(p->scratch.path, text, &p->catalog, &p->err) < 0)
		fail_msg("%s", p->err.text);
}

int syncing_setup(void **state)
{
	struct syncing *p = calloc(1, sizeof(*p));
	struct source_row row = {.name = "docs", .config = "{}"};

	assert_non_null(p);
	scratch_init(&p->scratch);
	p->clock = (struct clock){wall_us, wall_us};
	p->now = NOW;
	assert_int_equal(source_config_init(&p->config), 0);
	syncing_open(p);
	assert_int_equal(catalog_source_put(p->catalog, &row, &p->err), 0);
	p->source = row.id;
	*state = p;
	return 0;
}

int syncing_teardown(void **state)
{
	struct syncing *p = *state;

	sync_result_release(&p->result);
	catalog_close(p->catalog);
	source_config_release(&p->config);
	umount2(p->scratch.path, MNT_DETACH); /* where the test mounted */
	scratch_release(&p->scratch);
	buf_release(&p->told);
	free(p);
	return 0;
}

static void published(void *arg, const char *const *paths, size_t count)
{
	struct syncing *p = arg;

	for (size_t i = 0; i < count; i++)
		buf_addf(&p->told, "%s\n", paths[i]);
}

void syncing_begin(struct syncing *p)
{
	const struct sync_start start = {.catalog = p->catalog,
		.config = &p->config,
		.source = p->source,
		.uid = 1,
		.gid = 2,
		.memory = p->result.memory,
		.clock = &p->clock,
		.stop = &p->stop,
		.published = published,
		.arg = p};

	if (sync_begin(&start, &p->sync, &p->err) < 0)
		fail_msg("%s", p->err.text);
	buf_reset(&p->told);
}

void syncing_end(struct syncing *p, int status)
{
	sync_result_release(&p->result);
	sync_end(p->sync, status, &p->err, &p->result);
	p->sync = NULL;
	p->now += 60 * SECOND_US;
}

const char *syncing_list(
	struct syncing *p, const char *dir, const struct member *members, size_t count)
{
	static char text_of[4096];
	const struct wanted *wanted = NULL;
	struct buf out = BUF_INIT;
	size_t n = 0;

	if (sync_listing(p->sync, dir, members, count, &wanted, &n, &p->err) < 0)
		fail_msg("%s", p->err.text);
	for (size_t i = 0; i < n; i++)
		buf_addf(&out, "%s%s%s%s ", wanted[i].path, wanted[i].is_dir ? "/" : "",
			wanted[i].etag != NULL ? "?" : "", wanted[i].modified_us != 0 ? "*" : "");
	snprintf(text_of, sizeof(text_of), "%s", out.len > 0 ? out.data : "");
	buf_release(&out);
	return text_of;
}

int syncing_take(struct syncing *p, struct member m, const char *bytes, size_t len)
{
	struct object_writer *w = NULL;
	int status = sync_begin_content(p->sync, &w, &p->err);

	if (status < 0)
		return status;
	for (size_t at = 0; status == 0 && at < len; at += 65536)
		status = object_write(w, bytes + at, len - at < 65536 ? len - at : 65536, &p->err);
	if (status < 0) {
		object_cancel(w);
		return status;
	}
	return sync_take(p->sync, &m, w, &p->err);
}

void syncing_take_text(struct syncing *p, struct member m, const char *content)
{
	if (syncing_take(p, m, content, strlen(content)) < 0)
		fail_msg("%s", p->err.text);
}

struct member syncing_dir(const char *path)
{
	return (struct member){.path = path, .is_dir = true, .size = -1};
}

struct member syncing_file(const char *path, const char *etag, const char *content)
{
	return (struct member){.path = path,
		.etag = etag,
		.size = (int64_t)strlen(content),
		.modified_us = LONG_AGO};
}

void syncing_one(struct syncing *p, const char *path, const char *etag, const char *content)
{
	syncing_begin(p);
	syncing_list(p, "", (struct member[]){syncing_file(path, etag, content)}, 1);
	syncing_take_text(p, syncing_file(path, etag, content), content);
	syncing_end(p, 0);
	assert_int_equal(p->result.status, 0);
}

void syncing_has(struct syncing *p, const char *path, const char *content)
{
	struct entry e = {0};
	char *bytes = NULL;
	size_t len = 0;

	if (catalog_find(p->catalog, p->source, path, &e) < 0)
		fail_msg("%s is not there", path);
	assert_true(e.fetched);
	assert_int_equal(
		object_load(catalog_objects(p->catalog), &e.object, e.size, 1 << 20, &bytes, &len),
		0);
	assert_string_equal(bytes, content);
	free(bytes);
	entry_release(&e);
}

void syncing_gone(struct syncing *p, const char *path)
{
	struct entry e;

	assert_int_equal(catalog_find(p->catalog, p->source, path, &e), -ENOENT);
}

void syncing_counts(
	struct syncing *p, int added, int changed, int removed, int unchanged, int failed)
{
	assert_int_equal(p->result.added, added);
	assert_int_equal(p->result.changed, changed);
	assert_int_equal(p->result.removed, removed);
	assert_int_equal(p->result.unchanged, unchanged);
	assert_int_equal(p->result.failed, failed);
}
