#include "hamgr/core/lease.h"

#include <assert.h>
#include <string.h>

#define EPOCH_FOUNDED 1 /* vote_found: nobody has held it yet */

struct call {
    struct lease *l;
    mono_t now;
    const struct ham_msg *m; /* REPLY, RELEASED */
    mono_t stop_by;          /* YIELD */
    uint8_t successor;
    bool automatic;
    struct ham_copy solo; /* SAY */
    struct ham_out *out;
};

static void run(const struct call *c, enum lease_event event);
static void begin_attempt(struct lease *l);
static void ask(const struct call *c, enum ham_ask_kind kind, uint32_t mask);
static mono_t supported(const struct lease *l);
static uint64_t next_epoch(const struct lease *l);
static uint32_t pause_ms(struct lease *l);
static void forget(struct lease *l);
static bool by_pair(const struct lease *l, uint32_t mask);
static bool enough(const struct lease *l, uint32_t mask);
static uint32_t with_lent(const struct lease *l, uint32_t mask);

/* Guards: "if ..." */
static bool always(const struct call *c)
{
    (void)c;
    return true;
}
static bool may_take(const struct call *c)
{
    return c->l->may_take;
}
static bool may_not_take(const struct call *c)
{
    return !c->l->may_take;
}
static bool held_by_other(const struct call *c)
{
    return mono_before(c->now, c->l->held_until);
}
static bool pause_first(const struct call *c)
{
    return !c->l->paused;
}
static bool majority_would(const struct call *c)
{
    return enough(c->l, c->l->would);
}
static bool better_copy_there(const struct call *c)
{
    const struct lease *l = c->l;
    return majority_would(c) && l->stale && !l->stepped_back &&
           !ham_copy_before(l->other_copy, l->lacks);
}
/* The other host has served, or followed, in a later epoch than our copy is of. */
static bool newer_copy_there(const struct call *c)
{
    const struct lease *l = c->l;
    return majority_would(c) && l->copies && !l->stepped_back &&
           l->copy.epoch < l->other_copy.epoch;
}
/* Somebody has held it since the deployment was founded, and we have nothing of that. */
static bool copy_may_be_there(const struct call *c)
{
    const struct lease *l = c->l;
    return majority_would(c) && l->copies && !l->stepped_back && l->copy.epoch == 0 &&
           !l->other_heard && l->known > EPOCH_FOUNDED;
}
static bool majority_granted(const struct call *c)
{
    return enough(c->l, c->l->granted) && mono_before(c->now, supported(c->l));
}
static bool own_vote_came(const struct call *c)
{
    return !c->l->others_asked && (c->l->granted & 1u << c->l->self);
}
static bool hopeless(const struct call *c)
{
    const struct lease *l = c->l;
    return __builtin_popcount(l->refused & ~l->lent) > __builtin_popcount(l->voters) - l->majority;
}

static bool free_soon(const struct call *c)
{
    return c->m->reply.reason == REASON_HELD &&
           mono_before(mono_add_ms(c->now, c->m->reply.left_ms), c->l->wake);
}

