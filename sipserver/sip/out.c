#include "sipserver/sip/out.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

void sip_out_init(struct sip_out *o, struct sip_dgram *items, unsigned max, char *arena,
                  size_t size)
{
    *o = (struct sip_out){.items = items, .max = max, .arena = arena, .size = size};
}

void sip_out_clear(struct sip_out *o)
{
    o->n = 0;
    o->used = 0;
}

struct sip_buf sip_out_open(struct sip_out *o)
{
    struct sip_buf b;

    sip_buf_init(&b, o->arena + o->used, o->size - o->used);
    return b;
}

int sip_out_close(struct sip_out *o, const struct sip_buf *b, const struct sip_addr *to,
                  uint64_t txn)
{
    assert(b->data == o->arena + o->used);
    if (b->overflow || o->n == o->max) {
        o->refused++;
        return b->overflow ? -EMSGSIZE : -ENOBUFS;
    }
    o->items[o->n++] = (struct sip_dgram){.to = *to, .txn = txn, .offset = o->used, .len = b->len};
    o->used += b->len;
    return 0;
}

int sip_out_add(struct sip_out *o, const struct sip_addr *to, uint64_t txn, struct sip_str data)
{
    struct sip_buf b = sip_out_open(o);
    int r;

    sip_put(&b, data);
    r = sip_out_close(o, &b, to, txn);
    return r == -EMSGSIZE ? -ENOBUFS : r;
}

struct sip_str sip_out_data(const struct sip_out *o, unsigned index)
{
    assert(index < o->n);
    return (struct sip_str){o->arena + o->items[index].offset, o->items[index].len};
}
