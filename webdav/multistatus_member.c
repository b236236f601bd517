#include "webdav/multistatus_private.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#define DATE_MAX 40 /* bytes; RFC 850's longest has 33 */

void response_init(struct response *r)
{
	buf_init(&r->hrefs, LISTING_TEXT_MAX);
	response_begin(r);
}

void response_release(struct response *r)
{
	buf_release(&r->hrefs);
}

static void props_clear(struct props *props)
{
	props->has_kind = props->is_collection = false;
	props->size = -1;
	props->modified_us = 0;
	props->etag[0] = props->type[0] = '\0';
}

void response_begin(struct response *r)
{
	buf_reset(&r->hrefs);
	r->has_status = r->has_propstat = false;
	r->status = r->props_status = 0;
	r->conditions = 0;
	props_clear(&r->props);
}

void response_begin_propstat(struct response *r)
{
	r->pending_status = 0;
	props_clear(&r->pending);
}

static bool is_success(int status)
{
	return status / 100 == 2;
}

void response_end_propstat(struct response *r)
{
	const struct props *from = &r->pending;
	struct props *to = &r->props;

	if (is_success(r->pending_status) || !r->has_propstat)
		r->props_status = is_success(r->props_status) ? r->props_status : r->pending_status;
	r->has_propstat = true;
	if (!is_success(r->pending_status))
		return;
	if (from->has_kind) {
		to->has_kind = true;
		to->is_collection = from->is_collection;
	}
	if (from->size >= 0)
		to->size = from->size;
	if (from->modified_us != 0)
		to->modified_us = from->modified_us;
	if (from->etag[0] != '\0')
		memcpy(to->etag, from->etag, sizeof(to->etag));
	if (from->type[0] != '\0')
		memcpy(to->type, from->type, sizeof(to->type));
}

/* The code of a status line (RFC 9112, section 4; RFC 4918, section 14.28), or 0. */
static int status_code(const char *text)
{
	const char *s;
	int code = 0;

	if (strncmp(text, "HTTP/", 5) != 0)
		return 0;
	s = text + strcspn(text, " ");
	s += strspn(s, " ");
	for (int i = 0; i < 3; i++) {
		if (s[i] < '0' || s[i] > '9')
			return 0;
		code = code * 10 + s[i] - '0';
	}
	return (s[3] == '\0' || s[3] == ' ') && code >= 100 && code < 600 ? code : 0;
}

/* A number of bytes, or -1 where it is none that can be. */
static int64_t byte_count(const char *text)
{
	int64_t n = 0;

	for (const char *s = text; *s != '\0'; s++) {
		int digit = *s - '0';

		if (digit < 0 || digit > 9 || n > (INT64_MAX - digit) / 10)
			return -1;
		n = n * 10 + digit;
	}
	return *text == '\0' ? -1 : n;
}

int64_t dav_date(const char *text)
{
	time_t seconds;

	/* What curl understands beside these three forms, such as a day alone, is no moment. */
	if (strnlen(text, DATE_MAX + 1) > DATE_MAX || strchr(text, ':') == NULL)
		return 0;
	seconds = curl_getdate(text, NULL);
	return seconds <= 0 || seconds > INT64_MAX / 1000000 ? 0 : (int64_t)seconds * 1000000;
}

/* What is too long to be one, is none. */
static void keep(char *out, size_t size, const char *text, size_t len)
{
	out[0] = '\0';
	if (len < size)
		memcpy(out, text, len + 1);
}

int response_text(
	struct response *r, enum place place, const char *text, size_t len, struct error *err)
{
	switch (place) {
	case IN_HREF:
		if (len == 0)
			return error_set(err, EBADMSG, "the listing has an empty href");
		buf_add(&r->hrefs, text, len + 1);
		if (buf_error(&r->hrefs) == -EMSGSIZE)
			return error_set(err, EFBIG, "the listing has too long hrefs");
		return buf_error(&r->hrefs);
	case IN_STATUS:
		r->has_status = true;
		r->status = status_code(text);
		break;
	case IN_PROPSTAT_STATUS:
		r->pending_status = status_code(text);
		break;
	case IN_ETAG:
		keep(r->pending.etag, sizeof(r->pending.etag), text, len);
		break;
	case IN_SIZE:
		r->pending.size = byte_count(text);
		break;
	case IN_MODIFIED:
		r->pending.modified_us = dav_date(text);
		break;
	case IN_TYPE:
		keep(r->pending.type, sizeof(r->pending.type), text, len);
		break;
	default:
		break;
	}
	return 0;
}

static const char *or_null(const char *text)
{
	return *text == '\0' ? NULL : text;
}

int response_end(struct response *r, dav_member_fn *fn, void *arg, size_t *left, struct error *err)
{
	struct dav_member member = {
		.status = r->has_status ? r->status : r->props_status,
		.conditions = r->conditions,
		.has_kind = r->props.has_kind,
		.is_collection = r->props.is_collection,
		.etag = or_null(r->props.etag),
		.size = r->props.size,
		.modified_us = r->props.modified_us,
		.type = or_null(r->props.type),
	};
	const struct buf *hrefs = &r->hrefs;

	if (hrefs->len == 0)
		return error_set(err, EBADMSG, "the listing has a response without href");
	if (r->has_propstat && strlen(hrefs->data) + 1 < hrefs->len)
		return error_set(err, EBADMSG, "the listing has several hrefs for one member");
	for (size_t at = 0; at < hrefs->len; at += member.href_len + 1) {
		int rc;

		if (*left == 0)
			return error_set(err, EFBIG, "the listing has more than %d members",
				LISTING_MEMBERS_MAX);
		--*left;
		member.href = hrefs->data + at;
		member.href_len = strlen(member.href);
		rc = fn(arg, &member, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
