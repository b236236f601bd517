#include "core/context/folder.h"
#include "core/context/object.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define FILES_MAX  64
#define PATIENCE_S 30
#define NOBODY     65534

/* --- a sync that remembers what it was told */

struct file {
	char *path, *etag, *content; /* content: NULL until it was fetched */
	bool is_dir, seen;
};

struct sync {
	struct source_config config;
	uid_t uid;
	gid_t gid;
	bool stop;
	char *memory;
	struct objects *objects;
	uint64_t most;
	struct file files[FILES_MAX];
	size_t count;
	struct wanted wanted[FILES_MAX];
	int listings, fetched, removed, too_large, troubles;
	struct error trouble; /* the last */
	void (*before_reading)(struct sync *);
	const char *victim;
	int victims;
};

const struct source_config *sync_config(const struct sync *s)
{
	return &s->config;
}

uid_t sync_uid(const struct sync *s)
{
	return s->uid;
}

gid_t sync_gid(const struct sync *s)
{
	return s->gid;
}

bool sync_stopping(const struct sync *s)
{
	return s->stop;
}

const char *sync_memory(const struct sync *s)
{
	return s->memory;
}

int sync_set_memory(struct sync *s, const char *text)
{
	free(s->memory);
	s->memory = strdup(text);
	return 0;
}

static struct file *file_of(struct sync *s, const char *path)
{
	for (size_t i = 0; i < s->count; i++) {
		if (!strcmp(s->files[i].path, path))
			return &s->files[i];
	}
	return NULL;
}

static void remove_file(struct sync *s, struct file *f)
{
	free(f->path);
	free(f->etag);
	free(f->content);
	*f = s->files[--s->count];
}

static bool is_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len && (strncmp(path, dir, len) != 0 || path[len] != '/'))
		return false;
	return strchr(path + (len ? len + 1 : 0), '/') == NULL;
}

int sync_listing(struct sync *s, const char *dir, const struct member *m, size_t count,
	const struct wanted **wanted, size_t *wanted_count, struct error *err)
{
	size_t n = 0;

	(void)err;
	s->listings++;
	for (size_t i = 0; i < s->count; i++)
		s->files[i].seen = false;
	for (size_t i = 0; i < count; i++) {
		struct file *f = file_of(s, m[i].path);

		assert_true(is_in(m[i].path, dir));
		if (!f) {
			assert_true(s->count < FILES_MAX);
			f = &s->files[s->count++];
			*f = (struct file){.path = strdup(m[i].path), .is_dir = m[i].is_dir};
		}
		f->seen = true;
		if (m[i].is_dir || !f->etag || strcmp(f->etag, m[i].etag) != 0)
			s->wanted[n++] = (struct wanted){.path = f->path, .is_dir = m[i].is_dir};
	}
	for (size_t i = s->count; i-- > 0;) {
		if (is_in(s->files[i].path, dir) && !s->files[i].seen) {
			remove_file(s, &s->files[i]);
			s->removed++;
		}
	}
	/* removing moves files, not their paths */
	*wanted = s->wanted;
	*wanted_count = n;
	return 0;
}

int sync_begin_content(struct sync *s, struct object_writer **out, struct error *err)
{
	if (s->before_reading)
		s->before_reading(s);
	return object_begin(s->objects, s->most, out, err);
}

int sync_take(struct sync *s, const struct member *m, struct object_writer *w, struct error *err)
{
	struct file *f = file_of(s, m->path);
	struct object_id id;
	uint64_t size;
	size_t len;
	int rc = object_finish(w, &id, &size, err);

	assert_int_equal(rc, 0);
	assert_non_null(f);
	assert_int_equal(m->size, size);
	free(f->content);
	free(f->etag);
	assert_int_equal(object_load(s->objects, &id, size, 1 << 20, &f->content, &len), 0);
	object_release(s->objects, &id);
	f->content = realloc(f->content, len + 1);
	f->content[len] = '\0';
	f->etag = strdup(m->etag);
	s->fetched++;
	return 0;
}

int sync_too_large(struct sync *s, const struct member *m, struct error *err)
{
	(void)err;
	assert_true(m->size > (int64_t)s->most);
	s->too_large++;
	return 0;
}

void sync_trouble(struct sync *s, const char *path, const struct error *e)
{
	(void)path;
	s->troubles++;
	s->trouble = *e;
}

/* --- a folder */

struct world {
	struct scratch scratch;
	struct sync sync;
	char root[128];
};

