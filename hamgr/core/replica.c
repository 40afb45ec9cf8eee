#include "hamgr/core/replica.h"

/* The primary's component wants to send without its backup.  What it says is recorded by a majority
 * before the order allows it.  Of several words in one holding the furthest counts, whichever
 * process said it, until one says that it is over. */
void replica_solo(struct ham *h, mono_t now, const struct ham_ev *ev, struct ham_out *out)
{
    struct ham_copy from = ev->component.replica.at, last = {.epoch = from.epoch};

    if (h->role.state != LEASE_HOLDING || !(h->conf.serve_mask & 1u << ev->component.component) ||
        ev->component.epoch < h->role.since || ev->component.epoch > h->role.epoch)
        return; /* of an order that is over */
    h->solo = from;
    h->solo_request = ev->component.request;
    if (from.sequence != 0) {
        last.sequence = from.sequence - 1;
        if (ham_copy_before(h->replica.at, last))
            h->replica.at = last;
        if (ham_copy_before(from, h->role.solo))
            from = h->role.solo;
    }
    lease_say(&h->role, now, from, out);
}

/* Nobody follows it yet, so its component sends at once.  The voters are told before anything that
 * matters can have been sent: from the first batch of this epoch on it sends alone. */
void replica_promoted(struct ham *h, mono_t now, struct ham_out *out)
{
    if (h->role.state == LEASE_HOLDING && h->role.copies && h->role.solo_turn == 0 &&
        h->replica.state != REPLICA_IN_SYNC)
        lease_say(&h->role, now, (struct ham_copy){.epoch = h->role.epoch, .sequence = 1}, out);
}

/* The backup has all: what an earlier holder sent alone is of no interest any more.  A component
 * that has asked itself says itself when it is over. */
void replica_reported(struct ham *h, mono_t now, struct ham_out *out)
{
    if (h->role.state == LEASE_HOLDING && h->order.role == ROLE_PRIMARY &&
        h->replica.state == REPLICA_IN_SYNC && h->solo.sequence == 0 &&
        (h->role.solo_turn == 0 ? h->vote[h->site].record.solo.sequence : h->role.solo.sequence) !=
            0)
        lease_say(&h->role, now, (struct ham_copy){0}, out);
}

bool replica_alone(const struct ham *h)
{
    return h->solo.sequence != 0 && lease_alone(&h->role);
}

/* What a person must know of the copies: the primary goes on alone, or took over with losses. */
void replica_tell(struct ham *h, const struct ham_order *o, struct ham_out *out)
{
    struct ham_note n = {.machine = MACHINE_LEASE,
                         .instance = h->site,
                         .from = LEASE_HOLDING,
                         .to = LEASE_HOLDING,
                         .epoch = h->role.epoch};

    if (o->stale && !h->order.stale) {
        h->stale_takeovers++;
        n.reason = REASON_COPY_STALE;
        n.why = "promoted stale";
        ham_out_add(out, ACT_NOTE)->note = n;
    }
    if ((o->solo.sequence != 0) == (h->order.solo.sequence != 0))
        return;
    h->solos += o->solo.sequence != 0;
    n.reason = o->solo.sequence != 0 ? REASON_ALONE : REASON_DONE;
    n.why = o->solo.sequence != 0 ? "solo" : "not solo any more";
    ham_out_add(out, ACT_NOTE)->note = n;
}
