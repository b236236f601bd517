/* Shared by multistatus.c, which drives libxml2, multistatus_sax.c, which libxml2 calls, and
 * multistatus_member.c, which makes members of what stands in the elements. */
#ifndef WEBDAV_MULTISTATUS_PRIVATE_H
#define WEBDAV_MULTISTATUS_PRIVATE_H

#include "core/base/buf.h"
#include "webdav/multistatus.h"

#include <libxml/parser.h>

#define HEAD_MAX 64 /* bytes that are kept to see what it is that is no XML */

/* Where in a document the parser stands. */
enum place {
	IN_DOCUMENT,
	IN_OTHER, /* what is not known, and all that is in it */
	IN_MULTISTATUS,
	IN_ERROR,
	IN_CONDITION,
	IN_RESPONSE,
	IN_PROPSTAT,
	IN_PROP,
	IN_RESOURCETYPE,
	IN_COLLECTION,
	IN_TEXTS, /* those from here on have text */
	IN_HREF,
	IN_STATUS,
	IN_PROPSTAT_STATUS,
	IN_ETAG,
	IN_SIZE,
	IN_MODIFIED,
	IN_TYPE,
	IN_SYNC_TOKEN,
};

/* What a propstat says. */
struct props {
	bool has_kind, is_collection;
	int64_t size, modified_us;
	char etag[DAV_ETAG_MAX + 1]; /* "": none */
	char type[DAV_TYPE_MAX + 1];
};

/* The <response> that is being read. */
struct response {
	struct buf hrefs; /* each ends in a NUL */
	bool has_status, has_propstat;
	int status;       /* its own; 0: none that can be read */
	int props_status; /* as dav_member.status without a status of its own */
	unsigned conditions;
	struct props props;   /* of the propstats with a 2xx */
	struct props pending; /* of the propstat that is being read */
	int pending_status;
};

void response_init(struct response *);
void response_release(struct response *);

void response_begin(struct response *);
void response_begin_propstat(struct response *);
void response_end_propstat(struct response *);
/* The text, trimmed, of the element that ends. 0, or a negative errno with the reason. */
int response_text(struct response *, enum place, const char *text, size_t len, struct error *);
/* Calls back for each href; `left` is how many members there may be still. */
int response_end(struct response *, dav_member_fn *fn, void *arg, size_t *left, struct error *);

struct multistatus {
	xmlParserCtxtPtr xml;
	dav_member_fn *fn;
	void *arg;
	enum place places[LISTING_DEPTH_MAX + 1]; /* the element that is open at each depth */
	size_t depth;
	struct buf text; /* of the element that is open, if it is one with text */
	struct response response;
	bool in_response;
	size_t bytes, members_left;
	char *sync_token;
	unsigned conditions;
	bool has_root, whole; /* the root was open; is closed, and is a multistatus */
	bool is_error;        /* the root is a DAV:error */
	char head[HEAD_MAX + 1];
	size_t head_len;
	struct error xml_error; /* libxml2's first */
	int failed;             /* 0 or a negative errno, and the reason: */
	struct error error;
};

/* The parsing ends here. fail: with the reason that is in `error`, or strerror(3)'s; refuse: with a
 * positive errno and this reason. */
void multistatus_fail(struct multistatus *, int code);
void multistatus_refuse(struct multistatus *, int code, const char *reason);
void multistatus_refuse_web_page(struct multistatus *);

/* libxml2's SAX2 callbacks. */
void multistatus_on_start(void *, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
	int namespaces, const xmlChar **namespace_list, int attributes, int defaulted,
	const xmlChar **attribute_list);
void multistatus_on_end(void *, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri);
void multistatus_on_text(void *, const xmlChar *, int len);
void multistatus_on_doctype(
	void *, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id);

#endif
