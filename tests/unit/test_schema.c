#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/schema.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct schema *made(const char *text)
{
	struct error err = {0};
	struct schema *schema = NULL;

	if (schema_new(text, strlen(text), &schema, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return schema;
}

/* An answer, and what must be in the reason why it doesn't fit; NULL where it does. */
struct answer {
	const char *text, *reason;
};

static void check_answer(const struct schema *schema, const char *text, const struct answer *a)
{
	struct error err = {0};
	int rc = schema_check(schema, a->text, strlen(a->text), &err);

	if (a->reason == NULL && rc != 0)
		fail_msg("%s: %s: %s", text, a->text, err.text);
	if (a->reason == NULL)
		return;
	if (rc != -EINVAL || err.code != EINVAL)
		fail_msg("%s: %s: %d, not EINVAL for \"%s\"", text, a->text, rc, a->reason);
	if (strstr(err.text, a->reason) != err.text)
		fail_msg("%s: %s: \"%s\" is not \"%s\"", text, a->text, err.text, a->reason);
}

struct holding {
	const char *schema;
	struct answer answers[16];
};

static void check_table(const struct holding *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct schema *schema = made(table[i].schema);

		for (const struct answer *a = table[i].answers; a->text != NULL; a++)
			check_answer(schema, table[i].schema, a);
		schema_free(schema);
	}
}

#define CHECK_TABLE(table) check_table(table, sizeof(table) / sizeof(*(table)))

static void types(void **state)
{
	static const struct holding table[] = {
		{"true", {{"null", NULL}, {"{\"a\":[1]}", NULL}, {" 7 ", NULL}}},
		{"{}", {{"null", NULL}, {"\"x\"", NULL}}},
		{"false", {{"null", "answer: the schema allows nothing here"}}},
		{"{\"type\":\"null\"}", {{"null", NULL}, {"0", "answer: must be null"},
						{"false", "answer: must be null"}}},
		{"{\"type\":\"boolean\"}",
			{{"true", NULL}, {"false", NULL}, {"1", "answer: must be true or false"},
				{"\"true\"", "answer: must be true or false"}}},
		{"{\"type\":\"object\"}", {{"{}", NULL}, {"[]", "answer: must be an object"}}},
		{"{\"type\":\"array\"}", {{"[]", NULL}, {"{}", "answer: must be an array"}}},
		{"{\"type\":\"string\"}", {{"\"\"", NULL}, {"1", "answer: must be a string"}}},
		{"{\"type\":\"number\"}", {{"1", NULL}, {"1.5", NULL}, {"-0", NULL},
						  {"123456789012345678901234567890", NULL},
						  {"\"1\"", "answer: must be a number"},
						  {"true", "answer: must be a number"}}},
		{"{\"type\":\"integer\"}",
			{{"1", NULL}, {"1.0", NULL}, {"-1e3", NULL}, {"1e300", NULL},
				{"123456789012345678901234567890", NULL},
				{"9007199254740993", NULL}, {"1.5", "answer: must be an integer"},
				{"-0.5", "answer: must be an integer"},
				{"1e-300", "answer: must be an integer"},
				{"\"1\"", "answer: must be an integer"}}},
		{"{\"type\":[\"string\",\"null\"]}",
			{{"\"x\"", NULL}, {"null", NULL},
				{"1", "answer: must be null or a string"}}},
		{"{\"type\":[\"integer\"]}",
			{{"1.0", NULL}, {"1.1", "answer: must be an integer"}}},
	};

	(void)state;
	CHECK_TABLE(table);
}

static void values(void **state)
{
	static const struct holding table[] = {
		{"{\"const\":1}",
			{{"1", NULL}, {"1.0", NULL}, {"10e-1", NULL}, {"true", "answer: must be 1"},
				{"2", "answer: must be 1"}, {"\"1\"", "answer: must be 1"}}},
		{"{\"const\":false}", {{"false", NULL}, {"0", "answer: must be false"},
					      {"[]", "answer: must be false"}}},
		{"{\"const\":null}", {{"null", NULL}, {"0", "answer: must be null"}}},
		{"{\"const\":0.1}", {{"0.1", NULL}, {"1e-1", NULL}, {"0", "answer: must be 0.1"}}},
		{"{\"const\":-0.0}", {{"0", NULL}, {"-0", NULL}, {"0.0", NULL}}},
		{"{\"const\":{\"a\":1,\"b\":[true,null]}}",
			{{"{\"b\":[true,null],\"a\":1.0}", NULL},
				{"{\"a\":1}", "answer: must be {\"a\":1,\"b\":[true,null]}"},
				{"{\"a\":1,\"b\":[null,true]}", "answer: must be {"},
				{"{\"a\":1,\"b\":[true,null],\"c\":0}", "answer: must be {"},
				{"{\"a\":1,\"c\":[true,null]}", "answer: must be {"}}},
		{"{\"const\":[1]}", {{"[1.0]", NULL}, {"[true]", "answer: must be [1]"},
					    {"[1,1]", "answer: must be [1]"}}},
		{"{\"const\":\"e\\u0301\"}",
			{{"\"e\xcc\x81\"", NULL}, {"\"\xc3\xa9\"", "answer: must be \"e"}}},
		/* What a double can't tell apart. */
		{"{\"const\":9007199254740993}",
			{{"9007199254740993", NULL}, {"9007199254740992", "answer: must be 9"},
				{"9007199254740992.0", "answer: must be 9"}}},
		{"{\"const\":9223372036854775807}",
			{{"9223372036854775807", NULL}, {"9223372036854775808", "answer: must"},
				{"9223372036854775806", "answer: must be 9223372036854775807"}}},
		{"{\"enum\":[\"red\",1,null,{\"a\":[]}]}",
			{{"\"red\"", NULL}, {"1.0", NULL}, {"null", NULL}, {"{\"a\":[]}", NULL},
				{"\"Red\"", "answer: must be one of \"red\", 1, null, {\"a\":[]}"},
				{"{\"a\":{}}", "answer: must be one of"},
				{"false", "answer: must be one of"}}},
		{"{\"enum\":[]}", {{"1", "answer: must be one of the values"}}},
		{"{\"minimum\":1.1}", {{"1.1", NULL}, {"2", NULL}, {"\"x\"", NULL},
					      {"1", "answer: must be at least 1.1"},
					      {"1.0999", "answer: must be at least 1.1"}}},
		{"{\"maximum\":-2}",
			{{"-2", NULL}, {"-2.0", NULL}, {"-1e300", NULL}, {"[]", NULL},
				{"-1.5", "answer: must be at most -2"},
				{"123456789012345678901234567890", "answer: must be at most -2"}}},
		{"{\"minimum\":9007199254740993}",
			{{"9007199254740993", NULL}, {"9007199254740994.0", NULL}, {"1e19", NULL},
				{"9007199254740992", "answer: must be at least 9007199254740993"},
				{"9007199254740992.0", "answer: must be at least"},
				{"-1e19", "answer: must be at least"}}},
		{"{\"maximum\":9223372036854775807}",
			{{"9223372036854775807", NULL}, {"9223372036854775808", "answer: must"}}},
	};

	(void)state;
	CHECK_TABLE(table);
}

static void strings(void **state)
{
	static const struct holding table[] = {
		{"{\"minLength\":2,\"maxLength\":3.0}",
			{{"\"ab\"", NULL}, {"\"\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9\"", NULL},
				{"\"\\ud83d\\udca9\\ud83d\\udca9x\"", NULL}, {"1", NULL},
				{"\"a\"", "answer: must be at least 2 characters long"},
				{"\"\xf0\x9f\x92\xa9\"", "answer: must be at least 2"},
				{"\"abcd\"", "answer: must be at most 3 characters long"}}},
		{"{\"pattern\":\"a+b\"}", {{"\"xxaabxx\"", NULL}, {"7", NULL}, {"null", NULL},
						  {"\"ba\"", "answer: must match a+b"}}},
		{"{\"pattern\":\"^\\\\d{3}-\\\\w+$\"}",
			{{"\"123-a_9\"", NULL}, {"\"123-a\\n\"", "answer: must match"},
				{"\"x123-a\"", "answer: must match ^\\d{3}-\\w+$"},
				{"\"\xd9\xa1\xd9\xa2\xd9\xa3-a\"", "answer: must match"},
				{"\"123-\xc3\xa9\"", "answer: must match"}}},
		{"{\"pattern\":\"^.$\"}", {{"\"\xf0\x9f\x92\xa9\"", NULL}, {"\"\xc3\xa9\"", NULL},
						  {"\"\\n\"", "answer: must match"},
						  {"\"\\r\"", "answer: must match"},
						  {"\"a\\nb\"", "answer: must match"}}},
		{"{\"pattern\":\"^\\\\u00e9[\\\\u0041-\\\\x43]\\\\/$\"}",
			{{"\"\xc3\xa9"
			  "B/\"",
				 NULL},
				{"\"\xc3\xa9"
				 "D/\"",
					"answer: must match"}}},
		{"{\"pattern\":\"^\\\\u{1f4a9}$\"}", {{"\"\xf0\x9f\x92\xa9\"", NULL}}},
		{"{\"pattern\":\"^\\\\p{Lu}\\\\P{Lu}$\"}",
			{{"\"\xc3\x89\xc3\xa9\"", NULL}, {"\"ab\"", "answer: must match"}}},
		{"{\"pattern\":\"^(?!admin$)(?<n>[a-z])\\\\k<n>?.*(?<=n)$\"}",
			{{"\"aan\"", NULL}, {"\"admin\"", "answer: must match"},
				{"\"an \"", "answer: must match"}}},
		{"{\"pattern\":\"^(?:a|b){2,}?c*?$\"}",
			{{"\"abcc\"", NULL}, {"\"ac\"", "answer: must match"}}},
		{"{\"pattern\":\"[]\"}", {{"\"\"", "answer: must match"}}},
		{"{\"pattern\":\"^[^]$\"}", {{"\"\\n\"", NULL}}},
		{"{\"pattern\":\"^a{,2}{$\"}", {{"\"a{,2}{\"", NULL}}},
		{"{\"pattern\":\"\"}", {{"\"\"", NULL}, {"\"x\"", NULL}}},
	};

	(void)state;
	CHECK_TABLE(table);
}

static void lists(void **state)
{
	static const struct holding table[] = {
		{"{\"items\":{\"type\":\"integer\"}}",
			{{"[]", NULL}, {"[1,2.0]", NULL}, {"{\"0\":\"x\"}", NULL},
				{"[1,\"x\",null]", "answer/1: must be an integer"}}},
		{"{\"items\":false}",
			{{"[]", NULL}, {"[1]", "answer/0: the schema allows nothing here"}}},
		{"{\"items\":{\"items\":{\"type\":\"string\"}}}",
			{{"[[\"a\"],7]", NULL},
				{"[[],[\"a\",2]]", "answer/1/1: must be a string"}}},
		{"{\"minItems\":1,\"maxItems\":2}",
			{{"[0]", NULL}, {"[0,0]", NULL}, {"{}", NULL}, {"\"\"", NULL},
				{"[]", "answer: must hold at least 1 items"},
				{"[0,0,0]", "answer: must hold at most 2 items"}}},
		{"{\"maxItems\":0.0}", {{"[]", NULL}, {"[1]", "answer: must hold at most 0"}}},
	};

	(void)state;
	CHECK_TABLE(table);
}

static void objects(void **state)
{
	static const struct holding table[] = {
		{"{\"properties\":{\"port\":{\"type\":\"integer\",\"minimum\":1},\"no\":false}}",
			{{"{}", NULL}, {"{\"port\":1,\"other\":\"x\"}", NULL}, {"[]", NULL},
				{"{\"port\":\"1\"}", "answer/port: must be an integer"},
				{"{\"port\":0}", "answer/port: must be at least 1"},
				{"{\"port\":null}", "answer/port: must be an integer"},
				{"{\"no\":1}", "answer/no: the schema allows nothing here"}}},
		{"{\"required\":[\"a\",\"b/c\"]}",
			{{"{\"a\":null,\"b/c\":1}", NULL}, {"[]", NULL}, {"\"a\"", NULL},
				{"{\"b/c\":1}", "answer/a: is required"},
				{"{\"a\":1}", "answer/b~1c: is required"}}},
		{"{\"required\":[]}", {{"{}", NULL}}},
		{"{\"properties\":{\"a\":true},\"additionalProperties\":false}",
			{{"{\"a\":1}", NULL}, {"{}", NULL}, {"[1]", NULL},
				{"{\"a\":1,\"x~y\":2}",
					"answer/x~0y: is no property that the schema allows"}}},
		{"{\"additionalProperties\":{\"type\":\"string\"},\"properties\":{\"a\":{}}}",
			{{"{\"a\":1,\"b\":\"x\"}", NULL},
				{"{\"a\":1,\"b\":2}", "answer/b: must be a string"}}},
		{"{\"additionalProperties\":{\"type\":\"string\"}}",
			{{"{\"b\":\"x\"}", NULL}, {"{\"a\":1}", "answer/a: must be a string"}}},
		/* It knows of the properties beside it, and of no others. */
		{"{\"allOf\":[{\"properties\":{\"a\":{}}}],\"additionalProperties\":false}",
			{{"{\"a\":1}", "answer/a: is no property"}}},
		{"{\"properties\":{\"$ref\":{\"type\":\"string\"},\"\":{\"const\":1}}}",
			{{"{\"$ref\":\"x\",\"\":1}", NULL},
				{"{\"$ref\":1}", "answer/$ref: must be a string"},
				{"{\"\":2}", "answer/: must be 1"}}},
		{"{\"properties\":{\"l\":{\"items\":{\"required\":[\"id\"]}}}}",
			{{"{\"l\":[{\"id\":1},{}]}", "answer/l/1/id: is required"}}},
	};

	(void)state;
	CHECK_TABLE(table);
}

static void combinations(void **state)
{
	static const struct holding table[] = {
		{"{\"allOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}",
			{{"2", NULL}, {"1", "answer: must be at least 2"},
				{"\"x\"", "answer: must be an integer"}}},
		{"{\"anyOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}",
			{{"1", NULL}, {"2.5", NULL}, {"3", NULL}, {"\"x\"", NULL},
				{"1.5", "answer: fits none of the schema's anyOf"}}},
		{"{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}",
			{{"1", NULL}, {"2.5", NULL},
				{"3", "answer: fits more than one of the schema's oneOf"},
				{"1.5", "answer: fits none of the schema's oneOf"}}},
		{"{\"oneOf\":[true,true,true]}", {{"1", "answer: fits more than one"}}},
		{"{\"oneOf\":[false,true,false]}", {{"1", NULL}}},
		{"{\"not\":{\"type\":\"string\"}}",
			{{"1", NULL}, {"\"x\"", "answer: fits what the schema's not forbids"}}},
		{"{\"not\":true}", {{"1", "answer: fits what"}}},
		{"{\"not\":{\"not\":{\"type\":\"null\"}}}",
			{{"null", NULL}, {"1", "answer: fits what"}}},
		/* A reason is told of what stands behind alternatives that fit. */
		{"{\"anyOf\":[{\"not\":{}},{}],\"not\":{\"const\":1},\"oneOf\":[{\"const\":2},"
		 "{\"const\":3}],\"allOf\":[{\"maximum\":2}]}",
			{{"2", NULL}, {"1", "answer: fits what"}, {"4", "answer: fits none"},
				{"3", "answer: must be at most 2"}}},
		{"{\"anyOf\":[{\"anyOf\":[false,false]},{\"properties\":{\"a\":{\"oneOf\":[{},{}]}}"
		 "}]"
		 "}",
			{{"{}", NULL}, {"{\"a\":1}", "answer: fits none of the schema's anyOf"}}},
	};

	(void)state;
	CHECK_TABLE(table);
}

static void references(void **state)
{
	static const struct holding table[] = {
		{"{\"$defs\":{\"port\":{\"type\":\"integer\"}},\"properties\":{\"p\":{\"$ref\":"
		 "\"#/$defs/port\"}}}",
			{{"{\"p\":1}", NULL}, {"{\"p\":1.5}", "answer/p: must be an integer"}}},
		/* What stands beside a $ref holds too. */
		{"{\"$defs\":{\"n\":{\"type\":\"integer\"}},\"$ref\":\"#/$defs/n\",\"maximum\":5}",
			{{"5", NULL}, {"6", "answer: must be at most 5"},
				{"4.5", "answer: must be an integer"}}},
		{"{\"properties\":{\"child\":{\"$ref\":\"#\"}},\"additionalProperties\":false}",
			{{"{\"child\":{\"child\":{}}}", NULL},
				{"{\"child\":{\"child\":{\"x\":1}}}",
					"answer/child/child/x: is no property"}}},
		{"{\"$defs\":{\"a/b~%\":{\"const\":1}},\"items\":{\"$ref\":\"#/$defs/a~1b~0%25\"}}",
			{{"[1]", NULL}, {"[2]", "answer/0: must be 1"}}},
		{"{\"$defs\":{\"\\u00e9\":{\"const\":1}},\"$ref\":\"#/%24defs/%C3%a9\"}",
			{{"1", NULL}, {"2", "answer: must be 1"}}},
		{"{\"$defs\":{\"\":{\"const\":1}},\"$ref\":\"#/$defs/\"}",
			{{"1", NULL}, {"2", "answer: must be 1"}}},
		{"{\"$defs\":{\"a\":{\"anyOf\":[true,{\"const\":1}],\"$defs\":{\"b\":{\"const\":2}}"
		 "}},"
		 "\"properties\":{\"x\":{\"$ref\":\"#/$defs/a/anyOf/1\"},\"y\":{\"$ref\":"
		 "\"#/$defs/a/$defs/b\"},\"z\":{\"$ref\":\"#/properties/x\"}}}",
			{{"{\"x\":1,\"y\":2,\"z\":1}", NULL}, {"{\"z\":2}", "answer/z: must be 1"},
				{"{\"y\":1}", "answer/y: must be 2"}}},
		{"{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":false},\"$ref\":\"#/$defs/a\"}",
			{{"1", "answer: the schema allows nothing here"}}},
		{"{\"$defs\":{\"node\":{\"type\":\"object\",\"properties\":{\"kids\":{\"items\":{"
		 "\"$ref\":\"#/$defs/node\"}}}}},\"$ref\":\"#/$defs/node\"}",
			{{"{\"kids\":[{\"kids\":[]},{}]}", NULL},
				{"{\"kids\":[{\"kids\":[7]}]}",
					"answer/kids/0/kids/0: must be an object"}}},
	};

	(void)state;
	CHECK_TABLE(table);
}

