/* Reading an inbox: unread, wait, next, ack. */
#include "fs/files.h"

#include "fs/handle.h"
#include "fs/private.h"

#include "core/state/inbox.h"
#include "core/state/page.h"
#include "core/state/parts.h"
#include "core/state/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct lines {
	struct buf *out;
	size_t max, left_out;
};

static bool add_line(void *arg, struct record *r, const char *line, size_t len)
{
	struct lines *l = arg;

	(void)r;
	if (l->left_out || (l->out->len && l->out->len + len > l->max))
		l->left_out++;
	else
		buf_add(l->out, line, len);
	return l->left_out == 0;
}

static int unread(struct loop *loop, struct session *s, struct buf *out)
{
	struct lines l = {out, (size_t)loop->config->unread_max, 0};
	uint64_t all = inbox_unread_count(loop, s), shown = 0;
	int r = inbox_each_unread(loop, s, INBOX_ALL, true, add_line, &l);

	if (r || !l.left_out)
		return r;
	for (const char *p = out->data; (p = memchr(p, '\n', (size_t)(out->data + out->len - p)));
		p++)
		shown++;
	buf_addf(out, "{\"more\":%llu}\n", (unsigned long long)(all > shown ? all - shown : 1));
	return buf_error(out);
}

static int unread_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)err;
	return unread(c->loop, w->session, out);
}

static int unread_md_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)err;
	return page_unread(c->loop, w->session, (size_t)c->loop->config->brief_max, out);
}

static int wait_turn(struct handle *h)
{
	int r = unread(h->loop, h->node->where.session, &h->text);

	return r ? r : h->text.len ? 0 : -EAGAIN;
}

static int next_turn(struct handle *h)
{
	struct session *s = h->node->where.session;
	struct record *record;
	struct view view;
	const char *line;
	size_t len;
	int r = inbox_view(h->loop, s, &view);

	if (r)
		return r;
	r = inbox_lease(h->loop, s, &record);
	if (!r) {
		line = view_line(&view, record, &len);
		buf_add(&h->text, line, len);
		h->leased = record;
		r = buf_error(&h->text);
	}
	view_release(&view);
	return r;
}

static int next_end(struct handle *h, struct act **act)
{
	return inbox_mark_one(h->loop, &h->actor, h->node->where.session, h->leased->pos, act);
}

static int ack_take(struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	char digits[24], *end;
	long long seq;

	if (*act || m->json || m->len >= sizeof(digits))
		return error_set(err, EINVAL, "ack: write one seq, such as 417");
	memcpy(digits, m->text, m->len);
	digits[m->len] = '\0';
	errno = 0;
	seq = strtoll(digits, &end, 10);
	if (end == digits || *end || errno || seq < 0)
		return error_set(err, EINVAL, "ack: \"%s\" is not a seq", digits);
	return inbox_mark_to(h->loop, &h->actor, h->node->where.session, seq, act, err);
}

const struct file_ops unread_ops = {.text = unread_text};
const struct file_ops unread_md_ops = {.text = unread_md_text};
const struct file_ops wait_ops = {.turn = wait_turn};
const struct file_ops next_ops = {.turn = next_turn, .turn_end = next_end};
const struct file_ops ack_ops = {.take = ack_take};
