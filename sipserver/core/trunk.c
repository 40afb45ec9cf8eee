#include "sipserver/core/trunk.h"

#include <assert.h>
#include <string.h>

#include "sipserver/core/answer.h"
#include "sipserver/core/credentials.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/hops.h"
#include "sipserver/core/peering.h"
#include "sipserver/core/replica_inner.h"
#include "sipserver/core/report.h"

#define DOUBT_PARTS  8  /* OPTIONS within oos-force while in doubt */
#define DOUBT_MIN_MS 20 /* but never closer than this */

static uint32_t check_ms(const struct sc *sc, const struct trunk *t)
{
    return t->oos_check_ms != 0 ? t->oos_check_ms : sc->options.oos_check_ms;
}

static uint32_t force_ms(const struct sc *sc, const struct trunk *t)
{
    return t->oos_force_ms != 0 ? t->oos_force_ms : sc->options.oos_force_ms;
}

/* The hold-down of a trunk that does not flap. */
static uint32_t hold_first_ms(const struct sc *sc, const struct trunk *t)
{
    if (t->recovery_timeout_ms != 0)
        return t->recovery_timeout_ms;
    return t->inter_site ? sc->options.recovery_timeout_ms : 0;
}

/* ---- the table ---- */

static bool g_inter_site(const struct sc *sc, const void *object)
{
    (void)sc;
    return ((const struct trunk *)object)->inter_site;
}

static bool g_no_hold(const struct sc *sc, const void *object)
{
    (void)sc;
    return ((const struct trunk *)object)->hold_ms == 0;
}

/* Asked when an answer has come, which is not counted yet. */
static bool g_proven(const struct sc *sc, const void *object)
{
    const struct trunk *t = object;

    return t->good + 1 >= sc->options.recovery_checks && !timer_armed(&t->hold);
}

static bool g_enough(const struct sc *sc, const void *object)
{
    return ((const struct trunk *)object)->good >= sc->options.recovery_checks;
}

static void heard(struct sc *sc, struct trunk *t)
{
    t->unanswered = false;
    disarm(sc, &t->force);
    arm_ms(sc, &t->check, check_ms(sc, t));
}

static void a_heard(struct sc *sc, void *object, const void *argument)
{
    (void)argument;
    heard(sc, object);
}

static void a_start_watch(struct sc *sc, void *object, const void *argument)
{
    struct trunk *t = object;

    (void)argument;
    t->unanswered = false;
    t->good = 0;
    t->hold_ms = hold_first_ms(sc, t);
    t->in_since = mono_add_ms(
        sc->now, -(int64_t)sc->options.recovery_hold_max_ms); /* nothing held against it */
}

static void a_stop_watch(struct sc *sc, void *object, const void *argument)
{
    struct trunk *t = object;

    (void)argument;
    disarm(sc, &t->check);
    disarm(sc, &t->force);
    disarm(sc, &t->hold);
}

static void a_trusted(struct sc *sc, void *object, const void *argument)
{
    struct trunk *t = object;

    (void)argument;
    t->in_since = sc->now;
    t->good = 0;
    disarm(sc, &t->hold);
    heard(sc, t);
}

/* It flaps when it falls out before it has been in for the longest hold-down. */
static void a_lost(struct sc *sc, void *object, const void *argument)
{
    struct trunk *t = object;
    uint32_t max = sc->options.recovery_hold_max_ms;
    bool flaps =
        timer_armed(&t->hold) || t->good > 0 || mono_diff_ms(sc->now, t->in_since) < (int64_t)max;
    uint32_t first = hold_first_ms(sc, t);

    (void)argument;
    disarm(sc, &t->hold);
    if (!flaps)
        t->hold_ms = first;
    else if (t->hold_ms == 0)
        t->hold_ms = check_ms(sc, t);
    else
        t->hold_ms *= 2;
    if (t->hold_ms > max)
        t->hold_ms = max > first ? max : first;
    t->good = 0;
}

static void a_start_hold(struct sc *sc, void *object, const void *argument)
{
    struct trunk *t = object;

    (void)argument;
    t->good = 1;
    arm_ms(sc, &t->hold, t->hold_ms);
    heard(sc, t);
}