/* Actions */
static void nothing(const struct call *c)
{
    (void)c;
}
static void wait(const struct call *c)
{
    c->l->paused = false;
    c->l->wake = mono_add_ms(c->now, c->l->renew_ms);
}
static void wait_held(const struct call *c)
{
    c->l->paused = c->l->stepped_back = false;
    c->l->wake = c->l->held_until;
}
static void back_off(const struct call *c)
{
    c->l->paused = true;
    c->l->wake = mono_add_ms(c->now, pause_ms(c->l) + c->l->delay_ms);
}
static void probe(const struct call *c)
{
    begin_attempt(c->l);
    c->l->target = next_epoch(c->l);
    ask(c, ASK_PROBE, c->l->voters);
    c->l->wake = mono_add_ms(c->now, c->l->ask_ms);
}
static void shorten(const struct call *c)
{
    c->l->wake = mono_add_ms(c->now, c->m->reply.left_ms);
    c->l->left_ms = 0; /* when we wake */
}
static void ask_self(const struct call *c)
{
    begin_attempt(c->l);
    ask(c, ASK_GRANT, 1u << c->l->self);
    c->l->wake = mono_add_ms(c->now, c->l->ask_ms);
}
static void ask_others(const struct call *c)
{
    c->l->others_asked = true;
    ask(c, ASK_GRANT, c->l->voters & ~(1u << c->l->self));
    c->l->wake = mono_add_ms(c->now, c->l->ask_ms);
}
/* A release that comes late may find that the epoch after it has been ours already, and is over. */
static void succeed(const struct call *c)
{
    struct lease *l = c->l;

    l->released = c->m->release.epoch;
    if (l->seen < l->released)
        l->seen = l->released;
    l->target = (l->known > l->seen ? l->known : l->seen) + 1;
    ask_self(c);
}
static void step_back(const struct call *c)
{
    c->l->stepped_back = c->l->paused = true;
    forget(c->l);
    c->l->wake = mono_add_ms(c->now, c->l->ttl_ms + c->l->delay_ms);
}
static void retry_later(const struct call *c)
{
    struct lease *l = c->l;
    uint32_t ms = l->renew_ms;
    if (l->last_reason == REASON_STALE || l->last_reason == REASON_BUSY)
        ms = 0;
    else if (l->last_reason == REASON_HELD)
        ms = l->left_ms < l->ttl_ms ? l->left_ms : l->ttl_ms;
    forget(l);
    l->paused = true;
    l->wake = mono_add_ms(c->now, ms + pause_ms(l) + l->delay_ms);
}
static void take(const struct call *c)
{
    struct lease *l = c->l;
    l->epoch = l->since = l->target;
    l->deadline = supported(l);
    l->stepped_back = false;
    l->stale |= ham_copy_before(l->copy, l->lacks); /* it may have been lost since we asked */
    l->wake = mono_add_ms(c->now, l->renew_ms);
}
static void renew(const struct call *c)
{
    struct lease *l = c->l;
    if (l->seen > l->target) { /* a voter got ahead of us: go on in a higher epoch */
        l->target = l->seen + 1;
        l->granted = 0;
    }
    ask(c, ASK_GRANT, l->voters);
    l->wake = mono_add_ms(c->now, l->renew_ms);
}
static void say(const struct call *c)
{
    c->l->solo = c->solo;
    c->l->solo_turn++;
    c->l->recorded = 0;
    renew(c);
}
static void extend(const struct call *c)
{
    struct lease *l = c->l;
    l->deadline = mono_max(l->deadline, supported(l));
    /* With our own voter's record: a later candidacy of ours must not take that epoch again. */
    if (enough(l, l->granted) && (l->granted & 1u << l->self))
        l->epoch = l->target;
}
static void lose(const struct call *c)
{
    forget(c->l);
    back_off(c);
}
static void stop_first(const struct call *c)
{
    c->l->stop_by = c->stop_by;
    c->l->successor = c->successor;
    c->l->automatic = c->automatic;
    c->l->wake = MONO_NEVER;
}
static void release(const struct call *c)
{
    struct lease *l = c->l;
    struct ham_msg m = {.type = HAM_MSG_RELEASE, .from = l->self, .right = l->right};
    m.release = (struct ham_release){
        .epoch = l->target, .successor = l->successor, .automatic = l->automatic};
    for (uint8_t i = 0; i < l->hosts; i++)
        if (l->voters & 1u << i)
            ham_out_send(c->out, i, &m);
    forget(l);
    l->paused = false;
    l->wake = mono_add_ms(c->now, l->ttl_ms); /* the successor first */
}

