#include "core/base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WALK_TRIES 4 /* how often dying ancestors may make a walk begin again */

static bool unseen(int err)
{
	return err == -ESRCH || err == -EACCES || err == -EPERM;
}

/* Reads the beginning of a file of `dir` and ends it with a NUL. The kernel makes these files
 * whole at the first read, so one read is one consistent state. */
static int read_start(int dir, const char *name, char *buf, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		do
			n = read(fd, buf, size - 1);
		while (n < 0 && errno == EINTR);
	}
	int err = n < 0 ? errno : n == 0 ? ESRCH : 0;
	if (fd >= 0)
		close(fd);
	if (err)
		return err == ENOENT ? -ESRCH : -err;
	buf[n] = '\0';
	return 0;
}

struct stat_fields {
	char state;
	pid_t ppid, sid;
	int tty_nr;
	int64_t threads;
	uint64_t start;
};

/* proc_pid_stat(5). The name in parentheses may hold anything, parentheses too; what follows it
 * is numbers, so the last ')' ends it. */
static int parse_stat(const char *text, struct stat_fields *out)
{
	enum { PPID = 4, SID = 6, TTY = 7, THREADS = 20, START = 22 };
	int64_t field[START + 1] = {0};
	const char *at = strrchr(text, ')');

	if (!at || at[1] != ' ' || at[2] == '\0')
		return -EIO;
	char state = at[2];
	at += 3;
	for (int i = PPID; i <= START; i++) {
		char *end;

		field[i] = strtoll(at, &end, 10);
		if (end == at)
			return -EIO;
		at = end;
	}
	*out = (struct stat_fields){
		.state = state,
		.ppid = (pid_t)field[PPID],
		.sid = (pid_t)field[SID],
		.tty_nr = (int)field[TTY],
		.threads = field[THREADS],
		.start = (uint64_t)field[START],
	};
	return 0;
}

/* A main thread that has ended is a zombie, too, while other threads go on. */
static bool is_dead(const struct stat_fields *f)
{
	return f->threads == 0 || ((f->state == 'Z' || f->state == 'X') && f->threads == 1);
}

static int read_stat(int dir, const char *name, struct stat_fields *out)
{
	char buf[1024]; /* the 22 fields that are used take less than half */
	int r = read_start(dir, name, buf, sizeof(buf));

	return r ? r : parse_stat(buf, out);
}

/* The number after "\nName:\t". The name of the program can't forge a line: the kernel escapes
 * its newlines. */
static int status_number(const char *text, const char *key, unsigned long *out)
{
	const char *at = strstr(text, key);
	char *end;

	if (!at)
		return -EIO;
	at += strlen(key);
	*out = strtoul(at, &end, 10);
	return end == at ? -EIO : 0;
}

static int read_status(int dir, pid_t *tgid, uid_t *uid)
{
	char buf[1024]; /* both lines stand among the first ten */
	unsigned long t = 0, u = 0;
	int r = read_start(dir, "status", buf, sizeof(buf));

	if (!r)
		r = status_number(buf, "\nTgid:\t", &t);
	if (!r)
		r = status_number(buf, "\nUid:\t", &u);
	if (r)
		return r;
	*tgid = (pid_t)t;
	*uid = (uid_t)u;
	return 0;
}

/* A descriptor of /proc/PID stays with the process that it was opened for: what is read through
 * it fails once that is gone, and never tells of another that got its number. */
static int open_pid(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return dir;
}

/* From the directory of a thread to that of its process. `*dir` stays the caller's to close. */
static int to_process(int *dir, pid_t tid, pid_t *tgid, uid_t *uid)
{
	char task[32];
	int r = read_status(*dir, tgid, uid);

	if (r || *tgid == tid)
		return r;
	int process = open_pid(*tgid);
	if (process < 0)
		return process;
	close(*dir);
	*dir = process;
	snprintf(task, sizeof(task), "task/%d", (int)tid);
	if (faccessat(*dir, task, F_OK, 0))
		return errno == ENOENT ? -ESRCH : -errno;
	return read_status(*dir, tgid, uid);
}

