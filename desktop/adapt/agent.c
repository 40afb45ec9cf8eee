#include "desktop/adapt/agent.h"

#include "common/loop.h"
#include "desktop/adapt/agent_options.h"
#include "desktop/adapt/fetch.h"
#include "desktop/core/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

/* One agent's desktop. */
struct agent {
    struct agents *all;
    const struct agent_user *user;
    struct client client;
    struct loop_timer *timer;
    struct fetch *request; /* login or logout */
    struct fetch *change;  /* of the state */
    struct fetch *stream;
    struct operation *operations; /* on calls, not yet answered */
    char token[80];
    char event[32]; /* name of the server-sent event whose data comes next */
    bool ready;     /* the last state: the one to log in with */
    char reason[CLIENT_TEXT_SIZE];
    char shown[32]; /* the state last told, so that only changes are printed */
    char shown_call[80];
    bool done;
};

static void forget_operations(struct agent *agent);

struct agents {
    struct loop *loop;
    struct fetcher *fetcher;
    struct agent_options options;
    struct agent *list;
    struct loop_io *input;
    char command[512];
    size_t command_used;
};

static void step(struct agent *agent, enum client_event_kind event, bool again);

/* ---- lines ---- */

static const char *url(const struct agent *agent)
{
    return agent->all->options.sites[agent->client.site];
}

/* say - one line; MORE (its reference is taken over) adds members to it. */
static void say(const struct agent *agent, const char *event, json_t *more)
{
    json_t *line = json_pack("{s:I, s:s, s:s, s:i, s:s}", "mono_us",
                             (json_int_t)(loop_now_exact().ns / 1000), "agent", agent->user->id,
                             "event", event, "site", (int)agent->client.site, "url", url(agent));
    char *text;

    if (more != NULL)
        json_object_update(line, more);
    json_decref(more);
    text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (text == NULL)
        abort(); /* out of memory */
    fprintf(agent->all->options.out, "%s\n", text);
    fflush(agent->all->options.out);
    free(text);
}

static const char *string(const json_t *document, const char *name)
{
    const char *value = json_string_value(json_object_get(document, name));

    return value != NULL ? value : "";
}

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
        snprintf(agent->token, sizeof(agent->token), "%s", string(answer, "token"));
        snprintf(agent->shown, sizeof(agent->shown), "%s", string(answer, "state"));
        say(agent, "LOGGED_IN",
            json_pack("{s:s, s:s, s:s, s:s, s:s}", "site_name", string(answer, "site"), "host",
                      string(answer, "host"), "state", agent->shown, "dn", string(answer, "dn"),
                      "text", string(answer, "text")));
    } else if (event != CLIENT_EV_NO_ANSWER) {
        say(agent, "LOGIN_REFUSED",
            json_pack("{s:i, s:b, s:s}", "status", (int)status, "retriable",
                      event == CLIENT_EV_LATER, "text", string(answer, "error")));
    }
    json_decref(answer);
    step(agent, event, false);
}

static void on_logout(void *arg, struct fetch *fetch, long status, const char *body)
{
    struct agent *agent = arg;
    json_t *answer = json_loads(body, 0, NULL);
    enum client_event_kind event = answer_event(status, answer);

    (void)fetch;
    agent->request = NULL;
    json_decref(answer);
    if (event == CLIENT_EV_ACCEPTED)
        say(agent, "LOGGED_OUT", json_pack("{s:s}", "text", "asked for"));
    step(agent, event, false);
}

static void on_changed(void *arg, struct fetch *fetch, long status, const char *body)
{
    struct agent *agent = arg;
    json_t *answer = json_loads(body, 0, NULL);
    enum client_event_kind event = answer_event(status, answer);

    (void)fetch;
    agent->change = NULL;
    if (event != CLIENT_EV_ACCEPTED)
        say(agent, "STATE_REFUSED",
            json_pack("{s:i, s:s}", "status", (int)status, "text", string(answer, "error")));
    json_decref(answer);
    if (event == CLIENT_EV_UNKNOWN)
        step(agent, event, false);
}

/* ---- the event stream ---- */

