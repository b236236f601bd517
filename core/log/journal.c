#include "core/log/journal.h"

#include "core/base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <syslog.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define MAGIC     UINT32_C(0x334a4c4c) /* "LLJ3" in this machine's order: files do not travel */
#define MAP_CAP   ((size_t)1 << 30)    /* addresses reserved for a file, and its greatest size */
#define ROOM_STEP ((size_t)1 << 20)    /* a file grows by so much, */
#define ROOM_KEEP ((size_t)8 << 20)    /* and is cut back to a step when it is larger and dropped */
#define RSS_KEEP  ((size_t)1 << 20)    /* of a dropped file, this much stays in memory */
#define FIELDS    7

struct file_header {
	uint32_t magic, padding;
	uint64_t boot;   /* the boot, hashed, on which it was last open */
	uint64_t synced; /* the epoch's number, and below it how many bytes of it were synced */
	uint64_t epoch;  /* its number, and above that its complement, so that damage shows */
};

struct batch {
	uint32_t magic, count;
	uint64_t bytes; /* of the records that follow */
	int64_t pos;    /* of the first */
	uint64_t check; /* XXH3 of the epoch, all above, and the records */
};

/* A record: this, then its fields, each with a NUL unless it is absent. */
struct entry {
	int64_t pos, seq, time_us;
	uint32_t uid, kind;
	uint32_t len[FIELDS]; /* with the NUL; 0: absent */
	uint32_t padding;
};

enum { TYPE, SESSION, AGENT, TARGET, DETAIL, LINE, SHOWN };

static uint64_t epoch_of(uint32_t number)
{
	return (uint64_t)~number << 32 | number;
}

struct journal {
	struct journal_file {
		int fd;
		char *map; /* MAP_CAP addresses; the first `room` bytes are there */
		size_t room, len;
		uint64_t epoch;
		bool other_boot; /* it was last open before this boot */
	} file[2];
	int active;
};

static uint64_t check_of(const struct batch *b, const void *records, uint64_t epoch)
{
	XXH64_hash_t seed = XXH3_64bits_withSeed(b, offsetof(struct batch, check), epoch);

	return XXH3_64bits_withSeed(records, (size_t)b->bytes, seed);
}

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

static int make_room(struct journal_file *f, size_t size, struct error *err)
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
		r = make_room(f, sizeof(b) + (size_t)b.bytes, err);
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

static struct file_header *header_of(struct journal_file *f)
{
	return (struct file_header *)f->map;
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

/* Reading it back. */

static bool is_batch(const char *data, size_t left, uint64_t epoch, struct batch *b)
{
	if (left < sizeof(*b))
		return false;
	memcpy(b, data, sizeof(*b));
	return b->magic == MAGIC && b->bytes <= left - sizeof(*b) &&
	       b->check == check_of(b, data + sizeof(*b), epoch);
}

/* One entry of a batch whose checksum is right; NULL: its lengths make no sense. */
static const char *take(const char *at, const char *end, struct record **out)
{
	const char *field[FIELDS] = {NULL};
	struct record kept = {0};
	struct entry e;

	if ((size_t)(end - at) < sizeof(e))
		return NULL;
	memcpy(&e, at, sizeof(e));
	at += sizeof(e);
	for (int i = 0; i < FIELDS; i++) {
		if (e.len[i] > (size_t)(end - at) || (e.len[i] && at[e.len[i] - 1]))
			return NULL;
		field[i] = e.len[i] ? at : NULL;
		at += e.len[i];
	}
	kept.pos = e.pos;
	kept.seq = e.seq;
	kept.time_us = e.time_us;
	kept.uid = e.uid;
	kept.kind = (enum record_kind)e.kind;
	kept.type = field[TYPE];
	kept.session = field[SESSION];
	kept.agent = field[AGENT];
	kept.target = field[TARGET];
	kept.detail = field[DETAIL];
	kept.line = field[LINE];
	kept.line_len = e.len[LINE] ? e.len[LINE] - 1 : 0;
	kept.shown = field[SHOWN];
	kept.shown_len = e.len[SHOWN] ? e.len[SHOWN] - 1 : 0;
	return record_restore(&kept, out) ? NULL : at;
}

static int visit_batch(const char *data, const struct batch *b,
	int (*visit)(void *, struct record *), void *arg, struct error *err)
{
	const char *at = data + sizeof(*b), *end = at + b->bytes;
	struct record *record;
	int r;

	for (uint32_t i = 0; i < b->count; i++) {
		at = take(at, end, &record);
		if (!at)
			return error_set(err, EUCLEAN, "the journal is damaged near position %lld",
				(long long)b->pos);
		r = visit(arg, record);
		record_unref(record);
		if (r)
			return r;
	}
	return 0;
}

/* Whether a good batch follows somewhere: then what is bad before it is damage, and no torn end. */
static bool good_follows(const char *data, size_t size, uint64_t epoch)
{
	const uint32_t magic = MAGIC;
	const char *at = data;
	struct batch b;

	while ((at = memmem(at, size - (size_t)(at - data), &magic, sizeof(magic)))) {
		if (is_batch(at, size - (size_t)(at - data), epoch, &b))
			return true;
		at++;
	}
	return false;
}

static size_t synced_of(struct journal_file *f)
{
	const uint64_t synced = header_of(f)->synced;

	return synced >> 32 == (uint32_t)f->epoch ? (uint32_t)synced : 0;
}

/* Visits what is in the file and finds its end. */
static int visit_file(
	struct journal_file *f, int (*visit)(void *, struct record *), void *arg, struct error *err)
{
	struct batch b;
	int r = 0;

