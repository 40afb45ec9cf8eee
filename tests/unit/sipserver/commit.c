/* Output commit: what waits, for how long, and when a primary goes on alone.  The rows of
 * commit.tbl.h in virtual time. */
#include <criterion/criterion.h>

#include "sipserver/core/commit.h"

static struct commit c;
static mono_t now;

static mono_t at(int64_t ms)
{
    now = mono_add_ms(MONO_ZERO, ms);
    return now;
}

static void setup(void)
{
    at(1000);
    commit_init(&c);
    commit_primary(&c, 5);
}

/* The backup joins and has all after two batches. */
static void hold(void)
{
    commit_join(&c);
    cr_assert_eq(commit_take(&c), COMMIT_FOLLOW);
    cr_assert(commit_begins(&c));
    commit_sent(&c, false);
    cr_assert(commit_ack(&c, c.sequence, true));
    commit_acked(&c, now, MONO_NEVER);
    cr_assert_eq(commit_take(&c) & ~(unsigned)COMMIT_RELEASE, 0);
    cr_assert_not(commit_holds(&c), "before the copy is whole");
    commit_sent(&c, true);
    cr_assert(commit_holds(&c), "from the batch on that makes it whole");
    cr_assert_not(commit_ready(&c), "it is not acknowledged");
    cr_assert(commit_ack(&c, c.sequence, true));
    commit_acked(&c, now, MONO_NEVER);
    cr_assert(commit_ready(&c));
    cr_assert_eq(commit_take(&c), COMMIT_END, "should a process before us have been solo");
}

static uint64_t asked(void)
{
    cr_assert(commit_take(&c) & COMMIT_ASK);
    return c.asked_sequence;
}

Test(commit, nothing_waits_while_nobody_follows, .init = setup)
{
    cr_assert_not(commit_holds(&c));
    cr_assert_not(commit_follows(&c));
    cr_assert(mono_is_never(commit_deadline(&c, at(0))));
    commit_gone(&c, now);
    commit_tick(&c, at(100000), MONO_ZERO);
    cr_assert_eq(c.state, COMMIT_ALONE);
    cr_assert_eq(commit_take(&c), 0);
}

Test(commit, output_waits_from_the_batch_that_makes_the_copy_whole, .init = setup)
{
    hold();
    cr_assert_eq(c.state, COMMIT_HOLDING);
    cr_assert_eq(commit_take(&c), 0);
}

Test(commit, a_copy_that_differs_is_not_ready, .init = setup)
{
    hold();
    commit_sent(&c, false);
    cr_assert(commit_ack(&c, c.sequence, false));
    cr_assert_not(commit_ready(&c));
}

Test(commit, an_acknowledgement_that_cannot_be_is_none, .init = setup)
{
    hold();
    cr_assert_not(commit_ack(&c, c.sequence, true), "twice");
    cr_assert_not(commit_ack(&c, c.sequence + 1, true), "of what was not sent");
    commit_sent(&c, false);
    commit_join(&c);
    cr_assert_not(commit_ack(&c, c.sequence, true), "of the copy before");
}

Test(commit, what_waits_longer_than_patience_asks_for_the_right_to_go_on, .init = setup)
{
    mono_t since;

    hold();
    since = at(2000);
    commit_sent(&c, false);
    cr_assert_eq(commit_deadline(&c, since).ns, mono_add_ms(since, 200).ns);
    commit_tick(&c, at(2199), since);
    cr_assert_eq(c.state, COMMIT_HOLDING);
    commit_tick(&c, at(2200), since);
    cr_assert_eq(c.state, COMMIT_ASKING);
    cr_assert_gt(asked(), c.sequence, "no copy can have what was not sent");
    cr_assert(commit_holds(&c), "nothing leaves before the answer");
    cr_assert_not(commit_follows(&c), "nothing gets a number that the answer does not cover");
    commit_tick(&c, at(3199), since);
    cr_assert_eq(commit_take(&c), 0);
    commit_tick(&c, at(3200), since);
    cr_assert_eq(commit_take(&c), COMMIT_ASK, "again");
}

