/* agent - the agents: login, Ready and NotReady, and what calls do to them (agent.tbl.h).
 *
 * An agent can be offered a call ("idle") while Ready, with the phone in service and no call at it;
 * idle agents stand on the list of each queue they serve, longest idle first.
 */
#ifndef SIPSERVER_CORE_AGENT_H
#define SIPSERVER_CORE_AGENT_H

#include "sipserver/core/state.h"

struct agent *agent_find(const struct sc *sc, const char *id);
void agent_configure(struct sc *sc, const struct sc_agent_conf *conf);
void agent_delete(struct sc *sc, struct agent *a);
bool agents_sweep(struct sc *sc); /* as dns_sweep */

/* group_key - how the name of a group is kept. */
uint64_t group_key(const struct sc *sc, const char *name);

/* agents_regroup - work out anew which queues the agents in groups serve, after
 * agents_regroup_later.  False: no room for more now. */
void agents_regroup_later(struct sc *sc);
bool agents_regroup(struct sc *sc);

void agents_forget(struct sc *sc); /* all logins end, nobody is told */

/* agent_request - do what a desktop asks for, and answer. */
void agent_request(struct sc *sc, const struct sc_agent_request *r);

void agent_logout(struct sc *sc, struct agent *a, const char *reason);

/* agent_phone - the agent's phone went in or out of service. */
void agent_phone(struct sc *sc, struct agent *a, bool in_service);

/* agent_phone_reached - the phone, in service, can be reached again, or no longer. */
void agent_phone_reached(struct sc *sc, struct agent *a);

/* agent_new_queue - the queue that A, logged in, serves at PLACE is new: there are calls for A. */
void agent_new_queue(struct sc *sc, struct agent *a, uint32_t place);

/* agents_watch_phones - the site became PEERED: phones that are out of service have a grace.
 */
void agents_watch_phones(struct sc *sc);

/* What calls tell an agent.  agent_call: a leg began at the agent's phone; agent_free: the last one
 * ended. */
void agent_offer(struct sc *sc, struct agent *a, struct call *c);
void agent_answered(struct sc *sc, struct agent *a);
void agent_no_answer(struct sc *sc, struct agent *a, const char *reason);
void agent_withdrawn(struct sc *sc, struct agent *a);
void agent_call(struct sc *sc, struct agent *a, struct call *c);
void agent_free(struct sc *sc, struct agent *a);

void agent_timer_wrap(struct sc *sc, struct agent *a);
void agent_timer_phone(struct sc *sc, struct agent *a);

/* agent_can_take - true when the agent is idle. */
bool agent_can_take(const struct sc *sc, const struct agent *a);

/* agents_at - how many agents are logged in for queue D, or at extension D. */
uint32_t agents_at(const struct sc *sc, const struct dn *d);

#endif
