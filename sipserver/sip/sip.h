/* sip - the protocol floor as its callers see it: datagrams in, events and datagrams out.
 *
 *     datagram ──> sip_input  ──> event (request, ACK, CANCEL, response)   + answers by the stack
 * itself time     ──> sip_timers ──> events (timeout, no ACK)                 + retransmissions
 *     core     ──> sip_reply, sip_respond, sip_request, sip_cancel, sip_send_ack
 *
 * Pure: no I/O, clock, allocation or log.  It knows transactions, not calls, agents or sites;
 * dialogs (dialog.h) are records that the core owns.  Transactions point at the core's objects by
 * an id
 * ("owner"), never the other way by pointer.
 *
 * Time first: a turn calls sip_timers(now) before it hands in datagrams.
 */
#ifndef SIPSERVER_SIP_SIP_H
#define SIPSERVER_SIP_SIP_H

#include "common/mono.h"
#include "sipserver/sip/build.h"
#include "sipserver/sip/dialog.h"
#include "sipserver/sip/message.h"
#include "sipserver/sip/out.h"
#include "sipserver/sip/token.h"

struct sip_stack;

struct sip_stack_conf {
    uint32_t server_max; /* server transactions; default 20000, 16 to 1000000 */
    uint32_t client_max; /* client transactions; default 20000, 16 to 1000000 */
    uint32_t
        message_max; /* bytes of a message that a transaction keeps; default 4096, 1024 to 65535 */
    uint32_t t1_ms;  /* RTT estimate, default 500, 10 to 5000 (RFC 3261 17.1.1.1) */
    uint32_t t2_ms;  /* longest retransmission interval, default 4000, 8*T1 in 17.1.2.2 */
    uint32_t t4_ms;  /* longest life of a message in the network, default 5000 */
    uint32_t timer_d_ms; /* wait for response retransmissions, default 32000 */
    uint32_t trying_ms;  /* 100 is sent when the core is silent so long; default 200, 0: at once */
    uint32_t
        repeat_1xx_ms; /* a provisional response is repeated, default 60000 (RFC 3261 13.3.1.1) */
    uint32_t
        timer_c_ms;     /* an INVITE of ours rings so long after a 1xx, default 190000 (16.6, 11) */
    uint32_t stateless; /* methods (1u << enum sip_method) whose requests get no transaction */
    uint32_t
        udp_request_max; /* a larger request goes by TCP where its address permits; default 1300,
                            0: never (RFC 3261 18.1.1); back to UDP when TCP cannot be had */
    char sent_by[SIP_LOCALS_MAX][SIP_SENT_BY_MAX]; /* host:port of each own socket; "" = unused;
                                                      TLS leaves by SIP_LOCAL_TLS alone */
    struct sip_key key;                            /* secret of the site, the same at both hosts */
    uint64_t epoch;                                /* of the role under which we serve */
    uint32_t serial; /* random start, so that a restart in one epoch repeats no branch */
};

void sip_stack_conf_default(struct sip_stack_conf *c);

/* sip_stack_conf_check - NULL, or the name of the first field out of range. */
const char *sip_stack_conf_check(const struct sip_stack_conf *c);

/* sip_stack_size - bytes that sip_stack_init needs for C, which must be in range. */
size_t sip_stack_size(const struct sip_stack_conf *c);

/* sip_stack_init - a stack in MEM (sip_stack_size bytes, aligned for any type, ALL ZERO as from
 * calloc, so that pages are touched only when used).  Owns: nothing; MEM stays the caller's and
 * must outlive it. */
struct sip_stack *sip_stack_init(void *mem, const struct sip_stack_conf *c);

/* sip_stack_epoch - tokens of requests and tags are made under EPOCH from now on. */
void sip_stack_epoch(struct sip_stack *s, uint64_t epoch);

