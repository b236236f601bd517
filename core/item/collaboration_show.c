/* A collaboration as others read it. */
#include "core/item/collaboration.h"

#include "core/state/parts.h"

#include <string.h>

void collaboration_tally(const struct decision *d, size_t most, struct buf *b)
{
	size_t n, words = 0;

	buf_addc(b, '{');
	for (size_t i = 0; i < d->vote_count && words < most; i++) {
		const char *word = d->votes[i].word;

		for (n = 0; n < i && strcmp(d->votes[n].word, word) != 0; n++)
			;
		if (n < i)
			continue;
		n = 0;
		for (size_t k = i; k < d->vote_count; k++)
			n += strcmp(d->votes[k].word, word) == 0;
		if (words++)
			buf_addc(b, ',');
		buf_add_json(b, word, strlen(word));
		buf_addf(b, ":%zu", n);
	}
	buf_addc(b, '}');
}

static void add_decisions(const struct collaboration *c, struct buf *b)
{
	buf_adds(b, ",\"decisions\":[");
	for (size_t i = 0; i < c->decision_count; i++) {
		const struct decision *d = &c->decisions[i];

		buf_addf(b, "%s{\"n\":%zu", i ? "," : "", i + 1);
		item_add_text(b, "text", d->text);
		item_add_text(b, "proposer", d->proposer);
		buf_add_json_time(b, "at", d->time_us);
		buf_adds(b, ",\"tally\":");
		collaboration_tally(d, SIZE_MAX, b);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

void collaboration_record(const struct state *st, const struct collaboration *c, struct buf *b)
{
	const struct item *item = &c->item;

	buf_addf(b, "{\"seq\":%lld,\"id\":\"%s\",\"session_id\":\"%s\"", (long long)st->last_seq,
		item->id, item->id);
	item_add_text(b, "session_type", c->type);
	buf_adds(b, ",\"participants\":[");
	for (size_t i = 0; i < c->participant_count; i++) {
		if (i)
			buf_addc(b, ',');
		buf_add_json(b, c->participants[i].name, strlen(c->participants[i].name));
	}
	buf_addc(b, ']');
	item_add_text(b, "started_by", item->from);
	buf_add_json_time(b, "started_at", item->began_us);
	buf_add_json_time(b, "ended_at", item->closed_us);
	buf_addf(b,
		",\"status\":\"%s\",\"activity_count\":%llu,\"message_count\":%llu,"
		"\"decision_count\":%zu",
		item->closed_us ? "ended" : "active", (unsigned long long)c->together->count,
		(unsigned long long)c->talk->count, c->decision_count);
	add_decisions(c, b);
	buf_addf(b, ",\"metadata\":%s}\n", c->metadata ? c->metadata : "{}");
}

void collaboration_participants(const struct collaboration *c, struct buf *b)
{
	for (size_t i = 0; i < c->participant_count; i++)
		buf_addf(b, "%s\n", c->participants[i].name);
}

bool collaboration_votes(const struct collaboration *c, int64_t n, struct buf *b)
{
	const struct decision *d;

	if (n < 1 || (uint64_t)n > c->decision_count)
		return false;
	d = &c->decisions[n - 1];
	buf_addf(b, "{\"n\":%lld", (long long)n);
	item_add_text(b, "decision", d->text);
	item_add_text(b, "proposer", d->proposer);
	buf_add_json_time(b, "at", d->time_us);
	buf_adds(b, ",\"votes\":{");
	for (size_t i = 0; i < d->vote_count; i++) {
		if (i)
			buf_addc(b, ',');
		buf_add_json(b, d->votes[i].by, strlen(d->votes[i].by));
		buf_addc(b, ':');
		buf_add_json(b, d->votes[i].word, strlen(d->votes[i].word));
	}
	buf_addc(b, '}');
	buf_adds(b, ",\"tally\":");
	collaboration_tally(d, SIZE_MAX, b);
	buf_adds(b, "}\n");
	return true;
}
