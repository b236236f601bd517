/* Sources as they are written, kept and shown. */
#include "core/context/source.h"

#include "core/base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CANARY "canary-5d1e08-password"

struct parsed {
	struct source_config config;
	char name[SOURCE_NAME_MAX + 1];
};

static int parse(const char *text, struct parsed *p, struct error *err)
{
	return source_parse(text, strlen(text), &p->config, p->name, err);
}

static void parsed(const char *text, struct parsed *p)
{
	struct error err = {0};

	if (parse(text, p, &err) != 0)
		fail_msg("%s: %s", text, err.text);
}

static void released(struct parsed *p)
{
	source_config_release(&p->config);
}

static const struct {
	const char *text, *url, *name;
} urls[] = {
	{"https://dav.example/docs/", "https://dav.example/docs/", "docs"},
	{"https://dav.example/docs\n", "https://dav.example/docs/", "docs"},
	{"  HTTP://Dav.Example:80", "http://dav.example/", "dav.example"},
	{"https://h:443/a", "https://h/a/", "a"},
	{"http://h:443/a", "http://h:443/a/", "a"},
	{"https://h:/a", "https://h/a/", "a"},
	{"http://127.0.0.1:8080", "http://127.0.0.1:8080/", "127.0.0.1-8080"},
	{"http://[::1]:8080/dav", "http://[::1]:8080/dav/", "dav"},
	{"http://h/a b/c\"d", "http://h/a%20b/c%22d/", "c-d"},
	{"http://h/%7eme/%41%2fb", "http://h/~me/A%2Fb/", "A-b"},
	{"http://h/ré", "http://h/r%C3%A9/", "r-"},
	{"http://h/docs/日本", "http://h/docs/%E6%97%A5%E6%9C%AC/", "docs"},
	{"http://h/100%25", "http://h/100%25/", "100-"},
	{"http://h/.hidden", "http://h/.hidden/", "hidden"},
	{"http://h/new/", "http://h/new/", "h"},
	{"http://h/a//b", "http://h/a//b/", "b"},
	{"http://h/a...b/..c", "http://h/a...b/..c/", "c"},
	{"http://h/a;x=1/b@c:d", "http://h/a;x=1/b@c:d/", "b-c-d"},
};

static void a_url_comes_to_one_form(void **state)
{
	struct parsed p;

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		parsed(urls[i].text, &p);
		assert_int_equal(p.config.kind, SOURCE_WEBDAV);
		assert_null(p.config.path);
		assert_string_equal(p.config.url, urls[i].url);
		assert_string_equal(p.name, urls[i].name);
		released(&p);
		parsed(urls[i].url, &p); /* and stays in it */
		assert_string_equal(p.config.url, urls[i].url);
		released(&p);
	}
}

static const struct {
	const char *text, *path, *name;
} paths[] = {
	{"/srv/docs", "/srv/docs", "docs"},
	{"/srv//docs/./x/", "/srv/docs/x", "x"},
	{"/srv/100% sure#1?", "/srv/100% sure#1?", "100--sure-1-"},
	{"file:///srv/a%20b", "/srv/a b", "a-b"},
	{"file:/srv/docs", "/srv/docs", "docs"},
	{"file://localhost/srv/docs", "/srv/docs", "docs"},
	{"FILE:///srv/docs/", "/srv/docs", "docs"},
	{"/srv/日本", "/srv/日本", "srv"},
	{"/日本", "/日本", "source"},
	{"{\"url\":\"/srv/docs\"}", "/srv/docs", "docs"},
	{"{\"url\":\"file:/srv/docs\",\"name\":\"d\"}", "/srv/docs", "d"},
};

static void a_folder_is_a_path(void **state)
{
	struct parsed p;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		parsed(paths[i].text, &p);
		assert_int_equal(p.config.kind, SOURCE_FOLDER);
		assert_null(p.config.url);
		assert_string_equal(p.config.path, paths[i].path);
		assert_string_equal(p.name, paths[i].name);
		released(&p);
	}
}

