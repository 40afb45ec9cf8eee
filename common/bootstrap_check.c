/* What the schema of the bootstrap file cannot say: names, addresses, timeouts and ports against
 * one another. */
#include "common/bootstrap_inner.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/ip.h"

/* A name or an address and where in the file it stands. */
struct claim {
    const char *value;
    char path[CONF_PATH_MAX];
};

#define CLAIMS_MAX (BOOTSTRAP_HOSTS_MAX + BOOTSTRAP_SITES_MAX)

static void claim(struct claim *claims, unsigned *count, const char *value, const char *format,
                  unsigned site, unsigned host)
{
    struct claim *c = &claims[(*count)++];

    c->value = value;
    snprintf(c->path, sizeof c->path, format, site, host);
}

static void refuse_twins(const struct reading *r, const struct claim *claims, unsigned count,
                         const char *what)
{
    for (unsigned i = 1; i < count; i++) {
        for (unsigned j = 0; j < i; j++) {
            if (strcmp(claims[i].value, claims[j].value) != 0)
                continue;
            conf_error_add(r->errors, r->tree, claims[i].path,
                           "%s is also %s (line %u); give each its own %s", claims[i].value,
                           claims[j].path, conf_line(r->tree, claims[j].path), what);
            break;
        }
    }
}

bool bootstrap_has_arbiter(const struct raw *raw)
{
    return raw->arbiter.address[0] != '\0';
}

void bootstrap_check_host_names(const struct reading *r)
{
    struct claim claims[CLAIMS_MAX];
    unsigned n = 0;

    for (unsigned s = 0; s < r->raw->site_count; s++) {
        for (unsigned h = 0; h < r->raw->sites[s].host_count; h++)
            claim(claims, &n, r->raw->sites[s].hosts[h].name, "sites[%u].hosts[%u].name", s, h);
    }
    if (bootstrap_has_arbiter(r->raw))
        claim(claims, &n, r->raw->arbiter.name, "arbiter.name", 0, 0);
    refuse_twins(r, claims, n, "name");
    for (unsigned i = 0; i < n; i++) {
        if (claims[i].value[strspn(claims[i].value, ".")] == '\0')
            conf_error_add(r->errors, r->tree, claims[i].path,
                           "'%s' would be another folder where it names one (%%h); begin it with a "
                           "letter or digit",
                           claims[i].value);
    }
}

/* check_reach - can a single host have the address C?  That of a host must also be of the family of
 * FIRST, as hosts reach one another at these. */
static void check_reach(const struct reading *r, const struct claim *c, const struct claim *first)
{
    const char *fault = ip_fault(c->value);

    if (fault != NULL)
        conf_error_add(r->errors, r->tree, c->path, "%s %s; write the address of one host",
                       c->value, fault);
    else if (ip_is_v6(c->value) != ip_is_v6(first->value))
        conf_error_add(r->errors, r->tree, c->path,
                       "%s is not of the family of %s (%s); give every host an IPv4 address, or "
                       "every one an IPv6 address",
                       c->value, first->path, first->value);
}

void bootstrap_check_addresses(const struct reading *r)
{
    struct claim claims[CLAIMS_MAX];
    unsigned n = 0, hosts;

    for (unsigned s = 0; s < r->raw->site_count; s++)
        claim(claims, &n, r->raw->sites[s].site_address, "sites[%u].site-address", s, 0);
    hosts = n;
    for (unsigned s = 0; s < r->raw->site_count; s++) {
        for (unsigned h = 0; h < r->raw->sites[s].host_count; h++)
            claim(claims, &n, r->raw->sites[s].hosts[h].address, "sites[%u].hosts[%u].address", s,
                  h);
    }
    if (bootstrap_has_arbiter(r->raw))
        claim(claims, &n, r->raw->arbiter.address, "arbiter.address", 0, 0);
    refuse_twins(r, claims, n, "address");
    for (unsigned i = 0; i < n; i++)
        check_reach(r, &claims[i], i < hosts ? &claims[i] : &claims[hosts]);
}

void bootstrap_check_site_names(const struct reading *r)
{
    struct claim names[CLAIMS_MAX], ids[CLAIMS_MAX];
    char numbers[BOOTSTRAP_SITES_MAX][12];
    unsigned n = 0, m = 0;

    for (unsigned s = 0; s < r->raw->site_count; s++) {
        snprintf(numbers[s], sizeof numbers[s], "%u", r->raw->sites[s].id);
        claim(names, &n, r->raw->sites[s].name, "sites[%u].name", s, 0);
        claim(ids, &m, numbers[s], "sites[%u].id", s, 0);
    }
    refuse_twins(r, names, n, "name");
    refuse_twins(r, ids, m, "id");
}

/* bootstrap_site_path - "sites[S].FIELD". */
const char *bootstrap_site_path(char path[CONF_PATH_MAX], unsigned s, const char *field)
{
    snprintf(path, CONF_PATH_MAX, "sites[%u].%s", s, field);
    return path;
}

