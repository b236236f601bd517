/* Applying a record, by which alone the state changes: what each kind leaves behind. */
#include "core/state/state_private.h"

#include "core/base/json.h"
#include "core/item/status.h"

#include <errno.h>
#include <string.h>

int state_parse_detail(const struct record *r, struct json **out)
{
	int err;

	*out = NULL;
	if (!r->detail)
		return 0;
	err = json_parse(r->detail, strlen(r->detail), out, NULL);
	return err == -EINVAL ? -EUCLEAN : err;
}

/* What was told of an agent. */
static void told_agent(struct state *st, const struct record *r)
{
	struct agent *a = r->agent ? state_agent(st, r->agent) : NULL;

	if (!a)
		return;
	a->active = strcmp(r->type, "agent.active") == 0;
	a->dirty = true;
}

/* What a record with a detail does beyond standing in files. */
static int apply_detail(struct state *st, struct record *r, const struct json *detail)
{
	const int kind = r->kind == RECORD_EVENT ? item_kind_of(r->type) : -1;
	struct session *s = r->session ? state_session(st, r->session) : NULL;
	const bool busy = s && session_is_busy(s);
	int err = 0;

	if (r->kind == RECORD_EVENT && strncmp(r->type, "agent.", 6) == 0) {
		told_agent(st, r);
	} else if (kind >= 0) {
		err = items_apply(st, kind, r, detail, r->detail);
	} else if (r->kind == RECORD_EVENT && strcmp(r->type, "session.started") == 0) {
		err = state_session_started(st, r, detail);
	} else if (s) {
		if (r->kind == RECORD_READ)
			err = state_session_read(st, s, detail);
		else if (r->kind == RECORD_EVENT)
			err = state_session_changed(st, s, r, detail);
	}
	s = r->session ? state_session(st, r->session) : NULL;
	if (s)
		s->agent->busy += session_is_busy(s) - busy;
	return err;
}

static int stand(struct state *st, struct record *r, const struct json *detail)
{
	int err = state_place_in(st, r, detail);

	for (int i = 0; i < r->in_count && !err; i++)
		err = index_add(st->index, r->in[i].channel, r->pos,
			(uint32_t)(r->in[i].whole ? r->line_len : r->shown_len));
	return err;
}

static int keep(struct state *st, const struct record *r)
{
	struct kept *k = state_kept(st, r->uid);

	if (!k)
		return -ENOMEM;
	/* As log_gone takes it off again. */
	k->messages += r->kind == RECORD_EVENT;
	k->bytes += (int64_t)record_bytes(r);
	k->dirty = true;
	return 0;
}

int state_apply(struct state *st, struct record *r)
{
	struct json *detail;
	int err;

	if (r->pos <= st->applied_pos)
		return -EUCLEAN;
	if (r->kind == RECORD_EVENT && r->seq != st->last_seq + 1)
		return -EUCLEAN;
	/* A session stands in its own files from its first event on, so it is made first. */
	err = state_parse_detail(r, &detail);
	if (!err && detail)
		err = apply_detail(st, r, detail);
	if (!err)
		err = stand(st, r, detail);
	json_free(detail);
	if (!err)
		err = keep(st, r);
	if (err)
		return err;
	st->applied_pos = r->pos;
	if (r->kind == RECORD_EVENT)
		st->last_seq = r->seq;
	return 0;
}
