#include "sipserver/core/fsm.h"

#include <assert.h>

const struct fsm_row *fsm_row(const struct fsm *f, unsigned state, unsigned event,
                              const struct sc *sc, const void *object)
{
    for (unsigned i = 0; i < f->rows_n; i++) {
        const struct fsm_row *row = &f->rows[i];

        if (row->from == state && row->event == event &&
            (row->guard == NULL || row->guard(sc, object)))
            return row;
    }
    assert(false); /* a pair of state and event without a row: fsm_fault finds it first */
    return NULL;
}

static const char *pair_fault(const struct fsm *f, unsigned state, unsigned event)
{
    bool closed = false;

    for (unsigned i = 0; i < f->rows_n; i++) {
        if (f->rows[i].from != state || f->rows[i].event != event)
            continue;
        if (closed)
            return "a row after the one that always matches";
        closed = f->rows[i].guard == NULL;
    }
    return closed ? NULL : "no row that always matches";
}

static const char *state_fault(const struct fsm *f, unsigned state)
{
    bool reached = state == 0;
    bool left = state == f->final;

    for (unsigned i = 0; i < f->rows_n; i++) {
        if (f->rows[i].ignore || f->rows[i].from == f->rows[i].to)
            continue;
        reached = reached || f->rows[i].to == state;
        left = left || f->rows[i].from == state;
    }
    if (!reached)
        return "a state that is never reached";
    return left ? NULL : "a state that is never left";
}

const char *fsm_fault(const struct fsm *f, unsigned *ret_state, unsigned *ret_event)
{
    for (unsigned state = 0; state < f->states_n; state++) {
        const char *fault = state_fault(f, state);

        *ret_state = state;
        *ret_event = 0;
        if (fault != NULL)
            return fault;
        for (unsigned event = 0; event < f->events_n; event++) {
            *ret_event = event;
            fault = pair_fault(f, state, event);
            if (fault != NULL)
                return fault;
        }
    }
    return NULL;
}
