/* site - a site of the world: its steps, its role, its configuration. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sipserver/core/replica.h"
#include "tests/sim/calls/world.h"

#define STEPS_MAX 10000

/* ---- the clocks of hosts ---- */

static int64_t drift(const struct host *h, int64_t ns)
{
    return (ns - BEGIN_MS * MS) / MS * h->drift_ppm;
}

mono_t host_now(const struct world *w, const struct host *h)
{
    return (mono_t){w->now.ns + h->clock_ns + drift(h, w->now.ns)};
}

mono_t host_due(const struct host *h, mono_t there)
{
    int64_t ns = there.ns - h->clock_ns, late;

    if (mono_is_never(there) || (h->clock_ns == 0 && h->drift_ppm == 0))
        return there;
    for (unsigned i = 0; i < 3; i++)
        ns = there.ns - h->clock_ns - drift(h, ns);
    late = there.ns - (ns + h->clock_ns + drift(h, ns));
    return (mono_t){ns + (late > 0 ? late : 0)};
}

/* ---- steps ---- */

void site_sends(struct world *w, struct site *s, struct sc_out *out)
{
    for (unsigned i = 0; i < out->n; i++)
        check_action(w, s, &out->actions[i]);
    out->n = 0;
    world_send(w, &out->sip, s, NULL);
}

static void take_out(struct world *w, struct host *h)
{
    struct sc_out *out = &w->out;

    if (!h->primary && out->sip.n > 0)
        violate(w, "site %u: a host without the role sends %u datagrams", h->site->conf.site,
                out->sip.n);
    for (unsigned i = 0; i < out->n; i++)
        check_offered(w, h->site, &out->actions[i]);
    if (h != h->site->now) { /* it follows, or serves no more: nothing leaves it */
        out->n = 0;
        sip_out_clear(&out->sip);
    } else if (h->site->pair != NULL) {
        w->pairing->stepped(w, h->site);
    } else {
        site_sends(w, h->site, out);
    }
}

void host_step(struct world *w, struct host *h, const struct sc_event *event)
{
    unsigned steps = 0;
    bool done;

    do {
        uint64_t refused = w->out.sip.refused;

        done = sc_step(h->sc, host_now(w, h), event, &w->out);
        if (w->out.sip.refused != refused)
            violate(w, "site %u: one step sent more than limits.h says", h->site->conf.site);
        take_out(w, h);
        check_host(w, h);
        if (++steps > STEPS_MAX)
            violate(w, "site %u: a step never ends", h->site->conf.site);
    } while (!done && w->violation[0] == '\0');
}

void site_step(struct world *w, struct site *s, const struct sc_event *event)
{
    if (s->now != NULL)
        host_step(w, s->now, event);
}

void site_tick(struct world *w, struct site *s)
{
    struct sc_event e = {.kind = SC_EV_TICK};

    site_step(w, s, &e);
}

/* Of a site that has one host. */
void site_role(struct world *w, struct site *s, bool primary)
{
    struct sc_event e = {
        .kind = SC_EV_ROLE, .primary = primary, .wall_ms = WALL_MS + w->now.ns / MONO_NS_PER_MS};

    if (primary) {
        s->epoch++;
    } else {
        site_tick(w, s); /* what is due before the role ends may still be said */
        check_forgotten(w, s);
        s->now->life++;
        w->tally[T_ROLES]++;
    }
    e.epoch = s->epoch;
    s->now->primary = primary;
    trace_event(w, "site", primary ? "primary" : "backup", s->conf.site == 1 ? "1" : "2");
    site_step(w, s, &e);
    if (!primary)
        sc_replica_clear(s->now->sc); /* another host is primary, and this one joins it */
}

/* ---- configuration ---- */

static void put_dn(struct world *w, struct host *h, const struct sc_dn_conf *dn)
{
    struct sc_event e = {.kind = SC_EV_CONF_DN, .dn = dn};

    host_step(w, h, &e);
}

static void put_extension(struct world *w, struct host *h, const char *number)
{
    struct sc_dn_conf dn = {.type = SC_DN_EXTENSION, .dr_forward = SC_FORWARD_OOS};
    struct digest_ops ops = digest_openssl_ops(w->digest);

    snprintf(dn.number, sizeof(dn.number), "%s", number);
    snprintf(dn.digest_user, sizeof(dn.digest_user), "%s", number);
    sip_digest_ha1(&ops, sip_str_of(number), sip_str_of(h->site->options.realm), SIP_STR("pw"),
                   &dn.ha1);
    put_dn(w, h, &dn);
}

static void put_trunk(struct world *w, struct host *h, const char *name, const char *ip,
                      const char *prefix, bool follows)
{
    struct sc_dn_conf dn = {.type = SC_DN_TRUNK, .follows_redirect = follows};

    snprintf(dn.number, sizeof(dn.number), "%s", name);
    snprintf(dn.contact, sizeof(dn.contact), "sip:%s%s", ip,
             w->plan.tcp_trunk ? ";transport=tcp" : "");
    if (prefix != NULL) {
        snprintf(dn.prefixes[0], sizeof(dn.prefixes[0]), "%s", prefix);
        dn.prefixes_n = 1;
        dn.recovery_timeout_ms = h->site->conf.site == 1 ? 3000 : 0;
    }
    put_dn(w, h, &dn);
}

/* A media server at the port of a caller: as hostile as anybody. */
static void put_service(struct world *w, struct host *h, const char *name, unsigned port)
{
    struct sc_dn_conf dn = {.type = SC_DN_SERVICE};

    snprintf(dn.number, sizeof(dn.number), "%s", name);
    snprintf(dn.contact, sizeof(dn.contact), "sip:music@10.0.1.%u:%u%s", h->site->conf.site, port,
             w->plan.tcp_trunk ? ";transport=tcp" : "");
    put_dn(w, h, &dn);
}

