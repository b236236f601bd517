/* dashboard.html and dashboard.js: the snapshot for a browser. */
#include "core/report/dashboard.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

/* The files of core/report/page/, as they are: paths are from where the compiler is run. */
__asm__(".section .rodata\n"
	"page_html:\n.incbin \"core/report/page/dashboard.html\"\n.byte 0\n"
	"page_css:\n.incbin \"core/report/page/dashboard.css\"\n.byte 0\n"
	"page_js:\n.incbin \"core/report/page/base.js\"\n"
	".incbin \"core/report/page/parts.js\"\n"
	".incbin \"core/report/page/live.js\"\n.byte 0\n"
	".previous\n");
extern const char page_html[] __attribute__((visibility("hidden")));
extern const char page_css[] __attribute__((visibility("hidden")));
extern const char page_js[] __attribute__((visibility("hidden")));

/* JSON for the inside of a script element: nothing in it can end that element, and what JavaScript
 * once took for the end of a line is escaped (all of these stand in strings alone). */
static void add_json(struct buf *b, const char *json, size_t len)
{
	for (size_t i = 0, from = 0; i <= len; i++) {
		const char *at = json + i;
		const char *as = i == len     ? ""
				 : *at == '<' ? "\\u003c"
				 : *at == '>' ? "\\u003e"
				 : *at == '&' ? "\\u0026"
					      : NULL;
		size_t skip = 1;

		if (!as && len - i >= 3 && memcmp(at, "\xe2\x80", 2) == 0 &&
			(at[2] == '\xa8' || at[2] == '\xa9')) {
			as = at[2] == '\xa8' ? "\\u2028" : "\\u2029";
			skip = 3;
		}
		if (!as)
			continue;
		buf_add(b, json + from, i - from);
		buf_adds(b, as);
		i += skip - 1;
		from = i + 1;
	}
}

/* Text as HTML. */
static void add_text(struct buf *b, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '<')
			buf_adds(b, "&lt;");
		else if (text[i] == '>')
			buf_adds(b, "&gt;");
		else if (text[i] == '&')
			buf_adds(b, "&amp;");
		else
			buf_addc(b, text[i]);
	}
}

/* Without scripts it is the page for a terminal. */
static int add_sheet(const char *json, size_t len, struct buf *out)
{
	struct buf text = BUF_INIT;
	int r = dashboard_text(json, len, &text);

	if (!r)
		add_text(out, text.data ? text.data : "", text.len);
	buf_release(&text);
	return r;
}

/* The page has each of @css@, @text@, @json@, @js@ once. */
int dashboard_page(const char *json, size_t len, struct buf *out)
{
	const char *at = page_html, *mark;
	int r = 0;

	while (!r && (mark = strchr(at, '@'))) {
		const char *name = mark + 1;
		const size_t size = strcspn(name, "@ \n;");

		buf_add(out, at, (size_t)(mark - at));
		at = name[size] == '@' ? name + size + 1 : name;
		if (name[size] != '@')
			buf_addc(out, '@');
		else if (strncmp(name, "css@", 4) == 0)
			buf_adds(out, page_css);
		else if (strncmp(name, "js@", 3) == 0)
			buf_adds(out, page_js);
		else if (strncmp(name, "json@", 5) == 0)
			add_json(out, json, len);
		else
			r = add_sheet(json, len, out);
	}
	buf_adds(out, at);
	return r ? r : buf_error(out);
}

int dashboard_script(const char *json, size_t len, struct buf *out)
{
	buf_adds(out, "leitlfsDashboard(");
	add_json(out, json, len);
	buf_adds(out, ");\n");
	return buf_error(out);
}
