#include "webdav/walk_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One page of a sync-collection report (RFC 6578, section 3.2), on its way. */
struct report {
	struct http_request request;
	struct walk *walk;
	struct multistatus *parser;
	struct members changed;
	struct members removed; /* paths */
	struct members refused; /* of which the server did not tell; `size` is the status */
	struct buf body;
	struct error bad; /* the last href that names no member */
	size_t bad_count;
	char *token; /* the one that came with the page */
	bool more;   /* it is not the last page */
	bool sent;
	int tries;
	enum outcome {
		REPORT_PAGE,   /* a whole page came */
		REPORT_NONE,   /* the server has no such report, or knows the token no more */
		REPORT_FAILED, /* the sync ends */
	} outcome;
	struct error why;
};

static int take_path(struct report *p, const struct dav_member *from, const struct uri_path *path)
{
	struct member member;

	list_member(from, path, &member);
	if (strchr(path->text, '/'))
		p->walk->report_nested = true;
	if (p->walk->whole) /* all is walked anyhow */
		return 0;
	if (from->status / 100 == 2)
		return members_add(&p->changed, &member);
	member.size = from->status;
	return members_add(from->status == 404 ? &p->removed : &p->refused, &member);
}

static int take_member(void *arg, const struct dav_member *from, struct error *err)
{
	struct report *p = arg;
	struct uri_path path;
	struct error bad;
	int r = uri_path(p->walk->base, "", from->href, from->href_len, &path, &bad);

	if (!r && !path.text[0])
		p->more |= from->status == 507;
	else if (!r)
		r = take_path(p, from, &path);
	if (r == -ENOMEM)
		return error_set(err, ENOMEM, "out of memory");
	if (r == -EFBIG)
		return error_set(err, EFBIG, "too many members to keep");
	if (r) {
		p->bad = bad;
		p->bad_count++;
	}
	return 0;
}

static int body(struct http_request *request, const char *bytes, size_t len, struct error *err)
{
	return multistatus_feed(((struct report *)request)->parser, bytes, len, err);
}

/* What is no answer to the report is no error of the sync: a listing will tell. But who refuses the
 * credentials, can't be reached or asks for time is not asked anything else. */
static enum outcome outcome_of(
	struct report *p, const struct http_answer *answer, int r, struct error *err)
{
	const char *token;

	/* Where a redirect led, hrefs are of elsewhere: a listing can tell of where. */
	if (!r && answer->redirected)
		return REPORT_NONE;
	if (!r && answer->status == 207 && !multistatus_finish(p->parser, err)) {
		token = multistatus_sync_token(p->parser);
		p->token = token ? strdup(token) : NULL;
		return p->token ? REPORT_PAGE : REPORT_NONE;
	}
	if (r ? http_unreachable(r) || r == -ENOMEM || r == -ECANCELED
	      : answer->status == 401 || answer->status == 429 ||
				(answer->status == 503 && answer->retry_after_us >= 0))
		return REPORT_FAILED;
	return REPORT_NONE;
}

static void done(struct http_request *request, const struct http_answer *answer, int r,
	const struct error *why)
{
	struct report *p = (struct report *)request;

	p->why = *why;
	members_asked(&p->changed, answer->date_us);
	p->outcome = outcome_of(p, answer, r, &p->why);
	if (p->outcome == REPORT_FAILED && walk_failed(p->walk, "", answer, r, &p->why, &p->tries))
		p->sent = false;
}

static struct http_request *next_request(void *arg)
{
	struct report *p = arg;

	if (p->sent)
		return NULL;
	p->sent = true;
	return &p->request;
}

static void add_xml(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			buf_adds(out, "&lt;");
		else if (*text == '>')
			buf_adds(out, "&gt;");
		else if (*text == '&')
			buf_adds(out, "&amp;");
		else
			buf_addc(out, *text);
	}
}

