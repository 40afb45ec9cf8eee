#include "tests/sim/calls/world.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sipserver/core/state.h"
#include "sipserver/core/transfer.h"
#include "sipserver/sip/transaction.h"

void violate(struct world *w, const char *format, ...)
{
    va_list args;

    if (w->violation[0] != '\0')
        return;
    va_start(args, format);
    vsnprintf(w->violation, sizeof(w->violation), format, args);
    va_end(args);
    trace_event(w, "CHECK", "violated", w->violation);
}

/* ---- what has been seen: a map of hashes ---- */

#define MAP_SIZE (1u << 15)

struct map {
    uint32_t n;
    struct {
        uint64_t key, value; /* key 0: free */
    } slot[MAP_SIZE];
};

uint64_t hash_of(uint64_t h, const void *data, size_t len)
{
    const unsigned char *p = data;

    h = (h + UINT64_C(0xcbf29ce484222325)) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 29;
}

static uint64_t hash_str(uint64_t h, struct sip_str s)
{
    return hash_of(h, s.p, s.len);
}

static uint64_t *map_find(struct map *m, uint64_t key)
{
    uint32_t i = (uint32_t)(key >> 17) % MAP_SIZE;

    for (key += key == 0; m->slot[i].key != 0; i = (i + 1) % MAP_SIZE)
        if (m->slot[i].key == key)
            return &m->slot[i].value;
    return NULL;
}

static uint64_t *map_put(struct map *m, uint64_t key)
{
    uint64_t *found = map_find(m, key);
    uint32_t i = (uint32_t)(key >> 17) % MAP_SIZE;

    if (found != NULL)
        return found;
    assert(++m->n < MAP_SIZE / 4 * 3);
    while (m->slot[i].key != 0)
        i = (i + 1) % MAP_SIZE;
    m->slot[i].key = key + (key == 0);
    return &m->slot[i].value;
}

void check_new(struct world *w)
{
    struct map **maps[] = {&w->requests, &w->bodies, &w->cseqs,
                           &w->dialogs,  &w->calls,  &w->operations};

    for (unsigned i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
        *maps[i] = calloc(1, sizeof(struct map));
        assert(*maps[i]);
    }
}

void check_free(struct world *w)
{
    free(w->requests);
    free(w->bodies);
    free(w->cseqs);
    free(w->dialogs);
    free(w->calls);
    free(w->operations);
}

/* ---- the wire ---- */

/* LINE of a session description is the site's to change: the origin, the direction of the stream
 * (RFC 3264 8). */
static bool is_the_sites(struct sip_str line)
{
    static const char *const lines[] = {"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"};

    if (line.len > 1 && line.p[0] == 'o' && line.p[1] == '=')
        return true;
    for (unsigned i = 0; i < 4; i++)
        if (sip_str_eq(line, sip_str_of(lines[i])))
            return true;
    return false;
}

/* What nobody may touch in a session description. */
static uint64_t description(const struct site *s, struct sip_str body)
{
    uint64_t h = s->conf.site;

    while (body.len > 0) {
        const char *end = memmem(body.p, body.len, "\r\n", 2);
        struct sip_str line = {body.p, end != NULL ? (size_t)(end - body.p) : body.len};
        size_t taken = line.len + (end != NULL ? 2 : 0);

        if (!is_the_sites(line))
            h = hash_str(h, line);
        body.p += taken;
        body.len -= taken;
    }
    return h;
}

/* The transaction that a request opens, or a response belongs to, at site S (RFC 3261 17.2.3). */
static uint64_t transaction(const struct site *s, const struct sip_msg *m)
{
    uint64_t h = hash_str(s->conf.site, m->via.branch);

    h = hash_str(h, m->via.host);
    h = hash_of(h, &m->via.port, sizeof(m->via.port));
    return hash_of(h, &m->method, sizeof(m->method));
}

/* M, an ACK, is of a refusal: it has the branch of its INVITE (RFC 3261 17.1.1.3). */
static bool of_refusal(struct world *w, const struct site *s, const struct sip_msg *m, bool sent)
{
    struct sip_msg invite = {.method = SIP_INVITE, .via = m->via};
    uint64_t key = hash_str(hash_str(s->conf.site + (s->losses << 8), m->call_id), m->from.tag);

    return sent ? map_find(w->cseqs, hash_str(key, m->via.branch)) != NULL
                : map_find(w->requests, transaction(s, &invite)) != NULL;
}

