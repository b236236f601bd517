/* Adding sources: who may, and under which name. */
#include "core/context/sources_private.h"

#include "core/state/parts.h"

#include <errno.h>
#include <string.h>

int sources_check_own(struct sources *ss, uid_t uid, const struct source_config *c,
	const struct source_config *before, struct error *err)
{
	if (uid == ss->loop->owner)
		return 0;
	for (const struct source_option *o = source_options; o->name != NULL; o++)
		if (o->own && !source_same_value(c, before, o))
			return error_set(err, EACCES,
				"%s: only the user that leitlfs runs as may set it", o->name);
	return 0;
}

static int check_new(
	struct sources *ss, uid_t uid, const struct source_config *c, struct error *err)
{
	struct source_config initial;
	int r;

	if (uid != ss->loop->owner && !ss->options.any)
		return error_set(err, EACCES,
			"only the user that leitlfs runs as may add sources (or all, with -o "
			"sources=any)");
	source_config_init(&initial);
	r = sources_check_own(ss, uid, c, &initial, err);
	source_config_release(&initial);
	return r;
}

static int check_room(struct sources *ss, const struct source *s, struct error *err)
{
	size_t count, of_uid = 0;
	struct source *same = sources_of_name(ss, s->name);

	if (same != NULL) {
		source_unref(same);
		return error_set(err, EEXIST, "name: %s is taken", s->name);
	}
	pthread_mutex_lock(&ss->mutex);
	count = ss->count;
	for (size_t i = 0; i < ss->count; i++)
		of_uid += ss->all[i]->uid == s->uid;
	pthread_mutex_unlock(&ss->mutex);
	if (count >= SOURCES_MAX)
		return error_set(err, EDQUOT, "there are %d sources already", SOURCES_MAX);
	if (of_uid >= SOURCES_UID_MAX)
		return error_set(err, EDQUOT, "this user has %d sources already", SOURCES_UID_MAX);
	return 0;
}

/* Where `below` is in `dir`, as a path within it ("" is the same); else NULL. */
static const char *path_in(const char *dir, const char *below)
{
	const size_t len = strlen(dir);

	if (strncmp(dir, below, len) != 0 || (below[len] != '/' && below[len] != '\0'))
		return NULL;
	return below + len + (below[len] == '/');
}

/* What a sync writes there would be what the next finds. */
int sources_check_folder(struct sources *ss, const struct source_config *c, struct error *err)
{
	const char *state = ss->loop->config->state;

	if (c->kind == SOURCE_FOLDER && state != NULL && path_in(state, c->path) != NULL)
		return error_set(err, EINVAL, "url: that is where leitlfs keeps what it knows");
	return 0;
}

int sources_copy_config(
	struct sources *ss, struct source_config *to, const struct source_config *from)
{
	const char *state = ss->loop->config->state, *path = NULL;
	int r = source_config_copy(to, from);

	if (r == 0 && from->kind == SOURCE_FOLDER && state != NULL)
		path = path_in(from->path, state);
	if (path != NULL && path[0] != '\0')
		r = source_exclude(to, path);
	if (r != 0)
		source_config_release(to);
	return r;
}

int sources_insert(struct sources *ss, struct source *s, struct error *err)
{
	struct source_state *st = s->state;
	int r = check_room(ss, s, err);

	if (r == 0)
		r = sources_check_folder(ss, &st->config, err);
	if (r == 0)
		r = sources_put(ss, s, &st->config, NULL, false, err);
	if (r != 0)
		return r;
	st->shared = st->config.shared;
	pthread_mutex_lock(&ss->mutex);
	if (st->config.kind != SOURCE_NONE)
		source_request(s, loop_mono_us(ss->loop));
	pthread_mutex_unlock(&ss->mutex);
	r = sources_publish(ss, s);
	if (r != 0) {
		catalog_source_drop(ss->catalog, s->id, NULL);
		return error_set(err, -r, "%s", strerror(-r));
	}
	source_watch(ss, s);
	sources_wake(ss);
	return 0;
}

/* Takes the config over. */
static int add(struct sources *ss, uid_t uid, gid_t gid, const char *name, struct source_config *c,
	struct source **out, struct error *err)
{
	struct source *s = source_new(ss, name, uid, gid);
	int r;

	if (s == NULL) {
		source_config_release(c);
		return error_set(err, ENOMEM, "out of memory");
	}
	s->state->config = *c;
	pthread_mutex_lock(&ss->changing);
	r = sources_insert(ss, s, err);
	pthread_mutex_unlock(&ss->changing);
	if (r != 0) {
		source_unref(s);
		return r;
	}
	sources_tell_changed(ss, s, NULL, 0);
	*out = s;
	return 0;
}

int sources_add(struct sources *ss, uid_t uid, gid_t gid, const char *text, size_t len,
	struct source **out, struct error *err)
{
	char name[SOURCE_NAME_MAX + 1];
	struct source_config c;
	int r = source_parse(text, len, &c, name, err);

	if (r != 0)
		return r;
	r = check_new(ss, uid, &c, err);
	if (r != 0) {
		source_config_release(&c);
		return r;
	}
	return add(ss, uid, gid, name, &c, out, err);
}

int sources_make(struct sources *ss, uid_t uid, gid_t gid, const char *name, struct source **out,
	struct error *err)
{
	struct source_config c;
	int r;

	if (!source_name_ok(name, strlen(name)))
		return error_set(err, EINVAL,
			"name: must be 1 to %d of A-Z a-z 0-9 . _ -, and not begin with a dot",
			SOURCE_NAME_MAX);
	source_config_init(&c);
	r = check_new(ss, uid, &c, err);
	return r != 0 ? r : add(ss, uid, gid, name, &c, out, err);
}
