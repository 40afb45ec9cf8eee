/* The agents of the configuration, and which queues each of them serves. */
#include "sipserver/core/agent_inner.h"

#include <string.h>

#include "sipserver/core/control.h"
#include "sipserver/core/report.h"

/* ---- who serves what ---- */

uint64_t group_key(const struct sc *sc, const char *name)
{
    return siphash24(sc->conf.secret, name, strlen(name));
}

/* A serves one more queue; PLACE: 0 its own, then the place of the group among the queue's. */
static bool add_queue(struct sc *sc, struct agent *a, const char *number, uint32_t place)
{
    uint32_t level = a->level != 0 ? a->level : SC_LEVEL_MAX + 1;

    for (uint32_t i = 0; i < a->queues_n; i++)
        if (text_eq(a->queues[i], number))
            return true;
    if (a->queues_n == SC_AGENT_QUEUES_MAX) {
        sc->counts[N_AGENT_QUEUES_FULL]++;
        return false;
    }
    a->membership[a->queues_n].rank = place * (SC_LEVEL_MAX + 2) + level;
    text_copy(a->queues[a->queues_n++], sizeof(a->queues[0]), number);
    return true;
}

/* The place of the first group of Q that A is in, from 1; 0: in none. */
static uint32_t group_place(const struct queue *q, const struct agent *a)
{
    for (uint32_t i = 0; i < q->groups_n; i++)
        for (uint32_t k = 0; k < a->groups_n; k++)
            if (q->groups[i] == a->groups[k])
                return i + 1;
    return 0;
}

/* Work out which queues A serves: its own, then those of its groups. */
static void serve(struct sc *sc, struct agent *a)
{
    bool left_out = false;

    agent_leave_idle(sc, a);
    if (a->state != SC_AGENT_NULL)
        agent_count_queues(sc, a, false);
    a->queues_n = 0;
    for (uint32_t i = 0; i < a->own_n; i++)
        (void)add_queue(sc, a, a->own[i], 0);
    if (a->groups_n > 0)
        LIST_EACH(link, &sc->grouped_queues)
        {
            const struct queue *q = CONTAINER_OF(link, struct queue, in_grouped);
            const struct dn *d = pool_get(&sc->dns, q->dn);
            uint32_t place = group_place(q, a);

            left_out |= place != 0 && !add_queue(sc, a, d->number, place);
        }
    if (left_out)
        report_note(sc, SC_NOTE_OVERLOAD, a->id, NULL, NULL,
                    "queues of the agent's groups are left out: an agent serves 8 at most");
    if (a->state != SC_AGENT_NULL)
        agent_count_queues(sc, a, true);
    agent_update_idle(sc, a);
}

void agents_regroup_later(struct sc *sc)
{
    sc->regrouping = true;
    sc->regroup_next = 0;
}

bool agents_regroup(struct sc *sc)
{
    for (; sc->regroup_next < sc->agents.count; sc->regroup_next++) {
        struct agent *a = pool_at(&sc->agents, sc->regroup_next);

        if (a == NULL || a->groups_n == 0)
            continue;
        if (!out_has_room(sc->out))
            return false;
        serve(sc, a);
        report_agent(sc, a, SC_AGENT_STATE, pool_get(&sc->calls, a->call));
    }
    return true;
}

/* ---- configuration ---- */

struct agent *agent_find(const struct sc *sc, const char *id)
{
    struct hash_node *node = hash_get_text(&sc->agents_by_id, id);

    if (node == NULL)
        return NULL;
    pool_touch(&sc->agents, CONTAINER_OF(node, struct agent, by_id));
    return CONTAINER_OF(node, struct agent, by_id);
}

void agent_configure(struct sc *sc, const struct sc_agent_conf *conf)
{
    struct agent *a = agent_find(sc, conf->id);

    if (a == NULL) {
        a = pool_take(&sc->agents, NULL);
        if (a == NULL) {
            sc->counts[N_AGENTS_FULL]++;
            report_note(sc, SC_NOTE_OVERLOAD, conf->id, NULL, NULL,
                        "agent left out: agents-max is reached");
            return;
        }
        text_copy(a->id, sizeof(a->id), conf->id);
        timer_init(&a->wrap, TIMER_AGENT_WRAP);
        timer_init(&a->phone, TIMER_AGENT_PHONE);
        timer_init(&a->operation, TIMER_AGENT_CONTROL);
        for (uint32_t i = 0; i < SC_AGENT_QUEUES_MAX; i++)
            list_link_init(&a->membership[i].in_idle);
        a->since = sc->now;
        (void)hash_put_text(&sc->agents_by_id, &a->by_id, a->id);
    }
    a->seen = sc->seen;
    text_copy(a->default_dn, sizeof(a->default_dn), conf->dn);
    a->own_n = conf->queues_n;
    memcpy(a->own, conf->queues, sizeof(a->own));
    a->groups_n = conf->groups_n;
    for (uint32_t i = 0; i < conf->groups_n; i++)
        a->groups[i] = group_key(sc, conf->groups[i]);
    a->level = conf->level < SC_LEVEL_MAX ? conf->level : SC_LEVEL_MAX;
    serve(sc, a);
    report_agent(sc, a, SC_AGENT_STATE, NULL);
}

void agent_delete(struct sc *sc, struct agent *a)
{
    agent_logout(sc, a, "agent deleted");
    hash_remove(&sc->agents_by_id, &a->by_id);
    pool_put(&sc->agents, a);
}

bool agents_sweep(struct sc *sc)
{
    struct agent *next;

    for (struct agent *a = pool_next(&sc->agents, NULL); a != NULL; a = next) {
        next = pool_next(&sc->agents, a);
        if (a->seen == sc->seen)
            continue;
        if (!out_has_room(sc->out))
            return false;
        agent_delete(sc, a);
    }
    return true;
}

void agents_forget(struct sc *sc)
{
    for (struct agent *a = pool_next(&sc->agents, NULL); a != NULL; a = pool_next(&sc->agents, a)) {
        struct dn *d = pool_get(&sc->dns, a->dn);

        agent_leave_idle(sc, a);
        if (a->state != SC_AGENT_NULL)
            agent_count_queues(sc, a, false);
        if (d != NULL)
            d->agent = HANDLE_NONE;
        disarm(sc, &a->wrap);
        disarm(sc, &a->phone);
        control_forget(sc, a);
        a->state = SC_AGENT_NULL;
        a->dn = a->call = HANDLE_NONE;
        a->reason[0] = '\0';
        a->since = sc->now;
    }
    sc->agents_logged_in = 0;
}
