/* Counting, only where the events arise: each step of a call once. */
#include "statserver/core/stats_inner.h"

#include <stdio.h>
#include <string.h>

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
    stat_changed(core, &queue->change);
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
    stat_changed(core, &queue->change);
    if (row != NULL)
        row->queue[0] = '\0';
}

static void count_answered(struct stat_core *core, struct call_row *row,
                           const struct stat_call *call, struct stat_queue_row *queue,
                           struct stat_agent_row *agent)
{
    uint64_t wait_ms = call->wait_ms > 0 ? (uint64_t)call->wait_ms : 0;
    struct stat_site_row *site = stat_site_row(core, core->conf.site);

    if (row != NULL && row->answered)
        return;
    if (row != NULL)
        row->answered = true;
    site->data.answered++;
    stat_changed(core, &site->change);
    if (queue != NULL) {
        queue->data.answered++;
        queue->data.wait_sum_ms += wait_ms;
        if (wait_ms > queue->data.wait_max_ms)
            queue->data.wait_max_ms = wait_ms;
        stat_changed(core, &queue->change);
    }
    if (agent != NULL) {
        agent->data.calls++;
        stat_changed(core, &agent->change);
    }
}

static void count_end(struct stat_core *core, const struct stat_call *call,
                      struct stat_queue_row *queue, struct stat_agent_row *agent)
{
    struct stat_site_row *site = stat_site_row(core, core->conf.site);

    if (call->phase == STAT_RELEASED)
        site->data.released++;
    else if (call->phase == STAT_ABANDONED)
        site->data.abandoned++;
    else if (call->phase == STAT_FAILED)
        site->data.failed++;
    else
        site->data.forwarded++;
    stat_changed(core, &site->change);
    if (call->phase == STAT_ABANDONED && queue != NULL) {
        queue->data.abandoned++;
        stat_changed(core, &queue->change);
    }
    if (call->phase == STAT_RELEASED && agent != NULL && call->talk_ms > 0) {
        agent->data.talk_ms += (uint64_t)call->talk_ms;
        stat_changed(core, &agent->change);
    }
}

void stat_take_call(struct stat_core *core, const struct stat_call *call, bool snapshot)
{
    struct stat_site_row *site = stat_site_row(core, core->conf.site);
    struct call_row *row = call_row(core, call->call);
    struct stat_queue_row *queue =
        call->queue[0] != '\0' ? stat_queue_row(core, core->conf.site, call->queue) : NULL;
    struct stat_agent_row *agent =
        call->agent[0] != '\0' ? stat_agent_row(core, core->conf.site, call->agent) : NULL;

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
        stat_changed(core, &site->change);
        break;
    case STAT_QUEUED: count_queued(core, row, queue); break;
    case STAT_ANSWERED: count_answered(core, row, call, queue, agent); break;
    case STAT_RELEASED:
    case STAT_ABANDONED:
    case STAT_FAILED:
    case STAT_FORWARDED:
        count_end(core, call, queue, agent);
        if (row != NULL)
            stat_end_call(core, row);
        break;
    case STAT_OVERFLOWED: count_overflowed(core, row, queue); break;
    case STAT_OFFERED:
    case STAT_PHASE_UNKNOWN: break;
    }
}
