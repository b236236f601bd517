/* leitlfs top: the dashboard live in a terminal. */
#define NCURSES_NOMACROS
#include "fs/command/command.h"
#include "fs/command/top.h"

#include "core/base/clock.h"
#include "core/base/json.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t ended_by;

static void on_signal(int number)
{
	ended_by = number;
}

/* After curses has set its own, which end the process without a word to the caller. */
static void catch_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action = {.sa_handler = on_signal};

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
}

static SCREEN *begin(void)
{
	SCREEN *screen;

	setlocale(LC_ALL, "");
	/* What is shown is UTF-8, as the files are. */
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return NULL;
	set_escdelay(25);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	catch_signals();
	return screen;
}

static void take_news(struct top *t)
{
	struct top_news news;

	if (!top_feed_take(t->feed, &news))
		return;
	t->trouble = news.trouble;
	if (news.json) {
		json_free(t->json);
		t->json = news.json;
		t->taken_us = clock_system.mono_us(&clock_system);
	}
	if (!news.has_said)
		return;
	if (news.said.code != 0)
		(void)snprintf(t->note, sizeof(t->note), "not sent: %s", news.said.text);
	else
		(void)snprintf(t->note, sizeof(t->note), "%s", t->sent);
}

static void take_keys(struct top *t)
{
	wint_t key;
	int what;

	while ((what = get_wch(&key)) != ERR) {
		top_arrange(t);
		top_key(t, key, what == KEY_CODE_YES);
	}
}

/* Until it is quit, a signal comes, or the terminal goes. */
static void go_on(struct top *t)
{
	struct pollfd fds[2] = {{STDIN_FILENO, POLLIN, 0}, {top_feed_fd(t->feed), POLLIN, 0}};

	while (!t->quit && !ended_by) {
		top_draw(t);
		if (poll(fds, 2, 1000) < 0 && errno != EINTR)
			break;
		if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			break;
		take_news(t);
		take_keys(t); /* also when a signal came: the terminal may have another size */
	}
}

static int refuse(struct call *call, const struct error *err, int status)
{
	command_fail(call, err);
	return status;
}

int command_top(struct call *call)
{
	static struct top top; /* the thread that reads outlives this function */
	struct error err = {0};
	SCREEN *screen;
	int rc = locate(
		call->word_count ? call->words[0] : command_value(call, 'm'), &call->at, &err);

	if (rc != 0)
		return refuse(call, &err, rc == -EINVAL ? COMMAND_USAGE : COMMAND_NO_MOUNT);
	command_note_moved(call);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return command_refuse(
			call, ENOTTY, "this is no terminal; `cat dashboard.txt` shows the same");
	rc = top_feed_start(call, &top.feed, &err);
	if (rc != 0)
		return command_fail(call, &err);
	screen = begin();
	if (!screen)
		return command_refuse(call, ENOTTY, "this terminal is not known: TERM=%.60s",
			getenv("TERM") ? getenv("TERM") : "");
	go_on(&top);
	endwin();
	if (ended_by) {
		signal(ended_by, SIG_DFL);
		raise(ended_by);
	}
	/* The thread may hang in the mount, and reads what the caller would release. */
	fflush(stdout);
	_exit(COMMAND_DONE);
}
