/* What is unread, as brief.md has it. */
#include "core/report/brief_private.h"

#include "core/base/json.h"
#include "core/item/ask.h"
#include "core/state/inbox.h"
#include "core/state/page.h"
#include "core/state/parts.h"

#include <stdio.h>
#include <string.h>

#define QUESTIONS_MOST 200 /* that are told from other messages */

/* Unread questions: they wait, and so stand in a part of their own, or they are over. */
struct questions {
	size_t waiting, over;
};

static bool stands_in(struct index *index, struct channel *c, int64_t pos)
{
	struct place at;

	return index_at_pos(index, c, pos, &at) == 0 && at.pos == pos;
}

static bool is_unread(struct state *st, const struct session *s, int64_t pos)
{
	struct index *index = st->index;

	return !inbox_has_read(s, pos) &&
	       (stands_in(index, s->to, pos) ||
		       (stands_in(index, st->broadcast, pos) && !stands_in(index, s->own, pos)));
}

/* Under the state's lock. Only questions are looked at: they are few where messages are many. */
static void count_questions(struct state *st, const struct session *s, struct questions *q)
{
	const struct item *open = st->items.open[ITEM_ASK].first; /* as they began */
	const int64_t from = s->read_pos + 1 > st->first_pos ? s->read_pos + 1 : st->first_pos;
	struct channel *asked = index_find(st->index, CHANNEL_TYPE, "ask.asked");
	struct walk walk = {0};
	struct place at;

	if (!asked || asked->last_pos < from || index_at_pos(st->index, asked, from, &at) ||
		walk_start(&walk, st->index, asked, &at))
		return;
	for (size_t i = 0; i < QUESTIONS_MOST && walk.at.pos != INT64_MAX; i++) {
		const int64_t pos = walk.at.pos;

		while (open && open->began_pos < pos)
			open = open->next;
		if (is_unread(st, s, pos)) {
			if (open && open->began_pos == pos &&
				brief_waits((const struct ask *)open, s))
				q->waiting++;
			else
				q->over++;
		}
		if (walk_next(&walk))
			break;
	}
	walk_release(&walk);
}

/* What a line says: its message where that is text, else its data. */
static void add_said(struct buf *b, const struct json *event, const char *line, size_t len)
{
	const struct json *data = json_get(event, "data"), *message = NULL;
	const char *raw;
	size_t raw_len;

	if (json_kind(data) == JSON_KIND_OBJECT)
		message = json_get(data, "message");
	if (message && json_text(message))
		part_text(b, json_text(message));
	else if (json_member(line, len, "data", &raw, &raw_len))
		page_span(b, raw, raw_len, BRIEF_TEXT);
}

/* Up to as many as the heading tells, whatever arrives meanwhile. */
static bool add_message(void *arg, struct record *r, const char *line, size_t len)
{
	struct part *p = arg;
	const size_t most = p->total < BRIEF_LINES ? p->total : BRIEF_LINES;
	const char *from = "leitlfs";
	struct json *event;

	if (strcmp(r->type, "ask.asked") == 0)
		return true;
	if (p->count >= most || json_parse(line, len, &event, NULL))
		return p->count < most;
	json_get_string(event, "from", 0, &from, NULL);
	buf_addf(&p->text, "- %lld %s", (long long)r->seq, r->target ? "to you from " : "from ");
	page_name(&p->text, from);
	if (strcmp(r->type, "message.direct") != 0 && strcmp(r->type, "broadcast.message") != 0)
		buf_addf(&p->text, ", %s", r->type);
	buf_adds(&p->text, ": ");
	add_said(&p->text, event, line, len);
	buf_addc(&p->text, '\n');
	json_free(event);
	p->ends[++p->count] = p->text.len;
	return p->count < most;
}

static void heading(struct part *p, size_t over)
{
	char questions[64] = "";

	if (over)
		(void)snprintf(questions, sizeof(questions), ", and %zu question%s over", over,
			over == 1 ? " that is" : "s that are");
	part_heading(p,
		"Unread: %zu%s (`cat self/next` reads the oldest, `echo SEQ > self/ack` marks)",
		p->total, questions);
}

/* Those to it first. */
int part_unread(struct loop *loop, struct search *search, struct session *s, struct part *p)
{
	const uint64_t all = inbox_unread_count(loop, s);
	struct questions q = {0};
	int r = 0;

	(void)search;
	if (!all)
		return 0;
	p->rest = "cat self/unread.md";
	p->least = 700;
	state_rdlock(loop);
	count_questions(loop->state, s, &q);
	state_unlock(loop);
	if (all > q.waiting + q.over)
		p->total = (size_t)all - q.waiting - q.over;
	p->alone = q.over > 0;
	heading(p, q.over);
	if (p->total)
		r = inbox_each_unread(loop, s, INBOX_DIRECT, true, add_message, p);
	if (!r && p->count < p->total && p->count < BRIEF_LINES)
		r = inbox_each_unread(loop, s, INBOX_BROADCAST, true, add_message, p);
	return r;
}