int proc_info(pid_t tid, struct process_info *out)
{
	struct stat_fields f;
	pid_t tgid = 0;
	uid_t uid = 0;

	if (tid <= 0)
		return -ESRCH;
	int dir = open_pid(tid);
	if (dir < 0)
		return dir;
	int r = to_process(&dir, tid, &tgid, &uid);
	if (!r)
		r = read_stat(dir, "stat", &f);
	close(dir);
	if (r)
		return r;
	if (is_dead(&f))
		return -ESRCH;
	*out = (struct process_info){
		.self = {.pid = tgid, .start = f.start},
		.ppid = f.ppid,
		.uid = uid,
		.sid = f.sid,
		.tty_nr = f.tty_nr,
	};
	return 0;
}

/* The parent, of whatever uid; -ESRCH: none, or none that can be seen; -EAGAIN: the child died
 * meanwhile. A parent that dies hands its children up before it is a zombie, so where it is gone
 * the child has another one, whose number `child` gets. One that is younger than its child has
 * taken the number of the parent. */
static int parent_of(struct process_info *child, struct process_info *out)
{
	for (int i = 0; i < WALK_TRIES; i++) {
		struct process_info parent, again;

		if (child->ppid < 1)
			return -ESRCH;
		int r = proc_info(child->ppid, &parent);
		if (!r && parent.self.start <= child->self.start) {
			*out = parent;
			return 0;
		}
		if (r && r != -ESRCH)
			return r;
		r = proc_info(child->self.pid, &again);
		if (r == -ESRCH || (!r && !process_same(&again.self, &child->self)))
			return -EAGAIN;
		if (r)
			return r;
		if (again.ppid == child->ppid)
			return -ESRCH;
		child->ppid = again.ppid;
	}
	return -EAGAIN;
}

int proc_chain(pid_t tid, uid_t uid, struct process_info chain[CHAIN_MAX])
{
	int r = -EAGAIN, n = 0;

	for (int i = 0; i < WALK_TRIES && r == -EAGAIN; i++) {
		struct process_info next;

		n = 0;
		r = proc_info(tid, &next);
		while (!r && next.uid == uid) {
			chain[n++] = next;
			if (n == CHAIN_MAX)
				break;
			r = parent_of(&chain[n - 1], &next);
		}
	}
	return r && r != -EAGAIN && !unseen(r) ? r : n;
}

static bool leads_terminal(const struct process_info *p)
{
	return p->self.pid == p->sid && p->tty_nr != 0;
}

int proc_heirs(const struct process_info *chain, int n, struct process out[CHAIN_MAX])
{
	int count = 0;

	for (int i = 0; i < n && i < CHAIN_MAX; i++) {
		const struct process_info *p = &chain[i];

		if (i > 0 && (p->self.pid == 1 || p->uid != chain[0].uid))
			break;
		if (i > 1 && leads_terminal(p))
			break;
		out[count++] = p->self;
		if (leads_terminal(p))
			break;
	}
	return count;
}

/* SIGKILL stays pending in each thread until that has ended (signal(7); proc_pid_status(5)). */
static bool has_kill(const char *status, const char *field)
{
	const char *at = strstr(status, field);

	return at && strtoull(at + strlen(field), NULL, 16) & (1u << (SIGKILL - 1));
}

bool proc_ending(pid_t pid)
{
	char path[32], status[2048];
	const char *state;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	int r = read_start(AT_FDCWD, path, status, sizeof(status));
	if (r)
		return r == -ESRCH;
	state = strstr(status, "\nState:\t");
	return (state && strchr("ZX", state[8])) || has_kill(status, "\nSigPnd:") ||
	       has_kill(status, "\nShdPnd:");
}

bool proc_alive(const struct process *p)
{
	struct stat_fields f;
	char path[32];

	if (p->pid <= 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)p->pid);
	int r = read_stat(AT_FDCWD, path, &f);
	if (r)
		return r != -ESRCH;
	return f.start == p->start && !is_dead(&f);
}

bool proc_has_tty(const struct process_info *chain, int n)
{
	return n > 0 && chain[0].tty_nr != 0;
}

int proc_boot_id(char out[37])
{
	char buf[64];
	int r = read_start(AT_FDCWD, "/proc/sys/kernel/random/boot_id", buf, sizeof(buf));

	if (r)
		return r;
	if (strspn(buf, "0123456789abcdef-") != 36)
		return -EIO;
	memcpy(out, buf, 36);
	out[36] = '\0';
	return 0;
}

long proc_number(const char *path, long otherwise)
{
	FILE *file = fopen(path, "re");
	char text[32] = "";
	bool got = file && fgets(text, sizeof(text), file);

	if (file)
		fclose(file);
	return got ? strtol(text, NULL, 10) : otherwise;
}