	while (!r && is_batch(f->map + f->len, f->room - f->len, f->epoch, &b)) {
		r = visit_batch(f->map + f->len, &b, visit, arg, err);
		f->len += sizeof(b) + (size_t)b.bytes;
	}
	if (r || !good_follows(f->map + f->len, f->room - f->len, f->epoch))
		return r;
	/* Power was lost, and what nobody had synced reached the disk in parts. Those go for good:
	 * to whoever opens this next they would be damage, or events that follow others. */
	if (f->other_boot && f->len >= synced_of(f)) {
		syslog(LOG_WARNING,
			"events that were not synced before the machine stopped are lost");
		memset(f->map + f->len, 0, f->room - f->len);
		return 0;
	}
	return error_set(err, EUCLEAN, "the journal is damaged at byte %zu", f->len);
}

static uint64_t boot_hash(void)
{
	char boot[37] = "";

	proc_boot_id(boot);
	return XXH3_64bits(boot, sizeof(boot));
}

/* A file that is new, or that power was lost on before it had a header, holds nothing. */
static int start_file(struct journal_file *f, const char *path, struct error *err)
{
	struct file_header header = {.magic = MAGIC};
	struct stat st;
	int r;

	if (fstat(f->fd, &st) != 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	if ((size_t)st.st_size > MAP_CAP)
		return error_set(err, EUCLEAN, "%s is damaged: it is too large", path);
	f->room = (size_t)st.st_size;
	f->map = mmap(NULL, MAP_CAP, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, f->fd, 0);
	if (f->map == MAP_FAILED) {
		f->map = NULL;
		return error_set(err, errno, "can't map %s: %s", path, strerror(errno));
	}
	f->len = 0;
	r = make_room(f, f->room ? 0 : ROOM_STEP, err);
	if (r)
		return r;
	if (f->room < sizeof(header))
		return error_set(err, EUCLEAN, "%s is damaged: it is cut short", path);
	memcpy(&header, f->map, sizeof(header));
	if (header.magic == 0 && header.epoch == 0) {
		header.magic = MAGIC;
		header.epoch = epoch_of(0);
		memcpy(f->map, &header, sizeof(header));
	}
	if (header.magic != MAGIC || header.epoch != epoch_of((uint32_t)header.epoch))
		return error_set(err, EUCLEAN, "%s is damaged, or not a journal", path);
	f->epoch = header.epoch;
	f->len = sizeof(header);
	f->other_boot = header.boot != boot_hash();
	return 0;
}

bool journal_is_there(const char *dir)
{
	char path[4096];
	bool found = false;

	for (int i = 0; i < 2 && !found; i++)
		found = (size_t)snprintf(path, sizeof(path), "%s/journal.%d", dir, i) <
				sizeof(path) &&
			faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return found;
}

static int open_file(const char *dir, int which, struct journal_file *f, struct error *err)
{
	char path[4096];

	if ((size_t)snprintf(path, sizeof(path), "%s/journal.%d", dir, which) >= sizeof(path))
		return error_set(err, ENAMETOOLONG, "%s: too long", dir);
	f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->fd < 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	return start_file(f, path, err);
}

static int open_both(const char *dir, struct journal **out, struct error *err)
{
	struct journal *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return error_set(err, ENOMEM, "out of memory");
	j->file[0].fd = j->file[1].fd = -1;
	r = open_file(dir, 0, &j->file[0], err);
	if (!r)
		r = open_file(dir, 1, &j->file[1], err);
	if (r)
		journal_close(j);
	else
		*out = j;
	return r;
}

int journal_open(const char *dir, int (*visit)(void *arg, struct record *), void *arg,
	struct journal **out, struct error *err)
{
	struct batch first[2];
	struct journal *j = NULL;
	int r = open_both(dir, &j, err), order;

	if (r)
		return r;
	for (int i = 0; i < 2; i++) {
		const struct journal_file *f = &j->file[i];

		if (!is_batch(f->map + f->len, f->room - f->len, f->epoch, &first[i]))
			first[i].pos = INT64_MAX;
	}
	order = first[1].pos < first[0].pos;
	r = visit_file(&j->file[order], visit, arg, err);
	if (!r)
		r = visit_file(&j->file[!order], visit, arg, err);
	/* Appending goes on where the newest are. */
	j->active = first[!order].pos == INT64_MAX ? order : !order;
	for (int i = 0; i < 2 && !r; i++)
		header_of(&j->file[i])->boot = boot_hash();
	if (r)
		journal_close(j);
	else
		*out = j;
	return r;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	for (int i = 0; i < 2; i++) {
		if (j->file[i].map)
			munmap(j->file[i].map, MAP_CAP);
		if (j->file[i].fd >= 0)
			close(j->file[i].fd);
	}
	free(j);
}
