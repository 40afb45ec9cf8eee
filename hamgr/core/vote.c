#include "hamgr/core/vote.h"

#include <assert.h>
#include <string.h>

/* A voter taught by others may have granted epochs that only it and a candidate knew.  A candidate
 * asks its own voter first, so it can be ahead only by attempts that it crashed in: skip more. */
#define LESSON_SKIP 8
#define TTL_MOST_MS UINT32_C(120000)

struct call {
    struct vote *v;
    mono_t now;
    const struct ham_msg *m; /* ASKED, RELEASED */
    uint32_t longest_ms;     /* TAUGHT: what the lesson's ttl was before */
    struct loan_news news;   /* TAUGHT */
    bool taken;              /* LEAVE */
    struct ham_copy copy;    /* RECALL */
    struct ham_out *out;
};

static void run(struct call *c, enum vote_event event);
static enum ham_reason judge(const struct vote *v, const struct ham_msg *m);
static bool renews(const struct vote *v, const struct ham_ask *ask);
static bool lent_away(const struct vote *v, const struct ham_ask *ask);
static mono_t promise_end(const struct vote *v, mono_t now, uint32_t ttl_ms);
static bool same_party(const struct vote *v, uint8_t a, uint8_t b);
static void make_reply(const struct call *c, enum ham_reason reason, struct ham_msg *reply);
static void save(const struct call *c, struct vote_record record, uint32_t promise_ms);
static bool says_new(const struct vote_record *r, const struct ham_ask *ask);
static bool promise_stands(const struct vote *v);

/* Guards: "if ..." */
static bool always(const struct call *c)
{
    (void)c;
    return true;
}
static bool majority_taught(const struct call *c)
{
    return __builtin_popcount(c->v->taught) >= c->v->majority;
}
static bool lesson_longer(const struct call *c)
{
    return c->v->lesson.ttl_ms > c->longest_ms;
}
static bool refusable(const struct call *c)
{
    return judge(c->v, c->m) != REASON_GRANTED;
}
static bool only_probe(const struct call *c)
{
    return c->m->ask.kind == ASK_PROBE;
}
static bool on_record(const struct call *c)
{
    return renews(c->v, &c->m->ask) && c->m->ask.ttl_ms <= c->v->record.ttl_ms &&
           !says_new(&c->v->record, &c->m->ask);
}
static bool renews_meanwhile(const struct call *c)
{
    return promise_stands(c->v) && c->m->ask.kind == ASK_GRANT && renews(c->v, &c->m->ask) &&
           c->m->ask.ttl_ms <= c->v->record.ttl_ms;
}
static bool word_failed(const struct call *c)
{
    return promise_stands(c->v);
}
static bool of_record(const struct call *c)
{
    /* Whoever releases an epoch held it, so every promise of that epoch or a lower one is over. */
    return c->m->release.epoch >= c->v->record.epoch;
}
static bool is_pending(const struct call *c)
{
    const struct vote *v = c->v;
    return c->m->ask.kind == ASK_GRANT && v->promise_ms != 0 &&
           c->m->ask.epoch == v->pending.epoch && c->m->ask.holder == v->pending.holder &&
           c->m->ask.ttl_ms <= v->pending.ttl_ms && !says_new(&v->pending, &c->m->ask);
}
static bool loan_news(const struct call *c)
{
    struct vote_record r;
    bool back;
    return loan_heard(&c->v->pair, &c->v->record, &c->news, &r, &back);
}
static bool borrows(const struct call *c)
{
    return vote_borrowed(c->v) != HAM_NONE;
}
static bool may_lend(const struct call *c)
{
    return c->taken && c->v->pair.self != HAM_NONE && !vote_lent(c->v);
}
static bool lent(const struct call *c)
{
    return vote_lent(c->v);
}
static bool stands(const struct call *c)
{
    return promise_stands(c->v);
}
static bool promises(const struct call *c)
{
    return c->v->promise_ms != 0;
}
static bool was_held(const struct call *c)
{
    return c->v->before == VOTE_HELD;
}
static bool was_learning(const struct call *c)
{
    return c->v->before == VOTE_LEARNING;
}

