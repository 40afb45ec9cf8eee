/* shot - what a core knows, as sorted lines of words, each with a moment of the world: two hosts
 * that know the same give the same lines, whatever the places of their objects and their clocks.
 * It looks without pool_get, which tells the core that an object may change. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sipserver/core/state.h"
#include "sipserver/sip/transaction.h"
#include "tests/sim/pair/pair.h"

#define LINES_MAX 2000
#define NEAR_NS   (100 * MS) /* a backup measures the difference of the clocks on the way */

struct line_of_shot {
    char text[232];
    int64_t at; /* 0: none */
};

struct shot {
    const struct sc *sc; /* while it is taken */
    const struct host *host;
    uint64_t configured;
    bool busy; /* calls are about to be offered */
    unsigned n;
    struct line_of_shot line[LINES_MAX];
};

__attribute__((format(printf, 3, 4))) static void put(struct shot *x, mono_t at, const char *format,
                                                      ...)
{
    struct line_of_shot *l = &x->line[x->n++];
    va_list args;

    assert(x->n < LINES_MAX);
    va_start(args, format);
    vsnprintf(l->text, sizeof(l->text), format, args);
    va_end(args);
    l->at = at.ns == 0 || mono_is_never(at) ? at.ns : host_due(x->host, at).ns;
}

static void put_timer(struct shot *x, const struct timer *t, const char *what, const char *whose)
{
    if (timer_armed(t))
        put(x, t->due, "%s timer of %s", what, whose);
}

static const char *number_of(const struct shot *x, handle_t dn)
{
    const struct dn *d = pool_peek(&x->sc->dns, dn);

    return d != NULL ? d->number : "-";
}

static const char *agent_of(const struct shot *x, handle_t agent)
{
    const struct agent *a = pool_peek(&x->sc->agents, agent);

    return a != NULL ? a->id : "-";
}

static unsigned long long call_of(const struct shot *x, handle_t call)
{
    const struct call *c = pool_peek(&x->sc->calls, call);

    return c != NULL ? c->epoch << 32 | c->number : 0;
}

static void put_phones(struct shot *x)
{
    for (const struct dn *d = pool_next(&x->sc->dns, NULL); d != NULL;
         d = pool_next(&x->sc->dns, d)) {
        put(x, MONO_ZERO, "dn %s %s agent %s legs %u bindings %u", d->number,
            d->in_service ? "in service" : d->reason, agent_of(x, d->agent), d->legs,
            d->bindings_n);
        for (unsigned i = 0; i < SC_LINES_MAX; i++)
            if (!handle_is_none(d->lines[i]))
                put(x, MONO_ZERO, "line %u of dn %s: %u", i, d->number, d->lines[i].index);
    }
    for (const struct binding *b = pool_next(&x->sc->bindings, NULL); b != NULL;
         b = pool_next(&x->sc->bindings, b)) {
        if (sip_addr_reliable(&b->source)) /* its connection has ended */
            continue;
        put(x, b->expires, "binding %s cseq %u of %s", b->contact, b->cseq, number_of(x, b->dn));
        put_timer(x, &b->expiry, "expiry", b->contact);
    }
}

/* The connection of its phone has ended with the host: what waits for it waits until it is back. */
static bool phone_is_lost(const struct shot *x, const struct agent *a)
{
    const struct dn *d = pool_peek(&x->sc->dns, a->dn);

    if (d == NULL)
        return false;
    for (const struct binding *b = pool_next(&x->sc->bindings, NULL); b != NULL;
         b = pool_next(&x->sc->bindings, b))
        if (sip_addr_reliable(&b->source) && pool_peek(&x->sc->dns, b->dn) == d)
            return true;
    return false;
}

static void put_agents(struct shot *x)
{
    for (const struct agent *a = pool_next(&x->sc->agents, NULL); a != NULL;
         a = pool_next(&x->sc->agents, a)) {
        put(x, a->since, "agent %s %s: %s", a->id,
            sc_agent_state_name((enum sc_agent_state)a->state), a->reason);
        if (a->state == SC_AGENT_NULL)
            continue;
        put(x, a->idle_since, "agent %s%s%s%s at %s call %llu", a->id,
            a->wants_ready ? " ready" : "", a->logout_due ? " leaves" : "",
            a->idle && !phone_is_lost(x, a) ? " idle" : "", number_of(x, a->dn),
            call_of(x, a->call));
        put(x, MONO_ZERO, "agent %s does %u.%u.%u leg %u next %u", a->id, a->control.state,
            a->control.op, a->control.step, a->control.leg.index, a->control.next.index);
        put_timer(x, &a->wrap, "wrap-up", a->id);
        put_timer(x, &a->phone, "phone", a->id);
        put_timer(x, &a->operation, "operation", a->id);
    }
}

