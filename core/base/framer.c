#include "core/base/framer.h"

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/base/text.h"

#include <errno.h>
#include <string.h>

/* One write, on its way through. */
struct cut {
	struct framer *framer;
	const char *at, *end; /* what of the write is not yet looked at */
	/* Where bytes go that must wait: the framer's own, until the message that begins there is
	 * complete; from then on `rest`, since that message still lies there. */
	struct buf *store;
	struct buf rest;
	struct error *err;
	size_t count;
	struct message messages[BATCH_MAX]; /* the first `count` are set */
	struct json *parsed[BATCH_MAX];     /* what their json is, to be freed */
};

void framer_init(struct framer *framer, size_t max_message)
{
	*framer = (struct framer){.max_message = max_message};
}

void framer_release(struct framer *framer)
{
	if (framer != NULL)
		buf_release(&framer->pending);
}

static void forget(struct framer *framer)
{
	buf_release(&framer->pending);
	framer->checked = 0;
	framer->kind = FRAMER_BLANK;
}

bool framer_pending(const struct framer *framer)
{
	return framer->kind != FRAMER_BLANK;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static int too_long(const struct framer *framer, struct error *err)
{
	return error_set(
		err, EMSGSIZE, "the message is longer than %zu bytes", framer->max_message);
}

/* Checks the bytes from `from` on, which begins a character. `*checked` becomes how many bytes are
 * known to be good; less than `len` only where `more` may come and the last character is cut. */
static int check_text(
	const char *text, size_t len, size_t from, bool more, size_t *checked, struct error *err)
{
	const char *nul = memchr(text + from, '\0', len - from);
	bool cut;
	size_t good = from + text_utf8_prefix(text + from, len - from, &cut);

	if (nul != NULL && (size_t)(nul - text) < good)
		return error_set(
			err, EINVAL, "a NUL at byte %zu of the message", (size_t)(nul - text) + 1);
	if (good < len && !(cut && more))
		return error_set(
			err, EINVAL, "not valid UTF-8 at byte %zu of the message", good + 1);
	*checked = good;
	return 0;
}

/* Keeps the bytes up to `to` for later. */
static int keep(struct cut *cut, const char *to)
{
	int rc;

	buf_add(cut->store, cut->at, (size_t)(to - cut->at));
	cut->at = to;
	rc = buf_error(cut->store);
	if (rc == -EMSGSIZE)
		return too_long(cut->framer, cut->err);
	return rc < 0 ? error_set(cut->err, -rc, "out of memory") : 0;
}

/* Keeps all that is left, as the beginning of an incomplete message. */
static int keep_rest(struct cut *cut)
{
	struct framer *framer = cut->framer;
	struct buf *store = cut->store;
	size_t limit = framer->max_message;
	int rc;

	if (cut->at == cut->end)
		return 0;
	/* A '\r' may turn out to belong to the newline. */
	if (framer->kind == FRAMER_TEXT && cut->end[-1] == '\r')
		limit++;
	if (store->len + (size_t)(cut->end - cut->at) > limit)
		return too_long(framer, cut->err);
	rc = keep(cut, cut->end);
	if (rc < 0 || framer->kind == FRAMER_BLANK)
		return rc;
	return check_text(
		store->data, store->len, framer->checked, true, &framer->checked, cut->err);
}

/* Takes the message that ends at `to`; its bytes are those in store and those before `to`. */
static int complete(struct cut *cut, const char *to, const char **text, size_t *len)
{
	*text = cut->at;
	*len = (size_t)(to - cut->at);
	if (cut->count == BATCH_MAX)
		return error_set(cut->err, EINVAL, "more than %d messages in one write", BATCH_MAX);
	if (cut->store->len > 0) {
		int rc = keep(cut, to);

		if (rc < 0)
			return rc;
		*text = cut->store->data;
		*len = cut->store->len;
	}
	cut->store = &cut->rest;
	cut->at = to;
	return 0;
}

static void push(struct cut *cut, const char *text, size_t len, struct json *parsed)
{
	cut->messages[cut->count] = (struct message){.text = text, .len = len, .json = parsed};
	cut->parsed[cut->count] = parsed;
	cut->count++;
	cut->framer->kind = FRAMER_BLANK;
	cut->framer->checked = 0;
}

/* Skips blank lines, and tells what begins after them. A text keeps the white space that its first
 * line begins with, so this waits in store until it is known what it belongs to. */
static int begin(struct cut *cut)
{
	const char *p = cut->at, *line = NULL; /* where the last line that is looked at begins */

	for (; p < cut->end && is_space(*p); p++) {
		if (*p == '\n')
			line = p + 1;
	}
	if (line != NULL || (p < cut->end && *p == '{')) {
		buf_release(cut->store);
		cut->at = line != NULL ? line : cut->at;
	}
	if (p == cut->end)
		return keep_rest(cut);
	if (*p == '{') {
		cut->at = p;
		cut->framer->kind = FRAMER_JSON;
		json_scan_init(&cut->framer->scan);
	} else {
		cut->framer->kind = FRAMER_TEXT;
	}
	return 0;
}

static int syntax_error(const struct cut *cut, size_t offset)
{
	const char *parts[] = {cut->store->data, cut->at};
	const size_t lens[] = {cut->store->len, offset};
	size_t line = 1, column = 1;

	for (size_t part = 0; part < 2; part++) {
		for (size_t i = 0; i < lens[part]; i++) {
			unsigned char c = (unsigned char)parts[part][i];

			column = c == '\n' ? 1 : column + ((c & 0xc0) != 0x80);
			line += c == '\n';
		}
	}
	return error_set(cut->err, EINVAL, "bad JSON at line %zu, column %zu: %s", line, column,
		cut->framer->scan.why);
}

static int take_json(struct cut *cut)
{
	size_t left = (size_t)(cut->end - cut->at), used, len;
	struct json *parsed;
	const char *text;
	int rc;

	rc = json_scan(&cut->framer->scan, cut->at, left, &used);
	if (rc < 0)
		return syntax_error(cut, used);
	if (rc == 0)
		return keep_rest(cut);
	if (cut->store->len + used > cut->framer->max_message)
		return too_long(cut->framer, cut->err);
	rc = complete(cut, cut->at + used, &text, &len);
	if (rc < 0)
		return rc;
	rc = json_parse(text, len, &parsed, cut->err);
	if (rc < 0)
		return rc;
	push(cut, text, len, parsed);
	if (json_has(parsed, "seq"))
		return error_set(
			cut->err, EINVAL, "seq: a line that already has a seq is not sent again");
	/* The rest of its line is not the beginning of a text's. */
	while (cut->at < cut->end && *cut->at != '\n' && is_space(*cut->at))
		cut->at++;
	return 0;
}

static int take_text(struct cut *cut)
{
	struct framer *framer = cut->framer;
	const char *text;
	size_t len, have = cut->store->len + (size_t)(cut->end - cut->at);
	int rc;

	if (cut->end[-1] != '\n')
		return keep_rest(cut);
	if (have > framer->max_message + 2) /* the longest, and CRLF */
		return too_long(framer, cut->err);
	rc = complete(cut, cut->end, &text, &len);
	if (rc == 0)
		rc = check_text(text, len, framer->checked, false, &framer->checked, cut->err);
	if (rc < 0)
		return rc;
	len--;
	if (text[len - 1] == '\r')
		len--;
	if (len > framer->max_message)
		return too_long(framer, cut->err);
	push(cut, text, len, NULL);
	return 0;
}

static int cut_all(struct cut *cut)
{
	int rc = 0;

	while (rc == 0 && cut->at < cut->end) {
		switch (cut->framer->kind) {
		case FRAMER_BLANK:
			rc = begin(cut);
			break;
		case FRAMER_TEXT:
			rc = take_text(cut);
			break;
		case FRAMER_JSON:
			rc = take_json(cut);
			break;
		}
	}
	return rc;
}

static int hand_over(struct cut *cut, framer_fn *fn, void *arg)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < cut->count; i++) {
		cut->messages[i].left = cut->count - i - 1;
		rc = fn(arg, &cut->messages[i]);
	}
	return rc;
}

