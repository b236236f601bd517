#include "fs/route.h"

#include "fs/files.h"
#include "fs/private.h"
#include "fs/readme.h"

#include "core/base/text.h"
#include "core/context/context.h"
#include "core/item/task.h"
#include "core/state/parts.h"

#include <errno.h>
#include <string.h>

static const struct file_ops readme_ops = {.text = readme_text};

const struct row readme_row = {
	"README.md", SHAPE_SNAPSHOT, 0444, 0, &readme_ops, "what is in this directory", NULL};

const char *row_name(const struct row *row)
{
	const char *slash = strrchr(row->path, '/');

	return slash ? slash + 1 : row->path;
}

bool row_is_many(const struct row *row)
{
	return row_name(row)[0] == '<';
}

/* What is left of a row's path below a directory's; NULL: it is not below it. */
static const char *below(const struct row *dir, size_t len, const struct row *row)
{
	if (len == 0)
		return row->path;
	return strncmp(row->path, dir->path, len) == 0 && row->path[len] == '/'
		       ? row->path + len + 1
		       : NULL;
}

/* as/<id> has the root's children. */
static const struct row *table_of(const struct row *dir)
{
	return strcmp(dir->path, "as/<as>") == 0 ? &tree[0] : dir;
}

/* What is in a directory stands behind it, with nothing else between. */
const struct row *route_child(const struct row *dir, const struct row *after)
{
	const struct row *of = table_of(dir), *row = after ? after + 1 : of + 1;
	const size_t len = strlen(of->path);
	const char *rest;

	for (; row->path && (rest = below(of, len, row)); row++)
		if (!strchr(rest, '/') && !(of != dir && strcmp(row->path, "as") == 0))
			return row;
	return NULL;
}

const struct row *route_many(const struct row *dir)
{
	const struct row *row = route_child(dir, NULL);

	while (row && !row_is_many(row))
		row = route_child(dir, row);
	return row;
}

static int find_session(const struct caller *c, const char *name, bool ended, struct where *out)
{
	struct session *s;

	state_rdlock(c->loop);
	s = state_session(c->loop->state, name);
	if (s && s->ended_us && !ended)
		s = NULL;
	if (s) {
		out->session = session_ref(s);
		out->life = s->started_us;
	}
	state_unlock(c->loop);
	return s ? 0 : -ENOENT;
}

/* agents/<agent>/sessions/ holds that agent's only. */
static int find_own(const struct caller *c, const char *name, struct where *out)
{
	int r = find_session(c, name, false, out);

	if (r)
		return r;
	state_rdlock(c->loop);
	if (!out->session->agent || strcmp(out->session->agent->key, out->word) != 0)
		r = -ENOENT;
	state_unlock(c->loop);
	return r;
}

static int find_agent(const struct caller *c, const char *name, struct where *out)
{
	bool there;

	if (strlen(name) > AGENT_KEY_MAX)
		return -ENOENT;
	state_rdlock(c->loop);
	there = state_agent(c->loop->state, name) != NULL;
	state_unlock(c->loop);
	if (!there)
		return -ENOENT;
	memcpy(out->word, name, strlen(name) + 1);
	return 0;
}

/* as/<id>/ acts as that session, so it is for its own uid, and not even for root. */
static int find_as(const struct caller *c, const char *name, struct where *out)
{
	int r = find_session(c, name, false, out);

	if (r)
		return r;
	if (out->session->uid != c->uid)
		return -EACCES;
	out->as = out->session;
	out->session = NULL;
	return 0;
}

static int find_source(const struct caller *c, const char *name, struct where *out)
{
	out->source = sources_find(c->server->context->sources, name, c->uid);
	out->is_dir = true;
	return out->source ? 0 : -ENOENT;
}

/* Claims are there as long as they are held; the others for some time after they are over. */
static int find_item(
	const struct caller *c, enum item_kind kind, const char *name, struct where *out)
{
	struct item *item;

	state_rdlock(c->loop);
	item = state_item(c->loop->state, kind, name);
	if (item)
		out->item = item_ref(item);
	/* To the kernel a directory that was removed is dead; it stays, as another. */
	if (item && kind == ITEM_COLLABORATION)
		out->life = item->closed_us;
	state_unlock(c->loop);
	return item ? 0 : -ENOENT;
}

/* A decision's number. */
static bool vote_ok(const char *name)
{
	return *name >= '1' && *name <= '9' && name[strspn(name, "0123456789")] == '\0';
}

/* Any words, but for what editors and shells look for by themselves. */
static int find_query(const char *name, struct where *out)
{
	struct buf words = BUF_INIT;
	int r = query_from_name(name, &words);

	buf_release(&words);
	if (r)
		return r;
	out->rest = rest_new(name);
	return out->rest ? 0 : -ENOMEM;
}

