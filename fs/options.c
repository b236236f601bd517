#include "fs/options.h"

#include "fs/command/command.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_HELP, KEY_VERSION, KEY_FOREGROUND, KEY_DEBUG, KEY_SINGLE, KEY_READ_ONLY };

static const struct fuse_opt flags[] = {
	FUSE_OPT_KEY("-h", KEY_HELP),
	FUSE_OPT_KEY("--help", KEY_HELP),
	FUSE_OPT_KEY("-V", KEY_VERSION),
	FUSE_OPT_KEY("--version", KEY_VERSION),
	FUSE_OPT_KEY("-f", KEY_FOREGROUND),
	FUSE_OPT_KEY("-d", KEY_DEBUG),
	FUSE_OPT_KEY("debug", KEY_DEBUG),
	FUSE_OPT_KEY("-s", KEY_SINGLE),
	FUSE_OPT_KEY("-r", KEY_READ_ONLY),
	FUSE_OPT_END,
};

/* What libfuse and the kernel are told. A name that ends in '=' takes a value, one that ends in '*'
 * goes on as it likes. */
static const char *const of_fuse[] = {
	"allow_other",
	"allow_root",
	"auto_unmount",
	"fsname=",
	"max_read=",
	"ro",
	"rw",
	"exec",
	"noexec",
	"sync",
	"async",
	"dirsync",
	"atime",
	"noatime",
	"context=",
	"fscontext=",
	"defcontext=",
	"rootcontext=",
	NULL,
};

/* What is said to others than us, or is so already: mount(8) and mount.fuse3 pass it on. Set-uid
 * programs and devices are never honoured on this mount, whatever root's mount says; and the kernel
 * checks permissions always. */
static const char *const dropped[] = {
	"default_permissions",
	"defaults",
	"auto",
	"noauto",
	"user",
	"user=",
	"nouser",
	"users",
	"nousers",
	"owner",
	"noowner",
	"group",
	"nogroup",
	"_netdev",
	"nofail",
	"comment=",
	"x-*",
	"X-*",
	"dev",
	"nodev",
	"suid",
	"nosuid",
	"diratime",
	"nodiratime",
	"relatime",
	"norelatime",
	"strictatime",
	"nostrictatime",
	"lazytime",
	"nolazytime",
	"iversion",
	"noiversion",
	"mand",
	"nomand",
	"loud",
	"silent",
	"subtype=",
	NULL,
};

static bool matches(const char *pattern, const char *option)
{
	size_t len = strlen(pattern);

	if (len > 0 && pattern[len - 1] == '*')
		return strncmp(pattern, option, len - 1) == 0;
	if (len > 0 && pattern[len - 1] == '=')
		return strncmp(pattern, option, len) == 0;
	return strcmp(pattern, option) == 0;
}

static bool is_among(const char *const *patterns, const char *option)
{
	for (; *patterns != NULL; patterns++) {
		if (matches(*patterns, option))
			return true;
	}
	return false;
}

/* What take() is given, and may answer to libfuse's parser. */
struct parse {
	struct options *options;
	struct error *err;
	int code; /* why it stopped */
	const char *paths[2];
	int path_count;
	bool has_options; /* -o was given */
};

enum taken { TAKEN_STOP = -1, TAKEN = 0, TAKEN_KEEP = 1 };

static enum taken stop(struct parse *parse, int code)
{
	parse->code = code;
	return TAKEN_STOP;
}

static enum taken refuse(struct parse *parse, const char *what, const char *arg)
{
	return stop(parse, error_set(parse->err, EINVAL, "%s %.64s", what, arg));
}

static const struct option_row *row_of(const char *option)
{
	size_t len = strcspn(option, "=");

	for (const struct option_row *row = config_options; row->name != NULL; row++) {
		if (strlen(row->name) == len && strncmp(row->name, option, len) == 0)
			return row;
	}
	return NULL;
}

static enum taken take_row(struct parse *parse, const struct option_row *row, const char *option)
{
	const char *value = strchr(option, '=');
	int rc = config_set(
		&parse->options->config, row->name, value ? value + 1 : NULL, parse->err);

	return rc == 0 ? TAKEN : stop(parse, rc);
}

static enum taken take_source(struct parse *parse, const char *source)
{
	char *copy = strdup(source);

	if (copy == NULL)
		return stop(parse, error_set(parse->err, ENOMEM, "out of memory"));
	free(parse->options->source);
	parse->options->source = copy;
	return TAKEN;
}

static enum taken take_option(struct parse *parse, const char *option)
{
	const struct option_row *row = row_of(option);

	parse->has_options = true;
	if (option[0] == '-')
		return refuse(parse, "unknown option", option);
	if (row != NULL)
		return take_row(parse, row, option);
	if (strncmp(option, "fsname=", 7) == 0)
		return take_source(parse, option + 7);
	if (option[0] == '\0' || is_among(dropped, option))
		return TAKEN;
	if (strcmp(option, "nonempty") == 0) {
		parse->options->nonempty = true;
		return TAKEN;
	}
	if (!is_among(of_fuse, option))
		return refuse(parse, "unknown option -o", option);
	if (strcmp(option, "allow_other") == 0 || strcmp(option, "allow_root") == 0)
		parse->options->others = parse->options->config.others = true;
	return TAKEN_KEEP;
}

static enum taken take_path(struct parse *parse, const char *path)
{
	if (parse->path_count == 2)
		return refuse(parse, "one argument too many:", path);
	parse->paths[parse->path_count++] = path;
	return TAKEN;
}

