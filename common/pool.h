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

/* The places that somebody has looked at since they were forgotten (pool_unmark): what may have
 * changed.  LIST and IS have one element for each object. */
struct pool_marks {
    uint32_t *list;
    uint8_t *is;
    uint32_t n;
    bool by_touch; /* pool_get does not mark: objects that are read often and change seldom */
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
    struct pool_marks *marks; /* NULL: nobody wants to know */
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

/* pool_peek - the same, for looking only: it is not marked. */
void *pool_peek(const struct pool *p, handle_t handle);

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

/* pool_touch - OBJECT may change: mark it, when marks are kept.  pool_take, pool_put and (unless
 * by_touch) pool_get do so themselves; who finds an object by a list, a timer or an index says so. */
void pool_touch(const struct pool *p, const void *object);
void pool_touch_place(const struct pool *p, uint32_t index);

/* pool_unmark - take one place off the marks.  Returns: its index; UINT32_MAX: none is marked. */
uint32_t pool_unmark(struct pool *p);

/* ---- a copy of another process's pool: each object at the place that it has there ---- */

/* pool_place - the object at HANDLE's place, zeroed and in use under HANDLE's generation, whatever
 * was there.  The free list is wrong until pool_relist. */
void *pool_place(struct pool *p, handle_t handle);

/* pool_clear_place - nothing is at INDEX any more. */
void pool_clear_place(struct pool *p, uint32_t index);

/* pool_relist - the free list is made anew.  AHEAD is added to the generations of free places: as
 * many may have been given out and back unseen. */
void pool_relist(struct pool *p, uint32_t ahead);

static inline uint32_t pool_free(const struct pool *p)
{
    return p->count - p->used;
}

#endif