static void notes_change_nothing(void **state)
{
	static const struct holding table[] = {
		{"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"t\","
		 "\"description\":\"d\",\"$comment\":\"c\",\"default\":{\"format\":1},"
		 "\"examples\":[{\"format\":1}],\"const\":{\"format\":2}}",
			{{"{\"format\":2}", NULL}, {"{}", "answer: must be {\"format\":2}"}}},
		{"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema#\"}", {{"1", NULL}}},
	};

	(void)state;
	CHECK_TABLE(table);
}

/* Schemas. */

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
	schema_free(made("{\"items\":{\"$ref\":\"#\"},\"additionalProperties\":{\"$ref\":\"#\"}}"));
	schema_free(
		made("{\"$defs\":{\"a\":{},\"b\":{\"allOf\":[{\"$ref\":\"#/$defs/a\"},{\"$ref\":"
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

/* What is too much. */

static char *repeated(const char *before, const char *what, size_t times, const char *after)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, before);
	for (size_t i = 0; i < times; i++)
		buf_adds(&b, what);
	buf_adds(&b, after);
	assert_int_equal(buf_error(&b), 0);
	return buf_detach(&b, NULL);
}

static char *wrapped(const char *open, size_t times, const char *inner, const char *close)
{
	char *start = repeated("", open, times, inner);
	char *text = repeated(start, close, times, "");

	free(start);
	return text;
}

