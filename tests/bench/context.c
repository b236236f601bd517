#include "tests/bench/context.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define STATE_NAME "context"

bool context_possible(const struct bench *b, const char *work)
{
	if (b->web_port == 0)
		table_note(work, "needs Apache with mod_dav");
	return b->web_port != 0;
}

void context_url(const struct bench *b, char out[CONTEXT_URL_MAX])
{
	snprintf(out, CONTEXT_URL_MAX, "http://127.0.0.1:%d/", b->web_port);
}

void context_release(struct bench *b)
{
	if (b->corpus)
		corpus_release(b->corpus);
	free(b->corpus);
	b->corpus = NULL;
}

int context_corpus(struct bench *b, struct corpus **out)
{
	struct corpus *c = b->corpus;
	int rc;

	if (!c) {
		c = malloc(sizeof(*c));
		if (!c)
			return -ENOMEM;
		rc = corpus_make(c, b->web_root, b->files, b->collections);
		if (rc != 0) {
			corpus_release(c);
			free(c);
			return bench_failed("making the files to sync", rc);
		}
		b->corpus = c;
	}
	*out = c;
	return 0;
}

/* Readable and searchable. */
static int check_last(const struct bench *b, const struct daemon *d)
{
	char name[NAME_MAX + 1], path[PATH_MAX], *text;
	size_t len;
	int rc;

	corpus_name(b->corpus, b->files - 1, name);
	snprintf(path, sizeof(path), SYNCED_FILES "/%s", name);
	rc = synced_read(d, path, &text, &len);
	if (rc != 0)
		return rc;
	free(text);
	return synced_finds(d, CORPUS_MARK, 1);
}

int context_sync(struct bench *b, struct daemon *d, uint64_t *took_ns)
{
	struct corpus *c;
	char state[PATH_MAX], url[CONTEXT_URL_MAX];
	unsigned long lines;
	uint64_t begun;
	int rc = context_corpus(b, &c);

	if (rc != 0)
		return rc;
	if (snprintf(state, sizeof(state), "%s/" STATE_NAME ".state", b->dir) >= (int)sizeof(state))
		return -ENAMETOOLONG;
	context_url(b, url);
	b->synced_is_ready = false;
	rc = run_counting((char *const[]){"rm", "-rf", state, NULL}, &lines);
	if (rc == 0)
		rc = bench_leitlfs(b, d, STATE_NAME, NULL);
	if (rc != 0)
		return rc;
	begun = now_ns();
	rc = synced_add(d, url);
	if (rc == 0)
		rc = synced_first(d);
	if (rc == 0)
		rc = check_last(b, d);
	*took_ns = now_ns() - begun;
	b->synced_is_ready = rc == 0;
	if (rc != 0) {
		bench_failed("the first sync", rc);
		daemon_stop(d);
	}
	return rc;
}

int context_ready(struct bench *b)
{
	struct daemon d = {0};
	struct corpus *c;
	uint64_t took;
	int rc = context_corpus(b, &c);

	if (rc != 0 || !b->leitlfs || b->synced_is_ready)
		return rc;
	rc = context_sync(b, &d, &took);
	return rc == 0 ? daemon_stop(&d) : rc;
}

int context_start(struct bench *b, struct daemon *d, struct daemon *floor)
{
	int rc = 0;

	if (b->leitlfs)
		rc = bench_leitlfs(b, d, STATE_NAME, NULL);
	if (rc != 0)
		return rc;
	if (b->leitlfs)
		rc = synced_again(d);
	if (rc == 0 && floor)
		rc = bench_floor(b, d, STATE_NAME "-floor", b->web_root, floor);
	if (rc != 0)
		daemon_stop(d);
	return rc;
}
