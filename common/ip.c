#include "common/ip.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

bool ip_is_v6(const char *address)
{
    return strchr(address, ':') != NULL;
}

const char *ip_fault(const char *address)
{
    static const unsigned char none[16] = {0}, all[4] = {255, 255, 255, 255};
    unsigned char ip[16] = {0};
    bool v6 = ip_is_v6(address);

    if (inet_pton(v6 ? AF_INET6 : AF_INET, address, ip) != 1)
        return IP_NO_ADDRESS;
    if (memcmp(ip, none, v6 ? 16 : 1) == 0) /* 0.0.0.0/8 is "this network", RFC 1122 3.2.1.3 */
        return "means any address";
    if (v6 ? ip[0] == 0xff : ip[0] >= 224 && ip[0] <= 239)
        return "is a multicast address";
    if (!v6 && memcmp(ip, all, sizeof all) == 0)
        return "is the broadcast address";
    return NULL;
}
