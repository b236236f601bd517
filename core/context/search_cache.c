#include "core/context/search_private.h"

#include <stdlib.h>
#include <string.h>

/* Results as they are given the second time: the same, marked. */
static struct results *mark(struct results *r)
{
	struct results *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *r;
	copy->cached = true;
	copy->refs = 1;
	copy->of = results_ref(r);
	return copy;
}

static void drop(struct search *s, struct cached *c)
{
	s->bytes -= c->bytes;
	free(c->key);
	results_unref(c->results);
	*c = (struct cached){0};
}

static struct cached *find(struct search *s, const char *key)
{
	for (size_t i = 0; i < CACHE_COUNT; i++)
		if (s->cache[i].key && strcmp(s->cache[i].key, key) == 0)
			return &s->cache[i];
	return NULL;
}

/* A free place, or the one that was used the longest ago. */
static struct cached *oldest(struct search *s)
{
	struct cached *found = &s->cache[0];

	for (size_t i = 0; i < CACHE_COUNT; i++) {
		struct cached *c = &s->cache[i];

		if (!c->key)
			return c;
		if (c->used < found->used)
			found = c;
	}
	return found;
}

static struct cached *oldest_used(struct search *s)
{
	struct cached *found = NULL;

	for (size_t i = 0; i < CACHE_COUNT; i++)
		if (s->cache[i].key && (!found || s->cache[i].used < found->used))
			found = &s->cache[i];
	return found;
}

struct results *cache_get(struct search *s, const char *key, uint64_t generation)
{
	struct results *r = NULL;
	struct cached *c;

	pthread_mutex_lock(&s->mutex);
	c = find(s, key);
	if (c && c->results->generation != generation) {
		drop(s, c);
	} else if (c) {
		c->used = ++s->uses;
		r = results_ref(c->results);
	}
	s->hits += r != NULL;
	s->misses += r == NULL;
	pthread_mutex_unlock(&s->mutex);
	return r;
}

void search_counts(struct search *s, uint64_t *hits, uint64_t *misses)
{
	pthread_mutex_lock(&s->mutex);
	*hits = s->hits;
	*misses = s->misses;
	pthread_mutex_unlock(&s->mutex);
}

void cache_put(struct search *s, char *key, struct results *results)
{
	size_t bytes = results_bytes(results) + strlen(key) + 1;
	struct results *marked = bytes > CACHE_BYTES ? NULL : mark(results);
	struct cached *c;

	if (!marked) {
		free(key);
		return;
	}
	pthread_mutex_lock(&s->mutex);
	c = find(s, key);
	if (c)
		drop(s, c);
	while (s->bytes + bytes > CACHE_BYTES)
		drop(s, oldest_used(s));
	c = oldest(s);
	if (c->key)
		drop(s, c);
	*c = (struct cached){key, marked, bytes, ++s->uses};
	s->bytes += bytes;
	pthread_mutex_unlock(&s->mutex);
}

void cache_clear(struct search *s)
{
	for (size_t i = 0; i < CACHE_COUNT; i++)
		if (s->cache[i].key)
			drop(s, &s->cache[i]);
}
