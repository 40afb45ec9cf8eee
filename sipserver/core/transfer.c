/* The machine of a transfer: its table, and what each row of it does. */
#include "sipserver/core/transfer_inner.h"

#include "sipserver/core/answer.h"
#include "sipserver/core/attach.h"
#include "sipserver/core/binding.h"
#include "sipserver/core/call.h"
#include "sipserver/core/control.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/record.h"
#include "sipserver/core/relay.h"
#include "sipserver/core/report.h"
#include "sipserver/core/route.h"
#include "sipserver/core/session.h"

#define JOINS_MAX 4 /* times that the other party is asked */

static void take_place(struct sc *sc, struct call *c, struct leg *l)
{
    l->is_caller = c->transfer.by_caller;
    if (c->transfer.by_caller) {
        c->caller = pool_handle(&sc->legs, l);
        c->source = l->dn;
    } else {
        c->target = pool_handle(&sc->legs, l);
        c->target_dn = l->dn;
    }
}

/* ---- what the transferor is told ---- */

/* RFC 3515 2.4.4, 2.4.5; RFC 6665 4.2.2. */
static void send_notify(struct sc *sc, struct call *c, unsigned status, bool last)
{
    struct leg *l = by(sc, c);
    char contact[SIP_URI_MAX], event[32], fragment[80];
    struct sip_extra extras[2] = {{.id = SIP_H_EVENT}, {.id = SIP_H_SUBSCRIPTION_STATE}};
    struct sip_request r;
    struct sip_addr hop;
    struct sip_buf b;
    uint64_t txn;

    if (l == NULL || l->state != LEG_UP || c->transfer.silent)
        return;
    hop = leg_hop(l);
    sip_dialog_request(&l->dialog, SIP_NOTIFY, &r);
    r.contact = own_contact(sc, &hop, contact, sizeof(contact));
    sip_buf_init(&b, event, sizeof(event));
    sip_put_text(&b, "refer");
    if (c->transfer.id != 0) {
        sip_put_text(&b, ";id=");
        sip_put_number(&b, c->transfer.id);
    }
    extras[0].value = sip_buf_str(&b);
    extras[1].value =
        last ? SIP_STR("terminated;reason=noresource") : SIP_STR("active;expires=600");
    r.extras = extras;
    r.extras_n = 2;
    sip_buf_init(&b, fragment, sizeof(fragment));
    sip_put_text(&b, "SIP/2.0 ");
    sip_put_number(&b, status);
    sip_put_text(&b, " ");
    sip_put_text(&b, sip_status_text(status));
    sip_put_text(&b, "\r\n");
    r.content = (struct sip_content){SIP_STR("message/sipfrag;version=2.0"), sip_buf_str(&b)};
    if (sip_request(sc->sip, sc->now, &hop, &r, leg_owner(sc, l), &sc->out->sip, &txn) != 0)
        sc->counts[N_UNSENDABLE]++;
}

void transfer_tell(struct sc *sc, struct call *c, unsigned status, bool last)
{
    switch ((enum transfer_kind)c->transfer.kind) {
    case TRANSFER_BY_REFER: send_notify(sc, c, status, last); return;
    case TRANSFER_BY_DESKTOP:
        if (last)
            control_transferred(sc, c->transfer.agent, status);
        return;
    case TRANSFER_OF_CALLER: return;
    }
}

/* The other party's streams are as the transferor left them: held, or not. */
static void hold_again(const struct sc *sc, const struct call *c)
{
    const struct leg *l = by(sc, c);
    struct leg *o = other(sc, c);

    if (o != NULL && l != NULL)
        o->stopped = l->held ? SDP_RECV : 0;
}

/* ---- guards and actions ---- */

static bool g_patient(const struct sc *sc, const void *object)
{
    const struct call *c = object;

    (void)sc;
    return c->transfer.tries < JOINS_MAX;
}

/* The leg to NUMBER; NULL and the status that refuses it. */
static struct leg *call_number(struct sc *sc, struct call *c, const struct plan *plan,
                               unsigned *ret_status)
{
    struct call probe = *c; /* as if the transferor called */
    struct leg_target target = {.shown = other(sc, c)};
    struct route route;
    const struct binding *b;
    char text[SIP_URI_MAX];
    struct leg *l;

    probe.source = plan->by->dn;
    probe.forwarded = false;
    probe.tries_n = 0;
    route = route_find(sc, &probe, sip_str_of(plan->number));
    text_copy(c->number_now, sizeof(c->number_now), plan->number);
    text_copy(c->number_out, sizeof(c->number_out), route.kind == ROUTE_TRUNK ? route.number : "");
    *ret_status = route.kind == ROUTE_NOWHERE ? route.status : 488;
    switch (route.kind) {
    case ROUTE_PHONE:
        b = binding_next(sc, route.dn, NULL);
        if (b == NULL)
            return NULL;
        binding_target(sc, b, &target);
        break;
    case ROUTE_TRUNK:
    case ROUTE_PEER:
    case ROUTE_MOVED:
        target.dn = pool_get(&sc->dns, route.trunk->dn);
        target.addr = route.trunk->addr;
        target.uri = call_trunk_uri(c, route.trunk, text, sizeof(text));
        break;
    case ROUTE_QUEUE:
    case ROUTE_TARGETS:
    case ROUTE_NOWHERE: return NULL;
    }
    (void)call_keep_body(sc, c, no_body);
    l = leg_call(sc, c, &target);
    if (l == NULL)
        *ret_status = 503;
    else
        l->join_txn = l->invite;
    return l;
}

