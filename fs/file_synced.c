/* context/files and context/history: what the sources had when they were last synced. */
#include "fs/files.h"

#include "fs/names.h"
#include "fs/private.h"

#include "core/context/context.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 4096

static struct catalog *catalog_of(const struct caller *c)
{
	return c->server->context->catalog;
}

static const char *rest_of(const struct where *w)
{
	return w->rest ? w->rest->text : "";
}

static int join(const struct where *dir, const char *name, char *out)
{
	const char *rest = rest_of(dir);
	int len = snprintf(out, PATH_BYTES, "%s%s%s", rest, *rest ? "/" : "", name);

	return len < PATH_BYTES ? 0 : -ENAMETOOLONG;
}

/* A child of a directory, as `out`, which has the directory's source. */
static int descend(struct where *out, const char *path, bool is_dir, int64_t number)
{
	struct rest *rest = rest_new(path);

	if (!rest)
		return -ENOMEM;
	rest_unref(out->rest);
	out->rest = rest;
	out->is_dir = is_dir;
	out->number = number;
	return 0;
}

static bool is_there(const struct caller *c, const struct where *w)
{
	return !source_gone(w->source) && source_visible(w->source, c->uid);
}

static int files_enter(
	const struct caller *c, const struct where *dir, const char *name, struct where *out)
{
	struct entry e = {0};
	char path[PATH_BYTES];
	int r = is_there(c, dir) ? join(dir, name, path) : -ENOENT;

	if (r)
		return r;
	r = catalog_find(catalog_of(c), dir->source->id, path, &e);
	if (!r)
		r = descend(out, path, e.is_dir, 0);
	entry_release(&e);
	return r;
}

struct listing {
	const struct where *dir;
	struct names *names;
};

static int add_child(struct listing *l, const char *name, bool is_dir, int64_t number)
{
	struct where w = *l->dir; /* borrows, but for `rest` */
	char path[PATH_BYTES];
	int r;

	w.rest = NULL;
	r = number ? 0 : join(l->dir, name, path);
	if (!r)
		r = descend(&w, number ? rest_of(l->dir) : path, is_dir, number);
	if (!r)
		r = names_add(l->names, name, &w);
	rest_unref(w.rest);
	return r;
}

static int add_entry(void *arg, const struct entry *e)
{
	return add_child(arg, e->name, e->is_dir, 0);
}

static int files_list(const struct caller *c, const struct where *dir, struct names *out)
{
	struct listing l = {dir, out};

	if (!is_there(c, dir))
		return -ENOENT;
	return catalog_list(catalog_of(c), dir->source->id, rest_of(dir), add_entry, &l);
}

static int files_look(const struct caller *c, const struct where *w, struct entry *out)
{
	if (*rest_of(w))
		return catalog_find(catalog_of(c), w->source->id, rest_of(w), out);
	out->is_dir = true;
	return 0;
}

/* Earlier versions: a file is a directory of them there. */

struct wanted_name {
	const char *name;
	bool found;
};

static int look_for(void *arg, const char *name, bool is_dir)
{
	struct wanted_name *w = arg;

	(void)is_dir;
	w->found = strcmp(name, w->name) == 0;
	return w->found;
}

/* A version's number as it is listed: no sign, no leading zero. */
static int64_t number_of(const char *name)
{
	char again[24];
	int64_t n = strtoll(name, NULL, 10);

	snprintf(again, sizeof(again), "%lld", (long long)n);
	return n > 0 && strcmp(again, name) == 0 ? n : 0;
}

static int history_enter(
	const struct caller *c, const struct where *dir, const char *name, struct where *out)
{
	struct wanted_name want = {.name = name};
	int64_t number = *rest_of(dir) ? number_of(name) : 0;
	struct entry e = {0};
	char path[PATH_BYTES];
	int r = is_there(c, dir) ? join(dir, name, path) : -ENOENT;

	if (r)
		return r;
	if (number) {
		r = catalog_version(catalog_of(c), dir->source->id, rest_of(dir), number, &e);
		entry_release(&e);
		if (!r)
			return descend(out, rest_of(dir), false, number);
	}
	r = catalog_history(catalog_of(c), dir->source->id, rest_of(dir), look_for, &want);
	if (r < 0)
		return r;
	return want.found ? descend(out, path, true, 0) : -ENOENT;
}

static int add_past(void *arg, const char *name, bool is_dir)
{
	(void)is_dir;
	return add_child(arg, name, true, 0);
}

static int add_version(void *arg, const struct entry *e)
{
	char name[24];

	snprintf(name, sizeof(name), "%lld", (long long)e->version);
	return add_child(arg, name, false, e->version);
}

static int history_list(const struct caller *c, const struct where *dir, struct names *out)
{
	struct listing l = {dir, out};
	int r = is_there(c, dir) ? 0 : -ENOENT;

	if (!r)
		r = catalog_history(catalog_of(c), dir->source->id, rest_of(dir), add_past, &l);
	if (!r && *rest_of(dir))
		r = catalog_versions(catalog_of(c), dir->source->id, rest_of(dir), add_version, &l);
	return r;
}

static int history_look(const struct caller *c, const struct where *w, struct entry *out)
{
	if (w->number)
		return catalog_version(catalog_of(c), w->source->id, rest_of(w), w->number, out);
	out->is_dir = true;
	return 0;
}

const struct row *files_row(void)
{
	const struct row *row = tree;

	while (row->ops != &files_ops)
		row++;
	return row;
}

const struct file_ops synced_ops = {.list = list_sources};
const struct file_ops files_ops = {.list = files_list, .enter = files_enter, .look = files_look};
const struct file_ops history_ops = {
	.list = history_list, .enter = history_enter, .look = history_look};