static const struct {
    uint8_t from, event, to;
    bool (*guard)(const struct call *);
    void (*action)(const struct call *);
    const char *why;
} rows[] = {
#define ROW(from, event, guard, to, action, why, source)                                           \
    {LEASE_##from, LEASE_EV_##event, LEASE_##to, guard, action, why},
#define IGNORE(from, event, why, source)                                                           \
    {LEASE_##from, LEASE_EV_##event, LEASE_##from, always, nothing, why},
#include "hamgr/core/lease.tbl.h"
};

void lease_init(struct lease *l, const struct ham_conf *c, enum ham_right right, uint64_t seed,
                mono_t now)
{
    memset(l, 0, sizeof *l);
    l->right = (uint8_t)right;
    l->self = c->self;
    l->hosts = c->hosts;
    l->voters = ham_voters(c, right, &l->majority);
    for (uint8_t i = 0; right == RIGHT_TICKET && i < c->hosts; i++)
        l->pair |= c->site_of[i] == c->site_of[c->self] ? 1u << i : 0;
    if (right != RIGHT_TICKET)
        l->pair = 1u << c->self;
    l->ttl_ms = right == RIGHT_TICKET ? c->ticket_ttl_ms : c->lease_ttl_ms;
    l->renew_ms = right == RIGHT_TICKET ? c->ticket_renew_ms : c->renew_ms;
    l->ask_ms = c->ask_ms;
    l->backoff_ms = c->backoff_ms;
    l->drift_ppm = c->drift_ppm;
    l->margin_ms = c->margin_ms;
    l->state = LEASE_IDLE;
    l->successor = HAM_NONE;
    l->wake = now;
    prng_init(&l->rng, seed ^ ((uint64_t)right << 56));
    l->seq = prng_next(&l->rng) >> 16; /* answers to an earlier life do not match */
}

void lease_wake(struct lease *l, mono_t now, struct ham_out *out)
{
    struct call c = {.l = l, .now = now, .out = out};
    if ((l->state == LEASE_HOLDING && mono_due(l->deadline, now)) ||
        (l->state == LEASE_YIELDING && mono_due(l->stop_by, now))) {
#if HAM_MUTATION == 4 /* the holder ignores its deadline after a thaw */
        if (l->state == LEASE_HOLDING)
            l->deadline = mono_add_ms(now, l->ttl_ms);
        else
#endif
            run(&c, LEASE_EV_ENDED);
    }
    if (mono_due(l->wake, now))
        run(&c, LEASE_EV_DUE);
}

void lease_replied(struct lease *l, mono_t now, const struct ham_msg *m, struct ham_out *out)
{
    const struct ham_reply *r = &m->reply;
    uint32_t bit = 1u << m->from;
    enum ham_ask_kind expected = l->state == LEASE_PROBING ? ASK_PROBE : ASK_GRANT;
    int i = (int)(r->seq % LEASE_ASKS);
    bool candidate = l->state == LEASE_PROBING || l->state == LEASE_ASKING;

    if (!(l->voters & bit) || r->seq == 0 || l->asks[i].seq != r->seq || r->kind != expected)
        return; /* too late, twice, or not of this life */
    if (candidate) {
        l->stale |= r->stale;
        if (ham_copy_before(l->lacks, r->solo))
            l->lacks = r->solo;
    }
    if (r->reason != REASON_GRANTED) {
        l->refused |= bit;
        l->last_reason = r->reason;
        if (r->reason == REASON_HELD && r->left_ms < l->left_ms)
            l->left_ms = r->left_ms;
        if (r->epoch > l->seen)
            l->seen = r->epoch;
    } else if (r->kind == ASK_PROBE) {
        l->would |= bit;
    } else {
#if HAM_MUTATION == 1 /* counts from the receipt, not from the asking */
        l->base[m->from] = now;
#else
        l->base[m->from] = mono_max(l->base[m->from], l->asks[i].at);
#endif
        if (r->epoch == l->target)
            l->granted |= bit;
#if HAM_MUTATION == 9 /* any renewal counts as if the last word were on record */
        if (l->solo_turn != 0)
#else
        if (l->solo_turn != 0 && r->solo_turn == l->solo_turn)
#endif
            l->recorded |= bit;
    }
    run(&(struct call){.l = l, .now = now, .m = m, .out = out}, LEASE_EV_REPLY);
}

void lease_released(struct lease *l, mono_t now, const struct ham_msg *m, struct ham_out *out)
{
    run(&(struct call){.l = l, .now = now, .m = m, .out = out}, LEASE_EV_RELEASED);
}

void lease_yield(struct lease *l, mono_t now, uint8_t successor, bool automatic, mono_t stop_by,
                 struct ham_out *out)
{
    struct call c = {.l = l,
                     .now = now,
                     .stop_by = stop_by,
                     .successor = successor,
                     .automatic = automatic,
                     .out = out};
    run(&c, LEASE_EV_YIELD);
#if HAM_MUTATION == 5 /* releases before the output has stopped */
    if (l->state == LEASE_YIELDING)
        run(&c, LEASE_EV_STOPPED);
#endif
}

void lease_stopped(struct lease *l, mono_t now, struct ham_out *out)
{
    run(&(struct call){.l = l, .now = now, .out = out}, LEASE_EV_STOPPED);
}

void lease_drop(struct lease *l, mono_t now, struct ham_out *out)
{
    run(&(struct call){.l = l, .now = now, .out = out}, LEASE_EV_DROP);
}

void lease_say(struct lease *l, mono_t now, struct ham_copy solo, struct ham_out *out)
{
    run(&(struct call){.l = l, .now = now, .solo = solo, .out = out}, LEASE_EV_SAY);
}

bool lease_alone(const struct lease *l)
{
#if HAM_MUTATION == 8 /* our own vote is enough to send alone */
    return l->state == LEASE_HOLDING && l->solo.sequence != 0 && l->recorded != 0;
#else
    return l->state == LEASE_HOLDING && l->solo.sequence != 0 && enough(l, l->recorded);
#endif
}

bool lease_own_record(const struct lease *l)
{
    uint32_t self = 1u << l->self;
    return l->state == LEASE_HOLDING && (l->granted & self) &&
           (l->solo_turn == 0 || (l->recorded & self));
}

bool lease_holds(const struct lease *l, mono_t now)
{
    return l->state == LEASE_HOLDING && mono_before(now, l->deadline);
}

bool lease_by_majority(const struct lease *l)
{
    return l->state == LEASE_HOLDING && __builtin_popcount(with_lent(l, l->granted)) >= l->majority;
}

mono_t lease_deadline(const struct lease *l)
{
    if (l->state == LEASE_HOLDING)
        return mono_min(l->wake, l->deadline);
    if (l->state == LEASE_YIELDING)
        return l->stop_by;
    return l->wake;
}

bool lease_sane(const struct lease *l)
{
    if (l->state >= LEASE_STATES ||
        ((l->would | l->granted | l->refused | l->recorded) & ~l->voters) ||
        (l->state != LEASE_HOLDING && l->state != LEASE_YIELDING && l->solo_turn != 0))
        return false;
    if (l->state == LEASE_HOLDING || l->state == LEASE_YIELDING)
        return l->epoch > 0 && l->epoch <= l->target && !mono_is_never(l->deadline);
    return !mono_is_never(l->wake);
}

mono_t lease_end(uint32_t ttl_ms, uint32_t drift_ppm, uint32_t margin_ms, mono_t asked)
{
#if HAM_MUTATION == 1
    (void)drift_ppm;
    (void)margin_ms;
    return mono_add_ms(asked, ttl_ms);
#else
    uint64_t drift_ms = ((uint64_t)ttl_ms * drift_ppm + 999999) / 1000000;
    return mono_add_ms(asked, (int64_t)ttl_ms - (int64_t)drift_ms - (int64_t)margin_ms);
#endif
}

static void run(const struct call *c, enum lease_event event)
{
    struct lease *l = c->l;
    for (uint8_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].from != l->state || rows[i].event != event || !rows[i].guard(c))
            continue;
        struct ham_note note = {.machine = MACHINE_LEASE,
                                .instance = l->right,
                                .from = rows[i].from,
                                .to = rows[i].to,
                                .reason = l->last_reason,
                                .why = rows[i].why};
        rows[i].action(c);
        l->state = rows[i].to;
        note.epoch = l->state == LEASE_PROBING || l->state == LEASE_ASKING ? l->target : l->epoch;
        ham_out_fired(c->out, i, &note);
        return;
    }
    assert(false && "lease: no row for this state and event");
}

