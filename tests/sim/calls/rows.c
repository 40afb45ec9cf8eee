/* rows - which rows of the shipped tables have fired: the core's at the sites, those of
 * transactions at the sites and at the parties, whose protocol floor is the same.  The linker
 * (--wrap) sends the look-ups through here; the core itself is untouched. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sipserver/core/state.h"
#include "sipserver/sip/transaction.h"
#include "tests/sim/calls/world.h"

#define ROWS_MAX 160

static const struct fsm *const tables[] = {&call_fsm,  &agent_fsm,   &session_fsm, &transfer_fsm,
                                           &trunk_fsm, &peering_fsm, &music_fsm};

#define TABLES (sizeof(tables) / sizeof(tables[0]))

static uint64_t fired[TABLES][ROWS_MAX], txn_fired[ROWS_MAX * 2];

const struct fsm_row *__real_fsm_row(const struct fsm *f, unsigned state, unsigned event,
                                     const struct sc *sc, const void *object);
const struct fsm_row *__wrap_fsm_row(const struct fsm *f, unsigned state, unsigned event,
                                     const struct sc *sc, const void *object);
void __real_txn_step(struct sip_stack *s, struct txn *t, enum txn_event event, struct txn_step *x);
void __wrap_txn_step(struct sip_stack *s, struct txn *t, enum txn_event event, struct txn_step *x);

const struct fsm_row *__wrap_fsm_row(const struct fsm *f, unsigned state, unsigned event,
                                     const struct sc *sc, const void *object)
{
    const struct fsm_row *row = __real_fsm_row(f, state, event, sc, object);

    for (unsigned i = 0; i < TABLES; i++)
        if (tables[i] == f) {
            assert(row - f->rows < ROWS_MAX);
            fired[i][row - f->rows]++;
        }
    return row;
}

/* The guards of the transaction tables, which are the same as in transaction.c. */
static bool guard(const struct txn *t, const char *name)
{
    if (strcmp(name, "always") == 0)
        return true;
    if (strcmp(name, "cancel_wanted") == 0)
        return t->r.cancel_wanted;
    if (strcmp(name, "cancelled") == 0)
        return t->r.cancelled;
    if (strcmp(name, "unacknowledged") == 0)
        return t->r.unacknowledged;
    assert(strcmp(name, "acknowledged") == 0);
    return t->r.acknowledged;
}

void __wrap_txn_step(struct sip_stack *s, struct txn *t, enum txn_event event, struct txn_step *x)
{
    for (unsigned i = 0; i < txn_rows(); i++) {
        struct txn_row row = txn_row(i);

        if (row.machine == t->r.machine && row.from == t->r.state && row.event == event &&
            guard(t, row.guard)) {
            txn_fired[i]++;
            break;
        }
    }
    __real_txn_step(s, t, event, x);
}

/* Rows for what lasts no longer than a step, or that nothing asks for today: they keep the table
 * whole.  One of them that fires does not belong here. */
static const struct {
    const struct fsm *table;
    unsigned state, event;
} asleep[] = {{&peering_fsm, PEERING_PEERED, PEERING_EV_UNNAMED}}; /* its trunk stops first */

/* Rows that fire once in a hundred seeds: the last of four glares in a row, or an ACK that never
 * comes while an agent rings, with nothing else ending the wait.  tests/unit/sipserver/music.c has
 * both. */
static bool rare(const struct fsm *table, const struct fsm_row *row)
{
    return (table == &music_fsm && row->from == MUSIC_JOINING && row->event == MUSIC_EV_GLARE &&
            row->to == MUSIC_SILENT) ||
           (table == &call_fsm && row->from == CALL_OFFERED && row->event == CALL_EV_NO_ACK);
}

static bool sleeps(const struct fsm *table, const struct fsm_row *row)
{
    for (unsigned i = 0; i < sizeof(asleep) / sizeof(asleep[0]); i++)
        if (asleep[i].table == table && asleep[i].state == row->from &&
            asleep[i].event == row->event)
            return true;
    return false;
}

unsigned rows_unfired(void)
{
    unsigned n = 0, rows = 0;

    for (unsigned i = 0; i < TABLES; i++)
        for (unsigned k = 0; k < tables[i]->rows_n; k++) {
            const struct fsm_row *row = &tables[i]->rows[k];

            if (row->ignore)
                continue;
            rows++;
            if (rare(tables[i], row) || (fired[i][k] > 0) != sleeps(tables[i], row))
                continue;
            printf("row %s: %s %s %s %s\n",
                   fired[i][k] > 0 ? "fired, take it off the list" : "never fired", tables[i]->name,
                   tables[i]->states[row->from], tables[i]->events[row->event], row->guard_name);
            n++;
        }
    for (unsigned k = 0; k < txn_rows(); k++) {
        struct txn_row row = txn_row(k);

        if (row.ignored || (row.machine == TXN_ICT && row.from == TXN_PROCEEDING &&
                            row.event == TXN_TX_CANCEL && strcmp(row.guard, "cancelled") == 0))
            continue; /* the second: sip_cancel knows it before */
        rows++;
        if (txn_fired[k] > 0)
            continue;
        printf("row never fired: %s %s %s %s\n", txn_machine_name(row.machine),
               txn_state_name(row.from), txn_event_name(row.event), row.guard);
        n++;
    }
    printf("rows: %u, never fired: %u\n", rows, n);
    return n;
}
