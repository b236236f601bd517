/*
 * Sources as rows of the catalog. The column `config` is {"file":…,"config":{…}}, `file` for those
 * from configuration files; `memory` is {"moved":true,"success_us":…,"error":…,"last":{…},
 * "memory":…}, each where there is one, the last being the runner's own.
 */
#include "core/context/sources_private.h"

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/state/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURIED ".gone-" /* no source has such a name */

static void add_config(const struct source *s, const struct source_config *c, struct buf *out)
{
	buf_addc(out, '{');
	if (s->state->file != NULL) {
		buf_adds(out, "\"file\":");
		buf_add_json(out, s->state->file, strlen(s->state->file));
		buf_addc(out, ',');
	}
	buf_adds(out, "\"config\":");
	source_to_json(c, out);
	buf_addc(out, '}');
}

static void add_memory(const struct source *s, const char *memory, bool moved, struct buf *out)
{
	const struct source_state *st = s->state;

	buf_addf(out, "{\"success_us\":%lld", (long long)st->success_us);
	if (moved)
		buf_adds(out, ",\"moved\":true");
	if (st->last != NULL)
		buf_addf(out, ",\"last\":%s", st->last);
	if (st->error != NULL) {
		buf_addf(out, ",\"failed\":%s,\"error\":", st->failed ? "true" : "false");
		buf_add_json(out, st->error, strlen(st->error));
	}
	if (memory != NULL) {
		buf_adds(out, ",\"memory\":");
		buf_add_json(out, memory, strlen(memory));
	}
	buf_addc(out, '}');
}

/* Seals the config's secrets; those that could not be opened stay as they are. */
static int seal(struct sources *ss, const struct source *s, const struct source_config *c,
	struct buf *out, struct error *err)
{
	const struct buf *kept = &s->state->sealed;
	struct plain *plain;
	int r = 0;

	if (kept->len > 0) {
		buf_add(out, kept->data, kept->len);
		return buf_error(out);
	}
	plain = source_secrets(c);
	if (plain == NULL)
		return error_set(err, ENOMEM, "out of memory");
	if (plain->len > 0)
		r = secret_seal(ss->secret, s->name, plain->text, plain->len, out, err);
	plain_free(plain);
	return r;
}

int sources_put(struct sources *ss, struct source *s, const struct source_config *c,
	const char *memory, bool moved, struct error *err)
{
	struct buf config = BUF_INIT, remembered = BUF_INIT, sealed = BUF_INIT;
	struct source_row row = {.id = s->id, .name = s->name, .uid = s->uid, .gid = s->gid};
	int r = seal(ss, s, c, &sealed, err);

	add_config(s, c, &config);
	add_memory(s, memory, moved, &remembered);
	if (r == 0 && (buf_error(&config) != 0 || buf_error(&remembered) != 0))
		r = error_set(err, ENOMEM, "out of memory");
	if (r == 0) {
		row.config = config.data;
		row.memory = remembered.data;
		row.secrets = sealed.data;
		row.secrets_len = sealed.len;
		r = catalog_source_put(ss->catalog, &row, err);
	}
	if (r == 0 && s->id == 0) /* not published yet */
		s->id = row.id;
	buf_release(&config);
	buf_release(&remembered);
	buf_release(&sealed);
	return r;
}

int sources_bury(struct sources *ss, struct source *s, struct error *err)
{
	char name[sizeof(BURIED) + 24];
	struct source_row row = {
		.id = s->id, .name = name, .uid = s->uid, .gid = s->gid, .config = "{}"};

	snprintf(name, sizeof(name), BURIED "%lld", (long long)s->id);
	return catalog_source_put(ss->catalog, &row, err);
}

int sources_remember(struct sources *ss, struct source *s, struct error *err)
{
	struct buf out = BUF_INIT;
	int r;

	add_memory(s, s->state->memory, s->state->moved, &out);
	r = buf_error(&out);
	if (r != 0)
		r = error_set(err, -r, "%s", strerror(-r));
	else
		r = catalog_source_remember(ss->catalog, s->id, out.data, err);
	buf_release(&out);
	return r;
}

