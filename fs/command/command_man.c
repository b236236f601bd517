/*
 * leitlfs man [1|5|7]: a page of the manual. At a terminal man(1) or mandoc(1) shows it; elsewhere
 * it is printed as text; and with --roff as mdoc(7), which is what `make` installs.
 */
#include "fs/command/command.h"
#include "fs/command/man.h"
#include "fs/command/man_plain.h"
#include "fs/command/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each reads a page from stdin, and pages. */
static const char *const viewers[][4] = {
	{"man", "-l", "-", NULL},
	{"mandoc", "-a", NULL},
};

static void become(const char *const *words, int page)
{
	char *argv[4] = {0};

	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	for (size_t i = 0; words[i] != NULL; i++)
		argv[i] = strdup(words[i]);
	if (dup2(page, STDIN_FILENO) >= 0)
		execvp(argv[0], argv);
	_exit(COMMAND_CANNOT_RUN);
}

/* Ctrl-C is the viewer's, and that it is quit before the end of the page is no failure. */
static void feed(int fd, const struct buf *page)
{
	size_t at = 0;
	ssize_t n = 0;

	while (at < page->len && (n >= 0 || errno == EINTR)) {
		n = write(fd, page->data + at, page->len - at);
		at += n > 0 ? (size_t)n : 0;
	}
}

/* 0, or the status that the viewer ended with, or a negative errno. */
static int view(const char *const *words, const struct buf *page)
{
	int ends[2], how = 0, rc = pipe2(ends, O_CLOEXEC) == 0 ? 0 : -errno;
	pid_t pid;

	if (rc != 0)
		return rc;
	pid = fork();
	if (pid == 0)
		become(words, ends[0]);
	rc = pid < 0 ? -errno : 0;
	close(ends[0]);
	if (rc == 0)
		feed(ends[1], page);
	close(ends[1]);
	while (rc == 0 && waitpid(pid, &how, 0) < 0)
		rc = errno == EINTR ? 0 : -errno;
	if (rc != 0)
		return rc;
	return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

static int show(const struct call *call, const struct buf *page)
{
	int rc = -EOPNOTSUPP;

	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	for (size_t i = 0; rc != 0 && i < sizeof(viewers) / sizeof(viewers[0]); i++) {
		if (program_check(viewers[i][0], NULL) == 0)
			rc = view(viewers[i], page);
	}
	if (rc == 0)
		return COMMAND_DONE;
	if (rc == -EOPNOTSUPP)
		return command_refuse(call, EOPNOTSUPP,
			"neither man(1) nor mandoc(1) is here to show the page; leitlfs help and "
			"the README.md in each directory of a mount tell most of it");
	if (rc < 0)
		return command_refuse(call, -rc, "%s", strerror(-rc));
	return command_refuse(call, EIO, "the page can't be shown (status %d)", rc);
}

/* For a file, a pipe, or a program that reads. */
static int print_text(const struct call *call, struct buf *page)
{
	struct buf text = BUF_INIT;
	int rc = man_plain(page, &text), status;

	if (rc == -EOPNOTSUPP) {
		fprintf(stderr,
			"leitlfs %s: neither mandoc(1), groff(1) nor man(1) is here to make it "
			"readable; this is the page's source\n",
			call->command->name);
		return command_print(call, page);
	}
	status = rc == 0 ? command_print(call, &text)
			 : command_refuse(
				   call, -rc, "the page can't be formatted: %s", strerror(-rc));
	buf_release(&text);
	return status;
}

int command_man(struct call *call)
{
	const char *word = call->word_count > 0 ? call->words[0] : "1";
	struct buf page = BUF_INIT;
	int status;

	if (strlen(word) != 1 || man_page(word[0] - '0', &page) != 0)
		status = command_refuse(
			call, EINVAL, "there is no page %.64s: they are 1, 5 and 7", word);
	else if (command_value(call, 'r') == NULL && isatty(STDOUT_FILENO) && buf_error(&page) == 0)
		status = show(call, &page);
	else if (command_value(call, 'r') == NULL && buf_error(&page) == 0)
		status = print_text(call, &page);
	else
		status = command_print(call, &page);
	buf_release(&page);
	return status;
}
