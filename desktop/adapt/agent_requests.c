/* What a desktop without a screen asks its gateway, and the answers. */
#include "desktop/adapt/agent_inner.h"

#include <jansson.h>
#include <stdlib.h>

#include "desktop/adapt/agent_options.h"
#include "desktop/adapt/fetch.h"
#include "desktop/core/client.h"

static void forget_operations(struct agent *agent);

/* ---- answers ---- */

/* answer_event - what an answer of the API means to the client. */
static enum client_event_kind answer_event(long status, const json_t *answer)
{
    if (status == 0)
        return CLIENT_EV_NO_ANSWER;
    if (status == 200)
        return CLIENT_EV_ACCEPTED;
    if (status == 401)
        return CLIENT_EV_UNKNOWN;
    return status >= 500 || json_is_true(json_object_get(answer, "retriable")) ? CLIENT_EV_LATER
                                                                               : CLIENT_EV_REFUSED;
}

static void on_login(void *arg, struct fetch *fetch, long status, const char *body)
{
    struct agent *agent = arg;
    json_t *answer = json_loads(body, 0, NULL);
    enum client_event_kind event = answer_event(status, answer);

    (void)fetch;
    agent->request = NULL;
    if (event == CLIENT_EV_UNKNOWN)
        event = CLIENT_EV_REFUSED;
    if (event == CLIENT_EV_ACCEPTED) {
        snprintf(agent->token, sizeof(agent->token), "%s", agent_string(answer, "token"));
        snprintf(agent->shown, sizeof(agent->shown), "%s", agent_string(answer, "state"));
        agent_say(agent, "LOGGED_IN",
                  json_pack("{s:s, s:s, s:s, s:s, s:s}", "site_name", agent_string(answer, "site"),
                            "host", agent_string(answer, "host"), "state", agent->shown, "dn",
                            agent_string(answer, "dn"), "text", agent_string(answer, "text")));
    } else if (event != CLIENT_EV_NO_ANSWER) {
        agent_say(agent, "LOGIN_REFUSED",
                  json_pack("{s:i, s:b, s:s}", "status", (int)status, "retriable",
                            event == CLIENT_EV_LATER, "text", agent_string(answer, "error")));
    }
    json_decref(answer);
    agent_step(agent, event, false);
}

void agent_on_logout(void *arg, struct fetch *fetch, long status, const char *body)
{
    struct agent *agent = arg;
    json_t *answer = json_loads(body, 0, NULL);
    enum client_event_kind event = answer_event(status, answer);

    (void)fetch;
    agent->request = NULL;
    json_decref(answer);
    if (event == CLIENT_EV_ACCEPTED)
        agent_say(agent, "LOGGED_OUT", json_pack("{s:s}", "text", "asked for"));
    agent_step(agent, event, false);
}

static void on_changed(void *arg, struct fetch *fetch, long status, const char *body)
{
    struct agent *agent = arg;
    json_t *answer = json_loads(body, 0, NULL);
    enum client_event_kind event = answer_event(status, answer);

    (void)fetch;
    agent->change = NULL;
    if (event != CLIENT_EV_ACCEPTED)
        agent_say(
            agent, "STATE_REFUSED",
            json_pack("{s:i, s:s}", "status", (int)status, "text", agent_string(answer, "error")));
    json_decref(answer);
    if (event == CLIENT_EV_UNKNOWN)
        agent_step(agent, event, false);
}

/* ---- requests ---- */

static struct fetch *post_to(struct agent *agent, const char *path, json_t *document,
                             fetch_done_fn *done, void *arg)
{
    char target[URL_SIZE + 32];
    char *text = json_dumps(document, JSON_COMPACT);
    struct fetch *fetch;

    json_decref(document);
    if (text == NULL)
        abort();
    snprintf(target, sizeof(target), "%s%s", agent_url(agent), path);
    fetch = fetch_post(agent->all->fetcher, target, text, done, arg);
    free(text);
    return fetch;
}

struct fetch *agent_post(struct agent *agent, const char *path, json_t *document,
                         fetch_done_fn *done)
{
    return post_to(agent, path, document, done, agent);
}

void agent_send_login(struct agent *agent)
{
    agent->request = agent_post(agent, "/api/login",
                                json_pack("{s:s, s:s, s:s, s:s, s:s}", "agent", agent->user->id,
                                          "password", agent->user->password, "dn", agent->user->dn,
                                          "state", agent->ready ? "ready" : "not_ready", "reason",
                                          agent->ready ? "" : agent->reason),
                                on_login);
}

void agent_open_stream(struct agent *agent)
{
    char target[URL_SIZE + 128];

    snprintf(target, sizeof(target), "%s/api/events?token=%s", agent_url(agent), agent->token);
    agent->stream =
        fetch_stream(agent->all->fetcher, target, agent_on_line, agent_on_stream_over, agent);
}

void agent_close_all(struct agent *agent)
{
    fetch_cancel(&agent->request);
    fetch_cancel(&agent->change);
    fetch_cancel(&agent->stream);
    forget_operations(agent);
}

void agent_send_state(struct agent *agent)
{
    if (agent->client.state != CLIENT_CONNECTED)
        return; /* the next login brings it */
    fetch_cancel(&agent->change);
    agent->change = agent_post(agent, "/api/state",
                               json_pack("{s:s, s:s, s:s}", "token", agent->token, "state",
                                         agent->ready ? "ready" : "not_ready", "reason",
                                         agent->ready ? "" : agent->reason),
                               on_changed);
}

/* An operation on calls, until it is answered. */
struct operation {
    struct agent *agent;
    struct fetch *fetch;
    struct operation *next;
    char name[32];
};

static void on_operated(void *arg, struct fetch *fetch, long status, const char *body)
{
    struct operation *done = arg, **place = &done->agent->operations;
    json_t *answer = json_loads(body, 0, NULL);
    json_t *data = json_object_get(answer, "data");

    (void)fetch;
    while (*place != done)
        place = &(*place)->next;
    *place = done->next;
    agent_say(done->agent, status == 200 ? "OPERATED" : "OPERATION_REFUSED",
              json_pack("{s:s, s:i, s:b, s:s, s:s, s:o}", "op", done->name, "status", (int)status,
                        "retriable", json_is_true(json_object_get(answer, "retriable")), "call",
                        agent_string(answer, "call"), "text",
                        agent_string(answer, status == 200 ? "text" : "error"), "data",
                        data != NULL ? json_incref(data) : json_object()));
    json_decref(answer);
    free(done);
}

static void forget_operations(struct agent *agent)
{
    while (agent->operations != NULL) {
        struct operation *next = agent->operations->next;

        fetch_cancel(&agent->operations->fetch);
        free(agent->operations);
        agent->operations = next;
    }
}

void agent_operate(struct agent *agent, const char *name, json_t *document)
{
    struct operation *operation = calloc(1, sizeof(*operation));

    if (operation == NULL)
        abort();
    operation->agent = agent;
    operation->next = agent->operations;
    snprintf(operation->name, sizeof(operation->name), "%s", name);
    agent->operations = operation;
    json_object_set_new(document, "token", json_string(agent->token));
    json_object_set_new(document, "op", json_string(name));
    operation->fetch = post_to(agent, "/api/call", document, on_operated, operation);
}
