#include "sipserver/core/call.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sipserver/core/agent.h"
#include "sipserver/core/answer.h"
#include "sipserver/core/attach.h"
#include "sipserver/core/auth.h"
#include "sipserver/core/binding.h"
#include "sipserver/core/control.h"
#include "sipserver/core/divert.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/forward.h"
#include "sipserver/core/hops.h"
#include "sipserver/core/hunt.h"
#include "sipserver/core/identity.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/music.h"
#include "sipserver/core/peering.h"
#include "sipserver/core/prack.h"
#include "sipserver/core/queue.h"
#include "sipserver/core/record.h"
#include "sipserver/core/relay.h"
#include "sipserver/core/ring.h"
#include "sipserver/core/report.h"
#include "sipserver/core/route.h"
#include "sipserver/core/session.h"
#include "sipserver/core/transfer.h"
#include "sipserver/core/trunk.h"
#include "sipserver/core/wait.h"

/* Arguments of call_event, by event. */
struct failure {
    unsigned status;
    const char *reason;
    bool as_it_is; /* STATUS is our own word for the caller */
};
struct refusal {
    unsigned status;
    struct sip_str contact; /* of a 302 */
    const char *reason;
};

static void call_event(struct sc *sc, struct call *c, enum call_event event, const void *argument);
static void route_call(struct sc *sc, struct call *c, const char *number);

static struct leg *caller_of(const struct sc *sc, const struct call *c)
{
    return pool_get(&sc->legs, c->caller);
}

static struct leg *target_of(const struct sc *sc, const struct call *c)
{
    return pool_get(&sc->legs, c->target);
}

const char *call_why_refused(unsigned status)
{
    switch (status) {
    case 408: return "no answer";
    case 480: return "phone not available";
    case 486:
    case 600: return "phone busy";
    case 603: return "call declined";
    default: return "call refused";
    }
}

static void end_target(struct sc *sc, struct call *c)
{
    struct leg *target = target_of(sc, c);

    rings_end(sc, c, RINGS_WITHDRAWN, NULL);
    if (caller_of(sc, c) != NULL && caller_of(sc, c)->state == LEG_CALLING)
        relays_end(sc, c); /* of the early dialog */
    prack_target_gone(sc, c);
    c->target = HANDLE_NONE;
    record_target_end(sc, c, 0);
    if (target != NULL)
        leg_end(sc, target, 0, SIP_STR_NONE);
}

static void drop_body(struct sc *sc, struct call *c)
{
    struct offer *o = pool_get(&sc->offers, c->offer);

    if (o != NULL)
        pool_put(&sc->offers, o);
    c->offer = HANDLE_NONE;
}

bool call_keep_body(struct sc *sc, struct call *c, struct sip_content body)
{
    struct offer *o = pool_get(&sc->offers, c->offer);
    struct leg *legs[] = {caller_of(sc, c), target_of(sc, c), pool_get(&sc->legs, c->music.leg)};

    for (unsigned i = 0; i < 3; i++)
        if (legs[i] != NULL) /* what its last ACK carried is not kept any more */
            legs[i]->ack_had_body = false;
    if (body.body.len > sizeof(o->body) || body.type.len > sizeof(o->type))
        return false;
    if (sip_str_empty(body.body)) {
        drop_body(sc, c);
        return true;
    }
    if (o == NULL)
        o = pool_take(&sc->offers, &c->offer);
    assert(o != NULL); /* one for each call */
    o->type_len = (uint32_t)body.type.len;
    o->len = (uint32_t)body.body.len;
    memcpy(o->type, body.type.p, o->type_len);
    memcpy(o->body, body.body.p, o->len);
    return true;
}

bool call_keep_answer(struct sc *sc, struct call *c, struct sip_content body)
{
    return !transfer_under_way(c) && !c->joining && c->music.state != MUSIC_JOINING &&
           call_keep_body(sc, c, body);
}

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

/* C goes from its queue to the place that the queue names. */
static void overflowed(struct sc *sc, struct call *c, const char *why)
{
    c->overflows++;
    sc->counts[N_OVERFLOWED]++;
    report_call(sc, c, SC_CALL_OVERFLOWED, why);
}

/* ---- guards and actions ---- */

/* The agent at DN, who called: what kind of call it is depends on where it goes. */
static void report_work(struct sc *sc, const struct call *c, handle_t dn)
{
    const struct dn *d = pool_get(&sc->dns, dn);
    const struct agent *a = d != NULL ? pool_get(&sc->agents, d->agent) : NULL;

    if (a != NULL && a->state == SC_AGENT_BUSY)
        report_agent(sc, a, SC_AGENT_STATE, c);
}

static bool g_of_queue(const struct sc *sc, const void *object)
{
    const struct call *c = object;

    return c->from_queue && queue_of_call(sc, c) != NULL && !c->at_peer;
}

