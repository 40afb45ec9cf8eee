/* vote - one voter's memory of one right: to whom it is promised, in which epoch, until when.
 *
 * It promises nothing to another holder before the promise to the earlier one has run out on its
 * own clock, drift and margin added.  It writes (epoch, floor, holder, ttl) to disk before it makes
 * a new promise, and only then; renewals are answered from memory.  After a restart the age of what
 * is on disk is unknown: it counts as live for the longest ttl ever promised.  With an empty store
 * it abstains, until a majority of the voters has told it what they know and the longest ttl has
 * passed. It knows nothing of why a candidate asks.
 *
 *   in:  ASK, RELEASE, a BEAT's record, leave, PERSISTED, time      out: PERSIST, SEND(REPLY)
 *
 * Source: docs/failover.md, "The voter".
 */
#ifndef HAMGR_VOTE_H
#define HAMGR_VOTE_H

#include "hamgr/core/loan.h"
#include "hamgr/core/out.h"

enum vote_state {
#define STATE(name, meaning) VOTE_##name,
#include "hamgr/core/vote.tbl.h"
    VOTE_STATES
};

enum vote_event {
#define EVENT(name, meaning) VOTE_EV_##name,
#include "hamgr/core/vote.tbl.h"
    VOTE_EVENTS
};

struct vote {
    /* set once */
    uint8_t right, self, majority;
    uint8_t party[HAM_HOSTS_MAX]; /* holders of one party need not wait for each other: a host alone
                                     (role), the hosts of a site (ticket: the role parts them) */
    uint32_t voters;              /* bit mask */
    uint32_t drift_ppm, margin_ms, ttl_most_ms;
    struct loan_party pair;
    /* told by ham before each step */
    bool borrowing; /* we are primary, and stay */
    /* state */
    uint8_t state;             /* enum vote_state */
    struct vote_record record; /* as on disk, once known */
    mono_t until;              /* HELD: the promise runs out; LEARNING: we may speak again */
    struct ham_pos pos;        /* of this host's configuration (ticket) */
    /* SAVING: what is being written, and the answer that waits for it */
    struct vote_record pending;
    uint32_t persist_id;
    uint32_t promise_ms; /* what is promised when it is on disk; 0: nothing */
    bool doubt;          /* a write for another holder failed: the disk may hold it all the same, so
                            the record is not to be renewed from memory */
    bool loan_doubt; /* a write that takes the other host's vote is under way or failed: the same */
    uint8_t before;  /* state to go back to if the disk fails */
    uint8_t reply_to;
    struct ham_msg reply;
    /* EMPTY, LEARNING: what the others said */
    uint32_t taught; /* bit mask of voters */
    struct vote_record lesson;
};

/* vote_found - the first record of a new deployment, as `hamgr init` writes it on every voter.
 * HOLDER: for the ticket, the preferred host of the site that is to write first; else HAM_NONE. */
void vote_found(struct vote_record *r, uint8_t holder, uint32_t ttl_ms);

/* vote_init - RECORD is what the store holds (known == false: nothing). */
void vote_init(struct vote *v, const struct ham_conf *c, enum ham_right right,
               const struct vote_record *record, mono_t now);

/* vote_asked, vote_released - a message came from host M->from (may be ourselves). */
void vote_asked(struct vote *v, mono_t now, const struct ham_msg *m, struct ham_out *out);
void vote_released(struct vote *v, mono_t now, const struct ham_msg *m, struct ham_out *out);

/* vote_taught - voter FROM has RECORD in its store; LEAVING: it is being stopped in good order. */
void vote_taught(struct vote *v, mono_t now, uint8_t from, const struct vote_record *record,
                 bool leaving, struct ham_out *out);

/* vote_leave - this host is being stopped in good order, and does not hold the role: a vote lent to
 * us goes back; ours goes to the pair's other host when TAKEN: it is primary, and takes it. */
void vote_leave(struct vote *v, mono_t now, bool taken, struct ham_out *out);

/* vote_recall - our own vote is back: the operator knows that its borrower is stopped for good.
 * What that one sent alone may be on no record but its own, so COPY, how far our copy of the live
 * objects has come, and every older one counts as stale. */
void vote_recall(struct vote *v, mono_t now, struct ham_copy copy, struct ham_out *out);

/* vote_lent - our own vote is lent.  vote_borrowed - the host whose vote counts for us, or
 * HAM_NONE.  vote_may_borrow - that would, if we started anew with what the disk may hold. */
bool vote_lent(const struct vote *v);
uint8_t vote_borrowed(const struct vote *v);
uint8_t vote_may_borrow(const struct vote *v);

/* vote_persisted - the write ID ended; other ids are ignored. */
void vote_persisted(struct vote *v, mono_t now, uint32_t id, bool ok, struct ham_out *out);

/* vote_jumped - the clock jumped, so the age of the promise is unknown.  Call before vote_wake. */
void vote_jumped(struct vote *v, mono_t now, struct ham_out *out);

/* vote_wake - do what is due at NOW. */
void vote_wake(struct vote *v, mono_t now, struct ham_out *out);

mono_t vote_deadline(const struct vote *v);
bool vote_sane(const struct vote *v);

/* vote_held_until - when the promise to another party than HOST's runs out here; MONO_ZERO none.
 */
mono_t vote_held_until(const struct vote *v, uint8_t host);

#endif
