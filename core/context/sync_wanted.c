/* What a listing hands out to be fetched, with its strings, until the next one. */
#include "core/context/sync_private.h"

#include "core/base/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)64 << 10)

struct arena {
	struct arena *next;
	size_t used, size;
	char bytes[];
};

void arena_free(struct arena *a)
{
	while (a != NULL) {
		struct arena *next = a->next;

		free(a);
		a = next;
	}
}

static char *arena_copy(struct sync *s, const char *text)
{
	const size_t len = strlen(text) + 1;
	struct arena *a = s->arena;
	char *at;

	if (a == NULL || a->size - a->used < len) {
		size_t size = len > CHUNK ? len : CHUNK;

		a = malloc(sizeof(*a) + size);
		if (a == NULL)
			return NULL;
		*a = (struct arena){.next = s->arena, .size = size};
		s->arena = a;
	}
	at = a->bytes + a->used;
	memcpy(at, text, len);
	a->used += len;
	return at;
}

void sync_forget_wanted(struct sync *s)
{
	arena_free(s->arena);
	s->arena = NULL;
	s->wanted_count = 0;
}

/* `asked` (may be NULL): what is there, to be fetched only if it has changed. */
int sync_want(struct sync *s, const struct member *m, const struct entry *asked)
{
	struct wanted w = {.is_dir = m->is_dir, .size = m->size};
	struct wanted *grown = grow(s->wanted, s->wanted_count, &s->wanted_cap, sizeof(*grown), 64);

	if (grown == NULL)
		return -ENOMEM;
	s->wanted = grown;
	w.path = arena_copy(s, m->path);
	if (w.path == NULL)
		return -ENOMEM;
	if (asked != NULL && asked->etag != NULL) {
		w.etag = arena_copy(s, asked->etag);
		if (w.etag == NULL)
			return -ENOMEM;
	} else if (asked != NULL) {
		w.modified_us = asked->modified_us;
	}
	s->wanted[s->wanted_count++] = w;
	return 0;
}
