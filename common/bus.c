#include "common/bus.h"

#include "common/bus_inner.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#define GREET_RETRY_MS 10 /* ZeroMQ reports a connection shortly before it can be used */
#define PROBE_MS       5  /* ... and its end shortly before a send fails */
#define BYE_LINGER_MS  50 /* so long may a farewell take to leave */

static void on_tick(void *arg, mono_t now);
static void link_restart(struct bus_link *link, const char *why);
static void peer_gone(struct bus_peer *peer, const char *why);

static void *take(size_t size)
{
    void *p = calloc(1, size);

    if (p == NULL)
        abort(); /* out of memory ends the process */
    return p;
}

/* ---- the bus ---- */

int bus_new(struct loop *loop, const struct bus_conf *conf, struct bus **ret_bus)
{
    struct bus *bus = take(sizeof *bus);
    int r;

    bus->loop = loop;
    bus->self = conf->self;
    bus->bootstrap = *conf->bootstrap;
    bus->queue_max = conf->queue_max != 0 ? conf->queue_max : BUS_QUEUE_MAX;
    bus->silent_ms =
        conf->peer_silent_ms != 0 ? conf->peer_silent_ms : conf->bootstrap->timeouts.peer_silent;
    if (bus->silent_ms == 0)
        bus->silent_ms = BUS_SILENT_MS;
    list_init(&bus->bindings);
    list_init(&bus->links);
    while (bus->boot_id == 0)
        if (getrandom(&bus->boot_id, sizeof bus->boot_id, 0) != (ssize_t)sizeof bus->boot_id)
            abort();
    bus->context = zmq_ctx_new();
    if (bus->context == NULL)
        abort();
    r = loop_timer_new(loop, LOOP_LEASE, on_tick, bus, &bus->tick);
    if (r < 0) {
        bus_destroy(&bus);
        return r;
    }
    loop_timer_set(bus->tick, mono_add_ms(loop_now_exact(), bus->silent_ms / 6));
    *ret_bus = bus;
    return 0;
}

static void free_link(struct bus_link *link)
{
    list_remove(&link->in_bus);
    free(link);
}

static void free_peer(struct bus_peer *peer)
{
    list_remove(&peer->in_binding);
    peer->binding->peer_count--;
    free(peer);
}

static void free_binding(struct bus_binding *binding)
{
    LIST_EACH(l, &binding->peers)
    {
        struct bus_peer *peer = CONTAINER_OF(l, struct bus_peer, in_binding);
        Sf__BusBye bye = SF__BUS_BYE__INIT;
        (void)bus_peer_send(peer, MESSAGE_BUS_BYE, &bye);
        free_peer(peer);
    }
    bus_socket_close(&binding->local, BYE_LINGER_MS);
    bus_socket_close(&binding->wide, BYE_LINGER_MS);
    list_remove(&binding->in_bus);
    free(binding);
}

void bus_destroy(struct bus **bus)
{
    struct bus *b = *bus;

    *bus = NULL;
    if (b == NULL)
        return;
    assert(b->busy == 0); /* not from a handler of the bus */
    LIST_EACH(l, &b->links)
    {
        struct bus_link *link = CONTAINER_OF(l, struct bus_link, in_bus);
        bus_link_destroy(&link);
    }
    LIST_EACH(l, &b->bindings)
    free_binding(CONTAINER_OF(l, struct bus_binding, in_bus));
    bus_zap_close(b);
    loop_timer_destroy(&b->tick);
    while (zmq_ctx_term(b->context) != 0 && zmq_errno() == EINTR)
        ;
    keys_forget(&b->keys);
    free(b);
}

void bus_set_role(struct bus *bus, bool primary, uint64_t epoch)
{
    bus->primary = primary;
    bus->epoch = epoch;
}

const char *bus_error(const struct bus *bus)
{
    return bus->error;
}

/* enter, leave - around every handler: links that handlers destroy are freed after the last. */
static void enter(struct bus *bus)
{
    bus->busy++;
}

static void leave(struct bus *bus)
{
    if (--bus->busy > 0)
        return;
    LIST_EACH(l, &bus->links)
    {
        struct bus_link *link = CONTAINER_OF(l, struct bus_link, in_bus);
        if (link->dead)
            free_link(link);
    }
}

static void tick_within(struct bus *bus, int64_t ms)
{
    loop_timer_set(bus->tick, mono_add_ms(loop_now_exact(), ms));
}

