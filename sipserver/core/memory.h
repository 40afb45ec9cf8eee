/* memory - what the configured maxima cost: the bytes of all tables, which are reserved at the
 * start and never grow.
 *
 * Computed from the layout itself (sc_size), so it is right whatever a record holds.
 */
#ifndef SIPSERVER_CORE_MEMORY_H
#define SIPSERVER_CORE_MEMORY_H

#include "sipserver/core/core.h"

struct sc_memory {
    uint64_t calls, registrations, transactions, agents, dns, rules; /* bytes for each */
    uint64_t fixed;                                                  /* whatever the maxima are */
    uint64_t total;                                                  /* = sc_size */
};

void sc_memory(const struct sc_maxima *maxima, struct sc_memory *ret_memory);

#endif
