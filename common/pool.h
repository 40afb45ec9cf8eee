/* pool - a fixed number of equal objects in memory that the caller allocated once.
 *
 * A core allocates nothing after its init: its tables are pools of a configured maximum, beyond
 * which a request is refused and counted.  A handle names an object by index and generation; the
 * generation changes each time the slot is given out, so a handle kept too long is recognised
 * as stale instead of naming the next tenant.
 *
 *     memory:  [slot 0 .. slot n-1][object 0 .. object n-1]
 *
 * Owns:   nothing; the memory is the caller's and must outlive the pool.
 * Errors: exhaustion is a value (NULL); misuse (giving back a free object) is asserted.
 */
#ifndef COMMON_POOL_H
#define COMMON_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A name for an object that can be kept, sent and compared; {0, 0} names nothing. */
typedef struct {
    uint32_t index;
    uint32_t generation; /* never 0 in a handle that was given out */
} handle_t;

#define HANDLE_NONE ((handle_t){0, 0})

struct pool_slot {
    uint32_t generation;
    uint32_t next_free; /* index, or one of the two marks in pool.c */
};

struct pool {
    struct pool_slot *slots;
    unsigned char *objects;
    size_t object_size; /* rounded up to POOL_ALIGN */
    uint32_t count;     /* objects in all */
    uint32_t used;
    uint32_t used_max; /* high-water mark since init */
    uint32_t first_free;
    uint64_t refused; /* how often pool_take found nothing */
};

#define POOL_ALIGN 16u

static inline bool handle_equal(handle_t a, handle_t b)
{
    return a.index == b.index && a.generation == b.generation;
}

static inline bool handle_is_none(handle_t h)
{
    return h.generation == 0;
}

/* pool_bytes - how much memory pool_init needs for COUNT objects of OBJECT_SIZE bytes. */
size_t pool_bytes(uint32_t count, size_t object_size);

/* pool_init - make a pool in MEMORY, which has pool_bytes() bytes aligned as by malloc. */
void pool_init(struct pool *p, void *memory, uint32_t count, size_t object_size);

/* pool_take - a free object, zeroed; its handle goes to RET_HANDLE unless that is NULL.
 *
 * Returns: the object; NULL when all are in use (counted in refused).
 */
void *pool_take(struct pool *p, handle_t *ret_handle);

/* pool_put - give OBJECT back; every handle to it is stale from now on.
 * Asserts: OBJECT is of this pool and in use.
 */
void pool_put(struct pool *p, void *object);

/* pool_get - the object that HANDLE names, or NULL when it was given back meanwhile (or never was).
 */
void *pool_get(const struct pool *p, handle_t handle);

/* pool_handle - the handle of OBJECT, which is in use. */
handle_t pool_handle(const struct pool *p, const void *object);

/* pool_index - the place of OBJECT, 0..count-1. */
uint32_t pool_index(const struct pool *p, const void *object);

/* pool_at - the object at INDEX, or NULL when that place is free. */
void *pool_at(const struct pool *p, uint32_t index);

/* pool_next - the first object in use after PREVIOUS (NULL: from the start) in index order, or
 * NULL. PREVIOUS may have been given back meanwhile.
 */
void *pool_next(const struct pool *p, const void *previous);

static inline uint32_t pool_free(const struct pool *p)
{
    return p->count - p->used;
}

#endif
