#include "core/context/matched.h"

#include "core/base/json.h"
#include "core/base/thread.h"
#include "core/context/search.h"
#include "core/state/parts.h"
#include "core/state/session.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NARROW_MAX 64
#define REST_US    (100 * INT64_C(1000)) /* at least, between two rounds */
#define PATHS_MAX  20                    /* told of each kind */
#define ASKED_MAX  64
#define BUCKETS    1024 /* a power of two */

/* What a session was found last. */
struct match {
	struct session *session; /* held */
	struct results *last;
	struct match *next;
};

struct matched {
	struct loop *loop;
	struct search *search;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool started, stopping, news;
	char ids[ASKED_MAX][ID_MAX + 1]; /* sessions that changed */
	size_t asked;
	struct match *matches[BUCKETS]; /* the thread's alone */
};

/* The text must be copied while the state's lock is held. */
static const char *query_of(const struct session *s)
{
	return s->query != NULL ? s->query : s->task;
}

static int read_query(struct loop *loop, struct session *s, struct buf *query, struct buf *sources)
{
	const char *text;

	state_rdlock(loop);
	text = s->ended_us == 0 ? query_of(s) : NULL;
	if (text != NULL)
		buf_adds(query, text);
	if (s->sources != NULL)
		buf_addf(sources, "{\"sources\":%s}", s->sources);
	state_unlock(loop);
	if (buf_error(query) || buf_error(sources))
		return -ENOMEM;
	return query->len > 0 ? 0 : -ENODATA;
}

int matched_run(struct loop *loop, struct search *search, struct session *s, struct results **out,
	struct error *err)
{
	const char *names[NARROW_MAX + 1] = {NULL};
	struct buf query = BUF_INIT, sources = BUF_INIT;
	struct json *json = NULL;
	int r = read_query(loop, s, &query, &sources);

	if (r == 0 && sources.len > 0)
		r = json_parse(sources.data, sources.len, &json, err);
	if (json != NULL) {
		const struct json *list = json_get(json, "sources");

		for (size_t i = 0; i < json_count(list) && i < NARROW_MAX; i++)
			names[i] = json_text(json_item(list, i));
	}
	if (r == 0)
		r = search_run(search, query.data, query.len, s->uid, json != NULL ? names : NULL,
			out, err);
	json_free(json);
	buf_release(&sources);
	buf_release(&query);
	return r;
}

static const struct result *find(const struct results *in, const struct result *what)
{
	for (size_t i = 0; i < in->count; i++)
		if (strcmp(in->items[i].path, what->path) == 0 &&
			strcmp(in->items[i].source, what->source) == 0)
			return &in->items[i];
	return NULL;
}

/* Adds the files of `of` that `in` has not, or, with `changed`, that it has in another version. */
static size_t add_paths(struct buf *out, const char *name, const struct results *of,
	const struct results *in, bool changed)
{
	size_t count = 0;

	buf_addf(out, ",\"%s\":[", name);
	for (size_t i = 0; i < of->count; i++) {
		const struct result *item = &of->items[i], *other = find(in, item);
		struct buf path = BUF_INIT;

		if (changed ? other == NULL || other->updated_us == item->updated_us
			    : other != NULL)
			continue;
		if (count++ >= PATHS_MAX)
			continue;
		buf_addf(&path, "%s/%s", item->source, item->path);
		buf_adds(out, count > 1 ? "," : "");
		buf_add_json(out, path.data, path.len);
		buf_release(&path);
	}
	buf_addc(out, ']');
	return count;
}

static void tell(
	struct matched *m, struct session *s, const struct results *was, const struct results *is)
{
	struct act *a = act_new(NULL);
	struct buf *data = a != NULL ? &a->text[0] : NULL;
	struct draft draft = {.kind = RECORD_EVENT, .uid = m->loop->owner};
	size_t changes;

	if (a == NULL)
		return;
	buf_adds(data, "{\"query\":");
	buf_add_json(data, is->query, strlen(is->query));
	changes = add_paths(data, "added", is, was, false);
	changes += add_paths(data, "changed", is, was, true);
	changes += add_paths(data, "removed", was, is, false);
	buf_addf(data, ",\"results\":\"sessions/%s/context/results.md\"}", s->id);
	a->session = session_ref(s);
	draft.type = "context.updated";
	draft.target = s->id;
	draft.data = data->data;
	draft.data_len = data->len;
	if (changes == 0 || buf_error(data) || command_add(&a->command, &draft) != 0) {
		act_free(a);
		return;
	}
	a->command.done = act_over;
	loop_submit(m->loop, &a->command);
}

static struct match *match_of(struct matched *m, struct session *s)
{
	struct match **head = &m->matches[(uintptr_t)s / sizeof(*s) & (BUCKETS - 1)];
	struct match *match = *head;

	while (match != NULL && match->session != s)
		match = match->next;
	if (match != NULL)
		return match;
	match = calloc(1, sizeof(*match));
	if (match != NULL) {
		match->session = session_ref(s);
		match->next = *head;
		*head = match;
	}
	return match;
}

static void match_free(struct match *match)
{
	session_unref(match->session);
	results_unref(match->last);
	free(match);
}

static void look(struct matched *m, struct session *s)
{
	struct results *now = NULL;
	struct match *match;

	if (matched_run(m->loop, m->search, s, &now, NULL) != 0)
		return;
	match = match_of(m, s);
	if (match == NULL) {
		results_unref(now);
		return;
	}
	if (match->last != NULL && match->last != now &&
		strcmp(match->last->query, now->query) == 0)
		tell(m, s, match->last, now);
	results_unref(match->last);
	match->last = now;
}

