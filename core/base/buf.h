/*
 * A growing byte buffer with a bound.
 *
 * `data` is always followed by a NUL that `len` does not count, once anything was added. A buffer
 * that would grow past its bound, or whose allocation fails, becomes `failed`: it keeps what it
 * had, takes nothing more, and buf_error() tells why; so a caller adds as it pleases and checks
 * once at the end. Not shared between threads.
 */
#ifndef CORE_BUF_H
#define CORE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;
	size_t len, cap;
	size_t max; /* bound in bytes; 0 is BUF_MAX_DEFAULT */
	int failed; /* 0, or ENOMEM or EMSGSIZE */
};

#define BUF_MAX_DEFAULT ((size_t)64 << 20)
#define BUF_INIT                                                                                   \
	{                                                                                          \
		0                                                                                  \
	}

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b); /* frees the storage; takes NULL and a released one */
void buf_reset(struct buf *b);   /* empties it and clears `failed`; keeps the storage */

void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds text as a JSON string with its quotes (RFC 8259, section 7). The text must be valid UTF-8;
 * '"', '\\' and characters below 0x20 are escaped, as is DEL; all else stands as it is. */
void buf_add_json(struct buf *b, const char *text, size_t len);

/* Adds a time as RFC 3339 in UTC with microseconds: 2025-11-18T12:00:00.123456Z. */
void buf_add_time(struct buf *b, long long time_us);

/* Adds a member to a JSON object that has one already: ,"key":"text", or null where the text is
 * NULL or the time 0. The key needs no escaping. */
void buf_add_json_text(struct buf *b, const char *key, const char *text);
void buf_add_json_time(struct buf *b, const char *key, long long time_us);

int buf_error(const struct buf *b); /* 0, -ENOMEM or -EMSGSIZE */

/* Hands the storage over: the caller frees it. NULL where nothing was added or the buffer has
 * failed; `*len` (may be NULL) is its length. The buffer is empty afterwards. */
char *buf_detach(struct buf *b, size_t *len);

#endif
