#include "desktop/adapt/gateway.h"

#include "common/http.h"
#include "common/list.h"
#include "common/log.h"
#include "confproxy/adapt/password.h"
#include "desktop/adapt/calls_json.h"
#include "desktop/core/gate.h"
#include "desktop/core/throttle.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* The core's numbers are those of the wire. */
static_assert((int)GATE_AFTER_CALL_WORK == (int)SF__AGENT_STATE__AGENT_STATE_AFTER_CALL_WORK, "");
static_assert((int)GATE_SET_NOT_READY == (int)SF__AGENT_OP__AGENT_NOT_READY, "");

/* The files of desktop/web/, in the binary. */
extern const unsigned char web_index_html[], web_desktop_js[], web_desktop_css[];
extern const size_t web_index_html_size, web_desktop_js_size, web_desktop_css_size;

/* An HTTP request that waits for the SIP server, or a page's stream; the core knows it by number.
 */
struct outside {
    struct list_link link;
    struct gateway *gateway;
    uint64_t number;
    struct http_request *request;
    struct http_stream *stream;
    json_t *document; /* of an operation on calls */
};

struct gateway {
    struct component *component;
    const struct directory *directory;
    bool loaded;
    bool primary;
    bool complained;
    struct gate gate;
    void *memory;
    struct throttle throttle;
    char no_agent_hash[PASSWORD_HASH_SIZE]; /* so that an unknown agent takes as long as a wrong
                                               password */
    struct http *http;
    struct http_listener *listener;
    mono_t retry;
    struct loop_timer *timer;
    struct loop_timer *beat;
    struct bus_link *link;
    struct list requests;
    struct list streams;
    uint64_t next_number;
    const Sf__AgentReply *reply; /* while the core takes it */
    const Sf__AgentEvent *event;
};

static void feed(struct gateway *gateway, const struct gate_event *event);

#define EVENT(...) (&(struct gate_event){__VA_ARGS__})

/* ---- what the core knows by number ---- */

static struct outside *outside_new(struct gateway *gateway, struct list *list)
{
    struct outside *outside = calloc(1, sizeof(*outside));

    if (outside == NULL)
        abort(); /* out of memory */
    outside->gateway = gateway;
    outside->number = ++gateway->next_number;
    list_append(list, &outside->link);
    return outside;
}

static struct outside *outside_find(struct list *list, uint64_t number)
{
    LIST_EACH(link, list)
    {
        struct outside *outside = (struct outside *)link;
        if (outside->number == number)
            return outside;
    }
    return NULL;
}

static void outside_free(struct outside *outside)
{
    list_remove(&outside->link);
    json_decref(outside->document);
    free(outside);
}

static void on_request_gone(void *arg, struct http_request *request)
{
    struct outside *outside = arg;
    struct gateway *gateway = outside->gateway;
    uint64_t number = outside->number;

    (void)request;
    outside_free(outside);
    feed(gateway, EVENT(.kind = GATE_EV_HTTP_GONE, .http = number));
}

/* hold - the SIP server answers later; the number stands for the request meanwhile. */
static uint64_t hold(struct gateway *gateway, struct http_request *request)
{
    struct outside *outside = outside_new(gateway, &gateway->requests);

    outside->request = request;
    http_request_hold(request, on_request_gone, outside);
    return outside->number;
}

/* ---- answers ---- */

static void reply_error(struct http_request *request, unsigned status, bool retriable,
                        const char *text)
{
    http_reply_json(request, status,
                    json_pack("{s:s, s:b}", "error", text, "retriable", retriable));
}

static void reply_later(struct http_request *request, unsigned status, int64_t wait_ms,
                        const char *text)
{
    char seconds[24];

    snprintf(seconds, sizeof(seconds), "%lld", (long long)((wait_ms + 999) / 1000));
    http_reply_header(request, "Retry-After", seconds);
    reply_error(request, status, true, text);
}

static void do_answer(struct gateway *gateway, const struct gate_action *action)
{
    struct outside *outside = outside_find(&gateway->requests, action->http);
    const struct bootstrap *b = &gateway->component->bootstrap;
    struct http_request *request;

    if (outside == NULL)
        return;
    request = outside->request;
    outside_free(outside);
    if (!action->with_session) {
        reply_error(request, action->status, action->retriable, action->text);
        return;
    }
    http_reply_json(request, action->status,
                    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "token", action->token,
                              "agent", action->agent, "dn", action->dn, "state",
                              gate_state_name(action->state), "text", action->text, "site",
                              bootstrap_self_site(b)->name, "host", bootstrap_self(b)->name));
}

