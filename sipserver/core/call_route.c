/* Where a call goes: where its number leads, and what is next when a target has failed. */
#include "sipserver/core/call_inner.h"

#include "sipserver/core/agent.h"
#include "sipserver/core/binding.h"
#include "sipserver/core/divert.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/forward.h"
#include "sipserver/core/hops.h"
#include "sipserver/core/hunt.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/queue.h"
#include "sipserver/core/record.h"
#include "sipserver/core/report.h"
#include "sipserver/core/route.h"

/* ---- what the caller is told of a target's failure ---- */

/* 503 and 408 would make a gateway believe that this site is dead; 3xx is not followed; a challenge
 * was for us. */
static unsigned status_for_caller(unsigned status)
{
    if ((status >= 300 && status < 400) || status == 408 || status == 430 || status == 503)
        return 480;
    return status == 401 || status == 407 ? 403 : status;
}

/* The target could not be reached, as opposed to: someone there said no. */
static bool unreachable(unsigned status)
{
    return status == 408 || status == 430 || status == 480 || (status >= 500 && status < 600);
}

/* A trunk that did not take the call, as opposed to: the other end of the world said no. */
static bool trunk_failed(const struct sc *sc, const struct call *c, unsigned status)
{
    const struct dn *d = pool_get(&sc->dns, c->target_dn);

    return d != NULL && d->type == SC_DN_TRUNK && !c->at_peer && c->tries_n > 0 &&
           (status == 502 || status == 503 || status == 504 || (status == 408 && c->silent));
}

void call_next_target(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    struct failure failure = *(const struct failure *)argument;
    const struct dn *d = pool_get(&sc->dns, c->target_dn), *elsewhere;
    struct targets *t = pool_get(&sc->targets, c->targets);
    bool next_trunk = trunk_failed(sc, c, failure.status);
    struct agent *a = pool_get(&sc->agents, c->agent);
    bool at_peer = c->at_peer, often = false;
    char number[SC_NAME_SIZE];
    bool redirected = !at_peer && a == NULL && divert_follow(sc, c, sc->refusal, number, &often);

    disarm(sc, &c->ring);
    record_target_end(sc, c, failure.status);
    call_end_target(sc, c);
    c->agent = HANDLE_NONE;
    c->target_dn = HANDLE_NONE;
    if (a != NULL) /* its queue is gone: there is no place to go back to */
        agent_no_answer(sc, a, failure.reason);
    c->at_peer = false; /* whoever comes next is judged anew */
    if (c->ringing || (failure.status != 408 && failure.status != 430))
        binding_instance_tried(&c->phones);
    if (often) {
        sc->counts[N_LOOP]++;
        failure = (struct failure){482, "diverted too often", false};
    }
    if (redirected) {
        sc->refusal = NULL;
        c->phones.n = 0;
        c->tries_n = 0;
        (void)leg_respond(sc, caller_of(sc, c), 181, NULL);
        call_route(sc, c, number);
    } else if (next_trunk) {
        sc->counts[N_TRUNK_NEXT]++;
        report_note(sc, SC_NOTE_TRUNK, d->number, NULL, NULL, failure.reason);
        hunt_failed(sc, c);
        text_copy(number, sizeof(number), c->number_now);
        call_route(sc, c, number);
    } else if (at_peer && unreachable(failure.status)) {
        c->stay = true; /* the peer cannot: this site carries on alone */
        elsewhere = dn_find(sc, sip_str_of(c->number_now));
        if (elsewhere != NULL)
            divert_back(sc, c, pool_handle(&sc->dns, elsewhere), true);
        text_copy(number, sizeof(number), c->number_now);
        call_route(sc, c, number);
    } else if (d != NULL && d->type == SC_DN_EXTENSION && unreachable(failure.status) &&
               binding_next(sc, d, &c->phones) != NULL) {
        text_copy(number, sizeof(number), c->number_now);
        call_route(sc, c, number);
    } else if (t != NULL && c->targets_next < t->n) {
        c->phones.n = 0;
        c->tries_n = 0;
        c->on_behalf = HANDLE_NONE;
        divert_back(sc, c, t->dn, false);
        call_route(sc, c, t->number[c->targets_next++]);
    } else if (pool_get(&sc->dns, c->left) != NULL) { /* back to the queue that it came from */
        c->queue = c->left;
        call_event(sc, c, CALL_EV_TO_QUEUE, NULL);
    } else {
        call_event(
            sc, c, CALL_EV_REFUSED,
            &(struct refusal){failure.as_it_is ? failure.status : status_for_caller(failure.status),
                              SIP_STR_NONE, failure.reason});
    }
}

/* ---- routing ---- */

bool call_phone_target(const struct sc *sc, const struct dn *d, struct phone_tries *tries,
                       struct leg_target *ret_target)
{
    const struct binding *b = binding_next(sc, d, tries);

    *ret_target = (struct leg_target){0};
    if (b == NULL)
        return false;
    if (tries != NULL)
        binding_tried(sc, tries, b);
    binding_target(sc, b, ret_target);
    return true;
}

void call_offer_phone(struct sc *sc, struct call *c, struct dn *d)
{
    struct leg_target target;

    if (!call_phone_target(sc, d, &c->phones, &target)) {
        c->phones.n = 0; /* phones left meanwhile; reachable, there is one */
        (void)call_phone_target(sc, d, &c->phones, &target);
    }
    target.auto_answer = d->auto_answer && !handle_is_none(c->agent);
    call_event(sc, c, CALL_EV_TO_TARGET, &target);
}

