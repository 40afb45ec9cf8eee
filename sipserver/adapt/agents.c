#include "sipserver/adapt/agents.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proto/agent.pb-c.h"
#include "sipserver/adapt/attached.h"
#include "sipserver/adapt/server.h"

#define CLIENTS_MAX 16 /* desktops of one host */

/* The core's numbers are the wire's. */
static_assert((int)SC_AGENT_ACW == (int)SF__AGENT_STATE__AGENT_STATE_AFTER_CALL_WORK,
              "agent states");
static_assert((int)SC_AGENT_TRANSFERRED == (int)SF__AGENT_EVENT_KIND__AGENT_EVENT_TRANSFERRED,
              "agent events");
static_assert((int)SC_GET_DATA == (int)SF__AGENT_OP__AGENT_GET_DATA, "agent requests");

struct client {
    struct bus_peer *peer; /* NULL: free */
    uint64_t id;           /* so that a late reply finds nobody else */
    bool subscribed;
    uint64_t sequence;
};

struct agents {
    struct server *server;
    uint64_t ids;
    struct client clients[CLIENTS_MAX];
};

static struct client *client_of(struct agents *agents, struct bus_peer *peer)
{
    struct client *unused = NULL;

    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        if (agents->clients[i].peer == peer)
            return &agents->clients[i];
        if (agents->clients[i].peer == NULL && unused == NULL)
            unused = &agents->clients[i];
    }
    if (unused != NULL)
        *unused = (struct client){.peer = peer, .id = ++agents->ids};
    return unused;
}

/* A message that cannot be sent leaves a gap in the numbers: the subscriber sees it and asks again.
 */
static void tell(struct client *c, const struct sc_agent_event *e)
{
    Sf__AgentEvent out = SF__AGENT_EVENT__INIT;
    struct attached attached;

    attached_fill(&attached, e->data);
    out.attached = attached.list;
    out.n_attached = attached.n;
    out.called = (char *)(uintptr_t)e->called;
    out.outbound = e->outbound;
    out.sequence = ++c->sequence;
    out.kind = (Sf__AgentEventKind)e->kind;
    out.agent = (char *)(uintptr_t)e->agent;
    out.dn = (char *)(uintptr_t)e->dn;
    out.state = (Sf__AgentState)e->state;
    out.reason = (char *)(uintptr_t)e->reason;
    out.since_ms = server_wall_ms(e->since);
    out.call = (char *)(uintptr_t)e->call;
    out.caller = (char *)(uintptr_t)e->caller;
    out.queue = (char *)(uintptr_t)e->queue;
    (void)bus_peer_send(c->peer, MESSAGE_AGENT_EVENT, &out);
}

static bool dn_in_service(struct agents *agents, const char *dn)
{
    struct sc_dn_status status;
    uint32_t cursor = 0;

    while (sc_next_dn(agents->server->core, &cursor, &status))
        if (strcmp(status.dn, dn) == 0)
            return status.in_service;
    return false;
}

static void snapshot(struct agents *agents, struct client *c)
{
    Sf__AgentEvent end = SF__AGENT_EVENT__INIT;
    struct sc_agent_event e;
    uint32_t cursor = 0;

    while (sc_next_agent(agents->server->core, &cursor, &e)) {
        tell(c, &e);
        if (e.state == SC_AGENT_NULL)
            continue;
        e.kind = dn_in_service(agents, e.dn) ? SC_AGENT_DN_IN : SC_AGENT_DN_OUT;
        tell(c, &e);
    }
    cursor = 0;
    while (sc_next_line(agents->server->core, &cursor, &e))
        tell(c, &e);
    end.sequence = ++c->sequence;
    end.kind = SF__AGENT_EVENT_KIND__AGENT_EVENT_SNAPSHOT_END;
    (void)bus_peer_send(c->peer, MESSAGE_AGENT_EVENT, &end);
}

void agents_snapshot_all(struct agents *agents)
{
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        if (agents->clients[i].peer != NULL && agents->clients[i].subscribed)
            snapshot(agents, &agents->clients[i]);
}

void agents_event(struct agents *agents, const struct sc_agent_event *event)
{
    if (agents == NULL)
        return; /* before the first conversation */
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        if (agents->clients[i].peer != NULL && agents->clients[i].subscribed)
            tell(&agents->clients[i], event);
}

