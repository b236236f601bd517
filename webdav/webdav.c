#include "webdav/webdav.h"

#include "core/clock.h"
#include "webdav/walk.h"

#include <curl/curl.h>
#include <errno.h>
#include <libxml/parser.h>

int webdav_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	xmlInitParser();
	return 0;
}

void webdav_end(void)
{
	xmlCleanupParser();
	curl_global_cleanup();
}

static int run(struct sync *sync, struct error *err)
{
	struct walk_limits limits = walk_limits_default;

	limits.http.slow_s = (long)(sync_config(sync)->stall_us / SECOND_US);
	return walk_run(sync, &limits, err);
}

const struct source_runner webdav_runner = {run};
