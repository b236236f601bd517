#include "core/collaboration.h"

#include "core/json.h"
#include "core/parts.h"

#include <errno.h>
#include <string.h>

static int apply(struct state *st, struct item *item, const struct record *r,
	const struct json *detail, const char *text, bool *closes)
{
	(void)st, (void)item, (void)r, (void)detail, (void)text, (void)closes;
	return 0;
}

const struct item_ops collaboration_item = {
	.prefix = "collaboration.",
	.begins = "collaboration.started",
	.size = sizeof(struct collaboration),
	.closed_max = 1000,
	.apply = apply,
};
