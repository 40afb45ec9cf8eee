#include <criterion/criterion.h>

#include "hamgr/core/lease.h"
#include "tests/unit/hamgr/deploy.h"

static struct lease l;
static struct ham_out out;

static void begin(void)
{
    struct ham_conf c = deploy(0);
    lease_init(&l, &c, RIGHT_ROLE_0, 99, at_ms(0));
    l.may_take = true;
    l.known = 1;
}

static void wake(int64_t ms)
{
    clear(&out);
    lease_wake(&l, at_ms(ms), &out);
    cr_assert(lease_sane(&l));
}

static void answer(int64_t ms, uint8_t from, enum ham_reason reason, uint64_t epoch)
{
    struct ham_msg m = {.type = HAM_MSG_REPLY, .from = from, .right = RIGHT_ROLE_0};
    m.reply = (struct ham_reply){.seq = l.seq,
                                 .epoch = epoch,
                                 .kind = l.state == LEASE_PROBING ? ASK_PROBE : ASK_GRANT,
                                 .reason = (uint8_t)reason,
                                 .left_ms = 400};
    clear(&out);
    lease_replied(&l, at_ms(ms), &m, &out);
    cr_assert(lease_sane(&l));
}

/* Probes at 100 ms, asks itself at 105, the others at 110, holds at 120. */
static void taken(void)
{
    begin();
    wake(0);
    wake(100);
    cr_assert_eq(l.state, LEASE_PROBING);
    answer(101, 0, REASON_GRANTED, 2);
    answer(105, 4, REASON_GRANTED, 2);
    cr_assert_eq(l.state, LEASE_ASKING);
    cr_assert_eq(find(&out, ACT_SEND)->send.to, 0, "our own voter first");
    cr_assert_eq(out.act[0].send.msg.ask.kind, ASK_GRANT);
    answer(110, 0, REASON_GRANTED, 2);
    cr_assert_eq(l.state, LEASE_ASKING);
    answer(120, 4, REASON_GRANTED, 2);
    cr_assert_eq(l.state, LEASE_HOLDING);
}

Test(lease, starts_idle_and_asks_nobody_when_it_may_not)
{
    begin();
    l.may_take = false;
    for (int ms = 0; ms < 5000; ms += 50)
        wake(ms);
    cr_assert_eq(l.state, LEASE_IDLE);
}

Test(lease, counts_from_the_asking_and_takes_what_a_majority_supports)
{
    taken();
    /* Own vote asked at 105, the witness's at 110: the earlier one bounds the majority of two. */
    cr_assert_eq(l.deadline.ns, at_ms(105 + 1000 - 20 - 1).ns);
    cr_assert(lease_holds(&l, at_ms(1083)));
    cr_assert_not(lease_holds(&l, at_ms(1084)));
}

Test(lease, late_answer_extends_only_from_its_asking)
{
    taken();
    wake(370);
    answer(900, 0, REASON_GRANTED, 2);
    answer(900, 1, REASON_GRANTED, 2);
    cr_assert_eq(l.deadline.ns, at_ms(370 + 979).ns);
}

Test(lease, ends_at_the_deadline_before_anything_else)
{
    taken();
    wake(5000);
    cr_assert_eq(l.state, LEASE_IDLE);
    answer(5000, 0, REASON_GRANTED, 2);
    answer(5000, 4, REASON_GRANTED, 2);
    cr_assert_eq(l.state, LEASE_IDLE, "what was asked before counts no more");
}

Test(lease, no_majority_no_right)
{
    begin();
    wake(0);
    wake(100);
    answer(101, 0, REASON_GRANTED, 2);
    answer(102, 1, REASON_HELD, 1);
    answer(103, 4, REASON_HELD, 1);
    cr_assert_eq(l.state, LEASE_IDLE);
    cr_assert_geq(l.wake.ns, at_ms(503).ns, "it comes back when the refusals have run out");
}

