/* state - the objects of the core and the core itself; for the core's own files only.
 *
 * Each object is a record (values only: handles, never pointers, moments as deadlines) followed by
 * its place in this process (list links, hash nodes, timers), which can be rebuilt from the record.
 *
 *   dn ── agent logged in      call ── caller leg, target leg ── dialog, INVITE transaction
 *    ├─ bindings                 ├─ offer (body of the INVITE while it waits or is offered)
 *    ├─ trunk                    ├─ agent, queue
 *    ├─ queue ── waiting calls   └─ relays (in-dialog requests on their way through)
 *    └─ targets
 */
#ifndef SIPSERVER_CORE_STATE_H
#define SIPSERVER_CORE_STATE_H

#include "common/hash.h"
#include "common/list.h"
#include "common/pool.h"
#include "common/prng.h"
#include "common/timer.h"
#include "sipserver/core/guard.h"
#include "sipserver/core/core.h"
#include "sipserver/core/fsm.h"
#include "sipserver/core/nonce.h"
#include "sipserver/core/sdp.h"
#include "sipserver/core/source.h"

/* Names, safely copied and compared.  A text that does not fit is cut: callers check lengths at the
 * edge. */
void text_copy(char *to, size_t size, const char *from);
void text_copy_str(char *to, size_t size, struct sip_str from);
/* Of a URI's user part: escapes of characters that need none are taken off, "%32010" is 2010
 * (RFC 3261 19.1.4); "%2B" is taken for the + of a global number, too. */
void text_copy_number(char *to, size_t size, struct sip_str from);
/* number_read - the number that USER, URI's user part or the first part of it, means: without such
 * escapes, and a telephone number (tel:, ;user=phone) without visual separators (RFC 3966 3).
 * False: it is empty, or longer than any number.  number_of_uri - of the whole user part. */
bool number_read(const struct sip_uri *uri, struct sip_str user, char number[SC_NAME_SIZE]);
bool number_of_uri(const struct sip_uri *uri, char number[SC_NAME_SIZE]);
bool text_eq(const char *a, const char *b);

/* The owner that a transaction carries: which object its events are for. */
enum owner_kind { OWNER_NONE, OWNER_LEG, OWNER_RELAY, OWNER_TRUNK };
uint64_t owner_of(enum owner_kind kind, handle_t handle);
enum owner_kind owner_kind(uint64_t owner);
handle_t owner_handle(uint64_t owner);

enum timer_kind {
    TIMER_BINDING,       /* a registration expires */
    TIMER_TRUNK_CHECK,   /* the next OPTIONS */
    TIMER_TRUNK_FORCE,   /* oos-force since the first unanswered OPTIONS */
    TIMER_TRUNK_HOLD,    /* the hold-down is over */
    TIMER_CALL_RING,     /* the target rang too long */
    TIMER_CALL_WAIT,     /* the call waited too long */
    TIMER_CALL_NOTICE,   /* the caller is told again where it stands */
    TIMER_CALL_SOUND,    /* the next step of its music */
    TIMER_AGENT_WRAP,    /* after-call work is over */
    TIMER_LEG_SESSION,   /* the session timer of a leg: refresh it, or it is over */
    TIMER_AGENT_PHONE,   /* the agent's phone has been out of service too long */
    TIMER_AGENT_CONTROL, /* the agent's operation: too late, or once more */
    TIMER_KINDS
};

enum agent_event {
#define EVENT(name, meaning) AGENT_EV_##name,
#include "sipserver/core/agent.tbl.h"
    AGENT_EVENTS
};

enum peering_event {
#define EVENT(name, meaning) PEERING_EV_##name,
#include "sipserver/core/peering.tbl.h"
    PEERING_EVENTS
};

enum peering_state {
#define STATE(name, meaning) PEERING_##name,
#include "sipserver/core/peering.tbl.h"
    PEERING_STATES
};

enum trunk_state {
#define STATE(name, meaning) TRUNK_##name,
#include "sipserver/core/trunk.tbl.h"
    TRUNK_STATES
};

enum trunk_event {
#define EVENT(name, meaning) TRUNK_EV_##name,
#include "sipserver/core/trunk.tbl.h"
    TRUNK_EVENTS
};

