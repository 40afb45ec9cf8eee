/* replica - the copy of the live objects, as the role sees it.  A part of ham, for nobody else.
 *
 * A primary whose backup does not acknowledge may send without it ("solo") once a majority of the
 * voters has that on record: then whoever is promoted with a copy that does not reach so far knows
 * that it is stale.
 */
#ifndef HAMGR_REPLICA_H
#define HAMGR_REPLICA_H

#include "hamgr/core/ham.h"

/* replica_solo - COMPONENT_SOLO. */
void replica_solo(struct ham *h, mono_t now, const struct ham_ev *ev, struct ham_out *out);

/* replica_promoted - this host has just taken the role: whatever copies there are, they are of
 * another epoch, and old as soon as it serves. */
void replica_promoted(struct ham *h, mono_t now, struct ham_out *out);

/* replica_reported - after COMPONENT_SYNC. */
void replica_reported(struct ham *h, mono_t now, struct ham_out *out);

/* replica_alone - the order may allow what the component asked for. */
bool replica_alone(const struct ham *h);

/* replica_tell - note what changes with order O: solo, or no more; promoted stale. */
void replica_tell(struct ham *h, const struct ham_order *o, struct ham_out *out);

#endif
