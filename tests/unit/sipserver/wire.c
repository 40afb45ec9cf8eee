/* The copy on the wire: its records are what proto/replica_object.proto says, and damaged ones are
 * refused whole. */
#include "tests/unit/sipserver/kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/record.h"
#include "proto/replica.pb-c.h"
#include "proto/replica_object.pb-c.h"
#include "sipserver/core/replica_inner.h"

/* ---- the tables and the messages ---- */

static const ProtobufCMessageDescriptor *const messages[] = {
    &sf__replica_mode__descriptor,     &sf__replica_dn__descriptor,
    &sf__replica_agent__descriptor,    &sf__replica_binding__descriptor,
    &sf__replica_path__descriptor,     &sf__replica_call__descriptor,
    &sf__replica_leg__descriptor,      &sf__replica_sdp__descriptor,
    &sf__replica_offer__descriptor,    &sf__replica_relay__descriptor,
    &sf__replica_data__descriptor,     &sf__replica_came__descriptor,
    &sf__replica_transaction__descriptor,
};

static bool fits(const struct record_field *f, const ProtobufCFieldDescriptor *d)
{
    switch ((enum record_type)f->type) {
    case RECORD_T_NUMBER:
        return d->type == (f->size == 8 ? PROTOBUF_C_TYPE_UINT64 : PROTOBUF_C_TYPE_UINT32);
    case RECORD_T_FIXED:
        return d->type ==
               (f->use == REPLICA_MOMENT ? PROTOBUF_C_TYPE_SFIXED64 : PROTOBUF_C_TYPE_FIXED64);
    case RECORD_T_TIMER: return d->type == PROTOBUF_C_TYPE_SFIXED64;
    case RECORD_T_TEXT:
    case RECORD_T_BYTES:
    case RECORD_T_PART: return d->type == PROTOBUF_C_TYPE_BYTES;
    case RECORD_T_RECORD: return d->type == PROTOBUF_C_TYPE_MESSAGE;
    }
    return false;
}

static void same(const struct record_table *table, const ProtobufCMessageDescriptor *message)
{
    unsigned last = 0;

    cr_assert_str_eq(table->name, message->short_name);
    for (unsigned i = 0; i < table->n; i++) {
        const struct record_field *f = &table->fields[i];
        const ProtobufCFieldDescriptor *d =
            protobuf_c_message_descriptor_get_field(message, f->number);
        const char *name = strncmp(f->name, "r.", 2) == 0 ? f->name + 2 : f->name;

        cr_assert_gt(f->number, last, "%s.%s: numbers rise", table->name, name);
        last = f->number;
        cr_assert_not_null(d, "%s.%s = %u is in no message", table->name, name, f->number);
        cr_assert_str_eq(d->name, name, "%s = %u", table->name, f->number);
        cr_assert(fits(f, d), "%s.%s has another type", table->name, name);
        cr_assert_eq(f->most != 0, d->label == PROTOBUF_C_LABEL_REPEATED, "%s.%s", table->name,
                     name);
        if (f->of != NULL)
            same(f->of, d->descriptor);
    }
}