enum call_state {
#define STATE(name, meaning) CALL_##name,
#include "sipserver/core/call.tbl.h"
    CALL_STATES
};

enum call_event {
#define EVENT(name, meaning) CALL_EV_##name,
#include "sipserver/core/call.tbl.h"
    CALL_EVENTS
};

enum music_state {
#define STATE(name, meaning) MUSIC_##name,
#include "sipserver/core/music.tbl.h"
    MUSIC_STATES
};

enum music_event {
#define EVENT(name, meaning) MUSIC_EV_##name,
#include "sipserver/core/music.tbl.h"
    MUSIC_EVENTS
};

enum session_state {
#define STATE(name, meaning) SESSION_##name,
#include "sipserver/core/session.tbl.h"
    SESSION_STATES
};

enum session_event {
#define EVENT(name, meaning) SESSION_EV_##name,
#include "sipserver/core/session.tbl.h"
    SESSION_EVENTS
};

enum transfer_state {
#define STATE(name, meaning) TRANSFER_##name,
#include "sipserver/core/transfer.tbl.h"
    TRANSFER_STATES
};

enum transfer_event {
#define EVENT(name, meaning) TRANSFER_EV_##name,
#include "sipserver/core/transfer.tbl.h"
    TRANSFER_EVENTS
};

enum control_state {
#define STATE(name, meaning) CONTROL_##name,
#include "sipserver/core/control.tbl.h"
    CONTROL_STATES
};

enum control_event {
#define EVENT(name, meaning) CONTROL_EV_##name,
#include "sipserver/core/control.tbl.h"
    CONTROL_EVENTS
};

extern const struct fsm agent_fsm, peering_fsm, trunk_fsm, call_fsm, session_fsm, transfer_fsm,
    music_fsm, control_fsm;

/* ---- objects ---- */

/* One phone registered under an extension, or one flow of a phone that has several (RFC 5626). */
struct binding {
    handle_t dn;
    handle_t path; /* proxies in between (RFC 3327); none: the phone speaks to us directly */
    struct sip_addr
        source; /* where its REGISTER came from, so requests reach it behind NAT (RFC 3581) */
    mono_t expires;
    mono_t lost; /* its connection has ended: the binding lives until then; MONO_ZERO: it has not */
    mono_t renewed;   /* by the last REGISTER */
    uint64_t call_id; /* hash of the REGISTER's Call-ID (RFC 3261 10.3, step 7) */
    uint32_t cseq;
    uint32_t reg_id; /* RFC 5626; 0: not outbound */
    uint16_t q;      /* thousandths; SC_Q_NONE: none given, which counts as 1 */
    char contact[SIP_URI_MAX];
    char instance[SC_INSTANCE_SIZE]; /* "" = not given */

    struct list_link in_dn;   /* by q, then newest first */
    struct list_link in_flow; /* of sc->flows, when it came over a connection */
    struct timer expiry;      /* at EXPIRES or LOST */
};

/* The Path of a registration: values with commas, the proxy next to us first. */
struct path {
    uint32_t len;
    char text[SC_PATH_SIZE];
};

/* One of the addresses of a trunk. */
struct hop {
    struct sip_addr addr;
    uint16_t priority, weight; /* RFC 2782 */
    bool bad;                  /* it did not answer: the others come first */
    mono_t rests;              /* it takes no call until then, as it said; MONO_ZERO: never said */
};

/* Where a trunk's requests may come from besides. */
struct net {
    struct sip_addr addr; /* family and ip count */
    uint8_t bits;
};

/* What the other end of a trunk wants to be answered with, and how often it was (credentials.h). */
struct login {
    char realm[SC_REALM_SIZE]; /* "": the trunk has no password */
    char nonce[SC_NONCE_SIZE]; /* "": it has not asked yet */
    char opaque[SC_NONCE_SIZE];
    uint8_t algorithm; /* enum sip_digest_algorithm */
    bool named;        /* the challenge named it */
    bool qop, proxy;
    uint32_t uses; /* of the nonce */
    mono_t told;   /* when a refusal was last told */
};

