/* Nodes: which there are, by what names, and where that is on the disk. */
#include "core/memory/memory_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct memory_node *memory_root(struct memory *m)
{
	return &m->root;
}

bool memory_is_dir(const struct memory_node *n)
{
	return S_ISDIR(n->type);
}

void **memory_owner(struct memory_node *n)
{
	return &n->owner;
}

static struct memory_node **bucket(struct memory *m, ino_t ino)
{
	return &m->buckets[(ino ^ (ino >> 16)) & (MEMORY_BUCKETS - 1)];
}

void memory_ref(struct memory_node *n)
{
	pthread_mutex_lock(&n->memory->mutex);
	n->refs++;
	pthread_mutex_unlock(&n->memory->mutex);
}

static void insert(struct memory *m, struct memory_node *n)
{
	struct memory_node **head = bucket(m, n->ino);

	n->next = *head;
	n->link = head;
	if (*head)
		(*head)->link = &n->next;
	*head = n;
}

static void take_out(struct memory_node *n)
{
	*n->link = n->next;
	if (n->next)
		n->next->link = n->link;
	n->next = NULL;
	n->link = &n->next; /* once more is nothing */
}

void memory_node_hide(struct memory_node *n)
{
	take_out(n);
}

/* Nobody refers to it any more: it goes to `gone`, and so does the directory that it was in, where
 * it was the last to hold that. */
static void let_go(struct memory *m, struct memory_node *n, struct memory_node **gone)
{
	struct memory_node *dying = n, *dir;
	struct memory_name *name;

	take_out(n);
	while ((n = dying)) {
		dying = n->next;
		memory_idle_drop(n);
		while ((name = n->names)) {
			n->names = name->next;
			dir = name->dir;
			free(name);
			if (--dir->refs > 0 || dir == &m->root)
				continue;
			take_out(dir);
			dir->next = dying;
			dying = dir;
		}
		n->next = *gone;
		*gone = n;
	}
}

void memory_unref(struct memory_node *n, uint64_t count)
{
	struct memory *m = n->memory;
	struct memory_node *gone = NULL;

	pthread_mutex_lock(&m->mutex);
	n->refs -= count < n->refs ? count : n->refs;
	if (n->refs == 0 && n != &m->root)
		let_go(m, n, &gone);
	pthread_mutex_unlock(&m->mutex);
	while ((n = gone)) {
		gone = n->next;
		if (n->fd >= 0)
			close(n->fd);
		pthread_mutex_destroy(&n->mutex);
		free(n->last);
		free(n);
	}
}

static struct memory_node *known(struct memory *m, ino_t ino)
{
	struct memory_node *n = *bucket(m, ino);

	while (n && n->ino != ino)
		n = n->next;
	if (n)
		n->refs++;
	return n;
}

struct memory_node *memory_node_known(struct memory *m, ino_t ino)
{
	struct memory_node *n;

	pthread_mutex_lock(&m->mutex);
	n = known(m, ino);
	pthread_mutex_unlock(&m->mutex);
	return n;
}

static struct memory_node *node_new(struct memory *m, const struct stat *st)
{
	struct memory_node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->memory = m;
	n->ino = st->st_ino;
	n->type = st->st_mode & S_IFMT;
	n->size = S_ISREG(st->st_mode) ? st->st_size : 0;
	n->refs = 1;
	n->fd = -1;
	pthread_mutex_init(&n->mutex, NULL);
	return n;
}

/* Adds the name behind those that are known; under the mutex. */
static int add_name(struct memory_node *n, struct memory_node *dir, const char *text)
{
	struct memory_name **at = &n->names, *name;
	size_t size = strlen(text) + 1;

	for (; (name = *at); at = &name->next)
		if (name->dir == dir && strcmp(name->text, text) == 0)
			return 0;
	name = malloc(sizeof(*name) + size);
	if (!name)
		return -ENOMEM;
	name->next = NULL;
	name->dir = dir;
	memcpy(name->text, text, size);
	dir->refs++;
	free(n->last);
	n->last = NULL;
	*at = name;
	memory_idle_drop(n); /* its descriptor stays: somebody may be at it */
	return 0;
}

int memory_node_at(
	struct memory_node *dir, const char *name, const struct stat *st, struct memory_node **out)
{
	struct memory *m = dir->memory;
	struct memory_node *n;
	int r;

