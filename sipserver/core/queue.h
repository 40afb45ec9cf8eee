/* queue - calls that wait for an agent, first come first served; the agent longest idle is offered
 * the first call.
 *
 * Distribution happens at the end of each step, for the queues whose calls or agents changed
 * (queue_run).
 */
#ifndef SIPSERVER_CORE_QUEUE_H
#define SIPSERVER_CORE_QUEUE_H

#include "sipserver/core/state.h"

void queue_configure(struct sc *sc, struct dn *d, const struct sc_dn_conf *conf);
void queue_delete(struct sc *sc, struct dn *d);

struct queue *queue_find(const struct sc *sc, const char *number);
struct queue *queue_of_call(const struct sc *sc, const struct call *c);

/* queue_full - true when Q takes no further call. */
bool queue_full(const struct queue *q);

/* queue_add - C waits in its queue, in the order of c->queued: a call that comes back finds its
 * place. */
void queue_add(struct sc *sc, struct call *c);
void queue_remove(struct sc *sc, struct call *c);

/* queue_changed - numbers changed, or a call may fit an agent now: looked at by queue_run. */
void queue_changed(struct sc *sc, struct queue *q);
void queue_run(struct sc *sc);

#endif