enum sip_event_kind {
    SIP_EV_NONE,    /* nothing for the core */
    SIP_EV_REQUEST, /* a new request; txn is its server transaction, 0 when its method is stateless
                     */
    SIP_EV_NO_ROOM, /* a new request beyond the pool: answer 503 with Retry-After (sip_reply) */
    SIP_EV_ACK,     /* ACK of a 2xx; txn is the INVITE's, or 0 when that is over or was elsewhere */
    SIP_EV_CANCEL,  /* txn is the INVITE to be ended (487); the CANCEL itself has been answered */
    SIP_EV_RESPONSE, /* txn is the client transaction; 0 for a late 2xx to an INVITE of ours (ACK
                        it) */
    SIP_EV_TIMEOUT,  /* no answer to a request of ours: treat as 408 */
    SIP_EV_NO_ACK,   /* our INVITE answer was never acknowledged: after a 2xx send BYE (13.3.1.4),
                        after a reliable 1xx answer 5xx (RFC 3262 3) */
    SIP_EV_UNSENT, /* a message of this transaction could not be sent; a client's is over: as 503 */
};

struct sip_event {
    enum sip_event_kind kind;
    uint64_t txn;
    uint64_t owner;         /* of the transaction, as set by the core; 0: none */
    enum sip_method method; /* of the transaction's request */
    unsigned status; /* RESPONSE: its status; TIMEOUT: 408; UNSENT: 503; NO_ACK: what was sent */
    const struct sip_msg
        *msg; /* REQUEST, NO_ROOM, ACK, CANCEL, RESPONSE: good until the next sip_input */
    struct sip_addr src; /* where msg came from */
};

/* sip_input - one datagram.  At most one event results. */
void sip_input(struct sip_stack *s, mono_t now, const struct sip_addr *src, const char *data,
               size_t len, struct sip_out *out, struct sip_event *ret_event);

/* sip_timer - one timer that is due at NOW: a retransmission, an event, or neither.  False: none is
 * due. */
bool sip_timer(struct sip_stack *s, mono_t now, struct sip_out *out, struct sip_event *ret_event);

/* sip_timers - everything due at NOW, at most MAX events.  Returns their number; equal to MAX: call
 * again. */
unsigned sip_timers(struct sip_stack *s, mono_t now, struct sip_out *out,
                    struct sip_event *ret_events, unsigned max);

/* sip_deadline - call sip_timers no later than this; MONO_NEVER when nothing runs. */
mono_t sip_deadline(const struct sip_stack *s);

/* sip_reply - answer the event's request, by its transaction or, when it has none, statelessly.
 * sip_respond - answer later, by transaction.  Without to_tag the stack adds one of its own making
 * (the same for all answers to one request), except to a 100.
 * Returns: 0; -ENOENT the transaction is over; -EALREADY a final answer went out before; -EBUSY a
 *          reliable provisional one is not acknowledged yet; -EMSGSIZE.
 *          When OUT is full the answer is kept and sent by retransmission; that is counted. */
int sip_reply(struct sip_stack *s, mono_t now, const struct sip_event *event,
              const struct sip_reply *reply, struct sip_out *out);
int sip_respond(struct sip_stack *s, mono_t now, uint64_t txn, const struct sip_reply *reply,
                struct sip_out *out);

/* sip_acknowledged - the PRACK of the reliable provisional response (one with an rseq) of TXN is
 * here: it is repeated no more.  Until then another reliable one is refused with -EBUSY, and other
 * provisional responses are sent once.  0; -ENOENT: nothing was to be acknowledged. */
int sip_acknowledged(struct sip_stack *s, mono_t now, uint64_t txn);

/* sip_reply_once - refuse the event's request and forget it, whatever its method: nothing is
 * repeated to who has proven nothing, and nothing is kept for it (RFC 3261 8.2.7, 26.3.2.4).  A
 * copy of the request is a new event.  Returns: as sip_reply. */
int sip_reply_once(struct sip_stack *s, const struct sip_event *event,
                   const struct sip_reply *reply, struct sip_out *out);