static void expect_new(char *text, int expected)
{
	struct error err = {0};
	struct schema *schema = NULL;

	assert_int_equal(schema_new(text, strlen(text), &schema, &err), expected);
	assert_true(expected == 0 || (err.code == -expected && err.text[0] != '\0'));
	schema_free(schema);
	free(text);
}

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Checks, in bounded time, and frees the answer. */
static void expect(const char *schema_text, char *answer, int expected)
{
	struct schema *schema = made(schema_text);
	struct error err = {0};
	double began = cpu_seconds();
	int rc = schema_check(schema, answer, strlen(answer), &err);
	double took = cpu_seconds() - began;

	if (getenv("SCHEMA_TIMES") != NULL)
		print_message("%8.1f ms: %.100s\n", took * 1e3, schema_text);
	if (rc != expected)
		fail_msg("%.200s: %d, not %d: %s", schema_text, rc, expected, err.text);
	assert_true(rc == 0 || (err.code == -rc && err.text[0] != '\0'));
	assert_true(took < 20); /* sanitized, on a slow machine; it would be for ever */
	schema_free(schema);
	free(answer);
}

static void schemas_are_bounded(void **state)
{
	(void)state;
	expect_new(wrapped("{\"not\":", 250, "{}", "}"), 0);
	expect_new(wrapped("{\"not\":", 300, "{}", "}"), -EINVAL);
	expect_new(wrapped("{\"not\":", 6000, "{}", "}"), -EINVAL);
	expect_new(wrapped("[", 30000, "", "]"), -EINVAL);
	expect_new(repeated("{\"anyOf\":[true", ",true", SCHEMA_NODES_MAX - 2, "]}"), 0);
	expect_new(repeated("{\"anyOf\":[true", ",true", SCHEMA_NODES_MAX - 1, "]}"), -E2BIG);
	expect_new(repeated("{\"enum\":[1", ",1", SCHEMA_MAX / 2 - 10, "]}"), 0);
	expect_new(repeated("{\"enum\":[1", ",1", SCHEMA_MAX / 2, "]}"), -E2BIG);
	expect_new(
		repeated("{\"anyOf\":[true", ",{\"pattern\":\"(?:abc){500}\"}", 500, "]}"), -E2BIG);
	expect_new(repeated("{\"pattern\":\"", "(", 1000, "\"}"), -EINVAL);
	expect_new(repeated("{\"pattern\":\"", "a|", 10000, "\"}"), -EINVAL);
	expect_new(repeated("{\"pattern\":\"", "[a-z]?", 1000, "\"}"), 0);
}

