#include "sipserver/core/queue.h"

#include <assert.h>

#include "sipserver/core/agent.h"
#include "sipserver/core/call.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/report.h"

/* Agents who were configured or logged in before their queue was. */
static void adopt_agents(struct sc *sc, const struct dn *d, struct queue *q)
{
    for (struct agent *a = pool_next(&sc->agents, NULL); a != NULL; a = pool_next(&sc->agents, a)) {
        if (a->state == SC_AGENT_NULL)
            continue;
        for (uint32_t i = 0; i < a->queues_n; i++)
            if (text_eq(a->queues[i], d->number))
                q->logged_in++;
    }
}

void queue_configure(struct sc *sc, struct dn *d, const struct sc_dn_conf *conf)
{
    struct queue *q = pool_get(&sc->queues, d->queue);

    if (q == NULL) {
        q = pool_take(&sc->queues, &d->queue);
        assert(q != NULL); /* one for each DN */
        q->dn = pool_handle(&sc->dns, d);
        list_init(&q->waiting);
        list_init(&q->idle);
        list_link_init(&q->in_dirty);
        adopt_agents(sc, d, q);
    }
    q->size_max = conf->queue_size_max;
    q->wait_max_ms = conf->queue_wait_max_ms;
    queue_changed(sc, q);
}

void queue_delete(struct sc *sc, struct dn *d)
{
    struct queue *q = pool_get(&sc->queues, d->queue);
    struct list_link *link;

    while ((link = list_pop(&q->waiting)) !=
           NULL) /* ended by their timers, a bounded number at a time */
        timer_arm(&sc->timers, &CONTAINER_OF(link, struct call, in_queue)->wait, sc->now);
    while (list_pop(&q->idle) != NULL)
        ;
    list_remove(&q->in_dirty);
    pool_put(&sc->queues, q);
}

struct queue *queue_find(const struct sc *sc, const char *number)
{
    const struct dn *d = dn_find(sc, sip_str_of(number));

    return d != NULL && d->type == SC_DN_QUEUE ? pool_get(&sc->queues, d->queue) : NULL;
}

struct queue *queue_of_call(const struct sc *sc, const struct call *c)
{
    const struct dn *d = pool_get(&sc->dns, c->queue);

    return d != NULL && d->type == SC_DN_QUEUE ? pool_get(&sc->queues, d->queue) : NULL;
}

bool queue_full(const struct queue *q)
{
    return q->size_max != 0 && q->waiting_n >= q->size_max;
}

void queue_add(struct sc *sc, struct call *c)
{
    struct queue *q = queue_of_call(sc, c);
    struct list_link *place = &q->waiting.head;

    /* Calls that come back came first: they are looked for from the head. */
    for (struct list_link *l = list_first(&q->waiting); l != NULL; l = list_next(&q->waiting, l)) {
        const struct call *other = CONTAINER_OF(l, struct call, in_queue);
        const struct call *last = CONTAINER_OF(list_last(&q->waiting), struct call, in_queue);

        if (!mono_before(c->queued, last->queued))
            break;
        if (mono_before(c->queued, other->queued)) {
            place = l;
            break;
        }
    }
    list_insert_before(place, &c->in_queue);
    q->waiting_n++;
    if (q->wait_max_ms != 0)
        timer_arm(&sc->timers, &c->wait, mono_add_ms(c->queued, q->wait_max_ms));
    queue_changed(sc, q);
}

void queue_remove(struct sc *sc, struct call *c)
{
    struct queue *q = queue_of_call(sc, c);

    disarm(sc, &c->wait);
    if (!list_linked(&c->in_queue))
        return;
    list_remove(&c->in_queue);
    assert(q != NULL);
    q->waiting_n--;
    queue_changed(sc, q);
}

void queue_changed(struct sc *sc, struct queue *q)
{
    if (!list_linked(&q->in_dirty))
        list_append(&sc->dirty_queues, &q->in_dirty);
}

/* The call that has waited longest in any queue of A. */
static struct call *oldest_for(const struct sc *sc, const struct agent *a)
{
    struct call *oldest = NULL;

    for (uint32_t i = 0; i < a->queues_n; i++) {
        const struct queue *q = queue_find(sc, a->queues[i]);
        struct list_link *first = q != NULL ? list_first(&q->waiting) : NULL;
        struct call *c = first != NULL ? CONTAINER_OF(first, struct call, in_queue) : NULL;

        if (c != NULL && (oldest == NULL || mono_before(c->queued, oldest->queued)))
            oldest = c;
    }
    return oldest;
}

/* Offer calls to the agents of Q, longest idle first. */
static void distribute(struct sc *sc, struct queue *q)
{
    while (out_has_room(sc->out) && !list_empty(&q->waiting) && !list_empty(&q->idle)) {
        const struct membership *m = CONTAINER_OF(list_first(&q->idle), struct membership, in_idle);
        struct agent *a = pool_at(&sc->agents, m->agent);

        call_offer_agent(sc, oldest_for(sc, a), a);
    }
}

void queue_run(struct sc *sc)
{
    struct list_link *link;

    while (out_has_room(sc->out) && (link = list_pop(&sc->dirty_queues)) != NULL) {
        struct queue *q = CONTAINER_OF(link, struct queue, in_dirty);

        distribute(sc, q);
        if (out_has_room(sc->out))
            report_queue(sc, q);
        else
            queue_changed(sc, q);
    }
}