/* The watch of a trunk. */
struct trunk {
    handle_t dn;
    uint8_t state;          /* enum trunk_state */
    bool inter_site;        /* dr-peer-trunk names it */
    bool unanswered;        /* an OPTIONS is out, no answer since */
    bool reachable;         /* its contact is an address: it can be watched and called */
    struct sip_addr addr;   /* where requests go: the hop that is watched */
    char host[SC_URI_SIZE]; /* the name in its contact; "": that has an address */
    uint16_t port;          /* beside the name; 0: none */
    uint8_t transport;      /* enum sip_transport, of the name */
    uint64_t options;       /* transaction of the last OPTIONS to the watched hop */
    uint32_t asked;         /* the bad hop that was asked last */
    uint32_t hops_n, hop;   /* ADDR is that of hops[hop] */
    struct hop hops[SC_HOPS_MAX];
    uint32_t nets_n;
    struct net nets[SC_NETS_MAX];
    struct login login;
    uint32_t priority, weight;
    uint32_t calls_max, calls_in_max, calls_out_max; /* 0: no limit of its own */
    uint32_t calls_in, calls_out;                    /* legs that are up or being set up */
    bool
        any_port; /* its contact names no port: requests from any port of the address are its own */
    uint32_t cseq;    /* of the last OPTIONS */
    uint32_t good;    /* answers since it began to answer again */
    uint32_t hold_ms; /* the present hold-down */
    mono_t in_since;
    char contact[SC_URI_SIZE];
    uint32_t prefixes_n;
    char prefixes[SC_PREFIXES_MAX][SC_PREFIX_SIZE];
    uint32_t oos_check_ms;
    uint32_t oos_force_ms;
    uint32_t recovery_timeout_ms;
    bool follows_redirect;
    bool trusted; /* its P-Asserted-Identity is believed, and it gets ours */

    struct list_link in_all;
    struct timer check, force, hold;
};

/* A rule of the dial plan. */
struct rule {
    char id[SC_NAME_SIZE];
    char text[PATTERN_SIZE]; /* the pattern as written */
    struct pattern pattern;
    char prepend[SC_PREFIX_SIZE];
    uint32_t digits_min, digits_max, strip, order;
    bool share;
    uint32_t to_n, from_n;
    char to[SC_RULE_TARGETS_MAX][SC_NAME_SIZE];
    char from[SC_CLASSES_MAX][SC_CLASS_SIZE];
    uint64_t seen;
};

struct queue {
    handle_t dn;
    uint32_t size_max;
    uint32_t wait_max_ms;
    uint32_t wrap_up_ms;  /* 0: as the server says */
    uint8_t distribution; /* enum sc_distribution */
    uint32_t groups_n;
    uint64_t groups[SC_GROUPS_MAX]; /* keyed hashes of their names (group_key) */
    uint32_t answer_after_ms;       /* 0: as the server says */
    uint32_t music_n;
    char music[SC_MUSIC_MAX][SC_NAME_SIZE]; /* services, in order */
    mono_t taken;     /* the last call out of it was answered, others waited; MONO_ZERO: none did */
    uint32_t pace_ms; /* between two such answers, smoothed; 0: not known */
    char overflow_full[SC_NAME_SIZE], overflow_wait[SC_NAME_SIZE], overflow_no_agent[SC_NAME_SIZE];
    uint32_t waiting_n;
    uint32_t waiting_by[SC_PRIORITIES];
    uint32_t logged_in;
    uint32_t in_music; /* of the waiting calls, those that hear a service */

    struct list waiting[SC_PRIORITIES]; /* calls, by when they came */
    struct list idle; /* memberships of agents who can take a call, longest idle first */
    uint32_t idle_n;
    struct list_link in_dirty;
    struct list_link in_grouped; /* of those that name groups */
};

struct targets {
    handle_t dn;
    uint32_t n;
    char number[SC_TARGETS_MAX][SC_NAME_SIZE];
};

