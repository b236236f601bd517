/* What is told of a source: how its last sync went, and all there is to know. */
#include "core/context/sources_private.h"

#include "core/context/folder.h"
#include "core/state/parts.h"

#include <stdlib.h>
#include <string.h>

char *source_result_line(const struct source *s, const struct sync_result *result)
{
	struct buf out = BUF_INIT;

	buf_addf(&out, "{\"source\":\"%s\",\"status\":\"%s\"", s->name,
		result->status != 0   ? "failed"
		: result->failed != 0 ? "partial"
				      : "ok");
	buf_addf(&out, ",\"added\":%lld,\"changed\":%lld,\"removed\":%lld",
		(long long)result->added, (long long)result->changed, (long long)result->removed);
	buf_addf(&out, ",\"unchanged\":%lld,\"failed\":%lld,\"fetched_bytes\":%lld",
		(long long)result->unchanged, (long long)result->failed,
		(long long)result->fetched_bytes);
	buf_add_json_time(&out, "began", result->began_us);
	buf_add_json_time(&out, "ended", result->ended_us);
	if (result->error.code != 0)
		buf_add_json_text(&out, "error", result->error.text);
	buf_addc(&out, '}');
	return buf_detach(&out, NULL);
}

/* Under the mutex. */
static void add_last(const struct source *s, struct buf *out)
{
	if (s->state->gone)
		buf_addf(out, "{\"source\":\"%s\",\"status\":\"removed\"}\n", s->name);
	else if (s->state->last == NULL)
		buf_addf(out, "{\"source\":\"%s\",\"status\":\"none\"}\n", s->name);
	else
		buf_addf(out, "%s\n", s->state->last);
}

bool sources_synced(struct sources *ss, struct source *s, uint64_t ticket, struct buf *out)
{
	bool over;

	pthread_mutex_lock(&ss->mutex);
	over = s->state->gone || s->state->ended >= ticket;
	if (over)
		add_last(s, out);
	pthread_mutex_unlock(&ss->mutex);
	return over;
}

void sources_last(struct sources *ss, struct source *s, struct buf *out)
{
	pthread_mutex_lock(&ss->mutex);
	add_last(s, out);
	pthread_mutex_unlock(&ss->mutex);
}

static const char *state_of(const struct source_state *st, int64_t now)
{
	if (st->gone)
		return "removed";
	if (st->config.kind == SOURCE_NONE)
		return "no url";
	if (st->phase == PHASE_RUNNING)
		return "running";
	if (st->phase == PHASE_QUEUED || st->due_us <= now)
		return "queued";
	return st->failed ? "failed" : "idle";
}

const char *source_state_name(struct sources *ss, struct source *s)
{
	const char *name;

	pthread_mutex_lock(&ss->mutex);
	name = state_of(s->state, loop_mono_us(ss->loop));
	pthread_mutex_unlock(&ss->mutex);
	return name;
}

static void add_config(const struct source *s, struct buf *out)
{
	static const char *const kinds[] = {
		[SOURCE_NONE] = "none", [SOURCE_WEBDAV] = "webdav", [SOURCE_FOLDER] = "folder"};
	const struct source_config *c = &s->state->config;

	buf_add_json_text(out, "kind", kinds[c->kind]);
	buf_add_json_text(out, "url", c->kind == SOURCE_FOLDER ? c->path : c->url);
	buf_addf(out, ",\"shared\":%s", c->shared ? "true" : "false");
	buf_addf(out, ",\"interval_s\":%g", (double)c->interval_us / 1e6);
	if (s->fixed)
		buf_add_json_text(out, "file", s->state->file);
	if (s->state->file_error != NULL)
		buf_add_json_text(out, "file_error", s->state->file_error);
}

static void add_watch(struct sources *ss, struct source *s, struct buf *out)
{
	struct error why = {0};

	if (s->state->config.kind != SOURCE_FOLDER)
		return;
	if (ss->watch != NULL && folder_watch_status(ss->watch, s->id, &why) == 0)
		buf_adds(out, ",\"watched\":true");
	else
		buf_adds(out, ",\"watched\":false");
	if (why.code != 0)
		buf_add_json_text(out, "watch_error", why.text);
}

void sources_status(struct sources *ss, struct source *s, struct buf *out)
{
	const struct source_state *st = s->state;
	const int64_t now = loop_mono_us(ss->loop), wall = loop_wall_us(ss->loop);
	struct catalog_sum sum = {0};

	if (!st->gone)
		catalog_sum(ss->catalog, s->id, &sum);
	pthread_mutex_lock(&ss->mutex);
	buf_addf(out, "{\"name\":\"%s\",\"state\":\"%s\"", s->name, state_of(st, now));
	add_config(s, out);
	buf_addf(out, ",\"files\":%lld,\"directories\":%lld,\"indexed\":%lld,\"bytes\":%lld",
		(long long)sum.files, (long long)sum.directories, (long long)sum.indexed,
		(long long)sum.bytes);
	buf_add_json_time(out, "last_success", st->success_us);
	buf_add_json_text(out, "last_error", st->error);
	buf_add_json_time(out, "next_sync", st->due_us != NEVER ? wall + (st->due_us - now) : 0);
	buf_addf(out, ",\"last_sync\":%s", st->last != NULL ? st->last : "null");
	if (st->sync != NULL) {
		buf_adds(out, ",\"progress\":{");
		sync_describe(st->sync, out);
		buf_addc(out, '}');
	}
	add_watch(ss, s, out);
	buf_adds(out, "}\n");
	pthread_mutex_unlock(&ss->mutex);
}
