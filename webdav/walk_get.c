#include "webdav/walk_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RESUMES_MAX 3 /* of a transfer that was cut off */

struct file {
	struct http_request request;
	STAILQ_ENTRY(file) next;
	struct walk *walk;
	struct member member; /* as listed */
	const char
		*held_etag; /* of the content that is there, for a conditional request; or NULL */
	int64_t held_us;    /* its date, where there is no etag; 0: fetch it anyhow */
	struct buf url, condition, range;
	struct object_writer *writer; /* NULL: nothing came yet */
	char *etag;     /* strong, of what is in the writer: the rest of it can be asked for */
	int64_t length; /* of all of it; -1: not known */
	int tries, resumes;
	char text[]; /* what the member's and held_etag point to */
};

static void file_free(struct file *f)
{
	object_cancel(f->writer);
	buf_release(&f->url);
	buf_release(&f->condition);
	buf_release(&f->range);
	free(f->etag);
	free(f);
}

static const char *put(char **at, const char *text)
{
	char *to = *at;
	size_t len;

	if (!text)
		return NULL;
	len = strlen(text) + 1;
	*at += len;
	return memcpy(to, text, len);
}

static size_t bytes_of(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

int get_queue(struct walk *w, const struct wanted *wanted, const struct member *member)
{
	/* A weak etag does not tell whether the bytes are the same. */
	const char *held = http_etag_strong(wanted->etag) ? wanted->etag : NULL;
	size_t bytes = bytes_of(member->path) + bytes_of(member->etag) + bytes_of(member->type) +
		       bytes_of(held);
	struct file *f = calloc(1, sizeof(*f) + bytes);
	char *at;

	if (!f)
		return -ENOMEM;
	at = f->text;
	f->walk = w;
	f->member = *member;
	f->member.path = put(&at, member->path);
	f->member.etag = put(&at, member->etag);
	f->member.type = put(&at, member->type);
	f->held_etag = put(&at, held);
	f->held_us = wanted->etag ? 0 : wanted->modified_us;
	STAILQ_INSERT_TAIL(&w->files, f, next);
	w->files_left++;
	return 0;
}

void get_release(struct walk *w)
{
	struct file *f;

	while ((f = STAILQ_FIRST(&w->files))) {
		STAILQ_REMOVE_HEAD(&w->files, next);
		file_free(f);
	}
}

static void again(struct file *f)
{
	STAILQ_INSERT_HEAD(&f->walk->files, f, next);
	f->walk->files_left++;
}

static const char *bare(const char *etag)
{
	return strncmp(etag, "W/", 2) == 0 ? etag + 2 : etag;
}

/* Whether the answer shows that the file was changed after it was listed. */
static bool changed_since(const struct file *f, const struct http_answer *answer)
{
	const struct member *listed = &f->member;

	if (answer->redirected)
		return false;
	if (answer->etag[0] && listed->etag && strcmp(bare(answer->etag), bare(listed->etag)) != 0)
		return true;
	return listed->modified_us && answer->modified_us > listed->modified_us;
}

/* What came in another size than was listed, and was not changed since, is no file's content: a
 * body that is cut where nobody can see it, an error in a page, something compressed. */
static int check_size(
	const struct file *f, const struct http_answer *answer, int64_t size, struct error *err)
{
	if (size < 0 || f->member.size < 0 || size == f->member.size || changed_since(f, answer))
		return 0;
	return error_set(err, EBADMSG, "%lld bytes came of a file that is listed with %lld%s",
		(long long)size, (long long)f->member.size,
		answer->encoded ? " (the server compresses it unasked)" : "");
}

static bool is_html(const char *type)
{
	return !strncasecmp(type, "text/html", 9) || !strncasecmp(type, "application/xhtml", 17);
}

static bool expects_html(const struct member *member)
{
	const char *end = strrchr(member->path, '.');

	if (member->type && member->type[0])
		return is_html(member->type);
	return end && (strncasecmp(end, ".htm", 4) == 0 || strcasecmp(end, ".xhtml") == 0);
}

/* A page that asks to log in comes with a 200, too. */
static int check_page(const struct file *f, const struct http_answer *answer, struct error *err)
{
	const bool same = f->member.size >= 0 && answer->length == f->member.size;

	if (!is_html(answer->type) || expects_html(&f->member) || (same && !answer->redirected))
		return 0;
	return error_set(err, EBADMSG, "an HTML page came in its place: a login page?");
}

static int begin_whole(struct file *f, const struct http_answer *answer, struct error *err)
{
	int r = check_page(f, answer, err);

	if (!r)
		r = check_size(f, answer, answer->length, err);
	if (r)
		return r;
	object_cancel(f->writer);
	f->writer = NULL;
	free(f->etag);
	f->etag = http_etag_strong(answer->etag) ? strdup(answer->etag) : NULL;
	f->length = answer->length;
	r = sync_begin_content(f->walk->sync, &f->writer, err);
	if (r)
		walk_stop(f->walk, err);
	return r;
}

/* RFC 9110, section 15.3.7: what came must be what goes on where the first part ended. */
static int begin_rest(struct file *f, const struct http_answer *answer, struct error *err)
{
	if (!f->writer || !f->etag || answer->range_first < 0 ||
		(uint64_t)answer->range_first != object_written(f->writer) ||
		(f->length >= 0 && answer->range_total >= 0 && answer->range_total != f->length) ||
		(answer->etag[0] && strcmp(answer->etag, f->etag) != 0))
		return error_set(err, EBADMSG, "a part came that was not asked for");
	return 0;
}

static int begin(struct http_request *request, const struct http_answer *answer, struct error *err)
{
	struct file *f = (struct file *)request;

	if (answer->status == 200)
		return begin_whole(f, answer, err);
	if (answer->status == 206)
		return begin_rest(f, answer, err);
	return http_refusal(answer->status, err);
}

static int body(struct http_request *request, const char *bytes, size_t len, struct error *err)
{
	struct file *f = (struct file *)request;
	int r = object_write(f->writer, bytes, len, err);

	if (r && r != -EFBIG)
		walk_stop(f->walk, err);
	return r;
}

/* The listed etag stands for content that is no newer than what came: if it has changed in between,
 * the next listing tells. */
static void take(struct file *f, const struct http_answer *answer)
{
	struct member member = f->member;
	struct error err = {0};
	int r;

	member.size = (int64_t)object_written(f->writer);
	if (!member.etag && answer->etag[0])
		member.etag = answer->etag;
	if (!member.modified_us)
		member.modified_us = answer->modified_us;
	if ((!member.type || !member.type[0]) && answer->type[0])
		member.type = answer->type;
	r = sync_take(f->walk->sync, &member, f->writer, &err);
	f->writer = NULL;
	if (r)
		walk_stop(f->walk, &err);
}

/* One that grew too large since it was listed, or whose size nobody knew; not one that is endless
 * though its size is listed. */
static int take_too_large(struct file *f, const struct http_answer *answer)
{
	struct member member = f->member;
	struct error err;
	int r;

	if (member.size >= 0 && !changed_since(f, answer))
		return -EFBIG;
	member.size = answer->length > (int64_t)f->request.most ? answer->length : -1;
	r = sync_too_large(f->walk->sync, &member, &err);
	if (r)
		walk_stop(f->walk, &err);
	return 0;
}

/* 0: the file is done with. Else why not; of a refusal -EREMOTEIO. */
static int settle(struct file *f, const struct http_answer *answer, int r, struct error *err)
{
	const int status = answer->status;

	if (r == -EFBIG)
		return take_too_large(f, answer);
	if (r)
		return r;
	if (status == 200 || status == 206) {
		r = check_size(f, answer, (int64_t)object_written(f->writer), err);
		if (!r)
			take(f, answer);
		return r;
	}
	if (status == 304 && f->condition.len) {
		r = sync_same(f->walk->sync, &f->member, err);
		if (r)
			walk_stop(f->walk, err);
		return 0;
	}
	return -EREMOTEIO;
}

static bool can_resume(const struct file *f, int r)
{
	return (r == -ECONNRESET || r == -ETIMEDOUT) && f->writer && f->etag &&
	       object_written(f->writer) && f->resumes < RESUMES_MAX && !f->walk->over;
}

static void done(struct http_request *request, const struct http_answer *answer, int r,
	const struct error *why)
{
	struct file *f = (struct file *)request;
	struct error err = *why;
	int why_not = settle(f, answer, r, &err);

	if (!why_not) {
		walk_succeeded(f->walk);
	} else if (can_resume(f, why_not)) {
		f->resumes++;
		again(f);
		return;
	} else if (walk_failed(f->walk, f->member.path, answer,
			   !r && why_not == -EREMOTEIO ? 0 : why_not, &err, &f->tries)) {
		again(f);
		return;
	}
	file_free(f);
}

/* Each request anew: the second time may be for the rest alone. */
static int make_request(struct file *f)
{
	static const struct http_ops ops = {begin, body, done};
	struct http_request *request = &f->request;
	char date[HTTP_DATE_MAX];
	int n = 0;

	buf_reset(&f->url);
	buf_reset(&f->condition);
	buf_reset(&f->range);
	*request = (struct http_request){.ops = &ops, .most = (uint64_t)f->walk->config->max_file};
	uri_url(f->walk->base, f->member.path, false, &f->url);
	if (f->writer) {
		buf_addf(&f->condition, "If-Range: %s", f->etag);
		buf_addf(&f->range, "Range: bytes=%llu-",
			(unsigned long long)object_written(f->writer));
		request->headers[n++] = f->range.data;
	} else if (f->held_etag) {
		buf_addf(&f->condition, "If-None-Match: %s", f->held_etag);
	} else if (f->held_us) {
		http_date(f->held_us, date);
		buf_addf(&f->condition, "If-Modified-Since: %s", date);
	}
	if (f->condition.len)
		request->headers[n++] = f->condition.data;
	request->url = f->url.data;
	return buf_error(&f->url) || buf_error(&f->condition) || buf_error(&f->range) ? -ENOMEM : 0;
}

struct http_request *get_begin(struct walk *w)
{
	struct file *f = STAILQ_FIRST(&w->files);
	struct error err;

	if (!f)
		return NULL;
	STAILQ_REMOVE_HEAD(&w->files, next);
	w->files_left--;
	if (make_request(f)) {
		file_free(f);
		error_set(&err, ENOMEM, "out of memory");
		walk_stop(w, &err);
		return NULL;
	}
	return &f->request;
}
