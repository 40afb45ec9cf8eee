/* The backup's side of replica: the copy in this core. */
#include "sipserver/adapt/replica_inner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sipserver/adapt/records.h"

#define ASK_MS    100                               /* a copy is asked for this often */
#define WINDOW_NS (INT64_C(10000) * MONO_NS_PER_MS) /* of the difference of the clocks */

static mono_t now_of(const struct replica *r)
{
    return loop_now(r->server->component->loop);
}

__attribute__((format(printf, 2, 3))) static void say(struct copy *c, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(c->why, sizeof(c->why), format, arguments);
    va_end(arguments);
}

/* ---- asking ---- */

static void ask(struct replica *r)
{
    const struct sc_maxima *m = &r->server->conf.maxima;
    struct copy *c = &r->copy;
    Sf__ReplicaJoin out = SF__REPLICA_JOIN__INIT;
    struct sc_status status;

    c->ask_due = mono_add_ms(now_of(r), ASK_MS);
    sc_status(r->server->core, &status);
    if (r->server->primary || !status.ready || !bus_link_up(c->link))
        return; /* the maxima are known when the configuration is */
    out.version = 1;
    out.calls_max = m->calls;
    out.registrations_max = m->registrations;
    out.transactions_max = m->transactions;
    out.agents_max = m->agents;
    out.dns_max = m->dns;
    out.why = c->why;
    if (bus_link_send(c->link, MESSAGE_REPLICA_JOIN, &out) == 0)
        replica_count(r, REPLICA_N_JOINS_OUT);
}

/* The copy is not what the primary has: another one is needed.  What is there stays until that
 * begins: should the primary die before, it is better than nothing. */
static void ask_anew(struct replica *r)
{
    struct copy *c = &r->copy;
    bool was = c->trusted;

    c->coming = c->trusted = c->ack_due = false;
    log_limited(&r->limit, LEVEL_WARNING, MSG_REPLICA, LOG_FIELDS(.epoch = c->epoch),
                "a new copy is needed: %s", c->why);
    if (was)
        component_report(r->server->component);
    ask(r);
}

/* ---- the clock ---- */

/* What was on its way for a while makes the difference look greater: the least one counts, of two
 * windows, as the clocks drift. */
static void note_clock(struct copy *c, int64_t there_ns)
{
    mono_t now = loop_now_exact();
    int64_t ahead = now.ns - there_ns;

    if (mono_due(c->window_end, now)) {
        c->ahead_before_ns = c->window_end.ns != 0 ? c->ahead_ns : ahead;
        c->ahead_ns = ahead;
        c->window_end = (mono_t){now.ns + WINDOW_NS};
    }
    if (ahead < c->ahead_ns)
        c->ahead_ns = ahead;
}

static int64_t clock_ahead(const struct copy *c)
{
    return c->ahead_ns < c->ahead_before_ns ? c->ahead_ns : c->ahead_before_ns;
}

/* ---- batches ---- */

static void begin(struct replica *r, const Sf__ReplicaBatch *in)
{
    struct copy *c = &r->copy;
    bool was = c->trusted;

    sc_replica_clear(r->server->core);
    c->any = c->coming = true;
    c->whole = c->trusted = c->own = false;
    c->epoch = in->epoch;
    c->sequence = in->sequence - 1;
    c->window_end = MONO_ZERO;
    say(c, "the copy is being made");
    if (was)
        component_report(r->server->component); /* before the primary hears that it is gone */
}

/* False: it is not the next one. */
static bool follows(struct replica *r, const Sf__ReplicaBatch *in)
{
    struct copy *c = &r->copy;

    if (in->begin)
        begin(r, in);
    if (!c->coming)
        return false; /* of the copy before; another one is asked for */
    if (in->sequence == c->sequence + 1 && in->epoch >= c->epoch)
        return true;
    replica_count(r, REPLICA_N_GAPS);
    say(c, "a gap: batch %" PRIu64 " came after %" PRIu64, in->sequence, c->sequence);
    ask_anew(r);
    return false;
}

