/* What is told of a file when it is closed, and what it gives back when nobody has it any more. */
#include "core/memory/memory_private.h"

#include "core/base/limits.h"
#include "core/state/parts.h"

#include <stdlib.h>
#include <unistd.h>

/* Its note goes once the event is there. */
struct telling {
	struct memory *memory;
	int slot;
};

static void told(struct loop *loop, struct command *c, int status, const struct error *err,
	struct record *const *records, size_t count)
{
	struct telling *t = ((struct act *)c)->owner;
	struct memory *m = t->memory;

	dirty_drop(m->dirty, t->slot);
	free(t);
	act_over(loop, c, status, err, records, count);
	pthread_mutex_lock(&m->mutex);
	if (--m->telling == 0)
		pthread_cond_signal(&m->told);
	pthread_mutex_unlock(&m->mutex);
}

static void tell(struct memory_file *f, const struct memory_told *what)
{
	struct memory *m = f->node->memory;
	struct telling *t = malloc(sizeof(*t));
	struct act *a = t ? memory_tell(m, &f->actor, what) : NULL;

	if (!a) {
		free(t);
		return;
	}
	*t = (struct telling){m, f->slot};
	f->slot = -1;
	pthread_mutex_lock(&m->mutex);
	m->telling++;
	pthread_mutex_unlock(&m->mutex);
	a->owner = t;
	a->command.done = told;
	loop_submit(m->loop, &a->command);
}

static void delist(struct memory_file *f)
{
	struct memory_node *n = f->node;

	pthread_mutex_lock(&n->mutex);
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	if (--n->opens == 0 && n->removed) {
		memory_account(n->memory, -memory_blocks(n->size), -1);
		memory_idle_add(n);
	}
	pthread_mutex_unlock(&n->mutex);
}

/* What nobody can find any more is not told of: that it was removed was told. */
static void tell_all(struct memory_file *f)
{
	struct memory_node *n = f->node;
	struct memory_told what = {.node = n, .verb = "write"};
	bool changed, removed;

	pthread_mutex_lock(&n->mutex);
	changed = f->changed;
	removed = n->removed;
	what.size = n->size;
	pthread_mutex_unlock(&n->mutex);
	if (removed)
		return;
	what.writers = f->writers;
	what.writer_count = f->writer_count;
	if (changed) {
		what.revision = memory_next_revision(n, f->fd, f->created);
		tell(f, &what);
	}
	if (n->memory->config->memory_reads && atomic_load(&f->has_read)) {
		what.verb = "read";
		what.writer_count = 0;
		what.revision = memory_revision_at(n, f->fd);
		tell(f, &what);
	}
}

void memory_file_close(struct memory_file *f)
{
	if (!f)
		return;
	tell_all(f);
	delist(f);
	dirty_drop(f->node->memory->dirty, f->slot);
	close(f->fd);
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
	if (n->fd >= 0 && !n->idle_link) {
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

void memory_node_removed(struct memory *m, struct memory_node *n, const struct stat *st, int fd)
{
	const int64_t bytes = S_ISREG(st->st_mode) ? memory_blocks(st->st_size) : 0;

	if (!n) {
		memory_account(m, -bytes, -1);
		close(fd);
		return;
	}
	pthread_mutex_lock(&n->mutex);
	n->removed = true;
	pthread_mutex_lock(&m->mutex);
	n->fd = fd;
	pthread_mutex_unlock(&m->mutex);
	if (n->opens == 0) {
		memory_account(m, -bytes, -1);
		memory_idle_add(n);
	}
	pthread_mutex_unlock(&n->mutex);
	limit_idle(m);
}
