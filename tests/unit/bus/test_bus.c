/* The bus over real sockets: ipc below a temporary folder, tcp with CURVE on loopback. */
#include "deployment.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

TestSuite(bus, .init = deployment_setup, .fini = deployment_teardown);

/* ---- what the two sides of a conversation have seen ---- */

struct side {
    struct bus *bus;
    struct bus_link *link;
    struct bus_peer *peer; /* the last that sent */
    struct bus_sender from;
    int messages, ups, downs, gone;
    int last_type;
    uint64_t last_number; /* the message's request_id or epoch */
    bool answer;          /* the binder answers each ROLE_HELLO with a ROLE_ORDER */
    bool destroy;         /* the connector destroys its link in the handler */
};

static void note(struct side *s, const struct bus_sender *from, const struct codec_message *message)
{
    s->messages++;
    s->from = *from;
    s->last_type = message->type;
    if (message->type == MESSAGE_ROLE_ORDER)
        s->last_number = ((const Sf__RoleOrder *)message->body)->epoch;
    if (message->type == MESSAGE_ROLE_HELLO)
        s->last_number = (uint64_t)((const Sf__RoleHello *)message->body)->pid;
    if (message->type == MESSAGE_VOTE_REQUEST)
        s->last_number = ((const Sf__VoteRequest *)message->body)->seq;
}

static void on_peer(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                    const struct codec_message *message)
{
    struct side *s = arg;
    Sf__RoleOrder order = SF__ROLE_ORDER__INIT;

    note(s, from, message);
    s->peer = peer;
    order.epoch = s->last_number;
    if (s->answer) {
        int r = bus_peer_send(peer, MESSAGE_ROLE_ORDER, &order);
        check(r == 0 || r == -ENOTCONN); /* the other side may have gone since */
    }
}

static void on_gone(void *arg, struct bus_peer *peer)
{
    struct side *s = arg;

    s->gone++;
    if (s->peer == peer)
        s->peer = NULL;
}

static void on_link(void *arg, struct bus_link *link, const struct bus_sender *from,
                    const struct codec_message *message)
{
    struct side *s = arg;

    check(link == s->link);
    note(s, from, message);
    if (s->destroy)
        bus_link_destroy(&s->link);
}

static void on_state(void *arg, struct bus_link *link, bool up)
{
    struct side *s = arg;

    (void)link;
    *(up ? &s->ups : &s->downs) += 1;
}

static void bind_side(struct side *s, enum endpoint endpoint)
{
    check(bus_bind(s->bus, endpoint, LOOP_SIP, on_peer, on_gone, s) == 0, "%s", bus_error(s->bus));
}

static void connect_side(struct side *s, enum endpoint endpoint, const char *host)
{
    check(bus_connect(s->bus, endpoint, host, LOOP_SIP, on_link, on_state, s, &s->link) == 0, "%s",
          bus_error(s->bus));
}

static int hello(struct side *s, int number)
{
    Sf__RoleHello hello = SF__ROLE_HELLO__INIT;

    hello.process = PROCESS_SIPSERVER;
    hello.pid = number;
    return bus_link_send(s->link, MESSAGE_ROLE_HELLO, &hello);
}

static int request(struct side *s, uint64_t number)
{
    Sf__VoteRequest vote = SF__VOTE_REQUEST__INIT;

    vote.seq = number;
    return bus_link_send(s->link, MESSAGE_VOTE_REQUEST, &vote);
}

static void destroy(struct side *a, struct side *b)
{
    bus_destroy(&a->bus);
    bus_destroy(&b->bus);
}

/* ---- conversations ---- */

Test(bus, local_round_trip)
{
    struct side up = {.bus = bus_of(EAST1, PROCESS_HAMGR, 0), .answer = true};
    struct side down = {.bus = bus_of(EAST1, PROCESS_SIPSERVER, 0)};

    bind_side(&up, ENDPOINT_ROLE);
    connect_side(&down, ENDPOINT_ROLE, NULL);
    cr_assert_eq(hello(&down, 1), -ENOTCONN, "not yet connected");
    until(bus_link_up(down.link));
    cr_assert_eq(down.ups, 1);
    for (int i = 1; i <= 100; i++)
        cr_assert_eq(hello(&down, i), 0);
    until(down.messages == 100);
    cr_assert_eq(up.last_type, MESSAGE_ROLE_HELLO);
    cr_assert_eq(down.last_type, MESSAGE_ROLE_ORDER);
    cr_assert_eq(down.last_number, 100);
    cr_assert_str_eq(up.from.host, "east.1");
    cr_assert_eq(up.from.process, PROCESS_SIPSERVER);
    cr_assert_eq(up.from.site, 1);
    cr_assert_eq(down.from.process, PROCESS_HAMGR);
    cr_assert_eq(bus_drops(up.bus), 0);
    cr_assert_eq(bus_drops(down.bus), 1);
    bus_link_destroy(&down.link);
    until(up.gone == 1); /* told at once, not by silence */
    destroy(&up, &down);
}

