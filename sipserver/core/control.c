/* The machine of a desktop's operation on a call: its table, and what each row of it does. */
#include "sipserver/core/control.h"

#include <errno.h>

#include "sipserver/core/answer.h"
#include "sipserver/core/attach.h"
#include "sipserver/core/call.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/relay.h"
#include "sipserver/core/report.h"
#include "sipserver/core/session.h"
#include "sipserver/core/transfer.h"

#define TRIES_MAX 4 /* that a party is asked */

static struct leg *line(const struct sc *sc, const struct agent *a)
{
    return pool_get(&sc->legs, a->control.leg);
}

/* The party that is asked in HOLDING and RETRIEVING; NULL: it is gone. */
static struct leg *asked(const struct sc *sc, const struct agent *a)
{
    struct leg *l = line(sc, a);

    return l == NULL || a->control.step == 1 ? l : leg_other(sc, l);
}

bool control_awaits(const struct sc *sc, const struct agent *a, const struct leg *l)
{
    switch ((enum control_state)a->control.state) {
    case CONTROL_HOLDING:
    case CONTROL_RETRIEVING: return asked(sc, a) == l;
    case CONTROL_CALLING:
    case CONTROL_ANSWERING: return line(sc, a) == l;
    case CONTROL_NONE:
    case CONTROL_JOINING:
    case CONTROL_STATES: break;
    }
    return false;
}

/* ---- the reply ---- */

void control_reply(struct sc *sc, struct agent *a, int code, bool retriable, const char *text)
{
    struct control *op = &a->control;
    const struct leg *l = line(sc, a);
    const struct call *c = l != NULL ? pool_get(&sc->calls, l->call) : NULL;
    struct sc_agent_reply *reply;

    if (op->answered)
        return;
    op->answered = true;
    if (code != 0)
        sc->counts[N_CONTROLS_FAILED]++;
    reply = &report(sc, SC_ACT_AGENT_REPLY)->reply;
    reply->request_id = op->request_id;
    reply->client = op->client;
    reply->code = code;
    reply->retriable = retriable;
    reply->state = (enum sc_agent_state)a->state;
    text_copy(reply->text, sizeof(reply->text), text);
    if (c != NULL)
        call_id_text(sc, c, reply->call);
}

/* "the phone refused: 486" and the like; a busy party may be free later. */
static void reply_status(struct sc *sc, struct agent *a, const char *who, unsigned status)
{
    char text[SC_REASON_SIZE];
    struct sip_buf b;

    sip_buf_init(&b, text, sizeof(text) - 1);
    sip_put_text(&b, who);
    if (status == 408)
        sip_put_text(&b, " did not answer in time");
    else {
        sip_put_text(&b, " refused: ");
        sip_put_number(&b, status);
        sip_put_text(&b, " ");
        sip_put_text(&b, sip_status_text(status));
    }
    text[b.len] = '\0';
    control_reply(sc, a, status == 408 ? -ETIMEDOUT : -ECONNREFUSED,
                  status == 408 || status == 480 || status == 486 || status == 491 || status == 503,
                  text);
}

/* ---- guards and actions ---- */

static bool g_more(const struct sc *sc, const void *object)
{
    const struct agent *a = object;

    (void)sc;
    return a->control.step < a->control.parties;
}

static bool g_patient(const struct sc *sc, const void *object)
{
    (void)sc;
    return ((const struct agent *)object)->control.tries < TRIES_MAX;
}

static bool g_phone(const struct sc *sc, const void *object)
{
    (void)sc;
    return ((const struct agent *)object)->control.step == 1;
}

static bool g_waiting(const struct sc *sc, const void *object)
{
    (void)sc;
    return ((const struct agent *)object)->control.waiting;
}

/* Something else is under way with L's party: RFC 3261 14.1 allows one INVITE at a time. */
static bool engaged(const struct sc *sc, const struct leg *l)
{
    const struct call *c = pool_get(&sc->calls, l->call);

    return relays_under_way(sc, c) || session_reinvites(l) || l->join_txn != 0 ||
           !handle_is_none(l->joins) || transfer_under_way(c);
}

/* The next party is asked for the streams as they shall be. */
static void a_ask(struct sc *sc, void *object, const void *argument)
{
    struct agent *a = object;
    struct control *op = &a->control;
    struct leg *l = asked(sc, a);
    bool hold = op->state == CONTROL_HOLDING;

    (void)argument;
    op->waiting = false;
    op->tries++;
    if (l == NULL || l->state != LEG_UP || !session_own_origin(sc, l)) {
        control_event(sc, a, CONTROL_EV_REFUSED, &(unsigned){488});
        return;
    }
    if (engaged(sc, l)) {
        control_event(sc, a, CONTROL_EV_GLARE, NULL);
        return;
    }
    l->stopped = (uint8_t)(!hold ? 0 : op->step == 1 ? SDP_BOTH : SDP_RECV);
    if (!leg_reask(sc, l, op->fresh ? session_again(sc, l) : session_changed(sc, l))) {
        control_event(sc, a, CONTROL_EV_REFUSED, &(unsigned){503});
        return;
    }
    op->fresh = false;
    l->control = pool_handle(&sc->agents, a);
    if (!op->answered)
        arm_ms(sc, &a->operation, sc->options.control_timeout_ms);
}

