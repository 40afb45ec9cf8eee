/* site - a site of the world: its steps, its role, its configuration. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/calls/world.h"

#define STEPS_MAX 10000
#define WALL_MS   INT64_C(1800000000000)

static void take_out(struct world *w, struct site *s)
{
    struct sc_out *out = &w->out;

    if (!s->host.primary && out->sip.n > 0)
        violate(w, "site %u: a host without the role sends %u datagrams", s->conf.site, out->sip.n);
    for (unsigned i = 0; i < out->n; i++)
        check_action(w, s, &out->actions[i]);
    out->n = 0;
    world_send(w, &out->sip, s, NULL);
}

void site_step(struct world *w, struct site *s, const struct sc_event *event)
{
    unsigned steps = 0;
    bool done;

    do {
        uint64_t refused = w->out.sip.refused;

        done = sc_step(s->host.sc, w->now, event, &w->out);
        if (w->out.sip.refused != refused)
            violate(w, "site %u: one step sent more than limits.h says", s->conf.site);
        take_out(w, s);
        check_site(w, s);
        if (++steps > STEPS_MAX)
            violate(w, "site %u: a step never ends", s->conf.site);
    } while (!done && w->violation[0] == '\0');
}

void site_tick(struct world *w, struct site *s)
{
    struct sc_event e = {.kind = SC_EV_TICK};

    site_step(w, s, &e);
}

void site_role(struct world *w, struct site *s, bool primary)
{
    struct sc_event e = {
        .kind = SC_EV_ROLE, .primary = primary, .wall_ms = WALL_MS + w->now.ns / MONO_NS_PER_MS};

    if (primary) {
        s->host.epoch++;
    } else {
        site_tick(w, s); /* what is due before the role ends may still be said */
        check_forgotten(w, s);
        s->host.life++;
        w->tally[T_ROLES]++;
    }
    e.epoch = s->host.epoch;
    s->host.primary = primary;
    trace_event(w, "site", primary ? "primary" : "backup", s->conf.site == 1 ? "1" : "2");
    site_step(w, s, &e);
}

static void put_dn(struct world *w, struct site *s, const struct sc_dn_conf *dn)
{
    struct sc_event e = {.kind = SC_EV_CONF_DN, .dn = dn};

    site_step(w, s, &e);
}

static void put_extension(struct world *w, struct site *s, const char *number)
{
    struct sc_dn_conf dn = {.type = SC_DN_EXTENSION, .dr_forward = SC_FORWARD_OOS};
    struct digest_ops ops = digest_openssl_ops(w->digest);

    snprintf(dn.number, sizeof(dn.number), "%s", number);
    snprintf(dn.digest_user, sizeof(dn.digest_user), "%s", number);
    sip_digest_ha1(&ops, sip_str_of(number), sip_str_of(s->options.realm), SIP_STR("pw"), &dn.ha1);
    put_dn(w, s, &dn);
}

static void put_trunk(struct world *w, struct site *s, const char *name, const char *ip,
                      const char *prefix, bool follows)
{
    struct sc_dn_conf dn = {.type = SC_DN_TRUNK, .follows_redirect = follows};

    snprintf(dn.number, sizeof(dn.number), "%s", name);
    snprintf(dn.contact, sizeof(dn.contact), "sip:%s%s", ip,
             w->plan.tcp_trunk ? ";transport=tcp" : "");
    if (prefix != NULL) {
        snprintf(dn.prefixes[0], sizeof(dn.prefixes[0]), "%s", prefix);
        dn.prefixes_n = 1;
        dn.recovery_timeout_ms = s->conf.site == 1 ? 3000 : 0;
    }
    put_dn(w, s, &dn);
}

/* A media server at the port of a caller: as hostile as anybody. */
static void put_service(struct world *w, struct site *s, const char *name, unsigned port)
{
    struct sc_dn_conf dn = {.type = SC_DN_SERVICE};

    snprintf(dn.number, sizeof(dn.number), "%s", name);
    snprintf(dn.contact, sizeof(dn.contact), "sip:music@10.0.1.%u:%u%s", s->conf.site, port,
             w->plan.tcp_trunk ? ";transport=tcp" : "");
    put_dn(w, s, &dn);
}

