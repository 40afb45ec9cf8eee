/* control_ops - what a desktop may ask for now, of which call; the lines of the phones. */
#include "sipserver/core/control.h"

#include <errno.h>
#include <string.h>

#include "sipserver/core/attach.h"
#include "sipserver/core/call.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/record.h"
#include "sipserver/core/report.h"
#include "sipserver/core/route.h"
#include "sipserver/core/transfer.h"

/* ---- lines ---- */

void control_line_new(const struct sc *sc, struct dn *d, const struct leg *l)
{
    for (unsigned i = 0; i < SC_LINES_MAX; i++)
        if (pool_get(&sc->legs, d->lines[i]) == NULL) {
            pool_touch(&sc->dns, d);
            d->lines[i] = pool_handle(&sc->legs, l);
            return;
        }
}

static bool up(const struct sc *sc, const struct leg *l)
{
    const struct call *c = pool_get(&sc->calls, l->call);
    const struct leg *o = leg_other(sc, l);

    return c != NULL && c->state == CALL_UP && l->state == LEG_UP && o != NULL &&
           o->state == LEG_UP;
}

static bool rings(const struct sc *sc, const struct leg *l)
{
    const struct call *c = pool_get(&sc->calls, l->call);

    return c != NULL && c->state == CALL_OFFERED && !l->is_caller;
}

/* What the end of L's part is for its agent. */
static enum sc_agent_event_kind end_of(const struct sc *sc, const struct leg *l)
{
    const struct call *c = pool_get(&sc->calls, l->call);

    if (l->is_caller || l->state == LEG_UP || l->state == LEG_ANSWERED)
        return SC_AGENT_RELEASED;
    if (c->state == CALL_ENDING)
        return SC_AGENT_ABANDONED;
    return c->state == CALL_OFFERED && handle_is_none(c->agent) ? SC_AGENT_RELEASED
                                                                : SC_AGENT_DIVERTED;
}

void control_line_over(struct sc *sc, struct leg *l)
{
    struct dn *d = pool_get(&sc->dns, l->dn);
    struct agent *a = d != NULL ? pool_get(&sc->agents, d->agent) : NULL;
    handle_t handle = pool_handle(&sc->legs, l);

    for (unsigned i = 0; d != NULL && i < SC_LINES_MAX; i++)
        if (handle_equal(d->lines[i], handle)) {
            pool_touch(&sc->dns, d);
            d->lines[i] = HANDLE_NONE;
        }
    if (a == NULL)
        return;
    report_line(sc, l, end_of(sc, l));
    if (handle_equal(a->control.leg, handle))
        control_event(sc, a, CONTROL_EV_GONE, NULL);
}

void control_holds(struct sc *sc, struct leg *l, bool holds)
{
    if (l->holds == holds)
        return;
    l->holds = holds;
    report_line(sc, l, holds ? SC_AGENT_HELD : SC_AGENT_RETRIEVED);
}

void control_heard(struct leg *l, const struct sip_msg *response)
{
    if (sip_msg_header(response, SIP_H_ALLOW_EVENTS) != NULL)
        l->can_talk = sip_msg_has_token(response, SIP_H_ALLOW_EVENTS, SIP_STR("talk"));
}

unsigned control_words(const struct sc *sc, const struct call *c, const struct leg *l,
                       struct sip_extra *extras, unsigned n)
{
    const struct dn *d = pool_get(&sc->dns, l->dn);
    const struct trunk *t = d != NULL ? pool_get(&sc->trunks, d->trunk) : NULL;
    const char *data = attach_get(sc, c);

    if (l->auto_answer) {
        extras[n++] = (struct sip_extra){.id = SIP_H_CALL_INFO,
                                         .value = SIP_STR("<sip:standfast>;answer-after=0")};
        extras[n++] = (struct sip_extra){
            .id = SIP_H_ALERT_INFO, .value = SIP_STR("<http://localhost>;info=alert-autoanswer")};
    }
    if (t != NULL && t->inter_site && data[0] != '\0')
        extras[n++] =
            (struct sip_extra){.id = SIP_H_OTHER, .name = ATTACH_HEADER, .value = sip_str_of(data)};
    return n;
}

/* ---- which call ---- */

static bool is_any(const struct sc *sc, const struct leg *l)
{
    (void)sc;
    (void)l;
    return true;
}

