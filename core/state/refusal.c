#include "core/state/refusal.h"

#include "core/base/clock.h"
#include "core/base/grow.h"
#include "core/base/text.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The lines of one uid: bytes [first, end) of its file. */
struct lines {
	uid_t uid;
	uint64_t first, end;
	int64_t time_us;
	uint64_t used; /* the later, the greater: who goes when there are too many */
	struct buf text;
};

struct refusals {
	pthread_mutex_t mutex;
	const struct clock *clock;
	struct lines **all; /* by uid */
	size_t count, cap;
	uint64_t uses;
	unsigned long long counts[REFUSAL_ERRNOS]; /* by errno */
	uint64_t floor; /* where a uid's file begins: at no less than any that was given up ended */
	void (*watch)(void *arg, uid_t uid);
	void *watch_arg;
};

struct refusals *refusals_new(const struct clock *clock)
{
	struct refusals *all = calloc(1, sizeof(*all));

	if (all == NULL || pthread_mutex_init(&all->mutex, NULL) != 0) {
		free(all);
		return NULL;
	}
	all->clock = clock;
	return all;
}

static void lines_free(struct lines *lines)
{
	buf_release(&lines->text);
	free(lines);
}

void refusals_free(struct refusals *all)
{
	if (all == NULL)
		return;
	for (size_t i = 0; i < all->count; i++)
		lines_free(all->all[i]);
	free(all->all);
	pthread_mutex_destroy(&all->mutex);
	free(all);
}

