/* music - the caller of a queue is answered and hears a service (a media server) until a target, an
 * agent most often, takes the call (music.tbl.h).
 *
 *      caller ── leg ──┬── call ──┬── leg ── target        until the target has answered,
 * everything └──────────┴── leg ── service       of the caller's goes to the service
 *
 * The service is asked with the caller's offer, and its answer is the caller's 200.  A target of a
 * caller who is answered is asked without an offer; the one in its 2xx goes to the caller by
 * re-INVITE, the caller's answer to the target in its ACK, and the service is released (RFC 3725,
 * flow I).  To the statistics and the record the call is answered when the target has.
 */
#ifndef SIPSERVER_CORE_MUSIC_H
#define SIPSERVER_CORE_MUSIC_H

#include "sipserver/core/state.h"

/* music_begin - C waits in a queue. */
void music_begin(struct sc *sc, struct call *c);

/* music_offered - C is offered to a target: a service that has not answered yet is given up. */
void music_offered(struct sc *sc, struct call *c);

/* music_stop - C has its target, or is over. */
void music_stop(struct sc *sc, struct call *c);

/* music_holds - the caller of C is answered, but not by a target. */
bool music_holds(const struct call *c);

/* music_party - the leg that the caller speaks to while music_holds; NULL: none now. */
struct leg *music_party(const struct sc *sc, const struct call *c);

/* music_join - the target has answered; its offer, kept in C, goes to the caller.  At the end the
 * event AGREED of the call, or its release. */
void music_join(struct sc *sc, struct call *c);
bool music_joins(const struct call *c);

/* music_ack - the caller acknowledged the 200 that it had from a service. */
void music_ack(struct sc *sc, struct call *c, const struct sip_event *event);

/* music_response - true: EVENT of L's transaction was one of the music's. */
bool music_response(struct sc *sc, struct call *c, struct leg *l, const struct sip_event *event);

/* music_left - true: L was the service's, which is lost or has sent BYE; the leg is not given back.
 */
bool music_left(struct sc *sc, struct call *c, const struct leg *l);

void music_timer(struct sc *sc, struct call *c);

#endif
