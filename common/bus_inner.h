/* bus_inner - what the files of the bus share: bus.c (the bus itself, frames), bus_binding.c and
 * bus_link.c (the two sides of a conversation), bus_socket.c (ZeroMQ sockets, addresses, keys) and
 * bus_check.c (who may say what).  For nobody else.
 *
 * A session is one ZeroMQ routing id, <host>/<process>/<boot id>/<link>.<session>, with sequences
 * from 1 both ways.  When anything is missing or silent, the connector closes its socket, which
 * throws away all queues, and opens another with the next session number.  The binder asks for that
 * with BUS_BYE.
 */
#ifndef COMMON_BUS_INNER_H
#define COMMON_BUS_INNER_H

#include "common/bootstrap.h"
#include "common/bus.h"
#include "common/keys.h"
#include "common/list.h"
#include "common/log.h"
#include "common/loop.h"

#include <stddef.h>
#include <zmq.h>

#define BUS_BATCH         32  /* messages per socket and turn */
#define BUS_PEERS_MAX     256 /* per endpoint */
#define BUS_ID_MAX        128
#define BUS_ADDRESS_SIZE  256
#define BUS_RETIRED_MAX   64 /* boot ids remembered as over */
#define BUS_EPOCHS_MAX    (BOOTSTRAP_HOSTS_MAX * 8)
#define BUS_SILENT_MS     3000
#define BUS_QUEUE_MAX     1000
#define BUS_BYE_LINGER_MS 50 /* so long may a farewell take to leave */

enum bus_reach { BUS_LOCAL = 1, BUS_WIDE = 2, BUS_BOTH = 3 };

enum bus_refused {
#define BUS_REFUSED(name, counter, text) BUS_REFUSED_##name,
#include "common/bus_refused.tbl.h"
};
enum {
    BUS_REFUSED_COUNT = 0
#define BUS_REFUSED(name, counter, text) +1
#include "common/bus_refused.tbl.h"
};
#define BUS_ACCEPTED (-1)

/* One ZeroMQ socket with its monitor; zmq is NULL while it is not open. */
struct bus_socket {
    void *zmq;
    struct loop_io *io;
    void *monitor;
    struct loop_io *monitor_io;
    bool wide;
};

/* The highest epoch seen from a process of a host. */
struct bus_epoch {
    uint32_t host;
    uint32_t process;
    uint64_t epoch;
    uint64_t boot_id;
};

struct bus {
    struct loop *loop;
    enum process self;
    struct bootstrap bootstrap;
    uint32_t queue_max;
    uint32_t silent_ms;
    void *context;
    uint64_t boot_id;
    bool primary;
    uint64_t epoch;
    struct loop_timer *tick;
    mono_t tick_at; /* when it is due */
    struct list bindings;
    struct list links;
    uint32_t links_made;
    unsigned busy; /* inside handlers: links are freed when the last has returned */
    bool have_keys;
    struct keys keys;
    mono_t keys_loaded;
    void *zap;
    struct loop_io *zap_io;
    struct bus_epoch epochs[BUS_EPOCHS_MAX];
    uint32_t epoch_count;
    uint64_t retired[BUS_RETIRED_MAX];
    uint32_t retired_next;
    uint64_t in, out, full, not_connected, gaps;
    uint64_t refused[BUS_REFUSED_COUNT];
    struct log_limit limits[BUS_REFUSED_COUNT];
    struct log_limit full_limit, send_limit, key_limit;
    char error[512];
};

struct bus_binding {
    struct list_link in_bus;
    struct bus *bus;
    enum endpoint endpoint;
    enum loop_priority priority;
    bus_peer_message_fn *on_message;
    bus_peer_gone_fn *on_gone;
    void *arg;
    struct bus_socket local;
    struct bus_socket wide;
    struct list peers;
    uint32_t peer_count;
    bool probe; /* a connection has closed: find out whose */
};

struct bus_peer {
    struct list_link in_binding;
    struct bus_binding *binding;
    struct bus_socket *socket;
    uint8_t id[BUS_ID_MAX];
    size_t id_size;
    struct bus_sender sender;
    uint64_t heard_sequence;
    uint64_t sent_sequence;
    mono_t heard;
    mono_t sent;
    bool shown; /* the user has had a message of it */
    bool lost;  /* its connection has closed */
    void *data;
};

struct bus_link {
    struct list_link in_bus;
    struct bus *bus;
    enum endpoint endpoint;
    enum loop_priority priority;
    bus_link_message_fn *on_message;
    bus_link_state_fn *on_state;
    void *arg;
    uint32_t host; /* index in bootstrap.hosts */
    uint32_t number;
    uint32_t session;
    struct bus_socket socket;
    struct bus_sender sender; /* the binder */
    bool greeted;             /* our first message is under way */
    bool up;                  /* the binder has answered */
    bool dead;
    uint64_t heard_sequence;
    uint64_t sent_sequence;
    mono_t opened;
    mono_t heard;
    mono_t sent;
};

