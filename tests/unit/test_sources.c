/* Sources over their life: who may, when they are synced, what is kept of them and told. */
#include "core/context/sources_private.h"

#include "core/base/json.h"
#include "core/context/folder.h"
#include "core/state/parts.h"
#include "core/state/view.h"
#include "tests/unit/world.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define CANARY "canary-b52f07-password"

/* A server as the runner below finds it: what it does, and what it saw of us. */
static struct fake {
	pthread_mutex_t mutex;
	atomic_int runs, running, most; /* at once */
	atomic_int stopped;             /* runs that ended because they were to */
	atomic_bool fails, slow, partial, tells_password;
	atomic_llong retry_after_us;
	char content[64]; /* of a.md; none: there is no file */
	char etag[64];
	char memory[64], seen_memory[64], seen_url[256], seen_password[64];
} fake = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void pause_ms(long ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

/* What it saw last; good until the next call. */
static const char *seen(const char *what)
{
	static char copy[256];

	pthread_mutex_lock(&fake.mutex);
	snprintf(copy, sizeof(copy), "%s", what);
	pthread_mutex_unlock(&fake.mutex);
	return copy;
}

static void see(struct sync *sync)
{
	const struct source_config *c = sync_config(sync);
	const char *memory = sync_memory(sync);

	pthread_mutex_lock(&fake.mutex);
	snprintf(fake.seen_memory, sizeof(fake.seen_memory), "%s", memory ? memory : "(none)");
	snprintf(fake.seen_url, sizeof(fake.seen_url), "%s", c->url ? c->url : c->path);
	snprintf(fake.seen_password, sizeof(fake.seen_password), "%s",
		c->password ? c->password->text : "(none)");
	if (fake.memory[0] != '\0')
		sync_set_memory(sync, fake.memory);
	pthread_mutex_unlock(&fake.mutex);
}

static int fetch(struct sync *sync, const struct member *m, const char *content, struct error *err)
{
	struct object_writer *writer;
	int r = sync_begin_content(sync, &writer, err);

	if (r == 0)
		r = object_write(writer, content, strlen(content), err);
	return r != 0 ? r : sync_take(sync, m, writer, err);
}

static int run_files(struct sync *sync, struct error *err)
{
	char content[64], etag[64];
	const struct wanted *wanted;
	struct member m = {.path = "a.md", .etag = etag, .type = "text/markdown"};
	size_t count;
	int r;

	pthread_mutex_lock(&fake.mutex);
	memcpy(content, fake.content, sizeof(content));
	memcpy(etag, fake.etag, sizeof(etag));
	pthread_mutex_unlock(&fake.mutex);
	m.size = (int64_t)strlen(content);
	r = sync_listing(sync, "", &m, content[0] != '\0', &wanted, &count, err);
	return r == 0 && count == 1 ? fetch(sync, &m, content, err) : r;
}

static int fake_run(struct sync *sync, struct error *err)
{
	const int now = ++fake.running;
	int r = 0;

	if (now > fake.most)
		fake.most = now;
	see(sync);
	fake.runs++;
	while (fake.slow && !sync_stopping(sync))
		pause_ms(1);
	if (fake.retry_after_us != 0)
		sync_retry_after(sync, fake.retry_after_us);
	if (sync_stopping(sync)) {
		fake.stopped++;
		r = error_set(err, ECANCELED, "stopped");
	} else if (fake.tells_password) {
		r = error_set(
			err, EACCES, "401 for kim:%s: refused", sync_config(sync)->password->text);
	} else if (fake.fails) {
		r = error_set(err, ECONNREFUSED, "can't connect to the server");
	} else {
		r = run_files(sync, err);
	}
	if (r == 0 && fake.partial) {
		const struct error why = {.code = EACCES, .text = "b.md: 403"};

		sync_trouble(sync, "b.md", &why);
	}
	fake.running--;
	return r;
}

static const struct source_runner runner = {fake_run};

struct kit {
	struct world *world;
	struct catalog *catalog;
	struct secret *secret;
	struct sources *sources;
	struct sources_options options;
	struct error error;
	char log[4096];
	pthread_mutex_t log_mutex;
	const char *dirs[3];
	atomic_int changed, over;
};

static void log_line(void *arg, const char *line)
{
	struct kit *k = arg;
	size_t len;

	pthread_mutex_lock(&k->log_mutex);
	len = strlen(k->log);
	snprintf(k->log + len, sizeof(k->log) - len, "%s\n", line);
	pthread_mutex_unlock(&k->log_mutex);
}

static void on_changed(void *arg, struct source *s, const char *const *paths, size_t count)
{
	struct kit *k = arg;

	(void)s, (void)paths, (void)count;
	k->changed++;
}

static void on_over(void *arg, struct source *s)
{
	struct kit *k = arg;

	(void)s;
	k->over++;
}

static int has_secrets(void *arg, const struct source_row *row)
{
	*(bool *)arg |= row->secrets_len > 0;
	return 0;
}

static void kit_open(struct kit *k)
{
	struct scratch *scratch = &k->world->scratch;
	bool needed = false;

	assert_int_equal(
		catalog_open(scratch_path(scratch, "context"), NULL, &k->catalog, &k->error), 0);
	assert_int_equal(catalog_sources(k->catalog, has_secrets, &needed, &k->error), 0);
	if (secret_open(scratch->path, needed, &k->secret, &k->error) != 0 ||
		sources_open_with(k->world->loop, k->catalog, k->secret, &k->options, &k->sources,
			&k->error) != 0)
		fail_msg("%s", k->error.text);
	sources_watch(k->sources, on_changed, on_over, k);
}

static void kit_close(struct kit *k)
{
	sources_close(k->sources);
	secret_close(k->secret);
	catalog_close(k->catalog);
}

static void kit_reopen(struct kit *k)
{
	kit_close(k);
	kit_open(k);
}

static int setup(void **state)
{
	struct kit *k = calloc(1, sizeof(*k));

	assert_non_null(k);
	unsetenv("CREDENTIALS_DIRECTORY");
	world_setup((void **)&k->world);
	pthread_mutex_init(&k->log_mutex, NULL);
	k->dirs[0] = scratch_path(&k->world->scratch, "first");
	k->dirs[1] = scratch_path(&k->world->scratch, "second");
	k->options = (struct sources_options){
		.dirs = k->dirs,
		.webdav = &runner,
		.folder = &runner,
		.log = log_line,
		.log_arg = k,
	};
	fake.runs = fake.running = fake.most = fake.stopped = 0;
	fake.fails = fake.slow = fake.partial = fake.tells_password = false;
	fake.retry_after_us = 0;
	fake.memory[0] = '\0';
	snprintf(fake.content, sizeof(fake.content), "hello");
	snprintf(fake.etag, sizeof(fake.etag), "\"1\"");
	*state = k;
	kit_open(k);
	return 0;
}

static int teardown(void **state)
{
	struct kit *k = *state;

	fake.slow = false;
	kit_close(k);
	world_teardown((void **)&k->world);
	pthread_mutex_destroy(&k->log_mutex);
	free(k);
	return 0;
}

/* Until it is so; long before this gives up, something is broken. */
#define WAIT_MS 20000
#define until(condition)                                                                           \
	do {                                                                                       \
		int left_ = WAIT_MS;                                                               \
		while (!(condition) && left_-- > 0)                                                \
			pause_ms(1);                                                               \
		if (!(condition))                                                                  \
			fail_msg("never: %s", #condition);                                         \
	} while (0)

static void pass(struct kit *k, int64_t us)
{
	world_pass(k->world, us);
	sources_wake(k->sources);
}

static struct source *add(struct kit *k, const char *text)
{
	struct source *s = NULL;

	if (sources_add(k->sources, WORLD_UID, WORLD_UID, text, strlen(text), &s, &k->error) != 0)
		fail_msg("%s: %s", text, k->error.text);
	return s;
}

static int set(struct kit *k, struct source *s, const char *option, const char *text)
{
	return sources_set(
		k->sources, s, WORLD_UID, source_option(option), text, strlen(text), &k->error);
}

static uint64_t ask(struct kit *k, struct source *s)
{
	uint64_t ticket = 0;

	if (sources_sync(k->sources, s, WORLD_UID, &ticket, &k->error) != 0)
		fail_msg("%s", k->error.text);
	return ticket;
}

static bool is_over(struct kit *k, struct source *s, uint64_t ticket)
{
	struct buf out = BUF_INIT;
	bool over = sources_synced(k->sources, s, ticket, &out);

	assert_true(over == (out.len > 0));
	buf_release(&out);
	return over;
}

static bool is_idle(struct kit *k, struct source *s)
{
	bool idle;

	pthread_mutex_lock(&k->sources->mutex);
	idle = s->state->phase == PHASE_IDLE;
	pthread_mutex_unlock(&k->sources->mutex);
	return idle;
}

static void sync_now(struct kit *k, struct source *s)
{
	uint64_t ticket = ask(k, s);

	until(is_over(k, s, ticket));
	until(is_idle(k, s));
}

/* The text that fn adds; good until the next call. */
static const char *text_of(struct kit *k, struct source *s,
	void (*fn)(struct sources *, struct source *, struct buf *))
{
	static struct buf out;

	buf_reset(&out);
	fn(k->sources, s, &out);
	assert_int_equal(buf_error(&out), 0);
	return out.data;
}

static bool shows(struct kit *k, struct source *s, const char *part)
{
	return strstr(text_of(k, s, sources_status), part) != NULL;
}

static void assert_shows(struct kit *k, struct source *s, const char *part)
{
	if (!shows(k, s, part))
		fail_msg("no %s in %s", part, text_of(k, s, sources_status));
}

static int64_t due_in(struct kit *k, struct source *s)
{
	int64_t due;

	pthread_mutex_lock(&k->sources->mutex);
	due = s->state->due_us;
	pthread_mutex_unlock(&k->sources->mutex);
	return due == NEVER ? NEVER : due - loop_mono_us(k->world->loop);
}

static bool has_file(struct kit *k, const struct source *s, const char *path)
{
	struct entry e = {0};
	int r = catalog_find(k->catalog, s->id, path, &e);

	entry_release(&e);
	assert_true(r == 0 || r == -ENOENT);
	return r == 0;
}

static void a_source_is_synced_once_added(void **state)
{
	struct kit *k = *state;
	struct source *s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/docs\"}"), *found;
	struct json *json = NULL;
	const char *status;

	until(is_over(k, s, 1) && is_idle(k, s));
	assert_int_equal(fake.runs, 1);
	assert_string_equal(seen(fake.seen_url), "http://h/docs/");
	assert_true(has_file(k, s, "a.md"));
	until(k->changed > 0 && k->over == 1);
	assert_true(due_in(k, s) == 300 * SECOND_US);
	status = text_of(k, s, sources_status);
	assert_int_equal(json_parse(status, strlen(status), &json, NULL), 0);
	json_free(json);
	assert_shows(k, s, "{\"name\":\"docs\",\"state\":\"idle\",\"kind\":\"webdav\"");
	assert_shows(k, s, "\"url\":\"http://h/docs/\",\"shared\":false,\"interval_s\":300");
	assert_shows(k, s, "\"files\":1,");
	assert_shows(k, s, "\"last_error\":null");
	assert_non_null(strstr(text_of(k, s, sources_last),
		"{\"source\":\"docs\",\"status\":\"ok\",\"added\":1,\"changed\":0,\"removed\":0"));
	found = sources_find(k->sources, "docs", WORLD_UID);
	assert_ptr_equal(found, s);
	source_unref(found);
	pass(k, 300 * SECOND_US);
	until(is_over(k, s, 2));
	assert_non_null(strstr(text_of(k, s, sources_last), "\"added\":0,\"changed\":0"));
	source_unref(s);
}

static void who_may_add(void **state)
{
	static const char text[] = "{\"name\":\"docs\",\"url\":\"/srv/docs\"}";
	static const char own[] = "{\"name\":\"o\",\"url\":\"http://h/\",\"key\":\"/root/key\"}";
	struct kit *k = *state;
	struct source *s = NULL;

	assert_int_equal(
		sources_add(k->sources, OTHER_UID, OTHER_UID, text, strlen(text), &s, &k->error),
		-EACCES);
	assert_int_equal(
		sources_make(k->sources, OTHER_UID, OTHER_UID, "docs", &s, &k->error), -EACCES);
	k->options.any = true;
	kit_reopen(k);
	assert_int_equal(
		sources_add(k->sources, OTHER_UID, OTHER_UID, own, strlen(own), &s, &k->error),
		-EACCES);
	assert_int_equal(strncmp(k->error.text, "key: only the user", 18), 0);
	assert_int_equal(
		sources_add(k->sources, OTHER_UID, OTHER_UID, text, strlen(text), &s, &k->error),
		0);
	assert_int_equal(s->uid, OTHER_UID);
	assert_int_equal(
		sources_set(k->sources, s, OTHER_UID, source_option("local"), "yes", 3, &k->error),
		-EACCES);
	assert_int_equal(set(k, s, "interval", "10"), -EACCES);
	assert_int_equal(sources_remove(k->sources, s, WORLD_UID, &k->error), -EACCES);
	source_unref(s);
	s = add(k, own);
	source_unref(s);
}

static int count_one(void *arg, struct source *s)
{
	(void)s;
	++*(int *)arg;
	return 0;
}

static int names_of(void *arg, struct source *s)
{
	buf_addf(arg, "%s ", s->name);
	return 0;
}

static void a_source_is_its_users_unless_shared(void **state)
{
	struct kit *k = *state;
	struct source *s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}"), *found;
	struct buf names = BUF_INIT;
	int changed, count = 0;
	uint64_t ticket;

	until(is_over(k, s, 1));
	assert_null(sources_find(k->sources, "docs", OTHER_UID));
	assert_null(sources_find(k->sources, "docs", 0));
	assert_int_equal(sources_each(k->sources, OTHER_UID, count_one, &count), 0);
	assert_int_equal(count, 0);
	changed = k->changed;
	assert_int_equal(set(k, s, "shared", "yes"), 0);
	assert_true(k->changed > changed);
	found = sources_find(k->sources, "docs", OTHER_UID);
	assert_ptr_equal(found, s);
	assert_int_equal(sources_remove(k->sources, found, OTHER_UID, &k->error), -EACCES);
	assert_int_equal(sources_sync(k->sources, found, OTHER_UID, &ticket, &k->error), -EACCES);
	source_unref(found);
	source_unref(add(k, "{\"name\":\"b\",\"url\":\"http://h/b\"}"));
	source_unref(add(k, "{\"name\":\"e\",\"url\":\"http://h/e\",\"shared\":true}"));
	source_unref(add(k, "{\"name\":\"a\",\"url\":\"http://h/a\"}"));
	sources_each(k->sources, WORLD_UID, names_of, &names);
	assert_string_equal(names.data, "a b docs e ");
	buf_reset(&names);
	sources_each(k->sources, OTHER_UID, names_of, &names);
	assert_string_equal(names.data, "docs e ");
	assert_int_equal(set(k, s, "shared", "no"), 0);
	assert_null(sources_find(k->sources, "docs", OTHER_UID));
	buf_release(&names);
	source_unref(s);
}