Test(commit, nothing_is_asked_while_nothing_waits, .init = setup)
{
    hold();
    commit_sent(&c, false);
    commit_tick(&c, at(100000), MONO_NEVER);
    cr_assert_eq(c.state, COMMIT_HOLDING);
}

Test(commit, the_answer_lets_everything_go, .init = setup)
{
    uint64_t sequence;

    hold();
    commit_sent(&c, false);
    commit_tick(&c, at(1200), at(1000));
    sequence = asked();
    commit_order(&c, now, 0, 0);
    commit_order(&c, now, 4, sequence);
    commit_order(&c, now, 5, sequence - 1);
    cr_assert_eq(c.state, COMMIT_ASKING, "no answer, or one to another question");
    commit_order(&c, now, 5, sequence);
    cr_assert_eq(c.state, COMMIT_SOLO);
    cr_assert_eq(commit_take(&c), COMMIT_UNFOLLOW | COMMIT_RELEASE | COMMIT_TELL);
    cr_assert_not(commit_holds(&c));
    cr_assert_eq(c.solos, 1);
}

Test(commit, solo_ends_when_a_whole_copy_is_acknowledged, .init = setup)
{
    uint64_t sequence;

    hold();
    commit_sent(&c, false);
    commit_tick(&c, at(1200), at(1000));
    sequence = asked();
    commit_order(&c, now, 5, sequence);
    commit_take(&c);
    commit_join(&c);
    cr_assert_eq(commit_take(&c), COMMIT_FOLLOW);
    cr_assert_gt(c.begun_at, sequence, "the new copy is not an old one");
    commit_sent(&c, false);
    commit_order(&c, now, 5, sequence);
    commit_sent(&c, true);
    commit_order(&c, now, 5, sequence);
    cr_assert_eq(commit_take(&c), 0, "not before it is acknowledged");
    cr_assert(commit_ack(&c, c.sequence, true));
    commit_acked(&c, now, MONO_NEVER);
    cr_assert_eq(commit_take(&c), COMMIT_END);
    commit_order(&c, now, 5, sequence);
    cr_assert_eq(commit_take(&c), COMMIT_END, "again, while the orders say solo");
    commit_order(&c, now, 0, 0);
    cr_assert_eq(commit_take(&c), 0);
}

Test(commit, an_order_that_still_has_the_solo_before_is_no_answer, .init = setup)
{
    uint64_t first;

    hold();
    commit_sent(&c, false);
    commit_tick(&c, at(1200), at(1000));
    first = asked();
    commit_order(&c, now, 5, first);
    commit_take(&c);
    hold();
    commit_gone(&c, now);
    cr_assert_gt(asked(), first);
    commit_order(&c, now, 5, first);
    cr_assert_eq(c.state, COMMIT_ASKING);
}

Test(commit, a_backup_that_acknowledges_after_all_is_followed_on, .init = setup)
{
    hold();
    commit_sent(&c, false);
    commit_tick(&c, at(1200), at(1000));
    asked();
    cr_assert(commit_ack(&c, c.sequence, true));
    commit_acked(&c, at(1210), MONO_NEVER);
    cr_assert_eq(c.state, COMMIT_HOLDING);
    cr_assert_eq(commit_take(&c), COMMIT_END, "the question is taken back");
    commit_order(&c, now, 5, c.sequence + 1);
    cr_assert_eq(c.state, COMMIT_HOLDING);
    cr_assert_eq(commit_take(&c), COMMIT_END, "the answer was on its way");
}

Test(commit, older_output_that_still_waits_is_not_enough, .init = setup)
{
    hold();
    commit_sent(&c, false);
    commit_sent(&c, false);
    commit_tick(&c, at(1200), at(1000));
    cr_assert(commit_ack(&c, c.sequence - 1, true));
    commit_acked(&c, at(1210), at(1005));
    cr_assert_eq(c.state, COMMIT_ASKING);
}

