/* mono - a moment or a span on this host's monotonic clock, as a value that cannot be mixed with
 * wall-clock time or with plain integers.
 *
 * The clock is CLOCK_BOOTTIME in nanoseconds: it never steps, it counts through a suspend, and all
 * processes of one host share it, so a deadline can be handed from one process to another.  It means
 * nothing on another host.  Only common/loop reads the clock; everyone else is told the time.
 */
#ifndef COMMON_MONO_H
#define COMMON_MONO_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t ns;
} mono_t;

#define MONO_ZERO  ((mono_t){0})
#define MONO_NEVER ((mono_t){INT64_MAX}) /* later than every moment */

#define MONO_NS_PER_MS INT64_C(1000000)

/* mono_add_ms - the moment MS milliseconds after T (before, when negative); MONO_NEVER stays never. */
static inline mono_t mono_add_ms(mono_t t, int64_t ms)
{
    return t.ns == INT64_MAX ? t : (mono_t){t.ns + ms * MONO_NS_PER_MS};
}

/* mono_diff_ms - whole milliseconds from B to A, rounded down; negative when A is earlier. */
static inline int64_t mono_diff_ms(mono_t a, mono_t b)
{
    int64_t ns = a.ns - b.ns;
    return ns >= 0 ? ns / MONO_NS_PER_MS : -((-ns + MONO_NS_PER_MS - 1) / MONO_NS_PER_MS);
}

static inline bool mono_before(mono_t a, mono_t b)
{
    return a.ns < b.ns;
}

/* mono_due - true once NOW has reached T. */
static inline bool mono_due(mono_t t, mono_t now)
{
    return now.ns >= t.ns;
}

static inline mono_t mono_min(mono_t a, mono_t b)
{
    return a.ns < b.ns ? a : b;
}

/* mono_grid - the first multiple of GRID_MS not before A.  What waits for such a moment wakes up
 * together with all else that does, when one grid is a multiple of the other. */
static inline mono_t mono_grid(mono_t a, int64_t grid_ms)
{
    int64_t grid = grid_ms * MONO_NS_PER_MS;

    return (mono_t){(a.ns + grid - 1) / grid * grid};
}

static inline mono_t mono_max(mono_t a, mono_t b)
{
    return a.ns > b.ns ? a : b;
}

static inline bool mono_is_never(mono_t t)
{
    return t.ns == INT64_MAX;
}

#endif
