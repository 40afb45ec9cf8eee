#include "statserver/core/stats.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define NO_SOURCE STAT_SOURCES_MAX

/* A call whose end has not been told yet: so that its steps are counted once each. */
struct call_row {
    struct hash_node node;
    char call[STAT_ID_SIZE];
    char queue[STAT_ID_SIZE]; /* the last one it was counted in */
    bool answered;
    bool seen;
};

static void choose_sources(struct stat_core *core, struct stat_out *out);
static void take_call(struct stat_core *core, const struct stat_call *call, bool snapshot);

/* ---- memory ---- */

static size_t rounded(size_t size)
{
    return (size + POOL_ALIGN - 1) / POOL_ALIGN * POOL_ALIGN;
}

size_t stat_bytes(const struct stat_conf *c)
{
    return rounded(pool_bytes(c->agents_max, sizeof(struct stat_agent_row))) +
           rounded(pool_bytes(c->queues_max, sizeof(struct stat_queue_row))) +
           rounded(pool_bytes(c->calls_max, sizeof(struct call_row))) +
           rounded(hash_bytes(c->agents_max)) + rounded(hash_bytes(c->queues_max)) +
           rounded(hash_bytes(c->calls_max));
}

static void *cut(unsigned char **memory, size_t size)
{
    void *piece = *memory;

    *memory += rounded(size);
    return piece;
}

static void place_tables(struct stat_core *core, unsigned char *memory)
{
    const struct stat_conf *c = &core->conf;

    pool_init(&core->agents, cut(&memory, pool_bytes(c->agents_max, sizeof(struct stat_agent_row))),
              c->agents_max, sizeof(struct stat_agent_row));
    pool_init(&core->queues, cut(&memory, pool_bytes(c->queues_max, sizeof(struct stat_queue_row))),
              c->queues_max, sizeof(struct stat_queue_row));
    pool_init(&core->calls, cut(&memory, pool_bytes(c->calls_max, sizeof(struct call_row))),
              c->calls_max, sizeof(struct call_row));
    hash_init(&core->agents_by_key, cut(&memory, hash_bytes(c->agents_max)), c->agents_max,
              c->secret);
    hash_init(&core->queues_by_key, cut(&memory, hash_bytes(c->queues_max)), c->queues_max,
              c->secret);
    hash_init(&core->calls_by_id, cut(&memory, hash_bytes(c->calls_max)), c->calls_max, c->secret);
}

/* ---- rows ---- */

static void changed(struct stat_core *core, uint64_t *change)
{
    *change = ++core->change;
}

static struct stat_site_row *site_row(struct stat_core *core, const char *site)
{
    struct stat_site_row *row;
    size_t length;

    for (uint32_t i = 0; i < core->site_count; i++)
        if (strcmp(core->sites[i].data.site, site) == 0)
            return &core->sites[i];
    if (core->site_count == STAT_SITES_MAX) {
        core->refused++;
        return NULL;
    }
    row = &core->sites[core->site_count++];
    /* SITE may lie inside CORE, so far as a compiler can see: memmove. */
    length = strnlen(site, sizeof(row->data.site) - 1);
    memmove(row->data.site, site, length);
    row->data.site[length] = '\0';
    row->source = NO_SOURCE;
    changed(core, &row->change);
    return row;
}

/* make_key - "site/id"; no site has a slash in its name. */
static void make_key(char *key, size_t size, const char *site, const char *id)
{
    snprintf(key, size, "%s/%s", site, id);
}

static struct stat_agent_row *agent_row(struct stat_core *core, const char *site, const char *agent)
{
    char key[STAT_SITE_SIZE + STAT_ID_SIZE];
    struct stat_agent_row *row;

    make_key(key, sizeof(key), site, agent);
    row = (struct stat_agent_row *)hash_get_text(&core->agents_by_key, key);
    if (row != NULL)
        return row;
    row = pool_take(&core->agents, NULL);
    if (row == NULL) {
        core->refused++;
        return NULL;
    }
    memcpy(row->key, key, sizeof(key));
    (void)hash_put_text(&core->agents_by_key, &row->node, row->key);
    snprintf(row->data.site, sizeof(row->data.site), "%s", site);
    snprintf(row->data.agent, sizeof(row->data.agent), "%s", agent);
    row->data.monitored = true;
    return row;
}

