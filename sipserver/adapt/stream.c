#include "sipserver/adapt/stream.h"

#include <errno.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sipserver/adapt/resolver.h"
#include "sipserver/adapt/stream_inner.h"
#include "sipserver/adapt/udp.h"

#define FDS_KEPT 128 /* descriptors for everything else */

void stream_limits_default(struct stream_limits *limits)
{
    *limits = (struct stream_limits){.connections_max = 10000,
                                     .per_source_max = 1000,
                                     .idle_ms = 3900000,
                                     .patience_ms = 10000,
                                     .keepalive_ms = 60000,
                                     .output_max = 262144};
}

/* ---- what a connection asks for ---- */

struct loop *stream_loop(const struct stream *stream)
{
    return stream->server->component->loop;
}

char *stream_buffer(const struct stream *stream)
{
    return stream->buffer;
}

uint32_t stream_output_max(const struct stream *stream)
{
    return stream->limits.output_max;
}

void stream_count(struct stream *stream, enum stream_count which)
{
    stream->counts[which]++;
}

bool stream_may_send(struct stream *stream)
{
    return component_may_serve(stream->server->component);
}

void stream_unsent(struct stream *stream, uint64_t txn)
{
    if (txn != 0 && stream->unsent_n < UNSENT_MAX)
        stream->unsent[stream->unsent_n++] = txn;
}

void stream_message(struct stream *stream, const struct sip_addr *from, struct sip_str data)
{
    server_step(stream->server, &(struct sc_event){.kind = SC_EV_DATAGRAM,
                                                   .src = *from,
                                                   .data = data.p,
                                                   .len = data.len,
                                                   .late_ms = server_late_ms(stream->server)});
    server_transmit(stream->server); /* at once: it may end this connection, and then nothing more
                                        is read of it */
}

void stream_addr_text(const struct sip_addr *a, char *text, size_t size)
{
    struct sip_buf b;

    sip_buf_init(&b, text, size - 1);
    sip_addr_put_uri(&b, a);
    text[b.len] = '\0';
}

void stream_complain(struct stream *stream, const struct connection *c, const char *what)
{
    char text[80];

    stream_addr_text(&c->peer, text, sizeof(text));
    log_limited(&stream->limit, LEVEL_NOTICE, MSG_SIP, LOG_FIELDS(.object = text),
                "connection of %s closed: %s", text, what);
}

/* ---- time ---- */

void stream_heard(struct connection *c)
{
    c->proven = true;
    c->heard = loop_now(stream_loop(c->stream));
    list_remove(&c->in_idle);
    list_append(&c->stream->idle, &c->in_idle);
    stream_waits(c, false); /* what follows has its own time */
}

void stream_waits(struct connection *c, bool waits)
{
    if (waits == list_linked(&c->in_patience))
        return;
    list_remove(&c->in_patience);
    if (!waits)
        return;
    c->patience = loop_now(stream_loop(c->stream));
    list_append(&c->stream->patience, &c->in_patience);
}

static mono_t deadline(const struct stream *stream)
{
    struct list_link *idle = list_first(&stream->idle), *late = list_first(&stream->patience);
    mono_t at = MONO_NEVER;

    if (idle != NULL)
        at = mono_add_ms(CONTAINER_OF(idle, struct connection, in_idle)->heard,
                         stream->limits.idle_ms);
    if (late != NULL)
        at = mono_min(at, mono_add_ms(CONTAINER_OF(late, struct connection, in_patience)->patience,
                                      stream->limits.patience_ms));
    return at;
}

static void on_timer(void *arg, mono_t now)
{
    struct stream *stream = arg;
    struct list_link *link;

    while ((link = list_first(&stream->patience)) != NULL) {
        struct connection *c = CONTAINER_OF(link, struct connection, in_patience);

        if (!mono_due(mono_add_ms(c->patience, stream->limits.patience_ms), now))
            break;
        connection_end(c, c->made_here && c->state != CONNECTION_OPEN ? STREAM_N_NOT_MADE
                                                                      : STREAM_N_SLOW);
    }
    while ((link = list_first(&stream->idle)) != NULL) {
        struct connection *c = CONTAINER_OF(link, struct connection, in_idle);

        if (!mono_due(mono_add_ms(c->heard, stream->limits.idle_ms), now))
            break;
        connection_end(c, STREAM_N_IDLE);
    }
}

/* ---- open and closed ---- */

static unsigned listeners_n(const struct stream *stream)
{
    return stream->tls != NULL ? 2 : 1;
}

static void on_retry(void *arg, mono_t now)
{
    struct stream *stream = arg;

    (void)now;
    for (unsigned i = 0; stream->wanted && i < listeners_n(stream); i++)
        if (stream->listeners[i].fd < 0 || stream->listeners[i].paused)
            listener_try(&stream->listeners[i]);
}

void stream_open(struct stream *stream)
{
    if (stream->wanted)
        return;
    stream->wanted = true;
    on_retry(stream, MONO_ZERO);
}

