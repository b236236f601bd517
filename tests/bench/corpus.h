/*
 * The files that context/ is measured with: text like English, the same at every run.
 *
 * Words are as frequent as in a language (Zipf): the most frequent fifty are English ones, the
 * others are made of syllables and common endings, so that there is something to stem. Collections
 * are c00, c01, …, files are spread over them evenly; the first is of CORPUS_LONG bytes. All are
 * dated in the past, so that a server has strong ETags for them.
 */
#ifndef BENCH_CORPUS_H
#define BENCH_CORPUS_H

#include <limits.h>
#include <stddef.h>

#define CORPUS_LONG      1048576
#define CORPUS_LONG_FILE "c00/file-00000.md"
#define CORPUS_FILE      "c01/file-00001.md" /* of a common size */
#define CORPUS_MARK      "zephyrquartz"      /* a word that the last file alone holds, once */

struct corpus {
	char dir[PATH_MAX];
	unsigned files, collections;
	unsigned long long bytes;
	struct vocabulary *words;
};

/* Makes the files in `dir`, which is made where it is missing. 0 or a negative errno; release it in
 * any case. */
int corpus_make(struct corpus *c, const char *dir, unsigned files, unsigned collections);
void corpus_release(struct corpus *c);

/* The path of a file below `dir`. */
void corpus_name(const struct corpus *c, unsigned file, char out[NAME_MAX + 1]);

/* The word of that rank: 0 is the most frequent. From a few hundred on they are in some of the
 * files. */
const char *corpus_word(const struct corpus *c, unsigned rank);

#endif
