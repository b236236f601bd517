/* The operations that the table names, by the source that holds them. */
#ifndef FS_FILES_H
#define FS_FILES_H

#include "fs/tree.h"

struct actor;
struct item;
struct loop;

/* file_dir.c: directories and links */
extern const struct file_ops root_ops, sessions_ops, session_dir_ops, agents_ops,
	agent_sessions_ops, by_type_ops, by_activity_ops, by_session_ops, self_ops,
	agent_session_ops;

/* mkdir and rmdir of what is somebody's: as whoever the caller is, through as/ where the path went
 * so. */
int make_as_caller(const struct caller *, const struct where *dir, const char *name,
	int (*make)(struct loop *, const struct actor *, const char *name, struct act **,
		struct error *),
	struct act **, struct error *);
int remove_as_caller(const struct caller *, const struct where *,
	int (*end)(
		struct loop *, const struct actor *, struct item *, struct act **, struct error *),
	struct act **, struct error *);

/* Lists a kind's items, open ones and, where `closed` says so, closed ones. */
int list_items(const struct caller *, const struct where *, int kind, bool closed, struct names *);

/* file_session.c: a session's record and values, its heart, and registering */
extern const struct file_ops new_ops, sessions_json_ops, session_json_ops, id_ops, agent_name_ops,
	agent_type_ops, started_at_ops, uptime_ops, health_ops, status_ops, current_task_ops,
	tags_ops, timeout_ops, heartbeat_ops, alive_ops;
int own_may(struct handle *, struct error *); /* -ESTALE: the session of the path has ended */

/* file_message.c: what is said */
extern const struct file_ops own_broadcast_ops, say_ops;
int broadcast_may(struct handle *, struct error *);
int broadcast_take(struct handle *, const struct message *, struct act **, struct error *);

/* file_log.c: logs, some of which are written too */
extern const struct file_ops activity_ops, broadcast_ops, inbox_ops, sent_ops, session_activity_ops,
	agent_activity_ops, agent_inbox_ops, type_feed_ops, activity_feed_ops, since_ops,
	errors_ops;

/* file_inbox.c: reading an inbox */
extern const struct file_ops unread_ops, unread_md_ops, wait_ops, next_ops, ack_ops;

/* file_health.c: whether all is well */
extern const struct file_ops health_json_ops, metrics_ops, alerts_ops;

/* looks.c: texts that are the same for all that a user looks within a second, unless something
 * happens. `make` is called without locks where there is none that is new enough. */
struct looks *looks_new(void); /* NULL: out of memory */
void looks_free(struct looks *);
int looks_show(const struct caller *, const struct file_ops *,
	int (*make)(const struct caller *, struct buf *out), struct buf *out);

/* file_dashboard.c: the loop at a glance */
extern const struct file_ops dashboard_txt_ops, dashboard_html_ops, dashboard_js_ops,
	dashboard_json_ops;

/* file_ask.c: questions and answers */
extern const struct file_ops asks_ops, ask_sink_ops, asks_answer_ops, ask_dir_ops, ask_json_ops,
	ask_reply_ops, ask_reply_live_ops, ask_error_ops, ask_status_ops;

/* file_task.c: tasks, and what agents do; file_status.c: who is active */
extern const struct file_ops tasks_ops, tasks_new_ops, task_dir_ops, task_json_ops,
	task_complete_ops;
extern const struct file_ops status_json_ops, agent_status_ops;

/* file_collaboration.c: working together */
extern const struct file_ops collaborations_ops, collaborations_new_ops, collaboration_dir_ops,
	collaboration_json_ops, participants_ops, talk_ops, decisions_ops,
	collaboration_activity_ops, votes_ops, vote_ops;

/* file_claim.c: what is somebody's alone */
extern const struct file_ops claims_ops, claims_new_ops, claim_dir_ops, claim_owner_ops,
	claim_since_ops, claim_released_ops, claim_released_live_ops;

/* file_brief.c: all that a session should know */
extern const struct file_ops brief_ops;

/* file_source.c: the sources of context/ */
extern const struct file_ops sources_ops, source_ops, source_new_ops, source_value_ops,
	source_secret_ops, source_sync_ops, source_status_ops;
int list_sources(const struct caller *, const struct where *, struct names *);

/* file_synced.c: what they had when they were last synced */
extern const struct file_ops synced_ops, files_ops, history_ops;
const struct row *files_row(void);

/* file_search.c: finding files */
extern const struct file_ops search_ops, found_ops, found_json_ops, found_md_ops, match_ops,
	query_ops, session_query_ops;

/* memory_view.c: the shared files */
extern const struct file_ops memory_row_ops;

#endif
