/* The shared memory: names, limits, revisions, and what is told. */
#include "core/memory/memory_note.h"
#include "core/memory/memory_private.h"
#include "core/state/refusal.h"
#include "core/state/saver.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct shared {
	struct world *w;
	struct memory *m;
	struct actor actor;
	struct error err;
};

static int set_up(void **state)
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

static int tear_down(void **state)
{
	struct shared *s = *state;
	void *world = s->w;

	memory_close(s->m);
	world_teardown(&world);
	free(s);
	return 0;
}

static void reopen(struct shared *s)
{
	memory_close(s->m);
	s->m = NULL;
	assert_int_equal(memory_open(s->w->loop, &s->w->config, &s->m, &s->err), 0);
}

/* Submits what a change gave. */
static void submit(struct shared *s, struct act *act)
{
	if (!act)
		return;
	act->command.done = memory_told;
	loop_submit(s->w->loop, &act->command);
}

static struct memory_file *create(struct shared *s, struct memory_node *dir, const char *name)
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

static struct memory_file *open_again(struct shared *s, const char *name, int flags)
{
	struct memory_file *f = NULL;
	struct memory_node *n;
	struct stat st;

	assert_int_equal(memory_find(memory_root(s->m), name, &n, &st), 0);
	assert_int_equal(memory_file_open(n, flags, &s->actor, &f, &s->err), 0);
	memory_unref(n, 1);
	return f;
}

static void write_file(struct shared *s, const char *name, const char *text)
{
	struct memory_file *f = create(s, memory_root(s->m), name);

	assert_int_equal(memory_write(f, text, strlen(text), 0, &s->err), strlen(text));
	memory_file_close(f);
}

static struct memory_node *make_dir(struct shared *s, struct memory_node *dir, const char *name)
{
	struct memory_node *n = NULL;
	struct act *act = NULL;
	struct stat st;

	assert_int_equal(
		memory_make(dir, name, S_IFDIR | 0755, &s->actor, &n, &st, &act, &s->err), 0);
	submit(s, act);
	return n;
}

static int remove_name(struct shared *s, struct memory_node *dir, const char *name, bool is_dir)
{
	struct act *act = NULL;
	int r = memory_remove(dir, name, is_dir, &s->actor, &act, &s->err);

	submit(s, act);
	return r;
}

static int rename_name(struct shared *s, struct memory_node *from, const char *name,
	struct memory_node *to, const char *new_name, unsigned flags)
{
	struct act *act = NULL;
	int r = memory_rename(from, name, to, new_name, flags, &s->actor, &act, &s->err);

	submit(s, act);
	return r;
}

static void path_is(struct memory_node *n, const char *name, const char *expected)
{
	struct buf path = BUF_INIT;

	memory_path(n, name, &path);
	assert_string_equal(path.data, expected);
	buf_release(&path);
}

/* How often a text stands in what was told. */
static int told(struct shared *s, const char *type, const char *text)
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

static void uses(struct shared *s, int64_t bytes, int64_t nodes)
{
	assert_int_equal(s->m->bytes, bytes);
	assert_int_equal(s->m->nodes, nodes);
}

