#include "sipserver/adapt/events.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proto/events.pb-c.h"
#include "sipserver/adapt/records.h"
#include "sipserver/adapt/replica.h"
#include "sipserver/adapt/server.h"
#include "sipserver/adapt/stream.h"
#include "sipserver/adapt/udp.h"

#define SUBSCRIBERS_MAX 8
#define BATCH_MAX       512
#define COUNTERS_MAX    192
#define STATUS_MS       1000

static_assert((int)SC_CALL_OVERFLOWED == (int)SF__CALL_PHASE__CALL_OVERFLOWED, "call phases");
static_assert((int)SC_PEERED == (int)SF__MODE__MODE_PEERED, "modes");

/* An event with room for whatever it carries. */
struct slot {
    Sf__Event event;
    union {
        Sf__AgentStatus agent;
        Sf__QueueStatus queue;
        Sf__CallEvent call;
        Sf__DnStatus dn;
        Sf__ServerStatus server;
    };
    union {
        struct sc_agent_event agent_in;
        struct sc_queue_status queue_in;
        struct sc_call_event call_in;
        struct sc_dn_status dn_in;
        struct sc_status server_in;
    };
    char *queues[SC_AGENT_QUEUES_MAX];
    char queue_names[SC_AGENT_QUEUES_MAX][SC_NAME_SIZE]; /* copied: a gathered event waits */
};

struct batch {
    unsigned n;
    Sf__Event *list[BATCH_MAX];
    struct slot slots[BATCH_MAX];
};

struct events {
    struct server *server;
    struct bus_peer *subscribers[SUBSCRIBERS_MAX];
    struct loop_timer *timer;
    struct loop_timer *gather; /* armed while GATHERED has events */
    uint32_t gather_ms;
    uint64_t sequence;
    struct batch gathered; /* happened, not yet sent */
    struct batch snapshot; /* being filled */
    Sf__Counter counters[COUNTERS_MAX];
    Sf__Counter *counter_list[COUNTERS_MAX];
    unsigned counters_n;
};

static char *text(const char *t)
{
    return (char *)(uintptr_t)t; /* protobuf-c does not say const */
}

/* ---- filling ---- */

static struct slot *slot_new(struct batch *b)
{
    struct slot *s = &b->slots[b->n];

    assert(b->n < BATCH_MAX);
    sf__event__init(&s->event);
    s->event.at_ms = loop_wall_ms();
    b->list[b->n++] = &s->event;
    return s;
}

static void fill_agent(struct events *events, struct slot *s, const struct sc_agent_event *e)
{
    const char *names[SC_AGENT_QUEUES_MAX];

    s->agent_in = *e;
    e = &s->agent_in;
    sf__agent_status__init(&s->agent);
    s->agent.agent = text(e->agent);
    s->agent.dn = text(e->dn);
    s->agent.state = (Sf__AgentState)e->state;
    s->agent.reason = text(e->reason);
    s->agent.since_ms = server_wall_ms(e->since);
    s->agent.call = text(e->call);
    s->agent.work = text(sc_agent_work_name(e->work));
    s->agent.n_queues = sc_agent_queues(events->server->core, e->agent, names);
    for (size_t i = 0; i < s->agent.n_queues; i++) {
        snprintf(s->queue_names[i], sizeof(s->queue_names[i]), "%s", names[i]);
        s->queues[i] = s->queue_names[i];
    }
    s->agent.queues = s->queues;
    s->event.what_case = SF__EVENT__WHAT_AGENT;
    s->event.agent = &s->agent;
}

static void fill_queue(struct slot *s, const struct sc_queue_status *e)
{
    s->queue_in = *e;
    sf__queue_status__init(&s->queue);
    s->queue.queue = text(s->queue_in.queue);
    s->queue.waiting = e->waiting;
    s->queue.oldest_since_ms = e->oldest_since.ns != 0 ? server_wall_ms(e->oldest_since) : 0;
    s->queue.agents_ready = e->agents_ready;
    s->queue.agents_logged_in = e->agents_logged_in;
    s->queue.expected_wait_ms = e->expected_wait_ms;
    s->queue.in_music = e->in_music;
    s->queue.waiting_by_priority = s->queue_in.waiting_by;
    s->queue.n_waiting_by_priority = SC_PRIORITIES;
    s->event.what_case = SF__EVENT__WHAT_QUEUE;
    s->event.queue = &s->queue;
}

