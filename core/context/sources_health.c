/* How the sources do: what is counted of their syncs, and the alerts of those that fail. */
#include "core/context/sources_private.h"

#include "core/base/text.h"
#include "core/item/alert.h"
#include "core/state/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAILED "sync.failed"

const char *const sync_outcomes[SYNC_OUTCOMES] = {
	[SYNC_OK] = "ok",
	[SYNC_PARTIAL] = "partial",
	[SYNC_FAILED] = "failed",
};

void source_count(struct source *s, const struct sync_result *result)
{
	const enum sync_outcome outcome = result->status != 0   ? SYNC_FAILED
					  : result->failed != 0 ? SYNC_PARTIAL
								: SYNC_OK;
	struct source_state *st = s->state;

	st->outcomes[outcome]++;
	st->sources->outcomes[outcome]++;
	if (outcome != SYNC_FAILED && st->failing_us != 0) {
		st->failing_us = 0;
		atomic_store(&st->sources->loop->metrics->calm_us, result->ended_us);
	} else if (outcome == SYNC_FAILED && st->failing_us == 0) {
		st->failing_us = result->ended_us;
	}
}

/* By the worker, who waits for the disk anyhow: whoever looks does not. */
void source_measure(struct sources *ss, struct source *s)
{
	struct catalog_sum sum = {0};

	if (catalog_sum(ss->catalog, s->id, &sum) != 0)
		return;
	pthread_mutex_lock(&ss->mutex);
	s->state->files = sum.files;
	s->state->bytes = sum.bytes;
	pthread_mutex_unlock(&ss->mutex);
}

static void cut(char *to, size_t size, const char *text)
{
	size_t len = strnlen(text, size - 1);

	len = text_utf8_prefix(text, len, NULL);
	memcpy(to, text, len);
	to[len] = '\0';
}

void source_health(struct sources *ss, struct source *s, struct source_health *out)
{
	const struct source_state *st = s->state;

	*out = (struct source_health){0};
	pthread_mutex_lock(&ss->mutex);
	memcpy(out->outcomes, st->outcomes, sizeof(out->outcomes));
	out->failing_us = st->failing_us;
	out->success_us = st->success_us;
	out->files = st->files;
	out->bytes = st->bytes;
	if (st->failing_us != 0 && st->error != NULL)
		cut(out->error, sizeof(out->error), st->error);
	pthread_mutex_unlock(&ss->mutex);
}

void sources_outcomes(struct sources *ss, uint64_t out[SYNC_OUTCOMES])
{
	pthread_mutex_lock(&ss->mutex);
	memcpy(out, ss->outcomes, sizeof(ss->outcomes));
	pthread_mutex_unlock(&ss->mutex);
}

/* The log is read by every user of the mount: why a sync failed names servers and files, so where
 * not all of them may see the source, neither it nor its name is told (core/state/told.h). */
void source_alert(struct sources *ss, struct source *s)
{
	/* One that a start goes on to let go has no name any more. */
	const bool nameless = s->name[0] == '.';
	const bool named = !nameless && (source_is_shared(s) || ss->options.alone);
	struct source_health health;
	struct alert_what what = {.kind = FAILED};
	char subject[32];
	bool fails;

	source_health(ss, s, &health);
	fails = health.failing_us != 0 && !nameless && !source_gone(s);
	snprintf(subject, sizeof(subject), "%lld", (long long)s->id);
	what.subject = subject;
	what.source = named ? s->name : NULL;
	what.message = named && fails ? health.error : NULL;
	what.since_us = health.failing_us;
	alert_set(ss->loop, &what, fails);
}

static bool is_there(void *arg, const char *subject)
{
	struct sources *ss = arg;
	const int64_t id = strtoll(subject, NULL, 10);
	bool found = false;

	for (size_t i = 0; i < ss->count && !found; i++)
		found = ss->all[i]->id == id;
	return found;
}

/* Before any thread of theirs runs. */
void sources_alerts(struct sources *ss)
{
	alerts_keep(ss->loop, FAILED, is_there, ss);
}
