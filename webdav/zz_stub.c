/* TEMPORARY: stands in for parts of context/ that are not in the tree yet. */
#include "core/context.h"
#include "core/secret.h"
#include "webdav/text.h"
#include "webdav/webdav.h"

#include <errno.h>
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define W __attribute__((weak))
W void catalog_close(struct catalog *c) {}
W int catalog_find(struct catalog *c, int64_t s, const char *p, struct entry *o) { return -ENOENT; }
W int catalog_history(struct catalog *c, int64_t s, const char *d, int (*fn)(void *, const char *, bool), void *a) { return 0; }
W int catalog_list(struct catalog *c, int64_t s, const char *d, int (*fn)(void *, const struct entry *), void *a) { return 0; }
W struct objects *catalog_objects(struct catalog *c) { return NULL; }
W int catalog_open(const char *d, catalog_text t, struct catalog **o, struct error *e) { *o = NULL; return 0; }
W int catalog_sources(struct catalog *c, int (*fn)(void *, const struct source_row *), void *a, struct error *e) { return 0; }
W int catalog_version(struct catalog *c, int64_t s, const char *p, int64_t v, struct entry *o) { return -ENOENT; }
W int catalog_versions(struct catalog *c, int64_t s, const char *p, int (*fn)(void *, const struct entry *), void *a) { return 0; }
W void entry_release(struct entry *e) {}
W int query_from_name(const char *n, struct buf *o) { return -ENOENT; }
W int results_json(struct search *s, const struct results *r, size_t m, struct buf *o, struct error *e) { return 0; }
W int results_md(struct search *s, const struct results *r, size_t m, struct buf *o, struct error *e) { return 0; }
W void results_unref(struct results *r) {}
W void search_free(struct search *s) {}
W int search_new(struct catalog *c, struct sources *s, struct search **o, struct error *e) { return 0; }
W int search_run(struct search *s, const char *q, size_t l, uid_t u, const char *const *n, struct results **o, struct error *e) { return -EINVAL; }
W bool source_gone(const struct source *s) { return true; }
W bool source_is_shared(const struct source *s) { return false; }
W const struct source_option source_options[1] = {{0}};
W struct source *source_ref(struct source *s) { return s; }
W void source_unref(struct source *s) {}
W bool source_visible(const struct source *s, uid_t u) { return false; }
W int sources_add(struct sources *s, uid_t u, gid_t g, const char *t, size_t l, struct source **o, struct error *e) { return -EINVAL; }
W void sources_close(struct sources *s) {}
W int sources_each(struct sources *s, uid_t u, int (*fn)(void *, struct source *), void *a) { return 0; }
W struct source *sources_find(struct sources *s, const char *n, uid_t u) { return NULL; }
W void sources_get(struct sources *s, struct source *x, const struct source_option *o, struct buf *b) {}
W void sources_last(struct sources *s, struct source *x, struct buf *b) {}
W int sources_make(struct sources *s, uid_t u, gid_t g, const char *n, struct source **o, struct error *e) { return -EINVAL; }
W int sources_open(struct loop *l, struct catalog *c, struct secret *x, const struct config *f, const struct source_runner *w, struct sources **o, struct error *e) { return 0; }
W int sources_remove(struct sources *s, struct source *x, uid_t u, struct error *e) { return 0; }
W int sources_set(struct sources *s, struct source *x, uid_t u, const struct source_option *o, const char *t, size_t l, struct error *e) { return 0; }
W void sources_status(struct sources *s, struct source *x, struct buf *b) {}
W int sources_sync(struct sources *s, struct source *x, uid_t u, uint64_t *t, struct error *e) { return -EINVAL; }
W bool sources_synced(struct sources *s, struct source *x, uint64_t t, struct buf *b) { return true; }
W void sources_watch(struct sources *s, void (*c)(void *, struct source *, const char *const *, size_t), void (*o)(void *, struct source *), void *a) {}
W int text_canonical(const char *p, const char *t, const char *b, size_t l, struct buf *x, struct buf *y, struct error *e) { return -ENOTSUP; }
W int webdav_init(void) { return 0; }
W const struct source_runner webdav_runner = {0};