static void put_others(struct world *w, struct site *s)
{
    unsigned here = s->conf.site - 1;
    struct sc_dn_conf dn = {.type = SC_DN_QUEUE, .dr_forward = SC_FORWARD_NO_AGENT};

    put_service(w, s, "tone", 5060 + CALLERS - 1);
    put_service(w, s, "spare", 5060 + CALLERS - 2);
    snprintf(dn.number, sizeof(dn.number), "5000");
    dn.queue_size_max = s->queue_size;
    dn.queue_wait_max_ms = s->queue_wait_ms;
    dn.call_priority = s->priority;
    dn.distribution = s->distribution;
    dn.wrap_up_ms = w->plan.slow ? 0 : 1500;
    if (s->music) {
        dn.music_n = 2;
        snprintf(dn.music[0], sizeof(dn.music[0]), "tone");
        snprintf(dn.music[1], sizeof(dn.music[1]), "spare");
    }
    if (s->overflow) {
        snprintf(dn.overflow_full, sizeof(dn.overflow_full), "5001");
        snprintf(dn.overflow_wait, sizeof(dn.overflow_wait), "%u01", 1 + here);
    }
    put_dn(w, s, &dn);
    snprintf(dn.number, sizeof(dn.number), "5001");
    dn.dr_forward = SC_FORWARD_OFF;
    dn.distribution = SC_RING_ALL;
    dn.call_priority = 0;
    dn.queue_size_max = 0;
    dn.overflow_full[0] = '\0';
    if (s->overflow) {
        snprintf(dn.overflow_wait, sizeof(dn.overflow_wait), "5000");
        snprintf(dn.overflow_no_agent, sizeof(dn.overflow_no_agent), "5000");
    }
    if (!s->without[1])
        put_dn(w, s, &dn);
    dn = (struct sc_dn_conf){.type = SC_DN_ROUTING_POINT, .number = "6000", .targets_n = 3};
    for (unsigned i = 0; i < 2; i++)
        snprintf(dn.targets[i], sizeof(dn.targets[i]), "%u01", 1 + (here + i) % SITES);
    snprintf(dn.targets[2], sizeof(dn.targets[2]), "5000");
    put_dn(w, s, &dn);
    for (unsigned i = 0; i < SITES; i++) {
        char name[8], ip[16];

        snprintf(name, sizeof(name), "gw%u", i);
        snprintf(ip, sizeof(ip), "10.0.1.%u", 1 + i);
        if (i != here || !s->without[3])
            put_trunk(w, s, name, ip, i == here ? "9" : "8", i == 0);
    }
    put_trunk(w, s, "peer", here == 0 ? "10.0.0.2" : "10.0.0.1", NULL, false);
    put_trunk(w, s, "peer2", here == 0 ? "10.0.0.2" : "10.0.0.1", NULL, false);
}

void site_configure(struct world *w, struct site *s)
{
    struct sc_event begin = {.kind = SC_EV_CONF_BEGIN}, loaded = {.kind = SC_EV_CONF_LOADED};

    site_step(w, s, &begin);
    site_options(w, s);
    for (unsigned i = 0; i < PARTIES; i++)
        if (!w->party[i].gateway && !(s->without[0] && i % (PHONES + CALLERS) == PHONES - 1))
            put_extension(w, s, w->party[i].number);
    put_others(w, s);
    for (unsigned i = 0; i < AGENTS; i++) {
        struct sc_agent_conf a = {.queues_n = i % 2 == 0 ? 2 : 1};
        struct sc_event e = {.kind = SC_EV_CONF_AGENT, .agent_conf = &a};

        if (s->without[2] && i % PHONES == 1)
            continue;
        snprintf(a.id, sizeof(a.id), "a%u", i + 1);
        snprintf(a.dn, sizeof(a.dn), "%u%02u", 1 + i / PHONES, 1 + i % PHONES);
        snprintf(a.queues[0], sizeof(a.queues[0]), "5000");
        snprintf(a.queues[1], sizeof(a.queues[1]), "5001");
        site_step(w, s, &e);
    }
    site_step(w, s, &loaded);
}

void site_options(struct world *w, struct site *s)
{
    struct sc_event e = {.kind = SC_EV_CONF_OPTIONS, .options = &s->options};

    site_step(w, s, &e);
}

int site_agent(struct world *w, struct site *s, enum sc_agent_op op, const char *agent,
               enum sc_agent_state state)
{
    struct sc_agent_request r = {.request_id = 1, .client = 1, .op = op, .state = state};
    struct sc_event e = {.kind = SC_EV_AGENT_REQUEST, .agent = &r};

    if (!s->host.primary)
        return -1; /* the bus brings it to the primary only */
    snprintf(r.agent, sizeof(r.agent), "%s", agent);
    site_step(w, s, &e);
    return 0;
}

void site_new(struct world *w, struct site *s, unsigned index)
{
    char ip[16];

    snprintf(ip, sizeof(ip), "10.0.0.%u", 1 + index);
    s->addr = world_address(ip, 5060, SIP_UDP);
    s->conf.maxima = (struct sc_maxima){
        .calls = 20, .registrations = 24, .transactions = 160, .agents = 12, .dns = 24};
    s->conf.t1_ms = w->plan.t1_ms;
    s->conf.site = 1 + index;
    s->conf.local = s->addr;
    s->conf.digest = digest_openssl_ops(w->digest);
    memset(s->conf.secret, (int)(7 + index), sizeof(s->conf.secret));
    memset(s->conf.peer_secret, 9, sizeof(s->conf.peer_secret));
    s->host.memory = calloc(1, sc_size(&s->conf));
    assert(s->host.memory);
    s->host.sc = sc_init(s->host.memory, &s->conf, w->seed * SITES + index, w->now);
}
