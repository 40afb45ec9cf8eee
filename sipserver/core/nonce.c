#include "sipserver/core/nonce.h"

#include "common/hash.h"

#define WINDOW     64    /* counts that may overtake each other */
#define REPEAT_MS  32000 /* so long a request is retransmitted: 64*T1 (RFC 3261 17.1.2.2) */
#define SETS_MIN   256
#define CACHE_LINE 64
#define SETS_MAX   65536

uint32_t nonces_sets(uint32_t phones)
{
    uint32_t n = SETS_MIN;

    while (n < SETS_MAX && n * NONCE_WAYS / 2 < phones)
        n *= 2;
    return n;
}

size_t nonces_bytes(uint32_t n)
{
    return (size_t)n * sizeof(struct nonce_set);
}

void nonces_init(struct nonces *t, void *memory, uint32_t n, const uint8_t *secret)
{
    *t = (struct nonces){.sets = memory, .n = n, .secret = secret};
}

void nonces_from(struct nonces *t, uint64_t now_s)
{
    t->from_s = (uint32_t)now_s;
}

static struct nonce_use *find(struct nonce_set *set, uint64_t key)
{
    for (unsigned i = 0; i < NONCE_WAYS; i++)
        if (set->use[i].key == key)
            return &set->use[i];
    return NULL;
}

/* A free place, one whose nonce is over, or that of the oldest nonce. */
static struct nonce_use *make_room(struct nonce_set *set, uint64_t now_s, uint32_t life_s,
                                   bool *ret_evicted)
{
    struct nonce_use *oldest = &set->use[0];

    for (unsigned i = 1; i < NONCE_WAYS && oldest->key != 0; i++)
        if (set->use[i].key == 0 || set->use[i].made_s < oldest->made_s)
            oldest = &set->use[i];
    *ret_evicted = oldest->key != 0 && oldest->made_s + (uint64_t)life_s >= now_s;
    if (*ret_evicted && oldest->made_s > set->forgotten_s)
        set->forgotten_s = oldest->made_s;
    return oldest;
}

static enum nonce_result count_again(struct nonce_use *use, mono_t now, const struct nonce_try *try)
{
    uint32_t behind = use->highest - try->count;

    if (try->count > use->highest) {
        uint32_t ahead = try->count - use->highest;

        use->seen = ahead < WINDOW ? use->seen << ahead | 1 : 1;
        use->highest = try->count;
        use->used = now;
        use->request = try->request;
        return NONCE_FRESH;
    }
    if (behind == 0 && try->request == use->request && mono_diff_ms(now, use->used) <= REPEAT_MS)
        return NONCE_REPEATED;
    if (behind >= WINDOW || (use->seen >> behind & 1) != 0)
        return NONCE_REPLAYED;
    use->seen |= UINT64_C(1) << behind;
    return NONCE_FRESH;
}

/* The wall clock may be set back: no moment is later than now. */
static void not_ahead(uint32_t *moment_s, uint64_t now_s)
{
    if (*moment_s > now_s)
        *moment_s = (uint32_t)now_s;
}

static struct nonce_set *set_of(const struct nonces *t, uint64_t key)
{
    return &t->sets[key & (t->n - 1)];
}

uint64_t nonces_key(const struct nonces *t, struct sip_str nonce)
{
    uint64_t hash = siphash24(t->secret, nonce.p, nonce.len);
    uint64_t key = hash != 0 ? hash : 1;
    const char *set = (const char *)set_of(t, key);

    for (size_t i = 0; i < sizeof(struct nonce_set); i += CACHE_LINE)
        __builtin_prefetch(set + i, 1);
    return key;
}

enum nonce_result nonces_use(struct nonces *t, mono_t now, uint64_t now_s, uint32_t life_s,
                             const struct nonce_try *try, bool *ret_evicted)
{
    struct nonce_set *set = set_of(t, try->key);
    struct nonce_use *use = find(set, try->key);

    *ret_evicted = false;
    if (use != NULL)
        return count_again(use, now, try);
    not_ahead(&t->from_s, now_s);
    not_ahead(&set->forgotten_s, now_s);
    if (try->made_s < t->from_s || try->made_s <= set->forgotten_s)
        return NONCE_FORGOTTEN;
    use = make_room(set, now_s, life_s, ret_evicted);
    *use = (struct nonce_use){.key = try->key,
                              .seen = 1,
                              .used = now,
                              .highest = try->count,
                              .made_s = try->made_s,
                              .request = try->request};
    return NONCE_FRESH;
}