static void answers_are_bounded(void **state)
{
	static const char tree[] = "{\"items\":{\"$ref\":\"#\"}}";
	struct error err = {0};
	struct schema *schema = made(tree);

	(void)state;
	assert_int_equal(schema_check(schema, "", 0, &err), -EINVAL);
	assert_int_equal(schema_check(schema, "[1", 2, &err), -EINVAL);
	assert_true(strncmp(err.text, "answer: bad JSON", 16) == 0);
	assert_int_equal(schema_check(schema, "1 2", 3, &err), -EINVAL);
	assert_int_equal(schema_check(schema, "[]}", 3, &err), -EINVAL);
	assert_int_equal(schema_check(schema, "\"\xff\"", 3, &err), -EINVAL);
	assert_int_equal(schema_check(schema, "hunter2", 7, &err), -EINVAL);
	assert_null(strstr(err.text, "hunter2"));
	assert_int_equal(schema_check(schema, "nope", 4, NULL), -EINVAL);
	schema_free(schema);
	expect(tree, wrapped("[", JSON_DEPTH_MAX - 1, "", "]"), 0);
	expect(tree, wrapped("[", JSON_DEPTH_MAX, "", "]"), -EINVAL);
	expect(tree, wrapped("[", 500000, "", "]"), -EINVAL);
	expect("{\"items\":{\"type\":\"integer\",\"minimum\":0}}",
		repeated("[0", ",0", 500000, "]"), 0);
	expect("{\"items\":{\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":\"^[a-z]+$\"}},"
	       "\"required\":[\"a\"],\"additionalProperties\":false}}",
		repeated("[{\"a\":\"x\"}", ",{\"a\":\"x\"}", 100000, "]"), 0);
}

