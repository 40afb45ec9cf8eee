#include "sipserver/sip/transaction.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* ---- guards: pure predicates ------------------------------------------------ */

static bool always(const struct txn *t)
{
    (void)t;
    return true;
}

static bool cancel_wanted(const struct txn *t)
{
    return t->r.cancel_wanted;
}

static bool cancelled(const struct txn *t)
{
    return t->r.cancelled;
}

static bool acknowledged(const struct txn *t)
{
    return t->r.acknowledged;
}

static bool unacknowledged(const struct txn *t)
{
    return t->r.unacknowledged;
}

/* ---- timers ----------------------------------------------------------------- */

static void arm(struct sip_stack *s, struct timer *timer, mono_t now, uint32_t ms)
{
    timer_arm(&s->timers, timer, mono_add_ms(now, ms));
}

/* T_RESEND first fires after MS and then at the intervals that its row's action sets. */
static void arm_resend(struct sip_stack *s, struct txn *t, mono_t now, uint32_t ms)
{
    t->r.resend_ms = ms;
    arm(s, &t->resend, now, ms);
}

void txn_drop_image(struct sip_stack *s, struct txn *t)
{
    struct txn_images *images = &s->images[txn_image_size(t->r.image_len)];

    if (t->r.image_len > 0) {
        images->free[images->free_n++] = t->image;
        t->image_was = t->r.image_len;
    }
    t->r.image_len = 0;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The timers of a state, on entering it.  Over a reliable transport nothing is sent again hop by
 * hop, and states that only absorb copies end at once (RFC 3261 17: timers D, I, J, K are zero). */
static void enter(struct sip_stack *s, struct txn *t, mono_t now)
{
    const struct sip_stack_conf *c = &s->conf;
    bool reliable = sip_addr_reliable(&t->r.peer);
    uint32_t long_ms = 64 * c->t1_ms;

    if (t->r.machine == TXN_NCT && t->r.state == TXN_PROCEEDING) {
        if (!reliable)
            arm_resend(s, t, now, c->t2_ms);
        return; /* timer F runs on */
    }
    if (t->r.machine == TXN_NST && t->r.state == TXN_PROCEEDING)
        return; /* the client's patience runs on */
    t->r.unacknowledged = false;
    timer_cancel(&s->timers, &t->resend);
    switch ((enum txn_state)t->r.state) {
    case TXN_CALLING:
        if (!reliable)
            arm_resend(s, t, now, c->t1_ms); /* A */
        arm(s, &t->life, now, long_ms);      /* B */
        break;
    case TXN_TRYING:
        if (!reliable && t->r.machine == TXN_NCT)
            arm_resend(s, t, now, c->t1_ms); /* E */
        arm(s, &t->life, now, long_ms);      /* F */
        break;
    case TXN_PROCEEDING:
        if (t->r.machine == TXN_IST)
            arm_resend(s, t, now, c->trying_ms);
        arm(s, &t->life, now, t->r.machine == TXN_IST ? c->repeat_1xx_ms : c->timer_c_ms);
        break;
    case TXN_COMPLETED:
        if (t->r.machine == TXN_IST) {
            if (!reliable)
                arm_resend(s, t, now, min_u32(c->t1_ms, c->t2_ms)); /* G */
            arm(s, &t->life, now, long_ms);                         /* H */
        } else {
            uint32_t ms = t->r.machine == TXN_ICT   ? c->timer_d_ms
                          : t->r.machine == TXN_NCT ? c->t4_ms /* K */
                                                    : long_ms; /* J */
            arm(s, &t->life, now, reliable ? 0 : ms);
            if (t->r.machine == TXN_NCT)
                txn_drop_image(s, t);
        }
        break;
    case TXN_CONFIRMED:
        arm(s, &t->life, now, reliable ? 0 : c->t4_ms); /* I */
        break;
    case TXN_ACCEPTED:
        if (t->r.machine == TXN_IST)
            arm_resend(s, t, now, c->t1_ms); /* end to end, so over any transport (13.3.1.4) */
        else
            txn_drop_image(s, t);
        arm(s, &t->life, now, long_ms); /* L, M */
        break;
    case TXN_TERMINATED: timer_cancel(&s->timers, &t->life); break;
    case TXN_STATES: assert(false);
    }
}

/* ---- actions: only append to out, set the event, and change the record's own fields  */

static void nothing(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    (void)s, (void)t, (void)x;
}

static void tell(struct sip_stack *s, struct txn *t, struct txn_step *x, enum sip_event_kind kind,
                 unsigned status)
{
    if (t->r.internal)
        return;
    x->event->kind = kind;
    x->event->txn = txn_id(s, t);
    x->event->owner = t->r.owner;
    x->event->method = (enum sip_method)t->r.method;
    x->event->status = status;
    x->event->msg = x->msg;
}

static void pass_up(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    tell(s, t, x, SIP_EV_RESPONSE, x->msg->status);
}

static void pass_and_wait(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    if (x->msg->status > 100) /* 16.7: a 100 does not prolong timer C */
        arm(s, &t->life, x->now, s->conf.timer_c_ms);
    pass_up(s, t, x);
}

static void tell_timeout(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    s->counts[SIP_N_TIMEOUTS]++;
    tell(s, t, x, SIP_EV_TIMEOUT, 408);
}

static void tell_unsent(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    tell(s, t, x, SIP_EV_UNSENT, 503);
}

static void tell_no_ack(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    s->counts[SIP_N_NO_ACK]++;
    tell(s, t, x, SIP_EV_NO_ACK, t->r.status);
}

static void tell_ack(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    t->r.acknowledged = true;
    timer_cancel(&s->timers, &t->resend);
    txn_drop_image(s, t);
    tell(s, t, x, SIP_EV_ACK, 0);
}

static void resend(struct sip_stack *s, struct txn *t, struct txn_step *x, uint32_t next_ms)
{
    s->counts[SIP_N_RESENT]++;
    txn_send(s, t, x->out);
    arm_resend(s, t, x->now, next_ms);
}

static void resend_doubling(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    resend(s, t, x, t->r.resend_ms * 2); /* timer B ends it after six */
}

static void resend_to_t2(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    resend(s, t, x, min_u32(t->r.resend_ms * 2, s->conf.t2_ms));
}

static void resend_at_t2(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    resend(s, t, x, s->conf.t2_ms);
}

/* The response that waits in scratch is kept and sent. */
static void answer(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    txn_keep(s, t, s->scratch, x->answer_len);
    t->r.status = (uint16_t)x->status;
    txn_send(s, t, x->out);
}

/* How long a PRACK is awaited: 64*T1 less what others before it have had, but a few copies. */
static uint32_t prack_ms(const struct sip_stack *s, const struct txn_step *x)
{
    uint32_t all = 64 * s->conf.t1_ms, least = 4 * s->conf.t1_ms;

    return x->unpracked_ms < all - least ? all - x->unpracked_ms : least;
}

/* A reliable one is repeated end to end, so over any transport, until its PRACK (RFC 3262 3). */
static void answer_and_wait(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    answer(s, t, x);
    t->r.unacknowledged = x->reliable;
    if (x->reliable)
        arm_resend(s, t, x->now, s->conf.t1_ms);
    else
        timer_cancel(&s->timers, &t->resend);
    arm(s, &t->life, x->now, x->reliable ? prack_ms(s, x) : s->conf.repeat_1xx_ms);
}

/* The image stays that of the reliable one, which is still to be repeated. */
static void answer_once(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    struct sip_str text = {s->scratch, x->answer_len};

    if (sip_out_add(x->out, &t->r.peer, txn_id(s, t), text) < 0)
        s->counts[SIP_N_OUT_REFUSED]++;
}

static void tell_no_prack(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    s->counts[SIP_N_NO_PRACK]++;
    txn_acknowledged(s, t, x->now);
    tell(s, t, x, SIP_EV_NO_ACK, t->r.status);
}

static void answer_again(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    if (t->r.status == 100)
        timer_cancel(&s->timers, &t->resend); /* this is the 100 that the timer would send */
    txn_send(s, t, x->out);
}

static void answer_trying(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    txn_send(s, t, x->out);
}

static void answer_longer(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    s->counts[SIP_N_RESENT]++;
    txn_send(s, t, x->out);
    arm(s, &t->life, x->now, s->conf.repeat_1xx_ms);
}

/* A header value that the core handed on
 * may be malformed; what the stack itself wrote is not, and more is not needed. */
const struct sip_msg *txn_read_image(struct sip_stack *s, const struct txn *t)
{
    assert(t->r.image_len > 0);
    (void)sip_msg_parse(txn_image(s, t), t->r.image_len, &s->own);
    assert(s->own.is_request != txn_is_server(t) && !sip_str_empty(s->own.via.text));
    return &s->own;
}

static void ack(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    struct sip_buf b = sip_out_open(x->out);

    (void)sip_build_ack(&b, txn_read_image(s, t), x->msg);
    if (sip_out_close(x->out, &b, &t->r.peer, txn_id(s, t)) < 0)
        s->counts[SIP_N_OUT_REFUSED]++; /* the refusal comes again, and so does the ACK */
}

static void ack_and_pass(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    ack(s, t, x);
    pass_up(s, t, x);
}

static void want_cancel(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    (void)s, (void)x;
    t->r.cancel_wanted = true;
}

/* The CANCEL is a transaction of its own with the INVITE's branch (9.1).  Without room for one it
 * goes out unwatched: the INVITE's timer ends the wait. */
static void send_cancel(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    const struct sip_msg *invite = txn_read_image(s, t);
    struct txn *c = txn_new(s, TXN_NCT, SIP_CANCEL, x->now, &t->r.peer);
    struct sip_buf b;

    t->r.cancelled = true;
    arm(s, &t->life, x->now, 64 * s->conf.t1_ms);
    sip_buf_init(&b, s->scratch, s->conf.message_max);
    (void)sip_build_cancel(
        &b, invite,
        t->r.elsewhere ? SIP_STR("SIP;cause=200;text=\"Call completed elsewhere\"") : SIP_STR_NONE);
    assert(!b.overflow); /* no longer than the INVITE, which fits */
    if (c == NULL) {
        if (sip_out_add(x->out, &t->r.peer, 0, sip_buf_str(&b)) < 0)
            s->counts[SIP_N_OUT_REFUSED]++;
        return;
    }
    c->r.internal = true;
    txn_keep(s, c, s->scratch, b.len);
    txn_index(s, c, txn_client_key(s, invite->via.branch, SIP_STR("CANCEL")), 0);
    txn_send(s, c, x->out);
}

static void pass_and_cancel(struct sip_stack *s, struct txn *t, struct txn_step *x)
{
    pass_up(s, t, x);
    send_cancel(s, t, x);
}

/* ---- the table -------------------------------------------------------------- */

typedef bool guard_fn(const struct txn *t);
typedef void action_fn(struct sip_stack *s, struct txn *t, struct txn_step *x);

/* Rows stand in the order of this number: machine, state, event. */
#define PLACE(machine, state, event)                                                               \
    (((unsigned)(machine)*TXN_STATES + (unsigned)(state)) * TXN_EVENTS + (unsigned)(event))

static const struct {
    unsigned place;
    struct txn_row row;
    guard_fn *guard;
    action_fn *action;
} table[] = {
#define FULL_ROW(machine, from, event, guard, to, action, why, source)                             \
    {PLACE(TXN_##machine, TXN_##from, TXN_##event),                                                \
     {TXN_##machine, TXN_##from, TXN_##event, false, TXN_##to, #guard, #action, why, source},      \
     guard,                                                                                        \
     action},
#define FULL_IGNORE(machine, from, event, why, source)                                             \
    {PLACE(TXN_##machine, TXN_##from, TXN_##event),                                                \
     {TXN_##machine, TXN_##from, TXN_##event, true, TXN_##from, "always", "", why, source},        \
     always,                                                                                       \
     nothing},
#define ROW(from, event, guard, to, action, why, source)                                           \
    FULL_ROW(ICT, from, event, guard, to, action, why, source)
#define IGNORE(from, event, why, source) FULL_IGNORE(ICT, from, event, why, source)
#include "sipserver/sip/invite_client.tbl.h"
#define ROW(from, event, guard, to, action, why, source)                                           \
    FULL_ROW(NCT, from, event, guard, to, action, why, source)
#define IGNORE(from, event, why, source) FULL_IGNORE(NCT, from, event, why, source)
#include "sipserver/sip/client.tbl.h"
#define ROW(from, event, guard, to, action, why, source)                                           \
    FULL_ROW(IST, from, event, guard, to, action, why, source)
#define IGNORE(from, event, why, source) FULL_IGNORE(IST, from, event, why, source)
#include "sipserver/sip/invite_server.tbl.h"
#define ROW(from, event, guard, to, action, why, source)                                           \
    FULL_ROW(NST, from, event, guard, to, action, why, source)
#define IGNORE(from, event, why, source) FULL_IGNORE(NST, from, event, why, source)
#include "sipserver/sip/server.tbl.h"
};

unsigned txn_rows(void)
{
    return sizeof(table) / sizeof(table[0]);
}

struct txn_row txn_row(unsigned index)
{
    assert(index < txn_rows());
    return table[index].row;
}

const char *txn_machine_name(enum txn_machine machine)
{
    static const char *const text[] = {
#define MACHINE(id, name) name,
#include "sipserver/sip/transaction.tbl.h"
    };
    assert(machine < TXN_MACHINES);
    return text[machine];
}

const char *txn_state_name(enum txn_state state)
{
    static const char *const text[] = {
#define STATE(id) #id,
#include "sipserver/sip/transaction.tbl.h"
    };
    assert(state < TXN_STATES);
    return text[state];
}

const char *txn_event_name(enum txn_event event)
{
    static const char *const text[] = {
#define EVENT(id) #id,
#include "sipserver/sip/transaction.tbl.h"
    };
    assert(event < TXN_EVENTS);
    return text[event];
}

/* The first row at PLACE or behind it. */
static unsigned first_row(unsigned place)
{
    unsigned low = 0, high = txn_rows();

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (table[middle].place < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static unsigned find_row(const struct txn *t, enum txn_event event)
{
    unsigned place = PLACE(t->r.machine, t->r.state, event);

    for (unsigned i = first_row(place); i < txn_rows() && table[i].place == place; i++) {
        if (table[i].guard(t))
            return i;
    }
    assert(false); /* every (machine, state, event) of use has a row: the table's unit test */
    return 0;
}

bool txn_accepts(const struct txn *t, enum txn_event event)
{
    return !table[find_row(t, event)].row.ignored;
}

void txn_free(struct sip_stack *s, struct txn *t)
{
    timer_cancel(&s->timers, &t->resend);
    timer_cancel(&s->timers, &t->life);
    txn_drop_image(s, t);
    hash_remove(&s->by_key, &t->by_key);
    if (txn_is_server(t)) {
        hash_remove(&s->by_merge, &t->by_merge);
        pool_put(&s->servers, t);
    } else {
        pool_put(&s->clients, t);
    }
}

/* The only place that changes a state. */
static void move(struct sip_stack *s, struct txn *t, enum txn_state to, mono_t now)
{
    if (t->r.state == to)
        return;
    t->r.state = (uint8_t)to;
    enter(s, t, now);
}

void txn_step(struct sip_stack *s, struct txn *t, enum txn_event event, struct txn_step *x)
{
    unsigned i = find_row(t, event);

    if (table[i].row.ignored) {
        s->counts[SIP_N_ABSORBED]++;
        return;
    }
    move(s, t, table[i].row.to, x->now);
    table[i].action(s, t, x); /* after the move: an action may set a state's timer anew */
    if (t->r.state == TXN_TERMINATED)
        txn_free(s, t);
}

/* ---- records ---------------------------------------------------------------- */

#define SERVER_BIT (UINT64_C(1) << 31)

struct txn *txn_new(struct sip_stack *s, enum txn_machine machine, enum sip_method method,
                    mono_t now, const struct sip_addr *peer)
{
    bool server = machine == TXN_IST || machine == TXN_NST;
    struct txn *t = pool_take(server ? &s->servers : &s->clients, NULL);

    if (t == NULL) {
        s->counts[server ? SIP_N_SERVER_FULL : SIP_N_CLIENT_FULL]++;
        return NULL;
    }
    t->r.machine = (uint8_t)machine;
    t->r.method = (uint8_t)method;
    t->r.peer = *peer;
    t->r.state = machine == TXN_ICT   ? TXN_CALLING
                 : machine == TXN_IST ? TXN_PROCEEDING
                                      : TXN_TRYING;
    timer_init(&t->resend, TXN_TIMER_RESEND);
    timer_init(&t->life, TXN_TIMER_LIFE);
    enter(s, t, now);
    return t;
}

void txn_index(struct sip_stack *s, struct txn *t, uint64_t key, uint64_t merge_key)
{
    struct hash_node *old;
    int r;

    t->r.key = key;
    r = hash_put_number(&s->by_key, &t->by_key, key);
    assert(r == 0); /* the caller has looked */
    if (!txn_is_server(t))
        return;
    t->r.merge_key = merge_key;
    old = hash_get_number(&s->by_merge, merge_key);
    if (old != NULL)
        hash_remove(&s->by_merge, old);
    r = hash_put_number(&s->by_merge, &t->by_merge, merge_key);
    assert(r == 0);
    (void)r;
}

#define OWNER_OF(node, member) ((struct txn *)(void *)((char *)(node)-offsetof(struct txn, member)))

static struct txn *touched(struct sip_stack *s, struct txn *t)
{
    pool_touch(txn_is_server(t) ? &s->servers : &s->clients, t);
    return t;
}

struct txn *txn_by_key(struct sip_stack *s, uint64_t key)
{
    struct hash_node *node = hash_get_number(&s->by_key, key);

    return node == NULL ? NULL : touched(s, OWNER_OF(node, by_key));
}

struct txn *txn_by_merge(struct sip_stack *s, uint64_t merge_key)
{
    struct hash_node *node = hash_get_number(&s->by_merge, merge_key);

    return node == NULL ? NULL : touched(s, OWNER_OF(node, by_merge));
}

struct txn *txn_of_timer(struct sip_stack *s, struct timer *timer, enum txn_event *ret_event)
{
    bool life = timer->kind == TXN_TIMER_LIFE;

    *ret_event = life ? TXN_T_LIFE : TXN_T_RESEND;
    return touched(s, life ? OWNER_OF(timer, life) : OWNER_OF(timer, resend));
}

/* An id is generation, server bit and index; never 0, as no generation is. */
uint64_t txn_id(const struct sip_stack *s, const struct txn *t)
{
    handle_t h = pool_handle(txn_is_server(t) ? &s->servers : &s->clients, t);

    return (uint64_t)h.generation << 32 | (txn_is_server(t) ? SERVER_BIT : 0) | h.index;
}

struct txn *txn_by_id(struct sip_stack *s, uint64_t id)
{
    handle_t h = {.index = (uint32_t)(id & (SERVER_BIT - 1)), .generation = (uint32_t)(id >> 32)};

    return id == 0 ? NULL : pool_get((id & SERVER_BIT) != 0 ? &s->servers : &s->clients, h);
}

void txn_acknowledged(struct sip_stack *s, struct txn *t, mono_t now)
{
    t->r.unacknowledged = false;
    timer_cancel(&s->timers, &t->resend);
    arm(s, &t->life, now, s->conf.repeat_1xx_ms);
}

void txn_keep(struct sip_stack *s, struct txn *t, const void *message, size_t len)
{
    struct txn_images *images = &s->images[txn_image_size(len)];

    assert(len > 0 && len <= s->conf.message_max);
    if (t->r.image_len > 0 && txn_image_size(t->r.image_len) != txn_image_size(len))
        txn_drop_image(s, t);
    if (t->r.image_len == 0)
        t->image = images->free_n > 0 ? images->free[--images->free_n] : images->begun++;
    t->r.image_len = (uint16_t)len;
    memcpy(txn_image(s, t), message, len);
}

void txn_send(struct sip_stack *s, const struct txn *t, struct sip_out *out)
{
    struct sip_str image = {txn_image(s, t), t->r.image_len};

    assert(image.len > 0);
    if (sip_out_add(out, &t->r.peer, txn_id(s, t), image) < 0)
        s->counts[SIP_N_OUT_REFUSED]++;
}

bool txn_back_to_udp(struct sip_stack *s, struct txn *t, mono_t now, struct sip_out *out)
{
    size_t at;

    if (txn_is_server(t) || (t->r.state != TXN_CALLING && t->r.state != TXN_TRYING) ||
        !t->r.peer.any_transport || t->r.peer.transport != SIP_TCP)
        return false;
    at = (size_t)(txn_read_image(s, t)->via.transport_text.p - txn_image(s, t));
    memcpy(txn_image(s, t) + at, "UDP", 3);
    t->r.peer.transport = SIP_UDP;
    t->r.peer.any_transport = false; /* once */
    enter(s, t, now);
    txn_send(s, t, out);
    return true;
}
