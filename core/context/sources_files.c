/*
 * The configuration files: DIR/NAME.json, of each directory in turn; where two have a name, the
 * first directory's counts.
 *
 * A file is read again when its size, date or inode have changed. A source goes with its file; not
 * when a directory can't be read.
 */
#include "core/context/sources_private.h"

#include "core/state/parts.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define ENDING   ".json"
#define DIRS_MAX 8

struct source_files {
	char *dirs[DIRS_MAX + 1];
	bool unread[DIRS_MAX]; /* could not be read by the look that goes on */
	struct source_file *files;
	size_t count;
	int inotify;
};

int source_files_fd(struct sources *ss)
{
	return ss->files != NULL ? ss->files->inotify : -1;
}

static bool same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static struct source_file *file_of(struct source_files *files, const char *path)
{
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->files[i].path, path) == 0)
			return &files->files[i];
	return NULL;
}

static bool name_found(const struct source_files *files, const char *name)
{
	for (size_t i = 0; i < files->count; i++)
		if (files->files[i].found && strcmp(files->files[i].name, name) == 0)
			return true;
	return false;
}

static struct source_file *add_file(struct source_files *files, const char *name, const char *path)
{
	struct source_file *grown = reallocarray(files->files, files->count + 1, sizeof(*grown)),
			   *f;

	if (grown == NULL)
		return NULL;
	files->files = grown;
	f = &grown[files->count];
	*f = (struct source_file){.path = strdup(path)};
	if (f->path == NULL)
		return NULL;
	snprintf(f->name, sizeof(f->name), "%s", name);
	files->count++;
	return f;
}

static void look_at(struct sources *ss, const char *dir, const char *entry)
{
	struct source_files *files = ss->files;
	const size_t len = strlen(entry), ending = strlen(ENDING);
	char path[PATH_MAX], name[SOURCE_NAME_MAX + 1];
	struct source_file *f;
	struct stat st;
	bool good;

	if (entry[0] == '.' || len <= ending || strcmp(entry + len - ending, ENDING) != 0 ||
		(size_t)snprintf(path, sizeof(path), "%s/%s", dir, entry) >= sizeof(path))
		return;
	f = file_of(files, path);
	good = source_name_ok(entry, len - ending);
	snprintf(name, sizeof(name), "%.*s", good ? (int)(len - ending) : 0, entry);
	if (f == NULL && files->count < SOURCES_MAX)
		f = add_file(files, name, path);
	if (f == NULL)
		return;
	if (good && name_found(files, name)) { /* another directory's comes first */
		f->stat.st_ino = 0;
		return;
	}
	f->found = true;
	if (stat(path, &st) != 0)
		st = (struct stat){
			.st_ino = 1}; /* a link to nothing: the reason comes at reading */
	if (same_stat(&st, &f->stat))
		return;
	f->stat = st;
	if (good)
		source_file_take(ss, f);
	else
		sources_log(ss, "%s: its name can't be a source's", path);
}

static void look_into(struct sources *ss, size_t at)
{
	struct source_files *files = ss->files;
	const char *dir = files->dirs[at];
	const struct dirent *entry;
	DIR *d;

	if (files->inotify >= 0)
		inotify_add_watch(files->inotify, dir,
			IN_ONLYDIR | IN_CLOSE_WRITE | IN_MOVE | IN_CREATE | IN_DELETE | IN_ATTRIB);
	d = opendir(dir);
	files->unread[at] = d == NULL && errno != ENOENT;
	if (d == NULL)
		return;
	for (errno = 0; (entry = readdir(d)) != NULL; errno = 0)
		look_at(ss, dir, entry->d_name);
	files->unread[at] = errno != 0;
	closedir(d);
}

/* Whether the file may be there without having been found. */
static bool is_unread(const struct source_files *files, const char *path)
{
	for (size_t i = 0; files->dirs[i] != NULL; i++) {
		const size_t len = strlen(files->dirs[i]);

		if (files->unread[i] && strncmp(path, files->dirs[i], len) == 0 && path[len] == '/')
			return true;
	}
	return false;
}

static int drop_fixed(struct sources *ss, struct source *s)
{
	struct error err = {0};
	int r;

	pthread_mutex_lock(&ss->changing);
	r = source_gone(s) ? 0 : sources_drop(ss, s, &err);
	pthread_mutex_unlock(&ss->changing);
	if (r != 0) {
		sources_log(ss, "source %s, whose file is gone, can't be removed: %s", s->name,
			err.text);
		return 0;
	}
	sources_tell_changed(ss, s, NULL, 0);
	sources_tell_over(ss, s);
	return 0;
}

static int drop_if_unfound(void *arg, struct source *s)
{
	struct sources *ss = arg;
	const struct source_file *f;

	if (!s->fixed)
		return 0;
	f = file_of(ss->files, s->state->file); /* which this thread alone changes */
	if ((f != NULL && f->found) || is_unread(ss->files, s->state->file))
		return 0;
	return drop_fixed(ss, s);
}

static void forget_unfound(struct source_files *files)
{
	size_t kept = 0;

	for (size_t i = 0; i < files->count; i++) {
		if (files->files[i].found || is_unread(files, files->files[i].path))
			files->files[kept++] = files->files[i];
		else
			free(files->files[i].path);
	}
	files->count = kept;
}

void source_files_look(struct sources *ss)
{
	struct source_files *files = ss->files;

	for (size_t i = 0; i < files->count; i++)
		files->files[i].found = false;
	for (size_t i = 0; files->dirs[i] != NULL; i++)
		look_into(ss, i);
	sources_each(ss, ss->loop->owner, drop_if_unfound, ss);
	forget_unfound(files);
}

int source_files_open(struct sources *ss, struct error *err)
{
	const char *const *dirs = ss->options.dirs;
	struct source_files *files = calloc(1, sizeof(*files));
	size_t count = 0;

	if (files == NULL)
		return error_set(err, ENOMEM, "out of memory");
	files->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC); /* without it, looked at */
	ss->files = files;
	for (size_t i = 0; dirs != NULL && i < DIRS_MAX && count < DIRS_MAX; i++) {
		if (dirs[i] == NULL)
			break;
		files->dirs[count] = strdup(dirs[i]);
		if (files->dirs[count] == NULL)
			return error_set(err, ENOMEM, "out of memory");
		count++;
	}
	ss->options.dirs = NULL; /* the caller's */
	source_files_look(ss);
	return 0;
}

void source_files_close(struct sources *ss)
{
	struct source_files *files = ss->files;

	if (files == NULL)
		return;
	for (size_t i = 0; files->dirs[i] != NULL; i++)
		free(files->dirs[i]);
	for (size_t i = 0; i < files->count; i++)
		free(files->files[i].path);
	free(files->files);
	if (files->inotify >= 0)
		close(files->inotify);
	free(files);
	ss->files = NULL;
}
