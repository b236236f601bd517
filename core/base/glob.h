/*
 * Patterns of paths, as people know them from .gitignore.
 *
 * In a pattern `*` stands for any characters but a slash, `?` for one, [a-z] and [!a-z] for one of
 * or not of a set, `\` takes the special meaning from what follows, and `**` as a whole part stands
 * for any number of parts, none too, but for one at least where it is the last. Upper and lower
 * case differ. A pattern without a slash is for names at any depth; one with a slash (a leading one
 * does nothing else) for the whole path; one that ends in a slash for directories alone.
 *
 * Paths are relative, without a slash at either end; UTF-8, but any bytes do no harm. Pure
 * functions, which take the product of both lengths at worst. Any thread.
 */
#ifndef CORE_GLOB_H
#define CORE_GLOB_H

#include <stdbool.h>

/* Whether the pattern matches the path itself. */
bool glob_matches(const char *pattern, const char *path, bool is_dir);

/* Whether it matches the path or a directory above it. */
bool glob_covers(const char *pattern, const char *path, bool is_dir);

/* Whether there may be something below the directory that it covers. */
bool glob_leads(const char *pattern, const char *dir);

#endif
