/* fsm - state machines as tables: a row says from which state, at which event, if which guard
 * holds, to which state, by which action, why, and by which source.
 *
 * The tables are agent.tbl.h, call.tbl.h, peering.tbl.h, trunk.tbl.h.  Rows stand in the order of
 * states and, within a state, of events.  The first row that matches wins; a pair for which nothing
 * is to be done says so by an IGNORE.  The next state stands in the row, so charts and logs derive
 * from the table; only fsm_row's user moves a state.
 */
#ifndef SIPSERVER_CORE_FSM_H
#define SIPSERVER_CORE_FSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sc;

typedef bool fsm_guard_fn(const struct sc *sc, const void *object);
typedef void fsm_action_fn(struct sc *sc, void *object, const void *argument);

struct fsm_row {
    uint8_t from;
    uint8_t event;
    uint8_t to;
    bool ignore;
    fsm_guard_fn *guard;   /* NULL: always */
    fsm_action_fn *action; /* NULL: none */
    const char *guard_name;
    const char *action_name;
    const char *why;
    const char *source;
};

struct fsm {
    const char *name;
    const struct fsm_row *rows;
    unsigned rows_n;
    const char *const *states;
    unsigned states_n; /* state 0 is where it starts */
    const char *const *events;
    unsigned events_n;
    unsigned final; /* the state that needs no way out; states_n: none */
};

/* fsm_row - the row for EVENT in STATE.
 * Asserts: there is one (fsm_fault proves it for every pair). */
const struct fsm_row *fsm_row(const struct fsm *f, unsigned state, unsigned event,
                              const struct sc *sc, const void *object);

/* fsm_fault - NULL when the table is sound: every pair has a last, unguarded row or an IGNORE and
 * no row after it; every state but the first is reached; every state but the final one can be left;
 * the rows are in order.  Else what is wrong; RET_STATE and RET_EVENT say where. */
const char *fsm_fault(const struct fsm *f, unsigned *ret_state, unsigned *ret_event);

#endif