/* A BYE that the site will send again: its first sending died with the host that wanted it.  Or the
 * first time: it waits for the ACK (RFC 3261 15). */
static bool bye_comes(const struct site *s, struct sip_str call_id)
{
    const struct sc *sc = s->now != NULL ? s->now->sc : NULL;
    const struct sip_stack *sip = sc != NULL ? sc->sip : NULL;
    const struct leg *l = NULL;
    const struct txn *t = NULL;

    while (sc != NULL && (l = pool_next(&sc->legs, l)) != NULL)
        if (l->state == LEG_BYE_DUE &&
            sip_str_eq(sip_dialog_text(&l->dialog, SIP_DIALOG_CALL_ID), call_id))
            return true;
    while (sip != NULL && (t = pool_next(&sip->clients, t)) != NULL)
        if (t->r.method == SIP_BYE && t->r.image_len > 0 &&
            memmem(txn_image(sip, t), t->r.image_len, call_id.p, call_id.len) != NULL)
            return true;
    return false;
}

/* A PRACK (ours have no offers) of a caller whose call goes on is not denied, whatever has become
 * of who rang: a caller may give up the call for it. */
static void check_prack(struct world *w, const struct site *s, const struct sip_msg *m)
{
    const struct sc *sc = s->now != NULL ? s->now->sc : NULL;
    const struct leg *l = NULL;

    if (m->is_request || m->method != SIP_PRACK || m->status != 481)
        return;
    while (sc != NULL && (l = pool_next(&sc->legs, l)) != NULL)
        if (!l->dialog.is_uac && (l->state == LEG_CALLING || l->state == LEG_UP) &&
            sip_str_eq(sip_dialog_text(&l->dialog, SIP_DIALOG_CALL_ID), m->call_id))
            violate(w, "site %u: a PRACK is denied although the call goes on", s->conf.site);
}

/* A dialog whose answer was acknowledged ends by BYE, or by an answer that says that the other side
 * knows it no more; never by the site's saying so (I7).  Dialogs are told apart by Call-ID, as each
 * call here has its own.  A connection may have lost the BYE. */
enum { AGREED = 1, OVER = 2, LOSSES_BITS = 8 }; /* and when it was seen first */

static void check_dialog(struct world *w, struct site *s, const struct sip_msg *m, bool sent,
                         bool by_udp)
{
    uint64_t key = hash_str(s->conf.site, m->call_id), *flags = map_put(w->dialogs, key);
    bool unknown =
        !m->is_request && m->method != SIP_CANCEL && (m->status == 481 || m->status == 408);

    if (*flags == 0)
        *flags = (s->losses + 1) << LOSSES_BITS;
    if (m->is_request && m->method == SIP_ACK && !of_refusal(w, s, m, sent))
        *flags |= AGREED;
    if (sent && unknown && *flags == ((s->losses + 1) << LOSSES_BITS | AGREED) &&
        !bye_comes(s, m->call_id))
        w->denied = key;
    else if ((m->is_request && m->method == SIP_BYE) || unknown || !by_udp)
        *flags |= OVER;
}

/* The BYE may come in the same step. */
static void check_denied(struct world *w)
{
    const uint64_t *flags = map_find(w->dialogs, w->denied);

    if (w->denied != 0 && flags != NULL && (*flags & OVER) == 0)
        violate(w, "a call that nobody ended is denied");
    w->denied = 0;
}

void check_received(struct world *w, struct site *s, const struct sip_addr *from, const char *data,
                    size_t len)
{
    static struct sip_msg m;

    if (sip_msg_parse(data, len, &m) != SIP_OK)
        return;
    check_dialog(w, s, &m, false, !sip_addr_reliable(from));
    if (m.is_request)
        (void)map_put(w->requests, transaction(s, &m));
    if (m.body.len > 0)
        (void)map_put(w->bodies, description(s, m.body));
}

/* CSeqs of the requests in one dialog rise by one (RFC 3261 12.2.1.1), but for those whose first
 * sending died with the host that wanted it: they may be left out, or come late. */
