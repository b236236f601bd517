#include "core/object.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * DIR/ab/cdef…: the hash in hexadecimal, its first byte a directory, so that
 * none grows large. DIR/tmp/N: what is being written; it gets its name by
 * rename(2).
 */
#define HEX       (2 * OBJECT_ID_BYTES)
#define NAME_SIZE (HEX + 2) /* with the slash and a NUL */
#define TMP_SIZE  32
#define HELD      256 /* lists, by an id's first byte */

struct held {
	struct object_id id;
	unsigned count;
	struct held *next;
};

struct objects {
	int fd;             /* of the directory */
	uint64_t temporary; /* the last number in tmp/; atomic */
	/* Held while an object gets its name, and while one is dropped. */
	pthread_mutex_t mutex;
	struct held *held[HELD];
};

struct object_writer {
	struct objects *objects;
	uint64_t size, most;
	char *bytes; /* what is not in the file; all of a small one */
	size_t len, cap;
	int fd; /* -1: small so far */
	char name[TMP_SIZE];
	crypto_generichash_state hash; /* of what is in the file */
};

static void name_of(const struct object_id *id, char name[NAME_SIZE])
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

/* What is held; under the mutex. */

static struct held **find_held(struct objects *o, const struct object_id *id)
{
	struct held **at = &o->held[id->hash[0]];

	while (*at != NULL && memcmp(&(*at)->id, id, sizeof(*id)) != 0)
		at = &(*at)->next;
	return at;
}

static int hold(struct objects *o, const struct object_id *id)
{
	struct held **at = find_held(o, id);

	if (*at == NULL) {
		*at = calloc(1, sizeof(**at));
		if (*at == NULL)
			return -ENOMEM;
		(*at)->id = *id;
	}
	(*at)->count++;
	return 0;
}

static void unhold(struct objects *o, const struct object_id *id)
{
	struct held **at = find_held(o, id), *h = *at;

	if (h == NULL || --h->count > 0)
		return;
	*at = h->next;
	free(h);
}

void object_release(struct objects *o, const struct object_id *id)
{
	pthread_mutex_lock(&o->mutex);
	unhold(o, id);
	pthread_mutex_unlock(&o->mutex);
}

/* Writing. */

int object_begin(struct objects *o, uint64_t most, struct object_writer **out, struct error *err)
{
	struct object_writer *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return error_set(err, ENOMEM, "out of memory");
	w->objects = o;
	w->most = most;
	w->fd = -1;
	*out = w;
	return 0;
}

