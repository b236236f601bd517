/* brief.md: all that a session should know, on one page. */
#include "fs/files.h"

#include "fs/private.h"
#include "fs/route.h"

#include "core/context/context.h"
#include "core/report/brief.h"
#include "core/state/parts.h"

static int brief_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)err;
	return brief_make(c->loop, c->server->context->search, w->session,
		(size_t)c->loop->config->brief_max, out);
}

const struct file_ops brief_ops = {.text = brief_text};
