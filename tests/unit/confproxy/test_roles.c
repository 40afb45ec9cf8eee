/* Who writes, who follows whom, and what a follower may take. */
#include "confproxy/core/roles.h"

#include <criterion/criterion.h>
#include <string.h>

/* As east.1 sees them: its pair, and the two hosts of the other site. */
enum { EAST2, WEST1, WEST2 };

#define MS(t) ((mono_t){(t)*MONO_NS_PER_MS})

static struct roles r;
static struct roles_out out;

static void start_at(uint64_t epoch, uint64_t txid)
{
    const struct roles_conf conf = {.host_count = 3,
                                    .pair = EAST2,
                                    .catch_up_wait_ms = 1000,
                                    .silent_ms = 1200,
                                    .open_retry_ms = 500};
    roles_init(&r, &conf, (struct copy_position){epoch, txid});
}

static void in(int64_t ms, struct roles_input input)
{
    roles_step(&r, MS(ms), &input, &out);
}

static void order(int64_t ms, uint64_t epoch, int64_t deadline_ms)
{
    in(ms,
       (struct roles_input){
           .kind = ROLES_IN_ORDER, .writer = true, .epoch = epoch, .deadline = MS(deadline_ms)});
}

static void beat(int64_t ms, uint32_t host, bool writer, uint64_t epoch, uint64_t txid)
{
    in(ms, (struct roles_input){
               .kind = ROLES_IN_BEAT, .host = host, .writer = writer, .position = {epoch, txid}});
}

static void time_is(int64_t ms)
{
    in(ms, (struct roles_input){.kind = ROLES_IN_TIME});
}

static const struct roles_action *action(enum roles_action_kind kind)
{
    for (uint32_t i = 0; i < out.count; i++)
        if (out.actions[i].kind == kind)
            return &out.actions[i];
    return NULL;
}

/* become_writer - at 0 ms, with a deadline at 3000 ms, in epoch 5; the others hold what it holds.
 */
static void become_writer(void)
{
    start_at(1, 9);
    order(0, 5, 3000);
    beat(1, EAST2, false, 1, 9);
    beat(2, WEST1, false, 1, 9);
    beat(3, WEST2, false, 1, 9);
    cr_assert_not_null(action(ROLES_ACT_OPEN));
    in(4, (struct roles_input){.kind = ROLES_IN_OPENED, .ok = true});
    cr_assert_eq(r.state, ROLES_WRITER);
}

/* --- Writing. --- */

Test(roles, the_write_epoch_is_the_ticket_before_the_role)
{
    cr_assert_gt(copy_write_epoch(2, 1), copy_write_epoch(1, 900));
    cr_assert_gt(copy_write_epoch(1, 3), copy_write_epoch(1, 2));
    cr_assert_eq(copy_write_epoch(3, 7), (UINT64_C(3) << 32) + 7);
    cr_assert_eq(copy_write_epoch(0, 7), 0);
    cr_assert_eq(copy_write_epoch(UINT64_C(1) << 32, 7), 0);
    cr_assert_eq(copy_write_epoch(1, UINT64_C(1) << 32), 0);
}

Test(roles, a_writer_hears_the_others_and_opens_its_epoch_first)
{
    start_at(1, 9);
    order(0, 5, 3000);
    cr_assert_eq(r.state, ROLES_CATCHING_UP);
    cr_assert_null(action(ROLES_ACT_OPEN));
    beat(1, EAST2, false, 1, 9);
    beat(2, WEST1, false, 1, 9);
    cr_assert_null(action(ROLES_ACT_OPEN), "west.2 is not heard yet");
    beat(3, WEST2, false, 1, 9);
    cr_assert_eq(action(ROLES_ACT_OPEN)->epoch, 5);
    cr_assert_not(roles_may_write(&r, MS(3)), "nothing is written before the epoch is on disk");
    in(4, (struct roles_input){.kind = ROLES_IN_OPENED, .ok = true});
    cr_assert(roles_may_write(&r, MS(4)));
}

