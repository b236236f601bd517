#include "core/base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_BYTES   crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES   crypto_aead_xchacha20poly1305_ietf_ABYTES

/* A sealed secret: this byte, the nonce, the encrypted text with its tag. */
#define FORMAT     1
#define HEAD_BYTES (1 + NONCE_BYTES)

#define CREDENTIAL "leitlfs-key"
#define KEY_NAME   "key"

struct secret {
	pthread_mutex_t mutex; /* of making the key */
	char *dir;
	unsigned char *key; /* sodium_malloc'ed; NULL until there is one */
};

struct plain *plain_new(const char *text, size_t len)
{
	struct plain *p;

	if (sodium_init() < 0 || len > SIZE_MAX / 2)
		return NULL;
	p = malloc(sizeof(*p));
	if (p == NULL)
		return NULL;
	p->text = sodium_malloc(len + 1);
	if (p->text == NULL) {
		free(p);
		return NULL;
	}
	p->len = len;
	if (text != NULL)
		memcpy(p->text, text, len);
	else
		memset(p->text, 0, len);
	p->text[len] = '\0';
	return p;
}

void plain_free(struct plain *p)
{
	if (p == NULL)
		return;
	sodium_free(p->text);
	free(p);
}

static int path_of(const char *dir, const char *name, char out[PATH_MAX], struct error *err)
{
	if ((size_t)snprintf(out, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		return error_set(err, ENAMETOOLONG, "%s: the path is too long", name);
	return 0;
}

/* Whose a key may be, and who else may read it. A credential is systemd's: root's own, with an
 * access list for the service's user, which shows as the group's bit. */
static int check_key(const struct stat *st, const char *path, bool credential, struct error *err)
{
	const mode_t others = credential ? 0027 : 0077;

	if (!S_ISREG(st->st_mode))
		return error_set(err, EINVAL, "%s: a key must be a regular file", path);
	if (st->st_uid != geteuid() && !(credential && st->st_uid == 0))
		return error_set(err, EACCES, "%s: the key belongs to uid %u, not to uid %u", path,
			(unsigned)st->st_uid, (unsigned)geteuid());
	if (st->st_mode & others)
		return error_set(err, EACCES,
			"%s: other users may read or write the key (mode %04o): chmod 0600 it",
			path, (unsigned)st->st_mode & 07777);
	if (st->st_size != KEY_BYTES)
		return error_set(err, EINVAL, "%s: a key is %u bytes long, this file is %lld", path,
			(unsigned)KEY_BYTES, (long long)st->st_size);
	return 0;
}

static int read_key(int fd, const char *path, unsigned char *key, struct error *err)
{
	ssize_t got = read(fd, key, KEY_BYTES);

	if (got < 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	if (got != KEY_BYTES)
		return error_set(err, EINVAL, "%s: the key is cut short", path);
	return 0;
}

/* 1: there is none of that name. */
static int load(struct secret *s, const char *path, bool credential, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), r = 0;
	unsigned char *key = NULL;
	struct stat st = {0};

	if (fd < 0 && errno == ENOENT)
		return 1;
	if (fd < 0 && errno == ELOOP)
		return error_set(err, ELOOP, "%s: a key must not be a symbolic link", path);
	if (fd < 0 || fstat(fd, &st) != 0)
		r = error_set(err, errno, "%s: %s", path, strerror(errno));
	if (r == 0)
		r = check_key(&st, path, credential, err);
	if (r == 0) {
		key = sodium_malloc(KEY_BYTES);
		r = key != NULL ? read_key(fd, path, key, err)
				: error_set(err, ENOMEM, "out of memory");
	}
	if (fd >= 0)
		close(fd);
	if (r != 0)
		sodium_free(key);
	else
		s->key = key;
	return r;
}

static int load_credential(struct secret *s, struct error *err)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];
	int r;

	if (dir == NULL || dir[0] != '/')
		return 1;
	r = path_of(dir, CREDENTIAL, path, err);
	return r != 0 ? r : load(s, path, true, err);
}

