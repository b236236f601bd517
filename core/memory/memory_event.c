/* What is told of a change, and in whose name. */
#include "core/memory/memory_private.h"

#include "core/base/text.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define USER_KNOWN_US (10 * SECOND_US)

/* Names of users are asked of the system's databases, which is a file or a server away: that of the
 * last one is kept for a moment. */
static void name_user(struct memory *m, uid_t uid, char *out, size_t size)
{
	const int64_t now_us = loop_mono_us(m->loop);
	char name[sizeof(m->user)];
	bool known;

	pthread_mutex_lock(&m->mutex);
	known = m->user[0] && m->user_uid == uid && now_us < m->user_until_us;
	if (known)
		snprintf(out, size, "%s", m->user);
	pthread_mutex_unlock(&m->mutex);
	if (known)
		return;
	user_name(uid, name, sizeof(name));
	snprintf(out, size, "%s", name);
	pthread_mutex_lock(&m->mutex);
	memcpy(m->user, name, sizeof(name));
	m->user_uid = uid;
	m->user_until_us = now_us + USER_KNOWN_US;
	pthread_mutex_unlock(&m->mutex);
}

/* Whoever opened the file did it, also where the session has ended since. */
static int decide(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	struct session *s = a->actor.session;
	struct draft d = {
		.kind = RECORD_EVENT,
		.uid = a->actor.uid,
		.type = a->text[MEMORY_TYPE].data,
		.from = a->user,
		.data = a->text[MEMORY_DATA].data,
		.data_len = a->text[MEMORY_DATA].len,
	};

	(void)loop, (void)err;
	if (s && s->agent) {
		d.session = s->id;
		d.from = s->agent_name;
		d.agent = s->agent->key;
	}
	return command_add(c, &d);
}

void memory_who(struct memory *m, const struct actor *actor, char *out, size_t size)
{
	if (actor->session)
		snprintf(out, size, "%s", actor->session->id);
	else
		name_user(m, actor->uid, out, size);
}

/* Names may hold any bytes. */
static void add_text(struct buf *out, const char *text)
{
	struct buf clean = BUF_INIT;
	size_t left = strlen(text), good;

	while (left > 0) {
		good = text_utf8_prefix(text, left, NULL);
		buf_add(&clean, text, good);
		text += good;
		left -= good;
		if (left > 0) {
			buf_adds(&clean, "\xef\xbf\xbd");
			text++;
			left--;
		}
	}
	buf_add_json(out, clean.data ? clean.data : "", clean.len);
	if (buf_error(&clean))
		out->failed = ENOMEM;
	buf_release(&clean);
}

static void add_member(struct buf *out, const char *key, const char *text)
{
	if (!text)
		return;
	buf_addf(out, ",\"%s\":", key);
	add_text(out, text);
}

static void add_kind(struct buf *out, mode_t type)
{
	if (S_ISDIR(type))
		buf_adds(out, ",\"kind\":\"directory\"");
	else if (S_ISLNK(type))
		buf_adds(out, ",\"kind\":\"symlink\"");
	else if (!S_ISREG(type))
		buf_adds(out, ",\"kind\":\"socket\"");
}

#define RECOVERED ",\"recovered\":true"

void memory_data(const struct memory_told *told, struct buf *out)
{
	struct buf path = BUF_INIT;

	buf_adds(out, "{\"path\":");
	if (!told->path)
		memory_path(told->node, NULL, &path);
	add_text(out, told->path ? told->path : path.data ? path.data : "");
	if (buf_error(&path))
		out->failed = ENOMEM;
	buf_release(&path);
	add_kind(out, told->node ? told->node->type : told->type);
	if (told->size >= 0)
		buf_addf(out, ",\"size\":%lld", (long long)told->size);
	if (told->revision)
		buf_addf(out, ",\"revision\":%llu", (unsigned long long)told->revision);
	add_member(out, "from", told->from);
	add_member(out, "link_of", told->link_of);
	add_member(out, "target", told->target);
	if (told->exchanged)
		buf_adds(out, ",\"exchanged\":true");
	for (int i = 0; i < told->writer_count; i++) {
		buf_adds(out, i ? "," : ",\"writers\":[");
		buf_add_json(out, told->writers[i], strlen(told->writers[i]));
	}
	if (told->writer_count)
		buf_addc(out, ']');
	if (told->quiet)
		buf_addf(out, ",\"quiet\":%llu", (unsigned long long)told->quiet);
	if (told->recovered)
		buf_adds(out, RECOVERED);
	buf_addc(out, '}');
}

static struct act *act_of(const struct actor *actor, const char *verb)
{
	struct act *a = act_new(actor);

	if (!a)
		return NULL;
	buf_addf(&a->text[MEMORY_TYPE], "memory.%s", verb);
	a->command.decide = decide;
	return a;
}

static struct act *checked(struct act *a)
{
	if (a && (buf_error(&a->text[MEMORY_TYPE]) || buf_error(&a->text[MEMORY_DATA]))) {
		act_free(a);
		a = NULL;
	}
	return a;
}

struct act *memory_act(const struct actor *actor, const struct memory_told *told)
{
	struct act *a = act_of(actor, told->verb);

	if (a)
		memory_data(told, &a->text[MEMORY_DATA]);
	return checked(a);
}

struct act *memory_act_again(
	const struct actor *actor, const char *verb, const char *data, bool recovered)
{
	const size_t len = strlen(data);
	struct act *a = act_of(actor, verb);

	if (!a)
		return NULL;
	buf_add(&a->text[MEMORY_DATA], data, recovered ? len - 1 : len);
	if (recovered)
		buf_adds(&a->text[MEMORY_DATA], RECOVERED "}");
	return checked(a);
}

void memory_act_name(struct memory *m, struct act *a)
{
	if (!a->actor.session)
		name_user(m, a->actor.uid, a->user, sizeof(a->user));
}
