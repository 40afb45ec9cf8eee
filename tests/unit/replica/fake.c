#include <stdio.h>
#include <string.h>

#include "kit_inner.h"

struct fake fake;
Sf__ReplicaBatch batch_head;
uint64_t desktop_answered;

static struct bus *cli, *desktop;
static struct bus_link *desktop_link;

/* ---- the other SIP server ---- */

static void note_record(const Sf__CallRecord *record)
{
    snprintf(fake.record_call, sizeof(fake.record_call), "%s", record->call);
    snprintf(fake.record_reason, sizeof(fake.record_reason), "%s", record->outcome);
}

static void on_batch(const Sf__ReplicaBatch *in)
{
    if (!in->begin)
        cr_assert_eq(in->sequence, fake.batch.sequence + 1, "a gap");
    fake.batches++;
    fake.begun += in->begin;
    fake.whole = in->whole || (fake.whole && !in->begin);
    fake.records += in->n_records;
    if (in->n_records > 0)
        note_record(in->records[in->n_records - 1]);
    if (in->objects.len > 0)
        fake.changes = in->sequence;
    fake.batch = *in;
    if (fake.acks)
        fake_ack(in->sequence, fake.whole);
}

static void on_link(void *arg, struct bus_link *link, const struct bus_sender *from,
                    const struct codec_message *message)
{
    const Sf__ReplicaRefused *refused = message->body;

    (void)arg;
    (void)link;
    (void)from;
    if (message->type == MESSAGE_REPLICA_BATCH)
        on_batch(message->body);
    if (message->type != MESSAGE_REPLICA_REFUSED)
        return;
    fake.refused++;
    snprintf(fake.why, sizeof(fake.why), "%s", refused->why);
}

static void on_link_state(void *arg, struct bus_link *link, bool up)
{
    (void)arg;
    (void)link;
    fake.up = up;
}

static void on_backup(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                      const struct codec_message *message)
{
    const Sf__ReplicaJoin *join = message->body;

    (void)arg;
    (void)from;
    fake.peer = peer;
    if (message->type == MESSAGE_REPLICA_JOIN) {
        fake.joins++;
        fake.join = *join;
        snprintf(fake.why, sizeof(fake.why), "%s", join->why);
    } else if (message->type == MESSAGE_REPLICA_ACK) {
        fake.acked++;
        fake.ack = *(const Sf__ReplicaAck *)message->body;
    }
}

static void on_backup_gone(void *arg, struct bus_peer *peer)
{
    (void)arg;
    if (fake.peer == peer)
        fake.peer = NULL;
}

void fake_start(unsigned host, bool primary, uint64_t epoch)
{
    if (fake.bus == NULL)
        fake.bus = kit_bus(host, PROCESS_SIPSERVER);
    bus_set_role(fake.bus, primary, epoch);
    cr_assert_eq(bus_bind(fake.bus, ENDPOINT_REPLICA, LOOP_SIP, on_backup, on_backup_gone, NULL), 0,
                 "%s", bus_error(fake.bus));
    cr_assert_eq(bus_connect(fake.bus, ENDPOINT_REPLICA, kit_names[1 - host], LOOP_SIP, on_link,
                             on_link_state, NULL, &fake.link),
                 0, "%s", bus_error(fake.bus));
    until(fake.up);
}

void fake_stop(void)
{
    bus_destroy(&fake.bus);
    fake.link = NULL;
    fake.peer = NULL;
    fake.up = false;
}

void fake_join(const char *why)
{
    Sf__ReplicaJoin m = SF__REPLICA_JOIN__INIT;

    m.version = 1;
    m.calls_max = options.calls_max != 0 ? options.calls_max : 10000;
    m.registrations_max = 100000;
    m.transactions_max = 50000;
    m.agents_max = 5000;
    m.dns_max = 50000;
    m.why = kit_text(why);
    cr_assert_eq(bus_link_send(fake.link, MESSAGE_REPLICA_JOIN, &m), 0);
}

