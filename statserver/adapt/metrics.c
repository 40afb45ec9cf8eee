#include "statserver/adapt/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* label - name="value", with what the format asks to be escaped. */
static void label(FILE *out, const char *name, const char *value)
{
    fprintf(out, "%s=\"", name);
    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '"')
            fputc('\\', out);
        if (*value == '\n')
            fputs("\\n", out);
        else
            fputc(*value, out);
    }
    fputc('"', out);
}

/* Which member of a row a family shows. */
struct family {
    const char *name;
    const char *type;
    const char *help;
    size_t offset;
    enum { U64, U32, BOOLEAN, SECONDS } form; /* SECONDS: of a uint64_t in milliseconds */
};

static void value(FILE *out, const void *row, const struct family *family)
{
    const char *member = (const char *)row + family->offset;

    switch (family->form) {
    case U64: fprintf(out, " %" PRIu64 "\n", *(const uint64_t *)(const void *)member); break;
    case U32: fprintf(out, " %" PRIu32 "\n", *(const uint32_t *)(const void *)member); break;
    case BOOLEAN: fprintf(out, " %d\n", *(const bool *)(const void *)member); break;
    case SECONDS:
        fprintf(out, " %.3f\n", (double)*(const uint64_t *)(const void *)member / 1000.0);
        break;
    }
}

