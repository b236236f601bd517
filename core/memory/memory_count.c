/* What is there when it is opened: how much, and what was left open by the run before. */
#include "core/memory/memory_private.h"

#include "core/state/parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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
	const struct dirty_left *left;
	size_t left_count;
	char **paths; /* of those that were left, NULL: not found */
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

static int count_one(struct count *c, const char *dir, const char *name, const struct stat *st)
{
	int64_t bytes = S_ISREG(st->st_mode) ? memory_blocks(st->st_size) : 0;

	if (st->st_dev != c->m->dev)
		return 0; /* something was mounted there: it is not shown */
	if (!S_ISDIR(st->st_mode) && st->st_nlink > 1) {
		if (add_linked(c, st->st_ino, bytes))
			return -ENOMEM;
	} else {
		c->m->nodes++;
		c->m->bytes += bytes;
	}
	for (size_t i = 0; i < c->left_count; i++)
		if (c->left[i].ino == st->st_ino && !c->paths[i] &&
			asprintf(&c->paths[i], "%s%s%s", dir, *dir ? "/" : "", name) < 0)
			return -ENOMEM;
	return 0;
}

/* A directory that is still to be counted. */
struct pending {
	struct pending *next;
	int fd;
	char path[];
};

static int push(struct pending **stack, int at, const char *dir, const char *name)
{
	size_t size = strlen(dir) + strlen(name) + 2;
	struct pending *p = malloc(sizeof(*p) + size);

	if (!p)
		return -ENOMEM;
	p->fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p->fd < 0) {
		free(p);
		return errno == EACCES ? 0 : -errno; /* its own user closed it */
	}
	snprintf(p->path, size, "%s%s%s", dir, *dir ? "/" : "", name);
	p->next = *stack;
	*stack = p;
	return 0;
}

static int count_dir(struct count *c, struct pending *at, struct pending **stack)
{
	DIR *dir = fdopendir(at->fd);
	struct dirent *e;
	struct stat st;
	int r = 0;

	if (!dir) {
		close(at->fd);
		return -ENOMEM;
	}
	while (!r && (errno = 0, e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			r = errno == ENOENT ? 0 : -errno;
		else
			r = count_one(c, at->path, e->d_name, &st);
		if (!r && S_ISDIR(st.st_mode) && st.st_dev == c->m->dev)
			r = push(stack, dirfd(dir), at->path, e->d_name);
	}
	if (!r && errno)
		r = -errno;
	closedir(dir);
	return r;
}

/* Depth first, so that few descriptors are held. */
static int count(struct count *c)
{
	struct pending *stack = NULL, *at;
	int r = push(&stack, c->m->fd, "", ".");

	if (stack)
		stack->path[0] = '\0';
	while ((at = stack)) {
		stack = at->next;
		if (r)
			close(at->fd);
		else
			r = count_dir(c, at, &stack);
		free(at);
	}
	count_linked(c);
	return r;
}

/* What was open for writing when the daemon was killed may have changed. */
static void tell_left(struct memory *m, const struct dirty_left *left, const char *path)
{
	struct actor actor = {.uid = left->uid, .kind = ACTOR_USER};
	struct memory_told told = {.verb = "write", .type = S_IFREG, .recovered = true};
	struct stat st;
	struct act *a;
	char *whole = NULL;

	if (fstatat(m->fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
		asprintf(&whole, MEMORY_DIR "/%s", path) < 0)
		return;
	state_rdlock(m->loop);
	actor.session = left->session[0] ? state_session(m->loop->state, left->session) : NULL;
	if (actor.session) {
		session_ref(actor.session);
		actor.kind = ACTOR_SESSION;
	}
	state_unlock(m->loop);
	told.path = whole;
	told.size = st.st_size;
	a = memory_tell(m, &actor, &told);
	if (a) {
		a->command.done = act_over;
		loop_submit(m->loop, &a->command);
	}
	actor_release(&actor);
	free(whole);
}

int memory_take_stock(struct memory *m, struct error *err)
{
	struct count c = {.m = m};
	int r;

	c.left_count = dirty_left(m->dirty, &c.left);
	c.paths = calloc(c.left_count + 1, sizeof(*c.paths));
	r = c.paths ? count(&c) : -ENOMEM;
	for (size_t i = 0; c.paths && i < c.left_count; i++) {
		if (!r && c.paths[i])
			tell_left(m, &c.left[i], c.paths[i]);
		free(c.paths[i]);
	}
	free(c.paths);
	free(c.linked);
	if (!r)
		dirty_reset(m->dirty);
	return r ? error_set(err, -r, "memory: can't count what is there: %s", strerror(-r)) : 0;
}
