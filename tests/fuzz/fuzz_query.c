/*
 * What any bytes must not do to queries, for libFuzzer: aborts where FTS5 does not take what they
 * became, where words are not what words are, where splitting them again makes others of them, or
 * where a snippet is no line. The corpus is tests/data/query.
 */
#include "tests/fuzz/fuzz.h"

#include "core/base/text.h"
#include "core/base/words.h"
#include "core/context/query.h"
#include "core/context/search_private.h"

#include <stdlib.h>
#include <string.h>

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* FTS5. */

static sqlite3_stmt *matching(void)
{
	static sqlite3_stmt *stmt;
	sqlite3 *db;

	if (stmt)
		return stmt;
	require(sqlite3_open(":memory:", &db) == SQLITE_OK && words_register(db) == SQLITE_OK);
	require(sqlite3_exec(db,
			"CREATE VIRTUAL TABLE t USING fts5(path, title, body, tokenize='porter "
			"leitl');"
			"INSERT INTO t VALUES('a/auth.py', 'User', 'the login of "
			"UserAuthentication')",
			NULL, NULL, NULL) == SQLITE_OK);
	require(sqlite3_prepare_v2(db, "SELECT bm25(t) FROM t WHERE t MATCH ?1", -1, &stmt, NULL) ==
		SQLITE_OK);
	return stmt;
}

static void is_taken(const char *expression)
{
	sqlite3_stmt *stmt = matching();
	int code;

	if (!expression)
		return;
	sqlite3_bind_text(stmt, 1, expression, -1, SQLITE_STATIC);
	code = sqlite3_step(stmt);
	require(code == SQLITE_ROW || code == SQLITE_DONE);
	sqlite3_reset(stmt);
}

/* Words. */

struct words {
	char text[2048];
	size_t len, input, last_start;
};

static int check_word(void *arg, const struct word *w)
{
	struct words *words = arg;

	require(w->len > 0 && w->len <= WORD_MAX && text_is_utf8(w->text, w->len, NULL));
	require(w->start < w->end && w->end <= words->input);
	require(w->start >= words->last_start);
	words->last_start = w->start;
	if (w->whole)
		return 0;
	if (words->len + w->len + 1 > sizeof(words->text))
		return 1;
	memcpy(words->text + words->len, w->text, w->len);
	words->len += w->len;
	words->text[words->len++] = ' ';
	return 0;
}

static void check_words(const char *text, size_t len)
{
	struct words once = {.input = len}, twice = {0};

	words_split(text, len, check_word, &once);
	twice.input = once.len;
	words_split(once.text, once.len, check_word, &twice);
	for (size_t i = 0; i < once.len; i++)
		require(once.text[i] != '"' && once.text[i] != '\0');
	require(twice.len >= once.len); /* what was cut may no longer look random */
}

static void check_snippet(const struct query_terms *q, const char *text, size_t len)
{
	struct buf line = BUF_INIT;

	snippet_make(text, len, q->words, q->word_count, &line);
	require(line.len <= SNIPPET_MAX && text_is_utf8(line.data, line.len, NULL));
	for (size_t at = 0, n; at < line.len; at += n) {
		n = text_char(line.data + at, line.len - at, NULL);
		require(!text_is_control(line.data + at, n));
	}
	buf_release(&line);
}

static void check_name(const char *text, size_t len)
{
	struct buf query = BUF_INIT;
	char *name = strndup(text, len);

	require(name != NULL);
	if (query_from_name(name, &query) == 0)
		require(query.len > 0 && text_is_utf8(query.data, query.len, NULL));
	buf_release(&query);
	free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	struct query_terms q;
	struct error err = {0};

	if (query_parse(text, len, INT64_C(1763424000000000), &q, &err) == 0) {
		is_taken(q.all);
		is_taken(q.some);
		is_taken(q.never);
		require(q.max >= 1 && q.max <= RESULTS_MAX);
		query_accepts(&q, "a/b.md", "text/markdown", 0);
		check_snippet(&q, text, len);
		query_release(&q);
	} else {
		require(err.code > 0 && err.text[0] != '\0');
	}
	check_words(text, len);
	check_name(text, len);
	return 0;
}
