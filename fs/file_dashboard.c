/* The loop at a glance: dashboard.txt, dashboard.html and what that one goes on with. */
#include "fs/files.h"

#include "fs/private.h"
#include "fs/route.h"

#include "core/report/dashboard.h"

/* All are drawn from the snapshot that is the same for that user's looks within a second, so no
 * two of them differ. */
static int take(const struct caller *c, struct buf *out)
{
	return dashboard_take(c->loop, c->server->context, c->uid, fuse_pkgversion(), out);
}

static int dashboard_json(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)w, (void)err;
	return looks_show(c, &dashboard_json_ops, take, out);
}

static int draw(
	const struct caller *c, int (*as)(const char *, size_t, struct buf *), struct buf *out)
{
	struct buf snapshot = BUF_INIT;
	int r = looks_show(c, &dashboard_json_ops, take, &snapshot);

	if (!r)
		r = as(snapshot.data ? snapshot.data : "", snapshot.len, out);
	buf_release(&snapshot);
	return r;
}

static int dashboard_txt(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)w, (void)err;
	return draw(c, dashboard_text, out);
}

static int dashboard_html(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)w, (void)err;
	return draw(c, dashboard_page, out);
}

static int dashboard_js(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)w, (void)err;
	return draw(c, dashboard_script, out);
}

const struct file_ops dashboard_txt_ops = {.text = dashboard_txt};
const struct file_ops dashboard_html_ops = {.text = dashboard_html};
const struct file_ops dashboard_js_ops = {.text = dashboard_js};
const struct file_ops dashboard_json_ops = {.text = dashboard_json};
