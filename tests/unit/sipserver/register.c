/* Registrations: RFC 3261 10, digest, lifetimes, readiness. */
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

Test(registrar, phone_with_the_right_password_is_in_service)
{
    struct kit *k = kit_house(NULL);
    struct ua p = ua_at(k, "10.1.0.100", 5070, "100");

    cr_assert_not(kit_dn_in(k, "100"));
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    cr_assert(kit_dn_in(k, "100"));
    cr_assert_eq(kit_status(k).registrations, 1);
    cr_assert(strstr(p.reply, "expires=60") != NULL);
    kit_free(k);
}

Test(registrar, wrong_password_and_unknown_number_are_refused_alike)
{
    struct kit *k = kit_house(NULL);
    struct ua wrong = ua_at(k, "10.1.0.100", 5070, "100"),
              unknown = ua_at(k, "10.1.0.101", 5070, "777");

    cr_assert_eq(ua_register(&wrong, "guess", 60), 403);
    cr_assert_eq(ua_register(&unknown, "guess", 60), 403);
    cr_assert_eq(kit_status(k).registrations, 0);
    cr_assert_eq(kit_counter(k, "drop_forbidden"), 2);
    kit_free(k);
}

Test(registrar, who_guesses_is_locked_out_of_that_number_and_later_let_in)
{
    struct kit *k = kit_house(NULL);
    struct ua p = ua_at(k, "10.1.0.100", 5070, "100"), same = ua_at(k, "10.1.0.100", 5071, "101"),
              home = ua_at(k, "10.1.0.7", 5070, "100");

    kit_alone(k); /* each host counts refused passwords for itself */
    for (unsigned i = 0; i < k->options.lockout_refusals; i++)
        cr_assert_eq(ua_register(&p, "guess", 60), 403);
    cr_assert_eq(kit_counter(k, "lockouts"), 1);
    cr_assert_eq(ua_register(&p, "pw", 60), 403, "the right one tells nothing now");
    cr_assert_eq(kit_counter(k, "drop_locked_out"), 1);
    cr_assert_eq(ua_register(&same, "pw", 60), 200, "its neighbour");
    cr_assert_eq(ua_register(&home, "pw", 60), 200, "the number elsewhere");
    kit_run(k, k->options.lockout_time_ms);
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    kit_free(k);
}

Test(registrar, an_address_of_another_scheme_is_none_of_ours_rfc4475_3_3_4)
{
    static const char text[] =
        "REGISTER sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.100:5070;branch=z9hG4bKs\r\n"
        "From: <news:a>;tag=1\r\nTo: <imo:100>\r\nCall-ID: s1\r\nCSeq: 1 REGISTER\r\n\r\n";
    struct kit *k = kit_house(NULL);
    struct ua p = ua_at(k, "10.1.0.100", 5070, "100");

    ua_send(&p, text, strlen(text));
    cr_assert_eq(ua_status(&p), 400);
    kit_free(k);
}

Test(registrar, registration_expires_and_renewal_keeps_it)
{
    struct kit *k = kit_house(NULL);
    struct ua p = ua_at(k, "10.1.0.100", 5070, "100");

    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    kit_run(k, 59000);
    cr_assert(kit_dn_in(k, "100"));
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    kit_run(k, 59900);
    cr_assert(kit_dn_in(k, "100"));
    kit_run(k, 200);
    cr_assert_not(kit_dn_in(k, "100"));
    kit_free(k);
}

Test(registrar, expires_zero_unregisters)
{
    struct kit *k = kit_house(NULL);
    struct ua p = ua_at(k, "10.1.0.100", 5070, "100");

    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    cr_assert_eq(ua_register(&p, "pw", 0), 200);
    cr_assert_not(kit_dn_in(k, "100"));
    kit_free(k);
}

Test(registrar, too_short_is_423_with_the_minimum_and_too_long_is_shortened)
{
    struct kit *k = kit_house(NULL);
    struct ua p = ua_at(k, "10.1.0.100", 5070, "100");

    cr_assert_eq(ua_register(&p, "pw", 5), 423);
    cr_assert(strstr(p.reply, "Min-Expires: 10") != NULL);
    cr_assert_eq(ua_register(&p, "pw", 100000), 200);
    cr_assert(strstr(p.reply, "expires=3600") != NULL);
    kit_free(k);
}

static void two_contacts(struct kit *k)
{
    k->options.contacts_max = 2;
}

Test(registrar, several_phones_of_one_number_are_bounded)
{
    struct kit *k = kit_house(two_contacts);
    struct ua p[3];

    for (unsigned i = 0; i < 3; i++)
        p[i] = ua_at(k, "10.1.0.100", (uint16_t)(5070 + i), "100");
    cr_assert_eq(ua_register(&p[0], "pw", 60), 200);
    cr_assert_eq(ua_register(&p[1], "pw", 60), 200);
    cr_assert_eq(ua_register(&p[2], "pw", 60), 403);
    cr_assert_eq(kit_status(k).registrations, 2);
    kit_free(k);
}

static void four_registrations(struct kit *k)
{
    k->conf.maxima.registrations = 4;
}

