/* Random faults, one every moment, and their end. */
#include "tests/sim/world.h"

static uint64_t below(struct sim *s, uint64_t n)
{
    return prng_below(&s->chaos, n);
}

static int some_host(struct sim *s)
{
    return (int)below(s, SIM_HOSTS);
}

static int some_component(struct sim *s)
{
    return (int)below(s, SIM_COMPONENTS);
}

/* A store may be lost only while every other one is whole: a majority must be able to teach.  That
 * of a host to which the other one's vote is lent, or was and has not come home, counts for two. */
static bool may_wipe(const struct sim *s, int host)
{
    for (int i = 0; i < SIM_HOSTS; i++)
        for (int r = 0; r < RIGHTS_MAX; r++)
            if (i != host && s->host[i].ham.votes[r] && !s->host[i].disk[r].known)
                return false;
    int other = host ^ 1, r = host / 2;
    if (host == SIM_ARBITER)
        return true;
    const struct loan_party *p = &s->host[host].ham.vote[r].pair;
    uint64_t at_home = loan_number(p, &s->host[other].disk[r], (uint8_t)other);
    return at_home % 2 == 0 && loan_number(p, &s->host[host].disk[r], (uint8_t)other) == at_home;
}

static void mend_components(struct sim_host *h)
{
    h->address_fails = h->crash_loop = false;
    h->start_hangs = h->unkillable = h->restarts_itself = false;
    h->never_joins = h->deaf = false;
}

static void recall(struct sim *s);

static void mend_some(struct sim *s)
{
    for (int i = 0; i < SIM_HOSTS; i++) {
        struct sim_host *h = &s->host[i];
        if (!h->up && below(s, 100) < 40) {
            if (below(s, 100) < 15 && may_wipe(s, i))
                sim_wipe(s, i);
            sim_restart(s, i);
        }
        if (h->up && !h->ham_up && below(s, 100) < 60)
            sim_restart_ham(s, i);
        if (h->frozen && below(s, 100) < 50)
            sim_thaw(s, i);
        if (h->ham_up && h->ham.stopping && below(s, 100) < 50)
            sim_crash_ham(s, i, true);
        if (below(s, 100) < 40) {
            h->disk_fails = false;
            h->disk_slow_ms = 0;
            mend_components(h);
        }
        for (int c = 0; c < SIM_COMPONENTS; c++)
            if (h->component[c].frozen && below(s, 100) < 50)
                sim_thaw_component(s, i, c);
    }
    if (below(s, 100) < 25)
        sim_heal_all(s);
    recall(s);
}

static void cut_some(struct sim *s)
{
    int a = some_host(s), b = some_host(s), site = (int)below(s, 2);
    switch (below(s, 8)) {
    case 5: /* the link inside a pair */
    case 6:
        sim_cut(s, 2 * site, 2 * site + 1);
        sim_cut(s, 2 * site + 1, 2 * site);
        break;
    case 7: /* a host is heard by nobody */
        for (int i = 0; i < SIM_HOSTS; i++)
            sim_cut(s, a, i);
        break;
    case 0: /* one way */ sim_cut(s, a, b); break;
    case 1: /* one link */
        sim_cut(s, a, b);
        sim_cut(s, b, a);
        break;
    case 2: /* a host is unplugged */
        for (int i = 0; i < SIM_HOSTS; i++) {
            sim_cut(s, a, i);
            sim_cut(s, i, a);
        }
        break;
    case 3: /* the link between the sites */
        for (int i = 0; i < 2; i++)
            for (int k = 2; k < 4; k++) {
                sim_cut(s, i, k);
                sim_cut(s, k, i);
            }
        break;
    default: /* the arbiter from a site */
        for (int i = 2 * site; i < 2 * site + 2; i++) {
            sim_cut(s, SIM_ARBITER, i);
            if (below(s, 2))
                sim_cut(s, i, SIM_ARBITER);
        }
        break;
    }
}

/* One direction of one link is slow: answers come late, and are not lost. */
static void slow_link(struct sim *s)
{
    int a = below(s, 2) ? SIM_ARBITER : some_host(s), b = some_host(s);
    s->link[a][b].delay_min = (int64_t)below(s, 500) * SIM_MS;
    s->link[a][b].delay_max = s->link[a][b].delay_min + (int64_t)below(s, 200) * SIM_MS;
}

/* One host of a pair is stopped in good order, and is away for a while or not. */
static void stop_in_order(struct sim *s, int host)
{
    struct ham *h = &s->host[host].ham;

    if (host == SIM_ARBITER || sim_op(s, host, VERB_STOP) == REASON_MAX)
        return;
    for (int turn = 0; turn < 100 && !ham_left(h, h->last_step); turn++)
        (void)sim_run(s, 20);
    sim_crash_ham(s, host, true);
    if (below(s, 3) == 0)
        sim_restart_ham(s, host);
}

/* A host that has lent its vote, and whose pair's other host is broken for good: that one is
 * replaced, its store is empty.  In which epochs it led by the lent vote alone, the witness must
 * know as well, for good: a write that was reported as failed may be on its disk, until the next
 * one. */
