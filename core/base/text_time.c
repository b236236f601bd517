#include "core/base/text.h"

#include <errno.h>
#include <string.h>

#define SECOND INT64_C(1000000)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What a duration's unit is in microseconds; 0 for what is none. */
static int64_t unit_us(const char *name)
{
	static const struct {
		const char *name;
		int64_t us;
	} units[] = {
		{"", SECOND},
		{"ms", 1000},
		{"s", SECOND},
		{"m", 60 * SECOND},
		{"h", 3600 * SECOND},
		{"d", 86400 * SECOND},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(name, units[i].name) == 0)
			return units[i].us;
	}
	return 0;
}

int text_duration(const char *text, int64_t *us)
{
	const char *fraction = "", *p = text;
	int64_t whole = 0, part = 0, unit;

	for (; is_digit(*p); p++) {
		if (whole > INT64_MAX / 100)
			return -EINVAL;
		whole = whole * 10 + (*p - '0');
	}
	if (p == text)
		return -EINVAL;
	if (*p == '.') {
		fraction = ++p;
		while (is_digit(*p))
			p++;
		if (p == fraction)
			return -EINVAL;
	}
	unit = unit_us(p);
	if (unit == 0 || whole > INT64_MAX / unit - 1)
		return -EINVAL;
	for (int64_t scale = unit / 10; is_digit(*fraction); fraction++, scale /= 10)
		part += (*fraction - '0') * scale;
	*us = whole * unit + part;
	return 0;
}

/* Reads exactly `count` digits and moves past them; -1 where they are not there. */
static int digits(const char **p, int count)
{
	int value = 0;

	for (int i = 0; i < count; i++, (*p)++) {
		if (!is_digit(**p))
			return -1;
		value = value * 10 + (**p - '0');
	}
	return value;
}

static bool skip(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static int month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01; counts from a 1st of March, so that a leap day is a year's last. */
static int64_t days_since_1970(int year, int month, int day)
{
	int y = month <= 2 ? year + 399 : year + 400; /* 400 years on, to stay positive */
	int era = y / 400, yoe = y % 400;
	int doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return (int64_t)(era - 1) * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static bool parse_date(const char **p, int64_t *us)
{
	int year, month, day;

	year = digits(p, 4);
	if (year < 0 || !skip(p, '-'))
		return false;
	month = digits(p, 2);
	if (month < 1 || month > 12 || !skip(p, '-'))
		return false;
	day = digits(p, 2);
	if (day < 1 || day > month_days(year, month))
		return false;
	*us = days_since_1970(year, month, day) * 86400 * SECOND;
	return true;
}

static bool parse_fraction(const char **p, int64_t *us)
{
	int count = 0;

	for (int64_t scale = SECOND / 10; is_digit(**p); (*p)++, scale /= 10, count++)
		*us += (**p - '0') * scale;
	return count >= 1 && count <= 9;
}

static bool parse_clock(const char **p, int64_t *us)
{
	int hour, minute, second;

	hour = digits(p, 2);
	if (hour < 0 || hour > 23 || !skip(p, ':'))
		return false;
	minute = digits(p, 2);
	if (minute < 0 || minute > 59 || !skip(p, ':'))
		return false;
	second = digits(p, 2);
	if (second < 0 || second > 60)
		return false;
	*us += ((int64_t)hour * 3600 + minute * 60 + second) * SECOND;
	return !skip(p, '.') || parse_fraction(p, us);
}

static bool parse_offset(const char **p, int64_t *us)
{
	int64_t sign = **p == '+' ? 1 : -1;
	int hour, minute;

	if (skip(p, 'Z') || skip(p, 'z'))
		return true;
	if (!skip(p, '+') && !skip(p, '-'))
		return false;
	hour = digits(p, 2);
	if (hour < 0 || hour > 23 || !skip(p, ':'))
		return false;
	minute = digits(p, 2);
	if (minute < 0 || minute > 59)
		return false;
	*us -= sign * (hour * 3600 + minute * 60) * SECOND;
	return true;
}

int text_time(const char *text, int64_t *us)
{
	const char *p = text;
	int64_t value = 0;

	if (!parse_date(&p, &value))
		return -EINVAL;
	if (*p != '\0') {
		if (!skip(&p, 'T') && !skip(&p, 't') && !skip(&p, ' '))
			return -EINVAL;
		if (!parse_clock(&p, &value) || !parse_offset(&p, &value) || *p != '\0')
			return -EINVAL;
	}
	*us = value;
	return 0;
}
