/* Whether all is well: health.json, metrics, alerts. */
#include "fs/files.h"

#include "fs/private.h"
#include "fs/route.h"
#include "fs/wait.h"

#include "core/clock.h"
#include "core/db.h"
#include "core/health.h"
#include "core/metrics.h"
#include "core/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What only the mount knows. */
static void show_mount(struct server *s, struct buf *out)
{
	struct buf labels = BUF_INIT;
	size_t handles, streams;

	pthread_mutex_lock(&s->handles_mutex);
	handles = s->handle_count;
	streams = s->stream_count;
	pthread_mutex_unlock(&s->handles_mutex);
	metric_gauge(out, "leitlfs_waiting_reads", "Reads that wait for something to come.",
		(double)waits_count(s->waits));
	metric_gauge(out, "leitlfs_open_files", "Open files and directories of the mount.",
		(double)handles);
	metric_gauge(out, "leitlfs_open_streams", "Streams among the open files.", (double)streams);
	metric_label(&labels, "version", LEITLFS_VERSION);
	metric_label(&labels, "sqlite", db_version());
	metric_label(&labels, "libfuse", fuse_pkgversion());
	metric_head(out, "leitlfs_build_info", "gauge", "Versions, as labels of a constant 1.");
	metric_count(out, "leitlfs_build_info", labels.data, 1);
	if (buf_error(&labels))
		out->failed = ENOMEM;
	buf_release(&labels);
}

/*
 * A text is made anew for each user once a second, and whenever something has happened: numbers
 * that change with every look would have who looks twice, as tar(1) does, find the file changed.
 */
#define LOOKS  16
#define NEW_US SECOND_US

struct looks {
	pthread_mutex_t mutex;
	struct look {
		const struct file_ops *ops;
		uid_t uid;
		int64_t pos, time_us; /* of the log; mono_us */
		char *text;
		size_t len;
	} looks[LOOKS];
};

struct looks *looks_new(void)
{
	struct looks *all = calloc(1, sizeof(*all));

	if (all)
		pthread_mutex_init(&all->mutex, NULL);
	return all;
}

void looks_free(struct looks *all)
{
	if (!all)
		return;
	for (int i = 0; i < LOOKS; i++)
		free(all->looks[i].text);
	pthread_mutex_destroy(&all->mutex);
	free(all);
}

/* That user's of the file, or the one that is the oldest. */
static struct look *find(struct looks *all, const struct file_ops *ops, uid_t uid)
{
	struct look *found = &all->looks[0];

	for (int i = 0; i < LOOKS; i++) {
		struct look *at = &all->looks[i];

		if (at->text && at->ops == ops && at->uid == uid)
			return at;
		if (!at->text || at->time_us < found->time_us)
			found = at;
	}
	return found;
}

static bool is_new(const struct look *at, const struct look *now)
{
	return at->text && at->ops == now->ops && at->uid == now->uid && at->pos == now->pos &&
	       now->time_us - at->time_us < NEW_US;
}

static int show(const struct caller *c, const struct file_ops *ops, struct buf *out)
{
	struct looks *all = c->server->looks;
	struct look now = {.ops = ops, .uid = c->uid, .time_us = loop_mono_us(c->loop)}, *at;

	state_rdlock(c->loop);
	now.pos = c->loop->state->applied_pos;
	state_unlock(c->loop);
	pthread_mutex_lock(&all->mutex);
	at = find(all, ops, c->uid);
	if (is_new(at, &now))
		buf_add(out, at->text, at->len);
	pthread_mutex_unlock(&all->mutex);
	if (out->len)
		return buf_error(out);
	if (ops == &metrics_ops) {
		metrics_show(c->loop, c->server->context, c->uid, out);
		show_mount(c->server, out);
	} else {
		health_show(c->loop, c->server->context, c->uid, fuse_pkgversion(), out);
	}
	now.text = buf_error(out) ? NULL : strdup(out->data);
	now.len = out->len;
	if (!now.text)
		return buf_error(out);
	pthread_mutex_lock(&all->mutex);
	at = find(all, ops, c->uid);
	free(at->text);
	*at = now;
	pthread_mutex_unlock(&all->mutex);
	return 0;
}

static int health_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)w, (void)err;
	return show(c, &health_json_ops, out);
}

static int metrics_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)w, (void)err;
	return show(c, &metrics_ops, out);
}

/* Raised and cleared are events of two types, and so the file is a sum of two channels. */
static int view_alerts(const struct caller *c, const struct where *w, struct view *out)
{
	struct state *st = c->loop->state;
	struct channel *raised, *cleared;
	int r;

	(void)w;
	state_wrlock(c->loop);
	raised = state_channel(st, CHANNEL_TYPE, "alert.raised");
	cleared = state_channel(st, CHANNEL_TYPE, "alert.cleared");
	state_unlock(c->loop);
	r = raised && cleared ? view_init(out, c->loop, raised, cleared, NULL, 1) : -ENOMEM;
	channel_unref(raised);
	channel_unref(cleared);
	return r;
}

const struct file_ops health_json_ops = {.text = health_text};
const struct file_ops metrics_ops = {.text = metrics_text};
const struct file_ops alerts_ops = {.view = view_alerts};
