/* stats - what the Stat Server knows: agents, queues and totals of every site.
 *
 *     sipserver of this host (source 0) ----- events -----> +-------+
 *     statserver of the pair's other host --- batches ----> | stats | ---> rows, each with the
 * number of statservers of the other site --------- batches ----> +-------+      its last change
 *
 * Each site has at most one active source: this host's SIP server for the own site while this host
 * is primary, else the statserver of the site's primary.  What other sources say about it is
 * ignored, so nothing is counted twice.  Counts are made where the events arise and travel as
 * totals; when a role moves inside a site they go on from where they are.
 *
 * A source numbers what it sends.  A number missing means that something is unknown: the core asks
 * for a new snapshot.  A site without a source is *not monitored*: its rows keep their last values,
 * marked.
 *
 * Pure: time comes in as an argument, memory from the caller. Nothing is ever removed; a table at
 * its limit refuses new rows and counts that.
 *
 * Source: behaviour.md section 8 (ST-1, ST-2, ST-4), I6.
 */
#ifndef STATSERVER_CORE_STATS_H
#define STATSERVER_CORE_STATS_H

#include "common/hash.h"
#include "common/mono.h"
#include "common/pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAT_SITE_SIZE    32
#define STAT_ID_SIZE      64
#define STAT_WORK_SIZE    16
#define STAT_TEXT_SIZE    160
#define STAT_SITES_MAX    4
#define STAT_SOURCES_MAX  8
#define STAT_QUEUES_MAX   8   /* per agent */
#define STAT_COUNTERS_MAX 192 /* per site */
#define STAT_PRIORITIES   10  /* of calls */
#define STAT_OUT_MAX      16
#define STAT_LOCAL        0u /* the source that is this host's SIP server */

/* The values are those of the wire (proto/agent.proto, envelope.proto, events.proto). */
enum stat_state {
    STAT_LOGGED_OUT,
    STAT_NOT_READY,
    STAT_READY,
    STAT_RESERVED,
    STAT_BUSY,
    STAT_AFTER_CALL_WORK,
};

enum stat_mode { STAT_MODE_UNKNOWN, STAT_STANDALONE, STAT_SINGLE, STAT_PEERED };

enum stat_phase {
    STAT_PHASE_UNKNOWN,
    STAT_STARTED,
    STAT_QUEUED,
    STAT_OFFERED,
    STAT_ANSWERED,
    STAT_RELEASED,
    STAT_ABANDONED,
    STAT_FAILED,
    STAT_FORWARDED,
    STAT_OVERFLOWED,
};

struct stat_agent {
    char site[STAT_SITE_SIZE];
    char agent[STAT_ID_SIZE];
    char dn[STAT_ID_SIZE];
    enum stat_state state;
    char reason[STAT_TEXT_SIZE];
    int64_t since_ms; /* wall clock, Unix milliseconds */
    char queues[STAT_QUEUES_MAX][STAT_ID_SIZE];
    uint32_t queue_count;
    char call[STAT_ID_SIZE];
    char work[STAT_WORK_SIZE]; /* what a busy agent is busy with */
    uint64_t calls;
    uint64_t talk_ms;
    bool monitored;
};

struct stat_queue {
    char site[STAT_SITE_SIZE];
    char queue[STAT_ID_SIZE];
    uint32_t waiting;
    uint32_t waiting_by[STAT_PRIORITIES];
    int64_t oldest_since_ms;
    uint32_t agents_ready;
    uint32_t agents_logged_in;
    uint32_t in_music;
    uint64_t expected_wait_ms; /* of a call that enters now; 0: none, or not known */
    uint64_t entered;
    uint64_t answered;
    uint64_t abandoned;
    uint64_t overflowed;
    uint64_t wait_sum_ms; /* of answered calls */
    uint64_t wait_max_ms;
    bool monitored;
};

struct stat_counter {
    char name[STAT_ID_SIZE];
    uint64_t value;
};

struct stat_site {
    char site[STAT_SITE_SIZE];
    char host[STAT_ID_SIZE]; /* whose SIP server serves */
    enum stat_mode mode;
    char mode_reason[STAT_TEXT_SIZE];
    uint64_t calls; /* now */
    uint64_t registrations;
    uint64_t drops;
    struct stat_counter counters[STAT_COUNTERS_MAX];
    uint32_t counter_count;
    uint64_t started, answered, released, abandoned, failed, forwarded;
    bool monitored;
};

struct stat_call {
    char call[STAT_ID_SIZE];
    enum stat_phase phase;
    char queue[STAT_ID_SIZE];
    char agent[STAT_ID_SIZE];
    int64_t wait_ms;
    int64_t talk_ms;
};

/* Rows as the core keeps them; CHANGE orders all changes of this process. */
struct stat_agent_row {
    struct hash_node node;
    char key[STAT_SITE_SIZE + STAT_ID_SIZE];
    struct stat_agent data;
    uint64_t change;
    bool seen; /* in the snapshot that is coming in */
};

