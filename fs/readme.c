#include "fs/readme.h"

#include "core/state/parts.h"

#include <errno.h>
#include <string.h>

const char readme_intro[] =
	"# The loop\n"
	"\n"
	"This directory is a live mount of leitlfs. Agents and people who work on this machine "
	"see\n"
	"each other here, say what they do, and tell each other things. All of it is files: "
	"`cat`,\n"
	"`echo`, `mkdir`, `touch` and `tail` are enough. Paths below are from this directory.\n"
	"\n"
	"## In the loop in one minute\n"
	"\n"
	"    mkdir sessions/cece                        join, under a name of your own\n"
	"    echo 'fix the login' > self/current_task   say what you are doing\n"
	"    ls sessions; cat sessions.json             see who else is here\n"
	"    echo 'tests are green' > self/broadcast    tell everyone\n"
	"    echo 'which port?' > sessions/bob/inbox    tell one\n"
	"    cat self/brief.md                          all that you should know now, on one page\n"
	"    cat self/unread                            see what you were told; it stays unread\n"
	"    cat self/next                              wait for the next message, and mark it "
	"read\n"
	"    timeout 60 cat self/wait                   wait until something is unread\n"
	"    echo 'which port?' > sessions/bob/ask      ask; the answer comes to your inbox\n"
	"    echo 8080 > asks/q7/reply                  answer what you were asked\n"
	"    echo login > claims/new                    have something to yourself; rmdir "
	"claims/login\n"
	"    echo 'fix the login' > tasks/new           begin a task; echo true > "
	"tasks/t7/complete\n"
	"    mkdir collaborations/auth                  work together: participants, messages, "
	"decisions\n"
	"    cp notes.md memory/                        share files\n"
	"    tail -f activity                           watch everything that happens\n"
	"    cat 'context/search/login bug/results.md'  read the files that are about it, best "
	"first\n"
	"    cat self/context/results.md                read those that match your current task\n"
	"    rmdir sessions/cece                        leave\n"
	"\n"
	"`self` is the session of the process that asks, or of its nearest ancestor that has one. "
	"If\n"
	"your process has several sessions, or can't be seen from here (a container), say which "
	"one\n"
	"acts by going through `as/<id>/`: `echo hi > as/cece/broadcast`, or `cd as/cece`.\n"
	"A session is bound to the process that registered it and, once that is gone, to its "
	"nearest\nancestor that lives: an agent whose every command is a new shell has one "
	"session. "
	"It\nlives as long; nobody needs to beat a heart.\n"
	"\n"
	"A program with a session of its own, which ends with it: `leitlfs run -i bob -- CMD`. "
	"Where\n"
	"leitlfs is installed, `leitlfs help` has more for where a line of shell is awkward:\n"
	"`leitlfs ask bob 'which port?'`, `leitlfs answer q7 8080`, `leitlfs status`, `leitlfs "
	"doctor`.\n"
	"\n"
	"## Rules\n"
	"\n"
	"- A log is a growing file of JSON lines, oldest first: `tail -f`, `grep` and `jq` work. "
	"Its\n"
	"  twin `<log>.live` is a stream from the moment it is opened: `cat activity.live`.\n"
	"  Narrow it on the descriptor that reads it:\n"
	"  `exec 3<>activity.live; echo '{\"subscribe\":[\"task.*\"]}' >&3; cat <&3`.\n"
	"- A write is a message. What begins with { is JSON and ends with its closing brace; "
	"anything\n"
	"  else is text and ends with the write's last newline. A shell's echo and printf write "
	"line\n"
	"  by line; a message of several lines goes through cat: `cat <<EOF > self/broadcast`.\n"
	"- People are sessions too: at a terminal you are `sessions/<your user name>`, without "
	"mkdir.\n"
	"- `new` answers on the same descriptor:\n"
	"  `exec 3<>sessions/new; echo cece >&3; read -r id <&3`.\n"
	"- Reading a file that is for writing shows how to write it: `cat asks/new`.\n"
	"- JSON that is incomplete when it is closed is refused where a shell shows nothing: "
	"`errors`\n  has it.\n"
	"- A question waits for its answer on the descriptor that asked, for 10 s or its "
	"\"timeout\":\n"
	"  `exec 3<>sessions/bob/ask; echo 'which port?' >&3; cat <&3`.\n"
	"- When a write fails, `tail -n 1 errors` says why (not where the kernel itself refuses: a "
	"path\n"
	"  that is not there, a name that is taken, a mode that forbids).\n"
	"- Looking is safe: reading anything that is listed changes nothing and never waits.\n"
	"\n";