Test(lease, probing_alone_asks_no_voter_for_anything)
{
    begin();
    for (int ms = 0; ms < 10000; ms += 20) {
        wake(ms);
        if (l.state == LEASE_PROBING)
            answer(ms, 0, REASON_GRANTED, l.target);
        cr_assert_neq(l.state, LEASE_ASKING);
    }
    cr_assert_eq(l.target, 2, "and no epoch is used up");
}

Test(lease, waits_while_our_own_voter_has_promised_it)
{
    begin();
    l.held_until = at_ms(700);
    for (int ms = 0; ms < 700; ms += 20)
        wake(ms);
    cr_assert_eq(l.state, LEASE_IDLE);
    l.held_until = MONO_ZERO;
    for (int ms = 700; ms < 800 && l.state == LEASE_IDLE; ms += 10)
        wake(ms);
    cr_assert_eq(l.state, LEASE_PROBING);
}

Test(lease, voter_ahead_of_us_makes_us_raise_the_epoch_while_holding)
{
    taken();
    wake(370);
    answer(371, 1, REASON_STALE, 9);
    answer(372, 0, REASON_GRANTED, 2);
    wake(620);
    cr_assert_eq(l.target, 10);
    cr_assert_eq(l.epoch, 2, "until a majority has it");
    answer(621, 0, REASON_GRANTED, 10);
    cr_assert_eq(l.epoch, 2);
    answer(622, 4, REASON_GRANTED, 10);
    cr_assert_eq(l.epoch, 10);
}

Test(lease, yields_only_after_output_has_stopped)
{
    taken();
    clear(&out);
    lease_yield(&l, at_ms(200), 1, false, at_ms(1084), &out);
    cr_assert_eq(l.state, LEASE_YIELDING);
    cr_assert_null(find(&out, ACT_SEND));
    wake(500);
    cr_assert_null(find(&out, ACT_SEND), "and renews no more");
    clear(&out);
    lease_stopped(&l, at_ms(600), &out);
    cr_assert_eq(l.state, LEASE_IDLE);
    cr_assert_eq(find(&out, ACT_SEND)->send.msg.type, HAM_MSG_RELEASE);
    cr_assert_eq(find(&out, ACT_SEND)->send.msg.release.successor, 1);
}

Test(lease, yields_at_the_last_order_when_nobody_reports)
{
    taken();
    clear(&out);
    lease_yield(&l, at_ms(200), 1, false, at_ms(1084), &out);
    wake(1083);
    cr_assert_eq(l.state, LEASE_YIELDING);
    wake(1084);
    cr_assert_eq(l.state, LEASE_IDLE);
}

Test(lease, released_to_us_asks_at_once_with_the_proof)
{
    struct ham_msg m = {.type = HAM_MSG_RELEASE, .from = 1, .right = RIGHT_ROLE_0};
    m.release = (struct ham_release){.epoch = 6, .successor = 0};
    begin();
    clear(&out);
    lease_released(&l, at_ms(10), &m, &out);
    cr_assert_eq(l.state, LEASE_ASKING);
    cr_assert_eq(l.target, 7);
    cr_assert_eq(find(&out, ACT_SEND)->send.msg.ask.released, 6);
}

Test(lease, seed_decides_the_pause)
{
    struct ham_conf c = deploy(0);
    int64_t first = 0, differ = 0;
    for (uint64_t seed = 1; seed < 20; seed++) {
        lease_init(&l, &c, RIGHT_ROLE_0, seed, at_ms(0));
        l.may_take = true;
        wake(0);
        cr_assert_leq(l.wake.ns, at_ms(c.backoff_ms).ns);
        differ += first != 0 && l.wake.ns != first;
        first = l.wake.ns;
    }
    cr_assert_gt(differ, 10);
}

/* ---- solo ---- */

