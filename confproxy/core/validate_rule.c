/* The rules of the dial plan: each for itself, what it leads to, and whether a call can ever reach
 * it. */
#include "common/pattern.h"
#include "confproxy/core/judge.h"

#include <string.h>

#define ORDER_DEFAULT 100

static const struct cfg_item *rule_at(const struct judge *j, size_t i)
{
    return &j->set->items[i];
}

/* A rule's value, without those that are not set. */
static uint64_t number_of(const struct cfg_item *rule, enum cfg_field_id field, uint64_t otherwise)
{
    const struct cfg_value *v = cfg_item_value(rule, field);

    return v->set ? v->number : otherwise;
}

static bool names(const struct cfg_value *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->texts[i], text) == 0)
            return true;
    return false;
}

static enum cfg_dn_type type_of(const struct cfg_item *dn)
{
    return (enum cfg_dn_type)cfg_item_value(dn, FIELD_DN_TYPE)->number;
}

/* ---- one rule ---- */

static void check_numbers(struct judge *j, size_t i, const struct pattern *p)
{
    const struct cfg_item *rule = rule_at(j, i);
    uint64_t least = number_of(rule, FIELD_RULE_DIGITS_MIN, 1);
    uint64_t most = number_of(rule, FIELD_RULE_DIGITS_MAX, 63);
    const struct cfg_value *prepend = cfg_item_value(rule, FIELD_RULE_PREPEND);
    uint64_t strip = number_of(rule, FIELD_RULE_STRIP, 0);

    if (least > most)
        problem(j, i, FIELD_RULE_DIGITS_MIN, "%llu is above digits-max, %llu; write at most that",
                (unsigned long long)least, (unsigned long long)most);
    if (p->tail == PATTERN_ENDS && (p->n < least || p->n > most))
        problem(j, i, FIELD_RULE_PATTERN,
                "fits numbers of %u characters only, which digits-min or digits-max shuts out; "
                "take that away",
                p->n);
    if (most < p->n && p->tail != PATTERN_ENDS)
        problem(j, i, FIELD_RULE_DIGITS_MAX,
                "%llu is below the %u characters of the pattern; "
                "write at least that",
                (unsigned long long)most, p->n);
    if (strip > p->n && strip > least)
        problem(j, i, FIELD_RULE_STRIP,
                "%llu is more than a number that fits may have; write at most %llu, or raise "
                "digits-min",
                (unsigned long long)strip, (unsigned long long)(p->n > least ? p->n : least));
    if (prepend->set && prepend->text[strspn(prepend->text, "0123456789*#+")] != '\0')
        problem(j, i, FIELD_RULE_PREPEND, "'%s' is no number; write digits and * # +",
                prepend->text);
}

static bool is_at(const struct cfg_item *item, enum cfg_field_id field, const char *site)
{
    const struct cfg_value *sites = cfg_item_value(item, field);

    return sites->count == 0 || names(sites, site);
}

static void check_target_sites(struct judge *j, size_t i, const struct cfg_item *dn)
{
    for (size_t s = 0; s < j->set->site_count; s++)
        if (is_at(rule_at(j, i), FIELD_RULE_SITES, j->set->sites[s]) &&
            !is_at(dn, FIELD_DN_SITES, j->set->sites[s]))
            problem(j, i, FIELD_RULE_TO,
                    "'%s' does not exist at site '%s', where the rule holds; name the rule's "
                    "sites",
                    cfg_item_id(dn), j->set->sites[s]);
}

static void check_to(struct judge *j, size_t i)
{
    const struct cfg_item *rule = rule_at(j, i);
    const struct cfg_value *to = cfg_item_value(rule, FIELD_RULE_TO);

    for (size_t t = 0; t < to->count; t++) {
        const struct cfg_item *dn = judge_find(j, CFG_DN, to->texts[t]);
        if (dn == NULL) {
            problem(j, i, FIELD_RULE_TO,
                    "there is no DN '%s'; add it under dns, or name one that is there",
                    to->texts[t]);
        } else if (type_of(dn) == CFG_DN_SERVICE ||
                   (type_of(dn) != CFG_DN_TRUNK && to->count > 1)) {
            problem(j, i, FIELD_RULE_TO,
                    "'%s' is of type %s; name trunks, or one extension, acd-queue or "
                    "routing-point alone",
                    to->texts[t], cfg_word(KIND_TYPE, type_of(dn)));
        } else {
            check_target_sites(j, i, dn);
        }
    }
    if (to->count == 0 && !cfg_item_value(rule, FIELD_RULE_STRIP)->set &&
        !cfg_item_value(rule, FIELD_RULE_PREPEND)->set)
        problem(j, i, FIELD_RULE_TO,
                "is missing, and the number stays as it is: the rule leads nowhere; name "
                "trunks or a DN, or write strip or prepend");
}

/* A class is there when some DN has it. */
static bool class_known(const struct judge *j, const char *class)
{
    if (strcmp(class, "extensions") == 0 || strcmp(class, "trunks") == 0)
        return true;
    for (size_t o = judge_first(j, CFG_DN); o < j->set->count; o++) {
        const struct cfg_item *dn = &j->set->items[j->order[o]];
        if (dn->type != CFG_DN)
            break;
        const struct cfg_value *own = cfg_item_value(dn, FIELD_DN_CALLING_CLASS);
        if (own->set && strcmp(own->text, class) == 0)
            return true;
    }
    return false;
}

static void check_from(struct judge *j, size_t i)
{
    const struct cfg_value *from = cfg_item_value(rule_at(j, i), FIELD_RULE_FROM);

    for (size_t f = 0; f < from->count; f++)
        if (!class_known(j, from->texts[f]))
            problem(j, i, FIELD_RULE_FROM,
                    "no DN has calling-class '%s'; write extensions, trunks, or the class of "
                    "a DN",
                    from->texts[f]);
}

