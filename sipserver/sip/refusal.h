/* refusal - the answer to a request that cannot be cut out of its stream.
 *
 * The boundaries of the stream are lost and the connection must be closed (RFC 3261 18.3), but
 * where the head of the message is whole, its sender can be told why: 400 for a Content-Length that
 * is missing or bad, 413 for a body, 513 for a head that is too large (21.4.1, 21.4.11, 21.5.7).
 */
#ifndef SIPSERVER_SIP_REFUSAL_H
#define SIPSERVER_SIP_REFUSAL_H

#include "sipserver/sip/addr.h"
#include "sipserver/sip/build.h"
#include "sipserver/sip/framer.h"

#define SIP_REFUSAL_MAX 4096 /* bytes of an answer; what its Vias would make longer is not sent */

/* sip_refusal - append to B the answer to what DATA begins with, which came from SRC.  F has just
 * returned FRAME for it.
 *
 * Returns: the status; 0 where there is nothing to answer: the end of the head has not come, it is
 *          a response, an ACK or has no Via, or B has no room.
 */
unsigned sip_refusal(const struct sip_framer *f, enum sip_frame frame, const char *data,
                     const struct sip_addr *src, struct sip_buf *b);

#endif
