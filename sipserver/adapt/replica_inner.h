/* replica_inner - what replica.c (the object, both roles), follower.c (primary: who follows),
 * batch.c (primary: what is sent) and copy.c (backup: the copy here) share.  For nobody else.
 */
#ifndef SIPSERVER_ADAPT_REPLICA_INNER_H
#define SIPSERVER_ADAPT_REPLICA_INNER_H

#include "common/log.h"
#include "sipserver/adapt/output.h"
#include "sipserver/adapt/replica.h"
#include "sipserver/adapt/server.h"
#include "sipserver/core/commit.h"
#include "sipserver/core/replica.h"

#define REPLICA_BATCH_BYTES (1u << 20) /* of objects: a slice, or what one turn has changed */
#define REPLICA_BEAT_MS     200        /* an idle primary's batch */
#define REPLICA_CHECK_MS    100

enum replica_count {
#define COUNTER(id, name, text) REPLICA_N_##id,
#include "sipserver/adapt/replica.tbl.h"
    REPLICA_COUNTS
};

/* Primary: the one backup. */
struct follower {
    struct commit commit;
    struct bus_peer *peer; /* NULL: none */
    struct sc_replica_buf buf;
    struct sc_record *records; /* for the next batch */
    uint32_t records_n, records_max;
    bool slicing; /* the first copy is not whole yet */
    mono_t slice_due;
    mono_t sent;              /* the last batch */
    mono_t gathers;           /* since when something waits for the next one; MONO_NEVER */
    uint64_t digest, objects; /* ours, with the last batch */
    uint64_t last;            /* handing over: the batch to be acknowledged */
    mono_t hand_over_until;   /* MONO_NEVER: not handing over */
};

/* Backup: the copy in this core. */
struct copy {
    struct bus_link *link;
    bool any;         /* there is something of it in the core */
    bool whole;       /* ... and all of it, as of SEQUENCE */
    bool trusted;     /* ... and nothing says that the primary has gone on without it */
    bool coming;      /* batches come, one after the other */
    bool own;         /* ... it is what this host had as primary: on our own clock */
    uint64_t epoch, sequence;
    bool ack_due;
    mono_t ask_due;
    int64_t ahead_ns, ahead_before_ns; /* our clock less the primary's, least of each window */
    mono_t window_end;
    char why[256];
};

struct replica {
    struct server *server;
    struct replica_conf conf;
    struct loop_timer *timer;
    struct follower follower;
    struct copy copy;
    mono_t check_due;
    uint64_t counts[REPLICA_COUNTS];
    struct log_limit limit;
    char why[256];
};

static inline void replica_count(struct replica *r, enum replica_count what)
{
    r->counts[what]++;
}

/* ---- primary ---- */

int follower_new(struct replica *r);
void follower_free(struct replica *r);
void follower_message(struct replica *r, struct bus_peer *peer,
                      const struct codec_message *message);
void follower_gone(struct replica *r, const struct bus_peer *peer);
void follower_stop(struct replica *r);
void follower_turn_end(struct replica *r, mono_t now);
mono_t follower_deadline(const struct replica *r);

/* follower_told - commit has moved away from BEFORE: log and report it.  follower_lost - the backup
 * has gone, or its queue is full. */
void follower_told(const struct replica *r, uint8_t before);
void follower_lost(struct replica *r);

/* follower_act - do what commit says. */
void follower_act(struct replica *r);

/* batch_send - what the buffer has, as the next batch.  batch_changes - what has changed goes out.
 * False: the backup is lost. */
bool batch_send(struct replica *r, bool whole);
bool batch_changes(struct replica *r);

/* batch_gathers - something has changed that is in no batch yet; batch_due - when it goes. */
bool batch_gathers(const struct replica *r);
mono_t batch_due(const struct replica *r);

/* ---- backup ---- */

int copy_connect(struct replica *r);
void copy_reset(struct replica *r); /* the core has nothing of it any more */
void copy_keep(struct replica *r, uint64_t epoch, uint64_t sequence); /* what was ours is one now */
int64_t copy_take_over(struct replica *r);
void copy_damaged(struct replica *r); /* it is not what was received */
void copy_turn_end(struct replica *r, mono_t now);
mono_t copy_deadline(const struct replica *r);

#endif
