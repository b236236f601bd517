/*
 * The worker: makes texts of what was fetched, and commits changes in the order in which the runner
 * told of them, some at a time.
 */
#include "core/context/sync_private.h"

#include "core/base/grow.h"
#include "core/base/thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH_MS    100                /* that a change waits for others */
#define REMOVE_SOME 256                /* entries in one commit */
#define ROOM_LEAST  ((size_t)64 << 10) /* bytes for what a batch writes beside texts */

struct batch {
	struct jobs jobs;
	size_t count, bytes;
	/* Of the commit that is being made. */
	struct counts counts;
	struct paths shown, changed;
	bool failed_path; /* out of memory for one of them */
	char *parent;     /* a directory that is known to be there */
};

/* Paths. */

int paths_add(struct paths *p, const char *path)
{
	char **items = grow(p->items, p->count + 1, &p->cap, sizeof(*items), 32); /* and a NULL */

	if (items == NULL)
		return -ENOMEM;
	p->items = items;
	p->items[p->count] = strdup(path);
	if (p->items[p->count] == NULL)
		return -ENOMEM;
	p->items[++p->count] = NULL;
	return 0;
}

void paths_release(struct paths *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->items[i]);
	free(p->items);
	*p = (struct paths){0};
}

/* Texts. */

/* Whether the content is what the catalog has: then no text is needed. */
static bool is_known(struct sync *s, const struct job *job, const char *path)
{
	struct entry old = {0};
	bool known;

	if (s->fresh || catalog_find(s->start.catalog, s->start.source, path, &old) < 0)
		return false;
	known = old.fetched && memcmp(&old.object, &job->entry.object, sizeof(old.object)) == 0;
	entry_release(&old);
	return known;
}

static int text_of(struct sync *s, struct job *job, const char *path, struct error *err)
{
	struct catalog *c = s->start.catalog;
	const struct entry *e = &job->entry;
	int status = 0;

	if (job->bytes == NULL && e->size > 0)
		status = object_load(catalog_objects(c), &e->object, e->size, INDEXED_MAX,
			&job->bytes, &job->len);
	if (status == 0)
		status = catalog_text_of(c, path, e->type, job->bytes != NULL ? job->bytes : "",
			job->len, &job->title, &job->body, err);
	else
		error_set(err, -status, "%s: %s", path, strerror(-status));
	job->searched = status == 0;
	return status == -ENOMEM ? status : 0; /* else it is shown, and not searched */
}

static int prepare(struct sync *s, struct job *job)
{
	const struct entry *e = &job->entry;
	struct error why = {0};
	char *path;
	int status = 0;

	if (job->kind == JOB_PUT && e->fetched && e->size <= INDEXED_MAX &&
		sync_check(s, NULL) == 0) {
		path = entry_path(e);
		if (path == NULL)
			status = error_set(&why, ENOMEM, "out of memory");
		else if (!is_known(s, job, path))
			status = text_of(s, job, path, &why);
		free(path);
	}
	free(job->bytes);
	job->bytes = NULL;
	if (status < 0)
		sync_fail(s, &why);
	return status;
}

/* Applying, within a commit. */

static void note_path(struct batch *b, const char *path, bool content)
{
	if (paths_add(&b->shown, path) < 0 || (content && b->changed.count < SYNC_PATHS_MAX + 1 &&
						      paths_add(&b->changed, path) < 0))
		b->failed_path = true;
}

static void note_entry(struct batch *b, const struct entry *e, bool content)
{
	char *path = entry_path(e);

	if (path != NULL)
		note_path(b, path, content);
	else
		b->failed_path = true;
	free(path);
}

static int put_directory(
	struct sync *s, struct batch *b, const char *path, size_t len, struct error *err)
{
	char *whole = strndup(path, len);
	struct job *job = whole != NULL ? job_new(s, JOB_PUT, whole, err) : NULL;
	const struct member m = {.path = whole, .is_dir = true};
	bool changed = false;
	int status;