/* encode - BODY in an envelope of ours. */
static int encode(struct bus *bus, enum message_type type, const void *body, uint64_t sequence,
                  uint8_t **ret_data, size_t *ret_size)
{
    const struct bootstrap_site *site = bootstrap_self_site(&bus->bootstrap);
    Sf__Envelope head = SF__ENVELOPE__INIT;
    struct codec_error error;
    int r;

    head.cluster = bus->bootstrap.cluster;
    head.site = site != NULL ? site->id : 0;
    head.host = (char *)(uintptr_t)bootstrap_self(&bus->bootstrap)->name;
    head.process = (uint32_t)bus->self;
    head.role = bus->primary ? SF__ROLE__ROLE_PRIMARY : SF__ROLE__ROLE_BACKUP;
    head.epoch = bus->epoch;
    head.boot_id = bus->boot_id;
    head.sequence = sequence;
    r = codec_encode(&head, type, body, ret_data, ret_size, &error);
    if (r < 0)
        log_limited(&bus->send_limit, LEVEL_ERR, MSG_BUS_REFUSED,
                    LOG_FIELDS(.object = message_type_name(type)), "cannot send: %s: %s",
                    error.field, codec_verdict_text(error.verdict));
    return r;
}

static int queue_full(struct bus *bus, enum endpoint endpoint, const char *to)
{
    bus->full++;
    log_limited(&bus->full_limit, LEVEL_WARNING, MSG_BUS_FULL,
                LOG_FIELDS(.object = endpoint_name(endpoint)), "the queue to %s is full", to);
    return -EAGAIN;
}

/* receive - one frame, or the last of several; false when there is none.  *ret_parts says how many
 * there were, the first is in FIRST. */
static bool receive(void *socket, zmq_msg_t *first, zmq_msg_t *last, int *ret_parts)
{
    (void)zmq_msg_init(first);
    (void)zmq_msg_init(last);
    if (zmq_msg_recv(first, socket, ZMQ_DONTWAIT) < 0)
        return false;
    *ret_parts = 1;
    for (int more = zmq_msg_more(first); more != 0; more = zmq_msg_more(last)) {
        if (zmq_msg_recv(last, socket, ZMQ_DONTWAIT) < 0)
            return false;
        ++*ret_parts;
    }
    return true;
}

/* decode - the message in FRAME, or NULL and the refusal counted; *SEQUENCE follows a refused
 * message whose number is known, so that the refusal makes no gap. */
static struct codec_message *decode(struct bus *bus, zmq_msg_t *frame, enum endpoint endpoint,
                                    enum codec_way way, const char *from, uint64_t *sequence)
{
    struct codec_message *message = NULL;
    struct codec_error error;
    char detail[200];

    if (codec_decode(zmq_msg_data(frame), zmq_msg_size(frame), endpoint, way, &message, &error) ==
        0)
        return message;
    if (sequence != NULL && error.sequence == *sequence + 1)
        ++*sequence;
    (void)snprintf(detail, sizeof detail, "%s %s", codec_verdict_text(error.verdict), error.field);
    bus_refuse(bus,
               error.verdict == CODEC_TYPE || error.verdict == CODEC_WAY ? BUS_REFUSED_WAY
                                                                         : BUS_REFUSED_MALFORMED,
               endpoint, from, detail);
    return NULL;
}

/* owner_of - the host that FRAME really came from: on WIDE sockets the owner of the key. */
static uint32_t owner_of(const struct bus *bus, const struct bus_socket *socket, zmq_msg_t *frame)
{
    const char *user = socket->wide ? zmq_msg_gets(frame, "User-Id") : NULL;

    if (!socket->wide)
        return bus->bootstrap.self;
    return user != NULL ? bootstrap_host(&bus->bootstrap, user) : BOOTSTRAP_NONE;
}

/* ---- peers: the binder's side ---- */

