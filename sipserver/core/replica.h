/* replica - the state of the core at a second host, object by object (docs/replication.md).
 *
 *     primary                                    backup
 *     sc_step ... sc_step                        sc_replica_clear
 *     sc_replica_slice    (while joining)  --->  sc_replica_apply
 *     sc_replica_changes  (each turn)      --->  sc_replica_apply
 *                                                sc_step(SC_EV_ROLE, primary): goes on from the copy
 *
 * An object is shipped whole, in protobuf's wire format (proto/replica.proto), so that hosts of two
 * versions understand each other: unknown fields and kinds are left out.  Objects of the pools have
 * the same place (index and generation) in both cores; those that come from the configuration (DNs,
 * agents) are matched by their names when the role comes.  The copy lies in the backup's own tables
 * without lists, timers or indexes, which are made from the records when it takes over.
 *
 * Moments of a copy are on the primary's clock until then: SC_EV_ROLE says by how much the clocks
 * differ (sc_event.clock_ns).
 *
 * Both cores must have the same maxima and secrets.
 * Source: H-7, H-8, H-9 of the failure matrix.
 */
#ifndef SIPSERVER_CORE_REPLICA_H
#define SIPSERVER_CORE_REPLICA_H

#include "sipserver/core/core.h"

/* Room that one object takes at most, in bytes. */
#define SC_REPLICA_OBJECT_MAX 16384

/* Where objects are appended: sf.ReplicaObjects. */
struct sc_replica_buf {
    char *p;
    size_t size; /* SC_REPLICA_OBJECT_MAX at least */
    size_t len;
    uint32_t objects; /* appended, those that are gone included */
};

/* ---- primary ---- */

/* sc_replica_follow - from now on a backup follows (ON): nothing counts as shipped, all is to be
 * shipped by slices, and changes are noted; or nobody does, and changes are not noted.  When the
 * role goes, nobody does. */
void sc_replica_follow(struct sc *sc, bool on);

/* sc_replica_changed - there may be something for sc_replica_changes. */
bool sc_replica_changed(const struct sc *sc);

/* sc_replica_changes - append what the steps since the last call have changed.
 * Returns: true when all of it is in; false: B is full, hand it on, empty it and call again before
 * the next step. */
bool sc_replica_changes(struct sc *sc, struct sc_replica_buf *b);

/* sc_replica_slice - append the next objects of the first copy, as many as B has room for; about
 * OBJECTS_MAX places are looked at.
 * Returns: true when the copy is whole with B (all later changes come by sc_replica_changes). */
bool sc_replica_slice(struct sc *sc, struct sc_replica_buf *b, uint32_t objects_max);

/* ---- backup ---- */

/* sc_replica_clear - the copy is forgotten.  Asserts: not primary. */
void sc_replica_clear(struct sc *sc);

/* sc_replica_apply - take over LEN bytes of sf.ReplicaObjects.  Asserts: not primary.
 * Returns: 0; -EBADMSG not readable, -ERANGE a place beyond the maxima, -EMSGSIZE a text beyond
 * its room: the copy is of no use any more, clear it and join again. */
int sc_replica_apply(struct sc *sc, const char *data, size_t len);

/* ---- both ---- */

struct sc_replica_status {
    bool following;    /* primary: a backup follows; changes are noted */
    uint64_t objects;  /* shipped and not gone; in the copy */
    uint64_t digest;   /* of these: equal copies have equal digests */
    uint64_t unknown;  /* backup: objects of a kind that it does not know */
    uint32_t calls, registrations; /* of these */
};

void sc_replica_status(const struct sc *sc, struct sc_replica_status *ret_status);

/* sc_replica_sane - primary that is followed, nothing waiting for sc_replica_changes: no object
 * differs from what was shipped last.  Backup: every object is what was received.  Walks
 * everything: for tests. */
bool sc_replica_sane(struct sc *sc);

/* sc_replica_check - the same for the next OBJECTS_MAX places, in turn: anti-entropy.  Primary: an
 * object that differs is shipped with the next changes.  Backup: only of use when both hosts know
 * the same fields (one version).
 * Returns: how many differed. */
uint32_t sc_replica_check(struct sc *sc, uint32_t objects_max);

#endif
