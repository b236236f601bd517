#include "fs/stream.h"

#include "fs/files.h"
#include "fs/private.h"

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/log/log.h"
#include "core/state/parts.h"

#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_MOST    64
#define PATTERNS_MAX  64
#define PATTERN_BYTES 128
#define SAID_BYTES    ((size_t)64 << 10) /* lines not kept that may wait */

struct stream {
	struct follower follower; /* first */
	struct server *server;
	struct loop *loop;
	const struct view *view; /* the node's, or own_view */
	struct view own_view;
	bool errors; /* it follows `errors`, not the log */
	uid_t viewer;
	uint64_t at;             /* errors: the next byte */
	pthread_mutex_t reading; /* one reader collects at a time */

	/* Under the lock of the waits. While `active` is not 0 a reader is collecting, and news
	 * only count; what follows is then the reader's. */
	struct parked *parked;
	struct fuse_pollhandle *poll;
	int active;
	bool over;
	uint64_t news;
	uint64_t told; /* errors: of what is before this byte it was told */
	int64_t next_pos;
	int64_t next_seq; /* of the events, at next_pos or before: what a gap begins with */
	struct buf rest;  /* of a line that did not fit into the last read */
	struct buf said;
	int64_t after_seq, from_us; /* feeds/since: nothing before, even if that is to come */
	char *patterns;             /* one after the other, each with its NUL; NULL: all */
	size_t patterns_len;
	char *activities; /* the same, of activity_types */
	size_t activities_len;
	struct stream *next, **link; /* of those that follow `errors` */
};

static bool wants_type(const struct stream *s, const char *type)
{
	if (!s->patterns)
		return true;
	for (size_t i = 0; i < s->patterns_len; i += strlen(s->patterns + i) + 1)
		if (fnmatch(s->patterns + i, type, 0) == 0)
			return true;
	return false;
}

/* The activity_type of what a record tells, by the channel that it stands in; NULL: it has none. */
static const char *activity_of(const struct record *r)
{
	for (int i = 0; i < r->in_count; i++)
		if (r->in[i].channel->kind == CHANNEL_ACTIVITY)
			return r->in[i].channel->name;
	return NULL;
}

/* A name with a dot is of event types; see activity_patterns. */
static bool wants_activity(const struct stream *s, const struct record *r)
{
	const char *activity, *name;

	if (!s->activities)
		return true;
	activity = activity_of(r);
	for (size_t i = 0; i < s->activities_len; i += strlen(name) + 1) {
		name = s->activities + i;
		if (strchr(name, '.') ? fnmatch(name, r->type, 0) == 0
				      : activity && fnmatch(name, activity, 0) == 0)
			return true;
	}
	return false;
}

static bool wants(const struct stream *s, const struct record *r)
{
	return r->time_us >= s->from_us && (!r->seq || r->seq > s->after_seq) &&
	       wants_type(s, r->type) && wants_activity(s, r);
}

/* Takes the first parked read off, if nobody is collecting; and the poll handle. */
static struct parked *wake(struct stream *s, struct fuse_pollhandle **poll)
{
	*poll = s->poll;
	s->poll = NULL;
	return s->active ? NULL : waits_take(&s->parked);
}

static void tell_poll(struct fuse_pollhandle *poll)
{
	if (!poll)
		return;
	fuse_lowlevel_notify_poll(poll);
	fuse_pollhandle_destroy(poll);
}

/* Splits a line between an answer of that size and the rest. */
static size_t split(struct stream *s, const char *line, size_t len, size_t size)
{
	if (len <= size)
		return len;
	buf_reset(&s->rest);
	buf_add(&s->rest, line + size, len - size);
	return size;
}

