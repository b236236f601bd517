#include "core/base/grow.h"

#include <stdint.h>
#include <stdlib.h>

void *grow_more(void *items, size_t *cap, size_t size, size_t least)
{
	const size_t more = *cap ? 2 * *cap : least;
	void *grown;

	if (more < *cap || more > SIZE_MAX / size)
		return NULL;
	grown = realloc(items, more * size);
	if (grown)
		*cap = more;
	return grown;
}
