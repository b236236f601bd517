/* Sizes and times in numbers that are read, for tables. Times are microseconds. */
#ifndef CORE_UNITS_H
#define CORE_UNITS_H

#include "core/base/clock.h"

#define MS     INT64_C(1000)
#define SECOND SECOND_US
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define KIB (INT64_C(1) << 10)
#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)

#endif
