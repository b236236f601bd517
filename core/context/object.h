/*
 * The bytes of synced files, kept by what they are: a file's name is the hash of its content.
 *
 * An object is there whole or not at all, never changes, and is there once however many files and
 * earlier versions show it. Who refers to which object the catalog knows (core/context/catalog.h);
 * what nobody refers to, it drops. Objects are copies of what a server or a folder has, so they are
 * not synced to the disk: an object that a loss of power left cut short has another size than the
 * catalog says, is not handed out, and is fetched anew.
 *
 * Any thread; a writer is for one thread at a time. All that touches the disk blocks for it.
 */
#ifndef CORE_OBJECT_H
#define CORE_OBJECT_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OBJECT_ID_BYTES 32

struct object_id {
	unsigned char hash[OBJECT_ID_BYTES]; /* BLAKE2b-256 of the content (RFC 7693) */
};

struct objects;

/* The directory is made, mode 0700, where it is missing; half-written objects of a run that died
 * are removed. -ENOMEM, or an errno of mkdir(2) or open(2). */
int objects_open(const char *dir, struct objects **out, struct error *);
void objects_close(struct objects *); /* takes NULL */

/* Writing one: begin, write, then finish or cancel. What is larger than `most` bytes is refused
 * with -EFBIG at the write that exceeds it. Up to OBJECT_SMALL bytes are held in memory and touch
 * the disk at finish only, and not even then where the object is there already. finish frees the
 * writer whatever it returns; cancel takes NULL. -ENOSPC, -EIO, -ENOMEM.
 *
 * What was finished is held, so that nobody drops it, until object_release(): its writer calls that
 * once the catalog refers to it, or never will. */
#define OBJECT_SMALL ((size_t)256 << 10)
struct object_writer;
int object_begin(struct objects *, uint64_t most, struct object_writer **out, struct error *);
int object_write(struct object_writer *, const void *, size_t, struct error *);
uint64_t object_written(const struct object_writer *); /* bytes so far */
int object_finish(struct object_writer *, struct object_id *, uint64_t *size, struct error *);
void object_cancel(struct object_writer *);
void object_release(struct objects *, const struct object_id *);

/* The same as object_finish(), and hands over a small one's bytes, to be freed; NULL for others. */
int object_finish_keep(
	struct object_writer *, struct object_id *, uint64_t *size, char **bytes, struct error *);

/* A descriptor to read it, O_CLOEXEC; -ENOENT, -EIO where it is not `size` bytes long, or another
 * errno of open(2). */
int object_open(struct objects *, const struct object_id *, uint64_t size);

/* Whether it is there with all its bytes. */
bool object_is_whole(struct objects *, const struct object_id *, uint64_t size);

/* Its content up to `most` bytes, to be freed; the same errors, -ENOMEM. */
int object_load(struct objects *, const struct object_id *, uint64_t size, size_t most, char **out,
	size_t *len);

/* Removes one, unless it is held, or `used` says that it is referred to. Nobody can begin to refer
 * to it meanwhile. One that is not there: nothing. */
void object_drop(struct objects *, const struct object_id *,
	bool (*used)(void *arg, const struct object_id *), void *arg);

/* Calls fn for every object that is there, in no order, until it returns false. */
int objects_each(struct objects *, bool (*fn)(void *arg, const struct object_id *), void *arg,
	struct error *);

#endif
