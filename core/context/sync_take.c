/* Taking what was fetched. */
#include "core/context/sync_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int64_t asked(const struct sync *s, const struct member *m)
{
	return m->asked_us != 0 ? m->asked_us : s->start.clock->wall_us(s->start.clock);
}

int sync_begin_content(struct sync *s, struct object_writer **out, struct error *err)
{
	const int64_t most = s->config.max_file;
	int status = sync_check(s, err);

	if (status < 0)
		return status;
	return object_begin(
		catalog_objects(s->start.catalog), most > 0 ? (uint64_t)most : 0, out, err);
}

static struct job *describe(struct sync *s, const struct member *m, struct error *err)
{
	struct job *job = job_new(s, JOB_PUT, m->path, err);

	if (job == NULL || job_describe(job, m, err) == 0) {
		if (job != NULL)
			job->entry.asked_us = asked(s, m);
		return job;
	}
	job_free(job);
	return NULL;
}

int sync_take(struct sync *s, const struct member *m, struct object_writer *w, struct error *err)
{
	int status = sync_check(s, err);
	struct error why = {0};
	struct job *job;

	job = status == 0 ? describe(s, m, err) : NULL;
	if (job == NULL) {
		object_cancel(w);
		return status < 0 ? status : -ENOMEM;
	}
	status = object_finish_keep(w, &job->entry.object, &job->entry.size, &job->bytes, &why);
	if (status < 0) {
		job_free(job);
		error_set(err, why.code, "%s", why.text);
		return sync_fail(s, &why);
	}
	job->held = true;
	job->entry.fetched = true;
	job->len = job->bytes != NULL ? (size_t)job->entry.size : 0;
	pthread_mutex_lock(&s->mutex);
	s->fetched_bytes += (int64_t)job->entry.size;
	pthread_mutex_unlock(&s->mutex);
	return sync_queue(s, job, err);
}

static int touch(struct sync *s, const struct member *m, const struct entry *e, struct error *err)
{
	struct job *job = job_new(s, JOB_TOUCH, m->path, err);

	if (job == NULL)
		return -ENOMEM;
	entry_release(&job->entry);
	if (catalog_copy(e, &job->entry) < 0) {
		job_free(job);
		return error_set(err, ENOMEM, "out of memory");
	}
	job->entry.asked_us = asked(s, m);
	if (m->modified_us != 0 && m->modified_us != e->modified_us) {
		job->entry.modified_us = m->modified_us;
		job->shown = true;
	}
	if (m->etag != NULL && (e->etag == NULL || strcmp(m->etag, e->etag) != 0)) {
		free(job->entry.etag);
		job->entry.etag = strdup(m->etag);
	}
	return sync_queue(s, job, err);
}

int sync_same(struct sync *s, const struct member *m, struct error *err)
{
	struct entry e = {0};
	int status = sync_check(s, err);

	if (status < 0)
		return status;
	status = catalog_find(s->start.catalog, s->start.source, m->path, &e);
	if (status == 0 && e.fetched)
		status = touch(s, m, &e, err);
	else if (status == -ENOENT)
		status = 0; /* it went meanwhile */
	else if (status < 0)
		error_set(err, -status, "the catalog can't be read");
	entry_release(&e);
	if (status < 0)
		return status;
	pthread_mutex_lock(&s->mutex);
	s->unchanged++;
	pthread_mutex_unlock(&s->mutex);
	return 0;
}

int sync_too_large(struct sync *s, const struct member *m, struct error *err)
{
	struct job *job;
	int status = sync_check(s, err);

	if (status < 0)
		return status;
	job = describe(s, m, err);
	return job != NULL ? sync_queue(s, job, err) : -ENOMEM;
}
