/* Named cases: one fault shape each, over the real cores.  Host 0 is the first primary of site 0
 * (east: 0 and 1), host 2 of site 1 (west: 2 and 3), host 4 is the arbiter. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/sim/sim.h"

static struct sim *s;

static bool served(const struct sim *w)
{
    return sim_served(w);
}
static bool one_is_primary(const struct sim *w)
{
    return sim_primary(w, 0) == 1;
}
static bool zero_is_primary(const struct sim *w)
{
    return sim_primary(w, 0) == 0;
}
static bool nobody_in_east(const struct sim *w)
{
    return sim_primary(w, 0) < 0;
}
static bool writer_in_west(const struct sim *w)
{
    return sim_writer(w) >= 2;
}

static void settled(void)
{
    s = sim_new(7, NULL, false);
    cr_assert(sim_await(s, 5000, served), "%s", s->violation);
    cr_assert(sim_run(s, 3000));
    cr_assert_eq(sim_primary(s, 0), 0, "the preferred host asks first");
    cr_assert_eq(sim_primary(s, 1), 2);
    cr_assert_eq(sim_writer(s), 0);
}

static void fine(void)
{
    cr_assert_str_empty(s->violation, "%s", s->violation);
    sim_destroy(&s);
}

TestSuite(cases, .init = settled, .fini = fine);

static void unplug(int host)
{
    for (int i = 0; i < SIM_HOSTS; i++) {
        sim_cut(s, host, i);
        sim_cut(s, i, host);
    }
}

static void cut_both(int a, int b)
{
    sim_cut(s, a, b);
    sim_cut(s, b, a);
}

Test(cases, h1_every_host_starts_as_backup_and_epochs_grow_over_restarts)
{
    uint64_t epoch = s->host[0].ham.order.epoch;
    for (int i = 0; i < SIM_HOSTS; i++)
        sim_crash(s, i);
    for (int i = 0; i < SIM_HOSTS; i++) {
        sim_restart(s, i);
        cr_assert_eq(s->host[i].ham.order.role, ROLE_BACKUP);
    }
    cr_assert(sim_await(s, 10000, served));
    cr_assert_gt(s->epoch_seen[0], epoch);
}

Test(cases, h1_one_host_alone_with_the_arbiter_serves)
{
    for (int i = 0; i < 4; i++)
        sim_crash(s, i);
    sim_restart(s, 1);
    cr_assert(sim_await(s, 10000, one_is_primary));
}

Test(cases, h3_primary_host_dies_and_the_backup_takes_over_within_1200_ms)
{
    sim_crash(s, 0);
    cr_assert(sim_await(s, 1200, one_is_primary));
    cr_assert(sim_await(s, 5000, served), "the ticket follows the role");
    cr_assert_eq(sim_writer(s), 1);
}

Test(sim, h3_takeover_within_1200_ms_and_switchover_within_100_ms_whatever_the_seed)
{
    int64_t longest = 0, longest_planned = 0, longest_site = 0, longest_crash = 0;
    for (uint64_t seed = 1; seed <= 132; seed++) {
        struct sim *w = sim_new(seed, NULL, false);
        cr_assert(sim_await(w, 5000, served));
        cr_assert(sim_run(w, 3000 + (int64_t)seed * 7));
        int64_t start = w->now;
        if (seed % 4 == 3) {
            sim_crash_component(w, 0, 0);
            cr_assert(sim_await(w, 100, one_is_primary), "seed %d", (int)seed);
            longest_crash = w->now - start > longest_crash ? w->now - start : longest_crash;
        } else if (seed % 4 == 0) {
            sim_crash(w, 0);
            cr_assert(sim_await(w, 1200, one_is_primary), "seed %d", (int)seed);
            longest = w->now - start > longest ? w->now - start : longest;
        } else if (seed % 4 == 1) {
            cr_assert_eq(sim_op(w, 0, VERB_SWITCHOVER), REASON_UNDER_WAY);
            cr_assert(sim_await(w, 100, one_is_primary), "seed %d", (int)seed);
            longest_planned = w->now - start > longest_planned ? w->now - start : longest_planned;
        } else {
            sim_crash(w, 0);
            sim_crash(w, 1);
            cr_assert(sim_await(w, 5000, writer_in_west), "seed %d", (int)seed);
            longest_site = w->now - start > longest_site ? w->now - start : longest_site;
        }
        cr_assert_str_empty(w->violation, "%s", w->violation);
        sim_destroy(&w);
    }
    cr_log_info("takeover %d ms, switchover %d ms, crash of a process %d ms, writer of a dead site "
                "%d ms",
                (int)(longest / SIM_MS), (int)(longest_planned / SIM_MS),
                (int)(longest_crash / SIM_MS), (int)(longest_site / SIM_MS));
}

/* `profile: fast` of the bootstrap file. */
static void fast(struct ham_conf *c)
{
    sim_conf(c);
#define TIMEOUT(option, member, core, ms) c->core = ms;
#include "common/profile.tbl.h"
}

Test(sim, profile_fast_leaves_a_dead_host_within_300_ms_whatever_the_seed)
{
    struct ham_conf c;
    struct ham_conf_fault fault;
    int64_t longest = 0;
    fast(&c);
    cr_assert(ham_conf_check(&c, &fault), "%s", fault.text);
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct sim *w = sim_new(seed, &c, false);
        cr_assert(sim_await(w, 5000, served));
        cr_assert(sim_run(w, 3000 + (int64_t)seed * 7));
        cr_assert_eq(sim_primary(w, 0), 0);
        int64_t start = w->now;
        sim_crash(w, 0);
        cr_assert(sim_await(w, 300, one_is_primary), "seed %d", (int)seed);
        longest = w->now - start > longest ? w->now - start : longest;
        cr_assert_str_empty(w->violation, "%s", w->violation);
        sim_destroy(&w);
    }
    cr_log_info("fast: takeover %d ms", (int)(longest / SIM_MS));
}

Test(sim, profile_fast_keeps_the_invariants_under_chaos)
{
    struct ham_conf c;
    fast(&c);
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct sim *w = sim_new(seed, &c, false);
        (void)chaos_run(w, 30000);
        cr_assert_str_empty(w->violation, "seed %d: %s", (int)seed, w->violation);
        cr_assert(chaos_heal(w, 30000), "seed %d: %s", (int)seed, w->violation);
        sim_destroy(&w);
    }
}

