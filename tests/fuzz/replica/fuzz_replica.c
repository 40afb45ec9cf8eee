/* fuzz_replica - what a backup gets from a primary that is corrupt or means it ill.
 *
 *     bytes --> batches --> sc_replica_apply --> refused or taken --> sc_replica_clear
 *                ^                                                        |
 *                +---------------- once more, as one batch <--------------+--> the host serves
 *
 * The low four bits of the first byte say how many objects a batch has (0: all of them).
 *
 * Checked: nothing crashes; a copy, refused or taken, leaves nothing behind when it is cleared; a
 * second time it is judged the same; the site serves afterwards, as if nothing had come.  A copy
 * that can be read and makes no sense is not tried: it is believed (docs/replication.md, Limits).
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/record.h"
#include "sipserver/core/replica.h"
#include "sipserver/crypto/digest_openssl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))
#define BATCH_MAX  (1u << 20)
#define TICKS_MAX  2000
#define LINGER_MS  40000
#define ROUNDS_MAX 64 /* of one step that finds no room */

static struct digest_openssl *digest;
static struct sc *sc;
static mono_t now;
static struct sc_action actions[256];
static struct sip_dgram dgrams[64];
static char arena[1 << 18];
static struct sc_out out;

static void step(const struct sc_event *e)
{
    for (unsigned i = 0; i < ROUNDS_MAX; i++) {
        bool done = sc_step(sc, now, e, &out);

        sip_out_clear(&out.sip);
        out.n = 0;
        if (done)
            return;
    }
}

static void role(bool primary, uint64_t epoch)
{
    struct sc_event e = {.kind = SC_EV_ROLE,
                         .primary = primary,
                         .epoch = epoch,
                         .wall_ms = INT64_C(1800000000000) + now.ns / MONO_NS_PER_MS};

    step(&e);
}

static void pass_time(int64_t ms)
{
    struct sc_event tick = {.kind = SC_EV_TICK};
    mono_t end = mono_add_ms(now, ms);

    for (unsigned i = 0; i < TICKS_MAX && mono_due(sc_deadline(sc), end); i++) {
        now = mono_max(now, sc_deadline(sc));
        step(&tick);
        assert(sc_sane(sc));
    }
    now = mono_max(now, end);
    step(&tick);
    assert(sc_sane(sc));
}

/* ---- the site: that of tests/unit/sipserver, whose copies are in the corpus ---- */

static struct sip_addr addr_of(const char *ip)
{
    struct sip_addr a;
    int r = sip_addr_parse(sip_str_of(ip), 5060, SIP_UDP, &a);

    assert(r == 0);
    (void)r;
    return a;
}

static void configure_dn(const char *number, enum sc_dn_type type)
{
    struct sc_dn_conf dn = {.type = type};
    struct sc_event e = {.kind = SC_EV_CONF_DN, .dn = &dn};

    snprintf(dn.number, sizeof(dn.number), "%s", number);
    if (type == SC_DN_TRUNK)
        snprintf(dn.contact, sizeof(dn.contact), "sip:10.0.%u.1:5060", number[0] == 'g' ? 1u : 2u);
    step(&e);
}

static void configure(void)
{
    static const char *const agents[][2] = {{"a1", "101"}, {"a2", "102"}, {"a3", "103"}};
    struct sc_options options;
    struct sc_event e = {.kind = SC_EV_CONF_OPTIONS, .options = &options};
    char number[8];

    sc_options_default(&options);
    snprintf(options.realm, sizeof(options.realm), "standfast");
    step(&e);
    for (unsigned i = 0; i < 4; i++) {
        snprintf(number, sizeof(number), "%u", 100 + i);
        configure_dn(number, SC_DN_EXTENSION);
    }
    configure_dn("5000", SC_DN_QUEUE);
    configure_dn("gw", SC_DN_TRUNK);
    configure_dn("peer", SC_DN_TRUNK);
    for (unsigned i = 0; i < COUNT(agents); i++) {
        struct sc_agent_conf a = {.queues_n = 1};

        e = (struct sc_event){.kind = SC_EV_CONF_AGENT, .agent_conf = &a};
        snprintf(a.id, sizeof(a.id), "%s", agents[i][0]);
        snprintf(a.dn, sizeof(a.dn), "%s", agents[i][1]);
        snprintf(a.queues[0], sizeof(a.queues[0]), "5000");
        step(&e);
    }
    e = (struct sc_event){.kind = SC_EV_CONF_LOADED};
    step(&e);
}

static void *open_site(void)
{
    struct sc_conf conf = {.t1_ms = 500, .site = 1, .local = addr_of("10.0.0.1"), .tls_port = 5061};
    void *memory;

    conf.maxima = (struct sc_maxima){
        .calls = 8, .registrations = 8, .transactions = 24, .agents = 8, .dns = 20, .rules = 4};
    memset(conf.secret, 7, sizeof(conf.secret));
    memset(conf.peer_secret, 9, sizeof(conf.peer_secret));
    conf.digest = digest_openssl_ops(digest);
    memory = calloc(1, sc_size(&conf));
    assert(memory);
    now = (mono_t){1000000000};
    sc = sc_init(memory, &conf, 1, now);
    sip_out_init(&out.sip, dgrams, COUNT(dgrams), arena, sizeof(arena));
    out.actions = actions;
    out.n = 0;
    out.max = COUNT(actions);
    configure();
    return memory;
}

/* ---- what comes ---- */

/* The bytes of the next EACH objects; all that are left when the next one cannot be read. */
static size_t batch(const uint8_t *p, size_t len, unsigned each)
{
    const unsigned char *at = p, *end = p + len;
    struct record_item item;

    for (unsigned i = 0; each > 0 && i < each; i++)
        if (record_next(&at, end, &item) <= 0)
            return len;
    return each > 0 ? (size_t)(at - p) : len;
}

static int apply_all(const uint8_t *p, size_t len, unsigned each)
{
    while (len > 0) {
        size_t n = batch(p, len, each);
        int r = sc_replica_apply(sc, (const char *)p, n);

        if (r != 0)
            return r;
        p += n;
        len -= n;
    }
    return 0;
}

static void nothing_is_left(void)
{
    struct sc_replica_status copy;
    struct sc_status status;

    sc_replica_clear(sc);
    sc_replica_status(sc, &copy);
    assert(copy.objects == 0 && copy.digest == 0 && copy.calls == 0 && copy.registrations == 0);
    sc_status(sc, &status);
    assert(status.calls == 0 && status.registrations == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *memory;
    int r, again;

    if (size == 0 || size > BATCH_MAX)
        return 0;
    if (digest == NULL)
        digest = digest_openssl_new();
    memory = open_site();
    r = apply_all(data + 1, size - 1, data[0] & 15);
    nothing_is_left();
    again = apply_all(data + 1, size - 1, 0);
    assert((r == 0) == (again == 0));
    nothing_is_left();
    role(true, 2);
    assert(sc_sane(sc));
    pass_time(LINGER_MS);
    role(false, 3);
    assert(sc_sane(sc));
    free(memory);
    return 0;
}
