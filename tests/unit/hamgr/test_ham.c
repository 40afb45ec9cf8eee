/* One host alone with its arbiter: the order of the orders. */
#include <criterion/criterion.h>
#include <signal.h>

#include "hamgr/core/ham.h"
#include "tests/unit/hamgr/deploy.h"

static struct ham host, arbiter;
static struct ham_out out, other;

static void begin(void)
{
    struct ham_conf c = deploy(0), a = deploy(4);
    struct vote_record r[RIGHTS_MAX];
    for (int i = 0; i < RIGHTS_MAX; i++)
        vote_found(&r[i], i == RIGHT_TICKET ? 0 : HAM_NONE, 1000);
    ham_init(&host, &c, 1, at_ms(0), r);
    ham_init(&arbiter, &a, 2, at_ms(0), r);
}

static void carry(struct ham *to, mono_t now, const struct ham_out *from, struct ham_out *answers);

static void step(struct ham *h, mono_t now, const struct ham_ev *ev, struct ham_out *o)
{
    ham_step(h, now, ev, o);
    struct ham_out copy = *o;
    for (uint32_t i = 0; i < copy.n; i++)
        if (copy.act[i].type == ACT_PERSIST) {
            struct ham_ev done = {.type = HAM_EV_PERSISTED};
            struct ham_out more;
            done.persisted.id = copy.act[i].persist.id;
            done.persisted.ok = true;
            step(h, now, &done, &more);
            for (uint32_t k = 0; k < more.n; k++)
                o->act[o->n++] = more.act[k];
        }
}

/* Deliver what FROM sent to TO; collect all that follows at TO. */
static void carry(struct ham *to, mono_t now, const struct ham_out *from, struct ham_out *answers)
{
    struct ham_out copy = *from, one;
    answers->n = 0;
    for (uint32_t i = 0; i < copy.n; i++) {
        if (copy.act[i].type != ACT_SEND || copy.act[i].send.to != to->conf.self)
            continue;
        struct ham_ev ev = {.type = HAM_EV_MESSAGE};
        ev.msg = copy.act[i].send.msg;
        step(to, now, &ev, &one);
        for (uint32_t k = 0; k < one.n; k++)
            answers->act[answers->n++] = one.act[k];
    }
}

static int64_t until_primary(void)
{
    for (int64_t ms = 0; ms < 6000; ms += 10) {
        step(&host, at_ms(ms), &(struct ham_ev){.type = HAM_EV_TICK}, &out);
        if (ms == 0) {
            cr_assert_not_null(find(&out, ACT_START));
            cr_assert_eq(find(&out, ACT_ORDER)->order.role, ROLE_BACKUP, "always backup at first");
            cr_assert_not(find(&out, ACT_ADDRESS)->address.on);
        }
        for (int turn = 0; turn < 4 && out.n > 0; turn++) {
            carry(&arbiter, at_ms(ms), &out, &other);
            carry(&host, at_ms(ms), &other, &out);
            if (host.order.role == ROLE_PRIMARY)
                return ms;
        }
    }
    cr_assert_fail("never primary");
    return -1;
}

static uint32_t index_of(enum ham_act_type type)
{
    uint32_t i = 0;
    while (i < out.n && out.act[i].type != type)
        i++;
    return i;
}

Test(ham, address_comes_before_the_order_to_serve_and_goes_after_the_order_to_stop)
{
    begin();
    int64_t ms = until_primary();
    cr_assert_lt(index_of(ACT_ADDRESS), index_of(ACT_ORDER));
    cr_assert(find(&out, ACT_ADDRESS)->address.on);
    cr_assert_eq(find(&out, ACT_ORDER)->order.epoch, 2);
    ham_step(&host, at_ms(ms + 60000), &(struct ham_ev){.type = HAM_EV_TICK}, &out);
    cr_assert_eq(find(&out, ACT_ORDER)->order.role, ROLE_BACKUP);
    cr_assert_lt(index_of(ACT_ORDER), index_of(ACT_ADDRESS));
    cr_assert_not(find(&out, ACT_ADDRESS)->address.on);
}