int secret_open(const char *dir, bool needed, struct secret **out, struct error *err)
{
	struct secret *s;
	char path[PATH_MAX];
	int r;

	if (sodium_init() < 0)
		return error_set(err, ENOSYS, "libsodium can't be used");
	r = path_of(dir, KEY_NAME, path, err);
	if (r != 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (s != NULL)
		s->dir = strdup(dir);
	if (s == NULL || s->dir == NULL) {
		free(s);
		return error_set(err, ENOMEM, "out of memory");
	}
	pthread_mutex_init(&s->mutex, NULL);
	r = load_credential(s, err);
	if (r == 1)
		r = load(s, path, false, err);
	if (r == 1)
		r = needed ? error_set(err, ENOENT,
				     "%s: the key is missing, and the sources' passwords are "
				     "sealed "
				     "with it: put it back",
				     path)
			   : 0;
	if (r != 0)
		secret_close(s);
	else
		*out = s;
	return r;
}

void secret_close(struct secret *s)
{
	if (s == NULL)
		return;
	sodium_free(s->key);
	pthread_mutex_destroy(&s->mutex);
	free(s->dir);
	free(s);
}

static int write_key(int dir, const char *name, const unsigned char *key)
{
	int fd, r = 0;

	unlinkat(dir, name, 0); /* what a run that died left */
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0600) != 0)
		r = -errno;
	if (r == 0) {
		ssize_t written = write(fd, key, KEY_BYTES);

		if (written != KEY_BYTES)
			r = written < 0 ? -errno : -ENOSPC;
	}
	if (r == 0 && fsync(fd) != 0)
		r = -errno;
	close(fd);
	return r;
}

/* It comes under its name whole, and is on the disk before anything is sealed with it: what is
 * sealed with a lost key is lost. */
static int make_key_file(const char *path, const unsigned char *key)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (dir < 0)
		return -errno;
	r = write_key(dir, KEY_NAME ".new", key);
	if (r == 0 && linkat(dir, KEY_NAME ".new", dir, KEY_NAME, 0) != 0)
		r = -errno;
	unlinkat(dir, KEY_NAME ".new", 0);
	if (r == 0 && fsync(dir) != 0)
		r = -errno;
	close(dir);
	return r;
}

static int need_key(struct secret *s, struct error *err)
{
	unsigned char *key;
	int r;

	if (s->key != NULL)
		return 0;
	key = sodium_malloc(KEY_BYTES);
	if (key == NULL)
		return error_set(err, ENOMEM, "out of memory");
	randombytes_buf(key, KEY_BYTES);
	r = make_key_file(s->dir, key);
	if (r != 0) {
		sodium_free(key);
		return error_set(
			err, -r, "can't make the key %s/" KEY_NAME ": %s", s->dir, strerror(-r));
	}
	s->key = key;
	return 0;
}

/* Takes the key, for reading. */
static const unsigned char *key_of(struct secret *s, bool make, int *r, struct error *err)
{
	const unsigned char *key;

	pthread_mutex_lock(&s->mutex);
	*r = make ? need_key(s, err) : 0;
	key = s->key;
	pthread_mutex_unlock(&s->mutex);
	return key;
}

int secret_seal(struct secret *s, const char *name, const char *text, size_t len, struct buf *out,
	struct error *err)
{
	const size_t size = HEAD_BYTES + len + TAG_BYTES;
	const unsigned char *key;
	unsigned char *sealed;
	int r;

	key = key_of(s, true, &r, err);
	if (r != 0)
		return r;
	sealed = malloc(size);
	if (sealed == NULL)
		return error_set(err, ENOMEM, "out of memory");
	sealed[0] = FORMAT;
	randombytes_buf(sealed + 1, NONCE_BYTES);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + HEAD_BYTES, NULL,
		(const unsigned char *)text, len, (const unsigned char *)name, strlen(name), NULL,
		sealed + 1, key);
	buf_add(out, sealed, size);
	free(sealed);
	r = buf_error(out);
	return r != 0 ? error_set(err, -r, "%s", strerror(-r)) : 0;
}

static int refuse_sealed(const char *name, struct error *err)
{
	return error_set(err, EBADMSG,
		"the secrets of %s can't be opened: sealed with another key, or damaged; give them "
		"again",
		name);
}

int secret_unseal(struct secret *s, const char *name, const void *sealed, size_t len,
	struct plain **out, struct error *err)
{
	const unsigned char *bytes = sealed;
	const unsigned char *key;
	struct plain *p;
	int r;

	key = key_of(s, false, &r, err);
	if (key == NULL)
		return error_set(err, ENOENT, "the secrets of %s: there is no key", name);
	if (len < HEAD_BYTES + TAG_BYTES || bytes[0] != FORMAT)
		return refuse_sealed(name, err);
	p = plain_new(NULL, len - HEAD_BYTES - TAG_BYTES);
	if (p == NULL)
		return error_set(err, ENOMEM, "out of memory");
	r = crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)p->text, NULL, NULL,
		bytes + HEAD_BYTES, len - HEAD_BYTES, (const unsigned char *)name, strlen(name),
		bytes + 1, key);
	if (r != 0) {
		plain_free(p);
		return refuse_sealed(name, err);
	}
	*out = p;
	return 0;
}