static struct stat_queue_row *queue_row(struct stat_core *core, const char *site, const char *queue)
{
    char key[STAT_SITE_SIZE + STAT_ID_SIZE];
    struct stat_queue_row *row;

    make_key(key, sizeof(key), site, queue);
    row = (struct stat_queue_row *)hash_get_text(&core->queues_by_key, key);
    if (row != NULL)
        return row;
    row = pool_take(&core->queues, NULL);
    if (row == NULL) {
        core->refused++;
        return NULL;
    }
    memcpy(row->key, key, sizeof(key));
    (void)hash_put_text(&core->queues_by_key, &row->node, row->key);
    snprintf(row->data.site, sizeof(row->data.site), "%s", site);
    snprintf(row->data.queue, sizeof(row->data.queue), "%s", queue);
    row->data.monitored = true;
    return row;
}

const struct stat_agent_row *stat_agent_next(const struct stat_core *core,
                                             const struct stat_agent_row *row)
{
    return pool_next(&core->agents, row);
}

const struct stat_queue_row *stat_queue_next(const struct stat_core *core,
                                             const struct stat_queue_row *row)
{
    return pool_next(&core->queues, row);
}

const struct stat_site_row *stat_site_next(const struct stat_core *core,
                                           const struct stat_site_row *row)
{
    uint32_t next = row == NULL ? 0 : (uint32_t)(row - core->sites) + 1;

    return next < core->site_count ? &core->sites[next] : NULL;
}

/* site_set_monitored - the site and all its rows. */
static void site_set_monitored(struct stat_core *core, struct stat_site_row *site, bool monitored)
{
    struct stat_agent_row *agent = NULL;
    struct stat_queue_row *queue = NULL;

    if (site->data.monitored != monitored) {
        site->data.monitored = monitored;
        changed(core, &site->change);
    }
    while ((agent = pool_next(&core->agents, agent)) != NULL)
        if (agent->data.monitored != monitored && strcmp(agent->data.site, site->data.site) == 0) {
            agent->data.monitored = monitored;
            changed(core, &agent->change);
        }
    while ((queue = pool_next(&core->queues, queue)) != NULL)
        if (queue->data.monitored != monitored && strcmp(queue->data.site, site->data.site) == 0) {
            queue->data.monitored = monitored;
            changed(core, &queue->change);
        }
}

/* ---- snapshots: what one does not name is gone ---- */

static void forget_seen(struct stat_core *core, const char *site, bool local)
{
    struct stat_agent_row *agent = NULL;
    struct stat_queue_row *queue = NULL;
    struct call_row *call = NULL;

    while ((agent = pool_next(&core->agents, agent)) != NULL)
        if (strcmp(agent->data.site, site) == 0)
            agent->seen = false;
    while ((queue = pool_next(&core->queues, queue)) != NULL)
        if (strcmp(queue->data.site, site) == 0)
            queue->seen = false;
    while (local && (call = pool_next(&core->calls, call)) != NULL)
        call->seen = false;
}

static void end_call(struct stat_core *core, struct call_row *call)
{
    hash_remove(&core->calls_by_id, &call->node);
    pool_put(&core->calls, call);
}

/* empty_unseen - agents that the snapshot does not name are logged out, queues are empty, calls
 * have ended. */
