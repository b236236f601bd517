#include "fs/command/complete.h"

#include "fs/command/command_tree.h"
#include "fs/command/questions.h"

#include "core/base/drawn.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/base/text.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMES_MAX 2000 /* of a kind that are offered */

void complete_offer(struct completion *c, const char *prefix, const char *name, const char *help)
{
	const char *begun = c->word + c->lead;
	const size_t len = strlen(prefix), past = strlen(begun);

	if (strncmp(prefix, begun, past < len ? past : len) != 0 ||
		(past > len && strncmp(name, begun + len, past - len) != 0))
		return;
	buf_add(&c->out, c->word, c->lead);
	buf_adds(&c->out, prefix);
	command_plain(&c->out, name, strlen(name), false);
	if (help != NULL && help[0] != '\0') {
		buf_addc(&c->out, '\t');
		command_plain(&c->out, help, strlen(help), false);
	}
	buf_addc(&c->out, '\n');
}

void complete_dirs(struct completion *c)
{
	buf_adds(&c->out, ":dirs");
	if (c->lead > 0) {
		buf_addc(&c->out, ' ');
		buf_add(&c->out, c->word, c->lead);
	}
	buf_addc(&c->out, '\n');
}

static void offer_names(
	struct completion *c, const struct located *at, const char *dir_name, const char *prefix)
{
	const struct dirent *entry;
	char *path = NULL;
	DIR *dir;

	if (asprintf(&path, "%s/%s", at->tree, dir_name) < 0)
		return;
	dir = opendir(path);
	free(path);
	if (dir == NULL)
		return;
	for (int i = 0; i < NAMES_MAX && (entry = readdir(dir)) != NULL; i++) {
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "README.md") != 0 &&
			strcmp(entry->d_name, "new") != 0)
			complete_offer(c, prefix, entry->d_name, NULL);
	}
	closedir(dir);
}

/* Whether a name stands in a list of such, each with a NUL behind it; else it does from now on. */
static bool is_known(struct buf *known, const char *name)
{
	for (size_t at = 0; at < known->len; at += strlen(known->data + at) + 1) {
		if (strcmp(known->data + at, name) == 0)
			return true;
	}
	buf_add(known, name, strlen(name) + 1);
	return buf_error(known) != 0;
}

/* Those that stand in the word already, before the last comma, which is then of the lead. */
static void take_listed(struct completion *c, struct buf *known)
{
	const char *at = c->word + c->lead, *comma;

	while ((comma = strchr(at, ',')) != NULL) {
		buf_add(known, at, (size_t)(comma - at));
		buf_addc(known, '\0');
		at = comma + 1;
	}
	c->lead = (size_t)(at - c->word);
}

static void offer_tags(struct completion *c, const struct json *session, struct buf *known)
{
	const struct json *tags = json_get(session, "tags");
	char full[sizeof("tag:") + TAG_MAX];

	for (size_t i = 0; i < json_count(tags); i++) {
		const char *tag = json_text(json_item(tags, i));

		if (tag == NULL || strchr(tag, ',') != NULL)
			continue;
		(void)snprintf(full, sizeof(full), "tag:%s", tag);
		if (!is_known(known, full))
			complete_offer(c, "tag:", tag, "all that have the tag");
	}
}

/* Who lives: ended sessions, and agents without one, can't be told anything. */
static void offer_who(struct completion *c, const struct json *sessions)
{
	struct buf known = BUF_INIT;
	const size_t count = json_count(sessions) < NAMES_MAX ? json_count(sessions) : NAMES_MAX;
	char key[AGENT_KEY_MAX + 1];

	take_listed(c, &known);
	for (size_t i = 0; i < count; i++) {
		const struct json *session = json_item(sessions, i);
		const char *id = json_text(json_get(session, "session_id"));
		const char *task = json_text(json_get(session, "current_task"));

		if (id != NULL && !is_known(&known, id))
			complete_offer(c, "", id, task != NULL ? task : "session");
	}
	for (size_t i = 0; i < count; i++) {
		const struct json *session = json_item(sessions, i);
		const char *name = json_text(json_get(session, "agent_name"));

		text_agent_key(name != NULL ? name : "", key);
		if (key[0] != '\0' && !is_known(&known, key))
			complete_offer(c, "", key, "agent");
		offer_tags(c, session, &known);
	}
	buf_release(&known);
}

