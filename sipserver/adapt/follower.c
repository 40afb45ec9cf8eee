/* The primary's side of replica: one backup follows. */
#include "sipserver/adapt/replica_inner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLICE_MS     1
#define SLICE_EMPTY  16 /* so many times as many places as objects */
#define SLICES_AHEAD 16 /* batches of a first copy that may be outstanding */

static mono_t now_of(const struct replica *r)
{
    return loop_now(r->server->component->loop);
}

void follower_told(const struct replica *r, uint8_t before)
{
    const struct commit *c = &r->follower.commit;

    if (c->state == before)
        return;
    log_event(c->state == COMMIT_SOLO || c->state == COMMIT_ASKING ? LEVEL_WARNING : LEVEL_NOTICE,
              MSG_REPLICA,
              LOG_FIELDS(.from = commit_fsm.states[before], .to = commit_state_name(c),
                         .epoch = c->epoch),
              "%s", c->why);
    component_report(r->server->component);
}

/* ---- what commit says ---- */

static void tell_follower(struct follower *f)
{
    Sf__ReplicaRefused out = SF__REPLICA_REFUSED__INIT;

    out.why = (char *)(uintptr_t)f->commit.why;
    if (f->peer != NULL)
        (void)bus_peer_send(f->peer, MESSAGE_REPLICA_REFUSED, &out);
    f->peer = NULL;
}

static void begin(struct replica *r)
{
    struct follower *f = &r->follower;

    sc_replica_follow(r->server->core, true);
    f->slicing = true;
    f->slice_due = now_of(r);
    f->buf.len = f->buf.objects = 0;
    (void)batch_send(r, false); /* the backup lets go of what it had */
}

void follower_act(struct replica *r)
{
    struct follower *f = &r->follower;
    unsigned acts;

    while ((acts = commit_take(&f->commit)) != 0) {
        if ((acts & COMMIT_UNFOLLOW) != 0) {
            sc_replica_follow(r->server->core, false);
            f->slicing = false;
        }
        if ((acts & COMMIT_FOLLOW) != 0)
            begin(r);
        if ((acts & COMMIT_ASK) != 0)
            component_ask_solo(r->server->component, f->commit.epoch, f->commit.asked_sequence);
        if ((acts & COMMIT_END) != 0)
            component_ask_solo(r->server->component, f->commit.epoch, 0);
        if ((acts & COMMIT_RELEASE) != 0)
            output_release(r->server->output, HELD_ALL);
        if ((acts & COMMIT_TELL) != 0)
            tell_follower(f);
    }
}

/* ---- batches ---- */

void follower_lost(struct replica *r)
{
    uint8_t before = r->follower.commit.state;

    r->follower.peer = NULL;
    r->follower.hand_over_until = MONO_NEVER;
    commit_gone(&r->follower.commit, now_of(r));
    follower_told(r, before);
    follower_act(r);
}

/* A part of the first copy, with what has changed before it.  Empty places cost little. */
static void slice(struct replica *r)
{
    struct follower *f = &r->follower;
    struct sc_replica_buf *b = &f->buf;

    f->slice_due = mono_add_ms(now_of(r), SLICE_MS);
    if (!batch_changes(r))
        return;
    for (unsigned i = 0; i < SLICE_EMPTY && f->slicing && b->objects < r->conf.slice &&
                         b->size - b->len >= SC_REPLICA_OBJECT_MAX;
         i++)
        f->slicing = !sc_replica_slice(r->server->core, b, r->conf.slice - b->objects);
    if (b->objects > 0 || !f->slicing)
        (void)batch_send(r, !f->slicing);
}

/* So that the backup's queue, and with it the acknowledgement of what changes meanwhile, stays
 * short. */
static bool may_slice(const struct follower *f)
{
    uint64_t done = f->commit.begun_at - 1;

    if (f->commit.acked > done)
        done = f->commit.acked;
    return f->slicing && commit_follows(&f->commit) && f->commit.sequence - done < SLICES_AHEAD;
}

/* ---- the conversation ---- */

