/* leitlfs doctor: what is wrong with this machine or mount, and the mend. */
#include "fs/command/command.h"
#include "fs/command/doctor.h"

#include "core/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const verdicts[] = {"ok", "warn", "fail"};

static void add_plain(struct buf *out, const char *text)
{
	if (text != NULL)
		command_plain(out, text, strlen(text), false);
	buf_addc(out, '\0');
}

void found(struct findings *f, enum verdict verdict, const char *check, const char *mend,
	const char *fmt, ...)
{
	char what[1024];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	buf_addc(&f->out, verdicts[verdict][0]);
	add_plain(&f->out, check);
	add_plain(&f->out, what);
	add_plain(&f->out, mend);
	f->counts[verdict]++;
}

/* The text at `*at` in whole, which is then past it; NULL: it is cut. */
static const char *next_text(const char *data, size_t len, size_t *at)
{
	const char *text = data + *at, *end = *at < len ? memchr(text, '\0', len - *at) : NULL;

	if (end == NULL)
		return NULL;
	*at = (size_t)(end - data) + 1;
	return text;
}

static bool next_of(const char *data, size_t len, size_t *at, struct finding *out)
{
	size_t to = *at + 1;

	if (*at >= len)
		return false;
	out->verdict = data[*at] == 'f'   ? VERDICT_FAIL
		       : data[*at] == 'w' ? VERDICT_WARN
					  : VERDICT_OK;
	out->check = next_text(data, len, &to);
	out->what = out->check != NULL ? next_text(data, len, &to) : NULL;
	out->mend = out->what != NULL ? next_text(data, len, &to) : NULL;
	if (out->mend == NULL)
		return false;
	*at = to;
	return true;
}

bool findings_next(const struct findings *f, size_t *at, struct finding *out)
{
	return next_of(f->out.data, f->out.len, at, out);
}

void found_all(struct findings *f, const char *data, size_t len)
{
	struct finding one;

	for (size_t at = 0, from = 0; next_of(data, len, &at, &one); from = at) {
		buf_add(&f->out, data + from, at - from);
		f->counts[one.verdict]++;
	}
}

static void add_member(struct buf *out, const char *key, const char *text)
{
	buf_addf(out, ",\"%s\":", key);
	buf_add_json(out, text, strlen(text));
}

static void show_json(const struct findings *f, struct buf *out)
{
	struct finding one;
	bool first = true;

	buf_addf(out, "{\"ok\":%s,\"checks\":[", f->counts[VERDICT_FAIL] == 0 ? "true" : "false");
	for (size_t at = 0; findings_next(f, &at, &one); first = false) {
		buf_addf(out, "%s{\"verdict\":\"%s\"", first ? "" : ",", verdicts[one.verdict]);
		add_member(out, "check", one.check);
		add_member(out, "what", one.what);
		if (one.mend[0] != '\0')
			add_member(out, "mend", one.mend);
		buf_addc(out, '}');
	}
	buf_adds(out, "]}\n");
}

static void show_text(const struct findings *f, struct buf *out)
{
	struct finding one;

	for (size_t at = 0; findings_next(f, &at, &one);) {
		buf_addf(out, "%-5s %s: %s\n", verdicts[one.verdict], one.check, one.what);
		if (one.mend[0] != '\0')
			buf_addf(out, "      mend: %s\n", one.mend);
	}
	buf_addf(out, "\n%zu ok, %zu to be looked at, %zu wrong\n", f->counts[VERDICT_OK],
		f->counts[VERDICT_WARN], f->counts[VERDICT_FAIL]);
}

int command_doctor(struct call *call)
{
	struct findings findings = {0};
	struct buf out = BUF_INIT;
	int status;

	doctor_machine(&findings);
	doctor_default_disk(&findings);
	for (size_t i = 0; i < call->word_count; i++)
		doctor_mount(&findings, call->words[i]);
	if (call->word_count == 0)
		doctor_mount(&findings, NULL);
	if (call->json)
		show_json(&findings, &out);
	else
		show_text(&findings, &out);
	if (findings.out.failed)
		out.failed = findings.out.failed;
	status = command_print(call, &out);
	if (status == COMMAND_DONE && findings.counts[VERDICT_FAIL] > 0)
		status = COMMAND_REFUSED;
	buf_release(&findings.out);
	return status;
}
