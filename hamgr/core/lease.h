/* lease - the candidate and holder of one right, as one host plays it.  Used twice: for the role of
 * the site and for the ticket, which only the primary asks for: the hosts of a site need not wait
 * for each other there.
 *
 * A candidate first probes: would a majority grant?  Only then it asks its own voter (which writes
 * to disk), and then the others.  So a host that merely cannot hear the holder disturbs nobody. The
 * holder counts from the moment it ASKED, less drift and margin, and takes the moment that a
 * majority of the voters supports.  It knows nothing of components or addresses: ham looks at
 * state, epoch and deadline after each step and gives the orders.
 *
 *   in:  REPLY, RELEASE to us, yield, stopped, drop, time      out: SEND(ASK), SEND(RELEASE)
 *
 * Never: holds after its deadline; releases before its output has stopped; starts as holder.
 * Source: docs/failover.md, "The candidate and the holder".
 */
#ifndef HAMGR_LEASE_H
#define HAMGR_LEASE_H

#include "common/prng.h"
#include "hamgr/core/conf.h"
#include "hamgr/core/out.h"

enum lease_state {
#define STATE(name, meaning) LEASE_##name,
#include "hamgr/core/lease.tbl.h"
    LEASE_STATES
};

enum lease_event {
#define EVENT(name, meaning) LEASE_EV_##name,
#include "hamgr/core/lease.tbl.h"
    LEASE_EVENTS
};

#define LEASE_ASKS 16 /* requests remembered; older answers do not count */

struct lease {
    /* set once */
    uint8_t right, self, majority, hosts;
    uint32_t voters; /* bit mask */
    uint32_t pair;   /* what is enough when FORCED. Ticket: our own site; role: ourselves */
    uint32_t ttl_ms, renew_ms, ask_ms, backoff_ms, drift_ppm, margin_ms;
    /* told by ham before each step */
    bool may_take;   /* may become candidate now */
    bool forced;     /* role: by the last resort.  Ticket: an operator vouches for the other site's
                        being stopped, so the votes    of our own pair, all of them, are enough */
    uint64_t known;  /* highest epoch our own voter knows */
    uint64_t own;    /* epoch that our own voter has on record for us, or 0 */
    uint32_t lent;   /* role: voters whose votes are lent to us, for as long as that is so */
    uint32_t loaned; /* role: LENT, and those that would be if we started anew: what they answer
                        counts for nothing */
    uint64_t loan;   /* role: of our own vote, as in struct vote_record */
    mono_t held_until; /* our own voter's promise to another holder runs out; MONO_ZERO none */
    uint32_t delay_ms; /* further pause before asking (not preferred, not well) */
    struct ham_pos pos;
    struct ham_copy copy;       /* of the live objects at this host */
    struct ham_copy other_copy; /* at the pair's other host; all zero: not heard */
    bool copies;                /* role: the hosts of the pair keep copies for each other */
    bool other_heard;           /* the pair's other host is heard: OTHER_COPY is what it has */
    /* state */
    uint8_t state;     /* enum lease_state */
    uint64_t epoch;    /* HOLDING, YIELDING: held; else the last one held here (0: none) */
    uint64_t since;    /* HOLDING, YIELDING: the epoch in which it was taken */
    uint64_t target;   /* the epoch asked for; above EPOCH while raising it */
    uint64_t seen;     /* highest epoch heard of from any voter */
    uint64_t released; /* highest epoch whose holder released it to us, or 0: it and all below
                          are over for good */
    mono_t deadline;   /* HOLDING: ours until here */
    mono_t stop_by;    /* YIELDING: by then all output has stopped by itself */
    mono_t wake;       /* next try, end of the attempt, or next renewal */
    bool paused;       /* the pause before a try is behind us */
    bool others_asked; /* ASKING: our own vote is there */
    uint64_t seq;
    struct {
        uint64_t seq;
        mono_t at;
    } asks[LEASE_ASKS];
    mono_t base[HAM_HOSTS_MAX]; /* when we asked for what each voter granted; MONO_ZERO: nothing */
    uint32_t would, granted, refused; /* bit masks of voters; GRANTED at TARGET */
    uint32_t left_ms;                 /* shortest "held for ..." among the refusals */
    uint8_t last_reason;              /* enum ham_reason: the last refusal of the attempt */
    /* HOLDING: what we say of our backup, and whose record has it */
    struct ham_copy solo; /* from here on we send alone; sequence 0: we do not */
    uint64_t solo_turn;   /* how many words were said in this holding */
    uint32_t recorded;    /* bit mask of voters that have the last one on record */
    /* what the voters say of our copy */
    struct ham_copy lacks; /* from here on a predecessor sent alone; all zero: nobody did */
    bool stale;            /* our copy does not reach LACKS (taken all the same: nobody better) */
    bool stepped_back;     /* the better copy has been let ahead once */
    uint8_t successor;     /* YIELDING */
    bool automatic;        /* YIELDING */
    struct prng rng;
};

/* lease_init - idle, whatever was on disk. */
void lease_init(struct lease *l, const struct ham_conf *c, enum ham_right right, uint64_t seed,
                mono_t now);

/* lease_wake - do what is due at NOW (the end of the lease first). */
void lease_wake(struct lease *l, mono_t now, struct ham_out *out);

/* lease_replied, lease_released - message M of a voter; of a holder that named us. */
void lease_replied(struct lease *l, mono_t now, const struct ham_msg *m, struct ham_out *out);
void lease_released(struct lease *l, mono_t now, const struct ham_msg *m, struct ham_out *out);

/* lease_yield - stop holding in good order.  STOP_BY: when the last order given runs out. */
void lease_yield(struct lease *l, mono_t now, uint8_t successor, bool automatic, mono_t stop_by,
                 struct ham_out *out);

/* lease_stopped - all output under this right has stopped, and said so. */
void lease_stopped(struct lease *l, mono_t now, struct ham_out *out);

/* lease_drop - forget candidacy or holding at once, without a release (nothing depends on it). */
void lease_drop(struct lease *l, mono_t now, struct ham_out *out);

/* lease_say - the holder's word: from SOLO on it sends without its backup (sequence 0: its backup
 * has all).  The voters are asked at once.  Ignored unless HOLDING. */
void lease_say(struct lease *l, mono_t now, struct ham_copy solo, struct ham_out *out);

/* lease_alone - a majority has the last word on record, and it is that we send alone.  Every
 * majority that another candidate can win shares a voter with that one, so whoever follows hears of
 * it. */
bool lease_alone(const struct lease *l);

/* lease_own_record - held, and our own voter has our epoch and our last word on record. */
bool lease_own_record(const struct lease *l);

/* lease_holds - true while the right is ours to use at NOW. */
bool lease_holds(const struct lease *l, mono_t now);

/* lease_by_majority - held with the promises of a majority, and not only of our own pair. */
bool lease_by_majority(const struct lease *l);

mono_t lease_deadline(const struct lease *l);
bool lease_sane(const struct lease *l);

/* lease_end - when a grant asked for at ASKED ends on the holder's clock. */
mono_t lease_end(uint32_t ttl_ms, uint32_t drift_ppm, uint32_t margin_ms, mono_t asked);

#endif
