/* Changing a session, and ending it: what the commands decide. */
#include "core/state/session_private.h"

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/item/alert.h"
#include "core/state/inbox.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void session_add_member(struct buf *b, const char *key, const char *text)
{
	if (b->len > 1)
		buf_addc(b, ',');
	buf_addf(b, "\"%s\":", key);
	buf_add_json(b, text, strlen(text));
}

static int decide_end(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	struct session *s = a->session;
	char uptime[32];
	struct draft d = {
		.kind = RECORD_EVENT,
		.uid = s->uid,
		.type = "session.ended",
		.session = s->id,
		.from = s->agent_name,
	};
	int r;

	if (s->ended_us || !s->agent) {
		a->same = true;
		return error_set(err, ESTALE, "session %s has ended", s->id);
	}
	d.agent = s->agent->key;
	session_uptime(loop, s, uptime, sizeof(uptime));
	buf_addc(&a->text[DATA], '{');
	session_add_member(&a->text[DATA], "agent_name", s->agent_name);
	session_add_member(&a->text[DATA], "reason", a->text[TYPE].data);
	session_add_member(&a->text[DATA], "uptime", uptime);
	buf_addc(&a->text[DATA], '}');
	buf_addc(&a->text[DETAIL], '{');
	session_add_member(&a->text[DETAIL], "reason", a->text[TYPE].data);
	buf_addc(&a->text[DETAIL], '}');
	if (buf_error(&a->text[DATA]) || buf_error(&a->text[DETAIL]))
		return -ENOMEM;
	d.data = a->text[DATA].data;
	d.data_len = a->text[DATA].len;
	d.detail = a->text[DETAIL].data;
	/* What it had going ends before it does. */
	r = items_session_ends(loop, a, s, err);
	return r ? r : command_add(c, &d);
}

int session_end(struct loop *loop, const struct actor *actor, struct session *s,
	enum end_reason reason, struct act **out, struct error *err)
{
	struct act *a;

	(void)loop;
	if (s->person)
		return error_set(
			err, EPERM, "%s is a person: the session stands and does not end", s->id);
	a = act_new(actor);
	if (!a)
		return -ENOMEM;
	a->session = session_ref(s);
	buf_adds(&a->text[TYPE], end_reasons[reason]);
	a->command.decide = decide_end;
	a->command.alone = true;
	*out = a;
	return 0;
}

static int decide_change(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	struct session *s = a->session;
	struct draft d = {
		.kind = RECORD_EVENT,
		.uid = s->uid,
		.type = "session.updated",
		.session = s->id,
		.from = s->agent_name,
		.data = a->text[DATA].data,
		.data_len = a->text[DATA].len,
		.detail = a->text[DETAIL].data,
	};

	(void)loop;
	if (s->ended_us || !s->agent)
		return error_set(err, ESTALE, "session %s has ended", s->id);
	d.agent = s->agent->key;
	return command_add(c, &d);
}

/* Tags as text are words, apart by white space or commas; as JSON an array of strings. */
static int tags_from_text(const char *text, struct buf *out, struct error *err)
{
	size_t n = 0;

	buf_addc(out, '[');
	for (text += strspn(text, ", \t\n"); *text; text += strspn(text, ", \t\n")) {
		size_t len = strcspn(text, ", \t\n");

		if (++n > TAGS_MAX || len > TAG_MAX)
			return error_set(err, EINVAL, "tags: at most %d of at most %d bytes",
				TAGS_MAX, TAG_MAX);
		if (n > 1)
			buf_addc(out, ',');
		buf_add_json(out, text, len);
		text += len;
	}
	buf_addc(out, ']');
	return buf_error(out);
}

int session_check_line(const char *name, const char *text, struct error *err)
{
	if (strlen(text) > TASK_MAX || strchr(text, '\n'))
		return error_set(
			err, EINVAL, "%s: must be one line of at most %d bytes", name, TASK_MAX);
	return 0;
}

void session_add_task(struct buf *b, const char *task)
{
	if (strcmp(task, "-") == 0)
		buf_adds(b, "null");
	else
		buf_add_json(b, task, strlen(task));
}

