#include "statserver/adapt/feed.h"

#include "common/log.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The core's numbers are those of the wire. */
static_assert((int)STAT_AFTER_CALL_WORK == (int)SF__AGENT_STATE__AGENT_STATE_AFTER_CALL_WORK, "");
static_assert((int)STAT_PEERED == (int)SF__MODE__MODE_PEERED, "");
static_assert((int)STAT_FORWARDED == (int)SF__CALL_PHASE__CALL_FORWARDED, "");

struct feed_link {
    struct feed *feed;
    struct bus_link *link;
    uint32_t source;
};

struct feed {
    struct component *component;
    struct stat_core *core;
    struct loop_timer *timer;
    struct feed_link links[STAT_SOURCES_MAX];
};

static void feed_step(struct feed *feed, const struct stat_event *event);

/* ---- messages to values ---- */

static void copy(char *to, size_t size, const char *from)
{
    size_t length = strnlen(from, size - 1);

    memcpy(to, from, length);
    to[length] = '\0';
}

static void from_agent(struct stat_agent *to, const Sf__AgentStatus *from)
{
    *to = (struct stat_agent){.state = (enum stat_state)from->state, .since_ms = from->since_ms};
    copy(to->agent, sizeof(to->agent), from->agent);
    copy(to->dn, sizeof(to->dn), from->dn);
    copy(to->reason, sizeof(to->reason), from->reason);
    copy(to->call, sizeof(to->call), from->call);
    copy(to->work, sizeof(to->work), from->work);
    for (size_t i = 0; i < from->n_queues && to->queue_count < STAT_QUEUES_MAX; i++)
        copy(to->queues[to->queue_count++], STAT_ID_SIZE, from->queues[i]);
}

static void from_queue(struct stat_queue *to, const Sf__QueueStatus *from)
{
    *to = (struct stat_queue){.waiting = from->waiting,
                              .oldest_since_ms = from->oldest_since_ms,
                              .agents_ready = from->agents_ready,
                              .agents_logged_in = from->agents_logged_in,
                              .expected_wait_ms = from->expected_wait_ms,
                              .in_music = from->in_music};
    for (size_t i = 0; i < from->n_waiting_by_priority && i < STAT_PRIORITIES; i++)
        to->waiting_by[i] = from->waiting_by_priority[i];
    copy(to->queue, sizeof(to->queue), from->queue);
}

static void from_server(struct stat_site *to, const Sf__ServerStatus *from)
{
    *to = (struct stat_site){.mode = (enum stat_mode)from->mode,
                             .calls = from->calls,
                             .registrations = from->registrations,
                             .drops = from->drops};
    copy(to->mode_reason, sizeof(to->mode_reason), from->mode_reason);
    for (size_t i = 0; i < from->n_counters && to->counter_count < STAT_COUNTERS_MAX; i++) {
        struct stat_counter *counter = &to->counters[to->counter_count++];

        copy(counter->name, sizeof(counter->name), from->counters[i]->name);
        counter->value = from->counters[i]->value;
    }
}

static void from_call(struct stat_call *to, const Sf__CallEvent *from)
{
    *to = (struct stat_call){
        .phase = (enum stat_phase)from->phase, .wait_ms = from->wait_ms, .talk_ms = from->talk_ms};
    copy(to->call, sizeof(to->call), from->call);
    copy(to->queue, sizeof(to->queue), from->queue);
    copy(to->agent, sizeof(to->agent), from->agent);
}

/* ---- the SIP server of this host ---- */

static void take_event(struct feed *feed, const Sf__Event *in)
{
    struct stat_event event = {.source = STAT_LOCAL};
    struct stat_agent agent;
    struct stat_queue queue;
    struct stat_site site;
    struct stat_call call;

    switch (in->what_case) {
    case SF__EVENT__WHAT_AGENT:
        from_agent(&agent, in->agent);
        event.kind = STAT_EV_AGENT;
        event.agent = &agent;
        break;
    case SF__EVENT__WHAT_QUEUE:
        from_queue(&queue, in->queue);
        event.kind = STAT_EV_QUEUE;
        event.queue = &queue;
        break;
    case SF__EVENT__WHAT_CALL:
        from_call(&call, in->call);
        event.kind = STAT_EV_CALL;
        event.call = &call;
        break;
    case SF__EVENT__WHAT_SERVER:
        from_server(&site, in->server);
        event.kind = STAT_EV_SITE;
        event.site = &site;
        break;
    case SF__EVENT__WHAT_DN: /* shown by the SIP server's counts */
    case SF__EVENT__WHAT__NOT_SET:
    case _SF__EVENT__WHAT__CASE_IS_INT_SIZE:
    default: return;
    }
    feed_step(feed, &event);
}