static bool take_over(struct replica *r, const Sf__ReplicaBatch *in)
{
    struct copy *c = &r->copy;
    int error = sc_replica_apply(r->server->core, (const char *)in->objects.data, in->objects.len);

    if (error != 0) {
        replica_count(r, REPLICA_N_UNREADABLE);
        say(c, "batch %" PRIu64 " cannot be taken over: %s", in->sequence,
            error == -ERANGE     ? "a place beyond the tables"
            : error == -EMSGSIZE ? "a text beyond its room"
                                 : "it cannot be read");
        ask_anew(r);
        return false;
    }
    for (size_t i = 0; i < in->n_records; i++)
        records_keep(r->server->records, in->records[i]);
    c->sequence = in->sequence;
    c->epoch = in->epoch;
    note_clock(c, in->now_ns);
    replica_count(r, REPLICA_N_BATCHES_IN);
    r->counts[REPLICA_N_BYTES_IN] += in->objects.len;
    return true;
}

static bool equal(struct replica *r, const Sf__ReplicaBatch *in)
{
    struct sc_replica_status here;

    sc_replica_status(r->server->core, &here);
    if (here.digest == in->digest && here.objects == in->objects_n)
        return true;
    replica_count(r, REPLICA_N_DIFFERENCES);
    say(&r->copy,
        "the copies differ at batch %" PRIu64 ": %" PRIu64 " objects here, %" PRIu64
        " at the primary",
        in->sequence, here.objects, in->objects_n);
    log_event(LEVEL_ERR, MSG_REPLICA, LOG_FIELDS(.epoch = in->epoch), "%s", r->copy.why);
    return false;
}

static void on_batch(struct replica *r, const Sf__ReplicaBatch *in)
{
    struct copy *c = &r->copy;

    if (r->server->primary || in->epoch < r->server->component->role.epoch) {
        replica_count(r, REPLICA_N_STALE);
        return;
    }
    if (!follows(r, in) || !take_over(r, in))
        return;
    if (!equal(r, in)) {
        c->whole = false;
        ask_anew(r);
        return;
    }
    c->ack_due = true;
    if (!in->whole)
        return;
    c->whole = c->trusted = true;
    c->why[0] = '\0';
    log_event(LEVEL_NOTICE, MSG_REPLICA, LOG_FIELDS(.to = "READY", .epoch = c->epoch),
              "the copy is whole: %" PRIu64 " objects", in->objects_n);
    component_report(r->server->component);
}

static void acknowledge(struct replica *r)
{
    struct copy *c = &r->copy;
    Sf__ReplicaAck out = SF__REPLICA_ACK__INIT;
    struct sc_replica_status status;

    c->ack_due = false;
    if (r->server->primary)
        return;
    sc_replica_status(r->server->core, &status);
    out.epoch = c->epoch;
    out.sequence = c->sequence;
    out.objects_n = status.objects;
    out.digest = status.digest;
    out.ready = c->trusted;
    if (bus_link_send(c->link, MESSAGE_REPLICA_ACK, &out) == 0)
        replica_count(r, REPLICA_N_ACKS_OUT);
}

/* ---- the conversation ---- */

/* Who is no primary has no better copy than ours; who is one goes on without us. */
static void on_refused(struct replica *r, const Sf__ReplicaRefused *in, bool primary)
{
    struct copy *c = &r->copy;

    if (r->server->primary)
        return;
    say(c, "%s: %s", bus_link_host(c->link), in->why);
    if (!primary) {
        if (c->coming)
            c->ask_due = mono_add_ms(now_of(r), ASK_MS);
        c->coming = false;
        return;
    }
    if (c->coming)
        ask_anew(r);
    else if (c->trusted) {
        c->trusted = false;
        component_report(r->server->component);
    }
}

static void on_message(void *arg, struct bus_link *link, const struct bus_sender *from,
                       const struct codec_message *message)
{
    struct replica *r = arg;

    (void)link;
    if (message->type == MESSAGE_REPLICA_BATCH)
        on_batch(r, message->body);
    else if (message->type == MESSAGE_REPLICA_REFUSED)
        on_refused(r, message->body, from->primary);
}