static void paths_follow_what_is_renamed(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *a = make_dir(s, root, "a"),
			   *b = make_dir(s, a, "b"), *found;
	struct memory_file *f = create(s, b, "f");
	struct stat st;

	path_is(b, "f", "memory/a/b/f");
	path_is(root, NULL, "memory");
	assert_int_equal(rename_name(s, root, "a", root, "z", 0), 0);
	path_is(memory_file_node(f), NULL, "memory/z/b/f");
	assert_int_equal(rename_name(s, b, "f", root, "g", 0), 0);
	path_is(memory_file_node(f), NULL, "memory/g");
	assert_int_equal(memory_find(root, "g", &found, &st), 0);
	assert_ptr_equal(found, memory_file_node(f));
	memory_unref(found, 1);
	assert_int_equal(remove_name(s, root, "g", false), 0);
	path_is(memory_file_node(f), NULL, "memory/g");
	assert_int_equal(memory_stat(memory_file_node(f), &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(memory_find(root, "g", &found, &st), -ENOENT);
	memory_file_close(f);
	assert_int_equal(remove_name(s, a, "b", true), 0);
	assert_int_equal(memory_find(b, "x", &found, &st), -ENOENT);
	memory_unref(b, 1);
	memory_unref(a, 1);
}

static void a_file_goes_by_any_of_its_names(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *n;
	struct act *act = NULL;
	struct stat st;

	write_file(s, "one", "text");
	assert_int_equal(memory_find(root, "one", &n, &st), 0);
	assert_int_equal(memory_link(n, root, "two", &s->actor, &st, &act, &s->err), 0);
	memory_unref(n, 1);
	submit(s, act);
	assert_int_equal(st.st_nlink, 2);
	uses(s, 4096, 1);
	path_is(n, NULL, "memory/one");
	assert_int_equal(remove_name(s, root, "one", false), 0);
	path_is(n, NULL, "memory/two");
	uses(s, 4096, 1);
	memory_unref(n, 1);
	reopen(s);
	uses(s, 4096, 1);
	assert_int_equal(remove_name(s, memory_root(s->m), "two", false), 0);
	uses(s, 0, 0);
}

static void paths_may_be_longer_than_one_call_takes(void **state)
{
	struct shared *s = *state;
	struct memory_node *dirs[19], *at = memory_root(s->m);
	struct memory_file *f;
	char name[250];
	struct stat st;

	memset(name, 'd', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 19; i++)
		at = dirs[i] = make_dir(s, at, name);
	f = create(s, at, "f");
	assert_int_equal(memory_stat(memory_file_node(f), &st), 0);
	memory_file_close(f);
	assert_int_equal(remove_name(s, at, "f", false), 0);
	for (int i = 18; i >= 0; i--) {
		assert_int_equal(
			remove_name(s, i ? dirs[i - 1] : memory_root(s->m), name, true), 0);
		memory_unref(dirs[i], 1);
	}
	uses(s, 0, 0);
}

static void a_file_is_bounded(void **state)
{
	struct shared *s = *state;
	struct memory_file *f = create(s, memory_root(s->m), "f");
	static char data[128 << 10];
	struct act *act = NULL;

	assert_int_equal(memory_write(f, data, sizeof(data), 0, &s->err), 64 << 10);
	assert_int_equal(memory_write(f, data, 1, 64 << 10, &s->err), -EFBIG);
	assert_non_null(strstr(s->err.text, "memory_file"));
	assert_int_equal(memory_write(f, data, 9, (64 << 10) - 3, &s->err), 3);
	assert_int_equal(
		memory_truncate(memory_file_node(f), f, (64 << 10) + 1, &s->actor, &act, &s->err),
		-EFBIG);
	assert_int_equal(memory_fallocate(f, 0, 0, (64 << 10) + 1, &s->err), -EFBIG);
	assert_int_equal(memory_fallocate(f, 0, -1, 5, &s->err), -EINVAL);
	assert_int_equal(memory_fallocate(f, 0, 1, INT64_MAX, &s->err), -EINVAL);
	uses(s, 64 << 10, 1);
	assert_int_equal(memory_truncate(memory_file_node(f), f, 1, &s->actor, &act, &s->err), 0);
	uses(s, 4096, 1);
	/* Behind the end nothing is reserved, so nothing is counted. */
	assert_int_equal(memory_fallocate(f, FALLOC_FL_KEEP_SIZE, 0, 32 << 10, &s->err), 0);
	uses(s, 4096, 1);
	memory_file_close(f);
}

static void all_files_are_bounded_together(void **state)
{
	struct shared *s = *state;
	static char data[64 << 10];
	struct memory_file *f[6];
	struct memory_node *n;
	struct act *act = NULL;
	struct statvfs fs;
	struct stat st;
	char name[16];

	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		f[i] = create(s, memory_root(s->m), name);
		assert_int_equal(memory_write(f[i], data, 50000, 0, &s->err), i < 4    ? 50000
									      : i == 4 ? 49152
										       : -ENOSPC);
	}
	assert_non_null(strstr(s->err.text, "memory_total"));
	uses(s, 4 * 53248 + 49152, 6);
	assert_int_equal(memory_statfs(s->m, &fs), 0);
	assert_int_equal(fs.f_blocks, 64);
	assert_int_equal(fs.f_bfree, 0);
	assert_int_equal(fs.f_ffree, 14);
	/* What is removed counts as long as it is open. */
	assert_int_equal(remove_name(s, memory_root(s->m), "f0", false), 0);
	uses(s, 4 * 53248 + 49152, 6);
	memory_file_close(f[0]);
	uses(s, 3 * 53248 + 49152, 5);
	assert_int_equal(memory_write(f[5], data, 10, 0, &s->err), 10);
	for (int i = 1; i < 6; i++)
		memory_file_close(f[i]);
	/* Cut at open. */
	memory_file_close(open_again(s, "f1", O_RDONLY | O_TRUNC));
	uses(s, 2 * 53248 + 49152 + 4096, 5);
	reopen(s);
	uses(s, 2 * 53248 + 49152 + 4096, 5);
	for (int i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		memory_unref(make_dir(s, memory_root(s->m), name), 1);
	}
	assert_int_equal(memory_make(memory_root(s->m), "x", S_IFREG | 0600, &s->actor, &n, &st,
				 &act, &s->err),
		-ENOSPC);
	assert_non_null(strstr(s->err.text, "memory_files"));
	assert_int_equal(
		memory_symlink(memory_root(s->m), "x", "y", &s->actor, &n, &st, &act, &s->err),
		-ENOSPC);
	/* A refusal for another reason takes nothing. */
	assert_int_equal(remove_name(s, memory_root(s->m), "d0", true), 0);
	assert_int_equal(memory_make(memory_root(s->m), "d1", S_IFDIR | 0700, &s->actor, &n, &st,
				 &act, &s->err),
		-EEXIST);
	uses(s, 2 * 53248 + 49152 + 4096, 19);
}

static void content_that_changes_is_the_next_revision(void **state)
{
	struct shared *s = *state;
	struct memory_file *f;

	write_file(s, "f", "1");
	assert_int_equal(
		told(s, "memory.write", "\"path\":\"memory/f\",\"size\":1,\"revision\":1}"), 1);
	for (int i = 2; i <= 4; i++) {
		f = open_again(s, "f", O_WRONLY);
		memory_write(f, "22", 2, 0, &s->err);
		memory_write(f, "33", 2, 0, &s->err);
		memory_file_close(f);
		reopen(s);
	}
	assert_int_equal(told(s, "memory.write", "\"size\":2,\"revision\":4}"), 1);
	memory_file_close(open_again(s, "f", O_RDWR)); /* nothing was written */
	assert_int_equal(told(s, "memory.write", "memory/f"), 4);
	write_file(s, "new", "x");
	assert_int_equal(rename_name(s, memory_root(s->m), "new", memory_root(s->m), "f", 0), 0);
	assert_int_equal(told(s, "memory.write", "\"revision\":5,\"from\":\"memory/new\"}"), 1);
	assert_int_equal(remove_name(s, memory_root(s->m), "f", false), 0);
	assert_int_equal(told(s, "memory.delete", "\"path\":\"memory/f\",\"revision\":5}"), 1);
	write_file(s, "f", "1");
	assert_int_equal(
		told(s, "memory.write", "\"path\":\"memory/f\",\"size\":1,\"revision\":1}"), 2);
}

static void what_was_removed_before_it_was_closed_is_not_told_again(void **state)
{
	struct shared *s = *state;
	struct memory_file *f = create(s, memory_root(s->m), "f");

	memory_write(f, "x", 1, 0, &s->err);
	assert_int_equal(remove_name(s, memory_root(s->m), "f", false), 0);
	memory_file_close(f);
	assert_int_equal(told(s, "memory.write", "memory/f"), 0);
	assert_int_equal(told(s, "memory.delete", "memory/f"), 1);
}

static void who_opened_it_is_named_even_when_its_session_has_ended(void **state)
{
	struct shared *s = *state;
	struct session *cece = world_register(s->w, getuid(), "Cece"),
		       *bob = world_register(s->w, getuid(), "Bob");
	struct memory_file *f, *g;
	char who[128];

	s->actor = world_actor(cece);
	f = create(s, memory_root(s->m), "f");
	s->actor = world_actor(bob);
	g = open_again(s, "f", O_RDWR);
	memory_write(g, "b", 1, 0, &s->err);
	memory_file_close(g);
	snprintf(who, sizeof(who), "\"writers\":[\"%s\"]", cece->id);
	assert_int_equal(told(s, "memory.write", who), 1);
	assert_int_equal(world_end(s->w, cece), 0);
	memory_write(f, "c", 1, 1, &s->err);
	memory_file_close(f);
	snprintf(who, sizeof(who), "\"writers\":[\"%s\"]", bob->id);
	assert_int_equal(told(s, "memory.write", who), 1);
	snprintf(who, sizeof(who), "\"session_id\":\"%s\",\"from\":\"Cece\"", cece->id);
	assert_int_equal(told(s, "memory.write", who), 1);
}

static void reading_is_told_where_it_is_asked_for(void **state)
{
	struct shared *s = *state;
	struct memory_file *f;
	char data[8];

	write_file(s, "f", "text");
	for (int i = 0; i < 2; i++) {
		f = open_again(s, "f", O_RDONLY);
		assert_int_equal(memory_read(f, data, sizeof(data), 0), 4);
		memory_file_close(f);
		assert_int_equal(told(s, "memory.read", "memory/f"), i);
		s->w->config.memory_reads = SWITCH_ON;
	}
	memory_file_close(open_again(s, "f", O_RDONLY)); /* not read */
	assert_int_equal(told(s, "memory.read", "memory/f"), 1);
}

/* A daemon that is killed: another process, which ends without a word. */
static void what_was_open_when_the_daemon_was_killed_is_told(void **state)
{
	struct shared *s = *state;
	struct session *cece = world_register(s->w, getuid(), "Cece");
	int slots[2], status;
	struct memory_file *f;
	struct stat st;
	char who[128];
	pid_t child;

	s->actor = world_actor(cece);
	write_file(s, "closed", "x");
	f = create(s, memory_root(s->m), "open");
	assert_int_equal(memory_stat(memory_file_node(f), &st), 0);
	memory_write(f, "abc", 3, 0, &s->err);
	memory_file_close(f);
	child = fork();
	if (child == 0) {
		slots[0] = dirty_add(s->m->dirty, st.st_ino, &s->actor);
		slots[1] = dirty_add(s->m->dirty, st.st_ino + 12345, &s->actor); /* of none */
		_exit(slots[0] < 0 || slots[1] < 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	reopen(s);
	snprintf(who, sizeof(who), "\"session_id\":\"%s\"", cece->id);
	assert_int_equal(told(s, "memory.write", "\"recovered\":true"), 1);
	assert_int_equal(
		told(s, "memory.write",
			"\"data\":{\"path\":\"memory/open\",\"size\":3,\"recovered\":true}"),
		1);
	assert_int_equal(told(s, "memory.write", who), 3);
	reopen(s);
	assert_int_equal(told(s, "memory.write", "\"recovered\":true"), 1);
}

static void the_dirty_list_is_bounded(void **state)
{
	struct shared *s = *state;
	int slot = 0, count = 0;

	while (slot >= 0 && count < 5000) {
		slot = dirty_add(s->m->dirty, 7, &s->actor);
		count += slot >= 0;
	}
	assert_in_range(count, 100, 4999);
	dirty_drop(s->m->dirty, 5);
	assert_int_equal(dirty_add(s->m->dirty, 7, &s->actor), 5);
	dirty_drop(s->m->dirty, -1);
	for (int i = 0; i < count; i++)
		dirty_drop(s->m->dirty, i);
	write_file(s, "f", "x");
	assert_int_equal(told(s, "memory.write", "memory/f"), 1);
}

static void what_it_does_not_hold_is_refused(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *n = NULL;
	struct act *act = NULL;
	char longer[NAME_MAX + 2];
	struct stat st;

	memset(longer, 'n', sizeof(longer));
	longer[NAME_MAX + 1] = '\0';
	for (size_t i = 0; i < 3; i++) {
		static const mode_t kinds[] = {S_IFIFO, S_IFCHR, S_IFBLK};

		assert_int_equal(
			memory_make(root, "x", kinds[i] | 0600, &s->actor, &n, &st, &act, &s->err),
			-EPERM);
	}
	assert_int_equal(memory_find(root, longer, &n, &st), -ENAMETOOLONG);
	assert_int_equal(remove_name(s, root, longer, false), -ENAMETOOLONG);
	assert_int_equal(rename_name(s, root, "a", root, longer, 0), -ENAMETOOLONG);
	assert_int_equal(rename_name(s, root, "a", root, "b", 4), -EINVAL);
	assert_int_equal(rename_name(s, root, "a", root, "b", 0), -ENOENT);
	assert_int_equal(memory_chmod(root, NULL, 0700), -EPERM);
	assert_int_equal(memory_chown(root, NULL, 1, 1), -EPERM);
	write_file(s, "f", "x");
	assert_int_equal(memory_find(root, "f", &n, &st), 0);
	assert_int_equal(memory_chmod(n, NULL, 06755), 0);
	memory_stat(n, &st);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(memory_setxattr(n, "user.leitlfs.revision", "9", 1, 0, &s->err), -EPERM);
	assert_int_equal(
		memory_setxattr(n, "security.capability", "9", 1, 0, &s->err), -EOPNOTSUPP);
	assert_int_equal(memory_find(n, "x", &n, &st), -ENOTDIR);
	memory_unref(n, 1);
	uses(s, 4096, 1);
	assert_int_equal(told(s, "memory.write", "memory."), 1);
}

static void nobody_is_left_behind(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *a = make_dir(s, root, "a");
	struct memory_file *f = create(s, a, "f");
	size_t nodes = 0;

	/* The file alone holds the directory that it is in. */
	memory_unref(a, 1);
	path_is(memory_file_node(f), NULL, "memory/a/f");
	memory_file_close(f);
	for (size_t i = 0; i < MEMORY_BUCKETS; i++)
		for (struct memory_node *n = s->m->buckets[i]; n; n = n->next)
			nodes++;
	assert_int_equal(nodes, 0);
	/* And what is open when it ends is told. */
	f = create(s, root, "last");
	memory_write(f, "x", 1, 0, &s->err);
	reopen(s);
	assert_int_equal(told(s, "memory.write", "memory/last"), 1);
}

/* --- quiet directories */

static void tell_quiet(struct shared *s)
{
	world_pass(s->w, SECOND_US);
	memory_quiet_due(s->m, loop_mono_us(s->w->loop));
}

static void write_in(struct shared *s, struct memory_node *dir, const char *name)
{
	struct memory_file *f = create(s, dir, name);

	assert_int_equal(memory_write(f, "x", 1, 0, &s->err), 1);
	memory_file_close(f);
}

static void below_a_quiet_directory_one_event_stands_for_many(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *git = make_dir(s, root, ".git"),
			   *objects = make_dir(s, git, "objects"), *n;
	struct act *act = NULL;
	struct stat st;

	/* That it was made is told, as that of any directory. */
	assert_int_equal(told(s, "memory.write", "\"data\":{\"path\":\"memory/.git\",\"kind\""), 1);
	write_in(s, git, "config");
	write_in(s, objects, "1");
	assert_int_equal(rename_name(s, objects, "1", objects, "2", 0), 0);
	assert_int_equal(memory_find(objects, "2", &n, &st), 0);
	assert_int_equal(memory_link(n, git, "3", &s->actor, &st, &act, &s->err), 0);
	assert_null(act);
	memory_unref(n, 1);
	assert_int_equal(memory_truncate(n, NULL, 9, &s->actor, &act, &s->err), 0);
	assert_null(act);
	memory_unref(n, 1);
	assert_int_equal(remove_name(s, git, "3", false), 0);
	assert_int_equal(told(s, "memory.write", "memory/"), 1);
	assert_int_equal(told(s, "memory.delete", "memory/"), 0);
	memory_quiet_due(s->m, loop_mono_us(s->w->loop));
	assert_int_equal(told(s, "memory.write", "memory/"), 1);
	tell_quiet(s);
	assert_int_equal(told(s, "memory.write",
				 "\"data\":{\"path\":\"memory/.git\",\"kind\":\"directory\","
				 "\"quiet\":7}"),
		1);
	tell_quiet(s);
	assert_int_equal(told(s, "memory.write", "\"quiet\""), 1);
	/* They are counted and numbered like others. */
	uses(s, 2 * 4096, 4);
	assert_int_equal(memory_find(objects, "2", &n, &st), 0);
	assert_int_equal(memory_revision_of(n), 2);
	memory_unref(n, 1);
	memory_unref(objects, 1);
	memory_unref(git, 1);
}

static void what_goes_on_below_a_quiet_directory_is_told_now_and_then(void **state)
{
	struct shared *s = *state;
	struct memory_node *git = make_dir(s, memory_root(s->m), ".git");
	char name[16];

	for (int i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "%d", i);
		write_in(s, git, name);
		world_pass(s->w, SECOND_US * 9 / 10);
		memory_quiet_due(s->m, loop_mono_us(s->w->loop));
	}
	assert_int_equal(told(s, "memory.write", "\"quiet\":"), 1);
	memory_unref(git, 1);
	reopen(s); /* an end that is none too early tells the rest */
	assert_int_equal(told(s, "memory.write", "\"quiet\":"), 2);
	assert_int_equal(told(s, "memory.write", "\"recovered\""), 0);
}

static void what_goes_into_a_quiet_directory_or_out_is_told(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *git = make_dir(s, root, ".git"), *n;
	struct memory_file *f;
	struct act *act = NULL;
	struct stat st;

	write_file(s, "in", "x");
	assert_int_equal(rename_name(s, root, "in", git, "in", 0), 0);
	assert_int_equal(
		told(s, "memory.write", "\"path\":\"memory/.git/in\",\"size\":1,\"revision\":1"),
		1);
	assert_int_equal(rename_name(s, git, "in", root, "out", 0), 0);
	assert_int_equal(told(s, "memory.write", "\"from\":\"memory/.git/in\""), 1);
	/* A file that has another name beside is told by that. */
	write_in(s, git, "both");
	assert_int_equal(memory_find(git, "both", &n, &st), 0);
	assert_int_equal(memory_link(n, root, "loud", &s->actor, &st, &act, &s->err), 0);
	submit(s, act);
	memory_unref(n, 1);
	f = open_again(s, "loud", O_WRONLY);
	assert_int_equal(memory_write(f, "yy", 2, 0, &s->err), 2);
	memory_file_close(f);
	memory_unref(n, 1);
	assert_int_equal(
		told(s, "memory.write", "{\"path\":\"memory/loud\",\"size\":2,\"revision\":2}"), 1);
	tell_quiet(s);
	assert_int_equal(told(s, "memory.write", "\"quiet\":1}"), 1);
	memory_unref(git, 1);
}

static void a_quiet_directory_that_was_removed_is_told_of_by_that_alone(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *git = make_dir(s, root, ".git");

	write_in(s, git, "a");
	assert_int_equal(remove_name(s, git, "a", false), 0);
	assert_int_equal(remove_name(s, root, ".git", true), 0);
	tell_quiet(s);
	assert_int_equal(told(s, "memory.write", "\"quiet\""), 0);
	assert_int_equal(told(s, "memory.delete", "memory/"), 1);
	memory_unref(git, 1);
}

static void the_option_names_quiet_directories(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *a, *git;

	assert_int_equal(config_set(&s->w->config, "memory_quiet", "x:.gi:cache", NULL), 0);
	a = make_dir(s, root, "cache");
	git = make_dir(s, root, ".git");
	write_in(s, a, "f");
	write_in(s, git, "f");
	assert_int_equal(told(s, "memory.write", "memory/cache/f"), 0);
	assert_int_equal(told(s, "memory.write", "memory/.git/f"), 1);
	assert_int_equal(config_set(&s->w->config, "memory_quiet", "", NULL), 0);
	write_in(s, a, "g");
	assert_int_equal(told(s, "memory.write", "memory/cache/g"), 1);
	memory_unref(a, 1);
	memory_unref(git, 1);
}

static void quiet_events_that_wait_are_bounded(void **state)
{
	struct shared *s = *state;
	struct memory_node *git = make_dir(s, memory_root(s->m), ".git");

	write_in(s, git, "f");
	for (int i = 0; i < MEMORY_QUIET_MAX + 5; i++) {
		s->actor.uid = (uid_t)(5000 + i);
		memory_quiet_add(s->m, git, &s->actor);
	}
	assert_int_equal(s->m->quiet_count, MEMORY_QUIET_MAX);
	assert_int_equal(told(s, "memory.write", "\"quiet\":1}"), 6);
	tell_quiet(s);
	assert_int_equal(told(s, "memory.write", "\"quiet\":1}"), MEMORY_QUIET_MAX + 6);
	memory_unref(git, 1);
}

/* --- what a kill leaves */

/* Does something in another process, which then ends without a word. */
static void killed(struct shared *s, void (*fn)(struct shared *))
{
	int status;
	pid_t child;

	pthread_mutex_lock(&s->m->quiet_mutex); /* the memory's thread has nothing in hand */
	child = fork();
	pthread_mutex_unlock(&s->m->quiet_mutex);
	if (child == 0) {
		alarm(60);
		fn(s);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static struct act *untold; /* its event never comes to the log */

static void removes(struct shared *s)
{
	memory_remove(memory_root(s->m), "f", false, &s->actor, &untold, &s->err);
}

static void renames(struct shared *s)
{
	memory_rename(
		memory_root(s->m), "f", memory_root(s->m), "g", 0, &s->actor, &untold, &s->err);
}

static void makes(struct shared *s)
{
	struct memory_node *n;
	struct stat st;

	memory_make(memory_root(s->m), "d", S_IFDIR | 0755, &s->actor, &n, &st, &untold, &s->err);
	memory_symlink(memory_root(s->m), "s", "to", &s->actor, &n, &st, &untold, &s->err);
}

static void creates(struct shared *s)
{
	create(s, memory_root(s->m), "c");
}

static void what_was_changed_and_not_told_when_it_was_killed_is_told_once(void **state)
{
	struct shared *s = *state;

	write_file(s, "f", "x");
	killed(s, renames);
	reopen(s);
	assert_int_equal(told(s, "memory.write",
				 "\"data\":{\"path\":\"memory/g\",\"size\":1,\"revision\":1,"
				 "\"from\":\"memory/f\",\"recovered\":true}"),
		1);
	write_file(s, "f", "x");
	killed(s, removes);
	reopen(s);
	assert_int_equal(told(s, "memory.delete",
				 "\"data\":{\"path\":\"memory/f\",\"revision\":1,"
				 "\"recovered\":true}"),
		1);
	killed(s, creates);
	reopen(s);
	assert_int_equal(told(s, "memory.write",
				 "\"data\":{\"path\":\"memory/c\",\"size\":0,\"recovered\":true}"),
		1);
	killed(s, removes); /* nothing is there */
	reopen(s);
	reopen(s);
	assert_int_equal(told(s, "memory.write", "\"recovered\""), 2);
	assert_int_equal(told(s, "memory.delete", "\"recovered\""), 1);
}

static void what_was_made_and_not_told_when_it_was_killed_is_told_once(void **state)
{
	struct shared *s = *state;

	killed(s, makes);
	reopen(s);
	reopen(s);
	assert_int_equal(told(s, "memory.write",
				 "\"data\":{\"path\":\"memory/d\",\"kind\":\"directory\","
				 "\"recovered\":true}"),
		1);
	assert_int_equal(told(s, "memory.write",
				 "\"data\":{\"path\":\"memory/s\",\"kind\":\"symlink\",\"target\":"
				 "\"to\",\"recovered\":true}"),
		1);
	assert_int_equal(told(s, "memory.write", "memory/"), 2);
}

/* Begins a change of `name`, and does it, on the disk alone, where it is told to. */
static struct {
	const char *name;
	bool makes, does;
} half;

static void half_changes(struct shared *s)
{
	struct memory_told what = {
		.verb = half.makes ? "write" : "delete", .type = S_IFREG, .size = -1};
	struct memory_site site = {
		.dir = &s->m->root, .at = &s->m->root, .name = half.name, .made = half.makes};
	struct memory_change c;
	struct stat st;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "memory/%s", half.name);
	what.path = path;
	if (fstatat(s->m->fd, half.name, &st, 0) == 0)
		site.ino = st.st_ino;
	memory_change_begin(&c, s->m, &s->actor, &what, &site);
	if (half.does && !half.makes)
		unlinkat(s->m->fd, half.name, 0);
	if (half.does && half.makes && (fd = openat(s->m->fd, half.name, O_CREAT, 0600)) >= 0)
		close(fd);
}

static void a_change_that_a_kill_left_half_done_is_told_where_it_was_made(void **state)
{
	struct shared *s = *state;

	write_file(s, "a", "x");
	write_file(s, "b", "x");
	for (int i = 0; i < 4; i++) {
		half.name = (const char *[]){"a", "b", "c", "d"}[i];
		half.makes = i >= 2;
		half.does = i % 2;
		killed(s, half_changes);
		reopen(s);
		assert_int_equal(told(s, half.makes ? "memory.write" : "memory.delete",
					 "\"recovered\":true"),
			half.does);
	}
	assert_int_equal(told(s, "memory.delete", "\"path\":\"memory/b\""), 1);
	assert_int_equal(told(s, "memory.write", "\"path\":\"memory/d\""), 1);
}

static void removes_in_another_slot(struct shared *s)
{
	const struct note head = {.state = NOTE_FREE};

	note_take(s->m->notes, &head, &s->actor, NULL, NULL, 0);
	removes(s);
}

static void what_was_told_when_it_was_killed_is_not_told_again(void **state)
{
	struct shared *s = *state;
	struct memory_told what = {
		.verb = "delete", .type = S_IFREG, .path = "memory/f", .size = -1, .revision = 1};

	write_file(s, "f", "x");
	killed(s, removes_in_another_slot);
	/* It came to the log, and was killed before its note went. */
	memory_tell_now(s->m, &s->actor, &what, NULL);
	reopen(s);
	assert_int_equal(told(s, "memory.delete", "memory/f"), 1);
	assert_int_equal(told(s, "memory.delete", "recovered"), 0);
	/* The same again is another one. */
	write_file(s, "f", "x");
	killed(s, removes);
	reopen(s);
	assert_int_equal(told(s, "memory.delete", "memory/f"), 2);
	/* Nor is what was recovered and then killed. */
	write_file(s, "f", "x");
	killed(s, removes_in_another_slot);
	what.recovered = true;
	memory_tell_now(s->m, &s->actor, &what, NULL);
	reopen(s);
	assert_int_equal(told(s, "memory.delete", "memory/f"), 3);
}

static void changes_quietly(struct shared *s)
{
	struct memory_node *git;
	struct stat st;

	memory_find(memory_root(s->m), ".git", &git, &st);
	for (int i = 0; i < 5; i++)
		memory_quiet_add(s->m, git, &s->actor);
	memory_write(create(s, git, "open"), "x", 1, 0, &s->err);
}

static void quiet_changes_are_counted_on_after_a_kill(void **state)
{
	struct shared *s = *state;

	memory_unref(make_dir(s, memory_root(s->m), ".git"), 1);
	killed(s, changes_quietly);
	reopen(s);
	assert_int_equal(told(s, "memory.write", "quiet"), 0);
	tell_quiet(s);
	assert_int_equal(told(s, "memory.write",
				 "\"data\":{\"path\":\"memory/.git\",\"kind\":\"directory\","
				 "\"quiet\":6,\"recovered\":true}"),
		1);
	reopen(s);
	tell_quiet(s);
	assert_int_equal(told(s, "memory.write", "quiet"), 1);
}

static void the_notes_are_bounded_and_may_be_anything(void **state)
{
	struct shared *s = *state;
	const struct note head = {.state = NOTE_DECIDED, .verb = "write"};
	char text[NOTE_SIZE], path[PATH_MAX];
	int count = 0;
	FILE *f;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(note_take(s->m->notes, &head, &s->actor, NULL, text, strlen(text)), -1);
	while (note_take(s->m->notes, &head, &s->actor, NULL, "{}", 2) >= 0)
		count++;
	assert_int_equal(count, NOTES);
	write_file(s, "f", "x");
	assert_int_equal(told(s, "memory.write", "memory/f"), 1);
	for (int i = 0; i < NOTES; i++)
		note_drop(s->m->notes, i);
	/* After a loss of power. */
	snprintf(path, sizeof(path), "%s/memory.notes", s->w->config.state);
	memory_close(s->m);
	for (int fill = 0; fill < 256; fill += 51) {
		f = fopen(path, "w");
		assert_non_null(f);
		for (int i = 0; i < NOTES * NOTE_SIZE; i++)
			fputc(fill ? fill : i % 4 ? 0 : i / NOTE_SIZE % 5, f);
		fclose(f);
		assert_int_equal(memory_open(s->w->loop, &s->w->config, &s->m, &s->err), 0);
		for (int i = 0; i < NOTES; i++)
			assert_null(note_at(s->m->notes, i));
		memory_close(s->m);
	}
	assert_int_equal(memory_open(s->w->loop, &s->w->config, &s->m, &s->err), 0);
	assert_int_equal(told(s, "memory.write", "recovered"), 0);
}

/* --- names that are not known, and files that have several */

static void a_file_that_lost_the_name_it_was_known_by_is_still_there(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *n, *again;
	struct memory_file *f;
	struct act *act = NULL;
	struct stat st;

	write_file(s, "one", "text");
	assert_int_equal(memory_find(root, "one", &n, &st), 0);
	assert_int_equal(memory_link(n, root, "two", &s->actor, &st, &act, &s->err), 0);
	submit(s, act);
	memory_unref(n, 2);
	reopen(s); /* nothing is known of "two" */
	root = memory_root(s->m);
	f = open_again(s, "one", O_RDWR);
	n = memory_file_node(f);
	assert_int_equal(remove_name(s, root, "one", false), 0);
	assert_int_equal(memory_stat(n, &st), 0);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(memory_chmod(n, NULL, 0600), 0);
	assert_int_equal(memory_link(n, root, "three", &s->actor, &st, &act, &s->err), 0);
	submit(s, act);
	memory_unref(n, 1);
	assert_int_equal(remove_name(s, root, "three", false), 0);
	assert_int_equal(memory_write(f, "longer", 6, 0, &s->err), 6);
	memory_ref(n);
	memory_file_close(f);
	assert_int_equal(memory_find(root, "two", &again, &st), 0);
	assert_ptr_equal(again, n);
	memory_unref(n, 1);
	assert_int_equal(told(s, "memory.write", "\"path\":\"memory/two\",\"size\":6"), 1);
	uses(s, 4096, 1);
	assert_int_equal(remove_name(s, root, "two", false), 0);
	uses(s, 0, 0);
	memory_unref(again, 1);
}

static void two_names_of_one_file_are_not_renamed_to_each_other(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *n;
	struct act *act = NULL;
	struct stat st;

	write_file(s, "one", "text");
	assert_int_equal(memory_find(root, "one", &n, &st), 0);
	assert_int_equal(memory_link(n, root, "two", &s->actor, &st, &act, &s->err), 0);
	submit(s, act);
	memory_unref(n, 2);
	reopen(s);
	root = memory_root(s->m);
	/* Of which neither is known. */
	assert_int_equal(rename_name(s, root, "one", root, "two", 0), 0);
	assert_int_equal(told(s, "memory.write", "\"from\":\"memory/"), 0);
	assert_int_equal(memory_find(root, "one", &n, &st), 0);
	assert_int_equal(st.st_nlink, 2);
	memory_unref(n, 1);
}

/* --- what the disk and the log refuse */

static size_t lines_of_errors(struct shared *s, struct buf *out)
{
	uint64_t at = 0;
	size_t count = 0;

	buf_release(out);
	assert_int_equal(
		refusal_read(s->w->loop->refusals, getuid(), &at, REFUSAL_BYTES_MAX, out), 0);
	for (size_t i = 0; i < out->len; i++)
		count += out->data[i] == '\n';
	return count;
}

static void what_the_disk_refuses_is_noted_once_a_second(void **state)
{
	static const int codes[] = {ENOSPC, EDQUOT, EIO, EROFS};
	struct shared *s = *state;
	struct buf out = BUF_INIT;

	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < 4; i++)
			memory_refused(s->m, getuid(), 7, NULL, "memory/f", codes[i], NULL);
	assert_int_equal(lines_of_errors(s, &out), 4);
	assert_non_null(strstr(out.data, "\"errno\":\"ENOSPC\",\"reason\":\"the disk that"));
	assert_non_null(strstr(out.data, "\"errno\":\"EIO\""));
	world_pass(s->w, SECOND_US);
	memory_refused(s->m, getuid(), 7, NULL, "memory/f", ENOSPC, NULL);
	memory_refused(s->m, getuid(), 7, NULL, "memory/f", ENOENT, NULL);
	assert_int_equal(lines_of_errors(s, &out), 5);
	assert_non_null(strstr(out.data, "is full (and 2 times more since the line before)"));
	buf_release(&out);
}

static int swap_names(struct shared *s, int n)
{
	return rename_name(
		s, memory_root(s->m), n % 2 ? "g" : "f", memory_root(s->m), n % 2 ? "f" : "g", 0);
}

static void an_event_that_the_log_refused_is_told_when_it_takes_it(void **state)
{
	struct shared *s = *state;
	struct world *w = s->w;
	struct buf out = BUF_INIT;
	int done = 0;

	memory_close(s->m);
	s->m = NULL;
	world_close(w);
	if (geteuid() != 0 || mount("tmpfs", w->scratch.path, "tmpfs", 0, "size=48m,mode=0700") < 0)
		skip();
	w->mounted = true;
	w->config.messages = w->config.bytes = 0;
	world_open(w);
	saver_stop(w->loop->saver); /* it would move what is appended */
	w->loop->saver = NULL;
	assert_int_equal(memory_open(w->loop, &w->config, &s->m, &s->err), 0);
	write_file(s, "f", "x");
	world_fill(w, "hog");
	/* The journal has some room yet. */
	while (done < 500000 && refusals_of(w->loop->refusals, ENOSPC) == 0)
		assert_int_equal(swap_names(s, done++), 0);
	assert_int_equal(lines_of_errors(s, &out), 1);
	assert_non_null(strstr(out.data, "waits until it can be kept"));
	assert_int_equal(told(s, "memory.write", "\"from\":\"memory/"), done - 1);
	unlink(scratch_path(&w->scratch, "hog"));
	world_pass(w, SECOND_US);
	memory_tell_again(s->m);
	assert_int_equal(told(s, "memory.write", "\"from\":\"memory/"), done);
	memory_tell_again(s->m);
	assert_int_equal(told(s, "memory.write", "\"from\":\"memory/"), done);
	buf_release(&out);
}

/* Opens a file until that is refused, 100 times at most; how many are open. */
static size_t open_all(struct shared *s, struct memory_node *n, uid_t uid, struct memory_file **out)
{
	struct actor actor = {.uid = uid, .gid = getgid(), .kind = ACTOR_USER};
	size_t count = 0;
	int r = 0;

	s->err = (struct error){0};
	while (count < 100 && !(r = memory_file_open(n, O_RDONLY, &actor, &out[count], &s->err)))
		count++;
	assert_int_equal(r, -EMFILE);
	return count;
}

static void descriptors_are_left_for_others(void **state)
{
	struct shared *s = *state;
	struct rlimit was, few;
	struct memory_file *one[100], *other[100], *none = NULL;
	struct memory_node *n, *made = NULL;
	struct stat st;
	void *dir = NULL;
	size_t count;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = was;
	few.rlim_cur = 40;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	memory_fds_init(s->m);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	write_file(s, "a", "x");
	assert_int_equal(memory_find(memory_root(s->m), "a", &n, &st), 0);

	/* half of them for one user, also for what it makes or lists */
	assert_int_equal(open_all(s, n, getuid(), one), 20);
	assert_non_null(strstr(s->err.text, "this user has 20 files open"));
	assert_int_equal(memory_create(memory_root(s->m), "b", O_RDWR, 0644, &s->actor, &made, &st,
				 &none, &s->err),
		-EMFILE);
	assert_int_equal(memory_find(memory_root(s->m), "b", &made, &st), -ENOENT);
	uses(s, 4096, 1);
	assert_int_equal(memory_list(memory_root(s->m), getuid(), &dir, &s->err), -EMFILE);

	/* three quarters for all */
	assert_int_equal(memory_list(memory_root(s->m), getuid() + 1, &dir, &s->err), 0);
	count = open_all(s, n, getuid() + 1, other);
	assert_int_equal(count, 9);
	assert_non_null(strstr(s->err.text, "30 files are open"));
	memory_list_close(s->m, getuid() + 1, dir);
	assert_int_equal(memory_file_open(n, O_RDONLY, &s->actor, &none, &s->err), -EMFILE);

	/* and what is closed is free again */
	memory_file_close(one[--count]);
	assert_int_equal(memory_file_open(n, O_RDONLY, &s->actor, &one[count], &s->err), 0);
	for (count = 0; count < 20; count++)
		memory_file_close(one[count]);
	for (count = 0; count < 9; count++)
		memory_file_close(other[count]);
	assert_int_equal(open_all(s, n, getuid(), one), 20);
	for (count = 0; count < 20; count++)
		memory_file_close(one[count]);
	memory_unref(n, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(paths_follow_what_is_renamed),
		TEST(a_file_goes_by_any_of_its_names),
		TEST(paths_may_be_longer_than_one_call_takes),
		TEST(a_file_is_bounded),
		TEST(all_files_are_bounded_together),
		TEST(descriptors_are_left_for_others),
		TEST(content_that_changes_is_the_next_revision),
		TEST(what_was_removed_before_it_was_closed_is_not_told_again),
		TEST(who_opened_it_is_named_even_when_its_session_has_ended),
		TEST(reading_is_told_where_it_is_asked_for),
		TEST(what_was_open_when_the_daemon_was_killed_is_told),
		TEST(the_dirty_list_is_bounded),
		TEST(what_it_does_not_hold_is_refused),
		TEST(nobody_is_left_behind),
		TEST(below_a_quiet_directory_one_event_stands_for_many),
		TEST(what_goes_on_below_a_quiet_directory_is_told_now_and_then),
		TEST(what_goes_into_a_quiet_directory_or_out_is_told),
		TEST(a_quiet_directory_that_was_removed_is_told_of_by_that_alone),
		TEST(the_option_names_quiet_directories),
		TEST(quiet_events_that_wait_are_bounded),
		TEST(what_was_changed_and_not_told_when_it_was_killed_is_told_once),
		TEST(what_was_made_and_not_told_when_it_was_killed_is_told_once),
		TEST(a_change_that_a_kill_left_half_done_is_told_where_it_was_made),
		TEST(what_was_told_when_it_was_killed_is_not_told_again),
		TEST(quiet_changes_are_counted_on_after_a_kill),
		TEST(the_notes_are_bounded_and_may_be_anything),
		TEST(a_file_that_lost_the_name_it_was_known_by_is_still_there),
		TEST(two_names_of_one_file_are_not_renamed_to_each_other),
		TEST(what_the_disk_refuses_is_noted_once_a_second),
		TEST(an_event_that_the_log_refused_is_told_when_it_takes_it),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