static void take_event_batch(struct feed *feed, const Sf__EventBatch *in)
{
    uint64_t before = in->n_events > 0 ? in->events[0]->sequence - 1 : in->last_sequence;

    feed_step(feed, &(struct stat_event){.kind = STAT_EV_BATCH,
                                         .source = STAT_LOCAL,
                                         .primary = true,
                                         .snapshot = in->snapshot,
                                         .more = in->more,
                                         .before = before,
                                         .last = in->last_sequence});
    for (size_t i = 0; i < in->n_events; i++)
        take_event(feed, in->events[i]);
    feed_step(feed, &(struct stat_event){.kind = STAT_EV_BATCH_END, .source = STAT_LOCAL});
}

/* ---- other statservers ---- */

static void take_stat_agent(struct feed *feed, uint32_t source, const Sf__StatAgent *in)
{
    struct stat_agent agent;

    if (in->status == NULL || strcmp(in->site, feed->core->conf.sources[source].site) != 0)
        return; /* what it knows of other sites it has from others */
    from_agent(&agent, in->status);
    agent.calls = in->calls;
    agent.talk_ms = in->talk_ms;
    feed_step(feed, &(struct stat_event){.kind = STAT_EV_AGENT, .source = source, .agent = &agent});
}

static void take_stat_queue(struct feed *feed, uint32_t source, const Sf__StatQueue *in)
{
    struct stat_queue queue;

    if (in->status == NULL || strcmp(in->site, feed->core->conf.sources[source].site) != 0)
        return;
    from_queue(&queue, in->status);
    queue.entered = in->entered;
    queue.answered = in->answered;
    queue.abandoned = in->abandoned;
    queue.overflowed = in->overflowed;
    queue.wait_sum_ms = in->wait_sum_ms;
    queue.wait_max_ms = in->wait_max_ms;
    feed_step(feed, &(struct stat_event){.kind = STAT_EV_QUEUE, .source = source, .queue = &queue});
}

static void take_stat_site(struct feed *feed, uint32_t source, const Sf__StatSite *in)
{
    struct stat_site site;

    if (in->status == NULL || strcmp(in->site, feed->core->conf.sources[source].site) != 0)
        return;
    from_server(&site, in->status);
    site.started = in->calls_started;
    site.answered = in->calls_answered;
    site.released = in->calls_released;
    site.abandoned = in->calls_abandoned;
    site.failed = in->calls_failed;
    site.forwarded = in->calls_forwarded;
    feed_step(feed, &(struct stat_event){.kind = STAT_EV_SITE, .source = source, .site = &site});
}

static void take_stat_batch(struct feed *feed, uint32_t source, const struct bus_sender *from,
                            const Sf__StatBatch *in)
{
    uint64_t items = in->n_agents + in->n_queues + in->n_sites;

    feed_step(feed, &(struct stat_event){.kind = STAT_EV_BATCH,
                                         .source = source,
                                         .primary = from->primary,
                                         .epoch = from->epoch,
                                         .snapshot = in->snapshot,
                                         .more = in->more,
                                         .before = in->sequence - items,
                                         .last = in->sequence});
    for (size_t i = 0; i < in->n_agents; i++)
        take_stat_agent(feed, source, in->agents[i]);
    for (size_t i = 0; i < in->n_queues; i++)
        take_stat_queue(feed, source, in->queues[i]);
    for (size_t i = 0; i < in->n_sites; i++)
        take_stat_site(feed, source, in->sites[i]);
    feed_step(feed, &(struct stat_event){.kind = STAT_EV_BATCH_END, .source = source});
}

/* ---- the bus ---- */

static void on_message(void *arg, struct bus_link *link, const struct bus_sender *from,
                       const struct codec_message *message)
{
    struct feed_link *l = arg;

    (void)link;
    switch ((int)message->type) {
    case MESSAGE_EVENT_BATCH: take_event_batch(l->feed, message->body); break;
    case MESSAGE_STAT_BATCH: take_stat_batch(l->feed, l->source, from, message->body); break;
    default: break; /* the codec lets nothing else through */
    }
}