struct dn {
    char number[SC_NAME_SIZE];
    enum sc_dn_type type;
    enum sc_dr_forward dr_forward;
    uint8_t priority; /* of the calls that come from it or go through it */
    bool in_service;
    uint64_t seen; /* the whole configuration in which it was last named */
    mono_t since;
    char reason[SC_REASON_SIZE];
    char display[SC_DISPLAY_SIZE]; /* its quotes and backslashes escaped; "" none */
    char calling_class[SC_CLASS_SIZE];
    char digest_user[SC_NAME_SIZE];
    struct sip_ha1 ha1;
    handle_t trunk, queue, targets; /* by type */
    handle_t agent;                 /* logged in here */
    uint32_t legs;                  /* live legs at this phone */
    handle_t lines[SC_LINES_MAX];   /* ... of these, those that its agent can control */
    bool auto_answer;               /* calls out of a queue are answered by the phone itself */
    uint32_t bindings_n;
    uint32_t lost_n; /* of these, whose connection has ended */

    struct list bindings;
    struct hash_node by_number;
};

/* An agent's place among those of one queue. */
struct membership {
    struct list_link in_idle;
    uint32_t agent; /* index in the pool */
    uint32_t rank;  /* order of preference, for SC_LINEAR */
};

/* What an agent's desktop has asked for, while it is under way (control.h). */
struct control {
    uint8_t state; /* enum control_state */
    uint8_t op;    /* enum sc_agent_op */
    uint8_t step;  /* HOLDING, RETRIEVING: how many have agreed: the other party, the phone ... */
    uint8_t
        parties; /* ... of how many: 3 when the phone's streams moved, which the other must know */
    bool fresh;  /* the next party gets what the last one answered */
    uint8_t tries; /* how often the present party was asked */
    bool waiting;  /* the present party is asked once more when the time has come */
    bool answered; /* the desktop has its reply */
    uint64_t request_id, client;
    handle_t leg;  /* the agent's leg that is worked on */
    handle_t next; /* the agent's other leg, worked on after it */
    char number[SC_NAME_SIZE];
};

struct agent {
    char id[SC_NAME_SIZE];
    char default_dn[SC_NAME_SIZE];
    uint32_t own_n, groups_n, level; /* as configured */
    char own[SC_AGENT_QUEUES_MAX][SC_NAME_SIZE];
    uint64_t groups[SC_GROUPS_MAX];
    uint32_t queues_n; /* that it serves: its own, then those of its groups */
    char queues[SC_AGENT_QUEUES_MAX][SC_NAME_SIZE];
    uint64_t seen;
    uint8_t state; /* enum sc_agent_state */
    bool wants_ready;
    bool acd_call;   /* the present or last call came out of a queue */
    bool logout_due; /* forced logout when the call and the work after it are over */
    bool idle;       /* on the lists of its queues */
    handle_t dn;     /* logged in there */
    handle_t call;   /* offered or answered */
    mono_t since;
    mono_t idle_since;
    uint32_t wrap_up_ms; /* after the present call */
    char reason[SC_REASON_SIZE];
    struct control control;

    struct membership membership[SC_AGENT_QUEUES_MAX];
    struct hash_node by_id;
    struct timer wrap, phone, operation;
};

enum trunk_count { TRUNK_NOT_COUNTED, TRUNK_COUNTED_IN, TRUNK_COUNTED_OUT };

enum leg_state {
    LEG_CALLING,   /* INVITE out (target) or in (caller), no final answer */
    LEG_CANCELLED, /* target: CANCEL sent or due, the final answer is awaited */
    LEG_ANSWERED,  /* 2xx, not acknowledged */
    LEG_UP,        /* acknowledged */
    LEG_BYE_DUE,   /* caller: over, but BYE must wait for the ACK of our 2xx (RFC 3261 15) */
    LEG_ENDING,    /* BYE sent, its answer is awaited */
};

enum prack_waits {
    PRACK_NONE,
    PRACK_TAKEN,   /* within a step: the target's reliable response is about to be passed on */
    PRACK_AWAITED, /* the caller has a reliable response and has not acknowledged it */
};