void stream_close(struct stream *stream)
{
    struct list_link *link;

    stream->wanted = false;
    loop_timer_set(stream->retry, MONO_NEVER);
    for (unsigned i = 0; i < 2; i++) {
        listener_close(&stream->listeners[i]);
        stream->listeners[i].why_not[0] = '\0';
    }
    while ((link = list_first(&stream->idle)) != NULL)
        connection_end(CONTAINER_OF(link, struct connection, in_idle), STREAM_COUNTS);
    stream->unsent_n = 0;
}

/* ---- going out ---- */

/* A session to TO, whose certificate must be of a trunk that is there. */
static SSL *session_to(const struct stream *stream, int fd, const struct sip_addr *to)
{
    const char *names[TLS_NAMES_MAX];
    unsigned n = resolver_names(stream->server->resolver, to, names, TLS_NAMES_MAX);

    return stream->tls != NULL ? tls_connect(stream->tls, fd, to, names, n) : NULL;
}

/* A connection of ours to TO.  NULL: not to be had. */
static struct connection *make(struct stream *stream, const struct sip_addr *to)
{
    struct connection *c = calloc(1, sizeof(*c));
    struct sockaddr_storage address;
    socklen_t length = udp_to_socket(to, &address);
    int r = c == NULL || stream->live >= flows_max(stream) ? -ENOMEM : 0;

    if (r == 0) {
        c->peer = *to;
        c->made_here = true;
        c->state = CONNECTION_CONNECTING;
        c->fd = -1;
        r = listener_socket(stream, 0, &c->fd);
    }
    if (r == 0) {
        listener_options(stream, c->fd);
        if (connect(c->fd, (struct sockaddr *)&address, length) != 0 && errno != EINPROGRESS)
            r = -errno;
    }
    if (r == 0 && to->transport == SIP_TLS) {
        c->ssl = session_to(stream, c->fd, to);
        r = c->ssl == NULL ? -EPROTO : 0;
    }
    if (r == 0)
        r = flow_enter(stream, c);
    if (r == 0)
        return c;
    if (c != NULL) {
        SSL_free(c->ssl);
        if (c->fd >= 0)
            close(c->fd);
    }
    free(c);
    stream_count(stream, STREAM_N_NOT_MADE);
    return NULL;
}

void stream_send(struct stream *stream, const struct sip_dgram *item, struct sip_str data)
{
    struct sip_addr to = item->to;
    struct connection *c;

    if (!stream->wanted || !stream_may_send(stream)) {
        stream_count(stream, STREAM_N_FENCED);
        return;
    }
    c = flow_find(stream, &to);
    if (c == NULL && to.flow != 0) {
        if (to.again == 0) {
            stream_count(stream, STREAM_N_FLOW_GONE);
            stream_unsent(stream, item->txn);
            return;
        }
        to.port = to.again; /* RFC 3261 18.2.2: the port of sent-by */
        to.flow = 0;
        c = flow_find(stream, &to);
    }
    if (c == NULL)
        c = make(stream, &to);
    if (c == NULL)
        stream_unsent(stream, item->txn);
    else
        connection_write(c, data, item->txn);
}

void stream_turn_end(struct stream *stream)
{
    struct list_link *link;
    unsigned n = stream->unsent_n;
    uint64_t unsent[UNSENT_MAX];

    memcpy(unsent, stream->unsent, n * sizeof(unsent[0])); /* a step may add to them */
    stream->unsent_n = 0;
    for (unsigned i = 0; i < n; i++)
        server_step(stream->server, &(struct sc_event){.kind = SC_EV_UNSENT, .txn = unsent[i]});
    server_transmit(stream->server);
    while ((link = list_pop(&stream->over)) != NULL) {
        struct connection *c = CONTAINER_OF(link, struct connection, in_over);

        server_step(stream->server, &(struct sc_event){.kind = SC_EV_FLOW_LOST, .src = c->peer});
        server_transmit(stream->server); /* may end further ones */
        connection_free(c);
    }
    loop_timer_set(stream->timer,
                   stream->unsent_n > 0 ? loop_now(stream_loop(stream)) : deadline(stream));
}

/* ---- certificates ---- */

static void load(struct stream *stream, const char *when)
{
    char why[256];

    if (tls_load(stream->tls, why, sizeof(why)) == 0)
        log_event(LEVEL_NOTICE, MSG_KEYS, LOG_FIELDS(.object = "sip-tls"),
                  "%s: the certificate for SIP over TLS is in use for new connections", when);
    else
        log_event(LEVEL_ERR, MSG_KEYS, LOG_FIELDS(.object = "sip-tls"),
                  "%s: %s; mend the file: it is read again when it changes", when, why);
}

static void on_check(void *arg, mono_t now)
{
    struct stream *stream = arg;
    const struct bootstrap *b = &stream->server->component->bootstrap;

    if (tls_changed(stream->tls))
        load(stream, "the files have changed");
    loop_timer_set(stream->check, mono_add_ms(now, b->sip_tls.check_interval));
}

static void on_hup(void *arg, int signal)
{
    struct stream *stream = arg;

    (void)signal;
    if (stream->tls != NULL)
        load(stream, "SIGHUP");
}

/* ---- looking in ---- */

