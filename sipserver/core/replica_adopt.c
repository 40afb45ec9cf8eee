/* Going on from a copy: its values become ours, then everything that is made from records is made.
 *
 * A copy that was whole when the primary was lost is consistent.  One that was still being made is
 * not: what points at something that never came is taken out, and counted.
 */
#include "sipserver/core/replica_inner.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sipserver/core/agent_inner.h"
#include "sipserver/core/binding.h"
#include "sipserver/core/core_inner.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/peering.h"
#include "sipserver/core/queue.h"
#include "sipserver/core/report.h"
#include "sipserver/core/session.h"
#include "sipserver/core/transfer.h"
#include "sipserver/core/trunk.h"

/* So many objects may have been given out and back at one place without our knowing: the primary's
 * last turns, whose messages never left. */
#define GENERATIONS_AHEAD 1024

struct adoption {
    struct sc *sc;
    int64_t clock_ns;
    bool keep_flows;
    bool alone; /* the primary had no inter-site trunk */
};

/* ---- values ---- */

static handle_t ours(const struct replica_named *n, uint32_t count, handle_t theirs)
{
    if (theirs.generation == 0 || theirs.index >= count ||
        n[theirs.index].generation != theirs.generation || n[theirs.index].len == 0)
        return HANDLE_NONE;
    return n[theirs.index].local;
}

static handle_t matched(const struct replica_match *m, uint32_t count, handle_t theirs)
{
    if (theirs.generation == 0 || theirs.index >= count ||
        m[theirs.index].generation != theirs.generation)
        return HANDLE_NONE;
    return m[theirs.index].local;
}

static void match(struct replica_match *m, uint32_t count, handle_t theirs, handle_t local)
{
    if (theirs.generation != 0 && theirs.index < count)
        m[theirs.index] = (struct replica_match){theirs.generation, local};
}

static void shift(const struct adoption *x, mono_t *moment)
{
    if (moment->ns != 0 && !mono_is_never(*moment))
#if SC_MUTATION == 27 /* the primary's clock is taken for ours */
        moment->ns += 0 * x->clock_ns;
#else
        moment->ns += x->clock_ns;
#endif
}

/* A value that has a meaning here (record_fn). */
static void value(void *arg, const struct record_field *field, void *at)
{
    const struct adoption *x = arg;
    const struct sc *sc = x->sc;
    const struct replica *r = &sc->replica;
    handle_t *handle = at;
    uint64_t *owner = at;

    if (field->type == RECORD_T_TIMER) {
        shift(x, &((struct timer *)at)->due);
        return;
    }
    switch (field->use) {
    case REPLICA_MOMENT: shift(x, at); break;
    case REPLICA_FLOW:
        if (!x->keep_flows)
            *(uint32_t *)at = 0;
        break;
    case REPLICA_OWNER:
        if (owner_kind(*owner) == OWNER_TRUNK)
            *owner = owner_of(OWNER_TRUNK,
                              matched(r->trunks, sc->dns.count, owner_handle(*owner)));
        break;
    case REPLICA_DN: *handle = ours(r->dns, sc->dns.count, *handle); break;
    case REPLICA_AGENT: *handle = ours(r->agents, sc->agents.count, *handle); break;
    case REPLICA_TRUNK: *handle = matched(r->trunks, sc->dns.count, *handle); break;
    case REPLICA_TARGETS: *handle = matched(r->targets, sc->dns.count, *handle); break;
    default: break;
    }
}

static void values(struct adoption *x)
{
    for (unsigned kind = REPLICA_FIRST_OWN; kind < REPLICA_KINDS; kind++) {
        const struct record_table *table = replica_table((enum replica_kind)kind);
        struct pool *pool = replica_pool(x->sc, (enum replica_kind)kind);

        x->keep_flows = kind == REPLICA_KIND_BINDING;
        for (void *o = pool_next(pool, NULL); o != NULL; o = pool_next(pool, o))
            record_walk(table, o, value, x);
    }
    x->keep_flows = false;
}

/* ---- what the configuration made ---- */

/* Something came for place I of KIND.  Most places are empty, and their memory has never been
 * touched: it is not looked at. */
static bool came(const struct sc *sc, enum replica_kind kind, uint32_t i)
{
    return sc->replica.shipped[kind][i] != 0;
}

static bool read_named(const struct replica_named *n, const struct record_table *table, void *object,
                       size_t size)
{
    if (n->len == 0)
        return false;
    memset(object, 0, size);
    return record_get(table, object, n->body, n->len) == 0;
}

