/* forward - business continuity forwarding: may this call be handed to the peer site, and how
 * (behaviour F-1 to F-3).
 *
 * Only in PEERED, only one hop.  A call that the peer forwarded is recognised by its source, the
 * inter-site trunk, or by a token in the user part of its Request-URI, which the 302 put there:
 *
 *     5000;dr=67a1b2c3-0123456789abcdef        number ;dr= expiry (wall clock, s) - MAC
 */
#ifndef SIPSERVER_CORE_FORWARD_H
#define SIPSERVER_CORE_FORWARD_H

#include "sipserver/core/state.h"

#define FORWARD_TOKEN_LIFE_S                                                                       \
    60 /* from the 302 to the INVITE that follows it, clocks of both sites apart included */

enum forward { FORWARD_HERE, FORWARD_REDIRECT, FORWARD_RELAY };

/* forward_decide - where a call C for D is delivered. */
enum forward forward_decide(const struct sc *sc, const struct call *c, const struct dn *d);

/* forward_contact - the URI for the Contact of a 302 that sends a call for NUMBER to the site
 * behind T. */
struct sip_str forward_contact(const struct sc *sc, const struct trunk *t, struct sip_str number,
                               char *text, size_t size);

/* forward_read - take the token off the user part USER.
 * Returns: the number alone; *RET_VALID: there was a token, ours or the peer's, not too old;
 * *RET_BAD: there was another. */
struct sip_str forward_read(const struct sc *sc, struct sip_str user, bool *ret_valid,
                            bool *ret_bad);

#endif
