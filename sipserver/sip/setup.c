/* The stack's configuration, its memory, and the looks into it from outside. */
#include "sipserver/sip/transaction.h"

#include <assert.h>
#include <string.h>

void sip_stack_conf_default(struct sip_stack_conf *c)
{
    *c = (struct sip_stack_conf){
        .server_max = 20000,
        .client_max = 20000,
        .message_max = 4096,
        .t1_ms = 500,
        .t2_ms = 4000,
        .t4_ms = 5000,
        .timer_d_ms = 32000,
        .trying_ms = 200,
        .repeat_1xx_ms = 60000,
        .timer_c_ms = 190000,
        .udp_request_max = 1300,
    };
}

const char *sip_stack_conf_check(const struct sip_stack_conf *c)
{
    const struct {
        const char *name;
        uint32_t value, min, max;
    } range[] = {
        {"server_max", c->server_max, 16, 1000000},
        {"client_max", c->client_max, 16, 1000000},
        {"message_max", c->message_max, 1024, 65535},
        {"t1_ms", c->t1_ms, 10, 5000},
        {"t2_ms", c->t2_ms, 10, 60000},
        {"t4_ms", c->t4_ms, 10, 60000},
        {"timer_d_ms", c->timer_d_ms, 10, 600000},
        {"trying_ms", c->trying_ms, 0, 10000},
        {"repeat_1xx_ms", c->repeat_1xx_ms, 100, 600000},
        {"timer_c_ms", c->timer_c_ms, 100, 3600000},
    };

    for (size_t i = 0; i < sizeof(range) / sizeof(range[0]); i++) {
        if (range[i].value < range[i].min || range[i].value > range[i].max)
            return range[i].name;
    }
    if (c->sent_by[0][0] == '\0')
        return "sent_by";
    return NULL;
}

/* The parts of a stack's memory, in order; each begins at a multiple of 16 bytes. */
struct parts {
    size_t servers, clients, by_key, by_merge, timers, images_free, images_small, images_large,
        scratch, end;
};

static size_t aligned(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

static struct parts parts_of(const struct sip_stack_conf *c)
{
    uint32_t all = c->server_max + c->client_max;
    struct parts p;

    p.servers = aligned(sizeof(struct sip_stack));
    p.clients = p.servers + aligned(pool_bytes(c->server_max, sizeof(struct txn)));
    p.by_key = p.clients + aligned(pool_bytes(c->client_max, sizeof(struct txn)));
    p.by_merge = p.by_key + aligned(hash_bytes(all));
    p.timers = p.by_merge + aligned(hash_bytes(c->server_max));
    p.images_free = p.timers + aligned(timers_bytes(2 * all));
    p.images_small = p.images_free + aligned((size_t)all * TXN_IMAGE_SIZES * sizeof(uint32_t));
    p.images_large = p.images_small + aligned((size_t)all * TXN_IMAGE_SMALL);
    p.scratch = p.images_large + aligned((size_t)all * c->message_max);
    p.end = p.scratch + c->message_max;
    return p;
}

size_t sip_stack_size(const struct sip_stack_conf *c)
{
    return parts_of(c).end;
}

struct sip_stack *sip_stack_init(void *mem, const struct sip_stack_conf *c)
{
    struct parts p = parts_of(c);
    struct sip_stack *s = mem;
    char *base = mem;
    uint32_t all = c->server_max + c->client_max;

    assert(sip_stack_conf_check(c) == NULL);
    memset(s, 0, sizeof(*s));
    s->conf = *c;
    pool_init(&s->servers, base + p.servers, c->server_max, sizeof(struct txn));
    pool_init(&s->clients, base + p.clients, c->client_max, sizeof(struct txn));
    hash_init(&s->by_key, base + p.by_key, all, c->key.secret);
    hash_init(&s->by_merge, base + p.by_merge, c->server_max, c->key.secret);
    timers_init(&s->timers, base + p.timers, 2 * all);
    s->images[TXN_SMALL].bytes = base + p.images_small;
    s->images[TXN_SMALL].each = TXN_IMAGE_SMALL;
    s->images[TXN_SMALL].free = (uint32_t *)(void *)(base + p.images_free);
    s->images[TXN_LARGE].bytes = base + p.images_large;
    s->images[TXN_LARGE].each = c->message_max;
    s->images[TXN_LARGE].free = s->images[TXN_SMALL].free + all;
    s->scratch = base + p.scratch;
    return s;
}

/* ---- looking in ------------------------------------------------------------- */

uint64_t sip_count(const struct sip_stack *s, enum sip_count which)
{
    assert(which < SIP_COUNTS);
    return s->counts[which];
}

const char *sip_count_name(enum sip_count which)
{
    static const char *const text[] = {
#define COUNTER(id, name, text) name,
#include "sipserver/sip/counters.tbl.h"
    };
    assert(which < SIP_COUNTS);
    return text[which];
}

uint32_t sip_live(const struct sip_stack *s, bool server)
{
    return server ? s->servers.used : s->clients.used;
}

/* What absorbs copies only has no image. */
static bool needs_image(const struct txn *t)
{
    switch ((enum txn_machine)t->r.machine) {
    case TXN_ICT: return t->r.state != TXN_ACCEPTED;
    case TXN_NCT: return t->r.state != TXN_COMPLETED;
    case TXN_IST: return !t->r.acknowledged;
    case TXN_NST:
    case TXN_MACHINES: break;
    }
    return true;
}

/* What the next response copies lies within the image. */
static bool common_sane(const struct txn *t)
{
    const struct sip_common *c = &t->r.common;

    return !txn_is_server(t) || t->r.image_len == 0 ||
           (c->from > 0 && c->from <= c->to_end && c->to_end <= c->end && c->end <= t->r.image_len);
}

static bool txn_sane(const struct sip_stack *s, const struct txn *t)
{
    return t->r.machine < TXN_MACHINES && t->r.state < TXN_TERMINATED && t->by_key.linked &&
           t->r.image_len <= s->conf.message_max && (t->r.image_len > 0) == needs_image(t) &&
           (t->r.image_len == 0 || t->image < s->images[txn_image_size(t->r.image_len)].begun) &&
           common_sane(t) && timer_armed(&t->life);
}

bool sip_sane(const struct sip_stack *s)
{
    uint32_t images[TXN_IMAGE_SIZES] = {s->images[TXN_SMALL].free_n, s->images[TXN_LARGE].free_n};

    for (const struct txn *t = NULL; (t = pool_next(&s->servers, t)) != NULL;) {
        if (!txn_sane(s, t) || !txn_is_server(t))
            return false;
        images[txn_image_size(t->r.image_len)] += needs_image(t);
    }
    for (const struct txn *t = NULL; (t = pool_next(&s->clients, t)) != NULL;) {
        if (!txn_sane(s, t) || txn_is_server(t))
            return false;
        images[txn_image_size(t->r.image_len)] += needs_image(t);
    }
    return images[TXN_SMALL] == s->images[TXN_SMALL].begun &&
           images[TXN_LARGE] == s->images[TXN_LARGE].begun &&
           s->by_key.used == s->servers.used + s->clients.used && timer_sane(&s->timers);
}
