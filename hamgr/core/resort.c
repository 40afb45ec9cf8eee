#include "hamgr/core/resort.h"

#include <assert.h>
#include <string.h>

#define PROBE_GRACE_MS 1000 /* beyond what the probes take: then they are given up */

struct call {
    struct resort *r;
    mono_t now;
    bool may, has_role;
    struct ham_out *out;
};

static void run(const struct call *c, enum resort_event event);

/* Guards: "if ..." */
static bool always(const struct call *c)
{
    (void)c;
    return true;
}
static bool may(const struct call *c)
{
    return c->r->named && c->may;
}
static bool may_not(const struct call *c)
{
    return !may(c);
}
static bool without(const struct call *c)
{
    return !c->has_role;
}

/* Actions */
static void nothing(const struct call *c)
{
    c->r->wake = MONO_NEVER;
}
static void ignored(const struct call *c)
{
    (void)c;
}
static void wait_twice(const struct call *c)
{
    c->r->wake = mono_add_ms(c->now, c->r->twice_ms);
}
static void probe(const struct call *c)
{
    ham_out_add(c->out, ACT_PROBE);
    c->r->wake = mono_add_ms(c->now, c->r->probe_ms + PROBE_GRACE_MS);
}

static const struct {
    uint8_t from, event, to;
    bool (*guard)(const struct call *);
    void (*action)(const struct call *);
    const char *why;
} rows[] = {
#define ROW(from, event, guard, to, action, why, source)                                           \
    {RESORT_##from, RESORT_EV_##event, RESORT_##to, guard, action, why},
#define IGNORE(from, event, why, source)                                                           \
    {RESORT_##from, RESORT_EV_##event, RESORT_##from, always, ignored, why},
#include "hamgr/core/resort.tbl.h"
};

void resort_init(struct resort *r, const struct ham_conf *c)
{
    uint32_t drift_ms = (uint32_t)((uint64_t)c->lease_ttl_ms * c->drift_ppm / 1000000) + 1;

    memset(r, 0, sizeof *r);
    r->site = c->site_of[c->self];
    r->named = c->last_resort == LAST_RESORT_PROBE && c->resort_host[r->site] == c->self;
    r->twice_ms = 2 * (c->lease_ttl_ms + drift_ms + c->margin_ms);
    r->probe_ms = c->probe_ms;
    r->wake = MONO_NEVER;
}

void resort_look(struct resort *r, mono_t now, const struct resort_sight *sight,
                 struct ham_out *out)
{
    struct call c = {
        .r = r, .now = now, .may = sight->may, .has_role = sight->has_role, .out = out};

    if (mono_due(r->wake, now))
        run(&c, RESORT_EV_DUE);
    if (sight->majority)
        run(&c, RESORT_EV_MAJORITY);
    if (sight->rival)
        run(&c, RESORT_EV_RIVAL);
    if (sight->heard)
        run(&c, RESORT_EV_HEARD);
    else if (!sight->has_role)
        run(&c, RESORT_EV_UNHEARD);
}

void resort_probed(struct resort *r, mono_t now, bool references, bool site, struct ham_out *out)
{
    run(&(struct call){.r = r, .now = now, .may = true, .out = out},
        references && !site ? RESORT_EV_NOBODY : RESORT_EV_SOMEBODY);
}

bool resort_serves(const struct resort *r)
{
    return r->state == RESORT_SERVING;
}

mono_t resort_deadline(const struct resort *r)
{
    return r->wake;
}

bool resort_sane(const struct resort *r)
{
    bool timed = r->state == RESORT_WAITING || r->state == RESORT_PROBING;

    return r->state < RESORT_STATES && (r->named || r->state == RESORT_OFF) &&
           timed == !mono_is_never(r->wake);
}

static void run(const struct call *c, enum resort_event event)
{
    struct resort *r = c->r;

    for (uint8_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].from != r->state || rows[i].event != event || !rows[i].guard(c))
            continue;
        struct ham_note note = {.machine = MACHINE_RESORT,
                                .instance = r->site,
                                .from = rows[i].from,
                                .to = rows[i].to,
                                .reason =
                                    rows[i].to == RESORT_SERVING ? REASON_LAST_RESORT : REASON_DONE,
                                .why = rows[i].why};
        rows[i].action(c);
        r->state = rows[i].to;
        ham_out_fired(c->out, i, &note);
        return;
    }
    assert(false && "resort: no row for this state and event");
}
