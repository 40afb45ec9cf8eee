#include "hamgr/core/ham.h"

#include <assert.h>
#include <string.h>

#include "hamgr/core/judge.h"
#include "hamgr/core/leave.h"
#include "hamgr/core/replica.h"

#define MENDING_DELAY_MS 1000 /* a host that is not well lets a better one ask first */
#define BAD_DELAY_MS     3000
#define LIVELY_BEATS     3

static void check_clock(struct ham *h, mono_t now, struct ham_out *out);
static void wake(struct ham *h, mono_t now, struct ham_out *out);
static void on_message(struct ham *h, mono_t now, const struct ham_msg *m, struct ham_out *out);
static void on_beat(struct ham *h, mono_t now, const struct ham_msg *m, struct ham_out *out);
static void on_component(struct ham *h, mono_t now, const struct ham_ev *ev, struct ham_out *out);
static void on_address(struct ham *h, mono_t now, const struct ham_ev *ev);
static void on_operator(struct ham *h, mono_t now, const struct ham_ev *ev, struct ham_out *out);
static void deliver_own(struct ham *h, mono_t now, struct ham_out *out);
static void drop_own(struct ham *h, struct ham_out *out);
static void brief(struct ham *h, mono_t now);
static void settle(struct ham *h, mono_t now, struct ham_out *out);
static void end_promotion(struct ham *h, mono_t now, struct ham_out *out);
static bool able(const struct ham *h, mono_t now);
static void send_beats(struct ham *h, mono_t now, struct ham_out *out);
static bool orphaned(const struct ham *h, mono_t now);
static uint8_t fresh_writer_elsewhere(const struct ham *h, mono_t now);

static struct vote *role_vote(struct ham *h)
{
    return &h->vote[h->site];
}

void ham_init(struct ham *h, const struct ham_conf *conf, uint64_t seed, mono_t now,
              const struct vote_record *records)
{
    memset(h, 0, sizeof *h);
    h->conf = *conf;
    h->is_arbiter = conf->self == conf->arbiter;
    h->site = conf->site_of[conf->self];
    h->peer = h->is_arbiter ? HAM_NONE : ham_peer(conf, conf->self);
    h->started = h->last_step = h->next_beat = now;
    h->tilt_until = h->promote_until = MONO_ZERO;
    h->address_retry = MONO_NEVER;
    h->address_known = true;
    h->ticket_site = HAM_NONE;
    h->disk = DISK_GOOD;
    if (records[RIGHT_TICKET].known && records[RIGHT_TICKET].holder < conf->hosts)
        h->ticket_site = conf->site_of[records[RIGHT_TICKET].holder];
    h->writer_seen = now;
    h->order.deadline = MONO_NEVER;
    for (int r = 0; r < RIGHTS_MAX; r++) {
        uint8_t majority;
        h->votes[r] = ham_voters(conf, (enum ham_right)r, &majority) & 1u << conf->self;
        vote_init(&h->vote[r], conf, (enum ham_right)r, &records[r], now);
    }
    if (h->is_arbiter)
        return;
    /* The components may still serve under an order of an earlier life of ours. */
    h->order_latest = mono_add_ms(now, conf->lease_ttl_ms);
    h->address_on = true; /* as far as we know: the first step has it removed */
    lease_init(&h->role, conf, (enum ham_right)h->site, seed, now);
    lease_init(&h->ticket, conf, RIGHT_TICKET, seed, now);
    resort_init(&h->resort, conf);
    for (uint8_t i = 0; i < conf->components; i++)
        supervise_init(&h->component[i], conf, i, now);
    for (uint8_t i = 0; i < conf->hosts; i++)
        h->judges |= conf->site_of[i] != HAM_NONE && conf->site_of[i] != h->site;
    if (h->judges)
        site_init(&h->other_site, conf, (uint8_t)(1 - h->site), now);
}

