/*
 * Runs the works that are named, or all, and prints their rows. tests/bench/run starts it and
 * cleans up behind it.
 *
 * Usage: bench [-q] [-u] [-v] [-e events] [-r redis port] [-w web port] -d dir -f floor [-l
 * leitlfs] [work…]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/context.h"

static const struct work {
	const char *name;
	int (*run)(struct bench *b);
} works[] = {
	{"write", work_write},
	{"open", work_open},
	{"look", work_look},
	{"touch", work_touch},
	{"live", work_live},
	{"fanout", work_fanout},
	{"writers", work_writers},
	{"shell", work_shell},
	{"ask", work_ask},
	{"log", work_log},
	{"ls", work_ls},
	{"memory", work_memory},
	{"claim", work_claim},
	{"brief", work_brief},
	{"files", work_files},
	{"git", work_git},
	{"sync", work_sync},
	{"unchanged", work_unchanged},
	{"read", work_read},
	{"grep", work_grep},
	{"query", work_query},
};

#define WORKS (sizeof(works) / sizeof(works[0]))

static int usage(void)
{
	size_t i;

	fprintf(stderr, "usage: bench [-q] [-u] [-v] [-e events] [-r redis port] [-w web port] "
			"-d dir -f floor [-l leitlfs] [work…]\nworks:");
	for (i = 0; i < WORKS; i++)
		fprintf(stderr, " %s", works[i].name);
	fprintf(stderr, "\n");
	return 2;
}

static const struct work *find(const char *name)
{
	size_t i;

	for (i = 0; i < WORKS; i++) {
		if (strcmp(works[i].name, name) == 0)
			return &works[i];
	}
	return NULL;
}

static int run_one(struct bench *b, const struct work *w)
{
	char note[64];
	int rc = w->run(b);

	if (rc == 0)
		return 0;
	snprintf(note, sizeof(note), "failed: %s", strerror(-rc));
	table_note(w->name, note);
	return 1;
}

static void scale_down(struct bench *b)
{
	b->batches = 3;
	b->rounds = 20;
	b->events = 50000;
	b->sessions = 1000;
	b->waiters = 100;
	b->files = 500;
	b->collections = 10;
}

static int parse(struct bench *b, int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "quve:r:w:d:f:l:")) != -1) {
		switch (opt) {
		case 'q':
			scale_down(b);
			break;
		case 'u':
			b->unpinned = true;
			break;
		case 'v':
			b->verbose = true;
			break;
		case 'e':
			b->events = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			b->redis_port = (int)strtol(optarg, NULL, 10);
			break;
		case 'w':
			b->web_port = (int)strtol(optarg, NULL, 10);
			break;
		case 'd':
			b->dir = optarg;
			break;
		case 'f':
			b->floor = optarg;
			break;
		case 'l':
			b->leitlfs = optarg;
			break;
		default:
			return -EINVAL;
		}
	}
	if (!b->dir || b->dir[0] != '/' || !b->floor || b->events == 0)
		return -EINVAL;
	return snprintf(b->web_root, sizeof(b->web_root), "%s/web", b->dir) <
			       (int)sizeof(b->web_root)
		       ? 0
		       : -EINVAL;
}

int main(int argc, char **argv)
{
	struct bench b = {.batches = 5,
		.rounds = 100,
		.events = 1000000,
		.sessions = 10000,
		.waiters = 1000,
		.files = 5000,
		.collections = 50,
		.syncs = 3};
	struct rlimit files;
	int i, failed = 0;

	if (parse(&b, argc, argv) != 0)
		return usage();
	for (i = optind; i < argc; i++) {
		if (!find(argv[i]))
			return usage();
	}
	/* Three descriptors a waiter; and short pauses that are as short as they say. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	prctl(PR_SET_TIMERSLACK, 1UL);
	table_head();
	for (i = optind; i < argc; i++)
		failed |= run_one(&b, find(argv[i]));
	for (i = 0; optind == argc && i < (int)WORKS; i++)
		failed |= run_one(&b, &works[i]);
	context_release(&b);
	return failed;
}
