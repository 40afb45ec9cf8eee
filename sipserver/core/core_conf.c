/* The role of this host, and its configuration. */
#include "sipserver/core/core_inner.h"

#include <string.h>

#include "sipserver/core/agent.h"
#include "sipserver/core/binding.h"
#include "sipserver/core/dialplan.h"
#include "sipserver/core/divert.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/peering.h"
#include "sipserver/core/replica_inner.h"
#include "sipserver/core/session.h"
#include "sipserver/core/trunk.h"

/* Calls, registrations and logins are forgotten; the configuration stays.  Nobody is told: this
 * host is silent. */
static void forget(struct sc *sc)
{
    replica_end(sc);
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
        q->taken = MONO_ZERO;
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
    core_zero_stack(sc);
    core_new_stack(sc);
    peering_init(sc);
    peering_configure(sc);
}

void core_role(struct sc *sc, const struct sc_event *event)
{
    sc->wall_offset_ms = event->wall_ms - sc->now.ns / MONO_NS_PER_MS;
    if (event->primary == sc->primary && event->epoch == sc->epoch)
        return;
#if SC_MUTATION == 6 /* the role is lost, the calls stay */
    if (sc->calls.used == 0)
#endif
        if (sc->primary && !event->primary)
            forget(sc);
    if (!sc->primary && event->primary) {
        nonces_from(&sc->nonces, wall_s(sc));
        if (sc->replica.copy)
            replica_adopt(sc, event->clock_ns);
    }
    sc->primary = event->primary;
    sc->epoch = event->epoch;
    sip_stack_epoch(sc->sip, sc->epoch);
    if (core_serving(sc))
        trunks_start(sc); /* those not yet watched */
}

void core_options_apply(struct sc *sc)
{
    sc->digest.nonce_life_s = sc->options.nonce_life_s;
    trunks_options_changed(sc);
    peering_configure(sc);
}

void core_conf_loaded(struct sc *sc)
{
    bool first = !sc->loaded;

    if (sc->reading)
        sc->sweeping = true;
    if (sc->reading)
        rules_sweep(sc);
    sc->reading = false;
    sc->loaded = true;
    core_options_apply(sc);
    if (first && sc->primary)
        trunks_start(sc);
}

void core_conf_dn(struct sc *sc, const struct sc_event *event)
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

void core_resolved(struct sc *sc, const struct sc_event *event)
{
    struct dn *d = dn_find(sc, sip_str_of(event->name));
    struct trunk *t = d != NULL ? pool_get(&sc->trunks, d->trunk) : NULL;

    if (t != NULL)
        trunk_resolved(sc, t, event);
}

void core_conf_agent(struct sc *sc, const struct sc_event *event)
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
