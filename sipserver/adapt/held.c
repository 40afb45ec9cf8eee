#include "sipserver/adapt/held.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define OPEN       UINT64_MAX                 /* no number yet */
#define TOGETHER   64                         /* datagrams handed on at once */
#define ALIGNED(n) (((n) + 31) & ~(size_t)31) /* what is left at the end has room for an item */

enum kind { DATAGRAM, REPLY, EVENT, RECORD, NOTHING };

/* Before each; the next one is SIZE bytes further. */
struct item {
    uint64_t number;
    mono_t since;
    uint32_t size;
    uint32_t kind;
};

struct datagram {
    struct sip_dgram head;
    char bytes[];
};

/* Positions count up without end; the place is the rest by the room. */
struct held {
    struct held_sink sink;
    char *memory;
    size_t room;
    size_t room_wanted;
    uint64_t head, tail, open; /* first item; end; first without a number */
    bool busy;
    struct held_counts counts;
};

/* ---- memory ---- */

static int take_room(struct held *h)
{
    void *memory;

    if (h->room == h->room_wanted)
        return 0;
    memory = mmap(NULL, h->room_wanted, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;
    if (h->memory != NULL)
        munmap(h->memory, h->room);
    h->memory = memory;
    h->room = h->room_wanted;
    return 0;
}

int held_new(const struct held_sink *sink, struct held **ret_held)
{
    struct held *h = calloc(1, sizeof(*h));

    if (h == NULL)
        return -ENOMEM;
    h->sink = *sink;
    h->room_wanted = HELD_ROOM;
    if (take_room(h) != 0) {
        free(h);
        return -ENOMEM;
    }
    *ret_held = h;
    return 0;
}

void held_destroy(struct held **held)
{
    struct held *h = *held;

    if (h == NULL)
        return;
    munmap(h->memory, h->room);
    free(h);
    *held = NULL;
}

int held_room(struct held *h, size_t bytes)
{
    h->room_wanted = ALIGNED(bytes);
    return held_empty(h) ? take_room(h) : 0;
}

/* ---- putting ---- */

static struct item *item_at(const struct held *h, uint64_t position)
{
    return (struct item *)(void *)(h->memory + position % h->room);
}

static void *body_of(struct item *item)
{
    return item + 1;
}

static struct item *add(struct held *h, mono_t now, enum kind kind, size_t size)
{
    struct item *item = item_at(h, h->tail);

    *item =
        (struct item){.number = OPEN, .since = now, .size = (uint32_t)size, .kind = (uint32_t)kind};
    h->tail += size;
    return item;
}

/* Room for an item of KIND with BODY bytes in one piece; NULL: none. */
static void *put(struct held *h, mono_t now, enum kind kind, size_t body)
{
    size_t size = ALIGNED(sizeof(struct item) + body);
    size_t to_end, gap;

    assert(!h->busy);
    if (h->head == h->tail)
        h->head = h->tail = h->open = 0;
    to_end = h->room - h->tail % h->room;
    gap = size > to_end ? to_end : 0;
    if (h->tail - h->head + gap + size > h->room) {
        h->counts.dropped++;
        return NULL;
    }
    if (gap != 0)
        (void)add(h, now, NOTHING, gap);
    h->counts.items++;
    return body_of(add(h, now, kind, size));
}

static bool put_copy(struct held *h, mono_t now, enum kind kind, const void *from, size_t size)
{
    void *place = put(h, now, kind, size);

    if (place != NULL)
        memcpy(place, from, size);
    return place != NULL;
}

bool held_datagrams(struct held *h, mono_t now, const struct sip_out *out)
{
    bool all = true;

    for (unsigned i = 0; i < out->n; i++) {
        struct sip_str data = sip_out_data(out, i);
        struct datagram *d = put(h, now, DATAGRAM, sizeof(*d) + data.len);

        all = all && d != NULL;
        if (d == NULL)
            continue;
        d->head = out->items[i];
        memcpy(d->bytes, data.p, data.len);
    }
    return all;
}

bool held_reply(struct held *h, mono_t now, const struct sc_agent_reply *reply)
{
    return put_copy(h, now, REPLY, reply, sizeof(*reply));
}

bool held_event(struct held *h, mono_t now, const struct sc_agent_event *event)
{
    return put_copy(h, now, EVENT, event, sizeof(*event));
}

bool held_record(struct held *h, mono_t now, const struct sc_record *record)
{
    return put_copy(h, now, RECORD, record, sizeof(*record));
}

void held_mark(struct held *h, uint64_t number)
{
    while (h->open != h->tail) {
        struct item *item = item_at(h, h->open);

        item->number = number;
        h->open += item->size;
    }
}

/* ---- leaving ---- */

struct view {
    struct sip_dgram items[TOGETHER];
    struct sip_out out;
};

static void flush(struct held *h, struct view *v)
{
    if (v->out.n > 0)
        h->sink.datagrams(h->sink.arg, &v->out);
    v->out.n = 0;
}

static void gather(struct held *h, struct view *v, const struct datagram *d)
{
    struct sip_dgram *item = &v->items[v->out.n++];

    *item = d->head;
    item->offset = (size_t)(d->bytes - h->memory);
    if (v->out.n == TOGETHER)
        flush(h, v);
}

static void hand_on(struct held *h, struct view *v, struct item *item)
{
    if (item->kind == DATAGRAM) {
        gather(h, v, body_of(item));
        return;
    }
    flush(h, v); /* in order */
    if (item->kind == REPLY)
        h->sink.reply(h->sink.arg, body_of(item));
    else if (item->kind == EVENT)
        h->sink.event(h->sink.arg, body_of(item));
    else if (item->kind == RECORD)
        h->sink.record(h->sink.arg, body_of(item));
}

void held_release(struct held *h, mono_t now, uint64_t number)
{
    struct view v = {.out = {.max = TOGETHER, .arena = h->memory, .size = h->room}};

    v.out.items = v.items;
    h->busy = true;
    while (h->head != h->tail) {
        struct item *item = item_at(h, h->head);
        uint64_t waited = (uint64_t)(now.ns - item->since.ns) / 1000;

        if (item->number > number)
            break;
        if (waited > h->counts.longest_us)
            h->counts.longest_us = waited;
        hand_on(h, &v, item);
        h->head += item->size;
    }
    flush(h, &v);
    h->busy = false;
    if (h->open < h->head)
        h->open = h->head;
    if (h->head == h->tail)
        (void)take_room(h);
}

void held_drop(struct held *h)
{
    while (h->head != h->tail) {
        struct item *item = item_at(h, h->head);

        if (item->kind == RECORD)
            h->sink.record(h->sink.arg, body_of(item));
        else if (item->kind != NOTHING)
            h->counts.dropped++;
        h->head += item->size;
    }
    h->open = h->head;
    (void)take_room(h);
}

/* ---- looking in ---- */

bool held_empty(const struct held *h)
{
    return h->head == h->tail;
}

mono_t held_oldest(const struct held *h)
{
    return held_empty(h) ? MONO_NEVER : item_at(h, h->head)->since;
}

void held_counts(const struct held *h, struct held_counts *ret_counts)
{
    *ret_counts = h->counts;
    ret_counts->bytes = h->tail - h->head;
}