/* Every living session that has a query. */
static struct session **sessions(struct matched *m, size_t *count)
{
	struct state *st = m->loop->state;
	struct session **all;

	*count = 0;
	state_rdlock(m->loop);
	all = malloc((st->session_count + 1) * sizeof(struct session *));
	for (size_t i = 0; all != NULL && i < st->session_slots; i++)
		for (struct session *s = st->sessions[i]; s != NULL; s = s->next)
			if (s->ended_us == 0 && query_of(s) != NULL)
				all[(*count)++] = session_ref(s);
	state_unlock(m->loop);
	return all;
}

static void forget_ended(struct matched *m, struct match **link)
{
	struct match *match;
	bool ended;

	while ((match = *link) != NULL) {
		state_rdlock(m->loop);
		ended = match->session->ended_us != 0 || query_of(match->session) == NULL;
		state_unlock(m->loop);
		if (!ended) {
			link = &match->next;
			continue;
		}
		*link = match->next;
		match_free(match);
	}
}

static void look_at_all(struct matched *m)
{
	size_t count;
	struct session **all = sessions(m, &count);
	size_t i;

	for (i = 0; i < count; i++) {
		if (!__atomic_load_n(&m->stopping, __ATOMIC_RELAXED))
			look(m, all[i]);
		session_unref(all[i]);
	}
	free(all);
	for (i = 0; i < BUCKETS; i++)
		forget_ended(m, &m->matches[i]);
}

static void look_at(struct matched *m, const char *id)
{
	struct session *s;

	state_rdlock(m->loop);
	s = state_session(m->loop->state, id);
	if (s != NULL)
		session_ref(s);
	state_unlock(m->loop);
	if (s != NULL)
		look(m, s);
	session_unref(s);
}

/* Waits under the mutex for whatever comes, or until then (of the loop's clock). */
static void wait_until(struct matched *m, int64_t until_us)
{
	struct timespec until = {
		.tv_sec = until_us / SECOND_US, .tv_nsec = until_us % SECOND_US * 1000};

	if (m->news)
		pthread_cond_timedwait(&m->cond, &m->mutex, &until);
	else
		pthread_cond_wait(&m->cond, &m->mutex);
}

/* Whoever has a new query is looked at at once, so that what changes from then on is seen. */
static void *run(void *arg)
{
	struct matched *m = arg;
	char id[ID_MAX + 1];
	int64_t next_us = 0, took_us;

	pthread_mutex_lock(&m->mutex);
	while (!m->stopping) {
		const int64_t began_us = loop_mono_us(m->loop);

		if (m->asked > 0) {
			memcpy(id, m->ids[--m->asked], sizeof(id));
			pthread_mutex_unlock(&m->mutex);
			look_at(m, id);
			pthread_mutex_lock(&m->mutex);
		} else if (m->news && began_us >= next_us) {
			m->news = false;
			pthread_mutex_unlock(&m->mutex);
			look_at_all(m);
			took_us = loop_mono_us(m->loop) - began_us;
			next_us = began_us + took_us +
				  (took_us < REST_US / 4 ? REST_US : 4 * took_us);
			pthread_mutex_lock(&m->mutex);
		} else {
			wait_until(m, next_us);
		}
	}
	pthread_mutex_unlock(&m->mutex);
	return NULL;
}

int matched_new(struct loop *loop, struct search *search, struct matched **out, struct error *err)
{
	struct matched *m = calloc(1, sizeof(*m));
	int r;

	if (m == NULL)
		return error_set(err, ENOMEM, "out of memory");
	m->loop = loop;
	m->search = search;
	m->news = true;
	pthread_mutex_init(&m->mutex, NULL);
	thread_cond_init(&m->cond);
	r = thread_start(&m->thread, "matched", run, m, err);
	m->started = r == 0;
	if (r != 0) {
		matched_free(m);
		return r;
	}
	*out = m;
	return 0;
}

void matched_free(struct matched *m)
{
	struct match *match;

	if (m == NULL)
		return;
	pthread_mutex_lock(&m->mutex);
	__atomic_store_n(&m->stopping, true, __ATOMIC_RELAXED);
	pthread_cond_signal(&m->cond);
	pthread_mutex_unlock(&m->mutex);
	if (m->started)
		pthread_join(m->thread, NULL);
	for (size_t i = 0; i < BUCKETS; i++) {
		while ((match = m->matches[i]) != NULL) {
			m->matches[i] = match->next;
			match_free(match);
		}
	}
	pthread_cond_destroy(&m->cond);
	pthread_mutex_destroy(&m->mutex);
	free(m);
}

void matched_news(struct matched *m)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->mutex);
	if (!m->news) {
		m->news = true;
		pthread_cond_signal(&m->cond);
	}
	pthread_mutex_unlock(&m->mutex);
}

void matched_session(struct matched *m, const char *id)
{
	if (m == NULL || strlen(id) > ID_MAX)
		return;
	pthread_mutex_lock(&m->mutex);
	if (m->asked < ASKED_MAX)
		memcpy(m->ids[m->asked++], id, strlen(id) + 1);
	else
		m->news = true;
	pthread_cond_signal(&m->cond);
	pthread_mutex_unlock(&m->mutex);
}
