/* What is told of a file when it is closed, and what it gives back when nobody has it any more. */
#include "core/memory/memory_private.h"

#include "core/base/limits.h"

#include <stdlib.h>
#include <unistd.h>

static void delist(struct memory_file *f)
{
	struct memory_node *n = f->node;

	pthread_mutex_lock(&n->mutex);
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	if (--n->opens == 0 && n->removed)
		memory_account(n->memory, -memory_blocks(n->size), -1);
	if (n->opens == 0)
		memory_idle_add(n);
	pthread_mutex_unlock(&n->mutex);
}

/* What nobody can find any more is not told of: that it was removed was told. */
static void tell_all(struct memory_file *f)
{
	struct memory_node *n = f->node;
	struct memory *m = n->memory;
	struct memory_told what = {.node = n, .verb = "write"};
	struct buf path = BUF_INIT; /* where it is not the first of its names */
	struct memory_node *quiet;
	bool changed, removed;

	pthread_mutex_lock(&n->mutex);
	changed = f->changed;
	removed = n->removed;
	what.size = n->size;
	pthread_mutex_unlock(&n->mutex);
	if (removed)
		return;
	if (changed)
		memory_find_name(n);
	quiet = memory_quiet_of(n, &path);
	what.path = path.data;
	what.writers = f->writers;
	what.writer_count = f->writer_count;
	if (changed) {
		what.revision = memory_next_revision(n, f->fd, f->created);
		if (quiet)
			memory_quiet_add(m, quiet, &f->actor);
		else
			memory_tell_now(m, &f->actor, &what, &f->slot);
	}
	if (m->config->memory_reads && !quiet && atomic_load(&f->has_read)) {
		what.verb = "read";
		what.writer_count = 0;
		what.revision = memory_revision_at(n, f->fd);
		memory_tell_now(m, &f->actor, &what, NULL);
	}
	if (quiet)
		memory_unref(quiet, 1);
	buf_release(&path);
}

void memory_file_close(struct memory_file *f)
{
	if (!f)
		return;
	tell_all(f);
	delist(f);
	dirty_drop(f->node->memory->dirty, f->slot);
	close(f->fd);
	memory_fd_give(f->node->memory, f->actor.uid);
	for (int i = 0; i < f->writer_count; i++)
		free(f->writers[i]);
	actor_release(&f->actor);
	memory_unref(f->node, 1);
	free(f);
}

void memory_idle_drop(struct memory_node *n)
{
	if (!n->idle_link)
		return;
	*n->idle_link = n->idle_next;
	if (n->idle_next)
		n->idle_next->idle_link = n->idle_link;
	else
		n->memory->idle_tail = n->idle_link;
	n->idle_link = NULL;
	n->memory->idle_count--;
}

void memory_idle_add(struct memory_node *n)
{
	struct memory *m = n->memory;

	pthread_mutex_lock(&m->mutex);
	if (n->fd >= 0 && !n->names && !n->idle_link) {
		n->idle_next = NULL;
		n->idle_link = m->idle_tail;
		*m->idle_tail = n;
		m->idle_tail = &n->idle_next;
		m->idle_count++;
	}
	pthread_mutex_unlock(&m->mutex);
}

/* Nobody uses them now: who does holds `names`. */
static void limit_idle(struct memory *m)
{
	struct memory_node *n;

	pthread_mutex_lock(&m->mutex);
	while (m->idle_count > MEMORY_REMOVED_MAX) {
		n = m->idle;
		memory_idle_drop(n);
		memory_node_hide(n);
		close(n->fd);
		n->fd = -1;
	}
	pthread_mutex_unlock(&m->mutex);
}

/* Takes the descriptor; with the node's mutex. One that it has goes on to do. */
static void keep(struct memory *m, struct memory_node *n, int fd)
{
	pthread_mutex_lock(&m->mutex);
	if (n->fd < 0) {
		n->fd = fd;
		fd = -1;
	}
	pthread_mutex_unlock(&m->mutex);
	if (fd >= 0)
		close(fd);
}

void memory_node_unnamed(struct memory *m, struct memory_node *n, int fd)
{
	pthread_mutex_lock(&n->mutex);
	keep(m, n, fd);
	if (n->opens == 0)
		memory_idle_add(n);
	pthread_mutex_unlock(&n->mutex);
	limit_idle(m);
}

void memory_node_removed(struct memory *m, struct memory_node *n, const struct stat *st, int fd)
{
	if (!n) {
		memory_account(m, S_ISREG(st->st_mode) ? -memory_blocks(st->st_size) : 0, -1);
		close(fd);
		return;
	}
	pthread_mutex_lock(&n->mutex);
	n->removed = true;
	keep(m, n, fd);
	if (n->opens == 0) {
		/* As it was charged: it may have been cut since the disk was asked. */
		memory_account(m, -memory_blocks(n->size), -1);
		memory_idle_add(n);
	}
	pthread_mutex_unlock(&n->mutex);
	limit_idle(m);
}
