/* The event stream of a desktop without a screen. */
#include "desktop/adapt/agent_inner.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "desktop/core/client.h"

static void take_call(struct agent *agent, const json_t *call)
{
    char shown[sizeof(agent->shown_call)];

    snprintf(shown, sizeof(shown), "%s %s", agent_string(call, "phase"), agent_string(call, "id"));
    if (strcmp(shown, agent->shown_call) == 0)
        return;
    strcpy(agent->shown_call, shown);
    agent_say(agent, "CALL",
              json_pack("{s:s, s:s, s:s, s:s}", "phase",
                        json_is_object(call) ? agent_string(call, "phase") : "none", "call",
                        agent_string(call, "id"), "caller", agent_string(call, "caller"), "queue",
                        agent_string(call, "queue")));
}

/* take_state - Ready and NotReady are kept: with them the agent logs in the next time. */
static void take_state(struct agent *agent, const json_t *data)
{
    const char *state = agent_string(data, "state");

    if (strcmp(state, "ready") == 0)
        agent->ready = true;
    if (strcmp(state, "not_ready") == 0) {
        agent->ready = false;
        snprintf(agent->reason, sizeof(agent->reason), "%s", agent_string(data, "reason"));
    }
    if (strcmp(state, agent->shown) != 0) {
        snprintf(agent->shown, sizeof(agent->shown), "%s", state);
        agent_say(agent, "STATE",
                  json_pack("{s:s, s:s, s:s}", "state", state, "reason",
                            agent_string(data, "reason"), "dn", agent_string(data, "dn")));
    }
    take_call(agent, json_object_get(data, "call"));
}

/* take_call_event - D-2: what happened to a call, in order. */
static void take_call_event(const struct agent *agent, const json_t *data)
{
    agent_say(agent, "CALL_EVENT",
              json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "what", agent_string(data, "event"),
                        "call", agent_string(data, "call"), "caller", agent_string(data, "caller"),
                        "called", agent_string(data, "called"), "queue",
                        agent_string(data, "queue"), "data", json_object_get(data, "data")));
}

static void take_event(struct agent *agent, const char *text)
{
    json_t *data = json_loads(text, 0, NULL);

    if (strcmp(agent->event, "call") == 0)
        take_call_event(agent, data);

    if (strcmp(agent->event, "agent") == 0)
        take_state(agent, data);
    if (strcmp(agent->event, "ended") == 0) {
        bool again = json_is_true(json_object_get(data, "again"));

        agent_say(agent, "SESSION_ENDED",
                  json_pack("{s:b, s:s}", "again", again, "text", agent_string(data, "text")));
        json_decref(data);
        agent_step(agent, CLIENT_EV_ENDED, again);
        return;
    }
    json_decref(data);
    agent_step(agent, CLIENT_EV_BEAT, false);
}

void agent_on_line(void *arg, struct fetch *fetch, const char *line)
{
    struct agent *agent = arg;

    (void)fetch;
    if (strncmp(line, "event: ", 7) == 0)
        snprintf(agent->event, sizeof(agent->event), "%s", line + 7);
    else if (strncmp(line, "data: ", 6) == 0)
        take_event(agent, line + 6);
}

void agent_on_stream_over(void *arg, struct fetch *fetch, long status, const char *body)
{
    struct agent *agent = arg;

    (void)fetch;
    (void)body;
    agent->stream = NULL;
    agent_step(agent, status == 401 ? CLIENT_EV_UNKNOWN : CLIENT_EV_CUT, false);
}
