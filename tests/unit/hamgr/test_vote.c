#include <criterion/criterion.h>

#include "hamgr/core/vote.h"
#include "tests/unit/hamgr/deploy.h"

static struct vote v;
static struct ham_out out;

static void begin(enum ham_right right, uint8_t self, bool known)
{
    struct ham_conf c = deploy(self);
    struct vote_record r = {0};
    if (known)
        vote_found(&r, HAM_NONE, right == RIGHT_TICKET ? c.ticket_ttl_ms : c.lease_ttl_ms);
    vote_init(&v, &c, right, &r, at_ms(0));
}

static const struct ham_reply *reply(void)
{
    const struct ham_act *a = find(&out, ACT_SEND);
    return a ? &a->send.msg.reply : NULL;
}

static void ask(int64_t ms, uint8_t from, uint64_t epoch, enum ham_ask_kind kind, uint64_t released)
{
    struct ham_msg m = {.type = HAM_MSG_ASK, .from = from, .right = v.right};
    m.ask = (struct ham_ask){.epoch = epoch,
                             .seq = 77,
                             .released = released,
                             .ttl_ms = 1000,
                             .kind = (uint8_t)kind,
                             .holder = from};
    clear(&out);
    vote_wake(&v, at_ms(ms), &out);
    vote_asked(&v, at_ms(ms), &m, &out);
    cr_assert(vote_sane(&v));
}

static void saved(int64_t ms, bool ok)
{
    clear(&out);
    vote_persisted(&v, at_ms(ms), v.persist_id, ok, &out);
    cr_assert(vote_sane(&v));
}

static void release(int64_t ms, uint8_t from, uint64_t epoch, uint8_t successor)
{
    struct ham_msg m = {.type = HAM_MSG_RELEASE, .from = from, .right = v.right};
    m.release = (struct ham_release){.epoch = epoch, .successor = successor};
    clear(&out);
    vote_released(&v, at_ms(ms), &m, &out);
}

static void granted(int64_t ms, uint8_t to, uint64_t epoch)
{
    ask(ms, to, epoch, ASK_GRANT, 0);
    saved(ms, true);
    cr_assert_eq(reply()->reason, REASON_GRANTED);
}

Test(vote, new_grant_is_promised_only_when_it_is_on_disk)
{
    begin(RIGHT_ROLE_0, 4, true);
    ask(0, 0, 2, ASK_GRANT, 0);
    cr_assert_not_null(find(&out, ACT_PERSIST));
    cr_assert_null(reply(), "nothing is said before it is on disk");
    saved(3, true);
    cr_assert_eq(reply()->reason, REASON_GRANTED);
    cr_assert_eq(reply()->seq, 77);
}

Test(vote, failed_write_promises_nothing)
{
    begin(RIGHT_ROLE_0, 4, true);
    ask(0, 0, 2, ASK_GRANT, 0);
    saved(3, false);
    cr_assert_eq(reply()->reason, REASON_DISK);
    cr_assert_eq(v.record.epoch, 1);
    granted(10, 1, 3);
}

Test(vote, after_a_failed_write_nothing_is_renewed_from_memory)
{
    begin(RIGHT_ROLE_0, 4, true);
    granted(0, 0, 2);
    ask(1500, 1, 3, ASK_GRANT, 0);
    saved(1501, false);
    ask(1600, 0, 2, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_STALE, "the disk may say (3, host 1)");
    cr_assert_eq(reply()->epoch, 3);
    granted(1700, 0, 4);
}

Test(vote, renewal_is_answered_from_memory)
{
    begin(RIGHT_ROLE_0, 4, true);
    granted(0, 0, 2);
    ask(250, 0, 2, ASK_GRANT, 0);
    cr_assert_null(find(&out, ACT_PERSIST));
    cr_assert_eq(reply()->reason, REASON_GRANTED);
}

Test(vote, second_holder_refused_until_the_first_ran_out_with_drift_and_margin)
{
    begin(RIGHT_ROLE_0, 4, true);
    granted(0, 0, 2);
    ask(1020, 1, 3, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_HELD);
    cr_assert_eq(reply()->holder, 0);
    cr_assert_eq(reply()->epoch, 2);
    cr_assert(reply()->left_ms > 0 && reply()->left_ms <= 2);
    granted(1021, 1, 3); /* 1000 + 20 margin + 1 drift */
}

