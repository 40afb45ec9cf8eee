/* sim - a deployment of two sites and an arbiter in one process: the real ham cores, and models of
 * clocks, links, disks and components.  No wall clock, no threads, no order taken from pointers:
 * the same seed gives the same run.
 *
 *   hosts 0, 1: site 0 ("east")    hosts 2, 3: site 1 ("west")    host 4: the arbiter
 *
 * After each event the invariants are checked (sim_check): no two hosts of a site may send, no two
 * hosts may write, epochs only grow.  The first breach is kept in VIOLATION and ends the run.
 *
 * True time is in nanoseconds from 0; each host's own clock starts elsewhere, drifts and may jump.
 */
#ifndef SIM_H
#define SIM_H

#include "common/prng.h"
#include "hamgr/core/ham.h"
#include "tests/sim/agenda.h"
#include "tests/sim/link.h"

#define SIM_HOSTS      5
#define SIM_ARBITER    4
#define SIM_COMPONENTS 2
#define SIM_MS         INT64_C(1000000)
#define SIM_STALLED    512 /* events that wait for a frozen host */

struct sim_component {
    bool running, wedged, frozen;
    bool connected;         /* to hamgr, which gives orders to nobody else */
    uint32_t life;          /* its process; reports of an earlier one are lost */
    struct ham_order order; /* in force */
    int64_t until;          /* true time when PRIMARY ends by itself; 0 backup */
    int64_t write_until;
    bool has_waiting; /* an order came while it was frozen */
    struct ham_order waiting;
    int64_t last_order_at, last_report_at; /* both arrive in sequence */
    /* component 0: the live objects, or their copy */
    struct ham_replica replica;
    uint32_t partner;      /* primary: the life of the backup that is in sync; 0 none */
    struct ham_copy asked; /* primary: wants to send alone from here on; sequence 0: does not ask */
    uint64_t requests;     /* how many it made */
    bool alone;            /* primary: sends without a backup, as it was allowed to */
    bool followed;         /* primary: somebody has followed since it became one */
};

struct sim_host {
    bool up;     /* powered */
    bool ham_up; /* hamgr runs */
    bool frozen; /* the whole host, or hamgr alone */
    bool frozen_all;
    uint32_t life; /* of hamgr */
    struct ham ham;
    /* clock: own = own_base + (true - true_base) * (1 + ppm / 1e6) */
    int64_t true_base, own_base;
    int32_t ppm;
    int64_t timer_at;
    /* disk */
    struct vote_record disk[RIGHTS_MAX];
    bool disk_fails;
    int64_t disk_slow_ms; /* 0: normal */
    /* other troubles */
    bool address_fails, crash_loop;
    bool start_hangs;     /* a component that starts is never ready */
    bool unkillable;      /* SIGKILL has no effect for now */
    bool restarts_itself; /* somebody else restarts what dies */
    bool never_joins;     /* its copy of the other host's objects does not become whole */
    bool unplugged;       /* for its probes: no reference address answers */
    bool deaf;            /* batches do not reach it: the link between the SIP servers is broken */
    struct sim_component component[SIM_COMPONENTS];
    struct ham_order last_order;
    bool has_order;
    uint64_t taken; /* the epoch in which the role was last taken */
    uint32_t stalled_n;
    uint32_t stalled[SIM_STALLED]; /* event slots */
    uint8_t answer;                /* enum ham_reason of the last operator verb */
};

struct sim_coverage {
    uint64_t fired[MACHINES_MAX][96];
};

struct sim_event;

struct sim {
    uint64_t seed;
    int64_t now;
    struct ham_conf conf;
    struct sim_host host[SIM_HOSTS];
    struct sim_link link[SIM_HOSTS][SIM_HOSTS];
    struct prng net, disk, comp, chaos, pair;
    bool trace;
    uint64_t hash, events; /* of everything that happened */
    char violation[256];
    struct sim_coverage *coverage;
    struct ham_out out;
    /* what has been seen, for the checks */
    uint64_t epoch_seen[HAM_SITES_MAX];
    uint8_t epoch_host[HAM_SITES_MAX];
    uint64_t write_seen[2];
    uint8_t write_host;
    uint32_t acts_most;
    struct ham_copy alone_from[HAM_SITES_MAX]; /* no backup has what was sent from here on */
    uint64_t solos, stale;         /* how often it was sent alone, and taken over stale */
    uint64_t moves[HAM_SITES_MAX]; /* changes of the sending host */
    uint8_t last_sender[HAM_SITES_MAX];
    struct agenda agenda; /* its slots are indices of: */
    struct sim_event *slots;
};

/* sim_new - a founded deployment, everything powered on at time 0.  CONF may be NULL: defaults. */
struct sim *sim_new(uint64_t seed, const struct ham_conf *conf, bool trace);
void sim_destroy(struct sim **sim);

/* sim_conf - the deployment of two sites and an arbiter, default timeouts. */
void sim_conf(struct ham_conf *conf);

/* sim_run - let MS milliseconds of true time pass; false at the first violation. */
bool sim_run(struct sim *s, int64_t ms);

/* sim_await - run until DONE(s) is true; false when it is not within MS or at a violation. */
bool sim_await(struct sim *s, int64_t ms, bool (*done)(const struct sim *));

/* Faults.  A cut drops silently, one way. */
void sim_cut(struct sim *s, int from, int to);
void sim_heal(struct sim *s, int from, int to);
void sim_heal_all(struct sim *s);
void sim_crash(struct sim *s, int host);   /* power off; writes under way may be lost */
void sim_restart(struct sim *s, int host); /* power on (or thaw) */
void sim_crash_ham(struct sim *s, int host, bool with_components);
void sim_restart_ham(struct sim *s, int host);
void sim_freeze(struct sim *s, int host, bool all); /* hamgr alone, or every process */
void sim_thaw(struct sim *s, int host);
void sim_freeze_component(struct sim *s, int host, int component);
void sim_thaw_component(struct sim *s, int host, int component);
void sim_wedge(struct sim *s, int host, int component);
void sim_crash_component(struct sim *s, int host, int component);
void sim_jump(struct sim *s, int host, int64_t ms); /* the host's clock, forward */
void sim_wipe(struct sim *s, int host);             /* empty its store; it must be down */

/* sim_op - an operator's verb; returns the answer. */
enum ham_reason sim_op(struct sim *s, int host, enum ham_verb verb);

/* sim_inject - deliver M to HOST now, whatever the links. */
void sim_inject(struct sim *s, int host, const struct ham_msg *m);

/* sim_primary, sim_writer - the host that may send for SITE, or write, now; -1 none. */
int sim_primary(const struct sim *s, int site);
int sim_writer(const struct sim *s);

/* sim_served - both sites have a primary, and somebody may write. */
bool sim_served(const struct sim *s);

/* chaos - what seeds do: MS of random faults. */
bool chaos_run(struct sim *s, int64_t ms);

/* chaos_heal - end all faults; true when both sites serve for a second within BOUND_MS. */
bool chaos_heal(struct sim *s, int64_t bound_ms);

#endif