void ham_step(struct ham *h, mono_t now, const struct ham_ev *ev, struct ham_out *out)
{
    out->n = out->fired_n = 0;
    check_clock(h, now, out);
    wake(h, now, out);
    deliver_own(h, now, out);
    switch ((enum ham_ev_type)ev->type) {
    case HAM_EV_TICK: break;
    case HAM_EV_MESSAGE: on_message(h, now, &ev->msg, out); break;
    case HAM_EV_COMPONENT: on_component(h, now, ev, out); break;
    case HAM_EV_PERSISTED:
        for (int r = 0; r < RIGHTS_MAX; r++)
            if (h->votes[r])
                vote_persisted(&h->vote[r], now, ev->persisted.id, ev->persisted.ok, out);
        break;
    case HAM_EV_ADDRESS: on_address(h, now, ev); break;
    case HAM_EV_OPERATOR: on_operator(h, now, ev, out); break;
    case HAM_EV_DISK: judge_disk(h, now, ev->disk.of, ev->disk.grade); break;
    case HAM_EV_PROBED:
        resort_probed(&h->resort, now, ev->probed.references, ev->probed.site, out);
        break;
    }
    deliver_own(h, now, out);
    if (!h->is_arbiter) {
        judge_role(h, now, out);
        deliver_own(h, now, out);
        leave_go_on(h, now, out);
        judge_last_resort(h, now, out);
        replica_promoted(h, now, out);
        deliver_own(h, now, out);
        settle(h, now, out);
        end_promotion(h, now, out);
    }
    if (!h->is_arbiter && (h->said_ready != able(h, now) || h->said_takes != leave_takes_vote(h)))
        h->next_beat = now;
    if (leave_untold(h))
        h->next_beat = now;
    if (mono_due(h->next_beat, now))
        send_beats(h, now, out);
    drop_own(h, out);
    assert(ham_sane(h));
}

mono_t ham_deadline(const struct ham *h)
{
    mono_t t = h->next_beat;
    for (int r = 0; r < RIGHTS_MAX; r++)
        if (h->votes[r])
            t = mono_min(t, vote_deadline(&h->vote[r]));
    if (h->is_arbiter)
        return t;
    t = mono_min(t, mono_min(lease_deadline(&h->role), lease_deadline(&h->ticket)));
    for (int i = 0; i < h->conf.components; i++)
        t = mono_min(t, supervise_deadline(&h->component[i]));
    if (h->judges)
        t = mono_min(t, site_deadline(&h->other_site));
    t = mono_min(t, mono_min(judge_disk_deadline(h), judge_closing_deadline(h)));
    return mono_min(t, mono_min(h->address_retry, resort_deadline(&h->resort)));
}

bool ham_sane(const struct ham *h)
{
    for (int r = 0; r < RIGHTS_MAX; r++)
        if (h->votes[r] && !vote_sane(&h->vote[r]))
            return false;
    if (h->is_arbiter)
        return true;
    for (int i = 0; i < h->conf.components; i++)
        if (!supervise_sane(&h->component[i]))
            return false;
    if (!lease_sane(&h->role) || !lease_sane(&h->ticket) || !resort_sane(&h->resort) ||
        (h->judges && !site_sane(&h->other_site)))
        return false;
    /* What was ordered is what is held. */
    bool primary = h->order.role == ROLE_PRIMARY;
    if (primary != (h->role.state == LEASE_HOLDING))
        return false;
    if (primary && (h->order.epoch != h->role.epoch || h->order.deadline.ns != h->role.deadline.ns))
        return false;
    if (h->order.solo.sequence != 0 && !lease_alone(&h->role))
        return false;
    return !h->order.writer || (primary && h->ticket.state == LEASE_HOLDING &&
                                !mono_before(h->order.deadline, h->order.write_deadline));
}

/* A gap longer than the loop ever sleeps is a freeze or a clock that jumped.  Whatever we timed may
 * be wrong: promises count as just made, components get their time again, and no new right is taken
 * for a while.  The clock is one that never goes back. */
