/*
 * Asking and answering in a world: what the mount's ask files do, without the mount.
 *
 * An ask that was made is held for the caller until question_drop(); one that was asked `held` is
 * waited for as well, until question_close().
 */
#ifndef TESTS_UNIT_QUESTION_H
#define TESTS_UNIT_QUESTION_H

#include "core/item/ask.h"
#include "tests/unit/world.h"

/* to: NULL: as the text has it. Fails the test where it is refused. */
struct ask *question_ask(
	struct world *, struct session *from, struct session *to, bool held, const char *text);
/* The same of what is refused; its errno. */
int question_refused(
	struct world *, struct session *from, struct session *to, bool held, const char *text);
/* Whoever asks, and however; the errno, and with `out` the item. */
int question_ask_as(
	struct world *, const struct actor *, struct asking, const char *text, struct item **out);
void question_close(struct world *, struct ask *);
void question_drop(struct ask *);

int question_answer(struct world *, struct session *by, struct ask *, const char *text);
int question_answer_to(
	struct world *, struct session *by, struct ask *, bool error, const char *text);

/* What its asker reads: the answer, or the errno's name. Valid until the next call. */
const char *question_result(struct world *, struct ask *);
size_t question_open_count(struct world *);
/* How many lines of an inbox's direct part hold the text. */
int question_told(struct world *, const char *session, const char *text);

#endif
