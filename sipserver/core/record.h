/* record - the call record: what a call was, told once, at its end (I3).
 *
 * The call keeps the moments as they happen (struct call_history); at its end one SC_ACT_RECORD
 * goes out. Whoever moves the call says it by report_call, which calls record_told; the rest are
 * the moments that report_call does not see.  A call that is dropped because this host lost its
 * role tells nothing: the host that goes on with it does.
 *
 * Units: moments on the monotonic clock inside, Unix milliseconds in the record: the wall clock at
 * the beginning of the call plus monotonic time since, so that a step of the clock changes no
 * duration and no order.
 */
#ifndef SIPSERVER_CORE_RECORD_H
#define SIPSERVER_CORE_RECORD_H

#include "sipserver/core/state.h"

/* record_told - C entered PHASE: begins a target, answers it, or (the call is over) tells the
 * record. */
void record_told(struct sc *sc, struct call *c, enum sc_call_phase phase, const char *reason);

/* record_ring - the present target rings.  True: it had not rung before. */
bool record_ring(const struct sc *sc, struct call *c);

/* record_target_end - the present target is out of the call, with STATUS (0: no answer of its own).
 */
void record_target_end(const struct sc *sc, struct call *c, unsigned status);

/* record_coming - L was called for a transfer of C, to take the place of the transferor. */
void record_coming(struct sc *sc, struct call *c, const struct leg *l);

/* record_coming_rings, _answers, _fails - ... and says so; STATUS: why it does not come in. */
void record_coming_rings(const struct sc *sc, struct call *c);
void record_coming_answers(const struct sc *sc, struct call *c);
void record_coming_fails(const struct sc *sc, struct call *c, unsigned status);

/* record_transferor_left - who transfers C is out of it; the party that is coming has its place. */
void record_transferor_left(const struct sc *sc, struct call *c);

/* record_moved - L will go on in another call; it is still of C. */
void record_moved(struct call *c, const struct leg *l);

/* record_released - L's party ends C. */
void record_released(struct call *c, const struct leg *l);

/* record_fill - C as it is now. */
void record_fill(const struct sc *sc, const struct call *c, struct sc_record *ret_record);

#endif
