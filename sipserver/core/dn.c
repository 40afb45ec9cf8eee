#include "sipserver/core/dn.h"

#include <assert.h>
#include <string.h>

#include "sipserver/core/agent.h"
#include "sipserver/core/queue.h"
#include "sipserver/core/binding.h"
#include "sipserver/core/report.h"
#include "sipserver/core/trunk.h"

void dns_init(struct sc *sc)
{
    list_init(&sc->all_trunks);
    list_init(&sc->dirty_queues);
    list_init(&sc->grouped_queues);
}

struct dn *dn_find(const struct sc *sc, struct sip_str number)
{
    struct hash_node *node = hash_get(&sc->dns_by_number, number.p, number.len);

    return node != NULL ? CONTAINER_OF(node, struct dn, by_number) : NULL;
}

struct dn *dn_of_uri(const struct sc *sc, const struct sip_uri *uri)
{
    char number[SC_NAME_SIZE];

    return number_of_uri(uri, number) ? dn_find(sc, sip_str_of(number)) : NULL;
}

static struct dn *dn_new(struct sc *sc, const struct sc_dn_conf *conf)
{
    struct dn *d = pool_take(&sc->dns, NULL);

    if (d == NULL) {
        sc->counts[N_DNS_FULL]++;
        report_note(sc, SC_NOTE_OVERLOAD, conf->number, NULL, NULL,
                    "DN left out: dns-max is reached");
        return NULL;
    }
    text_copy(d->number, sizeof(d->number), conf->number);
    d->type = conf->type;
    d->since = sc->now;
    d->in_service = conf->type == SC_DN_QUEUE || conf->type == SC_DN_ROUTING_POINT;
    text_copy(d->reason, sizeof(d->reason), d->in_service ? "" : "not registered");
    list_init(&d->bindings);
    (void)hash_put_text(&sc->dns_by_number, &d->by_number, d->number);
    return d;
}

/* The other half of a routing point: its targets. */
static void set_targets(struct sc *sc, struct dn *d, const struct sc_dn_conf *conf)
{
    struct targets *t = pool_get(&sc->targets, d->targets);

    if (t == NULL)
        t = pool_take(&sc->targets, &d->targets);
    assert(t != NULL); /* one for each DN */
    t->dn = pool_handle(&sc->dns, d);
    t->n = conf->targets_n;
    memcpy(t->number, conf->targets, sizeof(t->number));
}

/* As it goes between quotes (RFC 3261 25.1, quoted-string). */
static void set_display(struct dn *d, const char *name)
{
    size_t n = 0;

    for (; *name != '\0'; name++) {
        bool escape = *name == '"' || *name == '\\';

        if ((unsigned char)*name < ' ')
            continue;
        if (n + (escape ? 2 : 1) >= sizeof(d->display)) {
            n = 0; /* too long: nameless */
            break;
        }
        if (escape)
            d->display[n++] = '\\';
        d->display[n++] = *name;
    }
    d->display[n] = '\0';
}

void dn_configure(struct sc *sc, const struct sc_dn_conf *conf)
{
    struct dn *d = dn_find(sc, sip_str_of(conf->number));

    if (d != NULL && d->type != conf->type) {
        dn_delete(sc, d);
        d = NULL;
    }
    if (d == NULL)
        d = dn_new(sc, conf);
    if (d == NULL)
        return;
    pool_touch(&sc->dns, d);
    d->seen = sc->seen;
    d->dr_forward = conf->dr_forward;
    d->priority =
        (uint8_t)(conf->call_priority < SC_PRIORITIES ? conf->call_priority : SC_PRIORITIES - 1);
    text_copy(d->calling_class, sizeof(d->calling_class), conf->calling_class);
    d->auto_answer = conf->auto_answer;
    text_copy(d->digest_user, sizeof(d->digest_user), conf->digest_user);
    d->ha1 = conf->ha1;
    set_display(d, conf->display);
    if (d->type == SC_DN_TRUNK || d->type == SC_DN_SERVICE)
        trunk_configure(sc, d, conf); /* a service is watched in the same way */
    else if (d->type == SC_DN_QUEUE)
        queue_configure(sc, d, conf);
    else if (d->type == SC_DN_ROUTING_POINT)
        set_targets(sc, d, conf);
}

void dn_delete(struct sc *sc, struct dn *d)
{
    struct agent *a = pool_get(&sc->agents, d->agent);

    if (a != NULL)
        agent_logout(sc, a, "DN deleted");
    bindings_drop_all(sc, d, "DN deleted");
    if (d->type == SC_DN_TRUNK || d->type == SC_DN_SERVICE)
        trunk_delete(sc, d);
    else if (d->type == SC_DN_QUEUE)
        queue_delete(sc, d);
    else if (d->type == SC_DN_ROUTING_POINT)
        pool_put(&sc->targets, pool_get(&sc->targets, d->targets));
    hash_remove(&sc->dns_by_number, &d->by_number);
    pool_put(&sc->dns, d);
}

bool dns_sweep(struct sc *sc)
{
    struct dn *next;

    for (struct dn *d = pool_next(&sc->dns, NULL); d != NULL; d = next) {
        next = pool_next(&sc->dns, d);
        if (d->seen == sc->seen)
            continue;
        if (!out_has_room(sc->out))
            return false;
        dn_delete(sc, d);
    }
    return true;
}

void dn_set_service(struct sc *sc, struct dn *d, bool in_service, const char *reason)
{
    bool changed = d->in_service != in_service;
    struct agent *a = pool_get(&sc->agents, d->agent);

    pool_touch(&sc->dns, d);
    text_copy(d->reason, sizeof(d->reason), reason);
    if (!changed)
        return;
    d->in_service = in_service;
    d->since = sc->now;
    report_dn(sc, d);
    report_note(sc, d->type == SC_DN_TRUNK ? SC_NOTE_TRUNK : SC_NOTE_DN, d->number,
                in_service ? "OUT" : "IN", in_service ? "IN" : "OUT", reason);
    if (a != NULL)
        agent_phone(sc, a, in_service);
}

void dn_leg_added(struct sc *sc, struct dn *d, struct call *c)
{
    struct agent *a = pool_get(&sc->agents, d->agent);

    d->legs++;
    if (a != NULL)
        agent_call(sc, a, c);
}

void dn_leg_removed(struct sc *sc, struct dn *d)
{
    struct agent *a = pool_get(&sc->agents, d->agent);

    assert(d->legs > 0);
    d->legs--;
    if (a != NULL && d->legs == 0)
        agent_free(sc, a);
}
