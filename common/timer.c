#include "common/timer.h"

#include <assert.h>

#define ARITY 4u

size_t timers_bytes(uint32_t capacity)
{
    return capacity * sizeof(struct timer_place);
}

void timers_init(struct timers *ts, void *memory, uint32_t capacity)
{
    *ts = (struct timers){.heap = memory, .capacity = capacity};
}

/* Its timer was armed again for later. */
static bool stale(const struct timer_place *p)
{
    return p->timer->due.ns != p->due.ns;
}

/* Stale places come first among those of the same time: when they have gone to where they belong,
 * none of that time is missing. */
static bool earlier(const struct timer_place *a, const struct timer_place *b)
{
    if (a->due.ns != b->due.ns)
        return a->due.ns < b->due.ns;
    return !stale(b) && (stale(a) || a->timer->order < b->timer->order);
}

static void put_at(struct timers *ts, uint32_t i, struct timer_place p)
{
    ts->heap[i] = p;
    p.timer->place = i + 1;
}

static void sift_up(struct timers *ts, uint32_t i, struct timer_place p)
{
    while (i > 0) {
        uint32_t parent = (i - 1) / ARITY;
        if (!earlier(&p, &ts->heap[parent]))
            break;
        put_at(ts, i, ts->heap[parent]);
        i = parent;
    }
    put_at(ts, i, p);
}

static uint32_t earliest_child(const struct timers *ts, uint32_t i)
{
    uint32_t first = i * ARITY + 1, best = first;

    for (uint32_t c = first + 1; c < first + ARITY && c < ts->count; c++) {
        if (earlier(&ts->heap[c], &ts->heap[best]))
            best = c;
    }
    return best;
}

static void sift_down(struct timers *ts, uint32_t i, struct timer_place p)
{
    while (i * ARITY + 1 < ts->count) {
        uint32_t child = earliest_child(ts, i);
        if (!earlier(&ts->heap[child], &p))
            break;
        put_at(ts, i, ts->heap[child]);
        i = child;
    }
    put_at(ts, i, p);
}

/* settle - P is to be at I; move it up or down to where its due time belongs. */
static void settle(struct timers *ts, uint32_t i, struct timer_place p)
{
    if (i > 0 && earlier(&p, &ts->heap[(i - 1) / ARITY]))
        sift_up(ts, i, p);
    else
        sift_down(ts, i, p);
}

/* The first place is never stale. */
static void freshen(struct timers *ts)
{
    while (ts->count > 0 && stale(&ts->heap[0])) {
        struct timer *t = ts->heap[0].timer;

        sift_down(ts, 0, (struct timer_place){t->due, t});
    }
}

void timer_arm(struct timers *ts, struct timer *t, mono_t due)
{
    bool later = false;
    uint32_t i;

    if (mono_is_never(due)) {
        timer_cancel(ts, t);
        return;
    }
    if (t->place == 0) {
        assert(ts->count < ts->capacity);
        i = ts->count++;
        if (ts->count > ts->count_max)
            ts->count_max = ts->count;
    } else {
        i = t->place - 1;
        assert(i < ts->count && ts->heap[i].timer == t);
        later = mono_before(ts->heap[i].due, due);
    }
    t->due = due;
    t->order = ++ts->order;
    if (later)
        sift_up(ts, i, ts->heap[i]);
    else
        settle(ts, i, (struct timer_place){due, t});
    freshen(ts);
}

void timer_cancel(struct timers *ts, struct timer *t)
{
    struct timer_place last;
    uint32_t i;

    if (t->place == 0)
        return;
    i = t->place - 1;
    assert(i < ts->count && ts->heap[i].timer == t);
    t->place = 0;
    last = ts->heap[--ts->count];
    if (last.timer != t)
        settle(ts, i, last);
    freshen(ts);
}

mono_t timer_next(const struct timers *ts)
{
    return ts->count > 0 ? ts->heap[0].due : MONO_NEVER;
}

struct timer *timer_pop(struct timers *ts, mono_t now)
{
    struct timer *first;

    if (ts->count == 0 || !mono_due(ts->heap[0].due, now))
        return NULL;
    first = ts->heap[0].timer;
    timer_cancel(ts, first);
    return first;
}

bool timer_sane(const struct timers *ts)
{
    for (uint32_t i = 0; i < ts->count; i++) {
        const struct timer_place *p = &ts->heap[i];

        if (p->timer->place != i + 1 || mono_before(p->timer->due, p->due))
            return false;
        if (i == 0 ? stale(p) : earlier(p, &ts->heap[(i - 1) / ARITY]))
            return false;
    }
    return ts->count <= ts->capacity;
}
