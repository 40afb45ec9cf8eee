/* What pages ask over HTTP (desktop/README.md, API), and the page itself. */
#include "desktop/adapt/gateway_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/http.h"
#include "common/log.h"
#include "confproxy/adapt/password.h"
#include "desktop/adapt/calls_json.h"
#include "desktop/core/gate.h"
#include "desktop/core/throttle.h"

/* The files of desktop/web/, in the binary. */
extern const unsigned char web_index_html[], web_desktop_js[], web_desktop_css[];
extern const size_t web_index_html_size, web_desktop_js_size, web_desktop_css_size;

static void reply_later(struct http_request *request, unsigned status, int64_t wait_ms,
                        const char *text)
{
    char seconds[24];

    snprintf(seconds, sizeof(seconds), "%lld", (long long)((wait_ms + 999) / 1000));
    http_reply_header(request, "Retry-After", seconds);
    gateway_reply_error(request, status, true, text);
}

/* member - a text of the document, "" when it is not there; NULL when it is too long or no text. */
static const char *member(const json_t *document, const char *name, size_t size)
{
    const json_t *value = json_object_get(document, name);
    const char *string = value == NULL || json_is_null(value) ? "" : json_string_value(value);

    return string != NULL && strlen(string) < size ? string : NULL;
}

/* state_of - the state a page asks for; false when it is none. */
static bool state_of(const char *name, enum gate_state *ret_state)
{
    if (strcmp(name, "ready") == 0 || name[0] == '\0')
        *ret_state = GATE_READY;
    else if (strcmp(name, "not_ready") == 0)
        *ret_state = GATE_NOT_READY;
    else
        return false;
    return true;
}

static bool password_right(struct gateway *gateway, const char *agent, const char *password)
{
    const struct directory_agent *known = directory_find(gateway->directory, agent);
    bool right =
        password_verify(password, known != NULL ? known->password_hash : gateway->no_agent_hash);

    return right && known != NULL;
}

/* check_password - answers the request itself unless the password is right. */
static bool check_password(struct gateway *gateway, struct http_request *request, const char *agent,
                           const char *password)
{
    mono_t now = loop_now(gateway->component->loop);
    char address[HTTP_ADDRESS_SIZE], who[THROTTLE_WHO_SIZE];
    int64_t wait_ms = 0;
    bool right;

    http_client_address(request, address);
    snprintf(who, sizeof(who), "%.*s %s", (int)(sizeof(who) - sizeof(address) - 2), agent, address);
    switch (throttle_ask(&gateway->throttle, now, who, &wait_ms)) {
    case THROTTLE_GO: break;
    case THROTTLE_RATE:
        reply_later(request, 429, wait_ms, "many agents log in just now: try again in a moment");
        return false;
    case THROTTLE_WAIT:
        reply_later(request, 429, wait_ms, "the password was wrong: wait before the next try");
        return false;
    }
    right = password_right(gateway, agent, password);
    throttle_result(&gateway->throttle, now, who, right);
    if (!right) {
        log_event(LEVEL_WARNING, MSG_DESKTOP, LOG_FIELDS(.object = agent, .event = "REFUSED"),
                  "login refused: unknown agent or wrong password");
        gateway_reply_error(request, 403, false, "unknown agent or wrong password");
    }
    return right;
}

static void make_token(char token[GATE_TOKEN_SIZE])
{
    unsigned char bytes[(GATE_TOKEN_SIZE - 1) / 2];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        abort(); /* without randomness there is no safe session */
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(token + 2 * i, 3, "%02x", bytes[i]);
}

static void login(struct gateway *gateway, struct http_request *request, const json_t *document)
{
    const char *agent = member(document, "agent", GATE_ID_SIZE);
    const char *password = member(document, "password", PASSWORD_MAX + 1);
    const char *dn = member(document, "dn", GATE_ID_SIZE);
    const char *state_name = member(document, "state", 32);
    const char *reason = member(document, "reason", GATE_TEXT_SIZE);
    enum gate_state state;
    char token[GATE_TOKEN_SIZE];

    if (agent == NULL || agent[0] == '\0' || password == NULL || dn == NULL || reason == NULL ||
        state_name == NULL || !state_of(state_name, &state)) {
        gateway_reply_error(
            request, 400, false,
            "write {\"agent\":..., \"password\":..., \"dn\"?:..., \"state\"?: \"ready\" or "
            "\"not_ready\", \"reason\"?:...}");
        return;
    }
    if (!gateway->loaded) {
        reply_later(request, 503, 1000, "the configuration has not been loaded here yet");
        return;
    }
    if (!check_password(gateway, request, agent, password))
        return;
    if (dn[0] == '\0')
        dn = directory_find(gateway->directory, agent)->dn;
    make_token(token);
    gateway_feed(gateway,
                 EVENT(.kind = GATE_EV_LOGIN, .http = gateway_hold(gateway, request),
                       .token = token, .agent = agent, .dn = dn, .state = state, .reason = reason));
}

