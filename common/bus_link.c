/* The connector's side of the bus: a link is one session with a binder, then the next. */
#include "common/bus.h"

#include "common/bus_inner.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GREET_RETRY_MS 10 /* ZeroMQ reports a connection shortly before it can be used */

static void link_restart(struct bus_link *link, const char *why);

void bus_link_free(struct bus_link *link)
{
    list_remove(&link->in_bus);
    free(link);
}

static int link_transmit(struct bus_link *link, enum message_type type, const void *body)
{
    struct bus *bus = link->bus;
    uint8_t *data;
    size_t size;
    int r = bus_encode(bus, type, body, link->sent_sequence + 1, &data, &size);

    if (r < 0)
        return r;
    loop_zmq_used(link->socket.io);
    if (bus_send(link->socket.zmq, data, size) != 0)
        return -EAGAIN;
    link->sent_sequence++;
    link->sent = loop_now_exact();
    bus->out++;
    return 0;
}

int bus_link_send(struct bus_link *link, enum message_type type, const void *body)
{
    int r;

    assert(codec_allowed(type, link->endpoint, CODEC_UP));
    if (!link->up) {
        link->bus->not_connected++;
        return -ENOTCONN;
    }
    r = link_transmit(link, type, body);
    return r == -EAGAIN ? bus_queue_full(link->bus, link->endpoint, bus_link_host(link)) : r;
}

bool bus_link_up(const struct bus_link *link)
{
    return link->up;
}

const char *bus_link_host(const struct bus_link *link)
{
    return link->bus->bootstrap.hosts[link->host].name;
}

/* link_greet - our first message, as soon as there is a connection. */
static void link_greet(struct bus_link *link)
{
    Sf__BusBeat beat = SF__BUS_BEAT__INIT;

    if (!link->greeted && link->socket.zmq != NULL)
        link->greeted = link_transmit(link, MESSAGE_BUS_BEAT, &beat) == 0;
}

static void link_state(struct bus_link *link, bool up, const char *why)
{
    link->up = up;
    log_event(LEVEL_NOTICE, MSG_BUS_LINK,
              LOG_FIELDS(.object = endpoint_name(link->endpoint), .to = up ? "UP" : "DOWN"),
              "%s of %s: %s", endpoint_name(link->endpoint), bus_link_host(link), why);
    if (link->on_state != NULL)
        link->on_state(link->arg, link, up);
}

/* binder_of - which process must answer. */
static uint32_t binder_of(const struct bus_link *link)
{
    bool arbiter = bootstrap_is_arbiter(&link->bus->bootstrap, link->host);

    for (uint32_t process = 1; process < 32; process++)
        if (bus_may_bind(link->endpoint, process) && (process == PROCESS_ARBITER) == arbiter)
            return process;
    return PROCESS_NONE;
}

