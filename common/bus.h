/* bus - messages between the processes of a deployment: protobuf in an envelope over ZeroMQ.
 *
 *        connector (DEALER)                         binder (ROUTER)
 *        bus_connect  ---- bus_link_send ---->      handler(peer, message)
 *        handler(link, message)  <---- bus_peer_send ----
 *
 * proto/endpoints.tbl.h says which process may bind and connect which endpoint; anything else is
 * refused.  The envelope is checked on receipt: cluster, host (must be the owner of the CURVE key on
 * WIDE sockets, this host on LOCAL ones), site, process, direction of the message type, boot id, sequence
 * (no replay; after a gap the conversation starts afresh: gone at the binder, down and up at the
 * connector), epoch (a lower role epoch from the same process of a host than the highest seen is refused;
 * a process that has just started and claims no role is not), and every field by the codec.
 * Each refusal is counted by reason (bus_refused.tbl.h) and logged at most once a minute.
 * What queued while this process or the other stood still for peer_silent_ms is thrown away.
 *
 * ZeroMQ promises nothing: queues are bounded (a full queue is counted and -EAGAIN returned), liveness is
 * the user's own beat.  When the other side comes, restarts or goes (bus_link_state_fn / bus_peer_gone_fn),
 * the user starts its conversation afresh.
 *
 * Messages passed to handlers belong to the bus and are gone when the handler returns.
 */
#ifndef COMMON_BUS_H
#define COMMON_BUS_H

#include "common/loop.h"
#include "proto/codec.h"
#include <stdbool.h>

struct bootstrap;
struct bus;
struct bus_link; /* our connection to a binder */
struct bus_peer; /* one connected process, at the binder */

/* Who sent a message, as checked. */
struct bus_sender {
    char host[64];
    uint32_t site;          /* 0: the arbiter */
    enum process process;
    uint64_t boot_id;
    uint64_t epoch;
    bool primary;           /* its role when it sent */
};

typedef void bus_link_message_fn(void *arg, struct bus_link *link, const struct bus_sender *from,
                                 const struct codec_message *message);
/* Connected (UP) or lost, or the other side restarted: UP is called again with a new boot id. */
typedef void bus_link_state_fn(void *arg, struct bus_link *link, bool up);
typedef void bus_peer_message_fn(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                                 const struct codec_message *message);
/* The peer has gone (its connection closed, or silent for bus_conf.peer_silent_ms); PEER is invalid afterwards. */
typedef void bus_peer_gone_fn(void *arg, struct bus_peer *peer);

struct bus_conf {
    enum process self;
    const struct bootstrap *bootstrap; /* cluster, self host, sites, addresses, ports, run-dir, keys-dir */
    uint32_t queue_max;                /* messages per connection and direction; 0 = 1000 */
    uint32_t peer_silent_ms;           /* 0 = timeouts.peer-silent of the bootstrap, else 3000; the bus sends keep-alives of its own on idle connections */
    uint32_t realtime_priority;        /* of the threads that carry its messages (SCHED_RR), which must be permitted; 0 = none */
};

int bus_new(struct loop *loop, const struct bus_conf *conf, struct bus **ret_bus);
void bus_destroy(struct bus **bus); /* says good-bye; not from a handler of the bus */

/* bus_set_role - the role and epoch that envelopes carry from now on. */
void bus_set_role(struct bus *bus, bool primary, uint64_t epoch);

/* bus_bind - open ENDPOINT as its binder, on its LOCAL and WIDE addresses as the table says.
 * ON_GONE may be NULL when nothing hangs on a peer.
 * Returns 0; -EADDRINUSE (the reason, with the address and what to do, in bus_error), -EPERM when the table
 * does not allow it. */
int bus_bind(struct bus *bus, enum endpoint endpoint, enum loop_priority priority, bus_peer_message_fn *on_message,
             bus_peer_gone_fn *on_gone, void *arg);

/* bus_connect - connect to ENDPOINT of HOST (a host's name of the bootstrap file, NULL for this host over ipc).
 * Never blocks; connects again by itself.  Returns 0; -EPERM when the table does not allow it; -EINVAL no such host;
 * -ENOKEY its public key is missing, -ENOENT, -EPERM our own is missing or open to others (in bus_error). */
int bus_connect(struct bus *bus, enum endpoint endpoint, const char *host, enum loop_priority priority,
                bus_link_message_fn *on_message, bus_link_state_fn *on_state, void *arg, struct bus_link **ret_link);
void bus_link_destroy(struct bus_link **link); /* also from its own handler */

/* bus_link_send, bus_peer_send - send BODY, a protobuf-c message of the type that TYPE names.
 * Returns 0; -EAGAIN the queue is full (counted); -ENOTCONN (counted); -EMSGSIZE; -EINVAL
 * when the receiver's codec would refuse a field (logged). */
int bus_link_send(struct bus_link *link, enum message_type type, const void *body);
int bus_peer_send(struct bus_peer *peer, enum message_type type, const void *body);

bool bus_link_up(const struct bus_link *link);
const char *bus_link_host(const struct bus_link *link);
const struct bus_sender *bus_peer_sender(const struct bus_peer *peer);
void bus_peer_set_data(struct bus_peer *peer, void *data);
void *bus_peer_data(const struct bus_peer *peer);

/* bus_error - the last error of bus_new, bus_bind or bus_connect, in words, for the person who reads the log. */
const char *bus_error(const struct bus *bus);

/* bus_counters - iterate the counters (refusals by reason, queue-full drops, messages in and out): FN gets
 * each name and value. */
void bus_counters(const struct bus *bus, void (*fn)(void *arg, const char *name, uint64_t value), void *arg);
uint64_t bus_drops(const struct bus *bus);

#endif
