/* trunk - trunks: the watch by OPTIONS (trunk.tbl.h; behaviour T-1, T-2), who sends from where,
 * number prefixes.
 *
 * An OPTIONS goes out every oos-check.  While one is unanswered, further ones follow every eighth
 * of oos-force, so that random loss is ridden out whatever the timers are.  The inter-site trunk
 * begins out of service and needs recovery-checks answers over the hold-down (recovery-timeout at
 * first) to come in; a gateway begins in service.  A trunk that falls out again soon after it came
 * in flaps: its hold-down doubles, up to recovery-hold-max.
 */
#ifndef SIPSERVER_CORE_TRUNK_H
#define SIPSERVER_CORE_TRUNK_H

#include "sipserver/core/state.h"

void trunk_configure(struct sc *sc, struct dn *d, const struct sc_dn_conf *conf);
void trunk_delete(struct sc *sc, struct dn *d);

/* trunks_options_changed - dr-peer-trunk may name another one. */
void trunks_options_changed(struct sc *sc);

/* trunks_start, trunks_stop - the site begins or ends to serve. */
void trunks_start(struct sc *sc);
void trunks_stop(struct sc *sc);

/* trunk_adopt - T goes on as R, what another host knew of it, whose moments are on our clock. */
struct replica_trunk;
void trunk_adopt(struct sc *sc, struct trunk *t, const struct replica_trunk *r);

/* trunk_response - an event of one of our OPTIONS: its answer or its end. */
void trunk_response(struct sc *sc, struct trunk *t, const struct sip_event *event);

/* trunk_resolved - EVENT brings the addresses of T's name. */
void trunk_resolved(struct sc *sc, struct trunk *t, const struct sc_event *event);

/* trunk_heard - a valid request came from T.  On the inter-site trunk it proves nothing (one-way
 * loss). */
void trunk_heard(struct sc *sc, struct trunk *t);

void trunk_timer_check(struct sc *sc, struct trunk *t);
void trunk_timer_force(struct sc *sc, struct trunk *t);
void trunk_timer_hold(struct sc *sc, struct trunk *t);

/* trunk_of_source - the trunk that requests from ADDR belong to; NULL when none. */
struct trunk *trunk_of_source(const struct sc *sc, const struct sip_addr *addr);

/* trunk_has_room - T may have one more call, that comes IN by it or goes out. */
bool trunk_has_room(const struct trunk *t, bool in);

/* trunk_is_in - T is in service. */
bool trunk_is_in(const struct trunk *t);

#endif
