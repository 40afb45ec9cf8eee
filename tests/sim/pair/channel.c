/* channel - turns of the primary, their batches on the way to the backup, their output held. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/pair/pair.h"

#define BATCH_MAX    (1u << 21)
#define REMEASURE_MS 10000
#define SANE_PCT     25 /* of batches, as it walks everything: what is not told stays so */

static mono_t soon_us(const struct world *w, struct prng *p, int64_t from, int64_t to)
{
    return (mono_t){w->now.ns + prng_between(p, from, to) * 1000};
}

/* ---- turns ---- */

static void turn_empty(struct turn *t)
{
    for (unsigned i = 0; i < t->held_n; i++)
        free(t->held[i].data);
    t->held_n = 0;
}

static void turn_free(struct turn *t)
{
    turn_empty(t);
    free(t->held);
    free(t->actions);
    free(t->objects);
    shot_free(&t->shot);
    free(t);
}

static void turn_take(struct turn *t, struct sc_out *out)
{
    t->actions = realloc(t->actions, (t->actions_n + out->n + 1) * sizeof(*t->actions));
    t->held = realloc(t->held, (t->held_n + out->sip.n + 1) * sizeof(*t->held));
    assert(t->actions && t->held);
    memcpy(t->actions + t->actions_n, out->actions, out->n * sizeof(*t->actions));
    t->actions_n += out->n;
    for (unsigned i = 0; i < out->sip.n; i++) {
        struct sip_str data = sip_out_data(&out->sip, i);
        struct held *h = &t->held[t->held_n++];

        *h = (struct held){out->sip.items[i].to, out->sip.items[i].txn, data.len,
                           malloc(data.len + 1)};
        assert(h->data);
        memcpy(h->data, data.p, data.len);
    }
    out->n = 0;
    sip_out_clear(&out->sip);
}

/* T never was: what it was asked for is asked again. */
static void turn_forget(struct world *w, struct pair *p, struct turn *t)
{
    for (uint64_t id = t->operations[0] + 1; id <= t->operations[1] && !t->told; id++)
        check_unasked(w, p->site, id);
    turn_free(t);
}

static void turn_counts(const struct world *w, struct pair *p, struct turn *t)
{
    t->operations[0] = p->operation;
    p->operation = t->operations[1] = w->operation;
}

/* What became known outside with T: once. */
static void turn_tell(struct world *w, struct pair *p, struct turn *t)
{
    if (t->told)
        return;
    t->told = true;
    for (unsigned i = 0; i < t->actions_n; i++)
        check_action(w, p->site, &t->actions[i]);
}

/* The output of T leaves.  False: the host died at it. */
static bool turn_send(struct world *w, struct pair *p, struct turn *t)
{
    turn_tell(w, p, t);
    for (unsigned i = 0; i < t->held_n; i++) {
        struct held *h = &t->held[i];

        if (i > 0 && pair_strikes(w, p, STRIKE_SENDING))
            return false;
        (void)sip_out_add(&w->out.sip, &h->to, h->txn, (struct sip_str){h->data, h->len});
        world_send(w, &w->out.sip, p->site, NULL);
    }
    return true;
}

void channel_stepped(struct world *w, struct site *s)
{
    struct pair *p = s->pair;

    if (p->open == NULL) {
        p->open = calloc(1, sizeof(*p->open));
        assert(p->open);
        p->closes = chance(&p->prng, 50) ? w->now : soon_us(w, &p->prng, 0, 3000);
    }
    turn_take(p->open, &w->out);
    if (chance(&p->prng, 25))
        p->closes = w->now;
    if (!p->following && p->first == NULL) {
        struct turn *t = p->open;

        p->open = NULL;
        turn_counts(w, p, t);
        (void)turn_send(w, p, t);
        turn_free(t);
    } else if (p->strike == STRIKE_STEPPED && mono_due(p->armed, w->now)) {
        p->die = w->now;
    }
}

/* ---- batches ---- */

/* All changes, by way of a buffer of any size; a batch holds them all, as a copy between two of its
 * parts would be of no moment that ever was. */
