#include "fs/queries.h"

#include "fs/names.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define QUERIES_KEPT 64

struct queries {
	pthread_mutex_t mutex;
	size_t count;
	struct looked {
		uid_t uid;
		struct rest *name;
	} looked[QUERIES_KEPT]; /* newest first */
};

struct queries *queries_new(void)
{
	struct queries *q = calloc(1, sizeof(*q));

	if (q)
		pthread_mutex_init(&q->mutex, NULL);
	return q;
}

void queries_free(struct queries *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < q->count; i++)
		rest_unref(q->looked[i].name);
	pthread_mutex_destroy(&q->mutex);
	free(q);
}

static size_t find(const struct queries *q, uid_t uid, const char *name)
{
	size_t i = 0;

	while (i < q->count &&
		(q->looked[i].uid != uid || strcmp(q->looked[i].name->text, name) != 0))
		i++;
	return i;
}

void queries_note(struct queries *q, uid_t uid, const char *name)
{
	struct looked it;
	size_t at;

	pthread_mutex_lock(&q->mutex);
	at = find(q, uid, name);
	if (at < q->count) {
		it = q->looked[at];
	} else {
		it = (struct looked){uid, rest_new(name)};
		at = q->count < QUERIES_KEPT ? q->count : QUERIES_KEPT - 1;
	}
	if (it.name) {
		if (at == q->count)
			q->count++;
		else if (q->looked[at].name != it.name)
			rest_unref(q->looked[at].name);
		memmove(&q->looked[1], &q->looked[0], at * sizeof(it));
		q->looked[0] = it;
	}
	pthread_mutex_unlock(&q->mutex);
}

int queries_list(struct queries *q, uid_t uid, const struct where *dir, struct names *out)
{
	struct where w = *dir; /* borrows */
	int r = 0;

	w.row = route_many(dir->row);
	pthread_mutex_lock(&q->mutex);
	for (size_t i = 0; i < q->count && !r; i++) {
		w.rest = q->looked[i].name;
		if (q->looked[i].uid == uid)
			r = names_add(out, w.rest->text, &w);
	}
	pthread_mutex_unlock(&q->mutex);
	return r;
}
