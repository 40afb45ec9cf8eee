/* call_inner - what the files of a call share: call.c (the machine and its actions), call_begin.c
 * (what makes a call), call_route.c (where it goes), call_legs.c (what its legs say), call_orders.c
 * (what agents, queues, desktops and timers want of it) and call_body.c (the body that it keeps).
 * For nobody else.
 */
#ifndef SIPSERVER_CORE_CALL_INNER_H
#define SIPSERVER_CORE_CALL_INNER_H

#include "sipserver/core/call.h"

/* Arguments of call_event, by event. */
struct failure {
    unsigned status;
    const char *reason;
    bool as_it_is; /* STATUS is our own word for the caller */
};
struct refusal {
    unsigned status;
    struct sip_str contact; /* of a 302 */
    const char *reason;
};

static inline struct leg *caller_of(const struct sc *sc, const struct call *c)
{
    return pool_get(&sc->legs, c->caller);
}

static inline struct leg *target_of(const struct sc *sc, const struct call *c)
{
    return pool_get(&sc->legs, c->target);
}

/* call_event - the only place that moves the state of a call; ARGUMENT is what the action takes. */
void call_event(struct sc *sc, struct call *c, enum call_event event, const void *argument);

/* call_route - C goes to where NUMBER leads, or as if a target had failed. */
void call_route(struct sc *sc, struct call *c, const char *number);

/* call_next_target - an action: the target has failed (ARGUMENT: struct failure); the next phone of
 * the same number, the next target of the routing point, or the end. */
void call_next_target(struct sc *sc, void *object, const void *argument);

/* call_offer_phone - offer C, by an INVITE, to the next phone of D. */
void call_offer_phone(struct sc *sc, struct call *c, struct dn *d);

/* call_end_target - the target, and whoever else rings, is let go. */
void call_end_target(struct sc *sc, struct call *c);

/* call_overflowed - C goes from its queue to the place that the queue names. */
void call_overflowed(struct sc *sc, struct call *c, const char *why);

/* call_raise_priority - the priority of a call is the highest of all that it came through; D may be
 * NULL. */
void call_raise_priority(struct call *c, const struct dn *d);

/* call_drop_body - the body that C keeps is given back. */
void call_drop_body(struct sc *sc, struct call *c);

#endif
