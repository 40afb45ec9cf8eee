/* Every table is whole: no pair without a row, no row that can never match, no state that cannot be
 * reached or left. */
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

Test(tables, every_pair_ends_in_an_unguarded_row_and_nothing_follows_it)
{
    for (size_t k = 0; k < MACHINES_N; k++) {
        const struct fsm *m = &machines[k];
        for (size_t s = 0; s < m->states_n; s++)
            for (size_t e = 0; e < m->events_n; e++) {
                int closed = 0;
                for (size_t i = 0; i < m->rows_n; i++) {
                    if (strcmp(m->rows[i].from, m->states[s].name) != 0 ||
                        strcmp(m->rows[i].event, m->events[e].name) != 0)
                        continue;
                    cr_assert(!closed, "%s: a row of (%s, %s) can never match", m->name,
                              m->states[s].name, m->events[e].name);
                    closed = strcmp(m->rows[i].guard, "always") == 0;
                }
                cr_assert(closed, "%s: nothing said for (%s, %s)", m->name, m->states[s].name,
                          m->events[e].name);
            }
    }
}

Test(tables, every_state_can_be_reached_and_left)
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
            cr_assert(left & 1u << s, "%s: %s is never left", m->name, m->states[s].name);
        }
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