static json_t *session_json(const struct gate_session *s)
{
    const struct gate_call *active = gate_active_call(s);
    json_t *call = active != NULL ? call_json(active) : json_null();

    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:b, s:o, s:o}", "agent", s->agent, "dn", s->dn,
                     "state", gate_state_name(s->agent_state), "reason", s->reason, "since_ms",
                     (json_int_t)s->since_ms, "dn_in_service", s->dn_in_service, "call", call,
                     "calls", calls_json(s));
}

static void do_tell(struct gateway *gateway, const struct gate_action *action)
{
    struct outside *outside = outside_find(&gateway->streams, action->stream);
    const struct gate_session *session = gate_find_agent(&gateway->gate, action->agent);

    if (outside == NULL || session == NULL)
        return;
    if (gateway->event != NULL && gate_what_name((enum gate_what)gateway->event->kind) != NULL)
        (void)http_stream_send_json(outside->stream, "call", event_json(gateway->event));
    (void)http_stream_send_json(outside->stream, "agent", session_json(session));
}

static void do_end_stream(struct gateway *gateway, const struct gate_action *action)
{
    struct outside *outside = outside_find(&gateway->streams, action->stream);

    if (outside == NULL)
        return;
    (void)http_stream_send_json(
        outside->stream, "ended",
        json_pack("{s:b, s:s}", "again", action->again, "text", action->text));
    http_stream_close(outside->stream);
}

/* ---- the SIP server ---- */

/* text - protobuf-c has plain pointers in its structures and never writes through them. */
static char *text(const char *from)
{
    union {
        const char *in;
        char *out;
    } u = {.in = from};

    return u.out;
}

static void do_ask(struct gateway *gateway, const struct gate_action *action)
{
    Sf__AgentRequest request = SF__AGENT_REQUEST__INIT;

    request.request_id = action->request_id;
    request.op = (Sf__AgentOp)action->op;
    request.agent = text(action->agent);
    request.dn = text(action->dn);
    request.reason = text(action->text);
    request.state = (Sf__AgentState)action->state;
    /* What cannot be sent is answered by the core's time-out. */
    (void)bus_link_send(gateway->link, MESSAGE_AGENT_REQUEST, &request);
}

static void do_operate(struct gateway *gateway, const struct gate_action *action)
{
    const struct outside *outside = outside_find(&gateway->requests, action->http);
    Sf__AgentRequest request = SF__AGENT_REQUEST__INIT;
    struct operation_pairs pairs;

    if (outside == NULL || operation_request(outside->document, &pairs, &request) != NULL)
        return; /* nobody waits any more; what is malformed has been refused before */
    request.request_id = action->request_id;
    request.op = (Sf__AgentOp)action->op;
    request.agent = text(action->agent);
    (void)bus_link_send(gateway->link, MESSAGE_AGENT_REQUEST, &request);
}

static void do_operated(struct gateway *gateway, const struct gate_action *action)
{
    struct outside *outside = outside_find(&gateway->requests, action->http);
    const Sf__AgentReply *reply = gateway->reply;
    struct http_request *request;

    if (outside == NULL)
        return;
    request = outside->request;
    outside_free(outside);
    if (action->status != 200)
        reply_error(request, action->status, action->retriable, action->text);
    else
        http_reply_json(request, 200,
                        json_pack("{s:s, s:s, s:s, s:o}", "call", reply->call, "state",
                                  gate_state_name((enum gate_state)reply->state), "text",
                                  reply->text, "data",
                                  attached_json(reply->attached, reply->n_attached)));
}

static void do_subscribe(struct gateway *gateway)
{
    Sf__AgentSubscribe subscribe = SF__AGENT_SUBSCRIBE__INIT;

    (void)bus_link_send(gateway->link, MESSAGE_AGENT_SUBSCRIBE, &subscribe);
}