static const struct {
	const char *text, *reason;
} refused[] = {
	{"", "url: is required"},
	{"\n", "url: is required"},
	{"docs", "url: must be https://host/path/"},
	{"ftp://h/", "url: must be https://"},
	{"../docs", "url: must be https://"},
	{"~/docs", "url: must be https://"},
	{"http:/h/", "url: must be https://"},
	{"http://", "url: the host"},
	{"http:///a", "url: the host"},
	{"http://a b/", "url: the host"},
	{"http://h\\@evil/", "url: must have a / after"},
	{"http://\\evil/", "url: the host"},
	{"http://-h/", "url: the host"},
	{"http://r\xc3\xa9/", "url: the host"},
	{"http://[::1/", "url: the host"},
	{"http://[::g]/", "url: the host"},
	{"http://[fe80::1%25eth0]/", "url: the host"},
	{"http://h%41/", "url: the host"},
	{"http://h:0/", "url: the port"},
	{"http://h:65536/", "url: the port"},
	{"http://h:99999999999999999999/", "url: the port"},
	{"http://h:8o/", "url: the port"},
	{"http://h:-1/", "url: the port"},
	{"http://a@b@h/", "url: an @"},
	{"http://h/?q", "url: must have no ? or #"},
	{"http://h?q", "url: must have no ? or #"},
	{"http://h/#f", "url: must have no ? or #"},
	{"http://h/a/../b", "url: must have no . or .."},
	{"http://h/a/./b", "url: must have no . or .."},
	{"http://h/a/%2e%2E/b", "url: must have no . or .."},
	{"http://h/..", "url: must have no . or .."},
	{"http://h/%", "url: a %"},
	{"http://h/%0", "url: a %"},
	{"http://h/%zz", "url: a %"},
	{"http://h/%00", "url: a %"},
	{"http://h/a\nb", "url: must be one line"},
	{"http://h/a\x7f", "url: must be one line"},
	{"http://h/\xff", "url: must be UTF-8"},
	{"http://u%00:p@h/", "url: a %"},
	{"http://u:%0ap@h/", "password: must be one line"},
	{"http://u%3ax:p@h/", "username: must not hold a colon"},
	{"/", "url: the root directory"},
	{"//./", "url: the root directory"},
	{"/srv/../etc", "url: the path of a folder must have no .."},
	{"/srv/..", "url: the path of a folder must have no .."},
	{"file:///srv/%2e%2e/etc", "url: the path of a folder must have no .."},
	{"file:///srv%00/x", "url: a %"},
	{"file:///srv%0a/x", "url: must be one line"},
	{"file:srv", "url: file: must be followed"},
	{"file://host/srv", "url: file: must be followed"},
	{"file:///srv?x", "url: must have no ? or #"},
	{"{", "bad JSON"},
	{"{}", "url: is required"},
	{"{\"name\":\"docs\"}", "url: is required"},
	{"{\"url\":null}", "url: is required"},
	{"{\"url\":7}", "url: must be a string"},
	{"{\"url\":[\"/srv\"]}", "url: must be a string"},
	{"{\"url\":\"/srv\",\"name\":7}", "name: must be a string"},
	{"{\"url\":\"/srv\",\"name\":\"\"}", "name: must be 1 to 64"},
	{"{\"url\":\"/srv\",\"name\":\"a/b\"}", "name: must be"},
	{"{\"url\":\"/srv\",\"name\":\".a\"}", "name: must be"},
	{"{\"url\":\"/srv\",\"name\":\"new\"}", "name: must be"},
	{"{\"url\":\"/srv\",\"name\":\"README.md\"}", "name: must be"},
	{"{\"url\":\"/srv\",\"nmae\":\"a\"}", "nmae: there is no such option"},
	{"{\"url\":\"/srv\",\"interval\":0.5}",
		"interval: must be a time such as 90s or 5m, from 1s"},
	{"{\"url\":\"/srv\",\"interval\":-1}", "interval: must be"},
	{"{\"url\":\"/srv\",\"interval\":1e300}", "interval: must be"},
	{"{\"url\":\"/srv\",\"interval\":\"soon\"}", "interval: must be"},
	{"{\"url\":\"/srv\",\"interval\":true}", "interval: must be"},
	{"{\"url\":\"/srv\",\"history\":1.5}",
		"history: must be a whole number from 1 to 1000, or 0"},
	{"{\"url\":\"/srv\",\"history\":1001}", "history: must be"},
	{"{\"url\":\"/srv\",\"max_file\":\"9999999999G\"}", "max_file: must be a size"},
	{"{\"url\":\"/srv\",\"max_file\":0}", "max_file: must be"},
	{"{\"url\":\"/srv\",\"shared\":\"maybe\"}", "shared: must be yes or no"},
	{"{\"url\":\"/srv\",\"shared\":1}", "shared: must be true or false"},
	{"{\"url\":\"/srv\",\"include\":[1]}", "include: must be an array of strings"},
	{"{\"url\":\"/srv\",\"include\":{}}", "include: must be an array of strings"},
	{"{\"url\":\"/srv\",\"types\":[\"a/b\"]}", "types: must be endings"},
	{"{\"url\":\"/srv\",\"token\":\"a b\"}", "token: must be letters"},
	{"{\"url\":\"/srv\",\"token\":\"a\\r\\nX: y\"}", "token: must be one line"},
	{"{\"url\":\"/srv\",\"username\":\"a:b\"}", "username: must not hold a colon"},
	{"{\"url\":\"/srv\",\"cert\":\"cert.pem\"}", "cert: must be an absolute path"},
	{"{\"url\":\"/srv\",\"proxy\":\"gopher://h\"}", "proxy: must be"},
	{"{\"url\":\"/srv\",\"proxy\":\"http://h/x\"}", "proxy: must be"},
};