static void lost(struct sc *sc)
{
    sc->counts[N_REPLICA_LOST]++;
}

/* DNs are matched first: everything points at them. */
static void match_dns(struct sc *sc)
{
    struct replica *r = &sc->replica;
    struct replica_dn dn;

    memset(r->trunks, 0, sc->dns.count * sizeof(*r->trunks));
    memset(r->targets, 0, sc->dns.count * sizeof(*r->targets));
    for (uint32_t i = 0; i < sc->dns.count; i++) {
        struct replica_named *n = &r->dns[i];
        const struct dn *d;

        if (!came(sc, REPLICA_KIND_DN, i))
            continue;
        n->local = HANDLE_NONE;
        if (!read_named(n, &replica_dn_record, &dn, sizeof(dn)))
            continue;
        d = dn_find(sc, sip_str_of(dn.number));
        if (d == NULL) {
            lost(sc);
            continue;
        }
        n->local = pool_handle(&sc->dns, d);
        match(r->trunks, sc->dns.count, dn.trunk, d->trunk);
        match(r->targets, sc->dns.count, dn.targets, d->targets);
    }
}

static void adopt_dn(struct adoption *x, struct dn *d, struct replica_dn *r)
{
    struct sc *sc = x->sc;
    struct trunk *t = pool_get(&sc->trunks, d->trunk);
    struct queue *q = pool_get(&sc->queues, d->queue);

    record_walk(&replica_dn_record, r, value, x);
    memcpy(d->lines, r->lines, sizeof(d->lines));
    for (unsigned i = 0; i < SC_LINES_MAX; i++)
        if (pool_get(&sc->legs, d->lines[i]) == NULL)
            d->lines[i] = HANDLE_NONE;
    if (q != NULL) {
        q->taken = r->of_queue.taken;
        q->pace_ms = r->of_queue.pace_ms;
        return;
    }
    if (t != NULL) {
        if (!t->inter_site || !x->alone) /* else it has proved nothing, and is watched anew */
            trunk_adopt(sc, t, &r->of_trunk);
        if (t->state == TRUNK_NEW)
            return;
    }
    d->in_service = t != NULL ? t->state == TRUNK_IN : r->in_service;
    d->since = r->since;
    memcpy(d->reason, r->reason, sizeof(d->reason));
}

static bool read_mode(const struct sc *sc, struct replica_mode *mode)
{
    return read_named(sc->replica.mode, &replica_mode_record, mode, sizeof(*mode)) &&
           mode->state < PEERING_STATES;
}

static void adopt_dns(struct adoption *x)
{
    struct sc *sc = x->sc;
    struct replica_dn dn;
    struct replica_mode mode;

    x->alone = read_mode(sc, &mode) && mode.state == PEERING_STANDALONE;
    for (uint32_t i = 0; i < sc->dns.count; i++) {
        const struct replica_named *n = &sc->replica.dns[i];
        struct dn *d;

        if (!came(sc, REPLICA_KIND_DN, i))
            continue;
        d = pool_get(&sc->dns, n->local);

        if (d != NULL && read_named(n, &replica_dn_record, &dn, sizeof(dn)))
            adopt_dn(x, d, &dn);
    }
}

static void match_agents(struct sc *sc)
{
    struct replica_agent agent;

    for (uint32_t i = 0; i < sc->agents.count; i++) {
        struct replica_named *n = &sc->replica.agents[i];
        const struct agent *a;

        if (!came(sc, REPLICA_KIND_AGENT, i))
            continue;
        n->local = HANDLE_NONE;
        if (!read_named(n, &replica_agent_record, &agent, sizeof(agent)))
            continue;
        a = agent_find(sc, agent.id);
        if (a == NULL)
            lost(sc);
        else
            n->local = pool_handle(&sc->agents, a);
    }
}

static void rearm(struct sc *sc, struct timer *t, enum timer_kind kind, mono_t due)
{
    timer_init(t, kind);
    if (due.ns != 0)
        timer_arm(&sc->timers, t, due);
}

/* The desktop hears that what it asked for cannot go on here. */
static void cancel(struct sc *sc, const struct control *op, enum sc_agent_state state)
{
    struct sc_agent_reply *reply;

    if (op->state == CONTROL_NONE || op->answered || !out_has_room(sc->out))
        return; /* without room: a new snapshot tells, too */
    sc->counts[N_CONTROLS_FAILED]++;
    reply = &report(sc, SC_ACT_AGENT_REPLY)->reply;
    reply->request_id = op->request_id;
    reply->client = op->client;
    reply->code = -ECANCELED;
    reply->state = state;
    text_copy(reply->text, sizeof(reply->text), "lost at a takeover");
}

