/* What is unread, who is reading it, and what marks it read. */
#include "core/state/inbox.h"

#include "core/state/parts.h"
#include "core/state/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_MOST  64
#define FETCH_BYTES ((size_t)256 << 10)

void leases_free(struct leases *l)
{
	if (!l)
		return;
	free(l->pos);
	free(l);
}

int inbox_view(struct loop *loop, struct session *s, struct view *out)
{
	return view_init(out, loop, loop->state->broadcast, s->to, s->own, s->since_pos + 1);
}

/* A copy of what is read, taken under the lock. */
struct seen {
	int64_t read_pos;
	int64_t *beyond;
	int count;
};

static int seen_take(struct loop *loop, const struct session *s, struct seen *seen)
{
	state_rdlock(loop);
	seen->read_pos = s->read_pos;
	seen->count = s->beyond_count;
	seen->beyond = NULL;
	if (seen->count) {
		seen->beyond = malloc(sizeof(*seen->beyond) * (size_t)seen->count);
		if (seen->beyond)
			memcpy(seen->beyond, s->beyond,
				sizeof(*seen->beyond) * (size_t)seen->count);
	}
	state_unlock(loop);
	return seen->count && !seen->beyond ? -ENOMEM : 0;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static bool was_read(const struct seen *seen, int64_t pos)
{
	return pos <= seen->read_pos ||
	       (seen->count &&
		       bsearch(&pos, seen->beyond, (size_t)seen->count, sizeof(pos), compare));
}

static int lease_find(const struct leases *l, int64_t pos)
{
	for (int i = 0; l && i < l->count; i++)
		if (l->pos[i] == pos)
			return i;
	return -1;
}

static bool is_leased(struct loop *loop, const struct session *s, int64_t pos)
{
	bool leased;

	pthread_mutex_lock(&loop->inboxes.mutex);
	leased = lease_find(s->leases, pos) >= 0;
	pthread_mutex_unlock(&loop->inboxes.mutex);
	return leased;
}

/* Goes through the unread ones; `fn` returns false to stop. */
static int each(struct loop *loop, struct session *s, const struct view *view,
	const struct seen *seen, bool (*fn)(void *, struct record *), void *arg)
{
	struct record *records[FETCH_MOST];
	int64_t pos = seen->read_pos + 1;
	bool more = true;
	size_t n;
	int r;

	(void)s;
	while (more) {
		r = view_fetch(view, loop, &pos, records, FETCH_MOST, FETCH_BYTES, &n);
		if (r || n == 0)
			return r;
		for (size_t i = 0; i < n; i++) {
			if (more && !was_read(seen, records[i]->pos))
				more = fn(arg, records[i]);
			record_unref(records[i]);
		}
	}
	return 0;
}

struct visit {
	struct loop *loop;
	struct session *session;
	const struct view *view;
	bool leased;
	bool (*fn)(void *, struct record *, const char *, size_t);
	void *arg;
};

static bool visit(void *arg, struct record *r)
{
	struct visit *v = arg;
	const char *line;
	size_t len;

	if (!v->leased && is_leased(v->loop, v->session, r->pos))
		return true;
	line = view_line(v->view, r, &len);
	return v->fn(v->arg, r, line, len);
}

static int part_view(struct loop *loop, struct session *s, enum inbox_part part, struct view *out)
{
	if (part == INBOX_DIRECT)
		return view_init(out, loop, s->to, NULL, NULL, s->since_pos + 1);
	if (part == INBOX_BROADCAST)
		return view_init(out, loop, loop->state->broadcast, NULL, s->own, s->since_pos + 1);
	return inbox_view(loop, s, out);
}

int inbox_each_unread(struct loop *loop, struct session *s, enum inbox_part part, bool leased,
	bool (*fn)(void *arg, struct record *, const char *line, size_t len), void *arg)
{
	struct seen seen;
	struct view view;
	struct visit v = {loop, s, &view, leased, fn, arg};
	int r = part_view(loop, s, part, &view);

	if (r)
		return r;
	r = seen_take(loop, s, &seen);
	if (!r)
		r = each(loop, s, &view, &seen, visit, &v);
	free(seen.beyond);
	view_release(&view);
	return r;
}

uint64_t inbox_unread_count(struct loop *loop, struct session *s)
{
	struct channel *channels[] = {loop->state->broadcast, s->to, s->own};
	uint64_t n[3] = {0};
	struct place at;
	int64_t from;
	int beyond;

	state_rdlock(loop);
	/* What has expired is not unread, nor are those of it that were read. */
	from = s->read_pos + 1 > loop->state->first_pos ? s->read_pos + 1 : loop->state->first_pos;
	beyond = s->beyond_count;
	while (beyond > 0 && s->beyond[s->beyond_count - beyond] < from)
		beyond--;
	for (int i = 0; i < 3; i++)
		if (index_at_pos(loop->state->index, channels[i], from, &at) == 0)
			n[i] = channels[i]->count - at.ord;
	n[0] = n[0] + n[1] - n[2] - (uint64_t)beyond;
	state_unlock(loop);
	return n[0];
}

struct lease {
	struct loop *loop;
	struct session *session;
	struct record *found;
	int err;
};

static bool try_lease(void *arg, struct record *r)
{
	struct lease *want = arg;
	struct session *s = want->session;
	struct leases *l;
	int64_t *grown;

	pthread_mutex_lock(&want->loop->inboxes.mutex);
	if (!s->leases)
		s->leases = calloc(1, sizeof(*s->leases));
	l = s->leases;
	if (!l)
		goto no_memory;
	if (lease_find(l, r->pos) >= 0) {
		pthread_mutex_unlock(&want->loop->inboxes.mutex);
		return true;
	}
	if (l->count == l->cap) {
		grown = realloc(l->pos, sizeof(*grown) * (size_t)(2 * l->cap + 4));
		if (!grown)
			goto no_memory;
		l->pos = grown;
		l->cap = 2 * l->cap + 4;
	}
	l->pos[l->count++] = r->pos;
	want->found = record_ref(r);
	pthread_mutex_unlock(&want->loop->inboxes.mutex);
	return false;
no_memory:
	want->err = -ENOMEM;
	pthread_mutex_unlock(&want->loop->inboxes.mutex);
	return false;
}

int inbox_lease(struct loop *loop, struct session *s, struct record **out)
{
	struct lease want = {loop, s, NULL, 0};
	struct seen seen;
	struct view view;
	int r = inbox_view(loop, s, &view);

	if (r)
		return r;
	r = seen_take(loop, s, &seen);
	if (!r)
		r = each(loop, s, &view, &seen, try_lease, &want);
	free(seen.beyond);
	view_release(&view);
	if (!want.found)
		return r ? r : want.err ? want.err : -EAGAIN;
	/* It may have been marked between the look and the lease. */
	r = seen_take(loop, s, &seen);
	if (!r && was_read(&seen, want.found->pos))
		r = -ERESTART;
	free(seen.beyond);
	if (!r) {
		*out = want.found;
		return 0;
	}
	inbox_return(loop, s, want.found->pos);
	record_unref(want.found);
	return r == -ERESTART ? inbox_lease(loop, s, out) : r;
}

void inbox_return(struct loop *loop, struct session *s, int64_t pos)
{
	struct turn *few[FETCH_MOST], **ready = few;
	int i, n = 0, waiting = 0;

	pthread_mutex_lock(&loop->inboxes.mutex);
	i = lease_find(s->leases, pos);
	if (i >= 0)
		s->leases->pos[i] = s->leases->pos[--s->leases->count];
	for (struct turn *t = s->leases ? s->leases->waiting : NULL; t; t = t->next)
		waiting++;
	/* Some hold another message or only poll: all of them must be told. */
	if (waiting > FETCH_MOST)
		ready = malloc(sizeof(*ready) * (size_t)waiting);
	if (!ready) {
		ready = few;
		waiting = FETCH_MOST;
	}
	for (struct turn *t = s->leases ? s->leases->waiting : NULL; t && n < waiting;
		t = t->next) {
		follower_ref(&t->follower);
		ready[n++] = t;
	}
	pthread_mutex_unlock(&loop->inboxes.mutex);
	for (i = 0; i < n; i++) {
		ready[i]->ready(ready[i]);
		follower_unref(&ready[i]->follower);
	}
	if (ready != few)
		free(ready);
}

static void turn_news(struct follower *f, struct record *r)
{
	struct turn *t = (struct turn *)f;

	(void)r;
	t->ready(t);
}

/* Its session has ended: who waits looks, and sees it. */
static void turn_over(struct follower *f)
{
	struct turn *t = (struct turn *)f;

	t->ready(t);
}

int inbox_wait(struct loop *loop, struct session *s, struct turn *t)
{
	int r = inbox_view(loop, s, &t->view);

	if (r)
		return r;
	pthread_mutex_lock(&loop->inboxes.mutex);
	if (!s->leases)
		s->leases = calloc(1, sizeof(*s->leases));
	if (s->leases) {
		t->next = s->leases->waiting;
		t->link = &s->leases->waiting;
		if (t->next)
			t->next->link = &t->next;
		*t->link = t;
	}
	pthread_mutex_unlock(&loop->inboxes.mutex);
	if (!s->leases) {
		view_release(&t->view);
		return -ENOMEM;
	}
	t->follower.news = turn_news;
	t->follower.over = turn_over;
	t->follower.view = &t->view;
	hub_follow(&loop->hub, &t->follower);
	return 0;
}

void inbox_unwait(struct loop *loop, struct session *s, struct turn *t)
{
	(void)s;
	pthread_mutex_lock(&loop->inboxes.mutex);
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	pthread_mutex_unlock(&loop->inboxes.mutex);
	hub_unfollow(&loop->hub, &t->follower);
}
