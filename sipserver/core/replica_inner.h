/* replica_inner - what the files of the copy share: replica.c (ships and applies), replica_record.c
 * (which fields), replica_adopt.c (goes on from a copy).  For nobody else.
 */
#ifndef SIPSERVER_CORE_REPLICA_INNER_H
#define SIPSERVER_CORE_REPLICA_INNER_H

#include "common/record.h"
#include "sipserver/core/replica.h"
#include "sipserver/core/state.h"
#include "sipserver/sip/replica.h"

/* For record_walk, besides those of the stack: handles of what the configuration made. */
enum replica_use {
    REPLICA_DN = REPLICA_OTHERS,
    REPLICA_AGENT,
    REPLICA_TRUNK,
    REPLICA_TARGETS,
};

/* The kinds from here on are the core's own pools. */
#define REPLICA_FIRST_OWN REPLICA_KIND_PATH

/* What is shipped of the trunk, of the queue, of a DN, of an agent; the rest is configuration. */
struct replica_hop {
    struct sip_addr addr;
    bool bad;
    mono_t rests;
};

struct replica_trunk {
    uint8_t state; /* enum trunk_state */
    bool unanswered;
    uint64_t options;
    struct sip_addr addr;
    uint32_t cseq, good, hold_ms;
    mono_t in_since;
    struct timer check, force, hold;
    uint32_t hops_n;
    struct replica_hop hops[SC_HOPS_MAX];
};

struct replica_queue {
    mono_t taken;
    uint32_t pace_ms;
};

struct replica_dn {
    char number[SC_NAME_SIZE];
    handle_t trunk, queue, targets; /* the primary's */
    bool in_service;
    mono_t since;
    char reason[SC_REASON_SIZE];
    handle_t lines[SC_LINES_MAX];
    struct replica_trunk of_trunk;
    struct replica_queue of_queue;
};

struct replica_agent {
    char id[SC_NAME_SIZE];
    uint8_t state; /* enum sc_agent_state */
    bool wants_ready, acd_call, logout_due;
    handle_t dn, call;
    mono_t since, idle_since;
    uint32_t wrap_up_ms;
    char reason[SC_REASON_SIZE];
    struct control control;
    struct timer wrap, phone, operation;
};

struct replica_mode {
    uint8_t state; /* enum peering_state */
    char reason[SC_REASON_SIZE];
    uint64_t calls_started;
};

extern const struct record_table replica_mode_record, replica_dn_record, replica_agent_record;
extern const struct record_table binding_record, path_record, call_record, leg_record,
    sdp_small_record, sdp_large_record, offer_record, relay_record, data_record, came_record;

/* replica_table - of an object of KIND as it is on the wire. */
const struct record_table *replica_table(enum replica_kind kind);

/* replica_pool - where the objects of KIND are; NULL: MODE, which is one. */
struct pool *replica_pool(struct sc *sc, enum replica_kind kind);

/* replica_put - append the object of KIND at INDEX, which exists. */
void replica_put(struct sc *sc, enum replica_kind kind, uint32_t index, struct record_buf *b);

/* replica_hold - the object of KIND at INDEX, as a record, into the scratch.  Returns: its length.
 * replica_retake - that record becomes the object there, as if it had come from a primary. */
size_t replica_hold(struct sc *sc, enum replica_kind kind, uint32_t index);
void replica_retake(struct sc *sc, enum replica_kind kind, uint32_t index, size_t len);

/* replica_keep - the role goes: what was the core's own becomes a copy of itself.  The
 * configuration is as if it had never been used.  Asserts: primary. */
void replica_keep(struct sc *sc);

/* replica_adopt - the copy becomes the core's own; the clocks differ by CLOCK_NS. */
void replica_adopt(struct sc *sc, int64_t clock_ns);

/* replica_end - nobody follows, and there is no copy. */
void replica_end(struct sc *sc);

#endif