static void adopt_agent(struct adoption *x, struct agent *a, struct replica_agent *r)
{
    struct sc *sc = x->sc;
    struct dn *d;

    record_walk(&replica_agent_record, r, value, x);
    d = pool_get(&sc->dns, r->dn);
    a->since = r->since;
    memcpy(a->reason, r->reason, sizeof(a->reason));
    if (r->state == SC_AGENT_NULL || d == NULL || r->state > SC_AGENT_ACW) {
        cancel(sc, &r->control, SC_AGENT_NULL);
        return;
    }
    a->state = r->state;
    a->wants_ready = r->wants_ready;
    a->acd_call = r->acd_call;
    a->logout_due = r->logout_due;
    a->dn = r->dn;
    a->call = r->call;
    a->idle_since = r->idle_since;
    a->wrap_up_ms = r->wrap_up_ms;
    if (r->control.state < CONTROL_STATES)
        a->control = r->control;
    rearm(sc, &a->wrap, TIMER_AGENT_WRAP, r->wrap.due);
    rearm(sc, &a->phone, TIMER_AGENT_PHONE, r->phone.due);
    rearm(sc, &a->operation, TIMER_AGENT_CONTROL, r->operation.due);
    d->agent = pool_handle(&sc->agents, a);
    sc->agents_logged_in++;
    agent_count_queues(sc, a, true);
}

static void adopt_agents(struct adoption *x)
{
    struct sc *sc = x->sc;
    struct replica_agent agent;

    for (uint32_t i = 0; i < sc->agents.count; i++) {
        const struct replica_named *n = &sc->replica.agents[i];
        struct agent *a;

        if (!came(sc, REPLICA_KIND_AGENT, i))
            continue;
        a = pool_get(&sc->agents, n->local);

        if (a != NULL && read_named(n, &replica_agent_record, &agent, sizeof(agent)))
            adopt_agent(x, a, &agent);
    }
}

static void adopt_mode(struct sc *sc)
{
    struct replica_mode mode;

    if (!read_mode(sc, &mode))
        return;
    if (sc->calls_started < mode.calls_started)
        sc->calls_started = mode.calls_started;
    mode.reason[sizeof(mode.reason) - 1] = '\0';
    peering_adopt(sc, mode.state, mode.reason);
}

/* ---- what is whole ---- */

/* Another version may have states that we do not. */
static bool call_readable(const struct call *c)
{
    return c->state != CALL_NONE && c->state < CALL_STATES && c->priority < SC_PRIORITIES &&
           c->music.state < MUSIC_STATES && c->transfer.state < TRANSFER_STATES;
}

static bool leg_readable(const struct leg *l)
{
    return l->state <= LEG_ENDING && l->sdp_size < SDP_SIZES &&
           l->session_state < SESSION_STATES && l->trunk <= TRUNK_COUNTED_OUT &&
           l->prack_waits <= PRACK_AWAITED;
}

/* Whose legs and other parts have all come. */
static bool call_whole(struct sc *sc, const struct call *c, uint32_t legs)
{
    bool caller = pool_get(&sc->legs, c->caller) != NULL;
    bool target = pool_get(&sc->legs, c->target) != NULL;

    if (!call_readable(c) || legs == 0 || legs != c->legs_n)
        return false;
    if (c->state != CALL_ENDING && !caller)
        return false;
    return target ||
           (c->state != CALL_OFFERED && c->state != CALL_ANSWERED && c->state != CALL_UP);
}

/* The legs of each call, counted in the shipped hashes of the calls, which are over. */
static uint64_t *count_legs(struct sc *sc)
{
    uint64_t *count = sc->replica.shipped[REPLICA_KIND_CALL];

    memset(count, 0, sc->calls.count * sizeof(*count));
    for (struct leg *l = pool_next(&sc->legs, NULL); l != NULL; l = pool_next(&sc->legs, l))
        if (leg_readable(l) && pool_get(&sc->calls, l->call) != NULL)
            count[l->call.index]++;
    return count;
}

static void drop(struct sc *sc, struct pool *pool, const void *object)
{
    lost(sc);
    pool_clear_place(pool, pool_index(pool, object));
}

