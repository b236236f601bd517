/*
 * One source's HTTP client: requests to one origin, many at once over kept connections (libcurl's
 * multi interface; HTTP/2 where TLS offers it), in the caller's thread.
 *
 * Nothing leaves for another origin than the base's: a redirect is followed within the origin
 * (scheme, host and port), at most limits.redirects times; any other is an error. Addresses are
 * looked at when they are connected to, so a name that resolves to a link-local or a cloud's
 * metadata address is refused (http_address_refused) unless the source says `local`. Credentials
 * are in curl's memory alone: never in a URL, a log or an error text. Which of Basic and Digest the
 * server wants the first answer tells; from then on requests carry credentials from the start.
 *
 * A client belongs to one thread. http_run() blocks for the network; it returns within a second
 * after stopping() has become true.
 */
#ifndef WEBDAV_HTTP_H
#define WEBDAV_HTTP_H

#include "core/base/error.h"
#include "core/context/source.h"
#include "webdav/limits.h"
#include "webdav/uri.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_LOCATION_MAX 4096
#define HTTP_HEADERS_MAX  6 /* header lines of a request */

struct http_limits {
	int transfers;           /* at once, and connections */
	long connect_ms;         /* until a connection stands */
	long slow_bytes, slow_s; /* a transfer of fewer bytes a second, over so long, is ended */
	int redirects;
};
#define HTTP_LIMITS_DEFAULT                                                                        \
	{                                                                                          \
		.transfers = TRANSFERS_MAX, .connect_ms = CONNECT_TIMEOUT_MS,                      \
		.slow_bytes = STALL_BYTES, .slow_s = STALL_SECONDS, .redirects = REDIRECTS_MAX     \
	}

/* An answer's head. Texts are "" where the server sent none, or a bad one. */
struct http_answer {
	int status;
	char etag[DAV_ETAG_MAX + 1]; /* as it came */
	char type[DAV_TYPE_MAX + 1]; /* media type without parameters, lower case */
	char location[HTTP_LOCATION_MAX + 1];
	int64_t date_us;                  /* the server's clock; 0: not known */
	int64_t modified_us;              /* 0: not known */
	int64_t length;                   /* Content-Length; -1: not known */
	int64_t retry_after_us;           /* from now, at most RETRY_AFTER_MAX_US; -1: not said */
	int64_t range_first, range_total; /* of Content-Range; -1: not known */
	bool encoded;                     /* Content-Encoding, and the request did not allow it */
	bool redirected;                  /* it is of another URL than was asked for … */
	const char *url;                  /* … this one, of the same origin; else NULL */
	bool bad_location;                /* longer than HTTP_LOCATION_MAX */
};

struct http_request;
struct http_ops {
	/* The head of a 2xx answer, before its body. Other than 0 ends the transfer with it. May
	 * be NULL. */
	int (*begin)(struct http_request *, const struct http_answer *, struct error *);
	/* Some of its body. Other than 0 ends the transfer with it. */
	int (*body)(struct http_request *, const char *, size_t, struct error *);
	/* It is over, always called once. status 0: a whole answer came, whatever its own status
	 * says; of a refusal the head is enough. Else a negative errno, and why: begin's and
	 * body's own, -ECANCELED where the client stopped, or http_run's. The request is the
	 * caller's again. */
	void (*done)(struct http_request *, const struct http_answer *, int status,
		const struct error *);
};

/* A request: the caller's, with all that it points to, until done. */
struct http_request {
	const struct http_ops *ops;
	const char *method;                    /* NULL: GET */
	const char *url;                       /* absolute, of the base's origin */
	const char *headers[HTTP_HEADERS_MAX]; /* "Depth: 1"; up to the first NULL */
	const char *body;                      /* NULL: none */
	size_t body_len;
	uint64_t most;   /* bytes of a 2xx answer's body, decoded; more is -EFBIG */
	bool encoded;    /* gzip is welcome, and is decoded */
	long timeout_ms; /* for all of it; 0: none but the limits' */
};

struct http;

/* `config` and `base` (of config->url) are used until it is closed. stopping(arg) is asked at least
 * four times a second. -EINVAL (a control character in username, password or token), -EPERM (an
 * address that is refused), -ENOMEM. */
int http_open(const struct source_config *config, const struct uri_base *base,
	const struct http_limits *, bool (*stopping)(void *arg), void *arg, struct http **out,
	struct error *);
void http_close(struct http *); /* takes NULL */

/* Makes requests until there are none: next(arg) is asked for one whenever there is room, and says
 * NULL when it has none for now; it is asked again whenever one was done. Returns 0 once it has
 * none and none is under way; what http_stop() said; -ECANCELED once stopping() is true; -ENOMEM.
 *
 * Errnos of requests: -ECONNREFUSED, -EHOSTUNREACH (the name is not known), -ETIMEDOUT (no
 * connection, or too slow), -ECONNRESET (cut short), -EPROTO (no HTTP, or TLS failed),
 * -EKEYREJECTED (a certificate that is not accepted, ours or theirs), -EPERM (an address that is
 * refused), -EXDEV (a redirect to another origin), -ELOOP (too many), -EFBIG, -ENOMEM. */
int http_run(struct http *, struct http_request *(*next)(void *arg), void *arg, struct error *);

/* For callbacks: ends http_run() with -code and the reason; the first one counts. */
void http_stop(struct http *, const struct error *);
/* For callbacks: begins no request before so long. */
void http_pause(struct http *, int64_t us);

int http_busy(const struct http *); /* requests under way */

/* What an answer's status (not 2xx) means: sets the reason and returns -EACCES (401, 403), -ENOENT
 * (404, 410), -EAGAIN (423, 425, 429, 503), -ENOSPC (507), -EXDEV (3xx), -EPROTO (1xx), -EREMOTEIO
 * (else). */
int http_refusal(int status, struct error *);

/* Whether an error is of the way to the server, not of what was asked for. */
bool http_unreachable(int status);

/* Whether the address is link-local (RFC 3927, RFC 4291) or a cloud's metadata service, also as an
 * IPv4-mapped or NAT64 (RFC 6052) one. */
bool http_address_refused(const struct sockaddr *);

/* RFC 9110, section 8.8.3: quoted, not weak, and fit to be sent back. */
bool http_etag_strong(const char *etag);

/* RFC 9110, 10.2.3: seconds or a date, as the time from now, from 0 to RETRY_AFTER_MAX_US; -1: it
 * is neither, or negative. */
int64_t http_retry_after(const char *text, int64_t now_us);

#define HTTP_DATE_MAX 40
/* A time in microseconds since 1970 as RFC 9110, section 5.6.7. */
void http_date(int64_t us, char out[HTTP_DATE_MAX]);

#endif
