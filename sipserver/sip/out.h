/* out - outgoing datagrams of a step, in order, in memory that the caller owns.
 *
 * The stack appends; the loop holds them until the replica has the turn's changes, sends them in
 * order and clears.  Bounded: what does not fit is refused with -ENOBUFS and counted, never cut. To
 * the protocol a refused datagram is a lost one: retransmission repairs it.
 */
#ifndef SIPSERVER_SIP_OUT_H
#define SIPSERVER_SIP_OUT_H

#include "sipserver/sip/addr.h"
#include "sipserver/sip/build.h"

struct sip_dgram {
    struct sip_addr to; /* to.local says from which own socket */
    uint64_t txn;       /* transaction to be told when sending fails; 0: none */
    size_t offset;      /* into the arena */
    size_t len;
};

struct sip_out {
    struct sip_dgram *items;
    unsigned n, max;
    char *arena;
    size_t used, size;
    uint64_t refused; /* datagrams, since init */
};

void sip_out_init(struct sip_out *o, struct sip_dgram *items, unsigned max, char *arena,
                  size_t size);
void sip_out_clear(struct sip_out *o); /* the counter stays */

/* sip_out_add - append a copy of DATA.  0; -ENOBUFS. */
int sip_out_add(struct sip_out *o, const struct sip_addr *to, uint64_t txn, struct sip_str data);

/* sip_out_open - a buffer over the arena's free end, to build a message in place; nothing else may
 * be appended until sip_out_close takes it.  sip_out_close: 0; -EMSGSIZE the buffer overflowed;
 * -ENOBUFS. */
struct sip_buf sip_out_open(struct sip_out *o);
int sip_out_close(struct sip_out *o, const struct sip_buf *b, const struct sip_addr *to,
                  uint64_t txn);

struct sip_str sip_out_data(const struct sip_out *o, unsigned index);

#endif