static void what_is_refused_says_why(void **state)
{
	struct parsed p;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct error err = {0};

		if (parse(refused[i].text, &p, &err) != -EINVAL || err.code != EINVAL ||
			strncmp(err.text, refused[i].reason, strlen(refused[i].reason)) != 0)
			fail_msg("%s: %s", refused[i].text, err.text);
	}
}

/* Whatever is wrong: what was written may hold the password. */
static void a_refusal_tells_no_secret(void **state)
{
	static const char *const texts[] = {
		"http://u:" CANARY "@h h/",
		"http://u:" CANARY "@h:x/",
		"http://u:" CANARY "@" CANARY "@h/",
		"http://u:" CANARY "@h/%",
		"htp://u:" CANARY "@h/",
		"{\"url\":\"http://u:" CANARY "@h/..\"}",
		"{\"url\":\"http://h/\",\"password\":[\"" CANARY "\"]}",
		"{\"url\":\"http://h/\",\"password\":\"" CANARY "\\n\"}",
		"{\"url\":\"http://h/\",\"token\":\"" CANARY " \"}",
		"{\"url\":\"http://h/\",\"password\":\"" CANARY "\",}",
		"{\"url\":\"http://h/\",\"password\":\"" CANARY "\"",
		"{\"url\":\"http://h/\",\"proxy\":\"http://u:" CANARY "@h:x\"}",
	};
	struct parsed p;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error err = {0};

		assert_int_equal(parse(texts[i], &p, &err), -EINVAL);
		assert_null(strstr(err.text, "canary"));
	}
}

static void user_and_password_leave_the_url(void **state)
{
	struct parsed p;

	(void)state;
	parsed("https://kim%20k:p%40ss%3A%2Fw@h/docs", &p);
	assert_string_equal(p.config.url, "https://h/docs/");
	assert_string_equal(p.config.username, "kim k");
	assert_string_equal(p.config.password->text, "p@ss:/w");
	assert_int_equal(p.config.password->len, 7);
	released(&p);
	parsed("https://kim@h/", &p);
	assert_string_equal(p.config.username, "kim");
	assert_null(p.config.password);
	released(&p);
	parsed("https://:pw@h/", &p);
	assert_null(p.config.username);
	assert_string_equal(p.config.password->text, "pw");
	released(&p);
	parsed("https://@h/", &p);
	assert_null(p.config.username);
	assert_null(p.config.password);
	released(&p);
	/* What is said apart counts, wherever it stands. */
	parsed("{\"password\":\"mine\",\"username\":\"u\",\"url\":\"http://a:b@h/\"}", &p);
	assert_string_equal(p.config.username, "u");
	assert_string_equal(p.config.password->text, "mine");
	released(&p);
	parsed("{\"url\":\"http://h/\",\"proxy\":\"http://pu:pp@Proxy:3128/\"}", &p);
	assert_string_equal(p.config.proxy, "http://proxy:3128");
	assert_string_equal(p.config.proxy_username, "pu");
	assert_string_equal(p.config.proxy_password->text, "pp");
	released(&p);
}