Test(cases, h4_primary_frozen_past_lease_then_thawed)
{
    sim_freeze(s, 0, true);
    cr_assert(sim_await(s, 2000, one_is_primary));
    sim_thaw(s, 0);
    cr_assert_eq(sim_primary(s, 0), 1, "the thawed host sends nothing");
    cr_assert(sim_run(s, 5000));
    cr_assert_eq(s->host[0].ham.order.role, ROLE_BACKUP);
}

Test(cases, h2_hamgr_dies_and_its_components_stop_at_the_deadline)
{
    sim_crash_ham(s, 0, false);
    cr_assert_eq(sim_primary(s, 0), 0);
    cr_assert(sim_await(s, 1500, one_is_primary));
}

Test(cases, h5_pair_link_cut_one_serves_and_heal_moves_nothing)
{
    cut_both(0, 1);
    cr_assert(sim_run(s, 20000));
    cr_assert_eq(sim_primary(s, 0), 0);
    sim_heal_all(s);
    cr_assert(sim_run(s, 5000));
    cr_assert_eq(s->moves[0], 1, "the first one only");
}

Test(cases, h5_pair_link_cut_and_primary_dies_then_the_backup_serves)
{
    cut_both(0, 1);
    cr_assert(sim_run(s, 5000));
    sim_crash(s, 0);
    cr_assert(sim_await(s, 3000, one_is_primary));
}

Test(cases, h5_unplugged_primary_stops_before_the_backup_starts)
{
    unplug(0);
    cr_assert(sim_await(s, 1500, one_is_primary));
    sim_heal_all(s);
    cr_assert(sim_run(s, 5000));
    cr_assert_eq(sim_primary(s, 0), 1);
}

Test(cases, h5_all_three_apart_then_nobody_serves_and_healing_brings_one)
{
    cut_both(0, 1);
    cut_both(0, 4);
    cut_both(1, 4);
    cr_assert(sim_await(s, 2000, nobody_in_east));
    cr_assert(sim_run(s, 10000));
    cr_assert_lt(sim_primary(s, 0), 0, "last-resort: stop");
    sim_heal_all(s);
    cr_assert(sim_await(s, 5000, served));
}

static bool one_looks_around(const struct sim *w)
{
    return w->host[1].ham.role.state == LEASE_PROBING;
}

Test(cases, h10_a_release_that_comes_late_brings_back_no_epoch_that_was_held)
{
    cr_assert_eq(sim_op(s, 0, VERB_SWITCHOVER), REASON_UNDER_WAY);
    sim_freeze(s, 0, true); /* it has stopped nothing yet, and says so when it is back */
    cr_assert(sim_await(s, 10000, one_is_primary));
    uint64_t held = s->host[1].ham.role.epoch;
    cut_both(1, SIM_ARBITER);
    cr_assert(sim_await(s, 10000, nobody_in_east));
    cr_assert(sim_await(s, 10000, one_looks_around));
    sim_thaw(s, 0);
    cr_assert(sim_await(s, 5000, one_is_primary));
    cr_assert_gt(s->host[1].ham.role.since, held);
}

Test(cases, h6_arbiter_lost_and_back_no_role_change)
{
    uint64_t epoch = s->epoch_seen[0];
    sim_crash(s, SIM_ARBITER);
    cr_assert(sim_run(s, 30000));
    sim_restart(s, SIM_ARBITER);
    cr_assert(sim_run(s, 10000));
    cr_assert_eq(s->moves[0], 1);
    cr_assert_eq(s->epoch_seen[0], epoch);
    cr_assert_eq(sim_writer(s), 0, "four hosts are a majority for the ticket");
}

Test(cases, arbiter_cut_one_way_from_east)
{
    sim_cut(s, SIM_ARBITER, 0);
    sim_cut(s, SIM_ARBITER, 1);
    cr_assert(sim_run(s, 30000));
    cr_assert_eq(s->moves[0], 1);
    cr_assert_eq(s->moves[1], 1);
    sim_crash(s, 0);
    cr_assert(sim_run(s, 5000));
    cr_assert_lt(sim_primary(s, 0), 0, "one voice is no majority");
    sim_heal_all(s);
    cr_assert(sim_await(s, 3000, one_is_primary));
}

Test(cases, h12_slow_disk_loses_no_role)
{
    for (int i = 0; i < SIM_HOSTS; i++)
        s->host[i].disk_slow_ms = 30000;
    cr_assert(sim_run(s, 60000));
    cr_assert_eq(s->moves[0], 1, "renewals are answered from memory");
    cr_assert_eq(sim_primary(s, 0), 0);
}

Test(cases, h12_failing_disk_promises_nothing)
{
    for (int i = 1; i < SIM_HOSTS; i++)
        s->host[i].disk_fails = true;
    sim_crash(s, 0);
    cr_assert(sim_run(s, 10000));
    cr_assert_lt(sim_primary(s, 0), 0);
    for (int i = 1; i < SIM_HOSTS; i++)
        s->host[i].disk_fails = false;
    cr_assert(sim_await(s, 3000, one_is_primary));
}

Test(cases, h12_a_worse_disk_moves_the_role_once_and_a_mended_one_moves_nothing)
{
    s->host[0].disk_fails = true;
    cr_assert(sim_run(s, s->conf.disk_patience_ms - 100));
    cr_assert_eq(sim_primary(s, 0), 0, "not at once");
    cr_assert(sim_await(s, 300, one_is_primary), "then within a hand-over");
    cr_assert(sim_run(s, 20000));
    cr_assert_eq(s->moves[0], 2, "and it stays there");
    s->host[0].disk_fails = false;
    cr_assert(sim_run(s, 20000));
    cr_assert_eq(s->host[1].ham.other[0].beat.disk, DISK_GOOD, "it is good again by itself");
    cr_assert_eq(s->moves[0], 2, "no move back");
}

Test(cases, h12_a_slow_disk_moves_the_role_and_a_short_stall_does_not)
{
    s->host[0].disk_slow_ms = 3000;
    cr_assert(sim_run(s, 3000));
    s->host[0].disk_slow_ms = 0;
    cr_assert(sim_run(s, 10000));
    cr_assert_eq(s->moves[0], 1);
    s->host[0].disk_slow_ms = 30000;
    cr_assert(sim_await(s, s->conf.disk_patience_ms + 300, one_is_primary));
}

