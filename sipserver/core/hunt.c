#include "sipserver/core/hunt.h"

#include <string.h>

#include "sipserver/core/dn.h"
#include "sipserver/core/report.h"
#include "sipserver/core/trunk.h"

/* ---- the addresses of one trunk ---- */

static bool tried(const struct sc *sc, const struct call *c, const struct trunk *t, uint32_t hop)
{
    handle_t handle = pool_handle(&sc->trunks, t);

    for (unsigned i = 0; i < c->tries_n; i++)
        if (handle_equal(c->tries[i].trunk, handle) &&
            sip_addr_eq(&c->tries[i].addr, &t->hops[hop].addr))
            return true;
    return false;
}

static bool rests(const struct sc *sc, const struct hop *h)
{
    return !mono_due(h->rests, sc->now);
}

bool hunt_rests(const struct sc *sc, const struct trunk *t)
{
    for (uint32_t i = 0; i < t->hops_n; i++)
        if (!rests(sc, &t->hops[i]))
            return false;
    return t->hops_n > 0;
}

/* The number that Retry-After begins with; what follows (a comment, parameters) changes nothing. */
static bool retry_after(const struct sip_msg *m, uint32_t *ret_s)
{
    struct sip_str value = sip_str_trim(sip_msg_value(m, SIP_H_RETRY_AFTER));
    size_t n = 0;

    while (n < value.len && value.p[n] >= '0' && value.p[n] <= '9')
        n++;
    value.len = n;
    return n > 0 && sip_number_parse(value, UINT32_MAX, ret_s) == 0;
}

void hunt_told_to_wait(struct sc *sc, const struct leg *l, const struct sip_msg *response)
{
    const struct dn *d = pool_get(&sc->dns, l->dn);
    struct trunk *t = d != NULL ? pool_get(&sc->trunks, d->trunk) : NULL;
    uint32_t s, max = sc->options.trunk_retry_after_max_s;

    if (t == NULL || !retry_after(response, &s) || s == 0)
        return;
    for (uint32_t i = 0; i < t->hops_n; i++)
        if (sip_addr_eq(&t->hops[i].addr, &l->peer)) {
            pool_touch(&sc->trunks, t);
            t->hops[i].rests = mono_add_ms(sc->now, (int64_t)(s < max ? s : max) * 1000);
            sc->counts[N_TRUNK_PAUSES]++;
            report_note(sc, SC_NOTE_TRUNK, d->number, NULL, NULL,
                        "it asks for no calls for a while: 503 with Retry-After");
        }
}

/* May A be taken before B: it answers, its priority is the lower one. */
static bool before(const struct hop *a, const struct hop *b)
{
    return a->bad != b->bad ? b->bad : a->priority < b->priority;
}

/* One draw among those seen so far, each as likely as its weight says: *SUM is of their weights. */
static bool drawn(struct sc *sc, uint64_t *sum, uint32_t weight)
{
    uint64_t w = weight != 0 ? weight : 1;

    *sum += w;
    return *sum == w || prng_below(&sc->prng, *sum) < w;
}

/* The hop of T that C tries next; T->hops_n: none is left. */
static uint32_t next_hop(struct sc *sc, const struct call *c, const struct trunk *t)
{
    uint32_t best = t->hops_n;
    uint64_t sum = 0;

    for (uint32_t i = 0; i < t->hops_n; i++) {
        const struct hop *h = &t->hops[i];

        if (tried(sc, c, t, i) || rests(sc, h) || (best < t->hops_n && before(&t->hops[best], h)))
            continue;
        if (best == t->hops_n || before(h, &t->hops[best])) {
            best = i;
            sum = 0;
        }
        if (drawn(sc, &sum, h->weight))
            best = i;
    }
    return best;
}

static bool has_hop(const struct sc *sc, const struct call *c, const struct trunk *t)
{
    for (uint32_t i = 0; i < t->hops_n; i++)
        if (!tried(sc, c, t, i) && !rests(sc, &t->hops[i]))
            return true;
    return false;
}

/* ---- the trunks of one number ---- */

struct hunt {
    struct trunk *best;
    size_t rank; /* of the best one; higher is better */
    uint64_t sum;
    bool out, rests, full, tried;
};

/* T serves the number, with RANK. */
static void consider(struct sc *sc, const struct call *c, struct hunt *h, struct trunk *t,
                     size_t rank)
{
    bool better =
        h->best == NULL || rank > h->rank || (rank == h->rank && t->priority < h->best->priority);

    if (!trunk_is_in(t)) {
        h->out = true;
    } else if (hunt_rests(sc, t)) {
        h->rests = true;
    } else if (!has_hop(sc, c, t) || c->tries_n == SC_TRIES_MAX) {
        h->tried = true;
    } else if (!trunk_has_room(t, false)) {
        h->full = true;
    } else if (better) {
        h->best = t;
        h->rank = rank;
        h->sum = 0;
        (void)drawn(sc, &h->sum, t->weight);
    } else if (rank == h->rank && t->priority == h->best->priority &&
               drawn(sc, &h->sum, t->weight)) {
        h->best = t;
    }
}