/* How many have been idle longer; those who came at one moment may change places. */
static void put_idle(struct shot *x, const struct queue *q)
{
    const struct list_link *head = &q->idle.head;

    for (const struct list_link *l = head->next; l != head; l = l->next) {
        const struct agent *a =
            pool_at(&x->sc->agents, CONTAINER_OF(l, struct membership, in_idle)->agent);
        unsigned before = 0;

        for (const struct list_link *k = head->next; k != head; k = k->next) {
            const struct agent *b =
                pool_at(&x->sc->agents, CONTAINER_OF(k, struct membership, in_idle)->agent);

            before += mono_before(b->idle_since, a->idle_since) && !phone_is_lost(x, b);
        }
        if (!phone_is_lost(x, a))
            put(x, MONO_ZERO, "queue %s idle %u is %s", number_of(x, q->dn), before, a->id);
    }
}

static void put_queues(struct shot *x)
{
    for (const struct queue *q = pool_next(&x->sc->queues, NULL); q != NULL;
         q = pool_next(&x->sc->queues, q)) {
        unsigned place = 0;

        put(x, q->taken, "queue %s waiting %u music %u pace %u", number_of(x, q->dn), q->waiting_n,
            q->in_music, q->pace_ms);
        for (unsigned i = SC_PRIORITIES; i-- > 0;)
            for (const struct list_link *l = q->waiting[i].head.next; l != &q->waiting[i].head;
                 l = l->next) {
                const struct call *c = CONTAINER_OF(l, struct call, in_queue);

                put(x, c->entered, "queue %s place %u priority %u call %llu", number_of(x, q->dn),
                    place++, i, (unsigned long long)(c->epoch << 32 | c->number));
            }
        put_idle(x, q);
    }
}

static void put_trunks(struct shot *x)
{
    for (const struct trunk *t = pool_next(&x->sc->trunks, NULL); t != NULL;
         t = pool_next(&x->sc->trunks, t)) {
        const char *name = number_of(x, t->dn);

        put(x, MONO_ZERO, "trunk %s %s cseq %u in %u out %u", name, trunk_fsm.states[t->state],
            t->cseq, t->calls_in, t->calls_out);
        put_timer(x, &t->hold, "hold-down", name);
    }
    put(x, MONO_ZERO, "peering %s trunk %s: %s", peering_fsm.states[x->sc->peering.state],
        x->sc->peering.trunk, x->sc->peering.reason);
}

static void put_calls(struct shot *x)
{
    for (const struct call *c = pool_next(&x->sc->calls, NULL); c != NULL;
         c = pool_next(&x->sc->calls, c)) {
        char id[40];

        snprintf(id, sizeof(id), "call %llu", (unsigned long long)(c->epoch << 32 | c->number));
        put(x, c->started, "%s %s %s -> %s at %s queue %s agent %s legs %u rings %u cause %u", id,
            call_fsm.states[c->state], c->from, c->number_now, number_of(x, c->target_dn),
            number_of(x, c->queue), agent_of(x, c->agent), c->legs_n, c->rings_n, c->cause);
        put(x, c->queued, "%s queued%s%s%s%s%s", id, c->forwarded ? " forwarded" : "",
            c->stay ? " stay" : "", c->at_peer ? " at peer" : "", c->joining ? " joining" : "",
            c->ringing ? " ringing" : "");
        put(x, c->answered, "%s answered, priority %u overflows %u", id, c->priority, c->overflows);
        put(x, MONO_ZERO, "%s transfer %s %u %u.%u.%u music %s %u.%u", id,
            transfer_fsm.states[c->transfer.state], c->transfer.kind, c->transfer.by.index,
            c->transfer.to.index, c->transfer.tries, music_fsm.states[c->music.state],
            c->music.leg.index, c->music.asked);
        put(x, MONO_ZERO, "%s tried %u times, %u targets, outcome %u", id, c->tries_n,
            c->history.targets_n, c->history.outcome);
        put_timer(x, &c->ring, "ring", id);
        put_timer(x, &c->wait, "wait", id);
        put_timer(x, &c->notice, "notice", id);
        put_timer(x, &c->sound, "sound", id);
    }
    for (const struct relay *r = pool_next(&x->sc->relays, NULL); r != NULL;
         r = pool_next(&x->sc->relays, r))
        put(x, MONO_ZERO, "relay of %s in call %llu from %s%s%s%s: %llx -> %llx",
            sip_method_name((enum sip_method)r->method), call_of(x, r->call),
            r->from_caller ? "caller" : "target", r->answered ? " answered" : "",
            r->offers ? " offers" : "", r->exchange ? " exchange" : "",
            (unsigned long long)r->server, (unsigned long long)r->client);
}

