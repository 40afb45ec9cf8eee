/* A real SIP server that is primary; the test is its backup and decides what is acknowledged. */
#include "kit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void setup(void)
{
    kit_setup();
}

static void start(void)
{
    kit_start(EAST1);
    order(EAST1, true, 5);
    until(houses[EAST1].report.role == SF__ROLE__ROLE_PRIMARY && houses[EAST1].report.ready);
    fake_start(EAST2, false, 5);
}

TestSuite(primary, .init = setup, .fini = kit_teardown, .timeout = 60);

/* How long nothing came; longer than anything takes that does not wait. */
#define A_WHILE 150

static Sf__ReplicaState state(void)
{
    return houses[EAST1].report.replica_state;
}

Test(primary, h_14_nobody_is_waited_for_before_a_backup_has_joined)
{
    start();
    gateway_invite("a", "1001");
    until(gateway_got("a", 480));
    cr_assert_eq(state(), SF__REPLICA_STATE__REPLICA_JOINING);
}

Test(primary, h_7_nothing_leaves_before_the_backup_has_what_explains_it)
{
    uint64_t before;

    start();
    fake_follow();
    fake.acks = false;
    before = fake.changes;
    gateway_invite("a", "1001");
    until(fake.changes > before);
    run_for(A_WHILE);
    cr_assert_eq(gateway_place("a"), -1, "it left before it was acknowledged");
    fake_ack(fake.batch.sequence, true);
    until(gateway_got("a", 480));
}

Test(primary, h_7_batches_are_pipelined_and_the_order_is_kept)
{
    uint64_t first, second;

    start();
    fake_follow();
    fake.acks = false;
    first = fake.changes;
    gateway_invite("a", "1001");
    until(fake.changes > first);
    run_for(50);
    first = fake.batch.sequence;
    second = fake.changes;
    gateway_invite("b", "1001");
    until(fake.changes > second);
    fake_ack(first, true);
    until(gateway_got("a", 480));
    run_for(A_WHILE);
    cr_assert_eq(gateway_place("b"), -1, "what is explained later left with what came before");
    fake_ack(fake.batch.sequence, true);
    until(gateway_got("b", 480));
}

Test(primary, changes_in_close_succession_are_gathered)
{
    const int64_t gather_ns = 20 * MONO_NS_PER_MS;
    int64_t first, span;
    unsigned before, batches;
    char id[8];

    options.replica_gather_ms = 20;
    start();
    fake_follow();
    before = fake.batches;
    first = fake.batch.now_ns;
    for (unsigned i = 0; i < 30; i++) {
        snprintf(id, sizeof(id), "c%u", i);
        gateway_invite(id, "1001");
        run_for(2);
    }
    until(gateway_got("c29", 480));
    batches = fake.batches - before;
    span = fake.batch.now_ns - first;
    /* One more than fit into the span, and one that took long to be written. */
    cr_assert_leq((int64_t)batches - 2, span / gather_ns, "%u batches in %" PRId64 " ms", batches,
                  span / MONO_NS_PER_MS);
}

Test(primary, what_changes_nothing_waits_only_behind_what_does)
{
    uint64_t before;

    start();
    fake_follow();
    fake.acks = false;
    gateway_stun();
    until(gateway_stuns() == 1);
    before = fake.changes;
    gateway_invite("a", "1001");
    until(fake.changes > before);
    gateway_stun();
    desktop_ask(EAST1, 7);
    run_for(A_WHILE);
    cr_assert_eq(gateway_stuns(), 1, "it overtook what waits");
    cr_assert_eq(desktop_answered, 0, "a desktop heard what the backup may not know");
    fake_ack(fake.batch.sequence, true);
    until(gateway_stuns() == 2 && desktop_answered == 7);
}

Test(primary, h_14_the_right_to_go_on_alone_is_asked_for_and_nothing_leaves_before_it)
{
    mono_t asked;
    uint64_t before, last;

    options.replica_patience_ms = 300;
    start();
    fake_follow();
    cr_assert_eq(houses[EAST1].ask_sequence, 0);
    fake.acks = false;
    before = fake.changes;
    houses[EAST1].asked = 0;
    gateway_invite("a", "1001");
    until(fake.changes > before);
    asked = loop_now_exact();
    until(houses[EAST1].asked > 0);
    cr_assert_geq(mono_diff_ms(loop_now_exact(), asked), 200, "not before replica-patience");
    last = fake.batch.sequence;
    cr_assert_eq(houses[EAST1].ask_epoch, 5);
    cr_assert_gt(houses[EAST1].ask_sequence, last, "no copy can have it");
    run_for(A_WHILE);
    cr_assert_eq(gateway_place("a"), -1, "it left before the voters knew");
    order_solo(EAST1);
    until(gateway_got("a", 480));
    until(state() == SF__REPLICA_STATE__REPLICA_SOLO);
    until(fake.refused > 0);
    cr_assert(strstr(fake.why, "does not acknowledge") != NULL, "%s", fake.why);
    gateway_invite("b", "1001");
    until(gateway_got("b", 480));
    fake_follow();
    cr_assert_gt(fake.batch.sequence, houses[EAST1].ask_sequence);
    until(houses[EAST1].ask_sequence == 0); /* given back */
}

