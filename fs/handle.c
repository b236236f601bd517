#include "fs/handle.h"

#include "fs/files.h"
#include "fs/later.h"
#include "fs/names.h"
#include "fs/private.h"
#include "fs/stream.h"
#include "fs/turn.h"

#include "core/context/context.h"
#include "core/state/inbox.h"
#include "core/state/message.h"
#include "core/state/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void refuse(struct server *server, uid_t uid, pid_t pid, const struct session *s,
	const struct where *where, const char *name, int code, const struct error *err)
{
	struct buf path = BUF_INIT;
	const char *reason = err && err->text[0] ? err->text
			     : code == ESTALE    ? "the session has ended; register again"
			     : code == EACCES    ? "not the owner"
						 : strerror(code);

	where_path(where, &path);
	if (name)
		buf_addf(&path, "%s%s", path.len ? "/" : "", name);
	refusal_add(server->loop->refusals, uid, pid, s ? s->id : NULL, path.data ? path.data : "",
		code, reason);
	buf_release(&path);
}

/* Whether the caller may act through as/, or in the session of the path. */
static int check_rights(const struct caller *c, const struct where *w, int flags, struct error *err)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	const struct row *row = w->row;

	if (w->as && w->as->uid != c->uid)
		return error_set(err, EACCES, "session %s is another user's", w->as->id);
	if (w->live && (flags & O_ACCMODE) == O_WRONLY)
		return error_set(err, EINVAL,
			"a stream is narrowed on the descriptor that reads it: exec "
			"3<>activity.live");
	if ((flags & O_ACCMODE) != O_WRONLY && row->ops && row->ops->reads) {
		int r = row->ops->reads(c, w, err);

		if (r)
			return r;
	}
	if (writes && row->shape == SHAPE_TREE)
		return error_set(err, EROFS, "what is synced is changed where it comes from");
	if (writes && !row->ops->take && !row->ops->touched && !w->live)
		return error_set(err, EACCES, "this file is for reading");
	if ((writes && (row->flags & ROW_OWN)) || row->shape == SHAPE_TURN)
		if (w->session->uid != c->uid)
			return error_set(
				err, EACCES, "session %s is another user's", w->session->id);
	return 0;
}

/* Messages are for who reads as that session: a process bound to another leaves them alone. */
static int check_reader(const struct caller *c, const struct where *w, struct error *err)
{
	struct actor actor;
	bool may;
	int r;

	r = actor_resolve(c->loop, c->uid, c->gid, c->pid, w->as, &actor);
	if (r)
		return r;
	may = bind_may_consume(c->loop, &actor, w->session);
	actor_release(&actor);
	return may ? 0
		   : error_set(err, EACCES, "this process is bound to another session than %s",
			     w->session->id);
}

static int find_actor(const struct caller *c, const struct where *w, struct actor *out)
{
	int r;

	if (!(w->row->flags & ROW_OWN))
		return actor_resolve(c->loop, c->uid, c->gid, c->pid, w->as, out);
	/* Within a session's own directory it is the session that acts. */
	r = actor_resolve(c->loop, c->uid, c->gid, c->pid, w->session, out);
	out->through_as = false;
	return r;
}

int handle_content(struct handle *h)
{
	const struct content *content = &h->node->content;
	struct objects *objects = catalog_objects(h->server->context->catalog);

	if (h->fd < 0)
		h->fd = object_open(objects, &content->object, content->size);
	return h->fd < 0 ? h->fd : 0;
}

void handles_keep(struct server *s)
{
	pthread_mutex_lock(&s->handles_mutex);
	for (struct handle *h = s->handles; h; h = h->next) {
		if (!h->node->content.is_file || node_is_newest(s->nodes, h->node))
			continue;
		pthread_mutex_lock(&h->lock);
		(void)handle_content(h); /* what can't be had now, reading tells */
		pthread_mutex_unlock(&h->lock);
	}
	pthread_mutex_unlock(&s->handles_mutex);
}