	status = job != NULL ? job_describe(job, &m, err) : -ENOMEM;
	if (status == 0)
		status = catalog_put(s->start.catalog, &job->entry, NULL, 0, NULL, 0,
			(int)s->config.history, &changed, err);
	if (status == 0 && changed)
		note_path(b, whole, false);
	job_free(job);
	free(whole);
	return status;
}

/* Makes the directories above, where a server told of a file before them. */
static int put_parents(struct sync *s, struct batch *b, const char *dir, struct error *err)
{
	size_t len = strlen(dir);
	int status = 0;

	if (len == 0 || (b->parent != NULL && strcmp(b->parent, dir) == 0))
		return 0;
	for (size_t at = 1; status == 0 && at <= len; at++)
		if (at == len || dir[at] == '/')
			status = put_directory(s, b, dir, at, err);
	free(b->parent);
	b->parent = status == 0 ? strdup(dir) : NULL;
	return status;
}

static int apply_put(struct sync *s, struct batch *b, struct job *job, struct error *err)
{
	struct catalog *c = s->start.catalog;
	const bool before = c->changed;
	struct entry *e = &job->entry;
	bool changed = false, shown;
	int64_t last;
	int status = put_parents(s, b, e->dir, err);

	if (status < 0)
		return status;
	last = c->last_id; /* what is made gets a greater one */
	c->changed = false;
	status = catalog_put(c, e, job->title.data, job->title.len,
		job->searched ? (job->body.data != NULL ? job->body.data : "") : NULL,
		job->body.len, (int)s->config.history, &changed, err);
	shown = c->changed;
	c->changed = c->changed || before;
	if (status < 0)
		return status;
	if (changed && !e->is_dir) {
		b->counts.added += e->id > last;
		b->counts.changed += e->id <= last;
	}
	b->counts.same += !changed && e->fetched;
	if (shown)
		note_entry(b, e, changed && !e->is_dir);
	return 0;
}

static void gone(void *arg, const char *path, bool is_dir)
{
	struct batch *b = arg;

	b->counts.removed += !is_dir;
	note_path(b, path, !is_dir);
}

static int apply(struct sync *s, struct batch *b, struct job *job, bool *more, struct error *err)
{
	struct catalog *c = s->start.catalog;
	char *path;
	int status;

	*more = false;
	if (job->kind == JOB_PUT)
		return apply_put(s, b, job, err);
	if (job->kind == JOB_TOUCH) {
		if (job->shown)
			note_entry(b, &job->entry, false);
		return catalog_touch(c, &job->entry, job->shown, err);
	}
	path = entry_path(&job->entry);
	if (path == NULL)
		return error_set(err, ENOMEM, "out of memory");
	free(b->parent);
	b->parent = NULL;
	status = catalog_remove_some(
		c, s->start.source, path, (int)s->config.history, REMOVE_SOME, gone, b, more, err);
	free(path);
	return status;
}

/* Committing. */

static void keep_changed(struct sync *s, struct paths *changed)
{
	for (size_t i = 0; i < changed->count; i++) {
		if (s->changed.count >= SYNC_PATHS_MAX ||
			paths_add(&s->changed, changed->items[i]) < 0) {
			s->more_changed = true;
			break;
		}
	}
}

struct publishing {
	struct sync *sync;
	struct batch *batch;
};

static void publish(void *arg)
{
	const struct publishing *p = arg;
	const struct sync_start *start = &p->sync->start;
	const struct paths *shown = &p->batch->shown;

	if (shown->count > 0 && start->published != NULL)
		start->published(start->arg, (const char *const *)shown->items, shown->count);
}

static int commit(struct sync *s, struct batch *b, struct error *err)
{
	struct publishing p = {s, b};
	int status = catalog_commit_told(s->start.catalog, publish, &p, err);

	if (status == 0) {
		pthread_mutex_lock(&s->mutex);
		s->counts.added += b->counts.added;
		s->counts.changed += b->counts.changed;
		s->counts.removed += b->counts.removed;
		s->unchanged += b->counts.same;
		pthread_mutex_unlock(&s->mutex);
		keep_changed(s, &b->changed);
		if (b->failed_path)
			s->more_changed = true;
	}
	b->counts = (struct counts){0};
	paths_release(&b->shown);
	paths_release(&b->changed);
	return status;
}