const char *stream_why_not(const struct stream *stream)
{
    for (unsigned i = 0; stream->wanted && i < listeners_n(stream); i++)
        if (stream->listeners[i].fd < 0)
            return stream->listeners[i].why_not;
    return NULL;
}

static const char *const names[] = {
#define COUNTER(id, name, text) name,
#include "sipserver/adapt/stream.tbl.h"
};

uint64_t stream_drops(const struct stream *stream)
{
    uint64_t drops = 0;

    for (unsigned i = 0; i < STREAM_COUNTS; i++)
        if (strncmp(names[i], "drop_", 5) == 0)
            drops += stream->counts[i];
    return drops;
}

void stream_counters(const struct stream *stream,
                     void (*fn)(void *arg, const char *name, uint64_t value), void *arg)
{
    fn(arg, "connections", stream->live);
    for (unsigned i = 0; i < STREAM_COUNTS; i++)
        fn(arg, names[i], stream->counts[i]);
}

/* ---- the object ---- */

/* As many descriptors as the system lets us have. */
static uint32_t descriptors(void)
{
    struct rlimit limit;
    rlim_t n;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return FDS_KEPT;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    n = limit.rlim_cur > 2 * FDS_KEPT ? limit.rlim_cur - FDS_KEPT : limit.rlim_cur / 2;
    return n < FLOW_SLOTS - 1 ? (uint32_t)n : FLOW_SLOTS - 1;
}

void stream_limits(struct stream *stream, const struct stream_limits *limits)
{
    stream->limits = *limits;
    if (limits->connections_max > stream->fds_max)
        log_event(LEVEL_WARNING, MSG_CONFIG, NULL,
                  "connections-max is %u, but this process may have only %u: raise its limit of "
                  "open files (LimitNOFILE)",
                  limits->connections_max, stream->fds_max);
}

static int make_tables(struct stream *stream)
{
    uint8_t secret[HASH_SECRET_BYTES];

    stream->slots = calloc(FLOW_SLOTS, sizeof(*stream->slots));
    stream->by_addr_memory = calloc(1, hash_bytes(FLOW_SLOTS));
    stream->by_ip_memory = calloc(1, hash_bytes(FLOW_SLOTS));
    stream->buffer = malloc(CONNECTION_MESSAGE_MAX);
    if (stream->slots == NULL || stream->by_addr_memory == NULL || stream->by_ip_memory == NULL ||
        stream->buffer == NULL)
        return -ENOMEM;
    if (RAND_bytes(secret, sizeof(secret)) != 1 ||
        RAND_bytes((unsigned char *)&stream->generation, sizeof(stream->generation)) != 1)
        return -EIO;
    hash_init(&stream->by_addr, stream->by_addr_memory, FLOW_SLOTS, secret);
    hash_init(&stream->by_ip, stream->by_ip_memory, FLOW_SLOTS, secret);
    return 0;
}

static int make_tls(struct stream *stream, const struct bootstrap *b)
{
    int r;

    if (b->sip_tls.certificate[0] == '\0')
        return 0;
    r = tls_new(&b->sip_tls, &stream->tls);
    if (r == 0)
        r = loop_timer_new(stream_loop(stream), LOOP_STATISTICS, on_check, stream, &stream->check);
    if (r != 0)
        return r;
    load(stream, "start");
    loop_timer_set(stream->check, mono_add_ms(loop_now_exact(), b->sip_tls.check_interval));
    return 0;
}

int stream_new(struct server *server, struct stream **ret_stream)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    struct loop *loop = server->component->loop;
    int r;

    if (stream == NULL)
        return -ENOMEM;
    stream->server = server;
    stream->fds_max = descriptors();
    stream_limits_default(&stream->limits);
    list_init(&stream->idle);
    list_init(&stream->patience);
    list_init(&stream->over);
    for (unsigned i = 0; i < 2; i++)
        stream->listeners[i] =
            (struct listener){.stream = stream, .fd = -1, .transport = i == 0 ? SIP_TCP : SIP_TLS};
    r = make_tables(stream);
    if (r == 0)
        r = loop_timer_new(loop, LOOP_SIP, on_timer, stream, &stream->timer);
    if (r == 0)
        r = loop_timer_new(loop, LOOP_SIP, on_retry, stream, &stream->retry);
    if (r == 0)
        r = make_tls(stream, &server->component->bootstrap);
    if (r == 0)
        r = loop_signal(loop, SIGHUP, on_hup, stream);
    if (r != 0)
        stream_destroy(&stream);
    else
        *ret_stream = stream;
    return r;
}

void stream_destroy(struct stream **stream)
{
    struct stream *s = *stream;
    struct list_link *link;

    if (s == NULL)
        return;
    if (s->retry != NULL)
        stream_close(s);
    while ((link = list_pop(&s->over)) != NULL)
        connection_free(CONTAINER_OF(link, struct connection, in_over));
    loop_timer_destroy(&s->retry);
    loop_timer_destroy(&s->timer);
    loop_timer_destroy(&s->check);
    tls_destroy(&s->tls);
    free(s->slots);
    free(s->by_addr_memory);
    free(s->by_ip_memory);
    free(s->buffer);
    free(s);
    *stream = NULL;
}
