/* core - call handling of one site: registrar, trunks, routing, calls, queues, agents, the mode of
 * the site.
 *
 *     datagram, time, agent request,      +-----------+     datagrams        (out->sip)
 *     configuration, role order    ---->  |  sc_step  | --->  agent replies and events, statistics,
 *                                         +-----------+     notes for the log (out->actions)
 *
 * Pure: no I/O, clock, allocation after sc_init, log or global.  A step applies everything due at
 * NOW before it looks at the event.  All state is in pools of configured size; beyond it a request
 * is answered 503 with Retry-After and counted.
 *
 * The site serves only as primary with its configuration loaded; else requests are answered 503
 * . When the role goes, the core sends nothing and keeps calls, registrations and logins as a
 * copy (replica.h), in which nothing happens.
 */
#ifndef SIPSERVER_CORE_CORE_H
#define SIPSERVER_CORE_CORE_H

#include "common/mono.h"
#include "common/pool.h"
#include "sipserver/core/conf.h"
#include "sipserver/sip/digest.h"
#include "sipserver/sip/sip.h"

struct sc;

/* How many objects there may be.  They size the memory, so they are set once. */
struct sc_maxima {
    uint32_t calls;
    uint32_t registrations;
    uint32_t transactions; /* server and client transactions, each */
    uint32_t agents;
    uint32_t dns;   /* every type together */
    uint32_t rules; /* of the dial plan */
};

void sc_maxima_default(struct sc_maxima *m);

struct sc_conf {
    struct sc_maxima maxima;
    uint32_t t1_ms;
    uint32_t site;            /* the site's id, part of call ids */
    struct sip_addr local;    /* the site address with the SIP port */
    uint16_t tls_port;        /* SIP over TLS at the same address; 0: it is not offered */
    uint8_t secret[32];       /* of the site: keys of tags, tables, nonces */
    uint8_t peer_secret[16];  /* of both sites: signs forwarded calls (F-2); all 0 = none, calls are
                                 relayed */
    struct digest_ops digest; /* hash functions */
};

/* sc_size - bytes that sc_init needs.  They can be given as untouched zero pages. */
size_t sc_size(const struct sc_conf *conf);

/* sc_init - a core in MEMORY (sc_size bytes, aligned for any type, all zero), as backup, nothing
 * configured. SEED gives jitter and serials; the secrets of CONF protect what strangers must not
 * guess. Owns: nothing; MEMORY stays the caller's and must outlive the core. */
struct sc *sc_init(void *memory, const struct sc_conf *conf, uint64_t seed, mono_t now);

enum sc_mode { SC_STANDALONE = 1, SC_SINGLE, SC_PEERED }; /* sf.Mode */
const char *sc_mode_name(enum sc_mode mode);

/* The same numbers as sf.AgentState. */
enum sc_agent_state {
    SC_AGENT_NULL,
    SC_AGENT_NOT_READY,
    SC_AGENT_READY,
    SC_AGENT_RESERVED,
    SC_AGENT_BUSY,
    SC_AGENT_ACW
};
const char *sc_agent_state_name(enum sc_agent_state state);

/* What a busy agent is busy with; it follows from the calls at the agent's phone. */
enum sc_agent_work {
    SC_WORK_NONE,     /* not busy, or where its call goes is not known yet */
    SC_WORK_ACD,      /* a call out of a queue */
    SC_WORK_INBOUND,  /* a direct call from a trunk */
    SC_WORK_OUTBOUND, /* the agent called through a trunk */
    SC_WORK_INTERNAL, /* with another extension */
    SC_WORK_CONSULT,  /* a second call beside the first */
};
const char *sc_agent_work_name(enum sc_agent_work work); /* "acd"; "" for none */

/* The same numbers as sf.AgentOp. */
enum sc_agent_op {
    SC_LOGIN = 1,
    SC_LOGOUT,
    SC_READY,
    SC_NOT_READY,
    SC_QUERY,
    /* of calls (control.h) */
    SC_DIAL,
    SC_ANSWER,
    SC_RELEASE,
    SC_HOLD,
    SC_RETRIEVE,
    SC_TRANSFER,
    SC_CONSULT,
    SC_COMPLETE,
    SC_ALTERNATE,
    SC_RETURN,
    SC_SET_DATA,
    SC_GET_DATA,
    SC_AGENT_OPS
};

