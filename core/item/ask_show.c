/* An ask as it is read. */
#include "core/item/ask_private.h"

#include "core/base/json.h"
#include "core/state/parts.h"

#include <errno.h>
#include <string.h>

const char *ask_status_name(const struct ask *ask)
{
	static const char *const names[] = {
		[ASK_OPEN] = "open",
		[ASK_ANSWERED] = "answered",
		[ASK_FAILED] = "failed",
		[ASK_TIMED_OUT] = "timed out",
		[ASK_CANCELLED] = "cancelled",
	};

	return names[ask->status];
}

bool ask_is_for(const struct state *st, const struct ask *ask, uid_t uid)
{
	if (ask->item.uid == uid)
		return true;
	for (size_t i = 0; i < ask->part_count && !ask->anyone; i++) {
		const struct session *s = state_session(st, ask->parts[i].session);

		if (s && s->uid == uid)
			return true;
	}
	return false;
}

void ask_add_seconds(struct buf *b, int64_t us)
{
	if (us % SECOND_US == 0)
		buf_addf(b, "%lld", (long long)(us / SECOND_US));
	else
		buf_addf(b, "%.9g", (double)us / SECOND_US);
}

/* What was answered as text, as that; else the JSON as it was written. */
static void add_plain(const char *value, struct buf *out)
{
	struct json *json;

	if (*value != '"' || json_parse_value(value, strlen(value), &json, NULL)) {
		buf_adds(out, value);
		return;
	}
	buf_adds(out, json_text(json));
	json_free(json);
}

static void add_line(const struct ask *ask, const struct ask_part *p, struct buf *out)
{
	if (ask->luca && !ask->many) {
		buf_addf(out, "{\"replyTo\":\"%s\"", ask->item.id);
	} else {
		buf_adds(out, "{\"session_id\":");
		if (p->session[0])
			buf_addf(out, "\"%s\"", p->session);
		else
			buf_adds(out, "null");
		item_add_text(out, "from", p->from);
	}
	if (p->answer) {
		buf_adds(out, ",\"data\":");
		json_compact(p->answer, strlen(p->answer), out);
	}
	item_add_text(out, "error", p->error);
	buf_adds(out, "}\n");
}

void ask_show_reply(const struct ask *ask, struct buf *out)
{
	for (size_t i = 0; i < ask->part_count; i++) {
		const struct ask_part *p = &ask->parts[i];

		if (ask->many || ask->luca) {
			if (p->answer || p->error)
				add_line(ask, p, out);
		} else if (p->answer) {
			add_plain(p->answer, out);
			buf_addc(out, '\n');
		}
	}
}

void ask_show_error(const struct ask *ask, struct buf *out)
{
	if (ask->error)
		buf_addf(out, "%s\n", ask->error);
}

int ask_result(const struct ask *ask, struct buf *out, struct error *err)
{
	static const int codes[] = {
		[ASK_REASON_NONE] = EIO,
		[ASK_REASON_ERROR] = EREMOTEIO,
		[ASK_REASON_ENDED] = EHOSTDOWN,
		[ASK_REASON_DEADLOCK] = EDEADLK,
		[ASK_REASON_TIMEOUT] = ETIMEDOUT,
		[ASK_REASON_CANCELLED] = ECANCELED,
	};

	if (ask->status == ASK_OPEN)
		return -EAGAIN;
	if (ask->status == ASK_ANSWERED ||
		(ask->luca && !ask->many && ask->reason == ASK_REASON_ERROR)) {
		ask_show_reply(ask, out);
		return 0;
	}
	return error_set(err, codes[ask->reason], "%s: %s", ask->item.id,
		ask->error ? ask->error : ask_status_name(ask));
}

static void add_time(struct buf *b, const char *key, int64_t us)
{
	if (!us)
		return;
	buf_addf(b, ",\"%s\":\"", key);
	buf_add_time(b, us);
	buf_addc(b, '"');
}

static void add_asked(const struct ask *ask, struct buf *b)
{
	const char *before = "";

	if (ask->anyone)
		return;
	buf_adds(b, ",\"to\":[");
	for (size_t i = 0; i < ask->part_count; i++, before = ",")
		buf_addf(b, "%s\"%s\"", before, ask->parts[i].session);
	buf_addc(b, ']');
	if (ask->all)
		buf_adds(b, ",\"wait\":\"all\"");
	else if (ask->many)
		buf_addf(b, ",\"wait\":%zu", ask->need);
}

static void add_answers(const struct ask *ask, bool whole, struct buf *b)
{
	const char *before = "";

	buf_adds(b, ",\"answers\":[");
	for (size_t i = 0; i < ask->part_count; i++) {
		const struct ask_part *p = &ask->parts[i];

		if (p->state == PART_AWAITED)
			continue;
		buf_addf(b, "%s{\"session_id\":", before);
		if (p->session[0])
			buf_addf(b, "\"%s\"", p->session);
		else
			buf_adds(b, "null");
		item_add_text(b, "from", p->from);
		add_time(b, "timestamp", p->at_us);
		if (whole && p->answer) {
			buf_adds(b, ",\"data\":");
			json_compact(p->answer, strlen(p->answer), b);
		}
		if (whole)
			item_add_text(b, "error", p->error);
		if (p->more)
			buf_adds(b, ",\"more\":true");
		buf_addc(b, '}');
		before = ",";
	}
	buf_addc(b, ']');
}

void ask_show(const struct ask *ask, bool whole, struct buf *b)
{
	buf_addf(b, "\"request_id\":\"%s\",\"status\":\"%s\"", ask->item.id, ask_status_name(ask));
	if (ask->item.session[0])
		buf_addf(b, ",\"session_id\":\"%s\"", ask->item.session);
	else
		buf_adds(b, ",\"session_id\":null");
	item_add_text(b, "from", ask->item.from);
	add_asked(ask, b);
	if (whole || ask->everyone) {
		item_add_text(b, "type", ask->type);
		item_add_raw(b, "data", ask->data);
		item_add_raw(b, "schema", ask->schema);
	}
	buf_adds(b, ",\"timeout\":");
	ask_add_seconds(b, ask->timeout_us);
	add_time(b, "asked_at", ask->item.began_us);
	add_time(b, "deadline", ask->deadline_us);
	add_time(b, "closed_at", ask->item.closed_us);
	if (ask->reason)
		buf_addf(b, ",\"reason\":\"%s\"", ask_reasons[ask->reason]);
	if (whole)
		item_add_text(b, "error", ask->error);
	add_answers(ask, whole, b);
	buf_adds(b, "}\n");
}
