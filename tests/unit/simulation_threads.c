/* Threads that do everything to one loop at once: what they do. */
#include "tests/unit/simulation_threads.h"

#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/item/ask.h"
#include "core/item/claim.h"
#include "core/state/inbox.h"
#include "core/state/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLAIMS 3

static int pick(struct thread *t, int n)
{
	t->random = t->random * 6364136223846793005 + 1442695040888963407;
	return (int)((t->random >> 33) % (uint64_t)n);
}

/* An assertion fails on the test's own thread only. */
static void expect(struct thread *t, const char *what, int status, const int *allowed)
{
	for (; status && *allowed; allowed++)
		if (status == -*allowed)
			return;
	if (status && !t->failure[0])
		snprintf(t->failure, sizeof(t->failure), "%s: %s: %s", what, strerror(-status),
			t->world.error.text);
}

#define EXPECT(t, what, status, ...) expect(t, what, status, (const int[]){__VA_ARGS__, 0})

static bool is_over(struct thread *t, const struct session *s)
{
	bool over;

	state_rdlock(t->world.loop);
	over = s->ended_us != 0;
	state_unlock(t->world.loop);
	return over;
}

struct session *thread_session(struct thread *t, int number)
{
	struct shared *shared = t->shared;
	struct loop *loop = t->world.loop;
	char id[ID_MAX + 1];
	struct session *s;

	pthread_mutex_lock(&shared->mutex);
	memcpy(id, shared->ids[number], sizeof(id));
	pthread_mutex_unlock(&shared->mutex);
	state_rdlock(loop);
	s = session_ref(state_session(loop->state, id));
	state_unlock(loop);
	return s;
}

void thread_enter(struct thread *t)
{
	char text[160], id[32];

	snprintf(id, sizeof(id), "peer-%d-%d", t->number, t->registered++);
	snprintf(text, sizeof(text), "{\"agent_name\":\"agent-%d\",\"session_id\":\"%s\"}",
		t->number % 3, id);
	if (!world_register(&t->world, WORLD_UID, text))
		EXPECT(t, "register", -t->world.error.code, 0);
	pthread_mutex_lock(&t->shared->mutex);
	snprintf(t->shared->ids[t->number], sizeof(t->shared->ids[0]), "%s", id);
	pthread_mutex_unlock(&t->shared->mutex);
}

static struct message message_of(const char *text, struct json **json)
{
	*json = NULL;
	if (text[0] == '{' && json_parse(text, strlen(text), json, NULL))
		abort();
	return (struct message){.text = text, .len = strlen(text), .json = *json};
}

static int call(struct thread *t, int status, struct act *act)
{
	return world_do(&t->world, status, act);
}

/* What they do. */

static void say(struct thread *t, struct session *own, struct session *other)
{
	const struct actor actor = world_actor(own);
	const bool alone = pick(t, 2);
	char text[40];
	int r;

	snprintf(text, sizeof(text), "%d-%d", t->number, t->said);
	r = world_say(&t->world, &actor, NULL, alone ? other : NULL, text);
	t->said += r == 0;
	EXPECT(t, "say", r, ESTALE, EHOSTDOWN);
}

static void claim(struct thread *t, struct session *own)
{
	const struct actor actor = world_actor(own);
	struct loop *loop = t->world.loop;
	struct act *act = NULL;
	struct item *item;
	char name[8];
	int r;

	snprintf(name, sizeof(name), "c%d", pick(t, CLAIMS));
	state_rdlock(loop);
	item = state_item(loop->state, ITEM_CLAIM, name);
	if (item)
		item_ref(item);
	state_unlock(loop);
	if (item && strcmp(item->session, own->id) == 0) {
		r = claim_release(loop, &actor, item, &act, &t->world.error);
		EXPECT(t, "release", call(t, r, act), ENOENT, ESTALE);
	} else {
		r = claim_take(loop, &actor, name, strlen(name), &act, &t->world.error);
		EXPECT(t, "take", call(t, r, act), EEXIST, ESTALE);
	}
	item_unref(item);
}

static void close_asked(struct thread *t)
{
	struct act *act;
	int r;

	if (!t->asked)
		return;
	atomic_fetch_sub(&((struct ask *)t->asked)->readers, 1);
	r = ask_closed(t->world.loop, t->asked, &act);
	EXPECT(t, "close", call(t, r, act), 0);
	item_unref(t->asked);
	t->asked = NULL;
}