static void names_are_taken_once(void **state)
{
	struct kit *k = *state;
	struct source *s = add(k, "http://h/docs"), *other = NULL;
	static const char text[] = "http://other/docs/";
	char name[32];
	int r = 0, n = 0;

	assert_string_equal(s->name, "docs");
	assert_int_equal(sources_add(k->sources, WORLD_UID, WORLD_UID, text, strlen(text), &other,
				 &k->error),
		-EEXIST);
	assert_int_equal(
		sources_make(k->sources, WORLD_UID, WORLD_UID, "docs", &other, &k->error), -EEXIST);
	assert_int_equal(
		sources_make(k->sources, WORLD_UID, WORLD_UID, "new", &other, &k->error), -EINVAL);
	assert_int_equal(
		sources_make(k->sources, WORLD_UID, WORLD_UID, "a/b", &other, &k->error), -EINVAL);
	assert_null(other);
	for (; r == 0; n++) {
		snprintf(name, sizeof(name), "n%d", n);
		r = sources_make(k->sources, WORLD_UID, WORLD_UID, name, &other, &k->error);
		if (r == 0)
			source_unref(other);
	}
	assert_int_equal(r, -EDQUOT);
	assert_int_equal(n, SOURCES_UID_MAX);
	source_unref(s);
}