static void perform(struct gateway *gateway, const struct gate_action *action)
{
    switch (action->kind) {
    case GATE_ACT_SUBSCRIBE: do_subscribe(gateway); break;
    case GATE_ACT_ASK: do_ask(gateway, action); break;
    case GATE_ACT_OPERATE: do_operate(gateway, action); break;
    case GATE_ACT_OPERATED: do_operated(gateway, action); break;
    case GATE_ACT_ANSWER: do_answer(gateway, action); break;
    case GATE_ACT_TELL: do_tell(gateway, action); break;
    case GATE_ACT_END_STREAM: do_end_stream(gateway, action); break;
    case GATE_NOTE_SESSION:
        log_event(LEVEL_INFO, MSG_DESKTOP,
                  LOG_FIELDS(.object = action->agent, .from = session_state_name(action->from),
                             .to = session_state_name(action->to)),
                  "desktop of agent %s: %s", action->agent, action->why);
        break;
    case GATE_NOTE_GAP:
        log_event(LEVEL_WARNING, MSG_DESKTOP, LOG_FIELDS(.event = "GAP"),
                  "events of the SIP server are missing; asking for all agents again");
        break;
    }
}

static void step(struct gateway *gateway, const struct gate_event *event, struct gate_out *out)
{
    gate_step(&gateway->gate, loop_now(gateway->component->loop), event, out);
    for (uint32_t i = 0; i < out->count; i++)
        perform(gateway, &out->actions[i]);
}

/* feed - time first, then EVENT, then what EVENT left to do for many sessions. */
static void feed(struct gateway *gateway, const struct gate_event *event)
{
    struct gate_out out;

    do
        step(gateway, EVENT(.kind = GATE_EV_TICK), &out);
    while (out.more);
    if (event->kind != GATE_EV_TICK) {
        step(gateway, event, &out);
        while (out.more)
            step(gateway, EVENT(.kind = GATE_EV_TICK), &out);
    }
    loop_timer_set(gateway->timer, gate_deadline(&gateway->gate));
}

static void on_timer(void *arg, mono_t now)
{
    (void)now;
    feed(arg, EVENT(.kind = GATE_EV_TICK));
}

static void take_reply(struct gateway *gateway, const Sf__AgentReply *reply)
{
    gateway->reply = reply;
    feed(gateway, EVENT(.kind = GATE_EV_REPLY, .request_id = reply->request_id, .code = reply->code,
                        .text = reply->text, .retriable = reply->retriable,
                        .state = (enum gate_state)reply->state));
    gateway->reply = NULL;
}

static void take_event(struct gateway *gateway, const Sf__AgentEvent *in)
{
    char data[GATE_DATA_SIZE];

    attached_text(in->attached, in->n_attached, data, sizeof(data));
    feed(gateway, EVENT(.kind = GATE_EV_TICK)); /* so that what follows is of this event alone */
    gateway->event = in;
    feed(gateway,
         EVENT(.kind = GATE_EV_AGENT, .sequence = in->sequence, .what = (enum gate_what)in->kind,
               .agent = in->agent, .dn = in->dn, .state = (enum gate_state)in->state,
               .reason = in->reason, .since_ms = in->since_ms, .call = in->call,
               .caller = in->caller, .called = in->called, .queue = in->queue,
               .outbound = in->outbound, .data = data));
    gateway->event = NULL;
}

static void on_message(void *arg, struct bus_link *link, const struct bus_sender *from,
                       const struct codec_message *message)
{
    (void)link;
    (void)from;
    switch ((int)message->type) {
    case MESSAGE_AGENT_REPLY: take_reply(arg, message->body); break;
    case MESSAGE_AGENT_EVENT: take_event(arg, message->body); break;
    default: break; /* the codec lets nothing else through */
    }
}

static void on_link(void *arg, struct bus_link *link, bool up)
{
    (void)link;
    feed(arg, EVENT(.kind = up ? GATE_EV_SERVER_UP : GATE_EV_SERVER_DOWN));
}

/* ---- the API ---- */

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
        reply_error(request, 403, false, "unknown agent or wrong password");
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
        reply_error(request, 400, false,
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
    feed(gateway, EVENT(.kind = GATE_EV_LOGIN, .http = hold(gateway, request), .token = token,
                        .agent = agent, .dn = dn, .state = state, .reason = reason));
}

static void post_login(void *arg, struct http_request *request)
{
    json_t *document = http_body_json(request);

    if (document == NULL)
        reply_error(request, 400, false, "the body is no JSON object");
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
        reply_error(
            request, 400, false,
            "write {\"token\":..., \"state\": \"ready\" or \"not_ready\", \"reason\"?:...}");
        return;
    }
    feed(gateway, EVENT(.kind = GATE_EV_SET_STATE, .http = hold(gateway, request), .token = token,
                        .state = state, .reason = reason));
}

