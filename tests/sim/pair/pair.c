/* pair - what happens to the two hosts of a site. */
#include "tests/sim/pair/pair.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 200 /* replica-patience */

struct pair_tally pair_tally;

static void tell_trace(struct world *w, const struct pair *p, const char *what, const char *detail)
{
    trace_event(w, p->site->conf.site == 1 ? "pair 1" : "pair 2", what, detail);
}

struct host *pair_other(const struct pair *p)
{
    const struct site *s = p->site;
    struct host *first = s->now != NULL ? s->now : p->leaving;

    if (first == NULL)
        return p->heir != NULL && p->heir->sc != NULL ? p->heir : NULL;
    return s->host[1 - first->index].sc != NULL ? &p->site->host[1 - first->index] : NULL;
}

/* Each host has its own idea of the time. */
static void make(struct world *w, struct site *s)
{
    struct pair *p;
    struct prng root;

    if (s != &w->site[0] && w->seed % 3 != 0)
        return;
    p = calloc(1, sizeof(*p));
    assert(p);
    s->pair = p;
    prng_init(&root, w->seed);
    p->site = s;
    p->prng = prng_split(&root, 100 + s->conf.site);
    p->end = &p->first;
    p->closes = p->solo = p->takeover = p->join = p->slice = p->die = MONO_NEVER;
    p->armed = p->leave = p->cut = p->kill = p->lapse = MONO_NEVER;
    for (unsigned i = 0; i < HOSTS; i++) {
        s->host[i].clock_ns = prng_between(&p->prng, -500000, 5000000) * MS;
        s->host[i].drift_ppm = (int32_t)prng_below(&p->prng, 200);
        p->back[i] = MONO_NEVER;
    }
    p->back[1] = world_soon(w, &p->prng, 0, 8000);
}

static void done(struct world *w, struct site *s)
{
    struct pair *p = s->pair;

    channel_drop(w, p);
    shot_free(&p->shot);
    free(p);
    s->pair = NULL;
}

/* ---- joining ---- */

void pair_settle(struct world *w, struct pair *p)
{
    if (p->site->now != NULL && !p->following && mono_is_never(p->solo) && pair_other(p) != NULL &&
        mono_is_never(p->join))
        p->join = world_soon(w, &p->prng, 0, 1000);
}

static void join(struct world *w, struct pair *p)
{
    p->join = MONO_NEVER;
    if (p->site->now == NULL || p->following || pair_other(p) == NULL)
        return;
    channel_join(w, p);
}

/* ---- dying ---- */

static void lose_connections(struct world *w, struct site *s)
{
    for (unsigned i = 0; i < PARTIES; i++) {
        struct party *party = &w->party[i];

        if (party->flow == 0)
            continue;
        party->flow = 0;
        if (!party->gateway)
            party->reg[party->site].due = world_soon(w, &w->people, 100, 3000);
    }
    w->wan_flow++;
    (void)s;
}

static void start_later(struct world *w, struct pair *p, struct host *h)
{
    p->back[h->index] = world_soon(w, &p->prng, w->calm ? 500 : 300,
                                   w->calm                ? 1500
                                   : chance(&p->prng, 30) ? 1000
                                                          : 9000);
}

static void inherit(struct world *w, struct pair *p, struct host *heir, int64_t ms)
{
    p->heir = heir;
    p->takeover = heir != NULL ? mono_add_ms(w->now, ms) : MONO_NEVER;
}

static void primary_dies(struct world *w, struct pair *p)
{
    struct host *h = p->site->now != NULL ? p->site->now : p->leaving;
    struct host *other = pair_other(p);

    tell_trace(w, p, "primary dies", "");
    channel_cut(w, p);
    p->site->now = p->leaving = NULL;
    host_die(h);
    lose_connections(w, p->site);
    p->strike = STRIKE_NONE;
    p->watch = false;
    p->die = p->armed = p->solo = p->join = p->leave = p->lapse = MONO_NEVER;
    start_later(w, p, h);
    inherit(w, p, other,
            chance(&p->prng, 15) ? 0 : prng_between(&p->prng, 0, w->calm ? 400 : 1500));
}

bool pair_strikes(struct world *w, struct pair *p, enum strike where)
{
    if (p->strike != where || p->site->now == NULL || !p->following ||
        !mono_due(p->armed, w->now) || chance(&p->prng, 30))
        return false;
    pair_tally.strikes[where]++;
    primary_dies(w, p);
    return true;
}