struct sc_agent_request {
    uint64_t request_id;
    uint64_t client; /* the adapter's name for whom to answer */
    enum sc_agent_op op;
    char agent[SC_NAME_SIZE];
    char dn[SC_NAME_SIZE]; /* login: "" = the default extension */
    char reason[SC_REASON_SIZE];
    enum sc_agent_state state;  /* login: READY or NOT_READY */
    char call[SC_CALL_ID_SIZE]; /* of calls: "" = the only one that it can be */
    char number[SC_NAME_SIZE];  /* dial, transfer, consult */
    char data[SC_DATA_SIZE];    /* changes to the attached data (data.h) */
};

enum sc_event_kind {
    SC_EV_TICK,          /* only the time */
    SC_EV_DATAGRAM,      /* data, src */
    SC_EV_UNSENT,        /* a datagram of TXN could not be sent */
    SC_EV_FLOW_LOST,     /* the connection src.flow has ended */
    SC_EV_AGENT_REQUEST, /* agent */
    SC_EV_CONF_BEGIN,    /* a whole configuration follows: what is not named until LOADED goes */
    SC_EV_CONF_OPTIONS,  /* options */
    SC_EV_CONF_DN,       /* dn; deleted: only its number counts */
    SC_EV_RESOLVED,      /* name, a trunk's DN; hops: its addresses, as DNS has them now */
    SC_EV_CONF_RULE,     /* rule; deleted: only its id counts */
    SC_EV_CONF_AGENT,    /* agent_conf; deleted: only its id counts */
    SC_EV_CONF_LOADED,   /* the configuration is whole */
    SC_EV_ROLE,          /* primary, epoch, wall_ms, clock_ns */
};

/* An address of a name (RFC 2782). */
struct sc_hop {
    struct sip_addr addr;
    uint16_t priority, weight;
};

struct sc_event {
    enum sc_event_kind kind;
    struct sip_addr src;
    const char *data;
    size_t len;
    uint32_t late_ms; /* DATAGRAM: it has waited that long at most (overload.h) */
    uint64_t txn;
    const struct sc_agent_request *agent;
    const struct sc_options *options;
    const struct sc_dn_conf *dn;
    const struct sc_rule_conf *rule;
    const char *name;
    const struct sc_hop *hops;
    uint32_t hops_n; /* 0: the name cannot be looked up */
    const struct sc_agent_conf *agent_conf;
    bool deleted;
    bool primary;
    uint64_t epoch;
    int64_t wall_ms; /* wall clock at NOW: nonces and tokens, which hosts share, carry it */
    int64_t
        clock_ns; /* ROLE, when there is a copy (replica.h): our clock less that of its primary */
};

/* ---- what comes out ---- */

struct sc_agent_reply {
    uint64_t request_id;
    uint64_t client;
    int code; /* 0 or negative errno; -EAGAIN: try again later */
    bool retriable;
    enum sc_agent_state state;
    char text[SC_REASON_SIZE];
    char call[SC_CALL_ID_SIZE]; /* that the operation was on, or made */
    char data[SC_DATA_SIZE];    /* get and set data: as they are now */
};

/* The same numbers as sf.AgentEventKind. */
enum sc_agent_event_kind {
    SC_AGENT_STATE,
    SC_AGENT_RINGING,
    SC_AGENT_ESTABLISHED,
    SC_AGENT_RELEASED,
    SC_AGENT_ABANDONED,
    SC_AGENT_DN_IN,
    SC_AGENT_DN_OUT,
    SC_AGENT_SNAPSHOT_END, /* the adapter's */
    SC_AGENT_DIALING,      /* the agent's own call begins: the phone is called */
    SC_AGENT_ALERTING,     /* ... its target rings */
    SC_AGENT_QUEUED,       /* ... waits in a queue */
    SC_AGENT_HELD,
    SC_AGENT_RETRIEVED,
    SC_AGENT_DIVERTED,    /* the call that rang here is offered elsewhere, or waits again */
    SC_AGENT_DATA,        /* the attached data have changed */
    SC_AGENT_TRANSFERRED, /* the other party has left for somebody else; RELEASED follows */
};

/* An agent's state, and what happens on the agent's phone. */
struct sc_agent_event {
    enum sc_agent_event_kind kind;
    char agent[SC_NAME_SIZE];
    char dn[SC_NAME_SIZE];
    enum sc_agent_state state;
    enum sc_agent_work work;
    char reason[SC_REASON_SIZE];
    mono_t since;
    char call[SC_CALL_ID_SIZE];
    char caller[SC_NAME_SIZE];
    char called[SC_NAME_SIZE];
    char queue[SC_NAME_SIZE];
    bool outbound;           /* the agent's own call */
    char data[SC_DATA_SIZE]; /* attached to the call (data.h) */
};

