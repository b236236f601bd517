/* Raising alerts and clearing them: what the commands decide, and what the records leave. */
#include "core/item/alert.h"

#include "core/base/json.h"
#include "core/state/parts.h"
#include "core/state/session_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The state. */

static int apply(struct state *st, struct item *item, const struct record *r,
	const struct json *detail, const char *text, bool *closes)
{
	struct alert *alert = (struct alert *)item;

	(void)st, (void)text;
	if (strcmp(r->type, "alert.raised") != 0) {
		*closes = true;
		return 0;
	}
	json_get_integer(detail, "number", 0, INT64_MAX, &alert->number, NULL);
	json_get_integer(detail, "since", 0, INT64_MAX, &alert->since_us, NULL);
	return item_take_text(&alert->kind, detail, "alert");
}

static void save(const struct item *item, struct buf *b)
{
	const struct alert *alert = (const struct alert *)item;

	item_add_text(b, "alert", alert->kind);
	buf_addf(b, ",\"number\":%lld,\"since\":%lld", (long long)alert->number,
		(long long)alert->since_us);
}

static int load(struct state *st, struct item *item, const struct json *json, const char *text)
{
	struct alert *alert = (struct alert *)item;

	(void)st, (void)text;
	json_get_integer(json, "number", 0, INT64_MAX, &alert->number, NULL);
	json_get_integer(json, "since", 0, INT64_MAX, &alert->since_us, NULL);
	return item_take_text(&alert->kind, json, "alert");
}

static void release(struct item *item)
{
	free(((struct alert *)item)->kind);
}

static int session_ends(struct loop *loop, struct act *a, struct item *item,
	const struct session *s, struct error *err)
{
	const struct alert *alert = (const struct alert *)item;
	const struct alert_what what = {.kind = alert->kind, .subject = s->id, .session = s};

	(void)err;
	if (!alert->kind || strcmp(item->session, s->id) != 0)
		return 0;
	return alert_add(loop, a, &what, false);
}

const struct item_ops alert_item = {
	.prefix = "alert.",
	.begins = "alert.raised",
	.size = sizeof(struct alert),
	.closed_max = 0,
	.apply = apply,
	.save = save,
	.load = load,
	.release = release,
	.session_ends = session_ends,
};

/* Raising and clearing. */

static void add_key(struct buf *b, const char *kind, const char *subject)
{
	buf_adds(b, kind);
	if (subject)
		buf_addf(b, " %s", subject);
}

const struct alert *alert_find(const struct state *st, const char *kind, const char *subject)
{
	struct buf key = BUF_INIT;
	struct item *item = NULL;

	add_key(&key, kind, subject);
	if (!buf_error(&key))
		item = state_item(st, ITEM_ALERT, key.data);
	buf_release(&key);
	return (const struct alert *)item;
}

static void add_data(struct buf *b, const struct alert_what *what, int64_t number, int64_t since_us)
{
	buf_addc(b, '{');
	session_add_member(b, "alert", what->kind);
	if (what->session)
		session_add_member(b, "session_id", what->session->id);
	if (what->source)
		session_add_member(b, "source", what->source);
	buf_addf(b, ",\"id\":\"a%lld\",\"since\":\"", (long long)number);
	buf_add_time(b, since_us);
	buf_addc(b, '"');
	if (what->message)
		session_add_member(b, "message", what->message);
	buf_addc(b, '}');
}

static void add_detail(struct buf *b, const struct alert_what *what, int64_t number, bool raised)
{
	struct buf key = BUF_INIT;

	add_key(&key, what->kind, what->subject);
	buf_addc(b, '{');
	session_add_member(b, "item", key.data ? key.data : "");
	if (raised) {
		session_add_member(b, "alert", what->kind);
		buf_addf(b, ",\"number\":%lld,\"since\":%lld", (long long)number,
			(long long)what->since_us);
	}
	buf_addc(b, '}');
	if (buf_error(&key))
		b->failed = ENOMEM;
	buf_release(&key);
}

int alert_add(struct loop *loop, struct act *a, const struct alert_what *what, bool raised)
{
	const struct alert *is = alert_find(loop->state, what->kind, what->subject);
	const struct session *s = what->session;
	struct buf data = BUF_INIT, detail = BUF_INIT;
	struct draft d = {
		.kind = RECORD_EVENT,
		.uid = s ? s->uid : loop->owner,
		.type = raised ? "alert.raised" : "alert.cleared",
		.session = s ? s->id : NULL,
		.from = s ? s->agent_name : NULL,
		.agent = s && s->agent ? s->agent->key : NULL,
	};
	char id[ID_MAX + 1];
	int64_t number;

	if (raised == (is != NULL))
		return 0;
	number = is ? is->number : item_number(loop, ITEM_ALERT, id);
	add_data(&data, what, number, is ? is->since_us : what->since_us);
	add_detail(&detail, what, number, raised);
	return act_add_built(a, &d, &data, &detail);
}

/* What an act keeps of what it was asked. */
struct asked {
	struct alert_what what;
	bool raised;
	char *texts[4];
};

static void asked_free(void *arg)
{
	struct asked *asked = arg;

	for (int i = 0; i < 4; i++)
		free(asked->texts[i]);
	free(asked);
}

static struct asked *asked_new(const struct alert_what *what, bool raised)
{
	struct asked *asked = calloc(1, sizeof(*asked));
	const char **const texts[] = {
		&asked->what.kind, &asked->what.subject, &asked->what.source, &asked->what.message};

	if (!asked)
		return NULL;
	asked->what = *what;
	asked->raised = raised;
	for (int i = 0; i < 4; i++) {
		if (!*texts[i])
			continue;
		asked->texts[i] = strdup(*texts[i]);
		if (!asked->texts[i]) {
			asked_free(asked);
			return NULL;
		}
		*texts[i] = asked->texts[i];
	}
	return asked;
}

static int decide(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	const struct asked *asked = a->more;

	(void)err;
	/* What one that has ended was alerted of was cleared by its end. */
	if (a->session && (a->session->ended_us || !a->session->agent))
		return 0;
	return alert_add(loop, a, &asked->what, asked->raised);
}

void alert_set(struct loop *loop, const struct alert_what *what, bool raised)
{
	struct act *a;
	bool is;

	state_rdlock(loop);
	is = alert_find(loop->state, what->kind, what->subject) != NULL;
	state_unlock(loop);
	a = is != raised ? act_new(NULL) : NULL;
	if (!a)
		return;
	a->more = asked_new(what, raised);
	a->more_free = asked_free;
	if (!a->more) {
		a->more_free = NULL;
		act_free(a);
		return;
	}
	if (what->session)
		a->session = session_ref((struct session *)what->session);
	a->command.decide = decide;
	a->command.alone = true; /* two at once would both find it as it was */
	a->command.done = act_over;
	loop_submit(loop, &a->command);
}
