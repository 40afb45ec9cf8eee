#include "sipserver/adapt/server.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/keys.h"
#include "common/log.h"
#include "sipserver/adapt/agents.h"
#include "sipserver/adapt/calls.h"
#include "sipserver/adapt/conf.h"
#include "sipserver/adapt/events.h"
#include "sipserver/adapt/note.h"
#include "sipserver/adapt/output.h"
#include "sipserver/adapt/records.h"
#include "sipserver/adapt/replica.h"
#include "sipserver/adapt/resolver.h"
#include "sipserver/adapt/stream.h"
#include "sipserver/adapt/udp.h"

#define OUT_ACTIONS   1024
#define OUT_DATAGRAMS 512
#define OUT_BYTES     (4 << 20)
#define SLEPT_MS      1  /* between two turns: nothing was waiting */
#define GRID_MS       10 /* of timers, whose shortest is sip-t1 */
#define TURN_ORDER    10 /* after the events of the turn, before the beat */

/* ---- memory ---- */

static int make_out(struct sc_out *out)
{
    struct sip_dgram *items = calloc(OUT_DATAGRAMS, sizeof(*items));
    char *arena = malloc(OUT_BYTES);

    out->actions = calloc(OUT_ACTIONS, sizeof(*out->actions));
    out->max = OUT_ACTIONS;
    if (items == NULL || arena == NULL || out->actions == NULL) {
        free(items);
        free(arena);
        free(out->actions);
        return -ENOMEM;
    }
    sip_out_init(&out->sip, items, OUT_DATAGRAMS, arena, OUT_BYTES);
    return 0;
}

int server_core(struct server *server, const struct sc_maxima *maxima, uint32_t t1_ms)
{
    uint64_t seed;
    size_t size;
    void *memory;

    server->conf.maxima = *maxima;
    server->conf.t1_ms = t1_ms;
    size = sc_size(&server->conf);
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                  -1, 0);
    if (memory == MAP_FAILED || RAND_bytes((unsigned char *)&seed, sizeof(seed)) != 1) {
        log_event(LEVEL_ERR, MSG_FAULT, NULL,
                  "no memory for the tables: %zu MB; lower calls-max, registrations-max, "
                  "transactions-max or dns-max",
                  size >> 20);
        return -ENOMEM;
    }
    if (server->memory != NULL)
        munmap(server->memory, server->memory_size);
    server->memory = memory;
    server->memory_size = size;
    log_event(LEVEL_INFO, MSG_CONFIG, NULL, "the tables take %zu bytes at most", size);
    server->core = sc_init(memory, &server->conf, seed, loop_now(server->component->loop));
    server->primary = false;
    replica_reset(server->replica);
    if (server->component->role.primary)
        server_role(server->component);
    return 0;
}

/* ---- the turn ---- */

void server_transmit(struct server *server)
{
    log_release();
    output_transmit(server->output);
}

static void perform(struct server *server)
{
    struct sc_out *out = &server->out;

    for (unsigned i = 0; i < out->n; i++) {
        const struct sc_action *a = &out->actions[i];

        switch (a->kind) {
        case SC_ACT_AGENT_REPLY: output_reply(server->output, &a->reply); break;
        case SC_ACT_AGENT_EVENT:
            output_event(server->output, &a->agent);
            events_agent(server->events, &a->agent);
            break;
        case SC_ACT_QUEUE: events_queue(server->events, &a->queue); break;
        case SC_ACT_CALL:
            events_call(server->events, &a->call);
            note_call(&a->call);
            break;
        case SC_ACT_DN: events_dn(server->events, &a->dn); break;
        case SC_ACT_MODE: events_server(server->events); break;
        case SC_ACT_RECORD: output_record(server->output, &a->record); break;
        case SC_ACT_RESOLVE: resolver_want(server->resolver, &a->resolve); break;
        case SC_ACT_NOTE: note(&a->note, server->component->role.epoch); break;
        }
    }
    out->n = 0;
}

void server_step(struct server *server, const struct sc_event *event)
{
    const struct sip_out *out = &server->out.sip;
    bool done;

    do {
        if (out->n > OUT_DATAGRAMS / 2 || out->used > OUT_BYTES / 2)
            server_transmit(server);
        done = sc_step(server->core, loop_now(server->component->loop), event, &server->out);
        perform(server);
        if (!done) /* no room: the step goes on when there is */
            server_transmit(server);
    } while (!done);
}

