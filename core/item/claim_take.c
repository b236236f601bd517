/* Taking claims and giving them back: what the commands decide. */
#include "core/item/claim_private.h"

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/state/parts.h"
#include "core/state/session_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct wanted {
	struct wanted *next;
	char *note;
	char name[];
};

static void wanted_free(void *arg)
{
	struct wanted *w = arg, *next;

	for (; w; w = next) {
		next = w->next;
		free(w->note);
		free(w);
	}
}

static int check_name(const char *name, size_t len, struct error *err)
{
	size_t n;

	if (len == 0 || len > CLAIM_NAME_MAX)
		return error_set(err, EINVAL, "name: must have 1 to %d bytes", CLAIM_NAME_MAX);
	for (size_t at = 0; at < len; at += n) {
		n = text_char(name + at, len - at, NULL);
		if (n == 0)
			return error_set(err, EINVAL, "name: is not UTF-8");
		if (text_is_control(name + at, n))
			return error_set(err, EINVAL,
				"name: has a control character or a line break; a claim's name is "
				"one line");
	}
	if (memchr(name, '/', len))
		return error_set(err, EINVAL, "name: has a /, which no file's name can have");
	if ((len == 1 && name[0] == '.') || (len == 2 && memcmp(name, "..", 2) == 0) ||
		(len == 3 && memcmp(name, "new", 3) == 0) ||
		(len == 9 && memcmp(name, "README.md", 9) == 0))
		return error_set(
			err, EINVAL, "name: %.*s stands for something else", (int)len, name);
	return 0;
}

static int refuse_held(const struct act *a, const struct item *item, struct error *err)
{
	struct buf since = BUF_INIT;

	buf_add_time(&since, item->began_us);
	if (strcmp(item->session, a->actor.session->id) == 0)
		error_set(err, EEXIST, "it is your own already, since %s: claim %s",
			since.data ? since.data : "", item->id);
	else
		error_set(err, EEXIST, "it is session %s's, since %s: claim %s", item->session,
			since.data ? since.data : "", item->id);
	buf_release(&since);
	return -EEXIST;
}

static int check_count(const struct loop *loop, const struct act *a, size_t more, struct error *err)
{
	const struct items *items = &loop->state->items;

	/* Counting goes through all of them, which few mounts have many of. */
	if (items->open[ITEM_CLAIM].count + more <= CLAIMS_UID_MAX ||
		items_of(loop->state, ITEM_CLAIM, a->actor.uid) + more <= CLAIMS_UID_MAX)
		return 0;
	return error_set(err, EDQUOT, "claims: this user's sessions hold %d, which is the limit",
		CLAIMS_UID_MAX);
}

static int add_taken(struct act *a, const struct wanted *w, const struct draft *speaker)
{
	struct buf data = BUF_INIT, detail = BUF_INIT;
	struct draft d = *speaker;

	d.type = "claim.taken";
	buf_addc(&data, '{');
	session_add_member(&data, "name", w->name);
	item_add_text(&data, "note", w->note);
	buf_addc(&data, '}');
	buf_addc(&detail, '{');
	session_add_member(&detail, "item", w->name);
	item_add_text(&detail, "note", w->note);
	item_add_text(&detail, "from", d.from);
	buf_addf(&detail, ",\"gid\":%u}", (unsigned)a->actor.gid);
	return act_add_built(a, &d, &data, &detail);
}

static int decide_take(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	struct draft speaker = {0};
	const struct item *item;
	size_t count = 0;
	int r = act_speak(a, &speaker, err);

	for (const struct wanted *w = a->more; w && !r; w = w->next, count++) {
		item = state_item(loop->state, ITEM_CLAIM, w->name);
		if (item)
			return refuse_held(a, item, err);
		for (const struct wanted *twin = a->more; twin != w; twin = twin->next)
			if (strcmp(twin->name, w->name) == 0)
				return error_set(err, EINVAL, "name: wanted twice at once");
		r = add_taken(a, w, &speaker);
	}
	if (!r)
		r = check_count(loop, a, count, err);
	return r ? r : act_check_quota(loop, a->actor.uid, 0, err);
}

static struct act *begin(const struct actor *actor)
{
	struct act *a = act_new(actor);

	if (!a)
		return NULL;
	a->more_free = wanted_free;
	a->command.decide = decide_take;
	a->command.alone = true;
	return a;
}

static int want(const struct actor *actor, const char *name, size_t len, const char *note,
	struct act **act, struct error *err)
{
	struct act *a = *act;
	struct session *own;
	struct wanted *w, **end;
	int r = act_own_session(actor, "a claim", &own, err);

	if (!r)
		r = check_name(name, len, err);
	if (r)
		return r;
	w = calloc(1, sizeof(*w) + len + 1);
	if (w && note)
		w->note = strdup(note);
	if (!a)
		a = begin(actor);
	if (!w || !a || (note && !w->note)) {
		wanted_free(w);
		if (!*act)
			act_free(a);
		return -ENOMEM;
	}
	memcpy(w->name, name, len);
	for (end = (struct wanted **)&a->more; *end; end = &(*end)->next)
		;
	*end = w;
	*act = a;
	return 0;
}

int claim_take(struct loop *loop, const struct actor *actor, const char *name, size_t len,
	struct act **act, struct error *err)
{
	(void)loop;
	return want(actor, name, len, NULL, act, err);
}

int claim_take_json(struct loop *loop, const struct actor *actor, const struct json *json,
	struct act **act, struct error *err)
{
	const char *name = NULL, *note = NULL, *key;
	const struct json *value;
	int r;

	(void)loop;
	for (struct json_iter it = json_iter(json); json_next(&it, &key, &value);)
		if (strcmp(key, "name") != 0 && strcmp(key, "note") != 0)
			return error_set(err, EINVAL,
				"%.80s: unknown; a claim is {\"name\":…,\"note\":…}", key);
	r = json_need_string(json, "name", 0, &name, err);
	if (!r)
		r = json_get_string(json, "note", CLAIM_NOTE_MAX, &note, err);
	return r ? r : want(actor, name, strlen(name), note, act, err);
}

void claim_names(const struct act *a, struct buf *out)
{
	for (const struct wanted *w = a->more; w; w = w->next)
		buf_addf(out, "%s\n", w->name);
}

/* Giving back. */

static int decide_release(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;

	if (a->item->closed_us)
		return error_set(err, ENOENT, "the claim was given back already");
	if (a->actor.session->ended_us) /* its claims ended with it */
		return error_set(
			err, ESTALE, "session %s has ended; register again", a->actor.session->id);
	return claim_add_released(loop, a, a->item, a->actor.session, "released");
}

int claim_release(struct loop *loop, const struct actor *actor, struct item *item, struct act **out,
	struct error *err)
{
	struct session *own = NULL;
	struct act *a;
	int r = 0;

	(void)loop;
	if (actor->kind != ACTOR_USER)
		r = act_own_session(actor, "giving back a claim", &own, err);
	if (r)
		return r;
	if (!own || strcmp(own->id, item->session) != 0)
		return error_set(err, EACCES,
			"it is session %s's to give back; it also is when that session ends",
			item->session);
	a = act_new(actor);
	if (!a)
		return -ENOMEM;
	a->item = item_ref(item);
	a->command.decide = decide_release;
	a->command.alone = true;
	*out = a;
	return 0;
}
