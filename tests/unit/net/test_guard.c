/* net/guard.c: which addresses are public.  Rows as in IANA's registries of special purposes. */
#include "net/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>
#include "tests/unit/unit.h"

struct row {
	const char *first, *last, *name;
};

static bool
is_public(const char *text)
{
	struct sockaddr_storage any = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&any;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&any;

	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		any.ss_family = AF_INET;
	} else {
		if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
			fail_msg("not an address: %s", text);
		any.ss_family = AF_INET6;
	}
	return guard_is_public((struct sockaddr *)&any);
}

static void
expect(const char *address, bool open, const char *name)
{
	if (is_public(address) != open)
		fail_msg("%s (%s) is taken for %s", address, name, open ? "closed" : "public");
}

/* "::ffff:" and the like before an IPv4 address. */
static void
expect_inside(const char *prefix, const char *ipv4, bool open, const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%s", prefix, ipv4);
	expect(text, open, name);
}

static const struct row closed4[] = {
	{ "0.0.0.0", "0.255.255.255", "this network" },
	{ "10.0.0.0", "10.255.255.255", "private" },
	{ "100.64.0.0", "100.127.255.255", "shared address space" },
	{ "100.100.100.200", "100.100.100.200", "Alibaba's metadata" },
	{ "127.0.0.0", "127.255.255.255", "loopback" },
	{ "168.63.129.16", "168.63.129.16", "Azure's own service" },
	{ "169.254.0.0", "169.254.255.255", "link-local" },
	{ "169.254.169.254", "169.254.170.2", "metadata" },
	{ "172.16.0.0", "172.31.255.255", "private" },
	{ "192.0.0.0", "192.0.0.255", "IETF protocol assignments" },
	{ "192.0.0.0", "192.0.0.7", "IPv4 service continuity" },
	{ "192.0.0.8", "192.0.0.8", "dummy address" },
	{ "192.0.0.9", "192.0.0.10", "PCP and TURN anycast" },
	{ "192.0.0.170", "192.0.0.171", "NAT64 discovery" },
	{ "192.0.0.192", "192.0.0.192", "Oracle's metadata" },
	{ "192.0.2.0", "192.0.2.255", "TEST-NET-1" },
	{ "192.88.99.0", "192.88.99.255", "6to4 relay anycast" },
	{ "192.168.0.0", "192.168.255.255", "private" },
	{ "198.18.0.0", "198.19.255.255", "benchmarking" },
	{ "198.51.100.0", "198.51.100.255", "TEST-NET-2" },
	{ "203.0.113.0", "203.0.113.255", "TEST-NET-3" },
	{ "224.0.0.0", "239.255.255.255", "multicast" },
	{ "240.0.0.0", "255.255.255.254", "reserved" },
	{ "255.255.255.255", "255.255.255.255", "limited broadcast" },
};

/* The neighbours of each closed block, and what only looks special. */
static const char *const open4[] = { "1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0",
	"100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "168.63.129.15",
	"168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
	"191.255.255.255", "192.0.1.0", "192.0.1.255", "192.0.3.0", "192.88.98.255", "192.88.100.0",
	"192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255",
	"198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
	/* globally reachable by the registry: AS112, AMT */
	"192.31.196.1", "192.52.193.1", "192.175.48.1" };

