/*
 * What the works on context/ share: a corpus that a server has, and a leitlfs that has synced it.
 */
#ifndef BENCH_CONTEXT_H
#define BENCH_CONTEXT_H

#include "tests/bench/bench.h"
#include "tests/bench/corpus.h"
#include "tests/bench/synced.h"

#define CONTEXT_URL_MAX 64

/* Whether there is a server; else a row says so. */
bool context_possible(const struct bench *b, const char *work);

/* The URL of what the server serves. */
void context_url(const struct bench *b, char out[CONTEXT_URL_MAX]);

/* The corpus, made where the server finds it; once in a run. It is the bench's. */
int context_corpus(struct bench *b, struct corpus **out);

void context_release(struct bench *b);

/* Starts leitlfs with an empty state and does a first sync: until all files are there, the last
 * word of the last file is found and that file is read. `*took_ns` is of that alone. */
int context_sync(struct bench *b, struct daemon *d, uint64_t *took_ns);

/* Makes the corpus; does a context_sync() and ends that leitlfs, if there was none yet. */
int context_ready(struct bench *b);

/* Starts leitlfs, unless there is none to run, as the last context_sync() left it; it has nothing
 * to sync until asked. With `floor`, the floor too, with the same files. */
int context_start(struct bench *b, struct daemon *d, struct daemon *floor);

#endif
