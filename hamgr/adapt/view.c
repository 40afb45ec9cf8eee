/* view - what this host knows of the deployment: for its components, for its beats, for people. */
#include "hamgr/adapt/daemon.h"

#include "common/log.h"
#include <stdio.h>
#include <string.h>

static const struct component_state *component(const struct daemon *d, enum process process)
{
    for (int i = 0; i < COMPONENTS; i++)
        if (d->components[i].process == process)
            return &d->components[i];
    return &d->components[0];
}

/* One host as a value, ourselves and others alike. */
struct seen {
    bool alive;
    uint64_t age_ms;
    bool primary, writer, ready;
    uint8_t health, disk;
    uint64_t disk_for_ms;
    char disk_why[256];
    uint64_t epoch, conf_epoch, conf_txid;
    Sf__Mode mode;
    const char *mode_reason;
    char components[512];
    const char *replica, *replica_why; /* the copy of the live objects: state, and why not ready */
    uint64_t replica_objects, replica_digest;
    struct ham_copy copy;
};

static const char *replica_name(Sf__ReplicaState state)
{
    switch (state) {
    case SF__REPLICA_STATE__REPLICA_JOINING: return "joining";
    case SF__REPLICA_STATE__REPLICA_READY: return "ready";
    case SF__REPLICA_STATE__REPLICA_SOLO: return "solo";
    case SF__REPLICA_STATE__REPLICA_NONE:
    case _SF__REPLICA_STATE_IS_INT_SIZE: break;
    }
    return "";
}

static uint64_t disk_for_ms(const struct daemon *d, mono_t now)
{
    return d->ham.disk_since.ns == 0 ? 0 : (uint64_t)mono_diff_ms(now, d->ham.disk_since);
}

static void see_self(const struct daemon *d, struct seen *s)
{
    const struct component_state *sip = component(d, PROCESS_SIPSERVER);
    const struct component_state *conf = component(d, PROCESS_CONFPROXY);
    mono_t now = loop_now_exact();

    s->alive = true;
    s->primary = d->ham.order.role == ROLE_PRIMARY && mono_before(now, d->ham.order.deadline);
    s->writer = s->primary && d->ham.order.writer;
    s->epoch = s->primary ? d->ham.role.epoch : 0;
    s->health = (uint8_t)ham_health(&d->ham, now);
    s->disk = d->ham.disk;
    s->disk_for_ms = disk_for_ms(d, now);
    disks_why(d, s->disk_why, sizeof(s->disk_why));
    s->conf_epoch = conf->conf_epoch;
    s->conf_txid = conf->conf_txid;
    s->mode = sip->mode;
    s->mode_reason = sip->mode_reason;
    s->ready = sip->ready && conf->ready;
    s->replica = replica_name(sip->replica_state);
    s->replica_why = sip->replica_why;
    s->replica_objects = sip->replica_objects;
    s->replica_digest = sip->replica_digest;
    s->copy = d->ham.replica.at;
    if (!d->ham.is_arbiter)
        components_text(d, s->components, sizeof(s->components));
}

static void see_other(const struct daemon *d, unsigned host, struct seen *s)
{
    const struct ham_other *other = &d->ham.other[host];
    const struct host_state *h = &d->hosts[host];
    mono_t now = loop_now_exact();

    s->alive = ham_host_fresh(&d->ham, (uint8_t)host, now);
    s->age_ms = other->heard.ns == 0 ? UINT32_MAX : (uint64_t)mono_diff_ms(now, other->heard);
    s->primary = s->alive && other->beat.role == ROLE_PRIMARY;
    s->writer = s->alive && other->beat.writer;
    s->ready = other->beat.ready;
    s->health = other->beat.health;
    s->disk = other->beat.disk;
    s->disk_for_ms = h->disk_for_ms;
    snprintf(s->disk_why, sizeof(s->disk_why), "%s", h->disk_why);
    s->epoch = other->beat.role_epoch;
    s->conf_epoch = h->conf_epoch;
    s->conf_txid = h->conf_txid;
    s->mode = s->alive ? h->mode : SF__MODE__MODE_UNKNOWN;
    s->mode_reason = h->mode_reason;
    s->replica = h->replica;
    s->replica_why = h->replica_why;
    s->replica_objects = h->replica_objects;
    s->replica_digest = h->replica_digest;
    s->copy = other->beat.copy;
    snprintf(s->components, sizeof(s->components), "%s", h->components);
}

