#include "fs/command/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES   256 /* of a script that the kernel looks at (BINPRM_BUF_SIZE) */
#define SCRIPTS_DEEP 5   /* interpreters that are scripts themselves */

#define PATH_UNSET "/bin:/usr/bin" /* what execvp(3) takes then */

/* Why a file can't be run: itself, or the interpreter that it names. */
struct finding {
	int code; /* negative */
	bool is_dir;
	char interpreter[LINE_BYTES]; /* "" if it is the file itself */
};

/* The interpreter of the line "#!…"; "": there is none that the kernel would take. */
static void interpreter_of(const char *line, size_t len, char out[LINE_BYTES])
{
	const char *end = memchr(line, '\n', len), *at = line + 2;
	size_t n;

	out[0] = '\0';
	if (len < 2 || memcmp(line, "#!", 2) != 0)
		return;
	end = end != NULL ? end : line + len;
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	for (n = 0; at + n < end && at[n] != ' ' && at[n] != '\t' && at[n] != '\0';)
		n++;
	if (at + n == line + LINE_BYTES) /* it is cut */
		return;
	memcpy(out, at, n);
	out[n] = '\0';
}

static void read_interpreter(const char *path, char out[LINE_BYTES])
{
	char line[LINE_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd >= 0 ? read(fd, line, sizeof(line)) : 0;

	interpreter_of(line, n > 0 ? (size_t)n : 0, out);
	if (fd >= 0)
		close(fd);
}

/* What execve(2) would say of this file; ENOEXEC is none, since sh then runs it. */
static int check_file(const char *path, int depth, struct finding *found)
{
	char interpreter[LINE_BYTES];
	struct stat st;
	int rc;

	if (stat(path, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode)) {
		found->is_dir = S_ISDIR(st.st_mode);
		return -EACCES;
	}
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0)
		return -errno;
	read_interpreter(path, interpreter);
	if (interpreter[0] == '\0')
		return 0;
	if (depth == SCRIPTS_DEEP)
		return -ELOOP;
	rc = check_file(interpreter, depth + 1, found);
	if (rc != 0 && found->interpreter[0] == '\0')
		memcpy(found->interpreter, interpreter, sizeof(interpreter));
	return rc;
}

static bool goes_on_after(int code)
{
	return code == -EACCES || code == -ENOENT || code == -ESTALE || code == -ENOTDIR ||
	       code == -ENODEV || code == -ETIMEDOUT;
}

/* Along PATH. A refusal counts for more than that nothing was there. */
static void check_along(const char *name, struct finding *found)
{
	const char *at = getenv("PATH");
	char path[PATH_MAX + NAME_MAX + 2];

	found->code = -ENOENT;
	for (at = at != NULL ? at : PATH_UNSET;; at++) {
		size_t len = strcspn(at, ":");
		struct finding here = {0};

		if (len < PATH_MAX) {
			(void)snprintf(path, sizeof(path), "%.*s%s%s", (int)len, at,
				len > 0 ? "/" : "", name);
			here.code = check_file(path, 0, &here);
			if (here.code == -ENOTDIR) /* of PATH, that is: nothing is there */
				here.code = -ENOENT;
			if (here.code == 0 || !goes_on_after(here.code) || found->code != -EACCES)
				*found = here;
			if (here.code == 0 || !goes_on_after(here.code))
				return;
		}
		at += len;
		if (*at == '\0')
			return;
	}
}

static int refuse(const char *name, const struct finding *found, struct error *err)
{
	int code = -found->code;

	if (name[0] == '\0')
		return error_set(err, code, "the program's name is empty");
	if (found->interpreter[0] != '\0')
		return error_set(err, code, "%s: its first line names %s: %s", name,
			found->interpreter, strerror(code));
	if (found->is_dir)
		return error_set(err, code, "%s: %s", name, strerror(EISDIR));
	if (code == ENOENT && strchr(name, '/') == NULL)
		return error_set(err, code, "%s: there is no such program in PATH", name);
	return error_set(err, code, "%s: %s", name, strerror(code));
}

int program_check(const char *name, struct error *err)
{
	struct finding found = {0};

	if (name[0] == '\0')
		found.code = -ENOENT;
	else if (strchr(name, '/') != NULL)
		found.code = check_file(name, 0, &found);
	else if (strnlen(name, NAME_MAX + 1) > NAME_MAX)
		found.code = -ENAMETOOLONG;
	else
		check_along(name, &found);
	return found.code == 0 ? 0 : refuse(name, &found, err);
}
