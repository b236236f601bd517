#include "tests/unit/sources_kit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct fake_server fake = {.mutex = PTHREAD_MUTEX_INITIALIZER};

void kit_pause_ms(long ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

const char *kit_seen(const char *what)
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
		kit_pause_ms(1);
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

static void log_line(void *arg, const char *line)
{
	struct kit *k = arg;
	size_t len;

	pthread_mutex_lock(&k->log_mutex);
	len = strlen(k->log);
	snprintf(k->log + len, sizeof(k->log) - len, "%s\n", line);
	pthread_mutex_unlock(&k->log_mutex);
}

void kit_on_changed(void *arg, struct source *s, const char *const *paths, size_t count)
{
	struct kit *k = arg;

	(void)s, (void)paths, (void)count;
	k->changed++;
}

void kit_on_over(void *arg, struct source *s)
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

void kit_open(struct kit *k)
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
	sources_watch(k->sources, kit_on_changed, kit_on_over, k);
}

void kit_close(struct kit *k)
{
	sources_close(k->sources);
	secret_close(k->secret);
	catalog_close(k->catalog);
}

void kit_reopen(struct kit *k)
{
	kit_close(k);
	kit_open(k);
}

int kit_setup(void **state)
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

int kit_teardown(void **state)
{
	struct kit *k = *state;

	fake.slow = false;
	kit_close(k);
	world_teardown((void **)&k->world);
	pthread_mutex_destroy(&k->log_mutex);
	free(k);
	return 0;
}

void kit_pass(struct kit *k, int64_t us)
{
	world_pass(k->world, us);
	sources_wake(k->sources);
}

struct source *kit_add(struct kit *k, const char *text)
{
	struct source *s = NULL;

	if (sources_add(k->sources, WORLD_UID, WORLD_UID, text, strlen(text), &s, &k->error) != 0)
		fail_msg("%s: %s", text, k->error.text);
	return s;
}

int kit_set(struct kit *k, struct source *s, const char *option, const char *text)
{
	return sources_set(
		k->sources, s, WORLD_UID, source_option(option), text, strlen(text), &k->error);
}

uint64_t kit_ask(struct kit *k, struct source *s)
{
	uint64_t ticket = 0;

	if (sources_sync(k->sources, s, WORLD_UID, &ticket, &k->error) != 0)
		fail_msg("%s", k->error.text);
	return ticket;
}

bool kit_is_over(struct kit *k, struct source *s, uint64_t ticket)
{
	struct buf out = BUF_INIT;
	bool over = sources_synced(k->sources, s, ticket, &out);

	assert_true(over == (out.len > 0));
	buf_release(&out);
	return over;
}

bool kit_is_idle(struct kit *k, struct source *s)
{
	bool idle;

	pthread_mutex_lock(&k->sources->mutex);
	idle = s->state->phase == PHASE_IDLE;
	pthread_mutex_unlock(&k->sources->mutex);
	return idle;
}

void kit_sync_now(struct kit *k, struct source *s)
{
	uint64_t ticket = kit_ask(k, s);

	until(kit_is_over(k, s, ticket));
	until(kit_is_idle(k, s));
}

const char *kit_text(struct kit *k, struct source *s,
	void (*fn)(struct sources *, struct source *, struct buf *))
{
	static struct buf out;

	buf_reset(&out);
	fn(k->sources, s, &out);
	assert_int_equal(buf_error(&out), 0);
	return out.data;
}

bool kit_shows(struct kit *k, struct source *s, const char *part)
{
	return strstr(kit_text(k, s, sources_status), part) != NULL;
}

void kit_assert_shows(struct kit *k, struct source *s, const char *part)
{
	if (!kit_shows(k, s, part))
		fail_msg("no %s in %s", part, kit_text(k, s, sources_status));
}

int64_t kit_due_in(struct kit *k, struct source *s)
{
	int64_t due;

	pthread_mutex_lock(&k->sources->mutex);
	due = s->state->due_us;
	pthread_mutex_unlock(&k->sources->mutex);
	return due == NEVER ? NEVER : due - loop_mono_us(k->world->loop);
}

bool kit_has_file(struct kit *k, const struct source *s, const char *path)
{
	struct entry e = {0};
	int r = catalog_find(k->catalog, s->id, path, &e);

	entry_release(&e);
	assert_true(r == 0 || r == -ENOENT);
	return r == 0;
}

static int count_rows(void *arg, const struct source_row *row)
{
	(void)row;
	++*(int *)arg;
	return 0;
}

int kit_rows(struct kit *k)
{
	int count = 0;

	assert_int_equal(catalog_sources(k->catalog, count_rows, &count, NULL), 0);
	return count;
}

struct source *kit_find(struct kit *k, const char *name)
{
	return sources_find(k->sources, name, WORLD_UID);
}

bool kit_is_there(struct kit *k, const char *name)
{
	struct source *s = kit_find(k, name);

	source_unref(s);
	return s != NULL;
}
