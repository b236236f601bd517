#include "fs/wait.h"

#include "core/base/buf.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#define BUCKETS 1024 /* a power of two */

struct waits {
	pthread_mutex_t mutex;
	bool ended;
	size_t count;
	struct parked *buckets[BUCKETS];
};

struct waits *waits_new(void)
{
	struct waits *w = calloc(1, sizeof(*w));

	if (w)
		pthread_mutex_init(&w->mutex, NULL);
	return w;
}

void waits_free(struct waits *w)
{
	if (!w)
		return;
	pthread_mutex_destroy(&w->mutex);
	free(w);
}

void waits_lock(struct waits *w)
{
	pthread_mutex_lock(&w->mutex);
}

void waits_unlock(struct waits *w)
{
	pthread_mutex_unlock(&w->mutex);
}

static struct parked **bucket(struct waits *w, fuse_req_t req)
{
	return &w->buckets[((uintptr_t)req >> 4 ^ (uintptr_t)req >> 14) & (BUCKETS - 1)];
}

static void take_off(struct parked *p)
{
	(*p->count)--;
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	*p->hash_link = p->hash_next;
	if (p->hash_next)
		p->hash_next->hash_link = p->hash_link;
}

static void interrupted(fuse_req_t req, void *arg)
{
	struct waits *w = arg;
	struct parked *p;

	pthread_mutex_lock(&w->mutex);
	for (p = *bucket(w, req); p && p->req != req; p = p->hash_next)
		;
	if (p)
		take_off(p);
	pthread_mutex_unlock(&w->mutex);
	if (!p)
		return;
	free(p);
	fuse_reply_err(req, EINTR);
}

void waits_prepare(struct waits *w, fuse_req_t req)
{
	fuse_req_interrupt_func(req, interrupted, w);
}

int waits_park(struct waits *w, fuse_req_t req, size_t size, struct parked **list)
{
	return waits_park_for(w, req, size, 0, NULL, list);
}

int waits_park_for(struct waits *w, fuse_req_t req, size_t size, off_t off, struct handle *owner,
	struct parked **list)
{
	struct parked *p, **head = bucket(w, req);

	if (w->ended)
		return -ESHUTDOWN;
	/* Set before the function above is called, so one of us sees the other. */
	if (fuse_req_interrupted(req))
		return -EINTR;
	p = malloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->req = req;
	p->size = size;
	p->off = off;
	p->owner = owner;
	/* Last in the list: who waits longest is answered first. */
	while (*list)
		list = &(*list)->next;
	p->next = NULL;
	p->link = list;
	*list = p;
	p->hash_next = *head;
	p->hash_link = head;
	if (*head)
		(*head)->hash_link = &p->hash_next;
	*head = p;
	p->count = &w->count;
	w->count++;
	return 0;
}

struct parked *waits_take(struct parked **list)
{
	struct parked *p = *list;

	if (p)
		take_off(p);
	return p;
}

void waits_answer(fuse_req_t req, int r, struct buf *out)
{
	if (r && r != -ESHUTDOWN)
		fuse_reply_err(req, -r);
	else
		fuse_reply_buf(req, r ? NULL : out->data, r ? 0 : out->len);
	buf_release(out);
}

void waits_end(struct waits *w)
{
	struct parked *p, *all = NULL;

	pthread_mutex_lock(&w->mutex);
	w->ended = true;
	for (size_t i = 0; i < BUCKETS; i++) {
		while ((p = w->buckets[i])) {
			take_off(p);
			p->next = all;
			all = p;
		}
	}
	pthread_mutex_unlock(&w->mutex);
	while ((p = all)) {
		all = p->next;
		fuse_reply_buf(p->req, NULL, 0);
		free(p);
	}
}

size_t waits_count(struct waits *w)
{
	size_t count;

	pthread_mutex_lock(&w->mutex);
	count = w->count;
	pthread_mutex_unlock(&w->mutex);
	return count;
}

bool waits_ended(struct waits *w)
{
	return w->ended;
}