/* ---- one against the others ---- */

/* Does A hold wherever B does, as far as FIELD (a list; none: everywhere) says? */
static bool includes(const struct cfg_item *a, const struct cfg_item *b, enum cfg_field_id field)
{
    const struct cfg_value *mine = cfg_item_value(a, field), *theirs = cfg_item_value(b, field);

    if (mine->count == 0)
        return field != FIELD_RULE_FROM || theirs->count == 0;
    for (size_t i = 0; i < theirs->count; i++)
        if (!names(mine, theirs->texts[i]))
            return false;
    return theirs->count > 0;
}

static bool meets(const struct cfg_item *a, const struct cfg_item *b, enum cfg_field_id field)
{
    const struct cfg_value *mine = cfg_item_value(a, field), *theirs = cfg_item_value(b, field);

    if (mine->count == 0 || theirs->count == 0)
        return true;
    for (size_t i = 0; i < theirs->count; i++)
        if (names(mine, theirs->texts[i]))
            return true;
    return false;
}

static bool same_numbers(const struct cfg_item *a, const struct cfg_item *b)
{
    return number_of(a, FIELD_RULE_DIGITS_MIN, 1) <= number_of(b, FIELD_RULE_DIGITS_MIN, 1) &&
           number_of(a, FIELD_RULE_DIGITS_MAX, 63) >= number_of(b, FIELD_RULE_DIGITS_MAX, 63);
}

static bool lengths_meet(const struct cfg_item *a, const struct cfg_item *b)
{
    return number_of(a, FIELD_RULE_DIGITS_MIN, 1) <= number_of(b, FIELD_RULE_DIGITS_MAX, 63) &&
           number_of(b, FIELD_RULE_DIGITS_MIN, 1) <= number_of(a, FIELD_RULE_DIGITS_MAX, 63);
}

/* OTHER has the pattern of item I too. */
static void check_pair(struct judge *j, size_t i, const struct cfg_item *other)
{
    const struct cfg_item *rule = rule_at(j, i);
    uint64_t mine = number_of(rule, FIELD_RULE_ORDER, ORDER_DEFAULT);
    uint64_t theirs = number_of(other, FIELD_RULE_ORDER, ORDER_DEFAULT);

    if (mine == theirs && strcmp(cfg_item_id(other), cfg_item_id(rule)) < 0 &&
        meets(other, rule, FIELD_RULE_FROM) && meets(other, rule, FIELD_RULE_SITES) &&
        lengths_meet(other, rule))
        problem(j, i, FIELD_RULE_ORDER,
                "rule '%s' is for the same numbers and callers, and neither comes first; give "
                "one of them another order",
                cfg_item_id(other));
    if (theirs < mine && includes(other, rule, FIELD_RULE_FROM) &&
        includes(other, rule, FIELD_RULE_SITES) && same_numbers(other, rule))
        problem(j, i, FIELD_RULE_PATTERN,
                "no call reaches this rule: '%s', for the same numbers and callers, has order "
                "%llu and comes first; take one of them out",
                cfg_item_id(other), (unsigned long long)theirs);
}

static void check_reached(struct judge *j, size_t i, const struct pattern *p)
{
    char number[PATTERN_SIZE];
    struct pattern other;
    const struct cfg_item *dn;

    for (size_t o = judge_first(j, CFG_RULE); o < j->set->count; o++) {
        const struct cfg_item *rule = &j->set->items[j->order[o]];
        if (rule->type != CFG_RULE)
            break;
        if (rule != rule_at(j, i) && cfg_item_value(rule, FIELD_RULE_PATTERN)->set &&
            pattern_parse(cfg_item_value(rule, FIELD_RULE_PATTERN)->text, &other) == NULL &&
            pattern_same(p, &other))
            check_pair(j, i, rule);
    }
    if (!pattern_number(p, number))
        return;
    dn = judge_find(j, CFG_DN, number);
    if (dn != NULL && cfg_item_value(dn, FIELD_DN_SITES)->count == 0)
        problem(j, i, FIELD_RULE_PATTERN,
                "no call reaches this rule: '%s' is the number of a DN, which comes first; "
                "take the rule out, or renumber the DN",
                number);
}

bool judge_has_rule(const struct judge *j, const char *number)
{
    for (size_t o = judge_first(j, CFG_RULE); o < j->set->count; o++) {
        const struct cfg_item *rule = &j->set->items[j->order[o]];
        struct pattern p;

        if (rule->type == CFG_RULE && cfg_item_value(rule, FIELD_RULE_PATTERN)->set &&
            pattern_parse(cfg_item_value(rule, FIELD_RULE_PATTERN)->text, &p) == NULL &&
            pattern_fits(&p, number, strlen(number)))
            return true;
    }
    return false;
}

void judge_rule(struct judge *j, size_t i)
{
    const struct cfg_value *pattern = cfg_item_value(rule_at(j, i), FIELD_RULE_PATTERN);
    const char *fault;
    struct pattern p;

    judge_sites(j, i, FIELD_RULE_SITES);
    check_to(j, i);
    check_from(j, i);
    if (!pattern->set) {
        problem(j, i, FIELD_RULE_PATTERN, "is missing; write the numbers that it is for");
        return;
    }
    fault = pattern_parse(pattern->text, &p);
    if (fault != NULL) {
        problem(j, i, FIELD_RULE_PATTERN, "'%s' %s", pattern->text, fault);
        return;
    }
    check_numbers(j, i, &p);
    check_reached(j, i, &p);
}
