/* Directories that are still to be gone through. */
#include "core/context/folder_private.h"

#include <errno.h>
#include <stdlib.h>

int folder_push(struct folder_todo **list, char *dir)
{
	struct folder_todo *t = dir ? malloc(sizeof(*t)) : NULL;

	if (!t) {
		free(dir);
		return -ENOMEM;
	}
	*t = (struct folder_todo){.dir = dir, .next = *list};
	*list = t;
	return 0;
}

char *folder_pop(struct folder_todo **list)
{
	struct folder_todo *t = *list;
	char *dir = t->dir;

	*list = t->next;
	free(t);
	return dir;
}
