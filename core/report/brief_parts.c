/* What stands on the page: each part, best first. */
#include "core/report/brief_private.h"

#include "core/base/json.h"
#include "core/context/matched.h"
#include "core/context/search.h"
#include "core/item/ask.h"
#include "core/item/task.h"
#include "core/state/page.h"
#include "core/state/parts.h"
#include "core/state/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SHOWN  64
#define QUERY_SHOWN 80

void part_text(struct buf *b, const char *text)
{
	page_span(b, text, strlen(text), BRIEF_TEXT);
}

/* What it is asked, and nobody has answered. */

/* A question that is text, as that; any other as the JSON that it is. */
static void add_question(struct buf *b, const struct ask *ask)
{
	struct json *value;

	if (!ask->data || json_parse_value(ask->data, strlen(ask->data), &value, NULL))
		return;
	part_text(b, json_text(value) ? json_text(value) : ask->data);
	json_free(value);
}

static void add_asked(struct loop *loop, const struct ask *ask, struct part *p)
{
	const int64_t left_us = ask->deadline_us - loop_wall_us(loop);
	char left[32];
	struct buf *b = &p->text;

	if (!part_takes(p))
		return;
	buf_addf(b, "- `echo ANSWER > asks/%s/reply`, from ", ask->item.id);
	page_name(b, ask->item.from ? ask->item.from : "");
	session_span(left_us > 0 ? left_us : 0, left, sizeof(left));
	buf_addf(b, ", %s left", left);
	if (ask->type && strcmp(ask->type, "question") != 0) {
		buf_adds(b, ", ");
		page_span(b, ask->type, strlen(ask->type), NAME_SHOWN);
	}
	buf_adds(b, ": ");
	add_question(b, ask);
	buf_addc(b, '\n');
	part_entry(p);
}

bool brief_waits(const struct ask *ask, const struct session *s)
{
	if (ask->status != ASK_OPEN)
		return false;
	/* Its own questions for anyone are for others; one to itself is a note. */
	return ask_awaits(ask, s->id) || (ask->anyone && strcmp(ask->item.session, s->id) != 0);
}

/* Those that wait for this session first, then those that anyone may answer. */
int part_asked(struct loop *loop, struct search *search, struct session *s, struct part *p)
{
	const struct item *first;

	(void)search;
	p->rest = "cat self/unread";
	p->least = 900;
	part_heading(p, "You are asked");
	state_rdlock(loop);
	first = loop->state->items.open[ITEM_ASK].first;
	for (int anyone = 0; anyone < 2; anyone++) {
		for (const struct item *i = first; i; i = i->next) {
			const struct ask *ask = (const struct ask *)i;

			if (brief_waits(ask, s) && ask_awaits(ask, s->id) == !anyone)
				add_asked(loop, ask, p);
		}
	}
	state_unlock(loop);
	return 0;
}

/* The others. */

static int by_heard(const void *a, const void *b)
{
	const struct session *x = *(struct session *const *)a, *y = *(struct session *const *)b;
	int64_t one = atomic_load(&x->heard_wall_us), two = atomic_load(&y->heard_wall_us);

	/* Who says what he does stands first, then who was heard of last. */
	if (!x->task != !y->task)
		return x->task ? -1 : 1;
	return one < two ? 1 : one > two ? -1 : 0;
}

static void add_other(struct part *p, const struct state *st, const struct session *s)
{
	struct buf *b = &p->text;
	const char *doing;

	if (!part_takes(p))
		return;
	buf_adds(b, "- ");
	page_name(b, s->agent_name);
	if (strcmp(s->agent_name, s->id) != 0) {
		buf_adds(b, ", ");
		page_name(b, s->id);
	}
	if (atomic_load(&s->late))
		buf_adds(b, ", late");
	doing = session_doing(st, s);
	if (doing) {
		buf_adds(b, ": ");
		part_text(b, doing);
	}
	buf_addc(b, '\n');
	part_entry(p);
}

