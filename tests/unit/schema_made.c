#include "tests/unit/schema_made.h"

#include "core/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct schema *schema_made(const char *text)
{
	struct error err = {0};
	struct schema *schema = NULL;

	if (schema_new(text, strlen(text), &schema, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return schema;
}
