#include "sipserver/core/commit.h"

#include <assert.h>

#define ASK_AGAIN_MS 1000 /* longer than an answer takes: one to an earlier request is none */

/* ---- guards and actions ---- */

static bool g_recorded(const struct sc *sc, const void *object)
{
    const struct commit *c = object;

    (void)sc;
    return c->recorded;
}

static bool whole(const struct commit *c)
{
    return c->whole_at != 0 && c->acked >= c->whole_at && c->equal;
}

/* The voters know us as solo, or were asked, or a process before us was: that ends with a backup
 * that has everything. */
static bool g_to_end(const struct sc *sc, const void *object)
{
    const struct commit *c = object;

    (void)sc;
    return whole(c) && (!c->ended || c->recorded || c->asked_sequence != 0);
}

static bool g_not_whole(const struct sc *sc, const void *object)
{
    const struct commit *c = object;

    (void)sc;
    return c->whole_at == 0;
}

static bool g_in_time(const struct sc *sc, const void *object)
{
    const struct commit *c = object;

    (void)sc;
    return mono_before(c->now, mono_add_ms(c->oldest, c->patience_ms));
}

static bool g_well(const struct sc *sc, const void *object)
{
    return whole(object) && g_in_time(sc, object);
}

static void a_follow(struct sc *sc, void *object, const void *argument)
{
    struct commit *c = object;

    (void)sc;
    (void)argument;
    if (c->sequence < c->floor)
        c->sequence = c->floor; /* no copy to come may look like an old one */
    c->begun_at = c->sequence + 1;
    c->whole_at = 0;
    c->equal = c->ended = false;
    c->acts = (c->acts & ~(unsigned)COMMIT_UNFOLLOW) | COMMIT_FOLLOW;
}

static void a_leave(struct sc *sc, void *object, const void *argument)
{
    struct commit *c = object;

    (void)sc;
    (void)argument;
    c->acts = (c->acts & ~(unsigned)COMMIT_FOLLOW) | COMMIT_UNFOLLOW;
    c->equal = false;
}

/* No batch is sent while it is asked for: none gets a number that the answer does not cover. */
static void a_ask(struct sc *sc, void *object, const void *argument)
{
    struct commit *c = object;

    (void)sc;
    (void)argument;
    c->acts |= COMMIT_ASK;
    c->asked = c->now;
    c->asked_sequence = c->sequence + 1;
    c->asks++;
}

static void a_lost(struct sc *sc, void *object, const void *argument)
{
    a_leave(sc, object, argument);
    a_ask(sc, object, argument);
}

static void a_end(struct sc *sc, void *object, const void *argument)
{
    struct commit *c = object;

    (void)sc;
    (void)argument;
    c->acts |= COMMIT_END;
    c->asked_sequence = 0;
    c->ended = true;
}

static void a_release(struct sc *sc, void *object, const void *argument)
{
    struct commit *c = object;

    (void)sc;
    (void)argument;
    c->acts |= COMMIT_RELEASE;
}

static void a_solo(struct sc *sc, void *object, const void *argument)
{
    struct commit *c = object;

    a_leave(sc, object, argument);
    c->acts |= COMMIT_RELEASE | COMMIT_TELL;
    c->solos++;
}

#define g_always NULL
#define a_none   NULL

/* ---- the table ---- */

