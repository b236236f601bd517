#include "tests/unit/journal_place.h"

#include "tests/unit/record_same.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

static int see(void *arg, struct record *r)
{
	struct journal_place *f = arg;

	if (r->pos == f->stop_at)
		return -ECHILD;
	assert_true(f->seen_count < SEEN_MAX);
	f->seen[f->seen_count++] = record_ref(r);
	return 0;
}

static void forget(struct journal_place *f)
{
	while (f->seen_count)
		record_unref(f->seen[--f->seen_count]);
}

int try_open(struct journal_place *f, struct error *err)
{
	journal_close(f->journal);
	f->journal = NULL;
	forget(f);
	return journal_open(f->scratch.path, see, f, &f->journal, err);
}

void reopen(struct journal_place *f)
{
	struct error err = {0};

	if (try_open(f, &err) != 0)
		fail_msg("%s", err.text);
}

int journal_setup(void **state)
{
	struct journal_place *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	scratch_init(&f->scratch);
	*state = f;
	return 0;
}

int journal_teardown(void **state)
{
	struct journal_place *f = *state;

	journal_close(f->journal);
	forget(f);
	for (int64_t i = 0; i < f->pos; i++)
		record_unref(f->made[i]);
	if (f->mounted)
		umount2(f->scratch.path, MNT_DETACH);
	scratch_release(&f->scratch);
	free(f);
	return 0;
}

struct record *make_record(struct journal_place *f, size_t size)
{
	struct draft d = {.kind = RECORD_EVENT, .uid = (uid_t)f->pos, .type = "a.b"};
	char *data = malloc(size + 3);
	int64_t seq = 0;

	assert_non_null(data);
	memset(data, 'x', size + 2);
	data[0] = data[size + 1] = '"';
	d.data = data;
	d.data_len = size + 2;
	switch (f->pos % 5) {
	case 1:
		d.session = "leitl-cece-0123456789abcdef";
		d.agent = "cece";
		d.from = "Cece \xc3\xa4";
		d.detail = "{\"a\":1}";
		break;
	case 2:
		d.session = "s";
		d.target = "bob"; /* what others are shown is another line */
		break;
	case 3:
		d = (struct draft){.kind = RECORD_READ, .type = "read", .session = "s"};
		d.detail = "{\"to\":7}";
		break;
	case 4:
		d.kind = RECORD_RECEIPT;
		d.session = "s";
		break;
	}
	if (d.kind == RECORD_EVENT)
		seq = ++f->seq;
	f->pos++;
	assert_int_equal(record_new(&d, f->pos, seq, 1000 + f->pos, &f->made[f->pos - 1]), 0);
	free(data);
	return f->made[f->pos - 1];
}

void unmake_record(struct journal_place *f)
{
	struct record *r = f->made[--f->pos];

	f->seq -= r->seq != 0;
	record_unref(r);
}

void append(struct journal_place *f, size_t count, size_t size)
{
	struct error err = {0};
	const int64_t from = f->pos;

	for (size_t i = 0; i < count; i++)
		make_record(f, size);
	if (journal_append(f->journal, &f->made[from], count, &err) != 0)
		fail_msg("%s", err.text);
}

void came_back(struct journal_place *f, int64_t from, int64_t to)
{
	assert_int_equal(f->seen_count, to - from + 1);
	for (size_t i = 0; i < f->seen_count; i++)
		assert_same_record(f->seen[i], f->made[from - 1 + (int64_t)i]);
}

/* The files as bytes. */

const char *journal_path(struct journal_place *f, int which)
{
	return scratch_path(&f->scratch, which ? "journal.1" : "journal.0");
}

void difference(const struct bytes *was, const struct bytes *is, size_t *from, size_t *to)
{
	*from = is->len;
	*to = 0;
	for (size_t i = 0; i < is->len; i++) {
		if ((i < was->len ? was->data[i] : 0) == is->data[i])
			continue;
		*from = i < *from ? i : *from;
		*to = i + 1;
	}
	assert_true(*from < *to);
}
