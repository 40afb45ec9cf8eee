#include "sipserver/core/binding.h"

#include <assert.h>
#include <string.h>

#include "sipserver/core/agent.h"
#include "sipserver/core/dn.h"
#include "sipserver/core/leg.h"

#define Q_ONE 1000

static struct dn *dn_of(const struct sc *sc, const struct binding *b)
{
    return pool_get(&sc->dns, b->dn);
}

static struct list *flow_list(struct sc *sc, uint32_t flow)
{
    return &sc->flows[flow % SC_FLOW_LISTS];
}

/* By a connection of the phone's own: when that ends, the phone cannot be reached. */
static bool has_flow(const struct binding *b)
{
    return b->source.flow != 0 && sip_addr_reliable(&b->source);
}

void bindings_init(struct sc *sc)
{
    for (unsigned i = 0; i < SC_FLOW_LISTS; i++)
        list_init(&sc->flows[i]);
}

/* ---- finding ---- */

static bool is_flow(const struct binding *b, const struct binding_name *name)
{
    return b->reg_id == name->reg_id && sip_str_eq(sip_str_of(b->instance), name->instance);
}

/* A phone that renews its registration writes its Contact as before. */
static bool is_contact(const struct binding *b, const struct binding_name *name)
{
    struct sip_str contact = sip_str_of(b->contact);
    struct sip_uri uri;

    return sip_str_eq(contact, name->text) ||
           (sip_uri_parse(contact, &uri) == 0 && sip_uri_eq(&name->uri, &uri));
}

struct binding *binding_find(const struct dn *d, const struct binding_name *name)
{
    LIST_EACH(link, &d->bindings)
    {
        struct binding *b = CONTAINER_OF(link, struct binding, in_dn);

        if (name->reg_id != 0 && b->reg_id != 0 ? is_flow(b, name) : is_contact(b, name))
            return b;
    }
    return NULL;
}

uint64_t binding_call_id(const struct sc *sc, const struct sip_msg *m)
{
    return siphash24(sc->conf.secret, m->call_id.p, m->call_id.len);
}

bool binding_behind_proxy(const struct sip_event *event)
{
    struct sip_values it = sip_values(event->msg, SIP_H_VIA);
    struct sip_str one;

    return sip_values_next(&it, &one) && sip_values_next(&it, &one);
}

const struct binding *binding_here(const struct sc *sc, const struct dn *d,
                                   const struct sip_event *event)
{
    bool proxy = binding_behind_proxy(event);

    LIST_EACH(link, &d->bindings)
    {
        const struct binding *b = CONTAINER_OF(link, struct binding, in_dn);
        bool same_flow = sip_addr_eq(&b->source, &event->src) && b->source.flow == event->src.flow;

        if (proxy && !handle_is_none(b->path)) /* by any of the proxy's connections */
            same_flow = sip_addr_same_host(&b->source, &event->src);
        if (same_flow && b->lost.ns == 0 &&
            (!proxy || event->method != SIP_REGISTER ||
             b->call_id == binding_call_id(sc, event->msg)))
            return b;
    }
    return NULL;
}

struct binding *binding_lost(const struct dn *d)
{
    struct binding *longest = NULL;

    LIST_EACH(link, &d->bindings)
    {
        struct binding *b = CONTAINER_OF(link, struct binding, in_dn);

        if (b->lost.ns != 0 && (longest == NULL || mono_before(b->lost, longest->lost)))
            longest = b;
    }
    return longest;
}

/* ---- coming and going ---- */

struct binding *binding_new(struct sc *sc, struct dn *d)
{
    struct binding *b = pool_take(&sc->bindings, NULL);

    if (b == NULL)
        return NULL;
    b->dn = pool_handle(&sc->dns, d);
    timer_init(&b->expiry, TIMER_BINDING);
    list_link_init(&b->in_dn);
    list_link_init(&b->in_flow);
    d->bindings_n++;
    return b;
}

/* Its connection has ended, or is there again: its agent can be called, or not. */
static void set_lost(struct sc *sc, struct dn *d, struct binding *b, mono_t until)
{
    struct agent *a = pool_get(&sc->agents, d->agent);

    pool_touch(&sc->bindings, b);
    if ((b->lost.ns != 0) != (until.ns != 0))
        d->lost_n += until.ns != 0 ? 1 : (uint32_t)-1;
    b->lost = until;
    timer_arm(&sc->timers, &b->expiry, until.ns != 0 ? mono_min(until, b->expires) : b->expires);
    if (a != NULL)
        agent_phone_reached(sc, a);
}