static void post_state(void *arg, struct http_request *request)
{
    json_t *document = http_body_json(request);

    if (document == NULL)
        reply_error(request, 400, false, "the body is no JSON object");
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
        reply_error(request, 400, false, "write {\"token\":..., \"reason\"?:...}");
    else
        feed(gateway, EVENT(.kind = GATE_EV_LOGOUT, .http = hold(gateway, request), .token = token,
                            .reason = reason));
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
        reply_error(request, 400, false, wrong);
        json_decref(document);
        return;
    }
    number = hold(gateway, request);
    outside_find(&gateway->requests, number)->document = document;
    feed(gateway, EVENT(.kind = GATE_EV_OPERATE, .http = number, .token = token, .op = op));
}

static void post_call(void *arg, struct http_request *request)
{
    json_t *document = http_body_json(request);

    if (document == NULL)
        reply_error(request, 400, false, "the body is no JSON object");
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
    feed(gateway, EVENT(.kind = GATE_EV_STREAM_CLOSED, .stream = number));
}

static void get_events(void *arg, struct http_request *request)
{
    struct gateway *gateway = arg;
    const struct bootstrap *b = &gateway->component->bootstrap;
    const char *token = http_query(request, "token");
    struct outside *outside;
    char copy[GATE_TOKEN_SIZE];

    if (token == NULL || gate_find(&gateway->gate, token) == NULL) {
        reply_error(request, 401, true, "the session is not known: log in again");
        return;
    }
    snprintf(copy, sizeof(copy), "%s", token);
    outside = outside_new(gateway, &gateway->streams);
    outside->stream = http_stream_open(request, on_stream_closed, outside);
    (void)http_stream_send_json(outside->stream, "hello",
                                json_pack("{s:s, s:s, s:i}", "site", bootstrap_self_site(b)->name,
                                          "host", bootstrap_self(b)->name, "beat_ms",
                                          GATEWAY_BEAT_MS));
    feed(gateway, EVENT(.kind = GATE_EV_STREAM_OPENED, .stream = outside->number, .token = copy));
}

/* get_session - how a session stands; a page whose stream broke learns here whether it is still
 * known. */