static void a_failure_is_tried_again_later_and_later(void **state)
{
	struct kit *k = *state;
	struct source *s;
	int64_t us = 5 * SECOND_US;

	fake.fails = true;
	s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\",\"interval\":60}");
	for (uint64_t n = 1; n <= 8; n++) {
		until(is_over(k, s, n) && is_idle(k, s));
		assert_int_equal(fake.runs, (int)n);
		assert_in_range(due_in(k, s), us * 3 / 4, us);
		assert_shows(k, s, "\"state\":\"failed\"");
		assert_shows(k, s, "\"last_error\":\"can't connect to the server\"");
		assert_non_null(strstr(text_of(k, s, sources_last), "\"status\":\"failed\""));
		pass(k, us * 3 / 4 - 1);
		assert_true(due_in(k, s) > 0);
		pass(k, us / 4 + 1);
		us = us * 2 < 60 * SECOND_US ? us * 2 : 60 * SECOND_US;
	}
	until(is_over(k, s, 9) && is_idle(k, s));
	fake.fails = false;
	sync_now(k, s);
	assert_true(due_in(k, s) == 60 * SECOND_US);
	assert_shows(k, s, "\"state\":\"idle\"");
	fake.fails = true;
	sync_now(k, s);
	assert_in_range(due_in(k, s), 5 * SECOND_US * 3 / 4, 5 * SECOND_US);
	source_unref(s);
}

/* What is there stays, whatever goes wrong. */
static void a_failure_keeps_the_files(void **state)
{
	struct kit *k = *state;
	struct source *s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");

	sync_now(k, s);
	fake.fails = true;
	sync_now(k, s);
	assert_true(has_file(k, s, "a.md"));
	assert_shows(k, s, "\"files\":1,");
	assert_shows(k, s, "\"last_success\":\"2025-");
	source_unref(s);
}

static void a_sync_with_troubles_is_tried_sooner(void **state)
{
	struct kit *k = *state;
	struct source *s;

	fake.partial = true;
	s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");
	sync_now(k, s);
	assert_non_null(strstr(text_of(k, s, sources_last), "\"status\":\"partial\""));
	assert_non_null(strstr(text_of(k, s, sources_last), "\"failed\":1"));
	assert_shows(k, s, "\"state\":\"idle\"");
	assert_non_null(strstr(text_of(k, s, sources_status), "b.md"));
	assert_true(due_in(k, s) <= 10 * SECOND_US);
	source_unref(s);
}

static void a_server_is_left_alone_as_it_asks(void **state)
{
	struct kit *k = *state;
	struct source *s;
	uint64_t ticket;

	fake.fails = true;
	fake.retry_after_us = 1000 * SECOND_US;
	s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");
	until(is_over(k, s, 1) && is_idle(k, s));
	assert_in_range(due_in(k, s), 1000 * SECOND_US, 1100 * SECOND_US);
	ticket = ask(k, s); /* who asks is told, and the server is not */
	until(is_over(k, s, ticket) && is_idle(k, s));
	assert_int_equal(fake.runs, 1);
	assert_non_null(strstr(text_of(k, s, sources_last),
		"\"error\":\"the server asked to be left alone for another 1001 s\""));
	assert_in_range(due_in(k, s), 1000 * SECOND_US, 1100 * SECOND_US);
	fake.fails = false;
	fake.retry_after_us = 0;
	pass(k, 1100 * SECOND_US);
	until(fake.runs == 2 && is_idle(k, s));
	assert_true(due_in(k, s) == 300 * SECOND_US);
	source_unref(s);
}

