/* Finding files: context/search, context/query, and what is matched to a session. */
#include "fs/files.h"

#include "fs/handle.h"
#include "fs/names.h"
#include "fs/private.h"
#include "fs/queries.h"

#include "core/base/framer.h"
#include "core/context/context.h"
#include "core/state/parts.h"
#include "core/state/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define JSON_BYTES ((size_t)4 << 20) /* of results.json, at most */

static struct search *search_of(const struct caller *c)
{
	return c->server->context->search;
}

/* What the directory of `w` has found: of a session, or of the query that is its name. */
static int run(
	const struct caller *c, const struct where *w, struct results **out, struct error *err)
{
	struct buf query = BUF_INIT;
	int r;

	if (w->session)
		return matched_run(c->loop, search_of(c), w->session, out, err);
	r = query_from_name(w->rest->text, &query);
	if (!r)
		r = search_run(search_of(c), query.data, query.len, c->uid, NULL, out, err);
	buf_release(&query);
	return r;
}

/* A session that has no query, or one that nothing can be found by, has no matches. */
static bool is_empty(const struct where *w, int r)
{
	return w->session && (r == -ENODATA || r == -EINVAL);
}

static int json_text_of(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	struct results *found;
	int r = run(c, w, &found, err);

	if (is_empty(w, r)) {
		buf_adds(out, "{\"query\":\"\",\"matched_files\":[],\"total_matches\":0,"
			      "\"cached\":false}\n");
		return 0;
	}
	if (r)
		return r;
	if (!w->session)
		queries_note(c->server->queries, c->uid, w->rest->text);
	r = results_json(search_of(c), found, JSON_BYTES, out, err);
	results_unref(found);
	return r;
}

static int md_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	struct results *found;
	int r = run(c, w, &found, err);

	if (is_empty(w, r)) {
		buf_adds(out, "No query yet: write one to `query`, or say what you are doing in "
			      "`current_task`.\n");
		return 0;
	}
	if (r)
		return r;
	if (!w->session)
		queries_note(c->server->queries, c->uid, w->rest->text);
	r = results_md(search_of(c), found, (size_t)c->server->config->results_max, out, err);
	results_unref(found);
	return r;
}

static int match_list(const struct caller *c, const struct where *dir, struct names *out)
{
	struct where w = *dir; /* borrows */
	struct results *found;
	int r = run(c, dir, &found, NULL);

	if (is_empty(dir, r))
		return 0;
	if (r)
		return r;
	w.row = route_many(dir->row);
	for (size_t i = 0; i < found->count && !r; i++) {
		memcpy(w.word, found->items[i].name, strlen(found->items[i].name) + 1);
		r = names_add(out, found->items[i].name, &w);
	}
	results_unref(found);
	return r;
}

/* 001-auth.md: where it is. */
static int match_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	struct results *found;
	int r = run(c, w, &found, err);
	size_t i = 0;

	if (r)
		return is_empty(w, r) ? -ENOENT : r;
	while (i < found->count && strcmp(found->items[i].name, w->word) != 0)
		i++;
	if (i == found->count)
		r = -ENOENT;
	else
		buf_addf(out, "%s/files/%s/%s", w->session ? "../../../context" : "../..",
			found->items[i].source, found->items[i].path);
	results_unref(found);
	return r;
}

/* The queries whose results were looked at lately. */
static int query_list(const struct caller *c, const struct where *dir, struct names *out)
{
	return queries_list(c->server->queries, c->uid, dir, out);
}

/* context/query: for a query that is longer than a name may be. */
static int query_take(
	struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	struct results *found;
	int r;

	(void)act;
	r = search_run(
		h->server->context->search, m->text, m->len, h->actor.uid, NULL, &found, err);
	if (r)
		return r;
	results_unref(found);
	buf_reset(&h->query);
	buf_add(&h->query, m->text, m->len);
	return buf_error(&h->query);
}

static void query_answer(struct handle *h, struct act *act, struct buf *out)
{
	struct search *search = h->server->context->search;
	struct results *found;

	(void)act;
	if (!h->query.len ||
		search_run(search, h->query.data, h->query.len, h->actor.uid, NULL, &found, NULL))
		return;
	results_json(search, found, JSON_BYTES, out, NULL);
	results_unref(found);
}

static int session_query_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)err;
	state_rdlock(c->loop);
	if (w->session->query)
		buf_addf(out, "%s\n", w->session->query);
	state_unlock(c->loop);
	return 0;
}

static int session_query_take(
	struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	if (*act)
		return error_set(err, EINVAL, "one query a write");
	return session_change(h->loop, &h->actor, h->node->where.session, VALUE_QUERY, m->text,
		m->len, m->json != NULL, act, err);
}

const struct file_ops session_query_ops = {
	.text = session_query_text, .may = own_may, .take = session_query_take};
const struct file_ops search_ops = {.list = query_list};
const struct file_ops found_ops = {.list = match_list};
const struct file_ops found_json_ops = {.text = json_text_of};
const struct file_ops found_md_ops = {.text = md_text};
const struct file_ops match_ops = {.text = match_text};
const struct file_ops query_ops = {.take = query_take, .answer = query_answer};
