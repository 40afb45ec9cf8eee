/* The role goes: what was the core's own becomes a copy of itself, as a backup has one.
 *
 * Each object is written as a record and read again in its place, so that a host that gets the role
 * back goes on in the one way that there is (replica_adopt.c).  Nobody is told: this host is
 * silent.
 */
#include "sipserver/core/replica_inner.h"

#include <assert.h>
#include <string.h>

#include "sipserver/core/agent.h"
#include "sipserver/core/core_inner.h"
#include "sipserver/core/peering.h"
#include "sipserver/core/trunk.h"

/* Off all lists, timers and indexes. */
static void unlink_object(struct sc *sc, enum replica_kind kind, void *object)
{
    struct binding *b = object;
    struct call *c = object;
    struct leg *l = object;

    switch ((unsigned)kind) {
    case REPLICA_KIND_SERVER: sip_replica_unlink(sc->sip, object); break;
    case REPLICA_KIND_CLIENT: sip_replica_unlink(sc->sip, object); break;
    case REPLICA_KIND_LEG: disarm(sc, &l->session); break;
    case REPLICA_KIND_BINDING:
        disarm(sc, &b->expiry);
        list_remove(&b->in_dn);
        list_remove(&b->in_flow);
        break;
    case REPLICA_KIND_CALL:
        disarm(sc, &c->ring);
        disarm(sc, &c->wait);
        disarm(sc, &c->notice);
        disarm(sc, &c->sound);
        list_remove(&c->in_queue);
        break;
    default: break;
    }
}

/* POOL is NULL: MODE, which is one. */
static void keep_kind(struct sc *sc, enum replica_kind kind)
{
    struct pool *pool = replica_pool(sc, kind);
    uint32_t count = pool != NULL ? pool->count : 1;

    for (uint32_t i = 0; i < count; i++) {
        void *object = pool != NULL ? pool_at(pool, i) : NULL;
        size_t len;

        if (pool != NULL && object == NULL)
            continue;
        len = replica_hold(sc, kind, i);
        unlink_object(sc, kind, object);
        replica_retake(sc, kind, i, len);
    }
}

/* What the configuration made stays, without what calls, phones and agents made of it. */
static void reset_configured(struct sc *sc)
{
    agents_forget(sc);
    for (struct queue *q = pool_next(&sc->queues, NULL); q != NULL; q = pool_next(&sc->queues, q)) {
        q->waiting_n = q->in_music = 0;
        q->taken = MONO_ZERO;
        memset(q->waiting_by, 0, sizeof(q->waiting_by));
    }
    for (struct dn *d = pool_next(&sc->dns, NULL); d != NULL; d = pool_next(&sc->dns, d)) {
        d->legs = d->bindings_n = d->lost_n = 0;
        memset(d->lines, 0, sizeof(d->lines));
        if (d->type == SC_DN_EXTENSION && d->in_service) {
            d->in_service = false;
            text_copy(d->reason, sizeof(d->reason), "not registered");
        }
    }
    trunks_stop(sc);
    while (list_pop(&sc->dirty_queues) != NULL)
        ;
    peering_init(sc);
    peering_configure(sc);
}

void replica_keep(struct sc *sc)
{
    assert(sc->primary);
    replica_end(sc);
    /* What names others is written before they change: a record has handles, no pointers. */
    for (unsigned kind = REPLICA_KIND_MODE; kind < REPLICA_KINDS; kind++)
        keep_kind(sc, (enum replica_kind)kind);
#if SC_MUTATION != 30 /* it is no copy, and is in the way */
    sc->replica.copy = true;
#endif
    reset_configured(sc);
}
