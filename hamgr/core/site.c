#include "hamgr/core/site.h"

#include <assert.h>
#include <string.h>

struct call {
    struct site *s;
    mono_t now;
    struct ham_out *out;
};

static void run(const struct call *c, enum site_event event);

static bool within(mono_t then, mono_t now, uint32_t ms)
{
    return then.ns != 0 && mono_before(now, mono_add_ms(then, ms));
}

/* Guards: "if ..." */
static bool always(const struct call *c)
{
    (void)c;
    return true;
}
static bool heard_lately(const struct call *c)
{
    return within(c->s->heard, c->now, c->s->silent_ms);
}
static bool report_fresh(const struct call *c)
{
    return within(c->s->arbiter_report, c->now, c->s->silent_ms);
}
static bool arbiter_hears(const struct call *c)
{
    return report_fresh(c) && within(c->s->arbiter_heard, c->now, c->s->silent_ms);
}
static bool nobody_hears(const struct call *c)
{
    const struct site *s = c->s;
    return report_fresh(c) && !within(s->started, c->now, s->dead_ms) &&
           !within(s->heard, c->now, s->dead_ms) && !within(s->arbiter_heard, c->now, s->dead_ms);
}

static void nothing(const struct call *c)
{
    (void)c;
}

static const struct {
    uint8_t from, event, to;
    bool (*guard)(const struct call *);
    void (*action)(const struct call *);
    const char *why;
} rows[] = {
#define ROW(from, event, guard, to, action, why, source)                                           \
    {SITE_##from, SITE_EV_##event, SITE_##to, guard, action, why},
#define IGNORE(from, event, why, source)                                                           \
    {SITE_##from, SITE_EV_##event, SITE_##from, always, nothing, why},
#include "hamgr/core/site.tbl.h"
};

void site_init(struct site *s, const struct ham_conf *c, uint8_t site, mono_t now)
{
    memset(s, 0, sizeof *s);
    s->site = site;
    s->silent_ms = c->silent_after_ms;
    s->dead_ms = c->dead_after_ms;
    s->state = SITE_SILENT;
    s->since = s->started = now;
}

static mono_t latest(mono_t known, mono_t now, uint32_t age_ms)
{
    return age_ms == HAM_AGE_NEVER ? known : mono_max(known, mono_add_ms(now, -(int64_t)age_ms));
}

void site_heard(struct site *s, mono_t now, uint32_t age_ms, struct ham_out *out)
{
    s->heard = latest(s->heard, now, age_ms);
    run(&(struct call){.s = s, .now = now, .out = out}, SITE_EV_HEARD);
}

void site_reported(struct site *s, mono_t now, uint32_t age_ms, struct ham_out *out)
{
    s->arbiter_report = now;
    s->arbiter_heard = latest(s->arbiter_heard, now, age_ms);
    run(&(struct call){.s = s, .now = now, .out = out}, SITE_EV_REPORTED);
}

void site_wake(struct site *s, mono_t now, struct ham_out *out)
{
    if (mono_due(site_deadline(s), now))
        run(&(struct call){.s = s, .now = now, .out = out}, SITE_EV_DUE);
}

/* Only evidence that expires needs a timer; the arbiter's next report brings the rest. */
mono_t site_deadline(const struct site *s)
{
    switch ((enum site_state)s->state) {
    case SITE_UP: return mono_add_ms(s->heard, s->silent_ms);
    case SITE_CUT:
    case SITE_DEAD: return mono_add_ms(s->arbiter_report, s->silent_ms);
    case SITE_SILENT:
    case SITE_STATES: break;
    }
    return MONO_NEVER;
}

bool site_sane(const struct site *s)
{
    return s->state < SITE_STATES && (s->state != SITE_UP || s->heard.ns != 0) &&
           ((s->state != SITE_CUT && s->state != SITE_DEAD) || s->arbiter_report.ns != 0);
}

static void run(const struct call *c, enum site_event event)
{
    struct site *s = c->s;
    for (uint8_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].from != s->state || rows[i].event != event || !rows[i].guard(c))
            continue;
        struct ham_note note = {.machine = MACHINE_SITE,
                                .instance = s->site,
                                .from = rows[i].from,
                                .to = rows[i].to,
                                .reason = REASON_DONE,
                                .why = rows[i].why};
        rows[i].action(c);
        if (s->state != rows[i].to)
            s->since = c->now;
        s->state = rows[i].to;
        ham_out_fired(c->out, i, &note);
        return;
    }
    assert(false && "site: no row for this state and event");
}