struct leg {
    struct sip_dialog dialog;
    struct sip_addr peer; /* where its INVITE came from, or went to */
    uint64_t invite;      /* transaction of the INVITE that made it, while it runs */
    handle_t call;
    handle_t dn;   /* the phone's DN, or the trunk's */
    uint8_t state; /* enum leg_state */
    bool is_caller;
    bool by_flow;   /* a registered phone: requests go to PEER whatever its Contact says */
    bool counted;   /* in dn->legs */
    uint8_t trunk;  /* enum trunk_count: in which count of its trunk */
    uint8_t logins; /* challenges answered since its party last let a request by */
    uint32_t acked; /* CSeq of the last INVITE of ours whose 2xx we acknowledged */

    /* the session timer (session.h) */
    uint8_t session_state; /* enum session_state */
    uint8_t raises;        /* 422 answers followed */
    bool can_update;       /* its party's Allow names UPDATE */
    bool has_timer;        /* its party knows session timers */
    bool wants_us;         /* its party asked us to refresh */
    uint32_t asked_s;      /* the interval that its party asked for; 0: none */
    uint32_t min_s;        /* the least that its party, or a proxy, accepts; 0: any */
    uint32_t interval_s;   /* in force, or asked for by us */
    mono_t refreshed;      /* when the interval began */
    uint64_t refresh;      /* transaction of our refresh; 0: none is out */
    bool only_looks;       /* that is OPTIONS, which refreshes nothing */
    bool ack_had_body;     /* the last ACK of ours carried the kept body */

    /* transfers (transfer.h) */
    handle_t joins;    /* the call that waits for this party's answer */
    uint64_t join_txn; /* to the INVITE that asks it; 0: none is out */
    bool refers;       /* its party has sent a REFER before */

    uint8_t sdp_size; /* enum sdp_size: which of the pools SDP is in */
    handle_t sdp;     /* what was sent to it last, as the other party wrote it */

    /* call control (control.h) */
    struct sdp_origin origin; /* what it is shown instead of the other party's */
    uint8_t stopped;          /* of the streams that it is shown: SDP_SEND, SDP_RECV */
    bool auto_answer;         /* a phone that is asked to answer by itself */
    bool can_talk;            /* its party is a phone that NOTIFY with Event: talk answers */
    bool holds;               /* its party has put the other one on hold by itself */
    bool held;                /* an agent's leg: the server holds the other party for it */
    handle_t control;         /* the agent whose operation waits for this leg */
    handle_t consults;        /* an agent's leg in a consult call: the agent's leg that waits */

    /* provisional responses (prack.h) */
    uint8_t reliable;     /* enum reliability: what the caller wants, what the target was offered */
    uint8_t prack_waits;  /* caller: enum prack_waits */
    bool early_body;      /* caller: it was sent a session description before the answer */
    uint16_t due;         /* caller: a provisional status that waits for the PRACK; 0: none */
    uint32_t asked_cseq;  /* caller: CSeq of its INVITE */
    uint32_t rseq;        /* caller: of our last reliable response; target: of its last; 0: none */
    uint32_t rseq_theirs; /* caller: the target's that it passed on; 0: it was our own */
    mono_t rseq_sent;     /* caller: when the last one was sent */
    uint32_t unpracked_ms; /* caller: how long branches that have gone waited for a PRACK in vain */

    struct timer session;
};

/* The session description that a leg's party was sent last, small as most are, or large. */
enum sdp_size { SDP_SMALL, SDP_LARGE, SDP_SIZES };
#define SDP_SMALL_SIZE 316

struct sdp {
    uint16_t len, room;
    char body[]; /* ROOM bytes */
};

/* A body that must outlive the datagram it came in. */
struct offer {
    uint32_t type_len, len;
    char type[80];
    char body[SC_OFFER_SIZE];
};

/* The Diversion that a call came with: its values, the latest first. */
struct came {
    uint16_t len;
    char text[SC_DIVERSION_SIZE];
};

enum divert_reason {
    DIVERT_UNCONDITIONAL,  /* a routing point, a queue */
    DIVERT_DEFLECTION,     /* a phone that answered 3xx */
    DIVERT_OUT_OF_SERVICE, /* a number that is out of service here: the other site has it */
    DIVERT_UNAVAILABLE,    /* ... that has no agent here */
};