static void take_objects(struct world *w, struct pair *p, struct turn *t)
{
    struct sc *sc = p->site->now->sc;
    static char part[SC_REPLICA_OBJECT_MAX * 4], objects[BATCH_MAX];
    struct sc_replica_buf b = {.p = part,
                               .size = SC_REPLICA_OBJECT_MAX * (1 + prng_below(&p->prng, 4))};
    bool all = false, slice = !p->whole && mono_due(p->slice, w->now);

    while (!all) {
        b.len = 0;
        all = sc_replica_changes(sc, &b);
        assert(t->len + b.len <= BATCH_MAX);
        memcpy(objects + t->len, b.p, b.len);
        t->len += b.len;
    }
    if (sc_replica_changed(sc))
        violate(w, "site %u: changes are left", p->site->conf.site);
    if (slice) {
        b.len = 0;
        t->whole = p->whole = sc_replica_slice(sc, &b, 1 + (uint32_t)prng_below(&p->prng, 60));
        memcpy(objects + t->len, b.p, b.len);
        t->len += b.len;
        p->slice = p->whole ? MONO_NEVER : soon_us(w, &p->prng, 0, 60000);
    }
    t->objects = malloc(t->len + 1);
    assert(t->objects);
    memcpy(t->objects, objects, t->len);
    if (sc_replica_check(sc, 1 + (uint32_t)prng_below(&p->prng, 40)) > 0 ||
        (chance(&p->prng, SANE_PCT) && !sc_replica_sane(sc)))
        violate(w, "site %u: the primary has changed what it does not tell", p->site->conf.site);
}

static void put_on_way(struct world *w, struct pair *p, struct turn *t)
{
    struct sc_replica_status status;
    bool slow = mono_before(w->now, p->slow_until);

    sc_replica_status(p->site->now->sc, &status);
    t->count = status.objects;
    t->digest = status.digest;
    t->made = host_now(w, p->site->now);
    t->sequence = ++p->sequence;
    p->last_arrival = mono_max(p->last_arrival, soon_us(w, &p->prng, slow ? 20000 : 50,
                                                        slow      ? 90000
                                                        : w->calm ? 400
                                                                  : 4000));
    t->arrives = p->last_arrival;
    pair_tally.batches++;
    pair_tally.bytes += t->len;
}

void channel_close(struct world *w, struct pair *p)
{
    struct turn *t = p->open;
    bool held = false, slicing;

    p->open = NULL;
    turn_counts(w, p, t);
    t->arrives = t->known = MONO_NEVER;
    if (p->following) {
        take_objects(w, p, t);
#if SC_MUTATION != 20 /* output is not held */
        held = p->whole;
#endif
        if (p->watch)
            t->shot = shot_take(w, p->site->now);
    }
    if (pair_strikes(w, p, STRIKE_MADE)) {
        turn_forget(w, p, t);
        return;
    }
    slicing = p->following && !p->whole && p->sequence > 2;
    if (p->following && (t->len > 0 || t->whole))
        put_on_way(w, p, t);
    if (!held && !turn_send(w, p, t)) {
        turn_free(t);
        return;
    }
    if (!held)
        turn_empty(t);
    *p->end = t;
    p->end = &t->next;
    if (slicing && pair_strikes(w, p, STRIKE_SLICING))
        return;
    if (t->sequence != 0)
        (void)pair_strikes(w, p, STRIKE_SENT);
}

static void measure(const struct world *w, struct pair *p, int64_t ahead)
{
    if (!p->measured || mono_due(p->remeasure, w->now)) {
        p->ahead_ns[0] = p->measured ? p->ahead_ns[1] : ahead;
        p->ahead_ns[1] = ahead;
        p->remeasure = mono_add_ms(w->now, REMEASURE_MS);
    }
    for (unsigned i = 0; i < 2; i++)
        if (ahead < p->ahead_ns[i])
            p->ahead_ns[i] = ahead;
    p->measured = true;
}

static void apply(struct world *w, struct pair *p, struct turn *t)
{
    struct host *h = pair_other(p);
    struct sc_replica_status status;
    int64_t ahead = host_now(w, h).ns - t->made.ns;
    int r = sc_replica_apply(h->sc, t->objects, t->len);

    sc_replica_status(h->sc, &status);
    if (r != 0)
        violate(w, "site %u: the backup cannot use batch %llu: %s", p->site->conf.site,
                (unsigned long long)t->sequence, strerror(-r));
    else if (status.objects != t->count || status.digest != t->digest)
        violate(w,
                "site %u: the copies differ after batch %llu: %llu objects, the primary has %llu",
                p->site->conf.site, (unsigned long long)t->sequence,
                (unsigned long long)status.objects, (unsigned long long)t->count);
    else if (sc_replica_check(h->sc, 20) > 0 ||
             (chance(&p->prng, SANE_PCT / 3) && !sc_replica_sane(h->sc)))
        violate(w, "site %u: the backup does not hold what it was sent", p->site->conf.site);
    if (status.unknown > 0)
        violate(w, "site %u: the backup does not know what it was sent", p->site->conf.site);
    measure(w, p, ahead);
    p->applied = t->sequence;
    if (t->whole) {
        p->copied = true;
        pair_tally.wholes++;
    }
    t->applied = true;
#if SC_MUTATION != 25 /* the backup does not keep the records of a batch */
    turn_tell(w, p, t);
#endif
    shot_free(&p->shot);
    p->shot = t->shot;
    t->shot = NULL;
    p->last_known = mono_max(p->last_known, soon_us(w, &p->prng, 50, w->calm ? 400 : 4000));
    t->known = p->last_known;
    (void)pair_strikes(w, p, STRIKE_APPLIED);
}

