#include "tests/unit/multistatus_dump.h"

#include "webdav/multistatus.h"

#include <errno.h>
#include <inttypes.h>

static const char *shown(const char *text)
{
	return text == NULL ? "-" : text;
}

static int add(void *arg, const struct dav_member *m, struct error *err)
{
	struct buf *b = arg;

	(void)err;
	buf_addf(b, "%.*s %d %c %s %" PRId64 " %" PRId64 " %s %u\n", (int)m->href_len, m->href,
		m->status,
		!m->has_kind       ? '?'
		: m->is_collection ? 'd'
				   : 'f',
		shown(m->etag), m->size, m->modified_us, shown(m->type), m->conditions);
	return 0;
}

void dump_parse(struct dump *dump, const char *body, size_t len, size_t cut, size_t step)
{
	struct multistatus *ms = NULL;
	size_t n = cut < len ? cut : len, at = 0;

	*dump = (struct dump){.text = BUF_INIT};
	dump->rc = multistatus_new(add, &dump->text, &ms);
	while (dump->rc == 0 && at < len) {
		dump->rc = multistatus_feed(ms, body + at, n, &dump->error);
		at += n;
		n = step == 0 || step > len - at ? len - at : step;
	}
	if (dump->rc == 0)
		dump->rc = multistatus_finish(ms, &dump->error);
	if (dump->rc == 0 || dump->rc == -EREMOTEIO)
		buf_addf(&dump->text, "%u %s\n", multistatus_conditions(ms),
			shown(multistatus_sync_token(ms)));
	else
		buf_reset(&dump->text);
	multistatus_free(ms);
}

void dump_release(struct dump *dump)
{
	buf_release(&dump->text);
}
