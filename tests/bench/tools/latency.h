/* latency - how long something took, many times over: counts by time, and percentiles of them.
 */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

#include <stdint.h>

#define LATENCY_STEP_NS 10000 /* 10 us */
#define LATENCY_STEPS   50000 /* to half a second; what took longer counts as that */

struct latency {
    uint32_t counts[LATENCY_STEPS];
    long n;
};

void latency_add(struct latency *l, int64_t ns);

/* latency_print - "NAME_p50_us": ..., "NAME_p99_us": ..., with a comma behind; nothing when nothing
 * was added.  Nearest rank, rounded up to a step. */
void latency_print(const struct latency *l, const char *name);

#endif
