#include "core/context/search.h"

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/context/search_private.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define SOURCES 3
#define ALICE   1000
#define BOB     1001
#define DAY     (INT64_C(86400) * 1000000)

/* The sources, in place of core/context/sources.c: docs is everyone's, code Alice's, bobs Bob's. */
static struct source fake[SOURCES] = {{.name = "docs", .uid = ALICE},
	{.name = "code", .uid = ALICE}, {.name = "bobs", .uid = BOB}};

struct source *source_ref(struct source *s)
{
	return s;
}

void source_unref(struct source *s)
{
	(void)s;
}

int sources_each(struct sources *ss, uid_t uid, int (*fn)(void *arg, struct source *), void *arg)
{
	int r = 0;

	(void)ss;
	for (int i = 0; i < SOURCES && r == 0; i++)
		if (i == 0 || fake[i].uid == uid)
			r = fn(arg, &fake[i]);
	return r;
}

void sources_get(
	struct sources *ss, struct source *s, const struct source_option *option, struct buf *out)
{
	(void)ss;
	assert_string_equal(option->name, "url");
	buf_addf(out, s == &fake[1] ? "/srv/my code\n" : "https://dav.example/%s/\n", s->name);
}

/* The world. */

struct world {
	struct scratch scratch;
	struct catalog *catalog;
	struct search *search;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct error err = {0};

	assert_non_null(w);
	scratch_init(&w->scratch);
	if (catalog_open(w->scratch.path, NULL, &w->catalog, &err))
		fail_msg("%s", err.text);
	for (int i = 0; i < SOURCES; i++) {
		struct source_row row = {.name = fake[i].name, .uid = fake[i].uid, .config = "{}"};

		assert_int_equal(catalog_source_put(w->catalog, &row, &err), 0);
		fake[i].id = row.id;
	}
	assert_int_equal(search_new(w->catalog, NULL, &w->search, &err), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	search_free(w->search);
	search_free(NULL);
	catalog_close(w->catalog);
	scratch_release(&w->scratch);
	free(w);
	return 0;
}

static void put_entry(struct world *w, int source, const char *path, bool is_dir, int64_t modified,
	const char *title, const char *body)
{
	const char *slash = strrchr(path, '/');
	struct entry e = {.source = fake[source].id,
		.is_dir = is_dir,
		.modified_us = modified,
		.size = body ? strlen(body) : 0,
		.type = (char *)(is_dir ? "" : "text/plain")};
	struct error err = {0};
	bool changed;

	e.dir = slash ? strndup(path, (size_t)(slash - path)) : strdup("");
	e.name = strdup(slash ? slash + 1 : path);
	if (catalog_put(w->catalog, &e, title, title ? strlen(title) : 0, body,
		    body ? strlen(body) : 0, 0, &changed, &err))
		fail_msg("%s: %s", path, err.text);
	free(e.dir);
	free(e.name);
}

static void put_dated(struct world *w, int source, const char *path, int64_t modified,
	const char *title, const char *body)
{
	char dir[512];

	assert_int_equal(catalog_begin(w->catalog, NULL), 0);
	for (const char *at = path; (at = strchr(at, '/')); at++) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(at - path), path);
		put_entry(w, source, dir, true, 0, NULL, NULL);
	}
	put_entry(w, source, path, false, modified, title, body);
	assert_int_equal(catalog_commit(w->catalog, NULL), 0);
}

static void put(struct world *w, int source, const char *path, const char *title, const char *body)
{
	put_dated(w, source, path, 0, title, body);
}

static struct results *run(struct world *w, const char *query, uid_t uid)
{
	struct results *r = NULL;
	struct error err = {0};

	if (search_run(w->search, query, strlen(query), uid, NULL, &r, &err))
		fail_msg("%s: %s", query, err.text);
	return r;
}

static void check_results(const struct results *r)
{
	for (size_t i = 0; i < r->count; i++) {
		assert_true(r->items[i].relevance >= 0 && r->items[i].relevance <= 1);
		assert_true(i == 0 || r->items[i].relevance <= r->items[i - 1].relevance);
		assert_true(strlen(r->items[i].snippet) <= SNIPPET_MAX);
	}
	assert_true(r->total >= (int64_t)r->count);
}

