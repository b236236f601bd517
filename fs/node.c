/* The table: which nodes there are, and who refers to them. */
#include "fs/node_private.h"

#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct nodes *nodes_new(struct loop *loop)
{
	struct nodes *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->loop = loop;
	t->born_us = loop_wall_us(loop);
	pthread_mutex_init(&t->mutex, NULL);
	t->root.where.row = &tree[0];
	t->root.ino = 1;
	t->root.time_us = t->born_us;
	return t;
}

static void node_free(struct node *n)
{
	if (n->has_view)
		view_release(&n->view);
	where_release(&n->where);
	free(n->text);
	free(n);
}

void nodes_free(struct nodes *t)
{
	struct node *n, *next;

	if (!t)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (n = t->buckets[i]; n; n = next) {
			next = n->next;
			node_free(n);
		}
	}
	pthread_mutex_destroy(&t->mutex);
	free(t);
}

struct node *nodes_root(struct nodes *t)
{
	return &t->root;
}

struct node **nodes_bucket(struct nodes *t, uint64_t ino)
{
	return &t->buckets[(ino ^ (ino >> 32)) & (BUCKETS - 1)];
}

static size_t row_number(const struct row *row)
{
	return row == &readme_row ? ROWS_MAX - 1 : (size_t)(row - tree);
}

struct node *node_newest(struct nodes *t, const struct where *where, uint64_t ino)
{
	struct node *n = *nodes_bucket(t, ino);

	while (n && !(n->newest && where_same(&n->where, where)))
		n = n->next;
	return n;
}

static void insert(struct nodes *t, struct node *n)
{
	struct node **head = nodes_bucket(t, n->ino), **row = &t->by_row[row_number(n->where.row)];

	n->lookups = 1;
	n->newest = true;
	n->next = *head;
	n->link = head;
	if (*head)
		(*head)->link = &n->next;
	*head = n;
	n->row_next = *row;
	n->row_link = row;
	if (*row)
		(*row)->row_link = &n->row_next;
	*row = n;
}

static struct node *find_lasting(struct nodes *t, struct node *parent, const struct where *where,
	uint64_t ino, int64_t first_pos)
{
	struct node *n;

	pthread_mutex_lock(&t->mutex);
	n = node_newest(t, where, ino);
	if (n && !node_is_lasting(where, n, first_pos))
		n = NULL;
	if (n) {
		n->lookups++;
		n->looked = ++t->looks;
		n->parent = parent;
	}
	pthread_mutex_unlock(&t->mutex);
	return n;
}

static int find(struct nodes *t, const struct caller *c, struct node *parent,
	const struct where *where, struct node **out, struct error *err)
{
	uint64_t ino = where_ino(where);
	struct node *fresh, *n;
	int64_t first_pos;
	uint64_t changes;
	int r;

	state_rdlock(t->loop);
	first_pos = t->loop->state->first_pos;
	state_unlock(t->loop);
	*out = find_lasting(t, parent, where, ino, first_pos);
	if (*out)
		return 0;
	fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	where_copy(&fresh->where, where);
	fresh->ino = ino;
	fresh->first_pos = first_pos;
	changes = __atomic_load_n(&t->changes, __ATOMIC_ACQUIRE);
	r = node_fill(t, c, fresh, err);
	if (r) {
		node_free(fresh);
		return r;
	}
	if (where->row->shape == SHAPE_LOG)
		fresh->nudged = node_bytes(t, fresh);
	pthread_mutex_lock(&t->mutex);
	if (where->row->shape == SHAPE_TREE && t->changes != changes) {
		pthread_mutex_unlock(&t->mutex);
		node_free(fresh);
		return -EAGAIN;
	}
	n = node_newest(t, where, ino);
	if (n && node_is_current(n, fresh)) {
		n->lookups++;
		n->first_pos = first_pos;
	} else {
		if (n)
			n->newest = false;
		node_text_came(t, fresh);
		insert(t, fresh);
		n = fresh;
		fresh = NULL;
	}
	n->looked = ++t->looks;
	n->parent = parent;
	pthread_mutex_unlock(&t->mutex);
	if (fresh)
		node_free(fresh);
	*out = n;
	return 0;
}

/* What was looked at may have changed before its node was there to be told. */
int node_find(struct nodes *t, const struct caller *c, struct node *parent,
	const struct where *where, struct node **out, struct error *err)
{
	int r;

	do {
		r = find(t, c, parent, where, out, err);
	} while (r == -EAGAIN);
	return r;
}

static bool is_held(const struct nodes *t, const struct node *n)
{
	for (size_t i = 0; i < ROWS_MAX; i++)
		for (const struct node *at = t->by_row[i]; at; at = at->row_next)
			if (at == n)
				return true;
	return false;
}

int node_again(struct nodes *t, struct node *n)
{
	int r = -ENOENT;

	pthread_mutex_lock(&t->mutex);
	if (is_held(t, n)) {
		n->lookups++;
		r = 0;
	}
	pthread_mutex_unlock(&t->mutex);
	return r;
}

void node_forget(struct nodes *t, struct node *n, uint64_t count)
{
	bool gone = false;

	if (n == &t->root)
		return;
	pthread_mutex_lock(&t->mutex);
	n->lookups -= count < n->lookups ? count : n->lookups;
	if (n->lookups == 0) {
		node_text_gone(t, n);
		*n->link = n->next;
		if (n->next)
			n->next->link = n->link;
		*n->row_link = n->row_next;
		if (n->row_next)
			n->row_next->row_link = n->row_link;
		gone = true;
	}
	pthread_mutex_unlock(&t->mutex);
	if (gone)
		node_free(n);
}

void nodes_each(
	struct nodes *t, const struct row *row, void (*fn)(void *arg, struct node *), void *arg)
{
	pthread_mutex_lock(&t->mutex);
	for (struct node *n = t->by_row[row_number(row)]; n; n = n->row_next)
		fn(arg, n);
	pthread_mutex_unlock(&t->mutex);
}
