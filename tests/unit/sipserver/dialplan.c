/* The dial plan: where numbers lead that no DN has, who may dial them, and how they go out. */
#include "sipserver/core/explain.h"
#include "tests/unit/sipserver/kit.h"

#include <stdio.h>
#include <string.h>

static struct kit *k;
static struct ua phone, gw, second;

static void no_options(struct kit *kit)
{
    kit->options.oos_check_ms = 3600000;
    kit->options.oos_force_ms = 3600000;
    kit->conf.maxima.rules = 8;
}

static struct sc_rule_conf rule(const char *id, const char *pattern, const char *to)
{
    struct sc_rule_conf r = {.order = 100};
    snprintf(r.id, sizeof(r.id), "%s", id);
    snprintf(r.pattern, sizeof(r.pattern), "%s", pattern);
    if (to[0] != '\0')
        snprintf(r.to[r.to_n++], sizeof(r.to[0]), "%s", to);
    return r;
}

static void add(struct sc_rule_conf r)
{
    struct sc_event e = {.kind = SC_EV_CONF_RULE, .rule = &r};
    kit_step(k, &e);
}

static void drop(const char *id)
{
    struct sc_rule_conf r = rule(id, "X", "");
    struct sc_event e = {.kind = SC_EV_CONF_RULE, .rule = &r, .deleted = true};
    kit_step(k, &e);
}

static void add_trunk(const char *name, const char *ip, const char *class)
{
    struct sc_dn_conf dn = kit_dn_conf(k, name, SC_DN_TRUNK);
    snprintf(dn.contact, sizeof(dn.contact), "sip:%s:5060", ip);
    snprintf(dn.calling_class, sizeof(dn.calling_class), "%s", class);
    kit_dn(k, &dn);
}

static void setup(void)
{
    k = kit_house(no_options);
    phones_register(k, &phone, 100, 1);
    gw = ua_at(k, "10.0.1.1", 5060, "gw");
    second = ua_at(k, "10.0.1.2", 5060, "second");
    add_trunk("second", "10.0.1.2", "");
    kit_run(k, 100);
    kit_forget_caught(k);
}

static void teardown(void)
{
    kit_free(k);
}

TestSuite(dialplan, .init = setup, .fini = teardown);

/* The number that U, a trunk, is asked for; the call is refused there. */
static const char *asked(struct ua *u)
{
    static char number[64];
    ua_expect_request(u, SIP_INVITE);
    snprintf(number, sizeof(number), "%.*s", (int)u->msg.uri.user.len, u->msg.uri.user.p);
    cr_assert(sip_str_eq(u->msg.to.uri.user, u->msg.uri.user), "To says the same");
    ua_reply(u, 486, NULL);
    return number;
}

static void refused(unsigned status)
{
    ua_expect(&phone, status);
    ua_ack(&phone, NULL);
    kit_run(k, 40000);
    kit_forget_caught(k);
}

Test(dialplan, a_number_leaves_as_the_rule_makes_it)
{
    struct sc_rule_conf r = rule("national", "0ZX.", "second");
    r.strip = 1;
    snprintf(r.prepend, sizeof(r.prepend), "+49");
    add(r);
    ua_call(&phone, "0301234567", SDP_A);
    cr_assert_str_eq(asked(&second), "+49301234567");
    refused(486);
}

Test(dialplan, a_dn_with_the_number_comes_before_any_rule)
{
    struct ua other;
    phones_register(k, &other, 101, 1);
    add(rule("all", "1XX", "second"));
    ua_call(&phone, "101", SDP_A);
    ua_expect_request(&other, SIP_INVITE);
    ua_call(&phone, "199", SDP_A);
    cr_assert_str_eq(asked(&second), "199");
}

Test(dialplan, the_more_specific_rule_holds_whatever_came_first)
{
    add(rule("all", "7.", "gw"));
    add(rule("mobile", "71X.", "second"));
    ua_call(&phone, "7123", SDP_A);
    cr_assert_str_eq(asked(&second), "7123");
    refused(486);
    ua_call(&phone, "7999", SDP_A);
    cr_assert_str_eq(asked(&gw), "7999");
    refused(486);
    drop("mobile");
    ua_call(&phone, "7123", SDP_A);
    cr_assert_str_eq(asked(&gw), "7123");
}

