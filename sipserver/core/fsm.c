#include "sipserver/core/fsm.h"

#include <assert.h>

const struct fsm_row *fsm_row(const struct fsm *f, unsigned state, unsigned event,
                              const struct sc *sc, const void *object)
{
    /* The rows stand in order and each pair before this one has at least one. */
    for (unsigned i = state * f->events_n + event; i < f->rows_n; i++) {
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

static unsigned place_of(const struct fsm *f, const struct fsm_row *row)
{
    return row->from * f->events_n + row->event;
}

/* Whether row I stands where it belongs among its neighbours. */
static bool in_order(const struct fsm *f, unsigned i)
{
    return i == 0 || place_of(f, &f->rows[i - 1]) <= place_of(f, &f->rows[i]);
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
    for (unsigned i = 0; i < f->rows_n; i++) {
        *ret_state = f->rows[i].from;
        *ret_event = f->rows[i].event;
        if (!in_order(f, i))
            return "a row out of order";
    }
    return NULL;
}
