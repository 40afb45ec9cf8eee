/* ham - the whole decision of one hamgr: votes, the role of its site, the ticket, the judgement of
 * the other site, and the supervision of its components.  The arbiter is the same core with votes
 * and beats only.
 *
 *   events --> ham_step(now) --> actions, to be performed in order
 *
 * No I/O, no clock, no allocation, no log, no global.  Time first: a step does everything due at
 * NOW before it looks at the event, so that a thawed process finds its lease over before it acts.
 * At its start a host is always backup.
 */
#ifndef HAMGR_HAM_H
#define HAMGR_HAM_H

#include "hamgr/core/conf.h"
#include "hamgr/core/lease.h"
#include "hamgr/core/out.h"
#include "hamgr/core/resort.h"
#include "hamgr/core/site.h"
#include "hamgr/core/supervise.h"
#include "hamgr/core/vote.h"

enum ham_ev_type {
    HAM_EV_TICK,      /* nothing but time */
    HAM_EV_MESSAGE,   /* from another host; passed ham_msg_valid and the envelope's checks */
    HAM_EV_COMPONENT, /* report of a component of this host */
    HAM_EV_PERSISTED, /* a write ended */
    HAM_EV_ADDRESS,   /* a change of the site address ended */
    HAM_EV_OPERATOR,  /* a verb */
    HAM_EV_DISK,      /* how the writes of a component, or our own, go */
    HAM_EV_PROBED     /* the probes of ACT_PROBE have ended */
};

enum ham_report {
    COMPONENT_READY,   /* READY=1; of one that we did not start: before it gets its first order */
    COMPONENT_BEAT,    /* a whole turn through its work path */
    COMPONENT_EXITED,  /* its process ended */
    COMPONENT_STOPPED, /* obeys the BACKUP order of EPOCH: sends nothing any more */
    COMPONENT_SYNC,    /* is (ON) or is not able to serve; the one that must serve: its REPLICA */
    COMPONENT_POS,     /* the configuration copy has come to POS */
    COMPONENT_SOLO     /* under EPOCH: may it send alone from REPLICA.at on (sequence 0: no more)?
                          REQUEST comes back */
};

enum ham_verb {
    VERB_SWITCHOVER, /* hand the role to the pair's other host */
    VERB_PROMOTE,    /* bring the configuration writer to this site */
    VERB_PAUSE,      /* no automatic move until VERB_RESUME */
    VERB_RESUME,
    VERB_ACKNOWLEDGE, /* forget the automatic moves counted by anti-flap */
    VERB_STOP,        /* hand over if somebody can take it, else release; then take nothing more */
    VERB_RECALL, /* take our lent vote back without its borrower, which the operator knows to be
                    stopped for good */
    VERB_FORCE   /* as VERB_PROMOTE, without the other site, which the operator knows to be stopped;
                    only without an arbiter */
};

struct ham_ev {
    uint8_t type; /* enum ham_ev_type */
    union {
        struct ham_msg msg;
        struct {
            struct ham_pos pos;
            struct ham_replica replica;
            uint64_t epoch;
            uint64_t request;
            uint8_t component;
            uint8_t report; /* enum ham_report */
            bool on;
        } component;
        struct {
            uint32_t id; /* of the ACT_PERSIST */
            bool ok;
        } persisted;
        struct {
            bool on, ok; /* what was ordered; whether it was done */
        } address;
        struct {
            bool references; /* one of them answered */
            bool site;       /* the site address did */
        } probed;
        struct {
            uint8_t of;    /* component, or HAM_OWN_DISK */
            uint8_t grade; /* enum disk_grade */
        } disk;
        struct {
            uint32_t id;  /* comes back in ACT_ANSWER */
            uint8_t verb; /* enum ham_verb */
        } op;
    };
};

#define HAM_OWN_DISK HAM_COMPONENTS_MAX /* of the votes */

#define HAM_MOVES_MAX 8 /* automatic moves remembered */

/* What another host told us last, and when. */
struct ham_other {
    mono_t heard; /* MONO_ZERO: never */
    struct ham_beat beat;
};