Test(roles, a_writer_alone_waits_only_so_long)
{
    start_at(1, 9);
    order(0, 5, 3000);
    cr_assert_eq(roles_deadline(&r).ns, MS(1000).ns);
    time_is(999);
    cr_assert_null(action(ROLES_ACT_OPEN));
    time_is(1000);
    cr_assert_not_null(action(ROLES_ACT_OPEN));
}

Test(roles, a_reachable_copy_that_is_ahead_is_fetched_first)
{
    start_at(1, 9);
    order(0, 5, 9000);
    beat(1, WEST1, false, 2, 10);
    cr_assert_eq(action(ROLES_ACT_FOLLOW)->host, WEST1);
    beat(1, EAST2, false, 1, 9);
    beat(1, WEST2, false, 1, 9);
    for (int64_t t = 1001; t < 5000; t += 500)
        beat(t, WEST1, false, 2, 10);
    cr_assert_eq(r.state, ROLES_CATCHING_UP);
    cr_assert_eq(roles_waits_for(&r), WEST1);
    in(5000, (struct roles_input){.kind = ROLES_IN_HELD, .position = {2, 10}});
    cr_assert_not_null(action(ROLES_ACT_UNFOLLOW));
    cr_assert_eq(action(ROLES_ACT_OPEN)->epoch, 5);
}

Test(roles, the_right_ends_at_the_deadline_before_anything_else_is_looked_at)
{
    become_writer();
    cr_assert(roles_may_write(&r, MS(2999)));
    cr_assert_not(roles_may_write(&r, MS(3000)));
    /* thawed late, with a beat in the queue */
    beat(9000, EAST2, false, 1, 9);
    cr_assert_neq(r.state, ROLES_WRITER);
    const struct roles_action *note = action(ROLES_ACT_NOTE);
    cr_assert_eq(note->from, ROLES_WRITER);
    cr_assert_eq(note->event, ROLES_EV_OVER);
}

Test(roles, a_renewal_moves_the_deadline)
{
    become_writer();
    order(2900, 5, 6000);
    cr_assert_eq(out.count, 0);
    cr_assert(roles_may_write(&r, MS(5999)));
    cr_assert_not(roles_may_write(&r, MS(6000)));
}

Test(roles, an_order_that_is_over_when_it_comes_gives_nothing)
{
    start_at(1, 9);
    order(500, 5, 500);
    cr_assert_eq(r.state, ROLES_DORMANT);
}

Test(roles, a_new_epoch_is_opened_anew)
{
    become_writer();
    order(100, 6, 4000);
    cr_assert_eq(r.state, ROLES_CATCHING_UP);
    cr_assert_not(roles_may_write(&r, MS(100)));
    cr_assert_eq(action(ROLES_ACT_OPEN)->epoch, 6);
    in(101, (struct roles_input){.kind = ROLES_IN_OPENED, .ok = true});
    cr_assert(roles_may_write(&r, MS(101)));
}

Test(roles, an_epoch_below_that_of_the_copy_is_never_opened)
{
    start_at(7, 9);
    order(0, 5, 9000);
    time_is(5000);
    cr_assert_eq(r.state, ROLES_CATCHING_UP);
    cr_assert_null(action(ROLES_ACT_OPEN));
}

Test(roles, a_writer_that_sees_a_later_epoch_stops)
{
    become_writer();
    beat(100, WEST1, true, 6, 12);
    cr_assert_eq(r.state, ROLES_CATCHING_UP);
    cr_assert_not(roles_may_write(&r, MS(100)));
}

Test(roles, a_full_disk_is_tried_again_without_haste)
{
    start_at(1, 9);
    order(0, 5, 9000);
    time_is(1000);
    cr_assert_not_null(action(ROLES_ACT_OPEN));
    in(1000, (struct roles_input){.kind = ROLES_IN_OPENED, .ok = false});
    cr_assert_null(action(ROLES_ACT_OPEN));
    cr_assert_eq(roles_deadline(&r).ns, MS(1500).ns);
    time_is(1499);
    cr_assert_null(action(ROLES_ACT_OPEN));
    time_is(1500);
    cr_assert_not_null(action(ROLES_ACT_OPEN));
}

/* --- Following. --- */

