#include "tests/sim/calls/world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_ACTIONS   (SC_OUT_ACTIONS_MIN + 8) /* tight, so that steps find no room */
#define OUT_DATAGRAMS (SC_OUT_DATAGRAMS_MIN + 4)
#define OUT_BYTES     (SC_OUT_BYTES_MIN + 4096)

bool chance(struct prng *p, unsigned percent)
{
    return prng_below(p, 100) < percent;
}

mono_t world_soon(struct world *w, struct prng *p, int64_t from_ms, int64_t to_ms)
{
    return mono_add_ms(w->now, prng_between(p, from_ms, to_ms));
}

void trace_event(struct world *w, const char *who, const char *what, const char *detail)
{
    if (w->trace)
        printf("%11.3f  %-8s %-12s %s\n", (double)w->now.ns / 1e6, who, what, detail);
}

static void mix(struct world *w, const void *data, size_t len)
{
    w->hash = hash_of(w->hash ^ (uint64_t)w->now.ns, data, len);
}

struct sip_addr world_address(const char *ip, uint16_t port, enum sip_transport transport)
{
    struct sip_addr a;
    int r = sip_addr_parse(sip_str_of(ip), port, transport, &a);

    assert(r == 0);
    (void)r;
    return a;
}

/* ---- the network ---- */

static struct site *site_at(struct world *w, const struct sip_addr *to)
{
    for (unsigned i = 0; i < SITES; i++)
        if (sip_addr_same_host(&w->site[i].addr, to))
            return &w->site[i];
    return NULL;
}

static struct party *party_at(struct world *w, const struct sip_addr *to)
{
    for (unsigned i = 0; i < PARTIES; i++)
        if (sip_addr_same_host(&w->party[i].addr, to) && w->party[i].addr.port == to->port)
            return &w->party[i];
    return NULL;
}

static struct packet *post(struct world *w, mono_t at, const struct sip_addr *from,
                           const struct sip_addr *to, const char *data, size_t len)
{
    uint32_t slot = agenda_take(&w->agenda);
    struct packet *p = &w->packets[slot];

    *p = (struct packet){.from = *from, .to = *to, .len = len};
    if (len > 0) {
        p->data = malloc(len);
        assert(p->data);
        memcpy(p->data, data, len);
    }
    agenda_push(&w->agenda, at.ns, slot);
    return p;
}

static void unsent(struct world *w, struct site *s, struct party *party, uint64_t txn)
{
    struct packet *p;
    struct sip_addr none = {.family = SIP_NO_ADDR};

    if (txn == 0)
        return;
    w->tally[T_BROKEN]++;
    p = post(w, world_soon(w, &w->net, 0, 4), &none, &none, NULL, 0);
    p->unsent = true;
    p->site = s;
    p->party = party;
    p->host = s != NULL ? s->now : NULL;
    p->life = p->host != NULL ? p->host->life : 0;
    p->txn = txn;
}

/* In order and without loss, while the connection is there. */
static mono_t in_order(struct world *w, mono_t *last)
{
    *last = mono_max(*last, world_soon(w, &w->net, 1, w->calm ? 2 : 40));
    return *last;
}

static bool by_connection(struct world *w, const struct sip_addr *from, const struct sip_addr *to,
                          const char *data, size_t len, struct site *sender)
{
    struct site *site = site_at(w, to);
    struct party *p = sender != NULL ? party_at(w, to) : party_at(w, from);
    struct sip_addr source = *from;

    source.transport = SIP_TCP;
    if (sender != NULL && site != NULL) { /* between the sites */
        struct sim_link *link = &w->wan[sender - w->site];

        if (link->cut)
            return false;
        source.flow = w->wan_flow;
        post(w, in_order(w, &w->wan_last[sender - w->site]), &source, to, data, len);
        return true;
    }
    if (p == NULL || p->away.ns != 0 || p->addr.transport != SIP_TCP)
        return false;
    if (sender != NULL && to->flow != 0 && to->flow != p->flow)
        return false;
    if (p->flow == 0)
        p->flow = ++w->flows;
    source.flow = p->flow;
    post(w, in_order(w, &p->tcp_last[sender != NULL]), &source, to, data, len);
    return true;
}

static void send_one(struct world *w, const struct sip_addr *from, const struct sip_dgram *d,
                     struct sip_str data, struct site *s, struct party *p)
{
    bool between = s != NULL && site_at(w, &d->to) != NULL;
    const struct sim_link *link = between ? &w->wan[s - w->site] : &w->lan;

    mix(w, data.p, data.len);
    if (!w->calm && prng_below(&w->net, 1000) < w->plan.unsent_permille) {
        unsent(w, s, p, d->txn);
        return;
    }
    if (sip_addr_reliable(&d->to)) {
        if (!by_connection(w, from, &d->to, data.p, data.len, s))
            unsent(w, s, p, d->txn);
        return;
    }
    for (int n = link_copies(link, &w->net); n > 0; n--) {
        int64_t delay = link_delay(link, &w->net);

        if (!w->calm && chance(&w->net, w->plan.far_pct))
            delay += prng_between(&w->net, 0, 400) * MS;
        post(w, (mono_t){w->now.ns + delay}, from, &d->to, data.p, data.len);
    }
}

