/* agenda - what happens next: a heap of slots ordered by (time, order of entry), and the free
 * slots. The caller keeps what a slot means in an array of its own. */
#ifndef TESTS_SIM_AGENDA_H
#define TESTS_SIM_AGENDA_H

#include <stdint.h>

#define AGENDA_MAX 8192

struct agenda {
    uint64_t sequence;
    uint32_t n, free_n;
    struct {
        int64_t at;
        uint64_t sequence;
        uint32_t slot;
    } heap[AGENDA_MAX];
    uint32_t free_slots[AGENDA_MAX];
};

void agenda_init(struct agenda *a);

/* agenda_take - a free slot.  Asserts: there is one.  agenda_give - it is free again. */
uint32_t agenda_take(struct agenda *a);
void agenda_give(struct agenda *a, uint32_t slot);

/* agenda_push - SLOT happens at AT, behind all that was entered for AT before. */
void agenda_push(struct agenda *a, int64_t at, uint32_t slot);

/* agenda_next - when the first slot happens; INT64_MAX: none.  agenda_pop - take it off. */
int64_t agenda_next(const struct agenda *a);
uint32_t agenda_pop(struct agenda *a);

#endif
