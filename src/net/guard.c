/*
 * Which addresses belong to the public Internet.
 *
 * Pure.  Runs wherever net/fetch.c does; owns nothing.
 *
 * The tables follow IANA's registries of special-purpose addresses (RFC 6890 and what updated it,
 * the latest being RFC 9637 and RFC 9602) and of the multicast and IPv6 address spaces.  IPv4 is
 * open but for what is listed; IPv6 is closed but for 2000::/3, the only part that is handed out.
 * A block of which a few addresses are global (anycast for PCP, TURN, AMT) is closed as a whole: no
 * page is served from them.
 */
#include "net/guard.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct net4 {
	uint8_t net[4];
	int bits;
};

static const struct net4 closed4[] = {
	{ { 0 }, 8 },                 /* this network; the kernel takes 0.0.0.0 for itself */
	{ { 10 }, 8 },                /* private */
	{ { 100, 64 }, 10 },          /* shared by carrier-grade NAT; a cloud's metadata */
	{ { 127 }, 8 },               /* loopback */
	{ { 168, 63, 129, 16 }, 32 }, /* Azure's own service: public by number only */
	{ { 169, 254 }, 16 },         /* link-local, and with it most clouds' metadata */
	{ { 172, 16 }, 12 },          /* private */
	{ { 192, 0, 0 }, 24 },        /* IETF protocols: DS-Lite, PCP, NAT64 discovery */
	{ { 192, 0, 2 }, 24 },        /* documentation */
	{ { 192, 88, 99 }, 24 },      /* 6to4 relays, given up */
	{ { 192, 168 }, 16 },         /* private */
	{ { 198, 18 }, 15 },          /* benchmarks */
	{ { 198, 51, 100 }, 24 },     /* documentation */
	{ { 203, 0, 113 }, 24 },      /* documentation */
	{ { 224 }, 4 },               /* multicast */
	{ { 240 }, 4 },               /* reserved, broadcast */
};

enum judgement { CLOSED, OPEN, AS_IPV4 /* the last four bytes decide */ };

struct net6 {
	uint8_t net[16];
	int bits;
	enum judgement judgement;
};

/* The first one that fits decides. */
static const struct net6 nets6[] = {
	{ { [10] = 0xff, 0xff }, 96, AS_IPV4 },      /* ::ffff:0:0/96, IPv4-mapped */
	{ { 0x00, 0x64, 0xff, 0x9b }, 96, AS_IPV4 }, /* 64:ff9b::/96, NAT64 */
	{ { 0x20, 0x01, 0x00 }, 23, CLOSED },        /* IETF protocols: Teredo, ORCHID, ... */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, CLOSED },  /* documentation */
	{ { 0x20, 0x02 }, 16, CLOSED },              /* 6to4, given up */
	{ { 0x3f, 0xff, 0x00 }, 20, CLOSED },        /* documentation */
	{ { 0x20 }, 3, OPEN },                       /* 2000::/3, global unicast */
	/* ::, ::1, IPv4-compatible, 64:ff9b:1::/48, 100::/64, 5f00::/16, fc00::/7, fe80::/10,
	 * fec0::/10, ff00::/8 and what nobody was given */
	{ { 0 }, 0, CLOSED },
};

static bool
begins_with(const uint8_t *address, const uint8_t *net, int bits)
{
	size_t whole = (size_t)bits / 8;
	int rest = bits % 8;

	if (memcmp(address, net, whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ net[whole]) >> (8 - rest) == 0;
}

static bool
is_public4(const uint8_t *address)
{
	for (size_t i = 0; i < sizeof(closed4) / sizeof(closed4[0]); i++)
		if (begins_with(address, closed4[i].net, closed4[i].bits))
			return false;
	return true;
}

static bool
is_public6(const uint8_t *address)
{
	const struct net6 *n = nets6;

	while (!begins_with(address, n->net, n->bits))
		n++;
	return n->judgement == OPEN || (n->judgement == AS_IPV4 && is_public4(address + 12));
}

bool
guard_is_public(const struct sockaddr *sa)
{
	uint8_t address[16];

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(address, (const char *)sa + offsetof(struct sockaddr_in, sin_addr), 4);
		return is_public4(address);
	case AF_INET6:
		memcpy(address, (const char *)sa + offsetof(struct sockaddr_in6, sin6_addr), 16);
		return is_public6(address);
	default:
		return false;
	}
}