static void put(const struct world *w, const char *name, const char *text)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", w->root, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void dir(const struct world *w, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", w->root, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static const char *at(struct world *w, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", w->root, name);
	return path;
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct error err;

	alarm(PATIENCE_S);
	scratch_init(&w->scratch);
	chmod(w->scratch.path, 0755);
	snprintf(w->root, sizeof(w->root), "%s/folder", w->scratch.path);
	assert_int_equal(mkdir(w->root, 0755), 0);
	source_config_init(&w->sync.config);
	w->sync.config.kind = SOURCE_FOLDER;
	w->sync.config.path = strdup(w->root);
	w->sync.uid = geteuid();
	w->sync.gid = getegid();
	w->sync.most = 1 << 20;
	assert_int_equal(
		objects_open(scratch_path(&w->scratch, "objects"), &w->sync.objects, &err), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	struct sync *s = &w->sync;

	while (s->count)
		remove_file(s, &s->files[0]);
	objects_close(s->objects);
	source_config_release(&s->config);
	free(s->memory);
	scratch_release(&w->scratch);
	free(w);
	alarm(0);
	return 0;
}

static int sync_code(struct world *w, struct error *err)
{
	struct sync *s = &w->sync;

	s->listings = s->fetched = s->removed = s->too_large = s->troubles = 0;
	*err = (struct error){0};
	return folder_runner.run(s, err);
}

static void sync_ok(struct world *w)
{
	struct error err;
	int rc = sync_code(w, &err);

	if (rc)
		fail_msg("%s", err.text);
}

static void refused(struct world *w, int code, const char *word)
{
	struct error err;
	size_t before = w->sync.count;

	assert_int_equal(sync_code(w, &err), -code);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, word))
		fail_msg("no '%s' in: %s", word, err.text);
	assert_int_equal(w->sync.count, before);
	assert_int_equal(w->sync.listings, 0);
}

static const char *content(struct world *w, const char *path)
{
	struct file *f = file_of(&w->sync, path);

	return f ? f->content : NULL;
}

