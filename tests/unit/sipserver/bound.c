/* Who has proven nothing is sent at most three times what it sent. */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

#define TIMES 3

static struct kit *k;
static struct ua stranger;

static void start(void (*tune)(struct kit *k))
{
    k = kit_house(tune);
    stranger = ua_at(k, "10.9.0.1", 5060, "a");
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(bound, .fini = teardown);

static void both(struct kit *kit)
{
    kit->options.digest_sha256_first = true;
    kit->options.digest_auth_int = true;
}

/* As much as comes back for a request of SIZE bytes, which is as short as one can be but for the
 * header that fills it up. */
static size_t back(const char *method, size_t size)
{
    char text[2048];
    static unsigned n;
    size_t len, bytes = 0;

    len = (size_t)snprintf(
        text, sizeof(text),
        "%s sip:100@a SIP/2.0\r\nv:SIP/2.0/UDP b\r\nf:<sip:a>;tag=1\r\nt:<sip:100@a>\r\n"
        "i:%u\r\nCSeq:1 %s\r\n",
        method, n++, method);
    if (len + 6 < size) {
        memcpy(text + len, "s:", 2);
        memset(text + len + 2, 'x', size - len - 6);
        memcpy(text + size - 4, "\r\n", 2);
        len = size - 2;
    }
    memcpy(text + len, "\r\n", 2);
    kit_forget_caught(k);
    ua_send(&stranger, text, len + 2);
    for (unsigned i = 0; i < k->caught_n; i++)
        bytes += k->caught[i].len;
    cr_assert_leq(bytes, TIMES * (len + 2), "%s of %zu bytes: %zu", method, len + 2, bytes);
    return bytes;
}

static void all_lengths(void)
{
    static const char *const methods[] = {"INVITE", "REGISTER", "OPTIONS", "MESSAGE",
                                          "BYE",    "CANCEL",   "WHATEVER"};

    k->options.stranger_burst = k->options.stranger_rate_max = 1000000;
    kit_options(k);
    for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        for (size_t size = 0; size < 400; size += 7)
            (void)back(methods[i], size);
}

Test(bound, at_most_three_times_as_much_goes_back_to_who_has_proven_nothing)
{
    start(NULL);
    all_lengths();
}

Test(bound, nor_with_all_that_can_be_offered)
{
    start(both);
    all_lengths();
}

static bool says(const char *text)
{
    return k->caught_n == 1 && strstr(k->caught[0].data, text) != NULL;
}

Test(bound, an_answer_that_would_be_too_long_says_less)
{
    start(both);
    (void)back("INVITE", 400);
    cr_assert(says("algorithm=SHA-256") && says("algorithm=MD5"));
    (void)back("INVITE", 150);
    cr_assert(says("SIP/2.0 401 ") && says("algorithm=SHA-256") && !says("algorithm=MD5"));
    (void)back("REGISTER", 105);
    cr_assert(says("SIP/2.0 400 Too Short\r\n"));
    (void)back("OPTIONS", 103);
    cr_assert(says("SIP/2.0 200 OK\r\n") && !says("Allow"));
    (void)back("OPTIONS", 200);
    cr_assert(says("Allow: ") && says("Accept: "));
}

Test(bound, what_cannot_be_said_shortly_is_not_said_and_counted)
{
    static const char text[] = "X x SIP/2.0\r\nv:SIP/2.0/UDP a;rport\r\n\r\n";

    start(NULL);
    stranger = ua_at(k, "2001:db8:1111:2222:3333:4444:5555:6666", 5060, "a");
    ua_send(&stranger, text, sizeof(text) - 1);
    cr_assert_eq(k->caught_n, 0, "%zu: %s", k->caught[0].len, k->caught[0].data);
    cr_assert_eq(kit_counter(k, "drop_amplification"), 1);
}

/* A phone that is registered may be the victim as well: its address is no proof. */
Test(bound, the_address_of_a_phone_proves_nothing)
{
    struct ua phone;

    start(both);
    phone = ua_at(k, "10.9.0.1", 5070, "100");
    cr_assert_eq(ua_register(&phone, "pw", 3600), 200);
    all_lengths();
}

Test(bound, who_has_proven_its_password_gets_all)
{
    struct ua phone;

    start(NULL);
    phone = ua_at(k, "10.9.0.1", 5070, "100");
    phone.contact =
        "<sip:100@10.9.0.1:5070;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>, "
        "<sip:100@10.9.0.1:5071;bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb>";
    cr_assert_eq(ua_register(&phone, "pw", 3600), 200);
    phone.contact = "";
    cr_assert_eq(ua_register(&phone, "pw", 3600), 200);
    cr_assert_not_null(strstr(phone.reply, "5071"));
    cr_assert_eq(kit_counter(k, "drop_amplification"), 0);
}