Test(bus, wide_round_trip_and_the_arbiter)
{
    struct side arbiter = {.bus = bus_of(ARBITER, PROCESS_ARBITER, 0)};
    struct side west = {.bus = bus_of(WEST1, PROCESS_HAMGR, 0)};
    struct side east = {.bus = bus_of(EAST1, PROCESS_HAMGR, 0)};
    struct side east_arbiter = {.bus = east.bus};

    bind_side(&west, ENDPOINT_LEASE);
    bind_side(&arbiter, ENDPOINT_LEASE);
    bus_set_role(east.bus, true, 7);
    connect_side(&east, ENDPOINT_LEASE, "west.1");
    connect_side(&east_arbiter, ENDPOINT_LEASE, "arbiter");
    until(bus_link_up(east.link) && bus_link_up(east_arbiter.link));
    cr_assert_eq(request(&east, 5), 0);
    cr_assert_eq(request(&east_arbiter, 6), 0);
    until(west.messages == 1 && arbiter.messages == 1);
    cr_assert_eq(west.last_number, 5);
    cr_assert_eq(arbiter.last_number, 6);
    cr_assert_str_eq(west.from.host, "east.1");
    cr_assert(west.from.primary);
    cr_assert_eq(west.from.epoch, 7);
    Sf__VoteReply reply = SF__VOTE_REPLY__INIT;
    cr_assert_eq(bus_peer_send(arbiter.peer, MESSAGE_VOTE_REPLY, &reply), 0);
    until(east_arbiter.messages == 1);
    cr_assert_eq(east_arbiter.from.process, PROCESS_ARBITER);
    cr_assert_eq(east_arbiter.from.site, 0);
    cr_assert_eq(bus_drops(west.bus) + bus_drops(arbiter.bus) + bus_drops(east.bus), 0);
    destroy(&west, &arbiter);
    bus_destroy(&east.bus);
}

Test(bus, ipv6)
{
    struct bootstrap b = bootstrap_of(WEST1), c;
    struct side west, east;

    (void)snprintf(b.hosts[WEST1].address, sizeof b.hosts[WEST1].address, "::1");
    b.ports.lease = (uint16_t)(20000 + getpid() % 20000);
    c = b;
    c.self = EAST1;
    west = (struct side){.bus = bus_from(&b, PROCESS_HAMGR, 0)};
    east = (struct side){.bus = bus_from(&c, PROCESS_HAMGR, 0)};
    bind_side(&west, ENDPOINT_LEASE);
    connect_side(&east, ENDPOINT_LEASE, "west.1");
    until(bus_link_up(east.link));
    destroy(&west, &east);
}

Test(bus, what_the_table_does_not_list_is_refused)
{
    struct side desktop = {.bus = bus_of(EAST1, PROCESS_DESKTOP, 0)};
    struct side cli = {.bus = bus_of(EAST1, PROCESS_CLI, 0)};
    struct side confproxy = {.bus = bus_of(EAST1, PROCESS_CONFPROXY, 0)};
    struct side arbiter = {.bus = bus_of(ARBITER, PROCESS_ARBITER, 0)};
    struct bus_link *link;

    cr_assert_eq(bus_bind(desktop.bus, ENDPOINT_ROLE, LOOP_SIP, on_peer, on_gone, &desktop),
                 -EPERM);
    cr_assert_eq(bus_bind(arbiter.bus, ENDPOINT_LOG, LOOP_SIP, on_peer, on_gone, &arbiter), -EPERM);
    cr_assert_eq(
        bus_connect(desktop.bus, ENDPOINT_CONTROL, NULL, LOOP_SIP, on_link, on_state, NULL, &link),
        -EPERM);
    cr_assert_eq(bus_connect(desktop.bus, ENDPOINT_CONFIG, "west.1", LOOP_SIP, on_link, on_state,
                             NULL, &link),
                 -EPERM, "local only");
    cr_assert_eq(
        bus_connect(cli.bus, ENDPOINT_STATS, "west.1", LOOP_SIP, on_link, on_state, NULL, &link),
        -EPERM, "the command line connects to its host only");
    cr_assert_eq(bus_connect(confproxy.bus, ENDPOINT_LOG, "arbiter", LOOP_SIP, on_link, on_state,
                             NULL, &link),
                 -EPERM, "the arbiter has LEASE alone");
    cr_assert(strstr(bus_error(confproxy.bus), "confproxy may not connect") != NULL, "%s",
              bus_error(confproxy.bus));
    cr_assert_eq(bus_connect(confproxy.bus, ENDPOINT_LOG, "north.1", LOOP_SIP, on_link, on_state,
                             NULL, &link),
                 -EINVAL);
    destroy(&desktop, &cli);
    destroy(&confproxy, &arbiter);
}