/* handle_down - one message of the binder; false when the session has ended with it. */
static bool handle_down(struct bus_link *link, zmq_msg_t *frame)
{
    struct bus *bus = link->bus;
    struct codec_message *message = bus_decode(bus, frame, link->endpoint, CODEC_DOWN,
                                               bus_link_host(link), &link->heard_sequence);
    const Sf__Envelope *e;
    bool go_on = true;
    int refused;

    if (message == NULL)
        return true;
    e = message->envelope;
    refused = bus_check_sender(bus, e, link->host);
    if (refused == BUS_ACCEPTED && e->process != binder_of(link))
        refused = BUS_REFUSED_PROCESS;
    if (refused == BUS_ACCEPTED && message->type == MESSAGE_BUS_BYE) {
        link_restart(link, "the other side starts afresh");
        codec_free(&message);
        return false;
    }
    if (refused == BUS_ACCEPTED && e->sequence <= link->heard_sequence)
        refused = BUS_REFUSED_SEQUENCE;
    if (refused == BUS_ACCEPTED && (e->sequence > link->heard_sequence + 1 ||
                                    (link->up && e->boot_id != link->sender.boot_id)))
        refused = BUS_REFUSED_SESSION;
    if (refused != BUS_ACCEPTED) {
        bus_refuse(bus, (enum bus_refused)refused, link->endpoint, bus_link_host(link), "");
        codec_free(&message);
        if (refused != BUS_REFUSED_SESSION)
            return true;
        bus->gaps++;
        link_restart(link, "messages are missing");
        return false;
    }
    link->heard_sequence++;
    link->heard = loop_now_exact();
    bus->in++;
    if (!link->up) {
        bus_sender_from(&link->sender, e);
        link_state(link, true, "connected");
    }
    if (link->up && message->type != MESSAGE_BUS_BEAT) {
        if (bus_check_epoch(bus, e) == BUS_ACCEPTED) {
            bus_sender_from(&link->sender, e);
            link->on_message(link->arg, link, &link->sender, message);
        } else {
            bus_refuse(bus, BUS_REFUSED_EPOCH, link->endpoint, bus_link_host(link), "");
        }
    }
    go_on = !link->dead;
    codec_free(&message);
    return go_on;
}

static void on_link(void *arg, uint32_t events)
{
    struct bus_link *link = arg;
    struct bus *bus = link->bus;
    zmq_msg_t frame, rest;
    int parts;
    bool go_on = true;

    (void)events;
    bus_enter(bus);
    if (link->up && mono_diff_ms(loop_now_exact(), link->heard) > bus->silent_ms) {
        link_restart(link, "silent"); /* we stood still: what is queued is stale */
        go_on = false;
    }
    for (int i = 0; i < BUS_BATCH && go_on && bus_receive(link->socket.zmq, &frame, &rest, &parts);
         i++) {
        if (parts == 1)
            go_on = handle_down(link, &frame);
        else
            bus_refuse(bus, BUS_REFUSED_MALFORMED, link->endpoint, bus_link_host(link), "frames");
        (void)zmq_msg_close(&frame);
        (void)zmq_msg_close(&rest);
    }
    bus_leave(bus);
}

static void on_link_monitor(void *arg, uint32_t events)
{
    struct bus_link *link = arg;
    struct bus *bus = link->bus;
    int event;

    (void)events;
    bus_enter(bus);
    while (!link->dead && (event = bus_monitor_next(&link->socket)) != 0) {
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            link_greet(link);
            if (!link->greeted)
                bus_tick_within(bus, GREET_RETRY_MS);
        } else if (event == ZMQ_EVENT_DISCONNECTED && link->greeted) {
            link_restart(link, "the connection has ended");
        } else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH ||
                   event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) {
            log_limited(&bus->key_limit, LEVEL_WARNING, MSG_KEYS,
                        LOG_FIELDS(.object = endpoint_name(link->endpoint)),
                        "%s refuses our key, or has another than its %s.key here says",
                        bus_link_host(link), bus_link_host(link));
        }
    }
    bus_leave(bus);
}

/* link_is_wide - over TCP, or over the socket file of this host? */
static bool link_is_wide(const struct bus_link *link)
{
    return link->host != link->bus->bootstrap.self ||
           (bus_reach_of(link->endpoint) & BUS_LOCAL) == 0;
}

/* link_open - a socket for a new session. */
static int link_open(struct bus_link *link)
{
    struct bus *bus = link->bus;
    char id[BUS_ID_MAX];
    int r;

    link->greeted = false;
    link->heard_sequence = 0;
    link->sent_sequence = 0;
    link->opened = loop_now_exact();
    (void)snprintf(id, sizeof id, "%s/%s/%016" PRIx64 "/%" PRIu32 ".%" PRIu32,
                   bootstrap_self(&bus->bootstrap)->name, process_name(bus->self), bus->boot_id,
                   link->number, link->session++);
    r = bus_socket_connect(bus, link->endpoint, link->host, link_is_wide(link), id, &link->socket);
    if (r < 0)
        return r;
    r = loop_zmq_new(bus->loop, link->socket.zmq, link->priority, on_link, link, &link->socket.io);
    if (r == 0)
        r = loop_zmq_new(bus->loop, link->socket.monitor, link->priority, on_link_monitor, link,
                         &link->socket.monitor_io);
    if (r < 0) {
        bus_socket_close(&link->socket, 0);
        return bus_fail(bus, r, "%s: cannot watch the socket: %s", endpoint_name(link->endpoint),
                        strerror(-r));
    }
    return 0;
}