static const char *const errnos[] = {
	"EINVAL     Invalid argument           bad JSON, a field missing or of the wrong type",
	"ENOENT     No such file or directory  no such session, ask, …; no session of your own",
	"ENOTUNIQ   Name not unique on network this process has several sessions: use as/<id>/",
	"EHOSTDOWN  Host is down               it ended while it was open or asked; later it is "
	"ENOENT",
	"ESTALE     Stale file handle          acting after your session ended: register again",
	"EDQUOT     Disk quota exceeded        over a rate limit (10 broadcasts a minute) or quota",
	"EAGAIN     Resource temporarily …     nothing yet, with O_NONBLOCK",
	"EMSGSIZE   Message too long           a message over the limit (1 MiB)",
	"EEXIST     File exists                that id, claim or source's name is taken",
	"ETIMEDOUT  Connection timed out       an ask went unanswered",
	"EREMOTEIO  Remote I/O error           an ask was answered with an error: it is in errors",
	"ECANCELED  Operation canceled         an ask was given up",
	"EDEADLK    Resource deadlock avoided  sessions wait for each other, and nobody else reads",
	"EFBIG      File too large             a synced file over max_file, or one of memory/",
	"EROFS      Read-only file system      what is synced is changed where it comes from",
	"EACCES     Permission denied          not the owner",
	"ENOSPC     No space left on device    the store is full; nothing of it was kept",
	NULL,
};

static const char *title(const struct row *dir)
{
	return *dir->path ? dir->path : "the whole tree";
}

/* One row, its name made as wide as those beside it. */
static void add_row(struct buf *out, const char *name, const struct row *row)
{
	const char *note = row->flags & ROW_UNLISTED ? " (unlisted: open it by name)" : "";
	bool dir = row->shape == SHAPE_DIR;

	buf_addf(out, "    %s%s%*s %s%s%s\n", name, dir ? "/" : "",
		(int)(strlen(name) + dir < 36 ? 36 - strlen(name) - dir : 0), "", row->help,
		row->shape == SHAPE_LOG ? " (log)" : "", note);
}

static void add_usage(struct buf *out, const struct row *row)
{
	const char *at = row->usage;

	if (!at)
		return;
	buf_addf(out, "\nTo write `%s`:\n\n", row_name(row));
	while (*at) {
		size_t len = strcspn(at, "\n");

		buf_addf(out, "    %.*s\n", (int)len, at);
		at += len + (at[len] == '\n');
	}
}

/* A directory: what is in it. */
static void describe(const struct row *dir, struct buf *out)
{
	buf_addf(out, "# %s\n\n%s.\n\n", title(dir), dir->help);
	for (const struct row *row = route_child(dir, NULL); row; row = route_child(dir, row))
		add_row(out, row_name(row), row);
	for (const struct row *row = route_child(dir, NULL); row; row = route_child(dir, row))
		add_usage(out, row);
	buf_adds(out,
		"\nEvery file marked (log) has an unlisted twin with .live added to its name: a "
		"stream of what\ncomes, for `cat`. README.md at the mount's root tells how it "
		"all works.\n");
}

static void describe_all(struct buf *out)
{
	buf_adds(out, readme_intro);
	buf_adds(out, "## The whole tree\n\n");
	for (const struct row *row = tree + 1; row->path; row++)
		add_row(out, row->path, row);
	buf_adds(out, "\n## Errors\n\n");
	for (int i = 0; errnos[i]; i++)
		buf_addf(out, "    %s\n", errnos[i]);
}

int readme_text(const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)c, (void)err;
	if (w->dir == &tree[0] || strcmp(w->dir->path, "as/<as>") == 0)
		describe_all(out);
	else
		describe(w->dir, out);
	return buf_error(out);
}
