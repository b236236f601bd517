/* Where state is kept: whether it may be, and what room there is. */
#include "fs/command/doctor.h"

#include "core/base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ROOM_FAIL  ((unsigned long long)16 << 20) /* bytes: less is as good as full */
#define ROOM_WARN  ((unsigned long long)512 << 20)
#define FILES_WARN 1000

static void look_at_room(struct findings *f, const char *check, int fd, const char *dir)
{
	struct statvfs fs;
	unsigned long long room;

	if (fstatvfs(fd, &fs) != 0) {
		found(f, VERDICT_FAIL, check, NULL, "%s: %s", dir, strerror(errno));
		return;
	}
	room = (unsigned long long)fs.f_bavail * fs.f_frsize;
	if (fs.f_flag & ST_RDONLY)
		found(f, VERDICT_FAIL, check, "mount it writable, or choose another: -o state=DIR",
			"%s is on a file system that is mounted read-only", dir);
	else if (room < ROOM_FAIL)
		found(f, VERDICT_FAIL, check,
			"free some room, or choose another disk: -o state=DIR",
			"%s: the disk is full (%llu KiB left)", dir, room >> 10);
	else if (fs.f_files > 0 && fs.f_favail < FILES_WARN)
		found(f, VERDICT_WARN, check, "free some inodes",
			"%s: room for only %llu more files", dir, (unsigned long long)fs.f_favail);
	else if (room < ROOM_WARN)
		found(f, VERDICT_WARN, check, "free some room", "%s: only %llu MiB left", dir,
			room >> 20);
	else
		found(f, VERDICT_OK, check, NULL, "%s: %llu MiB left", dir, room >> 20);
}

static void look_at_dir(struct findings *f, const char *check, int fd, const char *dir)
{
	char mend[512];
	struct error err = {0};
	struct stat st;

	if (fstat(fd, &st) != 0) {
		found(f, VERDICT_FAIL, check, NULL, "%s: %s", dir, strerror(errno));
		return;
	}
	if (st.st_uid != geteuid() && geteuid() != 0) {
		found(f, VERDICT_FAIL, check, "choose one of your own with -o state=DIR",
			"%s belongs to uid %u", dir, (unsigned)st.st_uid);
		return;
	}
	if ((st.st_mode & 077) != 0) {
		(void)snprintf(mend, sizeof(mend), "chmod 700 '%s'", dir);
		found(f, VERDICT_WARN, check, mend, "%s is open to others (mode %03o)", dir,
			(unsigned)st.st_mode & 0777);
	}
	if (lock_check_disk(fd, dir, &err) != 0)
		found(f, VERDICT_FAIL, check, NULL, "%s", err.text);
	else
		look_at_room(f, check, fd, dir);
}

void doctor_disk(struct findings *f, const char *check, const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		found(f, VERDICT_FAIL, check, NULL, "%s: %s", dir, strerror(errno));
		return;
	}
	look_at_dir(f, check, fd, dir);
	close(fd);
}

/* What isn't there is made at a mount, in the nearest directory that is. */
static void look_above(struct findings *f, char *path)
{
	const char *check = "state directory";
	char *slash;
	int fd = -1;

	while (fd < 0 && (slash = strrchr(path, '/')) != NULL) {
		slash[slash == path] = '\0';
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (slash == path || (fd < 0 && errno != ENOENT))
			break;
	}
	if (fd < 0) {
		found(f, VERDICT_FAIL, check, "choose another with -o state=DIR", "%s: %s", path,
			strerror(errno));
		return;
	}
	if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
		found(f, VERDICT_FAIL, check, "choose another with -o state=DIR",
			"can't be made in %s: %s", path, strerror(errno));
	else
		look_at_room(f, check, fd, path);
	close(fd);
}

void doctor_default_disk(struct findings *f)
{
	struct error err = {0};
	struct stat st;
	char *dir = NULL;

	if (lock_default_dir(&dir, &err) != 0)
		found(f, VERDICT_FAIL, "state directory", NULL, "%s", err.text);
	else if (stat(dir, &st) == 0 || errno != ENOENT)
		doctor_disk(f, "state directory", dir);
	else
		look_above(f, dir);
	free(dir);
}
