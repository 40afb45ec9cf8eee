#include "sipserver/core/prack.h"

#include <string.h>

#include "sipserver/core/answer.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/queue.h"
#include "sipserver/core/relay.h"

#define OPTION SIP_STR("100rel")

/* ---- the caller's side ---- */

void prack_asked(struct leg *l, const struct sip_msg *invite)
{
    l->reliable = RELIABLE_NO;
    if (sip_msg_has_token(invite, SIP_H_REQUIRE, OPTION))
        l->reliable = RELIABLE_REQUIRED;
    else if (sip_msg_has_token(invite, SIP_H_SUPPORTED, OPTION))
        l->reliable = RELIABLE_SUPPORTED;
    l->asked_cseq = invite->cseq.number;
}

/* The RSeq of a reliable RESPONSE; 0: it is none. */
static uint32_t rseq_of(const struct sip_msg *response)
{
    uint32_t n;

    if (response == NULL || !sip_msg_has_token(response, SIP_H_REQUIRE, OPTION) ||
        sip_msg_number(response, SIP_H_RSEQ, &n) != 0)
        return 0;
    return n;
}

bool prack_put(struct sc *sc, struct leg *l, const struct sip_msg *response,
               struct sip_reply *reply)
{
    bool theirs = rseq_of(response) != 0 && l->prack_waits == PRACK_TAKEN;

    if (l->reliable == RELIABLE_NO || reply->status <= 100)
        return true;
    if (!theirs && l->reliable != RELIABLE_REQUIRED)
        return true;
    if (l->prack_waits == PRACK_AWAITED) { /* one after the other (RFC 3262 3) */
        l->due = (uint16_t)reply->status;
        return false;
    }
    reply->unpracked_ms = l->unpracked_ms;
    reply->rseq = l->rseq + 1;
    if (l->rseq == 0)
        reply->rseq = (uint32_t)prng_between(&sc->prng, 1, INT32_MAX);
    if (!theirs)
        reply->content = (struct sip_content){SIP_STR_NONE, SIP_STR_NONE};
    return true;
}

void prack_sent(const struct sc *sc, struct leg *l, const struct sip_msg *response,
                const struct sip_reply *reply)
{
    if (!sip_str_empty(reply->content.body))
        l->early_body = true;
    if (reply->rseq == 0)
        return;
    l->rseq = reply->rseq;
    l->rseq_sent = sc->now;
    l->rseq_theirs = l->prack_waits == PRACK_TAKEN ? rseq_of(response) : 0;
    l->prack_waits = PRACK_AWAITED;
}

/* ---- the target's side ---- */

void prack_offer(const struct sc *sc, const struct call *c, struct leg *l)
{
    const struct leg *caller = pool_get(&sc->legs, c->caller);

    const struct queue *q = c->from_queue ? queue_of_call(sc, c) : NULL;

    l->reliable = RELIABLE_NO;
    if (c->state == CALL_OFFERED && caller != NULL && caller->state == LEG_CALLING &&
        !caller->dialog.is_uac && (q == NULL || q->distribution != SC_RING_ALL))
        l->reliable = caller->reliable;
}

/* The PRACK of a branch that the caller is told nothing of: it would wait for it, and fail. */
static void acknowledge_branch(struct sc *sc, struct leg *target, const struct sip_msg *response)
{
    struct leg branch = *target;
    char more[SIP_DIALOG_TEXT_MAX], text[64];
    struct sip_extra rack = {.id = SIP_H_RACK};
    struct sip_request r;
    struct sip_addr hop;
    uint64_t txn;

    sip_dialog_fork(&branch.dialog, &target->dialog, more);
    if (sip_dialog_answer(&branch.dialog, response) != 0)
        return;
    sip_dialog_request(&branch.dialog, SIP_PRACK, &r);
    target->dialog.local_cseq = branch.dialog.local_cseq; /* its PRACKs have numbers that rise */
    rack.value = prack_rack(rseq_of(response), target, text, sizeof(text));
    r.extras = &rack;
    r.extras_n = 1;
    hop = leg_hop(&branch);
    if (sip_request(sc->sip, sc->now, &hop, &r, OWNER_NONE, &sc->out->sip, &txn) != 0)
        sc->counts[N_UNSENDABLE]++;
}

