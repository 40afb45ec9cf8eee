#include "hamgr/core/judge.h"

#include <assert.h>
#include <string.h>

#define ADDRESS_FAILS 3 /* failures in a row before the host counts as bad */

static bool ended(const struct ham *h, int component)
{
    uint8_t state = h->component[component].state;
    return state == SUPERVISE_CRASHED || state == SUPERVISE_FAILED;
}

/* A component without which nobody is served has ended: its output has stopped already. */
static bool service_ended(const struct ham *h)
{
    for (int i = 0; i < h->conf.components; i++)
        if ((h->conf.serve_mask & 1u << i) && ended(h, i))
            return true;
    return false;
}

static bool copies_agree(const struct ham *h)
{
    return h->replica.state == REPLICA_UNKNOWN || h->replica.state == REPLICA_IN_SYNC;
}

bool judge_own_copy(const struct ham *h)
{
    /* What the primary's components report is how the other host's copy is: its own is whole. */
    return (h->synced & h->conf.sync_mask) == h->conf.sync_mask &&
           (h->order.role == ROLE_PRIMARY || copies_agree(h));
}

enum ham_health ham_health(const struct ham *h, mono_t now)
{
    enum ham_health worst = h->address_fails >= ADDRESS_FAILS ? HEALTH_BAD : HEALTH_GOOD;
    for (int i = 0; i < h->conf.components; i++) {
        enum ham_health one = supervise_health(&h->component[i], now);
        if (one > worst)
            worst = one;
    }
    return worst;
}

bool ham_host_fresh(const struct ham *h, uint8_t host, mono_t now)
{
    return host == h->conf.self ||
           (h->other[host].heard.ns != 0 &&
            mono_before(now, mono_add_ms(h->other[host].heard, h->conf.silent_after_ms)));
}

enum ham_reason ham_ready(const struct ham *h, mono_t now)
{
    if (h->peer == HAM_NONE)
        return REASON_NO_PEER;
    if (!ham_host_fresh(h, h->peer, now))
        return REASON_PEER_SILENT;
    const struct ham_beat *peer = &h->other[h->peer].beat;
    if (peer->age_ms[h->conf.self] >= h->conf.silent_after_ms)
        return REASON_PEER_DEAF; /* what we let go would not reach it */
    if (!peer->ready || peer->role != ROLE_BACKUP || peer->health != HEALTH_GOOD)
        return REASON_PEER_UNREADY;
    if (h->replica.state == REPLICA_ALONE || h->solo.sequence != 0)
        return REASON_ALONE;
    if (!copies_agree(h))
        return REASON_COPY_BEHIND;
    return h->role.solo.sequence != 0 ? REASON_ALONE : REASON_DONE;
}

enum ham_reason ham_predict(const struct ham *h, enum ham_verb verb, mono_t now)
{
    uint8_t fresh = 0;
    enum ham_reason ready;

    switch (verb) {
    case VERB_SWITCHOVER:
        if (h->is_arbiter || h->role.state != LEASE_HOLDING)
            return h->role.state == LEASE_YIELDING ? REASON_ALREADY : REASON_NOT_PRIMARY;
        ready = ham_ready(h, now);
        return ready == REASON_DONE ? REASON_UNDER_WAY : ready;
    case VERB_PROMOTE:
        if (h->is_arbiter || h->role.state != LEASE_HOLDING)
            return REASON_NOT_PRIMARY;
        if (h->ticket.state == LEASE_HOLDING)
            return REASON_ALREADY;
        if (judge_tilted(h, now))
            return REASON_TILT;
        for (uint8_t i = 0; i < h->conf.hosts; i++)
            fresh = (uint8_t)(fresh + ham_host_fresh(h, i, now));
        return fresh < h->ticket.majority ? REASON_NO_MAJORITY : REASON_UNDER_WAY;
    case VERB_FORCE:
        if (h->is_arbiter || h->role.state != LEASE_HOLDING)
            return REASON_NOT_PRIMARY;
        if (h->ticket.state == LEASE_HOLDING)
            return REASON_ALREADY;
        if (h->conf.arbiter != HAM_NONE)
            return REASON_ARBITER;
        if (h->judges && h->other_site.state == SITE_UP)
            return REASON_SITE_HEARD;
        if (h->peer == HAM_NONE || !ham_host_fresh(h, h->peer, now))
            return h->peer == HAM_NONE ? REASON_NO_PEER : REASON_PEER_SILENT;
        return judge_tilted(h, now) ? REASON_TILT : REASON_UNDER_WAY;
    case VERB_STOP: return h->role.state == LEASE_IDLE ? REASON_DONE : REASON_UNDER_WAY;
    case VERB_PAUSE: return h->paused ? REASON_ALREADY : REASON_DONE;
    case VERB_RESUME: return h->paused ? REASON_DONE : REASON_ALREADY;
    case VERB_RECALL:
        if (h->is_arbiter || !vote_lent(&h->vote[h->site]))
            return REASON_ALREADY;
        return ham_host_fresh(h, h->peer, now) ? REASON_PEER_HEARD : REASON_UNDER_WAY;
    case VERB_ACKNOWLEDGE: break;
    }
    return REASON_DONE;
}

