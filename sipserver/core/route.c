#include "sipserver/core/route.h"

#include "sipserver/core/dialplan.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/forward.h"
#include "sipserver/core/hunt.h"
#include "sipserver/core/peering.h"
#include "sipserver/core/queue.h"

/* D: the DN that cannot take the call; NULL: there is none. */
static struct route nowhere(struct dn *d, unsigned status, enum core_count why, const char *reason)
{
    return (struct route){
        .kind = ROUTE_NOWHERE, .dn = d, .status = status, .why = why, .reason = reason};
}

/* What a hunt for a trunk came to. */
static struct route by_trunk(const struct dn *source, enum hunt_end end, struct trunk *t)
{
    struct route full;

    switch (end) {
    case HUNT_FOUND: return (struct route){.kind = ROUTE_TRUNK, .trunk = t};
    case HUNT_OUT: return nowhere(NULL, 480, CORE_COUNTS, "trunk out of service");
    case HUNT_RESTS:
        return nowhere(NULL, 480, CORE_COUNTS, "the trunk asked for no calls now (Retry-After)");
    case HUNT_TRIED: return nowhere(NULL, 480, CORE_COUNTS, "no trunk took the call");
    case HUNT_FULL:
        /* A gateway would take a 503 for the end of this site. */
        full = nowhere(NULL, source->type == SC_DN_TRUNK ? 486 : 503, N_TRUNK_FULL,
                       "every trunk has its most calls");
        full.as_it_is = true;
        return full;
    case HUNT_UNKNOWN: break;
    }
    return nowhere(NULL, 404, N_NOT_FOUND, "no such number");
}

/* A call for D, a DN here. */
static struct route by_dn(struct sc *sc, const struct call *c, struct dn *d)
{
    struct route r = {.dn = d, .trunk = peering_trunk_of(sc)};
    const struct queue *q;

    switch (forward_decide(sc, c, d)) {
    case FORWARD_REDIRECT: r.kind = ROUTE_MOVED; return r;
    case FORWARD_RELAY: r.kind = ROUTE_PEER; return r;
    case FORWARD_HERE: break;
    }
    switch (d->type) {
    case SC_DN_EXTENSION:
        if (!d->in_service || !dn_reachable(d))
            return nowhere(d, 480, CORE_COUNTS, "phone out of service");
        return (struct route){.kind = ROUTE_PHONE, .dn = d};
    case SC_DN_QUEUE:
        q = pool_get(&sc->queues, d->queue);
        if (queue_full(q))
            return nowhere(d, 486, N_QUEUE_FULL, "the queue is full");
        return (struct route){.kind = ROUTE_QUEUE, .dn = d};
    case SC_DN_ROUTING_POINT: return (struct route){.kind = ROUTE_TARGETS, .dn = d};
    case SC_DN_TRUNK:
    case SC_DN_SERVICE: break;
    }
    return nowhere(d, 404, N_NOT_FOUND, "not a number to be called");
}

/* Where rule R, which holds, leads a call for NUMBER. */
static struct route by_rule(struct sc *sc, const struct call *c, struct sip_str number,
                            const struct rule *r)
{
    const struct dn *source = pool_get(&sc->dns, c->source);
    struct trunk *t = NULL;
    struct route route;
    enum hunt_end end;
    char text[SC_NAME_SIZE];
    struct dn *d;

    (void)rule_number(r, number, text);
    d = dn_find(sc, sip_str_of(r->to_n > 0 ? r->to[0] : text));
    if (rule_leads_out(sc, r)) {
        end = hunt_by_rule(sc, c, r, &t);
        route = by_trunk(source, end, t);
        text_copy(route.number, sizeof(route.number), text);
    } else if (d != NULL) {
        route = by_dn(sc, c, d);
        text_copy(route.number, sizeof(route.number), d->number);
    } else {
        route = nowhere(NULL, 404, N_NOT_FOUND, "the dial rule leads to a number that is none");
    }
    route.rule = r;
    return route;
}

/* A number that no DN has. */
static struct route by_plan(struct sc *sc, const struct call *c, struct sip_str number)
{
    const struct dn *source = pool_get(&sc->dns, c->source);
    /* After an overflow the number is one that the configuration names, not the caller. */
    const char *class = source == NULL     ? ""
                        : c->overflows > 0 ? CLASS_EXTENSIONS
                                           : class_of(source);
    const char *prefix = text_eq(class, CLASS_EXTENSIONS) ? hunt_longest(sc, number) : NULL;
    const struct rule *r = source != NULL ? rule_find(sc, class, number) : NULL;
    struct pattern as_pattern;
    struct trunk *t = NULL;
    enum hunt_end end;

    if (r != NULL && (prefix == NULL || pattern_prefix(prefix, &as_pattern) != NULL ||
                      pattern_compare(&r->pattern, &as_pattern) <= 0))
        return by_rule(sc, c, number, r);
    if (prefix == NULL)
        return nowhere(NULL, 404, N_NOT_FOUND, "no such number");
    end = hunt_by_prefix(sc, c, number, &t);
    return by_trunk(source, end, t);
}

struct route route_find(struct sc *sc, const struct call *c, struct sip_str number)
{
    struct dn *d = dn_find(sc, number);

    return d != NULL ? by_dn(sc, c, d) : by_plan(sc, c, number);
}
