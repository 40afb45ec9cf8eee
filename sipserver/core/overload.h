/* overload - what is given up first when there is more than can be done (SF-9).
 *
 * In this order, each at a higher pressure than the one before: registrations of phones that are
 * not registered (and strangers' OPTIONS), registrations that are refreshed or carry credentials,
 * new calls, agent logins.  What belongs to a dialog, trunks' OPTIONS and answers are never given
 * up. What is given up is answered 503 with Retry-After (a login: try again), at a fraction of its
 * cost, and counted.  INVITEs of ours are not sent when they would take the transactions that
 * dialogs may need: a BYE must find one.
 *
 * Pressure is how late we are (overload-lag, 2, 4 and 8 times; for half of overload-lag without a
 * break, so that a single pause costs nobody a call), and how full the table of
 * transactions is (overload-fill, then a quarter, a half and three quarters of the way to full).
 */
#ifndef SIPSERVER_CORE_OVERLOAD_H
#define SIPSERVER_CORE_OVERLOAD_H

#include "sipserver/core/state.h"

enum overload_class {
    OVERLOAD_REGISTER,
    OVERLOAD_REFRESH,
    OVERLOAD_CALL,
    OVERLOAD_LOGIN,
    OVERLOAD_CLASSES /* as much: nothing is given up */
};

/* overload_late - the event of this step has waited LATE_MS. */
void overload_late(struct sc *sc, uint32_t late_ms);

/* overload_sheds - CLASS is given up now; counted. */
bool overload_sheds(struct sc *sc, enum overload_class class);

/* overload_keeps - an INVITE of ours would take a transaction that dialogs may need: it is not to
 * be sent; counted.  Music gives way as new calls do, other targets as agent logins. */
bool overload_keeps(struct sc *sc, bool music);

/* overload_refuse - EVENT, a request outside dialogs that is of no trunk, is given up now: it has
 * been answered. */
bool overload_refuse(struct sc *sc, const struct sip_event *event);

#endif
