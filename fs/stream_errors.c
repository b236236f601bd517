/* The streams of `errors`: what they show is kept for each user, and is in no log. */
#include "fs/stream_private.h"

#include "core/state/refusal.h"

#include <stdlib.h>

void stream_begin_errors(struct stream *s)
{
	uint64_t first;
	int64_t time_us;

	refusal_span(s->loop->refusals, s->viewer, &first, &s->at, &time_us);
	waits_lock(s->server->waits);
	s->next = s->server->error_streams;
	s->link = &s->server->error_streams;
	if (s->next)
		s->next->link = &s->next;
	*s->link = s;
	waits_unlock(s->server->waits);
}

void stream_end_errors(struct stream *s)
{
	waits_lock(s->server->waits);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	waits_unlock(s->server->waits);
}

bool stream_has_errors(const struct stream *s)
{
	uint64_t first, end;
	int64_t time_us;

	refusal_span(s->loop->refusals, s->viewer, &first, &end, &time_us);
	return end > s->at;
}

int stream_collect_errors(struct stream *s, size_t size, struct buf *out)
{
	int r = refusal_read(s->loop->refusals, s->viewer, &s->at, size, out);

	s->at += r ? 0 : out->len;
	return r;
}

/* Answers one reader of that uid's errors who was not told of those before byte `end`. False: there
 * is none. */
static bool tell_error(struct server *server, uid_t uid, uint64_t end)
{
	struct fuse_pollhandle *poll = NULL;
	struct parked *p = NULL;
	struct stream *s;

	waits_lock(server->waits);
	for (s = server->error_streams; s; s = s->next) {
		if (s->viewer != uid || s->told >= end)
			continue;
		s->told = end;
		s->news++;
		p = stream_wake(s, &poll);
		if (p || poll)
			break;
	}
	if (s)
		follower_ref(&s->follower);
	if (p)
		s->active++;
	waits_unlock(server->waits);
	if (!s)
		return false;
	stream_tell_poll(poll);
	stream_serve(s, p);
	follower_unref(&s->follower);
	return true;
}

void streams_refused(struct server *server, uid_t uid)
{
	uint64_t first, end;
	int64_t time_us;

	refusal_span(server->loop->refusals, uid, &first, &end, &time_us);
	while (tell_error(server, uid, end))
		;
}
