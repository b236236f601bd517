/* A schema that a test takes for good. */
#ifndef TESTS_UNIT_SCHEMA_MADE_H
#define TESTS_UNIT_SCHEMA_MADE_H

#include "core/base/schema.h"

struct schema *schema_made(const char *text); /* fails the test where it is refused */

#endif