/* Objects of KIND that nothing names are given up.  The marks say what is named. */
static void drop_unnamed(struct sc *sc, enum replica_kind kind)
{
    struct pool *pool = replica_pool(sc, kind);
    uint8_t *is = sc->replica.marks[kind].is;

    for (void *o = pool_next(pool, NULL); o != NULL; o = pool_next(pool, o)) {
        uint32_t index = pool_index(pool, o);

        if (!is[index])
            drop(sc, pool, o);
        is[index] = 0;
    }
}

static void name(struct sc *sc, enum replica_kind kind, handle_t *handle)
{
    if (pool_get(replica_pool(sc, kind), *handle) != NULL)
        sc->replica.marks[kind].is[handle->index] = 1;
    else
        *handle = HANDLE_NONE;
}

static void drop_parts(struct sc *sc)
{
    for (struct call *c = pool_next(&sc->calls, NULL); c != NULL; c = pool_next(&sc->calls, c)) {
        name(sc, REPLICA_KIND_OFFER, &c->offer);
        name(sc, REPLICA_KIND_DATA, &c->data);
        name(sc, REPLICA_KIND_CAME, &c->came);
        for (unsigned i = 0; i < CALL_RELAYS_MAX; i++)
            name(sc, REPLICA_KIND_RELAY, &c->relays[i]);
    }
    for (struct leg *l = pool_next(&sc->legs, NULL); l != NULL; l = pool_next(&sc->legs, l))
        name(sc, l->sdp_size == SDP_SMALL ? REPLICA_KIND_SDP_SMALL : REPLICA_KIND_SDP_LARGE,
             &l->sdp);
    for (struct binding *b = pool_next(&sc->bindings, NULL); b != NULL;
         b = pool_next(&sc->bindings, b))
        name(sc, REPLICA_KIND_PATH, &b->path);
    drop_unnamed(sc, REPLICA_KIND_OFFER);
    drop_unnamed(sc, REPLICA_KIND_DATA);
    drop_unnamed(sc, REPLICA_KIND_CAME);
    drop_unnamed(sc, REPLICA_KIND_RELAY);
    drop_unnamed(sc, REPLICA_KIND_SDP_SMALL);
    drop_unnamed(sc, REPLICA_KIND_SDP_LARGE);
    drop_unnamed(sc, REPLICA_KIND_PATH);
}

static bool owner_is_there(struct sc *sc, uint64_t owner)
{
    return owner_kind(owner) == OWNER_LEG ? pool_get(&sc->legs, owner_handle(owner)) != NULL
                                          : owner_kind(owner) == OWNER_RELAY &&
                                                pool_get(&sc->relays, owner_handle(owner)) != NULL;
}

/* Requests whose answer nobody knows any more. */
static void drop_requests(struct sc *sc)
{
    struct pool *pool = sip_replica_pool(sc->sip, true);

    for (struct txn *t = pool_next(pool, NULL); t != NULL; t = pool_next(pool, t))
        if ((t->r.state == TXN_TRYING || t->r.state == TXN_PROCEEDING) &&
            !owner_is_there(sc, t->r.owner)) {
            lost(sc);
            txn_free(sc->sip, t);
        }
}

static void drop_halves(struct sc *sc)
{
    const uint64_t *legs = count_legs(sc);

    for (struct binding *b = pool_next(&sc->bindings, NULL); b != NULL;
         b = pool_next(&sc->bindings, b))
        if (pool_get(&sc->dns, b->dn) == NULL)
            drop(sc, &sc->bindings, b);
    for (struct call *c = pool_next(&sc->calls, NULL); c != NULL; c = pool_next(&sc->calls, c))
        if (!call_whole(sc, c, (uint32_t)legs[pool_index(&sc->calls, c)]))
            drop(sc, &sc->calls, c);
    for (struct leg *l = pool_next(&sc->legs, NULL); l != NULL; l = pool_next(&sc->legs, l))
        if (pool_get(&sc->calls, l->call) == NULL)
            drop(sc, &sc->legs, l);
    drop_parts(sc);
    drop_requests(sc);
}

/* ---- what is made from records ---- */

static void link_leg(struct sc *sc, struct leg *l)
{
    struct dn *d = pool_get(&sc->dns, l->dn);
    struct trunk *t = d != NULL ? pool_get(&sc->trunks, d->trunk) : NULL;

    rearm(sc, &l->session, TIMER_LEG_SESSION, l->session.due);
    if (t != NULL && l->trunk == TRUNK_COUNTED_IN)
        t->calls_in++;
    else if (t != NULL && l->trunk == TRUNK_COUNTED_OUT)
        t->calls_out++;
    if (d != NULL && l->counted)
        d->legs++;
}