static enum hunt_end end_of(const struct sc *sc, const struct call *c, const struct hunt *h,
                            struct trunk **ret_trunk)
{
    const struct call_try *last = c->tries_n > 0 ? &c->tries[c->tries_n - 1] : NULL;
    struct trunk *same = last != NULL ? pool_get(&sc->trunks, last->trunk) : NULL;

    if (same != NULL && h->best != NULL && trunk_is_in(same) && trunk_has_room(same, false) &&
        has_hop(sc, c, same))
        *ret_trunk = same; /* its other addresses come first */
    else
        *ret_trunk = h->best;
    if (*ret_trunk != NULL)
        return HUNT_FOUND;
    return h->full    ? HUNT_FULL
           : h->tried ? HUNT_TRIED
           : h->rests ? HUNT_RESTS
           : h->out   ? HUNT_OUT
                      : HUNT_UNKNOWN;
}

/* What a pattern can name is what can be dialled (docs/dial-plan.md); the rest would reach the
 * carrier as it stands. */
static bool can_be_dialled(struct sip_str number)
{
    for (size_t i = 0; i < number.len; i++)
        if (memchr("0123456789+*#", number.p[i], 13) == NULL)
            return false;
    return true;
}

const char *hunt_prefix(const struct trunk *t, struct sip_str number)
{
    const char *best = NULL;
    size_t longest = 0;

    for (uint32_t i = 0; i < t->prefixes_n; i++) {
        size_t len = strlen(t->prefixes[i]);

        if (len <= longest || len > number.len || memcmp(t->prefixes[i], number.p, len) != 0)
            continue;
        if (!can_be_dialled(number))
            return NULL;
        best = t->prefixes[i];
        longest = len;
    }
    return best;
}

const char *hunt_longest(const struct sc *sc, struct sip_str number)
{
    const char *best = NULL;

    LIST_EACH(link, &sc->all_trunks)
    {
        const char *prefix = hunt_prefix(CONTAINER_OF(link, struct trunk, in_all), number);

        if (prefix != NULL && (best == NULL || strlen(prefix) > strlen(best)))
            best = prefix;
    }
    return best;
}

enum hunt_end hunt_by_prefix(struct sc *sc, const struct call *c, struct sip_str number,
                             struct trunk **ret_trunk)
{
    struct hunt h = {0};

    LIST_EACH(link, &sc->all_trunks)
    {
        struct trunk *t = CONTAINER_OF(link, struct trunk, in_all);
        const char *prefix = hunt_prefix(t, number);

        if (prefix != NULL)
            consider(sc, c, &h, t, strlen(prefix));
    }
    return end_of(sc, c, &h, ret_trunk);
}

enum hunt_end hunt_by_rule(struct sc *sc, const struct call *c, const struct rule *r,
                           struct trunk **ret_trunk)
{
    struct hunt h = {0};

    for (uint32_t i = 0; i < r->to_n; i++) {
        const struct dn *d = dn_find(sc, sip_str_of(r->to[i]));
        struct trunk *t = d != NULL ? pool_get(&sc->trunks, d->trunk) : NULL;

        if (t != NULL)
            consider(sc, c, &h, t, r->share ? 1 : SC_RULE_TARGETS_MAX - i);
    }
    return end_of(sc, c, &h, ret_trunk);
}

const struct sip_addr *hunt_take(struct sc *sc, struct call *c, struct trunk *t)
{
    uint32_t hop = next_hop(sc, c, t);

    if (hop == t->hops_n || c->tries_n == SC_TRIES_MAX)
        return &t->addr;
    c->tries[c->tries_n++] =
        (struct call_try){.trunk = pool_handle(&sc->trunks, t), .addr = t->hops[hop].addr};
    return &t->hops[hop].addr;
}

void hunt_failed(struct sc *sc, struct call *c)
{
    const struct call_try *last = c->tries_n > 0 ? &c->tries[c->tries_n - 1] : NULL;
    struct trunk *t = last != NULL ? pool_get(&sc->trunks, last->trunk) : NULL;

    for (uint32_t i = 0; t != NULL && i < t->hops_n; i++)
        if (sip_addr_eq(&t->hops[i].addr, &last->addr)) {
            pool_touch(&sc->trunks, t);
            t->hops[i].bad = true;
        }
}