static const char whole[] =
	"{\"name\":\"d\",\"url\":\"https://h/d/\",\"username\":\"u\",\"password\":\" p w \","
	"\"token\":\"t0k\",\"interval\":90,\"include\":[\"a,b\",\"docs/**\"],\"exclude\":\"*.o\","
	"\"types\":[\".MD\",\"*.py\",\"tar.gz\"],\"max_file\":\"64K\",\"history\":0,\"shared\":"
	"true,"
	"\"verify\":\"no\",\"ca\":\"/etc/ca.pem\",\"cert\":\"/etc/c.pem\",\"key\":\"/etc/k.pem\","
	"\"proxy\":\"\",\"proxy_username\":\"pu\",\"proxy_password\":\"pp\",\"local\":true}";

static void assert_whole(const struct source_config *c)
{
	assert_string_equal(c->url, "https://h/d/");
	assert_string_equal(c->username, "u");
	assert_true(c->interval_us == 90 * SECOND_US);
	assert_string_equal(c->include[0], "a,b");
	assert_string_equal(c->include[1], "docs/**");
	assert_null(c->include[2]);
	assert_string_equal(c->exclude[0], "*.o");
	assert_null(c->exclude[1]);
	assert_string_equal(c->types[0], "MD");
	assert_string_equal(c->types[1], "py");
	assert_string_equal(c->types[2], "tar.gz");
	assert_true(c->max_file == 65536 && c->history == 0);
	assert_true(c->shared && !c->verify && c->local);
	assert_string_equal(c->ca, "/etc/ca.pem");
	assert_string_equal(c->cert, "/etc/c.pem");
	assert_string_equal(c->key, "/etc/k.pem");
	assert_string_equal(c->proxy, "");
	assert_string_equal(c->proxy_username, "pu");
}

static void assert_same(const struct source_config *a, const struct source_config *b)
{
	for (const struct source_option *o = source_options; o->name != NULL; o++)
		if (!source_same_value(a, b, o))
			fail_msg("%s", o->name);
}

static void every_option_is_kept(void **state)
{
	struct source_config again, copy;
	struct buf json = BUF_INIT;
	struct plain *secrets;
	struct parsed p;

	(void)state;
	parsed(whole, &p);
	assert_whole(&p.config);
	assert_string_equal(p.config.password->text, " p w ");
	source_to_json(&p.config, &json);
	assert_null(strstr(json.data, " p w "));
	assert_null(strstr(json.data, "t0k"));
	assert_null(strstr(json.data, "pp"));
	assert_int_equal(source_from_json(json.data, json.len, &again, NULL), 0);
	assert_whole(&again);
	assert_null(again.password);
	secrets = source_secrets(&p.config);
	assert_non_null(secrets);
	assert_int_equal(source_take_secrets(&again, secrets), 0);
	assert_same(&p.config, &again);
	plain_free(secrets);
	assert_int_equal(source_config_copy(&copy, &again), 0);
	assert_same(&p.config, &copy);
	source_config_release(&copy);
	source_config_release(&copy);
	source_config_release(&again);
	source_config_release(NULL);
	released(&p);
	buf_release(&json);
}

static void defaults_are_not_written(void **state)
{
	struct source_config c, again;
	struct buf json = BUF_INIT;
	struct plain *secrets;

	(void)state;
	source_config_init(&c);
	assert_true(c.kind == SOURCE_NONE && c.verify && !c.local && !c.shared);
	assert_true(c.interval_us == 300 * SECOND_US && c.history == 10);
	assert_true(c.max_file == (int64_t)256 << 20);
	source_to_json(&c, &json);
	assert_string_equal(json.data, "{}");
	assert_int_equal(source_from_json(json.data, json.len, &again, NULL), 0);
	assert_same(&c, &again);
	secrets = source_secrets(&c);
	assert_int_equal(secrets->len, 0);
	assert_int_equal(source_take_secrets(&again, secrets), 0);
	plain_free(secrets);
	source_config_release(&again);
	buf_release(&json);
}

static void secrets_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {{"password=x", 10}, {"password", 9}, {"url=http://h/", 14}, {"=x", 3}};
	struct source_config c;

	(void)state;
	source_config_init(&c);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct plain *p = plain_new(bad[i].text, bad[i].len);

		assert_int_equal(source_take_secrets(&c, p), -EBADMSG);
		plain_free(p);
	}
	source_config_release(&c);
}

