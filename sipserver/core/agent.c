/* The machine of an agent, the lists of those who are idle, and what calls and phones say of them.
 */
#include "sipserver/core/agent_inner.h"

#include "sipserver/core/call.h"
#include "sipserver/core/control.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/peering.h"
#include "sipserver/core/queue.h"
#include "sipserver/core/report.h"
#include "sipserver/core/ring.h"

/* ---- the table ---- */

static bool g_wants_ready(const struct sc *sc, const void *object)
{
    (void)sc;
    return ((const struct agent *)object)->wants_ready;
}

static bool g_phone_busy(const struct sc *sc, const void *object)
{
    const struct dn *d = pool_get(&sc->dns, ((const struct agent *)object)->dn);

    return d != NULL && d->legs > 0;
}

static bool g_has_wrap_up(const struct sc *sc, const void *object)
{
    const struct agent *a = object;

    (void)sc;
    return a->acd_call && a->wrap_up_ms > 0;
}

void agent_count_queues(struct sc *sc, const struct agent *a, bool login)
{
    for (uint32_t i = 0; i < a->queues_n; i++) {
        struct queue *q = queue_find(sc, a->queues[i]);

        if (q != NULL)
            queue_agent_counts(sc, q, login);
    }
}

static void a_agent_login(struct sc *sc, void *object, const void *argument)
{
    struct agent *a = object;
    struct dn *d = pool_get(&sc->dns, a->dn);

    (void)argument;
    d->agent = pool_handle(&sc->agents, a);
    a->idle_since = sc->now;
    a->logout_due = false;
    a->acd_call = false;
    sc->agents_logged_in++;
    agent_count_queues(sc, a, true);
}

static void a_agent_logout(struct sc *sc, void *object, const void *argument)
{
    struct agent *a = object;
    struct dn *d = pool_get(&sc->dns, a->dn);
    struct call *c = pool_get(&sc->calls, a->call);

    (void)argument;
    control_abort(sc, a, "logged out meanwhile");
    if (d != NULL)
        d->agent = HANDLE_NONE;
    disarm(sc, &a->wrap);
    disarm(sc, &a->phone);
    sc->agents_logged_in--;
    agent_count_queues(sc, a, false);
    a->call = HANDLE_NONE;
    if (c != NULL && ring_has(sc, c, a)) /* not one that its phone only called */
        call_agent_left(sc, c, a, "agent logged out");
}

static void a_not_answered(struct sc *sc, void *object, const void *argument)
{
    struct agent *a = object;

    (void)sc;
    (void)argument;
    a->wants_ready = false;
}

static void a_start_wrap_up(struct sc *sc, void *object, const void *argument)
{
    (void)argument;
    arm_ms(sc, &((struct agent *)object)->wrap, ((struct agent *)object)->wrap_up_ms);
}

static void a_end_wrap_up(struct sc *sc, void *object, const void *argument)
{
    (void)argument;
    disarm(sc, &((struct agent *)object)->wrap);
}

#define g_always NULL
#define a_none   NULL

