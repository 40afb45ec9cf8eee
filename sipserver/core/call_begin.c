/* What makes a call: an INVITE, a desktop that dials, a party that is moved on. */
#include "sipserver/core/call_inner.h"

#include <string.h>

#include "sipserver/core/answer.h"
#include "sipserver/core/attach.h"
#include "sipserver/core/auth.h"
#include "sipserver/core/divert.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/forward.h"
#include "sipserver/core/identity.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/relay.h"
#include "sipserver/core/record.h"
#include "sipserver/core/report.h"
#include "sipserver/core/session.h"
#include "sipserver/core/trunk.h"

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
    d = dn_of_uri(sc, &event->msg->from.uri);
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
        call_raise_priority(c, source);
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
    char called[SC_NAME_SIZE];
    struct sip_str number;
    struct dn *source;
    struct trunk *t;
    struct call *c;
    bool forwarded, bad;
    unsigned status = 503;

    if (event->msg->max_forwards == 0) { /* RFC 3261 16.3 */
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
    if (!number_read(&event->msg->uri, number, called)) {
        answer_status(sc, event, 404, N_NOT_FOUND);
        return;
    }
    t = source->type == SC_DN_TRUNK ? pool_get(&sc->trunks, source->trunk) : NULL;
    if (t != NULL && !trunk_has_room(t, true)) {
        answer_later(sc, event, 486, N_TRUNK_FULL); /* a 503 would mean that this site is dead */
        return;
    }
    if (comes_back(sc, event, sip_str_of(called))) {
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
    text_copy(c->called, sizeof(c->called), called);
    c->forwarded = forwarded || (source->type == SC_DN_TRUNK &&
                                 text_eq(source->number, sc->options.dr_peer_trunk));
    (void)call_keep_body(sc, c, body);
    attach_receive(sc, c, event->msg);
    sc->counts[N_CALLS]++;
    report_call(sc, c, SC_CALL_STARTED, "");
    call_route(sc, c, c->called);
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
    call_route(sc, c, c->called);
}

/* L is the leg that C began with, not one that came into its place by a transfer. */
static bool first_caller(const struct call *c, const struct leg *l)
{
    return l->is_caller && c->history.caller_end.ns == 0;
}

/* The number of the party behind L. */
static const char *number_of(const struct sc *sc, const struct call *c, const struct leg *l)
{
    const struct dn *d = pool_get(&sc->dns, l->dn);

    if (first_caller(c, l))
        return c->from;
    return d != NULL && d->type == SC_DN_EXTENSION ? d->number : c->number_now;
}

bool call_move(struct sc *sc, struct leg *l, const char *number)
{
    struct call *from = pool_get(&sc->calls, l->call);
    struct call *c = blank(sc, pool_get(&sc->dns, l->dn));

    if (c == NULL)
        return false;
    relays_end(sc, from, false); /* L's dialog goes on */
    text_copy(c->from, sizeof(c->from), number_of(sc, from, l));
    if (first_caller(from, l)) {
        c->asserted = from->asserted;
        c->private = from->private;
        memcpy(c->from_name, from->from_name, sizeof(c->from_name));
    }
    text_copy(c->called, sizeof(c->called), number);
    c->forwarded = from->forwarded;
    c->before_epoch = from->epoch;
    c->before = from->number;
    attach_travel(sc, from, c);
    record_moved(from, l);
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