static void take_call(struct agent *agent, const json_t *call)
{
    char shown[sizeof(agent->shown_call)];

    snprintf(shown, sizeof(shown), "%s %s", string(call, "phase"), string(call, "id"));
    if (strcmp(shown, agent->shown_call) == 0)
        return;
    strcpy(agent->shown_call, shown);
    say(agent, "CALL",
        json_pack("{s:s, s:s, s:s, s:s}", "phase",
                  json_is_object(call) ? string(call, "phase") : "none", "call", string(call, "id"),
                  "caller", string(call, "caller"), "queue", string(call, "queue")));
}

/* take_state - Ready and NotReady are kept: with them the agent logs in the next time. */
static void take_state(struct agent *agent, const json_t *data)
{
    const char *state = string(data, "state");

    if (strcmp(state, "ready") == 0)
        agent->ready = true;
    if (strcmp(state, "not_ready") == 0) {
        agent->ready = false;
        snprintf(agent->reason, sizeof(agent->reason), "%s", string(data, "reason"));
    }
    if (strcmp(state, agent->shown) != 0) {
        snprintf(agent->shown, sizeof(agent->shown), "%s", state);
        say(agent, "STATE",
            json_pack("{s:s, s:s, s:s}", "state", state, "reason", string(data, "reason"), "dn",
                      string(data, "dn")));
    }
    take_call(agent, json_object_get(data, "call"));
}

/* take_call_event - D-2: what happened to a call, in order. */
static void take_call_event(const struct agent *agent, const json_t *data)
{
    say(agent, "CALL_EVENT",
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "what", string(data, "event"), "call",
                  string(data, "call"), "caller", string(data, "caller"), "called",
                  string(data, "called"), "queue", string(data, "queue"), "data",
                  json_object_get(data, "data")));
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

        say(agent, "SESSION_ENDED",
            json_pack("{s:b, s:s}", "again", again, "text", string(data, "text")));
        json_decref(data);
        step(agent, CLIENT_EV_ENDED, again);
        return;
    }
    json_decref(data);
    step(agent, CLIENT_EV_BEAT, false);
}

static void on_line(void *arg, struct fetch *fetch, const char *line)
{
    struct agent *agent = arg;

    (void)fetch;
    if (strncmp(line, "event: ", 7) == 0)
        snprintf(agent->event, sizeof(agent->event), "%s", line + 7);
    else if (strncmp(line, "data: ", 6) == 0)
        take_event(agent, line + 6);
}

static void on_stream_over(void *arg, struct fetch *fetch, long status, const char *body)
{
    struct agent *agent = arg;

    (void)fetch;
    (void)body;
    agent->stream = NULL;
    step(agent, status == 401 ? CLIENT_EV_UNKNOWN : CLIENT_EV_CUT, false);
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
    snprintf(target, sizeof(target), "%s%s", url(agent), path);
    fetch = fetch_post(agent->all->fetcher, target, text, done, arg);
    free(text);
    return fetch;
}

static struct fetch *post(struct agent *agent, const char *path, json_t *document,
                          fetch_done_fn *done)
{
    return post_to(agent, path, document, done, agent);
}

static void send_login(struct agent *agent)
{
    agent->request = post(agent, "/api/login",
                          json_pack("{s:s, s:s, s:s, s:s, s:s}", "agent", agent->user->id,
                                    "password", agent->user->password, "dn", agent->user->dn,
                                    "state", agent->ready ? "ready" : "not_ready", "reason",
                                    agent->ready ? "" : agent->reason),
                          on_login);
}

static void open_stream(struct agent *agent)
{
    char target[URL_SIZE + 128];

    snprintf(target, sizeof(target), "%s/api/events?token=%s", url(agent), agent->token);
    agent->stream = fetch_stream(agent->all->fetcher, target, on_line, on_stream_over, agent);
}

static void close_all(struct agent *agent)
{
    fetch_cancel(&agent->request);
    fetch_cancel(&agent->change);
    fetch_cancel(&agent->stream);
    forget_operations(agent);
}

