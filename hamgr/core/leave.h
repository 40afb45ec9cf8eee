/* leave - an orderly stop: what becomes of the votes of a host that goes.  A part of ham.
 *
 * The role goes first (judge).  Then a vote that was lent to us goes back, and ours goes to the
 * primary, which stays; hamgr ends when the primary and the witness have it on disk.
 */
#ifndef HAMGR_LEAVE_H
#define HAMGR_LEAVE_H

#include "hamgr/core/ham.h"

/* leave_takes_vote - primary, and here to stay: the other host's vote is welcome.  With it our own
 * record is a majority, so that must say all that we do. */
bool leave_takes_vote(const struct ham *h);

/* leave_go_on - lend and give back what can be, when we are being stopped. */
void leave_go_on(struct ham *h, mono_t now, struct ham_out *out);

/* leave_untold - the others wait for what we have written of the votes. */
bool leave_untold(const struct ham *h);

#endif