Test(cases, h12_the_role_stays_when_the_other_host_is_not_whole_or_its_disk_no_better)
{
    s->host[0].disk_fails = true;
    s->host[1].disk_slow_ms = 3000;
    cr_assert(sim_run(s, 20000));
    cr_assert_eq(sim_primary(s, 0), 0, "the other disk is not good");
    s->host[1].never_joins = true;
    sim_crash_component(s, 1, 0);
    cr_assert(sim_run(s, 3000));
    s->host[1].disk_slow_ms = 0;
    cr_assert(sim_run(s, 20000));
    cr_assert_eq(sim_primary(s, 0), 0, "its copy is not whole");
    s->host[1].never_joins = false;
    sim_crash_component(s, 1, 0);
    cr_assert(sim_await(s, 5000, one_is_primary), "whole and better");
}

Test(cases, h12_moves_for_a_disk_count_as_automatic)
{
    for (uint32_t n = 0; n < s->conf.antiflap_moves; n++) {
        int from = sim_primary(s, 0);
        s->host[from].disk_fails = true;
        cr_assert(sim_run(s, s->conf.disk_patience_ms + 1000));
        cr_assert_eq(sim_primary(s, 0), 1 - from);
        s->host[from].disk_fails = false;
        cr_assert(sim_run(s, 5000));
    }
    int last = sim_primary(s, 0);
    s->host[last].disk_fails = true;
    cr_assert(sim_run(s, 20000));
    cr_assert_eq(sim_primary(s, 0), last, "anti-flap");
}

Test(cases, voter_restarts_with_empty_store)
{
    cut_both(0, 1);
    cr_assert(sim_run(s, 3000));
    sim_crash(s, SIM_ARBITER);
    sim_wipe(s, SIM_ARBITER);
    sim_restart(s, SIM_ARBITER);
    cr_assert(sim_run(s, 5000));
    sim_heal_all(s);
    cr_assert(sim_await(s, 5000, served));
    cr_assert(sim_run(s, 8000));
    for (int r = 0; r < RIGHTS_MAX; r++)
        cr_assert(s->host[SIM_ARBITER].disk[r].known, "taught by the others");
}

Test(cases, voter_restarts_at_once_and_remembers)
{
    cut_both(0, 1);
    for (int n = 0; n < 200; n++) {
        sim_crash_ham(s, SIM_ARBITER, false);
        sim_restart_ham(s, SIM_ARBITER);
        cr_assert(sim_run(s, 37), "%s", s->violation);
    }
}

Test(cases, h10_switchover_hands_over_without_waiting)
{
    cr_assert_eq(sim_op(s, 0, VERB_SWITCHOVER), REASON_UNDER_WAY);
    cr_assert(sim_await(s, 100, one_is_primary), "no lease to wait for");
    cr_assert_eq(sim_op(s, 0, VERB_SWITCHOVER), REASON_NOT_PRIMARY);
    cr_assert(sim_await(s, 3000, served));
}

Test(cases, h10_switchover_refused_with_the_reason)
{
    s->host[1].crash_loop = true;
    sim_crash_component(s, 1, 0);
    cr_assert(sim_run(s, 6000));
    cr_assert_eq(sim_op(s, 0, VERB_SWITCHOVER), REASON_PEER_UNREADY);
    unplug(1);
    cr_assert(sim_run(s, 2000));
    cr_assert_eq(sim_op(s, 0, VERB_SWITCHOVER), REASON_PEER_SILENT);
    cr_assert_eq(sim_op(s, 1, VERB_SWITCHOVER), REASON_NOT_PRIMARY);
    cr_assert_eq(sim_primary(s, 0), 0);
}

Test(cases, h10_switchover_whose_release_is_lost_comes_back)
{
    sim_cut(s, 0, 1);
    sim_cut(s, 0, SIM_ARBITER);
    cr_assert_eq(sim_op(s, 0, VERB_SWITCHOVER), REASON_UNDER_WAY);
    cr_assert(sim_await(s, 3000, one_is_primary), "after the lease ran out");
}

Test(cases, late_renewal_after_release)
{
    struct ham_msg late = {.type = HAM_MSG_ASK, .from = 0, .right = RIGHT_ROLE_0};
    late.ask = (struct ham_ask){.epoch = s->host[0].ham.role.epoch,
                                .seq = 1,
                                .ttl_ms = 1000,
                                .kind = ASK_GRANT,
                                .holder = 0};
    cr_assert_eq(sim_op(s, 0, VERB_SWITCHOVER), REASON_UNDER_WAY);
    cr_assert(sim_await(s, 100, one_is_primary));
    cr_assert(sim_run(s, 100));
    cr_assert_eq(s->host[SIM_ARBITER].ham.vote[RIGHT_ROLE_0].record.holder, 1);
    sim_inject(s, SIM_ARBITER, &late);
    sim_inject(s, 1, &late);
    cr_assert(sim_run(s, 2000));
    cr_assert_eq(s->host[SIM_ARBITER].ham.vote[RIGHT_ROLE_0].record.holder, 1);
    cr_assert_eq(sim_primary(s, 0), 1);
}

Test(cases, h11_wedged_work_path_moves_the_role)
{
    sim_wedge(s, 0, 0);
    cr_assert(sim_await(s, 4000, one_is_primary));
}

static void without_a_copy(int host)
{
    s->host[host].never_joins = true;
    sim_crash_component(s, host, 0);
    cr_assert(sim_run(s, 3000));
    cr_assert(!s->host[host ^ 1].ham.other[host].beat.ready);
}

Test(cases, h2_crash_moves_the_role_at_once_when_the_other_host_is_in_sync)
{
    sim_crash_component(s, 0, 0);
    cr_assert(sim_await(s, 100, one_is_primary));
    cr_assert(sim_run(s, 5000));
    cr_assert_eq(s->moves[0], 2, "and it stays there");
    cr_assert(s->host[1].ham.other[0].beat.ready, "what crashed is started as backup, and joins");
}

Test(cases, h2_crash_is_restarted_in_place_when_the_other_host_is_not_in_sync)
{
    without_a_copy(1);
    sim_crash_component(s, 0, 0);
    cr_assert(sim_run(s, 5000));
    cr_assert_eq(s->moves[0], 1, "its calls are not at the other host");
    cr_assert_eq(s->host[0].component[0].order.role, ROLE_PRIMARY);
}

