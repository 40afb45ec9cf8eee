#include "sipserver/adapt/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proto/config.pb-c.h"
#include "sipserver/adapt/events.h"
#include "sipserver/adapt/maxima.h"
#include "sipserver/adapt/output.h"
#include "sipserver/adapt/records.h"
#include "sipserver/adapt/replica.h"
#include "sipserver/adapt/resolver.h"
#include "sipserver/adapt/server.h"
#include "sipserver/adapt/stream.h"
#include "sipserver/adapt/translate.h"
#include "sipserver/adapt/udp.h"

struct conf {
    struct server *server;
    char site[BOOTSTRAP_NAME_SIZE];
    char cluster[BOOTSTRAP_NAME_SIZE];
    Sf__Options *all, *own; /* of all sites, of this one; NULL: none */
    bool loaded;            /* the first snapshot was whole */
    bool options_due;       /* options changed since the core was told */
    Sf__ConfChange **kept;  /* of the first snapshot */
    size_t kept_n, kept_size;
};

/* ---- options ---- */

/* The value of one field: this site's, that of all sites, or the default. */
#define OPTION(conf, field, otherwise)                                                             \
    ((conf)->own != NULL && (conf)->own->field != 0   ? (conf)->own->field                         \
     : (conf)->all != NULL && (conf)->all->field != 0 ? (conf)->all->field                         \
                                                      : (otherwise))

static const char *text_option(const char *own, const char *all, const char *otherwise)
{
    if (own != NULL && own[0] != '\0')
        return own;
    return all != NULL && all[0] != '\0' ? all : otherwise;
}

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

static void merge_traffic(const struct conf *c, struct sc_options *o)
{
    o->source_rate_max = OPTION(c, source_rate_max, o->source_rate_max);
    o->source_burst = OPTION(c, source_burst, o->source_burst);
    o->stranger_rate_max = OPTION(c, stranger_rate_max, o->stranger_rate_max);
    o->stranger_burst = OPTION(c, stranger_burst, o->stranger_burst);
    o->overload_lag_ms = OPTION(c, overload_lag_ms, o->overload_lag_ms);
    o->overload_fill = OPTION(c, overload_fill, o->overload_fill);
    o->retry_after_min_s = OPTION(c, retry_after_min_s, o->retry_after_min_s);
    o->retry_after_max_s = OPTION(c, retry_after_max_s, o->retry_after_max_s);
    if (o->retry_after_max_s < o->retry_after_min_s) /* of two levels, or of a default */
        o->retry_after_max_s = o->retry_after_min_s;
}

