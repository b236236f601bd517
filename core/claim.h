#ifndef CORE_CLAIM_H
#define CORE_CLAIM_H

#include "core/act.h"
#include "core/item.h"

struct claim {
	struct item item;
};

#endif
