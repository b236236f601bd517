#include "core/log/db_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The shapes of both files: sqlite.org/fileformat2.html, "The Database Header" and "The WAL". */
#define HEADER_SIZE     100
#define WAL_HEADER_SIZE 32
#define FRAME_HEADER    24
#define FRAME_SIZE      (FRAME_HEADER + DB_PAGE)

static uint32_t get32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int db_dir_check(const char *dir, struct error *err)
{
	struct stat st;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "can't make %s: %s", dir, strerror(errno));
	if (stat(dir, &st) < 0)
		return error_set(err, errno, "%s: %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ENOTDIR, "%s is not a directory", dir);
	if (st.st_uid != geteuid())
		return error_set(err, EACCES, "%s belongs to uid %u, not to the daemon's, %u", dir,
			(unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return error_set(err, EACCES, "others may write to %s: make it 0700", dir);
	if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0)
		return error_set(err, errno, "can't write to %s: %s", dir, strerror(errno));
	return 0;
}

static int wal_stat(const char *path, struct stat *st)
{
	char name[PATH_MAX];

	if ((size_t)snprintf(name, sizeof(name), "%s-wal", path) >= sizeof(name))
		return -ENAMETOOLONG;
	if (stat(name, st) < 0)
		return -errno;
	return 0;
}

static int64_t wal_size(const char *path)
{
	struct stat st;

	return wal_stat(path, &st) == 0 ? st.st_size : 0;
}

static int damaged(struct error *err, const char *path, const char *how)
{
	return error_set(err, EUCLEAN, "%s is damaged: %s; it is left as it is", path, how);
}

/* Everything in the header that is the same in every database that we make, or follows from the
 * rest of it. */
static int check_header(const struct db_schema *schema, const char *path, const unsigned char *h,
	int64_t size, struct error *err)
{
	static const unsigned char zeros[20];
	const uint32_t version = get32(h + 60);

	if (memcmp(h, "SQLite format 3", 16) != 0)
		return damaged(err, path, "it is no SQLite database");
	if (get32(h + 68) != schema->application_id)
		return error_set(err, ENOTSUP, "%s is another program's (application_id %#x)", path,
			(unsigned)get32(h + 68));
	if (version > schema->version)
		return error_set(err, ENOTSUP, "%s is of version %u; this leitlfs knows up to %u",
			path, (unsigned)version, (unsigned)schema->version);
	if (version != schema->version || h[16] != DB_PAGE >> 8 || h[17] != 0 || h[18] != 2 ||
		h[19] != 2 || h[20] != 0 || h[21] != 64 || h[22] != 32 || h[23] != 32 ||
		get32(h + 44) != 4 || get32(h + 48) != 0 || get32(h + 52) != 0 ||
		get32(h + 56) != 1 || get32(h + 64) != 0 || memcmp(h + 72, zeros, 20) != 0)
		return damaged(err, path, "its header makes no sense");
	if (get32(h + 24) != get32(h + 92) || get32(h + 36) >= get32(h + 28) ||
		get32(h + 32) > get32(h + 28) || (get32(h + 32) == 0) != (get32(h + 36) == 0))
		return damaged(err, path, "its header contradicts itself");
	/* A checkpoint that was cut short leaves a shorter file, and the rest in the WAL. */
	if (wal_size(path) == 0 && size != (int64_t)get32(h + 28) * DB_PAGE)
		return damaged(err, path, "it is shorter or longer than it says");
	return 0;
}

static int check_open(const struct db_schema *schema, const char *path, int fd, struct error *err)
{
	unsigned char header[HEADER_SIZE];
	struct stat st;
	ssize_t got;

	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, ENOTSUP, "%s is not a regular file", path);
	got = pread(fd, header, sizeof(header), 0);
	if (got < 0)
		return error_set(err, errno, "can't read %s: %s", path, strerror(errno));
	if ((size_t)got < sizeof(header))
		return damaged(err, path, "it ends within its header");
	/* The WAL is made with the same mode. */
	if ((st.st_mode & 0177) != 0 && fchmod(fd, 0600) < 0)
		return error_set(err, errno, "can't make %s 0600: %s", path, strerror(errno));
	return check_header(schema, path, header, st.st_size, err);
}

int db_file_check(const struct db_schema *schema, const char *path, struct error *err)
{
	int fd, status;

	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT) {
		if (wal_size(path) > 0)
			return damaged(err, path, "it is gone, and its WAL is there");
		return -ENOENT;
	}
	if (fd < 0) {
		status = errno == EPERM ? EACCES : errno; /* chattr(1) +i */
		return error_set(err, status, "can't write to %s: %s", path, strerror(errno));
	}
	status = check_open(schema, path, fd, err);
	close(fd);
	return status;
}

/*
 * Marks which of the pages from `first` on have a frame in the WAL of its present salts. Frames
 * after the last commit count too: SQLite has read the WAL by now, and told how many pages there
 * are in the last one that it trusts.
 */
static int64_t count_in_wal(int fd, int64_t first, int64_t pages, unsigned char *seen)
{
	unsigned char header[WAL_HEADER_SIZE], frame[FRAME_HEADER];
	off_t at = WAL_HEADER_SIZE;
	int64_t count = 0;

	if (pread(fd, header, sizeof(header), 0) != sizeof(header))
		return 0;
	while (pread(fd, frame, sizeof(frame), at) == sizeof(frame)) {
		int64_t page = (int64_t)get32(frame) - first;

		if (memcmp(frame + 8, header + 16, 8) != 0)
			break;
		if (page >= 0 && page < pages && !seen[page]) {
			seen[page] = 1;
			count++;
		}
		at += FRAME_SIZE;
	}
	return count;
}

static int64_t pages_in_wal(const char *path, int64_t first, int64_t pages)
{
	char name[PATH_MAX];
	unsigned char *seen;
	int64_t count = 0;
	int fd;

	/* What can't be in there need not be looked for; this also bounds the memory. */
	if (pages > wal_size(path) / FRAME_SIZE)
		return 0;
	if ((size_t)snprintf(name, sizeof(name), "%s-wal", path) >= sizeof(name))
		return 0;
	seen = calloc((size_t)pages, 1);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (seen != NULL && fd >= 0)
		count = count_in_wal(fd, first, pages, seen);
	if (fd >= 0)
		close(fd);
	free(seen);
	return count;
}

int db_size_check(const char *path, int64_t pages, struct error *err)
{
	struct stat st;
	int64_t missing;

	if (stat(path, &st) < 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	missing = pages - st.st_size / DB_PAGE;
	if (missing > 0 && pages_in_wal(path, pages - missing + 1, missing) != missing)
		return damaged(err, path, "it is cut short");
	return 0;
}
