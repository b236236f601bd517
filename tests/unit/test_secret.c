/* Keys, and what is sealed with them. */
#include "core/base/secret.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CANARY "canary-7f3a91-password"

static int setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	scratch_init(s);
	unsetenv("CREDENTIALS_DIRECTORY");
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	scratch_release(*state);
	free(*state);
	unsetenv("CREDENTIALS_DIRECTORY");
	return 0;
}

static void put(const char *path, size_t size, mode_t mode)
{
	char bytes[64];
	int fd;

	unlink(path); /* whatever its rights are */
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	memset(bytes, 'k', sizeof(bytes));
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static struct secret *opened(struct scratch *s, bool needed)
{
	struct secret *secret = NULL;
	struct error err = {0};

	if (secret_open(s->path, needed, &secret, &err) != 0)
		fail_msg("%s", err.text);
	return secret;
}

static void seal(struct secret *secret, const char *name, struct buf *out)
{
	struct error err = {0};

	if (secret_seal(secret, name, CANARY, strlen(CANARY), out, &err) != 0)
		fail_msg("%s", err.text);
}

static void what_is_sealed_can_be_had_again(void **state)
{
	struct secret *secret = opened(*state, false);
	struct buf sealed = BUF_INIT, again = BUF_INIT;
	struct plain *plain = NULL;

	seal(secret, "docs", &sealed);
	seal(secret, "docs", &again);
	assert_null(memmem(sealed.data, sealed.len, CANARY, strlen(CANARY)));
	assert_int_equal(sealed.len, again.len);
	assert_memory_not_equal(sealed.data, again.data, sealed.len); /* a nonce of its own */
	secret_close(secret);
	secret = opened(*state, true); /* as after a restart */
	assert_int_equal(secret_unseal(secret, "docs", sealed.data, sealed.len, &plain, NULL), 0);
	assert_int_equal(plain->len, strlen(CANARY));
	assert_string_equal(plain->text, CANARY);
	plain_free(plain);
	buf_release(&sealed);
	buf_release(&again);
	secret_close(secret);
}

static void nothing_is_a_secret_too(void **state)
{
	struct secret *secret = opened(*state, false);
	struct buf sealed = BUF_INIT;
	struct plain *plain = NULL;

	assert_int_equal(secret_seal(secret, "docs", "", 0, &sealed, NULL), 0);
	assert_int_equal(secret_unseal(secret, "docs", sealed.data, sealed.len, &plain, NULL), 0);
	assert_int_equal(plain->len, 0);
	assert_string_equal(plain->text, "");
	plain_free(plain);
	plain_free(NULL);
	buf_release(&sealed);
	secret_close(secret);
}

static void the_key_is_made_at_the_first_sealing(void **state)
{
	struct scratch *s = *state;
	const char *key = scratch_path(s, "key");
	mode_t before = umask(0);
	struct secret *secret = opened(s, false);
	struct buf sealed = BUF_INIT;
	struct stat st;

	assert_int_equal(access(key, F_OK), -1);
	seal(secret, "docs", &sealed);
	umask(before);
	assert_int_equal(lstat(key, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 32);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(access(scratch_path(s, "key.new"), F_OK), -1);
	buf_release(&sealed);
	secret_close(secret);
}

static void refused(struct scratch *s, int code, const char *reason)
{
	struct secret *secret = NULL;
	struct error err = {0};

	assert_int_equal(secret_open(s->path, false, &secret, &err), -code);
	assert_int_equal(err.code, code);
	if (strstr(err.text, reason) == NULL)
		fail_msg("%s", err.text);
	assert_null(secret);
}

static void a_bad_key_is_refused(void **state)
{
	struct scratch *s = *state;
	const char *key = scratch_path(s, "key");

	put(key, 32, 0640);
	refused(s, EACCES, "other users may read or write the key (mode 0640)");
	put(key, 32, 0604);
	refused(s, EACCES, "other users");
	put(key, 32, 0620);
	refused(s, EACCES, "other users");
	put(key, 31, 0600);
	refused(s, EINVAL, "a key is 32 bytes long, this file is 31");
	put(key, 33, 0600);
	refused(s, EINVAL, "33");
	put(key, 0, 0600);
	refused(s, EINVAL, "0");
	put(key, 32, 0600);
	secret_close(opened(s, true));
	assert_int_equal(rename(key, scratch_path(s, "elsewhere")), 0);
	assert_int_equal(symlink("elsewhere", key), 0);
	refused(s, ELOOP, "symbolic link");
	assert_int_equal(unlink(key), 0);
	assert_int_equal(mkfifo(key, 0600), 0);
	refused(s, EINVAL, "regular file"); /* and nobody waits */
	assert_int_equal(unlink(key), 0);
	assert_int_equal(mkdir(key, 0700), 0);
	refused(s, EINVAL, "regular file");
}

static void another_ones_key_is_refused(void **state)
{
	struct scratch *s = *state;
	const char *key = scratch_path(s, "key");

	if (geteuid() != 0)
		skip();
	put(key, 32, 0600);
	assert_int_equal(chown(key, 1234, 1234), 0);
	refused(s, EACCES, "belongs to uid 1234");
}

static void a_missing_key_is_not_made_anew(void **state)
{
	struct scratch *s = *state;
	struct secret *secret = NULL;
	struct error err = {0};

	assert_int_equal(secret_open(s->path, true, &secret, &err), -ENOENT);
	assert_non_null(strstr(err.text, "the key is missing"));
	assert_non_null(strstr(err.text, "put it back"));
	assert_int_equal(access(scratch_path(s, "key"), F_OK), -1);
}

static void systemds_credential_comes_first(void **state)
{
	struct scratch *s = *state;
	const char *dir = scratch_path(s, "credentials");
	const char *credential = scratch_path(s, "credentials/leitlfs-key");
	struct secret *secret = opened(s, false), *other;
	struct buf sealed = BUF_INIT;
	struct plain *plain = NULL;

	seal(secret, "docs", &sealed); /* with the file */
	assert_int_equal(mkdir(dir, 0700), 0);
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	other = opened(s, true); /* there is no such credential */
	assert_int_equal(secret_unseal(other, "docs", sealed.data, sealed.len, &plain, NULL), 0);
	plain_free(plain);
	secret_close(other);
	put(credential, 32, 0440); /* as systemd makes it, with an access list */
	other = opened(s, true);
	assert_int_equal(
		secret_unseal(other, "docs", sealed.data, sealed.len, &plain, NULL), -EBADMSG);
	buf_reset(&sealed);
	seal(other, "docs", &sealed);
	secret_close(other);
	assert_int_equal(
		secret_unseal(secret, "docs", sealed.data, sealed.len, &plain, NULL), -EBADMSG);
	assert_int_equal(unlink(scratch_path(s, "key")), 0);
	secret_close(opened(s, true)); /* the file is not needed */
	put(credential, 32, 0444);
	refused(s, EACCES, "other users");
	put(credential, 31, 0400);
	refused(s, EINVAL, "32 bytes");
	buf_release(&sealed);
	secret_close(secret);
}

static void what_was_changed_is_refused(void **state)
{
	struct secret *secret = opened(*state, false);
	struct plain *plain = NULL;
	struct buf sealed = BUF_INIT;
	struct error err = {0};

	seal(secret, "docs", &sealed);
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.data[i] ^= 1;
		assert_int_equal(
			secret_unseal(secret, "docs", sealed.data, sealed.len, &plain, &err),
			-EBADMSG);
		sealed.data[i] ^= 1;
	}
	for (size_t len = 0; len < sealed.len; len++)
		assert_int_equal(
			secret_unseal(secret, "docs", sealed.data, len, &plain, &err), -EBADMSG);
	assert_null(plain);
	assert_null(strstr(err.text, CANARY));
	assert_int_equal(secret_unseal(secret, "docs", sealed.data, sealed.len, &plain, &err), 0);
	plain_free(plain);
	buf_release(&sealed);
	secret_close(secret);
}

static void what_is_sealed_is_bound_to_its_name(void **state)
{
	struct secret *secret = opened(*state, false);
	struct plain *plain = NULL;
	struct buf sealed = BUF_INIT;
	struct error err = {0};

	seal(secret, "docs", &sealed);
	assert_int_equal(
		secret_unseal(secret, "Docs", sealed.data, sealed.len, &plain, &err), -EBADMSG);
	assert_int_equal(
		secret_unseal(secret, "", sealed.data, sealed.len, &plain, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "sealed with another key, or damaged"));
	buf_release(&sealed);
	secret_close(secret);
}

static void without_a_key_nothing_is_unsealed(void **state)
{
	struct secret *secret = opened(*state, false);
	struct plain *plain = NULL;

	assert_int_equal(secret_unseal(secret, "docs", "x", 1, &plain, NULL), -ENOENT);
	secret_close(secret);
	secret_close(NULL);
}

static void a_key_that_cant_be_made_says_so(void **state)
{
	struct scratch *s = *state;
	struct secret *secret = opened(s, false);
	struct buf sealed = BUF_INIT;
	struct error err = {0};

	put(scratch_path(s, "key"), 32, 0600); /* it came from elsewhere meanwhile */
	assert_int_equal(secret_seal(secret, "docs", "x", 1, &sealed, &err), -EEXIST);
	assert_non_null(strstr(err.text, "can't make the key"));
	assert_int_equal(sealed.len, 0);
	buf_release(&sealed);
	secret_close(secret);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_sealed_can_be_had_again),
		TEST(nothing_is_a_secret_too),
		TEST(the_key_is_made_at_the_first_sealing),
		TEST(a_bad_key_is_refused),
		TEST(another_ones_key_is_refused),
		TEST(a_missing_key_is_not_made_anew),
		TEST(systemds_credential_comes_first),
		TEST(what_was_changed_is_refused),
		TEST(what_is_sealed_is_bound_to_its_name),
		TEST(without_a_key_nothing_is_unsealed),
		TEST(a_key_that_cant_be_made_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