Test(registrar, beyond_the_table_is_503_with_retry_after_and_counted)
{
    struct kit *k = kit_house(four_registrations);
    struct ua p[4], extra = ua_at(k, "10.1.0.104", 5060, "104");

    phones_register(k, p, 100, 4);
    cr_assert_eq(ua_register(&extra, "pw", 60), 503);
    cr_assert(strstr(extra.reply, "Retry-After: ") != NULL);
    cr_assert_eq(kit_counter(k, "drop_registrations_full"), 1);
    kit_free(k);
}

Test(registrar, nothing_is_served_before_the_configuration_is_loaded)
{
    struct kit *k = kit_new(NULL);
    struct ua p = ua_at(k, "10.1.0.100", 5060, "100");
    static const char options[] =
        "OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.100:5060;branch=z9hG4bKo\r\n"
        "From: <sip:x@y>;tag=1\r\nTo: <sip:10.0.0.1>\r\nCall-ID: o1\r\nCSeq: 1 OPTIONS\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n";

    kit_role(k, true, 1);
    ua_send(&p, options, strlen(options));
    ua_expect(&p, 503);
    ua_invite(&p, "100", SDP_A);
    ua_expect(&p, 503);
    kit_serve(k);
    ua_send(&p, options, strlen(options));
    ua_expect(&p, 200);
    kit_free(k);
}

Test(registrar, a_backup_sends_nothing_and_keeps_no_registration_of_a_primary_that_it_joins)
{
    struct kit *k = kit_house(NULL);
    struct ua p = ua_at(k, "10.1.0.100", 5060, "100");

    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    kit_role(k, false, 1);
    kit_forget_caught(k);
    cr_assert_eq(ua_register(&p, "pw", 60), 0);
    kit_run(k, 100000);
    cr_assert_eq(k->caught_n, 0);
    kit_join(k);
    kit_role(k, true, 2);
    cr_assert_eq(kit_status(k).registrations, 0);
    cr_assert_not(kit_dn_in(k, "100"));
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    kit_free(k);
}

Test(registrar, a_deleted_number_loses_its_registration)
{
    struct kit *k = kit_house(NULL);
    struct ua p = ua_at(k, "10.1.0.100", 5060, "100");
    struct sc_dn_conf dn = kit_dn_conf(k, "100", SC_DN_EXTENSION);
    struct sc_event gone = {.kind = SC_EV_CONF_DN, .dn = &dn, .deleted = true};

    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    kit_step(k, &gone);
    cr_assert_eq(kit_status(k).registrations, 0);
    cr_assert_eq(ua_register(&p, "pw", 60), 403);
    kit_free(k);
}

/* A whole configuration that comes again keeps what it names and takes away what it does not. */
Test(registrar, a_new_snapshot_keeps_registrations_and_sweeps_the_rest)
{
    struct kit *k = kit_house(NULL);
    struct ua p[2];
    struct sc_dn_conf dn = kit_dn_conf(k, "100", SC_DN_EXTENSION);
    struct sc_event begin = {.kind = SC_EV_CONF_BEGIN}, loaded = {.kind = SC_EV_CONF_LOADED};

    phones_register(k, p, 100, 2);
    kit_step(k, &begin);
    kit_options(k);
    kit_dn(k, &dn);
    kit_step(k, &loaded);
    kit_run(k, 0);
    cr_assert_eq(kit_status(k).registrations, 1);
    cr_assert(kit_dn_in(k, "100"));
    cr_assert_eq(ua_register(&p[1], "pw", 60), 403);
    kit_free(k);
}

/* RFC 3261 10.3, step 5: escapes are taken off before the number is looked up. */
Test(registrar, an_escaped_number_is_the_same_number_rfc3261_10_3)
{
    struct kit *k = kit_house(NULL);
    struct ua p = ua_at(k, "10.1.0.100", 5070, "100");

    p.to = "sip:1%300@10.0.0.1";
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    cr_assert(kit_dn_in(k, "100"));
    p.aor = "<sip:100@10.0.0.1>"; /* From need not be escaped alike */
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    p.aor = "<sip:10%31@10.0.0.1>";
    cr_assert_eq(ua_register(&p, "pw", 60), 403, "another number");
    kit_free(k);
}

/* A Request-URI has no headers (RFC 3261 19.1.1): what a Contact brings never gets into one. */
Test(registrar, headers_in_a_contact_are_left_out_rfc3261_19_1_1)
{
    struct kit *k = kit_house(NULL);
    struct ua p = ua_at(k, "10.1.0.100", 5070, "100"), gw = ua_at(k, "10.0.1.1", 5060, "4989000");

    p.contact = "<sip:100@10.1.0.100:5070;a=b?Route=%3Csip:evil%3E&Subject=evil>";
    cr_assert_eq(ua_register(&p, "pw", 60), 200);
    cr_assert_not_null(strstr(p.reply, "Contact: <sip:100@10.1.0.100:5070;a=b>;expires=60\r\n"));
    ua_invite(&gw, "100", SDP_A);
    ua_expect_request(&p, SIP_INVITE);
    cr_assert_eq(strncmp(p.request, "INVITE sip:100@10.1.0.100:5070;a=b SIP/2.0\r\n", 44), 0);
    cr_assert_eq(ua_register(&p, "pw", 60), 200, "the same registration");
    cr_assert_eq(kit_status(k).registrations, 1);
    kit_free(k);
}
