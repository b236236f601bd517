/* How many descriptors the open files of memory/ and its directories that are being listed have: of
 * all, and of one user, so that the rest of the mount and other users find some. */
#include "core/memory/memory_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

/* A user who has some. */
struct memory_holder {
	struct memory_holder *next; /* in its bucket */
	uid_t uid;
	int64_t count;
};

void memory_fds_init(struct memory *m)
{
	struct rlimit most;
	int64_t n = MEMORY_FDS_UNLIMITED;

	if (getrlimit(RLIMIT_NOFILE, &most) == 0 && most.rlim_cur < (rlim_t)n)
		n = (int64_t)most.rlim_cur;
	m->fds_most = n / 4 * 3;
	m->fds_most_of_one = n / 2;
}

void memory_fds_release(struct memory *m)
{
	struct memory_holder *h;

	for (size_t i = 0; i < MEMORY_HOLDERS; i++)
		while ((h = m->holders[i])) {
			m->holders[i] = h->next;
			free(h);
		}
}

/* Where the user's stands, or NULL is; under the mutex. */
static struct memory_holder **holder(struct memory *m, uid_t uid)
{
	struct memory_holder **at = &m->holders[uid % MEMORY_HOLDERS];

	while (*at && (*at)->uid != uid)
		at = &(*at)->next;
	return at;
}

static int take(struct memory *m, uid_t uid, struct error *err)
{
	struct memory_holder **at = holder(m, uid);

	if (*at && (*at)->count >= m->fds_most_of_one)
		return error_set(err, EMFILE,
			"memory: this user has %lld files open there, half of what the daemon may",
			(long long)(*at)->count);
	if (m->fds_open >= m->fds_most)
		return error_set(err, EMFILE,
			"memory: %lld files are open there, three quarters of what the daemon may",
			(long long)m->fds_open);
	if (!*at && !(*at = calloc(1, sizeof(**at))))
		return -ENOMEM;
	(*at)->uid = uid;
	(*at)->count++;
	m->fds_open++;
	return 0;
}

int memory_fd_take(struct memory *m, uid_t uid, struct error *err)
{
	int r;

	pthread_mutex_lock(&m->mutex);
	r = take(m, uid, err);
	pthread_mutex_unlock(&m->mutex);
	return r;
}

void memory_fd_give(struct memory *m, uid_t uid)
{
	struct memory_holder **at, *none = NULL;

	pthread_mutex_lock(&m->mutex);
	at = holder(m, uid);
	m->fds_open--;
	if (--(*at)->count == 0) {
		none = *at;
		*at = none->next;
	}
	pthread_mutex_unlock(&m->mutex);
	free(none);
}
