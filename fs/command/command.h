/*
 * The commands of leitlfs: thin programs over the files of a mount, where a line of shell would be
 * awkward.
 *
 * One table (fs/command/command_table.c) has each command with its arguments, its options and its
 * help; the dispatch, `leitlfs -h`, each command's --help and the shells' completions are made from
 * it. A command does nothing that its user could not do with the files: it opens, reads and writes
 * them, so what it may do, and as whom, the mount decides.
 *
 * Each runs in a process of its own with one thread, and ends with one of the statuses below. With
 * --json it prints exactly one JSON object on stdout, also when it is refused: {"error":{"errno":…,
 * "reason":…},"status":N}; but none for a usage error. What it says on stderr begins with its name:
 * "leitlfs say: …".
 */
#ifndef FS_COMMAND_H
#define FS_COMMAND_H

#include "fs/command/locate.h"

#include "core/base/buf.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum command_status {
	COMMAND_DONE = 0,
	COMMAND_REFUSED = 1,    /* or nothing was found, or something is wrong */
	COMMAND_USAGE = 2,      /* not understood; several mounts could be meant */
	COMMAND_TIMED_OUT = 3,  /* no answer in time */
	COMMAND_NOBODY = 4,     /* there is no such receiver, or it has ended */
	COMMAND_ERROR = 5,      /* the answer is an error */
	COMMAND_UNANSWERED = 6, /* the question was cancelled, or all wait for each other */
	COMMAND_NO_MOUNT = 7,   /* or it is dead, doesn't answer, or is closed to this user */
	/* leitlfs run, whose other statuses are the program's own */
	COMMAND_RUN_FAILED = 125,
	COMMAND_CANNOT_RUN = 126,
	COMMAND_NOT_FOUND = 127,
};

/* What a word of the command line is, for completions. */
enum complete {
	COMPLETE_NOTHING,
	COMPLETE_PROGRAM, /* and then its arguments */
	COMPLETE_MOUNT,
	COMPLETE_WHO,     /* a session, an agent, tag:WORD; or several with commas between */
	COMPLETE_TYPE,    /* of an event */
	COMPLETE_SESSION, /* of one's own, by its id */
	COMPLETE_SOURCE,  /* source:NAME, in a search */
	COMPLETE_COMMAND,
	COMPLETE_SECTION, /* of the manual */
	COMPLETE_ASK,     /* an open question that waits for the caller, by its id */
};

struct command_option {
	char letter;       /* also its name in struct given */
	const char *name;  /* the long one */
	const char *value; /* what it takes: TIME; NULL: nothing */
	const char *help;
	enum complete complete;
};

struct call;

struct command_row {
	const char *name, *arguments;         /* as in the usage line */
	const char *line;                     /* what it does, for lists */
	const char *text;                     /* the rest of its help */
	const struct command_option *options; /* ends with a letter of 0; besides these it has the
						 common ones */
	unsigned flags;
	size_t least, most; /* words that it takes */
	enum complete first, rest;
	int (*run)(struct call *); /* returns the status */
};

enum {
	COMMAND_TREE = 1 << 0,   /* finds the mount before it runs, and takes --mount */
	COMMAND_JSON = 1 << 1,   /* takes --json */
	COMMAND_STATUS = 1 << 2, /* its failures are COMMAND_RUN_FAILED */
	COMMAND_HIDDEN = 1 << 3, /* for completions, in no list; takes its words as they are */
	COMMAND_AS = 1 << 4,     /* takes --as: works in the tree as/<id> */
	COMMAND_FIRST = 1 << 5,  /* its options stand before its first word */
};

extern const struct command_row commands[];          /* ends with a NULL name */
extern const struct command_option command_common[]; /* --mount, --as, --json, --help */

/* An option as it was given. */
struct given {
	char letter;
	const char *value; /* NULL where it takes none */
};

#define GIVEN_MAX 64

/* One run of a command. */
struct call {
	const struct command_row *command;
	struct located at; /* where COMMAND_TREE */
	bool json;
	struct given given[GIVEN_MAX];
	size_t given_count;
	char **words;
	size_t word_count;
};

/* Whether main's arguments are a command's, if a misspelt one's, and not a mount's: mount(8) may
 * name its source like one, but passes options then. */
bool command_is(int argc, char **argv);
int command_main(int argc, char **argv); /* returns the status to exit with */

/* The value of an option, "" where it takes none; NULL: it was not given. */
const char *command_value(const struct call *, char letter);

/* Says why on stderr, and on stdout where JSON is asked for; returns the status for the error's
 * code (negative or positive). */
int command_fail(const struct call *, const struct error *);
/* The same but for stderr, which knows already; `more` are further members of the JSON, each with a
 * comma before it, or NULL. */
int command_failed(const struct call *, const struct error *, const char *more);
/* As command_fail with a reason of the command's own; `code` is an errno. */
int command_refuse(const struct call *, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Prints what the buffer holds, releases it, and returns COMMAND_DONE; or the failure's status. */
int command_print(const struct call *, struct buf *out);

/* Which options this command takes: its own, then the common ones that its flags allow. NULL past
 * the last. */
const struct command_option *command_option_at(const struct command_row *, size_t index);

/* NULL: there is none of that name. */
const struct command_row *command_find(const char *name);
/* Where in argv the command is that options stand before, which belong behind it; 0: they do not,
 * or are a mount's. */
int command_behind(int argc, char **argv);
/* Whether argv[1], which is no command, was meant to be one: nothing else is of that name. */
bool command_misspelt(int argc, char **argv);
/* Says so of either on stderr, with the command that was probably meant. Returns the status. */
int command_unknown(int argc, char **argv);

/* `leitlfs COMMAND --help`, and the commands as lines of `leitlfs -h`. */
void command_help(const struct command_row *, struct buf *out);
void commands_help(struct buf *out);

/* Adds text of others for a terminal: control characters become '?' but for tabs and, where
 * `lines`, newlines; so do what turns the direction of writing, and what is no UTF-8. */
void command_plain(struct buf *out, const char *text, size_t len, bool lines);

/* Says on stderr where the working directory's mount has ended and another at its place is meant
 * (fs/command/locate.h). */
void command_note_moved(const struct call *);

/* The words from the index on, joined by spaces, or all of stdin where they are one "-", or none.
 * -EINVAL: blank, or no UTF-8; -EMSGSIZE. */
int command_text(const struct call *, size_t from, struct buf *out, struct error *);

int command_ask(struct call *);
int command_answer(struct call *);
int command_say(struct call *);
int command_run(struct call *);
int command_show_status(struct call *);
int command_search(struct call *);
int command_top(struct call *);
int command_doctor(struct call *);
int command_umount(struct call *);
int command_complete(struct call *);
int command_man(struct call *);
int command_show_help(struct call *);

#endif
