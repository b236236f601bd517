/* Saving a collaboration, and loading it again. */
#include "core/item/collaboration_private.h"

#include "core/base/json.h"

#include <errno.h>
#include <string.h>

static void save_decision(const struct decision *d, struct buf *b)
{
	buf_addf(b, "{\"at\":%lld", (long long)d->time_us);
	item_add_text(b, "text", d->text);
	item_add_text(b, "by", d->proposer);
	buf_adds(b, ",\"votes\":[");
	for (size_t i = 0; i < d->vote_count; i++) {
		buf_adds(b, i ? ",[" : "[");
		buf_add_json(b, d->votes[i].by, strlen(d->votes[i].by));
		buf_addc(b, ',');
		buf_add_json(b, d->votes[i].word, strlen(d->votes[i].word));
		buf_addc(b, ']');
	}
	buf_adds(b, "]}");
}

void collaboration_save(const struct item *item, struct buf *b)
{
	const struct collaboration *c = (const struct collaboration *)item;

	if (c->agent[0])
		item_add_text(b, "agent", c->agent);
	item_add_text(b, "type", c->type);
	item_add_raw(b, "metadata", c->metadata);
	buf_adds(b, ",\"participants\":[");
	for (size_t i = 0; i < c->participant_count; i++) {
		if (i)
			buf_addc(b, ',');
		buf_add_json(b, c->participants[i].name, strlen(c->participants[i].name));
	}
	buf_adds(b, "],\"decisions\":[");
	for (size_t i = 0; i < c->decision_count; i++) {
		if (i)
			buf_addc(b, ',');
		save_decision(&c->decisions[i], b);
	}
	buf_addc(b, ']');
}

static int load_decision(struct collaboration *c, const struct json *json)
{
	const struct json *votes = json_get(json, "votes");
	const char *text = "", *by = "";
	int64_t at = 0;
	int err;

	json_get_string(json, "text", 0, &text, NULL);
	json_get_string(json, "by", 0, &by, NULL);
	json_get_integer(json, "at", 0, INT64_MAX, &at, NULL);
	err = collaboration_add_decision(c, text, by, at);
	for (size_t i = 0; i < json_count(votes) && !err; i++) {
		const char *who = json_text(json_item(json_item(votes, i), 0));
		const char *word = json_text(json_item(json_item(votes, i), 1));

		err = who && word ? collaboration_add_vote(
					    c, &c->decisions[c->decision_count - 1], who, word)
				  : -EUCLEAN;
	}
	return err;
}

int collaboration_load(
	struct state *st, struct item *item, const struct json *json, const char *text)
{
	struct collaboration *c = (struct collaboration *)item;
	const struct json *list = json_get(json, "decisions");
	int err = collaboration_begun(st, c, json, text);

	for (size_t i = 0; i < json_count(list) && !err; i++)
		err = load_decision(c, json_item(list, i));
	return err;
}
