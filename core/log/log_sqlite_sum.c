/* What tells a row of the log that was damaged from one that was not. */
#include "core/log/log_sqlite_private.h"

#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* A text that is not there counts otherwise than one that is empty. */
static XXH64_hash_t add(XXH64_hash_t sum, const char *text, size_t len)
{
	return text != NULL ? XXH3_64bits_withSeed(text, len, sum) : ~sum;
}

static XXH64_hash_t add_text(XXH64_hash_t sum, const char *text)
{
	return add(sum, text, text != NULL ? strlen(text) : 0);
}

int64_t log_sqlite_sum(const struct record *r, int64_t seq)
{
	const int64_t numbers[] = {r->pos, r->time_us, seq, (int64_t)r->kind, (int64_t)r->uid};
	XXH64_hash_t sum = XXH3_64bits(numbers, sizeof(numbers));

	sum = add_text(sum, r->type);
	sum = add_text(sum, r->session);
	sum = add_text(sum, r->agent);
	sum = add_text(sum, r->target);
	sum = add_text(sum, r->detail);
	sum = add(sum, r->line, r->line_len);
	sum = add(sum, r->shown != r->line ? r->shown : NULL, r->shown_len);
	return (int64_t)sum;
}
