#include "core/context/folder.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 60
#define WAIT_S     10
#define SOURCES    4
#define NOBODY     65534

struct world {
	struct scratch scratch;
	struct folder_watch *watch;
	struct source_config config;
	pthread_mutex_t lock;
	pthread_cond_t more;
	int changed[SOURCES];
	bool held; /* changed() does not return */
};

static void changed(void *arg, int64_t source)
{
	struct world *w = arg;

	pthread_mutex_lock(&w->lock);
	w->changed[source]++;
	pthread_cond_broadcast(&w->more);
	while (w->held)
		pthread_cond_wait(&w->more, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

static void hold(struct world *w, bool held)
{
	pthread_mutex_lock(&w->lock);
	w->held = held;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
}

static int changes(struct world *w, int source)
{
	pthread_mutex_lock(&w->lock);
	int n = w->changed[source];
	pthread_mutex_unlock(&w->lock);
	return n;
}

/* True once changed() was called for the source again; false after WAIT_S. */
static bool again(struct world *w, int source, int since)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&w->lock);
	while (w->changed[source] <= since && !rc)
		rc = pthread_cond_timedwait(&w->more, &w->lock, &until);
	bool more = w->changed[source] > since;
	pthread_mutex_unlock(&w->lock);
	return more;
}

static const char *at(struct world *w, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", w->scratch.path, name);
	return path;
}

static void make_dir(struct world *w, const char *name)
{
	assert_int_equal(mkdir(at(w, name), 0755), 0);
}

static void put(struct world *w, const char *name)
{
	int fd = open(at(w, name), O_WRONLY | O_CREAT | O_APPEND, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static void add_as(struct world *w, int source, const char *name, uid_t uid)
{
	free(w->config.path);
	w->config.path = strdup(at(w, name));
	assert_int_equal(folder_watch_add(w->watch, source, &w->config, uid, uid), 0);
}

static void add(struct world *w, int source, const char *name)
{
	int since = changes(w, source);

	add_as(w, source, name, geteuid());
	assert_true(again(w, source, since));
}

static int all_changes(struct world *w)
{
	int n = 0;

	for (int i = 0; i < SOURCES; i++)
		n += changes(w, i);
	return n;
}

/* Nothing is told for a while: what happened before is over. */
static void until_quiet(struct world *w, unsigned ms)
{
	int before;

	do {
		before = all_changes(w);
		usleep(1000 * ms);
	} while (all_changes(w) != before);
}

#define SHORT 200 /* ms: longer than after the last event of a burst */
#define LONG  600 /* longer than a burst may go untold */

/* What is done to the source is told, and was not told before. */
#define TOLD(w, source, act)                                                                       \
	do {                                                                                       \
		until_quiet(w, SHORT);                                                             \
		int since_ = changes(w, source);                                                   \
		act;                                                                               \
		assert_true(again(w, source, since_));                                             \
	} while (0)

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct error err;

	alarm(PATIENCE_S);
	scratch_init(&w->scratch);
	chmod(w->scratch.path, 0755);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	source_config_init(&w->config);
	w->config.kind = SOURCE_FOLDER;
	if (folder_watch_new(changed, w, &w->watch, &err))
		fail_msg("%s", err.text);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	folder_watch_free(w->watch);
	source_config_release(&w->config);
	scratch_release(&w->scratch);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->more);
	free(w);
	alarm(0);
	return 0;
}

static void edits_are_told_at_every_depth(void **state)
{
	struct world *w = *state;

	make_dir(w, "a");
	make_dir(w, "a/b");
	make_dir(w, "a/b/c");
	put(w, "a/b/c/file");
	add(w, 1, "a");
	assert_int_equal(folder_watch_status(w->watch, 1, NULL), 0);
	TOLD(w, 1, put(w, "a/top"));
	TOLD(w, 1, put(w, "a/b/c/file"));
	TOLD(w, 1, unlink(at(w, "a/b/c/file")));
	TOLD(w, 1, chmod(at(w, "a/top"), 0600));
}

static void new_directories_are_watched(void **state)
{
	struct world *w = *state;

	make_dir(w, "a");
	add(w, 1, "a");
	TOLD(w, 1, make_dir(w, "a/new"));
	TOLD(w, 1, {
		make_dir(w, "a/new/x");
		make_dir(w, "a/new/x/y");
	});
	TOLD(w, 1, put(w, "a/new/x/y/file"));
	/* gone, and made again by the same name */
	TOLD(w, 1, {
		unlink(at(w, "a/new/x/y/file"));
		rmdir(at(w, "a/new/x/y"));
		make_dir(w, "a/new/x/y");
	});
	TOLD(w, 1, put(w, "a/new/x/y/file"));
}

