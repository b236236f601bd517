#include "tests/unit/web.h"

#include "core/base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool is_dir(const struct held *h)
{
	size_t len = strlen(h->path);

	return len == 0 || h->path[len - 1] == '/';
}

void web_add_response(struct buf *out, const struct held *h)
{
	buf_addf(out, "<D:response><D:href>/dav/%s</D:href>", h->path);
	if (h->more) {
		buf_addf(out, "%s</D:response>\n", h->more);
		return;
	}
	buf_adds(out, "<D:propstat><D:prop>");
	if (is_dir(h) && h->size >= 0)
		buf_adds(out, "<D:resourcetype><D:collection/></D:resourcetype>");
	else
		buf_adds(out, "<D:resourcetype/>");
	if (!is_dir(h) && !h->bare)
		buf_addf(out, "<D:getcontentlength>%d</D:getcontentlength>",
			h->size ? h->size : (int)strlen(h->content));
	if (!h->bare)
		buf_addf(out, "<D:getlastmodified>%s</D:getlastmodified>", DATE);
	if (h->etag && !h->bare)
		buf_addf(out, "<D:getetag>%s</D:getetag>", h->etag);
	if (h->type)
		buf_addf(out, "<D:getcontenttype>%s</D:getcontenttype>", h->type);
	buf_adds(out, "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
		      "</D:response>\n");
}

/* Whether it stands directly in the directory. */
static bool stands_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);
	const char *slash;

	if (strncmp(path, dir, len) != 0 || !path[len])
		return false;
	slash = strchr(path + len, '/');
	return !slash || !slash[1];
}

bool web_send_multistatus(int fd, struct buf *members, const char *token)
{
	struct buf body = BUF_INIT;
	bool sent;

	buf_adds(&body, "<?xml version=\"1.0\"?><D:multistatus xmlns:D=\"DAV:\">\n");
	if (members->len)
		buf_add(&body, members->data, members->len);
	if (token)
		buf_addf(&body, "<D:sync-token>%s</D:sync-token>", token);
	buf_adds(&body, "</D:multistatus>\n");
	sent = peer_answer(fd, "207 Multi-Status",
		"Content-Type: application/xml\r\nDate: Tue, 18 Nov 2025 13:00:00 GMT\r\n",
		body.data);
	buf_release(&body);
	buf_release(members);
	return sent;
}

static bool list(struct web *w, int fd, const char *dir)
{
	struct buf members = BUF_INIT;
	size_t len = strlen(dir);

	for (int i = 0; i < FILES_MAX; i++)
		if (w->files[i].path && len == strlen(w->files[i].path) + 1 &&
			!strncmp(w->files[i].path, dir, len - 1)) { /* a file, with a slash */
			web_add_response(
				&members, &(struct held){dir, "", .etag = NULL, .size = -1});
			return web_send_multistatus(fd, &members, NULL);
		}
	web_add_response(&members, &(struct held){.path = dir});
	for (int i = 0; i < FILES_MAX; i++)
		if (w->files[i].path && stands_in(w->files[i].path, dir))
			web_add_response(&members, &w->files[i]);
	return web_send_multistatus(fd, &members, NULL);
}

static bool get(int fd, const struct peer_request *request, const struct held *h)
{
	char value[256];
	struct buf head = BUF_INIT;
	bool sent;

	if (h->etag && peer_header(request, "if-none-match", value, sizeof(value)) &&
		!strcmp(value, h->etag))
		return peer_send(fd, "HTTP/1.1 304 Not Modified\r\nETag: %s\r\n\r\n", h->etag);
	if (peer_header(request, "if-modified-since", value, sizeof(value)) && !strcmp(value, DATE))
		return peer_send(fd, "HTTP/1.1 304 Not Modified\r\n\r\n");
	buf_addf(&head, "Last-Modified: %s\r\n", DATE);
	if (h->etag)
		buf_addf(&head, "ETag: %s\r\n", h->etag);
	if (h->type)
		buf_addf(&head, "Content-Type: %s\r\n", h->type);
	sent = peer_answer(fd, "200 OK", head.data, h->content);
	buf_release(&head);
	return sent;
}

static bool find(struct web *w, int fd, const struct peer_request *request)
{
	const char *path = request->path + 5;
	int i;

	if (strncmp(request->path, "/dav/", 5) != 0)
		return peer_answer(fd, "404 Not Found", "", "no");
	if (!strcmp(request->method, "PROPFIND"))
		return list(w, fd, path);
	for (i = 0; i < FILES_MAX; i++)
		if (w->files[i].path && !strcmp(w->files[i].path, path))
			return get(fd, request, &w->files[i]);
	return peer_answer(fd, "404 Not Found", "", "no");
}

static bool serve(void *arg, int fd, const struct peer_request *request)
{
	struct web *w = arg;
	hook_fn hook = w->hook;
	bool more;

	if (hook && hook(w, fd, request))
		return true;
	pthread_mutex_lock(&w->mutex);
	if (!strcmp(request->method, "REPORT"))
		more = peer_answer(fd, "501 Not Implemented", "", "");
	else
		more = find(w, fd, request);
	pthread_mutex_unlock(&w->mutex);
	return more;
}

