#include "tests/sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

static void dispatch(struct sim *s, uint32_t slot);
static void perform(struct sim *s, int host, const struct ham_act *a);
static void transmit(struct sim *s, int from, int to, const struct ham_msg *m);

/* Clocks. */
mono_t sim_own_clock(const struct sim_host *h, int64_t at)
{
    int64_t d = at - h->true_base;
    return (mono_t){h->own_base + d + d / 1000000 * h->ppm + d % 1000000 * h->ppm / 1000000};
}

int64_t sim_true_time(const struct sim_host *h, mono_t own)
{
    if (mono_is_never(own))
        return INT64_MAX;
    int64_t d = own.ns - h->own_base;
    int64_t at = h->true_base + d - d / 1000000 * h->ppm;
    while (sim_own_clock(h, at).ns < own.ns)
        at += 1 + (own.ns - sim_own_clock(h, at).ns) / 2;
    while (sim_own_clock(h, at - 1).ns >= own.ns)
        at -= 1 + (sim_own_clock(h, at - 1).ns - own.ns) / 2;
    return at;
}

bool sim_down(const struct sim_host *h)
{
    return !h->up || !h->ham_up;
}

void sim_conf(struct ham_conf *c)
{
    memset(c, 0, sizeof *c);
    ham_conf_defaults(c);
    c->hosts = SIM_HOSTS;
    c->arbiter = SIM_ARBITER;
    for (uint8_t i = 0; i < SIM_HOSTS; i++)
        c->site_of[i] = i == SIM_ARBITER ? HAM_NONE : i / 2;
    c->witness[0] = c->witness[1] = SIM_ARBITER;
    c->preferred[0] = 0;
    c->preferred[1] = 2;
    c->auto_promote = true;
    c->components = SIM_COMPONENTS;
    c->sync_mask = c->serve_mask = 1;
    c->start_limit_ms = 15000; /* a crash loop is left alone for so long: keep it below the bound */
    c->start_ms = 5000;
}

void sim_boot(struct sim *s, int i)
{
    struct sim_host *h = &s->host[i];
    struct ham_conf c = s->conf;
    if (i >= c.hosts)
        return; /* a deployment without an arbiter */
    c.self = (uint8_t)i;
    if (i == SIM_ARBITER)
        c.components = 0;
    h->life++;
    h->ham_up = true;
    h->has_order = false;
    for (int k = 0; k < SIM_COMPONENTS; k++)
        h->component[k].connected = false;
    h->timer_at = INT64_MAX;
    ham_init(&h->ham, &c, prng_next(&s->comp), sim_own_clock(h, s->now), h->disk);
    sim_step(s, i, &(struct ham_ev){.type = HAM_EV_TICK});
}

struct sim *sim_new(uint64_t seed, const struct ham_conf *conf, bool trace)
{
    struct sim *s = calloc(1, sizeof *s);
    struct prng root;
    assert(s);
    s->slots = calloc(AGENDA_MAX, sizeof *s->slots);
    assert(s->slots);
    agenda_init(&s->agenda);
    s->seed = seed;
    s->trace = trace;
    s->now = SIM_MS;
    prng_init(&root, seed);
    s->net = prng_split(&root, 1);
    s->disk = prng_split(&root, 2);
    s->comp = prng_split(&root, 3);
    s->chaos = prng_split(&root, 4);
    s->pair = prng_split(&root, 6);
    if (conf)
        s->conf = *conf;
    else
        sim_conf(&s->conf);
    memset(s->last_sender, HAM_NONE, sizeof s->last_sender);
    struct prng clocks = prng_split(&root, 5);
    for (int i = 0; i < SIM_HOSTS; i++) {
        struct sim_host *h = &s->host[i];
        h->up = true;
        h->true_base = 0;
        h->own_base = prng_between(&clocks, 1, 100000) * SIM_MS;
        h->ppm = (int32_t)prng_between(&clocks, -(int64_t)s->conf.drift_ppm, s->conf.drift_ppm);
        for (int r = 0; r < RIGHTS_MAX; r++)
            vote_found(&h->disk[r],
                       r == RIGHT_TICKET ? s->conf.preferred[s->conf.ticket_site] : HAM_NONE,
                       r == RIGHT_TICKET ? s->conf.ticket_ttl_ms : s->conf.lease_ttl_ms);
    }
    /* One voter remembers a longer ttl, of an earlier configuration. */
    s->host[seed % SIM_HOSTS].disk[RIGHT_TICKET].ttl_ms += 1500;
    sim_heal_all(s);
    for (int i = 0; i < SIM_HOSTS; i++)
        sim_boot(s, i);
    for (int i = 0; i < SIM_ARBITER; i++)
        sim_post(s, s->now, EV_TURN, i);
    return s;
}

