/* kit - the SIP server's core in virtual time, with phones and gateways that speak SIP to it.
 *
 * Everything the core sends is caught; a party takes what is addressed to it.  After each step the
 * core's invariants are asserted.  The default house: extensions 100 to 109 (password "pw"), queue
 * 5000, routing point 6000 (targets 100, 101, 5000), gateway trunk "gw" at 10.0.1.1:5060 (prefix
 * 9), inter-site trunk "peer" at 10.0.2.1:5060, agents a1 to a5 at 101 to 105 for queue 5000.
 */
#ifndef TESTS_SIPSERVER_KIT_H
#define TESTS_SIPSERVER_KIT_H

#include <criterion/criterion.h>

#include "sipserver/core/core.h"
#include "sipserver/crypto/digest_openssl.h"

#define CAUGHT_MAX  4096
#define ACTIONS_MAX 4096

struct caught {
    struct sip_addr to;
    uint64_t txn; /* of a request of the core, to say that it could not be sent */
    mono_t at;
    size_t len;
    char *data;
    bool taken;
};

struct kit {
    struct sc *sc;
    void *memory;
    struct sc_conf conf;
    struct sc_options options;
    struct digest_openssl *digest;
    mono_t now;
    uint64_t epoch;
    struct sc_out out;
    struct caught caught[CAUGHT_MAX];
    unsigned caught_n;
    struct sc_action actions[ACTIONS_MAX];
    unsigned actions_n;
    uint32_t late_ms;  /* what every datagram has waited */
    uint32_t serial;   /* for branches, tags and Call-IDs of the parties */
    struct pair *pair; /* NULL: the core has no backup (pair.h) */
};

/* A party: a phone, a gateway, the peer. */
struct ua {
    struct kit *k;
    struct sip_addr addr;
    char user[64];
    struct sip_dialog dialog;
    char dialog_more[SIP_DIALOG_TEXT_MAX]; /* its long texts */
    char invite[8192];                     /* the INVITE it sent */
    size_t invite_len;
    char request[8192]; /* the last request it received */
    size_t request_len;
    char reply[8192]; /* the last response it received */
    size_t reply_len;
    char kept[8192]; /* see ua_remember */
    size_t kept_len;
    struct sip_msg msg;     /* of request or reply, whichever came last */
    uint32_t cseq;          /* of REGISTER */
    char challenge[512];    /* the last one */
    uint32_t nc;            /* nonce count of its next credentials; 0: 1 */
    const char *contact;    /* Contact of its REGISTERs; NULL: its address; "": none */
    const char *aor;        /* From of its REGISTERs; NULL: as To */
    const char *to;         /* To of its REGISTERs, without brackets; NULL: of its user */
    const char *digest_uri; /* of its REGISTERs' credentials; NULL: the Request-URI */
    char tag[32];
    struct sip_extra extras[8]; /* see ua_says */
    unsigned extras_n;
};

/* kit_new - with the default house, not loaded, backup.  TUNE may change conf and options first. */
struct kit *kit_new(void (*tune)(struct kit *k));
void kit_free(struct kit *k);

/* kit_serve - load the configuration and become primary.  kit_house - both at once, with TUNE. */
void kit_serve(struct kit *k);
struct kit *kit_house(void (*tune)(struct kit *k));

/* kit_alone - this test is about something that a backup does not have (pair.h): no takeovers. */
void kit_alone(struct kit *k);

void kit_step(struct kit *k, const struct sc_event *event);
void kit_step_alone(struct kit *k, const struct sc_event *event); /* its backup is not told */
void kit_run(struct kit *k, int64_t ms);                          /* time passes */
void kit_datagram(struct kit *k, const struct sip_addr *from, const char *data, size_t len);
void kit_role(struct kit *k, bool primary, uint64_t epoch);