static const struct {
	const char *option, *text, *shown; /* shown NULL: refused */
} values[] = {
	{"url", "http://H/x", "http://h/x/"},
	{"url", "/srv/x/", "/srv/x"},
	{"url", "-", ""},
	{"username", " kim \n", "kim"},
	{"username", "", ""},
	{"password", "pw\n", ""},
	{"password", "-", ""},
	{"interval", "90", "90s"},
	{"interval", "300\n", "5m"},
	{"interval", "2h", "2h"},
	{"interval", "0", "0"},
	{"interval", "-", "5m"},
	{"interval", "0.1", NULL},
	{"interval", "31d", NULL},
	{"interval", "5 m", NULL},
	{"stall", "90", "90s"},
	{"stall", "", "1m"},
	{"stall", "0", NULL},
	{"max_file", "1m", "1M"},
	{"max_file", "1000", "1000"},
	{"max_file", "", "256M"},
	{"max_file", "M", NULL},
	{"max_file", "65G", NULL},
	{"history", "3", "3"},
	{"history", "3k", NULL},
	{"shared", "YES", "yes"},
	{"shared", "0", "no"},
	{"shared", "-", "no"},
	{"shared", "y", NULL},
	{"verify", "-", "yes"},
	{"include", "*.md, docs/** ,,\n", "*.md\ndocs/**"},
	{"include", "a,b\nc\n\n", "a,b\nc"},
	{"include", "[\"a,b\",\"c\"]", "a,b\nc"},
	{"include", "[a-z]*.md", "[a-z]*.md"},
	{"include", "[\"a\",1]", NULL},
	{"include", "-", ""},
	{"include", "a\tb", NULL},
	{"types", "md,.py *.x", "md\npy *.x"},
	{"types", "md,.py,*.x", "md\npy\nx"},
	{"proxy", "none", "none"},
	{"proxy", "socks5h://127.0.0.1:9050", "socks5h://127.0.0.1:9050"},
	{"proxy", "-", ""},
	{"ca", "/etc/ssl/ca.pem", "/etc/ssl/ca.pem"},
	{"ca", "ca.pem", NULL},
};

static void a_value_is_set_and_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		const struct source_option *o = source_option(values[i].option);
		struct buf before = BUF_INIT, after = BUF_INIT;
		struct source_config c;
		int r;

		source_config_init(&c);
		source_get(&c, o, &before);
		r = source_set(&c, o, values[i].text, strlen(values[i].text), NULL);
		source_get(&c, o, &after);
		buf_adds(&before, "");
		buf_adds(&after, "");
		if (values[i].shown ? r != 0 || strcmp(after.data, values[i].shown) != 0
				    : r != -EINVAL || strcmp(after.data, before.data) != 0)
			fail_msg("%s of %s: %d, %s", values[i].option, values[i].text, r,
				after.data);
		if (r == 0) { /* what is shown can be written */
			struct source_config again;

			source_config_init(&again);
			assert_int_equal(source_set(&again, o, after.data, after.len, NULL), 0);
			assert_true(o->kind == SOURCE_SECRET || source_same_value(&c, &again, o));
			source_config_release(&again);
		}
		source_config_release(&c);
		buf_release(&before);
		buf_release(&after);
	}
}

static void a_nul_is_no_text(void **state)
{
	struct source_config c;

	(void)state;
	source_config_init(&c);
	for (const struct source_option *o = source_options; o->name != NULL; o++)
		assert_int_equal(source_set(&c, o, "a\0b", 3, NULL), -EINVAL);
	assert_int_equal(source_set(&c, source_option("password"), "a\0", 2, NULL), -EINVAL);
	assert_null(c.password);
	assert_null(source_option("passwor"));
	source_config_release(&c);
}

