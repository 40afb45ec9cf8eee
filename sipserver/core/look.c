/* look - what others may see of the core, and its invariants. */
#include "sipserver/core/core.h"

#include <string.h>

#include "sipserver/core/agent.h"
#include "sipserver/core/binding.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/music.h"
#include "sipserver/core/peering.h"
#include "sipserver/core/report.h"
#include "sipserver/core/ring.h"
#include "sipserver/core/transfer.h"

static const char *const count_names[] = {
#define COUNTER(id, name, text) name,
#include "sipserver/core/counters.tbl.h"
};

/* Counters of the protocol floor that are refusals or drops. */
static const enum sip_count sip_drops[] = {
    SIP_N_BAD_ANSWERED,   SIP_N_BAD_DROPPED,   SIP_N_MERGED,          SIP_N_CANCEL_UNKNOWN,
    SIP_N_RESPONSE_STRAY, SIP_N_RESPONSE_VIAS, SIP_N_RESPONSE_OTHERS, SIP_N_CLIENT_FULL,
    SIP_N_TOO_LARGE,      SIP_N_OUT_REFUSED};

static uint64_t counted(const struct sc *sc, enum sip_count which)
{
    return sip_count(sc->sip, which);
}

void sc_status(const struct sc *sc, struct sc_status *ret_status)
{
    memset(ret_status, 0, sizeof(*ret_status));
    ret_status->primary = sc->primary;
    ret_status->ready = sc->loaded;
    ret_status->mode = peering_mode(sc);
    text_copy(ret_status->mode_reason, sizeof(ret_status->mode_reason), sc->peering.reason);
    ret_status->calls = sc->calls.used;
    ret_status->registrations = sc->bindings.used;
    ret_status->agents = sc->agents_logged_in;
    for (unsigned i = 0; i < CORE_COUNTS; i++)
        if (strncmp(count_names[i], "drop_", 5) == 0)
            ret_status->drops += sc->counts[i];
    for (unsigned i = 0; i < sizeof(sip_drops) / sizeof(sip_drops[0]); i++)
        ret_status->drops += counted(sc, sip_drops[i]);
}

void sc_counters(const struct sc *sc, void (*fn)(void *arg, const char *name, uint64_t value),
                 void *arg)
{
    for (unsigned i = 0; i < CORE_COUNTS; i++)
        fn(arg, count_names[i], sc->counts[i]);
    for (unsigned i = 0; i < SIP_COUNTS; i++)
        fn(arg, sip_count_name((enum sip_count)i), counted(sc, (enum sip_count)i));
}

const char *sc_call_phase_name(enum sc_call_phase phase)
{
    switch (phase) {
    case SC_CALL_STARTED: return "STARTED";
    case SC_CALL_QUEUED: return "QUEUED";
    case SC_CALL_OFFERED: return "OFFERED";
    case SC_CALL_ANSWERED: return "ANSWERED";
    case SC_CALL_RELEASED: return "RELEASED";
    case SC_CALL_ABANDONED: return "ABANDONED";
    case SC_CALL_FAILED: return "FAILED";
    case SC_CALL_FORWARDED: return "FORWARDED";
    case SC_CALL_OVERFLOWED: return "OVERFLOWED";
    }
    return "UNKNOWN";
}

const char *sc_agent_work_name(enum sc_agent_work work)
{
    switch (work) {
    case SC_WORK_NONE: return "";
    case SC_WORK_ACD: return "acd";
    case SC_WORK_INBOUND: return "inbound";
    case SC_WORK_OUTBOUND: return "outbound";
    case SC_WORK_INTERNAL: return "internal";
    case SC_WORK_CONSULT: return "consult";
    }
    return "";
}

const char *sc_party_name(enum sc_party party)
{
    switch (party) {
    case SC_BY_NOBODY: return "nobody";
    case SC_BY_CALLER: return "caller";
    case SC_BY_CALLED: return "called";
    case SC_BY_SERVER: return "server";
    case SC_BY_TRANSFER_TARGET: return "transfer-target";
    }
    return "unknown";
}

