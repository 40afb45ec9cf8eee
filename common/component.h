/* component - what every component process (sipserver, confproxy, statserver, desktop) does alike:
 * options --config FILE [--self NAME], bootstrap, log, loop, bus, the ROLE conversation with hamgr, READY=1 and
 * WATCHDOG=1 (sd_notify), SIGTERM as orderly stop, and the watch of the configuration.
 *
 * The process fills in its callbacks and calls component_main.  Beats (RoleReport) go out from the last
 * turn-end handler: in the turn that a renewal of the role woke, and after component-beat-interval without one.
 * A timer of that interval runs the turn, so that an idle process beats too.  A service manager that set a
 * watchdog is told WATCHDOG=1 with the beats, often enough for it.
 */
#ifndef COMMON_COMPONENT_H
#define COMMON_COMPONENT_H

#include "common/bootstrap.h"
#include "common/bus.h"
#include "common/loop.h"

/* The role order in force.  Check component_may_serve right before each send to the outside. */
struct component_role {
    bool primary;
    uint64_t epoch;
    mono_t deadline;         /* of PRIMARY; MONO_ZERO when backup */
    bool writer;
    uint64_t ticket_epoch;
    mono_t writer_deadline;
    uint64_t solo_epoch, solo_sequence; /* may send alone, as last asked for; 0: may not */
    bool stale;                         /* took over with a copy that does not reach: */
    uint64_t stale_epoch, stale_sequence;
};

struct component {
    struct loop *loop;
    struct bus *bus;
    struct bootstrap bootstrap;
    struct component_role role;
    void *self;              /* the process's own state */
};

struct component_hooks {
    enum process process;
    /* Called once, everything open; create sockets and cores here.  Returns 0 or a negative errno after having
     * logged the reason. */
    int (*start)(struct component *component);
    /* The order changed, or its deadline was renewed or ran out (then role.primary is already false).  When it says
     * backup, output must have stopped on return. */
    void (*on_role)(struct component *component);
    /* Fill in what this component reports in its beat (may be NULL). REPORT's strings must outlive the call. */
    void (*report)(struct component *component, Sf__RoleReport *report);
    /* hamgr's view of the deployment, at a change and once a second (may be NULL). */
    void (*on_view)(struct component *component, const Sf__ClusterView *view);
    /* SIGTERM: stop in order; call loop_exit(component->loop, 0) when done (NULL: at once). */
    void (*stop)(struct component *component);
    /* Called once after the loop has ended; frees what start made. */
    void (*finish)(struct component *component);
    /* Watch the configuration (confproxy itself does not).  One object at a time, then LOADED with the last of the
     * snapshot.  All three may be NULL. */
    void (*on_conf_reset)(struct component *component);  /* a snapshot begins: forget all */
    void (*on_conf_change)(struct component *component, const Sf__ConfChange *change);
    void (*on_conf_loaded)(struct component *component, uint64_t epoch, uint64_t txid); /* after a snapshot or an update */
};

/* component_main - run the process.  Returns its exit status: 0 orderly stop, 1 environment (reason logged),
 * 2 wrong command line or bootstrap file. */
int component_main(int argc, char **argv, const struct component_hooks *hooks, void *self);

/* component_may_serve - true while this host is primary and the deadline is ahead, by the clock read now.
 * To be asked right before each send from the site address (H-4). */
bool component_may_serve(const struct component *component);

/* component_report - report to hamgr now: something that it decides from has changed (the replica's state). */
void component_report(struct component *component);

/* component_ask_solo - the backup has not acknowledged in time: may we send alone from SEQUENCE of EPOCH on (proto/role.proto,
 * SoloRequest)?  The answer is on_role with role.solo_sequence; an answer to an earlier request is none.  SEQUENCE 0: it
 * acknowledges again.  Ask once, not again and again: the answer comes when a majority of the voters has it on record,
 * however long that takes, and without hamgr there is no role to be alone in. */
void component_ask_solo(struct component *component, uint64_t epoch, uint64_t sequence);

#endif