static bool g_in_music(const struct sc *sc, const void *object)
{
    (void)sc;
    return music_holds(object);
}

static bool g_joining(const struct sc *sc, const void *object)
{
    (void)sc;
    return music_joins(object);
}

/* The caller was called by us, or has been connected before: the target's offer goes to it by
 * re-INVITE. */
static bool g_caller_connected(const struct sc *sc, const void *object)
{
    return call_caller_connected(sc, object);
}

static void a_start_offer(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    const struct leg_target *target = argument;
    struct leg *l;

    c->ringing = false;
    c->silent = target->dn != NULL && target->dn->type == SC_DN_TRUNK;
    music_offered(sc, c);
    c->target_dn = target->dn != NULL ? pool_handle(&sc->dns, target->dn) : HANDLE_NONE;
    l = leg_call(sc, c, target);
    if (l == NULL) {
        call_event(sc, c, CALL_EV_FAILED,
                   &(struct failure){503, "no room to call the target", false});
        return;
    }
    c->target = pool_handle(&sc->legs, l);
    arm_ms(sc, &c->ring,
           c->silent                                 ? sc->options.trunk_timeout_ms
           : pool_get(&sc->agents, c->agent) != NULL ? sc->options.ring_timeout_ms
                                                     : sc->options.answer_timeout_ms);
    report_call(sc, c, c->at_peer ? SC_CALL_FORWARDED : SC_CALL_OFFERED,
                c->at_peer ? "relayed" : "");
    report_work(sc, c, c->source); /* where it goes is known now */
}

static void a_enter_queue(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;

    (void)argument;
    if (c->queued.ns == 0)
        c->queued = sc->now;
    c->entered = sc->now;
    c->targets = c->left = HANDLE_NONE;
    report_line(sc, caller_of(sc, c), SC_AGENT_QUEUED);
    queue_add(sc, c);
    wait_notice(sc, c);
    music_begin(sc, c);
    report_call(sc, c, SC_CALL_QUEUED, "");
}

/* ARGUMENT is why. */
static void a_leave_queue(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;

    queue_remove(sc, c);
    if (!music_holds(c))
        music_stop(sc, c);
    overflowed(sc, c, argument);
    c->left = c->queue;
    c->queue = HANDLE_NONE;
    c->from_queue = false;
    c->phones.n = 0;
}

static void a_refuse_caller(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    const struct refusal *refusal = argument;
    struct leg *caller = caller_of(sc, c);
    struct agent *a = pool_get(&sc->agents, c->agent);

    queue_remove(sc, c);
    disarm(sc, &c->ring);
    end_target(sc, c);
    if (a != NULL)
        agent_withdrawn(sc, a);
    music_stop(sc, c);
    c->cause = refusal->status;
    report_call(sc, c, refusal->status == 302 ? SC_CALL_FORWARDED : SC_CALL_FAILED,
                refusal->reason);
    if (a != NULL)
        agent_withdrawn(sc, a);
    leg_end(sc, caller, refusal->status, refusal->contact);
}

static void a_give_up(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    struct agent *a = pool_get(&sc->agents, c->agent);
    struct leg *caller = caller_of(sc, c);

    (void)argument;
    queue_remove(sc, c);
    disarm(sc, &c->ring);
    end_target(sc, c);
    music_stop(sc, c);
    c->cause = 487;
    report_call(sc, c, SC_CALL_ABANDONED, "caller gave up");
#if SC_MUTATION == 2 /* the agent stays reserved */
    a = NULL;
#endif
    if (a != NULL)
        agent_withdrawn(sc, a);
    if (caller != NULL) /* else it sent BYE */
        leg_end(sc, caller, 487, SIP_STR_NONE);
}

static void a_pass_progress(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    const struct sip_event *event = argument;
    struct leg *target = target_of(sc, c);

    if (!prack_take(sc, c, target, event->msg))
        return;
    (void)sip_dialog_answer(&target->dialog,
                            event->msg); /* a 1xx without a tag makes no dialog yet */
    control_heard(target, event->msg);
    if (music_holds(c))
        ; /* it hears music */
    else if (!rings_many(sc, c))
        (void)leg_respond(sc, caller_of(sc, c), event->status, event->msg);
    else if (!c->ringing) /* which one of them is heard first says nothing */
        (void)leg_respond(sc, caller_of(sc, c), 180, NULL);
    if (record_ring(sc, c))
        report_line(sc, target, SC_AGENT_RINGING);
    if (!c->ringing)
        report_line(sc, caller_of(sc, c), SC_AGENT_ALERTING);
    c->ringing = true;
}

