/*
 * An errno and the reason for it in words.
 *
 * Functions return 0 or a negative errno. Where a person needs the reason they also take a
 * `struct error *`, which may be NULL; it is written only on failure, and its text becomes the
 * last line of the caller's `errors` file. Texts name the field and the rule that was broken,
 * never a secret. Not shared between threads.
 */
#ifndef CORE_ERROR_H
#define CORE_ERROR_H

#define ERROR_TEXT_MAX 320

struct error {
	int code;                  /* a positive errno; 0 while nothing has failed */
	char text[ERROR_TEXT_MAX]; /* valid UTF-8, one line, no trailing newline */
};

/* Records `code` (a positive errno) and the formatted reason, and returns -code. Control
 * characters in the result are replaced by '?', and it is cut to fit, at a character. */
int error_set(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
