/* The bus's ZeroMQ sockets: addresses, options, keys, and who may connect (ZAP, ZeroMQ RFC 27). */
#include "common/bus_inner.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ZAP_ADDRESS  "inproc://zeromq.zap.01"
#define ZAP_DOMAIN   "standfast"
#define ZAP_PART_MAX 256

#define RECONNECT_MS     100
#define RECONNECT_MAX_MS 1000
#define CONNECT_MS       500 /* instead of TCP's SYN back-off */
#define HANDSHAKE_MS     2000
#define KEYS_RELOAD_MS   1000

int bus_fail(struct bus *bus, int code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(bus->error, sizeof bus->error, format, arguments);
    va_end(arguments);
    return code;
}

/* ---- addresses ---- */

static uint16_t port_of(const struct bus *bus, enum endpoint endpoint)
{
    switch ((int)endpoint) {
    case ENDPOINT_LEASE: return bus->bootstrap.ports.lease;
    case ENDPOINT_LOG: return bus->bootstrap.ports.log;
    case ENDPOINT_STATS: return bus->bootstrap.ports.stats;
    case ENDPOINT_REPLICA: return bus->bootstrap.ports.replica;
    default: return 0; /* LOCAL */
    }
}

static void socket_path(const struct bus *bus, enum endpoint endpoint, char path[BUS_ADDRESS_SIZE])
{
    (void)snprintf(path, BUS_ADDRESS_SIZE, "%s/%s.sock", bus->bootstrap.run_dir,
                   endpoint_name(endpoint));
}

static void address_of(const struct bus *bus, enum endpoint endpoint, uint32_t host, bool wide,
                       char address[BUS_ADDRESS_SIZE])
{
    const char *ip = bus->bootstrap.hosts[host].address;

    if (wide)
        (void)snprintf(address, BUS_ADDRESS_SIZE,
                       strchr(ip, ':') != NULL ? "tcp://[%s]:%u" : "tcp://%s:%u", ip,
                       port_of(bus, endpoint));
    else
        (void)snprintf(address, BUS_ADDRESS_SIZE, "ipc://%s/%s.sock", bus->bootstrap.run_dir,
                       endpoint_name(endpoint));
}

/* ---- keys and ZAP ---- */

static int load_keys(struct bus *bus)
{
    struct keys_error error;
    int r;

    if (bus->have_keys)
        return 0;
    r = keys_load(&bus->bootstrap, &bus->keys, &error);
    if (r < 0)
        return bus_fail(bus, r, "%s", error.text);
    bus->have_keys = true;
    bus->keys_loaded = loop_now_exact();
    return 0;
}

/* reload_keys - `hamgr keys` may have put a new host's key there since. */
static void reload_keys(struct bus *bus)
{
    mono_t now = loop_now_exact();
    struct keys_error error;

    if (mono_diff_ms(now, bus->keys_loaded) < KEYS_RELOAD_MS)
        return;
    bus->keys_loaded = now;
    (void)keys_load(&bus->bootstrap, &bus->keys, &error);
}

/* zap_answer - one request: version, request id, domain, address, identity, mechanism, key. */
static bool zap_answer(struct bus *bus)
{
    enum { VERSION, REQUEST, DOMAIN, ADDRESS, IDENTITY, MECHANISM, KEY, PARTS };
    char parts[PARTS][ZAP_PART_MAX];
    int sizes[PARTS] = {0};
    int count = 0;
    int more = 1;
    size_t size = sizeof more;
    uint32_t host = BOOTSTRAP_NONE;
    const char *name = "";

    while (more != 0) {
        char rest[ZAP_PART_MAX];
        char *part = count < PARTS ? parts[count] : rest;
        int n = zmq_recv(bus->zap, part, ZAP_PART_MAX - 1, ZMQ_DONTWAIT);
        if (n < 0)
            return false;
        n = n < ZAP_PART_MAX ? n : ZAP_PART_MAX - 1;
        part[n] = '\0';
        if (count < PARTS)
            sizes[count] = n;
        count++;
        (void)zmq_getsockopt(bus->zap, ZMQ_RCVMORE, &more, &size);
    }
    if (count == PARTS && strcmp(parts[MECHANISM], "CURVE") == 0 && sizes[KEY] == 32) {
        host = keys_host_of(&bus->keys, (const uint8_t *)parts[KEY]);
        if (host == BOOTSTRAP_NONE) {
            reload_keys(bus);
            host = keys_host_of(&bus->keys, (const uint8_t *)parts[KEY]);
        }
    }
    if (host == BOOTSTRAP_NONE)
        bus_refuse(bus, BUS_REFUSED_KEY, ENDPOINT_LEASE, count > ADDRESS ? parts[ADDRESS] : "", "");
    else
        name = bus->bootstrap.hosts[host].name;
    (void)zmq_send(bus->zap, "1.0", 3, ZMQ_SNDMORE);
    (void)zmq_send(bus->zap, parts[REQUEST], (size_t)sizes[REQUEST], ZMQ_SNDMORE);
    (void)zmq_send(bus->zap, name[0] != '\0' ? "200" : "400", 3, ZMQ_SNDMORE);
    (void)zmq_send(bus->zap, "", 0, ZMQ_SNDMORE);
    (void)zmq_send(bus->zap, name, strlen(name), ZMQ_SNDMORE); /* the User-Id of all it sends */
    (void)zmq_send(bus->zap, "", 0, 0);
    return true;
}

