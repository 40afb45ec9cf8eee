#include "common/record.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "common/timer.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

#define LENGTH_BYTES 2 /* of a message, written before it is known: 14 bits */

/* ---- writing ---- */

/* Everything is written at TO, where there is room up to END; each function returns what is behind
 * it, NULL when there is no room. */
static uint64_t read_number(const void *at, unsigned size)
{
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;

    switch (size) {
    case 1: memcpy(&u8, at, 1); return u8;
    case 2: memcpy(&u16, at, 2); return u16;
    case 4: memcpy(&u32, at, 4); return u32;
    default: assert(size == 8); memcpy(&u64, at, 8); return u64;
    }
}

static unsigned char *put_varint(unsigned char *to, uint64_t value)
{
    while (value >= 0x80) {
        *to++ = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *to++ = (unsigned char)value;
    return to;
}

#define TWO_MAX 20 /* bytes of two varints */

/* TAG and VALUE, both varints. */
static inline unsigned char *put_two(unsigned char *to, const unsigned char *end, uint64_t tag,
                                     uint64_t value)
{
    unsigned char text[TWO_MAX];
    size_t n;

    if (end - to >= TWO_MAX)
        return put_varint(put_varint(to, tag), value);
    n = (size_t)(put_varint(put_varint(text, tag), value) - text);
    if ((size_t)(end - to) < n)
        return NULL;
    memcpy(to, text, n);
    return to + n;
}

static inline unsigned char *put_fixed(unsigned char *to, const unsigned char *end, unsigned number,
                                       uint64_t value)
{
    unsigned tag = number << 3 | WIRE_FIXED64;

    if (end - to < (tag < 0x80 ? 1 : 2) + 8)
        return NULL;
    to = put_varint(to, tag);
    value = htole64(value);
    memcpy(to, &value, 8);
    return to + 8;
}

static unsigned char *put_bytes(unsigned char *to, const unsigned char *end, unsigned number,
                                const void *bytes, size_t len)
{
    to = put_two(to, end, number << 3 | WIRE_BYTES, len);
    if (to == NULL || (size_t)(end - to) < len)
        return NULL;
    if (len > 0)
        memcpy(to, bytes, len);
    return to + len;
}

static unsigned char *open_at(unsigned char *to, const unsigned char *end, unsigned number)
{
    unsigned tag = number << 3 | WIRE_BYTES;

    if (end - to < (tag < 0x80 ? 1 : 2) + LENGTH_BYTES)
        return NULL;
    return put_varint(to, tag) + LENGTH_BYTES;
}

static unsigned char *close_at(unsigned char *to, unsigned char *mark)
{
    size_t len = (size_t)(to - mark);

    if (len > 0x3fff)
        return NULL;
    mark[-2] = (unsigned char)(len | 0x80);
    mark[-1] = (unsigned char)(len >> 7);
    return to;
}

static uint64_t timer_moment(const struct timer *t, bool copy)
{
    return timer_armed(t) || copy ? (uint64_t)t->due.ns : 0;
}

static size_t count_of(const struct record_field *f, const unsigned char *object)
{
    uint64_t most = f->type == RECORD_T_BYTES ? f->size : f->most;
    uint64_t n = f->count_size == 0 ? most : read_number(object + f->count, f->count_size);

    assert(n <= most);
    return (size_t)n;
}

static unsigned char *put_table(unsigned char *to, unsigned char *end,
                                const struct record_table *table, const unsigned char *base,
                                bool copy);

/* An element of an array is written even when it is zero: its place counts. */
static unsigned char *put_element(unsigned char *to, unsigned char *end,
                                  const struct record_field *f, const unsigned char *at, bool copy)
{
    unsigned char *mark;

    switch ((enum record_type)f->type) {
    case RECORD_T_NUMBER:
        return put_two(to, end, (uint64_t)f->number << 3 | WIRE_VARINT, read_number(at, f->size));
    case RECORD_T_FIXED: return put_fixed(to, end, f->number, read_number(at, 8));
    case RECORD_T_TEXT:
        return put_bytes(to, end, f->number, at, strnlen((const char *)at, f->size - 1u));
    case RECORD_T_RECORD:
        mark = open_at(to, end, f->number);
        to = mark != NULL ? put_table(mark, end, f->of, at, copy) : NULL;
        return to != NULL ? close_at(to, mark) : NULL;
    case RECORD_T_BYTES:
    case RECORD_T_PART:
    case RECORD_T_TIMER: break;
    }
    assert(false);
    return NULL;
}

static bool all_zero(const unsigned char *at, size_t n)
{
    return n == 0 || (at[0] == 0 && memcmp(at, at + 1, n - 1) == 0);
}

static unsigned char *put_array(unsigned char *to, unsigned char *end, const struct record_field *f,
                                const unsigned char *object, bool copy)
{
    size_t n = count_of(f, object);

    if (f->count_size == 0 && all_zero(object + f->offset, n * f->size))
        return to;
    for (size_t i = 0; i < n && to != NULL; i++)
        to = put_element(to, end, f, object + f->offset + i * f->size, copy);
    return to;
}

static unsigned char *put_part(unsigned char *to, unsigned char *end, const struct record_field *f,
                               const unsigned char *at)
{
    size_t len;
    const void *bytes = f->parts->get(at, f->size, &len);

    return len > 0 ? put_bytes(to, end, f->number, bytes, len) : to;
}

static unsigned char *put_record(unsigned char *to, unsigned char *end,
                                 const struct record_field *f, const unsigned char *at, bool copy)
{
    unsigned char *mark = open_at(to, end, f->number);
    unsigned char *behind;

    if (all_zero(at, f->size)) /* most often: nothing needs to be looked at */
        return to;
    behind = mark != NULL ? put_table(mark, end, f->of, at, copy) : NULL;
    if (behind == NULL || behind == mark) /* nothing in it */
        return behind != NULL ? to : NULL;
    return close_at(behind, mark);
}

static unsigned char *put_table(unsigned char *to, unsigned char *end,
                                const struct record_table *table, const unsigned char *base,
                                bool copy)
{
    const struct record_field *last = table->fields + table->n;
    uint64_t value;

    for (const struct record_field *f = table->fields; f < last && to != NULL; f++) {
        const unsigned char *at = base + f->offset;

        if (f->most != 0) {
            to = put_array(to, end, f, base, copy);
            continue;
        }
        switch ((enum record_type)f->type) {
        case RECORD_T_NUMBER:
            value = read_number(at, f->size);
            if (value != 0)
                to = put_two(to, end, (uint64_t)f->number << 3 | WIRE_VARINT, value);
            break;
        case RECORD_T_FIXED:
            value = read_number(at, 8);
            if (value != 0)
                to = put_fixed(to, end, f->number, value);
            break;
        case RECORD_T_TEXT:
            if (at[0] != '\0')
                to = put_bytes(to, end, f->number, at, strnlen((const char *)at, f->size - 1u));
            break;
        case RECORD_T_BYTES:
            if (f->count_size != 0 ? count_of(f, base) > 0 : !all_zero(at, f->size))
                to = put_bytes(to, end, f->number, at, count_of(f, base));
            break;
        case RECORD_T_TIMER:
            value = timer_moment((const struct timer *)(const void *)at, copy);
            if (value != 0)
                to = put_fixed(to, end, f->number, value);
            break;
        case RECORD_T_RECORD: to = put_record(to, end, f, at, copy); break;
        case RECORD_T_PART: to = put_part(to, end, f, at); break;
        }
    }
    return to;
}

/* ---- ... to a buffer ---- */

static unsigned char *next_of(const struct record_buf *b)
{
    return b->p + b->len;
}

static void reached(struct record_buf *b, unsigned char *to)
{
    if (to == NULL)
        b->overflow = true;
    else
        b->len = (size_t)(to - b->p);
}

void record_put(struct record_buf *b, const struct record_table *table, const void *object,
                bool copy)
{
    if (!b->overflow)
        reached(b, put_table(next_of(b), b->p + b->size, table, object, copy));
}

void record_put_number(struct record_buf *b, unsigned number, uint64_t value)
{
    if (value != 0 && !b->overflow)
        reached(b, put_two(next_of(b), b->p + b->size, number << 3 | WIRE_VARINT, value));
}

void record_put_fixed(struct record_buf *b, unsigned number, uint64_t value)
{
    if (value != 0 && !b->overflow)
        reached(b, put_fixed(next_of(b), b->p + b->size, number, value));
}

void record_put_bytes(struct record_buf *b, unsigned number, const void *bytes, size_t len)
{
    if (!b->overflow)
        reached(b, put_bytes(next_of(b), b->p + b->size, number, bytes, len));
}

size_t record_open(struct record_buf *b, unsigned number)
{
    if (!b->overflow)
        reached(b, open_at(next_of(b), b->p + b->size, number));
    return b->len;
}

void record_close(struct record_buf *b, size_t mark)
{
    if (!b->overflow)
        reached(b, close_at(next_of(b), b->p + mark));
}

/* ---- reading ---- */

static int get_varint(const unsigned char **p, const unsigned char *end, uint64_t *ret)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && *p < end; shift += 7) {
        unsigned char byte = *(*p)++;

        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *ret = value;
            return 0;
        }
    }
    return -EBADMSG;
}

