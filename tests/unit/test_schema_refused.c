/* Schemas that are refused, each with where and why. */
#include "core/base/error.h"
#include "tests/unit/schema_made.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void refused(const char *text, const char *reason)
{
	struct error err = {0};
	struct schema *schema = NULL;

	if (schema_new(text, strlen(text), &schema, &err) != -EINVAL || err.code != EINVAL)
		fail_msg("%s: not EINVAL for \"%s\"", text, reason);
	assert_null(schema);
	if (strstr(err.text, reason) != err.text)
		fail_msg("%s: \"%s\" is not \"%s\"", text, err.text, reason);
	assert_int_equal(schema_new(text, strlen(text), &schema, NULL), -EINVAL);
}

static void unknown_keywords_are_refused(void **state)
{
	static const char *const unknown[] = {"format", "patternProperties", "uniqueItems",
		"exclusiveMinimum", "exclusiveMaximum", "multipleOf", "prefixItems", "contains",
		"minContains", "if", "then", "else", "dependentRequired", "dependentSchemas",
		"propertyNames", "minProperties", "maxProperties", "unevaluatedProperties",
		"unevaluatedItems", "$id", "$anchor", "$dynamicRef", "$dynamicAnchor",
		"$vocabulary", "definitions", "dependencies", "readOnly", "writeOnly", "deprecated",
		"contentEncoding", "Type", "", "typo"};
	char text[200], reason[200];

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		snprintf(text, sizeof(text), "{\"type\":\"object\",\"%s\":{}}", unknown[i]);
		snprintf(reason, sizeof(reason), "schema/%s: is no keyword", unknown[i]);
		refused(text, reason);
	}
	refused("{\"properties\":{\"a/b\":{\"anyOf\":[{},{\"not\":{\"format\":\"date\"}}]}}}",
		"schema/properties/a~1b/anyOf/1/not/format: is no keyword");
	refused("{\"$defs\":{\"unused\":{\"items\":{\"x\":1}}}}",
		"schema/$defs/unused/items/x: is");
	refused("{\"additionalProperties\":{\"x\":1}}", "schema/additionalProperties/x: is");
}

static void bad_values_are_refused(void **state)
{
	(void)state;
	refused("", "schema: bad JSON");
	refused("{", "schema: bad JSON");
	refused("{} x", "schema: bad JSON");
	refused("{\"type\":\"null\",\"type\":\"null\"}", "schema: bad JSON");
	refused("1", "schema: must be a schema: an object, true or false");
	refused("null", "schema: must be a schema");
	refused("[]", "schema: must be a schema");
	refused("{\"items\":[{}]}", "schema/items: must be a schema");
	refused("{\"not\":null}", "schema/not: must be a schema");
	refused("{\"type\":\"int\"}", "schema/type: must be null, boolean");
	refused("{\"type\":null}", "schema/type: must be null, boolean");
	refused("{\"type\":[\"string\",1]}", "schema/type: must be null, boolean");
	refused("{\"type\":[]}", "schema/type: must name a type");
	refused("{\"type\":[\"null\",\"null\"]}", "schema/type: names a type twice");
	refused("{\"enum\":{}}", "schema/enum: must be an array");
	refused("{\"enum\":null}", "schema/enum: must be an array");
	refused("{\"required\":\"a\"}", "schema/required: must be an array of strings");
	refused("{\"required\":[\"a\",1]}", "schema/required: must be an array of strings");
	refused("{\"required\":true}", "schema/required: must be an array of strings");
	refused("{\"minimum\":\"1\"}", "schema/minimum: must be a number");
	refused("{\"maximum\":null}", "schema/maximum: must be a number");
	refused("{\"minLength\":-1}", "schema/minLength: must be a whole number");
	refused("{\"maxLength\":1.5}", "schema/maxLength: must be a whole number");
	refused("{\"minItems\":\"1\"}", "schema/minItems: must be a whole number");
	refused("{\"maxItems\":null}", "schema/maxItems: must be a whole number");
	refused("{\"allOf\":[]}", "schema/allOf: must be an array of one or more schemas");
	refused("{\"anyOf\":{}}", "schema/anyOf: must be an array of one or more schemas");
	refused("{\"oneOf\":[{},1]}", "schema/oneOf/1: must be a schema");
	refused("{\"properties\":[]}", "schema/properties: must be an object of schemas");
	refused("{\"properties\":{\"a\":1}}", "schema/properties/a: must be a schema");
	refused("{\"$defs\":true}", "schema/$defs: must be an object of schemas");
	refused("{\"title\":1}", "schema/title: must be a string");
	refused("{\"description\":null}", "schema/description: must be a string");
	refused("{\"$comment\":[]}", "schema/$comment: must be a string");
	refused("{\"examples\":{}}", "schema/examples: must be an array");
	refused("{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}",
		"schema/$schema: must be \"https");
	refused("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema#x\"}",
		"schema/$schema: must be \"https");
	refused("{\"$schema\":1}", "schema/$schema: must be \"https");
}