static void interval_0_is_only_when_asked(void **state)
{
	struct kit *k = *state;
	struct source *s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\",\"interval\":0}");

	until(is_over(k, s, 1) && is_idle(k, s));
	assert_true(due_in(k, s) == NEVER);
	assert_shows(k, s, "\"next_sync\":null");
	fake.fails = true;
	sync_now(k, s);
	assert_true(due_in(k, s) == NEVER);
	fake.fails = false;
	assert_int_equal(set(k, s, "interval", "30s"), 0);
	sync_now(k, s);
	assert_true(due_in(k, s) == 30 * SECOND_US);
	assert_int_equal(set(k, s, "interval", "10s"), 0);
	assert_true(due_in(k, s) == 10 * SECOND_US);
	source_unref(s);
}

static void a_new_interval_counts_after_a_failure_too(void **state)
{
	struct kit *k = *state;
	struct source *s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\",\"interval\":0}");

	until(is_over(k, s, 1) && is_idle(k, s));
	fake.fails = true;
	sync_now(k, s);
	assert_int_equal(set(k, s, "interval", "30s"), 0);
	assert_true(due_in(k, s) == 5 * SECOND_US);
	assert_int_equal(set(k, s, "interval", "0"), 0);
	assert_true(due_in(k, s) == NEVER);
	source_unref(s);
}

static void a_new_interval_does_not_put_off_what_is_due(void **state)
{
	struct kit *k = *state;
	struct source *s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");

	until(is_over(k, s, 1) && is_idle(k, s));
	assert_int_equal(set(k, s, "username", "kim"), 0);
	assert_int_equal(set(k, s, "interval", "1h"), 0);
	assert_true(due_in(k, s) <= SECOND_US);
	source_unref(s);
}

/* One that runs may have read what changes now, so another follows it. */
static void a_ticket_is_of_a_sync_that_begins_later(void **state)
{
	struct kit *k = *state;
	struct source *s;
	uint64_t first, second;

	fake.slow = true;
	s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");
	until(fake.running == 1);
	assert_shows(k, s, "\"state\":\"running\"");
	assert_shows(k, s, "\"progress\":{");
	first = ask(k, s);
	second = ask(k, s); /* the same one */
	assert_true(first == 2 && second == 2);
	assert_false(is_over(k, s, 1));
	fake.slow = false;
	until(is_over(k, s, 2) && is_idle(k, s));
	assert_int_equal(fake.runs, 2);
	assert_true(is_over(k, s, 1));
	assert_false(is_over(k, s, 3));
	source_unref(s);
}

static void a_few_run_at_once(void **state)
{
	struct kit *k = *state;
	struct source *s[2 * SOURCES_AT_ONCE];
	char text[64];

	fake.slow = true;
	for (int i = 0; i < 2 * SOURCES_AT_ONCE; i++) {
		snprintf(text, sizeof(text), "http://h/s%d", i);
		s[i] = add(k, text);
	}
	until(fake.running == SOURCES_AT_ONCE);
	fake.slow = false;
	for (int i = 0; i < 2 * SOURCES_AT_ONCE; i++) {
		until(is_over(k, s[i], 1) && is_idle(k, s[i]));
		source_unref(s[i]);
	}
	assert_int_equal(fake.most, SOURCES_AT_ONCE);
}

static void servers_that_hang_hold_up_no_folder(void **state)
{
	struct kit *k = *state;
	struct source *s;
	char text[64];

	fake.slow = true;
	for (int i = 0; i < 2 * SOURCES_AT_ONCE; i++) {
		snprintf(text, sizeof(text), "http://h/s%d", i);
		source_unref(add(k, text));
	}
	until(fake.running == SOURCES_AT_ONCE);
	s = add(k, "/srv/docs");
	until(fake.running == SOURCES_AT_ONCE + 1);
	assert_string_equal(seen(fake.seen_url), "/srv/docs");
	source_unref(s);
}

static void the_end_stops_what_runs(void **state)
{
	struct kit *k = *state;
	struct source *s;

	fake.slow = true;
	s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");
	until(fake.running == 1);
	source_unref(s);
	kit_close(k);
	assert_int_equal(fake.stopped, 1);
	assert_int_equal(fake.running, 0);
	fake.slow = false;
	kit_open(k);
	s = sources_find(k->sources, "docs", WORLD_UID);
	until(is_over(k, s, 1)); /* and it was no failure */
	assert_non_null(strstr(text_of(k, s, sources_last), "\"status\":\"ok\""));
	source_unref(s);
}

static int count_rows(void *arg, const struct source_row *row)
{
	(void)row;
	++*(int *)arg;
	return 0;
}

static int rows(struct kit *k)
{
	int count = 0;

	assert_int_equal(catalog_sources(k->catalog, count_rows, &count, NULL), 0);
	return count;
}

static void removed_while_it_runs(void **state)
{
	struct kit *k = *state;
	struct source *s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}"), *again;
	uint64_t ticket;

	sync_now(k, s);
	fake.slow = true;
	ticket = ask(k, s);
	until(fake.running == 1);
	assert_int_equal(sources_remove(k->sources, s, WORLD_UID, &k->error), 0);
	assert_true(source_gone(s));
	assert_null(sources_find(k->sources, "docs", WORLD_UID));
	assert_true(is_over(k, s, ticket)); /* nobody waits for it any more */
	assert_non_null(strstr(text_of(k, s, sources_last), "\"status\":\"removed\""));
	assert_int_equal(sources_remove(k->sources, s, WORLD_UID, &k->error), -ENOENT);
	assert_int_equal(set(k, s, "interval", "10"), -ENOENT);
	assert_int_equal(sources_sync(k->sources, s, WORLD_UID, &ticket, &k->error), -ENOENT);
	again = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}"); /* its name is free */
	assert_true(again->id != s->id);
	until(fake.stopped == 1);
	until(rows(k) == 1);
	assert_false(has_file(k, s, "a.md"));
	fake.slow = false;
	until(is_over(k, again, 1));
	assert_true(has_file(k, again, "a.md"));
	source_unref(s);
	source_unref(again);
}