/* kit_join - after kit_role: another host is primary, and this one follows it from now on. */
void kit_join(struct kit *k);
void kit_options(struct kit *k);
void kit_dn(struct kit *k, const struct sc_dn_conf *dn);
struct sc_dn_conf kit_dn_conf(struct kit *k, const char *number, enum sc_dn_type type);
void kit_agent_conf(struct kit *k, const char *id, const char *dn, const char *queue);
void kit_forget_caught(struct kit *k);
struct sip_addr kit_addr(const char *ip, uint16_t port);

/* Agents.  Each returns the reply's code. */
int kit_agent(struct kit *k, enum sc_agent_op op, const char *agent, const char *dn,
              enum sc_agent_state state);
enum sc_agent_state kit_agent_state(const struct kit *k, const char *agent);
const char *kit_agent_reason(const struct kit *k, const char *agent);

/* What has been told. */
unsigned kit_calls_told(const struct kit *k, enum sc_call_phase phase);
const struct sc_call_event *kit_last_call(const struct kit *k, enum sc_call_phase phase);
uint64_t kit_counter(const struct kit *k, const char *name); /* of both cores of a pair */
uint64_t kit_counter_of(const struct sc *sc, const char *name);
bool kit_dn_in(const struct kit *k, const char *dn);
struct sc_status kit_status(const struct kit *k);
struct sc_queue_status kit_queue(const struct kit *k, const char *queue);
void kit_assert_empty(struct kit *k); /* no call is left, no transaction after a while */

/* Parties. */
struct ua ua_at(struct kit *k, const char *ip, uint16_t port, const char *user);
void ua_send(struct ua *u, const char *data, size_t len);
unsigned ua_register(struct ua *u, const char *password, uint32_t expires); /* the final status */
/* ua_register_again - once more with the credentials of the last challenge, its count as u->nc
 * says. */
unsigned ua_register_again(struct ua *u, const char *password, uint32_t expires);
/* ua_register_once - one REGISTER, with credentials for the last challenge, or none (PASSWORD
 * NULL). */
void ua_register_once(struct ua *u, const char *password, uint32_t expires);
void ua_invite(struct ua *u, const char *number, const char *body); /* without credentials */
void ua_call(struct ua *u, const char *number, const char *body);   /* a phone: with credentials */
bool ua_take(struct ua *u, bool request); /* the next datagram of that kind for it; false: none */
unsigned ua_status(struct ua *u);         /* the next response that is no 100; 0: none */
void ua_expect(struct ua *u, unsigned status);
void ua_expect_request(struct ua *u, enum sip_method method); /* an INVITE opens its dialog */
bool ua_has_request(struct ua *u, enum sip_method method);    /* without taking it */
void ua_expect_nothing(struct ua *u);
void ua_reply(struct ua *u, unsigned status, const char *body); /* to the request it took last */
void ua_remember(struct ua *u); /* keep the last request, which was an INVITE ... */
/* From now on its messages carry this header too; VALUE must live on.  ua_is_silent - no longer. */
void ua_says(struct ua *u, enum sip_header_id id, const char *value);
void ua_is_silent(struct ua *u);

void ua_recall(struct ua *u); /* ... to answer it once more */
void ua_ack(struct ua *u, const char *body);
void ua_cancel(struct ua *u);
void ua_request(struct ua *u, enum sip_method method, const char *body); /* in its dialog */
/* The value of a header of the message that it took last; a text good until the next call. */
const char *ua_header(const struct ua *u, enum sip_header_id id);
bool ua_body_is(const struct ua *u, const char *body);

/* Whole stories. */
void phones_register(struct kit *k, struct ua *phones, unsigned first, unsigned n);
void kit_options_answered(struct kit *k, struct ua *trunk,
                          int64_t ms); /* a trunk that answers its OPTIONS */

#define SDP_A "v=0\r\no=a 1 1 IN IP4 10.9.9.1\r\ns=-\r\n"
#define SDP_B "v=0\r\no=b 1 1 IN IP4 10.9.9.2\r\ns=-\r\n"

#endif
