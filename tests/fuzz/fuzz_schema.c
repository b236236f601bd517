/*
 * What no schema and no answer must do, for libFuzzer: the first line is a schema, the rest an
 * answer. Aborts where a reason is missing, or the same answer is judged in two ways; a check that
 * doesn't end shows itself. The corpus is tests/data/schema.
 */
#include "tests/fuzz/fuzz.h"

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/schema.h"
#include "core/base/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void has_reason(int rc, const struct error *err)
{
	require(rc == 0 || rc == -EINVAL || rc == -E2BIG);
	require(rc == 0 || (err->code == -rc && err->text[0] != '\0'));
	require(text_is_utf8(err->text, strlen(err->text), NULL));
}

static int judge(const char *schema_text, size_t schema_len, const char *text, size_t len)
{
	struct error err = {0};
	struct schema *schema = NULL;
	int rc = schema_new(schema_text, schema_len, &schema, &err);

	has_reason(rc, &err);
	if (rc < 0)
		return rc;
	rc = schema_check(schema, text, len, &err);
	has_reason(rc, &err);
	schema_free(schema);
	return rc;
}

/* not turns a verdict round, and changes nothing of what can't be told. References would go
 * elsewhere, so there must be none. */
static void check_not(const char *schema, size_t schema_len, const char *text, size_t len, int rc)
{
	struct buf turned = BUF_INIT;
	int turned_rc;

	if (memmem(schema, schema_len, "ref", 3) != NULL ||
		memmem(schema, schema_len, "\\u", 2) != NULL)
		return;
	buf_adds(&turned, "{\"not\":");
	buf_add(&turned, schema, schema_len);
	buf_adds(&turned, "}");
	require(buf_error(&turned) == 0);
	turned_rc = judge(turned.data, turned.len, text, len);
	if (rc == 0)
		require(turned_rc == -EINVAL || turned_rc == -E2BIG);
	buf_release(&turned);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *schema = (const char *)data;
	const char *end = len > 0 ? memchr(schema, '\n', len) : NULL;
	const char *answer = end != NULL ? end + 1 : schema + len;
	size_t schema_len = (size_t)((end != NULL ? end : schema + len) - schema);
	size_t answer_len = len - (size_t)(answer - schema);
	int rc = judge(schema, schema_len, answer, answer_len);

	require(judge(schema, schema_len, answer, answer_len) == rc);
	check_not(schema, schema_len, answer, answer_len, rc);
	return 0;
}
