#include "sipserver/core/memory.h"

static uint64_t size_of(const struct sc_maxima *maxima)
{
    const struct sc_conf conf = {.maxima = *maxima};

    return sc_size(&conf);
}

void sc_memory(const struct sc_maxima *maxima, struct sc_memory *m)
{
    struct sc_maxima without;

    m->total = size_of(maxima);
#define PART(limit)                                                                                \
    without = *maxima;                                                                             \
    without.limit = 1;                                                                             \
    m->limit = m->total - size_of(&without);
    PART(calls)
    PART(registrations)
    PART(transactions)
    PART(agents)
    PART(dns)
    PART(rules)
#undef PART
    m->fixed =
        m->total - m->calls - m->registrations - m->transactions - m->agents - m->dns - m->rules;
}
