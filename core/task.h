#ifndef CORE_TASK_H
#define CORE_TASK_H

#include "core/act.h"
#include "core/item.h"

struct task {
	struct item item;
};

#endif
