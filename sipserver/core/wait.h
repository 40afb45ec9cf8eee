/* wait - what the caller of a queue is told while it waits: 182 with its place and the time to
 * expect (RFC 3261 21.1.5), again each queue-notice, until a service or an agent answers.
 *
 * The time is the place in the queue times the time between two answers, smoothed over the last
 * ones; only intervals in which calls waited count, as others say nothing about the agents.
 */
#ifndef SIPSERVER_CORE_WAIT_H
#define SIPSERVER_CORE_WAIT_H

#include "sipserver/core/state.h"

/* wait_notice - tell the caller of C now, and again later.  wait_later - only later. */
void wait_notice(struct sc *sc, struct call *c);
void wait_later(struct sc *sc, struct call *c);

/* wait_answered - an agent has taken a call of Q. */
void wait_answered(struct sc *sc, struct queue *q);

/* wait_expected_ms - what a call must expect that enters Q now; 0: nothing, or not known. */
uint32_t wait_expected_ms(const struct queue *q);

#endif
