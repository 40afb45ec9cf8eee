/* nonce - which nonce counts of which nonces were used, so that overheard credentials cannot be
 * used again (RFC 7616 3.4, 5.5).
 *
 * Nonces themselves are stateless (sip/digest.h).  Here is one entry for each nonce that has
 * brought right credentials, for as long as it lives; counts may overtake each other by up to 64.
 * The table has a fixed number of places, four for each key; the oldest nonce makes room, and what
 * is as old as one that made room is forgotten: a phone that uses it is given a new one.  Pure.
 */
#ifndef SIPSERVER_CORE_NONCE_H
#define SIPSERVER_CORE_NONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mono.h"
#include "sipserver/sip/str.h"

#define NONCE_WAYS 4

struct nonce_use {
    uint64_t key;     /* of the nonce; 0: a free place */
    uint64_t seen;    /* bit N: HIGHEST - N was used */
    mono_t used;      /* HIGHEST was */
    uint32_t highest; /* count */
    uint32_t made_s;  /* when the nonce was made, wall clock */
    uint32_t request; /* the one that used HIGHEST */
};

struct nonce_set {
    struct nonce_use use[NONCE_WAYS];
    uint32_t forgotten_s; /* nonces made then or before and not here may have been here */
};

struct nonces {
    struct nonce_set *sets;
    uint32_t n;            /* a power of two */
    uint32_t from_s;       /* nonces made before are forgotten: another host served then */
    const uint8_t *secret; /* HASH_SECRET_BYTES; the caller's */
};

/* One use of a nonce. */
struct nonce_try {
    uint64_t key; /* nonces_key */
    uint32_t made_s;
    uint32_t count;   /* 1 where the phone counts none (RFC 2069): such a nonce is good once */
    uint32_t request; /* hash of its Call-ID and CSeq */
};

enum nonce_result {
    NONCE_FRESH,
    NONCE_REPEATED,  /* the last one again by the same request within 64*T1: a retransmission, or
                      * like one
                      */
    NONCE_REPLAYED,  /* used before, or too far behind */
    NONCE_FORGOTTEN, /* cannot be told */
};

/* nonces_sets - how many sets for N phones; nonces_bytes - the memory for N sets; nonces_init -
 * with that memory, all zero. */
uint32_t nonces_sets(uint32_t phones);
size_t nonces_bytes(uint32_t n);
void nonces_init(struct nonces *t, void *memory, uint32_t n, const uint8_t *secret);

/* nonces_from - this host serves from NOW_S on: what was made before and is not here is forgotten.
 */
void nonces_from(struct nonces *t, uint64_t now_s);

/* nonces_key - of NONCE.  Its place is on the way to the cache from then on: ask early. */
uint64_t nonces_key(const struct nonces *t, struct sip_str nonce);

/* nonces_use - judge TRY, and remember it when it is fresh.  LIFE_S is that of a nonce, NOW_S the
 * wall clock.  RET_EVICTED: another nonce had to make room. */
enum nonce_result nonces_use(struct nonces *t, mono_t now, uint64_t now_s, uint32_t life_s,
                             const struct nonce_try *try, bool *ret_evicted);

#endif
