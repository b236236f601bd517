#include "fs/where.h"

#include "fs/route.h"

#include "core/context/sources.h"
#include "core/state/parts.h"
#include "core/state/state.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct rest *rest_new(const char *text)
{
	size_t size = strlen(text) + 1;
	struct rest *rest = malloc(sizeof(*rest) + size);

	if (rest) {
		atomic_init(&rest->refs, 1);
		memcpy(rest->text, text, size);
	}
	return rest;
}

void rest_unref(struct rest *rest)
{
	if (rest && atomic_fetch_sub(&rest->refs, 1) == 1)
		free(rest);
}

void where_release(struct where *w)
{
	session_unref(w->session);
	session_unref(w->as);
	source_unref(w->source);
	item_unref(w->item);
	rest_unref(w->rest);
	w->session = w->as = NULL;
	w->source = NULL;
	w->item = NULL;
	w->rest = NULL;
}

void where_copy(struct where *to, const struct where *from)
{
	*to = *from;
	if (to->session)
		session_ref(to->session);
	if (to->as)
		session_ref(to->as);
	if (to->source)
		source_ref(to->source);
	if (to->item)
		item_ref(to->item);
	if (to->rest)
		atomic_fetch_add(&to->rest->refs, 1);
}

bool where_same(const struct where *a, const struct where *b)
{
	return a->row == b->row && a->dir == b->dir && a->live == b->live &&
	       a->session == b->session && a->life == b->life && a->as == b->as &&
	       a->viewer == b->viewer && a->source == b->source && a->item == b->item &&
	       a->is_dir == b->is_dir && a->number == b->number && strcmp(a->word, b->word) == 0 &&
	       (a->rest == b->rest ||
		       (a->rest && b->rest && strcmp(a->rest->text, b->rest->text) == 0));
}

mode_t where_type(const struct where *w)
{
	switch (w->row->shape) {
	case SHAPE_DIR:
	case SHAPE_GRAFT:
		return S_IFDIR;
	case SHAPE_LINK:
		return S_IFLNK;
	case SHAPE_TREE:
		return w->is_dir ? S_IFDIR : S_IFREG;
	default:
		return S_IFREG;
	}
}

void where_path(const struct where *w, struct buf *out)
{
	const char *path = w->dir ? w->dir->path : w->row->path;

	if (w->as)
		buf_addf(out, "as/%s%s", w->as->id, *path ? "/" : "");
	if (strcmp(path, "as/<as>") == 0)
		path = "";
	while (*path) {
		size_t plain = strcspn(path, "<");

		buf_add(out, path, plain);
		path += plain;
		if (*path != '<')
			continue;
		if (w->session &&
			(strncmp(path, "<session>", 9) == 0 || strncmp(path, "<any>", 5) == 0 ||
				strncmp(path, "<own>", 5) == 0))
			buf_adds(out, w->session->id);
		else if (strncmp(path, "<source>", 8) == 0 && w->source)
			buf_adds(out, w->source->name);
		else if (strncmp(path, "<query>", 7) == 0 && w->rest)
			buf_adds(out, w->rest->text);
		else if (w->item && strncmp(path, "<vote>", 6) != 0)
			buf_adds(out, w->item->id);
		else
			buf_adds(out, w->word);
		path = strchr(path, '>') + 1;
	}
	if (w->row->shape == SHAPE_TREE && w->rest && *w->rest->text)
		buf_addf(out, "/%s", w->rest->text);
	if (w->row->shape == SHAPE_TREE && w->number)
		buf_addf(out, "/%lld", (long long)w->number);
	if (w->dir)
		buf_addf(out, "%sREADME.md", out->len && out->data[out->len - 1] != '/' ? "/" : "");
	if (w->live)
		buf_adds(out, WHERE_LIVE);
}

/* FNV-1a over what makes the file this one. */
uint64_t where_ino(const struct where *w)
{
	struct buf path = BUF_INIT;
	uint64_t h = 14695981039346656037ULL;

	where_path(w, &path);
	for (size_t i = 0; i < path.len; i++)
		h = (h ^ (unsigned char)path.data[i]) * 1099511628211ULL;
	h ^= w->viewer;
	buf_release(&path);
	return h < 2 ? 2 : h;
}

void where_owner(const struct caller *c, const struct where *w, uid_t *uid, gid_t *gid)
{
	struct agent *agent;

	*uid = c->loop->owner;
	*gid = c->loop->group;
	if (w->as && w->row->shape == SHAPE_DIR && strcmp(w->row->path, "as/<as>") == 0) {
		*uid = w->as->uid;
		*gid = w->as->gid;
	} else if (w->source) {
		*uid = w->source->uid;
		*gid = w->source->gid;
	} else if (w->item) {
		*uid = w->item->uid;
		*gid = w->item->gid;
	} else if (w->session) {
		*uid = w->session->uid;
		*gid = w->session->gid;
	} else if (w->word[0]) {
		state_rdlock(c->loop);
		agent = state_agent(c->loop->state, w->word);
		if (agent)
			*uid = agent->uid;
		state_unlock(c->loop);
	}
}