/* 2^n paths through n definitions, each of which leads to the next twice. */
static char *doubling(const char *keyword, const char *leaf)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "{\"$ref\":\"#/$defs/0\",\"$defs\":{");
	for (int i = 0; i < 60; i++)
		buf_addf(&b,
			"\"%d\":{\"%s\":[{\"$ref\":\"#/$defs/%d\"},{\"$ref\":\"#/$defs/%d\"}]},", i,
			keyword, i + 1, i + 1);
	buf_addf(&b, "\"60\":%s}}", leaf);
	return buf_detach(&b, NULL);
}

static void work_is_bounded(void **state)
{
	static const char *const keywords[] = {"allOf", "anyOf", "oneOf"};
	static const char *const leaves[] = {"true", "false", "false"};
	struct buf wide = BUF_INIT;
	char *text;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		text = doubling(keywords[i], leaves[i]);
		expect(text, strdup("1"), -E2BIG);
		free(text);
	}
	/* A large enum for each of many items; a large constant for each of many items. */
	text = repeated("{\"items\":{\"not\":{\"enum\":[0", ",0", 30000, "]}}}");
	expect(text, repeated("[1", ",1", 500000, "]"), -E2BIG);
	free(text);
	text = repeated("{\"items\":{\"not\":{\"const\":\"", "a", 60000, "\"}}}");
	expect(text, repeated("[\"", "a", 60000, "\"]"), -EINVAL);
	free(text);
	/* Many properties, of which none is there. */
	buf_adds(&wide, "{\"items\":{\"properties\":{");
	for (int i = 0; i < 900; i++)
		buf_addf(&wide, "%s\"p%d\":true", i > 0 ? "," : "", i);
	buf_adds(&wide, "}}}");
	expect(wide.data, repeated("[{}", ",{}", 300000, "]"), -E2BIG);
	expect(wide.data, repeated("[1", ",1", 500000, "]"), -E2BIG);
	buf_release(&wide);
}