static void merge_options(const struct conf *c, struct sc_options *o)
{
    const Sf__Options *own = c->own, *all = c->all;

    sc_options_default(o);
    copy(o->realm, sizeof(o->realm),
         text_option(own != NULL ? own->realm : NULL, all != NULL ? all->realm : NULL, c->cluster));
    copy(o->dr_peer_trunk, sizeof(o->dr_peer_trunk),
         text_option(own != NULL ? own->dr_peer_trunk : NULL,
                     all != NULL ? all->dr_peer_trunk : NULL, ""));
    o->dr_forward = (enum sc_dr_forward)OPTION(c, dr_forward, (Sf__DrForward)o->dr_forward);
    if (own != NULL && own->dr_oosp_transfer_set)
        o->dr_oosp_transfer_enabled = own->dr_oosp_transfer_enabled;
    else if (all != NULL && all->dr_oosp_transfer_set)
        o->dr_oosp_transfer_enabled = all->dr_oosp_transfer_enabled;
    o->oos_check_ms = OPTION(c, oos_check_ms, o->oos_check_ms);
    o->oos_force_ms = OPTION(c, oos_force_ms, o->oos_force_ms);
    o->recovery_checks = OPTION(c, recovery_checks, o->recovery_checks);
    o->recovery_timeout_ms = OPTION(c, recovery_timeout_ms, o->recovery_timeout_ms);
    o->recovery_hold_max_ms = OPTION(c, recovery_hold_max_ms, o->recovery_hold_max_ms);
    o->registration_expires_min_s =
        OPTION(c, registration_expires_min_s, o->registration_expires_min_s);
    o->registration_expires_max_s =
        OPTION(c, registration_expires_max_s, o->registration_expires_max_s);
    o->contacts_max = OPTION(c, contacts_max, o->contacts_max);
    if (o->contacts_max > SC_CONTACTS_MAX)
        o->contacts_max = SC_CONTACTS_MAX;
    o->flow_grace_ms = OPTION(c, flow_grace_ms, o->flow_grace_ms);
    o->flow_timer_s = OPTION(c, flow_timer_s, o->flow_timer_s);
    o->path_strict = OPTION(c, path_strict, o->path_strict);
    if (own != NULL && own->digest_md5_set)
        o->digest_md5 = own->digest_md5;
    else if (all != NULL && all->digest_md5_set)
        o->digest_md5 = all->digest_md5;
    o->digest_sha256_first = OPTION(c, digest_sha256_first, o->digest_sha256_first);
    o->digest_auth_int = OPTION(c, digest_auth_int, o->digest_auth_int);
    o->nonce_life_s = OPTION(c, nonce_life_s, o->nonce_life_s);
    merge_traffic(c, o);
    o->lockout_refusals = OPTION(c, lockout_refusals, o->lockout_refusals);
    o->lockout_window_ms = OPTION(c, lockout_window_ms, o->lockout_window_ms);
    o->lockout_time_ms = OPTION(c, lockout_time_ms, o->lockout_time_ms);
    o->ring_timeout_ms = OPTION(c, ring_timeout_ms, o->ring_timeout_ms);
    o->answer_timeout_ms = OPTION(c, answer_timeout_ms, o->answer_timeout_ms);
    o->trunk_timeout_ms = OPTION(c, trunk_timeout_ms, o->trunk_timeout_ms);
    o->trunk_retry_after_max_s = OPTION(c, trunk_retry_after_max_s, o->trunk_retry_after_max_s);
    o->session_expires_s = OPTION(c, session_expires_s, o->session_expires_s);
    o->min_se_s = OPTION(c, min_se_s, o->min_se_s);
    o->diversions_max = OPTION(c, diversions_max, o->diversions_max);
    o->wrap_up_ms = OPTION(c, wrap_up_ms, o->wrap_up_ms);
    o->queue_answer_after_ms = OPTION(c, queue_answer_after_ms, o->queue_answer_after_ms);
    o->queue_notice_ms = OPTION(c, queue_notice_ms, o->queue_notice_ms);
    o->music_retry_ms = OPTION(c, music_retry_ms, o->music_retry_ms);
    o->overflows_max = OPTION(c, overflows_max, o->overflows_max);
    o->ring_all_max = OPTION(c, ring_all_max, o->ring_all_max);
    o->control_timeout_ms = OPTION(c, control_timeout_ms, o->control_timeout_ms);
    o->transfer_timeout_ms = OPTION(c, transfer_timeout_ms, o->transfer_timeout_ms);
    o->data_max = OPTION(c, data_max, o->data_max);
    o->data_key_max = OPTION(c, data_key_size_max, o->data_key_max);
    o->data_value_max = OPTION(c, data_value_size_max, o->data_value_max);
    o->logout_grace_ms = OPTION(c, logout_grace_ms, o->logout_grace_ms);
}

static void merge_maxima(const struct conf *c, struct sc_maxima *m, uint32_t *ret_t1_ms)
{
    maxima_merge(c->all, c->own, m);
    *ret_t1_ms = OPTION(c, sip_t1_ms, 500);
}

