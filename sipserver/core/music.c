#include "sipserver/core/music.h"

#include "sipserver/core/call.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/queue.h"
#include "sipserver/core/relay.h"
#include "sipserver/core/report.h"
#include "sipserver/core/session.h"
#include "sipserver/core/trunk.h"

#define JOINS_MAX 4 /* times that the caller is asked */

static const struct sip_content no_body;

static void music_event(struct sc *sc, struct call *c, enum music_event event,
                        const void *argument);

static struct leg *caller_of(const struct sc *sc, const struct call *c)
{
    return pool_get(&sc->legs, c->caller);
}

static struct leg *service_of(const struct sc *sc, const struct call *c)
{
    return pool_get(&sc->legs, c->music.leg);
}

/* The queue whose music C hears: the one that it waits in, or has left. */
static const struct queue *queue_of(const struct sc *sc, const struct call *c)
{
    const struct dn *left = pool_get(&sc->dns, c->left);
    const struct queue *q = queue_of_call(sc, c);

    return q != NULL || left == NULL ? q : pool_get(&sc->queues, left->queue);
}

/* ---- guards and actions ---- */

static bool g_answered(const struct sc *sc, const void *object)
{
    (void)sc;
    return ((const struct call *)object)->music.answered.ns != 0;
}

static bool g_more(const struct sc *sc, const void *object)
{
    const struct call *c = object;
    const struct queue *q = queue_of(sc, c);

    return q != NULL && c->music.next < q->music_n;
}

static bool g_joining(const struct sc *sc, const void *object)
{
    (void)sc;
    return music_joins(object);
}

static bool g_patient(const struct sc *sc, const void *object)
{
    (void)sc;
    return ((const struct call *)object)->music.tries < JOINS_MAX;
}

/* The service of C is none of its any more: an answer of the caller to its offer is not for the
 * next. */
static void forget_service(struct call *c)
{
    if (c->music.asked == MUSIC_SERVICE)
        c->music.asked = MUSIC_GONE;
    c->music.leg = HANDLE_NONE;
}

/* The service of C goes.  What the caller asked it for is answered now: its silence must not end
 * the caller's call. */
static void end_service(struct sc *sc, struct call *c)
{
    struct leg *l = service_of(sc, c);

    disarm(sc, &c->sound);
    if (music_holds(c))
        relays_end(sc, c, false);
    forget_service(c);
    if (l != NULL)
        leg_end(sc, l, 0, SIP_STR_NONE);
}

static void a_wait(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    const struct queue *q = queue_of(sc, c);
    uint32_t after =
        q->answer_after_ms != 0 ? q->answer_after_ms : sc->options.queue_answer_after_ms;

    (void)argument;
    c->music.next = 0;
    timer_arm(&sc->timers, &c->sound, mono_max(sc->now, mono_add_ms(c->queued, after)));
}

/* The next service that is in service. */
static void a_try(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    const struct queue *q = queue_of(sc, c);
    struct leg *l = NULL;

    (void)argument;
    c->music.tries = 0;
    if (music_holds(c))
        (void)call_keep_body(sc, c, no_body); /* the service makes the offer */
    while (l == NULL && q != NULL && c->music.next < q->music_n) {
        struct dn *d = dn_find(sc, sip_str_of(q->music[c->music.next++]));
        const struct trunk *t = d != NULL ? pool_get(&sc->trunks, d->trunk) : NULL;
        struct leg_target target = {.dn = d};

        if (t == NULL || d->type != SC_DN_SERVICE || !t->reachable || !trunk_is_in(t))
            continue;
        target.addr = t->addr;
        target.uri = sip_str_of(t->contact);
        l = leg_call(sc, c, &target);
    }
    if (l == NULL)
        music_event(sc, c, MUSIC_EV_FAILED, NULL);
    else
        c->music.leg = pool_handle(&sc->legs, l);
}

static void a_pause(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;

    (void)argument;
    end_service(sc, c);
    c->music.next = 0;
    sc->counts[N_MUSIC_FAILED]++;
    arm_ms(sc, &c->sound, sc->options.music_retry_ms);
}

