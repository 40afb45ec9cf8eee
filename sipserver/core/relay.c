#include "sipserver/core/relay.h"

#include <assert.h>

#include "sipserver/core/answer.h"
#include "sipserver/core/call.h"
#include "sipserver/core/control.h"
#include "sipserver/core/credentials.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/music.h"
#include "sipserver/core/prack.h"
#include "sipserver/core/session.h"

static struct leg *sender(const struct sc *sc, const struct call *c, bool caller)
{
    struct leg *service = caller ? NULL : music_party(sc, c);

    return service != NULL ? service : pool_get(&sc->legs, caller ? c->caller : c->target);
}

static struct relay *relay_new(struct sc *sc, struct call *c, handle_t *ret_handle)
{
    for (unsigned i = 0; i < CALL_RELAYS_MAX; i++) {
        struct relay *r;

        if (pool_get(&sc->relays, c->relays[i]) != NULL)
            continue;
        r = pool_take(&sc->relays, &c->relays[i]);
        if (r != NULL)
            r->call = pool_handle(&sc->calls, c);
        *ret_handle = c->relays[i];
        return r;
    }
    return NULL;
}

/* Does METHOD refresh the session and the target of the dialog (RFC 3261 12.2, RFC 3311 5)? */
static bool refreshes(enum sip_method method)
{
    return method == SIP_INVITE || method == SIP_UPDATE;
}

/* An offer under way in C; *RET_FROM_CALLER says which way. */
static bool offer_under_way(const struct sc *sc, const struct call *c, bool *ret_from_caller)
{
    for (unsigned i = 0; i < CALL_RELAYS_MAX; i++) {
        const struct relay *r = pool_get(&sc->relays, c->relays[i]);

        if (r != NULL && r->exchange) {
            *ret_from_caller = r->from_caller;
            return true;
        }
    }
    return false;
}

bool relays_under_way(const struct sc *sc, const struct call *c)
{
    for (unsigned i = 0; i < CALL_RELAYS_MAX; i++) {
        const struct relay *r = pool_get(&sc->relays, c->relays[i]);

        if (r != NULL && (refreshes((enum sip_method)r->method) || r->exchange))
            return true;
    }
    return false;
}

/* ---- what is said besides the body ---- */

/* Header lines that belong to the body or to INFO packages, and pass as they are. */
struct passing {
    struct sip_extra extras[SIP_EXTRAS_MAX];
    unsigned n;
};

#define PASSING_MAX 6 /* the others are the session's and the RAck */

static void pass_headers(struct passing *p, const struct sip_msg *m)
{
    static const char *const names[] = {"Content-Disposition", "Content-Encoding",
                                        "Content-Language", "MIME-Version", "Info-Package"};
    unsigned most = p->n + PASSING_MAX;

    for (unsigned i = 0; m != NULL && i < m->headers_n && p->n < most; i++)
        for (unsigned k = 0; k < sizeof(names) / sizeof(names[0]); k++)
            if (sip_str_eq_nocase(m->headers[i].name, sip_str_of(names[k])))
                p->extras[p->n++] =
                    (struct sip_extra){.name = names[k], .value = m->headers[i].value};
}

static void add_words(struct passing *p, const struct session_words *words)
{
    for (unsigned i = 0; i < words->n; i++)
        p->extras[p->n++] = words->extras[i];
}

static void respond(struct sc *sc, struct relay *r, unsigned status, const struct sip_msg *response)
{
    struct leg *l = sender(sc, pool_get(&sc->calls, r->call), r->from_caller);
    bool refresh = refreshes((enum sip_method)r->method) && l != NULL;
    char contact[SIP_URI_MAX];
    struct passing passing = {.n = 0};
    struct sip_reply reply = {.status = status, .content = leg_content(response)};
    struct session_words words;

    pass_headers(&passing, response);
    if (refresh && status >= 200 && status < 300) {
        if (l->state == LEG_UP) {
            session_grant(sc, l, &words);
            add_words(&passing, &words);
        }
        reply.content = session_sent(sc, l, reply.content);
    }
    reply.extras = passing.extras;
    reply.extras_n = passing.n;
    if (status < 300 && refresh)
        reply.contact = own_contact(sc, &l->peer, contact, sizeof(contact));
    if (sip_respond(sc->sip, sc->now, r->server, &reply, &sc->out->sip) != 0)
        sc->counts[N_UNSENDABLE]++;
}

/* ---- requests ---- */

static bool exchanges(const struct sip_event *event)
{
    return event->method == SIP_INVITE ||
           ((event->method == SIP_UPDATE || event->method == SIP_PRACK) &&
            !sip_str_empty(event->msg->body));
}

