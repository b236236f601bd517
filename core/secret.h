/*
 * Secrets at rest: what a source's server is told to believe us, sealed with a key of this
 * machine's.
 *
 * libsodium's crypto_secretbox (XSalsa20-Poly1305) with a nonce of each sealing's own. The key is
 * the credential `leitlfs-key` of systemd ($CREDENTIALS_DIRECTORY, systemd.exec(5)), else the file
 * `key` in the state directory, made with mode 0600 at the first need. A key that others may read,
 * or whose length is wrong, is refused, and so is one that is missing while there are secrets.
 *
 * Plain secrets are in memory of their own (struct plain): wiped when freed, never in a buf, a log
 * or an error text. Any thread.
 */
#ifndef CORE_SECRET_H
#define CORE_SECRET_H

#include "core/buf.h"
#include "core/error.h"

#include <stdbool.h>
#include <stddef.h>

struct secret;

/* `dir` is the state directory; `needed`: there are sealed secrets, so the key must be there. The
 * key file is read, or made, once. -EACCES (others may read it), -EINVAL (not a key), -ENOENT,
 * -ENOSYS (libsodium), errnos of open(2). */
int secret_open(const char *dir, bool needed, struct secret **out, struct error *);
void secret_close(struct secret *); /* takes NULL */

/* A text that is wiped: sodium_malloc'ed, terminated. */
struct plain {
	size_t len;
	char *text;
};
struct plain *plain_new(const char *text, size_t len); /* NULL: out of memory */
void plain_free(struct plain *);                       /* takes NULL */

/* Adds the sealed bytes to `out`; `name` (what it is for) must be the same at unsealing. */
int secret_seal(struct secret *, const char *name, const char *text, size_t len, struct buf *out);
/* -EBADMSG: sealed with another key or for another name, or changed since. */
int secret_unseal(struct secret *, const char *name, const void *sealed, size_t len,
	struct plain **out, struct error *);

#endif
