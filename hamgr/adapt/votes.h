/* votes - what this voter has promised, on disk (LMDB under <data-dir>/votes), read at start and
 * written by ACT_PERSIST before the promise is sent.  A thread writes, so that a disk that takes
 * seconds holds up no renewal (H-12); from votes_start on it alone touches the store.
 *
 * Errors: 0 or a negative errno; the reason in words is logged with the path and the mend.
 */
#ifndef HAMGR_ADAPT_VOTES_H
#define HAMGR_ADAPT_VOTES_H

#include "common/loop.h"
#include "hamgr/core/ham.h"

struct votes;

/* votes_open - FOLDER is <data-dir>/votes; made when missing. */
int votes_open(const char *folder, struct votes **ret_votes);
void votes_close(struct votes **votes);

/* votes_load - RET_RECORDS[RIGHTS_MAX]; a right that is not stored has known == false (the voter
 * abstains). */
int votes_load(struct votes *votes, struct vote_record *ret_records);

/* votes_save - durable when it returns 0. */
int votes_save(struct votes *votes, enum ham_right right, const struct vote_record *record);

/* votes_load_moves, votes_save_moves - when the last automatic moves were (Unix milliseconds), for
 * anti-flap; N of at most HAM_MOVES_MAX.  Returns: 0, or a negative errno; then nothing is known.
 */
int votes_load_moves(struct votes *votes, int64_t *ret_moves, unsigned *ret_n);
int votes_save_moves(struct votes *votes, const int64_t *moves, unsigned n);

/* The write ID ended; OK: it is durable. */
typedef void votes_fn(void *arg, uint32_t id, bool ok);

/* votes_start - begin the thread; FN is called from LOOP for each votes_write, in their order.
 * After CHECK_MS without a write the thread makes one of its own, to see whether it can; sooner
 * when the last one went badly. */
int votes_start(struct votes *votes, struct loop *loop, uint32_t check_ms, votes_fn *fn, void *arg);

/* votes_disk - how the writes go; RET_WHY (DISK_WHY_SIZE bytes) says why when it is above good. */
enum disk_grade votes_disk(struct votes *votes, mono_t now, char *ret_why);

/* votes_write, votes_write_moves - enter and return; FN tells of the first one's end.  False: too
 * many wait (the core has at most one for each right under way), nothing was entered. */
bool votes_write(struct votes *votes, enum ham_right right, const struct vote_record *record,
                 uint32_t id);
bool votes_write_moves(struct votes *votes, const int64_t *moves, unsigned n);

#endif
