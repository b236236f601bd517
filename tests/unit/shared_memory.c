#include "tests/unit/shared_memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

int shared_set_up(void **state)
{
	struct shared *s = calloc(1, sizeof(*s));
	void *world = NULL;

	if (!s || world_setup(&world) != 0)
		return -1;
	s->w = world;
	s->w->config.memory_file = 64 << 10;
	s->w->config.memory_total = 256 << 10;
	s->w->config.memory_files = 20;
	s->actor = (struct actor){.uid = getuid(), .gid = getgid(), .kind = ACTOR_USER};
	*state = s;
	return memory_open(s->w->loop, &s->w->config, &s->m, &s->err);
}

int shared_tear_down(void **state)
{
	struct shared *s = *state;
	void *world = s->w;

	memory_close(s->m);
	world_teardown(&world);
	free(s);
	return 0;
}

void shared_reopen(struct shared *s)
{
	memory_close(s->m);
	s->m = NULL;
	assert_int_equal(memory_open(s->w->loop, &s->w->config, &s->m, &s->err), 0);
}

void shared_submit(struct shared *s, struct act *act)
{
	if (!act)
		return;
	act->command.done = memory_told;
	loop_submit(s->w->loop, &act->command);
}

struct memory_file *shared_create(struct shared *s, struct memory_node *dir, const char *name)
{
	struct memory_file *f = NULL;
	struct memory_node *n;
	struct stat st;

	assert_int_equal(
		memory_create(dir, name, O_RDWR | O_EXCL, 0644, &s->actor, &n, &st, &f, &s->err),
		0);
	memory_unref(n, 1);
	return f;
}

struct memory_file *shared_open_again(struct shared *s, const char *name, int flags)
{
	struct memory_file *f = NULL;
	struct memory_node *n;
	struct stat st;

	assert_int_equal(memory_find(memory_root(s->m), name, &n, &st), 0);
	assert_int_equal(memory_file_open(n, flags, &s->actor, &f, &s->err), 0);
	memory_unref(n, 1);
	return f;
}

void shared_write_file(struct shared *s, const char *name, const char *text)
{
	struct memory_file *f = shared_create(s, memory_root(s->m), name);

	assert_int_equal(memory_write(f, text, strlen(text), 0, &s->err), strlen(text));
	memory_file_close(f);
}

struct memory_node *shared_make_dir(struct shared *s, struct memory_node *dir, const char *name)
{
	struct memory_node *n = NULL;
	struct act *act = NULL;
	struct stat st;

	assert_int_equal(
		memory_make(dir, name, S_IFDIR | 0755, &s->actor, &n, &st, &act, &s->err), 0);
	shared_submit(s, act);
	return n;
}

int shared_remove_name(struct shared *s, struct memory_node *dir, const char *name, bool is_dir)
{
	struct act *act = NULL;
	int r = memory_remove(dir, name, is_dir, &s->actor, &act, &s->err);

	shared_submit(s, act);
	return r;
}

int shared_rename_name(struct shared *s, struct memory_node *from, const char *name,
	struct memory_node *to, const char *new_name, unsigned flags)
{
	struct act *act = NULL;
	int r = memory_rename(from, name, to, new_name, flags, &s->actor, &act, &s->err);

	shared_submit(s, act);
	return r;
}

void shared_path_is(struct memory_node *n, const char *name, const char *expected)
{
	struct buf path = BUF_INIT;

	memory_path(n, name, &path);
	assert_string_equal(path.data, expected);
	buf_release(&path);
}

int shared_told(struct shared *s, const char *type, const char *text)
{
	struct buf all = BUF_INIT;
	const char *at;
	int count = 0;

	world_lines(s->w, &all, CHANNEL_TYPE, type);
	for (at = all.data ? all.data : ""; (at = strstr(at, text)); at++)
		count++;
	buf_release(&all);
	return count;
}

void shared_uses(struct shared *s, int64_t bytes, int64_t nodes)
{
	assert_int_equal(s->m->bytes, bytes);
	assert_int_equal(s->m->nodes, nodes);
}

void shared_tell_quiet(struct shared *s)
{
	memory_quiet_stop(s->m);
	world_pass(s->w, SECOND_US);
	memory_quiet_due(s->m, loop_mono_us(s->w->loop));
	s->m->quiet_stopping = false;
	assert_int_equal(memory_quiet_start(s->m, &s->err), 0);
}

void shared_write_in(struct shared *s, struct memory_node *dir, const char *name)
{
	struct memory_file *f = shared_create(s, dir, name);

	assert_int_equal(memory_write(f, "x", 1, 0, &s->err), 1);
	memory_file_close(f);
}