static void get_session(void *arg, struct http_request *request)
{
    const struct gateway *gateway = arg;
    const char *token = http_query(request, "token");
    const struct gate_session *session = token != NULL ? gate_find(&gateway->gate, token) : NULL;

    if (session == NULL)
        reply_error(request, 401, true, "the session is not known: log in again");
    else
        http_reply_json(request, 200, session_json(session));
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

/* ---- open and closed with the role ---- */

static void on_beat(void *arg, mono_t now)
{
    struct gateway *gateway = arg;

    LIST_EACH(link, &gateway->streams)
    {
        (void)http_stream_send_json(((struct outside *)link)->stream, "beat",
                                    json_pack("{s:I}", "now_ms", (json_int_t)loop_wall_ms()));
    }
    loop_timer_set(gateway->beat, mono_add_ms(now, GATEWAY_BEAT_MS));
}

static void open_site_address(struct gateway *gateway)
{
    const struct bootstrap *b = &gateway->component->bootstrap;
    const char *address = bootstrap_self_site(b)->site_address;
    int result = http_listen(gateway->http, address, b->ports.agent_http, &gateway->listener);

    if (result == 0) {
        log_event(
            LEVEL_NOTICE, MSG_SERVING,
            LOG_FIELDS(.to = "SERVING", .epoch = gateway->component->role.epoch, .object = address),
            "agents log in at http://%s:%u/", address, b->ports.agent_http);
        loop_timer_set(gateway->beat,
                       mono_add_ms(loop_now(gateway->component->loop), GATEWAY_BEAT_MS));
        return;
    }
    if (!gateway->complained)
        log_event(LEVEL_WARNING, MSG_HTTP, LOG_FIELDS(.object = address), "%s; trying again",
                  http_error(gateway->http));
    gateway->complained = true;
    gateway->retry = mono_add_ms(loop_now(gateway->component->loop), GATEWAY_RETRY_MS);
}

void gateway_set_role(struct gateway *gateway, bool primary)
{
    const struct bootstrap *b = &gateway->component->bootstrap;

    if (primary && gateway->listener == NULL &&
        mono_due(gateway->retry, loop_now(gateway->component->loop))) {
        gateway->complained = gateway->complained && gateway->primary;
        gateway->primary = true;
        open_site_address(gateway);
        return;
    }
    if (primary || !gateway->primary)
        return;
    gateway->primary = gateway->complained = false;
    gateway->retry = MONO_ZERO;
    if (gateway->listener == NULL)
        return;
    http_unlisten(&gateway->listener);
    gate_reset(&gateway->gate);
    loop_timer_set(gateway->beat, MONO_NEVER);
    log_event(LEVEL_NOTICE, MSG_SERVING,
              LOG_FIELDS(.to = "STOPPED", .epoch = gateway->component->role.epoch,
                         .object = bootstrap_self_site(b)->site_address),
              "agents are served by the primary");
}

void gateway_set_loaded(struct gateway *gateway, bool loaded)
{
    gateway->loaded = loaded;
}

uint32_t gateway_sessions(const struct gateway *gateway)
{
    return gateway->gate.sessions.used;
}

/* ---- start and end ---- */

static int add_routes(struct gateway *g)
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

/* allow_sites - pages of the other site may come here, and ours may go there. */
static int allow_sites(struct gateway *g)
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

static int make_core(struct gateway *g)
{
    mono_t now = loop_now(g->component->loop);
    struct gate_conf conf = {.sessions_max = GATEWAY_SESSIONS_MAX,
                             .answer_ms = GATEWAY_ANSWER_MS,
                             .operation_ms = GATEWAY_OPERATION_MS,
                             .detach_ms = GATEWAY_DETACH_MS};
    struct throttle_conf throttle = {.burst = GATEWAY_LOGIN_BURST,
                                     .per_second = GATEWAY_LOGINS_PER_S,
                                     .wait_min_ms = GATEWAY_WRONG_MIN_MS,
                                     .wait_max_ms = GATEWAY_WRONG_MAX_MS};

    if (getrandom(conf.secret, sizeof(conf.secret), 0) != (ssize_t)sizeof(conf.secret))
        return -EIO;
    g->memory = calloc(1, gate_bytes(&conf));
    if (g->memory == NULL)
        return -ENOMEM;
    gate_init(&g->gate, &conf, g->memory);
    throttle_init(&g->throttle, &throttle, now);
    return password_hash("", g->no_agent_hash);
}

static int connect_server(struct gateway *g)
{
    int result = bus_connect(g->component->bus, ENDPOINT_AGENT, NULL, LOOP_SIP, on_message, on_link,
                             g, &g->link);

    if (result < 0)
        log_event(LEVEL_ERR, MSG_FAULT, NULL, "%s", bus_error(g->component->bus));
    return result;
}

int gateway_new(struct component *component, const struct directory *directory,
                struct gateway **ret_gateway)
{
    /* A stream for each session and some for requests; no source may take them all. */
    const struct http_limits limits = {.connections_max = GATEWAY_SESSIONS_MAX + 200,
                                       .source_max = GATEWAY_SESSIONS_MAX / 2};
    struct gateway *g = calloc(1, sizeof(*g));
    int result;

    if (g == NULL)
        return -ENOMEM;
    g->component = component;
    g->directory = directory;
    list_init(&g->requests);
    list_init(&g->streams);
    result = make_core(g);
    if (result == 0)
        result = http_new(component->loop, &limits, &g->http);
    if (result == 0)
        result = add_routes(g);
    if (result == 0)
        result = allow_sites(g);
    if (result == 0)
        result = loop_timer_new(component->loop, LOOP_SIP, on_timer, g, &g->timer);
    if (result == 0)
        result = loop_timer_new(component->loop, LOOP_SIP, on_beat, g, &g->beat);
    if (result == 0)
        result = connect_server(g);
    if (result < 0) {
        gateway_destroy(&g);
        return result;
    }
    *ret_gateway = g;
    return 0;
}

void gateway_destroy(struct gateway **gateway)
{
    struct gateway *g = *gateway;

    if (g == NULL)
        return;
    if (g->link != NULL)
        bus_link_destroy(&g->link);
    if (g->http != NULL) {
        http_unlisten(&g->listener);
        http_destroy(&g->http);
    }
    loop_timer_destroy(&g->timer);
    loop_timer_destroy(&g->beat);
    free(g->memory);
    free(g);
    *gateway = NULL;
}
