/* stream - SIP over TCP and TLS at the site address: open while primary, every connection closed
 * before this host says that it is backup.
 *
 *     listener ── accept ──┐                        ┌── sip_framer ── server_step (as a datagram)
 *     stream_send ─ connect┴── struct connection ───┤
 *                              (plain, or a session)└── output, bounded
 *
 * A connection has a flow number, which is unique in this process for a long time; a message goes
 * over the flow that it names, else over any connection to its address, else over a new one unless
 * it named a flow that is over.  Nothing blocks: neither connecting nor a handshake.  Right before
 * each write component_may_serve is asked (H-4).
 *
 * Bounded, each by an option and counted by its reason (stream.tbl.h): connections, connections of
 * one address, time without a message, time for a message, output that is not read.
 */
#ifndef SIPSERVER_ADAPT_STREAM_H
#define SIPSERVER_ADAPT_STREAM_H

#include <stdint.h>

#include "sipserver/sip/out.h"

struct server;
struct stream;

struct stream_limits {
    uint32_t connections_max;
    uint32_t per_source_max;
    uint32_t idle_ms;
    uint32_t patience_ms;
    uint32_t keepalive_ms;
    uint32_t output_max; /* bytes */
};

void stream_limits_default(struct stream_limits *limits);

/* stream_new - with the certificate of the bootstrap file, when it names one.  A certificate that
 * cannot be used is told and tried again when it changes: UDP and TCP are served meanwhile. */
int stream_new(struct server *server, struct stream **ret_stream);
void stream_destroy(struct stream **stream);

/* stream_limits - from now on; open connections are not closed for a lower maximum. */
void stream_limits(struct stream *stream, const struct stream_limits *limits);

void stream_open(struct stream *stream); /* nothing when it is open */
void stream_close(struct stream *stream);

/* stream_send - send DATA to ITEM's address. */
void stream_send(struct stream *stream, const struct sip_dgram *item, struct sip_str data);

/* stream_turn_end - tell the core what could not be sent, and forget connections that are over. */
void stream_turn_end(struct stream *stream);

/* stream_why_not - why a listener is not open though it should be; NULL: all is well. */
const char *stream_why_not(const struct stream *stream);

/* stream_drops - everything refused or dropped; stream_counters - each by its reason. */
uint64_t stream_drops(const struct stream *stream);
void stream_counters(const struct stream *stream,
                     void (*fn)(void *arg, const char *name, uint64_t value), void *arg);

#endif
