/* metrics: the sources, and searching them. */
#include "core/base/metrics.h"

#include "core/base/limits.h"
#include "core/context/context.h"

#include <errno.h>
#include <stdlib.h>

struct source_numbers {
	struct sources *all;
	struct source **sources;
	struct source_health *health;
	size_t count, cap;
};

static int add_source(void *arg, struct source *s)
{
	struct source_numbers *n = arg;

	if (n->count == n->cap)
		return -ENOMEM;
	source_health(n->all, s, &n->health[n->count]);
	n->sources[n->count++] = source_ref(s);
	return 0;
}

static void add_source_number(const struct source_numbers *n, struct buf *b, const char *name,
	const char *help, int which)
{
	struct buf labels = BUF_INIT;

	metric_head(b, name, "gauge", help);
	for (size_t i = 0; i < n->count; i++) {
		const struct source_health *h = &n->health[i];
		const double values[] = {h->failing_us != 0, (double)h->success_us / 1e6,
			(double)h->files, (double)h->bytes};

		buf_reset(&labels);
		metric_label(&labels, "source", n->sources[i]->name);
		metric_number(b, name, labels.data, values[which]);
	}
	buf_release(&labels);
}

static void show_source_syncs(const struct source_numbers *n, struct buf *b)
{
	struct buf labels = BUF_INIT;

	metric_head(b, "leitlfs_source_syncs_total", "counter",
		"Syncs since the start of the sources that you see.");
	for (size_t i = 0; i < n->count; i++) {
		for (int o = 0; o < SYNC_OUTCOMES; o++) {
			buf_reset(&labels);
			metric_label(&labels, "source", n->sources[i]->name);
			metric_label(&labels, "result", sync_outcomes[o]);
			metric_count(b, "leitlfs_source_syncs_total", labels.data,
				n->health[i].outcomes[o]);
		}
	}
	buf_release(&labels);
}

static void show_sources(struct context *c, uid_t uid, struct buf *b)
{
	struct source_numbers n = {.all = c->sources, .cap = SOURCES_MAX};

	n.sources = calloc(n.cap, sizeof(struct source *));
	n.health = calloc(n.cap, sizeof(*n.health));
	if (!n.sources || !n.health) {
		b->failed = ENOMEM;
		goto out;
	}
	sources_each(c->sources, uid, add_source, &n);
	show_source_syncs(&n, b);
	add_source_number(
		&n, b, "leitlfs_source_failing", "Whether the last sync failed as a whole.", 0);
	add_source_number(&n, b, "leitlfs_source_success_timestamp_seconds",
		"When the last sync that did not fail ended; 0: none has.", 1);
	add_source_number(&n, b, "leitlfs_source_files", "Files as of the last sync.", 2);
	add_source_number(
		&n, b, "leitlfs_source_bytes", "Bytes of the files as of the last sync.", 3);
	for (size_t i = 0; i < n.count; i++)
		source_unref(n.sources[i]);
out:
	free(n.sources);
	free(n.health);
}

void metrics_show_context(struct context *c, uid_t uid, struct buf *b)
{
	uint64_t outcomes[SYNC_OUTCOMES], hits, misses;

	sources_outcomes(c->sources, outcomes);
	metric_head(b, "leitlfs_syncs_total", "counter",
		"Syncs of all sources since the start; partial: some members could not be had.");
	for (int i = 0; i < SYNC_OUTCOMES; i++)
		metric_labelled(b, "leitlfs_syncs_total", "result", sync_outcomes[i], outcomes[i]);
	show_sources(c, uid, b);
	search_counts(c->search, &hits, &misses);
	metric_head(b, "leitlfs_searches_total", "counter",
		"Searches since the start, by whether the answer was in the cache.");
	metric_labelled(b, "leitlfs_searches_total", "cache", "hit", hits);
	metric_labelled(b, "leitlfs_searches_total", "cache", "miss", misses);
}
