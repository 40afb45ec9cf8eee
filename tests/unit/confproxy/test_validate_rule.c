/* The rules of the dial plan: every fault that is refused, and plans that are sound. */
#include "confproxy/core/validate.h"

#include <criterion/criterion.h>
#include <string.h>

#define ITEMS_MAX    12
#define PROBLEMS_MAX 8

static const char *const sites[] = {"east", "west"};
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
    text(item, cfg_field_first(type), id);
    return item;
}

static struct cfg_item *add_dn(const char *id, enum cfg_dn_type type)
{
    struct cfg_item *item = add(CFG_DN, id);

    number(item, FIELD_DN_TYPE, type);
    if (type == CFG_DN_EXTENSION)
        text(item, FIELD_DN_HA1_MD5, "0123456789abcdef0123456789abcdef");
    if (type == CFG_DN_TRUNK || type == CFG_DN_SERVICE)
        text(item, FIELD_DN_CONTACT, "sip:192.0.2.1:5060");
    return item;
}

static const char *const to_gw[] = {"gw"};

static struct cfg_item *add_rule(const char *id, const char *pattern)
{
    struct cfg_item *item = add(CFG_RULE, id);

    text(item, FIELD_RULE_PATTERN, pattern);
    texts(item, FIELD_RULE_TO, to_gw, 1);
    return item;
}

static size_t judge(void)
{
    size_t order[ITEMS_MAX];
    struct cfg_set set = {items, count, sites, 2, NULL};

    return cfg_validate(&set, order, problems, PROBLEMS_MAX);
}

/* Exactly one problem, with this item, this field and words that begin so. */
static void only(const struct cfg_item *item, enum cfg_field_id field, const char *begins)
{
    size_t found = judge();

    cr_assert_eq(found, 1, "%zu problems, first: %s", found, found > 0 ? problems[0].text : "-");
    cr_assert_eq(problems[0].item, (size_t)(item - items));
    cr_assert_eq(problems[0].field, field, "field %d: %s", (int)problems[0].field,
                 problems[0].text);
    cr_assert(strncmp(problems[0].text, begins, strlen(begins)) == 0, "%s", problems[0].text);
}

static void start(void)
{
    count = 0;
    add_dn("gw", CFG_DN_TRUNK);
    add_dn("1001", CFG_DN_EXTENSION);
}

TestSuite(validate_rule, .init = start);

Test(validate_rule, a_sound_plan_has_no_problem)
{
    static const char *const to_phone[] = {"1001"};
    add_rule("a", "0Z.");
    add_rule("b", "00.");
    number(add_rule("c", "0Z."), FIELD_RULE_ORDER, 200);
    number(&items[2], FIELD_RULE_DIGITS_MIN, 5); /* the first is for longer numbers */
    struct cfg_item *direct = add_rule("d", "+4930XXXX");
    texts(direct, FIELD_RULE_TO, NULL, 0);
    number(direct, FIELD_RULE_STRIP, 5);
    texts(add_rule("e", "9"), FIELD_RULE_TO, to_phone, 1);
    cr_assert_eq(judge(), 0, "%s", problems[0].text);
}

Test(validate_rule, a_pattern_must_be_one)
{
    struct cfg_item *r = add_rule("a", "0A");
    only(r, FIELD_RULE_PATTERN, "'0A' has a character that no number has");
    value(r, FIELD_RULE_PATTERN)->set = false;
    only(r, FIELD_RULE_PATTERN, "is missing");
}

Test(validate_rule, its_targets_are_trunks_or_one_other_dn)
{
    static const char *const nobody[] = {"nobody"}, *const both[] = {"gw", "1001"},
                             *const media[] = {"media"};
    struct cfg_item *r = add_rule("a", "0.");
    texts(r, FIELD_RULE_TO, nobody, 1);
    only(r, FIELD_RULE_TO, "there is no DN 'nobody'");
    texts(r, FIELD_RULE_TO, both, 2);
    only(r, FIELD_RULE_TO, "'1001' is of type extension");
    add_dn("media", CFG_DN_SERVICE);
    texts(r, FIELD_RULE_TO, media, 1);
    only(r, FIELD_RULE_TO, "'media' is of type service");
    texts(r, FIELD_RULE_TO, NULL, 0);
    only(r, FIELD_RULE_TO, "is missing, and the number stays as it is");
}

