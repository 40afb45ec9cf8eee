/* The machine of a call: its table, and what each row of it does. */
#include "sipserver/core/call_inner.h"

#include <assert.h>

#include "sipserver/core/agent.h"
#include "sipserver/core/attach.h"
#include "sipserver/core/control.h"
#include "sipserver/core/divert.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/music.h"
#include "sipserver/core/prack.h"
#include "sipserver/core/queue.h"
#include "sipserver/core/record.h"
#include "sipserver/core/relay.h"
#include "sipserver/core/report.h"
#include "sipserver/core/ring.h"
#include "sipserver/core/session.h"
#include "sipserver/core/transfer.h"
#include "sipserver/core/wait.h"

void call_end_target(struct sc *sc, struct call *c)
{
    struct leg *target = target_of(sc, c);

    rings_end(sc, c, RINGS_WITHDRAWN, NULL);
    if (caller_of(sc, c) != NULL && music_party(sc, c) == NULL)
        relays_end(sc, c,
                   false); /* of the early dialog: the next target must not be taken for this one */
    prack_target_gone(sc, c);
    c->target = HANDLE_NONE;
    record_target_end(sc, c, 0);
    if (target != NULL)
        leg_end(sc, target, 0, SIP_STR_NONE);
}

/* ---- guards and actions ---- */

void call_overflowed(struct sc *sc, struct call *c, const char *why)
{
    c->overflows++;
    sc->counts[N_OVERFLOWED]++;
    report_call(sc, c, SC_CALL_OVERFLOWED, why);
}

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
    call_overflowed(sc, c, argument);
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
    call_end_target(sc, c);
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
    call_end_target(sc, c);
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
    call_drop_body(sc, c);
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

    relays_end(sc, c, false);
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
    call_end_target(sc, c);
#endif
    c->agent = HANDLE_NONE;
    c->target_dn = HANDLE_NONE;
    if (a != NULL)
        agent_no_answer(sc, a, failure->reason);
    queue_add(sc, c);
    wait_later(sc, c);
    music_begin(sc, c);
}

static void a_release(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    struct leg *caller = caller_of(sc, c), *target = target_of(sc, c);

    relays_end(sc, c, true);
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
    relays_end(sc, c, true);
    disarm(sc, &c->ring);
    disarm(sc, &c->wait);
    disarm(sc, &c->notice);
    disarm(sc, &c->sound);
    call_drop_body(sc, c);
    attach_drop(sc, c);
    divert_forget(sc, c);
    pool_put(&sc->calls, c);
}

#define g_always      NULL
#define a_none        NULL
#define a_next_target call_next_target

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

void call_event(struct sc *sc, struct call *c, enum call_event event, const void *argument)
{
    const struct fsm_row *row = fsm_row(&call_fsm, c->state, event, sc, c);

    if (row->ignore)
        return;
    c->state = row->to;
    if (row->action != NULL)
        row->action(sc, c, argument);
}

bool call_caller_connected(const struct sc *sc, const struct call *c)
{
    const struct leg *l = caller_of(sc, c);

    return l != NULL && l->state == LEG_UP;
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
