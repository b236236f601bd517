/* Reading the journal back: its batches, and where it ends. */
#include "core/log/journal_private.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

bool journal_is_batch(const char *data, size_t left, uint64_t epoch, struct batch *b)
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
		if (journal_is_batch(at, size - (size_t)(at - data), epoch, &b))
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
int journal_visit(
	struct journal_file *f, int (*visit)(void *, struct record *), void *arg, struct error *err)
{
	struct batch b;
	int r = 0;

	while (!r && journal_is_batch(f->map + f->len, f->room - f->len, f->epoch, &b)) {
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
