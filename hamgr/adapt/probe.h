/* probe - last-resort: probe: is the network there, and does anybody serve at the site address?
 *
 *   reference addresses   ICMP echo, each
 *   site address          ARP (RFC 5227 form, by AF_PACKET), and a SIP OPTIONS by UDP.  Over IPv6
 * the OPTIONS alone: the kernel resolves the neighbour itself before it leaves
 *
 * Asked several times until the time is over; then FN is called once.  Anything that answers
 * counts, whatever it says.  When a socket is refused (CAP_NET_RAW), the site address counts as
 * answering: nothing is taken on a probe that could not be made.
 */
#ifndef HAMGR_ADAPT_PROBE_H
#define HAMGR_ADAPT_PROBE_H

#include "common/bootstrap.h"
#include "common/loop.h"

struct probe;

/* What answered; for `hamgr status` and the log. */
struct probe_result {
    bool references, site;
    char text[192];
};

typedef void probe_fn(void *arg, const struct probe_result *result);

/* probe_new - BOOTSTRAP must outlive the object; its own host's site is the one meant. */
int probe_new(struct loop *loop, const struct bootstrap *bootstrap, probe_fn *fn, void *arg,
              struct probe **ret_probe);
void probe_destroy(struct probe **probe);

/* probe_start - ask for TIME_MS; one under way begins anew. */
void probe_start(struct probe *probe, uint32_t time_ms);

#endif