static void begin_attempt(struct lease *l)
{
    forget(l);
    l->others_asked = false;
    l->paused = false;
    l->left_ms = UINT32_MAX;
    l->last_reason = REASON_DONE;
    l->stale = false;
    l->lacks = (struct ham_copy){0};
}

/* Answers to what was asked before count no more. */
static void forget(struct lease *l)
{
    memset(l->asks, 0, sizeof l->asks);
    memset(l->base, 0, sizeof l->base);
    l->would = l->granted = l->refused = l->recorded = 0;
    l->solo = (struct ham_copy){0};
    l->solo_turn = 0;
}

static void ask(const struct call *c, enum ham_ask_kind kind, uint32_t mask)
{
    struct lease *l = c->l;
    struct ham_msg m = {.type = HAM_MSG_ASK, .from = l->self, .right = l->right};
    l->seq++;
    l->asks[l->seq % LEASE_ASKS].seq = l->seq;
    l->asks[l->seq % LEASE_ASKS].at = c->now;
    m.ask = (struct ham_ask){.epoch = l->target,
                             .seq = l->seq,
                             .released = l->released,
                             .pos = l->pos,
                             .copy = l->copy,
                             .solo = l->solo,
                             .solo_turn = l->solo_turn,
                             .loan = l->loan,
                             .ttl_ms = l->ttl_ms,
                             .kind = (uint8_t)kind,
                             .holder = l->self};
    for (uint8_t i = 0; i < l->hosts; i++)
        if (mask & 1u << i)
            ham_out_send(c->out, i, &m);
}