static void moved_directories_are_watched(void **state)
{
	struct world *w = *state;
	char from[512], to[512];

	make_dir(w, "a");
	make_dir(w, "b");
	make_dir(w, "a/d");
	make_dir(w, "a/d/e");
	make_dir(w, "out");
	make_dir(w, "out/f");
	add(w, 1, "a");
	add(w, 2, "b");
	snprintf(from, sizeof(from), "%s", at(w, "a/d"));
	snprintf(to, sizeof(to), "%s", at(w, "b/d"));
	TOLD(w, 2, rename(from, to));
	TOLD(w, 2, put(w, "b/d/e/file"));
	snprintf(from, sizeof(from), "%s", at(w, "out/f"));
	snprintf(to, sizeof(to), "%s", at(w, "a/f"));
	TOLD(w, 1, rename(from, to));
	TOLD(w, 1, put(w, "a/f/file"));
}

static void a_root_that_goes_and_comes_is_found(void **state)
{
	struct world *w = *state;
	struct error err;

	add(w, 1, "a");
	assert_int_equal(folder_watch_status(w->watch, 1, &err), -ENOENT);
	TOLD(w, 1, make_dir(w, "a"));
	assert_int_equal(folder_watch_status(w->watch, 1, &err), 0);
	TOLD(w, 1, put(w, "a/file"));
	TOLD(w, 1, {
		unlink(at(w, "a/file"));
		rmdir(at(w, "a"));
	});
	TOLD(w, 1, make_dir(w, "a"));
	TOLD(w, 1, put(w, "a/file"));
	assert_int_equal(folder_watch_status(w->watch, 1, &err), 0);
}

static void folders_may_be_within_each_other(void **state)
{
	struct world *w = *state;

	make_dir(w, "a");
	make_dir(w, "a/b");
	add(w, 1, "a");
	add(w, 2, "a/b");
	TOLD(w, 1, put(w, "a/b/x"));
	TOLD(w, 2, put(w, "a/b/y"));
	until_quiet(w, LONG);
	int inner = changes(w, 2);
	TOLD(w, 1, put(w, "a/z"));
	until_quiet(w, LONG);
	assert_int_equal(changes(w, 2), inner);
	folder_watch_remove(w->watch, 1);
	assert_int_equal(folder_watch_status(w->watch, 1, NULL), -ESRCH);
	TOLD(w, 2, put(w, "a/b/y"));
	until_quiet(w, LONG);
	int outer = changes(w, 1);
	TOLD(w, 2, put(w, "a/b/y"));
	assert_int_equal(changes(w, 1), outer);
}

static void what_is_excluded_is_not_told(void **state)
{
	struct world *w = *state;

	make_dir(w, "a");
	make_dir(w, "a/.git");
	w->config.exclude = calloc(3, sizeof(char *));
	w->config.exclude[0] = strdup(".git");
	w->config.exclude[1] = strdup("*.log");
	add(w, 1, "a");
	until_quiet(w, LONG);
	int before = changes(w, 1);
	put(w, "a/.git/index");
	put(w, "a/x.log");
	until_quiet(w, LONG);
	assert_int_equal(changes(w, 1), before);
	TOLD(w, 1, put(w, "a/x.md"));
}

static void a_burst_is_told_now_and_then(void **state)
{
	struct world *w = *state;

	make_dir(w, "a");
	add(w, 1, "a");
	until_quiet(w, LONG);
	int before = changes(w, 1);
	struct timespec began, now;
	clock_gettime(CLOCK_MONOTONIC, &began);
	do {
		put(w, "a/file");
		usleep(5000);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - began.tv_sec) * 1000 + (now.tv_nsec - began.tv_nsec) / 1000000 <
		 2000);
	int told = changes(w, 1) - before;
	assert_in_range(told, 2, 8);
}

static void a_folder_is_watched_with_the_rights_of_its_uid(void **state)
{
	struct world *w = *state;
	struct error err;

	if (geteuid() != 0)
		skip();
	make_dir(w, "a");
	make_dir(w, "a/closed");
	put(w, "a/closed/file");
	assert_int_equal(chmod(at(w, "a/closed"), 0700), 0);
	add_as(w, 1, "a", NOBODY);
	assert_true(again(w, 1, 0));
	assert_int_equal(folder_watch_status(w->watch, 1, &err), 0);
	until_quiet(w, LONG);
	int before = changes(w, 1);
	put(w, "a/closed/file");
	until_quiet(w, LONG);
	assert_int_equal(changes(w, 1), before);
	TOLD(w, 1, put(w, "a/file"));
	TOLD(w, 1, chmod(at(w, "a/closed"), 0755));
	TOLD(w, 1, put(w, "a/closed/file"));
	chmod(at(w, "a"), 0700);
	add_as(w, 2, "a", NOBODY);
	assert_true(again(w, 2, 0));
	assert_int_equal(folder_watch_status(w->watch, 2, &err), -EACCES);
}

