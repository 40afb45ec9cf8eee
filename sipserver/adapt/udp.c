#include "sipserver/adapt/udp.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "sipserver/adapt/killpoint.h"
#include "sipserver/adapt/server.h"

#define BATCH       64
#define BATCHES_MAX 16 /* of one turn: then others have theirs */
#define MESSAGE_MAX 65535
#define PLACE                                                                                      \
    (65536 + 1088) /* of a datagram: messages at the same distance from a page's                   \
                    * beginning push each other out of the caches */
#define RETRY_MS    50
#define BUFFER      (4 << 20) /* of the kernel, each way */
#define UNSENT_MAX  64
#define LATE_MAX_MS 60000 /* the longest overload-lag */

struct udp {
    struct server *server;
    int fd; /* -1: closed */
    bool wanted;
    struct loop_io *io;
    struct loop_timer *retry;
    struct loop_timer *gather; /* armed: datagrams are looked for then, and wake nobody before */
    uint32_t gather_ms;
    mono_t looked; /* when datagrams were last looked for */
    char why_not[256];
    uint64_t fenced; /* datagrams not sent: the right to serve had run out */
    uint64_t unsent; /* datagrams that the kernel refused */
    uint64_t full;   /* datagrams dropped: the kernel had no room for them now */
    uint64_t unsent_txn[UNSENT_MAX];
    unsigned unsent_n;
    struct log_limit limit, full_limit;
    mono_t behind; /* since when the socket has not been read empty; MONO_ZERO: it was */
    bool pressed;  /* and since then the kernel was short of room for more */
    _Alignas(struct cmsghdr) char stamp[CMSG_SPACE(sizeof(struct timespec))];
    struct mmsghdr in[BATCH];
    struct iovec in_data[BATCH];
    struct sockaddr_storage in_from[BATCH];
    unsigned char *in_bytes;
};

/* ---- addresses ---- */

unsigned udp_to_socket(const struct sip_addr *a, struct sockaddr_storage *ret)
{
    struct sockaddr_in *four = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;

    memset(ret, 0, sizeof(*ret));
    if (a->family == SIP_IPV6) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(a->port);
        memcpy(&six->sin6_addr, a->ip, sizeof(six->sin6_addr));
        return sizeof(*six);
    }
    four->sin_family = AF_INET;
    four->sin_port = htons(a->port);
    memcpy(&four->sin_addr, a->ip, sizeof(four->sin_addr));
    return sizeof(*four);
}

struct sip_addr udp_from_socket(const struct sockaddr_storage *s)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)s;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)s;
    struct sip_addr a = {.transport = SIP_UDP};

    if (s->ss_family == AF_INET6) {
        a.family = SIP_IPV6;
        a.port = ntohs(six->sin6_port);
        memcpy(a.ip, &six->sin6_addr, sizeof(six->sin6_addr));
    } else {
        a.family = SIP_IPV4;
        a.port = ntohs(four->sin_port);
        memcpy(a.ip, &four->sin_addr, sizeof(four->sin_addr));
    }
    return a;
}

/* ---- receiving ---- */

/* How long the oldest of a batch has waited in the socket: the kernel notes when it came. */
static uint32_t waited_ms(struct udp *udp)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(&udp->in[0].msg_hdr);
    struct timespec came;
    int64_t ms;

    if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
        return server_late_ms(udp->server);
    memcpy(&came, CMSG_DATA(c), sizeof(came));
    ms = loop_wall_ms() - ((int64_t)came.tv_sec * 1000 + came.tv_nsec / 1000000);
    return ms <= 0 ? 0 : ms < LATE_MAX_MS ? (uint32_t)ms : LATE_MAX_MS;
}

/* Who keeps the kernel's room filled is behind for as long as the socket has not been read empty:
 * what has found no room waits with its sender. */
static uint32_t late_ms(struct udp *udp)
{
    return udp->pressed ? (uint32_t)mono_diff_ms(loop_now_exact(), udp->behind) : waited_ms(udp);
}

