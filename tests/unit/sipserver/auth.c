/* Credentials that come again, algorithms and what is offered (RFC 7616, RFC 8760). */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

static struct kit *k;

static void start(void (*tune)(struct kit *k))
{
    k = kit_house(tune);
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(auth, .fini = teardown);

Test(auth, a_count_is_good_once_and_the_phone_goes_on_with_a_new_nonce_rfc7616_3_4)
{
    struct ua p;

    start(NULL);
    p = ua_at(k, "10.1.0.100", 5070, "100");
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    p.nc = 2;
    cr_assert_eq(ua_register_again(&p, "pw", 60), 200, "the next count");
    cr_assert_eq(ua_register_again(&p, "pw", 0), 401, "the same count");
    cr_assert_not_null(strstr(p.reply, "stale=true"));
    cr_assert_eq(kit_counter(k, "drop_replayed"), 1);
    cr_assert_eq(kit_counter(k, "lockouts"), 0);
    cr_assert(kit_dn_in(k, "100"));
    p.nc = 1;
    cr_assert_eq(ua_register_again(&p, "pw", 0), 200);
    cr_assert_not(kit_dn_in(k, "100"));
}

/* What is sent a second time is answered, and changes nothing: an attacker at the same address may
 * have put another Contact into it. */
Test(auth, a_retransmitted_register_is_answered_and_changes_nothing_rfc3261_17_1_2_2)
{
    struct ua p;

    start(NULL);
    p = ua_at(k, "10.1.0.100", 5070, "100");
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    p.cseq--; /* the same CSeq */
    cr_assert_eq(ua_register_again(&p, "pw", 60), 200);
    p.cseq--;
    p.contact = "<sip:100@10.6.6.6>";
    cr_assert_eq(ua_register_again(&p, "pw", 60), 200);
    cr_assert_null(strstr(p.reply, "10.6.6.6"));
    cr_assert_eq(kit_status(k).registrations, 1);
    kit_run(k, 33000);
    p.cseq--;
    cr_assert_eq(ua_register_again(&p, "pw", 60), 401);
}

Test(auth, another_registration_with_a_used_count_is_no_retransmission)
{
    struct ua p;

    start(NULL);
    p = ua_at(k, "10.1.0.100", 5070, "100");
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    p.cseq--;
    snprintf(p.tag, sizeof(p.tag), "other"); /* and so another Call-ID */
    cr_assert_eq(ua_register_again(&p, "pw", 60), 401);
}

Test(auth, credentials_of_an_invite_are_good_for_one_call_rfc7616_5_5)
{
    struct ua p, copy;

    start(NULL);
    p = ua_at(k, "10.1.0.100", 5070, "100");
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    ua_call(&p, "5000", SDP_A);
    ua_expect(&p, 182);
    copy = p;
    memcpy(strstr(copy.invite, "z9hG4bK") + 7, "abc", 3); /* another transaction and call */
    memcpy(strstr(copy.invite, "call-"), "copy-", 5);
    ua_send(&copy, copy.invite, copy.invite_len);
    ua_expect(&copy, 401);
    cr_assert_eq(kit_counter(k, "drop_replayed"), 1);
    cr_assert_eq(kit_status(k).calls, 1);
}

Test(auth, phones_behind_one_address_do_not_share_nonces)
{
    struct ua a, b;

    start(NULL);
    a = ua_at(k, "10.1.0.100", 5070, "100");
    b = ua_at(k, "10.1.0.100", 5071, "101");
    cr_assert_eq(ua_register(&a, "pw", 60), 200);
    cr_assert_eq(ua_register(&b, "pw", 60), 200, "in the same second");
    cr_assert_eq(kit_counter(k, "drop_replayed"), 0);
}

Test(auth, what_another_host_gave_out_is_answered_with_a_new_nonce)
{
    struct ua p;

    start(NULL);
    p = ua_at(k, "10.1.0.100", 5070, "100");
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    kit_run(k, 2000);
    kit_role(k, false, 1);
    kit_role(k, true, 2);
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    p.nc = 2;
    cr_assert_eq(ua_register_again(&p, "pw", 60), 200);
}

static void short_life(struct kit *kit)
{
    kit->options.nonce_life_s = 20;
}

Test(auth, an_old_nonce_is_stale_after_nonce_life)
{
    struct ua p;

    start(short_life);
    p = ua_at(k, "10.1.0.100", 5070, "100");
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    kit_run(k, 22000);
    p.nc = 2;
    cr_assert_eq(ua_register_again(&p, "pw", 60), 401);
    cr_assert_not_null(strstr(p.reply, "stale=true"));
}

static void both(struct kit *kit)
{
    kit->options.digest_sha256_first = true;
    kit->options.digest_auth_int = true;
}

static void no_md5(struct kit *kit)
{
    kit->options.digest_md5 = false;
}

/* Two challenges, the strongest on top (RFC 8760 2.3); the kit's phones take the first. */
Test(auth, sha_256_comes_first_where_both_are_offered_rfc8760_2_3)
{
    struct ua p;
    const char *sha, *md5;

    start(both);
    p = ua_at(k, "10.1.0.100", 5070, "100");
    cr_assert_eq(ua_register(&p, "guess", 60), 403);
    kit_forget_caught(k);
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    sha = strstr(k->caught[0].data, "algorithm=SHA-256, qop=\"auth,auth-int\"");
    md5 = strstr(k->caught[0].data, "algorithm=MD5, qop=\"auth,auth-int\"");
    cr_assert_not_null(sha);
    cr_assert_not_null(md5);
    cr_assert_lt(sha, md5);
    cr_assert_null(strstr(k->caught[0].data, "userhash"));
}

Test(auth, md5_switched_off_is_neither_offered_nor_taken)
{
    struct ua p;

    start(no_md5);
    p = ua_at(k, "10.1.0.100", 5070, "100");
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    cr_assert_null(strstr(k->caught[0].data, "algorithm=MD5"));
    cr_assert_not_null(strstr(k->caught[0].data, "algorithm=SHA-256"));
    memcpy(strstr(p.challenge, "SHA-256"), "MD5    ", 7);
    p.nc = 2;
    cr_assert_eq(ua_register_again(&p, "pw", 60), 401);
    cr_assert_eq(kit_counter(k, "drop_forbidden"), 0);
}

Test(auth, by_default_only_one_algorithm_is_offered)
{
    struct ua p;

    start(NULL);
    p = ua_at(k, "10.1.0.100", 5070, "100");
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    cr_assert_null(strstr(k->caught[0].data, "SHA-256"));
}
