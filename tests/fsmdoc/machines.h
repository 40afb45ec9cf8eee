/* machines - every table of the tree as plain data, for the documents and for the table test.
 *
 * A new machine is three lines here and one in the list.
 */
#ifndef FSMDOC_MACHINES_H
#define FSMDOC_MACHINES_H

#include <stddef.h>

struct fsm_word {
    const char *name, *meaning;
};

/* ACTION is empty for an IGNORE. */
struct fsm_row {
    const char *from, *event, *guard, *to, *action, *why, *source;
};

struct fsm {
    const char *name, *title, *table;
    const struct fsm_word *states;
    size_t states_n;
    const struct fsm_word *events;
    size_t events_n;
    const struct fsm_row *rows;
    size_t rows_n;
};

#define NAME  vote
#define TABLE "hamgr/core/vote.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  lease
#define TABLE "hamgr/core/lease.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  site
#define TABLE "hamgr/core/site.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  supervise
#define TABLE "hamgr/core/supervise.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  agent
#define TABLE "sipserver/core/agent.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  call
#define TABLE "sipserver/core/call.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  peering
#define TABLE "sipserver/core/peering.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  trunk
#define TABLE "sipserver/core/trunk.tbl.h"
#include "tests/fsmdoc/machine.inc"

#define MACHINE(name, title, table)                                                                \
    {                                                                                              \
#name, title, table, name##_states,                                                        \
            sizeof name##_states /                                                                 \
                sizeof name##_states[0], name##_events,                                            \
                                     sizeof name##_events /                                        \
                                         sizeof name##_events[0], name##_rows,                     \
                                                              sizeof name##_rows /                 \
                                                                  sizeof name##_rows[0]            \
    }

static const struct fsm machines[] = {
    MACHINE(vote, "The voter of a right", "hamgr/core/vote.tbl.h"),
    MACHINE(lease, "Candidate and holder of a right", "hamgr/core/lease.tbl.h"),
    MACHINE(site, "The judgement of the other site", "hamgr/core/site.tbl.h"),
    MACHINE(supervise, "The supervision of a component", "hamgr/core/supervise.tbl.h"),
    MACHINE(agent, "An agent", "sipserver/core/agent.tbl.h"),
    MACHINE(call, "A call", "sipserver/core/call.tbl.h"),
    MACHINE(peering, "The mode of a site", "sipserver/core/peering.tbl.h"),
    MACHINE(trunk, "The watch of a trunk", "sipserver/core/trunk.tbl.h"),
};

#define MACHINES_N (sizeof machines / sizeof machines[0])

#endif
