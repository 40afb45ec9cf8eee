/* judge - whether the role should move, and to whom.  A part of ham, for nobody else.
 *
 * An automatic move between two live hosts needs a reason (the component that must serve has ended,
 * or the host is bad) and a successor, and is one of the few that anti-flap lets through.  Leaving
 * a dead host is the lease's business and is never refused here.
 */
#ifndef HAMGR_JUDGE_H
#define HAMGR_JUDGE_H

#include "hamgr/core/ham.h"

/* judge_role - move the role if it must, and go on with a hand-over under way. */
void judge_role(struct ham *h, mono_t now, struct ham_out *out);

/* judge_closing - a hand-over is under way and what must serve still closes its connections: the
 * site address stays, so that whoever has one hears it.  For half of the time that the last order
 * has left at most, and not for the others: meanwhile the kernel refuses what comes to closed
 * ports.  judge_closing_deadline - when that is over. */
bool judge_closing(const struct ham *h, mono_t now);
mono_t judge_closing_deadline(const struct ham *h);

/* judge_yield - begin the hand-over to SUCCESSOR (HAM_NONE: to nobody), when we hold the role. */
void judge_yield(struct ham *h, mono_t now, uint8_t successor, bool automatic, struct ham_out *out);

/* judge_last_resort - nobody is heard: whether to serve all the same. */
void judge_last_resort(struct ham *h, mono_t now, struct ham_out *out);

/* judge_count - remember an automatic move. */
void judge_count(struct ham *h, mono_t now);

/* judge_acknowledge - the operator has seen the automatic moves until AT: forget them. */
void judge_acknowledge(struct ham *h, mono_t at);

/* judge_disk - the writes of OF (a component, or HAM_OWN_DISK) go as GRADE says: enum disk_grade.
 * judge_disk_deadline - when a disk that is not good becomes a reason to move. */
void judge_disk(struct ham *h, mono_t now, uint8_t of, uint8_t grade);
mono_t judge_disk_deadline(const struct ham *h);

/* judge_tilted - the clock jumped lately: no new right is taken. */
bool judge_tilted(const struct ham *h, mono_t now);

/* judge_own_copy - the copy of this host is whole, as far as its components know. */
bool judge_own_copy(const struct ham *h);

#endif