static int take_text(const struct json *object, const char *key, char **out)
{
	const char *text = NULL;

	json_get_string(object, key, 0, &text, NULL);
	*out = text != NULL ? strdup(text) : NULL;
	return text == NULL || *out != NULL ? 0 : -ENOMEM;
}

/* What is not understood is forgotten: then the next sync looks at everything. */
static int load_memory(struct source_state *st, const char *text)
{
	struct json *json = NULL;
	const char *raw;
	size_t len;
	int r;

	if (text == NULL || json_parse(text, strlen(text), &json, NULL) != 0)
		return 0;
	json_get_bool(json, "moved", &st->moved, NULL);
	json_get_bool(json, "failed", &st->failed, NULL);
	json_get_integer(json, "success_us", 0, INT64_MAX, &st->success_us, NULL);
	r = take_text(json, "error", &st->error);
	if (r == 0)
		r = take_text(json, "memory", &st->memory);
	if (r == 0 && json_member(text, strlen(text), "last", &raw, &len)) {
		st->last = strndup(raw, len);
		r = st->last != NULL ? 0 : -ENOMEM;
	}
	json_free(json);
	return r;
}

static int load_config(struct source *s, const char *text, struct error *err)
{
	struct source_state *st = s->state;
	struct json *json = NULL;
	const char *raw;
	size_t len;
	int r = json_parse(text, strlen(text), &json, err);

	if (r != 0)
		return r;
	r = take_text(json, "file", &st->file);
	json_free(json);
	s->fixed = st->file != NULL;
	if (r == 0 && json_member(text, strlen(text), "config", &raw, &len))
		r = source_from_json(raw, len, &st->config, err);
	st->shared = st->config.shared;
	return r;
}

static int load_secrets(struct sources *ss, struct source *s, const struct source_row *row)
{
	struct source_state *st = s->state;
	struct plain *plain = NULL;
	struct error err = {0};
	int r;

	if (row->secrets_len == 0)
		return 0;
	r = secret_unseal(ss->secret, s->name, row->secrets, row->secrets_len, &plain, &err);
	if (r == 0) {
		r = source_take_secrets(&st->config, plain);
		plain_free(plain);
		if (r == 0 || r == -ENOMEM)
			return r;
		error_set(&err, -r, "the secrets of %s are damaged; give them again", s->name);
	}
	if (r == -ENOMEM)
		return r;
	/* They may be good again with another key. */
	buf_add(&st->sealed, row->secrets, row->secrets_len);
	st->unsealing = strdup(err.text);
	return buf_error(&st->sealed) != 0 || st->unsealing == NULL ? -ENOMEM : 0;
}

static int load_row(void *arg, const struct source_row *row)
{
	struct sources *ss = arg;
	struct source *s = source_new(ss, row->name, row->uid, row->gid);
	struct error err = {0};
	int r;

	if (s == NULL)
		return -ENOMEM;
	s->id = row->id;
	if (strncmp(row->name, BURIED, strlen(BURIED)) == 0) {
		s->state->gone = true;
		source_enqueue(s);
		source_unref(s);
		return 0;
	}
	r = load_config(s, row->config, &err);
	if (r == 0)
		r = load_secrets(ss, s, row);
	if (r == 0)
		r = load_memory(s->state, row->memory);
	if (r == 0)
		r = sources_publish(ss, s);
	if (r != 0 && r != -ENOMEM) {
		sources_log(ss, "source %s is left out: %s", row->name,
			err.code != 0 ? err.text : strerror(-r));
		r = 0;
	}
	source_unref(s);
	return r;
}

int sources_load(struct sources *ss, struct error *err)
{
	int r = catalog_sources(ss->catalog, load_row, ss, err);

	if (r == -ENOMEM)
		error_set(err, ENOMEM, "out of memory");
	return r;
}