/* A result: 001-auth.md. Whether it is one, its text tells. */
static int find_match(const char *name, struct where *out)
{
	size_t digits = strspn(name, "0123456789"), len = strlen(name);

	if (digits < 3 || name[digits] != '-' || len >= sizeof(out->word))
		return -ENOENT;
	memcpy(out->word, name, len + 1);
	return 0;
}

/* A seq, a moment, or a time ago. */
static bool since_ok(const char *name)
{
	int64_t us;

	return name[strspn(name, "0123456789")] == '\0' || text_time(name, &us) == 0 ||
	       text_duration(name, &us) == 0;
}

static int find_many(
	const struct caller *c, const struct row *row, const char *name, struct where *out)
{
	const char *what = row_name(row);
	int r = 0;

	if (strcmp(what, "<session>") == 0)
		r = find_session(c, name, false, out);
	else if (strcmp(what, "<any>") == 0)
		r = find_session(c, name, true, out);
	else if (strcmp(what, "<own>") == 0)
		r = find_own(c, name, out);
	else if (strcmp(what, "<agent>") == 0)
		r = find_agent(c, name, out);
	else if (strcmp(what, "<as>") == 0)
		r = find_as(c, name, out);
	else if (strcmp(what, "<source>") == 0)
		r = find_source(c, name, out);
	else if (strcmp(what, "<ask>") == 0)
		r = find_item(c, ITEM_ASK, name, out);
	else if (strcmp(what, "<task>") == 0)
		r = find_item(c, ITEM_TASK, name, out);
	else if (strcmp(what, "<claim>") == 0)
		r = find_item(c, ITEM_CLAIM, name, out);
	else if (strcmp(what, "<collaboration>") == 0)
		r = find_item(c, ITEM_COLLABORATION, name, out);
	else if (strcmp(what, "<query>") == 0)
		r = find_query(name, out);
	else if (strcmp(what, "<match>") == 0)
		r = find_match(name, out);
	else if (strlen(name) > ID_MAX ||
		 !(strcmp(what, "<type>") == 0             ? text_type_ok(name)
			 : strcmp(what, "<activity>") == 0 ? task_activity_ok(name)
			 : strcmp(what, "<vote>") == 0     ? vote_ok(name)
							   : since_ok(name)))
		r = -ENOENT;
	else
		memcpy(out->word, name, strlen(name) + 1);
	return r;
}

/* One name without its .live, if it had one. */
static int find(const struct caller *c, const struct where *dir, const char *name, bool live,
	struct where *out)
{
	const struct row *many = NULL;
	int r;

	for (const struct row *row = route_child(dir->row, NULL); row;
		row = route_child(dir->row, row)) {
		if (live && row->shape != SHAPE_LOG)
			continue;
		if (row_is_many(row))
			many = row;
		else if (strcmp(row_name(row), name) == 0) {
			out->row = row;
			return 0;
		}
	}
	if (!many)
		return -ENOENT;
	r = find_many(c, many, name, out);
	out->row = many;
	return r;
}

/* The twin of a log, which has another ending. */
static int find_live(
	const struct caller *c, const struct where *dir, const char *name, struct where *out)
{
	size_t len = strlen(name), live = strlen(WHERE_LIVE);
	char plain[ID_MAX + 8];

	if (len <= live || len - live >= sizeof(plain) ||
		strcmp(name + len - live, WHERE_LIVE) != 0)
		return -ENOENT;
	memcpy(plain, name, len - live);
	plain[len - live] = '\0';
	where_release(out);
	where_copy(out, dir);
	out->dir = NULL;
	out->live = true;
	return find(c, dir, plain, true, out);
}

static int find_in(
	const struct caller *c, const struct where *dir, const char *name, struct where *out)
{
	int r;

	if (dir->row->shape == SHAPE_TREE)
		return out->is_dir ? dir->row->ops->enter(c, dir, name, out) : -ENOTDIR;
	if (strcmp(name, "README.md") == 0) {
		out->row = &readme_row;
		out->dir = dir->row;
		return 0;
	}
	r = find(c, dir, name, false, out);
	if (r == -ENOENT)
		r = find_live(c, dir, name, out);
	if (!r)
		out->viewer = out->row->ops == &errors_ops ? c->uid : 0;
	return r;
}

int route_find(const struct caller *c, const struct where *dir, const char *name, struct where *out)
{
	struct where w;
	int r;

	if (dir->session && dir->row->ops != &agent_sessions_ops) {
		/* A directory that the kernel still holds, of a session that has ended. */
		state_rdlock(c->loop);
		r = dir->session->ended_us ? -ENOENT : 0;
		state_unlock(c->loop);
		if (r)
			return r;
	}
	where_copy(&w, dir);
	w.dir = NULL;
	r = find_in(c, dir, name, &w);
	if (r)
		where_release(&w);
	else
		*out = w;
	return r;
}