static int get_fixed(const unsigned char **p, const unsigned char *end, unsigned bytes,
                     uint64_t *ret)
{
    uint64_t value = 0;

    if ((size_t)(end - *p) < bytes)
        return -EBADMSG;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)(*p)[i] << 8 * i;
    *p += bytes;
    *ret = value;
    return 0;
}

int record_next(const unsigned char **p, const unsigned char *end, struct record_item *ret_item)
{
    uint64_t tag, len;

    if (*p == end)
        return 0;
    *ret_item = (struct record_item){0};
    if (get_varint(p, end, &tag) != 0 || tag >> 3 == 0 || tag >> 32 != 0)
        return -EBADMSG;
    ret_item->number = (unsigned)(tag >> 3);
    ret_item->wire = (unsigned)(tag & 7);
    switch (ret_item->wire) {
    case WIRE_VARINT: return get_varint(p, end, &ret_item->value) == 0 ? 1 : -EBADMSG;
    case WIRE_FIXED64: return get_fixed(p, end, 8, &ret_item->value) == 0 ? 1 : -EBADMSG;
    case WIRE_FIXED32: return get_fixed(p, end, 4, &ret_item->value) == 0 ? 1 : -EBADMSG;
    case WIRE_BYTES:
        if (get_varint(p, end, &len) != 0 || len > (size_t)(end - *p))
            return -EBADMSG;
        ret_item->bytes = *p;
        ret_item->len = (size_t)len;
        *p += len;
        return 1;
    default: return -EBADMSG;
    }
}