Test(ham, thawed_host_is_backup_before_it_reads_a_message)
{
    begin();
    int64_t ms = until_primary();
    struct ham_ev ev = {.type = HAM_EV_MESSAGE};
    ev.msg = (struct ham_msg){.type = HAM_MSG_REPLY, .from = 4, .right = RIGHT_ROLE_0};
    ev.msg.reply = (struct ham_reply){
        .seq = host.role.seq, .epoch = 2, .kind = ASK_GRANT, .reason = REASON_GRANTED};
    ham_step(&host, at_ms(ms + 5000), &ev, &out);
    cr_assert_eq(host.order.role, ROLE_BACKUP);
}

Test(ham, persist_comes_before_the_send_that_promises_it)
{
    struct ham_ev ev = {.type = HAM_EV_MESSAGE};
    begin();
    ev.msg = (struct ham_msg){.type = HAM_MSG_ASK, .from = 0, .right = RIGHT_ROLE_0};
    ev.msg.ask =
        (struct ham_ask){.epoch = 2, .seq = 5, .ttl_ms = 1000, .kind = ASK_GRANT, .holder = 0};
    ham_step(&arbiter, at_ms(0), &ev, &out);
    cr_assert_not_null(find(&out, ACT_PERSIST));
    for (uint32_t i = 0; i < out.n; i++)
        cr_assert(out.act[i].type != ACT_SEND || out.act[i].send.msg.type != HAM_MSG_REPLY);
}

Test(ham, arbiter_orders_no_role_and_no_address)
{
    begin();
    for (int64_t ms = 0; ms < 10000; ms += 100) {
        ham_step(&arbiter, at_ms(ms), &(struct ham_ev){.type = HAM_EV_TICK}, &out);
        cr_assert_null(find(&out, ACT_ORDER));
        cr_assert_null(find(&out, ACT_ADDRESS));
        cr_assert_null(find(&out, ACT_START));
    }
    cr_assert_eq(ham_predict(&arbiter, VERB_SWITCHOVER, at_ms(0)), REASON_NOT_PRIMARY);
}

Test(ham, failing_address_makes_the_host_bad)
{
    begin();
    int64_t ms = until_primary();
    struct ham_ev ev = {.type = HAM_EV_ADDRESS};
    ev.address.on = true;
    for (int n = 0; n < 3; n++)
        ham_step(&host, at_ms(ms), &ev, &out);
    cr_assert_eq(ham_health(&host, at_ms(ms)), HEALTH_BAD);
    ev.address.ok = true;
    ham_step(&host, at_ms(ms), &ev, &out);
    cr_assert_lt(host.address_fails, 3);
}

/* ---- the pair's other host ---- */

static uint16_t heard_us_ms; /* how long ago the peer heard this host, as its beats say */

static void beat_of_peer(mono_t now, bool ready, enum ham_health health, enum ham_role role)
{
    struct ham_ev ev = {.type = HAM_EV_MESSAGE};
    ev.msg = (struct ham_msg){.type = HAM_MSG_BEAT, .from = 1};
    ev.msg.beat.ready = ready;
    ev.msg.beat.age_ms[0] = heard_us_ms;
    ev.msg.beat.health = (uint8_t)health;
    ev.msg.beat.role = (uint8_t)role;
    step(&host, now, &ev, &out);
}

static void says(mono_t now, enum ham_report what, enum ham_replica_state replica)
{
    struct ham_ev ev = {.type = HAM_EV_COMPONENT};
    ev.component.report = (uint8_t)what;
    ev.component.on = true;
    ev.component.epoch = UINT64_MAX;
    ev.component.replica.state = (uint8_t)replica;
    step(&host, now, &ev, &out);
}

/* Primary, its component ready, the site address taken; the peer is heard and ready. */
static mono_t pair(enum ham_replica_state replica)
{
    struct ham_ev ev = {.type = HAM_EV_ADDRESS};
    begin();
    host.conf.serve_mask = host.conf.sync_mask = 1;
    mono_t now = at_ms(until_primary());
    ev.address.on = ev.address.ok = true;
    step(&host, now, &ev, &out);
    says(now, COMPONENT_READY, REPLICA_UNKNOWN);
    says(now, COMPONENT_SYNC, replica);
    beat_of_peer(now, true, HEALTH_GOOD, ROLE_BACKUP);
    return now;
}

