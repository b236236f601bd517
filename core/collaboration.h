#ifndef CORE_COLLABORATION_H
#define CORE_COLLABORATION_H

#include "core/act.h"
#include "core/item.h"

struct collaboration {
	struct item item;
};

#endif
