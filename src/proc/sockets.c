/*
 * The listening TCP sockets.  Used by the master alone; workers inherit theirs.
 */
#include "proc/sockets.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <arpa/inet.h>
#include "base/mem.h"

#define BACKLOG 4096 /* the kernel takes net.core.somaxconn when that is less */

struct address {
	struct sockaddr_storage where; /* with the port really bound */
	socklen_t len;
};

struct sockets {
	struct address *addresses; /* owned */
	size_t count;
	size_t workers;
	int **fds;    /* owned: [number][address]; NULL while closed */
	char **names; /* owned, NULL-terminated */
};

/* "HOST:PORT" into its parts; brackets around an IPv6 host are taken off. */
static bool
split(const char *text, char *host, size_t host_size, char *port, size_t port_size)
{
	const char *colon = strrchr(text, ':');

	if (!colon || colon == text)
		return false;
	size_t len = (size_t)(colon - text);

	if (text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	return snprintf(host, host_size, "%.*s", (int)len, text) < (int)host_size &&
	       snprintf(port, port_size, "%s", colon + 1) < (int)port_size;
}

static bool
resolve(const char *text, struct address *out, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found;
	char host[256], port[16];

	if (!split(text, host, sizeof(host), port, sizeof(port)))
		return err_set(e, ERR_CONFIG, "server.listen: \"%s\" is not HOST:PORT", text);
	int rc = getaddrinfo(strcmp(host, "*") == 0 ? NULL : host, port, &hints, &found);

	if (rc != 0)
		return err_set(e, ERR_CONFIG, "server.listen: \"%s\": %s", text, gai_strerror(rc));
	/* "*" means both families: prefer the IPv6 wildcard, which takes IPv4 too. */
	const struct addrinfo *chosen = found;

	for (const struct addrinfo *a = found; a && strcmp(host, "*") == 0; a = a->ai_next)
		if (a->ai_family == AF_INET6)
			chosen = a;
	assert(chosen); /* where it says 0 it found something */
	memcpy(&out->where, chosen->ai_addr, chosen->ai_addrlen);
	out->len = chosen->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

static int
bound_socket(const struct address *a, bool share)
{
	int fd = socket(a->where.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, off = 0;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (share)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (a->where.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (const struct sockaddr *)&a->where, a->len) == 0)
		return fd;
	int why = errno;

	close(fd);
	errno = why;
	return -1;
}

/* Without SO_REUSEPORT the kernel tells whether somebody is there already; also settles port 0. */
static bool
claim(const char *text, struct address *a, struct err *e)
{
	int fd = bound_socket(a, false);

	if (fd < 0 && errno == EAFNOSUPPORT && a->where.ss_family == AF_INET6 && text[0] == '*') {
		/* A kernel without IPv6: "*" means all of IPv4. */
		struct sockaddr_in v4 = { .sin_family = AF_INET,
			.sin_port = ((struct sockaddr_in6 *)&a->where)->sin6_port };

		memcpy(&a->where, &v4, sizeof(v4));
		a->len = sizeof(v4);
		fd = bound_socket(a, false);
	}
	if (fd < 0)
		return err_errno(e, "server.listen: %s cannot be bound", text);
	a->len = sizeof(a->where);
	if (listen(fd, 1) != 0 || getsockname(fd, (struct sockaddr *)&a->where, &a->len) != 0) {
		err_errno(e, "server.listen: %s cannot be listened on", text);
		close(fd);
		return false;
	}
	close(fd);
	return true;
}

static char *
name_of(const struct address *a)
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (a->where.ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->where;

		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		return mem_printf("[%s]:%u", host, ntohs(v6->sin6_port));
	}
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->where;

	inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
	return mem_printf("%s:%u", host, ntohs(v4->sin_port));
}

bool
sockets_open_place(struct sockets *s, size_t number, struct err *e)
{
	if (s->fds[number])
		return true;
	int *fds = mem_array(s->count + 1, sizeof(*fds));

	for (size_t i = 0; i < s->count; i++) {
		fds[i] = bound_socket(&s->addresses[i], true);
		if (fds[i] >= 0 && listen(fds[i], BACKLOG) == 0)
			continue;
		err_errno(e, "server.listen: %s cannot be listened on", s->names[i]);
		for (size_t k = 0; k <= i; k++)
			if (fds[k] >= 0)
				close(fds[k]);
		mem_free(fds);
		return false;
	}
	s->fds[number] = fds;
	return true;
}

void
sockets_close_place(struct sockets *s, size_t number)
{
	for (size_t i = 0; s->fds[number] && i < s->count; i++)
		close(s->fds[number][i]);
	mem_free(s->fds[number]);
	s->fds[number] = NULL;
}

static bool
open_all(struct sockets *s, const struct config_list *addresses, struct err *e)
{
	for (size_t i = 0; i < s->count; i++) {
		if (!resolve(addresses->items[i], &s->addresses[i], e) ||
		    !claim(addresses->items[i], &s->addresses[i], e))
			return false;
		s->names[i] = name_of(&s->addresses[i]);
	}
	for (size_t n = 0; n < s->workers; n++)
		if (!sockets_open_place(s, n, e))
			return false;
	return true;
}

struct sockets *
sockets_open(const struct config_list *addresses, size_t workers, struct err *e)
{
	struct sockets *s = mem_alloc(sizeof(*s));

	s->count = addresses->count;
	s->workers = workers;
	s->addresses = mem_array(s->count + 1, sizeof(*s->addresses));
	s->fds = mem_array(workers + 1, sizeof(*s->fds));
	s->names = mem_array(s->count + 1, sizeof(*s->names));
	if (!open_all(s, addresses, e))
		sockets_close(&s);
	return s;
}

void
sockets_close(struct sockets **sp)
{
	struct sockets *s = *sp;

	if (!s)
		return;
	for (size_t n = 0; n < s->workers; n++)
		sockets_close_place(s, n);
	for (size_t i = 0; i < s->count; i++)
		mem_free(s->names[i]);
	mem_free(s->names);
	mem_free(s->fds);
	mem_free(s->addresses);
	mem_free(s);
	*sp = NULL;
}

const int *
sockets_of(const struct sockets *s, size_t number)
{
	assert(number < s->workers);
	return s->fds[number];
}

size_t
sockets_count(const struct sockets *s)
{
	return s->count;
}

const char *const *
sockets_names(const struct sockets *s)
{
	return (const char *const *)s->names;
}

bool
sockets_is_loopback(const char *name)
{
	return strncmp(name, "127.", 4) == 0 || strncmp(name, "[::1]:", 6) == 0 ||
	       strncmp(name, "[::ffff:127.", 12) == 0;
}
