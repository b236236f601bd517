/*
 * The open questions of a mount, as commands look at them: by asks/<id>/ask.json.
 *
 * Whom a question waits for is told by the ids in it. Those that come and go meanwhile don't
 * matter. For processes with one thread; reading may block as the mount does.
 */
#ifndef FS_QUESTIONS_H
#define FS_QUESTIONS_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct call;
struct json;

/* Gives each open question to `fn` until that returns false: `text` is its ask.json, without the
 * end of line, and `ask` the same. 0, or -ENOMEM; without asks/ there is none. */
int questions_each(const struct call *,
	bool (*fn)(void *arg, const char *text, size_t len, const struct json *ask), void *arg);

/* Its id, "" where it tells none; who asks, by name. Borrowed. */
const char *question_id(const struct json *ask);
const char *question_from(const struct json *ask);

/* Whether this session's answer is waited for: it is asked and has not answered, or anyone may,
 * and it is not the asker. `self` may be "", who has no session. */
bool question_waits_for(const struct json *ask, const char *self);

/* Adds whom it asks: "anyone", or ids with commas between, with "you" for `self`; at most `width`
 * columns. */
void question_add_whom(const struct json *ask, const char *self, size_t width, struct buf *out);

/* Adds what is asked, in quotes and in at most `width` columns, as text for a terminal; nothing
 * where it is hidden from the caller. */
void question_add_words(const struct json *ask, size_t width, struct buf *out);

#endif