/* The paths that a query finds, best first, each behind a space. */
static void finds_for(struct world *w, uid_t uid, const char *query, const char *expected)
{
	struct results *r = run(w, query, uid);
	struct buf paths = BUF_INIT;

	check_results(r);
	buf_adds(&paths, "");
	for (size_t i = 0; i < r->count; i++)
		buf_addf(&paths, "%s%s", i ? " " : "", r->items[i].path);
	if (strcmp(paths.data, expected) != 0)
		fail_msg("%s finds %s, not %s", query, paths.data, expected);
	buf_release(&paths);
	results_unref(r);
}

static void finds(struct world *w, const char *query, const char *expected)
{
	finds_for(w, ALICE, query, expected);
}

/* Enough others that a word that is in few files counts. */
static void put_others(struct world *w)
{
	char path[32];

	for (int i = 0; i < 30; i++) {
		snprintf(path, sizeof(path), "other/%02d.txt", i);
		put(w, 0, path, "", "nothing of interest stands here");
	}
}

static void test_all_words_then_some(void **state)
{
	struct world *w = *state;
	struct results *r;

	put_others(w);
	put(w, 0, "one.md", "", "login login login login login");
	put(w, 0, "both.md", "", "the page is long, and far down it tells of a login");
	put(w, 0, "two.md", "", "page page");
	finds(w, "login page", "both.md one.md two.md");
	finds(w, "page login", "both.md one.md two.md");
	finds(w, "login page max:1", "both.md");
	r = run(w, "login page max:1", ALICE);
	assert_int_equal(r->total, 3);
	assert_true(r->items[0].relevance > 0.5);
	results_unref(r);
	r = run(w, "login page", ALICE);
	assert_int_equal(r->total, 3);
	assert_true(r->items[1].relevance <= 0.5);
	results_unref(r);
	finds(w, "login nowhere", "one.md both.md");
	finds(w, "nowhere", "");
}

static void test_path_before_title_before_body(void **state)
{
	struct world *w = *state;

	put_others(w);
	put(w, 0, "a.md", "About", "of widgets");
	put(w, 0, "b.md", "Widgets", "of others");
	put(w, 0, "widgets/c.md", "About", "of others");
	put(w, 0, "widget.md", "About", "of others");
	finds(w, "widget", "widget.md widgets/c.md b.md a.md");
}

static void test_identifiers_and_stems(void **state)
{
	struct world *w = *state;

	put_others(w);
	put(w, 0, "snake", "", "call user_authentication(x) here");
	put(w, 0, "camel", "", "the class UserAuthentication does it");
	put(w, 0, "apart", "", "the user authentication is done");
	put(w, 0, "joined", "", "userauthentication");
	put(w, 1, "src/auth.py", "", "import os");
	put(w, 0, "verb", "", "whoever authenticates");
	finds(w, "user_authentication", "camel joined apart snake");
	finds(w, "UserAuthentication", "camel joined apart snake");
	finds(w, "userauthentication", "joined camel");
	finds(w, "authenticating -user", "verb");
	finds(w, "auth.py", "src/auth.py");
	finds(w, "src/auth.py", "src/auth.py");
	finds(w, "authenticati* -user", "verb");
	finds(w, "userauth*", "joined camel");
}

static void test_phrases_and_exclusions(void **state)
{
	struct world *w = *state;

	put_others(w);
	put(w, 0, "a", "", "login bug");
	put(w, 0, "b", "", "bug at login");
	finds(w, "\"login bug\"", "a");
	finds(w, "bug -\"login bug\"", "b");
	finds(w, "login bug -at", "a");
	finds(w, "login missing -at", "a");
}

static void test_scripts_without_spaces(void **state)
{
	struct world *w = *state;

	put_others(w);
	put(w, 0, "zh", "",
		"\xe7\x94\xa8\xe6\x88\xb7\xe8\xae\xa4\xe8\xaf\x81\xe7\xb3\xbb\xe7\xbb\x9f");
	put(w, 0, "ja", "",
		"\xe3\x83\xa6\xe3\x83\xbc\xe3\x82\xb6\xe3\x83\xbc\xe8\xaa\x8d\xe8\xa8\xbc");
	put(w, 0, "accent", "", "caf\xc3\xa9");
	finds(w, "\xe8\xae\xa4\xe8\xaf\x81", "zh");
	finds(w, "\xe8\xaf\x81\xe8\xae\xa4", "");
	finds(w, "\xe8\xaa\x8d\xe8\xa8\xbc", "ja");
	finds(w, "CAFE", "accent");
}