static unsigned weight(const struct binding *b)
{
    return b->q == SC_Q_NONE ? Q_ONE : b->q;
}

/* Before the first one of no greater weight. */
static void place(struct dn *d, struct binding *b)
{
    struct list_link *place = &d->bindings.head;

    list_remove(&b->in_dn);
    LIST_EACH(link, &d->bindings)
    {
        if (weight(CONTAINER_OF(link, struct binding, in_dn)) <= weight(b)) {
            place = link;
            break;
        }
    }
    list_insert_before(place, &b->in_dn);
}

void binding_set(struct sc *sc, struct binding *b, const struct sip_addr *source, mono_t expires)
{
    struct dn *d = dn_of(sc, b);

    b->source = *source;
    b->expires = expires;
    b->renewed = sc->now;
    list_remove(&b->in_flow);
    if (has_flow(b))
        list_append(flow_list(sc, b->source.flow), &b->in_flow);
    place(d, b);
    set_lost(sc, d, b, MONO_ZERO);
}

void binding_adopt(struct sc *sc, struct binding *b)
{
    struct dn *d = dn_of(sc, b);
    struct list_link *place = &d->bindings.head;

    timer_init(&b->expiry, TIMER_BINDING);
    list_link_init(&b->in_dn);
    list_link_init(&b->in_flow);
    LIST_EACH(link, &d->bindings)
    {
        const struct binding *other = CONTAINER_OF(link, struct binding, in_dn);

        if (weight(other) < weight(b) ||
            (weight(other) == weight(b) && !mono_before(b->renewed, other->renewed))) {
            place = link;
            break;
        }
    }
    list_insert_before(place, &b->in_dn);
    d->bindings_n++;
    if (has_flow(b) && b->lost.ns == 0)
        b->lost = mono_add_ms(sc->now, sc->options.flow_grace_ms);
    d->lost_n += b->lost.ns != 0;
    timer_arm(&sc->timers, &b->expiry,
              b->lost.ns != 0 ? mono_min(b->lost, b->expires) : b->expires);
}

static void drop_path(struct sc *sc, struct binding *b)
{
    struct path *p = pool_get(&sc->paths, b->path);

    if (p != NULL)
        pool_put(&sc->paths, p);
    b->path = HANDLE_NONE;
}

void binding_set_path(struct sc *sc, struct binding *b, struct sip_str path)
{
    struct path *p = pool_get(&sc->paths, b->path);

    if (sip_str_empty(path)) {
        drop_path(sc, b);
        return;
    }
    if (p == NULL)
        p = pool_take(&sc->paths, &b->path);
    assert(p != NULL && path.len <= sizeof(p->text)); /* one for each binding */
    p->len = (uint32_t)path.len;
    memcpy(p->text, path.p, path.len);
}

struct sip_str binding_path(const struct sc *sc, const struct binding *b)
{
    const struct path *p = pool_get(&sc->paths, b->path);

    return p != NULL ? (struct sip_str){p->text, p->len} : SIP_STR_NONE;
}

/* Off all lists, its memory given back. */
static void take_away(struct sc *sc, struct dn *d, struct binding *b)
{
    disarm(sc, &b->expiry);
    list_remove(&b->in_dn);
    list_remove(&b->in_flow);
    d->bindings_n--;
    if (b->lost.ns != 0)
        d->lost_n--;
    drop_path(sc, b);
    pool_put(&sc->bindings, b);
}

void binding_drop(struct sc *sc, struct dn *d, struct binding *b, const char *reason)
{
    struct agent *a = pool_get(&sc->agents, d->agent);

    take_away(sc, d, b);
    if (d->bindings_n == 0)
        dn_set_service(sc, d, false, reason);
    else if (a != NULL)
        agent_phone_reached(sc, a);
}

void bindings_drop_all(struct sc *sc, struct dn *d, const char *reason)
{
    struct list_link *link;

    while ((link = list_first(&d->bindings)) != NULL)
        binding_drop(sc, d, CONTAINER_OF(link, struct binding, in_dn), reason);
}

void binding_timer(struct sc *sc, struct binding *b)
{
    binding_drop(sc, dn_of(sc, b), b,
                 mono_due(b->expires, sc->now) ? "registration expired"
                                               : "the phone's connection is lost");
}

