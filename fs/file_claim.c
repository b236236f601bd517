/* What is somebody's alone: taking a name, whose it is, and waiting until it is given back. */
#include "fs/files.h"

#include "fs/handle.h"
#include "fs/later.h"
#include "fs/names.h"
#include "fs/private.h"

#include "core/base/framer.h"
#include "core/item/claim.h"
#include "core/state/parts.h"

#include <errno.h>
#include <string.h>

static int list(const struct caller *c, const struct where *w, struct names *out)
{
	return list_items(c, w, ITEM_CLAIM, false, out);
}

static int take(struct loop *loop, const struct actor *actor, const char *name, struct act **out,
	struct error *err)
{
	return claim_take(loop, actor, name, strlen(name), out, err);
}

static int make(const struct caller *c, const struct where *dir, const char *name, struct act **out,
	struct error *err)
{
	return make_as_caller(c, dir, name, take, out, err);
}

static int remove_claim(
	const struct caller *c, const struct where *w, struct act **out, struct error *err)
{
	return remove_as_caller(c, w, claim_release, out, err);
}

static int new_may(struct handle *h, struct error *err)
{
	struct session *own;

	return act_own_session(&h->actor, "a claim", &own, err);
}

static int new_take(struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	if (m->json)
		return claim_take_json(h->loop, &h->actor, m->json, act, err);
	return claim_take(h->loop, &h->actor, m->text, m->len, act, err);
}

static void new_answer(struct handle *h, struct act *a, struct buf *out)
{
	(void)h;
	claim_names(a, out);
}

/* Both never change, so nothing is locked for them. */
static int owner_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)c, (void)err;
	buf_addf(out, "%s\n", w->item->session);
	return 0;
}

static int since_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)c, (void)err;
	buf_add_time(out, w->item->began_us);
	buf_addc(out, '\n');
	return 0;
}

static int released_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)err;
	state_rdlock(c->loop);
	claim_add_end((const struct claim *)w->item, out);
	state_unlock(c->loop);
	return 0;
}

static int live_opened(struct handle *h, struct error *err)
{
	(void)err;
	later_await(h, h->node->where.item);
	return 0;
}

static int live_ready(struct handle *h, struct buf *out, struct error *err)
{
	(void)err;
	state_rdlock(h->loop);
	claim_add_end((const struct claim *)h->node->where.item, out);
	state_unlock(h->loop);
	return out->len ? 0 : -EAGAIN;
}

const struct file_ops claims_ops = {.list = list, .make = make};
const struct file_ops claims_new_ops = {.may = new_may, .take = new_take, .answer = new_answer};
const struct file_ops claim_dir_ops = {.remove = remove_claim};
const struct file_ops claim_owner_ops = {.text = owner_text};
const struct file_ops claim_since_ops = {.text = since_text};
const struct file_ops claim_released_ops = {.text = released_text};
const struct file_ops claim_released_live_ops = {.opened = live_opened, .ready = live_ready};
