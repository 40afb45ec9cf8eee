/* Two real SIP servers: the one dies, the other goes on. */
#include "kit.h"

#include <string.h>

static Sf__ReplicaState state(unsigned host)
{
    return houses[host].report.replica_state;
}

static bool ready(void)
{
    const Sf__RoleReport *one = &houses[EAST1].report, *other = &houses[EAST2].report;

    return state(EAST1) == SF__REPLICA_STATE__REPLICA_READY &&
           state(EAST2) == SF__REPLICA_STATE__REPLICA_READY &&
           one->replica_digest == other->replica_digest &&
           one->replica_objects == other->replica_objects;
}

static void start(void)
{
    kit_start(EAST1);
    kit_start(EAST2);
    order(EAST2, false, 5);
    order(EAST1, true, 5);
    until(ready());
}

/* The primary dies; its backup takes over. */
static void fail_over(unsigned from, uint64_t epoch)
{
    kit_kill(from);
    order(1 - from, true, epoch);
    until(houses[1 - from].report.role == SF__ROLE__ROLE_PRIMARY);
}

static void connected(const char *id)
{
    gateway_invite(id, "7001");
    until(far_got("INVITE "));
    far_answer("INVITE ", "200 OK");
    until(gateway_got(id, 200));
    gateway_ack(id, "7001", 200);
    until(far_got("ACK "));
}

static void released(const char *id)
{
    gateway_bye(id, "7001");
    until(far_got("BYE "));
    far_answer("BYE ", "200 OK");
}

TestSuite(pair, .init = kit_setup, .fini = kit_teardown, .timeout = 60);

Test(pair, h_9_both_say_ready_with_equal_counts_and_digests)
{
    start();
    connected("a");
    until(ready() && houses[EAST1].report.replica_objects > 0);
    kit_kill(EAST2);
    until(state(EAST1) == SF__REPLICA_STATE__REPLICA_JOINING && houses[EAST1].ask_sequence != 0);
    order_solo(EAST1);
    until(state(EAST1) == SF__REPLICA_STATE__REPLICA_SOLO);
    kit_start(EAST2); /* it comes back, while a call is up */
    until(ready() && houses[EAST1].report.replica_objects > 0);
    until(houses[EAST1].ask_sequence == 0);
}

Test(pair, h_7_an_established_call_is_released_at_the_new_primary)
{
    char outcome[64];

    start();
    connected("a");
    until(ready());
    fail_over(EAST1, 6);
    released("a");
    until(records_at(EAST2, outcome, sizeof(outcome)) == 1);
    cr_assert_str_eq(outcome, "RELEASED");
}

Test(pair, h_7_a_ringing_call_is_answered_at_the_new_primary)
{
    start();
    gateway_invite("a", "7001");
    until(far_got("INVITE "));
    far_answer("INVITE ", "180 Ringing");
    until(gateway_got("a", 180));
    fail_over(EAST1, 6);
    far_answer("INVITE ", "200 OK");
    until(gateway_got("a", 200));
    gateway_ack("a", "7001", 200);
    until(far_got("ACK "));
    released("a");
}

Test(pair, h_7_twice_there_and_back)
{
    start();
    connected("a");
    until(ready());
    fail_over(EAST1, 6);
    order(EAST1, false, 6);
    kit_start(EAST1);
    until(ready());
    fail_over(EAST2, 7);
    released("a");
}

Test(pair, h_10_a_planned_hand_over_loses_nothing)
{
    start();
    connected("a");
    until(ready());
    order(EAST1, false, 6);
    until(houses[EAST1].report.role == SF__ROLE__ROLE_BACKUP);
    order(EAST2, true, 6);
    until(houses[EAST2].report.role == SF__ROLE__ROLE_PRIMARY);
    until(ready());
    released("a");
}

Test(pair, h_5_a_host_that_gets_its_role_back_goes_on_with_its_calls)
{
    char outcome[64];

    start();
    connected("a");
    until(ready());
    order(EAST1, false, 6);
    until(houses[EAST1].report.role == SF__ROLE__ROLE_BACKUP);
    run_for(300); /* it asks for a copy, and nobody has one */
    cr_assert_eq(houses[EAST1].report.replica_epoch, 5);
    cr_assert_gt(houses[EAST1].report.replica_sequence, 0);
    cr_assert_eq(state(EAST1), SF__REPLICA_STATE__REPLICA_JOINING, "nothing to hand the role to");
    order(EAST1, true, 7);
    until(houses[EAST1].report.role == SF__ROLE__ROLE_PRIMARY);
    cr_assert(logged(EAST1, "goes on from what it had as primary"));
    until(ready());
    released("a");
    until(records_at(EAST1, outcome, sizeof(outcome)) == 1);
    cr_assert_str_eq(outcome, "RELEASED");
}

/* What it kept is good until the new primary's first batch. */
Test(pair, h_5_the_primary_of_before_joins_the_new_one)
{
    start();
    connected("a");
    until(ready());
    order(EAST1, false, 6);
    until(houses[EAST1].report.role == SF__ROLE__ROLE_BACKUP);
    order(EAST2, true, 7);
    until(ready());
    cr_assert_eq(houses[EAST1].report.replica_epoch, 7);
    fail_over(EAST2, 8);
    released("a");
}
