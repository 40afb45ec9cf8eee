/* What a connector takes from a binder made by hand: each message once, in order. */
#include "deployment.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

TestSuite(binder, .init = deployment_setup, .fini = deployment_teardown);

/* The connector's side. */
static struct bus *bus;
static struct bus_link *role_link;
static unsigned orders, ups, downs;
static uint64_t last_epoch;

/* The binder's. */
static void *context, *router;
static char id[256];
static int id_size;
static Sf__Envelope head;

static void on_message(void *arg, struct bus_link *link, const struct bus_sender *from,
                       const struct codec_message *message)
{
    (void)arg;
    (void)link;
    (void)from;
    cr_assert_eq((int)message->type, MESSAGE_ROLE_ORDER);
    last_epoch = ((const Sf__RoleOrder *)message->body)->epoch;
    orders++;
}

static void on_state(void *arg, struct bus_link *link, bool up)
{
    (void)arg;
    (void)link;
    *(up ? &ups : &downs) += 1;
}

/* hear - takes what the connector has sent; learns its address. */
static bool hear(void)
{
    char data[2000];
    int n;
    bool heard = false;

    while ((n = zmq_recv(router, data, sizeof data, ZMQ_DONTWAIT)) >= 0) {
        memcpy(id, data, (size_t)n);
        id_size = n;
        (void)zmq_recv(router, data, sizeof data, ZMQ_DONTWAIT);
        heard = true;
    }
    return heard;
}

static void send_message(uint64_t sequence, enum message_type type, const void *body)
{
    struct codec_error error;
    uint8_t *data;
    size_t size;

    head.sequence = sequence;
    cr_assert_eq(codec_encode(&head, type, body, &data, &size, &error), 0);
    cr_assert_eq(zmq_send(router, id, (size_t)id_size, ZMQ_SNDMORE), id_size);
    cr_assert_eq(zmq_send(router, data, size, 0), (int)size);
    free(data);
}

static void send_order(uint64_t sequence, uint64_t epoch)
{
    Sf__RoleOrder order = SF__ROLE_ORDER__INIT;

    order.role = SF__ROLE__ROLE_BACKUP;
    order.epoch = epoch;
    send_message(sequence, MESSAGE_ROLE_ORDER, &order);
}

/* begin - a link that is up: the binder's first message was a beat. */
static void begin(void)
{
    struct bootstrap b = bootstrap_of(EAST1);
    Sf__BusBeat beat = SF__BUS_BEAT__INIT;
    char address[300];

    (void)mkdir(b.run_dir, 0700);
    context = zmq_ctx_new();
    router = zmq_socket(context, ZMQ_ROUTER);
    (void)snprintf(address, sizeof address, "ipc://%s/role.sock", b.run_dir);
    cr_assert_eq(zmq_bind(router, address), 0);
    sf__envelope__init(&head);
    head.cluster = "test";
    head.site = 1;
    head.host = "east.1";
    head.process = PROCESS_HAMGR;
    head.boot_id = 11;
    bus = bus_of(EAST1, PROCESS_SIPSERVER, 0);
    cr_assert_eq(
        bus_connect(bus, ENDPOINT_ROLE, NULL, LOOP_SIP, on_message, on_state, NULL, &role_link), 0);
    until(hear());
    send_message(1, MESSAGE_BUS_BEAT, &beat);
    until(ups == 1);
}

static void end(void)
{
    int linger = 0;

    bus_destroy(&bus);
    zmq_setsockopt(router, ZMQ_LINGER, &linger, sizeof linger);
    zmq_close(router);
    zmq_ctx_term(context);
}

Test(binder, a_message_that_comes_again_is_refused_and_the_session_goes_on)
{
    begin();
    send_order(2, 5);
    until(orders == 1);
    send_order(2, 6); /* the last one again */
    send_order(1, 7); /* and an older one */
    until(counter(bus, "refused-sequence") == 2);
    cr_assert_eq(orders, 1);
    cr_assert_eq(last_epoch, 5);
    send_order(3, 8);
    until(orders == 2);
    cr_assert_eq(last_epoch, 8);
    cr_assert_eq(downs, 0);
    cr_assert_eq(counter(bus, "sequence-gaps"), 0);
    end();
}

Test(binder, a_gap_ends_the_session)
{
    begin();
    send_order(3, 5);
    until(downs == 1);
    cr_assert_eq(orders, 0);
    cr_assert_eq(counter(bus, "sequence-gaps"), 1);
    end();
}
