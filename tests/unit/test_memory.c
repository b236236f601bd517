/* The shared memory: names, limits, revisions, and what is told. */
#include "core/memory/memory_private.h"
#include "core/state/refusal.h"
#include "core/state/saver.h"
#include "tests/unit/shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void paths_follow_what_is_renamed(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *a = shared_make_dir(s, root, "a"),
			   *b = shared_make_dir(s, a, "b"), *found;
	struct memory_file *f = shared_create(s, b, "f");
	struct stat st;

	shared_path_is(b, "f", "memory/a/b/f");
	shared_path_is(root, NULL, "memory");
	assert_int_equal(shared_rename_name(s, root, "a", root, "z", 0), 0);
	shared_path_is(memory_file_node(f), NULL, "memory/z/b/f");
	assert_int_equal(shared_rename_name(s, b, "f", root, "g", 0), 0);
	shared_path_is(memory_file_node(f), NULL, "memory/g");
	assert_int_equal(memory_find(root, "g", &found, &st), 0);
	assert_ptr_equal(found, memory_file_node(f));
	memory_unref(found, 1);
	assert_int_equal(shared_remove_name(s, root, "g", false), 0);
	shared_path_is(memory_file_node(f), NULL, "memory/g");
	assert_int_equal(memory_stat(memory_file_node(f), &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(memory_find(root, "g", &found, &st), -ENOENT);
	memory_file_close(f);
	assert_int_equal(shared_remove_name(s, a, "b", true), 0);
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

	shared_write_file(s, "one", "text");
	assert_int_equal(memory_find(root, "one", &n, &st), 0);
	assert_int_equal(memory_link(n, root, "two", &s->actor, &st, &act, &s->err), 0);
	memory_unref(n, 1);
	shared_submit(s, act);
	assert_int_equal(st.st_nlink, 2);
	shared_uses(s, 4096, 1);
	shared_path_is(n, NULL, "memory/one");
	assert_int_equal(shared_remove_name(s, root, "one", false), 0);
	shared_path_is(n, NULL, "memory/two");
	shared_uses(s, 4096, 1);
	memory_unref(n, 1);
	shared_reopen(s);
	shared_uses(s, 4096, 1);
	assert_int_equal(shared_remove_name(s, memory_root(s->m), "two", false), 0);
	shared_uses(s, 0, 0);
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
		at = dirs[i] = shared_make_dir(s, at, name);
	f = shared_create(s, at, "f");
	assert_int_equal(memory_stat(memory_file_node(f), &st), 0);
	memory_file_close(f);
	assert_int_equal(shared_remove_name(s, at, "f", false), 0);
	for (int i = 18; i >= 0; i--) {
		assert_int_equal(
			shared_remove_name(s, i ? dirs[i - 1] : memory_root(s->m), name, true), 0);
		memory_unref(dirs[i], 1);
	}
	shared_uses(s, 0, 0);
}

static void a_file_is_bounded(void **state)
{
	struct shared *s = *state;
	struct memory_file *f = shared_create(s, memory_root(s->m), "f");
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
	shared_uses(s, 64 << 10, 1);
	assert_int_equal(memory_truncate(memory_file_node(f), f, 1, &s->actor, &act, &s->err), 0);
	shared_uses(s, 4096, 1);
	/* Behind the end nothing is reserved, so nothing is counted. */
	assert_int_equal(memory_fallocate(f, FALLOC_FL_KEEP_SIZE, 0, 32 << 10, &s->err), 0);
	shared_uses(s, 4096, 1);
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
		f[i] = shared_create(s, memory_root(s->m), name);
		assert_int_equal(memory_write(f[i], data, 50000, 0, &s->err), i < 4    ? 50000
									      : i == 4 ? 49152
										       : -ENOSPC);
	}
	assert_non_null(strstr(s->err.text, "memory_total"));
	shared_uses(s, 4 * 53248 + 49152, 6);
	assert_int_equal(memory_statfs(s->m, &fs), 0);
	assert_int_equal(fs.f_blocks, 64);
	assert_int_equal(fs.f_bfree, 0);
	assert_int_equal(fs.f_ffree, 14);
	/* What is removed counts as long as it is open. */
	assert_int_equal(shared_remove_name(s, memory_root(s->m), "f0", false), 0);
	shared_uses(s, 4 * 53248 + 49152, 6);
	memory_file_close(f[0]);
	shared_uses(s, 3 * 53248 + 49152, 5);
	assert_int_equal(memory_write(f[5], data, 10, 0, &s->err), 10);
	for (int i = 1; i < 6; i++)
		memory_file_close(f[i]);
	/* Cut at open. */
	memory_file_close(shared_open_again(s, "f1", O_RDONLY | O_TRUNC));
	shared_uses(s, 2 * 53248 + 49152 + 4096, 5);
	shared_reopen(s);
	shared_uses(s, 2 * 53248 + 49152 + 4096, 5);
	for (int i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		memory_unref(shared_make_dir(s, memory_root(s->m), name), 1);
	}
	assert_int_equal(memory_make(memory_root(s->m), "x", S_IFREG | 0600, &s->actor, &n, &st,
				 &act, &s->err),
		-ENOSPC);
	assert_non_null(strstr(s->err.text, "memory_files"));
	assert_int_equal(
		memory_symlink(memory_root(s->m), "x", "y", &s->actor, &n, &st, &act, &s->err),
		-ENOSPC);
	/* A refusal for another reason takes nothing. */
	assert_int_equal(shared_remove_name(s, memory_root(s->m), "d0", true), 0);
	assert_int_equal(memory_make(memory_root(s->m), "d1", S_IFDIR | 0700, &s->actor, &n, &st,
				 &act, &s->err),
		-EEXIST);
	shared_uses(s, 2 * 53248 + 49152 + 4096, 19);
}

