#include "proto/arena.h"

#include <stdalign.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define APART 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define APART 1
#endif
#endif
#ifndef APART
#define APART 0
#endif

#define ALIGNED(n) (((n) + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1))

struct chunk {
    struct chunk *next;
    alignas(max_align_t) char bytes[];
};

struct arena {
    ProtobufCAllocator allocator;
    struct chunk *chunks;
    char *at; /* what the newest chunk has left */
    size_t left;
    size_t more; /* bytes of the next chunk */
};

static void *take(void *arena, size_t size)
{
    return arena_take(arena, size);
}

static void leave(void *arena, void *piece)
{
    (void)arena;
    (void)piece;
}

struct arena *arena_new(size_t expected)
{
    struct arena *a = malloc(sizeof *a);

    if (a == NULL)
        abort();
    *a = (struct arena){.allocator = {take, leave, a}, .more = expected};
    return a;
}

void arena_destroy(struct arena **arena)
{
    struct arena *a = *arena;

    *arena = NULL;
    if (a == NULL)
        return;
    while (a->chunks != NULL) {
        struct chunk *c = a->chunks;

        a->chunks = c->next;
        free(c);
    }
    free(a);
}

static void grow(struct arena *a, size_t size)
{
    size_t room = APART || size > a->more ? size : a->more;
    struct chunk *c = malloc(sizeof *c + room);

    if (c == NULL)
        abort();
    c->next = a->chunks;
    a->chunks = c;
    a->at = c->bytes;
    a->left = room;
    a->more *= 2;
}

void *arena_take(struct arena *a, size_t size)
{
    size_t need = APART ? size : ALIGNED(size);
    void *piece;

    if (APART || need > a->left)
        grow(a, need);
    piece = a->at;
    a->at += need;
    a->left -= need;
    return piece;
}

ProtobufCAllocator *arena_allocator(struct arena *a)
{
    return &a->allocator;
}
