#include "hamgr/core/supervise.h"

#include <assert.h>
#include <string.h>

struct call {
    struct supervise *s;
    mono_t now;
    struct ham_out *out;
};

static void run(const struct call *c, enum supervise_event event);

static uint32_t failures_within(const struct supervise *s, mono_t now)
{
    uint32_t n = 0;
    for (int i = 0; i < SUPERVISE_FAILURES_MAX; i++)
        if (s->failures[i].ns != 0 && mono_before(now, mono_add_ms(s->failures[i], s->limit_ms)))
            n++;
    return n;
}

/* Guards: "if ..." */
static bool always(const struct call *c)
{
    (void)c;
    return true;
}
static bool crash_loop(const struct call *c)
{
    return failures_within(c->s, c->now) + 1 >= c->s->limit; /* this one included */
}

/* Actions */
static void nothing(const struct call *c)
{
    (void)c;
}
static void count_failure(const struct call *c)
{
    struct supervise *s = c->s;
    if (s->state == SUPERVISE_READY)
        s->away = c->now;
    if (failures_within(s, c->now) == 0)
        s->pause_ms = 0;
    s->failures[s->failure_next] = c->now;
    s->failure_next = (uint8_t)((s->failure_next + 1) % SUPERVISE_FAILURES_MAX);
}
static void start(const struct call *c)
{
    c->s->wake = mono_add_ms(c->now, c->s->start_ms);
    ham_out_add(c->out, ACT_START)->component = c->s->component;
}
static void give_time(const struct call *c)
{
    c->s->wake = mono_add_ms(c->now, c->s->start_ms);
}
static void ready(const struct call *c)
{
    c->s->wake = mono_add_ms(c->now, c->s->beat_ms);
}
static void beat(const struct call *c)
{
    c->s->wake = mono_add_ms(c->now, c->s->beat_ms);
}
static void kill(const struct call *c)
{
    c->s->wake = mono_add_ms(c->now, c->s->beat_ms);
    ham_out_add(c->out, ACT_KILL)->component = c->s->component;
}
static void wait(const struct call *c)
{
    struct supervise *s = c->s;
    count_failure(c);
    s->wake = mono_add_ms(c->now, s->pause_ms);
    s->pause_ms = s->pause_ms == 0 ? s->restart_ms : s->pause_ms * 2;
    if (s->pause_ms > s->restart_most_ms)
        s->pause_ms = s->restart_most_ms;
}
static void give_up(const struct call *c)
{
    count_failure(c);
    memset(c->s->failures, 0, sizeof c->s->failures);
    c->s->wake = mono_add_ms(c->now, c->s->limit_ms);
}

static const struct {
    uint8_t from, event, to;
    bool (*guard)(const struct call *);
    void (*action)(const struct call *);
    const char *why;
} rows[] = {
#define ROW(from, event, guard, to, action, why, source)                                           \
    {SUPERVISE_##from, SUPERVISE_EV_##event, SUPERVISE_##to, guard, action, why},
#define IGNORE(from, event, why, source)                                                           \
    {SUPERVISE_##from, SUPERVISE_EV_##event, SUPERVISE_##from, always, nothing, why},
#include "hamgr/core/supervise.tbl.h"
};

void supervise_init(struct supervise *s, const struct ham_conf *c, uint8_t component, mono_t now)
{
    memset(s, 0, sizeof *s);
    s->component = component;
    s->start_ms = c->start_ms;
    s->beat_ms = c->comp_beat_ms;
    s->patience_ms = c->patience_ms;
    s->restart_ms = c->restart_ms;
    s->restart_most_ms = c->restart_most_ms;
    s->limit = c->start_limit;
    s->limit_ms = c->start_limit_ms;
    s->state = SUPERVISE_DOWN;
    s->away = s->wake = now;
}

void supervise_ready(struct supervise *s, mono_t now, struct ham_out *out)
{
    run(&(struct call){.s = s, .now = now, .out = out}, SUPERVISE_EV_REPORT);
}

void supervise_beat(struct supervise *s, mono_t now, struct ham_out *out)
{
    run(&(struct call){.s = s, .now = now, .out = out}, SUPERVISE_EV_BEAT);
}

void supervise_exited(struct supervise *s, mono_t now, struct ham_out *out)
{
    run(&(struct call){.s = s, .now = now, .out = out}, SUPERVISE_EV_EXITED);
}

void supervise_jumped(struct supervise *s, mono_t now, struct ham_out *out)
{
    run(&(struct call){.s = s, .now = now, .out = out}, SUPERVISE_EV_JUMPED);
}

void supervise_wake(struct supervise *s, mono_t now, struct ham_out *out)
{
    if (mono_due(supervise_deadline(s), now))
        run(&(struct call){.s = s, .now = now, .out = out}, SUPERVISE_EV_DUE);
}

mono_t supervise_deadline(const struct supervise *s)
{
    return s->hold && s->state == SUPERVISE_CRASHED ? MONO_NEVER : s->wake;
}

bool supervise_sane(const struct supervise *s)
{
    return s->state < SUPERVISE_STATES && !mono_is_never(s->wake) &&
           s->pause_ms <= s->restart_most_ms;
}

enum ham_health supervise_health(const struct supervise *s, mono_t now)
{
    switch ((enum supervise_state)s->state) {
    case SUPERVISE_READY: return HEALTH_GOOD;
    case SUPERVISE_DOWN:
    case SUPERVISE_STARTING:
    case SUPERVISE_CRASHED:
        return mono_before(now, mono_add_ms(s->away, s->patience_ms)) ? HEALTH_MENDING : HEALTH_BAD;
    case SUPERVISE_WEDGED:
    case SUPERVISE_FAILED:
    case SUPERVISE_STATES: break;
    }
    return HEALTH_BAD;
}

static void run(const struct call *c, enum supervise_event event)
{
    struct supervise *s = c->s;
    for (uint8_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].from != s->state || rows[i].event != event || !rows[i].guard(c))
            continue;
        struct ham_note note = {.machine = MACHINE_SUPERVISE,
                                .instance = s->component,
                                .from = rows[i].from,
                                .to = rows[i].to,
                                .reason = REASON_DONE,
                                .why = rows[i].why};
        rows[i].action(c);
        s->state = rows[i].to;
        ham_out_fired(c->out, i, &note);
        return;
    }
    assert(false && "supervise: no row for this state and event");
}