static void content_that_changes_is_the_next_revision(void **state)
{
	struct shared *s = *state;
	struct memory_file *f;

	shared_write_file(s, "f", "1");
	assert_int_equal(
		shared_told(s, "memory.write", "\"path\":\"memory/f\",\"size\":1,\"revision\":1}"),
		1);
	for (int i = 2; i <= 4; i++) {
		f = shared_open_again(s, "f", O_WRONLY);
		memory_write(f, "22", 2, 0, &s->err);
		memory_write(f, "33", 2, 0, &s->err);
		memory_file_close(f);
		shared_reopen(s);
	}
	assert_int_equal(shared_told(s, "memory.write", "\"size\":2,\"revision\":4}"), 1);
	memory_file_close(shared_open_again(s, "f", O_RDWR)); /* nothing was written */
	assert_int_equal(shared_told(s, "memory.write", "memory/f"), 4);
	shared_write_file(s, "new", "x");
	assert_int_equal(
		shared_rename_name(s, memory_root(s->m), "new", memory_root(s->m), "f", 0), 0);
	assert_int_equal(
		shared_told(s, "memory.write", "\"revision\":5,\"from\":\"memory/new\"}"), 1);
	assert_int_equal(shared_remove_name(s, memory_root(s->m), "f", false), 0);
	assert_int_equal(
		shared_told(s, "memory.delete", "\"path\":\"memory/f\",\"revision\":5}"), 1);
	shared_write_file(s, "f", "1");
	assert_int_equal(
		shared_told(s, "memory.write", "\"path\":\"memory/f\",\"size\":1,\"revision\":1}"),
		2);
}

static void what_was_removed_before_it_was_closed_is_not_told_again(void **state)
{
	struct shared *s = *state;
	struct memory_file *f = shared_create(s, memory_root(s->m), "f");

	memory_write(f, "x", 1, 0, &s->err);
	assert_int_equal(shared_remove_name(s, memory_root(s->m), "f", false), 0);
	memory_file_close(f);
	assert_int_equal(shared_told(s, "memory.write", "memory/f"), 0);
	assert_int_equal(shared_told(s, "memory.delete", "memory/f"), 1);
}

