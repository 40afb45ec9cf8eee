/* events - the conversation with Stat Servers (proto/events.proto): to a subscriber a snapshot of
 * the present states, then every event, numbered, in batches: what happens within the gathering
 * time goes together.  The server's own status goes out once a second and when the mode changes. */
#ifndef SIPSERVER_ADAPT_EVENTS_H
#define SIPSERVER_ADAPT_EVENTS_H

#include "sipserver/core/core.h"

struct server;
struct events;

#define EVENTS_GATHER_MS 50 /* unless the option says otherwise */

int events_new(struct server *server, struct events **ret_events);
void events_destroy(struct events **events);

void events_agent(struct events *events, const struct sc_agent_event *e);
void events_queue(struct events *events, const struct sc_queue_status *e);
void events_call(struct events *events, const struct sc_call_event *e);
void events_dn(struct events *events, const struct sc_dn_status *e);
void events_server(struct events *events);

/* events_gather - what happens from now on waits MS milliseconds for more. */
void events_gather(struct events *events, uint32_t ms);

/* events_snapshot_all - everything changed at once: all subscribers start afresh. */
void events_snapshot_all(struct events *events);

#endif