static void empty_unseen(struct stat_core *core, const char *site, bool local)
{
    struct stat_agent_row *agent = NULL;
    struct stat_queue_row *queue = NULL;
    struct call_row *call = NULL;

    while ((agent = pool_next(&core->agents, agent)) != NULL) {
        if (agent->seen || strcmp(agent->data.site, site) != 0 ||
            agent->data.state == STAT_LOGGED_OUT)
            continue;
        agent->data.state = STAT_LOGGED_OUT;
        agent->data.reason[0] = agent->data.call[0] = agent->data.work[0] = '\0';
        agent->data.since_ms = 0;
        changed(core, &agent->change);
    }
    while ((queue = pool_next(&core->queues, queue)) != NULL) {
        if (queue->seen || strcmp(queue->data.site, site) != 0)
            continue;
        queue->data.waiting = queue->data.agents_ready = queue->data.agents_logged_in = 0;
        queue->data.expected_wait_ms = queue->data.in_music = 0;
        memset(queue->data.waiting_by, 0, sizeof(queue->data.waiting_by));
        queue->data.oldest_since_ms = 0;
        changed(core, &queue->change);
    }
    while (local && (call = pool_next(&core->calls, call)) != NULL)
        if (!call->seen)
            end_call(core, call);
}

/* ---- sources ---- */

static void act(struct stat_out *out, enum stat_action_kind kind, uint32_t source)
{
    assert(out->count < STAT_OUT_MAX);
    out->actions[out->count++] = (struct stat_action){kind, source};
}

/* source_can_tell - may SOURCE be the one that tells about its site? */
static bool source_can_tell(const struct stat_core *core, uint32_t source)
{
    const struct stat_source *s = &core->sources[source];
    bool own = strcmp(core->conf.sources[source].site, core->conf.site) == 0;

    if (source == STAT_LOCAL)
        return core->primary && s->up;
    return s->up && s->primary && !(own && core->primary);
}

static uint32_t best_source(const struct stat_core *core, const char *site)
{
    uint32_t best = NO_SOURCE;

    for (uint32_t i = 0; i < core->conf.source_count; i++)
        if (strcmp(core->conf.sources[i].site, site) == 0 && source_can_tell(core, i) &&
            (best == NO_SOURCE || core->sources[i].epoch > core->sources[best].epoch))
            best = i;
    return best;
}

static void ask_snapshot(struct stat_core *core, uint32_t source, struct stat_out *out)
{
    struct stat_source *s = &core->sources[source];

    s->waiting = true;
    s->in_snapshot = s->taking = false;
    act(out, STAT_ACT_SUBSCRIBE, source);
}

/* choose_sources - give every site its best source; a change of source starts with a snapshot. */
static void choose_sources(struct stat_core *core, struct stat_out *out)
{
    for (uint32_t i = 0; i < core->site_count; i++) {
        struct stat_site_row *site = &core->sites[i];
        uint32_t best = best_source(core, site->data.site);

        if (best == site->source)
            continue;
        if (best == NO_SOURCE)
            act(out, STAT_NOTE_LOST, site->source);
        site->source = best;
        site_set_monitored(core, site, false);
        if (best != NO_SOURCE)
            ask_snapshot(core, best, out);
    }
}

static bool source_active(const struct stat_core *core, uint32_t source)
{
    for (uint32_t i = 0; i < core->site_count; i++)
        if (core->sites[i].source == source)
            return true;
    return false;
}

static void apply_time(struct stat_core *core, mono_t now, struct stat_out *out)
{
    for (uint32_t i = 1; i < core->conf.source_count; i++) {
        struct stat_source *s = &core->sources[i];

        if (s->primary && mono_due(mono_add_ms(s->heard, core->conf.silent_ms), now))
            s->primary = false; /* nobody knows what it is now */
    }
    choose_sources(core, out);
}

mono_t stat_deadline(const struct stat_core *core)
{
    mono_t next = MONO_NEVER;

    for (uint32_t i = 1; i < core->conf.source_count; i++)
        if (core->sources[i].primary)
            next = mono_min(next, mono_add_ms(core->sources[i].heard, core->conf.silent_ms));
    return next;
}

static void source_up(struct stat_core *core, uint32_t source, struct stat_out *out)
{
    struct stat_source *s = &core->sources[source];
    bool was_active = source_active(core, source);

    *s = (struct stat_source){
        .up = true, .primary = s->primary, .epoch = s->epoch, .heard = s->heard};
    choose_sources(core, out);
    if (source != STAT_LOCAL) {
        s->waiting = true; /* statservers are always asked: their batches bring role and beat */
        if (!source_active(core, source) || was_active)
            act(out, STAT_ACT_SUBSCRIBE, source);
    } else if (was_active) {
        ask_snapshot(core, source, out); /* it restarted */
    }
}

