/* What the maxima cost (sipserver/core/memory.h), and that the core lives in exactly that. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sipserver/core/memory.h"
#include "tests/unit/sipserver/kit.h"

Test(memory, the_parts_make_the_whole_and_the_whole_is_what_is_reserved)
{
    static const struct sc_maxima some[] = {{10, 10, 16, 10, 10, 10},
                                            {1000, 5000, 20000, 100, 300, 50},
                                            {1000000, 1000000, 1000000, 1000000, 1000000, 4000}};
    struct sc_maxima defaults;
    struct sc_memory m;

    for (unsigned i = 0; i < 3; i++) {
        const struct sc_conf conf = {.maxima = some[i]};

        sc_memory(&some[i], &m);
        cr_assert_eq(m.total, sc_size(&conf));
        cr_assert_eq(m.total, m.calls + m.registrations + m.transactions + m.agents + m.dns +
                                  m.rules + m.fixed);
        cr_assert_lt(m.fixed, 1 << 20, "what belongs to no maximum is small: %llu",
                     (unsigned long long)m.fixed);
    }
    sc_maxima_default(&defaults);
    sc_memory(&defaults, &m);
    cr_assert_gt(m.calls / defaults.calls, 4096, "a call keeps its offer");
    cr_assert_gt(m.registrations / defaults.registrations, 256, "a registration keeps its contact");
}

Test(memory, twice_the_maximum_is_twice_the_part)
{
    struct sc_maxima a = {1024, 1024, 1024, 1024, 1024, 1024},
                     b = {2048, 2048, 2048, 2048, 2048, 2048};
    struct sc_memory once, twice;

    sc_memory(&a, &once);
    sc_memory(&b, &twice);
    /* A maximum of 1 is no part: what one call takes is missing twice in the half. */
    cr_assert_leq(llabs((long long)(twice.calls - 2 * once.calls)),
                  (long long)once.calls / (1024 - 1) + 4096);
    cr_assert_leq(llabs((long long)(twice.dns - 2 * once.dns)), 16384);
}

/* In a heap block of that size, where a sanitizer sees the first byte beyond, with its tables full.
 */
Test(memory, full_tables_stay_within)
{
    const struct sc_maxima maxima = {2, 2, 16, 2, 3, 2};
    struct sc_conf conf = {.maxima = maxima, .t1_ms = 500, .site = 1};
    struct sc_memory m;
    struct sc_out out = {.actions = calloc(256, sizeof(*out.actions)), .max = 256};
    struct sip_dgram *items = calloc(64, sizeof(*items));
    char *arena = malloc(1 << 18);
    void *memory;
    struct sc *sc;

    conf.local = kit_addr("10.0.0.1", 5060);
    sc_memory(&maxima, &m);
    memory = calloc(1, m.total);
    sip_out_init(&out.sip, items, 64, arena, 1 << 18);
    sc = sc_init(memory, &conf, 1, MONO_ZERO);
    for (unsigned i = 0; i < 6; i++) {
        struct sc_dn_conf dn = {.type = i % 2 == 0 ? SC_DN_QUEUE : SC_DN_EXTENSION};
        struct sc_agent_conf agent = {.queues_n = 1};
        struct sc_event e = {.kind = SC_EV_CONF_DN, .dn = &dn};

        snprintf(dn.number, sizeof(dn.number), "%u", 100 + i);
        cr_assert(sc_step(sc, MONO_ZERO, &e, &out));
        snprintf(agent.id, sizeof(agent.id), "a%u", i);
        snprintf(agent.queues[0], sizeof(agent.queues[0]), "100");
        e = (struct sc_event){.kind = SC_EV_CONF_AGENT, .agent_conf = &agent};
        cr_assert(sc_step(sc, MONO_ZERO, &e, &out));
        out.n = 0;
    }
    cr_assert(sc_sane(sc));
    free(memory);
    free(arena);
    free(items);
    free(out.actions);
}

/* ---- what a call touches ---- */

#define WARM  50
#define CALLS 500

static void room_for_calls(struct kit *k)
{
    k->conf.maxima.calls = WARM + CALLS;
    k->conf.maxima.transactions = 4 * (WARM + CALLS);
}

/* Bytes of the core's memory that have a page. */
static size_t touched(const struct kit *k)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 0;
    uintptr_t first = ((uintptr_t)k->memory + page - 1) & ~(page - 1);
    size_t pages = ((uintptr_t)k->memory + sc_size(&k->conf) - first) / page;
    unsigned char *is = malloc(pages);

    cr_assert_eq(mincore((void *)first, pages * page, is), 0);
    for (size_t i = 0; i < pages; i++)
        n += is[i] & 1;
    free(is);
    return n * page;
}

static void establish_calls(struct kit *k, struct ua *gw, struct ua *phone, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        ua_invite(gw, "100", SDP_A);
        ua_expect_request(phone, SIP_INVITE);
        ua_reply(phone, 200, SDP_B);
        ua_expect(gw, 200);
        ua_ack(gw, NULL);
        ua_expect_request(phone, SIP_ACK);
        kit_forget_caught(k);
    }
}

/* Both legs, with their transactions, indexes and timers: half a KiB of reserve to the 6 that
 * docs/performance.md sets. */
Test(memory, an_established_call_touches_five_and_a_half_kib_at_most)
{
    struct kit *k;
    struct ua gw, phone;
    size_t before;

    cr_assert_eq(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0); /* pages, not groups of them */
    k = kit_house(room_for_calls);
    gw = ua_at(k, "10.0.1.1", 5060, "+491234");
    phones_register(k, &phone, 100, 1);
    establish_calls(k, &gw, &phone, WARM);
    before = touched(k);
    establish_calls(k, &gw, &phone, CALLS);
    cr_assert_eq(kit_status(k).calls, WARM + CALLS);
    cr_assert_leq((touched(k) - before) / CALLS, 5632, "a call touches %zu bytes",
                  (touched(k) - before) / CALLS);
    kit_free(k);
}
