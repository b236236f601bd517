#ifndef CORE_ASK_H
#define CORE_ASK_H

#include "core/act.h"
#include "core/item.h"

struct ask {
	struct item item;
};

#endif