Test(dialplan, of_rules_as_specific_the_lower_order_holds)
{
    struct sc_rule_conf late = rule("a", "7.", "gw"), early = rule("b", "7.", "second");
    late.order = 20;
    early.order = 10;
    add(late);
    add(early);
    ua_call(&phone, "7123", SDP_A);
    cr_assert_str_eq(asked(&second), "7123");
}

Test(dialplan, a_number_too_short_or_too_long_is_not_for_the_rule)
{
    struct sc_rule_conf r = rule("four", "7!", "second");
    r.digits_min = 4;
    r.digits_max = 5;
    add(r);
    ua_call(&phone, "712", SDP_A);
    refused(404);
    ua_call(&phone, "712345", SDP_A);
    refused(404);
    ua_call(&phone, "71234", SDP_A);
    cr_assert_str_eq(asked(&second), "71234");
}

Test(dialplan, the_trunks_of_a_rule_are_tried_in_its_order_and_no_other)
{
    struct sc_rule_conf r = rule("out", "7.", "second");
    snprintf(r.to[r.to_n++], sizeof(r.to[0]), "gw");
    add(r);
    ua_call(&phone, "7123", SDP_A);
    ua_expect_request(&second, SIP_INVITE);
    ua_reply(&second, 503, NULL);
    ua_expect_request(&gw, SIP_INVITE);
    ua_reply(&gw, 503, NULL);
    refused(480);
}

Test(dialplan, trunks_that_share_go_by_priority)
{
    struct sc_rule_conf r = rule("out", "7.", "gw");
    struct sc_dn_conf dn = kit_dn_conf(k, "gw", SC_DN_TRUNK);
    snprintf(dn.contact, sizeof(dn.contact), "sip:10.0.1.1:5060");
    dn.priority = 5;
    kit_dn(k, &dn);
    snprintf(r.to[r.to_n++], sizeof(r.to[0]), "second");
    r.share = true;
    add(r);
    ua_call(&phone, "7123", SDP_A);
    cr_assert_str_eq(asked(&second), "7123");
}

Test(dialplan, a_call_from_a_trunk_leaves_by_another_only_where_a_rule_names_its_class)
{
    struct sc_rule_conf r = rule("out", "7.", "second");
    add(r);
    ua_invite(&gw, "7123", SDP_A);
    ua_expect(&gw, 404);
    ua_ack(&gw, NULL);
    snprintf(r.from[r.from_n++], sizeof(r.from[0]), "trunks");
    add(r);
    ua_invite(&gw, "7123", SDP_A);
    cr_assert_str_eq(asked(&second), "7123");
    ua_call(&phone, "7123", SDP_A);
    refused(404);
}

Test(dialplan, a_class_of_its_own_bars_a_phone_from_prefixes_and_open_rules)
{
    struct sc_dn_conf dn = kit_dn_conf(k, "100", SC_DN_EXTENSION);
    struct sc_rule_conf r = rule("emergency", "112", "second");
    snprintf(dn.calling_class, sizeof(dn.calling_class), "lobby");
    kit_dn(k, &dn);
    add(rule("out", "7.", "second"));
    snprintf(r.from[0], sizeof(r.from[0]), "lobby");
    r.from_n = 1;
    add(r);
    ua_call(&phone, "9123", SDP_A);
    refused(404);
    ua_call(&phone, "7123", SDP_A);
    refused(404);
    ua_call(&phone, "112", SDP_A);
    cr_assert_str_eq(asked(&second), "112");
}

Test(dialplan, a_call_from_outside_reaches_the_dn_that_its_number_stands_for)
{
    struct sc_rule_conf r = rule("direct", "49305550XXX", "");
    r.strip = 8;
    add(r);
    ua_invite(&gw, "49305550100", SDP_A);
    ua_expect_request(&phone, SIP_INVITE);
    ua_reply(&phone, 486, NULL);
    ua_expect(&gw, 486);
    ua_ack(&gw, NULL);
    ua_invite(&gw, "49305550777", SDP_A);
    ua_expect(&gw, 404);
    ua_ack(&gw, NULL);
    add(rule("main", "49305550000", "5000"));
    ua_invite(&gw, "49305550000", SDP_A);
    ua_expect(&gw, 182);
}

