#include "fs/signals.h"

#include "fs/server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct signals {
	pthread_t thread;
	sigset_t set;
	pthread_mutex_t lock;
	/* under the lock: */
	bool held, asked, ended;
	struct server *server; /* NULL until there is one */
};

/* As if the signal had never been blocked. */
static void die_of(int number)
{
	sigset_t only;

	sigemptyset(&only);
	sigaddset(&only, number);
	pthread_sigmask(SIG_UNBLOCK, &only, NULL);
	raise(number);
}

/* Whether to go on. */
static bool got(struct signals *s, int number)
{
	bool more;

	pthread_mutex_lock(&s->lock);
	more = !s->ended;
	if (more && s->server != NULL)
		server_stop(s->server);
	else if (more && !s->held)
		die_of(number);
	s->asked = true;
	pthread_mutex_unlock(&s->lock);
	return more;
}

static void *wait_for_signals(void *arg)
{
	struct signals *s = arg;
	int number;

	do {
		while (sigwait(&s->set, &number) != 0)
			continue;
	} while (got(s, number));
	return NULL;
}

static void fill_set(sigset_t *set)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction old;

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (numbers[i] == SIGTERM || sigaction(numbers[i], NULL, &old) != 0 ||
			old.sa_handler != SIG_IGN)
			sigaddset(set, numbers[i]);
	}
}

int signals_start(struct signals **out)
{
	struct signals *s = calloc(1, sizeof(*s));
	sigset_t before;
	int rc;

	if (s == NULL)
		return -ENOMEM;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	fill_set(&s->set);
	pthread_mutex_init(&s->lock, NULL);
	pthread_sigmask(SIG_BLOCK, &s->set, &before);
	rc = pthread_create(&s->thread, NULL, wait_for_signals, s);
	if (rc != 0) {
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		pthread_mutex_destroy(&s->lock);
		free(s);
		return -rc;
	}
	pthread_setname_np(s->thread, "leitl-signals");
	*out = s;
	return 0;
}

void signals_hold(struct signals *s)
{
	pthread_mutex_lock(&s->lock);
	s->held = true;
	pthread_mutex_unlock(&s->lock);
}

void signals_serve(struct signals *s, struct server *server)
{
	pthread_mutex_lock(&s->lock);
	s->server = server;
	if (s->asked)
		server_stop(server);
	pthread_mutex_unlock(&s->lock);
}

void signals_end(struct signals *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	s->server = NULL;
	pthread_mutex_unlock(&s->lock);
	pthread_sigqueue(s->thread, SIGTERM, (union sigval){0}); /* for its sigwait */
	pthread_join(s->thread, NULL);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
