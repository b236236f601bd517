#include "fs/node.h"

#include "core/context/catalog.h"
#include "core/context/sources.h"
#include "core/log/log.h"
#include "core/state/parts.h"
#include "core/state/refusal.h"
#include "fs/files.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS  65536 /* a power of two */
#define ROWS_MAX 256

/* Attributes that never change are good for long; a log's are never. */
#define VALID_LONG 3600.0

/* The texts of what queries found are kept up to so many bytes; then half of them, the older ones,
 * is freed. */
#define FOUND_MOST ((size_t)64 << 20)

/* A thread that was told ESTALE, and for which file. When it goes on with the version that it then
 * found, it is in the same system call: the next one on a version that is gone asks for attributes
 * first, since the kernel has none, and is told again. */
#define TOLD_MAX 64
#define TOLD_US  SECOND_US
struct told {
	pid_t tid;
	bool opening;
	uint64_t ino, looks;
	int64_t time_us;
};

struct nodes {
	struct loop *loop;
	int64_t born_us;
	pthread_mutex_t mutex;
	uint64_t changes;  /* of synced files (nodes_change) */
	uint64_t looks;    /* how often a file was looked up */
	size_t text_bytes; /* of what queries found */
	struct told told[TOLD_MAX];
	size_t told_next;
	struct node root;
	struct node *buckets[BUCKETS];
	struct node *by_row[ROWS_MAX];
};

struct nodes *nodes_new(struct loop *loop)
{
	struct nodes *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->loop = loop;
	t->born_us = loop_wall_us(loop);
	pthread_mutex_init(&t->mutex, NULL);
	t->root.where.row = &tree[0];
	t->root.ino = 1;
	t->root.time_us = t->born_us;
	return t;
}

static void node_free(struct node *n)
{
	if (n->has_view)
		view_release(&n->view);
	where_release(&n->where);
	free(n->text);
	free(n);
}

void nodes_free(struct nodes *t)
{
	struct node *n, *next;

	if (!t)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (n = t->buckets[i]; n; n = next) {
			next = n->next;
			node_free(n);
		}
	}
	pthread_mutex_destroy(&t->mutex);
	free(t);
}

struct node *nodes_root(struct nodes *t)
{
	return &t->root;
}

static bool has_text(const struct row *row)
{
	return row->shape == SHAPE_SNAPSHOT || row->shape == SHAPE_VALUE;
}

/* Whether a node that is there still shows its file as it is. */
static bool is_current(const struct node *n, const struct node *fresh)
{
	if (has_text(n->where.row))
		return n->text_len == fresh->text_len &&
		       (n->text_len == 0 || memcmp(n->text, fresh->text, n->text_len) == 0);
	if (n->where.row->ops == &errors_ops)
		return n->first == fresh->first;
	if (n->content.is_file)
		return n->content.id == fresh->content.id &&
		       n->content.version == fresh->content.version &&
		       n->content.modified_us == fresh->content.modified_us &&
		       n->content.size == fresh->content.size &&
		       n->content.fetched == fresh->content.fetched;
	if (n->has_view)
		return n->view.base_bytes == fresh->view.base_bytes;
	return true;
}

static int look(const struct caller *c, struct node *n)
{
	struct entry e = {0};
	int r = n->where.row->ops->look(c, &n->where, &e);

	if (!r) {
		n->content = (struct content){
			.is_file = !e.is_dir,
			.fetched = e.fetched,
			.object = e.object,
			.size = e.size,
			.id = e.id,
			.version = e.version,
			.modified_us = e.modified_us ? e.modified_us : e.updated_us,
		};
		n->time_us = e.updated_us ? e.updated_us : n->time_us;
	}
	entry_release(&e);
	return r;
}

/* Makes what a version of the file consists of. */
static int fill(struct nodes *t, const struct caller *c, struct node *n, struct error *err)
{
	const struct row *row = n->where.row;
	struct buf text = BUF_INIT;
	uint64_t end;
	int r;

	n->time_us = t->born_us;
	if (row->ops == &errors_ops) {
		refusal_span(t->loop->refusals, n->where.viewer, &n->first, &end, &n->time_us);
	} else if (row->shape == SHAPE_LOG) {
		r = row->ops->view(c, &n->where, &n->view);
		if (r)
			return r;
		n->has_view = true;
	} else if (row->shape == SHAPE_TREE) {
		return look(c, n);
	} else if (has_text(row)) {
		r = row->ops->text(c, &n->where, &text, err);
		if (!r)
			r = buf_error(&text);
		if (r) {
			buf_release(&text);
			return r;
		}
		n->time_us = row == &readme_row ? t->born_us : loop_wall_us(t->loop);
		n->text = buf_detach(&text, &n->text_len);
	}
	return 0;
}

