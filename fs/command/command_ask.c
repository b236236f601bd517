/* leitlfs ask: a question, and its answer. */
#include "fs/command/command.h"
#include "fs/command/command_tree.h"

#include "core/base/json.h"
#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int add_text(
	struct buf *out, const char *key, const char *text, size_t len, struct error *err)
{
	if (!text_is_utf8(text, len, NULL))
		return error_set(err, EINVAL, "%s: must be UTF-8", key);
	buf_addf(out, "%s\"%s\":", out->len > 1 ? "," : "", key);
	buf_add_json(out, text, len);
	return 0;
}

/* A name, or a list of several with commas between. */
static int add_to(struct buf *out, const char *to, struct error *err)
{
	if (strchr(to, ',') == NULL)
		return add_text(out, "to", to, strlen(to), err);
	if (!text_is_utf8(to, strlen(to), NULL))
		return error_set(err, EINVAL, "to: must be UTF-8");
	buf_adds(out, "\"to\":[");
	for (const char *at = to; *at != '\0';) {
		size_t len = strcspn(at, ",");

		if (len > 0) {
			buf_adds(out, out->data[out->len - 1] == '[' ? "" : ",");
			buf_add_json(out, at, len);
		}
		at += len + (at[len] == ',');
	}
	buf_addc(out, ']');
	return 0;
}

/* What begins with { is JSON, as everywhere in the mount. */
static int add_data(struct buf *out, const struct buf *text, struct error *err)
{
	struct json *json = NULL;
	const char *begin = text->data + strspn(text->data, " \t\r\n");
	int rc;

	if (*begin != '{')
		return add_text(out, "data", text->data, text->len, err);
	rc = json_parse(begin, text->len - (size_t)(begin - text->data), &json, err);
	json_free(json);
	if (rc != 0)
		return rc;
	buf_adds(out, ",\"data\":");
	buf_adds(out, begin);
	return 0;
}

static int make_question(const struct call *call, struct buf *out, struct error *err)
{
	const char *timeout = command_value(call, 't'), *type = command_value(call, 'T');
	struct buf text = BUF_INIT;
	int rc = command_text(call, 1, &text, err);

	buf_addc(out, '{');
	if (rc == 0)
		rc = add_to(out, call->words[0], err);
	if (rc == 0 && timeout != NULL)
		rc = add_text(out, "timeout", timeout, strlen(timeout), err);
	if (rc == 0 && type != NULL)
		rc = add_text(out, "type", type, strlen(type), err);
	if (rc == 0 && command_value(call, 'a') != NULL)
		buf_adds(out, ",\"wait\":\"all\"");
	if (rc == 0)
		rc = add_data(out, &text, err);
	buf_adds(out, "}\n");
	buf_release(&text);
	return rc != 0 ? rc : buf_error(out);
}

/* The read waits for the answer, and Ctrl-C takes the question back: the descriptor closes. */
static int ask(const struct call *call, struct buf *answer, struct error *err)
{
	struct buf question = BUF_INIT;
	int rc = make_question(call, &question, err), fd = -1;

	if (rc == 0)
		rc = tree_check_self(call, err);
	if (rc == 0) {
		fd = tree_open(call, O_RDWR, "asks/new", err);
		rc = fd < 0 ? fd : 0;
	}
	if (rc == 0)
		rc = tree_answer(call, fd, question.data, question.len, "asks/new", answer, err);
	if (fd >= 0)
		close(fd);
	buf_release(&question);
	return rc;
}

/* One value as it is, text as a string; several lines of JSON as a list. */
static void add_answer(struct buf *out, const struct buf *answer, bool several)
{
	struct json *json = NULL;
	const char *text = answer->data != NULL ? answer->data : "";
	size_t len = answer->len;

	while (len > 0 && text[len - 1] == '\n')
		len--;
	if (several) {
		buf_addc(out, '[');
		for (size_t i = 0; i < len; i++)
			buf_addc(out, text[i] == '\n' ? ',' : text[i]);
		buf_addc(out, ']');
	} else if (len > 0 && text[0] == '{' && json_parse(text, len, &json, NULL) == 0) {
		json_compact(text, len, out);
	} else {
		buf_add_json(out, text, text_utf8_prefix(text, len, NULL));
	}
	json_free(json);
}

static bool is_several(const char *to)
{
	return strcmp(to, "*") == 0 || strchr(to, ',') != NULL;
}

static int show(const struct call *call, const struct buf *answer)
{
	struct buf out = BUF_INIT;

	if (call->json) {
		buf_adds(&out, "{\"answer\":");
		add_answer(&out, answer, is_several(call->words[0]));
		buf_adds(&out, "}\n");
	} else if (isatty(STDOUT_FILENO)) {
		command_plain(&out, answer->data ? answer->data : "", answer->len, true);
	} else {
		buf_add(&out, answer->data ? answer->data : "", answer->len);
	}
	if (!call->json && (out.len == 0 || out.data[out.len - 1] != '\n'))
		buf_addc(&out, '\n');
	return command_print(call, &out);
}

int command_ask(struct call *call)
{
	struct buf answer = BUF_INIT;
	struct error err = {0};
	int rc = ask(call, &answer, &err), status;

	if (rc != 0 && err.code == 0)
		error_set(&err, -rc, "%s", strerror(-rc));
	status = rc != 0 ? command_fail(call, &err) : show(call, &answer);
	buf_release(&answer);
	return status;
}