/* Buried, and then the power went. */
static void what_was_removed_does_not_come_back(void **state)
{
	struct kit *k = *state;
	struct source *s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");

	sync_now(k, s);
	pthread_mutex_lock(&k->sources->changing);
	assert_int_equal(sources_bury(k->sources, s, &k->error), 0);
	pthread_mutex_unlock(&k->sources->changing);
	source_unref(s);
	kit_reopen(k);
	assert_null(sources_find(k->sources, "docs", WORLD_UID));
	until(rows(k) == 0);
}

static void a_restart_keeps_everything(void **state)
{
	struct kit *k = *state;
	struct source *s;
	char before[1024];

	snprintf(fake.memory, sizeof(fake.memory), "token-%s", "1");
	s = add(k, "{\"name\":\"docs\",\"url\":\"http://kim@h/\",\"password\":\"" CANARY
		   "\",\"interval\":\"90s\",\"include\":[\"*.md\"]}");
	sync_now(k, s);
	snprintf(before, sizeof(before), "%s", text_of(k, s, sources_last));
	assert_string_equal(seen(fake.seen_password), CANARY);
	source_unref(s);
	kit_close(k);
	fake.slow = true;
	kit_open(k);
	s = sources_find(k->sources, "docs", WORLD_UID);
	assert_non_null(s);
	assert_string_equal(text_of(k, s, sources_last), before);
	assert_shows(k, s, "\"interval_s\":90");
	assert_shows(k, s, "\"last_success\":\"2025-");
	assert_true(has_file(k, s, "a.md"));
	until(fake.running == 1);
	assert_string_equal(seen(fake.seen_password), CANARY);
	assert_string_equal(seen(fake.seen_memory), "token-1");
	source_unref(s);
	fake.slow = false;
}

static void after_a_restart_not_all_begin_at_once(void **state)
{
	struct kit *k = *state;
	struct source *s;
	char text[64];

	for (int i = 0; i < 9; i++) {
		snprintf(text, sizeof(text), "http://h/s%d", i);
		s = add(k, text);
		until(is_over(k, s, 1));
		source_unref(s);
	}
	fake.runs = 0;
	kit_reopen(k);
	s = sources_find(k->sources, "s8", WORLD_UID);
	assert_true(due_in(k, s) == 8 * SECOND_US / 10);
	until(fake.runs == 1);
	pass(k, SECOND_US / 10);
	until(fake.runs == 2);
	pass(k, 7 * SECOND_US / 10);
	until(fake.runs == 9);
	source_unref(s);
}

/* Whether a file, or one in a directory of the scratch, holds it. */
static bool is_in_files(struct kit *k, const char *secret)
{
	char command[512];

	snprintf(command, sizeof(command), "grep -rqaF -e '%s' '%s'", secret,
		k->world->scratch.path);
	return system(command) == 0; /* NOLINT(cert-env33-c) */
}

static void secrets_are_nowhere_in_clear(void **state)
{
	struct kit *k = *state;
	struct buf out = BUF_INIT;
	struct source *s;

	fake.tells_password = true; /* a runner that quotes what it should not */
	s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/"
		   "\",\"username\":\"kim\",\"password\":\"" CANARY "\"}");
	sync_now(k, s);
	assert_string_equal(seen(fake.seen_password), CANARY);
	assert_non_null(strstr(text_of(k, s, sources_last), "401 for kim:***"));
	assert_null(strstr(text_of(k, s, sources_last), CANARY));
	assert_null(strstr(text_of(k, s, sources_status), CANARY));
	for (const struct source_option *o = source_options; o->name != NULL; o++) {
		sources_get(k->sources, s, o, &out);
		assert_null(strstr(out.data ? out.data : "", CANARY));
	}
	assert_int_equal(set(k, s, "token", CANARY " x"), -EINVAL);
	assert_null(strstr(k->error.text, CANARY));
	assert_int_equal(set(k, s, "token", CANARY "-token"), 0);
	assert_int_equal(set(k, s, "url", "http://kim:" CANARY "-url@h/x"), 0);
	assert_int_equal(set(k, s, "proxy", "http://kim:" CANARY "-proxy@h"), 0);
	assert_false(is_in_files(k, CANARY));
	source_unref(s);
	kit_close(k);
	assert_false(is_in_files(k, CANARY));
	assert_true(is_in_files(k, "http://h/x/")); /* it would have been found */
	kit_open(k);
	assert_null(strstr(k->log, CANARY));
	buf_release(&out);
}

static void secrets_of_another_key_are_not_used(void **state)
{
	struct kit *k = *state;
	const char *key = scratch_path(&k->world->scratch, "key");
	const char *aside = scratch_path(&k->world->scratch, "aside");
	struct source *s =
		add(k, "{\"name\":\"docs\",\"url\":\"http://h/\",\"password\":\"" CANARY "\"}");
	int runs, fd;

	sync_now(k, s);
	source_unref(s);
	kit_close(k);
	runs = fake.runs;
	assert_int_equal(rename(key, aside), 0);
	fd = open(key, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "0123456789abcdef0123456789abcdef", 32), 32);
	close(fd);
	kit_open(k);
	s = sources_find(k->sources, "docs", WORLD_UID);
	sync_now(k, s);
	assert_int_equal(fake.runs, runs); /* a server would see a user without a password */
	assert_shows(k, s, "the secrets of docs can't be opened");
	assert_int_equal(set(k, s, "interval", "60"), 0); /* keeps them as they are */
	source_unref(s);
	kit_close(k);
	assert_int_equal(rename(aside, key), 0);
	kit_open(k); /* the key is back */
	s = sources_find(k->sources, "docs", WORLD_UID);
	sync_now(k, s);
	assert_string_equal(seen(fake.seen_password), CANARY);
	source_unref(s);
	kit_close(k);
	fd = open(key, O_TRUNC | O_WRONLY);
	assert_int_equal(write(fd, "0123456789abcdef0123456789abcdef", 32), 32);
	close(fd);
	kit_open(k);
	s = sources_find(k->sources, "docs", WORLD_UID);
	assert_int_equal(set(k, s, "password", "another"), 0);
	sync_now(k, s);
	assert_string_equal(seen(fake.seen_password), "another");
	source_unref(s);
	kit_reopen(k);
	s = sources_find(k->sources, "docs", WORLD_UID);
	sync_now(k, s);
	assert_string_equal(seen(fake.seen_password), "another");
	source_unref(s);
}

