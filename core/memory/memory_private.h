/*
 * Shared by memory*.c alone.
 *
 * Locks, in the order in which they may be taken: `names`, a node's `mutex`, `quiet_mutex`,
 * `mutex`. `names` is
 * held for reading while a path is used, and for writing while names change on the disk and in the
 * nodes, so that what a path says is always so. `mutex` guards the table of the nodes, their names,
 * references and what is used of the limits; it is held for instants. The state's lock and the
 * queue's are never taken under any of them.
 */
#ifndef CORE_MEMORY_PRIVATE_H
#define CORE_MEMORY_PRIVATE_H

#include "core/memory/memory.h"

#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/state/act.h"
#include "core/state/session.h"

#include <limits.h>
#include <pthread.h>

#define MEMORY_BUCKETS  65536 /* a power of two */
#define MEMORY_HOLDERS  256
#define MEMORY_DIR      "memory" /* of the state, and of the mount */
#define MEMORY_REVISION "user.leitlfs.revision"

/* One of a node's names; holds the directory that it is in. */
struct memory_name {
	struct memory_name *next;
	struct memory_node *dir;
	char text[];
};

struct memory_node {
	struct memory *memory;
	ino_t ino;
	mode_t type;
	uint64_t refs;
	struct memory_node *next, **link; /* in its bucket */
	struct memory_name *names;        /* those that were met, in that order */
	char *last; /* the path that it had when the last one went; NULL: it has one */
	int fd;     /* of what lost the last name that is known: O_PATH; else -1 */
	/* With a descriptor, and not open; NULL: it is not among these. Under the memory's mutex.
	 */
	struct memory_node *idle_next, **idle_link;
	bool removed;      /* and what it took of the limits is given back at the last close */
	int opens;         /* this and below: files, under its mutex */
	off_t size;        /* as charged */
	uint64_t revision; /* 0: it was not read yet */
	bool is_new;       /* revision 1 was not told yet */
	struct memory_file *files; /* the open ones */
	pthread_mutex_t mutex;
	void *owner;
};

#define WRITERS_MAX 8 /* that one event names */

struct memory_file {
	struct memory_node *node; /* referred to */
	struct actor actor;
	int fd;
	bool writes;
	bool created;
	_Atomic bool has_read;
	bool changed; /* this and below: under the node's mutex */
	int slot;     /* of the dirty list; -1: none */
	struct memory_file *next, **link;
	int writer_count;
	char *writers[WRITERS_MAX]; /* who else had it open for writing */
};

struct dirty_list;
struct note_list;
struct quiet;

/* Who was refused what by the disk, so that `errors` is not flooded. */
#define MEMORY_REFUSALS 16
struct memory_refusal {
	uid_t uid;
	int code;
	bool by_disk; /* else by the log */
	int64_t last_us;
	long more; /* since then */
};

struct memory {
	struct loop *loop;
	const struct config *config;
	int fd; /* STATE/memory */
	dev_t dev;
	struct memory_node root;
	pthread_rwlock_t names;
	pthread_mutex_t mutex;
	struct memory_node *buckets[MEMORY_BUCKETS];
	struct memory_node *idle, **idle_tail; /* removed, known, not open; the oldest first */
	int idle_count;
	int64_t bytes, nodes; /* used of the limits */
	/* Descriptors of what is open (memory_fds.c). */
	int64_t fds_open, fds_most, fds_most_of_one;
	struct memory_holder *holders[MEMORY_HOLDERS];
	char user[64]; /* the name of the user told of last */
	uid_t user_uid;
	int64_t user_until_us;
	struct dirty_list *dirty;
	struct note_list *notes;
	int telling; /* acts that are not over yet */
	pthread_cond_t told;
	struct memory_refusal refusals[MEMORY_REFUSALS];
	/* What is told later (memory_quiet.c): under quiet_mutex. */
	pthread_mutex_t quiet_mutex;
	pthread_cond_t quiet_cond;
	struct quiet *quiet;
	int quiet_count;
	int64_t next_us; /* mono: when the thread looks again */
	bool quiet_stopping, quiet_running;
	pthread_t quiet_thread;
};

/* --- memory_node.c: nodes and their paths */

/* Where a node is on the disk: a descriptor and a path from there. Made and used with `names`
 * held. */
struct memory_place {
	int fd;
	bool opened; /* the descriptor is the place's own */
	int flags;   /* AT_SYMLINK_NOFOLLOW, but for what was removed */
	const char *path;
	char *text;
};
/* The node's, or a name's in it. Of what was removed, by its descriptor; -ENOENT: there is none;
 * -ENOMEM and others as openat(2). */
int memory_place(struct memory_node *, const char *name, struct memory_place *);
void memory_place_release(struct memory_place *);

/* The node of an inode, made where there is none, referred to once more, with this name among its
 * names. -ENOMEM. */
int memory_node_at(
	struct memory_node *dir, const char *name, const struct stat *, struct memory_node **out);
struct memory_node *memory_node_known(struct memory *, ino_t); /* referred to once more; or NULL */