static void send_state(struct agent *agent)
{
    if (agent->client.state != CLIENT_CONNECTED)
        return; /* the next login brings it */
    fetch_cancel(&agent->change);
    agent->change = post(agent, "/api/state",
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
    say(done->agent, status == 200 ? "OPERATED" : "OPERATION_REFUSED",
        json_pack("{s:s, s:i, s:b, s:s, s:s, s:o}", "op", done->name, "status", (int)status,
                  "retriable", json_is_true(json_object_get(answer, "retriable")), "call",
                  string(answer, "call"), "text", string(answer, status == 200 ? "text" : "error"),
                  "data", data != NULL ? json_incref(data) : json_object()));
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

/* operate - "dial NUMBER K=V ...", "hold [call=ID]" and so on; DOCUMENT is what the words say. */
static void operate(struct agent *agent, const char *name, json_t *document)
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

static void finish(struct agent *agent)
{
    struct agents *all = agent->all;
    bool refused = false;

    agent->done = true;
    say(agent, "DONE", NULL);
    for (unsigned i = 0; i < all->options.user_count; i++) {
        if (!all->list[i].done)
            return;
        refused = refused || all->list[i].client.refused;
    }
    loop_exit(all->loop, refused ? 1 : 0);
}

/* ---- the core ---- */

static void note(struct agent *agent, const struct client_action *action)
{
    say(agent, "CLIENT",
        json_pack("{s:s, s:s, s:s}", "from", client_state_name(action->from), "to",
                  client_state_name(action->to), "text", action->why));
}

static void perform(struct agent *agent, const struct client_action *action)
{
    switch (action->kind) {
    case CLIENT_ACT_LOGIN: send_login(agent); break;
    case CLIENT_ACT_OPEN: open_stream(agent); break;
    case CLIENT_ACT_CLOSE: close_all(agent); break;
    case CLIENT_ACT_LOGOUT:
        fetch_cancel(&agent->change);
        agent->request =
            post(agent, "/api/logout", json_pack("{s:s}", "token", agent->token), on_logout);
        break;
    case CLIENT_ACT_DONE: finish(agent); break;
    case CLIENT_NOTE: note(agent, action); break;
    }
}

static void step(struct agent *agent, enum client_event_kind event, bool again)
{
    struct client_out out;
    uint32_t moves = agent->client.moves;

    client_step(&agent->client, loop_now(agent->all->loop), event, again, &out);
    loop_timer_set(agent->timer, client_deadline(&agent->client));
    if (agent->client.moves != moves)
        say(agent, "SITE_LOST", json_pack("{s:s}", "text", "logging in at the next site"));
    for (uint32_t i = 0; i < out.count; i++)
        perform(agent, &out.actions[i]);
}

static void on_timer(void *arg, mono_t now)
{
    struct agent *agent = arg;

    (void)now;
    step(agent, CLIENT_EV_DUE, false);
}

/* ---- commands ---- */

/* operation_words - the first word is the operation; then a number where it takes one, "call=ID",
 * and pairs of data, "key=value", "key=" to remove it.  False: the first word is no operation. */
static bool operation_words(struct agent *agent, const char *text)
{
    static const char *const names[] = {"dial",      "answer",   "release",  "hold",
                                        "retrieve",  "transfer", "consult",  "complete",
                                        "alternate", "return",   "set-data", "data"};
    char words[sizeof(agent->all->command)], *rest, *word, *equals;
    json_t *document, *data;
    const char *name = NULL;

    snprintf(words, sizeof(words), "%s", text);
    word = strtok_r(words, " ", &rest);
    for (size_t i = 0; word != NULL && i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], word) == 0)
            name = names[i];
    if (name == NULL)
        return false;
    document = json_object();
    data = json_object();
    while ((word = strtok_r(NULL, " ", &rest)) != NULL) {
        equals = strchr(word, '=');
        if (equals != NULL)
            *equals = '\0';
        if (equals == NULL)
            json_object_set_new(document, "number", json_string(word));
        else if (strcmp(word, "call") == 0)
            json_object_set_new(document, "call", json_string(equals + 1));
        else
            json_object_set_new(data, word, json_string(equals + 1));
    }
    json_object_set_new(document, "data", data);
    operate(agent, name, document);
    return true;
}

static void command(struct agent *agent, const char *text)
{
    if (operation_words(agent, text))
        return;
    if (strcmp(text, "ready") == 0) {
        agent->ready = true;
        send_state(agent);
    } else if (strncmp(text, "notready", 8) == 0 && (text[8] == ' ' || text[8] == '\0')) {
        agent->ready = false;
        snprintf(agent->reason, sizeof(agent->reason), "%s", text[8] == ' ' ? text + 9 : "");
        send_state(agent);
    } else if (strcmp(text, "logout") == 0) {
        step(agent, CLIENT_EV_STOP, false);
    } else if (text[0] != '\0') {
        fprintf(stderr,
                "desktop agent: '%s': write [ID:] ready, notready REASON, logout, or dial NUMBER, "
                "answer, release, hold, retrieve, transfer NUMBER, consult NUMBER, complete, "
                "alternate, return, set-data KEY=VALUE, data\n",
                text);
    }
}

