/* model - the role of one site, explored: two hosts and the witness, the shipped vote and lease
 * tables (hamgr/core), and every order in which their world can happen, to a stated depth.
 *
 * What can happen in a state is a list of moves: time passes (by one quantum, on clocks that run at
 * different speeds), somebody wakes (or does not: that is a freeze), a message arrives (or another
 * one before it, or twice, or never), a write ends well or badly, a hamgr dies while what it
 * ordered goes on, a host dies and comes back, a store is lost, the operator wants a switchover,
 * output stops.  Faults are limited by a budget each, so that a run is finite.
 *
 * In each state: no two hosts send (I1), one epoch has one sender, epochs only grow, whoever takes
 * the role with a copy that lacks what was sent alone knows it, and the machines are sane.
 */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include "hamgr/core/lease.h"
#include "hamgr/core/vote.h"

#define MODEL_NODES     3 /* 0 and 1: the hosts of the site; 2: the witness */
#define MODEL_MESSAGES  4 /* under way at once; one more displaces the oldest: a loss */
#define MODEL_MOVES_MAX 64

struct model_limits {
    uint8_t crashes, wipes, duplicates, disk_faults, switchovers, solos, leaves;
    int8_t pace[MODEL_NODES]; /* of each clock: -1 slow, 0 true, 1 fast, by drift-ppm */
};

struct model_node {
    bool up;      /* its hamgr runs */
    bool leaving; /* it is being stopped in good order */
    mono_t clock;
    struct vote vote;
    struct lease lease;
    struct vote_record disk, writing;
    uint32_t writing_id; /* 0: nothing is being written */
    /* the components of a host: they obey the last order by themselves */
    mono_t send_until;
    uint64_t send_epoch;
    bool may_alone;             /* the last order allows to send without the other host ... */
    struct ham_copy alone_from; /* ... from here on */
    struct ham_copy at;         /* how far the copy here has come */
    uint64_t taken;             /* the epoch in which it last took the role */
};

struct model_message {
    struct ham_msg msg;
    uint8_t to;
    bool copied;
};

struct model {
    struct model_node node[MODEL_NODES];
    struct model_message message[MODEL_MESSAGES];
    uint8_t messages, quanta;
    struct model_limits left;
    uint64_t epoch_seen; /* the highest under which somebody sent, and who */
    uint8_t epoch_host;
    struct ham_copy alone_from; /* what was sent from here on, the other host has not */
    const char *wrong;          /* the first invariant that did not hold */
};

enum model_kind {
    MOVE_TIME,
    MOVE_WAKE,
    MOVE_DELIVER,
    MOVE_DELIVER_COPY,
    MOVE_SAVED,
    MOVE_SAVE_FAILED,
    MOVE_KILL,      /* SIGKILL of hamgr: its components go on until their deadline */
    MOVE_KILL_DONE, /* the same, and the write under way had reached the disk */
    MOVE_POWER_OFF, /* the host: output ends as well */
    MOVE_WIPE,      /* a node that is down loses its store */
    MOVE_START,
    MOVE_TEACH, /* a beat of node B reaches node A */
    MOVE_SWITCHOVER,
    MOVE_STOPPED, /* the output of a yielding host has stopped */
    MOVE_SOLO,    /* the holder's backup does not acknowledge: it wants to go on alone */
    MOVE_ALONE,   /* a host that is allowed to sends alone */
    MOVE_JOIN,    /* the other host has a whole copy again */
    MOVE_STOP,    /* the operator stops a host that is backup ... */
    MOVE_LEAVE,   /* ... it lends its vote, or gives back the other's ... */
    MOVE_EXIT,    /* ... and is gone */
    MOVE_TELL     /* node A sends a beat to node B */
};

struct model_move {
    uint8_t kind; /* enum model_kind */
    uint8_t a, b;
};

struct model_coverage {
    uint64_t vote[96], lease[96]; /* how often each row fired */
};

/* model_init - founded, everybody up, nobody holds the role.  CONF gives the timeouts. */
void model_init(struct model *m, const struct ham_conf *conf, const struct model_limits *limits);

/* model_moves - what can happen next; returns how many. */
int model_moves(const struct model *m, struct model_move *ret_moves);

/* model_apply - let MOVE happen; M->wrong says what broke. */
void model_apply(struct model *m, struct model_move move, struct model_coverage *coverage);

/* model_hash - equal states have equal hashes; never 0. */
uint64_t model_hash(const struct model *m);

/* model_print - one line: the move that led here, and the state. */
void model_print(const struct model *m, struct model_move move);

#endif
