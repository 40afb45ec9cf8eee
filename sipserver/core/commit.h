/* commit - output commit: when what a primary has decided may leave its host.
 *
 *     steps change the core ── one batch, numbered ──> backup
 *     their output ── waits ── until the number is acknowledged ──> phones, gateways, desktops
 *
 * The decisions alone, as a table (commit.tbl.h): who follows, what must wait, when waiting has
 * lasted too long and the right to go on alone (solo) is asked for, when it is given back.  The
 * adapter sends batches, keeps what waits, and does what commit_take names.
 *
 * Batches are numbered without gaps as long as the process runs, over all followers: a copy that
 * ends below the sequence of a solo is an old one, whatever has happened since.
 * Source: architecture.md section 5; H-7, H-9, H-14.
 */
#ifndef SIPSERVER_CORE_COMMIT_H
#define SIPSERVER_CORE_COMMIT_H

#include "common/mono.h"
#include "sipserver/core/fsm.h"

#define COMMIT_PATIENCE_MS 200 /* unless the option says otherwise */

enum commit_state {
#define STATE(name, meaning) COMMIT_##name,
#include "sipserver/core/commit.tbl.h"
    COMMIT_STATES
};

enum commit_event {
#define EVENT(name, meaning) COMMIT_EV_##name,
#include "sipserver/core/commit.tbl.h"
    COMMIT_EVENTS
};

/* What is to be done, in this order. */
enum commit_act {
    COMMIT_UNFOLLOW = 1 << 0, /* the core need not note changes any more */
    COMMIT_FOLLOW = 1 << 1,   /* the core begins a copy; its first batch is sent at once */
    COMMIT_ASK = 1 << 2,      /* ask for the right to go on alone: asked_sequence */
    COMMIT_END = 1 << 3,      /* give it back */
    COMMIT_RELEASE = 1 << 4,  /* all that waits leaves */
    COMMIT_TELL = 1 << 5,     /* the follower is told that it is one no longer */
};

struct commit {
    uint8_t state;
    unsigned acts;
    const char *why; /* of the last move */
    uint32_t patience_ms;
    uint64_t epoch;
    uint64_t sequence;  /* of the last batch sent */
    uint64_t acked;     /* all up to here are in the copy */
    uint64_t begun_at;  /* the first batch of this copy */
    uint64_t whole_at;  /* the batch that made it whole; 0: none yet */
    bool equal;         /* as last acknowledged: the copy is like ours */
    bool ended;         /* solo was given back with this copy */
    bool recorded;      /* as the last order says: this epoch is solo */
    uint64_t floor;     /* the highest sequence of a solo so far */
    mono_t now, oldest; /* for guards */
    mono_t asked;
    uint64_t asked_sequence; /* every copy that ends before it is old; 0: not asked */
    uint64_t asks, solos;    /* counters */
};

void commit_init(struct commit *c);
extern const struct fsm commit_fsm;

/* commit_primary - this host is primary of EPOCH.  commit_stopped - it is primary no longer. */
void commit_primary(struct commit *c, uint64_t epoch);
void commit_stopped(struct commit *c);

/* commit_reached - how far what this host has, as primary, has come: no copy of it is further.  At
 * least the first batch, so that no copy of an earlier epoch is as good. */
uint64_t commit_reached(const struct commit *c);

/* commit_join - a backup asks for a copy.  commit_gone - it has gone or cannot be sent to.
 * commit_full - there is no room for what waits. */
void commit_join(struct commit *c);
void commit_gone(struct commit *c, mono_t now);
void commit_full(struct commit *c, mono_t now);

/* commit_follows - batches are to be sent.  commit_begins - the next one begins a copy.
 * commit_sent - the batch SEQUENCE + 1 has been sent; WHOLE: the copy is whole with it. */
bool commit_follows(const struct commit *c);
bool commit_begins(const struct commit *c);
void commit_sent(struct commit *c, bool whole);

/* commit_ack - all up to SEQUENCE is in the copy, which is EQUAL to ours: what waits for it may
 * leave; then call commit_acked with the moment since when the rest has waited (MONO_NEVER: nothing
 * waits).  False: it is no news. */
bool commit_ack(struct commit *c, uint64_t sequence, bool equal);
void commit_acked(struct commit *c, mono_t now, mono_t oldest);

/* commit_order - a role order of this epoch, with what it says of going solo. */
void commit_order(struct commit *c, mono_t now, uint64_t solo_epoch, uint64_t solo_sequence);

/* commit_tick - at the end of a turn, when everything that came has been looked at.
 * commit_deadline - no later than this. */
void commit_tick(struct commit *c, mono_t now, mono_t oldest);
mono_t commit_deadline(const struct commit *c, mono_t oldest);

/* commit_take - what is to be done (COMMIT_UNFOLLOW | ...); it is taken with the call. */
unsigned commit_take(struct commit *c);

/* commit_holds - output waits, unless nothing is outstanding.  commit_ready - the copy is whole and
 * equal, as acknowledged. */
bool commit_holds(const struct commit *c);
bool commit_ready(const struct commit *c);

const char *commit_state_name(const struct commit *c);

#endif
