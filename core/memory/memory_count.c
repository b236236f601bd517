/* What is there when it is opened: how much, and where what is looked for. */
#include "core/memory/memory_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct count {
	struct memory *m;
	struct linked {
		ino_t ino;
		int64_t bytes;
	} * linked; /* a file with several links is met as often */
	size_t linked_count;
	struct memory_look *look;
};

static int add_linked(struct count *c, ino_t ino, int64_t bytes)
{
	struct linked *grown = c->linked;
	size_t n = c->linked_count;

	/* Room is doubled at powers of two. */
	if ((n & (n - 1)) == 0)
		grown = realloc(grown, sizeof(*grown) * (n ? 2 * n : 1));
	if (!grown)
		return -ENOMEM;
	c->linked = grown;
	grown[n] = (struct linked){ino, bytes};
	c->linked_count++;
	return 0;
}

static int by_ino(const void *a, const void *b)
{
	const struct linked *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void count_linked(struct count *c)
{
	if (c->linked_count == 0)
		return;
	qsort(c->linked, c->linked_count, sizeof(*c->linked), by_ino);
	for (size_t i = 0; i < c->linked_count; i++) {
		if (i > 0 && c->linked[i].ino == c->linked[i - 1].ino)
			continue;
		c->m->nodes++;
		c->m->bytes += c->linked[i].bytes;
	}
}

/* Whether it is what is looked for. */
static int look_at(struct count *c, uint64_t at, const char *dir, const char *name, uint64_t ino)
{
	struct memory_look *look = c->look;
	struct memory_sought *sought = look->sought;

	if (look->dir && look->dir == at && strcmp(name, look->name) == 0)
		look->there = ino;
	for (size_t i = 0; i < look->count; i++)
		if (sought[i].ino == ino && !sought[i].path &&
			asprintf(&sought[i].path, "%s%s%s", dir, *dir ? "/" : "", name) < 0) {
			sought[i].path = NULL;
			return -ENOMEM;
		}
	return 0;
}

static int count_one(struct count *c, const struct stat *st)
{
	int64_t bytes = S_ISREG(st->st_mode) ? memory_blocks(st->st_size) : 0;

	if (!S_ISDIR(st->st_mode) && st->st_nlink > 1) {
		if (add_linked(c, st->st_ino, bytes))
			return -ENOMEM;
	} else {
		c->m->nodes++;
		c->m->bytes += bytes;
	}
	return 0;
}

/* A directory that is still to be counted. */
struct pending {
	struct pending *next;
	char path[];
};

/* In as many steps as a path of the system's takes. It is changed. */
static int open_dir(int root, char *path)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(root, ".", flags), next, code;
	char *end;

	while (fd >= 0 && *path) {
		end = path + strlen(path);
		if (end - path >= PATH_MAX) {
			for (end = path + PATH_MAX - 1; *end != '/';)
				end--;
			*end = '\0';
		} else {
			end--; /* the last */
		}
		next = openat(fd, path, flags);
		code = errno;
		close(fd);
		errno = code;
		fd = next;
		path = end + 1;
	}
	return fd;
}

static int push(struct pending **stack, const char *dir, const char *name)
{
	size_t size = strlen(dir) + strlen(name) + 2;
	struct pending *p = malloc(sizeof(*p) + size);

	if (!p)
		return -ENOMEM;
	snprintf(p->path, size, "%s%s%s", dir, *dir ? "/" : "", name);
	p->next = *stack;
	*stack = p;
	return 0;
}

static int count_dir(struct count *c, struct pending *at, struct pending **stack)
{
	char *path = strdup(at->path);
	int fd = path ? open_dir(c->m->fd, path) : -1, r = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	struct stat st, in;

	free(path);
	if (!dir && fd < 0) /* its own user closed it */
		return !path ? -ENOMEM : errno == EACCES ? 0 : -errno;
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	if (fstat(dirfd(dir), &in) != 0)
		r = -errno;
	else if (in.st_ino == c->look->dir)
		c->look->listed = true;
	while (!r && (errno = 0, e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
			r = errno == ENOENT ? 0 : -errno;
			continue;
		}
		if (st.st_dev != c->m->dev)
			continue; /* something was mounted there: it is not shown */
		r = c->look->looks_only ? 0 : count_one(c, &st);
		if (!r)
			r = look_at(c, in.st_ino, at->path, e->d_name, st.st_ino);
		if (!r && S_ISDIR(st.st_mode))
			r = push(stack, at->path, e->d_name);
	}
	if (!r && errno)
		r = -errno;
	closedir(dir);
	return r;
}

static int count(struct count *c)
{
	struct pending *stack = NULL, *at;
	int r = push(&stack, "", "");

	while ((at = stack)) {
		stack = at->next;
		if (!r)
			r = count_dir(c, at, &stack);
		free(at);
	}
	count_linked(c);
	return r;
}

int memory_count(struct memory *m, struct memory_look *look)
{
	struct count c = {.m = m, .look = look};
	int r = count(&c);

	free(c.linked);
	return r;
}
