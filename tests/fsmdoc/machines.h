/* machines - every table of the tree as plain data, for the documents and for the table test.
 *
 * A new machine is three lines here and one in the list.
 */
#ifndef FSMDOC_MACHINES_H
#define FSMDOC_MACHINES_H

#include <stdbool.h>
#include <stddef.h>

/* A state or an event; FINAL belongs to states. */
struct fsm_word {
    const char *name, *meaning;
    bool final;
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
#define NAME  resort
#define TABLE "hamgr/core/resort.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  supervise
#define TABLE "hamgr/core/supervise.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  agent
#define TABLE "sipserver/core/agent.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  music
#define TABLE "sipserver/core/music.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  transfer
#define TABLE "sipserver/core/transfer.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  control
#define TABLE "sipserver/core/control.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  session_timer
#define TABLE "sipserver/core/session.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  call
#define TABLE "sipserver/core/call.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  peering
#define TABLE "sipserver/core/peering.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  commit
#define TABLE "sipserver/core/commit.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  trunk
#define TABLE "sipserver/core/trunk.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  session
#define TABLE "desktop/core/session.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  desktop
#define TABLE "desktop/core/client.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  roles
#define TABLE "confproxy/core/roles.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  invite_client
#define TABLE "sipserver/sip/invite_client.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  other_client
#define TABLE "sipserver/sip/client.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  invite_server
#define TABLE "sipserver/sip/invite_server.tbl.h"
#include "tests/fsmdoc/machine.inc"
#define NAME  other_server
#define TABLE "sipserver/sip/server.tbl.h"
#include "tests/fsmdoc/machine.inc"

/* clang-format off */
#define COUNT(array) (sizeof array / sizeof array[0])
#define MACHINE(name, title, table)                                                                \
    {#name, title, table,                                                                          \
     name##_states, COUNT(name##_states),                                                          \
     name##_events, COUNT(name##_events),                                                          \
     name##_rows, COUNT(name##_rows)}
/* clang-format on */

static const struct fsm machines[] = {
    MACHINE(vote, "The voter of a right", "hamgr/core/vote.tbl.h"),
    MACHINE(lease, "Candidate and holder of a right", "hamgr/core/lease.tbl.h"),
    MACHINE(site, "The judgement of the other site", "hamgr/core/site.tbl.h"),
    MACHINE(resort, "The last resort: nobody is heard", "hamgr/core/resort.tbl.h"),
    MACHINE(supervise, "The supervision of a component", "hamgr/core/supervise.tbl.h"),
    MACHINE(agent, "An agent", "sipserver/core/agent.tbl.h"),
    MACHINE(call, "A call", "sipserver/core/call.tbl.h"),
    MACHINE(music, "What the caller of a queue hears", "sipserver/core/music.tbl.h"),
    MACHINE(transfer, "A transfer by REFER or by the desktop", "sipserver/core/transfer.tbl.h"),
    MACHINE(control, "An operation of an agent's desktop", "sipserver/core/control.tbl.h"),
    MACHINE(session_timer, "The session timer of a leg", "sipserver/core/session.tbl.h"),
    MACHINE(peering, "The mode of a site", "sipserver/core/peering.tbl.h"),
    MACHINE(commit, "Output commit of a primary", "sipserver/core/commit.tbl.h"),
    MACHINE(trunk, "The watch of a trunk", "sipserver/core/trunk.tbl.h"),
    MACHINE(session, "A desktop's session at the gateway", "desktop/core/session.tbl.h"),
    MACHINE(desktop, "A desktop that follows its site", "desktop/core/client.tbl.h"),
    MACHINE(roles, "The copy of the configuration on a host", "confproxy/core/roles.tbl.h"),
    MACHINE(invite_client, "The INVITE client transaction", "sipserver/sip/invite_client.tbl.h"),
    MACHINE(other_client, "The client transaction of other requests", "sipserver/sip/client.tbl.h"),
    MACHINE(invite_server, "The INVITE server transaction", "sipserver/sip/invite_server.tbl.h"),
    MACHINE(other_server, "The server transaction of other requests", "sipserver/sip/server.tbl.h"),
};

#define MACHINES_N COUNT(machines)

#endif
