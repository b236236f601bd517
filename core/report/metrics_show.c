/* metrics: all that is counted, as Prometheus reads it. */
#include "core/base/metrics.h"

#include "core/state/parts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* What one pass over the state finds. */
struct counts {
	size_t fresh, late, ended, waiting, agents, active, unsaved, open[ITEM_KINDS];
	struct {
		const char *kind;
		size_t count;
	} alerts[4];
	int64_t seq, kept_events, kept_bytes;
};

static void count_sessions(const struct state *st, struct counts *n)
{
	for (size_t i = 0; i < st->session_slots; i++) {
		for (struct session *s = st->sessions[i]; s; s = s->next) {
			n->ended += s->ended_us != 0;
			n->late += !s->ended_us && atomic_load(&s->late);
			n->fresh += !s->ended_us && !atomic_load(&s->late);
			n->waiting += !s->ended_us && atomic_load(&s->waiting) > 0;
		}
	}
}

static void count_agents(const struct state *st, struct counts *n)
{
	n->agents = st->agent_count;
	for (size_t i = 0; i < st->agent_slots; i++) {
		for (const struct agent *a = st->agents[i]; a; a = a->next) {
			const struct session *s = a->sessions;

			while (s && s->ended_us)
				s = s->agent_next;
			n->active += s != NULL;
		}
	}
}

static void count_alerts(const struct state *st, struct counts *n)
{
	static const char *const kinds[] = {
		"session.late", "inbox.backlog", "sync.failed", "store.trouble"};

	for (int i = 0; i < 4; i++)
		n->alerts[i].kind = kinds[i];
	for (const struct item *item = st->items.open[ITEM_ALERT].first; item; item = item->next)
		for (int i = 0; i < 4; i++)
			n->alerts[i].count += strncmp(item->id, kinds[i], strlen(kinds[i])) == 0;
}

static void count(struct loop *loop, struct counts *n)
{
	const struct state *st = loop->state;

	state_rdlock(loop);
	count_sessions(st, n);
	count_agents(st, n);
	count_alerts(st, n);
	for (int kind = 0; kind < ITEM_KINDS; kind++)
		n->open[kind] = st->items.open[kind].count;
	for (size_t i = 0; i < st->kept_count; i++) {
		n->kept_events += st->kept[i].messages;
		n->kept_bytes += st->kept[i].bytes;
	}
	n->unsaved = (size_t)(st->applied_pos - st->saved_pos);
	n->seq = st->last_seq;
	state_unlock(loop);
}

static void show_sessions(const struct counts *n, struct buf *b)
{
	metric_head(b, "leitlfs_sessions", "gauge",
		"Sessions by health; ended ones as long as their ids are held.");
	metric_labelled(b, "leitlfs_sessions", "health", "fresh", n->fresh);
	metric_labelled(b, "leitlfs_sessions", "health", "late", n->late);
	metric_labelled(b, "leitlfs_sessions", "health", "ended", n->ended);
	metric_gauge(b, "leitlfs_sessions_waiting",
		"Living sessions of which somebody has wait or next open.", (double)n->waiting);
	metric_gauge(b, "leitlfs_agents", "Agents that are known.", (double)n->agents);
	metric_gauge(b, "leitlfs_agents_active", "Agents that have a living session.",
		(double)n->active);
}

static void show_items(const struct counts *n, struct buf *b)
{
	metric_gauge(b, "leitlfs_asks_open", "Questions without an answer yet.",
		(double)n->open[ITEM_ASK]);
	metric_gauge(b, "leitlfs_tasks_open", "Tasks that were begun and are not over.",
		(double)n->open[ITEM_TASK]);
	metric_gauge(b, "leitlfs_collaborations_open", "Collaborations that have not ended.",
		(double)n->open[ITEM_COLLABORATION]);
	metric_gauge(b, "leitlfs_claims", "Claims that are held.", (double)n->open[ITEM_CLAIM]);
	metric_head(b, "leitlfs_alerts", "gauge", "Alerts that are raised, by what they are of.");
	for (int i = 0; i < 4; i++)
		metric_labelled(
			b, "leitlfs_alerts", "alert", n->alerts[i].kind, n->alerts[i].count);
}

static void show_events(struct loop *loop, struct buf *b)
{
	struct metrics *m = loop->metrics;

	metric_head(b, "leitlfs_events_total", "counter",
		"Events since the start by type; those of one's own types are other.");
	for (int i = 0; i < EVENT_TYPES; i++)
		metric_labelled(b, "leitlfs_events_total", "type", event_types[i],
			counter_of(&m->events[i]));
	metric_histogram(b, "leitlfs_write_seconds",
		"Time from a write's being complete to its commit.", &m->write_time,
		histogram_times, 1e6);
	metric_histogram(b, "leitlfs_commit_seconds", "Time to append and apply one commit.",
		&m->commit_time, histogram_times, 1e6);
	metric_histogram(b, "leitlfs_commit_records", "Records in one commit.", &m->commit_records,
		histogram_counts, 1);
	metric_histogram(b, "leitlfs_wake_seconds",
		"Time from an event to the answer of a stream's read that waited for it.",
		&m->wake_time, histogram_times, 1e6);
	metric_counter(b, "leitlfs_gaps_total", "Gaps that streams told to readers too slow.",
		counter_of(&m->gaps));
	metric_counter(b, "leitlfs_leases_lost_total",
		"Messages that next gave to a reader who did not read to the end.",
		counter_of(&m->leases_lost));
}

