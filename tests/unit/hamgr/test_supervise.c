#include <criterion/criterion.h>

#include "hamgr/core/supervise.h"
#include "tests/unit/hamgr/deploy.h"

static struct supervise s;
static struct ham_out out;

static void wake(int64_t ms)
{
    clear(&out);
    supervise_wake(&s, at_ms(ms), &out);
    cr_assert(supervise_sane(&s));
}

static void begin(void)
{
    struct ham_conf c = deploy(0);
    supervise_init(&s, &c, 0, at_ms(0));
    wake(0);
    cr_assert_not_null(find(&out, ACT_START));
    supervise_ready(&s, at_ms(100), &out);
    cr_assert_eq(s.state, SUPERVISE_READY);
}

Test(supervise, beats_keep_it_ready)
{
    begin();
    for (int ms = 500; ms < 20000; ms += 1900) {
        wake(ms);
        supervise_beat(&s, at_ms(ms), &out);
    }
    cr_assert_eq(s.state, SUPERVISE_READY);
    cr_assert_eq(supervise_health(&s, at_ms(20000)), HEALTH_GOOD);
}

Test(supervise, no_beat_through_the_work_path_is_wedged_and_killed)
{
    begin();
    wake(2099);
    cr_assert_eq(s.state, SUPERVISE_READY);
    wake(2100);
    cr_assert_eq(s.state, SUPERVISE_WEDGED);
    cr_assert_not_null(find(&out, ACT_KILL));
    cr_assert_eq(supervise_health(&s, at_ms(2100)), HEALTH_BAD);
    supervise_beat(&s, at_ms(2110), &out);
    cr_assert_eq(s.state, SUPERVISE_WEDGED, "too late");
    supervise_exited(&s, at_ms(2120), &out);
    wake(2220);
    cr_assert_not_null(find(&out, ACT_START));
}

Test(supervise, crash_is_mending_for_its_patience_then_bad)
{
    begin();
    supervise_exited(&s, at_ms(1000), &out);
    cr_assert_eq(supervise_health(&s, at_ms(1999)), HEALTH_MENDING);
    cr_assert_eq(supervise_health(&s, at_ms(2000)), HEALTH_BAD);
}

Test(supervise, pause_doubles_and_a_crash_loop_is_left_alone)
{
    begin();
    int64_t ms = 1000, pause[5];
    for (int n = 0; n < 5; n++) {
        supervise_exited(&s, at_ms(ms), &out);
        if (s.state == SUPERVISE_FAILED) {
            cr_assert_eq(n, 4, "the fifth failure");
            break;
        }
        pause[n] = mono_diff_ms(s.wake, at_ms(ms));
        ms += pause[n];
        wake(ms);
        cr_assert_eq(s.state, SUPERVISE_STARTING);
    }
    cr_assert_eq(pause[0], 0, "the first restart is not delayed");
    cr_assert_eq(pause[1], 100);
    cr_assert_eq(pause[3], 400);
    cr_assert_eq(s.state, SUPERVISE_FAILED);
    wake(ms + 59999);
    cr_assert_eq(s.state, SUPERVISE_FAILED);
    wake(ms + 60000);
    cr_assert_eq(s.state, SUPERVISE_STARTING);
}

Test(supervise, never_ready_is_killed_again_until_it_ends)
{
    struct ham_conf c = deploy(0);
    supervise_init(&s, &c, 0, at_ms(0));
    wake(0);
    wake(10000);
    cr_assert_eq(s.state, SUPERVISE_WEDGED);
    wake(12000);
    cr_assert_not_null(find(&out, ACT_KILL));
}

Test(supervise, beats_that_waited_while_we_were_frozen_count)
{
    begin();
    clear(&out);
    supervise_jumped(&s, at_ms(60000), &out);
    wake(60000);
    cr_assert_eq(s.state, SUPERVISE_READY);
}