	pthread_mutex_lock(&m->mutex);
	n = known(m, st->st_ino);
	if (!n && (n = node_new(m, st)))
		insert(m, n);
	r = n ? add_name(n, dir, name) : -ENOMEM;
	pthread_mutex_unlock(&m->mutex);
	if (r && n)
		memory_unref(n, 1);
	else if (!r)
		*out = n;
	return r;
}

int memory_name_add(struct memory_node *n, struct memory_node *dir, const char *name)
{
	int r;

	pthread_mutex_lock(&n->memory->mutex);
	r = add_name(n, dir, name);
	pthread_mutex_unlock(&n->memory->mutex);
	return r;
}

/* The path from the memory's root, or, of one that was removed, the last one it had; under the
 * mutex. From the end on, for it is walked upwards. */
static char *path_of(const struct memory_node *n, const char *name)
{
	size_t len = name ? strlen(name) : 0, at;
	const struct memory_node *up;
	char *text;

	for (up = n; up->names; up = up->names->dir)
		len += strlen(up->names->text) + 1;
	if (up->last)
		len += strlen(up->last) + 1;
	text = malloc(len + 2);
	if (!text)
		return NULL;
	at = len + 1;
	text[at] = '\0';
	if (name) {
		at -= strlen(name);
		memcpy(text + at, name, strlen(name));
	}
	for (up = n; up->names || up->last; up = up->names->dir) {
		const char *part = up->names ? up->names->text : up->last;

		if (text[at])
			text[--at] = '/';
		at -= strlen(part);
		memcpy(text + at, part, strlen(part));
		if (!up->names)
			break;
	}
	memmove(text, text + at, len + 2 - at);
	return text;
}

void memory_name_drop(struct memory_node *n, struct memory_node *dir, const char *text)
{
	struct memory_name **at = &n->names, *name;
	char *last = NULL;

	pthread_mutex_lock(&n->memory->mutex);
	for (; (name = *at); at = &name->next)
		if (name->dir == dir && strcmp(name->text, text) == 0)
			break;
	if (name) {
		if (n->names == name && !name->next)
			last = path_of(n, NULL);
		*at = name->next;
		free(n->last);
		n->last = last;
		/* Its own reference is one that somebody else holds too: whoever changes a name has
		 * the directory. */
		name->dir->refs--;
		free(name);
	}
	pthread_mutex_unlock(&n->memory->mutex);
}

void memory_path(struct memory_node *n, const char *name, struct buf *out)
{
	char *text;

	pthread_mutex_lock(&n->memory->mutex);
	text = path_of(n, name);
	pthread_mutex_unlock(&n->memory->mutex);
	if (text)
		buf_addf(out, *text ? "memory/%s" : "memory", text);
	else
		out->failed = ENOMEM;
	free(text);
}

/* A path that is too long for one call is gone a part at a time. */
static int shorten(struct memory_place *p)
{
	char *end;
	int fd;

	while (strlen(p->path) >= PATH_MAX) {
		end = memrchr(p->path, '/', PATH_MAX - 1);
		if (!end)
			return -ENAMETOOLONG;
		*end = '\0';
		fd = openat(p->fd, p->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		if (p->opened)
			close(p->fd);
		p->fd = fd;
		p->opened = true;
		p->path = end + 1;
	}
	return 0;
}

/* What was removed is reached by its descriptor, as proc(5) has it. */
static int place_removed(struct memory_node *n, struct memory_place *p)
{
	if (n->fd < 0)
		return -ENOENT;
	p->fd = AT_FDCWD;
	p->flags = 0;
	return asprintf(&p->text, "/proc/self/fd/%d", n->fd) < 0 ? -ENOMEM : 0;
}

int memory_place(struct memory_node *n, const char *name, struct memory_place *p)
{
	const struct memory_node *up;
	int r = 0;

	*p = (struct memory_place){.fd = n->memory->fd, .flags = AT_SYMLINK_NOFOLLOW};
	pthread_mutex_lock(&n->memory->mutex);
	for (up = n; up->names; up = up->names->dir)
		;
	if (up == &n->memory->root)
		r = (p->text = path_of(n, name)) ? 0 : -ENOMEM;
	else if (up == n && !name)
		r = place_removed(n, p);
	else
		r = -ENOENT;
	pthread_mutex_unlock(&n->memory->mutex);
	if (r) {
		p->text = NULL;
		return r;
	}
	p->path = *p->text ? p->text : ".";
	r = shorten(p);
	if (r)
		memory_place_release(p);
	return r;
}

void memory_place_release(struct memory_place *p)
{
	int saved = errno;

	if (p->opened)
		close(p->fd);
	free(p->text);
	errno = saved;
}
