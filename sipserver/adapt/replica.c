#include "sipserver/adapt/replica_inner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void replica_conf_default(struct replica_conf *c)
{
    *c = (struct replica_conf){
        .patience_ms = COMMIT_PATIENCE_MS, .slice = 200, .check_rate = 500, .gather_ms = 4};
}

void replica_configure(struct replica *r, const struct replica_conf *conf)
{
    r->conf = *conf;
    r->follower.commit.patience_ms = conf->patience_ms;
}

void replica_reset(struct replica *r)
{
    copy_reset(r);
}

/* ---- the role ---- */

int64_t replica_primary(struct replica *r, uint64_t epoch)
{
    commit_primary(&r->follower.commit, epoch);
    r->follower.hand_over_until = MONO_NEVER;
    return copy_take_over(r);
}

void replica_backup(struct replica *r)
{
    uint64_t epoch = r->follower.commit.epoch;
    uint64_t sequence = commit_reached(&r->follower.commit);

    follower_stop(r);
    output_drop(r->server->output);
    copy_keep(r, epoch, sequence);
}

/* ---- time ---- */

/* Anti-entropy: the tables are compared with what was shipped, or received, place by place. */
static void check(struct replica *r, mono_t now)
{
    bool primary = r->follower.commit.state == COMMIT_HOLDING;
    uint32_t differ;

    if (!mono_due(r->check_due, now) || (!primary && !r->copy.whole) || batch_gathers(r))
        return;
    r->check_due = mono_add_ms(now, REPLICA_CHECK_MS);
    differ = sc_replica_check(r->server->core, r->conf.check_rate * REPLICA_CHECK_MS / 1000);
    if (differ == 0)
        return;
    r->counts[REPLICA_N_DIFFERENCES] += differ;
    log_event(LEVEL_ERR, MSG_REPLICA, NULL,
              primary ? "%u objects were not as they were shipped: they are shipped again"
                      : "%u objects of the copy are not as they were received",
              differ);
    if (!primary)
        copy_damaged(r);
}

void replica_turn_end(struct replica *r, mono_t now)
{
    mono_t at;

    follower_turn_end(r, now);
    copy_turn_end(r, now);
    check(r, now);
    at = mono_min(follower_deadline(r), copy_deadline(r));
    if ((r->follower.commit.state == COMMIT_HOLDING || r->copy.whole) && !batch_gathers(r))
        at = mono_min(at, r->check_due);
    loop_timer_set(r->timer, at);
}

/* The timer only makes a turn. */
static void on_timer(void *arg, mono_t now)
{
    (void)arg;
    (void)now;
}

/* ---- looking in ---- */

static Sf__ReplicaState state_of(const struct replica *r)
{
    const struct commit *c = &r->follower.commit;

    if (r->copy.link == NULL)
        return SF__REPLICA_STATE__REPLICA_NONE;
    if (r->server->primary && c->state == COMMIT_SOLO)
        return SF__REPLICA_STATE__REPLICA_SOLO;
    if (r->server->primary ? commit_ready(c) : r->copy.trusted)
        return SF__REPLICA_STATE__REPLICA_READY;
    return SF__REPLICA_STATE__REPLICA_JOINING;
}

void replica_report(struct replica *r, Sf__RoleReport *report)
{
    const struct commit *c = &r->follower.commit;
    struct sc_replica_status status;

    sc_replica_status(r->server->core, &status);
    report->replica_state = state_of(r);
    report->replica_objects = status.objects;
    report->replica_digest = status.digest;
    snprintf(r->why, sizeof(r->why), "%s", r->server->primary ? c->why : r->copy.why);
    if (report->replica_state == SF__REPLICA_STATE__REPLICA_READY)
        r->why[0] = '\0';
    report->replica_why = r->why;
    if (r->server->primary) {
        report->replica_epoch = c->epoch;
        report->replica_sequence = c->sequence;
    } else if (r->copy.whole) {
        report->replica_epoch = r->copy.epoch;
        report->replica_sequence = r->copy.sequence;
    }
}

static const char *const names[] = {
#define COUNTER(id, name, text) name,
#include "sipserver/adapt/replica.tbl.h"
};

void replica_counters(struct replica *r, void (*fn)(void *arg, const char *name, uint64_t value),
                      void *arg)
{
    struct held_counts held;

    output_counts(r->server->output, &held);
    r->counts[REPLICA_N_ASKS] = r->follower.commit.asks;
    r->counts[REPLICA_N_SOLOS] = r->follower.commit.solos;
    for (unsigned i = 0; i < REPLICA_COUNTS; i++)
        fn(arg, names[i], r->counts[i]);
    fn(arg, "held_items", held.items);
    fn(arg, "held_bytes", held.bytes);
    fn(arg, "held_bytes_most", held.most);
    fn(arg, "held_longest_us", held.longest_us);
    fn(arg, "drop_held", held.dropped);
}

/* ---- the object ---- */

static void on_peer_message(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                            const struct codec_message *message)
{
    struct replica *r = arg;
    const struct bootstrap *b = &r->server->component->bootstrap;

    if (from->site != bootstrap_self_site(b)->id)
        return; /* the other site has nothing to follow here */
    follower_message(r, peer, message);
}

static void on_peer_gone(void *arg, struct bus_peer *peer)
{
    follower_gone(arg, peer);
}

int replica_new(struct server *server, struct replica **ret_replica)
{
    struct replica *r = calloc(1, sizeof(*r));
    struct component *component = server->component;
    int error;

    if (r == NULL)
        return -ENOMEM;
    r->server = server;
    replica_conf_default(&r->conf);
    error = follower_new(r);
    if (error == 0)
        error = loop_timer_new(component->loop, LOOP_SIP, on_timer, r, &r->timer);
    if (error == 0 && bootstrap_self_site(&component->bootstrap)->host_count > 1) {
        error =
            bus_bind(component->bus, ENDPOINT_REPLICA, LOOP_SIP, on_peer_message, on_peer_gone, r);
        if (error != 0)
            log_event(LEVEL_ERR, MSG_FAULT, NULL, "%s", bus_error(component->bus));
    }
    if (error == 0)
        error = copy_connect(r);
    if (error != 0) {
        replica_destroy(&r);
        return error;
    }
    copy_reset(r);
    *ret_replica = r;
    return 0;
}

void replica_destroy(struct replica **replica)
{
    struct replica *r = *replica;

    if (r == NULL)
        return;
    bus_link_destroy(&r->copy.link);
    follower_free(r);
    loop_timer_destroy(&r->timer);
    free(r);
    *replica = NULL;
}
