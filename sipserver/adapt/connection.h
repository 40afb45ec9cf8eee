/* connection - one connection of the stream adapter: its descriptor or TLS session, what is left of
 * a message under way, what waits to be sent.
 *
 *     CONNECTING ──> HANDSHAKE (TLS) ──> OPEN ──> OVER
 *
 * For stream.c only, which owns the table, the limits and the lists by time.  A connection that is
 * OVER has no descriptor; stream.c frees it at the end of the turn, so that whoever was working
 * with it can see that.
 */
#ifndef SIPSERVER_ADAPT_CONNECTION_H
#define SIPSERVER_ADAPT_CONNECTION_H

#include <openssl/ssl.h>

#include "common/hash.h"
#include "common/list.h"
#include "common/loop.h"
#include "sipserver/adapt/stream.h"
#include "sipserver/sip/framer.h"

#define CONNECTION_MESSAGE_MAX 65535
#define CONNECTION_TXNS        16

enum stream_count {
#define COUNTER(id, name, text) STREAM_N_##id,
#include "sipserver/adapt/stream.tbl.h"
    STREAM_COUNTS
};

enum connection_state {
    CONNECTION_CONNECTING,
    CONNECTION_HANDSHAKE,
    CONNECTION_OPEN,
    CONNECTION_OVER,
};

/* Address as a key: family, transport, port, ip. */
#define CONNECTION_KEY 20

struct source; /* how many connections come from one address */

struct connection {
    struct stream *stream;
    struct sip_addr peer; /* flow: this one */
    enum connection_state state;
    bool made_here;
    int fd;
    SSL *ssl; /* NULL: plain */
    struct loop_io *io;
    uint32_t events; /* watched */
    struct sip_framer framer;
    char *in; /* begin of a message that is not whole; NULL: none */
    size_t in_len, in_size;
    char *out; /* waits to be sent, from out_done on; NULL: nothing */
    size_t out_done, out_len, out_size;
    uint64_t txns[CONNECTION_TXNS]; /* whose messages wait */
    unsigned txns_n;
    bool proven;     /* has brought a message or a ping */
    mono_t heard;    /* last, or opened */
    mono_t patience; /* since when it is waited for */
    struct list_link in_idle, in_patience, in_over;
    struct hash_node by_addr;
    uint8_t key[CONNECTION_KEY];
    struct source *source; /* of one that came in */
};

/* connection_begin - watch a connection whose fd, ssl and state are set.  0; -errno. */
int connection_begin(struct connection *c);

/* connection_write - send DATA, or keep it until the peer reads.  TXN is told when that fails. */
void connection_write(struct connection *c, struct sip_str data, uint64_t txn);

/* connection_end - close at once; WHY is counted (STREAM_COUNTS: not). */
void connection_end(struct connection *c, enum stream_count why);

void connection_free(struct connection *c); /* one that is over */

/* ---- what stream.c does for a connection ---- */

void stream_heard(struct connection *c);             /* a whole message or a ping */
void stream_waits(struct connection *c, bool waits); /* for something that must come soon */
void stream_over(struct connection *c);              /* off the table, freed at the turn's end */
void stream_message(struct stream *stream, const struct sip_addr *from, struct sip_str data);
void stream_unsent(struct stream *stream, uint64_t txn);
void stream_count(struct stream *stream, enum stream_count which);
bool stream_may_send(struct stream *stream);
struct loop *stream_loop(const struct stream *stream);
char *stream_buffer(const struct stream *stream); /* CONNECTION_MESSAGE_MAX bytes, for one read */
uint32_t stream_output_max(const struct stream *stream);
void stream_addr_text(const struct sip_addr *a, char *text, size_t size);
void stream_complain(struct stream *stream, const struct connection *c, const char *what);

#endif
