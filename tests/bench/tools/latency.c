#include "tests/bench/tools/latency.h"

#include <stdio.h>

void latency_add(struct latency *l, int64_t ns)
{
    int64_t step = ns / LATENCY_STEP_NS;

    if (step < 0)
        step = 0;
    l->counts[step < LATENCY_STEPS ? step : LATENCY_STEPS - 1]++;
    l->n++;
}

static long percentile_us(const struct latency *l, long part)
{
    long rank = (l->n * part + 99) / 100, seen = 0, i = 0;

    while (i < LATENCY_STEPS - 1 && (seen += l->counts[i]) < rank)
        i++;
    return (i + 1) * (LATENCY_STEP_NS / 1000);
}

void latency_print(const struct latency *l, const char *name)
{
    if (l->n == 0)
        return;
    printf("\"%s_p50_us\": %ld, \"%s_p99_us\": %ld, ", name, percentile_us(l, 50), name,
           percentile_us(l, 99));
}
