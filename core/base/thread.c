#include "core/base/thread.h"

#include <string.h>
#include <time.h>

int thread_start(
	pthread_t *thread, const char *name, void *(*run)(void *), void *arg, struct error *err)
{
	const int code = pthread_create(thread, NULL, run, arg);

	if (code)
		return error_set(err, code, "can't start a thread: %s", strerror(code));
	pthread_setname_np(*thread, name);
	return 0;
}

void thread_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}
