/* The whole set is judged: every rule has an example that breaks it, and one configuration breaks
 * none. */
#include "confproxy/core/validate.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define ITEMS_MAX    24
#define PROBLEMS_MAX 16

static const char md5[] = "0123456789abcdef0123456789abcdef";
static const char sound_hash[] =
    "scrypt$16384$8$1$c2FsdA==$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
static const char *const sites[] = {"east", "west"};
static const char *const addresses[] = {"192.0.2.100", "2001:db8::100"};

static struct cfg_item items[ITEMS_MAX];
static size_t count;
static struct cfg_problem problems[PROBLEMS_MAX];

static struct cfg_value *value(struct cfg_item *item, enum cfg_field_id field)
{
    return (struct cfg_value *)cfg_item_value(item, field);
}

static void text(struct cfg_item *item, enum cfg_field_id field, const char *t)
{
    *value(item, field) = (struct cfg_value){.set = true, .text = t};
}

static void number(struct cfg_item *item, enum cfg_field_id field, uint64_t n)
{
    *value(item, field) = (struct cfg_value){.set = true, .number = n};
}

static void texts(struct cfg_item *item, enum cfg_field_id field, const char *const *t, size_t n)
{
    *value(item, field) = (struct cfg_value){.set = n > 0, .texts = t, .count = n};
}

static struct cfg_item *add(enum cfg_type type, const char *id)
{
    struct cfg_item *item = &items[count++];

    memset(item, 0, sizeof *item);
    item->type = type;
    if (id[0] != '\0')
        text(item, cfg_field_first(type), id);
    return item;
}

static struct cfg_item *add_dn(const char *id, enum cfg_dn_type type)
{
    struct cfg_item *item = add(CFG_DN, id);

    number(item, FIELD_DN_TYPE, type);
    if (type == CFG_DN_EXTENSION)
        text(item, FIELD_DN_HA1_MD5, md5);
    if (type == CFG_DN_TRUNK || type == CFG_DN_SERVICE)
        text(item, FIELD_DN_CONTACT, "sip:192.0.2.1:5060");
    return item;
}

static struct cfg_item *add_agent(const char *id)
{
    struct cfg_item *item = add(CFG_AGENT, id);

    text(item, FIELD_AGENT_PASSWORD_HASH, sound_hash);
    return item;
}

static size_t judge(void)
{
    size_t order[ITEMS_MAX];
    struct cfg_set set = {items, count, sites, 2, addresses};

    return cfg_validate(&set, order, problems, PROBLEMS_MAX);
}

/* Exactly one problem, with this item, this field and this text. */
static void only(const struct cfg_item *item, enum cfg_field_id field, const char *wanted)
{
    size_t found = judge();

    cr_assert_eq(found, 1, "%zu problems, first: %s", found, found > 0 ? problems[0].text : "-");
    cr_assert_eq(problems[0].item, (size_t)(item - items));
    cr_assert_eq(problems[0].field, field, "field %d", (int)problems[0].field);
    cr_assert_str_eq(problems[0].text, wanted);
}

static void start(void)
{
    count = 0;
}

TestSuite(validate, .init = start);

Test(validate, a_sound_configuration_has_no_problem)
{
    static const char *const targets[] = {"8000", "1001"};
    static const char *const queues[] = {"8000"};
    static const char *const east[] = {"east"};
    static const char *const zero[] = {"0"};
    struct cfg_item *options = add(CFG_OPTIONS, "");
    number(options, FIELD_OPTIONS_OOS_CHECK, 1000);
    number(options, FIELD_OPTIONS_RECOVERY_TIMEOUT, 2000);
    struct cfg_item *at_east = add(CFG_OPTIONS, "east");
    text(at_east, FIELD_OPTIONS_DR_PEER_TRUNK, "to-west");
    add_dn("1001", CFG_DN_EXTENSION);
    add_dn("8000", CFG_DN_ACD_QUEUE);
    texts(add_dn("8100", CFG_DN_ROUTING_POINT), FIELD_DN_TARGETS, targets, 2);
    texts(add_dn("gw", CFG_DN_TRUNK), FIELD_DN_PREFIXES, zero, 1);
    texts(add_dn("to-west", CFG_DN_TRUNK), FIELD_DN_SITES, east, 1);
    struct cfg_item *ann = add_agent("ann");
    text(ann, FIELD_AGENT_DN, "1001");
    texts(ann, FIELD_AGENT_QUEUES, queues, 1);

    cr_assert_eq(judge(), 0, "%s", problems[0].text);
}