static void recorded(int64_t ms, uint8_t from, uint64_t turn, uint64_t sequence)
{
    struct ham_msg m = {.type = HAM_MSG_REPLY, .from = from, .right = RIGHT_ROLE_0};
    m.reply = (struct ham_reply){.seq = l.seq,
                                 .epoch = l.target,
                                 .kind = ASK_GRANT,
                                 .reason = REASON_GRANTED,
                                 .solo = {2, sequence},
                                 .solo_turn = turn};
    clear(&out);
    lease_replied(&l, at_ms(ms), &m, &out);
    cr_assert(lease_sane(&l));
}

static void say(int64_t ms, uint64_t sequence)
{
    clear(&out);
    lease_say(&l, at_ms(ms), (struct ham_copy){.epoch = sequence ? 2 : 0, .sequence = sequence},
              &out);
    cr_assert(lease_sane(&l));
}

Test(lease, alone_only_when_a_majority_has_the_last_word_on_record)
{
    taken();
    say(200, 51);
    cr_assert_eq(out.act[0].send.msg.ask.solo.sequence, 51, "the voters are asked at once");
    cr_assert_eq(out.act[0].send.msg.ask.solo_turn, 1);
    recorded(201, 0, 1, 51);
    cr_assert_not(lease_alone(&l), "our own vote alone is none");
    recorded(202, 4, 0, 0);
    cr_assert_not(lease_alone(&l), "granted, and not on record");
    recorded(203, 4, 1, 51);
    cr_assert(lease_alone(&l));
    wake(460);
    cr_assert_eq(find(&out, ACT_SEND)->send.msg.ask.solo_turn, 1, "every renewal says it again");
    cr_assert(lease_alone(&l));
    say(500, 0);
    cr_assert_not(lease_alone(&l), "at once, whoever has it on record");
    recorded(501, 0, 2, 0);
    recorded(501, 4, 2, 0);
    cr_assert_not(lease_alone(&l));
    say(600, 60);
    recorded(601, 0, 2, 0);
    recorded(602, 4, 2, 0);
    cr_assert_not(lease_alone(&l), "an older word");
    recorded(603, 0, 3, 60);
    recorded(604, 1, 3, 60);
    cr_assert(lease_alone(&l));
    wake(3000);
    cr_assert_eq(l.state, LEASE_IDLE);
    cr_assert_not(lease_alone(&l), "not without the role");
}

static void told_stale(int64_t ms, uint8_t from, uint64_t sequence)
{
    struct ham_msg m = {.type = HAM_MSG_REPLY, .from = from, .right = RIGHT_ROLE_0};
    m.reply = (struct ham_reply){.seq = l.seq,
                                 .epoch = 2,
                                 .kind = l.state == LEASE_PROBING ? ASK_PROBE : ASK_GRANT,
                                 .reason = REASON_GRANTED,
                                 .solo = {1, sequence},
                                 .stale = sequence != 0};
    clear(&out);
    lease_replied(&l, at_ms(ms), &m, &out);
}

Test(lease, takes_over_stale_when_nobody_better_is_there_and_knows_what_it_lacks)
{
    begin();
    wake(0);
    wake(100);
    told_stale(101, 0, 0);
    told_stale(105, 4, 77);
    cr_assert_eq(l.state, LEASE_ASKING);
    told_stale(110, 0, 0);
    told_stale(120, 4, 77);
    cr_assert_eq(l.state, LEASE_HOLDING);
    cr_assert(l.stale);
    cr_assert_eq(l.lacks.sequence, 77);
}

Test(lease, stale_candidate_lets_the_better_copy_ahead_once)
{
    begin();
    l.other_copy = (struct ham_copy){1, 80};
    wake(0);
    wake(100);
    told_stale(101, 0, 0);
    told_stale(105, 4, 77);
    cr_assert_eq(l.state, LEASE_IDLE);
    cr_assert_not(mono_before(l.wake, at_ms(105 + 1000)));
    wake(1200);
    cr_assert_eq(l.state, LEASE_PROBING);
    told_stale(1201, 0, 0);
    told_stale(1202, 4, 77);
    cr_assert_eq(l.state, LEASE_ASKING, "it did not come: nobody better is there");
}

