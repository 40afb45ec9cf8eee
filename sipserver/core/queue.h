/* queue - calls that wait for an agent: by priority, first come first served within one.  The agent
 * longest idle is offered the first call, or (linear) the first in preference, or (ring-all)
 * several at once.
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

/* queue_adopt - C, whose record another host has made, waits: it is in its place.  False: there is
 * no such queue. */
bool queue_adopt(struct sc *sc, struct call *c);

/* queue_detour - where C must go instead of into Q, and why; NULL: it may wait there, as far as
 * overflow goes. */
const char *queue_detour(const struct sc *sc, const struct queue *q, const struct call *c,
                         const char **ret_why);

/* queue_due - C's wait timer fired: its time in Q is over, or the last agent of Q has left.
 * *RET_TARGET is where it goes, *RET_WHY why. */
enum queue_due { QUEUE_WAITS, QUEUE_WAITED, QUEUE_OVERFLOWS };
enum queue_due queue_due(struct sc *sc, const struct queue *q, struct call *c,
                         const char **ret_target, const char **ret_why);

/* queue_agent_counts - an agent of Q logged in or out. */
void queue_agent_counts(struct sc *sc, struct queue *q, bool login);

/* queue_music - C, which waits, is answered by a service, or after all not. */
void queue_music(struct sc *sc, struct call *c, bool begins);

/* queue_oldest - since when the oldest call has waited; MONO_ZERO: none waits. */
mono_t queue_oldest(const struct queue *q);

/* queue_changed - numbers changed, or a call may fit an agent now: looked at by queue_run. */
void queue_changed(struct sc *sc, struct queue *q);
void queue_run(struct sc *sc);

#endif
