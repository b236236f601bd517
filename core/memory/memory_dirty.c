/*
 * The dirty list: a small mapped file, so that noting a file costs a store, and the note outlives
 * the process. A slot is in use while its number is not 0, which is written last and cleared first.
 */
#include "core/memory/memory_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLOTS 1024
#define SIZE  (SLOTS * sizeof(struct dirty_left))
#define FILE_ "memory.open"

struct dirty_list {
	struct dirty_left *slots; /* mapped */
	struct dirty_left *left;
	size_t left_count;
	pthread_mutex_t mutex;
	int next; /* where to look for a free one */
};

static int take_left(struct dirty_list *d)
{
	d->left = calloc(SLOTS, sizeof(*d->left));
	if (!d->left)
		return -ENOMEM;
	for (int i = 0; i < SLOTS; i++) {
		if (d->slots[i].ino == 0)
			continue;
		d->left[d->left_count] = d->slots[i];
		d->left[d->left_count++].session[ID_MAX] = '\0';
	}
	return 0;
}

int dirty_open(const char *state, struct dirty_list **out, struct error *err)
{
	struct dirty_list *d = calloc(1, sizeof(*d));
	char *path = NULL;
	void *at = NULL;
	int r;

	if (!d || asprintf(&path, "%s/" FILE_, state) < 0) {
		free(d);
		return error_set(err, ENOMEM, "out of memory");
	}
	pthread_mutex_init(&d->mutex, NULL);
	r = memory_map(path, SIZE, &at);
	d->slots = at;
	if (!r)
		r = take_left(d);
	if (r) {
		error_set(err, -r, "%s: %s", path, strerror(-r));
		dirty_close(d);
	} else {
		*out = d;
	}
	free(path);
	return r;
}

void dirty_close(struct dirty_list *d)
{
	if (!d)
		return;
	if (d->slots)
		munmap(d->slots, SLOTS * sizeof(*d->slots));
	pthread_mutex_destroy(&d->mutex);
	free(d->left);
	free(d);
}

int dirty_add(struct dirty_list *d, ino_t ino, const struct actor *actor)
{
	struct dirty_left *slot;
	int at = -1;

	pthread_mutex_lock(&d->mutex);
	for (int i = 0; i < SLOTS && at < 0; i++)
		if (d->slots[(d->next + i) % SLOTS].ino == 0)
			at = (d->next + i) % SLOTS;
	if (at >= 0) {
		slot = &d->slots[at];
		slot->uid = actor->uid;
		memset(slot->session, 0, sizeof(slot->session));
		if (actor->session)
			memcpy(slot->session, actor->session->id, strlen(actor->session->id));
		__atomic_store_n(&slot->ino, ino, __ATOMIC_RELEASE);
		d->next = (at + 1) % SLOTS;
	}
	pthread_mutex_unlock(&d->mutex);
	return at;
}

void dirty_drop(struct dirty_list *d, int slot)
{
	if (slot < 0)
		return;
	pthread_mutex_lock(&d->mutex);
	__atomic_store_n(&d->slots[slot].ino, 0, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&d->mutex);
}

size_t dirty_left(struct dirty_list *d, const struct dirty_left **out)
{
	*out = d->left;
	return d->left_count;
}

void dirty_reset(struct dirty_list *d)
{
	for (size_t i = 0; i < SLOTS; i++)
		d->slots[i].ino = 0;
	free(d->left);
	d->left = NULL;
	d->left_count = 0;
}
