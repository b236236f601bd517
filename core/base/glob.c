#include "core/base/glob.h"

#include "core/base/text.h"

#include <stddef.h>
#include <string.h>

/* A text that does not end with a NUL: a part of a pattern or path, between slashes. */
struct span {
	const char *text;
	size_t len;
};

/* The first character's length, where there is one; a byte that begins none counts as one. */
static size_t step(struct span s)
{
	size_t n = text_char(s.text, s.len, NULL);

	return n != 0 ? n : 1;
}

static struct span after(struct span s, size_t n)
{
	return (struct span){s.text + n, s.len - n};
}

/* Characters by their bytes: UTF-8 is in the order of the characters it encodes. */
static int order(struct span a, size_t a_len, struct span b, size_t b_len)
{
	int r = memcmp(a.text, b.text, a_len < b_len ? a_len : b_len);

	return r != 0 ? r : (int)a_len - (int)b_len;
}

/* The length of the set that the pattern begins with, from [ to ]; 0: it is none. */
static size_t set_len(struct span p)
{
	size_t at = 1;

	if (at < p.len && (p.text[at] == '!' || p.text[at] == '^'))
		at++;
	if (at < p.len && p.text[at] == ']')
		at++;
	while (at < p.len && p.text[at] != ']')
		at += p.text[at] == '\\' && at + 1 < p.len ? 2 : 1;
	return at < p.len ? at + 1 : 0;
}

/* Takes one character of a set, without its backslash. */
static struct span take(struct span *set)
{
	struct span c;

	if (set->text[0] == '\\' && set->len > 1)
		*set = after(*set, 1);
	c = (struct span){set->text, step(*set)};
	*set = after(*set, c.len);
	return c;
}

static bool in_set(struct span set, struct span name)
{
	const size_t n = step(name);
	bool found = false, negated;

	set = (struct span){set.text + 1, set.len - 2};
	negated = set.len > 0 && (set.text[0] == '!' || set.text[0] == '^');
	if (negated)
		set = after(set, 1);
	while (set.len > 0) {
		struct span first = take(&set), last = first;

		if (set.len > 1 && set.text[0] == '-') {
			set = after(set, 1);
			last = take(&set);
		}
		found |= order(name, n, first, first.len) >= 0 &&
			 order(name, n, last, last.len) <= 0;
	}
	return found != negated;
}

/* Matches one character of the name with what the pattern begins with, which is no `*`; and tells
 * how long that is. */
static bool match_one(struct span p, struct span name, size_t *used)
{
	size_t set = p.text[0] == '[' ? set_len(p) : 0;

	*used = 1;
	if (p.text[0] == '?')
		return true;
	if (set != 0) {
		*used = set;
		return in_set((struct span){p.text, set}, name);
	}
	if (p.text[0] == '\\' && p.len > 1) {
		p = after(p, 1);
		*used = 1 + step(p);
	} else {
		*used = step(p);
	}
	return order(p, step(p), name, step(name)) == 0;
}

/* One part. Only the last `*` is ever taken back, so this is quadratic at worst. */
static bool match_part(struct span p, struct span name)
{
	struct span star = {NULL, 0}, from = {NULL, 0};
	size_t used;

	while (name.len > 0) {
		if (p.len > 0 && p.text[0] == '*') {
			p = star = after(p, 1);
			from = name;
		} else if (p.len > 0 && match_one(p, name, &used)) {
			p = after(p, used);
			name = after(name, step(name));
		} else if (star.text != NULL) {
			p = star;
			name = from = after(from, step(from));
		} else {
			return false;
		}
	}
	while (p.len > 0 && p.text[0] == '*')
		p = after(p, 1);
	return p.len == 0;
}

/* Takes the first part, and what follows it without its slashes. */
static struct span next(struct span *rest)
{
	const char *slash = memchr(rest->text, '/', rest->len);
	struct span part = {rest->text, slash ? (size_t)(slash - rest->text) : rest->len};

	*rest = after(*rest, part.len);
	while (rest->len > 0 && rest->text[0] == '/')
		*rest = after(*rest, 1);
	return part;
}

static bool is_any(struct span part)
{
	return part.len == 2 && memcmp(part.text, "**", 2) == 0;
}

enum how { WHOLE, ABOVE, BELOW };

/*
 * The parts of both, as match_part() does the characters. WHOLE: all of both. ABOVE: also where the
 * pattern ends first, at a directory above the path. BELOW: also where the path ends first, so
 * that the pattern may match something in it.
 */
static bool match_parts(struct span pattern, struct span path, enum how how)
{
	struct span any = {NULL, 0}, from = {NULL, 0}, before, part;

	while (path.len > 0) {
		before = pattern;
		part = next(&pattern);
		if (before.len > 0 && is_any(part)) {
			any = pattern;
			from = path;
			if (pattern.len == 0 || how == BELOW)
				return true;
			continue;
		}
		if (before.len > 0 && match_part(part, next(&path))) {
			if (pattern.len == 0 && how != WHOLE)
				return true;
			continue;
		}
		if (any.text == NULL)
			return false;
		next(&from);
		path = from;
		pattern = any;
	}
	return how == BELOW || pattern.len == 0;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

struct rule {
	struct span pattern;
	bool anchored, dirs;
};

static struct rule rule_of(const char *pattern)
{
	struct rule rule = {.pattern = {pattern, strlen(pattern)}};
	struct span *p = &rule.pattern;

	while (p->len > 0 && p->text[p->len - 1] == '/') {
		rule.dirs = true;
		p->len--;
	}
	rule.anchored = memchr(p->text, '/', p->len) != NULL;
	while (p->len > 0 && p->text[0] == '/')
		*p = after(*p, 1);
	return rule;
}

bool glob_matches(const char *pattern, const char *path, bool is_dir)
{
	struct rule rule = rule_of(pattern);

	if (rule.pattern.len == 0 || (rule.dirs && !is_dir))
		return false;
	if (!rule.anchored)
		path = last_part(path);
	return match_parts(rule.pattern, (struct span){path, strlen(path)}, WHOLE);
}

bool glob_covers(const char *pattern, const char *path, bool is_dir)
{
	struct rule rule = rule_of(pattern);
	struct span rest = {path, strlen(path)};

	if (rule.pattern.len == 0)
		return false;
	if (glob_matches(pattern, path, is_dir))
		return true;
	/* What is above is a directory. */
	rest.len = (size_t)(last_part(path) - path);
	while (rest.len > 0 && rest.text[rest.len - 1] == '/')
		rest.len--;
	if (rest.len == 0)
		return false;
	if (rule.anchored)
		return match_parts(rule.pattern, rest, ABOVE);
	while (rest.len > 0)
		if (match_part(rule.pattern, next(&rest)))
			return true;
	return false;
}

bool glob_leads(const char *pattern, const char *dir)
{
	struct rule rule = rule_of(pattern);

	if (rule.pattern.len == 0)
		return false;
	return !rule.anchored || match_parts(rule.pattern, (struct span){dir, strlen(dir)}, BELOW);
}
