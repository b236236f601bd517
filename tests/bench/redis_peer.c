#include "tests/bench/redis_peer.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct redis_peer {
	redisContext *c;
};

int redis_peer_connect(int port, struct redis_peer **peer)
{
	struct redis_peer *p = calloc(1, sizeof(*p));
	int rc = -ECONNREFUSED;

	if (!p)
		return -ENOMEM;
	p->c = redisConnect("127.0.0.1", port);
	if (p->c && p->c->err == 0) {
		*peer = p;
		return 0;
	}
	fprintf(stderr, "bench: redis: %s\n", p->c ? p->c->errstr : "no memory");
	redis_peer_free(p);
	return rc;
}

void redis_peer_free(struct redis_peer *p)
{
	if (!p)
		return;
	if (p->c)
		redisFree(p->c);
	free(p);
}

void redis_peer_shutdown(struct redis_peer *p)
{
	shutdown(p->c->fd, SHUT_RDWR);
}

pid_t redis_peer_pid(struct redis_peer *p)
{
	static const char key[] = "process_id:";
	redisReply *r = redisCommand(p->c, "INFO server");
	const char *at = r && r->type == REDIS_REPLY_STRING ? strstr(r->str, key) : NULL;
	pid_t pid = at ? (pid_t)strtol(at + sizeof(key) - 1, NULL, 10) : 0;

	freeReplyObject(r);
	return pid;
}

static int command(struct redis_peer *p, int argc, const char **argv, const size_t *len)
{
	redisReply *r = redisCommandArgv(p->c, argc, argv, len);
	int rc = r && r->type != REDIS_REPLY_ERROR ? 0 : -EIO;

	if (rc != 0)
		fprintf(stderr, "bench: redis: %s\n", r ? r->str : p->c->errstr);
	freeReplyObject(r);
	return rc;
}

int redis_peer_xadd(struct redis_peer *p, const char *stream, const char *data, size_t len)
{
	const char *argv[] = {"XADD", stream, "*", "m", data};
	size_t lens[] = {4, strlen(stream), 1, 1, len};

	return command(p, 5, argv, lens);
}

int redis_peer_push(struct redis_peer *p, const char *list, const char *data, size_t len)
{
	const char *argv[] = {"LPUSH", list, data};
	size_t lens[] = {5, strlen(list), len};

	return command(p, 3, argv, lens);
}

long redis_peer_pop(struct redis_peer *p, const char *list, char *buf, size_t size)
{
	const char *argv[] = {"BRPOP", list, "0"};
	size_t lens[] = {5, strlen(list), 1};
	redisReply *r = redisCommandArgv(p->c, 3, argv, lens);
	long n = -EIO;

	/* [list, data] */
	if (r && r->type == REDIS_REPLY_ARRAY && r->elements == 2 && r->element[1]->str) {
		size_t len = r->element[1]->len < size ? r->element[1]->len : size;

		memcpy(buf, r->element[1]->str, len);
		n = (long)len;
	}
	freeReplyObject(r);
	return n;
}

int redis_peer_publish(struct redis_peer *p, const char *channel, const char *data, size_t len)
{
	const char *argv[] = {"PUBLISH", channel, data};
	size_t lens[] = {7, strlen(channel), len};

	return command(p, 3, argv, lens);
}

int redis_peer_subscribe(struct redis_peer *p, const char *channel)
{
	const char *argv[] = {"SUBSCRIBE", channel};
	size_t lens[] = {9, strlen(channel)};

	return command(p, 2, argv, lens);
}

long redis_peer_next(struct redis_peer *p, char *buf, size_t size)
{
	redisReply *r = NULL;
	long n = -EIO;

	if (redisGetReply(p->c, (void **)&r) != REDIS_OK)
		return -EIO;
	/* ["message", channel, data] */
	if (r->type == REDIS_REPLY_ARRAY && r->elements == 3 && r->element[2]->str) {
		size_t len = r->element[2]->len < size ? r->element[2]->len : size;

		memcpy(buf, r->element[2]->str, len);
		n = (long)len;
	}
	freeReplyObject(r);
	return n;
}
