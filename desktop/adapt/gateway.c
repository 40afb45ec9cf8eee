/* The gateway itself: open with the role, start and end. */
#include "desktop/adapt/gateway_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "common/http.h"
#include "common/list.h"
#include "common/log.h"
#include "confproxy/adapt/password.h"
#include "desktop/core/gate.h"
#include "desktop/core/throttle.h"

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
        result = gateway_add_routes(g);
    if (result == 0)
        result = gateway_allow_sites(g);
    if (result == 0)
        result = loop_timer_new(component->loop, LOOP_SIP, gateway_on_timer, g, &g->timer);
    if (result == 0)
        result = loop_timer_new(component->loop, LOOP_SIP, on_beat, g, &g->beat);
    if (result == 0)
        result = gateway_connect_server(g);
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
