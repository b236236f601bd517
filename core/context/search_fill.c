/* What was found becomes what a result shows. */
#include "core/context/search_private.h"

#include "core/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 0.5 to 1 with all words, up to 0.5 with some: by how the score is to the best one's. */
static double relevance_of(const struct finding *f, size_t i)
{
	const struct hit *h = &f->hits[i];
	size_t best = i;
	double ratio;

	if (!f->query->all)
		return 1;
	while (best > 0 && f->hits[best - 1].all == h->all)
		best--;
	ratio = f->hits[best].row.score > 0 ? h->row.score / f->hits[best].row.score : 1;
	return h->all ? 0.5 + 0.5 * ratio : 0.5 * ratio;
}

int text_read(struct reader *reader, int64_t id, size_t most, struct buf *out, size_t *whole,
	struct error *err)
{
	/* substr() of a text would read all of it. */
	static const char sql[] = "SELECT 1 FROM doc WHERE id = ?1";
	sqlite3_stmt *stmt = reader_stmt(reader, sql, err);
	sqlite3_blob *blob = NULL;
	char *room = NULL;
	int code, r = 0;
	size_t len;

	if (!stmt)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, id);
	code = sqlite3_step(stmt);
	sqlite3_reset(stmt);
	if (code != SQLITE_ROW)
		return code == SQLITE_DONE
			       ? -ENOENT
			       : db_errno(sqlite3_db_handle(stmt), code, "searching", err);
	code = sqlite3_blob_open(sqlite3_db_handle(stmt), "main", "doc", "body", id, 0, &blob);
	if (code != SQLITE_OK)
		return db_errno(sqlite3_db_handle(stmt), code, "searching", err);
	*whole = (size_t)sqlite3_blob_bytes(blob);
	len = *whole < most ? *whole : most;
	room = malloc(len + 1);
	if (!room)
		r = error_set(err, ENOMEM, "out of memory");
	else if ((code = sqlite3_blob_read(blob, room, (int)len, 0)) != SQLITE_OK)
		r = db_errno(sqlite3_db_handle(stmt), code, "searching", err);
	else
		buf_add(out, room, text_utf8_prefix(room, len, NULL));
	free(room);
	sqlite3_blob_close(blob);
	return r;
}

void result_name(size_t rank, const char *file, char out[64])
{
	const size_t len = strlen(file), prefix = 4, most = 63 - prefix;
	const char *dot = strrchr(file, '.');
	size_t ending = dot && dot > file && strlen(dot) <= 16 ? strlen(dot) : 0, stem;

	snprintf(out, prefix + 1, "%03zu-", rank % 1000);
	stem = len <= most ? len - ending : text_utf8_prefix(file, most - ending, NULL);
	memcpy(out + prefix, file, stem);
	memcpy(out + prefix + stem, file + len - ending, ending + 1);
}

static int make_snippet(struct finding *f, int64_t id, char **out)
{
	struct buf text = BUF_INIT, line = BUF_INIT;
	size_t whole;
	int r = text_read(f->reader, id, SNIPPET_BYTES, &text, &whole, f->err);

	if (r == 0)
		snippet_make(text.data ? text.data : "", text.len, f->query->words,
			f->query->word_count, &line);
	buf_adds(&line, "");
	*out = buf_detach(&line, NULL);
	buf_release(&text);
	if (r && r != -ENOENT)
		return r;
	return *out ? 0 : error_set(f->err, ENOMEM, "out of memory");
}

static int show(struct finding *f, size_t i, struct result *out)
{
	struct row *row = &f->hits[i].row;
	struct source *source = scope_find(f->scope, row->source);

	out->id = row->id;
	out->size = row->size;
	out->updated_us = row->updated_us;
	out->modified_us = row->modified_us;
	out->relevance = relevance_of(f, i);
	result_name(i + 1, row->name, out->name);
	out->source = strdup(source->name);
	out->path = row_path(row);
	out->type = strdup(row->type);
	if (!out->source || !out->path || !out->type)
		return error_set(f->err, ENOMEM, "out of memory");
	return make_snippet(f, row->id, &out->snippet);
}

int finding_show(struct finding *f, struct results *out)
{
	int r = 0;

	out->total = f->total;
	out->items = calloc(f->count ? f->count : 1, sizeof(*out->items));
	if (!out->items)
		return error_set(f->err, ENOMEM, "out of memory");
	while (r == 0 && out->count < f->count) {
		r = show(f, out->count, &out->items[out->count]);
		out->count++; /* also where it is half made: it is released */
	}
	return r;
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~/!$&'()*+,;=:@", c));
}

/* The source's URL and the path below it (RFC 3986, section 3.3). */
static char *url_of(struct search *s, struct source *source, const char *path)
{
	struct buf url = BUF_INIT, base = BUF_INIT;

	sources_get(s->sources, source, &source_options[0], &base);
	while (base.len && (base.data[base.len - 1] == '\n' || base.data[base.len - 1] == '/'))
		base.data[--base.len] = '\0';
	if (base.len && base.data[0] == '/') { /* a folder */
		buf_adds(&url, "file://");
		for (size_t i = 0; i < base.len; i++)
			buf_addf(&url, is_plain(base.data[i]) ? "%c" : "%%%02X",
				(unsigned char)base.data[i]);
	} else {
		buf_add(&url, base.data ? base.data : "", base.len);
	}
	buf_addc(&url, '/');
	for (; *path; path++)
		buf_addf(&url, is_plain(*path) ? "%c" : "%%%02X", (unsigned char)*path);
	buf_release(&base);
	return buf_detach(&url, NULL);
}

/* Without a reader: the sources, which are asked, may wait for one. */
int finding_urls(struct search *s, const struct finding *f, struct results *out)
{
	for (size_t i = 0; i < out->count; i++) {
		struct source *source = scope_find(f->scope, f->hits[i].row.source);

		out->items[i].url = url_of(s, source, out->items[i].path);
		if (!out->items[i].url)
			return error_set(f->err, ENOMEM, "out of memory");
	}
	return 0;
}
