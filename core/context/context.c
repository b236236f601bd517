#include "core/context/context.h"

#include "core/base/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define CONTEXT_DIR "context"

static int has_secrets(void *arg, const struct source_row *row)
{
	if (row->secrets_len > 0)
		*(bool *)arg = true;
	return 0;
}

static int open_catalog(
	struct context *c, const struct config *config, catalog_text text, struct error *err)
{
	char *dir = NULL;
	int r;

	if (asprintf(&dir, "%s/" CONTEXT_DIR, config->state) < 0)
		return error_set(err, ENOMEM, "out of memory");
	r = catalog_open(dir, text, &c->catalog, err);
	free(dir);
	return r;
}

int context_open(struct loop *loop, const struct config *config, const struct source_runner *webdav,
	catalog_text text, struct context **out, struct error *err)
{
	struct context *c = calloc(1, sizeof(*c));
	bool sealed = false;
	int r;

	if (c == NULL)
		return error_set(err, ENOMEM, "out of memory");
	r = open_catalog(c, config, text, err);
	if (r == 0)
		r = catalog_sources(c->catalog, has_secrets, &sealed, err);
	if (r == 0)
		r = secret_open(config->state, sealed, &c->secret, err);
	if (r == 0)
		r = sources_open(loop, c->catalog, c->secret, config, webdav, &c->sources, err);
	if (r == 0)
		r = search_new(c->catalog, c->sources, &c->search, err);
	if (r == 0)
		r = matched_new(loop, c->search, &c->matched, err);
	if (r != 0) {
		context_close(c);
		return r;
	}
	*out = c;
	return 0;
}

void context_close(struct context *c)
{
	if (c == NULL)
		return;
	matched_free(c->matched);
	sources_close(c->sources);
	search_free(c->search);
	secret_close(c->secret);
	catalog_close(c->catalog);
	free(c);
}