static void check_clock(struct ham *h, mono_t now, struct ham_out *out)
{
    assert(!mono_before(now, h->last_step));
    if (mono_before(mono_add_ms(h->last_step, h->conf.tilt_after_ms), now)) {
        h->tilt_until = mono_add_ms(now, h->conf.tilt_hold_ms);
        for (int r = 0; r < RIGHTS_MAX; r++)
            if (h->votes[r])
                vote_jumped(&h->vote[r], now, out);
        for (int i = 0; !h->is_arbiter && i < h->conf.components; i++)
            supervise_jumped(&h->component[i], now, out);
    }
    h->last_step = now;
}

static void wake(struct ham *h, mono_t now, struct ham_out *out)
{
    for (int r = 0; r < RIGHTS_MAX; r++)
        if (h->votes[r])
            vote_wake(&h->vote[r], now, out);
    if (h->is_arbiter)
        return;
    for (int i = 0; i < h->conf.components; i++)
        supervise_wake(&h->component[i], now, out);
    if (h->judges)
        site_wake(&h->other_site, now, out);
    brief(h, now);
    lease_wake(&h->role, now, out);
    brief(h, now);
    lease_wake(&h->ticket, now, out);
}

static void on_message(struct ham *h, mono_t now, const struct ham_msg *m, struct ham_out *out)
{
    struct lease *lease = m->right == RIGHT_TICKET ? &h->ticket : &h->role;
    bool ours = !h->is_arbiter && (m->right == RIGHT_TICKET || m->right == h->site);

    assert(m->from < h->conf.hosts);
    switch ((enum ham_msg_type)m->type) {
    case HAM_MSG_ASK:
        if (h->votes[m->right])
            vote_asked(&h->vote[m->right], now, m, out);
        break;
    case HAM_MSG_REPLY:
        if (ours)
            lease_replied(lease, now, m, out);
        break;
    case HAM_MSG_RELEASE:
        if (h->votes[m->right])
            vote_released(&h->vote[m->right], now, m, out);
        if (ours && m->release.successor == h->conf.self && m->from != h->conf.self) {
            if (m->right == RIGHT_TICKET)
                h->ticket_site = h->site;
            else if (m->release.automatic)
                judge_count(h, now);
            brief(h, now);
            lease_released(lease, now, m, out);
        }
        break;
    case HAM_MSG_BEAT: on_beat(h, now, m, out); break;
    case HAM_MSG_HAND_OVER:
        if (ours && h->order.writer && h->ticket.state == LEASE_HOLDING &&
            h->conf.site_of[m->from] != HAM_NONE && h->conf.site_of[m->from] != h->site) {
            lease_yield(&h->ticket, now, m->from, false, h->order.write_deadline, out);
        }
        break;
    case HAM_MSG_MAX: break;
    }
}

static void on_beat(struct ham *h, mono_t now, const struct ham_msg *m, struct ham_out *out)
{
    uint8_t from_site = h->conf.site_of[m->from];
    if (m->from == h->peer && m->beat.acknowledged_ms != 0)
        judge_acknowledge(h, mono_add_ms(now, 1 - (int64_t)m->beat.acknowledged_ms));
    h->other[m->from].heard = now;
    h->other[m->from].beat = m->beat;
    for (int r = 0; r < RIGHTS_MAX; r++)
        if (h->votes[r])
            vote_taught(&h->vote[r], now, m->from, &m->beat.votes[r], m->beat.leaving, out);
    if (m->beat.writer && from_site != HAM_NONE && m->beat.ticket_epoch >= h->ticket.epoch) {
        h->ticket_site = from_site;
        h->writer_seen = now;
    }
    if (!h->judges)
        return;
    if (from_site == h->other_site.site) {
        site_heard(&h->other_site, now, 0, out);
        return;
    }
    uint32_t age = HAM_AGE_NEVER;
    for (uint8_t i = 0; i < h->conf.hosts; i++)
        if (h->conf.site_of[i] == h->other_site.site && m->beat.age_ms[i] < age)
            age = m->beat.age_ms[i];
    if (m->from == h->conf.arbiter)
        site_reported(&h->other_site, now, age, out);
    else
        site_heard(&h->other_site, now, age, out);
}