Test(vote, probe_changes_nothing)
{
    begin(RIGHT_ROLE_0, 4, true);
    ask(0, 0, 2, ASK_PROBE, 0);
    cr_assert_eq(reply()->reason, REASON_GRANTED);
    cr_assert_null(find(&out, ACT_PERSIST));
    cr_assert_eq(v.record.epoch, 1);
}

Test(vote, stale_epoch_refused)
{
    begin(RIGHT_ROLE_0, 4, true);
    ask(0, 0, 1, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_STALE);
    cr_assert_eq(reply()->epoch, 1);
}

Test(vote, after_a_restart_the_promise_counts_as_just_made)
{
    struct ham_conf c = deploy(4);
    struct vote_record r = {.epoch = 5, .floor = 5, .ttl_ms = 4000, .holder = 0, .known = true};
    vote_init(&v, &c, RIGHT_ROLE_0, &r, at_ms(0));
    ask(4000, 1, 6, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_HELD, "the longest ttl ever promised");
    ask(4000, 0, 6, ASK_PROBE, 0);
    cr_assert_eq(reply()->reason, REASON_GRANTED, "its holder need not wait");
    granted(4022, 1, 6);
}

Test(vote, release_to_a_successor_needs_no_wait_and_a_late_renewal_cannot_undo_it)
{
    begin(RIGHT_ROLE_0, 4, true);
    granted(0, 0, 2);
    release(100, 0, 2, 1);
    saved(101, true);
    cr_assert_eq(v.record.epoch, 3);
    cr_assert_eq(v.record.holder, 1);
    ask(102, 0, 2, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_STALE);
    ask(103, 1, 3, ASK_GRANT, 2);
    cr_assert_eq(reply()->reason, REASON_GRANTED);
    cr_assert_null(find(&out, ACT_PERSIST));
    ask(104, 0, 4, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_HELD, "the successor first");
}

Test(vote, release_lost_here_but_told_by_the_successor)
{
    begin(RIGHT_ROLE_0, 4, true);
    granted(0, 0, 2);
    ask(100, 1, 3, ASK_GRANT, 2);
    saved(101, true);
    cr_assert_eq(reply()->reason, REASON_GRANTED);
}

Test(vote, late_copy_of_a_release_is_ignored)
{
    begin(RIGHT_ROLE_0, 4, true);
    granted(0, 0, 2);
    granted(2000, 0, 3);
    release(2001, 0, 2, 1);
    cr_assert_null(find(&out, ACT_PERSIST));
    cr_assert_eq(v.record.holder, 0);
}

Test(vote, empty_store_abstains_until_taught_and_the_longest_ttl_has_passed)
{
    struct vote_record one = {.epoch = 7, .floor = 7, .ttl_ms = 1000, .holder = 0, .known = true};
    struct vote_record two = {.epoch = 6, .floor = 6, .ttl_ms = 3000, .holder = 1, .known = true};
    begin(RIGHT_ROLE_0, 4, false);
    ask(0, 0, 8, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_ABSTAINS);
    clear(&out);
    vote_taught(&v, at_ms(10), 2, &one, false, &out); /* no voter of this right */
    vote_taught(&v, at_ms(10), 0, &one, false, &out);
    cr_assert_eq(v.state, VOTE_EMPTY);
    vote_taught(&v, at_ms(10), 1, &two, false, &out);
    cr_assert_eq(v.state, VOTE_LEARNING);
    ask(3000, 0, 8, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_ABSTAINS);
    clear(&out);
    vote_wake(&v, at_ms(3035), &out);
    saved(3036, true);
    ask(3037, 0, 7, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_GRANTED, "the holder on record renews");
    ask(3038, 0, 8, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_STALE, "what it may have forgotten is skipped");
}

Test(vote, two_holders_of_one_epoch_in_a_lesson_leave_none)
{
    struct vote_record one = {.epoch = 7, .floor = 7, .ttl_ms = 1000, .holder = 0, .known = true};
    struct vote_record two = {.epoch = 7, .floor = 7, .ttl_ms = 1000, .holder = 1, .known = true};
    begin(RIGHT_ROLE_0, 4, false);
    vote_taught(&v, at_ms(0), 0, &one, false, &out);
    vote_taught(&v, at_ms(0), 1, &two, false, &out);
    vote_wake(&v, at_ms(1100), &out);
    saved(1101, true);
    ask(1102, 1, 7, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_STALE);
}