Test(lease, copy_lost_since_it_was_asked_for_makes_the_taking_stale)
{
    begin();
    l.copy = (struct ham_copy){1, 80};
    wake(0);
    wake(100);
    answer(101, 0, REASON_GRANTED, 2);
    answer(105, 4, REASON_GRANTED, 2);
    answer(110, 0, REASON_GRANTED, 2);
    l.copy = (struct ham_copy){0};
    struct ham_msg m = {.type = HAM_MSG_REPLY, .from = 4, .right = RIGHT_ROLE_0};
    m.reply = (struct ham_reply){
        .seq = l.seq, .epoch = 2, .kind = ASK_GRANT, .reason = REASON_GRANTED, .solo = {1, 77}};
    clear(&out);
    lease_replied(&l, at_ms(120), &m, &out);
    cr_assert_eq(l.state, LEASE_HOLDING);
    cr_assert(l.stale);
}

Test(lease, grant_in_the_way_that_ends_soon_is_asked_for_again_then)
{
    begin();
    wake(0);
    wake(100);
    cr_assert_eq(l.state, LEASE_PROBING);
    answer(101, 0, REASON_GRANTED, 2);
    struct ham_msg m = {.type = HAM_MSG_REPLY, .from = 4, .right = RIGHT_ROLE_0};
    m.reply = (struct ham_reply){
        .seq = l.seq, .epoch = 1, .left_ms = 7, .kind = ASK_PROBE, .reason = REASON_HELD};
    clear(&out);
    lease_replied(&l, at_ms(110), &m, &out);
    cr_assert_eq(l.state, LEASE_PROBING);
    cr_assert_eq(l.wake.ns, at_ms(117).ns, "and not the end of the attempt");
    wake(117);
    cr_assert_eq(l.state, LEASE_IDLE);
    cr_assert_not(mono_before(at_ms(117 + 60), l.wake), "the pause only: it is free now");
}

Test(lease, lent_vote_and_our_own_are_a_majority_for_as_long_as_our_own_is_asked)
{
    begin();
    l.lent = l.loaned = 1u << 1;
    wake(0);
    wake(100);
    answer(101, 0, REASON_GRANTED, 2);
    cr_assert_eq(l.state, LEASE_ASKING);
    answer(110, 0, REASON_GRANTED, 2);
    cr_assert_eq(l.state, LEASE_HOLDING);
    cr_assert_eq(l.deadline.ns, lease_end(1000, 500, 20, at_ms(101)).ns,
                 "from when it asked itself");
    wake(360);
    answer(361, 0, REASON_GRANTED, 2);
    cr_assert_eq(l.deadline.ns, lease_end(1000, 500, 20, at_ms(360)).ns);
    l.lent = l.loaned = 0;
    wake(610);
    answer(611, 0, REASON_GRANTED, 2);
    cr_assert_eq(l.deadline.ns, lease_end(1000, 500, 20, at_ms(360)).ns, "given back: no longer");
}

Test(lease, lent_vote_alone_holds_nothing)
{
    begin();
    l.lent = l.loaned = 1u << 1;
    wake(0);
    wake(100);
    answer(101, 0, REASON_DISK, 2);
    cr_assert_neq(l.state, LEASE_HOLDING);
    answer(102, 4, REASON_HELD, 2);
    cr_assert_eq(l.state, LEASE_IDLE, "no majority would");
}

Test(lease, sends_alone_by_a_lent_vote_only_when_our_own_voter_has_it_on_record)
{
    taken();
    l.lent = l.loaned = 1u << 1;
    clear(&out);
    lease_say(&l, at_ms(130), (struct ham_copy){2, 7}, &out);
    l.recorded = 1u << 4;
    cr_assert_not(lease_alone(&l));
    l.recorded = 1u << 0;
    cr_assert(lease_alone(&l));
    l.recorded = 1u << 4 | 1u << 1;
    cr_assert_not(lease_alone(&l), "the lender's record says nothing");
    l.lent = 0;
    cr_assert_not(lease_alone(&l), "nor when only our disk may say that it is lent");
    l.recorded = 1u << 0;
    cr_assert_not(lease_alone(&l));
    l.recorded = 1u << 4 | 1u << 0;
    cr_assert(lease_alone(&l));
}

