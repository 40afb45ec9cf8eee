/* registrar - REGISTER (RFC 3261 10): digest, bindings with bounded lifetimes, several phones under
 * one number.
 *
 * A request for a phone goes where its REGISTER came from (RFC 3581), so phones behind NAT are
 * reached.  An extension is in service while it has a binding.
 */
#ifndef SIPSERVER_CORE_REGISTRAR_H
#define SIPSERVER_CORE_REGISTRAR_H

#include "sipserver/core/state.h"

/* registrar_request - a REGISTER; it is answered here. */
void registrar_request(struct sc *sc, const struct sip_event *event);

/* registrar_expired - the time of B is over. */
void registrar_expired(struct sc *sc, struct binding *b);

/* registrar_forget - drop all bindings of D. */
void registrar_forget(struct sc *sc, struct dn *d, const char *reason);

/* registrar_nth - the binding of D at place N, newest first; NULL beyond the last. */
const struct binding *registrar_nth(const struct dn *d, unsigned n);

/* auth_check - do the credentials of the event's request prove extension D?  When not, the request
 * has been answered (401, 403 or 400).  D NULL: an unknown user, who is challenged like any other
 * and then refused. */
bool auth_check(struct sc *sc, const struct sip_event *event, const struct dn *d);

#endif
