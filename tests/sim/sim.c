#include "tests/sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    EV_TIMER,
    EV_MESSAGE,
    EV_PERSIST,
    EV_ADDRESS,
    EV_REPORT,
    EV_ORDER,
    EV_STARTED,
    EV_BEAT,
    EV_GONE
};

struct sim_event {
    uint8_t kind, host, component;
    uint32_t life; /* of hamgr (most kinds) or of the component (STARTED, BEAT, GONE, ORDER) */
    union {
        struct ham_ev ev;
        struct ham_order order;
        struct {
            struct vote_record record;
            uint32_t id;
            uint8_t right;
        } persist;
    };
};

static struct sim_event *post(struct sim *s, int64_t at, enum kind kind, int host);
static struct sim_event *post_component(struct sim *s, int64_t at, enum kind kind, int host,
                                        int component);
static void dispatch(struct sim *s, uint32_t slot);
static void step(struct sim *s, int host, const struct ham_ev *ev);
static void perform(struct sim *s, int host, const struct ham_act *a);
static void transmit(struct sim *s, int from, int to, const struct ham_msg *m);
static void obey(struct sim *s, int host, int component, const struct ham_order *o);
static void report(struct sim *s, int host, int component, enum ham_report r, uint64_t epoch);
static void check(struct sim *s);
static void violate(struct sim *s, const char *what, int a, int b, uint64_t epoch);

/* Clocks. */
static mono_t own_clock(const struct sim_host *h, int64_t at)
{
    int64_t d = at - h->true_base;
    return (mono_t){h->own_base + d + d / 1000000 * h->ppm + d % 1000000 * h->ppm / 1000000};
}

/* The first true moment at which the host's clock has reached OWN. */
static int64_t true_time(const struct sim_host *h, mono_t own)
{
    if (mono_is_never(own))
        return INT64_MAX;
    int64_t d = own.ns - h->own_base;
    int64_t at = h->true_base + d - d / 1000000 * h->ppm;
    while (own_clock(h, at).ns < own.ns)
        at += 1 + (own.ns - own_clock(h, at).ns) / 2;
    while (own_clock(h, at - 1).ns >= own.ns)
        at -= 1 + (own_clock(h, at - 1).ns - own.ns) / 2;
    return at;
}

static bool down(const struct sim_host *h)
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
    c->sync_mask = 1;
    c->start_limit_ms = 15000; /* a crash loop is left alone for so long: keep it below the bound */
    c->start_ms = 5000;
}

static void boot(struct sim *s, int i)
{
    struct sim_host *h = &s->host[i];
    struct ham_conf c = s->conf;
    c.self = (uint8_t)i;
    if (i == SIM_ARBITER)
        c.components = 0;
    h->life++;
    h->ham_up = true;
    h->has_order = false;
    for (int k = 0; k < SIM_COMPONENTS; k++)
        h->component[k].connected = false;
    h->timer_at = INT64_MAX;
    ham_init(&h->ham, &c, prng_next(&s->comp), own_clock(h, s->now), h->disk);
    step(s, i, &(struct ham_ev){.type = HAM_EV_TICK});
}

