/* dn - the table of DNs, filled from the configuration.
 *
 * A DN keeps its registrations, waiting calls and trunk state when its configuration changes; they
 * end when it is deleted or changes its type.  In service: an extension with a live registration, a
 * trunk that answers, every other DN always.
 */
#ifndef SIPSERVER_CORE_DN_H
#define SIPSERVER_CORE_DN_H

#include "sipserver/core/state.h"

void dns_init(struct sc *sc);

/* dn_find - the DN with that number; NULL when there is none. */
struct dn *dn_find(const struct sc *sc, struct sip_str number);

/* dn_of_uri - the DN whose number URI's user part means (number_of_uri); NULL. */
struct dn *dn_of_uri(const struct sc *sc, const struct sip_uri *uri);

void dn_configure(struct sc *sc, const struct sc_dn_conf *conf);
void dn_delete(struct sc *sc, struct dn *d);

/* dns_sweep - delete what the whole configuration that was just read does not name.
 * Returns: false when the step's out has no room for more: call again in the next step. */
bool dns_sweep(struct sc *sc);

/* dn_set_service - D is in or out of service, because of REASON; told to whom it concerns when it
 * changes. */
void dn_set_service(struct sc *sc, struct dn *d, bool in_service, const char *reason);

/* dn_reachable - true when phone D has a connection, or needs none.  An extension whose connections
 * have all ended is in service until their grace is over, but cannot be called. */
static inline bool dn_reachable(const struct dn *d)
{
    return d->type != SC_DN_EXTENSION || d->lost_n < d->bindings_n;
}

/* dn_leg_added, dn_leg_removed - a live leg at a phone: its agent is busy meanwhile. */
void dn_leg_added(struct sc *sc, struct dn *d, struct call *c);
void dn_leg_removed(struct sc *sc, struct dn *d);

#endif
