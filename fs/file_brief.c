#include "fs/files.h"

#include "fs/names.h"
#include "fs/private.h"

#include "core/item.h"

#include <errno.h>

static int no_text(
	const struct caller *c, const struct where *w, struct buf *out, struct error *err)
{
	(void)c, (void)w, (void)out, (void)err;
	return 0;
}

const struct file_ops brief_ops = {.text = no_text};
