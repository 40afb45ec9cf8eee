/* Which fields of the objects are shipped.  The numbers are those of proto/replica.proto. */
#include "sipserver/core/replica_inner.h"

#include <string.h>

#define MOMENT(number, member)       RECORD_FIXED(number, member, REPLICA_MOMENT)
#define HANDLE(number, member)       RECORD_FIXED(number, member, REPLICA_NONE)
#define DN(number, member)           RECORD_FIXED(number, member, REPLICA_DN)
#define AGENT(number, member)        RECORD_FIXED(number, member, REPLICA_AGENT)
#define ADDR(number, member)         RECORD_RECORD(number, member, &sip_addr_record)

/* A field was added to one of these, or taken away?  Give it a row below and a number in
 * proto/replica_object.proto, unless it can be made from others; then change its size here. */
#define SHIPPED(type, size) _Static_assert(sizeof(void *) != 8 || sizeof(type) == (size), #type)
SHIPPED(struct binding, 504);
SHIPPED(struct path, 516);
SHIPPED(struct trunk, 2440);
SHIPPED(struct queue, 832);
SHIPPED(struct dn, 688);
SHIPPED(struct agent, 1800);
SHIPPED(struct control, 104);
SHIPPED(struct call, 1624);
SHIPPED(struct transfer, 36);
SHIPPED(struct music, 32);
SHIPPED(struct call_history, 264);
SHIPPED(struct leg, 928);
SHIPPED(struct offer, 4184);
SHIPPED(struct relay, 32);
SHIPPED(struct sip_dialog, 520);
SHIPPED(struct sip_txn, 88);
SHIPPED(struct peering, 161);

/* ---- the configuration's ---- */

#define RECORD_OBJECT struct replica_mode
static const struct record_field mode_fields[] = {
    RECORD_NUMBER(1, state),
    RECORD_TEXT(2, reason),
    RECORD_NUMBER(3, calls_started),
};
#undef RECORD_OBJECT
const struct record_table replica_mode_record = RECORD_TABLE("ReplicaMode", mode_fields);

#define RECORD_OBJECT struct replica_hop
static const struct record_field hop_fields[] = {
    ADDR(1, addr),
    RECORD_NUMBER(2, bad),
    MOMENT(3, rests),
};
#undef RECORD_OBJECT
static const struct record_table hop_record = RECORD_TABLE("ReplicaHop", hop_fields);

#define RECORD_OBJECT struct replica_trunk
static const struct record_field trunk_fields[] = {
    RECORD_NUMBER(1, state),
    RECORD_NUMBER(2, unanswered),
    HANDLE(3, options),
    ADDR(4, addr),
    RECORD_NUMBER(5, cseq),
    RECORD_NUMBER(6, good),
    RECORD_NUMBER(7, hold_ms),
    MOMENT(8, in_since),
    RECORD_TIMER(9, check),
    RECORD_TIMER(10, force),
    RECORD_TIMER(11, hold),
    RECORD_ARRAY(12, RECORD_T_RECORD, 0, hops, hops_n, .of = &hop_record),
};
#undef RECORD_OBJECT
static const struct record_table trunk_record = RECORD_TABLE("ReplicaTrunk", trunk_fields);

#define RECORD_OBJECT struct replica_queue
static const struct record_field queue_fields[] = {
    MOMENT(1, taken),
    RECORD_NUMBER(2, pace_ms),
};
#undef RECORD_OBJECT
static const struct record_table queue_record = RECORD_TABLE("ReplicaQueue", queue_fields);

#define RECORD_OBJECT struct replica_dn
static const struct record_field dn_fields[] = {
    RECORD_TEXT(1, number),
    HANDLE(2, trunk),
    HANDLE(3, queue),
    HANDLE(4, targets),
    RECORD_NUMBER(5, in_service),
    MOMENT(6, since),
    RECORD_TEXT(7, reason),
    RECORD_FIELD(8, RECORD_T_FIXED, 0, lines, .size = sizeof(handle_t), .most = SC_LINES_MAX),
    RECORD_RECORD(9, of_trunk, &trunk_record),
    RECORD_RECORD(10, of_queue, &queue_record),
};
#undef RECORD_OBJECT
const struct record_table replica_dn_record = RECORD_TABLE("ReplicaDn", dn_fields);