static int take(void *data, const char *arg, int key, struct fuse_args *kept)
{
	struct parse *parse = data;
	struct options *o = parse->options;

	switch (key) {
	case FUSE_OPT_KEY_NONOPT:
		return take_path(parse, arg);
	case KEY_HELP:
		o->what = OPTIONS_HELP;
		return TAKEN;
	case KEY_VERSION:
		o->what = OPTIONS_VERSION;
		return TAKEN;
	case KEY_FOREGROUND:
		o->foreground = true;
		return TAKEN;
	case KEY_DEBUG:
		o->foreground = true;
		return fuse_opt_add_arg(kept, "-odebug") == 0 ? TAKEN : stop(parse, -ENOMEM);
	case KEY_SINGLE:
		o->config.threads = 1;
		return TAKEN;
	case KEY_READ_ONLY:
		return fuse_opt_add_arg(kept, "-oro") == 0 ? TAKEN : stop(parse, -ENOMEM);
	default:
		return take_option(parse, arg);
	}
}

/* The mount point is the last of one or two paths: mount(8) names a source before it, and always
 * has options. Without any, the first is a misspelt command. */
static int take_paths(struct parse *parse)
{
	struct options *o = parse->options;

	if (o->what != OPTIONS_SERVE)
		return 0;
	if (parse->path_count == 0)
		return error_set(parse->err, EINVAL, "the mount point is missing");
	if (parse->path_count == 2 && !parse->has_options)
		return error_set(parse->err, EINVAL,
			"there is no command %s; leitlfs help lists them", parse->paths[0]);
	o->mountpoint = strdup(parse->paths[parse->path_count - 1]);
	if (o->mountpoint == NULL)
		return error_set(parse->err, ENOMEM, "out of memory");
	if (parse->path_count == 2 && o->source == NULL &&
		take_source(parse, parse->paths[0]) != TAKEN)
		return parse->code;
	return 0;
}

/* What libfuse is always told. */
static int add_ours(struct options *o, struct error *err)
{
	char *name = NULL, *opts = NULL;
	int rc = -1;

	if (asprintf(&name, "fsname=%s", o->source != NULL ? o->source : "leitlfs") < 0)
		name = NULL;
	if (name != NULL && fuse_opt_add_opt(&opts, "default_permissions") == 0 &&
		fuse_opt_add_opt(&opts, "subtype=leitlfs") == 0 &&
		fuse_opt_add_opt_escaped(&opts, name) == 0 &&
		fuse_opt_add_arg(&o->fuse, "-o") == 0 && fuse_opt_add_arg(&o->fuse, opts) == 0)
		rc = 0;
	free(name);
	free(opts);
	return rc == 0 ? 0 : error_set(err, ENOMEM, "out of memory");
}

int options_init(struct options *o, int argc, char **argv, struct error *err)
{
	struct parse parse = {.options = o, .err = err};
	int rc;

	*o = (struct options){.fuse = {argc, argv, 0}};
	rc = config_init(&o->config);
	if (rc != 0)
		return error_set(err, -rc, "out of memory");
	if (fuse_opt_parse(&o->fuse, &parse, flags, take) != 0) {
		/* Else libfuse stopped by itself, and has said why. */
		return parse.code != 0 ? parse.code : error_set(err, EINVAL, "bad options");
	}
	rc = take_paths(&parse);
	return rc == 0 ? add_ours(o, err) : rc;
}

void options_release(struct options *o)
{
	if (o == NULL)
		return;
	config_release(&o->config);
	fuse_opt_free_args(&o->fuse);
	free(o->source);
	free(o->mountpoint);
	*o = (struct options){0};
}

void options_help(struct buf *out)
{
	/* clang-format off */
	buf_adds(out,
		"usage: leitlfs [options] <mountpoint>    mount, and serve in the background\n"
		"       leitlfs COMMAND --help            one of these commands:\n"
		"\n");
	commands_help(out);
	buf_adds(out,
		"\n"
		"Options of a mount:\n"
		"\n"
		"    -f                      stay in the foreground\n"
		"    -d   -o debug           show every request, in the foreground\n"
		"    -s                      serve with one thread, as -o threads=1\n"
		"    -r   -o ro              read only\n"
		"    -o OPTION[,OPTION...]   the options below; may be repeated\n"
		"    -h   --help             this text\n"
		"    -V   --version          the versions of leitlfs and libfuse\n"
		"\n"
		"Options of leitlfs; TIME is 90 (seconds), 500ms, 1.5h or 7d, SIZE is 4096, 64K\n"
		"or 256M:\n"
		"\n");
	config_help(out);
	buf_adds(out,
		"    -o nonempty             mount over a directory that is not empty\n"
		"\n"
		"Options of FUSE:\n"
		"\n"
		"    -o allow_other          let other users in; who is not root needs the line\n"
		"                            user_allow_other in /etc/fuse.conf\n"
		"    -o allow_root           let root in, as well as the owner; likewise\n"
		"    -o auto_unmount         unmount also when the daemon is killed\n"
		"    -o fsname=NAME          the device that mount(8) and df(1) show\n"
		"    -o max_read=N           the most bytes that one read asks for\n"
		"    -o noexec, sync, dirsync, noatime, context= as in mount(8)\n"
		"\n"
		"The kernel always checks permissions (default_permissions); set-uid programs\n"
		"and devices are never honoured. As a line of /etc/fstab:\n"
		"\n"
		"    leitlfs  /srv/leitl  fuse.leitlfs  allow_other,_netdev  0  0\n");
	/* clang-format on */
}
