/* The page: its parts within the budget. */
#include "core/report/brief_private.h"

#include "core/item/task.h"
#include "core/state/page.h"
#include "core/state/parts.h"
#include "core/state/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MORE_MAX   128  /* what tells how much was left out */
#define PAGE_USUAL 4096 /* what the parts' least bytes are meant for */

/* What matters first stands first. */
static part_fn *const parts[] = {
	part_asked, part_unread, part_own, part_collaborations, part_gone, part_others, part_files};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

void part_heading(struct part *p, const char *format, ...)
{
	char line[256];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	buf_addf(&p->text, "\n## %s\n", line);
	p->ends[0] = p->text.len;
}

bool part_takes(struct part *p)
{
	if (p->count < BRIEF_LINES)
		return true;
	p->total++;
	return false;
}

void part_entry(struct part *p)
{
	p->ends[++p->count] = p->text.len;
	p->total++;
}

/* How many bytes it takes to show `n` of its entries. */
static size_t part_size(const struct part *p, size_t n)
{
	return p->ends[n] + (n < p->total ? MORE_MAX : 0);
}

static void show(const struct part *p, size_t room, struct buf *out)
{
	size_t n = p->count;

	if (!p->total && !p->alone)
		return;
	while (n > 0 && part_size(p, n) > room)
		n--;
	if (part_size(p, n) > room)
		return;
	buf_add(out, p->text.data, p->ends[n]);
	if (n < p->total)
		buf_addf(out, "- %zu more: `%.80s`\n", p->total - n, p->rest);
}

/* Who reads this. */
static void show_head(struct loop *loop, struct session *s, struct buf *out)
{
	const char *task;

	state_rdlock(loop);
	buf_adds(out, "# ");
	page_name(out, s->agent_name);
	buf_adds(out, ", session ");
	page_name(out, s->id);
	buf_adds(out, "\n\n");
	task = session_doing(loop->state, s);
	if (task) {
		buf_adds(out, "You are at: ");
		page_span(out, task, strlen(task), BRIEF_TEXT);
		buf_adds(out, "\n");
	} else {
		buf_adds(out,
			"You have not said what you are doing: `echo TASK > self/current_task`.\n");
	}
	state_unlock(loop);
}

/* What a part needs at least: so much is kept for it while those before it are shown. Of a small
 * page it is less, so that what stands first is not pushed out by what comes last. */
static size_t needs(const struct part *p, size_t max)
{
	const size_t all = p->total || p->alone ? part_size(p, p->count) : 0;
	const size_t least = max < PAGE_USUAL ? p->least * max / PAGE_USUAL : p->least;

	return all < least ? all : least;
}

int brief_make(
	struct loop *loop, struct search *search, struct session *s, size_t max, struct buf *out)
{
	static const char foot[] =
		"\nTell everyone: `echo … > self/broadcast`; one: `echo … > sessions/ID/inbox`. "
		"All of it: `README.md`.\n";
	struct part part[PARTS] = {0};
	size_t kept = sizeof(foot), from = out->len;
	int r = 0;

	show_head(loop, s, out);
	for (size_t i = 0; i < PARTS && !r; i++) {
		r = parts[i](loop, search, s, &part[i]);
		if (!r)
			r = buf_error(&part[i].text);
		kept += needs(&part[i], max);
	}
	for (size_t i = 0; i < PARTS && !r; i++) {
		size_t used = out->len - from;

		kept -= needs(&part[i], max);
		show(&part[i], max > used + kept ? max - used - kept : 0, out);
	}
	for (size_t i = 0; i < PARTS; i++)
		buf_release(&part[i].text);
	if (!r && out->len - from + sizeof(foot) <= max)
		buf_adds(out, foot);
	return r ? r : buf_error(out);
}