Test(validate, an_empty_configuration_is_sound)
{
    cr_assert_eq(judge(), 0);
}

Test(validate, a_number_may_be_there_once)
{
    add_dn("1001", CFG_DN_EXTENSION);
    add_dn("8000", CFG_DN_ACD_QUEUE);
    struct cfg_item *second = add_dn("1001", CFG_DN_ACD_QUEUE);
    only(second, FIELD_DN_NUMBER, "'1001' is there twice; take one out, or give it another number");
}

Test(validate, an_agent_may_be_there_once_but_may_be_called_like_a_dn)
{
    add_dn("ann", CFG_DN_ACD_QUEUE);
    add_agent("ann");
    cr_assert_eq(judge(), 0);
    struct cfg_item *second = add_agent("ann");
    only(second, FIELD_AGENT_ID, "'ann' is there twice; take one out, or give it another id");
}

Test(validate, duplicates_are_found_in_a_large_set_in_any_order)
{
    static char names[20][8];
    for (int i = 0; i < 20; i++) {
        snprintf(names[i], sizeof names[i], "%d", 9000 + (i * 7) % 19); /* 0 and 19 are equal */
        add_dn(names[i], CFG_DN_ACD_QUEUE);
    }
    only(&items[19], FIELD_DN_NUMBER,
         "'9000' is there twice; take one out, or give it another number");
}

Test(validate, an_agents_queue_must_be_a_queue)
{
    static const char *const queues[] = {"1001"};
    add_dn("1001", CFG_DN_EXTENSION);
    struct cfg_item *ann = add_agent("ann");
    texts(ann, FIELD_AGENT_QUEUES, queues, 1);
    only(ann, FIELD_AGENT_QUEUES, "'1001' is of type extension; name an acd-queue");
}

Test(validate, an_agents_queue_must_be_there)
{
    static const char *const queues[] = {"8009"};
    struct cfg_item *ann = add_agent("ann");
    texts(ann, FIELD_AGENT_QUEUES, queues, 1);
    only(ann, FIELD_AGENT_QUEUES,
         "there is no DN '8009'; add it under dns, or name an acd-queue that is there");
}

Test(validate, an_agents_phone_must_be_an_extension)
{
    add_dn("8000", CFG_DN_ACD_QUEUE);
    struct cfg_item *ann = add_agent("ann");
    text(ann, FIELD_AGENT_DN, "8000");
    only(ann, FIELD_AGENT_DN, "'8000' is of type acd-queue; name an extension");
}

Test(validate, an_agent_needs_a_password)
{
    struct cfg_item *ann = add(CFG_AGENT, "ann");
    only(ann, FIELD_AGENT_ID, "an agent needs a password; write 'password'");
    text(ann, FIELD_AGENT_PASSWORD_HASH, "plain-and-long-enough-to-pass");
    only(ann, FIELD_AGENT_PASSWORD_HASH,
         "is not a whole scrypt$N$r$p$salt$hash; write 'password' instead, it is hashed for "
         "you");
}

Test(validate, an_extension_needs_a_hash_of_hexadecimal_digits)
{
    struct cfg_item *dn = add(CFG_DN, "1001");
    number(dn, FIELD_DN_TYPE, CFG_DN_EXTENSION);
    only(dn, FIELD_DN_NUMBER, "an extension needs a password; write 'password'");
    text(dn, FIELD_DN_HA1_MD5, "0123456789abcdef0123456789abcdeg");
    only(dn, FIELD_DN_HA1_MD5,
         "is not 32 lower-case hexadecimal digits; write 'password' instead, "
         "it is hashed for you");
}

Test(validate, a_routing_points_targets_must_be_there)
{
    static const char *const targets[] = {"8999"};
    struct cfg_item *dn = add_dn("8100", CFG_DN_ROUTING_POINT);
    only(dn, FIELD_DN_TARGETS, "a routing-point needs targets; write targets: [NUMBER, ...]");
    texts(dn, FIELD_DN_TARGETS, targets, 1);
    only(dn, FIELD_DN_TARGETS,
         "there is no DN '8999'; add it under dns, or name an extension, "
         "acd-queue, trunk or service that is there");
}