Test(vote, clock_jump_makes_the_promise_new)
{
    begin(RIGHT_ROLE_0, 4, true);
    granted(0, 0, 2);
    clear(&out);
    vote_jumped(&v, at_ms(60000), &out);
    ask(61000, 1, 3, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_HELD);
}

Test(vote, ticket_of_a_site_moves_inside_it_without_waiting_but_not_out_of_it)
{
    begin(RIGHT_TICKET, 4, true);
    granted(0, 0, 2);
    ask(10, 2, 3, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_HELD);
    granted(20, 1, 3);
    ask(30, 0, 2, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_STALE, "one epoch has one holder");
}

Test(vote, ticket_refused_to_a_candidate_that_is_behind)
{
    begin(RIGHT_TICKET, 4, true);
    v.pos = (struct ham_pos){.ticket_epoch = 1, .role_epoch = 2, .txid = 3};
    ask(0, 0, 2, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_BEHIND);
}

Test(vote, one_change_at_a_time)
{
    begin(RIGHT_ROLE_0, 4, true);
    ask(0, 0, 2, ASK_GRANT, 0);
    ask(1, 1, 3, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_BUSY);
    ask(2, 0, 2, ASK_GRANT, 0);
    cr_assert_null(reply(), "the same again is answered when it is on disk");
    saved(3, true);
    cr_assert_eq(reply()->reason, REASON_GRANTED);
}

Test(vote, request_outside_the_limits_is_refused)
{
    struct ham_msg m = {.type = HAM_MSG_ASK, .from = 0, .right = RIGHT_ROLE_0};
    begin(RIGHT_ROLE_0, 4, true);
    m.ask = (struct ham_ask){.epoch = 2, .seq = 1, .ttl_ms = 0, .kind = ASK_GRANT, .holder = 0};
    vote_asked(&v, at_ms(0), &m, &out);
    cr_assert_eq(reply()->reason, REASON_RANGE);
    m.ask.ttl_ms = 1000;
    m.ask.holder = 1;
    clear(&out);
    vote_asked(&v, at_ms(0), &m, &out);
    cr_assert_eq(reply()->reason, REASON_RANGE, "nobody asks for another");
}

/* ---- solo: the holder sends without its backup ---- */

/* HOLDER says word TURN in EPOCH: alone from sequence SOLO of it on (0: no more). */
static void say(int64_t ms, uint8_t holder, uint64_t epoch, uint64_t turn, uint64_t solo)
{
    struct ham_msg m = {.type = HAM_MSG_ASK, .from = holder, .right = v.right};
    m.ask = (struct ham_ask){.epoch = epoch,
                             .seq = 78,
                             .copy = {.epoch = epoch, .sequence = 1000},
                             .solo = {.epoch = solo ? epoch : 0, .sequence = solo},
                             .solo_turn = turn,
                             .ttl_ms = 1000,
                             .kind = ASK_GRANT,
                             .holder = holder};
    clear(&out);
    vote_asked(&v, at_ms(ms), &m, &out);
    cr_assert(vote_sane(&v));
}

/* What a candidate with the copy (EPOCH, SEQUENCE) is told. */
static bool stale(int64_t ms, uint8_t from, uint64_t epoch, uint64_t sequence)
{
    struct ham_msg m = {.type = HAM_MSG_ASK, .from = from, .right = v.right};
    m.ask = (struct ham_ask){
        .epoch = 100, .copy = {epoch, sequence}, .ttl_ms = 1000, .kind = ASK_PROBE, .holder = from};
    clear(&out);
    vote_wake(&v, at_ms(ms), &out);
    vote_asked(&v, at_ms(ms), &m, &out);
    return reply()->stale;
}

Test(vote, solo_is_on_disk_before_it_is_said_to_be_on_record)
{
    begin(RIGHT_ROLE_0, 4, true);
    granted(0, 0, 2);
    say(100, 0, 2, 1, 51);
    cr_assert_null(reply());
    cr_assert_eq(find(&out, ACT_PERSIST)->persist.record.solo.sequence, 51);
    cr_assert_eq(find(&out, ACT_PERSIST)->persist.record.solo_turn, 1);
    saved(103, true);
    cr_assert_eq(reply()->reason, REASON_GRANTED);
    cr_assert_eq(reply()->solo_turn, 1);
    cr_assert_eq(reply()->solo.sequence, 51);
    say(350, 0, 2, 1, 51);
    cr_assert_null(find(&out, ACT_PERSIST), "said again: it is a renewal, from memory");
    cr_assert_eq(reply()->solo_turn, 1);
}