/* C is answered by its target, which says so in EVENT. */
static void answered(struct sc *sc, struct call *c, struct leg *target,
                     const struct sip_event *event)
{
    struct agent *a = pool_get(&sc->agents, c->agent);
    struct queue *q = c->from_queue ? queue_of_call(sc, c) : NULL;

    disarm(sc, &c->ring);
    c->answered = sc->now;
    c->cause = 200;
    target->state = LEG_ANSWERED;
    session_granted(sc, target, event->msg);
    sc->counts[N_CALLS_ANSWERED]++;
    if (q != NULL)
        wait_answered(sc, q);
    report_call(sc, c, SC_CALL_ANSWERED, "");
    if (a != NULL)
        agent_answered(sc, a);
    report_line(sc, target, SC_AGENT_ESTABLISHED);
    report_line(sc, caller_of(sc, c), SC_AGENT_ESTABLISHED);
    control_answered(sc, target);
}

static void a_pass_answer(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    const struct sip_event *event = argument;
    struct leg *caller = caller_of(sc, c), *target = target_of(sc, c);
    const struct offer *offer = pool_get(&sc->offers, c->offer);
    bool same_branch = sip_dialog_same_fork(&target->dialog, event->msg);
    int r = leg_take_answer(target, event->msg);

    if (!same_branch)
        prack_target_gone(sc, c);
    caller->state = LEG_ANSWERED;
    answered(sc, c, target, event);
    if (offer != NULL && handle_is_none(target->sdp)) /* no PRACK or UPDATE has said more since */
        (void)session_sent(
            sc, target,
            (struct sip_content){{offer->type, offer->type_len}, {offer->body, offer->len}});
    drop_body(sc, c);
    sip_dialog_confirm(&caller->dialog);
    if (r != 0) { /* no usable Contact: the target cannot even be acknowledged */
        (void)sip_own(sc->sip, target->invite, OWNER_NONE);
        c->target = HANDLE_NONE;
        caller->state = LEG_CALLING;
        leg_end(sc, caller, 502, SIP_STR_NONE);
        call_release(sc, c, "the target's answer cannot be used");
        leg_gone(sc, target); /* the last leg goes when the call is over, or nobody would reap it */
    } else if (leg_respond(sc, caller, event->status, event->msg) != 0) {
        sc->counts[N_UNSENDABLE]++;
        caller->state = LEG_CALLING;
        leg_end(sc, caller, 500, SIP_STR_NONE);
        call_release(sc, c, "the answer could not be passed on");
    }
}

/* The target of a caller who hears music has answered, with an offer. */
static void a_join(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    const struct sip_event *event = argument;
    struct leg *target = target_of(sc, c);
    bool usable = leg_take_answer(target, event->msg) == 0;

    answered(sc, c, target, event);
    if (!usable) { /* it cannot even be acknowledged */
        (void)sip_own(sc->sip, target->invite, OWNER_NONE);
        c->target = HANDLE_NONE;
        call_release(sc, c, "the target's answer cannot be used");
        leg_gone(sc, target);
    } else if (sip_str_empty(event->msg->body) || !call_keep_body(sc, c, leg_content(event->msg))) {
        call_release(sc, c, "the target's answer has no session");
    } else if (c->state == CALL_ANSWERED) {
        music_join(sc, c);
    } else {
        transfer_connect(sc, c);
    }
}

/* The caller took the target's session; its answer goes to the target. */
static void a_connect(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    const struct sip_event *event = argument;
    struct sip_content answer = leg_content(event->msg);

    relays_end(sc, c);
    (void)call_keep_body(sc, c, answer); /* for a repeated ACK */
    leg_ack(sc, caller_of(sc, c), (struct sip_content){SIP_STR_NONE, SIP_STR_NONE});
    leg_ack(sc, target_of(sc, c), answer);
    music_stop(sc, c);
}

static void a_music_ack(struct sc *sc, void *object, const void *argument)
{
    music_ack(sc, object, argument);
}

static void a_pass_ack(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    const struct sip_event *event = argument;
    struct sip_content body = leg_content(event->msg);

    leg_acknowledged(sc, caller_of(sc, c));
    if (!sip_str_empty(body.body))
        (void)call_keep_body(sc, c, body); /* for a repeated ACK */
    leg_ack(sc, target_of(sc, c), body);
}

static void a_back_to_queue(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    const struct failure *failure = argument;
    struct agent *a = pool_get(&sc->agents, c->agent);

    disarm(sc, &c->ring);
    record_target_end(sc, c, failure->status);
    rings_end(sc, c, RINGS_MISSED, failure->reason);
#if SC_MUTATION != 10 /* the phone rings on */
    end_target(sc, c);
#endif
    c->agent = HANDLE_NONE;
    c->target_dn = HANDLE_NONE;
    if (a != NULL)
        agent_no_answer(sc, a, failure->reason);
    queue_add(sc, c);
    wait_later(sc, c);
    music_begin(sc, c);
}

