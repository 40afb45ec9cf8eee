#include "sipserver/core/source.h"

#include <assert.h>
#include <string.h>

#include "common/hash.h"

#define WAYS              4
#define IPV4_BYTES        4
#define IPV6_PREFIX_BYTES 8
#define THINNEST          8 /* one in 2^8 is answered */
#define MILLI             1000

size_t sources_bytes(uint32_t n)
{
    return (size_t)n * sizeof(struct source);
}

void sources_init(struct sources *t, void *memory, uint32_t n, const uint8_t *secret)
{
    assert(n >= WAYS && (n & (n - 1)) == 0);
    *t = (struct sources){.places = memory, .n = n, .secret = secret};
}

static uint64_t key_of(const struct sources *t, const struct sip_addr *from)
{
    size_t len = from->family == SIP_IPV6 ? IPV6_PREFIX_BYTES : IPV4_BYTES;
    uint8_t host[1 + IPV6_PREFIX_BYTES] = {from->family};
    uint64_t key;

    memcpy(host + 1, from->ip, len);
    key = siphash24(t->secret, host, 1 + len);
    return key != 0 ? key : 1;
}

static struct source *places_of(const struct sources *t, uint64_t key)
{
    return &t->places[(key & (t->n / WAYS - 1)) * WAYS];
}

static struct source *find(const struct sources *t, uint64_t key)
{
    struct source *places = places_of(t, key);

    for (unsigned i = 0; i < WAYS; i++)
        if (places[i].key == key)
            return &places[i];
    return NULL;
}

static bool known(const struct source *s, mono_t now)
{
    return s != NULL && s->known_until.ns != 0 && mono_before(now, s->known_until);
}

static int64_t burst_of(const struct source *s, mono_t now, const struct source_limits *limits)
{
    return (int64_t)(known(s, now) ? limits->burst : limits->stranger_burst) * MILLI;
}

/* What S may ask at NOW. */
static int64_t tokens_at(const struct source *s, mono_t now, const struct source_limits *limits)
{
    int64_t burst = burst_of(s, now, limits);
    int64_t rate = known(s, now) ? limits->rate : limits->stranger_rate;
    int64_t ms = mono_diff_ms(now, s->at);

    if (ms > burst * 2 / rate + 1)
        return burst;
    return s->tokens + ms * rate < burst ? s->tokens + ms * rate : burst;
}

/* A new place for KEY: a free one, else that of who is nearest to a full burst. */
static struct source *begin(struct sources *t, mono_t now, const struct source_limits *limits,
                            uint64_t key)
{
    struct source *places = places_of(t, key), *best = NULL;
    int64_t best_worth = INT64_MAX;

    for (unsigned i = 0; i < WAYS; i++) {
        struct source *s = &places[i];
        int64_t worth;

        if (s->key == 0) {
            best = s;
            break;
        }
        worth = burst_of(s, now, limits) - tokens_at(s, now, limits);
        if (known(s, now))
            worth += (int64_t)UINT32_MAX * MILLI * 4;
        if (worth < best_worth) {
            best = s;
            best_worth = worth;
        }
    }
    t->evicted += best->key != 0;
    *best =
        (struct source){.key = key, .at = now, .tokens = (int64_t)limits->stranger_burst * MILLI};
    return best;
}

/* S owes COST more, down to a whole burst below nothing. */
static void spend(struct source *s, mono_t now, const struct source_limits *limits, uint32_t cost)
{
    int64_t burst = burst_of(s, now, limits);

    s->tokens = tokens_at(s, now, limits) - (int64_t)cost * MILLI;
    s->at = now;
    if (s->tokens < -burst)
        s->tokens = -burst;
}

enum source_verdict source_ask(struct sources *t, mono_t now, const struct source_limits *limits,
                               const struct sip_addr *from, uint32_t cost)
{
    uint64_t key = key_of(t, from);
    struct source *s = find(t, key);
    int64_t burst;
    unsigned thin;

    if (s == NULL)
        s = begin(t, now, limits, key);
    spend(s, now, limits, cost);
    if (s->tokens >= 0) {
        s->beyond = 0;
        return SOURCE_PASS;
    }
    burst = burst_of(s, now, limits);
    thin = 1 + (unsigned)(-s->tokens * (THINNEST - 1) / burst);
    if (s->tokens <= -burst)
        return SOURCE_DROP;
    return (s->beyond++ & ((1u << thin) - 1)) == 0 ? SOURCE_SCARCE : SOURCE_DROP;
}

bool source_is_known(const struct sources *t, mono_t now, const struct sip_addr *from)
{
    return known(find(t, key_of(t, from)), now);
}

void source_charge(struct sources *t, mono_t now, const struct source_limits *limits,
                   const struct sip_addr *from, uint32_t cost)
{
    uint64_t key = key_of(t, from);
    struct source *s = find(t, key);

    spend(s != NULL ? s : begin(t, now, limits, key), now, limits, cost);
}

bool source_blocked(const struct sources *t, mono_t now, const struct source_limits *limits,
                    const struct sip_addr *from)
{
    const struct source *s = find(t, key_of(t, from));

    return s != NULL && !known(s, now) &&
           tokens_at(s, now, limits) < MILLI - burst_of(s, now, limits);
}

void source_proven(struct sources *t, mono_t now, const struct source_limits *limits,
                   const struct sip_addr *from, mono_t until)
{
    uint64_t key = key_of(t, from);
    struct source *s = find(t, key);

    if (s == NULL)
        s = begin(t, now, limits, key);
    if (!known(s, now)) {
        s->tokens = (int64_t)limits->burst * MILLI;
        s->at = now;
        s->beyond = 0;
    }
    s->known_until = until;
}
