#include "sipserver/adapt/resolver.h"

#include <ares.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/list.h"
#include "common/log.h"
#include "sipserver/adapt/dns.h"

#define SOCKETS_MAX  16
#define TRIES        2
#define SIP_PORT     5060
#define SIP_TLS_PORT 5061
#define RECORDS_MAX  32

/* One address question of a search. */
struct target {
    char host[DNS_NAME_SIZE];
    uint16_t port, priority, weight;
};

/* One name of one trunk, and the search for it that is under way. */
struct name {
    struct list_link in_names;
    struct resolver *resolver;
    struct sc_resolve wanted;
    struct loop_timer *timer; /* the next search */
    unsigned waiting;         /* questions that are out */
    uint32_t ttl_s;           /* the least of this search */
    struct target targets[SC_HOPS_MAX];
    unsigned targets_n;
    struct sc_hop hops[SC_HOPS_MAX], last[SC_HOPS_MAX];
    char of[SC_HOPS_MAX][DNS_NAME_SIZE], last_of[SC_HOPS_MAX][DNS_NAME_SIZE]; /* their targets */
    uint32_t hops_n, last_n;
    uint32_t fresh; /* of the hops: found in this search */
    char fault[96];
    char lost[DNS_NAME_SIZE]; /* a target that could not be looked up in this search; "": none */
    bool told;                /* the core has an answer */
    bool failing;             /* and the last search found none */
    bool partial;             /* or not all */
    bool gone;                /* no longer wanted: given back with its last question */
};

struct watched {
    struct resolver *resolver;
    ares_socket_t fd;
    struct loop_io *io;
};

struct resolver {
    struct server *server;
    struct resolver_conf conf;
    ares_channel channel;
    bool open;
    struct loop_timer *timer; /* of the questions that are out */
    struct watched sockets[SOCKETS_MAX];
    struct list names;
};

/* A question carries which target it is for. */
struct question {
    struct name *name;
    struct target target;
    int type;
};

static void search(struct name *n);

void resolver_conf_default(struct resolver_conf *conf)
{
    *conf = (struct resolver_conf){.ttl_min_s = 30, .ttl_max_s = 3600, .timeout_ms = 2000};
}

/* ---- c-ares inside the loop ---- */

static void set_timer(struct resolver *r)
{
    struct timeval most = {3600, 0}, left;

    if (!r->open)
        return;
    if (ares_timeout(r->channel, NULL, &left) == NULL) {
        loop_timer_set(r->timer, MONO_NEVER);
        return;
    }
    (void)ares_timeout(r->channel, &most, &left);
    loop_timer_set(r->timer, mono_add_ms(loop_now(r->server->component->loop),
                                         left.tv_sec * 1000 + left.tv_usec / 1000 + 1));
}

