/* Shared by source*.c alone. */
#ifndef CORE_SOURCE_PRIVATE_H
#define CORE_SOURCE_PRIVATE_H

#include "core/context/source.h"

struct json;

/* The `take` of url and proxy (core/context/source_place.c). */
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

/* source_options.c, source_value.c: as source_set() and source_set_json(). A list is of its JSON
 * where that is no NULL. */
int source_keep_text(char **field, const char *text, size_t len, struct error *);
int source_set_secret(struct source_config *, const struct source_option *, const char *text,
	size_t len, struct error *);
int source_set_number(
	struct source_config *, const struct source_option *, int64_t value, struct error *);
int source_set_number_text(struct source_config *, const struct source_option *, const char *text,
	size_t len, struct error *);
int source_set_flag(struct source_config *, const struct source_option *, const char *text,
	size_t len, struct error *);
int source_set_list(struct source_config *, const struct source_option *, const char *text,
	size_t len, const struct json *, struct error *);
int source_set_list_text(struct source_config *, const struct source_option *, const char *text,
	size_t len, struct error *);
int source_refuse_number(const struct source_option *, struct error *); /* -EINVAL, and the range */
void source_add_number(struct buf *, enum source_option_kind, int64_t value);
void source_trim(const char **text, size_t *len); /* white space at both ends */
void source_free_list(char **);                   /* takes NULL */

/* source_url.c. `name` is the option that is told. */
/* A URL's parts, in the text it was. */
struct span {
	const char *text;
	size_t len;
};

struct url {
	struct span user, password, host, port, path;
	bool has_user, has_password;
};

bool url_is_unreserved(char c);
int url_escaped(const char *text, size_t len); /* the byte that %XX is; -1: it is none */
int url_decode(const char *name, char *text, size_t *len, struct error *); /* in place */
bool url_skip(struct span *, const char *scheme);
/* user:password@host:port */
int url_split(const char *name, struct span authority, struct url *out, struct error *);
/* host:port, in lower case and without the usual port; -1: there is none */
int url_add_host(
	const char *name, const struct url *, int usual_port, struct buf *out, struct error *);
/* User and password go where they are kept, decoded; nothing is changed on failure. */
int url_take_who(const char *name, const struct url *, char **username, struct plain **password,
	struct error *);

/* The text of a SOURCE_TEXT as it is shown; borrowed. A folder's url is its path. */
const char *source_text(const struct source_config *, const struct source_option *);

/* A field of the config by its option. */
static inline void *source_field(const struct source_config *c, const struct source_option *o)
{
	return (char *)c + o->offset;
}

#endif
