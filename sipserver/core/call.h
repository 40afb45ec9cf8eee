/* call - calls: who is offered what, and what happens then (call.tbl.h).
 *
 *      caller ── leg ──┐            ┌── leg ── target
 *                      └── struct call ──┘
 *
 * The caller's INVITE makes a call; the target (a phone, an agent's phone, a trunk, the peer site)
 * is asked by an INVITE of ours with the caller's body untouched.  Answers, ACK and, once
 * established, all requests pass through (relay.h).
 */
#ifndef SIPSERVER_CORE_CALL_H
#define SIPSERVER_CORE_CALL_H

#include "sipserver/core/state.h"

/* call_invite - an INVITE without To tag. */
void call_invite(struct sc *sc, const struct sip_event *event);

/* call_leg_event - an event of a transaction that a leg owns. */
void call_leg_event(struct sc *sc, struct leg *l, const struct sip_event *event);

/* call_bye - a BYE in the dialog of L, not yet answered. */
void call_bye(struct sc *sc, struct leg *l, const struct sip_event *event);

/* call_release - a party is lost: both sides are released. */
void call_release(struct sc *sc, struct call *c, const char *reason);

/* call_party_lost - L of C is lost: C is released, unless L was a service's that played music. */
void call_party_lost(struct sc *sc, struct call *c, struct leg *l, const char *reason);

/* call_agreed - EVENT is the caller's 2xx to the re-INVITE with the target's session.
 * call_refuse - C ends before an answer. */
void call_agreed(struct sc *sc, struct call *c, const struct sip_event *event);
void call_refuse(struct sc *sc, struct call *c, unsigned status, const char *reason);

/* call_cancel - the caller of C, which is not answered yet, gives up by its desktop.
 * call_reject - the phone that rings refuses by its desktop. */
void call_cancel(struct sc *sc, struct call *c);
void call_reject(struct sc *sc, struct call *c);

/* call_dial - a call from phone D to NUMBER: D is called first, without an offer.  Its leg, the
 * caller's, goes to *RET_LEG.  NULL: no phone is registered, or there is no room.
 * call_go - the phone has answered and been acknowledged: on to the number. */
struct call *call_dial(struct sc *sc, struct dn *d, const char *number, struct leg **ret_leg);
void call_go(struct sc *sc, struct call *c);

/* call_move - the party of L, established, becomes the caller of a new call to NUMBER; its present
 * call ends.  False: there is no room, nothing has changed. */
bool call_move(struct sc *sc, struct leg *l, const char *number);

/* call_caller_connected - C's caller has its 2xx although no target has answered. */
bool call_caller_connected(const struct sc *sc, const struct call *c);

/* call_leg_gone - a leg of C has been given back. */
void call_leg_gone(struct sc *sc, struct call *c);

/* call_offer_agent - offer C, which waits, to A, who is idle. */
void call_offer_agent(struct sc *sc, struct call *c, struct agent *a);

/* call_agent_left - A logged out, or its phone is lost: an offer of C to A is taken back. */
void call_agent_left(struct sc *sc, struct call *c, struct agent *a, const char *reason);

/* call_phone_target - where the next phone of D is that TRIES (may be NULL) does not name, which
 * names it then; false: there is none. */
struct leg_target;
bool call_phone_target(const struct sc *sc, const struct dn *d, struct phone_tries *tries,
                       struct leg_target *ret_target);

/* call_why_refused - STATUS of a phone in words, as the reason of its agent. */
const char *call_why_refused(unsigned status);

void call_timer_ring(struct sc *sc, struct call *c);
void call_timer_wait(struct sc *sc, struct call *c);

/* calls_reap - give back the calls that are over. */
void calls_reap(struct sc *sc);

/* call_trunk_uri - the number that C tries now, as URI at trunk T; in TEXT. */
struct sip_str call_trunk_uri(const struct call *c, const struct trunk *t, char *text, size_t size);

/* call_keep_body - keep BODY until the call gives it back; false when it is too large. */
bool call_keep_body(struct sc *sc, struct call *c, struct sip_content body);

/* call_keep_answer - keep BODY of an ACK, in case the ACK must be repeated; not while an offer is
 * kept that one party waits for.  Returns: whether it is kept. */
bool call_keep_answer(struct sc *sc, struct call *c, struct sip_content body);

#endif
