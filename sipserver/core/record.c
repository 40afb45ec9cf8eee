#include "sipserver/core/record.h"

#include <assert.h>
#include <string.h>

#include "sipserver/core/attach.h"
#include "sipserver/core/call.h"
#include "sipserver/core/divert.h"
#include "sipserver/core/report.h"

static int64_t wall_ms(const struct call *c, mono_t at)
{
    return at.ns == 0 ? 0 : c->history.started_wall_ms + mono_diff_ms(at, c->started);
}

/* The target under way; NULL: none.  With several at once (ring.h) it is told by its agent. */
static struct call_target *present(struct call *c)
{
    struct call_history *h = &c->history;
    uint32_t kept = h->targets_n < CALL_TARGETS_MAX ? h->targets_n : CALL_TARGETS_MAX;

    for (uint32_t i = h->targets_n; i > h->targets_n - kept; i--) {
        struct call_target *t = &h->targets[(i - 1) % CALL_TARGETS_MAX];

        if (t->end.ns == 0 && handle_equal(t->agent, c->agent))
            return t;
    }
    return NULL;
}

static void begin(struct sc *sc, struct call *c)
{
    struct call_target *t;

    record_target_end(sc, c, 0);
    t = &c->history.targets[c->history.targets_n++ % CALL_TARGETS_MAX];
    *t = (struct call_target){.dn = c->target_dn, .agent = c->agent, .start = sc->now};
    if (c->at_peer)
        c->history.relayed = true;
}

bool record_ring(const struct sc *sc, struct call *c)
{
    struct call_target *t = present(c);

    if (t == NULL || t->ring.ns != 0)
        return false;
    t->ring = sc->now;
    return true;
}

void record_target_end(const struct sc *sc, struct call *c, unsigned status)
{
    struct call_target *t = present(c);

    if (t == NULL)
        return;
    t->end = sc->now;
    if (status != 0)
        t->status = status;
}

/* ---- the record ---- */

static void number_of(const struct sc *sc, handle_t dn, char number[SC_NAME_SIZE])
{
    const struct dn *d = pool_get(&sc->dns, dn);

    text_copy(number, SC_NAME_SIZE, d != NULL ? d->number : "");
}

static void agent_of(const struct sc *sc, handle_t agent, char id[SC_NAME_SIZE])
{
    const struct agent *a = pool_get(&sc->agents, agent);

    text_copy(id, SC_NAME_SIZE, a != NULL ? a->id : "");
}

static void fill_caller(const struct sc *sc, const struct call *c, struct sc_record_leg *leg)
{
    text_copy(leg->number, sizeof(leg->number), c->from);
    leg->start_ms = c->history.started_wall_ms;
    leg->answer_ms = wall_ms(c, c->answered);
    leg->end_ms = c->history.told ? wall_ms(c, sc->now) : 0;
    leg->status = c->cause;
}

static void fill_target(const struct sc *sc, const struct call *c, const struct call_target *t,
                        struct sc_record_leg *leg)
{
    number_of(sc, t->dn, leg->number);
    agent_of(sc, t->agent, leg->agent);
    leg->start_ms = wall_ms(c, t->start);
    leg->ring_ms = wall_ms(c, t->ring);
    leg->answer_ms = wall_ms(c, t->answer);
    leg->end_ms = wall_ms(c, t->end);
    leg->status = t->status;
}