/* Actions */
static void nothing(const struct call *c)
{
    (void)c;
}
static void refuse(const struct call *c)
{
    struct ham_msg reply;
    make_reply(c, judge(c->v, c->m), &reply);
    ham_out_send(c->out, c->m->from, &reply);
}
static void would_grant(const struct call *c)
{
    struct ham_msg reply;
    make_reply(c, REASON_GRANTED, &reply);
    ham_out_send(c->out, c->m->from, &reply);
}
static void grant(const struct call *c)
{
    c->v->until = promise_end(c->v, c->now, c->m->ask.ttl_ms);
    would_grant(c);
}
static void save_grant(const struct call *c)
{
    struct vote *v = c->v;
    const struct ham_ask *ask = &c->m->ask;
    struct vote_record r = v->record;
#if HAM_MUTATION == 10 /* a new holder's grant forgets what the one before sent alone */
    r.solo = ask->solo;
#endif
    if (says_new(&r, ask))
        r.solo = ask->solo;
    if (says_new(&r, ask) || ask->epoch > r.epoch)
        r.solo_turn = ask->solo_turn;
    r.epoch = ask->epoch;
    if (r.floor < ask->epoch)
        r.floor = ask->epoch;
    if (r.ttl_ms < ask->ttl_ms)
        r.ttl_ms = ask->ttl_ms;
    r.holder = ask->holder;
    make_reply(c, REASON_GRANTED, &v->reply);
    v->reply_to = c->m->from;
    save(c, r, ask->ttl_ms);
}
static void answer_later(const struct call *c)
{
    make_reply(c, REASON_GRANTED, &c->v->reply);
    c->v->reply_to = c->m->from;
}
static void save_release(const struct call *c)
{
    struct vote *v = c->v;
    struct vote_record r = v->record;
    r.epoch = c->m->release.epoch + 1;
    if (r.floor < r.epoch)
        r.floor = r.epoch;
    r.holder = c->m->release.successor;
    r.solo_turn = 0;
    v->reply_to = HAM_NONE;
    save(c, r, r.holder == HAM_NONE ? 0 : r.ttl_ms);
}
static void save_lend(const struct call *c)
{
    struct vote_record r = c->v->record;
    loan_lend(&c->v->pair, &r);
    c->v->reply_to = HAM_NONE;
    save(c, r, 0);
}
static void save_return(const struct call *c)
{
    struct vote_record r = c->v->record;
    loan_return(&c->v->pair, &r);
    c->v->reply_to = HAM_NONE;
    save(c, r, 0);
}
/* Our vote is back: its borrower may have renewed its lease with it a moment ago. */
static void promise_borrower(const struct vote *v, struct vote_record *r)
{
    uint8_t borrower = v->pair.host[1 - v->pair.self];
    if (r->holder == borrower)
        return;
    r->epoch = ++r->floor;
    r->holder = borrower;
    r->solo_turn = 0;
}
/* What the borrower sent alone while it had our vote may be on its own record only, and that is
 * lost: whatever copy there is counts as stale. */
static void doubt_copies(struct vote_record *r, struct ham_copy copy)
{
    struct ham_copy next = {.epoch = copy.epoch, .sequence = copy.sequence + 1};
    struct ham_copy first = {.epoch = r->floor, .sequence = 1};

    if (ham_copy_before(r->solo, next))
        r->solo = next;
    if (ham_copy_before(r->solo, first))
        r->solo = first;
}
static void save_recall(const struct call *c)
{
    struct vote *v = c->v;
    struct vote_record r = v->record;
    r.loan[v->pair.self]++;
    r.floor += LESSON_SKIP; /* epochs in which the borrower led by it alone */
    doubt_copies(&r, c->copy);
    r.holder = HAM_NONE; /* a late word of the borrower is of an epoch that is over */
    promise_borrower(v, &r);
    v->reply_to = HAM_NONE;
    save(c, r, r.ttl_ms);
}
static void save_loans(const struct call *c)
{
    struct vote *v = c->v;
    struct vote_record r;
    bool back;
    (void)loan_heard(&v->pair, &v->record, &c->news, &r, &back);
#if HAM_MUTATION == 12 /* a vote that is back is free at once */
    back = false;
#endif
    if (back)
        promise_borrower(v, &r);
    v->reply_to = HAM_NONE;
    save(c, r, back ? r.ttl_ms : 0);
}
static void wait_longest(const struct call *c)
{
    c->v->until = promise_end(c->v, c->now, c->v->lesson.ttl_ms);
}
static void save_lesson(const struct call *c)
{
    struct vote_record r = c->v->lesson;
    r.floor += LESSON_SKIP;
    if (c->v->pair.self != HAM_NONE) /* what we have forgotten may be that we gave it back */
        loan_return(&c->v->pair, &r);
    c->v->reply_to = HAM_NONE;
    save(c, r, 0);
}
static void promise_anew(const struct call *c)
{
    c->v->until = promise_end(c->v, c->now, c->v->record.ttl_ms);
}
static void adopt(const struct call *c)
{
    c->v->record = c->v->pending;
    c->v->doubt = c->v->loan_doubt = false;
}
static void promise(const struct call *c)
{
    struct vote *v = c->v;
    v->record = v->pending;
    v->doubt = v->loan_doubt = false;
    v->until = promise_end(v, c->now, v->promise_ms);
    v->reply.reply.solo = v->record.solo;
    v->reply.reply.solo_turn = v->record.solo_turn;
    if (v->reply_to != HAM_NONE)
        ham_out_send(c->out, v->reply_to, &v->reply);
}
static void promise_without(const struct call *c)
{
    struct vote *v = c->v;
    v->until = mono_max(v->until, promise_end(v, c->now, v->promise_ms));
    if (v->reply_to != HAM_NONE)
        ham_out_send(c->out, v->reply_to, &v->reply);
}
static void refuse_saved(const struct call *c)
{
    struct vote *v = c->v;
    v->doubt |= v->pending.holder != v->record.holder;
    if (v->record.floor < v->pending.floor)
        v->record.floor = v->pending.floor;
    if (v->reply_to == HAM_NONE)
        return;
    v->reply.reply.reason = REASON_DISK;
    v->reply.reply.epoch = v->record.floor;
    ham_out_send(c->out, v->reply_to, &v->reply);
}

