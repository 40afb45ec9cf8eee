#include "statserver/adapt/publish.h"

#include "common/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A process that subscribed. */
struct subscriber {
    struct bus_peer *peer; /* NULL: free */
    bool snapshot;         /* is due */
    uint64_t sent;         /* changes up to this one */
    uint64_t sequence;     /* items told */
    mono_t told;           /* when the last batch went */
};

/* One message in the making. */
struct part {
    struct publish *publish;
    struct subscriber *to;
    bool snapshot;
    uint32_t agents, queues, sites;
    Sf__StatAgent agent[PUBLISH_PART_ROWS], *agent_list[PUBLISH_PART_ROWS];
    Sf__AgentStatus agent_status[PUBLISH_PART_ROWS];
    char *agent_queues[PUBLISH_PART_ROWS][STAT_QUEUES_MAX];
    Sf__StatQueue queue[PUBLISH_PART_ROWS], *queue_list[PUBLISH_PART_ROWS];
    Sf__QueueStatus queue_status[PUBLISH_PART_ROWS];
    Sf__StatSite site[STAT_SITES_MAX], *site_list[STAT_SITES_MAX];
    Sf__ServerStatus site_status[STAT_SITES_MAX];
    Sf__Counter counter[STAT_SITES_MAX][STAT_COUNTERS_MAX];
    Sf__Counter *counter_list[STAT_SITES_MAX][STAT_COUNTERS_MAX];
};

struct publish {
    struct component *component;
    const struct stat_core *core;
    struct loop_timer *timer;
    mono_t at; /* when it fires */
    struct subscriber subscribers[PUBLISH_SUBSCRIBERS_MAX];
    uint64_t refused;
    struct part part;
};

/* text - protobuf-c has plain pointers in its structures and never writes through them. */
static char *text(const char *from)
{
    union {
        const char *in;
        char *out;
    } u = {.in = from};

    return u.out;
}

static void part_send(struct part *part, bool more)
{
    Sf__StatBatch batch = SF__STAT_BATCH__INIT;

    part->to->sequence += part->agents + part->queues + part->sites;
    batch.snapshot = part->snapshot;
    batch.more = more;
    batch.sequence = part->to->sequence;
    batch.n_agents = part->agents;
    batch.agents = part->agent_list;
    batch.n_queues = part->queues;
    batch.queues = part->queue_list;
    batch.n_sites = part->sites;
    batch.sites = part->site_list;
    /* A batch lost to a full queue leaves a gap in the numbers, and the subscriber asks again. */
    (void)bus_peer_send(part->to->peer, MESSAGE_STAT_BATCH, &batch);
    part->to->told = loop_now(part->publish->component->loop);
    part->agents = part->queues = part->sites = 0;
}

static void part_agent(struct part *part, const struct stat_agent *from)
{
    uint32_t i = part->agents;
    Sf__AgentStatus *status = &part->agent_status[i];
    Sf__StatAgent *agent = &part->agent[i];

    sf__agent_status__init(status);
    status->agent = text(from->agent);
    status->dn = text(from->dn);
    status->state = (Sf__AgentState)from->state;
    status->reason = text(from->reason);
    status->since_ms = from->since_ms;
    status->call = text(from->call);
    status->work = text(from->work);
    status->n_queues = from->queue_count;
    status->queues = part->agent_queues[i];
    for (uint32_t q = 0; q < from->queue_count; q++)
        part->agent_queues[i][q] = text(from->queues[q]);
    sf__stat_agent__init(agent);
    agent->site = text(from->site);
    agent->status = status;
    agent->calls = from->calls;
    agent->talk_ms = from->talk_ms;
    agent->monitored = from->monitored;
    part->agent_list[part->agents++] = agent;
    if (part->agents == PUBLISH_PART_ROWS)
        part_send(part, true);
}