static void a_begin(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    const struct plan *plan = argument;
    unsigned status = 503;
    struct leg *l = plan->held;

    c->transfer.by = pool_handle(&sc->legs, plan->by);
    c->transfer.by_caller = plan->by->is_caller;
    c->transfer.attended = l != NULL;
    c->transfer.tries = 0;
    c->transfer.offered = false;
    c->transfer.to = HANDLE_NONE;
    transfer_tell(sc, c, 100, false);
    if (l == NULL) {
        l = call_number(sc, c, plan, &status);
    } else {
        l->stopped = 0;
        if (!leg_reinvite(sc, l, no_body))
            l = NULL;
    }
    if (l == NULL) {
        transfer_event(sc, c, TRANSFER_EV_FAILED, &status);
        return;
    }
    l->joins = pool_handle(&sc->calls, c);
    c->transfer.to = pool_handle(&sc->legs, l);
    if (!c->transfer.attended)
        record_coming(sc, c, l);
    arm_ms(sc, &c->ring, plan->patience_ms);
}

static void a_tell(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;

    if (!c->transfer.attended)
        record_coming_rings(sc, c);
    transfer_tell(sc, c, *(const unsigned *)argument, false);
}

/* The new party's offer, kept in the call, goes to the other party. */
static void a_join(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    struct leg *o = other(sc, c);
    const struct offer *kept = pool_get(&sc->offers, c->offer);

    (void)argument;
    disarm(sc, &c->ring);
    if (c->transfer.tries++ == 0 && c->transfer.kind != TRANSFER_OF_CALLER && !c->transfer.attended)
        record_coming_answers(sc, c);
    if (relays_under_way(sc, c) || session_reinvites(o) || o->join_txn != 0 || kept == NULL) {
        transfer_event(sc, c, TRANSFER_EV_GLARE, &(unsigned){491});
        return;
    }
    o->joins = pool_handle(&sc->calls, c);
    o->stopped = 0;
#if SC_MUTATION == 9 /* the other party is asked for an offer of its own */
    if (leg_reinvite(sc, o, no_body))
        return;
#endif
    if (!leg_reinvite(sc, o,
                      (struct sip_content){{kept->type, kept->type_len}, {kept->body, kept->len}}))
        transfer_event(sc, c, TRANSFER_EV_FAILED, &(unsigned){503});
}

static void a_wait(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;

    (void)argument;
    arm_ms(sc, &c->ring, (uint32_t)prng_between(&sc->prng, 2100, 4000));
}

/* The transfer is over: its legs are free of it.  Returns the new party's leg, NULL when gone. */
static struct leg *let_go(struct sc *sc, struct call *c)
{
    struct leg *l = new_party(sc, c), *o = other(sc, c);

    disarm(sc, &c->ring);
    c->transfer.to = HANDLE_NONE;
    if (l != NULL)
        l->joins = HANDLE_NONE;
    if (o != NULL)
        o->joins = HANDLE_NONE;
    return l;
}

/* The new party does not come in. */
static void dismiss(struct sc *sc, struct call *c, struct leg *l)
{
    const struct leg *theirs;

    if (l == NULL)
        return;
    if (!c->transfer.attended) {
        leg_end(sc, l, 0, SIP_STR_NONE);
        return;
    }
    if (c->transfer.offered)
        leg_ack(sc, l, no_body); /* it stays in its own call */
    theirs = leg_other(sc, l);
    l->stopped = theirs != NULL && theirs->held ? SDP_RECV : 0;
}

static void a_give_up(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    unsigned status = argument != NULL ? *(const unsigned *)argument : 408;
    struct leg *l = let_go(sc, c);

    report_note(sc, SC_NOTE_CALL, c->called, NULL, NULL, "transfer failed");
    if (!c->transfer.attended && c->transfer.kind != TRANSFER_OF_CALLER)
        record_coming_fails(sc, c, status);
    transfer_tell(sc, c, status, true);
    if (by(sc, c) == NULL) { /* nobody is left to return to */
        call_release(sc, c, "transfer failed");
        return;
    }
    hold_again(sc, c);
    dismiss(sc, c, l);
}

static void a_go_on(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;

    (void)argument;
    c->transfer.by = HANDLE_NONE;
    record_transferor_left(sc, c);
    take_place(sc, c, new_party(sc, c));
}

static void a_abandon(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    struct leg *l = let_go(sc, c);

    (void)argument;
    if (c->transfer.kind == TRANSFER_BY_DESKTOP)
        transfer_tell(sc, c, 480, true);
    if (by(sc, c) != NULL || c->transfer.attended) /* else it has the transferor's place */
        dismiss(sc, c, l);
}