Test(cases, h2_crash_of_another_component_is_restarted_in_place)
{
    sim_crash_component(s, 0, 1);
    cr_assert(sim_run(s, 5000));
    cr_assert_eq(s->moves[0], 1);
    cr_assert_eq(sim_primary(s, 0), 0);
}

Test(cases, h2_crash_loop_moves_the_role_even_without_a_copy)
{
    without_a_copy(1);
    s->host[0].crash_loop = true;
    sim_crash_component(s, 0, 0);
    cr_assert(sim_await(s, 6000, one_is_primary));
}

Test(cases, h2_crash_under_pause_is_restarted_in_place)
{
    cr_assert_eq(sim_op(s, 0, VERB_PAUSE), REASON_DONE);
    sim_crash_component(s, 0, 0);
    cr_assert(sim_run(s, 5000));
    cr_assert_eq(s->moves[0], 1);
    cr_assert_eq(s->host[0].component[0].order.role, ROLE_PRIMARY);
}

/* ---- solo (H-14) ---- */

static bool zero_is_alone(const struct sim *w)
{
    return w->host[0].component[0].alone;
}
static bool zero_is_in_sync(const struct sim *w)
{
    return w->host[0].component[0].replica.state == REPLICA_IN_SYNC && w->host[0].ham.said_ready &&
           !w->host[0].component[0].alone;
}

Test(cases, h14_primary_goes_alone_on_the_word_of_a_majority_and_back)
{
    s->host[1].deaf = true;
    cr_assert(sim_await(s, 100, zero_is_alone), "one round trip, two disk writes");
    cr_assert_eq(s->host[SIM_ARBITER].disk[RIGHT_ROLE_0].solo.sequence,
                 s->host[0].component[0].asked.sequence);
    cr_assert_eq(sim_op(s, 0, VERB_SWITCHOVER), REASON_ALONE);
    cr_assert(sim_run(s, 5000));
    cr_assert_eq(s->moves[0], 1);
    s->host[1].deaf = false;
    cr_assert(sim_await(s, 1000, zero_is_in_sync));
    cr_assert(sim_run(s, 100));
    cr_assert_eq(s->host[SIM_ARBITER].disk[RIGHT_ROLE_0].solo.sequence, 0);
    cr_assert_eq(sim_op(s, 0, VERB_SWITCHOVER), REASON_UNDER_WAY);
    cr_assert(sim_await(s, 100, one_is_primary));
    cr_assert_not(s->host[1].ham.order.stale);
}

Test(cases, h14_backup_of_a_dead_primary_that_was_alone_is_promoted_stale)
{
    s->host[1].deaf = true;
    cr_assert(sim_await(s, 100, zero_is_alone));
    cr_assert(sim_run(s, 1000));
    sim_crash(s, 0);
    cr_assert(sim_await(s, 1500, one_is_primary), "leaving a dead host is never refused");
    cr_assert(s->host[1].ham.order.stale);
    cr_assert_eq(s->host[1].ham.stale_takeovers, 1);
}

/* ---- nobody has a majority for a while ---- */

static void nobody_hears_anybody(bool on)
{
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < SIM_HOSTS; b++) {
            if (a == b)
                continue;
            (on ? sim_cut : sim_heal)(s, a, b);
            (on ? sim_cut : sim_heal)(s, b, a);
        }
}

static bool nobody_is_primary(const struct sim *sim)
{
    return sim_primary(sim, 0) < 0;
}
static bool somebody_is_primary(const struct sim *sim)
{
    return sim_primary(sim, 0) >= 0;
}

/* Both have all that was sent, the primary of before as the other one: either may be first. */
Test(cases, h5_after_a_network_that_stood_the_role_goes_to_a_host_with_the_copy)
{
    cr_assert(sim_await(s, 1000, zero_is_in_sync));
    nobody_hears_anybody(true);
    cr_assert(sim_await(s, 2000, nobody_is_primary));
    cr_assert(sim_run(s, 3000));
    cr_assert_gt(s->host[0].ham.replica.at.epoch, 0, "it keeps what it had");
    nobody_hears_anybody(false);
    cr_assert(sim_await(s, 3000, somebody_is_primary), "%s", s->violation);
    cr_assert_not(s->host[sim_primary(s, 0)].ham.order.stale);
}

/* One of them has lost it meanwhile: the other one is first, whichever is preferred. */
Test(cases, h5_after_a_network_that_stood_a_host_that_has_restarted_is_not_first)
{
    cr_assert(sim_await(s, 1000, zero_is_in_sync));
    nobody_hears_anybody(true);
    cr_assert(sim_await(s, 2000, nobody_is_primary));
    sim_crash_component(s, 0, 0);
    cr_assert(sim_run(s, 3000));
    cr_assert_eq(s->host[0].ham.replica.at.epoch, 0);
    nobody_hears_anybody(false);
    cr_assert(sim_await(s, 4000, one_is_primary), "%s", s->violation);
}

/* The other one has served since, with nobody to follow it, and is gone. */
Test(cases, h14_what_a_host_kept_of_its_time_as_primary_is_stale_when_another_has_served)
{
    cr_assert(sim_await(s, 1000, zero_is_in_sync));
    for (int b = 1; b < SIM_HOSTS; b++) {
        sim_cut(s, 0, b);
        sim_cut(s, b, 0);
    }
    cr_assert(sim_await(s, 3000, one_is_primary));
    cr_assert_not(s->host[1].ham.order.stale);
    cr_assert(sim_run(s, 1000));
    sim_crash(s, 1);
    sim_heal_all(s);
    cr_assert(sim_await(s, 3000, zero_is_primary), "leaving a dead host is never refused");
    cr_assert(s->host[0].ham.order.stale);
}

Test(cases, h14_crash_of_a_primary_that_was_alone_is_restarted_in_place)
{
    s->host[1].deaf = true;
    cr_assert(sim_await(s, 100, zero_is_alone));
    sim_crash_component(s, 0, 0);
    cr_assert(sim_run(s, 3000));
    cr_assert_eq(s->moves[0], 1);
    cr_assert_neq(s->host[0].ham.role.solo.sequence, 0, "what the process before sent alone");
}

Test(cases, h14_with_the_arbiter_lost_the_backup_s_vote_is_enough)
{
    sim_crash(s, SIM_ARBITER);
    s->host[1].deaf = true;
    cr_assert(sim_await(s, 100, zero_is_alone));
    sim_restart(s, SIM_ARBITER);
    cr_assert(sim_run(s, 3000));
    sim_crash(s, 0);
    cr_assert(sim_await(s, 1500, one_is_primary));
    cr_assert(s->host[1].ham.order.stale);
}