static void values_one_after_the_other(void **state)
{
	struct kit *k = *state;
	struct source *s = NULL;
	uint64_t ticket;

	assert_int_equal(sources_make(k->sources, WORLD_UID, WORLD_UID, "docs", &s, &k->error), 0);
	assert_shows(k, s, "\"state\":\"no url\"");
	assert_int_equal(sources_sync(k->sources, s, WORLD_UID, &ticket, &k->error), -EINVAL);
	assert_int_equal(set(k, s, "username", "kim"), 0);
	assert_true(due_in(k, s) == NEVER);
	assert_int_equal(set(k, s, "url", "http://h/"), 0);
	assert_int_equal(set(k, s, "password", CANARY), 0);
	assert_int_equal(fake.runs, 0); /* the clock stands: it waits for what else may come */
	assert_true(due_in(k, s) > 0);
	pass(k, SECOND_US);
	until(is_over(k, s, 1));
	assert_string_equal(seen(fake.seen_password), CANARY);
	assert_int_equal(set(k, s, "interval", "no"), -EINVAL);
	assert_int_equal(strncmp(k->error.text, "interval: ", 10), 0);
	source_unref(s);
}

static void what_runs_with_old_values_begins_anew(void **state)
{
	struct kit *k = *state;
	struct source *s;
	uint64_t ticket;

	fake.slow = true;
	s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");
	until(fake.running == 1);
	ticket = ask(k, s);
	assert_int_equal(set(k, s, "password", CANARY), 0);
	until(fake.stopped == 1 && is_idle(k, s));
	assert_false(is_over(k, s, 1)); /* that was none */
	fake.slow = false;
	pass(k, SECOND_US);
	until(is_over(k, s, ticket) && is_idle(k, s));
	assert_string_equal(seen(fake.seen_password), CANARY);
	assert_int_equal(set(k, s, "password", CANARY "\n"), 0); /* is the same */
	assert_true(due_in(k, s) > SECOND_US);
	source_unref(s);
}

static void another_place_begins_with_nothing(void **state)
{
	struct kit *k = *state;
	struct source *s;

	snprintf(fake.memory, sizeof(fake.memory), "here");
	s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");
	sync_now(k, s);
	assert_true(has_file(k, s, "a.md"));
	assert_int_equal(set(k, s, "url", "http://H:80"), 0); /* the same */
	assert_true(due_in(k, s) > SECOND_US);
	fake.fails = true;
	assert_int_equal(set(k, s, "url", "http://other/"), 0);
	pass(k, SECOND_US);
	until(shows(k, s, "can't connect") && is_idle(k, s));
	assert_string_equal(seen(fake.seen_url), "http://other/");
	assert_string_equal(seen(fake.seen_memory), "(none)");
	assert_false(has_file(k, s, "a.md")); /* it is not of there */
	fake.fails = false;
	sync_now(k, s);
	assert_true(has_file(k, s, "a.md"));
	assert_int_equal(set(k, s, "url", "-"), 0);
	assert_shows(k, s, "\"state\":\"no url\"");
	pass(k, SECOND_US);
	until(!has_file(k, s, "a.md") && is_idle(k, s));
	assert_true(due_in(k, s) == NEVER);
	source_unref(s);
}

/* The power goes between a change of place and the sync that follows. */
static void another_place_is_not_forgotten(void **state)
{
	struct kit *k = *state;
	struct source *s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");

	sync_now(k, s);
	assert_int_equal(set(k, s, "url", "http://other/"), 0);
	source_unref(s);
	fake.fails = true;
	kit_reopen(k);
	s = sources_find(k->sources, "docs", WORLD_UID);
	until(is_over(k, s, 1));
	assert_string_equal(seen(fake.seen_url), "http://other/");
	assert_false(has_file(k, s, "a.md"));
	source_unref(s);
}

static void other_patterns_look_at_everything(void **state)
{
	struct kit *k = *state;
	struct source *s;

	snprintf(fake.memory, sizeof(fake.memory), "known");
	s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");
	sync_now(k, s);
	sync_now(k, s);
	assert_string_equal(seen(fake.seen_memory), "known");
	assert_int_equal(set(k, s, "exclude", "*.md"), 0);
	pass(k, SECOND_US);
	until(!has_file(k, s, "a.md"));
	assert_string_equal(seen(fake.seen_memory), "(none)");
	source_unref(s);
}

static const char *told(struct kit *k, struct buf *out)
{
	return world_lines(k->world, out, CHANNEL_TYPE, "context.updated");
}