/* clang-format off */
static const struct fsm_row rows[] = {
#define ROW(from_, event_, guard_, to_, action_, why_, source_) \
    {COMMIT_##from_, COMMIT_EV_##event_, COMMIT_##to_, false, g_##guard_, a_##action_, #guard_, #action_, why_, source_},
#define IGNORE(from_, event_, why_, source_) \
    {COMMIT_##from_, COMMIT_EV_##event_, COMMIT_##from_, true, NULL, NULL, "always", "none", why_, source_},
#include "sipserver/core/commit.tbl.h"
};
static const char *const states[] = {
#define STATE(name, meaning) #name,
#include "sipserver/core/commit.tbl.h"
};
static const char *const events[] = {
#define EVENT(name, meaning) #name,
#include "sipserver/core/commit.tbl.h"
};
/* clang-format on */

const struct fsm commit_fsm = {"commit",      rows,          sizeof(rows) / sizeof(rows[0]),
                               states,        COMMIT_STATES, events,
                               COMMIT_EVENTS, COMMIT_STATES};

static void commit_event(struct commit *c, enum commit_event event)
{
    const struct fsm_row *row = fsm_row(&commit_fsm, c->state, event, NULL, c);

    if (row->ignore)
        return;
    c->state = row->to;
    c->why = row->why;
    if (row->action != NULL)
        row->action(NULL, c, NULL);
}

/* ---- what happens ---- */

void commit_init(struct commit *c)
{
    *c = (struct commit){.state = COMMIT_ALONE, .why = "", .patience_ms = COMMIT_PATIENCE_MS};
}

void commit_primary(struct commit *c, uint64_t epoch)
{
    c->epoch = epoch;
}

void commit_stopped(struct commit *c)
{
    commit_event(c, COMMIT_EV_STOPPED);
    c->asked_sequence = 0;
    c->recorded = false;
}

uint64_t commit_reached(const struct commit *c)
{
    uint64_t n = c->sequence > 0 ? c->sequence : 1;

    if (n < c->floor)
        n = c->floor;
    return n < c->asked_sequence ? c->asked_sequence : n;
}

void commit_join(struct commit *c)
{
    commit_event(c, COMMIT_EV_JOIN);
}

void commit_gone(struct commit *c, mono_t now)
{
    c->now = now;
    commit_event(c, COMMIT_EV_GONE);
}

void commit_full(struct commit *c, mono_t now)
{
    c->now = now;
    commit_event(c, COMMIT_EV_FULL);
}

bool commit_follows(const struct commit *c)
{
    return c->state == COMMIT_COPYING || c->state == COMMIT_HOLDING ||
           c->state == COMMIT_RESTARTING;
}

bool commit_begins(const struct commit *c)
{
    return commit_follows(c) && c->sequence < c->begun_at;
}

void commit_sent(struct commit *c, bool whole)
{
    assert(commit_follows(c));
    c->sequence++;
    if (!whole || c->whole_at != 0)
        return;
    c->whole_at = c->sequence;
    commit_event(c, COMMIT_EV_WHOLE);
}

bool commit_ack(struct commit *c, uint64_t sequence, bool equal)
{
    if ((!commit_follows(c) && c->state != COMMIT_ASKING) || sequence <= c->acked ||
        sequence < c->begun_at || sequence > c->sequence)
        return false;
    c->acked = sequence;
    c->equal = equal;
    return true;
}

void commit_acked(struct commit *c, mono_t now, mono_t oldest)
{
    c->now = now;
    c->oldest = oldest;
    commit_event(c, COMMIT_EV_ACKED);
}

/* An answer to an earlier question is none to the one that is open. */
static bool answers(const struct commit *c, uint64_t solo_sequence)
{
    if (c->state == COMMIT_ASKING || c->state == COMMIT_RESTARTING)
        return c->asked_sequence != 0 && solo_sequence >= c->asked_sequence;
    return true;
}

void commit_order(struct commit *c, mono_t now, uint64_t solo_epoch, uint64_t solo_sequence)
{
    c->now = now;
    c->recorded = solo_epoch == c->epoch && solo_sequence != 0;
    if (c->recorded && c->floor < solo_sequence)
        c->floor = solo_sequence;
    if (!c->recorded)
        commit_event(c, COMMIT_EV_PLAIN);
    else if (answers(c, solo_sequence))
        commit_event(c, COMMIT_EV_GRANTED);
}

void commit_tick(struct commit *c, mono_t now, mono_t oldest)
{
    if (!mono_due(commit_deadline(c, oldest), now))
        return;
    c->now = now;
    commit_event(c, COMMIT_EV_OVERDUE);
}

mono_t commit_deadline(const struct commit *c, mono_t oldest)
{
    switch ((enum commit_state)c->state) {
    case COMMIT_HOLDING:
    case COMMIT_RESTARTING: return mono_add_ms(oldest, c->patience_ms);
    case COMMIT_ASKING: return mono_add_ms(c->asked, ASK_AGAIN_MS);
    case COMMIT_ALONE:
    case COMMIT_COPYING:
    case COMMIT_SOLO:
    case COMMIT_STATES: break;
    }
    return MONO_NEVER;
}

unsigned commit_take(struct commit *c)
{
    unsigned acts = c->acts;

    c->acts = 0;
    return acts;
}

/* ---- looking in ---- */

bool commit_holds(const struct commit *c)
{
    return c->state == COMMIT_HOLDING || c->state == COMMIT_ASKING || c->state == COMMIT_RESTARTING;
}

bool commit_ready(const struct commit *c)
{
    return c->state == COMMIT_HOLDING && whole(c);
}

const char *commit_state_name(const struct commit *c)
{
    return states[c->state];
}
