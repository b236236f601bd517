/* What the records leave of claims, and their end. */
#include "core/item/claim_private.h"

#include "core/base/json.h"
#include "core/state/parts.h"
#include "core/state/session_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int apply(struct state *st, struct item *item, const struct record *r,
	const struct json *detail, const char *text, bool *closes)
{
	struct claim *claim = (struct claim *)item;

	(void)st, (void)text;
	if (strcmp(r->type, "claim.taken") == 0)
		return item_take_text(&claim->note, detail, "note");
	*closes = true;
	return item_take_text(&claim->reason, detail, "reason");
}

static void save(const struct item *item, struct buf *b)
{
	item_add_text(b, "note", ((const struct claim *)item)->note);
}

static int load(struct state *st, struct item *item, const struct json *json, const char *text)
{
	(void)st, (void)text;
	return item_take_text(&((struct claim *)item)->note, json, "note");
}

static void release(struct item *item)
{
	free(((struct claim *)item)->note);
	free(((struct claim *)item)->reason);
}

/* The event that a claim is over, told by the session that held it. */
int claim_add_released(struct loop *loop, struct act *a, const struct item *item,
	const struct session *owner, const char *reason)
{
	const int64_t held_us = loop_wall_us(loop) - item->began_us;
	struct buf data = BUF_INIT, detail = BUF_INIT;
	struct draft d = {
		.kind = RECORD_EVENT,
		.uid = owner->uid,
		.type = "claim.released",
		.session = owner->id,
		.from = owner->agent_name,
		.agent = owner->agent->key,
	};

	buf_addc(&data, '{');
	session_add_member(&data, "name", item->id);
	session_add_member(&data, "reason", reason);
	buf_addf(&data, ",\"held_s\":%.3f}", held_us > 0 ? (double)held_us / 1e6 : 0.0);
	buf_addc(&detail, '{');
	session_add_member(&detail, "item", item->id);
	session_add_member(&detail, "reason", reason);
	buf_addc(&detail, '}');
	return act_add_built(a, &d, &data, &detail);
}

static int session_ends(struct loop *loop, struct act *a, struct item *item,
	const struct session *s, struct error *err)
{
	(void)err;
	if (strcmp(item->session, s->id) != 0)
		return 0;
	return claim_add_released(loop, a, item, s, a->text[TYPE].data);
}

const struct item_ops claim_item = {
	.prefix = "claim.",
	.begins = "claim.taken",
	.size = sizeof(struct claim),
	.closed_max = 0,
	.apply = apply,
	.save = save,
	.load = load,
	.release = release,
	.session_ends = session_ends,
};

void claim_add_end(const struct claim *claim, struct buf *out)
{
	const struct item *item = &claim->item;
	const int64_t held_us = item->closed_us - item->began_us;

	if (!item->closed_us)
		return;
	buf_addc(out, '{');
	session_add_member(out, "name", item->id);
	session_add_member(out, "reason", claim->reason ? claim->reason : "released");
	session_add_member(out, "owner", item->session);
	buf_adds(out, ",\"since\":\"");
	buf_add_time(out, item->began_us);
	buf_adds(out, "\",\"released_at\":\"");
	buf_add_time(out, item->closed_us);
	buf_addf(out, "\",\"held_s\":%.3f}\n", held_us > 0 ? (double)held_us / 1e6 : 0.0);
}
