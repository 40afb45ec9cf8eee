#include "sipserver/core/queue.h"

#include <assert.h>
#include <string.h>

#include "sipserver/core/agent.h"
#include "sipserver/core/call.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/music.h"
#include "sipserver/core/report.h"

/* Agents who were configured or logged in before their queue was. */
static void adopt_agents(struct sc *sc, const struct dn *d)
{
    for (struct agent *a = pool_next(&sc->agents, NULL); a != NULL; a = pool_next(&sc->agents, a)) {
        if (a->state == SC_AGENT_NULL)
            continue;
        for (uint32_t i = 0; i < a->queues_n; i++)
            if (text_eq(a->queues[i], d->number))
                agent_new_queue(sc, a, i);
    }
}

static bool same_groups(const struct queue *q, const uint64_t *groups, uint32_t n)
{
    return q->groups_n == n && memcmp(q->groups, groups, n * sizeof(*groups)) == 0;
}

static void set_groups(struct sc *sc, struct queue *q, const struct sc_dn_conf *conf)
{
    uint64_t groups[SC_GROUPS_MAX] = {0};

    for (uint32_t i = 0; i < conf->groups_n; i++)
        groups[i] = group_key(sc, conf->groups[i]);
    if (same_groups(q, groups, conf->groups_n))
        return;
    q->groups_n = conf->groups_n;
    memcpy(q->groups, groups, sizeof(q->groups));
    list_remove(&q->in_grouped);
    if (q->groups_n > 0)
        list_append(&sc->grouped_queues, &q->in_grouped);
    agents_regroup_later(sc);
}

static struct queue *queue_new(struct sc *sc, struct dn *d)
{
    struct queue *q = pool_take(&sc->queues, &d->queue);

    assert(q != NULL); /* one for each DN */
    q->dn = pool_handle(&sc->dns, d);
    for (unsigned i = 0; i < SC_PRIORITIES; i++)
        list_init(&q->waiting[i]);
    list_init(&q->idle);
    list_link_init(&q->in_dirty);
    list_link_init(&q->in_grouped);
    adopt_agents(sc, d);
    return q;
}

void queue_configure(struct sc *sc, struct dn *d, const struct sc_dn_conf *conf)
{
    struct queue *q = pool_get(&sc->queues, d->queue);

    if (q == NULL)
        q = queue_new(sc, d);
    q->size_max = conf->queue_size_max;
    q->wait_max_ms = conf->queue_wait_max_ms;
    q->wrap_up_ms = conf->wrap_up_ms;
    q->distribution = (uint8_t)conf->distribution;
    q->answer_after_ms = conf->queue_answer_after_ms;
    q->music_n = conf->music_n;
    memcpy(q->music, conf->music, sizeof(q->music));
    text_copy(q->overflow_full, sizeof(q->overflow_full), conf->overflow_full);
    text_copy(q->overflow_wait, sizeof(q->overflow_wait), conf->overflow_wait);
    text_copy(q->overflow_no_agent, sizeof(q->overflow_no_agent), conf->overflow_no_agent);
    set_groups(sc, q, conf);
    queue_changed(sc, q);
}

/* The waiting calls of Q are looked at by their timers, a bounded number at a time. */
static void look_at_calls(struct sc *sc, struct queue *q)
{
    for (unsigned i = 0; i < SC_PRIORITIES; i++)
        LIST_EACH(link, &q->waiting[i])
        {
            struct call *c = CONTAINER_OF(link, struct call, in_queue);

            pool_touch(&sc->calls, c);
            timer_arm(&sc->timers, &c->wait, sc->now);
        }
}

