/* health.json: what was noted, as checks. */
#include "core/report/health.h"

#include "core/base/metrics.h"
#include "core/context/context.h"
#include "core/item/item.h"
#include "core/log/db.h"
#include "core/state/parts.h"
#include "core/state/session.h"
#include "core/state/session_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum level { OK, DEGRADED, FAILING };
static const char *const levels[] = {"ok", "degraded", "failing"};

struct report {
	struct loop *loop;
	struct metrics *metrics;
	struct buf *out;
	enum level worst;
	int64_t since_us; /* of the worst; 0: not known */
	bool any;
};

/* Begins the object of a check, to which members may be added. */
static void check(struct report *r, const char *name, enum level level, int64_t since_us)
{
	struct buf *b = r->out;

	if (level > r->worst) {
		r->worst = level;
		r->since_us = since_us;
	} else if (level == r->worst && since_us && (!r->since_us || since_us < r->since_us)) {
		r->since_us = since_us;
	}
	buf_addf(b, "%s\n{\"name\":\"%s\",\"status\":\"%s\"", r->any ? "," : "", name,
		levels[level]);
	if (level != OK && since_us) {
		buf_adds(b, ",\"since\":\"");
		buf_add_time(b, since_us);
		buf_addc(b, '"');
	}
	r->any = true;
}

static void detail(struct report *r, const char *words)
{
	session_add_member(r->out, "detail", words);
}

static void check_disk(struct report *r)
{
	const int64_t room = atomic_load(&r->metrics->room_bytes);
	const int64_t since_us = atomic_load(&r->metrics->low_us);

	if (room < 0) {
		check(r, "disk", OK, 0);
		detail(r, "what room is left is not known");
	} else if (room < atomic_load(&r->metrics->least_bytes)) {
		check(r, "disk", FAILING, since_us);
		detail(r, "the disk of the state is full");
	} else if (room < atomic_load(&r->metrics->low_bytes)) {
		check(r, "disk", DEGRADED, since_us);
		detail(r, "the disk of the state is nearly full");
	} else {
		check(r, "disk", OK, 0);
	}
	if (room >= 0)
		buf_addf(r->out, ",\"room_bytes\":%lld", (long long)room);
	buf_addc(r->out, '}');
}

static void add_trouble(struct report *r, enum trouble_kind kind)
{
	struct trouble *t = &r->metrics->troubles[kind];
	const int code = atomic_load(&t->code);
	char words[160];

	snprintf(words, sizeof(words), "%s fails: %s", trouble_names[kind], strerrordesc_np(code));
	detail(r, words);
	session_add_member(r->out, "errno", strerrorname_np(code));
}

static void check_log(struct report *r)
{
	struct trouble *t = &r->metrics->troubles[TROUBLE_APPEND];
	const bool fails = atomic_load(&t->code) != 0;

	check(r, "log", fails ? FAILING : OK, atomic_load(&t->since_us));
	if (fails)
		add_trouble(r, TROUBLE_APPEND);
	buf_addf(r->out, ",\"failures\":%llu}", counter_of(&t->failures));
}

/* A saver that is not heard of hangs on the disk, or has much to write. */
static void check_saver(struct report *r, int64_t unsaved)
{
	const int64_t looked = atomic_load(&r->metrics->looked_us);
	const int64_t silent = looked ? loop_mono_us(r->loop) - looked : 0;
	const int64_t heard_us = loop_wall_us(r->loop) - silent;
	const enum trouble_kind kind = trouble_find(r->metrics, TROUBLE_APPEND + 1, NULL, NULL);
	char words[80];

	snprintf(words, sizeof(words), "not heard of for %lld s", (long long)(silent / SECOND_US));
	if (kind < TROUBLES) {
		check(r, "saver", FAILING, atomic_load(&r->metrics->troubles[kind].since_us));
		add_trouble(r, kind);
	} else if (silent > HEALTH_SILENT_US) {
		check(r, "saver", silent > HEALTH_HANGS_US ? FAILING : DEGRADED, heard_us);
		detail(r, words);
	} else if (unsaved > HEALTH_UNSAVED) {
		check(r, "saver", DEGRADED, 0);
		detail(r, "behind with saving the state");
	} else {
		check(r, "saver", OK, 0);
	}
	buf_addf(r->out, ",\"unsaved_records\":%lld}", (long long)unsaved);
}

/* Only of the sources that the caller sees. */
struct syncs {
	struct sources *sources;
	struct buf failing; /* a list of objects */
	size_t count, failing_count;
	int64_t since_us;
};

static int look_at_source(void *arg, struct source *s)
{
	struct syncs *n = arg;
	struct source_health h;

	n->count++;
	source_health(n->sources, s, &h);
	if (!h.failing_us)
		return 0;
	if (!n->since_us || h.failing_us < n->since_us)
		n->since_us = h.failing_us;
	if (n->failing_count++ >= HEALTH_NAMED)
		return 0;
	buf_adds(&n->failing, n->failing.len ? ",{" : "{");
	buf_adds(&n->failing, "\"source\":");
	buf_add_json(&n->failing, s->name, strlen(s->name));
	buf_adds(&n->failing, ",\"since\":\"");
	buf_add_time(&n->failing, h.failing_us);
	buf_adds(&n->failing, "\",\"error\":");
	buf_add_json(&n->failing, h.error, strlen(h.error));
	buf_addc(&n->failing, '}');
	return 0;
}

