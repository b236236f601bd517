/* TLS: against a server of openssl(1)'s, with certificates made here. */
#include "tests/unit/asker.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct tls {
	struct scratch scratch;
	pid_t pid;
	int port;
};

static void sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void sh(const char *fmt, ...)
{
	char command[2048];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	if (system(command) != 0)
		fail_msg("%s", command);
}

static void make_certificates(struct tls *tls)
{
	static const struct {
		const char *name, *host;
		int days;
	} certificates[] = {{"good", "127.0.0.1", 2}, {"wrong", "127.0.0.2", 2},
		{"expired", "127.0.0.1", -1}, {"client", "127.0.0.1", 2}};

	scratch_init(&tls->scratch);
	sh("cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
	   "-subj /CN=ca -days 2 -keyout ca.key -out ca.pem 2>/dev/null",
		tls->scratch.path);
	for (size_t i = 0; i < sizeof(certificates) / sizeof(*certificates); i++)
		sh("cd %s && name=%s && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
		   "-nodes -subj /CN=$name -keyout $name.key -out $name.csr 2>/dev/null && "
		   "echo subjectAltName=IP:%s > ext && openssl x509 -req -in $name.csr "
		   "-CA ca.pem -CAkey ca.key -CAcreateserial -days %d -extfile ext "
		   "-out $name.pem 2>/dev/null",
			tls->scratch.path, certificates[i].name, certificates[i].host,
			certificates[i].days);
}

static void start_tls(struct tls *tls, const char *name, bool client)
{
	char line[256];
	int fds[2];
	FILE *out;

	assert_int_equal(pipe(fds), 0);
	tls->pid = fork();
	if (tls->pid == 0) {
		char key[64], cert[64];

		snprintf(key, sizeof(key), "%s.key", name);
		snprintf(cert, sizeof(cert), "%s.pem", name);
		if (chdir(tls->scratch.path) || dup2(fds[1], 1) < 0)
			_exit(1);
		if (dup2(fds[1], 2) < 0)
			_exit(1);
		execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-key",
			key, "-cert", cert, "-CAfile", "ca.pem", client ? "-Verify" : NULL, "1",
			NULL);
		_exit(1);
	}
	close(fds[1]);
	out = fdopen(fds[0], "r");
	tls->port = 0;
	while (!tls->port && fgets(line, sizeof(line), out))
		if (!strncmp(line, "ACCEPT 127.0.0.1:", 17))
			tls->port = (int)strtol(line + 17, NULL, 10);
	assert_int_not_equal(tls->port, 0);
	fclose(out);
}

static void stop_tls(struct tls *tls)
{
	kill(tls->pid, SIGKILL);
	waitpid(tls->pid, NULL, 0);
}

static struct ask *ask_tls(struct asker *w, const struct tls *tls)
{
	char url[64];
	struct error err;

	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", tls->port);
	assert_int_equal(asker_open(w, url, &err), 0);
	return asker_ask(w, "");
}

static void expect_tls(
	struct asker *w, struct tls *tls, const char *name, const char *ca, bool verify, int r)
{
	struct ask *a;

	start_tls(tls, name, false);
	w->config.ca = (char *)(uintptr_t)ca;
	w->config.verify = verify;
	a = ask_tls(w, tls);
	stop_tls(tls);
	if (a->r != r)
		fail_msg("%s: %d %s", name, a->r, a->err.text);
}

static void test_certificates_that_are_refused(void **arg)
{
	struct asker *w = *arg;
	struct tls tls;
	const char *ca;

	make_certificates(&tls);
	ca = scratch_path(&tls.scratch, "ca.pem");
	expect_tls(w, &tls, "good", ca, true, 0);
	expect_tls(w, &tls, "good", NULL, true, -EKEYREJECTED);
	expect_tls(w, &tls, "wrong", ca, true, -EKEYREJECTED);
	expect_tls(w, &tls, "expired", ca, true, -EKEYREJECTED);
	expect_tls(w, &tls, "good", scratch_path(&tls.scratch, "nothing"), true, -EKEYREJECTED);
	expect_tls(w, &tls, "good", NULL, false, 0);
	expect_tls(w, &tls, "wrong", NULL, false, 0);
	expect_tls(w, &tls, "expired", NULL, false, 0);
	scratch_release(&tls.scratch);
}

static void test_client_certificate(void **arg)
{
	struct asker *w = *arg;
	struct tls tls;

	make_certificates(&tls);
	start_tls(&tls, "good", true);
	w->config.ca = (char *)(uintptr_t)scratch_path(&tls.scratch, "ca.pem");
	assert_true(http_unreachable(ask_tls(w, &tls)->r));
	w->config.cert = (char *)(uintptr_t)scratch_path(&tls.scratch, "client.pem");
	w->config.key = (char *)(uintptr_t)scratch_path(&tls.scratch, "client.key");
	assert_int_equal(ask_tls(w, &tls)->r, 0);
	stop_tls(&tls);
	scratch_release(&tls.scratch);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, asker_setup, asker_teardown)
	const struct CMUnitTest tests[] = {
		EACH(test_certificates_that_are_refused),
		EACH(test_client_certificate),
	};

	return cmocka_run_group_tests(tests, peer_client_setup, NULL);
}
