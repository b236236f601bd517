/* Files as bytes: looked at, put back and damaged. What fails, fails the test. */
#ifndef TESTS_UNIT_FILE_BYTES_H
#define TESTS_UNIT_FILE_BYTES_H

#include <stddef.h>
#include <sys/types.h>

struct bytes {
	char *data;
	size_t len;
};

struct bytes load_file(const char *path); /* the caller frees data */
void store_file(const char *path, const struct bytes *);
void poke_file(const char *path, size_t at, const void *bytes, size_t len);
void copy_file(const char *from, const char *to);
off_t file_size(const char *path); /* or -1 where there is none */

#endif