void sim_destroy(struct sim **sim)
{
    if (!*sim)
        return;
    free((*sim)->slots);
    free(*sim);
    *sim = NULL;
}

void sim_push(struct sim *s, int64_t at, uint32_t slot)
{
    agenda_push(&s->agenda, at, slot);
}

struct sim_event *sim_post(struct sim *s, int64_t at, enum kind kind, int host)
{
    uint32_t slot = agenda_take(&s->agenda);
    struct sim_event *e = &s->slots[slot];
    e->kind = (uint8_t)kind;
    e->host = (uint8_t)host;
    e->component = 0;
    e->life = s->host[host].life;
    sim_push(s, at < s->now ? s->now : at, slot);
    return e;
}

struct sim_event *sim_post_component(struct sim *s, int64_t at, enum kind kind, int host,
                                     int component)
{
    struct sim_event *e = sim_post(s, at, kind, host);
    e->component = (uint8_t)component;
    e->life = s->host[host].component[component].life;
    return e;
}

bool sim_run(struct sim *s, int64_t ms)
{
    int64_t end = s->now + ms * SIM_MS;
    while (!s->violation[0] && agenda_next(&s->agenda) <= end) {
        s->now = agenda_next(&s->agenda);
        dispatch(s, agenda_pop(&s->agenda));
        sim_check(s);
    }
    if (!s->violation[0])
        s->now = end;
    return !s->violation[0];
}

bool sim_await(struct sim *s, int64_t ms, bool (*done)(const struct sim *))
{
    for (int64_t t = 0; t < ms; t += 5) {
        if (!sim_run(s, 5))
            return false;
        if (done(s))
            return true;
    }
    return false;
}

void sim_note(struct sim *s, int host, const char *what, const char *from, const char *to,
              uint64_t epoch, const char *why)
{
    printf("%10.3f  host %d  %-9s %-9s -> %-9s epoch %-4llu %s\n", (double)s->now / 1e6, host, what,
           from, to, (unsigned long long)epoch, why);
}

static void trace_message(const struct sim *s, int host, const struct ham_msg *m)
{
    const char *text = "hand over";
    uint64_t epoch = 0;
    if (m->type == HAM_MSG_BEAT)
        return;
    if (m->type == HAM_MSG_ASK) {
        text = m->ask.kind == ASK_PROBE ? "would you grant?" : "grant";
        epoch = m->ask.epoch;
    } else if (m->type == HAM_MSG_REPLY) {
        text = ham_reason_text((enum ham_reason)m->reply.reason);
        epoch = m->reply.epoch;
    } else if (m->type == HAM_MSG_RELEASE) {
        text = "released";
        epoch = m->release.epoch;
    }
    printf("%10.3f  host %d  message   from %u right %u epoch %llu: %s\n", (double)s->now / 1e6,
           host, m->from, m->right, (unsigned long long)epoch, text);
}

static void mix(struct sim *s, uint64_t v)
{
    s->hash = (s->hash ^ v) * UINT64_C(0x100000001b3);
}

static void ham_event(struct sim *s, uint32_t slot)
{
    struct sim_event *e = &s->slots[slot];
    struct sim_host *h = &s->host[e->host];
    struct ham_ev ev = {.type = HAM_EV_TICK};

    if (e->kind == EV_TIMER) {
        if (h->timer_at > s->now)
            return; /* an earlier one has replaced it */
        h->timer_at = INT64_MAX;
    } else if (e->kind == EV_PERSIST) {
        ev.type = HAM_EV_PERSISTED;
        ev.persisted.id = e->persist.id;
        ev.persisted.ok = !h->disk_fails;
        /* A write that is reported as failed may be on the disk all the same. */
        if (!h->disk_fails || prng_below(&s->disk, 3) == 0)
            h->disk[e->persist.right] = e->persist.record;
    } else {
        ev = e->ev;
    }
    sim_step(s, e->host, &ev);
}

/* hamgr writes now and then, and sees how that goes; as long as it goes well, it is no event. */
static void see_disk(struct sim *s, int host)
{
    struct sim_host *h = &s->host[host];
    uint8_t was = h->ham.disk_of[HAM_OWN_DISK];
    struct ham_ev ev = {.type = HAM_EV_DISK};
    ev.disk.of = HAM_OWN_DISK;
    ev.disk.grade = h->disk_fails                     ? DISK_FAILING
                    : h->disk_slow_ms >= DISK_SLOW_MS ? DISK_SLOW
                                                      : DISK_GOOD;
    if (h->up && !sim_down(h) && !h->frozen && was != ev.disk.grade &&
        (was > DISK_GOOD || ev.disk.grade > DISK_GOOD))
        sim_step(s, host, &ev);
}