static void source_down(struct stat_core *core, uint32_t source, struct stat_out *out)
{
    core->sources[source] = (struct stat_source){0};
    choose_sources(core, out);
}

/* ---- batches ---- */

static void batch_begin(struct stat_core *core, mono_t now, const struct stat_event *e,
                        struct stat_out *out)
{
    struct stat_source *s = &core->sources[e->source];

    s->heard = now;
    s->taking = false;
    if (!s->up)
        return;
    s->primary = e->primary;
    s->epoch = e->epoch;
    choose_sources(core, out);
    if (!source_active(core, e->source))
        return;
    if (e->snapshot) {
        if (!s->in_snapshot)
            forget_seen(core, core->conf.sources[e->source].site, e->source == STAT_LOCAL);
        s->in_snapshot = true;
        s->waiting = false;
    } else if (s->waiting) {
        return; /* sent before the snapshot that is on its way */
    } else if (s->in_snapshot || e->before != s->sequence) {
        core->gaps++;
        act(out, STAT_NOTE_GAP, e->source);
        ask_snapshot(core, e->source, out);
        return;
    }
    s->taking = true;
    s->more = e->more;
    s->batch_last = e->last;
}

static void batch_end(struct stat_core *core, const struct stat_event *e, struct stat_out *out)
{
    struct stat_source *s = &core->sources[e->source];
    const char *name = core->conf.sources[e->source].site;
    struct stat_site_row *site = site_row(core, name);

    if (!s->taking)
        return;
    s->taking = false;
    s->sequence = s->batch_last;
    if (!s->in_snapshot || s->more)
        return;
    s->in_snapshot = false;
    empty_unseen(core, name, e->source == STAT_LOCAL);
    snprintf(site->data.host, sizeof(site->data.host), "%s", core->conf.sources[e->source].host);
    site_set_monitored(core, site, true);
    changed(core, &site->change);
    act(out, STAT_NOTE_JOINED, e->source);
}

/* ---- items ---- */

static void take_agent(struct stat_core *core, uint32_t source, const struct stat_agent *in)
{
    struct stat_agent_row *row = agent_row(core, core->conf.sources[source].site, in->agent);
    struct stat_agent old;

    if (row == NULL)
        return;
    old = row->data;
    row->data = *in;
    memcpy(row->data.site, old.site, sizeof(old.site));
    if (source == STAT_LOCAL) { /* the counts are ours */
        row->data.calls = old.calls;
        row->data.talk_ms = old.talk_ms;
    }
    row->data.monitored = old.monitored;
    row->seen = true;
    changed(core, &row->change);
}

static void take_queue(struct stat_core *core, uint32_t source, const struct stat_queue *in)
{
    struct stat_queue_row *row = queue_row(core, core->conf.sources[source].site, in->queue);
    struct stat_queue old;

    if (row == NULL)
        return;
    old = row->data;
    row->data = *in;
    memcpy(row->data.site, old.site, sizeof(old.site));
    if (source == STAT_LOCAL) {
        row->data.entered = old.entered;
        row->data.answered = old.answered;
        row->data.abandoned = old.abandoned;
        row->data.overflowed = old.overflowed;
        row->data.wait_sum_ms = old.wait_sum_ms;
        row->data.wait_max_ms = old.wait_max_ms;
    }
    row->data.monitored = old.monitored;
    row->seen = true;
    changed(core, &row->change);
}

static void take_site(struct stat_core *core, uint32_t source, const struct stat_site *in)
{
    struct stat_site_row *row = site_row(core, core->conf.sources[source].site);
    struct stat_site old;

    if (row == NULL)
        return;
    old = row->data;
    row->data = *in;
    memcpy(row->data.site, old.site, sizeof(old.site));
    memcpy(row->data.host, old.host, sizeof(old.host));
    if (source == STAT_LOCAL) {
        row->data.started = old.started;
        row->data.answered = old.answered;
        row->data.released = old.released;
        row->data.abandoned = old.abandoned;
        row->data.failed = old.failed;
        row->data.forwarded = old.forwarded;
    }
    row->data.monitored = old.monitored;
    changed(core, &row->change);
}

