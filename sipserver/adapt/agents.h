/* agents - the conversation with desktops (proto/agent.proto): requests in; replies, and to
 * subscribers every agent event, numbered without gaps.  A subscription begins with the present
 * states and SNAPSHOT_END; so does a change of the role. */
#ifndef SIPSERVER_ADAPT_AGENTS_H
#define SIPSERVER_ADAPT_AGENTS_H

#include "sipserver/core/core.h"

struct server;
struct agents;

int agents_new(struct server *server, struct agents **ret_agents);
void agents_destroy(struct agents **agents);

void agents_reply(struct agents *agents, const struct sc_agent_reply *reply);
void agents_event(struct agents *agents, const struct sc_agent_event *event);
void agents_snapshot_all(struct agents *agents);

#endif
