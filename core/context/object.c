#include "core/context/object_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void object_name(const struct object_id *id, char name[NAME_SIZE])
{
	char hex[HEX + 1];

	sodium_bin2hex(hex, sizeof(hex), id->hash, sizeof(id->hash));
	snprintf(name, NAME_SIZE, "%.2s/%s", hex, hex + 2);
}

/* Opening. */

static int directory(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Calls fn for each name in the directory, until it returns false. */
static int each_name(
	int at, const char *name, bool (*fn)(void *arg, int fd, const char *name), void *arg)
{
	struct dirent *entry;
	bool more = true;
	DIR *dir;
	int fd = directory(at, name);

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return -ENOMEM;
	}
	while (more && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			more = fn(arg, dirfd(dir), entry->d_name);
	closedir(dir);
	return more ? 0 : 1;
}

static bool remove_name(void *arg, int fd, const char *name)
{
	(void)arg;
	unlinkat(fd, name, 0);
	return true;
}

static int prepare(struct objects *o, const char *dir, struct error *err)
{
	if (sodium_init() < 0)
		return error_set(err, EIO, "libsodium can't start");
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "can't make %s: %s", dir, strerror(errno));
	o->fd = directory(AT_FDCWD, dir);
	if (o->fd < 0)
		return error_set(err, errno, "can't open %s: %s", dir, strerror(errno));
	if (mkdirat(o->fd, "tmp", 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "can't make %s/tmp: %s", dir, strerror(errno));
	each_name(o->fd, "tmp", remove_name, NULL);
	return 0;
}

int objects_open(const char *dir, struct objects **out, struct error *err)
{
	struct objects *o = calloc(1, sizeof(*o));
	int status;

	if (o == NULL)
		return error_set(err, ENOMEM, "out of memory");
	o->fd = -1;
	pthread_mutex_init(&o->mutex, NULL);
	status = prepare(o, dir, err);
	if (status < 0) {
		objects_close(o);
		return status;
	}
	*out = o;
	return 0;
}

void objects_close(struct objects *o)
{
	if (o == NULL)
		return;
	for (int i = 0; i < HELD; i++) {
		struct held *h = o->held[i];

		while (h != NULL) {
			struct held *next = h->next;

			free(h);
			h = next;
		}
	}
	if (o->fd >= 0)
		close(o->fd);
	pthread_mutex_destroy(&o->mutex);
	free(o);
}

struct held **object_held(struct objects *o, const struct object_id *id)
{
	struct held **at = &o->held[id->hash[0]];

	while (*at != NULL && memcmp(&(*at)->id, id, sizeof(*id)) != 0)
		at = &(*at)->next;
	return at;
}

/* Reading. */

int object_open(struct objects *o, const struct object_id *id, uint64_t size)
{
	char name[NAME_SIZE];
	struct stat st;
	int fd;

	object_name(id, name);
	fd = openat(o->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size)
		return fd;
	close(fd);
	return -EIO;
}

bool object_is_whole(struct objects *o, const struct object_id *id, uint64_t size)
{
	char name[NAME_SIZE];
	struct stat st;

	object_name(id, name);
	return fstatat(o->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == size;
}

int object_load(struct objects *o, const struct object_id *id, uint64_t size, size_t most,
	char **out, size_t *len)
{
	size_t want = size < most ? (size_t)size : most, got = 0;
	ssize_t n = 1;
	char *bytes;
	int fd;

	fd = object_open(o, id, size);
	if (fd < 0)
		return fd;
	bytes = malloc(want + 1);
	while (bytes != NULL && got < want && n > 0) {
		n = read(fd, bytes + got, want - got);
		if (n > 0)
			got += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	close(fd);
	if (bytes == NULL)
		return -ENOMEM;
	if (got < want) {
		free(bytes);
		return -EIO;
	}
	bytes[got] = '\0';
	*out = bytes;
	*len = got;
	return 0;
}

/* Dropping. */

void object_drop(struct objects *o, const struct object_id *id,
	bool (*used)(void *arg, const struct object_id *), void *arg)
{
	char name[NAME_SIZE];

	object_name(id, name);
	pthread_mutex_lock(&o->mutex);
	if (*object_held(o, id) == NULL && !used(arg, id))
		unlinkat(o->fd, name, 0);
	pthread_mutex_unlock(&o->mutex);
}

struct walk {
	struct objects *objects;
	bool (*fn)(void *arg, const struct object_id *);
	void *arg;
	char shard[3];
};

static bool walk_object(void *arg, int fd, const char *name)
{
	struct walk *walk = arg;
	struct object_id id;
	char hex[HEX + 1];
	size_t len;

	(void)fd;
	if (strlen(name) != HEX - 2)
		return true;
	snprintf(hex, sizeof(hex), "%s%s", walk->shard, name);
	if (sodium_hex2bin(id.hash, sizeof(id.hash), hex, HEX, NULL, &len, NULL) != 0 ||
		len != sizeof(id.hash))
		return true;
	return walk->fn(walk->arg, &id);
}

int objects_each(struct objects *o, bool (*fn)(void *arg, const struct object_id *), void *arg,
	struct error *err)
{
	struct walk walk = {.objects = o, .fn = fn, .arg = arg};
	int status = 0;

	for (unsigned i = 0; i < 256 && status == 0; i++) {
		snprintf(walk.shard, sizeof(walk.shard), "%02x", i);
		status = each_name(o->fd, walk.shard, walk_object, &walk);
		if (status == -ENOENT)
			status = 0;
	}
	if (status < 0)
		return error_set(err, -status, "can't list the objects: %s", strerror(-status));
	return 0;
}
