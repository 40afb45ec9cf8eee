/* proxy - the confproxy process: its parts, and what they tell each other.
 *
 *     role orders, views --> roles (core) --> follow, open, note
 *     CONFIG  watch:  get, watch, write, status of this host's processes
 *     LOG     feed:   what the other hosts' copies hold, entries and snapshots, forwarded writes
 *             writer: judge a write, put it on disk, wait for the pair, answer
 *             objects: the copy on disk
 *
 * One struct, owned by main; each part has its own file and touches only its own members.
 */
#ifndef CONFPROXY_ADAPT_PROXY_H
#define CONFPROXY_ADAPT_PROXY_H

#include "common/component.h"
#include "common/list.h"
#include "common/log.h"
#include "confproxy/adapt/objects.h"
#include "confproxy/core/roles.h"

#define PROXY_PART_BYTES   262144 /* of a snapshot, in one message */
#define PROXY_TEXT_MAX     8192   /* bytes of an answer's text */
#define PROXY_FORWARDS_MAX 256    /* writes on their way to the writer */

struct feed;
struct watch;
struct writer;

/* The copy's own options (schema.tbl.h); read from the copy itself. */
struct proxy_options {
    uint32_t ack_timeout_ms;
    uint32_t catch_up_wait_ms;
    uint32_t beat_interval_ms;
    uint32_t log_max;
    uint32_t pending_max;
};

/* Another host, under the index that roles knows it by. */
struct proxy_host {
    uint32_t bootstrap; /* index into bootstrap.hosts */
    const char *name;
};

struct proxy {
    struct component *component;
    struct objects *objects;
    struct roles roles;
    struct proxy_options options;
    struct proxy_host hosts[ROLES_HOSTS_MAX];
    uint32_t host_count;
    uint32_t pair; /* index into hosts, or ROLES_NOBODY */
    struct feed *feed;
    struct watch *watch;
    struct writer *writer;
    struct loop_timer *timer;
    char disk_why[DISK_WHY_SIZE];
    char why_not[1024];
};

/* proxy_hooks - what component_main runs. */
extern const struct component_hooks proxy_hooks;

/* proxy_input - something happened that roles must know; its actions are performed. */
void proxy_input(struct proxy *proxy, const struct roles_input *input);

/* proxy_changed - our copy has moved on by an entry (REPLACED: by a snapshot): tell roles and pass
 * it on. */
void proxy_changed(struct proxy *proxy, bool replaced);

/* proxy_released - the last transaction that may be shown to everybody: the writer holds back what
 * its pair has not confirmed yet. */
uint64_t proxy_released(const struct proxy *proxy);

/* proxy_may - may this host write, by the clock read now?  Also while it opens its epoch. */
bool proxy_may(void *proxy);

/* proxy_explain - why writes are not accepted here, or what else a person should know; "" when all
 * is well. The text is good until the next call. */
const char *proxy_explain(struct proxy *proxy);

/* --- feed: the LOG conversation. --- */

int feed_start(struct proxy *proxy);
void feed_stop(struct proxy *proxy);
void feed_follow(struct proxy *proxy, uint32_t host); /* ROLES_NOBODY: nobody */
/* feed_pump - send every follower what it may have and has not. */
void feed_pump(struct proxy *proxy);
/* feed_restart - our history was replaced: followers ask anew. */
void feed_restart(struct proxy *proxy);
/* feed_time - beats and repetitions that are due. */
void feed_time(struct proxy *proxy, mono_t now);
mono_t feed_deadline(const struct proxy *proxy);
bool feed_pair_follows(const struct proxy *proxy);
uint64_t feed_followers(const struct proxy *proxy);
/* feed_forward - pass WRITE on to HOST.  Returns: 0; negative errno as bus_link_send. */
int feed_forward(struct proxy *proxy, uint32_t host, const Sf__ConfWrite *write);

/* --- watch: the CONFIG conversation. --- */

int watch_start(struct proxy *proxy);
void watch_stop(struct proxy *proxy);
void watch_pump(struct proxy *proxy);
/* watch_restart - the copy was replaced: every watcher gets a new snapshot. */
void watch_restart(struct proxy *proxy);

/* --- writer --- */

int writer_start(struct proxy *proxy);
void writer_stop(struct proxy *proxy);
/* writer_request - PEER asks for WRITE: by CONFIG, or by LOG when FORWARDED. */
void writer_request(struct proxy *proxy, struct bus_peer *peer, bool forwarded,
                    const Sf__ConfWrite *write);
/* writer_reply - the writer has answered a write that we passed on. */
void writer_reply(struct proxy *proxy, const Sf__ConfWriteReply *reply);
/* writer_lost - HOST, to which writes may have been passed on, is out of reach. */
void writer_lost(struct proxy *proxy, uint32_t host);
/* writer_acknowledged - the pair's copy is at POSITION. */
void writer_acknowledged(struct proxy *proxy, struct copy_position position);
/* writer_peer_gone - nobody waits for the answers to PEER any more. */
void writer_peer_gone(struct proxy *proxy, const struct bus_peer *peer);
/* writer_ended - this host does not write any more: answer what is open, honestly. */
void writer_ended(struct proxy *proxy);
uint64_t writer_released(const struct proxy *proxy);
void writer_time(struct proxy *proxy, mono_t now);
mono_t writer_deadline(const struct proxy *proxy);

/* --- parts: a run of objects, cut into messages. --- */

struct parts {
    Sf__ConfObject **objects;
    size_t count;
    size_t room;
    size_t bytes;
    void (*send)(void *arg, const struct parts *part, bool more);
    void *arg;
};

/* parts_send - the objects of TYPE and ID in messages of PROXY_PART_BYTES; at least one, MORE in
 * all but the last.  Returns: 0 or a negative errno of the store. */
int parts_send(struct objects *objects, const char *type, const char *id, struct parts *parts);

#endif
