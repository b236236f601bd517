#include "core/base/text.h"

#include "core/base/error.h"

#include <errno.h>
#include <string.h>

#define EVERY_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

static inline uint64_t load_word(const char *text)
{
	uint64_t word;

	memcpy(&word, text, sizeof(word));
	return word;
}

size_t text_char(const char *text, size_t len, bool *cut)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xbf; /* what the second byte may be */
	bool short_of = false;
	size_t count = 0, i;

	if (len > 0 && s[0] < 0x80)
		return 1;
	if (len > 0 && s[0] >= 0xc2 && s[0] <= 0xf4) {
		count = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
		low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : low;
		high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : high;
	}
	for (i = 1; i < count && i < len; i++) {
		if (s[i] < low || s[i] > high)
			break;
		low = 0x80;
		high = 0xbf;
	}
	if (count > 0 && i == count)
		return count;
	short_of = count > 0 && i == len;
	if (cut != NULL)
		*cut = short_of;
	return 0;
}

size_t text_utf8_prefix(const char *text, size_t len, bool *cut)
{
	size_t at = 0;

	if (cut != NULL)
		*cut = false;
	while (at < len) {
		size_t n;

		while (len - at >= 8 && (load_word(text + at) & EVERY_BYTE(0x80)) == 0)
			at += 8;
		if (at == len)
			break;
		n = text_char(text + at, len - at, cut);
		if (n == 0)
			break;
		at += n;
	}
	return at;
}

bool text_is_utf8(const char *text, size_t len, size_t *bad_offset)
{
	size_t good = text_utf8_prefix(text, len, NULL);

	if (good == len)
		return true;
	if (bad_offset != NULL)
		*bad_offset = good;
	return false;
}

size_t text_count(const char *text, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

bool text_is_control(const char *character, size_t len)
{
	const unsigned char *s = (const unsigned char *)character;

	if (len == 1)
		return s[0] < 0x20 || s[0] == 0x7f;
	if (len == 2)
		return s[0] == 0xc2 && s[1] < 0xa0;
	return len == 3 && s[0] == 0xe2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9);
}

bool text_is_turn(const char *character, size_t len)
{
	const unsigned char *s = (const unsigned char *)character;

	if (len == 2) /* U+061C */
		return s[0] == 0xd8 && s[1] == 0x9c;
	if (len != 3 || s[0] != 0xe2)
		return false;
	if (s[1] == 0x80) /* U+200E, U+200F, U+202A to U+202E */
		return s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xaa && s[2] <= 0xae);
	return s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9; /* U+2066 to U+2069 */
}

static bool is_plain(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 0x20 && u != '"' && u != '\\' && u != 0x7f;
}

/* Whether any of 8 bytes is 0; exact as a whole, though not byte by byte. */
static inline uint64_t has_zero(uint64_t word)
{
	return (word - EVERY_BYTE(0x01)) & ~word & EVERY_BYTE(0x80);
}

size_t text_plain(const char *text, size_t len)
{
	size_t at = 0;

	for (; len - at >= 8; at += 8) {
		uint64_t word = load_word(text + at);
		uint64_t below = (word - EVERY_BYTE(0x20)) & ~word & EVERY_BYTE(0x80);

		if ((below | has_zero(word ^ EVERY_BYTE('"')) | has_zero(word ^ EVERY_BYTE('\\')) |
			    has_zero(word ^ EVERY_BYTE(0x7f))) != 0)
			break;
	}
	while (at < len && is_plain(text[at]))
		at++;
	return at;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

bool text_id_ok(const char *id)
{
	size_t len = 0;

	for (; id[len] != '\0'; len++) {
		if (len == ID_MAX || !(is_word(id[len]) || id[len] == '-'))
			return false;
	}
	return len > 0 && strcmp(id, "new") != 0;
}

bool text_type_ok(const char *type)
{
	const char *word = type;
	bool dotted = false;
	size_t i;

	for (i = 0; type[i] != '\0'; i++) {
		if (i == TYPE_MAX)
			return false;
		if (is_word(type[i]))
			continue;
		if (type[i] != '.' || type + i == word)
			return false;
		dotted = true;
		word = type + i + 1;
	}
	return dotted && type + i != word && strcmp(word, "live") != 0;
}

int text_agent_name(const char *name, struct error *err)
{
	size_t len = strlen(name), chars = 0, n;

	for (size_t i = 0; i < len; i += n, chars++) {
		n = text_char(name + i, len - i, NULL);
		if (n == 0)
			return error_set(err, EINVAL, "agent_name: must be valid UTF-8");
		if (text_is_control(name + i, n))
			return error_set(
				err, EINVAL, "agent_name: must not hold control characters");
	}
	if (chars == 0 || chars > AGENT_NAME_MAX)
		return error_set(
			err, EINVAL, "agent_name: must be 1 to %d characters", AGENT_NAME_MAX);
	return 0;
}

static char key_char(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return is_word(c) ? c : '-';
}

void text_agent_key(const char *name, char out[AGENT_KEY_MAX + 1])
{
	size_t left = strlen(name), len = 0;

	while (left > 0 && len < AGENT_KEY_MAX) {
		size_t n = text_char(name, left, NULL);

		out[len++] = key_char(*name);
		n = n == 0 ? 1 : n;
		name += n;
		left -= n;
	}
	out[len] = '\0';
	if (len == 0 || strcmp(out, "new") == 0) {
		out[len] = '-';
		out[len + 1] = '\0';
	}
}

int text_hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if ((digit >= 'a' && digit <= 'f') || (digit >= 'A' && digit <= 'F'))
		return (digit | 0x20) - 'a' + 10;
	return -1;
}