static bool is_active(const struct sc *sc, const struct leg *l)
{
    return up(sc, l) && !l->held;
}

static bool is_held(const struct sc *sc, const struct leg *l)
{
    return up(sc, l) && l->held;
}

typedef bool fits_fn(const struct sc *sc, const struct leg *l);

/* The lines at D that FITS, but EXCEPT; *RET_LEG is the last one. */
static unsigned lines(const struct sc *sc, const struct dn *d, fits_fn *fits,
                      const struct leg *except, struct leg **ret_leg)
{
    unsigned n = 0;

    for (unsigned i = 0; i < SC_LINES_MAX; i++) {
        struct leg *l = pool_get(&sc->legs, d->lines[i]);

        if (l == NULL || !l->counted || l == except || !fits(sc, l))
            continue;
        *ret_leg = l;
        n++;
    }
    return n;
}

static bool named(const struct sc *sc, const struct leg *l, const char *call)
{
    const struct call *c = pool_get(&sc->calls, l->call);
    char id[SC_CALL_ID_SIZE];

    if (c == NULL)
        return false;
    call_id_text(sc, c, id);
    return text_eq(id, call);
}

static void refuse(struct sc *sc, struct agent *a, int code, bool retriable, const char *text)
{
    control_reply(sc, a, code, retriable, text);
}

/* The line that R means, which must FIT; NULL: it has been refused, WHAT says what is wanted. */
static struct leg *line_of(struct sc *sc, struct agent *a, const struct sc_agent_request *r,
                           fits_fn *fits, const char *what)
{
    const struct dn *d = pool_get(&sc->dns, a->dn);
    struct leg *l = NULL;
    unsigned n;

    for (unsigned i = 0; r->call[0] != '\0' && d != NULL && i < SC_LINES_MAX; i++) {
        l = pool_get(&sc->legs, d->lines[i]);
        if (l == NULL || !l->counted || !named(sc, l, r->call))
            continue;
        if (fits(sc, l))
            return l;
        refuse(sc, a, -EINVAL, false, what);
        return NULL;
    }
    if (r->call[0] != '\0' || d == NULL) {
        refuse(sc, a, -ENOENT, false, "no such call at your phone");
        return NULL;
    }
    n = lines(sc, d, fits, NULL, &l);
    if (n == 1)
        return l;
    refuse(sc, a, n == 0 ? -ENOENT : -EINVAL, false,
           n == 0 ? what : "several calls: name the one that you mean");
    return NULL;
}

/* ---- operations ---- */

static void begin(struct agent *a, struct leg *l, const struct sc *sc)
{
    a->control.leg = l != NULL ? pool_handle(&sc->legs, l) : HANDLE_NONE;
    a->control.step = a->control.tries = 0;
    a->control.parties = 2;
}

/* The number that R names; false: it has been refused. */
static bool number_given(struct sc *sc, struct agent *a, const struct sc_agent_request *r)
{
    for (const char *p = r->number; *p != '\0'; p++)
        if (*p <= ' ' || *p > '~' || strchr("<>\"@;:?,\\", *p) != NULL) {
            refuse(sc, a, -EINVAL, false, "the number has characters that a number cannot have");
            return false;
        }
    if (r->number[0] == '\0')
        refuse(sc, a, -EINVAL, false, "name a number");
    text_copy(a->control.number, sizeof(a->control.number), r->number);
    return r->number[0] != '\0';
}

static void dial(struct sc *sc, struct agent *a, const struct sc_agent_request *r)
{
    struct dn *d = pool_get(&sc->dns, a->dn);
    struct leg *l;

    if (d == NULL || !d->in_service) {
        refuse(sc, a, -EAGAIN, true, "your phone is out of service");
        return;
    }
    if (lines(sc, d, is_any, NULL, &l) > 0 || d->legs > 0) {
        refuse(sc, a, -EBUSY, false, "your phone has a call: consult, or release it first");
        return;
    }
    if (!number_given(sc, a, r))
        return;
    begin(a, NULL, sc);
    control_event(sc, a, CONTROL_EV_CALL, NULL);
    l = pool_get(&sc->legs, a->control.leg);
    if (a->control.state == CONTROL_CALLING && r->data[0] != '\0' &&
        attach_merge(sc, pool_get(&sc->calls, l->call), r->data) != 0)
        control_abort(sc, a, "the data are malformed, or more than the limits allow");
}