static const struct {
    uint8_t from, event, to;
    bool (*guard)(const struct call *);
    void (*action)(const struct call *);
    const char *why;
} rows[] = {
#define ROW(from, event, guard, to, action, why, source)                                           \
    {VOTE_##from, VOTE_EV_##event, VOTE_##to, guard, action, why},
#define IGNORE(from, event, why, source)                                                           \
    {VOTE_##from, VOTE_EV_##event, VOTE_##from, always, nothing, why},
#include "hamgr/core/vote.tbl.h"
};

void vote_found(struct vote_record *r, uint8_t holder, uint32_t ttl_ms)
{
    *r = (struct vote_record){
        .epoch = 1, .floor = 1, .ttl_ms = ttl_ms, .holder = holder, .known = true};
}

void vote_init(struct vote *v, const struct ham_conf *c, enum ham_right right,
               const struct vote_record *record, mono_t now)
{
    memset(v, 0, sizeof *v);
    v->right = (uint8_t)right;
    v->self = c->self;
    v->voters = ham_voters(c, right, &v->majority);
    v->drift_ppm = c->drift_ppm;
    v->margin_ms = c->margin_ms;
    v->reply_to = HAM_NONE;
    for (uint8_t i = 0; i < HAM_HOSTS_MAX; i++)
        v->party[i] = right == RIGHT_TICKET ? c->site_of[i] : i;
    loan_party_init(&v->pair, c, right);
    v->until = MONO_NEVER;
    v->record = *record;
    if (!record->known) {
        v->state = VOTE_EMPTY;
        v->record.holder = HAM_NONE;
#if HAM_MUTATION == 7 /* an empty store does not abstain */
        v->state = VOTE_FREE;
        v->record = (struct vote_record){.epoch = 1, .floor = 1, .holder = HAM_NONE, .known = true};
#endif
    } else if (record->holder == HAM_NONE) {
        v->state = VOTE_FREE;
    } else {
        v->state = VOTE_HELD;
        v->until = promise_end(v, now, record->ttl_ms);
#if HAM_MUTATION == 2 /* the voter forgets at a restart */
        v->state = VOTE_FREE;
        v->until = MONO_NEVER;
#endif
    }
}

void vote_asked(struct vote *v, mono_t now, const struct ham_msg *m, struct ham_out *out)
{
    run(&(struct call){.v = v, .now = now, .m = m, .out = out}, VOTE_EV_ASKED);
}

void vote_released(struct vote *v, mono_t now, const struct ham_msg *m, struct ham_out *out)
{
    run(&(struct call){.v = v, .now = now, .m = m, .out = out}, VOTE_EV_RELEASED);
}

void vote_taught(struct vote *v, mono_t now, uint8_t from, const struct vote_record *record,
                 bool leaving, struct ham_out *out)
{
    struct call c = {.v = v, .now = now, .longest_ms = v->lesson.ttl_ms, .out = out};
    c.news = (struct loan_news){record, from, leaving, v->borrowing};
    if (!record->known || from == v->self || !(v->voters & (1u << from)))
        return;
    if (v->state == VOTE_EMPTY || v->state == VOTE_LEARNING) {
        struct vote_record *l = &v->lesson;
        v->taught |= 1u << from;
        if (!l->known || record->epoch > l->epoch) {
            l->epoch = record->epoch;
            l->holder = record->holder;
        } else if (record->epoch == l->epoch && record->holder != l->holder) {
            l->holder = HAM_NONE; /* one of the two held it, and we cannot tell which */
        }
        if (!l->known || record->floor > l->floor)
            l->floor = record->floor;
        if (record->ttl_ms > l->ttl_ms)
            l->ttl_ms = record->ttl_ms;
        if (ham_copy_before(l->solo, record->solo)) /* who was granted later may not know of it */
            l->solo = record->solo;
        for (int k = 0; k < 2; k++)
            if (l->loan[k] < record->loan[k])
                l->loan[k] = record->loan[k];
        l->known = true;
    }
    run(&c, VOTE_EV_TAUGHT);
}

void vote_leave(struct vote *v, mono_t now, bool taken, struct ham_out *out)
{
    run(&(struct call){.v = v, .now = now, .taken = taken, .out = out}, VOTE_EV_LEAVE);
}

void vote_recall(struct vote *v, mono_t now, struct ham_copy copy, struct ham_out *out)
{
    run(&(struct call){.v = v, .now = now, .copy = copy, .out = out}, VOTE_EV_RECALL);
}

bool vote_lent(const struct vote *v)
{
#if HAM_MUTATION == 11 /* a vote that is lent is used all the same */
    return v->right == RIGHTS_MAX;
#else
    return v->pair.self != HAM_NONE &&
           loan_is_out(&v->pair, &v->record, v->pair.host[v->pair.self]);
#endif
}

uint8_t vote_borrowed(const struct vote *v)
{
    return loan_borrowed(&v->pair, &v->record);
}

uint8_t vote_may_borrow(const struct vote *v)
{
    return v->loan_doubt ? v->pair.host[1 - v->pair.self] : vote_borrowed(v);
}

void vote_persisted(struct vote *v, mono_t now, uint32_t id, bool ok, struct ham_out *out)
{
    if (v->state == VOTE_SAVING && id != v->persist_id)
        return;
    if (v->state != VOTE_SAVING && id >> 24 != v->right)
        return;
    run(&(struct call){.v = v, .now = now, .out = out}, ok ? VOTE_EV_SAVED : VOTE_EV_SAVE_FAILED);
}

void vote_jumped(struct vote *v, mono_t now, struct ham_out *out)
{
    run(&(struct call){.v = v, .now = now, .out = out}, VOTE_EV_JUMPED);
}

void vote_wake(struct vote *v, mono_t now, struct ham_out *out)
{
    if (mono_due(vote_deadline(v), now))
        run(&(struct call){.v = v, .now = now, .out = out}, VOTE_EV_DUE);
}

mono_t vote_deadline(const struct vote *v)
{
    return v->state == VOTE_HELD || v->state == VOTE_LEARNING ? v->until : MONO_NEVER;
}

bool vote_sane(const struct vote *v)
{
    if (v->state >= VOTE_STATES)
        return false;
    bool speaks = v->state == VOTE_FREE || v->state == VOTE_HELD ||
                  (v->state == VOTE_SAVING && v->before != VOTE_LEARNING);
    if (speaks != v->record.known)
        return false;
    if (speaks && v->record.floor < v->record.epoch)
        return false;
    return v->state != VOTE_HELD ||
           (v->record.holder != HAM_NONE && v->record.epoch > 0 && !mono_is_never(v->until));
}

mono_t vote_held_until(const struct vote *v, uint8_t host)
{
    bool live = v->state == VOTE_HELD || (v->state == VOTE_SAVING && v->before == VOTE_HELD);
    return live && !same_party(v, v->record.holder, host) ? v->until : MONO_ZERO;
}

static void run(struct call *c, enum vote_event event)
{
    struct vote *v = c->v;
    for (uint8_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].from != v->state || rows[i].event != event || !rows[i].guard(c))
            continue;
        struct ham_note note = {.machine = MACHINE_VOTE,
                                .instance = v->right,
                                .from = rows[i].from,
                                .to = rows[i].to,
                                .reason = REASON_DONE,
                                .why = rows[i].why};
        rows[i].action(c);
        v->state = rows[i].to;
        note.epoch = v->record.epoch;
        ham_out_fired(c->out, i, &note);
        return;
    }
    assert(false && "vote: no row for this state and event");
}