#define RECORD_OBJECT struct control
static const struct record_field control_fields[] = {
    RECORD_NUMBER(1, state),       RECORD_NUMBER(2, op),     RECORD_NUMBER(3, step),
    RECORD_NUMBER(4, parties),     RECORD_NUMBER(5, fresh),  RECORD_NUMBER(6, tries),
    RECORD_NUMBER(7, waiting),     RECORD_NUMBER(8, answered), RECORD_NUMBER(9, request_id),
    RECORD_NUMBER(10, client),     HANDLE(11, leg),          HANDLE(12, next),
    RECORD_TEXT(13, number),
};
#undef RECORD_OBJECT
static const struct record_table control_record = RECORD_TABLE("ReplicaControl", control_fields);

#define RECORD_OBJECT struct replica_agent
static const struct record_field agent_fields[] = {
    RECORD_TEXT(1, id),
    RECORD_NUMBER(2, state),
    RECORD_NUMBER(3, wants_ready),
    RECORD_NUMBER(4, acd_call),
    RECORD_NUMBER(5, logout_due),
    DN(6, dn),
    HANDLE(7, call),
    MOMENT(8, since),
    MOMENT(9, idle_since),
    RECORD_NUMBER(10, wrap_up_ms),
    RECORD_TEXT(11, reason),
    RECORD_RECORD(12, control, &control_record),
    RECORD_TIMER(13, wrap),
    RECORD_TIMER(14, phone),
    RECORD_TIMER(15, operation),
};
#undef RECORD_OBJECT
const struct record_table replica_agent_record = RECORD_TABLE("ReplicaAgent", agent_fields);

/* ---- registrations ---- */

#define RECORD_OBJECT struct binding
static const struct record_field binding_fields[] = {
    DN(1, dn),
    HANDLE(2, path),
    ADDR(3, source),
    MOMENT(4, expires),
    MOMENT(5, lost),
    MOMENT(6, renewed),
    HANDLE(7, call_id),
    RECORD_NUMBER(8, cseq),
    RECORD_NUMBER(9, reg_id),
    RECORD_NUMBER(10, q),
    RECORD_TEXT(11, contact),
    RECORD_TEXT(12, instance),
};
#undef RECORD_OBJECT
const struct record_table binding_record = RECORD_TABLE("ReplicaBinding", binding_fields);

#define RECORD_OBJECT struct path
static const struct record_field path_fields[] = {RECORD_BYTES(1, text, len)};
#undef RECORD_OBJECT
const struct record_table path_record = RECORD_TABLE("ReplicaPath", path_fields);

/* ---- calls ---- */

#define RECORD_OBJECT struct ring
static const struct record_field ring_fields[] = {HANDLE(1, leg), DN(2, dn), AGENT(3, agent)};
#undef RECORD_OBJECT
static const struct record_table ring_record = RECORD_TABLE("ReplicaRing", ring_fields);

#define RECORD_OBJECT struct call_try
static const struct record_field try_fields[] = {
    RECORD_FIXED(1, trunk, REPLICA_TRUNK),
    ADDR(2, addr),
};
#undef RECORD_OBJECT
static const struct record_table try_record = RECORD_TABLE("ReplicaTry", try_fields);

#define RECORD_OBJECT struct diverted
static const struct record_field diverted_fields[] = {DN(1, dn), RECORD_NUMBER(2, reason)};
#undef RECORD_OBJECT
static const struct record_table diverted_record = RECORD_TABLE("ReplicaDiverted", diverted_fields);

