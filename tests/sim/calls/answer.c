/* answer - what a party does with the requests of a site. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/calls/words.h"

static void reply(struct world *w, struct party *p, const struct sip_event *e, unsigned status)
{
    char contact[96];
    struct words x = {.n = 0};
    struct sip_reply r = {.status = status};

    words_allow(p, &x);
    r.extras = x.extras;
    r.extras_n = x.n;
    if (status < 300)
        r.contact = words_contact(p, contact, sizeof(contact));
    (void)sip_reply(p->stack, w->now, e, &r, &w->party_out);
}

/* The description in an answer to what was heard last: the same one each time. */
static struct sip_content answer_sdp(struct world *w, const struct party *p, struct line *l,
                                     char *text, size_t size)
{
    if (l->said == 0)
        l->said = ++w->serial;
    if (l->heard == 0) {
        l->owed = l->said; /* an offer of ours */
        l->waits = true;
    }
    return words_sdp(w, p, l->said, l->heard, text, size);
}

static void hear(struct line *l, const struct sip_msg *m)
{
    uint32_t serial, answers;

    l->heard = l->said = l->owed = 0;
    l->waits = false;
    if (words_sdp_read(m, &serial, &answers))
        l->heard = serial;
    if (sip_msg_number(m, SIP_H_SESSION_EXPIRES, &l->expires_s) != 0)
        l->expires_s = 0;
}

/* An answer to the INVITE in l->txn or l->asked; a provisional one RELIABLE. */
static void answer_reliably(struct world *w, struct party *p, struct line *l, uint64_t txn,
                            unsigned status, bool reliable)
{
    char contact[96], body[2048];
    struct words x = {.n = 0};
    struct sip_reply r = {.status = status};

    words_allow(p, &x);
    r.to_tag = sip_dialog_text(&l->dialog, SIP_DIALOG_LOCAL_TAG);
    if (status < 300) {
        r.contact = words_contact(p, contact, sizeof(contact));
        if (status >= 200)
            words_grant_timer(w, p, l->expires_s, &x);
        if (reliable)
            r.rseq = l->rseq =
                l->rseq != 0 ? l->rseq + 1 : 1 + (uint32_t)prng_below(&w->people, 9999);
        if (status >= 200 || status == 183)
            r.content = answer_sdp(w, p, l, body, sizeof(body));
    }
    r.extras = x.extras;
    r.extras_n = x.n;
    (void)sip_respond(p->stack, w->now, txn, &r, &w->party_out);
}

static void answer_invite(struct world *w, struct party *p, struct line *l, uint64_t txn,
                          unsigned status)
{
    answer_reliably(w, p, l, txn, status, false);
}

void party_answer(struct world *w, struct party *p, struct line *l, unsigned status)
{
    if (status == 200)
        sip_dialog_confirm(&l->dialog);
    answer_invite(w, p, l, l->txn, status);
    if (status == 200) {
        l->state = UP;
        l->established = true;
        l->act = world_soon(w, &w->people,
                            w->calm                  ? 20000
                            : chance(&w->people, 10) ? 0
                                                     : 500,
                            20000);
        trace_event(w, p->number, "answers", "");
    } else if (status >= 300) {
        line_idle(w, l);
    }
    party_flush(w, p);
}

void party_answer_late(struct world *w, struct party *p, struct line *l, unsigned status)
{
    uint64_t txn = l->asked;

    l->asked = 0;
    l->answer_at = MONO_NEVER;
    answer_invite(w, p, l, txn, status);
    party_flush(w, p);
}

/* It rings, and says so, reliably where both know how: then without an offer of its own, which
 * the PRACK would have to answer. */
static void ring(struct world *w, struct party *p, struct line *l)
{
    bool reliable = l->wants_reliable && p->reliable != REL_NO;
    bool early = !w->calm && chance(&w->people, 15) && !(reliable && l->heard == 0);

    answer_reliably(w, p, l, l->txn, early ? 183 : 180, reliable);
    if (reliable && !w->calm && chance(&w->people, 20)) /* another one, which is sent once */
        answer_invite(w, p, l, l->txn, 180);
}

/* Nobody acknowledges its reliable response (RFC 3262 3). */
void party_no_prack(struct world *w, struct party *p, const struct sip_event *e)
{
    for (unsigned i = 0; i < LINES && e->status < 200; i++)
        if (p->line[i].state == RINGING && p->line[i].txn == e->txn) {
            answer_invite(w, p, &p->line[i], e->txn, 504);
            line_idle(w, &p->line[i]);
        }
}

static void pracked(struct world *w, struct party *p, struct line *l, const struct sip_event *e)
{
    char expected[48];

    snprintf(expected, sizeof(expected), "%u %u INVITE", l->rseq, l->came_cseq);
    if (l->rseq == 0 || !sip_str_eq(sip_msg_value(e->msg, SIP_H_RACK), sip_str_of(expected)))
        violate(w, "%s said %s, and its PRACK says %.*s", p->number, expected,
                (int)sip_msg_value(e->msg, SIP_H_RACK).len, sip_msg_value(e->msg, SIP_H_RACK).p);
    (void)sip_acknowledged(p->stack, w->now, l->txn);
    reply(w, p, e, 200);
}