static void ask(struct thread *t, struct session *own, const struct session *other)
{
	const struct actor actor = world_actor(own);
	struct burst burst = {0};
	struct asking how = {.held = pick(t, 2), .burst = &burst};
	struct act *act = NULL;
	struct message m;
	struct json *json;
	char text[200];
	int r;

	if (pick(t, 3))
		snprintf(text, sizeof(text), "{\"to\":\"%s\",\"data\":1}", other->id);
	else
		snprintf(text, sizeof(text), "{\"data\":2%s}",
			pick(t, 2) ? ",\"to\":\"*\",\"wait\":\"all\"" : "");
	if (how.held)
		close_asked(t);
	m = message_of(text, &json);
	r = ask_new(t->world.loop, &actor, &m, &how, &act, &t->world.error);
	json_free(json);
	if (!r)
		r = loop_call(t->world.loop, &act->command, &t->world.error);
	t->asks += r == 0;
	EXPECT(t, "ask", r, ESTALE, EHOSTDOWN, ENOENT, EDEADLK);
	if (!r && how.held && (t->asked = ask_made(t->world.loop, act)))
		atomic_fetch_add(&((struct ask *)t->asked)->readers, 1);
	act_free(act);
}

static void answer(struct thread *t, struct session *own)
{
	const struct actor actor = world_actor(own);
	struct loop *loop = t->world.loop;
	const bool error = !pick(t, 4);
	struct act *act = NULL;
	struct message m;
	struct item *item;
	struct json *json;
	int r;

	state_rdlock(loop);
	item = loop->state->items.open[ITEM_ASK].last;
	for (int n = pick(t, 8); item && item->prev && n; n--)
		item = item->prev;
	if (item)
		item_ref(item);
	state_unlock(loop);
	if (!item)
		return;
	m = message_of(!error && !pick(t, 4) ? "{\"more\":true,\"data\":1}" : "so it is", &json);
	r = ask_answer(loop, &actor, item, &m, error, &act, &t->world.error);
	json_free(json);
	EXPECT(t, "answer", call(t, r, act), ESTALE, EACCES, EHOSTDOWN);
	item_unref(item);
}

static void work(struct thread *t, struct session *own)
{
	static const char *const texts[] = {
		"{\"event_type\":\"task.started\",\"data\":{\"agent_id\":\"agent-1\"}}",
		"{\"event_type\":\"task.started\",\"data\":{}}",
		"{\"event_type\":\"task.completed\",\"data\":{}}",
	};
	const struct actor actor = world_actor(own);

	EXPECT(t, "work", world_say(&t->world, &actor, NULL, NULL, texts[pick(t, 3)]), ESTALE);
}

static void read_next(struct thread *t, struct session *own)
{
	const struct actor actor = world_actor(own);
	struct act *act = NULL;
	struct record *record;
	int r = inbox_lease(t->world.loop, own, &record);

	EXPECT(t, "next", r, EAGAIN);
	if (r)
		return;
	if (pick(t, 3)) {
		r = inbox_mark_one(t->world.loop, &actor, own, record->pos, &act);
		EXPECT(t, "mark", call(t, r, act), ESTALE);
	}
	inbox_return(t->world.loop, own, record->pos);
	record_unref(record);
}

/* Its own or another's session ends; it registers anew. */
void thread_end(struct thread *t, struct session *s)
{
	struct act *act = NULL;
	int r = session_end(t->world.loop, NULL, s, END_TIMEOUT, &act, &t->world.error);

	EXPECT(t, "end", call(t, r, act), ESTALE);
}

static void pass(struct thread *t)
{
	struct loop *loop = t->world.loop;

	world_pass(t->shared->world, SECOND_US);
	asks_expire(loop, loop_mono_us(loop));
}

void *thread_run(void *arg)
{
	struct thread *t = arg;

	for (int i = 0; i < t->steps && !t->failure[0]; i++) {
		struct session *own = thread_session(t, t->number);
		struct session *other = thread_session(t, pick(t, THREADS));
		const int what = pick(t, 40);

		if (is_over(t, own))
			thread_enter(t);
		else if (what < 10)
			say(t, own, other);
		else if (what < 18)
			claim(t, own);
		else if (what < 24)
			ask(t, own, other);
		else if (what < 32)
			answer(t, own);
		else if (what < 34)
			work(t, own);
		else if (what < 37)
			read_next(t, own);
		else if (what < 38)
			thread_end(t, other);
		else if (what < 39)
			close_asked(t);
		else
			pass(t);
		session_unref(own);
		session_unref(other);
	}
	close_asked(t);
	return NULL;
}
