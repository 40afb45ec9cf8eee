#include "sipserver/core/hops.h"

#include <string.h>

#include "sipserver/core/report.h"

static void watch(struct trunk *t, uint32_t hop)
{
    t->hop = hop;
    t->addr = t->hops[hop].addr;
}

/* The best address to watch: one that is not bad, of the lowest priority. */
static uint32_t best(const struct trunk *t)
{
    uint32_t found = 0;

    for (uint32_t i = 1; i < t->hops_n; i++) {
        const struct hop *h = &t->hops[i], *b = &t->hops[found];

        if (h->bad != b->bad ? b->bad : h->priority < b->priority)
            found = i;
    }
    return found;
}

/* ---- names ---- */

static void ask(struct sc *sc, const struct trunk *t, const struct dn *d, bool wanted)
{
    struct sc_action *a = report(sc, SC_ACT_RESOLVE);

    text_copy(a->resolve.dn, sizeof(a->resolve.dn), d->number);
    text_copy(a->resolve.host, sizeof(a->resolve.host), t->host);
    a->resolve.port = t->port;
    a->resolve.transport = t->transport;
    a->resolve.wanted = wanted;
}

/* The transport that URI names; UDP when it names none. */
static enum sip_transport transport_of(const struct sip_uri *uri)
{
    struct sip_str name;

    if (!sip_param_get(uri->params, "transport", &name))
        return SIP_UDP;
    return sip_str_eq_nocase(name, SIP_STR("tls"))   ? SIP_TLS
           : sip_str_eq_nocase(name, SIP_STR("tcp")) ? SIP_TCP
                                                     : SIP_UDP;
}

void hops_forget(struct sc *sc, struct trunk *t, const struct dn *d)
{
    if (t->host[0] != '\0')
        ask(sc, t, d, false);
    t->host[0] = '\0';
}

static bool by_name(struct sc *sc, struct trunk *t, const struct dn *d, const struct sip_uri *uri)
{
    char host[SC_URI_SIZE];
    enum sip_transport transport = transport_of(uri);
    bool had = t->reachable;

    text_copy_str(host, sizeof(host), uri->host);
    if (text_eq(host, t->host) && t->port == uri->port && t->transport == transport)
        return false; /* its addresses stay */
    hops_forget(sc, t, d);
    text_copy(t->host, sizeof(t->host), host);
    t->port = uri->port;
    t->transport = (uint8_t)transport;
    t->reachable = false;
    t->hops_n = t->hop = 0;
    ask(sc, t, d, true);
    return had;
}

bool hops_configure(struct sc *sc, struct trunk *t, const struct dn *d, const char *text)
{
    struct sip_addr before = t->addr, addr;
    bool had = t->reachable;
    struct sip_uri uri;

    text_copy(t->contact, sizeof(t->contact), text);
    if (sip_uri_parse(sip_str_of(t->contact), &uri) != 0) {
        hops_forget(sc, t, d);
        t->reachable = false;
        t->hops_n = t->hop = 0;
        return had;
    }
    t->any_port = uri.port == 0;
    if (sip_uri_addr(&uri, &addr) != 0)
        return by_name(sc, t, d, &uri);
    hops_forget(sc, t, d);
    t->reachable = true;
    t->hops_n = 1;
    t->hops[0] = (struct hop){.addr = addr};
    watch(t, 0);
    return !had || !sip_addr_eq(&before, &addr);
}

bool hops_resolved(struct sc *sc, struct trunk *t, const struct sc_event *event)
{
    struct hop old[SC_HOPS_MAX];
    uint32_t old_n = t->hops_n, kept = SC_HOPS_MAX;
    bool had = t->reachable;

    (void)sc;
    if (t->host[0] == '\0' || event->hops_n == 0)
        return false; /* the last addresses stay */
    memcpy(old, t->hops, sizeof(old));
    t->hops_n = event->hops_n < SC_HOPS_MAX ? event->hops_n : SC_HOPS_MAX;
    for (uint32_t i = 0; i < t->hops_n; i++) {
        struct hop *h = &t->hops[i];

        *h = (struct hop){.addr = event->hops[i].addr,
                          .priority = event->hops[i].priority,
                          .weight = event->hops[i].weight};
        for (uint32_t k = 0; k < old_n; k++)
            if (sip_addr_eq(&old[k].addr, &h->addr)) {
                h->bad = old[k].bad;
                h->rests = old[k].rests;
            }
        if (had && sip_addr_eq(&h->addr, &t->addr))
            kept = i;
    }
    t->reachable = true;
    watch(t, kept < SC_HOPS_MAX ? kept : best(t));
    return !had || kept == SC_HOPS_MAX;
}

/* ---- the watch ---- */

bool hops_next(struct sc *sc, struct trunk *t)
{
    uint32_t next;

    (void)sc;
    if (t->hops_n == 0)
        return false;
    t->hops[t->hop].bad = true;
    next = best(t);
    if (!t->hops[next].bad) {
        watch(t, next);
        return true;
    }
    watch(t, (t->hop + 1) % t->hops_n); /* each in its turn, until one answers */
    return false;
}

uint32_t hops_bad(struct trunk *t)
{
    for (uint32_t i = 1; i <= t->hops_n; i++) {
        uint32_t hop = (t->asked + i) % t->hops_n;

        if (!t->hops[hop].bad || hop == t->hop)
            continue;
        t->asked = hop;
        return hop;
    }
    return t->hops_n;
}

bool hops_heard(struct trunk *t, const struct sip_addr *addr, bool watching)
{
    uint32_t heard = t->hops_n;

    for (uint32_t i = 0; i < t->hops_n; i++) {
        if (!sip_addr_same_host(&t->hops[i].addr, addr) ||
            (heard < t->hops_n && t->hops[i].addr.port != addr->port))
            continue;
        heard = i;
    }
    if (heard == t->hops_n)
        return t->hops_n <= 1; /* from another address of a trunk that has one */
    t->hops[heard].bad = false;
    if (heard != t->hop && (!watching || t->hops[heard].priority < t->hops[t->hop].priority))
        watch(t, heard);
    return heard == t->hop;
}

void hops_put_uri(struct sip_buf *b, const struct trunk *t, const struct sip_addr *addr)
{
    if (t->host[0] == '\0') {
        sip_addr_put_uri(b, addr);
        return;
    }
    sip_put_text(b, t->host); /* RFC 3263 4: the name stays in the Request-URI */
    if (t->port != 0) {
        sip_put_text(b, ":");
        sip_put_number(b, t->port);
    }
    if (t->transport != SIP_UDP)
        sip_put_text(b, t->transport == SIP_TCP ? ";transport=tcp" : ";transport=tls");
}
