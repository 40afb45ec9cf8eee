/* Who is believed about which site. */
#include "statserver/core/stats_inner.h"

#include <assert.h>
#include <string.h>

void stat_act(struct stat_out *out, enum stat_action_kind kind, uint32_t source)
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

void stat_ask_snapshot(struct stat_core *core, uint32_t source, struct stat_out *out)
{
    struct stat_source *s = &core->sources[source];

    s->waiting = true;
    s->in_snapshot = s->taking = false;
    stat_act(out, STAT_ACT_SUBSCRIBE, source);
}

void stat_choose_sources(struct stat_core *core, struct stat_out *out)
{
    for (uint32_t i = 0; i < core->site_count; i++) {
        struct stat_site_row *site = &core->sites[i];
        uint32_t best = best_source(core, site->data.site);

        if (best == site->source)
            continue;
        if (best == NO_SOURCE)
            stat_act(out, STAT_NOTE_LOST, site->source);
        site->source = best;
        stat_site_set_monitored(core, site, false);
        if (best != NO_SOURCE)
            stat_ask_snapshot(core, best, out);
    }
}

bool stat_source_active(const struct stat_core *core, uint32_t source)
{
    for (uint32_t i = 0; i < core->site_count; i++)
        if (core->sites[i].source == source)
            return true;
    return false;
}

void stat_apply_time(struct stat_core *core, mono_t now, struct stat_out *out)
{
    for (uint32_t i = 1; i < core->conf.source_count; i++) {
        struct stat_source *s = &core->sources[i];

        if (s->primary && mono_due(mono_add_ms(s->heard, core->conf.silent_ms), now))
            s->primary = false; /* nobody knows what it is now */
    }
    stat_choose_sources(core, out);
}

mono_t stat_deadline(const struct stat_core *core)
{
    mono_t next = MONO_NEVER;

    for (uint32_t i = 1; i < core->conf.source_count; i++)
        if (core->sources[i].primary)
            next = mono_min(next, mono_add_ms(core->sources[i].heard, core->conf.silent_ms));
    return next;
}

void stat_source_up(struct stat_core *core, uint32_t source, struct stat_out *out)
{
    struct stat_source *s = &core->sources[source];
    bool was_active = stat_source_active(core, source);

    *s = (struct stat_source){
        .up = true, .primary = s->primary, .epoch = s->epoch, .heard = s->heard};
    stat_choose_sources(core, out);
    if (source != STAT_LOCAL) {
        s->waiting = true; /* statservers are always asked: their batches bring role and beat */
        if (!stat_source_active(core, source) || was_active)
            stat_act(out, STAT_ACT_SUBSCRIBE, source);
    } else if (was_active) {
        stat_ask_snapshot(core, source, out); /* it restarted */
    }
}

void stat_source_down(struct stat_core *core, uint32_t source, struct stat_out *out)
{
    core->sources[source] = (struct stat_source){0};
    stat_choose_sources(core, out);
}
