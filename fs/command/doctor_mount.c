/* The mounts: whether they serve, and what they say of themselves. */
#include "fs/command/doctor.h"
#include "fs/command/locate.h"
#include "fs/mount.h"

#include "core/base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define LOOK_LIMIT_MS 5000
#define FOUND_BYTES   65536

static int read_file(const char *dir, const char *name, struct buf *out)
{
	char *path = NULL, chunk[4096];
	int fd = asprintf(&path, "%s/%s", dir, name) < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int rc = fd < 0 ? -errno : 0;

	free(path);
	while (rc == 0 && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n > 0)
			buf_add(out, chunk, (size_t)n);
		else if (errno != EINTR)
			rc = -errno;
	}
	if (fd >= 0)
		close(fd);
	return rc != 0 ? rc : buf_error(out);
}

static void look_at_state(struct findings *f, const char *path)
{
	char dir[4096];
	ssize_t len = getxattr(path, MOUNT_XATTR_STATE, dir, sizeof(dir) - 1);

	if (len <= 0)
		return;
	dir[len] = '\0';
	if (access(dir, R_OK | X_OK) != 0 && errno == EACCES) /* another user's */
		return;
	doctor_disk(f, path, dir);
}

/* The daemon tells each source that it can't sync, and why. */
static void take_sources(struct findings *f, const char *path, const struct json *failing)
{
	for (size_t i = 0; i < json_count(failing); i++) {
		const struct json *one = json_item(failing, i);
		const char *source = "", *why = "";
		char mend[9000];

		json_get_string(one, "source", 0, &source, NULL);
		json_get_string(one, "error", 0, &why, NULL);
		(void)snprintf(mend, sizeof(mend),
			"jq . '%s/context/sources/%s/status.json' tells more; put it right, and "
			"then echo > '%s/context/sources/%s/sync', or rmdir the source",
			path, source, path, source);
		found(f, VERDICT_WARN, path, mend, "syncs: source %s can't be synced: %s", source,
			why[0] != '\0' ? why : "no reason was told");
	}
}

static void take_check(struct findings *f, const char *path, const struct json *check)
{
	const char *name = "", *status = "", *detail = "";

	json_get_string(check, "name", 0, &name, NULL);
	json_get_string(check, "status", 0, &status, NULL);
	json_get_string(check, "detail", 0, &detail, NULL);
	if (strcmp(name, "syncs") == 0 && json_count(json_get(check, "failing")) > 0)
		take_sources(f, path, json_get(check, "failing"));
	else if (strcmp(status, "ok") != 0)
		found(f, strcmp(status, "failing") == 0 ? VERDICT_FAIL : VERDICT_WARN, path, NULL,
			"%s: %s", name, detail);
}

/* What the daemon itself finds wrong. */
static void look_at_health(struct findings *f, const char *path)
{
	struct buf text = BUF_INIT;
	struct json *json = NULL;
	const struct json *checks;

	if (read_file(path, "health.json", &text) == 0 && text.len > 0 &&
		json_parse(text.data, text.len, &json, NULL) == 0) {
		checks = json_get(json, "checks");
		for (size_t i = 0; i < json_count(checks); i++)
			take_check(f, path, json_item(checks, i));
	}
	json_free(json);
	buf_release(&text);
}

static void look_within(struct findings *f, const char *path, const struct mount *mount,
	const struct mount_state *state)
{
	struct buf text = BUF_INIT;
	int rc = read_file(path, "README.md", &text);

	/* root may ask in the owner's name (mount_ask), but not look in. */
	if (rc == -EACCES && mount->uid != geteuid())
		found(f, VERDICT_OK, path, NULL, "serves uid %u, who lets nobody in",
			(unsigned)mount->uid);
	else if (rc != 0)
		found(f, VERDICT_FAIL, path, NULL, "README.md: %s", strerror(-rc));
	else if (state->pid > 0)
		found(f, VERDICT_OK, path, NULL, "is served by process %d", (int)state->pid);
	else
		found(f, VERDICT_OK, path, NULL, "is served");
	buf_release(&text);
	look_at_state(f, path);
	look_at_health(f, path);
}

static void write_all(int fd, const struct buf *out)
{
	size_t at = 0;
	ssize_t n;

	while (at < out->len && (n = write(fd, out->data + at, out->len - at)) > 0)
		at += (size_t)n;
}

static long left_ms(const struct timespec *until)
{
	struct timespec now;
	long ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (until->tv_sec - now.tv_sec) * 1000 + (until->tv_nsec - now.tv_nsec) / 1000000;
	return ms > 0 ? ms : 0;
}

/* Reads to the end of the pipe, for at most LOOK_LIMIT_MS: false when that was too short. */
static bool read_findings(int fd, struct buf *out)
{
	struct timespec until;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	char chunk[4096];
	ssize_t n;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LOOK_LIMIT_MS / 1000;
	while (poll(&ready, 1, (int)left_ms(&until)) > 0) {
		n = read(fd, chunk, sizeof(chunk));
		if (n <= 0)
			return n == 0;
		buf_add(out, chunk, (size_t)n);
	}
	return false;
}