void bindings_flow_lost(struct sc *sc, const struct sip_addr *from)
{
    struct list *list = flow_list(sc, from->flow);
    struct list_link *link = list_first(list), *next;

    for (; link != NULL; link = next) {
        struct binding *b = CONTAINER_OF(link, struct binding, in_flow);

        next = list_next(list, link);
        if (b->source.flow != from->flow || !sip_addr_eq(&b->source, from))
            continue;
        list_remove(&b->in_flow);
        sc->counts[N_FLOWS_LOST]++;
        set_lost(sc, dn_of(sc, b), b, mono_add_ms(sc->now, sc->options.flow_grace_ms));
    }
}

void binding_flow_failed(struct sc *sc, struct dn *d, const struct sip_addr *source,
                         struct sip_str contact)
{
    LIST_EACH(link, &d->bindings)
    {
        struct binding *b = CONTAINER_OF(link, struct binding, in_dn);

        if (b->reg_id == 0 || b->lost.ns != 0 || !sip_addr_eq(&b->source, source) ||
            !sip_str_eq(sip_str_of(b->contact), contact))
            continue; /* a phone without flows has none that could fail: it has refused the call */
        list_remove(&b->in_flow);
        sc->counts[N_FLOWS_LOST]++;
        set_lost(sc, d, b, mono_add_ms(sc->now, sc->options.flow_grace_ms));
        return;
    }
}

/* ---- calling them ---- */

static uint32_t key_of(const struct sc *sc, const char *text, uint32_t reg_id)
{
    uint32_t key = (uint32_t)siphash24(sc->conf.secret, text, strlen(text)) + reg_id;

    return key != 0 ? key : 1;
}

static uint32_t instance_key(const struct sc *sc, const struct binding *b)
{
    return b->instance[0] != '\0' ? key_of(sc, b->instance, 0) : 0;
}

static uint32_t binding_key(const struct sc *sc, const struct binding *b)
{
    return b->reg_id != 0 ? key_of(sc, b->instance, b->reg_id) : key_of(sc, b->contact, 0);
}

static bool names(const struct phone_tries *tries, uint32_t key)
{
    for (unsigned i = 0; i < tries->n; i++)
        if (tries->key[i] == key)
            return true;
    return false;
}

const struct binding *binding_next(const struct sc *sc, const struct dn *d,
                                   const struct phone_tries *tries)
{
    LIST_EACH(link, &d->bindings)
    {
        const struct binding *b = CONTAINER_OF(link, struct binding, in_dn);

        if (b->lost.ns != 0)
            continue;
        if (tries == NULL || tries->n == 0)
            return b;
        if (tries->n < SC_CONTACTS_MAX && !names(tries, binding_key(sc, b)) &&
            !names(tries, instance_key(sc, b)))
            return b;
    }
    return NULL;
}

void binding_tried(const struct sc *sc, struct phone_tries *tries, const struct binding *b)
{
    assert(tries->n < SC_CONTACTS_MAX);
    tries->key[tries->n++] = binding_key(sc, b);
    tries->instance = instance_key(sc, b);
}

void binding_instance_tried(struct phone_tries *tries)
{
    if (tries->n > 0 && tries->instance != 0)
        tries->key[tries->n - 1] = tries->instance;
}

void binding_target(const struct sc *sc, const struct binding *b, struct leg_target *ret_target)
{
    ret_target->dn = dn_of(sc, b);
    ret_target->addr = b->source;
    ret_target->uri = sip_str_of(b->contact);
    ret_target->route = binding_path(sc, b);
    ret_target->by_flow = true;
}

/* ---- invariants ---- */

bool bindings_sane(const struct sc *sc)
{
    uint32_t paths = 0;

    for (const struct binding *b = pool_next(&sc->bindings, NULL); b != NULL;
         b = pool_next(&sc->bindings, b)) {
        if (dn_of(sc, b) == NULL || !timer_armed(&b->expiry) || b->contact[0] == '\0')
            return false;
        if (b->reg_id != 0 && b->instance[0] == '\0')
            return false;
        if (list_linked(&b->in_flow) != (has_flow(b) && b->lost.ns == 0))
            return false;
        paths += !handle_is_none(b->path);
    }
    for (const struct dn *d = pool_next(&sc->dns, NULL); d != NULL; d = pool_next(&sc->dns, d)) {
        unsigned last = Q_ONE;
        uint32_t lost = 0;

        LIST_EACH(link, &d->bindings)
        {
            const struct binding *b = CONTAINER_OF(link, struct binding, in_dn);

            if (weight(b) > last)
                return false;
            last = weight(b);
            lost += b->lost.ns != 0;
        }
        if (lost != d->lost_n)
            return false;
    }
    return paths == sc->paths.used;
}