static void test_filters(void **state)
{
	struct world *w = *state;

	put(w, 0, "api/a.md", "", "login");
	put(w, 0, "old/api/b.txt", "", "login");
	put(w, 1, "c.py", "", "login");
	put_dated(w, 0, "d.md", 10 * DAY, "", "login");
	finds(w, "login type:md since:2000-01-01", "api/a.md");
	finds(w, "login type:py", "c.py");
	finds(w, "login path:api/ type:txt", "old/api/b.txt");
	finds(w, "login source:code", "c.py");
	finds(w, "login -source:docs", "c.py");
	finds(w, "login source:none", "");
	finds(w, "login since:1d source:code", "c.py");
	finds(w, "type:md -since", "api/a.md d.md");
	finds(w, "type:md -login", "");
}

static void test_only_what_one_may_see(void **state)
{
	struct world *w = *state;
	static const char *const docs[] = {"docs", NULL}, *const others[] = {"bobs", NULL};
	struct results *r;

	put(w, 0, "everyones", "", "login");
	put(w, 1, "alices", "", "login");
	put(w, 2, "bobs", "", "login");
	finds_for(w, ALICE, "login", "alices everyones");
	finds_for(w, BOB, "login", "bobs everyones");
	finds_for(w, 5, "login", "everyones");
	assert_int_equal(search_run(w->search, "login", 5, ALICE, docs, &r, NULL), 0);
	assert_int_equal(r->total, 1);
	assert_string_equal(r->items[0].path, "everyones");
	results_unref(r);
	assert_int_equal(search_run(w->search, "login", 5, ALICE, others, &r, NULL), 0);
	assert_int_equal(r->total, 0);
	results_unref(r);
}

static void test_cached_until_the_catalog_changes(void **state)
{
	struct world *w = *state;
	struct results *first, *second, *third;

	put(w, 0, "a", "", "login");
	first = run(w, "login", ALICE);
	second = run(w, "login\n", ALICE);
	assert_false(first->cached);
	assert_true(second->cached);
	assert_int_equal(second->count, 1);
	third = run(w, "login", BOB);
	assert_false(third->cached);
	results_unref(third);
	put(w, 0, "b", "", "login");
	third = run(w, "login", ALICE);
	assert_false(third->cached);
	assert_int_equal(third->count, 2);
	assert_string_equal(second->items[0].path, "a"); /* what is held stays */
	results_unref(third);
	results_unref(second);
	results_unref(first);
}

static void test_the_cache_is_bounded(void **state)
{
	struct world *w = *state;
	struct results *r;
	char query[32];

	put(w, 0, "a", "", "login");
	for (int i = 0; i < 2 * CACHE_COUNT; i++) {
		snprintf(query, sizeof(query), "login x%d", i);
		results_unref(run(w, query, ALICE));
		r = run(w, "login x0", ALICE); /* used again and again: kept */
		assert_true(r->cached);
		results_unref(r);
	}
	r = run(w, "login x5", ALICE);
	assert_false(r->cached);
	results_unref(r);
	assert_true(w->search->bytes <= CACHE_BYTES);
}

static void test_refusals(void **state)
{
	struct world *w = *state;
	struct results *r;
	char *large = calloc(1, QUERY_MAX + 1);

	assert_int_equal(search_run(w->search, "  ", 2, ALICE, NULL, &r, NULL), -EINVAL);
	assert_non_null(large);
	memset(large, 'x', QUERY_MAX + 1);
	assert_int_equal(
		search_run(w->search, large, QUERY_MAX + 1, ALICE, NULL, &r, NULL), -EMSGSIZE);
	free(large);
}

