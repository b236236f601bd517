#include "webdav/multistatus_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DAV_NAMESPACE "DAV:"

static const struct {
	enum place in;
	const char *name; /* NULL: any */
	enum place is;
} grammar[] = {
	{IN_DOCUMENT, "multistatus", IN_MULTISTATUS},
	{IN_DOCUMENT, "error", IN_ERROR},
	{IN_MULTISTATUS, "response", IN_RESPONSE},
	{IN_MULTISTATUS, "sync-token", IN_SYNC_TOKEN},
	{IN_MULTISTATUS, "error", IN_ERROR},
	{IN_RESPONSE, "href", IN_HREF},
	{IN_RESPONSE, "propstat", IN_PROPSTAT},
	{IN_RESPONSE, "status", IN_STATUS},
	{IN_RESPONSE, "error", IN_ERROR},
	{IN_PROPSTAT, "prop", IN_PROP},
	{IN_PROPSTAT, "status", IN_PROPSTAT_STATUS},
	{IN_PROP, "resourcetype", IN_RESOURCETYPE},
	{IN_PROP, "getetag", IN_ETAG},
	{IN_PROP, "getcontentlength", IN_SIZE},
	{IN_PROP, "getlastmodified", IN_MODIFIED},
	{IN_PROP, "getcontenttype", IN_TYPE},
	{IN_RESOURCETYPE, "collection", IN_COLLECTION},
	{IN_ERROR, NULL, IN_CONDITION},
};

static const struct {
	const char *name;
	enum dav_condition bit;
} conditions[] = {
	{"valid-sync-token", DAV_VALID_SYNC_TOKEN},
	{"number-of-matches-within-limits", DAV_NUMBER_OF_MATCHES},
	{"propfind-finite-depth", DAV_FINITE_DEPTH},
};

static enum place place_of(enum place in, const char *name, bool dav)
{
	for (size_t i = 0; i < sizeof(grammar) / sizeof(*grammar); i++) {
		if (grammar[i].in != in)
			continue;
		if (grammar[i].name == NULL || (dav && strcmp(grammar[i].name, name) == 0))
			return grammar[i].is;
	}
	return IN_OTHER;
}

static enum dav_condition condition_of(const char *name, bool dav)
{
	for (size_t i = 0; dav && i < sizeof(conditions) / sizeof(*conditions); i++) {
		if (strcmp(conditions[i].name, name) == 0)
			return conditions[i].bit;
	}
	return DAV_OTHER_CONDITION;
}

static void root_begins(
	struct multistatus *ms, const char *name, const xmlChar *uri, enum place place)
{
	ms->has_root = true;
	ms->is_error = place == IN_ERROR;
	if (place != IN_OTHER)
		return;
	if (strcasecmp(name, "html") == 0)
		multistatus_refuse_web_page(ms);
	else
		multistatus_fail(
			ms, error_set(&ms->error, EBADMSG,
				    "the answer is XML, but no listing: its root is {%.64s}%.64s",
				    uri == NULL ? "" : (const char *)uri, name));
}

static void place_begins(struct multistatus *ms, enum place place, const char *name, bool dav)
{
	unsigned *told = ms->in_response ? &ms->response.conditions : &ms->conditions;

	if (place == IN_RESPONSE) {
		response_begin(&ms->response);
		ms->in_response = true;
	} else if (place == IN_PROPSTAT) {
		response_begin_propstat(&ms->response);
	} else if (place == IN_RESOURCETYPE) {
		ms->response.pending.has_kind = true;
	} else if (place == IN_COLLECTION) {
		ms->response.pending.is_collection = true;
	} else if (place == IN_CONDITION) {
		*told |= condition_of(name, dav);
	} else if (place > IN_TEXTS) {
		buf_reset(&ms->text);
	}
}

void multistatus_on_start(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
	int namespaces, const xmlChar **namespace_list, int attributes, int defaulted,
	const xmlChar **attribute_list)
{
	struct multistatus *ms = arg;
	bool dav = uri != NULL && strcmp((const char *)uri, DAV_NAMESPACE) == 0;
	enum place place;

	(void)prefix, (void)namespace_list, (void)defaulted, (void)attribute_list;
	if (ms->failed != 0)
		return;
	if (ms->depth == LISTING_DEPTH_MAX) {
		multistatus_refuse(ms, EFBIG, "the listing has too deep elements");
		return;
	}
	if (namespaces > LISTING_ATTRS_MAX || attributes > LISTING_ATTRS_MAX) {
		multistatus_refuse(ms, EFBIG, "the listing has too many attributes");
		return;
	}
	place = place_of(ms->places[ms->depth], (const char *)name, dav);
	ms->places[++ms->depth] = place;
	if (ms->depth == 1)
		root_begins(ms, (const char *)name, uri, place);
	place_begins(ms, place, (const char *)name, dav);
}

/* White space around the text is XML's own, and no part of it. */
static const char *trimmed(struct buf *text, size_t *len)
{
	char *s = text->data == NULL ? "" : text->data;

	while (text->len > 0 && strchr(" \t\r\n", text->data[text->len - 1]) != NULL)
		text->data[--text->len] = '\0';
	*len = text->len;
	while (*len > 0 && strchr(" \t\r\n", *s) != NULL) {
		++s;
		--*len;
	}
	return s;
}

static int take_sync_token(struct multistatus *ms, const char *text, size_t len)
{
	if (len > DAV_TOKEN_MAX)
		return error_set(&ms->error, EFBIG, "the listing has too long a sync-token");
	free(ms->sync_token);
	ms->sync_token = len == 0 ? NULL : strndup(text, len);
	return len > 0 && ms->sync_token == NULL ? -ENOMEM : 0;
}

void multistatus_on_end(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct multistatus *ms = arg;
	enum place place;
	const char *text;
	size_t len;
	int rc = 0;

	(void)name, (void)prefix, (void)uri;
	if (ms->failed != 0 || ms->depth == 0)
		return;
	place = ms->places[ms->depth--];
	if (place == IN_RESPONSE) {
		ms->in_response = false;
		rc = response_end(&ms->response, ms->fn, ms->arg, &ms->members_left, &ms->error);
	} else if (place == IN_PROPSTAT) {
		response_end_propstat(&ms->response);
	} else if (place > IN_TEXTS) {
		text = trimmed(&ms->text, &len);
		rc = place == IN_SYNC_TOKEN
			     ? take_sync_token(ms, text, len)
			     : response_text(&ms->response, place, text, len, &ms->error);
	}
	if (rc < 0)
		multistatus_fail(ms, rc);
	else if (ms->depth == 0)
		ms->whole = true;
}

void multistatus_on_text(void *arg, const xmlChar *text, int len)
{
	struct multistatus *ms = arg;

	if (ms->failed != 0 || ms->places[ms->depth] <= IN_TEXTS)
		return;
	buf_add(&ms->text, text, (size_t)len);
	if (buf_error(&ms->text) == -EMSGSIZE)
		multistatus_refuse(ms, EFBIG, "the listing has too long a text");
	else if (buf_error(&ms->text) < 0)
		multistatus_fail(ms, buf_error(&ms->text));
}

/* Called when the name of a document type was read, before anything that it holds. */
void multistatus_on_doctype(
	void *arg, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
	struct multistatus *ms = arg;

	(void)public_id, (void)system_id;
	if (name != NULL && strcasecmp((const char *)name, "html") == 0)
		multistatus_refuse_web_page(ms);
	else
		multistatus_refuse(ms, EBADMSG, "the listing has a document type");
}
