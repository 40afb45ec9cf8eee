#include "sipserver/core/core.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sipserver/core/agent.h"
#include "sipserver/core/answer.h"
#include "sipserver/core/binding.h"
#include "sipserver/core/call.h"
#include "sipserver/core/control.h"
#include "sipserver/core/credentials.h"
#include "sipserver/core/dialplan.h"
#include "sipserver/core/divert.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/leg.h"
#include "sipserver/core/music.h"
#include "sipserver/core/overload.h"
#include "sipserver/core/peering.h"
#include "sipserver/core/prack.h"
#include "sipserver/core/queue.h"
#include "sipserver/core/registrar.h"
#include "sipserver/core/relay.h"
#include "sipserver/core/report.h"
#include "sipserver/core/session.h"
#include "sipserver/core/transfer.h"
#include "sipserver/core/trunk.h"
#include "sipserver/core/wait.h"

#define SIP_EVENTS_AT_ONCE 4

/* ---- memory ---- */

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

/* Lay out everything in C; *SC is filled when there is memory. */
static struct sc *lay_out(struct carver *c, const struct sc_conf *conf)
{
    const struct sc_maxima *m = &conf->maxima;
    uint32_t legs = m->calls * 3 + 8; /* two, and those of transfers, music and ring-all */
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

/* A stack that knows of nothing, under the present epoch. */
static void new_stack(struct sc *sc)
{
    struct sip_stack_conf conf;

    stack_conf(&sc->conf, &conf);
    conf.epoch = sc->epoch;
    conf.serial = (uint32_t)prng_next(&sc->prng);
    sc->sip = sip_stack_init(sc->sip_memory, &conf);
}

static void zero_stack(struct sc *sc)
{
    if (sc->conf.zero != NULL)
        sc->conf.zero(sc->sip_memory, sc->sip_memory_size);
    else
        memset(sc->sip_memory, 0, sc->sip_memory_size);
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
    new_stack(sc);
    return sc;
}

/* ---- small helpers ---- */

uint64_t wall_s(const struct sc *sc)
{
    return (uint64_t)((sc->now.ns / MONO_NS_PER_MS + sc->wall_offset_ms) / 1000);
}

void arm_ms(struct sc *sc, struct timer *t, uint32_t ms)
{
    timer_arm(&sc->timers, t, mono_add_ms(sc->now, ms));
}

void disarm(struct sc *sc, struct timer *t)
{
    timer_cancel(&sc->timers, t);
}

bool out_has_room(const struct sc_out *out)
{
    return out->max - out->n >= SC_OUT_ACTIONS_MIN &&
           out->sip.max - out->sip.n >= SC_OUT_DATAGRAMS_MIN &&
           out->sip.size - out->sip.used >= SC_OUT_BYTES_MIN;
}

static bool serving(const struct sc *sc)
{
    return sc->primary && sc->loaded;
}

/* ---- SIP ---- */

static bool passes_through(enum sip_method method)
{
    return method == SIP_BYE || method == SIP_INVITE || method == SIP_UPDATE ||
           method == SIP_INFO || method == SIP_REFER || method == SIP_PRACK ||
           method == SIP_MESSAGE;
}

static void in_dialog(struct sc *sc, const struct sip_event *event)
{
    struct leg *l = leg_find(sc, event->msg);

    if (l == NULL) {
        answer_status(sc, event, 481, N_NO_DIALOG);
        return;
    }
    if (!passes_through(event->method)) {
        answer_method(sc, event);
        return;
    }
    if (sip_dialog_receive(&l->dialog, event->msg) != 0) {
        answer_status(sc, event, 500, CORE_COUNTS); /* RFC 3261 12.2.2: out of order */
        return;
    }
    if (event->method == SIP_BYE)
        call_bye(sc, l, event);
    else if (l->state == LEG_ENDING || l->state == LEG_BYE_DUE || l->state == LEG_CANCELLED)
        answer_status(sc, event, 481, N_NO_DIALOG);
    else if (event->method == SIP_PRACK)
        prack_request(sc, l, event);
    else if (event->method == SIP_REFER)
        transfer_refer(sc, l, event);
    else
        relay_request(sc, l, event);
}

/* ---- how much an address may ask ---- */

static struct source_limits source_limits(const struct sc *sc)
{
    const struct sc_options *o = &sc->options;