/* A record of the view was applied. A parked reader has had everything before it. */
static void news(struct follower *f, struct record *r)
{
	struct stream *s = (struct stream *)f;
	struct waits *waits = s->server->waits;
	struct fuse_pollhandle *poll = NULL;
	struct parked *p = NULL;
	const char *line;
	size_t len = 0;

	waits_lock(waits);
	s->news++;
	if (!s->active && r->pos < s->next_pos) {
		waits_unlock(waits);
		return;
	}
	if (!s->active && s->parked && !wants(s, r)) {
		s->next_pos = r->pos + 1;
		waits_unlock(waits);
		return;
	}
	p = wake(s, &poll);
	line = view_line(s->view, r, &len);
	if (p) {
		len = split(s, line, len, p->size);
		s->next_pos = r->pos + 1;
		if (r->seq)
			s->next_seq = r->seq + 1;
	}
	waits_unlock(waits);
	if (p) {
		fuse_reply_buf(p->req, line, len);
		histogram_add(&s->loop->metrics->wake_time, histogram_times,
			loop_wall_us(s->loop) - r->time_us);
	}
	free(p);
	tell_poll(poll);
}

static void said(struct follower *f, const char *line, size_t len)
{
	struct stream *s = (struct stream *)f;
	struct waits *waits = s->server->waits;
	struct fuse_pollhandle *poll = NULL;
	struct parked *p = NULL;

	waits_lock(waits);
	if (s->activities || !wants_type(s, "session.heartbeat")) {
		waits_unlock(waits);
		return;
	}
	s->news++;
	p = wake(s, &poll);
	if (p)
		len = split(s, line, len, p->size);
	else if (s->said.len + len <= SAID_BYTES)
		buf_add(&s->said, line, len);
	waits_unlock(waits);
	if (p)
		fuse_reply_buf(p->req, line, len);
	free(p);
	tell_poll(poll);
}

/* The session or collaboration has ended whose stream it is: readers get what there is, and then
 * the end of file. */
static void over(struct follower *f)
{
	struct stream *s = (struct stream *)f;
	struct waits *waits = s->server->waits;
	struct fuse_pollhandle *poll = NULL;
	struct parked *p;

	waits_lock(waits);
	s->over = true;
	s->news++;
	while ((p = wake(s, &poll))) {
		waits_unlock(waits);
		tell_poll(poll);
		fuse_reply_buf(p->req, NULL, 0);
		free(p);
		waits_lock(waits);
	}
	waits_unlock(waits);
	tell_poll(poll);
}

static void stream_free(struct follower *f)
{
	struct stream *s = (struct stream *)f;

	view_release(&s->own_view);
	pthread_mutex_destroy(&s->reading);
	if (s->poll)
		fuse_pollhandle_destroy(s->poll);
	buf_release(&s->rest);
	buf_release(&s->said);
	free(s->patterns);
	free(s->activities);
	free(s);
}

int stream_open(struct handle *h, struct stream **out)
{
	struct node *n = h->node;
	struct stream *s = calloc(1, sizeof(*s));
	uint64_t first;
	int64_t time_us;
	bool ended;
	int r;

	if (!s)
		return -ENOMEM;
	s->server = h->server;
	s->loop = h->loop;
	s->errors = n->where.row->ops == &errors_ops;
	s->viewer = n->where.viewer;
	pthread_mutex_init(&s->reading, NULL);
	buf_init(&s->rest, LINE_MAX_BYTES);
	buf_init(&s->said, SAID_BYTES + 4096);
	atomic_init(&s->follower.refs, 1);
	s->follower.free = stream_free;
	if (s->errors) {
		refusal_span(h->loop->refusals, s->viewer, &first, &s->at, &time_us);
		waits_lock(s->server->waits);
		s->next = s->server->error_streams;
		s->link = &s->server->error_streams;
		if (s->next)
			s->next->link = &s->next;
		*s->link = s;
		waits_unlock(s->server->waits);
		*out = s;
		return 0;
	}
	/* A view of its own: the node's may be released before a late call of the hub. */
	r = view_init(&s->own_view, h->loop, n->view.plus[0], n->view.plus[1], n->view.minus,
		n->view.base_pos);
	if (r) {
		free(s);
		return r;
	}
	s->view = &s->own_view;
	s->follower.view = s->view;
	s->follower.news = news;
	if (strncmp(n->where.row->path, "sessions/", 9) == 0 || n->where.item)
		s->follower.over = over;
	if (strcmp(n->where.row->path, "feeds/all") == 0)
		s->follower.said = said;
	state_rdlock(h->loop);
	s->next_pos = h->loop->state->applied_pos + 1;
	s->next_seq = h->loop->state->last_seq + 1;
	state_unlock(h->loop);
	if (n->where.row->ops == &since_ops) {
		s->next_pos = n->view.base_pos;
		if (n->where.word[strspn(n->where.word, "0123456789")] == '\0')
			s->after_seq = strtoll(n->where.word, NULL, 10);
		else
			text_time(n->where.word, &s->from_us);
	}
	hub_follow(&h->loop->hub, &s->follower);
	if (n->where.item) { /* it may be over already, and then nobody tells */
		state_rdlock(h->loop);
		ended = n->where.item->closed_us != 0;
		state_unlock(h->loop);
		waits_lock(s->server->waits);
		s->over = s->over || ended;
		waits_unlock(s->server->waits);
	}
	*out = s;
	return 0;
}