/* The first line of a message, and the dialog that it may be of. */
static void trace_sent(struct world *w, const struct sip_addr *from, const struct sip_addr *to,
                       struct sip_str data, const char *who)
{
    static struct sip_msg m;
    char line[300];

    if (sip_msg_parse(data.p, data.len, &m) != SIP_OK)
        memset(&m, 0, sizeof(m));
    snprintf(line, sizeof(line), "%u.%u:%u -> %u.%u:%u  %.*s [%.*s %u %s]", from->ip[2],
             from->ip[3], from->port, to->ip[2], to->ip[3], to->port,
             (int)((const char *)memchr(data.p, '\r', data.len) - data.p), data.p,
             (int)m.call_id.len, m.call_id.p != NULL ? m.call_id.p : "", m.cseq.number,
             sip_method_name(m.method));
    trace_event(w, who, "sends", line);
}

void world_send(struct world *w, struct sip_out *out, struct site *s, struct party *p)
{
    const struct sip_addr *from = s != NULL ? &s->addr : &p->addr;

    for (unsigned i = 0; i < out->n; i++) {
        struct sip_str data = sip_out_data(out, i);
        const struct sip_dgram *d = &out->items[i];

        if (w->trace)
            trace_sent(w, from, &d->to, data, s != NULL ? "site" : p->number);
        if (s != NULL)
            check_sent(w, s, &d->to, data.p, data.len);
        if (p == NULL || p->away.ns == 0)
            send_one(w, from, d, data, s, p);
    }
    sip_out_clear(out);
}

/* ---- the world ---- */

static void parties_new(struct world *w)
{
    for (unsigned i = 0; i < PARTIES; i++) {
        struct party *p = &w->party[i];
        unsigned n = i % (PHONES + CALLERS);
        char ip[16];

        p->index = i;
        p->site = (uint8_t)(i / (PHONES + CALLERS));
        p->gateway = n >= PHONES;
        snprintf(p->number, sizeof(p->number), "%u%02u", 1 + p->site + (p->gateway ? 6u : 0u),
                 1 + (p->gateway ? n - PHONES : n));
        snprintf(ip, sizeof(ip), p->gateway ? "10.0.1.%u" : "10.1.%u.%u", 1 + p->site, 1 + n);
        p->addr = world_address(
            ip, (uint16_t)(p->gateway ? 5060 + n - PHONES : 5060),
            (p->gateway && w->plan.tcp_trunk) || (n == 1 && !w->plan.gentle) ? SIP_TCP : SIP_UDP);
        party_ways(w, p);
        party_init(w, p);
    }
}

struct world *world_new(uint64_t seed, bool trace, const struct pairing *pairing)
{
    struct world *w = calloc(1, sizeof(*w));
    struct prng root, plan;

    assert(w);
    w->packets = calloc(AGENDA_MAX, sizeof(*w->packets));
    w->out.max = OUT_ACTIONS;
    w->out.actions = calloc(OUT_ACTIONS, sizeof(*w->out.actions));
    sip_out_init(&w->out.sip, calloc(OUT_DATAGRAMS, sizeof(struct sip_dgram)), OUT_DATAGRAMS,
                 malloc(OUT_BYTES), OUT_BYTES);
    sip_out_init(&w->party_out, calloc(64, sizeof(struct sip_dgram)), 64, malloc(1 << 18), 1 << 18);
    assert(w->packets && w->out.actions && w->out.sip.items && w->out.sip.arena &&
           w->party_out.items && w->party_out.arena);
    agenda_init(&w->agenda);
    w->seed = seed;
    w->trace = trace;
    w->pairing = pairing;
    w->now = mono_add_ms(MONO_ZERO, BEGIN_MS);
    prng_init(&root, seed);
    w->net = prng_split(&root, 1);
    w->people = prng_split(&root, 2);
    w->desks = prng_split(&root, 3);
    w->troubles = prng_split(&root, 4);
    plan = prng_split(&root, 5);
    w->desktops = prng_split(&root, 6);
    w->digest = digest_openssl_new();
    assert(w->digest);
    w->wan_flow = 1;
    check_new(w);
    plan_make(w, &plan);
    for (unsigned i = 0; i < SITES; i++)
        site_new(w, &w->site[i], i);
    parties_new(w);
    for (unsigned i = 0; i < SITES; i++) {
        site_configure(w, &w->site[i]);
        site_role(w, &w->site[i], true);
    }
    for (unsigned i = 0; i < AGENTS; i++) {
        snprintf(w->desk[i].id, sizeof(w->desk[i].id), "a%u", i + 1);
        w->desk[i].act = world_soon(w, &w->desks, 100, 3000);
        w->desk[i].ask = world_soon(w, &w->desktops, 3000, 9000);
    }
    w->trouble_at = world_soon(w, &w->troubles, 2000, 10000);
    return w;
}

