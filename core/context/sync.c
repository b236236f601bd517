#include "core/context/sync_private.h"

#include "core/base/text.h"
#include "core/base/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MAX (3600 * SECOND_US)

static char *copy(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

static void sync_free(struct sync *s)
{
	source_config_release(&s->config);
	free(s->memory);
	free(s->new_memory);
	arena_free(s->arena);
	free(s->wanted);
	paths_release(&s->changed);
	pthread_cond_destroy(&s->more);
	pthread_cond_destroy(&s->room);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

static void init_locks(struct sync *s)
{

	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->room, NULL);
	thread_cond_init(&s->more);
}

int sync_begin(const struct sync_start *start, struct sync **out, struct error *err)
{
	struct sync *s = calloc(1, sizeof(*s));
	int status;

	if (s == NULL)
		return error_set(err, ENOMEM, "out of memory");
	s->start = *start;
	init_locks(s);
	STAILQ_INIT(&s->jobs);
	s->began_us = start->clock->wall_us(start->clock);
	s->memory = copy(start->memory);
	status = s->memory == NULL && start->memory != NULL ? -ENOMEM : 0;
	if (status == 0)
		status = source_config_copy(&s->config, start->config);
	if (status < 0)
		status = error_set(err, ENOMEM, "out of memory");
	/* From now on a crash may leave objects that nobody refers to. */
	if (status == 0)
		status = catalog_mark(start->catalog, err);
	if (status == 0) {
		s->fresh = catalog_is_empty(start->catalog, start->source);
		status = sync_work_start(s, err);
	}
	if (status < 0) {
		sync_free(s);
		return status;
	}
	*out = s;
	return 0;
}

const struct source_config *sync_config(const struct sync *s)
{
	return &s->config;
}

uid_t sync_uid(const struct sync *s)
{
	return s->start.uid;
}

gid_t sync_gid(const struct sync *s)
{
	return s->start.gid;
}

bool sync_stopping(const struct sync *s)
{
	return s->start.stop != NULL && *s->start.stop;
}

const char *sync_memory(const struct sync *s)
{
	return s->new_memory != NULL ? s->new_memory : s->memory;
}

int sync_set_memory(struct sync *s, const char *text)
{
	char *new = strdup(text);

	if (new == NULL)
		return -ENOMEM;
	free(s->new_memory);
	s->new_memory = new;
	return 0;
}

/* What goes wrong, and what is told. */

int sync_check(struct sync *s, struct error *err)
{
	int status;

	pthread_mutex_lock(&s->mutex);
	status = s->status;
	if (status < 0)
		error_set(err, s->error.code, "%s", s->error.text);
	pthread_mutex_unlock(&s->mutex);
	return status;
}

int sync_fail(struct sync *s, const struct error *why)
{
	int status;

	pthread_mutex_lock(&s->mutex);
	if (s->status == 0) {
		s->error = *why;
		if (why->code == 0)
			error_set(&s->error, EIO, "the catalog can't be written");
		s->status = -s->error.code;
	}
	status = s->status;
	/* Who waits for room need not. */
	pthread_cond_broadcast(&s->room);
	pthread_mutex_unlock(&s->mutex);
	return status;
}

void sync_trouble(struct sync *s, const char *path, const struct error *err)
{
	const char *sep = path != NULL && path[0] != '\0' ? ": " : "";

	pthread_mutex_lock(&s->mutex);
	s->failed++;
	error_set(&s->trouble, err->code != 0 ? err->code : EIO, "%.150s%s%s",
		path != NULL ? path : "", sep, err->text);
	pthread_mutex_unlock(&s->mutex);
}

void sync_retry_after(struct sync *s, int64_t us)
{
	us = us < 0 ? 0 : us > RETRY_MAX ? RETRY_MAX : us;
	pthread_mutex_lock(&s->mutex);
	if (us > s->retry_after_us)
		s->retry_after_us = us;
	pthread_mutex_unlock(&s->mutex);
}

void sync_note(struct sync *s, const char *what)
{
	pthread_mutex_lock(&s->mutex);
	/* Its text: cut at a character, without control characters. */
	error_set(&s->note, EIO, "%s", what);
	pthread_mutex_unlock(&s->mutex);
}

void sync_describe(struct sync *s, struct buf *out)
{
	pthread_mutex_lock(&s->mutex);
	buf_addf(out,
		"\"listed\":%lld,\"unchanged\":%lld,\"added\":%lld,\"changed\":%lld,"
		"\"removed\":%lld,\"failed\":%lld,\"fetched_bytes\":%lld,\"queued\":%zu",
		(long long)s->listed, (long long)s->unchanged, (long long)s->counts.added,
		(long long)s->counts.changed, (long long)s->counts.removed, (long long)s->failed,
		(long long)s->fetched_bytes, s->queued);
	if (s->note.text[0] != '\0') {
		buf_adds(out, ",\"note\":");
		buf_add_json(out, s->note.text, strlen(s->note.text));
	}
	if (s->trouble.code != 0) {
		buf_adds(out, ",\"trouble\":");
		buf_add_json(out, s->trouble.text, strlen(s->trouble.text));
	}
	pthread_mutex_unlock(&s->mutex);
}

/* The end. */

static void trim_history(struct sync *s)
{
	struct catalog *c = s->start.catalog;
	bool more = true;

	while (more && !sync_stopping(s) && catalog_begin(c, NULL) == 0) {
		if (catalog_trim(c, s->start.source, HISTORY_MAX, &more, NULL) < 0) {
			catalog_rollback(c);
			return;
		}
		more = catalog_commit(c, NULL) == 0 && more;
	}
}

void sync_end(struct sync *s, int status, const struct error *err, struct sync_result *out)
{
	const struct clock *clock = s->start.clock;

	sync_work_end(s);
	*out = (struct sync_result){
		.status = s->status < 0 ? s->status : status,
		.added = s->counts.added,
		.changed = s->counts.changed,
		.removed = s->counts.removed,
		.unchanged = s->unchanged,
		.failed = s->failed,
		.fetched_bytes = s->fetched_bytes,
		.began_us = s->began_us,
		.retry_after_us = s->retry_after_us,
		.paths = s->changed.items,
		.more_paths = s->more_changed,
	};
	s->changed = (struct paths){0};
	if (s->status < 0)
		out->error = s->error;
	else if (status < 0 && err != NULL)
		out->error = *err;
	else
		out->error = s->trouble;
	if (out->status == 0)
		trim_history(s);
	if (out->status == 0 && out->failed == 0) {
		out->memory = s->new_memory;
		s->new_memory = NULL;
	}
	out->ended_us = clock->wall_us(clock);
	sync_free(s);
}

void sync_result_release(struct sync_result *r)
{
	for (size_t i = 0; r->paths != NULL && r->paths[i] != NULL; i++)
		free(r->paths[i]);
	free(r->paths);
	free(r->memory);
	*r = (struct sync_result){0};
}