Test(validate, routing_points_do_not_nest)
{
    static const char *const targets[] = {"8100"};
    struct cfg_item *dn = add_dn("8100", CFG_DN_ROUTING_POINT);
    texts(dn, FIELD_DN_TARGETS, targets, 1);
    only(dn, FIELD_DN_TARGETS,
         "'8100' is of type routing-point; name an extension, acd-queue, trunk or service");
}

Test(validate, the_inter_site_trunk_must_be_a_trunk_of_that_site)
{
    static const char *const west[] = {"west"};
    struct cfg_item *east = add(CFG_OPTIONS, "east");
    text(east, FIELD_OPTIONS_DR_PEER_TRUNK, "to-west");
    only(east, FIELD_OPTIONS_DR_PEER_TRUNK,
         "there is no DN 'to-west'; add it under dns, or name a trunk that is there");
    struct cfg_item *dn = add_dn("to-west", CFG_DN_ACD_QUEUE);
    only(east, FIELD_OPTIONS_DR_PEER_TRUNK, "'to-west' is of type acd-queue; name a trunk");
    count--;
    dn = add_dn("to-west", CFG_DN_TRUNK);
    texts(dn, FIELD_DN_SITES, west, 1);
    only(east, FIELD_OPTIONS_DR_PEER_TRUNK,
         "trunk 'to-west' does not exist at site 'east'; add 'east' to the trunk's sites");
}

Test(validate, a_trunk_of_one_site_is_no_inter_site_trunk_for_all)
{
    static const char *const west[] = {"west"};
    struct cfg_item *all = add(CFG_OPTIONS, "");
    text(all, FIELD_OPTIONS_DR_PEER_TRUNK, "to-east");
    texts(add_dn("to-east", CFG_DN_TRUNK), FIELD_DN_SITES, west, 1);
    only(all, FIELD_OPTIONS_DR_PEER_TRUNK,
         "trunk 'to-east' exists at some sites only; set dr-peer-trunk under those sites");
}

Test(validate, sites_must_be_the_deployments)
{
    static const char *const north[] = {"north"};
    struct cfg_item *dn = add_dn("8000", CFG_DN_ACD_QUEUE);
    texts(dn, FIELD_DN_SITES, north, 1);
    only(dn, FIELD_DN_SITES, "there is no site 'north'; name one of the bootstrap file's sites");
    count = 0;
    struct cfg_item *options = add(CFG_OPTIONS, "north");
    only(options, FIELD_OPTIONS_SITE,
         "there is no site 'north'; name one of the bootstrap file's sites");
}

Test(validate, one_realm_for_every_site)
{
    struct cfg_item *east = add(CFG_OPTIONS, "east");
    text(east, FIELD_OPTIONS_REALM, "east.example");
    only(east, FIELD_OPTIONS_REALM,
         "is one for every site, so that a phone has one password; set it under options");
}

Test(validate, a_trunk_needs_a_sip_uri)
{
    struct cfg_item *dn = add(CFG_DN, "gw");
    number(dn, FIELD_DN_TYPE, CFG_DN_TRUNK);
    only(dn, FIELD_DN_CONTACT, "a trunk needs a contact; write contact: \"sip:ADDRESS\"");
    text(dn, FIELD_DN_CONTACT, "192.0.2.1:5060");
    only(dn, FIELD_DN_CONTACT,
         "'192.0.2.1:5060' is not a SIP URI; write sip:ADDRESS or sip:ADDRESS:PORT");
}

Test(validate, a_prefix_is_the_beginning_of_a_number)
{
    static const char *const prefixes[] = {"0", "zero"};
    struct cfg_item *dn = add_dn("gw", CFG_DN_TRUNK);
    texts(dn, FIELD_DN_PREFIXES, prefixes, 2);
    only(dn, FIELD_DN_PREFIXES, "'zero' is not the beginning of a number; write digits and + * #");
}

Test(validate, a_field_must_belong_to_the_dn_type)
{
    struct cfg_item *dn = add_dn("8000", CFG_DN_ACD_QUEUE);
    text(dn, FIELD_DN_CONTACT, "sip:192.0.2.1");
    only(dn, FIELD_DN_CONTACT, "a DN of type acd-queue has no contact; take it out");
}

