/*
 * A resolver for tests: getaddrinfo() as the program and libcurl see it, answering from a table.
 * Nothing is asked outside: what is neither in the table, nor an address, nor localhost, is
 * unknown.
 */
#ifndef POLLUX_TESTS_NET_NAMES_H
#define POLLUX_TESTS_NET_NAMES_H

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <strings.h>
#include "tests/unit/unit.h"

struct name {
	const char *host;
	const char *addresses[4]; /* as first answered */
	const char *later[4];     /* from the second time on; none: as at first */
	bool waits;               /* for names_release() */
	atomic_int asked;
};

static struct name *names_table;
static size_t names_count;
static sem_t names_gate;
static atomic_int names_entered, names_left; /* those that wait, or did */
static atomic_bool names_unmasked;           /* a thread that waits would take signals */

typedef int names_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static inline names_fn *
names_real(void)
{
	names_fn *fn;

	*(void **)&fn = dlsym(RTLD_NEXT, "getaddrinfo");
	return fn;
}

static inline void
names_wait(void)
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	if (!sigismember(&mask, SIGTERM) || !sigismember(&mask, SIGCHLD))
		names_unmasked = true;
	names_entered++;
	while (sem_wait(&names_gate) != 0)
		;
	names_left++;
}

static inline int
names_answer(const char *const *texts, const char *service, const struct addrinfo *hints,
    struct addrinfo **found)
{
	struct addrinfo numeric = hints ? *hints : (struct addrinfo){ 0 };
	struct addrinfo **end = found;

	numeric.ai_flags = AI_NUMERICHOST;
	*found = NULL;
	for (size_t i = 0; i < 4 && texts[i]; i++) {
		if (names_real()(texts[i], service, &numeric, end) != 0)
			continue; /* of a family that was not asked for */
		while (*end)
			end = &(*end)->ai_next;
	}
	return *found ? 0 : EAI_NONAME;
}

int getaddrinfo(
    const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found);

int
getaddrinfo(
    const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	struct addrinfo numeric = hints ? *hints : (struct addrinfo){ 0 };

	for (size_t i = 0; i < names_count; i++) {
		struct name *n = &names_table[i];
		bool first;

		if (strcasecmp(n->host, host) != 0 || (hints && hints->ai_flags & AI_NUMERICHOST))
			continue;
		first = n->asked++ == 0;
		if (n->waits)
			names_wait();
		return names_answer(
		    first || !n->later[0] ? n->addresses : n->later, service, hints, found);
	}
	if (strcasecmp(host, "localhost") != 0)
		numeric.ai_flags |= AI_NUMERICHOST;
	return names_real()(host, service, &numeric, found);
}

static inline void
names_are(struct name *table, size_t count)
{
	names_table = table;
	names_count = count;
	names_entered = names_left = 0;
	for (size_t i = 0; i < count; i++)
		table[i].asked = 0;
	sem_init(&names_gate, 0, 0);
}

static inline void
names_release(int count)
{
	while (count-- > 0)
		sem_post(&names_gate);
}

#endif
