#include "hamgr/core/leave.h"

#include <string.h>

bool leave_takes_vote(const struct ham *h)
{
    return lease_own_record(&h->role) && !h->stopping;
}

bool leave_untold(const struct ham *h)
{
    return !h->is_arbiter && h->vote[h->site].record.known &&
           memcmp(h->said_loan, h->vote[h->site].record.loan, sizeof h->said_loan) != 0;
}

static bool peer_there(const struct ham *h, mono_t now)
{
    return h->peer != HAM_NONE && ham_host_fresh(h, h->peer, now) &&
           !h->other[h->peer].beat.leaving;
}

void leave_go_on(struct ham *h, mono_t now, struct ham_out *out)
{
    if (h->stopping && h->role.state == LEASE_IDLE)
        vote_leave(&h->vote[h->site], now, peer_there(h, now) && h->other[h->peer].beat.takes_vote,
                   out);
}

/* HOST has on disk what we have of the loans, or is not there to be told. */
static bool knows_loans(const struct ham *h, uint8_t host, mono_t now)
{
    if (host == HAM_NONE || !ham_host_fresh(h, host, now))
        return true;
    for (int k = 0; k < 2; k++)
        if (h->other[host].beat.votes[h->site].loan[k] < h->vote[h->site].record.loan[k])
            return false;
    return true;
}

bool ham_left(const struct ham *h, mono_t now)
{
    if (!h->stopping || h->is_arbiter)
        return true;
    const struct vote *v = &h->vote[h->site];
    if (h->role.state == LEASE_YIELDING || lease_holds(&h->role, now))
        return false;
    if (mono_due(mono_add_ms(h->stop_asked, h->conf.leave_ms), now))
        return true;
    return v->state != VOTE_SAVING && (vote_lent(v) || !peer_there(h, now)) &&
           knows_loans(h, h->peer, now) && knows_loans(h, h->conf.witness[h->site], now);
}
