/* The primary's batches: when they leave, and what is in them. */
#include "sipserver/adapt/replica_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sipserver/adapt/killpoint.h"
#include "sipserver/adapt/records.h"

#define BATCH_RECORDS 64
#define RECORDS_MAX   4096 /* that wait for a batch */

static mono_t now_of(const struct replica *r)
{
    return loop_now(r->server->component->loop);
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

bool batch_send(struct replica *r, bool whole)
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
        follower_lost(r);
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
    follower_told(r, before);
    if (out.objects.len > 0)
        KILL_POINT(COMMITTED);
    return true;
}

/* Most often there is nothing. */
bool batch_changes(struct replica *r)
{
    struct follower *f = &r->follower;
    bool all = false;

    while (!all && (sc_replica_changed(r->server->core) || f->records_n > 0)) {
        all = sc_replica_changes(r->server->core, &f->buf) && f->records_n <= BATCH_RECORDS;
        if ((f->buf.objects > 0 || f->records_n > 0) && !batch_send(r, false))
            return false;
    }
    return true;
}

/* Batches in close succession cost more than what is in them: a process is woken up for each, four
 * times until it is acknowledged.  So what changes while output waits anyway goes at the end of the
 * turn, and when the batch before has just left, a little later with what the next turn changes. */
bool batch_gathers(const struct replica *r)
{
    const struct follower *f = &r->follower;

    return f->commit.state == COMMIT_HOLDING && !mono_is_never(f->gathers);
}

static bool changed(const struct replica *r)
{
    return sc_replica_changed(r->server->core) || r->follower.records_n > 0;
}

/* What was gathered goes out, and what waits for it knows its number. */
static void send_gathered(struct replica *r)
{
    struct follower *f = &r->follower;

    f->gathers = MONO_NEVER;
    if (!batch_changes(r))
        return; /* what waits has no number: the right to go on alone is asked for */
    output_mark(r->server->output, f->commit.sequence);
    if (f->commit.acked == f->commit.sequence) /* nothing was different after all */
        output_release(r->server->output, f->commit.acked);
}

mono_t batch_due(const struct replica *r)
{
    const struct follower *f = &r->follower;
    mono_t spaced = mono_add_ms(f->sent, 2 * (int64_t)r->conf.gather_ms);

    return mono_due(spaced, f->gathers) ? f->gathers : mono_add_ms(f->gathers, r->conf.gather_ms);
}

void replica_gathered(struct replica *r, mono_t now)
{
    if (batch_gathers(r) && mono_due(batch_due(r), now))
        send_gathered(r);
}

enum replica_commit replica_commit(struct replica *r, uint64_t *ret_number)
{
    struct follower *f = &r->follower;
    struct commit *c = &f->commit;

    if (c->state != COMMIT_HOLDING)
        f->gathers = MONO_NEVER;
    else if (mono_is_never(f->gathers) && changed(r))
        f->gathers = now_of(r);
    if (batch_gathers(r))
        return REPLICA_ASKS;
    if (commit_follows(c))
        (void)batch_changes(r);
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
    follower_told(r, before);
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
