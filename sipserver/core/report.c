#include "sipserver/core/report.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "sipserver/core/attach.h"
#include "sipserver/core/identity.h"
#include "sipserver/core/peering.h"
#include "sipserver/core/queue.h"
#include "sipserver/core/record.h"
#include "sipserver/core/wait.h"

/* Attached data make some actions large: only what KIND uses is cleared. */
static size_t used_by(enum sc_action_kind kind)
{
    switch (kind) {
    case SC_ACT_AGENT_REPLY: return sizeof(struct sc_agent_reply);
    case SC_ACT_AGENT_EVENT: return sizeof(struct sc_agent_event);
    case SC_ACT_QUEUE: return sizeof(struct sc_queue_status);
    case SC_ACT_CALL: return sizeof(struct sc_call_event);
    case SC_ACT_DN: return sizeof(struct sc_dn_status);
    case SC_ACT_MODE: return 0;
    case SC_ACT_NOTE: return sizeof(struct sc_note);
    case SC_ACT_RECORD: return sizeof(struct sc_record);
    case SC_ACT_RESOLVE: return sizeof(struct sc_resolve);
    }
    return 0;
}

struct sc_action *report(struct sc *sc, enum sc_action_kind kind)
{
    struct sc_action *a;

    assert(sc->out->n < sc->out->max);
    a = &sc->out->actions[sc->out->n++];
    memset((char *)a + offsetof(struct sc_action, reply), 0, used_by(kind));
    a->kind = kind;
    return a;
}

void report_note(struct sc *sc, enum sc_note_kind kind, const char *object, const char *from,
                 const char *to, const char *reason)
{
    struct sc_note *n = &report(sc, SC_ACT_NOTE)->note;

    n->kind = kind;
    text_copy(n->object, sizeof(n->object), object);
    n->from = from;
    n->to = to;
    text_copy(n->reason, sizeof(n->reason), reason);
}

void call_name_text(const struct sc *sc, uint64_t epoch, uint64_t number,
                    char text[SC_CALL_ID_SIZE])
{
    struct sip_buf b;

    sip_buf_init(&b, text, SC_CALL_ID_SIZE - 1);
    sip_put_number(&b, sc->conf.site);
    sip_put_text(&b, "-");
    sip_put_number(&b, epoch);
    sip_put_text(&b, "-");
    sip_put_number(&b, number);
    text[b.len] = '\0';
}

void call_id_text(const struct sc *sc, const struct call *c, char text[SC_CALL_ID_SIZE])
{
    call_name_text(sc, c->epoch, c->number, text);
}

static bool is_trunk(const struct sc *sc, handle_t dn)
{
    const struct dn *d = pool_get(&sc->dns, dn);

    return d != NULL && d->type == SC_DN_TRUNK;
}

static enum sc_agent_work work_of(const struct sc *sc, const struct agent *a)
{
    const struct dn *d = pool_get(&sc->dns, a->dn);
    const struct call *c = pool_get(&sc->calls, a->call);
    const struct leg *caller = c != NULL ? pool_get(&sc->legs, c->caller) : NULL;

    if (a->state != SC_AGENT_BUSY || d == NULL || c == NULL)
        return SC_WORK_NONE;
    if (d->legs > 1)
        return SC_WORK_CONSULT;
    if (a->acd_call)
        return SC_WORK_ACD;
    if (caller == NULL || !handle_equal(caller->dn, a->dn))
        return is_trunk(sc, c->source) ? SC_WORK_INBOUND : SC_WORK_INTERNAL;
    if (pool_get(&sc->dns, c->target_dn) == NULL)
        return SC_WORK_NONE;
    return is_trunk(sc, c->target_dn) ? SC_WORK_OUTBOUND : SC_WORK_INTERNAL;
}

void agent_status(const struct sc *sc, const struct agent *a, struct sc_agent_event *ret)
{
    const struct dn *d = pool_get(&sc->dns, a->dn);
    const struct call *c = pool_get(&sc->calls, a->call);

    memset(ret, 0, sizeof(*ret));
    ret->kind = SC_AGENT_STATE;
    text_copy(ret->agent, sizeof(ret->agent), a->id);
    text_copy(ret->dn, sizeof(ret->dn), d != NULL ? d->number : "");
    ret->state = (enum sc_agent_state)a->state;
    ret->work = work_of(sc, a);
    text_copy(ret->reason, sizeof(ret->reason), a->reason);
    ret->since = a->since;
    if (c != NULL)
        call_id_text(sc, c, ret->call);
}

