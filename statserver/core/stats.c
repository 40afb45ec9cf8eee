/* The step of the statistics: batches and what is in them. */
#include "statserver/core/stats_inner.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

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
    stat_choose_sources(core, out);
    if (!stat_source_active(core, e->source))
        return;
    if (e->snapshot) {
        if (!s->in_snapshot)
            stat_forget_seen(core, core->conf.sources[e->source].site, e->source == STAT_LOCAL);
        s->in_snapshot = true;
        s->waiting = false;
    } else if (s->waiting) {
        return; /* sent before the snapshot that is on its way */
    } else if (s->in_snapshot || e->before != s->sequence) {
        core->gaps++;
        stat_act(out, STAT_NOTE_GAP, e->source);
        stat_ask_snapshot(core, e->source, out);
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
    struct stat_site_row *site = stat_site_row(core, name);

    if (!s->taking)
        return;
    s->taking = false;
    s->sequence = s->batch_last;
    if (!s->in_snapshot || s->more)
        return;
    s->in_snapshot = false;
    stat_empty_unseen(core, name, e->source == STAT_LOCAL);
    snprintf(site->data.host, sizeof(site->data.host), "%s", core->conf.sources[e->source].host);
    stat_site_set_monitored(core, site, true);
    stat_changed(core, &site->change);
    stat_act(out, STAT_NOTE_JOINED, e->source);
}

/* ---- items ---- */

static void take_agent(struct stat_core *core, uint32_t source, const struct stat_agent *in)
{
    struct stat_agent_row *row = stat_agent_row(core, core->conf.sources[source].site, in->agent);
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
    stat_changed(core, &row->change);
}

static void take_queue(struct stat_core *core, uint32_t source, const struct stat_queue *in)
{
    struct stat_queue_row *row = stat_queue_row(core, core->conf.sources[source].site, in->queue);
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
    stat_changed(core, &row->change);
}

static void take_site(struct stat_core *core, uint32_t source, const struct stat_site *in)
{
    struct stat_site_row *row = stat_site_row(core, core->conf.sources[source].site);
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
    stat_changed(core, &row->change);
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
        stat_take_call(core, e->call, s->in_snapshot);
}

/* ---- the core ---- */

void stat_init(struct stat_core *core, const struct stat_conf *conf, void *memory)
{
    assert(conf->source_count >= 1 && conf->source_count <= STAT_SOURCES_MAX);
    assert(strcmp(conf->sources[STAT_LOCAL].site, conf->site) == 0);
    assert(conf->silent_ms > 0);
    memset(core, 0, sizeof(*core));
    core->conf = *conf;
    stat_place_tables(core, memory);
    for (uint32_t i = 0; i < conf->source_count; i++)
        (void)stat_site_row(core, conf->sources[i].site);
}

void stat_step(struct stat_core *core, mono_t now, const struct stat_event *event,
               struct stat_out *ret_out)
{
    assert(event->source < core->conf.source_count);
    ret_out->count = 0;
    stat_apply_time(core, now, ret_out);
    switch (event->kind) {
    case STAT_EV_TICK: break;
    case STAT_EV_ROLE:
        core->primary = event->primary;
        stat_choose_sources(core, ret_out);
        break;
    case STAT_EV_UP: stat_source_up(core, event->source, ret_out); break;
    case STAT_EV_DOWN: stat_source_down(core, event->source, ret_out); break;
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
