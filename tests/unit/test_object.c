#include "core/context/object.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
	struct scratch scratch;
	struct objects *objects;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct error err = {0};

	assert_non_null(p);
	scratch_init(&p->scratch);
	if (objects_open(scratch_path(&p->scratch, "objects"), &p->objects, &err) < 0)
		fail_msg("%s", err.text);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	objects_close(p->objects);
	umount2(p->scratch.path, MNT_DETACH); /* where the test mounted */
	scratch_release(&p->scratch);
	free(p);
	return 0;
}

static struct object_writer *begin(struct place *p, uint64_t most)
{
	struct object_writer *w = NULL;

	assert_int_equal(object_begin(p->objects, most, &w, NULL), 0);
	return w;
}

static struct object_id put(struct place *p, const char *bytes, size_t len)
{
	struct object_writer *w = begin(p, UINT64_MAX);
	struct object_id id;
	uint64_t size = 0;

	assert_int_equal(object_write(w, bytes, len, NULL), 0);
	assert_int_equal(object_finish(w, &id, &size, NULL), 0);
	assert_int_equal(size, len);
	return id;
}

static void check(struct place *p, const struct object_id *id, const char *bytes, size_t len)
{
	char *got = NULL;
	size_t got_len = 0;

	assert_int_equal(object_load(p->objects, id, len, SIZE_MAX, &got, &got_len), 0);
	assert_int_equal(got_len, len);
	assert_memory_equal(got, bytes, len);
	free(got);
}

static bool count_one(void *arg, const struct object_id *id)
{
	(void)id;
	++*(int *)arg;
	return true;
}

static int count(struct place *p)
{
	int n = 0;

	assert_int_equal(objects_each(p->objects, count_one, &n, NULL), 0);
	return n;
}

static bool used(void *arg, const struct object_id *id)
{
	(void)id;
	return *(bool *)arg;
}

static void drop(struct place *p, const struct object_id *id, bool is_used)
{
	object_drop(p->objects, id, used, &is_used);
}

/* The name of an object's file is the hash of what is in it: RFC 7693's own is of another length,
 * this is b2sum -l 256's. */
static void is_named_by_its_content(void **state)
{
	static const unsigned char abc[] = {0xbd, 0xdd, 0x81, 0x3c, 0x63, 0x42, 0x39, 0x72, 0x31,
		0x71, 0xef, 0x3f, 0xee, 0x98, 0x57, 0x9b, 0x94, 0x96, 0x4e, 0x3b, 0xb1, 0xcb, 0x3e,
		0x42, 0x72, 0x62, 0xc8, 0xc0, 0x68, 0xd5, 0x23, 0x19};
	struct place *p = *state;
	struct object_id id = put(p, "abc", 3);

	assert_memory_equal(id.hash, abc, sizeof(abc));
	check(p, &id, "abc", 3);
	assert_int_equal(
		access(scratch_path(&p->scratch,
			       "objects/bd/dd813c634239723171ef3fee98579b94964e3bb1cb3e427262"
			       "c8c068d52319"),
			R_OK),
		0);
}

static void one_content_is_there_once(void **state)
{
	struct place *p = *state;
	struct object_id one = put(p, "the same", 8), two = put(p, "the same", 8),
			 empty = put(p, "", 0);

	assert_memory_equal(&one, &two, sizeof(one));
	check(p, &empty, "", 0);
	assert_int_equal(count(p), 2);
}

/* The same whether it was held in memory or not, and however it was cut. */
static void size_does_not_matter(void **state)
{
	static const size_t sizes[] = {1, OBJECT_SMALL - 1, OBJECT_SMALL, OBJECT_SMALL + 1,
		2 * OBJECT_SMALL, 3 * OBJECT_SMALL + 77};
	struct place *p = *state;
	char *bytes = malloc(4 * OBJECT_SMALL);

	assert_non_null(bytes);
	for (size_t i = 0; i < 4 * OBJECT_SMALL; i++)
		bytes[i] = (char)(i * 31 + i / 4096);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct object_id whole = put(p, bytes, sizes[s]), parts;
		struct object_writer *w = begin(p, sizes[s]);
		uint64_t size;

		for (size_t at = 0; at < sizes[s]; at += 60000) {
			size_t n = sizes[s] - at < 60000 ? sizes[s] - at : 60000;

			assert_int_equal(object_write(w, bytes + at, n, NULL), 0);
			assert_int_equal(object_written(w), at + n);
		}
		assert_int_equal(object_finish(w, &parts, &size, NULL), 0);
		assert_memory_equal(&whole, &parts, sizeof(whole));
		check(p, &whole, bytes, sizes[s]);
	}
	free(bytes);
}

static void a_small_one_hands_its_bytes_over(void **state)
{
	struct place *p = *state;
	struct object_writer *w = begin(p, 10);
	struct object_id id;
	char *bytes = NULL;
	uint64_t size;

	assert_int_equal(object_write(w, "ten bytes!", 10, NULL), 0);
	assert_int_equal(object_finish_keep(w, &id, &size, &bytes, NULL), 0);
	assert_memory_equal(bytes, "ten bytes!", 10);
	free(bytes);
}

