/*
 * A fuzz target on its corpus, and on mutations of it that are the same every time; so that it is
 * kept working, and run with the sanitizers, where there is no libFuzzer.
 *
 * What a target is given lies in memory of just its size and a NUL, so that reads past its end are
 * seen. (With strict_string_checks, strndup(3) is taken to need the NUL.)
 */
#ifndef TESTS_UNIT_FUZZ_CORPUS_H
#define TESTS_UNIT_FUZZ_CORPUS_H

#include <stddef.h>
#include <stdint.h>

#define FUZZ_TEXT_MAX 16384

struct fuzz_text {
	size_t len;
	uint8_t bytes[FUZZ_TEXT_MAX];
};

/* The files that match one of the patterns; a NULL ends them. */
struct fuzz_corpus {
	struct fuzz_text *texts;
	size_t count;
};

void fuzz_corpus_load(struct fuzz_corpus *, const char *const *patterns, size_t least);
void fuzz_corpus_release(struct fuzz_corpus *);

typedef int (*fuzz_target)(const uint8_t *data, size_t len);

void fuzz_run(fuzz_target, const struct fuzz_text *, size_t len); /* on its beginning */
void fuzz_run_all(fuzz_target, const struct fuzz_corpus *);

/* How texts are changed. */
struct fuzz_changes {
	const char *const *words; /* that are put in; a NULL ends them */
	size_t most;              /* changes of one text */
	size_t text_max;          /* what doesn't fit any more is cut off */
	size_t cut_max, copy_max; /* bytes that one change removes, and takes from another text */
	/* Moves the place of most changes on to a better one; or NULL. */
	size_t (*settle)(const struct fuzz_text *, size_t at);
};

void fuzz_run_changed(
	fuzz_target, const struct fuzz_corpus *, const struct fuzz_changes *, uint64_t rounds);

#endif
