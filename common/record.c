#include "common/record.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/timer.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

#define LENGTH_BYTES 2 /* of a message, written before it is known: 14 bits */

/* ---- writing ---- */

static unsigned char *room(struct record_buf *b, size_t n)
{
    unsigned char *at = b->p + b->len;

    if (b->overflow || b->size - b->len < n) {
        b->overflow = true;
        return NULL;
    }
    b->len += n;
    return at;
}

static size_t put_varint(unsigned char *to, uint64_t value)
{
    size_t n = 0;

    while (value >= 0x80) {
        to[n++] = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    to[n++] = (unsigned char)value;
    return n;
}

#define TWO_MAX 20 /* bytes of two varints */

/* TAG and VALUE, both varints. */
static void put_two(struct record_buf *b, uint64_t tag, uint64_t value)
{
    unsigned char text[TWO_MAX], *to = b->p + b->len;
    bool wide = !b->overflow && b->size - b->len >= TWO_MAX;
    size_t n;

    if (!wide)
        to = text;
    n = put_varint(to, tag);
    n += put_varint(to + n, value);
    if (wide) {
        b->len += n;
        return;
    }
    to = room(b, n);
    if (to != NULL)
        memcpy(to, text, n);
}

void record_put_number(struct record_buf *b, unsigned number, uint64_t value)
{
    if (value != 0)
        put_two(b, number << 3 | WIRE_VARINT, value);
}

static void put_fixed(struct record_buf *b, unsigned number, uint64_t value)
{
    unsigned tag = number << 3 | WIRE_FIXED64;
    size_t n = tag < 0x80 ? 1 : 2;
    unsigned char *to = room(b, n + 8);

    if (to == NULL)
        return;
    (void)put_varint(to, tag);
    for (unsigned i = 0; i < 8; i++)
        to[n + i] = (unsigned char)(value >> 8 * i);
}

void record_put_fixed(struct record_buf *b, unsigned number, uint64_t value)
{
    if (value != 0)
        put_fixed(b, number, value);
}

void record_put_bytes(struct record_buf *b, unsigned number, const void *bytes, size_t len)
{
    unsigned char *to;

    put_two(b, number << 3 | WIRE_BYTES, len);
    to = room(b, len);
    if (to != NULL && len > 0)
        memcpy(to, bytes, len);
}

size_t record_open(struct record_buf *b, unsigned number)
{
    unsigned char text[10];
    size_t n = put_varint(text, number << 3 | WIRE_BYTES);
    unsigned char *to = room(b, n + LENGTH_BYTES);

    if (to != NULL)
        memcpy(to, text, n);
    return b->len;
}

void record_close(struct record_buf *b, size_t mark)
{
    size_t len = b->len - mark;

    if (b->overflow || len > 0x3fff) {
        b->overflow = true;
        return;
    }
    b->p[mark - 2] = (unsigned char)(len | 0x80);
    b->p[mark - 1] = (unsigned char)(len >> 7);
}

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

/* An element of an array is written even when it is zero: its place counts. */
static void put_element(struct record_buf *b, const struct record_field *f,
                        const unsigned char *at, bool copy)
{
    size_t mark;

    switch ((enum record_type)f->type) {
    case RECORD_T_NUMBER:
        put_two(b, (uint64_t)f->number << 3 | WIRE_VARINT, read_number(at, f->size));
        break;
    case RECORD_T_FIXED: put_fixed(b, f->number, read_number(at, 8)); break;
    case RECORD_T_TEXT:
        record_put_bytes(b, f->number, at, strnlen((const char *)at, f->size - 1u));
        break;
    case RECORD_T_RECORD:
        mark = record_open(b, f->number);
        record_put(b, f->of, at, copy);
        record_close(b, mark);
        break;
    case RECORD_T_BYTES:
    case RECORD_T_PART:
    case RECORD_T_TIMER: assert(false);
    }
}

static bool all_zero(const unsigned char *at, size_t n)
{
    while (n > 0 && at[n - 1] == 0)
        n--;
    return n == 0;
}

static void put_array(struct record_buf *b, const struct record_field *f,
                      const unsigned char *object, bool copy)
{
    size_t n = count_of(f, object);

    if (f->count_size == 0 && all_zero(object + f->offset, n * f->size))
        return;
    for (size_t i = 0; i < n; i++)
        put_element(b, f, object + f->offset + i * f->size, copy);
}

static void put_part(struct record_buf *b, const struct record_field *f, const unsigned char *at)
{
    size_t len;
    const void *bytes = f->parts->get(at, f->size, &len);

    if (len > 0)
        record_put_bytes(b, f->number, bytes, len);
}

static void put_record(struct record_buf *b, const struct record_field *f,
                       const unsigned char *at, bool copy)
{
    size_t before = b->len, mark = record_open(b, f->number);

    record_put(b, f->of, at, copy);
    if (b->len == mark && !b->overflow)
        b->len = before; /* nothing in it */
    else
        record_close(b, mark);
}

void record_put(struct record_buf *b, const struct record_table *table, const void *object,
                bool copy)
{
    const unsigned char *base = object;

    for (unsigned i = 0; i < table->n; i++) {
        const struct record_field *f = &table->fields[i];
        const unsigned char *at = base + f->offset;

        if (f->most != 0) {
            put_array(b, f, base, copy);
            continue;
        }
        switch ((enum record_type)f->type) {
        case RECORD_T_NUMBER: record_put_number(b, f->number, read_number(at, f->size)); break;
        case RECORD_T_FIXED: record_put_fixed(b, f->number, read_number(at, 8)); break;
        case RECORD_T_TEXT:
            if (at[0] != '\0')
                record_put_bytes(b, f->number, at, strnlen((const char *)at, f->size - 1u));
            break;
        case RECORD_T_BYTES:
            if (f->count_size != 0 ? count_of(f, base) > 0 : !all_zero(at, f->size))
                record_put_bytes(b, f->number, at, count_of(f, base));
            break;
        case RECORD_T_TIMER:
            record_put_fixed(b, f->number,
                             timer_moment((const struct timer *)(const void *)at, copy));
            break;
        case RECORD_T_RECORD: put_record(b, f, at, copy); break;
        case RECORD_T_PART: put_part(b, f, at); break;
        }
    }
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