/* ---- bus.c ---- */

/* bus_take - SIZE bytes, all zero; out of memory ends the process. */
void *bus_take(size_t size);

/* bus_enter, bus_leave - around every handler: links that handlers destroy are freed after the
 * last. */
void bus_enter(struct bus *bus);
void bus_leave(struct bus *bus);
/* bus_tick_due - what was last HEARD and SENT then needs the tick again. */
mono_t bus_tick_due(const struct bus *bus, mono_t heard, mono_t sent);
void bus_tick_within(struct bus *bus, int64_t ms);

/* bus_encode - BODY in an envelope of ours; *RET_DATA is the caller's.  0 or a negative errno. */
int bus_encode(struct bus *bus, enum message_type type, const void *body, uint64_t sequence,
               uint8_t **ret_data, size_t *ret_size);

/* bus_send - the last frame of a message, without a copy: DATA is the bus's from now on, whatever
 * becomes of it.  0; -EAGAIN the queue is full, -ENOTCONN. */
int bus_send(void *socket, uint8_t *data, size_t size);

/* bus_decode - the message in FRAME, or NULL and the refusal counted; *SEQUENCE follows a refused
 * message whose number is known, so that the refusal makes no gap. */
struct codec_message *bus_decode(struct bus *bus, zmq_msg_t *frame, enum endpoint endpoint,
                                 enum codec_way way, const char *from, uint64_t *sequence);

/* bus_receive - one frame, or the last of several; false when there is none.  *RET_PARTS says how
 * many there were, the first is in FIRST. */
bool bus_receive(void *socket, zmq_msg_t *first, zmq_msg_t *last, int *ret_parts);

/* bus_owner_of - the host that FRAME really came from: on WIDE sockets the owner of the key. */
uint32_t bus_owner_of(const struct bus *bus, const struct bus_socket *socket, zmq_msg_t *frame);

/* bus_queue_full - counts and logs it.  Returns: -EAGAIN. */
int bus_queue_full(struct bus *bus, enum endpoint endpoint, const char *to);

/* ---- bus_binding.c ---- */

/* bus_binding_tick, bus_link_tick - beat, and end what is silent.  Returns: when there is more to
 * do. */
mono_t bus_binding_tick(struct bus_binding *binding, mono_t now);
void bus_binding_free(struct bus_binding *binding);

/* ---- bus_link.c ---- */

mono_t bus_link_tick(struct bus_link *link, mono_t now);
void bus_link_free(struct bus_link *link);

/* ---- bus_check.c ---- */

/* bus_may - may PROCESS bind (or connect) ENDPOINT?  bus_reach_of - how it can be reached. */
bool bus_may_bind(enum endpoint endpoint, uint32_t process);
bool bus_may_connect(enum endpoint endpoint, uint32_t process);
enum bus_reach bus_reach_of(enum endpoint endpoint);

/* bus_check_sender - BUS_ACCEPTED or why E, which came over a connection of host OWNER (an index),
 * is refused. */
int bus_check_sender(const struct bus *bus, const Sf__Envelope *e, uint32_t owner);
/* bus_check_epoch - BUS_ACCEPTED or BUS_REFUSED_EPOCH; notes a higher epoch. */
int bus_check_epoch(struct bus *bus, const Sf__Envelope *e);

void bus_retire(struct bus *bus, uint64_t boot_id);
bool bus_retired(const struct bus *bus, uint64_t boot_id);

/* bus_refuse - count and log a refusal; FROM and DETAIL may be "". */
void bus_refuse(struct bus *bus, enum bus_refused reason, enum endpoint endpoint, const char *from,
                const char *detail);
void bus_sender_from(struct bus_sender *sender, const Sf__Envelope *e);

/* ---- bus_socket.c ---- */

int bus_fail(struct bus *bus, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* bus_socket_bind - a ROUTER at this host's address of ENDPOINT.  0 or a negative errno, bus->error
 * set. */
int bus_socket_bind(struct bus *bus, enum endpoint endpoint, bool wide, struct bus_socket *socket);
/* bus_socket_connect - a DEALER with the routing id ID to ENDPOINT of HOST. */
int bus_socket_connect(struct bus *bus, enum endpoint endpoint, uint32_t host, bool wide,
                       const char *id, struct bus_socket *socket);
/* bus_socket_close - pending messages get LINGER_MS to leave. */
void bus_socket_close(struct bus_socket *socket, int linger_ms);
/* bus_monitor_next - the next event of the socket's monitor, 0 when there is none. */
int bus_monitor_next(struct bus_socket *socket);
void bus_zap_close(struct bus *bus);

#endif