void queue_delete(struct sc *sc, struct dn *d)
{
    struct queue *q = pool_get(&sc->queues, d->queue);

    look_at_calls(sc, q);
    for (unsigned i = 0; i < SC_PRIORITIES; i++)
        while (list_pop(&q->waiting[i]) != NULL)
            ;
    while (list_pop(&q->idle) != NULL)
        ;
    list_remove(&q->in_dirty);
    if (q->groups_n > 0)
        agents_regroup_later(sc);
    list_remove(&q->in_grouped);
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

/* Calls that come back came first: they are looked for from the head. */
static void enter(struct queue *q, struct call *c)
{
    struct list *waiting = &q->waiting[c->priority];
    struct list_link *place = &waiting->head;

    for (struct list_link *l = list_first(waiting); l != NULL; l = list_next(waiting, l)) {
        const struct call *other = CONTAINER_OF(l, struct call, in_queue);
        const struct call *last = CONTAINER_OF(list_last(waiting), struct call, in_queue);

        if (!mono_before(c->queued, last->queued))
            break;
#if SC_MUTATION == 1 /* a call that comes back goes to the end */
        break;
#endif
        if (mono_before(c->queued, other->queued)) {
            place = l;
            break;
        }
    }
    list_insert_before(place, &c->in_queue);
    q->waiting_n++;
    q->waiting_by[c->priority]++;
    q->in_music += music_holds(c) ? 1 : 0;
}

bool queue_adopt(struct sc *sc, struct call *c)
{
    struct queue *q = queue_of_call(sc, c);

    if (q == NULL || c->priority >= SC_PRIORITIES)
        return false;
#if SC_MUTATION == 24 /* in the order in which they are found */
    list_append(&q->waiting[c->priority], &c->in_queue);
    q->waiting_n++;
    q->waiting_by[c->priority]++;
    q->in_music += music_holds(c) ? 1 : 0;
    return true;
#endif
    enter(q, c);
    return true;
}

void queue_add(struct sc *sc, struct call *c)
{
    struct queue *q = queue_of_call(sc, c);

    enter(q, c);
    if (q->wait_max_ms != 0)
        timer_arm(&sc->timers, &c->wait, mono_add_ms(c->entered, q->wait_max_ms));
    queue_changed(sc, q);
}

void queue_remove(struct sc *sc, struct call *c)
{
    struct queue *q = queue_of_call(sc, c);

    disarm(sc, &c->wait);
    disarm(sc, &c->notice);
    if (!list_linked(&c->in_queue))
        return;
    list_remove(&c->in_queue);
    assert(q != NULL);
    q->waiting_n--;
    q->waiting_by[c->priority]--;
    q->in_music -= music_holds(c) ? 1 : 0;
    queue_changed(sc, q);
}

void queue_music(struct sc *sc, struct call *c, bool begins)
{
    struct queue *q = queue_of_call(sc, c);

    if (q == NULL || !list_linked(&c->in_queue))
        return;
    q->in_music = begins ? q->in_music + 1 : q->in_music - 1;
    queue_changed(sc, q);
}

/* ---- overflow ---- */

const char *queue_detour(const struct sc *sc, const struct queue *q, const struct call *c,
                         const char **ret_why)
{
    if (c->overflows >= sc->options.overflows_max)
        return NULL;
    *ret_why = "the queue is full";
    if (queue_full(q))
        return q->overflow_full[0] != '\0' ? q->overflow_full : NULL;
    *ret_why = "no agent is logged in";
    return q->logged_in == 0 && q->overflow_no_agent[0] != '\0' ? q->overflow_no_agent : NULL;
}

enum queue_due queue_due(struct sc *sc, const struct queue *q, struct call *c,
                         const char **ret_target, const char **ret_why)
{
    mono_t end = mono_add_ms(c->entered, q->wait_max_ms);
    bool may = c->overflows < sc->options.overflows_max;

    *ret_why = "waited longer than the queue allows";
    *ret_target = q->overflow_wait;
    if (q->wait_max_ms != 0 && mono_due(end, sc->now))
        return may && q->overflow_wait[0] != '\0' ? QUEUE_OVERFLOWS : QUEUE_WAITED;
    *ret_why = "no agent is logged in";
    *ret_target = q->overflow_no_agent;
    if (may && q->logged_in == 0 && q->overflow_no_agent[0] != '\0')
        return QUEUE_OVERFLOWS;
    if (q->wait_max_ms != 0)
        timer_arm(&sc->timers, &c->wait, end);
    return QUEUE_WAITS;
}

void queue_agent_counts(struct sc *sc, struct queue *q, bool login)
{
    q->logged_in = login ? q->logged_in + 1 : q->logged_in - 1;
    if (q->logged_in == 0 && q->overflow_no_agent[0] != '\0')
        look_at_calls(sc, q);
    queue_changed(sc, q);
}

void queue_changed(struct sc *sc, struct queue *q)
{
    if (!list_linked(&q->in_dirty))
        list_append(&sc->dirty_queues, &q->in_dirty);
}

/* ---- distribution ---- */

/* The first call of Q: of the highest priority, the oldest.  NULL: none waits. */
static struct call *first_call(const struct queue *q)
{
    for (unsigned i = SC_PRIORITIES; i-- > 0;)
        if (q->waiting_by[i] > 0)
            return CONTAINER_OF(list_first(&q->waiting[i]), struct call, in_queue);
    return NULL;
}

/* The first call of all queues of A. */
static struct call *first_for(const struct sc *sc, const struct agent *a)
{
    struct call *first = NULL;

    for (uint32_t i = 0; i < a->queues_n; i++) {
        const struct queue *q = queue_find(sc, a->queues[i]);
        struct call *c = q != NULL ? first_call(q) : NULL;

        if (c == NULL)
            continue;
        if (first == NULL || c->priority > first->priority ||
            (c->priority == first->priority && mono_before(c->queued, first->queued)))
            first = c;
    }
    return first;
}

/* The agent of Q whose turn it is: the one longest idle; in a linear queue, of those who are first
 * in preference. */
static struct agent *next_agent(const struct sc *sc, const struct queue *q)
{
    const struct membership *next = CONTAINER_OF(list_first(&q->idle), struct membership, in_idle);

    if (q->distribution == SC_LINEAR)
        LIST_EACH(link, &q->idle)
        {
            const struct membership *m = CONTAINER_OF(link, struct membership, in_idle);

            if (m->rank < next->rank)
                next = m;
        }
    return pool_at(&sc->agents, next->agent);
}

/* Offer calls to the agents of Q. */
static void distribute(struct sc *sc, struct queue *q)
{
    while (out_has_room(sc->out) && q->waiting_n > 0 && !list_empty(&q->idle)) {
        struct agent *a = next_agent(sc, q);
        struct call *c = first_for(sc, a);

        pool_touch(&sc->agents, a);
        pool_touch(&sc->calls, c);
        call_offer_agent(sc, c, a);
    }
}

mono_t queue_oldest(const struct queue *q)
{
    mono_t oldest = MONO_ZERO;

    for (unsigned i = 0; i < SC_PRIORITIES; i++) {
        struct list_link *first = list_first(&q->waiting[i]);
        const struct call *c = first != NULL ? CONTAINER_OF(first, struct call, in_queue) : NULL;

        if (c != NULL && (oldest.ns == 0 || mono_before(c->queued, oldest)))
            oldest = c->queued;
    }
    return oldest;
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
