/* source - how much each address may ask of us: requests per second with a burst, one measure for
 * an address where a phone has lately proven its password, a smaller one for strangers.
 *
 * Who asks more is answered ever less: of the requests beyond the burst one in 2, then one in 4, up
 * to one in 256, then none.  A stranger that far is not even read (source_blocked).  An IPv6
 * address counts by its /64.  Only requests outside dialogs are counted, and what is malformed; a
 * trunk's address is the caller's to spare.
 *
 * The table has a fixed number of places, four for each key; who could ask most makes room, a
 * stranger before one who is known.  Pure.
 */
#ifndef SIPSERVER_CORE_SOURCE_H
#define SIPSERVER_CORE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mono.h"
#include "sipserver/sip/addr.h"

struct source {
    uint64_t key;       /* of the address; 0: a free place */
    mono_t at;          /* when TOKENS was so */
    mono_t known_until; /* MONO_ZERO: a stranger */
    int64_t tokens;     /* thousandths of a request; below 0: beyond the burst */
    uint32_t beyond;    /* requests since TOKENS fell below 0 */
};

struct source_limits {
    uint32_t rate, burst;                   /* of who is known; requests per second, requests */
    uint32_t stranger_rate, stranger_burst; /* of who is not */
};

struct sources {
    struct source *places;
    uint32_t n;            /* a power of two */
    const uint8_t *secret; /* HASH_SECRET_BYTES; the caller's */
    uint64_t evicted;
};

enum source_verdict {
    SOURCE_PASS,
    SOURCE_SCARCE, /* beyond the burst, and its turn to be answered */
    SOURCE_DROP,
};

size_t sources_bytes(uint32_t n);
void sources_init(struct sources *t, void *memory, uint32_t n, const uint8_t *secret);

/* source_ask - a request of FROM that counts as COST.  source_is_known - of FROM. */
enum source_verdict source_ask(struct sources *t, mono_t now, const struct source_limits *limits,
                               const struct sip_addr *from, uint32_t cost);
bool source_is_known(const struct sources *t, mono_t now, const struct sip_addr *from);

/* source_charge - COST more for FROM, which asked just now, for something that was refused. */
void source_charge(struct sources *t, mono_t now, const struct source_limits *limits,
                   const struct sip_addr *from, uint32_t cost);

/* source_blocked - FROM is a stranger of whom nothing is read now. */
bool source_blocked(const struct sources *t, mono_t now, const struct source_limits *limits,
                    const struct sip_addr *from);

/* source_proven - a phone at FROM has proven its password: FROM is known until UNTIL. */
void source_proven(struct sources *t, mono_t now, const struct source_limits *limits,
                   const struct sip_addr *from, mono_t until);

#endif
