#include "core/context/search_private.h"

#include "core/base/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct taking {
	const char *const *names;
	const struct query_terms *query;
	struct scope *scope;
	size_t room;
};

static bool is_in(const struct query_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcasecmp(list->items[i], name) == 0)
			return true;
	return false;
}

static bool is_wanted(const struct taking *t, const char *name)
{
	const struct query_list *is = &t->query->is[QUERY_SOURCE];
	const char *const *n = t->names;

	while (n && *n && strcmp(*n, name) != 0)
		n++;
	if (n && !*n)
		return false;
	return (is->count == 0 || is_in(is, name)) && !is_in(&t->query->not [QUERY_SOURCE], name);
}

static int take(void *arg, struct source *source)
{
	struct taking *t = arg;
	struct scope *scope = t->scope;
	struct source **more;

	if (!is_wanted(t, source->name))
		return 0;
	if (scope->count == SOURCES_MAX)
		return 0;
	more = grow(scope->sources, scope->count, &t->room, sizeof(struct source *), 16);
	if (!more)
		return -ENOMEM;
	scope->sources = more;
	scope->sources[scope->count++] = source_ref(source);
	return 0;
}

static int by_id(const void *a, const void *b)
{
	int64_t x = (*(struct source *const *)a)->id, y = (*(struct source *const *)b)->id;

	return (x > y) - (x < y);
}

int scope_take(struct search *s, uid_t uid, const char *const *names,
	const struct query_terms *query, struct scope *out)
{
	struct taking t = {.names = names, .query = query, .scope = out};
	int r;

	*out = (struct scope){0};
	r = sources_each(s->sources, uid, take, &t);
	if (r) {
		scope_release(out);
		return r;
	}
	if (out->count)
		qsort(out->sources, out->count, sizeof(*out->sources), by_id);
	return 0;
}

void scope_release(struct scope *scope)
{
	for (size_t i = 0; i < scope->count; i++)
		source_unref(scope->sources[i]);
	free(scope->sources);
	*scope = (struct scope){0};
}

struct source *scope_find(const struct scope *scope, int64_t id)
{
	size_t low = 0, high = scope->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (scope->sources[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < scope->count && scope->sources[low]->id == id ? scope->sources[low] : NULL;
}