static void who_opened_it_is_named_even_when_its_session_has_ended(void **state)
{
	struct shared *s = *state;
	struct session *cece = world_register(s->w, getuid(), "Cece"),
		       *bob = world_register(s->w, getuid(), "Bob");
	struct memory_file *f, *g;
	char who[128];

	s->actor = world_actor(cece);
	f = shared_create(s, memory_root(s->m), "f");
	s->actor = world_actor(bob);
	g = shared_open_again(s, "f", O_RDWR);
	memory_write(g, "b", 1, 0, &s->err);
	memory_file_close(g);
	snprintf(who, sizeof(who), "\"writers\":[\"%s\"]", cece->id);
	assert_int_equal(shared_told(s, "memory.write", who), 1);
	assert_int_equal(world_end(s->w, cece), 0);
	memory_write(f, "c", 1, 1, &s->err);
	memory_file_close(f);
	snprintf(who, sizeof(who), "\"writers\":[\"%s\"]", bob->id);
	assert_int_equal(shared_told(s, "memory.write", who), 1);
	snprintf(who, sizeof(who), "\"session_id\":\"%s\",\"from\":\"Cece\"", cece->id);
	assert_int_equal(shared_told(s, "memory.write", who), 1);
}

static void reading_is_told_where_it_is_asked_for(void **state)
{
	struct shared *s = *state;
	struct memory_file *f;
	char data[8];

	shared_write_file(s, "f", "text");
	for (int i = 0; i < 2; i++) {
		f = shared_open_again(s, "f", O_RDONLY);
		assert_int_equal(memory_read(f, data, sizeof(data), 0), 4);
		memory_file_close(f);
		assert_int_equal(shared_told(s, "memory.read", "memory/f"), i);
		s->w->config.memory_reads = SWITCH_ON;
	}
	memory_file_close(shared_open_again(s, "f", O_RDONLY)); /* not read */
	assert_int_equal(shared_told(s, "memory.read", "memory/f"), 1);
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
	assert_int_equal(shared_remove_name(s, root, longer, false), -ENAMETOOLONG);
	assert_int_equal(shared_rename_name(s, root, "a", root, longer, 0), -ENAMETOOLONG);
	assert_int_equal(shared_rename_name(s, root, "a", root, "b", 4), -EINVAL);
	assert_int_equal(shared_rename_name(s, root, "a", root, "b", 0), -ENOENT);
	assert_int_equal(memory_chmod(root, NULL, 0700), -EPERM);
	assert_int_equal(memory_chown(root, NULL, 1, 1), -EPERM);
	shared_write_file(s, "f", "x");
	assert_int_equal(memory_find(root, "f", &n, &st), 0);
	assert_int_equal(memory_chmod(n, NULL, 06755), 0);
	memory_stat(n, &st);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(memory_setxattr(n, "user.leitlfs.revision", "9", 1, 0, &s->err), -EPERM);
	assert_int_equal(
		memory_setxattr(n, "security.capability", "9", 1, 0, &s->err), -EOPNOTSUPP);
	assert_int_equal(memory_find(n, "x", &n, &st), -ENOTDIR);
	memory_unref(n, 1);
	shared_uses(s, 4096, 1);
	assert_int_equal(shared_told(s, "memory.write", "memory."), 1);
}

static void nobody_is_left_behind(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *a = shared_make_dir(s, root, "a");
	struct memory_file *f = shared_create(s, a, "f");
	size_t nodes = 0;

	/* The file alone holds the directory that it is in. */
	memory_unref(a, 1);
	shared_path_is(memory_file_node(f), NULL, "memory/a/f");
	memory_file_close(f);
	for (size_t i = 0; i < MEMORY_BUCKETS; i++)
		for (struct memory_node *n = s->m->buckets[i]; n; n = n->next)
			nodes++;
	assert_int_equal(nodes, 0);
	/* And what is open when it ends is told. */
	f = shared_create(s, root, "last");
	memory_write(f, "x", 1, 0, &s->err);
	shared_reopen(s);
	assert_int_equal(shared_told(s, "memory.write", "memory/last"), 1);
}

/* --- names that are not known, and files that have several */