static struct node **bucket(struct nodes *t, uint64_t ino)
{
	return &t->buckets[(ino ^ (ino >> 32)) & (BUCKETS - 1)];
}

static size_t row_number(const struct row *row)
{
	return row == &readme_row ? ROWS_MAX - 1 : (size_t)(row - tree);
}

static bool is_found(const struct node *n)
{
	const struct file_ops *ops = n->where.row->ops;

	return ops == &found_json_ops || ops == &found_md_ops;
}

/* Under the table's lock. */
static void text_gone(struct nodes *t, const struct node *n)
{
	if (is_found(n) && !n->no_text)
		t->text_bytes -= n->text_len;
}

/* Those of one row are in the order in which they came, the newest first. */
static void make_room_in(struct nodes *t, size_t row)
{
	size_t kept = 0;

	for (struct node *n = t->by_row[row]; n; n = n->row_next) {
		if (!is_found(n))
			return;
		if (n->no_text || (kept += n->text_len) < FOUND_MOST / 4 || atomic_load(&n->opens))
			continue;
		text_gone(t, n);
		n->no_text = true;
		n->newest = false;
		free(n->text);
		n->text = NULL;
	}
}

static void make_room(struct nodes *t)
{
	if (t->text_bytes > FOUND_MOST)
		for (size_t i = 0; i < ROWS_MAX; i++)
			make_room_in(t, i);
}

static struct node *newest(struct nodes *t, const struct where *where, uint64_t ino)
{
	struct node *n = *bucket(t, ino);

	while (n && !(n->newest && where_same(&n->where, where)))
		n = n->next;
	return n;
}

static void insert(struct nodes *t, struct node *n)
{
	struct node **head = bucket(t, n->ino), **row = &t->by_row[row_number(n->where.row)];

	n->lookups = 1;
	n->newest = true;
	n->next = *head;
	n->link = head;
	if (*head)
		(*head)->link = &n->next;
	*head = n;
	n->row_next = *row;
	n->row_link = row;
	if (*row)
		(*row)->row_link = &n->row_next;
	*row = n;
}

/* Files that a look at the table is enough for: nothing of them can have changed. */
static bool is_lasting(const struct where *w, const struct node *n, int64_t first_pos)
{
	if (has_text(w->row) || w->row->ops == &errors_ops)
		return false;
	if (w->row->shape == SHAPE_TREE)
		return true; /* nodes_change tells when not */
	if (w->row->shape == SHAPE_LOG)
		return n->first_pos == first_pos && w->row->ops != &since_ops;
	return true;
}

static struct node *find_lasting(struct nodes *t, struct node *parent, const struct where *where,
	uint64_t ino, int64_t first_pos)
{
	struct node *n;

	pthread_mutex_lock(&t->mutex);
	n = newest(t, where, ino);
	if (n && !is_lasting(where, n, first_pos))
		n = NULL;
	if (n) {
		n->lookups++;
		n->looked = ++t->looks;
		n->parent = parent;
	}
	pthread_mutex_unlock(&t->mutex);
	return n;
}

static int find(struct nodes *t, const struct caller *c, struct node *parent,
	const struct where *where, struct node **out, struct error *err)
{
	uint64_t ino = where_ino(where);
	struct node *fresh, *n;
	int64_t first_pos;
	uint64_t changes;
	int r;

	state_rdlock(t->loop);
	first_pos = t->loop->state->first_pos;
	state_unlock(t->loop);
	*out = find_lasting(t, parent, where, ino, first_pos);
	if (*out)
		return 0;
	fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	where_copy(&fresh->where, where);
	fresh->ino = ino;
	fresh->first_pos = first_pos;
	changes = __atomic_load_n(&t->changes, __ATOMIC_ACQUIRE);
	r = fill(t, c, fresh, err);
	if (r) {
		node_free(fresh);
		return r;
	}
	if (where->row->shape == SHAPE_LOG)
		fresh->nudged = node_bytes(t, fresh);
	pthread_mutex_lock(&t->mutex);
	if (where->row->shape == SHAPE_TREE && t->changes != changes) {
		pthread_mutex_unlock(&t->mutex);
		node_free(fresh);
		return -EAGAIN;
	}
	n = newest(t, where, ino);
	if (n && is_current(n, fresh)) {
		n->lookups++;
		n->first_pos = first_pos;
	} else {
		if (n)
			n->newest = false;
		if (is_found(fresh)) {
			t->text_bytes += fresh->text_len;
			make_room(t);
		}
		insert(t, fresh);
		n = fresh;
		fresh = NULL;
	}
	n->looked = ++t->looks;
	n->parent = parent;
	pthread_mutex_unlock(&t->mutex);
	if (fresh)
		node_free(fresh);
	*out = n;
	return 0;
}