struct sip_str call_trunk_uri(const struct call *c, const struct trunk *t, char *text, size_t size)
{
    struct sip_buf b;

    sip_buf_init(&b, text, size);
    sip_put_text(&b, "sip:");
    sip_put_text(&b, c->number_out[0] != '\0' ? c->number_out : c->number_now);
    sip_put_text(&b, "@");
    hops_put_uri(&b, t, &t->addr);
    return sip_buf_str(&b);
}

/* Through trunk T, with the number as it is. */
static void offer_trunk(struct sc *sc, struct call *c, struct trunk *t)
{
    struct leg_target target = {.dn = pool_get(&sc->dns, t->dn)};
    char text[SIP_URI_MAX];

    target.addr = c->at_peer ? t->addr : *hunt_take(sc, c, t);
    target.uri = call_trunk_uri(c, t, text, sizeof(text));
    call_event(sc, c, CALL_EV_TO_TARGET, &target);
}

static void move_to_peer(struct sc *sc, struct call *c, const struct trunk *t)
{
    char text[SIP_URI_MAX];
    struct refusal refusal = {.status = 302, .reason = "redirected"};

    refusal.contact = forward_contact(sc, t, sip_str_of(c->number_now), text, sizeof(text));
    sc->counts[N_FORWARDED]++;
    report_note(sc, SC_NOTE_FORWARD, c->number_now, NULL, NULL,
                "caller redirected to the peer site");
    call_event(sc, c, CALL_EV_REFUSED, &refusal);
}

void call_raise_priority(struct call *c, const struct dn *d)
{
    if (d != NULL && d->priority > c->priority)
        c->priority = d->priority;
}

/* Is the call bound for a queue that is full or without agents, and sends it elsewhere? */
static bool detoured(struct sc *sc, struct call *c, const struct route *route, const char *number)
{
    const struct queue *q = queue_find(sc, number);
    handle_t before = c->queue;
    const char *target, *why;

    if (q == NULL || (route->kind != ROUTE_QUEUE && route->why != N_QUEUE_FULL))
        return false;
    target = queue_detour(sc, q, c, &why);
    if (target == NULL)
        return false;
    c->queue = q->dn;
    call_overflowed(sc, c, why);
    c->queue = before;
    c->phones.n = 0;
    call_route(sc, c, target);
    return true;
}

static void divert_to_peer(struct sc *sc, struct call *c, const struct dn *d)
{
    divert_add(sc, c, d, d->in_service ? DIVERT_UNAVAILABLE : DIVERT_OUT_OF_SERVICE);
}

void call_route(struct sc *sc, struct call *c, const char *number)
{
    const struct call *as = c;
    struct call probe;
    struct route route;

    if (++c->diversions > SC_DIVERSIONS_MAX) {
        sc->counts[N_LOOP]++;
        call_event(sc, c, CALL_EV_REFUSED,
                   &(struct refusal){482, SIP_STR_NONE, "too many diversions"});
        return;
    }
    text_copy(c->number_now, sizeof(c->number_now), number);
    c->number_out[0] = '\0';
    if (pool_get(&sc->dns, c->on_behalf) != NULL) { /* the rights of who redirected it */
        probe = *c;
        probe.source = c->on_behalf;
        as = &probe;
    }
    route = route_find(sc, as, sip_str_of(number));
    if (route.number[0] != '\0') {
        if (route.kind == ROUTE_TRUNK)
            text_copy(c->number_out, sizeof(c->number_out), route.number);
        else if (route.kind != ROUTE_NOWHERE)
            text_copy(c->number_now, sizeof(c->number_now), route.number);
    }
    if (detoured(sc, c, &route, c->number_now))
        return;
    switch (route.kind) {
    case ROUTE_PHONE: call_offer_phone(sc, c, route.dn); return;
    case ROUTE_TRUNK: offer_trunk(sc, c, route.trunk); return;
    case ROUTE_PEER:
        c->at_peer = true;
        divert_to_peer(sc, c, route.dn);
        sc->counts[N_FORWARDED]++;
        report_note(sc, SC_NOTE_FORWARD, number, NULL, NULL, "call relayed to the peer site");
        offer_trunk(sc, c, route.trunk);
        return;
    case ROUTE_MOVED:
        divert_to_peer(sc, c, route.dn);
        move_to_peer(sc, c, route.trunk);
        return;
    case ROUTE_QUEUE:
        divert_add(sc, c, route.dn, DIVERT_UNCONDITIONAL);
        c->queue = pool_handle(&sc->dns, route.dn);
        call_raise_priority(c, route.dn);
        call_event(sc, c, CALL_EV_TO_QUEUE, NULL);
        return;
    case ROUTE_TARGETS:
        call_raise_priority(c, route.dn);
        divert_add(sc, c, route.dn, DIVERT_UNCONDITIONAL);
        c->targets = route.dn->targets;
        c->targets_next = 0;
        break;
    case ROUTE_NOWHERE:
        if (route.why != CORE_COUNTS)
            sc->counts[route.why]++;
        break;
    }
    /* A routing point, or a target of one that leads nowhere: as if a target had failed. */
    call_next_target(sc, c,
                     route.kind == ROUTE_NOWHERE
                         ? &(struct failure){route.status, route.reason, route.as_it_is}
                         : &(struct failure){480, "no target left", false});
}