static void post_login(void *arg, struct http_request *request)
{
    json_t *document = http_body_json(request);

    if (document == NULL)
        gateway_reply_error(request, 400, false, "the body is no JSON object");
    else
        login(arg, request, document);
    json_decref(document);
}

static void set_state(struct gateway *gateway, struct http_request *request, const json_t *document)
{
    const char *token = member(document, "token", GATE_TOKEN_SIZE);
    const char *name = member(document, "state", 32);
    const char *reason = member(document, "reason", GATE_TEXT_SIZE);
    enum gate_state state;

    if (token == NULL || name == NULL || name[0] == '\0' || reason == NULL ||
        !state_of(name, &state)) {
        gateway_reply_error(
            request, 400, false,
            "write {\"token\":..., \"state\": \"ready\" or \"not_ready\", \"reason\"?:...}");
        return;
    }
    gateway_feed(gateway, EVENT(.kind = GATE_EV_SET_STATE, .http = gateway_hold(gateway, request),
                                .token = token, .state = state, .reason = reason));
}

static void post_state(void *arg, struct http_request *request)
{
    json_t *document = http_body_json(request);

    if (document == NULL)
        gateway_reply_error(request, 400, false, "the body is no JSON object");
    else
        set_state(arg, request, document);
    json_decref(document);
}

static void post_logout(void *arg, struct http_request *request)
{
    struct gateway *gateway = arg;
    json_t *document = http_body_json(request);
    const char *token = member(document, "token", GATE_TOKEN_SIZE);
    const char *reason = member(document, "reason", GATE_TEXT_SIZE);

    if (document == NULL || token == NULL || reason == NULL)
        gateway_reply_error(request, 400, false, "write {\"token\":..., \"reason\"?:...}");
    else
        gateway_feed(gateway, EVENT(.kind = GATE_EV_LOGOUT, .http = gateway_hold(gateway, request),
                                    .token = token, .reason = reason));
    json_decref(document);
}

/* operate - {"token":..., "op":..., "number"?:..., "call"?:..., "data"?:{...}}; takes DOCUMENT. */
static void operate(struct gateway *gateway, struct http_request *request, json_t *document)
{
    const char *token = member(document, "token", GATE_TOKEN_SIZE);
    const char *name = member(document, "op", 32);
    Sf__AgentRequest trial = SF__AGENT_REQUEST__INIT;
    struct operation_pairs pairs;
    const char *wrong;
    enum gate_op op;
    uint64_t number;

    if (token == NULL || name == NULL || !operation_of(name, &op))
        wrong = "write {\"token\":..., \"op\": dial, answer, release, hold, retrieve, transfer, "
                "consult, complete, alternate, return, set-data or data, \"number\"?, \"call\"?, "
                "\"data\"?}";
    else
        wrong = operation_request(document, &pairs, &trial);
    if (wrong != NULL) {
        gateway_reply_error(request, 400, false, wrong);
        json_decref(document);
        return;
    }
    number = gateway_hold(gateway, request);
    outside_find(&gateway->requests, number)->document = document;
    gateway_feed(gateway, EVENT(.kind = GATE_EV_OPERATE, .http = number, .token = token, .op = op));
}

static void post_call(void *arg, struct http_request *request)
{
    json_t *document = http_body_json(request);

    if (document == NULL)
        gateway_reply_error(request, 400, false, "the body is no JSON object");
    else
        operate(arg, request, document);
}

static void on_stream_closed(void *arg, struct http_stream *stream)
{
    struct outside *outside = arg;
    struct gateway *gateway = outside->gateway;
    uint64_t number = outside->number;

    (void)stream;
    outside_free(outside);
    gateway_feed(gateway, EVENT(.kind = GATE_EV_STREAM_CLOSED, .stream = number));
}

