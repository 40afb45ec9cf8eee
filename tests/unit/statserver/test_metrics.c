/* The metrics page: every family has HELP and TYPE once, before its samples; names follow
 * Prometheus' rules; and `promtool check metrics` (Debian package prometheus), when it is
 * installed, finds nothing. */
#include "statserver/adapt/json.h"
#include "statserver/adapt/metrics.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct stat_core core;
static struct view view;
static struct http_counters http;
static void *memory;
static char *text;

static void step(struct stat_event event)
{
    struct stat_out out;

    stat_step(&core, (mono_t){1}, &event, &out);
}

static void setup(void)
{
    struct stat_conf conf = {.site = "east",
                             .source_count = 2,
                             .sources = {{"east.1", "east"}, {"west.1", "west"}},
                             .agents_max = 10,
                             .queues_max = 10,
                             .calls_max = 10,
                             .silent_ms = 3000};
    struct stat_agent agent = {.agent = "ann \"the\\first\"", .state = STAT_READY};
    struct stat_call call = {
        .call = "c1", .phase = STAT_RELEASED, .agent = "ann \"the\\first\"", .talk_ms = 1500};
    struct stat_queue queue = {.queue = "sales", .waiting = 2, .oldest_since_ms = 1000};
    struct stat_site site = {
        .mode = STAT_PEERED, .calls = 4, .counter_count = 1, .counters = {{"sip_in", 17}}};

    memory = calloc(1, stat_bytes(&conf));
    stat_init(&core, &conf, memory);
    step((struct stat_event){.kind = STAT_EV_ROLE, .primary = true});
    step((struct stat_event){.kind = STAT_EV_UP, .source = STAT_LOCAL});
    step((struct stat_event){
        .kind = STAT_EV_BATCH, .source = STAT_LOCAL, .primary = true, .snapshot = true, .last = 3});
    step((struct stat_event){.kind = STAT_EV_AGENT, .source = STAT_LOCAL, .agent = &agent});
    step((struct stat_event){.kind = STAT_EV_QUEUE, .source = STAT_LOCAL, .queue = &queue});
    step((struct stat_event){.kind = STAT_EV_SITE, .source = STAT_LOCAL, .site = &site});
    step((struct stat_event){.kind = STAT_EV_BATCH_END, .source = STAT_LOCAL});
    step((struct stat_event){.kind = STAT_EV_BATCH, .source = STAT_LOCAL, .before = 3, .last = 4});
    step((struct stat_event){.kind = STAT_EV_CALL, .source = STAT_LOCAL, .call = &call});
    step((struct stat_event){.kind = STAT_EV_BATCH_END, .source = STAT_LOCAL});
    view = (struct view){
        .host_count = 1,
        .hosts = {{.host = "east.1", .site = "east", .alive = true, .primary = true}}};
    text = metrics_text(&(struct metrics_source){.core = &core,
                                                 .view = &view,
                                                 .http = &http,
                                                 .site = "east",
                                                 .host = "east.1",
                                                 .wall_ms = 4500});
}

static void teardown(void)
{
    free(text);
    free(memory);
}

TestSuite(metrics, .init = setup, .fini = teardown);

static bool has(const char *line)
{
    const char *found = strstr(text, line);

    return found != NULL && (found == text || found[-1] == '\n') && found[strlen(line)] == '\n';
}

Test(metrics, values_labels_and_escapes)
{
    cr_assert(has("standfast_site_monitored{site=\"east\"} 1"));
    cr_assert(has("standfast_site_monitored{site=\"west\"} 0"));
    cr_assert(has("standfast_site_mode{site=\"east\",mode=\"peered\"} 1"));
    cr_assert(has("standfast_queue_calls_waiting{site=\"east\",queue=\"sales\"} 2"));
    cr_assert(has("standfast_queue_longest_wait_seconds{site=\"east\",queue=\"sales\"} 3.500"));
    cr_assert(has("standfast_agent_talk_seconds_total{site=\"east\",agent=\"ann "
                  "\\\"the\\\\first\\\"\"} 1.500"));
    cr_assert(has("standfast_agent_state{site=\"east\",agent=\"ann "
                  "\\\"the\\\\first\\\"\",state=\"ready\"} 1"));
    cr_assert(has("standfast_host_primary{site=\"east\",host=\"east.1\"} 1"));
    cr_assert(has("standfast_sipserver_events_total{site=\"east\",event=\"sip_in\"} 17"));
}

/* name_of - the metric's name at the start of LINE. */
static void name_of(const char *line, char *name, size_t size)
{
    size_t length = strcspn(line, "{ ");

    snprintf(name, size, "%.*s", (int)length, line);
}

Test(metrics, every_family_has_help_and_type_once_before_its_samples)
{
    char head[128] = "", kind[16] = "", name[128];
    char *copy = strdup(text), *rest = copy;

    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
        if (sscanf(line, "# HELP %127s", name) == 1) {
            char again[160];
            snprintf(again, sizeof(again), "# HELP %s ", name);
            cr_assert_null(strstr(strstr(text, again) + 1, again), "%s is described twice", name);
            cr_assert_eq(line[strlen(line) - 1], '.', "%s: help is a sentence", name);
            continue;
        }
        if (sscanf(line, "# TYPE %127s %15s", head, kind) == 2)
            continue;
        name_of(line, name, sizeof(name));
        cr_assert_str_eq(name, head, "a sample of another family");
        cr_assert_eq(strcmp(kind, "counter") == 0,
                     strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0,
                     "%s: counters, and only they, end in _total", name);
        for (const char *c = name; *c != '\0'; c++)
            cr_assert(islower((unsigned char)*c) || *c == '_');
    }
    free(copy);
}

Test(metrics, promtool_accepts_them)
{
    FILE *tool;
    int status;

    if (system("command -v promtool >/dev/null 2>&1") != 0)
        cr_skip_test("promtool is not installed (Debian package prometheus)");
    tool = popen("promtool check metrics 2>&1", "w");
    fputs(text, tool);
    status = pclose(tool);
    cr_assert_eq(status, 0, "promtool check metrics: status %d", status);
}

Test(metrics, rows_as_json_say_not_monitored_and_only_what_changed)
{
    json_t *all = json_rows(&core, 0);
    json_t *agent = json_array_get(json_object_get(all, "agents"), 0);

    cr_assert_str_eq(json_string_value(json_object_get(agent, "state")), "ready");
    cr_assert_eq(json_array_size(json_object_get(all, "sites")), 2);
    json_decref(all);
    uint64_t before = core.change;
    step((struct stat_event){.kind = STAT_EV_DOWN, .source = STAT_LOCAL});
    all = json_rows(&core, before);
    agent = json_array_get(json_object_get(all, "agents"), 0);
    cr_assert_str_eq(json_string_value(json_object_get(agent, "state")), "not_monitored",
                     "ST-2: never available");
    cr_assert_eq(json_array_size(json_object_get(all, "sites")), 1);
    json_decref(all);
    all = json_rows(&core, core.change);
    cr_assert_eq(json_array_size(json_object_get(all, "agents")), 0);
    json_decref(all);
}
