/* Results as JSON, and as a page. */
#include "core/base/text.h"
#include "core/context/search_private.h"
#include "core/state/page.h"

#include <errno.h>
#include <string.h>

#define FOOT_MAX    200 /* bytes kept free for what tells what was left out */
#define CONTENT_MIN 160 /* bytes; less room than that shows no content */

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Up to `most` bytes of content; of a file without text, null. */
static int add_content(struct reader *reader, const struct result *item, size_t most,
	struct buf *out, size_t *used, struct error *err)
{
	struct buf text = BUF_INIT;
	size_t whole = 0;
	int r = text_read(reader, item->id, most, &text, &whole, err);

	if (r == -ENOENT) {
		buf_adds(out, ",\"content\":null");
		r = 0;
	} else if (r == 0) {
		buf_adds(out, ",\"content\":");
		buf_add_json(out, text.data ? text.data : "", text.len);
		if (text.len < whole)
			buf_adds(out, ",\"content_cut\":true");
	}
	*used = text.len;
	if (text.failed)
		r = error_set(err, ENOMEM, "out of memory");
	buf_release(&text);
	return r;
}

static int add_item(struct reader *reader, const struct result *item, size_t most, struct buf *out,
	size_t *used, struct error *err)
{
	int r;

	buf_adds(out, "{\"path\":");
	buf_add_json(out, item->path, strlen(item->path));
	r = add_content(reader, item, most, out, used, err);
	buf_addf(out, ",\"relevance\":%.4f,\"updated_at\":\"", item->relevance);
	buf_add_time(out, item->modified_us);
	buf_addc(out, '"');
	buf_add_json_text(out, "name", name_of(item->path));
	buf_add_json_text(out, "url", item->url);
	buf_addf(out, ",\"size\":%llu", (unsigned long long)item->size);
	buf_add_json_text(out, "type", item->type);
	buf_add_json_text(out, "source", item->source);
	buf_add_json_text(out, "snippet", item->snippet);
	buf_addc(out, '}');
	return r;
}

int results_json(struct search *s, const struct results *results, size_t most, struct buf *out,
	struct error *err)
{
	struct reader *reader = db_reader(catalog_db(s->catalog), err);
	int r = reader ? 0 : -EIO;

	buf_adds(out, "{\"query\":");
	buf_add_json(out, results->query, strlen(results->query));
	buf_adds(out, ",\"matched_files\":[");
	for (size_t i = 0; i < results->count && r == 0; i++) {
		size_t used = 0;

		buf_adds(out, i ? "," : "");
		r = add_item(
			reader, &results->items[i], most / (results->count - i), out, &used, err);
		most -= used;
	}
	buf_addf(out, "],\"total_matches\":%lld,\"cached\":%s}\n", (long long)results->total,
		results->cached ? "true" : "false");
	reader_done(reader);
	if (r == 0 && out->failed)
		r = error_set(err, out->failed, "the results are too large");
	return r;
}

/* The page. */

/* Others' text without control characters: a terminal would obey them. */
static void add_plain(struct buf *out, const char *text, size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		n = text_char(text + at, len - at, NULL);
		if (n == 0) {
			n = 1;
			buf_addc(out, '?');
		} else if (text[at] != '\n' && text[at] != '\t' && text_is_control(text + at, n)) {
			buf_addc(out, ' ');
		} else {
			buf_add(out, text + at, n);
		}
	}
}

static void add_name(struct buf *out, const char *before, const char *name)
{
	struct buf plain = BUF_INIT;

	add_plain(&plain, name, strlen(name));
	buf_adds(out, before);
	page_name(out, plain.data ? plain.data : "");
	out->failed = plain.failed ? plain.failed : out->failed;
	buf_release(&plain);
}

/* How much of the text fits into `room` bytes, each line quoted. */
static size_t fitting(const char *text, size_t len, size_t room)
{
	size_t used = 2, at = 0;

	while (at < len && used < room) {
		used += text[at] == '\n' ? 3 : 1;
		at++;
	}
	if (used > room)
		at--;
	return at < len ? text_utf8_prefix(text, at, NULL) : len;
}