static void link_restart(struct bus_link *link, const char *why)
{
    bus_socket_close(&link->socket, 0);
    if (link->up)
        link_state(link, false, why);
    if (!link->dead && link_open(link) < 0)
        log_limited(&link->bus->key_limit, LEVEL_WARNING, MSG_FAULT,
                    LOG_FIELDS(.object = endpoint_name(link->endpoint)), "%s", link->bus->error);
}

int bus_connect(struct bus *bus, enum endpoint endpoint, const char *host,
                enum loop_priority priority, bus_link_message_fn *on_message,
                bus_link_state_fn *on_state, void *arg, struct bus_link **ret_link)
{
    uint32_t index = host != NULL ? bootstrap_host(&bus->bootstrap, host) : bus->bootstrap.self;
    struct bus_link *link;
    int r;

    if (index == BOOTSTRAP_NONE)
        return bus_fail(bus, -EINVAL, "%s: no host of that name in %s", host, bus->bootstrap.file);
    link = bus_take(sizeof *link);
    *link = (struct bus_link){.bus = bus,
                              .endpoint = endpoint,
                              .priority = priority,
                              .on_message = on_message,
                              .on_state = on_state,
                              .arg = arg,
                              .host = index,
                              .number = bus->links_made++};
    list_append(&bus->links, &link->in_bus);
    if (!bus_may_connect(endpoint, (uint32_t)bus->self) || binder_of(link) == PROCESS_NONE ||
        (link_is_wide(link) &&
         ((bus_reach_of(endpoint) & BUS_WIDE) == 0 || bus->self == PROCESS_CLI)))
        r = bus_fail(bus, -EPERM, "%s of %s: %s may not connect to it (endpoints table)",
                     endpoint_name(endpoint), bus_link_host(link), process_name(bus->self));
    else
        r = link_open(link);
    if (r < 0) {
        bus_link_free(link);
        return r;
    }
    *ret_link = link;
    return 0;
}

void bus_link_destroy(struct bus_link **link)
{
    struct bus_link *l = *link;
    Sf__BusBye bye = SF__BUS_BYE__INIT;

    *link = NULL;
    if (l == NULL || l->dead)
        return;
    if (l->up)
        (void)link_transmit(l, MESSAGE_BUS_BYE, &bye);
    bus_socket_close(&l->socket, l->up ? BUS_BYE_LINGER_MS : 0);
    l->up = false;
    l->dead = true;
    if (l->bus->busy == 0)
        bus_link_free(l);
}

mono_t bus_link_tick(struct bus_link *link, mono_t now)
{
    int64_t silent_ms = link->bus->silent_ms;
    Sf__BusBeat beat = SF__BUS_BEAT__INIT;

    if (link->up) {
        if (mono_diff_ms(now, link->heard) > silent_ms)
            link_restart(link, "silent");
        else if (mono_diff_ms(now, link->sent) >= silent_ms / 3)
            (void)link_transmit(link, MESSAGE_BUS_BEAT, &beat);
        return bus_tick_due(link->bus, link->heard, link->sent);
    }
    if (mono_diff_ms(now, link->opened) > 2 * silent_ms)
        link_restart(link, "no answer"); /* ZeroMQ gives up for good on some refusals */
    else
        link_greet(link);
    return mono_add_ms(now, silent_ms / 6);
}