static void check_cseq(struct world *w, struct site *s, const struct sip_msg *m)
{
    uint64_t key = hash_str(hash_str(s->conf.site + (s->losses << 8), m->call_id), m->from.tag);
    uint64_t branch = hash_str(key, m->via.branch), *last;
    uint32_t number = m->cseq.number;

    if (m->method == SIP_ACK || m->method == SIP_CANCEL || map_find(w->cseqs, branch) != NULL)
        return; /* or sent again: it is the same transaction */
    (void)map_put(w->cseqs, branch);
    last = map_put(w->cseqs, key);
    if (number == (uint32_t)*last + 1 || *last == 0 ||
        (number > (uint32_t)*last && *last >> 32 != s->epoch)) {
        uint32_t left_out = *last != 0 || number < 16 ? (uint32_t)*last + 1 : number;

        for (; left_out < number; left_out++)
            (void)map_put(w->cseqs, hash_of(key, &left_out, sizeof(left_out)));
        *last = number | s->epoch << 32;
    } else if (number == (uint32_t)*last) {
        violate(w, "site %u: two requests of one dialog have the CSeq %u", s->conf.site, number);
    } else if (s->losses == 0 &&
               map_find(w->cseqs, hash_of(key, &number, sizeof(number))) == NULL) {
        violate(w, "site %u: a %s has the CSeq %u after %u", s->conf.site,
                sip_method_name(m->method), number, (uint32_t)*last);
    }
}

void check_sent(struct world *w, struct site *s, const struct sip_addr *to, const char *data,
                size_t len)
{
    static struct sip_msg m;
    enum sip_problem problem = sip_msg_parse(data, len, &m);

    if (problem != SIP_OK) {
        violate(w, "site %u sends a bad message: %s", s->conf.site, sip_problem_text(problem));
        return;
    }
    check_dialog(w, s, &m, true, !sip_addr_reliable(to));
    check_prack(w, s, &m);
    if (m.is_request)
        check_cseq(w, s, &m);
    else if (map_find(w->requests, transaction(s, &m)) == NULL)
        violate(w, "site %u: a %u to a %s that nobody sent", s->conf.site, m.status,
                sip_method_name(m.method));
    if (m.body.len > 0 && m.method != SIP_NOTIFY &&
        map_find(w->bodies, description(s, m.body)) == NULL)
        violate(w, "site %u: the body of a %s is nobody's", s->conf.site,
                sip_method_name(m.method));
}

/* ---- calls and their records (I3) ---- */

enum { STARTED = 1, RECORDED = 2, FORGOTTEN = 4, SITE_BITS = 8 };

static uint64_t call_key(const struct site *s, const char *id)
{
    return hash_of(s->conf.site, id, strlen(id));
}

static void call_told(struct world *w, struct site *s, const struct sc_call_event *e)
{
    uint64_t *flags;

    w->told[e->phase % 16]++;
    if (e->phase == SC_CALL_STARTED) {
        flags = map_put(w->calls, call_key(s, e->call));
        if (*flags != 0)
            violate(w, "site %u: call %s begins twice", s->conf.site, e->call);
        *flags = STARTED | (uint64_t)s->conf.site << SITE_BITS;
        return;
    }
    flags = map_find(w->calls, call_key(s, e->call));
    if (flags == NULL || (*flags & (RECORDED | FORGOTTEN)) != 0)
        violate(w, "site %u: %s is told of call %s, which is over or never was", s->conf.site,
                sc_call_phase_name(e->phase), e->call);
}

/* Everybody came before it left, somebody answered a call that was answered, and the one who is
 * said to have hung up is the one whose leg says so. */
static bool legs_fit(const struct sc_record *r)
{
    const struct sc_record_leg *released = NULL;
    unsigned answered = 0;

    for (uint32_t i = 0; i < r->legs_n; i++) {
        const struct sc_record_leg *l = &r->legs[i];

        if (l->start_ms < r->start_ms || l->end_ms < l->start_ms || l->end_ms > r->end_ms ||
            (l->answer_ms != 0 && (l->answer_ms < l->start_ms || l->answer_ms > l->end_ms)))
            return false;
        if (i > 0 && l->answer_ms != 0)
            answered++;
        if (l->how != SC_LEG_RELEASED)
            continue;
        if (released != NULL)
            return false;
        released = l;
    }
    if ((r->answer_ms != 0) != (answered != 0))
        return false;
    switch (r->released_by) {
    case SC_BY_NOBODY: return false;
    case SC_BY_CALLER: return released == NULL || released == &r->legs[0];
    case SC_BY_CALLED:
        return released == NULL || (released != &r->legs[0] && !released->by_transfer);
    case SC_BY_SERVER: return released == NULL;
    case SC_BY_TRANSFER_TARGET: return released != NULL && released->by_transfer;
    }
    return false;
}

