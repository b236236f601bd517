/* Counting, noting troubles, and writing what was counted as Prometheus reads it. */
#include "core/base/metrics.h"

#include "core/base/clock.h"
#include "core/base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

const int64_t histogram_times[HISTOGRAM_BOUNDS] = {5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000,
	10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000};
const int64_t histogram_counts[HISTOGRAM_BOUNDS] = {
	1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024};

const char *const event_types[EVENT_TYPES] = {
	"agent.active",
	"agent.idle",
	"alert.cleared",
	"alert.raised",
	"ask.answered",
	"ask.asked",
	"ask.failed",
	"broadcast.message",
	"claim.released",
	"claim.taken",
	"collaboration.ended",
	"collaboration.started",
	"collaboration.updated",
	"context.updated",
	"decision.made",
	"decision.voted",
	"memory.delete",
	"memory.read",
	"memory.write",
	"message.direct",
	"session.ended",
	"session.late",
	"session.started",
	"session.updated",
	"task.completed",
	"task.failed",
	"task.started",
	"other",
};

int event_type_number(const char *type)
{
	int low = 0, high = EVENT_TYPES - 1;

	while (low < high) {
		const int middle = (low + high) / 2, order = strcmp(event_types[middle], type);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return EVENT_TYPES - 1;
}

struct metrics *metrics_new(const struct clock *clock)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->clock = clock;
	m->began_us = clock->wall_us(clock);
	atomic_store(&m->calm_us, m->began_us);
	atomic_store(&m->room_bytes, -1);
	return m;
}

void metrics_free(struct metrics *m)
{
	free(m);
}

/* Troubles. */

const char *const trouble_names[TROUBLES] = {
	[TROUBLE_APPEND] = "appending to the log",
	[TROUBLE_MOVE] = "moving events into the database",
	[TROUBLE_SAVE] = "saving the state",
	[TROUBLE_CHECKPOINT] = "moving the WAL into the database",
	[TROUBLE_EXPIRE] = "letting old events go",
};

void trouble_note(struct metrics *m, enum trouble_kind kind, int status, const struct error *err)
{
	struct trouble *t = &m->troubles[kind];
	int was = atomic_load_explicit(&t->code, memory_order_relaxed);

	if (status == 0 && was == 0)
		return;
	if (status == -ENOMEM || status == -EMSGSIZE || status == -EFBIG)
		return;
	if (status == 0) {
		if (!atomic_exchange(&t->code, 0))
			return;
		atomic_store(&m->calm_us, m->clock->wall_us(m->clock));
		syslog(LOG_NOTICE, "%s works again", trouble_names[kind]);
		return;
	}
	counter_add(&t->failures, 1);
	if (was)
		return;
	/* Before the code: who finds it there finds the time. */
	atomic_store(&t->since_us, m->clock->wall_us(m->clock));
	if (!atomic_exchange(&t->code, -status))
		syslog(LOG_ERR, "%s fails: %s", trouble_names[kind],
			err && err->text[0] ? err->text : strerror(-status));
}

enum trouble_kind trouble_find(
	struct metrics *m, enum trouble_kind from, int *code, int64_t *since_us)
{
	int kind = (int)from, found = 0;

	while (kind < TROUBLES && (found = atomic_load(&m->troubles[kind].code)) == 0)
		kind++;
	if (kind < TROUBLES && code)
		*code = found;
	if (kind < TROUBLES && since_us)
		*since_us = atomic_load(&m->troubles[kind].since_us);
	return (enum trouble_kind)kind;
}

/* Writing. */

void metric_head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_name(struct buf *b, const char *name, const char *labels)
{
	buf_adds(b, name);
	if (labels && *labels)
		buf_addf(b, "{%s}", labels);
	buf_addc(b, ' ');
}

void metric_count(struct buf *b, const char *name, const char *labels, unsigned long long n)
{
	add_name(b, name, labels);
	buf_addf(b, "%llu\n", n);
}

void metric_number(struct buf *b, const char *name, const char *labels, double value)
{
	add_name(b, name, labels);
	/* Whole numbers as such: 15 digits are exact, and no exponent is for people. */
	if (value > -1e15 && value < 1e15 && value == (double)(int64_t)value)
		buf_addf(b, "%lld\n", (long long)value);
	else
		buf_addf(b, "%.15g\n", value);
}

void metric_gauge(struct buf *b, const char *name, const char *help, double value)
{
	metric_head(b, name, "gauge", help);
	metric_number(b, name, NULL, value);
}

void metric_counter(struct buf *b, const char *name, const char *help, unsigned long long n)
{
	metric_head(b, name, "counter", help);
	metric_count(b, name, NULL, n);
}

/* The count is the sum of what was seen of the buckets, so that the last is never less. */
void metric_histogram(struct buf *b, const char *name, const char *help, struct histogram *h,
	const int64_t bounds[HISTOGRAM_BOUNDS], double unit)
{
	unsigned long long sum = counter_of(&h->sum), count = 0;

	metric_head(b, name, "histogram", help);
	for (int i = 0; i <= HISTOGRAM_BOUNDS; i++) {
		count += counter_of(&h->buckets[i]);
		if (i < HISTOGRAM_BOUNDS)
			buf_addf(b, "%s_bucket{le=\"%g\"} %llu\n", name, (double)bounds[i] / unit,
				count);
		else
			buf_addf(b, "%s_bucket{le=\"+Inf\"} %llu\n", name, count);
	}
	buf_addf(b, "%s_sum %.*f\n%s_count %llu\n", name, unit > 1 ? 6 : 0, (double)sum / unit,
		name, count);
}

static void add_escaped(struct buf *b, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			buf_adds(b, "\\n");
		else if (text[i] == '"' || text[i] == '\\')
			buf_addf(b, "\\%c", text[i]);
		else
			buf_addc(b, text[i]);
	}
}

void metric_label(struct buf *labels, const char *name, const char *value)
{
	size_t len = strlen(value), n;
	bool cut;

	buf_addf(labels, "%s%s=\"", labels->len ? "," : "", name);
	while (len > 0) {
		n = text_utf8_prefix(value, len, &cut);
		add_escaped(labels, value, n);
		if (n == len)
			break;
		buf_adds(labels, "\xef\xbf\xbd");
		value += n + 1;
		len -= n + 1;
	}
	buf_addc(labels, '"');
}

void metric_labelled(
	struct buf *b, const char *name, const char *label, const char *value, unsigned long long n)
{
	struct buf labels = BUF_INIT;

	metric_label(&labels, label, value);
	if (buf_error(&labels))
		b->failed = ENOMEM;
	metric_count(b, name, labels.data, n);
	buf_release(&labels);
}
