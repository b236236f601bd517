#include "webdav/multistatus_private.h"

#include <errno.h>
#include <libxml/xmlerror.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CHUNK_MAX ((size_t)16 << 10) /* bytes that libxml2 gets at once */

void multistatus_fail(struct multistatus *ms, int code)
{
	if (ms->failed != 0)
		return;
	if (ms->error.code == 0)
		error_set(&ms->error, -code, "the listing was not taken: %s", strerror(-code));
	ms->failed = code;
	xmlStopParser(ms->xml);
}

void multistatus_refuse(struct multistatus *ms, int code, const char *reason)
{
	multistatus_fail(ms, error_set(&ms->error, code, "%s", reason));
}

void multistatus_refuse_web_page(struct multistatus *ms)
{
	multistatus_refuse(
		ms, EBADMSG, "the answer is a web page, not a listing: a login page, or no WebDAV");
}

static void on_error(void *arg, xmlErrorPtr error)
{
	struct multistatus *ms = arg;

	if (error->level < XML_ERR_ERROR || ms->xml_error.code != 0 || error->message == NULL)
		return;
	error_set(&ms->xml_error, EBADMSG, "%.*s, in line %d", (int)strcspn(error->message, "\n"),
		error->message, error->line);
}

static void on_lone_error(void *arg, xmlErrorPtr error)
{
	(void)arg, (void)error;
}

int multistatus_new(dav_member_fn *fn, void *arg, struct multistatus **out)
{
	xmlSAXHandler sax = {
		.initialized = XML_SAX2_MAGIC,
		.internalSubset = multistatus_on_doctype,
		.startElementNs = multistatus_on_start,
		.endElementNs = multistatus_on_end,
		.characters = multistatus_on_text,
		.cdataBlock = multistatus_on_text,
		.serror = on_error,
	};
	struct multistatus *ms = calloc(1, sizeof(*ms));

	if (ms == NULL)
		return -ENOMEM;
	ms->fn = fn;
	ms->arg = arg;
	ms->members_left = LISTING_MEMBERS_MAX;
	buf_init(&ms->text, DAV_HREF_MAX);
	response_init(&ms->response);
	xmlSetStructuredErrorFunc(NULL, on_lone_error); /* errors that belong to no parser */
	ms->xml = xmlCreatePushParserCtxt(&sax, ms, NULL, 0, NULL);
	if (ms->xml == NULL) {
		multistatus_free(ms);
		return -ENOMEM;
	}
	xmlCtxtUseOptions(ms->xml, XML_PARSE_NONET);
	*out = ms;
	return 0;
}

void multistatus_free(struct multistatus *ms)
{
	if (ms == NULL)
		return;
	xmlFreeParserCtxt(ms->xml);
	response_release(&ms->response);
	buf_release(&ms->text);
	free(ms->sync_token);
	free(ms);
}

/* Whether a body that is no XML begins as web pages do. */
static bool is_web_page(const struct multistatus *ms)
{
	static const char *const begins[] = {
		"<!doctype html", "<html", "<head", "<body", "<script"};

	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++) {
		if (strncasecmp(ms->head, begins[i], strlen(begins[i])) == 0)
			return true;
	}
	return false;
}

static void head_keep(struct multistatus *ms, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len && ms->head_len < HEAD_MAX; i++) {
		if (ms->head_len > 0 || strchr(" \t\r\n", bytes[i]) == NULL)
			ms->head[ms->head_len++] = bytes[i];
	}
}

/* What libxml2 has to say after some bytes, or at the end. */
static void check(struct multistatus *ms)
{
	xmlParserCtxtPtr xml = ms->xml;

	if (ms->failed != 0)
		return;
	if (xml->errNo == XML_ERR_NO_MEMORY) {
		multistatus_fail(ms, -ENOMEM);
	} else if (!xml->wellFormed || !xml->nsWellFormed) {
		if (!ms->has_root && is_web_page(ms))
			multistatus_refuse_web_page(ms);
		else
			multistatus_fail(
				ms, error_set(&ms->error, EBADMSG, "the %s: %s",
					    ms->has_root ? "listing is not well-formed XML"
							 : "answer is not XML, so no listing",
					    ms->xml_error.text));
	} else if (xml->input != NULL &&
		   (size_t)(xml->input->end - xml->input->cur) > LISTING_TOKEN_MAX) {
		multistatus_refuse(ms, EFBIG, "the listing has too long a tag or comment");
	} else if (xmlDictSize(xml->dict) > LISTING_NAMES_MAX) {
		multistatus_refuse(ms, EFBIG, "the listing has too many different names");
	}
}

static int result(const struct multistatus *ms, struct error *err)
{
	if (ms->failed != 0 && err != NULL)
		*err = ms->error;
	return ms->failed;
}

int multistatus_feed(struct multistatus *ms, const char *bytes, size_t len, struct error *err)
{
	if (ms->failed == 0 && len > LISTING_BYTES_MAX - ms->bytes)
		multistatus_fail(
			ms, error_set(&ms->error, EFBIG, "the listing is larger than %zu bytes",
				    LISTING_BYTES_MAX));
	if (ms->failed == 0) {
		ms->bytes += len;
		head_keep(ms, bytes, len);
	}
	while (len > 0 && ms->failed == 0) {
		size_t n = len < CHUNK_MAX ? len : CHUNK_MAX;

		xmlParseChunk(ms->xml, bytes, (int)n, 0);
		check(ms);
		bytes += n;
		len -= n;
	}
	return result(ms, err);
}

int multistatus_finish(struct multistatus *ms, struct error *err)
{
	if (ms->failed == 0 && ms->bytes == 0)
		multistatus_refuse(ms, EBADMSG, "the answer is empty, where a listing was due");
	if (ms->failed == 0) {
		xmlParseChunk(ms->xml, NULL, 0, 1);
		if (ms->has_root && !ms->whole)
			multistatus_refuse(ms, EBADMSG, "the listing was cut short");
		check(ms);
	}
	if (ms->failed == 0 && !ms->whole)
		multistatus_refuse(ms, EBADMSG, "the answer is not XML, so no listing");
	if (ms->failed == 0 && ms->is_error)
		multistatus_refuse(ms, EREMOTEIO, "the server answered with a DAV:error");
	return result(ms, err);
}

const char *multistatus_sync_token(const struct multistatus *ms)
{
	return ms->sync_token;
}

unsigned multistatus_conditions(const struct multistatus *ms)
{
	return ms->conditions;
}
