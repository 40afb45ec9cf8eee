/* transaction - the transaction layer: records, their table-driven machines (invite_client, client,
 * invite_server, server.tbl.h),
 * the pool. Inner header of the stack; callers use sip.h.
 *
 * A record (struct sip_txn) holds no pointer and can be replicated together with its image:
 *   client: the request as it was sent; ACK, CANCEL and retransmissions are made from it;
 *   server: the last response, first a 100 built when the request came: it carries all that further
 *           responses copy (Via, From, To, Call-ID, CSeq, Record-Route), so the request need not
 * live.
 * A transaction that only absorbs copies from now on (a 2xx that was acknowledged, a client that
 * has its answer) gives its image back: that is most of their time, and most of their memory.
 */
#ifndef SIPSERVER_SIP_TRANSACTION_H
#define SIPSERVER_SIP_TRANSACTION_H

#include "common/hash.h"
#include "common/pool.h"
#include "common/timer.h"
#include "sipserver/sip/sip.h"

enum txn_machine {
#define MACHINE(id, name) TXN_##id,
#include "sipserver/sip/transaction.tbl.h"
    TXN_MACHINES
};

enum txn_state {
#define STATE(id) TXN_##id,
#include "sipserver/sip/transaction.tbl.h"
    TXN_STATES
};

enum txn_event {
#define EVENT(id) TXN_##id,
#include "sipserver/sip/transaction.tbl.h"
    TXN_EVENTS
};

struct sip_txn {
    uint8_t machine;          /* enum txn_machine */
    uint8_t state;            /* enum txn_state */
    uint8_t method;           /* enum sip_method */
    bool cancel_wanted;       /* ICT: CANCEL as soon as a 1xx is here */
    bool elsewhere;           /* ICT: the CANCEL says that the call was completed elsewhere */
    bool cancelled;           /* ICT: CANCEL sent; IST: CANCEL received */
    bool acknowledged;        /* IST: the ACK of our 2xx came */
    bool internal;            /* made by the stack (a CANCEL): the core is told nothing */
    bool unacknowledged;      /* IST: its last reliable provisional waits for a PRACK */
    uint16_t status;          /* server: of the image, 100 at first */
    uint16_t image_len;       /* bytes; 0: it needs none any more */
    uint32_t resend_ms;       /* present interval of T_RESEND */
    uint64_t key;             /* of 17.1.3 or 17.2.3, hashed under the site's secret */
    uint64_t merge_key;       /* server: Call-ID, From tag, CSeq; hashed likewise */
    uint64_t owner;           /* the core's object */
    struct sip_addr peer;     /* where the image goes */
    struct sip_common common; /* server: what the next response copies from the image */
};

struct txn {
    struct sip_txn r;
    uint32_t image;     /* its place among the images of its size, while it has one */
    uint16_t image_was; /* bytes of the one that it gave back last */
    struct hash_node by_key;
    struct hash_node by_merge; /* server only */
    struct timer resend;
    struct timer life;
};

enum { TXN_TIMER_RESEND = 1, TXN_TIMER_LIFE = 2 };

/* Images of one size, as many as there may be transactions.  Most are small, and those that live
 * long (the answer to a BYE, 32 s) nearly all: a page of memory then holds six instead of one. */
#define TXN_IMAGE_SMALL 640 /* bytes */
enum txn_image_size { TXN_SMALL, TXN_LARGE, TXN_IMAGE_SIZES };

struct txn_images {
    char *bytes;
    uint32_t each;  /* bytes: TXN_IMAGE_SMALL, or message_max */
    uint32_t begun; /* those used at least once; the others have not been touched */
    uint32_t free_n;
    uint32_t *free; /* given back; the last one is taken first, as it is the warmest */
};

struct sip_stack {
    struct sip_stack_conf conf;
    struct pool servers, clients;
    struct hash by_key, by_merge;
    struct timers timers;
    struct txn_images images[TXN_IMAGE_SIZES];
    char *scratch;      /* message_max bytes: a message being built */
    struct sip_msg msg; /* the datagram of this step */
    struct sip_msg own; /* an image, parsed for this step */
    uint64_t counts[SIP_COUNTS];
};

