/* out - the orders that one step of the core gives, to be performed in this order.
 *
 * The array is fixed; what a step can at most order is below its size, and exceeding it is a bug
 * (asserted).  Pointers inside (why) are to constant text.
 */
#ifndef HAMGR_OUT_H
#define HAMGR_OUT_H

#include "hamgr/core/msg.h"

enum ham_act_type {
    ACT_SEND,    /* send MSG to host TO; loss is allowed */
    ACT_PERSIST, /* write RECORD of RIGHT durably, then report HAM_EV_PERSISTED with ID */
    ACT_ORDER,   /* tell every component of this host its role (struct ham_order) */
    ACT_ADDRESS, /* add or remove the site address, then report HAM_EV_ADDRESS */
    ACT_START,   /* start COMPONENT */
    ACT_KILL,    /* SIGKILL COMPONENT; its end comes back as COMPONENT_EXITED */
    ACT_ANSWER,  /* answer to the operator event with the same ID */
    ACT_NOTE,    /* one journal line */
    ACT_PROBE    /* ask the reference addresses and the site address, then report HAM_EV_PROBED */
};

/* The role order.  A component serves while it is PRIMARY and its own reading of the clock is
 * before DEADLINE, checked before each send; it writes configuration while WRITER and before
 * WRITE_DEADLINE.  The network fence of the site address has the same DEADLINE. */
struct ham_order {
    mono_t deadline;       /* BACKUP: MONO_NEVER */
    mono_t write_deadline; /* not WRITER: MONO_ZERO */
    uint64_t epoch; /* of the role; BACKUP: above the last one held here, so that whoever repeats it
                       has seen this order; 0 none was */
    uint64_t ticket_epoch; /* write epoch = (ticket_epoch, epoch) */
    struct ham_copy solo;  /* may send without its backup, as asked for; sequence 0: may not */
    uint64_t solo_request; /* the component's number of that request */
    struct ham_copy lacks; /* STALE: from here on its predecessor had sent alone */
    uint8_t role;          /* enum ham_role */
    bool writer;
    bool stale; /* took over with a copy that does not reach LACKS */
};

enum ham_machine {
    MACHINE_VOTE,
    MACHINE_LEASE,
    MACHINE_SITE,
    MACHINE_SUPERVISE,
    MACHINE_RESORT,
    MACHINES_MAX
};

/* A state change of a machine, or (FROM == TO) something worth a line. */
struct ham_note {
    const char *why;  /* from the table row */
    uint64_t epoch;   /* of the right concerned, else 0 */
    uint8_t machine;  /* enum ham_machine */
    uint8_t instance; /* right, site or component */
    uint8_t from, to; /* ham_state_name(machine, ...) */
    uint8_t reason;   /* enum ham_reason, REASON_DONE when nothing was refused */
};

struct ham_act {
    uint8_t type; /* enum ham_act_type */
    union {
        struct {
            struct ham_msg msg;
            uint8_t to;
        } send;
        struct {
            struct vote_record record;
            uint32_t id;
            uint8_t right;
        } persist;
        struct ham_order order;
        struct {
            bool on;
        } address;
        uint8_t component;
        struct {
            uint32_t id;
            uint8_t reason; /* enum ham_reason */
        } answer;
        struct ham_note note;
    };
};

#define HAM_ACTS_MAX  96
#define HAM_FIRED_MAX 128

struct ham_out {
    uint32_t n;
    uint32_t fired_n; /* table rows used in this step, for the simulator's coverage */
    struct {
        uint8_t machine, row;
    } fired[HAM_FIRED_MAX];
    struct ham_act act[HAM_ACTS_MAX];
};

/* ham_out_add - the next free action, its type set and its other fields undefined. */
struct ham_act *ham_out_add(struct ham_out *out, enum ham_act_type type);

/* ham_out_send - order MSG to be sent to host TO. */
void ham_out_send(struct ham_out *out, uint8_t to, const struct ham_msg *msg);

/* ham_out_fired - remember that ROW of MACHINE was used, and note the move if the state changed. */
void ham_out_fired(struct ham_out *out, uint8_t row, const struct ham_note *note);

#endif