static void backup_dies(struct world *w, struct pair *p)
{
    struct host *h = pair_other(p);

    if (h == NULL)
        return;
    tell_trace(w, p, "backup dies", "");
    pair_tally.backups_killed++;
    host_die(h);
    start_later(w, p, h);
    p->copied = p->measured = false;
    if (p->heir == h)
        inherit(w, p, NULL, 0);
    if (p->following)
        p->solo = mono_add_ms(w->now, PATIENCE_MS);
}

/* Its lease runs out, as the network stands: nobody serves.  Then it has the role again, or its
 * backup has it, which the network has shown it first. */
static void lapse(struct world *w, struct pair *p)
{
    struct host *h = p->site->now;
    struct sc_event e = {.kind = SC_EV_ROLE, .epoch = p->site->epoch};

    p->lapse = MONO_NEVER;
    if (h == NULL || p->strike != STRIKE_NONE)
        return;
    pair_tally.lapses++;
    p->regains = !p->copied || p->stale || chance(&p->prng, 70);
    tell_trace(w, p, "its lease runs out", p->regains ? "and it gets the role again" : "");
    if (p->regains) {
        channel_lapse(w, p);
        shot_free(&p->shot);
        p->shot = shot_take(w, h);
        p->stale = p->copied;
    } else {
        struct host *other = pair_other(p);

        channel_cut(w, p);
        p->heir = other;
        h->life++;
    }
    p->site->now = NULL;
    p->die = p->solo = p->join = p->leave = MONO_NEVER;
    p->watch = false;
    e.wall_ms = WALL_MS + w->now.ns / MONO_NS_PER_MS;
    host_step(w, h, &e);
    h->primary = false;
    if (!sc_replica_sane(h->sc))
        violate(w, "site %u: what it keeps is not what it had", p->site->conf.site);
    lose_connections(w, p->site);
    inherit(w, p, p->regains ? h : p->heir, prng_between(&p->prng, 0, w->calm ? 400 : 5000));
}

/* ---- the other one serves ---- */

static void take_over(struct world *w, struct pair *p)
{
    struct site *s = p->site;
    struct host *h = p->heir;
    bool regains = p->regains && p->shot != NULL;
    bool promised = regains || (p->copied && !p->stale);
    struct sc_event e = {.kind = SC_EV_ROLE,
                         .primary = true,
                         .epoch = ++s->epoch,
                         .wall_ms = WALL_MS + w->now.ns / MONO_NS_PER_MS,
                         .clock_ns = regains || !p->measured           ? 0
                                     : p->ahead_ns[0] < p->ahead_ns[1] ? p->ahead_ns[0]
                                                                       : p->ahead_ns[1]};

    p->takeover = MONO_NEVER;
    p->heir = NULL;
    channel_drop(w, p);
    tell_trace(w, p, "takes over", promised ? "with everything" : "with a part");
    w->tally[T_ROLES]++;
    pair_tally.takeovers++;
    s->now = h;
    h->primary = true;
    if (!promised)
        check_unsure(w, s);
    host_step(w, h, &e);
    if (!promised) {
        pair_tally.incomplete++;
        check_kept(w, s);
    }
    if (p->shot != NULL && (regains || !p->stale)) {
        struct shot *now = shot_take(w, h);

        pair_tally.compared++;
        shot_compare(w, s, p->shot, now, promised);
        shot_free(&now);
    }
    pair_tally.regained += regains;
    p->measured = p->broken = p->regains = false;
    p->copied = p->stale = regains && p->copied; /* the other one's copy is old */
    shot_free(&p->shot);
    pair_settle(w, p);
}

/* A planned one: the primary stops, and gives up its role when its last batch is known. */
static void leave(struct world *w, struct pair *p)
{
    p->leave = MONO_NEVER;
    if (p->site->now == NULL || !p->whole || !p->copied || p->broken || pair_other(p) == NULL ||
        !mono_is_never(p->solo))
        return; /* not ready */
    tell_trace(w, p, "switchover", "");
    if (p->open != NULL)
        channel_close(w, p);
    p->leaving = p->site->now; /* NULL when it has died at that */
    p->site->now = NULL;
}