static void merge_records(const struct conf *c, struct records_conf *r)
{
    records_conf_default(r);
    r->keep_s = OPTION(c, records_keep_s, r->keep_s);
    r->size_max_mib = OPTION(c, records_size_max_mib, r->size_max_mib);
    r->queue_max = OPTION(c, records_queue_max, r->queue_max);
    r->sync_ms = OPTION(c, records_sync_ms, r->sync_ms);
}

/* The patience ends before a phone repeats its request: where sip-t1 is short, so is it. */
static void merge_replica(const struct conf *c, struct replica_conf *r)
{
    uint32_t t1_ms = OPTION(c, sip_t1_ms, 500);

    replica_conf_default(r);
    if (r->patience_ms > t1_ms * 2 / 5)
        r->patience_ms = t1_ms * 2 / 5;
    r->patience_ms = OPTION(c, replica_patience_ms, r->patience_ms);
    r->slice = OPTION(c, replica_slice, r->slice);
    r->gather_ms = OPTION(c, replica_gather_ms, r->gather_ms);
    r->check_rate = OPTION(c, replica_check_rate, r->check_rate);
}

static void merge_limits(const struct conf *c, struct stream_limits *l)
{
    stream_limits_default(l);
    l->connections_max = OPTION(c, connections_max, l->connections_max);
    l->per_source_max = OPTION(c, connections_per_source_max, l->per_source_max);
    l->idle_ms = OPTION(c, connection_idle_ms, l->idle_ms);
    l->patience_ms = OPTION(c, connection_patience_ms, l->patience_ms);
    l->keepalive_ms = OPTION(c, connection_keepalive_ms, l->keepalive_ms);
    l->output_max = OPTION(c, connection_output_max, l->output_max);
}

/* add_server - one more of dns-servers, as c-ares reads them: brackets only before a port. */
static void add_server(struct resolver_conf *r, const char *server)
{
    size_t n = strlen(r->servers), len = strlen(server);
    bool bare = server[0] == '[' && server[len - 1] == ']';

    snprintf(r->servers + n, sizeof(r->servers) - n, "%s%.*s", n > 0 ? "," : "",
             (int)(bare ? len - 2 : len), bare ? server + 1 : server);
}

static void merge_resolver(const struct conf *c, struct resolver_conf *r)
{
    const Sf__Options *o = c->own != NULL && c->own->n_dns_servers > 0 ? c->own : c->all;

    memset(r, 0, sizeof(*r)); /* compared as a whole */
    resolver_conf_default(r);
    r->ttl_min_s = OPTION(c, dns_ttl_min_s, r->ttl_min_s);
    r->ttl_max_s = OPTION(c, dns_ttl_max_s, r->ttl_max_s);
    r->timeout_ms = OPTION(c, dns_timeout_ms, r->timeout_ms);
    for (size_t i = 0; o != NULL && i < o->n_dns_servers; i++)
        add_server(r, o->dns_servers[i]);
}

static Sf__Options *copy_options(const Sf__Options *o)
{
    size_t size = sf__options__get_packed_size(o);
    uint8_t *packed = malloc(size + 1);
    Sf__Options *copied = NULL;

    if (packed != NULL) {
        sf__options__pack(o, packed);
        copied = sf__options__unpack(NULL, size, packed);
    }
    free(packed);
    return copied;
}

static void set_options(struct conf *c, const Sf__Options *o, bool deleted)
{
    Sf__Options **place = o->site[0] == '\0'              ? &c->all
                          : strcmp(o->site, c->site) == 0 ? &c->own
                                                          : NULL;

    if (place == NULL)
        return;
    if (*place != NULL)
        sf__options__free_unpacked(*place, NULL);
    *place = deleted ? NULL : copy_options(o);
    c->options_due = true;
}

