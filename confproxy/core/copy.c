#include "confproxy/core/copy.h"

#include <string.h>

uint64_t copy_write_epoch(uint64_t ticket_epoch, uint64_t role_epoch)
{
    if (ticket_epoch == 0 || ticket_epoch > UINT32_MAX || role_epoch > UINT32_MAX)
        return 0;
    return ticket_epoch << 32 | role_epoch;
}

int copy_compare(struct copy_position a, struct copy_position b)
{
    if (a.epoch != b.epoch)
        return a.epoch < b.epoch ? -1 : 1;
    if (a.txid != b.txid)
        return a.txid < b.txid ? -1 : 1;
    return 0;
}

bool copy_history_add(struct copy_history *history, struct copy_position position)
{
    if (history->count > 0) {
        struct copy_epoch *last = &history->epochs[history->count - 1];
        if (position.epoch < last->epoch || position.txid <= last->last_txid)
            return false;
        if (position.epoch == last->epoch) {
            last->last_txid = position.txid;
            return true;
        }
    }
    if (history->count == COPY_EPOCHS_MAX) {
        memmove(&history->epochs[0], &history->epochs[1],
                (COPY_EPOCHS_MAX - 1) * sizeof history->epochs[0]);
        history->count--;
    }
    history->epochs[history->count++] = (struct copy_epoch){position.epoch, position.txid};
    return true;
}

uint64_t copy_common(const struct copy_history *a, const struct copy_history *b)
{
    uint32_t i = a->count;
    uint32_t k = b->count;

    while (i > 0 && k > 0) {
        const struct copy_epoch *x = &a->epochs[i - 1];
        const struct copy_epoch *y = &b->epochs[k - 1];
        if (x->epoch == y->epoch)
            return x->last_txid < y->last_txid ? x->last_txid : y->last_txid;
        if (x->epoch > y->epoch)
            i--;
        else
            k--;
    }
    return 0;
}

enum copy_verdict copy_judge_entry(struct copy_position held, struct copy_position entry)
{
    if (entry.epoch < held.epoch)
        return COPY_STALE;
    if (entry.epoch == held.epoch && entry.txid <= held.txid)
        return COPY_KNOWN;
    /* In a later epoch, a txid that we hold already means that histories parted. */
    return entry.txid == held.txid + 1 ? COPY_APPLY : COPY_GAP;
}

enum copy_verdict copy_judge_snapshot(struct copy_position held, struct copy_position offered,
                                      bool same)
{
    int order = copy_compare(offered, held);

    if (order < 0)
        return COPY_STALE;
    return order == 0 && same ? COPY_KNOWN : COPY_APPLY;
}

enum copy_feed copy_feed(struct copy_position held, const struct copy_history *history,
                         uint64_t log_first, struct copy_position theirs,
                         const struct copy_history *their_history, bool same, uint64_t *ret_common)
{
    int order = copy_compare(theirs, held);

    *ret_common = copy_common(history, their_history);
    if (order > 0 || (order == 0 && same))
        return FEED_NOTHING;
    if (*ret_common != theirs.txid || !same)
        return FEED_SNAPSHOT;
    return log_first != 0 && log_first <= theirs.txid + 1 ? FEED_ENTRIES : FEED_SNAPSHOT;
}