/* A number here that passed a call on (divert.h). */
struct diverted {
    handle_t dn;
    uint8_t reason; /* enum divert_reason */
};

#define CALL_RELAYS_MAX 4

/* An in-dialog request on its way from one leg to the other. */
struct relay {
    handle_t call;
    bool from_caller;
    uint8_t method;  /* enum sip_method */
    bool answered;   /* a 2xx to an INVITE went back, its ACK is awaited */
    bool offers;     /* it carries an offer ... */
    bool holds;      /* ... which puts the other party on hold */
    bool exchange;   /* it has an offer, or wants one: one at a time (RFC 3264 4) */
    bool no_1xx;     /* it requires reliable provisional responses, which it gets none of */
    uint64_t server; /* the request as it came */
    uint64_t client; /* as it went on */
};

/* An address of a trunk that a call was offered to. */
struct call_try {
    handle_t trunk;
    struct sip_addr addr;
};

/* Which phones of a number the present offer has tried: hashes of contacts and of instances. */
struct phone_tries {
    uint8_t n;
    uint32_t key[SC_CONTACTS_MAX];
    uint32_t instance; /* of the last one; 0: it has none */
};

/* The data attached to a call, in the form of data.h. */
struct data {
    char text[SC_DATA_SIZE];
};

#define CALL_TARGETS_MAX (SC_RECORD_LEGS_MAX - 1)

/* As what a party is in a call. */
enum call_place {
    PLACE_OFFERED, /* the call was offered to it */
    PLACE_CALLED,  /* by a transfer: in the place of the called party ... */
    PLACE_CALLER,  /* ... and in that of the caller */
};

/* Someone the call was offered to, or transferred to. */
struct call_target {
    handle_t dn, agent;
    mono_t start, ring, answer, end; /* MONO_ZERO: not yet, or never */
    unsigned status;
    uint8_t place; /* enum call_place */
    uint8_t how;   /* enum sc_leg_end */
    bool coming;   /* by a transfer under way, whose transferor is still there */
};

/* What the record of a call will say (record.h). */
struct call_history {
    int64_t started_wall_ms;
    uint8_t outcome;     /* enum sc_call_phase, once told */
    uint8_t released_by; /* enum sc_party */
    bool relayed;
    bool told;
    uint32_t targets_n; /* in all; CALL_TARGETS_MAX are kept, those that answered before others:
                         * the oldest of them is at TARGETS_N modulo that */
    struct call_target targets[CALL_TARGETS_MAX];
    uint8_t caller_how; /* enum sc_leg_end, of the first caller */
    mono_t caller_end;  /* it left the call, which went on; MONO_ZERO: it did not */
    handle_t source;    /* the first caller's, when another has its place; none: the call's */
};

enum transfer_kind {
    TRANSFER_BY_REFER,   /* the transferor's phone asked, and is told by NOTIFY */
    TRANSFER_BY_DESKTOP, /* the transferor's agent asked */
    TRANSFER_OF_CALLER,  /* nobody: the caller, who is connected already, gets the target */
};

/* A transfer under way (transfer.h). */
struct transfer {
    uint8_t state;  /* enum transfer_state */
    uint8_t kind;   /* enum transfer_kind */
    bool by_caller; /* the transferor is, or was, the call's caller */
    bool attended;  /* the new party's leg is of another call */
    bool offered;   /* the new party has answered, with an offer */
    bool silent;    /* the transferor wants no NOTIFY, or no longer */
    uint8_t tries;  /* how often the other party was asked */
    uint32_t id;    /* of the subscription: CSeq of the REFER; 0: the first one, which needs none */
    handle_t by;    /* the transferor's leg */
    handle_t to;    /* the new party's */
    handle_t agent; /* who asked by the desktop */
};

/* For whom the caller was asked by re-INVITE. */
enum music_who {
    MUSIC_NOBODY,
    MUSIC_SERVICE,
    MUSIC_TARGET,
    MUSIC_GONE, /* a service that has left */
};

