/* Whether a record came back as it was. */
#ifndef TESTS_UNIT_RECORD_SAME_H
#define TESTS_UNIT_RECORD_SAME_H

#include "core/log/record.h"

void assert_same_record(const struct record *, const struct record *); /* in all its members */

#endif
