#include "sipserver/adapt/output.h"

#include <errno.h>
#include <stdlib.h>

#include "sipserver/adapt/agents.h"
#include "sipserver/adapt/killpoint.h"
#include "sipserver/adapt/records.h"
#include "sipserver/adapt/replica.h"
#include "sipserver/adapt/server.h"
#include "sipserver/adapt/stream.h"
#include "sipserver/adapt/udp.h"

struct output {
    struct server *server;
    struct held *held;
    bool events_lost; /* found no room: desktops are told everything anew */
};

/* ---- leaving ---- */

static void send_datagrams(void *arg, const struct sip_out *out)
{
    struct server *server = ((struct output *)arg)->server;
    unsigned i = 0, n;

    while (i < out->n) {
        for (n = 0; i + n < out->n && out->items[i + n].to.transport == SIP_UDP; n++)
            ;
        if (n > 0) {
            udp_send(server->udp, out, i, n);
        } else {
            stream_send(server->stream, &out->items[i], sip_out_data(out, i));
            n = 1;
        }
        i += n;
    }
}

static void send_reply(void *arg, const struct sc_agent_reply *reply)
{
    agents_reply(((struct output *)arg)->server->agents, reply);
}

static void send_event(void *arg, const struct sc_agent_event *event)
{
    agents_event(((struct output *)arg)->server->agents, event);
}

static void write_record(void *arg, const struct sc_record *record)
{
    records_add(((struct output *)arg)->server->records, record);
}

/* ---- now or later ---- */

static mono_t now_of(const struct output *o)
{
    return loop_now(o->server->component->loop);
}

/* No room: the backup has been silent for too much output. */
static void full(struct output *o)
{
    replica_full(o->server->replica);
}

void output_reply(struct output *o, const struct sc_agent_reply *reply)
{
    if (!replica_holds(o->server->replica))
        send_reply(o, reply);
    else if (!held_reply(o->held, now_of(o), reply))
        full(o);
}

void output_event(struct output *o, const struct sc_agent_event *event)
{
    if (!replica_holds(o->server->replica)) {
        send_event(o, event);
    } else if (!held_event(o->held, now_of(o), event)) {
        o->events_lost = true;
        full(o);
    }
}

void output_record(struct output *o, const struct sc_record *record)
{
    replica_record(o->server->replica, record);
    if (!replica_holds(o->server->replica) || !held_record(o->held, now_of(o), record))
        write_record(o, record);
}

void output_transmit(struct output *o)
{
    struct sip_out *out = &o->server->out.sip;
    uint64_t number;

    if (out->n > 0)
        KILL_POINT(STEPPED);
    switch (replica_commit(o->server->replica, &number)) {
    case REPLICA_LEAVES:
        output_release(o, HELD_ALL);
        send_datagrams(o, out);
        break;
    case REPLICA_WAITS:
        if (!held_datagrams(o->held, now_of(o), out))
            full(o);
        held_mark(o->held, number);
        break;
    case REPLICA_ASKS:
        if (!held_datagrams(o->held, now_of(o), out))
            full(o);
        break;
    }
    sip_out_clear(out);
}

void output_mark(struct output *o, uint64_t number)
{
    held_mark(o->held, number);
}

void output_release(struct output *o, uint64_t number)
{
    if (!held_empty(o->held)) {
        KILL_POINT(ACKNOWLEDGED);
        held_release(o->held, loop_now_exact(), number);
        KILL_POINT(SENT);
    }
    if (!o->events_lost || !held_empty(o->held))
        return;
    o->events_lost = false;
    agents_snapshot_all(o->server->agents);
}

void output_drop(struct output *o)
{
    held_drop(o->held);
    o->events_lost = false;
}

/* ---- the object ---- */

mono_t output_oldest(const struct output *o)
{
    return held_oldest(o->held);
}

int output_room(struct output *o, size_t bytes)
{
    return held_room(o->held, bytes);
}

void output_counts(const struct output *o, struct held_counts *ret_counts)
{
    held_counts(o->held, ret_counts);
}

int output_new(struct server *server, struct output **ret_output)
{
    struct output *o = calloc(1, sizeof(*o));
    const struct held_sink sink = {.arg = o,
                                   .datagrams = send_datagrams,
                                   .reply = send_reply,
                                   .event = send_event,
                                   .record = write_record};
    int r;

    if (o == NULL)
        return -ENOMEM;
    o->server = server;
    r = held_new(&sink, &o->held);
    if (r != 0)
        free(o);
    else
        *ret_output = o;
    return r;
}

void output_destroy(struct output **output)
{
    struct output *o = *output;

    if (o == NULL)
        return;
    held_drop(o->held);
    held_destroy(&o->held);
    free(o);
    *output = NULL;
}
