#include "core/base/pattern.h"

#include "core/base/error.h"
#include "core/base/limits.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Bytes that cost one step: the library runs over them faster than it tries an item. */
#define BYTES_A_STEP 8
/* What setting up one search costs. */
#define SEARCH_STEPS 8

struct pattern {
	pcre2_code *code;
	size_t size;
	size_t reach; /* bytes that one item may look at and then fail, untold */
	char *text;   /* as written, where it has back references; else NULL */
};

/* Goes over the pattern for what ECMA-262 doesn't have, and PCRE2 would take for something. */
struct syntax {
	const char *text, *at;
	struct error *err;
	size_t least;   /* the largest number of times that something must stand */
	bool in_class;  /* between [ and ] */
	bool repeated;  /* what stands before is * + ? or {n} */
	bool unwilling; /* and a ? was behind it */
};

static int refuse(const struct syntax *s, const char *why)
{
	return error_set(
		s->err, EINVAL, "bad pattern at byte %zu: %s", (size_t)(s->at - s->text) + 1, why);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int look_escape(struct syntax *s)
{
	const char *known = s->in_class ? "dDwWsSbfnrtcuxpP0" : "dDwWsSbBfnrtcuxpPk0123456789";
	char c = s->at[1];

	if (c == '\0')
		return refuse(s, "a \\ must stand before something");
	if ((is_digit(c) || is_letter(c)) && strchr(known, c) == NULL)
		return refuse(s, "no such escape is known");
	s->at += 2;
	return 0;
}

static int look_in_class(struct syntax *s)
{
	if (*s->at == '\\')
		return look_escape(s);
	if (*s->at == '[' && s->at[1] != '\0' && strchr(":.=", s->at[1]) != NULL)
		return refuse(s, "in a class, a [ is written \\[");
	s->in_class = *s->at != ']';
	s->at++;
	return 0;
}

/* The number at `p`, which must be small to be of use. */
static const char *skip_number(const char *p, size_t *number)
{
	for (*number = 0; is_digit(*p); p++)
		if (*number < 100000)
			*number = 10 * *number + (size_t)(*p - '0');
	return p;
}

/* The length of the repeat that stands here; 0 where there is none. */
static size_t repeat_length(const char *p, size_t *least)
{
	const char *start = p;
	size_t most;

	*least = 0;
	if (*p != '\0' && strchr("*+?", *p) != NULL)
		return 1;
	if (*p != '{' || !is_digit(p[1]))
		return 0; /* to both, {,3} and a lone { are characters */
	p = skip_number(p + 1, least);
	if (*p == ',')
		p = skip_number(p + 1, &most);
	return *p == '}' ? (size_t)(p + 1 - start) : 0;
}

static int look_repeat(struct syntax *s, size_t len, size_t least)
{
	if (s->repeated && (*s->at != '?' || s->unwilling))
		return refuse(s, "there is nothing to repeat");
	s->unwilling = s->repeated;
	s->repeated = true;
	if (s->least < least)
		s->least = least;
	s->at += len;
	return 0;
}

static int look_group(struct syntax *s)
{
	if (s->at[1] == '*')
		return refuse(s, "there is nothing to repeat");
	if (s->at[1] == '?' && (s->at[2] == '\0' || strchr(":=!<", s->at[2]) == NULL))
		return refuse(s, "no such group is known");
	s->at += s->at[1] == '?' ? 3 : 1; /* that ? repeats nothing */
	return 0;
}

static int look(struct syntax *s)
{
	size_t least, len = s->in_class ? 0 : repeat_length(s->at, &least);

	if (len > 0)
		return look_repeat(s, len, least);
	s->repeated = false;
	s->unwilling = false;
	if (s->in_class)
		return look_in_class(s);
	switch (*s->at) {
	case '\\':
		return look_escape(s);
	case '(':
		return look_group(s);
	case '[':
		s->in_class = true;
		s->at += s->at[1] == '^' ? 2 : 1;
		return 0;
	default:
		s->at++;
		return 0;
	}
}

static int compile_with(
	pcre2_compile_context *context, const char *text, struct pattern *p, struct error *err)
{
	const uint32_t options = PCRE2_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C |
				 PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS |
				 PCRE2_MATCH_UNSET_BACKREF | PCRE2_ALT_BSUX | PCRE2_AUTO_CALLOUT;
	PCRE2_UCHAR why[160];
	PCRE2_SIZE at = 0;
	int code = 0;

	pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
	pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF); /* what . is not */
	p->code = pcre2_compile(
		(PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &code, &at, context);
	if (p->code != NULL)
		return 0;
	if (code == PCRE2_ERROR_HEAP_FAILED)
		return error_set(err, ENOMEM, "out of memory");
	pcre2_get_error_message(code, why, sizeof(why));
	return error_set(
		err, EINVAL, "bad pattern at byte %zu: %s", (size_t)at + 1, (const char *)why);
}

static int compile(const char *text, struct pattern *p, struct error *err)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	uint32_t behind = 0, references = 0;
	int rc;

	if (context == NULL)
		return error_set(err, ENOMEM, "out of memory");
	rc = compile_with(context, text, p, err);
	pcre2_compile_context_free(context);
	if (rc < 0)
		return rc;
	pcre2_pattern_info(p->code, PCRE2_INFO_SIZE, &p->size);
	pcre2_pattern_info(p->code, PCRE2_INFO_MAXLOOKBEHIND, &behind);
	pcre2_pattern_info(p->code, PCRE2_INFO_BACKREFMAX, &references);
	p->reach += behind;
	if (references > 0 && (p->text = strdup(text)) == NULL)
		return error_set(err, ENOMEM, "out of memory");
	return 0;
}