static int failed(struct error *err, int code)
{
	return error_set(err, code == EDQUOT ? ENOSPC : code, "can't keep a file's content: %s",
		strerror(code));
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static int make_file(struct object_writer *w)
{
	uint64_t n = __atomic_add_fetch(&w->objects->temporary, 1, __ATOMIC_RELAXED);

	snprintf(w->name, sizeof(w->name), "tmp/%llu", (unsigned long long)n);
	w->fd = openat(w->objects->fd, w->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return w->fd < 0 ? -errno : 0;
}

/* Moves what is in memory into the file. */
static int spill(struct object_writer *w)
{
	int status = w->fd < 0 ? make_file(w) : 0;

	if (status == 0)
		status = write_all(w->fd, w->bytes, w->len);
	if (status == 0)
		w->len = 0;
	return status;
}

static int hash_begin(struct object_writer *w)
{
	return crypto_generichash_init(&w->hash, NULL, 0, OBJECT_ID_BYTES) == 0 ? 0 : -EIO;
}

static int add(struct object_writer *w, const char *bytes, size_t len)
{
	if (w->len + len > w->cap) {
		size_t cap = w->cap == 0 ? 4096 : w->cap;
		char *grown;

		while (cap < w->len + len)
			cap *= 2;
		cap = cap < OBJECT_SMALL ? cap : OBJECT_SMALL;
		grown = realloc(w->bytes, cap);
		if (grown == NULL)
			return -ENOMEM;
		w->bytes = grown;
		w->cap = cap;
	}
	memcpy(w->bytes + w->len, bytes, len);
	w->len += len;
	return 0;
}

int object_write(struct object_writer *w, const void *data, size_t len, struct error *err)
{
	const char *bytes = data;
	int status = 0;

	if (len > w->most - w->size)
		return error_set(
			err, EFBIG, "it is larger than %llu bytes", (unsigned long long)w->most);
	while (status == 0 && len > 0) {
		size_t room = OBJECT_SMALL - w->len, n = len < room ? len : room;

		if (n > 0)
			status = add(w, bytes, n);
		if (status == 0 && w->fd >= 0)
			crypto_generichash_update(&w->hash, (const void *)bytes, n);
		if (status < 0)
			break;
		bytes += n;
		len -= n;
		w->size += n;
		if (w->len < OBJECT_SMALL || len == 0)
			continue;
		/* It is no small one. */
		if (w->fd < 0 && (status = hash_begin(w)) == 0)
			crypto_generichash_update(&w->hash, (const void *)w->bytes, w->len);
		if (status == 0)
			status = spill(w);
	}
	return status < 0 ? failed(err, -status) : 0;
}

uint64_t object_written(const struct object_writer *w)
{
	return w->size;
}

static int identify(struct object_writer *w, struct object_id *id)
{
	int bad;

	if (w->fd < 0)
		bad = crypto_generichash(
			id->hash, sizeof(id->hash), (const void *)w->bytes, w->len, NULL, 0);
	else
		bad = crypto_generichash_final(&w->hash, id->hash, sizeof(id->hash));
	return bad ? -EIO : 0;
}

static bool is_there(struct objects *o, const char *name, uint64_t size)
{
	struct stat st;

	return fstatat(o->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == size;
}

static int give_name(struct object_writer *w, const char *name)
{
	struct objects *o = w->objects;
	char shard[3] = {name[0], name[1], '\0'};

	if (renameat(o->fd, w->name, o->fd, name) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	if (mkdirat(o->fd, shard, 0700) < 0 && errno != EEXIST)
		return -errno;
	return renameat(o->fd, w->name, o->fd, name) == 0 ? 0 : -errno;
}

/* Holds the object if it is there: then nothing needs to be written. */
static int hold_existing(struct object_writer *w, const struct object_id *id, const char *name)
{
	struct objects *o = w->objects;
	int status = -ENOENT;

	pthread_mutex_lock(&o->mutex);
	if (is_there(o, name, w->size))
		status = hold(o, id);
	pthread_mutex_unlock(&o->mutex);
	return status;
}

static int place(struct object_writer *w, const struct object_id *id)
{
	struct objects *o = w->objects;
	char name[NAME_SIZE];
	int status;

	name_of(id, name);
	status = hold_existing(w, id, name);
	if (status != -ENOENT)
		return status;
	status = spill(w);
	/* A full disk may be told only now (close(2)). */
	if (status == 0 && close(w->fd) < 0)
		status = -errno;
	if (status < 0)
		return status;
	w->fd = -1;
	pthread_mutex_lock(&o->mutex);
	status = hold(o, id);
	if (status == 0 && (status = give_name(w, name)) < 0)
		unhold(o, id);
	pthread_mutex_unlock(&o->mutex);
	if (status == 0)
		w->name[0] = '\0';
	return status;
}

int object_finish_keep(struct object_writer *w, struct object_id *id, uint64_t *size, char **bytes,
	struct error *err)
{
	const size_t len = w->len;
	bool small = w->fd < 0;
	struct object_id found;
	int status;

	status = identify(w, &found);
	if (status == 0)
		status = place(w, &found);
	if (status < 0) {
		status = failed(err, -status);
	} else {
		*id = found;
		*size = w->size;
		*bytes = small && len > 0 ? w->bytes : NULL;
		if (*bytes != NULL)
			w->bytes = NULL;
	}
	object_cancel(w);
	return status;
}

int object_finish(struct object_writer *w, struct object_id *id, uint64_t *size, struct error *err)
{
	char *bytes = NULL;
	int status = object_finish_keep(w, id, size, &bytes, err);

	free(bytes);
	return status;
}

void object_cancel(struct object_writer *w)
{
	if (w == NULL)
		return;
	if (w->fd >= 0)
		close(w->fd);
	if (w->name[0] != '\0')
		unlinkat(w->objects->fd, w->name, 0);
	free(w->bytes);
	free(w);
}

/* Reading. */

int object_open(struct objects *o, const struct object_id *id, uint64_t size)
{
	char name[NAME_SIZE];
	struct stat st;
	int fd;

	name_of(id, name);
	fd = openat(o->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size)
		return fd;
	close(fd);
	return -EIO;
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

	name_of(id, name);
	pthread_mutex_lock(&o->mutex);
	if (*find_held(o, id) == NULL && !used(arg, id))
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