static void on_component(struct ham *h, mono_t now, const struct ham_ev *ev, struct ham_out *out)
{
    uint8_t i = ev->component.component;
    uint8_t bit = (uint8_t)(1u << i);
    assert(i < h->conf.components);
    switch ((enum ham_report)ev->component.report) {
    case COMPONENT_READY: supervise_ready(&h->component[i], now, out); break;
    case COMPONENT_BEAT: supervise_beat(&h->component[i], now, out); break;
    case COMPONENT_SOLO: replica_solo(h, now, ev, out); break;
    case COMPONENT_EXITED:
        supervise_exited(&h->component[i], now, out);
        judge_disk(h, now, i, DISK_UNKNOWN); /* the next process says it anew */
        h->synced &= (uint8_t)~bit;
        if (h->conf.serve_mask & bit)
            h->solo = (struct ham_copy){0}; /* the next process asks for itself */
        /* A backup's copy ends with its process; what the primary's said of the other host's copy
         * stays true. */
        if ((h->conf.serve_mask & bit) && h->order.role == ROLE_BACKUP &&
            h->replica.state != REPLICA_UNKNOWN)
            h->replica = (struct ham_replica){.state = REPLICA_BEHIND};
        break;
    case COMPONENT_STOPPED:
        /* One that stopped by itself at a deadline has not seen the order, and may be renewed. */
        if (h->order.role == ROLE_BACKUP && ev->component.epoch >= h->order.epoch)
            h->stopped |= bit;
        break;
    case COMPONENT_SYNC:
        h->synced = (uint8_t)(ev->component.on ? h->synced | bit : h->synced & ~bit);
        if (h->conf.serve_mask & bit) {
            h->replica = ev->component.replica;
            replica_reported(h, now, out);
        }
        break;
    case COMPONENT_POS:
        h->ticket.pos = ev->component.pos;
        h->vote[RIGHT_TICKET].pos = ev->component.pos;
        break;
    }
}

static void on_address(struct ham *h, mono_t now, const struct ham_ev *ev)
{
    if (ev->address.on != h->address_on)
        return; /* of an order that another has replaced */
    h->address_known = ev->address.ok;
    if (ev->address.ok) {
        h->address_fails = 0;
        h->address_retry = MONO_NEVER;
    } else {
        if (h->address_fails < UINT8_MAX)
            h->address_fails++;
        h->address_retry = mono_add_ms(now, h->conf.address_retry_ms);
    }
}

static void on_operator(struct ham *h, mono_t now, const struct ham_ev *ev, struct ham_out *out)
{
    enum ham_verb verb = (enum ham_verb)ev->op.verb;
    enum ham_reason answer = ham_predict(h, verb, now);
    bool go = answer == REASON_DONE || answer == REASON_UNDER_WAY;
    bool peer_able = h->peer != HAM_NONE && ham_host_fresh(h, h->peer, now) &&
                     h->other[h->peer].beat.health == HEALTH_GOOD;

    if (go && verb == VERB_FORCE)
        h->forced = true;
    if (go && verb == VERB_SWITCHOVER) {
        judge_yield(h, now, h->peer, false, out);
    } else if (go && (verb == VERB_PROMOTE || verb == VERB_FORCE)) {
        h->promote_until = mono_add_ms(now, h->conf.promote_ms);
        h->next_beat = now; /* the request to the holder goes out with it */
    } else if (verb == VERB_STOP) {
        if (!h->stopping)
            h->stop_asked = now;
        h->stopping = true;
        judge_yield(h, now, peer_able ? h->peer : HAM_NONE, false, out);
    } else if (verb == VERB_PAUSE || verb == VERB_RESUME) {
        h->paused = verb == VERB_PAUSE;
    } else if (go && verb == VERB_RECALL) {
        vote_recall(role_vote(h), now, h->replica.at, out);
    } else if (verb == VERB_ACKNOWLEDGE) {
        judge_acknowledge(h, now);
        h->next_beat = now;
    }
    struct ham_act *a = ham_out_add(out, ACT_ANSWER);
    a->answer.id = ev->op.id;
    a->answer.reason = (uint8_t)answer;
}