static void enlist(struct handle *h)
{
	struct server *s = h->server;

	pthread_mutex_lock(&s->handles_mutex);
	h->next = s->handles;
	h->link = &s->handles;
	if (h->next)
		h->next->link = &h->next;
	s->handles = h;
	s->handle_count++;
	s->stream_count += h->stream != NULL;
	pthread_mutex_unlock(&s->handles_mutex);
}

static void delist(struct handle *h)
{
	struct server *s = h->server;

	pthread_mutex_lock(&s->handles_mutex);
	s->handle_count -= h->link != NULL;
	s->stream_count -= h->link != NULL && h->stream != NULL;
	if (h->link)
		*h->link = h->next;
	if (h->next)
		h->next->link = h->link;
	pthread_mutex_unlock(&s->handles_mutex);
}

int handle_new(
	const struct caller *c, struct node *n, int flags, struct handle **out, struct error *err)
{
	const struct where *w = &n->where;
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	struct handle *h;
	int r = check_rights(c, w, flags, err);

	if (!r && (w->row->flags & ROW_READER) && (writes || w->row->shape == SHAPE_TURN))
		r = check_reader(c, w, err);
	if (r)
		return r;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->server = c->server;
	h->loop = c->loop;
	h->node = n;
	h->flags = flags;
	h->writes = writes;
	h->fd = -1;
	h->actor = (struct actor){.uid = c->uid, .gid = c->gid, .tid = c->pid, .kind = ACTOR_USER};
	pthread_mutex_init(&h->lock, NULL);
	buf_init(&h->value, VALUE_MAX);
	buf_init(&h->query, QUERY_MAX);
	framer_init(&h->framer, (size_t)c->loop->config->message_max);
	node_opened(n);
	if (writes && !w->live)
		r = find_actor(c, w, &h->actor);
	/* An earlier version may have gone since it was looked up. */
	if (!r && n->content.is_file && w->number && handle_content(h) < 0)
		r = -ESTALE;
	if (!r && n->content.is_file && !n->content.fetched)
		r = error_set(err, EFBIG,
			"this file was not fetched: it is larger than the source's max_file");
	if (!r && w->live)
		r = stream_open(h, &h->stream);
	if (!r && (writes || w->row->flags & ROW_WAITS) && w->row->ops->opened) {
		r = w->row->ops->opened(h, err);
		h->opened = !r;
	}
	if (r) {
		handle_free(h);
		return r;
	}
	h->reading = w->row->shape == SHAPE_TURN || (w->live && w->row->ops == &inbox_ops);
	if (h->reading)
		atomic_fetch_add(&w->session->reading, 1);
	enlist(h);
	*out = h;
	return 0;
}

void handle_free(struct handle *h)
{
	if (!h)
		return;
	delist(h);
	if (h->reading)
		atomic_fetch_sub(&h->node->where.session->reading, 1);
	if (h->node->where.row->shape == SHAPE_TURN) {
		turn_close(h);
		if (h->leased) {
			inbox_return(h->loop, h->node->where.session, h->leased->pos);
			if (!h->marked)
				counter_add(&h->loop->metrics->leases_lost, 1);
			record_unref(h->leased);
		}
	}
	stream_close(h->stream);
	later_close(h);
	if (h->opened && h->node->where.row->ops->closed)
		h->node->where.row->ops->closed(h);
	names_free(h->names);
	node_closed(h->node);
	message_give_back(h->loop, &h->actor, &h->burst.spent);
	framer_release(&h->framer);
	buf_release(&h->text);
	buf_release(&h->value);
	buf_release(&h->query);
	if (h->fd >= 0)
		close(h->fd);
	actor_release(&h->actor);
	item_unref(h->item);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

void handles_free(struct server *s)
{
	while (s->handles)
		handle_free(s->handles);
}
