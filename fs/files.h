/* The operations that the table names, by the source that holds them. */
#ifndef FS_FILES_H
#define FS_FILES_H

#include "fs/tree.h"

/* file_dir.c: directories and links */
extern const struct file_ops root_ops, sessions_ops, session_dir_ops, agents_ops,
	agent_sessions_ops, by_type_ops, by_session_ops, self_ops, agent_session_ops;

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
	agent_activity_ops, agent_inbox_ops, type_feed_ops, since_ops, errors_ops;

/* file_inbox.c: reading an inbox */
extern const struct file_ops unread_ops, unread_md_ops, wait_ops, next_ops, ack_ops;

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

#endif
