/* What a source says that it has, against what the catalog has of it: what is to be done next. */
#include "core/context/sync_private.h"

#include "core/base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A date this young may be told again of what was written after it. */
#define YOUNG_US (2 * SECOND_US)

/* ETags (RFC 9110, section 8.8.3). */

static bool is_weak(const char *etag)
{
	return etag[0] == 'W' && etag[1] == '/';
}

/* In quotes, as it must be; of what is not, nothing can be said. */
static bool is_strong(const char *etag)
{
	size_t len = strlen(etag);

	return len > 2 && etag[0] == '"' && etag[len - 1] == '"';
}

static bool has_etag(const char *etag)
{
	return etag != NULL && etag[0] != '\0' && strcmp(etag, "\"\"") != 0;
}

static bool weakly_same(const char *a, const char *b)
{
	return strcmp(a + (is_weak(a) ? 2 : 0), b + (is_weak(b) ? 2 : 0)) == 0;
}

enum verdict { SAME, FETCH, ASK };

/* As the header says. */
static enum verdict compare(const struct entry *e, const struct member *m)
{
	const bool etags = has_etag(e->etag) && has_etag(m->etag);

	if (!e->fetched)
		return FETCH;
	if (m->size >= 0 && (uint64_t)m->size != e->size)
		return FETCH;
	if (m->modified_us != 0 && m->modified_us != e->modified_us)
		return FETCH;
	if (etags && is_strong(m->etag) && strcmp(e->etag, m->etag) == 0)
		return SAME;
	if (etags && !weakly_same(e->etag, m->etag))
		return FETCH;
	if (m->size < 0 || m->modified_us == 0)
		return has_etag(e->etag) || e->modified_us != 0 ? ASK : FETCH;
	return e->modified_us + YOUNG_US > e->asked_us ? FETCH : SAME;
}

/* Listings. */

/* What a listing makes to be done, kept while a reader is held: to queue may wait for the worker,
 * which needs readers too. */
struct listing {
	struct sync *sync;
	const struct member **members; /* in order of names, each once */
	size_t count, next;
	size_t skip;                /* bytes of a member's path before its name */
	struct buf gone;            /* names, each with a NUL */
	struct buf replaced;        /* and those of directories that are files now, or were */
	const struct member **puts; /* directories that differ, files that are too large */
	size_t put_count;
	int64_t unchanged;
};

static bool is_too_large(const struct sync *s, const struct member *m)
{
	return !m->is_dir && m->size > s->config.max_file;
}

static int meet(struct listing *l, const struct member *m, const struct entry *e)
{
	struct sync *s = l->sync;
	enum verdict verdict;

	if (e != NULL && e->is_dir != m->is_dir) {
		buf_add(&l->replaced, e->name, strlen(e->name) + 1);
		e = NULL;
	}
	if (m->is_dir) {
		if (e == NULL || (m->modified_us != 0 && m->modified_us != e->modified_us))
			l->puts[l->put_count++] = m;
		return sync_want(s, m, NULL);
	}
	if (is_too_large(s, m)) {
		if (e == NULL || e->fetched || e->size != (uint64_t)m->size ||
			e->modified_us != m->modified_us)
			l->puts[l->put_count++] = m;
		else
			l->unchanged++;
		return 0;
	}
	verdict = e != NULL ? compare(e, m) : FETCH;
	/* A loss of power may have taken what was written last. */
	if (verdict != FETCH &&
		!object_is_whole(catalog_objects(s->start.catalog), &e->object, e->size))
		verdict = FETCH;
	if (verdict == SAME) {
		l->unchanged++;
		return 0;
	}
	return sync_want(s, m, verdict == ASK ? e : NULL);
}

/* Each entry that is there comes in order of names, too. */
static int meet_entry(void *arg, const struct entry *e)
{
	struct listing *l = arg;
	int order = 1, status = 0;

	while (status == 0 && l->next < l->count &&
		(order = strcmp(l->members[l->next]->path + l->skip, e->name)) < 0)
		status = meet(l, l->members[l->next++], NULL);
	if (status < 0)
		return status;
	if (l->next < l->count && order == 0)
		return meet(l, l->members[l->next++], e);
	buf_add(&l->gone, e->name, strlen(e->name) + 1);
	return 0;
}

static void complain(struct sync *s, const char *path, const char *what)
{
	struct error why = {0};

	error_set(&why, EINVAL, "%s", what);
	sync_trouble(s, path, &why);
}

/* Whether it can be there under that name. */
static bool is_sound(struct sync *s, const char *path, const char *name)
{
	const size_t len = strlen(name);

	if (len == 0 || strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
		strcmp(name, "..") == 0 || !text_is_utf8(name, len, NULL))
		complain(s, NULL, "a bad path was told of");
	else if (len > ENTRY_NAME_MAX || strlen(path) > ENTRY_PATH_MAX)
		complain(s, path, "the name is too long");
	else
		return true;
	return false;
}

static int by_path(const void *a, const void *b)
{
	const struct member *const *x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

/* Takes the members that are to be there, in order. */
static void take_members(
	struct listing *l, const char *dir, const struct member *members, size_t count)
{
	struct sync *s = l->sync;
	const size_t len = strlen(dir);
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		const struct member *m = &members[i];

		if (len > 0 && (strncmp(m->path, dir, len) != 0 || m->path[len] != '/')) {
			complain(s, NULL, "a path was told of that is not in its directory");
			continue;
		}
		if (is_sound(s, m->path, m->path + l->skip) &&
			source_wants(&s->config, m->path, m->is_dir))
			l->members[l->count++] = m;
	}
	if (l->count == 0)
		return;
	qsort(l->members, l->count, sizeof(*l->members), by_path);
	for (size_t i = 0; i < l->count; i++)
		if (i == 0 || strcmp(l->members[i]->path, l->members[i - 1]->path) != 0)
			l->members[kept++] = l->members[i];
	l->count = kept;
}

