/* Two adjacent versions work together: everything that the frozen schema says is still said, with
 * the same number and type.  What is new is no difference.
 *
 * wire-1.txt is version 1.  A release that is to be upgraded host by host freezes its own beside it
 * (test_compatible with WIRE_WRITE=FILE in its environment writes it); that of the version before
 * stays, older ones go.
 */
#include "proto/codec.h"
#include "proto/replica_object.pb-c.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const frozen[] = {"wire-1.txt"};

#define LINES_MAX 4096
#define LINE_SIZE 160

static char lines[LINES_MAX][LINE_SIZE];
static unsigned lines_n;
static const void *seen[512];
static unsigned seen_n;

static bool first_time(const void *descriptor)
{
    for (unsigned i = 0; i < seen_n; i++)
        if (seen[i] == descriptor)
            return false;
    cr_assert_lt(seen_n, sizeof(seen) / sizeof(seen[0]));
    seen[seen_n++] = descriptor;
    return true;
}

static char *line(void)
{
    cr_assert_lt(lines_n, LINES_MAX);
    return lines[lines_n++];
}

static void say_enum(const ProtobufCEnumDescriptor *e)
{
    if (!first_time(e))
        return;
    for (unsigned i = 0; i < e->n_values; i++)
        snprintf(line(), LINE_SIZE, "enum %s %d %s", e->name, e->values[i].value,
                 e->values[i].name);
}

static void say_message(const ProtobufCMessageDescriptor *m)
{
    static const char *const labels[] = {"required", "optional", "repeated", "single"};
    static const char *const types[] = {
        "int32",  "sint32",  "sfixed32", "int64", "sint64", "sfixed64", "uint32", "fixed32", "uint64",
        "fixed64", "float", "double", "bool",  "enum",   "string",   "bytes",  "message"};

    if (!first_time(m))
        return;
    for (unsigned i = 0; i < m->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->fields[i];
        const char *of = f->type == PROTOBUF_C_TYPE_MESSAGE
                             ? ((const ProtobufCMessageDescriptor *)f->descriptor)->name
                         : f->type == PROTOBUF_C_TYPE_ENUM
                             ? ((const ProtobufCEnumDescriptor *)f->descriptor)->name
                             : "";

        snprintf(line(), LINE_SIZE, "field %s %u %s %s %s%s%s", m->name, f->id, f->name,
                 labels[f->label], types[f->type], of[0] != '\0' ? " " : "", of);
        if (f->type == PROTOBUF_C_TYPE_MESSAGE)
            say_message(f->descriptor);
        else if (f->type == PROTOBUF_C_TYPE_ENUM)
            say_enum(f->descriptor);
    }
}

static void say_everything(void)
{
    static const ProtobufCMessageDescriptor *const objects[] = {
        &sf__replica_mode__descriptor,  &sf__replica_dn__descriptor,
        &sf__replica_agent__descriptor, &sf__replica_binding__descriptor,
        &sf__replica_path__descriptor,  &sf__replica_call__descriptor,
        &sf__replica_leg__descriptor,   &sf__replica_sdp__descriptor,
        &sf__replica_offer__descriptor, &sf__replica_relay__descriptor,
        &sf__replica_data__descriptor,  &sf__replica_came__descriptor,
        &sf__replica_transaction__descriptor, &sf__replica_objects__descriptor};

    lines_n = seen_n = 0;
    say_message(&sf__envelope__descriptor);
#define MESSAGE(number, name, type, conversation, way)                                             \
    snprintf(line(), LINE_SIZE, "message %u %s %s %s %s", number, #name, #type, #conversation,      \
             #way);                                                                                \
    say_message(&sf__##type##__descriptor);
#include "proto/messages.tbl.h"
    for (unsigned i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
        say_message(objects[i]);
}

static bool is_said(const char *text)
{
    for (unsigned i = 0; i < lines_n; i++)
        if (strcmp(lines[i], text) == 0)
            return true;
    return false;
}

Test(compatible, what_an_older_version_says_has_the_same_meaning)
{
    char text[LINE_SIZE], path[512];

    say_everything();
    if (getenv("WIRE_WRITE") != NULL) {
        FILE *to = fopen(getenv("WIRE_WRITE"), "w");

        cr_assert_not_null(to);
        for (unsigned i = 0; i < lines_n; i++)
            fprintf(to, "%s\n", lines[i]);
        cr_assert_eq(fclose(to), 0);
    }
    for (unsigned i = 0; i < sizeof(frozen) / sizeof(frozen[0]); i++) {
        unsigned n = 0;
        FILE *from;

        snprintf(path, sizeof(path), "%s/%s", FROZEN_DIR, frozen[i]);
        from = fopen(path, "r");
        cr_assert_not_null(from, "%s", path);
        for (; fgets(text, sizeof(text), from) != NULL; n++) {
            text[strcspn(text, "\n")] = '\0';
            cr_assert(is_said(text), "%s: no longer so: %s", frozen[i], text);
        }
        cr_assert_gt(n, 100, "%s", frozen[i]);
        fclose(from);
    }
}

/* No number is used twice, also not by a message of today. */
Test(compatible, numbers_of_messages_are_used_once)
{
    static const unsigned numbers[] = {
#define MESSAGE(number, name, type, conversation, way) number,
#include "proto/messages.tbl.h"
    };

    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        for (unsigned k = 0; k < i; k++)
            cr_assert_neq(numbers[i], numbers[k]);
}
