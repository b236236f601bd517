#include "core/base/words.h"

#include "core/base/words_private.h"

#include <errno.h>
#include <stdlib.h>

int words_split(const char *text, size_t len, int (*fn)(void *arg, const struct word *), void *arg)
{
	struct splitter s = {.text = text, .len = len, .wholes = WHOLES_ALL, .fn = fn, .arg = arg};
	int r;

	s.fold = fold_new();
	if (!s.fold)
		return -ENOMEM;
	r = splitter_run(&s);
	fold_free(s.fold);
	return r;
}

/* FTS5's side. */

struct to_fts5 {
	void *context;
	int (*token)(void *, int, const char *, int, int, int);
};

static int give_fts5(void *arg, const struct word *w)
{
	struct to_fts5 *to = arg;

	return to->token(to->context, w->whole ? FTS5_TOKEN_COLOCATED : 0, w->text, (int)w->len,
		(int)w->start, (int)w->end);
}

static int tokenizer_create(void *context, const char **args, int count, Fts5Tokenizer **out)
{
	struct fold *fold;

	(void)context, (void)args;
	if (count > 0)
		return SQLITE_ERROR;
	fold = fold_new();
	if (!fold)
		return SQLITE_NOMEM;
	*out = (Fts5Tokenizer *)fold;
	return SQLITE_OK;
}

static void tokenizer_delete(Fts5Tokenizer *tokenizer)
{
	fold_free((struct fold *)tokenizer);
}

static int tokenizer_run(Fts5Tokenizer *tokenizer, void *context, int flags, const char *text,
	int len, int (*token)(void *, int, const char *, int, int, int))
{
	struct to_fts5 to = {context, token};
	struct splitter s;

	if (!text || len <= 0)
		return SQLITE_OK;
	s.fold = (struct fold *)tokenizer;
	s.text = text;
	s.len = (size_t)len;
	s.wholes = flags & FTS5_TOKENIZE_QUERY ? WHOLES_NONE : WHOLES_SOME;
	s.fn = give_fts5;
	s.arg = &to;
	s.count = 0;
	s.used = 0;
	return splitter_run(&s);
}

int words_register(sqlite3 *sqlite)
{
	static const fts5_tokenizer tokenizer = {tokenizer_create, tokenizer_delete, tokenizer_run};
	sqlite3_stmt *stmt = NULL;
	fts5_api *api = NULL;
	int code;

	code = sqlite3_prepare_v2(sqlite, "SELECT fts5(?1)", -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_bind_pointer(stmt, 1, &api, "fts5_api_ptr", NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt) == SQLITE_ROW ? SQLITE_OK : SQLITE_ERROR;
	sqlite3_finalize(stmt);
	if (code != SQLITE_OK)
		return code;
	if (!api)
		return SQLITE_ERROR;
	return api->xCreateTokenizer(api, "leitl", NULL, (fts5_tokenizer *)&tokenizer, NULL);
}
