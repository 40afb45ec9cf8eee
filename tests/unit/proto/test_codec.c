/* The codec: what it lets through, and why it refuses the rest. */
#include "proto/codec.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static Sf__Envelope head;
static uint8_t *data;
static size_t size;
static struct codec_error error;
static struct codec_message *message;

static void setup(void)
{
    sf__envelope__init(&head);
    head.cluster = "test";
    head.site = 1;
    head.host = "east.1";
    head.process = PROCESS_SIPSERVER;
    head.boot_id = 7;
    head.sequence = 3;
}

static void teardown(void)
{
    free(data);
    codec_free(&message);
}

TestSuite(codec, .init = setup, .fini = teardown);

/* wrap - BODY, SIZE_ bytes as they are, in the envelope. */
static void wrap(uint32_t type, const void *body, size_t body_size)
{
    head.type = type;
    head.body.data = (uint8_t *)(uintptr_t)body;
    head.body.len = body_size;
    free(data);
    size = sf__envelope__get_packed_size(&head);
    data = malloc(size);
    sf__envelope__pack(&head, data);
}

static void wrap_message(uint32_t type, const void *body)
{
    size_t n = protobuf_c_message_get_packed_size(body);
    uint8_t *bytes = malloc(n + 1);

    protobuf_c_message_pack(body, bytes);
    wrap(type, bytes, n);
    free(bytes);
}

/* verdict - of DATA on ENDPOINT going WAY; a message is kept in MESSAGE. */
static enum codec_verdict verdict(enum endpoint endpoint, enum codec_way way)
{
    int r;

    codec_free(&message);
    r = codec_decode(data, size, endpoint, way, &message, &error);
    cr_assert_eq(r, error.verdict == CODEC_ACCEPTED ? 0 : -EBADMSG);
    cr_assert_eq(message != NULL, r == 0);
    return error.verdict;
}

Test(codec, round_trip)
{
    Sf__RoleReport report = SF__ROLE_REPORT__INIT;
    const Sf__RoleReport *got;

    report.role = SF__ROLE__ROLE_PRIMARY;
    report.epoch = UINT64_MAX;
    report.why_not = "Gr\xc3\xbc\xc3\x9f"
                     "e";
    cr_assert_eq(codec_encode(&head, MESSAGE_ROLE_REPORT, &report, &data, &size, &error), 0);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_ACCEPTED);
    cr_assert_eq(message->type, MESSAGE_ROLE_REPORT);
    cr_assert_str_eq(message->envelope->host, "east.1");
    cr_assert_eq(message->envelope->sequence, 3);
    got = message->body;
    cr_assert_eq(got->epoch, UINT64_MAX);
    cr_assert_str_eq(got->why_not, "Gr\xc3\xbc\xc3\x9f"
                                   "e");
    cr_assert_str_eq(got->mode_reason, "", "strings are never NULL");
}

Test(codec, every_type_passes_where_the_table_says_and_nowhere_else)
{
    struct {
        enum message_type type;
        int endpoint;
        int way;
    } rows[] = {
#define ENDPOINT_EVERY ENDPOINT_COUNT
#define MESSAGE(number, name, protobuf, conversation, way)                                         \
    {MESSAGE_##name, ENDPOINT_##conversation, CODEC_##way},
#include "proto/messages.tbl.h"
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int e = 0; e < ENDPOINT_COUNT; e++)
            for (int way = CODEC_UP; way <= CODEC_DOWN; way++) {
                bool allowed = (rows[i].endpoint == ENDPOINT_EVERY || rows[i].endpoint == e) &&
                               (rows[i].way & way) != 0;
                wrap((uint32_t)rows[i].type, NULL, 0);
                cr_assert_eq(verdict((enum endpoint)e, (enum codec_way)way),
                             allowed ? CODEC_ACCEPTED : CODEC_WAY, "%s on %s",
                             message_type_name(rows[i].type), endpoint_name((enum endpoint)e));
            }
    wrap(9999, NULL, 0);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_TYPE);
    cr_assert_eq(error.sequence, 3, "known, so that the refusal makes no gap");
}