/* With `names` held for writing. */
int memory_name_add(struct memory_node *, struct memory_node *dir, const char *name);
void memory_name_drop(struct memory_node *, struct memory_node *dir, const char *name);

/* --- memory.c: limits */

/* Takes so much more of the limits: -ENOSPC with the reason. Or only counts it, below 0 gives it
 * back. */
int memory_charge(struct memory *, int64_t bytes, int64_t nodes, struct error *);
void memory_account(struct memory *, int64_t bytes, int64_t nodes);
int64_t memory_take_rest(struct memory *, int64_t bytes); /* what there is, of so much at most */
int64_t memory_blocks(off_t size);                        /* what a file of that size counts */

/* Whether its user may cause one more event. */
int memory_may(struct memory *, const struct actor *, struct error *);

/* --- memory_fds.c */

/* One more descriptor for what the user opens: -EMFILE with the reason, -ENOMEM; and gives it back.
 * The limits are shares of RLIMIT_NOFILE as it was at init. */
void memory_fds_init(struct memory *);
void memory_fds_release(struct memory *);
int memory_fd_take(struct memory *, uid_t, struct error *);
void memory_fd_give(struct memory *, uid_t);

/* --- memory_name.c */

int memory_check_name(const char *name);
/* Calls open(2), mkdir(2) and the like without this process's umask: the client's was applied. */
mode_t memory_umask(mode_t);
/* Gives what was made in a directory to who made it, with `names` held. */
int memory_give(struct memory_node *dir, const struct memory_place *, const struct actor *);

/* -EEXIST where there is something: that something was made is seen by that there was nothing. */
int memory_is_free(const struct memory_place *);
/* Begins the change that makes something at a name, and tells so much of it. */
struct memory_change;
struct memory_told;
void memory_begin_making(struct memory_change *, struct memory_node *dir, const char *name,
	const struct actor *, struct memory_told *);

/* --- memory_count.c */

/* What counting looks for beside: where inodes are, and what stands at one name. */
struct memory_sought {
	uint64_t ino;
	char *path; /* where it was met first, NULL: nowhere; the caller's to free */
};
struct memory_look {
	struct memory_sought *sought;
	size_t count;
	uint64_t dir; /* 0: no name is looked for */
	const char *name;
	uint64_t there;  /* what stands there, 0: nothing */
	bool listed;     /* that directory was */
	bool looks_only; /* nothing is counted */
};
/* Counts what there is. */
int memory_count(struct memory *, struct memory_look *);

/* --- memory_recover.c */

/* The directory of a path below the memory's root, referred to once more; as memory_find(). */
int memory_find_dir(struct memory *, const char *path, size_t len, struct memory_node **out);
/* Of a file that lost the last name that was known, finds another in all the memory. */
void memory_find_name(struct memory_node *);

/* Counts what there is, and tells what the run before left untold. */
int memory_take_stock(struct memory *, struct error *);

/* --- memory_open.c */

/* openat(2) that follows nothing; the descriptor, or -1 and errno. */
int memory_open_beneath(const struct memory_place *, int flags, mode_t);
int memory_open_node(struct memory_node *, int flags); /* a descriptor of its own; or -errno */

/* --- memory_file.c */

/* It is changed, or about to be: under the node's mutex. */
void memory_note_change(struct memory_file *);
/* By a descriptor that is good for writing. -EFBIG, -ENOSPC. */
int memory_file_resize(struct memory_file *, int fd, off_t, struct error *);

/* --- memory_close.c */

/* What the last link of a node, which may be NULL, leaves when it goes: with `names` held for
 * writing and the node's descriptor, of O_PATH, which is taken.
 * Kernels remember names that they were not told of (as/<id>/memory has the same ones), so what was
 * removed may be known for long: only MEMORY_REMOVED_MAX of these keep their descriptor, the others
 * are ENOENT. `names` is held for writing. */
void memory_node_removed(struct memory *, struct memory_node *, const struct stat *, int fd);
/* A node lost a name, and has others that are not known: as above, but nothing is given back. */
void memory_node_unnamed(struct memory *, struct memory_node *, int fd);
void memory_idle_add(struct memory_node *);  /* has no name, and nobody has it open */
void memory_idle_drop(struct memory_node *); /* with the memory's mutex */
void memory_node_hide(struct memory_node *); /* its inode's number is another's now; likewise */

/* --- memory_attr.c */

int memory_stat_locked(struct memory_node *, struct stat *); /* with `names` held */

/* A file's revision: kept with it, where that can be; 1 where nothing is kept. `node` may be NULL,
 * `fd` be of O_PATH. */
uint64_t memory_revision_at(struct memory_node *, int fd);
void memory_set_revision_at(struct memory_node *, int fd, uint64_t);
uint64_t memory_revision_of(struct memory_node *); /* by its path, with `names` held */
/* One more; but the first of a file that was just created stays. */
uint64_t memory_next_revision(struct memory_node *, int fd, bool created);

/* --- memory_event.c */

