#include <stdlib.h>
#include <string.h>

#include "sipserver/adapt/stream_inner.h"

struct source *flow_source(struct stream *stream, const struct sip_addr *peer)
{
    uint8_t ip[17] = {peer->family};
    struct hash_node *node;
    struct source *source;

    memcpy(ip + 1, peer->ip, sizeof(peer->ip));
    node = hash_get(&stream->by_ip, ip, sizeof(ip));
    if (node != NULL) {
        source = CONTAINER_OF(node, struct source, by_ip);
        source->connections++;
        return source;
    }
    source = calloc(1, sizeof(*source));
    if (source == NULL)
        return NULL;
    memcpy(source->ip, ip, sizeof(ip));
    if (hash_put(&stream->by_ip, &source->by_ip, source->ip, sizeof(source->ip)) != 0) {
        free(source);
        return NULL;
    }
    source->connections = 1;
    return source;
}

void flow_leave(struct stream *stream, struct source *source)
{
    if (source == NULL || --source->connections > 0)
        return;
    hash_remove(&stream->by_ip, &source->by_ip);
    free(source);
}

static void key_of(const struct sip_addr *a, uint8_t key[CONNECTION_KEY])
{
    key[0] = a->family;
    key[1] = a->transport;
    key[2] = (uint8_t)(a->port >> 8);
    key[3] = (uint8_t)a->port;
    memcpy(key + 4, a->ip, sizeof(a->ip));
}

/* There is a free slot: the maximum of connections is below their number. */
static uint32_t new_flow(struct stream *stream)
{
    do
        stream->next_slot = (stream->next_slot + 1) % FLOW_SLOTS;
    while (stream->slots[stream->next_slot] != NULL);
    stream->generation++;
    if (stream->generation << FLOW_SLOT_BITS == 0)
        stream->generation++; /* 0 is no flow */
    return stream->generation << FLOW_SLOT_BITS | stream->next_slot;
}

struct connection *flow_find(const struct stream *stream, const struct sip_addr *to)
{
    struct connection *c = stream->slots[to->flow % FLOW_SLOTS];
    uint8_t key[CONNECTION_KEY];
    struct hash_node *node;

    if (to->flow != 0 && c != NULL && c->peer.flow == to->flow && sip_addr_eq(&c->peer, to))
        return c;
    key_of(to, key);
    node = hash_get(&stream->by_addr, key, sizeof(key));
    return node != NULL ? CONTAINER_OF(node, struct connection, by_addr) : NULL;
}

uint32_t flows_max(const struct stream *stream)
{
    return stream->limits.connections_max < stream->fds_max ? stream->limits.connections_max
                                                            : stream->fds_max;
}

int flow_enter(struct stream *stream, struct connection *c)
{
    int r;

    c->stream = stream;
    c->heard = c->patience = loop_now(stream_loop(stream));
    r = connection_begin(c);
    if (r != 0)
        return r;
    c->peer.flow = new_flow(stream);
    stream->slots[c->peer.flow % FLOW_SLOTS] = c;
    key_of(&c->peer, c->key);
    (void)hash_put(&stream->by_addr, &c->by_addr, c->key, sizeof(c->key)); /* the first is found */
    list_append(&stream->idle, &c->in_idle);
    list_append(&stream->patience, &c->in_patience);
    list_link_init(&c->in_over);
    stream->live++;
    return 0;
}

void stream_over(struct connection *c)
{
    struct stream *stream = c->stream;

    stream->slots[c->peer.flow % FLOW_SLOTS] = NULL;
    hash_remove(&stream->by_addr, &c->by_addr);
    list_remove(&c->in_idle);
    list_remove(&c->in_patience);
    list_append(&stream->over, &c->in_over);
    flow_leave(stream, c->source);
    stream->live--;
}
