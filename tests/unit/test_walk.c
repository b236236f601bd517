#include "webdav/walk.h"

#include "core/base/clock.h"
#include "tests/unit/peer.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include <cmocka.h>

#define FILES_MAX 64
#define DATE      "Tue, 18 Nov 2025 12:00:00 GMT"

/* What the server has: paths below its base, a collection's with a slash at the end. */
struct held {
	const char *path, *content;
	const char *etag; /* NULL: none */
	const char *more; /* within the response instead of a propstat with 200; NULL */
	const char *type;
	int size;  /* that is listed; 0: the content's; -1: no collection, whatever its path */
	bool bare; /* the listing tells its name alone, and GET the rest */
};

struct world;
/* Answers itself, where it says so by true. */
typedef bool (*hook_fn)(struct world *, int fd, const struct peer_request *);

struct world {
	struct scratch scratch;
	struct catalog *catalog;
	int64_t source;
	struct source_config config;
	struct plain secret;
	struct walk_limits limits;
	struct peer *peer;
	char *memory;
	atomic_bool stop;
	struct sync_result result;
	struct error err;

	pthread_mutex_t mutex; /* guards what the server has, and what it is to do */
	struct held files[FILES_MAX];
	_Atomic(hook_fn) hook;
	atomic_int times; /* the hook's own, as */
	atomic_int gets;  /* is this */
};

/* The server. */

static bool is_dir(const struct held *h)
{
	size_t len = strlen(h->path);

	return len == 0 || h->path[len - 1] == '/';
}

static void add_response(struct buf *out, const struct held *h)
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

static bool send_multistatus(int fd, struct buf *members, const char *token)
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

