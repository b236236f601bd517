#include "tests/unit/world.h"

#include "core/base/json.h"
#include "core/state/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t wall(const struct clock *clock)
{
	return ((const struct hand_clock *)clock)->wall_us;
}

static int64_t mono(const struct clock *clock)
{
	return ((const struct hand_clock *)clock)->mono_us;
}

void world_open(struct world *w)
{
	if (loop_open(&w->config, &w->clock.clock, WORLD_UID, WORLD_UID, &w->loop, &w->error) != 0)
		fail_msg("%s", w->error.text);
}

void world_close(struct world *w)
{
	loop_close(w->loop);
	w->loop = NULL;
}

void world_reopen(struct world *w)
{
	world_close(w);
	world_open(w);
}

int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	scratch_init(&w->scratch);
	w->clock = (struct hand_clock){{wall, mono}, 1763467200 * SECOND_US, 1000 * SECOND_US};
	assert_int_equal(config_init(&w->config), 0);
	assert_int_equal(config_set(&w->config, "state", w->scratch.path, NULL), 0);
	*state = w;
	world_open(w);
	return 0;
}

int world_teardown(void **state)
{
	struct world *w = *state;

	loop_close(w->loop);
	config_release(&w->config);
	if (w->mounted)
		umount2(w->scratch.path, MNT_DETACH);
	scratch_release(&w->scratch);
	free(w);
	return 0;
}

void world_pass(struct world *w, int64_t us)
{
	w->clock.wall_us += us;
	w->clock.mono_us += us;
}

void world_fill(struct world *w, const char *name)
{
	scratch_fill(&w->scratch, name);
}

struct actor world_user(uid_t uid)
{
	return (struct actor){.uid = uid, .gid = uid, .kind = ACTOR_USER};
}

struct actor world_actor(struct session *s)
{
	return (struct actor){.uid = s->uid, .gid = s->gid, .kind = ACTOR_SESSION, .session = s};
}

int world_do(struct world *w, int status, struct act *act)
{
	if (status == 0 && act)
		status = loop_call(w->loop, &act->command, &w->error);
	if (act)
		act_free(act);
	return status;
}

struct session *world_register(struct world *w, uid_t uid, const char *text)
{
	struct actor actor = world_user(uid);
	struct json *json = NULL;
	struct act *act = NULL;
	struct session *s = NULL;
	int r;

	w->error.code = 0;
	if (text[0] == '{') {
		assert_int_equal(json_parse(text, strlen(text), &json, NULL), 0);
		r = session_register_json(
			w->loop, &actor, text, strlen(text), json, &act, &w->error);
	} else {
		r = session_register_text(w->loop, &actor, text, strlen(text), &act, &w->error);
	}
	json_free(json);
	if (r == 0)
		r = loop_call(w->loop, &act->command, &w->error);
	if (r == 0)
		s = world_session(w, act->id);
	assert_int_equal(w->error.code, -r);
	act_free(act);
	return s;
}

struct session *world_enter(struct world *w, const char *id)
{
	char text[200];
	struct session *s;

	snprintf(text, sizeof(text), "{\"agent_name\":\"%s\",\"session_id\":\"%s\"}", id, id);
	s = world_register(w, WORLD_UID, text);
	assert_non_null(s);
	return s;
}

struct session *world_session(struct world *w, const char *id)
{
	struct session *s;

	state_rdlock(w->loop);
	s = state_session(w->loop->state, id);
	state_unlock(w->loop);
	return s;
}

int world_end(struct world *w, struct session *s)
{
	const struct actor actor = world_actor(s);
	struct act *act = NULL;
	int r = session_end(w->loop, &actor, s, END_ASKED, &act, &w->error);

	return world_do(w, r, act);
}

struct message world_message(const char *text, struct json **json)
{
	*json = NULL;
	if (text[0] == '{')
		assert_int_equal(json_parse(text, strlen(text), json, NULL), 0);
	return (struct message){.text = text, .len = strlen(text), .json = *json};
}

int world_say(struct world *w, const struct actor *actor, const char *type, struct session *to,
	const char *text)
{
	struct json *json;
	const struct message message = world_message(text, &json);
	struct act *act = NULL;
	int r = message_add(w->loop, actor, &message, type, to, &act, &w->error);

	json_free(json);
	return world_do(w, r, r ? NULL : act);
}

const char *world_lines(struct world *w, struct buf *out, enum channel_kind kind, const char *name)
{
	struct channel *channel;
	struct view view;

	buf_reset(out);
	state_rdlock(w->loop);
	channel = index_find(w->loop->state->index, kind, name);
	state_unlock(w->loop);
	if (!channel)
		return "";
	assert_int_equal(view_init(&view, w->loop, channel, NULL, NULL, 0), 0);
	assert_int_equal(view_read(&view, w->loop, NULL, 0, (size_t)16 << 20, out), 0);
	view_release(&view);
	return out->data ? out->data : "";
}

const char *world_last_line(struct world *w, struct buf *out)
{
	char *end;

	world_lines(w, out, CHANNEL_ALL, "");
	do {
		end = strrchr(out->data, '\n');
		assert_non_null(end);
		*end = '\0';
		end = strrchr(out->data, '\n');
		end = end ? end + 1 : out->data;
	} while (strstr(end, "\"event_type\":\"agent."));
	return end;
}
