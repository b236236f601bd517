#include "core/base/text.h"
#include "core/base/words_private.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

static const struct {
	uint32_t first, last;
} diacritics[] = {
	{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05c7}, {0x0610, 0x061a}, {0x064b, 0x065f},
	{0x0670, 0x0670}, {0x06d6, 0x06ed}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff},
	{0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef}, {0x00ad, 0x00ad}, /* soft hyphen */
	{0x200c, 0x200d}, /* zero-width non-joiner and joiner */
};

/* Letters that Unicode does not decompose, and people write without their strokes. */
static const struct {
	uint32_t code;
	const char *text;
} plain_letters[] = {
	{0x00e6, "ae"},
	{0x00f0, "d"},
	{0x00f8, "o"},
	{0x00fe, "th"},
	{0x0111, "d"},
	{0x0127, "h"},
	{0x0131, "i"},
	{0x0142, "l"},
	{0x0153, "oe"},
	{0x0167, "t"},
};

static bool is_diacritic(uint32_t code)
{
	for (size_t i = 0; i < sizeof(diacritics) / sizeof(*diacritics); i++)
		if (code >= diacritics[i].first && code <= diacritics[i].last)
			return true;
	return false;
}

static bool is_without_spaces(uint32_t code)
{
	static const char *const names[] = {"Han", "Hiragana", "Katakana", "Hangul", "Bopomofo",
		"Thai", "Lao", "Khmer", "Myanmar", "Tibetan", "Yi", "Javanese", "Balinese",
		"Tai_Le", "New_Tai_Lue", "Tai_Tham", "Tai_Viet", "Nushu", "Tangut"};
	const uc_script_t *script = uc_script(code);

	if (code >= 0x3005 && code <= 0x30ff) /* with marks that several scripts share */
		return true;
	for (size_t i = 0; script && i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(script->name, names[i]) == 0)
			return true;
	return false;
}

static void add(struct letter *l, const char *text, size_t len)
{
	if (len > (size_t)(FOLDED_MAX - l->len))
		return;
	memcpy(l->text + l->len, text, len);
	l->len = (uint8_t)(l->len + len);
}

static void add_code(struct letter *l, uint32_t code)
{
	uint8_t bytes[6];
	int len;

	for (size_t i = 0; i < sizeof(plain_letters) / sizeof(*plain_letters); i++)
		if (plain_letters[i].code == code) {
			add(l, plain_letters[i].text, strlen(plain_letters[i].text));
			return;
		}
	len = u8_uctomb(bytes, code, sizeof(bytes));
	if (len > 0)
		add(l, (const char *)bytes, (size_t)len);
}

static bool in_word(uint32_t code)
{
	return uc_is_general_category_withtable(
		code, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M | UC_CATEGORY_MASK_N);
}

/* Decomposes with all that compatibility says, folds the case of that, takes the diacritics away,
 * and composes what is left: NFKC_Casefold (Unicode, 3.13) but for them. Singles stay one
 * character: of them only the halfwidth ones have another form. */
static void set_text(struct letter *l)
{
	uint32_t a[64], b[64], code = l->code;
	bool single = l->kind == LETTER_SINGLE || l->kind == LETTER_MARK;
	uninorm_t form = single && code < 0xff00 ? UNINORM_NFD : UNINORM_NFKD;
	size_t len = sizeof(a) / sizeof(*a), folded_len = sizeof(b) / sizeof(*b), kept = 0;
	uint32_t *p = u32_normalize(form, &code, 1, a, &len);
	uint32_t *q = p ? u32_casefold(p, len, NULL, form, b, &folded_len) : NULL;

	for (size_t i = 0; q && i < folded_len; i++)
		if (!is_diacritic(q[i]) && in_word(q[i]))
			q[kept++] = q[i];
	if (p != a)
		free(p);
	len = sizeof(a) / sizeof(*a);
	p = q && kept ? u32_normalize(UNINORM_NFC, q, kept, a, &len) : NULL;
	for (size_t i = 0; p && i < len; i++)
		add_code(l, p[i]);
	if (p != a)
		free(p);
	if (q != b)
		free(q);
}

static uint8_t kind_of(uint32_t code)
{
	if (code == 0x2019) /* an apostrophe */
		return LETTER_JOIN;
	if (is_diacritic(code))
		return LETTER_DROP;
	if (code == 0xff9e || code == 0xff9f) /* voicing marks of halfwidth kana */
		return LETTER_MARK;
	if (!in_word(code))
		return LETTER_NONE;
	if (is_without_spaces(code))
		return uc_is_general_category_withtable(code, UC_CATEGORY_MASK_M) ? LETTER_MARK
										  : LETTER_SINGLE;
	if (uc_is_general_category_withtable(code, UC_CATEGORY_MASK_N))
		return LETTER_DIGIT;
	if (uc_is_general_category_withtable(code, UC_CATEGORY_MASK_Lu | UC_CATEGORY_MASK_Lt))
		return LETTER_UPPER;
	return LETTER_LOWER;
}

static void set(struct letter *l, uint32_t code)
{
	*l = (struct letter){.code = code, .kind = kind_of(code)};
	if (l->kind == LETTER_NONE || l->kind == LETTER_DROP || l->kind == LETTER_JOIN)
		return;
	set_text(l);
	if (l->len == 0)
		l->kind = LETTER_DROP;
}

static void set_ascii(struct letter *l, char c)
{
	*l = (struct letter){.code = (uint32_t)c, .len = 1, .text = {c}};
	if (c >= 'a' && c <= 'z')
		l->kind = LETTER_LOWER;
	else if (c >= '0' && c <= '9')
		l->kind = LETTER_DIGIT;
	else if (c == '_' || c == '-' || c == '\'')
		l->kind = LETTER_JOIN;
	else if (c == '.')
		l->kind = LETTER_DOT;
	else if (c >= 'A' && c <= 'Z') {
		l->kind = LETTER_UPPER;
		l->text[0] = (char)(c | 0x20);
	}
}

struct fold *fold_new(void)
{
	struct fold *f = calloc(1, sizeof(*f));

	for (int c = 0; f && c < 128; c++)
		set_ascii(&f->ascii[c], (char)c);
	return f;
}

void fold_free(struct fold *f)
{
	free(f);
}

const struct letter *fold_other(struct fold *f, const char *text, size_t len, size_t *bytes)
{
	const size_t n = text_char(text, len, NULL);
	struct letter *l;
	ucs4_t code;

	*bytes = n ? n : 1;
	if (n == 0)
		return &f->bad;
	u8_mbtouc_unsafe(&code, (const uint8_t *)text, n);
	l = &f->slots[code & (FOLD_SLOTS - 1)];
	if (l->code != code)
		set(l, code);
	return l;
}

uint32_t fold_compose(uint32_t first, uint32_t second)
{
	return uc_composition(first, second);
}
