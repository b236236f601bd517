#include "tests/unit/question.h"

#include "core/base/framer.h"
#include "core/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

int question_ask_as(struct world *w, const struct actor *actor, struct asking how, const char *text,
	struct item **out)
{
	struct burst burst = {0};
	struct act *act = NULL;
	struct json *json;
	struct message m = world_message(text, &json);
	int r;

	how.burst = &burst;
	r = ask_new(w->loop, actor, &m, &how, &act, &w->error);
	json_free(json);
	if (!r)
		r = loop_call(w->loop, &act->command, &w->error);
	if (!r && out) {
		*out = ask_made(w->loop, act);
		assert_non_null(*out);
	}
	act_free(act);
	return r;
}

struct ask *question_ask(
	struct world *w, struct session *from, struct session *to, bool held, const char *text)
{
	struct actor actor = world_actor(from);
	struct asking how = {.to = to, .held = held};
	struct item *item = NULL;
	int r = question_ask_as(w, &actor, how, text, &item);

	if (r)
		fail_msg("%s: %s", text, w->error.text);
	if (held)
		atomic_fetch_add(&((struct ask *)item)->readers, 1);
	return (struct ask *)item;
}

int question_refused(
	struct world *w, struct session *from, struct session *to, bool held, const char *text)
{
	struct actor actor = world_actor(from);
	struct asking how = {.to = to, .held = held};

	w->error.text[0] = '\0';
	return question_ask_as(w, &actor, how, text, NULL);
}

int question_answer_to(
	struct world *w, struct session *by, struct ask *a, bool error, const char *text)
{
	struct actor actor = world_actor(by);
	struct act *act = NULL;
	struct json *json;
	struct message m = world_message(text, &json);
	int r = ask_may_answer(w->loop, &actor, &a->item, &w->error);

	if (!r)
		r = ask_answer(w->loop, &actor, &a->item, &m, error, &act, &w->error);
	json_free(json);
	return world_do(w, r, r ? NULL : act);
}

int question_answer(struct world *w, struct session *by, struct ask *a, const char *text)
{
	return question_answer_to(w, by, a, false, text);
}

const char *question_result(struct world *w, struct ask *a)
{
	static struct buf out;
	int r;

	buf_release(&out);
	state_rdlock(w->loop);
	r = ask_result(a, &out, &w->error);
	state_unlock(w->loop);
	return r ? strerrorname_np(-r) : out.data ? out.data : "";
}

void question_close(struct world *w, struct ask *a)
{
	struct act *act;
	int r;

	atomic_fetch_sub(&a->readers, 1);
	r = ask_closed(w->loop, &a->item, &act);
	assert_int_equal(world_do(w, r, act), 0);
}

void question_drop(struct ask *a)
{
	item_unref(&a->item);
}

size_t question_open_count(struct world *w)
{
	return w->loop->state->items.open[ITEM_ASK].count;
}

int question_told(struct world *w, const char *session, const char *text)
{
	struct buf lines = BUF_INIT;
	const char *at = world_lines(w, &lines, CHANNEL_TO, session);
	int n = 0;

	while ((at = strstr(at, text)))
		at++, n++;
	buf_release(&lines);
	return n;
}
