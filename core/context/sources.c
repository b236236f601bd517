/* The sources there are: making the registry, finding in it, and its hooks. */
#include "core/context/sources_private.h"

#include "core/context/folder.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

struct source *source_new(struct sources *ss, const char *name, uid_t uid, gid_t gid)
{
	struct source *s = calloc(1, sizeof(*s));
	struct source_state *st = calloc(1, sizeof(*st));

	if (s == NULL || st == NULL) {
		free(s);
		free(st);
		return NULL;
	}
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->uid = uid;
	s->gid = gid;
	s->state = st;
	st->self = s;
	st->sources = ss;
	st->refs = 1;
	st->due_us = NEVER;
	source_config_init(&st->config);
	return s;
}

struct source *source_ref(struct source *s)
{
	atomic_fetch_add(&s->state->refs, 1);
	return s;
}

void source_unref(struct source *s)
{
	struct source_state *st = s != NULL ? s->state : NULL;

	if (st == NULL || atomic_fetch_sub(&st->refs, 1) != 1)
		return;
	source_config_release(&st->config);
	buf_release(&st->sealed);
	untold_release(&st->untold);
	free(st->unsealing);
	free(st->file);
	free(st->file_error);
	free(st->memory);
	free(st->last);
	free(st->error);
	free(st);
	free(s);
}

bool source_is_shared(const struct source *s)
{
	return s->state->shared;
}

bool source_visible(const struct source *s, uid_t uid)
{
	return s->uid == uid || source_is_shared(s);
}

bool source_gone(const struct source *s)
{
	return s->state->gone;
}

/* Where that name is, or would be. */
static size_t place_of(const struct sources *ss, const char *name, bool *found)
{
	size_t low = 0, high = ss->count;

	*found = false;
	while (low < high && !*found) {
		const size_t at = low + (high - low) / 2;
		const int order = strcmp(ss->all[at]->name, name);

		*found = order == 0;
		if (order < 0)
			low = at + 1;
		else
			high = at;
	}
	return high;
}