/* What M would be answered now. */
static enum ham_reason judge(const struct vote *v, const struct ham_msg *m)
{
    const struct ham_ask *ask = &m->ask;
    const struct vote_record *r = &v->record;

    if (v->state == VOTE_EMPTY || v->state == VOTE_LEARNING)
        return REASON_ABSTAINS;
    if (v->state == VOTE_SAVING)
        return REASON_BUSY;
    if (ask->ttl_ms == 0 || ask->ttl_ms > TTL_MOST_MS || ask->holder != m->from)
        return REASON_RANGE;
    if (!renews(v, ask) && ask->epoch <= r->floor)
#if HAM_MUTATION == 6 /* a late renewal undoes a release */
        return REASON_GRANTED;
#else
        return REASON_STALE;
#endif
    if (lent_away(v, ask))
        return REASON_LENT;
#if HAM_MUTATION != 3 /* grants without waiting */
    if (v->state == VOTE_HELD && !same_party(v, ask->holder, r->holder) && ask->released < r->epoch)
        return REASON_HELD;
#endif
    if (v->right == RIGHT_TICKET && !renews(v, ask) && ham_pos_before(ask->pos, v->pos))
        return REASON_BEHIND;
    return REASON_GRANTED;
}

/* Our own vote is for its borrower alone.  And no host may lead by others' votes while its own, as
 * far as we know, is lent: its store may be older than the loan. */