/* Messages to ourselves are answered within the step, so that our own voter is like the others. */
static void deliver_own(struct ham *h, mono_t now, struct ham_out *out)
{
    for (uint32_t i = 0; i < out->n; i++) {
        if (out->act[i].type != ACT_SEND || out->act[i].send.to != h->conf.self)
            continue;
        out->act[i].send.to = HAM_NONE; /* delivered; drop_own takes it out */
        struct ham_msg m = out->act[i].send.msg;
        on_message(h, now, &m, out);
    }
}

static void drop_own(struct ham *h, struct ham_out *out)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < out->n; i++) {
        if (out->act[i].type == ACT_SEND && out->act[i].send.to == HAM_NONE)
            continue;
        assert(out->act[i].type != ACT_SEND || out->act[i].send.to != h->conf.self);
        if (kept != i)
            out->act[kept] = out->act[i];
        kept++;
    }
    out->n = kept;
}

/* HOST is there and not only not silent yet: its last beats have come.  When a holder's lease has
 * run out, that of a dead one is older. */
static bool lively(const struct ham *h, uint8_t host, mono_t now)
{
    return host != HAM_NONE && h->other[host].heard.ns != 0 &&
           mono_before(now,
                       mono_add_ms(h->other[host].heard, LIVELY_BEATS * (int64_t)h->conf.beat_ms));
}

/* The preferred host asks first, if it is there.  One that was never heard may be about to start,
 * as we are. */
static bool prefers_another(const struct ham *h, mono_t now)
{
    uint8_t preferred = h->conf.preferred[h->site];
    bool unheard = preferred != HAM_NONE && h->other[preferred].heard.ns == 0;
    return preferred != h->conf.self && (unheard || lively(h, preferred, now));
}

/* Tell the leases what they may do, before they are woken. */
static void brief(struct ham *h, mono_t now)
{
    struct vote *rv = role_vote(h);
    const struct vote *tv = &h->vote[RIGHT_TICKET];
    struct lease *r = &h->role, *t = &h->ticket;
    enum ham_health health = ham_health(h, now);
    bool calm = !judge_tilted(h, now) && !h->stopping;

    rv->borrowing = leave_takes_vote(h);
    r->may_take = calm && !h->paused && rv->record.known && !vote_lent(rv) &&
                  !(lively(h, h->peer, now) && h->other[h->peer].beat.last_resort);
    r->lent = vote_borrowed(rv) == HAM_NONE ? 0 : 1u << vote_borrowed(rv);
    r->loaned = vote_may_borrow(rv) == HAM_NONE ? 0 : 1u << vote_may_borrow(rv);
    r->loan = loan_number(&rv->pair, &rv->record, h->conf.self);
    r->known = rv->record.floor;
    r->own = rv->record.holder == h->conf.self ? rv->record.epoch : 0;
    r->held_until = vote_held_until(rv, h->conf.self);
    r->copy = h->replica.at;
    r->other_copy = lively(h, h->peer, now) ? h->other[h->peer].beat.copy : (struct ham_copy){0};
    r->other_heard = lively(h, h->peer, now);
    r->copies = h->peer != HAM_NONE && h->replica.state != REPLICA_UNKNOWN;
    r->delay_ms = prefers_another(h, now) ? 2 * h->conf.backoff_ms : 0;
    if (health != HEALTH_GOOD)
        r->delay_ms += health == HEALTH_MENDING ? MENDING_DELAY_MS : BAD_DELAY_MS;

    bool by_evidence = h->conf.auto_promote && !h->paused && h->judges &&
                       h->conf.arbiter != HAM_NONE && h->other_site.state == SITE_DEAD;
    r->forced = resort_serves(&h->resort);
    t->may_take = calm && tv->record.known && r->state == LEASE_HOLDING && !r->forced &&
                  (h->ticket_site == h->site || h->ticket_site == HAM_NONE || by_evidence ||
                   orphaned(h, now) || mono_before(now, h->promote_until));
    h->forced = h->forced && !lease_by_majority(t) &&
                (t->state == LEASE_HOLDING || mono_before(now, h->promote_until));
    t->forced = h->forced;
    t->known = tv->record.floor;
    t->own = tv->record.holder == h->conf.self ? tv->record.epoch : 0;
    t->held_until = vote_held_until(tv, h->conf.self);
    t->delay_ms =
        h->ticket_site != h->site && h->conf.ticket_site != h->site ? 2 * h->conf.backoff_ms : 0;
}

