/* Starting the daemon again, after it has saved or was killed, and whether it is what it was. */
#include "tests/unit/simulation.h"

#include "core/item/ask.h"
#include "core/item/collaboration.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out;
	struct stat st = {0};
	off_t at = 0;

	assert_true(in >= 0 && fstat(in, &st) == 0);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(out >= 0);
	while (at < st.st_size)
		assert_true(sendfile(out, in, &at, (size_t)(st.st_size - at)) > 0);
	close(in);
	close(out);
}

/* Leaves the directory as a kill at this moment would. */
static void copy_state(const char *from, const char *to)
{
	DIR *dir = opendir(from);
	char one[400], other[400];

	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_type != DT_REG)
			continue;
		snprintf(one, sizeof(one), "%s/%s", from, e->d_name);
		snprintf(other, sizeof(other), "%s/%s", to, e->d_name);
		copy_file(one, other);
	}
	closedir(dir);
}

/* What a restart ends: it is not the same after it. */
static bool ends(const struct item *item)
{
	const struct ask *ask = (const struct ask *)item;

	return item->kind == ITEM_ASK && ask->held && !ask->named;
}

static void show_item(struct loop *loop, const struct item *item, struct buf *b)
{
	struct buf record = BUF_INIT;

	buf_addf(b, "%d %s %s %lld %lld %lld %lld: ", (int)item->kind, item->id, item->session,
		(long long)item->began_us, (long long)item->closed_us, (long long)item->began_pos,
		(long long)item->closed_pos);
	if (item->kind == ITEM_ASK) {
		ask_show((const struct ask *)item, true, b);
		ask_show_reply((const struct ask *)item, b);
		ask_show_error((const struct ask *)item, b);
	} else if (item->kind == ITEM_TASK) {
		task_record(loop, (const struct task *)item, b);
	} else if (item->kind == ITEM_COLLABORATION) {
		/* Without its seq, which is that of the loop. */
		collaboration_record(loop->state, (const struct collaboration *)item, &record);
		buf_adds(b, strchr(record.data, ','));
		buf_release(&record);
		collaboration_participants((const struct collaboration *)item, b);
		for (int n = 1; collaboration_votes((const struct collaboration *)item, n, b); n++)
			;
	}
	buf_addc(b, '\n');
}

static void show_session(struct loop *loop, const struct session *s, struct buf *b)
{
	session_describe(loop->state, s, b);
	buf_addf(b, " %s %lld %lld %d %lld %lld:", s->id, (long long)s->started_us,
		(long long)s->ended_us, (int)s->end_reason, (long long)s->since_pos,
		(long long)s->read_pos);
	for (int i = 0; i < s->beyond_count; i++)
		buf_addf(b, " %lld", (long long)s->beyond[i]);
	buf_addf(b, " %s %s %d %d\n", s->routes ? s->routes : "", s->agent->name,
		s->agent->open_tasks, s->agent->busy);
}

/* What is to be the same after a restart. */
static void show(struct simulation *sim, struct buf *b)
{
	struct loop *loop = sim->world->loop;
	struct state *st = loop->state;

	state_rdlock(loop);
	for (int i = 0; i < SIM_SESSIONS; i++) {
		const struct session *s;

		state_unlock(loop);
		s = sim_session(sim, i);
		state_rdlock(loop);
		if (s)
			show_session(loop, s, b);
	}
	for (int kind = 0; kind < ITEM_KINDS; kind++) {
		for (struct item *i = st->items.open[kind].first; i; i = i->next)
			if (!ends(i))
				show_item(loop, i, b);
		for (struct item *i = st->items.closed[kind].first; i; i = i->next)
			if (!ends(i))
				show_item(loop, i, b);
	}
	buf_addf(b, "%zu %zu\n", st->session_count, st->agent_count);
	state_unlock(loop);
	assert_int_equal(buf_error(b), 0);
}

static void compare(const struct buf *before, const struct buf *after)
{
	const char *a = before->data, *b = after->data;

	while (*a && *a == *b)
		a++, b++;
	if (*a == *b)
		return;
	while (a > before->data && a[-1] != '\n')
		a--, b--;
	fail_msg("before it was\n%.*s\nafter\n%.*s", (int)strcspn(a, "\n"), a,
		(int)strcspn(b, "\n"), b);
}

void sim_reopen(struct simulation *sim, bool killed)
{
	struct world *w = sim->world;
	struct buf before = BUF_INIT, after = BUF_INIT;
	char from[sizeof(w->scratch.path)];

	sim_note(sim, killed ? "kill and start" : "start again");
	show(sim, &before);
	memcpy(from, w->scratch.path, sizeof(from));
	sim_drop_leases(sim);
	if (killed) {
		struct scratch old = w->scratch;

		scratch_init(&w->scratch);
		copy_state(from, w->scratch.path);
		world_close(w);
		scratch_release(&old);
		assert_int_equal(config_set(&w->config, "state", w->scratch.path, NULL), 0);
		world_open(w);
	} else {
		world_reopen(w);
	}
	sim_restart(&sim->model);
	show(sim, &after);
	compare(&before, &after);
	buf_release(&before);
	buf_release(&after);
	sim_take_over(sim);
}
