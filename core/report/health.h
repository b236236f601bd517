/*
 * Whether all is well: health.json.
 *
 * A look is cheap, and asks neither the disk nor a server: it shows what those who work with them
 * noted (core/base/metrics.h), and that the saver, who looks at the disk once a second, has not
 * been heard of for a while is itself a finding.
 */
#ifndef CORE_HEALTH_H
#define CORE_HEALTH_H

#include "core/base/buf.h"

#include <sys/types.h>

struct context;
struct loop;

/* What the saver does once a second: notes how large the store is and what room is left, and has
 * the alerts looked at (core/item/alert.h). Blocks for the disk. */
void health_look(struct loop *);

/* Adds health.json as that uid may see it: {"status":"ok|degraded|failing","seq","since",
 * "checks":[{"name","status","detail",…}],…}; the worst check is the status. `context` may be NULL,
 * `libfuse` is its version. Takes the state's lock for reading, for an instant. */
void health_show(struct loop *, struct context *, uid_t, const char *libfuse, struct buf *out);

#endif
