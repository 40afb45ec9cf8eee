#include "tests/sim/calls/world.h"

#include <stdio.h>
#include <string.h>

#include "sipserver/core/state.h"

#define CALM_MS        400000 /* everything that began has ended by then */
#define LINGER_MS      200000 /* and what answers repeated messages, too */
#define ESTABLISHED_MS 6000

static void networks(struct world *w, bool bad)
{
    w->lan = (struct sim_link){.delay_min = MS, .delay_max = (bad ? 30 : 2) * MS};
    if (bad) {
        w->lan.loss_pct = w->plan.loss_pct;
        w->lan.dup_pct = w->plan.dup_pct;
    }
    for (unsigned i = 0; i < SITES; i++) {
        w->wan[i] = w->lan;
        w->wan[i].delay_min += 10 * MS;
        w->wan[i].delay_max += 10 * MS;
    }
}

void plan_make(struct world *w, struct prng *p)
{
    static const uint32_t t1[] = {100, 250, 500};

    w->plan = (struct plan){.slow = w->seed % 8 == 0,
                            .transfers = w->seed % 4 == 1,
                            .few = w->seed % 16 == 1 || w->seed % 16 == 7,
                            .tcp_trunk = chance(p, 30),
                            .t1_ms = t1[prng_below(p, 3)],
                            .loss_pct = (uint32_t)prng_below(p, 12),
                            .dup_pct = (uint32_t)prng_below(p, 8),
                            .far_pct = (uint32_t)prng_below(p, 12),
                            .unsent_permille = (uint32_t)prng_below(p, chance(p, 35) ? 100 : 8)};
    w->plan.chaos_ms = w->plan.slow ? 300000 : 60000;
    for (unsigned i = 0; i < SITES; i++) {
        struct site *s = &w->site[i];
        struct sc_options *o = &s->options;

        sc_options_default(o);
        snprintf(o->realm, sizeof(o->realm), "test");
        snprintf(o->dr_peer_trunk, sizeof(o->dr_peer_trunk), "peer");
        o->oos_check_ms = 2000;
        o->oos_force_ms = (uint32_t)prng_between(p, 800, 3000);
        o->recovery_timeout_ms = 3000;
        o->recovery_hold_max_ms = 12000;
        o->ring_timeout_ms = (uint32_t)prng_between(p, 3000, 8000);
        o->answer_timeout_ms = w->plan.slow ? 240000 : (uint32_t)prng_between(p, 5000, 15000);
        o->wrap_up_ms = chance(p, 60) ? (uint32_t)prng_between(p, 500, 5000) : 0;
        o->session_expires_s = w->plan.transfers && chance(p, 60)
                                   ? (uint32_t)prng_between(p, 60, 120)
                                   : (uint32_t)prng_between(p, 6, 14);
        o->min_se_s = (uint32_t)prng_between(p, 3, 6);
        o->logout_grace_ms = 4000;
        o->queue_answer_after_ms = (uint32_t)prng_between(p, 200, 4000);
        o->queue_notice_ms = 3000;
        o->music_retry_ms = 2000;
        o->overflows_max = (uint32_t)prng_between(p, 0, 3);
        o->ring_all_max = (uint32_t)prng_between(p, 1, 4);
        s->music = chance(p, w->plan.transfers ? 85 : 60);
        s->overflow = chance(p, 50);
        s->priority = (uint32_t)prng_below(p, 5);
        s->distribution = chance(p, 50) ? SC_LONGEST_IDLE : chance(p, 50) ? SC_LINEAR : SC_RING_ALL;
        s->queue_size = chance(p, 50) ? 3 : 0;
        s->queue_wait_ms = w->plan.slow ? 150000 : chance(p, 70) ? 12000 : 0;
    }
    if (w->pairing != NULL)
        w->pairing->plan(w, p);
    networks(w, true);
}

/* The site's own trouble: its role, its configuration. */
static void site_trouble(struct world *w, struct site *s)
{
    static const char *const trunks[] = {"peer", "peer2", "", "nothing"};
    struct prng *r = &w->troubles;

    switch (prng_below(r, 6)) {
    case 0:
        if (s->pair != NULL)
            w->pairing->trouble(w, s);
        else
            site_role(w, s, !s->now->primary);
        break;
    case 1:
        snprintf(s->options.dr_peer_trunk, sizeof(s->options.dr_peer_trunk), "%s",
                 trunks[prng_below(r, 4)]);
        site_options(w, s);
        break;
    case 2:
        s->options.wrap_up_ms = chance(r, 50) ? 0 : 2000;
        s->queue_size = (uint32_t)prng_below(r, 4);
        site_configure(w, s);
        break;
    default: s->without[prng_below(r, 4)] ^= true; site_configure(w, s);
    }
}

void trouble_act(struct world *w)
{
    struct prng *r = &w->troubles;
    struct party *p = &w->party[prng_below(r, PARTIES)];
    unsigned i = (unsigned)prng_below(r, SITES);

    w->trouble_at = w->calm ? MONO_NEVER : world_soon(w, r, 500, w->plan.slow ? 40000 : 7000);
    if (w->calm)
        return;
    for (unsigned k = 0; k < SITES; k++)
        if (w->site[k].pair == NULL &&
            !w->site[k].now->primary) { /* without the role for one trouble only */
            site_role(w, &w->site[k], true);
            return;
        }
    if (w->pairing != NULL && (w->plan.gentle || chance(r, 60))) {
        if (w->site[i].pair == NULL)
            i = 0;
        w->pairing->trouble(w, &w->site[i]);
        return;
    }
    switch (prng_below(r, 6)) {
    case 0: site_trouble(w, &w->site[i]); break;
    case 1: w->wan[i].cut ^= true; break;
    case 2: /* one connection, or all between the sites */
        if (chance(r, 30))
            w->wan_flow++;
        p->flow = 0;
        if (!p->gateway)
            p->reg[p->site].due = world_soon(w, &w->people, 100, 3000);
        break;
    case 3: /* a gateway falls silent */
        for (unsigned k = 0; k < CALLERS; k++)
            if (w->party[(PHONES + CALLERS) * i + PHONES + k].away.ns == 0)
                party_leave(w, &w->party[(PHONES + CALLERS) * i + PHONES + k],
                            prng_between(r, 1000, 8000), false);
        break;
    default:
        if (p->away.ns == 0)
            party_leave(w, p, prng_between(r, 200, 12000), chance(r, 40));
    }
}