static void send_options(struct conf *c)
{
    struct stream_limits limits;
    struct sc_options options;
    struct records_conf records;
    struct resolver_conf resolver;
    struct replica_conf replica;

    merge_options(c, &options);
    merge_limits(c, &limits);
    stream_limits(c->server->stream, &limits);
    merge_records(c, &records);
    merge_resolver(c, &resolver);
    resolver_configure(c->server->resolver, &resolver);
    merge_replica(c, &replica);
    replica_configure(c->server->replica, &replica);
    if (output_room(c->server->output, (size_t)OPTION(c, replica_hold_max_mib, HELD_ROOM >> 20)
                                           << 20) != 0)
        log_event(LEVEL_ERR, MSG_FAULT, NULL, "no memory for replica-hold-max; it stays as it was");
    c->options_due = false;
    records_configure(c->server->records, &records);
    events_gather(c->server->events, OPTION(c, events_gather_ms, EVENTS_GATHER_MS));
    udp_gather(c->server->udp, OPTION(c, udp_gather_ms, UDP_GATHER_MS));
    server_step(c->server, &(struct sc_event){.kind = SC_EV_CONF_OPTIONS, .options = &options});
}

/* ---- DNs and agents ---- */

/* What the core cannot hold is left out, and said: the schema allows no more, an older writer might
 * have. */
static bool fits(const char *what, const char *name, size_t n, size_t max, size_t longest,
                 size_t size)
{
    if (n <= max && longest < size && strlen(name) < SC_NAME_SIZE && name[0] != '\0')
        return true;
    log_event(LEVEL_WARNING, MSG_CONFIG, LOG_FIELDS(.object = name),
              "%s left out: at most %zu entries of %zu bytes are possible", what, max, size - 1);
    return false;
}

static size_t longest(char **texts, size_t n)
{
    size_t most = 0;

    for (size_t i = 0; i < n; i++)
        if (strlen(texts[i]) > most)
            most = strlen(texts[i]);
    return most;
}

static void left_out(const char *what, const char *name, const char *fault)
{
    log_event(LEVEL_WARNING, MSG_CONFIG, LOG_FIELDS(.object = name), "%s left out: %s", what,
              fault);
}

/* What queues do with their calls.  False: more than the core can hold. */
static bool set_queue(struct sc_dn_conf *dn, const Sf__Dn *in)
{
    if (!fits("DN", in->number, in->n_groups, SC_GROUPS_MAX, longest(in->groups, in->n_groups),
              SC_NAME_SIZE) ||
        !fits("DN", in->number, in->n_music, SC_MUSIC_MAX, longest(in->music, in->n_music),
              SC_NAME_SIZE) ||
        !fits("DN", in->number, 0, 1, strlen(in->overflow_full), SC_NAME_SIZE) ||
        !fits("DN", in->number, 0, 1, strlen(in->overflow_wait), SC_NAME_SIZE) ||
        !fits("DN", in->number, 0, 1, strlen(in->overflow_no_agent), SC_NAME_SIZE))
        return false;
    dn->queue_size_max = in->queue_size_max;
    dn->queue_wait_max_ms = in->queue_wait_max_ms;
    dn->call_priority = in->call_priority;
    dn->distribution = (enum sc_distribution)in->distribution;
    for (size_t i = 0; i < in->n_groups; i++)
        copy(dn->groups[i], sizeof(dn->groups[i]), in->groups[i]);
    dn->groups_n = (uint32_t)in->n_groups;
    copy(dn->overflow_full, sizeof(dn->overflow_full), in->overflow_full);
    copy(dn->overflow_wait, sizeof(dn->overflow_wait), in->overflow_wait);
    copy(dn->overflow_no_agent, sizeof(dn->overflow_no_agent), in->overflow_no_agent);
    dn->wrap_up_ms = in->wrap_up_ms;
    dn->queue_answer_after_ms = in->queue_answer_after_ms;
    for (size_t i = 0; i < in->n_music; i++)
        copy(dn->music[i], sizeof(dn->music[i]), in->music[i]);
    dn->music_n = (uint32_t)in->n_music;
    return true;
}