static void check_syncs(struct report *r, struct context *c, uid_t uid)
{
	struct syncs n = {.sources = c->sources};
	char words[80];

	if (sources_each(c->sources, uid, look_at_source, &n) != 0)
		r->out->failed = ENOMEM;
	check(r, "syncs", n.failing_count ? DEGRADED : OK, n.since_us);
	snprintf(words, sizeof(words), "%zu of %zu sources can't be synced", n.failing_count,
		n.count);
	if (n.failing_count)
		detail(r, words);
	buf_addf(r->out, ",\"sources\":%zu,\"failing\":[%s]}", n.count,
		n.failing.data ? n.failing.data : "");
	if (buf_error(&n.failing))
		r->out->failed = ENOMEM;
	buf_release(&n.failing);
}

/* What one pass over the state finds. */
struct counts {
	size_t living, late, backlogs;
	int64_t unsaved, seq, backlog_us; /* since when there is an inbox with a backlog */
};

static void count(struct loop *loop, struct counts *n)
{
	static const char backlog[] = "inbox.backlog ", late[] = "session.late ";
	const struct state *st = loop->state;

	state_rdlock(loop);
	n->living = st->living;
	for (const struct item *i = st->items.open[ITEM_ALERT].first; i; i = i->next) {
		n->late += strncmp(i->id, late, strlen(late)) == 0;
		if (strncmp(i->id, backlog, strlen(backlog)) != 0)
			continue;
		if (n->backlogs++ == 0)
			n->backlog_us = i->began_us;
	}
	n->unsaved = st->applied_pos - st->saved_pos;
	n->seq = st->last_seq;
	state_unlock(loop);
}

static void check_inboxes(struct report *r, const struct counts *n)
{
	char words[80];

	check(r, "inboxes", n->backlogs ? DEGRADED : OK, n->backlog_us);
	snprintf(words, sizeof(words), "%zu sessions have more than %lld messages unread",
		n->backlogs, (long long)r->loop->config->backlog);
	if (n->backlogs)
		detail(r, words);
	buf_addf(r->out, ",\"backlogs\":%zu}", n->backlogs);
}

/* Whoever thinks for a while is late: that is nothing wrong with the daemon. */
static void check_sessions(struct report *r, const struct counts *n)
{
	check(r, "sessions", OK, 0);
	buf_addf(r->out, ",\"living\":%zu,\"late\":%zu}", n->living, n->late);
}

static size_t open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n > 3 ? n - 3 : 0; /* itself, . and .. */
}

static void check_descriptors(struct report *r)
{
	const size_t open = open_descriptors();
	struct rlimit files = {.rlim_cur = RLIM_INFINITY};
	bool many;

	getrlimit(RLIMIT_NOFILE, &files);
	many = files.rlim_cur != RLIM_INFINITY && open > files.rlim_cur / 10 * 9;
	check(r, "descriptors", many ? DEGRADED : OK, 0);
	if (many)
		detail(r, "nearly as many files are open as may be");
	buf_addf(r->out, ",\"open\":%zu,\"most\":%llu}", open, (unsigned long long)files.rlim_cur);
}

static void add_head(struct report *r, const struct counts *n, struct buf *out)
{
	int64_t since_us = r->worst == OK ? atomic_load(&r->metrics->calm_us) : r->since_us;

	if (!since_us)
		since_us = loop_wall_us(r->loop);
	buf_addf(out, "{\"status\":\"%s\",\"seq\":%lld,\"since\":\"", levels[r->worst],
		(long long)n->seq);
	buf_add_time(out, since_us);
	buf_adds(out, "\",\"checks\":[");
}

static void add_tail(const struct report *r, const char *libfuse, struct buf *out)
{
	const int64_t now_us = loop_wall_us(r->loop), began_us = r->metrics->began_us;

	buf_adds(out, "],\n\"started_at\":\"");
	buf_add_time(out, began_us);
	buf_addf(out, "\",\"uptime_s\":%lld", (long long)((now_us - began_us) / SECOND_US));
	session_add_member(out, "leitlfs", LEITLFS_VERSION);
	session_add_member(out, "sqlite", db_version());
	session_add_member(out, "libfuse", libfuse);
	buf_adds(out, "}\n");
}

void health_show(
	struct loop *loop, struct context *context, uid_t uid, const char *libfuse, struct buf *out)
{
	struct buf checks = BUF_INIT;
	struct report r = {.loop = loop, .metrics = loop->metrics, .out = &checks};
	struct counts n = {0};

	count(loop, &n);
	check_log(&r);
	check_disk(&r);
	check_saver(&r, n.unsaved);
	if (context)
		check_syncs(&r, context, uid);
	check_inboxes(&r, &n);
	check_sessions(&r, &n);
	check_descriptors(&r);
	add_head(&r, &n, out);
	if (buf_error(&checks))
		out->failed = ENOMEM;
	else
		buf_add(out, checks.data, checks.len);
	add_tail(&r, libfuse, out);
	buf_release(&checks);
}