static void put_legs(struct shot *x)
{
    for (const struct leg *l = pool_next(&x->sc->legs, NULL); l != NULL;
         l = pool_next(&x->sc->legs, l)) {
        const struct sdp *sdp =
            l->sdp_size < SDP_SIZES ? pool_peek(&x->sc->sdps[l->sdp_size], l->sdp) : NULL;
        struct sip_str local = sip_dialog_text(&l->dialog, SIP_DIALOG_LOCAL_TAG);
        struct sip_str remote = sip_dialog_text(&l->dialog, SIP_DIALOG_REMOTE_TAG);
        struct sip_str target = sip_dialog_text(&l->dialog, SIP_DIALOG_TARGET);
        char id[40];

        snprintf(id, sizeof(id), "leg %u.%u", pool_handle(&x->sc->legs, l).index,
                 pool_handle(&x->sc->legs, l).generation);
        put(x, MONO_ZERO, "%s of call %llu at %s state %u cseq %u/%u acked %u invite %llx", id,
            call_of(x, l->call), number_of(x, l->dn), l->state, l->dialog.local_cseq,
            l->dialog.remote_cseq, l->acked, (unsigned long long)l->invite);
        put(x, MONO_ZERO, "%s tags %.*s %.*s target %.*s", id, (int)local.len, local.p,
            (int)remote.len, remote.p, (int)target.len, target.p);
        put(x, l->refreshed, "%s session %s %u %u refresh %llx sdp %llx", id,
            session_fsm.states[l->session_state], l->interval_s, l->raises,
            (unsigned long long)l->refresh,
            (unsigned long long)(sdp != NULL ? hash_of(1, sdp->body, sdp->len) : 0));
        put(x, MONO_ZERO, "%s joins %llu consults %u control %s%s%s stopped %u rseq %u/%u", id,
            call_of(x, l->joins), l->consults.index, agent_of(x, l->control),
            l->holds ? " holds" : "", l->held ? " held" : "", l->stopped, l->rseq, l->rseq_theirs);
        put_timer(x, &l->session, "session", id);
    }
}

static void put_transactions(struct shot *x, const struct pool *pool)
{
    for (const struct txn *t = pool_next(pool, NULL); t != NULL; t = pool_next(pool, t)) {
        char id[64];

        snprintf(id, sizeof(id), "%s %llx", txn_machine_name((enum txn_machine)t->r.machine),
                 (unsigned long long)t->r.key);
        put(x, MONO_ZERO, "%s %s %s status %u image %u owner %llx%s%s%s", id,
            sip_method_name((enum sip_method)t->r.method),
            txn_state_name((enum txn_state)t->r.state), t->r.status, t->r.image_len,
            (unsigned long long)(owner_kind(t->r.owner) == OWNER_TRUNK ? 0 : t->r.owner),
            t->r.cancelled ? " cancelled" : "", t->r.cancel_wanted ? " cancel wanted" : "",
            t->r.acknowledged ? " acknowledged" : "");
        put_timer(x, &t->resend, "resend", id);
        put_timer(x, &t->life, "life", id);
    }
}

static int by_text(const void *a, const void *b)
{
    const struct line_of_shot *l = a, *m = b;
    int r = strcmp(l->text, m->text);

    return r != 0 ? r : l->at < m->at ? -1 : l->at > m->at;
}