static void incoming(struct world *w, struct party *p, const struct sip_event *e)
{
    struct line *l = NULL;
    char tag[SIP_TOKEN_MAX];

    for (unsigned i = 0; i < LINES && l == NULL; i++)
        if (p->line[i].state == IDLE)
            l = &p->line[i];
    if (l == NULL || (l != &p->line[0] && p->line[0].state == RINGING)) {
        reply(w, p, e, 486);
        return;
    }
    line_idle(w, l);
    if (sip_dialog_uas(&l->dialog, e->msg, sip_own_tag(p->stack, 1, ++w->serial, tag)) != 0) {
        reply(w, p, e, 400);
        return;
    }
    l->state = RINGING;
    l->site = e->src;
    l->txn = e->txn;
    l->came_cseq = e->msg->cseq.number;
    l->wants_reliable = sip_msg_has_token(e->msg, SIP_H_SUPPORTED, SIP_STR("100rel"));
    hear(l, e->msg);
    if (people_accept(w, p, l))
        ring(w, p, l);
}

static struct line *line_of(struct party *p, const struct sip_msg *m)
{
    for (unsigned i = 0; i < LINES; i++)
        if (p->line[i].state != IDLE && sip_dialog_matches(&p->line[i].dialog, m))
            return &p->line[i];
    return NULL;
}

static void reinvited(struct world *w, struct party *p, struct line *l, const struct sip_event *e)
{
    if (l->asking != 0 || l->asked != 0) { /* RFC 3261 14.2 */
        reply(w, p, e, 491);
        return;
    }
    l->came_cseq = e->msg->cseq.number;
    hear(l, e->msg);
    l->asked = e->txn;
    if (w->calm)
        party_answer_late(w, p, l, 200);
    else if (p->glares && chance(&w->people, 95)) {
        party_answer_late(w, p, l, 491);
        l->act = mono_max(l->act, world_soon(w, &w->people, 9000, 16000));
    } else if (p->stubborn && chance(&w->people, 80))
        party_answer_late(w, p, l, 488);
    else if (p->slow)
        l->answer_at = world_soon(w, &w->people, 0, 5000);
    else
        party_answer_late(w, p, l, 200);
}

static void updated(struct world *w, struct party *p, struct line *l, const struct sip_event *e)
{
    char contact[96], body[2048];
    uint32_t serial, answers, expires = 0;
    struct words x = {.n = 0};
    struct sip_reply r = {.status = 200};

    if (p->stubborn && !w->calm && chance(&w->people, 80)) {
        reply(w, p, e, 500);
        return;
    }
    if (words_sdp_read(e->msg, &serial, &answers)) {
        if (l->asking != 0 || l->asked != 0) { /* RFC 3311 5.2 */
            reply(w, p, e, 491);
            return;
        }
        r.content = words_sdp(w, p, ++w->serial, serial, body, sizeof(body));
    }
    (void)sip_msg_number(e->msg, SIP_H_SESSION_EXPIRES, &expires);
    words_allow(p, &x);
    words_grant_timer(w, p, expires, &x);
    r.contact = words_contact(p, contact, sizeof(contact));
    r.extras = x.extras;
    r.extras_n = x.n;
    (void)sip_reply(p->stack, w->now, e, &r, &w->party_out);
}

/* 100 to a request other than INVITE, or nothing.  False: that is all that is heard. */
static bool says_trying(struct world *w, struct party *p, const struct sip_event *e)
{
    struct sip_reply trying = {.status = 100};

    for (unsigned n = (unsigned)prng_below(&w->people, 3); n > 0; n--)
        (void)sip_reply(p->stack, w->now, e, &trying, &w->party_out);
    return chance(&w->people, 70);
}

void party_asked(struct world *w, struct party *p, const struct sip_event *e)
{
    bool in_dialog = !sip_str_empty(e->msg->to.tag);
    struct line *l = in_dialog ? line_of(p, e->msg) : NULL;

    if (e->method == SIP_OPTIONS && !in_dialog) {
        reply(w, p, e, 200);
    } else if (e->method == SIP_INVITE && !in_dialog) {
        incoming(w, p, e);
    } else if (l == NULL || sip_dialog_receive(&l->dialog, e->msg) != 0) {
        reply(w, p, e, 481);
    } else if (e->method == SIP_BYE) {
        reply(w, p, e, 200);
        if (l->asked != 0)
            party_answer_late(w, p, l, 487);
        if (l->state != ENDING)
            line_idle(w, l);
    } else if (e->method == SIP_PRACK) {
        pracked(w, p, l, e);
    } else if (l->state != UP) {
        reply(w, p, e, e->method == SIP_INVITE ? 491 : 481);
    } else if (e->method == SIP_INVITE) {
        reinvited(w, p, l, e);
    } else {
        if (!w->calm && p->trying && !says_trying(w, p, e))
            return;
        if (e->method == SIP_UPDATE)
            updated(w, p, l, e);
        else
            reply(w, p, e, w->calm || chance(&w->people, 90) ? 200 : 500);
    }
}

void party_acknowledged(struct world *w, struct party *p, const struct sip_event *e)
{
    struct line *l = e->msg != NULL ? line_of(p, e->msg) : NULL;
    uint32_t serial, answers;

    if (l == NULL || e->msg->cseq.number != l->came_cseq)
        return;
    l->waits = false;
    if (words_sdp_read(e->msg, &serial, &answers) && l->owed != 0 && serial == l->owed)
        return; /* its own, without streams: its desktop calls a number, which has none yet */
    if (words_sdp_read(e->msg, &serial, &answers) && (l->owed == 0 || answers != l->owed))
        violate(w, "%s made the offer %u, and the ACK answers %u", p->number, l->owed, answers);
}