static void bad_references_are_refused(void **state)
{
	(void)state;
	refused("{\"$ref\":1}", "schema/$ref: must be a string");
	refused("{\"$ref\":\"#/$defs/a\"}", "schema/$ref: there is no such subschema");
	refused("{\"$defs\":{\"a\":{}},\"$ref\":\"#/$defs\"}", "schema/$ref: there is no such");
	refused("{\"$defs\":{\"a\":{}},\"$ref\":\"#/$defs/a/\"}", "schema/$ref: there is no such");
	refused("{\"$defs\":{\"a\":{}},\"$ref\":\"#$defs/a\"}", "schema/$ref: there is no such");
	refused("{\"$defs\":{\"a\":{}},\"$ref\":\"#/$defs/A\"}", "schema/$ref: there is no such");
	refused("{\"$defs\":{\"a\":{}},\"$ref\":\"#/\"}", "schema/$ref: there is no such");
	refused("{\"$defs\":{\"a\":{}},\"$ref\":\"#/$defs/%6\"}", "schema/$ref: there is no");
	refused("{\"$defs\":{\"a\":{}},\"$ref\":\"#/$defs/%00\"}", "schema/$ref: there is no");
	refused("{\"$defs\":{\"~\":{}},\"$ref\":\"#/$defs/~\"}", "schema/$ref: there is no");
	refused("{\"anyOf\":[{}],\"items\":{\"$ref\":\"#/anyOf/00\"}}",
		"schema/items/$ref: there is no");
	/* Not all that looks like a schema is one. */
	refused("{\"const\":{\"a\":{}},\"$ref\":\"#/const/a\"}", "schema/$ref: there is no");
	refused("{\"$ref\":\"\"}", "schema/$ref: must begin with #");
	refused("{\"$ref\":\"other.json#/a\"}", "schema/$ref: must begin with #");
	refused("{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}",
		"schema/$ref: must begin with #");
}

static void loops_are_refused(void **state)
{
	static const char why[] = ": its $ref leads back to it without going into the answer";
	static const char *const loops[] = {"{\"$ref\":\"#\"}", "{\"not\":{\"$ref\":\"#\"}}",
		"{\"anyOf\":[{},{\"$ref\":\"#\"}]}", "{\"oneOf\":[{\"allOf\":[{\"$ref\":\"#\"}]}]}",
		"{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/a\"}}}",
		"{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/a\"}}}",
		("{\"$defs\":{\"a\":{\"allOf\":[{\"$ref\":\"#/$defs/"
		 "b\"}]},\"b\":{\"not\":{\"$ref\":"
		 "\"#/$defs/a\"}}},\"items\":{\"$ref\":\"#/$defs/a\"}}"),
		"{\"items\":{\"allOf\":[{\"$ref\":\"#/items\"}]}}"};
	struct error err = {0};
	struct schema *schema;

	(void)state;
	for (size_t i = 0; i < sizeof(loops) / sizeof(*loops); i++) {
		assert_int_equal(schema_new(loops[i], strlen(loops[i]), &schema, &err), -EINVAL);
		if (strstr(err.text, why) == NULL)
			fail_msg("%s: %s", loops[i], err.text);
	}
	/* Going into the answer comes to an end. */
	schema_free(schema_made(
		"{\"items\":{\"$ref\":\"#\"},\"additionalProperties\":{\"$ref\":\"#\"}}"));
	schema_free(schema_made(
		"{\"$defs\":{\"a\":{},\"b\":{\"allOf\":[{\"$ref\":\"#/$defs/a\"},{\"$ref\":"
		"\"#/$defs/a\"}]}},\"anyOf\":[{\"$ref\":\"#/$defs/b\"},{\"$ref\":"
		"\"#/$defs/b\"}]}"));
}

static void bad_patterns_are_refused(void **state)
{
	static const char *const bad[] = {"(", ")", "[", "[z-a]", "*", "a**", "a{2}{3}", "a++",
		"a*+", "a??+", "a{3,2}", "\\\\", "(?i)a", "(?R)", "(?1)", "(?>a)", "(?#x)", "(?C1)",
		"(?P<n>a)", "(?(1)a)", "(*ACCEPT)", "(*UCP)a", "\\\\A", "\\\\Z", "\\\\z", "\\\\K",
		"\\\\Qa\\\\E", "\\\\R", "\\\\h", "\\\\v", "\\\\G", "\\\\X", "\\\\N", "\\\\a",
		"\\\\C", "[[:alpha:]]", "[\\\\1]", "\\\\p{Nope}", "(?<=a*)b", "a{99999}",
		"((((a{999}){999}){999}){999})"};
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(text, sizeof(text), "{\"items\":{\"pattern\":\"%s\"}}", bad[i]);
		refused(text, "schema/items/pattern: bad pattern at byte ");
	}
	refused("{\"pattern\":1}", "schema/pattern: must be a string");
	refused("{\"pattern\":\"ab(?i)\"}", "schema/pattern: bad pattern at byte 3: no such group");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_keywords_are_refused),
		cmocka_unit_test(bad_values_are_refused),
		cmocka_unit_test(bad_references_are_refused),
		cmocka_unit_test(loops_are_refused),
		cmocka_unit_test(bad_patterns_are_refused),
	};

	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
