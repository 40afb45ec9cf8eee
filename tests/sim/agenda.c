#include "tests/sim/agenda.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

void agenda_init(struct agenda *a)
{
    a->sequence = 0;
    a->n = a->free_n = 0;
    for (uint32_t i = 0; i < AGENDA_MAX; i++)
        a->free_slots[a->free_n++] = AGENDA_MAX - 1 - i;
}

uint32_t agenda_take(struct agenda *a)
{
    assert(a->free_n > 0);
    return a->free_slots[--a->free_n];
}

void agenda_give(struct agenda *a, uint32_t slot)
{
    assert(a->free_n < AGENDA_MAX);
    a->free_slots[a->free_n++] = slot;
}

static bool sooner(const struct agenda *a, uint32_t i, uint32_t j)
{
    return a->heap[i].at != a->heap[j].at ? a->heap[i].at < a->heap[j].at
                                          : a->heap[i].sequence < a->heap[j].sequence;
}

static void swap(struct agenda *a, uint32_t i, uint32_t j)
{
    __typeof__(a->heap[0]) t = a->heap[i];

    a->heap[i] = a->heap[j];
    a->heap[j] = t;
}

void agenda_push(struct agenda *a, int64_t at, uint32_t slot)
{
    uint32_t i = a->n++;

    assert(i < AGENDA_MAX);
    a->heap[i].at = at;
    a->heap[i].sequence = a->sequence++;
    a->heap[i].slot = slot;
    for (; i > 0 && sooner(a, i, (i - 1) / 2); i = (i - 1) / 2)
        swap(a, i, (i - 1) / 2);
}

int64_t agenda_next(const struct agenda *a)
{
    return a->n > 0 ? a->heap[0].at : INT64_MAX;
}

uint32_t agenda_pop(struct agenda *a)
{
    uint32_t slot = a->heap[0].slot, i = 0;

    assert(a->n > 0);
    a->heap[0] = a->heap[--a->n];
    for (;;) {
        uint32_t l = 2 * i + 1, m = i;

        if (l < a->n && sooner(a, l, m))
            m = l;
        if (l + 1 < a->n && sooner(a, l + 1, m))
            m = l + 1;
        if (m == i)
            return slot;
        swap(a, i, m);
        i = m;
    }
}