static void left(struct world *w, struct pair *p)
{
    struct host *h = p->leaving, *other = pair_other(p);
    struct sc_event e = {.kind = SC_EV_ROLE, .epoch = p->site->epoch};

    p->leaving = NULL;
    p->site->now = NULL;
    p->watch = false;
    h->life++;
    e.wall_ms = WALL_MS + w->now.ns / MONO_NS_PER_MS;
    host_step(w, h, &e);
    h->primary = false;
    p->following = p->whole = false;
    p->strike = STRIKE_NONE;
    lose_connections(w, p->site);
    pair_tally.switchovers++;
    inherit(w, p, other, prng_between(&p->prng, 0, 20));
}

/* ---- time ---- */

/* It has not got the site's configuration yet, and can. */
static bool late(const struct host *h)
{
    return h->sc != NULL && h->late.ns != 0 && h != h->site->pair->leaving;
}

static mono_t next(const struct site *s)
{
    const struct pair *p = s->pair;
    mono_t t = channel_next(p);
    const mono_t all[] = {p->solo,  p->takeover, p->join,  p->die,     p->kill,
                          p->leave, p->cut,      p->lapse, p->back[0], p->back[1]};

    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        t = mono_min(t, all[i]);
    for (unsigned i = 0; i < HOSTS; i++)
        if (late(&s->host[i]))
            t = mono_min(t, s->host[i].late);
    return p->leaving != NULL && p->first == NULL ? MONO_ZERO : t;
}

static void start(struct world *w, struct pair *p, struct host *h)
{
    p->back[h->index] = MONO_NEVER;
    tell_trace(w, p, "host starts", h->index == 0 ? "A" : "B");
    host_start(w, h);
    if (p->site->now == NULL && p->leaving == NULL && p->heir == NULL) { /* nobody else is left */
        channel_drop(w, p);
        p->copied = p->regains = false;
        inherit(w, p, h, prng_between(&p->prng, 0, 1500));
    }
    pair_settle(w, p);
}

/* A host gets the site's configuration a little after the other. */
static bool configure(struct world *w, struct site *s)
{
    for (unsigned i = 0; i < HOSTS; i++) {
        struct host *h = &s->host[i];

        if (!late(h) || !mono_due(h->late, w->now))
            continue;
        host_configure(w, h);
        return true;
    }
    return false;
}

static bool act(struct world *w, struct site *s)
{
    struct pair *p = s->pair;

    if (mono_due(p->die, w->now)) {
        p->die = MONO_NEVER;
        if (s->now != NULL) {
            pair_tally.strikes[p->strike]++;
            primary_dies(w, p);
        }
    } else if (channel_act(w, p)) {
        return true;
    } else if (mono_due(p->solo, w->now)) {
        p->solo = MONO_NEVER;
        if (s->now != NULL)
            channel_solo(w, p);
        pair_settle(w, p);
    } else if (mono_due(p->takeover, w->now)) {
        take_over(w, p);
    } else if (mono_due(p->join, w->now)) {
        join(w, p);
    } else if (mono_due(p->kill, w->now)) {
        p->kill = MONO_NEVER;
        backup_dies(w, p);
    } else if (mono_due(p->leave, w->now)) {
        leave(w, p);
    } else if (mono_due(p->lapse, w->now)) {
        lapse(w, p);
    } else if (mono_due(p->cut, w->now)) {
        p->cut = MONO_NEVER;
        if (p->following)
            p->solo = mono_add_ms(w->now, PATIENCE_MS);
        p->broken = p->following;
    } else if (mono_due(p->back[0], w->now)) {
        start(w, p, &s->host[0]);
    } else if (mono_due(p->back[1], w->now)) {
        start(w, p, &s->host[1]);
    } else if (configure(w, s)) {
        return true;
    } else if (p->leaving != NULL && p->first == NULL) {
        left(w, p);
    } else {
        return false;
    }
    return true;
}

/* ---- trouble ---- */