static void component_event(struct sim *s, struct sim_event *e)
{
    struct sim_host *h = &s->host[e->host];
    struct sim_component *c = &h->component[e->component];
    if (e->kind == EV_TURN) {
        see_disk(s, e->host);
        pair_turn(s, e->host);
        return;
    }
    if (!h->up || (e->kind != EV_GONE && (!c->running || c->life != e->life)))
        return;
    if (e->kind == EV_GONE) {
        sim_report(s, e->host, e->component, COMPONENT_EXITED, 0);
    } else if (e->kind == EV_ORDER) {
        sim_obey(s, e->host, e->component, &e->order);
    } else if (e->kind == EV_STARTED && h->start_hangs) {
        /* nothing is heard of it */
    } else if (e->kind == EV_STARTED && h->crash_loop) {
        sim_crash_component(s, e->host, e->component);
    } else if (e->kind == EV_STARTED && h->frozen) { /* nobody is there to give it an order */
        sim_post_component(s, s->now + SIM_MS, EV_STARTED, e->host, e->component);
    } else if (e->kind == EV_STARTED) {
        c->connected = true;
        c->replica = (struct ham_replica){.state = REPLICA_BEHIND};
        sim_report(s, e->host, e->component, COMPONENT_READY, 0);
        sim_report(s, e->host, e->component, COMPONENT_SYNC, 0);
        if (h->has_order)
            sim_obey(s, e->host, e->component, &h->last_order);
        sim_post_component(s, s->now + 400 * SIM_MS, EV_BEAT, e->host, e->component);
    } else if (e->kind == EV_BEAT) {
        if (!c->wedged && !c->frozen && !h->frozen_all)
            sim_report(s, e->host, e->component, COMPONENT_BEAT, 0);
        if (!c->wedged && !c->frozen && !h->frozen_all)
            sim_report(s, e->host, e->component, COMPONENT_SYNC, 0);
        sim_post_component(s, s->now + 400 * SIM_MS, EV_BEAT, e->host, e->component);
    }
}

static void dispatch(struct sim *s, uint32_t slot)
{
    struct sim_event *e = &s->slots[slot];
    struct sim_host *h = &s->host[e->host];
    bool to_ham = e->kind <= EV_REPORT;

    s->events++;
    mix(s, (uint64_t)s->now ^ (uint64_t)e->kind << 56 ^ (uint64_t)e->host << 48);
    if (s->trace && e->kind == EV_MESSAGE)
        trace_message(s, e->host, &e->ev.msg);
    if (to_ham && (sim_down(h) || (e->kind != EV_MESSAGE && e->life != h->life))) {
        /* of an earlier life */
    } else if (to_ham && h->frozen) {
        if (h->stalled_n < SIM_STALLED) {
            h->stalled[h->stalled_n++] = slot;
            return;
        }
    } else if (to_ham) {
        ham_event(s, slot);
    } else {
        component_event(s, e);
    }
    agenda_give(&s->agenda, slot);
}

void sim_step(struct sim *s, int i, const struct ham_ev *ev)
{
    struct sim_host *h = &s->host[i];
    struct ham_out *out = &s->out;
    ham_step(&h->ham, sim_own_clock(h, s->now), ev, out);
    if (out->n > s->acts_most)
        s->acts_most = out->n;
    for (uint32_t f = 0; s->coverage && f < out->fired_n; f++)
        s->coverage->fired[out->fired[f].machine][out->fired[f].row]++;
    for (uint32_t a = 0; a < out->n; a++)
        perform(s, i, &out->act[a]);
    if (h->ham.role.state == LEASE_HOLDING && h->ham.role.since != h->taken) {
        h->taken = h->ham.role.since;
        pair_taken(s, i);
    }
    int64_t at = sim_true_time(h, ham_deadline(&h->ham)) + prng_between(&s->comp, 0, 2 * SIM_MS);
    if (at < h->timer_at) {
        h->timer_at = at;
        sim_post(s, at, EV_TIMER, i);
    }
}

