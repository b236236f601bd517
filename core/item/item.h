/*
 * What the people of the loop have going with each other: asks, tasks, claims, collaborations.
 *
 * Each is an *item* of the state: records begin it, change it and close it, as state_apply() has
 * them (core/state/state.h). What is common stands here; what a kind is beyond that, its own source
 * says by the functions of its `struct item_ops` (core/item/ask.c, task.c, claim.c,
 * collaboration.c). What the daemon warns of is an item too (core/item/alert.c).
 *
 * The record of an item is an event of the kind's types whose detail names it:
 * {"item":ID, …}. A record of another type may stand in the files of a collaboration: its detail
 * has {"in":ID}. With {"quiet":true} a record for somebody does not stand in his inbox: he reads it
 * elsewhere; with {"tell":"ID ID"} one that everyone may see stands in the inboxes of these
 * sessions, too.
 *
 * A closed item stays readable for as long as ended sessions do, `closed_max` of a kind, and of
 * some kinds as long as these hold no more than `closed_bytes`. Past that the user who has the most
 * of them (or the most bytes) loses his oldest, so that nobody drives out what is others'; but what
 * was just closed stays, however large. This is part of applying a record: the same log leaves the
 * same items.
 *
 * Threads: as core/state/state.h. Items are counted by reference: whoever keeps a pointer beyond
 * the state's lock holds one.
 */
#ifndef CORE_ITEM_H
#define CORE_ITEM_H

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/limits.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct act;
struct channel;
struct json;
struct loop;
struct record;
struct session;
struct state;
struct store;

enum item_kind { ITEM_ASK, ITEM_TASK, ITEM_CLAIM, ITEM_COLLABORATION, ITEM_ALERT, ITEM_KINDS };

/* The kinds' own structs begin with it. */
struct item {
	enum item_kind kind;
	char *id; /* the name of its directory */
	uid_t uid;
	gid_t gid;
	char session[ID_MAX + 1];    /* who began it; "": no session did */
	char *from;                  /* the same for people: the agent's name, or the user's */
	int64_t began_us, closed_us; /* closed_us 0: it is open */
	int64_t began_pos, closed_pos;

	/* lists */
	struct item *prev, *next;         /* of the kind's open or closed ones */
	struct item *own_prev, *own_next; /* of the closed ones of the same uid */
	size_t bytes;                     /* what it holds, once it is closed (item_ops.bytes) */
	struct item *hash_next, *dirty_next;
	bool dirty, gone; /* gone: its row is to be dropped */

	/* not kept */
	atomic_int refs;
};

struct item_ops {
	const char *prefix; /* of its events' types, "ask." */
	const char *begins; /* the type that makes one, "ask.asked" */
	size_t size;        /* of the kind's struct */
	size_t closed_max;  /* closed ones that stay readable; 0: none */
	/* What a closed one holds, by what is saved of it alone; and how much all of them may.
	 * NULL: that is not limited. */
	size_t (*bytes)(const struct item *);
	size_t closed_bytes;
	/* Applies a record of the item; the one that began it, too. `text` is the detail's. Sets
	 * *closes where the item is over. -ENOMEM, -EUCLEAN. */
	int (*apply)(struct state *, struct item *, const struct record *,
		const struct json *detail, const char *text, bool *closes);
	/* Adds its own members to the JSON object that is saved: each with a comma before it; and
	 * takes them from there. -ENOMEM, -EUCLEAN. May be NULL where there are none. */
	void (*save)(const struct item *, struct buf *);
	int (*load)(struct state *, struct item *, const struct json *, const char *text);
	/* Frees its own members; of a half-built one, too. */
	void (*release)(struct item *);
	/* A session ends, in this act: adds what that means for an open item (act_add). On the
	 * committer. May be NULL. */
	int (*session_ends)(
		struct loop *, struct act *, struct item *, const struct session *, struct error *);
	/* The channels that a record which names it by "in" stands in, up to 3 of them (NULL: no
	 * more). May be NULL. */
	void (*channels)(const struct item *, const struct record *, struct channel *out[3]);
};

extern const struct item_ops ask_item, task_item, claim_item, collaboration_item, alert_item;
extern const struct item_ops *const item_kinds[ITEM_KINDS];

/* In the state. */
struct items {
	struct item *hash[1024];
	struct item_list {
		struct item *first, *last; /* in the order in which they began, or were closed */
		size_t count;
		size_t bytes;              /* closed ones: what they hold, */
		struct item_owner *owners; /* and whose they are (core/item/item_closed.c) */
	} open[ITEM_KINDS], closed[ITEM_KINDS];
	struct item *dirty;
	int64_t numbers[ITEM_KINDS]; /* the highest that an id was made of: item_number */
};

/* With the state's lock held. Closed ones too; NULL: there is none. */
struct item *state_item(const struct state *, enum item_kind, const char *id);
struct item *item_ref(struct item *);
void item_unref(struct item *); /* takes NULL */

/* A new id: q1, q2, … by the kind's letter. On the committer, while an act is decided; the record
 * that begins it keeps the number by its detail's "number". */
int64_t item_number(struct loop *, enum item_kind, char out[ID_MAX + 1]);

/* How many open ones of that kind the uid has. */
size_t items_of(const struct state *, enum item_kind, uid_t uid);

/* Makes what a record says of an item happen; which of the state's records are an item's: the kind,
 * or -1. -ENOMEM, -EUCLEAN. */
int item_kind_of(const char *type);
int items_apply(
	struct state *, int kind, struct record *, const struct json *detail, const char *text);
void item_touch(struct state *, struct item *); /* it is to be saved */

/* A session ends: what becomes of the items (item_ops.session_ends). */
int items_session_ends(struct loop *, struct act *, const struct session *, struct error *);

/* Forgets those that were closed before. Saving and loading, within the state's
 * (core/state/state.h). */
void items_forget(struct state *, int64_t closed_before_us);
int items_save(struct state *, struct error *);
void items_saved(struct state *);
int items_load(struct state *, struct error *);
void items_release(struct items *);

/* Adds a member with a text, or with JSON text as it is, where it is not NULL: ,"KEY":… */
void item_add_text(struct buf *, const char *key, const char *text);
void item_add_raw(struct buf *, const char *key, const char *json);
/* The text of a member, or JSON text of it as it stands, copied: replaces *field where it is there,
 * null clears it. -ENOMEM. */
int item_take_text(char **field, const struct json *, const char *key);
int item_take_raw(char **field, const char *text, const char *key);

#endif
