/* ring - one call offered to several agents' phones at once (a queue that rings all).
 *
 * The call's target and agent are one of them; the others stand in struct call, rings.  Whoever
 * rings or answers becomes the target; at an answer the others are cancelled with the reason "Call
 * completed elsewhere" (RFC 3326).  The call has failed when the last of them has.
 */
#ifndef SIPSERVER_CORE_RING_H
#define SIPSERVER_CORE_RING_H

#include "sipserver/core/state.h"

/* ring_others - C has just been offered to one agent of Q: offer it to further idle ones, up to
 * ring-all-max together. */
void ring_others(struct sc *sc, struct call *c, const struct queue *q);

/* rings_many - more than one phone rings for C. */
bool rings_many(const struct sc *sc, const struct call *c);

/* ring_has - C is offered to A, be it as its target or beside it. */
bool ring_has(const struct sc *sc, const struct call *c, const struct agent *a);

/* ring_becomes_target - L has something to say: if it rings beside C's target, it takes its place.
 */
void ring_becomes_target(struct sc *sc, struct call *c, const struct leg *l);

/* ring_refused - L, which rings for C, has ended with STATUS.  True: others still ring, its agent
 * is out of the call; the leg is the caller's to give back. */
bool ring_refused(struct sc *sc, struct call *c, const struct leg *l, unsigned status);

/* ring_agent_left - the same for an agent who left: A's leg is ended. */
bool ring_agent_left(struct sc *sc, struct call *c, struct agent *a, const char *reason);

/* How the phones that ring beside the target end, and what becomes of their agents. */
enum rings_end {
    RINGS_WITHDRAWN, /* the call went away: Ready as before */
    RINGS_ELSEWHERE, /* another one answered: the same, and the phones are told so */
    RINGS_MISSED,    /* they did not answer: NotReady by REASON */
};
void rings_end(struct sc *sc, struct call *c, enum rings_end how, const char *reason);

#endif
