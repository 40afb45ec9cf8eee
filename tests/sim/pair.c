/* Component 0 of a host: as primary it makes batches, which its backup copies; as backup it joins.
 */
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

static void tell(struct sim *s, int host, enum ham_replica_state state)
{
    struct sim_component *c = sip(s, host);
    bool changed = c->replica.state != (uint8_t)state;
    c->replica.state = (uint8_t)state;
    if (changed)
        sim_report(s, host, 0, COMPONENT_SYNC, 0);
}

/* The first batch of a new primary has a number of its own epoch. */
void pair_role(struct sim *s, int host, bool primary)
{
    struct sim_component *c = sip(s, host);
    c->partner = 0;
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
    b->replica.at = c->replica.at;
    tell(s, other, REPLICA_IN_SYNC);
    tell(s, host, REPLICA_IN_SYNC);
}

void pair_turn(struct sim *s, int host)
{
    int other = host ^ 1;
    struct sim_component *c = sip(s, host), *b = sip(s, other);
    sim_post(s, s->now + TURN_MS * SIM_MS, EV_TURN, host);
    if (!works(s, host))
        return;
    if (s->now >= c->until) {
        if (c->partner != 0)
            tell(s, host, REPLICA_BEHIND); /* it was primary until its deadline */
        c->partner = 0;
        return;
    }
    bool linked = !s->link[host][other].cut && !s->link[other][host].cut && works(s, other) &&
                  s->now >= b->until;
    c->replica.at.epoch = c->order.epoch; /* it may have been raised */
    if (linked && c->partner == b->life) {
        c->replica.at.sequence++;
        b->replica.at = c->replica.at;
    } else if (linked) {
        c->partner = 0;
        tell(s, host, REPLICA_BEHIND);
        join(s, host, other);
    } else {
        c->partner = 0; /* output is held */
        tell(s, host, REPLICA_BEHIND);
    }
}
