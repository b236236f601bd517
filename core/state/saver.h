/*
 * The saver: a thread that saves the state now and then, so that a restart replays little, moves
 * the database's write-ahead log, tells senders who has read their broadcasts, and lets old records
 * go.
 *
 * It takes the committer's place for the moment of a save (commit_hold), so writers wait for it no
 * longer than one transaction takes.
 */
#ifndef CORE_SAVER_H
#define CORE_SAVER_H

#include "core/base/error.h"

#include <stdint.h>

struct history_counts;
struct loop;
struct saver;

#define SAVE_RECORDS 16384 /* saved at the latest after so many */

int saver_start(struct loop *, struct saver **out, struct error *err);
/* Saves a last time and ends the thread. Takes NULL. */
void saver_stop(struct saver *);

/* How many events there were lately (core/base/history.h), as the saver counts them once a second.
 */
void saver_history(struct saver *, struct history_counts *out);

#endif