/* sip_request - send REQUEST (not ACK, not CANCEL) to TO in a new client transaction for OWNER.
 * Returns: 0; -ENOBUFS pool full: treat as 503; -EMSGSIZE; -EINVAL the Request-URI is none;
 *          -EPROTONOSUPPORT there is no own socket for its transport. */
int sip_request(struct sip_stack *s, mono_t now, const struct sip_addr *to,
                const struct sip_request *request, uint64_t owner, struct sip_out *out,
                uint64_t *ret_txn);

/* sip_forget - the event's request gets no answer, and nothing is kept of it. */
void sip_forget(struct sip_stack *s, const struct sip_event *event);

/* sip_request_again - TXN's request once more in a new transaction of the same owner, with CSEQ and
 * with CREDENTIALS in place of those that it had (RFC 3261 22.2): while the event of its 401 or 407
 * is being handled, before anything else is sent.
 * Returns: 0; -ENOENT its text is gone; -ENOBUFS; -EMSGSIZE. */
int sip_request_again(struct sip_stack *s, mono_t now, uint64_t txn, uint32_t cseq,
                      const struct sip_extra *credentials, struct sip_out *out, uint64_t *ret_txn);

/* sip_sent - TXN's request as it was sent; good as sip_request_again is.  NULL: it is gone. */
const struct sip_msg *sip_sent(struct sip_stack *s, uint64_t txn);

/* sip_cancel - end an INVITE of ours: CANCEL now, or as soon as a provisional response allows it
 * (9.1). The final response (487, or a 200 that was faster) still comes as an event; at the latest
 * 64*T1 after the CANCEL, SIP_EV_TIMEOUT does.  0; -ENOENT over; -EALREADY a final response came
 * before, or cancelled. */
int sip_cancel(struct sip_stack *s, mono_t now, uint64_t txn, struct sip_out *out);

/* sip_answered_elsewhere - the CANCEL of TXN, not sent yet, will say that another phone took the
 * call (RFC 3326 2: a phone then shows no missed call). */
void sip_answered_elsewhere(struct sip_stack *s, uint64_t txn);

/* sip_send_ack - send the ACK of a 2xx (13.2.2.4), which has no transaction.  The same OWNER and
 * CSeq give the same branch, so that a repeated 2xx gets the same ACK.  0; -EMSGSIZE; -ENOBUFS;
 * -EPROTONOSUPPORT. */
int sip_send_ack(struct sip_stack *s, const struct sip_addr *to, const struct sip_request *ack,
                 uint64_t owner, struct sip_out *out);

/* sip_unsent - the transport could not send a datagram of TXN. */
void sip_unsent(struct sip_stack *s, mono_t now, uint64_t txn, struct sip_out *out,
                struct sip_event *ret_event);

/* sip_own - the transaction's owner becomes OWNER.  -ENOENT when it is over. */
int sip_own(struct sip_stack *s, uint64_t txn, uint64_t owner);

/* sip_own_tag, sip_own_call_id - a tag or Call-ID of ours for object OWNER; SERIAL tells legs
 * apart. */
struct sip_str sip_own_tag(const struct sip_stack *s, uint64_t owner, uint32_t serial,
                           char text[SIP_TOKEN_MAX]);
struct sip_str sip_own_call_id(const struct sip_stack *s, uint64_t owner, uint32_t serial,
                               char text[SIP_TOKEN_MAX]);

enum sip_count {
#define COUNTER(id, name, text) SIP_N_##id,
#include "sipserver/sip/counters.tbl.h"
    SIP_COUNTS
};
uint64_t sip_count(const struct sip_stack *s, enum sip_count which);
const char *sip_count_name(enum sip_count which);
uint32_t sip_live(const struct sip_stack *s, bool server); /* transactions in use */

bool sip_sane(const struct sip_stack *s); /* invariants; walks all transactions: for tests */

#endif
