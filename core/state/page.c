#include "core/state/page.h"

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/state/inbox.h"
#include "core/state/parts.h"

#include <string.h>

#define QUOTE_MAX 1000 /* bytes of one message */
#define FOOT_MAX  160  /* kept free for what tells what was left out */

void page_span(struct buf *b, const char *text, size_t len, size_t max)
{
	bool cut = len > max, half;

	if (cut)
		len = text_utf8_prefix(text, max, &half);
	buf_addc(b, '`');
	for (size_t i = 0; i < len; i++)
		buf_addc(b, text[i] == '`'                                          ? '\''
			    : text[i] == '\n' || text[i] == '\r' || text[i] == '\t' ? ' '
										    : text[i]);
	buf_adds(b, cut ? "…`" : "`");
}

void page_name(struct buf *b, const char *name)
{
	size_t len = strlen(name);

	page_span(b, name, len, len);
}

void page_quote(struct buf *b, const char *text, size_t len, size_t max)
{
	bool cut = len > max, half;

	if (cut)
		len = text_utf8_prefix(text, max, &half);
	buf_adds(b, "> ");
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\r')
			continue;
		buf_addc(b, text[i]);
		if (text[i] == '\n')
			buf_adds(b, "> ");
	}
	buf_adds(b, cut ? "…\n" : "\n");
}

struct page {
	struct buf *out, part;
	size_t max, shown;
	bool full;
};

/* What a line says: its message where that is text, else its data. */
static void quote_line(struct buf *b, const struct json *event, const char *line, size_t len)
{
	const struct json *data = json_get(event, "data"), *message = NULL;
	const char *raw;
	size_t raw_len;

	if (json_kind(data) == JSON_KIND_OBJECT && json_count(data) == 1)
		message = json_get(data, "message");
	if (message && json_text(message))
		page_quote(b, json_text(message), strlen(json_text(message)), QUOTE_MAX);
	else if (json_member(line, len, "data", &raw, &raw_len))
		page_quote(b, raw, raw_len, QUOTE_MAX);
}

static bool add_message(void *arg, struct record *r, const char *line, size_t len)
{
	struct page *p = arg;
	const char *from = "leitlfs", *time = "";
	struct json *event;

	if (json_parse(line, len, &event, NULL))
		return true;
	json_get_string(event, "from", 0, &from, NULL);
	json_get_string(event, "timestamp", 0, &time, NULL);
	buf_reset(&p->part);
	buf_addf(&p->part, "\n**%lld** %s from ", (long long)r->seq,
		strcmp(r->type, "message.direct") == 0 ? "to you," : r->type);
	page_name(&p->part, from);
	if (r->session) {
		buf_adds(&p->part, ", session ");
		page_name(&p->part, r->session);
	}
	buf_addf(&p->part, ", %.8s\n", strlen(time) > 19 ? time + 11 : "");
	quote_line(&p->part, event, line, len);
	json_free(event);
	if (p->out->len + p->part.len + FOOT_MAX > p->max) {
		p->full = true;
		return false;
	}
	buf_add(p->out, p->part.data, p->part.len);
	p->shown++;
	return true;
}

int page_unread(struct loop *loop, struct session *s, size_t max, struct buf *out)
{
	struct page p = {.out = out, .max = max};
	uint64_t all = inbox_unread_count(loop, s);
	int r;

	buf_addf(out, "# Unread: %llu\n", (unsigned long long)all);
	r = inbox_each_unread(loop, s, INBOX_ALL, true, add_message, &p);
	if (!r && p.full)
		buf_addf(out,
			"\n%llu more are left out here. `cat self/next` reads the oldest; "
			"`self/unread` holds them as JSON.\n",
			(unsigned long long)(all > p.shown ? all - p.shown : 1));
	else if (!r && all)
		buf_adds(out, "\n`cat self/next` reads and marks the oldest; `echo SEQ > self/ack` "
			      "marks all up "
			      "to SEQ.\n");
	buf_release(&p.part);
	return r ? r : buf_error(out);
}
