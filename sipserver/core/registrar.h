/* registrar - REGISTER (RFC 3261 10): digest, bindings with bounded lifetimes, several phones under
 * one number, several flows of one phone (RFC 5626), registrations through a proxy (RFC 3327).
 *
 * A request for a phone goes where its REGISTER came from (RFC 3581), so phones behind NAT are
 * reached.  An extension is in service while it has a binding.
 */
#ifndef SIPSERVER_CORE_REGISTRAR_H
#define SIPSERVER_CORE_REGISTRAR_H

#include "sipserver/core/state.h"

/* registrar_request - a REGISTER; it is answered here. */
void registrar_request(struct sc *sc, const struct sip_event *event);

#endif