Test(cases, h14_one_voice_alone_allows_nothing)
{
    sim_crash(s, SIM_ARBITER);
    unplug(1);
    cr_assert(sim_run(s, 300));
    cr_assert_not(s->host[0].component[0].alone);
    cr_assert_eq(s->solos, 0);
}

Test(cases, h14_disk_that_takes_no_word_loses_no_role)
{
    for (int i = 0; i < SIM_HOSTS; i++)
        s->host[i].disk_fails = true;
    s->host[1].deaf = true;
    cr_assert(sim_run(s, 20000));
    cr_assert_eq(s->moves[0], 1);
    cr_assert_eq(sim_primary(s, 0), 0);
    cr_assert_eq(s->solos, 0, "nobody has it on record");
}

Test(cases, h13_third_crash_within_the_window_is_restarted_in_place)
{
    for (int n = 0; n < 3; n++) {
        sim_crash_component(s, sim_primary(s, 0), 0);
        cr_assert(sim_run(s, 5000));
        cr_assert(sim_primary(s, 0) >= 0);
    }
    cr_assert_eq(s->moves[0], 3, "the first primary and two moves");
    cr_assert_eq(s->host[0].component[0].order.role, ROLE_PRIMARY);
    cr_assert_eq(sim_op(s, 0, VERB_ACKNOWLEDGE), REASON_DONE);
    sim_crash_component(s, 0, 0);
    cr_assert(sim_await(s, 100, one_is_primary), "the operator has seen it");
}

Test(cases, h13_an_acknowledgement_at_either_host_counts_at_both)
{
    for (int n = 0; n < 3; n++) {
        sim_crash_component(s, sim_primary(s, 0), 0);
        cr_assert(sim_run(s, 5000));
    }
    sim_cut(s, 1, 0);
    cr_assert_eq(sim_op(s, 1, VERB_ACKNOWLEDGE), REASON_DONE);
    cr_assert(sim_run(s, 5000));
    sim_heal(s, 1, 0);
    cr_assert(sim_run(s, 5000));
    cr_assert_eq(ham_moves(&s->host[0].ham, s->host[0].ham.last_step), 0, "told late");
    sim_crash_component(s, 0, 0);
    cr_assert(sim_await(s, 100, one_is_primary));
    cr_assert(sim_run(s, 5000));
    cr_assert_eq(ham_moves(&s->host[0].ham, s->host[0].ham.last_step), 1,
                 "what came after it counts");
}

Test(cases, h9_backup_without_a_copy_is_no_successor_but_takes_over_from_a_dead_host)
{
    without_a_copy(1);
    cr_assert_eq(sim_op(s, 0, VERB_SWITCHOVER), REASON_PEER_UNREADY);
    sim_crash(s, 0);
    cr_assert(sim_await(s, 1500 + s->conf.lease_ttl_ms, one_is_primary),
              "leaving a dead host is never refused; the one with the copy was let ahead once");
}

Test(cases, h13_at_most_two_automatic_moves_between_live_hosts)
{
    for (int n = 0; n < 6; n++) {
        for (int i = 0; i < 2; i++)
            if (sim_primary(s, 0) == i)
                sim_wedge(s, i, 0);
        cr_assert(sim_run(s, 8000));
    }
    cr_assert_leq(s->moves[0], 3, "the first primary and two moves");
    int stays = sim_primary(s, 0);
    cr_assert_geq(stays, 0);
    sim_crash(s, stays);
    cr_assert(sim_await(s, 3000, stays == 0 ? one_is_primary : zero_is_primary),
              "leaving a dead host is never refused");
}

Test(cases, sf6_dead_site_promotes_the_writer_by_itself)
{
    sim_crash(s, 0);
    sim_crash(s, 1);
    cr_assert(sim_await(s, 5000, writer_in_west));
    cr_assert_eq(s->host[2].ham.other_site.state, SITE_DEAD);
}

Test(cases, nf6_cut_site_is_not_dead_and_promotes_nothing)
{
    for (int a = 0; a < 2; a++)
        for (int b = 2; b < 4; b++)
            cut_both(a, b);
    cr_assert(sim_run(s, 60000));
    cr_assert_eq(s->host[2].ham.other_site.state, SITE_CUT);
    cr_assert_eq(sim_writer(s), 0);
    cr_assert_eq(s->moves[0] + s->moves[1], 2, "no role moves");
}

Test(cases, nf6_without_the_arbiter_the_site_is_only_silent)
{
    sim_crash(s, SIM_ARBITER);
    cr_assert(sim_run(s, 2000));
    sim_crash(s, 0);
    sim_crash(s, 1);
    cr_assert(sim_run(s, 20000));
    cr_assert_eq(s->host[2].ham.other_site.state, SITE_SILENT);
    cr_assert_lt(sim_writer(s), 0);
    cr_assert_eq(sim_op(s, 2, VERB_PROMOTE), REASON_NO_MAJORITY);
}

Test(cases, c5_operator_moves_the_writer_and_the_old_one_stops_first)
{
    cr_assert_eq(sim_op(s, 0, VERB_PROMOTE), REASON_ALREADY);
    cr_assert_eq(sim_op(s, 3, VERB_PROMOTE), REASON_NOT_PRIMARY);
    cr_assert_eq(sim_op(s, 2, VERB_PROMOTE), REASON_UNDER_WAY);
    cr_assert(sim_await(s, 3000, writer_in_west));
    cr_assert(sim_run(s, 20000));
    cr_assert_eq(sim_writer(s), 2, "and it stays there");
}

Test(cases, c5_switchover_during_a_hand_over_of_the_ticket)
{
    for (int n = 0; n < 20; n++) {
        int here = sim_writer(s) < 2 ? 0 : 1;
        (void)sim_op(s, sim_primary(s, 1 - here), VERB_PROMOTE);
        cr_assert(sim_run(s, 20 * n));
        (void)sim_op(s, sim_primary(s, here), VERB_SWITCHOVER);
        cr_assert(sim_run(s, 5000), "%s", s->violation);
        cr_assert(sim_await(s, 10000, served));
    }
}

/* ---- two sites without an arbiter: the ticket moves by hand ---- */