/* More events than the kernel keeps, and after them one that matters. */
static void lost_events_lose_nothing(void **state)
{
	struct world *w = *state;
	char queue[16] = "";
	int fd = open("/proc/sys/fs/inotify/max_queued_events", O_RDONLY);

	if (fd < 0)
		skip();
	assert_true(read(fd, queue, sizeof(queue) - 1) > 0);
	close(fd);
	long events = strtol(queue, NULL, 10);
	if (events > 100000)
		skip();
	make_dir(w, "a");
	put(w, "a/x");
	put(w, "a/y");
	add(w, 1, "a");
	hold(w, true);
	TOLD(w, 1, put(w, "a/x"));
	for (long i = 0; i <= events; i++)
		assert_int_equal(chmod(at(w, i % 2 ? "a/x" : "a/y"), 0600), 0);
	make_dir(w, "a/new");
	TOLD(w, 1, hold(w, false));
	TOLD(w, 1, put(w, "a/new/file"));
}

/* In a user namespace of its own, which may have a limit of its own. 77: it may not. */
static int with_few_watches(struct world *w)
{
	struct error err = {0};
	int fd;

	if (unshare(CLONE_NEWUSER) != 0)
		return 77;
	fd = open("/proc/sys/user/max_inotify_watches", O_WRONLY);
	if (fd < 0 || write(fd, "8", 1) != 1)
		return 77;
	close(fd);
	if (folder_watch_new(changed, w, &w->watch, &err) != 0)
		return 1;
	w->config.path = strdup(at(w, "a"));
	if (folder_watch_add(w->watch, 1, &w->config, geteuid(), getegid()) != 0)
		return 2;
	if (!again(w, 1, 0))
		return 3;
	if (folder_watch_status(w->watch, 1, &err) != -ENOSPC ||
		!strstr(err.text, "max_user_watches"))
		return 4;
	int since = changes(w, 1);
	put(w, "a/file"); /* the root is watched */
	if (!again(w, 1, since))
		return 5;
	folder_watch_free(w->watch);
	return 0;
}

static void too_few_watches_are_told_of(void **state)
{
	struct world *w = *state;
	char name[32];
	int status = 0;

	make_dir(w, "a");
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "a/%d", i);
		make_dir(w, name);
	}
	folder_watch_free(w->watch);
	w->watch = NULL;
	pid_t pid = fork();
	if (pid == 0)
		_exit(with_few_watches(w));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void there_is_one_watch_in_a_process(void **state)
{
	struct world *w = *state;
	struct folder_watch *other;
	struct error err;

	assert_int_equal(folder_watch_new(changed, w, &other, &err), -EBUSY);
	folder_watch_free(w->watch);
	assert_int_equal(folder_watch_new(changed, w, &w->watch, &err), 0);
	make_dir(w, "a");
	add(w, 1, "a");
	TOLD(w, 1, put(w, "a/file"));
}

static void many_come_and_go(void **state)
{
	struct world *w = *state;
	char name[32];

	make_dir(w, "a");
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "a/%d", i);
		make_dir(w, name);
	}
	for (int i = 0; i < 50; i++) {
		add_as(w, i % SOURCES, "a", geteuid());
		if (i % 3 == 0)
			folder_watch_remove(w->watch, (i + 1) % SOURCES);
	}
	add(w, 1, "a");
	until_quiet(w, LONG);
	TOLD(w, 1, put(w, "a/299/file"));
	free(w->config.path);
	w->config.path = NULL;
	assert_int_equal(folder_watch_add(w->watch, 1, &w->config, 0, 0), -EINVAL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(edits_are_told_at_every_depth),
		TEST(new_directories_are_watched),
		TEST(moved_directories_are_watched),
		TEST(a_root_that_goes_and_comes_is_found),
		TEST(folders_may_be_within_each_other),
		TEST(what_is_excluded_is_not_told),
		TEST(a_burst_is_told_now_and_then),
		TEST(a_folder_is_watched_with_the_rights_of_its_uid),
		TEST(lost_events_lose_nothing),
		TEST(too_few_watches_are_told_of),
		TEST(there_is_one_watch_in_a_process),
		TEST(many_come_and_go),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
