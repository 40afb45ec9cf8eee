#include <criterion/criterion.h>

#include "hamgr/core/site.h"
#include "tests/unit/hamgr/deploy.h"

static struct site s;
static struct ham_out out;

static void begin(void)
{
    struct ham_conf c = deploy(2);
    site_init(&s, &c, 0, at_ms(0));
}

static void wake(int64_t ms)
{
    clear(&out);
    site_wake(&s, at_ms(ms), &out);
    cr_assert(site_sane(&s));
}

static void heard(int64_t ms)
{
    wake(ms);
    site_heard(&s, at_ms(ms), 0, &out);
}

static void reported(int64_t ms, uint32_t age)
{
    wake(ms);
    site_reported(&s, at_ms(ms), age, &out);
}

Test(site, heard_is_up_and_then_silent)
{
    begin();
    cr_assert_eq(s.state, SITE_SILENT);
    heard(10);
    cr_assert_eq(s.state, SITE_UP);
    wake(1009);
    cr_assert_eq(s.state, SITE_UP);
    wake(1010);
    cr_assert_eq(s.state, SITE_SILENT);
}

Test(site, cut_when_the_arbiter_hears_it)
{
    begin();
    heard(10);
    wake(1010);
    reported(1100, 50);
    cr_assert_eq(s.state, SITE_CUT);
    heard(1200);
    cr_assert_eq(s.state, SITE_UP);
}

Test(site, dead_only_when_neither_heard_it_for_long_enough)
{
    begin();
    heard(10);
    wake(1010);
    reported(2900, 2950);
    cr_assert_eq(s.state, SITE_SILENT);
    reported(3020, 3010);
    cr_assert_eq(s.state, SITE_DEAD);
}

Test(site, not_dead_right_after_our_own_start)
{
    begin();
    reported(2900, HAM_AGE_NEVER);
    cr_assert_eq(s.state, SITE_SILENT, "we have not listened for long enough");
    reported(3000, HAM_AGE_NEVER);
    cr_assert_eq(s.state, SITE_DEAD);
}

Test(site, proof_expires_with_the_arbiters_report)
{
    begin();
    reported(3000, HAM_AGE_NEVER);
    cr_assert_eq(s.state, SITE_DEAD);
    wake(4000);
    cr_assert_eq(s.state, SITE_SILENT);
    wake(60000);
    cr_assert_eq(s.state, SITE_SILENT, "without the arbiter we cannot tell");
}

Test(site, ear_of_our_pair_counts)
{
    begin();
    wake(5000);
    site_heard(&s, at_ms(5000), 100, &out);
    cr_assert_eq(s.state, SITE_UP);
    wake(5900);
    cr_assert_eq(s.state, SITE_SILENT, "counted from when it was heard");
}