/* The index of the first uid that is not less. */
static size_t find(const struct refusals *all, uid_t uid)
{
	size_t low = 0, high = all->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (all->all[middle]->uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct lines *lines_of(const struct refusals *all, uid_t uid)
{
	size_t i = find(all, uid);

	return i < all->count && all->all[i]->uid == uid ? all->all[i] : NULL;
}

/* Gives up the lines of who was refused nothing for the longest. */
static void drop_unused(struct refusals *all)
{
	size_t least = 0;

	for (size_t i = 1; i < all->count; i++)
		if (all->all[i]->used < all->all[least]->used)
			least = i;
	if (all->floor < all->all[least]->end)
		all->floor = all->all[least]->end;
	lines_free(all->all[least]);
	all->count--;
	memmove(&all->all[least], &all->all[least + 1],
		(all->count - least) * sizeof(struct lines *));
}

/* The lines of a uid, made where there are none yet; NULL: no memory. */
static struct lines *make_lines(struct refusals *all, uid_t uid)
{
	struct lines *lines = lines_of(all, uid), **grown;
	size_t at;

	if (lines != NULL)
		return lines;
	if (all->count == REFUSAL_UIDS_MAX)
		drop_unused(all);
	grown = grow(all->all, all->count, &all->cap, sizeof(struct lines *), 8);
	if (grown == NULL)
		return NULL;
	all->all = grown;
	lines = calloc(1, sizeof(*lines));
	if (lines == NULL)
		return NULL;
	lines->uid = uid;
	lines->first = lines->end = all->floor;
	buf_init(&lines->text, REFUSAL_BYTES_MAX);
	at = find(all, uid);
	memmove(&all->all[at + 1], &all->all[at], (all->count - at) * sizeof(struct lines *));
	all->all[at] = lines;
	all->count++;
	return lines;
}

/* Drops whole lines until there is room for `more` bytes. */
static void make_room(struct lines *lines, size_t more)
{
	struct buf *text = &lines->text;
	size_t drop = 0;

	while (drop < text->len && text->len - drop + more > REFUSAL_BYTES_MAX) {
		const char *line = text->data + drop;

		drop += (size_t)((char *)memchr(line, '\n', text->len - drop) - line) + 1;
	}
	if (drop == 0)
		return;
	memmove(text->data, text->data + drop, text->len - drop + 1);
	text->len -= drop;
	lines->first += drop;
}

/* Adds any bytes as a JSON string: what is not UTF-8 becomes U+FFFD, what is beyond `max` bytes is
 * cut off, at a character. */
static void add_text(struct buf *b, const char *s, size_t max)
{
	struct buf valid = {.max = 3 * max};
	size_t len = strnlen(s, max);
	bool cut = false;

	while (len > 0) {
		size_t n = text_utf8_prefix(s, len, &cut);

		buf_add(&valid, s, n);
		s += n;
		len -= n;
		if (len == 0 || (cut && s[len] != '\0')) /* the bound cut this character */
			break;
		buf_adds(&valid, "\xef\xbf\xbd");
		s++;
		len--;
	}
	buf_add_json(b, valid.len > 0 ? valid.data : "", valid.len);
	if (buf_error(&valid) != 0)
		b->failed = -buf_error(&valid);
	buf_release(&valid);
}

static void add_member(struct buf *b, const char *key, const char *text, size_t max)
{
	buf_addf(b, ",\"%s\":", key);
	if (text != NULL)
		add_text(b, text, max);
	else
		buf_adds(b, "null");
}

static void render(struct buf *b, int64_t time_us, pid_t pid, const char *session, const char *path,
	int code, const char *reason)
{
	const char *name = strerrorname_np(code);

	buf_adds(b, "{\"timestamp\":\"");
	buf_add_time(b, time_us);
	if (name != NULL)
		buf_addf(b, "\",\"errno\":\"%s\"", name);
	else
		buf_addf(b, "\",\"errno\":\"%d\"", code);
	add_member(b, "reason", reason, ERROR_TEXT_MAX);
	buf_addf(b, ",\"pid\":%d", (int)pid);
	add_member(b, "session_id", session, ID_MAX);
	add_member(b, "path", path, PATH_MAX);
	buf_adds(b, "}\n");
}

void refusal_add(struct refusals *all, uid_t uid, pid_t pid, const char *session, const char *path,
	int code, const char *reason)
{
	struct buf line = {.max = REFUSAL_BYTES_MAX};
	void (*watch)(void *, uid_t) = NULL;
	void *watch_arg = NULL;
	struct lines *lines;
	int64_t now_us;

	pthread_mutex_lock(&all->mutex); /* before the time is taken: lines are in its order */
	all->counts[code > 0 && code < REFUSAL_ERRNOS ? code : 0]++;
	now_us = all->clock->wall_us(all->clock);
	render(&line, now_us, pid, session, path, code, reason);
	lines = buf_error(&line) == 0 ? make_lines(all, uid) : NULL;
	if (lines != NULL) {
		make_room(lines, line.len);
		buf_add(&lines->text, line.data, line.len);
		if (buf_error(&lines->text) == 0) {
			lines->end += line.len;
			lines->time_us = now_us;
			lines->used = ++all->uses;
			watch = all->watch;
			watch_arg = all->watch_arg;
		}
		lines->text.failed = 0; /* this line is lost; the next may find memory */
	}
	pthread_mutex_unlock(&all->mutex);
	buf_release(&line);
	if (watch != NULL)
		watch(watch_arg, uid);
}

unsigned long long refusals_of(struct refusals *all, int code)
{
	unsigned long long count;

	pthread_mutex_lock(&all->mutex);
	count = all->counts[code];
	pthread_mutex_unlock(&all->mutex);
	return count;
}

void refusal_span(struct refusals *all, uid_t uid, uint64_t *first, uint64_t *end, int64_t *time_us)
{
	const struct lines *lines;

	pthread_mutex_lock(&all->mutex);
	lines = lines_of(all, uid);
	*first = lines != NULL ? lines->first : all->floor;
	*end = lines != NULL ? lines->end : all->floor;
	*time_us = lines != NULL ? lines->time_us : 0;
	pthread_mutex_unlock(&all->mutex);
}

int refusal_read(struct refusals *all, uid_t uid, uint64_t *at, size_t size, struct buf *out)
{
	const struct lines *lines;
	uint64_t from = *at;

	pthread_mutex_lock(&all->mutex);
	lines = lines_of(all, uid);
	if (lines == NULL && from < all->floor)
		from = all->floor;
	if (lines != NULL && from < lines->first)
		from = lines->first;
	if (lines != NULL && from < lines->end) {
		if (size > lines->end - from)
			size = (size_t)(lines->end - from);
		buf_add(out, lines->text.data + (from - lines->first), size);
	}
	pthread_mutex_unlock(&all->mutex);
	if (buf_error(out) != 0)
		return buf_error(out);
	*at = from;
	return 0;
}

void refusal_watch(struct refusals *all, void (*fn)(void *arg, uid_t uid), void *arg)
{
	pthread_mutex_lock(&all->mutex);
	all->watch = fn;
	all->watch_arg = arg;
	pthread_mutex_unlock(&all->mutex);
}