static void answer(struct sc *sc, struct agent *a, const struct sc_agent_request *r)
{
    struct leg *l = line_of(sc, a, r, rings, "no call rings at your phone");

    if (l == NULL)
        return;
    if (!l->can_talk || l->dialog.state != SIP_DIALOG_EARLY) {
        refuse(sc, a, -ENOTSUP, false,
               "your phone cannot be answered from here: it does not say Allow-Events: talk");
        return;
    }
    begin(a, l, sc);
    control_event(sc, a, CONTROL_EV_ANSWER, NULL);
}

static void release(struct sc *sc, struct agent *a, const struct sc_agent_request *r)
{
    struct leg *l = line_of(sc, a, r, is_any, "your phone has no call");
    struct call *c;

    if (l == NULL)
        return;
    begin(a, l, sc);
    control_reply(sc, a, 0, false, "");
    c = pool_get(&sc->calls, l->call);
    if (c->state >= CALL_ANSWERED) {
        record_released(c, l);
        call_release(sc, c, "released by the desktop");
    } else if (l->is_caller) {
        call_cancel(sc, c);
    } else {
        call_reject(sc, c);
    }
}

static void hold(struct sc *sc, struct agent *a, const struct sc_agent_request *r)
{
    struct leg *l = line_of(sc, a, r, is_active, "no established call that is not held already");

    if (l == NULL)
        return;
    begin(a, l, sc);
    control_event(sc, a, CONTROL_EV_HOLD, NULL);
}

static void retrieve(struct sc *sc, struct agent *a, const struct sc_agent_request *r)
{
    struct leg *l = line_of(sc, a, r, is_held, "no call is held"), *other;

    if (l == NULL)
        return;
    if (lines(sc, pool_get(&sc->dns, a->dn), is_active, l, &other) > 0) {
        refuse(sc, a, -EBUSY, false, "you speak on another call: alternate, or hold it first");
        return;
    }
    begin(a, l, sc);
    control_event(sc, a, CONTROL_EV_RETRIEVE, NULL);
}

/* Is a transfer, or something else of transfer.c, going on in L's call? */
static bool moving(struct sc *sc, struct agent *a, const struct leg *l)
{
    const struct leg *o = leg_other(sc, l);

    if (!transfer_under_way(pool_get(&sc->calls, l->call)) && handle_is_none(l->joins) &&
        handle_is_none(o->joins) && l->join_txn == 0 && o->join_txn == 0)
        return false;
    refuse(sc, a, -EAGAIN, true, "the call is being transferred, or a request is under way");
    return true;
}

static void transfer(struct sc *sc, struct agent *a, const struct sc_agent_request *r)
{
    struct leg *l = line_of(sc, a, r, up, "no established call");
    struct call probe;
    struct route route;

    if (l == NULL || !number_given(sc, a, r) || moving(sc, a, l))
        return;
    probe = *(const struct call *)pool_get(&sc->calls, l->call); /* as if the agent called */
    probe.source = l->dn;
    probe.caller = HANDLE_NONE;
    route = route_find(sc, &probe, sip_str_of(r->number));
    if (route.kind == ROUTE_NOWHERE) {
        refuse(sc, a, -EHOSTUNREACH, route.status != 404, route.reason);
        return;
    }
    begin(a, l, sc);
    if (route.kind != ROUTE_QUEUE && route.kind != ROUTE_TARGETS) {
        control_event(sc, a, CONTROL_EV_JOIN, NULL);
        transfer_start(sc, l, NULL, r->number, pool_handle(&sc->agents, a));
    } else if (!l->held) { /* what waits in a queue is not heard by the agent any more */
        control_event(sc, a, CONTROL_EV_HOLD, NULL);
    } else if (call_move(sc, leg_other(sc, l), r->number)) {
        control_reply(sc, a, 0, false, "");
    } else {
        refuse(sc, a, -EAGAIN, true, "no room for another call: try again");
    }
}