/* A service that ends soon after it began would be called without end. */
static void a_again(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    int64_t played = mono_diff_ms(sc->now, c->music.began);
    uint32_t retry = sc->options.music_retry_ms;

    (void)argument;
    end_service(sc, c);
    c->music.next = 0;
    arm_ms(sc, &c->sound, played >= (int64_t)retry ? 0 : retry);
}

static void a_soon(struct sc *sc, void *object, const void *argument)
{
    (void)argument;
    arm_ms(sc, &((struct call *)object)->sound, 0);
}

static void a_stop(struct sc *sc, void *object, const void *argument)
{
    (void)argument;
    end_service(sc, object);
}

static void a_answer_caller(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    const struct sip_event *event = argument;
    struct leg *caller = caller_of(sc, c), *l = service_of(sc, c);
    const struct offer *offer = pool_get(&sc->offers, c->offer);

    if (offer != NULL)
        (void)session_sent(
            sc, l, (struct sip_content){{offer->type, offer->type_len}, {offer->body, offer->len}});
    (void)call_keep_body(sc, c, no_body);
    queue_music(sc, c, true);
    c->music.answered = c->music.began = sc->now;
    sc->counts[N_MUSIC_ANSWERED]++;
    caller->state = LEG_ANSWERED;
    sip_dialog_confirm(&caller->dialog);
    if (leg_respond(sc, caller, event->status, event->msg) == 0)
        return;
    sc->counts[N_UNSENDABLE]++;
    caller->state = LEG_CALLING;
    queue_music(sc, c, false);
    c->music.answered = MONO_ZERO;
    call_refuse(sc, c, 500, "the music's answer could not be passed on");
}

/* A re-INVITE to the caller with the session of WHO, kept in C.  False: it could not be sent;
 * *RET_GLARE: not now. */
static bool ask_caller(struct sc *sc, struct call *c, enum music_who who, bool *ret_glare)
{
    struct leg *caller = caller_of(sc, c);
    const struct offer *kept = pool_get(&sc->offers, c->offer);

    *ret_glare = relays_under_way(sc, c) || session_reinvites(caller);
    if (*ret_glare || kept == NULL ||
        !leg_reinvite(sc, caller,
                      (struct sip_content){{kept->type, kept->type_len}, {kept->body, kept->len}}))
        return false;
    c->music.asked = (uint8_t)who;
    return true;
}

/* May the caller be asked at all now?  Its ACK, or its answer to what was asked before, goes on. */
static bool caller_settled(const struct sc *sc, const struct call *c)
{
    const struct leg *caller = caller_of(sc, c);

    return caller->state == LEG_UP && caller->join_txn == 0;
}

static void a_join(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    bool glare;

    (void)argument;
    disarm(sc, &c->sound);
    c->music.tries++;
    if (!caller_settled(sc, c))
        music_event(sc, c, MUSIC_EV_GLARE, NULL);
    else if (!ask_caller(sc, c, MUSIC_SERVICE, &glare))
        music_event(sc, c, glare ? MUSIC_EV_GLARE : MUSIC_EV_FAILED, NULL);
}

static void a_later(struct sc *sc, void *object, const void *argument)
{
    (void)argument;
    arm_ms(sc, &((struct call *)object)->sound, (uint32_t)prng_between(&sc->prng, 2100, 4000));
}

static void a_connect(struct sc *sc, void *object, const void *argument)
{
    struct call *c = object;
    const struct sip_event *event = argument;
    struct sip_content answer = leg_content(event->msg);

    (void)call_keep_body(sc, c, answer); /* for a repeated ACK */
    c->music.began = sc->now;
    leg_ack(sc, caller_of(sc, c), no_body);
    leg_ack(sc, service_of(sc, c), answer);
}

#define g_always NULL