/* What was looked at may have changed before its node was there to be told. */
int node_find(struct nodes *t, const struct caller *c, struct node *parent,
	const struct where *where, struct node **out, struct error *err)
{
	int r;

	do {
		r = find(t, c, parent, where, out, err);
	} while (r == -EAGAIN);
	return r;
}

static bool is_held(const struct nodes *t, const struct node *n)
{
	for (size_t i = 0; i < ROWS_MAX; i++)
		for (const struct node *at = t->by_row[i]; at; at = at->row_next)
			if (at == n)
				return true;
	return false;
}

int node_again(struct nodes *t, struct node *n)
{
	int r = -ENOENT;

	pthread_mutex_lock(&t->mutex);
	if (is_held(t, n)) {
		n->lookups++;
		r = 0;
	}
	pthread_mutex_unlock(&t->mutex);
	return r;
}

void node_forget(struct nodes *t, struct node *n, uint64_t count)
{
	bool gone = false;

	if (n == &t->root)
		return;
	pthread_mutex_lock(&t->mutex);
	n->lookups -= count < n->lookups ? count : n->lookups;
	if (n->lookups == 0) {
		text_gone(t, n);
		*n->link = n->next;
		if (n->next)
			n->next->link = n->link;
		*n->row_link = n->row_next;
		if (n->row_next)
			n->row_next->row_link = n->row_link;
		gone = true;
	}
	pthread_mutex_unlock(&t->mutex);
	if (gone)
		node_free(n);
}

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
	} else if (has_text(row)) {
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

static bool is_under(const struct node *n, const struct source *source)
{
	return n->where.row->shape == SHAPE_TREE && n->where.source == source;
}

static void change(struct node *n, void (*fn)(void *arg, struct node *), void *arg)
{
	n->newest = false;
	n->changes++;
	fn(arg, n);
}

/* The directory that a path is in lists something else. */
static void change_parent(struct nodes *t, const struct source *source, const char *path)
{
	struct where w = {.row = files_row(), .source = (struct source *)source, .is_dir = true};
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, (size_t)(slash - path)) : NULL;
	struct node *n;

	w.rest = dir ? rest_new(dir) : NULL;
	if (!slash || w.rest)
		for (n = *bucket(t, where_ino(&w)); n; n = n->next)
			if (where_same(&n->where, &w))
				n->changes++;
	rest_unref(w.rest);
	free(dir);
}

/* The nodes of one path; those below context/files alone, since a version of the past stays. */
static void change_path(struct nodes *t, const struct source *source, const char *path,
	void (*fn)(void *arg, struct node *), void *arg)
{
	struct where w = {.row = files_row(), .source = (struct source *)source};
	struct node *n;

	change_parent(t, source, path);
	w.rest = rest_new(path);
	if (!w.rest)
		return;
	for (n = *bucket(t, where_ino(&w)); n; n = n->next)
		if (n->newest && n->where.row == w.row && is_under(n, source) && n->where.rest &&
			strcmp(n->where.rest->text, path) == 0)
			change(n, fn, arg);
	rest_unref(w.rest);
}

static void change_all(struct nodes *t, const struct source *source,
	void (*fn)(void *arg, struct node *), void *arg)
{
	for (size_t i = 0; i < ROWS_MAX; i++)
		for (struct node *n = t->by_row[i]; n; n = n->row_next)
			if (is_under(n, source))
				change(n, fn, arg);
}

void nodes_change(struct nodes *t, const struct source *source, const char *const *paths,
	size_t count, void (*fn)(void *arg, struct node *), void *arg)
{
	pthread_mutex_lock(&t->mutex);
	__atomic_add_fetch(&t->changes, 1, __ATOMIC_RELEASE);
	for (size_t i = 0; i < count; i++)
		change_path(t, source, paths[i], fn, arg);
	if (!paths)
		change_all(t, source, fn, arg);
	pthread_mutex_unlock(&t->mutex);
}