/* Is the kernel's room for datagrams that wait more than half full? */
static bool half_full(const struct udp *udp)
{
    uint32_t memory[SK_MEMINFO_VARS] = {0};
    socklen_t size = sizeof(memory);

    return getsockopt(udp->fd, SOL_SOCKET, SO_MEMINFO, memory, &size) == 0 &&
           memory[SK_MEMINFO_RMEM_ALLOC] > memory[SK_MEMINFO_RCVBUF] / 2;
}

static void read_empty(struct udp *udp)
{
    udp->behind = MONO_ZERO;
    udp->pressed = false;
}

static void not_read_empty(struct udp *udp)
{
    if (udp->behind.ns == 0)
        udp->behind = loop_now(udp->server->component->loop);
    udp->pressed = udp->pressed || half_full(udp);
}

/* Returns: how many came. */
static unsigned receive(struct udp *udp)
{
    unsigned came = 0;
    uint32_t late;

    udp->looked = loop_now(udp->server->component->loop);
    for (unsigned batch = 0; batch < BATCHES_MAX && udp->fd >= 0; batch++) {
        int n;

        for (unsigned i = 0; i < BATCH; i++)
            udp->in[i].msg_hdr.msg_namelen = sizeof(udp->in_from[i]);
        udp->in[0].msg_hdr.msg_control = udp->stamp;
        udp->in[0].msg_hdr.msg_controllen = sizeof(udp->stamp);
        n = recvmmsg(udp->fd, udp->in, BATCH, MSG_DONTWAIT, NULL);
        late = n > 0 ? late_ms(udp) : 0;
        if (n < BATCH)
            read_empty(udp);
        if (n <= 0)
            return came;
        came += (unsigned)n;
        KILL_POINT(RECEIVED);
        log_hold(); /* until the answers leave */
        for (int i = 0; i < n; i++)
            server_step(udp->server, &(struct sc_event){.kind = SC_EV_DATAGRAM,
                                                        .src = udp_from_socket(&udp->in_from[i]),
                                                        .data = udp->in_data[i].iov_base,
                                                        .len = udp->in[i].msg_len,
                                                        .late_ms = late});
        server_transmit(udp->server);
        if (n < BATCH)
            return came;
    }
    if (udp->fd >= 0)
        not_read_empty(udp);
    return came;
}

/* The next moment of a grid, so that timers of SIP fire in the same turn. */
static mono_t next_look(const struct udp *udp, mono_t now)
{
    return mono_grid((mono_t){now.ns + 1}, udp->gather_ms);
}

/* A datagram came.  Soon after the last ones: the next ones may come together. */
static void on_input(void *arg, uint32_t events)
{
    struct udp *udp = arg;
    mono_t now = loop_now(udp->server->component->loop);
    mono_t quiet = mono_add_ms(udp->looked, udp->gather_ms);

    (void)events;
    (void)receive(udp);
    if (udp->fd < 0 || mono_due(quiet, now))
        return;
    if (loop_io_set_events(udp->io, 0) == 0)
        loop_timer_set(udp->gather, next_look(udp, now));
}

static void on_gather(void *arg, mono_t now)
{
    struct udp *udp = arg;

    if (udp->fd < 0)
        return;
    if (receive(udp) >= 2)
        loop_timer_set(udp->gather, next_look(udp, now));
    else if (udp->fd >= 0)
        (void)loop_io_set_events(udp->io, EPOLLIN);
}

void udp_gather(struct udp *udp, uint32_t ms)
{
    udp->gather_ms = ms;
}

/* ---- opening ---- */

