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

static int no_view(const struct caller *c, const struct where *w, struct view *out)
{
	(void)c, (void)w, (void)out;
	return -ENOENT;
}

static int list(const struct caller *c, const struct where *w, struct names *out)
{
	return list_items(c, w, ITEM_COLLABORATION, true, out);
}

const struct file_ops collaborations_ops = {.list = list};
const struct file_ops collaborations_new_ops = {};
const struct file_ops collaboration_dir_ops = {};
const struct file_ops collaboration_json_ops = {.text = no_text};
const struct file_ops participants_ops = {.text = no_text};
const struct file_ops talk_ops = {.view = no_view};
const struct file_ops decisions_ops = {.view = no_view};
const struct file_ops collaboration_activity_ops = {.view = no_view};
const struct file_ops votes_ops = {};
const struct file_ops vote_ops = {.text = no_text};
