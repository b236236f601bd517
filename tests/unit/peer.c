#include "tests/unit/peer.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include <cmocka.h>

#define CONNECTIONS_MAX 256
#define REQUEST_MAX     ((size_t)256 << 10)

struct connection {
	struct peer *peer;
	pthread_t thread;
	int fd;
};

struct peer {
	peer_fn fn;
	void *arg;
	int fd, port;
	char url[64];
	pthread_t thread;
	pthread_mutex_t mutex;
	bool stopping;
	int connected, requested;
	struct connection connections[CONNECTIONS_MAX];
	char *heads[4096]; /* one a request */
};

bool peer_bytes(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool peer_send(int fd, const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	bool sent;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	sent = len >= 0 && peer_bytes(fd, text, (size_t)len);
	if (len >= 0)
		free(text);
	return sent;
}

bool peer_answer(int fd, const char *status, const char *head, const char *body)
{
	return peer_send(fd, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, head,
		strlen(body), body);
}

bool peer_header(const struct peer_request *request, const char *name, char *out, size_t size)
{
	const char *at = request->head, *line;
	size_t len = strlen(name), end;

	while ((line = strstr(at, "\r\n"))) {
		at = line + 2;
		if (strncasecmp(at, name, len) != 0 || at[len] != ':')
			continue;
		at += len + 1 + strspn(at + len + 1, " ");
		end = strcspn(at, "\r\n");
		if (end >= size)
			end = size - 1;
		memcpy(out, at, end);
		out[end] = '\0';
		return true;
	}
	return false;
}

/* Reads until the buffer holds a whole head; then its body. Returns the length of both, 0 where the
 * connection has ended; *head is the head's. */
static size_t read_request(int fd, char *buf, size_t *have, size_t *head)
{
	size_t body = 0;

	for (;;) {
		char *end = memmem(buf, *have, "\r\n\r\n", 4);
		ssize_t n;

		if (end) {
			char length[32];
			struct peer_request request = {.head = buf};

			*head = (size_t)(end - buf) + 4;
			end[2] = '\0'; /* the search ends with the head */
			body = peer_header(&request, "content-length", length, sizeof(length))
				       ? strtoul(length, NULL, 10)
				       : 0;
			end[2] = '\r';
			if (*have >= *head + body)
				return *head + body;
		}
		if (*have == REQUEST_MAX)
			return 0;
		n = recv(fd, buf + *have, REQUEST_MAX - *have, 0);
		if (n <= 0)
			return 0;
		*have += (size_t)n;
		buf[*have] = '\0';
	}
}

static int keep_head(struct peer *p, const char *head)
{
	int count;

	pthread_mutex_lock(&p->mutex);
	count = p->requested++;
	if (count < (int)(sizeof(p->heads) / sizeof(*p->heads)))
		p->heads[count] = strdup(head);
	pthread_mutex_unlock(&p->mutex);
	return count + 1;
}

static bool answer(struct connection *c, char *buf, size_t head, size_t len)
{
	struct peer_request request = {.head = buf, .body = buf + head};
	char after = buf[len];
	char *copy;
	bool more;

	buf[len] = '\0';
	copy = strndup(buf, head);
	if (!copy || sscanf(buf, "%15s %2047s", request.method, request.path) != 2) {
		free(copy);
		return false;
	}
	request.head = copy;
	request.count = keep_head(c->peer, copy);
	more = c->peer->fn(c->peer->arg, c->fd, &request);
	free(copy);
	buf[len] = after;
	return more;
}

static void *serve(void *arg)
{
	struct connection *c = arg;
	char *buf = malloc(REQUEST_MAX + 1);
	size_t have = 0, head, len;

	while (buf && (len = read_request(c->fd, buf, &have, &head)) && answer(c, buf, head, len)) {
		memmove(buf, buf + len, have - len);
		have -= len;
		buf[have] = '\0';
	}
	free(buf);
	shutdown(c->fd, SHUT_RDWR); /* closed when the server stops: nobody else gets its number */
	return NULL;
}

static void *accept_all(void *arg)
{
	struct peer *p = arg;

	for (;;) {
		int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);
		struct connection *c;

		pthread_mutex_lock(&p->mutex);
		if (fd < 0 || p->stopping || p->connected == CONNECTIONS_MAX) {
			pthread_mutex_unlock(&p->mutex);
			if (fd >= 0)
				close(fd);
			return NULL;
		}
		c = &p->connections[p->connected];
		*c = (struct connection){.peer = p, .fd = fd};
		if (pthread_create(&c->thread, NULL, serve, c))
			close(fd);
		else
			p->connected++;
		pthread_mutex_unlock(&p->mutex);
	}
}

struct peer *peer_start(peer_fn fn, void *arg)
{
	struct peer *p = calloc(1, sizeof(*p));
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);

	assert_non_null(p);
	p->fn = fn;
	p->arg = arg;
	pthread_mutex_init(&p->mutex, NULL);
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(p->fd, 128), 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&in, &len), 0);
	p->port = ntohs(in.sin_port);
	snprintf(p->url, sizeof(p->url), "http://127.0.0.1:%d/", p->port);
	assert_int_equal(pthread_create(&p->thread, NULL, accept_all, p), 0);
	return p;
}

void peer_stop(struct peer *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->mutex);
	p->stopping = true;
	pthread_mutex_unlock(&p->mutex);
	shutdown(p->fd, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	close(p->fd);
	for (int i = 0; i < p->connected; i++)
		shutdown(p->connections[i].fd, SHUT_RDWR);
	for (int i = 0; i < p->connected; i++) {
		pthread_join(p->connections[i].thread, NULL);
		close(p->connections[i].fd);
	}
	for (size_t i = 0; i < sizeof(p->heads) / sizeof(*p->heads); i++)
		free(p->heads[i]);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}

const char *peer_url(const struct peer *p)
{
	return p->url;
}

int peer_port(const struct peer *p)
{
	return p->port;
}

int peer_requests(struct peer *p)
{
	int n;

	pthread_mutex_lock(&p->mutex);
	n = p->requested;
	pthread_mutex_unlock(&p->mutex);
	return n;
}

int peer_connections(struct peer *p)
{
	int n;

	pthread_mutex_lock(&p->mutex);
	n = p->connected;
	pthread_mutex_unlock(&p->mutex);
	return n;
}

int peer_seen(struct peer *p, const char *text)
{
	int n = 0;

	pthread_mutex_lock(&p->mutex);
	for (size_t i = 0; i < sizeof(p->heads) / sizeof(*p->heads); i++)
		n += p->heads[i] && strcasestr(p->heads[i], text);
	pthread_mutex_unlock(&p->mutex);
	return n;
}

int peer_client_setup(void **state)
{
	static const char *const proxies[] = {
		"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

	(void)state;
	for (size_t i = 0; i < sizeof(proxies) / sizeof(*proxies); i++)
		unsetenv(proxies[i]);
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -1;
}