void world_destroy(struct world **ww)
{
    struct world *w = *ww;

    if (w == NULL)
        return;
    while (w->agenda.n > 0)
        free(w->packets[agenda_pop(&w->agenda)].data);
    for (unsigned i = 0; i < SITES; i++)
        for (unsigned k = 0; k < HOSTS; k++)
            free(w->site[i].host[k].memory);
    for (unsigned i = 0; i < PARTIES; i++)
        free(w->party[i].memory);
    for (unsigned i = 0; i < SITES; i++)
        if (w->site[i].pair != NULL)
            w->pairing->free(w, &w->site[i]);
    check_free(w);
    digest_openssl_destroy(&w->digest);
    free(w->out.actions);
    free(w->out.sip.items);
    free(w->out.sip.arena);
    free(w->party_out.items);
    free(w->party_out.arena);
    free(w->packets);
    free(w);
    *ww = NULL;
}

static void arrive(struct world *w, struct packet *p)
{
    struct site *s = p->unsent ? p->site : site_at(w, &p->to);
    struct party *to = s == NULL && !p->unsent ? party_at(w, &p->to) : NULL;
    struct party *from = s != NULL && !p->unsent ? party_at(w, &p->from) : NULL;
    struct sc_event e = {
        .kind = SC_EV_DATAGRAM, .src = p->from, .data = p->data, .len = p->len, .txn = p->txn};

    if (p->unsent && p->party != NULL) {
        party_unsent(w, p->party, p->txn);
    } else if (p->unsent) {
        if (s->now == NULL || s->now != p->host || !s->now->primary || s->now->life != p->life)
            return;
        e.kind = SC_EV_UNSENT;
        site_step(w, s, &e);
    } else if (s != NULL) {
        if (p->from.flow != 0 && from != NULL && from->flow != p->from.flow)
            return; /* its connection has broken */
        if (s->now != NULL && s->now->primary)
            check_received(w, s, &p->from, p->data, p->len);
        site_step(w, s, &e);
    } else if (to != NULL && to->away.ns == 0 && (p->from.flow == 0 || to->flow == p->from.flow)) {
        party_input(w, to, p);
    }
}

static mono_t site_next(const struct world *w, const struct site *s)
{
    mono_t t = s->pair != NULL ? w->pairing->next(s) : MONO_NEVER;

    return s->now != NULL ? mono_min(t, host_due(s->now, sc_deadline(s->now->sc))) : t;
}

static bool site_act(struct world *w, struct site *s)
{
    if (s->pair != NULL && w->pairing->act(w, s))
        return true;
    if (s->now == NULL || !mono_due(sc_deadline(s->now->sc), host_now(w, s->now)))
        return false;
    site_tick(w, s);
    return true;
}

/* The moment of whatever happens next. */
static mono_t next_moment(const struct world *w)
{
    mono_t t = {agenda_next(&w->agenda)};

    for (unsigned i = 0; i < SITES; i++)
        t = mono_min(t, site_next(w, &w->site[i]));
    for (unsigned i = 0; i < PARTIES; i++)
        t = mono_min(t, mono_min(sip_deadline(w->party[i].stack), party_next(&w->party[i])));
    for (unsigned i = 0; i < AGENTS; i++)
        t = mono_min(t, mono_min(w->desk[i].act, w->desk[i].ask));
    return mono_max(mono_min(t, w->trouble_at), w->now);
}

/* One thing that is due now; the order of things at one moment is fixed. */
static void happen(struct world *w)
{
    w->events++;
    for (unsigned i = 0; i < SITES; i++)
        if (site_act(w, &w->site[i]))
            return;
    if (agenda_next(&w->agenda) <= w->now.ns) {
        uint32_t slot = agenda_pop(&w->agenda);
        struct packet p = w->packets[slot];

        agenda_give(&w->agenda, slot);
        arrive(w, &p);
        free(p.data);
        return;
    }
    for (unsigned i = 0; i < PARTIES; i++) {
        if (mono_due(sip_deadline(w->party[i].stack), w->now)) {
            party_timers(w, &w->party[i]);
            return;
        }
        if (mono_due(party_next(&w->party[i]), w->now)) {
            party_act(w, &w->party[i]);
            return;
        }
    }
    for (unsigned i = 0; i < AGENTS; i++) {
        if (mono_due(w->desk[i].act, w->now)) {
            desk_act(w, &w->desk[i]);
            return;
        }
        if (mono_due(w->desk[i].ask, w->now)) {
            desktop_act(w, &w->desk[i]);
            return;
        }
    }
    if (mono_due(w->trouble_at, w->now))
        trouble_act(w);
}

bool world_run(struct world *w, int64_t ms)
{
    mono_t end = mono_add_ms(w->now, ms);

    while (w->violation[0] == '\0') {
        mono_t next = next_moment(w);

        if (mono_before(w->now, next))
            check_instant(w);
        if (!mono_before(next, end))
            break;
        w->now = next;
        happen(w);
    }
    if (w->violation[0] == '\0')
        w->now = end;
    return w->violation[0] == '\0';
}
