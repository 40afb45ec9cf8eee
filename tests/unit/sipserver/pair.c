#include "tests/unit/sipserver/pair.h"

#include <stdio.h>
#include <stdlib.h>

#include "sipserver/core/replica.h"

#define BUF_SIZE  (SC_REPLICA_OBJECT_MAX * 64)
#define TICKS     32 /* that count as one step of another kind */
#define ELSEWHERE 7 /* DNs that the backup has had before */

struct pair {
    struct sc *backup;
    void *memory; /* of the core that kit_free does not know */
    struct sc_out out;
    char *bytes;
    unsigned takeover, steps;
    bool primary, lost; /* as the kit's core was told */
    bool alone;
};

struct pair *pair_new(const struct kit *k, unsigned takeover)
{
    struct pair *p = calloc(1, sizeof(*p));

    p->takeover = takeover;
    p->memory = calloc(1, sc_size(&k->conf));
    p->backup = sc_init(p->memory, &k->conf, 43, k->now);
    p->bytes = malloc(BUF_SIZE);
    p->out.max = 256;
    p->out.actions = calloc(p->out.max, sizeof(*p->out.actions));
    sip_out_init(&p->out.sip, calloc(128, sizeof(struct sip_dgram)), 128, malloc(1 << 20), 1 << 20);
    return p;
}

void pair_free(struct pair *p)
{
    free(p->out.actions);
    free(p->out.sip.items);
    free(p->out.sip.arena);
    free(p->bytes);
    free(p->memory);
    free(p);
}

static void step(struct pair *p, struct sc *sc, mono_t now, const struct sc_event *event)
{
    bool done;

    do {
        done = sc_step(sc, now, event, &p->out);
        cr_assert(event->kind == SC_EV_ROLE || p->out.sip.n == 0, "a backup sends");
        sip_out_clear(&p->out.sip);
        p->out.n = 0;
        cr_assert(sc_sane(sc));
    } while (!done);
}

/* DNs that come and go, so that the others are in other places. */
static void elsewhere(struct pair *p, const struct kit *k, bool gone)
{
    for (unsigned i = 0; i < ELSEWHERE; i++) {
        struct sc_dn_conf dn = {.type = i % 2 == 0 ? SC_DN_QUEUE : SC_DN_TRUNK};
        struct sc_event e = {.kind = SC_EV_CONF_DN, .dn = &dn, .deleted = gone};

        snprintf(dn.number, sizeof(dn.number), "elsewhere%u", i);
        snprintf(dn.contact, sizeof(dn.contact), "sip:10.9.9.9:5060");
        step(p, p->backup, k->now, &e);
    }
}

void pair_before(struct pair *p, struct kit *k, const struct sc_event *event)
{
    switch ((int)event->kind) {
    case SC_EV_CONF_BEGIN:
        step(p, p->backup, k->now, event);
        elsewhere(p, k, false);
        break;
    case SC_EV_CONF_LOADED:
        elsewhere(p, k, true);
        step(p, p->backup, k->now, event);
        break;
    case SC_EV_CONF_OPTIONS:
    case SC_EV_CONF_DN:
    case SC_EV_RESOLVED:
    case SC_EV_CONF_RULE:
    case SC_EV_CONF_AGENT: step(p, p->backup, k->now, event); break;
    case SC_EV_ROLE: p->lost = p->primary && !event->primary; break;
    default: break;
    }
}

static void hand_on(struct pair *p, struct sc_replica_buf *b)
{
    cr_assert_eq(sc_replica_apply(p->backup, b->p, b->len), 0);
    b->len = 0;
}

static void same(struct pair *p, struct kit *k)
{
    struct sc_replica_status a, b;

    sc_replica_status(k->sc, &a);
    sc_replica_status(p->backup, &b);
    cr_assert_eq(a.objects, b.objects, "%lu objects here, %lu in the copy", a.objects, b.objects);
    cr_assert_eq(a.digest, b.digest);
    cr_assert(sc_replica_sane(k->sc), "something has changed that was not shipped");
    cr_assert(sc_replica_sane(p->backup), "the copy is not what was shipped");
}

static void follow(struct pair *p, struct kit *k)
{
    struct sc_replica_buf b = {p->bytes, BUF_SIZE, 0, 0};

    sc_replica_follow(k->sc, true);
    while (!sc_replica_slice(k->sc, &b, 37))
        hand_on(p, &b);
    hand_on(p, &b);
    same(p, k);
}

static void changes(struct pair *p, struct kit *k)
{
    struct sc_replica_buf b = {p->bytes, BUF_SIZE, 0, 0};

    while (!sc_replica_changes(k->sc, &b))
        hand_on(p, &b);
    hand_on(p, &b);
    same(p, k);
}

/* The primary is lost; it comes back as backup, and joins. */
static void take_over(struct pair *p, struct kit *k)
{
    struct sc *old = k->sc;
    struct sc_event e = {.kind = SC_EV_ROLE,
                         .primary = true,
                         .epoch = ++k->epoch,
                         .wall_ms = INT64_C(1800000000000) + k->now.ns / MONO_NS_PER_MS};

    k->sc = p->backup;
    p->backup = old;
    kit_step_alone(k, &e);
    cr_assert(sc_sane(k->sc), "the core's invariants are broken after a takeover");
    e.primary = false;
    step(p, old, k->now, &e);
    sc_replica_clear(old);
    follow(p, k);
}

void pair_after(struct pair *p, struct kit *k, const struct sc_event *event)
{
    bool was = p->primary;

    if (event->kind == SC_EV_ROLE)
        p->primary = event->primary;
    if (p->lost)
        sc_replica_clear(p->backup);
    p->lost = false;
    if (!p->primary)
        return;
    if (!was)
        follow(p, k);
    changes(p, k);
    p->steps += event->kind == SC_EV_TICK ? 1 : TICKS;
    if (p->alone || event->kind == SC_EV_ROLE || p->steps < p->takeover * TICKS)
        return;
    p->steps = 0;
    take_over(p, k);
}

uint64_t pair_counter(const struct pair *p, const char *name)
{
    return p->alone ? 0 : kit_counter_of(p->backup, name);
}

void pair_alone(struct pair *p)
{
    p->alone = true;
}
