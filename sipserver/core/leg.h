/* leg - one party's half of a call: its dialog, the INVITE that makes it, and its own end.
 *
 * Once told to end, a leg goes on alone until the protocol is satisfied: CANCEL until the final
 * answer (a 2xx that was faster is acknowledged and released), ACK before BYE, BYE until its
 * answer.  Then it is gone; call_leg_gone tells.
 */
#ifndef SIPSERVER_CORE_LEG_H
#define SIPSERVER_CORE_LEG_H

#include "sipserver/core/state.h"

/* leg_caller - a leg for the INVITE of EVENT.  Returns: NULL and the status that refuses it. */
struct leg *leg_caller(struct sc *sc, struct call *c, const struct sip_event *event, struct dn *d,
                       unsigned *ret_status);

/* Where a target is. */
struct leg_target {
    struct dn *dn;
    struct sip_addr addr;
    struct sip_str uri;
    struct sip_str route;    /* proxies in between (RFC 3327) */
    bool by_flow;            /* a registered phone */
    const struct leg *shown; /* who calls; NULL: the call's caller */
    bool own;                /* the caller's own phone, called by us: the caller's leg */
    bool auto_answer;        /* the phone is asked to answer by itself */
};

/* leg_call - send an INVITE to TARGET with the call's offer.  NULL when it could not be sent. */
struct leg *leg_call(struct sc *sc, struct call *c, const struct leg_target *target);

/* leg_call_again - send the INVITE of L, which was refused for a reason that is mended, once more.
 * False: it could not be sent. */
bool leg_call_again(struct sc *sc, struct call *c, struct leg *l);

/* leg_reinvite - a re-INVITE of ours to L's party; BODY may be empty.  Its transaction is
 * L->join_txn until it has ended.  False: it could not be sent. */
bool leg_reinvite(struct sc *sc, struct leg *l, struct sip_content body);

/* leg_reask - the same with BODY as it is, which session.h made for L. */
bool leg_reask(struct sc *sc, struct leg *l, struct sip_content body);

/* leg_end - the call has done with this leg.  A caller without an answer yet gets STATUS (with
 * CONTACT when that is not empty).  The leg may be gone on return. */
void leg_end(struct sc *sc, struct leg *l, unsigned status, struct sip_str contact);

/* leg_gone - forget the leg at once: its party has ended it. */
void leg_gone(struct sc *sc, struct leg *l);

/* leg_place - what a leg has at its place of this process: called for each that comes to be. */
void leg_place(struct sc *sc, struct leg *l);

/* leg_find - the leg whose dialog REQUEST belongs to; NULL. */
struct leg *leg_find(const struct sc *sc, const struct sip_msg *request);

/* leg_find_branch - the caller's leg that REQUEST belongs to, be it to a branch that has gone;
 * NULL. */
struct leg *leg_find_branch(const struct sc *sc, const struct sip_msg *request);

/* leg_find_named - the leg with exactly this dialog, LOCAL and REMOTE tags as we see them; NULL. */
struct leg *leg_find_named(const struct sc *sc, struct sip_str call_id, struct sip_str local,
                           struct sip_str remote);

/* leg_of_call_id - the leg of ours, towards a target, that made CALL_ID; NULL. */
struct leg *leg_of_call_id(const struct sc *sc, struct sip_str call_id);

/* leg_find_own - the leg whose tag of ours RESPONSE carries in its From; NULL. */
struct leg *leg_find_own(const struct sc *sc, const struct sip_msg *response);

uint64_t leg_owner(const struct sc *sc, const struct leg *l);

/* leg_take_answer - the dialog of the 2xx to L's first INVITE, whichever fork it is of. */
int leg_take_answer(struct leg *l, const struct sip_msg *response);

/* leg_respond - answer the caller's INVITE with what RESPONSE (may be NULL) of the target says; a
 * provisional one reliably, where caller and target want it so (prack.h).  A caller who is
 * connected already is told nothing. */
int leg_respond(struct sc *sc, struct leg *l, unsigned status, const struct sip_msg *response);

/* leg_other - the other party's leg of L's call; NULL. */
struct leg *leg_other(const struct sc *sc, const struct leg *l);

/* leg_fork - what the caller of L is sent from now on is of another branch: it has a tag of its
 * own.
 */
void leg_fork(struct sc *sc, struct leg *l);

/* leg_ack - acknowledge the 2xx of our last INVITE; BODY (an answer) may be empty. */
void leg_ack(struct sc *sc, struct leg *l, struct sip_content body);

/* leg_late_answer - a 2xx to an INVITE of ours that nobody waits for: repeated, of another fork, or
 * after the end. */
void leg_late_answer(struct sc *sc, struct leg *l, const struct sip_msg *response);

/* leg_acknowledged - the caller's ACK is here, or will never be. */
void leg_acknowledged(struct sc *sc, struct leg *l);

/* leg_hop - where requests of this leg go. */
struct sip_addr leg_hop(const struct leg *l);

/* leg_content - type and body of M. */
struct sip_content leg_content(const struct sip_msg *m);

#endif