static void test_result_names(void **state)
{
	char name[64], file[256];

	(void)state;
	result_name(1, "auth.md", name);
	assert_string_equal(name, "001-auth.md");
	result_name(100, "Makefile", name);
	assert_string_equal(name, "100-Makefile");
	memset(file, 'a', sizeof(file));
	memcpy(file + 200, ".md", 4);
	result_name(7, file, name);
	assert_int_equal(strlen(name), 63);
	assert_string_equal(name + 60, ".md");
	for (int i = 0; i < 40; i++)
		memcpy(file + 3 * i, "\xe8\xaa\x8d", 4);
	result_name(7, file, name);
	assert_true(text_is_utf8(name, strlen(name), NULL));
	assert_int_equal(strlen(name), 4 + 57);
	result_name(2, ".profile", name);
	assert_string_equal(name, "002-.profile");
}

static void snippet_is(const char *text, const char *word, const char *expected)
{
	char *words[] = {(char *)word};
	struct buf out = BUF_INIT;

	buf_adds(&out, "");
	snippet_make(text, strlen(text), words, word ? 1 : 0, &out);
	assert_string_equal(out.data, expected);
	buf_release(&out);
}

static void test_snippets(void **state)
{
	struct buf long_text = BUF_INIT, out = BUF_INIT;
	char *words[] = {(char *)"needle", (char *)"thread"};

	(void)state;
	snippet_is("", "x", "");
	snippet_is("a  b\n\n\tc\x1b[1m", "b", "a b c [1m");
	snippet_is("no such word", "other", "no such word");
	for (int i = 0; i < 100; i++)
		buf_adds(&long_text, "hay stack \xe8\xaa\x8d ");
	buf_adds(&long_text, "the Needles here; ");
	for (int i = 0; i < 100; i++)
		buf_adds(&long_text, "more hay ");
	buf_adds(&long_text, "a needle and its thread ");
	for (int i = 0; i < 100; i++)
		buf_adds(&long_text, "hay ");
	snippet_make(long_text.data, long_text.len, words, 1, &out);
	assert_non_null(strstr(out.data, "the Needles here"));
	assert_true(out.len <= SNIPPET_MAX && text_is_utf8(out.data, out.len, NULL));
	buf_reset(&out);
	snippet_make(long_text.data, long_text.len, words, 2, &out);
	assert_non_null(strstr(out.data, "a needle and its thread"));
	assert_memory_equal(out.data, "\xe2\x80\xa6", 3);
	assert_memory_equal(out.data + out.len - 3, "\xe2\x80\xa6", 3);
	buf_release(&out);
	buf_release(&long_text);
}

static void test_json(void **state)
{
	struct world *w = *state;
	struct buf out = BUF_INIT;
	struct results *r;
	struct json *json;
	const struct json *file;

	put_dated(w, 1, "a dir/\"auth\" #1.md", 30 * DAY, "Title", "the login\nis here");
	r = run(w, "login", ALICE);
	assert_int_equal(results_json(w->search, r, 1 << 20, &out, NULL), 0);
	assert_int_equal(json_parse(out.data, out.len, &json, NULL), 0);
	assert_string_equal(json_text(json_get(json, "query")), "login");
	assert_int_equal(json_count(json_get(json, "matched_files")), 1);
	file = json_item(json_get(json, "matched_files"), 0);
	assert_string_equal(json_text(json_get(file, "path")), "a dir/\"auth\" #1.md");
	assert_string_equal(json_text(json_get(file, "name")), "\"auth\" #1.md");
	assert_string_equal(json_text(json_get(file, "content")), "the login\nis here");
	assert_string_equal(json_text(json_get(file, "snippet")), "the login is here");
	assert_string_equal(json_text(json_get(file, "updated_at")), "1970-01-31T00:00:00.000000Z");
	assert_string_equal(json_text(json_get(file, "source")), "code");
	assert_string_equal(json_text(json_get(file, "type")), "text/plain");
	assert_string_equal(json_text(json_get(file, "url")),
		"file:///srv/my%20code/a%20dir/%22auth%22%20%231.md");
	assert_false(json_has(file, "content_cut"));
	assert_non_null(strstr(out.data, "\"total_matches\":1,\"cached\":false}\n"));
	json_free(json);
	buf_reset(&out);
	assert_int_equal(results_json(w->search, r, 5, &out, NULL), 0);
	assert_non_null(strstr(out.data, "\"content\":\"the l\",\"content_cut\":true"));
	results_unref(r);
	buf_release(&out);
}