/* What one event works with. */
struct txn_step {
    mono_t now;
    struct sip_out *out;
    struct sip_event *event;   /* what the core will be told */
    const struct sip_msg *msg; /* RX_*: what came in */
    uint64_t key;              /* RX_REQUEST: of its server transaction */
    size_t answer_len;         /* TX_*: the response in scratch */
    unsigned status;           /* TX_*: its status */
    bool reliable;             /* TX_1XX: with an RSeq (RFC 3262) */
    uint32_t unpracked_ms;     /* ... after others, for so long without a PRACK */
};

/* txn_new - a record in its first state, timers armed, not yet in an index.
 * NULL: pool full. */
struct txn *txn_new(struct sip_stack *s, enum txn_machine machine, enum sip_method method,
                    mono_t now, const struct sip_addr *peer);

/* txn_index - enter T under its keys.  A server's older record with the same merge key loses that
 * key. */
void txn_index(struct sip_stack *s, struct txn *t, uint64_t key, uint64_t merge_key);

struct txn *txn_by_key(struct sip_stack *s, uint64_t key);
struct txn *txn_by_merge(struct sip_stack *s, uint64_t merge_key);
struct txn *txn_by_id(struct sip_stack *s, uint64_t id);
uint64_t txn_id(const struct sip_stack *s, const struct txn *t);

/* txn_accepts - whether the table has a ROW (not an IGNORE) for EVENT now. */
bool txn_accepts(const struct txn *t, enum txn_event event);

/* txn_step - run one event through the table.  T may be gone afterwards. */
void txn_step(struct sip_stack *s, struct txn *t, enum txn_event event, struct txn_step *x);

/* txn_free - T is as if it had never been. */
void txn_free(struct sip_stack *s, struct txn *t);

/* txn_acknowledged - the reliable provisional of T, an INVITE's in PROCEEDING, is repeated no more.
 */
void txn_acknowledged(struct sip_stack *s, struct txn *t, mono_t now);

/* txn_keep - the LEN bytes of MESSAGE become the image of T; txn_drop_image - it needs none any
 * more; txn_send - the image goes out. */
void txn_keep(struct sip_stack *s, struct txn *t, const void *message, size_t len);
void txn_drop_image(struct sip_stack *s, struct txn *t);
void txn_send(struct sip_stack *s, const struct txn *t, struct sip_out *out);

/* txn_back_to_udp - T's request went by TCP only for its size, and cannot: by UDP then (18.1.1).
 * False: T is no such transaction, or has gone on. */
bool txn_back_to_udp(struct sip_stack *s, struct txn *t, mono_t now, struct sip_out *out);

/* txn_read_image - the image of T, cut into the stack's second message. */
const struct sip_msg *txn_read_image(struct sip_stack *s, const struct txn *t);

/* txn_of_timer - the transaction that TIMER belongs to, and the event that it stands for. */
struct txn *txn_of_timer(struct sip_stack *s, struct timer *timer, enum txn_event *ret_event);

static inline bool txn_is_server(const struct txn *t)
{
    return t->r.machine == TXN_IST || t->r.machine == TXN_NST;
}

static inline enum txn_image_size txn_image_size(size_t len)
{
    return len <= TXN_IMAGE_SMALL ? TXN_SMALL : TXN_LARGE;
}

static inline char *txn_image(const struct sip_stack *s, const struct txn *t)
{
    const struct txn_images *images = &s->images[txn_image_size(t->r.image_len)];

    return images->bytes + (size_t)t->image * images->each;
}

/* The table, for its tests and for the document that is generated from it. */
struct txn_row {
    enum txn_machine machine;
    enum txn_state from;
    enum txn_event event;
    bool ignored;
    enum txn_state to;
    const char *guard, *action, *why, *source;
};
unsigned txn_rows(void);
struct txn_row txn_row(unsigned index);
const char *txn_machine_name(enum txn_machine machine);
const char *txn_state_name(enum txn_state state);
const char *txn_event_name(enum txn_event event);

/* txn_keys - the keys of a request's server transaction as if its method were METHOD (an ACK's and
 * a CANCEL's INVITE), and of a response's client transaction. */
uint64_t txn_server_key(const struct sip_stack *s, const struct sip_msg *m, enum sip_method method);
uint64_t txn_client_key(const struct sip_stack *s, struct sip_str branch, struct sip_str method);
uint64_t txn_merge_key(const struct sip_stack *s, const struct sip_msg *m, enum sip_method method);

#endif