static int value_text(struct act *a, enum session_value value, const char *text, struct error *err)
{
	static const char *const shown[] = {
		"status", "current_task", "tags", "timeout", "context/query"};
	static const char *const kept[] = {"status", "task", "tags", "timeout", "query"};
	struct buf *data = &a->text[DATA], *detail = &a->text[DETAIL], *json = &a->text[SPARE];
	int64_t us;
	int r = 0;

	switch (value) {
	case VALUE_TASK:
		r = session_check_line(shown[value], text, err);
		session_add_task(json, text);
		break;
	case VALUE_STATUS:
		r = session_check_line(shown[value], text, err);
		buf_add_json(json, text, strlen(text));
		break;
	case VALUE_TAGS:
		r = tags_from_text(text[strspn(text, "-\n")] ? text : "", json, err);
		break;
	case VALUE_TIMEOUT:
		if (text_duration(text, &us) || us < SECOND_US / 10 || us > TIMEOUT_MAX_US)
			return error_set(err, EINVAL,
				"timeout: must be a time from 0.1 s to a day, such as 90s or 15m");
		buf_addf(json, "%lld", (long long)us);
		break;
	case VALUE_QUERY:
		if (strlen(text) > QUERY_MAX)
			return error_set(err, EMSGSIZE, "a query is at most %d bytes", QUERY_MAX);
		session_add_task(json, text);
		break;
	}
	if (r)
		return r;
	if (value == VALUE_TIMEOUT)
		buf_addf(data, "{\"%s\":%g}", shown[value], (double)us / 1e6);
	else if (value == VALUE_QUERY)
		buf_addf(data, "{\"changed\":\"%s\"}", shown[value]);
	else
		buf_addf(data, "{\"%s\":%s}", shown[value], json->data);
	buf_addf(detail, "{\"%s\":%s}", kept[value], json->data);
	return buf_error(json) || buf_error(data) || buf_error(detail) ? -ENOMEM : 0;
}

int session_change(struct loop *loop, const struct actor *actor, struct session *s,
	enum session_value value, const char *text, size_t len, bool json, struct act **out,
	struct error *err)
{
	struct act *a;
	char *copy;
	int r;

	if (json)
		return error_set(err, EINVAL, "a value is written as plain text, not as an object");
	copy = strndup(text, len);
	a = act_new(actor);
	if (!a || !copy) {
		act_free(a);
		free(copy);
		return -ENOMEM;
	}
	if (value == VALUE_STATUS && strcmp(copy, "ended") == 0) {
		act_free(a);
		free(copy);
		return session_end(loop, actor, s, END_ASKED, out, err);
	}
	a->session = session_ref(s);
	a->command.decide = decide_change;
	r = value_text(a, value, copy, err);
	free(copy);
	if (r)
		act_free(a);
	else
		*out = a;
	return r;
}

static int decide_health(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	struct session *s = a->session;
	const bool late = a->text[SPARE].len > 0;
	const struct alert_what what = {
		.kind = "session.late",
		.subject = s->id,
		.session = s,
		.message = late ? a->text[TYPE].data : NULL,
		.since_us = atomic_load(&s->heard_wall_us),
	};
	const struct draft d = {
		.kind = RECORD_EVENT,
		.uid = s->uid,
		.type = "session.late",
		.session = s->id,
		.from = s->agent_name,
		.agent = s->agent ? s->agent->key : NULL,
		.data = a->text[SPARE].data,
		.data_len = a->text[SPARE].len,
	};
	int r = 0;

	(void)err;
	if (s->ended_us || !s->agent)
		return 0;
	if (late && !alert_find(loop->state, what.kind, what.subject))
		r = command_add(c, &d);
	return r ? r : alert_add(loop, a, &what, late);
}

int session_health_changed(struct loop *loop, struct session *s, bool late, struct act **out)
{
	struct act *a = act_new(NULL);
	int64_t heard = atomic_load(&s->heard_wall_us), silent_s;

	if (!a)
		return -ENOMEM;
	a->session = session_ref(s);
	silent_s = (loop_wall_us(loop) - heard) / SECOND_US;
	if (late) {
		buf_addf(&a->text[TYPE], "silent for %lld s", (long long)silent_s);
		buf_adds(&a->text[SPARE], "{\"last_heartbeat\":\"");
		buf_add_time(&a->text[SPARE], heard);
		buf_addf(&a->text[SPARE], "\",\"silent_s\":%lld}", (long long)silent_s);
	}
	a->command.decide = decide_health;
	a->command.alone = true; /* two at once would both find it as it was */
	if (buf_error(&a->text[SPARE]) || buf_error(&a->text[TYPE])) {
		act_free(a);
		return -ENOMEM;
	}
	*out = a;
	return 0;
}