Test(roles, the_writer_is_followed)
{
    start_at(1, 9);
    beat(0, EAST2, false, 1, 9);
    cr_assert_eq(r.state, ROLES_DORMANT);
    beat(1, WEST1, true, 1, 9);
    cr_assert_eq(action(ROLES_ACT_FOLLOW)->host, WEST1);
    cr_assert_eq(r.state, ROLES_FOLLOWER);
}

Test(roles, a_writer_of_an_epoch_that_is_over_is_not)
{
    start_at(4, 9);
    beat(1, WEST1, true, 3, 99);
    cr_assert_eq(r.state, ROLES_DORMANT);
    cr_assert_eq(roles_writer(&r), ROLES_NOBODY);
    beat(2, WEST2, true, 5, 10);
    beat(3, WEST1, true, 4, 99);
    cr_assert_eq(roles_writer(&r), WEST2, "the later epoch");
}

Test(roles, without_a_writer_a_copy_that_is_ahead_is_followed_the_pairs_first)
{
    start_at(1, 9);
    beat(0, WEST1, false, 1, 12);
    cr_assert_eq(action(ROLES_ACT_FOLLOW)->host, WEST1);
    beat(1, EAST2, false, 1, 12);
    cr_assert_eq(action(ROLES_ACT_FOLLOW)->host, EAST2);
    in(2, (struct roles_input){.kind = ROLES_IN_HELD, .position = {1, 12}});
    cr_assert_eq(r.state, ROLES_DORMANT, "level with all: nobody to follow");
}

Test(roles, the_writer_of_the_view_is_followed_before_it_says_so_itself)
{
    start_at(1, 9);
    beat(0, WEST2, false, 1, 9);
    in(1, (struct roles_input){.kind = ROLES_IN_VIEW, .host = WEST2});
    cr_assert_eq(action(ROLES_ACT_FOLLOW)->host, WEST2);
    in(2, (struct roles_input){.kind = ROLES_IN_VIEW, .host = ROLES_NOBODY});
    cr_assert_not_null(action(ROLES_ACT_UNFOLLOW));
}

Test(roles, a_silent_host_is_followed_no_more)
{
    start_at(1, 9);
    beat(0, WEST1, true, 1, 9);
    cr_assert_eq(roles_deadline(&r).ns, MS(1200).ns);
    time_is(1199);
    cr_assert_eq(r.state, ROLES_FOLLOWER);
    time_is(1200);
    cr_assert_eq(r.state, ROLES_DORMANT);
    beat(1300, WEST1, true, 1, 9);
    in(1301, (struct roles_input){.kind = ROLES_IN_DOWN, .host = WEST1});
    cr_assert_eq(r.state, ROLES_DORMANT);
}

/* --- Copies. --- */

static struct copy_history history(int n, const uint64_t (*pairs)[2])
{
    static struct copy_history h;
    h.count = 0;
    for (int i = 0; i < n; i++)
        cr_assert(copy_history_add(&h, (struct copy_position){pairs[i][0], pairs[i][1]}));
    return h;
}
#define HISTORY(...)                                                                               \
    history((int)(sizeof((uint64_t[][2]){__VA_ARGS__}) / 16), (uint64_t[][2]){__VA_ARGS__})
#define P(e, t) ((struct copy_position){(e), (t)})

Test(copy, a_later_epoch_is_ahead_whatever_its_txid)
{
    cr_assert_gt(copy_compare(P(2, 1), P(1, 99)), 0);
    cr_assert_gt(copy_compare(P(2, 2), P(2, 1)), 0);
    cr_assert_eq(copy_compare(P(2, 2), P(2, 2)), 0);
}

Test(copy, entries_are_taken_in_order_and_the_epoch_never_goes_back)
{
    cr_assert_eq(copy_judge_entry(P(2, 5), P(2, 6)), COPY_APPLY);
    cr_assert_eq(copy_judge_entry(P(2, 5), P(3, 6)), COPY_APPLY);
    cr_assert_eq(copy_judge_entry(P(2, 5), P(2, 5)), COPY_KNOWN);
    cr_assert_eq(copy_judge_entry(P(2, 5), P(2, 7)), COPY_GAP);
    cr_assert_eq(copy_judge_entry(P(2, 5), P(3, 5)), COPY_GAP, "histories parted");
    cr_assert_eq(copy_judge_entry(P(2, 5), P(1, 6)), COPY_STALE);
}

