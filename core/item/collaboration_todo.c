/* What the acts on collaborations have in common. */
#include "core/item/collaboration_private.h"

#include "core/base/framer.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void todos_free(void *arg)
{
	struct todo *t = arg, *next;
	struct given_name *name;

	for (; t; t = next) {
		next = t->next;
		while ((name = t->names)) {
			t->names = name->next;
			free(name);
		}
		free(t->text);
		free(t->metadata);
		free(t);
	}
}

struct todo *todo_add(const struct actor *actor, struct item *item,
	int (*decide)(struct loop *, struct command *, struct error *), struct act **act)
{
	struct todo *t = calloc(1, sizeof(*t)), **end;
	struct act *a = *act ? *act : act_new(actor);

	if (!t || !a) {
		free(t);
		if (!*act)
			act_free(a);
		return NULL;
	}
	if (!*act) {
		a->item = item ? item_ref(item) : NULL;
		a->more_free = todos_free;
		a->command.decide = decide;
		a->command.alone = true;
		*act = a;
	}
	for (end = (struct todo **)&a->more; *end; end = &(*end)->next)
		;
	*end = t;
	return t;
}

/* Names. */

static int add_name(struct todo *t, const char *text, size_t len, bool out, struct error *err)
{
	struct given_name *name = calloc(1, sizeof(*name) + len + 1), **end;
	struct error why = {0};

	if (!name)
		return -ENOMEM;
	memcpy(name->name, text, len);
	name->out = out;
	if (text_agent_name(name->name, &why) != 0) {
		free(name);
		return error_set(err, EINVAL, "participants: %s",
			strchr(why.text, ':') ? strchr(why.text, ':') + 2 : why.text);
	}
	for (end = &t->names; *end; end = &(*end)->next)
		;
	*end = name;
	return 0;
}

int names_from_text(struct todo *t, const char *text, size_t len, bool signs, struct error *err)
{
	const char *end = text + len, *from;
	size_t count = 0;
	int r = 0;

	while (!r) {
		while (text < end && strchr(" \t\r\n,", *text))
			text++;
		if (text == end)
			break;
		for (from = text; text < end && !strchr(" \t\r\n,", *text); text++)
			;
		if (++count > 2 * PARTICIPANTS_MAX)
			return error_set(err, EDQUOT, "participants: at most %d", PARTICIPANTS_MAX);
		if (signs && *from == '-' && text - from > 1)
			r = add_name(t, from + 1, (size_t)(text - from) - 1, true, err);
		else
			r = add_name(t, from, (size_t)(text - from), false, err);
	}
	return r;
}

int names_from_list(
	struct todo *t, const struct json *list, const char *what, bool out, struct error *err)
{
	const char *name;
	int r = 0;

	if (json_kind(list) != JSON_KIND_LIST)
		return error_set(err, EINVAL, "%s: must be a list of names", what);
	if (json_count(list) > PARTICIPANTS_MAX)
		return error_set(err, EDQUOT, "%s: at most %d", what, PARTICIPANTS_MAX);
	for (size_t i = 0; i < json_count(list) && !r; i++) {
		name = json_text(json_item(list, i));
		r = name ? add_name(t, name, strlen(name), out, err)
			 : error_set(err, EINVAL, "%s: must be a list of names", what);
	}
	return r;
}

/* Events. */

void begin_detail(struct buf *b, const char *id)
{
	buf_addf(b, "{\"item\":\"%s\",\"in\":\"%s\"", id, id);
}

void begin_data(struct buf *b, const char *id)
{
	buf_addf(b, "{\"collaboration\":\"%s\"", id);
}

int add_event(struct act *a, struct draft *speaker, const char *type, struct buf *data,
	struct buf *detail)
{
	struct draft d = *speaker;

	d.type = type;
	return act_add_built(a, &d, data, detail);
}

int todo_take_metadata(struct todo *t, const struct message *m, size_t most, struct error *err)
{
	const struct json *value = json_get(m->json, "metadata");
	struct buf b = BUF_INIT;
	const char *raw;
	size_t len;
	int r;

	if (!value || json_kind(value) == JSON_KIND_NULL)
		return 0;
	if (json_kind(value) != JSON_KIND_OBJECT ||
		!json_member(m->text, m->len, "metadata", &raw, &len))
		return error_set(err, EINVAL, "metadata: must be an object");
	if (len > most)
		return error_set(err, EINVAL, "metadata: at most %zu bytes", most);
	r = json_compact(raw, len, &b);
	if (!r && !(t->metadata = buf_detach(&b, NULL)))
		r = -ENOMEM;
	buf_release(&b);
	return r;
}

int todo_over(int status, struct act *a, struct act **act)
{
	if (!status)
		*act = a;
	else if (!*act)
		act_free(a);
	return status;
}