static void fill_call(struct slot *s, const struct sc_call_event *e)
{
    s->call_in = *e;
    e = &s->call_in;
    sf__call_event__init(&s->call);
    s->call.call = text(e->call);
    s->call.phase = (Sf__CallPhase)e->phase;
    s->call.queue = text(e->queue);
    s->call.agent = text(e->agent);
    s->call.dn = text(e->dn);
    s->call.caller = text(e->caller);
    s->call.wait_ms = e->wait_ms;
    s->call.talk_ms = e->talk_ms;
    s->call.cause = e->cause;
    s->call.reason = text(e->reason);
    s->event.what_case = SF__EVENT__WHAT_CALL;
    s->event.call = &s->call;
}

static void fill_dn(struct slot *s, const struct sc_dn_status *e)
{
    s->dn_in = *e;
    sf__dn_status__init(&s->dn);
    s->dn.dn = text(s->dn_in.dn);
    s->dn.in_service = e->in_service;
    s->dn.reason = text(s->dn_in.reason);
    s->dn.since_ms = server_wall_ms(e->since);
    s->dn.trunk = e->trunk;
    s->event.what_case = SF__EVENT__WHAT_DN;
    s->event.dn = &s->dn;
}

static void add_counter(void *arg, const char *name, uint64_t value)
{
    struct events *events = arg;
    Sf__Counter *c = &events->counters[events->counters_n];

    if (events->counters_n == COUNTERS_MAX)
        return;
    sf__counter__init(c);
    c->name = text(name);
    c->value = value;
    events->counter_list[events->counters_n++] = c;
}

static void add_records(struct events *events, struct records *records)
{
    struct records_state state;

    if (records == NULL)
        return; /* not yet open */
    records_state(records, &state);
    add_counter(events, "records_written", state.written);
    add_counter(events, "records_expired", state.expired);
    add_counter(events, "drop_records_full", state.lost);
}

static void fill_server(struct events *events, struct slot *s)
{
    struct server *server = events->server;

    sc_status(server->core, &s->server_in);
    sf__server_status__init(&s->server);
    s->server.mode = (Sf__Mode)s->server_in.mode;
    s->server.mode_reason = s->server_in.mode_reason;
    s->server.calls = s->server_in.calls;
    s->server.registrations = s->server_in.registrations;
    s->server.drops = s->server_in.drops + udp_drops(server->udp) + stream_drops(server->stream) +
                      bus_drops(server->component->bus);
    events->counters_n = 0;
    sc_counters(server->core, add_counter, events);
    add_counter(events, "drop_unsent", udp_drops(server->udp) - udp_full(server->udp));
    add_counter(events, "drop_udp_full", udp_full(server->udp));
    stream_counters(server->stream, add_counter, events);
    bus_counters(server->component->bus, add_counter, events);
    replica_counters(server->replica, add_counter, events);
    add_records(events, server->records);
    s->server.counters = events->counter_list;
    s->server.n_counters = events->counters_n;
    s->event.what_case = SF__EVENT__WHAT_SERVER;
    s->event.server = &s->server;
}

/* ---- what happens ---- */

static void flush(struct events *events);

/* A slot of the batch being gathered, numbered; NULL when nobody listens. */
static struct slot *happened(struct events *events)
{
    struct slot *s;

    if (events == NULL)
        return NULL; /* before the first conversation */
    if (events->gathered.n == BATCH_MAX)
        flush(events);
    if (events->gathered.n == 0)
        loop_timer_set(events->gather,
                       mono_grid(loop_now(events->server->component->loop), events->gather_ms));
    s = slot_new(&events->gathered);
    s->event.sequence = ++events->sequence;
    return s;
}

void events_agent(struct events *events, const struct sc_agent_event *e)
{
    struct slot *s = e->kind == SC_AGENT_STATE ? happened(events) : NULL;

    if (s != NULL)
        fill_agent(events, s, e);
}

void events_queue(struct events *events, const struct sc_queue_status *e)
{
    struct slot *s = happened(events);

    if (s != NULL)
        fill_queue(s, e);
}

void events_call(struct events *events, const struct sc_call_event *e)
{
    struct slot *s = happened(events);

    if (s != NULL)
        fill_call(s, e);
}

void events_dn(struct events *events, const struct sc_dn_status *e)
{
    struct slot *s = happened(events);

    if (s != NULL)
        fill_dn(s, e);
}

void events_server(struct events *events)
{
    struct slot *s;

    if (events == NULL)
        return;
    flush(events); /* the counters of one batch are shared: one status in each */
    s = happened(events);
    fill_server(events, s);
    flush(events);
}

static void send(struct events *events, struct bus_peer *to, struct batch *b, bool snapshot,
                 bool more)
{
    Sf__EventBatch out = SF__EVENT_BATCH__INIT;

    out.snapshot = snapshot;
    out.more = more;
    out.last_sequence = events->sequence;
    out.n_events = b->n;
    out.events = b->list;
    (void)bus_peer_send(to, MESSAGE_EVENT_BATCH, &out); /* a lost batch is seen by the numbers */
}