/* clang-format off */
static const struct fsm_row rows[] = {
#define ROW(from_, event_, guard_, to_, action_, why_, source_) \
    {SC_AGENT_##from_, AGENT_EV_##event_, SC_AGENT_##to_, false, g_##guard_, a_##action_, #guard_, #action_, why_, source_},
#define IGNORE(from_, event_, why_, source_) \
    {SC_AGENT_##from_, AGENT_EV_##event_, SC_AGENT_##from_, true, NULL, NULL, "always", "none", why_, source_},
#include "sipserver/core/agent.tbl.h"
};
static const char *const states[] = {
#define STATE(name, meaning) #name,
#include "sipserver/core/agent.tbl.h"
};
static const char *const events[] = {
#define EVENT(name, meaning) #name,
#include "sipserver/core/agent.tbl.h"
};
/* clang-format on */

#define STATES (sizeof(states) / sizeof(states[0]))

const struct fsm agent_fsm = {
    "agent", rows, sizeof(rows) / sizeof(rows[0]), states, STATES, events, AGENT_EVENTS, STATES};

const char *sc_agent_state_name(enum sc_agent_state state)
{
    switch (state) {
    case SC_AGENT_NULL: return "Null";
    case SC_AGENT_NOT_READY: return "NotReady";
    case SC_AGENT_READY: return "Ready";
    case SC_AGENT_RESERVED: return "Reserved";
    case SC_AGENT_BUSY: return "Busy";
    case SC_AGENT_ACW: return "AfterCallWork";
    }
    return "?";
}

void agent_event(struct sc *sc, struct agent *a, enum agent_event event, const char *reason)
{
    const struct fsm_row *row = fsm_row(&agent_fsm, a->state, event, sc, a);
    uint8_t from = a->state;

    if (row->ignore)
        return;
    a->state = row->to;
    if (from != row->to) {
        a->since = sc->now;
        text_copy(a->reason, sizeof(a->reason), reason != NULL ? reason : "");
    } else if (reason != NULL) {
        text_copy(a->reason, sizeof(a->reason), reason);
    }
    if (row->action != NULL)
        row->action(sc, a, NULL);
    agent_update_idle(sc, a);
    report_agent(sc, a, SC_AGENT_STATE, pool_get(&sc->calls, a->call));
    if (from != row->to)
        report_note(sc, SC_NOTE_AGENT, a->id, sc_agent_state_name((enum sc_agent_state)from),
                    sc_agent_state_name((enum sc_agent_state)row->to),
                    reason != NULL && reason[0] != '\0' ? reason : row->why);
    if (a->state == SC_AGENT_NULL)
        a->dn = HANDLE_NONE;
    else if (a->logout_due && (a->state == SC_AGENT_READY || a->state == SC_AGENT_NOT_READY))
        agent_logout(sc, a, "phone out of service");
}

/* ---- idle lists ---- */

bool agent_can_take(const struct sc *sc, const struct agent *a)
{
    const struct dn *d = pool_get(&sc->dns, a->dn);

    return a->state == SC_AGENT_READY && !a->logout_due && d != NULL && d->in_service &&
           dn_reachable(d) && d->legs == 0;
}

/* Enter A on the list of Q behind all who have been idle longer. */
static void enter_idle(struct sc *sc, struct queue *q, struct agent *a, struct membership *m)
{
    struct list_link *after = list_last(&q->idle);
    struct list_link *place = &q->idle.head;

    while (after != NULL) {
        const struct membership *other = CONTAINER_OF(after, struct membership, in_idle);
        const struct agent *b = pool_at(&sc->agents, other->agent);

        if (!mono_before(a->idle_since, b->idle_since))
            break;
        place = after;
        after = after->prev == &q->idle.head ? NULL : after->prev;
    }
    m->agent = pool_index(&sc->agents, a);
    list_insert_before(place, &m->in_idle);
    q->idle_n++;
    queue_changed(sc, q);
}

void agent_leave_idle(struct sc *sc, struct agent *a)
{
    if (!a->idle)
        return;
    a->idle = false;
    for (uint32_t i = 0; i < a->queues_n; i++) {
        struct queue *q = queue_find(sc, a->queues[i]);

        if (q == NULL || !list_linked(&a->membership[i].in_idle))
            continue;
        list_remove(&a->membership[i].in_idle);
        q->idle_n--;
        queue_changed(sc, q);
    }
}

void agent_update_idle(struct sc *sc, struct agent *a)
{
    bool can = agent_can_take(sc, a);

    if (a->idle == can)
        return;
    if (!can) {
        agent_leave_idle(sc, a);
        return;
    }
    a->idle = true;
    for (uint32_t i = 0; i < a->queues_n; i++) {
        struct queue *q = queue_find(sc, a->queues[i]);

        if (q != NULL && !list_linked(&a->membership[i].in_idle))
            enter_idle(sc, q, a, &a->membership[i]);
    }
}

void agent_new_queue(struct sc *sc, struct agent *a, uint32_t place)
{
    struct queue *q = queue_find(sc, a->queues[place]);

    q->logged_in++;
    if (a->idle)
        enter_idle(sc, q, a, &a->membership[place]);
}

void agent_phone_reached(struct sc *sc, struct agent *a)
{
    agent_update_idle(sc, a);
}

/* ---- the phone ---- */

void agent_logout(struct sc *sc, struct agent *a, const char *reason)
{
    a->logout_due = false;
    agent_event(sc, a, AGENT_EV_LOGOUT, reason);
}

void agent_phone(struct sc *sc, struct agent *a, bool in_service)
{
    report_agent(sc, a, in_service ? SC_AGENT_DN_IN : SC_AGENT_DN_OUT, NULL);
    if (in_service) {
        disarm(sc, &a->phone);
        a->logout_due = false;
    } else if (peering_mode(sc) == SC_PEERED) { /* damping */
        arm_ms(sc, &a->phone, 2 * sc->options.oos_check_ms);
    }
    if (!in_service && a->state == SC_AGENT_RESERVED && pool_get(&sc->calls, a->call) != NULL)
        call_agent_left(sc, pool_get(&sc->calls, a->call), a, "phone out of service");
    agent_update_idle(sc, a);
}

void agents_watch_phones(struct sc *sc)
{
    for (struct agent *a = pool_next(&sc->agents, NULL); a != NULL; a = pool_next(&sc->agents, a)) {
        const struct dn *d = pool_get(&sc->dns, a->dn);

        if (a->state == SC_AGENT_NULL || d == NULL || d->in_service)
            continue;
        pool_touch(&sc->agents, a);
        arm_ms(sc, &a->phone, sc->options.logout_grace_ms);
    }
}

void agent_timer_phone(struct sc *sc, struct agent *a)
{
    const struct dn *d = pool_get(&sc->dns, a->dn);

    if (a->state == SC_AGENT_NULL || d == NULL || d->in_service || peering_mode(sc) != SC_PEERED)
        return;
    if (a->state == SC_AGENT_READY || a->state == SC_AGENT_NOT_READY)
        agent_logout(sc, a, "phone out of service");
    else
        a->logout_due = true;
}

/* ---- calls ---- */

void agent_offer(struct sc *sc, struct agent *a, struct call *c)
{
    const struct queue *q = queue_of_call(sc, c);

    a->call = pool_handle(&sc->calls, c);
    a->acd_call = true;
    a->wrap_up_ms = q != NULL && q->wrap_up_ms != 0 ? q->wrap_up_ms : sc->options.wrap_up_ms;
    agent_event(sc, a, AGENT_EV_OFFER, NULL);
}

void agent_answered(struct sc *sc, struct agent *a)
{
    agent_event(sc, a, AGENT_EV_ANSWERED, NULL);
}

void agent_no_answer(struct sc *sc, struct agent *a, const char *reason)
{
    a->call = HANDLE_NONE;
    agent_event(sc, a, AGENT_EV_NO_ANSWER, reason);
}

void agent_withdrawn(struct sc *sc, struct agent *a)
{
    a->call = HANDLE_NONE;
    agent_event(sc, a, AGENT_EV_WITHDRAWN, NULL);
}

void agent_call(struct sc *sc, struct agent *a, struct call *c)
{
    if (a->state != SC_AGENT_RESERVED) {
        if (pool_get(&sc->calls, a->call) == NULL)
            a->call = pool_handle(&sc->calls, c);
        if (a->state != SC_AGENT_BUSY)
            a->acd_call = false;
    }
    agent_event(sc, a, AGENT_EV_CALL, NULL);
    agent_update_idle(sc, a);
}

void agent_free(struct sc *sc, struct agent *a)
{
    if (a->state == SC_AGENT_BUSY) {
        a->call = HANDLE_NONE;
        a->idle_since = sc->now;
    }
    agent_event(sc, a, AGENT_EV_FREE, NULL);
    agent_update_idle(sc, a);
}

void agent_timer_wrap(struct sc *sc, struct agent *a)
{
    a->idle_since = sc->now;
    agent_event(sc, a, AGENT_EV_WRAPPED, NULL);
}

uint32_t agents_at(const struct sc *sc, const struct dn *d)
{
    const struct queue *q;

    if (d->type != SC_DN_QUEUE)
        return pool_get(&sc->agents, d->agent) != NULL ? 1 : 0;
    q = pool_get(&sc->queues, d->queue);
    return q != NULL ? q->logged_in : 0;
}
