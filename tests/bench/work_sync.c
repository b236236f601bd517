/*
 * Syncing from a server: for the first time, and with nothing changed.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "tests/bench/context.h"

#define PATH_WIDTH (2 * PATH_MAX)
#define TRANSFERS  "16"
#define MEMORY_MAX ((double)(96 << 20))
#define RCLONE     15.0 /* times faster */
#define PART       5 /* rclone copies this part of the collections: it paces itself, by the file */

/* What a client asks for that only wants to know what has changed. */
#define PROPS                                                                                      \
	"<propfind xmlns='DAV:'><prop><resourcetype/><getcontentlength/><getlastmodified/>"        \
	"<getetag/><getcontenttype/></prop></propfind>"

/* What the peers read and write, below the bench's directory. */
struct peers {
	char fetch[PATH_MAX]; /* curl's list of all files */
	char walk[PATH_MAX];  /* curl's list of all collections */
	char copy[PATH_MAX];  /* where curl puts the files */
	char index[PATH_MAX]; /* sqlite3's database */
	char rclone[PATH_MAX];
	char part[PATH_MAX]; /* rclone's list of what it is to copy */
};

static int in_dir(const struct bench *b, const char *name, char out[PATH_MAX])
{
	return snprintf(out, PATH_MAX, "%s/%s", b->dir, name) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int close_list(FILE *f)
{
	int failed = ferror(f);

	return fclose(f) != 0 || failed ? -EIO : 0;
}

static int write_fetches(const struct bench *b, const struct peers *p)
{
	FILE *f = fopen(p->fetch, "we");
	char name[NAME_MAX + 1], url[CONTEXT_URL_MAX];
	unsigned i;

	if (!f)
		return -errno;
	context_url(b, url);
	fprintf(f, "user = \"u:p\"\n");
	for (i = 0; i < b->files; i++) {
		corpus_name(b->corpus, i, name);
		fprintf(f, "url = \"%s%s\"\noutput = \"%s/%s\"\n", url, name, p->copy, name);
	}
	return close_list(f);
}

static int write_walk(const struct bench *b, const struct peers *p)
{
	FILE *f = fopen(p->walk, "we");
	char url[CONTEXT_URL_MAX];
	unsigned i;

	if (!f)
		return -errno;
	context_url(b, url);
	fprintf(f, "user = \"u:p\"\nrequest = PROPFIND\nheader = \"Depth: 1\"\n"
		   "header = \"Content-Type: application/xml\"\ndata = \"" PROPS "\"\n");
	fprintf(f, "url = \"%s\"\noutput = /dev/null\n", url);
	for (i = 0; i < b->collections; i++)
		fprintf(f, "url = \"%sc%02u/\"\noutput = /dev/null\n", url, i);
	return close_list(f);
}

static int write_part(const struct bench *b, const struct peers *p)
{
	FILE *f = fopen(p->part, "we");
	unsigned i;

	if (!f)
		return -errno;
	for (i = 0; i < b->collections / PART; i++)
		fprintf(f, "/c%02u/**\n", i);
	return close_list(f);
}

static int prepare(struct bench *b, struct peers *p)
{
	struct corpus *c;
	int rc = context_corpus(b, &c);

	if (rc == 0)
		rc = in_dir(b, "fetch.conf", p->fetch);
	if (rc == 0)
		rc = in_dir(b, "walk.conf", p->walk);
	if (rc == 0)
		rc = in_dir(b, "curl", p->copy);
	if (rc == 0)
		rc = in_dir(b, "index.db", p->index);
	if (rc == 0)
		rc = in_dir(b, "rclone", p->rclone);
	if (rc == 0)
		rc = in_dir(b, "rclone.part", p->part);
	if (rc == 0)
		rc = write_fetches(b, p);
	if (rc == 0)
		rc = write_walk(b, p);
	if (rc == 0)
		rc = write_part(b, p);
	return rc == 0 ? 0 : bench_failed("what the peers are to do", rc);
}

static int run(char *const argv[])
{
	unsigned long lines;
	int rc = run_counting(argv, &lines);

	return rc == 0 ? 0 : bench_failed(argv[0], rc);
}

static int fetch_by_curl(const struct peers *p)
{
	return run((char *const[]){"curl", "-sS", "--no-progress-meter", "--fail", "--parallel",
		"--parallel-max", TRANSFERS, "--create-dirs", "-K", (char *)p->fetch, NULL});
}

static int index_by_sqlite(const struct peers *p)
{
	char sql[PATH_WIDTH];

	snprintf(sql, sizeof(sql),
		"CREATE VIRTUAL TABLE files USING fts5(name, body, tokenize='porter unicode61');"
		"INSERT INTO files SELECT name, CAST(data AS TEXT) FROM fsdir('%s')"
		" WHERE data IS NOT NULL;",
		p->copy);
	return run((char *const[]){"sqlite3", (char *)p->index, sql, NULL});
}

static int sync_by_peers(const struct bench *b, const struct peers *p, double *took_ns)
{
	uint64_t begun, fetched, ended;
	int rc = run((char *const[]){"rm", "-rf", (char *)p->copy, (char *)p->index, NULL});

	begun = now_ns();
	if (rc == 0)
		rc = fetch_by_curl(p);
	fetched = now_ns();
	if (rc == 0)
		rc = index_by_sqlite(p);
	ended = now_ns();
	*took_ns = (double)(ended - begun);
	if (b->verbose)
		fprintf(stderr, "curl %.2f s, sqlite3 %.2f s\n", (double)(fetched - begun) / 1e9,
			(double)(ended - fetched) / 1e9);
	return rc;
}

static int sync_by_leitlfs(struct bench *b, double *took_ns, double *peak)
{
	struct daemon d = {0};
	uint64_t took;
	double resident;
	int rc = context_sync(b, &d, &took);

	if (rc != 0)
		return rc;
	*took_ns = (double)took;
	resident = daemon_peak(&d);
	*peak = resident > *peak ? resident : *peak;
	if (b->verbose)
		fprintf(stderr, "first sync %.2f s, peak %.1f MiB\n", (double)took / 1e9,
			resident / (1 << 20));
	return daemon_stop(&d);
}

static int sync_by_rclone(const struct peers *p, double *took_ns)
{
	uint64_t begun = now_ns();
	int rc = run((char *const[]){"rclone", "copy", "-q", "--include-from", (char *)p->part,
		":webdav:", (char *)p->rclone, NULL});

	*took_ns = (double)(now_ns() - begun) * PART;
	return rc;
}

static int measure_first(struct bench *b, const struct peers *p, struct side *s, double *peak)
{
	double ns[2];
	unsigned r, i;
	int rc = 0;

	for (r = 0; r < b->syncs && rc == 0; r++) {
		for (i = 0; i < 2 && rc == 0; i++) {
			unsigned side = (i + r) % 2;

			if (side == 0 && !b->leitlfs)
				continue;
			rc = side == 0 ? sync_by_leitlfs(b, &ns[0], peak)
				       : sync_by_peers(b, p, &ns[1]);
			if (rc == 0)
				rc = samples_add(&s[side].medians, ns[side]);
		}
	}
	return rc;
}

int work_sync(struct bench *b)
{
	struct side s[3] = {side_make("leitlfs", NULL, NULL),
		side_make("curl + sqlite3", NULL, NULL),
		side_make("5 × rclone of a fifth", NULL, NULL)};
	struct row memory = {.work = "memory at its peak in that sync",
		.unit = UNIT_MEMORY,
		.bound = AT_MOST,
		.target = MEMORY_MAX};
	struct peers p;
	char work[96];
	double ns;
	int rc;

	if (!context_possible(b, "first sync"))
		return 0;
	rc = prepare(b, &p);
	if (rc == 0)
		rc = measure_first(b, &p, s, &memory.ours);
	if (rc == 0) {
		snprintf(work, sizeof(work), "first sync of %u files, %.0f MB, searchable",
			b->files, (double)b->corpus->bytes / 1e6);
		bench_row(b, work, &s[0], &s[1], AT_MOST, 2.0);
		table_row(&memory);
		rc = sync_by_rclone(&p, &ns);
	}
	if (rc == 0)
		rc = samples_add(&s[2].medians, ns);
	if (rc == 0)
		bench_row(b, work, &s[0], &s[2], AT_MOST, 1 / RCLONE);
	sides_release(s, 3);
	return rc;
}

static int sync_again(void *ctx)
{
	return synced_again(ctx);
}

static int walk_by_curl(void *ctx)
{
	const struct peers *p = ctx;

	return run((char *const[]){"curl", "-sS", "--fail", "-K", (char *)p->walk, NULL});
}

int work_unchanged(struct bench *b)
{
	struct peers p;
	struct daemon d = {0};
	struct side s[2] = {side_make("leitlfs", b->leitlfs ? sync_again : NULL, &d),
		side_make("PROPFINDs by curl", walk_by_curl, &p)};
	int rc, rc2;

	if (!context_possible(b, "sync with nothing changed"))
		return 0;
	rc = prepare(b, &p);
	if (rc == 0)
		rc = context_ready(b);
	if (rc == 0)
		rc = context_start(b, &d, NULL);
	if (rc == 0)
		rc = sides_measure(s, 2, b->rounds / 10, 1);
	if (rc == 0)
		bench_row(b, "sync with nothing changed", &s[0], &s[1], AT_MOST, 2.0);
	sides_release(s, 2);
	rc2 = daemon_stop(&d);
	return rc ? rc : rc2;
}
