/* Shared by dashboard*.c alone. Threads: as core/report/dashboard.h. */
#ifndef CORE_DASHBOARD_PRIVATE_H
#define CORE_DASHBOARD_PRIVATE_H

#include "core/base/drawn.h"
#include "core/base/limits.h"
#include "core/report/dashboard.h"

#include <stdbool.h>
#include <stdint.h>

struct channel;
struct state;

/* A snapshot that is being taken. */
struct taking {
	struct loop *loop;
	struct context *context;
	uid_t uid;
	int64_t now_us;           /* wall_us */
	struct buf *out, *counts; /* counts: members of that object, each with a comma before it */
	char you[ID_MAX + 1];     /* the standing session of that uid, or "" */
};

/* Adds ,"KEY":… : text that is cut to DASHBOARD_TEXT bytes (NULL: nothing is added), and a time. */
void dashboard_add_text(struct buf *, const char *key, const char *text);
void dashboard_add_time(struct buf *, const char *key, int64_t wall_us); /* 0: nothing */
/* Adds the string alone, cut so. */
void dashboard_add_string(struct buf *, const char *text, size_t len);

/* Each adds ,"NAME":[…] and its count. Under the state's lock, held for reading: */
int dashboard_sessions(struct taking *);
void dashboard_asks(struct taking *);
void dashboard_tasks(struct taking *);
void dashboard_collaborations(struct taking *);
void dashboard_claims(struct taking *);
void dashboard_alerts(struct taking *);
/* Without: */
int dashboard_you(struct taking *);    /* whose the look is; nothing where that is nobody's */
int dashboard_events(struct taking *); /* activity and messages */
void dashboard_sources(struct taking *);
void dashboard_metrics(struct taking *);

#endif
