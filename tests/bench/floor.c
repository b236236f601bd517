/*
 * The floor: a low-level FUSE file system that does nothing, to measure against.
 *
 * It has the few paths of leitlfs that are benchmarked and answers every request from constants,
 * so what an operation costs here is what the kernel and libfuse cost. It is set up as leitlfs is:
 * multi-threaded loop, direct_io files whose attributes are never cached, names cached for long,
 * no FLUSH for read-only descriptors, and the mount options of the mount it is compared with.
 *
 *   activity             1 MiB of zeros, direct_io
 *   activity.live        a read waits for the next write to any broadcast, and is what that wrote;
 *                        for one reader
 *   cached               the same through the page cache, kept between opens
 *   broadcast            takes writes and drops them
 *   sessions/s<N>/       mkdir and rmdir, N below SESSIONS_MAX
 *       broadcast        takes writes and drops them
 *       heartbeat        keeps its mtime
 *   memory/              any file may be made and removed; what is written is dropped
 *   files/               what a directory held at the start (-o tree=DIR), kept by the kernel as
 *                        long as it likes: contents, listings, names and attributes
 *
 * Usage: floor -f [-o mount options] [-o tree=DIR] MOUNTPOINT
 */
#define FUSE_USE_VERSION 314

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/floor_tree.h"

#define FILE_SIZE      ((size_t)1 << 20)
#define SESSIONS_MAX   16384
#define MAX_THREADS    10
#define NAME_TIMEOUT_S 3600.0

/* Inode numbers: the fixed ones are below SESSION_INO; session i has its directory at
 * SESSION_INO + i * SESSION_STEP and its files behind it. */
enum { INO_ACTIVITY = 2, INO_CACHED, INO_BROADCAST, INO_SESSIONS, INO_LIVE, INO_MEMORY };
enum { SESSION_DIR, SESSION_BROADCAST, SESSION_HEARTBEAT, SESSION_STEP };
#define SESSION_INO 16
#define MADE_INO    65536 /* of a file in memory/: the next one of so many */
#define MADE_MAX    900000

struct floor {
	uid_t uid;
	gid_t gid;
	time_t started;
	char *tree_dir;
	struct floor_tree *tree; /* NULL: there is no files/ */
	char zeros[FILE_SIZE];
	_Atomic(fuse_req_t) waiting; /* the read of activity.live */
	atomic_bool exists[SESSIONS_MAX];
	atomic_llong beat[SESSIONS_MAX]; /* seconds since 1970 */
	atomic_uint made;
};

static struct floor *floor_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static size_t session_of(fuse_ino_t ino)
{
	return (ino - SESSION_INO) / SESSION_STEP;
}

static int kind_of(fuse_ino_t ino)
{
	return (int)((ino - SESSION_INO) % SESSION_STEP);
}

static bool is_dir(fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID || ino == INO_SESSIONS || ino == INO_MEMORY ||
	       (ino >= SESSION_INO && ino < MADE_INO && kind_of(ino) == SESSION_DIR);
}

static bool is_made(fuse_ino_t ino)
{
	return ino >= MADE_INO && ino < MADE_INO + MADE_MAX;
}

/* The number of a session's name, or SESSIONS_MAX where it is no such name. */
static size_t session_named(const char *name)
{
	char *end;
	unsigned long n;

	if (name[0] != 's' || name[1] < '0' || name[1] > '9')
		return SESSIONS_MAX;
	n = strtoul(name + 1, &end, 10);
	return *end || n >= SESSIONS_MAX ? SESSIONS_MAX : n;
}

static void fill_attr(const struct floor *f, fuse_ino_t ino, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_uid = f->uid;
	st->st_gid = f->gid;
	st->st_mtime = st->st_ctime = st->st_atime = f->started;
	if (floor_tree_has(ino)) {
		floor_tree_attr(f->tree, ino, st);
		return;
	}
	if (is_dir(ino)) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		return;
	}
	st->st_mode = S_IFREG | 0644;
	st->st_nlink = 1;
	if (ino == INO_ACTIVITY || ino == INO_CACHED)
		st->st_size = (off_t)FILE_SIZE;
	else if (ino >= SESSION_INO && ino < MADE_INO && kind_of(ino) == SESSION_HEARTBEAT)
		st->st_mtime = (time_t)atomic_load(&f->beat[session_of(ino)]);
}

/* Directories, and what the page cache holds, keep their attributes as they keep their names. */
static double attr_timeout(fuse_ino_t ino)
{
	bool kept = floor_tree_has(ino) || ino == INO_CACHED || is_dir(ino);

	return kept ? NAME_TIMEOUT_S : 0.0;
}

