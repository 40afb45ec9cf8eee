#include "sipserver/adapt/connection.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sipserver/adapt/tls.h"
#include "sipserver/sip/refusal.h"

#define READS_MAX   4 /* of one turn: then others have theirs */
#define IN_SIZE_MIN 4096
#define PONG        SIP_STR("\r\n")

static void on_io(void *arg, uint32_t events);

/* ---- bytes: each returns > 0, 0 for "not now", -1 for the end ---- */

static ssize_t of_session(const struct connection *c, int r)
{
    int error = SSL_get_error(c->ssl, r);

    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t of_socket(ssize_t n)
{
    if (n > 0)
        return n;
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? 0 : -1;
}

static ssize_t receive(const struct connection *c, char *data, size_t size)
{
    int n;

    if (c->ssl == NULL)
        return of_socket(recv(c->fd, data, size, 0));
    ERR_clear_error();
    n = SSL_read(c->ssl, data, (int)size);
    return n > 0 ? n : of_session(c, n);
}

static ssize_t transmit(const struct connection *c, const char *data, size_t len)
{
    int n;

    if (!stream_may_send(c->stream))
        return 0;
    if (c->ssl == NULL)
        return of_socket(send(c->fd, data, len, MSG_NOSIGNAL));
    ERR_clear_error();
    n = SSL_write(c->ssl, data, (int)len);
    return n > 0 ? n : of_session(c, n);
}

/* ---- output ---- */

static void watch(struct connection *c)
{
    bool writes = c->state == CONNECTION_CONNECTING || c->out_len > c->out_done ||
                  (c->state == CONNECTION_HANDSHAKE && SSL_want_write(c->ssl));
    uint32_t events = EPOLLIN | (writes ? EPOLLOUT : 0);

    if (c->state == CONNECTION_HANDSHAKE && !SSL_want_write(c->ssl))
        events = EPOLLIN; /* what waits cannot go before the handshake is done */
    if (events != c->events && loop_io_set_events(c->io, events) == 0)
        c->events = events;
}

static void forget_output(struct connection *c)
{
    free(c->out);
    c->out = NULL;
    c->out_done = c->out_len = c->out_size = 0;
    c->txns_n = 0;
}

/* What waits goes out as far as the peer takes it. */
static void flush(struct connection *c)
{
    while (c->out_done < c->out_len) {
        ssize_t n = transmit(c, c->out + c->out_done, c->out_len - c->out_done);

        if (n < 0) {
            connection_end(c, STREAM_COUNTS);
            return;
        }
        if (n == 0)
            return;
        c->out_done += (size_t)n;
    }
    if (c->out != NULL)
        forget_output(c);
}

/* Room for LEN bytes more after those that wait. */
static bool make_room(struct connection *c, size_t len)
{
    size_t waits = c->out_len - c->out_done, size = c->out_size;
    char *out;

    if (waits + len > stream_output_max(c->stream))
        return false;
    if (c->out_done > 0) {
        memmove(c->out, c->out + c->out_done, waits);
        c->out_done = 0;
        c->out_len = waits;
    }
    if (waits + len <= size)
        return true;
    size = size == 0 ? 2048 : size;
    while (size < waits + len)
        size *= 2;
    out = realloc(c->out, size);
    if (out == NULL)
        return false;
    c->out = out;
    c->out_size = size;
    return true;
}

void connection_write(struct connection *c, struct sip_str data, uint64_t txn)
{
    ssize_t n = 0;

    if (c->state == CONNECTION_OPEN && c->out == NULL)
        n = transmit(c, data.p, data.len);
    if (n < 0) {
        stream_unsent(c->stream, txn);
        connection_end(c, STREAM_COUNTS);
        return;
    }
    data.p += n;
    data.len -= (size_t)n;
    if (data.len == 0)
        return;
    if (!make_room(c, data.len)) {
        stream_unsent(c->stream, txn);
        stream_complain(c->stream, c, "does not read what it is sent");
        connection_end(c, STREAM_N_OUTPUT_FULL);
        return;
    }
    memcpy(c->out + c->out_len, data.p, data.len);
    c->out_len += data.len;
    if (txn != 0 && c->txns_n < CONNECTION_TXNS)
        c->txns[c->txns_n++] = txn;
    watch(c);
}

/* ---- input ---- */

/* What the peer still sends is read and dropped, within bounds: a close with bytes unread would
 * reset the connection, and the answer might be lost with it (RFC 9293 3.6.1). */
static void drain(const struct connection *c)
{
    char *data = stream_buffer(c->stream);

    (void)shutdown(c->fd, SHUT_WR);
    for (unsigned i = 0; i < READS_MAX; i++) {
        if (recv(c->fd, data, CONNECTION_MESSAGE_MAX, MSG_DONTWAIT) <= 0)
            return;
    }
}

/* The stream cannot be cut at DATA: its sender is told why where that can be done, then it ends. */
static void broken(struct connection *c, enum sip_frame frame, const char *data)
{
    char text[SIP_REFUSAL_MAX];
    struct sip_buf b;

    stream_complain(c->stream, c, sip_frame_text(frame));
    sip_buf_init(&b, text, sizeof(text));
    if (sip_refusal(&c->framer, frame, data, &c->peer, &b) != 0) {
        connection_write(c, sip_buf_str(&b), 0);
        if (c->state != CONNECTION_OPEN)
            return;
        if (c->out == NULL) {
            stream_count(c->stream, STREAM_N_REFUSED);
            drain(c);
        }
    }
    connection_end(c, STREAM_N_BROKEN);
}

/* Every whole message in LEN bytes of DATA.  Returns: how many bytes are done with. */
static size_t cut(struct connection *c, const char *data, size_t len)
{
    size_t from = 0;

    while (c->state == CONNECTION_OPEN) {
        size_t used = 0;
        enum sip_frame frame = sip_framer_next(&c->framer, data + from, len - from, &used);

        switch (frame) {
        case SIP_FRAME_MESSAGE:
            stream_heard(c);
            stream_message(c->stream, &c->peer, (struct sip_str){data + from, used});
            break;
        case SIP_FRAME_PING:
            stream_heard(c);
            stream_count(c->stream, STREAM_N_PINGS);
            connection_write(c, PONG, 0);
            break;
        case SIP_FRAME_MORE: return from + used;
        case SIP_FRAME_TOO_LARGE:
        case SIP_FRAME_NO_LENGTH:
        case SIP_FRAME_BAD_LENGTH: broken(c, frame, data + from + used); return len;
        }
        from += used;
    }
    return len;
}

/* Keep LEN bytes that are not a whole message; none frees the memory. */
static void keep(struct connection *c, const char *data, size_t len)
{
    if (len == 0) {
        free(c->in);
        c->in = NULL;
        c->in_len = c->in_size = 0;
        return;
    }
    if (c->in == NULL) {
        c->in_size = len < IN_SIZE_MIN ? IN_SIZE_MIN : len;
        c->in = malloc(c->in_size);
        if (c->in == NULL) {
            connection_end(c, STREAM_N_MAX);
            return;
        }
    }
    memmove(c->in, data, len);
    c->in_len = len;
}

/* Twice the room for a message under way.  The framer gives up before it is longer than the most.
 */
static bool grow(struct connection *c)
{
    size_t size = c->in_size * 2;
    char *in = size <= 4 * (size_t)CONNECTION_MESSAGE_MAX ? realloc(c->in, size) : NULL;

    if (in == NULL)
        return false;
    c->in = in;
    c->in_size = size;
    return true;
}

/* One read.  Returns: as receive. */
static ssize_t read_some(struct connection *c)
{
    char *data = stream_buffer(c->stream);
    size_t len = 0, size = CONNECTION_MESSAGE_MAX, done;
    ssize_t n;

    if (c->in != NULL) {
        if (c->in_len == c->in_size && !grow(c))
            return -1;
        data = c->in;
        len = c->in_len;
        size = c->in_size;
    }
    n = receive(c, data + len, size - len);
    if (n <= 0)
        return n;
    len += (size_t)n;
    done = cut(c, data, len);
    if (c->state != CONNECTION_OPEN)
        return 0;
    keep(c, data + done, len - done);
    if (c->state == CONNECTION_OPEN)
        stream_waits(c, !c->proven || !sip_framer_idle(c->in, c->in_len));
    return n;
}

static void read_all(struct connection *c)
{
    /* What a session has decrypted already makes no descriptor readable. */
    for (unsigned i = 0; c->state == CONNECTION_OPEN &&
                         (i < READS_MAX || (c->ssl != NULL && SSL_pending(c->ssl) > 0));
         i++) {
        ssize_t n = read_some(c);

        if (n < 0)
            connection_end(c, STREAM_COUNTS);
        if (n <= 0)
            return;
    }
}

/* ---- opening ---- */

static void opened(struct connection *c)
{
    c->state = CONNECTION_OPEN;
    if (c->made_here) {
        c->proven = true;
        stream_count(c->stream, STREAM_N_CONNECTED);
        stream_waits(c, false);
    }
    flush(c);
}

static void shake_hands(struct connection *c)
{
    int r;

    if (!stream_may_send(c->stream)) {
        connection_end(c, STREAM_N_FENCED);
        return;
    }
    ERR_clear_error();
    r = SSL_do_handshake(c->ssl);
    if (r == 1) {
        opened(c);
        return;
    }
    if (of_session(c, r) < 0) {
        stream_complain(c->stream, c, tls_fault(c->ssl));
        connection_end(c, c->made_here ? STREAM_N_NOT_MADE : STREAM_N_TLS_FAILED);
    }
}

static void connected(struct connection *c)
{
    int error = 0;
    socklen_t size = sizeof(error);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        connection_end(c, STREAM_N_NOT_MADE);
        return;
    }
    if (c->ssl == NULL) {
        opened(c);
        return;
    }
    c->state = CONNECTION_HANDSHAKE;
    shake_hands(c);
}