static int lines(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void the_log_is_told_without_what_is_not_shared(void **state)
{
	struct kit *k = *state;
	struct buf out = BUF_INIT;
	struct source *s = add(k, "{\"name\":\"secret-docs\",\"url\":\"http://h/\"}");

	until(lines(told(k, &out)) == 1);
	assert_non_null(
		strstr(out.data, "\"event_type\":\"context.updated\",\"session_id\":null,"));
	assert_non_null(strstr(out.data, "\"data\":{\"added\":1,\"changed\":0,\"removed\":0}}\n"));
	assert_null(strstr(out.data, "secret-docs"));
	assert_null(strstr(out.data, "a.md"));
	assert_int_equal(set(k, s, "shared", "yes"), 0);
	pthread_mutex_lock(&fake.mutex);
	snprintf(fake.content, sizeof(fake.content), "another");
	snprintf(fake.etag, sizeof(fake.etag), "\"2\"");
	pthread_mutex_unlock(&fake.mutex);
	sync_now(k, s);
	assert_int_equal(lines(told(k, &out)), 1); /* one a second */
	pass(k, SECOND_US);
	until(lines(told(k, &out)) == 2);
	assert_non_null(
		strstr(out.data, "\"data\":{\"source\":\"secret-docs\",\"added\":0,\"changed\":1,"
				 "\"removed\":0,\"paths\":[\"a.md\"]}}\n"));
	sync_now(k, s); /* nothing has changed */
	pass(k, SECOND_US);
	sync_now(k, s);
	assert_int_equal(lines(told(k, &out)), 2);
	assert_string_equal(world_lines(k->world, &out, CHANNEL_BROADCAST, ""), "");
	source_unref(s);
	buf_release(&out);
}

static void nobody_else_reads_the_log(void **state)
{
	struct kit *k = *state;
	struct buf out = BUF_INIT;
	struct source *s;

	k->options.alone = true;
	kit_reopen(k);
	s = add(k, "{\"name\":\"docs\",\"url\":\"http://h/\"}");
	until(lines(told(k, &out)) == 1);
	assert_non_null(strstr(out.data, "\"source\":\"docs\",\"added\":1"));
	assert_int_equal(sources_remove(k->sources, s, WORLD_UID, &k->error), 0);
	until(lines(told(k, &out)) == 2);
	assert_non_null(strstr(out.data, "\"removed\":1"));
	source_unref(s);
	buf_release(&out);
}

static void write_file(struct kit *k, const char *name, const char *text)
{
	const char *path = scratch_path(&k->world->scratch, name);
	const char *made = scratch_path(&k->world->scratch, "made");
	int fd = open(made, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	assert_int_equal(rename(made, path), 0);
}

static void make_dir(struct kit *k, const char *name)
{
	assert_int_equal(mkdir(scratch_path(&k->world->scratch, name), 0700), 0);
}

static struct source *find(struct kit *k, const char *name)
{
	return sources_find(k->sources, name, WORLD_UID);
}

static bool is_there(struct kit *k, const char *name)
{
	struct source *s = find(k, name);

	source_unref(s);
	return s != NULL;
}

static bool is_logged(struct kit *k, const char *part)
{
	bool found;

	pthread_mutex_lock(&k->log_mutex);
	found = strstr(k->log, part) != NULL;
	pthread_mutex_unlock(&k->log_mutex);
	return found;
}

static void a_file_makes_a_source(void **state)
{
	struct kit *k = *state;
	struct source *s;

	kit_close(k);
	make_dir(k, "first");
	write_file(k, "first/docs.json",
		"{\"url\":\"http://kim@h/\",\"password\":\"" CANARY "\",\"interval\":60}\n");
	write_file(k, "first/notes.txt", "http://h/");
	kit_open(k);
	s = find(k, "docs");
	assert_non_null(s);
	assert_true(s->fixed);
	assert_false(is_there(k, "notes"));
	until(is_over(k, s, 1));
	assert_string_equal(seen(fake.seen_password), CANARY);
	assert_shows(k, s, "first/docs.json\"");
	assert_int_equal(set(k, s, "interval", "10"), -EROFS);
	assert_int_equal(sources_remove(k->sources, s, WORLD_UID, &k->error), -EROFS);
	assert_non_null(strstr(k->error.text, "first/docs.json"));
	sync_now(k, s); /* that may be asked for */
	/* It is taken up again when it changes, and without being told. */
	write_file(k, "first/docs.json", "{\"url\":\"http://h/\",\"interval\":20}");
	until(shows(k, s, "\"interval_s\":20"));
	pass(k, SECOND_US);
	until(strcmp(seen(fake.seen_password), "(none)") == 0);
	assert_true(has_file(k, s, "a.md"));
	write_file(k, "first/more.json", "{\"url\":\"http://h/more\"}");
	until(is_there(k, "more"));
	assert_int_equal(unlink(scratch_path(&k->world->scratch, "first/docs.json")), 0);
	until(!is_there(k, "docs"));
	assert_true(source_gone(s));
	source_unref(s);
}

static void a_broken_file_keeps_the_last_good_source(void **state)
{
	struct kit *k = *state;
	struct source *s;

	kit_close(k);
	make_dir(k, "first");
	write_file(k, "first/docs.json", "{\"url\":\"http://h/\",\"interval\":60}");
	kit_open(k);
	s = find(k, "docs");
	until(is_over(k, s, 1));
	write_file(k, "first/docs.json", "{\"url\":\"http://h/\",\"password\":\"" CANARY "\",");
	until(is_logged(k, "first/docs.json: bad JSON"));
	assert_true(is_logged(k, "the source stays as it was"));
	until(shows(k, s, "\"file_error\":\"bad JSON"));
	assert_shows(k, s, "\"interval_s\":60");
	assert_false(is_logged(k, CANARY));
	source_unref(s);
	kit_reopen(k); /* a restart does not lose it either */
	s = find(k, "docs");
	assert_non_null(s);
	assert_shows(k, s, "\"interval_s\":60");
	write_file(k, "first/docs.json", "{\"url\":\"http://h/\",\"interval\":30}");
	until(shows(k, s, "\"interval_s\":30") && !shows(k, s, "file_error"));
	source_unref(s);
	kit_close(k);
	assert_int_equal(unlink(scratch_path(&k->world->scratch, "first/docs.json")), 0);
	kit_open(k); /* what went while nobody looked */
	assert_false(is_there(k, "docs"));
}

static void bad_files_are_refused(void **state)
{
	struct kit *k = *state;

	kit_close(k);
	make_dir(k, "first");
	write_file(k, "first/open.json", "{\"url\":\"http://h/\"}");
	assert_int_equal(chmod(scratch_path(&k->world->scratch, "first/open.json"), 0622), 0);
	write_file(k, "first/named.json", "{\"name\":\"other\",\"url\":\"http://h/\"}");
	write_file(k, "first/new.json", "{\"url\":\"http://h/\"}");
	assert_int_equal(
		symlink("/dev/zero", scratch_path(&k->world->scratch, "first/zero.json")), 0);
	assert_int_equal(mkfifo(scratch_path(&k->world->scratch, "first/pipe.json"), 0600), 0);
	kit_open(k);
	assert_true(is_logged(k, "open.json: it must be root's or one's own"));
	assert_true(is_logged(k, "named.json: name: must be named, as the file's"));
	assert_true(is_logged(k, "new.json: its name can't be a source's"));
	assert_true(is_logged(k, "zero.json: it must be a regular file"));
	assert_true(is_logged(k, "pipe.json: it must be a regular file"));
	assert_false(is_there(k, "open") || is_there(k, "named") || is_there(k, "other"));
	k->log[0] = '\0';
	source_files_look(k->sources); /* it is told once */
	assert_string_equal(k->log, "");
}

static void the_first_directory_wins(void **state)
{
	struct kit *k = *state;
	struct source *s;

	kit_close(k);
	make_dir(k, "first");
	make_dir(k, "second");
	write_file(k, "first/docs.json", "{\"url\":\"http://first/\"}");
	write_file(k, "second/docs.json", "{\"url\":\"http://second/\"}");
	write_file(k, "second/mine.json", "{\"url\":\"http://mine/\"}");
	kit_open(k);
	s = find(k, "docs");
	assert_true(is_there(k, "mine"));
	assert_shows(k, s, "\"url\":\"http://first/\"");
	assert_int_equal(unlink(scratch_path(&k->world->scratch, "first/docs.json")), 0);
	until(shows(k, s, "\"url\":\"http://second/\""));
	assert_shows(k, s, "second/docs.json");
	source_unref(s);
}

static void an_unread_directory_removes_nothing(void **state)
{
	struct kit *k = *state;

	kit_close(k);
	make_dir(k, "first");
	write_file(k, "first/docs.json", "{\"url\":\"http://h/\"}");
	kit_open(k);
	assert_true(is_there(k, "docs"));
	kit_close(k);
	assert_int_equal(rename(scratch_path(&k->world->scratch, "first"),
				 scratch_path(&k->world->scratch, "aside")),
		0);
	write_file(k, "first", "no directory");
	kit_open(k);
	assert_true(is_there(k, "docs"));
	assert_int_equal(unlink(scratch_path(&k->world->scratch, "first")), 0);
	source_files_look(k->sources);
	assert_false(is_there(k, "docs"));
}

static void a_file_does_not_take_a_name(void **state)
{
	struct kit *k = *state;
	struct source *s = add(k, "{\"name\":\"docs\",\"url\":\"http://mine/\"}");

	kit_close(k);
	source_unref(s);
	make_dir(k, "first");
	write_file(k, "first/docs.json", "{\"url\":\"http://h/\"}");
	kit_open(k);
	assert_true(is_logged(k, "there is a source docs already"));
	s = find(k, "docs");
	assert_false(s->fixed);
	assert_int_equal(sources_remove(k->sources, s, WORLD_UID, &k->error), 0);
	source_unref(s);
	source_files_look(k->sources);
	s = find(k, "docs"); /* it is free now */
	assert_true(s->fixed);
	source_unref(s);
}

static void a_folder_is_read_and_watched(void **state)
{
	struct kit *k = *state;
	struct scratch folder;
	struct buf text = BUF_INIT;
	struct source *s = NULL;
	FILE *file;

	kit_close(k);
	k->options.folder = &folder_runner;
	k->options.watch = true;
	k->options.any = true; /* with the rights that the test has */
	kit_open(k);
	scratch_init(&folder);
	file = fopen(scratch_path(&folder, "a.md"), "w");
	assert_non_null(file);
	fclose(file);
	buf_addf(&text, "{\"name\":\"docs\",\"url\":\"%s\",\"interval\":0}", folder.path);
	assert_int_equal(
		sources_add(k->sources, geteuid(), getegid(), text.data, text.len, &s, &k->error),
		0);
	until(has_file(k, s, "a.md"));
	until(shows(k, s, "\"watched\":true"));
	until(is_idle(k, s));
	file = fopen(scratch_path(&folder, "b.md"), "w");
	assert_non_null(file);
	fclose(file);
	until(has_file(k, s, "b.md")); /* nobody asked, and the clock stands */
	source_unref(s);
	scratch_release(&folder);
	buf_release(&text);
}

/* It would find what it wrote itself, for ever. */
static void the_state_directory_is_no_source(void **state)
{
	struct kit *k = *state;
	const char *path = k->world->scratch.path;
	struct source_config c, copy;
	struct source *s = NULL;

	assert_int_equal(
		sources_add(k->sources, WORLD_UID, WORLD_UID, path, strlen(path), &s, &k->error),
		-EINVAL);
	path = scratch_path(&k->world->scratch, "context/objects");
	assert_int_equal(
		sources_add(k->sources, WORLD_UID, WORLD_UID, path, strlen(path), &s, &k->error),
		-EINVAL);
	assert_non_null(strstr(k->error.text, "where leitlfs keeps"));
	source_config_init(&c);
	assert_int_equal(source_set(&c, source_option("url"), "/tmp", 4, NULL), 0);
	assert_int_equal(sources_copy_config(k->sources, &copy, &c), 0);
	assert_false(source_wants(&copy, strrchr(k->world->scratch.path, '/') + 1, true));
	assert_true(source_wants(&copy, "another", true));
	source_config_release(&copy);
	source_config_release(&c);
}

#define RACE 60

static void *changes(void *arg)
{
	struct kit *k = arg;
	struct buf out = BUF_INIT;
	struct error err;
	uint64_t ticket;

	for (int i = 0; i < RACE; i++) {
		struct source *s = NULL;
		static const char text[] = "{\"name\":\"race\",\"url\":\"http://h/race\"}";

		if (sources_add(k->sources, WORLD_UID, WORLD_UID, text, strlen(text), &s, &err))
			s = find(k, "race");
		if (!s)
			continue;
		sources_set(k->sources, s, WORLD_UID, source_option("shared"), i % 2 ? "1" : "0", 1,
			&err);
		sources_set(k->sources, s, WORLD_UID, source_option("password"), "pw", 2, &err);
		sources_sync(k->sources, s, WORLD_UID, &ticket, &err);
		buf_reset(&out);
		sources_status(k->sources, s, &out);
		sources_synced(k->sources, s, ticket, &out);
		if (i % 3 == 0)
			sources_remove(k->sources, s, WORLD_UID, &err);
		source_unref(s);
	}
	buf_release(&out);
	return NULL;
}

static void many_change_at_once(void **state)
{
	enum { THREADS = 3 };
	struct kit *k = *state;
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, changes, k), 0);
	for (int i = 0; i < 50; i++) {
		pass(k, SECOND_US);
		sources_watch(k->sources, i % 2 ? on_changed : NULL, i % 2 ? on_over : NULL, k);
		pause_ms(1);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	kit_reopen(k);
	until(rows(k) == is_there(k, "race"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_source_is_synced_once_added),
		TEST(who_may_add),
		TEST(a_source_is_its_users_unless_shared),
		TEST(names_are_taken_once),
		TEST(a_failure_is_tried_again_later_and_later),
		TEST(a_failure_keeps_the_files),
		TEST(a_sync_with_troubles_is_tried_sooner),
		TEST(a_server_is_left_alone_as_it_asks),
		TEST(interval_0_is_only_when_asked),
		TEST(a_new_interval_counts_after_a_failure_too),
		TEST(a_new_interval_does_not_put_off_what_is_due),
		TEST(a_ticket_is_of_a_sync_that_begins_later),
		TEST(a_few_run_at_once),
		TEST(servers_that_hang_hold_up_no_folder),
		TEST(the_end_stops_what_runs),
		TEST(removed_while_it_runs),
		TEST(what_was_removed_does_not_come_back),
		TEST(a_restart_keeps_everything),
		TEST(after_a_restart_not_all_begin_at_once),
		TEST(secrets_are_nowhere_in_clear),
		TEST(secrets_of_another_key_are_not_used),
		TEST(values_one_after_the_other),
		TEST(what_runs_with_old_values_begins_anew),
		TEST(another_place_begins_with_nothing),
		TEST(another_place_is_not_forgotten),
		TEST(other_patterns_look_at_everything),
		TEST(the_log_is_told_without_what_is_not_shared),
		TEST(nobody_else_reads_the_log),
		TEST(a_file_makes_a_source),
		TEST(a_broken_file_keeps_the_last_good_source),
		TEST(bad_files_are_refused),
		TEST(the_first_directory_wins),
		TEST(an_unread_directory_removes_nothing),
		TEST(a_file_does_not_take_a_name),
		TEST(a_folder_is_read_and_watched),
		TEST(the_state_directory_is_no_source),
		TEST(many_change_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