Test(primary, h_14_a_backup_that_answers_after_all_takes_the_question_back)
{
    uint64_t before;

    options.replica_patience_ms = 100;
    start();
    fake_follow();
    fake.acks = false;
    before = fake.changes;
    gateway_invite("a", "1001");
    until(fake.changes > before);
    until(houses[EAST1].ask_sequence != 0);
    fake.acks = true;
    fake_ack(fake.batch.sequence, true);
    until(gateway_got("a", 480));
    until(houses[EAST1].ask_sequence == 0 && state() == SF__REPLICA_STATE__REPLICA_READY);
    gateway_invite("b", "1001");
    until(gateway_got("b", 480));
}

Test(primary, h_14_a_backup_that_goes_is_asked_about_at_once)
{
    start();
    fake_follow();
    houses[EAST1].asked = 0;
    fake_stop();
    until(houses[EAST1].ask_sequence != 0);
    gateway_invite("a", "1001");
    run_for(A_WHILE);
    cr_assert_eq(gateway_place("a"), -1);
    order_solo(EAST1);
    until(gateway_got("a", 480));
}

Test(primary, h_14_more_output_than_there_is_room_for_asks_at_once)
{
    uint64_t before;
    mono_t began;

    options.replica_hold_max_mib = 1;
    start();
    fake_follow();
    fake.acks = false;
    before = fake.changes;
    houses[EAST1].asked = 0;
    gateway_invite("a", "1001");
    until(fake.changes > before);
    began = loop_now_exact();
    for (unsigned i = 0; i < 20000 && houses[EAST1].asked == 0; i++) {
        gateway_stun();
        if (i % 100 == 0)
            run_for(1);
    }
    until(houses[EAST1].asked > 0);
    cr_assert_lt(mono_diff_ms(loop_now_exact(), began), 1900, "before replica-patience");
    order_solo(EAST1);
    until(gateway_got("a", 480));
}

Test(primary, h_9_a_backup_that_begins_anew_frees_what_waited_with_its_first_acknowledgement)
{
    uint64_t before;
    unsigned begun;

    start();
    fake_follow();
    fake.acks = false;
    before = fake.changes;
    gateway_invite("a", "1001");
    until(fake.changes > before);
    begun = fake.begun;
    fake_join("a gap");
    until(fake.begun > begun);
    run_for(A_WHILE);
    cr_assert_eq(gateway_place("a"), -1, "the backup may still be promoted with its old copy");
    fake_ack(fake.batch.sequence, false);
    until(gateway_got("a", 480));
    fake.acks = true;
    until(fake.whole);
}

Test(primary, a_backup_with_other_tables_is_refused_with_the_reason)
{
    start();
    options.calls_max = 20;
    fake_join("started");
    until(fake.refused > 0);
    cr_assert(strstr(fake.why, "calls-max is 20 at east.2 and 10000 at east.1") != NULL, "%s",
              fake.why);
}

Test(primary, a_host_that_is_not_primary_refuses)
{
    kit_start(EAST1);
    fake_start(EAST2, false, 0);
    fake_join("started");
    until(fake.refused > 0);
    cr_assert_str_eq(fake.why, "this host is not primary");
}

Test(primary, h_10_it_has_not_stopped_before_the_last_batch_is_acknowledged)
{
    uint64_t before;

    start();
    fake_follow();
    fake.acks = false;
    before = fake.changes;
    gateway_invite("a", "1001");
    until(fake.changes > before);
    order(EAST1, false, 6);
    run_for(A_WHILE);
    cr_assert_eq(houses[EAST1].report.role, SF__ROLE__ROLE_PRIMARY, "somebody else would begin");
    fake_ack(fake.batch.sequence, true);
    until(houses[EAST1].report.role == SF__ROLE__ROLE_BACKUP);
    cr_assert_eq(houses[EAST1].stopped.replica_epoch, 5, "its last batch");
    run_for(A_WHILE);
    cr_assert_eq(gateway_place("a"), -1, "h_4: output after the end of the role");
}

Test(primary, i3_a_record_goes_to_the_backup_and_is_written_when_it_has_it)
{
    char outcome[64];

    start();
    fake_follow();
    gateway_invite("a", "1001");
    until(gateway_got("a", 480));
    gateway_ack("a", "1001", 480);
    until(fake.records == 1);
    cr_assert_str_eq(fake.record_reason, "FAILED");
    until(records_at(EAST1, outcome, sizeof(outcome)) == 1);
    cr_assert_str_eq(outcome, "FAILED");
}
