/*
 * A process whose main thread has ended while another thread of it goes on.
 *
 * Usage: mainless MOUNT NAME
 *
 * The main thread registers NAME and prints the session's id, and ends. When it has, the other
 * prints "mainless", and then does what it reads, a line each, with an answer a line:
 *
 *   self        where the link `self` points to
 *   say TEXT    writes TEXT to `broadcast`: "ok"
 *
 * What fails is answered with the error's text. End of file ends the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *mnt;

static void path_in(char *out, size_t size, const char *name)
{
	snprintf(out, size, "%s/%s", mnt, name);
}

static void do_self(void)
{
	char path[4096], to[4096];
	ssize_t n;

	path_in(path, sizeof(path), "self");
	n = readlink(path, to, sizeof(to) - 1);
	if (n < 0) {
		puts(strerror(errno));
		return;
	}
	to[n] = '\0';
	puts(to);
}

static void do_say(const char *text)
{
	char path[4096];
	int fd;

	path_in(path, sizeof(path), "broadcast");
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		puts(strerror(errno));
	else
		puts("ok");
	if (fd >= 0)
		close(fd);
}

/* Whether the thread whose number is the process's has ended: it stays, as a zombie. */
static bool main_has_ended(void)
{
	char path[64], line[512];
	const char *state = NULL;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)getpid());
	stat = fopen(path, "r");
	if (!stat)
		return true;
	if (fgets(line, sizeof(line), stat))
		state = strrchr(line, ')');
	fclose(stat);
	return state && state[1] == ' ' && state[2] == 'Z';
}

static void *go_on(void *arg)
{
	char line[4096];

	(void)arg;
	while (!main_has_ended())
		usleep(1000);
	puts("mainless");
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "self\n") == 0)
			do_self();
		else if (strncmp(line, "say ", 4) == 0)
			do_say(line + 4);
	}
	exit(0);
}

static int enroll(const char *name)
{
	char path[4096], id[256];
	ssize_t n = -1;
	int fd;

	path_in(path, sizeof(path), "sessions/new");
	fd = open(path, O_RDWR);
	if (fd >= 0 && dprintf(fd, "%s\n", name) > 0)
		n = read(fd, id, sizeof(id) - 1);
	if (n <= 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	id[n] = '\0';
	fputs(id, stdout);
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc != 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	mnt = argv[1];
	if (enroll(argv[2]) || pthread_create(&thread, NULL, go_on, NULL))
		return 1;
	pthread_exit(NULL);
}