static int write_number(void *at, unsigned size, uint64_t value)
{
    uint8_t u8 = (uint8_t)value;
    uint16_t u16 = (uint16_t)value;
    uint32_t u32 = (uint32_t)value;

    if (size < 8 && value >> 8 * size != 0)
        return -EMSGSIZE;
    switch (size) {
    case 1: memcpy(at, &u8, 1); break;
    case 2: memcpy(at, &u16, 2); break;
    case 4: memcpy(at, &u32, 4); break;
    default: memcpy(at, &value, 8); break;
    }
    return 0;
}

static unsigned wire_of(enum record_type type)
{
    switch (type) {
    case RECORD_T_NUMBER: return WIRE_VARINT;
    case RECORD_T_FIXED:
    case RECORD_T_TIMER: return WIRE_FIXED64;
    case RECORD_T_TEXT:
    case RECORD_T_BYTES:
    case RECORD_T_RECORD:
    case RECORD_T_PART: break;
    }
    return WIRE_BYTES;
}

static int get_element(const struct record_field *f, unsigned char *at,
                       const struct record_item *item)
{
    switch ((enum record_type)f->type) {
    case RECORD_T_NUMBER: return write_number(at, f->size, item->value);
    case RECORD_T_FIXED: return write_number(at, 8, item->value);
    case RECORD_T_TIMER: ((struct timer *)(void *)at)->due.ns = (int64_t)item->value; return 0;
    case RECORD_T_TEXT:
        if (item->len >= f->size || memchr(item->bytes, '\0', item->len) != NULL)
            return -EMSGSIZE;
        memcpy(at, item->bytes, item->len);
        at[item->len] = '\0';
        return 0;
    case RECORD_T_RECORD: return record_get(f->of, at, item->bytes, item->len);
    case RECORD_T_PART: return f->parts->set(at, f->size, item->bytes, item->len);
    case RECORD_T_BYTES: break;
    }
    if (item->len > f->size)
        return -EMSGSIZE;
    memcpy(at, item->bytes, item->len);
    return 0;
}