static int report_begin(struct report *p, struct walk *w, const char *since)
{
	static const struct http_ops ops = {NULL, body, done};

	*p = (struct report){.walk = w};
	members_init(&p->changed, &w->budget);
	members_init(&p->removed, &w->budget);
	members_init(&p->refused, &w->budget);
	buf_adds(&p->body, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
			   "<sync-collection xmlns=\"DAV:\"><sync-token>");
	add_xml(&p->body, since);
	buf_adds(&p->body,
		"</sync-token><sync-level>infinite</sync-level>" LIST_PROPS "</sync-collection>\n");
	if (buf_error(&p->body) || multistatus_new(take_member, p, &p->parser))
		return -ENOMEM;
	p->request = (struct http_request){.ops = &ops,
		.method = "REPORT",
		.url = uri_base_url(w->base),
		.headers = {"Depth: 0", "Content-Type: application/xml; charset=utf-8"},
		.body = p->body.data,
		.body_len = p->body.len,
		.most = LISTING_BYTES_MAX,
		.encoded = true,
		.timeout_ms = LISTING_TIMEOUT_MS};
	return 0;
}

static void report_release(struct report *p)
{
	multistatus_free(p->parser);
	members_release(&p->changed);
	members_release(&p->removed);
	members_release(&p->refused);
	buf_release(&p->body);
	free(p->token);
}

/* What a whole page told, of a report since a token. */
static void take(struct report *p)
{
	struct walk *w = p->walk;
	struct error err = {0};

	if (p->bad_count)
		sync_trouble(w->sync, "", &p->bad);
	members_sort(&p->changed);
	for (size_t i = 0; i < p->changed.count && !w->over; i++)
		walk_changed(w, &p->changed.all[i]);
	for (size_t i = 0; i < p->removed.count && !w->over; i++)
		if (sync_removed(w->sync, p->removed.all[i].path, &err))
			walk_stop(w, &err);
	for (size_t i = 0; i < p->refused.count; i++) {
		http_refusal((int)p->refused.all[i].size, &err);
		sync_trouble(w->sync, p->refused.all[i].path, &err);
	}
}

/* One page: 0, or the errno that ends the sync. *next is the token that came with it, to be freed;
 * NULL: there was no page. */
static int ask_page(struct walk *w, const char *since, char **next, bool *last, struct error *err)
{
	struct report p;
	int r = report_begin(&p, w, since);

	if (r)
		error_set(err, -r, "out of memory");
	else
		r = http_run(w->http, next_request, &p, err);
	if (!r && p.outcome == REPORT_FAILED)
		r = error_set(err, p.why.code, "%s", p.why.text);
	if (!r && p.outcome == REPORT_PAGE && !w->whole)
		take(&p);
	*next = !r && p.outcome == REPORT_PAGE ? p.token : NULL;
	if (*next)
		p.token = NULL;
	*last = !p.more;
	report_release(&p);
	return r;
}

/* Whether the pages go round in a circle: each token is compared with one that is taken anew at
 * every power of two (Brent's way to find a cycle), so that none need be kept. */
static bool goes_round(const char *token, char **mark, int pages)
{
	const bool round = *mark && !strcmp(token, *mark);

	if (!(pages & (pages - 1))) {
		free(*mark);
		*mark = strdup(token);
	}
	return round;
}

/* All pages since a token. Sets w->token where the last one came. */
static int ask_all(struct walk *w, const char *since, struct error *err)
{
	char *token = strdup(since), *mark = strdup(since), *next;
	bool last = false;
	int r = token && mark ? 0 : error_set(err, ENOMEM, "out of memory");

	for (int pages = 1; !r && !w->over && pages <= SYNC_PAGES_MAX; pages++) {
		r = ask_page(w, token, &next, &last, err);
		if (!next)
			break;
		free(token);
		token = next;
		if (last) {
			w->token = token;
			token = NULL;
			break;
		}
		if (goes_round(token, &mark, pages))
			break;
	}
	free(token);
	free(mark);
	return r;
}

int report_run(struct walk *w, struct error *err)
{
	const char *since = sync_memory(w->sync);
	int r = 0;

	w->whole = !since || !since[0];
	if (!w->whole)
		r = ask_all(w, since, err);
	if (r || w->token)
		return r;
	/* The token is taken before the walk: what changes meanwhile is told of twice. */
	w->whole = true;
	return ask_all(w, "", err);
}
