#include "tests/bench/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAMP       "stamp="
#define FILL_BATCH  256 /* messages in one write: as many as leitlfs takes */
#define FILL_LINE   "{\"message\":\"%-*s\"}\n"
#define WRITERS_MAX 16

void message_make(char out[MESSAGE_SIZE], uint64_t stamp)
{
	char head[48];
	int n = snprintf(head, sizeof(head), STAMP "%020llu ", (unsigned long long)stamp);

	memset(out, 'x', MESSAGE_SIZE - 1);
	memcpy(out, head, (size_t)n);
	out[MESSAGE_SIZE - 1] = '\n';
}

uint64_t message_stamp(const char *data, size_t len)
{
	const char *at = data, *end = data + len, *last = NULL;
	uint64_t stamp = 0;

	while ((at = memmem(at, (size_t)(end - at), STAMP, sizeof(STAMP) - 1))) {
		at += sizeof(STAMP) - 1;
		last = at;
	}
	for (; last && last < end && *last >= '0' && *last <= '9'; last++)
		stamp = 10 * stamp + (uint64_t)(*last - '0');
	return stamp;
}

static int join(char out[PATH_MAX], const char *mount, const char *name)
{
	int n = snprintf(out, PATH_MAX, "%s/%s", mount, name);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int tree_register(const char *mount, unsigned first, unsigned count)
{
	char path[PATH_MAX], name[64];
	unsigned i;
	int rc;

	for (i = first; i < first + count; i++) {
		snprintf(name, sizeof(name), "sessions/s%u", i);
		rc = join(path, mount, name);
		if (rc == 0 && mkdir(path, 0755) != 0)
			rc = -errno;
		if (rc != 0) {
			fprintf(stderr, "bench: %s: %s\n", path, strerror(-rc));
			return rc;
		}
	}
	return 0;
}

int tree_open(const char *mount, const char *name, int flags)
{
	char path[PATH_MAX];
	int fd, rc = join(path, mount, name);

	if (rc != 0)
		return rc;
	fd = open(path, flags | O_CLOEXEC, 0644);
	if (fd < 0) {
		rc = -errno;
		fprintf(stderr, "bench: %s: %s\n", path, strerror(-rc));
		return rc;
	}
	return fd;
}

int tree_open_session(const char *mount, unsigned n, const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "sessions/s%u/%s", n, name);
	return tree_open(mount, path, flags);
}

off_t tree_size(const char *mount, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	int rc = join(path, mount, name);

	if (rc != 0)
		return rc;
	return stat(path, &st) == 0 ? st.st_size : -errno;
}

struct filler {
	pthread_t thread;
	const char *batch;
	size_t line; /* bytes of one message in the batch */
	unsigned long count;
	int fd;
	int rc;
};

static void *fill(void *arg)
{
	struct filler *f = arg;
	unsigned long left = f->count;

	while (left > 0 && f->rc == 0) {
		size_t now = left < FILL_BATCH ? left : FILL_BATCH;
		ssize_t n = write(f->fd, f->batch, now * f->line);

		if (n < 0)
			f->rc = -errno;
		else if (n == 0 || (size_t)n % f->line != 0)
			f->rc = -EIO; /* a write ends between messages or fails */
		else
			left -= (size_t)n / f->line;
	}
	return NULL;
}

static char *make_batch(size_t *line)
{
	int width = MESSAGE_SIZE - (int)sizeof("{\"message\":\"\"}");
	char *batch = malloc(FILL_BATCH * MESSAGE_SIZE + 1);
	int i;

	if (!batch)
		return NULL;
	for (i = 0; i < FILL_BATCH; i++)
		snprintf(batch + i * MESSAGE_SIZE, MESSAGE_SIZE + 1, FILL_LINE, width, "filled");
	*line = MESSAGE_SIZE;
	return batch;
}

int tree_fill(const char *mount, unsigned writers, unsigned long count)
{
	struct filler f[WRITERS_MAX] = {0};
	unsigned i, running = 0;
	size_t line = 0;
	char *batch = make_batch(&line);
	int rc = batch ? 0 : -ENOMEM;

	if (writers > WRITERS_MAX)
		writers = WRITERS_MAX;
	for (i = 0; i < writers && rc == 0; i++) {
		f[i].batch = batch;
		f[i].line = line;
		f[i].count = count / writers + (i == 0 ? count % writers : 0);
		f[i].fd = tree_open_session(mount, i, "broadcast", O_WRONLY | O_APPEND);
		if (f[i].fd < 0) {
			rc = f[i].fd;
		} else if (pthread_create(&f[i].thread, NULL, fill, &f[i]) != 0) {
			close(f[i].fd);
			rc = -EAGAIN;
		} else {
			running++;
		}
	}
	for (i = 0; i < running; i++) {
		pthread_join(f[i].thread, NULL);
		close(f[i].fd);
		if (rc == 0)
			rc = f[i].rc;
	}
	if (rc != 0)
		fprintf(stderr, "bench: filling %s: %s\n", mount, strerror(-rc));
	free(batch);
	return rc;
}