static void on_zap(void *arg, uint32_t events)
{
    struct bus *bus = arg;

    (void)events;
    for (int i = 0; i < BUS_BATCH && zap_answer(bus); i++)
        ;
}

static int open_zap(struct bus *bus)
{
    int linger = 0;
    int r;

    if (bus->zap != NULL)
        return 0;
    bus->zap = zmq_socket(bus->context, ZMQ_REP);
    if (bus->zap == NULL || zmq_setsockopt(bus->zap, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_bind(bus->zap, ZAP_ADDRESS) != 0)
        return bus_fail(bus, -zmq_errno(), "cannot check keys: %s", zmq_strerror(zmq_errno()));
    r = loop_zmq_new(bus->loop, bus->zap, LOOP_LEASE, on_zap, bus, &bus->zap_io);
    return r < 0 ? bus_fail(bus, r, "cannot check keys: %s", strerror(-r)) : 0;
}

void bus_zap_close(struct bus *bus)
{
    loop_io_destroy(&bus->zap_io);
    if (bus->zap != NULL)
        (void)zmq_close(bus->zap);
    bus->zap = NULL;
}

/* ---- sockets ---- */

static int set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value);
}

static int set_common(struct bus *bus, void *socket, enum endpoint endpoint)
{
    int64_t size_max = (int64_t)codec_size_max(endpoint);
    int queue = (int)bus->queue_max;
    int bad = 0;

    bad |= set_int(socket, ZMQ_LINGER, 0);
    bad |= set_int(socket, ZMQ_SNDHWM, queue);
    bad |= set_int(socket, ZMQ_RCVHWM, queue);
    bad |= set_int(socket, ZMQ_IPV6, 1);
    bad |= set_int(socket, ZMQ_IMMEDIATE, 1);
    bad |= set_int(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    bad |= zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &size_max, sizeof size_max);
    return bad;
}

/* A network may lose the end of a connection; for a socket file the kernel reports every one. */
static int set_heartbeat(struct bus *bus, void *socket)
{
    int silent = (int)bus->silent_ms;

    return set_int(socket, ZMQ_HEARTBEAT_IVL, silent / 3 + 1) |
           set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, silent);
}

static int set_keys(struct bus *bus, void *socket, const char *server_key)
{
    int bad = 0;

    if (server_key == NULL) {
        bad |= set_int(socket, ZMQ_CURVE_SERVER, 1);
        bad |= zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN, strlen(ZAP_DOMAIN));
    } else {
        bad |= zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server_key, KEYS_TEXT_SIZE);
        bad |= zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, bus->keys.public_key, KEYS_TEXT_SIZE);
    }
    bad |= zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, bus->keys.secret_key, KEYS_TEXT_SIZE);
    return bad;
}

/* open_monitor - so that the end of a connection is noticed at once, not after silence. */
static int open_monitor(struct bus *bus, struct bus_socket *socket)
{
    int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    char address[64];

    (void)snprintf(address, sizeof address, "inproc://monitor-%p", socket->zmq);
    if (zmq_socket_monitor(socket->zmq, address, events) != 0)
        return -1;
    socket->monitor = zmq_socket(bus->context, ZMQ_PAIR);
    if (socket->monitor == NULL)
        return -1;
    return set_int(socket->monitor, ZMQ_LINGER, 0) | zmq_connect(socket->monitor, address);
}

static int open_socket(struct bus *bus, int type, enum endpoint endpoint, const char *server_key,
                       struct bus_socket *socket)
{
    int bad = 0;

    socket->zmq = zmq_socket(bus->context, type);
    if (socket->zmq == NULL)
        return -1;
    bad |= set_common(bus, socket->zmq, endpoint);
    if (socket->wide)
        bad |= set_heartbeat(bus, socket->zmq) | set_keys(bus, socket->zmq, server_key);
    if (type == ZMQ_ROUTER) {
        bad |= set_int(socket->zmq, ZMQ_ROUTER_MANDATORY, 1);
        bad |= set_int(socket->zmq, ZMQ_ROUTER_HANDOVER, 1);
    } else {
        bad |= set_int(socket->zmq, ZMQ_RECONNECT_IVL, RECONNECT_MS);
        bad |= set_int(socket->zmq, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
        bad |= set_int(socket->zmq, ZMQ_CONNECT_TIMEOUT, CONNECT_MS);
    }
    return bad != 0 ? bad : open_monitor(bus, socket);
}

/* claim_path - ZeroMQ would take a socket's path away from a living process: look whether one
 * listens. */
static int claim_path(struct bus *bus, enum endpoint endpoint)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char path[BUS_ADDRESS_SIZE];
    int fd, taken;