static bool list(struct world *w, int fd, const char *dir)
{
	struct buf members = BUF_INIT;
	size_t len = strlen(dir);

	for (int i = 0; i < FILES_MAX; i++)
		if (w->files[i].path && len == strlen(w->files[i].path) + 1 &&
			!strncmp(w->files[i].path, dir, len - 1)) { /* a file, with a slash */
			add_response(&members, &(struct held){dir, "", .etag = NULL, .size = -1});
			return send_multistatus(fd, &members, NULL);
		}
	add_response(&members, &(struct held){.path = dir});
	for (int i = 0; i < FILES_MAX; i++)
		if (w->files[i].path && stands_in(w->files[i].path, dir))
			add_response(&members, &w->files[i]);
	return send_multistatus(fd, &members, NULL);
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

static bool find(struct world *w, int fd, const struct peer_request *request)
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
	struct world *w = arg;
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

static void hold(struct world *w, const char *path, const char *content, const char *etag)
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

static struct held *held(struct world *w, const char *path)
{
	for (int i = 0; i < FILES_MAX; i++)
		if (w->files[i].path && !strcmp(w->files[i].path, path))
			return &w->files[i];
	fail_msg("%s", path);
	return NULL;
}

static void drop(struct world *w, const char *path)
{
	held(w, path)->path = NULL;
}

/* The client. */

static int set_up(void **arg)
{
	struct world *w = calloc(1, sizeof(*w));
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
	hold(w, "a.md", "alpha", "\"a1\"");
	hold(w, "b.md", "beta", "\"b1\"");
	hold(w, "sub/", NULL, NULL);
	hold(w, "sub/c.md", "gamma", "\"c1\"");
	hold(w, "sub/deep/", NULL, NULL);
	hold(w, "sub/deep/d%20%23.md", "delta", "\"d1\"");
	*arg = w;
	return 0;
}

static int tear_down(void **arg)
{
	struct world *w = *arg;

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

/* One sync; its errno. */
static int sync_once(struct world *w)
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

static void expect_sync(struct world *w)
{
	int r = sync_once(w);

	if (r || w->result.status || w->result.failed)
		fail_msg("%d, %d, %d failed: %s %s", r, w->result.status, (int)w->result.failed,
			w->err.text, w->result.error.text);
}

/* NULL: it is not there. */
static void expect_file(struct world *w, const char *path, const char *content)
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

static void expect_all(struct world *w)
{
	expect_file(w, "a.md", "alpha");
	expect_file(w, "b.md", "beta");
	expect_file(w, "sub/c.md", "gamma");
	expect_file(w, "sub/deep/d #.md", "delta");
}

static void test_everything_comes(void **arg)
{
	struct world *w = *arg;

	expect_sync(w);
	expect_all(w);
	assert_int_equal(w->result.added, 4);
	assert_int_equal(peer_seen(w->peer, "PROPFIND"), 3);
	assert_int_equal(peer_seen(w->peer, "GET"), 4);
	assert_int_equal(peer_seen(w->peer, "Depth: infinity"), 0);
}

static void test_nothing_changed_fetches_nothing(void **arg)
{
	struct world *w = *arg;

	expect_sync(w);
	expect_sync(w);
	assert_int_equal(peer_seen(w->peer, "GET"), 4);
	assert_int_equal(peer_seen(w->peer, "PROPFIND"), 6);
	assert_int_equal(w->result.unchanged, 4);
}

static void test_changes_renames_and_deletions(void **arg)
{
	struct world *w = *arg;

	expect_sync(w);
	hold(w, "a.md", "alpha two", "\"a2\"");
	drop(w, "b.md");
	drop(w, "sub/deep/");
	drop(w, "sub/deep/d%20%23.md");
	hold(w, "sub/e.md", "beta", "\"b1\"");
	expect_sync(w);
	expect_file(w, "a.md", "alpha two");
	expect_file(w, "b.md", NULL);
	expect_file(w, "sub/e.md", "beta");
	expect_file(w, "sub/deep/d #.md", NULL);
	expect_file(w, "sub/deep", NULL);
	assert_int_equal(peer_seen(w->peer, "GET"), 6);
}

/* Where a listing tells nothing of its members, they are asked for under a condition; a weak etag
 * is none. */
static void test_not_modified(void **arg)
{
	struct world *w = *arg;

	held(w, "a.md")->bare = held(w, "b.md")->bare = held(w, "sub/c.md")->bare = true;
	held(w, "b.md")->etag = NULL;
	held(w, "sub/c.md")->etag = "W/\"c1\"";
	expect_sync(w);
	assert_int_equal(peer_seen(w->peer, "If-"), 0);
	expect_sync(w);
	expect_all(w);
	assert_int_equal(peer_seen(w->peer, "If-None-Match: \"a1\"\r\n"), 1);
	assert_int_equal(peer_seen(w->peer, "If-Modified-Since: " DATE "\r\n"), 1);
	assert_int_equal(peer_seen(w->peer, "W/"), 0);
	assert_int_equal(peer_seen(w->peer, "GET /dav/sub/c.md"), 2);
}

static void test_it_is_found_too_large_when_it_comes(void **arg)
{
	struct world *w = *arg;
	struct entry e = {0};

	held(w, "a.md")->bare = true;
	w->config.max_file = 4;
	expect_sync(w);
	assert_int_equal(catalog_find(w->catalog, w->source, "a.md", &e), 0);
	assert_false(e.fetched);
	assert_int_equal(e.size, 5);
	entry_release(&e);
}

static bool answer_get(int fd, const struct peer_request *request, const char *path,
	const char *status, const char *head, const char *body)
{
	return !strcmp(request->method, "GET") && !strcmp(request->path, path) &&
	       (peer_answer(fd, status, head, body), true);
}

static const struct {
	const char *status, *head, *body;
} refusals[] = {
	{"403 Forbidden", "", "no"},
	{"404 Not Found", "", "no"},
	{"410 Gone", "", "no"},
	{"423 Locked", "", "no"},
	{"500 Oops", "", "no"},
	{"503 Later", "", "no"},
	{"507 Full", "", "no"},
	{"401 Who", "WWW-Authenticate: Basic realm=\"x\"\r\n", "no"},
	{"200 OK", "Content-Type: text/html; charset=utf-8\r\n", "<title>Log in</title>"},
	{"200 OK", "Content-Type: text/plain\r\n", "error"}, /* 5 bytes, and 9 are listed */
	{"200 OK", "Content-Encoding: gzip\r\n", "squeezed"},
	{"201 Created", "", "made"},
	{"206 Part", "Content-Range: bytes 0-3/9\r\n", "part"},
	{"304 Not Modified", "", ""},
	{"302 Found", "Location: http://127.0.0.2/\r\n", ""},
};

static bool refuse_one(struct world *w, int fd, const struct peer_request *request)
{
	const int i = atomic_load(&w->times);

	return answer_get(
		fd, request, "/dav/a.md", refusals[i].status, refusals[i].head, refusals[i].body);
}

static void test_what_can_not_be_had_stays(void **arg)
{
	struct world *w = *arg;

	expect_sync(w);
	hold(w, "a.md", "alpha two", "\"a2\"");
	held(w, "a.md")->type = "text/markdown";
	w->hook = refuse_one;
	for (w->times = 0; w->times < (int)(sizeof(refusals) / sizeof(*refusals)); w->times++) {
		if (sync_once(w) || w->result.failed != 1)
			fail_msg("%s: %d %s", refusals[w->times].status, (int)w->result.failed,
				w->err.text);
		assert_true(w->result.error.text[0]);
		expect_all(w);
	}
	w->hook = NULL;
	expect_sync(w);
	expect_file(w, "a.md", "alpha two");
}

static void test_members_that_can_not_be_listed_stay(void **arg)
{
	static const char *const answers[] = {"<D:status>HTTP/1.1 403 Forbidden</D:status>",
		"<D:status>HTTP/1.1 404 Not Found</D:status>",
		"<D:status>HTTP/1.1 507 Insufficient Storage</D:status>",
		"<D:propstat><D:prop/><D:status>HTTP/1.1 403 Forbidden</D:status></D:propstat>"};
	struct world *w = *arg;

	expect_sync(w);
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		held(w, "a.md")->more = answers[i];
		held(w, "sub/")->more = answers[i];
		assert_int_equal(sync_once(w), 0);
		assert_int_equal(w->result.failed, 2);
		expect_all(w);
	}
	hold(w, "b.md", "beta two", "\"b2\"");
	assert_int_equal(sync_once(w), 0);
	expect_file(w, "b.md", "beta two");
	expect_file(w, "a.md", "alpha");
}

#define SELF(path)                                                                                 \
	"<response><href>/dav/" path "</href><propstat><prop><resourcetype><collection/>"          \
	"</resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat></response>"
#define DAV(members) "<multistatus xmlns=\"DAV:\">" members "</multistatus>"

/* What is wrong with the listing of a collection. */
static const struct {
	const char *status, *head, *body;
} listings[] = {
	{"404 Not Found", "", ""},
	{"500 Oops", "", ""},
	{"200 OK", "Content-Type: text/html\r\n", "<html>Log in</html>"},
	{"200 OK", "Content-Type: application/xml\r\n", DAV(SELF("") SELF("sub/"))},
	{"207 Multi-Status", "", ""},
	{"207 Multi-Status", "", "<html/>"},
	{"207 Multi-Status", "", DAV("")},
	{"207 Multi-Status", "", DAV(SELF("other/"))},
	{"207 Multi-Status", "", DAV(SELF("../"))},
	{"207 Multi-Status", "", "<multistatus xmlns=\"DAV:\">" SELF("") SELF("sub/")},
	{"207 Multi-Status", "", DAV(SELF("") SELF("sub/")) "<more/>"},
	{"207 Multi-Status", "", "<!DOCTYPE a [<!ENTITY b \"c\">]>" DAV(SELF("") SELF("sub/"))},
	{"207 Multi-Status", "Transfer-Encoding: chunked\r\n", DAV(SELF("") SELF("sub/"))},
	{"302 Found", "Location: file:///etc/passwd\r\n", ""},
};

static bool spoil(struct world *w, int fd, const struct peer_request *request)
{
	const int times = atomic_load(&w->times), i = times / 2;
	const char *base = times & 1 ? "/dav/" : "/dav/sub/";

	return !strcmp(request->method, "PROPFIND") && !strcmp(request->path, base) &&
	       (peer_answer(fd, listings[i].status, listings[i].head, listings[i].body), true);
}

/* The same whole, and in the right size, but cut while it is sent. */
static bool cut_listing(struct world *w, int fd, const struct peer_request *request)
{
	(void)w;
	if (strcmp(request->method, "PROPFIND") != 0 || strcmp(request->path, "/dav/") != 0)
		return false;
	peer_send(fd, "HTTP/1.1 207 Multi-Status\r\nContent-Length: 5000\r\n\r\n%s", DAV(SELF("")));
	shutdown(fd, SHUT_RDWR);
	return true;
}

static void test_a_spoilt_listing_deletes_nothing(void **arg)
{
	struct world *w = *arg;
	int r;

	expect_sync(w);
	w->hook = spoil;
	for (w->times = 0; w->times < 2 * (int)(sizeof(listings) / sizeof(*listings)); w->times++) {
		r = sync_once(w);
		if (w->times & 1 ? !r : (r || w->result.failed < 1))
			fail_msg("%d: %d, %d failed: %s", w->times, r, (int)w->result.failed,
				w->result.error.text);
		expect_all(w);
	}
	w->hook = cut_listing;
	assert_int_equal(sync_once(w), -ECONNRESET);
	expect_all(w);
	w->hook = NULL;
	drop(w, "a.md");
	expect_sync(w);
	expect_file(w, "a.md", NULL);
}

static void test_a_base_that_is_a_file(void **arg)
{
	struct world *w = *arg;
	struct buf url = BUF_INIT;

	buf_addf(&url, "%sdav/sub/c.md", peer_url(w->peer));
	free(w->config.url);
	w->config.url = buf_detach(&url, NULL);
	assert_int_equal(sync_once(w), -ENOTDIR);
	expect_file(w, "c.md", NULL);
}

static void test_hrefs_that_lead_elsewhere_are_left_out(void **arg)
{
	struct world *w = *arg;

	hold(w, "../x.md", "x", NULL);
	hold(w, "%2e%2e%2fx.md", "x", NULL);
	hold(w, "y%2fz.md", "x", NULL);
	hold(w, "n%00.md", "x", NULL);
	hold(w, "sub/../a.md", "x", NULL);
	assert_int_equal(sync_once(w), 0);
	assert_true(w->result.failed > 0);
	expect_all(w);
	assert_int_equal(peer_seen(w->peer, "x.md"), 0);
	assert_int_equal(peer_seen(w->peer, "z.md"), 0);
}

static bool want_password(struct world *w, int fd, const struct peer_request *request)
{
	char value[128] = "";

	(void)w;
	peer_header(request, "authorization", value, sizeof(value));
	if (!strcmp(value, "Basic dTpw"))
		return false;
	return peer_answer(fd, "401 Who", "WWW-Authenticate: Basic realm=\"x\"\r\n", "who are you");
}

static void test_credentials_that_are_refused_end_the_sync(void **arg)
{
	struct world *w = *arg;
	int before;

	w->secret = (struct plain){1, (char *)(uintptr_t) "p"};
	w->config.username = strdup("u");
	w->config.password = &w->secret;
	w->hook = want_password;
	expect_sync(w);
	expect_all(w);
	before = peer_requests(w->peer);
	w->secret.text = (char *)(uintptr_t) "q";
	assert_int_equal(sync_once(w), -EACCES);
	assert_int_equal(peer_requests(w->peer), before + 2);
	expect_all(w);
}

static const char *const later[] = {
	"86400", "3600", "Fri, 31 Dec 2027 23:59:59 GMT", "-5", "soon", "99999999999999999999"};

static bool come_later(struct world *w, int fd, const struct peer_request *request)
{
	char head[128];

	if (strcmp(request->path, "/dav/sub/c.md") != 0)
		return false;
	snprintf(head, sizeof(head), "Retry-After: %s\r\n", later[atomic_load(&w->times)]);
	return peer_answer(fd, "429 Too Many", head, "later");
}

static void test_a_server_that_asks_for_time_is_left_alone(void **arg)
{
	struct world *w = *arg;
	int before;

	w->hook = come_later;
	for (w->times = 0; w->times < 6; w->times++) {
		before = peer_seen(w->peer, "c.md");
		assert_int_equal(sync_once(w), -EAGAIN);
		assert_int_equal(peer_seen(w->peer, "c.md"), before + 1);
		assert_in_range(w->result.retry_after_us, SECOND_US, 3600 * SECOND_US);
		expect_file(w, "sub/c.md", NULL);
	}
	w->hook = NULL;
	expect_sync(w);
	expect_all(w);
}

static bool busy_twice(struct world *w, int fd, const struct peer_request *request)
{
	if (strcmp(request->path, "/dav/sub/c.md") != 0 || w->times++ >= 2)
		return false;
	return peer_answer(fd, "503 Busy", "Retry-After: 0\r\n", "");
}

static void test_a_short_wait_is_waited_out(void **arg)
{
	struct world *w = *arg;

	w->hook = busy_twice;
	expect_sync(w);
	expect_all(w);
	assert_int_equal(peer_seen(w->peer, "/c.md"), 3);
}

static void test_a_server_that_is_down_changes_nothing(void **arg)
{
	struct world *w = *arg;

	expect_sync(w);
	peer_stop(w->peer);
	w->peer = NULL;
	assert_int_equal(sync_once(w), -ECONNREFUSED);
	expect_all(w);
}

static bool die(struct world *w, int fd, const struct peer_request *request)
{
	(void)w;
	if (strcmp(request->method, "GET") != 0)
		return false;
	peer_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nal");
	shutdown(fd, SHUT_RDWR);
	return true;
}

static void test_what_was_cut_is_not_shown(void **arg)
{
	struct world *w = *arg;

	w->hook = die;
	assert_int_equal(sync_once(w), 0);
	assert_int_equal(w->result.failed, 4);
	expect_file(w, "a.md", NULL);
	w->hook = NULL;
	expect_sync(w);
	expect_all(w);
}

static bool die_after_ten(struct world *w, int fd, const struct peer_request *request)
{
	if (strcmp(request->method, "GET") != 0 || atomic_fetch_add(&w->gets, 1) < 10)
		return false;
	shutdown(fd, SHUT_RDWR);
	return true;
}

/* A server that goes out of order in the middle is not asked for everything; and what came before
 * is not fetched again. */
static void test_a_server_that_breaks_down_in_the_middle(void **arg)
{
	static char names[58][16];
	struct world *w = *arg;

	w->limits.http.transfers = 1; /* so that what is in a row is known */
	for (int i = 0; i < 58; i++) {
		snprintf(names[i], sizeof(names[i]), "n%02d.md", i);
		hold(w, names[i], names[i], "\"n\"");
	}
	w->hook = die_after_ten;
	assert_int_equal(sync_once(w), -ECONNRESET);
	assert_int_equal(w->result.added, 10);
	assert_int_equal(w->result.failed, 32);
	w->hook = NULL;
	expect_sync(w);
	assert_int_equal(w->result.unchanged, 10);
	assert_int_equal(w->result.added, 52);
	for (int i = 0; i < 58; i++)
		expect_file(w, names[i], names[i]);
}

/* A large file that is cut three times; what has come is not asked for again. */
static char large[300001];

static bool cut_large(struct world *w, int fd, const struct peer_request *request)
{
	char range[64] = "", etag[64] = "";
	size_t from = 0, len = sizeof(large) - 1;

	if (strcmp(request->path, "/dav/large.bin") != 0)
		return false;
	if (peer_header(request, "range", range, sizeof(range))) {
		from = strtoul(range + 6, NULL, 10);
		peer_header(request, "if-range", etag, sizeof(etag));
	}
	if (from && !strcmp(etag, "\"L\"") && w->times < 100)
		peer_send(fd,
			"HTTP/1.1 206 Partial\r\nETag: \"L\"\r\nContent-Length: %zu\r\n"
			"Content-Range: bytes %zu-%zu/%zu\r\n\r\n",
			len - from, from, len - 1, len);
	else {
		from = 0;
		peer_send(fd, "HTTP/1.1 200 OK\r\nETag: \"%s\"\r\nContent-Length: %zu\r\n\r\n",
			w->times < 100 ? "L" : "M", len);
	}
	w->times++;
	if (len - from > 100000) {
		peer_bytes(fd, large + from, 100000);
		shutdown(fd, SHUT_RDWR);
		return true;
	}
	return peer_bytes(fd, large + from, len - from);
}

static void test_a_transfer_that_was_cut_goes_on(void **arg)
{
	struct world *w = *arg;

	for (size_t i = 0; i < sizeof(large) - 1; i++)
		large[i] = (char)('a' + i % 23);
	hold(w, "large.bin", large, "\"L\"");
	w->hook = cut_large;
	expect_sync(w);
	expect_file(w, "large.bin", large);
	assert_int_equal(peer_seen(w->peer, "large.bin"), 3);
	assert_int_equal(peer_seen(w->peer, "Range: bytes=100000-"), 1);
	assert_int_equal(peer_seen(w->peer, "Range: bytes=200000-"), 1);
}

static bool lie(struct world *w, int fd, const struct peer_request *request)
{
	char range[64];

	(void)w;
	if (strcmp(request->path, "/dav/large.bin") != 0)
		return false;
	if (peer_header(
		    request, "range", range, sizeof(range))) /* not the part that was asked for */
		return peer_send(fd, "HTTP/1.1 206 Partial\r\nETag: \"L\"\r\nContent-Length: 5\r\n"
				     "Content-Range: bytes 7-11/300000\r\n\r\nhello");
	peer_send(fd, "HTTP/1.1 200 OK\r\nETag: \"L\"\r\nContent-Length: 300000\r\n\r\n");
	peer_bytes(fd, large, 100000);
	shutdown(fd, SHUT_RDWR);
	return true;
}

static void test_a_wrong_part_is_not_taken(void **arg)
{
	struct world *w = *arg;

	memset(large, 'x', sizeof(large) - 1);
	hold(w, "large.bin", large, "\"L\"");
	w->hook = lie;
	assert_int_equal(sync_once(w), 0);
	assert_int_equal(w->result.failed, 1);
	expect_file(w, "large.bin", NULL);
}

static bool endless(struct world *w, int fd, const struct peer_request *request)
{
	(void)w;
	if (strcmp(request->path, "/dav/a.md") != 0)
		return false;
	peer_send(fd, "HTTP/1.1 200 OK\r\n\r\n");
	while (peer_bytes(fd, large, sizeof(large)))
		;
	return true;
}

static void test_an_endless_body_ends(void **arg)
{
	struct world *w = *arg;

	w->config.max_file = 1 << 20;
	w->hook = endless;
	assert_int_equal(sync_once(w), 0);
	assert_int_equal(w->result.failed, 1);
	expect_file(w, "a.md", NULL);
	expect_file(w, "b.md", "beta");
}

static void test_what_is_too_large_is_shown_and_not_fetched(void **arg)
{
	struct world *w = *arg;
	struct entry e = {0};

	w->config.max_file = 4;
	expect_sync(w);
	expect_file(w, "b.md", "beta");
	assert_int_equal(catalog_find(w->catalog, w->source, "a.md", &e), 0);
	assert_false(e.fetched);
	assert_int_equal(e.size, 5);
	assert_int_equal(peer_seen(w->peer, "/a.md"), 0);
	entry_release(&e);
}

static bool hang(struct world *w, int fd, const struct peer_request *request)
{
	char byte;

	if (strcmp(request->method, "GET") != 0)
		return false;
	atomic_store(&w->stop, true);
	return recv(fd, &byte, 1, 0) <= 0;
}

static void test_it_stops_while_a_server_hangs(void **arg)
{
	struct world *w = *arg;

	w->hook = hang;
	assert_int_equal(sync_once(w), -ECANCELED);
	expect_file(w, "a.md", NULL);
}

/* A collection in each collection, for ever. */
static bool bottomless(struct world *w, int fd, const struct peer_request *request)
{
	struct buf members = BUF_INIT;
	char path[2100];

	(void)w;
	if (strcmp(request->method, "PROPFIND") != 0)
		return false;
	snprintf(path, sizeof(path), "%s", request->path + 5);
	add_response(&members, &(struct held){.path = path});
	snprintf(path, sizeof(path), "%sd/", request->path + 5);
	add_response(&members, &(struct held){.path = path});
	return send_multistatus(fd, &members, NULL);
}

static void test_collections_without_end_end(void **arg)
{
	struct world *w = *arg;

	w->hook = bottomless;
	assert_int_equal(sync_once(w), 0);
	assert_int_equal(w->result.failed, 1);
	assert_in_range(peer_requests(w->peer), DAV_DEPTH_MAX, DAV_DEPTH_MAX + 3);
}

/* sync-collection: the token is a number; a change since an older one is told of. */
static bool report(struct world *w, int fd, const struct peer_request *request)
{
	struct buf members = BUF_INIT;
	const char *gone = "<D:status>HTTP/1.1 404 Not Found</D:status>";
	const char *full = "<D:status>HTTP/1.1 507 Full</D:status>";

	if (strcmp(request->method, "REPORT") != 0)
		return false;
	if (strstr(request->body, "<sync-token></sync-token>")) {
		pthread_mutex_lock(&w->mutex);
		for (int i = 0; i < FILES_MAX; i++)
			if (w->files[i].path)
				add_response(&members, &w->files[i]);
		pthread_mutex_unlock(&w->mutex);
		return send_multistatus(fd, &members, "t&amp;1");
	}
	if (strstr(request->body, "t&amp;1<")) { /* the first page of two */
		add_response(&members, &(struct held){.path = "", .more = full});
		add_response(&members, &(struct held){.path = "b.md", .more = gone});
		return send_multistatus(fd, &members, "t2");
	}
	if (strstr(request->body, ">t2<")) {
		add_response(&members, held(w, "sub/c.md"));
		return send_multistatus(fd, &members, "t3");
	}
	if (strstr(request->body, ">t3<"))
		return send_multistatus(fd, &members, "t3");
	if (strstr(request->body, ">round")) {
		add_response(&members, &(struct held){.path = "", .more = full});
		return send_multistatus(
			fd, &members, strstr(request->body, "round-1") ? "round-2" : "round-1");
	}
	return peer_answer(fd, "403 Forbidden", "Content-Type: application/xml\r\n",
		"<error xmlns=\"DAV:\"><valid-sync-token/></error>");
}

static void test_changes_by_token(void **arg)
{
	struct world *w = *arg;

	w->hook = report;
	expect_sync(w);
	expect_all(w);
	assert_string_equal(w->memory, "t&1");
	drop(w, "b.md");
	hold(w, "sub/c.md", "gamma two", "\"c2\"");
	expect_sync(w);
	expect_file(w, "b.md", NULL);
	expect_file(w, "sub/c.md", "gamma two");
	expect_file(w, "a.md", "alpha");
	assert_string_equal(w->memory, "t3");
	assert_int_equal(peer_seen(w->peer, "PROPFIND"), 3);
	expect_sync(w);
	assert_int_equal(peer_seen(w->peer, "PROPFIND"), 3);
	assert_int_equal(peer_seen(w->peer, "GET"), 5);
}

static void test_an_invalid_token_means_one_full_sync(void **arg)
{
	struct world *w = *arg;

	w->hook = report;
	w->memory = strdup("forgotten");
	expect_sync(w);
	expect_all(w);
	assert_int_equal(peer_seen(w->peer, "REPORT"), 2);
	assert_string_equal(w->memory, "t&1");
}

static void test_pages_that_go_round_end(void **arg)
{
	struct world *w = *arg;

	w->hook = report;
	w->memory = strdup("round-1");
	expect_sync(w);
	expect_all(w);
	assert_in_range(peer_seen(w->peer, "REPORT"), 3, 10);
	assert_string_equal(w->memory, "t&1");
}

/* What could not be fetched would not be told of again. */
static bool report_and_refuse(struct world *w, int fd, const struct peer_request *request)
{
	return report(w, fd, request) ||
	       answer_get(fd, request, "/dav/sub/c.md", "403 Forbidden", "", "no");
}

static void test_a_token_is_kept_only_without_trouble(void **arg)
{
	struct world *w = *arg;

	w->hook = report;
	expect_sync(w);
	hold(w, "sub/c.md", "gamma two", "\"c2\"");
	w->hook = report_and_refuse;
	assert_int_equal(sync_once(w), 0);
	assert_int_equal(w->result.failed, 1);
	assert_string_equal(w->memory, "t&1");
	w->hook = report;
	expect_sync(w);
	expect_file(w, "sub/c.md", "gamma two");
	assert_string_equal(w->memory, "t3");
}

/* A server that tells of the outermost collection alone. */
static bool report_flat(struct world *w, int fd, const struct peer_request *request)
{
	struct buf members = BUF_INIT;

	if (strcmp(request->method, "REPORT") != 0)
		return false;
	add_response(&members, held(w, "a.md"));
	add_response(&members, held(w, "sub/"));
	return send_multistatus(fd, &members, "flat");
}

static void test_a_report_without_inner_collections_is_not_trusted(void **arg)
{
	struct world *w = *arg;

	w->hook = report_flat;
	expect_sync(w);
	expect_all(w);
	hold(w, "sub/c.md", "gamma two", "\"c2\"");
	expect_sync(w);
	expect_file(w, "sub/c.md", "gamma two");
}

/* All of the source is elsewhere by now, and so is one of the collections in it. A REPORT there has
 * hrefs that no base of ours explains. */
static bool moved(struct world *w, int fd, const struct peer_request *request)
{
	struct buf members = BUF_INIT, head = BUF_INIT;
	const char *path = request->path;
	bool sent;

	if (!strcmp(request->method, "REPORT") && !strcmp(path, "/dav/")) {
		add_response(&members, held(w, "a.md"));
		return send_multistatus(fd, &members, "moved");
	}
	if (strncmp(path, "/old/", 5) != 0)
		return false;
	path += 5;
	if (strncmp(path, "sub/deep/", 9) == 0)
		buf_addf(&head, "Location: /dav/away/%s\r\n", path + 9);
	else
		buf_addf(&head, "Location: /dav/%s\r\n", path);
	sent = peer_answer(fd, "301 Moved Permanently", head.data, "");
	buf_release(&head);
	return sent;
}

static void test_what_was_moved_within_the_origin_is_followed(void **arg)
{
	struct world *w = *arg;

	hold(w, "away/", NULL, NULL);
	hold(w, "away/d%20%23.md", "delta", "\"d1\"");
	drop(w, "sub/deep/d%20%23.md");
	free(w->config.url);
	assert_true(asprintf(&w->config.url, "%sold/", peer_url(w->peer)) > 0);
	w->hook = moved;
	expect_sync(w);
	expect_all(w);
	expect_file(w, "away/d #.md", "delta");
	assert_null(w->memory);
	hold(w, "sub/c.md", "gamma two", "\"c2\"");
	drop(w, "away/d%20%23.md");
	expect_sync(w);
	expect_file(w, "a.md", "alpha");
	expect_file(w, "sub/c.md", "gamma two");
	expect_file(w, "sub/deep/d #.md", NULL);
	expect_file(w, "away/d #.md", NULL);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(test_everything_comes),
		EACH(test_nothing_changed_fetches_nothing),
		EACH(test_changes_renames_and_deletions),
		EACH(test_not_modified),
		EACH(test_it_is_found_too_large_when_it_comes),
		EACH(test_what_can_not_be_had_stays),
		EACH(test_members_that_can_not_be_listed_stay),
		EACH(test_a_spoilt_listing_deletes_nothing),
		EACH(test_a_base_that_is_a_file),
		EACH(test_hrefs_that_lead_elsewhere_are_left_out),
		EACH(test_credentials_that_are_refused_end_the_sync),
		EACH(test_a_server_that_asks_for_time_is_left_alone),
		EACH(test_a_short_wait_is_waited_out),
		EACH(test_a_server_that_is_down_changes_nothing),
		EACH(test_what_was_cut_is_not_shown),
		EACH(test_a_server_that_breaks_down_in_the_middle),
		EACH(test_a_transfer_that_was_cut_goes_on),
		EACH(test_a_wrong_part_is_not_taken),
		EACH(test_an_endless_body_ends),
		EACH(test_what_is_too_large_is_shown_and_not_fetched),
		EACH(test_it_stops_while_a_server_hangs),
		EACH(test_collections_without_end_end),
		EACH(test_changes_by_token),
		EACH(test_an_invalid_token_means_one_full_sync),
		EACH(test_pages_that_go_round_end),
		EACH(test_a_token_is_kept_only_without_trouble),
		EACH(test_a_report_without_inner_collections_is_not_trusted),
		EACH(test_what_was_moved_within_the_origin_is_followed),
	};
	static const char *const proxies[] = {
		"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

	for (size_t i = 0; i < sizeof(proxies) / sizeof(*proxies); i++)
		unsetenv(proxies[i]);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