Test(validate, a_dn_needs_a_known_type)
{
    struct cfg_item *dn = add(CFG_DN, "8000");
    only(dn, FIELD_DN_TYPE,
         "is missing; write extension, acd-queue, routing-point, trunk or service");
    number(dn, FIELD_DN_TYPE, 9);
    only(dn, FIELD_DN_TYPE,
         "has the unknown value 9; write extension, acd-queue, routing-point, "
         "trunk or service");
}

Test(validate, names_keep_to_plain_characters)
{
    struct cfg_item *dn = add_dn("80 00", CFG_DN_ACD_QUEUE);
    only(dn, FIELD_DN_NUMBER,
         "'80 00' is not a usable number; write letters, digits and - _ . + * #");
}

Test(validate, a_list_names_each_thing_once_and_is_bounded)
{
    static const char *const queues[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9"};
    static const char *const twice[] = {"1", "1"};
    for (int i = 0; i < 9; i++)
        add_dn(queues[i], CFG_DN_ACD_QUEUE);
    struct cfg_item *ann = add_agent("ann");
    texts(ann, FIELD_AGENT_QUEUES, queues, 9);
    only(ann, FIELD_AGENT_QUEUES, "has 9 entries, 8 is the most; take some away");
    texts(ann, FIELD_AGENT_QUEUES, twice, 2);
    only(ann, FIELD_AGENT_QUEUES, "'1' is there twice; take one out");
}

Test(validate, numbers_keep_to_their_range)
{
    struct cfg_item *all = add(CFG_OPTIONS, "");
    number(all, FIELD_OPTIONS_OOS_CHECK, 49);
    only(all, FIELD_OPTIONS_OOS_CHECK, "49ms is out of range; write 50ms to 3600000ms");
}

Test(validate, oos_force_leaves_time_for_a_retransmission)
{
    struct cfg_item *all = add(CFG_OPTIONS, "");
    number(all, FIELD_OPTIONS_OOS_FORCE, 999);
    only(all, FIELD_OPTIONS_OOS_FORCE,
         "999ms leaves no time for one retransmission; write at "
         "least 2 x sip-t1, 1000ms");
    number(all, FIELD_OPTIONS_SIP_T1, 400);
    cr_assert_eq(judge(), 0);
}

Test(validate, recovery_timeout_has_room_for_its_checks)
{
    struct cfg_item *all = add(CFG_OPTIONS, "");
    number(all, FIELD_OPTIONS_RECOVERY_TIMEOUT, 9999);
    only(all, FIELD_OPTIONS_RECOVERY_TIMEOUT,
         "9999ms is too short for recovery-checks 3, one each oos-check of 5000ms; write at least "
         "10000ms");
}

Test(validate, the_hold_down_is_not_below_the_recovery_timeout)
{
    struct cfg_item *all = add(CFG_OPTIONS, "");
    number(all, FIELD_OPTIONS_RECOVERY_HOLD_MAX, 29999);
    only(all, FIELD_OPTIONS_RECOVERY_HOLD_MAX,
         "29999ms is below recovery-timeout, 30000ms; write at least that");
}

Test(validate, registration_times_are_in_order)
{
    struct cfg_item *all = add(CFG_OPTIONS, "");
    number(all, FIELD_OPTIONS_REGISTRATION_EXPIRES_MIN, 120);
    number(all, FIELD_OPTIONS_REGISTRATION_EXPIRES_MAX, 90);
    only(all, FIELD_OPTIONS_REGISTRATION_EXPIRES_MIN,
         "120s is above registration-expires-max, 90s; write at most that");
}

Test(validate, a_connection_outlives_the_silence_that_a_phone_is_allowed)
{
    struct cfg_item *all = add(CFG_OPTIONS, "");
    number(all, FIELD_OPTIONS_CONNECTION_IDLE, 3599999);
    only(all, FIELD_OPTIONS_CONNECTION_IDLE,
         "3599999ms is below registration-expires-max, 3600s: a phone would lose its connection "
         "before it registers again; write at least 3600s");
    number(all, FIELD_OPTIONS_REGISTRATION_EXPIRES_MAX, 120);
    number(all, FIELD_OPTIONS_CONNECTION_IDLE, 120000);
    only(all, FIELD_OPTIONS_CONNECTION_IDLE,
         "120000ms is not above flow-timer, 120s: a phone would lose its connection before it "
         "shows life; write more than 120s");
    number(all, FIELD_OPTIONS_CONNECTION_IDLE, 120001);
    cr_assert_eq(judge(), 0, "%s", problems[0].text);
}

Test(validate, we_do_not_ask_for_a_session_that_we_refuse)
{
    struct cfg_item *all = add(CFG_OPTIONS, "");
    number(all, FIELD_OPTIONS_SESSION_EXPIRES, 60);
    only(all, FIELD_OPTIONS_SESSION_EXPIRES,
         "60s is below min-se, 90s: we would ask for what we refuse; write at least that");
    number(all, FIELD_OPTIONS_MIN_SE, 60);
    cr_assert_eq(judge(), 0, "%s", problems[0].text);
}

Test(validate, the_range_of_retry_after_is_in_order)
{
    struct cfg_item *all = add(CFG_OPTIONS, "");
    number(all, FIELD_OPTIONS_RETRY_AFTER_MIN, 11);
    only(all, FIELD_OPTIONS_RETRY_AFTER_MIN,
         "11s is above retry-after-max, 10s; write at most that");
}

Test(validate, timeouts_are_judged_as_each_site_sees_them)
{
    struct cfg_item *all = add(CFG_OPTIONS, "");
    number(all, FIELD_OPTIONS_SIP_T1, 1000);
    number(all, FIELD_OPTIONS_OOS_FORCE, 2000);
    add(CFG_OPTIONS, "east");
    struct cfg_item *west = add(CFG_OPTIONS, "west");
    cr_assert_eq(judge(), 0);
    number(west, FIELD_OPTIONS_OOS_FORCE, 1500);
    only(west, FIELD_OPTIONS_OOS_FORCE,
         "1500ms leaves no time for one retransmission; write at "
         "least 2 x sip-t1, 2000ms");
}

Test(validate, replica_patience_ends_before_a_phone_repeats_its_request)
{
    struct cfg_item *all = add(CFG_OPTIONS, "");
    number(all, FIELD_OPTIONS_SIP_T1, 100);
    cr_assert_eq(judge(), 0, "not set, it follows sip-t1");
    number(all, FIELD_OPTIONS_REPLICA_PATIENCE, 99);
    cr_assert_eq(judge(), 0);
    number(all, FIELD_OPTIONS_REPLICA_PATIENCE, 100);
    only(all, FIELD_OPTIONS_REPLICA_PATIENCE,
         "100ms is not below sip-t1, 100ms: phones would repeat what waits for the backup");
}

Test(validate, a_trunks_own_timeouts_are_judged_with_its_sites)
{
    add(CFG_OPTIONS, "east");
    struct cfg_item *gw = add_dn("gw", CFG_DN_TRUNK);
    number(gw, FIELD_DN_OOS_FORCE, 600);
    only(gw, FIELD_DN_OOS_FORCE,
         "600ms at site east leaves no time for one retransmission; write "
         "at least 2 x sip-t1, 1000ms");
}

Test(validate, all_problems_are_counted_although_few_are_kept)
{
    static const char *const queues[] = {"1", "2", "3", "4", "5"};
    size_t order[ITEMS_MAX];
    struct cfg_set set = {items, 1, sites, 2, addresses};
    struct cfg_item *ann = add_agent("ann");
    texts(ann, FIELD_AGENT_QUEUES, queues, 5);
    cr_assert_eq(cfg_validate(&set, order, problems, 2), 5);
}

/* The other end is sent to as it is written, or its name is looked up. */
Test(validate, a_contact_is_an_address_or_name_that_can_be_sent_to)
{
    static const char *const good[] = {"sip:192.0.2.1",
                                       "sip:192.0.2.1:5060",
                                       "sip:192.0.2.1:65535;transport=tcp",
                                       "sip:[2001:db8::1]",
                                       "sip:[::1]:1;transport=tls",
                                       "sip:gw@192.0.2.1;transport=UDP",
                                       "sip:gw.example.com",
                                       "sip:us@sip.3carrier.example:5070;transport=tls",
                                       "sip:gw"};
    static const char *const bad[] = {"sip:",
                                      "sip:gw.example.com:99999",
                                      "sip:gw..example.com",
                                      "sip:-gw.example.com",
                                      "sip:gw.example.com.",
                                      "sip:gw_1.example.com",
                                      "sip:1.1.1.1:abc",
                                      "sip:1.1.1.1:",
                                      "sip:1.1.1.1:0",
                                      "sip:1.1.1.1:65536",
                                      "sip:1.1.1.1:99999999999999999999",
                                      "sips:1.1.1.1",
                                      "sip:[::1",
                                      "sip:::1",
                                      "sip:[1.1.1.1]",
                                      "sip::::",
                                      "sip:999.1.1.1",
                                      "sip:0.0.0.0",
                                      "sip:[::]",
                                      "sip:224.0.0.1",
                                      "sip:[ff02::1]",
                                      "sip:255.255.255.255",
                                      "sip:@1.1.1.1",
                                      "sip:a b@1.1.1.1",
                                      "sip:1.1.1.1;transport=sctp",
                                      "sip:1.1.1.1;lr",
                                      "sip:1.1.1.1 ",
                                      "tel:1.1.1.1"};
    struct cfg_item *dn = add_dn("gw", CFG_DN_TRUNK);

    for (size_t k = 0; k < sizeof good / sizeof *good; k++) {
        text(dn, FIELD_DN_CONTACT, good[k]);
        cr_assert_eq(judge(), 0, "%s: %s", good[k], problems[0].text);
    }
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        text(dn, FIELD_DN_CONTACT, bad[k]);
        cr_assert_gt(judge(), 0, "%s was accepted", bad[k]);
        cr_assert_eq(problems[0].field, FIELD_DN_CONTACT);
    }
    text(dn, FIELD_DN_CONTACT, "sip:1.1.1.1:abc");
    only(dn, FIELD_DN_CONTACT,
         "'sip:1.1.1.1:abc' has no port from 1 to 65535; write sip:ADDRESS:PORT");
}