/* Give the orders that follow from what is held now.  The address comes before the order to serve,
 * and goes after the order to stop; in a hand-over, when that order has been done (H-10). */
static void settle(struct ham *h, mono_t now, struct ham_out *out)
{
    bool primary = h->role.state == LEASE_HOLDING;
    bool writer = primary && h->ticket.state == LEASE_HOLDING;
    struct ham_order o = {.deadline = primary ? h->role.deadline : MONO_NEVER,
                          .write_deadline =
                              writer ? mono_min(h->role.deadline, h->ticket.deadline) : MONO_ZERO,
                          .epoch = h->role.epoch + (!primary && h->role.epoch != 0),
                          .ticket_epoch = writer ? h->ticket.epoch : 0,
                          .solo = replica_alone(h) ? h->solo : (struct ham_copy){0},
                          .solo_request = replica_alone(h) ? h->solo_request : 0,
                          .lacks = primary && h->role.stale ? h->role.lacks : (struct ham_copy){0},
                          .stale = primary && h->role.stale,
                          .role = primary ? ROLE_PRIMARY : ROLE_BACKUP,
                          .writer = writer};
    bool changed = !h->ordered || o.role != h->order.role || o.epoch != h->order.epoch ||
                   o.writer != h->order.writer || o.deadline.ns != h->order.deadline.ns ||
                   o.write_deadline.ns != h->order.write_deadline.ns ||
                   o.ticket_epoch != h->order.ticket_epoch || o.stale != h->order.stale ||
                   o.solo.sequence != h->order.solo.sequence ||
                   o.solo_request != h->order.solo_request;
    bool closing = h->address_on && judge_closing(h, now);
    bool move = (primary || closing) != h->address_on || mono_due(h->address_retry, now);

    if (primary)
        replica_tell(h, &o, out);
    else
        h->solo = (struct ham_copy){0};
    if (o.role != h->order.role) {
        h->next_beat = now;
        if (h->replica.state != REPLICA_UNKNOWN)
            h->replica.state = REPLICA_BEHIND; /* until the component reports in its new role */
    }
    if (writer) {
        h->ticket_site = h->site;
        h->writer_seen = now;
    }
    if (primary)
        h->order_latest = mono_max(h->order_latest, o.deadline);
    for (int turn = 0; turn < 2; turn++) {
        if ((turn == 0) == primary && move) {
            h->address_on = primary;
            h->address_known = false;
            h->address_retry = MONO_NEVER;
            ham_out_add(out, ACT_ADDRESS)->address.on = primary;
        }
        if ((turn == 1) == primary && changed) {
            h->order = o;
            h->ordered = true;
            ham_out_add(out, ACT_ORDER)->order = o;
        }
    }
}