static void set_dn(struct conf *c, const Sf__Dn *in, bool deleted)
{
    struct sc_dn_conf dn;
    const char *fault = translate_dn(in, &dn);

    if (fault != NULL) {
        left_out("DN", in->number, fault);
        return;
    }
    if (!set_queue(&dn, in))
        return;
    dn.auto_answer = in->auto_answer;
    if (!deleted &&
        (!translate_here(in->sites, in->n_sites, c->site) || in->type == SF__DN_TYPE__DN_UNKNOWN))
        deleted = true;
    server_step(c->server,
                &(struct sc_event){.kind = SC_EV_CONF_DN, .dn = &dn, .deleted = deleted});
}

static void set_rule(struct conf *c, const Sf__DialRule *in, bool deleted)
{
    struct sc_rule_conf rule;
    const char *fault = translate_rule(in, &rule);

    if (fault != NULL) {
        left_out("dial rule", in->id, fault);
        return;
    }
    deleted = deleted || !translate_here(in->sites, in->n_sites, c->site);
    server_step(c->server,
                &(struct sc_event){.kind = SC_EV_CONF_RULE, .rule = &rule, .deleted = deleted});
}

static void set_agent(struct conf *c, const Sf__Agent *in, bool deleted)
{
    struct sc_agent_conf a = {
        .queues_n = (uint32_t)in->n_queues, .groups_n = (uint32_t)in->n_groups, .level = in->level};

    if (!fits("agent", in->id, in->n_queues, SC_AGENT_QUEUES_MAX, longest(in->queues, in->n_queues),
              SC_NAME_SIZE) ||
        !fits("agent", in->id, in->n_groups, SC_GROUPS_MAX, longest(in->groups, in->n_groups),
              SC_NAME_SIZE) ||
        strlen(in->dn) >= SC_NAME_SIZE)
        return;
    copy(a.id, sizeof(a.id), in->id);
    copy(a.dn, sizeof(a.dn), in->dn);
    for (size_t i = 0; i < in->n_queues; i++)
        copy(a.queues[i], sizeof(a.queues[i]), in->queues[i]);
    for (size_t i = 0; i < in->n_groups; i++)
        copy(a.groups[i], sizeof(a.groups[i]), in->groups[i]);
    server_step(c->server,
                &(struct sc_event){.kind = SC_EV_CONF_AGENT, .agent_conf = &a, .deleted = deleted});
}

static void apply(struct conf *c, const Sf__ConfChange *change)
{
    const Sf__ConfObject *object = change->object;

    if (object == NULL)
        return;
    switch (object->object_case) {
    case SF__CONF_OBJECT__OBJECT_OPTIONS: set_options(c, object->options, change->deleted); return;
    case SF__CONF_OBJECT__OBJECT_DN: set_dn(c, object->dn, change->deleted); return;
    case SF__CONF_OBJECT__OBJECT_AGENT: set_agent(c, object->agent, change->deleted); return;
    case SF__CONF_OBJECT__OBJECT_RULE: set_rule(c, object->rule, change->deleted); return;
    case SF__CONF_OBJECT__OBJECT__NOT_SET:
    case _SF__CONF_OBJECT__OBJECT__CASE_IS_INT_SIZE:
    default: return;
    }
}

/* ---- the first snapshot ---- */

static void forget_kept(struct conf *c)
{
    for (size_t i = 0; i < c->kept_n; i++)
        sf__conf_change__free_unpacked(c->kept[i], NULL);
    free(c->kept);
    c->kept = NULL;
    c->kept_n = c->kept_size = 0;
}

static int keep(struct conf *c, const Sf__ConfChange *change)
{
    size_t size = sf__conf_change__get_packed_size(change);
    uint8_t *packed = malloc(size + 1);
    Sf__ConfChange *copied;

    if (c->kept_n == c->kept_size) {
        size_t more = c->kept_size == 0 ? 256 : c->kept_size * 2;
        Sf__ConfChange **kept = realloc(c->kept, more * sizeof(*kept));

        if (kept == NULL) {
            free(packed);
            return -ENOMEM;
        }
        c->kept = kept;
        c->kept_size = more;
    }
    if (packed == NULL)
        return -ENOMEM;
    sf__conf_change__pack(change, packed);
    copied = sf__conf_change__unpack(NULL, size, packed);
    free(packed);
    if (copied == NULL)
        return -ENOMEM;
    c->kept[c->kept_n++] = copied;
    return 0;
}