static const struct row closed6[] = {
	{ "::", "::", "unspecified" },
	{ "::1", "::1", "loopback" },
	{ "::2", "::ffff", "IPv4-compatible, low" },
	{ "::8.8.8.8", "::93.184.216.34", "IPv4-compatible" },
	{ "::fffe:0:0", "::fffe:ffff:ffff", "beside IPv4-mapped" },
	{ "::ffff:0:8.8.8.8", "::ffff:0:8.8.4.4", "IPv4-translated" },
	{ "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "NAT64 for local use" },
	{ "64:ff9b:1::8.8.8.8", "64:ff9b::1:808:808", "outside of NAT64's prefix" },
	{ "100::", "100::ffff:ffff:ffff:ffff", "discard-only" },
	{ "100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff", "dummy prefix" },
	{ "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "Teredo" },
	{ "2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "IETF protocol assignments" },
	{ "2001:1::1", "2001:1::3", "PCP, TURN, DNS-SD anycast" },
	{ "2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", "benchmarking" },
	{ "2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff", "AMT" },
	{ "2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff", "AS112" },
	{ "2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", "ORCHID" },
	{ "2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", "ORCHIDv2" },
	{ "2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff", "drone identifiers" },
	{ "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation" },
	{ "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "6to4" },
	{ "2002:808:808::", "2002:5db8:d822::1", "6to4 of a public address" },
	{ "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation" },
	{ "4000::", "5eff::1", "not handed out" },
	{ "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "segment routing" },
	{ "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unique local" },
	{ "fd00:ec2::254", "fd20:ce::254", "metadata" },
	{ "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local" },
	{ "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "site-local" },
	{ "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast" },
	{ "1fff:ffff::1", "1fff::", "below global unicast" },
	{ "200::", "3ff::1", "not handed out" },
};

static const char *const open6[] = { "2000::", "2000:ffff::1", "2001:200::", "2001:4860:4860::8888",
	"2001:db7:ffff::1", "2001:db9::", "2001:ffff::1", "2003::1", "2606:4700:4700::1111",
	"2620:4f:8000::1", "2a00:1450:4001::1", "3ffe:ffff::1", "3fff:1000::" };

static void
every_special_ipv4_block_is_closed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(closed4); i++) {
		expect(closed4[i].first, false, closed4[i].name);
		expect(closed4[i].last, false, closed4[i].name);
	}
}

static void
what_lies_beside_a_special_ipv4_block_is_public(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(open4); i++)
		expect(open4[i], true, "public");
}

static void
every_special_ipv6_block_is_closed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(closed6); i++) {
		expect(closed6[i].first, false, closed6[i].name);
		expect(closed6[i].last, false, closed6[i].name);
	}
}

static void
global_unicast_ipv6_is_public(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(open6); i++)
		expect(open6[i], true, "public");
}

static void
an_ipv4_address_inside_an_ipv6_one_is_judged_as_itself(void **state)
{
	static const char *const judged[] = { "::ffff:", "64:ff9b::" };

	(void)state;
	for (size_t k = 0; k < COUNT(judged); k++) {
		for (size_t i = 0; i < COUNT(closed4); i++) {
			expect_inside(judged[k], closed4[i].first, false, closed4[i].name);
			expect_inside(judged[k], closed4[i].last, false, closed4[i].name);
		}
		for (size_t i = 0; i < COUNT(open4); i++)
			expect_inside(judged[k], open4[i], true, "public");
	}
}

static void
forms_that_nobody_uses_any_more_are_closed_whatever_they_hold(void **state)
{
	static const char *const closed[] = { "::", "::ffff:0:", "64:ff9b:1::" };

	(void)state;
	for (size_t k = 0; k < COUNT(closed); k++)
		for (size_t i = 0; i < COUNT(open4); i++)
			expect_inside(closed[k], open4[i], false, "embedded");
}

static void
only_internet_addresses_can_be_public(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/run/some.sock" };
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	(void)state;
	assert_false(guard_is_public((struct sockaddr *)&un));
	assert_false(guard_is_public(&none));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_special_ipv4_block_is_closed),
		cmocka_unit_test(what_lies_beside_a_special_ipv4_block_is_public),
		cmocka_unit_test(every_special_ipv6_block_is_closed),
		cmocka_unit_test(global_unicast_ipv6_is_public),
		cmocka_unit_test(an_ipv4_address_inside_an_ipv6_one_is_judged_as_itself),
		cmocka_unit_test(forms_that_nobody_uses_any_more_are_closed_whatever_they_hold),
		cmocka_unit_test(only_internet_addresses_can_be_public),
	};

	return cmocka_run_group_tests_name("net/guard", tests, NULL, NULL);
}