static void add_umount(const char *path, char *out, size_t size)
{
	(void)snprintf(out, size, "leitlfs umount '%s', and mount again", path);
}

/* Such a mount goes on where it was as soon as its daemon does. */
static void tell_silent(struct findings *f, const char *path, const struct mount *mount,
	const char *umount, const char *what)
{
	bool stopped = false;
	const pid_t pid = doctor_daemon(path, mount->dev, &stopped);
	char mend[4400];

	if (pid > 0 && stopped) {
		(void)snprintf(mend, sizeof(mend), "kill -CONT %d", (int)pid);
		found(f, VERDICT_FAIL, path, mend, "%s: its daemon, process %d, is stopped", what,
			(int)pid);
	} else if (pid > 0) {
		(void)snprintf(mend, sizeof(mend), "wait for it; else %s", umount);
		found(f, VERDICT_FAIL, path, mend,
			"%s: its daemon, process %d, waits, perhaps for a disk", what, (int)pid);
	} else {
		(void)snprintf(mend, sizeof(mend),
			"kill -CONT PID where ps -C leitlfs -o pid,stat,args shows T; else %s",
			umount);
		found(f, VERDICT_FAIL, path, mend, "%s: its daemon is stopped, or waits for a disk",
			what);
	}
}

/* Looks into a mount that serves, in a process that is left behind when it hangs. */
static void look_aside(struct findings *f, const char *path, const struct mount *mount,
	const struct mount_state *state)
{
	struct buf out = BUF_INIT;
	struct findings own = {0};
	bool ended;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	child = fork();
	if (child == 0) {
		look_within(&own, path, mount, state);
		write_all(ends[1], &own.out);
		_exit(0);
	}
	close(ends[1]);
	ended = child > 0 && read_findings(ends[0], &out);
	close(ends[0]);
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, ended ? 0 : WNOHANG);
	}
	found_all(f, out.data != NULL ? out.data : "", out.len);
	if (!ended) {
		char mend[4200];

		add_umount(path, mend, sizeof(mend));
		tell_silent(f, path, mount, mend, "doesn't answer to the end");
	}
	buf_release(&out);
}

static void look_at(struct findings *f, const char *path, const struct mount *mount)
{
	struct mount_state state = {0};
	char mend[4200];
	int rc = mount_ask(path, mount, &state);

	add_umount(path, mend, sizeof(mend));
	if (rc != 0)
		found(f, VERDICT_FAIL, path, NULL, "can't be asked: %s", strerror(-rc));
	else if (state.code == ENOTCONN)
		found(f, VERDICT_FAIL, path, mend, "its daemon is dead");
	else if (state.code == ETIMEDOUT)
		tell_silent(f, path, mount, mend, "doesn't answer");
	else if (state.code == EACCES && mount->uid != geteuid())
		found(f, VERDICT_OK, path, NULL, "serves uid %u, who lets nobody in",
			(unsigned)mount->uid);
	else if (state.code != 0)
		found(f, VERDICT_FAIL, path, mend, "%s", strerror(state.code));
	else
		look_aside(f, path, mount, &state);
}

static void look_at_path(struct findings *f, const char *path)
{
	struct mount mount = {0};
	char *canonical = NULL;
	int rc = mount_find(path, &mount);

	if (rc == -ENOENT && (rc = mount_canonical(path, &canonical)) == 0)
		rc = mount_find(canonical, &mount);
	if (rc == 0 && strcmp(mount.type, MOUNT_TYPE) != 0)
		rc = -ENOENT;
	if (rc == 0)
		look_at(f, canonical != NULL ? canonical : path, &mount);
	else
		found(f, VERDICT_FAIL, path, "leitlfs MOUNTPOINT mounts one",
			"no leitlfs is mounted there");
	free(canonical);
}

/* Every shell that stood in a mount which was killed and mounted anew stands in the old one. */
static void look_at_here(struct findings *f)
{
	if (locate_is_ended())
		found(f, VERDICT_WARN, "working directory", "cd \"$PWD\"", LOCATE_ENDED);
}

void doctor_mount(struct findings *f, const char *path)
{
	struct buf list = BUF_INIT;

	if (path == NULL)
		look_at_here(f);
	if (path != NULL) {
		look_at_path(f, path);
		return;
	}
	if (locate_all(&list) != 0 || list.len == 0)
		found(f, VERDICT_WARN, "mounts", "mkdir -p ~/leitl && leitlfs ~/leitl",
			"no leitlfs is mounted here");
	for (size_t at = 0; at < list.len; at += strlen(list.data + at) + 1)
		look_at_path(f, list.data + at);
	buf_release(&list);
}
