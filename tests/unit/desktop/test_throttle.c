/* Logins: a burst, then a rate; a wrong password makes its agent wait, twice as long each time. */
#include "desktop/core/throttle.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct throttle throttle;
static mono_t now;
static int64_t wait_ms;

static void setup(void)
{
    struct throttle_conf conf = {
        .burst = 3, .per_second = 10, .wait_min_ms = 1000, .wait_max_ms = 5000};

    now = (mono_t){5000 * MONO_NS_PER_MS};
    throttle_init(&throttle, &conf, now);
}

TestSuite(throttle, .init = setup);

Test(throttle, a_burst_goes_and_then_the_rate)
{
    for (int i = 0; i < 3; i++)
        cr_assert_eq(throttle_ask(&throttle, now, "ann", &wait_ms), THROTTLE_GO);
    cr_assert_eq(throttle_ask(&throttle, now, "bob", &wait_ms), THROTTLE_RATE);
    cr_assert_eq(wait_ms, 101);
    now = mono_add_ms(now, 100);
    cr_assert_eq(throttle_ask(&throttle, now, "bob", &wait_ms), THROTTLE_GO);
    cr_assert_eq(throttle_ask(&throttle, now, "bob", &wait_ms), THROTTLE_RATE);
    now = mono_add_ms(now, 3600 * 1000);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(throttle_ask(&throttle, now, "ann", &wait_ms), THROTTLE_GO);
    cr_assert_eq(throttle_ask(&throttle, now, "ann", &wait_ms), THROTTLE_RATE,
                 "an hour saves up no more than a burst");
}

Test(throttle, wrong_passwords_wait_twice_as_long_each_time_up_to_the_most)
{
    static const int64_t waits[] = {1000, 2000, 4000, 5000, 5000};

    for (int i = 0; i < 5; i++) {
        cr_assert_eq(throttle_ask(&throttle, now, "ann", &wait_ms), THROTTLE_GO);
        throttle_result(&throttle, now, "ann", false);
        now = mono_add_ms(now, waits[i] - 1);
        cr_assert_eq(throttle_ask(&throttle, now, "ann", &wait_ms), THROTTLE_WAIT, "try %d", i);
        cr_assert_eq(throttle_ask(&throttle, now, "bob", &wait_ms), THROTTLE_GO,
                     "others do not wait");
        now = mono_add_ms(now, 1);
    }
    cr_assert_eq(throttle_ask(&throttle, now, "ann", &wait_ms), THROTTLE_GO);
    throttle_result(&throttle, now, "ann", true);
    throttle_result(&throttle, now, "ann", false);
    now = mono_add_ms(now, 1000);
    cr_assert_eq(throttle_ask(&throttle, now, "ann", &wait_ms), THROTTLE_GO,
                 "a right password ends the series");
}

Test(throttle, the_oldest_failure_makes_room)
{
    char name[16];

    for (int i = 0; i < THROTTLE_FAILED_MAX + 1; i++) {
        snprintf(name, sizeof(name), "a%d", i);
        throttle_result(&throttle, now, name, false);
        now.ns++;
    }
    cr_assert_eq(throttle_ask(&throttle, now, "a0", &wait_ms), THROTTLE_GO);
    cr_assert_eq(throttle_ask(&throttle, now, "a1", &wait_ms), THROTTLE_WAIT);
    cr_assert_eq(throttle_ask(&throttle, now, name, &wait_ms), THROTTLE_WAIT);
}

Test(throttle, a_wrong_password_from_one_address_keeps_nobody_out_elsewhere)
{
    mono_t now = {1000 * MONO_NS_PER_MS};
    int64_t wait_ms;

    throttle_result(&throttle, now, "ann 192.0.2.66", false);
    cr_assert_eq(throttle_ask(&throttle, now, "ann 192.0.2.66", &wait_ms), THROTTLE_WAIT);
    cr_assert_eq(throttle_ask(&throttle, now, "ann 192.0.2.1", &wait_ms), THROTTLE_GO);
}
