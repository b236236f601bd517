/* Who is active, and telling when that changes. */
#include "core/item/status.h"

#include "core/item/task.h"
#include "core/state/act.h"
#include "core/state/parts.h"
#include "core/state/session.h"

#include <errno.h>
#include <string.h>

enum { DATA, DETAIL };

bool session_is_busy(const struct session *s)
{
	return !s->ended_us && s->task && s->task[0];
}

bool agent_is_busy(const struct agent *a)
{
	return a->open_tasks > 0 || a->busy > 0;
}

/* The current_task of its newest session that has one. */
static const char *task_of(const struct agent *a)
{
	for (const struct session *s = a->sessions; s; s = s->agent_next)
		if (session_is_busy(s))
			return s->task;
	return NULL;
}

/* What agent.active and agent.idle tell of it. */
static void describe(const struct state *st, const struct agent *a, bool active, struct buf *b)
{
	const struct task *t = active ? task_current(st, a->key) : task_last(st, a->key);
	const char *doing = active ? task_of(a) : NULL;

	buf_adds(b, "{\"agent\":");
	buf_add_json(b, a->name, strlen(a->name));
	buf_addf(b, ",\"agent_id\":\"%s\",\"status\":\"%s\"", a->key, active ? "active" : "idle");
	if (active && !doing && t)
		doing = t->description;
	item_add_text(b, "current_task", doing);
	if (t)
		buf_addf(b, ",\"%s\":\"%s\"", active ? "current_activity" : "last_activity",
			t->item.id);
	buf_addc(b, '}');
}

/* What holds by now is told, if it was not. */
static int decide(struct loop *loop, struct command *c, struct error *err)
{
	struct act *act = (struct act *)c;
	const struct agent *a = state_agent(loop->state, act->key);
	struct draft d = {.kind = RECORD_EVENT, .detail = "{}"};
	bool active;

	(void)err;
	if (!a || agent_is_busy(a) == a->active)
		return 0;
	active = agent_is_busy(a);
	describe(loop->state, a, active, &act->text[DATA]);
	if (buf_error(&act->text[DATA]))
		return -ENOMEM;
	d.uid = a->uid;
	d.type = active ? "agent.active" : "agent.idle";
	d.from = a->name;
	d.agent = act->key;
	d.data = act->text[DATA].data;
	d.data_len = act->text[DATA].len;
	return act_add(act, &d);
}

static struct act *make(const struct agent *a)
{
	struct act *act = act_new(NULL);

	if (!act)
		return NULL;
	memcpy(act->key, a->key, sizeof(act->key));
	act->command.decide = decide;
	act->command.done = act_over;
	/* Two in one commit would both see what was told before it. */
	act->command.alone = true;
	return act;
}

static void look(struct loop *loop, const struct agent *a)
{
	struct act *act;

	if (!a || agent_is_busy(a) == a->active)
		return;
	/* Where there is no memory, it is told with the agent's next change. */
	act = make(a);
	if (act)
		loop_submit(loop, &act->command);
}

void status_follow(struct loop *loop, const struct record *r)
{
	const struct agent *a;

	if (r->kind != RECORD_EVENT || !r->detail)
		return;
	if (r->item && r->item->kind == ITEM_TASK)
		a = state_agent(loop->state, ((const struct task *)r->item)->agent);
	else if (r->agent && strncmp(r->type, "session.", 8) == 0)
		a = state_agent(loop->state, r->agent);
	else
		return;
	look(loop, a);
}

int status_begin(struct loop *loop)
{
	struct state *st = loop->state;
	struct act *first = NULL, *next;
	int r = 0;

	state_rdlock(loop);
	for (size_t i = 0; i < st->agent_slots && !r; i++) {
		for (const struct agent *a = st->agents[i]; a && !r; a = a->next) {
			if (agent_is_busy(a) == a->active)
				continue;
			next = make(a);
			if (next) {
				next->also = first;
				first = next;
			} else {
				r = -ENOMEM;
			}
		}
	}
	state_unlock(loop);
	for (; first && !r; first = next) {
		next = first->also;
		first->also = NULL;
		loop_submit(loop, &first->command);
	}
	act_free(first);
	return r;
}
