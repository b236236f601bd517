/* The shared memory: names, limits, revisions, and what is told. */
#include "core/memory/memory_private.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	act->command.done = act_over;
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
	assert_int_equal(memory_setxattr(n, "user.leitlfs.revision", "9", 1, 0), -EPERM);
	assert_int_equal(memory_setxattr(n, "security.capability", "9", 1, 0), -EOPNOTSUPP);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(paths_follow_what_is_renamed),
		TEST(a_file_goes_by_any_of_its_names),
		TEST(paths_may_be_longer_than_one_call_takes),
		TEST(a_file_is_bounded),
		TEST(all_files_are_bounded_together),
		TEST(content_that_changes_is_the_next_revision),
		TEST(what_was_removed_before_it_was_closed_is_not_told_again),
		TEST(who_opened_it_is_named_even_when_its_session_has_ended),
		TEST(reading_is_told_where_it_is_asked_for),
		TEST(what_was_open_when_the_daemon_was_killed_is_told),
		TEST(the_dirty_list_is_bounded),
		TEST(what_it_does_not_hold_is_refused),
		TEST(nobody_is_left_behind),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
