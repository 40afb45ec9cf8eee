#include "sipserver/core/session.h"

#include <assert.h>
#include <string.h>

#include "sipserver/core/credentials.h"
#include "sipserver/core/answer.h"
#include "sipserver/core/call.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/prack.h"
#include "sipserver/core/relay.h"

#define RAISES_MAX 4 /* 422 answers followed in a row */

static void session_event(struct sc *sc, struct leg *l, enum session_event event);

/* ---- time ---- */

static mono_t expiry(const struct leg *l)
{
    int64_t interval = (int64_t)l->interval_s * 1000, third = interval / 3;

    return mono_add_ms(l->refreshed, interval - (third < 32000 ? third : 32000));
}

/* The next try.  A party that can only be looked at is not looked at so often. */
static mono_t next_try(struct sc *sc, const struct leg *l)
{
    int64_t left = (expiry(l).ns - sc->now.ns) / MONO_NS_PER_MS / 2;
    int64_t wait = prng_between(&sc->prng, 2100, 4000); /* RFC 3261 14.1 */

    if (left < wait)
        return expiry(l);
    return mono_add_ms(sc->now, l->only_looks && !l->can_update ? left : wait);
}

/* ---- guards and actions ---- */

static bool g_expired(const struct sc *sc, const void *object)
{
    return mono_due(expiry(object), sc->now);
}

uint32_t sdp_room(enum sdp_size size)
{
    return size == SDP_SMALL ? SDP_SMALL_SIZE : SC_SDP_SIZE;
}

static struct sdp *kept_sdp(const struct sc *sc, const struct leg *l)
{
    return pool_get(&sc->sdps[l->sdp_size], l->sdp);
}

static bool g_no_way(const struct sc *sc, const void *object)
{
    const struct leg *l = object;

    return !l->can_update && kept_sdp(sc, l) == NULL;
}

static bool g_busy(const struct sc *sc, const void *object)
{
    const struct leg *l = object;

    return l->state != LEG_UP || l->join_txn != 0 || !handle_is_none(l->joins) ||
           relays_under_way(sc, pool_get(&sc->calls, l->call));
}

static bool g_there(const struct sc *sc, const void *object)
{
    const struct leg *l = object;

    (void)sc;
    return !l->has_timer;
}

static void a_begin_ours(struct sc *sc, void *object, const void *argument)
{
    struct leg *l = object;

    (void)argument;
    l->refreshed = sc->now;
    l->refresh = 0;
    timer_arm(&sc->timers, &l->session, mono_add_ms(sc->now, (int64_t)l->interval_s * 500));
}

static void a_begin_theirs(struct sc *sc, void *object, const void *argument)
{
    struct leg *l = object;

    (void)argument;
    l->refreshed = sc->now;
    l->refresh = 0;
    timer_arm(&sc->timers, &l->session, expiry(l));
}

static void a_later(struct sc *sc, void *object, const void *argument)
{
    struct leg *l = object;

    (void)argument;
    l->refresh = 0;
    timer_arm(&sc->timers, &l->session, next_try(sc, l));
}

static void a_expire(struct sc *sc, void *object, const void *argument)
{
    struct leg *l = object;

    (void)argument;
    disarm(sc, &l->session);
    l->refresh = 0;
    sc->counts[N_SESSIONS_EXPIRED]++;
    call_party_lost(sc, pool_get(&sc->calls, l->call), l, "the session expired");
}

static void a_stop(struct sc *sc, void *object, const void *argument)
{
    struct leg *l = object;

    (void)argument;
    disarm(sc, &l->session);
    l->refresh = 0;
}

static void a_refresh(struct sc *sc, void *object, const void *argument)
{
    struct leg *l = object;
    char contact[SIP_URI_MAX];
    struct sip_request r;
    struct session_words words;
    struct sip_addr hop = leg_hop(l);

    (void)argument;
    sip_dialog_request(&l->dialog, l->can_update ? SIP_UPDATE : SIP_INVITE, &r);
    r.contact = own_contact(sc, &hop, contact, sizeof(contact));
    if (!l->can_update)
        r.content = session_again(sc, l);
    session_ask(sc, l, &words);
    r.extras = words.extras;
    r.extras_n = words.n;
    timer_arm(&sc->timers, &l->session, expiry(l));
    l->only_looks = false;
    if (leg_request(sc, l, &hop, &r, leg_owner(sc, l), &l->refresh) != 0) {
        sc->counts[N_UNSENDABLE]++;
        session_event(sc, l, SESSION_EV_REFUSED);
    }
}

