#include "tests/unit/scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

void scratch_init(struct scratch *s)
{
	*s = (struct scratch){0};
	snprintf(s->path, sizeof(s->path), "/tmp/leitlfs-test-XXXXXX");
	assert_non_null(mkdtemp(s->path));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void scratch_release(struct scratch *s)
{
	nftw(s->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	s->path[0] = '\0';
}

const char *scratch_path(struct scratch *s, const char *name)
{
	char path[sizeof(s->names[0])];
	int i = 0;

	snprintf(path, sizeof(path), "%s/%s", s->path, name);
	while (i < SCRATCH_NAMES && s->names[i][0] != '\0' && strcmp(s->names[i], path) != 0)
		i++;
	if (i == SCRATCH_NAMES) {
		fail_msg("too many names");
		return NULL;
	}
	memcpy(s->names[i], path, sizeof(path));
	return s->names[i];
}

void scratch_fill(struct scratch *s, const char *name)
{
	static const char block[4096];
	int fd = open(scratch_path(s, name), O_CREAT | O_WRONLY | O_APPEND, 0600);

	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}
