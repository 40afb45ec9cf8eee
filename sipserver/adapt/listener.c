#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sipserver/adapt/stream_inner.h"
#include "sipserver/adapt/udp.h"

#define ACCEPTS_MAX 64 /* of one turn: then others have theirs */
#define BACKLOG     1024
#define RETRY_MS    50

/* ---- coming in ---- */

void listener_options(const struct stream *stream, int fd)
{
    int on = 1, idle = (int)(stream->limits.keepalive_ms / 1000);
    int interval = idle / 4 > 0 ? idle / 4 : 1;
    unsigned patience = stream->limits.patience_ms;
    int output = (int)stream->limits.output_max;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    /* What the kernel keeps for the peer is memory too. */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &output, sizeof(output));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof(patience));
}

/* A connection from PEER.  On refusal FD is closed. */
static void welcome(struct listener *listener, int fd, const struct sip_addr *peer)
{
    struct stream *stream = listener->stream;
    struct source *source = flow_source(stream, peer);
    struct connection *c;

    if (source == NULL || stream->live >= flows_max(stream) ||
        source->connections > stream->limits.per_source_max) {
        stream_count(stream, source == NULL || stream->live >= flows_max(stream) ? STREAM_N_MAX
                                                                                 : STREAM_N_SOURCE);
        flow_leave(stream, source);
        close(fd);
        return;
    }
    listener_options(stream, fd);
    c = calloc(1, sizeof(*c));
    if (c != NULL) {
        c->peer = *peer;
        c->fd = fd;
        c->source = source;
        c->state = CONNECTION_OPEN;
        if (listener->transport == SIP_TLS) {
            c->state = CONNECTION_HANDSHAKE;
            c->ssl = tls_accept(stream->tls, fd);
        }
    }
    if (c == NULL || (listener->transport == SIP_TLS && c->ssl == NULL) ||
        flow_enter(stream, c) != 0) {
        stream_count(stream, listener->transport == SIP_TLS ? STREAM_N_TLS_FAILED : STREAM_N_MAX);
        flow_leave(stream, source);
        if (c != NULL)
            SSL_free(c->ssl);
        free(c);
        close(fd);
        return;
    }
    stream_count(stream, STREAM_N_ACCEPTED);
}

/* Who waits stays readable: without a pause the loop would turn for nothing but this. */
static void pause_listener(struct listener *listener, int error)
{
    struct stream *stream = listener->stream;

    if (loop_io_set_events(listener->io, 0) != 0)
        return;
    listener->paused = true;
    stream_count(stream, STREAM_N_PAUSES);
    log_limited(&stream->limit, LEVEL_WARNING, MSG_FAULT, NULL,
                "connections wait to be let in: %s (raise the limit of open files, LimitNOFILE)",
                strerror(error));
    loop_timer_set(stream->retry, mono_add_ms(loop_now_exact(), RETRY_MS));
}

static bool exhausted(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_accept(void *arg, uint32_t events)
{
    struct listener *listener = arg;

    (void)events;
    for (unsigned i = 0; i < ACCEPTS_MAX && listener->fd >= 0; i++) {
        struct sockaddr_storage from;
        socklen_t length = sizeof(from);
        struct sip_addr peer;
        int fd =
            accept4(listener->fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            if (exhausted(errno))
                pause_listener(listener, errno);
            return;
        }
        peer = udp_from_socket(&from);
        peer.transport = (uint8_t)listener->transport;
        peer.local = listener->transport == SIP_TLS ? SIP_LOCAL_TLS : 0;
        welcome(listener, fd, &peer);
    }
}

/* ---- listening ---- */

int listener_socket(const struct stream *stream, uint16_t port, int *ret_fd)
{
    struct sip_addr local = stream->server->conf.local;
    struct sockaddr_storage address;
    socklen_t length;
    int on = 1, fd, r;

    local.port = port;
    length = udp_to_socket(&local, &address);
    fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* The site address may not be on the interface yet; connections of the role's last holder may
     * still be ending at this port. */
    if (local.family == SIP_IPV6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
    } else {
        (void)setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
    }
    if (port == 0)
        (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    else
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, length) != 0) {
        r = -errno;
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

void listener_close(struct listener *listener)
{
    loop_io_destroy(&listener->io);
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
    listener->paused = false;
}

void listener_try(struct listener *listener)
{
    struct stream *stream = listener->stream;
    struct sip_addr local = stream->server->conf.local;
    bool first = listener->why_not[0] == '\0';
    char text[80];
    int r;

    if (listener->paused) {
        listener->paused = loop_io_set_events(listener->io, EPOLLIN) != 0;
        return;
    }
    local.transport = (uint8_t)listener->transport;
    if (listener->transport == SIP_TLS)
        local.port = stream->server->conf.tls_port;
    r = listener_socket(stream, local.port, &listener->fd);
    if (r == 0 && listen(listener->fd, BACKLOG) != 0)
        r = -errno;
    if (r == 0)
        r = loop_io_new(stream_loop(stream), listener->fd, EPOLLIN, LOOP_SIP, on_accept, listener,
                        &listener->io);
    if (r == 0) {
        listener->why_not[0] = '\0';
        return;
    }
    listener_close(listener);
    stream_addr_text(&local, text, sizeof(text));
    snprintf(listener->why_not, sizeof(listener->why_not), "cannot listen at %s: %s", text,
             strerror(-r));
    if (first)
        log_event(LEVEL_WARNING, MSG_FAULT, LOG_FIELDS(.object = text), "%s; trying again",
                  listener->why_not);
    loop_timer_set(stream->retry, mono_add_ms(loop_now_exact(), RETRY_MS));
}