static void show_refusals(struct loop *loop, struct buf *b)
{
	metric_head(b, "leitlfs_refusals_total", "counter", "Refusals with a reason, by errno.");
	for (int code = 0; code < REFUSAL_ERRNOS; code++) {
		const unsigned long long n = refusals_of(loop->refusals, code);
		const char *name = code ? strerrorname_np(code) : "other";

		if (n > 0)
			metric_labelled(
				b, "leitlfs_refusals_total", "errno", name ? name : "other", n);
	}
}

static void show_parts(struct metrics *m, struct buf *b)
{
	static const char *const parts[STORE_PARTS] = {
		[STORE_DATABASE] = "database",
		[STORE_WAL] = "wal",
		[STORE_JOURNAL] = "journal",
		[STORE_CONTEXT] = "context",
	};

	metric_head(b, "leitlfs_store_bytes", "gauge",
		"Size of the state's files: context is the catalog of what is synced.");
	for (int i = 0; i < STORE_PARTS; i++)
		metric_labelled(b, "leitlfs_store_bytes", "part", parts[i],
			(unsigned long long)atomic_load(&m->store_bytes[i]));
	if (atomic_load(&m->room_bytes) >= 0)
		metric_gauge(b, "leitlfs_store_room_bytes",
			"Bytes left on the file system of the state.",
			(double)atomic_load(&m->room_bytes));
}

static void show_store(struct loop *loop, const struct counts *n, struct buf *b)
{
	static const char *const operations[TROUBLES] = {
		[TROUBLE_APPEND] = "append",
		[TROUBLE_MOVE] = "move",
		[TROUBLE_SAVE] = "save",
		[TROUBLE_CHECKPOINT] = "checkpoint",
		[TROUBLE_EXPIRE] = "expire",
	};
	struct metrics *m = loop->metrics;

	metric_gauge(b, "leitlfs_log_seq", "The newest event's seq.", (double)n->seq);
	metric_gauge(b, "leitlfs_kept_events", "Events that are kept.", (double)n->kept_events);
	metric_gauge(
		b, "leitlfs_kept_bytes", "Bytes of events that are kept.", (double)n->kept_bytes);
	metric_gauge(b, "leitlfs_unsaved_records", "Records that a restart would replay.",
		(double)n->unsaved);
	show_parts(m, b);
	metric_histogram(b, "leitlfs_save_seconds",
		"Time that one save of the state held writers up.", &m->save_time, histogram_times,
		1e6);
	metric_histogram(b, "leitlfs_checkpoint_seconds", "Time of one checkpoint by the saver.",
		&m->checkpoint_time, histogram_times, 1e6);
	metric_counter(b, "leitlfs_store_looks_total",
		"Looks of the saver at the store and the alerts, about one a second.",
		counter_of(&m->looks));
	metric_head(b, "leitlfs_store_failures_total", "counter",
		"Failures of the store, by what failed.");
	for (int i = 0; i < TROUBLES; i++)
		metric_labelled(b, "leitlfs_store_failures_total", "operation", operations[i],
			counter_of(&m->troubles[i].failures));
}

/* The process: names and units as Prometheus' own clients have them. */

static long long read_pages(int which)
{
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	long long pages = 0;
	char text[128], *at = text;
	ssize_t len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (fd >= 0)
		close(fd);
	if (len <= 0)
		return 0;
	text[len] = '\0';
	for (int i = 0; i <= which; i++)
		pages = strtoll(at, &at, 10);
	return pages * sysconf(_SC_PAGESIZE);
}

static double count_entries(const char *path)
{
	DIR *dir = opendir(path);
	double n = -3; /* itself, . and .. */

	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void show_process(struct metrics *m, struct buf *b)
{
	struct rlimit files = {0};
	struct rusage used = {0};

	getrlimit(RLIMIT_NOFILE, &files);
	getrusage(RUSAGE_SELF, &used);
	metric_head(b, "process_cpu_seconds_total", "counter", "Processor time of the daemon.");
	metric_number(b, "process_cpu_seconds_total", NULL,
		(double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
			(double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
	metric_gauge(b, "process_resident_memory_bytes", "Memory that the daemon has.",
		(double)read_pages(1));
	metric_gauge(b, "process_virtual_memory_bytes", "Addresses that the daemon has.",
		(double)read_pages(0));
	metric_gauge(b, "process_open_fds", "Descriptors that the daemon has open.",
		count_entries("/proc/self/fd"));
	metric_gauge(b, "process_max_fds", "Descriptors that it may have.", (double)files.rlim_cur);
	metric_gauge(b, "process_threads", "Threads of the daemon.",
		count_entries("/proc/self/task") + 1);
	metric_gauge(b, "process_start_time_seconds", "When the daemon began, since 1970.",
		(double)m->began_us / 1e6);
}

void metrics_show(struct loop *loop, struct context *context, uid_t uid, struct buf *out)
{
	struct counts n = {0};

	count(loop, &n);
	show_sessions(&n, out);
	show_items(&n, out);
	show_events(loop, out);
	show_refusals(loop, out);
	show_store(loop, &n, out);
	if (context)
		metrics_show_context(context, uid, out);
	show_process(loop->metrics, out);
}
