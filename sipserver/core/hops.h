/* hops - the addresses of a trunk: one when its contact is an address, those that DNS gives when it
 * is a name (RFC 3263).  The adapter looks names up; here is decided what they are used for.
 *
 * One address is watched by OPTIONS at a time.  When it is silent for oos-force, the next one is
 * watched in its place, and only when none is left the trunk goes out of service.  An address that
 * failed is bad: calls prefer the others, and an OPTIONS asks it now and then until it answers.
 * While a name cannot be looked up, the last addresses stay.
 */
#ifndef SIPSERVER_CORE_HOPS_H
#define SIPSERVER_CORE_HOPS_H

#include "sipserver/core/state.h"

/* hops_configure - T's contact is URI now.  Returns: what is watched has changed. */
bool hops_configure(struct sc *sc, struct trunk *t, const struct dn *d, const char *uri);

/* hops_forget - T is deleted. */
void hops_forget(struct sc *sc, struct trunk *t, const struct dn *d);

/* hops_resolved - EVENT, SC_EV_RESOLVED, is about T. */
bool hops_resolved(struct sc *sc, struct trunk *t, const struct sc_event *event);

/* hops_next - the watched address is bad: watch another good one.  False: there is none; then the
 * next of all is watched. */
bool hops_next(struct sc *sc, struct trunk *t);

/* hops_bad - which bad address to ask now; T->hops_n: none. */
uint32_t hops_bad(struct trunk *t);

/* hops_heard - ADDR answered.  Returns: it is the one that is watched, now or already. */
bool hops_heard(struct trunk *t, const struct sip_addr *addr, bool watching);

/* hops_put_uri - what follows the "@" in a URI at T. */
void hops_put_uri(struct sip_buf *b, const struct trunk *t, const struct sip_addr *addr);

#endif
