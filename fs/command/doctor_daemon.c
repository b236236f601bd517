/* The daemon behind a mount that doesn't answer, found without asking the mount. */
#include "fs/command/doctor.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define TEXT_BYTES 4096 /* of a file of /proc that is looked at */

/* The beginning of /proc/PID/NAME, with a NUL behind it; its length, or -1. */
static ssize_t read_of(long pid, const char *name, char out[TEXT_BYTES])
{
	char path[64 + NAME_MAX];
	ssize_t len;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	len = read(fd, out, TEXT_BYTES - 1);
	close(fd);
	if (len >= 0)
		out[len] = '\0';
	return len;
}

static char state_of(long pid)
{
	char text[TEXT_BYTES], *end;

	if (read_of(pid, "stat", text) <= 0 || (end = strrchr(text, ')')) == NULL || end[1] != ' ')
		return '\0';
	return end[2];
}

/* Newer kernels tell which connection an open /dev/fuse serves: 1, 0, or -1 where they don't. */
static int serves(long pid, const char *fd, dev_t dev)
{
	char name[32 + NAME_MAX], path[64 + NAME_MAX], text[TEXT_BYTES];
	const char *at;
	ssize_t len;

	(void)snprintf(path, sizeof(path), "/proc/%ld/fd/%s", pid, fd);
	len = readlink(path, text, sizeof(text) - 1);
	if (len < 0)
		return 0;
	text[len] = '\0';
	if (strcmp(text, "/dev/fuse") != 0)
		return 0;
	(void)snprintf(name, sizeof(name), "fdinfo/%s", fd);
	if (read_of(pid, name, text) <= 0 || (at = strstr(text, "fuse_connection:")) == NULL)
		return -1;
	return strtoul(at + strlen("fuse_connection:"), NULL, 10) == minor(dev);
}

/* Whether the last word of its command line is the mount point. */
static bool names(long pid, const char *path)
{
	char text[TEXT_BYTES];
	ssize_t len = read_of(pid, "cmdline", text);
	size_t path_len = strlen(path);

	while (len > 0 && text[len - 1] == '\0')
		len--;
	return len > (ssize_t)path_len && text[(size_t)len - path_len - 1] == '\0' &&
	       memcmp(text + (size_t)len - path_len, path, path_len) == 0;
}

static bool is_daemon_of(long pid, const char *path, dev_t dev)
{
	char dir_path[64];
	const struct dirent *entry;
	int of = 0;
	DIR *dir;

	(void)snprintf(dir_path, sizeof(dir_path), "/proc/%ld/fd", pid);
	dir = opendir(dir_path);
	if (dir == NULL)
		return false;
	while (of != 1 && (entry = readdir(dir)) != NULL) {
		int one = entry->d_name[0] == '.' ? 0 : serves(pid, entry->d_name, dev);

		of = one != 0 ? one : of;
	}
	closedir(dir);
	return of == 1 || (of < 0 && names(pid, path));
}

pid_t doctor_daemon(const char *path, dev_t dev, bool *stopped)
{
	char comm[TEXT_BYTES];
	const struct dirent *entry;
	long pid, found_pid = 0;
	char state;
	DIR *dir = opendir("/proc");

	while (dir != NULL && found_pid == 0 && (entry = readdir(dir)) != NULL) {
		pid = strtol(entry->d_name, NULL, 10);
		if (pid > 0 && read_of(pid, "comm", comm) > 0 && strcmp(comm, "leitlfs\n") == 0 &&
			is_daemon_of(pid, path, dev))
			found_pid = pid;
	}
	if (dir != NULL)
		closedir(dir);
	state = found_pid > 0 ? state_of(found_pid) : '\0';
	*stopped = state == 'T' || state == 't';
	return (pid_t)found_pid;
}
