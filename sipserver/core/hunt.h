/* hunt - which of several trunks takes a call, and which of a trunk's addresses.
 *
 * Of those that serve the number, are in service and have room, and that the call has not tried:
 * the longest prefix, then the lowest priority, then by chance as their weights say (RFC 2782).
 * A trunk whose host has several addresses is tried at each before the next trunk (RFC 3263 4.3).
 */
#ifndef SIPSERVER_CORE_HUNT_H
#define SIPSERVER_CORE_HUNT_H

#include "sipserver/core/state.h"

enum hunt_end {
    HUNT_FOUND,
    HUNT_UNKNOWN, /* no trunk serves the number */
    HUNT_OUT,     /* those that do are out of service */
    HUNT_FULL,    /* those in service have their most calls */
    HUNT_TRIED,   /* each has been tried */
    HUNT_RESTS,   /* those in service have asked for no calls now */
};

/* hunt_prefix - T's longest prefix that NUMBER begins with; hunt_longest - that of any trunk. NULL:
 * there is none. */
const char *hunt_prefix(const struct trunk *t, struct sip_str number);
const char *hunt_longest(const struct sc *sc, struct sip_str number);

/* hunt_by_rule - the trunk of R for C: in the order in which R names them, or, when they share, by
 * priority and weight. */
enum hunt_end hunt_by_rule(struct sc *sc, const struct call *c, const struct rule *r,
                           struct trunk **ret_trunk);

/* hunt_by_prefix - the trunk for NUMBER, dialled in C. */
enum hunt_end hunt_by_prefix(struct sc *sc, const struct call *c, struct sip_str number,
                             struct trunk **ret_trunk);

/* hunt_take - C is offered to T: at which address, and remember that. */
const struct sip_addr *hunt_take(struct sc *sc, struct call *c, struct trunk *t);

/* hunt_told_to_wait - the trunk of L answered its call with RESPONSE, a 503: what its Retry-After
 * says (RFC 3261 21.5.4).  hunt_rests - every address of T has said so. */
void hunt_told_to_wait(struct sc *sc, const struct leg *l, const struct sip_msg *response);
bool hunt_rests(const struct sc *sc, const struct trunk *t);

/* hunt_failed - the address that C tried last did not take it. */
void hunt_failed(struct sc *sc, struct call *c);

#endif
