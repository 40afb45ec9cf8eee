#include "common/bus.h"

#include "common/bus_inner.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static void on_tick(void *arg, mono_t now);

void *bus_take(size_t size)
{
    void *p = calloc(1, size);

    if (p == NULL)
        abort();
    return p;
}

/* ---- the bus ---- */

int bus_new(struct loop *loop, const struct bus_conf *conf, struct bus **ret_bus)
{
    struct bus *bus = bus_take(sizeof *bus);
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
    if (conf->realtime_priority != 0) {
        (void)zmq_ctx_set(bus->context, ZMQ_THREAD_SCHED_POLICY, SCHED_RR);
        (void)zmq_ctx_set(bus->context, ZMQ_THREAD_PRIORITY, (int)conf->realtime_priority);
    }
    r = loop_timer_new(loop, LOOP_LEASE, on_tick, bus, &bus->tick);
    if (r < 0) {
        bus_destroy(&bus);
        return r;
    }
    bus->tick_at = MONO_NEVER;
    bus_tick_within(bus, bus->silent_ms / 6);
    *ret_bus = bus;
    return 0;
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
    bus_binding_free(CONTAINER_OF(l, struct bus_binding, in_bus));
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

void bus_enter(struct bus *bus)
{
    bus->busy++;
}

void bus_leave(struct bus *bus)
{
    if (--bus->busy > 0)
        return;
    LIST_EACH(l, &bus->links)
    {
        struct bus_link *link = CONTAINER_OF(l, struct bus_link, in_bus);
        if (link->dead)
            bus_link_free(link);
    }
}

mono_t bus_tick_due(const struct bus *bus, mono_t heard, mono_t sent)
{
    return mono_min(mono_add_ms(heard, (int64_t)bus->silent_ms + 1),
                    mono_add_ms(sent, bus->silent_ms / 3));
}

static void tick_at(struct bus *bus, mono_t at)
{
    bus->tick_at = mono_min(bus->tick_at, at);
    loop_timer_set(bus->tick, bus->tick_at);
}

void bus_tick_within(struct bus *bus, int64_t ms)
{
    tick_at(bus, mono_add_ms(loop_now_exact(), ms));
}

int bus_encode(struct bus *bus, enum message_type type, const void *body, uint64_t sequence,
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

static void release(void *data, void *hint)
{
    (void)hint;
    free(data);
}

int bus_send(void *socket, uint8_t *data, size_t size)
{
    zmq_msg_t message;
    int r = 0;

    if (zmq_msg_init_data(&message, data, size, release, NULL) != 0)
        abort();
    if (zmq_msg_send(&message, socket, ZMQ_DONTWAIT) < 0) {
        r = zmq_errno() == EAGAIN ? -EAGAIN : -ENOTCONN;
        (void)zmq_msg_close(&message);
    }
    return r;
}

int bus_queue_full(struct bus *bus, enum endpoint endpoint, const char *to)
{
    bus->full++;
    log_limited(&bus->full_limit, LEVEL_WARNING, MSG_BUS_FULL,
                LOG_FIELDS(.object = endpoint_name(endpoint)), "the queue to %s is full", to);
    return -EAGAIN;
}

bool bus_receive(void *socket, zmq_msg_t *first, zmq_msg_t *last, int *ret_parts)
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

struct codec_message *bus_decode(struct bus *bus, zmq_msg_t *frame, enum endpoint endpoint,
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

uint32_t bus_owner_of(const struct bus *bus, const struct bus_socket *socket, zmq_msg_t *frame)
{
    const char *user = socket->wide ? zmq_msg_gets(frame, "User-Id") : NULL;

    if (!socket->wide)
        return bus->bootstrap.self;
    return user != NULL ? bootstrap_host(&bus->bootstrap, user) : BOOTSTRAP_NONE;
}

static void on_tick(void *arg, mono_t now)
{
    struct bus *bus = arg;

    /* Who comes anew has beaten and been heard: a third of the silence is soon enough for it. */
    mono_t due = mono_add_ms(now, bus->silent_ms / 3);

    bus_enter(bus);
    bus->tick_at = MONO_NEVER;
    LIST_EACH(l, &bus->links)
    {
        struct bus_link *link = CONTAINER_OF(l, struct bus_link, in_bus);
        if (!link->dead)
            due = mono_min(due, bus_link_tick(link, now));
    }
    LIST_EACH(l, &bus->bindings)
    due = mono_min(due, bus_binding_tick(CONTAINER_OF(l, struct bus_binding, in_bus), now));
    tick_at(bus, mono_max(due, mono_add_ms(now, bus->silent_ms / 30)));
    bus_leave(bus);
}