static void recall(struct sim *s)
{
    for (int i = 0; i < SIM_ARBITER; i++) {
        struct sim_host *h = &s->host[i], *other = &s->host[i ^ 1];
        const struct vote_record *gone = &other->disk[i / 2];
        const struct sim_host *witness = &s->host[SIM_ARBITER];
        bool known = gone->epoch <= witness->disk[i / 2].floor &&
                     (sim_down(witness) || gone->epoch <= witness->ham.vote[i / 2].record.floor);

        for (int k = 0; k < SIM_HOSTS; k++)
            for (int r = 0; r < RIGHTS_MAX; r++)
                known =
                    known && (k == (i ^ 1) || !s->host[k].ham.votes[r] || s->host[k].disk[r].known);
        if (!known || sim_down(h) || h->frozen || h->disk_fails || h->ham.stopping || other->up ||
            h->ham.vote[i / 2].state == VOTE_SAVING || !vote_lent(&h->ham.vote[i / 2]))
            continue;
        if (sim_op(s, i, VERB_RECALL) != REASON_UNDER_WAY)
            continue;
        /* Before it is on disk the store counts for two; after it that host is gone for good. */
        while (vote_lent(&h->ham.vote[i / 2]) && sim_run(s, 10)) {
        }
        sim_wipe(s, i ^ 1);
    }
}

/* A hamgr dies and is back at once. */
static void bounce(struct sim *s)
{
    int host = below(s, 2) ? SIM_ARBITER : some_host(s);
    sim_crash_ham(s, host, false);
    (void)sim_run(s, (int64_t)below(s, 100));
    sim_restart_ham(s, host);
}

static void spoil_links(struct sim *s)
{
    for (int a = 0; a < SIM_HOSTS; a++)
        for (int b = 0; b < SIM_HOSTS; b++) {
            struct sim_link *l = &s->link[a][b];
            if (below(s, 100) < 50)
                continue;
            l->loss_pct = (uint32_t)below(s, 45);
            l->dup_pct = (uint32_t)below(s, 20);
            l->delay_max = l->delay_min + (int64_t)below(s, 300) * SIM_MS;
        }
}

static void break_something(struct sim *s)
{
    int host = some_host(s), component = some_component(s);
    struct sim_host *h = &s->host[host];
    switch (below(s, 38)) {
    case 0:
    case 1: sim_crash(s, host); break;
    case 2:
        sim_crash(s, 2 * (host / 2 % 2)); /* a whole site */
        sim_crash(s, 2 * (host / 2 % 2) + 1);
        break;
    case 3: sim_crash_ham(s, host, below(s, 2)); break;
    case 4:
    case 5: sim_freeze(s, host, true); break;
    case 6: sim_freeze(s, host, false); break;
    case 7: sim_freeze_component(s, host, component); break;
    case 8: sim_wedge(s, host, component); break;
    case 9: sim_crash_component(s, host, component); break;
    case 10:
        h->crash_loop = true;
        sim_crash_component(s, host, component);
        break;
    case 11: sim_jump(s, host, (int64_t)s->conf.tilt_after_ms + 1 + (int64_t)below(s, 5000)); break;
    case 12: h->disk_fails = true; break;
    case 13: h->disk_slow_ms = (int64_t)below(s, 3000); break;
    case 14: h->address_fails = true; break;
    case 15: spoil_links(s); break;
    case 16:
        if (host != SIM_ARBITER)
            (void)sim_op(s, host, (enum ham_verb)below(s, VERB_STOP + 1));
        break;
    case 17:
        if (sim_primary(s, host / 2 % 2) >= 0)
            (void)sim_op(s, sim_primary(s, host / 2 % 2),
                         below(s, 2) ? VERB_SWITCHOVER : VERB_PROMOTE);
        break;
    case 18:
        h->start_hangs = true;
        sim_crash_component(s, host, component);
        break;
    case 19:
        h->unkillable = true;
        sim_wedge(s, host, component);
        break;
    case 20:
        h->restarts_itself = true;
        sim_crash_component(s, host, component);
        break;
    case 21:
    case 22: bounce(s); break;
    case 23:
    case 24: slow_link(s); break;
    case 25: h->never_joins = true; break;
    case 28:
    case 29: h->deaf = true; break;
    case 30:
    case 31:
    case 32: stop_in_order(s, host); break;
    case 26:
    case 27: sim_crash_component(s, host, 0); break;
    default: cut_some(s); break;
    }
}

bool chaos_run(struct sim *s, int64_t ms)
{
    int64_t end = s->now + ms * SIM_MS;
    while (s->now < end) {
        if (!sim_run(s, prng_between(&s->chaos, 20, 1500)))
            return false;
        mend_some(s);
        for (uint64_t n = 1 + below(s, 3); n > 0; n--)
            break_something(s);
    }
    return true;
}

bool chaos_heal(struct sim *s, int64_t bound_ms)
{
    int64_t end = s->now + bound_ms * SIM_MS, since = -1;
    sim_heal_all(s);
    for (int i = 0; i < SIM_HOSTS; i++) {
        struct sim_host *h = &s->host[i];
        mend_components(h);
        h->disk_fails = false;
        h->disk_slow_ms = 0;
        for (int c = 0; c < SIM_COMPONENTS; c++)
            sim_thaw_component(s, i, c);
        sim_thaw(s, i);
        if (h->ham_up && h->ham.stopping)
            sim_crash_ham(s, i, true);
        sim_restart_ham(s, i);
        sim_restart(s, i);
        if (i != SIM_ARBITER)
            (void)sim_op(s, i, VERB_RESUME);
    }
    while (s->now < end) {
        if (!sim_run(s, 20))
            return false;
        if (!sim_served(s))
            since = -1;
        else if (since < 0)
            since = s->now;
        else if (s->now - since > 1000 * SIM_MS)
            return true;
    }
    return false;
}