Test(ham, ready_for_switchover_is_what_both_hosts_say)
{
    mono_t now = pair(REPLICA_UNKNOWN);
    cr_assert_eq(ham_ready(&host, now), REASON_DONE, "the component says nothing of a copy");
    says(now, COMPONENT_SYNC, REPLICA_IN_SYNC);
    cr_assert_eq(ham_ready(&host, now), REASON_DONE);
    says(now, COMPONENT_SYNC, REPLICA_BEHIND);
    cr_assert_eq(ham_ready(&host, now), REASON_COPY_BEHIND);
    cr_assert_eq(ham_predict(&host, VERB_SWITCHOVER, now), REASON_COPY_BEHIND);
    says(now, COMPONENT_SYNC, REPLICA_ALONE);
    cr_assert_eq(ham_predict(&host, VERB_SWITCHOVER, now), REASON_ALONE);
    says(now, COMPONENT_SYNC, REPLICA_IN_SYNC);
    beat_of_peer(now, false, HEALTH_GOOD, ROLE_BACKUP);
    cr_assert_eq(ham_predict(&host, VERB_SWITCHOVER, now), REASON_PEER_UNREADY);
    beat_of_peer(now, true, HEALTH_MENDING, ROLE_BACKUP);
    cr_assert_eq(ham_predict(&host, VERB_SWITCHOVER, now), REASON_PEER_UNREADY);
    beat_of_peer(now, true, HEALTH_GOOD, ROLE_PRIMARY);
    cr_assert_eq(ham_ready(&host, now), REASON_PEER_UNREADY,
                 "what a primary says is not of a copy");
    heard_us_ms = 999;
    beat_of_peer(now, true, HEALTH_GOOD, ROLE_BACKUP);
    cr_assert_eq(ham_ready(&host, now), REASON_DONE);
    heard_us_ms = HAM_AGE_NEVER;
    beat_of_peer(now, true, HEALTH_GOOD, ROLE_BACKUP);
    cr_assert_eq(ham_ready(&host, now), REASON_PEER_DEAF, "a release would not reach it");
    cr_assert_eq(ham_ready(&host, mono_add_ms(now, 5000)), REASON_PEER_SILENT);
}

/* A hand-over is ordered, and the component does not say that it has stopped. */
static mono_t hands_over(void)
{
    mono_t now = pair(REPLICA_IN_SYNC);
    struct ham_ev ev = {.type = HAM_EV_OPERATOR};
    ev.op.verb = VERB_SWITCHOVER;
    step(&host, now, &ev, &out);
    cr_assert_eq(host.role.state, LEASE_YIELDING);
    cr_assert_eq(find(&out, ACT_ORDER)->order.role, ROLE_BACKUP);
    cr_assert_null(find(&out, ACT_ADDRESS), "whoever has a connection could not hear its end");
    return now;
}

Test(ham, hand_over_keeps_the_address_until_connections_are_closed)
{
    mono_t now = hands_over();
    says(now, COMPONENT_STOPPED, REPLICA_UNKNOWN);
    cr_assert_not(find(&out, ACT_ADDRESS)->address.on);
}

Test(ham, hand_over_does_not_wait_with_the_address_for_ever)
{
    mono_t now = hands_over(), end = mono_add_ms(now, 60000);
    while (!mono_before(end, now)) {
        now = ham_deadline(&host);
        step(&host, now, &(struct ham_ev){.type = HAM_EV_TICK}, &out);
        if (find(&out, ACT_ADDRESS) != NULL)
            break;
    }
    cr_assert_not(find(&out, ACT_ADDRESS)->address.on);
    cr_assert_eq(host.role.state, LEASE_YIELDING, "gone before the release");
    cr_assert(mono_before(now, host.order_latest), "and before what was ordered has run out");
}

/* Whether the end of what serves makes the host yield within the step. */
static bool moves(enum ham_replica_state replica, bool peer_ready)
{
    mono_t now = pair(replica);
    beat_of_peer(now, peer_ready, HEALTH_GOOD, ROLE_BACKUP);
    says(now, COMPONENT_EXITED, REPLICA_UNKNOWN);
    if (host.role.state == LEASE_HOLDING)
        return false;
    cr_assert_eq(find(&out, ACT_ORDER)->order.role, ROLE_BACKUP);
    cr_assert_not(find(&out, ACT_ADDRESS)->address.on);
    struct ham_ev ev = {.type = HAM_EV_ADDRESS};
    ev.address.ok = true;
    step(&host, now, &ev, &out); /* what has ended is not waited for: the address is the last */
    for (uint32_t i = 0; i < out.n; i++)
        if (out.act[i].type == ACT_SEND && out.act[i].send.msg.type == HAM_MSG_RELEASE)
            return out.act[i].send.msg.release.successor == 1 &&
                   out.act[i].send.msg.release.automatic;
    return false;
}