Test(validate, texts_have_no_control_characters_and_the_realm_no_quotes)
{
    static const char *const prefixes[] = {"0\t"};
    struct cfg_item *options = add(CFG_OPTIONS, "");
    struct cfg_item *dn = add_dn("gw", CFG_DN_TRUNK), *ann = add_agent("ann");

    text(options, FIELD_OPTIONS_REALM, "a\"b");
    only(options, FIELD_OPTIONS_REALM, "has a \" or \\ in it; take it out");
    text(options, FIELD_OPTIONS_REALM, "a\\b");
    cr_assert_eq(judge(), 1);
    text(options, FIELD_OPTIONS_REALM, "a\r\nb");
    only(options, FIELD_OPTIONS_REALM, "has the control character 0x0d in it; take it out");
    text(options, FIELD_OPTIONS_REALM, "ab");
    text(dn, FIELD_DN_DISPLAY_NAME, "a\x7f");
    only(dn, FIELD_DN_DISPLAY_NAME, "has the control character 0x7f in it; take it out");
    text(dn, FIELD_DN_DISPLAY_NAME, "Fr\xc3\xa4ulein \"Ann\"");
    text(ann, FIELD_AGENT_NAME, "Ann\x1b");
    only(ann, FIELD_AGENT_NAME, "has the control character 0x1b in it; take it out");
    text(ann, FIELD_AGENT_NAME, "Ann");
    texts(dn, FIELD_DN_PREFIXES, prefixes, 1);
    cr_assert_gt(judge(), 0);
}