#define RECORD_OBJECT struct phone_tries
static const struct record_field phones_fields[] = {
    RECORD_ARRAY(1, RECORD_T_NUMBER, 0, key, n),
    RECORD_NUMBER(2, instance),
};
#undef RECORD_OBJECT
static const struct record_table phones_record = RECORD_TABLE("ReplicaPhones", phones_fields);

#define RECORD_OBJECT struct call_target
static const struct record_field target_fields[] = {
    DN(1, dn),         AGENT(2, agent), MOMENT(3, start),         MOMENT(4, ring),
    MOMENT(5, answer), MOMENT(6, end),  RECORD_NUMBER(7, status), RECORD_NUMBER(8, place),
    RECORD_NUMBER(9, how), RECORD_NUMBER(10, coming),
};
#undef RECORD_OBJECT
static const struct record_table target_record = RECORD_TABLE("ReplicaTarget", target_fields);

#define RECORD_OBJECT struct call_history
static const struct record_field history_fields[] = {
    RECORD_NUMBER(1, started_wall_ms),
    RECORD_NUMBER(2, outcome),
    RECORD_NUMBER(3, released_by),
    RECORD_NUMBER(4, relayed),
    RECORD_NUMBER(5, told),
    RECORD_NUMBER(6, targets_n),
    RECORD_FIELD(7, RECORD_T_RECORD, 0, targets, .size = sizeof(struct call_target),
                 .most = CALL_TARGETS_MAX, .of = &target_record),
    RECORD_NUMBER(8, caller_how),
    MOMENT(9, caller_end),
    DN(10, source),
};
#undef RECORD_OBJECT
static const struct record_table history_record = RECORD_TABLE("ReplicaHistory", history_fields);

#define RECORD_OBJECT struct transfer
static const struct record_field transfer_fields[] = {
    RECORD_NUMBER(1, state),   RECORD_NUMBER(2, kind),   RECORD_NUMBER(3, by_caller),
    RECORD_NUMBER(4, attended), RECORD_NUMBER(5, offered), RECORD_NUMBER(6, silent),
    RECORD_NUMBER(7, tries),   RECORD_NUMBER(8, id),     HANDLE(9, by),
    HANDLE(10, to),            AGENT(11, agent),
};
#undef RECORD_OBJECT
static const struct record_table transfer_record = RECORD_TABLE("ReplicaTransfer", transfer_fields);

#define RECORD_OBJECT struct music
static const struct record_field music_fields[] = {
    RECORD_NUMBER(1, state), RECORD_NUMBER(2, next), RECORD_NUMBER(3, tries), RECORD_NUMBER(4, asked),
    HANDLE(5, leg),          MOMENT(6, began),       MOMENT(7, answered),
};
#undef RECORD_OBJECT
static const struct record_table music_record = RECORD_TABLE("ReplicaMusic", music_fields);

