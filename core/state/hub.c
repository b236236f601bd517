#include "core/state/hub.h"

#include "core/log/index.h"

#include <errno.h>
#include <stddef.h>

#define SAY_AT_ONCE 64

int hub_init(struct hub *hub)
{
	*hub = (struct hub){0};
	return -pthread_mutex_init(&hub->mutex, NULL);
}

void hub_release(struct hub *hub)
{
	pthread_mutex_destroy(&hub->mutex);
}

void follower_ref(struct follower *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
}

void follower_unref(struct follower *f)
{
	if (f == NULL || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (f->free != NULL)
		f->free(f);
}

static void link_follow(struct follower *f, int i)
{
	struct follow *follow = &f->follows[i];
	struct channel *c = f->view->plus[i];

	*follow = (struct follow){.follower = f, .channel = c};
	if (c == NULL)
		return;
	follow->minus = f->view->minus;
	follow->base_pos = f->view->base_pos;
	follow->next = c->follows;
	follow->link = &c->follows;
	if (follow->next != NULL)
		follow->next->link = &follow->next;
	c->follows = follow;
}

static void unlink_follow(struct follow *follow)
{
	if (follow->link == NULL)
		return;
	*follow->link = follow->next;
	if (follow->next != NULL)
		follow->next->link = follow->link;
	follow->link = NULL;
}

void hub_follow(struct hub *hub, struct follower *f)
{
	pthread_mutex_lock(&hub->mutex);
	if (!f->following) {
		f->following = true;
		follower_ref(f);
		link_follow(f, 0);
		link_follow(f, 1);
		if (f->said != NULL) {
			f->number = ++hub->last_number;
			f->next = hub->said;
			f->link = &hub->said;
			if (f->next != NULL)
				f->next->link = &f->next;
			hub->said = f;
		}
	}
	pthread_mutex_unlock(&hub->mutex);
}

void hub_unfollow(struct hub *hub, struct follower *f)
{
	bool was;

	pthread_mutex_lock(&hub->mutex);
	was = f->following;
	if (was) {
		f->following = false;
		unlink_follow(&f->follows[0]);
		unlink_follow(&f->follows[1]);
		if (f->said != NULL) {
			*f->link = f->next;
			if (f->next != NULL)
				f->next->link = f->link;
		}
	}
	pthread_mutex_unlock(&hub->mutex);
	if (was)
		follower_unref(f);
}

static bool stands_in(const struct record *r, const struct channel *c)
{
	for (int i = 0; i < r->in_count; i++)
		if (r->in[i].channel == c)
			return true;
	return false;
}

/* view_has() for a record that stands in the follow's channel; and false for the second of two
 * channels that it stands in. It reads nothing but the follow, of which there may be thousands. */
static bool is_news(const struct follow *follow, const struct record *r)
{
	if (r->pos < follow->base_pos || (follow->minus != NULL && stands_in(r, follow->minus)))
		return false;
	return follow == &follow->follower->follows[0] ||
	       !stands_in(r, follow->follower->follows[0].channel);
}

size_t hub_collect(struct hub *hub, struct record *r)
{
	struct follower **end = &hub->told;
	size_t count = 0;

	pthread_mutex_lock(&hub->mutex);
	for (int i = 0; i < r->in_count; i++) {
		struct follow *follow = r->in[i].channel->follows;

		for (; follow != NULL; follow = follow->next) {
			__builtin_prefetch(follow->next, 1);
			if (!is_news(follow, r))
				continue;
			follower_ref(follow->follower);
			*end = follow->follower;
			end = &follow->follower->told_next;
			count++;
		}
	}
	*end = NULL;
	pthread_mutex_unlock(&hub->mutex);
	return count;
}

void hub_tell(struct hub *hub, struct record *r, size_t from, size_t to)
{
	for (; from < to && hub->told != NULL; from++) {
		struct follower *f = hub->told;

		hub->told = f->told_next;
		__builtin_prefetch(hub->told, 1);
		f->news(f, r);
		follower_unref(f);
	}
}

/* Takes references of the next followers, the newest first, that began before number `before`. */
static size_t collect_said(struct hub *hub, uint64_t before, struct follower *out[SAY_AT_ONCE])
{
	size_t count = 0;

	pthread_mutex_lock(&hub->mutex);
	for (struct follower *f = hub->said; f != NULL && count < SAY_AT_ONCE; f = f->next) {
		if (f->number >= before)
			continue;
		follower_ref(f);
		out[count++] = f;
	}
	pthread_mutex_unlock(&hub->mutex);
	return count;
}

void hub_say(struct hub *hub, const char *line, size_t len)
{
	struct follower *some[SAY_AT_ONCE];
	uint64_t before = UINT64_MAX;
	size_t count;

	do {
		count = collect_said(hub, before, some);
		if (count > 0)
			before = some[count - 1]->number;
		for (size_t i = 0; i < count; i++) {
			some[i]->said(some[i], line, len);
			follower_unref(some[i]);
		}
	} while (count == SAY_AT_ONCE);
}

static struct follower *next_to_end(struct hub *hub, struct channel *c)
{
	struct follower *f = NULL;

	pthread_mutex_lock(&hub->mutex);
	for (struct follow *follow = c->follows; follow != NULL && f == NULL; follow = follow->next)
		if (follow->follower->over != NULL && !follow->follower->ended)
			f = follow->follower;
	if (f != NULL) {
		f->ended = true;
		follower_ref(f);
	}
	pthread_mutex_unlock(&hub->mutex);
	return f;
}

void hub_over(struct hub *hub, struct channel *c)
{
	struct follower *f;

	while ((f = next_to_end(hub, c)) != NULL) {
		f->over(f);
		follower_unref(f);
	}
}