const char *sc_leg_end_name(enum sc_leg_end end)
{
    static const char *const names[SC_LEG_ENDS] = {"", "released", "transferred", "moved"};

    return (unsigned)end < SC_LEG_ENDS ? names[end] : "unknown";
}

/* The first object of P at or after *CURSOR, which moves behind it. */
static void *walk(const struct pool *p, uint32_t *cursor)
{
    while (*cursor < p->count) {
        void *object = pool_at(p, (*cursor)++);

        if (object != NULL)
            return object;
    }
    return NULL;
}

bool sc_next_agent(const struct sc *sc, uint32_t *cursor, struct sc_agent_event *ret_state)
{
    const struct agent *a = walk(&sc->agents, cursor);

    if (a != NULL)
        agent_status(sc, a, ret_state);
    return a != NULL;
}

bool sc_next_queue(const struct sc *sc, uint32_t *cursor, struct sc_queue_status *ret_status)
{
    const struct queue *q = walk(&sc->queues, cursor);

    if (q != NULL)
        queue_status(sc, q, ret_status);
    return q != NULL;
}

bool sc_next_dn(const struct sc *sc, uint32_t *cursor, struct sc_dn_status *ret_status)
{
    const struct dn *d;

    while ((d = walk(&sc->dns, cursor)) != NULL) {
        if (d->type == SC_DN_QUEUE || d->type == SC_DN_ROUTING_POINT)
            continue; /* always in service */
        dn_status(d, ret_status);
        return true;
    }
    return false;
}

/* What the last event of L told. */
static enum sc_agent_event_kind line_kind(const struct sc *sc, const struct leg *l)
{
    const struct call *c = pool_get(&sc->calls, l->call);

    switch ((enum call_state)c->state) {
    case CALL_QUEUED: return SC_AGENT_QUEUED;
    case CALL_ANSWERED:
    case CALL_UP: return l->held || l->holds ? SC_AGENT_HELD : SC_AGENT_ESTABLISHED;
    case CALL_NONE:
    case CALL_SETUP:
    case CALL_OFFERED:
    case CALL_ENDING:
    case CALL_STATES: break;
    }
    return !l->is_caller ? SC_AGENT_RINGING : c->ringing ? SC_AGENT_ALERTING : SC_AGENT_DIALING;
}

bool sc_next_line(const struct sc *sc, uint32_t *cursor, struct sc_agent_event *ret_event)
{
    const struct leg *l;

    while (sc->primary && (l = walk(&sc->legs, cursor)) != NULL) {
        const struct dn *d = pool_get(&sc->dns, l->dn);
        const struct agent *a = d != NULL ? pool_get(&sc->agents, d->agent) : NULL;

        if (!l->counted || a == NULL)
            continue;
        line_event(sc, a, l, line_kind(sc, l), ret_event);
        return true;
    }
    return false;
}

uint32_t sc_agent_queues(const struct sc *sc, const char *id,
                         const char *ret_names[SC_AGENT_QUEUES_MAX])
{
    const struct agent *a = agent_find(sc, id);

    for (uint32_t i = 0; a != NULL && i < a->queues_n; i++)
        ret_names[i] = a->queues[i];
    return a != NULL ? a->queues_n : 0;
}

/* ---- invariants ---- */

static bool dns_sane(const struct sc *sc)
{
    uint32_t legs = 0, bindings = 0, counted = 0;

    for (const struct dn *d = pool_next(&sc->dns, NULL); d != NULL; d = pool_next(&sc->dns, d)) {
        const struct agent *a = pool_get(&sc->agents, d->agent);

        if (d->bindings_n != list_count(&d->bindings) || dn_find(sc, sip_str_of(d->number)) != d)
            return false;
        if (d->type == SC_DN_EXTENSION && d->in_service != (d->bindings_n > 0))
            return false;
        if (a != NULL && (pool_get(&sc->dns, a->dn) != d || a->state == SC_AGENT_NULL))
            return false;
        legs += d->legs;
        bindings += d->bindings_n;
    }
    for (const struct leg *l = pool_next(&sc->legs, NULL); l != NULL; l = pool_next(&sc->legs, l))
        counted += l->counted && pool_get(&sc->dns, l->dn) != NULL ? 1 : 0;
    return legs == counted && bindings == sc->bindings.used && bindings_sane(sc);
}