#define RECORD_OBJECT struct call
static const struct record_field call_fields[] = {
    RECORD_NUMBER(1, epoch),
    RECORD_NUMBER(2, number),
    RECORD_NUMBER(3, state),
    RECORD_NUMBER(4, forwarded),
    RECORD_NUMBER(5, stay),
    RECORD_NUMBER(6, at_peer),
    RECORD_NUMBER(7, joining),
    RECORD_NUMBER(8, from_queue),
    RECORD_NUMBER(9, priority),
    RECORD_NUMBER(10, overflows),
    RECORD_NUMBER(11, diversions),
    RECORD_NUMBER(12, legs_n),
    HANDLE(13, caller),
    HANDLE(14, target),
    HANDLE(15, offer),
    DN(16, source),
    DN(17, target_dn),
    DN(18, queue),
    DN(19, left),
    AGENT(20, agent),
    RECORD_FIXED(21, targets, REPLICA_TARGETS),
    RECORD_NUMBER(22, targets_next),
    RECORD_FIELD(23, RECORD_T_FIXED, 0, relays, .size = sizeof(handle_t), .most = CALL_RELAYS_MAX),
    RECORD_ARRAY(24, RECORD_T_RECORD, 0, rings, rings_n, .of = &ring_record),
    MOMENT(25, started),
    MOMENT(26, queued),
    MOMENT(27, answered),
    MOMENT(28, entered),
    RECORD_NUMBER(29, cause),
    RECORD_NUMBER(30, max_forwards),
    RECORD_NUMBER(31, ringing),
    RECORD_NUMBER(32, silent),
    RECORD_ARRAY(33, RECORD_T_RECORD, 0, tries, tries_n, .of = &try_record),
    RECORD_TEXT(34, called),
    RECORD_TEXT(35, number_now),
    RECORD_TEXT(36, number_out),
    RECORD_TEXT(37, from),
    RECORD_TEXT(38, from_name),
    RECORD_NUMBER(39, asserted),
    RECORD_NUMBER(40, private),
    HANDLE(41, came),
    RECORD_NUMBER(42, came_n),
    RECORD_ARRAY(43, RECORD_T_RECORD, 0, diverted, diverted_n, .of = &diverted_record),
    DN(44, on_behalf),
    HANDLE(45, data),
    RECORD_NUMBER(46, before_epoch),
    RECORD_NUMBER(47, before),
    RECORD_RECORD(48, phones, &phones_record),
    RECORD_RECORD(49, history, &history_record),
    RECORD_RECORD(50, transfer, &transfer_record),
    RECORD_RECORD(51, music, &music_record),
    RECORD_TIMER(52, ring),
    RECORD_TIMER(53, wait),
    RECORD_TIMER(54, notice),
    RECORD_TIMER(55, sound),
};
#undef RECORD_OBJECT
const struct record_table call_record = RECORD_TABLE("ReplicaCall", call_fields);

#define RECORD_OBJECT struct sdp_origin
static const struct record_field origin_fields[] = {
    RECORD_NUMBER(1, known),
    RECORD_NUMBER(2, version),
    RECORD_TEXT(3, who),
    RECORD_TEXT(4, where),
};
#undef RECORD_OBJECT
static const struct record_table origin_record = RECORD_TABLE("ReplicaOrigin", origin_fields);

#define RECORD_OBJECT struct leg
static const struct record_field leg_fields[] = {
    RECORD_RECORD(1, dialog, &sip_dialog_record),
    ADDR(2, peer),
    HANDLE(3, invite),
    HANDLE(4, call),
    DN(5, dn),
    RECORD_NUMBER(6, state),
    RECORD_NUMBER(7, is_caller),
    RECORD_NUMBER(8, by_flow),
    RECORD_NUMBER(9, counted),
    RECORD_NUMBER(10, trunk),
    RECORD_NUMBER(11, logins),
    RECORD_NUMBER(12, acked),
    RECORD_NUMBER(13, session_state),
    RECORD_NUMBER(14, raises),
    RECORD_NUMBER(15, can_update),
    RECORD_NUMBER(16, has_timer),
    RECORD_NUMBER(17, wants_us),
    RECORD_NUMBER(18, asked_s),
    RECORD_NUMBER(19, min_s),
    RECORD_NUMBER(20, interval_s),
    MOMENT(21, refreshed),
    HANDLE(22, refresh),
    RECORD_NUMBER(23, ack_had_body),
    HANDLE(24, joins),
    HANDLE(25, join_txn),
    RECORD_NUMBER(26, refers),
    RECORD_NUMBER(27, sdp_size),
    HANDLE(28, sdp),
    RECORD_RECORD(29, origin, &origin_record),
    RECORD_NUMBER(30, stopped),
    RECORD_NUMBER(31, auto_answer),
    RECORD_NUMBER(32, can_talk),
    RECORD_NUMBER(33, holds),
    RECORD_NUMBER(34, held),
    AGENT(35, control),
    HANDLE(36, consults),
    RECORD_NUMBER(37, reliable),
    RECORD_NUMBER(38, prack_waits),
    RECORD_NUMBER(39, early_body),
    RECORD_NUMBER(40, due),
    RECORD_NUMBER(41, asked_cseq),
    RECORD_NUMBER(42, rseq),
    RECORD_NUMBER(43, rseq_theirs),
    RECORD_TIMER(44, session),
    RECORD_NUMBER(45, only_looks),
    MOMENT(46, rseq_sent),
    RECORD_NUMBER(47, unpracked_ms),
};
#undef RECORD_OBJECT
const struct record_table leg_record = RECORD_TABLE("ReplicaLeg", leg_fields);

