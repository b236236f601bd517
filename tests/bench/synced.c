#include "tests/bench/synced.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/tree.h"

#define SYNC        "context/sources/" SYNCED_NAME "/sync"
#define FIRST_POLL  2000 /* µs */
#define FIRST_POLLS 60000
#define PIECE       65536
#define TOTAL       "\"total_matches\":"

static int read_all(int fd, char **out, size_t *len)
{
	char *text = NULL, *grown;
	size_t used = 0;
	ssize_t n;
	int rc;

	do {
		grown = realloc(text, used + PIECE + 1);
		if (!grown) {
			free(text);
			return -ENOMEM;
		}
		text = grown;
		n = read(fd, text + used, PIECE);
		used += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	rc = n < 0 ? -errno : 0;
	if (rc != 0) {
		free(text);
		return rc;
	}
	text[used] = '\0';
	*out = text;
	if (len)
		*len = used;
	return 0;
}

int synced_read(const struct daemon *d, const char *path, char **out, size_t *len)
{
	int rc, fd = tree_open(d->mount, path, O_RDONLY);

	if (fd < 0)
		return fd;
	rc = read_all(fd, out, len);
	close(fd);
	return rc;
}

static int write_all(int fd, const char *text)
{
	size_t len = strlen(text);
	ssize_t n = write(fd, text, len);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

/* 0: it went well; 1: there was none yet. */
static int judge(const char *answer)
{
	if (strstr(answer, "\"status\":\"ok\""))
		return 0;
	if (strstr(answer, "\"status\":\"none\""))
		return 1;
	fprintf(stderr, "bench: the sync failed: %s", answer);
	return -EIO;
}

int synced_add(const struct daemon *d, const char *url)
{
	char text[PATH_MAX];
	int rc, fd = tree_open(d->mount, "context/sources/new", O_WRONLY);

	if (fd < 0)
		return fd;
	snprintf(text, sizeof(text),
		"{\"name\":\"" SYNCED_NAME "\",\"url\":\"%s\",\"username\":\"u\","
		"\"password\":\"p\",\"interval\":0}\n",
		url);
	rc = write_all(fd, text);
	close(fd);
	return rc;
}

int synced_first(const struct daemon *d)
{
	const struct timespec poll = {.tv_nsec = FIRST_POLL * 1000L};
	int rc = 1, i;

	for (i = 0; i < FIRST_POLLS && rc == 1; i++) {
		char *answer;

		if (i > 0)
			nanosleep(&poll, NULL);
		rc = synced_read(d, SYNC, &answer, NULL);
		if (rc == 0) {
			rc = judge(answer);
			free(answer);
		}
	}
	return rc == 1 ? -ETIMEDOUT : rc;
}

int synced_again(const struct daemon *d)
{
	char *answer = NULL;
	int rc, fd = tree_open(d->mount, SYNC, O_RDWR);

	if (fd < 0)
		return fd;
	rc = write_all(fd, "\n");
	if (rc == 0)
		rc = read_all(fd, &answer, NULL);
	close(fd);
	if (rc == 0)
		rc = judge(answer) == 0 ? 0 : -EIO;
	free(answer);
	return rc;
}

int synced_finds(const struct daemon *d, const char *query, unsigned long files)
{
	char path[PATH_MAX], *results;
	const char *total;
	int rc;

	if (snprintf(path, sizeof(path), "context/search/%s/results.json", query) >=
		(int)sizeof(path))
		return -ENAMETOOLONG;
	rc = synced_read(d, path, &results, NULL);
	if (rc != 0)
		return rc;
	total = strstr(results, TOTAL);
	if (!total || strtoul(total + strlen(TOTAL), NULL, 10) != files)
		rc = -ENODATA;
	free(results);
	return rc;
}