static void on_state(void *arg, struct bus_link *link, bool up)
{
    struct feed_link *l = arg;

    (void)link;
    feed_step(l->feed,
              &(struct stat_event){.kind = up ? STAT_EV_UP : STAT_EV_DOWN, .source = l->source});
}

static void subscribe(struct feed *feed, uint32_t source)
{
    Sf__EventSubscribe events = SF__EVENT_SUBSCRIBE__INIT;
    Sf__StatSubscribe stats = SF__STAT_SUBSCRIBE__INIT;
    struct bus_link *link = feed->links[source].link;

    /* A question that cannot be sent is asked again when the link comes up. */
    if (source == STAT_LOCAL)
        (void)bus_link_send(link, MESSAGE_EVENT_SUBSCRIBE, &events);
    else
        (void)bus_link_send(link, MESSAGE_STAT_SUBSCRIBE, &stats);
}

static void perform(struct feed *feed, const struct stat_action *action)
{
    const struct stat_source_conf *source = &feed->core->conf.sources[action->source];
    const char *what = action->source == STAT_LOCAL ? "the SIP server" : "the statserver";

    switch (action->kind) {
    case STAT_ACT_SUBSCRIBE: subscribe(feed, action->source); break;
    case STAT_NOTE_JOINED:
        log_event(LEVEL_NOTICE, MSG_STATS,
                  LOG_FIELDS(.object = source->site, .from = "NOT_MONITORED", .to = "MONITORED",
                             .event = "SNAPSHOT"),
                  "statistics of site %s come from %s of host %s", source->site, what,
                  source->host);
        break;
    case STAT_NOTE_LOST:
        log_event(LEVEL_WARNING, MSG_STATS,
                  LOG_FIELDS(.object = source->site, .from = "MONITORED", .to = "NOT_MONITORED",
                             .event = "LOST"),
                  "site %s is not monitored: %s of host %s is not heard or not primary",
                  source->site, what, source->host);
        break;
    case STAT_NOTE_GAP:
        log_event(LEVEL_WARNING, MSG_STATS, LOG_FIELDS(.object = source->site, .event = "GAP"),
                  "events of %s of host %s are missing; asking for a snapshot", what, source->host);
        break;
    }
}

static void feed_step(struct feed *feed, const struct stat_event *event)
{
    struct stat_out out;

    stat_step(feed->core, loop_now(feed->component->loop), event, &out);
    loop_timer_set(feed->timer, stat_deadline(feed->core));
    for (uint32_t i = 0; i < out.count; i++)
        perform(feed, &out.actions[i]);
}

static void on_timer(void *arg, mono_t now)
{
    (void)now;
    feed_step(arg, &(struct stat_event){.kind = STAT_EV_TICK});
}

void feed_set_role(struct feed *feed, bool primary)
{
    feed_step(feed, &(struct stat_event){.kind = STAT_EV_ROLE, .primary = primary});
}

static int connect_source(struct feed *feed, uint32_t source)
{
    struct feed_link *l = &feed->links[source];
    bool local = source == STAT_LOCAL;
    const char *host = local ? NULL : feed->core->conf.sources[source].host;
    int result;

    l->feed = feed;
    l->source = source;
    result = bus_connect(feed->component->bus, local ? ENDPOINT_EVENTS : ENDPOINT_STATS, host,
                         LOOP_STATISTICS, on_message, on_state, l, &l->link);
    if (result < 0)
        log_event(LEVEL_ERR, MSG_FAULT, NULL, "%s", bus_error(feed->component->bus));
    return result;
}

int feed_new(struct component *component, struct stat_core *core, struct feed **ret_feed)
{
    struct feed *feed = calloc(1, sizeof(*feed));
    int result;

    if (feed == NULL)
        return -ENOMEM;
    feed->component = component;
    feed->core = core;
    result = loop_timer_new(component->loop, LOOP_STATISTICS, on_timer, feed, &feed->timer);
    for (uint32_t i = 0; result == 0 && i < core->conf.source_count; i++)
        result = connect_source(feed, i);
    if (result < 0) {
        feed_destroy(&feed);
        return result;
    }
    *ret_feed = feed;
    return 0;
}

void feed_destroy(struct feed **feed)
{
    if (*feed == NULL)
        return;
    for (uint32_t i = 0; i < STAT_SOURCES_MAX; i++)
        if ((*feed)->links[i].link != NULL)
            bus_link_destroy(&(*feed)->links[i].link);
    loop_timer_destroy(&(*feed)->timer);
    free(*feed);
    *feed = NULL;
}