/* clang-format off */
static const struct fsm_row rows[] = {
#define ROW(from_, event_, guard_, to_, action_, why_, source_) \
    {MUSIC_##from_, MUSIC_EV_##event_, MUSIC_##to_, false, g_##guard_, a_##action_, #guard_, #action_, why_, source_},
#define IGNORE(from_, event_, why_, source_) \
    {MUSIC_##from_, MUSIC_EV_##event_, MUSIC_##from_, true, NULL, NULL, "always", "none", why_, source_},
#include "sipserver/core/music.tbl.h"
};
static const char *const states[] = {
#define STATE(name, meaning) #name,
#include "sipserver/core/music.tbl.h"
};
static const char *const events[] = {
#define EVENT(name, meaning) #name,
#include "sipserver/core/music.tbl.h"
};
/* clang-format on */

const struct fsm music_fsm = {"music",      rows,         sizeof(rows) / sizeof(rows[0]),
                              states,       MUSIC_STATES, events,
                              MUSIC_EVENTS, MUSIC_STATES};

static void music_event(struct sc *sc, struct call *c, enum music_event event, const void *argument)
{
    const struct fsm_row *row = fsm_row(&music_fsm, c->music.state, event, sc, c);

    if (row->ignore)
        return;
    c->music.state = row->to;
    if (row->action != NULL)
        row->action(sc, c, argument);
}

/* ---- what the call says ---- */

void music_begin(struct sc *sc, struct call *c)
{
    const struct queue *q = queue_of_call(sc, c);

    if (q != NULL && q->music_n > 0 && (music_holds(c) || !call_caller_connected(sc, c)))
        music_event(sc, c, MUSIC_EV_BEGIN, NULL);
}

void music_offered(struct sc *sc, struct call *c)
{
    if (music_holds(c))
        (void)call_keep_body(sc, c, no_body); /* the target makes the offer */
    else
        music_event(sc, c, MUSIC_EV_STOP, NULL);
}

void music_stop(struct sc *sc, struct call *c)
{
    c->joining = false;
    music_event(sc, c, MUSIC_EV_STOP, NULL);
}

bool music_holds(const struct call *c)
{
    return c->music.answered.ns != 0 && c->answered.ns == 0;
}

struct leg *music_party(const struct sc *sc, const struct call *c)
{
    struct leg *l = service_of(sc, c);

    return l != NULL && c->music.state == MUSIC_PLAYING ? l : NULL;
}

/* ---- the target's session goes to the caller ---- */

bool music_joins(const struct call *c)
{
    return c->joining;
}

/* Ask the caller a little later, but not for ever. */
static void join_later(struct sc *sc, struct call *c)
{
    if (++c->music.tries > JOINS_MAX)
        call_release(sc, c, "the caller could not be connected");
    else
        arm_ms(sc, &c->ring, (uint32_t)prng_between(&sc->prng, 2100, 4000)); /* RFC 3261 14.1 */
}

void music_join(struct sc *sc, struct call *c)
{
    bool glare;

    if (!c->joining) {
        c->joining = true;
        c->music.tries = 0;
        if (c->music.state != MUSIC_PLAYING)
            music_event(sc, c, MUSIC_EV_STOP, NULL);
    }
    disarm(sc, &c->ring);
    if (!caller_settled(sc, c) || ask_caller(sc, c, MUSIC_TARGET, &glare))
        return;
    if (glare)
        join_later(sc, c);
    else
        call_release(sc, c, "the caller could not be connected");
}

/* The caller's final answer to our re-INVITE for the target. */
static void agreed_on_target(struct sc *sc, struct call *c, struct leg *caller,
                             const struct sip_event *event)
{
    if (event->status < 300 && !sip_str_empty(event->msg->body)) {
        call_agreed(sc, c, event);
    } else if (event->status < 300) {
        leg_ack(sc, caller, no_body);
        call_release(sc, c, "the caller's answer has no session");
    } else if (event->status == 491) {
        join_later(sc, c);
    } else {
        call_release(sc, c, "the caller refused the session of the called party");
    }
}

static void agreed_on_service(struct sc *sc, struct call *c, struct leg *caller,
                              const struct sip_event *event)
{
    if (event->status < 300 && !sip_str_empty(event->msg->body)) {
        music_event(sc, c, MUSIC_EV_AGREED, event);
        return;
    }
    if (event->status < 300)
        leg_ack(sc, caller, no_body);
    music_event(sc, c, event->status == 491 ? MUSIC_EV_GLARE : MUSIC_EV_FAILED, NULL);
}

static void caller_says(struct sc *sc, struct call *c, struct leg *l, const struct sip_event *event)
{
    enum music_who asked = (enum music_who)c->music.asked;
    bool response = event->kind == SIP_EV_RESPONSE;

    if (response && event->status < 200)
        return;
    l->join_txn = 0;
    c->music.asked = MUSIC_NOBODY;
    if (event->msg != NULL)
        (void)sip_dialog_response(&l->dialog, event->msg);
    if (!response || event->status == 408 || event->status == 481) {
        call_release(sc, c, "the caller is lost");
        return;
    }
    if (event->status < 300)
        session_granted(sc, l, event->msg);
    else
        session_answered(sc, l, event);
    if (asked == MUSIC_TARGET && c->joining) {
        agreed_on_target(sc, c, l, event);
    } else if (asked == MUSIC_SERVICE && c->music.state == MUSIC_JOINING) {
        agreed_on_service(sc, c, l, event);
    } else { /* of a service that has gone meanwhile */
        if (event->status < 300)
            leg_ack(sc, l, no_body);
        if (c->joining)
            music_join(sc, c);
    }
}

/* ---- what the parties say ---- */

void music_ack(struct sc *sc, struct call *c, const struct sip_event *event)
{
    struct sip_content body = leg_content(event->msg);
    struct leg *l = service_of(sc, c);

    leg_acknowledged(sc, caller_of(sc, c));
    if (l != NULL && l->state == LEG_ANSWERED && c->music.state == MUSIC_PLAYING) {
        bool kept = call_keep_answer(sc, c, body);

        leg_ack(sc, l, body);
        l->ack_had_body = l->ack_had_body && kept;
    }
    if (c->joining)
        music_join(sc, c);
}

/* The service whose INVITE ends in EVENT; its leg may be gone on return. */
static void service_says(struct sc *sc, struct call *c, struct leg *l,
                         const struct sip_event *event)
{
    struct sip_content body = leg_content(event->msg);
    bool response = event->kind == SIP_EV_RESPONSE;

    if (response && event->status < 200)
        return; /* the caller has our 182 */
    if (response && event->status == 422 && session_raise(l, event->msg) &&
        leg_call_again(sc, c, l))
        return;
    if (!response || event->status >= 300 || leg_take_answer(l, event->msg) != 0) {
        if (response && event->status < 300) /* it cannot even be acknowledged */
            (void)sip_own(sc->sip, l->invite, OWNER_NONE);
        c->music.leg = HANDLE_NONE;
        leg_gone(sc, l);
        music_event(sc, c, MUSIC_EV_FAILED, NULL);
        return;
    }
    l->state = LEG_ANSWERED;
    session_granted(sc, l, event->msg);
    if (sip_str_empty(body.body) || (music_holds(c) && !call_keep_body(sc, c, body))) {
        end_service(sc, c);
        music_event(sc, c, MUSIC_EV_FAILED, NULL);
        return;
    }
    music_event(sc, c, MUSIC_EV_ANSWER, event);
}

bool music_response(struct sc *sc, struct call *c, struct leg *l, const struct sip_event *event)
{
    if (event->method != SIP_INVITE ||
        (event->kind != SIP_EV_RESPONSE && event->kind != SIP_EV_TIMEOUT &&
         event->kind != SIP_EV_UNSENT))
        return false;
    if (c->music.asked != MUSIC_NOBODY && l == caller_of(sc, c) && c->state != CALL_ENDING &&
        event->txn == l->join_txn) {
        caller_says(sc, c, l, event);
        return true;
    }
    if (l != service_of(sc, c) || l->state != LEG_CALLING)
        return false;
    service_says(sc, c, l, event);
    return true;
}

bool music_left(struct sc *sc, struct call *c, const struct leg *l)
{
    if (l != service_of(sc, c))
        return false;
    relays_end(sc, c, false);
    forget_service(c);
    music_event(sc, c, MUSIC_EV_FAILED, NULL);
    return true;
}

void music_timer(struct sc *sc, struct call *c)
{
    music_event(sc, c, MUSIC_EV_DUE, NULL);
}
