/* The journal's files: opening them, and what they are to begin with. */
#include "core/log/journal_private.h"

#include "core/base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t boot_hash(void)
{
	char boot[37] = "";

	proc_boot_id(boot);
	return XXH3_64bits(boot, sizeof(boot));
}

/* A file that is new, or that power was lost on before it had a header, holds nothing. */
static int start_file(struct journal_file *f, const char *path, struct error *err)
{
	struct file_header header = {.magic = MAGIC};
	struct stat st;
	int r;

	if (fstat(f->fd, &st) != 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	if ((size_t)st.st_size > MAP_CAP)
		return error_set(err, EUCLEAN, "%s is damaged: it is too large", path);
	f->room = (size_t)st.st_size;
	f->map = mmap(NULL, MAP_CAP, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, f->fd, 0);
	if (f->map == MAP_FAILED) {
		f->map = NULL;
		return error_set(err, errno, "can't map %s: %s", path, strerror(errno));
	}
	f->len = 0;
	r = journal_make_room(f, f->room ? 0 : ROOM_STEP, err);
	if (r)
		return r;
	if (f->room < sizeof(header))
		return error_set(err, EUCLEAN, "%s is damaged: it is cut short", path);
	memcpy(&header, f->map, sizeof(header));
	if (header.magic == 0 && header.epoch == 0) {
		header.magic = MAGIC;
		header.epoch = epoch_of(0);
		memcpy(f->map, &header, sizeof(header));
	}
	if (header.magic != MAGIC || header.epoch != epoch_of((uint32_t)header.epoch))
		return error_set(err, EUCLEAN, "%s is damaged, or not a journal", path);
	f->epoch = header.epoch;
	f->len = sizeof(header);
	f->other_boot = header.boot != boot_hash();
	return 0;
}

bool journal_is_there(const char *dir)
{
	char path[4096];
	bool found = false;

	for (int i = 0; i < 2 && !found; i++)
		found = (size_t)snprintf(path, sizeof(path), "%s/journal.%d", dir, i) <
				sizeof(path) &&
			faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return found;
}

static int open_file(const char *dir, int which, struct journal_file *f, struct error *err)
{
	char path[4096];

	if ((size_t)snprintf(path, sizeof(path), "%s/journal.%d", dir, which) >= sizeof(path))
		return error_set(err, ENAMETOOLONG, "%s: too long", dir);
	f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->fd < 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	return start_file(f, path, err);
}

static int open_both(const char *dir, struct journal **out, struct error *err)
{
	struct journal *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return error_set(err, ENOMEM, "out of memory");
	j->file[0].fd = j->file[1].fd = -1;
	r = open_file(dir, 0, &j->file[0], err);
	if (!r)
		r = open_file(dir, 1, &j->file[1], err);
	if (r)
		journal_close(j);
	else
		*out = j;
	return r;
}

int journal_open(const char *dir, int (*visit)(void *arg, struct record *), void *arg,
	struct journal **out, struct error *err)
{
	struct batch first[2];
	struct journal *j = NULL;
	int r = open_both(dir, &j, err), order;

	if (r)
		return r;
	for (int i = 0; i < 2; i++) {
		const struct journal_file *f = &j->file[i];

		if (!journal_is_batch(f->map + f->len, f->room - f->len, f->epoch, &first[i]))
			first[i].pos = INT64_MAX;
	}
	order = first[1].pos < first[0].pos;
	r = journal_visit(&j->file[order], visit, arg, err);
	if (!r)
		r = journal_visit(&j->file[!order], visit, arg, err);
	/* Appending goes on where the newest are. */
	j->active = first[!order].pos == INT64_MAX ? order : !order;
	for (int i = 0; i < 2 && !r; i++)
		header_of(&j->file[i])->boot = boot_hash();
	if (r)
		journal_close(j);
	else
		*out = j;
	return r;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	for (int i = 0; i < 2; i++) {
		if (j->file[i].map)
			munmap(j->file[i].map, MAP_CAP);
		if (j->file[i].fd >= 0)
			close(j->file[i].fd);
	}
	free(j);
}