static void call_recorded(struct world *w, struct site *s, const struct sc_record *r)
{
    uint64_t *flags = map_find(w->calls, call_key(s, r->call));

    if (flags == NULL || (*flags & (RECORDED | FORGOTTEN)) != 0) {
        violate(w, "site %u: a record of call %s, which has one or never was", s->conf.site,
                r->call);
        return;
    }
    *flags |= RECORDED;
    if (r->end_ms < r->start_ms || (r->answer_ms != 0 && r->answer_ms < r->start_ms) ||
        (r->outcome == SC_CALL_RELEASED) != (r->answer_ms != 0))
        violate(w, "site %u: the record of call %s contradicts itself", s->conf.site, r->call);
    if (!legs_fit(r))
        violate(w, "site %u: the legs of the record of call %s contradict it", s->conf.site,
                r->call);
}

/* Calls offered out of a queue: nobody who serves there may have waited longer. */
static void check_turn(struct world *w, struct site *s, const struct sc_call_event *e)
{
    const struct sc *sc = s->now->sc;
    const struct call *mine = NULL;
    const struct agent *a;

    for (const struct call *c = pool_next(&sc->calls, NULL); c != NULL;
         c = pool_next(&sc->calls, c)) {
        char id[SC_CALL_ID_SIZE];

        snprintf(id, sizeof(id), "%u-%llu-%llu", s->conf.site, (unsigned long long)c->epoch,
                 (unsigned long long)c->number);
        if (strcmp(id, e->call) == 0)
            mine = c;
    }
    a = mine != NULL ? pool_peek(&sc->agents, mine->agent) : NULL;
    if (a == NULL || mine->queued.ns == 0)
        return;
    for (const struct call *c = pool_next(&sc->calls, NULL); c != NULL;
         c = pool_next(&sc->calls, c)) {
        const struct dn *q = pool_peek(&sc->dns, c->queue);

        if (c->state != CALL_QUEUED || q == NULL || c->priority < mine->priority ||
            (c->priority == mine->priority && !mono_before(c->queued, mine->queued)))
            continue;
        for (uint32_t i = 0; i < a->queues_n; i++)
            if (strcmp(a->queues[i], q->number) == 0)
                violate(w, "site %u: call %s is offered to %s before one that is before it",
                        s->conf.site, e->call, a->id);
    }
}

/* ---- operations of desktops: one reply each ---- */

enum { REPLIED = 1, UNSURE = 8 };

static uint64_t operation_key(const struct site *s, uint64_t request_id)
{
    return hash_of(s->conf.site, &request_id, sizeof(request_id));
}

void check_operation(struct world *w, const struct site *s, uint64_t request_id)
{
    *map_put(w->operations, operation_key(s, request_id)) = (uint64_t)s->conf.site << SITE_BITS;
}

void check_unasked(struct world *w, const struct site *s, uint64_t request_id)
{
    uint64_t *flags = map_find(w->operations, operation_key(s, request_id));

    if (flags != NULL && (*flags & REPLIED) == 0)
        *flags |= FORGOTTEN;
}

static void replied(struct world *w, const struct site *s, const struct sc_agent_reply *r)
{
    uint64_t *flags = map_find(w->operations, operation_key(s, r->request_id));

    if (r->client != DESKTOP_CLIENT)
        return;
    if (flags == NULL || (*flags & (REPLIED | UNSURE)) == REPLIED ||
        (*flags & (FORGOTTEN | UNSURE)) == FORGOTTEN)
        violate(w, "site %u: a reply to the operation %llu, which has one or never was",
                s->conf.site, (unsigned long long)r->request_id);
    else if ((*flags & REPLIED) != 0)
        *flags &= ~(uint64_t)UNSURE; /* once more, not twice */
    else
        *flags |= REPLIED;
    w->tally[T_DONE] += r->code == 0;
}

