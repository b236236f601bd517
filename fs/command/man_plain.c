#include "fs/command/man_plain.h"

#include "fs/command/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ESCAPE     '\033'
#define TEXT_BYTES (4U << 20) /* more than any page */

/* Each reads a page from stdin. */
static const char *const formatters[][6] = {
	{"mandoc", "-T", "utf8", NULL},
	{"groff", "-mdoc", "-Tutf8", "-P-c", NULL},
	{"man", "-l", "-", NULL},
};

/* How much of a text ends with its last whole character. */
static size_t without_last(const char *text, size_t len)
{
	while (len > 0 && ((unsigned char)text[len - 1] & 0xc0) == 0x80)
		len--;
	return len > 0 ? len - 1 : 0;
}

void man_plain_text(struct buf *text)
{
	size_t to = 0;

	for (size_t at = 0; at < text->len; at++) {
		if (text->data[at] == '\b') {
			to = without_last(text->data, to);
		} else if (text->data[at] == ESCAPE && at + 1 < text->len &&
			   text->data[at + 1] == '[') {
			at += 2; /* up to its last character, a letter */
			while (at < text->len && (text->data[at] < '@' || text->data[at] > '~'))
				at++;
		} else {
			text->data[to++] = text->data[at];
		}
	}
	if (text->data != NULL)
		text->data[to] = '\0';
	text->len = to;
}

static void become(const char *const *words, int page, int text)
{
	char *argv[6] = {0};
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	for (size_t i = 0; words[i] != NULL; i++)
		argv[i] = strdup(words[i]);
	setenv("MANWIDTH", "80", 1);
	unsetenv("MAN_KEEP_FORMATTING");
	if (nowhere >= 0 && dup2(page, STDIN_FILENO) >= 0 && dup2(text, STDOUT_FILENO) >= 0 &&
		dup2(nowhere, STDERR_FILENO) >= 0)
		execvp(argv[0], argv);
	_exit(127);
}

/* A file in memory: a formatter may write before it has read all. */
static int open_page(const struct buf *page)
{
	int fd = memfd_create("page", MFD_CLOEXEC);
	size_t at = 0;
	ssize_t n = 0;

	while (fd >= 0 && at < page->len && n >= 0) {
		n = write(fd, page->data + at, page->len - at);
		at += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0 && (n < 0 || lseek(fd, 0, SEEK_SET) != 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int read_text(int fd, struct buf *out)
{
	char chunk[16384];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && out->len + (size_t)n > TEXT_BYTES)
			return -EMSGSIZE;
		if (n > 0)
			buf_add(out, chunk, (size_t)n);
	}
	return buf_error(out);
}

/* 0; -EIO: it failed; or another negative errno. */
static int format(const char *const *words, const struct buf *page, struct buf *out)
{
	int ends[2], how = 0, rc, fd = open_page(page);
	pid_t pid;

	if (fd < 0)
		return -errno;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	pid = fork();
	if (pid == 0)
		become(words, fd, ends[1]);
	rc = pid < 0 ? -errno : 0;
	close(fd);
	close(ends[1]);
	if (rc == 0)
		rc = read_text(ends[0], out);
	close(ends[0]);
	while (pid > 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	if (rc == 0 && (!WIFEXITED(how) || WEXITSTATUS(how) != 0 || out->len == 0))
		rc = -EIO;
	return rc;
}

int man_plain(const struct buf *page, struct buf *out)
{
	int rc = -EOPNOTSUPP;

	for (size_t i = 0; rc != 0 && i < sizeof(formatters) / sizeof(formatters[0]); i++) {
		struct buf text = BUF_INIT;

		if (program_check(formatters[i][0], NULL) != 0)
			continue;
		rc = format(formatters[i], page, &text);
		if (rc == 0) {
			man_plain_text(&text);
			buf_add(out, text.data, text.len);
			rc = buf_error(out);
		}
		buf_release(&text);
	}
	return rc;
}