static void lists_are_bounded(void **state)
{
	struct buf text = BUF_INIT;
	struct source_config c;

	(void)state;
	source_config_init(&c);
	for (int i = 0; i < SOURCE_PATTERNS_MAX; i++)
		buf_addf(&text, "p%d\n", i);
	assert_int_equal(source_set(&c, source_option("include"), text.data, text.len, NULL), 0);
	buf_adds(&text, "one more\n");
	assert_int_equal(
		source_set(&c, source_option("include"), text.data, text.len, NULL), -EINVAL);
	assert_string_equal(c.include[SOURCE_PATTERNS_MAX - 1], "p63");
	buf_reset(&text);
	for (int i = 0; i <= SOURCE_PATTERN_MAX; i++)
		buf_addc(&text, 'x');
	assert_int_equal(
		source_set(&c, source_option("include"), text.data, text.len, NULL), -EINVAL);
	assert_int_equal(
		source_set(&c, source_option("include"), text.data, text.len - 1, NULL), 0);
	source_config_release(&c);
	buf_release(&text);
}

static void texts_are_bounded(void **state)
{
	struct buf text = BUF_INIT;
	struct source_config c;
	struct parsed p;

	(void)state;
	source_config_init(&c);
	for (int i = 0; i < SOURCE_SECRET_MAX; i++)
		buf_addc(&text, 'x');
	assert_int_equal(source_set(&c, source_option("password"), text.data, text.len, NULL), 0);
	buf_addc(&text, 'x');
	assert_int_equal(
		source_set(&c, source_option("password"), text.data, text.len, NULL), -EINVAL);
	assert_int_equal(c.password->len, SOURCE_SECRET_MAX);
	source_config_release(&c);
	buf_reset(&text);
	buf_adds(&text, "http://h/");
	while (text.len < SOURCE_URL_MAX / 3)
		buf_addc(&text, ' '); /* each becomes three */
	buf_addc(&text, 'x');
	parsed(text.data, &p);
	assert_true(strlen(p.config.url) <= SOURCE_URL_MAX);
	released(&p);
	while (text.len < SOURCE_URL_MAX)
		buf_adds(&text, " x");
	assert_int_equal(parse(text.data, &p, NULL), -EINVAL);
	buf_release(&text);
}

static void names_are_paths(void **state)
{
	static const char *const good[] = {"a", "A.b_c-d", "-", "new2", "a.", "0", NULL};
	static const char *const bad[] = {
		"", ".", "..", ".a", "a/b", "new", "README.md", "a b", "\xc3\xa9", "a\n", NULL};
	char long_name[SOURCE_NAME_MAX + 2];

	(void)state;
	for (int i = 0; good[i] != NULL; i++)
		assert_true(source_name_ok(good[i], strlen(good[i])));
	for (int i = 0; bad[i] != NULL; i++)
		assert_false(source_name_ok(bad[i], strlen(bad[i])));
	assert_false(source_name_ok("a\0b", 3));
	memset(long_name, 'a', sizeof(long_name));
	assert_true(source_name_ok(long_name, SOURCE_NAME_MAX));
	assert_false(source_name_ok(long_name, SOURCE_NAME_MAX + 1));
}

static void same_place(void **state)
{
	struct parsed a, b;

	(void)state;
	parsed("http://u:p@H:80/a", &a);
	parsed("http://h/a/", &b);
	assert_true(source_same_place(&a.config, &b.config));
	released(&b);
	parsed("https://h/a/", &b);
	assert_false(source_same_place(&a.config, &b.config));
	released(&b);
	parsed("/a", &b);
	assert_false(source_same_place(&a.config, &b.config));
	released(&b);
	released(&a);
}

