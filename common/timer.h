/* timer - tens of thousands of timers inside a core.
 *
 * A 4-ary heap of pointers to timers that live in the core's own objects, with their due times
 * beside them: a comparison does not reach into the objects, which are all over the memory.  It
 * reads no clock: the core is told the time, asks timer_next() for its deadline, and pops what is
 * due.
 * A timer that is armed again for later keeps its place until that comes first (timers of
 * registrations are moved many times, and hardly ever fire): that costs O(1).
 * Arm, arm again for earlier and cancel cost O(log n); the deadline costs O(1).  Timers due at the
 * same nanosecond come out in the order in which they were armed, so a run repeats exactly.
 *
 * Owns:   nothing; the heap array is the caller's.  Cancel a timer before its object goes away.
 * Errors: none; more armed timers than the capacity is a bug, and asserted: capacity is
 *         the number of timers in all pools together.
 */
#ifndef COMMON_TIMER_H
#define COMMON_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mono.h"

struct timer {
    mono_t due;
    uint64_t order; /* ties: the earlier armed first */
    uint32_t place; /* 1 + index in the heap; 0 = not armed */
    uint32_t kind;  /* the core's own: which timer of which sort of object */
};

struct timer_place {
    mono_t due; /* of the timer, or earlier: then the place is stale */
    struct timer *timer;
};

struct timers {
    struct timer_place *heap;
    uint32_t capacity;
    uint32_t count;
    uint32_t count_max; /* high-water mark */
    uint64_t order;
};

/* timers_bytes - how much memory timers_init needs for CAPACITY timers armed at once. */
size_t timers_bytes(uint32_t capacity);

/* timers_init - an empty set in MEMORY (timers_bytes() bytes, aligned as by malloc). */
void timers_init(struct timers *ts, void *memory, uint32_t capacity);

/* timer_init - a timer that is not armed; an all-zero timer is one too, of kind 0. */
static inline void timer_init(struct timer *t, uint32_t kind)
{
    *t = (struct timer){.kind = kind};
}

static inline bool timer_armed(const struct timer *t)
{
    return t->place != 0;
}

/* timer_arm - let T fall due at DUE; an armed timer is moved.  MONO_NEVER cancels it. */
void timer_arm(struct timers *ts, struct timer *t, mono_t due);

/* timer_cancel - nothing happens when T is not armed. */
void timer_cancel(struct timers *ts, struct timer *t);

/* timer_next - when the earliest timer falls due; MONO_NEVER when none is armed. */
mono_t timer_next(const struct timers *ts);

/* timer_pop - disarm and return the earliest timer that is due at NOW, or NULL.  Call until NULL.
 */
struct timer *timer_pop(struct timers *ts, mono_t now);

/* timer_sane - every timer knows its place, none precedes its parent, and the first place
 * tells its timer's time; walks all. */
bool timer_sane(const struct timers *ts);

#endif