/* What must be refused by `not` or passed over by anyOf may not be, for want of steps. */
static void too_much_work_is_no_verdict(void **state)
{
	char *inner = doubling("allOf", "true");
	struct buf b = BUF_INIT;

	(void)state;
	buf_addf(&b, "{\"not\":{\"$ref\":\"#/$defs/0\"},%s", strstr(inner, "\"$defs\""));
	expect(b.data, strdup("1"), -E2BIG);
	buf_reset(&b);
	buf_addf(&b, "{\"anyOf\":[{\"$ref\":\"#/$defs/0\"},true],%s", strstr(inner, "\"$defs\""));
	expect(b.data, strdup("1"), -E2BIG);
	buf_release(&b);
	free(inner);
}

static void patterns_are_bounded(void **state)
{
	static const struct {
		const char *pattern, *what;
		size_t times;
		const char *after;
	} hostile[] = {
		{"^(a+)+$", "a", 50, "!"},
		{"^(a|aa)+$", "a", 1000, "!"},
		{"(a*)*[bc]", "a", 1000, ""},
		{"(.*)*(.*)*(.*)*[xy]", "a", 1000, ""},
		{"[^bc]*[bc]", "a", 900000, ""}, /* quadratic, without a choice to come back to */
		{"[ab]{60000}[cd]", "a", 900000, ""}, /* within a single item */
		{"(?:a{50000}){1}", "aaaaaaaab", 100000, ""},
		{"^(a*)(?:\\\\1b|c)*?d", "a", 100000, ""},
		{"(?<=[ab]{20000}c)d", "ad", 400000, ""},
		{"^(?:(a)|b)*$", "ab", 400000, ""}, /* memory */
		{"(?=(a+))+.*[xy]", "a", 100000, ""},
		{"(?:(?:a?){40}){40}[bc]", "a", 100, ""},
		{"\\\\p{L}*\\\\d", "\xc3\xa9", 400000, ""},
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		char *quoted = repeated("\"", hostile[i].what, hostile[i].times, hostile[i].after);

		snprintf(text, sizeof(text), "{\"pattern\":\"%s\"}", hostile[i].pattern);
		expect(text, repeated(quoted, "\"", 1, ""), -E2BIG);
		free(quoted);
	}
	/* Plain ones do for long texts. */
	expect("{\"pattern\":\"^[a-z ]*$\"}", repeated("\"", "lorem ipsum ", 80000, "\""), 0);
	expect("{\"pattern\":\"([a-z])x\\\\1\"}", repeated("\"", "lorem ipsum ", 30000, "\""),
		-EINVAL);
	expect("{\"pattern\":\"ipsum!\"}", repeated("\"", "lorem ipsum ", 80000, "\""), -EINVAL);
	expect("{\"pattern\":\"^(?:[a-z]+ )*$\"}", repeated("\"", "lorem ipsum ", 20000, "\""), 0);
	expect("{\"items\":{\"pattern\":\"^\\\\d{4}-\\\\d{2}$\"}}",
		repeated("[\"2025-11\"", ",\"2025-11\"", 90000, "]"), 0);
}

