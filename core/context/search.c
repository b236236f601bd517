#include "core/context/search_private.h"

#include "core/base/clock.h"
#include "core/base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_US (60 * SECOND_US)

int search_new(
	struct catalog *catalog, struct sources *sources, struct search **out, struct error *err)
{
	struct search *s = calloc(1, sizeof(*s));

	if (!s)
		return error_set(err, ENOMEM, "out of memory");
	pthread_mutex_init(&s->mutex, NULL);
	s->catalog = catalog;
	s->sources = sources;
	*out = s;
	return 0;
}

void search_free(struct search *s)
{
	if (!s)
		return;
	cache_clear(s);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

/* Results. */

struct results *results_ref(struct results *r)
{
	__atomic_add_fetch(&r->refs, 1, __ATOMIC_RELAXED);
	return r;
}

void results_unref(struct results *r)
{
	if (!r || __atomic_sub_fetch(&r->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (r->of) {
		results_unref(r->of);
		free(r);
		return;
	}
	for (size_t i = 0; i < r->count; i++) {
		free(r->items[i].source);
		free(r->items[i].path);
		free(r->items[i].type);
		free(r->items[i].snippet);
		free(r->items[i].url);
	}
	free(r->items);
	free(r->query);
	free(r);
}

size_t results_bytes(const struct results *r)
{
	size_t bytes = 2 * sizeof(*r) + strlen(r->query) + 1;

	for (size_t i = 0; i < r->count; i++)
		bytes += sizeof(r->items[i]) + strlen(r->items[i].path) + strlen(r->items[i].url) +
			 strlen(r->items[i].snippet) + strlen(r->items[i].type) +
			 strlen(r->items[i].source) + 5;
	return bytes;
}

/* What an answer depends on, beside the catalog's generation. A time that was counted from now is
 * good for a minute. */
static char *key_of(
	const char *text, size_t len, const struct query_terms *q, const struct scope *scope)
{
	struct buf key = BUF_INIT;

	for (size_t i = 0; i < scope->count; i++)
		buf_addf(&key, "%lld,", (long long)scope->sources[i]->id);
	if (q->since_set)
		buf_addf(&key, "since %lld", (long long)(q->since_us / MINUTE_US));
	buf_addc(&key, '\n');
	for (size_t i = 0; i < len; i++)
		buf_addc(&key, text[i] ? text[i] : ' ');
	return buf_detach(&key, NULL);
}

static int find(struct search *s, const char *text, size_t len, const struct query_terms *q,
	const struct scope *scope, struct results **out, struct error *err)
{
	struct results *r = calloc(1, sizeof(*r));
	int status;

	if (!r)
		return error_set(err, ENOMEM, "out of memory");
	r->refs = 1;
	r->generation = catalog_generation(s->catalog);
	r->time_us = clock_system.wall_us(&clock_system);
	r->query = strndup(text, len);
	status = r->query ? results_find(s, q, scope, r, err)
			  : error_set(err, ENOMEM, "out of memory");
	if (status)
		results_unref(r);
	else
		*out = r;
	return status;
}

int search_run(struct search *s, const char *query, size_t len, uid_t uid, const char *const *names,
	struct results **out, struct error *err)
{
	struct query_terms q;
	struct scope scope;
	char *key;
	int r;

	while (len && (query[len - 1] == '\n' || query[len - 1] == ' '))
		len--;
	r = query_parse(query, len, clock_system.wall_us(&clock_system), &q, err);
	if (r)
		return r;
	r = scope_take(s, uid, names, &q, &scope);
	if (r) {
		query_release(&q);
		return error_set(err, -r, "out of memory");
	}
	key = key_of(query, len, &q, &scope);
	*out = key ? cache_get(s, key, catalog_generation(s->catalog)) : NULL;
	if (!*out)
		r = find(s, query, len, &q, &scope, out, err);
	else
		goto out;
	if (r == 0 && key) {
		cache_put(s, key, *out);
		key = NULL;
	}
out:
	free(key);
	scope_release(&scope);
	query_release(&q);
	return r;
}

/* Names of queries. */

int query_from_name(const char *name, struct buf *out)
{
	const size_t start = out->len;

	if (*name == '\0' || *name == '.')
		return -ENOENT;
	for (; *name; name++) {
		char c = *name == '+' ? ' ' : *name;

		if (c == '%') {
			int high = text_hex(name[1]), low = high < 0 ? -1 : text_hex(name[2]);

			if (low < 0)
				return -ENOENT;
			c = (char)(high << 4 | low);
			name += 2;
		}
		buf_addc(out, c);
	}
	if (buf_error(out))
		return buf_error(out);
	for (size_t at = start, n; at < out->len; at += n) {
		n = text_char(out->data + at, out->len - at, NULL);
		if (n == 0 || text_is_control(out->data + at, n))
			return -ENOENT;
	}
	return 0;
}
