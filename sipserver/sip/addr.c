#include "sipserver/sip/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "sipserver/sip/build.h"

bool sip_addr_same_host(const struct sip_addr *a, const struct sip_addr *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool sip_addr_eq(const struct sip_addr *a, const struct sip_addr *b)
{
    return sip_addr_same_host(a, b) && a->port == b->port && a->transport == b->transport;
}

bool sip_addr_reliable(const struct sip_addr *a)
{
    return a->transport != SIP_UDP;
}

int sip_addr_parse(struct sip_str host, uint16_t port, enum sip_transport transport,
                   struct sip_addr *ret)
{
    struct sip_addr a = {.transport = (uint8_t)transport, .port = port};
    char text[INET6_ADDRSTRLEN];

    if (host.len >= 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
        host = (struct sip_str){host.p + 1, host.len - 2};
    if (sip_str_copy(host, text, sizeof(text)) < 0)
        return -EINVAL;
    if (inet_pton(AF_INET, text, a.ip) == 1)
        a.family = SIP_IPV4;
    else if (inet_pton(AF_INET6, text, a.ip) == 1)
        a.family = SIP_IPV6;
    else
        return -EINVAL;
    *ret = a;
    return 0;
}

/* OCTET in decimal at TO; returns what follows it. */
static char *put_octet(char *to, unsigned octet)
{
    if (octet >= 100)
        *to++ = (char)('0' + octet / 100);
    if (octet >= 10)
        *to++ = (char)('0' + octet / 10 % 10);
    *to++ = (char)('0' + octet % 10);
    return to;
}

static void put_ipv4(struct sip_buf *b, const uint8_t ip[4])
{
    char text[INET_ADDRSTRLEN], *to = text;

    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            *to++ = '.';
        to = put_octet(to, ip[i]);
    }
    sip_put(b, (struct sip_str){text, (size_t)(to - text)});
}

void sip_addr_put_host(struct sip_buf *b, const struct sip_addr *a, bool brackets)
{
    char text[INET6_ADDRSTRLEN];

    if (a->family == SIP_IPV4) {
        put_ipv4(b, a->ip);
    } else if (inet_ntop(AF_INET6, a->ip, text, sizeof(text)) != NULL) {
        sip_put_text(b, brackets ? "[" : "");
        sip_put_text(b, text);
        sip_put_text(b, brackets ? "]" : "");
    }
}

void sip_addr_put_uri(struct sip_buf *b, const struct sip_addr *a)
{
    sip_addr_put_host(b, a, true);
    sip_put(b, SIP_STR(":"));
    sip_put_number(b, a->port);
    if (a->transport != SIP_UDP)
        sip_put_text(b, a->transport == SIP_TLS ? ";transport=tls" : ";transport=tcp");
}
