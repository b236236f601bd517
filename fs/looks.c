/* Texts that tell of the passing of time, for those who look twice. */
#include "fs/files.h"

#include "fs/private.h"
#include "fs/route.h"

#include "core/base/clock.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A text is made anew for each user once a second, and whenever something has happened: numbers
 * that change with every look would have who looks twice, as tar(1) does, find the file changed.
 */
#define LOOKS  32
#define NEW_US SECOND_US

struct looks {
	pthread_mutex_t mutex;
	struct look {
		const struct file_ops *ops;
		uid_t uid;
		int64_t pos, time_us; /* of the log; mono_us */
		char *text;
		size_t len;
	} looks[LOOKS];
};

struct looks *looks_new(void)
{
	struct looks *all = calloc(1, sizeof(*all));

	if (all)
		pthread_mutex_init(&all->mutex, NULL);
	return all;
}

void looks_free(struct looks *all)
{
	if (!all)
		return;
	for (int i = 0; i < LOOKS; i++)
		free(all->looks[i].text);
	pthread_mutex_destroy(&all->mutex);
	free(all);
}

/* That user's of the file, or the one that is the oldest. */
static struct look *find(struct looks *all, const struct file_ops *ops, uid_t uid)
{
	struct look *found = &all->looks[0];

	for (int i = 0; i < LOOKS; i++) {
		struct look *at = &all->looks[i];

		if (at->text && at->ops == ops && at->uid == uid)
			return at;
		if (!at->text || at->time_us < found->time_us)
			found = at;
	}
	return found;
}

static bool is_new(const struct look *at, const struct look *now)
{
	return at->text && at->ops == now->ops && at->uid == now->uid && at->pos == now->pos &&
	       now->time_us - at->time_us < NEW_US;
}

int looks_show(const struct caller *c, const struct file_ops *ops,
	int (*make)(const struct caller *, struct buf *), struct buf *out)
{
	struct looks *all = c->server->looks;
	struct look now = {.ops = ops, .uid = c->uid, .time_us = loop_mono_us(c->loop)}, *at;
	int r;

	state_rdlock(c->loop);
	now.pos = c->loop->state->applied_pos;
	state_unlock(c->loop);
	pthread_mutex_lock(&all->mutex);
	at = find(all, ops, c->uid);
	if (is_new(at, &now))
		buf_add(out, at->text, at->len);
	pthread_mutex_unlock(&all->mutex);
	if (out->len)
		return buf_error(out);
	r = make(c, out);
	if (r)
		return r;
	now.text = buf_error(out) ? NULL : strdup(out->data);
	now.len = out->len;
	if (!now.text)
		return buf_error(out) ? buf_error(out) : -ENOMEM;
	pthread_mutex_lock(&all->mutex);
	at = find(all, ops, c->uid);
	free(at->text);
	*at = now;
	pthread_mutex_unlock(&all->mutex);
	return 0;
}