/* What the caller hears while it waits (music.h). */
struct music {
    uint8_t state;   /* enum music_state */
    uint8_t next;    /* of the queue's services, the one to try */
    uint8_t tries;   /* how often the caller was asked */
    uint8_t asked;   /* enum music_who: that re-INVITE is out */
    handle_t leg;    /* the service's */
    mono_t began;    /* the present service */
    mono_t answered; /* the caller, by the first one; MONO_ZERO: not */
};

#define CALL_RINGS_MAX (SC_RING_ALL_MAX - 1)

/* A phone that rings for a call beside its target (ring.h). */
struct ring {
    handle_t leg, dn, agent;
};

struct call {
    uint64_t epoch, number; /* the role under which it began, and its serial number: its id */
    uint8_t state;          /* enum call_state */
    bool forwarded;         /* came from the peer site: never goes back (F-2) */
    bool stay;              /* was offered to the peer in vain: stays here */
    bool at_peer;           /* the present target is the peer site */
    bool joining;           /* the target has answered a caller who hears music */
    bool from_queue;        /* offered to an agent out of its queue: comes back when that fails */
    uint8_t priority;
    uint8_t overflows; /* how often it has left a queue for another place */
    uint8_t diversions;
    uint8_t legs_n;
    handle_t caller, target; /* legs */
    handle_t offer;
    handle_t source;    /* trunk's DN it came in by, or the caller's extension */
    handle_t target_dn; /* where it is offered or established */
    handle_t queue;     /* DN of the queue it waits in or came through */
    handle_t left;      /* the one that it has left for another place, in case that fails */
    handle_t agent;     /* reserved for it, or on it */
    handle_t targets;   /* routing point under way */
    uint32_t targets_next;
    handle_t relays[CALL_RELAYS_MAX];
    uint8_t rings_n;
    struct ring rings[CALL_RINGS_MAX];
    mono_t started, queued, answered;
    mono_t entered;       /* the present queue; QUEUED is when it entered the first one */
    unsigned cause;       /* SIP status for the caller when nothing better comes */
    uint8_t max_forwards; /* for the INVITE to the target */
    bool ringing;         /* the target has said so */
    bool silent;          /* the target is a trunk that has not said anything yet */
    uint8_t tries_n;
    struct call_try tries[SC_TRIES_MAX]; /* for NUMBER_NOW */
    char called[SC_NAME_SIZE];
    char number_now[SC_NAME_SIZE]; /* the number being tried: CALLED, or a target of a routing point
                                    */
    char number_out[SC_NAME_SIZE]; /* NUMBER_NOW as a trunk is asked for it; "": as it is */
    char from[SC_NAME_SIZE];       /* the caller's number */
    char from_name[SC_NAME_SIZE];  /* the caller's name as it goes between quotes; "" none */
    bool asserted;                 /* somebody vouches for both (identity.h) */
    bool private;                  /* the caller asks to stay unknown */
    handle_t came;                 /* the Diversion that it came with */
    uint32_t came_n;               /* diversions before us */
    uint8_t diverted_n;
    struct diverted diverted[SC_DIVERTED_MAX]; /* the oldest first */
    handle_t on_behalf; /* the phone that redirected it, whose rights count; none: the source's */
    handle_t data;      /* attached by agents; none: there are no data */
    uint64_t before_epoch, before; /* the call that it came out of by a transfer; 0: none */

    struct phone_tries phones; /* of the extension that is called */
    struct call_history history;
    struct transfer transfer;
    struct music music;

    struct list_link in_queue; /* of its queue; of sc->over when its last leg is gone */
    struct timer ring, wait, notice, sound;
};

enum core_count {
#define COUNTER(id, name, text) N_##id,
#include "sipserver/core/counters.tbl.h"
    CORE_COUNTS
};

struct peering {
    uint8_t state; /* enum peering_state */
    char trunk[SC_NAME_SIZE];
    char reason[SC_REASON_SIZE];
};

/* ---- the copy at the other host (replica.h) ---- */

enum replica_kind {
#define KIND(number, name, pool, message, table) REPLICA_KIND_##name = number,
#define NAMED(number, name, message)             REPLICA_KIND_##name = number,
#include "sipserver/core/replica_kinds.tbl.h"
    REPLICA_KINDS
};

