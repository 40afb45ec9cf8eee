/* addr - a transport address, as a value without pointers: it can be compared, hashed and
 * replicated. */
#ifndef SIPSERVER_SIP_ADDR_H
#define SIPSERVER_SIP_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#include "sipserver/sip/str.h"

struct sip_buf;

enum sip_transport { SIP_UDP = 0, SIP_TCP = 1, SIP_TLS = 2 };
enum sip_family { SIP_NO_ADDR = 0, SIP_IPV4 = 4, SIP_IPV6 = 6 };

struct sip_addr {
    uint8_t family;    /* enum sip_family */
    uint8_t transport; /* enum sip_transport */
    uint16_t port;     /* host order */
    uint16_t
        local; /* index of the own socket that it came in by or leaves by; not part of equality */
    uint16_t zero;  /* always 0 */
    uint8_t ip[16]; /* network order; IPv4 in the first four bytes, the rest 0 */
};

bool sip_addr_eq(const struct sip_addr *a, const struct sip_addr *b);
bool sip_addr_same_host(const struct sip_addr *a,
                        const struct sip_addr *b); /* port and transport apart */

/* sip_addr_reliable - true for transports on which SIP does not retransmit. */
bool sip_addr_reliable(const struct sip_addr *a);

/* sip_addr_parse - an IPv4 or IPv6 literal (brackets allowed) and a port.
 * Returns: 0; -EINVAL when HOST is not a literal (a name needs a resolver, which is not here). */
int sip_addr_parse(struct sip_str host, uint16_t port, enum sip_transport transport,
                   struct sip_addr *ret);

/* sip_addr_put_host - "192.0.2.1" or "[2001:db8::1]" (RFC 5952 form); without the port. */
void sip_addr_put_host(struct sip_buf *b, const struct sip_addr *a, bool brackets);

#endif
