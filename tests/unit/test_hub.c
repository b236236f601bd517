#include "core/state/hub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct listener {
	struct follower follower; /* the first: the one is the other */
	struct view view;
	struct hub *hub;
	atomic_int told, said, *freed;
	int64_t last_pos;
	struct listener *ends; /* unfollows this one when told */
};

struct world {
	struct hub hub;
	struct channel *broadcast, *to, *own, *other;
	atomic_int freed;
};

/* The hub looks at nothing in a channel but who follows it. */
static struct channel *channel(void)
{
	struct channel *c = calloc(1, sizeof(*c) + 1);

	assert_non_null(c);
	return c;
}

static int set_up(void **arg)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	*arg = w;
	w->broadcast = channel();
	w->to = channel();
	w->own = channel();
	w->other = channel();
	return hub_init(&w->hub);
}

static int tear_down(void **arg)
{
	struct world *w = *arg;

	assert_null(w->broadcast->follows);
	assert_null(w->to->follows);
	assert_null(w->hub.said);
	hub_release(&w->hub);
	free(w->broadcast);
	free(w->to);
	free(w->own);
	free(w->other);
	free(w);
	return 0;
}

static void news(struct follower *f, struct record *r)
{
	struct listener *l = (struct listener *)f;

	atomic_fetch_add(&l->told, 1);
	l->last_pos = r->pos;
	if (l->ends != NULL)
		hub_unfollow(l->hub, &l->ends->follower);
}

static void said(struct follower *f, const char *line, size_t len)
{
	struct listener *l = (struct listener *)f;

	atomic_fetch_add(&l->said, len == 5 && memcmp(line, "beat\n", 5) == 0);
	if (l->ends != NULL)
		hub_unfollow(l->hub, &l->ends->follower);
}

static void free_listener(struct follower *f)
{
	struct listener *l = (struct listener *)f;

	atomic_fetch_add(l->freed, 1);
	free(l);
}

/* A listener with a view of these channels, whose one reference is the caller's. */
static struct listener *listen_to(
	struct world *w, struct channel *plus0, struct channel *plus1, struct channel *minus)
{
	struct listener *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->hub = &w->hub;
	l->freed = &w->freed;
	l->view = (struct view){.plus = {plus0, plus1}, .minus = minus, .base_pos = 10};
	l->follower.news = news;
	l->follower.free = free_listener;
	l->follower.view = &l->view;
	atomic_init(&l->follower.refs, 1);
	return l;
}

static void end(struct world *w, struct listener *l)
{
	hub_unfollow(&w->hub, &l->follower);
	follower_unref(&l->follower);
}

static struct record in(int64_t pos, struct channel *a, struct channel *b)
{
	struct record r = {.kind = RECORD_EVENT, .pos = pos};

	r.few[r.in_count++].channel = a;
	if (b != NULL)
		r.few[r.in_count++].channel = b;
	return r;
}

static size_t tell(struct world *w, struct record r)
{
	size_t count;

	r.in = r.few;
	count = hub_collect(&w->hub, &r);
	hub_tell(&w->hub, &r, 0, count);
	return count;
}

static void test_those_whose_view_has_it_are_told_once(void **arg)
{
	struct world *w = *arg;
	struct listener *inbox = listen_to(w, w->broadcast, w->to, w->own);
	struct listener *other = listen_to(w, w->other, NULL, NULL);

	assert_int_equal(tell(w, in(20, w->broadcast, NULL)), 0);
	hub_follow(&w->hub, &inbox->follower);
	hub_follow(&w->hub, &inbox->follower);
	hub_follow(&w->hub, &other->follower);
	assert_int_equal(tell(w, in(21, w->broadcast, NULL)), 1);
	assert_int_equal(tell(w, in(22, w->to, w->other)), 2);
	assert_int_equal(tell(w, in(23, w->broadcast, w->own)), 0);
	assert_int_equal(tell(w, in(24, w->own, w->broadcast)), 0);
	assert_int_equal(tell(w, in(25, w->to, w->broadcast)), 1);
	assert_int_equal(tell(w, in(9, w->broadcast, NULL)), 0); /* before the view begins */
	assert_int_equal(inbox->told, 3);
	assert_int_equal(inbox->last_pos, 25);
	assert_int_equal(other->told, 1);
	end(w, inbox);
	hub_unfollow(&w->hub, &other->follower);
	hub_unfollow(&w->hub, &other->follower);
	assert_int_equal(tell(w, in(26, w->to, w->other)), 0);
	follower_unref(&other->follower);
	assert_int_equal(w->freed, 2);
}

static void test_telling_in_parts(void **arg)
{
	struct world *w = *arg;
	struct record r = in(20, w->broadcast, NULL);
	struct listener *some[10];
	int told = 0;

	for (int i = 0; i < 10; i++) {
		some[i] = listen_to(w, w->broadcast, NULL, NULL);
		hub_follow(&w->hub, &some[i]->follower);
	}
	r.in = r.few;
	assert_int_equal(hub_collect(&w->hub, &r), 10);
	hub_tell(&w->hub, &r, 0, 3);
	for (int i = 0; i < 10; i++)
		told += some[i]->told;
	assert_int_equal(told, 3);
	hub_tell(&w->hub, &r, 3, 3);
	hub_tell(&w->hub, &r, 3, 10);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(some[i]->told, 1);
		assert_int_equal(some[i]->follower.refs, 2);
		end(w, some[i]);
	}
	assert_int_equal(w->freed, 10);
}