/* May L's party ask for this now?  Returns: 0; else the status that refuses it. */
static unsigned refusal(const struct sc *sc, const struct call *c, const struct leg *l,
                        const struct leg *to, const struct sip_event *event)
{
    bool invite = event->method == SIP_INVITE, from_caller;

    if (to == NULL || (to->state != LEG_UP && to->dialog.state != SIP_DIALOG_EARLY))
        return invite ? 491 : 500;
    if (!exchanges(event))
        return 0;
    if (sender(sc, c, l->is_caller) != l)
        return 491; /* somebody else has the session with the other party */
    if (!handle_is_none(l->joins) || !handle_is_none(to->joins))
        return 491; /* a transfer has an offer of its own under way: RFC 3261 14.1, RFC 3311 5.1 */
    if (invite && (l->state != LEG_UP || to->state != LEG_UP))
        return 491;
    if (session_reinvites(l) || session_reinvites(to) || l->join_txn != 0 || to->join_txn != 0)
        return 491;
    if (!offer_under_way(sc, c, &from_caller))
        return 0;
    return from_caller == l->is_caller ? 500 : 491; /* RFC 3261 14.2, RFC 3311 5.2 */
}

/* Send EVENT's request on to TO; RACK is for a PRACK.  False: it could not be, and is answered. */
static bool pass(struct sc *sc, struct call *c, const struct leg *l, struct leg *to,
                 const struct sip_event *event, struct sip_str rack)
{
    char contact[SIP_URI_MAX];
    struct passing passing = {.n = 0};
    struct session_words words;
    struct sip_request request;
    struct sip_addr hop = leg_hop(to);
    handle_t handle;
    struct relay *r = relay_new(sc, c, &handle);
    uint64_t owner;

    if (r == NULL) {
        answer_status(sc, event, 500, N_RELAYS_FULL);
        return false;
    }
    owner = owner_of(OWNER_RELAY, handle);
    sip_dialog_request(&to->dialog, event->method, &request);
    request.content = leg_content(event->msg);
    pass_headers(&passing, event->msg);
    if (refreshes(event->method)) {
        request.contact = own_contact(sc, &hop, contact, sizeof(contact));
        if (to->state == LEG_UP) {
            session_ask(sc, to, &words);
            add_words(&passing, &words);
        }
    }
    if (!sip_str_empty(rack))
        passing.extras[passing.n++] = (struct sip_extra){.id = SIP_H_RACK, .value = rack};
    if (refreshes(event->method) || event->method == SIP_PRACK)
        request.content = session_sent(sc, to, request.content);
    request.extras = passing.extras;
    request.extras_n = passing.n;
    r->from_caller = l->is_caller;
    r->method = (uint8_t)event->method;
    r->offers = event->method == SIP_INVITE && !sip_str_empty(event->msg->body);
    r->holds = r->offers && sdp_holds(event->msg->body);
    r->exchange = exchanges(event);
    r->no_1xx = sip_msg_has_token(event->msg, SIP_H_REQUIRE, SIP_STR("100rel"));
    r->server = event->txn;
    if (leg_request(sc, to, &hop, &request, owner, &r->client) != 0) {
        pool_put(&sc->relays, r);
        answer_busy(sc, event, N_UNSENDABLE);
        return false;
    }
    (void)sip_own(sc->sip, event->txn, owner);
    return true;
}

bool relay_prack(struct sc *sc, struct leg *l, struct leg *target, const struct sip_event *event)
{
    char text[64];

    return pass(sc, pool_get(&sc->calls, l->call), l, target, event,
                prack_rack(l->rseq_theirs, target, text, sizeof(text)));
}

/* An UPDATE without a body refreshes this leg alone (RFC 3311 5.1, RFC 4028 7.4). */
static void refreshed(struct sc *sc, struct leg *l, const struct sip_event *event)
{
    char contact[SIP_URI_MAX];
    struct session_words words;
    struct sip_reply reply = {.status = 200};

    if (l->state == LEG_UP) {
        session_grant(sc, l, &words);
        reply.extras = words.extras;
        reply.extras_n = words.n;
    }
    reply.contact = own_contact(sc, &l->peer, contact, sizeof(contact));
    if (sip_reply(sc->sip, sc->now, event, &reply, &sc->out->sip) != 0)
        sc->counts[N_UNSENDABLE]++;
}

void relay_request(struct sc *sc, struct leg *l, const struct sip_event *event)
{
    struct call *c = pool_get(&sc->calls, l->call);
    struct leg *to = sender(sc, c, !l->is_caller);
    unsigned status;

    if (answer_extension(sc, event))
        return;
    if (refreshes(event->method)) {
        if (session_refuse(sc, event))
            return;
        session_asked(l, event->msg);
    }
    if (event->method == SIP_UPDATE && sip_str_empty(event->msg->body)) {
        refreshed(sc, l, event);
        return;
    }
    status = refusal(sc, c, l, to, event);
    if (status == 500)
        answer_overlap(sc, event);
    else if (status != 0)
        answer_status(sc, event, status, CORE_COUNTS);
    else
        (void)pass(sc, c, l, to, event, SIP_STR_NONE);
}