static int open_socket(const struct sip_addr *local, int *ret_fd)
{
    struct sockaddr_storage address;
    socklen_t length = udp_to_socket(local, &address);
    int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, buffer = BUFFER, r;

    if (fd < 0)
        return -errno;
    /* The site address may not be on the interface yet; a transparent local route is enough. */
    if (local->family == SIP_IPV6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
    } else {
        (void)setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
    (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, length) != 0) {
        r = -errno;
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

static void address_text(const struct sip_addr *a, char *text, size_t size)
{
    struct sip_buf b;

    sip_buf_init(&b, text, size - 1);
    sip_addr_put_host(&b, a, true);
    sip_put_text(&b, ":");
    sip_put_number(&b, a->port);
    text[b.len] = '\0';
}

static void try_open(struct udp *udp)
{
    struct component *component = udp->server->component;
    const struct sip_addr *local = &udp->server->conf.local;
    bool first = udp->why_not[0] == '\0';
    char text[80];
    int r = open_socket(local, &udp->fd);

    address_text(local, text, sizeof(text));
    if (r == 0)
        r = loop_io_new(component->loop, udp->fd, EPOLLIN, LOOP_SIP, on_input, udp, &udp->io);
    if (r != 0) {
        if (udp->fd >= 0)
            close(udp->fd);
        udp->fd = -1;
        snprintf(udp->why_not, sizeof(udp->why_not), "cannot open udp %s: %s%s", text, strerror(-r),
                 r == -EADDRINUSE
                     ? " (another process holds the port: end it, or give another sip port)"
                     : "");
        if (first)
            log_event(LEVEL_WARNING, MSG_FAULT, LOG_FIELDS(.object = text), "%s; trying again",
                      udp->why_not);
        loop_timer_set(udp->retry, mono_add_ms(loop_now_exact(), RETRY_MS));
        return;
    }
    udp->why_not[0] = '\0';
    log_event(LEVEL_NOTICE, MSG_SERVING,
              LOG_FIELDS(.to = "SERVING", .epoch = component->role.epoch, .object = "sip"),
              "SIP is served at udp %s", text);
}

void udp_open(struct udp *udp)
{
    if (udp->wanted)
        return;
    udp->wanted = true;
    udp->why_not[0] = '\0';
    try_open(udp);
}

static void on_retry(void *arg, mono_t now)
{
    struct udp *udp = arg;

    (void)now;
    if (udp->wanted && udp->fd < 0)
        try_open(udp);
}

void udp_close(struct udp *udp)
{
    bool was_open = udp->fd >= 0;

    udp->wanted = false;
    udp->why_not[0] = '\0';
    loop_timer_set(udp->retry, MONO_NEVER);
    loop_timer_set(udp->gather, MONO_NEVER);
    loop_io_destroy(&udp->io);
    if (was_open)
        close(udp->fd);
    udp->fd = -1;
    read_empty(udp);
    udp->unsent_n = 0;
    if (was_open)
        log_event(LEVEL_NOTICE, MSG_SERVING, LOG_FIELDS(.to = "STOPPED", .object = "sip"),
                  "SIP is no longer served");
}

/* ---- sending ---- */

static void refused(struct udp *udp, uint64_t txn, int error)
{
    udp->unsent++;
    if (txn != 0 && udp->unsent_n < UNSENT_MAX)
        udp->unsent_txn[udp->unsent_n++] = txn;
    log_limited(&udp->limit, LEVEL_WARNING, MSG_FAULT, NULL, "a datagram could not be sent: %s",
                strerror(error));
}

/* Datagrams that the kernel has no room for now are lost like others on their way: whoever needs
 * them asks, or is asked, again (RFC 3261 17).  That says nothing of whom they were for. */
static bool lost(struct udp *udp, unsigned n, int error)
{
    if (error != EAGAIN && error != EWOULDBLOCK && error != ENOBUFS && error != ENOMEM)
        return false;
    udp->full += n;
    log_limited(&udp->full_limit, LEVEL_WARNING, MSG_FAULT, NULL,
                "%u datagrams dropped: the kernel has no room to send them (%s)", n,
                strerror(error));
    return true;
}

/* The site address is not at this host any more. */
static bool address_gone(const struct udp *udp)
{
    struct sip_addr local = udp->server->conf.local;
    struct sockaddr_storage address;
    socklen_t length;
    bool gone;
    int fd;

    local.port = 0;
    length = udp_to_socket(&local, &address);
    fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    gone = fd >= 0 && bind(fd, (struct sockaddr *)&address, length) != 0 && errno == EADDRNOTAVAIL;
    if (fd >= 0)
        close(fd);
    return gone;
}

/* The role ends, and the order to stop is still on its way: the kernel's fence is shut (EPERM), or
 * the address has gone.  Nobody is told that a peer cannot be reached: the next primary reaches it
 * (H-10). */
static bool kept_in(struct udp *udp, unsigned n, int error)
{
    if (error != EPERM && !(error == ENETUNREACH && address_gone(udp)))
        return false;
    udp->fenced += n;
    return true;
}

/* Send N datagrams from FIRST on.  Returns: how many are done with. */
static unsigned send_batch(struct udp *udp, const struct sip_out *out, unsigned first, unsigned n)
{
    struct mmsghdr message[BATCH];
    struct iovec data[BATCH];
    struct sockaddr_storage to[BATCH];
    int sent, error;

    for (unsigned i = 0; i < n; i++) {
        struct sip_str bytes = sip_out_data(out, first + i);

        data[i] = (struct iovec){(void *)(uintptr_t)bytes.p, bytes.len};
        message[i].msg_hdr =
            (struct msghdr){.msg_name = &to[i],
                            .msg_namelen = udp_to_socket(&out->items[first + i].to, &to[i]),
                            .msg_iov = &data[i],
                            .msg_iovlen = 1};
        message[i].msg_len = 0;
    }
    if (!component_may_serve(udp->server->component)) {
        udp->fenced += n;
        return n;
    }
    sent = sendmmsg(udp->fd, message, n, MSG_DONTWAIT);
    if (sent > 0)
        return (unsigned)sent;
    error = errno;
    if (kept_in(udp, n, error) || lost(udp, n, error))
        return n;
    refused(udp, out->items[first].txn, error);
    return 1;
}

void udp_send(struct udp *udp, const struct sip_out *out, unsigned first, unsigned n)
{
    unsigned done = 0;

    if (udp->fd < 0) {
        udp->fenced += n;
        return;
    }
    while (done < n) {
        unsigned left = n - done;

        done += send_batch(udp, out, first + done, left < BATCH ? left : BATCH);
    }
}

void udp_report_unsent(struct udp *udp)
{
    unsigned n = udp->unsent_n;

    udp->unsent_n = 0;
    for (unsigned i = 0; i < n; i++)
        server_step(udp->server,
                    &(struct sc_event){.kind = SC_EV_UNSENT, .txn = udp->unsent_txn[i]});
}

/* ---- the object ---- */

const char *udp_why_not(const struct udp *udp)
{
    return udp->wanted && udp->fd < 0 ? udp->why_not : NULL;
}

uint64_t udp_drops(const struct udp *udp)
{
    return udp->fenced + udp->unsent + udp->full;
}

uint64_t udp_full(const struct udp *udp)
{
    return udp->full;
}

int udp_new(struct server *server, struct udp **ret_udp)
{
    struct udp *udp = calloc(1, sizeof(*udp));
    int r;

    if (udp == NULL)
        return -ENOMEM;
    udp->server = server;
    udp->fd = -1;
    udp->gather_ms = UDP_GATHER_MS;
    udp->in_bytes = malloc((size_t)BATCH * PLACE);
    r = udp->in_bytes == NULL
            ? -ENOMEM
            : loop_timer_new(server->component->loop, LOOP_SIP, on_retry, udp, &udp->retry);
    if (r == 0)
        r = loop_timer_new(server->component->loop, LOOP_SIP, on_gather, udp, &udp->gather);
    if (r != 0) {
        udp_destroy(&udp);
        return r;
    }
    for (unsigned i = 0; i < BATCH; i++) {
        udp->in_data[i] = (struct iovec){udp->in_bytes + (size_t)i * PLACE, MESSAGE_MAX};
        udp->in[i].msg_hdr.msg_iov = &udp->in_data[i];
        udp->in[i].msg_hdr.msg_iovlen = 1;
        udp->in[i].msg_hdr.msg_name = &udp->in_from[i];
    }
    *ret_udp = udp;
    return 0;
}

void udp_destroy(struct udp **udp)
{
    if (*udp == NULL)
        return;
    if ((*udp)->retry != NULL && (*udp)->gather != NULL)
        udp_close(*udp);
    loop_timer_destroy(&(*udp)->gather);
    loop_timer_destroy(&(*udp)->retry);
    free((*udp)->in_bytes);
    free(*udp);
    *udp = NULL;
}
