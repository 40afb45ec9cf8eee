/* The state tables of the core: sound, and documented. */
#include <criterion/criterion.h>

#include "sipserver/core/commit.h"
#include "sipserver/core/state.h"

static void check(const struct fsm *f)
{
    unsigned state, event;
    const char *fault = fsm_fault(f, &state, &event);

    cr_assert_null(fault, "%s: %s: state %s, event %s", f->name, fault, f->states[state],
                   f->events[event]);
}

Test(tables, agent_table_is_sound)
{
    check(&agent_fsm);
}

Test(tables, peering_table_is_sound)
{
    check(&peering_fsm);
}

Test(tables, trunk_table_is_sound)
{
    check(&trunk_fsm);
}

Test(tables, call_table_is_sound)
{
    check(&call_fsm);
}

Test(tables, session_table_is_sound)
{
    check(&session_fsm);
}

Test(tables, music_table_is_sound)
{
    check(&music_fsm);
}

Test(tables, control_table_is_sound)
{
    check(&control_fsm);
}

Test(tables, transfer_table_is_sound)
{
    check(&transfer_fsm);
}

Test(tables, commit_table_is_sound)
{
    check(&commit_fsm);
}

/* The check itself finds what it is for. */
Test(tables, a_missing_pair_and_a_row_too_many_or_out_of_order_are_found)
{
    static const char *const names[] = {"A", "B"};
    const struct fsm_row missing[] = {{.from = 0, .event = 0, .to = 1},
                                      {.from = 1, .event = 0, .to = 0}};
    const struct fsm_row twice[] = {{.from = 0, .event = 0, .to = 1},
                                    {.from = 0, .event = 0, .to = 0},
                                    {.from = 1, .event = 0, .to = 0}};
    const struct fsm_row stuck[] = {{.from = 0, .event = 0, .to = 1},
                                    {.from = 1, .event = 0, .to = 1, .ignore = true}};
    const struct fsm_row turned[] = {{.from = 1, .event = 0, .to = 0},
                                     {.from = 0, .event = 0, .to = 1}};
    struct fsm f = {"x", missing, 2, names, 2, names, 2, 2};
    unsigned state, event;

    cr_assert_str_eq(fsm_fault(&f, &state, &event), "no row that always matches");
    f = (struct fsm){"x", twice, 3, names, 2, names, 1, 2};
    cr_assert_str_eq(fsm_fault(&f, &state, &event), "a row after the one that always matches");
    f = (struct fsm){"x", stuck, 2, names, 2, names, 1, 2};
    cr_assert_str_eq(fsm_fault(&f, &state, &event), "a state that is never left");
    f = (struct fsm){"x", turned, 2, names, 2, names, 1, 2};
    cr_assert_str_eq(fsm_fault(&f, &state, &event), "a row out of order");
}