static void reply_entry(fuse_req_t req, fuse_ino_t ino)
{
	struct fuse_entry_param e = {.ino = ino, .entry_timeout = NAME_TIMEOUT_S};

	e.attr_timeout = attr_timeout(ino);
	fill_attr(floor_of(req), ino, &e.attr);
	fuse_reply_entry(req, &e);
}

static fuse_ino_t find(struct floor *f, fuse_ino_t parent, const char *name)
{
	size_t n;

	if (floor_tree_has(parent))
		return floor_tree_find(f->tree, parent, name);
	if (parent == FUSE_ROOT_ID) {
		if (strcmp(name, "activity") == 0)
			return INO_ACTIVITY;
		if (strcmp(name, "activity.live") == 0)
			return INO_LIVE;
		if (strcmp(name, "cached") == 0)
			return INO_CACHED;
		if (strcmp(name, "broadcast") == 0)
			return INO_BROADCAST;
		if (strcmp(name, "files") == 0)
			return f->tree ? FLOOR_TREE_INO : 0;
		if (strcmp(name, "memory") == 0)
			return INO_MEMORY;
		return strcmp(name, "sessions") == 0 ? INO_SESSIONS : 0;
	}
	if (parent == INO_MEMORY)
		return 0;
	if (parent == INO_SESSIONS) {
		n = session_named(name);
		if (n == SESSIONS_MAX || !atomic_load(&f->exists[n]))
			return 0;
		return SESSION_INO + n * SESSION_STEP;
	}
	if (strcmp(name, "broadcast") == 0)
		return parent + SESSION_BROADCAST;
	return strcmp(name, "heartbeat") == 0 ? parent + SESSION_HEARTBEAT : 0;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fuse_ino_t ino = find(floor_of(req), parent, name);

	if (ino)
		reply_entry(req, ino);
	else
		fuse_reply_err(req, ENOENT);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	fill_attr(floor_of(req), ino, &st);
	fuse_reply_attr(req, &st, attr_timeout(ino));
}

static void op_setattr(
	fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what, struct fuse_file_info *fi)
{
	struct floor *f = floor_of(req);

	if (ino >= SESSION_INO && ino < MADE_INO && kind_of(ino) == SESSION_HEARTBEAT) {
		if (what & FUSE_SET_ATTR_MTIME_NOW)
			atomic_store(&f->beat[session_of(ino)], time(NULL));
		else if (what & FUSE_SET_ATTR_MTIME)
			atomic_store(&f->beat[session_of(ino)], attr->st_mtime);
	}
	op_getattr(req, ino, fi);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct floor *f = floor_of(req);
	size_t n = session_named(name);

	(void)mode;
	if (parent != INO_SESSIONS || n == SESSIONS_MAX) {
		fuse_reply_err(req, EINVAL);
	} else if (atomic_exchange(&f->exists[n], true)) {
		fuse_reply_err(req, EEXIST);
	} else {
		atomic_store(&f->beat[n], time(NULL));
		reply_entry(req, SESSION_INO + n * SESSION_STEP);
	}
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct floor *f = floor_of(req);
	size_t n = session_named(name);
	bool was =
		parent == INO_SESSIONS && n < SESSIONS_MAX && atomic_exchange(&f->exists[n], false);

	fuse_reply_err(req, was ? 0 : ENOENT);
}

static void op_create(
	fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct floor *f = floor_of(req);
	struct fuse_entry_param e = {
		.ino = MADE_INO + atomic_fetch_add(&f->made, 1) % MADE_MAX,
		.entry_timeout = NAME_TIMEOUT_S,
		.attr_timeout = NAME_TIMEOUT_S,
	};

	(void)name, (void)mode;
	if (parent != INO_MEMORY) {
		fuse_reply_err(req, EPERM);
		return;
	}
	fill_attr(f, e.ino, &e.attr);
	fuse_reply_create(req, &e, fi);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)name;
	fuse_reply_err(req, parent == INO_MEMORY ? 0 : EPERM);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (ino == INO_CACHED || is_made(ino) || floor_tree_has(ino))
		fi->keep_cache = 1;
	else
		fi->direct_io = 1;
	fi->noflush = (fi->flags & O_ACCMODE) == O_RDONLY;
	fuse_reply_open(req, fi);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fi->cache_readdir = fi->keep_cache = floor_tree_has(ino);
	fuse_reply_open(req, fi);
}