Test(lease, goes_on_in_a_higher_epoch_only_when_our_own_voter_has_it)
{
    taken();
    l.seen = 9;
    wake(370);
    cr_assert_eq(l.target, 10);
    answer(371, 4, REASON_GRANTED, 10);
    answer(372, 1, REASON_GRANTED, 10);
    cr_assert_eq(l.epoch, 2, "it would be free for another candidacy of ours");
    cr_assert_eq(l.deadline.ns, lease_end(1000, 500, 20, at_ms(370)).ns, "held all the same");
    answer(380, 0, REASON_GRANTED, 10);
    cr_assert_eq(l.epoch, 10);
}

Test(lease, own_record_has_the_epoch_and_the_last_word)
{
    begin();
    cr_assert_not(lease_own_record(&l));
    taken();
    cr_assert(lease_own_record(&l));
    lease_say(&l, at_ms(130), (struct ham_copy){2, 7}, &out);
    l.recorded = 1u << 4 | 1u << 1;
    cr_assert_not(lease_own_record(&l));
    l.recorded |= 1u << 0;
    cr_assert(lease_own_record(&l));
    l.granted = 1u << 4 | 1u << 1;
    cr_assert_not(lease_own_record(&l));
}

/* ---- whose copy is better ---- */

static void would(int64_t ms)
{
    answer(ms, 0, REASON_GRANTED, 8);
    answer(ms + 1, 4, REASON_GRANTED, 8);
}

static void probing(struct ham_copy here, struct ham_copy other, bool heard)
{
    begin();
    l.known = 7;
    l.copies = true;
    l.copy = here;
    l.other_copy = other;
    l.other_heard = heard;
    wake(0);
    wake(100);
    cr_assert_eq(l.state, LEASE_PROBING);
    would(101);
}

/* As after a network that stood: whoever has restarted meanwhile has nothing. */
Test(lease, h_5_a_host_without_a_copy_lets_the_other_one_ahead_once)
{
    probing((struct ham_copy){0}, (struct ham_copy){0}, false);
    cr_assert_eq(l.state, LEASE_IDLE);
    cr_assert_geq(l.wake.ns, at_ms(102 + l.ttl_ms).ns);
    wake(102 + l.ttl_ms);
    cr_assert_eq(l.state, LEASE_PROBING);
    would(110 + l.ttl_ms);
    cr_assert_eq(l.state, LEASE_ASKING, "nobody else came");
}

Test(lease, h_5_a_host_lets_one_with_a_copy_of_a_later_epoch_ahead_once)
{
    probing((struct ham_copy){5, 90}, (struct ham_copy){6, 1}, true);
    cr_assert_eq(l.state, LEASE_IDLE);
    wake(102 + l.ttl_ms);
    would(110 + l.ttl_ms);
    cr_assert_eq(l.state, LEASE_ASKING);
}

Test(lease, h_5_a_host_waits_for_no_copy_that_is_not_better)
{
    probing((struct ham_copy){5, 90}, (struct ham_copy){5, 99}, true);
    cr_assert_eq(l.state, LEASE_ASKING, "both have all that was sent");
    probing((struct ham_copy){5, 90}, (struct ham_copy){0}, false);
    cr_assert_eq(l.state, LEASE_ASKING);
    probing((struct ham_copy){0}, (struct ham_copy){0}, true);
    cr_assert_eq(l.state, LEASE_ASKING, "the other one has none either");
}

Test(lease, h_3_nobody_has_a_copy_in_a_new_deployment)
{
    begin();
    l.copies = true;
    wake(0);
    wake(100);
    answer(101, 0, REASON_GRANTED, 2);
    answer(102, 4, REASON_GRANTED, 2);
    cr_assert_eq(l.state, LEASE_ASKING);
}