static void without_arbiter(struct ham_conf *c)
{
    sim_conf(c);
    c->hosts = 4;
    c->arbiter = HAM_NONE;
    c->witness[0] = 2;
    c->witness[1] = 0;
    c->auto_promote = false;
}

static void begin_without_arbiter(void)
{
    struct ham_conf c;
    sim_destroy(&s);
    without_arbiter(&c);
    s = sim_new(9, &c, false);
    cr_assert(sim_await(s, 8000, served), "%s", s->violation);
    cr_assert(sim_run(s, 3000));
    cr_assert_eq(sim_writer(s), 0);
}

Test(cases, c5_without_an_arbiter_the_operator_moves_the_writer_of_a_lost_site)
{
    begin_without_arbiter();
    sim_crash(s, 0);
    sim_crash(s, 1);
    cr_assert(sim_run(s, 10000));
    cr_assert_lt(sim_writer(s), 0, "nothing moves by itself");
    cr_assert_eq(sim_op(s, 2, VERB_PROMOTE), REASON_NO_MAJORITY);
    cr_assert_eq(sim_op(s, 2, VERB_FORCE), REASON_UNDER_WAY);
    cr_assert(sim_await(s, 5000, writer_in_west));
    cr_assert(sim_run(s, 20000));
    cr_assert_eq(sim_writer(s), 2, "and it goes on");
    sim_restart(s, 0);
    sim_restart(s, 1);
    cr_assert(sim_run(s, 10000));
    cr_assert_eq(sim_writer(s), 2, "who comes back does not take it back");
    cr_assert_not(s->host[2].ham.forced, "a majority promises it now");
}

Test(cases, c5_force_after_a_cut_leaves_one_writer_when_it_heals)
{
    begin_without_arbiter();
    for (int a = 0; a < 2; a++)
        for (int b = 2; b < 4; b++)
            cut_both(a, b);
    cr_assert(sim_run(s, 10000));
    cr_assert_lt(sim_writer(s), 0, "two votes of four are no majority on either side");
    cr_assert_eq(sim_op(s, 2, VERB_FORCE), REASON_UNDER_WAY);
    cr_assert(sim_await(s, 5000, writer_in_west));
    sim_heal_all(s);
    cr_assert(sim_run(s, 20000));
    cr_assert_eq(sim_writer(s), 2);
}

Test(cases, c5_force_is_refused_where_it_is_not_needed_or_not_safe)
{
    cr_assert_eq(sim_op(s, 2, VERB_FORCE), REASON_ARBITER);
    begin_without_arbiter();
    cr_assert_eq(sim_op(s, 2, VERB_FORCE), REASON_SITE_HEARD);
    cr_assert_eq(sim_op(s, 3, VERB_FORCE), REASON_NOT_PRIMARY);
    cr_assert_eq(sim_op(s, 0, VERB_FORCE), REASON_ALREADY);
}

Test(sim, c5_force_at_one_site_keeps_one_writer_under_chaos)
{
    struct ham_conf c;
    uint64_t forced = 0;
    without_arbiter(&c);
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct sim *w = sim_new(seed, &c, false);
        for (int n = 0; n < 30; n++) {
            for (int a = 0; n % 3 == 0 && a < 4; a++)
                sim_cut(w, a % 2, 2 + a / 2); /* west hears nothing of east, and may be heard */
            (void)chaos_run(w, 1000);
            int west = sim_primary(w, 1);
            forced += west >= 0 && sim_op(w, west, VERB_FORCE) == REASON_UNDER_WAY;
        }
        cr_assert_str_empty(w->violation, "seed %d: %s", (int)seed, w->violation);
        cr_assert(chaos_heal(w, 30000), "seed %d: %s", (int)seed, w->violation);
        sim_destroy(&w);
    }
    cr_assert_gt(forced, 100);
}

Test(cases, c6_candidate_behind_is_refused_the_ticket)
{
    struct vote *v = &s->host[SIM_ARBITER].ham.vote[RIGHT_TICKET];
    sim_crash(s, 0);
    sim_crash(s, 1);
    v->pos = (struct ham_pos){.ticket_epoch = 1, .txid = 10};
    s->host[3].ham.vote[RIGHT_TICKET].pos = v->pos;
    s->host[2].ham.ticket.pos = (struct ham_pos){.ticket_epoch = 1, .txid = 9};
    cr_assert(sim_run(s, 10000));
    cr_assert_lt(sim_writer(s), 0);
    s->host[2].ham.ticket.pos = v->pos;
    cr_assert(sim_await(s, 3000, writer_in_west));
}

Test(cases, c5_promotion_that_cannot_be_gives_up_and_stays_given_up)
{
    for (int a = 0; a < 2; a++)
        for (int b = 2; b < 4; b++)
            cut_both(a, b);
    cr_assert(sim_run(s, 5000));
    cr_assert_eq(sim_op(s, 2, VERB_PROMOTE), REASON_UNDER_WAY);
    cr_assert(sim_run(s, 20000));
    cr_assert_eq(sim_writer(s), 0, "the voters hold it for the site that renews it");
    sim_heal_all(s);
    cr_assert(sim_run(s, 20000));
    cr_assert_eq(sim_writer(s), 0);
}

Test(cases, clock_jump_takes_no_new_right_for_a_while)
{
    sim_crash(s, 0);
    sim_jump(s, 1, 3600 * 1000);
    cr_assert(sim_run(s, 900));
    cr_assert_lt(sim_primary(s, 0), 0, "tilt");
    cr_assert(sim_await(s, 3000, one_is_primary));
}

Test(cases, clock_of_a_voter_jumps_and_frees_no_promise)
{
    cut_both(0, 1);
    cr_assert(sim_run(s, 3000));
    sim_jump(s, SIM_ARBITER, 3600 * 1000);
    cr_assert(sim_run(s, 10000));
    cr_assert_eq(s->moves[0], 1);
}

Test(cases, paused_site_moves_nothing_by_itself)
{
    cr_assert_eq(sim_op(s, 1, VERB_PAUSE), REASON_DONE);
    sim_crash(s, 0);
    cr_assert(sim_run(s, 10000));
    cr_assert_lt(sim_primary(s, 0), 0);
    cr_assert_eq(sim_op(s, 1, VERB_RESUME), REASON_DONE);
    cr_assert(sim_await(s, 2000, one_is_primary));
}

