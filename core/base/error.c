#include "core/base/error.h"

#include "core/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Copies a reason so that it is one line of valid UTF-8: what isn't becomes '?', and what vsnprintf
 * cut in the middle of a character loses that character. */
static void clean(char *out, const char *in)
{
	size_t len = strlen(in), used = 0;

	while (len > 0) {
		bool cut = false;
		size_t n = text_char(in, len, &cut);

		if (cut)
			break;
		if (n == 0 || text_is_control(in, n)) {
			out[used++] = '?';
			n = n == 0 ? 1 : n;
		} else {
			memcpy(out + used, in, n);
			used += n;
		}
		in += n;
		len -= n;
	}
	out[used] = '\0';
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
	char text[ERROR_TEXT_MAX]; /* not err->text, which may be among the arguments */
	va_list args;
	int len;

	if (err == NULL)
		return -code;
	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (len < 0)
		text[0] = '\0';
	clean(err->text, text);
	err->code = code;
	return -code;
}
