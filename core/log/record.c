#include "core/log/record.h"

#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/item/item.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for what stands between the values of a line: names, numbers, a time. */
#define ENVELOPE_MAX 192

/* At most how many bytes buf_add_json() adds for a text. */
static size_t quoted_max(const char *text, size_t len)
{
	return 2 + (text_plain(text, len) == len ? len : 6 * len);
}

static size_t text_size(const char *text)
{
	return text != NULL ? strlen(text) + 1 : 0;
}

/*
 * A record and all its texts are one allocation, `struct record` first. It is filled as a buffer
 * whose storage is large enough from the start and whose bound lies within it: it never moves, so
 * pointers into it stay good.
 */
static struct record *start(struct buf *b, size_t size)
{
	const size_t cap = sizeof(struct record) + size + 1;
	struct record *r = malloc(cap);

	if (r == NULL)
		return NULL;
	*r = (struct record){.refs = 1};
	r->in = r->few;
	r->in_cap = MEMBERSHIPS_FEW;
	*b = (struct buf){.data = (char *)r, .len = sizeof(*r), .cap = cap, .max = cap - 1};
	return r;
}

static const char *keep(struct buf *b, const void *text, size_t len)
{
	const char *kept = b->data + b->len;

	if (text == NULL)
		return NULL;
	buf_add(b, text, len);
	buf_addc(b, '\0');
	return kept;
}

static const char *keep_text(struct buf *b, const char *text)
{
	return text != NULL ? keep(b, text, strlen(text)) : NULL;
}

static void add_number(struct buf *b, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	buf_add(b, digits + at, sizeof(digits) - at);
}

static void add_member(struct buf *b, const char *name, const char *value)
{
	buf_adds(b, name);
	if (value != NULL)
		buf_add_json(b, value, strlen(value));
	else
		buf_adds(b, "null");
}

bool target_next(const char **at, char *id, size_t size)
{
	const char *from = *at;
	size_t len;

	if (from == NULL || *from == '\0')
		return false;
	len = strcspn(from, " ");
	*at = from[len] == ' ' ? from + len + 1 : from + len;
	if (len >= size)
		len = size - 1;
	memcpy(id, from, len);
	id[len] = '\0';
	return true;
}

/* Ids need no escaping. */
static void add_target(struct buf *b, const char *target)
{
	const bool several = strchr(target, ' ') != NULL;
	char id[ID_MAX + 1];

	buf_adds(b, ",\"to\":");
	if (several)
		buf_addc(b, '[');
	for (const char *at = target; target_next(&at, id, sizeof(id));) {
		buf_addc(b, '"');
		buf_adds(b, id);
		buf_addc(b, '"');
		if (*at != '\0')
			buf_addc(b, ',');
	}
	if (several)
		buf_addc(b, ']');
}

/* Everything of an event's line up to the value of "data". */
static void add_envelope(struct buf *b, const struct draft *d, const struct record *r)
{
	buf_adds(b, "{\"seq\":");
	add_number(b, (uint64_t)r->seq);
	add_member(b, ",\"event_type\":", d->type);
	add_member(b, ",\"session_id\":", d->session);
	if (d->from != NULL)
		add_member(b, ",\"from\":", d->from);
	if (d->target != NULL)
		add_target(b, d->target);
	buf_adds(b, ",\"timestamp\":\"");
	buf_add_time(b, r->time_us);
	buf_adds(b, "\",\"data\":");
}

static size_t envelope_max(const struct draft *d)
{
	size_t size = ENVELOPE_MAX + quoted_max(d->type, strlen(d->type));

	if (d->session != NULL)
		size += quoted_max(d->session, strlen(d->session));
	if (d->from != NULL)
		size += quoted_max(d->from, strlen(d->from));
	/* Each of several has quotes of its own, and a comma in place of the space. */
	if (d->target != NULL)
		size += 2 + 3 * strlen(d->target);
	return size;
}

/* What others see of a direct message: that it was sent, and how long it is. */
static void add_shown(struct buf *b, const struct draft *d, struct record *r, size_t envelope)
{
	const size_t from = b->len;

	r->shown = b->data + from;
	buf_add(b, r->line, envelope);
	buf_adds(b, "{\"bytes\":");
	add_number(b, d->data_len);
	buf_adds(b, "}}\n");
	r->shown_len = b->len - from;
	buf_addc(b, '\0');
}