Test(cases, orderly_stop_hands_over)
{
    cr_assert_eq(sim_op(s, 0, VERB_STOP), REASON_UNDER_WAY);
    cr_assert(sim_await(s, 100, one_is_primary));
    cr_assert(sim_run(s, 5000));
    cr_assert_eq(sim_op(s, 0, VERB_STOP), REASON_DONE);
}

Test(sim, a_seed_replays_exactly)
{
    uint64_t hash[2];
    for (int n = 0; n < 2; n++) {
        struct sim *w = sim_new(42, NULL, false);
        (void)chaos_run(w, 30000);
        hash[n] = w->hash;
        sim_destroy(&w);
    }
    cr_assert_eq(hash[0], hash[1]);
    struct sim *w = sim_new(43, NULL, false);
    (void)chaos_run(w, 30000);
    cr_assert_neq(hash[0], w->hash);
    sim_destroy(&w);
}

Test(sim, actions_of_one_step_stay_far_below_the_limit)
{
    uint32_t most = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct sim *w = sim_new(seed, NULL, false);
        (void)chaos_run(w, 30000);
        if (w->acts_most > most)
            most = w->acts_most;
        sim_destroy(&w);
    }
    cr_assert_leq(most, HAM_ACTS_MAX / 2);
}

/* ---- H-10: a host that is stopped in good order lends its vote ---- */

static bool has_left(const struct sim *w, int host)
{
    return ham_left(&w->host[host].ham, w->host[host].ham.last_step);
}
static bool zero_has_left(const struct sim *w)
{
    return has_left(w, 0);
}
static bool one_has_left(const struct sim *w)
{
    return has_left(w, 1);
}

/* As `systemctl stop standfast` at host 1, the backup. */
static void stop_the_backup(void)
{
    cr_assert(sim_run(s, 3000));
    cr_assert_eq(sim_primary(s, 0), 0);
    (void)sim_op(s, 1, VERB_STOP);
    cr_assert(sim_await(s, 500, one_has_left));
    sim_crash_ham(s, 1, true);
}

/* Host 0 is primary at every moment of MS. */
static void zero_serves_on(int64_t ms)
{
    for (; ms > 0; ms -= 5) {
        cr_assert(sim_run(s, 5), "%s", s->violation);
        cr_assert_eq(sim_primary(s, 0), 0, "%lld ms before the end", (long long)ms);
    }
}

Test(cases, h10_stopped_backup_and_a_lost_witness_do_not_stop_the_primary)
{
    stop_the_backup();
    sim_crash(s, SIM_ARBITER);
    zero_serves_on(20000);
    sim_crash_ham(s, 0, false);
    sim_restart_ham(s, 0);
    cr_assert(sim_await(s, 4000, zero_is_primary), "by its own vote and the lent one");
}

Test(cases, h10_stopped_backup_takes_its_vote_up_again_while_the_witness_is_cut_off)
{
    stop_the_backup();
    cut_both(0, 4);
    cut_both(1, 4);
    zero_serves_on(5000);
    sim_restart_ham(s, 1);
    zero_serves_on(10000);
    cr_assert_not(vote_lent(&s->host[1].ham.vote[0]));
    sim_heal_all(s);
    cr_assert(sim_run(s, 3000));
    sim_crash(s, 0);
    cr_assert(sim_await(s, 1200, one_is_primary), "it votes and serves as before");
}

Test(cases, h10_lender_that_is_back_does_not_serve_beside_a_primary_that_is_cut_off)
{
    stop_the_backup();
    cut_both(0, 4);
    cut_both(0, 1);
    sim_restart_ham(s, 1);
    zero_serves_on(20000);
    cr_assert(vote_lent(&s->host[1].ham.vote[0]));
    sim_heal_all(s);
    zero_serves_on(3000);
    cr_assert_not(vote_lent(&s->host[1].ham.vote[0]));
}

Test(cases, h10_stated_limit_borrower_lost_then_the_lender_waits_for_it)
{
    stop_the_backup();
    sim_crash(s, 0);
    sim_restart_ham(s, 1);
    cr_assert(sim_run(s, 20000));
    cr_assert_lt(sim_primary(s, 0), 0);
    sim_restart(s, 0);
    cr_assert(sim_await(s, 5000, served));
}

Test(cases, h10_site_stopped_in_order_starts_from_either_host)
{
    stop_the_backup();
    (void)sim_op(s, 0, VERB_STOP);
    cr_assert(sim_await(s, 2000, zero_has_left));
    sim_crash_ham(s, 0, true);
    sim_restart_ham(s, 1);
    cr_assert(sim_await(s, 6000, one_is_primary), "the witness says that its vote is back");
}

Test(cases, h10_stopped_primary_hands_over_and_lends_its_vote)
{
    cr_assert(sim_run(s, 5000));
    (void)sim_op(s, 0, VERB_STOP);
    cr_assert(sim_await(s, 1000, zero_has_left));
    sim_crash_ham(s, 0, true);
    cr_assert_eq(sim_primary(s, 0), 1);
    sim_crash(s, SIM_ARBITER);
    cr_assert(sim_run(s, 10000));
    cr_assert_eq(sim_primary(s, 0), 1);
}

/* ---- H-5: last-resort: probe.  East without its witness's help; host 1 is the one named. ---- */

static void with_last_resort(void)
{
    struct ham_conf c;
    sim_destroy(&s);
    sim_conf(&c);
    c.last_resort = LAST_RESORT_PROBE;
    c.resort_host[0] = 1;
    c.resort_host[1] = HAM_NONE;
    s = sim_new(7, &c, false);
    cr_assert(sim_await(s, 5000, served), "%s", s->violation);
    cr_assert(sim_run(s, 3000));
    cr_assert_eq(sim_primary(s, 0), 0);
}

static bool one_serves_by_probes(const struct sim *w)
{
    return one_is_primary(w) && resort_serves(&w->host[1].ham.resort);
}