/* ---- bodies and texts ---- */

#define SDP_BODY(most)                                                                             \
    {                                                                                              \
        .number = 1, .type = RECORD_T_BYTES, .offset = offsetof(struct sdp, body), .size = (most), \
        .count = offsetof(struct sdp, len), .count_size = sizeof(uint16_t), .name = "body"         \
    }
static const struct record_field sdp_small_fields[] = {SDP_BODY(SDP_SMALL_SIZE)};
static const struct record_field sdp_large_fields[] = {SDP_BODY(SC_SDP_SIZE)};
const struct record_table sdp_small_record = RECORD_TABLE("ReplicaSdp", sdp_small_fields);
const struct record_table sdp_large_record = RECORD_TABLE("ReplicaSdp", sdp_large_fields);

#define RECORD_OBJECT struct offer
static const struct record_field offer_fields[] = {
    RECORD_BYTES(1, type, type_len),
    RECORD_BYTES(2, body, len),
};
#undef RECORD_OBJECT
const struct record_table offer_record = RECORD_TABLE("ReplicaOffer", offer_fields);

#define RECORD_OBJECT struct relay
static const struct record_field relay_fields[] = {
    HANDLE(1, call),           RECORD_NUMBER(2, from_caller), RECORD_NUMBER(3, method),
    RECORD_NUMBER(4, answered), RECORD_NUMBER(5, offers),     RECORD_NUMBER(6, holds),
    RECORD_NUMBER(7, exchange), RECORD_NUMBER(8, no_1xx),     HANDLE(9, server),
    HANDLE(10, client),
};
#undef RECORD_OBJECT
const struct record_table relay_record = RECORD_TABLE("ReplicaRelay", relay_fields);

#define RECORD_OBJECT struct data
static const struct record_field data_fields[] = {RECORD_TEXT(1, text)};
#undef RECORD_OBJECT
const struct record_table data_record = RECORD_TABLE("ReplicaData", data_fields);

#define RECORD_OBJECT struct came
static const struct record_field came_fields[] = {RECORD_BYTES(1, text, len)};
#undef RECORD_OBJECT
const struct record_table came_record = RECORD_TABLE("ReplicaCame", came_fields);

/* ---- the objects ---- */

const struct record_table *replica_table(enum replica_kind kind)
{
    switch (kind) {
    case REPLICA_KIND_MODE: return &replica_mode_record;
    case REPLICA_KIND_DN: return &replica_dn_record;
    case REPLICA_KIND_AGENT: return &replica_agent_record;
    case REPLICA_KIND_SERVER:
    case REPLICA_KIND_CLIENT: return &sip_txn_record;
#define KIND(number, name, pool, message, table)                                                   \
    case REPLICA_KIND_##name: return table;
#include "sipserver/core/replica_kinds.tbl.h"
    case REPLICA_KINDS: break;
    }
    return NULL;
}

struct pool *replica_pool(struct sc *sc, enum replica_kind kind)
{
    switch (kind) {
    case REPLICA_KIND_MODE: break;
    case REPLICA_KIND_DN: return &sc->dns;
    case REPLICA_KIND_AGENT: return &sc->agents;
    case REPLICA_KIND_SERVER: return sip_replica_pool(sc->sip, true);
    case REPLICA_KIND_CLIENT: return sip_replica_pool(sc->sip, false);
#define KIND(number, name, pool, message, table)                                                   \
    case REPLICA_KIND_##name: return &sc->pool;
#include "sipserver/core/replica_kinds.tbl.h"
    case REPLICA_KINDS: break;
    }
    return NULL;
}

