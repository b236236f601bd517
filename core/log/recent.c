#include "core/log/recent.h"

#include <string.h>

struct record *recent_at(const struct recent *recent, size_t i)
{
	return recent->ring[(recent->first + i) % RECENT_RECORDS];
}

/* What a record takes in memory, about; never less than its lines. */
static size_t weight(const struct record *r)
{
	size_t bytes = sizeof(*r) + record_bytes(r);

	if (r->detail != NULL)
		bytes += strlen(r->detail);
	return bytes;
}

static void drop_oldest(struct recent *recent)
{
	struct record *r = recent_at(recent, 0);

	recent->first = (recent->first + 1) % RECENT_RECORDS;
	recent->count--;
	recent->bytes -= weight(r);
	record_unref(r);
}

void recent_release(struct recent *recent)
{
	if (recent == NULL)
		return;
	while (recent->count > 0)
		drop_oldest(recent);
}

void recent_add(struct recent *recent, struct record *r)
{
	size_t bytes = weight(r);

	while (recent->count > 0 &&
		(recent->count == RECENT_RECORDS || recent->bytes + bytes > RECENT_BYTES))
		drop_oldest(recent);
	recent->ring[(recent->first + recent->count) % RECENT_RECORDS] = record_ref(r);
	recent->count++;
	recent->bytes += bytes;
}

int64_t recent_first_pos(const struct recent *recent)
{
	return recent->count > 0 ? recent_at(recent, 0)->pos : INT64_MAX;
}

size_t recent_find(const struct recent *recent, int64_t pos)
{
	size_t low = 0, high = recent->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (recent_at(recent, middle)->pos < pos)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