/* command_line - "ID: what" is for one agent, "what" for all. */
static void command_line(struct agents *all, char *line)
{
    char *colon = strstr(line, ": ");

    if (colon != NULL)
        *colon = '\0';
    for (unsigned i = 0; i < all->options.user_count; i++)
        if (colon == NULL || strcmp(all->list[i].user->id, line) == 0)
            command(&all->list[i], colon == NULL ? line : colon + 2);
}

static void on_input(void *arg, uint32_t events)
{
    struct agents *all = arg;
    char *end;
    ssize_t count = read(STDIN_FILENO, all->command + all->command_used,
                         sizeof(all->command) - 1 - all->command_used);

    (void)events;
    if (count <= 0) {
        if (count == 0 || errno != EAGAIN)
            loop_io_destroy(&all->input); /* no more commands; the agents go on */
        return;
    }
    all->command_used += (size_t)count;
    all->command[all->command_used] = '\0';
    while ((end = strchr(all->command, '\n')) != NULL) {
        *end = '\0';
        command_line(all, all->command);
        all->command_used -= (size_t)(end + 1 - all->command);
        memmove(all->command, end + 1, all->command_used + 1);
    }
    if (all->command_used == sizeof(all->command) - 1)
        all->command_used = 0; /* a line too long to be a command */
}

static void on_signal(void *arg, int number)
{
    struct agents *all = arg;

    (void)number;
    for (unsigned i = 0; i < all->options.user_count; i++)
        step(&all->list[i], CLIENT_EV_STOP, false);
}

/* ---- start and end ---- */

static int start_agent(struct agents *all, unsigned index)
{
    struct agent *agent = &all->list[index];
    uint64_t seed = 0;
    int result;

    agent->all = all;
    agent->user = &all->options.users[index];
    agent->ready = !all->options.not_ready;
    strcpy(agent->reason, all->options.reason);
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        return -EIO;
    client_init(&agent->client, &all->options.conf, seed, loop_now(all->loop));
    result = loop_timer_new(all->loop, LOOP_SIP, on_timer, agent, &agent->timer);
    if (result == 0)
        loop_timer_set(agent->timer, client_deadline(&agent->client));
    return result;
}

static int start(struct agents *all)
{
    int result = loop_new(&all->loop);

    if (result == 0)
        result = fetcher_new(all->loop, &all->fetcher);
    if (result == 0)
        result = loop_signal(all->loop, SIGTERM, on_signal, all);
    if (result == 0)
        result = loop_signal(all->loop, SIGINT, on_signal, all);
    all->list = calloc(all->options.user_count, sizeof(*all->list));
    if (all->list == NULL)
        return -ENOMEM;
    for (unsigned i = 0; result == 0 && i < all->options.user_count; i++)
        result = start_agent(all, i);
    if (result == 0) /* a plain file as stdin cannot be watched: then there are no commands */
        (void)loop_io_new(all->loop, STDIN_FILENO, EPOLLIN, LOOP_STATISTICS, on_input, all,
                          &all->input);
    return result;
}

static void end(struct agents *all)
{
    loop_io_destroy(&all->input);
    for (unsigned i = 0; all->list != NULL && i < all->options.user_count; i++)
        loop_timer_destroy(&all->list[i].timer);
    fetcher_destroy(&all->fetcher);
    loop_destroy(&all->loop);
    free(all->list);
    agent_options_free(&all->options);
}

int agent_main(int argc, char **argv)
{
    struct agents all = {0};
    int result = agent_options_read(argc, argv, &all.options);

    if (result != 0)
        return result == -1 ? 0 : 2;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return 1;
    result = start(&all);
    if (result < 0)
        fprintf(stderr, "desktop agent: cannot start: %s\n", strerror(-result));
    else
        result = loop_run(all.loop);
    end(&all);
    curl_global_cleanup();
    return result < 0 ? 1 : result;
}
