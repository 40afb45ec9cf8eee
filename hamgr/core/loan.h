/* loan - the vote of a host that is stopped in good order, lent to the primary that stays.
 *
 * A loan is a promise without an end: the lender's voter promises the role to nobody but the other
 * host of the pair until that one has given the vote back.  So the majority is what it was, and no
 * set of voters changes.  For each host of the pair there is one number that only grows: even, its
 * vote is at home; odd, it is lent.
 *
 *   even -> odd   the lender alone, on its disk before anybody hears of it
 *   odd  -> even  the borrower alone, on its disk before anybody hears of it; from then on it does
 *                 not count it
 *
 * Everybody else copies the higher number, so lost, late and repeated beats do no harm.  The
 * lender, when it hears that its vote is back, counts the borrower's lease as just renewed.
 *
 * Source: docs/failover.md, "A vote that is lent".
 */
#ifndef HAMGR_LOAN_H
#define HAMGR_LOAN_H

#include "hamgr/core/conf.h"

/* Who takes part, as one voter of a role sees it.  No pair (one host, or the ticket): all HAM_NONE.
 */
struct loan_party {
    uint8_t host[2]; /* the pair, in the order of the host list */
    uint8_t self;    /* 0 or 1: we are that host; HAM_NONE: the witness */
};

/* What voter FROM says. */
struct loan_news {
    const struct vote_record *record;
    uint8_t from;
    bool leaving;   /* FROM is being stopped */
    bool borrowing; /* we are primary and stay: a vote that is lent is welcome */
};

void loan_party_init(struct loan_party *p, const struct ham_conf *c, enum ham_right right);

/* loan_is_out - HOST's vote is lent, as far as RECORD knows. */
bool loan_is_out(const struct loan_party *p, const struct vote_record *record, uint8_t host);

/* loan_number - of HOST's vote; 0 when it is none of the pair. */
uint64_t loan_number(const struct loan_party *p, const struct vote_record *record, uint8_t host);

/* loan_borrowed - the host whose vote we may count as our own, or HAM_NONE. */
uint8_t loan_borrowed(const struct loan_party *p, const struct vote_record *record);

/* loan_heard - what our record says after NEWS; returns whether that is another thing than before.
 * *RET_BACK: our own vote has come back. */
bool loan_heard(const struct loan_party *p, const struct vote_record *record,
                const struct loan_news *news, struct vote_record *ret_record, bool *ret_back);

/* loan_lend, loan_return - our own vote goes to the other host; the other host's goes back. */
void loan_lend(const struct loan_party *p, struct vote_record *record);
void loan_return(const struct loan_party *p, struct vote_record *record);

#endif