/* Whether what nodes_change() marked is what is there after all: a sync tells of a change when it
 * is there to be seen, and who looks in between has the new version already. */
static bool is_current_still(const struct caller *c, const struct node *n)
{
	struct node now = {.where = n->where}; /* borrows */

	return !source_gone(n->where.source) && source_visible(n->where.source, c->uid) &&
	       look(c, &now) == 0 && now.content.is_file && is_current(n, &now);
}

static bool is_stale(struct nodes *t, const struct caller *c, struct node *n, bool unused)
{
	uint64_t changes;
	bool stale;

	if (n->where.row->shape != SHAPE_TREE)
		return false;
	pthread_mutex_lock(&t->mutex);
	changes = t->changes;
	stale = !n->newest && !(unused && atomic_load(&n->opens));
	pthread_mutex_unlock(&t->mutex);
	if (!stale || !n->content.is_file || !is_current_still(c, n))
		return stale;
	pthread_mutex_lock(&t->mutex);
	if (t->changes == changes && !newest(t, &n->where, n->ino))
		n->newest = true;
	pthread_mutex_unlock(&t->mutex);
	return false;
}

/* Whether that thread was told for this file, and found this version since. To open it ends what it
 * was told; for its attributes it must have been opening. */
static bool was_told(struct nodes *t, pid_t tid, const struct node *n, bool opening)
{
	const int64_t since_us = loop_mono_us(t->loop) - TOLD_US;
	bool told = false;

	for (struct told *at = t->told; at < t->told + TOLD_MAX; at++) {
		if (at->tid != tid)
			continue;
		if (at->ino == n->ino && at->looks < n->looked && at->time_us > since_us)
			told = told || opening || at->opening;
		if (opening || !told)
			at->tid = 0;
	}
	return told;
}

/* Whether it may have this version though it is stale; else it is told. */
static bool may_still(struct nodes *t, pid_t tid, const struct node *n, bool opening, bool stale)
{
	bool told;

	if (tid == 0)
		return false;
	pthread_mutex_lock(&t->mutex);
	told = was_told(t, tid, n, opening);
	if (stale && !told) {
		t->told[t->told_next] =
			(struct told){tid, opening, n->ino, t->looks, loop_mono_us(t->loop)};
		t->told_next = (t->told_next + 1) % TOLD_MAX;
	}
	pthread_mutex_unlock(&t->mutex);
	return told && stale;
}

bool node_is_stale(struct nodes *t, const struct caller *c, struct node *n)
{
	return is_stale(t, c, n, true) && !may_still(t, c->pid, n, false, true);
}

bool node_is_stale_to_open(struct nodes *t, const struct caller *c, struct node *n, bool *again)
{
	bool stale = is_stale(t, c, n, false);

	*again = n->where.row->shape == SHAPE_TREE && may_still(t, c->pid, n, true, stale);
	return stale;
}

bool node_is_newest(struct nodes *t, struct node *n)
{
	bool newest;

	pthread_mutex_lock(&t->mutex);
	newest = n->newest;
	pthread_mutex_unlock(&t->mutex);
	return newest;
}

bool node_lists(struct nodes *t, struct node *n, bool *kept)
{
	bool synced = n->where.row == files_row() && n->where.is_dir;

	pthread_mutex_lock(&t->mutex);
	*kept = n->listed == n->changes + 1;
	n->listed = n->changes + 1;
	pthread_mutex_unlock(&t->mutex);
	return synced;
}

int node_has_text(struct nodes *t, const struct node *n)
{
	bool gone;

	pthread_mutex_lock(&t->mutex);
	gone = n->no_text;
	pthread_mutex_unlock(&t->mutex);
	return gone ? -ESTALE : 0;
}

void node_opened(struct node *n)
{
	atomic_fetch_add(&n->opens, 1);
}

void node_closed(struct node *n)
{
	atomic_fetch_sub(&n->opens, 1);
}

void nodes_each(
	struct nodes *t, const struct row *row, void (*fn)(void *arg, struct node *), void *arg)
{
	pthread_mutex_lock(&t->mutex);
	for (struct node *n = t->by_row[row_number(row)]; n; n = n->row_next)
		fn(arg, n);
	pthread_mutex_unlock(&t->mutex);
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