    if (mkdir(bus->bootstrap.run_dir, 0700) < 0 && errno != EEXIST)
        return bus_fail(bus, -errno, "%s: cannot make the folder 'run-dir': %s",
                        bus->bootstrap.run_dir, strerror(errno));
    socket_path(bus, endpoint, path);
    if (strlen(path) >= sizeof name.sun_path)
        return bus_fail(bus, -ENAMETOOLONG, "%s: too long for a socket; choose a shorter 'run-dir'",
                        path);
    memcpy(name.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return bus_fail(bus, -errno, "%s: %s", path, strerror(errno));
    taken = connect(fd, (const struct sockaddr *)&name, sizeof name) == 0 || errno == EAGAIN;
    (void)close(fd);
    if (taken)
        return bus_fail(bus, -EADDRINUSE,
                        "%s (%s) is in use by another process; stop it, or set another 'run-dir'",
                        path, endpoint_name(endpoint));
    return 0;
}

static int bind_failed(struct bus *bus, enum endpoint endpoint, const char *address, int code)
{
    switch (code) {
    case EADDRINUSE:
        return bus_fail(bus, -code,
                        "%s (%s) is in use by another process; stop it, or set another port in "
                        "'ports.%s' of %s",
                        address, endpoint_name(endpoint), endpoint_name(endpoint),
                        bus->bootstrap.file);
    case EADDRNOTAVAIL:
    case ENODEV:
        return bus_fail(bus, -EADDRNOTAVAIL,
                        "%s (%s) is no address of this machine; give this host its own address in "
                        "%s, or start with --self of the host that this is",
                        address, endpoint_name(endpoint), bus->bootstrap.file);
    default:
        return bus_fail(bus, -code, "%s (%s): cannot bind: %s", address, endpoint_name(endpoint),
                        zmq_strerror(code));
    }
}

int bus_socket_bind(struct bus *bus, enum endpoint endpoint, bool wide, struct bus_socket *socket)
{
    char address[BUS_ADDRESS_SIZE];
    int r = 0;

    *socket = (struct bus_socket){.wide = wide};
    if (!wide)
        r = claim_path(bus, endpoint);
    else if ((r = load_keys(bus)) == 0)
        r = open_zap(bus);
    if (r < 0)
        return r;
    address_of(bus, endpoint, bus->bootstrap.self, wide, address);
    if (open_socket(bus, ZMQ_ROUTER, endpoint, NULL, socket) != 0 ||
        zmq_bind(socket->zmq, address) != 0)
        r = bind_failed(bus, endpoint, address, zmq_errno());
    if (r < 0)
        bus_socket_close(socket, 0);
    return r;
}

int bus_socket_connect(struct bus *bus, enum endpoint endpoint, uint32_t host, bool wide,
                       const char *id, struct bus_socket *socket)
{
    char address[BUS_ADDRESS_SIZE];
    int r = wide ? load_keys(bus) : 0;

    *socket = (struct bus_socket){.wide = wide};
    if (r < 0)
        return r;
    if (wide && bus->keys.hosts[host][0] == '\0')
        reload_keys(bus);
    if (wide && bus->keys.hosts[host][0] == '\0')
        return bus_fail(bus, -ENOKEY,
                        "%s/%s.key: the public key of host %s is missing; copy it from there",
                        bus->bootstrap.keys_dir, bus->bootstrap.hosts[host].name,
                        bus->bootstrap.hosts[host].name);
    address_of(bus, endpoint, host, wide, address);
    if (open_socket(bus, ZMQ_DEALER, endpoint, bus->keys.hosts[host], socket) != 0 ||
        zmq_setsockopt(socket->zmq, ZMQ_ROUTING_ID, id, strlen(id)) != 0 ||
        zmq_connect(socket->zmq, address) != 0) {
        r = bus_fail(bus, -zmq_errno(), "%s (%s): cannot connect: %s", address,
                     endpoint_name(endpoint), zmq_strerror(zmq_errno()));
        bus_socket_close(socket, 0);
    }
    return r;
}

void bus_socket_close(struct bus_socket *socket, int linger_ms)
{
    loop_io_destroy(&socket->io);
    loop_io_destroy(&socket->monitor_io);
    if (socket->zmq != NULL) {
        (void)set_int(socket->zmq, ZMQ_LINGER, linger_ms);
        (void)zmq_socket_monitor(socket->zmq, NULL, 0);
        (void)zmq_close(socket->zmq);
    }
    if (socket->monitor != NULL)
        (void)zmq_close(socket->monitor);
    socket->zmq = NULL;
    socket->monitor = NULL;
}

int bus_monitor_next(struct bus_socket *socket)
{
    uint8_t event[6];
    char address[BUS_ADDRESS_SIZE];
    uint16_t number;

    loop_zmq_used(socket->monitor_io);
    if (socket->monitor == NULL ||
        zmq_recv(socket->monitor, event, sizeof event, ZMQ_DONTWAIT) != (int)sizeof event)
        return 0;
    (void)zmq_recv(socket->monitor, address, sizeof address, ZMQ_DONTWAIT);
    memcpy(&number, event, sizeof number);
    return number;
}
