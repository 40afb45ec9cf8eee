/* The faults that seeds and cases use. */
#include <assert.h>
#include <string.h>

#include "tests/sim/world.h"

void sim_cut(struct sim *s, int from, int to)
{
    s->link[from][to].cut = true;
}

void sim_heal(struct sim *s, int from, int to)
{
    bool wan = from / 2 != to / 2;
    s->link[from][to] = (struct sim_link){.delay_min = wan ? 3 * SIM_MS : SIM_MS / 10,
                                          .delay_max = wan ? 12 * SIM_MS : SIM_MS};
}

void sim_heal_all(struct sim *s)
{
    for (int a = 0; a < SIM_HOSTS; a++)
        for (int b = 0; b < SIM_HOSTS; b++)
            sim_heal(s, a, b);
}

static void free_stalled(struct sim *s, struct sim_host *h)
{
    for (uint32_t i = 0; i < h->stalled_n; i++)
        agenda_give(&s->agenda, h->stalled[i]);
    h->stalled_n = 0;
}

/* Of the writes under way, some reached the disk and some did not. */
static void lose_writes(struct sim *s, int i)
{
    for (uint32_t n = 0; n < s->agenda.n; n++) {
        struct sim_event *e = &s->slots[s->agenda.heap[n].slot];
        if (e->kind == EV_PERSIST && e->host == i && e->life == s->host[i].life &&
            prng_below(&s->disk, 2) == 0)
            s->host[i].disk[e->persist.right] = e->persist.record;
    }
}

void sim_crash_ham(struct sim *s, int i, bool with_components)
{
    struct sim_host *h = &s->host[i];
    if (!h->ham_up)
        return;
    if (s->trace)
        sim_note(s, i, "FAULT", "", "hamgr dies", 0, "");
    lose_writes(s, i);
    free_stalled(s, h);
    h->ham_up = false;
    h->frozen = h->frozen_all;
    for (int c = 0; with_components && c < SIM_COMPONENTS; c++)
        h->component[c] = (struct sim_component){.life = h->component[c].life + 1};
}

void sim_restart_ham(struct sim *s, int i)
{
    if (s->host[i].up && !s->host[i].ham_up) {
        s->host[i].frozen = s->host[i].frozen_all = false;
        sim_boot(s, i);
    }
}

void sim_crash(struct sim *s, int i)
{
    struct sim_host *h = &s->host[i];
    sim_crash_ham(s, i, true);
    for (int c = 0; c < SIM_COMPONENTS; c++)
        h->component[c] = (struct sim_component){.life = h->component[c].life + 1};
    h->up = h->frozen = h->frozen_all = false;
    /* A reboot starts the clock anew. */
    h->true_base = s->now;
    h->own_base = SIM_MS;
}

void sim_restart(struct sim *s, int i)
{
    if (!s->host[i].up) {
        s->host[i].up = true;
        if (s->trace)
            sim_note(s, i, "FAULT", "", "restarts", 0, "");
        sim_boot(s, i);
    }
}

void sim_freeze(struct sim *s, int i, bool all)
{
    if (s->host[i].up) {
        if (s->trace)
            sim_note(s, i, "FAULT", "", all ? "frozen" : "hamgr frozen", 0, "");
        s->host[i].frozen = true;
        s->host[i].frozen_all |= all;
    }
}

static void thaw_component(struct sim *s, int i, int c)
{
    struct sim_component *k = &s->host[i].component[c];
    if (!k->frozen && !s->host[i].frozen_all && k->has_waiting) {
        k->has_waiting = false;
        sim_obey(s, i, c, &k->waiting);
    }
}

void sim_thaw(struct sim *s, int i)
{
    struct sim_host *h = &s->host[i];
    uint32_t slots[SIM_STALLED], n = h->stalled_n;
    if (!h->frozen && !h->frozen_all)
        return;
    if (s->trace)
        sim_note(s, i, "FAULT", "", "thawed", 0, "");
    memcpy(slots, h->stalled, n * sizeof slots[0]);
    h->stalled_n = 0;
    h->frozen = h->frozen_all = false;
    sim_check(s); /* what may it do the moment it runs again? */
    for (int c = 0; c < SIM_COMPONENTS; c++)
        thaw_component(s, i, c);
    for (uint32_t k = 0; k < n; k++)
        sim_push(s, s->now, slots[k]);
}

void sim_freeze_component(struct sim *s, int i, int c)
{
    s->host[i].component[c].frozen = true;
}

void sim_thaw_component(struct sim *s, int i, int c)
{
    s->host[i].component[c].frozen = false;
    thaw_component(s, i, c);
}

void sim_wedge(struct sim *s, int i, int c)
{
    s->host[i].component[c].wedged = true;
}

void sim_crash_component(struct sim *s, int i, int c)
{
    struct sim_component *k = &s->host[i].component[c];
    if (!k->running)
        return;
    if (s->trace)
        sim_note(s, i, "FAULT", "", "component dies", (uint64_t)c, "");
    *k = (struct sim_component){.life = k->life + 1};
    sim_post_component(s, s->now + prng_between(&s->comp, SIM_MS, 5 * SIM_MS), EV_GONE, i, c);
    if (s->host[i].restarts_itself) {
        k->running = true;
        sim_post_component(s, s->now + prng_between(&s->comp, 10, 60) * SIM_MS, EV_STARTED, i, c);
    }
}

void sim_jump(struct sim *s, int i, int64_t ms)
{
    struct sim_host *h = &s->host[i];
    if (s->trace)
        sim_note(s, i, "FAULT", "", "clock jumps", (uint64_t)ms, "");
    h->own_base = sim_own_clock(h, s->now).ns + ms * SIM_MS;
    h->true_base = s->now;
    for (int c = 0; c < SIM_COMPONENTS; c++) {
        struct sim_component *k = &h->component[c];
        if (k->until)
            k->until = sim_true_time(h, k->order.deadline);
        if (k->write_until)
            k->write_until = sim_true_time(h, k->order.write_deadline);
    }
    if (!sim_down(h) && !h->frozen)
        sim_step(s, i, &(struct ham_ev){.type = HAM_EV_TICK});
}

void sim_wipe(struct sim *s, int i)
{
    assert(sim_down(&s->host[i]));
    memset(s->host[i].disk, 0, sizeof s->host[i].disk);
}

enum ham_reason sim_op(struct sim *s, int i, enum ham_verb verb)
{
    struct ham_ev ev = {.type = HAM_EV_OPERATOR};
    ev.op.verb = (uint8_t)verb;
    if (sim_down(&s->host[i]) || s->host[i].frozen)
        return REASON_MAX;
    if (s->trace)
        sim_note(s, i, "OPERATOR", "", "verb", (uint64_t)verb, "");
    sim_step(s, i, &ev);
    return (enum ham_reason)s->host[i].answer;
}

void sim_inject(struct sim *s, int i, const struct ham_msg *m)
{
    struct ham_ev ev = {.type = HAM_EV_MESSAGE};
    ev.msg = *m;
    sim_step(s, i, &ev);
}
