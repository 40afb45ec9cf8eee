/* gate - the sessions of the agent gateway: who is logged in here, through which page, in what
 * state.
 *
 *     page --HTTP--> adapter --event--> gate --ASK--> the SIP server of this host
 *     page <--HTTP-- adapter <--ANSWER, TELL-- gate <--reply, agent events--
 *
 * A session is named by a random token (from the adapter); session.tbl.h says how it lives.  The
 * SIP server is the one that knows the agents: a session only shows what it tells, and after a gap
 * or a restart the whole roster is asked for again; sessions whose agent it does not know then end,
 * and their pages log in again by themselves.
 *
 * Sessions are not replicated: after a switchover the pages find their tokens unknown (401) and log
 * in again at the same site; the agents stay logged in meanwhile.
 *
 * Pure; memory comes from the caller.  At its limit the table refuses new logins (retriable) and
 * counts. */
#ifndef DESKTOP_CORE_GATE_H
#define DESKTOP_CORE_GATE_H

#include "common/hash.h"
#include "common/mono.h"
#include "common/pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATE_TOKEN_SIZE 65 /* 32 random bytes in hex */
#define GATE_ID_SIZE    64
#define GATE_TEXT_SIZE  160
#define GATE_OUT_MAX    16

/* The values are those of proto/agent.proto. */
enum gate_state {
    GATE_LOGGED_OUT,
    GATE_NOT_READY,
    GATE_READY,
    GATE_RESERVED,
    GATE_BUSY,
    GATE_AFTER_CALL_WORK,
};

/* Of calls: those of proto/agent.proto, from GATE_DIAL to GATE_GET_DATA; the gate only hands them
 * on. */
enum gate_op {
    GATE_LOGIN = 1,
    GATE_LOGOUT,
    GATE_SET_READY,
    GATE_SET_NOT_READY,
    GATE_DIAL = 6,
    GATE_GET_DATA = 17
};

enum session_state {
#define STATE(name, meaning) SESSION_##name,
#include "desktop/core/session.tbl.h"
};

enum session_event {
#define EVENT(name, meaning) SESSION_EV_##name,
#include "desktop/core/session.tbl.h"
};

enum gate_call_phase {
    GATE_CALL_NONE,
    GATE_CALL_RINGING,
    GATE_CALL_ESTABLISHED,
    GATE_CALL_DIALING,
    GATE_CALL_ALERTING,
    GATE_CALL_QUEUED,
    GATE_CALL_HELD,
};

#define GATE_CALLS_MAX 4    /* of one agent; the SIP server controls two, a phone may have more */
#define GATE_OPS_MAX   3    /* operations of one agent under way: a release overtakes the others */
#define GATE_DATA_SIZE 4608 /* attached data as JSON, with the NUL */

/* A call at the agent's phone. */
struct gate_call {
    enum gate_call_phase phase; /* NONE: free */
    bool outbound;
    char id[GATE_ID_SIZE];
    char caller[GATE_ID_SIZE];
    char called[GATE_ID_SIZE];
    char queue[GATE_ID_SIZE];
    char data[GATE_DATA_SIZE];
};

/* An operation on calls that the SIP server has not answered yet. */
struct gate_operation {
    uint64_t http, request_id; /* request_id 0: free */
    mono_t due;
};

/* What a page shows. */
struct gate_session {
    struct hash_node by_token;
    struct hash_node by_agent;
    enum session_state state;
    char token[GATE_TOKEN_SIZE];
    char agent[GATE_ID_SIZE];
    char dn[GATE_ID_SIZE];
    enum gate_state agent_state;
    char reason[GATE_TEXT_SIZE];
    int64_t since_ms;
    bool dn_in_service;
    struct gate_call calls[GATE_CALLS_MAX]; /* in the order in which they began */
    struct gate_operation operations[GATE_OPS_MAX];
    uint64_t http;       /* the HTTP request to answer when the SIP server has; 0: none */
    uint64_t request_id; /* what the SIP server was asked; 0: nothing */
    mono_t request_due;
    mono_t due;      /* TIMEOUT of the state */
    uint64_t stream; /* the page's stream; 0: none */
    bool seen;       /* in the roster that is coming in */
    bool again;      /* OVER, for REASON: the page may log in again by itself */
};

struct gate_conf {
    uint32_t sessions_max;
    uint32_t answer_ms;    /* the SIP server has so long to answer */
    uint32_t operation_ms; /* ... and so long for an operation on calls, which it ends by itself */
    uint32_t detach_ms;    /* without a page for so long: logged out */
    uint8_t secret[HASH_SECRET_BYTES];
};

enum gate_event_kind {
    GATE_EV_TICK,
    GATE_EV_SERVER_UP, /* the SIP server is connected, or has restarted */
    GATE_EV_SERVER_DOWN,
    GATE_EV_LOGIN,         /* HTTP, TOKEN, AGENT, DN, STATE, REASON; the password was right */
    GATE_EV_SET_STATE,     /* HTTP, TOKEN, STATE (READY or NOT_READY), REASON */
    GATE_EV_LOGOUT,        /* HTTP, TOKEN, REASON */
    GATE_EV_OPERATE,       /* HTTP, TOKEN, OP */
    GATE_EV_STREAM_OPENED, /* STREAM, TOKEN: valid (the adapter asked gate_find, gate_ended) */
    GATE_EV_STREAM_CLOSED, /* STREAM */
    GATE_EV_HTTP_GONE,     /* HTTP: nobody waits for the answer any more */
    GATE_EV_REPLY,         /* REQUEST_ID, CODE, TEXT, RETRIABLE, STATE */
    GATE_EV_AGENT,         /* SEQUENCE, WHAT, AGENT, ... */
};