static void a_count_answer(struct sc *sc, void *object, const void *argument)
{
    struct trunk *t = object;

    (void)argument;
    t->good++;
    heard(sc, t);
}

#define g_always NULL
#define a_none   NULL

/* clang-format off */
static const struct fsm_row rows[] = {
#define ROW(from_, event_, guard_, to_, action_, why_, source_) \
    {TRUNK_##from_, TRUNK_EV_##event_, TRUNK_##to_, false, g_##guard_, a_##action_, #guard_, #action_, why_, source_},
#define IGNORE(from_, event_, why_, source_) \
    {TRUNK_##from_, TRUNK_EV_##event_, TRUNK_##from_, true, NULL, NULL, "always", "none", why_, source_},
#include "sipserver/core/trunk.tbl.h"
};
static const char *const states[] = {
#define STATE(name, meaning) #name,
#include "sipserver/core/trunk.tbl.h"
};
static const char *const events[] = {
#define EVENT(name, meaning) #name,
#include "sipserver/core/trunk.tbl.h"
};
/* clang-format on */

const struct fsm trunk_fsm = {"trunk",      rows,         sizeof(rows) / sizeof(rows[0]),
                              states,       TRUNK_STATES, events,
                              TRUNK_EVENTS, TRUNK_STATES};

static void trunk_event(struct sc *sc, struct trunk *t, enum trunk_event event)
{
    const struct fsm_row *row = fsm_row(&trunk_fsm, t->state, event, sc, t);
    uint8_t from = t->state;
    struct dn *d = pool_get(&sc->dns, t->dn);

    pool_touch(&sc->trunks, t);
    if (row->ignore)
        return;
    t->state = row->to;
    if (row->action != NULL)
        row->action(sc, t, NULL);
    if (from == row->to)
        return;
    dn_set_service(sc, d, row->to == TRUNK_IN, row->why);
    if (from == TRUNK_OUT && row->to == TRUNK_RECOVERING)
        report_note(sc, SC_NOTE_TRUNK, d->number, states[from], states[row->to], row->why);
    peering_trunk(sc, t);
}

/* ---- configuration ---- */

static bool names_trunk(const struct sc *sc, const struct dn *d)
{
    return text_eq(sc->options.dr_peer_trunk, d->number);
}

/* Watch T anew: it is another one now, or serves another purpose. */
static void restart(struct sc *sc, struct trunk *t)
{
    trunk_event(sc, t, TRUNK_EV_STOP);
    if (sc->primary && sc->loaded && t->reachable)
        arm_ms(sc, &t->check, 0);
}

/* "192.0.2.0/24", or one address.  What is none is left out: the schema lets nothing else by. */
static void set_sources(struct trunk *t, const struct sc_dn_conf *conf)
{
    t->nets_n = 0;
    for (uint32_t i = 0; i < conf->sources_n; i++) {
        struct sip_str text = sip_str_of(conf->sources[i]), host = text, bits = SIP_STR_NONE;
        const char *slash = text.len > 0 ? memchr(text.p, '/', text.len) : NULL;
        struct net *n = &t->nets[t->nets_n];
        uint32_t most, number;

        if (slash != NULL) {
            host.len = (size_t)(slash - text.p);
            bits = (struct sip_str){slash + 1, text.len - host.len - 1};
        }
        if (sip_addr_parse(host, 0, SIP_UDP, &n->addr) != 0)
            continue;
        most = number = n->addr.family == SIP_IPV4 ? 32 : 128;
        if (slash != NULL && sip_number_parse(bits, most, &number) != 0)
            continue;
        n->bits = (uint8_t)number;
        t->nets_n++;
    }
}

void trunk_configure(struct sc *sc, struct dn *d, const struct sc_dn_conf *conf)
{
    struct trunk *t = pool_get(&sc->trunks, d->trunk);
    bool is_new = t == NULL, anew;

    if (is_new) {
        t = pool_take(&sc->trunks, &d->trunk);
        assert(t != NULL); /* one for each DN */
        t->dn = pool_handle(&sc->dns, d);
        timer_init(&t->check, TIMER_TRUNK_CHECK);
        timer_init(&t->force, TIMER_TRUNK_FORCE);
        timer_init(&t->hold, TIMER_TRUNK_HOLD);
        list_append(&sc->all_trunks, &t->in_all);
        text_copy(d->reason, sizeof(d->reason), "not yet watched");
    }
    pool_touch(&sc->trunks, t);
    anew = hops_configure(sc, t, d, conf->contact);
    set_sources(t, conf);
    credentials_configure(t, conf->digest_realm);
    t->priority = conf->priority;
    t->weight = conf->weight;
    t->calls_max = conf->calls_max;
    t->calls_in_max = conf->calls_in_max;
    t->calls_out_max = conf->calls_out_max;
    t->prefixes_n = conf->prefixes_n;
    memcpy(t->prefixes, conf->prefixes, sizeof(t->prefixes));
    t->oos_check_ms = conf->oos_check_ms;
    t->oos_force_ms = conf->oos_force_ms;
    t->recovery_timeout_ms = conf->recovery_timeout_ms;
    t->follows_redirect = conf->follows_redirect;
    t->trusted = conf->trusted;
    if (is_new || anew || t->inter_site != names_trunk(sc, d)) {
        t->inter_site = names_trunk(sc, d);
        restart(sc, t);
    }
    if (!t->reachable && t->host[0] == '\0')
        report_note(sc, SC_NOTE_CONF, d->number, NULL, NULL,
                    "contact is not a SIP URI: the trunk cannot be used");
}

void trunk_delete(struct sc *sc, struct dn *d)
{
    struct trunk *t = pool_get(&sc->trunks, d->trunk);

    trunk_event(sc, t, TRUNK_EV_STOP);
    disarm(sc, &t->check);
    hops_forget(sc, t, d);
    list_remove(&t->in_all);
    pool_put(&sc->trunks, t);
    d->trunk = HANDLE_NONE;
}

void trunks_options_changed(struct sc *sc)
{
    LIST_EACH(link, &sc->all_trunks)
    {
        struct trunk *t = CONTAINER_OF(link, struct trunk, in_all);
        bool inter_site = names_trunk(sc, pool_get(&sc->dns, t->dn));

        if (inter_site != t->inter_site) {
            t->inter_site = inter_site;
            restart(sc, t);
        }
    }
}

void trunks_start(struct sc *sc)
{
    LIST_EACH(link, &sc->all_trunks)
    {
        struct trunk *t = CONTAINER_OF(link, struct trunk, in_all);

        if (t->state == TRUNK_NEW && t->reachable && !timer_armed(&t->check)) {
            pool_touch(&sc->trunks, t);
            arm_ms(sc, &t->check, 0);
        }
    }
}

void trunks_stop(struct sc *sc)
{
    LIST_EACH(link, &sc->all_trunks)
    {
        struct trunk *t = CONTAINER_OF(link, struct trunk, in_all);
        struct dn *d = pool_get(&sc->dns, t->dn);

        a_stop_watch(sc, t, NULL);
        t->state = TRUNK_NEW;
        t->calls_in = t->calls_out = 0; /* the calls are forgotten too */
        d->in_service = false;
        text_copy(d->reason, sizeof(d->reason), "not yet watched");
    }
}

#define ADOPTED_PARTS 4 /* of oos-force: what a trunk gets at a takeover, at least */

static void rearm(struct sc *sc, struct timer *t, mono_t due)
{
    if (due.ns != 0)
        timer_arm(&sc->timers, t, due);
}

void trunk_adopt(struct sc *sc, struct trunk *t, const struct replica_trunk *r)
{
    uint32_t hop = 0;

    while (hop < t->hops_n && !sip_addr_eq(&t->hops[hop].addr, &r->addr))
        hop++;
    if (hop == t->hops_n || r->state >= TRUNK_STATES)
        return; /* watched anew: it has another address here */
    t->hop = hop;
    t->addr = t->hops[hop].addr;
    t->state = r->state;
    t->unanswered = r->unanswered;
    t->options = r->options;
    t->cseq = r->cseq;
    t->good = r->good;
    t->hold_ms = r->hold_ms;
    t->in_since = r->in_since;
    for (uint32_t i = 0; i < r->hops_n; i++)
        for (uint32_t k = 0; k < t->hops_n; k++)
            if (sip_addr_eq(&t->hops[k].addr, &r->hops[i].addr)) {
                t->hops[k].bad = r->hops[i].bad;
                t->hops[k].rests = r->hops[i].rests;
            }
    rearm(sc, &t->check, r->check.due);
    rearm(sc, &t->hold, r->hold.due);
    if (r->force.due.ns != 0) /* what it answered meanwhile is lost: it is asked again at least */
        rearm(sc, &t->force,
              mono_max(r->force.due, mono_add_ms(sc->now, force_ms(sc, t) / ADOPTED_PARTS)));
}

/* ---- the watch ---- */

/* Returns: the transaction; 0: it could not be sent. */
static uint64_t send_options(struct sc *sc, struct trunk *t, const struct sip_addr *to_addr)
{
    char call_id[SIP_TOKEN_MAX], tag[SIP_TOKEN_MAX], from[SIP_URI_MAX], to[SIP_URI_MAX],
        contact[SIP_URI_MAX];
    uint64_t owner = owner_of(OWNER_TRUNK, pool_handle(&sc->trunks, t)), txn;
    struct sip_buf b;
    struct sip_request r = {
        .method = SIP_OPTIONS, .uri = sip_str_of(t->contact), .cseq = ++t->cseq};

    r.call_id = sip_own_call_id(sc->sip, owner, sc->serial, call_id);
    r.from_tag = sip_own_tag(sc->sip, owner, sc->serial++, tag);
    r.contact = own_contact(sc, to_addr, contact, sizeof(contact));
    r.from = own_uri(sc, SIP_STR_NONE, from, sizeof(from));
    sip_buf_init(&b, to, sizeof(to));
    sip_put_text(&b, "<");
    sip_put_text(&b, t->contact);
    sip_put_text(&b, ">");
    r.to = sip_buf_str(&b);
    if (sip_request(sc->sip, sc->now, to_addr, &r, owner, &sc->out->sip, &txn) == 0)
        return txn;
    sc->counts[N_UNSENDABLE]++;
    return 0;
}

/* One of the addresses that failed is asked too, whether it is back. */
static void ask_bad(struct sc *sc, struct trunk *t)
{
    uint32_t hop = hops_bad(t);

    if (hop < t->hops_n)
        (void)send_options(sc, t, &t->hops[hop].addr);
}

void trunk_timer_check(struct sc *sc, struct trunk *t)
{
    uint32_t doubt = force_ms(sc, t) / DOUBT_PARTS;

    if (t->state == TRUNK_NEW)
        trunk_event(sc, t, TRUNK_EV_START);
    if (t->state == TRUNK_OUT && t->unanswered && t->hops_n > 1)
        (void)hops_next(sc, t); /* each address in its turn, until one answers */
    t->options = send_options(sc, t, &t->addr);
    if (!t->unanswered) {
        ask_bad(sc, t);
        t->unanswered = true;
        arm_ms(sc, &t->force, force_ms(sc, t));
    }
    if (t->state == TRUNK_OUT && !timer_armed(&t->force))
        arm_ms(sc, &t->check, check_ms(sc, t));
    else
        arm_ms(sc, &t->check, doubt > DOUBT_MIN_MS ? doubt : DOUBT_MIN_MS);
}

/* The watched address has failed: another one takes its place, or the trunk is lost. */
static void hop_failed(struct sc *sc, struct trunk *t, enum trunk_event lost)
{
    const struct dn *d = pool_get(&sc->dns, t->dn);

    disarm(sc, &t->force);
    if (t->hops_n > 1 && hops_next(sc, t) && t->state != TRUNK_OUT) {
        report_note(sc, SC_NOTE_TRUNK, d->number, NULL, NULL,
                    "an address does not answer: the next one is watched");
        t->unanswered = false;
        arm_ms(sc, &t->check, 0);
        return;
    }
    trunk_event(sc, t, lost);
}

void trunk_timer_force(struct sc *sc, struct trunk *t)
{
    hop_failed(sc, t, TRUNK_EV_FORCE);
}

void trunk_timer_hold(struct sc *sc, struct trunk *t)
{
    trunk_event(sc, t, TRUNK_EV_HELD);
}

void trunk_response(struct sc *sc, struct trunk *t, const struct sip_event *event)
{
    pool_touch(&sc->trunks, t);
    if (event->kind == SIP_EV_UNSENT && sip_addr_reliable(&t->addr) &&
        (t->hops_n <= 1 || event->txn == t->options)) {
        hop_failed(sc, t, TRUNK_EV_REFUSED);
        return;
    }
    if (event->kind != SIP_EV_RESPONSE || event->status < 200 || event->status == 503)
        return; /* silence: oos-force judges it */
    if (hops_heard(t, &event->src, t->state != TRUNK_OUT))
        trunk_event(sc, t, TRUNK_EV_ANSWER);
}

void trunk_resolved(struct sc *sc, struct trunk *t, const struct sc_event *event)
{
    struct dn *d = pool_get(&sc->dns, t->dn);
    bool had = t->reachable;

    pool_touch(&sc->trunks, t);
    if (event->hops_n == 0 && !t->reachable)
        text_copy(d->reason, sizeof(d->reason), "its name cannot be looked up");
    if (!hops_resolved(sc, t, event))
        return;
    if (!had) {
        restart(sc, t);
    } else if (timer_armed(&t->check)) { /* another address is watched in the same state */
        disarm(sc, &t->force);
        t->unanswered = false;
        arm_ms(sc, &t->check, 0);
    }
}

void trunk_heard(struct sc *sc, struct trunk *t)
{
    pool_touch(&sc->trunks, t);
    if (!t->inter_site)
        trunk_event(sc, t, TRUNK_EV_ANSWER);
}

/* ---- who and where ---- */

bool trunk_is_in(const struct trunk *t)
{
    return t->state == TRUNK_IN;
}

bool trunk_has_room(const struct trunk *t, bool in)
{
    uint32_t max = in ? t->calls_in_max : t->calls_out_max;
    uint32_t n = in ? t->calls_in : t->calls_out;

    return (max == 0 || n < max) &&
           (t->calls_max == 0 || t->calls_in + t->calls_out < t->calls_max);
}

static bool in_net(const struct net *n, const struct sip_addr *addr)
{
    uint32_t whole = n->bits / 8, rest = n->bits % 8;

    return n->addr.family == addr->family && memcmp(n->addr.ip, addr->ip, whole) == 0 &&
           (rest == 0 || ((n->addr.ip[whole] ^ addr->ip[whole]) >> (8 - rest)) == 0);
}

/* How well ADDR fits T: 0 not at all; more bits, more. */
static unsigned fits_source(const struct trunk *t, const struct sip_addr *addr)
{
    unsigned best = 0;

    for (uint32_t i = 0; t->reachable && i < t->hops_n; i++) {
        const struct sip_addr *own = &t->hops[i].addr;

        if (!sip_addr_same_host(own, addr))
            continue;
        if (own->port == addr->port && own->transport == addr->transport)
            return 1000;
        /* A connection comes from a port of its own. */
        if (t->any_port || sip_addr_reliable(addr) || own->port == addr->port)
            best = 500;
    }
    for (uint32_t i = 0; i < t->nets_n; i++)
        if (1u + t->nets[i].bits > best && in_net(&t->nets[i], addr))
            best = 1u + t->nets[i].bits;
    return best;
}

/* A media server is called, it does not call. */
static bool is_service(const struct sc *sc, const struct trunk *t)
{
    const struct dn *d = pool_get(&sc->dns, t->dn);

    return d != NULL && d->type == SC_DN_SERVICE;
}

struct trunk *trunk_of_source(const struct sc *sc, const struct sip_addr *addr)
{
    struct trunk *found = NULL;
    unsigned best = 0;

    LIST_EACH(link, &sc->all_trunks)
    {
        struct trunk *t = CONTAINER_OF(link, struct trunk, in_all);
        unsigned fit = is_service(sc, t) ? 0 : fits_source(t, addr);

        if (fit > best) {
            best = fit;
            found = t;
        }
    }
    return found;
}
