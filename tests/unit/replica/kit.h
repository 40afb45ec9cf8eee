/* kit - a pair of hosts around real SIP servers: the test is hamgr and confproxy of both hosts, a
 * gateway, and, where only one SIP server runs, the SIP server of the other host. */
#ifndef TESTS_REPLICA_KIT_H
#define TESTS_REPLICA_KIT_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/bootstrap.h"
#include "common/bus.h"
#include "common/loop.h"

enum { EAST1, EAST2, HOSTS };

/* What the test knows of one host's SIP server. */
struct house {
    struct bootstrap bootstrap;
    pid_t pid; /* 0: it does not run */
    struct bus *hamgr, *confproxy;
    struct bus_peer *component;
    bool primary; /* as ordered, renewed until the next order */
    uint64_t epoch;
    uint64_t solo_epoch, solo_sequence, solo_request; /* in the orders */
    unsigned reports, asked;
    Sf__RoleReport report;  /* the last one, without its strings */
    Sf__RoleReport stopped; /* the first one that said BACKUP after PRIMARY */
    char why[256];          /* its replica_why */
    uint64_t ask_epoch, ask_sequence, ask_request;
    char log[256]; /* file */
};

extern struct house houses[HOSTS];
extern struct loop *loop;
extern Sf__Options options; /* of the configuration; set before kit_start */
extern char net[16];        /* "127.60.1": hosts .1, .2, site .100, gateway .200 */

void kit_setup(void);
void kit_teardown(void);

extern const char *kit_program;    /* the SIP server's; NULL: the product's */
extern const char *kit_kill_point; /* of the next one started; NULL: none */

/* kit_start - the SIP server of HOST, up to its first report with a loaded configuration. */
void kit_start(unsigned host);
void kit_kill(unsigned host);

/* order - HOST is primary, or backup, of EPOCH, from now on. */
void order(unsigned host, bool primary, uint64_t epoch);
void order_solo(unsigned host); /* as it asked for last */

void run_for(int ms);
#define until(condition)                                                                           \
    do {                                                                                           \
        mono_t limit_ = mono_add_ms(loop_now_exact(), 10000);                                      \
        while (!(condition)) {                                                                     \
            cr_assert(mono_before(loop_now_exact(), limit_), "%s:%d: never: %s", __FILE__,         \
                      __LINE__, #condition);                                                       \
            run_for(2);                                                                            \
        }                                                                                          \
    } while (0)

bool logged(unsigned host, const char *text);

/* ---- the gateway: a trunk at .200:5060; what comes of OPTIONS it answers and tells nobody ---- */

/* gateway_invite - call NUMBER with Call-ID ID.  gateway_got - the answers so far to requests of
 * that Call-ID have one with STATUS. */
void gateway_invite(const char *id, const char *number);
bool gateway_got(const char *id, int status);
void gateway_ack(const char *id, const char *number, int status);
void gateway_bye(const char *id, const char *number);
bool gateway_answered(const char *id, const char *cseq); /* "2 BYE", with any status */
bool gateway_failed(const char *id);                     /* 400 or more */
/* gateway_place - how many messages came before the first of Call-ID ID. */
int gateway_place(const char *id);
void gateway_stun(void); /* something that changes nothing */
unsigned gateway_stuns(void);

/* ---- who is called by numbers that begin with 7, behind another trunk, at .201 ---- */
bool far_got(const char *method);
unsigned far_calls(void); /* Call-IDs of INVITEs that came, one after the other */
void far_answer(const char *method, const char *status); /* to the last such request */

/* ---- the SIP server of the other host, in place of a real one ---- */

struct fake {
    struct bus *bus;
    struct bus_link *link; /* to the primary */
    struct bus_peer *peer; /* the backup that spoke to us */
    bool up;
    bool acks; /* each batch is acknowledged as it comes */
    unsigned batches, begun, refused, joins, acked;
    bool whole;
    Sf__ReplicaBatch batch;                    /* the last one, without what it points at */
    uint64_t changes;                          /* sequence of the last one with objects */
    size_t records;                            /* in all */
    char record_call[256], record_reason[256]; /* of the last record */
    char why[256];                             /* of the last refusal, or join */
    Sf__ReplicaAck ack;                        /* the last one */
    Sf__ReplicaJoin join;
};
extern struct fake fake;

void fake_start(unsigned host, bool primary, uint64_t epoch); /* on HOST; connects to the other */
void fake_join(const char *why);
void fake_ack(uint64_t sequence, bool ready);
void fake_stop(void);
/* fake_follow - joins, and has all of it. */
void fake_follow(void);

/* fake_batch - to the backup that joined: SEQUENCE, nothing in it but RECORD (NULL: none). */
void fake_batch(uint64_t sequence, bool begin, bool whole, Sf__CallRecord *record);
extern Sf__ReplicaBatch batch_head; /* what fake_batch sends besides */

/* ---- the command line ---- */
unsigned records_at(unsigned host, char *ret_outcome, size_t size); /* and the last one's outcome */

/* ---- a desktop ---- */
void desktop_ask(unsigned host, uint64_t request);
extern uint64_t desktop_answered; /* the last request */

#endif