static int add_page_content(struct reader *reader, const struct result *item, size_t room,
	struct buf *out, struct error *err)
{
	struct buf text = BUF_INIT, plain = BUF_INIT;
	size_t whole = 0, fits;
	int r = text_read(reader, item->id, room, &text, &whole, err);

	if (r == 0 && text.len) {
		add_plain(&plain, text.data, text.len);
		while (plain.len &&
			(plain.data[plain.len - 1] == '\n' || plain.data[plain.len - 1] == ' '))
			plain.len--;
		fits = fitting(plain.data, plain.len, room - 64);
		if (fits < plain.len || text.len < whole)
			buf_addf(out, "\nThe first %zu of its %zu bytes of text:\n\n", fits, whole);
		else
			buf_adds(out, "\nIts text:\n\n");
		page_quote(out, plain.data, fits, fits);
	}
	out->failed = plain.failed ? plain.failed : out->failed;
	buf_release(&plain);
	buf_release(&text);
	return r == -ENOENT ? 0 : r;
}

static void add_head(struct buf *out, size_t rank, const struct result *item)
{
	struct buf path = BUF_INIT;

	buf_addf(out, "\n## %zu.", rank);
	add_name(out, " ", name_of(item->path));
	add_name(out, " in ", item->source);
	buf_addf(&path, "context/files/%s/%s", item->source, item->path);
	add_name(out, "\n\n", path.data ? path.data : "");
	buf_addf(out, ", relevance %.2f, %llu bytes, ", item->relevance,
		(unsigned long long)item->size);
	buf_add_time(out, item->modified_us);
	buf_adds(out, "\n");
	if (*item->snippet) {
		buf_addc(out, '\n');
		page_quote(out, item->snippet, strlen(item->snippet), SNIPPET_MAX);
	}
	out->failed = path.failed ? path.failed : out->failed;
	buf_release(&path);
}

static void add_foot(struct buf *out, const struct results *results, size_t shown)
{
	int64_t left = results->total - (int64_t)shown;

	if (left > 0)
		buf_addf(out,
			"\n%lld more %s left out here. Say `max:%zu` for more of them; "
			"`results.json` has those that did not fit.\n",
			(long long)left, left == 1 ? "is" : "are",
			results->count * 2 < RESULTS_MAX ? results->count * 2 : RESULTS_MAX);
}

/* Adds one file within its share of the room; false where it does not fit at all. */
static bool add_file(struct reader *reader, const struct results *results, size_t i, size_t room,
	struct buf *out, int *status, struct error *err)
{
	size_t share = room / (results->count - i);
	struct buf part = BUF_INIT;
	bool fits;

	add_head(&part, i + 1, &results->items[i]);
	if (share > part.len + CONTENT_MIN)
		*status =
			add_page_content(reader, &results->items[i], share - part.len, &part, err);
	fits = part.len <= room && !part.failed;
	if (fits)
		buf_add(out, part.data, part.len);
	buf_release(&part);
	return fits;
}

int results_md(struct search *s, const struct results *results, size_t most, struct buf *out,
	struct error *err)
{
	const size_t start = out->len, end = most > FOOT_MAX ? most - FOOT_MAX : 0;
	struct reader *reader = db_reader(catalog_db(s->catalog), err);
	size_t shown = 0;
	int r = reader ? 0 : -EIO;

	if (r)
		return r;
	buf_addf(out, "# %lld file%s found\n\n", (long long)results->total,
		results->total == 1 ? "" : "s");
	if (strlen(results->query) < most / 4)
		add_name(out, "Asked for: ", results->query);
	else
		buf_adds(out, "The query is too long to be repeated here");
	buf_adds(out, results->total ? ". What files say is quoted.\n" : ".\n");
	while (shown < results->count && r == 0 && out->len - start < end &&
		add_file(reader, results, shown, end - (out->len - start), out, &r, err))
		shown++;
	add_foot(out, results, shown);
	reader_done(reader);
	if (r == 0 && out->failed)
		r = error_set(err, out->failed, "out of memory");
	return r;
}