static void fill_agent(const struct sc *sc, const struct agent *a, enum sc_agent_event_kind kind,
                       const struct call *c, struct sc_agent_event *e)
{
    agent_status(sc, a, e);
    e->kind = kind;
    if (c != NULL) {
        const struct dn *q = pool_get(&sc->dns, c->queue);

        call_id_text(sc, c, e->call);
        text_copy(e->caller, sizeof(e->caller), identity_shown(c));
        text_copy(e->called, sizeof(e->called), c->called);
        text_copy(e->queue, sizeof(e->queue), q != NULL ? q->number : "");
        text_copy(e->data, sizeof(e->data), attach_get(sc, c));
    }
}

void report_agent(struct sc *sc, const struct agent *a, enum sc_agent_event_kind kind,
                  const struct call *c)
{
    fill_agent(sc, a, kind, c, &report(sc, SC_ACT_AGENT_EVENT)->agent);
}

void line_event(const struct sc *sc, const struct agent *a, const struct leg *l,
                enum sc_agent_event_kind kind, struct sc_agent_event *ret)
{
    fill_agent(sc, a, kind, pool_get(&sc->calls, l->call), ret);
    ret->outbound = l->is_caller;
}

void report_line(struct sc *sc, const struct leg *l, enum sc_agent_event_kind kind)
{
    const struct dn *d = pool_get(&sc->dns, l->dn);
    const struct agent *a = d != NULL ? pool_get(&sc->agents, d->agent) : NULL;

    if (a != NULL)
        line_event(sc, a, l, kind, &report(sc, SC_ACT_AGENT_EVENT)->agent);
}

void dn_status(const struct dn *d, struct sc_dn_status *ret)
{
    memset(ret, 0, sizeof(*ret));
    text_copy(ret->dn, sizeof(ret->dn), d->number);
    ret->in_service = d->in_service;
    ret->trunk = d->type == SC_DN_TRUNK;
    text_copy(ret->reason, sizeof(ret->reason), d->reason);
    ret->since = d->since;
}

void report_dn(struct sc *sc, const struct dn *d)
{
    dn_status(d, &report(sc, SC_ACT_DN)->dn);
}

void queue_status(const struct sc *sc, const struct queue *q, struct sc_queue_status *ret)
{
    const struct dn *d = pool_get(&sc->dns, q->dn);

    memset(ret, 0, sizeof(*ret));
    text_copy(ret->queue, sizeof(ret->queue), d != NULL ? d->number : "");
    ret->waiting = q->waiting_n;
    memcpy(ret->waiting_by, q->waiting_by, sizeof(ret->waiting_by));
    ret->oldest_since = queue_oldest(q);
    ret->agents_ready = q->idle_n;
    ret->agents_logged_in = q->logged_in;
    ret->expected_wait_ms = wait_expected_ms(q);
    ret->in_music = q->in_music;
}

void report_queue(struct sc *sc, const struct queue *q)
{
    queue_status(sc, q, &report(sc, SC_ACT_QUEUE)->queue);
}

void report_call(struct sc *sc, struct call *c, enum sc_call_phase phase, const char *reason)
{
    struct sc_call_event *e = &report(sc, SC_ACT_CALL)->call;
    const struct dn *queue = pool_get(&sc->dns, c->queue);
    const struct dn *target = pool_get(&sc->dns, c->target_dn);
    const struct agent *agent = pool_get(&sc->agents, c->agent);

    call_id_text(sc, c, e->call);
    e->phase = phase;
    text_copy(e->queue, sizeof(e->queue), queue != NULL ? queue->number : "");
    text_copy(e->agent, sizeof(e->agent), agent != NULL ? agent->id : "");
    text_copy(e->dn, sizeof(e->dn), target != NULL ? target->number : c->called);
    text_copy(e->caller, sizeof(e->caller), identity_shown(c));
    if (c->queued.ns != 0)
        e->wait_ms = mono_diff_ms(c->answered.ns != 0 ? c->answered : sc->now, c->queued);
    if (c->answered.ns != 0)
        e->talk_ms = mono_diff_ms(sc->now, c->answered);
    e->cause = c->cause;
    text_copy(e->reason, sizeof(e->reason), reason);
    record_told(sc, c, phase, reason);
}

void report_mode(struct sc *sc, const char *from)
{
    report(sc, SC_ACT_MODE);
    report_note(sc, SC_NOTE_MODE, sc->peering.trunk, from, sc_mode_name(peering_mode(sc)),
                sc->peering.reason);
}
