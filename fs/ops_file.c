/* Files that are opened: each operation is a few lines between the request and the row. */
#include "fs/files.h"
#include "fs/handle.h"
#include "fs/later.h"
#include "fs/ops_private.h"
#include "fs/private.h"
#include "fs/stream.h"
#include "fs/turn.h"
#include "fs/write.h"

#include "core/log/log.h"
#include "core/state/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* linux/fuse.h: what libfuse 3.14 has no name for. */
#define OPEN_DIRECT_IO  (1u << 0)
#define OPEN_KEEP_CACHE (1u << 1)
#define OPEN_STREAM     (1u << 4)
#define OPEN_NOFLUSH    (1u << 5)

struct open_out {
	uint64_t fh;
	uint32_t flags;
	int32_t backing;
};

/* How the kernel is to treat the open file. */
static uint32_t open_flags(const struct node *n, bool writes)
{
	enum shape shape = n->where.row->shape;

	if (n->where.live)
		return OPEN_DIRECT_IO | OPEN_STREAM | OPEN_NOFLUSH;
	switch (shape) {
	case SHAPE_TREE:
	case SHAPE_SNAPSHOT:
		return OPEN_KEEP_CACHE | OPEN_NOFLUSH;
	case SHAPE_TURN:
		return OPEN_DIRECT_IO | OPEN_STREAM | OPEN_NOFLUSH;
	default:
		return OPEN_DIRECT_IO | (writes ? 0 : OPEN_NOFLUSH);
	}
}

/* Whether what a node of a TREE stands for is still what is there, or may be had nevertheless. A
 * handle that was listed before this is told of what changes later, and keeps it. */
static bool may_have(const struct caller *c, struct node *n, struct handle *h)
{
	bool again, had = true;

	if (node_is_stale_to_open(c->server->nodes, c, n, &again) && !again)
		return false;
	if (h && (again || n->where.number)) { /* nobody tells of a version of the past that goes */
		pthread_mutex_lock(&h->lock);
		had = handle_content(h) != -ENOENT;
		pthread_mutex_unlock(&h->lock);
	}
	return had;
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct caller c = op_caller(req);
	struct node *n = op_node(c.server, ino);
	struct open_out out = {0};
	struct handle *h = NULL;
	struct error err = {0};
	int r;

	r = handle_new(&c, n, fi->flags, &h, &err);
	if ((n->where.row->shape == SHAPE_TREE && !may_have(&c, n, h)) ||
		(n->where.row->shape == SHAPE_SNAPSHOT && node_has_text(c.server->nodes, n))) {
		handle_free(h);
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (r) {
		if (!err.text[0])
			error_set(&err, -r, "%s", strerror(-r));
		op_refuse(req, &n->where, r, &err);
		return;
	}
	out.fh = (uint64_t)(uintptr_t)h;
	out.flags = open_flags(n, h->writes);
	/* The kernel gave the open up: no release will come. */
	if (fuse_reply_buf(req, (const char *)&out, sizeof(out)) == -ENOENT)
		handle_free(h);
}

static void reply_slice(fuse_req_t req, const char *text, size_t len, off_t off, size_t size)
{
	if (off < 0 || (size_t)off >= len)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(
			req, text + off, len - (size_t)off < size ? len - (size_t)off : size);
}

static void read_log(struct handle *h, fuse_req_t req, size_t size, off_t off)
{
	const struct node *n = h->node;
	struct buf out = BUF_INIT;
	uint64_t at;
	int r;

	if (!n->has_view) {
		at = n->first + (uint64_t)off;
		r = refusal_read(h->loop->refusals, n->where.viewer, &at, size, &out);
	} else {
		pthread_mutex_lock(&h->lock);
		r = view_read(&n->view, h->loop, &h->place, (uint64_t)off, size, &out);
		pthread_mutex_unlock(&h->lock);
	}
	if (r)
		fuse_reply_err(req, -r);
	else
		fuse_reply_buf(req, out.data, out.len);
	buf_release(&out);
}

/* What was answered to the last write, from where that ended; and nothing after it. */
static void read_answer(struct handle *h, fuse_req_t req, size_t size, off_t off)
{
	pthread_mutex_lock(&h->lock);
	/* A reader that went back to the beginning means the answer, too. */
	if (off < h->text_at)
		h->text_at = off;
	reply_slice(req, h->text.data, h->has_text ? h->text.len : 0, off - h->text_at, size);
	pthread_mutex_unlock(&h->lock);
}

static void read_content(struct handle *h, fuse_req_t req, size_t size, off_t off)
{
	char *out = malloc(size);
	ssize_t n = -1;
	int r;

	pthread_mutex_lock(&h->lock);
	r = out ? handle_content(h) : -ENOMEM;
	pthread_mutex_unlock(&h->lock);
	if (!r)
		n = pread(h->fd, out, size, off);
	if (r || n < 0)
		fuse_reply_err(req, r ? -r : errno);
	else
		fuse_reply_buf(req, out, (size_t)n);
	free(out);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;
	const struct row *row = h->node->where.row;
	bool nonblock = fi->flags & O_NONBLOCK;

	(void)ino;
	if (h->stream)
		stream_read(h->stream, req, size, nonblock);
	else if (row->shape == SHAPE_TURN)
		turn_read(h, req, size, nonblock);
	else if (row->shape == SHAPE_LOG)
		read_log(h, req, size, off);
	else if (h->node->content.is_file)
		read_content(h, req, size, off);
	else if (row->ops->ready && (h->wrote || row->flags & ROW_WAITS))
		later_read(h, req, size, off, nonblock);
	else if (h->wrote)
		read_answer(h, req, size, off);
	else if (row->shape == SHAPE_SINK)
		reply_slice(req, row->usage, row->usage ? strlen(row->usage) : 0, off, size);
	else
		reply_slice(req, h->node->text, h->node->text_len, off, size);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	(void)ino;
	handle_write((struct handle *)(uintptr_t)fi->fh, req, data, size, off);
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	handle_flush((struct handle *)(uintptr_t)fi->fh, req);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	handle_free((struct handle *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct caller c = op_caller(req);
	struct error err = {0};
	int r = log_sync(c.loop->log, &err);

	(void)datasync, (void)fi;
	if (r)
		op_refuse(req, &op_node(c.server, ino)->where, r, &err);
	else
		fuse_reply_err(req, 0);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	op_fsync(req, ino, datasync, fi);
}

void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;

	(void)ino;
	if (h->stream) {
		stream_poll(h->stream, req, ph);
		return;
	}
	if (h->node->where.row->shape == SHAPE_TURN) {
		turn_poll(h, req, ph);
		return;
	}
	if (h->node->where.row->ops->ready && (h->wrote || h->node->where.row->flags & ROW_WAITS)) {
		later_poll(h, req, ph);
		return;
	}
	if (ph)
		fuse_pollhandle_destroy(ph);
	fuse_reply_poll(req, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
}
