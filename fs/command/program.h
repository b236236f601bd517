/*
 * Whether a program can be run, found out before anything is begun for it.
 *
 * Looks where execvp(3) looks, and as it does: along PATH for a name without a slash, past what is
 * no file of ours to run, and past a script whose interpreter is not there; a file that the kernel
 * knows no format of is a script for sh. What only execve(2) itself can tell, as a loader that is
 * missing, is not told.
 *
 * Any thread; it reads directories and the first bytes of files, and may block as these do.
 */
#ifndef FS_PROGRAM_H
#define FS_PROGRAM_H

#include "core/base/error.h"

/* -ENOENT: there is none, or it names an interpreter that is not there; -EACCES: it may not be run,
 * or is a directory; others as execve(2). */
int program_check(const char *name, struct error *err);

#endif