struct sc_queue_status {
    char queue[SC_NAME_SIZE];
    uint32_t waiting;
    uint32_t waiting_by[SC_PRIORITIES];
    mono_t oldest_since; /* MONO_ZERO when nobody waits */
    uint32_t agents_ready;
    uint32_t agents_logged_in;
    uint32_t expected_wait_ms; /* of a call that enters now; 0: none, or not known */
    uint32_t in_music;         /* of the waiting ones, those who hear a service */
};

/* The same numbers as sf.CallPhase. */
enum sc_call_phase {
    SC_CALL_STARTED = 1,
    SC_CALL_QUEUED,
    SC_CALL_OFFERED,
    SC_CALL_ANSWERED,
    SC_CALL_RELEASED,
    SC_CALL_ABANDONED,
    SC_CALL_FAILED,
    SC_CALL_FORWARDED,
    SC_CALL_OVERFLOWED, /* left its queue for the place that the queue names */
};
const char *sc_call_phase_name(enum sc_call_phase phase);

struct sc_call_event {
    char call[SC_CALL_ID_SIZE];
    enum sc_call_phase phase;
    char queue[SC_NAME_SIZE];
    char agent[SC_NAME_SIZE];
    char dn[SC_NAME_SIZE]; /* the DN offered to; else the number called */
    char caller[SC_NAME_SIZE];
    int64_t wait_ms;
    int64_t talk_ms;
    unsigned cause; /* SIP status */
    char reason[SC_REASON_SIZE];
};

/* Who ended a call. */
enum sc_party {
    SC_BY_NOBODY,
    SC_BY_CALLER,
    SC_BY_CALLED,
    SC_BY_SERVER,
    SC_BY_TRANSFER_TARGET, /* who came in by a transfer */
};
const char *sc_party_name(enum sc_party party);

/* How a party left a call. */
enum sc_leg_end {
    SC_LEG_ENDED,       /* as the call ended, or as its status says */
    SC_LEG_RELEASED,    /* it hung up, which ended the call */
    SC_LEG_TRANSFERRED, /* it transferred the call: another has its place */
    SC_LEG_MOVED,       /* it went on in another call, by an attended transfer */
    SC_LEG_ENDS
};
const char *sc_leg_end_name(enum sc_leg_end end); /* "" for the first */

/* Moments of records are Unix milliseconds; 0: it has not happened. */
struct sc_record_leg {
    char number[SC_NAME_SIZE]; /* the caller's; the DN offered to */
    char agent[SC_NAME_SIZE];  /* reserved for the call out of a queue */
    int64_t start_ms, ring_ms, answer_ms, end_ms;
    unsigned status; /* the SIP status that decided it; 200: answered; 0: taken back */
    enum sc_leg_end how;
    bool by_transfer; /* it came in by a transfer */
};

/* What a call was; one for each call, at its end (I3). */
struct sc_record {
    char call[SC_CALL_ID_SIZE];
    uint32_t site;
    enum sc_call_phase outcome; /* RELEASED, ABANDONED, FAILED or FORWARDED; 0: it is up */
    enum sc_party released_by;
    char caller[SC_NAME_SIZE];
    char called[SC_NAME_SIZE];
    char source[SC_NAME_SIZE]; /* the trunk or extension that it came in by */
    char queue[SC_NAME_SIZE];
    char agent[SC_NAME_SIZE];
    char reason[SC_REASON_SIZE];
    char before[SC_CALL_ID_SIZE]; /* the call out of which this one came by a transfer; "": none */
    char data[SC_DATA_SIZE];      /* attached (data.h) */
    unsigned cause;               /* SIP status */
    int64_t start_ms, queued_ms, answer_ms, end_ms;
    int64_t music_ms;   /* a service answered the caller while it waited */
    uint32_t priority;  /* 0 to 9 */
    uint32_t overflows; /* from queue to another place */
    int64_t wait_ms;    /* from the queue, else from the beginning, to the answer or the end */
    int64_t talk_ms;
    bool from_peer;                   /* the other site forwarded it to us */
    bool relayed;                     /* we passed it on to the other site */
    bool redirected;                  /* we sent the caller there (302) */
    bool caller_private;              /* the caller asked for privacy */
    char diverted_from[SC_NAME_SIZE]; /* who diverted it to us, or the phone here that did; "" none
                                       */
    uint32_t diversions;              /* here and before */
    uint32_t targets; /* how many it was offered to, also those that LEGS has no room for */
    uint32_t legs_n;
    struct sc_record_leg legs[SC_RECORD_LEGS_MAX]; /* the caller's, then those of
                                                    * TARGETS that were kept */
};

