/* Changing and removing sources: what is kept, and what follows from it. */
#include "core/context/sources_private.h"

#include "core/context/folder.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What is set comes one value after the other: url, username, password. */
#define SETTLE_US (SECOND_US / 4)

/* What a change asks for, from nothing to a new beginning. */
enum effect {
	EFFECT_NONE,
	EFFECT_TIME,   /* another interval */
	EFFECT_AGAIN,  /* another sync, of what is known */
	EFFECT_AFRESH, /* one that looks at everything */
	EFFECT_MOVED,  /* one of another place: nothing that is there is of it */
};

static enum effect effect_of(const struct source_option *o)
{
	static const struct {
		const char *name;
		enum effect effect;
	} effects[] = {
		{"url", EFFECT_MOVED},
		{"interval", EFFECT_TIME},
		{"include", EFFECT_AFRESH},
		{"exclude", EFFECT_AFRESH},
		{"types", EFFECT_AFRESH},
		{"max_file", EFFECT_AFRESH},
		{"history", EFFECT_NONE},
		{"shared", EFFECT_NONE},
	};

	for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++)
		if (strcmp(effects[i].name, o->name) == 0)
			return effects[i].effect;
	return EFFECT_AGAIN;
}

static enum effect effect(const struct source_config *before, const struct source_config *now)
{
	enum effect most = EFFECT_NONE;

	for (const struct source_option *o = source_options; o->name != NULL; o++)
		if (!source_same_value(before, now, o) && effect_of(o) > most)
			most = effect_of(o);
	/* Where nothing was, nothing is of another place. */
	return most == EFFECT_MOVED && before->kind == SOURCE_NONE ? EFFECT_AFRESH : most;
}

/* Under the mutex, once the config is the new one. */
static void follow(struct sources *ss, struct source *s, enum effect effect)
{
	struct source_state *st = s->state;
	const int64_t now = loop_mono_us(ss->loop);

	/* One that is about to begin looks at the interval when it is over. */
	if (effect == EFFECT_TIME && st->phase == PHASE_IDLE && st->ended > 0 &&
		st->due_us > now + SETTLE_US)
		st->due_us = source_next(s, now, 0);
	if (effect <= EFFECT_TIME)
		return;
	st->version++;
	st->failures = 0;
	st->not_before_us = 0;
	st->stop = true; /* what runs is out of date */
	st->due_us = NEVER;
	if (st->config.kind != SOURCE_NONE || st->moved)
		source_request(s, now + SETTLE_US);
}

static bool has_secret(const struct source_config *c)
{
	return c->password != NULL || c->token != NULL || c->proxy_password != NULL;
}

/* Secrets that could not be opened give way to new ones. */
static void forget_sealed(struct sources *ss, struct source_state *st)
{
	char *unsealing;

	pthread_mutex_lock(&ss->mutex);
	unsealing = st->unsealing;
	st->unsealing = NULL;
	pthread_mutex_unlock(&ss->mutex);
	buf_release(&st->sealed);
	free(unsealing);
}

int sources_change(struct sources *ss, struct source *s, struct source_config *c, struct error *err)
{
	struct source_state *st = s->state;
	const enum effect what = effect(&st->config, c);
	const bool moved = st->moved || what == EFFECT_MOVED;
	struct source_config before;
	int r;

	r = sources_check_folder(ss, c, err);
	if (r != 0)
		return r;
	if (has_secret(c))
		forget_sealed(ss, st);
	r = sources_put(ss, s, c, what < EFFECT_AFRESH ? st->memory : NULL, moved, err);
	if (r != 0)
		return r;
	pthread_mutex_lock(&ss->mutex);
	before = st->config;
	st->config = *c;
	st->moved = moved;
	st->shared = c->shared;
	if (what >= EFFECT_AFRESH) {
		free(st->memory);
		st->memory = NULL;
	}
	follow(ss, s, what);
	pthread_mutex_unlock(&ss->mutex);
	if (what >= EFFECT_AFRESH)
		source_watch(ss, s);
	sources_wake(ss);
	source_config_init(c);
	source_config_release(&before);
	return 0;
}

static int check_owner(const struct source *s, uid_t uid, struct error *err)
{
	if (source_gone(s))
		return error_set(err, ENOENT, "source %s has been removed", s->name);
	if (s->uid != uid)
		return error_set(err, EACCES, "source %s is another user's", s->name);
	return 0;
}

