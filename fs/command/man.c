#include "fs/command/man.h"

#include "fs/command/command.h"
#include "fs/options.h"
#include "fs/readme.h"
#include "fs/tree.h"

#include <errno.h>
#include <string.h>

#define DATE "November 21, 2026"

/* The documents that two of the pages hold, as they are: paths are from where the compiler is run.
 */
__asm__(".section .rodata\n"
	"man_tree:\n.incbin \"docs/tree.md\"\n.byte 0\n"
	"man_protocol:\n.incbin \"docs/protocol.md\"\n.byte 0\n"
	".previous\n");
extern const char man_tree[] __attribute__((visibility("hidden")));
extern const char man_protocol[] __attribute__((visibility("hidden")));

static const char about[] =
	"mounts a loop: a directory in which agents and people on one machine see each other, say "
	"what "
	"they do, ask and answer, and read the same files. `cat`, `echo`, `mkdir`, `touch` and "
	"`tail` are "
	"enough to use it; **leitlfs**(5) tells what is in it, as does its own `README.md`, and "
	"**leitl**(7) what is told in it.\n"
	"\n"
	"The daemon goes to the background when the mount is there. It ends when it is unmounted: "
	"by "
	"`leitlfs umount`, **fusermount3**(1) or **umount**(8). The commands are for where a line "
	"of "
	"shell would be awkward; each finds the mount by itself, and does nothing that its user "
	"could not "
	"do with the files.\n";

static const char rest_of_1[] =
	"## Environment\n"
	"\n"
	"| | |\n"
	"| `LEITLFS_MOUNT` | the mount that commands work in, where `--mount` is not given; any "
	"path in "
	"it will do |\n"
	"| `XDG_STATE_HOME` | where the state directory is, with `leitlfs` behind it; not for root "
	"|\n"
	"| `CREDENTIALS_DIRECTORY` | set by **systemd.exec**(5): the key that passwords of sources "
	"are "
	"kept under is read from there, if it is there |\n"
	"\n"
	"## Files\n"
	"\n"
	"| | |\n"
	"| `~/.local/state/leitlfs`, `/var/lib/leitlfs` | the state directory of a user, of root; "
	"one "
	"daemon at a time |\n"
	"| `/etc/fuse.conf` | without `user_allow_other` in it, nobody but root may give `-o "
	"allow_other` |\n"
	"| `/etc/default/leitlfs` | `LEITLFS_OPTIONS` of the system's `leitlfs@.service` |\n"
	"| `~/.config/leitlfs.conf` | the same of the user's |\n"
	"\n"
	"## Exit status\n"
	"\n"
	"A mount: 0 when it is there, 1 when it was refused, 2 when the options were not "
	"understood. "
	"The commands tell their own above; 2 is not understood for all but `run`.\n"
	"\n"
	"## Examples\n"
	"\n"
	"A loop of one's own, and one for everyone on the machine:\n"
	"\n"
	"    mkdir -p ~/leitl && leitlfs ~/leitl\n"
	"    leitlfs -o allow_other /srv/leitl\n"
	"\n"
	"The same at every start, as a unit; the instance is the path, as systemd-escape(1) "
	"--path writes it:\n"
	"\n"
	"    systemctl --user enable --now leitlfs@$(systemd-escape --path ~/leitl)\n"
	"    systemctl enable --now leitlfs@srv-leitl\n";

static const char about_5[] = "What a mount of **leitlfs**(1) shows. Its own `README.md`, and that "
			      "of every directory in it, "
			      "are made from the same table as this page.\n\n";

static const char about_7[] = "leitlfs carries LEITL on as a tree of files: **leitlfs**(5).\n\n";

static void add_head(struct buf *out, const char *title, int section, const char *line)
{
	buf_adds(out, ".\\\" Made by `leitlfs man`; changes belong into what it is made from.\n");
	buf_addf(out, ".Dd " DATE "\n.Dt %s %d\n.Os\n.Sh NAME\n.Nm %s\n.Nd %s\n", title, section,
		section == 7 ? "leitl" : "leitlfs", line);
}

static void add_synopsis(struct buf *out)
{
	buf_adds(out, ".Sh SYNOPSIS\n.Nm\n.Op Ar options\n.Ar mountpoint\n");
	for (const struct command_row *c = commands; c->name != NULL; c++) {
		if (c->flags & COMMAND_HIDDEN)
			continue;
		buf_addf(out, ".Nm\n.Cm %s\n", c->name);
		man_add_raw(out, c->arguments, strlen(c->arguments));
		buf_addc(out, '\n');
	}
}

/* The text of a help behind its usage, which is told in another form here. */
static void add_help(struct buf *out, struct buf *help, const char *behind)
{
	const char *at = buf_error(help) == 0 ? strstr(help->data, behind) : NULL;

	if (at != NULL)
		man_add_text(out, at);
	else
		out->failed = help->failed != 0 ? help->failed : EINVAL;
	buf_release(help);
}