/* clang-format off */
#define SITE(name, type, member, form, help) {"standfast_site_" name, type, help, offsetof(struct stat_site, member), form}
static const struct family site_families[] = {
    SITE("monitored",             "gauge",   monitored,     BOOLEAN, "1 when the SIP server of the site is heard; else its values are the last known ones."),
    SITE("calls",                 "gauge",   calls,         U64,     "Calls in progress."),
    SITE("registrations",         "gauge",   registrations, U64,     "Registered phones."),
    SITE("drops_total",           "counter", drops,         U64,     "Messages refused or dropped by the SIP server, all reasons."),
    SITE("calls_started_total",   "counter", started,       U64,     "Calls that came in or were made."),
    SITE("calls_answered_total",  "counter", answered,      U64,     "Calls answered."),
    SITE("calls_released_total",  "counter", released,      U64,     "Answered calls that ended."),
    SITE("calls_abandoned_total", "counter", abandoned,     U64,     "Calls whose caller left before an answer."),
    SITE("calls_failed_total",    "counter", failed,        U64,     "Calls refused or not deliverable."),
    SITE("calls_forwarded_total", "counter", forwarded,     U64,     "Calls forwarded to the peer site."),
};
#define QUEUE(name, type, member, form, help) {"standfast_queue_" name, type, help, offsetof(struct stat_queue, member), form}
static const struct family queue_families[] = {
    QUEUE("monitored",            "gauge",   monitored,        BOOLEAN, "1 when the SIP server that owns the queue is heard."),
    QUEUE("calls_waiting",        "gauge",   waiting,          U32,     "Calls waiting."),
    QUEUE("calls_in_music",       "gauge",   in_music,         U32,     "Of the calls waiting, those answered by music."),
    QUEUE("expected_wait_seconds","gauge",   expected_wait_ms, SECONDS, "What a call that enters now must expect to wait; 0: nothing, or not known."),
    QUEUE("agents_ready",         "gauge",   agents_ready,     U32,     "Agents ready for a call of the queue."),
    QUEUE("agents_logged_in",     "gauge",   agents_logged_in, U32,     "Agents logged in."),
    QUEUE("calls_entered_total",  "counter", entered,          U64,     "Calls that entered the queue."),
    QUEUE("calls_answered_total", "counter", answered,         U64,     "Calls of the queue answered by an agent."),
    QUEUE("calls_abandoned_total","counter", abandoned,        U64,     "Calls whose caller left the queue before an answer."),
    QUEUE("calls_overflowed_total","counter",overflowed,       U64,     "Calls that left the queue for the place that it names."),
    QUEUE("wait_seconds_total",   "counter", wait_sum_ms,      SECONDS, "Time that answered calls had waited, all together."),
    QUEUE("wait_max_seconds",     "gauge",   wait_max_ms,      SECONDS, "Longest wait of an answered call."),
};
#define AGENT(name, type, member, form, help) {"standfast_agent_" name, type, help, offsetof(struct stat_agent, member), form}
static const struct family agent_families[] = {
    AGENT("calls_total",          "counter", calls,            U64,     "Calls answered by the agent."),
    AGENT("talk_seconds_total",   "counter", talk_ms,          SECONDS, "Time the agent has talked."),
};
#define HOST(name, type, member, form, help) {"standfast_host_" name, type, help, offsetof(struct view_host, member), form}
static const struct family host_families[] = {
    HOST("alive",                 "gauge",   alive,      BOOLEAN, "1 when the host's hamgr is heard."),
    HOST("primary",               "gauge",   primary,    BOOLEAN, "1 when the host is its site's primary."),
    HOST("config_writer",         "gauge",   writer,     BOOLEAN, "1 when the host writes the configuration."),
    HOST("role_epoch",            "gauge",   epoch,      U64,     "Epoch of the host's role."),
    HOST("config_txid",           "gauge",   conf_txid,  U64,     "Last configuration transaction that the host's copy holds."),
};
#define WEB(name, type, member, help) {"standfast_statserver_http_" name, type, help, offsetof(struct http_counters, member), U64}
static const struct family http_families[] = {
    WEB("requests_total",         "counter", requests,        "HTTP requests answered."),
    WEB("not_found_total",        "counter", refused_path,    "HTTP requests for a page or a method that is not there."),
    WEB("too_large_total",        "counter", refused_body,    "HTTP requests refused because of their size."),
    WEB("streams",                "gauge",   streams_open,    "Live pages connected."),
    WEB("slow_dropped_total",     "counter", streams_dropped, "Live pages cut off for reading too slowly."),
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void labels1(FILE *out, const char *name, const char *label1, const char *value1)
{
    fprintf(out, "%s{", name);
    label(out, label1, value1);
    fputc('}', out);
}

static void labels2(FILE *out, const char *name, const char *site, const char *label2,
                    const char *value2)
{
    fprintf(out, "%s{", name);
    label(out, "site", site);
    fputc(',', out);
    label(out, label2, value2);
    fputc('}', out);
}

static void sites(FILE *out, const struct stat_core *core)
{
    for (size_t i = 0; i < COUNT(site_families); i++) {
        const struct family *f = &site_families[i];

        head(out, f->name, f->type, f->help);
        for (const struct stat_site_row *r = NULL; (r = stat_site_next(core, r)) != NULL;) {
            labels1(out, f->name, "site", r->data.site);
            value(out, &r->data, f);
        }
    }
    head(out, "standfast_site_mode", "gauge", "1 for the mode the site is in.");
    for (const struct stat_site_row *r = NULL; (r = stat_site_next(core, r)) != NULL;) {
        labels2(out, "standfast_site_mode", r->data.site, "mode", stat_mode_name(r->data.mode));
        fputs(" 1\n", out);
    }
    head(out, "standfast_sipserver_events_total", "counter",
         "What the SIP server counts of its own: messages, refusals and drops by reason.");
    for (const struct stat_site_row *r = NULL; (r = stat_site_next(core, r)) != NULL;)
        for (uint32_t c = 0; c < r->data.counter_count; c++) {
            labels2(out, "standfast_sipserver_events_total", r->data.site, "event",
                    r->data.counters[c].name);
            fprintf(out, " %" PRIu64 "\n", r->data.counters[c].value);
        }
}

static void queues(FILE *out, const struct stat_core *core, int64_t wall_ms)
{
    for (size_t i = 0; i < COUNT(queue_families); i++) {
        const struct family *f = &queue_families[i];

        head(out, f->name, f->type, f->help);
        for (const struct stat_queue_row *r = NULL; (r = stat_queue_next(core, r)) != NULL;) {
            labels2(out, f->name, r->data.site, "queue", r->data.queue);
            value(out, &r->data, f);
        }
    }
    head(out, "standfast_queue_longest_wait_seconds", "gauge",
         "How long the call at the head of the queue has waited.");
    for (const struct stat_queue_row *r = NULL; (r = stat_queue_next(core, r)) != NULL;) {
        int64_t ms =
            r->data.waiting > 0 && r->data.oldest_since_ms > 0 && wall_ms > r->data.oldest_since_ms
                ? wall_ms - r->data.oldest_since_ms
                : 0;

        labels2(out, "standfast_queue_longest_wait_seconds", r->data.site, "queue", r->data.queue);
        fprintf(out, " %.3f\n", (double)ms / 1000.0);
    }
}

static void agents(FILE *out, const struct stat_core *core)
{
    for (size_t i = 0; i < COUNT(agent_families); i++) {
        const struct family *f = &agent_families[i];

        head(out, f->name, f->type, f->help);
        for (const struct stat_agent_row *r = NULL; (r = stat_agent_next(core, r)) != NULL;) {
            labels2(out, f->name, r->data.site, "agent", r->data.agent);
            value(out, &r->data, f);
        }
    }
    head(out, "standfast_agent_state", "gauge",
         "1 for the state the agent is in; not_monitored when the SIP server is not heard.");
    for (const struct stat_agent_row *r = NULL; (r = stat_agent_next(core, r)) != NULL;) {
        fputs("standfast_agent_state{", out);
        label(out, "site", r->data.site);
        fputc(',', out);
        label(out, "agent", r->data.agent);
        fputc(',', out);
        label(out, "state", r->data.monitored ? stat_state_name(r->data.state) : "not_monitored");
        fputs("} 1\n", out);
    }
}

static void hosts(FILE *out, const struct view *view)
{
    for (size_t i = 0; i < COUNT(host_families); i++) {
        const struct family *f = &host_families[i];

        head(out, f->name, f->type, f->help);
        for (uint32_t h = 0; h < view->host_count; h++) {
            labels2(out, f->name, view->hosts[h].site, "host", view->hosts[h].host);
            value(out, &view->hosts[h], f);
        }
    }
}

struct bus_lines {
    FILE *out;
    const struct metrics_source *source;
};

static void bus_line(void *arg, const char *name, uint64_t count)
{
    struct bus_lines *lines = arg;

    fputs("standfast_statserver_bus_total{", lines->out);
    label(lines->out, "site", lines->source->site);
    fputc(',', lines->out);
    label(lines->out, "host", lines->source->host);
    fputc(',', lines->out);
    label(lines->out, "event", name);
    fprintf(lines->out, "} %" PRIu64 "\n", count);
}

static void own(FILE *out, const struct metrics_source *s)
{
    const struct {
        const char *name, *help;
        uint64_t count;
    } counters[] = {
        {"standfast_statserver_events_total", "Events and rows taken in.", s->core->events},
        {"standfast_statserver_gaps_total", "Gaps in the event numbers, closed by a snapshot.",
         s->core->gaps},
        {"standfast_statserver_rows_refused_total", "Rows refused because a table was full.",
         s->core->refused},
    };
    struct bus_lines lines = {out, s};

    for (size_t i = 0; i < COUNT(counters); i++) {
        head(out, counters[i].name, "counter", counters[i].help);
        labels2(out, counters[i].name, s->site, "host", s->host);
        fprintf(out, " %" PRIu64 "\n", counters[i].count);
    }
    for (size_t i = 0; i < COUNT(http_families); i++) {
        head(out, http_families[i].name, http_families[i].type, http_families[i].help);
        labels2(out, http_families[i].name, s->site, "host", s->host);
        value(out, s->http, &http_families[i]);
    }
    if (s->bus != NULL) {
        head(out, "standfast_statserver_bus_total", "counter",
             "Messages of this statserver on the bus: in, out, refused and dropped by reason.");
        bus_counters(s->bus, bus_line, &lines);
    }
}

char *metrics_text(const struct metrics_source *source)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        abort();
    sites(out, source->core);
    queues(out, source->core, source->wall_ms);
    agents(out, source->core);
    hosts(out, source->view);
    own(out, source);
    if (fclose(out) != 0)
        abort();
    return text;
}