static void offer_own(struct completion *c, const struct json *sessions)
{
	for (size_t i = 0; i < json_count(sessions) && i < NAMES_MAX; i++) {
		const struct json *session = json_item(sessions, i);
		const char *id = json_text(json_get(session, "session_id"));
		int64_t uid = -1;

		json_get_integer(session, "uid", 0, UINT32_MAX, &uid, NULL);
		if (id != NULL && uid == (int64_t)geteuid())
			complete_offer(c, "", id, json_text(json_get(session, "agent_name")));
	}
}

static void offer_sessions(struct completion *c, const struct located *at, enum complete what)
{
	const struct call call = {.at = *at};
	struct buf text = BUF_INIT;
	struct json *json = NULL;

	if (tree_read(&call, "sessions.json", &text, NULL) == 0 && text.len > 0 &&
		json_parse(text.data, text.len, &json, NULL) == 0) {
		if (what == COMPLETE_WHO)
			offer_who(c, json_get(json, "sessions"));
		else
			offer_own(c, json_get(json, "sessions"));
	}
	json_free(json);
	buf_release(&text);
}

struct offering {
	struct completion *completion;
	const char *self;
};

static bool offer_ask(void *arg, const char *text, size_t len, const struct json *ask)
{
	const struct offering *o = arg;
	struct buf help = BUF_INIT;

	(void)text, (void)len;
	if (!question_waits_for(ask, o->self))
		return true;
	drawn_cell(&help, question_from(ask), 32, false);
	buf_adds(&help, " asks ");
	question_add_words(ask, 48, &help);
	complete_offer(o->completion, "", question_id(ask), buf_error(&help) == 0 ? help.data : "");
	buf_release(&help);
	return true;
}

/* Questions that wait for whoever the answer would be from. */
static void offer_asks(struct completion *c, const struct located *at)
{
	const struct call call = {.at = *at};
	struct buf self = BUF_INIT;
	struct offering o = {c, ""};

	if (tree_self(&call, &self) == 0 && buf_error(&self) == 0)
		o.self = self.data;
	if (strncmp(c->word + c->lead, "asks/", 5) == 0)
		c->lead += 5;
	(void)questions_each(&call, offer_ask, &o);
	buf_release(&self);
}

/* A shell leaves ~ as it is in a word that it has not run yet. */
static int locate_word(const char *mount, struct located *at)
{
	const char *home = getenv("HOME");
	char *path = NULL;
	int rc;

	if (mount == NULL || strncmp(mount, "~/", 2) != 0 || home == NULL)
		return locate(mount, at, NULL);
	if (asprintf(&path, "%s%s", home, mount + 1) < 0)
		return -1;
	rc = locate(path, at, NULL);
	free(path);
	return rc;
}

static void offer_from_mount(struct completion *c, enum complete what)
{
	struct located at = {0};

	if (locate_word(c->mount, &at) != 0)
		return;
	if (c->as != NULL && what == COMPLETE_ASK && locate_as(&at, c->as, NULL) != 0) {
		located_release(&at);
		return;
	}
	if (what == COMPLETE_TYPE)
		offer_names(c, &at, "feeds/by-type", "");
	else if (what == COMPLETE_SOURCE)
		offer_names(c, &at, "context/sources", "source:");
	else if (what == COMPLETE_ASK)
		offer_asks(c, &at);
	else
		offer_sessions(c, &at, what);
	located_release(&at);
}

static void offer_mounts(struct completion *c)
{
	struct buf list = BUF_INIT;

	if (locate_all(&list) == 0) {
		for (size_t at = 0; at < list.len; at += strlen(list.data + at) + 1)
			complete_offer(c, "", list.data + at, "mount");
	}
	buf_release(&list);
	complete_dirs(c);
}

void complete_kind(struct completion *c, enum complete what, size_t index)
{
	switch (what) {
	case COMPLETE_NOTHING:
		break;
	case COMPLETE_PROGRAM:
		buf_addf(&c->out, ":program %zu\n", index);
		break;
	case COMPLETE_MOUNT:
		offer_mounts(c);
		break;
	case COMPLETE_COMMAND:
		for (const struct command_row *row = commands; row->name != NULL; row++) {
			if (!(row->flags & COMMAND_HIDDEN))
				complete_offer(c, "", row->name, row->line);
		}
		break;
	case COMPLETE_SECTION:
		complete_offer(c, "", "1", "leitlfs: mounting, commands and options");
		complete_offer(c, "", "5", "leitlfs: the tree of files");
		complete_offer(c, "", "7", "leitl: what is told, and by whom");
		break;
	case COMPLETE_WHO:
	case COMPLETE_SESSION:
	case COMPLETE_TYPE:
	case COMPLETE_SOURCE:
	case COMPLETE_ASK:
		offer_from_mount(c, what);
		break;
	}
}