static void add_commands(struct buf *out)
{
	buf_adds(out, ".Sh COMMANDS\n");
	for (const struct command_row *c = commands; c->name != NULL; c++) {
		struct buf help = BUF_INIT;

		if (c->flags & COMMAND_HIDDEN)
			continue;
		buf_addf(out, ".Ss leitlfs %s\n", c->name);
		command_help(c, &help);
		man_add_text(out, c->line);
		buf_adds(out, ".Pp\n.Nm\n.Cm ");
		buf_addf(out, "%s\n", c->name);
		man_add_raw(out, c->arguments, strlen(c->arguments));
		buf_adds(out, "\n.Pp\n");
		add_help(out, &help, "\n\n");
	}
}

static void add_page_1(struct buf *out)
{
	struct buf help = BUF_INIT;

	add_head(out, "LEITLFS", 1, "a live loop of agents and people, as files");
	add_synopsis(out);
	buf_adds(out, ".Sh DESCRIPTION\n.Nm\n");
	man_add_text(out, about);
	buf_adds(out, ".Ss Options\n");
	options_help(&help);
	add_help(out, &help, "Options of a mount:");
	add_commands(out);
	man_add_text(out, rest_of_1);
	buf_adds(out,
		".Sh SEE ALSO\n.Xr fusermount3 1 ,\n.Xr fuse 4 ,\n.Xr leitlfs 5 ,\n.Xr leitl 7 ,\n"
		".Xr mount 8\n");
}

static const char *shape_name(const struct row *row)
{
	static const char *const names[] = {
		[SHAPE_DIR] = "directory",
		[SHAPE_LINK] = "symbolic link",
		[SHAPE_SNAPSHOT] = "snapshot",
		[SHAPE_VALUE] = "value",
		[SHAPE_SINK] = "sink",
		[SHAPE_LOG] = "log",
		[SHAPE_TURN] = "turn",
		[SHAPE_TREE] = "directory of synced files",
		[SHAPE_GRAFT] = "directory",
	};

	return row->flags & ROW_WAITS ? "wait" : names[row->shape];
}

static void add_row(struct buf *out, const struct row *row)
{
	struct buf usage = BUF_INIT;

	buf_adds(out, ".It Pa ");
	man_add_raw(out, row->path, strlen(row->path));
	buf_addc(out, '\n');
	man_add_text(out, row->help);
	buf_addf(out, "(%s, %04o%s)\n", shape_name(row), (unsigned)row->mode,
		row->flags & ROW_UNLISTED ? ", not listed" : "");
	for (const char *at = row->usage; at != NULL && *at != '\0';) {
		size_t len = strcspn(at, "\n");

		buf_addf(&usage, "    %.*s\n", (int)len, at);
		at += len + (at[len] == '\n');
	}
	if (buf_error(&usage) == 0 && usage.len > 0)
		man_add_text(out, usage.data);
	else if (buf_error(&usage) != 0)
		out->failed = usage.failed;
	buf_release(&usage);
}

static void add_page_5(struct buf *out)
{
	const char *first = strstr(man_tree, "\n## ");

	add_head(out, "LEITLFS", 5, "the tree of files that leitlfs shows");
	buf_adds(out, ".Sh DESCRIPTION\n");
	man_add_text(out, about_5);
	buf_adds(out, ".Pp\n");
	man_add_text(out, readme_intro);
	buf_adds(out, ".Sh THE WHOLE TREE\n"
		      "What stands in angle brackets stands for many.\n"
		      "Each log has a twin that is not listed, with .live behind its name.\n"
		      ".Bl -tag -width Ds\n");
	for (const struct row *row = tree + 1; row->path != NULL; row++)
		add_row(out, row);
	buf_adds(out, ".El\n");
	if (first != NULL)
		man_add_text(out, first + 1);
	buf_adds(out, ".Sh SEE ALSO\n.Xr leitlfs 1 ,\n.Xr leitl 7\n");
}

static void add_page_7(struct buf *out)
{
	add_head(out, "LEITL", 7, "live everyone in the loop: what is told, and by whom");
	buf_adds(out, ".Sh DESCRIPTION\n");
	man_add_text(out, about_7);
	buf_adds(out, ".Pp\n");
	man_add_text(out, man_protocol);
	buf_adds(out, ".Sh SEE ALSO\n.Xr leitlfs 1 ,\n.Xr leitlfs 5\n");
}

int man_page(int section, struct buf *out)
{
	switch (section) {
	case 1:
		add_page_1(out);
		return 0;
	case 5:
		add_page_5(out);
		return 0;
	case 7:
		add_page_7(out);
		return 0;
	default:
		return -EINVAL;
	}
}
