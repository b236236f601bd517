#include "core/base/drawn.h"

#include "core/base/json.h"
#include "core/base/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistr.h>
#include <uniwidth.h>

const char *drawn_text(const struct json *object, const char *key)
{
	const char *text = NULL;

	json_get_string(object, key, 0, &text, NULL);
	return text ? text : "";
}

int64_t drawn_number(const struct json *object, const char *key, int64_t otherwise)
{
	json_get_integer(object, key, INT64_MIN, INT64_MAX, &otherwise, NULL);
	return otherwise;
}

size_t drawn_count(const struct json *object, const char *key)
{
	return json_count(json_get(object, key));
}

/* The next character: how many columns it takes, and what to show (`*len` bytes at *show). */
static size_t next(const char **at, const char **show, size_t *len)
{
	const size_t size = text_char(*at, strlen(*at), NULL);
	ucs4_t c = 0;
	int columns;

	*show = *at;
	*len = size ? size : 1;
	if (size)
		u8_mbtouc(&c, (const uint8_t *)*at, size);
	*at += *len;
	columns = size && !text_is_turn(*show, *len) ? uc_width(c, "UTF-8") : -1;
	if (columns < 0 || text_is_control(*show, *len)) {
		*show = c == '\n' || c == '\t' || c == '\r' ? " " : "?";
		*len = 1;
		return 1;
	}
	return (size_t)columns;
}

static size_t width_of(const char *text, size_t most)
{
	const char *show;
	size_t width = 0, len;

	while (*text && width <= most)
		width += next(&text, &show, &len);
	return width;
}

static void spaces(struct buf *b, size_t count)
{
	while (count-- > 0)
		buf_addc(b, ' ');
}

/* `from` is shown as `to`. */
static size_t add_cut(struct buf *b, const char *text, size_t width, char from, char to)
{
	const bool cut = width_of(text, width) > width;
	const size_t room = cut ? width - 1 : width;
	const char *show;
	size_t used = 0, len, columns;

	if (!width)
		return 0;
	while (*text) {
		columns = next(&text, &show, &len);
		if (used + columns > room)
			break;
		if (from && len == 1 && *show == from)
			buf_addc(b, to);
		else
			buf_add(b, show, len);
		used += columns;
	}
	if (cut)
		buf_adds(b, "…");
	return used + cut;
}

size_t drawn_cell(struct buf *b, const char *text, size_t width, bool fill)
{
	const size_t used = add_cut(b, text, width, 0, 0);

	if (!fill)
		return used;
	spaces(b, width - used);
	return width;
}

size_t drawn_quote(struct buf *b, const char *text, size_t width)
{
	size_t used;

	if (!*text || width < 3)
		return 0;
	buf_addc(b, '"');
	used = add_cut(b, text, width - 2, '"', '\'');
	buf_addc(b, '"');
	return used + 2;
}

size_t drawn_list(struct buf *b, const struct json *list, size_t width, bool fill)
{
	struct buf all = BUF_INIT;
	size_t used;

	for (size_t i = 0; i < json_count(list); i++) {
		const char *text = json_text(json_item(list, i));

		buf_adds(&all, i ? ", " : "");
		buf_adds(&all, text ? text : "");
	}
	used = drawn_cell(b, all.data ? all.data : "", width, fill);
	buf_release(&all);
	return used;
}

void drawn_age(int64_t from_ms, int64_t to_ms, char out[DRAWN_SHORT])
{
	const int64_t s = (to_ms - from_ms) / 1000;

	if (from_ms <= 0 || s <= 0)
		snprintf(out, DRAWN_SHORT, "now");
	else if (s < 60)
		snprintf(out, DRAWN_SHORT, "%llds", (long long)s);
	else if (s < 3600)
		snprintf(out, DRAWN_SHORT, "%lldm", (long long)s / 60);
	else if (s < 86400)
		snprintf(out, DRAWN_SHORT, "%lldh", (long long)s / 3600);
	else
		snprintf(out, DRAWN_SHORT, "%lldd", (long long)s / 86400);
}

void drawn_bytes(int64_t bytes, char out[DRAWN_SHORT])
{
	static const char units[] = "kMGTPE";
	double value = (double)bytes;
	int unit = -1;

	while (value >= 1000 && unit < 5) {
		value /= 1000;
		unit++;
	}
	if (unit < 0)
		snprintf(out, DRAWN_SHORT, "%lld B", (long long)bytes);
	else
		snprintf(out, DRAWN_SHORT, "%.*f %cB", value < 10 ? 1 : 0, value, units[unit]);
}

void drawn_clock(int64_t time_ms, char out[DRAWN_SHORT])
{
	const time_t time = (time_t)(time_ms / 1000);
	struct tm tm;

	if (!gmtime_r(&time, &tm) || !strftime(out, DRAWN_SHORT, "%H:%M:%S", &tm))
		snprintf(out, DRAWN_SHORT, "--:--:--");
}

void drawn_micros(int64_t us, char out[DRAWN_SHORT])
{
	if (us < 0)
		snprintf(out, DRAWN_SHORT, "-");
	else if (us < 1000)
		snprintf(out, DRAWN_SHORT, "%lld µs", (long long)us);
	else if (us < 1000000)
		snprintf(out, DRAWN_SHORT, "%.3g ms", (double)us / 1e3);
	else
		snprintf(out, DRAWN_SHORT, "%.3g s", (double)us / 1e6);
}

static int64_t number_at(const struct json *list, size_t i)
{
	int64_t n = 0;

	json_to_integer(json_item(list, i), &n);
	return n > 0 ? n : 0;
}

int64_t drawn_bars(struct buf *b, const struct json *numbers)
{
	static const char *const bars[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	int64_t most = 0, sum = 0;

	for (size_t i = 0; i < json_count(numbers); i++)
		if (number_at(numbers, i) > most)
			most = number_at(numbers, i);
	for (size_t i = 0; i < json_count(numbers); i++) {
		const int64_t n = number_at(numbers, i);

		sum += n;
		buf_adds(b, bars[most ? (n * 8 + most - 1) / most : 0]);
	}
	return sum;
}

bool drawn_has_somebody(const struct json *sessions)
{
	for (size_t i = 0; i < json_count(sessions); i++) {
		const struct json *s = json_item(sessions, i);

		if (!json_truth(json_get(s, "person")) || *drawn_text(s, "task"))
			return true;
	}
	return false;
}

const char *const drawn_first_steps[] = {
	"Nobody is in the loop yet. From a shell, in the mount, you join like this:",
	"",
	"    echo 'NAME: what you are doing' > sessions/new",
	"",
	"An agent joins when you tell it to read the mount's README.md, to join, and",
	"to read self/brief.md before each step.",
	NULL,
};

void drawn_health(const struct json *snapshot, char out[DRAWN_SHORT])
{
	const char *status = drawn_text(json_get(snapshot, "health"), "status");
	const int64_t alerts = drawn_number(json_get(snapshot, "counts"), "alerts", 0);

	if (strcmp(status, "ok") != 0)
		snprintf(out, DRAWN_SHORT, "%s",
			strcmp(status, "failing") == 0 ? "FAILING" : "DEGRADED");
	else if (alerts > 0 && alerts < 1000000)
		snprintf(out, DRAWN_SHORT, "%d alert%s", (int)alerts, alerts == 1 ? "" : "s");
	else
		snprintf(out, DRAWN_SHORT, "all is well");
}