Test(cases, h5_last_resort_the_named_host_serves_when_nobody_else_does)
{
    with_last_resort();
    cut_both(1, 4);
    cr_assert(sim_run(s, 2000));
    sim_crash(s, 0);
    cr_assert(sim_run(s, 3000), "%s", s->violation);
    cr_assert_lt(sim_primary(s, 0), 0, "the old lease runs out twice over first");
    cr_assert(sim_await(s, 4000, one_serves_by_probes));
    cr_assert(sim_run(s, 20000), "%s", s->violation);
    cr_assert(one_serves_by_probes(s));
    cr_assert_neq(sim_writer(s), 1, "never for configuration writes");
    sim_heal_all(s);
    cr_assert(sim_run(s, 1000));
    cr_assert_not(resort_serves(&s->host[1].ham.resort), "the witness has granted it");
    cr_assert_eq(sim_primary(s, 0), 1);
    sim_restart(s, 0);
    cr_assert(sim_run(s, 5000), "%s", s->violation);
    cr_assert_eq(sim_primary(s, 0), 1);
}

Test(cases, h5_last_resort_a_host_that_comes_back_votes_for_the_one_that_serves)
{
    with_last_resort();
    cut_both(1, 4);
    cr_assert(sim_run(s, 2000));
    sim_crash(s, 0);
    cr_assert(sim_await(s, 8000, one_serves_by_probes));
    uint64_t moves = s->moves[0];
    sim_restart(s, 0);
    for (int ms = 0; ms < 6000; ms += 5) {
        cr_assert(sim_run(s, 5), "%s", s->violation);
        cr_assert_eq(sim_primary(s, 0), 1, "%d ms", ms);
    }
    cr_assert_eq(s->moves[0], moves);
    cr_assert_not(resort_serves(&s->host[1].ham.resort), "both hosts are a majority");
}

Test(cases, h5_last_resort_serves_not_beside_a_site_address_that_answers)
{
    with_last_resort();
    cut_both(1, 4);
    cut_both(0, 1);
    zero_serves_on(20000);
}

Test(cases, h5_last_resort_serves_not_when_no_reference_address_answers)
{
    with_last_resort();
    s->host[1].unplugged = true;
    unplug(1);
    zero_serves_on(20000);
}

Test(cases, h5_last_resort_is_for_the_named_host_alone)
{
    with_last_resort();
    cut_both(0, 4);
    sim_crash(s, 1);
    cr_assert(sim_run(s, 20000));
    cr_assert_lt(sim_primary(s, 0), 0);
}

Test(cases, h10_operator_recalls_the_vote_of_a_borrower_that_is_gone_for_good)
{
    stop_the_backup();
    cr_assert_eq(sim_op(s, 0, VERB_RECALL), REASON_ALREADY);
    sim_restart_ham(s, 1);
    cr_assert(sim_run(s, 2000));
    stop_the_backup();
    sim_crash(s, 0);
    sim_restart_ham(s, 1);
    cr_assert(sim_run(s, 5000));
    cr_assert_lt(sim_primary(s, 0), 0);
    cr_assert_eq(sim_op(s, 1, VERB_RECALL), REASON_UNDER_WAY);
    cr_assert(sim_await(s, 3000, one_is_primary));
    sim_restart(s, 0);
    cr_assert(sim_run(s, 8000), "%s", s->violation);
    cr_assert_eq(vote_borrowed(&s->host[0].ham.vote[0]), HAM_NONE, "it hears that it is over");
    cr_assert_eq(sim_primary(s, 0), 1);
}

static bool zero_borrows(const struct sim *w)
{
    return vote_borrowed(&w->host[0].ham.vote[0]) == 1;
}

/* The other two voters have the word of host 0, whose disk refused it; then the loan makes host 0 a
 * majority by itself. */
Test(cases, h10_borrower_has_its_own_word_on_record_before_it_takes_the_loan)
{
    s->host[0].disk_fails = true;
    s->host[1].deaf = true;
    cr_assert(sim_await(s, 100, zero_is_alone));
    s->host[0].disk_fails = false;
    (void)sim_op(s, 1, VERB_STOP);
    cr_assert(sim_await(s, 1000, zero_borrows));
    sim_crash(s, 1);
    sim_crash(s, 0);
    sim_crash(s, SIM_ARBITER);
    sim_restart(s, 0);
    cr_assert(sim_await(s, 5000, zero_is_primary), "%s", s->violation);
    cr_assert(s->host[0].ham.order.stale);
}

/* The lender, not gone yet, and the witness have a word on record that the borrower has not. */
Test(cases, h10_word_on_the_record_of_the_lender_is_none_on_the_borrowers)
{
    (void)sim_op(s, 1, VERB_STOP);
    cr_assert(sim_await(s, 1000, zero_borrows));
    s->host[0].disk_fails = true;
    s->host[1].deaf = true;
    cr_assert(sim_run(s, 1000));
    cr_assert_neq(s->host[1].ham.vote[0].record.solo.sequence, 0);
    cr_assert_neq(s->host[SIM_ARBITER].ham.vote[0].record.solo.sequence, 0);
    cr_assert_not(zero_is_alone(s));
    s->host[0].disk_fails = false;
    cr_assert(sim_await(s, 1000, zero_is_alone));
}

/* With the lent vote the borrower's own record was enough for its word (H-14); its store is lost.
 */
Test(cases, h10_lender_that_takes_its_vote_back_is_promoted_stale)
{
    stop_the_backup();
    sim_cut(s, 0, SIM_ARBITER);
    cr_assert(sim_await(s, 1000, zero_is_alone));
    cr_assert(sim_run(s, 1000));
    cr_assert_eq(s->host[SIM_ARBITER].ham.vote[0].record.solo.sequence, 0);
    sim_crash(s, 0);
    sim_restart_ham(s, 1);
    cr_assert(sim_run(s, 5000));
    cr_assert_eq(sim_op(s, 1, VERB_RECALL), REASON_UNDER_WAY);
    sim_wipe(s, 0);
    cr_assert(sim_await(s, 3000, one_is_primary), "%s", s->violation);
    cr_assert(s->host[1].ham.order.stale);
    sim_heal_all(s);
    sim_restart(s, 0);
    cr_assert(sim_run(s, 8000), "%s", s->violation);
    cr_assert_not(s->host[1].ham.vote[0].record.solo.sequence, "its backup has all");
}

Test(cases, h10_no_recall_while_the_borrower_is_heard)
{
    stop_the_backup();
    cut_both(0, 4);
    sim_cut(s, 1, 0);
    sim_restart_ham(s, 1);
    cr_assert(sim_run(s, 2000));
    cr_assert(vote_lent(&s->host[1].ham.vote[0]));
    cr_assert_eq(sim_op(s, 1, VERB_RECALL), REASON_PEER_HEARD);
    zero_serves_on(3000);
}
