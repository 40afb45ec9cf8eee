/* How much one address may ask: scanners are answered ever less, and nobody is flooded through us.
 */
#include "sipserver/core/source.h"
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

static struct kit *k;

static void small(struct kit *kit)
{
    kit->options.stranger_rate_max = 10;
    kit->options.stranger_burst = 50;
    kit->options.source_rate_max = 20;
    kit->options.source_burst = 100;
}

static void setup(void)
{
    k = kit_house(small);
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(source, .init = setup, .fini = teardown);

static void ask(struct ua *u, const char *method, unsigned serial)
{
    char text[600];
    int n =
        snprintf(text, sizeof(text),
                 "%s sip:%u@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.6.6.6:5060;branch=z9hG4bKs%u"
                 "\r\nFrom: <sip:%u@10.0.0.1>;tag=1\r\nTo: <sip:%u@10.0.0.1>\r\nCall-ID: s%u\r\n"
                 "CSeq: 1 %s\r\nMax-Forwards: 70\r\nContact: <sip:x@10.6.6.6>\r\n"
                 "Content-Length: 0\r\n\r\n",
                 method, 7000 + serial, serial, 7000 + serial, 7000 + serial, serial, method);

    ua_send(u, text, (size_t)n);
}

/* How many of N requests are answered. */
static unsigned scan(struct ua *u, const char *method, unsigned n)
{
    static unsigned serial;
    unsigned before = k->caught_n;

    for (unsigned i = 0; i < n; i++)
        ask(u, method, ++serial);
    return k->caught_n - before;
}

Test(source, a_scanner_is_answered_ever_less_and_then_not_read)
{
    struct ua stranger = ua_at(k, "10.6.6.6", 5060, "x");
    unsigned first = scan(&stranger, "OPTIONS", 50), second = scan(&stranger, "OPTIONS", 50),
             third = scan(&stranger, "OPTIONS", 1000);

    cr_assert_eq(first, 50);
    cr_assert_gt(second, 2);
    cr_assert_lt(second, 20);
    cr_assert_eq(third, 0);
    cr_assert_gt(kit_counter(k, "drop_source_rate"), 20);
    cr_assert_gt(kit_counter(k, "drop_source_blocked"), 900);
    kit_run(k, 20000);
    cr_assert_geq(scan(&stranger, "OPTIONS", 40), 40, "who stops is let in again");
}

Test(source, requests_that_are_refused_count_for_more)
{
    struct ua stranger = ua_at(k, "10.6.6.6", 5060, "x");

    cr_assert_lt(scan(&stranger, "MESSAGE", 50), 20);
}

Test(source, a_scan_leaves_nothing_behind)
{
    struct ua stranger = ua_at(k, "10.6.6.6", 5060, "x");
    unsigned answered = 0;

    scan(&stranger, "INVITE", 500);
    cr_assert_eq(kit_status(k).calls, 0);
    kit_run(k, 4000);
    while (ua_take(&stranger, false))
        answered++;
    cr_assert_eq(answered, kit_counter(k, "challenged"), "nothing is repeated");
    kit_assert_empty(k);
}

/* Somebody writes the victim's address into requests: what the victim gets is bounded. */
Test(source, no_flood_through_us_to_a_forged_source)
{
    struct ua victim = ua_at(k, "10.6.6.6", 5060, "x");
    size_t bytes = 0;

    for (unsigned s = 0; s < 10; s++) {
        scan(&victim, s % 2 ? "REGISTER" : "INVITE", 300);
        kit_run(k, 1000);
    }
    for (unsigned i = 0; i < k->caught_n; i++)
        bytes += k->caught[i].len;
    cr_assert_lt(bytes, 3000 * 330 / 10, "%zu bytes for 3000 requests", bytes);
}

Test(source, malformed_messages_and_stun_count_too)
{
    static const char bad[] =
        "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 10.6.6.6;branch=z9hG4bKb\r\n"
        "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: n\r\nCSeq: 1 NO\r\n\r\n";
    static const char binding[] = "\x00\x01\x00\x00\x21\x12\xa4\x42"
                                  "abcdefghijkl";
    struct ua a = ua_at(k, "10.6.6.6", 5060, "x"), b = ua_at(k, "10.6.6.7", 5060, "x");

    for (unsigned i = 0; i < 300; i++)
        ua_send(&a, bad, sizeof(bad) - 1);
    for (unsigned i = 0; i < 300; i++)
        ua_send(&b, binding, 20);
    cr_assert_leq(k->caught_n, 2 * 50 / 4 + 2 * 50 + 2,
                  "twice the burst; malformed ones cost more");
}

Test(source, who_has_proven_a_password_may_ask_more_and_hears_503_beyond_that)
{
    struct ua p = ua_at(k, "10.1.0.100", 5060, "100"), other = ua_at(k, "10.1.0.100", 5061, "101");
    unsigned busy = 0, answered;

    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    answered = scan(&p, "OPTIONS", 100);
    cr_assert_eq(answered, 100);
    kit_forget_caught(k);
    answered = scan(&p, "OPTIONS", 300);
    for (unsigned i = 0; i < k->caught_n; i++)
        busy += strstr(k->caught[i].data, "503 ") != NULL &&
                strstr(k->caught[i].data, "Retry-After: ") != NULL;
    cr_assert_gt(busy, 5);
    cr_assert_eq(busy, answered);
    cr_assert_eq(kit_counter(k, "drop_source_blocked"), 0, "its dialogs are read on");
    kit_run(k, 20000);
    cr_assert_eq(ua_register(&other, "pw", 60), 200);
}

Test(source, calls_of_a_phone_beyond_its_rate_go_on)
{
    struct ua p[2];

    phones_register(k, p, 100, 2);
    ua_call(&p[0], "101", SDP_A);
    ua_expect_request(&p[1], SIP_INVITE);
    ua_reply(&p[1], 200, SDP_B);
    ua_expect(&p[0], 200);
    ua_ack(&p[0], NULL);
    ua_expect_request(&p[1], SIP_ACK);
    scan(&p[0], "OPTIONS", 1000);
    while (ua_take(&p[0], false))
        ;
    ua_request(&p[0], SIP_BYE, NULL);
    ua_expect(&p[0], 200);
    ua_expect_request(&p[1], SIP_BYE);
}

Test(source, trunks_are_not_measured)
{
    struct ua gw = ua_at(k, "10.0.1.1", 5060, "c");

    cr_assert_eq(scan(&gw, "OPTIONS", 1000), 1000);
}

/* The table itself: a flood of addresses takes no place from one who is known, nor from the
 * scanner. */
Test(source, more_addresses_than_places_push_out_the_idle_ones)
{
    static struct source places[64];
    const struct source_limits limits = {1000, 2000, 10, 50};
    const uint8_t secret[16] = {1};
    mono_t now = mono_add_ms(MONO_ZERO, 1000);
    struct sip_addr phone = kit_addr("10.1.0.100", 5060), scanner = kit_addr("10.6.6.6", 5060);
    struct sources t;

    sources_init(&t, places, 64, secret);
    source_proven(&t, now, &limits, &phone, mono_add_ms(now, 3600000));
    for (unsigned i = 0; i < 200; i++)
        (void)source_ask(&t, now, &limits, &scanner, 1);
    for (unsigned i = 0; i < 5000; i++) {
        struct sip_addr other = scanner;

        other.ip[1] = (uint8_t)(10 + i % 200);
        other.ip[2] = (uint8_t)(i / 200);
        (void)source_ask(&t, now, &limits, &other, 1);
    }
    cr_assert(source_is_known(&t, now, &phone));
    cr_assert(source_blocked(&t, now, &limits, &scanner));
    cr_assert_gt(t.evicted, 4000);
}

Test(source, an_ipv6_address_counts_by_its_64)
{
    static struct source places[64];
    const struct source_limits limits = {1000, 2000, 10, 50};
    const uint8_t secret[16] = {1};
    mono_t now = mono_add_ms(MONO_ZERO, 1000);
    struct sip_addr a = kit_addr("2001:db8:0:1::1", 5060), b = kit_addr("2001:db8:0:1::2", 5060),
                    c = kit_addr("2001:db8:0:2::1", 5060);
    struct sources t;

    sources_init(&t, places, 64, secret);
    for (unsigned i = 0; i < 500; i++)
        (void)source_ask(&t, now, &limits, &a, 1);
    cr_assert(source_blocked(&t, now, &limits, &b));
    cr_assert_not(source_blocked(&t, now, &limits, &c));
}