/* ---- the end ---- */

static void heal(struct world *w)
{
    w->calm = w->finish = true;
    networks(w, false);
    for (unsigned i = 0; i < PARTIES; i++) {
        struct party *p = &w->party[i];

        if (p->away.ns != 0)
            p->away = w->now;
        for (unsigned k = 0; k < LINES; k++)
            p->line[k].act = world_soon(w, &w->people, 10, 2000);
        for (unsigned k = 0; k < SITES; k++)
            if (!mono_is_never(p->reg[k].due))
                p->reg[k].due = world_soon(w, &w->people, 10, 1000);
    }
    for (unsigned i = 0; i < SITES; i++) {
        struct site *s = &w->site[i];

        if (s->pair != NULL)
            w->pairing->heal(w, s);
        else if (!s->now->primary)
            site_role(w, s, true);
        memset(s->without, 0, sizeof(s->without));
        s->queue_wait_ms = 0;
        s->queue_size = 0;
        s->overflow = s->music = false;
        snprintf(s->options.dr_peer_trunk, sizeof(s->options.dr_peer_trunk), "peer");
        s->options.oos_check_ms = 10000;
        site_configure(w, s);
    }
}

static bool quiet(const struct world *w)
{
    for (unsigned i = 0; i < SITES; i++)
        if (w->site[i].now == NULL || w->site[i].now->sc->calls.used > 0)
            return false;
    for (unsigned i = 0; i < PARTIES; i++)
        for (unsigned k = 0; k < LINES; k++)
            if (w->party[i].line[k].state != IDLE)
                return false;
    return true;
}

static bool await_quiet(struct world *w)
{
    for (int64_t ms = 0; ms < CALM_MS; ms += 2000) {
        if (!world_run(w, 2000))
            return false;
        if (quiet(w))
            return true;
    }
    for (unsigned i = 0; i < SITES; i++)
        if (w->site[i].now != NULL && w->site[i].now->sc->calls.used > 0)
            violate(w, "site %u: %u calls never end", i + 1, w->site[i].now->sc->calls.used);
    violate(w, "a party's call never ends");
    return false;
}

static void one_dies(struct world *w, struct site *s)
{
    if (s->pair != NULL)
        w->pairing->one_dies(w, s);
}

/* Everybody can be reached, even when a host dies at it: each home phone by its number, and agents
 * through the queue. */
static bool prove(struct world *w)
{
    static const char *const queue[] = {"5000", "5001"};
    const char *called;
    char number[24];

    for (unsigned i = 0; i < PARTIES; i++) {
        struct party *p = &w->party[i];
        unsigned n = i % (PHONES + CALLERS);

        if (!p->gateway)
            continue;
        /* Two callers of each gateway call phones, two the queues. */
        snprintf(number, sizeof(number), "%u%02u", 1u + p->site, 1 + n - PHONES);
        called = n - PHONES < 2 ? number : queue[n % 2];
        party_call(w, p, &p->line[0], called);
        if (w->plan.gentle)
            one_dies(w, &w->site[p->site]);
        for (int64_t ms = 0; p->line[0].state != UP; ms += 200) {
            if (!world_run(w, 200))
                return false;
            if (ms > ESTABLISHED_MS) {
                violate(w, "%s calls %s, who would answer, and is not connected within %d ms",
                        p->number, called, ESTABLISHED_MS);
                return false;
            }
        }
        if (!world_run(w, 1000))
            return false;
        party_bye(w, p, &p->line[0]);
        if (!world_run(w, 7000)) /* after-call work */
            return false;
    }
    return true;
}

static enum sc_mode sc_mode_now(const struct site *s)
{
    struct sc_status status;

    sc_status(s->now->sc, &status);
    return status.mode;
}

/* Both sites work without each other, and find each other again. */
static bool part(struct world *w)
{
    for (unsigned on = 0; on < 2; on++) {
        for (unsigned i = 0; i < SITES; i++) {
            struct sc_options *o = &w->site[i].options;

            if (sc_mode_now(&w->site[i]) != (on ? SC_STANDALONE : SC_PEERED))
                violate(w, "site %u is not %s", i + 1, on ? "STANDALONE" : "PEERED");
            snprintf(o->dr_peer_trunk, sizeof(o->dr_peer_trunk), "%s", on ? "peer" : "");
            site_options(w, &w->site[i]);
        }
        if (!world_run(w, 1000))
            return false;
    }
    return true;
}

bool trouble_end(struct world *w)
{
    heal(w);
    if (!await_quiet(w) || !world_run(w, 40000) || !prove(w) || !part(w) || !await_quiet(w))
        return false;
    if (!world_run(w, LINGER_MS))
        return false;
    check_empty(w);
    for (unsigned i = 0; i < SITES; i++)
        if (w->site[i].pair != NULL)
            w->pairing->at_end(w, &w->site[i]);
    return w->violation[0] == '\0';
}
