/* hash - an intrusive hash table keyed by bytes or by a 64-bit number.
 *
 * Keys come from the network, so the buckets are chosen by SipHash-2-4 under a secret: nobody
 * outside can make one bucket long.  A number key is such a hash itself and chooses its bucket as it
 * is.  The node lives inside the object; the bucket array is allocated once by the caller.  One
 * table holds either byte keys or number keys, as its first use decides.
 *
 * Owns:   nothing.  A byte key is not copied: it lives in the object and must not change or move
 * while the node is in the table. Errors: negative errno values. Source: J.-P. Aumasson, D. J.
 * Bernstein, "SipHash: a fast short-input PRF" (2012).
 */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_SECRET_BYTES 16

struct hash_node {
    struct hash_node *next;
    const void *key; /* NULL for a number key */
    size_t length;   /* bytes of the key */
    uint64_t hash;   /* the number key itself */
    bool linked;
};

struct hash {
    struct hash_node **buckets;
    uint32_t bucket_count; /* a power of two */
    uint32_t capacity;
    uint32_t used;
    uint8_t secret[HASH_SECRET_BYTES];
};

/* siphash24 - SipHash-2-4 of LENGTH bytes of DATA under SECRET. */
uint64_t siphash24(const uint8_t secret[HASH_SECRET_BYTES], const void *data, size_t length);

/* hash_fold - LENGTH bytes of DATA and SEED in 64 bits, several times as fast as siphash24: for
 * telling whether two texts are equal, under a seed that nobody outside knows.  Not for tables. */
uint64_t hash_fold(uint64_t seed, const void *data, size_t length);

/* hash_bytes - how much memory hash_init needs for CAPACITY nodes. */
size_t hash_bytes(uint32_t capacity);

/* hash_init - make an empty table in MEMORY (hash_bytes() bytes, aligned as by malloc). */
void hash_init(struct hash *h, void *memory, uint32_t capacity,
               const uint8_t secret[HASH_SECRET_BYTES]);

/* hash_put - enter NODE under LENGTH bytes of KEY.
 *
 * Returns: 0; -EEXIST the key is there already; -ENOSPC capacity reached.
 * Asserts: NODE (zeroed before its first use) is not in a table.
 */
int hash_put(struct hash *h, struct hash_node *node, const void *key, size_t length);

/* hash_put_text - the same with a NUL-terminated key. */
int hash_put_text(struct hash *h, struct hash_node *node, const char *key);

/* hash_put_number - the same with a number key: a keyed hash of what a stranger chose. */
int hash_put_number(struct hash *h, struct hash_node *node, uint64_t key);

/* hash_get, hash_get_text, hash_get_number - the node under that key, or NULL. */
struct hash_node *hash_get(const struct hash *h, const void *key, size_t length);
struct hash_node *hash_get_text(const struct hash *h, const char *key);
struct hash_node *hash_get_number(const struct hash *h, uint64_t key);

/* hash_remove - take NODE out; nothing happens when it is in no table. */
void hash_remove(struct hash *h, struct hash_node *node);

/* hash_next - walk all nodes: NULL gives the first, and each the one after.  The order is that of
 * the buckets: never let a decision depend on it.  To remove while walking, fetch the next one
 * first.
 */
struct hash_node *hash_next(const struct hash *h, const struct hash_node *previous);

#endif