static void see(const struct daemon *d, unsigned host, struct seen *s)
{
    memset(s, 0, sizeof(*s));
    s->mode_reason = s->replica = s->replica_why = "";
    if (host == d->bootstrap.self)
        see_self(d, s);
    else
        see_other(d, host, s);
}

const char *view_judgement(const struct daemon *d)
{
    if (!d->ham.judges)
        return "";
    switch ((enum site_state)d->ham.other_site.state) {
    case SITE_UP: return "up";
    case SITE_CUT: return "cut";
    case SITE_DEAD: return "dead";
    case SITE_SILENT: return "silent";
    case SITE_STATES: break;
    }
    return "";
}

void view_evidence(const struct daemon *d, char *text, size_t size)
{
    const struct site *s = &d->ham.other_site;
    mono_t now = loop_now_exact();
    char ours[64], arbiter[96];

    if (s->heard.ns == 0)
        snprintf(ours, sizeof(ours), "never heard here");
    else
        snprintf(ours, sizeof(ours), "heard here %lld ms ago",
                 (long long)mono_diff_ms(now, s->heard));
    if (d->conf.arbiter == HAM_NONE)
        snprintf(arbiter, sizeof(arbiter), "there is no arbiter");
    else if (s->arbiter_report.ns == 0)
        snprintf(arbiter, sizeof(arbiter), "no word from the arbiter");
    else if (s->arbiter_heard.ns == 0)
        snprintf(arbiter, sizeof(arbiter), "the arbiter, %lld ms ago, had not heard it",
                 (long long)mono_diff_ms(now, s->arbiter_report));
    else
        snprintf(arbiter, sizeof(arbiter), "the arbiter heard it %lld ms ago",
                 (long long)mono_diff_ms(now, s->arbiter_heard));
    snprintf(text, size, "%s; %s", ours, arbiter);
}

static const char *ticket_site(const struct daemon *d)
{
    return d->ham.ticket_site < d->bootstrap.site_count
               ? d->bootstrap.sites[d->ham.ticket_site].name
               : "";
}

static uint64_t ticket_epoch(const struct daemon *d)
{
    return d->ham.vote[RIGHT_TICKET].record.epoch;
}

void view_push(struct daemon *d)
{
    Sf__ClusterView view = SF__CLUSTER_VIEW__INIT;
    Sf__HostView hosts[HAM_HOSTS_MAX], *host_pointers[HAM_HOSTS_MAX];
    Sf__SiteView sites[BOOTSTRAP_SITES_MAX], *site_pointers[BOOTSTRAP_SITES_MAX];
    struct seen seen[HAM_HOSTS_MAX];
    char text[256];
    uint32_t self_site = bootstrap_self(&d->bootstrap)->site;

    view_evidence(d, text, sizeof(text));
    for (uint32_t i = 0; i < d->bootstrap.host_count; i++) {
        const struct bootstrap_site *site = bootstrap_site_of(&d->bootstrap, i);

        see(d, i, &seen[i]);
        sf__host_view__init(&hosts[i]);
        hosts[i].host = d->bootstrap.hosts[i].name;
        hosts[i].site = site != NULL ? (char *)site->name : (char *)"";
        hosts[i].alive = seen[i].alive;
        hosts[i].age_ms = seen[i].age_ms;
        hosts[i].role = seen[i].primary ? SF__ROLE__ROLE_PRIMARY : SF__ROLE__ROLE_BACKUP;
        hosts[i].epoch = seen[i].epoch;
        hosts[i].mode = seen[i].mode;
        hosts[i].mode_reason = (char *)seen[i].mode_reason;
        hosts[i].writer = seen[i].writer;
        hosts[i].conf_epoch = seen[i].conf_epoch;
        hosts[i].conf_txid = seen[i].conf_txid;
        hosts[i].components = seen[i].components;
        hosts[i].arbiter = site == NULL;
        host_pointers[i] = &hosts[i];
    }
    for (uint32_t i = 0; i < d->bootstrap.site_count; i++) {
        sf__site_view__init(&sites[i]);
        sites[i].site = d->bootstrap.sites[i].name;
        sites[i].judgement = i == self_site ? (char *)"self" : (char *)view_judgement(d);
        sites[i].evidence = i == self_site ? (char *)"" : text;
        site_pointers[i] = &sites[i];
    }
    view.n_hosts = d->bootstrap.host_count;
    view.hosts = host_pointers;
    view.n_sites = d->bootstrap.site_count;
    view.sites = site_pointers;
    view.ticket_site = (char *)ticket_site(d);
    view.ticket_epoch = ticket_epoch(d);
    for (int i = 0; i < COMPONENTS; i++)
        if (d->components[i].peer != NULL)
            (void)bus_peer_send(d->components[i].peer, MESSAGE_CLUSTER_VIEW, &view);
}