static void part_queue(struct part *part, const struct stat_queue *from)
{
    uint32_t i = part->queues;
    Sf__QueueStatus *status = &part->queue_status[i];
    Sf__StatQueue *queue = &part->queue[i];

    sf__queue_status__init(status);
    status->queue = text(from->queue);
    status->waiting = from->waiting;
    status->oldest_since_ms = from->oldest_since_ms;
    status->agents_ready = from->agents_ready;
    status->agents_logged_in = from->agents_logged_in;
    status->expected_wait_ms = (uint32_t)from->expected_wait_ms;
    status->in_music = from->in_music;
    status->waiting_by_priority = (uint32_t *)(uintptr_t)from->waiting_by;
    status->n_waiting_by_priority = STAT_PRIORITIES;
    sf__stat_queue__init(queue);
    queue->site = text(from->site);
    queue->status = status;
    queue->entered = from->entered;
    queue->answered = from->answered;
    queue->abandoned = from->abandoned;
    queue->overflowed = from->overflowed;
    queue->wait_sum_ms = from->wait_sum_ms;
    queue->wait_max_ms = from->wait_max_ms;
    queue->monitored = from->monitored;
    part->queue_list[part->queues++] = queue;
    if (part->queues == PUBLISH_PART_ROWS)
        part_send(part, true);
}

static void part_site(struct part *part, const struct stat_site *from)
{
    uint32_t i = part->sites;
    Sf__ServerStatus *status = &part->site_status[i];
    Sf__StatSite *site = &part->site[i];

    sf__server_status__init(status);
    status->mode = (Sf__Mode)from->mode;
    status->mode_reason = text(from->mode_reason);
    status->calls = from->calls;
    status->registrations = from->registrations;
    status->drops = from->drops;
    status->n_counters = from->counter_count;
    status->counters = part->counter_list[i];
    for (uint32_t c = 0; c < from->counter_count; c++) {
        sf__counter__init(&part->counter[i][c]);
        part->counter[i][c].name = text(from->counters[c].name);
        part->counter[i][c].value = from->counters[c].value;
        part->counter_list[i][c] = &part->counter[i][c];
    }
    sf__stat_site__init(site);
    site->site = text(from->site);
    site->status = status;
    site->monitored = from->monitored;
    site->calls_started = from->started;
    site->calls_answered = from->answered;
    site->calls_released = from->released;
    site->calls_abandoned = from->abandoned;
    site->calls_failed = from->failed;
    site->calls_forwarded = from->forwarded;
    site->host = text(from->host);
    part->site_list[part->sites++] = site;
}

/* wanted - does SUBSCRIBER get rows of SITE? */
static bool wanted(const struct publish *publish, const struct subscriber *subscriber,
                   const char *site)
{
    if (bus_peer_sender(subscriber->peer)->process != PROCESS_STATSERVER)
        return true;
    return publish->component->role.primary && strcmp(site, publish->core->conf.site) == 0;
}

/* tell - everything that changed since the last time, or all of it; at least a beat. */
static void tell(struct publish *publish, struct subscriber *to)
{
    const struct stat_core *core = publish->core;
    struct part *part = &publish->part;
    uint64_t since = to->snapshot ? 0 : to->sent;

    part->publish = publish;
    part->to = to;
    part->snapshot = to->snapshot;
    for (const struct stat_site_row *r = NULL; (r = stat_site_next(core, r)) != NULL;)
        if (r->change > since && wanted(publish, to, r->data.site))
            part_site(part, &r->data);
    for (const struct stat_queue_row *r = NULL; (r = stat_queue_next(core, r)) != NULL;)
        if (r->change > since && wanted(publish, to, r->data.site))
            part_queue(part, &r->data);
    for (const struct stat_agent_row *r = NULL; (r = stat_agent_next(core, r)) != NULL;)
        if (r->change > since && wanted(publish, to, r->data.site))
            part_agent(part, &r->data);
    part_send(part, false);
    to->snapshot = false;
    to->sent = core->change;
}

static bool pending(const struct publish *publish, const struct subscriber *s)
{
    return s->snapshot || s->sent != publish->core->change;
}