/* One that unfollows, and lets go of, itself or another while they are being told. */
static void test_unfollowing_while_told(void **arg)
{
	struct world *w = *arg;
	struct listener *some[5];
	int freed = 0;

	for (int i = 0; i < 5; i++) {
		some[i] = listen_to(w, w->broadcast, NULL, NULL);
		hub_follow(&w->hub, &some[i]->follower);
		follower_unref(&some[i]->follower); /* the hub's remains */
	}
	some[0]->ends = some[0];
	some[3]->ends = some[2];
	some[2]->ends = some[4];
	assert_int_equal(tell(w, in(20, w->broadcast, NULL)), 5);
	assert_int_equal(w->freed, 3);
	some[3]->ends = NULL;
	assert_int_equal(tell(w, in(21, w->broadcast, NULL)), 2);
	freed = w->freed;
	hub_unfollow(&w->hub, &some[1]->follower);
	hub_unfollow(&w->hub, &some[3]->follower);
	assert_int_equal(w->freed, freed + 2);
}

static void test_what_is_not_kept(void **arg)
{
	struct world *w = *arg;
	struct listener *some[300];

	for (int i = 0; i < 300; i++) {
		some[i] = listen_to(w, w->broadcast, NULL, NULL);
		some[i]->follower.said = i % 2 ? said : NULL;
		hub_follow(&w->hub, &some[i]->follower);
	}
	some[251]->ends = some[251]; /* once told, no more */
	some[253]->ends = some[3];   /* before it is told */
	hub_say(&w->hub, "beat\n", 5);
	some[251]->ends = some[253]->ends = NULL;
	hub_say(&w->hub, "beat\n", 5);
	for (int i = 0; i < 300; i++) {
		int expected = i % 2 == 0 || i == 3 ? 0 : i == 251 ? 1 : 2;

		assert_int_equal(some[i]->said, expected);
		end(w, some[i]);
	}
	assert_int_equal(w->freed, 300);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A thousand sessions wait for a broadcast. The time is for people to see; what is tested is only
 * that it is not a matter of milliseconds. */
static void test_a_thousand_followers(void **arg)
{
	enum { COUNT = 1000, TIMES = 200 };
	struct world *w = *arg;
	struct channel *own[COUNT], *to[COUNT];
	struct listener *some[COUNT];
	struct record r = in(20, w->other, w->broadcast);
	double began, best = 1;

	for (int i = 0; i < COUNT; i++) {
		own[i] = channel();
		to[i] = channel();
		some[i] = listen_to(w, w->broadcast, to[i], own[i]);
		hub_follow(&w->hub, &some[i]->follower);
	}
	r.in = r.few;
	r.in[r.in_count++].channel = own[77];
	r.in[r.in_count++].channel = w->own;
	for (int i = 0; i < TIMES; i++) {
		size_t count;
		double took;

		began = seconds();
		count = hub_collect(&w->hub, &r);
		took = seconds() - began;
		best = took < best ? took : best;
		assert_int_equal(count, COUNT - 1);
		hub_tell(&w->hub, &r, 0, count);
	}
	print_message("collecting %d followers: %.1f us\n", COUNT, best * 1e6);
	assert_true(best < 1e-3);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(some[i]->told, i == 77 ? 0 : TIMES);
		end(w, some[i]);
		free(own[i]);
		free(to[i]);
	}
}

/* Followers come and go while the committer tells and another thread says. */

struct coming {
	struct world *world;
	atomic_bool *stop;
	pthread_t thread;
	bool speaks;
};

static void *come_and_go(void *arg)
{
	struct coming *c = arg;

	for (int i = 0; !atomic_load(c->stop); i++) {
		struct listener *l;

		if (c->speaks) {
			hub_say(&c->world->hub, "beat\n", 5);
			continue;
		}
		l = calloc(1, sizeof(*l));
		if (l == NULL)
			break;
		l->hub = &c->world->hub;
		l->freed = &c->world->freed;
		l->view = (struct view){
			.plus = {c->world->broadcast, c->world->to}, .minus = c->world->own};
		l->follower.news = news;
		l->follower.said = i % 2 ? said : NULL;
		l->follower.free = free_listener;
		l->follower.view = &l->view;
		atomic_init(&l->follower.refs, 1);
		hub_follow(&c->world->hub, &l->follower);
		hub_unfollow(&c->world->hub, &l->follower);
		follower_unref(&l->follower);
	}
	return NULL;
}

static void test_threads(void **arg)
{
	struct world *w = *arg;
	struct listener *stays = listen_to(w, w->broadcast, w->to, w->own);
	atomic_bool stop = false;
	struct coming coming[3];

	hub_follow(&w->hub, &stays->follower);
	for (int i = 0; i < 3; i++) {
		coming[i] = (struct coming){.world = w, .stop = &stop, .speaks = i == 2};
		assert_int_equal(
			pthread_create(&coming[i].thread, NULL, come_and_go, &coming[i]), 0);
	}
	for (int i = 0; i < 3000; i++)
		tell(w, in(20 + i, w->broadcast, NULL));
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++)
		pthread_join(coming[i].thread, NULL);
	assert_int_equal(stays->told, 3000);
	end(w, stays);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(test_those_whose_view_has_it_are_told_once),
		EACH(test_telling_in_parts),
		EACH(test_unfollowing_while_told),
		EACH(test_what_is_not_kept),
		EACH(test_a_thousand_followers),
		EACH(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
