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

static uint32_t kept(const struct call_history *h)
{
    return h->targets_n < CALL_TARGETS_MAX ? h->targets_n : CALL_TARGETS_MAX;
}

/* The I-th of those kept, the oldest is 0. */
static struct call_target *nth(struct call_history *h, uint32_t i)
{
    return &h->targets[(h->targets_n - kept(h) + i) % CALL_TARGETS_MAX];
}

/* The target under way; NULL: none.  With several at once (ring.h) it is told by its agent. */
static struct call_target *present(struct call *c)
{
    struct call_history *h = &c->history;

    for (uint32_t i = kept(h); i > 0; i--) {
        struct call_target *t = nth(h, i - 1);

        if (t->end.ns == 0 && t->place == PLACE_OFFERED && handle_equal(t->agent, c->agent))
            return t;
    }
    return NULL;
}

/* What is lost with T: those that never answered go first, then those that left. */
static unsigned worth(const struct call_target *t)
{
    return (t->answer.ns != 0 ? 2u : 0u) + (t->end.ns == 0 ? 1u : 0u);
}

/* A place for another one, at the end. */
static struct call_target *add(struct sc *sc, struct call_history *h)
{
    if (h->targets_n >= CALL_TARGETS_MAX) {
        uint32_t out = 0;

        for (uint32_t i = 1; i < CALL_TARGETS_MAX; i++)
            if (worth(nth(h, i)) < worth(nth(h, out)))
                out = i;
        for (; out > 0; out--)
            *nth(h, out) = *nth(h, out - 1);
        sc->counts[N_RECORD_LEGS_LEFT_OUT]++;
    }
    return &h->targets[h->targets_n++ % CALL_TARGETS_MAX];
}

static void begin(struct sc *sc, struct call *c)
{
    record_target_end(sc, c, 0);
    *add(sc, &c->history) =
        (struct call_target){.dn = c->target_dn, .agent = c->agent, .start = sc->now};
    if (c->at_peer)
        c->history.relayed = true;
}

/* The one that answers, of several rung at once, more than there are places: it gets the oldest
 * place of one that did not answer, which began when it did.  NULL: none is left out. */
static struct call_target *instead(struct call *c)
{
    struct call_history *h = &c->history;

    for (uint32_t i = 0; h->targets_n > kept(h) && i < kept(h); i++) {
        struct call_target *t = nth(h, i);

        if (t->answer.ns == 0) {
            *t = (struct call_target){.dn = c->target_dn, .agent = c->agent, .start = t->start};
            return t;
        }
    }
    return NULL;
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

/* ---- transfers ---- */

/* The party of the caller's side, else of the called one's, COMING or there; NULL: it is the first
 * caller. */
static struct call_target *party(struct call *c, bool caller, bool coming)
{
    struct call_history *h = &c->history;

    for (uint32_t i = kept(h); i > 0; i--) {
        struct call_target *t = nth(h, i - 1);

        if (t->end.ns == 0 && t->coming == coming && (t->place == PLACE_CALLER) == caller)
            return t;
    }
    return NULL;
}

/* Who comes: still beside the transferor, or (it has left) in its place. */
static struct call_target *comer(struct call *c)
{
    struct call_target *t = party(c, c->transfer.by_caller, true);

    return t == NULL && handle_is_none(c->transfer.by) ? party(c, c->transfer.by_caller, false) : t;
}

void record_coming(struct sc *sc, struct call *c, const struct leg *l)
{
    const struct dn *d = pool_get(&sc->dns, l->dn);

    *add(sc, &c->history) = (struct call_target){
        .dn = l->dn,
        .agent = d != NULL ? d->agent : HANDLE_NONE,
        .start = sc->now,
        .place = c->transfer.by_caller ? PLACE_CALLER : PLACE_CALLED,
        .coming = true,
    };
}

void record_coming_rings(const struct sc *sc, struct call *c)
{
    struct call_target *t = comer(c);

    if (t != NULL && t->ring.ns == 0)
        t->ring = sc->now;
}

void record_coming_answers(const struct sc *sc, struct call *c)
{
    struct call_target *t = comer(c);

    if (t == NULL)
        return;
    t->answer = sc->now;
    t->status = 200;
}

void record_coming_fails(const struct sc *sc, struct call *c, unsigned status)
{
    struct call_target *t = comer(c);

    if (t == NULL)
        return;
    t->end = sc->now;
    if (t->answer.ns == 0)
        t->status = status;
    t->coming = false;
}

void record_transferor_left(const struct sc *sc, struct call *c)
{
    bool caller = c->transfer.by_caller;
    struct call_target *t = party(c, caller, false);

    if (t != NULL) {
        t->end = sc->now;
        t->how = SC_LEG_TRANSFERRED;
    } else if (caller) {
        c->history.caller_end = sc->now;
        c->history.caller_how = SC_LEG_TRANSFERRED;
        c->history.source = c->source;
    }
    t = party(c, caller, true);
    if (t != NULL)
        t->coming = false;
}

/* L leaves C, HOW.  Who it is in the record. */
static enum sc_party leaves(struct call *c, const struct leg *l, enum sc_leg_end how)
{
    struct call_target *t = party(c, l->is_caller, false);

    if (t == NULL && !l->is_caller)
        return SC_BY_CALLED;
    if (t == NULL) {
        c->history.caller_how = (uint8_t)how;
        return SC_BY_CALLER;
    }
    t->how = (uint8_t)how;
    return t->place == PLACE_OFFERED ? SC_BY_CALLED : SC_BY_TRANSFER_TARGET;
}

void record_moved(struct call *c, const struct leg *l)
{
    (void)leaves(c, l, SC_LEG_MOVED);
}

void record_released(struct call *c, const struct leg *l)
{
    c->history.released_by = (uint8_t)leaves(c, l, SC_LEG_RELEASED);
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
    if (c->history.caller_end.ns != 0)
        leg->end_ms = wall_ms(c, c->history.caller_end);
    leg->status = c->cause;
    leg->how = (enum sc_leg_end)c->history.caller_how;
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
    leg->how = (enum sc_leg_end)t->how;
    leg->by_transfer = t->place != PLACE_OFFERED;
}

void record_fill(const struct sc *sc, const struct call *c, struct sc_record *r)
{
    const struct call_history *h = &c->history;
    mono_t waited_until = c->answered.ns != 0 ? c->answered : sc->now;

    memset(r, 0, sizeof(*r));
    call_id_text(sc, c, r->call);
    r->site = sc->conf.site;
    r->outcome = (enum sc_call_phase)h->outcome;
    r->released_by = (enum sc_party)h->released_by;
    text_copy(r->caller, sizeof(r->caller), c->from);
    text_copy(r->called, sizeof(r->called), c->called);
    number_of(sc, handle_is_none(h->source) ? c->source : h->source, r->source);
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
    for (uint32_t i = h->targets_n - kept(h); i < h->targets_n; i++)
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
    for (uint32_t i = 0; i < kept(&c->history); i++)
        if (nth(&c->history, i)->end.ns == 0)
            nth(&c->history, i)->end = sc->now;
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
        if (t == NULL)
            t = instead(c);
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