int framer_write(struct framer *framer, const char *data, size_t len, framer_fn *fn, void *arg,
	struct error *err)
{
	struct cut cut; /* not set whole: it is 10 KiB, most of them never used */
	int rc;

	cut.framer = framer;
	cut.at = data;
	cut.end = data + len;
	cut.store = &framer->pending;
	cut.err = err;
	cut.count = 0;
	framer->pending.max = framer->max_message + 2; /* CRLF */
	buf_init(&cut.rest, framer->pending.max);
	rc = cut_all(&cut);
	if (rc == 0)
		rc = hand_over(&cut, fn, arg);
	for (size_t i = 0; i < cut.count; i++)
		json_free(cut.parsed[i]);
	if (rc != 0) {
		buf_release(&cut.rest);
		forget(framer);
	} else if (cut.count > 0) {
		buf_release(&framer->pending);
		framer->pending = cut.rest;
	}
	return rc;
}

int framer_flush(struct framer *framer, framer_fn *fn, void *arg, struct error *err)
{
	struct framer old = *framer;
	struct message message = {.text = old.pending.data, .len = old.pending.len};
	int rc = 0;

	if (old.kind == FRAMER_JSON)
		return error_set(err, EINVAL, "incomplete JSON: its closing brace has not come");
	framer_init(framer, old.max_message); /* first, so that it is handed over once */
	if (old.kind == FRAMER_TEXT) {
		if (message.len > old.max_message)
			rc = too_long(framer, err);
		if (rc == 0)
			rc = check_text(
				message.text, message.len, old.checked, false, &old.checked, err);
		if (rc == 0)
			rc = fn(arg, &message);
	}
	framer_release(&old);
	return rc;
}