static int grow(struct sources *ss)
{
	const size_t cap = ss->cap != 0 ? 2 * ss->cap : 16;
	struct source **grown = reallocarray(ss->all, cap, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	ss->all = grown;
	ss->cap = cap;
	return 0;
}

int sources_publish(struct sources *ss, struct source *s)
{
	bool found;
	size_t at;
	int r = 0;

	pthread_mutex_lock(&ss->mutex);
	at = place_of(ss, s->name, &found);
	if (found) {
		r = -EEXIST;
	} else if (ss->count == ss->cap) {
		r = grow(ss);
	}
	if (r == 0) {
		memmove(&ss->all[at + 1], &ss->all[at], (ss->count - at) * sizeof(*ss->all));
		ss->all[at] = source_ref(s);
		ss->count++;
	}
	pthread_mutex_unlock(&ss->mutex);
	return r;
}

struct source *sources_of_name(struct sources *ss, const char *name)
{
	struct source *s = NULL;
	bool found;
	size_t at;

	pthread_mutex_lock(&ss->mutex);
	at = place_of(ss, name, &found);
	if (found)
		s = source_ref(ss->all[at]);
	pthread_mutex_unlock(&ss->mutex);
	return s;
}

struct source *sources_find(struct sources *ss, const char *name, uid_t uid)
{
	struct source *s = sources_of_name(ss, name);

	if (s != NULL && !source_visible(s, uid)) {
		source_unref(s);
		s = NULL;
	}
	return s;
}

int sources_each(struct sources *ss, uid_t uid, int (*fn)(void *arg, struct source *), void *arg)
{
	struct source **all;
	size_t count = 0;
	int r = 0;

	pthread_mutex_lock(&ss->mutex);
	all = malloc((ss->count + 1) * sizeof(struct source *));
	for (size_t i = 0; all != NULL && i < ss->count; i++)
		if (source_visible(ss->all[i], uid))
			all[count++] = source_ref(ss->all[i]);
	pthread_mutex_unlock(&ss->mutex);
	if (all == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (r == 0 && !source_gone(all[i]))
			r = fn(arg, all[i]);
		source_unref(all[i]);
	}
	free(all);
	return r;
}

void sources_watch(struct sources *ss,
	void (*changed)(void *arg, struct source *, const char *const *paths, size_t count),
	void (*over)(void *arg, struct source *), void *arg)
{
	pthread_rwlock_wrlock(&ss->hooks);
	ss->changed = changed;
	ss->over = over;
	ss->hooks_arg = arg;
	pthread_rwlock_unlock(&ss->hooks);
}

void sources_tell_changed(
	struct sources *ss, struct source *s, const char *const *paths, size_t count)
{
	pthread_rwlock_rdlock(&ss->hooks);
	if (ss->changed != NULL)
		ss->changed(ss->hooks_arg, s, paths, count);
	pthread_rwlock_unlock(&ss->hooks);
}

void sources_tell_over(struct sources *ss, struct source *s)
{
	pthread_rwlock_rdlock(&ss->hooks);
	if (ss->over != NULL)
		ss->over(ss->hooks_arg, s);
	pthread_rwlock_unlock(&ss->hooks);
}

void sources_log(struct sources *ss, const char *fmt, ...)
{
	char line[2 * ERROR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (ss->options.log != NULL)
		ss->options.log(ss->options.log_arg, line);
	else
		syslog(LOG_WARNING, "%s", line);
}

int sources_open_with(struct loop *loop, struct catalog *catalog, struct secret *secret,
	const struct sources_options *options, struct sources **out, struct error *err)
{
	struct sources *ss = calloc(1, sizeof(*ss));
	int r;

	if (ss == NULL)
		return error_set(err, ENOMEM, "out of memory");
	ss->loop = loop;
	ss->catalog = catalog;
	ss->secret = secret;
	ss->options = *options;
	ss->event = -1;
	pthread_mutex_init(&ss->changing, NULL);
	pthread_mutex_init(&ss->mutex, NULL);
	pthread_rwlock_init(&ss->hooks, NULL);
	for (int i = 0; i < QUEUES; i++) {
		STAILQ_INIT(&ss->queues[i]);
		pthread_cond_init(&ss->work[i], NULL);
	}
	r = sources_load(ss, err);
	if (r == 0)
		r = source_files_open(ss, err);
	if (r == 0)
		r = sources_start(ss, err);
	if (r != 0)
		sources_close(ss);
	else
		*out = ss;
	return r;
}

/* Configuration files of the machine, and of the user. */
static const char *user_dir(char *out, size_t size)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int len = -1;

	if (config != NULL && config[0] == '/')
		len = snprintf(out, size, "%s/leitlfs/sources.d", config);
	else if (home != NULL && home[0] == '/')
		len = snprintf(out, size, "%s/.config/leitlfs/sources.d", home);
	return len > 0 && (size_t)len < size ? out : NULL;
}

int sources_open(struct loop *loop, struct catalog *catalog, struct secret *secret,
	const struct config *config, const struct source_runner *webdav, struct sources **out,
	struct error *err)
{
	char user[4096];
	const char *const dirs[] = {"/etc/leitlfs/sources.d", user_dir(user, sizeof(user)), NULL};
	const struct sources_options options = {
		.alone = !config->others,
		.any = config->sources == WHO_ANY,
		.dirs = dirs,
		.webdav = webdav,
		.folder = &folder_runner,
		.watch = true,
	};

	return sources_open_with(loop, catalog, secret, &options, out, err);
}

void sources_close(struct sources *ss)
{
	if (ss == NULL)
		return;
	sources_stop(ss);
	source_files_close(ss);
	for (size_t i = 0; i < ss->count; i++)
		source_unref(ss->all[i]);
	free(ss->all);
	for (int i = 0; i < QUEUES; i++)
		pthread_cond_destroy(&ss->work[i]);
	pthread_rwlock_destroy(&ss->hooks);
	pthread_mutex_destroy(&ss->mutex);
	pthread_mutex_destroy(&ss->changing);
	free(ss);
}
