/* Telling the log what has changed: once a second a source at most. */
#include "core/context/sources_private.h"

#include "core/state/parts.h"
#include "core/state/told.h"

#include <stdlib.h>
#include <string.h>

static bool has_path(const struct untold *u, const char *path)
{
	for (size_t i = 0; i < u->path_count; i++)
		if (strcmp(u->paths[i], path) == 0)
			return true;
	return false;
}

void untold_add(struct untold *u, const struct sync_result *result)
{
	u->added += result->added;
	u->changed += result->changed;
	u->removed += result->removed;
	for (char *const *path = result->paths; path != NULL && *path != NULL; path++) {
		if (u->path_count == SOURCES_TOLD_PATHS || has_path(u, *path))
			continue;
		u->paths[u->path_count] = strdup(*path);
		if (u->paths[u->path_count] != NULL) /* else it is counted, and not named */
			u->path_count++;
	}
}

bool untold_any(const struct untold *u)
{
	return u->added != 0 || u->changed != 0 || u->removed != 0;
}

void untold_release(struct untold *u)
{
	for (size_t i = 0; i < u->path_count; i++)
		free(u->paths[i]);
	*u = (struct untold){0};
}

void source_tell(struct sources *ss, struct source *s, bool now)
{
	struct source_state *st = s->state;
	const int64_t now_us = loop_mono_us(ss->loop);
	struct context_change change = {0};
	struct untold u = {0};
	struct act *act;

	pthread_mutex_lock(&ss->mutex);
	if (now || st->told_us == 0 || now_us - st->told_us >= SECOND_US) {
		u = st->untold;
		st->untold = (struct untold){0};
	}
	if (untold_any(&u))
		st->told_us = now_us;
	pthread_mutex_unlock(&ss->mutex);
	change.source = source_is_shared(s) || ss->options.alone ? s->name : NULL;
	change.added = u.added;
	change.changed = u.changed;
	change.removed = u.removed;
	change.paths = (const char *const *)u.paths;
	change.path_count = u.path_count;
	if (untold_any(&u) && context_updated(ss->loop, &change, &act) == 0) {
		act->command.done = act_over;
		loop_submit(ss->loop, &act->command);
	}
	untold_release(&u);
}
