/* copy - how copies of the configuration relate: which is ahead, where their histories part, what a
 * follower may take.
 *
 * A transaction is named by (epoch, txid).  The epoch is that of its writer; txid grows by one. One
 * writer writes an epoch, so two copies that know the same epoch hold the same transactions up to
 * the lower of its last ones.  A history is the list of (epoch, last txid), ascending: enough to
 * find the last common transaction of two copies without comparing the transactions.
 *
 *     east.1   1:1..9   2:10..12            history (1, 9) (2, 12)
 *     west.1   1:1..9             3:10      history (1, 9) (3, 10)
 *     common   txid 9; east.1's 10..12 become a conflict record when it takes west.1's copy
 *
 * Owns:   nothing.
 * Errors: verdicts are values.
 * Source: behaviour.md C-4, C-6, C-7; I2.
 */
#ifndef CONFPROXY_CORE_COPY_H
#define CONFPROXY_CORE_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COPY_EPOCHS_MAX 1000 /* of a history: the oldest are forgotten */

struct copy_position {
    uint64_t epoch;
    uint64_t txid;
};

struct copy_epoch {
    uint64_t epoch;
    uint64_t last_txid;
};

struct copy_history {
    uint32_t count;
    struct copy_epoch epochs[COPY_EPOCHS_MAX]; /* ascending in both */
};

/* copy_write_epoch - the epoch of what this host writes: the ticket's in the upper half, the site
 * role's in the lower.  A new ticket outweighs every role.
 * Returns: 0 when one of them does not fit: such a host does not write. */
uint64_t copy_write_epoch(uint64_t ticket_epoch, uint64_t role_epoch);

/* copy_compare - less than, equal to or greater than 0 as A is behind, level with or ahead of B. */
int copy_compare(struct copy_position a, struct copy_position b);

/* copy_history_add - the transaction at POSITION has been applied.  False when it would go back. */
bool copy_history_add(struct copy_history *history, struct copy_position position);

/* copy_common - the last txid that both hold; 0: none. */
uint64_t copy_common(const struct copy_history *a, const struct copy_history *b);

enum copy_verdict {
    COPY_APPLY, /* take it */
    COPY_KNOWN, /* we have it: nothing to do */
    COPY_GAP,   /* something is missing before it: ask again */
    COPY_STALE, /* it is from an epoch that is over: refuse it */
};

/* copy_judge_entry - may the transaction at ENTRY follow HELD?  In order, and the epoch never goes
 * back. */
enum copy_verdict copy_judge_entry(struct copy_position held, struct copy_position entry);

/* copy_judge_snapshot - may the snapshot at OFFERED replace the copy at HELD?  Only a later one, or
 * at the same place one that differs (SAME says whether the checksums agree). */
enum copy_verdict copy_judge_snapshot(struct copy_position held, struct copy_position offered,
                                      bool same);

enum copy_feed {
    FEED_NOTHING,  /* the follower is level, or ahead of us */
    FEED_ENTRIES,  /* from the transaction after its last one */
    FEED_SNAPSHOT, /* its history is not the beginning of ours, or ours was cut before it */
};

/* copy_feed - what a copy at HELD with the transactions from LOG_FIRST on (0: none kept) sends to
 * one that holds THEIRS.
 *
 * SAME: the checksum of the follower's copy is what ours was at that transaction, or we do not
 * know. RET_COMMON gets the last common txid. */
enum copy_feed copy_feed(struct copy_position held, const struct copy_history *history,
                         uint64_t log_first, struct copy_position theirs,
                         const struct copy_history *their_history, bool same, uint64_t *ret_common);

#endif
