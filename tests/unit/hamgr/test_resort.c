#include <criterion/criterion.h>

#include "hamgr/core/resort.h"
#include "tests/unit/hamgr/deploy.h"

static struct resort r;
static struct ham_out out;

static void begin(uint8_t self, enum ham_last_resort last_resort)
{
    struct ham_conf c = deploy(self);
    c.last_resort = last_resort;
    c.resort_host[0] = 0;
    resort_init(&r, &c);
}

static void look(int64_t ms, struct resort_sight sight)
{
    clear(&out);
    resort_look(&r, at_ms(ms), &sight, &out);
    cr_assert(resort_sane(&r));
}

static void probed(int64_t ms, bool references, bool site)
{
    clear(&out);
    resort_probed(&r, at_ms(ms), references, site, &out);
    cr_assert(resort_sane(&r));
}

static const struct resort_sight alone = {.may = true}, heard = {.may = true, .heard = true};

static void probing(void)
{
    begin(0, LAST_RESORT_PROBE);
    look(0, alone);
    look(2041, alone);
    cr_assert_null(find(&out, ACT_PROBE));
    look(2042, alone);
    cr_assert_not_null(find(&out, ACT_PROBE), "1000 + 1 + 20 ms, twice");
}

Test(resort, serves_when_the_network_is_there_and_the_site_address_is_silent)
{
    probing();
    probed(3000, true, false);
    cr_assert(resort_serves(&r));
    cr_assert_eq(find(&out, ACT_NOTE)->note.reason, REASON_LAST_RESORT);
    look(3001, alone);
    look(3100, (struct resort_sight){.may = true, .has_role = true});
    cr_assert(resort_serves(&r));
}

Test(resort, any_other_result_waits_and_asks_again)
{
    static const bool results[][2] = {{false, false}, {false, true}, {true, true}};
    for (int n = 0; n < 3; n++) {
        probing();
        probed(3000, results[n][0], results[n][1]);
        cr_assert_not(resort_serves(&r));
        look(5041, alone);
        cr_assert_null(find(&out, ACT_PROBE));
        look(5042, alone);
        cr_assert_not_null(find(&out, ACT_PROBE));
    }
}

Test(resort, whoever_is_heard_ends_the_waiting_and_the_probing)
{
    begin(0, LAST_RESORT_PROBE);
    look(0, alone);
    look(1000, heard);
    cr_assert_eq(r.state, RESORT_OFF);
    probing();
    look(2100, heard);
    cr_assert_eq(r.state, RESORT_OFF);
    probed(2200, true, false);
    cr_assert_not(resort_serves(&r), "too late");
}

Test(resort, is_for_the_named_host_that_may_and_for_nobody_with_stop)
{
    begin(1, LAST_RESORT_PROBE);
    look(0, alone);
    cr_assert_eq(r.state, RESORT_OFF);
    begin(0, LAST_RESORT_STOP);
    look(0, alone);
    cr_assert_eq(r.state, RESORT_OFF);
    begin(0, LAST_RESORT_PROBE);
    look(0, (struct resort_sight){0});
    cr_assert_eq(r.state, RESORT_OFF);
    probing();
    look(2100, (struct resort_sight){0});
    cr_assert_eq(r.state, RESORT_OFF);
}

Test(resort, a_majority_or_a_rival_ends_it_and_probes_that_do_not_end_are_given_up)
{
    probing();
    probed(3000, true, false);
    look(3100, (struct resort_sight){.may = true, .has_role = true, .majority = true});
    cr_assert_eq(r.state, RESORT_OFF);
    probing();
    probed(3000, true, false);
    look(3100, (struct resort_sight){.may = true, .has_role = true, .heard = true, .rival = true});
    cr_assert_eq(r.state, RESORT_OFF);
    probing();
    look(4042, alone);
    cr_assert_eq(r.state, RESORT_WAITING);
}