struct shot *shot_take(const struct world *w, const struct host *h)
{
    static struct shot all; /* the longest there may be; what is kept is as long as it needs */
    struct shot *x = &all, *kept;
    size_t size;

    x->n = 0;
    x->sc = h->sc;
    x->host = h;
    x->configured = h->configured;
    x->busy = !list_empty(&h->sc->dirty_queues) || h->sc->sweeping || h->sc->regrouping;
    put_phones(x);
    put_agents(x);
    put_queues(x);
    put_trunks(x);
    put_calls(x);
    put_legs(x);
    put_transactions(x, &h->sc->sip->servers);
    put_transactions(x, &h->sc->sip->clients);
    qsort(x->line, x->n, sizeof(x->line[0]), by_text);
    (void)w;
    size = offsetof(struct shot, line) + x->n * sizeof(x->line[0]);
    kept = malloc(size);
    assert(kept);
    memcpy(kept, x, size);
    return kept;
}

void shot_free(struct shot **shot)
{
    free(*shot);
    *shot = NULL;
}

/* The clocks of both hosts drift since the moment, or until it comes. */
static bool near(const struct world *w, int64_t a, int64_t b)
{
    int64_t apart = a > b ? a - b : b - a, off = a > w->now.ns ? a - w->now.ns : w->now.ns - a;

    return apart == 0 || apart <= NEAR_NS + off / 4000;
}

static bool of_calls(const struct line_of_shot *l)
{
    return strncmp(l->text, "call ", 5) == 0 || strncmp(l->text, "leg ", 4) == 0;
}

__attribute__((format(printf, 2, 3))) static const char *line_with(const struct shot *x,
                                                                   const char *format, ...)
{
    char begin[64];
    va_list args;

    va_start(args, format);
    vsnprintf(begin, sizeof(begin), format, args);
    va_end(args);
    for (unsigned i = 0; i < x->n; i++)
        if (strncmp(x->line[i].text, begin, strlen(begin)) == 0)
            return x->line[i].text;
    return NULL;
}

/* TEXT of AFTER is of a call that waited and is offered now: the agent's own call was not in the
 * part of a copy that came, so the agent is idle, and the same step makes the offer. */
static bool is_offered(const struct shot *before, const struct shot *after, const char *text)
{
    const char *of = text;
    unsigned long long call;
    unsigned index, generation;

    if (sscanf(text, "leg %u.%u", &index, &generation) == 2)
        of = line_with(after, "leg %u.%u of call ", index, generation);
    of = of != NULL ? strstr(of, "call ") : NULL;
    return of != NULL && sscanf(of, "call %llu", &call) == 1 &&
           line_with(before, "call %llu QUEUED ", call) != NULL &&
           line_with(after, "call %llu OFFERED ", call) != NULL;
}

static void compare_line(struct world *w, const struct site *s, const struct line_of_shot *a,
                         const struct line_of_shot *b, bool whole)
{
    if (a == NULL && (whole || of_calls(b))) {
        violate(w, "site %u: new after the takeover: %s", s->conf.site, b->text);
        trace_event(w, "shot", "new", b->text);
    } else if (b == NULL && whole) {
        violate(w, "site %u: lost at the takeover: %s", s->conf.site, a->text);
        trace_event(w, "shot", "lost", a->text);
    } else if (a != NULL && b != NULL && (whole || of_calls(b)) && !near(w, a->at, b->at)) {
        violate(w, "site %u: %lld ms off after the takeover: %s", s->conf.site,
                (long long)((b->at - a->at) / MS), b->text);
    }
}

void shot_compare(struct world *w, const struct site *s, const struct shot *before,
                  const struct shot *after, bool whole)
{
    unsigned i = 0, k = 0;

    if (before->configured != after->configured || before->busy)
        return; /* what is new is so by the configuration, or by what was under way */
    while (i < before->n || k < after->n) {
        const struct line_of_shot *a = i < before->n ? &before->line[i] : NULL;
        const struct line_of_shot *b = k < after->n ? &after->line[k] : NULL;
        int order = a == NULL ? 1 : b == NULL ? -1 : strcmp(a->text, b->text);

        if (whole || order <= 0 || !is_offered(before, after, b->text))
            compare_line(w, s, order <= 0 ? a : NULL, order >= 0 ? b : NULL, whole);
        i += order <= 0;
        k += order >= 0;
    }
}
