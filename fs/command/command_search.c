/* leitlfs search: the synced files that a query finds. */
#include "fs/command/command.h"
#include "fs/command/command_tree.h"

#include "core/base/json.h"
#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOUND_MAX 100 /* what max: may say at most (docs/search.md) */

static int add_max(const struct call *call, struct buf *query, struct error *err)
{
	const char *text = command_value(call, 'n');
	char *end = NULL;
	long max;

	if (text == NULL)
		return 0;
	errno = 0;
	max = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || max < 1 || max > FOUND_MAX)
		return error_set(err, EINVAL, "max: must be a number from 1 to %d", FOUND_MAX);
	buf_addf(query, " max:%ld", max);
	return 0;
}

/* As one line: a message ends at its newline. */
static int make_query(const struct call *call, struct buf *query, struct error *err)
{
	int rc = command_text(call, 0, query, err);

	for (size_t i = 0; rc == 0 && i < query->len; i++) {
		if (query->data[i] == '\n')
			query->data[i] = ' ';
	}
	if (rc == 0)
		rc = add_max(call, query, err);
	if (rc == 0)
		buf_addc(query, '\n');
	return rc != 0 ? rc : buf_error(query);
}

static int find(const struct call *call, struct buf *out, struct error *err)
{
	struct buf query = BUF_INIT;
	int rc = make_query(call, &query, err), fd = -1;

	if (rc == 0) {
		fd = tree_open(call, O_RDWR, "context/query", err);
		rc = fd < 0 ? fd : 0;
	}
	if (rc == 0)
		rc = tree_answer(call, fd, query.data, query.len, "context/query", out, err);
	if (fd >= 0)
		close(fd);
	buf_release(&query);
	return rc;
}

static void add_plain(struct buf *out, const char *text)
{
	command_plain(out, text, strlen(text), false);
}

/* Snippets keep their lines in the file; here they are one. */
static void add_snippet(struct buf *out, const char *text)
{
	struct buf line = BUF_INIT;
	bool blank = true;

	for (; *text != '\0'; text++) {
		bool is_blank = strchr(" \t\r\n", *text) != NULL;

		if (!is_blank)
			buf_addc(&line, *text);
		else if (!blank)
			buf_addc(&line, ' ');
		blank = is_blank;
	}
	if (line.len > 0) {
		buf_adds(out, "     ");
		add_plain(out, line.data);
		buf_addc(out, '\n');
	}
	out->failed = line.failed ? line.failed : out->failed;
	buf_release(&line);
}

static void add_file(const struct call *call, size_t rank, const struct json *file, struct buf *out)
{
	const char *source = "", *path = "", *snippet = "";

	json_get_string(file, "source", 0, &source, NULL);
	json_get_string(file, "path", 0, &path, NULL);
	json_get_string(file, "snippet", 0, &snippet, NULL);
	buf_addf(out, "%3zu  ", rank);
	add_plain(out, call->at.tree);
	buf_adds(out, "/context/files/");
	add_plain(out, source);
	buf_addc(out, '/');
	add_plain(out, path);
	buf_addc(out, '\n');
	add_snippet(out, snippet);
}

static int show(const struct call *call, struct buf *found, struct error *err)
{
	struct json *json = NULL;
	const struct json *list;
	struct buf out = BUF_INIT;
	int rc = json_parse(found->data != NULL ? found->data : "", found->len, &json, err);
	size_t count;
	int status;

	if (rc != 0)
		return command_refuse(call, EIO, "context/query: %s", err->text);
	list = json_get(json, "matched_files");
	count = json_count(list);
	for (size_t i = 0; i < count && !call->json; i++)
		add_file(call, i + 1, json_item(list, i), &out);
	json_free(json);
	status = call->json ? command_print(call, found) : command_print(call, &out);
	buf_release(&out);
	if (status != COMMAND_DONE || count)
		return status;
	if (!call->json)
		fprintf(stderr, "leitlfs %s: nothing found\n", call->command->name);
	return COMMAND_REFUSED;
}

int command_search(struct call *call)
{
	struct buf found = BUF_INIT;
	struct error err = {0};
	int rc = find(call, &found, &err), status;

	if (rc != 0 && err.code == 0)
		error_set(&err, -rc, "%s", strerror(-rc));
	status = rc != 0 ? command_fail(call, &err) : show(call, &found, &err);
	buf_release(&found);
	return status;
}
