/*
 * SIGTERM, SIGINT and SIGHUP end the server as an unmount does: everything is answered and saved.
 *
 * libfuse's own handlers give waiting readers an error instead of the end of file. Here the signals
 * are blocked in every thread and fetched by one of their own, so that no handler and no global is
 * needed. SIGINT and SIGHUP stay ignored where the caller ignored them (nohup, a script's `&`).
 */
#ifndef FS_SIGNALS_H
#define FS_SIGNALS_H

struct server;
struct signals;

/* Blocks the signals in this thread and all that it will start, ignores SIGPIPE, and starts the
 * thread. Until signals_hold() a signal ends the process at once, as it would without this.
 * -EAGAIN, -ENOMEM. */
int signals_start(struct signals **out);

/* From here on a signal waits for signals_serve(): something is being made that must be undone. */
void signals_hold(struct signals *);

/* From here on a signal stops this server; one that waits does so now. */
void signals_serve(struct signals *, struct server *);

/* The server is about to be freed: signals are ignored from now on, and the thread ends. Takes
 * NULL. */
void signals_end(struct signals *);

#endif
