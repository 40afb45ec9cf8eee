/* record - a C structure to and from protobuf's wire format, by a table of its fields.
 *
 * For state that travels between two processes without an allocation on either side: a core writes
 * its objects into a buffer and reads them back in place.  What is written is what a .proto message
 * with the same field numbers describes, so that another version, or another program, can read it:
 * fields that are zero are left out, fields of an unknown number are skipped (proto3).
 *
 *     #define RECORD_OBJECT struct phone
 *     static const struct record_field phone_fields[] = {
 *         RECORD_NUMBER(1, state), RECORD_TEXT(2, name), RECORD_HANDLE(3, call, 0)};
 *     #undef RECORD_OBJECT
 *     const struct record_table phone_record = RECORD_TABLE("phone", phone_fields);
 *
 * Field numbers must rise.  Owns: nothing.  Errors: negative errno values.
 * Source: Protocol Buffers, "Encoding" (language guide, proto3).
 */
#ifndef COMMON_RECORD_H
#define COMMON_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record_table;

enum record_type {
    RECORD_T_NUMBER, /* an unsigned integer or bool of SIZE bytes: varint */
    RECORD_T_FIXED,  /* 8 bytes: a handle, a moment, a hash: fixed64 */
    RECORD_T_TEXT,   /* char[SIZE] with its NUL: string */
    RECORD_T_BYTES,  /* up to SIZE bytes, COUNT of them; without a count always SIZE: bytes */
    RECORD_T_TIMER,  /* struct timer: when it is due, while it is armed: fixed64 */
    RECORD_T_RECORD, /* a structure of table OF: message */
    RECORD_T_PART,   /* bytes that the object keeps in its own way, asked for by PARTS: bytes */
};

/* Parts of an object at OFFSET, by their numbers. */
struct record_parts {
    const void *(*get)(const void *object, unsigned part, size_t *ret_len);
    int (*set)(void *object, unsigned part, const void *bytes, size_t len); /* 0, -EMSGSIZE */
};

struct record_field {
    uint16_t number; /* of the field, 1 to 2047 */
    uint8_t type;    /* enum record_type */
    uint8_t use;     /* the owner's: what record_walk tells it; 0: nothing special */
    uint16_t offset;
    uint16_t size;        /* of one element */
    uint16_t most;        /* elements of an array; 0: no array */
    uint16_t count;       /* offset of the number of elements, or of bytes */
    uint8_t count_size;   /* bytes of that; 0: always all of them */
    const struct record_table *of;
    const struct record_parts *parts; /* SIZE is then the number of the part */
    const char *name;
};

struct record_table {
    const char *name;
    const struct record_field *fields;
    unsigned n;
};

#define RECORD_SIZEOF(member) ((uint16_t)sizeof(((RECORD_OBJECT *)0)->member))
#define RECORD_FIELD(number_, type_, use_, member, ...)                                            \
    {.number = (number_),                                                                          \
     .type = (type_),                                                                              \
     .use = (use_),                                                                                \
     .offset = (uint16_t)offsetof(RECORD_OBJECT, member),                                          \
     .name = #member,                                                                              \
     __VA_ARGS__}
#define RECORD_ONE(number, type, use, member)                                                      \
    RECORD_FIELD(number, type, use, member, .size = RECORD_SIZEOF(member))
#define RECORD_NUMBER(number, member)      RECORD_ONE(number, RECORD_T_NUMBER, 0, member)
#define RECORD_FIXED(number, member, use)  RECORD_ONE(number, RECORD_T_FIXED, use, member)
#define RECORD_TEXT(number, member)        RECORD_ONE(number, RECORD_T_TEXT, 0, member)
#define RECORD_TIMER(number, member)       RECORD_ONE(number, RECORD_T_TIMER, 0, member)
#define RECORD_RECORD(number, member, table)                                                       \
    RECORD_FIELD(number, RECORD_T_RECORD, 0, member, .size = RECORD_SIZEOF(member), .of = (table))
#define RECORD_COUNTED(member)                                                                     \
    .count = (uint16_t)offsetof(RECORD_OBJECT, member), .count_size = RECORD_SIZEOF(member)
#define RECORD_BYTES(number, member, length)                                                       \
    RECORD_FIELD(number, RECORD_T_BYTES, 0, member, .size = RECORD_SIZEOF(member),                 \
                 RECORD_COUNTED(length))
#define RECORD_BLOCK(number, member)       RECORD_ONE(number, RECORD_T_BYTES, 0, member)
#define RECORD_MOST(member) ((uint16_t)(sizeof(((RECORD_OBJECT *)0)->member) / sizeof(((RECORD_OBJECT *)0)->member[0])))
/* Part WHICH of the object itself. */
#define RECORD_PART(number_, name_, which, parts_)                                                 \
    {.number = (number_),                                                                          \
     .type = RECORD_T_PART,                                                                        \
     .size = (which),                                                                              \
     .parts = (parts_),                                                                            \
     .name = (name_)}
/* MEMBER is an array, and N says how many of its elements count. */
#define RECORD_ARRAY(number, type, use_, member, n, ...)                                           \
    RECORD_FIELD(number, type, use_, member, .size = RECORD_SIZEOF(member[0]),                     \
                 .most = RECORD_MOST(member), RECORD_COUNTED(n), __VA_ARGS__)
#define RECORD_TABLE(name, fields) {(name), (fields), sizeof(fields) / sizeof((fields)[0])}

/* Where a record is written.  What does not fit is not written, and OVERFLOW set. */
struct record_buf {
    unsigned char *p;
    size_t size, len;
    bool overflow;
};

/* record_put - append OBJECT.  COPY: timers are those of a copy, where none is armed: those with a
 * moment count. */
void record_put(struct record_buf *b, const struct record_table *table, const void *object,
                bool copy);

/* Single fields, for what no table can say. */
void record_put_number(struct record_buf *b, unsigned number, uint64_t value);
void record_put_fixed(struct record_buf *b, unsigned number, uint64_t value);
void record_put_bytes(struct record_buf *b, unsigned number, const void *bytes, size_t len);

/* record_open, record_close - what is put in between is a message in field NUMBER, of 16383 bytes
 * at most. */
size_t record_open(struct record_buf *b, unsigned number);
void record_close(struct record_buf *b, size_t mark);

/* record_clear - the fields of OBJECT become zero; nothing else of it is touched. */
void record_clear(const struct record_table *table, void *object);

/* record_get - read LEN bytes at P into OBJECT, whose fields are zero (record_clear).
 * Returns: 0; -EBADMSG not readable, -EMSGSIZE a text, an array or a number beyond its room. */
int record_get(const struct record_table *table, void *object, const void *p, size_t len);

/* One field as it came. */
struct record_item {
    unsigned number;
    unsigned wire; /* 0 varint, 1 fixed64, 2 bytes, 5 fixed32 */
    uint64_t value;
    const unsigned char *bytes;
    size_t len;
};

/* record_next - the next field at *P, which moves behind it.  Returns: 1; 0 at END; -EBADMSG. */
int record_next(const unsigned char **p, const unsigned char *end, struct record_item *ret_item);

/* record_walk - FN for each field of OBJECT with a use, those of nested records and each element of
 * an array included; and for each timer. */
typedef void record_fn(void *arg, const struct record_field *field, void *value);
void record_walk(const struct record_table *table, void *object, record_fn *fn, void *arg);

#endif
