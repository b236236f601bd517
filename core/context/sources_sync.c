/* A worker's turn with one source: syncing it, and what is noted of it; or letting it go. */
#include "core/context/sources_private.h"

#include "core/base/text.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define HOUR_US     (3600 * SECOND_US)
#define SCRUB_LEAST 3 /* bytes: what is shorter stands in every text */

struct run {
	struct source_config config;
	char *memory;
	uint64_t version;
	int64_t began_us; /* mono_us */
	bool moved;
	bool refused; /* by ourselves: the server was not asked */
};

static int fail(struct sync_result *result, int code, const char *why)
{
	result->status = error_set(&result->error, code, "%s", why);
	return result->status;
}

/* Takes what the sync depends on, as it is at this moment. */
static int begin(struct sources *ss, struct source *s, struct run *run, struct sync_result *result)
{
	struct source_state *st = s->state;
	const int64_t now = loop_mono_us(ss->loop);
	int64_t wait_us, wait_s;
	int r;

	source_config_init(&run->config);
	result->began_us = result->ended_us = loop_wall_us(ss->loop);
	pthread_mutex_lock(&ss->mutex);
	st->begun++;
	st->stale = false;
	st->due_us = NEVER;
	st->stop = ss->stopping || st->gone;
	run->version = st->version;
	run->began_us = now;
	run->moved = st->moved;
	wait_us = st->not_before_us - now;
	wait_s = wait_us / SECOND_US + 1;
	r = sources_copy_config(ss, &run->config, &st->config);
	if (r == 0 && st->memory != NULL && (run->memory = strdup(st->memory)) == NULL)
		r = -ENOMEM;
	if (r != 0) {
		r = fail(result, ENOMEM, "out of memory");
	} else if (wait_us > 0) {
		run->refused = true;
		r = result->status = error_set(&result->error, EBUSY,
			"the server asked to be left alone for another %lld s", (long long)wait_s);
	} else if (st->unsealing != NULL) {
		r = fail(result, EBADMSG, st->unsealing);
	}
	pthread_mutex_unlock(&ss->mutex);
	return r;
}

struct names {
	char **names;
	size_t count, cap;
};