/* Of an object that the configuration made: what the primary said of it, until it is taken over. */
#define REPLICA_NAMED_MAX 1024
struct replica_named {
    handle_t local; /* while it is taken over: the object of that name here */
    uint32_t generation;
    uint16_t len; /* 0: nothing */
    unsigned char body[REPLICA_NAMED_MAX];
};

struct replica {
    bool following; /* primary: somebody follows */
    bool whole;     /* ... and has everything but what is marked */
    bool copy;      /* backup: objects have come */
    uint32_t slice_kind, slice_at;
    uint32_t check_kind, check_at;
    uint64_t objects, digest, unknown;
    uint64_t *shipped[REPLICA_KINDS]; /* by place: hash of what was shipped, or came; 0: nothing */
    struct pool_marks marks[REPLICA_KINDS], trunk_marks, queue_marks;
    struct replica_named *mode, *dns, *agents;
    /* while it is taken over: ours, by the primary's place */
    struct replica_match {
        uint32_t generation;
        handle_t local;
    } * trunks, *targets;
    unsigned char *scratch; /* SC_REPLICA_OBJECT_MAX bytes */
};

struct sc {
    struct sc_conf conf;
    struct sc_options options;
    struct sip_digest digest;
    struct prng prng;
    bool primary, loaded;
    uint64_t epoch;
    uint64_t seen;          /* number of the whole configuration being read or in force */
    bool reading;           /* between CONF_BEGIN and CONF_LOADED */
    bool regrouping;        /* queues or groups changed: who serves what is being worked out */
    uint32_t regroup_next;  /* index of the next agent to look at */
    bool sweeping;          /* what the last whole configuration did not name is being deleted */
    int64_t wall_offset_ms; /* wall clock less monotonic clock */
    uint64_t calls_started;
    uint32_t agents_logged_in;
    struct peering peering;
    uint64_t counts[CORE_COUNTS];

    struct pool rules;
    struct rule **rules_sorted; /* in the order in which they hold */
    uint32_t rules_n;
    struct pool dns, trunks, queues, targets, bindings, paths, agents, calls, legs, offers, relays,
        datas, came;
    char
        *leg_texts; /* by place of the leg: SIP_DIALOG_TEXT_MAX bytes, untouched while not needed */
    struct pool sdps[SDP_SIZES];
    struct hash dns_by_number, agents_by_id;
    struct list all_trunks;
    struct list grouped_queues;       /* that name groups of agents */
    struct list flows[SC_FLOW_LISTS]; /* bindings by the number of their connection */
    struct list dirty_queues; /* their numbers changed, or they may have a call for an agent */
    struct timers timers;
    struct guard guard; /* of passwords */
    struct nonces nonces;
    uint32_t nonce_serial; /* begins at random */
    struct sources sources;
    struct {
        size_t bytes;  /* that may be sent for the datagram at hand; 0: any */
        unsigned from; /* what is sent for it begins there in out->sip */
        struct sip_addr src;
    } bound; /* bound.h */
    struct {
        uint32_t late_ms; /* how long what came last had waited */
        mono_t at;
        mono_t since; /* it has been overload-lag or more all the time; MONO_ZERO: it is not */
        mono_t told;
    } overload;
    struct sip_stack *sip;
    void *sip_memory;
    size_t sip_memory_size;
    uint32_t serial;  /* tells tags and Call-IDs of one object apart; begins at random */
    struct list over; /* calls without legs, given back at the end of each event */
    struct replica replica;

    /* good during a step only */
    mono_t now;
    struct sip_str reason;          /* Reason of the BYE that ends a call now (RFC 3326) */
    const struct sip_msg *refusal;  /* by a target, which may be passed on; NULL */
    char body[SC_OFFER_SIZE + 256]; /* a session description as one party is to see it */
    struct sc_out *out;
};

uint64_t wall_s(const struct sc *sc);

/* out_has_room - OUT can take what one event, timer or distribution adds at most. */
bool out_has_room(const struct sc_out *out);

/* timers by the options */
void arm_ms(struct sc *sc, struct timer *t, uint32_t ms);
void disarm(struct sc *sc, struct timer *t);

#endif
