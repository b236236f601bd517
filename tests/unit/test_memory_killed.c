/* The shared memory: what a kill leaves is told at the next start, once. */
#include "core/memory/memory_note.h"
#include "core/memory/memory_private.h"
#include "tests/unit/shared_memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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
	shared_write_file(s, "closed", "x");
	f = shared_create(s, memory_root(s->m), "open");
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
	shared_reopen(s);
	snprintf(who, sizeof(who), "\"session_id\":\"%s\"", cece->id);
	assert_int_equal(shared_told(s, "memory.write", "\"recovered\":true"), 1);
	assert_int_equal(
		shared_told(s, "memory.write",
			"\"data\":{\"path\":\"memory/open\",\"size\":3,\"recovered\":true}"),
		1);
	assert_int_equal(shared_told(s, "memory.write", who), 3);
	shared_reopen(s);
	assert_int_equal(shared_told(s, "memory.write", "\"recovered\":true"), 1);
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
	shared_write_file(s, "f", "x");
	assert_int_equal(shared_told(s, "memory.write", "memory/f"), 1);
}

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
	shared_create(s, memory_root(s->m), "c");
}

static void what_was_changed_and_not_told_when_it_was_killed_is_told_once(void **state)
{
	struct shared *s = *state;

	shared_write_file(s, "f", "x");
	killed(s, renames);
	shared_reopen(s);
	assert_int_equal(shared_told(s, "memory.write",
				 "\"data\":{\"path\":\"memory/g\",\"size\":1,\"revision\":1,"
				 "\"from\":\"memory/f\",\"recovered\":true}"),
		1);
	shared_write_file(s, "f", "x");
	killed(s, removes);
	shared_reopen(s);
	assert_int_equal(shared_told(s, "memory.delete",
				 "\"data\":{\"path\":\"memory/f\",\"revision\":1,"
				 "\"recovered\":true}"),
		1);
	killed(s, creates);
	shared_reopen(s);
	assert_int_equal(shared_told(s, "memory.write",
				 "\"data\":{\"path\":\"memory/c\",\"size\":0,\"recovered\":true}"),
		1);
	killed(s, removes); /* nothing is there */
	shared_reopen(s);
	shared_reopen(s);
	assert_int_equal(shared_told(s, "memory.write", "\"recovered\""), 2);
	assert_int_equal(shared_told(s, "memory.delete", "\"recovered\""), 1);
}

static void what_was_made_and_not_told_when_it_was_killed_is_told_once(void **state)
{
	struct shared *s = *state;

	killed(s, makes);
	shared_reopen(s);
	shared_reopen(s);
	assert_int_equal(shared_told(s, "memory.write",
				 "\"data\":{\"path\":\"memory/d\",\"kind\":\"directory\","
				 "\"recovered\":true}"),
		1);
	assert_int_equal(shared_told(s, "memory.write",
				 "\"data\":{\"path\":\"memory/s\",\"kind\":\"symlink\",\"target\":"
				 "\"to\",\"recovered\":true}"),
		1);
	assert_int_equal(shared_told(s, "memory.write", "memory/"), 2);
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

	shared_write_file(s, "a", "x");
	shared_write_file(s, "b", "x");
	for (int i = 0; i < 4; i++) {
		half.name = (const char *[]){"a", "b", "c", "d"}[i];
		half.makes = i >= 2;
		half.does = i % 2;
		killed(s, half_changes);
		shared_reopen(s);
		assert_int_equal(shared_told(s, half.makes ? "memory.write" : "memory.delete",
					 "\"recovered\":true"),
			half.does);
	}
	assert_int_equal(shared_told(s, "memory.delete", "\"path\":\"memory/b\""), 1);
	assert_int_equal(shared_told(s, "memory.write", "\"path\":\"memory/d\""), 1);
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

	shared_write_file(s, "f", "x");
	killed(s, removes_in_another_slot);
	/* It came to the log, and was killed before its note went. */
	memory_tell_now(s->m, &s->actor, &what, NULL);
	shared_reopen(s);
	assert_int_equal(shared_told(s, "memory.delete", "memory/f"), 1);
	assert_int_equal(shared_told(s, "memory.delete", "recovered"), 0);
	/* The same again is another one. */
	shared_write_file(s, "f", "x");
	killed(s, removes);
	shared_reopen(s);
	assert_int_equal(shared_told(s, "memory.delete", "memory/f"), 2);
	/* Nor is what was recovered and then killed. */
	shared_write_file(s, "f", "x");
	killed(s, removes_in_another_slot);
	what.recovered = true;
	memory_tell_now(s->m, &s->actor, &what, NULL);
	shared_reopen(s);
	assert_int_equal(shared_told(s, "memory.delete", "memory/f"), 3);
}

static void changes_quietly(struct shared *s)
{
	struct memory_node *git;
	struct stat st;

	memory_find(memory_root(s->m), ".git", &git, &st);
	for (int i = 0; i < 5; i++)
		memory_quiet_add(s->m, git, &s->actor);
	memory_write(shared_create(s, git, "open"), "x", 1, 0, &s->err);
}

static void quiet_changes_are_counted_on_after_a_kill(void **state)
{
	struct shared *s = *state;

	memory_unref(shared_make_dir(s, memory_root(s->m), ".git"), 1);
	killed(s, changes_quietly);
	shared_reopen(s);
	assert_int_equal(shared_told(s, "memory.write", "quiet"), 0);
	shared_tell_quiet(s);
	assert_int_equal(shared_told(s, "memory.write",
				 "\"data\":{\"path\":\"memory/.git\",\"kind\":\"directory\","
				 "\"quiet\":6,\"recovered\":true}"),
		1);
	shared_reopen(s);
	shared_tell_quiet(s);
	assert_int_equal(shared_told(s, "memory.write", "quiet"), 1);
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
	shared_write_file(s, "f", "x");
	assert_int_equal(shared_told(s, "memory.write", "memory/f"), 1);
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
	assert_int_equal(shared_told(s, "memory.write", "recovered"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shared_set_up, shared_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_open_when_the_daemon_was_killed_is_told),
		TEST(the_dirty_list_is_bounded),
		TEST(what_was_changed_and_not_told_when_it_was_killed_is_told_once),
		TEST(what_was_made_and_not_told_when_it_was_killed_is_told_once),
		TEST(a_change_that_a_kill_left_half_done_is_told_where_it_was_made),
		TEST(what_was_told_when_it_was_killed_is_not_told_again),
		TEST(quiet_changes_are_counted_on_after_a_kill),
		TEST(the_notes_are_bounded_and_may_be_anything),
	};

	return cmocka_run_group_tests_name("memory, killed", tests, NULL, NULL);
}
