/* The memory of a core, laid out by the configured maxima, and its first state. */
#include "sipserver/core/core_inner.h"

#include <string.h>

#include "sipserver/core/binding.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/peering.h"
#include "sipserver/core/replica.h"
#include "sipserver/core/session.h"

void sc_maxima_default(struct sc_maxima *m)
{
    *m = (struct sc_maxima){.calls = 10000,
                            .registrations = 100000,
                            .transactions = 50000,
                            .agents = 5000,
                            .dns = 50000,
                            .rules = 1000};
}

void sc_options_default(struct sc_options *o)
{
    *o = (struct sc_options){
        .dr_forward = SC_FORWARD_OFF,
        .dr_oosp_transfer_enabled = true,
        .oos_check_ms = 5000,
        .oos_force_ms = 5000,
        .recovery_checks = 3,
        .recovery_timeout_ms = 30000,
        .recovery_hold_max_ms = 300000,
        .registration_expires_min_s = 10,
        .registration_expires_max_s = 3600,
        .source_rate_max = 1000,
        .source_burst = 2000,
        .stranger_rate_max = 20,
        .stranger_burst = 200,
        .overload_lag_ms = 100,
        .overload_fill = 70,
        .retry_after_min_s = 1,
        .retry_after_max_s = 10,
        .digest_md5 = true,
        .nonce_life_s = 300,
        .flow_grace_ms = 60000,
        .flow_timer_s = 120,
        .contacts_max = SC_CONTACTS_MAX,
        .ring_timeout_ms = 20000,
        .answer_timeout_ms = 180000,
        .wrap_up_ms = 0,
        .session_expires_s = 1800,
        .min_se_s = 90,
        .diversions_max = 5,
        .trunk_timeout_ms = 4000,
        .trunk_retry_after_max_s = 60,
        .ring_all_max = SC_RING_ALL_MAX,
        .overflows_max = 4,
        .queue_answer_after_ms = 60000,
        .queue_notice_ms = 30000,
        .music_retry_ms = 10000,
        .control_timeout_ms = 10000,
        .transfer_timeout_ms = 30000,
        .data_max = 16,
        .data_key_max = SC_DATA_KEY_SIZE - 1,
        .data_value_max = SC_DATA_VALUE_SIZE - 1,
        .logout_grace_ms = 60000,
        .lockout_refusals = 10,
        .lockout_window_ms = 60000,
        .lockout_time_ms = 300000,
    };
}

/* Carves one block after the other out of MEMORY; with MEMORY NULL it only counts. */
struct carver {
    unsigned char *memory;
    size_t used;
};

static void *carve(struct carver *c, size_t size)
{
    void *block = c->memory != NULL ? c->memory + c->used : NULL;

    c->used += (size + 63) & ~(size_t)63;
    return block;
}

static void carve_pool(struct carver *c, struct pool *p, uint32_t count, size_t size)
{
    void *block = carve(c, pool_bytes(count, size));

    if (block != NULL)
        pool_init(p, block, count, size);
}

/* Two, and those of transfers, music and ring-all. */
static uint32_t legs_max(const struct sc_maxima *m)
{
    return m->calls * 3 + 8;
}

static uint32_t within(uint32_t value, uint32_t min, uint32_t max)
{
    return value < min ? min : value > max ? max : value;
}

static void stack_conf(const struct sc_conf *conf, struct sip_stack_conf *ret)
{
    struct sip_buf b;

    sip_stack_conf_default(ret);
    ret->server_max = ret->client_max = within(conf->maxima.transactions, 16, 1000000);
    ret->message_max = SC_OFFER_SIZE + 4096;
    ret->t1_ms = conf->t1_ms;
    ret->stateless = 1u << SIP_REGISTER | 1u << SIP_OPTIONS;
    sip_buf_init(&b, ret->sent_by[0], sizeof(ret->sent_by[0]) - 1);
    sip_addr_put_host(&b, &conf->local, true);
    sip_put_text(&b, ":");
    sip_put_number(&b, conf->local.port);
    if (conf->tls_port != 0) {
        sip_buf_init(&b, ret->sent_by[SIP_LOCAL_TLS], sizeof(ret->sent_by[0]) - 1);
        sip_addr_put_host(&b, &conf->local, true);
        sip_put_text(&b, ":");
        sip_put_number(&b, conf->tls_port);
    }
    memcpy(ret->key.secret, conf->secret, sizeof(ret->key.secret));
}

/* How many objects of KIND there may be. */
static uint32_t kind_max(const struct sc_maxima *m, enum replica_kind kind)
{
    switch (kind) {
    case REPLICA_KIND_MODE: return 1;
    case REPLICA_KIND_DN: return m->dns;
    case REPLICA_KIND_AGENT: return m->agents;
    case REPLICA_KIND_BINDING:
    case REPLICA_KIND_PATH: return m->registrations;
    case REPLICA_KIND_LEG:
    case REPLICA_KIND_SDP_SMALL:
    case REPLICA_KIND_SDP_LARGE: return legs_max(m);
    case REPLICA_KIND_SERVER:
    case REPLICA_KIND_CLIENT: return within(m->transactions, 16, 1000000);
    case REPLICA_KIND_CALL:
    case REPLICA_KIND_OFFER:
    case REPLICA_KIND_RELAY:
    case REPLICA_KIND_DATA:
    case REPLICA_KIND_CAME:
    case REPLICA_KINDS: break;
    }
    return m->calls;
}

static void carve_marks(struct carver *c, struct pool_marks *marks, uint32_t n)
{
    marks->list = carve(c, n * sizeof(*marks->list));
    marks->is = carve(c, n);
}