static void get_events(void *arg, struct http_request *request)
{
    struct gateway *gateway = arg;
    const struct bootstrap *b = &gateway->component->bootstrap;
    const char *token = http_query(request, "token");
    struct outside *outside;
    char copy[GATE_TOKEN_SIZE];
    bool again;

    if (token == NULL || (gate_find(&gateway->gate, token) == NULL &&
                          gate_ended(&gateway->gate, token, &again) == NULL)) {
        gateway_reply_error(request, 401, true, "the session is not known: log in again");
        return;
    }
    snprintf(copy, sizeof(copy), "%s", token);
    outside = outside_new(gateway, &gateway->streams);
    outside->stream = http_stream_open(request, on_stream_closed, outside);
    (void)http_stream_send_json(outside->stream, "hello",
                                json_pack("{s:s, s:s, s:i}", "site", bootstrap_self_site(b)->name,
                                          "host", bootstrap_self(b)->name, "beat_ms",
                                          GATEWAY_BEAT_MS));
    gateway_feed(gateway,
                 EVENT(.kind = GATE_EV_STREAM_OPENED, .stream = outside->number, .token = copy));
}

/* get_session - how a session stands; a page whose stream broke learns here whether it is still
 * known. */
static void get_session(void *arg, struct http_request *request)
{
    const struct gateway *gateway = arg;
    const char *token = http_query(request, "token");
    const struct gate_session *session = token != NULL ? gate_find(&gateway->gate, token) : NULL;
    bool again = true;
    const char *why = token != NULL ? gate_ended(&gateway->gate, token, &again) : NULL;

    if (why != NULL)
        gateway_reply_error(request, 410, again, why);
    else if (session == NULL)
        gateway_reply_error(request, 401, true, "the session is not known: log in again");
    else
        http_reply_json(request, 200, gateway_session_json(session));
}

static void site_url(const struct bootstrap *b, uint32_t site, char *url, size_t size)
{
    const char *address = b->sites[site].site_address;
    bool six = strchr(address, ':') != NULL;

    snprintf(url, size, "http://%s%s%s:%u", six ? "[" : "", address, six ? "]" : "",
             b->ports.agent_http);
}

static void get_sites(void *arg, struct http_request *request)
{
    const struct gateway *gateway = arg;
    const struct bootstrap *b = &gateway->component->bootstrap;
    json_t *sites = json_array();
    char url[128];

    for (uint32_t i = 0; i < b->site_count; i++) {
        site_url(b, i, url, sizeof(url));
        json_array_append_new(sites, json_pack("{s:s, s:s}", "site", b->sites[i].name, "url", url));
    }
    http_reply_json(request, 200,
                    json_pack("{s:s, s:s, s:o}", "cluster", b->cluster, "site",
                              bootstrap_self_site(b)->name, "sites", sites));
}

static void get_health(void *arg, struct http_request *request)
{
    const struct gateway *gateway = arg;

    http_reply_json(request, 200,
                    json_pack("{s:s, s:i, s:b}", "status", "ok", "sessions",
                              (int)gateway->gate.sessions.used, "sip_server",
                              gateway->gate.server_up));
}

/* ---- routes ---- */

int gateway_add_routes(struct gateway *g)
{
    const struct {
        const char *method, *path;
        http_handler_fn *handler;
    } routes[] = {
        {"POST", "/api/login", post_login},   {"POST", "/api/state", post_state},
        {"POST", "/api/logout", post_logout}, {"GET", "/api/events", get_events},
        {"POST", "/api/call", post_call},     {"GET", "/api/session", get_session},
        {"GET", "/api/sites", get_sites},     {"GET", "/healthz", get_health},
    };
    int result = http_route_static(g->http, "/", "text/html; charset=utf-8", web_index_html,
                                   web_index_html_size);

    if (result == 0)
        result = http_route_static(g->http, "/desktop.js", "text/javascript; charset=utf-8",
                                   web_desktop_js, web_desktop_js_size);
    if (result == 0)
        result = http_route_static(g->http, "/desktop.css", "text/css; charset=utf-8",
                                   web_desktop_css, web_desktop_css_size);
    for (size_t i = 0; result == 0 && i < sizeof(routes) / sizeof(routes[0]); i++)
        result = http_route(g->http, routes[i].method, routes[i].path, routes[i].handler, g);
    return result;
}

int gateway_allow_sites(struct gateway *g)
{
    const struct bootstrap *b = &g->component->bootstrap;
    char sources[BOOTSTRAP_SITES_MAX * 128] = "";
    char url[128];
    int result = 0;

    for (uint32_t i = 0; result == 0 && i < b->site_count; i++) {
        site_url(b, i, url, sizeof(url));
        result = http_allow_origin(g->http, url);
        strncat(sources, url, sizeof(sources) - strlen(sources) - 1);
        strncat(sources, " ", sizeof(sources) - strlen(sources) - 1);
    }
    return result == 0 ? http_set_connect_sources(g->http, sources) : result;
}
