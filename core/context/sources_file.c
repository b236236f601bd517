/*
 * A source from a configuration file: reading it, and doing what it says.
 *
 * What is wrong with a file is logged once, and its source stays as the file was when it was last
 * good.
 */
#include "core/context/sources_private.h"

#include "core/base/json.h"
#include "core/state/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What it says is done with the daemon's rights: so it is root's or the daemon's, and nobody else
 * may write it. */
static int check_file(const struct stat *st, struct error *err)
{
	if (!S_ISREG(st->st_mode))
		return error_set(err, EINVAL, "it must be a regular file");
	if ((st->st_uid != 0 && st->st_uid != geteuid()) || (st->st_mode & 022) != 0)
		return error_set(err, EACCES,
			"it must be root's or one's own, and others must not be able to write it");
	if (st->st_size < 0 || (size_t)st->st_size > SOURCE_FILE_MAX)
		return error_set(err, EFBIG, "it is larger than %zu bytes", SOURCE_FILE_MAX);
	return 0;
}

/* The text may hold a password: it is wiped by whoever frees it. */
static int read_file(const char *path, char **out, size_t *len, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r;
	size_t size = 0;
	ssize_t got = 1;
	struct stat st = {0};
	char *text = NULL;

	if (fd < 0 || fstat(fd, &st) != 0)
		r = error_set(err, errno, "%s", strerror(errno));
	else
		r = check_file(&st, err);
	if (r == 0) {
		text = calloc(1, (size_t)st.st_size + 1);
		r = text != NULL ? 0 : error_set(err, ENOMEM, "out of memory");
	}
	while (r == 0 && got > 0 && size < (size_t)st.st_size) {
		got = read(fd, text + size, (size_t)st.st_size - size);
		if (got < 0)
			r = error_set(err, errno, "%s", strerror(errno));
		else
			size += (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	if (r != 0) {
		if (text != NULL)
			explicit_bzero(text, size);
		free(text);
		return r;
	}
	*out = text;
	*len = size;
	return 0;
}

static int parse_file(const struct source_file *f, struct source_config *c, struct error *err)
{
	char name[SOURCE_NAME_MAX + 1], *text;
	const char *value;
	size_t len, value_len;
	int r = read_file(f->path, &text, &len, err);

	if (r != 0)
		return r;
	r = source_parse(text, len, c, name, err);
	if (r == 0 && json_member(text, len, "name", &value, &value_len) &&
		strcmp(name, f->name) != 0 && !(value_len == 4 && memcmp(value, "null", 4) == 0)) {
		source_config_release(c);
		r = error_set(err, EINVAL, "name: must be %s, as the file's, or left out", f->name);
	}
	explicit_bzero(text, len);
	free(text);
	return r;
}

static int set_text(char **field, const char *text)
{
	char *copy = text != NULL ? strdup(text) : NULL;

	if (text != NULL && copy == NULL)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

/* Takes the config over where there is memory. Under `changing`. */
static int add_fixed(struct sources *ss, const struct source_file *f, struct source_config *c,
	struct source **out, struct error *err)
{
	struct source *s = source_new(ss, f->name, ss->loop->owner, ss->loop->group);
	int r = s != NULL ? set_text(&s->state->file, f->path) : -ENOMEM;

	if (r != 0) {
		source_unref(s);
		return error_set(err, ENOMEM, "out of memory");
	}
	s->fixed = true;
	s->state->config = *c;
	source_config_init(c);
	r = sources_insert(ss, s, err);
	if (r != 0)
		source_unref(s);
	else
		*out = s;
	return r;
}

static int change_fixed(struct sources *ss, struct source *s, const struct source_file *f,
	struct source_config *c, struct error *err)
{
	struct source_state *st = s->state;
	char *before = NULL;
	int r = 0;

	if (source_same_config(&st->config, c) && strcmp(st->file, f->path) == 0)
		return 0;
	before = strdup(st->file);
	pthread_mutex_lock(&ss->mutex);
	r = before != NULL ? set_text(&st->file, f->path) : -ENOMEM;
	pthread_mutex_unlock(&ss->mutex);
	if (r != 0)
		error_set(err, ENOMEM, "out of memory");
	if (r == 0)
		r = sources_change(ss, s, c, err);
	if (r != 0 && before != NULL) {
		pthread_mutex_lock(&ss->mutex);
		set_text(&st->file, before);
		pthread_mutex_unlock(&ss->mutex);
	}
	free(before);
	return r;
}

/* Logs what is wrong, once, and notes it with the source, which goes on as it was. */
static void note_error(
	struct sources *ss, struct source *s, struct source_file *f, const struct error *err)
{
	const bool fixed = s != NULL && s->fixed;

	if (err->code != 0 && strcmp(f->error.text, err->text) != 0)
		sources_log(ss, "%s: %s%s", f->path, err->text,
			fixed ? "; the source stays as it was" : "");
	f->error = *err;
	if (!fixed)
		return;
	pthread_mutex_lock(&ss->mutex);
	set_text(&s->state->file_error, err->code != 0 ? err->text : NULL);
	pthread_mutex_unlock(&ss->mutex);
}

void source_file_take(struct sources *ss, struct source_file *f)
{
	struct source *s = sources_of_name(ss, f->name);
	const bool shared = s != NULL && source_is_shared(s), made = s == NULL;
	struct source_config c;
	struct error err = {0};
	int r = parse_file(f, &c, &err);

	if (r == 0) {
		pthread_mutex_lock(&ss->changing);
		if (s == NULL)
			r = add_fixed(ss, f, &c, &s, &err);
		else if (s->fixed)
			r = change_fixed(ss, s, f, &c, &err);
		else
			r = error_set(&err, EEXIST, "there is a source %s already", f->name);
		pthread_mutex_unlock(&ss->changing);
		source_config_release(&c);
	}
	if (r == 0 && s != NULL && (made || shared != source_is_shared(s)))
		sources_tell_changed(ss, s, NULL, 0);
	if (r == 0)
		err = (struct error){0};
	note_error(ss, s, f, &err);
	/* What is not the file's fault is tried again. */
	if (r == -EEXIST || r == -ENOMEM || r == -ENOSPC || r == -EIO || r == -EDQUOT)
		f->stat.st_ino = 0;
	source_unref(s);
}