static void refuse(struct replica *r, struct bus_peer *peer, const char *why)
{
    Sf__ReplicaRefused out = SF__REPLICA_REFUSED__INIT;

    replica_count(r, REPLICA_N_REFUSED);
    out.why = (char *)(uintptr_t)why;
    (void)bus_peer_send(peer, MESSAGE_REPLICA_REFUSED, &out);
}

/* "": they are the same. */
static void compare_maxima(const struct replica *r, const Sf__ReplicaJoin *in, const char *host,
                           char *why, size_t size)
{
    const struct sc_maxima *m = &r->server->conf.maxima;
    const struct {
        const char *name;
        uint32_t there, here;
    } maxima[] = {
        {"calls-max", in->calls_max, m->calls},
        {"registrations-max", in->registrations_max, m->registrations},
        {"transactions-max", in->transactions_max, m->transactions},
        {"agents-max", in->agents_max, m->agents},
        {"dns-max", in->dns_max, m->dns},
    };

    why[0] = '\0';
    for (size_t i = 0; i < sizeof(maxima) / sizeof(maxima[0]); i++)
        if (maxima[i].there != maxima[i].here) {
            snprintf(why, size,
                     "%s is %" PRIu32 " at %s and %" PRIu32
                     " at %s: restart the SIP server whose configuration is the older one",
                     maxima[i].name, maxima[i].there, host, maxima[i].here,
                     bootstrap_self(&r->server->component->bootstrap)->name);
            return;
        }
}

static void on_join(struct replica *r, struct bus_peer *peer, const Sf__ReplicaJoin *in)
{
    struct follower *f = &r->follower;
    const char *host = bus_peer_sender(peer)->host;
    uint8_t before = f->commit.state;
    struct sc_status status;
    char why[256];

    sc_status(r->server->core, &status);
    if (!r->server->primary) {
        refuse(r, peer, "this host is not primary");
        return;
    }
    if (!status.ready) {
        refuse(r, peer, "the configuration is not loaded yet");
        return;
    }
    compare_maxima(r, in, host, why, sizeof(why));
    if (why[0] != '\0') {
        log_limited(&r->limit, LEVEL_ERR, MSG_REPLICA, LOG_FIELDS(.object = host),
                    "the backup cannot follow: %s", why);
        refuse(r, peer, why);
        return;
    }
    replica_count(r, REPLICA_N_JOINS_IN);
    log_event(LEVEL_NOTICE, MSG_REPLICA, LOG_FIELDS(.object = host), "the backup joins: %s",
              in->why);
    f->peer = peer;
    commit_join(&f->commit);
    follower_told(r, before);
    follower_act(r);
}

static void handed_over(struct replica *r)
{
    r->follower.hand_over_until = MONO_NEVER;
    component_report(r->server->component);
}

static void on_ack(struct replica *r, const Sf__ReplicaAck *in)
{
    struct follower *f = &r->follower;
    uint8_t before = f->commit.state;
    bool was_ready = commit_ready(&f->commit);

    replica_count(r, REPLICA_N_ACKS_IN);
    if (!mono_is_never(f->hand_over_until) && in->sequence >= f->last)
        handed_over(r);
    if (!commit_ack(&f->commit, in->sequence, in->ready))
        return;
    if (in->sequence == f->commit.sequence &&
        (in->digest != f->digest || in->objects_n != f->objects)) {
        replica_count(r, REPLICA_N_DIFFERENCES);
        log_limited(&r->limit, LEVEL_ERR, MSG_REPLICA, LOG_FIELDS(.epoch = f->commit.epoch),
                    "the backup's copy differs at batch %" PRIu64 ": %" PRIu64
                    " objects there, %" PRIu64 " here; it begins anew",
                    in->sequence, in->objects_n, f->objects);
    }
    output_release(r->server->output, f->commit.acked);
    commit_acked(&f->commit, now_of(r), output_oldest(r->server->output));
    follower_told(r, before);
    follower_act(r);
    if (commit_ready(&f->commit) != was_ready)
        component_report(r->server->component);
}