Test(validate, a_password_hash_is_judged_whole)
{
#define SALT_AND_HASH "$c2FsdA==$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    static const char *const bad[] = {
        "scrypt$rubbish-of-twenty-characters",
        "scrypt$16384$8$1$c2FsdA==",
        "scrypt$16384$8$1$c2FsdA==$aGFzaA==",
        "scrypt$16383$8$1" SALT_AND_HASH,
        "scrypt$0$8$1" SALT_AND_HASH,
        "scrypt$16384$0$1" SALT_AND_HASH,
        "scrypt$16384$8$0" SALT_AND_HASH,
        "scrypt$16384$8$17" SALT_AND_HASH,
        "scrypt$-16384$8$1" SALT_AND_HASH,
        "scrypt$67108864$8$1" SALT_AND_HASH,
        "scrypt$16384$9999$1" SALT_AND_HASH,
        "scrypt$16384$8$1$$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "scrypt$16384$8$1$c2Fsd===$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "scrypt$16384$8$1" SALT_AND_HASH "x",
        "scrypt$16384$8$1$c2F!dA==$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="};
    struct cfg_item *ann = add_agent("ann");

    cr_assert_eq(judge(), 0);
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        text(ann, FIELD_AGENT_PASSWORD_HASH, bad[k]);
        cr_assert_eq(judge(), 1, "%s was accepted", bad[k]);
        cr_assert_eq(problems[0].field, FIELD_AGENT_PASSWORD_HASH);
    }
}

