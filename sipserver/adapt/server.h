/* server - the process's own object: the core, its adapters, and the turn that connects them.
 *
 *     udp ── datagrams ──┐              ┌── output ── at once, or when the backup has acknowledged:
 *     stream ─ messages ─┤              │     udp, stream (while component_may_serve)
 *     agent ─ requests ──┤ server_step  │     agent (replies, events), records
 *     conf ── objects ───┼──> sc_step ──┤
 *     role ── orders ────┤              ├── replica ── what has changed, to the backup
 *     timer ─ deadline ──┘              └── events (statistics), note (log)
 */
#ifndef SIPSERVER_ADAPT_SERVER_H
#define SIPSERVER_ADAPT_SERVER_H

#include "common/component.h"
#include "common/disk.h"
#include "sipserver/core/core.h"
#include "sipserver/crypto/digest_openssl.h"

struct udp;
struct stream;
struct conf;
struct agents;
struct events;
struct records;
struct calls;
struct resolver;
struct output;
struct replica;

struct server {
    struct component *component;
    struct sc *core;
    void *memory;
    size_t memory_size;
    struct sc_conf conf;
    struct digest_openssl *digest;
    struct sc_out out;
    struct loop_timer *timer;
    struct udp *udp;
    struct stream *stream;
    struct conf *configuration;
    struct agents *agents;
    struct events *events;
    struct records *records;
    struct calls *calls;
    struct resolver *resolver;
    struct output *output;
    struct replica *replica;
    bool primary;    /* as the core was told */
    mono_t turn_end; /* of the last turn, and how long that took */
    int64_t turn_ms;
    char why_not[256];
    char disk_why[DISK_WHY_SIZE];
    char mode_reason[SC_REASON_SIZE];
};

/* The hooks of common/component. */
int server_start(struct component *component);
void server_role(struct component *component);
void server_report(struct component *component, Sf__RoleReport *report);
void server_finish(struct component *component);

/* server_core - a new core of these maxima, which forgets everything; the role is given to it
 * again. Returns: 0; -ENOMEM. */
int server_core(struct server *server, const struct sc_maxima *maxima, uint32_t t1_ms);

/* server_step - hand EVENT to the core and perform what comes out, in order.  Messages wait for
 * those of the next steps: server_transmit hands them to output, after each batch of datagrams that
 * came in and at the end of the turn. */
void server_step(struct server *server, const struct sc_event *event);
void server_transmit(struct server *server);

/* server_late_ms - how long what is read now may have waited: since this turn began and, when the
 * loop has not slept in between, since the one before it. */
uint32_t server_late_ms(const struct server *server);

/* server_wall_ms - MOMENT as wall clock, Unix milliseconds. */
int64_t server_wall_ms(mono_t moment);

#endif