static void consult(struct sc *sc, struct agent *a, const struct sc_agent_request *r)
{
    struct leg *l = line_of(sc, a, r, up, "no established call to consult about"), *other;

    if (l == NULL || !number_given(sc, a, r) || moving(sc, a, l))
        return;
    if (lines(sc, pool_get(&sc->dns, a->dn), is_any, l, &other) > 0) {
        refuse(sc, a, -EBUSY, false, "your phone has a second call already");
        return;
    }
    if (attach_merge(sc, pool_get(&sc->calls, l->call), r->data) != 0) {
        refuse(sc, a, -EINVAL, false, "the data are malformed, or more than the limits allow");
        return;
    }
    begin(a, l, sc);
    if (!l->held) {
        control_event(sc, a, CONTROL_EV_HOLD, NULL);
        return;
    }
    a->control.next = a->control.leg;
    control_event(sc, a, CONTROL_EV_CALL, NULL);
}

/* The two calls of an agent: the one that waits, and the other.  False: it has been refused. */
static bool two_lines(struct sc *sc, struct agent *a, fits_fn *fits, const char *what,
                      struct leg **ret_waits, struct leg **ret_other)
{
    const struct dn *d = pool_get(&sc->dns, a->dn);
    struct leg *first = NULL, *second = NULL;

    if (d == NULL || lines(sc, d, is_held, NULL, &first) == 0 ||
        lines(sc, d, fits, first, &second) != 1 || handle_equal(first->call, second->call)) {
        refuse(sc, a, -ENOENT, false, what);
        return false;
    }
    if (lines(sc, d, is_held, NULL, &first) == 2 && pool_get(&sc->legs, first->consults) != NULL) {
        struct leg *consulted = first; /* both are held */

        first = second;
        second = consulted;
    }
    *ret_waits = first;
    *ret_other = second;
    return true;
}

static void complete(struct sc *sc, struct agent *a)
{
    struct leg *waits, *other;

    if (!two_lines(sc, a, up, "it takes one held call, and another that has been answered", &waits,
                   &other) ||
        moving(sc, a, waits) || moving(sc, a, other))
        return;
    begin(a, waits, sc);
    control_event(sc, a, CONTROL_EV_JOIN, NULL);
    transfer_start(sc, waits, leg_other(sc, other), "", pool_handle(&sc->agents, a));
}

static void alternate(struct sc *sc, struct agent *a)
{
    struct leg *waits, *other;

    if (!two_lines(sc, a, is_active, "it takes one held call, and another that you speak on",
                   &waits, &other))
        return;
    begin(a, other, sc);
    a->control.next = pool_handle(&sc->legs, waits);
    control_event(sc, a, CONTROL_EV_HOLD, NULL);
}

static void come_back(struct sc *sc, struct agent *a)
{
    struct leg *waits = pool_get(&sc->legs, a->control.next), *other;
    struct call *c;

    if (waits != NULL && up(sc, waits)) { /* there is no other call any more */
        begin(a, waits, sc);
        control_event(sc, a, CONTROL_EV_RETRIEVE, NULL);
        return;
    }
    if (!two_lines(sc, a, is_any, "it takes one held call, and another to leave", &waits, &other))
        return;
    c = pool_get(&sc->calls, other->call);
    begin(a, waits, sc);
    if (c->state >= CALL_ANSWERED) {
        record_released(c, other);
        call_release(sc, c, "released by the desktop");
    } else if (other->is_caller) {
        call_cancel(sc, c);
    } else {
        call_reject(sc, c);
    }
    control_event(sc, a, CONTROL_EV_RETRIEVE, NULL);
}

/* ---- attached data: at once, also while an operation is under way ---- */

static void tell_data(struct sc *sc, const struct call *c)
{
    const struct leg *caller = pool_get(&sc->legs, c->caller);
    const struct leg *target = pool_get(&sc->legs, c->target);

    if (caller != NULL)
        report_line(sc, caller, SC_AGENT_DATA);
    if (target != NULL)
        report_line(sc, target, SC_AGENT_DATA);
}

