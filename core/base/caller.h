/*
 * Chains of recent callers (core/base/proc.h), so that a process that calls again is not walked
 * again.
 *
 * A kept chain has a pidfd (pidfd_open(2)) for each of its processes, opened between two walks
 * that agreed, so that it stands for the process that was seen. One poll(2) of them tells at every
 * use that all still live, and so that the chain is what it was: a parent changes only by its
 * death, and exec changes neither pid nor start time. A caller that is a thread is also checked to
 * be a thread of that process still. What no pidfd tells (setsid, setuid of an ancestor, the death
 * of the process that the walk ended before) is seen within CALLER_FRESH_US, when it is walked
 * again; who decides for good, as registering does, calls proc_chain itself.
 *
 * A caller is kept from its second call on: most processes call once. Entries are at most what
 * was asked for, descriptors at most four times that and an eighth of RLIMIT_NOFILE; the least
 * recently used goes first. Where no descriptor is to be had nothing is kept and all works as
 * before. Descriptors are close-on-exec. Every function is safe from any thread; the lock is not
 * held while a chain is walked.
 */
#ifndef CORE_CALLER_H
#define CORE_CALLER_H

#include "core/base/proc.h"

#define CALLER_FRESH_US SECOND_US

struct caller_cache;

/* `max_entries` (1 or more) are searched linearly: some hundreds are meant. The clock is borrowed
 * and must outlive the cache. NULL: out of memory. */
struct caller_cache *caller_cache_new(const struct clock *clock, int max_entries);
void caller_cache_free(struct caller_cache *cache); /* closes its descriptors; takes NULL */

/* As proc_chain(tid, uid, chain). `*token` (may be NULL) is 0 for a chain that is not kept;
 * otherwise it is a number that this cache gives to no other chain, so that the same token means
 * the same chain, field by field. The caller must be alive, as one that waits for an answer is. */
int caller_cache_chain(struct caller_cache *cache, pid_t tid, uid_t uid,
	struct process_info chain[CHAIN_MAX], uint64_t *token);

#endif