static int get_field(const struct record_field *f, unsigned char *object,
                     const struct record_item *item, uint16_t *fixed_n)
{
    unsigned char *at = object + f->offset;
    uint64_t n;

    if (item->wire != wire_of((enum record_type)f->type))
        return -EBADMSG;
    if (f->type == RECORD_T_BYTES) {
        int r = get_element(f, at, item);

        return r != 0 || f->count_size == 0
                   ? r
                   : write_number(object + f->count, f->count_size, item->len);
    }
    if (f->most == 0)
        return get_element(f, at, item);
    n = f->count_size == 0 ? (*fixed_n)++ : read_number(object + f->count, f->count_size);
    if (n >= f->most)
        return -EMSGSIZE;
    if (f->count_size != 0)
        (void)write_number(object + f->count, f->count_size, n + 1);
    return get_element(f, at + n * f->size, item);
}

int record_get(const struct record_table *table, void *object, const void *p, size_t len)
{
    const unsigned char *at = p, *end = at + len;
    uint16_t fixed_n = 0;
    struct record_item item;
    unsigned i = 0;
    int r;

    while ((r = record_next(&at, end, &item)) > 0) {
        if (i == table->n || table->fields[i].number > item.number)
            i = 0; /* another order than ours */
        while (i < table->n && table->fields[i].number < item.number) {
            i++;
            fixed_n = 0;
        }
        if (i == table->n || table->fields[i].number != item.number)
            continue; /* of another version */
        r = get_field(&table->fields[i], object, &item, &fixed_n);
        if (r != 0)
            return r;
    }
    return r;
}

void record_clear(const struct record_table *table, void *object)
{
    unsigned char *base = object;

    for (unsigned i = 0; i < table->n; i++) {
        const struct record_field *f = &table->fields[i];
        size_t n = f->most == 0 ? 1 : f->most;

        if (f->type == RECORD_T_TIMER)
            ((struct timer *)(void *)(base + f->offset))->due = MONO_ZERO;
        else if (f->type == RECORD_T_RECORD)
            for (size_t k = 0; k < n; k++)
                record_clear(f->of, base + f->offset + k * f->size);
        else if (f->type == RECORD_T_PART)
            (void)f->parts->set(base + f->offset, f->size, NULL, 0);
        else
            memset(base + f->offset, 0, n * f->size);
        if (f->count_size != 0)
            (void)write_number(base + f->count, f->count_size, 0);
    }
}

void record_walk(const struct record_table *table, void *object, record_fn *fn, void *arg)
{
    unsigned char *base = object;

    for (unsigned i = 0; i < table->n; i++) {
        const struct record_field *f = &table->fields[i];
        size_t n;

        if (f->type != RECORD_T_RECORD && f->type != RECORD_T_TIMER && f->use == 0)
            continue;
        n = f->most == 0 ? 1 : count_of(f, base);
        for (size_t k = 0; k < n; k++) {
            unsigned char *at = base + f->offset + k * f->size;

            if (f->type == RECORD_T_RECORD)
                record_walk(f->of, at, fn, arg);
            else
                fn(arg, f, at);
        }
    }
}