static void data(struct sc *sc, const struct sc_agent_request *r, struct agent *a)
{
    const struct dn *d = pool_get(&sc->dns, a->dn);
    struct leg *l = NULL, *found = NULL;
    struct call *c;
    struct sc_agent_reply *reply = &report(sc, SC_ACT_AGENT_REPLY)->reply;

    reply->request_id = r->request_id;
    reply->client = r->client;
    reply->state = (enum sc_agent_state)a->state;
    for (unsigned i = 0; d != NULL && i < SC_LINES_MAX; i++) {
        l = pool_get(&sc->legs, d->lines[i]);
        if (l != NULL && l->counted && (r->call[0] == '\0' || named(sc, l, r->call)) &&
            (found == NULL || found->held))
            found = l;
    }
    if (found == NULL) {
        reply->code = -ENOENT;
        text_copy(reply->text, sizeof(reply->text), "no such call at your phone");
        return;
    }
    c = pool_get(&sc->calls, found->call);
    if (r->op == SC_SET_DATA)
        reply->code = attach_merge(sc, c, r->data);
    if (reply->code != 0)
        text_copy(reply->text, sizeof(reply->text),
                  reply->code == -EINVAL ? "a key or a value is malformed"
                                         : "more, or longer, than data-max and its like allow");
    call_id_text(sc, c, reply->call);
    text_copy(reply->data, sizeof(reply->data), attach_get(sc, c));
    if (r->op == SC_SET_DATA && reply->code == 0)
        tell_data(sc, c);
}

/* ---- the request ---- */

static void operate(struct sc *sc, const struct sc_agent_request *r, struct agent *a)
{
    switch (r->op) {
    case SC_DIAL: dial(sc, a, r); return;
    case SC_ANSWER: answer(sc, a, r); return;
    case SC_RELEASE: release(sc, a, r); return;
    case SC_HOLD: hold(sc, a, r); return;
    case SC_RETRIEVE: retrieve(sc, a, r); return;
    case SC_TRANSFER: transfer(sc, a, r); return;
    case SC_CONSULT: consult(sc, a, r); return;
    case SC_COMPLETE: complete(sc, a); return;
    case SC_ALTERNATE: alternate(sc, a); return;
    case SC_RETURN: come_back(sc, a); return;
    case SC_LOGIN:
    case SC_LOGOUT:
    case SC_READY:
    case SC_NOT_READY:
    case SC_QUERY:
    case SC_SET_DATA:
    case SC_GET_DATA:
    case SC_AGENT_OPS: return; /* not of this module, or done already */
    }
}

/* The call that R, a release or a return, means is A's own that is just being made: aborting the
 * operation ends it. */
static bool means_new_call(const struct sc *sc, const struct sc_agent_request *r,
                           const struct agent *a)
{
    const struct leg *l = pool_get(&sc->legs, a->control.leg);

    return r->op == SC_RELEASE && a->control.state == CONTROL_CALLING && l != NULL &&
           (r->call[0] == '\0' || named(sc, l, r->call));
}

/* The call that A's consultation, which is overtaken, holds or is about to hold. */
static handle_t waits_for(const struct agent *a)
{
    if (a->control.op != SC_CONSULT)
        return HANDLE_NONE;
    return a->control.state == CONTROL_HOLDING   ? a->control.leg
           : a->control.state == CONTROL_CALLING ? a->control.next
                                                 : HANDLE_NONE;
}

void control_request(struct sc *sc, const struct sc_agent_request *r, struct agent *a)
{
    struct control *op = &a->control;
    handle_t waits = r->op == SC_RETURN ? waits_for(a) : HANDLE_NONE;
    bool ended = means_new_call(sc, r, a);

    sc->counts[N_CONTROLS]++;
    if (a->state != SC_AGENT_NULL && (r->op == SC_SET_DATA || r->op == SC_GET_DATA)) {
        data(sc, r, a);
        return;
    }
    if (r->op == SC_RELEASE || r->op == SC_RETURN)
        control_abort(sc, a, "overtaken by a release");
    if (op->state != CONTROL_NONE) {
        struct control busy = *op; /* this reply is another operation's */

        op->answered = false;
        op->request_id = r->request_id;
        op->client = r->client;
        refuse(sc, a, -EBUSY, true, "your last operation is still under way");
        *op = busy;
        return;
    }
    *op = (struct control){
        .op = (uint8_t)r->op, .request_id = r->request_id, .client = r->client, .next = waits};
    if (a->state == SC_AGENT_NULL)
        refuse(sc, a, -ENOENT, false, "not logged in");
    else if (ended)
        control_reply(sc, a, 0, false, "");
    else
        operate(sc, r, a);
}