static void link_call(struct sc *sc, struct call *c)
{
    list_link_init(&c->in_queue);
    rearm(sc, &c->ring, TIMER_CALL_RING, c->ring.due);
#if SC_MUTATION != 21 /* who waits too long is not told */
    rearm(sc, &c->wait, TIMER_CALL_WAIT, c->wait.due);
#endif
    rearm(sc, &c->notice, TIMER_CALL_NOTICE, c->notice.due);
    rearm(sc, &c->sound, TIMER_CALL_SOUND, c->sound.due);
    if (c->state == CALL_QUEUED && !queue_adopt(sc, c))
        arm_ms(sc, &c->wait, 0); /* its queue is gone: it is told so */
}

static void link_records(struct sc *sc)
{
    struct source_limits limits = source_limits(sc);

    for (struct binding *b = pool_next(&sc->bindings, NULL); b != NULL;
         b = pool_next(&sc->bindings, b)) {
        binding_adopt(sc, b);
        source_proven(&sc->sources, sc->now, &limits, &b->source, b->expires);
    }
    for (struct leg *l = pool_next(&sc->legs, NULL); l != NULL; l = pool_next(&sc->legs, l))
        link_leg(sc, l);
    for (struct call *c = pool_next(&sc->calls, NULL); c != NULL; c = pool_next(&sc->calls, c))
        link_call(sc, c);
    for (enum sdp_size size = 0; size < SDP_SIZES; size++)
        for (struct sdp *s = pool_next(&sc->sdps[size], NULL); s != NULL;
             s = pool_next(&sc->sdps[size], s))
            s->room = (uint16_t)sdp_room(size);
    for (unsigned kind = REPLICA_FIRST_OWN; kind < REPLICA_KINDS; kind++)
        pool_relist(replica_pool(sc, (enum replica_kind)kind), GENERATIONS_AHEAD);
}

/* What an agent does follows from the calls that are there. */
static void settle_agent(struct sc *sc, struct agent *a)
{
    const struct dn *d = pool_get(&sc->dns, a->dn);
    const struct call *c = pool_get(&sc->calls, a->call);
    bool gone = a->state == SC_AGENT_RESERVED ? c == NULL || c->state != CALL_OFFERED
                                              : a->state == SC_AGENT_BUSY && d->legs == 0;

    if (c == NULL)
        a->call = HANDLE_NONE;
    if (gone) {
        lost(sc);
        a->state = a->wants_ready ? SC_AGENT_READY : SC_AGENT_NOT_READY;
    }
    if (a->control.state != CONTROL_NONE && pool_get(&sc->legs, a->control.leg) == NULL &&
        (a->control.state != CONTROL_JOINING || !transfer_of(sc, pool_handle(&sc->agents, a)))) {
        cancel(sc, &a->control, (enum sc_agent_state)a->state);
        disarm(sc, &a->operation);
        memset(&a->control, 0, sizeof(a->control));
    }
    agent_update_idle(sc, a);
}

static void settle(struct sc *sc)
{
    for (struct dn *d = pool_next(&sc->dns, NULL); d != NULL; d = pool_next(&sc->dns, d)) {
        if (d->type == SC_DN_EXTENSION && d->in_service != (d->bindings_n > 0)) {
            d->in_service = d->bindings_n > 0;
            text_copy(d->reason, sizeof(d->reason), d->in_service ? "" : "not registered");
        }
    }
    for (struct agent *a = pool_next(&sc->agents, NULL); a != NULL; a = pool_next(&sc->agents, a))
        if (a->state != SC_AGENT_NULL)
            settle_agent(sc, a);
    for (struct queue *q = pool_next(&sc->queues, NULL); q != NULL; q = pool_next(&sc->queues, q))
        queue_changed(sc, q);
}

void replica_adopt(struct sc *sc, int64_t clock_ns)
{
    struct adoption x = {.sc = sc, .clock_ns = clock_ns};

    assert(!sc->primary && sc->replica.copy);
    match_dns(sc);
    match_agents(sc);
    values(&x);
    sip_replica_adopt(sc->sip, GENERATIONS_AHEAD, value, &x);
    drop_halves(sc);
    link_records(sc);
    adopt_dns(&x);
    adopt_agents(&x);
    adopt_mode(sc);
    settle(sc);
    replica_end(sc);
}