int part_others(struct loop *loop, struct search *search, struct session *s, struct part *p)
{
	struct state *st = loop->state;
	struct session **others;
	size_t n = 0;

	(void)search;
	p->rest = "cat sessions.json";
	p->least = 600;
	state_rdlock(loop);
	others = calloc(st->session_count + 1, sizeof(struct session *));
	for (size_t i = 0; others && i < st->session_slots; i++)
		for (struct session *o = st->sessions[i]; o; o = o->next)
			if (!o->ended_us && o != s && !(o->person && o->uid == s->uid && !o->task))
				others[n++] = o;
	if (n) {
		qsort(others, n, sizeof(struct session *), by_heard);
		part_heading(p, "Others in the loop: %zu", n);
	}
	for (size_t i = 0; others && i < n; i++)
		add_other(p, st, others[i]);
	state_unlock(loop);
	free(others);
	return others ? 0 : -ENOMEM;
}

/* The files that match. */

/* What they are found by: a query that was written, in its own words, else the task. */
static void files_heading(
	struct loop *loop, const struct session *s, const struct results *found, struct part *p)
{
	struct buf words = BUF_INIT;
	bool own;

	state_rdlock(loop);
	own = s->query != NULL;
	state_unlock(loop);
	if (own)
		page_span(&words, found->query, strlen(found->query), QUERY_SHOWN);
	else
		buf_adds(&words, "your task");
	if (!buf_error(&words))
		part_heading(p, "Files for %s: %lld", words.data, (long long)found->total);
	buf_release(&words);
}

int part_files(struct loop *loop, struct search *search, struct session *s, struct part *p)
{
	struct results *found;
	int r = matched_run(loop, search, s, &found, NULL);

	/* Without a query, or with one that finds nothing, there is none; what is wrong with the
	 * catalog is told where it is looked at. */
	if (r)
		return r == -ENOMEM ? r : 0;
	p->rest = "cat self/context/results.md";
	p->least = 400;
	if (found->count)
		files_heading(loop, s, found, p);
	for (size_t i = 0; i < found->count; i++) {
		const struct result *one = &found->items[i];

		if (!part_takes(p))
			continue;
		buf_addf(&p->text, "- `self/context/%s`: ", one->name);
		page_span(&p->text, one->path, strlen(one->path), BRIEF_TEXT);
		buf_adds(&p->text, " in ");
		page_name(&p->text, one->source);
		buf_addc(&p->text, '\n');
		part_entry(p);
	}
	if (found->total > (int64_t)p->total)
		p->total = (size_t)found->total;
	results_unref(found);
	return 0;
}

/* What it has: its claims and its tasks; and what others have claimed. */
static void add_claim(struct part *p, const struct item *item, const struct session *s)
{
	if (!part_takes(p))
		return;
	buf_adds(&p->text, "- claim ");
	page_name(&p->text, item->id);
	if (strcmp(item->session, s->id) == 0) {
		buf_adds(&p->text, " is yours");
	} else {
		buf_adds(&p->text, " is ");
		page_name(&p->text, item->from ? item->from : item->session);
		buf_adds(&p->text, "'s");
	}
	buf_addc(&p->text, '\n');
	part_entry(p);
}

static void add_task(struct part *p, const struct task *task)
{
	if (!part_takes(p))
		return;
	buf_addf(&p->text, "- task `%s`", task->item.id);
	if (task->description) {
		buf_adds(&p->text, ": ");
		part_text(&p->text, task->description);
	}
	buf_addf(&p->text, " (`echo true > tasks/%s/complete`)\n", task->item.id);
	part_entry(p);
}

/* The unfinished ones of its agent: those that it began itself, or that were given to it. */
static void add_tasks(struct state *st, struct session *s, struct part *p)
{
	const struct item *i = st->items.open[ITEM_TASK].first;

	for (; i; i = i->next) {
		const struct task *task = (const struct task *)i;

		if (strcmp(i->session, s->id) == 0 ||
			(task->by && s->agent && strcmp(task->agent, s->agent->key) == 0))
			add_task(p, task);
	}
}

static void add_claims(struct state *st, struct session *s, struct part *p, bool own)
{
	const struct item *i = st->items.open[ITEM_CLAIM].first;

	for (; i; i = i->next)
		if ((strcmp(i->session, s->id) == 0) == own)
			add_claim(p, i, s);
}

int part_own(struct loop *loop, struct search *search, struct session *s, struct part *p)
{
	struct state *st = loop->state;

	(void)search;
	p->rest = "ls claims tasks";
	p->least = 300;
	state_rdlock(loop);
	part_heading(p, "Tasks and claims");
	add_tasks(st, s, p);
	add_claims(st, s, p, true);
	add_claims(st, s, p, false);
	state_unlock(loop);
	return 0;
}
