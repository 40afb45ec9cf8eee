#include "common/bootstrap.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/ip.h"

/* ---- the file as written ---------------------------------------------------------------- */

struct raw_host {
    char name[BOOTSTRAP_NAME_SIZE];
    char address[CONF_ADDRESS_SIZE];
};

struct raw_site {
    char name[BOOTSTRAP_NAME_SIZE];
    uint32_t id;
    char site_address[CONF_ADDRESS_SIZE];
    int address_mode;
    char interface[16];
    uint32_t prefix_length;
    char witness[BOOTSTRAP_NAME_SIZE];
    int last_resort;
    uint32_t host_count;
    struct raw_host hosts[BOOTSTRAP_SITE_HOSTS_MAX];
};

struct raw {
    char cluster[BOOTSTRAP_NAME_SIZE];
    char self[BOOTSTRAP_NAME_SIZE];
    char data_dir[BOOTSTRAP_PATH_SIZE];
    char run_dir[BOOTSTRAP_PATH_SIZE];
    char keys_dir[BOOTSTRAP_PATH_SIZE];
    char witness[BOOTSTRAP_NAME_SIZE];
    struct bootstrap_ports ports;
    struct bootstrap_sip_tls sip_tls;
    struct bootstrap_timeouts timeouts;
    struct raw_host arbiter; /* address "" when there is none */
    uint32_t site_count;
    struct raw_site sites[BOOTSTRAP_SITES_MAX];
};

#define HOST_NAME_BYTES "a-zA-Z0-9._-"
#define SITE_NAME_BYTES "a-z0-9-"

/* clang-format off */
static const struct conf_field port_fields[] = {
#define PORT(text, member, value, sentence) \
    {.name = text, .type = CONF_PORT, .fallback = value, CONF_AT(struct bootstrap_ports, member), .doc = sentence}
    PORT("sip",        sip,        "5060", "SIP over UDP and TCP, on the site address."),
    PORT("sip-tls",    sip_tls,    "5061", "SIP over TLS, on the site address; with sip-tls only."),
    PORT("agent-http", agent_http, "8080", "The agents' web page, on the host's address."),
    PORT("stats-http", stats_http, "9090", "Status page and /metrics, on the host's address."),
    PORT("lease",      lease,      "7701", "Votes, beats and evidence between hosts."),
    PORT("log",        log,        "7702", "Copies of the configuration between hosts."),
    PORT("stats",      stats,      "7703", "Statistics between hosts."),
#undef PORT
    {0}
};

static const struct conf_field sip_tls_fields[] = {
    {.name = "certificate", .type = CONF_TEXT, .required = true, CONF_AT(struct bootstrap_sip_tls, certificate),
     .doc = "The site's certificate and those that vouch for it (PEM); %h stands for the host's name."},
    {.name = "key", .type = CONF_TEXT, .required = true, CONF_AT(struct bootstrap_sip_tls, key),
     .doc = "Its private key (PEM, without a passphrase)."},
    {.name = "ca", .type = CONF_TEXT, CONF_AT(struct bootstrap_sip_tls, ca),
     .doc = "Who vouches for gateways and servers that we connect to; when left out, whom this system trusts."},
    {.name = "check-interval", .type = CONF_DURATION, .min = 100, .max = 3600000, .fallback = "5s",
     CONF_AT(struct bootstrap_sip_tls, check_interval),
     .doc = "How often it is seen whether the files have changed; SIGHUP to sipserver does so at once."},
    {0}
};