Test(vote, candidate_whose_copy_does_not_reach_the_solo_is_told_and_granted)
{
    begin(RIGHT_ROLE_0, 4, true);
    granted(0, 0, 2);
    say(100, 0, 2, 1, 51);
    saved(103, true);
    cr_assert(stale(200, 1, 2, 50));
    cr_assert_eq(reply()->reason, REASON_HELD);
    cr_assert(stale(3000, 1, 2, 50));
    cr_assert_eq(reply()->reason, REASON_GRANTED, "nobody better is there");
    cr_assert_eq(reply()->solo.epoch, 2);
    cr_assert_eq(reply()->solo.sequence, 51);
    cr_assert(stale(3000, 1, 0, 0));
    cr_assert(stale(3000, 1, 1, 999));
    cr_assert_not(stale(3000, 0, 2, 51), "the host that was alone has it all");
    cr_assert_not(stale(3000, 1, 3, 0), "a later primary's copy");
}

Test(vote, solo_outlives_another_holder_and_ends_by_a_word)
{
    begin(RIGHT_ROLE_0, 4, true);
    granted(0, 0, 2);
    say(100, 0, 2, 1, 51);
    saved(103, true);
    granted(3000, 1, 3);
    cr_assert(stale(3000, 0, 2, 50));
    release(3100, 1, 3, 0);
    saved(3101, true);
    cr_assert(stale(3200, 0, 2, 50), "a release says nothing of it");
    say(3300, 0, 4, 1, 0);
    saved(3301, true);
    cr_assert_not(stale(3400, 0, 2, 50));
    cr_assert_eq(v.record.solo.sequence, 0);
}

Test(vote, late_word_of_an_epoch_changes_nothing)
{
    begin(RIGHT_ROLE_0, 4, true);
    granted(0, 0, 2);
    say(100, 0, 2, 3, 51);
    saved(103, true);
    say(110, 0, 2, 2, 0); /* it was said before, and comes late */
    cr_assert_null(find(&out, ACT_PERSIST));
    cr_assert_eq(reply()->reason, REASON_GRANTED);
    cr_assert_eq(reply()->solo_turn, 3, "the asker sees that it is not its last word");
    cr_assert_eq(v.record.solo.sequence, 51);
}

Test(vote, disk_that_takes_no_word_still_renews)
{
    begin(RIGHT_ROLE_0, 4, true);
    granted(0, 0, 2);
    say(900, 0, 2, 1, 51);
    say(950, 0, 2, 1, 51); /* while it is being written */
    cr_assert_eq(reply()->reason, REASON_GRANTED);
    cr_assert_eq(reply()->solo_turn, 0);
    saved(1000, false);
    cr_assert_eq(reply()->reason, REASON_GRANTED);
    cr_assert_eq(reply()->solo_turn, 0, "not on record");
    ask(1900, 1, 3, ASK_PROBE, 0);
    cr_assert_eq(reply()->reason, REASON_HELD, "the promise counts from the renewal");
    say(1950, 0, 2, 1, 51);
    saved(1960, true);
    cr_assert_eq(reply()->solo_turn, 1);
}

Test(vote, lesson_keeps_the_furthest_solo_whoever_knows_it)
{
    struct vote_record older = {
        .known = true, .epoch = 5, .floor = 5, .solo = {5, 51}, .ttl_ms = 1000, .holder = 0};
    struct vote_record later = {.known = true, .epoch = 6, .floor = 6, .ttl_ms = 1000, .holder = 1};
    begin(RIGHT_ROLE_0, 4, false);
    clear(&out);
    vote_taught(&v, at_ms(0), 0, &older, false, &out);
    vote_taught(&v, at_ms(0), 1, &later, false, &out);
    clear(&out);
    vote_wake(&v, at_ms(5000), &out);
    saved(5001, true);
    cr_assert_eq(v.record.solo.sequence, 51);
    cr_assert(stale(6000, 1, 5, 50));
}