void view_report(const struct daemon *d, Sf__HostReport *report, struct view_texts *texts)
{
    const struct component_state *sip = component(d, PROCESS_SIPSERVER);
    const struct component_state *conf = component(d, PROCESS_CONFPROXY);

    texts->components[0] = '\0';
    if (!d->ham.is_arbiter)
        components_text(d, texts->components, sizeof(texts->components));
    disks_why(d, texts->disk, sizeof(texts->disk));
    sf__host_report__init(report);
    report->mode = sip->mode;
    report->mode_reason = (char *)sip->mode_reason;
    report->conf_epoch = conf->conf_epoch;
    report->conf_txid = conf->conf_txid;
    report->components = texts->components;
    report->disk_why = texts->disk;
    report->disk_for_ms = disk_for_ms(d, loop_now_exact());
    report->judgement = (char *)view_judgement(d);
    report->n_wire = d->ham.is_arbiter ? 1 : 1 + COMPONENTS;
    report->wire = (uint32_t *)d->wire;
    report->release = (char *)STANDFAST_VERSION;
    report->replica = (char *)replica_name(sip->replica_state);
    report->replica_why = (char *)sip->replica_why;
    report->replica_objects = sip->replica_objects;
    report->replica_digest = sip->replica_digest;
}

static const char *mode_name(Sf__Mode mode)
{
    switch (mode) {
    case SF__MODE__MODE_STANDALONE: return "STANDALONE";
    case SF__MODE__MODE_SINGLE: return "SINGLE";
    case SF__MODE__MODE_PEERED: return "PEERED";
    case SF__MODE__MODE_UNKNOWN:
    case _SF__MODE_IS_INT_SIZE: break;
    }
    return "";
}

static json_t *wire_json(const struct daemon *d, unsigned host)
{
    const uint32_t *wire = host == d->bootstrap.self ? d->wire : d->hosts[host].wire;
    bool arbiter = bootstrap_site_of(&d->bootstrap, host) == NULL;
    json_t *json = json_pack("{s:I}", arbiter ? "arbiter" : "hamgr", (json_int_t)wire[0]);

    for (int i = 0; i < COMPONENTS && !arbiter; i++)
        json_object_set_new(json, process_name((enum process)(PROCESS_HAMGR + 1 + i)),
                            json_integer(wire[1 + i]));
    return json;
}