static const struct {
	const char *options, *path;
	bool is_dir, wanted;
} wants[] = {
	{"", "", true, true},
	{"", "a.md", false, true},
	{"", ".config", true, true},
	{"", ".git", true, false},
	{"", "x/.git/config", false, false},
	{"", "x/.a.md.swp", false, false},
	{"", "a.md~", false, false},
	{"", ".#a.md", false, false},
	{"", ".gitignore", false, true},
	{",\"exclude\":[\"!.git\"]", ".git", true, true},
	{",\"exclude\":[\"!.git\"]", ".git/config", false, true},
	{",\"exclude\":[\"!.git\",\".git/objects\"]", ".git/objects/aa", false, false},
	{",\"exclude\":[\"!.git\",\".git/objects\"]", ".git/HEAD", false, true},
	{",\"exclude\":[\"build\"]", "x/build/a.md", false, false},
	{",\"exclude\":[\"build\"]", "x/build", true, false},
	{",\"exclude\":[\"build/\"]", "build", false, true},
	{",\"exclude\":[\"*.o\",\"!keep.o\"]", "keep.o", false, true},
	{",\"exclude\":[\"!keep.o\",\"*.o\"]", "keep.o", false, false},
	{",\"include\":[\"docs/**\"]", "docs/a/b", false, true},
	{",\"include\":[\"docs/**\"]", "docs", true, true},
	{",\"include\":[\"docs/**\"]", "docs/a", true, true},
	{",\"include\":[\"docs/**\"]", "src", true, false},
	{",\"include\":[\"docs/**\"]", "a.md", false, false},
	{",\"include\":[\"docs\"]", "docs/a", false, true},
	{",\"include\":[\"*.md\"]", "src", true, true},
	{",\"include\":[\"*.md\"],\"exclude\":[\"x.md\"]", "x.md", false, false},
	{",\"types\":[\"md\",\"tar.gz\"]", "a.md", false, true},
	{",\"types\":[\"md\",\"tar.gz\"]", "A.MD", false, true},
	{",\"types\":[\"md\",\"tar.gz\"]", "a.tar.gz", false, true},
	{",\"types\":[\"md\",\"tar.gz\"]", "a.gz", false, false},
	{",\"types\":[\"md\"]", "md", false, false},
	{",\"types\":[\"md\"]", "src", true, true},
};

static void patterns_and_types_say_what_is_wanted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
		struct buf text = BUF_INIT;
		struct parsed p;

		buf_addf(&text, "{\"url\":\"http://h/\"%s}", wants[i].options);
		parsed(text.data, &p);
		if (source_wants(&p.config, wants[i].path, wants[i].is_dir) != wants[i].wanted)
			fail_msg("%s: %s", wants[i].options, wants[i].path);
		released(&p);
		buf_release(&text);
	}
}

static void what_is_excluded_by_path_stays_out(void **state)
{
	struct parsed p;

	(void)state;
	parsed("{\"url\":\"/h\",\"exclude\":[\"*.o\",\"!state*\"]}", &p);
	assert_true(source_wants(&p.config, "a/state[1]*", true));
	assert_int_equal(source_exclude(&p.config, "a/state[1]*"), 0);
	assert_false(source_wants(&p.config, "a/state[1]*", true));
	assert_false(source_wants(&p.config, "a/state[1]*/b", false));
	assert_true(source_wants(&p.config, "a/state1x", true));
	assert_true(source_wants(&p.config, "b/a/state[1]*", true));
	assert_false(source_wants(&p.config, "x.o", false));
	released(&p);
	parsed("/h", &p);
	assert_int_equal(source_exclude(&p.config, "x"), 0);
	assert_false(source_wants(&p.config, "x", true));
	released(&p);
}

/* Cut at every place, with every byte changed: refused, or taken as something whole. */
static void damaged_texts_do_no_harm(void **state)
{
	char text[sizeof(whole)];
	struct parsed p;

	(void)state;
	for (size_t len = 0; len < sizeof(whole) - 1; len++)
		assert_int_equal(source_parse(whole, len, &p.config, p.name, NULL), -EINVAL);
	for (size_t i = 0; i < sizeof(whole) - 1; i++) {
		for (int bit = 1; bit < 256; bit <<= 1) {
			memcpy(text, whole, sizeof(whole));
			text[i] = (char)(text[i] ^ bit);
			if (source_parse(text, sizeof(whole) - 1, &p.config, p.name, NULL) == 0)
				released(&p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_comes_to_one_form),
		cmocka_unit_test(a_folder_is_a_path),
		cmocka_unit_test(what_is_refused_says_why),
		cmocka_unit_test(a_refusal_tells_no_secret),
		cmocka_unit_test(user_and_password_leave_the_url),
		cmocka_unit_test(every_option_is_kept),
		cmocka_unit_test(defaults_are_not_written),
		cmocka_unit_test(secrets_that_are_none_are_refused),
		cmocka_unit_test(a_value_is_set_and_shown),
		cmocka_unit_test(a_nul_is_no_text),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(texts_are_bounded),
		cmocka_unit_test(names_are_paths),
		cmocka_unit_test(same_place),
		cmocka_unit_test(patterns_and_types_say_what_is_wanted),
		cmocka_unit_test(what_is_excluded_by_path_stays_out),
		cmocka_unit_test(damaged_texts_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