static void flush(struct events *events)
{
    if (events->gathered.n == 0)
        return;
    loop_timer_set(events->gather, MONO_NEVER);
    for (unsigned i = 0; i < SUBSCRIBERS_MAX; i++)
        if (events->subscribers[i] != NULL)
            send(events, events->subscribers[i], &events->gathered, false, false);
    events->gathered.n = 0;
}

/* ---- snapshots ---- */

static struct slot *snapshot_slot(struct events *events, struct bus_peer *to)
{
    struct slot *s;

    if (events->snapshot.n == BATCH_MAX) {
        send(events, to, &events->snapshot, true, true);
        events->snapshot.n = 0;
    }
    s = slot_new(&events->snapshot);
    s->event.sequence = events->sequence;
    return s;
}

static void snapshot(struct events *events, struct bus_peer *to)
{
    const struct sc *core = events->server->core;
    struct sc_agent_event agent;
    struct sc_queue_status queue;
    struct sc_dn_status dn;
    uint32_t cursor = 0;

    flush(events);
    events->snapshot.n = 0;
    while (sc_next_agent(core, &cursor, &agent))
        fill_agent(events, snapshot_slot(events, to), &agent);
    cursor = 0;
    while (sc_next_queue(core, &cursor, &queue))
        fill_queue(snapshot_slot(events, to), &queue);
    cursor = 0;
    while (sc_next_dn(core, &cursor, &dn))
        fill_dn(snapshot_slot(events, to), &dn);
    fill_server(events, snapshot_slot(events, to));
    send(events, to, &events->snapshot, true, false);
    events->snapshot.n = 0;
}

void events_snapshot_all(struct events *events)
{
    for (unsigned i = 0; i < SUBSCRIBERS_MAX; i++)
        if (events->subscribers[i] != NULL)
            snapshot(events, events->subscribers[i]);
}

/* ---- the conversation ---- */

static void on_gone(void *arg, struct bus_peer *peer)
{
    struct events *events = arg;

    for (unsigned i = 0; i < SUBSCRIBERS_MAX; i++)
        if (events->subscribers[i] == peer)
            events->subscribers[i] = NULL;
}

static void on_message(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                       const struct codec_message *message)
{
    struct events *events = arg;
    unsigned i = 0;

    (void)from;
    if (message->type != MESSAGE_EVENT_SUBSCRIBE)
        return;
    flush(events);
    on_gone(events, peer); /* it starts afresh */
    while (i < SUBSCRIBERS_MAX && events->subscribers[i] != NULL)
        i++;
    if (i == SUBSCRIBERS_MAX) {
        log_event(LEVEL_WARNING, MSG_OVERLOAD, NULL,
                  "a Stat Server is refused: more than %d are connected", SUBSCRIBERS_MAX);
        return;
    }
    events->subscribers[i] = peer;
    snapshot(events, peer);
}

static void on_gathered(void *arg, mono_t now)
{
    (void)now;
    flush(arg);
}

void events_gather(struct events *events, uint32_t ms)
{
    if (events != NULL)
        events->gather_ms = ms;
}

static void on_timer(void *arg, mono_t now)
{
    struct events *events = arg;

    events_server(events);
    loop_timer_set(events->timer, mono_add_ms(now, STATUS_MS));
}

int events_new(struct server *server, struct events **ret_events)
{
    struct events *events = calloc(1, sizeof(*events));
    struct component *component = server->component;
    int r;

    if (events == NULL)
        return -ENOMEM;
    events->server = server;
    events->gather_ms = EVENTS_GATHER_MS;
    r = loop_timer_new(component->loop, LOOP_STATISTICS, on_timer, events, &events->timer);
    if (r == 0)
        r = loop_timer_new(component->loop, LOOP_STATISTICS, on_gathered, events, &events->gather);
    if (r == 0)
        r = bus_bind(component->bus, ENDPOINT_EVENTS, LOOP_STATISTICS, on_message, on_gone, events);
    if (r != 0) {
        log_event(LEVEL_ERR, MSG_FAULT, NULL, "%s", bus_error(component->bus));
        events_destroy(&events);
        return r;
    }
    loop_timer_set(events->timer, mono_add_ms(loop_now(component->loop), STATUS_MS));
    *ret_events = events;
    return 0;
}

void events_destroy(struct events **events)
{
    if (*events == NULL)
        return;
    if ((*events)->gather != NULL)
        flush(*events); /* an orderly stop tells everything */
    loop_timer_destroy(&(*events)->gather);
    loop_timer_destroy(&(*events)->timer);
    free(*events);
    *events = NULL;
}
