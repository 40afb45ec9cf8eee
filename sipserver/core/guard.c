#include "sipserver/core/guard.h"

#include <assert.h>
#include <string.h>

#include "common/hash.h"
#include "sipserver/sip/addr.h"

#define WAYS              4  /* places of one key */
#define ADDRESS_PATIENCE  10 /* times refused_max, for an address as a whole */
#define FLOW_PATIENCE     10 /* the same for the flow of a registered phone */
#define IPV4_BYTES        4
#define IPV6_PREFIX_BYTES 8

size_t guard_bytes(uint32_t n)
{
    return (size_t)n * sizeof(struct guard_count);
}

void guard_init(struct guard *g, void *memory, uint32_t n, const uint8_t *secret)
{
    assert(n >= WAYS && (n & (n - 1)) == 0);
    *g = (struct guard){.counts = memory, .n = n, .secret = secret};
    memset(memory, 0, guard_bytes(n));
}

static uint64_t not_zero(uint64_t key)
{
    return key != 0 ? key : 1;
}

/* Of the address alone. */
static uint64_t key_of(const struct guard *g, const struct sip_addr *from)
{
    size_t len = from->family == SIP_IPV6 ? IPV6_PREFIX_BYTES : IPV4_BYTES;
    uint8_t host[1 + IPV6_PREFIX_BYTES] = {from->family};

    memcpy(host + 1, from->ip, len);
    return not_zero(siphash24(g->secret, host, 1 + len));
}

/* Of the address with key HOST and NUMBER. */
static uint64_t key_with(const struct guard *g, uint64_t host, struct sip_str number)
{
    return not_zero(host ^ siphash24(g->secret, number.p, number.len));
}

/* Of the flow FROM, told apart by SALT, and NUMBER. */
static uint64_t key_of_flow(const struct guard *g, const struct sip_addr *from, uint64_t salt,
                            struct sip_str number)
{
    uint8_t flow[4 + sizeof(from->ip) + sizeof(salt)] = {
        from->family, from->transport, (uint8_t)(from->port >> 8), (uint8_t)from->port};

    memcpy(flow + 4, from->ip, sizeof(from->ip));
    memcpy(flow + 4 + sizeof(from->ip), &salt, sizeof(salt));
    return key_with(g, siphash24(g->secret, flow, sizeof(flow)), number);
}

static struct guard_count *places_of(const struct guard *g, uint64_t key)
{
    return &g->counts[(key & (g->n / WAYS - 1)) * WAYS];
}

/* The count of KEY while it runs. */
static struct guard_count *find(const struct guard *g, mono_t now, uint64_t key)
{
    struct guard_count *places = places_of(g, key);

    for (unsigned i = 0; i < WAYS; i++) {
        if (places[i].key == key && mono_before(now, places[i].ends))
            return &places[i];
    }
    return NULL;
}

static void set_end(struct guard *g, struct guard_count *count, mono_t ends)
{
    count->ends = ends;
    if (mono_before(g->last_ends, ends))
        g->last_ends = ends;
}

/* A new count for KEY, in the place of the one that ends first. */
static struct guard_count *begin(struct guard *g, mono_t ends, uint64_t key)
{
    struct guard_count *places = places_of(g, key), *first = &places[0];

    for (unsigned i = 1; i < WAYS; i++) {
        if (mono_before(places[i].ends, first->ends))
            first = &places[i];
    }
    *first = (struct guard_count){.key = key};
    set_end(g, first, ends);
    return first;
}

static bool locked(const struct guard *g, mono_t now, uint64_t key)
{
    const struct guard_count *count = find(g, now, key);

    return count != NULL && count->locked;
}

bool guard_locked(const struct guard *g, mono_t now, const struct sip_addr *from,
                  struct sip_str number)
{
    uint64_t host;

    if (!mono_before(now, g->last_ends)) /* most often: nobody was refused of late */
        return false;
    host = key_of(g, from);
    return locked(g, now, host) ||
           (!sip_str_empty(number) && locked(g, now, key_with(g, host, number)));
}

static bool add(struct guard *g, mono_t now, const struct guard_limits *limits, uint64_t key,
                uint32_t max)
{
    struct guard_count *count = find(g, now, key);

    if (count == NULL)
        count = begin(g, mono_add_ms(now, limits->window_ms), key);
    count->refused++;
    if (count->locked || count->refused < max)
        return false;
    count->locked = true;
    set_end(g, count, mono_add_ms(now, limits->lockout_ms));
    return true;
}

bool guard_flow_locked(const struct guard *g, mono_t now, const struct sip_addr *from,
                       uint64_t salt, struct sip_str number)
{
    return locked(g, now, key_of_flow(g, from, salt, number));
}

bool guard_flow_refused(struct guard *g, mono_t now, const struct guard_limits *limits,
                        const struct sip_addr *from, uint64_t salt, struct sip_str number)
{
    return limits->refused_max != 0 && add(g, now, limits, key_of_flow(g, from, salt, number),
                                           limits->refused_max * FLOW_PATIENCE);
}

bool guard_refused(struct guard *g, mono_t now, const struct guard_limits *limits,
                   const struct sip_addr *from, struct sip_str number)
{
    uint64_t host = key_of(g, from);
    bool out;

    if (limits->refused_max == 0)
        return false;
    out = add(g, now, limits, host, limits->refused_max * ADDRESS_PATIENCE);
    if (!sip_str_empty(number))
        out |= add(g, now, limits, key_with(g, host, number), limits->refused_max);
    return out;
}