bool bootstrap_is_ipv6(const char *address)
{
    return strchr(address, ':') != NULL;
}

void bootstrap_check_references(const struct reading *r, unsigned s)
{
    const struct raw_site *site = &r->raw->sites[s];
    unsigned char bytes[16];
    char path[CONF_PATH_MAX];

    for (uint32_t i = 0; i < site->reference_count; i++) {
        const char *address = site->references[i];
        if (inet_pton(AF_INET, address, bytes) != 1 && inet_pton(AF_INET6, address, bytes) != 1)
            conf_error_add(r->errors, r->tree, bootstrap_site_path(path, s, "reference-addresses"),
                           "'%s' is no IPv4 or IPv6 address; write addresses, not names", address);
        else if (strcmp(address, site->site_address) == 0)
            conf_error_add(r->errors, r->tree, bootstrap_site_path(path, s, "reference-addresses"),
                           "%s is the site address, which moves; name what stays, such as the "
                           "default gateway",
                           address);
    }
}

void bootstrap_check_site_address(const struct reading *r, unsigned s)
{
    const struct raw_site *site = &r->raw->sites[s];
    bool on_interface = site->address_mode == BOOTSTRAP_INTERFACE;
    char path[CONF_PATH_MAX];

    if (on_interface && site->interface[0] == '\0')
        conf_error_add(r->errors, r->tree, bootstrap_site_path(path, s, "interface"),
                       "is missing; name the interface for %s, or set address-mode: loopback",
                       site->site_address);
    if (!on_interface && site->interface[0] != '\0')
        conf_error_add(r->errors, r->tree, bootstrap_site_path(path, s, "interface"),
                       "means nothing with address-mode: loopback; remove it, or set address-mode: "
                       "interface");
    if (!on_interface && site->fence == BOOTSTRAP_FENCE_ON)
        conf_error_add(r->errors, r->tree, bootstrap_site_path(path, s, "fence"),
                       "on cannot be with address-mode: loopback; remove it, or set address-mode: "
                       "interface");
    if (!on_interface && !bootstrap_is_ipv6(site->site_address) &&
        strncmp(site->site_address, "127.", 4) != 0)
        conf_error_add(
            r->errors, r->tree, bootstrap_site_path(path, s, "site-address"),
            "%s is not in 127.0.0.0/8, as address-mode: loopback wants; set address-mode: "
            "interface",
            site->site_address);
    if (!bootstrap_is_ipv6(site->site_address) && site->prefix_length > 32)
        conf_error_add(r->errors, r->tree, bootstrap_site_path(path, s, "prefix-length"),
                       "%u is too large for an IPv4 address; write 1..32", site->prefix_length);
}

static void check_order(const struct reading *r, const char *field, uint32_t value, unsigned factor,
                        const char *other, uint32_t limit)
{
    char path[CONF_PATH_MAX], a[32], b[32];

    if ((uint64_t)value >= (uint64_t)factor * limit)
        return;
    conf_duration_text(value, a, sizeof a);
    conf_duration_text(limit, b, sizeof b);
    snprintf(path, sizeof path, "timeouts.%s", field);
    conf_error_add(r->errors, r->tree, path,
                   "%s is shorter than %u times %s (%s); lengthen it, or shorten %s", a, factor,
                   other, b, other);
}

/* bootstrap_check_timeouts - only what hamgr does not judge: the rules of roles and beats are those
 * of its core (hamgr/core/conf.c), which names file, line and field as well. */
void bootstrap_check_timeouts(const struct reading *r)
{
    const struct bootstrap_timeouts *t = &r->raw->timeouts;

    check_order(r, "component-beat-limit", t->component_beat_limit, 2, "component-beat-interval",
                t->component_beat_interval);
}

void bootstrap_check_ports(const struct reading *r)
{
    const struct bootstrap_ports *p = &r->raw->ports;
    const struct {
        const char *path;
        uint16_t port;
    } ports[] = {
        {"ports.sip", p->sip},         {"ports.agent-http", p->agent_http},
        {"ports.lease", p->lease},     {"ports.stats-http", p->stats_http},
        {"ports.log", p->log},         {"ports.stats", p->stats},
        {"ports.replica", p->replica}, {"ports.sip-tls", p->sip_tls},
    };
    bool tls = r->raw->sip_tls.certificate[0] != '\0';
    unsigned n = sizeof ports / sizeof ports[0] - (tls ? 0 : 1); /* unused without TLS */

    for (unsigned i = 1; i < n; i++) {
        for (unsigned j = 0; j < i; j++) {
            if (ports[i].port == ports[j].port)
                conf_error_add(r->errors, r->tree, ports[i].path,
                               "%u is the port of %s too; give each its own", ports[i].port,
                               ports[j].path);
        }
    }
}