struct stat_queue_row {
    struct hash_node node;
    char key[STAT_SITE_SIZE + STAT_ID_SIZE];
    struct stat_queue data;
    uint64_t change;
    bool seen;
};

struct stat_site_row {
    struct stat_site data;
    uint64_t change;
    uint32_t source; /* the active one; STAT_SOURCES_MAX: none */
};

struct stat_source_conf {
    char host[STAT_ID_SIZE];
    char site[STAT_SITE_SIZE];
};

struct stat_conf {
    char site[STAT_SITE_SIZE]; /* this host's */
    uint32_t source_count;     /* source 0 is the SIP server of this host */
    struct stat_source_conf sources[STAT_SOURCES_MAX];
    uint32_t agents_max;
    uint32_t queues_max;
    uint32_t calls_max;
    uint32_t silent_ms; /* a statserver that says nothing for so long is lost */
    uint8_t secret[HASH_SECRET_BYTES];
};

enum stat_event_kind {
    STAT_EV_TICK,  /* only time */
    STAT_EV_ROLE,  /* this host: primary or not */
    STAT_EV_UP,    /* SOURCE is connected, or has restarted */
    STAT_EV_DOWN,  /* SOURCE is not connected */
    STAT_EV_BATCH, /* SOURCE begins to tell: snapshot or updates; the items follow, then BATCH_END
                    */
    STAT_EV_AGENT, /* item: state of an agent (from a statserver: with its counts) */
    STAT_EV_QUEUE, /* item: the same of a queue */
    STAT_EV_SITE,  /* item: the same of a site */
    STAT_EV_CALL,  /* item from the SIP server: something happened to a call */
    STAT_EV_BATCH_END, /* of SOURCE */
};

struct stat_event {
    enum stat_event_kind kind;
    uint32_t source;
    bool primary; /* ROLE; BATCH: the sender's role */
    uint64_t epoch;
    bool snapshot;   /* BATCH */
    bool more;       /* BATCH: further parts of this snapshot follow */
    uint64_t before; /* BATCH: the number that the first item follows */
    uint64_t last;   /* BATCH: the number of the last item */
    const struct stat_agent *agent;
    const struct stat_queue *queue;
    const struct stat_site *site;
    const struct stat_call *call;
};

enum stat_action_kind {
    STAT_ACT_SUBSCRIBE, /* ask SOURCE for a snapshot and updates */
    STAT_NOTE_JOINED,   /* SOURCE now tells about its site */
    STAT_NOTE_LOST,     /* its site is not monitored any more */
    STAT_NOTE_GAP,      /* a number was missing */
};

struct stat_action {
    enum stat_action_kind kind;
    uint32_t source;
};

struct stat_out {
    struct stat_action actions[STAT_OUT_MAX];
    uint32_t count;
};

struct stat_source {
    bool up;
    bool primary;
    uint64_t epoch;
    bool waiting;     /* for a snapshot */
    bool in_snapshot; /* parts of one have come */
    bool taking;      /* the items of the present batch count */
    bool more;
    uint64_t batch_last;
    uint64_t sequence; /* of the last item taken */
    mono_t heard;
};

struct stat_core {
    struct stat_conf conf;
    bool primary;
    struct stat_source sources[STAT_SOURCES_MAX];
    struct stat_site_row sites[STAT_SITES_MAX];
    uint32_t site_count;
    struct pool agents, queues, calls;
    struct hash agents_by_key, queues_by_key, calls_by_id;
    uint64_t change;
    uint64_t events;
    uint64_t gaps;
    uint64_t refused; /* rows that found their table full */
};

/* stat_bytes - the memory that stat_init needs; CONF's maxima decide. */
size_t stat_bytes(const struct stat_conf *conf);
void stat_init(struct stat_core *core, const struct stat_conf *conf, void *memory);

/* stat_step - apply what is due at NOW, then EVENT; RET_OUT says what to do, in order.
 * Asserts: EVENT's source is one of the configuration; items come between BATCH and BATCH_END. */
void stat_step(struct stat_core *core, mono_t now, const struct stat_event *event,
               struct stat_out *ret_out);

/* stat_deadline - step (TICK) no later than this. */
mono_t stat_deadline(const struct stat_core *core);
bool stat_sane(const struct stat_core *core);

/* Walk the rows: NULL gives the first; NULL is the end. */
const struct stat_agent_row *stat_agent_next(const struct stat_core *core,
                                             const struct stat_agent_row *row);
const struct stat_queue_row *stat_queue_next(const struct stat_core *core,
                                             const struct stat_queue_row *row);
const struct stat_site_row *stat_site_next(const struct stat_core *core,
                                           const struct stat_site_row *row);

/* Printed names, as in the JSON and the metrics: "ready", "after_call_work"; "single", "peered". */
const char *stat_state_name(enum stat_state state);
const char *stat_mode_name(enum stat_mode mode);

#endif
