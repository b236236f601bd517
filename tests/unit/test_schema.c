/* What each keyword of a schema takes, and what it says of what it does not take. */
#include "core/base/error.h"
#include "tests/unit/schema_made.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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
		struct schema *schema = schema_made(table[i].schema);

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
	};

	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
