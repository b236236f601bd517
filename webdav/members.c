#include "webdav/members.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)16 << 10)

struct members_block {
	struct members_block *next;
	size_t used, size;
	char bytes[];
};

void members_init(struct members *m, size_t *budget)
{
	*m = (struct members){.budget = budget};
}

void members_release(struct members *m)
{
	struct members_block *next;

	if (!m)
		return;
	for (struct members_block *block = m->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
	free(m->all);
	if (m->budget)
		*m->budget += m->bytes;
	members_init(m, m->budget);
}

static bool charge(struct members *m, size_t bytes)
{
	if (bytes > *m->budget)
		return false;
	*m->budget -= bytes;
	m->bytes += bytes;
	return true;
}

static int make_block(struct members *m, size_t least)
{
	const size_t size = least > BLOCK_BYTES ? least : BLOCK_BYTES;
	struct members_block *block;

	if (!charge(m, size))
		return -EFBIG;
	block = malloc(sizeof(*block) + size);
	if (!block)
		return -ENOMEM;
	block->used = 0;
	block->size = size;
	block->next = m->blocks;
	m->blocks = block;
	return 0;
}

static int make_room(struct members *m)
{
	const size_t room = m->room ? m->room * 2 : 16;
	struct member *all;

	if (m->count < m->room)
		return 0;
	if (!charge(m, (room - m->room) * sizeof(*all)))
		return -EFBIG;
	all = reallocarray(m->all, room, sizeof(*all));
	if (!all)
		return -ENOMEM;
	m->all = all;
	m->room = room;
	return 0;
}

static int keep(struct members *m, const char *text, const char **out)
{
	size_t len = text ? strlen(text) + 1 : 0;
	int r;

	*out = NULL;
	if (!text)
		return 0;
	if (!m->blocks || m->blocks->size - m->blocks->used < len) {
		r = make_block(m, len);
		if (r)
			return r;
	}
	*out = memcpy(m->blocks->bytes + m->blocks->used, text, len);
	m->blocks->used += len;
	return 0;
}

int members_add(struct members *m, const struct member *member)
{
	struct member *new;
	int r = make_room(m);

	if (r)
		return r;
	new = &m->all[m->count];
	*new = *member;
	r = keep(m, member->path, &new->path);
	if (!r)
		r = keep(m, member->etag, &new->etag);
	if (!r)
		r = keep(m, member->type, &new->type);
	if (!r)
		m->count++;
	return r;
}

void members_asked(struct members *m, int64_t us)
{
	for (size_t i = 0; i < m->count; i++)
		m->all[i].asked_us = us;
}

static int compare(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int r = strcmp(x->path, y->path);

	return r ? r : y->is_dir - x->is_dir;
}

void members_sort(struct members *m)
{
	size_t kept = 0;

	if (m->count)
		qsort(m->all, m->count, sizeof(*m->all), compare);
	for (size_t i = 0; i < m->count; i++)
		if (!kept || strcmp(m->all[kept - 1].path, m->all[i].path) != 0)
			m->all[kept++] = m->all[i];
	m->count = kept;
}

static int compare_path(const void *path, const void *member)
{
	return strcmp(path, ((const struct member *)member)->path);
}

const struct member *members_find(const struct members *m, const char *path)
{
	return m->count ? bsearch(path, m->all, m->count, sizeof(*m->all), compare_path) : NULL;
}