int pattern_new(const char *text, struct pattern **out, struct error *err)
{
	struct syntax s = {.text = text, .at = text, .err = err};
	struct pattern *p;
	int rc = 0;

	while (rc == 0 && *s.at != '\0')
		rc = look(&s);
	if (rc < 0)
		return rc;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return error_set(err, ENOMEM, "out of memory");
	p->reach = s.least;
	rc = compile(text, p, err);
	if (rc < 0) {
		pattern_free(p);
		return rc;
	}
	*out = p;
	return 0;
}

void pattern_free(struct pattern *p)
{
	if (p == NULL)
		return;
	pcre2_code_free(p->code);
	free(p->text);
	free(p);
}

size_t pattern_size(const struct pattern *p)
{
	return p->size;
}

struct work {
	const struct pattern *pattern;
	uint64_t *steps;
	size_t at; /* where in the text the last item was tried */
};

static bool spend(uint64_t *steps, uint64_t cost)
{
	if (cost >= *steps) {
		*steps = 0;
		return false;
	}
	*steps -= cost;
	return true;
}

/* How far an item that is a back reference may look: as far as what it refers to is long. */
static size_t reach_back(const struct pattern *p, const pcre2_callout_block *item)
{
	const char *text = p->text + item->pattern_position;
	size_t longest = 0;

	if (text[0] != '\\' || !(is_digit(text[1]) || text[1] == 'k'))
		return 0;
	for (uint32_t i = 1; i < item->capture_top; i++) {
		size_t start = item->offset_vector[2 * i], end = item->offset_vector[2 * i + 1];

		if (start != PCRE2_UNSET && end != PCRE2_UNSET && end > start &&
			end - start > longest)
			longest = end - start;
	}
	return longest;
}

static int charge(pcre2_callout_block *item, void *arg)
{
	struct work *work = arg;
	const struct pattern *p = work->pattern;
	size_t at = item->current_position;
	size_t looked = at > work->at ? at - work->at : work->at - at;

	work->at = at;
	looked += p->reach + (p->text != NULL ? reach_back(p, item) : 0);
	return spend(work->steps, 1 + looked / BYTES_A_STEP) ? 0 : PCRE2_ERROR_CALLOUT;
}

static int search(const struct pattern *p, const char *text, size_t len, struct work *work,
	pcre2_match_context *context)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	int code;

	if (data == NULL)
		return PCRE2_ERROR_NOMEMORY;
	pcre2_set_callout(context, charge, work);
	pcre2_set_match_limit(
		context, *work->steps < UINT32_MAX ? (uint32_t)*work->steps : UINT32_MAX);
	pcre2_set_depth_limit(context, PATTERN_DEPTH_MAX);
	pcre2_set_heap_limit(context, PATTERN_HEAP_KIB);
	code = pcre2_match(p->code, (PCRE2_SPTR)text, len, 0, PCRE2_NO_UTF_CHECK, data, context);
	pcre2_match_data_free(data);
	return code;
}

int pattern_search(const struct pattern *p, const char *text, size_t len, uint64_t *steps)
{
	struct work work = {.pattern = p, .steps = steps};
	pcre2_match_context *context;
	int code;

	if (!spend(steps, SEARCH_STEPS + len / BYTES_A_STEP))
		return -E2BIG;
	context = pcre2_match_context_create(NULL);
	if (context == NULL)
		return -ENOMEM;
	code = search(p, text, len, &work, context);
	pcre2_match_context_free(context);
	if (code >= 0)
		return 1;
	switch (code) {
	case PCRE2_ERROR_NOMATCH:
		return 0;
	case PCRE2_ERROR_NOMEMORY:
		return -ENOMEM;
	default:
		return -E2BIG;
	}
}