/* The first turn is known at the backup, or had nothing to tell it. */
static void release(struct world *w, struct pair *p)
{
    struct turn *t = p->first;

    if (t->sequence != 0 && pair_strikes(w, p, STRIKE_KNOWN))
        return;
    p->first = t->next;
    if (p->first == NULL)
        p->end = &p->first;
    (void)turn_send(w, p, t);
    turn_free(t);
}

static struct turn *first_unapplied(const struct pair *p)
{
    struct turn *t = p->first;

    while (t != NULL && (t->applied || t->sequence == 0))
        t = t->next;
    return t;
}

static bool primary_hears(const struct pair *p)
{
    return p->site->now != NULL || p->leaving != NULL;
}

mono_t channel_next(const struct pair *p)
{
    mono_t t = p->open != NULL ? p->closes : MONO_NEVER;
    const struct turn *u = first_unapplied(p);

    if (u != NULL && !p->broken && pair_other(p) != NULL)
        t = mono_min(t, u->arrives);
    if (p->first != NULL && primary_hears(p))
        t = mono_min(t, p->first->sequence == 0 ? MONO_ZERO : p->first->known);
    if (p->following && !p->whole && p->open == NULL)
        t = mono_min(t, p->slice);
    return t;
}

bool channel_act(struct world *w, struct pair *p)
{
    struct turn *u = first_unapplied(p);

    if (p->open != NULL && mono_due(p->closes, w->now)) {
        channel_close(w, p);
        return true;
    }
    if (u != NULL && !p->broken && pair_other(p) != NULL && mono_due(u->arrives, w->now)) {
        apply(w, p, u);
        return true;
    }
    if (p->first != NULL && primary_hears(p) &&
        (p->first->sequence == 0 || mono_due(p->first->known, w->now))) {
        release(w, p);
        return true;
    }
    if (p->following && !p->whole && p->open == NULL && mono_due(p->slice, w->now)) {
        p->open = calloc(1, sizeof(*p->open));
        assert(p->open);
        p->closes = w->now;
        return true;
    }
    return false;
}

/* ---- the two ends ---- */

void channel_join(struct world *w, struct pair *p)
{
    sc_replica_clear(pair_other(p)->sc);
    sc_replica_follow(p->site->now->sc, true);
    p->following = true;
    p->whole = p->copied = p->stale = p->measured = p->broken = false;
    p->sequence = p->applied = 0;
    p->slice = w->now;
    p->last_arrival = p->last_known = MONO_ZERO;
    shot_free(&p->shot);
    pair_tally.joins++;
    trace_event(w, "pair", "joins", p->site->conf.site == 1 ? "1" : "2");
}

void channel_solo(struct world *w, struct pair *p)
{
    trace_event(w, "pair", "is solo", p->site->conf.site == 1 ? "1" : "2");
    pair_tally.solos++;
    p->following = p->whole = false;
    p->solo = MONO_NEVER;
    p->stale = true;
    sc_replica_follow(p->site->now->sc, false);
    while (p->first != NULL) {
        struct turn *t = p->first;

        p->first = t->next;
        (void)turn_send(w, p, t);
        turn_free(t);
    }
    p->end = &p->first;
    if (p->open != NULL)
        p->closes = w->now;
}

/* A part of what is under way still arrives. */
void channel_cut(struct world *w, struct pair *p)
{
    struct turn **at = &p->first;

    if (p->open != NULL) {
        turn_counts(w, p, p->open);
        turn_forget(w, p, p->open);
    }
    p->open = NULL;
    p->following = p->whole = false;
    while (*at != NULL && ((*at)->applied || (*at)->sequence == 0 || chance(&p->prng, 60)))
        at = &(*at)->next;
    while (*at != NULL) {
        struct turn *t = *at;

        *at = t->next;
        turn_forget(w, p, t);
    }
    p->end = at;
}

void channel_drop(struct world *w, struct pair *p)
{
    if (p->open != NULL) {
        turn_counts(w, p, p->open);
        turn_forget(w, p, p->open);
    }
    p->open = NULL;
    while (p->first != NULL) {
        struct turn *t = p->first;

        p->first = t->next;
        turn_forget(w, p, t);
    }
    p->end = &p->first;
}

/* What is held is dropped; the records in it are not held for good. */
void channel_lapse(struct world *w, struct pair *p)
{
    if (p->open != NULL)
        channel_close(w, p);
    for (struct turn *t = p->first; t != NULL; t = t->next)
        for (unsigned i = 0; i < t->actions_n && !t->told; i++)
            if (t->actions[i].kind == SC_ACT_RECORD)
                check_action(w, p->site, &t->actions[i]);
    channel_drop(w, p);
    p->following = p->whole = false;
}