static void on_io(void *arg, uint32_t events)
{
    struct connection *c = arg;

    if (c->state == CONNECTION_CONNECTING)
        connected(c);
    else if (c->state == CONNECTION_HANDSHAKE)
        shake_hands(c);
    else if (c->state == CONNECTION_OPEN && (events & EPOLLOUT) != 0)
        flush(c);
    if (c->state == CONNECTION_OPEN)
        read_all(c);
    if (c->state != CONNECTION_OVER)
        watch(c);
}

int connection_begin(struct connection *c)
{
    sip_framer_init(&c->framer, CONNECTION_MESSAGE_MAX);
    c->events = EPOLLIN | (c->made_here ? EPOLLOUT : 0);
    return loop_io_new(stream_loop(c->stream), c->fd, c->events, LOOP_SIP, on_io, c, &c->io);
}

/* ---- the end ---- */

void connection_end(struct connection *c, enum stream_count why)
{
    if (c->state == CONNECTION_OVER)
        return;
    if (why != STREAM_COUNTS)
        stream_count(c->stream, why);
    c->state = CONNECTION_OVER;
    for (unsigned i = 0; i < c->txns_n; i++)
        stream_unsent(c->stream, c->txns[i]);
    loop_io_destroy(&c->io);
    SSL_free(c->ssl);
    c->ssl = NULL;
    close(c->fd);
    c->fd = -1;
    stream_over(c);
}

void connection_free(struct connection *c)
{
    assert(c->state == CONNECTION_OVER);
    forget_output(c);
    free(c->in);
    free(c);
}
