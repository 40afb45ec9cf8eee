/* route - where a number leads: to the DN that has it, else where the dial plan says (dialplan.h),
 * to a DN or to trunks (hunt.h); or to the peer site (forward.h). */
#ifndef SIPSERVER_CORE_ROUTE_H
#define SIPSERVER_CORE_ROUTE_H

#include "sipserver/core/state.h"

enum route_kind {
    ROUTE_NOWHERE, /* status says why */
    ROUTE_PHONE,   /* dn, an extension in service */
    ROUTE_QUEUE,   /* dn, with room */
    ROUTE_TARGETS, /* dn, a routing point */
    ROUTE_TRUNK,   /* trunk */
    ROUTE_PEER,    /* trunk: relay to the peer site */
    ROUTE_MOVED,   /* trunk: let the caller's gateway ask the peer site itself (302) */
};

struct route {
    enum route_kind kind;
    struct dn *dn;
    struct trunk *trunk;
    const struct rule *rule; /* that said so; NULL: none */
    char
        number[SC_NAME_SIZE]; /* as RULE made it: the DN's, or as the trunk is asked; "": as dialled
                               */
    unsigned status;          /* NOWHERE: for the caller */
    const char *reason;
    enum core_count why;
    bool as_it_is; /* STATUS is for the caller, also where a target's would be another */
};

/* route_find - where a call C for NUMBER goes now.  Who may dial out through a
 * trunk the dial plan says.
 */
struct route route_find(struct sc *sc, const struct call *c, struct sip_str number);

#endif
