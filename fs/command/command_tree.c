#include "fs/command/command_tree.h"

#include "fs/command/command.h"

#include "core/base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES  65536
#define ERRORS_TAIL 16384 /* bytes at the end of `errors` that are looked through */

static int path_of(const struct call *call, const char *path, char **out)
{
	return asprintf(out, "%s/%s", call->at.tree, path) < 0 ? -ENOMEM : 0;
}

int tree_open(const struct call *call, int flags, const char *path, struct error *err)
{
	char *full = NULL;
	int fd = path_of(call, path, &full);

	if (fd == 0) {
		fd = open(full, flags | O_CLOEXEC); /* NOLINT: no O_CREAT */
		fd = fd < 0 ? -errno : fd;
	}
	free(full);
	return fd < 0 ? tree_failed(call, -fd, path, err) : fd;
}

static int read_all(int fd, struct buf *out)
{
	char *chunk = malloc(READ_BYTES);
	ssize_t n = 0;
	int rc = 0;

	if (chunk == NULL)
		return -ENOMEM;
	while (rc == 0 && (n = read(fd, chunk, READ_BYTES)) != 0) {
		if (n > 0)
			buf_add(out, chunk, (size_t)n);
		else if (errno != EINTR)
			rc = -errno;
	}
	free(chunk);
	return rc != 0 ? rc : buf_error(out);
}

int tree_read(const struct call *call, const char *path, struct buf *out, struct error *err)
{
	int fd = tree_open(call, O_RDONLY, path, err), rc;

	if (fd < 0)
		return fd;
	rc = read_all(fd, out);
	close(fd);
	return rc != 0 ? tree_failed(call, -rc, path, err) : 0;
}

int tree_write(const struct call *call, int fd, const char *text, size_t len, const char *path,
	struct error *err)
{
	ssize_t n;

	do {
		n = write(fd, text, len);
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)len)
		return 0;
	return tree_failed(call, n < 0 ? errno : EIO, path, err);
}

int tree_say(
	const struct call *call, const char *path, const char *text, size_t len, struct error *err)
{
	int fd = tree_open(call, O_WRONLY, path, err), rc;

	if (fd < 0)
		return fd;
	rc = tree_write(call, fd, text, len, path, err);
	if (close(fd) != 0 && rc == 0) /* JSON that is incomplete */
		rc = tree_failed(call, errno, path, err);
	return rc;
}

int tree_answer(const struct call *call, int fd, const char *text, size_t len, const char *path,
	struct buf *out, struct error *err)
{
	int rc = tree_write(call, fd, text, len, path, err);

	if (rc != 0)
		return rc;
	rc = read_all(fd, out);
	return rc != 0 ? tree_failed(call, -rc, path, err) : 0;
}

int tree_self(const struct call *call, struct buf *out)
{
	char link[PATH_MAX], *full = NULL;
	const char *name;
	ssize_t len;
	int rc = path_of(call, "self", &full);

	if (rc != 0)
		return rc;
	len = readlink(full, link, sizeof(link) - 1);
	rc = len < 0 ? -errno : 0;
	free(full);
	if (rc != 0)
		return rc;
	link[len] = '\0';
	name = strrchr(link, '/');
	buf_adds(out, name != NULL ? name + 1 : link);
	return buf_error(out);
}

int tree_check_self(const struct call *call, struct error *err)
{
	struct buf id = BUF_INIT;
	struct error why = {0};
	int rc = tree_self(call, &id);

	buf_release(&id);
	if (rc != -ENOTUNIQ)
		return rc == -ENOMEM ? error_set(err, ENOMEM, "out of memory") : 0;
	tree_failed(call, ENOTUNIQ, "self", &why);
	return error_set(err, ENOTUNIQ, "choose with --as ID: %s", why.text);
}

/* The reason of a line of `errors`, if this process's write was refused so. */
static bool take_reason(const char *line, size_t len, int code, struct error *err)
{
	struct json *json;
	const char *name = "", *reason = NULL;
	int64_t pid = 0;
	bool is;

	if (json_parse(line, len, &json, NULL) != 0)
		return false;
	is = json_get_integer(json, "pid", 0, INT64_MAX, &pid, NULL) == 0 && pid == getpid() &&
	     json_get_string(json, "errno", 0, &name, NULL) == 0 &&
	     strcmp(name, strerrorname_np(code)) == 0 &&
	     json_get_string(json, "reason", 0, &reason, NULL) == 0 && reason != NULL;
	if (is)
		error_set(err, code, "%s", reason);
	json_free(json);
	return is;
}

static bool find_reason(const struct call *call, int code, struct error *err)
{
	char *full = NULL, *text = malloc(ERRORS_TAIL);
	off_t size = 0, at;
	ssize_t len = 0;
	bool found = false;
	int fd = path_of(call, "errors", &full) == 0 ? open(full, O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0 && text != NULL) {
		size = lseek(fd, 0, SEEK_END);
		at = size > ERRORS_TAIL ? size - ERRORS_TAIL : 0;
		len = size > 0 ? pread(fd, text, ERRORS_TAIL, at) : 0;
	}
	/* From its end, line by line; the first may be cut. */
	for (ssize_t end = len; end > 0 && !found;) {
		ssize_t begin = end - 1;

		while (begin > 0 && text[begin - 1] != '\n')
			begin--;
		found = take_reason(text + begin, (size_t)(end - begin), code, err);
		end = begin;
	}
	if (fd >= 0)
		close(fd);
	free(full);
	free(text);
	return found;
}

int tree_failed(const struct call *call, int code, const char *path, struct error *err)
{
	/* A mount that is gone has no `errors` to ask. */
	if (code == ENOTCONN || code == ECONNABORTED || code == ENOMEM ||
		!find_reason(call, code, err))
		error_set(err, code, "%s: %s", path, strerror(code));
	return -code;
}
