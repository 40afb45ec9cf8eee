#include "sipserver/core/route.h"

#include "sipserver/core/dn.h"
#include "sipserver/core/forward.h"
#include "sipserver/core/hunt.h"
#include "sipserver/core/peering.h"
#include "sipserver/core/queue.h"

static struct route nowhere(unsigned status, enum core_count why, const char *reason)
{
    return (struct route){.kind = ROUTE_NOWHERE, .status = status, .why = why, .reason = reason};
}

/* What a hunt for a trunk came to. */
static struct route by_trunk(const struct dn *source, enum hunt_end end, struct trunk *t)
{
    struct route full;

    switch (end) {
    case HUNT_FOUND: return (struct route){.kind = ROUTE_TRUNK, .trunk = t};
    case HUNT_OUT: return nowhere(480, CORE_COUNTS, "trunk out of service");
    case HUNT_TRIED: return nowhere(480, CORE_COUNTS, "no trunk took the call");
    case HUNT_FULL:
        /* A gateway would take a 503 for the end of this site. */
        full = nowhere(source->type == SC_DN_TRUNK ? 486 : 503, N_TRUNK_FULL,
                       "every trunk has its most calls");
        full.as_it_is = true;
        return full;
    case HUNT_UNKNOWN: break;
    }
    return nowhere(404, N_NOT_FOUND, "no such number");
}

static struct route by_prefix(struct sc *sc, const struct call *c, struct sip_str number)
{
    const struct dn *source = pool_get(&sc->dns, c->source);
    struct trunk *t = NULL;
    enum hunt_end end;

    /* After an overflow the number is one that the configuration names, not the caller. */
    if (source == NULL || (source->type != SC_DN_EXTENSION && c->overflows == 0))
        return nowhere(404, N_NOT_FOUND, "no such number");
    end = hunt_by_prefix(sc, c, number, &t);
    return by_trunk(source, end, t);
}

struct route route_find(struct sc *sc, const struct call *c, struct sip_str number)
{
    struct dn *d = dn_find(sc, number);
    const struct queue *q;

    if (d == NULL)
        return by_prefix(sc, c, number);
    switch (forward_decide(sc, c, d)) {
    case FORWARD_REDIRECT:
        return (struct route){.kind = ROUTE_MOVED, .dn = d, .trunk = peering_trunk_of(sc)};
    case FORWARD_RELAY:
        return (struct route){.kind = ROUTE_PEER, .dn = d, .trunk = peering_trunk_of(sc)};
    case FORWARD_HERE: break;
    }
    switch (d->type) {
    case SC_DN_EXTENSION:
        if (!d->in_service || !dn_reachable(d))
            return nowhere(480, CORE_COUNTS, "phone out of service");
        return (struct route){.kind = ROUTE_PHONE, .dn = d};
    case SC_DN_QUEUE:
        q = pool_get(&sc->queues, d->queue);
        if (queue_full(q))
            return nowhere(486, N_QUEUE_FULL, "the queue is full");
        return (struct route){.kind = ROUTE_QUEUE, .dn = d};
    case SC_DN_ROUTING_POINT: return (struct route){.kind = ROUTE_TARGETS, .dn = d};
    case SC_DN_TRUNK:
    case SC_DN_SERVICE: break;
    }
    return nowhere(404, N_NOT_FOUND, "not a number to be called");
}