/* Of a timer that is armed, its moment. */
static struct timer moment_of(const struct timer *t)
{
    return (struct timer){.due = timer_armed(t) ? t->due : MONO_ZERO};
}

static void put_mode(const struct sc *sc, struct record_buf *b)
{
    struct replica_mode m = {.state = sc->peering.state, .calls_started = sc->calls_started};

    memcpy(m.reason, sc->peering.reason, sizeof(m.reason));
    record_put(b, &replica_mode_record, &m, true);
}

static void read_trunk(const struct trunk *t, struct replica_trunk *r)
{
    *r = (struct replica_trunk){.state = t->state,
                                .unanswered = t->unanswered,
                                .options = t->options,
                                .addr = t->addr,
                                .cseq = t->cseq,
                                .good = t->good,
                                .hold_ms = t->hold_ms,
                                .in_since = t->in_since,
                                .check = moment_of(&t->check),
                                .force = moment_of(&t->force),
                                .hold = moment_of(&t->hold),
                                .hops_n = t->hops_n};
    for (uint32_t i = 0; i < t->hops_n; i++)
        r->hops[i] = (struct replica_hop){t->hops[i].addr, t->hops[i].bad, t->hops[i].rests};
}

static void put_dn(const struct sc *sc, const struct dn *d, struct record_buf *b)
{
    const struct trunk *t = pool_peek(&sc->trunks, d->trunk);
    const struct queue *q = pool_peek(&sc->queues, d->queue);
    struct replica_dn r = {.trunk = d->trunk,
                           .queue = d->queue,
                           .targets = d->targets,
                           .in_service = d->in_service,
                           .since = d->since};

    memcpy(r.number, d->number, sizeof(r.number));
    memcpy(r.reason, d->reason, sizeof(r.reason));
    memcpy(r.lines, d->lines, sizeof(r.lines));
    if (t != NULL)
        read_trunk(t, &r.of_trunk);
    if (q != NULL)
        r.of_queue = (struct replica_queue){.taken = q->taken, .pace_ms = q->pace_ms};
    record_put(b, &replica_dn_record, &r, true);
}

static void put_agent(const struct agent *a, struct record_buf *b)
{
    struct replica_agent r = {.state = a->state,
                              .wants_ready = a->wants_ready,
                              .acd_call = a->acd_call,
                              .logout_due = a->logout_due,
                              .dn = a->dn,
                              .call = a->call,
                              .since = a->since,
                              .idle_since = a->idle_since,
                              .wrap_up_ms = a->wrap_up_ms,
                              .control = a->control,
                              .wrap = moment_of(&a->wrap),
                              .phone = moment_of(&a->phone),
                              .operation = moment_of(&a->operation)};

    memcpy(r.id, a->id, sizeof(r.id));
    memcpy(r.reason, a->reason, sizeof(r.reason));
    record_put(b, &replica_agent_record, &r, true);
}

void replica_put(struct sc *sc, enum replica_kind kind, uint32_t index, struct record_buf *b)
{
    const struct pool *pool = replica_pool(sc, kind);
    const void *object = pool != NULL ? pool_at(pool, index) : NULL;

    switch (kind) {
    case REPLICA_KIND_MODE: put_mode(sc, b); break;
    case REPLICA_KIND_DN: put_dn(sc, object, b); break;
    case REPLICA_KIND_AGENT: put_agent(object, b); break;
    case REPLICA_KIND_SERVER:
    case REPLICA_KIND_CLIENT: sip_replica_put(sc->sip, object, b, !sc->primary); break;
#define KIND(number, name, pool, message, table) case REPLICA_KIND_##name:
#include "sipserver/core/replica_kinds.tbl.h"
        record_put(b, replica_table(kind), object, !sc->primary);
        break;
    case REPLICA_KINDS: break;
    }
}