Test(codec, envelopes_without_a_sender_are_refused)
{
    Sf__Envelope good = head;

    head.cluster = "";
    wrap(MESSAGE_ROLE_HELLO, NULL, 0);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_NO_SENDER);
    head = good;
    head.boot_id = 0;
    wrap(MESSAGE_ROLE_HELLO, NULL, 0);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_NO_SENDER);
    head = good;
    head.sequence = 0;
    wrap(MESSAGE_ROLE_HELLO, NULL, 0);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_NO_SENDER);
    head = good;
    head.process = 99;
    wrap(MESSAGE_ROLE_HELLO, NULL, 0);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_PROCESS);
    head = good;
    head.role = 17;
    wrap(MESSAGE_ROLE_HELLO, NULL, 0);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_ENUM);
    cr_assert_str_eq(error.field, "sf.Envelope.role");
    size = 0;
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_NO_SENDER);
}

static enum codec_verdict verdict_of_string(const char *bytes, size_t n)
{
    uint8_t body[64] = {5 << 3 | 2, (uint8_t)n}; /* RoleReport.why_not */

    memcpy(body + 2, bytes, n);
    wrap(MESSAGE_ROLE_REPORT, body, n + 2);
    return verdict(ENDPOINT_ROLE, CODEC_UP);
}

Test(codec, strings_are_utf8_without_nul)
{
    cr_assert_eq(verdict_of_string("\xf0\x9f\x98\x80 \xe2\x82\xac \xed\x9f\xbf", 12),
                 CODEC_ACCEPTED);
    cr_assert_eq(verdict_of_string("a\0b", 3), CODEC_STRING);
    cr_assert_str_eq(error.field, "sf.RoleReport.why_not");
    cr_assert_eq(verdict_of_string("\xc0\x80", 2), CODEC_STRING, "not the shortest form");
    cr_assert_eq(verdict_of_string("\xe0\x80\x80", 3), CODEC_STRING);
    cr_assert_eq(verdict_of_string("\xf0\x80\x80\x80", 4), CODEC_STRING);
    cr_assert_eq(verdict_of_string("\xed\xa0\x80", 3), CODEC_STRING, "a surrogate");
    cr_assert_eq(verdict_of_string("\xf4\x90\x80\x80", 4), CODEC_STRING, "above U+10FFFF");
    cr_assert_eq(verdict_of_string("\xe2\x82", 2), CODEC_STRING, "cut off");
    cr_assert_eq(verdict_of_string("\x80", 1), CODEC_STRING);
}

Test(codec, strings_and_counts_have_limits_on_both_sides)
{
    static char text[2000];
    static char *arguments[5000];
    Sf__RoleReport report = SF__ROLE_REPORT__INIT;
    Sf__ControlRequest request = SF__CONTROL_REQUEST__INIT;

    memset(text, 'x', sizeof text - 1);
    text[1024] = '\0';
    report.why_not = text;
    cr_assert_eq(codec_encode(&head, MESSAGE_ROLE_REPORT, &report, &data, &size, &error), 0);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_ACCEPTED);
    text[1024] = 'x';
    text[1025] = '\0';
    free(data);
    data = NULL;
    cr_assert_eq(codec_encode(&head, MESSAGE_ROLE_REPORT, &report, &data, &size, &error), -EINVAL);
    cr_assert_str_eq(error.field, "sf.RoleReport.why_not");
    wrap_message(MESSAGE_ROLE_REPORT, &report);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_STRING);

    for (size_t i = 0; i < 5000; i++)
        arguments[i] = "";
    request.arguments = arguments;
    request.n_arguments = 4096;
    wrap_message(MESSAGE_CONTROL_REQUEST, &request);
    cr_assert_eq(verdict(ENDPOINT_CONTROL, CODEC_UP), CODEC_ACCEPTED);
    request.n_arguments = 4097;
    wrap_message(MESSAGE_CONTROL_REQUEST, &request);
    cr_assert_eq(verdict(ENDPOINT_CONTROL, CODEC_UP), CODEC_COUNT);
    cr_assert_str_eq(error.field, "sf.ControlRequest.arguments");
}

Test(codec, messages_have_a_limit)
{
    size_t max = codec_size_max(ENDPOINT_ROLE);

    cr_assert_eq(max, 262144);
    cr_assert_gt(codec_size_max(ENDPOINT_CONFIG), max);
    size = max + 1;
    data = calloc(1, size);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_TOO_LARGE);
}