struct ham {
    struct ham_conf conf;
    bool is_arbiter;
    uint8_t site, peer; /* ours; the pair's other host; HAM_NONE */
    struct vote vote[RIGHTS_MAX];
    bool votes[RIGHTS_MAX]; /* whether we are a voter of each right */
    struct lease role, ticket;
    struct site other_site;
    struct resort resort;
    uint64_t resorts; /* how often it served by the last resort, since our start */
    bool judges;      /* there is another site to judge */
    struct supervise component[HAM_COMPONENTS_MAX];
    struct ham_other other[HAM_HOSTS_MAX];
    mono_t started, last_step, tilt_until, next_beat;
    struct ham_order order; /* last given */
    bool ordered;           /* one has been given since our start */
    mono_t order_latest;    /* latest deadline ever ordered */
    uint8_t stopped;        /* mask: components that have stopped sending */
    mono_t close_by;        /* YIELDING: the site address goes then, stopped or not */
    uint8_t synced;         /* mask: components that are able to serve */
    struct ham_replica
        replica;     /* as last reported; a primary's outlives the process that said it */
    bool said_ready; /* in the last beat */
    bool said_takes;
    struct ham_copy solo; /* what the component last asked for; sequence 0: nothing */
    uint64_t solo_request;
    uint64_t solos, stale_takeovers;         /* counted since our start */
    uint8_t disk_of[HAM_COMPONENTS_MAX + 1]; /* enum disk_grade, as last said */
    uint8_t disk;                            /* the worst of them, at least good */
    mono_t disk_since;                       /* not good: since when; MONO_ZERO: good */
    bool address_on;                         /* last ordered */
    bool address_known;                      /* the last order has been confirmed */
    uint8_t address_fails;
    mono_t address_retry; /* MONO_NEVER: not waiting */
    uint8_t ticket_site;  /* where the writer was last seen */
    mono_t writer_seen;   /* when; our start at first */
    mono_t promote_until; /* an operator wants the ticket here until then */
    bool forced;          /* ... or holds it at the operator's word, by the votes of this pair */
    bool paused, stopping;
    mono_t stop_asked;           /* STOPPING: since when */
    uint64_t said_loan[2];       /* in the last beat, of the role of this site */
    mono_t moves[HAM_MOVES_MAX]; /* automatic moves, MONO_ZERO none */
    uint8_t move_next;
    mono_t acknowledged; /* by the operator, at either host; MONO_ZERO: never */
    bool flap_refused;   /* anti-flap keeps the role here; noted once */
};

/* ham_init - CONF is copied and must have passed ham_conf_check; RECORDS[RIGHTS_MAX] is what the
 * store holds.  SEED must differ at each start (it begins the request numbers too). */
void ham_init(struct ham *h, const struct ham_conf *conf, uint64_t seed, mono_t now,
              const struct vote_record *records);

/* ham_step - OUT is emptied first, then filled. */
void ham_step(struct ham *h, mono_t now, const struct ham_ev *ev, struct ham_out *out);

/* ham_deadline - step (with HAM_EV_TICK at least) no later than this. */
mono_t ham_deadline(const struct ham *h);

/* ham_sane - the invariants; asserted at the end of each step. */
bool ham_sane(const struct ham *h);

/* ham_health - of this host, as the gate before each renewal sees it. */
enum ham_health ham_health(const struct ham *h, mono_t now);

/* ham_predict - what an operator's VERB would be answered at NOW (REASON_DONE, REASON_UNDER_WAY, or
 * why not). */
enum ham_reason ham_predict(const struct ham *h, enum ham_verb verb, mono_t now);

/* ham_moves - automatic moves that anti-flap counts at NOW. */
uint8_t ham_moves(const struct ham *h, mono_t now);

/* ham_recall - before the first step: an automatic move was AGE_MS ago, in an earlier life. */
void ham_recall(struct ham *h, mono_t now, int64_t age_ms);

/* ham_ready - REASON_DONE: the pair's other host is ready for switchover; or why not. */
enum ham_reason ham_ready(const struct ham *h, mono_t now);

/* ham_left - after VERB_STOP: there is nothing more to wait for.  The role is let go, and our vote
 * is lent as far as somebody is there to take it: the primary and the witness have it on disk. */
bool ham_left(const struct ham *h, mono_t now);

/* ham_host_fresh - HOST was heard within silent-after. */
bool ham_host_fresh(const struct ham *h, uint8_t host, mono_t now);

/* ham_state_name, ham_machine_name - for people. */
const char *ham_state_name(enum ham_machine machine, uint8_t state);
const char *ham_machine_name(enum ham_machine machine);

#endif
