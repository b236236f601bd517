/* An ask as it is saved, and loaded again. */
#include "core/item/ask_private.h"

#include "core/base/json.h"
#include "core/state/parts.h"

#include <errno.h>
#include <string.h>

static void save_part(const struct ask_part *p, struct buf *b)
{
	buf_addf(b, "{\"session\":\"%s\",\"state\":%d,\"at\":%lld", p->session, (int)p->state,
		(long long)p->at_us);
	if (p->more)
		buf_adds(b, ",\"more\":true");
	item_add_text(b, "from", p->from);
	item_add_text(b, "answer", p->answer);
	item_add_text(b, "error", p->error);
	buf_addc(b, '}');
}

void ask_save(const struct item *item, struct buf *b)
{
	const struct ask *ask = (const struct ask *)item;

	buf_addf(b,
		",\"flags\":%d,\"need\":%zu,\"timeout_us\":%lld,\"deadline\":%lld,\"status\":%d,"
		"\"reason\":%d",
		ask_flags(ask), ask->need, (long long)ask->timeout_us, (long long)ask->deadline_us,
		(int)ask->status, (int)ask->reason);
	item_add_text(b, "type", ask->type);
	item_add_raw(b, "data", ask->data);
	item_add_raw(b, "schema", ask->schema);
	item_add_text(b, "error", ask->error);
	buf_adds(b, ",\"parts\":[");
	for (size_t i = 0; i < ask->part_count; i++) {
		if (i)
			buf_addc(b, ',');
		save_part(&ask->parts[i], b);
	}
	buf_addc(b, ']');
}

static int load_part(struct ask *ask, const struct json *json)
{
	const char *session = "";
	int64_t state = 0;
	struct ask_part *p;
	int err;

	json_get_string(json, "session", ID_MAX, &session, NULL);
	json_get_integer(json, "state", 0, PART_ENDED, &state, NULL);
	err = ask_add_part(ask, session, &p);
	if (err)
		return err;
	p->state = (enum part_state)state;
	json_get_integer(json, "at", 0, INT64_MAX, &p->at_us, NULL);
	json_get_bool(json, "more", &p->more, NULL);
	err = item_take_text(&p->from, json, "from");
	if (!err)
		err = item_take_text(&p->error, json, "error");
	return err ? err : item_take_text(&p->answer, json, "answer");
}

int ask_load(struct state *st, struct item *item, const struct json *json, const char *text)
{
	struct ask *ask = (struct ask *)item;
	const struct json *parts = json_get(json, "parts");
	int64_t status = 0, reason = 0;
	int err = ask_take_question(ask, json);

	json_get_integer(json, "status", 0, ASK_CANCELLED, &status, NULL);
	json_get_integer(json, "reason", 0, ASK_REASON_CANCELLED, &reason, NULL);
	ask->status = (enum ask_status)status;
	ask->reason = (enum ask_reason)reason;
	if (!err)
		err = item_take_raw(&ask->data, text, "data");
	if (!err)
		err = item_take_raw(&ask->schema, text, "schema");
	if (!err)
		err = item_take_text(&ask->error, json, "error");
	for (size_t i = 0; i < json_count(parts) && !err; i++)
		err = load_part(ask, json_item(parts, i));
	if (!err && ask->status == ASK_OPEN)
		ask_count_asking(st, ask, 1);
	return err;
}
