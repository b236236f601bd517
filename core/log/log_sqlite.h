/*
 * The log in SQLite: one machine, one daemon. The newest records are in a journal
 * (core/log/journal.h), where appending is a copy; the saver moves them into the table, a row each.
 */
#ifndef CORE_LOG_SQLITE_H
#define CORE_LOG_SQLITE_H

#include "core/base/clock.h"
#include "core/log/log.h"

struct db;

/* The follower is called for what is appended from now on; the caller reads the log from the last
 * saved position first, to build the state. -EIO, -ENOMEM, -EUCLEAN. */
int log_sqlite_new(struct db *, const struct clock *, log_follower, void *arg, struct log **out,
	struct error *err);

#endif
