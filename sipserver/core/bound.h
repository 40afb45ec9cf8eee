/* bound - who has proven nothing is sent at most three times the bytes that came (as in QUIC,
 * RFC 9000 8.1): the source of a datagram may be forged, and what we answer goes to a victim.
 *
 * Proven is a request over a connection, with right credentials, in a dialog of ours, or of a
 * trunk. Any other answer that would be longer goes without the headers that it can do without;
 * else it is 400; else there is none, which is counted.  Requests of phones are long enough not to
 * notice.
 */
#ifndef SIPSERVER_CORE_BOUND_H
#define SIPSERVER_CORE_BOUND_H

#include "sipserver/core/state.h"

struct sc_event;

/* bound_begin - datagram EVENT comes.  bound_end - it has been worked on; what is too long for
 * it all the same is not sent. */
void bound_begin(struct sc *sc, const struct sc_event *event);
void bound_end(struct sc *sc, const struct sip_event *event);

/* bound_lift - the sender of the datagram has proven who it is. */
void bound_lift(struct sc *sc);

/* bound_reply - REPLY to a request that is refused or asks little.  False: it would be too long,
 * and was not sent.  bound_answer - REPLY as far as it fits. */
bool bound_reply(struct sc *sc, const struct sip_event *event, const struct sip_reply *reply);
void bound_answer(struct sc *sc, const struct sip_event *event, const struct sip_reply *reply);

#endif
