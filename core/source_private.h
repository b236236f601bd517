/* Shared by source*.c alone. */
#ifndef CORE_SOURCE_PRIVATE_H
#define CORE_SOURCE_PRIVATE_H

#include "core/source.h"

struct json;

/* The `take` of url and proxy (core/source_place.c). */
int source_take_url(struct source_config *, const struct source_option *, const char *text,
	size_t len, struct error *);
int source_take_proxy(struct source_config *, const struct source_option *, const char *text,
	size_t len, struct error *);

/* One option from the member of its name, which is there; null is the default. -EINVAL, -ENOMEM. */
int source_set_json(struct source_config *, const struct source_option *, const struct json *object,
	struct error *);
void source_reset(struct source_config *, const struct source_option *); /* to its default */

/* Checks: one line of UTF-8 without control characters, up to `max` bytes. `name` is told. */
int source_check_text(const char *name, const char *text, size_t len, size_t max, struct error *);
int source_check_user(const char *name, const char *text, size_t len, struct error *);
int source_check_secret(const char *name, const char *text, size_t len, struct error *);

/* A field of the config by its option. */
static inline void *source_field(const struct source_config *c, const struct source_option *o)
{
	return (char *)c + o->offset;
}

#endif