static void on_socket(void *arg, uint32_t events)
{
    struct watched *w = arg;
    struct resolver *r = w->resolver;
    ares_socket_t fd = w->fd;

    ares_process_fd(r->channel,
                    (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 ? fd : ARES_SOCKET_BAD,
                    (events & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
    set_timer(r);
}

static void on_time(void *arg, mono_t now)
{
    struct resolver *r = arg;

    (void)now;
    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timer(r);
}

/* c-ares wants FD watched so; a socket beyond those that we have room for is left to its timeout.
 */
static void on_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct resolver *r = arg;
    uint32_t events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
    struct watched *w = NULL;

    for (unsigned i = 0; i < SOCKETS_MAX && w == NULL; i++)
        if (r->sockets[i].io != NULL && r->sockets[i].fd == fd)
            w = &r->sockets[i];
    if (w != NULL && events == 0) {
        loop_io_destroy(&w->io);
    } else if (w != NULL) {
        (void)loop_io_set_events(w->io, events);
    } else if (events != 0) {
        for (unsigned i = 0; i < SOCKETS_MAX && w == NULL; i++)
            if (r->sockets[i].io == NULL)
                w = &r->sockets[i];
        if (w == NULL)
            return;
        w->resolver = r;
        w->fd = fd;
        if (loop_io_new(r->server->component->loop, fd, events, LOOP_SIP, on_socket, w, &w->io) !=
            0)
            w->io = NULL;
    }
}

static int open_channel(struct resolver *r)
{
    struct ares_options o = {.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_STAYOPEN,
                             .timeout = (int)r->conf.timeout_ms,
                             .tries = TRIES,
                             .sock_state_cb = on_state,
                             .sock_state_cb_data = r};
    int status = ares_init_options(&r->channel, &o,
                                   ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                       ARES_OPT_SOCK_STATE_CB);

    if (status == ARES_SUCCESS) {
        r->open = true;
        if (r->conf.servers[0] != '\0')
            status = ares_set_servers_ports_csv(r->channel, r->conf.servers);
    }
    if (status == ARES_SUCCESS)
        return 0;
    log_event(LEVEL_ERR, MSG_CONFIG, NULL,
              "dns-servers '%s' cannot be used: %s; names of trunks are not looked up",
              r->conf.servers, ares_strerror(status));
    return -EINVAL;
}

static void close_channel(struct resolver *r)
{
    if (!r->open)
        return;
    r->open = false;
    loop_timer_set(r->timer, MONO_NEVER); /* the next channel may fail to open */
    ares_destroy(r->channel);             /* ends every question that is out */
}

/* ---- one search ---- */

static void name_free(struct name *n)
{
    loop_timer_destroy(&n->timer);
    free(n);
}

static uint32_t bounded(const struct resolver_conf *c, uint32_t ttl_s)
{
    return ttl_s < c->ttl_min_s ? c->ttl_min_s : ttl_s > c->ttl_max_s ? c->ttl_max_s : ttl_s;
}

static void tell(struct name *n)
{
    server_step(n->resolver->server, &(struct sc_event){.kind = SC_EV_RESOLVED,
                                                        .name = n->wanted.dn,
                                                        .hops = n->hops,
                                                        .hops_n = n->hops_n});
}

static void found(struct name *n)
{
    bool partial = n->lost[0] != '\0';

    if (partial && !n->partial)
        log_event(LEVEL_WARNING, MSG_CONFIG, LOG_FIELDS(.object = n->wanted.dn),
                  "%s of %s is not found in DNS: %s; its last addresses, if any, stay in use",
                  n->lost, n->wanted.host, n->fault);
    n->partial = partial;
    if (!n->told || n->failing)
        log_event(LEVEL_INFO, MSG_CONFIG, LOG_FIELDS(.object = n->wanted.dn),
                  "%s is found in DNS: %u addresses", n->wanted.host, n->hops_n);
    n->told = true;
    n->failing = false;
    tell(n);
}

static void failed(struct name *n)
{
    if (!n->failing)
        log_event(LEVEL_WARNING, MSG_CONFIG, LOG_FIELDS(.object = n->wanted.dn),
                  "%s is not found in DNS: %s; %s", n->wanted.host, n->fault,
                  n->told ? "its last addresses stay in use"
                          : "its trunk is out of service until it is");
    n->failing = true;
    if (!n->told)
        tell(n);
}

/* A question of N is over; the last one ends the search. */
static void over(struct name *n)
{
    struct resolver *r = n->resolver;
    uint64_t wait_ms;

    if (--n->waiting > 0)
        return;
    if (n->gone) {
        name_free(n);
        return;
    }
    if (!r->open)
        return; /* the channel is being closed: it is asked anew with the next one */
    wait_ms = n->fresh > 0 && n->lost[0] == '\0' ? (uint64_t)bounded(&r->conf, n->ttl_s) * 800
                                                 : (uint64_t)r->conf.ttl_min_s * 1000;
    loop_timer_set(n->timer, mono_add_ms(loop_now(r->server->component->loop), (int64_t)wait_ms));
    if (n->fresh > 0)
        found(n);
    else
        failed(n);
}

/* room - for an address of PRIORITY: beyond those that a trunk can have, in the place of the last
 * one that is worse (RFC 2782: the lowest number first); NULL: none is. */
static struct sc_hop *room(struct name *n, uint16_t priority)
{
    struct sc_hop *worst = &n->hops[0];

    if (n->hops_n < SC_HOPS_MAX)
        return &n->hops[n->hops_n++];
    for (uint32_t i = 1; i < n->hops_n; i++)
        if (n->hops[i].priority >= worst->priority)
            worst = &n->hops[i];
    return worst->priority > priority ? worst : NULL;
}

static void add_hop(struct name *n, const struct target *t, const struct sip_addr *addr)
{
    struct sc_hop *h = room(n, t->priority);

    if (h == NULL)
        return;
    *h = (struct sc_hop){.addr = *addr, .priority = t->priority, .weight = t->weight};
    snprintf(n->of[h - n->hops], sizeof(n->of[0]), "%s", t->host);
}

static struct sip_addr address_of(const struct name *n, const struct target *t, int type,
                                  const struct dns_record *rec)
{
    struct sip_addr a = {.family = type == DNS_A ? SIP_IPV4 : SIP_IPV6,
                         .transport = n->wanted.transport,
                         .port = t->port};

    memcpy(a.ip, rec->ip, type == DNS_A ? 4 : 16);
    return a;
}

/* T could not be looked up now, as opposed to: it has no address.  What was known of it stays, as
 * when nothing can be looked up. */
static void keep_last(struct name *n, const struct target *t)
{
    snprintf(n->lost, sizeof(n->lost), "%s", t->host);
    for (uint32_t i = 0; i < n->last_n; i++)
        if (strcmp(n->last_of[i], t->host) == 0 && n->last[i].addr.port == t->port)
            add_hop(n, t, &n->last[i].addr);
}

static void took(struct name *n, uint32_t ttl_s)
{
    if (ttl_s < n->ttl_s)
        n->ttl_s = ttl_s;
}

static void on_address(void *arg, int status, int timeouts, unsigned char *message, int length)
{
    struct question *q = arg;
    struct dns_record records[RECORDS_MAX];
    int got = 0;

    (void)timeouts;
    if (status == ARES_SUCCESS)
        got = dns_read(message, (size_t)length, q->type, records, RECORDS_MAX);
    else if (status != ARES_ENODATA)
        snprintf(q->name->fault, sizeof(q->name->fault), "%s", ares_strerror(status));
    if (got < 0 || (status != ARES_SUCCESS && status != ARES_ENODATA && status != ARES_ENOTFOUND))
        keep_last(q->name, &q->target);
    for (int i = 0; i < got; i++) {
        struct sip_addr addr = address_of(q->name, &q->target, q->type, &records[i]);

        add_hop(q->name, &q->target, &addr);
        q->name->fresh++;
        took(q->name, records[i].ttl_s);
    }
    over(q->name);
    free(q);
}

static void ask(struct name *n, const struct target *t, const char *host, int type,
                ares_callback callback)
{
    struct question *q = calloc(1, sizeof(*q));

    if (q == NULL)
        return;
    *q = (struct question){.name = n, .target = *t, .type = type};
    n->waiting++;
    ares_query(n->resolver->channel, host, 1, type, callback, q);
}

/* A site address of one family reaches no address of the other. */
static void ask_addresses(struct name *n, const struct target *t)
{
    bool six = n->resolver->server->conf.local.family == SIP_IPV6;

    ask(n, t, t->host, six ? DNS_AAAA : DNS_A, on_address);
}

static uint16_t default_port(const struct name *n)
{
    return n->wanted.transport == SIP_TLS ? SIP_TLS_PORT : SIP_PORT;
}

static void ask_plain(struct name *n)
{
    struct target t = {.port = n->wanted.port != 0 ? n->wanted.port : default_port(n)};

    snprintf(t.host, sizeof(t.host), "%s", n->wanted.host);
    ask_addresses(n, &t);
}

/* Keep the best of N records, as many as a trunk can have addresses.  Returns: how many. */
static int keep_best(struct dns_record *records, int n)
{
    for (int i = SC_HOPS_MAX; i < n; i++) {
        struct dns_record *worst = &records[0];

        for (int k = 1; k < SC_HOPS_MAX; k++)
            if (records[k].priority >= worst->priority)
                worst = &records[k];
        if (records[i].priority < worst->priority)
            *worst = records[i];
    }
    return n < SC_HOPS_MAX ? n : SC_HOPS_MAX;
}

/* RFC 3263 4.2: without SRV records the name itself is looked up. */
static void on_srv(void *arg, int status, int timeouts, unsigned char *message, int length)
{
    struct question *q = arg;
    struct name *n = q->name;
    struct dns_record records[RECORDS_MAX];
    int got = 0;

    (void)timeouts;
    if (status == ARES_SUCCESS)
        got = keep_best(records, dns_read(message, (size_t)length, DNS_SRV, records, RECORDS_MAX));
    else if (status != ARES_ENODATA && status != ARES_ENOTFOUND)
        snprintf(n->fault, sizeof(n->fault), "%s", ares_strerror(status));
    if (!n->gone && n->resolver->open) {
        for (int i = 0; i < got; i++) {
            struct target t = {.port = records[i].port,
                               .priority = records[i].priority,
                               .weight = records[i].weight};

            took(n, records[i].ttl_s);
            snprintf(t.host, sizeof(t.host), "%s", records[i].target);
            if (t.host[0] != '\0' && strcmp(t.host, ".") != 0)
                ask_addresses(n, &t);
        }
        if (got == 0 &&
            (status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND))
            ask_plain(n);
    }
    over(n);
    free(q);
}

static void search(struct name *n)
{
    static const char *const services[] = {
        [SIP_UDP] = "_sip._udp", [SIP_TCP] = "_sip._tcp", [SIP_TLS] = "_sips._tcp"};
    struct target none = {0};
    char service[SC_URI_SIZE + 16];

    if (n->waiting > 0 || !n->resolver->open)
        return;
    if (n->hops_n > 0) {
        memcpy(n->last, n->hops, sizeof(n->last));
        memcpy(n->last_of, n->of, sizeof(n->last_of));
        n->last_n = n->hops_n;
    }
    n->hops_n = n->fresh = 0;
    n->lost[0] = '\0';
    n->ttl_s = UINT32_MAX;
    snprintf(n->fault, sizeof(n->fault), "it has no address that this site can reach");
    n->waiting = 1; /* so that the search does not end before it is all out */
    if (n->wanted.port != 0) {
        ask_plain(n);
    } else {
        snprintf(service, sizeof(service), "%s.%s", services[n->wanted.transport], n->wanted.host);
        ask(n, &none, service, DNS_SRV, on_srv);
    }
    over(n);
    set_timer(n->resolver);
}

static void on_due(void *arg, mono_t now)
{
    (void)now;
    search(arg);
}

/* ---- what the core wants ---- */

static struct name *find(const struct resolver *r, const char *dn)
{
    LIST_EACH(link, &r->names)
    {
        struct name *n = CONTAINER_OF(link, struct name, in_names);

        if (strcmp(n->wanted.dn, dn) == 0)
            return n;
    }
    return NULL;
}

static void forget(struct name *n)
{
    list_remove(&n->in_names);
    n->gone = true;
    loop_timer_set(n->timer, MONO_NEVER);
    if (n->waiting == 0)
        name_free(n);
}

void resolver_want(struct resolver *r, const struct sc_resolve *wanted)
{
    struct name *n = find(r, wanted->dn);

    if (n != NULL)
        forget(n);
    if (!wanted->wanted)
        return;
    n = calloc(1, sizeof(*n));
    if (n == NULL ||
        loop_timer_new(r->server->component->loop, LOOP_SIP, on_due, n, &n->timer) != 0) {
        log_event(LEVEL_ERR, MSG_FAULT, LOG_FIELDS(.object = wanted->dn),
                  "no memory to look its name up");
        free(n);
        return;
    }
    n->resolver = r;
    n->wanted = *wanted;
    list_append(&r->names, &n->in_names);
    loop_timer_set(n->timer, loop_now(r->server->component->loop)); /* not within the core's step */
}

/* What is known while N is looked up anew counts, too. */
static bool has(const struct name *n, const struct sip_addr *addr)
{
    for (uint32_t i = 0; i < n->hops_n; i++)
        if (sip_addr_eq(&n->hops[i].addr, addr))
            return true;
    for (uint32_t i = 0; i < n->last_n; i++)
        if (sip_addr_eq(&n->last[i].addr, addr))
            return true;
    return false;
}

unsigned resolver_names(const struct resolver *r, const struct sip_addr *addr, const char *names[],
                        unsigned max)
{
    unsigned found = 0;

    LIST_EACH(link, &r->names)
    {
        const struct name *n = CONTAINER_OF(link, struct name, in_names);

        if (found < max && has(n, addr))
            names[found++] = n->wanted.host;
    }
    return found;
}

void resolver_configure(struct resolver *r, const struct resolver_conf *conf)
{
    if (r->open && memcmp(&r->conf, conf, sizeof(*conf)) == 0)
        return;
    close_channel(r);
    r->conf = *conf;
    if (open_channel(r) != 0)
        close_channel(r);
    LIST_EACH(link, &r->names)
    {
        struct name *n = CONTAINER_OF(link, struct name, in_names);

        loop_timer_set(n->timer, loop_now(r->server->component->loop));
    }
}

int resolver_new(struct server *server, struct resolver **ret_resolver)
{
    struct resolver *r = calloc(1, sizeof(*r));
    int error;

    if (r == NULL)
        return -ENOMEM;
    r->server = server;
    list_init(&r->names);
    resolver_conf_default(&r->conf);
    error = loop_timer_new(server->component->loop, LOOP_SIP, on_time, r, &r->timer);
    if (error == 0 && ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        error = -EIO;
    if (error != 0) {
        loop_timer_destroy(&r->timer);
        free(r);
        return error;
    }
    *ret_resolver = r;
    return 0;
}

void resolver_destroy(struct resolver **resolver)
{
    struct resolver *r = *resolver;
    struct list_link *link;

    if (r == NULL)
        return;
    close_channel(r);
    while ((link = list_pop(&r->names)) != NULL)
        name_free(CONTAINER_OF(link, struct name, in_names));
    loop_timer_destroy(&r->timer);
    ares_library_cleanup();
    free(r);
    *resolver = NULL;
}
