#include "core/context/folder_private.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PASSWD_MAX ((size_t)1 << 20) /* bytes of one entry */
#define GROUPS_MAX 65536             /* NGROUPS_MAX of Linux */

/* glibc's setgroups(2) changes every thread's. */
#ifdef SYS_setgroups32
#define SET_GROUPS SYS_setgroups32
#else
#define SET_GROUPS SYS_setgroups
#endif

static int set_groups(const gid_t *groups, size_t count)
{
	return syscall(SET_GROUPS, count, groups) ? -errno : 0;
}

/* The groups of a user that has no name are none. */
static int groups_of(const char *user, gid_t gid, gid_t **out, size_t *count)
{
	int room = 32, had;

	do {
		gid_t *more = realloc(*out, sizeof(**out) * (size_t)room);

		if (!more)
			return -ENOMEM;
		*out = more;
		had = room;
		if (getgrouplist(user, gid, more, &room) >= 0) {
			*count = (size_t)room;
			return 0;
		}
	} while (room > had && room <= GROUPS_MAX);
	*count = (size_t)had; /* more than a process may have */
	return 0;
}

static int find_groups(struct folder_rights *r)
{
	struct passwd entry, *found = NULL;
	char *buf = NULL;
	size_t size = 1024;
	int rc;

	do {
		char *more = realloc(buf, size *= 2);

		if (!more) {
			free(buf);
			return -ENOMEM;
		}
		buf = more;
		rc = getpwuid_r(r->uid, &entry, buf, size, &found);
	} while (rc == EINTR || (rc == ERANGE && size < PASSWD_MAX));
	rc = found ? groups_of(found->pw_name, r->gid, &r->groups, &r->count) : 0;
	free(buf);
	return rc;
}

static int find_own_groups(struct folder_rights *r)
{
	int count = getgroups(0, NULL);

	if (count <= 0)
		return count < 0 ? -errno : 0;
	r->own_groups = calloc((size_t)count, sizeof(*r->own_groups));
	if (!r->own_groups)
		return -ENOMEM;
	count = getgroups(count, r->own_groups);
	r->own_count = count > 0 ? (size_t)count : 0;
	return count < 0 ? -errno : 0;
}

int folder_rights_init(struct folder_rights *r, uid_t uid, gid_t gid, struct error *err)
{
	int rc;

	*r = (struct folder_rights){.other = uid != geteuid(), .uid = uid, .gid = gid};
	if (!r->other)
		return 0;
	if (geteuid() != 0)
		return error_set(err, EPERM,
			"only a daemon that runs as root can read with the rights of uid %u",
			(unsigned)uid);
	rc = find_groups(r);
	if (!rc)
		rc = find_own_groups(r);
	if (rc) {
		folder_rights_release(r);
		return error_set(err, -rc, "the groups of uid %u can't be read", (unsigned)uid);
	}
	return 0;
}

void folder_rights_release(struct folder_rights *r)
{
	free(r->groups);
	free(r->own_groups);
	*r = (struct folder_rights){0};
}

/* setfsuid(2) tells of no failure; asked for what can't be, it tells what is. */
static bool set_ids(uid_t uid, gid_t gid)
{
	setfsgid(gid);
	setfsuid(uid);
	return (uid_t)setfsuid((uid_t)-1) == uid && (gid_t)setfsgid((gid_t)-1) == gid;
}

int folder_rights_take(const struct folder_rights *r)
{
	int rc;

	if (!r->other)
		return 0;
	rc = set_groups(r->groups, r->count);
	if (!rc && !set_ids(r->uid, r->gid))
		rc = -EPERM;
	if (rc)
		folder_rights_drop(r);
	return rc;
}

/* Getting back what the process has can only fail for want of memory; to go on as somebody else
 * would be worse than to wait for some. */
void folder_rights_drop(const struct folder_rights *r)
{
	if (!r->other)
		return;
	while (!set_ids(geteuid(), getegid()))
		sched_yield();
	while (set_groups(r->own_groups, r->own_count) == -ENOMEM)
		sched_yield();
}
