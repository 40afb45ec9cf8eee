#include "statserver/adapt/page.h"

#include "common/http.h"
#include "common/log.h"
#include "statserver/adapt/json.h"
#include "statserver/adapt/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The files of statserver/web/, in the binary. */
extern const unsigned char web_index_html[], web_page_js[], web_page_css[];
extern const size_t web_index_html_size, web_page_js_size, web_page_css_size;

/* A page that is connected. */
struct client {
    struct page *page;
    struct http_stream *stream; /* NULL: free */
    uint64_t sent;              /* changes up to this one */
};

struct page {
    struct component *component;
    const struct stat_core *core;
    const struct view *view;
    struct http *http;
    struct http_listener *on_host;
    struct http_listener *on_site;
    bool primary;
    bool complained; /* about the site address, once per role */
    mono_t retry;    /* the site address, when it could not be opened */
    struct loop_timer *timer;
    mono_t at; /* when it fires */
    mono_t beat;
    uint64_t cluster_version, cluster_sent;
    struct client clients[PAGE_CLIENTS_MAX];
};

static json_t *with_self(const struct page *page, json_t *document)
{
    json_object_set_new(document, "self", json_self(page->component));
    return document;
}

static json_t *whole_state(const struct page *page)
{
    json_t *state = json_rows(page->core, 0);

    json_object_set_new(state, "cluster",
                        json_cluster(page->view, loop_now(page->component->loop)));
    return with_self(page, state);
}

/* ---- requests ---- */

static void get_state(void *arg, struct http_request *request)
{
    http_reply_json(request, 200, whole_state(arg));
}

static void get_metrics(void *arg, struct http_request *request)
{
    const struct page *page = arg;
    const struct bootstrap *b = &page->component->bootstrap;
    struct metrics_source source = {.core = page->core,
                                    .view = page->view,
                                    .http = http_counters(page->http),
                                    .bus = page->component->bus,
                                    .site = bootstrap_self_site(b)->name,
                                    .host = bootstrap_self(b)->name,
                                    .wall_ms = loop_wall_ms()};
    char *text = metrics_text(&source);

    http_reply(request, 200, METRICS_CONTENT_TYPE, text, strlen(text));
    free(text);
}

static void get_health(void *arg, struct http_request *request)
{
    http_reply_json(request, 200, with_self(arg, json_pack("{s:s}", "status", "ok")));
}

static void on_closed(void *arg, struct http_stream *stream)
{
    struct client *client = arg;

    if (client->stream == stream)
        client->stream = NULL;
}

static void get_events(void *arg, struct http_request *request)
{
    struct page *page = arg;

    for (unsigned i = 0; i < PAGE_CLIENTS_MAX; i++) {
        struct client *client = &page->clients[i];

        if (client->stream != NULL)
            continue;
        client->page = page;
        client->sent = page->core->change;
        client->stream = http_stream_open(request, on_closed, client);
        http_stream_send_json(client->stream, "state", whole_state(page));
        return;
    }
    http_reply_header(request, "Retry-After", "5");
    http_reply_json(request, 503, json_pack("{s:s}", "error", "too many pages are connected"));
}

/* ---- live events ---- */

static void send_cluster(struct page *page)
{
    json_t *cluster = with_self(page, json_cluster(page->view, loop_now(page->component->loop)));

    for (unsigned i = 0; i < PAGE_CLIENTS_MAX; i++)
        if (page->clients[i].stream != NULL)
            http_stream_send_json(page->clients[i].stream, "cluster", json_incref(cluster));
    json_decref(cluster);
    page->cluster_sent = page->cluster_version;
}

static void send_updates(struct page *page)
{
    for (unsigned i = 0; i < PAGE_CLIENTS_MAX; i++) {
        struct client *client = &page->clients[i];

        if (client->stream == NULL || client->sent == page->core->change)
            continue;
        http_stream_send_json(client->stream, "update", json_rows(page->core, client->sent));
        client->sent = page->core->change;
    }
}

static void send_beats(struct page *page)
{
    for (unsigned i = 0; i < PAGE_CLIENTS_MAX; i++)
        if (page->clients[i].stream != NULL)
            http_stream_send_json(page->clients[i].stream, "beat", json_self(page->component));
}

/* ---- the site address ---- */

