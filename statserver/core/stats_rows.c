/* The rows of agents, queues and sites, their memory, and what a snapshot does not name. */
#include "statserver/core/stats_inner.h"

#include <stdio.h>
#include <string.h>

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

void stat_place_tables(struct stat_core *core, unsigned char *memory)
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

void stat_changed(struct stat_core *core, uint64_t *change)
{
    *change = ++core->change;
}

struct stat_site_row *stat_site_row(struct stat_core *core, const char *site)
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
    stat_changed(core, &row->change);
    return row;
}

/* make_key - "site/id"; no site has a slash in its name. */
static void make_key(char *key, size_t size, const char *site, const char *id)
{
    snprintf(key, size, "%s/%s", site, id);
}

struct stat_agent_row *stat_agent_row(struct stat_core *core, const char *site, const char *agent)
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

struct stat_queue_row *stat_queue_row(struct stat_core *core, const char *site, const char *queue)
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

void stat_site_set_monitored(struct stat_core *core, struct stat_site_row *site, bool monitored)
{
    struct stat_agent_row *agent = NULL;
    struct stat_queue_row *queue = NULL;

    if (site->data.monitored != monitored) {
        site->data.monitored = monitored;
        stat_changed(core, &site->change);
    }
    while ((agent = pool_next(&core->agents, agent)) != NULL)
        if (agent->data.monitored != monitored && strcmp(agent->data.site, site->data.site) == 0) {
            agent->data.monitored = monitored;
            stat_changed(core, &agent->change);
        }
    while ((queue = pool_next(&core->queues, queue)) != NULL)
        if (queue->data.monitored != monitored && strcmp(queue->data.site, site->data.site) == 0) {
            queue->data.monitored = monitored;
            stat_changed(core, &queue->change);
        }
}

/* ---- snapshots: what one does not name is gone ---- */

void stat_forget_seen(struct stat_core *core, const char *site, bool local)
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

void stat_end_call(struct stat_core *core, struct call_row *call)
{
    hash_remove(&core->calls_by_id, &call->node);
    pool_put(&core->calls, call);
}

void stat_empty_unseen(struct stat_core *core, const char *site, bool local)
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
        stat_changed(core, &agent->change);
    }
    while ((queue = pool_next(&core->queues, queue)) != NULL) {
        if (queue->seen || strcmp(queue->data.site, site) != 0)
            continue;
        queue->data.waiting = queue->data.agents_ready = queue->data.agents_logged_in = 0;
        queue->data.expected_wait_ms = queue->data.in_music = 0;
        memset(queue->data.waiting_by, 0, sizeof(queue->data.waiting_by));
        queue->data.oldest_since_ms = 0;
        stat_changed(core, &queue->change);
    }
    while (local && (call = pool_next(&core->calls, call)) != NULL)
        if (!call->seen)
            stat_end_call(core, call);
}
