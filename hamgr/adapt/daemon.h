/* daemon - hamgr as a process: the core of hamgr/core, and the adapters that carry out what it
 * decides.
 *
 *   other hosts --LEASE--> +--------+ --LEASE--> other hosts
 *   components  --ROLE---> | daemon | --ROLE---> components (orders, view)
 *   operator --CONTROL---> +--------+ --> votes (disk), site address, child processes, log
 *
 * Every input becomes one event for ham_step; its actions are performed in order; what an action
 * brings about at once (a write that ended, an address that was added) is the next event.  Nothing
 * is decided here.
 */
#ifndef HAMGR_ADAPT_DAEMON_H
#define HAMGR_ADAPT_DAEMON_H

#include "common/bootstrap.h"
#include "common/bus.h"
#include "common/loop.h"
#include "hamgr/adapt/address.h"
#include "hamgr/adapt/fence.h"
#include "hamgr/adapt/probe.h"
#include "hamgr/adapt/spawn.h"
#include "hamgr/adapt/votes.h"
#include "hamgr/core/ham.h"
#include <jansson.h>

#define COMPONENTS           4  /* the first four of processes.tbl.h after hamgr */
#define DAEMON_EVENTS_MAX    64 /* events that the actions of one step can bring about */
#define DAEMON_OPERATORS_MAX 16 /* verbs under way at once */

/* A component of this host, as it last reported. */
struct component_state {
    enum process process;
    struct bus_peer *peer; /* NULL: not connected */
    int32_t pid;
    bool ready;
    char why_not[256];
    Sf__Mode mode;
    char mode_reason[256];
    uint64_t calls, registrations, agents, conf_epoch, conf_txid, drops, starts;
    bool conf_writable;
    Sf__Role role; /* as it acts now */
    uint64_t epoch;
    Sf__ReplicaState replica_state; /* sipserver: the copy at the backup */
    uint64_t replica_objects, replica_digest;
    char replica_why[256];
};

/* Another host, as its beats describe it. */
struct host_state {
    struct bus_link *link; /* NULL for ourselves */
    Sf__Mode mode;
    char mode_reason[256];
    uint64_t conf_epoch, conf_txid;
    char components[512];
    char replica[16], replica_why[256];
    uint64_t replica_objects, replica_digest;
    char disk_why[256];
    uint64_t disk_for_ms;
    uint32_t wire[1 + COMPONENTS];
    char release[32];
};

struct operator_request {
    uint32_t id; /* 0: free */
    uint64_t request_id;
    struct bus_peer *peer;
};

struct history;

struct daemon {
    struct bootstrap bootstrap;
    struct loop *loop;
    struct bus *bus;
    struct votes *votes;
    struct spawn *spawn;     /* NULL without --supervise, and at the arbiter */
    struct address *address; /* NULL at the arbiter */
    struct fence *fence;     /* NULL at the arbiter */
    struct probe *probe;     /* NULL at the arbiter */
    char probed[192];        /* what the last probes found; "" none were made */
    struct history *history;
    struct loop_timer *step_timer; /* the core's next deadline */
    struct loop_timer *view_timer;
    struct loop_timer *stop_timer;
    struct ham_conf conf;
    struct ham ham;
    struct ham_out out;
    struct ham_ev queue[DAEMON_EVENTS_MAX];
    unsigned queue_n;
    struct component_state components[COMPONENTS];
    uint32_t wire[1 + COMPONENTS]; /* wire version of hamgr and of each; 0: not connected */
    struct host_state hosts[HAM_HOSTS_MAX];
    struct operator_request operators[DAEMON_OPERATORS_MAX];
    uint32_t operator_id;
    bool stepping;
    bool stopping;
    mono_t moves_saved[HAM_MOVES_MAX]; /* as on disk */
    bool view_due;                     /* something that the view shows has changed */
    char disk_why[HAM_COMPONENTS_MAX + 1][DISK_WHY_SIZE];
    uint8_t disk_told; /* enum disk_grade, as last logged */
    uint32_t realtime; /* priority in force; 0: none */
    Sf__RoleOrder order;
    char site_address[CONF_ADDRESS_SIZE];
};

/* daemon_run - run this host (or the arbiter) until SIGTERM or SIGINT.  SUPERVISE: start the
 * components from BIN_DIR. Returns the exit status: 0 orderly stop; 1 the environment refused
 * something, logged in one line; 2 unsafe or contradictory timeouts. */
int daemon_run(const struct bootstrap *bootstrap, bool supervise, const char *bin_dir);

/* daemon_step - one event to the core, and everything that follows from it. */
void daemon_step(struct daemon *d, const struct ham_ev *ev);

/* daemon_conf - the core's configuration from the bootstrap file.  Returns 0; -EINVAL with
 * "FILE:LINE: field 'timeouts.x': the arithmetic and the mend" in TEXT. */
int daemon_conf(const struct bootstrap *bootstrap, struct ham_conf *ret_conf, char *text,
                size_t size);

/* components.c: the ROLE conversation and the child processes. */
int components_open(struct daemon *d);
void components_order(struct daemon *d, const struct ham_order *order);
void components_start(struct daemon *d, uint8_t component);
void components_kill(struct daemon *d, uint8_t component);
void components_child(void *arg, enum process process, enum spawn_event event, const char *text);
bool components_all_gone(const struct daemon *d);
/* "sipserver ready, confproxy starting (loading), ..." */
void components_text(const struct daemon *d, char *text, size_t size);

/* disks.c: how writes go.  disks_say - of component OF, or HAM_OWN_DISK; disks_look - our own;
 * disks_tell - log a change; disks_why - "sipserver: Read-only file system", "" when all is well.
 */
void disks_say(struct daemon *d, unsigned of, enum disk_grade grade, const char *why);
void disks_look(struct daemon *d);
void disks_tell(struct daemon *d);
void disks_why(const struct daemon *d, char *text, size_t size);

/* view.c: what this host knows of all, for components, for beats and for people. */
void view_push(struct daemon *d); /* ClusterView to every component */
struct view_texts {
    char components[512], disk[256];
};
void view_report(const struct daemon *d, Sf__HostReport *report, struct view_texts *texts);
json_t *view_status(const struct daemon *d); /* for `hamgr status`; the caller owns it */
/* REASON in words, with what is known of the copy at the other host. */
void view_reason(const struct daemon *d, enum ham_reason reason, char *text, size_t size);
const char *view_judgement(const struct daemon *d); /* "up", "silent", "dead", "cut" */
void view_evidence(const struct daemon *d, char *text, size_t size); /* for it, in words */

/* why.c: the present in sentences, in TEXT; the same as JSON, which the caller owns. */
json_t *why_story(const struct daemon *d, char *text, size_t size);

/* control.c: the operator's verbs. */
int control_open(struct daemon *d);
void control_event_text(const json_t *event, char *text, size_t size);
void control_answer(struct daemon *d, uint32_t id, enum ham_reason reason);

#endif