void web_hold(struct web *w, const char *path, const char *content, const char *etag)
{
	int free_one = -1;

	pthread_mutex_lock(&w->mutex);
	for (int i = FILES_MAX - 1; i >= 0; i--) {
		if (!w->files[i].path)
			free_one = i;
		else if (!strcmp(w->files[i].path, path)) {
			free_one = i;
			break;
		}
	}
	w->files[free_one] = (struct held){path, content, etag, NULL, NULL, 0, false};
	pthread_mutex_unlock(&w->mutex);
}

struct held *web_held(struct web *w, const char *path)
{
	for (int i = 0; i < FILES_MAX; i++)
		if (w->files[i].path && !strcmp(w->files[i].path, path))
			return &w->files[i];
	fail_msg("%s", path);
	return NULL;
}

void web_drop(struct web *w, const char *path)
{
	web_held(w, path)->path = NULL;
}

int web_setup(void **arg)
{
	struct web *w = calloc(1, sizeof(*w));
	struct source_row row = {.name = "dav", .config = "{}"};

	pthread_mutex_init(&w->mutex, NULL);
	scratch_init(&w->scratch);
	assert_int_equal(catalog_open(w->scratch.path, NULL, &w->catalog, NULL), 0);
	assert_int_equal(catalog_source_put(w->catalog, &row, NULL), 0);
	w->source = row.id;
	assert_int_equal(source_config_init(&w->config), 0);
	w->limits = walk_limits_default;
	w->peer = peer_start(serve, w);
	if (asprintf(&w->config.url, "%sdav/", peer_url(w->peer)) < 0)
		return -1;
	w->config.kind = SOURCE_WEBDAV;
	web_hold(w, "a.md", "alpha", "\"a1\"");
	web_hold(w, "b.md", "beta", "\"b1\"");
	web_hold(w, "sub/", NULL, NULL);
	web_hold(w, "sub/c.md", "gamma", "\"c1\"");
	web_hold(w, "sub/deep/", NULL, NULL);
	web_hold(w, "sub/deep/d%20%23.md", "delta", "\"d1\"");
	*arg = w;
	return 0;
}

int web_teardown(void **arg)
{
	struct web *w = *arg;

	peer_stop(w->peer);
	sync_result_release(&w->result);
	catalog_close(w->catalog);
	scratch_release(&w->scratch);
	w->config.password = w->config.token = NULL;
	source_config_release(&w->config);
	free(w->memory);
	pthread_mutex_destroy(&w->mutex);
	free(w);
	return 0;
}

int web_sync(struct web *w)
{
	struct sync_start start = {.catalog = w->catalog,
		.config = &w->config,
		.source = w->source,
		.memory = w->memory,
		.clock = &clock_system,
		.stop = &w->stop};
	struct sync *sync;
	int r;

	sync_result_release(&w->result);
	w->result = (struct sync_result){0};
	w->err = (struct error){0};
	assert_int_equal(sync_begin(&start, &sync, &w->err), 0);
	r = walk_run(sync, &w->limits, &w->err);
	sync_end(sync, r, r ? &w->err : NULL, &w->result);
	if (w->result.memory) {
		free(w->memory);
		w->memory = strdup(w->result.memory);
	}
	return r;
}

void web_expect_sync(struct web *w)
{
	int r = web_sync(w);

	if (r || w->result.status || w->result.failed)
		fail_msg("%d, %d, %d failed: %s %s", r, w->result.status, (int)w->result.failed,
			w->err.text, w->result.error.text);
}

void web_expect_file(struct web *w, const char *path, const char *content)
{
	struct entry e = {0};
	char *bytes = NULL;
	size_t len = 0;
	int r = catalog_find(w->catalog, w->source, path, &e);

	if (!content) {
		if (r != -ENOENT)
			fail_msg("%s is there", path);
		return;
	}
	if (r)
		fail_msg("%s is not there", path);
	assert_true(e.fetched);
	assert_int_equal(
		object_load(catalog_objects(w->catalog), &e.object, e.size, 1 << 24, &bytes, &len),
		0);
	if (len != strlen(content) || memcmp(bytes, content, len) != 0)
		fail_msg("%s is \"%.*s\", not \"%s\"", path, (int)len, bytes, content);
	free(bytes);
	entry_release(&e);
}

void web_expect_all(struct web *w)
{
	web_expect_file(w, "a.md", "alpha");
	web_expect_file(w, "b.md", "beta");
	web_expect_file(w, "sub/c.md", "gamma");
	web_expect_file(w, "sub/deep/d #.md", "delta");
}

bool web_answer_get(int fd, const struct peer_request *request, const char *path,
	const char *status, const char *head, const char *body)
{
	return !strcmp(request->method, "GET") && !strcmp(request->path, path) &&
	       (peer_answer(fd, status, head, body), true);
}