static void op_read(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	size_t left = off < (off_t)FILE_SIZE ? FILE_SIZE - (size_t)off : 0;

	(void)fi;
	if (floor_tree_has(ino)) {
		floor_tree_read(floor_of(req)->tree, req, ino, size, off);
		return;
	}
	if (ino == INO_LIVE) {
		fuse_req_t was = atomic_exchange(&floor_of(req)->waiting, req);

		if (was)
			fuse_reply_err(was, EAGAIN);
		return;
	}
	if (ino != INO_ACTIVITY && ino != INO_CACHED)
		left = 0;
	fuse_reply_buf(req, floor_of(req)->zeros, size < left ? size : left);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	fuse_req_t waiting = atomic_exchange(&floor_of(req)->waiting, NULL);

	(void)ino, (void)off, (void)fi;
	if (waiting) /* before the writer, as leitlfs does */
		fuse_reply_buf(waiting, buf, size);
	fuse_reply_write(req, size);
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino, (void)fi;
	fuse_reply_err(req, 0);
}

/* A directory is given out whole or in the pieces the kernel asks for; `off` is the number of the
 * next entry. */
static void op_readdir(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	static const char *const root[] = {"activity", "cached", "broadcast", "sessions"};
	static const char *const files[] = {"broadcast", "heartbeat"};
	struct floor *f = floor_of(req);
	size_t i, used = 0, need, count = SESSIONS_MAX;
	struct stat st = {.st_mode = S_IFREG};
	char *buf, name[32];

	(void)fi;
	if (floor_tree_has(ino)) {
		floor_tree_list(f->tree, req, ino, size, off);
		return;
	}
	buf = malloc(size);
	if (!buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	if (ino != INO_SESSIONS)
		count = ino == FUSE_ROOT_ID ? 4 : 2;
	for (i = (size_t)off; i < count; i++) {
		if (ino == INO_SESSIONS) {
			if (!atomic_load(&f->exists[i]))
				continue;
			st.st_mode = S_IFDIR;
			st.st_ino = SESSION_INO + i * SESSION_STEP;
			snprintf(name, sizeof(name), "s%zu", i);
		} else {
			const char *const *list = ino == FUSE_ROOT_ID ? root : files;

			snprintf(name, sizeof(name), "%s", list[i]);
			st.st_ino = find(f, ino, name);
			st.st_mode = is_dir(st.st_ino) ? S_IFDIR : S_IFREG;
		}
		need = fuse_add_direntry(req, buf + used, size - used, name, &st, (off_t)i + 1);
		if (need > size - used)
			break;
		used += need;
	}
	fuse_reply_buf(req, buf, used);
	free(buf);
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = op_lookup,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.mkdir = op_mkdir,
	.rmdir = op_rmdir,
	.create = op_create,
	.unlink = op_unlink,
	.open = op_open,
	.opendir = op_opendir,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_flush,
	.readdir = op_readdir,
};

static const struct fuse_opt own_options[] = {
	{"tree=%s", offsetof(struct floor, tree_dir), 0},
	FUSE_OPT_END,
};

static int serve(struct fuse_session *se, const char *mountpoint)
{
	struct fuse_loop_config *cfg = fuse_loop_cfg_create();
	int rc = 1;

	if (!cfg)
		return 1;
	fuse_loop_cfg_set_max_threads(cfg, MAX_THREADS);
	if (fuse_set_signal_handlers(se) != 0)
		goto out;
	if (fuse_session_mount(se, mountpoint) == 0) {
		rc = fuse_session_loop_mt(se, cfg) == 0 ? 0 : 1;
		fuse_session_unmount(se);
	}
	fuse_remove_signal_handlers(se);
out:
	fuse_loop_cfg_destroy(cfg);
	return rc;
}

int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	struct fuse_cmdline_opts opts = {0};
	struct floor *f = calloc(1, sizeof(*f));
	struct fuse_session *se = NULL;
	int rc = 1;

	if (!f || fuse_opt_parse(&args, f, own_options, NULL) != 0 ||
		fuse_parse_cmdline(&args, &opts) != 0)
		goto out;
	if (!opts.mountpoint || !opts.foreground) {
		fprintf(stderr, "usage: floor -f [-o options] MOUNTPOINT\n");
		goto out;
	}
	f->uid = getuid();
	f->gid = getgid();
	f->started = time(NULL);
	if (f->tree_dir && !(f->tree = floor_tree_load(f->tree_dir))) {
		fprintf(stderr, "floor: %s can't be loaded\n", f->tree_dir);
		goto out;
	}
	se = fuse_session_new(&args, &ops, sizeof(ops), f);
	if (se)
		rc = serve(se, opts.mountpoint);
out:
	if (se)
		fuse_session_destroy(se);
	free(opts.mountpoint);
	fuse_opt_free_args(&args);
	if (f) {
		floor_tree_free(f->tree);
		free(f->tree_dir);
	}
	free(f);
	return rc;
}
