/* Component 0 of a host: as primary it makes batches, which its backup copies, and sends what they
 * explain when the backup has them, or alone when it may; as backup it joins. */
#include <stdio.h>

#include "tests/sim/world.h"

#define TURN_MS 40

static struct sim_component *sip(struct sim *s, int host)
{
    return &s->host[host].component[0];
}

static bool works(struct sim *s, int host)
{
    const struct sim_component *c = sip(s, host);
    return s->host[host].up && !s->host[host].frozen_all && c->running && c->connected &&
           !c->frozen && !c->wedged;
}

static bool linked(struct sim *s, int a, int b)
{
    return !s->link[a][b].cut && !s->link[b][a].cut && !s->host[a].deaf && !s->host[b].deaf &&
           works(s, b) && s->now >= sip(s, b)->until;
}

static void tell(struct sim *s, int host, enum ham_replica_state state)
{
    struct sim_component *c = sip(s, host);
    bool changed = c->replica.state != (uint8_t)state;
    c->replica.state = (uint8_t)state;
    if (changed)
        sim_report(s, host, 0, COMPONENT_SYNC, 0);
}

static void ask(struct sim *s, int host, struct ham_copy from)
{
    struct sim_component *c = sip(s, host);
    c->asked = from;
    c->requests++;
    c->alone = false;
    sim_report(s, host, 0, COMPONENT_SOLO, c->order.epoch);
}

/* Whoever takes over with a copy that lacks something that was sent must know it.  The copy counts
 * as its hamgr knows it: of an end that it has not heard of it cannot tell. */
void pair_taken(struct sim *s, int host)
{
    const struct ham *h = &s->host[host].ham;
    struct ham_copy *alone = &s->alone_from[host / 2];
    if (ham_copy_before(h->replica.at, *alone) && !h->role.stale)
        sim_violate(s, "promoted with a stale copy, and does not know it", host, host ^ 1,
                    h->role.epoch);
    if (h->role.since <= s->epoch_seen[host / 2])
        sim_violate(s, "taken in an epoch that was served in", host, s->epoch_host[host / 2],
                    h->role.since);
    if (h->role.stale)
        s->stale++;
    *alone = (struct ham_copy){0};
}

/* What it had as primary is a copy from now on, further than any that it may have told of. */
static void keep(struct sim_component *c)
{
    if (c->replica.at.sequence == 0)
        c->replica.at.sequence = 1;
    if (ham_copy_before(c->replica.at, c->asked))
        c->replica.at = c->asked;
}

void pair_role(struct sim *s, int host, bool primary)
{
    struct sim_component *c = sip(s, host);
    c->partner = 0;
    c->alone = c->followed = false;
    if (!primary)
        keep(c);
    c->asked = (struct ham_copy){0};
    if (primary)
        c->replica.at = (struct ham_copy){.epoch = c->order.epoch};
    c->replica.state = REPLICA_BEHIND;
    sim_report(s, host, 0, COMPONENT_SYNC, 0);
}

/* The backup asks to join, and what it had counts no more; a while later its copy is whole. */
static void join(struct sim *s, int host, int other)
{
    struct sim_component *c = sip(s, host), *b = sip(s, other);
    b->replica.at = (struct ham_copy){0};
    tell(s, other, REPLICA_BEHIND);
    if (s->host[other].never_joins || prng_below(&s->pair, 4) != 0)
        return;
    c->partner = b->life;
    c->followed = true;
    b->replica.at = c->replica.at;
    s->alone_from[host / 2] = (struct ham_copy){0};
    if (c->asked.sequence != 0)
        ask(s, host, (struct ham_copy){0});
    tell(s, other, REPLICA_IN_SYNC);
    tell(s, host, REPLICA_IN_SYNC);
}

/* Nobody has followed yet: it sends at once.  What the voters know of that, whoever comes after must
 * know; the epoch may have been raised since it was said. */
static void at_once(struct sim *s, int host)
{
    const struct lease *role = &s->host[host].ham.role;
    struct ham_copy *alone = &s->alone_from[host / 2];

    sip(s, host)->replica.at.sequence++;
    if (!sim_down(&s->host[host]) && lease_alone(role) && ham_copy_before(*alone, role->solo))
        *alone = role->solo;
    tell(s, host, REPLICA_BEHIND);
}

/* Without a backup: what the first batch explains is held, until this host may be alone. */
static void without(struct sim *s, int host)
{
    struct sim_component *c = sip(s, host);
    const struct ham_order *o = &c->order;
    c->partner = 0;
    if (c->asked.sequence == 0) {
        c->replica.at.sequence++;
        ask(s, host, (struct ham_copy){c->replica.at.epoch, c->replica.at.sequence + 1});
    }
    c->alone = o->solo.sequence == c->asked.sequence && o->solo.epoch == c->asked.epoch &&
               o->solo_request == c->requests;
    if (c->alone) {
        c->replica.at.sequence++;
        if (ham_copy_before(s->alone_from[host / 2], c->asked))
            s->alone_from[host / 2] = c->asked;
        s->solos++;
    }
    tell(s, host, c->alone ? REPLICA_ALONE : REPLICA_BEHIND);
}

void pair_turn(struct sim *s, int host)
{
    int other = host ^ 1;
    struct sim_component *c = sip(s, host), *b = sip(s, other);
    sim_post(s, s->now + TURN_MS * SIM_MS, EV_TURN, host);
    if (!works(s, host))
        return;
    if (s->now >= c->until) {
        if (c->partner != 0 || c->asked.sequence != 0)
            tell(s, host, REPLICA_BEHIND); /* it was primary until its deadline */
        if (c->followed)
            keep(c);
        c->followed = false;
        c->partner = 0;
        c->asked = (struct ham_copy){0};
        return;
    }
    c->replica.at.epoch = c->order.epoch; /* it may have been raised */
    bool there = linked(s, host, other);
    if (there && c->partner == b->life) {
        c->replica.at.sequence++;
        b->replica.at = c->replica.at;
        return;
    }
    if (c->followed)
        without(s, host);
    else
        at_once(s, host);
    if (there)
        join(s, host, other);
}