void stream_close(struct stream *s)
{
	if (!s)
		return;
	if (s->errors) {
		waits_lock(s->server->waits);
		*s->link = s->next;
		if (s->next)
			s->next->link = s->link;
		waits_unlock(s->server->waits);
	} else {
		hub_unfollow(&s->loop->hub, &s->follower);
	}
	follower_unref(&s->follower);
}

/* What has expired before it was read, in one line. */
static void tell_gap(struct stream *s, struct buf *out)
{
	struct state *st = s->loop->state;
	struct place at;
	int64_t first_pos;
	int r;

	state_rdlock(s->loop);
	first_pos = st->first_pos;
	r = s->next_pos < first_pos ? index_at_pos(st->index, st->all, first_pos, &at) : -ENOENT;
	state_unlock(s->loop);
	if (r)
		return;
	s->next_pos = first_pos;
	if ((int64_t)at.ord >= s->next_seq)
		counter_add(&s->loop->metrics->gaps, 1);
	if ((int64_t)at.ord >= s->next_seq)
		buf_addf(out, "{\"gap\":{\"from\":%lld,\"to\":%lld}}\n", (long long)s->next_seq,
			(long long)at.ord);
	s->next_seq = (int64_t)at.ord + 1;
}

static int collect_errors(struct stream *s, size_t size, struct buf *out)
{
	int r = refusal_read(s->loop->refusals, s->viewer, &s->at, size, out);

	s->at += r ? 0 : out->len;
	return r;
}

/* Adds whole lines up to size, or a part of one where it does not fit. */
static int collect_lines(struct stream *s, size_t size, struct buf *out)
{
	struct record *records[FETCH_MOST];
	bool full = false;
	size_t n, len;
	int64_t pos;
	int r;

	tell_gap(s, out);
	do {
		pos = s->next_pos;
		r = view_fetch(s->view, s->loop, &pos, records, FETCH_MOST, size, &n);
		if (r)
			return out->len ? 0 : r;
		for (size_t i = 0; i < n; i++) {
			const char *line = view_line(s->view, records[i], &len);

			full = full || (out->len && out->len + len > size);
			if (!full) {
				if (wants(s, records[i]))
					buf_add(out, line, split(s, line, len, size));
				s->next_pos = records[i]->pos + 1;
				if (records[i]->seq)
					s->next_seq = records[i]->seq + 1;
				full = s->rest.len > 0;
			}
			record_unref(records[i]);
		}
		if (!full)
			s->next_pos = pos;
	} while (n && !out->len);
	return buf_error(out);
}

static void take_front(struct buf *from, size_t size, struct buf *out)
{
	size_t len = from->len < size ? from->len : size;

	buf_add(out, from->data, len);
	memmove(from->data, from->data + len, from->len - len);
	from->len -= len;
}

static int collect(struct stream *s, size_t size, struct buf *out)
{
	int r = 0;

	if (s->rest.len) {
		take_front(&s->rest, size, out);
		return buf_error(out);
	}
	r = s->errors ? collect_errors(s, size, out) : collect_lines(s, size, out);
	if (r || out->len)
		return r;
	waits_lock(s->server->waits);
	if (s->said.len)
		take_front(&s->said, size, out);
	waits_unlock(s->server->waits);
	return buf_error(out);
}