static bool trunks_sane(const struct sc *sc)
{
    uint32_t counted = 0, legs = 0;

    LIST_EACH(link, &sc->all_trunks)
    {
        const struct trunk *t = CONTAINER_OF(link, struct trunk, in_all);

        if (t->hops_n > SC_HOPS_MAX || t->nets_n > SC_NETS_MAX || t->reachable != (t->hops_n > 0) ||
            (t->reachable &&
             (t->hop >= t->hops_n || !sip_addr_eq(&t->hops[t->hop].addr, &t->addr))))
            return false;
        counted += t->calls_in + t->calls_out;
    }
    for (const struct leg *l = pool_next(&sc->legs, NULL); l != NULL; l = pool_next(&sc->legs, l)) {
        const struct dn *d = pool_get(&sc->dns, l->dn);

        legs += l->trunk != TRUNK_NOT_COUNTED && d != NULL && !handle_is_none(d->trunk) ? 1 : 0;
    }
    return counted == legs;
}

static bool rules_sane(const struct sc *sc)
{
    for (uint32_t i = 1; i < sc->rules_n; i++)
        if (pattern_compare(&sc->rules_sorted[i - 1]->pattern, &sc->rules_sorted[i]->pattern) > 0)
            return false;
    for (uint32_t i = 0; i < sc->rules_n; i++)
        if (sc->rules_sorted[i]->to_n > SC_RULE_TARGETS_MAX ||
            sc->rules_sorted[i]->from_n > SC_CLASSES_MAX)
            return false;
    return sc->rules_n == sc->rules.used;
}

static bool agents_sane(const struct sc *sc)
{
    uint32_t logged_in = 0;

    for (const struct agent *a = pool_next(&sc->agents, NULL); a != NULL;
         a = pool_next(&sc->agents, a)) {
        const struct call *c = pool_get(&sc->calls, a->call);

        logged_in += a->state != SC_AGENT_NULL ? 1 : 0;
        if (a->idle != agent_can_take(sc, a))
            return false;
        if (a->state == SC_AGENT_RESERVED &&
            (c == NULL || c->state != CALL_OFFERED || !ring_has(sc, c, a)))
            return false;
    }
    return logged_in == sc->agents_logged_in;
}

/* The calls of one priority in Q: in order, and as many as counted. */
static bool waiting_sane(const struct queue *q, unsigned priority, uint32_t *in_music)
{
    mono_t last = MONO_ZERO;

    LIST_EACH(link, &q->waiting[priority])
    {
        const struct call *c = CONTAINER_OF(link, struct call, in_queue);

        if (c->state != CALL_QUEUED || mono_before(c->queued, last) || c->priority != priority)
            return false;
        last = c->queued;
        *in_music += music_holds(c) ? 1 : 0;
    }
    return q->waiting_by[priority] == list_count(&q->waiting[priority]);
}

static bool queues_sane(const struct sc *sc)
{
    uint32_t waiting = 0, queued = 0;

    for (const struct queue *q = pool_next(&sc->queues, NULL); q != NULL;
         q = pool_next(&sc->queues, q)) {
        uint32_t by = 0, in_music = 0;

        if (q->idle_n != list_count(&q->idle))
            return false;
        if (q->waiting_n > 0 && q->idle_n > 0 && !list_linked(&q->in_dirty))
            return false; /* a call waits although an agent is idle */
        for (unsigned i = 0; i < SC_PRIORITIES; i++) {
            if (!waiting_sane(q, i, &in_music))
                return false;
            by += q->waiting_by[i];
        }
        if (by != q->waiting_n || in_music != q->in_music)
            return false;
        waiting += q->waiting_n;
    }
    for (const struct call *c = pool_next(&sc->calls, NULL); c != NULL;
         c = pool_next(&sc->calls, c))
        queued += c->state == CALL_QUEUED && list_linked(&c->in_queue) ? 1 : 0;
    return waiting == queued;
}

