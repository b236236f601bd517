#include "tests/unit/catalog_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void place_reopen(struct catalog_place *p)
{
	catalog_close(p->catalog);
	p->catalog = NULL;
	if (catalog_open(p->scratch.path, NULL, &p->catalog, &p->err) < 0)
		fail_msg("%s", p->err.text);
}

int64_t place_add_source(struct catalog_place *p, const char *name)
{
	struct source_row row = {
		.name = name, .uid = 1000, .gid = 100, .config = "{}", .memory = "m"};

	if (catalog_source_put(p->catalog, &row, &p->err) < 0)
		fail_msg("%s", p->err.text);
	return row.id;
}

int place_setup(void **state)
{
	struct catalog_place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	scratch_init(&p->scratch);
	place_reopen(p);
	p->source = place_add_source(p, "docs");
	*state = p;
	return 0;
}

int place_teardown(void **state)
{
	struct catalog_place *p = *state;

	catalog_close(p->catalog);
	scratch_release(&p->scratch);
	buf_release(&p->told);
	free(p);
	return 0;
}

static struct object_id make_object(struct catalog_place *p, const char *text)
{
	struct object_writer *w;
	struct object_id id;
	uint64_t size;

	assert_int_equal(object_begin(catalog_objects(p->catalog), 1 << 20, &w, NULL), 0);
	assert_int_equal(object_write(w, text, strlen(text), NULL), 0);
	assert_int_equal(object_finish(w, &id, &size, NULL), 0);
	return id;
}

bool place_put_in(
	struct catalog_place *p, const char *dir, const char *name, const char *text, int keep)
{
	struct entry e = {.source = p->source,
		.dir = (char *)dir,
		.name = (char *)name,
		.is_dir = text == NULL,
		.fetched = text != NULL,
		.size = text != NULL ? strlen(text) : 0,
		.modified_us = 1000,
		.type = "text/plain",
		.etag = "\"e\""};
	bool changed = false;

	if (text != NULL)
		e.object = make_object(p, text);
	if (catalog_put(p->catalog, &e, "title", 5, text, text != NULL ? strlen(text) : 0, keep,
		    &changed, &p->err) < 0)
		fail_msg("%s", p->err.text);
	if (text != NULL)
		object_release(catalog_objects(p->catalog), &e.object);
	assert_true(e.id > 0);
	return changed;
}

void place_begin(struct catalog_place *p)
{
	if (catalog_begin(p->catalog, &p->err) < 0)
		fail_msg("%s", p->err.text);
}

void place_commit(struct catalog_place *p)
{
	if (catalog_commit(p->catalog, &p->err) < 0)
		fail_msg("%s", p->err.text);
}

bool place_put(
	struct catalog_place *p, const char *dir, const char *name, const char *text, int keep)
{
	bool changed;

	place_begin(p);
	changed = place_put_in(p, dir, name, text, keep);
	place_commit(p);
	return changed;
}

void place_tell(struct catalog_place *p, const char *what)
{
	buf_adds(&p->told, what);
	buf_addc(&p->told, '\n');
}

static void tell_path(void *arg, const char *path)
{
	place_tell(arg, path);
}

void place_remove(struct catalog_place *p, const char *path, int keep)
{
	place_begin(p);
	if (catalog_remove(p->catalog, p->source, path, keep, tell_path, p, &p->err) < 0)
		fail_msg("%s", p->err.text);
	place_commit(p);
}

int place_tell_entry(void *arg, const struct entry *e)
{
	struct catalog_place *p = arg;

	buf_addf(&p->told, "%s%s %lld %llu\n", e->name, e->is_dir ? "/" : "", (long long)e->version,
		(unsigned long long)e->size);
	return 0;
}

void place_assert_told(struct catalog_place *p, const char *expected)
{
	assert_int_equal(buf_error(&p->told), 0);
	assert_string_equal(p->told.len > 0 ? p->told.data : "", expected);
	buf_reset(&p->told);
}

void place_assert_listed(struct catalog_place *p, const char *dir, const char *expected)
{
	assert_int_equal(catalog_list(p->catalog, p->source, dir, place_tell_entry, p), 0);
	place_assert_told(p, expected);
}

void place_assert_versions(struct catalog_place *p, const char *path, const char *expected)
{
	assert_int_equal(catalog_versions(p->catalog, p->source, path, place_tell_entry, p), 0);
	place_assert_told(p, expected);
}

void place_assert_content(struct catalog_place *p, const struct entry *e, const char *text)
{
	char *bytes = NULL;
	size_t len = 0;

	assert_true(e->fetched);
	assert_int_equal(object_load(catalog_objects(p->catalog), &e->object, e->size, 1 << 20,
				 &bytes, &len),
		0);
	assert_string_equal(bytes, text);
	free(bytes);
}

void place_assert_file(struct catalog_place *p, const char *path, const char *text)
{
	struct entry e = {0};

	assert_int_equal(catalog_find(p->catalog, p->source, path, &e), 0);
	place_assert_content(p, &e, text);
	entry_release(&e);
}

static bool count_one(void *arg, const struct object_id *id)
{
	(void)id;
	++*(int *)arg;
	return true;
}

int place_objects(struct catalog_place *p)
{
	int n = 0;

	assert_int_equal(objects_each(catalog_objects(p->catalog), count_one, &n, NULL), 0);
	return n;
}
