/* Shared by the sources of core/item/task*.c alone. */
#ifndef CORE_TASK_PRIVATE_H
#define CORE_TASK_PRIVATE_H

#include "core/item/task.h"

struct json;

/* What one message says of a task. */
struct task_word {
	struct task_word *next;   /* in the act, in the order in which they were written */
	char *rest;               /* members to tell beside: each with a comma before it; or NULL */
	struct task *task;        /* begins: as it will be, and not the state's; else NULL */
	bool over;                /* begins: ended by the same act */
	char *id;                 /* ends: NULL is the writer's newest; begins: its own choice */
	bool fails, timed;        /* ends: as failed; the duration is told */
	bool must;                /* ends: there must be such a task */
	char *result, *error;     /* ends: JSON or NULL */
	const struct task *ended; /* ends: which one, once it is decided */
};

/* Adds a word to the act. NULL: out of memory. */
struct task_word *task_word_new(struct act *);

/* The members of a task as its saved row and the detail of its beginning hold them, each with a
 * comma before it; and taken from there. -ENOMEM. */
void task_describe(const struct task *, struct buf *);
int task_take(struct task *, const struct json *, const char *text);
void task_release(struct task *);

/* What tells the end of one: the data as far as it is the same for all, without the closing brace;
 * and the detail. `by` is who ended it where that is not its agent, or NULL. */
void task_end_data(const struct loop *, const struct task *, enum task_status, const char *by,
	bool timed, struct buf *);
void task_end_detail(
	const struct task *, const char *by, const char *result, const char *error, struct buf *);

extern const char *const task_statuses[]; /* by enum task_status */

#endif
