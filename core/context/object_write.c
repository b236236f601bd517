/* Writing objects. */
#include "core/context/object_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TMP_SIZE 32

struct object_writer {
	struct objects *objects;
	uint64_t size, most;
	char *bytes; /* what is not in the file; all of a small one */
	size_t len, cap;
	int fd; /* -1: small so far */
	char name[TMP_SIZE];
	crypto_generichash_state hash; /* of what is in the file */
};

/* What is held; under the mutex. */

static int hold(struct objects *o, const struct object_id *id)
{
	struct held **at = object_held(o, id);

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
	struct held **at = object_held(o, id), *h = *at;

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

/* Beginning, and adding. */

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

/* Finishing. */

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
static int hold_existing(struct object_writer *w, const struct object_id *id)
{
	struct objects *o = w->objects;
	int status = -ENOENT;

	pthread_mutex_lock(&o->mutex);
	if (object_is_whole(o, id, w->size))
		status = hold(o, id);
	pthread_mutex_unlock(&o->mutex);
	return status;
}

static int place(struct object_writer *w, const struct object_id *id)
{
	struct objects *o = w->objects;
	char name[NAME_SIZE];
	int status;

	status = hold_existing(w, id);
	if (status != -ENOENT)
		return status;
	status = spill(w);
	/* A full disk may be told only now (close(2)). */
	if (status == 0 && close(w->fd) < 0)
		status = -errno;
	if (status < 0)
		return status;
	w->fd = -1;
	object_name(id, name);
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