static const struct conf_field timeout_fields[] = {
#define TIME(text, member, least, most, value, sentence) \
    {.name = text, .type = CONF_DURATION, .min = least, .max = most, .fallback = value, \
     CONF_AT(struct bootstrap_timeouts, member), .doc = sentence}
#define COUNT(text, member, least, most, value, sentence) \
    {.name = text, .type = CONF_UINT, .min = least, .max = most, .fallback = value, \
     CONF_AT(struct bootstrap_timeouts, member), .doc = sentence}
    TIME ("lease-ttl",       lease_ttl,       200, 60000, "1s",    "A right to be primary runs out this long after it was asked for."),
    TIME ("renew-interval",  renew_interval,  20,  20000, "250ms", "How often the holder asks for its right again."),
    COUNT("drift-ppm",       drift_ppm,       0,   10000, "500",   "By how many millionths a host's clock may run fast or slow."),
    TIME ("drift-margin",    drift_margin,    1,   5000,  "20ms",  "What the holder takes off its right besides, for timers that fire late."),
    TIME ("beat-interval",   beat_interval,   20,  10000, "250ms", "How often hosts and the arbiter tell one another that they live."),
    TIME ("silent-after",    silent_after,    100, 60000, "1s",    "A host not heard from for this long is silent."),
    TIME ("site-dead-after", site_dead_after, 200, 300000, "3s",   "A site silent this long, for the arbiter too, is dead."),
    TIME ("peer-silent",     peer_silent,     100, 60000, "3s",    "A connected process not heard from for this long is gone."),
    TIME ("component-beat-interval", component_beat_interval, 20, 10000, "200ms", "How often a process reports to the hamgr of its host."),
    TIME ("component-beat-limit", component_beat_limit, 100, 60000, "2s", "A process that has not reported for this long is hung: its work path stands still."),
    TIME ("component-start-limit", component_start_limit, 500, 300000, "10s", "A process must be ready this long after its start."),
    TIME ("restart-delay",   restart_delay,   10,  60000, "100ms", "The wait before a process that ended is started again; doubles with each failure."),
    TIME ("restart-delay-most", restart_delay_most, 10, 600000, "5s", "The longest wait before a restart."),
    TIME ("restart-patience", restart_patience, 0, 600000, "1s",   "A process may be away for this long before its host counts as bad."),
    COUNT("start-limit",     start_limit,     1,   8,     "5",     "So many failures of a process within start-limit-interval are a crash loop."),
    TIME ("start-limit-interval", start_limit_interval, 1000, 3600000, "1min", "That interval; a crash loop is left alone for as long."),
    TIME ("stop-grace",      stop_grace,      0,   300000, "2s",   "A process asked to stop is killed after this."),
    TIME ("ticket-ttl",      ticket_ttl,      100, 120000, "3s",   "The right to write the configuration runs out this long after it was asked for."),
    TIME ("ticket-renew",    ticket_renew,    20,  40000, "500ms", "How often its holder asks for it again."),
    TIME ("promote-window",  promote_window,  100, 600000, "15s",  "How long a site promote of the operator goes on trying."),
    TIME ("ask-timeout",     ask_timeout,     20,  10000, "300ms", "How long a candidate waits for the voters' answers."),
    TIME ("candidate-backoff", candidate_backoff, 5, 5000, "60ms", "A candidate waits up to this long before it asks; the host that is not preferred three times as long."),
    TIME ("tilt-after",      tilt_after,      50,  60000, "600ms", "A longer gap between two steps of hamgr is a jump of the clock or a freeze."),
    TIME ("tilt-hold",       tilt_hold,       0,   600000, "1s",   "So long after one, no new right is taken."),
    TIME ("address-retry",   address_retry,   50,  60000, "500ms", "The wait before a failed change of the site address is tried again."),
    TIME ("anti-flap-window", anti_flap_window, 1000, 3600000, "10min", "The span in which automatic moves between two live hosts are counted."),
    COUNT("anti-flap-moves", anti_flap_moves, 1,   8,   "2",     "So many automatic moves in that window, then the operator must acknowledge."),
#undef TIME
#undef COUNT
    {0}
};

static const struct conf_field host_fields[] = {
    {.name = "name", .type = CONF_TEXT, .required = true, .choices = HOST_NAME_BYTES, .min = 1,
     CONF_AT(struct raw_host, name), .doc = "The host's name, unique in the cluster."},
    {.name = "address", .type = CONF_ADDRESS, .required = true, CONF_AT(struct raw_host, address),
     .doc = "The host's own address."},
    {0}
};

static const struct conf_field arbiter_fields[] = {
    {.name = "name", .type = CONF_TEXT, .fallback = "arbiter", .choices = HOST_NAME_BYTES, .min = 1,
     CONF_AT(struct raw_host, name), .doc = "The arbiter's name."},
    {.name = "address", .type = CONF_ADDRESS, .required = true, CONF_AT(struct raw_host, address),
     .doc = "The arbiter's address."},
    {0}
};

