/* What leitlfs top sends: a message, or the answer to a question. */
#define NCURSES_NOMACROS
#include "fs/command/top.h"

#include "core/base/json.h"
#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *top_answerable(const struct top *t, const struct json *item)
{
	const char *id = item ? drawn_text(item, "id") : "";

	if (t->pane != DRAWN_ASK || !text_id_ok(id))
		return NULL;
	return json_truth(json_get(item, "for_you")) || json_truth(json_get(item, "anyone")) ? id
											     : NULL;
}

void top_input(struct top *t, enum top_mode mode)
{
	t->mode = mode;
	t->input_len = 0;
	t->input[0] = L'\0';
}

void top_begin_message(struct top *t, bool everyone)
{
	const struct json *item = top_chosen(t);
	const char *question = everyone ? NULL : top_answerable(t, item);

	t->to[0] = '\0';
	(void)snprintf(t->answers, sizeof(t->answers), "%s", question ? question : "");
	if (!everyone && !question) {
		(void)snprintf(t->to, sizeof(t->to), "%s", item ? top_session_of(t, item) : "");
		if (!t->to[0]) {
			(void)snprintf(t->note, sizeof(t->note),
				"that is no session's: M says it to everyone");
			return;
		}
	}
	top_input(t, TOP_MESSAGE);
}

/* Whether the question is among the open ones still. */
static bool is_open(const struct top *t, const char *id)
{
	const struct json *asks = json_get(t->json, "asks");

	for (size_t i = 0; i < json_count(asks); i++)
		if (strcmp(drawn_text(json_item(asks, i), "id"), id) == 0)
			return true;
	return false;
}

void top_send_message(struct top *t)
{
	char text[TOP_INPUT_MAX * 4 + 2], path[128];
	size_t len = wcstombs(text, t->input, sizeof(text) - 2);

	t->mode = TOP_LIST;
	if (len == (size_t)-1 || strspn(text, " ") == len)
		return;
	text[len] = '\n';
	text[len + 1] = '\0';
	if (t->answers[0] && !is_open(t, t->answers)) {
		(void)snprintf(t->note, sizeof(t->note), "not sent: %s is over", t->answers);
		return;
	}
	if (t->answers[0])
		(void)snprintf(path, sizeof(path), "asks/%s/reply", t->answers);
	else if (t->to[0])
		(void)snprintf(path, sizeof(path), "sessions/%s/inbox", t->to);
	else
		(void)snprintf(path, sizeof(path), "broadcast");
	if (top_feed_say(t->feed, path, text) != 0) {
		(void)snprintf(t->note, sizeof(t->note), "the message before is still on its way");
		return;
	}
	(void)snprintf(t->note, sizeof(t->note), "sending…");
	(void)snprintf(
		t->sent, sizeof(t->sent), "%s%s", t->answers[0] ? "answered " : "sent", t->answers);
}
