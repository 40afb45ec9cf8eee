/* Desktops without a screen: the program, and the side of its core (client.h). */
#include "desktop/adapt/agent_inner.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/loop.h"
#include "desktop/adapt/agent.h"
#include "desktop/adapt/agent_options.h"
#include "desktop/adapt/fetch.h"
#include "desktop/core/client.h"

/* ---- lines ---- */

const char *agent_url(const struct agent *agent)
{
    return agent->all->options.sites[agent->client.site];
}

void agent_say(const struct agent *agent, const char *event, json_t *more)
{
    json_t *line = json_pack(
        "{s:I, s:s, s:s, s:i, s:s}", "mono_us", (json_int_t)(loop_now_exact().ns / 1000), "agent",
        agent->user->id, "event", event, "site", (int)agent->client.site, "url", agent_url(agent));
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

const char *agent_string(const json_t *document, const char *name)
{
    const char *value = json_string_value(json_object_get(document, name));

    return value != NULL ? value : "";
}

/* ---- the core ---- */

static void finish(struct agent *agent)
{
    struct agents *all = agent->all;
    bool refused = false;

    agent->done = true;
    agent_say(agent, "DONE", NULL);
    for (unsigned i = 0; i < all->options.user_count; i++) {
        if (!all->list[i].done)
            return;
        refused = refused || all->list[i].client.refused;
    }
    loop_exit(all->loop, refused ? 1 : 0);
}

static void note(struct agent *agent, const struct client_action *action)
{
    agent_say(agent, "CLIENT",
              json_pack("{s:s, s:s, s:s}", "from", client_state_name(action->from), "to",
                        client_state_name(action->to), "text", action->why));
}

static void perform(struct agent *agent, const struct client_action *action)
{
    switch (action->kind) {
    case CLIENT_ACT_LOGIN: agent_send_login(agent); break;
    case CLIENT_ACT_OPEN: agent_open_stream(agent); break;
    case CLIENT_ACT_CLOSE: agent_close_all(agent); break;
    case CLIENT_ACT_LOGOUT:
        fetch_cancel(&agent->change);
        agent->request = agent_post(agent, "/api/logout", json_pack("{s:s}", "token", agent->token),
                                    agent_on_logout);
        break;
    case CLIENT_ACT_DONE: finish(agent); break;
    case CLIENT_NOTE: note(agent, action); break;
    }
}

void agent_step(struct agent *agent, enum client_event_kind event, bool again)
{
    struct client_out out;
    uint32_t moves = agent->client.moves;

    client_step(&agent->client, loop_now(agent->all->loop), event, again, &out);
    loop_timer_set(agent->timer, client_deadline(&agent->client));
    if (agent->client.moves != moves)
        agent_say(agent, "SITE_LOST", json_pack("{s:s}", "text", "logging in at the next site"));
    for (uint32_t i = 0; i < out.count; i++)
        perform(agent, &out.actions[i]);
}

static void on_timer(void *arg, mono_t now)
{
    struct agent *agent = arg;

    (void)now;
    agent_step(agent, CLIENT_EV_DUE, false);
}

static void on_signal(void *arg, int number)
{
    struct agents *all = arg;

    (void)number;
    for (unsigned i = 0; i < all->options.user_count; i++)
        agent_step(&all->list[i], CLIENT_EV_STOP, false);
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
        (void)loop_io_new(all->loop, STDIN_FILENO, EPOLLIN, LOOP_STATISTICS, agent_on_input, all,
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
