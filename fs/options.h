/*
 * The command line of leitlfs: `leitlfs [options] [source] mountpoint`.
 *
 * What begins with -o is ours by the table of core/base/config.h, or FUSE's and kept for libfuse,
 * or what mount(8) and fstab(5) say to themselves and is dropped; anything else is refused. Used
 * once, by main, before there are threads.
 */
#ifndef FS_OPTIONS_H
#define FS_OPTIONS_H

#include "core/base/buf.h"
#include "core/base/config.h"
#include "core/base/error.h"

#include <fuse_opt.h>
#include <stdbool.h>

struct options {
	enum { OPTIONS_SERVE, OPTIONS_HELP, OPTIONS_VERSION } what;
	struct config config;
	struct fuse_args fuse; /* the program's name and all that libfuse is to be told */
	char *source;          /* what mount(8) shows as the device; NULL: leitlfs */
	char *mountpoint;      /* as given; never NULL where one is to serve */
	bool foreground, nonempty;
	bool others; /* allow_other or allow_root */
};

/* Reads the command line; argv stays the caller's. Whatever comes back, options_release() frees
 * what is in it. -EINVAL: a usage error with the reason; -ENOMEM. */
int options_init(struct options *, int argc, char **argv, struct error *err);
void options_release(struct options *); /* takes NULL */

void options_help(struct buf *out); /* what -h prints */

#endif
