/* The sources and their sync, and how busy the loop is, as the snapshot has it. */
#include "core/report/dashboard_private.h"

#include "core/base/history.h"
#include "core/base/metrics.h"
#include "core/context/context.h"
#include "core/state/parts.h"
#include "core/state/saver.h"

#include <errno.h>
#include <string.h>

struct sources_shown {
	struct taking *taking;
	struct sources *sources;
	size_t count, failing;
};

static int add_source(void *arg, struct source *s)
{
	struct sources_shown *n = arg;
	struct buf *b = n->taking->out;
	struct source_health h;

	source_health(n->sources, s, &h);
	n->failing += h.failing_us != 0;
	if (n->count++ >= DASHBOARD_ITEMS)
		return 0;
	buf_addf(b, "%s\n{\"id\":\"%s\",\"state\":\"%s\",\"files\":%lld,\"bytes\":%lld",
		n->count > 1 ? "," : "", s->name, source_state_name(n->sources, s),
		(long long)h.files, (long long)h.bytes);
	dashboard_add_time(b, "success_ms", h.success_us);
	dashboard_add_time(b, "failing_ms", h.failing_us);
	if (h.error[0])
		dashboard_add_text(b, "error", h.error);
	buf_addc(b, '}');
	return 0;
}

void dashboard_sources(struct taking *t)
{
	struct sources_shown n = {.taking = t};

	buf_adds(t->out, ",\n\"sources\":[");
	if (t->context) {
		n.sources = t->context->sources;
		if (sources_each(n.sources, t->uid, add_source, &n) != 0)
			t->out->failed = ENOMEM;
	}
	buf_addc(t->out, ']');
	buf_addf(t->counts, ",\"sources\":%zu,\"sources_failing\":%zu", n.count, n.failing);
}

/* The bound below which that share of the values lies; -1: there are none, or it is beyond all. */
static int64_t quantile(struct histogram *h, const int64_t bounds[HISTOGRAM_BOUNDS], double share)
{
	unsigned long long all = 0, sum = 0;

	for (int i = 0; i <= HISTOGRAM_BOUNDS; i++)
		all += counter_of(&h->buckets[i]);
	for (int i = 0; all && i < HISTOGRAM_BOUNDS; i++) {
		sum += counter_of(&h->buckets[i]);
		if ((double)sum >= share * (double)all)
			return bounds[i];
	}
	return -1;
}

static void add_ring(struct buf *b, const char *key, const uint32_t counts[HISTORY_SLOTS])
{
	buf_addf(b, "\"%s\":[", key);
	for (int i = 0; i < HISTORY_SLOTS; i++)
		buf_addf(b, "%s%u", i ? "," : "", counts[i]);
	buf_adds(b, "],");
}

void dashboard_metrics(struct taking *t)
{
	struct metrics *m = t->loop->metrics;
	struct history_counts counts;
	long long store = 0;

	saver_history(t->loop->saver, &counts);
	for (int i = 0; i < STORE_PARTS; i++)
		store += atomic_load(&m->store_bytes[i]);
	buf_adds(t->out, ",\n\"metrics\":{");
	add_ring(t->out, "seconds", counts.seconds);
	add_ring(t->out, "minutes", counts.minutes);
	buf_addf(t->out,
		"\"write_p50_us\":%lld,\"write_p99_us\":%lld,\"gaps\":%llu,"
		"\"store_bytes\":%lld,\"room_bytes\":%lld}",
		(long long)quantile(&m->write_time, histogram_times, 0.5),
		(long long)quantile(&m->write_time, histogram_times, 0.99), counter_of(&m->gaps),
		store, (long long)atomic_load(&m->room_bytes));
}