/* The next phone of the same number, the next target of the routing point, or the end. */
static void a_next_target(struct sc *sc, void *object, const void *argument)
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
    end_target(sc, c);
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
        route_call(sc, c, number);
    } else if (next_trunk) {
        sc->counts[N_TRUNK_NEXT]++;
        report_note(sc, SC_NOTE_TRUNK, d->number, NULL, NULL, failure.reason);
        hunt_failed(sc, c);
        text_copy(number, sizeof(number), c->number_now);
        route_call(sc, c, number);
    } else if (at_peer && unreachable(failure.status)) {
        c->stay = true; /* the peer cannot: this site carries on alone */
        elsewhere = dn_find(sc, sip_str_of(c->number_now));
        if (elsewhere != NULL)
            divert_back(sc, c, pool_handle(&sc->dns, elsewhere), true);
        text_copy(number, sizeof(number), c->number_now);
        route_call(sc, c, number);
    } else if (d != NULL && d->type == SC_DN_EXTENSION && unreachable(failure.status) &&
               binding_next(sc, d, &c->phones) != NULL) {
        text_copy(number, sizeof(number), c->number_now);
        route_call(sc, c, number);
    } else if (t != NULL && c->targets_next < t->n) {
        c->phones.n = 0;
        c->tries_n = 0;
        c->on_behalf = HANDLE_NONE;
        divert_back(sc, c, t->dn, false);
        route_call(sc, c, t->number[c->targets_next++]);
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

static void a_release(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    struct leg *caller = caller_of(sc, c), *target = target_of(sc, c);

    relays_end(sc, c);
    transfer_end(sc, c);
    music_stop(sc, c);
    disarm(sc, &c->ring);
    report_call(sc, c, SC_CALL_RELEASED, argument);
    if (caller != NULL)
        leg_end(sc, caller, 500, SIP_STR_NONE);
    if (target != NULL)
        leg_end(sc, target, 0, SIP_STR_NONE);
}

static void a_forget(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;

    (void)argument;
    relays_end(sc, c);
    disarm(sc, &c->ring);
    disarm(sc, &c->wait);
    disarm(sc, &c->notice);
    disarm(sc, &c->sound);
    drop_body(sc, c);
    attach_drop(sc, c);
    divert_forget(sc, c);
    pool_put(&sc->calls, c);
}

#define g_always NULL
#define a_none   NULL

/* clang-format off */
static const struct fsm_row rows[] = {
#define ROW(from_, event_, guard_, to_, action_, why_, source_) \
    {CALL_##from_, CALL_EV_##event_, CALL_##to_, false, g_##guard_, a_##action_, #guard_, #action_, why_, source_},
#define IGNORE(from_, event_, why_, source_) \
    {CALL_##from_, CALL_EV_##event_, CALL_##from_, true, NULL, NULL, "always", "none", why_, source_},
#include "sipserver/core/call.tbl.h"
};
static const char *const states[] = {
#define STATE(name, meaning) #name,
#include "sipserver/core/call.tbl.h"
};
static const char *const events[] = {
#define EVENT(name, meaning) #name,
#include "sipserver/core/call.tbl.h"
};
/* clang-format on */

const struct fsm call_fsm = {"call",      rows,        sizeof(rows) / sizeof(rows[0]),
                             states,      CALL_STATES, events,
                             CALL_EVENTS, CALL_STATES};

static void call_event(struct sc *sc, struct call *c, enum call_event event, const void *argument)
{
    const struct fsm_row *row = fsm_row(&call_fsm, c->state, event, sc, c);

    if (row->ignore)
        return;
    c->state = row->to;
    if (row->action != NULL)
        row->action(sc, c, argument);
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

static void offer_phone(struct sc *sc, struct call *c, struct dn *d)
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

/* The priority of a call is the highest of all that it came through. */
static void raise_priority(struct call *c, const struct dn *d)
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
    overflowed(sc, c, why);
    c->queue = before;
    c->phones.n = 0;
    route_call(sc, c, target);
    return true;
}

static void divert_to_peer(struct sc *sc, struct call *c, const struct dn *d)
{
    divert_add(sc, c, d, d->in_service ? DIVERT_UNAVAILABLE : DIVERT_OUT_OF_SERVICE);
}

static void route_call(struct sc *sc, struct call *c, const char *number)
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
    case ROUTE_PHONE: offer_phone(sc, c, route.dn); return;
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
        raise_priority(c, route.dn);
        call_event(sc, c, CALL_EV_TO_QUEUE, NULL);
        return;
    case ROUTE_TARGETS:
        raise_priority(c, route.dn);
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
    a_next_target(sc, c,
                  route.kind == ROUTE_NOWHERE
                      ? &(struct failure){route.status, route.reason, route.as_it_is}
                      : &(struct failure){480, "no target left", false});
}

/* ---- a new call ---- */

/* Is EVENT's INVITE one of ours that came back for the number that its call was for, or is tried
 * at? Another number is no loop but a spiral (RFC 3261 16.3, RFC 5393), which Max-Forwards ends. */
static bool comes_back(const struct sc *sc, const struct sip_event *event, struct sip_str number)
{
    const struct leg *l = leg_of_call_id(sc, event->msg->call_id);
    const struct call *c = l != NULL ? pool_get(&sc->calls, l->call) : NULL;

    return c != NULL && (sip_str_eq(number, sip_str_of(c->called)) ||
                         sip_str_eq(number, sip_str_of(c->number_now)));
}

/* Whose INVITE is this?  False: it has been answered. */
static bool find_source(struct sc *sc, const struct sip_event *event, struct dn **ret_dn)
{
    struct trunk *t = trunk_of_source(sc, &event->src);
    struct dn *d;

    if (t != NULL) {
        *ret_dn = pool_get(&sc->dns, t->dn);
        return true;
    }
    d = dn_find(sc, event->msg->from.uri.user);
    if (d != NULL && d->type != SC_DN_EXTENSION)
        d = NULL;
    *ret_dn = d;
    return auth_check(sc, event, d) == AUTH_YES;
}

/* Max-Forwards of the INVITE to the target: two sites that send a call to and fro must come to an
 * end. */
static uint8_t hops_left(const struct sip_msg *m)
{
    if (m->max_forwards < 0 || m->max_forwards > 70)
        return 70;
    return (uint8_t)(m->max_forwards - 1);
}

/* A call without parties; NULL: there is no room. */
static struct call *blank(struct sc *sc, const struct dn *source)
{
    struct call *c = pool_take(&sc->calls, NULL);

    if (c == NULL)
        return NULL;
    list_link_init(&c->in_queue);
    timer_init(&c->ring, TIMER_CALL_RING);
    timer_init(&c->wait, TIMER_CALL_WAIT);
    timer_init(&c->notice, TIMER_CALL_NOTICE);
    timer_init(&c->sound, TIMER_CALL_SOUND);
    c->epoch = sc->epoch;
    c->number = ++sc->calls_started;
    c->started = sc->now;
    c->source = source != NULL ? pool_handle(&sc->dns, source) : HANDLE_NONE;
    if (source != NULL)
        raise_priority(c, source);
    c->max_forwards = 70;
    return c;
}

static struct call *call_new(struct sc *sc, const struct sip_event *event, struct dn *source,
                             unsigned *ret_status)
{
    struct call *c = blank(sc, source);
    struct leg *l;

    if (c == NULL) {
        *ret_status = 503;
        return NULL;
    }
    c->max_forwards = hops_left(event->msg);
    identity_asked(c, event->msg, source, identity_trusts(sc, source));
    divert_asked(sc, c, event->msg, source);
    l = leg_caller(sc, c, event, source, ret_status);
    if (l == NULL) {
        divert_forget(sc, c);
        pool_put(&sc->calls, c);
        return NULL;
    }
    c->caller = pool_handle(&sc->legs, l);
    call_event(sc, c, CALL_EV_INVITE, NULL);
    return c;
}

void call_invite(struct sc *sc, const struct sip_event *event)
{
    struct sip_content body = leg_content(event->msg);
    struct sip_str number;
    struct dn *source;
    struct trunk *t;
    struct call *c;
    bool forwarded, bad;
    unsigned status = 503;

    if (event->msg->max_forwards == 0 || event->msg->max_forwards == 1) {
        answer_status(sc, event, 483, N_TOO_MANY_HOPS);
        return;
    }
    if (body.body.len > SC_OFFER_SIZE || event->msg->uri.user.len >= SC_NAME_SIZE + 32) {
        answer_status(sc, event, 513, N_BODY_TOO_LARGE);
        return;
    }
    if (answer_extension(sc, event) || answer_content(sc, event) ||
        !find_source(sc, event, &source) || session_refuse(sc, event))
        return;
    number = forward_read(sc, event->msg->uri.user, &forwarded, &bad);
    if (bad)
        sc->counts[N_BAD_TOKEN]++;
    if (sip_str_empty(number) || number.len >= SC_NAME_SIZE) {
        answer_status(sc, event, 404, N_NOT_FOUND);
        return;
    }
    t = source->type == SC_DN_TRUNK ? pool_get(&sc->trunks, source->trunk) : NULL;
    if (t != NULL && !trunk_has_room(t, true)) {
        answer_later(sc, event, 486, N_TRUNK_FULL); /* a 503 would mean that this site is dead */
        return;
    }
    if (comes_back(sc, event, number)) {
        answer_status(sc, event, 482, N_LOOP);
        return;
    }
    c = call_new(sc, event, source, &status);
    if (c == NULL) {
        if (status == 503)
            answer_busy(sc, event, N_CALLS_FULL);
        else
            answer_status(sc, event, status, CORE_COUNTS);
        return;
    }
    text_copy_number(c->called, sizeof(c->called), number);
    c->forwarded = forwarded || (source->type == SC_DN_TRUNK &&
                                 text_eq(source->number, sc->options.dr_peer_trunk));
    (void)call_keep_body(sc, c, body);
    attach_receive(sc, c, event->msg);
    sc->counts[N_CALLS]++;
    report_call(sc, c, SC_CALL_STARTED, "");
    route_call(sc, c, c->called);
}

/* ---- calls that we begin ourselves ---- */

struct call *call_dial(struct sc *sc, struct dn *d, const char *number, struct leg **ret_leg)
{
    struct leg_target target;
    struct call *c = call_phone_target(sc, d, NULL, &target) ? blank(sc, d) : NULL;
    struct leg *l;

    if (c == NULL)
        return NULL;
    identity_own(c, d);
    text_copy(c->called, sizeof(c->called), number);
    target.own = target.auto_answer = true;
    l = leg_call(sc, c, &target);
    if (l == NULL) {
        pool_put(&sc->calls, c);
        return NULL;
    }
    c->caller = pool_handle(&sc->legs, l);
    call_event(sc, c, CALL_EV_INVITE, NULL);
    sc->counts[N_CALLS]++;
    report_call(sc, c, SC_CALL_STARTED, "");
    *ret_leg = l;
    return c;
}

void call_go(struct sc *sc, struct call *c)
{
    route_call(sc, c, c->called);
}

/* The number of the party behind L. */
static const char *number_of(const struct sc *sc, const struct call *c, const struct leg *l)
{
    const struct dn *d = pool_get(&sc->dns, l->dn);

    if (l->is_caller)
        return c->from;
    return d != NULL && d->type == SC_DN_EXTENSION ? d->number : c->number_now;
}

bool call_move(struct sc *sc, struct leg *l, const char *number)
{
    struct call *from = pool_get(&sc->calls, l->call);
    struct call *c = blank(sc, pool_get(&sc->dns, l->dn));

    if (c == NULL)
        return false;
    text_copy(c->from, sizeof(c->from), number_of(sc, from, l));
    if (l->is_caller) {
        c->asserted = from->asserted;
        c->private = from->private;
        memcpy(c->from_name, from->from_name, sizeof(c->from_name));
    }
    text_copy(c->called, sizeof(c->called), number);
    c->forwarded = from->forwarded;
    c->before_epoch = from->epoch;
    c->before = from->number;
    attach_travel(sc, from, c);
    if (l->is_caller)
        from->caller = HANDLE_NONE;
    else
        from->target = HANDLE_NONE;
    from->legs_n--;
    c->legs_n++;
    l->call = pool_handle(&sc->calls, c);
    l->is_caller = true;
    c->caller = pool_handle(&sc->legs, l);
    call_event(sc, c, CALL_EV_INVITE, NULL);
    sc->counts[N_CALLS]++;
    report_call(sc, c, SC_CALL_STARTED, "");
    call_release(sc, from, "transferred");
    call_go(sc, c);
    return true;
}

bool call_caller_connected(const struct sc *sc, const struct call *c)
{
    const struct leg *l = caller_of(sc, c);

    return l != NULL && l->state == LEG_UP;
}

/* ---- what the legs' transactions say ---- */

/* The flow that L went over has failed, and nobody has seen the call: the same offer by another
 * flow, or to another phone of the number (RFC 5626 7).  False: there is none. */
static bool next_flow(struct sc *sc, struct call *c, struct leg *l)
{
    const struct dn *d = pool_get(&sc->dns, c->target_dn);
    const struct binding *b = d != NULL ? binding_next(sc, d, &c->phones) : NULL;
    struct leg_target target = {0};
    struct leg *next;

    if (b == NULL || !l->by_flow || c->ringing)
        return false;
    binding_tried(sc, &c->phones, b);
    binding_target(sc, b, &target);
    next = leg_call(sc, c, &target);
    if (next == NULL)
        return false;
    c->target = pool_handle(&sc->legs, next);
    leg_gone(sc, l); /* after the new one, so that the phone stays busy */
    return true;
}

static void target_response(struct sc *sc, struct call *c, struct leg *l,
                            const struct sip_event *event)
{
    bool flow_failed = l->by_flow && event->kind == SIP_EV_UNSENT; /* RFC 5626 7 */
    bool current;

    if ((event->status > 100 && event->status < 300) || event->status == 422)
        ring_becomes_target(sc, c, l);
    current = target_of(sc, c) == l;
    if (event->status < 200) {
        if (current && c->silent) {
            c->silent = false;
            arm_ms(sc, &c->ring, sc->options.answer_timeout_ms);
        }
        if (event->status > 100 && current)
            call_event(sc, c, CALL_EV_PROGRESS, event);
        return;
    }
    if (event->status < 300 && event->msg != NULL) {
        if (current && l->state == LEG_CALLING) {
            rings_end(sc, c, RINGS_ELSEWHERE, NULL);
            call_event(sc, c, CALL_EV_ANSWER, event);
        } else if (l->state == LEG_CANCELLED) { /* the 200 was faster than our CANCEL */
            if (leg_take_answer(l, event->msg) != 0) {
                leg_gone(sc, l);
                return;
            }
            l->state = LEG_ANSWERED;
            leg_end(sc, l, 0, SIP_STR_NONE);
        } else {
            leg_late_answer(sc, l, event->msg);
        }
        return;
    }
    if (l->state != LEG_CALLING && l->state != LEG_CANCELLED)
        return;
    if (current && l->state == LEG_CALLING && event->status == 422 &&
        session_raise(l, event->msg) && leg_call_again(sc, c, l))
        return; /* RFC 4028 7.3 */
    if (current && l->state == LEG_CALLING && (flow_failed || event->status == 430) &&
        next_flow(sc, c, l))
        return;
    if (l->state == LEG_CALLING && ring_refused(sc, c, l, event->status)) {
        leg_gone(sc, l);
        return;
    }
    if (current)
        c->target = HANDLE_NONE;
    leg_gone(sc, l);
    if (!current)
        return;
    sc->refusal = event->kind == SIP_EV_RESPONSE ? event->msg : NULL;
    call_event(sc, c, CALL_EV_FAILED,
               &(struct failure){flow_failed ? 430 : event->status,
                                 flow_failed ? "the phone's connection is lost"
                                             : call_why_refused(event->status),
                                 false});
    sc->refusal = NULL;
}

static void caller_event(struct sc *sc, struct call *c, struct leg *l,
                         const struct sip_event *event)
{
    switch (event->kind) {
    case SIP_EV_CANCEL: call_event(sc, c, CALL_EV_CANCEL, event); return;
    case SIP_EV_ACK:
        if (l->state == LEG_BYE_DUE)
            leg_acknowledged(sc, l);
        else
            call_event(sc, c, CALL_EV_ACK, event);
        return;
    case SIP_EV_NO_ACK:
        if (event->status >= 300)
            return;
        if (event->status < 200) {
            call_event(sc, c, CALL_EV_REFUSED,
                       &(struct refusal){504, SIP_STR_NONE, "a provisional answer had no PRACK"});
            return;
        }
        call_event(sc, c, CALL_EV_NO_ACK, "the answer was never acknowledged");
        leg_acknowledged(sc, l); /* RFC 3261 13.3.1.4: BYE */
        return;
    case SIP_EV_NONE:
    case SIP_EV_REQUEST:
    case SIP_EV_NO_ROOM:
    case SIP_EV_RESPONSE: /* of a re-INVITE of ours, repeated */
        if (event->method == SIP_INVITE && event->status / 100 == 2 && event->msg != NULL)
            leg_late_answer(sc, l, event->msg);
        return;
    case SIP_EV_TIMEOUT:
    case SIP_EV_UNSENT: return; /* a response that could not be sent is repeated */
    }
}

void call_leg_event(struct sc *sc, struct leg *l, const struct sip_event *event)
{
    struct call *c = pool_get(&sc->calls, l->call);
    bool over = event->kind == SIP_EV_TIMEOUT || event->kind == SIP_EV_UNSENT ||
                (event->kind == SIP_EV_RESPONSE && event->status >= 200);

    if (session_response(sc, l, event) || control_response(sc, l, event) ||
        music_response(sc, c, l, event) || transfer_response(sc, l, event))
        return;
    if (event->method == SIP_BYE) {
        if (over && l->state == LEG_ENDING)
            leg_gone(sc, l);
    } else if (!l->dialog.is_uac) {
        caller_event(sc, c, l, event);
    } else if (event->kind == SIP_EV_RESPONSE || over) {
        target_response(sc, c, l, event);
    }
}

void call_bye(struct sc *sc, struct leg *l, const struct sip_event *event)
{
    struct call *c = pool_get(&sc->calls, l->call);

    answer_status(sc, event, 200, CORE_COUNTS);
    switch ((enum leg_state)l->state) {
    case LEG_CALLING: /* in the early dialog */
        if (l->is_caller)
            call_event(sc, c, CALL_EV_CANCEL, event);
        return;
    case LEG_CANCELLED:
    case LEG_ENDING: return; /* both at once: its answer to ours ends it */
    case LEG_BYE_DUE: leg_gone(sc, l); return;
    case LEG_ANSWERED:
    case LEG_UP: break;
    }
    if (music_left(sc, c, l) || transfer_left(sc, c, l) ||
        (caller_of(sc, c) != l && target_of(sc, c) != l)) {
        leg_gone(sc, l); /* of a transfer */
        return;
    }
    if (l->is_caller)
        c->caller = HANDLE_NONE;
    else
        c->target = HANDLE_NONE;
    sc->reason = sip_msg_value(event->msg, SIP_H_REASON);
    c->history.released_by = l->is_caller ? SC_BY_CALLER : SC_BY_CALLED;
    if (c->state == CALL_SETUP) /* the phone of a caller whose number is not called yet */
        call_event(sc, c, CALL_EV_CANCEL, event);
    else
        call_event(sc, c, CALL_EV_RELEASE,
                   l->is_caller ? "caller released" : "called party released");
    sc->reason = SIP_STR_NONE;
    leg_gone(sc, l);
}

void call_agreed(struct sc *sc, struct call *c, const struct sip_event *event)
{
    call_event(sc, c, CALL_EV_AGREED, event);
}

void call_refuse(struct sc *sc, struct call *c, unsigned status, const char *reason)
{
    call_event(sc, c, CALL_EV_REFUSED, &(struct refusal){status, SIP_STR_NONE, reason});
}

void call_party_lost(struct sc *sc, struct call *c, struct leg *l, const char *reason)
{
    if (l == NULL || !music_left(sc, c, l))
        call_release(sc, c, reason);
    else
        leg_end(sc, l, 0, SIP_STR_NONE);
}

void call_release(struct sc *sc, struct call *c, const char *reason)
{
    if (c->state == CALL_SETUP) /* the caller's own phone is being called */
        call_refuse(sc, c, 480, reason);
    else
        call_event(sc, c, CALL_EV_RELEASE, reason);
}

void call_reject(struct sc *sc, struct call *c)
{
    call_event(sc, c, CALL_EV_FAILED,
               &(struct failure){.status = 603, .reason = "rejected by the desktop"});
}

void call_cancel(struct sc *sc, struct call *c)
{
    call_event(sc, c, CALL_EV_CANCEL, NULL);
}

/* ---- agents and timers ---- */

void call_offer_agent(struct sc *sc, struct call *c, struct agent *a)
{
    const struct queue *q = queue_of_call(sc, c);
    struct dn *d = pool_get(&sc->dns, a->dn);

    queue_remove(sc, c);
    c->agent = pool_handle(&sc->agents, a);
    c->from_queue = true;
    c->phones.n = 0;
    agent_offer(sc, a, c);
    offer_phone(sc, c, d);
    if (q->distribution == SC_RING_ALL)
        ring_others(sc, c, q);
}

void call_agent_left(struct sc *sc, struct call *c, struct agent *a, const char *reason)
{
    if (c->state != CALL_OFFERED || ring_agent_left(sc, c, a, reason))
        return;
    call_event(sc, c, CALL_EV_FAILED, &(struct failure){480, reason, false});
}

void call_timer_ring(struct sc *sc, struct call *c)
{
    if (transfer_under_way(c))
        transfer_timer(sc, c);
    else if (music_joins(c))
        music_join(sc, c);
    else
        call_event(
            sc, c, CALL_EV_FAILED,
            &(struct failure){408, c->silent ? "silent for trunk-timeout" : "no answer", false});
}

void call_timer_wait(struct sc *sc, struct call *c)
{
    const struct queue *q = queue_of_call(sc, c);
    const char *target, *why = "waited longer than the queue allows"; /* or the queue is gone */
    enum queue_due due = q != NULL ? queue_due(sc, q, c, &target, &why) : QUEUE_WAITED;
    char number[SC_NAME_SIZE];

    if (due == QUEUE_OVERFLOWS) {
        text_copy(number, sizeof(number), target);
        call_event(sc, c, CALL_EV_OVERFLOW, why);
        route_call(sc, c, number);
    } else if (due == QUEUE_WAITED) {
        sc->counts[N_QUEUE_WAITED]++;
        call_event(sc, c, CALL_EV_WAITED, &(struct refusal){480, SIP_STR_NONE, why});
    }
}

/* ---- end ---- */

void call_leg_gone(struct sc *sc, struct call *c)
{
    assert(c->legs_n > 0);
    c->legs_n--;
    if (c->legs_n == 0 && c->state == CALL_ENDING && !list_linked(&c->in_queue))
        list_append(&sc->over, &c->in_queue);
}

void calls_reap(struct sc *sc)
{
    struct list_link *link;

    while ((link = list_pop(&sc->over)) != NULL)
        call_event(sc, CONTAINER_OF(link, struct call, in_queue), CALL_EV_LEGS_GONE, NULL);
}
