/* digest - HTTP digest for SIP (RFC 7616, RFC 8760, RFC 2617 compatible): challenges with stateless
 * signed nonces, and verification of MD5 and SHA-256 credentials with qop=auth and auth-int.
 *
 * The hash functions come in as a table, so this module stays pure; crypto/digest_openssl.c has the
 * real ones.  Passwords never come here: HA1 = H(user:realm:password) is given, precomputed, as
 * lower-case hex.
 *
 * Nonce: 8 hex digits of time, 8 of a serial number that makes it unlike any other of that second,
 * 32 of a MAC (SipHash).  Who wants to know which counts of it were used keeps that (core/nonce.h).
 */
#ifndef SIPSERVER_SIP_DIGEST_H
#define SIPSERVER_SIP_DIGEST_H

#include "sipserver/sip/build.h"
#include "sipserver/sip/fields.h"

struct digest_ops {
    void *self;
    void (*md5)(void *self, const void *data, size_t len, uint8_t ret_sum[16]);
    void (*sha256)(void *self, const void *data, size_t len, uint8_t ret_sum[32]);
};

#define SIP_HA2_OF_SIZE 160

enum sip_digest_algorithm { SIP_MD5, SIP_SHA256 };

/* H(method:uri) of the credentials that were judged last: phones mostly name the same. */
struct sip_ha2 {
    char of[SIP_HA2_OF_SIZE]; /* method:uri */
    uint32_t of_len;          /* 0: none */
    enum sip_digest_algorithm algorithm;
    char hex[65];
};

struct sip_digest {
    struct digest_ops ops;
    struct sip_ha2 last; /* sip_digest_verify's own */
    uint8_t secret[32];  /* the same at both hosts of a site */
    bool check_uri; /* the digest URI must be the Request-URI; default true, off for peers behind
                       rewriters */
    uint32_t nonce_life_s; /* default 300, 10 to 86400; an older nonce is stale */
};

enum sip_digest_result {
    SIP_DIGEST_OK,
    SIP_DIGEST_ABSENT,    /* no credentials for this realm: challenge */
    SIP_DIGEST_STALE,     /* right, but the nonce is too old: challenge with stale=true */
    SIP_DIGEST_BAD_NONCE, /* not a nonce of ours: challenge */
    SIP_DIGEST_WRONG,     /* wrong password, or the algorithm does not fit */
    SIP_DIGEST_OTHER_URI, /* right for the URI that it names, which is not the request's: 400
                             (RFC 7616 3.4.6) */
    SIP_DIGEST_MALFORMED, /* 400 */
};

/* HA1 of one user; an empty string means that this algorithm is not offered to the user. */
struct sip_ha1 {
    char md5[33];
    char sha256[65];
};

/* What a challenge offers.  User names are never hashed (userhash, RFC 7616 3.4.4). */
struct sip_digest_offer {
    enum sip_digest_algorithm algorithm;
    bool stale;
    bool auth_int; /* besides auth */
    uint32_t serial;
};

/* sip_digest_challenge - append the value of a WWW-Authenticate or Proxy-Authenticate header.
 * Its nonce is good at address FROM only (RFC 7616 3.3, 5.4): overheard credentials are of no use
 * elsewhere.  Units: now_s is wall-clock seconds, shared by the hosts of a site. */
void sip_digest_challenge(const struct sip_digest *d, uint64_t now_s, const struct sip_addr *from,
                          struct sip_str realm, const struct sip_digest_offer *offer,
                          struct sip_buf *b);

/* sip_digest_made - when the NONCE, which was verified, was made: wall-clock seconds.
 * sip_digest_count - the nonce count of credentials that were verified; 1 without qop. */
uint32_t sip_digest_made(struct sip_str nonce);
uint32_t sip_digest_count(const struct sip_digest_params *p);

/* sip_digest_algorithm - of credentials.  0; -ENOTSUP. */
int sip_digest_algorithm(const struct sip_digest_params *p, enum sip_digest_algorithm *ret);

/* sip_digest_find - the credentials of REALM in an Authorization (or Proxy-Authorization, by ID)
 * header. Returns: SIP_DIGEST_OK, _ABSENT or _MALFORMED. */
enum sip_digest_result sip_digest_find(const struct sip_msg *m, enum sip_header_id id,
                                       struct sip_str realm, struct sip_digest_params *ret_params);

/* sip_digest_verify - judge credentials P for the request M from address FROM with its user's HA1.
 * Nonce count and cnonce are required with qop, as RFC 7616 3.4 says; without qop RFC 2069 is
 * computed. */
enum sip_digest_result sip_digest_verify(struct sip_digest *d, uint64_t now_s,
                                         const struct sip_addr *from,
                                         const struct sip_digest_params *p, const struct sip_msg *m,
                                         const struct sip_ha1 *ha1);

/* sip_digest_ha1 - the HA1 of a user for both algorithms, for tools and tests.  0; -EMSGSIZE. */
int sip_digest_ha1(const struct digest_ops *ops, struct sip_str user, struct sip_str realm,
                   struct sip_str password, struct sip_ha1 *ret_ha1);

/* sip_digest_answer - append the value of an Authorization header that answers CHALLENGE (UAC
 * side). Returns: 0; -ENOTSUP an algorithm or qop that we do not have; -EMSGSIZE. */
int sip_digest_answer(const struct digest_ops *ops, const struct sip_digest_params *challenge,
                      enum sip_method method, struct sip_str uri, struct sip_str user,
                      const struct sip_ha1 *ha1, struct sip_str cnonce, uint32_t nonce_count,
                      struct sip_buf *b);

#endif