/* What the operator asked for has come, or its time is over: then say why it did not. */
static void end_promotion(struct ham *h, mono_t now, struct ham_out *out)
{
    if (h->promote_until.ns == 0)
        return;
    if (h->ticket.state != LEASE_HOLDING) {
        if (mono_before(now, h->promote_until))
            return;
        ham_out_add(out, ACT_NOTE)->note = (struct ham_note){.machine = MACHINE_LEASE,
                                                             .instance = RIGHT_TICKET,
                                                             .from = h->ticket.state,
                                                             .to = h->ticket.state,
                                                             .reason = h->ticket.last_reason,
                                                             .epoch = h->ticket.epoch,
                                                             .why = "site promote gave up"};
    }
    h->promote_until = MONO_ZERO;
}

/* Ready to take the role; a change is told at once, since a move may follow at any moment. */
static bool able(const struct ham *h, mono_t now)
{
    return ham_health(h, now) == HEALTH_GOOD && judge_own_copy(h) && !vote_lent(&h->vote[h->site]);
}

static void send_beats(struct ham *h, mono_t now, struct ham_out *out)
{
    struct ham_msg m = {.type = HAM_MSG_BEAT, .from = h->conf.self};
    struct ham_beat *b = &m.beat;
    for (int r = 0; r < RIGHTS_MAX; r++)
        b->votes[r] = h->votes[r] ? h->vote[r].record : (struct vote_record){0};
    for (uint8_t i = 0; i < HAM_HOSTS_MAX; i++) {
        int64_t age = mono_diff_ms(now, h->other[i].heard);
        b->age_ms[i] =
            h->other[i].heard.ns == 0 || age >= HAM_AGE_NEVER ? HAM_AGE_NEVER : (uint16_t)age;
    }
    b->age_ms[h->conf.self] = 0;
    if (!h->is_arbiter) {
        b->role = h->order.role;
        b->role_epoch = h->order.role == ROLE_PRIMARY ? h->order.epoch : 0;
        b->ticket_epoch = h->order.ticket_epoch;
        b->writer = h->order.writer;
        b->health = (uint8_t)ham_health(h, now);
        b->disk = h->disk;
        b->ready = h->said_ready = able(h, now);
        b->copy = h->replica.at;
        b->leaving = h->stopping;
        b->last_resort = resort_serves(&h->resort) && h->order.role == ROLE_PRIMARY;
        int64_t seen = mono_diff_ms(now, h->acknowledged) + 1;
        b->acknowledged_ms =
            h->acknowledged.ns == 0 || seen > h->conf.antiflap_ms ? 0 : (uint32_t)seen;
        b->takes_vote = h->said_takes = leave_takes_vote(h);
        memcpy(h->said_loan, h->vote[h->site].record.loan, sizeof h->said_loan);
    }
    for (uint8_t i = 0; i < h->conf.hosts; i++)
        if (i != h->conf.self)
            ham_out_send(out, i, &m);

    uint8_t writer = fresh_writer_elsewhere(h, now);
    if (writer != HAM_NONE && mono_before(now, h->promote_until) &&
        h->role.state == LEASE_HOLDING && h->ticket.state != LEASE_HOLDING)
        ham_out_send(out, writer,
                     &(struct ham_msg){
                         .type = HAM_MSG_HAND_OVER, .from = h->conf.self, .right = RIGHT_TICKET});
    h->next_beat = mono_add_ms(now, h->conf.beat_ms);
}

static uint8_t fresh_writer_elsewhere(const struct ham *h, mono_t now)
{
    for (uint8_t i = 0; i < h->conf.hosts; i++)
        if (i != h->conf.self && h->conf.site_of[i] != h->site && ham_host_fresh(h, i, now) &&
            h->other[i].beat.writer)
            return i;
    return HAM_NONE;
}

/* The other site is there and does not write, for so long that it does not mean to: each of the two
 * believes that the ticket is the other's. */
static bool orphaned(const struct ham *h, mono_t now)
{
    return !h->paused && h->judges && h->other_site.state == SITE_UP &&
           mono_before(mono_add_ms(h->writer_seen, 2 * (int64_t)h->conf.ticket_ttl_ms), now);
}