Test(ham, end_of_what_serves_hands_the_role_to_a_host_in_sync_without_waiting)
{
    cr_assert(moves(REPLICA_IN_SYNC, true));
}

Test(ham, end_of_what_serves_keeps_the_role_where_the_state_is)
{
    cr_assert_not(moves(REPLICA_IN_SYNC, false));
    cr_assert_not(moves(REPLICA_BEHIND, true));
    cr_assert_not(moves(REPLICA_ALONE, true));
    cr_assert_not(moves(REPLICA_UNKNOWN, true), "nothing is known of a copy");
}

Test(ham, moves_of_an_earlier_life_count_within_the_window)
{
    mono_t now = pair(REPLICA_IN_SYNC);
    ham_recall(&host, now, -1);
    ham_recall(&host, now, host.conf.antiflap_ms);
    cr_assert_eq(ham_moves(&host, now), 0, "the wall clock was set back, or it is long ago");
    ham_recall(&host, now, 1);
    ham_recall(&host, now, host.conf.antiflap_ms - 1000);
    cr_assert_eq(ham_moves(&host, now), 2);
    says(now, COMPONENT_EXITED, REPLICA_UNKNOWN);
    cr_assert_eq(host.role.state, LEASE_HOLDING, "anti-flap");
    cr_assert_eq(ham_moves(&host, mono_add_ms(now, 2000)), 1);
}

Test(ham, a_change_of_readiness_is_told_at_once)
{
    mono_t now = pair(REPLICA_UNKNOWN);
    uint32_t beats = 0;
    step(&host, now, &(struct ham_ev){.type = HAM_EV_TICK}, &out);
    says(now, COMPONENT_EXITED, REPLICA_UNKNOWN);
    for (uint32_t i = 0; i < out.n; i++)
        beats += out.act[i].type == ACT_SEND && out.act[i].send.msg.type == HAM_MSG_BEAT;
    cr_assert_eq(beats, 4);
}

/* ---- solo ---- */

static void ask_solo(mono_t now, uint64_t epoch, uint64_t sequence, uint64_t request)
{
    struct ham_ev ev = {.type = HAM_EV_COMPONENT};
    ev.component.report = COMPONENT_SOLO;
    ev.component.epoch = epoch;
    ev.component.request = request;
    ev.component.replica.at = (struct ham_copy){epoch, sequence};
    step(&host, now, &ev, &out);
}

/* The arbiter hears what was sent, and answers. */
static void with_arbiter(mono_t now)
{
    carry(&arbiter, now, &out, &other);
    carry(&host, now, &other, &out);
}

Test(ham, solo_is_ordered_when_a_majority_has_it_on_record_and_ends_at_once)
{
    mono_t now = pair(REPLICA_BEHIND);
    uint64_t epoch = host.role.epoch;
    ask_solo(now, epoch, 51, 1);
    cr_assert_eq(host.order.solo.sequence, 0, "our own vote alone");
    with_arbiter(now);
    cr_assert_eq(find(&out, ACT_ORDER)->order.solo.sequence, 51);
    cr_assert_eq(host.order.solo.epoch, epoch);
    cr_assert_eq(host.order.solo_request, 1);
    cr_assert_eq(find(&out, ACT_NOTE)->note.reason, REASON_ALONE);
    cr_assert_eq(host.solos, 1);
    beat_of_peer(now, true, HEALTH_GOOD, ROLE_BACKUP);
    says(now, COMPONENT_SYNC, REPLICA_IN_SYNC);
    cr_assert_eq(ham_ready(&host, now), REASON_ALONE, "until it says that it is over");
    ask_solo(now, epoch, 0, 2);
    cr_assert_eq(find(&out, ACT_ORDER)->order.solo.sequence, 0, "before anybody has it on record");
    cr_assert_eq(ham_ready(&host, now), REASON_DONE);
    with_arbiter(now);
    cr_assert_eq(arbiter.vote[RIGHT_ROLE_0].record.solo.sequence, 0);
}