void check_action(struct world *w, struct site *s, const struct sc_action *a)
{
    if (w->trace && a->kind == SC_ACT_CALL) {
        char line[200];

        snprintf(line, sizeof(line), "%u: %s %s %s", s->conf.site,
                 sc_call_phase_name(a->call.phase), a->call.call, a->call.reason);
        trace_event(w, "site", "call", line);
    }
    if (w->trace && a->kind == SC_ACT_NOTE) {
        char line[300];

        snprintf(line, sizeof(line), "%u: %s %s -> %s %s", s->conf.site, a->note.object,
                 a->note.from ? a->note.from : "", a->note.to ? a->note.to : "", a->note.reason);
        trace_event(w, "site", "note", line);
    }
    if (a->kind == SC_ACT_CALL)
        call_told(w, s, &a->call);
    else if (a->kind == SC_ACT_RECORD)
        call_recorded(w, s, &a->record);
    else if (a->kind == SC_ACT_AGENT_REPLY)
        replied(w, s, &a->reply);
}

void check_offered(struct world *w, struct site *s, const struct sc_action *a)
{
    if (a->kind != SC_ACT_CALL && a->kind != SC_ACT_RECORD)
        return;
    if (s->now == NULL || !s->now->primary)
        violate(w, "site %u: a host without the role tells of a call", s->conf.site);
    else if (a->kind == SC_ACT_CALL && a->call.phase == SC_CALL_OFFERED)
        check_turn(w, s, &a->call);
}

static void forget(struct map *m, const struct site *s, uint64_t unless)
{
    for (unsigned i = 0; i < MAP_SIZE; i++)
        if (m->slot[i].value >> SITE_BITS == s->conf.site && (m->slot[i].value & unless) == 0)
            m->slot[i].value |= FORGOTTEN;
}

void check_forgotten(struct world *w, struct site *s)
{
    s->losses++;
    forget(w->calls, s, RECORDED);
    forget(w->operations, s, REPLIED);
}

/* A host is about to serve that has no whole copy: what was sent last is not known. */
void check_unsure(struct world *w, const struct site *s)
{
    for (unsigned i = 0; i < MAP_SIZE; i++)
        if (w->operations->slot[i].value >> SITE_BITS == s->conf.site)
            w->operations->slot[i].value |= UNSURE;
}

/* It serves: the calls it knows go on, the others are forgotten. */
void check_kept(struct world *w, struct site *s)
{
    const struct sc *sc = s->now->sc;

    check_forgotten(w, s);
    for (const struct call *c = pool_next(&sc->calls, NULL); c != NULL;
         c = pool_next(&sc->calls, c)) {
        char id[SC_CALL_ID_SIZE];

        snprintf(id, sizeof(id), "%u-%llu-%llu", s->conf.site, (unsigned long long)c->epoch,
                 (unsigned long long)c->number);
        *map_put(w->calls, call_key(s, id)) =
            STARTED | (c->history.told ? RECORDED : 0) | (uint64_t)s->conf.site << SITE_BITS;
    }
}

/* ---- the core after each step ---- */

static void check_agents(struct world *w, const struct site *s)
{
    const struct sc *sc = s->now->sc;

    for (const struct agent *a = pool_next(&sc->agents, NULL); a != NULL;
         a = pool_next(&sc->agents, a)) {
        const struct dn *d = pool_peek(&sc->dns, a->dn);

        if (a->state == SC_AGENT_BUSY && (d == NULL || d->legs == 0))
            violate(w, "site %u: %s is busy without a call", s->conf.site, a->id);
        if (a->state == SC_AGENT_RESERVED && pool_peek(&sc->calls, a->call) == NULL)
            violate(w, "site %u: %s is reserved for no call", s->conf.site, a->id);
        if (a->state == SC_AGENT_ACW && !timer_armed(&a->wrap))
            violate(w, "site %u: the after-call work of %s never ends", s->conf.site, a->id);
    }
}

/* One phone rings once for one call (N-2). */
static void check_ringing(struct world *w, const struct site *s)
{
    const struct sc *sc = s->now->sc;

    for (const struct leg *l = pool_next(&sc->legs, NULL); l != NULL; l = pool_next(&sc->legs, l))
        for (const struct leg *m = pool_next(&sc->legs, l); m != NULL; m = pool_next(&sc->legs, m))
            if (handle_equal(l->call, m->call) && l->dialog.is_uac && m->dialog.is_uac &&
                l->state == LEG_CALLING && m->state == LEG_CALLING &&
                sip_addr_eq(&l->peer, &m->peer) && handle_equal(l->dn, m->dn))
                violate(w, "site %u: a phone rings twice for one call", s->conf.site);
}