static const struct conf_field site_fields[] = {
    {.name = "name", .type = CONF_TEXT, .required = true, .choices = SITE_NAME_BYTES, .min = 1,
     CONF_AT(struct raw_site, name), .doc = "The site's name, unique in the cluster."},
    {.name = "id", .type = CONF_UINT, .required = true, .min = 1, .max = 255,
     CONF_AT(struct raw_site, id), .doc = "The site's number, which never changes; the lower one wins a tie."},
    {.name = "site-address", .type = CONF_ADDRESS, .required = true, CONF_AT(struct raw_site, site_address),
     .doc = "The address that phones and gateways use; the primary host has it."},
    {.name = "address-mode", .type = CONF_ENUM, .choices = "loopback interface", .fallback = "interface",
     CONF_AT(struct raw_site, address_mode),
     .doc = "loopback: all hosts are on one machine and the address is there already; interface: the primary adds it."},
    {.name = "interface", .type = CONF_TEXT, CONF_AT(struct raw_site, interface),
     .doc = "The network interface that carries the site address (address-mode interface)."},
    {.name = "prefix-length", .type = CONF_UINT, .min = 1, .max = 128, CONF_AT(struct raw_site, prefix_length),
     .doc = "Prefix length of the site address; when left out, the address alone (32 or 128)."},
    {.name = "witness", .type = CONF_TEXT, .choices = HOST_NAME_BYTES, CONF_AT(struct raw_site, witness),
     .doc = "The third voice of this site's pair: the arbiter or a host of the other site; when left out, the cluster's."},
    {.name = "last-resort", .type = CONF_ENUM, .choices = "stop probe", .fallback = "stop",
     CONF_AT(struct raw_site, last_resort),
     .doc = "What a host does that reaches neither its pair nor the witness: stop, or probe and then serve."},
    {.name = "hosts", .type = CONF_OBJECTS, .required = true, .min = 1, .fields = host_fields,
     CONF_LIST_AT(struct raw_site, hosts, host_count), .doc = "The hosts of the site, one pair."},
    {0}
};

static const struct conf_field root_fields[] = {
    {.name = "cluster", .type = CONF_TEXT, .required = true, .choices = SITE_NAME_BYTES, .min = 1,
     CONF_AT(struct raw, cluster), .doc = "The name of the deployment; messages of another one are refused."},
    {.name = "self", .type = CONF_TEXT, .choices = HOST_NAME_BYTES, CONF_AT(struct raw, self),
     .doc = "Which of the hosts this one is; --self and $STANDFAST_SELF go before it."},
    {.name = "data-dir", .type = CONF_TEXT, .fallback = "/var/lib/standfast", CONF_AT(struct raw, data_dir),
     .doc = "Where the stores are; %h stands for the host's name."},
    {.name = "run-dir", .type = CONF_TEXT, .fallback = "/run/standfast", CONF_AT(struct raw, run_dir),
     .doc = "Where the sockets between the processes of a host are; %h stands for the host's name."},
    {.name = "keys-dir", .type = CONF_TEXT, CONF_AT(struct raw, keys_dir),
     .doc = "Where the host's key and the public keys of all hosts are; when left out, keys in data-dir."},
    {.name = "witness", .type = CONF_TEXT, .choices = HOST_NAME_BYTES, CONF_AT(struct raw, witness),
     .doc = "The third voice of every site that names none; when left out, the arbiter if there is one."},
    {.name = "ports", .type = CONF_OBJECT, .fields = port_fields, CONF_AT(struct raw, ports),
     .doc = "Ports, the same on every host."},
    {.name = "sip-tls", .type = CONF_OBJECT, .fields = sip_tls_fields, CONF_AT(struct raw, sip_tls),
     .doc = "SIP over TLS; when left out, it is not offered."},
    {.name = "timeouts", .type = CONF_OBJECT, .fields = timeout_fields, CONF_AT(struct raw, timeouts),
     .doc = "Every time that failure detection depends on, the same on every host."},
    {.name = "arbiter", .type = CONF_OBJECT, .fields = arbiter_fields, CONF_AT(struct raw, arbiter),
     .doc = "A process at a third place that votes and gives evidence."},
    {.name = "sites", .type = CONF_OBJECTS, .required = true, .min = 1, .fields = site_fields,
     CONF_LIST_AT(struct raw, sites, site_count), .doc = "The sites of this peer group."},
    {0}
};
/* clang-format on */

const struct conf_field *bootstrap_schema(void)
{
    return root_fields;
}

/* ---- what the schema cannot say --------------------------------------------------------- */

struct reading {
    const struct raw *raw;
    const struct conf_tree *tree;
    struct conf_errors *errors;
    struct bootstrap *out;
};

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

static bool has_arbiter(const struct raw *raw)
{
    return raw->arbiter.address[0] != '\0';
}

