/* transfer - blind and attended transfer by REFER (RFC 3515, 3891, 5589; transfer.tbl.h).
 *
 * REFER is never passed on: the server calls the number itself, or joins the two calls that it
 * holds when Refer-To names one of them by Replaces, and tells the transferor by NOTIFY.
 */
#ifndef SIPSERVER_CORE_TRANSFER_H
#define SIPSERVER_CORE_TRANSFER_H

#include "sipserver/core/state.h"

/* transfer_refer - a REFER in the dialog of L; always answered. */
void transfer_refer(struct sc *sc, struct leg *l, const struct sip_event *event);

/* transfer_start - L's agent transfers the other party by the desktop: to HELD, the other party of
 * another call of the agent, or (HELD NULL) to NUMBER, a phone's or beyond a trunk.
 * control_transferred tells AGENT the outcome, once. */
void transfer_start(struct sc *sc, struct leg *l, struct leg *held, const char *number,
                    handle_t agent);

/* transfer_connect - C's caller is connected already, its target has answered with an offer, which
 * is kept in C (RFC 3725 4.3): the two are joined. */
void transfer_connect(struct sc *sc, struct call *c);

/* transfer_response - true: EVENT was of a request that a transfer sent. */
bool transfer_response(struct sc *sc, struct leg *l, const struct sip_event *event);

/* transfer_left - L's party sent BYE.  True: a transfer goes on without it; L is still there. */
bool transfer_left(struct sc *sc, struct call *c, struct leg *l);

/* transfer_leg_lost - L ends; a transfer that needs it fails. */
void transfer_leg_lost(struct sc *sc, struct leg *l);

/* transfer_under_way - C is being transferred; its ring timer is the transfer's. */
bool transfer_under_way(const struct call *c);

/* transfer_of - the desktop of AGENT waits for a transfer that is under way. */
bool transfer_of(const struct sc *sc, handle_t agent);
void transfer_timer(struct sc *sc, struct call *c);

/* transfer_end - the call is over. */
void transfer_end(struct sc *sc, struct call *c);

#endif