/* ---- keys ---- */

Test(bus, unknown_key_is_refused)
{
    struct side west = {.bus = bus_of(WEST1, PROCESS_HAMGR, 0)};
    struct bootstrap b = bootstrap_of(EAST1), other = b;
    struct keys_error error;
    char command[400];
    struct side stranger;

    /* The stranger knows the public key of west.1, but its own is not in west.1's folder. */
    (void)snprintf(other.keys_dir, sizeof other.keys_dir, "%s/other", folder);
    cr_assert_eq(keys_generate(other.keys_dir, "east.1", false, &error), 0);
    (void)snprintf(command, sizeof command, "cp %s/west.1.key %s/", b.keys_dir, other.keys_dir);
    cr_assert_eq(system(command), 0);
    bind_side(&west, ENDPOINT_LEASE);
    stranger = (struct side){.bus = bus_from(&other, PROCESS_HAMGR, 0)};
    connect_side(&stranger, ENDPOINT_LEASE, "west.1");
    until(counter(west.bus, "refused-key") > 0);
    run_for(200);
    cr_assert_eq(stranger.ups, 0);
    cr_assert_eq(west.messages, 0);
    /* Once its key is copied, it comes in without a restart of either side. */
    (void)snprintf(command, sizeof command, "cp %s/east.1.key %s/", other.keys_dir, b.keys_dir);
    cr_assert_eq(system(command), 0);
    until(stranger.ups == 1);
    destroy(&west, &stranger);
}

Test(bus, missing_and_open_keys_say_so)
{
    struct bootstrap b = bootstrap_of(EAST1);
    struct bus *bus;
    struct bus_link *link;
    char path[300], text[700];

    (void)snprintf(path, sizeof path, "%s/west.1.key", b.keys_dir);
    cr_assert_eq(unlink(path), 0);
    bus = bus_from(&b, PROCESS_HAMGR, 0);
    cr_assert_eq(
        bus_connect(bus, ENDPOINT_LEASE, "west.1", LOOP_SIP, on_link, on_state, NULL, &link),
        -ENOKEY);
    (void)snprintf(text, sizeof text,
                   "%s: the public key of host west.1 is missing; copy it from there", path);
    cr_assert_str_eq(bus_error(bus), text);
    bus_destroy(&bus);

    (void)snprintf(path, sizeof path, "%s/east.1.secret", b.keys_dir);
    cr_assert_eq(chmod(path, 0640), 0);
    bus = bus_from(&b, PROCESS_HAMGR, 0);
    cr_assert_eq(bus_bind(bus, ENDPOINT_LEASE, LOOP_SIP, on_peer, on_gone, NULL), -EPERM);
    (void)snprintf(text, sizeof text, "%s: others than its owner can use it; chmod 600 %s", path,
                   path);
    cr_assert_str_eq(bus_error(bus), text);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(bus_bind(bus, ENDPOINT_LEASE, LOOP_SIP, on_peer, on_gone, NULL), -ENOENT);
    (void)snprintf(text, sizeof text,
                   "%s: No such file or directory; copy it from the folder east.1/keys", path);
    cr_assert_eq(strncmp(bus_error(bus), text, strlen(text)), 0, "%s", bus_error(bus));
    bus_destroy(&bus);
}