static void on_timer(void *arg, mono_t now)
{
    struct server *server = arg;

    (void)now;
    server_step(server, &(struct sc_event){.kind = SC_EV_TICK});
}

/* Deadlines of thousands of transactions fall due one by one.  They are served on a grid: a timer
 * of SIP is later by up to GRID_MS, and the process wakes up at most so often for them. */
static mono_t wake_at(mono_t deadline, mono_t now)
{
    if (mono_is_never(deadline) || mono_due(deadline, now))
        return deadline;
    return mono_grid(deadline, GRID_MS);
}

static void on_turn_end(void *arg, mono_t now)
{
    struct server *server = arg;

    server_transmit(server);
    replica_gathered(server->replica, now);
    udp_report_unsent(server->udp);
    server_transmit(server);
    stream_turn_end(server->stream);
    replica_turn_end(server->replica, now);
    records_flush(server->records);
    loop_timer_set(server->timer, wake_at(sc_deadline(server->core), now));
    server->turn_end = loop_now_exact();
    server->turn_ms = mono_diff_ms(server->turn_end, now);
}

uint32_t server_late_ms(const struct server *server)
{
    mono_t began = loop_now(server->component->loop);
    int64_t late = mono_diff_ms(loop_now_exact(), began);

    if (mono_diff_ms(began, server->turn_end) < SLEPT_MS)
        late += server->turn_ms;
    return late > 0 ? (uint32_t)late : 0;
}

int64_t server_wall_ms(mono_t moment)
{
    return loop_wall_ms() - mono_diff_ms(loop_now_exact(), moment);
}

/* ---- the hooks ---- */

