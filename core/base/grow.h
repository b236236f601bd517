/*
 * Room in an array that is filled item by item: it doubles. How many items there may be at the most
 * is for who fills it to see to. Any thread, as who calls owns the array.
 */
#ifndef CORE_GROW_H
#define CORE_GROW_H

#include <stddef.h>

/* The array with room for one more than `count` items of that size, moved perhaps, with *cap as
 * many as there now is room for: `least` of them where there was none. NULL: out of memory; then
 * the array and *cap are as they were. */
void *grow_more(void *items, size_t *cap, size_t size, size_t least);

static inline void *grow(void *items, size_t count, size_t *cap, size_t size, size_t least)
{
	return count < *cap ? items : grow_more(items, cap, size, least);
}

#endif