static void a_file_that_lost_the_name_it_was_known_by_is_still_there(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *n, *again;
	struct memory_file *f;
	struct act *act = NULL;
	struct stat st;

	shared_write_file(s, "one", "text");
	assert_int_equal(memory_find(root, "one", &n, &st), 0);
	assert_int_equal(memory_link(n, root, "two", &s->actor, &st, &act, &s->err), 0);
	shared_submit(s, act);
	memory_unref(n, 2);
	shared_reopen(s); /* nothing is known of "two" */
	root = memory_root(s->m);
	f = shared_open_again(s, "one", O_RDWR);
	n = memory_file_node(f);
	assert_int_equal(shared_remove_name(s, root, "one", false), 0);
	assert_int_equal(memory_stat(n, &st), 0);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(memory_chmod(n, NULL, 0600), 0);
	assert_int_equal(memory_link(n, root, "three", &s->actor, &st, &act, &s->err), 0);
	shared_submit(s, act);
	memory_unref(n, 1);
	assert_int_equal(shared_remove_name(s, root, "three", false), 0);
	assert_int_equal(memory_write(f, "longer", 6, 0, &s->err), 6);
	memory_ref(n);
	memory_file_close(f);
	assert_int_equal(memory_find(root, "two", &again, &st), 0);
	assert_ptr_equal(again, n);
	memory_unref(n, 1);
	assert_int_equal(shared_told(s, "memory.write", "\"path\":\"memory/two\",\"size\":6"), 1);
	shared_uses(s, 4096, 1);
	assert_int_equal(shared_remove_name(s, root, "two", false), 0);
	shared_uses(s, 0, 0);
	memory_unref(again, 1);
}

static void two_names_of_one_file_are_not_renamed_to_each_other(void **state)
{
	struct shared *s = *state;
	struct memory_node *root = memory_root(s->m), *n;
	struct act *act = NULL;
	struct stat st;

	shared_write_file(s, "one", "text");
	assert_int_equal(memory_find(root, "one", &n, &st), 0);
	assert_int_equal(memory_link(n, root, "two", &s->actor, &st, &act, &s->err), 0);
	shared_submit(s, act);
	memory_unref(n, 2);
	shared_reopen(s);
	root = memory_root(s->m);
	/* Of which neither is known. */
	assert_int_equal(shared_rename_name(s, root, "one", root, "two", 0), 0);
	assert_int_equal(shared_told(s, "memory.write", "\"from\":\"memory/"), 0);
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
	return shared_rename_name(
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
	shared_write_file(s, "f", "x");
	world_fill(w, "hog");
	/* The journal has some room yet. */
	while (done < 500000 && refusals_of(w->loop->refusals, ENOSPC) == 0)
		assert_int_equal(swap_names(s, done++), 0);
	assert_int_equal(lines_of_errors(s, &out), 1);
	assert_non_null(strstr(out.data, "waits until it can be kept"));
	assert_int_equal(shared_told(s, "memory.write", "\"from\":\"memory/"), done - 1);
	unlink(scratch_path(&w->scratch, "hog"));
	world_pass(w, SECOND_US);
	memory_tell_again(s->m);
	assert_int_equal(shared_told(s, "memory.write", "\"from\":\"memory/"), done);
	memory_tell_again(s->m);
	assert_int_equal(shared_told(s, "memory.write", "\"from\":\"memory/"), done);
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
	shared_write_file(s, "a", "x");
	assert_int_equal(memory_find(memory_root(s->m), "a", &n, &st), 0);

	/* half of them for one user, also for what it makes or lists */
	assert_int_equal(open_all(s, n, getuid(), one), 20);
	assert_non_null(strstr(s->err.text, "this user has 20 files open"));
	assert_int_equal(memory_create(memory_root(s->m), "b", O_RDWR, 0644, &s->actor, &made, &st,
				 &none, &s->err),
		-EMFILE);
	assert_int_equal(memory_find(memory_root(s->m), "b", &made, &st), -ENOENT);
	shared_uses(s, 4096, 1);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, shared_set_up, shared_tear_down)

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
		TEST(what_it_does_not_hold_is_refused),
		TEST(nobody_is_left_behind),
		TEST(a_file_that_lost_the_name_it_was_known_by_is_still_there),
		TEST(two_names_of_one_file_are_not_renamed_to_each_other),
		TEST(what_the_disk_refuses_is_noted_once_a_second),
		TEST(an_event_that_the_log_refused_is_told_when_it_takes_it),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