static int queue_removal(struct sync *s, const char *path, struct error *err)
{
	struct job *job = job_new(s, JOB_REMOVE, path, err);

	return job == NULL ? -ENOMEM : sync_queue(s, job, err);
}

static int queue_put(struct sync *s, const struct member *m, struct error *err)
{
	struct job *job = job_new(s, JOB_PUT, m->path, err);

	if (job == NULL)
		return -ENOMEM;
	if (job_describe(job, m, err) < 0) {
		job_free(job);
		return -ENOMEM;
	}
	return sync_queue(s, job, err);
}

static int queue_removals(
	struct sync *s, const char *dir, const struct buf *names, struct error *err)
{
	struct buf path = BUF_INIT;
	int status = 0;

	for (size_t at = 0; status == 0 && at < names->len; at += strlen(names->data + at) + 1) {
		buf_reset(&path);
		if (dir[0] != '\0')
			buf_addf(&path, "%s/", dir);
		buf_adds(&path, names->data + at);
		status = buf_error(&path);
		if (status < 0)
			error_set(err, -status, "out of memory");
		else
			status = queue_removal(s, path.data, err);
	}
	buf_release(&path);
	return status;
}

static int reconcile(struct listing *l, const char *dir)
{
	struct sync *s = l->sync;
	int status = catalog_list(s->start.catalog, s->start.source, dir, meet_entry, l);

	while (status == 0 && l->next < l->count)
		status = meet(l, l->members[l->next++], NULL);
	if (status == 0)
		status = buf_error(&l->gone);
	return status == 0 ? buf_error(&l->replaced) : status;
}

static int queue_all(struct listing *l, const char *dir, struct error *err)
{
	int status = queue_removals(l->sync, dir, &l->gone, err);

	if (status == 0)
		status = queue_removals(l->sync, dir, &l->replaced, err);
	for (size_t i = 0; status == 0 && i < l->put_count; i++)
		status = queue_put(l->sync, l->puts[i], err);
	return status;
}

int sync_listing(struct sync *s, const char *dir, const struct member *members, size_t count,
	const struct wanted **wanted, size_t *wanted_count, struct error *err)
{
	struct listing l = {.sync = s, .skip = dir[0] != '\0' ? strlen(dir) + 1 : 0};
	int status = sync_check(s, err);

	if (status < 0)
		return status;
	sync_forget_wanted(s);
	l.members = calloc(count + 1, sizeof(*l.members));
	l.puts = calloc(count + 1, sizeof(*l.puts));
	status = l.members == NULL || l.puts == NULL ? -ENOMEM : 0;
	if (status == 0) {
		take_members(&l, dir, members, count);
		status = reconcile(&l, dir);
	}
	if (status < 0)
		error_set(err, -status, "the listing can't be compared: %s", strerror(-status));
	else
		status = queue_all(&l, dir, err);
	if (status == 0) {
		pthread_mutex_lock(&s->mutex);
		s->listed += (int64_t)l.count;
		s->unchanged += l.unchanged;
		pthread_mutex_unlock(&s->mutex);
		*wanted = s->wanted;
		*wanted_count = s->wanted_count;
	}
	buf_release(&l.gone);
	buf_release(&l.replaced);
	free(l.members);
	free(l.puts);
	return status;
}

/* Single members. */

static int changed(struct listing *l, const struct member *m, struct error *err)
{
	struct sync *s = l->sync;
	struct entry e = {0};
	int status = catalog_find(s->start.catalog, s->start.source, m->path, &e);
	bool found = status == 0;

	if (status < 0 && status != -ENOENT)
		return error_set(err, -status, "the catalog can't be read");
	if (source_wants(&s->config, m->path, m->is_dir)) {
		status = meet(l, m, found ? &e : NULL);
		if (status == 0 && (status = buf_error(&l->replaced)) == 0 && l->replaced.len > 0)
			status = queue_removal(s, m->path, err);
		else if (status < 0)
			error_set(err, -status, "out of memory");
		if (status == 0 && l->put_count > 0)
			status = queue_put(s, m, err);
	} else {
		status = found ? queue_removal(s, m->path, err) : 0;
	}
	entry_release(&e);
	return status;
}

int sync_changed(
	struct sync *s, const struct member *m, const struct wanted **wanted, struct error *err)
{
	const struct member *put[1];
	struct listing l = {.sync = s, .puts = put};
	int status = sync_check(s, err);

	if (status < 0)
		return status;
	sync_forget_wanted(s);
	if (is_sound(s, m->path, catalog_name(m->path)))
		status = changed(&l, m, err);
	buf_release(&l.replaced);
	if (status < 0)
		return status;
	pthread_mutex_lock(&s->mutex);
	s->listed++;
	s->unchanged += l.unchanged;
	pthread_mutex_unlock(&s->mutex);
	*wanted = s->wanted_count > 0 ? s->wanted : NULL;
	return 0;
}

int sync_removed(struct sync *s, const char *path, struct error *err)
{
	int status = sync_check(s, err);

	/* Its root is gone only when the source is. */
	if (status < 0 || path[0] == '\0')
		return status;
	return queue_removal(s, path, err);
}
