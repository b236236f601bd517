#include "webdav/walk_private.h"

#include "core/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAILURES_MAX     32  /* in a row: the server is out of order */
#define TRIES_MAX        3   /* of a request that the server put off */
#define FILES_ENOUGH     512 /* queued: listing more can wait */
#define LISTINGS_BYTES   ((size_t)48 << 20)
#define RETRY_DEFAULT_US (60 * SECOND_US)
#define RETRY_LEAST_US   (SECOND_US / 4)

const struct walk_limits walk_limits_default = {
	.http = HTTP_LIMITS_DEFAULT,
	.patience_us = 5 * SECOND_US,
};

void walk_stop(struct walk *w, const struct error *err)
{
	w->over = true;
	http_stop(w->http, err);
}

void walk_succeeded(struct walk *w)
{
	w->failures = 0;
}

/* The server asks for time: a short one is waited for, a long one ends the sync. */
static bool put_off(
	struct walk *w, const struct http_answer *answer, const struct error *err, int *tries)
{
	int64_t us = answer->retry_after_us < 0 ? RETRY_DEFAULT_US : answer->retry_after_us;

	if (us < RETRY_LEAST_US)
		us = RETRY_LEAST_US;
	/* Not all who were sent away come back at once. */
	us += arc4random_uniform((uint32_t)(us / 4));
	if (us > RETRY_AFTER_MAX_US)
		us = RETRY_AFTER_MAX_US;
	if (us <= w->limits->patience_us && *tries < TRIES_MAX) {
		++*tries;
		http_pause(w->http, us);
		return true;
	}
	sync_retry_after(w->sync, us);
	walk_stop(w, err);
	return false;
}

/* Whether what failed once fails for every request. */
static bool is_hopeless(int r)
{
	return r == -ECONNREFUSED || r == -EHOSTUNREACH || r == -EKEYREJECTED || r == -EPERM ||
	       r == -ENOMEM;
}

bool walk_failed(struct walk *w, const char *path, const struct http_answer *answer, int r,
	const struct error *err, int *tries)
{
	const int status = r ? 0 : answer->status;
	struct error refusal;

	if (w->over || r == -ECANCELED)
		return false;
	if (!r) {
		r = http_refusal(status, &refusal);
		err = &refusal;
	}
	if (status == 429 || (status == 503 && answer->retry_after_us >= 0))
		return put_off(w, answer, err, tries);
	if (!path[0] || (status == 401 && (w->config->username || w->config->token)) ||
		(!status && is_hopeless(r))) {
		walk_stop(w, err);
		return false;
	}
	sync_trouble(w->sync, path, err);
	if ((status >= 502 && status <= 504) || (!status && http_unreachable(r)))
		w->failures++;
	else
		w->failures = 0;
	if (w->failures >= FAILURES_MAX)
		walk_stop(w, err);
	return false;
}

int walk_place(struct walk *w, const char *path)
{
	size_t len = strlen(path) + 1;
	struct place *place;
	struct error err;

	if (w->places_count >= SYNC_COLLECTIONS_MAX) {
		error_set(&err, EFBIG, "more than %d collections", SYNC_COLLECTIONS_MAX);
		if (!w->too_many)
			sync_trouble(w->sync, path, &err);
		w->too_many = true;
		return 0;
	}
	place = malloc(sizeof(*place) + len);
	if (!place)
		return -ENOMEM;
	place->tries = 0;
	memcpy(place->path, path, len);
	STAILQ_INSERT_TAIL(&w->places, place, next);
	w->places_count++;
	w->places_left++;
	return 0;
}

int walk_wanted(struct walk *w, const struct wanted *wanted, const struct member *member)
{
	return wanted->is_dir ? walk_place(w, wanted->path) : get_queue(w, wanted, member);
}

void walk_changed(struct walk *w, const struct member *member)
{
	const struct wanted *wanted = NULL;
	struct error err = {0};
	int r = sync_changed(w->sync, member, &wanted, &err);

	if (!r && wanted) {
		r = walk_wanted(w, wanted, member);
		if (r)
			error_set(&err, -r, "out of memory");
	}
	if (r)
		walk_stop(w, &err);
}

static void note(struct walk *w)
{
	char text[128];

	snprintf(text, sizeof(text), "%d requests under way, %zu collections and %zu files to go",
		http_busy(w->http), w->places_left, w->files_left);
	sync_note(w->sync, text);
}

/* Listings go first while there is little to fetch, so that there is always something to do, and
 * what waits stays little. */
static struct http_request *next_request(void *arg)
{
	struct walk *w = arg;
	struct place *place = STAILQ_FIRST(&w->places);

	if (w->over)
		return NULL;
	if (place && (w->files_left < FILES_ENOUGH || STAILQ_EMPTY(&w->files))) {
		STAILQ_REMOVE_HEAD(&w->places, next);
		w->places_left--;
		note(w);
		return list_begin(w, place);
	}
	if (w->files_left % 64 == 63)
		note(w);
	return get_begin(w);
}

static bool is_stopping(void *arg)
{
	return sync_stopping(arg);
}

static int walk_open(struct walk *w, struct error *err)
{
	int r = uri_base_new(w->config->url, &w->base, err);

	return r ? r
		 : http_open(w->config, w->base, &w->limits->http, is_stopping, w->sync, &w->http,
			   err);
}

static void walk_close(struct walk *w)
{
	struct place *place;

	http_close(w->http);
	get_release(w);
	while ((place = STAILQ_FIRST(&w->places))) {
		STAILQ_REMOVE_HEAD(&w->places, next);
		free(place);
	}
	uri_base_free(w->base);
	free(w->token);
}

/* A token stands for all that is here only if the server tells of inner collections, too. Where
 * there was trouble, core/context/sync.h keeps the old one, and what could not be had is told of
 * again. */
static int remember(struct walk *w, struct error *err)
{
	const char *old = sync_memory(w->sync);
	const char *new = w->token && (!w->nested || w->report_nested) ? w->token : "";

	if (!new[0] && (!old || !old[0]))
		return 0;
	return sync_set_memory(w->sync, new) ? error_set(err, ENOMEM, "out of memory") : 0;
}

int walk_run(struct sync *sync, const struct walk_limits *limits, struct error *err)
{
	struct walk w = {.sync = sync,
		.config = sync_config(sync),
		.limits = limits,
		.places = STAILQ_HEAD_INITIALIZER(w.places),
		.files = STAILQ_HEAD_INITIALIZER(w.files),
		.budget = LISTINGS_BYTES};
	int r = walk_open(&w, err);

	if (!r)
		r = report_run(&w, err);
	if (!r && w.whole && walk_place(&w, ""))
		r = error_set(err, ENOMEM, "out of memory");
	if (!r)
		r = http_run(w.http, next_request, &w, err);
	if (!r)
		r = remember(&w, err);
	walk_close(&w);
	return r;
}
