#include "core/claim.h"

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

const struct item_ops claim_item = {
	.prefix = "claim.",
	.begins = "claim.taken",
	.size = sizeof(struct claim),
	.closed_max = 0,
	.apply = apply,
};