Test(dialplan, a_prefix_holds_where_it_is_more_specific_and_a_rule_where_it_is_as_specific)
{
    add(rule("all", ".", "second"));
    ua_call(&phone, "9123", SDP_A);
    cr_assert_str_eq(asked(&gw), "9123");
    refused(486);
    add(rule("nine", "9!", "second"));
    ua_call(&phone, "9123", SDP_A);
    cr_assert_str_eq(asked(&second), "9123");
}

Test(dialplan, behind_a_prefix_a_number_has_only_what_can_be_dialled)
{
    static const char *const none[] = {"9abc", "9171x", "9171.5"};

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        ua_call(&phone, none[i], SDP_A);
        refused(404);
    }
    ua_call(&phone, "9*21+49", SDP_A);
    cr_assert_str_eq(asked(&gw), "9*21+49");
}

Test(dialplan, a_whole_configuration_leaves_only_the_rules_that_it_names)
{
    struct sc_event begin = {.kind = SC_EV_CONF_BEGIN}, loaded = {.kind = SC_EV_CONF_LOADED};
    add(rule("old", "7.", "second"));
    add(rule("new", "6.", "second"));
    kit_step(k, &begin);
    add(rule("new", "6.", "second"));
    add_trunk("second", "10.0.1.2", "");
    struct sc_dn_conf dn = kit_dn_conf(k, "100", SC_DN_EXTENSION);
    kit_dn(k, &dn);
    kit_step(k, &loaded);
    kit_run(k, 100);
    ua_call(&phone, "7123", SDP_A);
    ua_expect(&phone, 404);
    ua_ack(&phone, NULL);
    ua_call(&phone, "6123", SDP_A);
    cr_assert_str_eq(asked(&second), "6123");
}

Test(dialplan, rules_beyond_the_maximum_are_left_out_and_counted)
{
    char id[8];
    for (unsigned i = 0; i < 9; i++) {
        snprintf(id, sizeof(id), "r%u", i);
        add(rule(id, "7.", "second"));
    }
    cr_assert_eq(kit_counter(k, "drop_rules_full"), 1);
    drop("r0");
    add(rule("r9", "6.", "second"));
    ua_call(&phone, "6123", SDP_A);
    cr_assert_str_eq(asked(&second), "6123");
}

/* ---- what hamgr check tells ---- */

static char told[4096];

static void say(void *arg, const struct sc_explained *line)
{
    size_t n = strlen(told);
    (void)arg;
    snprintf(told + n, sizeof(told) - n, "%d %s %s%s%s\n", (int)line->kind, line->name,
             line->taken ? "+" : "-", line->number[0] != '\0' ? " " : "", line->number);
}

static const char *explained(const char *from, const char *number)
{
    told[0] = '\0';
    cr_assert_eq(sc_explain(k->sc, k->now, from, number, say, NULL), 0);
    return told;
}

Test(dialplan, an_explanation_names_the_rule_and_those_passed_over_and_the_trunks_in_their_order)
{
    struct sc_rule_conf longer = rule("long", "7X.", "gw"), r = rule("out", "7.", "second");
    longer.digits_min = 8;
    snprintf(r.to[r.to_n++], sizeof(r.to[0]), "gw");
    r.strip = 1;
    add(longer);
    add(r);
    add(rule("rest", ".", "gw"));
    cr_assert_str_eq(explained("100", "7123"), "1 long -\n"
                                               "1 out + 123\n"
                                               "1 rest -\n"
                                               "4 second + 123\n"
                                               "4 gw + 123\n");
    cr_assert_str_eq(explained("100", "9123"), "1 rest -\n2 gw +\n4 gw + 9123\n");
    cr_assert_str_eq(explained("100", "101"), "0 101 +\n1 rest -\n");
    cr_assert_str_eq(explained("second", "9123"), "1 rest -\n2 gw -\n5  -\n");
    cr_assert_eq(sc_explain(k->sc, k->now, "5000", "9123", say, NULL), -2);
    cr_assert_eq(kit_status(k).calls, 0);
}
