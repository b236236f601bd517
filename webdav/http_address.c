#include "webdav/http.h"

#include <string.h>

static bool ipv4_refused(const unsigned char a[4])
{
	static const unsigned char alibaba[4] = {100, 100, 100, 200};

	return (a[0] == 169 && a[1] == 254) || !memcmp(a, alibaba, 4);
}

static bool ipv6_refused(const unsigned char a[16])
{
	static const unsigned char ec2[16] = {0xfd, 0, 0x0e, 0xc2, [14] = 2, [15] = 0x54};
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const unsigned char compatible[12] = {0};
	static const unsigned char nat64[12] = {0, 0x64, 0xff, 0x9b};

	if (a[0] == 0xfe && (a[1] & 0xc0) == 0x80)
		return true;
	if (!memcmp(a, ec2, 16))
		return true;
	if (a[0] == 0x20 && a[1] == 0x02) /* 6to4, RFC 3056 */
		return ipv4_refused(a + 2);
	return (!memcmp(a, mapped, 12) || !memcmp(a, compatible, 12) || !memcmp(a, nat64, 12)) &&
	       ipv4_refused(a + 12);
}

bool http_address_refused(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return ipv4_refused(
			(const unsigned char *)&((const struct sockaddr_in *)address)->sin_addr);
	if (address->sa_family == AF_INET6)
		return ipv6_refused(((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr);
	return true;
}
