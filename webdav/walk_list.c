#include "webdav/walk_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BODY                                                                                       \
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"                                             \
	"<propfind xmlns=\"DAV:\">" LIST_PROPS "</propfind>\n"

/* The listing of one collection, on its way. */
struct listing {
	struct http_request request;
	struct walk *walk;
	struct place *place;
	struct multistatus *parser;
	struct members members;
	struct members refused; /* of which the server did not tell; `size` is the status */
	struct uri_base *moved; /* where a redirect led: hrefs are below this; NULL: the source's */
	struct buf url;
	bool self;        /* the collection itself was there … */
	bool is_file;     /* … and is none */
	struct error bad; /* the last href that names no member */
	size_t bad_count;
};

void list_member(const struct dav_member *from, const struct uri_path *path, struct member *out)
{
	*out = (struct member){
		.path = path->text,
		.is_dir = from->has_kind ? from->is_collection : path->slash,
		.etag = from->etag,
		.size = from->size,
		.modified_us = from->modified_us,
		.type = from->type,
	};
}

/* Puts the collection before a path below it. */
static int put_below(const char *dir, struct uri_path *path, struct error *err)
{
	const size_t len = strlen(dir), skip = len && path->len ? len + 1 : len;

	if (skip + path->len > DAV_PATH_MAX)
		return error_set(err, ENAMETOOLONG, "an href whose path is too long");
	memmove(path->text + skip, path->text, path->len + 1);
	memcpy(path->text, dir, len);
	if (skip > len)
		path->text[len] = '/';
	path->len += skip;
	return 0;
}

static int path_of(const struct listing *l, const struct dav_member *from, struct uri_path *path,
	struct error *err)
{
	const char *dir = l->place->path;
	int r;

	if (!l->moved)
		return uri_path(l->walk->base, dir, from->href, from->href_len, path, err);
	r = uri_path(l->moved, "", from->href, from->href_len, path, err);
	return r ? r : put_below(dir, path, err);
}

static int take_member(void *arg, const struct dav_member *from, struct error *err)
{
	struct listing *l = arg;
	const char *dir = l->place->path;
	struct member member;
	struct uri_path path;
	struct error bad;
	int r = path_of(l, from, &path, &bad);

	if (!r && !strcmp(path.text, dir)) {
		l->self = from->status / 100 == 2;
		l->is_file = from->has_kind && !from->is_collection;
		return 0;
	}
	if (!r && !uri_child(dir, path.text))
		r = error_set(&bad, EXDEV, "an href outside the collection that was listed");
	if (r == -ENOMEM)
		return error_set(err, ENOMEM, "out of memory");
	if (r) {
		l->bad = bad;
		l->bad_count++;
		return 0;
	}
	list_member(from, &path, &member);
	if (from->status / 100 == 2) {
		r = members_add(&l->members, &member);
	} else {
		member.size = from->status;
		r = members_add(&l->refused, &member);
	}
	return r == -EFBIG ? error_set(err, EFBIG, "too many members to keep")
	       : r         ? error_set(err, ENOMEM, "out of memory")
			   : 0;
}

static int begin(struct http_request *request, const struct http_answer *answer, struct error *err)
{
	struct listing *l = (struct listing *)request;
	char *url;
	int r;

	if (answer->status != 207)
		return error_set(err, EBADMSG, "no listing, but a %d answer", answer->status);
	if (!answer->redirected || l->moved)
		return 0;
	url = strndup(answer->url, strcspn(answer->url, "?"));
	r = url ? uri_base_new(url, &l->moved, err) : error_set(err, ENOMEM, "out of memory");
	free(url);
	return r;
}

static int body(struct http_request *request, const char *bytes, size_t len, struct error *err)
{
	return multistatus_feed(((struct listing *)request)->parser, bytes, len, err);
}