static json_t *host_json(const struct daemon *d, unsigned host)
{
    static const char *const health[] = {"good", "mending", "bad"};
    const struct bootstrap_site *site = bootstrap_site_of(&d->bootstrap, host);
    struct seen s;
    char digest[24];
    json_t *json;

    see(d, host, &s);
    json = json_pack("{s:s,s:s,s:s,s:b,s:I,s:b}", "host", d->bootstrap.hosts[host].name, "address",
                     d->bootstrap.hosts[host].address, "site", site != NULL ? site->name : "",
                     "alive", s.alive, "age_ms", (json_int_t)s.age_ms, "arbiter", site == NULL);
    json_object_set_new(json, "wire", wire_json(d, host));
    json_object_set_new(
        json, "release",
        json_string(host == d->bootstrap.self ? STANDFAST_VERSION : d->hosts[host].release));
    if (site == NULL)
        return json;
    json_object_update_new(json,
                           json_pack("{s:s,s:I,s:s,s:b,s:s,s:s,s:b,s:I,s:I,s:s}", "role",
                                     s.primary ? "PRIMARY" : "BACKUP", "epoch", (json_int_t)s.epoch,
                                     "health", health[s.health % 3], "ready", s.ready, "mode",
                                     mode_name(s.mode), "mode_reason", s.mode_reason, "writer",
                                     s.writer, "conf_epoch", (json_int_t)s.conf_epoch, "conf_txid",
                                     (json_int_t)s.conf_txid, "components", s.components));
    json_object_update_new(json, json_pack("{s:s,s:s,s:I}", "disk",
                                           disk_grade_name((enum disk_grade)s.disk), "disk_why",
                                           s.disk_why, "disk_for_ms", (json_int_t)s.disk_for_ms));
    snprintf(digest, sizeof(digest), "%016llx", (unsigned long long)s.replica_digest);
    json_object_update_new(
        json, json_pack("{s:s,s:s,s:I,s:I,s:I,s:s}", "replica", s.replica, "replica_why",
                        s.replica_why, "replica_epoch", (json_int_t)s.copy.epoch,
                        "replica_sequence", (json_int_t)s.copy.sequence, "replica_objects",
                        (json_int_t)s.replica_objects, "replica_digest", digest));
    return json;
}

/* Why the pair's other host is not ready, with what it or our own SIP server says of the copy. */
void view_reason(const struct daemon *d, enum ham_reason reason, char *text, size_t size)
{
    const struct component_state *sip = component(d, PROCESS_SIPSERVER);
    const struct host_state *peer = d->ham.peer == HAM_NONE ? NULL : &d->hosts[d->ham.peer];
    const char *detail = "";

    if (reason == REASON_COPY_BEHIND || reason == REASON_ALONE)
        detail = sip->replica_why;
    else if (reason == REASON_PEER_UNREADY && peer != NULL)
        detail = peer->replica_why[0] != '\0' ? peer->replica_why : peer->components;
    snprintf(text, size, "%s%s%s", ham_reason_text(reason), detail[0] != '\0' ? ": " : "", detail);
}

/* Ready for switchover?  The primary judges its backup; a backup tells what it says of itself in
 * its beats. */
static json_t *switchover_json(const struct daemon *d)
{
    const struct component_state *sip = component(d, PROCESS_SIPSERVER);
    bool primary = d->ham.role.state == LEASE_HOLDING;
    enum ham_reason reason = primary             ? ham_ready(&d->ham, loop_now_exact())
                             : d->ham.said_ready ? REASON_DONE
                                                 : REASON_SELF_UNREADY;
    const struct ham_order *o = &d->ham.order;
    char text[1024], digest[24];
    json_t *json;

    if (reason == REASON_SELF_UNREADY)
        snprintf(text, sizeof(text), "%s%s%s", ham_reason_text(reason),
                 sip->replica_why[0] != '\0' ? ": " : "", sip->replica_why);
    else
        view_reason(d, reason, text, sizeof(text));
    snprintf(digest, sizeof(digest), "%016llx", (unsigned long long)sip->replica_digest);
    json = json_pack("{s:b,s:s,s:s,s:I,s:s,s:b,s:I,s:I}", "ready", reason == REASON_DONE, "why",
                     reason == REASON_DONE ? "" : text, "copy", replica_name(sip->replica_state),
                     "objects", (json_int_t)sip->replica_objects, "digest", digest, "paused",
                     d->ham.paused, "moves", (json_int_t)ham_moves(&d->ham, loop_now_exact()),
                     "moves_most", (json_int_t)d->conf.antiflap_moves);
    json_object_update_new(
        json, json_pack("{s:b,s:I,s:I,s:b,s:I,s:I,s:I}", "solo", o->solo.sequence != 0,
                        "solo_since", (json_int_t)d->ham.role.solo.sequence, "solos",
                        (json_int_t)d->ham.solos, "stale", o->stale, "lacks_epoch",
                        (json_int_t)o->lacks.epoch, "lacks_sequence", (json_int_t)o->lacks.sequence,
                        "stale_takeovers", (json_int_t)d->ham.stale_takeovers));
    return json;
}

