/* Appending to the journal, syncing it, and dropping what was moved. */
#include "core/log/journal_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ROOM_KEEP ((size_t)8 << 20) /* a larger file is cut back to a step when it is dropped */
#define RSS_KEEP  ((size_t)1 << 20) /* of a dropped file, this much stays in memory */

static void fields_of(const struct record *r, const char *field[FIELDS], uint32_t len[FIELDS])
{
	const char *texts[] = {r->type, r->session, r->agent, r->target, r->detail};

	for (int i = 0; i < LINE; i++) {
		field[i] = texts[i];
		len[i] = texts[i] ? (uint32_t)strlen(texts[i]) + 1 : 0;
	}
	field[LINE] = r->line;
	len[LINE] = r->line ? (uint32_t)r->line_len + 1 : 0;
	field[SHOWN] = r->shown;
	len[SHOWN] = r->shown && r->shown != r->line ? (uint32_t)r->shown_len + 1 : 0;
}

static size_t entry_size(const struct record *r)
{
	const char *field[FIELDS];
	uint32_t len[FIELDS];
	size_t size = sizeof(struct entry);

	fields_of(r, field, len);
	for (int i = 0; i < FIELDS; i++)
		size += len[i];
	return size;
}

static char *put(char *to, const struct record *r)
{
	struct entry e = {.pos = r->pos,
		.seq = r->seq,
		.time_us = r->time_us,
		.uid = r->uid,
		.kind = r->kind};
	const char *field[FIELDS];

	fields_of(r, field, e.len);
	memcpy(to, &e, sizeof(e));
	to += sizeof(e);
	for (int i = 0; i < FIELDS; i++) {
		if (!e.len[i])
			continue;
		memcpy(to, field[i], e.len[i] - 1);
		to[e.len[i] - 1] = '\0';
		to += e.len[i];
	}
	return to;
}

int journal_make_room(struct journal_file *f, size_t size, struct error *err)
{
	size_t room = (f->len + size + ROOM_STEP - 1) / ROOM_STEP * ROOM_STEP;
	int r;

	if (f->len + size <= f->room)
		return 0;
	if (room > MAP_CAP)
		return error_set(err, EFBIG, "too much in one commit");
	r = posix_fallocate(f->fd, (off_t)f->room, (off_t)(room - f->room));
	if (r)
		return error_set(err, r, "appending to the log: %s", strerror(r));
	f->room = room;
	return 0;
}

/* What is in the journal is to be moved into the database: growing leaves the room for that. */
static int check_room(
	const struct journal *j, const struct journal_file *f, size_t size, struct error *err)
{
	const size_t held = j->file[0].len + j->file[1].len + size;
	struct statvfs fs;

	if (f->len + size <= f->room || fstatvfs(f->fd, &fs) != 0 ||
		(uint64_t)fs.f_bavail * fs.f_frsize >= size + 2 * held + 3 * ROOM_STEP)
		return 0;
	return error_set(err, ENOSPC, "appending to the log: %s", strerror(ENOSPC));
}

int journal_append(
	struct journal *j, struct record *const *records, size_t count, struct error *err)
{
	struct journal_file *f = &j->file[j->active];
	struct batch b = {.magic = MAGIC, .count = (uint32_t)count, .pos = records[0]->pos};
	char *at, *to;
	int r;

	for (size_t i = 0; i < count; i++)
		b.bytes += entry_size(records[i]);
	r = check_room(j, f, sizeof(b) + (size_t)b.bytes, err);
	if (!r)
		r = journal_make_room(f, sizeof(b) + (size_t)b.bytes, err);
	if (r)
		return r;
	at = f->map + f->len;
	to = at + sizeof(b);
	for (size_t i = 0; i < count; i++)
		to = put(to, records[i]);
	b.check = check_of(&b, at + sizeof(b), f->epoch);
	memcpy(at, &b, sizeof(b));
	__atomic_store_n(&f->len, f->len + sizeof(b) + (size_t)b.bytes, __ATOMIC_RELEASE);
	return 0;
}

bool journal_turn(struct journal *j)
{
	if (j->file[!j->active].len > sizeof(struct file_header) ||
		j->file[j->active].len == sizeof(struct file_header))
		return false;
	j->active = !j->active;
	return true;
}

/* Counting the epoch up makes what is in the file no batches any more: one aligned store. */
static int empty(struct journal_file *f, struct error *err)
{
	if (f->len == sizeof(struct file_header))
		return 0;
	if (f->len > RSS_KEEP)
		madvise(f->map + RSS_KEEP, f->len - RSS_KEEP, MADV_DONTNEED);
	/* In this order, so that who syncs meanwhile takes no old length for one of the new epoch.
	 */
	__atomic_store_n(&f->len, sizeof(struct file_header), __ATOMIC_RELEASE);
	__atomic_store_n(&f->epoch, epoch_of((uint32_t)f->epoch + 1), __ATOMIC_RELEASE);
	__atomic_store_n(&header_of(f)->epoch, f->epoch, __ATOMIC_SEQ_CST);
	if (f->room <= ROOM_KEEP)
		return 0;
	if (ftruncate(f->fd, (off_t)ROOM_STEP) != 0)
		return error_set(err, errno, "emptying the journal: %s", strerror(errno));
	f->room = ROOM_STEP;
	return 0;
}

int journal_drop(struct journal *j, struct error *err)
{
	return empty(&j->file[!j->active], err);
}

int journal_drop_all(struct journal *j, struct error *err)
{
	int r = empty(&j->file[0], err);

	return r ? r : empty(&j->file[1], err);
}

int journal_sync(struct journal *j, struct error *err)
{
	for (int i = 0; i < 2; i++) {
		struct journal_file *f = &j->file[i];
		const uint64_t epoch = __atomic_load_n(&f->epoch, __ATOMIC_ACQUIRE);
		const size_t len = __atomic_load_n(&f->len, __ATOMIC_ACQUIRE);

		if (fdatasync(f->fd) != 0)
			return error_set(err, errno, "syncing the journal: %s", strerror(errno));
		/* After it: where power is lost before, what is missing was not promised. */
		__atomic_store_n(&header_of(f)->synced, epoch << 32 | len, __ATOMIC_SEQ_CST);
	}
	return 0;
}
