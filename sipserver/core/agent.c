#include "sipserver/core/agent.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sipserver/core/call.h"
#include "sipserver/core/control.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/overload.h"
#include "sipserver/core/peering.h"
#include "sipserver/core/queue.h"
#include "sipserver/core/report.h"
#include "sipserver/core/ring.h"

static void update_idle(struct sc *sc, struct agent *a);

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

static void count_queues(struct sc *sc, const struct agent *a, bool login)
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
    count_queues(sc, a, true);
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
    count_queues(sc, a, false);
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

/* The only place that moves an agent's state.  REASON NULL: the table's. */
static void agent_event(struct sc *sc, struct agent *a, enum agent_event event, const char *reason)
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
    update_idle(sc, a);
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

static void leave_idle(struct sc *sc, struct agent *a)
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

static void update_idle(struct sc *sc, struct agent *a)
{
    bool can = agent_can_take(sc, a);

    if (a->idle == can)
        return;
    if (!can) {
        leave_idle(sc, a);
        return;
    }
    a->idle = true;
    for (uint32_t i = 0; i < a->queues_n; i++) {
        struct queue *q = queue_find(sc, a->queues[i]);

        if (q != NULL && !list_linked(&a->membership[i].in_idle))
            enter_idle(sc, q, a, &a->membership[i]);
    }
}

void agent_phone_reached(struct sc *sc, struct agent *a)
{
    update_idle(sc, a);
}

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

    leave_idle(sc, a);
    if (a->state != SC_AGENT_NULL)
        count_queues(sc, a, false);
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
        count_queues(sc, a, true);
    update_idle(sc, a);
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

    return node != NULL ? CONTAINER_OF(node, struct agent, by_id) : NULL;
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

        leave_idle(sc, a);
        if (a->state != SC_AGENT_NULL)
            count_queues(sc, a, false);
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

/* ---- requests of desktops ---- */

static void answer(struct sc *sc, const struct sc_agent_request *r, const struct agent *a, int code,
                   bool retriable, const char *text)
{
    struct sc_agent_reply *reply = &report(sc, SC_ACT_AGENT_REPLY)->reply;

    reply->request_id = r->request_id;
    reply->client = r->client;
    reply->code = code;
    reply->retriable = retriable;
    reply->state = a != NULL ? (enum sc_agent_state)a->state : SC_AGENT_NULL;
    text_copy(reply->text, sizeof(reply->text), text);
}

static void login(struct sc *sc, const struct sc_agent_request *r, struct agent *a)
{
    struct dn *d = dn_find(sc, sip_str_of(r->dn[0] != '\0' ? r->dn : a->default_dn));
    bool ready = r->state == SC_AGENT_READY;

    if (d == NULL || d->type != SC_DN_EXTENSION) {
        answer(sc, r, a, -EINVAL, false, "no such extension: give the number of a phone");
        return;
    }
    if (pool_get(&sc->agents, d->agent) != NULL && pool_get(&sc->agents, d->agent) != a) {
        answer(sc, r, a, -EBUSY, false, "another agent is logged in at this extension");
        return;
    }
    if (a->state != SC_AGENT_NULL && pool_get(&sc->dns, a->dn) != d) {
        answer(sc, r, a, -EBUSY, false,
               "already logged in at another extension: log out there first");
        return;
    }
    if (peering_mode(sc) == SC_PEERED && !d->in_service) { /* L-1 */
        answer(sc, r, a, -EAGAIN, true, "the phone is out of service here: it must register first");
        return;
    }
    a->wants_ready = ready;
    if (a->state == SC_AGENT_NULL) {
        a->dn = pool_handle(&sc->dns, d);
        agent_event(sc, a, AGENT_EV_LOGIN, ready ? NULL : r->reason);
    } else {
        agent_event(sc, a, AGENT_EV_WANTS, ready ? NULL : r->reason);
    }
    answer(sc, r, a, 0, false,
           d->in_service ? "logged in" : "logged in; calls come when the phone is in service");
}

static void want(struct sc *sc, const struct sc_agent_request *r, struct agent *a, bool ready)
{
    if (a->state == SC_AGENT_NULL) {
        answer(sc, r, a, -ENOENT, false, "not logged in");
        return;
    }
    if (ready && !a->wants_ready)
        a->idle_since = sc->now;
    a->wants_ready = ready;
    agent_event(sc, a, AGENT_EV_WANTS, ready ? NULL : r->reason);
    answer(sc, r, a, 0, false, "");
}

void agent_request(struct sc *sc, const struct sc_agent_request *r)
{
    struct agent *a = agent_find(sc, r->agent);

    if (!sc->primary || !sc->loaded) {
        answer(sc, r, NULL, -EAGAIN, true, "this site is not in service yet");
        return;
    }
    if (a == NULL) {
        answer(sc, r, NULL, -ENOENT, false, "no such agent");
        return;
    }
    switch (r->op) {
    case SC_LOGIN:
        if (overload_sheds(sc, OVERLOAD_LOGIN))
            answer(sc, r, a, -EAGAIN, true, "the SIP server has too much to do");
        else
            login(sc, r, a);
        return;
    case SC_LOGOUT:
        agent_logout(sc, a, r->reason);
        answer(sc, r, a, 0, false, "");
        return;
    case SC_READY: want(sc, r, a, true); return;
    case SC_NOT_READY: want(sc, r, a, false); return;
    case SC_QUERY: answer(sc, r, a, 0, false, a->reason); return;
    case SC_DIAL:
    case SC_ANSWER:
    case SC_RELEASE:
    case SC_HOLD:
    case SC_RETRIEVE:
    case SC_TRANSFER:
    case SC_CONSULT:
    case SC_COMPLETE:
    case SC_ALTERNATE:
    case SC_RETURN:
    case SC_SET_DATA:
    case SC_GET_DATA: control_request(sc, r, a); return;
    case SC_AGENT_OPS: break;
    }
    answer(sc, r, a, -EINVAL, false, "unknown request");
}

void agent_logout(struct sc *sc, struct agent *a, const char *reason)
{
    a->logout_due = false;
    agent_event(sc, a, AGENT_EV_LOGOUT, reason);
}

/* ---- the phone ---- */

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
    update_idle(sc, a);
}

void agents_watch_phones(struct sc *sc)
{
    for (struct agent *a = pool_next(&sc->agents, NULL); a != NULL; a = pool_next(&sc->agents, a)) {
        const struct dn *d = pool_get(&sc->dns, a->dn);

        if (a->state != SC_AGENT_NULL && d != NULL && !d->in_service)
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
    update_idle(sc, a);
}

void agent_free(struct sc *sc, struct agent *a)
{
    if (a->state == SC_AGENT_BUSY) {
        a->call = HANDLE_NONE;
        a->idle_since = sc->now;
    }
    agent_event(sc, a, AGENT_EV_FREE, NULL);
    update_idle(sc, a);
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