/* ---- answers ---- */

/* The answer of the other party.  R may be gone on return. */
static void answered(struct sc *sc, struct relay *r, const struct sip_event *event)
{
    struct call *c = pool_get(&sc->calls, r->call);
    struct leg *to = sender(sc, c, !r->from_caller);
    bool final = event->kind != SIP_EV_RESPONSE || event->status >= 200;
    bool lost = event->kind != SIP_EV_RESPONSE || event->status == 481 || event->status == 408;
    unsigned status = event->status;

    if (!final) {
        if (event->status > 100 && r->method == SIP_INVITE && !r->no_1xx)
            respond(sc, r, event->status, event->msg);
        return;
    }
    if (r->answered) { /* a repeated 2xx, or another fork's */
        if (to != NULL && event->msg != NULL)
            leg_late_answer(sc, to, event->msg);
        return;
    }
    if (to != NULL && event->msg != NULL)
        (void)sip_dialog_response(&to->dialog, event->msg);
    if (to != NULL && refreshes((enum sip_method)r->method) && to->state == LEG_UP)
        session_answered(sc, to, event);
    if (status == 503 || status == 422 ||
        (lost && to != NULL && to == music_party(sc, c))) /* the caller's dialog goes on */
        status = 500;
    /* RFC 4320 4.1: whoever sent another request than an INVITE has given up by now, too. */
    if (r->method == SIP_INVITE || event->status != 408)
        respond(sc, r, status, event->msg);
    if (r->method == SIP_INVITE && event->status < 300) {
        struct leg *from = sender(sc, c, r->from_caller);

        r->answered = true;
        if (r->offers && from != NULL)
            control_holds(sc, from, r->holds);
        return;
    }
    pool_put(&sc->relays, r);
    if (lost)
        call_party_lost(sc, c, to, "a party is lost");
}

static void acknowledged(struct sc *sc, struct relay *r, const struct sip_event *event)
{
    struct call *c = pool_get(&sc->calls, r->call);
    struct leg *to = sender(sc, c, !r->from_caller);
    struct sip_content body = leg_content(event->msg);
    bool kept;

    pool_put(&sc->relays, r);
    if (to == NULL || to->state != LEG_UP)
        return;
    kept = call_keep_answer(sc, c, body);
    leg_ack(sc, to, body);
    to->ack_had_body = to->ack_had_body && kept;
}

void relay_event(struct sc *sc, struct relay *r, const struct sip_event *event)
{
    struct call *c = pool_get(&sc->calls, r->call);

    switch (event->kind) {
    case SIP_EV_RESPONSE:
    case SIP_EV_TIMEOUT: answered(sc, r, event); return;
    case SIP_EV_UNSENT:
        if (event->txn == r->client)
            answered(sc, r, event);
        return;
    case SIP_EV_CANCEL: (void)sip_cancel(sc->sip, sc->now, r->client, &sc->out->sip); return;
    case SIP_EV_ACK:
        if (r->answered)
            acknowledged(sc, r, event);
        return;
    case SIP_EV_NO_ACK:
        if (event->status < 300)
            call_party_lost(sc, c, sender(sc, c, r->from_caller),
                            "a re-INVITE was never acknowledged");
        return;
    case SIP_EV_NONE:
    case SIP_EV_REQUEST:
    case SIP_EV_NO_ROOM: return;
    }
}

/* 481 says that the dialog is no more (RFC 3261 12.2.1.2, RFC 5057 5.1), 500 that the request
 * failed.  A PRACK without an offer has done what it is for: our response is acknowledged.
 */
static unsigned gone(const struct relay *r, bool over)
{
    if (r->method == SIP_INVITE)
        return 487;
    return over ? 481 : r->method == SIP_PRACK && !r->exchange ? 200 : 500;
}

void relays_end(struct sc *sc, struct call *c, bool over)
{
    for (unsigned i = 0; i < CALL_RELAYS_MAX; i++) {
        struct relay *r = pool_get(&sc->relays, c->relays[i]);
        struct leg *to;

        if (r == NULL)
            continue;
        to = sender(sc, c, !r->from_caller);
        if (!r->answered)
            respond(sc, r, gone(r, over), NULL);
        else if (r->offers && to != NULL && to->state == LEG_UP)
            leg_ack(sc, to, (struct sip_content){SIP_STR_NONE, SIP_STR_NONE}); /* else it repeats */
        pool_put(&sc->relays, r);
        c->relays[i] = HANDLE_NONE;
    }
}