Test(bus, an_address_in_use_says_so)
{
    struct bootstrap b = bootstrap_of(EAST1);
    struct side first = {.bus = bus_of(EAST1, PROCESS_HAMGR, 0)};
    struct bus *second = bus_of(EAST1, PROCESS_HAMGR, 0);
    char text[600];

    bind_side(&first, ENDPOINT_LEASE);
    bind_side(&first, ENDPOINT_ROLE);
    cr_assert_eq(bus_bind(second, ENDPOINT_LEASE, LOOP_SIP, on_peer, on_gone, NULL), -EADDRINUSE);
    (void)snprintf(text, sizeof text,
                   "tcp://%s:17001 (lease) is in use by another process; stop it, or set another "
                   "port in 'ports.lease' of standfast.yaml",
                   b.hosts[EAST1].address);
    cr_assert_str_eq(bus_error(second), text);
    cr_assert_eq(bus_bind(second, ENDPOINT_ROLE, LOOP_SIP, on_peer, on_gone, NULL), -EADDRINUSE);
    (void)snprintf(
        text, sizeof text,
        "%s/role.sock (role) is in use by another process; stop it, or set another 'run-dir'",
        b.run_dir);
    cr_assert_str_eq(bus_error(second), text);
    bus_destroy(&second);
    bus_destroy(&first.bus);

    (void)snprintf(b.hosts[EAST1].address, sizeof b.hosts[EAST1].address, "192.0.2.77");
    second = bus_from(&b, PROCESS_HAMGR, 0);
    cr_assert_eq(bus_bind(second, ENDPOINT_LEASE, LOOP_SIP, on_peer, on_gone, NULL),
                 -EADDRNOTAVAIL);
    cr_assert(strstr(bus_error(second), "is no address of this machine") != NULL);
    bus_destroy(&second);
}

