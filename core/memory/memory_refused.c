/* What the disk refuses, in words: one line a moment in `errors` for each user and errno. */
#include "core/memory/memory_private.h"

#include "core/state/parts.h"
#include "core/state/refusal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *memory_reason(int code)
{
	switch (code) {
	case ENOSPC:
		return "the disk that the state directory is on is full";
	case EDQUOT:
		return "a quota of the disk that the state directory is on is reached";
	case EIO:
		return "the disk that the state directory is on failed: the system's log has more";
	case EROFS:
		return "the disk that the state directory is on can only be read";
	case EMFILE:
	case ENFILE:
		return "the daemon has as many files open as the system lets it";
	case ENOMEM:
		return "the daemon is out of memory";
	default:
		return NULL;
	}
}

/* How many were kept back since the last line of that user and errno; -1: this one is, too. Who
 * does not find room among those known takes that of the one that was refused longest ago. */
static long may_say(struct memory *m, uid_t uid, int code, bool by_disk)
{
	const int64_t now_us = loop_mono_us(m->loop);
	struct memory_refusal *r = m->refusals;
	long more = 0;

	pthread_mutex_lock(&m->mutex);
	for (size_t i = 0; i < MEMORY_REFUSALS; i++) {
		struct memory_refusal *at = &m->refusals[i];

		if (at->code == code && at->uid == uid && at->by_disk == by_disk) {
			r = at;
			break;
		}
		if (at->last_us < r->last_us)
			r = at;
	}
	if (r->code != code || r->uid != uid || r->by_disk != by_disk) {
		*r = (struct memory_refusal){uid, code, by_disk, now_us, 0};
	} else if (now_us - r->last_us < SECOND_US) {
		r->more++;
		more = -1;
	} else {
		more = r->more;
		r->more = 0;
		r->last_us = now_us;
	}
	pthread_mutex_unlock(&m->mutex);
	return more;
}

void memory_refused(struct memory *m, uid_t uid, pid_t pid, const char *session, const char *path,
	int code, const char *reason)
{
	const char *why = reason ? reason : memory_reason(code);
	long more = why ? may_say(m, uid, code, !reason) : -1;
	char text[ERROR_TEXT_MAX];

	if (more < 0)
		return;
	if (more > 0)
		snprintf(text, sizeof(text), "%s (and %ld times more since the line before)", why,
			more);
	else
		snprintf(text, sizeof(text), "%s", why);
	refusal_add(m->loop->refusals, uid, pid, session, path, code, text);
}
