/*
 * What `leitlfs doctor` looks at, and what it finds.
 *
 * A finding is one line about one thing; where something is wrong, the mend is what to type or to
 * change. Nothing here changes anything, and nothing that may hang runs in the caller's process.
 */
#ifndef FS_DOCTOR_H
#define FS_DOCTOR_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <sys/types.h>

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

struct findings {
	/* Each as verdict, check, what, mend: a character, then texts, each with a NUL behind. */
	struct buf out;
	size_t counts[3]; /* by verdict */
};

/* Adds one. `mend` may be NULL. What is said has no control characters afterwards. */
void found(struct findings *, enum verdict, const char *check, const char *mend, const char *fmt,
	...) __attribute__((format(printf, 5, 6)));

/* Adds what another process found, as it stands in its `out`; what is cut at its end is left out.
 */
void found_all(struct findings *, const char *data, size_t len);

/* The next finding: `*at` begins at 0. False past the last. The texts are borrowed. */
struct finding {
	enum verdict verdict;
	const char *check, *what, *mend; /* mend: "" where there is none */
};
bool findings_next(const struct findings *, size_t *at, struct finding *out);

/* This machine and this user: FUSE, kernel, limits, the default state directory (doctor_machine.c,
 * doctor_disk.c). */
void doctor_machine(struct findings *);
void doctor_disk(struct findings *, const char *check, const char *dir);
void doctor_default_disk(struct findings *);

/* The mount at a path, or, where it is NULL, every one (doctor_mount.c). Takes at most some seconds
 * for one that doesn't answer. */
void doctor_mount(struct findings *, const char *path);

/* The process that serves the file system `dev`, mounted at this path, as far as /proc tells this
 * user; 0: it can't be seen. Whether it is stopped. Doesn't ask the mount (doctor_daemon.c). */
pid_t doctor_daemon(const char *path, dev_t dev, bool *stopped);

#endif