void follower_message(struct replica *r, struct bus_peer *peer, const struct codec_message *message)
{
    if (message->type == MESSAGE_REPLICA_JOIN)
        on_join(r, peer, message->body);
    else if (message->type == MESSAGE_REPLICA_ACK && peer == r->follower.peer)
        on_ack(r, message->body);
}

void follower_gone(struct replica *r, const struct bus_peer *peer)
{
    bool handing_over = !mono_is_never(r->follower.hand_over_until);

    if (peer != r->follower.peer)
        return;
    follower_lost(r);
    if (handing_over)
        handed_over(r);
}

/* ---- the role ---- */

void replica_order(struct replica *r)
{
    const struct component_role *role = &r->server->component->role;
    uint8_t before = r->follower.commit.state;

    commit_primary(&r->follower.commit, role->epoch);
    commit_order(&r->follower.commit, now_of(r), role->solo_epoch, role->solo_sequence);
    follower_told(r, before);
    follower_act(r);
}

/* It need not wait for batches any more: it asks until somebody is primary. */
static void let_go(struct replica *r)
{
    Sf__ReplicaRefused out = SF__REPLICA_REFUSED__INIT;

    out.why = (char *)(uintptr_t) "this host is not primary";
    if (r->follower.peer != NULL)
        (void)bus_peer_send(r->follower.peer, MESSAGE_REPLICA_REFUSED, &out);
}

/* The last batch is on its way; until the backup has it, nobody should become primary. */
void follower_stop(struct replica *r)
{
    struct follower *f = &r->follower;
    uint8_t before = f->commit.state;

    if (f->commit.state == COMMIT_HOLDING && f->commit.acked < f->commit.sequence) {
        f->last = f->commit.sequence;
        f->hand_over_until = mono_add_ms(now_of(r), r->conf.patience_ms);
    }
    commit_stopped(&f->commit);
    (void)commit_take(&f->commit); /* the core follows nobody when it is told */
    f->slicing = false;
    f->records_n = 0;
    let_go(r);
    follower_told(r, before);
}

bool replica_handing_over(const struct replica *r)
{
    return !mono_is_never(r->follower.hand_over_until);
}

/* ---- time ---- */

mono_t follower_deadline(const struct replica *r)
{
    const struct follower *f = &r->follower;
    mono_t at = commit_deadline(&f->commit, output_oldest(r->server->output));

    at = mono_min(at, f->hand_over_until);
    if (batch_gathers(r))
        at = mono_min(at, batch_due(r));
    if (may_slice(f))
        at = mono_min(at, f->slice_due);
    if (commit_follows(&f->commit))
        at = mono_min(at, mono_add_ms(f->sent, REPLICA_BEAT_MS));
    return at;
}

/* Everything that came has been looked at, and everything that changed has been sent. */
void follower_turn_end(struct replica *r, mono_t now)
{
    struct follower *f = &r->follower;
    uint8_t before = f->commit.state;

    if (mono_due(f->hand_over_until, now)) {
        log_event(LEVEL_WARNING, MSG_REPLICA, NULL,
                  "the backup has not acknowledged the last batch within replica-patience");
        handed_over(r);
    }
    commit_tick(&f->commit, now, output_oldest(r->server->output));
    follower_told(r, before);
    follower_act(r);
    if (may_slice(f) && mono_due(f->slice_due, now))
        slice(r);
    if (commit_follows(&f->commit) && mono_due(mono_add_ms(f->sent, REPLICA_BEAT_MS), now))
        (void)batch_send(r, false);
}

int follower_new(struct replica *r)
{
    struct follower *f = &r->follower;

    commit_init(&f->commit);
    f->hand_over_until = f->gathers = MONO_NEVER;
    f->buf.size = REPLICA_BATCH_BYTES;
    f->buf.p = malloc(f->buf.size);
    return f->buf.p == NULL ? -ENOMEM : 0;
}

void follower_free(struct replica *r)
{
    free(r->follower.buf.p);
    free(r->follower.records);
}