static void perform(struct sim *s, int i, const struct ham_act *a)
{
    struct sim_host *h = &s->host[i];
    struct sim_event *e;
    mix(s, a->type);
    switch ((enum ham_act_type)a->type) {
    case ACT_SEND: transmit(s, i, a->send.to, &a->send.msg); break;
    case ACT_PERSIST:
        e = sim_post(s,
                     s->now + prng_between(&s->disk, SIM_MS, 5 * SIM_MS) +
                         prng_between(&s->disk, 0, h->disk_slow_ms) * SIM_MS,
                     EV_PERSIST, i);
        e->persist.record = a->persist.record;
        e->persist.id = a->persist.id;
        e->persist.right = a->persist.right;
        break;
    case ACT_ORDER:
        h->last_order = a->order;
        h->has_order = true;
        for (int c = 0; c < SIM_COMPONENTS; c++) {
            struct sim_component *k = &h->component[c];
            int64_t at = s->now + prng_between(&s->comp, 0, 2 * SIM_MS);
            if (!k->connected)
                continue;
            if (at < k->last_order_at)
                at = k->last_order_at;
            k->last_order_at = at;
            sim_post_component(s, at, EV_ORDER, i, c)->order = a->order;
        }
        break;
    case ACT_ADDRESS:
        e = sim_post(s, s->now + prng_between(&s->comp, SIM_MS, 10 * SIM_MS), EV_ADDRESS, i);
        e->ev = (struct ham_ev){.type = HAM_EV_ADDRESS};
        e->ev.address.on = a->address.on;
        e->ev.address.ok = !h->address_fails;
        break;
    case ACT_PROBE: /* the site address answers where its primary is not cut off */
        e = sim_post(s, s->now + 500 * SIM_MS, EV_ADDRESS, i);
        e->ev = (struct ham_ev){.type = HAM_EV_PROBED};
        e->ev.probed.references = !h->unplugged;
        e->ev.probed.site = sim_primary(s, i / 2) >= 0 && !h->unplugged;
        break;
    case ACT_START: {
        struct sim_component *k = &h->component[a->component];
        bool was = k->running;
        if (!was)
            *k = (struct sim_component){.running = true, .life = k->life + 1};
        sim_post_component(s, s->now + (was ? SIM_MS : prng_between(&s->comp, 20, 200) * SIM_MS),
                           EV_STARTED, i, a->component);
        break;
    }
    case ACT_KILL:
        if (!h->unkillable)
            sim_crash_component(s, i, a->component);
        break;
    case ACT_ANSWER: h->answer = a->answer.reason; break;
    case ACT_NOTE:
        if (s->trace)
            sim_note(s, i, ham_machine_name((enum ham_machine)a->note.machine),
                     ham_state_name((enum ham_machine)a->note.machine, a->note.from),
                     ham_state_name((enum ham_machine)a->note.machine, a->note.to), a->note.epoch,
                     a->note.why);
        break;
    }
}

static void transmit(struct sim *s, int from, int to, const struct ham_msg *m)
{
    const struct sim_link *l = &s->link[from][to];
    assert(ham_msg_valid(m, SIM_HOSTS));
    int copies = link_copies(l, &s->net);
    for (int i = 0; i < copies; i++) {
        struct sim_event *e = sim_post(s, s->now + link_delay(l, &s->net), EV_MESSAGE, to);
        e->ev.type = HAM_EV_MESSAGE;
        e->ev.msg = *m;
    }
}

/* A component acts on an order: what it may do from now on, and until when of true time. */
void sim_obey(struct sim *s, int i, int component, const struct ham_order *o)
{
    struct sim_host *h = &s->host[i];
    struct sim_component *c = &h->component[component];
    if (c->wedged)
        return; /* it does no work, and hears no order */
    if (c->frozen || h->frozen_all) {
        c->has_waiting = true;
        c->waiting = *o;
        return;
    }
    if (c->until != 0 && s->now >= c->until) /* it stopped by itself, and said so */
        sim_report(s, i, component, COMPONENT_STOPPED, c->order.epoch);
    bool was = s->now < c->until;
    c->order = *o;
    c->until = o->role == ROLE_PRIMARY ? sim_true_time(h, o->deadline) : 0;
    c->write_until = o->writer ? sim_true_time(h, o->write_deadline) : 0;
    if (component == 0 && was != (s->now < c->until))
        pair_role(s, i, !was);
    if (o->role == ROLE_BACKUP)
        sim_report(s, i, component, COMPONENT_STOPPED, o->epoch);
}

void sim_report(struct sim *s, int i, int component, enum ham_report r, uint64_t epoch)
{
    struct sim_component *c = &s->host[i].component[component];
    int64_t at = s->now + prng_between(&s->comp, 100000, 2 * SIM_MS);
    if (at < c->last_report_at && r != COMPONENT_EXITED)
        at = c->last_report_at;
    c->last_report_at = at;
    struct sim_event *e = sim_post(s, at, EV_REPORT, i);
    e->ev = (struct ham_ev){.type = HAM_EV_COMPONENT};
    e->ev.component.component = (uint8_t)component;
    e->ev.component.report = (uint8_t)r;
    e->ev.component.epoch = epoch;
    e->ev.component.on = true;
    e->ev.component.replica = c->replica;
    if (r == COMPONENT_SOLO) {
        e->ev.component.replica.at = c->asked;
        e->ev.component.request = c->requests;
    }
}