static int peer_transmit(struct bus_peer *peer, enum message_type type, const void *body)
{
    struct bus_binding *binding = peer->binding;
    struct bus *bus = binding->bus;
    uint8_t *data;
    size_t size;
    int r = encode(bus, type, body, peer->sent_sequence + 1, &data, &size);

    if (r < 0)
        return r;
    if (zmq_send(peer->socket->zmq, peer->id, peer->id_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        r = zmq_errno() == EAGAIN ? -EAGAIN : -ENOTCONN;
    } else {
        (void)zmq_send(peer->socket->zmq, data, size, ZMQ_DONTWAIT);
        peer->sent_sequence++;
        peer->sent = loop_now_exact();
        bus->out++;
    }
    free(data);
    return r;
}

int bus_peer_send(struct bus_peer *peer, enum message_type type, const void *body)
{
    struct bus *bus = peer->binding->bus;
    int r;

    assert(codec_allowed(type, peer->binding->endpoint, CODEC_DOWN));
    r = peer->lost ? -ENOTCONN : peer_transmit(peer, type, body);
    if (r == -EAGAIN)
        return queue_full(bus, peer->binding->endpoint, peer->sender.host);
    if (r == -ENOTCONN) {
        bus->not_connected++;
        peer->lost = true;
        tick_within(bus, 0);
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
    struct bus_peer *peer = take(sizeof *peer);

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

    if (encode(binding->bus, MESSAGE_BUS_BYE, &bye, 1, &data, &size) < 0)
        return;
    if (zmq_send(socket->zmq, zmq_msg_data(id), zmq_msg_size(id), ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        (void)zmq_send(socket->zmq, data, size, ZMQ_DONTWAIT);
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
    uint32_t owner = owner_of(bus, socket, frame);
    const char *from = owner < bus->bootstrap.host_count ? bus->bootstrap.hosts[owner].name : "";
    struct codec_message *message;
    bool fresh;
    int refused;

    if (peer != NULL && mono_diff_ms(now, peer->heard) > bus->silent_ms) {
        peer_gone(peer, "silent"); /* we stood still: what is queued is stale */
        peer = NULL;
    }
    message = decode(bus, frame, binding->endpoint, CODEC_UP, from,
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

    enter(binding->bus);
    for (int i = 0; i < BUS_BATCH && receive(socket->zmq, &id, &frame, &parts); i++) {
        if (parts == 2 && zmq_msg_size(&id) <= BUS_ID_MAX)
            handle_up(binding, socket, &id, &frame);
        else
            bus_refuse(binding->bus, BUS_REFUSED_MALFORMED, binding->endpoint, "", "frames");
        (void)zmq_msg_close(&id);
        (void)zmq_msg_close(&frame);
    }
    leave(binding->bus);
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
                tick_within(binding->bus, PROBE_MS);
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
    binding = take(sizeof *binding);
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
        free_binding(binding);
    return r;
}

/* ---- links: the connector's side ---- */

static int link_transmit(struct bus_link *link, enum message_type type, const void *body)
{
    struct bus *bus = link->bus;
    uint8_t *data;
    size_t size;
    int r = encode(bus, type, body, link->sent_sequence + 1, &data, &size);

    if (r < 0)
        return r;
    if (zmq_send(link->socket.zmq, data, size, ZMQ_DONTWAIT) < 0) {
        r = -EAGAIN;
    } else {
        link->sent_sequence++;
        link->sent = loop_now_exact();
        bus->out++;
    }
    free(data);
    return r;
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
    return r == -EAGAIN ? queue_full(link->bus, link->endpoint, bus_link_host(link)) : r;
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
    struct codec_message *message =
        decode(bus, frame, link->endpoint, CODEC_DOWN, bus_link_host(link), &link->heard_sequence);
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
    enter(bus);
    if (link->up && mono_diff_ms(loop_now_exact(), link->heard) > bus->silent_ms) {
        link_restart(link, "silent"); /* we stood still: what is queued is stale */
        go_on = false;
    }
    for (int i = 0; i < BUS_BATCH && go_on && receive(link->socket.zmq, &frame, &rest, &parts);
         i++) {
        if (parts == 1)
            go_on = handle_down(link, &frame);
        else
            bus_refuse(bus, BUS_REFUSED_MALFORMED, link->endpoint, bus_link_host(link), "frames");
        (void)zmq_msg_close(&frame);
        (void)zmq_msg_close(&rest);
    }
    leave(bus);
}

static void on_link_monitor(void *arg, uint32_t events)
{
    struct bus_link *link = arg;
    struct bus *bus = link->bus;
    int event;

    (void)events;
    enter(bus);
    while (!link->dead && (event = bus_monitor_next(&link->socket)) != 0) {
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            link_greet(link);
            if (!link->greeted)
                tick_within(bus, GREET_RETRY_MS);
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
    leave(bus);
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
    link = take(sizeof *link);
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
        free_link(link);
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
    bus_socket_close(&l->socket, l->up ? BYE_LINGER_MS : 0);
    l->up = false;
    l->dead = true;
    if (l->bus->busy == 0)
        free_link(l);
}

/* ---- liveness ---- */

static void tick_link(struct bus_link *link, mono_t now)
{
    int64_t silent_ms = link->bus->silent_ms;
    Sf__BusBeat beat = SF__BUS_BEAT__INIT;

    if (link->up) {
        if (mono_diff_ms(now, link->heard) > silent_ms)
            link_restart(link, "silent");
        else if (mono_diff_ms(now, link->sent) >= silent_ms / 3)
            (void)link_transmit(link, MESSAGE_BUS_BEAT, &beat);
        return;
    }
    if (mono_diff_ms(now, link->opened) > 2 * silent_ms)
        link_restart(link, "no answer"); /* ZeroMQ gives up for good on some refusals */
    else
        link_greet(link);
}

static void tick_binding(struct bus_binding *binding, mono_t now)
{
    struct bus *bus = binding->bus;
    bool probe = binding->probe;

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
    }
}

static void on_tick(void *arg, mono_t now)
{
    struct bus *bus = arg;

    enter(bus);
    loop_timer_set(bus->tick, mono_add_ms(now, bus->silent_ms / 6));
    LIST_EACH(l, &bus->links)
    {
        struct bus_link *link = CONTAINER_OF(l, struct bus_link, in_bus);
        if (!link->dead)
            tick_link(link, now);
    }
    LIST_EACH(l, &bus->bindings)
    tick_binding(CONTAINER_OF(l, struct bus_binding, in_bus), now);
    leave(bus);
}