void agents_reply(struct agents *agents, const struct sc_agent_reply *reply)
{
    Sf__AgentReply out = SF__AGENT_REPLY__INIT;
    struct attached attached;

    attached_fill(&attached, reply->data);
    out.attached = attached.list;
    out.n_attached = attached.n;
    out.call = (char *)(uintptr_t)reply->call;
    out.request_id = reply->request_id;
    out.code = reply->code;
    out.text = (char *)(uintptr_t)reply->text;
    out.retriable = reply->retriable;
    out.state = (Sf__AgentState)reply->state;
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        if (agents->clients[i].peer != NULL && agents->clients[i].id == reply->client)
            (void)bus_peer_send(agents->clients[i].peer, MESSAGE_AGENT_REPLY, &out);
}

static void on_request(struct agents *agents, struct client *c, const Sf__AgentRequest *in)
{
    struct sc_agent_request r = {.request_id = in->request_id,
                                 .client = c->id,
                                 .op = (enum sc_agent_op)in->op,
                                 .state = (enum sc_agent_state)in->state};
    struct sc_agent_reply refusal = {
        .request_id = in->request_id, .client = c->id, .code = -EINVAL};

    if (strlen(in->agent) >= sizeof(r.agent) || strlen(in->dn) >= sizeof(r.dn) ||
        strlen(in->call) >= sizeof(r.call) || strlen(in->number) >= sizeof(r.number)) {
        snprintf(refusal.text, sizeof(refusal.text), "agent, dn, call or number is too long");
        agents_reply(agents, &refusal);
        return;
    }
    refusal.code = attached_read(in->attached, in->n_attached, r.data);
    if (refusal.code != 0) {
        snprintf(refusal.text, sizeof(refusal.text), "attached data: %s",
                 refusal.code == -ENOSPC ? "more than a call can carry"
                                         : "a key or a value is malformed");
        agents_reply(agents, &refusal);
        return;
    }
    snprintf(r.call, sizeof(r.call), "%s", in->call);
    snprintf(r.number, sizeof(r.number), "%s", in->number);
    snprintf(r.agent, sizeof(r.agent), "%s", in->agent);
    snprintf(r.dn, sizeof(r.dn), "%s", in->dn);
    (void)sip_str_copy(sip_str_cut(sip_str_of(in->reason), sizeof(r.reason)), r.reason,
                       sizeof(r.reason));
    server_step(agents->server, &(struct sc_event){.kind = SC_EV_AGENT_REQUEST, .agent = &r});
}

static void on_message(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                       const struct codec_message *message)
{
    struct agents *agents = arg;
    struct client *c = client_of(agents, peer);

    (void)from;
    if (c == NULL) {
        log_event(LEVEL_WARNING, MSG_OVERLOAD, NULL,
                  "a desktop is refused: more than %d are connected", CLIENTS_MAX);
        return;
    }
    switch ((int)message->type) {
    case MESSAGE_AGENT_SUBSCRIBE:
        c->subscribed = true;
        c->sequence = 0;
        snapshot(agents, c);
        return;
    case MESSAGE_AGENT_REQUEST: on_request(agents, c, message->body); return;
    default: return; /* the codec lets nothing else through */
    }
}

static void on_gone(void *arg, struct bus_peer *peer)
{
    struct agents *agents = arg;

    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        if (agents->clients[i].peer == peer)
            agents->clients[i] = (struct client){0};
}

int agents_new(struct server *server, struct agents **ret_agents)
{
    struct agents *agents = calloc(1, sizeof(*agents));
    struct bus *bus = server->component->bus;
    int r;

    if (agents == NULL)
        return -ENOMEM;
    agents->server = server;
    r = bus_bind(bus, ENDPOINT_AGENT, LOOP_SIP, on_message, on_gone, agents);
    if (r != 0) {
        log_event(LEVEL_ERR, MSG_FAULT, NULL, "%s", bus_error(bus));
        free(agents);
        return r;
    }
    *ret_agents = agents;
    return 0;
}

void agents_destroy(struct agents **agents)
{
    free(*agents);
    *agents = NULL;
}