Test(commit, a_backup_that_goes_is_asked_about_at_once, .init = setup)
{
    hold();
    commit_gone(&c, now);
    cr_assert_eq(c.state, COMMIT_ASKING);
    cr_assert_eq(commit_take(&c), COMMIT_UNFOLLOW | COMMIT_ASK);
    cr_assert(commit_holds(&c));
}

Test(commit, a_backup_that_goes_before_its_copy_was_whole_has_none, .init = setup)
{
    commit_join(&c);
    commit_sent(&c, false);
    commit_take(&c);
    commit_gone(&c, now);
    cr_assert_eq(c.state, COMMIT_ALONE);
    cr_assert_eq(commit_take(&c), COMMIT_UNFOLLOW);
}

Test(commit, a_solo_outlasts_a_copy_that_was_not_finished, .init = setup)
{
    hold();
    commit_gone(&c, now);
    commit_order(&c, now, 5, asked());
    commit_take(&c);
    commit_join(&c);
    commit_sent(&c, false);
    commit_gone(&c, now);
    cr_assert_eq(c.state, COMMIT_SOLO);
}

Test(commit, what_waits_leaves_when_the_backup_has_let_go_of_its_old_copy, .init = setup)
{
    hold();
    commit_sent(&c, false);
    commit_join(&c); /* it begins anew: until its first acknowledgement it may still be promoted */
    cr_assert_eq(commit_take(&c), COMMIT_FOLLOW);
    cr_assert_eq(c.state, COMMIT_RESTARTING);
    cr_assert(commit_holds(&c));
    cr_assert(commit_begins(&c));
    commit_sent(&c, false);
    cr_assert_not(commit_begins(&c));
    cr_assert(commit_ack(&c, c.sequence, true));
    commit_acked(&c, now, MONO_NEVER);
    cr_assert_eq(c.state, COMMIT_COPYING);
    cr_assert_eq(commit_take(&c), COMMIT_RELEASE);
}

Test(commit, a_copy_begun_anew_that_is_not_acknowledged_asks_too, .init = setup)
{
    hold();
    commit_join(&c);
    commit_sent(&c, false);
    commit_tick(&c, at(1200), at(1000));
    cr_assert_eq(c.state, COMMIT_ASKING);
    asked();
    cr_assert(commit_ack(&c, c.sequence, true));
    commit_acked(&c, at(1201), MONO_NEVER);
    cr_assert_eq(c.state, COMMIT_COPYING, "acknowledged late, and far from whole");
    cr_assert_eq(commit_take(&c), COMMIT_RELEASE);
}

Test(commit, a_role_that_ends_leaves_nothing_to_be_answered, .init = setup)
{
    hold();
    commit_gone(&c, now);
    commit_stopped(&c);
    cr_assert_eq(c.state, COMMIT_ALONE);
    commit_primary(&c, 6);
    commit_order(&c, now, 5, 1000);
    cr_assert_eq(c.state, COMMIT_ALONE, "another epoch's");
}

Test(commit, solo_lasts_as_long_as_the_orders_allow_it, .init = setup)
{
    hold();
    commit_gone(&c, now);
    commit_order(&c, now, 5, asked());
    commit_take(&c);
    commit_order(&c, now, 5, c.asked_sequence);
    cr_assert_eq(c.state, COMMIT_SOLO);
    commit_order(&c, now, 0, 0);
    cr_assert_eq(commit_take(&c), COMMIT_ASK);
    cr_assert(commit_holds(&c));
    commit_order(&c, now, 5, c.asked_sequence);
    cr_assert_eq(c.state, COMMIT_SOLO);
}

Test(commit, more_output_than_there_is_room_for_asks_at_once, .init = setup)
{
    hold();
    commit_full(&c, now);
    cr_assert_eq(c.state, COMMIT_ASKING);
    cr_assert(commit_take(&c) & COMMIT_ASK);
}