static void trouble(struct world *w, struct site *s)
{
    struct pair *p = s->pair;
    struct prng *r = &p->prng;
    unsigned what = (unsigned)prng_below(r, 100);

    if (s->now == NULL || p->strike != STRIKE_NONE || p->leaving != NULL)
        return;
    if (what < 50) {
        p->strike = (enum strike)prng_between(r, STRIKE_NOW, STRIKES - 1);
        p->armed = world_soon(w, r, 50, 600);
        p->watch = true;
        p->die = p->strike == STRIKE_NOW ? p->armed : mono_add_ms(p->armed, 12000);
        if (p->strike == STRIKE_SLICING)
            p->kill = w->now;   /* so that it joins again */
        else if (chance(r, 15)) /* and the other one with it, or soon after */
            p->kill = world_soon(w, r, 0, 900);
    } else if (what < 70) {
        p->kill = w->now;
    } else if (what < 85) {
        p->watch = true;
        p->leave = world_soon(w, r, 50, 600);
    } else if (what < 90) {
        p->cut = w->now;
    } else if (what < 97) {
        p->lapse = world_soon(w, r, 50, 600);
    } else {
        p->slow_until = world_soon(w, r, 100, 3000);
    }
}

static void heal(struct world *w, struct site *s)
{
    struct pair *p = s->pair;

    p->strike = STRIKE_NONE;
    p->armed = p->die = p->cut = p->leave = p->kill = p->lapse = MONO_NEVER;
    p->watch = false;
    p->slow_until = MONO_ZERO;
    (void)w;
}

static void one_dies(struct world *w, struct site *s)
{
    struct pair *p = s->pair;

    if (s->now == NULL || !p->copied || !mono_is_never(p->die))
        return;
    p->watch = true;
    p->die = world_soon(w, &p->prng, 0, 3000);
}

static void at_end(struct world *w, struct site *s)
{
    struct pair *p = s->pair;
    struct host *b;
    struct sc_replica_status status, copy;

    for (unsigned i = 0; i < 100 && (p->first != NULL || p->open != NULL); i++)
        (void)world_run(w, 1); /* trunks are watched all the time */
    b = pair_other(p);
    if (s->now == NULL || b == NULL || !p->copied || p->first != NULL || p->open != NULL) {
        violate(w, "site %u: nobody has become its backup", s->conf.site);
        return;
    }
    sc_replica_status(s->now->sc, &status);
    sc_replica_status(b->sc, &copy);
    if (copy.calls > 0 || copy.objects != status.objects || copy.digest != status.digest)
        violate(w, "site %u: %u calls are left in the copy", s->conf.site, copy.calls);
    if (!sc_replica_sane(s->now->sc) || !sc_replica_sane(b->sc))
        violate(w, "site %u: the copy is not what it should be", s->conf.site);
}

/* Half of the seeds have a good network and patient people, so that nothing but the death of a host
 * explains what goes wrong. */
static void plan(struct world *w, struct prng *p)
{
    w->plan.gentle = w->seed % 2 == 0;
    if (!w->plan.gentle)
        return;
    w->plan.loss_pct = w->plan.far_pct = w->plan.unsent_permille = 0;
    w->plan.tcp_trunk = false;
    (void)p;
}

static void tell(void)
{
    static const char *const names[STRIKES] = {"",        "now",   "stepped", "made",   "sent",
                                               "applied", "known", "sending", "slicing"};
    const struct pair_tally *t = &pair_tally;

    printf(
        "%llu takeovers (%llu compared, %llu without a whole copy, %llu switchovers), %llu joins, "
        "%llu whole, %llu solo, %llu backups killed, "
        "%llu leases run out (%llu regained), %llu batches of %llu bytes; killed at:",
        (unsigned long long)t->takeovers, (unsigned long long)t->compared,
        (unsigned long long)t->incomplete, (unsigned long long)t->switchovers,
        (unsigned long long)t->joins, (unsigned long long)t->wholes, (unsigned long long)t->solos,
        (unsigned long long)t->backups_killed, (unsigned long long)t->lapses,
        (unsigned long long)t->regained, (unsigned long long)t->batches,
        (unsigned long long)(t->batches > 0 ? t->bytes / t->batches : 0));
    for (unsigned i = 1; i < STRIKES; i++)
        printf(" %s %llu", names[i], (unsigned long long)t->strikes[i]);
    printf("\n");
}

const struct pairing pairing = {.plan = plan,
                                .make = make,
                                .free = done,
                                .stepped = channel_stepped,
                                .next = next,
                                .act = act,
                                .trouble = trouble,
                                .heal = heal,
                                .one_dies = one_dies,
                                .at_end = at_end,
                                .tell = tell};
