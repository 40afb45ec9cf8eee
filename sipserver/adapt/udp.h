/* udp - the SIP socket at the site address: open while primary, closed before this host says that
 * it is backup.
 *
 * Datagrams are received and sent in batches.  A wake-up costs more than a message: while datagrams
 * come closer together than the gathering time, the socket is looked at once in that time; when
 * fewer than two came in it, the next one wakes us again.  Right before each batch component_may_serve is asked
 * (H-4); what may not be sent is dropped and counted.  The address is never shared (no
 * SO_REUSEADDR): while the other host of one machine still holds it, opening is tried again every
 * 50 ms and the reason is reported.
 */
#ifndef SIPSERVER_ADAPT_UDP_H
#define SIPSERVER_ADAPT_UDP_H

#include <stdint.h>

#include "sipserver/sip/out.h"

struct server;
struct sockaddr_storage;
struct udp;

/* Addresses as the kernel has them, and back (as UDP); ports and families only. */
unsigned udp_to_socket(const struct sip_addr *a, struct sockaddr_storage *ret);
struct sip_addr udp_from_socket(const struct sockaddr_storage *s);

int udp_new(struct server *server, struct udp **ret_udp);
void udp_destroy(struct udp **udp);

void udp_open(struct udp *udp); /* nothing when it is open */
void udp_close(struct udp *udp);

/* udp_gather - the gathering time from now on, in milliseconds. */
#define UDP_GATHER_MS 4 /* unless the option says otherwise */
void udp_gather(struct udp *udp, uint32_t ms);

/* udp_send - send N datagrams of OUT from FIRST on, in order. */
void udp_send(struct udp *udp, const struct sip_out *out, unsigned first, unsigned n);

/* udp_report_unsent - tell the core of the datagrams that could not be sent. */
void udp_report_unsent(struct udp *udp);

/* udp_why_not - NULL; while primary and not open: why. */
const char *udp_why_not(const struct udp *udp);

/* udp_drops - datagrams not sent, for whatever reason; udp_full - of them those that the kernel had
 * no room for, which nobody is told of. */
uint64_t udp_drops(const struct udp *udp);
uint64_t udp_full(const struct udp *udp);

#endif