static int add_name(void *arg, const struct entry *e)
{
	struct names *n = arg;

	if (n->count == n->cap) {
		const size_t cap = n->cap != 0 ? 2 * n->cap : 64;
		char **grown = reallocarray(n->names, cap, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		n->names = grown;
		n->cap = cap;
	}
	n->names[n->count] = strdup(e->name);
	return n->names[n->count] != NULL ? (int)(n->count++, 0) : -ENOMEM;
}

static void all_changed(void *arg)
{
	struct source *s = arg;

	sources_tell_changed(s->state->sources, s, NULL, 0);
}

static int remove_name(struct sources *ss, struct source *s, const char *name, struct error *err)
{
	int r = catalog_begin(ss->catalog, err);

	if (r != 0)
		return r;
	r = catalog_remove(ss->catalog, s->id, name, 0, NULL, NULL, err);
	if (r == 0)
		r = catalog_commit_told(ss->catalog, all_changed, s, err);
	else
		catalog_rollback(ss->catalog);
	return r == -ENOENT ? 0 : r;
}

/* What is there is of another place: it goes, before a tag or a date of here could be mistaken for
 * one of there. Kept as not done until it is. */
static int clear(struct sources *ss, struct source *s, struct run *run, struct error *err)
{
	struct source_state *st = s->state;
	struct names n = {0};
	int r = catalog_list(ss->catalog, s->id, "", add_name, &n);

	if (r != 0)
		error_set(err, -r, "%s", strerror(-r));
	for (size_t i = 0; i < n.count; i++) {
		if (r == 0)
			r = st->stop ? error_set(err, ECANCELED, "stopped")
				     : remove_name(ss, s, n.names[i], err);
		free(n.names[i]);
	}
	free(n.names);
	if (r != 0)
		return r;
	pthread_mutex_lock(&ss->changing);
	pthread_mutex_lock(&ss->mutex);
	st->moved = st->version != run->version && st->moved;
	pthread_mutex_unlock(&ss->mutex);
	r = source_gone(s) ? 0 : sources_remember(ss, s, err);
	pthread_mutex_unlock(&ss->changing);
	return r;
}

static void published(void *arg, const char *const *paths, size_t count)
{
	struct source *s = arg;

	sources_tell_changed(s->state->sources, s, paths, count);
}

static void set_sync(struct sources *ss, struct source *s, struct sync *sync)
{
	pthread_mutex_lock(&ss->mutex);
	s->state->sync = sync;
	pthread_mutex_unlock(&ss->mutex);
}

static const struct source_runner *runner_of(const struct sources *ss, enum source_kind kind)
{
	switch (kind) {
	case SOURCE_WEBDAV:
		return ss->options.webdav;
	case SOURCE_FOLDER:
		return ss->options.folder;
	default:
		return NULL;
	}
}

static void sync_one(
	struct sources *ss, struct source *s, const struct run *run, struct sync_result *result)
{
	const struct source_runner *runner = runner_of(ss, run->config.kind);
	const struct sync_start start = {
		.catalog = ss->catalog,
		.config = &run->config,
		.source = s->id,
		.uid = s->uid,
		.gid = s->gid,
		.memory = run->memory,
		.clock = ss->loop->clock,
		.stop = &s->state->stop,
		.published = published,
		.arg = s,
	};
	struct error err = {0};
	struct sync *sync;
	int r;

	if (runner == NULL) {
		fail(result, ENOTSUP, "this leitlfs can't sync such a source");
		return;
	}
	if (sync_begin(&start, &sync, &result->error) != 0) {
		result->status = -result->error.code;
		return;
	}
	set_sync(ss, s, sync);
	r = runner->run(sync, &err);
	set_sync(ss, s, NULL);
	if (r != 0 && err.code == 0)
		error_set(&err, -r, "%s", strerror(-r));
	sync_end(sync, r, &err, result);
}

/* A reason is a server's words, at times; whatever it says, a secret is not told on. */
static void scrub(char *text, const struct plain *secret)
{
	char *at = text;

	while (secret != NULL && secret->len >= SCRUB_LEAST &&
		(at = strstr(at, secret->text)) != NULL)
		memset(at, '*', secret->len);
}

/* Under the mutex, and `changing`: how it went, and when the next is. */
static void note(
	struct sources *ss, struct source *s, const struct run *run, struct sync_result *result)
{
	struct source_state *st = s->state;
	const int64_t now = loop_mono_us(ss->loop);
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = (uint32_t)now;
	st->ended = st->begun;
	st->over_us = now;
	st->took_us = now - run->began_us;
	free(st->last);
	st->last = source_result_line(s, result);
	free(st->error);
	st->error = result->error.code != 0 ? strdup(result->error.text) : NULL;
	st->failed = result->status != 0;
	if (!run->refused)
		source_count(s, result);
	if (result->status == 0) {
		st->success_us = result->ended_us;
		if (result->memory != NULL &&
			text_is_utf8(result->memory, strlen(result->memory), NULL)) {
			free(st->memory);
			st->memory = result->memory;
			result->memory = NULL;
		}
	}
	if (!run->refused) {
		const int64_t wait_us =
			result->retry_after_us < HOUR_US ? result->retry_after_us : HOUR_US;

		if (result->status != 0 || result->failed != 0)
			st->failures += st->failures < 1000;
		else
			st->failures = 0;
		st->not_before_us = wait_us > 0 ? now + wait_us : 0;
	}
	source_request(s, source_next(s, now, random));
}

/* Whether it has gone meanwhile, so that it is this worker who lets it go. */
static bool finish(
	struct sources *ss, struct source *s, const struct run *run, struct sync_result *result)
{
	struct source_state *st = s->state;
	struct error err = {0};
	bool counts, gone;

	scrub(result->error.text, run->config.password);
	scrub(result->error.text, run->config.token);
	scrub(result->error.text, run->config.proxy_password);
	pthread_mutex_lock(&ss->changing);
	pthread_mutex_lock(&ss->mutex);
	untold_add(&st->untold, result);
	/* One that was stopped, or is of what the source was before, is as if it had not begun. */
	gone = st->gone;
	counts = !ss->stopping && !gone && st->version == run->version;
	if (counts)
		note(ss, s, run, result);
	else
		st->begun--;
	st->phase = PHASE_IDLE;
	pthread_mutex_unlock(&ss->mutex);
	if (counts && sources_remember(ss, s, &err) != 0)
		sources_log(
			ss, "source %s: how its sync went can't be kept: %s", s->name, err.text);
	pthread_mutex_unlock(&ss->changing);
	source_tell(ss, s, false);
	if (counts && !run->refused) {
		source_measure(ss, s);
		source_alert(ss, s);
	}
	if (counts)
		sources_tell_over(ss, s);
	sources_wake(ss);
	return gone;
}

/* Its row waits under another name, so that a start goes on with it where this does not end. */
static void let_go(struct sources *ss, struct source *s)
{
	struct sync_result left = {0};
	struct catalog_sum sum = {0};
	struct error err = {0};

	if (s->name[0] != '.' && catalog_sum(ss->catalog, s->id, &sum) == 0) {
		left.removed = sum.files;
		pthread_mutex_lock(&ss->mutex);
		untold_add(&s->state->untold, &left);
		pthread_mutex_unlock(&ss->mutex);
	}
	if (catalog_source_drop(ss->catalog, s->id, &err) != 0)
		sources_log(ss, "what source %s had can't be removed: %s", s->name, err.text);
	source_tell(ss, s, true);
	source_alert(ss, s);
}

void source_work(struct sources *ss, struct source *s)
{
	struct sync_result result = {0};
	struct run run = {0};

	if (source_gone(s)) {
		let_go(ss, s);
		return;
	}
	if (begin(ss, s, &run, &result) == 0) {
		if (run.moved)
			result.status = clear(ss, s, &run, &result.error);
		if (result.status == 0 && run.config.kind != SOURCE_NONE)
			sync_one(ss, s, &run, &result);
		if (result.ended_us < result.began_us)
			result.ended_us = result.began_us;
	}
	if (finish(ss, s, &run, &result))
		let_go(ss, s);
	sync_result_release(&result);
	source_config_release(&run.config);
	free(run.memory);
}
