/* Who is active. */
#include "fs/files.h"

#include "fs/private.h"
#include "fs/route.h"

#include "core/item/status.h"
#include "core/state/parts.h"

#include <errno.h>

static int status_json(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	int r;

	(void)w, (void)err;
	state_rdlock(c->loop);
	buf_addf(out, "{\"seq\":%lld,", (long long)c->loop->state->last_seq);
	r = status_all(c->loop, out);
	state_unlock(c->loop);
	buf_adds(out, "}\n");
	return r;
}

static int agent_status(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	const struct agent *a;

	(void)err;
	state_rdlock(c->loop);
	a = state_agent(c->loop->state, w->word);
	if (a) {
		buf_addf(out, "{\"seq\":%lld,", (long long)c->loop->state->last_seq);
		status_agent(c->loop, a, out);
		buf_adds(out, "}\n");
	}
	state_unlock(c->loop);
	return a ? 0 : -ENOENT;
}

const struct file_ops status_json_ops = {.text = status_json};
const struct file_ops agent_status_ops = {.text = agent_status};
