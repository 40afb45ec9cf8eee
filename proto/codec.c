#include "proto/codec.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/arena.h"

#define DEPTH_MAX    8   /* nested messages; ours need 4 */
#define FIELDS_MAX   192 /* fields of one message type; sf.Options has the most */
#define ARENA_GROWTH 4   /* a decoded event takes about so many times its size on the wire */
#define ARENA_LEAST  1024
#define ARENA_MOST   (256 << 10) /* at first: it grows */

/* In messages.tbl.h: the bus's own messages belong to every conversation. */
#define ENDPOINT_EVERY ENDPOINT_COUNT

struct message_row {
    enum message_type type;
    const char *name;
    const ProtobufCMessageDescriptor *descriptor;
    int endpoint; /* enum endpoint, or ENDPOINT_EVERY */
    enum codec_way way;
};

/* clang-format off */
static const struct message_row messages[] = {
#define MESSAGE(number, name, protobuf, conversation, way) \
    {MESSAGE_##name, #name, &sf__##protobuf##__descriptor, ENDPOINT_##conversation, CODEC_##way},
#include "proto/messages.tbl.h"
};

static const char *const endpoint_names[] = {
#define ENDPOINT(name, lower, reach, bound_by, connected_by, meaning) [ENDPOINT_##name] = #lower,
#include "proto/endpoints.tbl.h"
};

static const char *const programs[] = {
#define PROCESS(name, value, program, meaning) [PROCESS_##name] = program,
#include "proto/processes.tbl.h"
};

static const char *const verdict_texts[] = {
#define CODEC_REFUSED(name, text) [CODEC_##name] = text,
#include "proto/codec_refused.tbl.h"
};

/* No limit is less: what keeps these need not be looked up. */
#define STRING_LIMIT_LEAST 255
#define COUNT_LIMIT_LEAST  4096
#define LIMIT_SIZE(conversation, bytes)
#define LIMIT_STRING(field, bytes)  _Static_assert((bytes) >= STRING_LIMIT_LEAST, field);
#define LIMIT_COUNT(field, elements) _Static_assert((elements) >= COUNT_LIMIT_LEAST, field);
#include "proto/limits.tbl.h"

static const struct limit {
    const char *name;
    size_t max;
} size_limits[] = {
#define LIMIT_SIZE(conversation, bytes) {conversation, bytes},
#define LIMIT_STRING(field, bytes)
#define LIMIT_COUNT(field, elements)
#include "proto/limits.tbl.h"
    {NULL, 0},
}, string_limits[] = {
#define LIMIT_SIZE(conversation, bytes)
#define LIMIT_STRING(field, bytes) {field, bytes},
#define LIMIT_COUNT(field, elements)
#include "proto/limits.tbl.h"
    {NULL, 0},
}, count_limits[] = {
#define LIMIT_SIZE(conversation, bytes)
#define LIMIT_STRING(field, bytes)
#define LIMIT_COUNT(field, elements) {field, elements},
#include "proto/limits.tbl.h"
    {NULL, 0},
};
/* clang-format on */

/* One stretch of protobuf's wire format that is being read. */
struct wire {
    const uint8_t *at;
    const uint8_t *end;
};

struct wire_field {
    uint32_t number;
    uint32_t type; /* ProtobufCWireType */
    uint64_t value;
    struct wire bytes; /* of a length-delimited field */
};

static int scan(const ProtobufCMessageDescriptor *descriptor, struct wire wire, unsigned depth,
                struct codec_error *error);

static size_t limit_of(const struct limit *limits, const char *name)
{
    const struct limit *l = limits;

    while (l->name != NULL && strcmp(l->name, name) != 0)
        l++;
    return l->name != NULL ? l->max : limits[0].max;
}

static bool string_fits(const char *field, size_t size)
{
    return size <= STRING_LIMIT_LEAST || size <= limit_of(string_limits, field);
}

static bool count_fits(const char *field, size_t count)
{
    return count <= COUNT_LIMIT_LEAST || count <= limit_of(count_limits, field);
}

static const struct message_row *row_of(uint32_t type)
{
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
        if ((uint32_t)messages[i].type == type)
            return &messages[i];
    return NULL;
}

static int refuse(struct codec_error *error, enum codec_verdict verdict,
                  const ProtobufCMessageDescriptor *descriptor,
                  const ProtobufCFieldDescriptor *field)
{
    error->verdict = verdict;
    if (descriptor == NULL)
        error->field[0] = '\0';
    else
        (void)snprintf(error->field, sizeof error->field, "%s%s%s", descriptor->name,
                       field != NULL ? "." : "", field != NULL ? field->name : "");
    return -EBADMSG;
}

/* ---- the wire format: https://protobuf.dev/programming-guides/encoding ---- */

static bool read_varint(struct wire *wire, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (wire->at == wire->end)
            return false;
        uint8_t byte = *wire->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static bool read_bytes(struct wire *wire, uint64_t count, struct wire *ret_bytes)
{
    if (count > (uint64_t)(wire->end - wire->at))
        return false;
    *ret_bytes = (struct wire){wire->at, wire->at + count};
    wire->at += count;
    return true;
}

static bool read_field(struct wire *wire, struct wire_field *ret_field)
{
    uint64_t tag;
    struct wire_field f = {0};

    if (!read_varint(wire, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
        return false;
    f.number = (uint32_t)(tag >> 3);
    f.type = (uint32_t)(tag & 7);
    switch (f.type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        if (!read_varint(wire, &f.value))
            return false;
        break;
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        if (!read_bytes(wire, 8, &f.bytes))
            return false;
        break;
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        if (!read_bytes(wire, 4, &f.bytes))
            return false;
        break;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        if (!read_varint(wire, &f.value) || !read_bytes(wire, f.value, &f.bytes))
            return false;
        break;
    default: /* groups are not of proto3 */ return false;
    }
    *ret_field = f;
    return true;
}

/* utf8_sane - RFC 3629: shortest forms, no surrogates, up to U+10FFFF; and no NUL. */
static bool utf8_sane(const uint8_t *s, const uint8_t *end)
{
    while (s < end) {
        unsigned more = *s < 0x80 ? 0 : *s >= 0xc2 && *s < 0xe0 ? 1 : (*s & 0xf0) == 0xe0 ? 2 : 3;
        uint8_t low = 0x80, high = 0xbf;

        if (*s == 0 || *s > 0xf4 || (*s >= 0x80 && *s < 0xc2) || more >= (size_t)(end - s))
            return false;
        switch (*s) {
        case 0xe0: low = 0xa0; break;
        case 0xed: high = 0x9f; break;
        case 0xf0: low = 0x90; break;
        case 0xf4: high = 0x8f; break;
        default: break;
        }
        for (unsigned i = 1; i <= more; i++, low = 0x80, high = 0xbf)
            if (s[i] < low || s[i] > high)
                return false;
        s += more + 1;
    }
    return true;
}

/* scan_packed - a repeated field of numbers in its packed form: how many, and their enum values. */
static bool scan_packed(const ProtobufCFieldDescriptor *field, struct wire bytes, size_t *count,
                        bool *ret_enum_known)
{
    *ret_enum_known = true;
    while (bytes.at < bytes.end) {
        uint64_t value;

        if (!read_varint(&bytes, &value))
            return false;
        if (field->type == PROTOBUF_C_TYPE_ENUM &&
            protobuf_c_enum_descriptor_get_value(field->descriptor, (int)value) == NULL)
            *ret_enum_known = false;
        ++*count;
    }
    return true;
}

/* scan_field - is one field's value acceptable?  Wire types that do not fit are left to protobuf-c.
 */
static int scan_field(const ProtobufCMessageDescriptor *descriptor,
                      const ProtobufCFieldDescriptor *field, const struct wire_field *f,
                      unsigned depth, size_t *count, struct codec_error *error)
{
    size_t size = (size_t)(f->bytes.end - f->bytes.at);
    bool delimited = f->type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    bool known;

    ++*count;
    switch ((int)field->type) {
    case PROTOBUF_C_TYPE_STRING:
        if (delimited &&
            (!string_fits(field->name, size) || !utf8_sane(f->bytes.at, f->bytes.end)))
            return refuse(error, CODEC_STRING, descriptor, field);
        return 0;
    case PROTOBUF_C_TYPE_BYTES:
        if (delimited && !string_fits(field->name, size))
            return refuse(error, CODEC_STRING, descriptor, field);
        return 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        return delimited ? scan(field->descriptor, f->bytes, depth + 1, error) : 0;
    default: break;
    }
    if (delimited && field->label == PROTOBUF_C_LABEL_REPEATED) {
        --*count;
        if (!scan_packed(field, f->bytes, count, &known))
            return refuse(error, CODEC_BODY, descriptor, field);
        return known ? 0 : refuse(error, CODEC_ENUM, descriptor, field);
    }
    if (field->type == PROTOBUF_C_TYPE_ENUM && f->type == PROTOBUF_C_WIRE_TYPE_VARINT &&
        protobuf_c_enum_descriptor_get_value(field->descriptor, (int)f->value) == NULL)
        return refuse(error, CODEC_ENUM, descriptor, field);
    return 0;
}

/* scan - judge a message before anything is allocated for it.
 *
 * A field that is not repeated may come once: protobuf would merge or overwrite, no sender of ours
 * does that, and merging lets a small message cost much. */
static int scan(const ProtobufCMessageDescriptor *descriptor, struct wire wire, unsigned depth,
                struct codec_error *error)
{
    size_t counts[FIELDS_MAX] = {0};
    struct wire_field f;
    int r;

    assert(descriptor->n_fields <= FIELDS_MAX);
    if (depth > DEPTH_MAX)
        return refuse(error, CODEC_DEPTH, descriptor, NULL);
    while (wire.at < wire.end) {
        if (!read_field(&wire, &f))
            return refuse(error, CODEC_BODY, descriptor, NULL);
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(descriptor, f.number);
        if (field == NULL)
            continue;
        size_t *count = &counts[field - descriptor->fields];
        r = scan_field(descriptor, field, &f, depth, count, error);
        if (r < 0)
            return r;
        if (field->label != PROTOBUF_C_LABEL_REPEATED && *count > 1)
            return refuse(error, CODEC_BODY, descriptor, field);
        if (!count_fits(field->name, *count))
            return refuse(error, CODEC_COUNT, descriptor, field);
    }
    return 0;
}

/* ---- envelope and body ---- */

static bool process_known(uint32_t process)
{
    return process != PROCESS_NONE && strcmp(process_name((enum process)process), "unknown") != 0;
}

static int check_envelope(const Sf__Envelope *e, struct codec_error *error)
{
    if (e->cluster[0] == '\0' || e->host[0] == '\0' || e->boot_id == 0 || e->sequence == 0)
        return refuse(error, CODEC_NO_SENDER, NULL, NULL);
    if (!process_known(e->process))
        return refuse(error, CODEC_PROCESS, NULL, NULL);
    return 0;
}

static int decode_envelope(const uint8_t *data, size_t size, struct arena *arena,
                           Sf__Envelope **ret_envelope, struct codec_error *error)
{
    Sf__Envelope *e;
    int r = scan(&sf__envelope__descriptor, (struct wire){data, data + size}, 0, error);

    if (r < 0)
        return r;
    e = sf__envelope__unpack(arena_allocator(arena), size, data);
    if (e == NULL)
        return refuse(error, CODEC_NO_ENVELOPE, NULL, NULL);
    *ret_envelope = e;
    return check_envelope(e, error);
}

static int decode_body(const Sf__Envelope *e, enum endpoint endpoint, enum codec_way way,
                       struct arena *arena, ProtobufCMessage **ret_body, struct codec_error *error)
{
    const struct message_row *row = row_of(e->type);
    struct wire wire = {e->body.data, e->body.data};
    int r;

    if (row == NULL)
        return refuse(error, CODEC_TYPE, NULL, NULL);
    if (!codec_allowed(row->type, endpoint, way))
        return refuse(error, CODEC_WAY, row->descriptor, NULL);
    if (e->body.len > 0) /* an empty body has no address to count from */
        wire.end = e->body.data + e->body.len;
    r = scan(row->descriptor, wire, 0, error);
    if (r < 0)
        return r;
    *ret_body = protobuf_c_message_unpack(row->descriptor, arena_allocator(arena), e->body.len,
                                          e->body.data);
    return *ret_body != NULL ? 0 : refuse(error, CODEC_BODY, row->descriptor, NULL);
}

static size_t arena_size(size_t wire_size)
{
    size_t size = wire_size * ARENA_GROWTH + ARENA_LEAST;

    return size < ARENA_MOST ? size : ARENA_MOST;
}

int codec_decode(const uint8_t *data, size_t size, enum endpoint endpoint, enum codec_way way,
                 struct codec_message **ret_message, struct codec_error *ret_error)
{
    struct codec_message *message;
    Sf__Envelope *envelope = NULL;
    ProtobufCMessage *body = NULL;
    struct arena *arena;
    int r;

    *ret_error = (struct codec_error){.verdict = CODEC_ACCEPTED};
    if (size > codec_size_max(endpoint))
        return refuse(ret_error, CODEC_TOO_LARGE, NULL, NULL);
    arena = arena_new(arena_size(size));
    r = decode_envelope(data, size, arena, &envelope, ret_error);
    if (r == 0) {
        ret_error->sequence = envelope->sequence;
        r = decode_body(envelope, endpoint, way, arena, &body, ret_error);
    }
    if (r < 0) {
        arena_destroy(&arena);
        return r;
    }
    message = arena_take(arena, sizeof *message);
    *message = (struct codec_message){.type = (enum message_type)envelope->type,
                                      .body = body,
                                      .envelope = envelope,
                                      .arena = arena};
    *ret_message = message;
    return 0;
}

void codec_free(struct codec_message **message)
{
    struct arena *arena = *message != NULL ? (*message)->arena : NULL;

    *message = NULL;
    arena_destroy(&arena);
}

#define ENVELOPE_BODY 10 /* sf.Envelope.body */
#define BODY_HEAD_MAX 11 /* its tag and its length */

/* Returns: the bytes written. */
static size_t put_body_head(uint8_t *to, size_t len)
{
    size_t n = 0;

    to[n++] = ENVELOPE_BODY << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    for (; len >= 0x80; len >>= 7)
        to[n++] = (uint8_t)(len | 0x80);
    to[n++] = (uint8_t)len;
    return n;
}

int codec_encode(const Sf__Envelope *head, enum message_type type, const void *body,
                 uint8_t **ret_data, size_t *ret_size, struct codec_error *ret_error)
{
    const struct message_row *row = row_of((uint32_t)type);
    Sf__Envelope envelope = *head;
    size_t size_max, body_size, size;
    uint8_t *data;
    int r;

    assert(row != NULL && ((const ProtobufCMessage *)body)->descriptor == row->descriptor);
    size_max = codec_size_max((enum endpoint)row->endpoint);
    *ret_error = (struct codec_error){.verdict = CODEC_ACCEPTED};
    envelope.type = (uint32_t)type;
    envelope.body.len = 0; /* put behind the rest, without a copy: it is the last field */
    body_size = protobuf_c_message_get_packed_size(body);
    if (body_size > size_max) {
        (void)refuse(ret_error, CODEC_TOO_LARGE, row->descriptor, NULL);
        return -EMSGSIZE;
    }
    data = malloc(sf__envelope__get_packed_size(&envelope) + BODY_HEAD_MAX + body_size);
    if (data == NULL)
        abort();
    size = sf__envelope__pack(&envelope, data);
    if (body_size > 0)
        size += put_body_head(data + size, body_size);
    (void)protobuf_c_message_pack(body, data + size);
    r = scan(row->descriptor, (struct wire){data + size, data + size + body_size}, 0, ret_error);
    if (r < 0) {
        free(data);
        return -EINVAL;
    }
    *ret_size = size + body_size;
    *ret_data = data;
    return 0;
}

/* ---- tables ---- */

size_t codec_size_max(enum endpoint endpoint)
{
    return limit_of(size_limits, endpoint_name(endpoint));
}

bool codec_allowed(enum message_type type, enum endpoint endpoint, enum codec_way way)
{
    const struct message_row *row = row_of((uint32_t)type);

    return row != NULL && (row->way & way) != 0 &&
           (row->endpoint == ENDPOINT_EVERY || row->endpoint == (int)endpoint);
}

const char *codec_verdict_text(enum codec_verdict verdict)
{
    return (size_t)verdict < sizeof verdict_texts / sizeof verdict_texts[0] ? verdict_texts[verdict]
                                                                            : "unknown";
}

const char *message_type_name(enum message_type type)
{
    const struct message_row *row = row_of((uint32_t)type);

    return row != NULL ? row->name : "unknown";
}

const char *endpoint_name(enum endpoint endpoint)
{
    return (size_t)endpoint < ENDPOINT_COUNT ? endpoint_names[endpoint] : "unknown";
}

const char *process_program(enum process process)
{
    const char *program =
        (size_t)process < sizeof programs / sizeof programs[0] ? programs[process] : NULL;

    return program != NULL ? program : "unknown";
}

const char *process_name(enum process process)
{
    switch ((int)process) { /* two processes are hamgr in another guise */
    case PROCESS_ARBITER: return "arbiter";
    case PROCESS_CLI: return "cli";
    default: return process_program(process);
    }
}
