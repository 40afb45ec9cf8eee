#include "sipserver/core/ring.h"

#include <assert.h>

#include "sipserver/core/agent.h"
#include "sipserver/core/call.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/record.h"
#include "sipserver/core/report.h"

/* The target of C and the phone in R change places. */
static void swap(struct call *c, struct ring *r)
{
    struct ring was = {c->target, c->target_dn, c->agent};

    c->target = r->leg;
    c->target_dn = r->dn;
    c->agent = r->agent;
    *r = was;
}

static struct ring *ring_of(struct call *c, handle_t leg)
{
    for (unsigned i = 0; i < c->rings_n; i++)
        if (handle_equal(c->rings[i].leg, leg))
            return &c->rings[i];
    return NULL;
}

static void remove_ring(struct call *c, struct ring *r)
{
    *r = c->rings[--c->rings_n];
    c->rings[c->rings_n] = (struct ring){HANDLE_NONE, HANDLE_NONE, HANDLE_NONE};
}

/* Offer C to A, too.  False: there is no room for another leg. */
static bool ring_one(struct sc *sc, struct call *c, struct agent *a)
{
    struct dn *d = pool_get(&sc->dns, a->dn);
    struct ring *r = &c->rings[c->rings_n++];
    struct leg_target target;
    struct leg *l;

    *r = (struct ring){HANDLE_NONE, a->dn, pool_handle(&sc->agents, a)};
    swap(c, r);
    agent_offer(sc, a, c);
    l = call_phone_target(sc, d, NULL, &target) ? leg_call(sc, c, &target) : NULL;
    if (l != NULL) {
        c->target = pool_handle(&sc->legs, l);
        report_call(sc, c, SC_CALL_OFFERED, "");
    }
    swap(c, r);
    if (l == NULL) {
        remove_ring(c, r);
        agent_withdrawn(sc, a);
    }
    return l != NULL;
}

void ring_others(struct sc *sc, struct call *c, const struct queue *q)
{
    while (c->state == CALL_OFFERED && c->rings_n + 1u < sc->options.ring_all_max &&
           c->rings_n < CALL_RINGS_MAX && !list_empty(&q->idle)) {
        const struct membership *m = CONTAINER_OF(list_first(&q->idle), struct membership, in_idle);

        pool_touch_place(&sc->agents, m->agent);
        if (!ring_one(sc, c, pool_at(&sc->agents, m->agent)))
            return;
    }
}

bool rings_many(const struct sc *sc, const struct call *c)
{
    (void)sc;
    return c->rings_n > 0;
}

bool ring_has(const struct sc *sc, const struct call *c, const struct agent *a)
{
    if (pool_get(&sc->agents, c->agent) == a)
        return true;
    for (unsigned i = 0; i < c->rings_n; i++)
        if (pool_get(&sc->agents, c->rings[i].agent) == a)
            return true;
    return false;
}

void ring_becomes_target(struct sc *sc, struct call *c, const struct leg *l)
{
    struct ring *r = ring_of(c, pool_handle(&sc->legs, l));

    if (r != NULL)
        swap(c, r);
}

/* The phone in R is out of the call.  Its leg, if it is to end here; NULL when it has ended. */
static void drop(struct sc *sc, struct call *c, struct ring *r, enum rings_end how, unsigned status,
                 bool end_leg, const char *reason)
{
    struct leg *l = pool_get(&sc->legs, r->leg);
    struct agent *a = pool_get(&sc->agents, r->agent);

    swap(c, r);
    record_target_end(sc, c, status);
    swap(c, r);
    remove_ring(c, r);
    if (l != NULL && end_leg) {
        if (how == RINGS_ELSEWHERE)
            sip_answered_elsewhere(sc->sip, l->invite);
        leg_end(sc, l, 0, SIP_STR_NONE);
    }
    if (a == NULL)
        return;
    if (how == RINGS_MISSED)
        agent_no_answer(sc, a, reason);
    else
        agent_withdrawn(sc, a);
}

bool ring_refused(struct sc *sc, struct call *c, const struct leg *l, unsigned status)
{
    struct ring *r = ring_of(c, pool_handle(&sc->legs, l));

    if (r == NULL && (c->rings_n == 0 || pool_get(&sc->legs, c->target) != l))
        return false;
    if (r == NULL) {
        r = &c->rings[0];
        swap(c, r);
    }
    drop(sc, c, r, RINGS_MISSED, status, false, call_why_refused(status));
    return true;
}

bool ring_agent_left(struct sc *sc, struct call *c, struct agent *a, const char *reason)
{
    if (c->rings_n == 0)
        return false;
    if (pool_get(&sc->agents, c->agent) == a)
        swap(c, &c->rings[0]);
    for (unsigned i = 0; i < c->rings_n; i++) {
        if (pool_get(&sc->agents, c->rings[i].agent) != a)
            continue;
        drop(sc, c, &c->rings[i], RINGS_MISSED, 0, true, reason);
        return true;
    }
    return false;
}

void rings_end(struct sc *sc, struct call *c, enum rings_end how, const char *reason)
{
    while (c->rings_n > 0)
        drop(sc, c, &c->rings[c->rings_n - 1], how, how == RINGS_MISSED ? 408 : 0, true, reason);
}
