/*
 * leitlfs man 1|5|7: a manual page, as mdoc(7), for `make`. What is read from stdin is the document
 * that it holds beside the tables: docs/tree.md for 5, docs/protocol.md for 7.
 */
#include "fs/command/command.h"
#include "fs/command/man.h"

#include <stdio.h>
#include <string.h>

static int section_of(const struct call *call)
{
	const char *word = call->word_count == 1 ? call->words[0] : "";

	return strlen(word) == 1 ? word[0] - '0' : 0;
}

int command_man(struct call *call)
{
	struct buf document = BUF_INIT, page = BUF_INIT;
	int section = section_of(call), status;
	char part[4096];
	size_t got;

	while ((section == 5 || section == 7) && (got = fread(part, 1, sizeof(part), stdin)) > 0)
		buf_add(&document, part, got);
	if (ferror(stdin) || buf_error(&document) != 0) {
		fputs("leitlfs man: the document can't be read\n", stderr);
		status = COMMAND_REFUSED;
	} else if (man_page(section, document.len > 0 ? document.data : "", &page) != 0) {
		fputs("usage: leitlfs man 1|5|7\n", stderr);
		status = COMMAND_USAGE;
	} else {
		status = command_print(call, &page);
	}
	buf_release(&document);
	buf_release(&page);
	return status;
}
