#include "statserver/adapt/json.h"

#include <stdlib.h>

/* must - out of memory ends the process; all text here is UTF-8, the codec has seen to it. */
static json_t *must(json_t *document)
{
    if (document == NULL)
        abort();
    return document;
}

/* number - JSON has signed 64-bit integers. */
static json_t *number(uint64_t value)
{
    return must(json_integer((json_int_t)(value & INT64_MAX)));
}

static json_t *text(const char *value)
{
    /* A name cut at our limits may end inside a character. */
    json_t *string = json_string(value);
    return string != NULL ? string : must(json_string(""));
}

static json_t *agent_json(const struct stat_agent *a)
{
    json_t *queues = must(json_array());

    for (uint32_t i = 0; i < a->queue_count; i++)
        json_array_append_new(queues, text(a->queues[i]));
    return must(json_pack("{s:o, s:o, s:o, s:s, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:b}", "site",
                          text(a->site), "agent", text(a->agent), "dn", text(a->dn), "state",
                          a->monitored ? stat_state_name(a->state) : "not_monitored", "reason",
                          text(a->reason), "since_ms", (json_int_t)a->since_ms, "queues", queues,
                          "call", text(a->call), "work", text(a->work), "calls", number(a->calls),
                          "talk_ms", number(a->talk_ms), "monitored", a->monitored));
}

static json_t *queue_json(const struct stat_queue *q)
{
    uint64_t average = q->answered > 0 ? q->wait_sum_ms / q->answered : 0;
    json_t *by = must(json_array());

    for (unsigned i = 0; i < STAT_PRIORITIES; i++)
        json_array_append_new(by, must(json_integer((json_int_t)q->waiting_by[i])));
    return must(json_pack(
        "{s:o, s:o, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "site",
        text(q->site), "queue", text(q->queue), "waiting", (json_int_t)q->waiting,
        "waiting_by_priority", by, "in_music", (json_int_t)q->in_music, "expected_wait_ms",
        (json_int_t)q->expected_wait_ms, "oldest_since_ms", (json_int_t)q->oldest_since_ms,
        "agents_ready", (json_int_t)q->agents_ready, "agents_logged_in",
        (json_int_t)q->agents_logged_in, "entered", number(q->entered), "answered",
        number(q->answered), "abandoned", number(q->abandoned), "overflowed", number(q->overflowed),
        "wait_average_ms", number(average), "wait_max_ms", number(q->wait_max_ms), "monitored",
        q->monitored));
}

static json_t *site_json(const struct stat_site *s)
{
    json_t *counters = must(json_object());

    for (uint32_t i = 0; i < s->counter_count; i++)
        json_object_set_new(counters, s->counters[i].name, number(s->counters[i].value));
    return must(json_pack(
        "{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "site",
        text(s->site), "host", text(s->host), "mode", stat_mode_name(s->mode), "mode_reason",
        text(s->mode_reason), "calls", number(s->calls), "registrations", number(s->registrations),
        "drops", number(s->drops), "started", number(s->started), "answered", number(s->answered),
        "released", number(s->released), "abandoned", number(s->abandoned), "failed",
        number(s->failed), "forwarded", number(s->forwarded), "counters", counters, "monitored",
        s->monitored));
}

json_t *json_rows(const struct stat_core *core, uint64_t since)
{
    json_t *sites = must(json_array());
    json_t *queues = must(json_array());
    json_t *agents = must(json_array());

    for (const struct stat_site_row *r = NULL; (r = stat_site_next(core, r)) != NULL;)
        if (r->change > since)
            json_array_append_new(sites, site_json(&r->data));
    for (const struct stat_queue_row *r = NULL; (r = stat_queue_next(core, r)) != NULL;)
        if (r->change > since)
            json_array_append_new(queues, queue_json(&r->data));
    for (const struct stat_agent_row *r = NULL; (r = stat_agent_next(core, r)) != NULL;)
        if (r->change > since)
            json_array_append_new(agents, agent_json(&r->data));
    return must(json_pack("{s:o, s:o, s:o}", "sites", sites, "queues", queues, "agents", agents));
}

static json_t *host_json(const struct view_host *h)
{
    return must(json_pack("{s:o, s:o, s:b, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o}", "host",
                          text(h->host), "site", text(h->site), "alive", h->alive, "primary",
                          h->primary, "writer", h->writer, "arbiter", h->arbiter, "age_ms",
                          number(h->age_ms), "epoch", number(h->epoch), "conf_epoch",
                          number(h->conf_epoch), "conf_txid", number(h->conf_txid), "components",
                          text(h->components)));
}

json_t *json_cluster(const struct view *view, mono_t now)
{
    json_t *hosts = must(json_array());
    json_t *judgements = must(json_array());
    const char *writer = "";

    for (uint32_t i = 0; i < view->host_count; i++) {
        json_array_append_new(hosts, host_json(&view->hosts[i]));
        if (view->hosts[i].writer && view->hosts[i].alive)
            writer = view->hosts[i].host;
    }
    for (uint32_t i = 0; i < view->site_count; i++)
        json_array_append_new(judgements,
                              must(json_pack("{s:o, s:o, s:o}", "site", text(view->sites[i].site),
                                             "judgement", text(view->sites[i].judgement),
                                             "evidence", text(view->sites[i].evidence))));
    return must(json_pack("{s:o, s:o, s:{s:o, s:o, s:o}, s:I}", "hosts", hosts, "judgements",
                          judgements, "config", "writer_host", text(writer), "ticket_site",
                          text(view->ticket_site), "ticket_epoch", number(view->ticket_epoch),
                          "heard_ms",
                          (json_int_t)(view->at.ns == 0 ? -1 : mono_diff_ms(now, view->at))));
}

json_t *json_self(const struct component *component)
{
    const struct bootstrap *b = &component->bootstrap;

    return must(json_pack("{s:s, s:s, s:s, s:s, s:o, s:I}", "cluster", b->cluster, "site",
                          bootstrap_self_site(b)->name, "host", bootstrap_self(b)->name, "role",
                          component->role.primary ? "primary" : "backup", "epoch",
                          number(component->role.epoch), "now_ms", (json_int_t)loop_wall_ms()));
}
