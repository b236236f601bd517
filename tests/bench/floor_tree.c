#define FUSE_USE_VERSION 314

#include "tests/bench/floor_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NODES_MAX 50000

/* The children of a directory stand side by side, in the order of their names. */
struct node {
	char *name;
	mode_t mode;
	size_t parent;
	size_t first, count; /* of a directory: its children */
	char *data;          /* of a file, unless it is empty */
	size_t size;
};

struct floor_tree {
	struct node *nodes; /* the root is the first */
	size_t count;
};

static const struct node *node_of(const struct floor_tree *t, fuse_ino_t ino)
{
	return &t->nodes[ino - FLOOR_TREE_INO];
}

static fuse_ino_t ino_of(const struct floor_tree *t, const struct node *n)
{
	return FLOOR_TREE_INO + (fuse_ino_t)(n - t->nodes);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct node *)a)->name, ((const struct node *)b)->name);
}

static int path_of(const struct floor_tree *t, const struct node *n, char out[PATH_MAX])
{
	char above[PATH_MAX];
	int rc = 0;

	if (n == t->nodes)
		return snprintf(out, PATH_MAX, "%s", n->name) < PATH_MAX ? 0 : -1;
	rc = path_of(t, &t->nodes[n->parent], above);
	return rc == 0 && snprintf(out, PATH_MAX, "%s/%s", above, n->name) < PATH_MAX ? 0 : -1;
}

static int load_file(struct node *n, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int rc = -1;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0) {
		n->size = (size_t)st.st_size;
		if (n->size > 0)
			n->data = mmap(NULL, n->size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
		if (n->data == MAP_FAILED)
			n->data = NULL;
		rc = n->data || n->size == 0 ? 0 : -1;
	}
	close(fd);
	return rc;
}

static int load_directory(struct floor_tree *t, size_t at, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int rc = 0;

	if (!dir)
		return -1;
	t->nodes[at].first = t->count;
	while (rc == 0 && (e = readdir(dir))) {
		struct node *n = t->nodes + t->count;

		if (e->d_name[0] == '.' || (e->d_type != DT_DIR && e->d_type != DT_REG))
			continue;
		if (t->count == NODES_MAX || !(n->name = strdup(e->d_name))) {
			rc = -1;
			break;
		}
		n->mode = e->d_type == DT_DIR ? S_IFDIR | 0755 : S_IFREG | 0644;
		n->parent = at;
		t->count++;
	}
	closedir(dir);
	t->nodes[at].count = t->count - t->nodes[at].first;
	qsort(&t->nodes[t->nodes[at].first], t->nodes[at].count, sizeof(*t->nodes), by_name);
	return rc;
}

struct floor_tree *floor_tree_load(const char *dir)
{
	struct floor_tree *t = calloc(1, sizeof(*t));
	char path[PATH_MAX];
	size_t i;
	int rc = 0;

	if (t)
		t->nodes = calloc(NODES_MAX, sizeof(*t->nodes));
	if (!t || !t->nodes || !(t->nodes[0].name = strdup(dir))) {
		floor_tree_free(t);
		return NULL;
	}
	t->nodes[0].mode = S_IFDIR | 0755;
	t->count = 1;
	for (i = 0; i < t->count && rc == 0; i++) {
		rc = path_of(t, &t->nodes[i], path);
		if (rc == 0)
			rc = S_ISDIR(t->nodes[i].mode) ? load_directory(t, i, path)
						       : load_file(&t->nodes[i], path);
	}
	if (rc == 0)
		return t;
	floor_tree_free(t);
	return NULL;
}

void floor_tree_free(struct floor_tree *t)
{
	size_t i;

	if (!t)
		return;
	for (i = 0; i < t->count; i++) {
		if (t->nodes[i].data)
			munmap(t->nodes[i].data, t->nodes[i].size);
		free(t->nodes[i].name);
	}
	free(t->nodes);
	free(t);
}

void floor_tree_attr(const struct floor_tree *t, fuse_ino_t ino, struct stat *st)
{
	const struct node *n = node_of(t, ino);

	st->st_mode = n->mode;
	st->st_nlink = S_ISDIR(n->mode) ? 2 : 1;
	st->st_size = (off_t)n->size;
}

fuse_ino_t floor_tree_find(const struct floor_tree *t, fuse_ino_t dir, const char *name)
{
	const struct node *d = node_of(t, dir), key = {.name = (char *)name}, *found;

	found = bsearch(&key, &t->nodes[d->first], d->count, sizeof(key), by_name);
	return found ? ino_of(t, found) : 0;
}

void floor_tree_read(
	const struct floor_tree *t, fuse_req_t req, fuse_ino_t ino, size_t size, off_t off)
{
	const struct node *n = node_of(t, ino);
	size_t left = off < (off_t)n->size ? n->size - (size_t)off : 0;

	fuse_reply_buf(req, left > 0 ? n->data + off : NULL, size < left ? size : left);
}

void floor_tree_list(
	const struct floor_tree *t, fuse_req_t req, fuse_ino_t dir, size_t size, off_t off)
{
	const struct node *d = node_of(t, dir);
	char *buf = malloc(size);
	size_t i, used = 0, need;
	struct stat st = {0};

	if (!buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	for (i = (size_t)off; i < d->count; i++, used += need) {
		const struct node *n = &t->nodes[d->first + i];

		st.st_ino = ino_of(t, n);
		st.st_mode = n->mode;
		need = fuse_add_direntry(req, buf + used, size - used, n->name, &st, (off_t)i + 1);
		if (need > size - used)
			break;
	}
	fuse_reply_buf(req, buf, used);
	free(buf);
}