static void first_load(struct conf *c)
{
    struct sc_maxima maxima;
    uint32_t t1_ms;

    merge_maxima(c, &maxima, &t1_ms);
    if (server_core(c->server, &maxima, t1_ms) != 0) {
        loop_exit(c->server->component->loop, 1);
        return;
    }
    server_step(c->server, &(struct sc_event){.kind = SC_EV_CONF_BEGIN});
    send_options(c);
    for (size_t i = 0; i < c->kept_n; i++)
        if (c->kept[i]->object->object_case != SF__CONF_OBJECT__OBJECT_OPTIONS)
            apply(c, c->kept[i]);
    forget_kept(c);
    c->loaded = true;
}

/* ---- the hooks ---- */

void conf_reset(struct component *component)
{
    struct server *server = component->self;
    struct conf *c = server->configuration;

    if (c->all != NULL)
        sf__options__free_unpacked(c->all, NULL);
    if (c->own != NULL)
        sf__options__free_unpacked(c->own, NULL);
    c->all = c->own = NULL;
    c->options_due = true;
    forget_kept(c);
    if (c->loaded)
        server_step(server, &(struct sc_event){.kind = SC_EV_CONF_BEGIN});
}

void conf_change(struct component *component, const Sf__ConfChange *change)
{
    struct server *server = component->self;
    struct conf *c = server->configuration;

    if (c->loaded) {
        apply(c, change);
        return;
    }
    if (change->object == NULL)
        return;
    if (change->object->object_case == SF__CONF_OBJECT__OBJECT_OPTIONS)
        set_options(c, change->object->options, change->deleted);
    else if (keep(c, change) != 0)
        loop_exit(component->loop, 1);
}

static void warn_of_maxima(struct conf *c)
{
    struct sc_maxima wanted;
    const struct sc_maxima *m = &c->server->conf.maxima;
    uint32_t t1_ms;

    merge_maxima(c, &wanted, &t1_ms);
    if (memcmp(&wanted, m, sizeof(wanted)) != 0 || t1_ms != c->server->conf.t1_ms)
        log_event(
            LEVEL_WARNING, MSG_CONFIG, NULL,
            "calls-max, registrations-max, transactions-max, agents-max, dns-max, dial-rules-max "
            "or sip-t1 changed: restart sipserver for it to count");
}

void conf_loaded(struct component *component, uint64_t epoch, uint64_t txid)
{
    struct server *server = component->self;
    struct conf *c = server->configuration;
    bool options = c->options_due;

    if (!c->loaded)
        first_load(c);
    else if (options) {
        send_options(c);
        warn_of_maxima(c);
    }
    server_step(server, &(struct sc_event){.kind = SC_EV_CONF_LOADED});
    log_event(LEVEL_INFO, MSG_CONFIG, NULL, "configuration %llu.%llu is in force",
              (unsigned long long)epoch, (unsigned long long)txid);
}

int conf_new(struct server *server, const char *site, const char *cluster, struct conf **ret_conf)
{
    struct conf *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return -ENOMEM;
    c->server = server;
    copy(c->site, sizeof(c->site), site);
    copy(c->cluster, sizeof(c->cluster), cluster);
    *ret_conf = c;
    return 0;
}

void conf_destroy(struct conf **conf)
{
    struct conf *c = *conf;

    if (c == NULL)
        return;
    forget_kept(c);
    if (c->all != NULL)
        sf__options__free_unpacked(c->all, NULL);
    if (c->own != NULL)
        sf__options__free_unpacked(c->own, NULL);
    free(c);
    *conf = NULL;
}
