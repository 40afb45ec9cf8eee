#include <criterion/criterion.h>
#include <string.h>

#include "hamgr/core/ham.h"
#include "tests/unit/hamgr/deploy.h"

static struct ham_conf_fault fault;
static const char *const text = fault.text;

static bool check(const struct ham_conf *c)
{
    memset(&fault, 0, sizeof fault);
    return ham_conf_check(c, &fault);
}

Test(conf, defaults_pass)
{
    for (uint8_t i = 0; i < 5; i++) {
        struct ham_conf c = deploy(i);
        cr_assert(check(&c), "%s", text);
    }
}

Test(conf, every_option_is_held_to_its_range)
{
    size_t n;
    const struct ham_option *o = ham_options(&n);
    cr_assert_gt(n, 20);
    for (size_t i = 0; i < n; i++) {
        struct ham_conf c = deploy(0);
        uint32_t value = o[i].most + 1;
        cr_assert(o[i].least <= o[i].dflt && o[i].dflt <= o[i].most, "%s", o[i].name);
        memcpy((char *)&c + o[i].offset, &value, sizeof value);
        cr_assert_not(check(&c), "%s", o[i].name);
        cr_assert_not_null(strstr(text, o[i].name), "%s", text);
        cr_assert_str_eq(fault.options[0], o[i].name);
    }
}

Test(conf, unsafe_lease_is_refused_with_the_arithmetic)
{
    struct ham_conf c = deploy(0);
    c.lease_ttl_ms = 600;
    cr_assert_not(check(&c));
    cr_assert_str_eq(
        text, "lease-ttl 600 ms less drift-margin 20 ms less drift 1 ms (500 drift-ppm) leaves "
              "579 ms to its holder, less than 3 times renew-interval of 250 ms; raise lease-ttl "
              "to 772 ms or lower renew-interval");
    cr_assert_str_eq(fault.options[0], "lease-ttl");
    cr_assert_str_eq(fault.options[1], "renew-interval");
    c.lease_ttl_ms = 772;
    cr_assert(check(&c), "%s", text);
}

Test(conf, contradictory_timeouts_are_refused)
{
    struct ham_conf c = deploy(0);
    c.silent_after_ms = 700;
    cr_assert_not(check(&c));
    cr_assert_not_null(strstr(text, "750 ms"));
    c = deploy(0);
    c.dead_after_ms = 1400;
    cr_assert_not(check(&c));
    c = deploy(0);
    c.tilt_after_ms = 400;
    cr_assert_not(check(&c));
}

Test(conf, impossible_deployments_are_refused)
{
    struct ham_conf c = deploy(0);
    c.site_of[2] = 0;
    cr_assert_not(check(&c), "three hosts in a pair");
    c = deploy(0);
    c.witness[0] = 1;
    cr_assert_not(check(&c), "a witness inside the site");
    c = deploy(0);
    c.hosts = 9;
    cr_assert_not(check(&c));
}

Test(conf, voters_and_majorities)
{
    struct ham_conf c = deploy(0);
    uint8_t majority;
    cr_assert_eq(ham_voters(&c, RIGHT_ROLE_0, &majority), 0x13);
    cr_assert_eq(majority, 2);
    cr_assert_eq(ham_voters(&c, RIGHT_ROLE_1, &majority), 0x1c);
    cr_assert_eq(majority, 2);
    cr_assert_eq(ham_voters(&c, RIGHT_TICKET, &majority), 0x1f);
    cr_assert_eq(majority, 3);
    cr_assert_eq(ham_peer(&c, 0), 1);
    cr_assert_eq(ham_peer(&c, 3), 2);
}

Test(conf, messages_outside_the_limits_are_invalid)
{
    struct ham_msg m = {.type = HAM_MSG_ASK, .from = 4, .right = RIGHT_TICKET};
    m.ask = (struct ham_ask){.epoch = 1, .kind = ASK_GRANT, .holder = 4};
    cr_assert(ham_msg_valid(&m, 5));
    cr_assert_not(ham_msg_valid(&m, 4));
    m.right = RIGHTS_MAX;
    cr_assert_not(ham_msg_valid(&m, 5));
    m.right = 0;
    m.ask.kind = ASK_KIND_MAX;
    cr_assert_not(ham_msg_valid(&m, 5));
    m = (struct ham_msg){.type = HAM_MSG_BEAT};
    cr_assert(ham_msg_valid(&m, 5));
    m.beat.votes[1] = (struct vote_record){.known = true, .epoch = 2, .floor = 1, .holder = 0};
    cr_assert_not(ham_msg_valid(&m, 5));
    m = (struct ham_msg){.type = HAM_MSG_MAX};
    cr_assert_not(ham_msg_valid(&m, 5));
}

Test(conf, every_reason_has_a_text)
{
    for (int r = 0; r < REASON_MAX; r++)
        cr_assert_neq(ham_reason_text((enum ham_reason)r)[0], '?', "reason %d", r);
}

Test(conf, a_watchdog_that_would_end_a_hamgr_that_is_only_late_is_refused_with_the_arithmetic)
{
    struct ham_conf c = deploy(0);
    cr_assert(ham_conf_check_watchdog(&c, 850, &fault));
    cr_assert_not(ham_conf_check_watchdog(&c, 849, &fault));
    cr_assert_not_null(strstr(text, "every beat-interval of 250 ms"));
    cr_assert_not_null(
        strstr(text, "by tilt-after 600 ms; raise WatchdogSec of its unit to 850 ms"));
}
