/* relay - requests inside an established call on their way from one party to the other: re-INVITE,
 * UPDATE, PRACK, INFO, MESSAGE. They pass end to end with their bodies untouched; what the other
 * party answers comes back (RFC 3261 14, 3262, 3311, 6086, 3428).  UPDATE and PRACK pass in the
 * early dialog too.
 */
#ifndef SIPSERVER_CORE_RELAY_H
#define SIPSERVER_CORE_RELAY_H

#include "sipserver/core/state.h"

/* relay_request - a request in the dialog of L; it is answered when it cannot go on. */
void relay_request(struct sc *sc, struct leg *l, const struct sip_event *event);

/* relay_prack - the PRACK EVENT of L's party goes to TARGET, for the response that L's last one
 * passed on.  False: it could not, and has been answered. */
bool relay_prack(struct sc *sc, struct leg *l, struct leg *target, const struct sip_event *event);

/* relay_event - an event of a transaction that R owns. */
void relay_event(struct sc *sc, struct relay *r, const struct sip_event *event);

/* relays_under_way - a re-INVITE or UPDATE is on its way through C. */
bool relays_under_way(const struct sc *sc, const struct call *c);

/* relays_end - what is on its way through C gets a final answer: who asked loses its call (OVER),
 * or only whom it asked. */
void relays_end(struct sc *sc, struct call *c, bool over);

#endif
