#include "core/base/grow.h"

#include <stdlib.h>

void *grow_more(void *items, size_t *cap, size_t size, size_t least)
{
	const size_t more = *cap ? 2 * *cap : least;
	void *grown = reallocarray(items, more, size);

	if (grown)
		*cap = more;
	return grown;
}
