#include "webdav/webdav.h"

#include "core/base/clock.h"
#include "webdav/walk.h"

#include <curl/curl.h>
#include <libxml/parser.h>
#include <pthread.h>

/* The libraries' global parts take some MiB, which who has no server need not give: they are made
 * by the first sync. */
static void init(void)
{
	xmlInitParser();
	curl_global_init(CURL_GLOBAL_DEFAULT); /* where it failed, curl_easy_init() fails too */
}

static int run(struct sync *sync, struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct walk_limits limits = walk_limits_default;

	pthread_once(&once, init);
	limits.http.slow_s = (long)(sync_config(sync)->stall_us / SECOND_US);
	return walk_run(sync, &limits, err);
}

const struct source_runner webdav_runner = {run};