static void add_event(struct buf *b, const struct draft *d, struct record *r)
{
	const size_t from = b->len;
	size_t envelope;

	r->line = b->data + from;
	add_envelope(b, d, r);
	envelope = b->len - from;
	if (d->data != NULL)
		buf_add(b, d->data, d->data_len);
	else
		buf_adds(b, "{}");
	buf_adds(b, "}\n");
	r->line_len = b->len - from;
	buf_addc(b, '\0');
	if (d->target != NULL) {
		add_shown(b, d, r, envelope);
	} else {
		r->shown = r->line;
		r->shown_len = r->line_len;
	}
}

static void add_receipt(struct buf *b, const struct draft *d, struct record *r)
{
	const char *data = d->data != NULL ? d->data : "{}";
	const size_t len = d->data != NULL ? d->data_len : 2;

	r->line = b->data + b->len;
	buf_add(b, data, len);
	buf_adds(b, "\n");
	buf_addc(b, '\0');
	r->line_len = len + 1;
	r->shown = r->line;
	r->shown_len = r->line_len;
}

int record_new(
	const struct draft *d, int64_t pos, int64_t seq, int64_t time_us, struct record **out)
{
	struct record *r;
	struct buf b;
	size_t size;

	if (d->data_len > LINE_MAX_BYTES)
		return -EMSGSIZE;
	size = text_size(d->type) + text_size(d->session) + text_size(d->agent) +
	       text_size(d->target) + text_size(d->detail) + d->data_len + 8;
	if (d->kind == RECORD_EVENT)
		size += (d->target != NULL ? 2 : 1) * envelope_max(d);
	r = start(&b, size);
	if (r == NULL)
		return -ENOMEM;
	r->kind = d->kind;
	r->pos = pos;
	r->seq = d->kind == RECORD_EVENT ? seq : 0;
	r->time_us = time_us;
	r->uid = d->uid;
	r->type = keep_text(&b, d->type);
	r->session = keep_text(&b, d->session);
	r->agent = keep_text(&b, d->agent);
	r->target = keep_text(&b, d->target);
	r->detail = keep_text(&b, d->detail);
	if (d->kind == RECORD_EVENT)
		add_event(&b, d, r);
	else if (d->kind == RECORD_RECEIPT)
		add_receipt(&b, d, r);
	/* Also catches a size that was reckoned wrong: the storage is the bound. */
	if (buf_error(&b) != 0 || r->line_len > LINE_MAX_BYTES) {
		free(r);
		return -EMSGSIZE;
	}
	*out = r;
	return 0;
}

int record_restore(const struct record *kept, struct record **out)
{
	const bool other = kept->shown != NULL && kept->shown != kept->line;
	struct record *r;
	struct buf b;

	r = start(&b, text_size(kept->type) + text_size(kept->session) + text_size(kept->agent) +
			      text_size(kept->target) + text_size(kept->detail) + kept->line_len +
			      1 + (other ? kept->shown_len + 1 : 0));
	if (r == NULL)
		return -ENOMEM;
	r->kind = kept->kind;
	r->pos = kept->pos;
	r->seq = kept->seq;
	r->time_us = kept->time_us;
	r->uid = kept->uid;
	r->type = keep_text(&b, kept->type);
	r->session = keep_text(&b, kept->session);
	r->agent = keep_text(&b, kept->agent);
	r->target = keep_text(&b, kept->target);
	r->detail = keep_text(&b, kept->detail);
	r->line = keep(&b, kept->line, kept->line_len);
	r->line_len = kept->line != NULL ? kept->line_len : 0;
	r->shown = other ? keep(&b, kept->shown, kept->shown_len) : r->line;
	r->shown_len = other ? kept->shown_len : r->line_len;
	*out = r;
	return 0;
}

int record_stand_in(struct record *r, struct channel *c, bool whole)
{
	struct membership *grown;

	for (int i = 0; i < r->in_count; i++)
		if (r->in[i].channel == c)
			return 0;
	if (r->in_count == r->in_cap) {
		grown = malloc(sizeof(*grown) * 2 * (size_t)r->in_cap);
		if (grown == NULL)
			return -ENOMEM;
		memcpy(grown, r->in, sizeof(*grown) * (size_t)r->in_count);
		if (r->in != r->few)
			free(r->in);
		r->in = grown;
		r->in_cap *= 2;
	}
	r->in[r->in_count++] = (struct membership){c, whole};
	return 0;
}

size_t record_bytes(const struct record *r)
{
	return r->line_len + (r->shown != r->line ? r->shown_len : 0);
}

struct record *record_ref(struct record *r)
{
	__atomic_add_fetch(&r->refs, 1, __ATOMIC_RELAXED);
	return r;
}

void record_unref(struct record *r)
{
	/* Release and acquire: what others did with it is done before it is freed. */
	if (r == NULL || __atomic_sub_fetch(&r->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	if (r->in != r->few)
		free(r->in);
	item_unref(r->item);
	free(r);
}
