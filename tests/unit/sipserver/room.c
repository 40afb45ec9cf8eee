/* Many things that are due at once: each waits for room in struct sc_out, none is lost. */
#include "tests/unit/sipserver/kit.h"

static struct kit *k;
static struct ua phone, gw;

static void quiet(struct kit *kit)
{
    kit->options.oos_check_ms = kit->options.oos_force_ms = 3600000;
}

static void setup(void)
{
    k = kit_house(quiet);
    gw = ua_at(k, "10.0.1.1", 5060, "c");
    phones_register(k, &phone, 100, 1);
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(room, .init = setup, .fini = teardown);

/* RFC 3261 17.1.1.2 */
Test(room, retransmissions_that_do_not_fit_in_one_step_follow_in_the_next)
{
    for (unsigned i = 0; i < 60; i++)
        ua_invite(&gw, "100", SDP_A);
    k->out.sip.max = SC_OUT_DATAGRAMS_MIN + 4;
    kit_forget_caught(k);
    kit_run(k, 500);
    for (unsigned i = 0; i < 60; i++)
        ua_expect_request(&phone, SIP_INVITE);
    cr_assert_eq(kit_counter(k, "out_refused"), 0);
}
