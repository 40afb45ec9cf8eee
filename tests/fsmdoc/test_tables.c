/* Every table is whole: no pair without a row, no row that can never match, no state that cannot be
 * reached or left.  A FINAL state is left by nothing: it has no rows, or an IGNORE for every event
 * that may still come. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/fsmdoc/machines.h"

static size_t state_index(const struct fsm *m, const char *name)
{
    for (size_t i = 0; i < m->states_n; i++)
        if (strcmp(m->states[i].name, name) == 0)
            return i;
    cr_assert_fail("%s: no state %s", m->name, name);
    return 0;
}

static bool event_known(const struct fsm *m, const char *name)
{
    for (size_t i = 0; i < m->events_n; i++)
        if (strcmp(m->events[i].name, name) == 0)
            return true;
    return false;
}

static bool row_is(const struct fsm_row *r, const char *state, const char *event)
{
    return strcmp(r->from, state) == 0 && (event == NULL || strcmp(r->event, event) == 0);
}

static size_t rows_of(const struct fsm *m, const char *state)
{
    size_t n = 0;
    for (size_t i = 0; i < m->rows_n; i++)
        n += row_is(&m->rows[i], state, NULL);
    return n;
}

static void check_pair(const struct fsm *m, const char *state, const char *event)
{
    bool closed = false;
    for (size_t i = 0; i < m->rows_n; i++) {
        if (!row_is(&m->rows[i], state, event))
            continue;
        cr_assert(!closed, "%s: a row of (%s, %s) can never match", m->name, state, event);
        closed = strcmp(m->rows[i].guard, "always") == 0;
    }
    cr_assert(closed, "%s: nothing said for (%s, %s)", m->name, state, event);
}

Test(tables, every_pair_ends_in_an_unguarded_row_and_nothing_follows_it)
{
    for (size_t k = 0; k < MACHINES_N; k++) {
        const struct fsm *m = &machines[k];
        for (size_t s = 0; s < m->states_n; s++) {
            if (m->states[s].final && rows_of(m, m->states[s].name) == 0)
                continue;
            for (size_t e = 0; e < m->events_n; e++)
                check_pair(m, m->states[s].name, m->events[e].name);
        }
    }
}

Test(tables, every_state_can_be_reached_and_left_and_a_final_one_only_reached)
{
    for (size_t k = 0; k < MACHINES_N; k++) {
        const struct fsm *m = &machines[k];
        unsigned reached = 1, left = 0, before;
        do {
            before = reached;
            for (size_t i = 0; i < m->rows_n; i++) {
                size_t from = state_index(m, m->rows[i].from), to = state_index(m, m->rows[i].to);
                if (reached & 1u << from)
                    reached |= 1u << to;
                if (from != to)
                    left |= 1u << from;
            }
        } while (reached != before);
        for (size_t s = 0; s < m->states_n; s++) {
            cr_assert(reached & 1u << s, "%s: %s is never reached", m->name, m->states[s].name);
            cr_assert_eq(!(left & 1u << s), m->states[s].final, "%s: %s is %s", m->name,
                         m->states[s].name, m->states[s].final ? "final, yet left" : "never left");
        }
    }
}

/* What lasts as long as somebody else wants it has no timer of its own. */
Test(tables, what_waits_ends_by_a_timer)
{
    static const struct {
        char machine[16], event[12], lasts[12];
    } timed[] = {
        {"session", "TIMEOUT", "ATTACHED"},        {"desktop", "DUE", ""},
        {"invite_client", "T_LIFE", ""},           {"other_client", "T_LIFE", ""},
        {"invite_server", "T_LIFE", "PROCEEDING"}, {"other_server", "T_LIFE", ""},
    };
    for (size_t t = 0; t < COUNT(timed); t++) {
        const struct fsm *m = NULL;
        for (size_t k = 0; k < MACHINES_N; k++)
            if (strcmp(machines[k].name, timed[t].machine) == 0)
                m = &machines[k];
        cr_assert_not_null(m, "no machine %s", timed[t].machine);
        for (size_t s = 0; s < m->states_n; s++) {
            const char *state = m->states[s].name;
            bool left = false;
            for (size_t i = 0; i < m->rows_n; i++)
                left = left || (row_is(&m->rows[i], state, timed[t].event) &&
                                strcmp(m->rows[i].to, state) != 0);
            cr_assert(left || m->states[s].final || strcmp(state, timed[t].lasts) == 0,
                      "%s: %s may last for ever", m->name, state);
        }
    }
}

Test(tables, every_row_names_an_event_and_says_why)
{
    for (size_t k = 0; k < MACHINES_N; k++)
        for (size_t i = 0; i < machines[k].rows_n; i++) {
            const struct fsm_row *r = &machines[k].rows[i];
            cr_assert(event_known(&machines[k], r->event), "%s: no event %s", machines[k].name,
                      r->event);
            cr_assert_gt(strlen(r->why), 0, "%s: (%s, %s)", machines[k].name, r->from, r->event);
        }
}

Test(tables, they_are_small_enough_to_be_read)
{
    for (size_t k = 0; k < MACHINES_N; k++) {
        size_t rows = 0;
        for (size_t i = 0; i < machines[k].rows_n; i++)
            rows += machines[k].rows[i].action[0] != '\0';
        cr_assert_leq(rows, 40, "%s has %zu rows", machines[k].name, rows);
        cr_assert_leq(machines[k].states_n, 7);
    }
}
