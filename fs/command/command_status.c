/* leitlfs status: who is in the loop, and what waits for the caller. */
#include "fs/command/command.h"
#include "fs/command/command_tree.h"
#include "fs/command/questions.h"
#include "fs/command/status.h"

#include "core/base/json.h"
#include "core/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTED_MAX 20 /* questions to others; those for the caller are all listed */

struct look {
	const struct call *call;
	struct picture *picture;
};

static void trim(struct buf *b)
{
	while (b->len > 0 && b->data[b->len - 1] == '\n')
		b->data[--b->len] = '\0';
}

static void picture_release(struct picture *p)
{
	json_free(p->parsed);
	buf_release(&p->sessions);
	buf_release(&p->status);
	buf_release(&p->self);
	buf_release(&p->asks);
	buf_release(&p->yours);
	buf_release(&p->others);
}

/* Messages are lines with a seq; the last line may tell of more. */
static long long count_unread(const struct buf *unread)
{
	long long count = 0;

	for (size_t at = 0, len; at < unread->len; at += len + 1) {
		const char *line = unread->data + at, *value;
		size_t value_len;

		len = strcspn(line, "\n");
		if (json_member(line, len, "more", &value, &value_len) &&
			!json_member(line, len, "seq", &value, &value_len)) {
			json_member(line, len, "more", &value, &value_len);
			count += strtoll(value, NULL, 10);
		} else if (len > 0) {
			count++;
		}
	}
	return count;
}

static int look_at_self(const struct call *call, struct picture *p, struct error *err)
{
	struct buf unread = BUF_INIT;
	int rc = tree_self(call, &p->self);

	p->unread = -1;
	if (rc == -ENOMEM)
		return error_set(err, ENOMEM, "out of memory");
	if (rc != 0) {
		if (rc != -ENOENT)
			tree_failed(call, -rc, "self", &p->no_self);
		return 0;
	}
	rc = tree_read(call, "self/unread", &unread, err);
	if (rc == 0)
		p->unread = unread.len > 0 ? count_unread(&unread) : 0;
	buf_release(&unread);
	if (rc == -ENOENT || rc == -ESTALE || rc == -EACCES) { /* it has ended meanwhile */
		buf_reset(&p->self);
		rc = 0;
	}
	return rc;
}

static bool add_ask(void *arg, const char *text, size_t len, const struct json *ask)
{
	struct look *look = arg;
	struct picture *p = look->picture;
	const bool yours = question_waits_for(ask, p->self.len > 0 ? p->self.data : "");

	buf_adds(&p->asks, p->ask_count > 0 ? "," : "");
	if (look->call->json)
		buf_add(&p->asks, text, len);
	p->ask_count++;
	if (!look->call->json && (yours || p->listed < LISTED_MAX))
		status_list_ask(look->call, ask, yours, p);
	return true;
}

static int look_at_asks(const struct call *call, struct picture *p, struct error *err)
{
	struct look look = {call, p};

	if (questions_each(call, add_ask, &look) != 0)
		return error_set(err, ENOMEM, "out of memory");
	return buf_error(&p->asks);
}

static int look(const struct call *call, struct picture *p, struct error *err)
{
	int rc = tree_read(call, "sessions.json", &p->sessions, err);

	if (rc == 0)
		rc = json_parse(
			p->sessions.data ? p->sessions.data : "", p->sessions.len, &p->parsed, err);
	if (rc == 0) {
		if (tree_read(call, "status.json", &p->status, NULL) != 0 || p->status.len == 0) {
			buf_reset(&p->status);
			buf_adds(&p->status, "null");
		}
		rc = look_at_self(call, p, err);
	}
	if (rc == 0)
		rc = look_at_asks(call, p, err);
	trim(&p->sessions);
	trim(&p->status);
	if (rc != 0 && err->code == 0)
		error_set(err, -rc, "%s", strerror(-rc));
	return rc;
}

static void add_no_self(const struct picture *p, struct buf *out)
{
	const char *name = strerrorname_np(p->no_self.code), *why = p->no_self.text;

	if (p->no_self.code == 0 || name == NULL) {
		buf_adds(out, ",\"self_error\":null");
		return;
	}
	buf_addf(out, ",\"self_error\":{\"errno\":\"%s\",\"reason\":", name);
	buf_add_json(out, why, text_utf8_prefix(why, strlen(why), NULL));
	buf_addc(out, '}');
}

static int print_json(const struct call *call, const struct picture *p)
{
	struct buf out = BUF_INIT;

	buf_adds(&out, "{\"mount\":");
	if (text_is_utf8(call->at.tree, strlen(call->at.tree), NULL))
		buf_add_json(&out, call->at.tree, strlen(call->at.tree));
	else
		buf_adds(&out, "null");
	buf_adds(&out, ",\"self\":");
	if (p->self.len > 0)
		buf_add_json(&out, p->self.data, p->self.len);
	else
		buf_adds(&out, "null");
	add_no_self(p, &out);
	if (p->unread >= 0)
		buf_addf(&out, ",\"unread\":%lld", p->unread);
	else
		buf_adds(&out, ",\"unread\":null");
	buf_addf(&out, ",\"asks\":[%s],\"sessions\":", p->ask_count > 0 ? p->asks.data : "");
	json_compact(p->sessions.data, p->sessions.len, &out);
	buf_adds(&out, ",\"status\":");
	json_compact(p->status.data, p->status.len, &out);
	buf_adds(&out, "}\n");
	return command_print(call, &out);
}

int command_show_status(struct call *call)
{
	struct picture picture = {0};
	struct error err = {0};
	int rc = look(call, &picture, &err), status;

	if (rc != 0)
		status = command_fail(call, &err);
	else
		status = call->json ? print_json(call, &picture) : status_print(call, &picture);
	picture_release(&picture);
	return status;
}
