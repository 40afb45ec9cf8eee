#include "common/hash.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

static uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

/* Little-endian whatever the machine, as the algorithm is defined. */
static uint64_t load64(const uint8_t *p)
{
    uint64_t x;

    memcpy(&x, p, sizeof x);
    return le64toh(x);
}

/* The LENGTH bytes at P, fewer than eight, as the low ones of a number: both loads of a pair may
 * cover the same byte. */
static uint64_t load_rest(const uint8_t *p, size_t length)
{
    uint32_t low, high;

    if (length >= sizeof low) {
        memcpy(&low, p, sizeof low);
        memcpy(&high, p + length - sizeof high, sizeof high);
        return le32toh(low) | (uint64_t)le32toh(high) << (8 * (length - sizeof high));
    }
    if (length == 0)
        return 0;
    return p[0] | (uint64_t)p[length / 2] << (8 * (length / 2)) |
           (uint64_t)p[length - 1] << (8 * (length - 1));
}

/* The state by value: a copy that fits into registers. */
struct sip_state {
    uint64_t a, b, c, d;
};

static inline struct sip_state sip_round(struct sip_state v)
{
    v.a += v.b;
    v.b = rotate_left(v.b, 13) ^ v.a;
    v.a = rotate_left(v.a, 32);
    v.c += v.d;
    v.d = rotate_left(v.d, 16) ^ v.c;
    v.a += v.d;
    v.d = rotate_left(v.d, 21) ^ v.a;
    v.c += v.b;
    v.b = rotate_left(v.b, 17) ^ v.c;
    v.c = rotate_left(v.c, 32);
    return v;
}

static inline struct sip_state sip_absorb(struct sip_state v, uint64_t m)
{
    v.d ^= m;
    v = sip_round(sip_round(v));
    v.a ^= m;
    return v;
}

uint64_t siphash24(const uint8_t secret[HASH_SECRET_BYTES], const void *data, size_t length)
{
    const uint8_t *in = data;
    uint64_t k0 = load64(secret), k1 = load64(secret + 8);
    struct sip_state v = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                          k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};

    for (size_t left = length; left >= 8; left -= 8, in += 8)
        v = sip_absorb(v, load64(in));
    v = sip_absorb(v, (uint64_t)length << 56 | load_rest(in, length % 8));
    v.c ^= 0xff;
    v = sip_round(sip_round(sip_round(sip_round(v))));
    return v.a ^ v.b ^ v.c ^ v.d;
}

static uint32_t buckets_for(uint32_t capacity)
{
    uint32_t n = 8;

    while (n < capacity && n < UINT32_C(1) << 31)
        n *= 2;
    return n;
}

/* The product of two 64-bit numbers, folded: every bit of the result depends on every bit of both. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_fold(uint64_t seed, const void *data, size_t length)
{
    static const uint64_t odd[2] = {UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xc2b2ae3d27d4eb4f)};
    const unsigned char *p = data;
    uint64_t state = seed ^ odd[0], word[2];
    size_t left = length;

    for (; left >= sizeof(word); p += sizeof(word), left -= sizeof(word)) {
        memcpy(word, p, sizeof(word));
        state = fold(word[0] ^ odd[1], word[1] ^ state);
    }
    memset(word, 0, sizeof(word));
    memcpy(word, p, left);
    state = fold(word[0] ^ odd[1], word[1] ^ state);
    return fold(state ^ odd[0], length ^ odd[1]);
}

size_t hash_bytes(uint32_t capacity)
{
    return buckets_for(capacity) * sizeof(struct hash_node *);
}

void hash_init(struct hash *h, void *memory, uint32_t capacity,
               const uint8_t secret[HASH_SECRET_BYTES])
{
    h->buckets = memory;
    h->bucket_count = buckets_for(capacity);
    h->capacity = capacity;
    h->used = 0;
    memcpy(h->secret, secret, HASH_SECRET_BYTES);
    memset(h->buckets, 0, hash_bytes(capacity));
}

static struct hash_node **bucket_of(const struct hash *h, uint64_t hash)
{
    return &h->buckets[hash & (h->bucket_count - 1)];
}

static int enter(struct hash *h, struct hash_node *node)
{
    struct hash_node **bucket = bucket_of(h, node->hash);

    if (h->used == h->capacity)
        return -ENOSPC;
    node->next = *bucket;
    node->linked = true;
    *bucket = node;
    h->used++;
    return 0;
}

/* The node of that key; a number key has no bytes. */
static struct hash_node *find(const struct hash *h, uint64_t hash, const void *key, size_t length)
{
    for (struct hash_node *n = *bucket_of(h, hash); n != NULL; n = n->next) {
        if (n->hash == hash && (n->key == NULL) == (key == NULL) && n->length == length &&
            (key == NULL || memcmp(n->key, key, length) == 0))
            return n;
    }
    return NULL;
}

int hash_put(struct hash *h, struct hash_node *node, const void *key, size_t length)
{
    uint64_t hash = siphash24(h->secret, key, length);

    assert(!node->linked && key != NULL);
    if (find(h, hash, key, length) != NULL)
        return -EEXIST;
    *node = (struct hash_node){.key = key, .length = length, .hash = hash};
    return enter(h, node);
}

int hash_put_text(struct hash *h, struct hash_node *node, const char *key)
{
    return hash_put(h, node, key, strlen(key));
}

int hash_put_number(struct hash *h, struct hash_node *node, uint64_t key)
{
    assert(!node->linked);
    if (find(h, key, NULL, 0) != NULL)
        return -EEXIST;
    *node = (struct hash_node){.hash = key};
    return enter(h, node);
}

struct hash_node *hash_get(const struct hash *h, const void *key, size_t length)
{
    return find(h, siphash24(h->secret, key, length), key, length);
}

struct hash_node *hash_get_text(const struct hash *h, const char *key)
{
    return hash_get(h, key, strlen(key));
}

struct hash_node *hash_get_number(const struct hash *h, uint64_t key)
{
    return find(h, key, NULL, 0);
}

void hash_remove(struct hash *h, struct hash_node *node)
{
    struct hash_node **link;

    if (!node->linked)
        return;
    for (link = bucket_of(h, node->hash); *link != node; link = &(*link)->next)
        assert(*link != NULL); /* else the node is in another table */
    *link = node->next;
    node->next = NULL;
    node->linked = false;
    h->used--;
}

struct hash_node *hash_next(const struct hash *h, const struct hash_node *previous)
{
    uint32_t i = 0;

    if (previous != NULL) {
        if (previous->next != NULL)
            return previous->next;
        i = (uint32_t)(previous->hash & (h->bucket_count - 1)) + 1;
    }
    for (; i < h->bucket_count; i++) {
        if (h->buckets[i] != NULL)
            return h->buckets[i];
    }
    return NULL;
}