    return (struct source_limits){o->source_rate_max, o->source_burst, o->stranger_rate_max,
                                  o->stranger_burst};
}

/* Its address may ask that.  False: it has been answered, or is left without an answer, with
 * nothing kept of it.  What is refused for what it asked counts for more: so scanners are soon
 * silent. */
static bool admits(struct sc *sc, const struct sip_event *event)
{
    struct source_limits limits = source_limits(sc);

    switch (source_ask(&sc->sources, sc->now, &limits, &event->src, 1)) {
    case SOURCE_PASS: return true;
    case SOURCE_SCARCE:
        if (!source_is_known(&sc->sources, sc->now, &event->src))
            return true;
        answer_busy(sc, event, N_SOURCE_BUSY);
        return false;
    case SOURCE_DROP: break;
    }
    sc->counts[N_SOURCE_RATE]++;
    sip_forget(sc->sip, event);
    return false;
}

/* Messages that the address of the event has had refused, or answered without an event. */
static uint64_t refusals(const struct sc *sc)
{
    static const enum sip_count answered[] = {SIP_N_BAD_ANSWERED, SIP_N_MERGED,
                                              SIP_N_CANCEL_UNKNOWN};
    uint64_t n = sc->counts[N_FORBIDDEN] + sc->counts[N_NOT_FOUND] + sc->counts[N_LOCKED_OUT] +
                 sc->counts[N_NO_DIALOG] + sc->counts[N_METHOD];

    for (unsigned i = 0; i < sizeof(answered) / sizeof(answered[0]); i++)
        n += sip_count(sc->sip, answered[i]);
    return n;
}

/* Answered as outside, when there is that dialog (RFC 3261 11.2).  It gets no transaction, so a
 * copy is answered as the first one was. */
static void options_in_dialog(struct sc *sc, const struct sip_event *event)
{
    struct leg *l = leg_find(sc, event->msg);
    int r = l != NULL ? sip_dialog_receive(&l->dialog, event->msg) : 0;

    if (l == NULL)
        answer_status(sc, event, 481, N_NO_DIALOG);
    else if (r != 0 && r != -EALREADY)
        answer_status(sc, event, 500, CORE_COUNTS);
    else
        answer_options(sc, event);
}

static void request(struct sc *sc, const struct sip_event *event)
{
    struct trunk *t;

    if (!serving(sc)) {
        answer_busy(sc, event, N_NOT_READY);
        return;
    }
    t = trunk_of_source(sc, &event->src);
    if (t != NULL)
        trunk_heard(sc, t);
    else if (sip_str_empty(event->msg->to.tag) &&
             (!admits(sc, event) || overload_refuse(sc, event)))
        return;
    if (t != NULL && event->method == SIP_INVITE && sip_str_empty(event->msg->to.tag) &&
        overload_refuse(sc, event))
        return;
    if (event->method == SIP_OPTIONS && !sip_str_empty(event->msg->to.tag)) {
        options_in_dialog(sc, event);
    } else if (event->method == SIP_OPTIONS) {
        answer_options(sc, event);
    } else if (!sip_str_empty(event->msg->to.tag)) {
        in_dialog(sc, event);
    } else if (event->method == SIP_INVITE) {
        call_invite(sc, event);
    } else if (event->method == SIP_REGISTER) {
        registrar_request(sc, event);
    } else if (event->method == SIP_BYE) {
        answer_status(sc, event, 481, N_NO_DIALOG);
    } else {
        answer_method(sc, event);
    }
}

/* A 2xx, or an ACK of one, whose transaction or owner is gone. */
static void ownerless(struct sc *sc, const struct sip_event *event)
{
    struct leg *l;

    if (event->msg == NULL)
        return;
    if (event->kind == SIP_EV_RESPONSE && event->method == SIP_INVITE && event->status >= 200 &&
        event->status < 300) {
        l = leg_find_own(sc, event->msg);
        if (l != NULL)
            leg_late_answer(sc, l, event->msg);
    } else if (event->kind == SIP_EV_ACK) {
        l = leg_find(sc, event->msg);
        if (l != NULL && !l->dialog.is_uac)
            call_leg_event(sc, l, event);
    }
}

static void by_owner(struct sc *sc, const struct sip_event *event)
{
    handle_t handle = owner_handle(event->owner);
    struct leg *l;
    struct relay *r;
    struct trunk *t;

    if (credentials_answer(sc, event))
        return;
    switch (owner_kind(event->owner)) {
    case OWNER_LEG:
        l = pool_get(&sc->legs, handle);
        if (l != NULL)
            call_leg_event(sc, l, event);
        return;
    case OWNER_RELAY:
        r = pool_get(&sc->relays, handle);
        if (r != NULL)
            relay_event(sc, r, event);
        else
            ownerless(sc, event);
        return;
    case OWNER_TRUNK:
        t = pool_get(&sc->trunks, handle);
        if (t != NULL)
            trunk_response(sc, t, event);
        return;
    case OWNER_NONE: break;
    }
    ownerless(sc, event);
}

static void sip_happened(struct sc *sc, const struct sip_event *event)
{
    switch (event->kind) {
    case SIP_EV_NONE: return;
    case SIP_EV_REQUEST: request(sc, event); break;
    case SIP_EV_NO_ROOM: answer_busy(sc, event, N_NO_TRANSACTION); break;
    case SIP_EV_ACK:
    case SIP_EV_CANCEL:
    case SIP_EV_RESPONSE:
    case SIP_EV_TIMEOUT:
    case SIP_EV_NO_ACK:
    case SIP_EV_UNSENT: by_owner(sc, event); break;
    }
    calls_reap(sc);
}

/* ---- time ---- */

static void timer_fired(struct sc *sc, struct timer *t)
{
    switch ((enum timer_kind)t->kind) {
    case TIMER_BINDING: binding_timer(sc, CONTAINER_OF(t, struct binding, expiry)); break;
    case TIMER_TRUNK_CHECK: trunk_timer_check(sc, CONTAINER_OF(t, struct trunk, check)); break;
    case TIMER_TRUNK_FORCE: trunk_timer_force(sc, CONTAINER_OF(t, struct trunk, force)); break;
    case TIMER_TRUNK_HOLD: trunk_timer_hold(sc, CONTAINER_OF(t, struct trunk, hold)); break;
    case TIMER_CALL_RING: call_timer_ring(sc, CONTAINER_OF(t, struct call, ring)); break;
    case TIMER_CALL_WAIT: call_timer_wait(sc, CONTAINER_OF(t, struct call, wait)); break;
    case TIMER_CALL_NOTICE: wait_notice(sc, CONTAINER_OF(t, struct call, notice)); break;
    case TIMER_CALL_SOUND: music_timer(sc, CONTAINER_OF(t, struct call, sound)); break;
    case TIMER_AGENT_WRAP: agent_timer_wrap(sc, CONTAINER_OF(t, struct agent, wrap)); break;
    case TIMER_LEG_SESSION: session_timer(sc, CONTAINER_OF(t, struct leg, session)); break;
    case TIMER_AGENT_PHONE: agent_timer_phone(sc, CONTAINER_OF(t, struct agent, phone)); break;
    case TIMER_AGENT_CONTROL: control_timer(sc, CONTAINER_OF(t, struct agent, operation)); break;
    case TIMER_KINDS: assert(false);
    }
    calls_reap(sc);
}

/* Everything due.  False: OUT has no room for more. */
static bool time_passes(struct sc *sc)
{
    struct sip_event events[SIP_EVENTS_AT_ONCE];
    struct timer *t;
    unsigned n = SIP_EVENTS_AT_ONCE;

    while (sc->primary && n == SIP_EVENTS_AT_ONCE) {
        if (!out_has_room(sc->out))
            return false;
        n = sip_timers(sc->sip, sc->now, &sc->out->sip, events, SIP_EVENTS_AT_ONCE);
        for (unsigned i = 0; i < n; i++)
            sip_happened(sc, &events[i]);
    }
    while (out_has_room(sc->out) && (t = timer_pop(&sc->timers, sc->now)) != NULL) {
        timer_fired(sc, t);
        queue_run(sc);
    }
    if (sc->sweeping && dns_sweep(sc) && agents_sweep(sc))
        sc->sweeping = false;
    if (sc->regrouping && !sc->sweeping && !sc->reading && agents_regroup(sc))
        sc->regrouping = false;
    queue_run(sc);
    return out_has_room(sc->out) && !sc->sweeping && !(sc->regrouping && !sc->reading);
}

mono_t sc_deadline(const struct sc *sc)
{
    if (sc->sweeping || (sc->regrouping && !sc->reading) || !list_empty(&sc->dirty_queues))
        return sc->now;
    return sc->primary ? mono_min(sip_deadline(sc->sip), timer_next(&sc->timers)) : MONO_NEVER;
}

/* ---- role and configuration ---- */

/* Calls, registrations and logins are forgotten; the configuration stays.  Nobody is told: this
 * host is silent. */
static void forget(struct sc *sc)
{
    for (struct relay *r = pool_next(&sc->relays, NULL); r != NULL; r = pool_next(&sc->relays, r))
        pool_put(&sc->relays, r);
    for (struct leg *l = pool_next(&sc->legs, NULL); l != NULL; l = pool_next(&sc->legs, l)) {
        session_end(sc, l);
        pool_put(&sc->legs, l);
    }
    for (struct offer *o = pool_next(&sc->offers, NULL); o != NULL; o = pool_next(&sc->offers, o))
        pool_put(&sc->offers, o);
    for (struct data *d = pool_next(&sc->datas, NULL); d != NULL; d = pool_next(&sc->datas, d))
        pool_put(&sc->datas, d);
    for (struct call *c = pool_next(&sc->calls, NULL); c != NULL; c = pool_next(&sc->calls, c)) {
        divert_forget(sc, c);
        disarm(sc, &c->ring);
        disarm(sc, &c->wait);
        disarm(sc, &c->notice);
        disarm(sc, &c->sound);
        list_remove(&c->in_queue);
        pool_put(&sc->calls, c);
    }
    agents_forget(sc);
    bindings_forget(sc);
    for (struct queue *q = pool_next(&sc->queues, NULL); q != NULL; q = pool_next(&sc->queues, q)) {
        q->waiting_n = q->in_music = 0;
        memset(q->waiting_by, 0, sizeof(q->waiting_by));
    }
    for (struct dn *d = pool_next(&sc->dns, NULL); d != NULL; d = pool_next(&sc->dns, d)) {
        d->legs = 0;
        memset(d->lines, 0, sizeof(d->lines));
        if (d->type == SC_DN_EXTENSION && d->in_service) {
            d->in_service = false;
            text_copy(d->reason, sizeof(d->reason), "not registered");
        }
    }
    trunks_stop(sc);
    while (list_pop(&sc->dirty_queues) != NULL)
        ;
    zero_stack(sc);
    new_stack(sc);
    peering_init(sc);
    peering_configure(sc);
}

static void role(struct sc *sc, const struct sc_event *event)
{
    sc->wall_offset_ms = event->wall_ms - sc->now.ns / MONO_NS_PER_MS;
    if (event->primary == sc->primary && event->epoch == sc->epoch)
        return;
#if SC_MUTATION == 6 /* the role is lost, the calls stay */
    if (sc->calls.used == 0)
#endif
        if (sc->primary && !event->primary)
            forget(sc);
    if (!sc->primary && event->primary)
        nonces_from(&sc->nonces, wall_s(sc));
    sc->primary = event->primary;
    sc->epoch = event->epoch;
    sip_stack_epoch(sc->sip, sc->epoch);
    if (serving(sc))
        trunks_start(sc); /* those not yet watched */
}

static void options_apply(struct sc *sc)
{
    sc->digest.nonce_life_s = sc->options.nonce_life_s;
    trunks_options_changed(sc);
    peering_configure(sc);
}

static void conf_loaded(struct sc *sc)
{
    bool first = !sc->loaded;

    if (sc->reading)
        sc->sweeping = true;
    if (sc->reading)
        rules_sweep(sc);
    sc->reading = false;
    sc->loaded = true;
    options_apply(sc);
    if (first && sc->primary)
        trunks_start(sc);
}

static void conf_dn(struct sc *sc, const struct sc_event *event)
{
    struct dn *d;

    if (!event->deleted) {
        dn_configure(sc, event->dn);
        return;
    }
    d = dn_find(sc, sip_str_of(event->dn->number));
    if (d != NULL)
        dn_delete(sc, d);
}

static void resolved(struct sc *sc, const struct sc_event *event)
{
    struct dn *d = dn_find(sc, sip_str_of(event->name));
    struct trunk *t = d != NULL ? pool_get(&sc->trunks, d->trunk) : NULL;

    if (t != NULL)
        trunk_resolved(sc, t, event);
}

static void conf_agent(struct sc *sc, const struct sc_event *event)
{
    struct agent *a;

    if (!event->deleted) {
        agent_configure(sc, event->agent_conf);
        return;
    }
    a = agent_find(sc, event->agent_conf->id);
    if (a != NULL)
        agent_delete(sc, a);
}

/* ---- the step ---- */

static void datagram(struct sc *sc, const struct sc_event *event)
{
    struct source_limits limits = source_limits(sc);
    struct sip_event sip = {.kind = SIP_EV_NONE};
    uint64_t refused = refusals(sc), stun = sip_count(sc->sip, SIP_N_STUN);
    uint32_t cost = 0;

    if (!sc->primary)
        return;
    overload_late(sc, event->late_ms);
    if (source_blocked(&sc->sources, sc->now, &limits, &event->src) &&
        trunk_of_source(sc, &event->src) == NULL) {
        sc->counts[N_SOURCE_BLOCKED]++;
        source_charge(&sc->sources, sc->now, &limits, &event->src, 1);
        return;
    }
    sip_input(sc->sip, sc->now, &event->src, event->data, event->len, &sc->out->sip, &sip);
    sip_happened(sc, &sip);
    if (refusals(sc) != refused)
        cost = SC_REFUSED_COST;
    else if (sip_count(sc->sip, SIP_N_STUN) != stun)
        cost = 1; /* phones behind NAT do it all the time */
    if (cost > 0 && trunk_of_source(sc, &event->src) == NULL)
        source_charge(&sc->sources, sc->now, &limits, &event->src, cost);
}

static void happened(struct sc *sc, const struct sc_event *event)
{
    struct sip_event sip = {.kind = SIP_EV_NONE};

    switch (event->kind) {
    case SC_EV_TICK: return;
    case SC_EV_DATAGRAM: datagram(sc, event); return;
    case SC_EV_UNSENT:
        if (sc->primary)
            sip_unsent(sc->sip, sc->now, event->txn, &sc->out->sip, &sip);
        sip_happened(sc, &sip);
        return;
    case SC_EV_FLOW_LOST: bindings_flow_lost(sc, &event->src); return;
    case SC_EV_AGENT_REQUEST: agent_request(sc, event->agent); break;
    case SC_EV_CONF_BEGIN:
        sc->seen++;
        sc->reading = true;
        return;
    case SC_EV_CONF_OPTIONS:
        sc->options = *event->options;
        if (sc->loaded && !sc->reading)
            options_apply(sc);
        return;
    case SC_EV_CONF_DN: conf_dn(sc, event); break;
    case SC_EV_RESOLVED: resolved(sc, event); break;
    case SC_EV_CONF_RULE:
        if (event->deleted)
            rule_delete(sc, event->rule->id);
        else
            rule_configure(sc, event->rule);
        return;
    case SC_EV_CONF_AGENT: conf_agent(sc, event); break;
    case SC_EV_CONF_LOADED: conf_loaded(sc); return;
    case SC_EV_ROLE: role(sc, event); return;
    }
    calls_reap(sc);
}

bool sc_step(struct sc *sc, mono_t now, const struct sc_event *event, struct sc_out *out)
{
    assert(!mono_before(now, sc->now));
    sc->now = now;
    sc->out = out;
    if (!time_passes(sc))
        return false;
    happened(sc, event);
    queue_run(sc);
    sc->out = NULL;
    return true;
}
