/* Working together: who takes part, what is said, what is decided. */
#include "fs/files.h"

#include "fs/handle.h"
#include "fs/names.h"
#include "fs/private.h"

#include "core/base/framer.h"
#include "core/item/collaboration.h"
#include "core/state/parts.h"
#include "core/state/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct collaboration *of(const struct where *w)
{
	return (const struct collaboration *)w->item;
}

/* --- the directory */

static int list(const struct caller *c, const struct where *w, struct names *out)
{
	return list_items(c, w, ITEM_COLLABORATION, true, out);
}

static int make(const struct caller *c, const struct where *dir, const char *name, struct act **out,
	struct error *err)
{
	return make_as_caller(c, dir, name, collaboration_begin_id, out, err);
}

static int remove_one(
	const struct caller *c, const struct where *w, struct act **out, struct error *err)
{
	return remove_as_caller(c, w, collaboration_end, out, err);
}

static int new_may(struct handle *h, struct error *err)
{
	const struct session *s = h->actor.session;
	bool ended;

	state_rdlock(h->loop);
	ended = h->actor.kind == ACTOR_ENDED || (s && s->ended_us);
	state_unlock(h->loop);
	return ended ? error_set(err, ESTALE, "session %s has ended; register again", s->id) : 0;
}

static int new_take(struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	return collaboration_begin(h->loop, &h->actor, m, act, err);
}

static void new_answer(struct handle *h, struct act *a, struct buf *out)
{
	(void)h;
	collaboration_ids(a, out);
}

/* --- what it is */

static int json_text_of(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)err;
	state_rdlock(c->loop);
	collaboration_record(c->loop->state, of(w), out);
	state_unlock(c->loop);
	return 0;
}

static int participants_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)err;
	state_rdlock(c->loop);
	collaboration_participants(of(w), out);
	state_unlock(c->loop);
	return 0;
}

/* Whether a message may begin: it goes on, and the writer takes part. */
static int may(struct handle *h, struct error *err)
{
	int r;

	state_rdlock(h->loop);
	r = collaboration_may(of(&h->node->where), &h->actor, NULL, err);
	state_unlock(h->loop);
	return r;
}

#define TAKE(name, what)                                                                           \
	static int name(                                                                           \
		struct handle *h, const struct message *m, struct act **act, struct error *err)    \
	{                                                                                          \
		return what(h->loop, &h->actor, h->node->where.item, m, act, err);                 \
	}

TAKE(participants_take, collaboration_change)
TAKE(talk_take, collaboration_say)
TAKE(decisions_take, collaboration_decide)

/* --- its logs */

#define VIEW(name, channel)                                                                        \
	static int name(const struct caller *c, const struct where *w, struct view *out)           \
	{                                                                                          \
		return view_init(out, c->loop, of(w)->channel, NULL, NULL, 1);                     \
	}

VIEW(talk_view, talk)
VIEW(decisions_view, decided)
VIEW(activity_view, together)

/* What is said is for those who take part. */
static int talk_reads(const struct caller *c, const struct where *w, struct error *err)
{
	bool shows;

	state_rdlock(c->loop);
	shows = collaboration_shows(c->loop->state, of(w), c->uid);
	state_unlock(c->loop);
	return shows ? 0
		     : error_set(err, EACCES,
			       "what is said in collaboration %s is for its participants",
			       w->item->id);
}

/* --- votes */

static int list_votes(const struct caller *c, const struct where *dir, struct names *out)
{
	struct where w = *dir; /* borrows */
	size_t count;
	int r = 0;

	w.row = route_many(dir->row);
	state_rdlock(c->loop);
	count = of(dir)->decision_count;
	state_unlock(c->loop);
	for (size_t n = 1; n <= count && !r; n++) {
		snprintf(w.word, sizeof(w.word), "%zu", n);
		r = names_add(out, w.word, &w);
	}
	return r;
}

/* Too large a number is one that no decision has. */
static int64_t number_of(const struct where *w)
{
	return strlen(w->word) > 9 ? 0 : strtoll(w->word, NULL, 10);
}

static int vote_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	bool there;

	(void)err;
	state_rdlock(c->loop);
	there = collaboration_votes(of(w), number_of(w), out);
	state_unlock(c->loop);
	return there ? 0 : -ENOENT;
}

static int vote_take(struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	const struct where *w = &h->node->where;

	return collaboration_vote(h->loop, &h->actor, w->item, number_of(w), m, act, err);
}

const struct file_ops collaborations_ops = {.list = list, .make = make};
const struct file_ops collaborations_new_ops = {
	.may = new_may, .take = new_take, .answer = new_answer};
const struct file_ops collaboration_dir_ops = {.remove = remove_one};
const struct file_ops collaboration_json_ops = {.text = json_text_of};
const struct file_ops participants_ops = {
	.text = participants_text, .may = may, .take = participants_take};
const struct file_ops talk_ops = {
	.view = talk_view, .reads = talk_reads, .may = may, .take = talk_take};
const struct file_ops decisions_ops = {.view = decisions_view, .may = may, .take = decisions_take};
const struct file_ops collaboration_activity_ops = {.view = activity_view};
const struct file_ops votes_ops = {.list = list_votes};
const struct file_ops vote_ops = {.text = vote_text, .may = may, .take = vote_take};