static void *check_deep(void *arg)
{
	char *chain;
	struct buf b = BUF_INIT;

	(void)arg;
	/* 900 definitions deep at each level of the answer. */
	buf_adds(&b, "{\"$ref\":\"#/$defs/0\",\"$defs\":{");
	for (int i = 0; i < 450; i++)
		buf_addf(&b, "\"%d\":{\"allOf\":[{\"$ref\":\"#/$defs/%d\"}]},", i, i + 1);
	buf_adds(&b, "\"450\":{\"items\":{\"$ref\":\"#\"}}}}");
	chain = wrapped("[", 200, "", "]");
	expect(b.data, chain, -E2BIG);
	expect(b.data, strdup("[[]]"), 0);
	buf_release(&b);
	return NULL;
}

static void stack_is_bounded(void **state)
{
	pthread_attr_t attr;
	pthread_t thread;

	(void)state;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, (size_t)2 << 20);
	assert_int_equal(pthread_create(&thread, &attr, check_deep, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attr);
}

static void reasons_are_short(void **state)
{
	char *key = repeated("", "k", 5000, "");
	struct buf schema_text = BUF_INIT, answer = BUF_INIT;
	struct error err = {0};
	struct schema *schema = NULL;

	(void)state;
	buf_addf(&schema_text,
		"{\"additionalProperties\":{\"properties\":{\"x\":{\"enum\":[\"%s\"]}}}}", key);
	buf_addf(&answer, "{\"%s\":{\"x\":\"secret\"}}", key);
	schema = made(schema_text.data);
	assert_int_equal(schema_check(schema, answer.data, answer.len, &err), -EINVAL);
	assert_string_equal(
		err.text, "answer/\xe2\x80\xa6/x: must be one of the values of the schema's enum");
	schema_free(schema);
	buf_reset(&schema_text);
	buf_addf(&schema_text, "{\"properties\":{\"%s\":{\"format\":1}}}", key);
	assert_int_equal(schema_new(schema_text.data, schema_text.len, &schema, &err), -EINVAL);
	assert_string_equal(
		err.text, "schema/\xe2\x80\xa6/format: is no keyword that is known here");
	buf_release(&schema_text);
	buf_release(&answer);
	free(key);
	schema_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types),
		cmocka_unit_test(values),
		cmocka_unit_test(strings),
		cmocka_unit_test(lists),
		cmocka_unit_test(objects),
		cmocka_unit_test(combinations),
		cmocka_unit_test(references),
		cmocka_unit_test(notes_change_nothing),
		cmocka_unit_test(unknown_keywords_are_refused),
		cmocka_unit_test(bad_values_are_refused),
		cmocka_unit_test(bad_references_are_refused),
		cmocka_unit_test(loops_are_refused),
		cmocka_unit_test(bad_patterns_are_refused),
		cmocka_unit_test(schemas_are_bounded),
		cmocka_unit_test(answers_are_bounded),
		cmocka_unit_test(work_is_bounded),
		cmocka_unit_test(too_much_work_is_no_verdict),
		cmocka_unit_test(patterns_are_bounded),
		cmocka_unit_test(stack_is_bounded),
		cmocka_unit_test(reasons_are_short),
	};

	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
