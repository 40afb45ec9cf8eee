#include "hamgr/core/loan.h"

static bool odd(uint64_t number)
{
    return number & 1;
}

void loan_party_init(struct loan_party *p, const struct ham_conf *c, enum ham_right right)
{
    int n = 0;

    *p = (struct loan_party){.host = {HAM_NONE, HAM_NONE}, .self = HAM_NONE};
    for (uint8_t i = 0; right != RIGHT_TICKET && i < c->hosts; i++)
        if (c->site_of[i] == (uint8_t)right && n < 2)
            p->host[n++] = i;
    if (n < 2)
        p->host[0] = HAM_NONE;
    for (uint8_t k = 0; k < 2; k++)
        if (p->host[k] == c->self)
            p->self = k;
}

uint64_t loan_number(const struct loan_party *p, const struct vote_record *record, uint8_t host)
{
    for (int k = 0; k < 2; k++)
        if (host != HAM_NONE && p->host[k] == host)
            return record->loan[k];
    return 0;
}

bool loan_is_out(const struct loan_party *p, const struct vote_record *record, uint8_t host)
{
    return odd(loan_number(p, record, host));
}

uint8_t loan_borrowed(const struct loan_party *p, const struct vote_record *record)
{
    if (p->self == HAM_NONE || !record->known)
        return HAM_NONE;
    uint8_t other = p->host[1 - p->self];
#if HAM_MUTATION == 13 /* the borrower goes on counting a vote that it gave back */
    if (loan_number(p, record, other) > 0)
        return other;
#endif
    return loan_is_out(p, record, other) ? other : HAM_NONE;
}

/* The other host's vote, lent to us, after what NEWS says of it.  A lender that is there again and
 * stays wants it back, whatever it knows of the loan. */
static uint64_t borrow(const struct loan_party *p, uint64_t ours, uint64_t theirs,
                       const struct loan_news *news)
{
    bool back = news->from == p->host[1 - p->self] && !news->leaving;
    uint64_t number = ours > theirs ? ours : theirs;
    bool refused = number > ours && !news->borrowing;

    return odd(number) && (back || refused) ? number + 1 : number;
}

bool loan_heard(const struct loan_party *p, const struct vote_record *record,
                const struct loan_news *news, struct vote_record *ret_record, bool *ret_back)
{
    bool changed = false;

    *ret_record = *record;
    *ret_back = false;
    for (uint8_t k = 0; k < 2; k++) {
        uint64_t ours = record->loan[k], theirs = news->record->loan[k];
        uint64_t number = theirs > ours ? theirs : ours;
        if (p->host[k] == HAM_NONE)
            return false;
        if (p->self == 1 - k)
            number = borrow(p, ours, theirs, news);
        if (number == ours)
            continue;
        changed = true;
        ret_record->loan[k] = number;
        *ret_back |= p->self == k && !odd(number);
        if (news->from == p->host[k])
            continue;
        /* In which epochs the borrower led by this vote, and what it sent alone, the lender does
         * not know. */
        if (ret_record->floor < news->record->floor)
            ret_record->floor = news->record->floor;
        if (ham_copy_before(ret_record->solo, news->record->solo))
            ret_record->solo = news->record->solo;
    }
    return changed;
}

void loan_lend(const struct loan_party *p, struct vote_record *record)
{
    record->loan[p->self] |= 1;
}

void loan_return(const struct loan_party *p, struct vote_record *record)
{
    uint64_t *number = &record->loan[1 - p->self];

    *number += odd(*number);
}
