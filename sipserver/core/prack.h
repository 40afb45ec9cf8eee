/* prack - reliable provisional responses (RFC 3262), end to end through a call.
 *
 *     caller ── INVITE Supported: 100rel ──> us ── INVITE Supported: 100rel ──> target
 *     caller <── 183, RSeq of ours ───────── us <── 183, RSeq of the target ─── target
 *     caller ── PRACK, RAck of ours ───────> us ── PRACK, RAck of the target's ─> target
 *     caller <── 200 PRACK ───────────────── us <── 200 PRACK ───────────────── target
 *
 * 100rel is offered to the target when the caller has it.  Each leg has RSeq numbers of its own;
 * the PRACK passes with its body (an offer, an answer), and so does its answer.  One reliable
 * response at a time waits for its PRACK at the caller: while one does, the target's next is not
 * taken, and comes again (section 3).  To a caller that requires 100rel every provisional response
 * of ours is reliable, also one that the target sent without: its PRACK is answered here, and it
 * carries no body, as a 2xx may overtake that PRACK.
 */
#ifndef SIPSERVER_CORE_PRACK_H
#define SIPSERVER_CORE_PRACK_H

#include "sipserver/core/state.h"

enum reliability { RELIABLE_NO, RELIABLE_SUPPORTED, RELIABLE_REQUIRED };

/* prack_asked - INVITE begins the caller's leg L. */
void prack_asked(struct leg *l, const struct sip_msg *invite);

/* prack_offer - the leg L, about to call a target of C: does its INVITE say Supported: 100rel?  Not
 * when several targets ring at once, of whom the caller is told no more than that they ring. */
void prack_offer(const struct sc *sc, const struct call *c, struct leg *l);

/* prack_take - a provisional response of TARGET, its dialog not yet updated.  False: it is a copy,
 * out of order, of another branch, or must wait; the caller is told nothing. */
bool prack_take(struct sc *sc, struct call *c, struct leg *target, const struct sip_msg *response);

/* prack_put - REPLY is a 1xx to the caller's leg L; RESPONSE (may be NULL) is what the target said.
 * False: it must not be sent. */
bool prack_put(struct sc *sc, struct leg *l, const struct sip_msg *response,
               struct sip_reply *reply);

/* prack_sent - that REPLY went out. */
void prack_sent(const struct sc *sc, struct leg *l, const struct sip_msg *response,
                const struct sip_reply *reply);

/* prack_branch - EVENT is a PRACK in no dialog, but of a branch that has gone while it was on its
 * way: it is answered 200, as 481 ends the call at some callers.  False: it is none. */
bool prack_branch(struct sc *sc, const struct sip_event *event);

/* prack_request - a PRACK in the dialog of L. */
void prack_request(struct sc *sc, struct leg *l, const struct sip_event *event);

/* prack_target_gone - nothing that the present target said counts any more.  When the caller has
 * seen a session description, what follows is another branch to it, with a tag of its own, as
 * behind a forking proxy (RFC 3261 13.2.2.4): an offer has one answer in each dialog.  A PRACK that
 * was awaited in the old one is awaited no more, but the time without it counts in the new one:
 * a caller that acknowledges nothing is refused after 64*T1 in all (RFC 3262 3).  In a dialog that
 * goes on it is still awaited, and answered here. */
void prack_target_gone(struct sc *sc, struct call *c);

/* prack_rack - value of a RAck for the target's response RSEQ; in TEXT. */
struct sip_str prack_rack(uint32_t rseq, const struct leg *target, char *text, size_t size);

#endif