/* The moment until which a majority of the voters supports us: each voter's promise counts from
 * when we asked it, so the majority-th latest asking decides. */
static mono_t supported(const struct lease *l)
{
    mono_t least = MONO_NEVER, sorted[HAM_HOSTS_MAX];
    int n = 0;
    for (uint8_t v = 0; v < l->hosts; v++) {
        mono_t base = l->base[l->lent & 1u << v ? l->self : v];
        if (!(l->voters & 1u << v) || base.ns == 0)
            continue;
        int i = n++;
        for (; i > 0 && mono_before(sorted[i - 1], base); i--)
            sorted[i] = sorted[i - 1];
        sorted[i] = base;
    }
    for (uint8_t v = 0; v < l->hosts; v++)
        if (l->pair & 1u << v)
            least = mono_min(least, l->base[v]);
    mono_t asked = n < l->majority ? MONO_ZERO : sorted[l->majority - 1];
    if (by_pair(l, l->pair) && least.ns != 0)
        asked = mono_max(asked, least);
    return asked.ns == 0 ? MONO_ZERO : lease_end(l->ttl_ms, l->drift_ppm, l->margin_ms, asked);
}

/* All votes of our pair, at an operator's word.  A majority of the voters has one of them, so
 * nobody holds the right by majority meanwhile; that the other pair is not told the same is the
 * operator's to know. */
static bool by_pair(const struct lease *l, uint32_t mask)
{
    return l->forced && l->pair != 0 && (mask & l->pair) == l->pair;
}

/* A vote that is lent to us says what our own voter says, and nothing else: after a restart that
 * one stands for both, and from it the lender hears, when it is back, of the epochs and words. */
static uint32_t with_lent(const struct lease *l, uint32_t mask)
{
    mask &= ~l->loaned;
    return mask & 1u << l->self ? mask | l->lent : mask;
}

static bool enough(const struct lease *l, uint32_t mask)
{
    return __builtin_popcount(with_lent(l, mask)) >= l->majority || by_pair(l, mask);
}

/* A new epoch for each time that it is taken, so that one epoch has one holder; an attempt that
 * failed is tried again in the epoch that our own voter gave it. */
static uint64_t next_epoch(const struct lease *l)
{
    uint64_t highest = l->known > l->seen ? l->known : l->seen;
    bool again = l->own != 0 && l->own == l->target && l->own > l->epoch && l->own > l->seen;
    return again ? l->own : highest + 1;
}

static uint32_t pause_ms(struct lease *l)
{
    return (uint32_t)prng_below(&l->rng, (uint64_t)l->backoff_ms + 1);
}