static void a_wait(struct sc *sc, void *object, const void *argument)
{
    struct agent *a = object;

    (void)argument;
    a->control.waiting = true;
    arm_ms(sc, &a->operation, (uint32_t)prng_between(&sc->prng, 2100, 4000));
}

static void a_late(struct sc *sc, void *object, const void *argument)
{
    (void)argument;
    control_reply(sc, object, -ETIMEDOUT, true, "no answer in time: an event tells how it ends");
}

static void finish(struct sc *sc, struct agent *a)
{
    disarm(sc, &a->operation);
    control_reply(sc, a, 0, false, "");
}

static void a_done(struct sc *sc, void *object, const void *argument)
{
    (void)argument;
    finish(sc, object);
}

/* An operation of two steps goes on with NEXT at EVENT. */
static void go_on(struct sc *sc, struct agent *a, handle_t next, enum control_event event)
{
    a->control.next = a->control.leg;
    a->control.leg = next;
    a->control.step = a->control.tries = 0;
    a->control.parties = 2;
    control_event(sc, a, event, NULL);
}

static void a_held(struct sc *sc, void *object, const void *argument)
{
    struct agent *a = object;
    struct control *op = &a->control;
    struct leg *l = line(sc, a);

    disarm(sc, &a->operation);
    if (argument != NULL)
        l->stopped = 0; /* the phone refused */
    l->held = true;
    report_line(sc, l, SC_AGENT_HELD);
    if (op->op == SC_CONSULT) {
        go_on(sc, a, op->leg, CONTROL_EV_CALL);
    } else if (op->op == SC_ALTERNATE && pool_get(&sc->legs, op->next) != NULL) {
        go_on(sc, a, op->next, CONTROL_EV_RETRIEVE);
    } else if (op->op == SC_TRANSFER) {
        bool moved = call_move(sc, leg_other(sc, l), op->number);

        control_reply(sc, a, moved ? 0 : -EAGAIN, !moved,
                      moved ? "" : "no room for another call: try again");
    } else {
        finish(sc, a);
    }
}

static void a_retrieved(struct sc *sc, void *object, const void *argument)
{
    struct agent *a = object;
    struct leg *l = line(sc, a);

    (void)argument;
    if (l->held) /* else the hold was overtaken */
        report_line(sc, l, SC_AGENT_RETRIEVED);
    l->held = false;
    finish(sc, a);
}

/* The party asked did not: what stands is what stood before. */
static void a_undo(struct sc *sc, void *object, const void *argument)
{
    struct agent *a = object;
    struct leg *l = line(sc, a), *o = l != NULL ? leg_other(sc, l) : NULL;
    unsigned status = argument != NULL ? *(const unsigned *)argument : 491;
    bool joined = a->control.op == SC_TRANSFER || a->control.op == SC_COMPLETE;

    disarm(sc, &a->operation);
    if (l != NULL)
        l->control = HANDLE_NONE;
    if (o != NULL && !joined) {
        o->stopped = l->held ? SDP_RECV : 0;
        l->stopped = l->held ? SDP_BOTH : 0;
    }
    reply_status(sc, a,
                 a->control.op == SC_ANSWER || a->control.step == 1 ? "the phone"
                 : joined                                           ? "the new party"
                                                                    : "the other party",
                 status);
}

static void a_gone(struct sc *sc, void *object, const void *argument)
{
    struct agent *a = object;

    (void)argument;
    disarm(sc, &a->operation);
    control_reply(sc, a, -ECONNRESET, false, "the call is over");
}

/* The agent's phone is called, for a call to the number. */
static void a_call_phone(struct sc *sc, void *object, const void *argument)
{
    struct agent *a = object;
    struct control *op = &a->control;
    struct dn *d = pool_get(&sc->dns, a->dn);
    struct leg *l = NULL, *waits = pool_get(&sc->legs, op->next);
    struct call *c = d != NULL ? call_dial(sc, d, op->number, &l) : NULL;

    (void)argument;
    if (c == NULL) {
        op->leg = HANDLE_NONE;
        control_event(sc, a, CONTROL_EV_REFUSED, &(unsigned){503});
        return;
    }
    op->leg = pool_handle(&sc->legs, l);
    l->control = pool_handle(&sc->agents, a);
    if (op->op == SC_CONSULT && waits != NULL) {
        l->consults = op->next;
        attach_travel(sc, pool_get(&sc->calls, waits->call), c);
    }
    report_line(sc, l, SC_AGENT_DIALING);
    arm_ms(sc, &a->operation, sc->options.ring_timeout_ms);
}

static void a_called(struct sc *sc, void *object, const void *argument)
{
    struct agent *a = object;
    struct leg *l = line(sc, a);

    (void)argument;
    finish(sc, a);
    call_go(sc, pool_get(&sc->calls, l->call));
}

