#include "core/state/told.h"

#include "core/state/parts.h"
#include "core/state/session_private.h"

#include <errno.h>
#include <string.h>

static int decide_updated(struct loop *loop, struct command *c, struct error *err)
{
	struct act *a = (struct act *)c;
	const struct draft d = {
		.kind = RECORD_EVENT,
		.uid = loop->owner,
		.type = "context.updated",
		.data = a->text[DATA].data,
		.data_len = a->text[DATA].len,
	};

	(void)err;
	return command_add(c, &d);
}

int context_updated(struct loop *loop, const struct context_change *change, struct act **out)
{
	struct act *a = act_new(NULL);
	struct buf *data;

	(void)loop;
	if (!a)
		return -ENOMEM;
	data = &a->text[DATA];
	buf_addc(data, '{');
	if (change->source) {
		session_add_member(data, "source", change->source);
		buf_addc(data, ',');
	}
	buf_addf(data, "\"added\":%lld,\"changed\":%lld,\"removed\":%lld", (long long)change->added,
		(long long)change->changed, (long long)change->removed);
	for (size_t i = 0; change->source && i < change->path_count; i++) {
		buf_adds(data, i ? "," : ",\"paths\":[");
		buf_add_json(data, change->paths[i], strlen(change->paths[i]));
	}
	buf_adds(data, change->source && change->path_count ? "]}" : "}");
	a->command.decide = decide_updated;
	if (buf_error(data)) {
		act_free(a);
		return -ENOMEM;
	}
	*out = a;
	return 0;
}