Test(bus, the_socket_file_of_a_dead_process_is_replaced)
{
    pid_t pid = fork();
    struct side up;

    if (pid == 0) {
        child_begins();
        struct bus *bus = bus_of(EAST1, PROCESS_HAMGR, 0);
        _exit(bus_bind(bus, ENDPOINT_ROLE, LOOP_SIP, on_peer, on_gone, NULL) == 0 ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    up = (struct side){.bus = bus_of(EAST1, PROCESS_HAMGR, 0)};
    bind_side(&up, ENDPOINT_ROLE);
    bus_destroy(&up.bus);
}

/* ---- messages made by hand ---- */

struct raw {
    void *context, *socket;
    char id[64];
    Sf__Envelope head;
};

static void raw_connect(struct raw *r, const char *id)
{
    struct bootstrap b = bootstrap_of(EAST1);
    char address[300];
    int linger = 0;

    if (r->context == NULL)
        r->context = zmq_ctx_new();
    if (r->socket != NULL)
        zmq_close(r->socket);
    r->socket = zmq_socket(r->context, ZMQ_DEALER);
    zmq_setsockopt(r->socket, ZMQ_ROUTING_ID, id, strlen(id));
    zmq_setsockopt(r->socket, ZMQ_LINGER, &linger, sizeof linger);
    (void)snprintf(address, sizeof address, "ipc://%s/role.sock", b.run_dir);
    cr_assert_eq(zmq_connect(r->socket, address), 0);
    sf__envelope__init(&r->head);
    r->head.cluster = "test";
    r->head.site = 1;
    r->head.host = "east.1";
    r->head.process = PROCESS_SIPSERVER;
    r->head.boot_id = 11;
    r->head.sequence = 1;
}

static void raw_close(struct raw *r)
{
    zmq_close(r->socket);
    zmq_ctx_term(r->context);
}

static void raw_send(struct raw *r, enum message_type type, const void *body)
{
    struct codec_error error;
    uint8_t *data;
    size_t size;

    cr_assert_eq(codec_encode(&r->head, type, body, &data, &size, &error), 0);
    cr_assert_eq(zmq_send(r->socket, data, size, 0), (int)size);
    free(data);
}

static void raw_hello(struct raw *r, uint64_t sequence)
{
    Sf__RoleHello hello = SF__ROLE_HELLO__INIT;

    r->head.sequence = sequence;
    raw_send(r, MESSAGE_ROLE_HELLO, &hello);
}

/* raw_receive - the type of the next message from the binder within 1 s, 0 without one. */
static int raw_receive(struct raw *r)
{
    char data[1000];
    struct codec_message *message;
    struct codec_error error;
    int type;

    for (int i = 0; i < 200; i++, run_for(5)) {
        int n = zmq_recv(r->socket, data, sizeof data, ZMQ_DONTWAIT);
        if (n < 0)
            continue;
        cr_assert_eq(
            codec_decode((uint8_t *)data, (size_t)n, ENDPOINT_ROLE, CODEC_DOWN, &message, &error),
            0);
        type = message->type;
        codec_free(&message);
        return type;
    }
    return 0;
}

Test(bus, wrong_envelopes_are_refused_and_counted)
{
    struct side up = {.bus = bus_of(EAST1, PROCESS_HAMGR, 0)};
    struct raw raw = {0};
    Sf__RoleOrder order = SF__ROLE_ORDER__INIT;

    bind_side(&up, ENDPOINT_ROLE);
    raw_connect(&raw, "a");
    raw.head.cluster = "other";
    raw_hello(&raw, 1);
    until(counter(up.bus, "refused-cluster") == 1);
    raw.head.cluster = "test";
    raw.head.host = "east.2";
    raw_hello(&raw, 1);
    until(counter(up.bus, "refused-host") == 1);
    raw.head.host = "east.1";
    raw.head.site = 2;
    raw_hello(&raw, 1);
    until(counter(up.bus, "refused-host") == 2);
    raw.head.site = 1;
    raw.head.process = PROCESS_CLI;
    raw_hello(&raw, 1);
    until(counter(up.bus, "refused-process") == 1);
    raw.head.process = PROCESS_SIPSERVER;
    raw_send(&raw, MESSAGE_ROLE_ORDER, &order);
    until(counter(up.bus, "refused-way") == 1);
    cr_assert_eq(zmq_send(raw.socket, "nonsense", 8, 0), 8);
    until(counter(up.bus, "refused-malformed") == 1);
    cr_assert_eq(zmq_send(raw.socket, "two", 3, ZMQ_SNDMORE), 3);
    cr_assert_eq(zmq_send(raw.socket, "frames", 6, 0), 6);
    until(counter(up.bus, "refused-malformed") == 2);
    cr_assert_eq(up.messages, 0);
    cr_assert_eq(bus_drops(up.bus), 7);
    raw_hello(&raw, 1); /* and a good one still passes */
    until(up.messages == 1);
    raw.head.boot_id = 12;
    raw_hello(&raw, 2);
    until(counter(up.bus, "refused-identity") == 1);
    raw_close(&raw);
    bus_destroy(&up.bus);
}

Test(bus, repeated_and_missing_sequences_are_refused)
{
    struct side up = {.bus = bus_of(EAST1, PROCESS_HAMGR, 0)};
    struct raw raw = {0};

    bind_side(&up, ENDPOINT_ROLE);
    raw_connect(&raw, "a.0");
    raw_hello(&raw, 1);
    raw_hello(&raw, 2);
    raw_hello(&raw, 2);
    raw_hello(&raw, 1);
    until(counter(up.bus, "refused-sequence") == 2);
    cr_assert_eq(up.messages, 2);
    raw_hello(&raw, 3);
    until(up.messages == 3);
    cr_assert_eq(raw_receive(&raw), MESSAGE_BUS_BEAT);
    raw_hello(&raw, 5); /* a gap: the session is over, and both sides know it */
    cr_assert_eq(raw_receive(&raw), MESSAGE_BUS_BYE);
    cr_assert_eq(up.gone, 1);
    cr_assert_eq(counter(up.bus, "sequence-gaps"), 1);
    raw_hello(&raw, 6);
    cr_assert_eq(raw_receive(&raw), MESSAGE_BUS_BYE);
    cr_assert_eq(up.messages, 3);
    raw_connect(&raw, "a.1");
    raw_hello(&raw, 1);
    until(up.messages == 4);
    cr_assert_eq(counter(up.bus, "refused-session"), 2);
    raw_close(&raw);
    bus_destroy(&up.bus);
}

Test(bus, an_earlier_start_and_a_lower_epoch_are_refused)
{
    struct side up = {.bus = bus_of(EAST1, PROCESS_HAMGR, 0)};
    struct raw raw = {0};

    bind_side(&up, ENDPOINT_ROLE);
    raw_connect(&raw, "a.0");
    raw.head.epoch = 5;
    raw_hello(&raw, 1);
    until(up.messages == 1);
    cr_assert_eq(up.from.epoch, 5);
    raw.head.epoch = 4;
    raw_hello(&raw, 2);
    until(counter(up.bus, "refused-epoch") == 1);
    raw.head.epoch = 0;
    raw_hello(&raw, 3);
    until(counter(up.bus, "refused-epoch") == 2);

    raw_connect(&raw, "b.0"); /* started anew: no order yet */
    raw.head.boot_id = 12;
    raw_hello(&raw, 1);
    until(up.messages == 2);
    cr_assert_eq(up.gone, 1);
    raw.head.role = SF__ROLE__ROLE_PRIMARY; /* but it must not claim a role */
    raw_hello(&raw, 2);
    until(counter(up.bus, "refused-epoch") == 3);
    raw.head.epoch = 6;
    raw_hello(&raw, 3);
    until(up.messages == 3);

    raw_connect(&raw, "a.1"); /* the earlier start is over for good */
    raw.head.epoch = 6;
    raw_hello(&raw, 1);
    until(counter(up.bus, "refused-boot") == 1);
    cr_assert_eq(up.messages, 3);
    raw_close(&raw);
    bus_destroy(&up.bus);
}

Test(bus, right_key_but_wrong_host_is_refused)
{
    struct side west = {.bus = bus_of(WEST1, PROCESS_HAMGR, 0)};
    struct bootstrap b = bootstrap_of(EAST1);
    struct bootstrap west_b = bootstrap_of(WEST1);
    struct keys keys;
    struct keys_error error;
    struct raw raw = {0};
    Sf__VoteRequest vote = SF__VOTE_REQUEST__INIT;
    char address[300];

    bind_side(&west, ENDPOINT_LEASE);
    cr_assert_eq(keys_load(&b, &keys, &error), 0);
    raw_connect(&raw, "x"); /* for its envelope; the socket is another */
    zmq_close(raw.socket);
    raw.socket = zmq_socket(raw.context, ZMQ_DEALER);
    int linger = 0;
    zmq_setsockopt(raw.socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(raw.socket, ZMQ_CURVE_SERVERKEY, keys.hosts[WEST1], KEYS_TEXT_SIZE);
    zmq_setsockopt(raw.socket, ZMQ_CURVE_PUBLICKEY, keys.public_key, KEYS_TEXT_SIZE);
    zmq_setsockopt(raw.socket, ZMQ_CURVE_SECRETKEY, keys.secret_key, KEYS_TEXT_SIZE);
    (void)snprintf(address, sizeof address, "tcp://%s:17001", west_b.hosts[WEST1].address);
    cr_assert_eq(zmq_connect(raw.socket, address), 0);
    raw.head.process = PROCESS_HAMGR;
    raw.head.host = "east.2"; /* the key is east.1's */
    raw_send(&raw, MESSAGE_VOTE_REQUEST, &vote);
    until(counter(west.bus, "refused-host") == 1);
    cr_assert_eq(west.messages, 0);
    raw.head.host = "east.1";
    raw_send(&raw, MESSAGE_VOTE_REQUEST, &vote);
    until(west.messages == 1);
    raw_close(&raw);
    bus_destroy(&west.bus);
}

/* ---- restarts, silence, queues ---- */

Test(bus, a_restart_of_either_side_starts_the_conversation_afresh)
{
    struct side up = {.bus = bus_of(EAST1, PROCESS_HAMGR, 0), .answer = true};
    struct side down = {.bus = bus_of(EAST1, PROCESS_SIPSERVER, 0)};

    bind_side(&up, ENDPOINT_ROLE);
    connect_side(&down, ENDPOINT_ROLE, NULL);
    until(bus_link_up(down.link));
    cr_assert_eq(hello(&down, 1), 0);
    until(down.messages == 1);

    bus_destroy(&down.bus); /* the component */
    until(up.gone == 1);
    down = (struct side){.bus = bus_of(EAST1, PROCESS_SIPSERVER, 0)};
    connect_side(&down, ENDPOINT_ROLE, NULL);
    until(bus_link_up(down.link));
    cr_assert_eq(hello(&down, 2), 0);
    until(down.messages == 1);

    bus_destroy(&up.bus); /* the binder */
    until(down.downs == 1);
    cr_assert_eq(hello(&down, 3), -ENOTCONN);
    up = (struct side){.bus = bus_of(EAST1, PROCESS_HAMGR, 0), .answer = true};
    bind_side(&up, ENDPOINT_ROLE);
    until(down.ups == 2);
    cr_assert_eq(hello(&down, 4), 0);
    until(down.last_number == 4);
    cr_assert_eq(up.messages, 1);
    destroy(&up, &down);
}

Test(bus, an_idle_connection_stays_up)
{
    struct side west = {.bus = bus_of(WEST1, PROCESS_HAMGR, 0)};
    struct side east = {.bus = bus_of(EAST1, PROCESS_HAMGR, 0)};

    bind_side(&west, ENDPOINT_LEASE);
    connect_side(&east, ENDPOINT_LEASE, "west.1");
    until(bus_link_up(east.link));
    cr_assert_eq(request(&east, 1), 0);
    run_for(2 * SILENT_MS);
    cr_assert_eq(east.downs, 0);
    cr_assert_eq(west.gone, 0);
    destroy(&west, &east);
}

/* child_binder - hamgr of west.1 in a process of its own. */
static pid_t child_binder(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        child_begins();
        struct side s = {.bus = bus_of(WEST1, PROCESS_HAMGR, 0)};
        bind_side(&s, ENDPOINT_LEASE);
        (void)loop_run(loop);
        _exit(0);
    }
    return pid;
}

Test(bus, a_frozen_or_dead_other_side_is_noticed)
{
    pid_t pid = child_binder();
    struct side east = {.bus = bus_of(EAST1, PROCESS_HAMGR, 0)};
    mono_t since;

    connect_side(&east, ENDPOINT_LEASE, "west.1");
    until(bus_link_up(east.link));
    cr_assert_eq(kill(pid, SIGSTOP), 0);
    since = loop_now_exact();
    until(east.downs == 1);
    cr_assert_geq(mono_diff_ms(loop_now_exact(), since), SILENT_MS / 2);
    cr_assert_leq(mono_diff_ms(loop_now_exact(), since), SILENT_MS * 2);
    cr_assert_eq(kill(pid, SIGCONT), 0);
    until(east.ups == 2);
    cr_assert_eq(kill(pid, SIGKILL), 0);
    since = loop_now_exact();
    until(east.downs == 2); /* its kernel tells at once */
    cr_assert_leq(mono_diff_ms(loop_now_exact(), since), SILENT_MS / 2);
    (void)waitpid(pid, NULL, 0);
    bus_destroy(&east.bus);
}

Test(bus, the_death_of_a_connector_is_noticed)
{
    pid_t pid = fork();
    struct side west;
    mono_t since;

    if (pid == 0) {
        child_begins();
        struct side east = {.bus = bus_of(EAST1, PROCESS_HAMGR, 0)};
        connect_side(&east, ENDPOINT_LEASE, "west.1");
        until(bus_link_up(east.link));
        request(&east, 1);
        (void)loop_run(loop);
        _exit(0);
    }
    west = (struct side){.bus = bus_of(WEST1, PROCESS_HAMGR, 0)};
    bind_side(&west, ENDPOINT_LEASE);
    until(west.messages == 1);
    cr_assert_eq(kill(pid, SIGKILL), 0);
    since = loop_now_exact();
    until(west.gone == 1);
    cr_assert_leq(mono_diff_ms(loop_now_exact(), since), SILENT_MS / 2);
    (void)waitpid(pid, NULL, 0);
    bus_destroy(&west.bus);
}

Test(bus, a_full_queue_is_counted_and_never_blocks)
{
    pid_t pid = child_binder();
    struct side east = {.bus = bus_of(EAST1, PROCESS_HAMGR, 10)};
    mono_t since;
    int r = 0;

    connect_side(&east, ENDPOINT_LEASE, "west.1");
    until(bus_link_up(east.link));
    cr_assert_eq(kill(pid, SIGSTOP), 0);
    since = loop_now_exact();
    for (int i = 0; i < 200000 && r == 0; i++)
        r = request(&east, (uint64_t)i);
    cr_assert_eq(r, -EAGAIN);
    cr_assert_eq(counter(east.bus, "queue-full"), 1);
    cr_assert_leq(mono_diff_ms(loop_now_exact(), since), 3000);
    kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    bus_destroy(&east.bus);
}

Test(bus, what_queued_while_a_process_stood_still_is_stale)
{
    struct side up = {.bus = bus_of(EAST1, PROCESS_HAMGR, 0)};
    struct side down = {.bus = bus_of(EAST1, PROCESS_SIPSERVER, 0)};

    /* Before the bus's own timer, which would find the silence too. */
    cr_assert_eq(bus_bind(up.bus, ENDPOINT_ROLE, (enum loop_priority)(LOOP_LEASE - 1), on_peer,
                          on_gone, &up),
                 0);
    connect_side(&down, ENDPOINT_ROLE, NULL);
    until(bus_link_up(down.link));
    cr_assert_eq(hello(&down, 1), 0);
    until(up.messages == 1);
    cr_assert_eq(hello(&down, 2), 0); /* under way when ... */
    usleep((SILENT_MS + 100) * 1000); /* ... both stand still */
    until(down.ups == 2);
    cr_assert_eq(up.gone, 1);
    cr_assert_eq(hello(&down, 3), 0);
    until(up.last_number == 3);
    cr_assert_eq(up.messages, 2, "the second was not handed over");
    destroy(&up, &down);
}

/* ---- sizes, and handlers that destroy ---- */

static size_t json_size;

static void on_reply(void *arg, struct bus_link *link, const struct bus_sender *from,
                     const struct codec_message *message)
{
    const Sf__ControlReply *reply = message->body;

    (void)arg;
    (void)link;
    (void)from;
    json_size = strlen(reply->json);
}

static void on_request(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                       const struct codec_message *message)
{
    Sf__ControlReply reply = SF__CONTROL_REPLY__INIT;
    size_t size = 4000000;
    char *big = malloc(size + 2);

    (void)arg;
    (void)from;
    (void)message;
    memset(big, 'x', size + 1);
    big[size + 1] = '\0';
    reply.json = big;
    cr_assert_eq(bus_peer_send(peer, MESSAGE_CONTROL_REPLY, &reply), -EINVAL, "one byte too long");
    big[size] = '\0';
    cr_assert_eq(bus_peer_send(peer, MESSAGE_CONTROL_REPLY, &reply), 0);
    free(big);
}

Test(bus, a_big_message_passes_a_bigger_one_is_refused_at_the_sender)
{
    struct side up = {.bus = bus_of(EAST1, PROCESS_HAMGR, 0)};
    struct side down = {.bus = bus_of(EAST1, PROCESS_CLI, 0)};
    Sf__ControlRequest status = SF__CONTROL_REQUEST__INIT;

    cr_assert_eq(bus_bind(up.bus, ENDPOINT_CONTROL, LOOP_SIP, on_request, on_gone, &up), 0);
    cr_assert_eq(bus_connect(down.bus, ENDPOINT_CONTROL, NULL, LOOP_SIP, on_reply, on_state, &down,
                             &down.link),
                 0);
    until(bus_link_up(down.link));
    status.verb = "status";
    cr_assert_eq(bus_link_send(down.link, MESSAGE_CONTROL_REQUEST, &status), 0);
    until(json_size == 4000000);
    destroy(&up, &down);
}

Test(bus, a_link_may_be_destroyed_by_its_handler)
{
    struct side up = {.bus = bus_of(EAST1, PROCESS_HAMGR, 0), .answer = true};
    struct side down = {.bus = bus_of(EAST1, PROCESS_SIPSERVER, 0), .destroy = true};

    bind_side(&up, ENDPOINT_ROLE);
    connect_side(&down, ENDPOINT_ROLE, NULL);
    until(bus_link_up(down.link));
    for (int i = 0; i < 3; i++)
        cr_assert_eq(hello(&down, i), 0);
    until(up.gone == 1);
    cr_assert_eq(down.messages, 1);
    cr_assert_null(down.link);
    destroy(&up, &down);
}

Test(bus, a_misdirected_type_is_a_bug, .signal = SIGABRT)
{
    struct side up = {.bus = bus_of(EAST1, PROCESS_HAMGR, 0)};
    struct side down = {.bus = bus_of(EAST1, PROCESS_SIPSERVER, 0)};
    Sf__RoleOrder order = SF__ROLE_ORDER__INIT;

    bind_side(&up, ENDPOINT_ROLE);
    connect_side(&down, ENDPOINT_ROLE, NULL);
    (void)bus_link_send(down.link, MESSAGE_ROLE_ORDER, &order);
}
