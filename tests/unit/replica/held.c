/* Output that waits: in order, bounded, nothing lost but what is counted. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "sipserver/adapt/held.h"

#define ROOM 65536

static struct held *held;
static char left[4096]; /* what has left, a word each */
static struct sip_dgram items[8];
static char arena[65536];
static struct sip_out out;

static void note(const char *format, const char *what, size_t len)
{
    size_t n = strlen(left);

    snprintf(left + n, sizeof(left) - n, format, (int)len, what);
}

static void datagrams(void *arg, const struct sip_out *o)
{
    (void)arg;
    for (unsigned i = 0; i < o->n; i++) {
        struct sip_str data = sip_out_data(o, i);
        note("%.*s ", data.p, data.len < 8 ? data.len : 8);
        cr_assert_eq(o->items[i].txn, data.len);
    }
}

static void reply(void *arg, const struct sc_agent_reply *r)
{
    (void)arg;
    note("reply:%.*s ", r->text, strlen(r->text));
}

static void event(void *arg, const struct sc_agent_event *e)
{
    (void)arg;
    note("event:%.*s ", e->agent, strlen(e->agent));
}

static void record(void *arg, const struct sc_record *r)
{
    (void)arg;
    note("record:%.*s ", r->call, strlen(r->call));
}

static mono_t at(int64_t ms)
{
    return mono_add_ms(MONO_ZERO, ms);
}

static void setup(void)
{
    const struct held_sink sink = {NULL, datagrams, reply, event, record};

    cr_assert_eq(held_new(&sink, &held), 0);
    cr_assert_eq(held_room(held, ROOM), 0);
    sip_out_init(&out, items, 8, arena, sizeof(arena));
    left[0] = '\0';
}

static void teardown(void)
{
    held_destroy(&held);
}

/* A datagram that begins with TEXT, of SIZE bytes. */
static bool put(const char *text, size_t size, mono_t now)
{
    static char data[32768];

    memset(data, '.', size);
    memcpy(data, text, strlen(text));
    sip_out_clear(&out);
    cr_assert_eq(sip_out_add(&out, &(struct sip_addr){0}, size, (struct sip_str){data, size}), 0);
    return held_datagrams(held, now, &out);
}

static void released(mono_t now, uint64_t number, const char *expected)
{
    left[0] = '\0';
    held_release(held, now, number);
    cr_assert_str_eq(left, expected, "'%s' and not '%s'", left, expected);
}

TestSuite(held, .init = setup, .fini = teardown);

Test(held, what_waits_leaves_by_number_and_in_order)
{
    struct sc_agent_reply r = {.text = "r"};
    struct sc_agent_event e = {.agent = "ann"};
    struct sc_record c = {.call = "1-1-1"};

    cr_assert(put("a", 1, at(1)));
    cr_assert(held_reply(held, at(1), &r));
    held_mark(held, 17);
    cr_assert(held_event(held, at(2), &e));
    cr_assert(put("b", 1, at(2)));
    cr_assert(put("c", 1, at(2)));
    cr_assert(held_record(held, at(2), &c));
    held_mark(held, 18);
    cr_assert(put("d", 1, at(3)));
    released(at(5), 16, "");
    cr_assert_eq(held_oldest(held).ns, at(1).ns);
    released(at(5), 17, "a reply:r ");
    cr_assert_eq(held_oldest(held).ns, at(2).ns);
    released(at(5), 18, "event:ann b c record:1-1-1 ");
    released(at(5), 1000, "");
    released(at(5), HELD_ALL, "d ");
    cr_assert(held_empty(held));
    cr_assert(mono_is_never(held_oldest(held)));
}

Test(held, what_has_no_number_gets_the_next_one)
{
    put("a", 1, at(1));
    held_mark(held, 1);
    put("b", 1, at(1));
    put("c", 1, at(1));
    held_mark(held, 2);
    held_mark(held, 3);
    released(at(1), 2, "a b c ");
}

Test(held, no_room_is_said_and_counted_and_what_waited_stays)
{
    struct held_counts counts;

    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(put("a", 20000, at(1)), i < 3);
    held_mark(held, 1);
    held_counts(held, &counts);
    cr_assert_eq(counts.dropped, 1);
    released(at(1), 1, "a....... a....... a....... ");
    cr_assert(put("b", 20000, at(1)));
    released(at(1), HELD_ALL, "b....... ");
}

/* The memory is a ring: sizes that fall on its end in every way. */
Test(held, around_the_end_of_the_memory_nothing_is_lost)
{
    uint64_t number = 0, gone = 0;
    char expected[16], name[16];

    for (unsigned i = 0; i < 20000; i++) {
        size_t size = 8 + (i * 7919u) % 9000u;

        snprintf(name, sizeof(name), "%07u", i);
        cr_assert(put(name, size, at(i)));
        held_mark(held, ++number);
        if (number - gone < 4)
            continue;
        snprintf(expected, sizeof(expected), "%07u. ", (unsigned)gone);
        expected[7] = size < 9 ? expected[7] : '.';
        left[0] = '\0';
        held_release(held, at(i), ++gone);
        cr_assert_eq(strncmp(left, expected, 7), 0, "'%s' and not '%s'", left, expected);
        cr_assert_leq(strlen(left), 9, "one at a time");
    }
}

Test(held, a_role_that_ends_drops_all_but_records)
{
    struct held_counts counts;
    struct sc_agent_event e = {.agent = "ann"};
    struct sc_record c = {.call = "1-1-1"};

    put("a", 1, at(1));
    held_event(held, at(1), &e);
    held_record(held, at(1), &c);
    held_mark(held, 1);
    put("b", 1, at(1));
    held_drop(held);
    cr_assert_str_eq(left, "record:1-1-1 ");
    held_counts(held, &counts);
    cr_assert_eq(counts.dropped, 3);
    cr_assert(held_empty(held));
}

Test(held, the_longest_wait_is_told)
{
    struct held_counts counts;

    put("a", 1, at(10));
    held_mark(held, 1);
    put("b", 1, at(40));
    held_mark(held, 2);
    held_release(held, at(50), 2);
    held_counts(held, &counts);
    cr_assert_eq(counts.longest_us, 40000);
}