static int check_change(const struct source *s, uid_t uid, struct error *err)
{
	int r = check_owner(s, uid, err);

	if (r == 0 && s->fixed)
		r = error_set(err, EROFS, "source %s is from %s, and changes there", s->name,
			s->state->file);
	return r;
}

static int set(struct sources *ss, struct source *s, uid_t uid, const struct source_option *o,
	const char *text, size_t len, struct error *err)
{
	struct source_state *st = s->state;
	const bool opens = o->kind == SOURCE_SECRET && st->sealed.len > 0;
	struct source_config c;
	int r = source_config_copy(&c, &st->config);

	if (r != 0)
		return error_set(err, ENOMEM, "out of memory");
	r = source_set(&c, o, text, len, err);
	if (r == 0)
		r = sources_check_own(ss, uid, &c, &st->config, err);
	if (r == 0 && opens)
		forget_sealed(ss, st);
	if (r == 0 && (opens || !source_same_config(&c, &st->config)))
		r = sources_change(ss, s, &c, err);
	if (r == 0 && opens) {
		pthread_mutex_lock(&ss->mutex);
		follow(ss, s, EFFECT_AGAIN);
		pthread_mutex_unlock(&ss->mutex);
		sources_wake(ss);
	}
	source_config_release(&c);
	return r;
}

int sources_set(struct sources *ss, struct source *s, uid_t uid, const struct source_option *o,
	const char *text, size_t len, struct error *err)
{
	bool shared;
	int r;

	pthread_mutex_lock(&ss->changing);
	shared = source_is_shared(s);
	r = check_change(s, uid, err);
	if (r == 0)
		r = set(ss, s, uid, o, text, len, err);
	if (r == 0 && strcmp(o->name, "history") == 0)
		r = catalog_prune(ss->catalog, s->id, (int)s->state->config.history, err);
	shared = shared != source_is_shared(s);
	pthread_mutex_unlock(&ss->changing);
	if (shared)
		sources_tell_changed(ss, s, NULL, 0);
	return r;
}

void sources_get(
	struct sources *ss, struct source *s, const struct source_option *o, struct buf *out)
{
	pthread_mutex_lock(&ss->mutex);
	source_get(&s->state->config, o, out);
	pthread_mutex_unlock(&ss->mutex);
}

/* It is gone at once; its row and files go in a worker's turn, after a sync that runs. */
int sources_drop(struct sources *ss, struct source *s, struct error *err)
{
	struct source_state *st = s->state;
	size_t at = 0;
	int r = sources_bury(ss, s, err);

	if (r != 0)
		return r;
	pthread_mutex_lock(&ss->mutex);
	st->gone = true;
	st->stop = true;
	st->due_us = NEVER;
	while (at < ss->count && ss->all[at] != s)
		at++;
	if (at < ss->count) {
		ss->count--;
		memmove(&ss->all[at], &ss->all[at + 1], (ss->count - at) * sizeof(*ss->all));
		source_enqueue(s);
		source_unref(s);
	}
	pthread_mutex_unlock(&ss->mutex);
	if (ss->watch != NULL)
		folder_watch_remove(ss->watch, s->id);
	return 0;
}

int sources_remove(struct sources *ss, struct source *s, uid_t uid, struct error *err)
{
	int r;

	pthread_mutex_lock(&ss->changing);
	r = check_change(s, uid, err);
	if (r == 0)
		r = sources_drop(ss, s, err);
	pthread_mutex_unlock(&ss->changing);
	if (r != 0)
		return r;
	sources_tell_changed(ss, s, NULL, 0);
	sources_tell_over(ss, s);
	return 0;
}

int sources_sync(
	struct sources *ss, struct source *s, uid_t uid, uint64_t *ticket, struct error *err)
{
	int r = check_owner(s, uid, err);

	if (r != 0)
		return r;
	pthread_mutex_lock(&ss->mutex);
	if (s->state->gone)
		r = error_set(err, ENOENT, "source %s has been removed", s->name);
	else if (s->state->config.kind == SOURCE_NONE)
		r = error_set(err, EINVAL, "url: source %s has none yet", s->name);
	if (r == 0) {
		s->state->asked = s->state->begun + 1;
		source_request(s, loop_mono_us(ss->loop));
		*ticket = s->state->asked;
	}
	pthread_mutex_unlock(&ss->mutex);
	if (r == 0)
		sources_wake(ss);
	return r;
}