struct sim *sim_new(uint64_t seed, const struct ham_conf *conf, bool trace)
{
    struct sim *s = calloc(1, sizeof *s);
    struct prng root;
    assert(s);
    s->slots = calloc(SIM_EVENTS, sizeof *s->slots);
    assert(s->slots);
    for (uint32_t i = 0; i < SIM_EVENTS; i++)
        s->free_slots[s->free_n++] = SIM_EVENTS - 1 - i;
    s->seed = seed;
    s->trace = trace;
    s->now = SIM_MS;
    prng_init(&root, seed);
    s->net = prng_split(&root, 1);
    s->disk = prng_split(&root, 2);
    s->comp = prng_split(&root, 3);
    s->chaos = prng_split(&root, 4);
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
        boot(s, i);
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

/* The queue. */
static bool sooner(const struct sim *s, uint32_t a, uint32_t b)
{
    return s->heap[a].at != s->heap[b].at ? s->heap[a].at < s->heap[b].at
                                          : s->heap[a].sequence < s->heap[b].sequence;
}

static void swap(struct sim *s, uint32_t a, uint32_t b)
{
    __typeof__(s->heap[0]) t = s->heap[a];
    s->heap[a] = s->heap[b];
    s->heap[b] = t;
}

static void heap_push(struct sim *s, int64_t at, uint32_t slot)
{
    assert(s->heap_n < SIM_EVENTS);
    uint32_t i = s->heap_n++;
    s->heap[i].at = at;
    s->heap[i].sequence = s->sequence++;
    s->heap[i].slot = slot;
    for (; i > 0 && sooner(s, i, (i - 1) / 2); i = (i - 1) / 2)
        swap(s, i, (i - 1) / 2);
}

static uint32_t heap_pop(struct sim *s)
{
    uint32_t slot = s->heap[0].slot, i = 0;
    s->heap[0] = s->heap[--s->heap_n];
    for (;;) {
        uint32_t l = 2 * i + 1, m = i;
        if (l < s->heap_n && sooner(s, l, m))
            m = l;
        if (l + 1 < s->heap_n && sooner(s, l + 1, m))
            m = l + 1;
        if (m == i)
            return slot;
        swap(s, i, m);
        i = m;
    }
}

static struct sim_event *post(struct sim *s, int64_t at, enum kind kind, int host)
{
    assert(s->free_n > 0);
    uint32_t slot = s->free_slots[--s->free_n];
    struct sim_event *e = &s->slots[slot];
    e->kind = (uint8_t)kind;
    e->host = (uint8_t)host;
    e->component = 0;
    e->life = s->host[host].life;
    heap_push(s, at < s->now ? s->now : at, slot);
    return e;
}

static struct sim_event *post_component(struct sim *s, int64_t at, enum kind kind, int host,
                                        int component)
{
    struct sim_event *e = post(s, at, kind, host);
    e->component = (uint8_t)component;
    e->life = s->host[host].component[component].life;
    return e;
}

bool sim_run(struct sim *s, int64_t ms)
{
    int64_t end = s->now + ms * SIM_MS;
    while (!s->violation[0] && s->heap_n > 0 && s->heap[0].at <= end) {
        s->now = s->heap[0].at;
        dispatch(s, heap_pop(s));
        check(s);
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

static void note_trace(struct sim *s, int host, const char *what, const char *from, const char *to,
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
    step(s, e->host, &ev);
}

static void component_event(struct sim *s, struct sim_event *e)
{
    struct sim_host *h = &s->host[e->host];
    struct sim_component *c = &h->component[e->component];
    if (!h->up || (e->kind != EV_GONE && (!c->running || c->life != e->life)))
        return;
    if (e->kind == EV_GONE) {
        report(s, e->host, e->component, COMPONENT_EXITED, 0);
    } else if (e->kind == EV_ORDER) {
        obey(s, e->host, e->component, &e->order);
    } else if (e->kind == EV_STARTED && h->start_hangs) {
        /* nothing is heard of it */
    } else if (e->kind == EV_STARTED && h->crash_loop) {
        sim_crash_component(s, e->host, e->component);
    } else if (e->kind == EV_STARTED) {
        c->connected = true;
        report(s, e->host, e->component, COMPONENT_READY, 0);
        report(s, e->host, e->component, COMPONENT_SYNC, 0);
        if (h->has_order)
            obey(s, e->host, e->component, &h->last_order);
        post_component(s, s->now + 400 * SIM_MS, EV_BEAT, e->host, e->component);
    } else if (e->kind == EV_BEAT) {
        if (!c->wedged && !c->frozen && !h->frozen_all)
            report(s, e->host, e->component, COMPONENT_BEAT, 0);
        post_component(s, s->now + 400 * SIM_MS, EV_BEAT, e->host, e->component);
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
    if (to_ham && (down(h) || (e->kind != EV_MESSAGE && e->life != h->life))) {
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
    s->free_slots[s->free_n++] = slot;
}

static void step(struct sim *s, int i, const struct ham_ev *ev)
{
    struct sim_host *h = &s->host[i];
    struct ham_out *out = &s->out;
    ham_step(&h->ham, own_clock(h, s->now), ev, out);
    if (out->n > s->acts_most)
        s->acts_most = out->n;
    for (uint32_t f = 0; s->coverage && f < out->fired_n; f++)
        s->coverage->fired[out->fired[f].machine][out->fired[f].row]++;
    for (uint32_t a = 0; a < out->n; a++)
        perform(s, i, &out->act[a]);
    int64_t at = true_time(h, ham_deadline(&h->ham)) + prng_between(&s->comp, 0, 2 * SIM_MS);
    if (at < h->timer_at) {
        h->timer_at = at;
        post(s, at, EV_TIMER, i);
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
        e = post(s,
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
            post_component(s, at, EV_ORDER, i, c)->order = a->order;
        }
        break;
    case ACT_ADDRESS:
        e = post(s, s->now + prng_between(&s->comp, SIM_MS, 10 * SIM_MS), EV_ADDRESS, i);
        e->ev = (struct ham_ev){.type = HAM_EV_ADDRESS};
        e->ev.address.on = a->address.on;
        e->ev.address.ok = !h->address_fails;
        break;
    case ACT_START: {
        struct sim_component *k = &h->component[a->component];
        bool was = k->running;
        if (!was)
            *k = (struct sim_component){.running = true, .life = k->life + 1};
        post_component(s, s->now + (was ? SIM_MS : prng_between(&s->comp, 20, 200) * SIM_MS),
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
            note_trace(s, i, ham_machine_name((enum ham_machine)a->note.machine),
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
    if (l->cut || prng_below(&s->net, 100) < l->loss_pct)
        return;
    int copies = prng_below(&s->net, 100) < l->dup_pct ? 2 : 1;
    for (int i = 0; i < copies; i++) {
        struct sim_event *e =
            post(s, s->now + prng_between(&s->net, l->delay_min, l->delay_max), EV_MESSAGE, to);
        e->ev.type = HAM_EV_MESSAGE;
        e->ev.msg = *m;
    }
}

/* A component acts on an order: what it may do from now on, and until when of true time. */
static void obey(struct sim *s, int i, int component, const struct ham_order *o)
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
        report(s, i, component, COMPONENT_STOPPED, c->order.epoch);
    c->order = *o;
    c->until = o->role == ROLE_PRIMARY ? true_time(h, o->deadline) : 0;
    c->write_until = o->writer ? true_time(h, o->write_deadline) : 0;
    if (o->role == ROLE_BACKUP)
        report(s, i, component, COMPONENT_STOPPED, o->epoch);
}

static void report(struct sim *s, int i, int component, enum ham_report r, uint64_t epoch)
{
    struct sim_event *e =
        post(s, s->now + prng_between(&s->comp, 100000, 2 * SIM_MS), EV_REPORT, i);
    e->ev = (struct ham_ev){.type = HAM_EV_COMPONENT};
    e->ev.component.component = (uint8_t)component;
    e->ev.component.report = (uint8_t)r;
    e->ev.component.epoch = epoch;
    e->ev.component.on = true;
}

/* Faults. */
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
        s->free_slots[s->free_n++] = h->stalled[i];
    h->stalled_n = 0;
}

/* Of the writes under way, some reached the disk and some did not. */
static void lose_writes(struct sim *s, int i)
{
    for (uint32_t n = 0; n < s->heap_n; n++) {
        struct sim_event *e = &s->slots[s->heap[n].slot];
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
        note_trace(s, i, "FAULT", "", "hamgr dies", 0, "");
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
        boot(s, i);
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
            note_trace(s, i, "FAULT", "", "restarts", 0, "");
        boot(s, i);
    }
}

void sim_freeze(struct sim *s, int i, bool all)
{
    if (s->host[i].up) {
        if (s->trace)
            note_trace(s, i, "FAULT", "", all ? "frozen" : "hamgr frozen", 0, "");
        s->host[i].frozen = true;
        s->host[i].frozen_all |= all;
    }
}

static void thaw_component(struct sim *s, int i, int c)
{
    struct sim_component *k = &s->host[i].component[c];
    if (!k->frozen && !s->host[i].frozen_all && k->has_waiting) {
        k->has_waiting = false;
        obey(s, i, c, &k->waiting);
    }
}

void sim_thaw(struct sim *s, int i)
{
    struct sim_host *h = &s->host[i];
    uint32_t slots[SIM_STALLED], n = h->stalled_n;
    if (!h->frozen && !h->frozen_all)
        return;
    if (s->trace)
        note_trace(s, i, "FAULT", "", "thawed", 0, "");
    memcpy(slots, h->stalled, n * sizeof slots[0]);
    h->stalled_n = 0;
    h->frozen = h->frozen_all = false;
    check(s); /* what may it do the moment it runs again? */
    for (int c = 0; c < SIM_COMPONENTS; c++)
        thaw_component(s, i, c);
    for (uint32_t k = 0; k < n; k++)
        heap_push(s, s->now, slots[k]);
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
        note_trace(s, i, "FAULT", "", "component dies", (uint64_t)c, "");
    *k = (struct sim_component){.life = k->life + 1};
    post_component(s, s->now + prng_between(&s->comp, SIM_MS, 5 * SIM_MS), EV_GONE, i, c);
    if (s->host[i].restarts_itself) {
        k->running = true;
        post_component(s, s->now + prng_between(&s->comp, 10, 60) * SIM_MS, EV_STARTED, i, c);
    }
}

void sim_jump(struct sim *s, int i, int64_t ms)
{
    struct sim_host *h = &s->host[i];
    if (s->trace)
        note_trace(s, i, "FAULT", "", "clock jumps", (uint64_t)ms, "");
    h->own_base = own_clock(h, s->now).ns + ms * SIM_MS;
    h->true_base = s->now;
    for (int c = 0; c < SIM_COMPONENTS; c++) {
        struct sim_component *k = &h->component[c];
        if (k->until)
            k->until = true_time(h, k->order.deadline);
        if (k->write_until)
            k->write_until = true_time(h, k->order.write_deadline);
    }
    if (!down(h) && !h->frozen)
        step(s, i, &(struct ham_ev){.type = HAM_EV_TICK});
}

void sim_wipe(struct sim *s, int i)
{
    assert(down(&s->host[i]));
    memset(s->host[i].disk, 0, sizeof s->host[i].disk);
}

enum ham_reason sim_op(struct sim *s, int i, enum ham_verb verb)
{
    struct ham_ev ev = {.type = HAM_EV_OPERATOR};
    ev.op.verb = (uint8_t)verb;
    if (down(&s->host[i]) || s->host[i].frozen)
        return REASON_MAX;
    if (s->trace)
        note_trace(s, i, "OPERATOR", "", "verb", (uint64_t)verb, "");
    step(s, i, &ev);
    return (enum ham_reason)s->host[i].answer;
}

void sim_inject(struct sim *s, int i, const struct ham_msg *m)
{
    struct ham_ev ev = {.type = HAM_EV_MESSAGE};
    ev.msg = *m;
    step(s, i, &ev);
}

/* Checks. */
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
            violate(s, "two hosts may write", writer, i, s->write_seen[0]);
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
        violate(s, "the write epoch did not grow", writer, s->write_host, o->ticket_epoch);
    if (!lower) {
        s->write_seen[0] = o->ticket_epoch;
        s->write_seen[1] = o->epoch;
        s->write_host = (uint8_t)writer;
    }
}

static void check(struct sim *s)
{
    for (int site = 0; site < HAM_SITES_MAX; site++) {
        int a = 2 * site, b = a + 1;
        bool may_a = may(s, a, false), may_b = may(s, b, false);
        if (may_a && may_b)
            violate(s, "two hosts of a site may send", a, b, s->epoch_seen[site]);
        if (!may_a && !may_b)
            continue;
        uint8_t who = (uint8_t)(may_a ? a : b);
        uint64_t epoch = epoch_of(s, who);
        if (epoch < s->epoch_seen[site] && who != s->epoch_host[site])
            violate(s, "an epoch went back", who, s->epoch_host[site], epoch);
        if (epoch == s->epoch_seen[site] && who != s->epoch_host[site])
            violate(s, "two hosts served in one epoch", who, s->epoch_host[site], epoch);
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

static void violate(struct sim *s, const char *what, int a, int b, uint64_t epoch)
{
    if (!s->violation[0])
        (void)snprintf(s->violation, sizeof s->violation,
                       "%.3f ms: %s (hosts %d and %d, epoch %llu)", (double)s->now / 1e6, what, a,
                       b, (unsigned long long)epoch);
}