uint8_t ham_moves(const struct ham *h, mono_t now)
{
    uint8_t n = 0;
    for (int i = 0; i < HAM_MOVES_MAX; i++)
        if (h->moves[i].ns != 0 && mono_before(now, mono_add_ms(h->moves[i], h->conf.antiflap_ms)))
            n++;
    return n;
}

void judge_count(struct ham *h, mono_t now)
{
    h->moves[h->move_next] = now;
    h->move_next = (uint8_t)((h->move_next + 1) % HAM_MOVES_MAX);
}

void judge_acknowledge(struct ham *h, mono_t at)
{
    h->acknowledged = mono_max(h->acknowledged, at);
    for (int i = 0; i < HAM_MOVES_MAX; i++)
        if (!mono_before(h->acknowledged, h->moves[i]))
            h->moves[i] = MONO_ZERO;
}

void ham_recall(struct ham *h, mono_t now, int64_t age_ms)
{
    if (age_ms >= 0 && age_ms < h->conf.antiflap_ms)
        judge_count(h, mono_add_ms(now, -age_ms));
}

bool judge_tilted(const struct ham *h, mono_t now)
{
    return mono_before(now, h->tilt_until);
}

/* A component that ended sends nothing; every other one of MASK must have said so. */
static bool components_stopped(const struct ham *h, unsigned mask)
{
    for (int i = 0; i < h->conf.components; i++)
        if ((mask & 1u << i) && !ended(h, i) && !(h->stopped & 1u << i))
            return false;
    return true;
}

bool judge_closing(const struct ham *h, mono_t now)
{
    return h->role.state == LEASE_YIELDING && mono_before(now, h->close_by) &&
           !components_stopped(h, h->conf.serve_mask);
}

mono_t judge_closing_deadline(const struct ham *h)
{
    return h->role.state == LEASE_YIELDING && h->address_on ? h->close_by : MONO_NEVER;
}

static bool output_stopped(const struct ham *h)
{
    return !h->address_on && h->address_known && components_stopped(h, ~0u);
}

static void note(const struct ham *h, enum ham_reason reason, const char *why, struct ham_out *out)
{
    ham_out_add(out, ACT_NOTE)->note = (struct ham_note){.machine = MACHINE_LEASE,
                                                         .instance = h->site,
                                                         .from = h->role.state,
                                                         .to = h->role.state,
                                                         .reason = (uint8_t)reason,
                                                         .epoch = h->role.epoch,
                                                         .why = why};
}

void judge_disk(struct ham *h, mono_t now, uint8_t of, uint8_t grade)
{
    assert(of <= HAM_OWN_DISK && grade < DISK_GRADES);
    h->disk_of[of] = grade;
    h->disk = DISK_GOOD;
    for (int i = 0; i <= HAM_OWN_DISK; i++)
        if (h->disk_of[i] > h->disk)
            h->disk = h->disk_of[i];
    if (h->disk == DISK_GOOD)
        h->disk_since = MONO_ZERO;
    else if (h->disk_since.ns == 0)
        h->disk_since = now;
}

static mono_t disk_due(const struct ham *h)
{
    return h->disk == DISK_GOOD ? MONO_NEVER : mono_add_ms(h->disk_since, h->conf.disk_patience_ms);
}

