#include "fs/names.h"

#include "core/base/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct entry {
	char *name;
	uint64_t ino;
	mode_t type;
};

struct names {
	struct entry *entries;
	size_t count, cap;
};

struct names *names_new(void)
{
	return calloc(1, sizeof(struct names));
}

void names_free(struct names *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->count; i++)
		free(n->entries[i].name);
	free(n->entries);
	free(n);
}

int names_add(struct names *n, const char *name, const struct where *w)
{
	struct entry *grown = grow(n->entries, n->count, &n->cap, sizeof(*grown), 32), *e;

	if (!grown)
		return -ENOMEM;
	n->entries = grown;
	e = &n->entries[n->count];
	e->name = strdup(name);
	if (!e->name)
		return -ENOMEM;
	e->ino = where_ino(w);
	e->type = where_type(w);
	n->count++;
	return 0;
}

size_t names_count(const struct names *n)
{
	return n->count;
}

const char *names_at(const struct names *n, size_t i, uint64_t *ino, mode_t *type)
{
	*ino = n->entries[i].ino;
	*type = n->entries[i].type;
	return n->entries[i].name;
}