Test(copy, a_snapshot_never_takes_the_copy_back)
{
    cr_assert_eq(copy_judge_snapshot(P(2, 5), P(3, 1), false), COPY_APPLY);
    cr_assert_eq(copy_judge_snapshot(P(2, 5), P(2, 4), false), COPY_STALE);
    cr_assert_eq(copy_judge_snapshot(P(2, 5), P(1, 9), false), COPY_STALE);
    cr_assert_eq(copy_judge_snapshot(P(2, 5), P(2, 5), true), COPY_KNOWN);
    cr_assert_eq(copy_judge_snapshot(P(2, 5), P(2, 5), false), COPY_APPLY);
}

Test(copy, histories_part_where_their_last_common_epoch_ends)
{
    struct copy_history a = HISTORY({1, 9}, {2, 12});
    struct copy_history b = HISTORY({1, 9}, {3, 10});
    cr_assert_eq(copy_common(&a, &b), 9);
    struct copy_history c = HISTORY({1, 7}, {3, 8});
    cr_assert_eq(copy_common(&a, &c), 7);
    struct copy_history d = HISTORY({1, 9}, {2, 14});
    cr_assert_eq(copy_common(&a, &d), 12);
    struct copy_history none = {0};
    cr_assert_eq(copy_common(&a, &none), 0);
}

Test(copy, a_history_does_not_go_back_and_forgets_the_oldest)
{
    static struct copy_history h;
    cr_assert(copy_history_add(&h, P(5, 1)));
    cr_assert_not(copy_history_add(&h, P(4, 2)));
    cr_assert_not(copy_history_add(&h, P(5, 1)));
    for (uint64_t i = 2; i <= COPY_EPOCHS_MAX + 5; i++)
        cr_assert(copy_history_add(&h, P(5 + i, i)));
    cr_assert_eq(h.count, COPY_EPOCHS_MAX);
    cr_assert_eq(h.epochs[h.count - 1].last_txid, COPY_EPOCHS_MAX + 5);
    cr_assert_gt(h.epochs[0].epoch, 5);
}

Test(copy, a_follower_gets_entries_a_snapshot_or_nothing)
{
    struct copy_history ours = HISTORY({1, 9}, {3, 12});
    struct copy_history behind = HISTORY({1, 9}, {3, 10});
    struct copy_history parted = HISTORY({1, 9}, {2, 11});
    struct copy_history none = {0};
    uint64_t common;
    cr_assert_eq(copy_feed(P(3, 12), &ours, 1, P(3, 10), &behind, true, &common), FEED_ENTRIES);
    cr_assert_eq(copy_feed(P(3, 12), &ours, 12, P(3, 10), &behind, true, &common), FEED_SNAPSHOT,
                 "the log was cut");
    cr_assert_eq(copy_feed(P(3, 12), &ours, 11, P(3, 10), &behind, true, &common), FEED_ENTRIES);
    cr_assert_eq(copy_feed(P(3, 12), &ours, 1, P(3, 10), &behind, false, &common), FEED_SNAPSHOT);
    cr_assert_eq(copy_feed(P(3, 12), &ours, 1, P(2, 11), &parted, true, &common), FEED_SNAPSHOT);
    cr_assert_eq(common, 9, "its 10 and 11 are conflicts");
    cr_assert_eq(copy_feed(P(3, 12), &ours, 1, P(0, 0), &none, true, &common), FEED_ENTRIES);
    cr_assert_eq(copy_feed(P(3, 12), &ours, 0, P(0, 0), &none, true, &common), FEED_SNAPSHOT);
    cr_assert_eq(copy_feed(P(3, 12), &ours, 1, P(3, 12), &ours, true, &common), FEED_NOTHING);
    cr_assert_eq(copy_feed(P(3, 12), &ours, 1, P(3, 12), &ours, false, &common), FEED_SNAPSHOT);
    cr_assert_eq(copy_feed(P(3, 12), &ours, 1, P(4, 1), &ours, true, &common), FEED_NOTHING);
}