Test(vote, first_word_after_a_release_is_heard)
{
    begin(RIGHT_ROLE_0, 4, true);
    granted(0, 0, 2);
    say(100, 0, 2, 3, 51);
    saved(103, true);
    release(200, 0, 2, 1);
    saved(201, true);
    say(300, 1, 3, 1, 60);
    cr_assert_not_null(find(&out, ACT_PERSIST));
    cr_assert_eq(find(&out, ACT_PERSIST)->persist.record.solo.sequence, 60);
    saved(301, true);
    cr_assert_eq(reply()->solo_turn, 1);
}

/* ---- a vote that is lent (H-10) ---- */

static void hears(int64_t ms, uint8_t from, uint64_t first, uint64_t second, bool leaving)
{
    struct vote_record r = {.epoch = 2, .floor = 2, .ttl_ms = 1000, .holder = 0, .known = true};
    r.loan[0] = first;
    r.loan[1] = second;
    clear(&out);
    vote_wake(&v, at_ms(ms), &out);
    vote_taught(&v, at_ms(ms), from, &r, leaving, &out);
    if (v.state == VOTE_SAVING)
        saved(ms, true);
}

Test(vote, lent_vote_is_on_disk_before_anybody_hears_of_it_and_for_its_borrower_alone)
{
    begin(RIGHT_ROLE_0, 1, true);
    granted(0, 0, 2);
    clear(&out);
    vote_leave(&v, at_ms(10), false, &out);
    cr_assert_null(find(&out, ACT_PERSIST), "nobody takes it");
    vote_leave(&v, at_ms(10), true, &out);
    cr_assert_eq(find(&out, ACT_PERSIST)->persist.record.loan[1], 1);
    cr_assert_not(vote_lent(&v));
    saved(11, true);
    cr_assert(vote_lent(&v));
    ask(500, 0, 2, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_GRANTED, "the borrower still has our promise");
    ask(60000, 1, 3, ASK_GRANT, 0);
    cr_assert_eq(reply()->reason, REASON_LENT, "however long ago");
}

Test(vote, vote_that_is_back_counts_the_borrowers_lease_as_just_renewed)
{
    begin(RIGHT_ROLE_0, 1, true);
    v.record.loan[1] = 1;
    hears(0, 0, 0, 2, false);
    cr_assert_not(vote_lent(&v));
    cr_assert_eq(v.state, VOTE_HELD);
    ask(1020, 1, 9, ASK_PROBE, 0);
    cr_assert_eq(reply()->reason, REASON_HELD);
    ask(1022, 1, 9, ASK_PROBE, 0);
    cr_assert_eq(reply()->reason, REASON_GRANTED);
}

Test(vote, vote_taken_back_without_its_borrower_says_that_every_copy_is_stale)
{
    struct ham_copy copy = {.epoch = 2, .sequence = 70};
    begin(RIGHT_ROLE_0, 1, true);
    granted(0, 0, 2);
    v.record.loan[1] = 1;
    clear(&out);
    vote_recall(&v, at_ms(10), copy, &out);
    saved(11, true);
    cr_assert_not(vote_lent(&v));
    cr_assert(ham_copy_before(copy, v.record.solo));
    say(20, 0, 2, 1, 0);
    cr_assert_eq(reply()->reason, REASON_STALE, "a late word of the borrower ends that not");
    ask(1100, 1, v.record.floor + 1, ASK_PROBE, 0);
    cr_assert_eq(reply()->reason, REASON_GRANTED);
    cr_assert(reply()->stale);

    copy.epoch = 90; /* beyond what this voter knows */
    v.record.loan[1] = 3;
    vote_recall(&v, at_ms(1200), copy, &out);
    cr_assert_eq(v.pending.solo.epoch, 90);
    cr_assert_eq(v.pending.solo.sequence, 71);

    begin(RIGHT_ROLE_0, 1, true);
    granted(0, 0, 2);
    v.record.loan[1] = 1;
    vote_recall(&v, at_ms(10), (struct ham_copy){0}, &out);
    cr_assert(ham_copy_before((struct ham_copy){2, 1000}, v.pending.solo),
              "one that is not heard of yet");
}

