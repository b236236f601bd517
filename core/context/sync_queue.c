/* Changes on their way from the runner to the worker. */
#include "core/context/sync_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct job *job_new(struct sync *s, enum job_kind kind, const char *path, struct error *err)
{
	const char *name = catalog_name(path);
	struct job *job = calloc(1, sizeof(*job));

	if (job != NULL) {
		job->kind = kind;
		job->entry.source = s->start.source;
		job->entry.name = strdup(name);
		job->entry.dir = strndup(path, name == path ? 0 : (size_t)(name - path) - 1);
		if (job->entry.name != NULL && job->entry.dir != NULL)
			return job;
		job_free(job);
	}
	error_set(err, ENOMEM, "out of memory");
	return NULL;
}

int job_describe(struct job *job, const struct member *m, struct error *err)
{
	struct entry *e = &job->entry;

	e->is_dir = m->is_dir;
	e->size = m->size > 0 && !m->is_dir ? (uint64_t)m->size : 0;
	e->modified_us = m->modified_us;
	e->asked_us = m->asked_us;
	e->type = strdup(m->type != NULL ? m->type : "");
	e->etag = m->etag != NULL ? strdup(m->etag) : NULL;
	if (e->type != NULL && (e->etag != NULL || m->etag == NULL))
		return 0;
	return error_set(err, ENOMEM, "out of memory");
}

void job_free(struct job *job)
{
	if (job == NULL)
		return;
	entry_release(&job->entry);
	free(job->bytes);
	buf_release(&job->title);
	buf_release(&job->body);
	free(job);
}

int sync_queue(struct sync *s, struct job *job, struct error *err)
{
	pthread_mutex_lock(&s->mutex);
	while (s->status == 0 &&
		(s->queued >= SYNC_QUEUE_MAX || s->queued_bytes >= SYNC_QUEUE_BYTES))
		pthread_cond_wait(&s->room, &s->mutex);
	/* What failed takes no more, but frees all alike. */
	s->queued++;
	s->queued_bytes += job->len;
	STAILQ_INSERT_TAIL(&s->jobs, job, link);
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->mutex);
	return sync_check(s, err);
}

struct job *sync_next(struct sync *s, const struct timespec *until)
{
	struct job *job;
	int code = 0;

	pthread_mutex_lock(&s->mutex);
	while (STAILQ_EMPTY(&s->jobs) && !s->ending && code != ETIMEDOUT)
		code = until != NULL ? pthread_cond_timedwait(&s->more, &s->mutex, until)
				     : pthread_cond_wait(&s->more, &s->mutex);
	job = STAILQ_FIRST(&s->jobs);
	if (job != NULL) {
		STAILQ_REMOVE_HEAD(&s->jobs, link);
		s->queued--;
		s->queued_bytes -= job->len;
		pthread_cond_signal(&s->room);
	}
	pthread_mutex_unlock(&s->mutex);
	return job;
}

bool sync_drained(struct sync *s)
{
	bool drained;

	pthread_mutex_lock(&s->mutex);
	drained = s->ending && STAILQ_EMPTY(&s->jobs);
	pthread_mutex_unlock(&s->mutex);
	return drained;
}