static void put_others(struct world *w, struct host *h)
{
    const struct site *s = h->site;
    unsigned here = s->conf.site - 1;
    struct sc_dn_conf dn = {.type = SC_DN_QUEUE, .dr_forward = SC_FORWARD_NO_AGENT};

    put_service(w, h, "tone", 5060 + CALLERS - 1);
    put_service(w, h, "spare", 5060 + CALLERS - 2);
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
    put_dn(w, h, &dn);
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
        put_dn(w, h, &dn);
    dn = (struct sc_dn_conf){.type = SC_DN_ROUTING_POINT, .number = "6000", .targets_n = 3};
    for (unsigned i = 0; i < 2; i++)
        snprintf(dn.targets[i], sizeof(dn.targets[i]), "%u01", 1 + (here + i) % SITES);
    snprintf(dn.targets[2], sizeof(dn.targets[2]), "5000");
    put_dn(w, h, &dn);
    for (unsigned i = 0; i < SITES; i++) {
        char name[8], ip[16];

        snprintf(name, sizeof(name), "gw%u", i);
        snprintf(ip, sizeof(ip), "10.0.1.%u", 1 + i);
        if (i != here || !s->without[3])
            put_trunk(w, h, name, ip, i == here ? "9" : "8", i == 0);
    }
    put_trunk(w, h, "peer", here == 0 ? "10.0.0.2" : "10.0.0.1", NULL, false);
    put_trunk(w, h, "peer2", here == 0 ? "10.0.0.2" : "10.0.0.1", NULL, false);
}

static void put_agent(struct world *w, struct host *h, unsigned i)
{
    struct sc_agent_conf a = {.queues_n = i % 2 == 0 ? 2 : 1};
    struct sc_event e = {.kind = SC_EV_CONF_AGENT, .agent_conf = &a};

    if (h->site->without[2] && i % PHONES == 1)
        return;
    snprintf(a.id, sizeof(a.id), "a%u", i + 1);
    snprintf(a.dn, sizeof(a.dn), "%u%02u", 1 + i / PHONES, 1 + i % PHONES);
    snprintf(a.queues[0], sizeof(a.queues[0]), "5000");
    snprintf(a.queues[1], sizeof(a.queues[1]), "5001");
    host_step(w, h, &e);
}

static void put_phone(struct world *w, struct host *h, unsigned i)
{
    if (!w->party[i].gateway && !(h->site->without[0] && i % (PHONES + CALLERS) == PHONES - 1))
        put_extension(w, h, w->party[i].number);
}

static void put_options(struct world *w, struct host *h)
{
    struct sc_event e = {.kind = SC_EV_CONF_OPTIONS, .options = &h->site->options};

    host_step(w, h, &e);
}

/* The second host reads it in another order, so that its tables have other places. */
void host_configure(struct world *w, struct host *h)
{
    struct sc_event begin = {.kind = SC_EV_CONF_BEGIN}, loaded = {.kind = SC_EV_CONF_LOADED};
    bool back = h->index > 0;

    host_step(w, h, &begin);
    put_options(w, h);
    if (back)
        put_others(w, h);
    for (unsigned i = 0; i < PARTIES; i++)
        put_phone(w, h, back ? PARTIES - 1 - i : i);
    if (!back)
        put_others(w, h);
    for (unsigned i = 0; i < AGENTS; i++)
        put_agent(w, h, back ? AGENTS - 1 - i : i);
    host_step(w, h, &loaded);
    h->configured = h->site->configured;
    h->late = MONO_ZERO;
}

/* The host that serves has it now, the other one within a second. */
static void configure_late(struct world *w, struct site *s)
{
    for (unsigned i = 0; i < HOSTS; i++)
        if (s->host[i].sc != NULL && &s->host[i] != s->now)
            s->host[i].late = world_soon(w, &w->troubles, 0, 1000);
}

void site_configure(struct world *w, struct site *s)
{
    s->configured++;
    if (s->now != NULL)
        host_configure(w, s->now);
    configure_late(w, s);
}

void site_options(struct world *w, struct site *s)
{
    s->configured++;
    if (s->now != NULL) {
        put_options(w, s->now);
        s->now->configured = s->configured;
    }
    configure_late(w, s);
}

int site_agent(struct world *w, struct site *s, enum sc_agent_op op, const char *agent,
               enum sc_agent_state state)
{
    struct sc_agent_request r = {.request_id = 1, .client = 1, .op = op, .state = state};
    struct sc_event e = {.kind = SC_EV_AGENT_REQUEST, .agent = &r};

    if (s->now == NULL || !s->now->primary)
        return -1; /* the bus brings it to the primary only */
    snprintf(r.agent, sizeof(r.agent), "%s", agent);
    site_step(w, s, &e);
    return 0;
}

static void host_boot(struct world *w, struct host *h)
{
    const struct sc_conf *conf = &h->site->conf;

    h->memory = calloc(1, sc_size(conf));
    assert(h->memory);
    h->sc = sc_init(h->memory, conf, w->seed * SITES + conf->site - 1 + ((uint64_t)h->life << 32),
                    host_now(w, h));
}

void host_start(struct world *w, struct host *h)
{
    host_boot(w, h);
    host_configure(w, h);
}

void host_die(struct host *h)
{
    free(h->memory);
    h->memory = NULL;
    h->sc = NULL;
    h->primary = false;
    h->life++;
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
    for (unsigned i = 0; i < HOSTS; i++) {
        s->host[i].site = s;
        s->host[i].index = i;
    }
    if (w->pairing != NULL)
        w->pairing->make(w, s);
    s->now = &s->host[0];
    host_boot(w, s->now);
}