static void set_path(struct world *w, const char *path)
{
	free(w->sync.config.path);
	w->sync.config.path = strdup(path);
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

/* --- tests */

static void files_are_read_whole(void **state)
{
	struct world *w = *state;

	put(w, "a.md", "alpha");
	dir(w, "sub");
	dir(w, "sub/deep");
	put(w, "sub/deep/é %#?'\".txt", "beta");
	put(w, "sub/empty", "");
	sync_ok(w);
	assert_string_equal(content(w, "a.md"), "alpha");
	assert_string_equal(content(w, "sub/deep/é %#?'\".txt"), "beta");
	assert_string_equal(content(w, "sub/empty"), "");
	assert_int_equal(w->sync.count, 5);
	assert_int_equal(w->sync.listings, 3);
	assert_int_equal(w->sync.troubles, 0);
}

static void set_times(struct world *w, const char *name, time_t t)
{
	const struct timespec times[2] = {{.tv_sec = t}, {.tv_sec = t}};

	assert_int_equal(utimensat(AT_FDCWD, at(w, name), times, 0), 0);
}

/* Until what was written counts as settled: its age is what is waited for. */
static void until_settled(void)
{
	usleep(60000);
}

static void only_what_changed_is_read(void **state)
{
	struct world *w = *state;

	put(w, "a", "one");
	put(w, "b", "two");
	set_times(w, "a", 1000000);
	until_settled();
	sync_ok(w);
	assert_int_equal(w->sync.fetched, 2);
	sync_ok(w);
	assert_int_equal(w->sync.fetched, 0);
	/* the same size, the same date */
	put(w, "a", "eno");
	set_times(w, "a", 1000000);
	until_settled();
	sync_ok(w);
	assert_int_equal(w->sync.fetched, 1);
	assert_string_equal(content(w, "a"), "eno");
}

static void a_fresh_file_is_read_once_more(void **state)
{
	struct world *w = *state;

	put(w, "a", "one");
	sync_ok(w);
	until_settled();
	sync_ok(w);
	assert_int_equal(w->sync.fetched, 1);
	sync_ok(w);
	assert_int_equal(w->sync.fetched, 0);
}

static void what_went_is_removed(void **state)
{
	struct world *w = *state;

	put(w, "a", "one");
	put(w, "b", "two");
	sync_ok(w);
	unlink(at(w, "a"));
	sync_ok(w);
	assert_null(content(w, "a"));
	assert_non_null(content(w, "b"));
}

static void links_and_special_files_are_left_out(void **state)
{
	struct world *w = *state;

	dir(w, "sub");
	put(w, "sub/file", "x");
	assert_int_equal(symlink("/etc/passwd", at(w, "link")), 0);
	assert_int_equal(symlink(".", at(w, "loop")), 0);
	assert_int_equal(symlink("/etc", at(w, "sub/dir")), 0);
	assert_int_equal(mkfifo(at(w, "fifo"), 0644), 0);
	sync_ok(w);
	assert_int_equal(w->sync.count, 2);
	assert_int_equal(w->sync.troubles, 0);
}

static void a_root_that_is_not_there_leaves_all(void **state)
{
	struct world *w = *state;
	char moved[160];

	put(w, "a", "one");
	sync_ok(w);
	snprintf(moved, sizeof(moved), "%s-moved", w->root);
	assert_int_equal(rename(w->root, moved), 0);
	refused(w, ENOENT, "No such file");
	int fd = creat(w->root, 0644);
	close(fd);
	refused(w, ENOTDIR, "Not a directory");
	unlink(w->root);
	assert_int_equal(symlink(moved, w->root), 0); /* a root may be one */
	sync_ok(w);
	assert_int_equal(w->sync.fetched + w->sync.removed, 1); /* fresh, at most */
	unlink(w->root);
	assert_int_equal(symlink(w->root, w->root), 0);
	refused(w, ELOOP, "symbolic");
	unlink(w->root);
	assert_int_equal(rename(moved, w->root), 0);
}

static void an_empty_root_of_another_disk_leaves_all(void **state)
{
	struct world *w = *state;

	put(w, "a", "one");
	sync_ok(w);
	unlink(at(w, "a"));
	sync_set_memory(&w->sync, "{\"device\":\"0:0\"}");
	struct error err;
	assert_int_equal(sync_code(w, &err), -ENODEV);
	assert_non_null(strstr(err.text, "mounted"));
	assert_non_null(content(w, "a"));
	/* one that holds something is taken */
	put(w, "b", "two");
	sync_ok(w);
	assert_null(content(w, "a"));
	/* where it is not known what it was on, an empty one tells nothing */
	char *known = w->sync.memory;
	w->sync.memory = NULL;
	rename(at(w, "b"), scratch_path(&w->scratch, "b"));
	sync_ok(w);
	assert_int_equal(w->sync.listings, 0);
	assert_null(w->sync.memory);
	/* emptied where it is: a deletion */
	w->sync.memory = known;
	sync_ok(w);
	assert_int_equal(w->sync.count, 0);
	sync_ok(w);
}

static void bad_names_are_told_of(void **state)
{
	struct world *w = *state;

	put(w, "good", "x");
	put(w,
		"b\xe4"
		"d",
		"y");
	sync_ok(w);
	assert_int_equal(w->sync.count, 1);
	assert_int_equal(w->sync.troubles, 1);
	assert_int_equal(w->sync.trouble.code, EILSEQ);
}

static void a_file_over_the_limit_is_not_read(void **state)
{
	struct world *w = *state;

	w->sync.most = 4;
	put(w, "a", "12345");
	put(w, "b", "1234");
	sync_ok(w);
	assert_int_equal(w->sync.too_large, 1);
	assert_int_equal(w->sync.fetched, 1);
	assert_int_equal(w->sync.troubles, 0);
}

static void append_to_victim(struct sync *s)
{
	int fd;

	if (!s->victims)
		return;
	s->victims--;
	fd = open(s->victim, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static void a_file_that_changes_is_read_again(void **state)
{
	struct world *w = *state;

	put(w, "a", "one");
	w->sync.victim = at(w, "a");
	w->sync.before_reading = append_to_victim;
	w->sync.victims = 1;
	sync_ok(w);
	assert_string_equal(content(w, "a"), "onex");
	assert_int_equal(w->sync.troubles, 0);
	w->sync.victims = 100;
	put(w, "a", "two");
	w->sync.victim = at(w, "a");
	sync_ok(w);
	assert_int_equal(w->sync.troubles, 1);
	assert_int_equal(w->sync.trouble.code, EBUSY);
	assert_string_equal(content(w, "a"), "onex"); /* never a part of it */
}

static void a_sync_that_is_to_stop_stops(void **state)
{
	struct world *w = *state;

	put(w, "a", "one");
	w->sync.stop = true;
	refused(w, ECANCELED, "stopped");
}

static void the_state_directory_is_not_synced(void **state)
{
	struct world *w = *state;

	dir(w, "state");
	put(w, "state/lock", "1");
	put(w, "state/leitl.db", "secret");
	put(w, "state/key", "secret");
	put(w, "lock", "mine");
	sync_ok(w);
	assert_string_equal(content(w, "lock"), "mine");
	assert_int_equal(w->sync.count, 2); /* it shows, and is empty */
	dir(w, "state/below");
	set_path(w, at(w, "state/below"));
	refused(w, ELOOP, "itself");
}

static void files_are_read_with_the_rights_of_the_uid(void **state)
{
	struct world *w = *state;
	gid_t before[64], after[64];
	int count;

	need_root();
	put(w, "open", "one");
	put(w, "closed", "two");
	chmod(at(w, "closed"), 0600);
	dir(w, "locked");
	put(w, "locked/inner", "three");
	sync_ok(w);
	assert_int_equal(w->sync.fetched, 3);
	put(w, "closed", "changed");
	chmod(at(w, "locked"), 0700);
	w->sync.uid = NOBODY;
	w->sync.gid = NOBODY;
	count = getgroups(64, before);
	sync_ok(w);
	assert_int_equal(w->sync.troubles, 2);
	assert_int_equal(w->sync.trouble.code, EACCES);
	assert_string_equal(content(w, "closed"), "two");
	assert_string_equal(content(w, "locked/inner"), "three");
	assert_int_equal(setfsuid((uid_t)-1), 0);
	assert_int_equal(setfsgid((gid_t)-1), 0);
	assert_int_equal(getgroups(64, after), count);
	assert_memory_equal(before, after, sizeof(before[0]) * (size_t)count);
	chmod(w->root, 0700);
	refused(w, EACCES, "Permission denied");
}

static void another_uid_is_refused_to_who_is_not_root(void **state)
{
	struct world *w = *state;

	if (geteuid() == 0)
		assert_int_equal(seteuid(NOBODY), 0);
	w->sync.uid = 1;
	refused(w, EPERM, "root");
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
}

static void mounts_are_not_entered(void **state)
{
	struct world *w = *state;

	need_root();
	dir(w, "mnt");
	if (mount("tmpfs", at(w, "mnt"), "tmpfs", 0, "size=1m") != 0)
		skip();
	put(w, "mnt/inner", "x");
	put(w, "outer", "y");
	sync_ok(w);
	umount2(at(w, "mnt"), MNT_DETACH);
	assert_non_null(content(w, "outer"));
	assert_null(file_of(&w->sync, "mnt/inner"));
	assert_int_equal(w->sync.troubles, 0);
}

/* A mount of our type whose daemon never answers: whoever asks it anything hangs. */
static void a_mount_of_leitlfs_is_not_asked(void **state)
{
	struct world *w = *state;
	char options[64];
	int fd;

	need_root();
	dir(w, "leitl");
	put(w, "file", "x");
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		skip();
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (mount("leitlfs", at(w, "leitl"), "fuse.leitlfs", 0, options) != 0) {
		close(fd);
		skip();
	}
	struct error err;
	int outside = sync_code(w, &err);
	set_path(w, at(w, "leitl"));
	int on = sync_code(w, &err);
	set_path(w, at(w, "leitl/context/files"));
	int below = sync_code(w, &err);
	close(fd); /* ends the connection */
	umount2(at(w, "leitl"), MNT_DETACH);
	assert_int_equal(outside, 0);
	assert_string_equal(content(w, "file"), "x");
	assert_int_equal(on, -ELOOP);
	assert_int_equal(below, -ELOOP);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(files_are_read_whole),
		TEST(only_what_changed_is_read),
		TEST(a_fresh_file_is_read_once_more),
		TEST(what_went_is_removed),
		TEST(links_and_special_files_are_left_out),
		TEST(a_root_that_is_not_there_leaves_all),
		TEST(an_empty_root_of_another_disk_leaves_all),
		TEST(bad_names_are_told_of),
		TEST(a_file_over_the_limit_is_not_read),
		TEST(a_file_that_changes_is_read_again),
		TEST(a_sync_that_is_to_stop_stops),
		TEST(the_state_directory_is_not_synced),
		TEST(files_are_read_with_the_rights_of_the_uid),
		TEST(another_uid_is_refused_to_who_is_not_root),
		TEST(mounts_are_not_entered),
		TEST(a_mount_of_leitlfs_is_not_asked),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