void record_fill(const struct sc *sc, const struct call *c, struct sc_record *r)
{
    const struct call_history *h = &c->history;
    uint32_t kept = h->targets_n < CALL_TARGETS_MAX ? h->targets_n : CALL_TARGETS_MAX;
    mono_t waited_until = c->answered.ns != 0 ? c->answered : sc->now;

    memset(r, 0, sizeof(*r));
    call_id_text(sc, c, r->call);
    r->site = sc->conf.site;
    r->outcome = (enum sc_call_phase)h->outcome;
    r->released_by = (enum sc_party)h->released_by;
    text_copy(r->caller, sizeof(r->caller), c->from);
    text_copy(r->called, sizeof(r->called), c->called);
    number_of(sc, c->source, r->source);
    number_of(sc, c->queue, r->queue);
    agent_of(sc, c->agent, r->agent);
    r->start_ms = h->started_wall_ms;
    r->queued_ms = wall_ms(c, c->queued);
    r->answer_ms = wall_ms(c, c->answered);
    r->music_ms = wall_ms(c, c->music.answered);
    r->priority = c->priority;
    r->overflows = c->overflows;
    r->end_ms = h->told ? wall_ms(c, sc->now) : 0;
    r->wait_ms = mono_diff_ms(waited_until, c->queued.ns != 0 ? c->queued : c->started);
    r->talk_ms = c->answered.ns != 0 ? mono_diff_ms(sc->now, c->answered) : 0;
    if (c->before != 0)
        call_name_text(sc, c->before_epoch, c->before, r->before);
    text_copy(r->data, sizeof(r->data), attach_get(sc, c));
    r->cause = c->cause;
    r->from_peer = c->forwarded;
    r->relayed = h->relayed;
    r->redirected = h->outcome == SC_CALL_FORWARDED;
    r->targets = h->targets_n;
    r->caller_private = c->private;
    r->diversions = divert_count(c);
    divert_from(sc, c, r->diverted_from);
    fill_caller(sc, c, &r->legs[r->legs_n++]);
    for (uint32_t i = h->targets_n - kept; i < h->targets_n; i++)
        fill_target(sc, c, &h->targets[i % CALL_TARGETS_MAX], &r->legs[r->legs_n++]);
}

/* Who ended it, as far as no BYE has said so: who gave up, who refused. */
static enum sc_party ended_by(const struct call *c, enum sc_call_phase phase)
{
    const struct call_history *h = &c->history;
    const struct call_target *last;

    if (h->released_by != SC_BY_NOBODY)
        return (enum sc_party)h->released_by;
    if (phase == SC_CALL_ABANDONED)
        return SC_BY_CALLER;
    if (phase != SC_CALL_FAILED || h->targets_n == 0)
        return SC_BY_SERVER;
    last = &h->targets[(h->targets_n - 1) % CALL_TARGETS_MAX];
    return last->status >= 300 && last->status != 408 ? SC_BY_CALLED : SC_BY_SERVER;
}

static void tell(struct sc *sc, struct call *c, enum sc_call_phase phase, const char *reason)
{
    struct sc_record *r = &report(sc, SC_ACT_RECORD)->record;

    assert(!c->history.told); /* ENDING is entered once (call.tbl.h) */
    record_target_end(sc, c, 0);
    c->history.told = true;
    c->history.outcome = (uint8_t)phase;
    c->history.released_by = (uint8_t)ended_by(c, phase);
    record_fill(sc, c, r);
    text_copy(r->reason, sizeof(r->reason), reason);
}

void record_told(struct sc *sc, struct call *c, enum sc_call_phase phase, const char *reason)
{
    struct call_target *t = present(c);

#if SC_MUTATION == 7 /* abandoned calls have no record */
    if (phase == SC_CALL_ABANDONED)
        return;
#endif
    if (c->state == CALL_ENDING) {
        tell(sc, c, phase, reason);
        return;
    }
    switch (phase) {
    case SC_CALL_STARTED:
        c->history.started_wall_ms = sc->now.ns / MONO_NS_PER_MS + sc->wall_offset_ms;
        return;
    case SC_CALL_OFFERED:
    case SC_CALL_FORWARDED: begin(sc, c); return;
    case SC_CALL_ANSWERED:
        if (t != NULL) {
            t->answer = sc->now;
            t->status = 200;
        }
        return;
    case SC_CALL_QUEUED:
    case SC_CALL_OVERFLOWED:
    case SC_CALL_RELEASED:
    case SC_CALL_ABANDONED:
    case SC_CALL_FAILED: return;
    }
}

bool sc_next_call(const struct sc *sc, uint32_t *cursor, struct sc_record *ret_record)
{
    for (; sc->primary && *cursor < sc->calls.count; ++*cursor) {
        const struct call *c;

        c = pool_at(&sc->calls, *cursor);
        if (c == NULL || c->state == CALL_ENDING)
            continue; /* free, or its record is told */
        ++*cursor;
        record_fill(sc, c, ret_record);
        return true;
    }
    return false;
}