bool prack_take(struct sc *sc, struct call *c, struct leg *target, const struct sip_msg *response)
{
    struct leg *caller = pool_get(&sc->legs, c->caller);
    uint32_t n = rseq_of(response);

    if (n == 0 || target->reliable == RELIABLE_NO || sip_str_empty(response->to.tag))
        return true;
    if (!sip_dialog_same_fork(&target->dialog, response)) {
        if (pool_get(&sc->offers, c->offer) != NULL) /* else its offer wants an answer, in vain */
            acknowledge_branch(sc, target, response);
        return false;
    }
    if (caller->prack_waits != PRACK_NONE ||
        (target->rseq != 0 && n != target->rseq + 1)) /* RFC 3262 4 */
        return false;
    target->rseq = n;
    caller->prack_waits = PRACK_TAKEN;
    return true;
}

struct sip_str prack_rack(uint32_t rseq, const struct leg *target, char *text, size_t size)
{
    struct sip_buf b;

    sip_buf_init(&b, text, size);
    sip_put_number(&b, rseq);
    sip_put_text(&b, " ");
    sip_put_number(&b, target->dialog.invite_cseq);
    sip_put_text(&b, " INVITE");
    return sip_buf_str(&b);
}

/* ---- PRACK ---- */

/* "rseq cseq METHOD" (RFC 3262 7.2). */
static bool read_rack(const struct sip_msg *m, uint32_t *ret_rseq, struct sip_cseq *ret_cseq)
{
    struct sip_str value = sip_str_trim(sip_msg_value(m, SIP_H_RACK)), first = value;
    size_t n = 0;

    while (n < value.len && value.p[n] >= '0' && value.p[n] <= '9')
        n++;
    if (n == 0) /* none at all, too */
        return false;
    first.len = n;
    value.p += n;
    value.len -= n;
    return sip_number_parse(first, UINT32_MAX, ret_rseq) == 0 &&
           sip_cseq_parse(sip_str_trim(value), ret_cseq) == 0;
}

void prack_request(struct sc *sc, struct leg *l, const struct sip_event *event)
{
    struct call *c = pool_get(&sc->calls, l->call);
    struct leg *target = pool_get(&sc->legs, c->target);
    struct sip_cseq cseq;
    uint32_t rseq;

    if (answer_extension(sc, event))
        return;
    if (!read_rack(event->msg, &rseq, &cseq)) {
        answer_status(sc, event, 400, CORE_COUNTS);
        return;
    }
    if (l->prack_waits != PRACK_AWAITED || rseq != l->rseq || cseq.number != l->asked_cseq ||
        !sip_str_eq(cseq.method, SIP_STR("INVITE"))) {
        answer_status(sc, event, 481, N_NO_DIALOG);
        return;
    }
    if (l->rseq_theirs == 0) {
        answer_status(sc, event, sip_str_empty(event->msg->body) ? 200 : 488, CORE_COUNTS);
    } else if (target == NULL) {
        answer_status(sc, event, 481, N_NO_DIALOG);
    } else if (!relay_prack(sc, l, target, event)) {
        return; /* it is still awaited */
    }
    l->prack_waits = PRACK_NONE;
    l->unpracked_ms = 0;
    (void)sip_acknowledged(sc->sip, sc->now, l->invite);
    if (l->due != 0 && l->state == LEG_CALLING)
        (void)leg_respond(sc, l, l->due, NULL);
    l->due = 0;
}

bool prack_branch(struct sc *sc, const struct sip_event *event)
{
    struct leg *l = leg_find_branch(sc, event->msg);
    struct sip_cseq cseq;
    uint32_t rseq;

    if (l == NULL || !sip_str_empty(event->msg->body) || !read_rack(event->msg, &rseq, &cseq) ||
        cseq.number != l->asked_cseq || !sip_str_eq(cseq.method, SIP_STR("INVITE")))
        return false;
    l->unpracked_ms = 0;
    answer_status(sc, event, 200, CORE_COUNTS);
    return true;
}

/* The branch of L's last response has gone, and nobody may acknowledge it any more. */
static void branch_gone(struct sc *sc, struct leg *l)
{
    if (l->prack_waits == PRACK_AWAITED) {
        l->unpracked_ms += (uint32_t)mono_diff_ms(sc->now, l->rseq_sent);
        (void)sip_acknowledged(sc->sip, sc->now, l->invite);
    }
    l->prack_waits = PRACK_NONE;
    leg_fork(sc, l);
}

void prack_target_gone(struct sc *sc, struct call *c)
{
    struct leg *l = pool_get(&sc->legs, c->caller);

    if (l == NULL || l->dialog.is_uac || l->state != LEG_CALLING)
        return;
    if (l->early_body)
        branch_gone(sc, l);
    l->rseq_theirs = 0; /* in the dialog that goes on the PRACK is for us */
    if (l->due != 182 || l->prack_waits == PRACK_NONE)
        l->due = 0;
}