Test(codec, bodies_of_the_wrong_form_are_refused)
{
    static const uint8_t cut[] = {8}, group[] = {8 << 3 | 3}, twice[] = {3 << 3, 1, 3 << 3, 2},
                         wrong_wire[] = {3 << 3 | 2, 1, 'x'}, zero[] = {0, 0},
                         unknown_enum[] = {2 << 3, 9}, unknown_field[] = {0xfa, 0x7f, 1, 'x'},
                         longer[] = {5 << 3 | 2, 200, 'x'};

    wrap(MESSAGE_ROLE_REPORT, cut, sizeof cut);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_BODY);
    wrap(MESSAGE_ROLE_REPORT, group, sizeof group);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_BODY);
    wrap(MESSAGE_ROLE_REPORT, twice, sizeof twice);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_BODY);
    wrap(MESSAGE_ROLE_REPORT, wrong_wire, sizeof wrong_wire);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_BODY);
    wrap(MESSAGE_ROLE_REPORT, zero, sizeof zero);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_BODY);
    wrap(MESSAGE_ROLE_REPORT, longer, sizeof longer);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_BODY);
    wrap(MESSAGE_ROLE_REPORT, unknown_enum, sizeof unknown_enum);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_ENUM);
    wrap(MESSAGE_ROLE_REPORT, unknown_field, sizeof unknown_field);
    cr_assert_eq(verdict(ENDPOINT_ROLE, CODEC_UP), CODEC_ACCEPTED, "of a newer version");
}

Test(codec, packed_and_nested_fields_are_scanned)
{
    Sf__HamBeat beat = SF__HAM_BEAT__INIT;
    uint32_t ages[] = {1, 70000, 0};
    const Sf__HamBeat *got;
    static const uint8_t nested[] = {9 << 3 | 2, 2, 1 << 3, 77}; /* HamBeat.report.mode */

    beat.n_age_ms = 3;
    beat.age_ms = ages;
    cr_assert_eq(codec_encode(&head, MESSAGE_HAM_BEAT, &beat, &data, &size, &error), 0);
    cr_assert_eq(verdict(ENDPOINT_LEASE, CODEC_DOWN), CODEC_ACCEPTED);
    got = message->body;
    cr_assert_eq(got->n_age_ms, 3);
    cr_assert_eq(got->age_ms[1], 70000);
    wrap(MESSAGE_HAM_BEAT, nested, sizeof nested);
    cr_assert_eq(verdict(ENDPOINT_LEASE, CODEC_UP), CODEC_ENUM);
    cr_assert_str_eq(error.field, "sf.HostReport.mode");
}

Test(codec, the_type_with_the_most_fields_is_scanned)
{
    Sf__Options options = SF__OPTIONS__INIT;
    Sf__ConfObject object = SF__CONF_OBJECT__INIT;
    Sf__ConfChange change = SF__CONF_CHANGE__INIT;
    Sf__ConfChange *changes[] = {&change};
    Sf__ConfWrite write = SF__CONF_WRITE__INIT;

    options.realm = "test";
    object.object_case = SF__CONF_OBJECT__OBJECT_OPTIONS;
    object.options = &options;
    change.object = &object;
    write.n_changes = 1;
    write.changes = changes;
    cr_assert_eq(codec_encode(&head, MESSAGE_CONF_WRITE, &write, &data, &size, &error), 0);
    cr_assert_eq(verdict(ENDPOINT_CONFIG, CODEC_UP), CODEC_ACCEPTED);
    cr_assert_str_eq(((const Sf__ConfWrite *)message->body)->changes[0]->object->options->realm,
                     "test");
}

Test(codec, a_body_of_another_type_is_a_bug, .signal = SIGABRT)
{
    Sf__RoleHello hello = SF__ROLE_HELLO__INIT;

    (void)codec_encode(&head, MESSAGE_ROLE_REPORT, &hello, &data, &size, &error);
}

Test(codec, names_are_those_of_the_tables)
{
    cr_assert_str_eq(endpoint_name(ENDPOINT_LEASE), "lease");
    cr_assert_str_eq(process_name(PROCESS_ARBITER), "arbiter");
    cr_assert_str_eq(process_program(PROCESS_ARBITER), "hamgr");
    cr_assert_str_eq(message_type_name(MESSAGE_ROLE_ORDER), "ROLE_ORDER");
    cr_assert_str_eq(message_type_name(MESSAGE_NONE), "unknown");
    cr_assert_str_eq(process_name((enum process)77), "unknown");
}
