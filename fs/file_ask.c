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
	return list_items(c, w, ITEM_ASK, true, out);
}

const struct file_ops asks_ops = {.list = list};
const struct file_ops asks_new_ops = {};
const struct file_ops asks_answer_ops = {};
const struct file_ops ask_dir_ops = {};
const struct file_ops ask_json_ops = {.text = no_text};
const struct file_ops ask_reply_ops = {.text = no_text};
const struct file_ops ask_reply_live_ops = {};
const struct file_ops ask_error_ops = {.text = no_text};
const struct file_ops session_ask_ops = {};
const struct file_ops agent_ask_ops = {};
