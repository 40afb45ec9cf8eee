/* agent_inner - what the files of the agents share: agent.c (the machine, the idle lists, phones
 * and calls), agent_conf.c (configuration, and who serves what) and agent_request.c (what desktops
 * ask). For nobody else.
 */
#ifndef SIPSERVER_CORE_AGENT_INNER_H
#define SIPSERVER_CORE_AGENT_INNER_H

#include "sipserver/core/agent.h"

/* agent_event - the only place that moves the state of an agent.  REASON NULL: the table's. */
void agent_event(struct sc *sc, struct agent *a, enum agent_event event, const char *reason);

/* agent_update_idle - A is on the lists of idle agents as agent_can_take says.
 * agent_leave_idle - A is on none of them. */
void agent_update_idle(struct sc *sc, struct agent *a);
void agent_leave_idle(struct sc *sc, struct agent *a);

/* agent_count_queues - A counts as logged in at each queue that it serves, or no longer. */
void agent_count_queues(struct sc *sc, const struct agent *a, bool login);

#endif
