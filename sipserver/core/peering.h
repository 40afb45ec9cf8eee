/* peering - the mode of the site: STANDALONE, SINGLE or PEERED (behaviour, section 3;
 * peering.tbl.h). It is judged from the inter-site trunk alone, and only new calls and logins ask
 * for it. */
#ifndef SIPSERVER_CORE_PEERING_H
#define SIPSERVER_CORE_PEERING_H

#include "sipserver/core/state.h"

void peering_init(struct sc *sc);

/* peering_configure - dr-peer-trunk or the trunk that it names may have changed. */
void peering_configure(struct sc *sc);

/* peering_adopt - go on in STATE, for REASON, of a copy; the trunk has been adopted.  What does not
 * fit it is settled anew: the other host may not have had this configuration. */
void peering_adopt(struct sc *sc, enum peering_state state, const char *reason);

/* peering_trunk - the inter-site trunk T came into service or went out of it. */
void peering_trunk(struct sc *sc, const struct trunk *t);

enum sc_mode peering_mode(const struct sc *sc);

/* peering_trunk_of - the inter-site trunk, or NULL. */
struct trunk *peering_trunk_of(const struct sc *sc);

#endif