/* ---- counting (only where the events arise) ---- */

static struct call_row *call_row(struct stat_core *core, const char *id)
{
    struct call_row *row = (struct call_row *)hash_get_text(&core->calls_by_id, id);

    if (row != NULL)
        return row;
    row = pool_take(&core->calls, NULL);
    if (row == NULL) {
        core->refused++; /* its steps are counted as they come */
        return NULL;
    }
    snprintf(row->call, sizeof(row->call), "%s", id);
    (void)hash_put_text(&core->calls_by_id, &row->node, row->call);
    return row;
}

/* count_queued - a call that comes back to its queue, because the agent did not answer, has entered
 * once. */
static void count_queued(struct stat_core *core, struct call_row *row, struct stat_queue_row *queue)
{
    if (queue == NULL || (row != NULL && strcmp(row->queue, queue->data.queue) == 0))
        return;
    queue->data.entered++;
    changed(core, &queue->change);
    if (row != NULL)
        memcpy(row->queue, queue->data.queue, sizeof(row->queue));
}

/* count_overflowed - a call that leaves a queue may come back to it, as one that enters anew. */
static void count_overflowed(struct stat_core *core, struct call_row *row,
                             struct stat_queue_row *queue)
{
    if (queue == NULL)
        return;
    queue->data.overflowed++;
    changed(core, &queue->change);
    if (row != NULL)
        row->queue[0] = '\0';
}

static void count_answered(struct stat_core *core, struct call_row *row,
                           const struct stat_call *call, struct stat_queue_row *queue,
                           struct stat_agent_row *agent)
{
    uint64_t wait_ms = call->wait_ms > 0 ? (uint64_t)call->wait_ms : 0;
    struct stat_site_row *site = site_row(core, core->conf.site);

    if (row != NULL && row->answered)
        return;
    if (row != NULL)
        row->answered = true;
    site->data.answered++;
    changed(core, &site->change);
    if (queue != NULL) {
        queue->data.answered++;
        queue->data.wait_sum_ms += wait_ms;
        if (wait_ms > queue->data.wait_max_ms)
            queue->data.wait_max_ms = wait_ms;
        changed(core, &queue->change);
    }
    if (agent != NULL) {
        agent->data.calls++;
        changed(core, &agent->change);
    }
}

static void count_end(struct stat_core *core, const struct stat_call *call,
                      struct stat_queue_row *queue, struct stat_agent_row *agent)
{
    struct stat_site_row *site = site_row(core, core->conf.site);

    if (call->phase == STAT_RELEASED)
        site->data.released++;
    else if (call->phase == STAT_ABANDONED)
        site->data.abandoned++;
    else if (call->phase == STAT_FAILED)
        site->data.failed++;
    else
        site->data.forwarded++;
    changed(core, &site->change);
    if (call->phase == STAT_ABANDONED && queue != NULL) {
        queue->data.abandoned++;
        changed(core, &queue->change);
    }
    if (call->phase == STAT_RELEASED && agent != NULL && call->talk_ms > 0) {
        agent->data.talk_ms += (uint64_t)call->talk_ms;
        changed(core, &agent->change);
    }
}

/* take_call - in a snapshot a call is only remembered: its steps were counted when they happened.
 */
static void take_call(struct stat_core *core, const struct stat_call *call, bool snapshot)
{
    struct stat_site_row *site = site_row(core, core->conf.site);
    struct call_row *row = call_row(core, call->call);
    struct stat_queue_row *queue =
        call->queue[0] != '\0' ? queue_row(core, core->conf.site, call->queue) : NULL;
    struct stat_agent_row *agent =
        call->agent[0] != '\0' ? agent_row(core, core->conf.site, call->agent) : NULL;

    if (row != NULL)
        row->seen = true;
    if (snapshot) {
        if (row != NULL) {
            row->answered = row->answered || call->phase == STAT_ANSWERED;
            if (queue != NULL)
                memcpy(row->queue, queue->data.queue, sizeof(row->queue));
        }
        return;
    }
    switch (call->phase) {
    case STAT_STARTED:
        site->data.started++;
        changed(core, &site->change);
        break;
    case STAT_QUEUED: count_queued(core, row, queue); break;
    case STAT_ANSWERED: count_answered(core, row, call, queue, agent); break;
    case STAT_RELEASED:
    case STAT_ABANDONED:
    case STAT_FAILED:
    case STAT_FORWARDED:
        count_end(core, call, queue, agent);
        if (row != NULL)
            end_call(core, row);
        break;
    case STAT_OVERFLOWED: count_overflowed(core, row, queue); break;
    case STAT_OFFERED:
    case STAT_PHASE_UNKNOWN: break;
    }
}

