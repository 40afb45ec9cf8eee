/* auth - who speaks: digest credentials of a phone (RFC 3261 22, RFC 7616, RFC 8760), and the
 * lockout of who guesses. */
#ifndef SIPSERVER_CORE_AUTH_H
#define SIPSERVER_CORE_AUTH_H

#include "sipserver/core/state.h"

enum auth {
    AUTH_NO, /* the request has been answered */
    AUTH_YES,
    AUTH_AGAIN, /* a REGISTER whose credentials were used a moment ago: a retransmission, or made to
                   look like one.  It changes nothing; its answer may be given again */
};

/* auth_check - do the credentials of the event's request prove extension D, and for the first
 * time?  When not, the request has been answered (401, 403 or 400).  D NULL: an unknown user, who
 * is challenged like any other and then refused. */
enum auth auth_check(struct sc *sc, const struct sip_event *event, const struct dn *d);

#endif