/* A secret for one purpose, out of the cluster's. */
static int derive(const uint8_t cluster[KEYS_SECRET_SIZE], const char *purpose, uint32_t site,
                  uint8_t ret_secret[32])
{
    uint8_t text[KEYS_SECRET_SIZE + 64];
    size_t len = KEYS_SECRET_SIZE;
    unsigned size = 32;

    memcpy(text, cluster, KEYS_SECRET_SIZE);
    len += (size_t)snprintf((char *)text + len, sizeof(text) - len, "%s %u", purpose, site);
    return EVP_Digest(text, len, ret_secret, &size, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

static int read_secrets(struct server *server, const struct bootstrap *b, uint32_t site)
{
    uint8_t cluster[KEYS_SECRET_SIZE], peer[32];
    struct keys_error error;
    int r = keys_cluster_secret(b->keys_dir, cluster, &error);

    if (r != 0) {
        log_event(LEVEL_ERR, MSG_KEYS, NULL, "%s", error.text);
        return r;
    }
    r = derive(cluster, "sip site", site, server->conf.secret);
    if (r == 0)
        r = derive(cluster, "sip forward", 0, peer);
    if (r == 0)
        memcpy(server->conf.peer_secret, peer, sizeof(server->conf.peer_secret));
    return r;
}

static int site_address(struct server *server, const struct bootstrap *b,
                        const struct bootstrap_site *site)
{
    struct sip_str host = sip_str_of(site->site_address);

    if (sip_addr_parse(host, b->ports.sip, SIP_UDP, &server->conf.local) != 0) {
        log_event(LEVEL_ERR, MSG_BOOTSTRAP, NULL,
                  "%s: site-address of site %s is not an IP address: %s", b->file, site->name,
                  site->site_address);
        return -EINVAL;
    }
    if (b->sip_tls.certificate[0] != '\0')
        server->conf.tls_port = b->ports.sip_tls;
    return 0;
}

/* Call records, and who may read them. */
static int start_records(struct server *server, const struct bootstrap *b)
{
    struct records_conf conf;
    char path[sizeof(b->data_dir) + 16];
    int r;

    records_conf_default(&conf);
    snprintf(path, sizeof(path), "%s/records", b->data_dir);
    r = records_new(path, &conf, &server->records);
    return r != 0 ? r : calls_new(server, &server->calls);
}

int server_start(struct component *component)
{
    const struct bootstrap *b = &component->bootstrap;
    const struct bootstrap_site *site = bootstrap_self_site(b);
    struct server *server = component->self;
    struct sc_maxima maxima;
    int r;

    server->component = component;
    server->conf.site = site->id;
    server->digest = digest_openssl_new();
    if (server->digest == NULL) {
        log_event(LEVEL_ERR, MSG_FAULT, NULL, "OpenSSL offers no MD5 or SHA-256");
        return -EIO;
    }
    server->conf.digest = digest_openssl_ops(server->digest);
    sc_maxima_default(&maxima);
    r = site_address(server, b, site);
    if (r == 0)
        r = read_secrets(server, b, site->id);
    if (r == 0)
        r = make_out(&server->out);
    if (r == 0)
        r = loop_timer_new(component->loop, LOOP_SIP, on_timer, server, &server->timer);
    if (r == 0)
        r = udp_new(server, &server->udp);
    if (r == 0)
        r = stream_new(server, &server->stream);
    if (r == 0)
        r = resolver_new(server, &server->resolver);
    if (r == 0)
        r = conf_new(server, site->name, b->cluster, &server->configuration);
    if (r == 0)
        r = output_new(server, &server->output);
    if (r == 0)
        r = replica_new(server, &server->replica);
    if (r == 0)
        r = server_core(server, &maxima, 500);
    if (r == 0)
        r = agents_new(server, &server->agents);
    if (r == 0)
        r = events_new(server, &server->events);
    if (r == 0)
        r = start_records(server, b);
    if (r == 0)
        r = loop_turn_end(component->loop, TURN_ORDER, on_turn_end, server);
    return r;
}

/* The site address is still here until we report that we have stopped: phones hear that their
 * connections end.  UDP goes last, so that the kernel refuses (ICMP) hardly any datagram: what is
 * left unread is repeated to the next primary. */
static void stop_serving(struct server *server)
{
    server_transmit(server); /* what was decided before; the right to send is asked there */
    replica_gathered(server->replica, MONO_NEVER);
    stream_close(server->stream);
    udp_close(server->udp);
    if (server->primary)
        replica_backup(server->replica);
}

void server_role(struct component *component)
{
    struct server *server = component->self;
    const struct component_role *role = &component->role;
    struct sc_event event = {.kind = SC_EV_ROLE,
                             .primary = role->primary,
                             .epoch = role->epoch,
                             .wall_ms = loop_wall_ms()};
    bool changed = role->primary != server->primary;

    if (!role->primary)
        stop_serving(server);
    if (role->primary) { /* what the first step has to say needs them */
        udp_open(server->udp);
        stream_open(server->stream);
    }
    if (role->primary && changed)
        event.clock_ns = replica_primary(server->replica, role->epoch);
    server->primary = role->primary;
    server_step(server, &event);
    if (role->primary)
        replica_order(server->replica);
    if (changed && server->events != NULL) {
        agents_snapshot_all(server->agents);
        events_snapshot_all(server->events);
    }
}

void server_report(struct component *component, Sf__RoleReport *report)
{
    struct server *server = component->self;
    struct sc_status status;
    const char *closed = udp_why_not(server->udp);

    if (closed == NULL)
        closed = stream_why_not(server->stream);
    sc_status(server->core, &status);
    report->ready = status.ready && closed == NULL;
    if (!status.ready)
        snprintf(server->why_not, sizeof(server->why_not), "the configuration is not loaded yet");
    else
        snprintf(server->why_not, sizeof(server->why_not), "%s", closed != NULL ? closed : "");
    snprintf(server->mode_reason, sizeof(server->mode_reason), "%s", status.mode_reason);
    report->why_not = server->why_not;
    report->mode = (Sf__Mode)status.mode;
    report->mode_reason = server->mode_reason;
    report->calls = status.calls;
    report->registrations = status.registrations;
    report->agents = status.agents;
    report->disk = records_disk(server->records, server->disk_why);
    report->disk_why = server->disk_why;
    replica_report(server->replica, report);
    if (replica_handing_over(server->replica))
        report->role = SF__ROLE__ROLE_PRIMARY; /* until the backup has the last batch */
    report->drops = status.drops + udp_drops(server->udp) + stream_drops(server->stream) +
                    bus_drops(component->bus);
}

void server_finish(struct component *component)
{
    struct server *server = component->self;

    calls_destroy(&server->calls);
    output_destroy(&server->output);
    replica_destroy(&server->replica);
    records_destroy(&server->records);
    events_destroy(&server->events);
    agents_destroy(&server->agents);
    conf_destroy(&server->configuration);
    resolver_destroy(&server->resolver);
    stream_destroy(&server->stream);
    udp_destroy(&server->udp);
    loop_timer_destroy(&server->timer);
    if (server->memory != NULL)
        munmap(server->memory, server->memory_size);
    free(server->out.actions);
    free(server->out.sip.items);
    free(server->out.sip.arena);
    digest_openssl_destroy(&server->digest);
}