/* What the caller hears fits what the call is doing. */
static bool music_sane(const struct sc *sc, const struct call *c)
{
    const struct leg *l = pool_get(&sc->legs, c->music.leg);
    bool leg = c->music.state == MUSIC_CALLING || c->music.state == MUSIC_JOINING ||
               c->music.state == MUSIC_PLAYING;

    if (leg != (l != NULL))
        return false;
    if ((c->state == CALL_UP || c->state == CALL_ENDING) && c->music.state != MUSIC_NONE)
        return false;
    if (c->music.state == MUSIC_PLAYING && c->music.answered.ns == 0)
        return false;
    return !c->joining || (c->state == CALL_ANSWERED &&
                           (c->music.state == MUSIC_NONE || c->music.state == MUSIC_PLAYING));
}

/* In SETUP between two steps: the caller's own phone is being called (control.h). */
static bool call_dials(const struct leg *caller)
{
    return caller != NULL && caller->dialog.is_uac && caller->state == LEG_CALLING;
}

/* An operation that is under way has its leg, and its time or its transaction. */
static bool controls_sane(const struct sc *sc)
{
    for (const struct agent *a = pool_next(&sc->agents, NULL); a != NULL;
         a = pool_next(&sc->agents, a)) {
        bool busy = a->control.state != CONTROL_NONE;

        if (a->control.state == CONTROL_JOINING && !transfer_of(sc, pool_handle(&sc->agents, a)))
            return false;
        if (busy && a->control.state != CONTROL_JOINING &&
            (a->state == SC_AGENT_NULL || pool_get(&sc->legs, a->control.leg) == NULL))
            return false;
        if ((a->control.state == CONTROL_CALLING || a->control.state == CONTROL_ANSWERING ||
             a->control.waiting) &&
            busy && !timer_armed(&a->operation))
            return false;
        if (!busy && timer_armed(&a->operation))
            return false;
    }
    return true;
}

static bool prack_sane(const struct leg *l)
{
    return l->prack_waits != PRACK_TAKEN && (l->prack_waits != PRACK_AWAITED || l->rseq != 0) &&
           (l->due == 0 || l->prack_waits == PRACK_AWAITED);
}

static bool calls_sane(const struct sc *sc)
{
    uint32_t legs = 0, came = 0;

    for (const struct leg *l = pool_next(&sc->legs, NULL); l != NULL; l = pool_next(&sc->legs, l))
        if (!prack_sane(l) || !sip_dialog_sane(&l->dialog))
            return false;

    for (const struct call *c = pool_next(&sc->calls, NULL); c != NULL;
         c = pool_next(&sc->calls, c)) {
        const struct leg *caller = pool_get(&sc->legs, c->caller);
        const struct leg *target = pool_get(&sc->legs, c->target);
        bool both = c->state == CALL_ANSWERED || c->state == CALL_UP;

        legs += c->legs_n;
        if (c->tries_n > SC_TRIES_MAX)
            return false;
        if (c->state == CALL_NONE || c->legs_n == 0 ||
            (c->state == CALL_SETUP && !call_dials(caller)))
            return false; /* only within a step */
        if (c->state != CALL_ENDING && caller == NULL)
            return false;
        if ((both || c->state == CALL_OFFERED) && target == NULL)
            return false;
        if (c->state == CALL_OFFERED && !timer_armed(&c->ring))
            return false;
        if (!music_sane(sc, c))
            return false;
        if (c->rings_n > CALL_RINGS_MAX || (c->rings_n > 0 && c->state != CALL_OFFERED))
            return false;
        for (unsigned i = 0; i < c->rings_n; i++)
            if (pool_get(&sc->legs, c->rings[i].leg) == NULL)
                return false;
        if (c->diverted_n > SC_DIVERTED_MAX)
            return false;
        came += pool_get(&sc->came, c->came) != NULL ? 1 : 0;
    }
    return legs == sc->legs.used && came == sc->came.used;
}

bool sc_sane(const struct sc *sc)
{
    if (sc->replica.copy) /* records only: nothing is made from them yet */
        return rules_sane(sc) && timer_sane(&sc->timers);
    return dns_sane(sc) && trunks_sane(sc) && rules_sane(sc) && agents_sane(sc) &&
           queues_sane(sc) && calls_sane(sc) && controls_sane(sc) && timer_sane(&sc->timers) &&
           sip_sane(sc->sip) && list_empty(&sc->over);
}