Test(validate_rule, its_targets_are_where_it_holds)
{
    static const char *const east[] = {"east"}, *const north[] = {"north"};
    struct cfg_item *r = add_rule("a", "0.");
    texts(&items[0], FIELD_DN_SITES, east, 1);
    only(r, FIELD_RULE_TO, "'gw' does not exist at site 'west'");
    texts(r, FIELD_RULE_SITES, east, 1);
    cr_assert_eq(judge(), 0);
    texts(&items[0], FIELD_DN_SITES, NULL, 0);
    texts(r, FIELD_RULE_SITES, north, 1);
    only(r, FIELD_RULE_SITES, "there is no site 'north'");
}

Test(validate_rule, lengths_and_strip_fit_the_pattern)
{
    struct cfg_item *r = add_rule("a", "0XX");
    number(r, FIELD_RULE_DIGITS_MIN, 4);
    only(r, FIELD_RULE_PATTERN, "fits numbers of 3 characters only");
    number(r, FIELD_RULE_DIGITS_MAX, 3);
    cr_assert_eq(judge(), 2);
    value(r, FIELD_RULE_DIGITS_MIN)->set = false;
    number(r, FIELD_RULE_STRIP, 4);
    only(r, FIELD_RULE_STRIP, "4 is more than a number that fits may have; write at most 3");
    text(r, FIELD_RULE_PATTERN, "0XXXX.");
    number(r, FIELD_RULE_STRIP, 1);
    only(r, FIELD_RULE_DIGITS_MAX, "3 is below the 5 characters of the pattern");
    value(r, FIELD_RULE_DIGITS_MAX)->set = false;
    text(r, FIELD_RULE_PREPEND, "+49x");
    only(r, FIELD_RULE_PREPEND, "'+49x' is no number");
}

Test(validate_rule, a_class_that_no_dn_has_is_refused)
{
    static const char *const lobby[] = {"lobby"};
    struct cfg_item *r = add_rule("a", "0.");
    texts(r, FIELD_RULE_FROM, lobby, 1);
    only(r, FIELD_RULE_FROM, "no DN has calling-class 'lobby'");
    text(&items[1], FIELD_DN_CALLING_CLASS, "lobby");
    cr_assert_eq(judge(), 0);
}

Test(validate_rule, two_rules_for_the_same_calls_need_an_order)
{
    static const char *const trunks[] = {"trunks"}, *const phones[] = {"extensions"};
    struct cfg_item *a = add_rule("a", "0X."), *b = add_rule("b", "0[0-9].");
    only(b, FIELD_RULE_ORDER, "rule 'a' is for the same numbers and callers");
    number(b, FIELD_RULE_ORDER, 101);
    only(b, FIELD_RULE_PATTERN, "no call reaches this rule: 'a'");
    texts(b, FIELD_RULE_FROM, trunks, 1);
    cr_assert_eq(judge(), 0, "it is for others");
    texts(b, FIELD_RULE_FROM, phones, 1);
    texts(a, FIELD_RULE_FROM, phones, 1);
    only(b, FIELD_RULE_PATTERN, "no call reaches this rule: 'a'");
    number(a, FIELD_RULE_DIGITS_MIN, 6);
    cr_assert_eq(judge(), 0, "shorter numbers reach it");
}

Test(validate_rule, a_rule_for_the_number_of_a_dn_is_never_reached)
{
    struct cfg_item *r = add_rule("a", "1001");
    only(r, FIELD_RULE_PATTERN, "no call reaches this rule: '1001' is the number of a DN");
    text(r, FIELD_RULE_PATTERN, "100X");
    cr_assert_eq(judge(), 0);
}