Test(validate, a_routing_point_has_no_dr_forward_as_its_targets_are_asked_one_by_one)
{
    static const char *const targets[] = {"8000"};
    struct cfg_item *queue = add_dn("8000", CFG_DN_ACD_QUEUE);
    struct cfg_item *point = add_dn("8100", CFG_DN_ROUTING_POINT);

    texts(point, FIELD_DN_TARGETS, targets, 1);
    number(queue, FIELD_DN_DR_FORWARD, 2);
    cr_assert_eq(judge(), 0, "%s", problems[0].text);
    number(point, FIELD_DN_DR_FORWARD, 2);
    only(point, FIELD_DN_DR_FORWARD, "a DN of type routing-point has no dr-forward; take it out");
}

Test(validate, a_user_of_digest_has_no_colon)
{
    struct cfg_item *gw = add_dn("gw", CFG_DN_TRUNK);

    text(gw, FIELD_DN_DIGEST_USER, "a:b");
    only(gw, FIELD_DN_DIGEST_USER,
         "'a:b' has a colon, which parts user and realm in the hash (RFC 7616 3.4.2); take it out");
}

Test(validate, a_queue_overflows_to_a_number_that_can_be_called_and_not_to_itself)
{
    static const char *const music[] = {"tone"};
    static const char *const prefixes[] = {"9"};
    struct cfg_item *queue = add_dn("8000", CFG_DN_ACD_QUEUE);
    struct cfg_item *gw = add_dn("gw", CFG_DN_TRUNK);

    add_dn("8001", CFG_DN_ACD_QUEUE);
    add_dn("tone", CFG_DN_SERVICE);
    texts(gw, FIELD_DN_PREFIXES, prefixes, 1);
    number(queue, FIELD_DN_QUEUE_SIZE_MAX, 10);
    number(queue, FIELD_DN_DISTRIBUTION, 3);
    texts(queue, FIELD_DN_MUSIC, music, 1);
    text(queue, FIELD_DN_OVERFLOW_FULL, "8001");
    text(queue, FIELD_DN_OVERFLOW_NO_AGENT, "90555");
    cr_assert_eq(judge(), 0, "%s", problems[0].text);
    text(queue, FIELD_DN_OVERFLOW_FULL, "8000");
    only(queue, FIELD_DN_OVERFLOW_FULL, "is the queue itself; name another number");
    text(queue, FIELD_DN_OVERFLOW_FULL, "gw");
    only(queue, FIELD_DN_OVERFLOW_FULL,
         "'gw' is of type trunk; name an extension, acd-queue or routing-point");
    text(queue, FIELD_DN_OVERFLOW_FULL, "80555");
    only(queue, FIELD_DN_OVERFLOW_FULL,
         "there is no DN '80555'; add it under dns, or name an extension, acd-queue or "
         "routing-point that is there");
    *value(queue, FIELD_DN_OVERFLOW_FULL) = (struct cfg_value){0};
    *value(queue, FIELD_DN_MUSIC) = (struct cfg_value){.set = true, .texts = prefixes, .count = 1};
    only(queue, FIELD_DN_MUSIC,
         "there is no DN '9'; add it under dns, or name a service that is there");
    texts(queue, FIELD_DN_MUSIC, music, 1);
    text(queue, FIELD_DN_OVERFLOW_WAIT, "8001");
    only(queue, FIELD_DN_OVERFLOW_WAIT,
         "has no effect without queue-wait-max; add that, or take it out");
}

