/* types - the small words that every part of hamgr's core speaks: hosts, sites, rights, epochs.
 *
 * A host is an index into the configured host list, the same list in the same order on every host.
 * A right is something that at most one holder may use at a time: the role of a site (held by a
 * host) or the ticket of the configuration writer (held by the primary of a site, for the site).
 */
#ifndef HAMGR_TYPES_H
#define HAMGR_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/disk.h"
#include "common/mono.h"

#define HAM_HOSTS_MAX      8
#define HAM_SITES_MAX      2
#define HAM_COMPONENTS_MAX 8
#define HAM_NONE           UINT8_C(0xff) /* no host, no site, no holder */

enum ham_right {
    RIGHT_ROLE_0, /* who is primary of site 0; holder: a host */
    RIGHT_ROLE_1, /* who is primary of site 1; holder: a host */
    RIGHT_TICKET, /* which site writes the configuration; holder: the primary of that site */
    RIGHTS_MAX
};

enum ham_role { ROLE_BACKUP, ROLE_PRIMARY };

/* Higher is worse, so that two hosts compare with '<'. */
enum ham_health {
    HEALTH_GOOD,    /* every component is ready and beats */
    HEALTH_MENDING, /* one is being (re)started and still within its patience */
    HEALTH_BAD      /* one is wedged, fails again and again, or takes too long to start */
};

/* How far a copy of the configuration has come; compared in this order. */
struct ham_pos {
    uint64_t ticket_epoch;
    uint64_t role_epoch;
    uint64_t txid;
};

/* ham_pos_before - true when A is behind B. */
static inline bool ham_pos_before(struct ham_pos a, struct ham_pos b)
{
    if (a.ticket_epoch != b.ticket_epoch)
        return a.ticket_epoch < b.ticket_epoch;
    if (a.role_epoch != b.role_epoch)
        return a.role_epoch < b.role_epoch;
    return a.txid < b.txid;
}

/* How far a copy of the live objects (calls, registrations, agents, ...) has come: the last batch
 * in it, numbered within the epoch of the primary that made it.  All zero: there is none, or it is
 * not whole. */
struct ham_copy {
    uint64_t epoch;
    uint64_t sequence;
};

/* ham_copy_before - true when A is behind B. */
static inline bool ham_copy_before(struct ham_copy a, struct ham_copy b)
{
    return a.epoch != b.epoch ? a.epoch < b.epoch : a.sequence < b.sequence;
}

/* The copy at the backup: the primary says how its backup's is, the backup how its own is. */
enum ham_replica_state {
    REPLICA_UNKNOWN, /* the component says nothing */
    REPLICA_BEHIND,  /* not whole yet, or not the same */
    REPLICA_IN_SYNC, /* whole and the same: output waits for its acknowledgement */
    REPLICA_ALONE,   /* the primary sends without a backup */
    REPLICA_STATES
};

struct ham_replica {
    struct ham_copy at; /* of the copy at the host that says so; a primary's own is the original */
    uint8_t state;      /* enum ham_replica_state */
};

/* What a voter has on disk for one right.  All zero means an empty store: the voter abstains. */
struct vote_record {
    uint64_t epoch; /* of the last grant or release */
    uint64_t floor; /* a new grant needs an epoch above this; at least EPOCH */
    /* Role only: from here on the holder may have sent what its backup has not (sequence 0: it did
     * not), by its word SOLO_TURN in EPOCH (0: inherited). */
    struct ham_copy solo;
    uint64_t solo_turn;
    /* Role only, of each host of the pair, the one that comes first in the host list first: how
     * often its vote was lent to the other host and given back, each counted.  Odd: it is lent. */
    uint64_t loan[2];
    uint32_t ttl_ms; /* the longest ever promised for this right */
    uint8_t holder;  /* of EPOCH; HAM_NONE when released to nobody */
    bool known;      /* false: the store holds nothing for this right */
};

/* Why something was granted or refused.  Texts: ham_reason_text. */
enum ham_reason {
    REASON_GRANTED,
    REASON_HELD,     /* another holder's grant has not run out */
    REASON_STALE,    /* the epoch is not above the voter's */
    REASON_BEHIND,   /* the candidate's configuration is behind the voter's */
    REASON_ABSTAINS, /* the voter's store was lost; it has not been taught yet */
    REASON_BUSY,     /* the voter is writing another change to disk */
    REASON_DISK,     /* the voter could not write the grant to disk */
    REASON_RANGE,    /* the request is outside the limits (ttl, right, holder) */
    /* answers to an operator, and predictions */
    REASON_DONE,
    REASON_UNDER_WAY,    /* begun; the state change will tell */
    REASON_NOT_PRIMARY,  /* this host is not the primary */
    REASON_ALREADY,      /* it is so already */
    REASON_NO_PEER,      /* the site has no second host */
    REASON_PEER_SILENT,  /* no fresh beat of the other host */
    REASON_PEER_UNREADY, /* the other host is not a full copy yet, or is not healthy */
    REASON_ANTI_FLAP,    /* two automatic moves within the window already */
    REASON_NO_MAJORITY,  /* too few voters are heard */
    REASON_TILT,         /* the clock jumped; no new right is taken for a while */
    REASON_COPY_BEHIND,  /* the other host's copy of the calls is not whole, or not the same */
    REASON_ALONE,        /* this host goes on without its backup, which lacks what came since */
    REASON_COPY_STALE,   /* its copy lacks what its predecessor sent alone */
    REASON_SELF_UNREADY, /* this host is not a full copy yet, or is not healthy */
    REASON_ARBITER,      /* there is an arbiter, which is not to be passed over */
    REASON_SITE_HEARD,   /* the other site is heard: it can be asked */
    REASON_PEER_DEAF,    /* the other host does not hear this one */
    REASON_LENT,         /* the vote, or the candidate's own, is lent to the pair's other host */
    REASON_LAST_RESORT,  /* no majority: by the probes alone */
    REASON_PEER_HEARD,   /* the other host is heard: it gives the vote back by itself */
    REASON_MAX
};

/* ham_reason_text - one clause for a person; never NULL. */
const char *ham_reason_text(enum ham_reason reason);

#endif