struct memory_told {
	struct memory_node *node; /* its kind is told; NULL: `type` */
	mode_t type;
	const char *verb; /* write, delete, read */
	const char *path; /* NULL: the node's */
	int64_t size;     /* -1: not told */
	uint64_t revision;
	const char *from, *link_of, *target;
	uint64_t quiet; /* how many changes it stands for; 0: itself */
	bool exchanged, recovered;
	char *const *writers;
	int writer_count;
};

/* What an act of ours leaves in its buffers. */
enum { MEMORY_TYPE, MEMORY_DATA };

/* The event's data, as JSON. */
void memory_data(const struct memory_told *, struct buf *out);
/* The act that tells it; NULL where memory is short. It has no name yet of a user who is in no
 * session: to find that may take long, so it is done without locks. */
struct act *memory_act(const struct actor *, const struct memory_told *);
void memory_act_name(struct memory *, struct act *);
/* One whose data were built before. */
struct act *memory_act_again(
	const struct actor *, const char *verb, const char *data, bool recovered);

/* Who that is, for `writers`. */
void memory_who(struct memory *, const struct actor *, char *out, size_t size);

/* --- memory_tell.c: acts that have a note (memory_note.h) until they are over */

/* The same act, named, with a note; what it had of the dirty list goes with it. */
struct act *memory_tell(
	struct memory *, const struct actor *, const struct memory_told *, int slot);
/* And submits it; *slot (may be NULL) is then -1. */
void memory_tell_now(struct memory *, const struct actor *, const struct memory_told *, int *slot);
/* Of a quiet note. */
void memory_tell_quiet(struct memory *, const struct actor *, const struct memory_told *, int note);
/* What a decided note says. */
void memory_tell_note(struct memory *, int note, bool recovered);
/* Whose id that is, where it is still known, held: else the actor stays as it is. */
void memory_actor_of(struct memory *, const char *session, struct actor *);

/* A change of names: begun with `names` held for writing before it is made on the disk, told of as
 * made with them held, and ended in any case once they are not. */
struct memory_site {
	struct memory_node *dir;   /* where the path that is told is, */
	struct memory_node *other; /* and the one before (a rename), else NULL */
	struct memory_node *at;    /* by what is seen whether it was made: this name, */
	const char *name;
	uint64_t ino; /* which this inode leaves, */
	bool made;    /* or where there was none */
};
struct memory_change {
	struct memory *memory;
	const struct actor *actor;
	struct act *act; /* NULL: memory is short, or it is quiet */
	int note;
	struct memory_node *quiet, *other; /* referred to */
	bool made;
};
#define MEMORY_CHANGE_INIT(m)                                                                      \
	{                                                                                          \
		.memory = (m), .note = -1                                                          \
	}
void memory_change_begin(struct memory_change *, struct memory *, const struct actor *,
	const struct memory_told *, const struct memory_site *);
void memory_change_made(struct memory_change *);
struct act *memory_change_end(struct memory_change *); /* to be submitted; or NULL */
/* A note alone of something that is being made, of which another is to follow: to be dropped then;
 * -1: none. With `names` held for writing. */
int memory_note_making(
	struct memory_node *dir, const char *name, const struct actor *, struct memory_told *);

/* --- memory_quiet.c */

/* The outermost quiet directory that a directory is below, or is itself; and that of all names of a
 * node. Referred to once more; NULL: none. Where a node's first name is quiet and another isn't,
 * `path` gets that one. */
struct memory_node *memory_quiet_above(struct memory_node *dir);
struct memory_node *memory_quiet_of(struct memory_node *, struct buf *path);
/* One more change there; without locks. And those that a run before had counted, by its note. */
void memory_quiet_add(struct memory *, struct memory_node *dir, const struct actor *);
void memory_quiet_recover(
	struct memory *, struct memory_node *dir, const struct actor *, uint64_t count, int note);
/* Tells what is due at that time; when the next is. */
int64_t memory_quiet_due(struct memory *, int64_t now_us);
void memory_again(struct memory *, int note); /* what was refused is tried again soon */
void memory_tell_again(struct memory *);      /* and now */
int memory_quiet_start(struct memory *, struct error *);
void memory_quiet_stop(struct memory *); /* ends the thread */

/* --- memory_map.c */

/* Maps a file of that size, made where it is missing, with all its blocks: -ENOSPC and others of
 * open(2), posix_fallocate(3) and mmap(2). The caller unmaps it. */
int memory_map(const char *path, size_t size, void **out);

/* --- memory_dirty.c: which files were open and changed, in a file that outlives the daemon */

int dirty_open(const char *state, struct dirty_list **out, struct error *);
void dirty_close(struct dirty_list *);                           /* takes NULL */
int dirty_add(struct dirty_list *, ino_t, const struct actor *); /* its slot; -1: all are taken */
void dirty_drop(struct dirty_list *, int slot);                  /* takes -1 */
/* What the run before left: the slots. */
struct dirty_left {
	uint64_t ino;
	uint32_t uid;
	char session[ID_MAX + 1]; /* "": none */
};
size_t dirty_left(struct dirty_list *, const struct dirty_left **out);
void dirty_reset(struct dirty_list *); /* it is told of */

#endif
