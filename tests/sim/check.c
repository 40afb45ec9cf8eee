/* Who may do what at this moment, and whether too many may. */
#include <stdio.h>

#include "tests/sim/world.h"

static bool may(const struct sim *s, int i, bool write)
{
    const struct sim_host *h = &s->host[i];
    if (!h->up || h->frozen_all)
        return false;
    for (int c = 0; c < SIM_COMPONENTS; c++) {
        const struct sim_component *k = &h->component[c];
        if (k->running && !k->frozen && s->now < (write ? k->write_until : k->until))
            return true;
    }
    return false;
}

static uint64_t epoch_of(const struct sim *s, int i)
{
    uint64_t epoch = 0;
    for (int c = 0; c < SIM_COMPONENTS; c++) {
        const struct sim_component *k = &s->host[i].component[c];
        if (k->running && s->now < k->until && k->order.epoch > epoch)
            epoch = k->order.epoch;
    }
    return epoch;
}

int sim_primary(const struct sim *s, int site)
{
    for (int i = 2 * site; i < 2 * site + 2; i++)
        if (may(s, i, false))
            return i;
    return -1;
}

int sim_writer(const struct sim *s)
{
    for (int i = 0; i < SIM_ARBITER; i++)
        if (may(s, i, true))
            return i;
    return -1;
}

bool sim_served(const struct sim *s)
{
    return sim_primary(s, 0) >= 0 && sim_primary(s, 1) >= 0 && sim_writer(s) >= 0;
}

static void check_writers(struct sim *s)
{
    int writer = -1;
    for (int i = 0; i < SIM_ARBITER; i++) {
        if (!may(s, i, true))
            continue;
        if (writer >= 0)
            sim_violate(s, "two hosts may write", writer, i, s->write_seen[0]);
        writer = i;
    }
    if (writer < 0)
        return;
    const struct ham_order *o = NULL;
    for (int c = 0; c < SIM_COMPONENTS; c++)
        if (s->now < s->host[writer].component[c].write_until)
            o = &s->host[writer].component[c].order;
    bool lower = o->ticket_epoch < s->write_seen[0] ||
                 (o->ticket_epoch == s->write_seen[0] && o->epoch < s->write_seen[1]);
    bool same = o->ticket_epoch == s->write_seen[0] && o->epoch == s->write_seen[1];
    /* Two components of one host may be one order apart. */
    if (writer != s->write_host && (lower || same) && s->write_seen[0] != 0)
        sim_violate(s, "the write epoch did not grow", writer, s->write_host, o->ticket_epoch);
    if (!lower) {
        s->write_seen[0] = o->ticket_epoch;
        s->write_seen[1] = o->epoch;
        s->write_host = (uint8_t)writer;
    }
}

void sim_check(struct sim *s)
{
    for (int site = 0; site < HAM_SITES_MAX; site++) {
        int a = 2 * site, b = a + 1;
        bool may_a = may(s, a, false), may_b = may(s, b, false);
        if (may_a && may_b)
            sim_violate(s, "two hosts of a site may send", a, b, s->epoch_seen[site]);
        if (!may_a && !may_b)
            continue;
        uint8_t who = (uint8_t)(may_a ? a : b);
        uint64_t epoch = epoch_of(s, who);
        if (epoch < s->epoch_seen[site] && who != s->epoch_host[site])
            sim_violate(s, "an epoch went back", who, s->epoch_host[site], epoch);
        if (epoch == s->epoch_seen[site] && who != s->epoch_host[site])
            sim_violate(s, "two hosts served in one epoch", who, s->epoch_host[site], epoch);
        if (epoch >= s->epoch_seen[site]) {
            s->epoch_seen[site] = epoch;
            s->epoch_host[site] = who;
        }
        if (s->last_sender[site] != who)
            s->moves[site]++;
        s->last_sender[site] = who;
    }
    check_writers(s);
}

void sim_violate(struct sim *s, const char *what, int a, int b, uint64_t epoch)
{
    if (!s->violation[0])
        (void)snprintf(s->violation, sizeof s->violation,
                       "%.3f ms: %s (hosts %d and %d, epoch %llu)", (double)s->now / 1e6, what, a,
                       b, (unsigned long long)epoch);
}