mono_t judge_disk_deadline(const struct ham *h)
{
    /* When it has passed, the other host's beats are what is waited for. */
    return mono_before(h->last_step, disk_due(h)) ? disk_due(h) : MONO_NEVER;
}

/* Calls need no disk, but their records do.  The other host must lose nothing by it, and its disk
 * must be good: one that does not say (an older version) or is slow takes the role late. */
static bool disk_is_better_there(const struct ham *h, mono_t now)
{
    return mono_due(disk_due(h), now) && h->replica.state == REPLICA_IN_SYNC &&
           ham_ready(h, now) == REASON_DONE && h->other[h->peer].beat.disk == DISK_GOOD;
}

/* The component that must serve has ended, and the other host has the whole of its state: that is
 * quicker than a restart, and loses nothing.  Or this host is bad and the other is well: then
 * whatever is there is better. */
static const char *reason_to_move(const struct ham *h, mono_t now)
{
    bool well = h->peer != HAM_NONE && ham_host_fresh(h, h->peer, now) &&
                h->other[h->peer].beat.health == HEALTH_GOOD;
    if (service_ended(h) && h->replica.state == REPLICA_IN_SYNC && ham_ready(h, now) == REASON_DONE)
        return "what must serve has ended here, and the other host is ready";
    if (well && ham_health(h, now) == HEALTH_BAD)
        return "this host is bad, and the other is well";
    if (disk_is_better_there(h, now))
        return h->disk == DISK_FAILING
                   ? "the disk here refuses writes, and the other host is ready and its disk good"
                   : "the disk here is slow, and the other host is ready and its disk good";
    return NULL;
}

/* What has ended sends nothing, and is not waited for: so it stays ended until the role is gone. */
static void hold_restarts(struct ham *h)
{
    for (int i = 0; i < h->conf.components; i++)
        h->component[i].hold = h->role.state == LEASE_YIELDING;
}

void judge_role(struct ham *h, mono_t now, struct ham_out *out)
{
    const char *why = h->role.state == LEASE_HOLDING && !h->paused ? reason_to_move(h, now) : NULL;
    bool allowed = ham_moves(h, now) < h->conf.antiflap_moves;

    if (why && allowed) {
        note(h, REASON_DONE, why, out);
        judge_count(h, now);
        judge_yield(h, now, h->peer, true, out);
    }
    if (why && !allowed && !h->flap_refused)
        note(h, REASON_ANTI_FLAP, "the role stays", out);
    h->flap_refused = why && !allowed;
    if (h->role.state == LEASE_YIELDING && output_stopped(h))
        lease_stopped(&h->role, now, out);
    if (h->role.state != LEASE_HOLDING && h->ticket.state != LEASE_IDLE)
        lease_drop(&h->ticket, now, out);
    hold_restarts(h);
}

/* The lease is asked for at the next step, which is at once. */
void judge_last_resort(struct ham *h, mono_t now, struct ham_out *out)
{
    uint8_t witness = h->conf.witness[h->site];
    bool peer = h->peer != HAM_NONE && ham_host_fresh(h, h->peer, now);
    bool served = resort_serves(&h->resort);
    struct resort_sight sight = {
        .heard = peer || (witness != HAM_NONE && ham_host_fresh(h, witness, now)),
        .has_role = h->role.state == LEASE_HOLDING || h->role.state == LEASE_YIELDING,
        .majority = lease_by_majority(&h->role),
        .rival =
            served && (peer ? h->other[h->peer].beat.role == ROLE_PRIMARY
                            : lease_holds(&h->role, now) && h->role.last_reason == REASON_HELD),
        .may = !judge_tilted(h, now) && !h->paused && !h->stopping &&
               h->vote[h->site].record.known && !vote_lent(&h->vote[h->site]),
    };

    resort_look(&h->resort, now, &sight, out);
    if (served && !resort_serves(&h->resort) && !sight.majority)
        lease_drop(&h->role, now, out);
    h->resorts += !served && resort_serves(&h->resort);
}

void judge_yield(struct ham *h, mono_t now, uint8_t successor, bool automatic, struct ham_out *out)
{
    if (h->role.state != LEASE_HOLDING)
        return;
    h->stopped = 0;
    h->close_by = mono_add_ms(now, mono_diff_ms(h->order_latest, now) / 2);
    lease_yield(&h->role, now, successor, automatic, h->order_latest, out);
}