/* A whole copy stays what it is when the primary goes: that is what it is for. */
static void on_state(void *arg, struct bus_link *link, bool up)
{
    struct replica *r = arg;
    struct copy *c = &r->copy;

    c->coming = c->ack_due = false;
    if (r->server->primary)
        return;
    say(c, "the connection to %s %s", bus_link_host(link), up ? "is new" : "is down");
    if (up)
        ask(r);
}

int copy_connect(struct replica *r)
{
    const struct bootstrap *b = &r->server->component->bootstrap;
    const struct bootstrap_site *site = bootstrap_self_site(b);
    struct bus *bus = r->server->component->bus;
    int error = 0;

    for (uint32_t i = 0; i < site->host_count && error == 0; i++)
        if (site->hosts[i] != b->self)
            error = bus_connect(bus, ENDPOINT_REPLICA, b->hosts[site->hosts[i]].name, LOOP_SIP,
                                on_message, on_state, r, &r->copy.link);
    if (error != 0)
        log_event(LEVEL_ERR, MSG_KEYS, NULL, "%s", bus_error(bus));
    return error;
}

/* ---- the role ---- */

void copy_reset(struct replica *r)
{
    struct copy *c = &r->copy;

    c->any = c->whole = c->trusted = c->coming = c->ack_due = c->own = false;
    c->sequence = c->epoch = 0;
    c->ask_due = MONO_ZERO;
    say(c, "started");
}

/* What this host had as primary is all that there was up to now.  Somebody may be primary after us:
 * it is good until that one's first batch, and no copy to hand the role over to. */
void copy_keep(struct replica *r, uint64_t epoch, uint64_t sequence)
{
    struct copy *c = &r->copy;

    copy_reset(r);
    c->any = c->whole = c->own = true;
    c->epoch = epoch;
    c->sequence = sequence;
    say(c, "this host was primary until now");
}

/* Of a copy that was not whole the core takes what makes sense. */
int64_t copy_take_over(struct replica *r)
{
    const struct component_role *role = &r->server->component->role;
    struct copy *c = &r->copy;
    int64_t ahead = c->any && !c->own ? clock_ahead(c) : 0;
    const char *old = c->trusted ? "" : c->whole ? ", which is old: " : ", which is not whole: ";

    if (c->own)
        log_event(LEVEL_NOTICE, MSG_REPLICA, LOG_FIELDS(.epoch = c->epoch),
                  "goes on from what it had as primary, as of batch %" PRIu64, c->sequence);
    else if (c->any)
        log_event(c->trusted && !role->stale ? LEVEL_NOTICE : LEVEL_WARNING, MSG_REPLICA,
                  LOG_FIELDS(.epoch = c->epoch),
                  "goes on from the copy as of batch %" PRIu64 "%s%s", c->sequence, old,
                  c->trusted ? "" : c->why);
    if (role->stale)
        log_event(LEVEL_ERR, MSG_REPLICA, LOG_FIELDS(.epoch = role->stale_epoch),
                  "the primary before has sent alone from batch %" PRIu64
                  " on: what came since is lost, this copy ends with batch %" PRIu64,
                  role->stale_sequence, c->sequence);
    copy_reset(r);
    return ahead;
}

void copy_damaged(struct replica *r)
{
    r->copy.whole = false;
    say(&r->copy, "the copy here is damaged");
    ask_anew(r);
}

/* ---- time ---- */

mono_t copy_deadline(const struct replica *r)
{
    if (r->server->primary || r->copy.link == NULL || r->copy.coming || replica_handing_over(r))
        return MONO_NEVER;
    return r->copy.ask_due;
}

void copy_turn_end(struct replica *r, mono_t now)
{
    if (r->copy.ack_due)
        acknowledge(r);
    if (mono_due(copy_deadline(r), now))
        ask(r);
}