/* sc_sane looks at everything, which would tell the replica that everything may have changed. */
static bool sane_unmarked(struct sc *sc)
{
    struct pool *pools[] = {&sc->dns,          &sc->trunks,          &sc->queues,
                            &sc->targets,      &sc->bindings,        &sc->paths,
                            &sc->agents,       &sc->calls,           &sc->legs,
                            &sc->offers,       &sc->relays,          &sc->datas,
                            &sc->came,         &sc->sdps[SDP_SMALL], &sc->sdps[SDP_LARGE],
                            &sc->sip->servers, &sc->sip->clients};
    struct pool_marks *marks[sizeof(pools) / sizeof(pools[0])];
    bool sane;

    for (unsigned i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
        marks[i] = pools[i]->marks;
        pools[i]->marks = NULL;
    }
    sane = sc_sane(sc);
    for (unsigned i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
        pools[i]->marks = marks[i];
    return sane;
}

void check_host(struct world *w, struct host *h)
{
    if (!sane_unmarked(h->sc))
        violate(w, "site %u: the core's invariants are broken (sc_sane)", h->site->conf.site);
    if (h != h->site->now)
        return;
    check_agents(w, h->site);
    check_ringing(w, h->site);
}

void check_instant(struct world *w)
{
    check_denied(w);
    for (unsigned i = 0; i < SITES; i++) {
        const struct sc *sc = w->site[i].now != NULL ? w->site[i].now->sc : NULL;

        if (sc == NULL)
            continue;
        for (const struct queue *q = pool_next(&sc->queues, NULL); q != NULL;
             q = pool_next(&sc->queues, q))
            if (sc->primary && q->waiting_n > 0 && q->idle_n > 0)
                violate(w, "site %u: a call waits although an agent is idle", w->site[i].conf.site);
    }
}

/* ---- the end ---- */

static uint32_t timers_known(const struct sc *sc)
{
    uint32_t n = sc->bindings.used;

    for (const struct trunk *t = pool_next(&sc->trunks, NULL); t != NULL;
         t = pool_next(&sc->trunks, t))
        n += (uint32_t)(timer_armed(&t->check) + timer_armed(&t->force) + timer_armed(&t->hold));
    for (const struct agent *a = pool_next(&sc->agents, NULL); a != NULL;
         a = pool_next(&sc->agents, a))
        n += (uint32_t)(timer_armed(&a->wrap) + timer_armed(&a->phone));
    return n;
}

void check_empty(struct world *w)
{
    for (unsigned i = 0; i < SITES; i++) {
        const struct sc *sc = w->site[i].now->sc;
        unsigned site = w->site[i].conf.site;

        uint32_t sdps = 0;

        for (unsigned size = 0; size < SDP_SIZES; size++)
            sdps += sc->sdps[size].used;
        if (sc->datas.used > 0)
            violate(w, "site %u: left over: %u attached data", site, sc->datas.used);
        if (sc->calls.used + sc->legs.used + sc->offers.used + sc->relays.used + sdps > 0)
            violate(w, "site %u: left over: %u calls, %u legs, %u offers, %u relays, %u sdps", site,
                    sc->calls.used, sc->legs.used, sc->offers.used, sc->relays.used, sdps);
        if (sip_live(sc->sip, true) > 0 || sip_live(sc->sip, false) > 16)
            violate(w, "site %u: left over: %u server and %u client transactions", site,
                    sip_live(sc->sip, true), sip_live(sc->sip, false));
        if (sc->timers.count != timers_known(sc))
            violate(w, "site %u: %u timers run, %u are known", site, sc->timers.count,
                    timers_known(sc));
    }
    for (unsigned i = 0; i < MAP_SIZE; i++)
        if (w->calls->slot[i].key != 0 && (w->calls->slot[i].value & (RECORDED | FORGOTTEN)) == 0)
            violate(w, "a call of site %u has no record",
                    (unsigned)(w->calls->slot[i].value >> SITE_BITS));
    for (unsigned i = 0; i < MAP_SIZE; i++)
        if (w->operations->slot[i].key != 0 &&
            (w->operations->slot[i].value & (REPLIED | FORGOTTEN)) == 0)
            violate(w, "an operation of a desktop at site %u has no reply",
                    (unsigned)(w->operations->slot[i].value >> SITE_BITS));
}