static void carve_replica(struct carver *c, struct replica *r, const struct sc_maxima *m)
{
    for (unsigned kind = REPLICA_KIND_MODE; kind < REPLICA_KINDS; kind++) {
        uint32_t n = kind_max(m, (enum replica_kind)kind);

        r->shipped[kind] = carve(c, n * sizeof(*r->shipped[kind]));
        carve_marks(c, &r->marks[kind], n);
    }
    carve_marks(c, &r->trunk_marks, m->dns);
    carve_marks(c, &r->queue_marks, m->dns);
    r->mode = carve(c, sizeof(*r->mode));
    r->dns = carve(c, m->dns * sizeof(*r->dns));
    r->agents = carve(c, m->agents * sizeof(*r->agents));
    r->trunks = carve(c, m->dns * sizeof(*r->trunks));
    r->targets = carve(c, m->dns * sizeof(*r->targets));
    r->scratch = carve(c, SC_REPLICA_OBJECT_MAX);
}

/* Lay out everything in C; *SC is filled when there is memory. */
static struct sc *lay_out(struct carver *c, const struct sc_conf *conf)
{
    const struct sc_maxima *m = &conf->maxima;
    uint32_t legs = legs_max(m);
    uint32_t timers = m->registrations + m->dns * 3 + m->calls * 4 + legs + m->agents * 3;
    struct sip_stack_conf sip;
    struct sc scratch, *carved = carve(c, sizeof(*carved)),
                       *sc = carved != NULL ? carved : &scratch;
    void *sorted, *dns_hash, *agents_hash, *heap, *counts, *nonces, *sources;

    carve_pool(c, &sc->rules, m->rules, sizeof(struct rule));
    sorted = carve(c, m->rules * sizeof(struct rule *));
    carve_pool(c, &sc->dns, m->dns, sizeof(struct dn));
    carve_pool(c, &sc->trunks, m->dns, sizeof(struct trunk));
    carve_pool(c, &sc->queues, m->dns, sizeof(struct queue));
    carve_pool(c, &sc->targets, m->dns, sizeof(struct targets));
    carve_pool(c, &sc->bindings, m->registrations, sizeof(struct binding));
    carve_pool(c, &sc->paths, m->registrations, sizeof(struct path));
    carve_pool(c, &sc->agents, m->agents, sizeof(struct agent));
    carve_pool(c, &sc->calls, m->calls, sizeof(struct call));
    carve_pool(c, &sc->legs, legs, sizeof(struct leg));
    sc->leg_texts = carve(c, (size_t)legs * SIP_DIALOG_TEXT_MAX);
    carve_pool(c, &sc->offers, m->calls, sizeof(struct offer));
    carve_pool(c, &sc->relays, m->calls, sizeof(struct relay));
    for (unsigned size = 0; size < SDP_SIZES; size++)
        carve_pool(c, &sc->sdps[size], legs, sizeof(struct sdp) + sdp_room((enum sdp_size)size));
    carve_pool(c, &sc->datas, m->calls, sizeof(struct data));
    carve_pool(c, &sc->came, m->calls, sizeof(struct came));
    dns_hash = carve(c, hash_bytes(m->dns));
    agents_hash = carve(c, hash_bytes(m->agents));
    heap = carve(c, timers_bytes(timers));
    counts = carve(c, guard_bytes(SC_GUARD_COUNTS));
    nonces = carve(c, nonces_bytes(nonces_sets(m->registrations)));
    sources = carve(c, sources_bytes(SC_SOURCES));
    carve_replica(c, &sc->replica, m);
    stack_conf(conf, &sip);
    sc->sip_memory_size = sip_stack_size(&sip);
    sc->sip_memory = carve(c, sc->sip_memory_size);
    if (carved == NULL)
        return NULL;
    sc->rules_sorted = sorted;
    hash_init(&sc->dns_by_number, dns_hash, m->dns, conf->secret + HASH_SECRET_BYTES);
    hash_init(&sc->agents_by_id, agents_hash, m->agents, conf->secret + HASH_SECRET_BYTES);
    timers_init(&sc->timers, heap, timers);
    guard_init(&sc->guard, counts, SC_GUARD_COUNTS, sc->conf.secret);
    sources_init(&sc->sources, sources, SC_SOURCES, sc->conf.secret);
    nonces_init(&sc->nonces, nonces, nonces_sets(m->registrations), sc->conf.secret);
    return carved;
}

size_t sc_size(const struct sc_conf *conf)
{
    struct carver c = {NULL, 0};

    (void)lay_out(&c, conf);
    return c.used;
}

void core_new_stack(struct sc *sc)
{
    struct sip_stack_conf conf;

    stack_conf(&sc->conf, &conf);
    conf.epoch = sc->epoch;
    conf.serial = (uint32_t)prng_next(&sc->prng);
    sc->sip = sip_stack_init(sc->sip_memory, &conf);
}

struct sc *sc_init(void *memory, const struct sc_conf *conf, uint64_t seed, mono_t now)
{
    struct carver c = {memory, 0};
    struct sc *sc = lay_out(&c, conf);

    sc->conf = *conf;
    sc->now = now;
    prng_init(&sc->prng, seed);
    sc->serial = (uint32_t)prng_next(&sc->prng);
    sc->nonce_serial = (uint32_t)prng_next(&sc->prng);
    sc_options_default(&sc->options);
    sc->digest.ops = conf->digest;
    memcpy(sc->digest.secret, conf->secret, sizeof(sc->digest.secret));
    sc->digest.check_uri = true;
    sc->digest.nonce_life_s = 300;
    dns_init(sc);
    list_init(&sc->over);
    bindings_init(sc);
    peering_init(sc);
    core_new_stack(sc);
    return sc;
}
