/* The binder's side of the bus: a binding has a peer for every connection that speaks. */
#include "common/bus.h"

#include "common/bus_inner.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_MS 5 /* ZeroMQ reports the end of a connection shortly before a send fails */

static void peer_gone(struct bus_peer *peer, const char *why);

static void free_peer(struct bus_peer *peer)
{
    list_remove(&peer->in_binding);
    peer->binding->peer_count--;
    free(peer);
}

void bus_binding_free(struct bus_binding *binding)
{
    LIST_EACH(l, &binding->peers)
    {
        struct bus_peer *peer = CONTAINER_OF(l, struct bus_peer, in_binding);
        Sf__BusBye bye = SF__BUS_BYE__INIT;
        (void)bus_peer_send(peer, MESSAGE_BUS_BYE, &bye);
        free_peer(peer);
    }
    bus_socket_close(&binding->local, BUS_BYE_LINGER_MS);
    bus_socket_close(&binding->wide, BUS_BYE_LINGER_MS);
    list_remove(&binding->in_bus);
    free(binding);
}

static int peer_transmit(struct bus_peer *peer, enum message_type type, const void *body)
{
    struct bus_binding *binding = peer->binding;
    struct bus *bus = binding->bus;
    uint8_t *data;
    size_t size;
    int r = bus_encode(bus, type, body, peer->sent_sequence + 1, &data, &size);

    if (r < 0)
        return r;
    loop_zmq_used(peer->socket->io);
    if (zmq_send(peer->socket->zmq, peer->id, peer->id_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        r = zmq_errno() == EAGAIN ? -EAGAIN : -ENOTCONN;
        free(data);
        return r;
    }
    (void)bus_send(peer->socket->zmq, data, size);
    peer->sent_sequence++;
    peer->sent = loop_now_exact();
    bus->out++;
    return 0;
}

int bus_peer_send(struct bus_peer *peer, enum message_type type, const void *body)
{
    struct bus *bus = peer->binding->bus;
    int r;

    assert(codec_allowed(type, peer->binding->endpoint, CODEC_DOWN));
    r = peer->lost ? -ENOTCONN : peer_transmit(peer, type, body);
    if (r == -EAGAIN)
        return bus_queue_full(bus, peer->binding->endpoint, peer->sender.host);
    if (r == -ENOTCONN) {
        bus->not_connected++;
        peer->lost = true;
        bus_tick_within(bus, 0);
    }
    return r;
}

const struct bus_sender *bus_peer_sender(const struct bus_peer *peer)
{
    return &peer->sender;
}

void bus_peer_set_data(struct bus_peer *peer, void *data)
{
    peer->data = data;
}

void *bus_peer_data(const struct bus_peer *peer)
{
    return peer->data;
}

static void peer_beat(struct bus_peer *peer)
{
    Sf__BusBeat beat = SF__BUS_BEAT__INIT;

    if (peer_transmit(peer, MESSAGE_BUS_BEAT, &beat) == -ENOTCONN)
        peer->lost = true;
}

/* peer_gone - end its session; the user is told when it knew the peer. */
static void peer_gone(struct bus_peer *peer, const char *why)
{
    struct bus_binding *binding = peer->binding;

    log_event(LEVEL_INFO, MSG_BUS_LINK,
              LOG_FIELDS(.object = endpoint_name(binding->endpoint), .to = "DOWN"),
              "%s of %s has gone: %s", process_name(peer->sender.process), peer->sender.host, why);
    if (peer->shown && binding->on_gone != NULL)
        binding->on_gone(binding->arg, peer);
    free_peer(peer);
}

static struct bus_peer *find_peer(struct bus_binding *binding, const struct bus_socket *socket,
                                  zmq_msg_t *id)
{
    LIST_EACH(l, &binding->peers)
    {
        struct bus_peer *peer = CONTAINER_OF(l, struct bus_peer, in_binding);
        if (peer->socket == socket && peer->id_size == zmq_msg_size(id) &&
            memcmp(peer->id, zmq_msg_data(id), peer->id_size) == 0)
            return peer;
    }
    return NULL;
}

/* same_link - do two routing ids differ in the session's number alone? */
static bool same_link(const struct bus_peer *a, const struct bus_peer *b)
{
    const uint8_t *dot_a = memrchr(a->id, '.', a->id_size);
    const uint8_t *dot_b = memrchr(b->id, '.', b->id_size);

    return dot_a != NULL && dot_b != NULL && dot_a - a->id == dot_b - b->id &&
           memcmp(a->id, b->id, (size_t)(dot_a - a->id)) == 0;
}

/* replace_older - a session replaces the earlier ones of its link, and a process that has started
 * anew those of its earlier start.  Many command lines may run at once. */
static void replace_older(struct bus_peer *peer)
{
    struct bus_binding *binding = peer->binding;
    struct bus *bus = binding->bus;

    LIST_EACH(l, &binding->peers)
    {
        struct bus_peer *old = CONTAINER_OF(l, struct bus_peer, in_binding);
        bool restarted = old->sender.boot_id != peer->sender.boot_id;
        if (old == peer || old->sender.process != peer->sender.process ||
            strcmp(old->sender.host, peer->sender.host) != 0)
            continue;
        if (restarted && peer->sender.process != PROCESS_CLI) {
            bus_retire(bus, old->sender.boot_id);
            peer_gone(old, "started anew");
        } else if (!restarted && same_link(old, peer)) {
            peer_gone(old, "connected anew");
        }
    }
}

static struct bus_peer *new_peer(struct bus_binding *binding, struct bus_socket *socket,
                                 zmq_msg_t *id, const Sf__Envelope *e)
{
    struct bus_peer *peer = bus_take(sizeof *peer);

    peer->binding = binding;
    peer->socket = socket;
    peer->id_size = zmq_msg_size(id);
    memcpy(peer->id, zmq_msg_data(id), peer->id_size);
    bus_sender_from(&peer->sender, e);
    list_append(&binding->peers, &peer->in_binding);
    binding->peer_count++;
    replace_older(peer);
    log_event(LEVEL_INFO, MSG_BUS_LINK,
              LOG_FIELDS(.object = endpoint_name(binding->endpoint), .to = "UP"),
              "%s of %s is connected", process_name(peer->sender.process), peer->sender.host);
    return peer;
}

/* send_bye - ask a connector that we have no session with to start afresh. */
static void send_bye(struct bus_binding *binding, struct bus_socket *socket, zmq_msg_t *id)
{
    Sf__BusBye bye = SF__BUS_BYE__INIT;
    uint8_t *data;
    size_t size;

    if (bus_encode(binding->bus, MESSAGE_BUS_BYE, &bye, 1, &data, &size) < 0)
        return;
    loop_zmq_used(socket->io);
    if (zmq_send(socket->zmq, zmq_msg_data(id), zmq_msg_size(id), ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        (void)bus_send(socket->zmq, data, size);
    else
        free(data);
}

/* check_up - BUS_ACCEPTED or why a message from below is refused, apart from its sequence. */
static int check_up(struct bus_binding *binding, const struct bus_peer *peer, const Sf__Envelope *e,
                    uint32_t owner)
{
    struct bus *bus = binding->bus;
    int refused = bus_check_sender(bus, e, owner);

    if (refused != BUS_ACCEPTED)
        return refused;
    if (!bus_may_connect(binding->endpoint, e->process))
        return BUS_REFUSED_PROCESS;
    if (bus_retired(bus, e->boot_id))
        return BUS_REFUSED_BOOT;
    if (peer != NULL &&
        (peer->sender.process != (enum process)e->process || peer->sender.boot_id != e->boot_id ||
         strcmp(peer->sender.host, e->host) != 0))
        return BUS_REFUSED_IDENTITY;
    if (peer == NULL && binding->peer_count >= BUS_PEERS_MAX)
        return BUS_REFUSED_PEERS;
    return BUS_ACCEPTED;
}

/* follow_sequence - is SEQUENCE the next of PEER (NULL: of a new session)? */
static int follow_sequence(const struct bus_peer *peer, uint64_t sequence)
{
    uint64_t next = peer != NULL ? peer->heard_sequence + 1 : 1;

    return sequence == next  ? BUS_ACCEPTED
           : sequence > next ? BUS_REFUSED_SESSION
                             : BUS_REFUSED_SEQUENCE;
}

/* deliver_up - an accepted message of PEER. */
static void deliver_up(struct bus_peer *peer, const struct codec_message *message, bool fresh)
{
    struct bus_binding *binding = peer->binding;
    struct bus *bus = binding->bus;

    bus->in++;
    if (fresh)
        peer_beat(peer); /* our first message, which tells the other side that it is connected */
    if (message->type == MESSAGE_BUS_BYE) {
        peer_gone(peer, "it says good-bye");
        return;
    }
    if (message->type == MESSAGE_BUS_BEAT)
        return;
    if (bus_check_epoch(bus, message->envelope) != BUS_ACCEPTED) {
        bus_refuse(bus, BUS_REFUSED_EPOCH, binding->endpoint, peer->sender.host, "");
        return;
    }
    bus_sender_from(&peer->sender, message->envelope);
    peer->shown = true;
    binding->on_message(binding->arg, peer, &peer->sender, message);
}

static void handle_up(struct bus_binding *binding, struct bus_socket *socket, zmq_msg_t *id,
                      zmq_msg_t *frame)
{
    struct bus *bus = binding->bus;
    struct bus_peer *peer = find_peer(binding, socket, id);
    mono_t now = loop_now_exact();
    uint32_t owner = bus_owner_of(bus, socket, frame);
    const char *from = owner < bus->bootstrap.host_count ? bus->bootstrap.hosts[owner].name : "";
    struct codec_message *message;
    bool fresh;
    int refused;

    if (peer != NULL && mono_diff_ms(now, peer->heard) > bus->silent_ms) {
        peer_gone(peer, "silent"); /* we stood still: what is queued is stale */
        peer = NULL;
    }
    message = bus_decode(bus, frame, binding->endpoint, CODEC_UP, from,
                         peer != NULL ? &peer->heard_sequence : NULL);
    if (message == NULL)
        return;
    refused = check_up(binding, peer, message->envelope, owner);
    if (refused == BUS_ACCEPTED)
        refused = follow_sequence(peer, message->envelope->sequence);
    if (refused == BUS_REFUSED_SESSION) {
        bus->gaps += peer != NULL;
        send_bye(binding, socket, id);
        if (peer != NULL)
            peer_gone(peer, "messages are missing");
    }
    if (refused != BUS_ACCEPTED) {
        bus_refuse(bus, (enum bus_refused)refused, binding->endpoint, from, "");
        codec_free(&message);
        return;
    }
    fresh = peer == NULL;
    if (fresh)
        peer = new_peer(binding, socket, id, message->envelope);
    peer->heard_sequence++;
    peer->heard = now;
    deliver_up(peer, message, fresh);
    codec_free(&message);
}

static void drain_binding(struct bus_binding *binding, struct bus_socket *socket)
{
    zmq_msg_t id, frame;
    int parts;

    bus_enter(binding->bus);
    for (int i = 0; i < BUS_BATCH && bus_receive(socket->zmq, &id, &frame, &parts); i++) {
        if (parts == 2 && zmq_msg_size(&id) <= BUS_ID_MAX)
            handle_up(binding, socket, &id, &frame);
        else
            bus_refuse(binding->bus, BUS_REFUSED_MALFORMED, binding->endpoint, "", "frames");
        (void)zmq_msg_close(&id);
        (void)zmq_msg_close(&frame);
    }
    bus_leave(binding->bus);
}

static void on_local(void *arg, uint32_t events)
{
    struct bus_binding *binding = arg;

    (void)events;
    drain_binding(binding, &binding->local);
}

static void on_wide(void *arg, uint32_t events)
{
    struct bus_binding *binding = arg;

    (void)events;
    drain_binding(binding, &binding->wide);
}

static void on_binding_monitor(void *arg, uint32_t events)
{
    struct bus_binding *binding = arg;
    struct bus_socket *sockets[] = {&binding->local, &binding->wide};
    int event;

    (void)events;
    for (size_t i = 0; i < 2; i++)
        while ((event = bus_monitor_next(sockets[i])) != 0)
            if (event == ZMQ_EVENT_DISCONNECTED) {
                binding->probe = true;
                bus_tick_within(binding->bus, PROBE_MS);
            }
}

static int open_binding(struct bus_binding *binding, struct bus_socket *socket, bool wide)
{
    struct bus *bus = binding->bus;
    int r = bus_socket_bind(bus, binding->endpoint, wide, socket);

    if (r < 0)
        return r;
    r = loop_zmq_new(bus->loop, socket->zmq, binding->priority, wide ? on_wide : on_local, binding,
                     &socket->io);
    if (r == 0)
        r = loop_zmq_new(bus->loop, socket->monitor, binding->priority, on_binding_monitor, binding,
                         &socket->monitor_io);
    return r < 0 ? bus_fail(bus, r, "%s: cannot watch the socket: %s",
                            endpoint_name(binding->endpoint), strerror(-r))
                 : 0;
}

int bus_bind(struct bus *bus, enum endpoint endpoint, enum loop_priority priority,
             bus_peer_message_fn *on_message, bus_peer_gone_fn *on_gone, void *arg)
{
    struct bus_binding *binding;
    int r = 0;

    if (!bus_may_bind(endpoint, (uint32_t)bus->self))
        return bus_fail(bus, -EPERM, "%s: %s may not bind it (endpoints table)",
                        endpoint_name(endpoint), process_name(bus->self));
    binding = bus_take(sizeof *binding);
    *binding = (struct bus_binding){.bus = bus,
                                    .endpoint = endpoint,
                                    .priority = priority,
                                    .on_message = on_message,
                                    .on_gone = on_gone,
                                    .arg = arg};
    list_init(&binding->peers);
    list_append(&bus->bindings, &binding->in_bus);
    if ((bus_reach_of(endpoint) & BUS_LOCAL) != 0)
        r = open_binding(binding, &binding->local, false);
    if (r == 0 && (bus_reach_of(endpoint) & BUS_WIDE) != 0)
        r = open_binding(binding, &binding->wide, true);
    if (r < 0)
        bus_binding_free(binding);
    return r;
}

mono_t bus_binding_tick(struct bus_binding *binding, mono_t now)
{
    struct bus *bus = binding->bus;
    bool probe = binding->probe;
    mono_t due = MONO_NEVER;

    binding->probe = false;
    LIST_EACH(l, &binding->peers)
    {
        struct bus_peer *peer = CONTAINER_OF(l, struct bus_peer, in_binding);
        if (!peer->lost && (probe || mono_diff_ms(now, peer->sent) >= (int64_t)bus->silent_ms / 3))
            peer_beat(peer);
        if (peer->lost)
            peer_gone(peer, "its connection has ended");
        else if (mono_diff_ms(now, peer->heard) > (int64_t)bus->silent_ms)
            peer_gone(peer, "silent");
        else
            due = mono_min(due, bus_tick_due(bus, peer->heard, peer->sent));
    }
    return due;
}
