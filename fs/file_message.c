/* What a session says to everyone, from its own directory. */
#include "fs/files.h"

#include "fs/handle.h"

#include "core/base/limits.h"
#include "core/state/message.h"
#include "core/state/state.h"

#include <errno.h>

int broadcast_may(struct handle *h, struct error *err)
{
	return message_may(h->loop, &h->actor, &h->burst, NULL, NULL, err);
}

/* Messages after the first of one write are counted here; the first was at its first byte. */
int broadcast_take(struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	int r = *act ? broadcast_may(h, err) : 0;

	return r ? r : message_add(h->loop, &h->actor, m, NULL, NULL, act, err);
}

static int may_say(struct handle *h, struct error *err)
{
	const char *type = h->node->where.word;

	if (event_is_reserved(type))
		return error_set(err, EINVAL, "%s is for leitlfs itself to tell", type);
	return message_may(h->loop, &h->actor, &h->burst, type, NULL, err);
}

static int take_say(struct handle *h, const struct message *m, struct act **act, struct error *err)
{
	int r = *act ? may_say(h, err) : 0;

	return r ? r : message_add(h->loop, &h->actor, m, h->node->where.word, NULL, act, err);
}

const struct file_ops own_broadcast_ops = {.may = broadcast_may, .take = broadcast_take};
const struct file_ops say_ops = {.may = may_say, .take = take_say};