/* Ends collecting, under the lock. Where there may be more than was taken, who waits is next and
 * collects in place of the one that ends: news in between would take that one for a reader that has
 * had everything before. NULL: nobody is. */
static struct parked *leave(struct stream *s, bool more)
{
	struct parked *next = more && s->active == 1 ? waits_take(&s->parked) : NULL;

	if (!next)
		s->active--;
	return next;
}

/* Answers or parks one reader, who counts as active. The stream may be gone afterwards, unless
 * there is a next. */
static struct parked *read_one(struct stream *s, fuse_req_t req, size_t size, bool nonblock)
{
	struct waits *waits = s->server->waits;
	struct buf out = BUF_INIT;
	struct parked *next;
	uint64_t seen;
	bool more;
	int r;

	for (;;) {
		waits_lock(waits);
		seen = s->news;
		waits_unlock(waits);
		pthread_mutex_lock(&s->reading);
		r = collect(s, size, &out);
		pthread_mutex_unlock(&s->reading);
		if (!r && !out.len && !nonblock)
			waits_prepare(waits, req);
		waits_lock(waits);
		more = s->news != seen;
		if (!r && !out.len && !nonblock && more && !waits_ended(waits)) {
			waits_unlock(waits);
			continue;
		}
		more = more || r || out.len || s->over;
		if (!r && !out.len)
			r = waits_ended(waits) || s->over ? -ESHUTDOWN
			    : nonblock                    ? -EAGAIN
				       : waits_park(waits, req, size, &s->parked);
		else if (!r)
			r = 1;
		next = leave(s, more);
		waits_unlock(waits);
		break;
	}
	if (r == 1)
		fuse_reply_buf(req, out.data, out.len);
	else if (r == -ESHUTDOWN)
		fuse_reply_buf(req, NULL, 0);
	else if (r)
		fuse_reply_err(req, -r);
	buf_release(&out);
	return next;
}

static void serve(struct stream *s, struct parked *p)
{
	struct parked *next;

	for (; p; p = next) {
		next = read_one(s, p->req, p->size, false);
		free(p);
	}
}

void stream_read(struct stream *s, fuse_req_t req, size_t size, bool nonblock)
{
	waits_lock(s->server->waits);
	s->active++;
	waits_unlock(s->server->waits);
	serve(s, read_one(s, req, size, nonblock));
}

/* Whether a read would have something: moves over what is not wanted. */
static bool is_ready(struct stream *s)
{
	struct record *record;
	size_t n = 0;
	bool ready = s->rest.len;
	uint64_t first, end = 0;
	int64_t pos, time_us;

	waits_lock(s->server->waits);
	ready = ready || s->said.len;
	waits_unlock(s->server->waits);
	if (s->errors) {
		refusal_span(s->loop->refusals, s->viewer, &first, &end, &time_us);
		return ready || end > s->at;
	}
	while (!ready) {
		pos = s->next_pos;
		if (view_fetch(s->view, s->loop, &pos, &record, 1, 1, &n) || n == 0)
			break;
		ready = wants(s, record);
		record_unref(record);
		if (!ready)
			s->next_pos = pos;
	}
	return ready;
}

void stream_poll(struct stream *s, fuse_req_t req, struct fuse_pollhandle *poll)
{
	struct waits *waits = s->server->waits;
	struct fuse_pollhandle *was = NULL;
	struct parked *next;
	uint64_t seen;
	bool ready;

	waits_lock(waits);
	s->active++;
	seen = s->news;
	if (poll) {
		was = s->poll;
		s->poll = poll;
	}
	waits_unlock(waits);
	pthread_mutex_lock(&s->reading);
	ready = is_ready(s);
	pthread_mutex_unlock(&s->reading);
	waits_lock(waits);
	ready = ready || s->over;
	next = leave(s, ready || s->news != seen);
	ready = ready || waits_ended(waits);
	waits_unlock(waits);
	if (was)
		fuse_pollhandle_destroy(was);
	fuse_reply_poll(req, ready ? POLLIN | POLLRDNORM | POLLOUT : POLLOUT);
	serve(s, next);
}