static void check_host_names(const struct reading *r)
{
    struct claim claims[CLAIMS_MAX];
    unsigned n = 0;

    for (unsigned s = 0; s < r->raw->site_count; s++) {
        for (unsigned h = 0; h < r->raw->sites[s].host_count; h++)
            claim(claims, &n, r->raw->sites[s].hosts[h].name, "sites[%u].hosts[%u].name", s, h);
    }
    if (has_arbiter(r->raw))
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

static void check_addresses(const struct reading *r)
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
    if (has_arbiter(r->raw))
        claim(claims, &n, r->raw->arbiter.address, "arbiter.address", 0, 0);
    refuse_twins(r, claims, n, "address");
    for (unsigned i = 0; i < n; i++)
        check_reach(r, &claims[i], i < hosts ? &claims[i] : &claims[hosts]);
}

static void check_site_names(const struct reading *r)
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

/* site_path - "sites[S].FIELD". */
static const char *site_path(char path[CONF_PATH_MAX], unsigned s, const char *field)
{
    snprintf(path, CONF_PATH_MAX, "sites[%u].%s", s, field);
    return path;
}

static bool is_ipv6(const char *address)
{
    return strchr(address, ':') != NULL;
}

static void check_site_address(const struct reading *r, unsigned s)
{
    const struct raw_site *site = &r->raw->sites[s];
    bool on_interface = site->address_mode == BOOTSTRAP_INTERFACE;
    char path[CONF_PATH_MAX];

    if (on_interface && site->interface[0] == '\0')
        conf_error_add(r->errors, r->tree, site_path(path, s, "interface"),
                       "is missing; name the interface for %s, or set address-mode: loopback",
                       site->site_address);
    if (!on_interface && site->interface[0] != '\0')
        conf_error_add(r->errors, r->tree, site_path(path, s, "interface"),
                       "means nothing with address-mode: loopback; remove it, or set address-mode: "
                       "interface");
    if (!on_interface && !is_ipv6(site->site_address) &&
        strncmp(site->site_address, "127.", 4) != 0)
        conf_error_add(
            r->errors, r->tree, site_path(path, s, "site-address"),
            "%s is not in 127.0.0.0/8, as address-mode: loopback wants; set address-mode: "
            "interface",
            site->site_address);
    if (!is_ipv6(site->site_address) && site->prefix_length > 32)
        conf_error_add(r->errors, r->tree, site_path(path, s, "prefix-length"),
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

/* check_timeouts - only what hamgr does not judge: the rules of roles and beats are those of its
 * core (hamgr/core/conf.c), which names file, line and field as well. */
static void check_timeouts(const struct reading *r)
{
    const struct bootstrap_timeouts *t = &r->raw->timeouts;

    check_order(r, "component-beat-limit", t->component_beat_limit, 2, "component-beat-interval",
                t->component_beat_interval);
}

static void check_ports(const struct reading *r)
{
    const struct bootstrap_ports *p = &r->raw->ports;
    const struct {
        const char *path;
        uint16_t port;
    } ports[] = {
        {"ports.sip", p->sip},         {"ports.agent-http", p->agent_http},
        {"ports.lease", p->lease},     {"ports.stats-http", p->stats_http},
        {"ports.log", p->log},         {"ports.stats", p->stats},
        {"ports.sip-tls", p->sip_tls},
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

/* ---- from the file to struct bootstrap --------------------------------------------------- */

static void copy_name(char *to, const char *from)
{
    memmove(to, from, strlen(from) + 1);
}

static void add_host(struct bootstrap *b, const struct raw_host *host, uint32_t site)
{
    struct bootstrap_host *to = &b->hosts[b->host_count++];

    assert(b->host_count <= BOOTSTRAP_HOSTS_MAX);
    copy_name(to->name, host->name);
    copy_name(to->address, host->address);
    to->site = site;
}

static void copy_sites(const struct raw *raw, struct bootstrap *b)
{
    for (uint32_t s = 0; s < raw->site_count; s++) {
        const struct raw_site *from = &raw->sites[s];
        struct bootstrap_site *to = &b->sites[b->site_count++];
        copy_name(to->name, from->name);
        to->id = from->id;
        copy_name(to->site_address, from->site_address);
        to->address_mode = from->address_mode;
        copy_name(to->interface, from->interface);
        to->prefix_length = from->prefix_length != 0      ? from->prefix_length
                            : is_ipv6(from->site_address) ? 128
                                                          : 32;
        to->last_resort = from->last_resort;
        for (uint32_t h = 0; h < from->host_count; h++) {
            to->hosts[to->host_count++] = b->host_count;
            add_host(b, &from->hosts[h], s);
        }
    }
    b->arbiter = BOOTSTRAP_NONE;
    if (has_arbiter(raw)) {
        b->arbiter = b->host_count;
        add_host(b, &raw->arbiter, BOOTSTRAP_NONE);
    }
}

/* host_names - "east.1, east.2 ..." for a message. */
static void host_names(const struct bootstrap *b, char *text, size_t size)
{
    size_t n = 0;

    text[0] = '\0';
    for (uint32_t h = 0; h < b->host_count && n < size; h++)
        n += (size_t)snprintf(text + n, size - n, "%s%s", h > 0 ? ", " : "", b->hosts[h].name);
}

static void settle_witness(const struct reading *r, unsigned s)
{
    struct bootstrap_site *site = &r->out->sites[s];
    bool own = r->raw->sites[s].witness[0] != '\0';
    const char *name = own ? r->raw->sites[s].witness : r->raw->witness;
    char path[CONF_PATH_MAX] = "witness", names[200];
    uint32_t host;

    if (own)
        site_path(path, s, "witness");
    if (name[0] == '\0') {
        if (r->out->arbiter != BOOTSTRAP_NONE)
            copy_name(site->witness, r->out->hosts[r->out->arbiter].name);
        return;
    }
    host = bootstrap_host(r->out, name);
    host_names(r->out, names, sizeof names);
    if (host == BOOTSTRAP_NONE)
        conf_error_add(r->errors, r->tree, path, "'%s' is no host of this file; write one of %s",
                       name, names);
    else if (r->out->hosts[host].site == s)
        conf_error_add(r->errors, r->tree, path,
                       "'%s' is a host of site %s itself and cannot be its third voice; name the "
                       "arbiter or a host of the other site",
                       name, site->name);
    else
        copy_name(site->witness, name);
}

static void settle_self(const struct reading *r, const char *given)
{
    const char *environment = getenv("STANDFAST_SELF");
    const char *from = "--self", *name = given;
    char names[200];

    if (name == NULL && environment != NULL && environment[0] != '\0') {
        name = environment;
        from = "$STANDFAST_SELF";
    }
    if (name == NULL && r->raw->self[0] != '\0') {
        name = r->raw->self;
        from = "it";
    }
    host_names(r->out, names, sizeof names);
    r->out->self = name != NULL ? bootstrap_host(r->out, name) : BOOTSTRAP_NONE;
    if (name == NULL)
        conf_error_add(r->errors, r->tree, "self",
                       "is missing; add it, give --self NAME or set $STANDFAST_SELF: one of %s",
                       names);
    else if (r->out->self == BOOTSTRAP_NONE)
        conf_error_add(r->errors, r->tree, "self",
                       "%s says '%s', which is no host of this file; use one of %s", from, name,
                       names);
}

/* settle_folder - WRITTEN with %h replaced, absolute, at most MOST bytes. */
static void settle_folder(const struct reading *r, const char *field, const char *written,
                          size_t most, char to[BOOTSTRAP_PATH_SIZE])
{
    const char *host = r->out->hosts[r->out->self].name;
    char path[2 * BOOTSTRAP_PATH_SIZE + BOOTSTRAP_NAME_SIZE] = "";
    size_t n = 0;

    if (written[0] != '/') {
        conf_error_add(r->errors, r->tree, field, "'%s' is not an absolute path; begin it with '/'",
                       written);
        return;
    }
    for (const char *p = written; *p != '\0' && n < BOOTSTRAP_PATH_SIZE; p++) {
        if (p[0] == '%' && p[1] == 'h') {
            n += (size_t)snprintf(path + n, sizeof path - n, "%s", host);
            p++;
        } else if (p[0] == '%') {
            conf_error_add(r->errors, r->tree, field,
                           "'%s' has a %% in it that is not %%h; write %%h for the host's name",
                           written);
            return;
        } else {
            path[n++] = *p;
        }
    }
    path[n] = '\0';
    if (n > most)
        conf_error_add(r->errors, r->tree, field, "'%s' has %zu bytes, %zu is the most; shorten it",
                       path, n, most);
    else
        copy_name(to, path);
}

static void settle_folders(const struct reading *r)
{
    char keys[BOOTSTRAP_PATH_SIZE + 8];

    if (r->out->self == BOOTSTRAP_NONE)
        return; /* already an error, and %h means nothing */
    settle_folder(r, "data-dir", r->raw->data_dir, BOOTSTRAP_PATH_SIZE - 32, r->out->data_dir);
    settle_folder(r, "run-dir", r->raw->run_dir, BOOTSTRAP_RUN_DIR_MAX, r->out->run_dir);
    copy_name(keys, r->out->data_dir);
    strcat(keys, "/keys");
    settle_folder(r, "keys-dir", r->raw->keys_dir[0] != '\0' ? r->raw->keys_dir : keys,
                  BOOTSTRAP_PATH_SIZE - 1, r->out->keys_dir);
}

static void settle_sip_tls(const struct reading *r)
{
    const struct bootstrap_sip_tls *from = &r->raw->sip_tls;
    struct bootstrap_sip_tls *to = &r->out->sip_tls;

    to->check_interval = from->check_interval;
    if (from->certificate[0] == '\0' || r->out->self == BOOTSTRAP_NONE)
        return;
    settle_folder(r, "sip-tls.certificate", from->certificate, BOOTSTRAP_PATH_SIZE - 1,
                  to->certificate);
    settle_folder(r, "sip-tls.key", from->key, BOOTSTRAP_PATH_SIZE - 1, to->key);
    if (from->ca[0] != '\0')
        settle_folder(r, "sip-tls.ca", from->ca, BOOTSTRAP_PATH_SIZE - 1, to->ca);
}

int bootstrap_read(const char *path, const char *self, struct bootstrap *ret_bootstrap,
                   struct conf_errors *errors)
{
    struct raw raw;
    struct bootstrap b = {.host_count = 0};
    struct conf_tree *tree = NULL;
    struct reading r = {&raw, NULL, errors, &b};
    int result = conf_read(path, root_fields, &raw, sizeof raw, &tree, errors);

    if (result < 0)
        return result;
    r.tree = tree;
    snprintf(b.file, sizeof b.file, "%s", path);
    copy_name(b.cluster, raw.cluster);
    b.ports = raw.ports;
    b.timeouts = raw.timeouts;
    copy_sites(&raw, &b);

    check_site_names(&r);
    check_host_names(&r);
    check_addresses(&r);
    check_timeouts(&r);
    check_ports(&r);
    for (unsigned s = 0; s < raw.site_count; s++) {
        check_site_address(&r, s);
        settle_witness(&r, s);
    }
    settle_self(&r, self);
    settle_folders(&r);
    settle_sip_tls(&r);

    conf_tree_destroy(&tree);
    if (errors->total > 0)
        return -EINVAL;
    *ret_bootstrap = b;
    return 0;
}

/* ---- looking things up -------------------------------------------------------------------- */

uint32_t bootstrap_host(const struct bootstrap *b, const char *name)
{
    for (uint32_t h = 0; h < b->host_count; h++) {
        if (strcmp(b->hosts[h].name, name) == 0)
            return h;
    }
    return BOOTSTRAP_NONE;
}

const struct bootstrap_host *bootstrap_self(const struct bootstrap *b)
{
    assert(b->self < b->host_count);
    return &b->hosts[b->self];
}

const struct bootstrap_site *bootstrap_site_of(const struct bootstrap *b, uint32_t host)
{
    assert(host < b->host_count);
    return b->hosts[host].site == BOOTSTRAP_NONE ? NULL : &b->sites[b->hosts[host].site];
}

const struct bootstrap_site *bootstrap_self_site(const struct bootstrap *b)
{
    return bootstrap_site_of(b, b->self);
}

uint32_t bootstrap_pair_of(const struct bootstrap *b, uint32_t host)
{
    const struct bootstrap_site *site = bootstrap_site_of(b, host);

    for (uint32_t i = 0; site != NULL && i < site->host_count; i++) {
        if (site->hosts[i] != host)
            return site->hosts[i];
    }
    return BOOTSTRAP_NONE;
}

uint32_t bootstrap_site_by_id(const struct bootstrap *b, uint32_t id)
{
    for (uint32_t s = 0; s < b->site_count; s++) {
        if (b->sites[s].id == id)
            return s;
    }
    return BOOTSTRAP_NONE;
}

const struct bootstrap_site *bootstrap_other_site(const struct bootstrap *b, uint32_t site)
{
    for (uint32_t s = 0; s < b->site_count; s++) {
        if (s != site)
            return &b->sites[s];
    }
    return NULL;
}

bool bootstrap_is_arbiter(const struct bootstrap *b, uint32_t host)
{
    return b->arbiter != BOOTSTRAP_NONE && host == b->arbiter;
}

uint32_t bootstrap_witness_of(const struct bootstrap *b, uint32_t site)
{
    assert(site < b->site_count);
    return bootstrap_host(b, b->sites[site].witness);
}