static void take_item(struct stat_core *core, const struct stat_event *e)
{
    const struct stat_source *s = &core->sources[e->source];

    if (!s->taking)
        return;
    core->events++;
    if (e->kind == STAT_EV_AGENT)
        take_agent(core, e->source, e->agent);
    else if (e->kind == STAT_EV_QUEUE)
        take_queue(core, e->source, e->queue);
    else if (e->kind == STAT_EV_SITE)
        take_site(core, e->source, e->site);
    else if (e->source == STAT_LOCAL)
        take_call(core, e->call, s->in_snapshot);
}

/* ---- the core ---- */

void stat_init(struct stat_core *core, const struct stat_conf *conf, void *memory)
{
    assert(conf->source_count >= 1 && conf->source_count <= STAT_SOURCES_MAX);
    assert(strcmp(conf->sources[STAT_LOCAL].site, conf->site) == 0);
    assert(conf->silent_ms > 0);
    memset(core, 0, sizeof(*core));
    core->conf = *conf;
    place_tables(core, memory);
    for (uint32_t i = 0; i < conf->source_count; i++)
        (void)site_row(core, conf->sources[i].site);
}

void stat_step(struct stat_core *core, mono_t now, const struct stat_event *event,
               struct stat_out *ret_out)
{
    assert(event->source < core->conf.source_count);
    ret_out->count = 0;
    apply_time(core, now, ret_out);
    switch (event->kind) {
    case STAT_EV_TICK: break;
    case STAT_EV_ROLE:
        core->primary = event->primary;
        choose_sources(core, ret_out);
        break;
    case STAT_EV_UP: source_up(core, event->source, ret_out); break;
    case STAT_EV_DOWN: source_down(core, event->source, ret_out); break;
    case STAT_EV_BATCH: batch_begin(core, now, event, ret_out); break;
    case STAT_EV_AGENT:
    case STAT_EV_QUEUE:
    case STAT_EV_SITE:
    case STAT_EV_CALL: take_item(core, event); break;
    case STAT_EV_BATCH_END: batch_end(core, event, ret_out); break;
    }
    assert(stat_sane(core));
}

bool stat_sane(const struct stat_core *core)
{
    for (uint32_t i = 0; i < core->site_count; i++) {
        const struct stat_site_row *site = &core->sites[i];

        if (site->data.monitored && site->source == NO_SOURCE)
            return false; /* ST-2 */
        if (site->source != NO_SOURCE &&
            strcmp(core->conf.sources[site->source].site, site->data.site) != 0)
            return false;
    }
    return core->agents.used == core->agents_by_key.used &&
           core->queues.used == core->queues_by_key.used &&
           core->calls.used == core->calls_by_id.used;
}

const char *stat_state_name(enum stat_state state)
{
    switch (state) {
    case STAT_LOGGED_OUT: return "logged_out";
    case STAT_NOT_READY: return "not_ready";
    case STAT_READY: return "ready";
    case STAT_RESERVED: return "reserved";
    case STAT_BUSY: return "busy";
    case STAT_AFTER_CALL_WORK: return "after_call_work";
    }
    return "unknown";
}

const char *stat_mode_name(enum stat_mode mode)
{
    switch (mode) {
    case STAT_MODE_UNKNOWN: return "unknown";
    case STAT_STANDALONE: return "standalone";
    case STAT_SINGLE: return "single";
    case STAT_PEERED: return "peered";
    }
    return "unknown";
}
