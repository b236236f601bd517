/* Shared by claim.c and claim_take.c alone. Threads: as core/item/claim.h. */
#ifndef CORE_CLAIM_PRIVATE_H
#define CORE_CLAIM_PRIVATE_H

#include "core/item/claim.h"

/* Adds the event that a claim is over, told by the session that held it. On the committer. -ENOMEM.
 */
int claim_add_released(struct loop *, struct act *, const struct item *,
	const struct session *owner, const char *reason);

#endif