/* OPTIONS in the dialog: no offer, no refresh; whoever has the dialog answers (RFC 3261 11). */
static void a_look(struct sc *sc, void *object, const void *argument)
{
    struct leg *l = object;
    struct sip_request r;
    struct sip_addr hop = leg_hop(l);

    (void)argument;
    sip_dialog_request(&l->dialog, SIP_OPTIONS, &r);
    timer_arm(&sc->timers, &l->session, expiry(l));
    l->only_looks = true;
    if (leg_request(sc, l, &hop, &r, leg_owner(sc, l), &l->refresh) != 0) {
        sc->counts[N_UNSENDABLE]++;
        session_event(sc, l, SESSION_EV_REFUSED);
    }
}

#define g_always NULL
#define a_none   NULL

/* clang-format off */
static const struct fsm_row rows[] = {
#define ROW(from_, event_, guard_, to_, action_, why_, source_) \
    {SESSION_##from_, SESSION_EV_##event_, SESSION_##to_, false, g_##guard_, a_##action_, #guard_, #action_, why_, source_},
#define IGNORE(from_, event_, why_, source_) \
    {SESSION_##from_, SESSION_EV_##event_, SESSION_##from_, true, NULL, NULL, "always", "none", why_, source_},
#include "sipserver/core/session.tbl.h"
};
static const char *const states[] = {
#define STATE(name, meaning) #name,
#include "sipserver/core/session.tbl.h"
};
static const char *const events[] = {
#define EVENT(name, meaning) #name,
#include "sipserver/core/session.tbl.h"
};
/* clang-format on */

const struct fsm session_fsm = {"session_timer", rows,           sizeof(rows) / sizeof(rows[0]),
                                states,          SESSION_STATES, events,
                                SESSION_EVENTS,  SESSION_STATES};

static void session_event(struct sc *sc, struct leg *l, enum session_event event)
{
    const struct fsm_row *row = fsm_row(&session_fsm, l->session_state, event, sc, l);

    if (row->ignore)
        return;
    l->session_state = row->to;
    if (row->action != NULL)
        row->action(sc, l, NULL);
}

/* ---- what the party says ---- */

/* The refresher that Session-Expires of M names; empty: none. */
static struct sip_str refresher(const struct sip_msg *m)
{
    struct sip_str value = sip_msg_value(m, SIP_H_SESSION_EXPIRES), named;
    const char *semicolon = value.len > 0 ? memchr(value.p, ';', value.len) : NULL;

    if (semicolon == NULL)
        return SIP_STR_NONE;
    value.len -= (size_t)(semicolon - value.p);
    value.p = semicolon;
    return sip_param_get(value, "refresher", &named) ? named : SIP_STR_NONE;
}

static void learn(struct leg *l, const struct sip_msg *m)
{
    if (sip_msg_header(m, SIP_H_ALLOW) != NULL)
        l->can_update = sip_msg_has_token(m, SIP_H_ALLOW, SIP_STR("UPDATE"));
}

bool session_refuse(struct sc *sc, const struct sip_event *event)
{
    uint32_t asked;
    char text[12];
    struct sip_buf b;
    struct sip_extra extra = {.id = SIP_H_MIN_SE};
    struct sip_reply reply = {.status = 422, .extras = &extra, .extras_n = 1};

    if (sip_msg_number(event->msg, SIP_H_SESSION_EXPIRES, &asked) != 0 ||
        asked >= sc->options.min_se_s ||
        !sip_msg_has_token(event->msg, SIP_H_SUPPORTED, SIP_STR("timer")))
        return false;
    sip_buf_init(&b, text, sizeof(text));
    sip_put_number(&b, sc->options.min_se_s);
    extra.value = sip_buf_str(&b);
    sc->counts[N_SESSION_TOO_SHORT]++;
    if (sip_reply(sc->sip, sc->now, event, &reply, &sc->out->sip) != 0)
        sc->counts[N_UNSENDABLE]++;
    return true;
}

void session_asked(struct leg *l, const struct sip_msg *request)
{
    l->has_timer = sip_msg_has_token(request, SIP_H_SUPPORTED, SIP_STR("timer"));
    if (sip_msg_number(request, SIP_H_SESSION_EXPIRES, &l->asked_s) != 0)
        l->asked_s = 0;
    if (sip_msg_number(request, SIP_H_MIN_SE, &l->min_s) != 0)
        l->min_s = 0;
    l->wants_us = sip_str_eq_nocase(refresher(request), SIP_STR("uas"));
    learn(l, request);
}

/* ---- what we say ---- */

static void add(struct session_words *w, enum sip_header_id id, struct sip_str value)
{
    assert(w->n < sizeof(w->extras) / sizeof(w->extras[0]));
    w->extras[w->n++] = (struct sip_extra){.id = id, .value = value};
}

static void add_expires(struct session_words *w, uint32_t seconds, bool uac)
{
    struct sip_buf b;

    sip_buf_init(&b, w->expires, sizeof(w->expires));
    sip_put_number(&b, seconds);
    sip_put_text(&b, uac ? ";refresher=uac" : ";refresher=uas");
    add(w, SIP_H_SESSION_EXPIRES, sip_buf_str(&b));
}

/* Between what we want and what the party must have. */
static uint32_t interval(const struct sc *sc, const struct leg *l, uint32_t seconds)
{
    uint32_t low = l->min_s > sc->options.min_se_s ? l->min_s : sc->options.min_se_s;

    return seconds > low ? seconds : low;
}

void session_ask(const struct sc *sc, struct leg *l, struct session_words *ret_words)
{
    struct sip_buf b;
    bool ours = l->session_state == SESSION_OURS || l->session_state == SESSION_ASKED;

    ret_words->n = 0;
    if (l->session_state == SESSION_OFF)
        l->interval_s = interval(sc, l, sc->options.session_expires_s);
    l->interval_s = interval(sc, l, l->interval_s);
    add(ret_words, SIP_H_ALLOW, answer_allow());
    add(ret_words, SIP_H_SUPPORTED,
        l->state == LEG_CALLING && l->reliable != RELIABLE_NO ? answer_supported()
                                                              : SIP_STR("timer"));
    add_expires(ret_words, l->interval_s, ours);
    sip_buf_init(&b, ret_words->min, sizeof(ret_words->min));
    sip_put_number(&b, interval(sc, l, 0));
    add(ret_words, SIP_H_MIN_SE, sip_buf_str(&b));
}

void session_grant(struct sc *sc, struct leg *l, struct session_words *ret_words)
{
    uint32_t seconds = sc->options.session_expires_s;
    bool they = l->has_timer && !l->wants_us;

    if (l->asked_s != 0 && l->asked_s < seconds)
        seconds = l->asked_s;
    l->interval_s = interval(sc, l, seconds);
    ret_words->n = 0;
    add(ret_words, SIP_H_ALLOW, answer_allow());
    add(ret_words, SIP_H_SUPPORTED, answer_supported());
    if (l->has_timer)
        add(ret_words, SIP_H_REQUIRE, SIP_STR("timer"));
    add_expires(ret_words, l->interval_s, they);
    session_event(sc, l, they ? SESSION_EV_THEY : SESSION_EV_WE);
}

void session_granted(struct sc *sc, struct leg *l, const struct sip_msg *response)
{
    struct sip_str who = refresher(response);
    uint32_t seconds;

    learn(l, response);
    l->raises = 0;
    if (sip_msg_number(response, SIP_H_SESSION_EXPIRES, &seconds) == 0) {
        l->has_timer = true;
        l->interval_s = interval(sc, l, seconds);
    } else {
        l->has_timer = false; /* as if it said what we asked for, and left it to us (7.2) */
    }
    session_event(sc, l, sip_str_eq_nocase(who, SIP_STR("uas")) ? SESSION_EV_THEY : SESSION_EV_WE);
}

bool session_raise(struct leg *l, const struct sip_msg *response)
{
    uint32_t min;

    if (response == NULL || sip_msg_number(response, SIP_H_MIN_SE, &min) != 0 ||
        min <= l->interval_s || min > 86400 || l->raises >= RAISES_MAX)
        return false;
    l->raises++;
    l->min_s = l->interval_s = min;
    return true;
}

/* ---- the session description that a refresh by INVITE repeats ---- */

static void drop(struct sc *sc, struct leg *l)
{
    struct sdp *s = kept_sdp(sc, l);

    if (s != NULL)
        pool_put(&sc->sdps[l->sdp_size], s);
    l->sdp = HANDLE_NONE;
}

static bool is_sdp(struct sip_content content)
{
    return sip_str_eq_nocase(content.type, SIP_STR("application/sdp"));
}

/* CONTENT as L's party is to see it: from the origin that it knows, with the directions that a hold
 * leaves.  Good until the next call. */
static struct sip_content as_seen(struct sc *sc, const struct leg *l, struct sip_content content)
{
    struct sip_buf b;

    if (!l->origin.known || sip_str_empty(content.body) || !is_sdp(content))
        return content;
    sip_buf_init(&b, sc->body, sizeof(sc->body));
    if (sdp_write(&b, content.body, &l->origin, SDP_BOTH & ~(unsigned)l->stopped) != 0 ||
        b.overflow)
        return content;
    content.body = sip_buf_str(&b);
    return content;
}

struct sip_content session_sent(struct sc *sc, struct leg *l, struct sip_content content)
{
    enum sdp_size size = content.body.len <= SDP_SMALL_SIZE ? SDP_SMALL : SDP_LARGE;
    struct sdp *s;

    if (sip_str_empty(content.body))
        return content;
    drop(sc, l);
    if (l->origin.known)
        l->origin.version++; /* RFC 3264 8 */
    if (content.body.len > SC_SDP_SIZE || !is_sdp(content))
        return as_seen(sc, l, content);
    s = pool_take(&sc->sdps[size], &l->sdp);
    assert(s != NULL); /* one of each size for each leg */
    l->sdp_size = (uint8_t)size;
    s->room = (uint16_t)sdp_room(size);
    s->len = (uint16_t)content.body.len;
    memcpy(s->body, content.body.p, s->len);
    return as_seen(sc, l, content);
}

struct sip_content session_last(const struct sc *sc, const struct leg *l)
{
    const struct sdp *s = kept_sdp(sc, l);

    if (s == NULL)
        return (struct sip_content){SIP_STR_NONE, SIP_STR_NONE};
    return (struct sip_content){SIP_STR("application/sdp"), {s->body, s->len}};
}

struct sip_content session_again(struct sc *sc, const struct leg *l)
{
    return as_seen(sc, l, session_last(sc, l));
}

struct sip_content session_changed(struct sc *sc, struct leg *l)
{
    l->origin.version++;
    return session_again(sc, l);
}

bool session_own_origin(const struct sc *sc, struct leg *l)
{
    const struct sdp *s = kept_sdp(sc, l);

    if (l->origin.known)
        return s != NULL;
    return s != NULL && sdp_origin_read((struct sip_str){s->body, s->len}, &l->origin) == 0;
}

void session_answered(struct sc *sc, struct leg *l, const struct sip_event *event)
{
    if (event->kind == SIP_EV_RESPONSE && event->status < 300) {
        session_granted(sc, l, event->msg);
        return;
    }
    drop(sc, l); /* an offer was refused: the one before it stands, which is not kept */
    if (event->status == 422)
        (void)session_raise(l, event->msg);
}

/* ---- our refresh ---- */

bool session_reinvites(const struct leg *l)
{
    return l->session_state == SESSION_ASKED && !l->can_update && !l->only_looks;
}

bool session_response(struct sc *sc, struct leg *l, const struct sip_event *event)
{
    if (l->refresh == 0 || event->txn != l->refresh || l->session_state != SESSION_ASKED)
        return false;
    if (event->kind == SIP_EV_RESPONSE && event->status < 200)
        return true;
    if (event->msg != NULL && event->kind == SIP_EV_RESPONSE)
        (void)sip_dialog_response(&l->dialog, event->msg);
    if (l->only_looks && event->msg != NULL && event->status < 300)
        learn(l, event->msg);
    if (event->kind == SIP_EV_RESPONSE && event->status < 300 && !l->only_looks) {
        if (event->method == SIP_INVITE)
            leg_ack(sc, l, (struct sip_content){SIP_STR_NONE, SIP_STR_NONE});
        session_granted(sc, l, event->msg);
    } else if (event->kind != SIP_EV_RESPONSE || event->status == 408 || event->status == 481) {
        session_event(sc, l, SESSION_EV_LOST);
    } else {
        if (event->status == 422)
            (void)session_raise(l, event->msg);
        session_event(sc, l, SESSION_EV_REFUSED); /* it is there */
    }
    return true;
}

/* ---- beginning and end ---- */

void session_init(struct leg *l)
{
    timer_init(&l->session, TIMER_LEG_SESSION);
}

void session_timer(struct sc *sc, struct leg *l)
{
    session_event(sc, l, SESSION_EV_DUE);
}

void session_end(struct sc *sc, struct leg *l)
{
    session_event(sc, l, SESSION_EV_END);
    drop(sc, l);
}