Test(vote, borrower_counts_it_until_the_lender_is_there_again)
{
    begin(RIGHT_ROLE_0, 0, true);
    granted(0, 0, 2);
    hears(5, 1, 0, 1, true);
    cr_assert_eq(v.record.loan[1], 2, "a backup does not borrow: it goes back");
    v.borrowing = true;
    hears(10, 1, 0, 3, true);
    cr_assert_eq(vote_borrowed(&v), 1);
    cr_assert_eq(v.state, VOTE_HELD, "the promise stands");
    hears(20, 4, 0, 3, false);
    cr_assert_eq(vote_borrowed(&v), 1, "the witness may say so");
    hears(30, 1, 0, 0, false);
    cr_assert_eq(vote_borrowed(&v), HAM_NONE, "it is there, even with an older store");
    cr_assert_eq(v.record.loan[1], 4);
    hears(40, 1, 0, 3, true);
    cr_assert_eq(vote_borrowed(&v), HAM_NONE, "a late beat lends nothing");
}

Test(vote, loan_may_be_on_disk_from_the_moment_that_it_is_written)
{
    struct vote_record r = {.epoch = 2, .floor = 2, .ttl_ms = 1000, .holder = 0, .known = true};
    begin(RIGHT_ROLE_0, 0, true);
    granted(0, 0, 2);
    v.borrowing = true;
    r.loan[1] = 1;
    cr_assert_eq(vote_may_borrow(&v), HAM_NONE);
    vote_taught(&v, at_ms(10), 1, &r, true, &out);
    cr_assert_eq(v.state, VOTE_SAVING);
    cr_assert_eq(vote_may_borrow(&v), 1);
    saved(11, false);
    cr_assert_eq(vote_borrowed(&v), HAM_NONE);
    cr_assert_eq(vote_may_borrow(&v), 1, "a write that failed may be there all the same");
    say(20, 0, 2, 1, 51);
    cr_assert_eq(vote_may_borrow(&v), 1);
    saved(21, true);
    cr_assert_eq(vote_may_borrow(&v), HAM_NONE, "written over");
    hears(30, 1, 0, 1, true);
    cr_assert_eq(vote_borrowed(&v), 1);
    cr_assert_eq(vote_may_borrow(&v), 1);
}

Test(vote, borrower_that_leaves_gives_back_and_lends_nothing)
{
    begin(RIGHT_ROLE_0, 0, true);
    v.record.loan[1] = 1;
    clear(&out);
    vote_leave(&v, at_ms(0), false, &out);
    saved(0, true);
    cr_assert_eq(v.record.loan[1], 2);
    cr_assert_eq(v.record.loan[0], 0);
}

Test(vote, witness_refuses_the_lender_until_it_is_told_that_the_vote_is_back)
{
    struct ham_msg m = {.type = HAM_MSG_ASK, .from = 1, .right = RIGHT_ROLE_0};
    begin(RIGHT_ROLE_0, 4, true);
    hears(0, 1, 0, 1, true);
    ask(60000, 1, 3, ASK_PROBE, 0);
    cr_assert_eq(reply()->reason, REASON_LENT);
    ask(60001, 0, 3, ASK_PROBE, 0);
    cr_assert_eq(reply()->reason, REASON_GRANTED);
    m.ask = (struct ham_ask){.epoch = 3, .seq = 1, .ttl_ms = 1000, .holder = 1, .loan = 2};
    clear(&out);
    vote_asked(&v, at_ms(60002), &m, &out);
    cr_assert_eq(reply()->reason, REASON_GRANTED, "the asker has it back");
}

Test(vote, lost_store_of_a_borrower_gives_back_what_it_may_have_given_back)
{
    struct vote_record r = {.epoch = 2, .floor = 2, .ttl_ms = 1000, .holder = 0, .known = true};
    begin(RIGHT_ROLE_0, 0, false);
    r.loan[1] = 3;
    vote_taught(&v, at_ms(0), 1, &r, true, &out);
    vote_taught(&v, at_ms(0), 4, &r, false, &out);
    clear(&out);
    vote_wake(&v, at_ms(1100), &out);
    saved(1101, true);
    cr_assert_eq(v.record.loan[1], 4);
    cr_assert_eq(vote_borrowed(&v), HAM_NONE);
}

Test(vote, a_disk_that_refuses_the_loan_changes_no_promise)
{
    begin(RIGHT_ROLE_0, 1, true);
    granted(0, 0, 2);
    mono_t until = v.until;
    clear(&out);
    vote_leave(&v, at_ms(10), true, &out);
    saved(10, false);
    cr_assert_not(vote_lent(&v));
    cr_assert_eq(v.state, VOTE_HELD);
    cr_assert_eq(v.until.ns, until.ns);
}
