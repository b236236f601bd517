/* What reads the mount for leitlfs top. */
#include "fs/command/top.h"

#include "fs/command/command.h"
#include "fs/command/command_tree.h"

#include "core/base/clock.h"
#include "core/base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVERY_MS 1000 /* at the least */
#define CALM_MS  150  /* from one look to the next, however much happens */

struct top_feed {
	const struct call *call;
	int news, work; /* eventfds: for who takes, and for the thread */
	int live;       /* activity.live; -1: not open */
	pthread_mutex_t mutex;
	struct top_news next; /* this and below: under the mutex */
	bool any;
	char *path, *text; /* to be said, NULL: nothing */
};

static void signal_eventfd(int fd)
{
	const uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one));
}

static void drain(int fd)
{
	char bytes[65536];

	while (read(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
		;
}

/* Whether it goes on: at its end, or after an error, it is to be opened anew. */
static bool drain_live(int fd)
{
	char bytes[65536];
	ssize_t n;

	do
		n = read(fd, bytes, sizeof(bytes));
	while (n > 0);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void publish(struct top_feed *f, struct json *json, const struct error *trouble)
{
	pthread_mutex_lock(&f->mutex);
	if (json) {
		json_free(f->next.json);
		f->next.json = json;
	}
	f->next.trouble = *trouble;
	f->any = true;
	pthread_mutex_unlock(&f->mutex);
	signal_eventfd(f->news);
}

static void look(struct top_feed *f)
{
	struct buf text = BUF_INIT;
	struct error err = {0};
	struct json *json = NULL;
	int rc = tree_read(f->call, "dashboard.json", &text, &err);

	if (rc == 0)
		rc = json_parse(text.data ? text.data : "", text.len, &json, &err);
	if (rc != 0 && err.code == 0)
		error_set(&err, -rc, "%s", strerror(-rc));
	buf_release(&text);
	publish(f, json, &err);
}

static void say(struct top_feed *f)
{
	struct error err = {0};
	char *path, *text;
	int rc;

	pthread_mutex_lock(&f->mutex);
	path = f->path;
	text = f->text;
	pthread_mutex_unlock(&f->mutex);
	if (!path)
		return;
	rc = tree_say(f->call, path, text, strlen(text), &err);
	if (rc != 0 && err.code == 0)
		error_set(&err, -rc, "%s", strerror(-rc));
	pthread_mutex_lock(&f->mutex);
	free(f->path);
	free(f->text);
	f->path = f->text = NULL;
	f->next.said = err;
	f->next.has_said = f->any = true;
	pthread_mutex_unlock(&f->mutex);
	signal_eventfd(f->news);
}

static void wait_for_more(struct top_feed *f)
{
	struct pollfd fds[2] = {{f->work, POLLIN, 0}, {f->live, POLLIN, 0}};
	int n;

	/* What comes one upon the other is one look. */
	n = poll(fds, 1, CALM_MS);
	if (n == 0)
		n = poll(fds, f->live >= 0 ? 2 : 1, EVERY_MS - CALM_MS);
	if (n <= 0)
		return;
	if (fds[0].revents)
		drain(f->work);
	if (f->live >= 0 && fds[1].revents && !drain_live(f->live)) {
		close(f->live);
		f->live = -1;
	}
}

static void *run(void *arg)
{
	struct top_feed *f = arg;

	for (;;) {
		if (f->live < 0) {
			f->live = tree_open(f->call, O_RDONLY | O_NONBLOCK, "activity.live", NULL);
			if (f->live < 0)
				f->live = -1;
		}
		say(f);
		look(f);
		wait_for_more(f);
	}
	return NULL;
}

static int start_thread(struct top_feed *f)
{
	sigset_t all, before;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, NULL, run, f);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		pthread_detach(thread);
	return r;
}

int top_feed_start(const struct call *call, struct top_feed **out, struct error *err)
{
	struct top_feed *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return error_set(err, ENOMEM, "out of memory");
	f->call = call;
	f->live = -1;
	pthread_mutex_init(&f->mutex, NULL);
	f->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->work = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = f->news < 0 || f->work < 0 ? errno : start_thread(f);
	if (r == 0) {
		*out = f;
		return 0;
	}
	if (f->news >= 0)
		close(f->news);
	if (f->work >= 0)
		close(f->work);
	pthread_mutex_destroy(&f->mutex);
	free(f);
	return error_set(err, r, "can't start: %s", strerror(r));
}

int top_feed_fd(const struct top_feed *f)
{
	return f->news;
}

bool top_feed_take(struct top_feed *f, struct top_news *out)
{
	bool any;

	drain(f->news);
	pthread_mutex_lock(&f->mutex);
	any = f->any;
	if (any)
		*out = f->next;
	f->next.json = NULL;
	f->next.has_said = f->any = false;
	pthread_mutex_unlock(&f->mutex);
	return any;
}

int top_feed_say(struct top_feed *f, const char *path, const char *text)
{
	int r = -EBUSY;

	pthread_mutex_lock(&f->mutex);
	if (!f->path) {
		f->path = strdup(path);
		f->text = strdup(text);
		r = f->path && f->text ? 0 : -ENOMEM;
	}
	if (r == -ENOMEM) {
		free(f->path);
		free(f->text);
		f->path = f->text = NULL;
	}
	pthread_mutex_unlock(&f->mutex);
	if (r == 0)
		signal_eventfd(f->work);
	return r;
}