static void open_site_address(struct page *page)
{
    const struct bootstrap *b = &page->component->bootstrap;
    const char *address = bootstrap_self_site(b)->site_address;
    int result;

    result = http_listen(page->http, address, b->ports.stats_http, &page->on_site);
    if (result == 0) {
        page->retry = MONO_NEVER;
        log_event(LEVEL_INFO, MSG_HTTP, LOG_FIELDS(.to = "LISTENING", .object = address),
                  "status page at http://%s:%u/", address, b->ports.stats_http);
        return;
    }
    page->retry = mono_add_ms(loop_now(page->component->loop), PAGE_RETRY_MS);
    if (!page->complained)
        log_event(LEVEL_WARNING, MSG_HTTP, LOG_FIELDS(.object = address), "%s; trying again",
                  http_error(page->http));
    page->complained = true;
}

void page_set_role(struct page *page, bool primary)
{
    if (page->primary == primary)
        return;
    page->primary = primary;
    page->complained = false;
    if (primary) {
        open_site_address(page);
        return;
    }
    page->retry = MONO_NEVER;
    http_unlisten(&page->on_site);
}

void page_view_changed(struct page *page)
{
    page->cluster_version++;
}

static void on_timer(void *arg, mono_t now)
{
    struct page *page = arg;

    page->at = MONO_NEVER;
    if (mono_due(page->retry, now))
        open_site_address(page);
    send_updates(page);
    if (page->cluster_sent != page->cluster_version)
        send_cluster(page);
    if (mono_due(mono_add_ms(page->beat, PAGE_BEAT_MS), now)) {
        page->beat = now;
        send_beats(page);
    }
}

/* Wake up only for somebody: for what has changed, a little later, and for beats. */
static void on_turn_end(void *arg, mono_t now)
{
    struct page *page = arg;
    mono_t at = page->retry;

    for (unsigned i = 0; i < PAGE_CLIENTS_MAX; i++) {
        const struct client *client = &page->clients[i];
        bool pending =
            client->sent != page->core->change || page->cluster_sent != page->cluster_version;

        if (client->stream != NULL)
            at = mono_min(at, pending ? mono_add_ms(now, PAGE_INTERVAL_MS)
                                      : mono_add_ms(page->beat, PAGE_BEAT_MS));
    }
    if (!mono_before(at, page->at))
        return;
    page->at = at;
    loop_timer_set(page->timer, at);
}

static int add_routes(struct page *page)
{
    struct http *http = page->http;
    int result = http_route_static(http, "/", "text/html; charset=utf-8", web_index_html,
                                   web_index_html_size);

    if (result == 0)
        result = http_route_static(http, "/page.js", "text/javascript; charset=utf-8", web_page_js,
                                   web_page_js_size);
    if (result == 0)
        result = http_route_static(http, "/page.css", "text/css; charset=utf-8", web_page_css,
                                   web_page_css_size);
    if (result == 0)
        result = http_route(http, "GET", "/api/state", get_state, page);
    if (result == 0)
        result = http_route(http, "GET", "/events", get_events, page);
    if (result == 0)
        result = http_route(http, "GET", "/metrics", get_metrics, page);
    if (result == 0)
        result = http_route(http, "GET", "/healthz", get_health, page);
    return result;
}

int page_new(struct component *component, const struct stat_core *core, const struct view *view,
             struct page **ret_page)
{
    const struct bootstrap *b = &component->bootstrap;
    struct page *page = calloc(1, sizeof(*page));
    int result;

    if (page == NULL)
        return -ENOMEM;
    page->component = component;
    page->core = core;
    page->view = view;
    page->retry = page->at = MONO_NEVER;
    result = http_new(component->loop, &(struct http_limits){.stream_max = PAGE_STREAM_MAX},
                      &page->http);
    if (result == 0)
        result = add_routes(page);
    if (result == 0)
        result = loop_timer_new(component->loop, LOOP_STATISTICS, on_timer, page, &page->timer);
    if (result == 0)
        result = loop_turn_end(component->loop, PAGE_TURN_ORDER, on_turn_end, page);
    if (result == 0) {
        result = http_listen(page->http, bootstrap_self(b)->address, b->ports.stats_http,
                             &page->on_host);
        if (result < 0)
            log_event(LEVEL_ERR, MSG_FAULT, NULL, "%s", http_error(page->http));
    }
    if (result < 0) {
        page_destroy(&page);
        return result;
    }
    *ret_page = page;
    return 0;
}

void page_destroy(struct page **page)
{
    if (*page == NULL)
        return;
    http_destroy(&(*page)->http);
    loop_timer_destroy(&(*page)->timer);
    free(*page);
    *page = NULL;
}
