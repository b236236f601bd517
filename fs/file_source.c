/* The sources of context/: adding, changing and syncing them. */
#include "fs/files.h"

#include "fs/handle.h"
#include "fs/names.h"
#include "fs/private.h"

#include "core/base/framer.h"
#include "core/context/context.h"

#include <errno.h>
#include <string.h>

static struct sources *sources_of(const struct server *s)
{
	return s->context->sources;
}

struct listing {
	struct names *names;
	struct where where;
};

static int add_name(void *arg, struct source *s)
{
	struct listing *l = arg;

	l->where.source = s;
	return names_add(l->names, s->name, &l->where);
}

/* The sources that the caller sees, as the directory's row that stands for many has them. */
int list_sources(const struct caller *c, const struct where *dir, struct names *out)
{
	struct listing l = {out, *dir}; /* borrows */
	l.where.row = route_many(dir->row);
	l.where.is_dir = true;
	return sources_each(sources_of(c->server), c->uid, add_name, &l);
}

static int make_source(const struct caller *c, const struct where *dir, const char *name,
	struct act **out, struct error *err)
{
	struct source *made;
	int r = sources_make(sources_of(c->server), c->uid, c->gid, name, &made, err);

	(void)dir, (void)out;
	if (!r)
		source_unref(made);
	return r;
}

static int remove_source(
	const struct caller *c, const struct where *w, struct act **out, struct error *err)
{
	(void)out;
	return sources_remove(sources_of(c->server), w->source, c->uid, err);
}

/* One source a write: were a second refused, the first would be half a write. */
static int new_take(struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	struct sources *sources = sources_of(h->server);
	struct source *made;
	int r;

	(void)act;
	if (h->taken > 1) {
		made = sources_find(sources, h->value.data, h->actor.uid);
		if (made)
			sources_remove(sources, made, h->actor.uid, NULL);
		source_unref(made);
		return error_set(err, EINVAL, "one source a write");
	}
	r = sources_add(sources, h->actor.uid, h->actor.gid, m->text, m->len, &made, err);
	if (r)
		return r;
	buf_reset(&h->value);
	buf_adds(&h->value, made->name);
	source_unref(made);
	return buf_error(&h->value);
}

static void new_answer(struct handle *h, struct act *act, struct buf *out)
{
	(void)act;
	if (h->value.len)
		buf_addf(out, "%s\n", h->value.data);
}

static const struct source_option *option_of(const struct where *w)
{
	const struct source_option *o = source_options;

	while (o->name && strcmp(o->name, row_name(w->row)) != 0)
		o++;
	return o;
}

static int value_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)err;
	sources_get(sources_of(c->server), w->source, option_of(w), out);
	if (out->len && out->data[out->len - 1] != '\n')
		buf_addc(out, '\n');
	return 0;
}

/* A shell's printf writes line by line: what one descriptor writes is one list. */
static int value_take(
	struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	const struct where *w = &h->node->where;
	const struct source_option *o = option_of(w);
	int r;

	(void)act;
	if (o->kind != SOURCE_LIST)
		buf_reset(&h->value);
	buf_add(&h->value, m->text, m->len);
	buf_addc(&h->value, '\n');
	if (buf_error(&h->value))
		return error_set(err, EMSGSIZE, "%s is too long", o->name);
	r = sources_set(sources_of(h->server), w->source, h->actor.uid, o, h->value.data,
		h->value.len - 1, err);
	if (o->kind == SOURCE_SECRET)
		explicit_bzero(h->value.data, h->value.len);
	return r;
}

static int sync_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)err;
	sources_last(sources_of(c->server), w->source, out);
	return 0;
}

/* Whatever is written begins one. */
static int sync_touched(const struct caller *c, const struct where *w, struct handle *h)
{
	struct sources *sources = sources_of(c->server);
	struct error err = {0};
	uint64_t ticket;
	int r = sources_sync(sources, w->source, c->uid, &ticket, &err);

	if (!r && h) {
		pthread_mutex_lock(&h->lock);
		h->ticket = ticket;
		pthread_mutex_unlock(&h->lock);
	}
	return r;
}

static int sync_ready(struct handle *h, struct buf *out, struct error *err)
{
	(void)err;
	return sources_synced(sources_of(h->server), h->node->where.source, h->ticket, out)
		       ? 0
		       : -EAGAIN;
}

static int status_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)err;
	sources_status(sources_of(c->server), w->source, out);
	return 0;
}

const struct file_ops sources_ops = {.list = list_sources, .make = make_source};
const struct file_ops source_ops = {.remove = remove_source};
const struct file_ops source_new_ops = {.take = new_take, .answer = new_answer};
const struct file_ops source_value_ops = {.text = value_text, .take = value_take};
const struct file_ops source_secret_ops = {.take = value_take};
const struct file_ops source_sync_ops = {
	.text = sync_text, .touched = sync_touched, .ready = sync_ready};
const struct file_ops source_status_ops = {.text = status_text};
