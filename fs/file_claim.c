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

static int list(const struct caller *c, const struct where *w, struct names *out)
{
	return list_items(c, w, ITEM_CLAIM, false, out);
}

const struct file_ops claims_ops = {.list = list};
const struct file_ops claims_new_ops = {};
const struct file_ops claim_dir_ops = {};
const struct file_ops claim_owner_ops = {.text = no_text};
const struct file_ops claim_since_ops = {.text = no_text};
const struct file_ops claim_released_ops = {.text = no_text};
const struct file_ops claim_released_live_ops = {};
