/* desktop - what agents ask of their calls at their desktops, at any moment: each request gets its
 * one reply in the end.  Most of it makes sense where the agent's phone stands; the rest is
 * refused. */
#include <stdio.h>
#include <string.h>

#include "sipserver/core/state.h"
#include "tests/sim/calls/world.h"

/* The calls at the phone of the agent ID, as its desktop shows them: how many, how many held. */
static unsigned calls_of(const struct site *s, const char *id, unsigned *ret_held, bool *ret_rings)
{
    const struct sc *sc = s->now->sc;
    unsigned n = 0;

    *ret_held = 0;
    *ret_rings = false;
    for (const struct agent *a = pool_next(&sc->agents, NULL); a != NULL;
         a = pool_next(&sc->agents, a)) {
        const struct dn *d = strcmp(a->id, id) == 0 ? pool_peek(&sc->dns, a->dn) : NULL;

        for (unsigned i = 0; d != NULL && i < SC_LINES_MAX; i++) {
            const struct leg *l = pool_peek(&sc->legs, d->lines[i]);

            if (l == NULL || !l->counted)
                continue;
            n++;
            *ret_held += l->held;
            *ret_rings |= !l->is_caller && l->state == LEG_CALLING;
        }
    }
    return n;
}

static enum sc_agent_op operation(struct world *w, const struct site *s, const char *id)
{
    static const enum sc_agent_op ringing[] = {SC_ANSWER, SC_ANSWER, SC_RELEASE, SC_GET_DATA},
                                  talking[] = {SC_HOLD,    SC_CONSULT,  SC_CONSULT, SC_TRANSFER,
                                               SC_RELEASE, SC_SET_DATA, SC_HOLD,    SC_TRANSFER},
                                  held[] = {SC_RETRIEVE, SC_CONSULT, SC_TRANSFER, SC_RETRIEVE},
                                  two[] = {SC_COMPLETE, SC_ALTERNATE, SC_RETURN, SC_COMPLETE};
    struct prng *r = &w->desktops;
    unsigned held_n, n;
    bool rings;

    n = calls_of(s, id, &held_n, &rings);
    if (chance(r, 25))
        return (enum sc_agent_op)prng_between(r, SC_DIAL, SC_AGENT_OPS - 1);
    if (n == 0)
        return SC_DIAL;
    if (rings)
        return ringing[prng_below(r, 4)];
    return n > 1        ? two[prng_below(r, 4)]
           : held_n > 0 ? held[prng_below(r, 4)]
                        : talking[prng_below(r, 8)];
}

static void ask(struct world *w, struct site *s, const struct agent_desk *d)
{
    static const char *const services[] = {"5000", "5001", "6000", "9123", "8123", "77"};
    struct prng *r = &w->desktops;
    struct sc_agent_request request = {.request_id = ++w->operation, .client = DESKTOP_CLIENT};
    struct sc_event e = {.kind = SC_EV_AGENT_REQUEST, .agent = &request};
    char what[80];

    request.op = operation(w, s, d->id);
    snprintf(request.agent, sizeof(request.agent), "%s", d->id);
    if (chance(r, 30))
        snprintf(request.number, sizeof(request.number), "%s", services[prng_below(r, 6)]);
    else
        snprintf(request.number, sizeof(request.number), "%u%02u",
                 1 + (unsigned)prng_below(r, SITES), 1 + (unsigned)prng_below(r, PHONES));
    if (chance(r, 40))
        snprintf(request.data, sizeof(request.data), "n=%u", (unsigned)prng_below(r, 7));
    snprintf(what, sizeof(what), "%u %s", (unsigned)request.op, request.number);
    trace_event(w, d->id, "asks for operation", what);
    w->tally[T_DESKTOPS]++;
    check_operation(w, s, request.request_id);
    site_step(w, s, &e);
}

void desktop_act(struct world *w, struct agent_desk *d)
{
    struct site *s = &w->site[(unsigned)(d - w->desk) / PHONES];

    d->ask = w->calm ? MONO_NEVER : world_soon(w, &w->desktops, 500, w->plan.slow ? 60000 : 9000);
    if (!w->calm && s->now != NULL && s->now->primary) /* the bus brings it to the primary only */
        ask(w, s, d);
}
