/* stream_inner - the stream adapter's own object, for its files only:
 *
 *     stream      limits, time, sending, the object     listener   sockets that listen, and what
 * comes in connection  one connection                        flows      the table of connections
 */
#ifndef SIPSERVER_ADAPT_STREAM_INNER_H
#define SIPSERVER_ADAPT_STREAM_INNER_H

#include "common/log.h"
#include "sipserver/adapt/connection.h"
#include "sipserver/adapt/server.h"
#include "sipserver/adapt/tls.h"

#define FLOW_SLOT_BITS 17 /* of a flow number: its slot; the rest counts up from a random start */
#define FLOW_SLOTS     (1u << FLOW_SLOT_BITS)
#define UNSENT_MAX     256

/* How many connections come from one address. */
struct source {
    struct hash_node by_ip;
    uint8_t ip[17]; /* family and address */
    uint32_t connections;
};

struct listener {
    struct stream *stream;
    enum sip_transport transport;
    int fd;      /* -1: closed */
    bool paused; /* nobody is let in until stream->retry */
    struct loop_io *io;
    char why_not[160];
};

struct stream {
    struct server *server;
    struct stream_limits limits;
    struct listener listeners[2]; /* TCP, TLS */
    struct tls *tls;              /* NULL: the bootstrap file names no certificate */
    bool wanted;
    struct loop_timer *retry, *timer, *check;
    struct connection **slots; /* by the low bits of the flow number */
    uint32_t next_slot, generation;
    uint32_t live, fds_max;
    struct hash by_addr, by_ip;
    void *by_addr_memory, *by_ip_memory;
    struct list idle;     /* all, longest not heard from first */
    struct list patience; /* those that owe something, longest first */
    struct list over;
    uint64_t unsent[UNSENT_MAX];
    unsigned unsent_n;
    uint64_t counts[STREAM_COUNTS];
    struct log_limit limit;
    char *buffer;
};

/* ---- flows ---- */

/* flows_max - connections that there may be now. */
uint32_t flows_max(const struct stream *stream);

/* flow_enter - C, which has its descriptor, session and state, gets its flow number and is watched.
 * 0; -errno: the caller closes what C has. */
int flow_enter(struct stream *stream, struct connection *c);

/* flow_find - the connection of TO's flow, else one to its address, else NULL. */
struct connection *flow_find(const struct stream *stream, const struct sip_addr *to);

/* flow_source - the place of PEER's address, with one connection more; NULL: no memory.
 * flow_leave - one less; SOURCE may be NULL. */
struct source *flow_source(struct stream *stream, const struct sip_addr *peer);
void flow_leave(struct stream *stream, struct source *source);

/* ---- listeners ---- */

/* listener_try - open it, or let in again who waits; why_not tells why it is not open. */
void listener_try(struct listener *listener);
void listener_close(struct listener *listener);

/* listener_socket - a socket at the site address and PORT (0: any).  listener_options - how a dead
 * peer is found over FD: probes after silence, and an end to waiting for its acknowledgement. */
int listener_socket(const struct stream *stream, uint16_t port, int *ret_fd);
void listener_options(const struct stream *stream, int fd);

#endif