struct sc_dn_status {
    char dn[SC_NAME_SIZE];
    bool in_service;
    bool trunk;
    char reason[SC_REASON_SIZE];
    mono_t since;
};

enum sc_note_kind {
    SC_NOTE_MODE,
    SC_NOTE_TRUNK,
    SC_NOTE_DN,
    SC_NOTE_AGENT,
    SC_NOTE_CALL,
    SC_NOTE_FORWARD,
    SC_NOTE_CONF,
    SC_NOTE_OVERLOAD,
    SC_NOTE_REFUSED,
};

/* A line for the log: what changed, from and to which state, why. */
struct sc_note {
    enum sc_note_kind kind;
    char object[SC_NAME_SIZE];
    const char *from; /* constants, or NULL */
    const char *to;
    char reason[SC_REASON_SIZE];
};

/* A name that a trunk has (RFC 3263). */
struct sc_resolve {
    char dn[SC_NAME_SIZE];
    char host[SC_URI_SIZE];
    uint16_t port;     /* 0: SRV says, else the default */
    uint8_t transport; /* enum sip_transport */
    bool wanted;
};

enum sc_action_kind {
    SC_ACT_AGENT_REPLY,
    SC_ACT_AGENT_EVENT,
    SC_ACT_QUEUE,
    SC_ACT_CALL,
    SC_ACT_DN,
    SC_ACT_MODE, /* the mode or its reason changed: ask sc_status */
    SC_ACT_NOTE,
    SC_ACT_RECORD,  /* a call is over */
    SC_ACT_RESOLVE, /* look a trunk's name up, or no longer; SC_EV_RESOLVED tells, again and again
                     */
};

struct sc_action {
    enum sc_action_kind kind;
    union {
        struct sc_agent_reply reply;
        struct sc_agent_event agent;
        struct sc_queue_status queue;
        struct sc_call_event call;
        struct sc_dn_status dn;
        struct sc_note note;
        struct sc_record record;
        struct sc_resolve resolve;
    };
};

struct sc_out {
    struct sip_out sip;
    struct sc_action *actions; /* in order */
    unsigned n, max;
};

/* sc_step - apply what is due at NOW, then EVENT.
 *
 * Returns: true when all is done; false when OUT has no room for more: hand on what it holds, clear
 * it and call again with the same event, which has not been looked at. Asserts: an empty OUT has
 * room for SC_OUT_*_MIN; NOW never goes back.
 */
bool sc_step(struct sc *sc, mono_t now, const struct sc_event *event, struct sc_out *out);

/* sc_deadline - call sc_step no later than this. */
mono_t sc_deadline(const struct sc *sc);

/* sc_sane - the invariants of all tables; walks everything: for tests. */
bool sc_sane(const struct sc *sc);

/* ---- looking in ---- */

struct sc_status {
    bool primary;
    bool ready; /* the configuration is loaded */
    enum sc_mode mode;
    char mode_reason[SC_REASON_SIZE];
    uint32_t calls;
    uint32_t registrations;
    uint32_t agents; /* logged in */
    uint64_t drops;  /* everything refused or dropped, all reasons */
};

void sc_status(const struct sc *sc, struct sc_status *ret_status);

/* sc_counters - every counter by name, in a fixed order. */
void sc_counters(const struct sc *sc, void (*fn)(void *arg, const char *name, uint64_t value),
                 void *arg);

/* Walks for snapshots: *CURSOR starts at 0; false at the end.  Agents: those configured, logged in
 * or not; their queues come with them.  DNs: extensions and trunks. */
bool sc_next_agent(const struct sc *sc, uint32_t *cursor, struct sc_agent_event *ret_state);
bool sc_next_queue(const struct sc *sc, uint32_t *cursor, struct sc_queue_status *ret_status);
bool sc_next_dn(const struct sc *sc, uint32_t *cursor, struct sc_dn_status *ret_status);

/* sc_next_line - the calls at agents' phones, as the last event of each told them. */
bool sc_next_line(const struct sc *sc, uint32_t *cursor, struct sc_agent_event *ret_event);

/* sc_next_call - the calls that are up, being set up or waiting, as their records stand now. */
bool sc_next_call(const struct sc *sc, uint32_t *cursor, struct sc_record *ret_record);

/* sc_agent_queues - the queues that agent ID serves; RET_NAMES gets pointers good until the next
 * step. Returns: how many; 0 for an unknown agent. */
uint32_t sc_agent_queues(const struct sc *sc, const char *id,
                         const char *ret_names[SC_AGENT_QUEUES_MAX]);

#endif
