/* sdp - the two things that this server changes in a party's session description, always in a copy:
 * the origin, whose version must rise by one with each change that a party is sent (RFC 3264 8),
 * and the directions of its streams (RFC 3264 8.4).  All else passes as it came.
 *
 * Pure text to text; a description that cannot be read is a value (-EINVAL), never a guess.
 */
#ifndef SIPSERVER_CORE_SDP_H
#define SIPSERVER_CORE_SDP_H

#include <stdbool.h>
#include <stdint.h>

#include "sipserver/sip/build.h"

/* Directions as seen by who wrote the description: a set of SDP_SEND and SDP_RECV. */
#define SDP_SEND 1u
#define SDP_RECV 2u
#define SDP_BOTH 3u

/* Whose description a party believes it talks to: "o=WHO VERSION WHERE" (RFC 8866 5.2). */
struct sdp_origin {
    bool known;
    uint64_t version; /* that the party was sent last */
    char who[72];     /* user name and session id */
    char where[88];   /* network type, address type, address */
};

/* sdp_origin_read - the origin of BODY.  0; -EINVAL it has none, or one beyond our bounds. */
int sdp_origin_read(struct sip_str body, struct sdp_origin *ret_origin);

/* sdp_write - append BODY to B with ORIGIN (NULL: its own) and no other directions than ALLOWED.
 * -EINVAL when it is no session description; an overflow is B's. */
int sdp_write(struct sip_buf *b, struct sip_str body, const struct sdp_origin *origin,
              unsigned allowed);

/* sdp_same_place - the streams of A and B are at the same addresses and ports. */
bool sdp_same_place(struct sip_str a, struct sip_str b);

/* sdp_holds - the offer BODY stops at least one way of every stream that it has: a hold (RFC 3264
 * 8.4), as its writer asks for it. */
bool sdp_holds(struct sip_str body);

#endif
