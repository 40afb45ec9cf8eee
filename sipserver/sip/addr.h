/* addr - a transport address, as a value without pointers: it can be compared, hashed and
 * replicated.
 *
 * A flow is a connection of this host, named by a number that the adapter gives.  It means something
 * together with the address only, and only where the connection is: elsewhere it is unknown, and so
 * is one that has ended. */
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
    /* what follows up to the address is not part of equality */
    uint8_t local;      /* index of the own socket that it came in by or leaves by */
    bool any_transport; /* its URI named none: a large request may go by TCP (18.1.1) */
    uint16_t again;     /* port to connect to when the flow is over (18.2.2); 0: do not */
    uint8_t ip[16];     /* network order; IPv4 in the first four bytes, the rest 0 */
    uint32_t flow;      /* the connection; 0: any to this address, or a new one */
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

/* sip_addr_put_uri - the part of a SIP URI after "@": host, port, and ";transport=" unless UDP. */
void sip_addr_put_uri(struct sip_buf *b, const struct sip_addr *a);

#endif