static json_t *components_json(const struct daemon *d)
{
    json_t *list = json_array();

    for (int i = 0; i < COMPONENTS && !d->ham.is_arbiter; i++) {
        const struct component_state *c = &d->components[i];

        json_array_append_new(
            list,
            json_pack("{s:s,s:i,s:s,s:b,s:b,s:s,s:I,s:I,s:I,s:I,s:I,s:b}", "component",
                      process_name(c->process), "pid", (int)c->pid, "state",
                      ham_state_name(MACHINE_SUPERVISE, d->ham.component[i].state), "connected",
                      c->peer != NULL, "ready", c->ready, "why_not", c->why_not, "starts",
                      (json_int_t)c->starts, "calls", (json_int_t)c->calls, "registrations",
                      (json_int_t)c->registrations, "agents", (json_int_t)c->agents, "drops",
                      (json_int_t)c->drops, "conf_writable", c->conf_writable));
    }
    return list;
}

static json_t *sites_json(const struct daemon *d)
{
    uint32_t self_site = bootstrap_self(&d->bootstrap)->site;
    json_t *list = json_array();
    char text[256];

    view_evidence(d, text, sizeof(text));
    for (uint32_t i = 0; i < d->bootstrap.site_count; i++)
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:s,s:s}", "site", d->bootstrap.sites[i].name,
                                        "site_address", d->bootstrap.sites[i].site_address,
                                        "judgement", i == self_site ? "self" : view_judgement(d),
                                        "evidence", i == self_site ? "" : text));
    return list;
}

static json_t *fence_json(const struct daemon *d)
{
    static const char *const mode[] = {"auto", "on", "off"};
    struct fence_view v;

    fence_look(d->fence, &v);
    return json_pack("{s:s,s:b,s:b,s:s,s:I,s:I,s:I,s:I,s:I}", "mode", mode[v.mode % 3], "up", v.up,
                     "alarm", v.alarm, "why_not", v.why_not, "renewals", (json_int_t)v.renewals,
                     "slow", (json_int_t)v.slow, "late", (json_int_t)v.late, "failed",
                     (json_int_t)v.failed, "slowest_us", (json_int_t)v.slowest_us);
}

json_t *view_status(const struct daemon *d)
{
    json_t *hosts = json_array(), *status;
    mono_t now = loop_now_exact();
    json_int_t left =
        lease_holds(&d->ham.role, now) ? (json_int_t)mono_diff_ms(d->ham.role.deadline, now) : 0;

    for (uint32_t i = 0; i < d->bootstrap.host_count; i++)
        json_array_append_new(hosts, host_json(d, i));
    status = json_pack("{s:s,s:s,s:I,s:o,s:o,s:{s:s,s:I},s:o,s:s,s:I,s:o,s:I}", "cluster",
                       d->bootstrap.cluster, "self", bootstrap_self(&d->bootstrap)->name, "at_ms",
                       (json_int_t)loop_wall_ms(), "hosts", hosts, "sites", sites_json(d), "ticket",
                       "site", ticket_site(d), "epoch", (json_int_t)ticket_epoch(d), "components",
                       components_json(d), "lease",
                       ham_state_name(MACHINE_LEASE, d->ham.role.state), "lease_left_ms", left,
                       "fence", fence_json(d), "drops", (json_int_t)bus_drops(d->bus));
    if (!d->ham.is_arbiter) {
        const struct vote *vote = &d->ham.vote[d->ham.site];
        uint8_t borrowed = vote_borrowed(vote);

        json_object_set_new(status, "switchover", switchover_json(d));
        json_object_set_new(status, "last_resort",
                            json_pack("{s:s,s:b,s:b,s:I,s:s}", "state",
                                      ham_state_name(MACHINE_RESORT, d->ham.resort.state), "named",
                                      d->ham.resort.named, "serves", resort_serves(&d->ham.resort),
                                      "times", (json_int_t)d->ham.resorts, "probed", d->probed));
        json_object_set_new(
            status, "vote",
            json_pack("{s:b,s:s}", "lent", vote_lent(vote), "borrowed_of",
                      borrowed == HAM_NONE ? "" : d->bootstrap.hosts[borrowed].name));
    }
    return status;
}
