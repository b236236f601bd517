/* Who holds `alive` open: the last to go ends the session. */
#include "core/state/bind_private.h"

#include "core/state/parts.h"
#include "core/state/watch.h"

#include <errno.h>
#include <stdlib.h>

void alive_forget(struct bindings *b, struct session *s)
{
	for (struct holder *h = b->holders; h; h = h->next)
		if (h->session == s)
			h->holds = false;
	s->alive_holders = 0;
}

int alive_holds(const struct bindings *b, const struct process *p)
{
	int count = 0;

	for (const struct holder *h = b->holders; h; h = h->next)
		count += h->holds && process_same(&h->process, p);
	return count;
}

int alive_gone(struct bindings *b, const struct process *p, struct ending *out)
{
	int count = 0;

	for (struct holder *h = b->holders; h; h = h->next) {
		if (!h->holds || !process_same(&h->process, p))
			continue;
		h->holds = false;
		if (--h->session->alive_holders == 0)
			out[count++] = (struct ending){session_ref(h->session), END_ALIVE_CLOSED};
	}
	return count;
}

int alive_hold(struct loop *loop, struct session *s, const struct process *p, struct holder **out)
{
	struct bindings *b = loop->bindings;
	struct holder *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->session = session_ref(s);
	h->process = *p;
	h->holds = true;
	pthread_mutex_lock(&b->mutex);
	if (p->pid && watch_process(b->watch, p))
		h->process.pid = 0; /* its release still tells */
	s->alive_holders++;
	h->next = b->holders;
	h->link = &b->holders;
	if (h->next)
		h->next->link = &h->next;
	b->holders = h;
	pthread_mutex_unlock(&b->mutex);
	*out = h;
	return 0;
}

void alive_release(struct loop *loop, struct holder *h, bool was_heartbeat)
{
	struct bindings *b = loop->bindings;
	bool last = false;

	if (!h)
		return;
	pthread_mutex_lock(&b->mutex);
	if (h->holds)
		last = --h->session->alive_holders == 0;
	*h->link = h->next;
	if (h->next)
		h->next->link = h->link;
	if (h->process.pid)
		unwatch_process(b->watch, &h->process);
	pthread_mutex_unlock(&b->mutex);
	if (last && !was_heartbeat)
		binding_end(loop, h->session, END_ALIVE_CLOSED);
	session_unref(h->session);
	free(h);
}