static bool lent_away(const struct vote *v, const struct ham_ask *ask)
{
#if HAM_MUTATION != 11
    if (vote_lent(v) && ask->holder != v->pair.host[1 - v->pair.self])
        return true;
    return loan_is_out(&v->pair, &v->record, ask->holder) &&
           ask->loan <= loan_number(&v->pair, &v->record, ask->holder);
#else
    return v->right == RIGHTS_MAX && ask == NULL;
#endif
}

static bool renews(const struct vote *v, const struct ham_ask *ask)
{
    return !v->doubt && ask->epoch == v->record.epoch && ask->holder == v->record.holder;
}

/* The holder says something of its backup that is not on record in this epoch. */
static bool says_new(const struct vote_record *r, const struct ham_ask *ask)
{
    return ask->solo_turn != 0 && (ask->epoch > r->epoch || ask->solo_turn > r->solo_turn);
}

/* What is being written changes nothing of the promise. */
static bool promise_stands(const struct vote *v)
{
    return v->before == VOTE_HELD && v->pending.epoch == v->record.epoch &&
           v->pending.holder == v->record.holder && v->pending.ttl_ms == v->record.ttl_ms;
}

static bool same_party(const struct vote *v, uint8_t a, uint8_t b)
{
    return a < HAM_HOSTS_MAX && b < HAM_HOSTS_MAX && v->party[a] == v->party[b];
}

/* Our clock may run fast: promise for longer than we were asked for. */
static mono_t promise_end(const struct vote *v, mono_t now, uint32_t ttl_ms)
{
    uint64_t drift_ms = ((uint64_t)ttl_ms * v->drift_ppm + 999999) / 1000000;
    return mono_add_ms(now, (int64_t)(ttl_ms + drift_ms + v->margin_ms));
}

static void make_reply(const struct call *c, enum ham_reason reason, struct ham_msg *reply)
{
    const struct vote *v = c->v;
    int64_t left = 0;
    if (reason == REASON_HELD && mono_before(c->now, v->until))
        left = mono_diff_ms(v->until, c->now) + 1;
    *reply = (struct ham_msg){.type = HAM_MSG_REPLY, .from = v->self, .right = v->right};
    reply->reply = (struct ham_reply){
        .seq = c->m->ask.seq,
        .epoch = reason == REASON_GRANTED ? c->m->ask.epoch : v->record.floor,
        .left_ms = (uint32_t)left,
        .kind = c->m->ask.kind,
        .reason = (uint8_t)reason,
        .holder = v->record.holder,
        .solo = v->record.solo,
        .solo_turn = v->record.solo_turn,
        .stale = ham_copy_before(c->m->ask.copy, v->record.solo),
    };
}

static void save(const struct call *c, struct vote_record record, uint32_t promise_ms)
{
    struct vote *v = c->v;
    v->before = v->state;
    v->pending = record;
    v->loan_doubt |= loan_borrowed(&v->pair, &record) != HAM_NONE;
    v->promise_ms = promise_ms;
    v->persist_id = (uint32_t)v->right << 24 | ((v->persist_id + 1) & 0xffffff);
    struct ham_act *a = ham_out_add(c->out, ACT_PERSIST);
    a->persist.record = record;
    a->persist.id = v->persist_id;
    a->persist.right = v->right;
}