void fake_ack(uint64_t sequence, bool ready)
{
    Sf__ReplicaAck m = SF__REPLICA_ACK__INIT;

    m.epoch = fake.batch.epoch;
    m.sequence = sequence;
    m.objects_n = fake.batch.objects_n;
    m.digest = fake.batch.digest;
    m.ready = ready;
    cr_assert_eq(bus_link_send(fake.link, MESSAGE_REPLICA_ACK, &m), 0);
}

void fake_follow(void)
{
    unsigned begun = fake.begun;

    fake.acks = true;
    fake_join("started");
    until(fake.begun > begun && fake.whole &&
          houses[EAST1].report.replica_state == SF__REPLICA_STATE__REPLICA_READY);
}

void fake_batch(uint64_t sequence, bool begin, bool whole, Sf__CallRecord *record)
{
    Sf__ReplicaBatch m = batch_head;

    cr_assert_not_null(fake.peer);
    m.sequence = sequence;
    m.begin = begin;
    m.whole = whole;
    m.now_ns = loop_now_exact().ns;
    m.n_records = record != NULL;
    m.records = &record;
    cr_assert_eq(bus_peer_send(fake.peer, MESSAGE_REPLICA_BATCH, &m), 0);
}

/* ---- the command line ---- */

static unsigned records_n;
static char outcome[64];
static bool answered, cli_up;

static void on_calls(void *arg, struct bus_link *link, const struct bus_sender *from,
                     const struct codec_message *message)
{
    const Sf__CallsReply *in = message->body;

    (void)arg;
    (void)link;
    (void)from;
    if (message->type != MESSAGE_CALLS_REPLY)
        return;
    answered = true;
    records_n = (unsigned)in->n_calls;
    if (in->n_calls > 0)
        snprintf(outcome, sizeof(outcome), "%s", in->calls[in->n_calls - 1]->outcome);
}

static void on_cli_state(void *arg, struct bus_link *link, bool up)
{
    (void)arg;
    (void)link;
    cli_up = up;
}

unsigned records_at(unsigned host, char *ret_outcome, size_t size)
{
    Sf__CallsRequest m = SF__CALLS_REQUEST__INIT;
    struct bus_link *link;

    m.records = true;
    cli = kit_bus(host, PROCESS_CLI);
    cr_assert_eq(
        bus_connect(cli, ENDPOINT_CALLS, NULL, LOOP_SIP, on_calls, on_cli_state, NULL, &link), 0);
    answered = cli_up = false;
    outcome[0] = '\0';
    until(cli_up);
    cr_assert_eq(bus_link_send(link, MESSAGE_CALLS_REQUEST, &m), 0);
    until(answered);
    bus_destroy(&cli);
    snprintf(ret_outcome, size, "%s", outcome);
    return records_n;
}

/* ---- a desktop ---- */

static void on_agent(void *arg, struct bus_link *link, const struct bus_sender *from,
                     const struct codec_message *message)
{
    (void)arg;
    (void)link;
    (void)from;
    if (message->type == MESSAGE_AGENT_REPLY)
        desktop_answered = ((const Sf__AgentReply *)message->body)->request_id;
}

void desktop_ask(unsigned host, uint64_t id)
{
    Sf__AgentRequest m = SF__AGENT_REQUEST__INIT;

    if (desktop == NULL) {
        desktop = kit_bus(host, PROCESS_DESKTOP);
        cr_assert_eq(bus_connect(desktop, ENDPOINT_AGENT, NULL, LOOP_SIP, on_agent, NULL, NULL,
                                 &desktop_link),
                     0);
        until(bus_link_up(desktop_link));
    }
    m.request_id = id;
    m.op = SF__AGENT_OP__AGENT_QUERY;
    m.agent = kit_text("ann");
    cr_assert_eq(bus_link_send(desktop_link, MESSAGE_AGENT_REQUEST, &m), 0);
}

void fake_close(void)
{
    fake_stop();
    bus_destroy(&cli);
    bus_destroy(&desktop);
    desktop_link = NULL;
    desktop_answered = 0;
    memset(&fake, 0, sizeof(fake));
    sf__replica_batch__init(&batch_head);
}