static int commit_all(struct sync *s, struct batch *b, struct error *err)
{
	struct catalog *c = s->start.catalog;
	struct job *job;
	int status;
	bool more;

	/* Its text and the index of that. */
	if (!db_has_room(catalog_db(c), 2 * b->bytes + ROOM_LEAST))
		return error_set(err, ENOSPC, "the catalog has no room left on the disk");
	status = catalog_begin(c, err);
	if (status < 0)
		return status;
	STAILQ_FOREACH(job, &b->jobs, link)
	{
		while ((status = apply(s, b, job, &more, err)) == 0 && more && !sync_stopping(s)) {
			/* Much is to be removed: others may write meanwhile. */
			if ((status = commit(s, b, err)) < 0)
				return status;
			db_yield(catalog_db(c));
			if ((status = catalog_begin(c, err)) < 0)
				return status;
		}
		if (status < 0) {
			catalog_rollback(c);
			return status;
		}
	}
	return commit(s, b, err);
}

static void release_jobs(struct sync *s, struct batch *b, bool committed)
{
	struct catalog *c = s->start.catalog;
	struct job *job;

	while ((job = STAILQ_FIRST(&b->jobs)) != NULL) {
		STAILQ_REMOVE_HEAD(&b->jobs, link);
		if (job->held) {
			object_release(catalog_objects(c), &job->entry.object);
			if (!committed)
				catalog_drop_object(c, &job->entry.object);
		}
		job_free(job);
	}
	b->count = b->bytes = 0;
}

/* A batch that failed for want of room leaves the WAL as long as it had become. */
static void make_room(struct sync *s)
{
	struct db *db = catalog_db(s->start.catalog);

	db_lock(db);
	db_make_room(db);
	db_unlock(db);
}

static void write_batch(struct sync *s, struct batch *b)
{
	struct error why = {0};
	bool whole = false;

	if (sync_check(s, NULL) == 0) {
		whole = commit_all(s, b, &why) == 0;
		if (!whole && why.code == ENOSPC)
			make_room(s);
		if (!whole)
			sync_fail(s, &why);
	}
	release_jobs(s, b, whole);
	b->counts = (struct counts){0};
	paths_release(&b->shown);
	paths_release(&b->changed);
	if (!whole) {
		free(b->parent);
		b->parent = NULL;
	}
}

/* Gathers what comes until it is much, or the first has waited. */
static void gather(struct sync *s, struct batch *b)
{
	struct timespec until = {0};
	struct job *job = sync_next(s, NULL);

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += BATCH_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	while (job != NULL) {
		prepare(s, job);
		STAILQ_INSERT_TAIL(&b->jobs, job, link);
		b->count++;
		b->bytes += job->body.len;
		if (b->count >= SYNC_BATCH_MAX || b->bytes >= SYNC_BATCH_BYTES)
			break;
		job = sync_next(s, &until);
	}
}

static void *work(void *arg)
{
	struct sync *s = arg;
	struct batch b = {0};

	STAILQ_INIT(&b.jobs);
	while (!sync_drained(s)) {
		gather(s, &b);
		if (b.count > 0)
			write_batch(s, &b);
	}
	free(b.parent);
	return NULL;
}

int sync_work_start(struct sync *s, struct error *err)
{
	int status = thread_start(&s->worker, "index", work, s, err);

	s->has_worker = status == 0;
	return status;
}

void sync_work_end(struct sync *s)
{
	if (!s->has_worker)
		return;
	pthread_mutex_lock(&s->mutex);
	s->ending = true;
	pthread_cond_broadcast(&s->more);
	pthread_mutex_unlock(&s->mutex);
	pthread_join(s->worker, NULL);
	s->has_worker = false;
}