/* The new party leaves its own call; the transferor's leg there ends. */
static void move_here(struct sc *sc, struct call *c, struct leg *l)
{
    struct call *from = pool_get(&sc->calls, l->call);

    if (from == c)
        return;
    record_moved(from, l);
    relays_end(sc, from, false); /* L's dialog goes on */
    if (l->is_caller)
        from->caller = HANDLE_NONE;
    else
        from->target = HANDLE_NONE;
    l->call = pool_handle(&sc->calls, c);
    c->legs_n++;
    from->legs_n--;
    attach_travel(sc, from, c);
    call_release(sc, from, "transferred");
}

static void a_complete(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    const struct sip_event *event = argument;
    struct sip_content answer = leg_content(event->msg);
    struct leg *l = let_go(sc, c), *transferor = by(sc, c);

    (void)call_keep_body(sc, c, answer); /* for a repeated ACK */
    leg_ack(sc, other(sc, c), no_body);
    leg_ack(sc, l, answer);
    if (c->transfer.kind == TRANSFER_OF_CALLER)
        return;
    if (transferor != NULL)
        report_line(sc, transferor, SC_AGENT_TRANSFERRED);
    move_here(sc, c, l);
    if (c->transfer.attended) {
        record_coming(sc, c, l);
        record_coming_answers(sc, c);
    }
    if (transferor != NULL)
        record_transferor_left(sc, c);
    take_place(sc, c, l);
    transfer_tell(sc, c, 200, true);
    c->transfer.by = HANDLE_NONE;
    sc->counts[N_TRANSFERS]++;
    report_note(sc, SC_NOTE_CALL, c->called, NULL, NULL, "transferred");
    if (transferor != NULL)
        leg_end(sc, transferor, 0, SIP_STR_NONE);
}

#define g_always NULL

/* clang-format off */
static const struct fsm_row rows[] = {
#define ROW(from_, event_, guard_, to_, action_, why_, source_) \
    {TRANSFER_##from_, TRANSFER_EV_##event_, TRANSFER_##to_, false, g_##guard_, a_##action_, #guard_, #action_, why_, source_},
#define IGNORE(from_, event_, why_, source_) \
    {TRANSFER_##from_, TRANSFER_EV_##event_, TRANSFER_##from_, true, NULL, NULL, "always", "none", why_, source_},
#include "sipserver/core/transfer.tbl.h"
};
static const char *const states[] = {
#define STATE(name, meaning) #name,
#include "sipserver/core/transfer.tbl.h"
};
static const char *const events[] = {
#define EVENT(name, meaning) #name,
#include "sipserver/core/transfer.tbl.h"
};
/* clang-format on */

const struct fsm transfer_fsm = {"transfer",
                                 rows,
                                 sizeof(rows) / sizeof(rows[0]),
                                 states,
                                 TRANSFER_STATES,
                                 events,
                                 TRANSFER_EVENTS,
                                 TRANSFER_STATES};

void transfer_event(struct sc *sc, struct call *c, enum transfer_event event, const void *argument)
{
    const struct fsm_row *row = fsm_row(&transfer_fsm, c->transfer.state, event, sc, c);

    if (row->ignore)
        return;
    c->transfer.state = row->to;
    if (row->action != NULL)
        row->action(sc, c, argument);
}

/* ---- the desktop ---- */

void transfer_start(struct sc *sc, struct leg *l, struct leg *held, const char *number,
                    handle_t agent)
{
    struct call *c = pool_get(&sc->calls, l->call);
    struct plan plan = {.by = l, .held = held, .patience_ms = sc->options.transfer_timeout_ms};

    text_copy(plan.number, sizeof(plan.number), number);
    c->transfer.kind = TRANSFER_BY_DESKTOP;
    c->transfer.agent = agent;
    transfer_event(sc, c, TRANSFER_EV_REFER, &plan);
}

void transfer_connect(struct sc *sc, struct call *c)
{
    c->transfer.kind = TRANSFER_OF_CALLER;
    c->transfer.by = HANDLE_NONE;
    c->transfer.by_caller = false;
    c->transfer.attended = false;
    c->transfer.offered = true;
    c->transfer.tries = 0;
    c->transfer.to = c->target;
    transfer_event(sc, c, TRANSFER_EV_CONNECT, NULL);
}

/* ---- its time and its end ---- */

bool transfer_under_way(const struct call *c)
{
    return c->transfer.state != TRANSFER_NONE;
}

bool transfer_of(const struct sc *sc, handle_t agent)
{
    for (const struct call *c = pool_next(&sc->calls, NULL); c != NULL;
         c = pool_next(&sc->calls, c))
        if (transfer_under_way(c) && c->transfer.kind == TRANSFER_BY_DESKTOP &&
            handle_equal(c->transfer.agent, agent))
            return true;
    return false;
}

void transfer_timer(struct sc *sc, struct call *c)
{
    transfer_event(sc, c, TRANSFER_EV_DUE, NULL);
}

void transfer_end(struct sc *sc, struct call *c)
{
    transfer_event(sc, c, TRANSFER_EV_END, NULL);
}