Test(wire, every_field_of_a_record_is_one_of_its_message_and_the_other_way_round)
{
    for (unsigned kind = REPLICA_KIND_MODE; kind < REPLICA_KINDS; kind++) {
        const struct record_table *table = replica_table((enum replica_kind)kind);
        const ProtobufCMessageDescriptor *message = NULL;

        for (unsigned i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
            if (strcmp(messages[i]->short_name, table->name) == 0)
                message = messages[i];
        cr_assert_not_null(message, "%s", table->name);
        same(table, message);
        /* the image of a transaction is beside its table */
        cr_assert_eq(message->n_fields,
                     table->n + (message == &sf__replica_transaction__descriptor ? 1 : 0), "%s",
                     table->name);
    }
}

/* ---- a copy, read by another program ---- */

#define ROOM (SC_REPLICA_OBJECT_MAX * 64)

static struct kit *k;
static struct ua gw, phone[2];
static char bytes[ROOM];
static struct sc_replica_buf buf;

static void up(void)
{
    k = kit_house(NULL);
    kit_alone(k);
    gw = ua_at(k, "10.0.1.1", 5060, "gw");
    phones_register(k, phone, 100, 2);
    ua_invite(&gw, "100", SDP_A);
    ua_expect_request(&phone[0], SIP_INVITE);
    ua_reply(&phone[0], 180, NULL);
    buf = (struct sc_replica_buf){bytes, ROOM, 0, 0};
    sc_replica_follow(k->sc, true);
    cr_assert(sc_replica_slice(k->sc, &buf, UINT32_MAX));
}

static void down(void)
{
    kit_free(k);
}

TestSuite(wire_copy, .init = up, .fini = down);

Test(wire_copy, is_protobuf)
{
    Sf__ReplicaObjects *all =
        sf__replica_objects__unpack(NULL, buf.len, (const uint8_t *)buf.p);
    unsigned seen[REPLICA_KINDS] = {0};

    cr_assert_not_null(all);
    cr_assert_eq(all->n_object, buf.objects);
    for (size_t i = 0; i < all->n_object; i++) {
        const Sf__ReplicaObject *o = all->object[i];

        cr_assert_lt(o->kind, REPLICA_KINDS);
        seen[o->kind]++;
        if (o->kind == REPLICA_KIND_CALL) {
            Sf__ReplicaCall *c = sf__replica_call__unpack(NULL, o->body.len, o->body.data);

            cr_assert_not_null(c);
            cr_assert_eq(c->called.len, 3);
            cr_assert_eq(memcmp(c->called.data, "100", 3), 0);
            cr_assert_eq(c->state, CALL_OFFERED);
            cr_assert_eq(c->legs_n, 2);
            cr_assert_eq(c->history->n_targets, CALL_TARGETS_MAX);
            sf__replica_call__free_unpacked(c, NULL);
        } else if (o->kind == REPLICA_KIND_LEG) {
            Sf__ReplicaLeg *l = sf__replica_leg__unpack(NULL, o->body.len, o->body.data);

            cr_assert_not_null(l);
            cr_assert_gt(l->dialog->call_id.len, 0);
            sf__replica_leg__free_unpacked(l, NULL);
        }
    }
    cr_assert_eq(seen[REPLICA_KIND_MODE], 1);
    cr_assert_eq(seen[REPLICA_KIND_BINDING], 2);
    cr_assert_eq(seen[REPLICA_KIND_CALL], 1);
    cr_assert_eq(seen[REPLICA_KIND_LEG], 2);
    cr_assert_geq(seen[REPLICA_KIND_SERVER], 1);
    cr_assert_geq(seen[REPLICA_KIND_CLIENT], 1);
    sf__replica_objects__free_unpacked(all, NULL);
}

/* ---- what comes damaged ---- */

static struct sc *backup;
static void *memory;

static void new_backup(void)
{
    free(memory);
    memory = calloc(1, sc_size(&k->conf));
    backup = sc_init(memory, &k->conf, 5, k->now);
}

Test(wire_copy, cut_anywhere_is_refused_or_taken_up_to_there_and_never_more)
{
    unsigned refused = 0;

    for (size_t n = 0; n < buf.len; n += 7) {
        char *part = malloc(n + 1); /* a sanitizer sees a byte beyond */

        memcpy(part, buf.p, n);
        new_backup();
        refused += sc_replica_apply(backup, part, n) != 0;
        sc_replica_clear(backup);
        free(part);
    }
    cr_assert_gt(refused, buf.len / 7 / 2);
    free(memory);
    memory = NULL;
}

Test(wire_copy, one_byte_changed_is_refused_or_another_value_and_no_takeover_falls_over_it)
{
    struct sc_event role = {.kind = SC_EV_ROLE, .primary = true, .epoch = 9, .wall_ms = 1};
    struct sc_out out = k->out;
    unsigned taken = 0;

    for (size_t n = 0; n < buf.len; n += 13) {
        char was = buf.p[n];

        buf.p[n] = (char)(was ^ 0x15);
        new_backup();
        if (sc_replica_apply(backup, buf.p, buf.len) == 0) {
            taken++;
            (void)sc_step(backup, k->now, &role, &out);
            sip_out_clear(&out.sip);
            out.n = 0;
        }
        buf.p[n] = was;
    }
    cr_assert_gt(taken, 0);
    free(memory);
    memory = NULL;
}

Test(wire_copy, an_unknown_kind_is_counted_and_an_unknown_field_left_out)
{
    static const char kind[] = "\x0a\x0d\x08\x63\x11\x00\x00\x00\x00\x01\x00\x00\x00\x1a\x00";
    static const char place[] = "\x0a\x0f\x08\x06\x11\xff\xff\xff\x00\x01\x00\x00\x00\x1a\x02\x08\x01";
    static const char field[] = "\x0a\x10\x08\x0d\x11\x00\x00\x00\x00\x01\x00\x00\x00\x1a\x03\xf8\x06\x01";
    static const char order[] =
        "\x0a\x12\x08\x0d\x11\x00\x00\x00\x00\x01\x00\x00\x00\x1a\x05\xf8\x06\x01\x10\x01";
    struct sc_replica_status s;
    const struct relay *relay;

    new_backup();
    cr_assert_eq(sc_replica_apply(backup, kind, sizeof(kind) - 1), 0);
    sc_replica_status(backup, &s);
    cr_assert_eq(s.unknown, 1);
    cr_assert_eq(s.objects, 0);
    cr_assert_eq(sc_replica_apply(backup, place, sizeof(place) - 1), -ERANGE);
    cr_assert_eq(sc_replica_apply(backup, field, sizeof(field) - 1), 0);
    sc_replica_status(backup, &s);
    cr_assert_eq(s.objects, 1 + 0u);
    cr_assert_eq(sc_replica_apply(backup, order, sizeof(order) - 1), 0);
    relay = pool_at(&backup->relays, 0);
    cr_assert(relay->from_caller, "a known field behind an unknown one of a higher number");
    free(memory);
    memory = NULL;
}
