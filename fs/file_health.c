/* Whether all is well: health.json, metrics, alerts. */
#include "fs/files.h"

#include "fs/private.h"
#include "fs/route.h"
#include "fs/wait.h"

#include "core/base/metrics.h"
#include "core/log/db.h"
#include "core/report/health.h"
#include "core/state/parts.h"

#include <errno.h>

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

static int make_health(const struct caller *c, struct buf *out)
{
	health_show(c->loop, c->server->context, c->uid, fuse_pkgversion(), out);
	return buf_error(out);
}

static int make_metrics(const struct caller *c, struct buf *out)
{
	metrics_show(c->loop, c->server->context, c->uid, out);
	show_mount(c->server, out);
	return buf_error(out);
}

static int health_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)w, (void)err;
	return looks_show(c, &health_json_ops, make_health, out);
}

static int metrics_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)w, (void)err;
	return looks_show(c, &metrics_ops, make_metrics, out);
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