static size_t page(struct world *w, const char *query, size_t most, struct buf *out)
{
	struct results *r = run(w, query, ALICE);

	buf_reset(out);
	assert_int_equal(results_md(w->search, r, most, out, NULL), 0);
	assert_true(out->len <= most);
	assert_true(text_is_utf8(out->data, out->len, NULL));
	results_unref(r);
	return out->len;
}

static void test_pages(void **state)
{
	struct world *w = *state;
	struct buf out = BUF_INIT, body = BUF_INIT;
	char path[32];

	page(w, "login", 4096, &out);
	assert_non_null(strstr(out.data, "# 0 files found"));
	put(w, 0, "a`b\n# c.md", "", "login\n# 9 files found\n> quoted\x1b[2J\n");
	page(w, "login `x` # y", 4096, &out);
	assert_non_null(strstr(out.data, "# 1 file found\n"));
	assert_non_null(strstr(out.data, "\n> # 9 files found\n> > quoted [2J\n"));
	assert_null(strstr(out.data, "\n# 9"));
	assert_null(strstr(out.data, "\n# c"));
	assert_null(strchr(out.data, 0x1b));
	for (int i = 0; i < 500; i++)
		buf_addf(&body, "line %d \xe8\xaa\x8d of the login\n", i);
	for (int i = 0; i < 15; i++) {
		snprintf(path, sizeof(path), "%d.md", i);
		put(w, 0, path, "", body.data);
	}
	for (size_t most = 0; most < 40000; most = most * 5 / 4 + 41)
		if (most >= 500)
			page(w, "login max:12", most, &out);
	page(w, "login max:12", 3000, &out);
	assert_non_null(strstr(out.data, "left out here"));
	assert_true(page(w, "login max:3", 16384, &out) > 12000); /* the room is used */
	assert_non_null(strstr(out.data, "\n## 3. "));
	buf_release(&body);
	buf_release(&out);
}

static void test_what_is_not_searched_is_found_by_filters_alone(void **state)
{
	struct world *w = *state;
	struct buf out = BUF_INIT;
	struct results *r;

	put(w, 0, "photo.png", NULL, NULL);
	finds(w, "photo", "");
	finds(w, "type:png", "photo.png");
	r = run(w, "type:png", ALICE);
	assert_string_equal(r->items[0].snippet, "");
	assert_int_equal(results_json(w->search, r, 100, &out, NULL), 0);
	assert_non_null(strstr(out.data, "\"content\":null"));
	results_unref(r);
	buf_release(&out);
}

static void *search_again_and_again(void *arg)
{
	static const char *const queries[] = {"login", "login page", "type:md", "nowhere"};
	struct world *w = arg;
	struct buf out = BUF_INIT;

	for (int i = 0; i < 200; i++) {
		const char *query = queries[i % 4];
		struct results *r;

		if (search_run(w->search, query, strlen(query), ALICE, NULL, &r, NULL))
			return arg;
		buf_reset(&out);
		if (results_json(w->search, r, 1000, &out, NULL))
			return arg;
		results_unref(r);
	}
	buf_release(&out);
	return NULL;
}

static void test_many_at_once_while_files_come(void **state)
{
	struct world *w = *state;
	pthread_t threads[6];
	char path[32];

	for (size_t i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, search_again_and_again, w), 0);
	for (int i = 0; i < 50; i++) {
		snprintf(path, sizeof(path), "%d.md", i);
		put(w, 0, path, "", "the login page");
	}
	for (size_t i = 0; i < 6; i++) {
		void *failed;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	search_again_and_again(w);
	finds(w, "login max:1", "0.md");
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(test_all_words_then_some),
		EACH(test_path_before_title_before_body),
		EACH(test_identifiers_and_stems),
		EACH(test_phrases_and_exclusions),
		EACH(test_scripts_without_spaces),
		EACH(test_filters),
		EACH(test_only_what_one_may_see),
		EACH(test_cached_until_the_catalog_changes),
		EACH(test_the_cache_is_bounded),
		EACH(test_refusals),
		cmocka_unit_test(test_result_names),
		cmocka_unit_test(test_snippets),
		EACH(test_json),
		EACH(test_pages),
		EACH(test_what_is_not_searched_is_found_by_filters_alone),
		EACH(test_many_at_once_while_files_come),
	};

	return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
