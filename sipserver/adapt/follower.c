/* The primary's side of replica: one backup follows. */
#include "sipserver/adapt/replica_inner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sipserver/adapt/killpoint.h"
#include "sipserver/adapt/records.h"

#define SLICE_MS      1
#define SLICE_EMPTY   16 /* so many times as many places as objects */
#define SLICES_AHEAD  16 /* batches of a first copy that may be outstanding */
#define BATCH_RECORDS 64
#define RECORDS_MAX   4096 /* that wait for a batch */

static mono_t now_of(const struct replica *r)
{
    return loop_now(r->server->component->loop);
}

static void told(const struct replica *r, uint8_t before)
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

static bool send_batch(struct replica *r, bool whole);

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
    (void)send_batch(r, false); /* the backup lets go of what it had */
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

/* The backup has gone, or its queue is full. */
static void lost(struct replica *r)
{
    uint8_t before = r->follower.commit.state;

    r->follower.peer = NULL;
    r->follower.hand_over_until = MONO_NEVER;
    commit_gone(&r->follower.commit, now_of(r));
    told(r, before);
    follower_act(r);
}

static unsigned fill_records(struct follower *f, struct record_message *messages,
                             Sf__CallRecord **list)
{
    unsigned n = f->records_n < BATCH_RECORDS ? f->records_n : BATCH_RECORDS;

    for (unsigned i = 0; i < n; i++) {
        record_message(&f->records[i], &messages[i]);
        list[i] = &messages[i].call;
    }
    return n;
}

static void records_sent(struct follower *f, unsigned n)
{
    if (n == 0) /* there may be no room for any yet */
        return;
    f->records_n -= n;
    memmove(f->records, f->records + n, f->records_n * sizeof(*f->records));
}

/* Send what BUF has, as the next batch.  False: the backup is lost. */
static bool send_batch(struct replica *r, bool whole)
{
    struct follower *f = &r->follower;
    Sf__ReplicaBatch out = SF__REPLICA_BATCH__INIT;
    static struct record_message messages[BATCH_RECORDS];
    Sf__CallRecord *records[BATCH_RECORDS];
    struct sc_replica_status status;
    uint8_t before = f->commit.state;
    int sent;

    sc_replica_status(r->server->core, &status);
    out.epoch = f->commit.epoch;
    out.sequence = f->commit.sequence + 1;
    out.begin = commit_begins(&f->commit);
    out.whole = whole;
    out.objects.data = (uint8_t *)f->buf.p;
    out.objects.len = f->buf.len;
    out.objects_n = f->objects = status.objects;
    out.digest = f->digest = status.digest;
    out.n_records = fill_records(f, messages, records);
    out.records = records;
    out.now_ns = loop_now_exact().ns;
    sent = f->peer != NULL ? bus_peer_send(f->peer, MESSAGE_REPLICA_BATCH, &out) : -ENOTCONN;
    if (sent == -EINVAL &&
        out.n_records > 0) { /* a text that the codec refuses; it has logged it */
        r->counts[REPLICA_N_RECORDS_LOST] += out.n_records;
        records_sent(f, (unsigned)out.n_records);
        out.n_records = 0;
        sent = bus_peer_send(f->peer, MESSAGE_REPLICA_BATCH, &out);
    }
    if (sent != 0) {
        lost(r);
        return false;
    }
    records_sent(f, (unsigned)out.n_records);
    f->sent = now_of(r);
    replica_count(r, REPLICA_N_BATCHES_OUT);
    r->counts[REPLICA_N_BYTES_OUT] += f->buf.len;
    r->counts[REPLICA_N_OBJECTS_OUT] += f->buf.objects;
    r->counts[REPLICA_N_RECORDS_OUT] += out.n_records;
    f->buf.len = f->buf.objects = 0;
    commit_sent(&f->commit, whole);
    told(r, before);
    if (out.objects.len > 0)
        KILL_POINT(COMMITTED);
    return true;
}

/* What has changed goes out; most often there is nothing.  False: the backup is lost. */
static bool send_changes(struct replica *r)
{
    struct follower *f = &r->follower;
    bool all = false;

    while (!all && (sc_replica_changed(r->server->core) || f->records_n > 0)) {
        all = sc_replica_changes(r->server->core, &f->buf) && f->records_n <= BATCH_RECORDS;
        if ((f->buf.objects > 0 || f->records_n > 0) && !send_batch(r, false))
            return false;
    }
    return true;
}

enum replica_commit replica_commit(struct replica *r, uint64_t *ret_number)
{
    struct commit *c = &r->follower.commit;

    if (commit_follows(c))
        (void)send_changes(r);
    *ret_number = c->sequence;
    if (!commit_holds(c) || (c->state == COMMIT_HOLDING && c->acked == c->sequence))
        return REPLICA_LEAVES;
    return c->state == COMMIT_ASKING ? REPLICA_ASKS : REPLICA_WAITS;
}

bool replica_holds(const struct replica *r)
{
    return r != NULL && commit_holds(&r->follower.commit);
}

void replica_full(struct replica *r)
{
    uint8_t before = r->follower.commit.state;

    commit_full(&r->follower.commit, now_of(r));
    told(r, before);
    follower_act(r);
}

static bool more_records(struct follower *f)
{
    uint32_t more = f->records_max == 0 ? 16 : f->records_max * 2;
    struct sc_record *records;

    if (f->records_n < f->records_max)
        return true;
    records = more <= RECORDS_MAX ? realloc(f->records, more * sizeof(*records)) : NULL;
    if (records == NULL)
        return false;
    f->records = records;
    f->records_max = more;
    return true;
}

void replica_record(struct replica *r, const struct sc_record *record)
{
    struct follower *f = &r->follower;

    if (!commit_follows(&f->commit) && f->commit.state != COMMIT_ASKING)
        return;
    if (more_records(f))
        f->records[f->records_n++] = *record;
    else
        replica_count(r, REPLICA_N_RECORDS_LOST);
}

/* A part of the first copy, with what has changed before it.  Empty places cost little. */
static void slice(struct replica *r)
{
    struct follower *f = &r->follower;
    struct sc_replica_buf *b = &f->buf;

    f->slice_due = mono_add_ms(now_of(r), SLICE_MS);
    if (!send_changes(r))
        return;
    for (unsigned i = 0; i < SLICE_EMPTY && f->slicing && b->objects < r->conf.slice &&
                         b->size - b->len >= SC_REPLICA_OBJECT_MAX;
         i++)
        f->slicing = !sc_replica_slice(r->server->core, b, r->conf.slice - b->objects);
    if (b->objects > 0 || !f->slicing)
        (void)send_batch(r, !f->slicing);
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
    told(r, before);
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
    told(r, before);
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
    lost(r);
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
    told(r, before);
    follower_act(r);
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
    told(r, before);
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
    told(r, before);
    follower_act(r);
    if (may_slice(f) && mono_due(f->slice_due, now))
        slice(r);
    if (commit_follows(&f->commit) && mono_due(mono_add_ms(f->sent, REPLICA_BEAT_MS), now))
        (void)send_batch(r, false);
}

int follower_new(struct replica *r)
{
    struct follower *f = &r->follower;

    commit_init(&f->commit);
    f->hand_over_until = MONO_NEVER;
    f->buf.size = REPLICA_BATCH_BYTES;
    f->buf.p = malloc(f->buf.size);
    return f->buf.p == NULL ? -ENOMEM : 0;
}

void follower_free(struct replica *r)
{
    free(r->follower.buf.p);
    free(r->follower.records);
}
