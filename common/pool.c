#include "common/pool.h"

#include <assert.h>
#include <string.h>

#define END_OF_FREE UINT32_MAX
#define IN_USE      (UINT32_MAX - 1)

static size_t round_up(size_t n)
{
    return (n + POOL_ALIGN - 1) / POOL_ALIGN * POOL_ALIGN;
}

size_t pool_bytes(uint32_t count, size_t object_size)
{
    return round_up(count * sizeof(struct pool_slot)) + count * round_up(object_size);
}

void pool_init(struct pool *p, void *memory, uint32_t count, size_t object_size)
{
    assert(count < IN_USE && object_size > 0);
    memset(p, 0, sizeof *p);
    p->slots = memory;
    p->objects = (unsigned char *)memory + round_up(count * sizeof(struct pool_slot));
    p->object_size = round_up(object_size);
    p->count = count;
    for (uint32_t i = 0; i < count; i++)
        p->slots[i] = (struct pool_slot){0, i + 1 < count ? i + 1 : END_OF_FREE};
    p->first_free = count > 0 ? 0 : END_OF_FREE;
}

static void mark(const struct pool *p, uint32_t index)
{
    struct pool_marks *m = p->marks;

    if (m == NULL || m->is[index])
        return;
    m->is[index] = 1;
    m->list[m->n++] = index;
}

void *pool_take(struct pool *p, handle_t *ret_handle)
{
    uint32_t index = p->first_free;
    struct pool_slot *slot;
    void *object;

    if (index == END_OF_FREE) {
        p->refused++;
        return NULL;
    }
    slot = &p->slots[index];
    p->first_free = slot->next_free;
    slot->next_free = IN_USE;
    if (++slot->generation == 0) /* 0 is kept for "names nothing" */
        slot->generation = 1;
    if (++p->used > p->used_max)
        p->used_max = p->used;

    object = p->objects + index * p->object_size;
    memset(object, 0, p->object_size);
    mark(p, index);
    if (ret_handle != NULL)
        *ret_handle = (handle_t){index, slot->generation};
    return object;
}

void pool_put(struct pool *p, void *object)
{
    uint32_t index = pool_index(p, object);

    assert(p->slots[index].next_free == IN_USE);
    p->slots[index].next_free = p->first_free;
    p->first_free = index;
    p->used--;
#if SC_MUTATION != 26 /* nobody is told that it is gone */
    mark(p, index);
#endif
}

void *pool_peek(const struct pool *p, handle_t handle)
{
    if (handle.generation == 0 || handle.index >= p->count ||
        p->slots[handle.index].generation != handle.generation)
        return NULL;
    return pool_at(p, handle.index);
}

void *pool_get(const struct pool *p, handle_t handle)
{
    void *object = pool_peek(p, handle);

    if (object != NULL && p->marks != NULL && !p->marks->by_touch)
        mark(p, handle.index);
    return object;
}

handle_t pool_handle(const struct pool *p, const void *object)
{
    uint32_t index = pool_index(p, object);

    assert(p->slots[index].next_free == IN_USE);
    return (handle_t){index, p->slots[index].generation};
}

uint32_t pool_index(const struct pool *p, const void *object)
{
    size_t offset = (size_t)((const unsigned char *)object - p->objects);

    assert(offset % p->object_size == 0 && offset / p->object_size < p->count);
    return (uint32_t)(offset / p->object_size);
}

void *pool_at(const struct pool *p, uint32_t index)
{
    assert(index < p->count);
    return p->slots[index].next_free == IN_USE ? p->objects + index * p->object_size : NULL;
}

void *pool_next(const struct pool *p, const void *previous)
{
    uint32_t index = previous == NULL ? 0 : pool_index(p, previous) + 1;

    for (; index < p->count; index++) {
        if (p->slots[index].next_free == IN_USE)
            return p->objects + index * p->object_size;
    }
    return NULL;
}

void pool_touch(const struct pool *p, const void *object)
{
    if (p->marks != NULL)
        mark(p, pool_index(p, object));
}

uint32_t pool_unmark(struct pool *p)
{
    struct pool_marks *m = p->marks;
    uint32_t index;

    if (m == NULL || m->n == 0)
        return UINT32_MAX;
    index = m->list[--m->n];
    m->is[index] = 0;
    return index;
}

void pool_touch_place(const struct pool *p, uint32_t index)
{
    assert(index < p->count);
    mark(p, index);
}

/* ---- copies ---- */

void *pool_place(struct pool *p, handle_t handle)
{
    struct pool_slot *slot = &p->slots[handle.index];
    void *object = p->objects + handle.index * p->object_size;

    assert(handle.index < p->count && handle.generation != 0);
    if (slot->next_free != IN_USE && ++p->used > p->used_max)
        p->used_max = p->used;
#if SC_MUTATION == 23 /* the generation is not kept */
    handle.generation = 1;
#endif
    *slot = (struct pool_slot){handle.generation, IN_USE};
    memset(object, 0, p->object_size);
    return object;
}

void pool_clear_place(struct pool *p, uint32_t index)
{
    assert(index < p->count);
    if (p->slots[index].next_free != IN_USE)
        return;
    p->slots[index].next_free = END_OF_FREE;
    p->used--;
}

void pool_relist(struct pool *p, uint32_t ahead)
{
    uint32_t next = END_OF_FREE;

    for (uint32_t i = p->count; i-- > 0;) {
        struct pool_slot *slot = &p->slots[i];

        if (slot->next_free == IN_USE)
            continue;
        slot->generation += ahead;
        slot->next_free = next;
        next = i;
    }
    p->first_free = next;
}
