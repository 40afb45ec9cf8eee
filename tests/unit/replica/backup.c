/* A real SIP server that is backup; the test is its primary. */
#include "kit.h"

#include <string.h>

static Sf__ReplicaState state(void)
{
    return houses[EAST1].report.replica_state;
}

/* It has joined, and has all of an empty core, up to batch 2. */
static void start(void)
{
    kit_start(EAST1);
    fake_start(EAST2, true, 5);
    order(EAST1, false, 5);
    until(fake.joins > 0);
    batch_head.epoch = 5;
    fake_batch(1, true, false, NULL);
    fake_batch(2, false, true, NULL);
    until(fake.acked > 0 && fake.ack.sequence == 2);
    cr_assert(fake.ack.ready);
    until(state() == SF__REPLICA_STATE__REPLICA_READY);
}

static unsigned joins;

static void expect_join(const char *why)
{
    until(fake.joins > joins);
    cr_assert(strstr(fake.why, why) != NULL, "%s", fake.why);
    until(state() == SF__REPLICA_STATE__REPLICA_JOINING);
}

TestSuite(backup, .init = kit_setup, .fini = kit_teardown, .timeout = 60);

Test(backup, h_9_it_joins_with_its_sizes_and_is_ready_when_it_has_all)
{
    start();
    cr_assert_eq(fake.join.calls_max, 10000);
    cr_assert_eq(fake.join.registrations_max, 100000);
    cr_assert_eq(fake.join.transactions_max, 50000);
    cr_assert_eq(fake.join.agents_max, 5000);
    cr_assert_eq(fake.join.dns_max, 50000);
    cr_assert_eq(houses[EAST1].report.replica_epoch, 5);
    until(houses[EAST1].report.replica_sequence == 2);
    fake_batch(3, false, false, NULL);
    until(fake.ack.sequence == 3 && fake.ack.ready);
}

Test(backup, h_9_a_gap_begins_the_copy_anew)
{
    start();
    joins = fake.joins;
    fake_batch(4, false, false, NULL);
    expect_join("a gap: batch 4 came after 2");
    cr_assert_eq(fake.ack.sequence, 2);
    joins = fake.acked;
    fake_batch(5, false, false, NULL); /* of the copy before */
    fake_batch(6, true, true, NULL);
    until(fake.ack.sequence == 6 && fake.ack.ready);
    cr_assert_eq(fake.acked, joins + 1);
    until(state() == SF__REPLICA_STATE__REPLICA_READY);
}

Test(backup, h_9_copies_that_differ_are_alarmed_and_begun_anew)
{
    start();
    joins = fake.joins;
    batch_head.digest = 4711;
    fake_batch(3, false, false, NULL);
    expect_join("the copies differ at batch 3");
    cr_assert_eq(fake.ack.sequence, 2, "it is not acknowledged");
    cr_assert(logged(EAST1, "err"), "an alarm");
    until(houses[EAST1].report.replica_sequence == 0); /* of no use */
}

Test(backup, a_batch_that_cannot_be_read_begins_the_copy_anew)
{
    uint8_t objects[] = {0x0a, 0x7f, 1, 2};

    start();
    joins = fake.joins;
    batch_head.objects.data = objects;
    batch_head.objects.len = sizeof(objects);
    fake_batch(3, false, false, NULL);
    expect_join("batch 3 cannot be taken over");
}

Test(backup, it_asks_again_while_it_is_refused)
{
    Sf__ReplicaRefused m = SF__REPLICA_REFUSED__INIT;
    char why[] = "calls-max differs";

    kit_start(EAST1);
    fake_start(EAST2, true, 5);
    order(EAST1, false, 5);
    for (unsigned i = 1; i <= 3; i++) {
        until(fake.joins >= i);
        m.why = why;
        cr_assert_eq(bus_peer_send(fake.peer, MESSAGE_REPLICA_REFUSED, &m), 0);
    }
    until(strstr(houses[EAST1].why, why) != NULL);
}

Test(backup, h_14_a_primary_that_goes_on_alone_makes_the_copy_an_old_one)
{
    Sf__ReplicaRefused m = SF__REPLICA_REFUSED__INIT;
    char why[] = "the backup does not acknowledge";

    start();
    joins = fake.joins;
    m.why = why;
    cr_assert_eq(bus_peer_send(fake.peer, MESSAGE_REPLICA_REFUSED, &m), 0);
    expect_join(why);
    cr_assert_eq(houses[EAST1].report.replica_sequence, 2, "what it has, it has");
}

Test(backup, h_14_a_whole_copy_is_old_when_a_primary_refuses_it_a_new_one)
{
    Sf__ReplicaRefused m = SF__REPLICA_REFUSED__INIT;
    char why[] = "calls-max differs";

    start();
    fake_stop();
    fake_start(EAST2, true, 5);
    joins = fake.joins;
    until(fake.joins > joins);
    cr_assert_eq(state(), SF__REPLICA_STATE__REPLICA_READY);
    m.why = why;
    cr_assert_eq(bus_peer_send(fake.peer, MESSAGE_REPLICA_REFUSED, &m), 0);
    until(state() == SF__REPLICA_STATE__REPLICA_JOINING);
}

Test(backup, h_9_a_whole_copy_outlasts_the_connection)
{
    start();
    fake_stop();
    until(strstr(houses[EAST1].why, "down") != NULL || logged(EAST1, "replica of east.2"));
    run_for(100);
    cr_assert_eq(state(), SF__REPLICA_STATE__REPLICA_READY);
    cr_assert_eq(houses[EAST1].report.replica_sequence, 2);
}

Test(backup, h_4_a_primary_of_an_old_epoch_is_not_followed)
{
    start();
    order(EAST1, false, 7);
    until(houses[EAST1].report.epoch == 7);
    fake_batch(3, false, false, NULL);
    run_for(100);
    cr_assert_eq(fake.ack.sequence, 2);
    cr_assert_eq(houses[EAST1].report.replica_sequence, 2);
}

Test(backup, i3_the_primarys_records_are_kept_once)
{
    Sf__CallRecord record = SF__CALL_RECORD__INIT;
    char outcome[64], first[] = "ABANDONED", last[] = "RELEASED", call[] = "1-1-1";

    start();
    record.call = call;
    record.start_ms = loop_wall_ms();
    record.outcome = first;
    fake_batch(3, false, false, &record);
    record.outcome = last;
    fake_batch(4, false, false, &record);
    until(fake.ack.sequence == 4);
    cr_assert_eq(records_at(EAST1, outcome, sizeof(outcome)), 1);
    cr_assert_str_eq(outcome, "RELEASED");
}

Test(backup, h_7_it_becomes_primary_and_serves)
{
    start();
    order(EAST1, true, 6);
    until(houses[EAST1].report.role == SF__ROLE__ROLE_PRIMARY);
    until(logged(EAST1, "goes on from the copy as of batch 2"));
    gateway_invite("a", "1001");
    until(gateway_got("a", 480));
}
