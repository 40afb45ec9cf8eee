/* replica - the SIP servers of a pair (proto/replica.proto, docs/replication.md).
 *
 *     primary (follower.c, batch.c)                      backup (copy.c)
 *       replica_commit ── ReplicaBatch ───────────────>  sc_replica_apply, records_keep
 *       output_release <────────────── ReplicaAck ─────  at the end of its turn
 *       commit (core)  ── SoloRequest ──> hamgr ── RoleOrder ──> commit_order
 *
 * Each SIP server binds the conversation and connects to that of the pair's other host; only a
 * backup speaks over its connection.  The decisions are in core/commit.
 */
#ifndef SIPSERVER_ADAPT_REPLICA_H
#define SIPSERVER_ADAPT_REPLICA_H

#include "common/component.h"
#include "sipserver/core/core.h"

struct server;
struct replica;

struct replica_conf {
    uint32_t patience_ms;
    uint32_t slice;      /* objects of the first copy shipped in one millisecond */
    uint32_t check_rate; /* places compared each second */
    uint32_t gather_ms;  /* what has changed waits so long for more, after a batch */
};

void replica_conf_default(struct replica_conf *conf);

int replica_new(struct server *server, struct replica **ret_replica);
void replica_destroy(struct replica **replica);
void replica_configure(struct replica *replica, const struct replica_conf *conf);

/* replica_reset - the core is new: it knows of nothing. */
void replica_reset(struct replica *replica);

/* replica_primary - before the core is told that it is primary: how much our clock is ahead of the
 * one in the copy (0: there is no copy).  replica_order - a role order that says primary.
 * replica_backup - after the last output, before the core is told that it is backup. */
int64_t replica_primary(struct replica *replica, uint64_t epoch);
void replica_order(struct replica *replica);
void replica_backup(struct replica *replica);

/* replica_handing_over - no longer primary, and the backup has not yet acknowledged the last batch;
 * it ends after replica-patience. */
bool replica_handing_over(const struct replica *replica);

/* ---- for output ---- */

enum replica_commit {
    REPLICA_LEAVES, /* nothing is outstanding, or nobody is waited for */
    REPLICA_WAITS,  /* for the batch of the number given */
    REPLICA_ASKS,   /* for the right to go on alone, or for a batch to come (output_mark) */
};

/* replica_commit - what the core has changed since goes to the backup in a batch: at the end of
 * this turn, or gathered with what changes in the turns to come. */
enum replica_commit replica_commit(struct replica *replica, uint64_t *ret_number);

/* replica_gathered - at the end of a turn: what was gathered goes, when it is time; all of it at
 * MONO_NEVER. */
void replica_gathered(struct replica *replica, mono_t now);

/* replica_holds - what comes out now waits. */
bool replica_holds(const struct replica *replica);

/* replica_record - it goes with the next batch.  replica_full - there is no room to wait. */
void replica_record(struct replica *replica, const struct sc_record *record);
void replica_full(struct replica *replica);

/* ---- */

void replica_turn_end(struct replica *replica, mono_t now);

/* replica_report - the fields replica_... of REPORT. */
void replica_report(struct replica *replica, Sf__RoleReport *report);
void replica_counters(struct replica *replica,
                      void (*fn)(void *arg, const char *name, uint64_t value), void *arg);

#endif
