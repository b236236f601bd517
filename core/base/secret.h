/*
 * Secrets at rest: what a source's server is told to believe us, sealed with a key of this
 * machine's.
 *
 * libsodium's XChaCha20-Poly1305 (libsodium's documentation, "AEAD constructions") with a random
 * nonce of each sealing's own; what it is for is authenticated with it. The key is the credential
 * `leitlfs-key` of systemd ($CREDENTIALS_DIRECTORY, systemd.exec(5)), else the file `key` in the
 * state directory, made with mode 0600 and synced to the disk at the first sealing: 32 random bytes
 * each. A key that others may read, or whose length is wrong, is refused, and so is one that is
 * missing while there are secrets.
 *
 * Plain secrets are in memory of their own (struct plain): locked, left out of core files, wiped
 * when freed; never in a buf, a log or an error text. Any thread.
 */
#ifndef CORE_SECRET_H
#define CORE_SECRET_H

#include "core/base/buf.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct secret;

/* `dir` is the state directory, which is copied; `needed`: there are sealed secrets, so the key
 * must be there. Blocks for the disk. -EACCES (others may read it, or it is another's), -EINVAL
 * (not a key), -ELOOP (a symbolic link), -ENOENT, -ENOSYS (libsodium), errnos of open(2). */
int secret_open(const char *dir, bool needed, struct secret **out, struct error *);
void secret_close(struct secret *); /* takes NULL */

/* A text that is wiped: sodium_malloc'ed, terminated. */
struct plain {
	size_t len;
	char *text;
};
struct plain *plain_new(const char *text, size_t len); /* NULL: out of memory */
void plain_free(struct plain *);                       /* takes NULL */

/* Adds the sealed bytes to `out`; `name` (what it is for) must be the same at unsealing. Makes the
 * key file where there is no key yet, so it may block for the disk. -ENOMEM, -EMSGSIZE, -EEXIST (a
 * key came from elsewhere meanwhile), errnos of open(2) and write(2). */
int secret_seal(struct secret *, const char *name, const char *text, size_t len, struct buf *out,
	struct error *);
/* -EBADMSG: sealed with another key or for another name, or changed since; -ENOENT: there is no
 * key; -ENOMEM. */
int secret_unseal(struct secret *, const char *name, const void *sealed, size_t len,
	struct plain **out, struct error *);

#endif
