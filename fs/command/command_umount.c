/* leitlfs umount. */
#include "fs/command/command.h"
#include "fs/umount.h"

#include <stdio.h>

int command_umount(struct call *call)
{
	struct error err = {0};

	if (umount_leitlfs(call->words[0], &err) == 0)
		return COMMAND_DONE;
	fprintf(stderr, "leitlfs %s: %s\n", call->command->name, err.text);
	return COMMAND_REFUSED;
}