static void a_not_called(struct sc *sc, void *object, const void *argument)
{
    struct agent *a = object;
    struct leg *l = line(sc, a);
    struct call *c = l != NULL ? pool_get(&sc->calls, l->call) : NULL;
    unsigned status = argument != NULL ? *(const unsigned *)argument : 408;

    disarm(sc, &a->operation);
    reply_status(sc, a, "the agent's phone", status);
    if (c != NULL)
        call_refuse(sc, c, status, "the agent's phone did not take the call");
}

/* NOTIFY outside of any subscription, as phones that name it in Allow-Events expect it. */
static void a_ask_answer(struct sc *sc, void *object, const void *argument)
{
    struct agent *a = object;
    struct leg *l = line(sc, a);
    const struct sip_extra extras[2] = {
        {.id = SIP_H_EVENT, .value = SIP_STR("talk")},
        {.id = SIP_H_SUBSCRIPTION_STATE, .value = SIP_STR("active")}};
    char contact[SIP_URI_MAX];
    struct sip_request r;
    struct sip_addr hop = leg_hop(l);

    (void)argument;
    sip_dialog_request(&l->dialog, SIP_NOTIFY, &r);
    r.contact = own_contact(sc, &hop, contact, sizeof(contact));
    r.extras = extras;
    r.extras_n = 2;
    if (sip_request(sc->sip, sc->now, &hop, &r, leg_owner(sc, l), &sc->out->sip, &l->join_txn) !=
        0) {
        l->join_txn = 0;
        sc->counts[N_UNSENDABLE]++;
        control_event(sc, a, CONTROL_EV_REFUSED, &(unsigned){503});
        return;
    }
    l->control = pool_handle(&sc->agents, a);
    arm_ms(sc, &a->operation, sc->options.control_timeout_ms);
}

/* What the party asked answers is none of the operation's any more: transfer_legs.c acknowledges
 * it. */
static void leave(const struct sc *sc, const struct agent *a)
{
    struct leg *l = asked(sc, a);

    if (l != NULL)
        l->control = HANDLE_NONE;
}

static void a_abort(struct sc *sc, void *object, const void *argument)
{
    struct agent *a = object;

    leave(sc, a);
    disarm(sc, &a->operation);
    control_reply(sc, a, -ECANCELED, false, argument);
}

static void a_abort_call(struct sc *sc, void *object, const void *argument)
{
    struct agent *a = object;
    struct leg *l = line(sc, a);

    a_abort(sc, a, argument);
    if (l != NULL)
        call_cancel(sc, pool_get(&sc->calls, l->call));
}

#define g_always NULL
#define a_none   NULL

/* clang-format off */
static const struct fsm_row rows[] = {
#define ROW(from_, event_, guard_, to_, action_, why_, source_) \
    {CONTROL_##from_, CONTROL_EV_##event_, CONTROL_##to_, false, g_##guard_, a_##action_, #guard_, #action_, why_, source_},
#define IGNORE(from_, event_, why_, source_) \
    {CONTROL_##from_, CONTROL_EV_##event_, CONTROL_##from_, true, NULL, NULL, "always", "none", why_, source_},
#include "sipserver/core/control.tbl.h"
};
static const char *const states[] = {
#define STATE(name, meaning) #name,
#include "sipserver/core/control.tbl.h"
};
static const char *const events[] = {
#define EVENT(name, meaning) #name,
#include "sipserver/core/control.tbl.h"
};
/* clang-format on */

const struct fsm control_fsm = {"control",      rows,           sizeof(rows) / sizeof(rows[0]),
                                states,         CONTROL_STATES, events,
                                CONTROL_EVENTS, CONTROL_STATES};

void control_event(struct sc *sc, struct agent *a, enum control_event event, const void *argument)
{
    const struct fsm_row *row = fsm_row(&control_fsm, a->control.state, event, sc, a);

    if (row->ignore)
        return;
    a->control.state = row->to;
    if (row->action != NULL)
        row->action(sc, a, argument);
}

/* ---- what other parts say ---- */

void control_transferred(struct sc *sc, handle_t agent, unsigned status)
{
    struct agent *a = pool_get(&sc->agents, agent);

    if (a != NULL && a->control.state == CONTROL_JOINING) /* else a release overtook it */
        control_event(sc, a, status < 300 ? CONTROL_EV_AGREED : CONTROL_EV_REFUSED, &status);
}

void control_answered(struct sc *sc, const struct leg *l)
{
    struct agent *a = pool_get(&sc->agents, l->control);

    if (a != NULL && a->control.state == CONTROL_ANSWERING && control_awaits(sc, a, l))
        control_event(sc, a, CONTROL_EV_AGREED, NULL);
}

void control_timer(struct sc *sc, struct agent *a)
{
    control_event(sc, a, CONTROL_EV_DUE, &(unsigned){408});
}

void control_abort(struct sc *sc, struct agent *a, const char *why)
{
    control_event(sc, a, CONTROL_EV_ABORT, why);
}

void control_forget(struct sc *sc, struct agent *a)
{
    disarm(sc, &a->operation);
    a->control = (struct control){.state = CONTROL_NONE};
}