Test(ham, solo_of_another_order_or_of_another_component_is_not_heard)
{
    mono_t now = pair(REPLICA_BEHIND);
    ask_solo(now, host.role.since - 1, 51, 1);
    ask_solo(now, host.role.epoch + 1, 51, 1);
    host.conf.serve_mask = 2;
    ask_solo(now, host.role.epoch, 51, 1);
    cr_assert_eq(host.role.solo.sequence, 1, "only that it has just been promoted");
}

Test(ham, solo_of_a_process_that_ended_is_not_that_of_the_next_and_the_furthest_is_recorded)
{
    mono_t now = pair(REPLICA_BEHIND);
    uint64_t epoch = host.role.epoch;
    ask_solo(now, epoch, 51, 1);
    with_arbiter(now);
    says(now, COMPONENT_EXITED, REPLICA_UNKNOWN);
    cr_assert_eq(find(&out, ACT_ORDER)->order.solo.sequence, 0);
    says(now, COMPONENT_READY, REPLICA_UNKNOWN);
    ask_solo(now, epoch, 3, 1);
    with_arbiter(now);
    cr_assert_eq(host.order.solo.sequence, 3, "what it asked for");
    cr_assert_eq(arbiter.vote[RIGHT_ROLE_0].record.solo.sequence, 51, "what may be lost");
}

Test(ham, solo_of_an_earlier_holder_ends_when_the_backup_has_all)
{
    mono_t now = pair(REPLICA_UNKNOWN);
    host.vote[RIGHT_ROLE_0].record.solo = (struct ham_copy){1, 9};
    says(now, COMPONENT_SYNC, REPLICA_UNKNOWN);
    cr_assert_eq(host.role.solo_turn, 0);
    says(now, COMPONENT_SYNC, REPLICA_IN_SYNC);
    cr_assert_eq(host.role.solo_turn, 1);
    cr_assert_eq(host.vote[RIGHT_ROLE_0].record.solo.sequence, 0);
}

/* It sends at once, as nobody follows yet: the copies that there are become old with that. */
Test(ham, a_host_that_takes_the_role_makes_the_copies_of_earlier_epochs_stale)
{
    mono_t now = pair(REPLICA_BEHIND);
    uint64_t epoch = host.role.epoch;
    cr_assert_eq(host.role.solo.epoch, epoch);
    cr_assert_eq(host.role.solo.sequence, 1);
    cr_assert_eq(host.order.solo.sequence, 0, "its component has not asked");
    with_arbiter(now);
    cr_assert_eq(arbiter.vote[RIGHT_ROLE_0].record.solo.epoch, epoch);
    cr_assert_eq(ham_ready(&host, now), REASON_COPY_BEHIND);
    says(now, COMPONENT_SYNC, REPLICA_IN_SYNC);
    cr_assert_eq(host.role.solo.sequence, 0);
    cr_assert_eq(ham_ready(&host, now), REASON_DONE);
    with_arbiter(now);
    cr_assert_eq(arbiter.vote[RIGHT_ROLE_0].record.solo.sequence, 0);
}

Test(ham, promoted_stale_is_ordered_noted_and_counted)
{
    begin();
    arbiter.vote[RIGHT_ROLE_0].record.solo = (struct ham_copy){1, 77};
    (void)until_primary();
    cr_assert(host.order.stale);
    cr_assert_eq(host.order.lacks.epoch, 1);
    cr_assert_eq(host.order.lacks.sequence, 77);
    cr_assert_eq(host.stale_takeovers, 1);
    bool noted = false;
    for (uint32_t i = 0; i < out.n; i++)
        noted |= out.act[i].type == ACT_NOTE && out.act[i].note.reason == REASON_COPY_STALE;
    cr_assert(noted);
}

Test(ham, a_clock_that_goes_back_is_a_bug, .signal = SIGABRT)
{
    begin();
    ham_step(&host, at_ms(100), &(struct ham_ev){.type = HAM_EV_TICK}, &out);
    ham_step(&host, at_ms(99), &(struct ham_ev){.type = HAM_EV_TICK}, &out);
}