/* The members that the server did tell of are taken one by one: what is missing is not gone. */
static void take_some(struct listing *l)
{
	struct error err;

	for (size_t i = 0; i < l->refused.count; i++) {
		http_refusal((int)l->refused.all[i].size, &err);
		sync_trouble(l->walk->sync, l->refused.all[i].path, &err);
	}
	for (size_t i = 0; i < l->members.count && !l->walk->over; i++)
		walk_changed(l->walk, &l->members.all[i]);
}

static void take_whole(struct listing *l)
{
	struct walk *w = l->walk;
	const struct wanted *wanted = NULL;
	const struct member *member;
	struct error err = {0};
	size_t count = 0;
	int r = sync_listing(
		w->sync, l->place->path, l->members.all, l->members.count, &wanted, &count, &err);

	for (size_t i = 0; !r && i < count; i++) {
		member = members_find(&l->members, wanted[i].path);
		if (member && walk_wanted(w, &wanted[i], member))
			r = error_set(&err, ENOMEM, "out of memory");
		/* Not told of by a report: it tells of the outermost collection alone. */
		if (l->place->path[0] && (w->whole || !wanted[i].is_dir))
			w->nested = true;
	}
	if (r)
		walk_stop(w, &err);
}

static int is_whole(struct listing *l, struct error *err)
{
	int r = multistatus_finish(l->parser, err);

	if (!r && l->is_file)
		r = error_set(err, ENOTDIR, "it is no collection");
	else if (!r && !l->self)
		r = error_set(err, EBADMSG, "the listing is not of this collection");
	return r;
}

static void take(struct listing *l, const struct http_answer *answer)
{
	members_asked(&l->members, answer->date_us);
	walk_succeeded(l->walk);
	if (l->bad_count)
		sync_trouble(l->walk->sync, l->place->path, &l->bad);
	members_sort(&l->members);
	if (l->refused.count)
		take_some(l);
	else
		take_whole(l);
}

static void listing_free(struct listing *l)
{
	multistatus_free(l->parser);
	members_release(&l->members);
	members_release(&l->refused);
	uri_base_free(l->moved);
	buf_release(&l->url);
	free(l->place);
	free(l);
}

static void done(struct http_request *request, const struct http_answer *answer, int r,
	const struct error *why)
{
	struct listing *l = (struct listing *)request;
	struct walk *w = l->walk;
	struct error err = *why;
	bool whole = false;

	if (!r && answer->status == 207) {
		r = is_whole(l, &err);
		whole = !r;
	}
	if (whole) {
		take(l, answer);
	} else if (walk_failed(w, l->place->path, answer, r, &err, &l->place->tries)) {
		STAILQ_INSERT_HEAD(&w->places, l->place, next);
		w->places_left++;
		l->place = NULL;
	}
	listing_free(l);
}

struct http_request *list_begin(struct walk *w, struct place *place)
{
	static const struct http_ops ops = {begin, body, done};
	struct listing *l = calloc(1, sizeof(*l));
	struct error err;

	if (!l) {
		free(place);
		goto out_of_memory;
	}
	l->walk = w;
	l->place = place;
	members_init(&l->members, &w->budget);
	members_init(&l->refused, &w->budget);
	uri_url(w->base, place->path, true, &l->url);
	if (buf_error(&l->url) || multistatus_new(take_member, l, &l->parser)) {
		listing_free(l);
		goto out_of_memory;
	}
	l->request = (struct http_request){.ops = &ops,
		.method = "PROPFIND",
		.url = l->url.data,
		.headers = {"Depth: 1", "Content-Type: application/xml; charset=utf-8"},
		.body = BODY,
		.body_len = sizeof(BODY) - 1,
		.most = LISTING_BYTES_MAX,
		.encoded = true,
		.timeout_ms = LISTING_TIMEOUT_MS};
	return &l->request;

out_of_memory:
	error_set(&err, ENOMEM, "out of memory");
	walk_stop(w, &err);
	return NULL;
}