Test(validate, the_trunk_to_the_other_site_does_not_lead_home)
{
    struct cfg_item *east = add(CFG_OPTIONS, "east"), *west = add(CFG_OPTIONS, "west");
    struct cfg_item *to_west = add_dn("to-west", CFG_DN_TRUNK);
    struct cfg_item *to_east = add_dn("to-east", CFG_DN_TRUNK);

    text(east, FIELD_OPTIONS_DR_PEER_TRUNK, "to-west");
    text(west, FIELD_OPTIONS_DR_PEER_TRUNK, "to-east");
    text(to_west, FIELD_DN_CONTACT, "sip:[2001:db8::100]:5060");
    text(to_east, FIELD_DN_CONTACT, "sip:192.0.2.100;transport=tcp");
    cr_assert_eq(judge(), 0, "%s", problems[0].text);
    text(west, FIELD_OPTIONS_DR_PEER_TRUNK, "to-west");
    text(to_west, FIELD_DN_CONTACT, "sip:x@[2001:DB8:0::100]");
    only(
        west, FIELD_OPTIONS_DR_PEER_TRUNK,
        "trunk 'to-west' leads to 2001:db8::100, the address of site 'west' itself; name the trunk "
        "to the other site");
}

Test(validate, sources_are_networks_that_are_not_the_world)
{
    static const char *const good[] = {"192.0.2.0/24",  "192.0.2.64/26", "192.0.2.7",
                                       "2001:db8::/32", "2001:db8::1",   "10.0.0.0/8"};
    static const char *const bad[] = {
        "",     "192.0.2.0/33", "192.0.2.0/",   "192.0.2/24",  "0.0.0.0/0",
        "::/0", "carrier",      "192.0.2.1/24", "10.0.0.0/8x", "2001:db8::/129"};
    struct cfg_item *dn = add_dn("gw", CFG_DN_TRUNK);

    for (size_t k = 0; k < sizeof good / sizeof *good; k++) {
        texts(dn, FIELD_DN_SOURCES, &good[k], 1);
        cr_assert_eq(judge(), 0, "%s: %s", good[k], problems[0].text);
    }
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        texts(dn, FIELD_DN_SOURCES, &bad[k], 1);
        cr_assert_gt(judge(), 0, "%s", bad[k]);
        cr_assert_eq(problems[0].field, FIELD_DN_SOURCES);
    }
}

Test(validate, the_calls_of_one_direction_are_not_more_than_those_of_both)
{
    struct cfg_item *dn = add_dn("gw", CFG_DN_TRUNK);

    number(dn, FIELD_DN_CALLS_MAX, 30);
    number(dn, FIELD_DN_CALLS_IN_MAX, 30);
    cr_assert_eq(judge(), 0);
    number(dn, FIELD_DN_CALLS_OUT_MAX, 31);
    only(dn, FIELD_DN_CALLS_OUT_MAX, "31 is above calls-max, 30; write at most that");
}

Test(validate, trunk_timeout_leaves_time_for_one_retransmission)
{
    struct cfg_item *options = add(CFG_OPTIONS, "");

    number(options, FIELD_OPTIONS_TRUNK_TIMEOUT, 900);
    only(options, FIELD_OPTIONS_TRUNK_TIMEOUT,
         "900ms leaves no time for one retransmission; write at least 2 x sip-t1, 1000ms");
}

Test(validate, the_password_of_a_trunk_is_for_one_realm)
{
    struct cfg_item *dn = add_dn("gw", CFG_DN_TRUNK);

    text(dn, FIELD_DN_HA1_MD5, md5);
    only(dn, FIELD_DN_DIGEST_REALM,
         "is missing: a password answers one realm only; write the carrier's");
    text(dn, FIELD_DN_DIGEST_REALM, "carrier");
    cr_assert_eq(judge(), 0);
    text(dn, FIELD_DN_DIGEST_REALM, "carrier\"");
    only(dn, FIELD_DN_DIGEST_REALM, "has a \" or \\ in it; take it out");
    text(dn, FIELD_DN_DIGEST_REALM, "carrier");
    value(dn, FIELD_DN_HA1_MD5)->set = false;
    only(dn, FIELD_DN_DIGEST_REALM,
         "has no effect without a password; write 'password', or take it out");
}