/* What the SIP server tells of an agent; the values are those of proto/agent.proto. */
enum gate_what {
    GATE_WHAT_STATE,
    GATE_WHAT_RINGING,
    GATE_WHAT_ESTABLISHED,
    GATE_WHAT_RELEASED,
    GATE_WHAT_ABANDONED,
    GATE_WHAT_DN_IN_SERVICE,
    GATE_WHAT_DN_OUT_OF_SERVICE,
    GATE_WHAT_SNAPSHOT_END,
    GATE_WHAT_DIALING,
    GATE_WHAT_ALERTING,
    GATE_WHAT_QUEUED,
    GATE_WHAT_HELD,
    GATE_WHAT_RETRIEVED,
    GATE_WHAT_DIVERTED,
    GATE_WHAT_DATA,
    GATE_WHAT_TRANSFERRED,
};

struct gate_event {
    enum gate_event_kind kind;
    uint64_t http;
    uint64_t stream;
    uint64_t request_id;
    uint64_t sequence;
    /* NULL when not given: */
    const char *token, *agent, *dn, *reason, *text, *call, *caller, *called, *queue, *data;
    enum gate_op op;
    bool outbound;
    enum gate_state state;
    enum gate_what what;
    int32_t code;
    bool retriable;
    int64_t since_ms;
};

enum gate_action_kind {
    GATE_ACT_SUBSCRIBE, /* ask the SIP server for the roster and its changes */
    GATE_ACT_ASK,       /* the SIP server: OP for SESSION's agent, as REQUEST_ID */
    GATE_ACT_OPERATE,   /* the same for calls: what HTTP says besides is the adapter's */
    GATE_ACT_OPERATED,  /* HTTP: STATUS, TEXT, and what the reply says besides */
    GATE_ACT_ANSWER,    /* the HTTP request: STATUS, TEXT, and SESSION's token and state when 200 */
    GATE_ACT_TELL,      /* SESSION's page: how things stand */
    GATE_ACT_END_STREAM, /* the page STREAM: the session has ended (TEXT; AGAIN: log in again by
                            itself) */
    GATE_NOTE_SESSION,   /* log: FROM, TO, WHY */
    GATE_NOTE_GAP,
};

struct gate_action {
    enum gate_action_kind kind;
    uint64_t http;
    uint64_t stream;
    uint64_t request_id;
    enum gate_op op;
    enum gate_state state;
    unsigned status;
    bool retriable;
    bool again;
    bool with_session; /* ANSWER: the copies below say who and how */
    char token[GATE_TOKEN_SIZE];
    char agent[GATE_ID_SIZE];
    char dn[GATE_ID_SIZE];
    char text[GATE_TEXT_SIZE];
    enum session_state from, to;
    const char *why;
};

/* Actions in order.  One event touches at most one session, except SERVER_DOWN, SNAPSHOT_END and
 * time, which the adapter repeats (GATE_EV_TICK) while MORE is set. */
struct gate_out {
    struct gate_action actions[GATE_OUT_MAX];
    uint32_t count;
    bool more;
};

struct gate {
    struct gate_conf conf;
    struct pool sessions;
    struct hash by_token, by_agent;
    bool server_up;
    bool in_roster;    /* a snapshot is coming in */
    bool roster_due;   /* sessions not seen in it are to be ended */
    uint64_t sequence; /* of the last agent event */
    uint64_t next_request;
    uint32_t over; /* sessions that have ended and wait for their pages: by_agent knows them not */
    uint64_t refused; /* logins while the table was full */
    uint64_t gaps;
};

size_t gate_bytes(const struct gate_conf *conf);
void gate_init(struct gate *gate, const struct gate_conf *conf, void *memory);
void gate_step(struct gate *gate, mono_t now, const struct gate_event *event,
               struct gate_out *ret_out);
mono_t gate_deadline(const struct gate *gate);
bool gate_sane(const struct gate *gate);

/* gate_reset - the role is gone: forget all sessions without a word (their streams have been
 * closed). */
void gate_reset(struct gate *gate);

/* gate_ended - why the session of TOKEN, whose page does not know yet, has ended; *RET_AGAIN: log
 * in again by itself.  NULL: there is none. */
const char *gate_ended(const struct gate *gate, const char *token, bool *ret_again);

/* gate_find - the session of TOKEN that a page may use, or NULL. */
const struct gate_session *gate_find(const struct gate *gate, const char *token);
const struct gate_session *gate_find_agent(const struct gate *gate, const char *agent);

/* Names: of the agent's state as in the API ("ready"), of a session's as in the table ("ATTACHED").
 */
const char *gate_state_name(enum gate_state state);
const char *gate_phase_name(enum gate_call_phase phase);

/* gate_active_call - the call that SESSION's agent speaks on, or that rings; else the first one
 * that is held; NULL. */
const struct gate_call *gate_active_call(const struct gate_session *session);

/* gate_what_name - an event of a call as in the API ("held"); NULL: it is none of a call. */
const char *gate_what_name(enum gate_what what);
const char *session_state_name(enum session_state state);

#endif
