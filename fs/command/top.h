/*
 * `leitlfs top`: the dashboard live in a terminal.
 *
 * Two threads. One reads the mount: the snapshot, once a second and whenever something happens, and
 * writes what is to be said. The other has the terminal, and never waits for the mount: so keys
 * work, and the terminal is restored, also where the daemon hangs. They meet in struct top_feed.
 *
 * What is shown is drawn by core/base/drawn.h, so no name reaches the terminal as anything but
 * text.
 */
#ifndef FS_TOP_H
#define FS_TOP_H

#include "core/base/buf.h"
#include "core/base/drawn.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

struct call;
struct json;
struct top_feed;

/*
 * top_feed.c
 */

/* Starts the thread that reads; it has all signals blocked. It lives as long as the process.
 * -EAGAIN, -ENOMEM, -EMFILE. The call must outlive it. */
int top_feed_start(const struct call *, struct top_feed **out, struct error *);
/* Readable (an eventfd) when there is something to take. */
int top_feed_fd(const struct top_feed *);
/* Takes the newest snapshot, if there is one since the last (then *json is the caller's), and how
 * reading went last. `said` is set when something was said: code 0, or why not. Whether there was
 * anything. Never waits for the mount. */
struct top_news {
	struct json *json;    /* or NULL */
	struct error trouble; /* code 0: the mount answers */
	bool has_said;
	struct error said;
};
bool top_feed_take(struct top_feed *, struct top_news *out);
/* Has a message written to a path of the tree. -EBUSY: the one before is not through yet. */
int top_feed_say(struct top_feed *, const char *path, const char *text);

/*
 * The screen: top_draw.c; what keys do: top_keys.c.
 */

#define TOP_INPUT_MAX 1000 /* characters of a message, or a filter */

enum top_mode { TOP_LIST, TOP_DETAIL, TOP_HELP, TOP_FILTER, TOP_MESSAGE };

struct top {
	struct top_feed *feed;
	struct json *json;    /* the newest snapshot, or NULL */
	struct error trouble; /* code 0: none */
	int64_t taken_us;     /* mono_us: when it was taken, to count on from its time */
	enum top_mode mode;
	enum drawn_kind pane;
	/* Of each pane: the entry that is chosen, by its key, and where it stands; the first that
	 * is shown. */
	struct top_pane {
		char key[300];
		size_t at, first;
	} panes[DRAWN_KINDS];
	const struct json **rows; /* of the pane, those that the filter leaves */
	size_t row_count;
	size_t detail_first; /* line */
	char filter[TOP_INPUT_MAX * 4 + 1];
	wchar_t input[TOP_INPUT_MAX + 1];
	size_t input_len;
	char to[80];      /* whom the message is for: a session's id; "": everyone */
	char answers[80]; /* the question that it answers instead, or "" */
	char sent[100];   /* what the note says once it is through */
	char note[400];   /* what happened last, for the lowest line */
	bool quit;
};

/* Finds the rows of the pane as the filter has it, and the chosen one among them. */
void top_arrange(struct top *);
const struct json *top_chosen(const struct top *); /* NULL: none */
/* The session that an entry is of: its id, or "". */
const char *top_session_of(const struct top *, const struct json *);
/* Of an entry of the pane, the question's id that this person may answer: it is for this person or
 * for anyone. NULL: there is none. */
const char *top_answerable(const struct top *, const struct json *);
/* Has a line written: a filter, or a message. */
void top_input(struct top *, enum top_mode);
/* The message to the session of what is chosen, or the answer to the question that is; and to
 * everyone. What was written is sent (top_say.c). */
void top_begin_message(struct top *, bool everyone);
void top_send_message(struct top *);
/* Whether the mount has not answered for long: its daemon hangs, or is very busy. */
bool top_is_silent(const struct top *);
/* The snapshot's time, and what has passed since; while there is no news, it alone. */
int64_t top_now_ms(const struct top *);

void top_draw(struct top *);
/* The columns that a line may have; one line, of what was added to the buffer, which is empty then;
 * the panes' names; and what is looked into (top_detail.c). */
size_t top_columns(void);
void top_put(int y, int attributes, struct buf *);
extern const char *const top_names[DRAWN_KINDS];
void top_draw_head(struct top *); /* the first two lines (top_head.c) */
void top_draw_tabs(struct top *); /* the third */
void top_draw_detail(struct top *, int from, int lines);
/* `code`: whether it is one of curses' key codes, and no character. */
void top_key(struct top *, wint_t key, bool code);

#endif
