/* A file's attributes, and how long it is. */
#include "fs/node_private.h"

#include "fs/files.h"

#include "core/context/sources.h"
#include "core/log/log.h"
#include "core/state/parts.h"
#include "core/state/refusal.h"

#include <string.h>

/* Attributes that never change are good for long; a log's are never. */
#define VALID_LONG 3600.0

static bool take_time(void *arg, struct record *r)
{
	*(int64_t *)arg = r->time_us;
	return false;
}

/* When the newest line of a view was written. */
static int64_t view_time(struct loop *loop, const struct node *n)
{
	int64_t pos = 0, time_us = n->time_us;
	size_t i;

	state_rdlock(loop);
	for (i = 0; i < 2; i++)
		if (n->view.plus[i] && n->view.plus[i]->last_pos > pos)
			pos = n->view.plus[i]->last_pos;
	i = recent_find(loop->recent, pos);
	if (i < loop->recent->count && recent_at(loop->recent, i)->pos == pos)
		time_us = recent_at(loop->recent, i)->time_us;
	else
		i = SIZE_MAX;
	state_unlock(loop);
	if (i == SIZE_MAX && pos >= n->view.base_pos)
		log_read(loop->log, pos, take_time, &time_us, NULL);
	return time_us;
}

static void stat_log(struct nodes *t, const struct node *n, struct stat *st, int64_t *time_us)
{
	uint64_t first, end;

	st->st_size = (off_t)node_bytes(t, n);
	if (!n->has_view) {
		refusal_span(t->loop->refusals, n->where.viewer, &first, &end, time_us);
		if (!*time_us)
			*time_us = t->born_us;
	} else {
		*time_us = view_time(t->loop, n);
	}
}

/* A link is as long as what readlink(2) says. */
static int stat_link(
	const struct caller *c, const struct node *n, struct stat *st, struct error *err)
{
	struct buf text = BUF_INIT;
	int r = n->where.row->ops->text(c, &n->where, &text, err);

	if (!r)
		r = buf_error(&text);
	st->st_size = (off_t)text.len;
	buf_release(&text);
	return r;
}

/* A source that is not shared is its user's alone. */
static void stat_tree(const struct node *n, struct stat *st, int64_t *time_us)
{
	const struct content *content = &n->content;
	mode_t read = source_is_shared(n->where.source) ? 0444 : 0400;

	st->st_mode = content->is_file ? S_IFREG | read : S_IFDIR | read | read >> 2;
	st->st_nlink = content->is_file ? 1 : 2;
	st->st_size = content->is_file ? (off_t)content->size : 0;
	if (content->is_file)
		*time_us = content->modified_us;
}

int node_stat(struct nodes *t, const struct caller *c, const struct node *n, struct stat *st,
	double *valid, struct error *err)
{
	const struct row *row = n->where.row;
	int64_t time_us = n->time_us;
	int r = 0;

	memset(st, 0, sizeof(*st));
	st->st_ino = n->ino;
	st->st_mode =
		where_type(&n->where) | (n->where.live ? row->mode & ~(mode_t)0111 : row->mode);
	st->st_nlink = row->shape == SHAPE_DIR ? 2 : 1;
	st->st_blksize = 65536;
	where_owner(c, &n->where, &st->st_uid, &st->st_gid);
	/* Who comes and goes changes the times of sessions/. */
	*valid = row->ops == &sessions_ops ? 1.0 : VALID_LONG;
	if (n->where.live) {
		/* A stream has no size; who may read the log may read it and narrow it. */
		st->st_mode = S_IFREG | (row->mode & 0444) | (row->mode & 0444) >> 1;
	} else if (row->shape == SHAPE_LOG) {
		stat_log(t, n, st, &time_us);
		*valid = 0;
	} else if (row->shape == SHAPE_TREE) {
		stat_tree(n, st, &time_us);
		*valid = n->content.is_file ? VALID_LONG : 1.0;
	} else if (row_has_text(row)) {
		st->st_size = (off_t)n->text_len;
		*valid = row->shape == SHAPE_VALUE ? 0 : VALID_LONG;
	} else if (row->shape == SHAPE_LINK) {
		r = stat_link(c, n, st, err);
		*valid = row->ops == &self_ops ? 0 : VALID_LONG;
	} else if (row->shape == SHAPE_SINK) {
		st->st_size = row->usage ? (off_t)strlen(row->usage) : 0;
		if (row->ops == &heartbeat_ops || row->ops == &alive_ops) {
			time_us = atomic_load(&n->where.session->heard_wall_us);
			*valid = 0;
		}
	}
	st->st_blocks = (st->st_size + 511) / 512;
	st->st_mtim.tv_sec = time_us / SECOND_US;
	st->st_mtim.tv_nsec = time_us % SECOND_US * 1000;
	st->st_ctim = st->st_atim = st->st_mtim;
	return r;
}

uint64_t node_bytes(struct nodes *t, const struct node *n)
{
	uint64_t first, end;
	int64_t time_us;

	if (n->has_view)
		return view_bytes(&n->view, t->loop);
	refusal_span(t->loop->refusals, n->where.viewer, &first, &end, &time_us);
	return end - n->first;
}