/* Wake up only for somebody: for what has changed, a little later, and for beats. */
static void on_turn_end(void *arg, mono_t now)
{
    struct publish *publish = arg;
    mono_t at = MONO_NEVER;

    for (uint32_t i = 0; i < PUBLISH_SUBSCRIBERS_MAX; i++) {
        const struct subscriber *s = &publish->subscribers[i];

        if (s->peer != NULL)
            at = mono_min(at, pending(publish, s) ? mono_add_ms(now, PUBLISH_INTERVAL_MS)
                                                  : mono_add_ms(s->told, PUBLISH_BEAT_MS));
    }
    if (!mono_before(at, publish->at))
        return;
    publish->at = at;
    loop_timer_set(publish->timer, at);
}

static void on_timer(void *arg, mono_t now)
{
    struct publish *publish = arg;

    publish->at = MONO_NEVER;
    for (uint32_t i = 0; i < PUBLISH_SUBSCRIBERS_MAX; i++) {
        struct subscriber *s = &publish->subscribers[i];

        if (s->peer != NULL &&
            (pending(publish, s) || mono_due(mono_add_ms(s->told, PUBLISH_BEAT_MS), now)))
            tell(publish, s);
    }
}

void publish_now(struct publish *publish)
{
    for (uint32_t i = 0; i < PUBLISH_SUBSCRIBERS_MAX; i++)
        if (publish->subscribers[i].peer != NULL)
            tell(publish, &publish->subscribers[i]);
}

/* ---- the bus ---- */

static struct subscriber *subscriber_of(struct publish *publish, const struct bus_peer *peer)
{
    for (uint32_t i = 0; i < PUBLISH_SUBSCRIBERS_MAX; i++)
        if (publish->subscribers[i].peer == peer)
            return &publish->subscribers[i];
    return NULL;
}

static void on_message(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                       const struct codec_message *message)
{
    struct publish *publish = arg;
    struct subscriber *subscriber = subscriber_of(publish, peer);

    (void)from;
    if (message->type != MESSAGE_STAT_SUBSCRIBE)
        return;
    if (subscriber == NULL)
        subscriber = subscriber_of(publish, NULL);
    if (subscriber == NULL) {
        static struct log_limit limit;

        publish->refused++;
        log_limited(&limit, LEVEL_WARNING, MSG_STATS, LOG_FIELDS(.object = from->host),
                    "no room for more than %d subscribers of statistics", PUBLISH_SUBSCRIBERS_MAX);
        return;
    }
    *subscriber = (struct subscriber){.peer = peer, .snapshot = true};
}

static void on_gone(void *arg, struct bus_peer *peer)
{
    struct subscriber *subscriber = subscriber_of(arg, peer);

    if (subscriber != NULL)
        subscriber->peer = NULL;
}

int publish_new(struct component *component, const struct stat_core *core,
                struct publish **ret_publish)
{
    struct publish *publish = calloc(1, sizeof(*publish));
    int result;

    if (publish == NULL)
        return -ENOMEM;
    publish->component = component;
    publish->at = MONO_NEVER;
    publish->core = core;
    result = loop_timer_new(component->loop, LOOP_STATISTICS, on_timer, publish, &publish->timer);
    if (result == 0) {
        result = loop_turn_end(component->loop, PUBLISH_TURN_ORDER, on_turn_end, publish);
    }
    if (result == 0) {
        result =
            bus_bind(component->bus, ENDPOINT_STATS, LOOP_STATISTICS, on_message, on_gone, publish);
        if (result < 0)
            log_event(LEVEL_ERR, MSG_FAULT, NULL, "%s", bus_error(component->bus));
    }
    if (result < 0) {
        publish_destroy(&publish);
        return result;
    }
    *ret_publish = publish;
    return 0;
}

void publish_destroy(struct publish **publish)
{
    if (*publish == NULL)
        return;
    loop_timer_destroy(&(*publish)->timer);
    free(*publish);
    *publish = NULL;
}
