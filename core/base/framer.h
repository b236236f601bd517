/*
 * Cuts what is written to one open file description into messages: "a write is a message".
 *
 * What begins with '{', after white space, is JSON: it may span lines and writes, ends with its
 * closing brace, and whatever follows it begins another message. Anything else is text, to the end
 * of its write: a newline there ends the message (and is not part of it, nor a '\r' before it);
 * without one it waits for more, or for framer_flush. Newlines inside a text are kept. Blank lines
 * before a message are nothing, and so is a write that has nothing else.
 *
 * A write counts as a whole: all its messages are found and checked before the first is handed
 * over. When anything is wrong, or the receiver refuses, what was pending is gone too, so that the
 * next write begins afresh.
 *
 * A pure state machine: it does no I/O and knows no clock. Not shared between threads; the owner of
 * the file description keeps its lock around each call. A message that came in one write and
 * completes in it is handed over where it lies; only what waits for more is copied.
 */
#ifndef CORE_FRAMER_H
#define CORE_FRAMER_H

#include "core/base/buf.h"
#include "core/base/json_scan.h"

#include <stdbool.h>
#include <stddef.h>

struct error;
struct json;

struct message {
	const char *text; /* UTF-8 without NUL; not terminated, never empty */
	size_t len;
	const struct json *json; /* the parsed text; NULL: this is no JSON but text */
	size_t left;             /* how many of the same write are still to come; 0 with its last */
};

/* Takes a message; it and what it points to are valid during the call alone. 0, or what the write
 * is to fail with. To apply a write wholly or not at all, collect until `left` is 0. */
typedef int framer_fn(void *arg, const struct message *message);

struct framer {
	size_t max_message;
	struct buf pending; /* what was written of an incomplete message; no storage where empty */
	size_t checked;     /* how much of it is known to be whole characters and no NUL */
	enum { FRAMER_BLANK, FRAMER_TEXT, FRAMER_JSON } kind; /* of what is pending */
	struct json_scan scan;                                /* where FRAMER_JSON stands */
};

/* `max_message` is the most bytes that a message may have: a text without its final newline, JSON
 * from brace to brace. */
void framer_init(struct framer *framer, size_t max_message);
void framer_release(struct framer *framer); /* takes NULL, and one that is all zero */

/* Takes one write(2), and calls `fn` for each message that it completed, in order. 0 when all of it
 * was taken; else nothing is pending any more, and unless `fn` returned it, nothing was handed
 * over:
 * -EINVAL: not UTF-8, a NUL, a syntax error, a key twice, nesting past JSON_DEPTH_MAX, a member
 * "seq" (a line of a log), or more than BATCH_MAX messages.
 * -EMSGSIZE: a message longer than max_message. -ENOMEM. What `fn` returned. */
int framer_write(struct framer *framer, const char *data, size_t len, framer_fn *fn, void *arg,
	struct error *err);

/* At each flush: a pending text is complete, and handed over once, however often flush comes.
 * 0 also where nothing was pending. -EINVAL for JSON that is incomplete, which stays pending: the
 * rest may come through another descriptor, and release drops it. A text that fails (-EINVAL where
 * its last character is cut, -EMSGSIZE, what `fn` returned) is gone. */
int framer_flush(struct framer *framer, framer_fn *fn, void *arg, struct error *err);

/* Whether a message was begun that is not complete. */
bool framer_pending(const struct framer *framer);

#endif
