#include "core/context/source.h"

#include "core/base/glob.h"
#include "core/context/source_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What nobody looks for: see core/context/source.h. */
static const char *const never[] = {
	".git",
	".hg",
	".svn",
	".bzr",
	"CVS", /* version control */
	".*.sw[a-p]",
	"*.swp",
	"*~",
	".#*",
	"#*#",
	".*.un~", /* editors */
	".~lock.*#",
	"~$*", /* offices */
	"*.part",
	"*.partial",
	"*.crdownload",
	".goutputstream-*", /* downloads */
	".nfs*",
	".fuse_hidden*",
	".DS_Store",
	"._*",
	"Thumbs.db", /* systems */
	"desktop.ini",
	"lost+found",
	".Trash-*",
	"$RECYCLE.BIN",
	NULL,
};

int source_config_init(struct source_config *c)
{
	*c = (struct source_config){0};
	for (const struct source_option *o = source_options; o->name != NULL; o++)
		source_reset(c, o);
	return 0;
}

void source_config_release(struct source_config *c)
{
	if (c == NULL)
		return;
	for (const struct source_option *o = source_options; o->name != NULL; o++)
		source_reset(c, o);
}

static bool copy_text(char **to, const char *from)
{
	*to = from != NULL ? strdup(from) : NULL;
	return from == NULL || *to != NULL;
}

static bool copy_list(char ***to, char *const *from)
{
	size_t n = 0;

	*to = NULL;
	if (from == NULL)
		return true;
	while (from[n] != NULL)
		n++;
	*to = calloc(n + 1, sizeof(**to));
	for (size_t i = 0; *to != NULL && i < n; i++)
		if (!copy_text(&(*to)[i], from[i]))
			return false;
	return *to != NULL;
}

static bool copy_plain(struct plain **to, const struct plain *from)
{
	*to = from != NULL ? plain_new(from->text, from->len) : NULL;
	return from == NULL || *to != NULL;
}

static bool copy_option(
	struct source_config *to, const struct source_config *from, const struct source_option *o)
{
	void *field = source_field(to, o);
	const void *value = source_field(from, o);

	switch (o->kind) {
	case SOURCE_TEXT:
		return copy_text(field, *(char *const *)value);
	case SOURCE_SECRET:
		return copy_plain(field, *(struct plain *const *)value);
	case SOURCE_FLAG:
		*(bool *)field = *(const bool *)value;
		return true;
	case SOURCE_LIST:
		return copy_list(field, *(char **const *)value);
	default:
		*(int64_t *)field = *(const int64_t *)value;
		return true;
	}
}

int source_config_copy(struct source_config *to, const struct source_config *from)
{
	struct source_config copy;
	bool good = true;

	source_config_init(&copy);
	for (const struct source_option *o = source_options; o->name != NULL && good; o++)
		good = copy_option(&copy, from, o);
	if (good)
		good = copy_text(&copy.path, from->path);
	copy.kind = from->kind;
	if (!good) {
		source_config_release(&copy);
		return -ENOMEM;
	}
	*to = copy;
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_list(char *const *a, char *const *b)
{
	size_t i = 0;

	if (a == NULL || b == NULL)
		return a == b;
	while (a[i] != NULL && b[i] != NULL && strcmp(a[i], b[i]) == 0)
		i++;
	return a[i] == b[i]; /* both at their end */
}

static bool same_plain(const struct plain *a, const struct plain *b)
{
	return a == b || (a != NULL && b != NULL && a->len == b->len &&
				 memcmp(a->text, b->text, a->len) == 0);
}

bool source_same_value(
	const struct source_config *a, const struct source_config *b, const struct source_option *o)
{
	const void *left = source_field(a, o), *right = source_field(b, o);

	switch (o->kind) {
	case SOURCE_TEXT:
		if (left == (const void *)&a->url)
			return source_same_place(a, b);
		return same_text(*(char *const *)left, *(char *const *)right);
	case SOURCE_SECRET:
		return same_plain(*(struct plain *const *)left, *(struct plain *const *)right);
	case SOURCE_FLAG:
		return *(const bool *)left == *(const bool *)right;
	case SOURCE_LIST:
		return same_list(*(char **const *)left, *(char **const *)right);
	default:
		return *(const int64_t *)left == *(const int64_t *)right;
	}
}

bool source_same_config(const struct source_config *a, const struct source_config *b)
{
	for (const struct source_option *o = source_options; o->name != NULL; o++)
		if (!source_same_value(a, b, o))
			return false;
	return true;
}

bool source_same_place(const struct source_config *a, const struct source_config *b)
{
	return a->kind == b->kind && same_text(a->url, b->url) && same_text(a->path, b->path);
}

int source_exclude(struct source_config *c, const char *path)
{
	struct buf pattern = BUF_INIT;
	char **grown;
	size_t n = 0;

	buf_addc(&pattern, '/');
	for (; *path != '\0'; path++) {
		if (strchr("*?[\\", *path) != NULL)
			buf_addc(&pattern, '\\');
		buf_addc(&pattern, *path);
	}
	while (c->exclude != NULL && c->exclude[n] != NULL)
		n++;
	grown = buf_error(&pattern) == 0 ? reallocarray(c->exclude, n + 2, sizeof(*grown)) : NULL;
	if (grown == NULL) {
		buf_release(&pattern);
		return -ENOMEM;
	}
	c->exclude = grown;
	grown[n] = buf_detach(&pattern, NULL);
	grown[n + 1] = NULL;
	return 0;
}

/* Names are paths in context/sources/, beside `new` and what every directory lists. */
bool source_name_ok(const char *name, size_t len)
{
	if (len == 0 || len > SOURCE_NAME_MAX || name[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= 'A' && name[i] <= 'Z') &&
			!(name[i] >= '0' && name[i] <= '9') &&
			(name[i] == '\0' || strchr("._-", name[i]) == NULL))
			return false;
	return !(len == 3 && memcmp(name, "new", 3) == 0) &&
	       !(len == 9 && memcmp(name, "README.md", 9) == 0);
}

static bool has_type(const struct source_config *c, const char *path)
{
	const size_t len = strlen(path);

	for (size_t i = 0; c->types[i] != NULL; i++) {
		const size_t ending = strlen(c->types[i]);

		if (len > ending && path[len - ending - 1] == '.' &&
			strcasecmp(path + len - ending, c->types[i]) == 0)
			return true;
	}
	return false;
}

static bool is_excluded(const struct source_config *c, const char *path, bool is_dir)
{
	bool excluded = false;

	for (size_t i = 0; never[i] != NULL && !excluded; i++)
		excluded = glob_covers(never[i], path, is_dir);
	for (size_t i = 0; c->exclude != NULL && c->exclude[i] != NULL; i++) {
		const char *pattern = c->exclude[i];
		const bool back = pattern[0] == '!';

		if (excluded == back && glob_covers(pattern + back, path, is_dir))
			excluded = !back;
	}
	return excluded;
}

static bool is_included(const struct source_config *c, const char *path, bool is_dir)
{
	if (c->include == NULL)
		return true;
	for (size_t i = 0; c->include[i] != NULL; i++)
		if (is_dir ? glob_leads(c->include[i], path)
			   : glob_covers(c->include[i], path, false))
			return true;
	return false;
}

bool source_wants(const struct source_config *c, const char *path, bool is_dir)
{
	if (path[0] == '\0') /* its root */
		return true;
	return !is_excluded(c, path, is_dir) && is_included(c, path, is_dir) &&
	       (is_dir || c->types == NULL || has_type(c, path));
}