static void what_is_too_large_is_refused(void **state)
{
	static char block[OBJECT_SMALL];
	struct place *p = *state;
	struct object_writer *w = begin(p, 3);
	struct error err = {0};

	assert_int_equal(object_write(w, "abcd", 4, &err), -EFBIG);
	assert_int_equal(err.code, EFBIG);
	object_cancel(w);
	w = begin(p, 3 * OBJECT_SMALL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(object_write(w, block, sizeof(block), NULL), 0);
	assert_int_equal(object_write(w, block, 1, NULL), -EFBIG);
	object_cancel(w);
	object_cancel(NULL);
	assert_int_equal(count(p), 0);
}

static void what_was_cut_short_is_not_handed_out(void **state)
{
	struct place *p = *state;
	struct object_id id = put(p, "abc", 3);
	const char *path = scratch_path(&p->scratch,
		"objects/bd/dd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	char *bytes;
	size_t len;

	assert_int_equal(truncate(path, 2), 0);
	assert_int_equal(object_open(p->objects, &id, 3), -EIO);
	assert_int_equal(object_load(p->objects, &id, 3, 10, &bytes, &len), -EIO);
	/* Writing it again makes it whole. */
	put(p, "abc", 3);
	check(p, &id, "abc", 3);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(object_open(p->objects, &id, 3), -ENOENT);
}

static void what_is_held_or_used_stays(void **state)
{
	struct place *p = *state;
	struct object_id id = put(p, "abc", 3);

	drop(p, &id, false);
	check(p, &id, "abc", 3);
	put(p, "abc", 3);
	object_release(p->objects, &id);
	drop(p, &id, false); /* the second writer's */
	check(p, &id, "abc", 3);
	object_release(p->objects, &id);
	drop(p, &id, true);
	check(p, &id, "abc", 3);
	drop(p, &id, false);
	assert_int_equal(object_open(p->objects, &id, 3), -ENOENT);
	drop(p, &id, false);
	object_release(p->objects, &id); /* of one that is not held: nothing */
}

static void half_written_ones_go_at_open(void **state)
{
	static char block[2 * OBJECT_SMALL];
	struct place *p = *state;
	struct object_writer *w = begin(p, UINT64_MAX);
	const char *half = scratch_path(&p->scratch, "objects/tmp/1");
	struct objects *again = NULL;

	assert_int_equal(object_write(w, block, sizeof(block), NULL), 0);
	assert_int_equal(object_write(w, block, 1, NULL), 0);
	assert_int_equal(access(half, F_OK), 0);
	assert_int_equal(objects_open(scratch_path(&p->scratch, "objects"), &again, NULL), 0);
	assert_int_equal(access(half, F_OK), -1);
	objects_close(again);
	object_cancel(w);
}

static void foreign_names_are_passed_over(void **state)
{
	struct place *p = *state;
	int fd;

	put(p, "abc", 3);
	fd = open(scratch_path(&p->scratch, "objects/bd/README"), O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(count(p), 1);
}

static void a_full_disk_is_told(void **state)
{
	static char block[65536];
	struct place *p = *state;
	struct error err = {0};
	struct object_id id;
	uint64_t size;
	int status = 0;

	objects_close(p->objects);
	p->objects = NULL;
	if (geteuid() != 0 || mount("tmpfs", p->scratch.path, "tmpfs", 0, "size=2m") < 0)
		skip();
	assert_int_equal(objects_open(p->scratch.path, &p->objects, NULL), 0);
	/* Small ones, then a large one. */
	for (int i = 0; i < 100 && status == 0; i++) {
		struct object_writer *w = begin(p, UINT64_MAX);

		memcpy(block, &i, sizeof(i));
		assert_int_equal(object_write(w, block, sizeof(block), NULL), 0);
		status = object_finish(w, &id, &size, &err);
	}
	assert_int_equal(status, -ENOSPC);
	assert_int_equal(err.code, ENOSPC);
	status = 0;
	for (struct object_writer *w = begin(p, UINT64_MAX); status == 0;) {
		status = object_write(w, block, sizeof(block), &err);
		if (status < 0)
			object_cancel(w);
	}
	assert_int_equal(status, -ENOSPC);
	assert_true(count(p) > 10);
}

static void *write_many(void *arg)
{
	struct place *p = arg;
	char text[32];

	for (int i = 0; i < 200; i++) {
		struct object_writer *w = NULL;
		struct object_id id;
		uint64_t size;
		bool is_used = false;
		int fd;

		snprintf(text, sizeof(text), "object %d", i);
		if (object_begin(p->objects, 100, &w, NULL) < 0 ||
			object_write(w, text, strlen(text), NULL) < 0 ||
			object_finish(w, &id, &size, NULL) < 0)
			return arg;
		/* Nobody drops what is held. */
		object_drop(p->objects, &id, used, &is_used);
		fd = object_open(p->objects, &id, size);
		if (fd < 0)
			return arg;
		close(fd);
		object_release(p->objects, &id);
	}
	return NULL;
}

static void writers_and_droppers_meet(void **state)
{
	struct place *p = *state;
	pthread_t threads[4];
	void *failed;

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, p), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(is_named_by_its_content),
		TEST(one_content_is_there_once),
		TEST(size_does_not_matter),
		TEST(a_small_one_hands_its_bytes_over),
		TEST(what_is_too_large_is_refused),
		TEST(what_was_cut_short_is_not_handed_out),
		TEST(what_is_held_or_used_stays),
		TEST(half_written_ones_go_at_open),
		TEST(foreign_names_are_passed_over),
		TEST(a_full_disk_is_told),
		TEST(writers_and_droppers_meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