/* What Daena's clients call the kinds of its messages, as types of events. */
static const struct {
	const char *name, *types[2];
} daena_names[] = {
	{"agent_activity", {"task.started"}},
	{"activity_completed", {"task.completed", "task.failed"}},
	{"agent_status_update", {"agent.*"}},
	{"memory_update", {"memory.*"}},
	{"collaboration_state", {"collaboration.*"}},
};

static void add_activity(struct buf *b, const char *name)
{
	for (size_t i = 0; i < sizeof(daena_names) / sizeof(daena_names[0]); i++) {
		if (strcmp(daena_names[i].name, name) != 0)
			continue;
		for (int k = 0; k < 2 && daena_names[i].types[k]; k++)
			buf_add(b, daena_names[i].types[k], strlen(daena_names[i].types[k]) + 1);
		return;
	}
	buf_add(b, name, strlen(name) + 1);
}

static void add_pattern(struct buf *b, const char *name)
{
	buf_add(b, name, strlen(name) + 1);
}

/* The names of a list, one after the other; *out stays NULL where there are none. */
static int take_names(const struct json *json, const char *key,
	void (*add)(struct buf *, const char *), char **out, size_t *len, struct error *err)
{
	const struct json *list = NULL;
	struct buf b = BUF_INIT;
	int r = json_get_strings(json, key, PATTERNS_MAX, PATTERN_BYTES, &list, err);

	if (r || !list)
		return r;
	for (size_t i = 0; i < json_count(list); i++)
		add(&b, json_text(json_item(list, i)));
	r = buf_error(&b);
	*out = buf_detach(&b, len);
	buf_release(&b);
	return r;
}

static bool is_list(const struct json *json, const char *key)
{
	const struct json *value = json_get(json, key);

	return value && json_kind(value) == JSON_KIND_LIST;
}

static void swap(char **a, char **b)
{
	char *was = *a;

	*a = *b;
	*b = was;
}

int stream_subscribe(struct stream *s, const struct message *m, struct error *err)
{
	char *types = NULL, *activities = NULL;
	size_t types_len = 0, activities_len = 0;
	int r;

	if (!m->json)
		return error_set(
			err, EINVAL, "a stream takes {\"subscribe\":[\"task.*\"]}, not text");
	r = take_names(m->json, "subscribe", add_pattern, &types, &types_len, err);
	if (!r)
		r = take_names(
			m->json, "activity_types", add_activity, &activities, &activities_len, err);
	if (!r && !is_list(m->json, "subscribe") && !is_list(m->json, "activity_types"))
		r = error_set(err, EINVAL,
			"subscribe: must be a list of event types, or activity_types a list of "
			"those");
	if (!r) {
		pthread_mutex_lock(&s->reading);
		waits_lock(s->server->waits);
		swap(&s->patterns, &types);
		swap(&s->activities, &activities);
		s->patterns_len = types_len;
		s->activities_len = activities_len;
		waits_unlock(s->server->waits);
		pthread_mutex_unlock(&s->reading);
	}
	free(types);
	free(activities);
	return r;
}

/* Answers one reader of that uid's errors who was not told of those before byte `end`. False: there
 * is none. */
static bool tell_error(struct server *server, uid_t uid, uint64_t end)
{
	struct fuse_pollhandle *poll = NULL;
	struct parked *p = NULL;
	struct stream *s;

	waits_lock(server->waits);
	for (s = server->error_streams; s; s = s->next) {
		if (s->viewer != uid || s->told >= end)
			continue;
		s->told = end;
		s->news++;
		p = wake(s, &poll);
		if (p || poll)
			break;
	}
	if (s)
		follower_ref(&s->follower);
	if (p)
		s->active++;
	waits_unlock(server->waits);
	if (!s)
		return false;
	tell_poll(poll);
	serve(s, p);
	follower_unref(&s->follower);
	return true;
}

void streams_refused(struct server *server, uid_t uid)
{
	uint64_t first, end;
	int64_t time_us;

	refusal_span(server->loop->refusals, uid, &first, &end, &time_us);
	while (tell_error(server, uid, end))
		;
}
