#include "confproxy/core/judge.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "confproxy/core/forms.h"

static void check_item(struct judge *j, size_t i);
static void check_dn(struct judge *j, size_t i);
static void check_agent(struct judge *j, size_t i);
static void check_options(struct judge *j, size_t i);
static void check_inter_site(struct judge *j, size_t i, const char *site,
                             const struct cfg_item *dn);
static void check_timeouts(struct judge *j);

/* --- The items in order, so that a name is found fast. --- */

static int compare(const struct cfg_item *item, enum cfg_type type, const char *id)
{
    if (item->type != type)
        return item->type < type ? -1 : 1;
    return strcmp(cfg_item_id(item), id);
}

static bool precedes(const struct judge *j, size_t a, size_t b)
{
    const struct cfg_item *second = &j->set->items[b];
    int order = compare(&j->set->items[a], second->type, cfg_item_id(second));

    return order < 0 || (order == 0 && a < b);
}

static void sift_down(struct judge *j, size_t root, size_t end)
{
    for (size_t child = 2 * root + 1; child < end; root = child, child = 2 * root + 1) {
        if (child + 1 < end && precedes(j, j->order[child], j->order[child + 1]))
            child++;
        if (!precedes(j, j->order[root], j->order[child]))
            return;
        size_t held = j->order[root];
        j->order[root] = j->order[child];
        j->order[child] = held;
    }
}

static void sort_items(struct judge *j)
{
    size_t count = j->set->count;

    for (size_t i = 0; i < count; i++)
        j->order[i] = i;
    for (size_t i = count / 2; i-- > 0;)
        sift_down(j, i, count);
    for (size_t end = count; end-- > 1;) {
        size_t held = j->order[0];
        j->order[0] = j->order[end];
        j->order[end] = held;
        sift_down(j, 0, end);
    }
}

/* place_of - where in j->order the item stands; j->set->count when there is none. */
static size_t place_of(const struct judge *j, enum cfg_type type, const char *id)
{
    size_t low = 0;
    size_t high = j->set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct cfg_item *item = &j->set->items[j->order[middle]];
        int order = compare(item, type, id);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return j->set->count;
}

const struct cfg_item *judge_find(const struct judge *j, enum cfg_type type, const char *id)
{
    size_t place = place_of(j, type, id);

    return place < j->set->count ? &j->set->items[j->order[place]] : NULL;
}

size_t judge_first(const struct judge *j, enum cfg_type type)
{
    size_t low = 0;
    size_t high = j->set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (j->set->items[j->order[middle]].type < type)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --- Judging. --- */

size_t cfg_validate(const struct cfg_set *set, size_t *order, struct cfg_problem *problems,
                    size_t max)
{
    struct judge j = {.set = set, .order = order, .problems = problems, .max = max};

    sort_items(&j);
    for (size_t i = 1; i < set->count; i++) {
        const struct cfg_item *before = &set->items[order[i - 1]];
        const struct cfg_item *item = &set->items[order[i]];
        if (compare(before, item->type, cfg_item_id(item)) == 0)
            problem(&j, order[i], cfg_field_first(item->type),
                    "'%s' is there twice; take one out, or give it another %s", cfg_item_id(item),
                    cfg_fields[cfg_field_first(item->type)].yaml);
    }
    for (size_t i = 0; i < set->count; i++) {
        check_item(&j, i);
        switch (set->items[i].type) {
        case CFG_OPTIONS: check_options(&j, i); break;
        case CFG_DN: check_dn(&j, i); break;
        case CFG_AGENT: check_agent(&j, i); break;
        case CFG_RULE: judge_rule(&j, i); break;
        }
    }
    check_timeouts(&j);
    return j.found;
}

void problem(struct judge *j, size_t item, enum cfg_field_id field, const char *format, ...)
{
    if (j->found++ >= j->max)
        return;
    struct cfg_problem *p = &j->problems[j->found - 1];
    va_list arguments;
    p->item = item;
    p->field = field;
    va_start(arguments, format);
    (void)vsnprintf(p->text, sizeof p->text, format, arguments);
    va_end(arguments);
}

/* Numbers and names travel in SIP URIs and in configuration files, so they keep to characters that
 * need no escape in either (RFC 3261 section 25.1, user). */
static bool name_sound(const char *name)
{
    return name[0] != '\0' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             "-_.+*#")] == '\0';
}

static bool hex_sound(const char *text, size_t length)
{
    return strlen(text) == length && text[strspn(text, "0123456789abcdef")] == '\0';
}

/* check_text - control characters would reach SIP headers, logs and terminals; a quote in the
 * realm, the phones' Digest headers. */
static void check_text(struct judge *j, size_t i, enum cfg_field_id f, const char *text)
{
    int control = form_control(text);

    if (control >= 0)
        problem(j, i, f, "has the control character 0x%02x in it; take it out", (unsigned)control);
    if ((f == FIELD_OPTIONS_REALM || f == FIELD_DN_DIGEST_REALM) && strpbrk(text, "\"\\") != NULL)
        problem(j, i, f, "has a \" or \\ in it; take it out");
}

static void check_list(struct judge *j, size_t i, enum cfg_field_id f, const struct cfg_value *v)
{
    if (v->count > cfg_fields[f].min)
        problem(j, i, f, "has %zu entries, %u is the most; take some away", v->count,
                cfg_fields[f].min);
    for (size_t k = 0; k < v->count; k++) {
        size_t length = strlen(v->texts[k]);
        if (length < 1 || length > cfg_fields[f].max)
            problem(j, i, f, "entry %zu is %s; write 1 to %u characters", k + 1,
                    length < 1 ? "empty" : "too long", cfg_fields[f].max);
        check_text(j, i, f, v->texts[k]);
        for (size_t m = 0; m < k; m++)
            if (strcmp(v->texts[m], v->texts[k]) == 0)
                problem(j, i, f, "'%s' is there twice; take one out", v->texts[k]);
    }
}

static void check_range(struct judge *j, size_t i, enum cfg_field_id f, const struct cfg_value *v)
{
    const struct cfg_field *field = &cfg_fields[f];
    const char *unit = field->kind == KIND_MS ? "ms" : field->kind == KIND_S ? "s" : "";

    switch (field->kind) {
    case KIND_TEXT:
        check_text(j, i, f, v->text);
        if (strlen(v->text) < field->min || strlen(v->text) > field->max)
            problem(j, i, f, "'%.40s' is %s; write %u to %u characters", v->text,
                    strlen(v->text) < field->min ? "too short" : "too long", field->min,
                    field->max);
        break;
    case KIND_SECRET:
        check_text(j, i, f, v->text);
        if (strlen(v->text) < field->min || strlen(v->text) > field->max)
            problem(j, i, f, "has %zu characters; write 'password' instead, it is hashed for you",
                    strlen(v->text));
        break;
    case KIND_TEXTS: check_list(j, i, f, v); break;
    case KIND_NUMBER:
    case KIND_MS:
    case KIND_S:
    case KIND_BOOL:
        if (v->number < field->min || v->number > field->max)
            problem(j, i, f, "%llu%s is out of range; write %u%s to %u%s",
                    (unsigned long long)v->number, unit, field->min, unit, field->max, unit);
        break;
    case KIND_TYPE:
    case KIND_FORWARD:
    case KIND_DISTRIBUTION:
        if (cfg_word(field->kind, v->number) == NULL)
            problem(j, i, f, "has the unknown value %llu; %s", (unsigned long long)v->number,
                    field->kind == KIND_TYPE
                        ? "write extension, acd-queue, routing-point, trunk or service"
                    : field->kind == KIND_FORWARD ? "write off, no-agent or oos"
                                                  : "write longest-idle, linear or ring-all");
        break;
    }
}

static void check_item(struct judge *j, size_t i)
{
    const struct cfg_item *item = &j->set->items[i];
    enum cfg_field_id first = cfg_field_first(item->type);

    for (enum cfg_field_id f = first; f < cfg_field_end(item->type); f++) {
        const struct cfg_value *v = cfg_item_value(item, f);
        if (v->set)
            check_range(j, i, f, v);
    }
    if (item->type == CFG_OPTIONS && !cfg_item_value(item, first)->set)
        return; /* the options of every site have no name */
    if (!name_sound(cfg_item_id(item)))
        problem(j, i, first, "'%.63s' is not a usable %s; write letters, digits and - _ . + * #",
                cfg_item_id(item), cfg_fields[first].yaml);
}

static bool site_known(const struct judge *j, const char *site)
{
    if (j->set->site_count == 0)
        return true;
    for (size_t s = 0; s < j->set->site_count; s++)
        if (strcmp(j->set->sites[s], site) == 0)
            return true;
    return false;
}

void judge_sites(struct judge *j, size_t i, enum cfg_field_id field)
{
    const struct cfg_value *sites = cfg_item_value(&j->set->items[i], field);

    for (size_t s = 0; s < sites->count; s++)
        if (!site_known(j, sites->texts[s]))
            problem(j, i, field, "there is no site '%s'; name one of the bootstrap file's sites",
                    sites->texts[s]);
}

/* exists_at - is DN there at SITE?  A DN without sites is at every one. */
static bool exists_at(const struct cfg_item *dn, const char *site)
{
    const struct cfg_value *sites = cfg_item_value(dn, FIELD_DN_SITES);

    for (size_t s = 0; s < sites->count; s++)
        if (strcmp(sites->texts[s], site) == 0)
            return true;
    return sites->count == 0;
}

static enum cfg_dn_type type_of(const struct cfg_item *dn)
{
    return (enum cfg_dn_type)cfg_item_value(dn, FIELD_DN_TYPE)->number;
}

static const char *type_word(const struct cfg_item *dn)
{
    const char *word = cfg_word(KIND_TYPE, type_of(dn));

    return word != NULL ? word : "DN of no type";
}

/* need_dn - the DN that FIELD of item I names must exist and be of one of DN_TYPES (in words:
 * WANTED). */
static const struct cfg_item *need_dn(struct judge *j, size_t i, enum cfg_field_id field,
                                      const char *number, uint32_t dn_types, const char *wanted)
{
    const struct cfg_item *dn = judge_find(j, CFG_DN, number);

    if (dn == NULL) {
        problem(j, i, field, "there is no DN '%s'; add it under dns, or name %s that is there",
                number, wanted);
        return NULL;
    }
    if ((dn_types & (1u << type_of(dn))) == 0) {
        problem(j, i, field, "'%s' is of type %s; name %s", number, type_word(dn), wanted);
        return NULL;
    }
    return dn;
}

static void check_uri(struct judge *j, size_t i, const char *uri)
{
    bool trunk = type_of(&j->set->items[i]) == CFG_DN_TRUNK;
    const char *fault = form_contact_fault(uri, trunk);

    if (fault != NULL)
        problem(j, i, FIELD_DN_CONTACT, "'%.100s' %s", uri, fault);
}

static void check_dn_fields(struct judge *j, size_t i, const struct cfg_item *dn)
{
    for (enum cfg_field_id f = FIELD_DN_NUMBER; f < cfg_field_end(CFG_DN); f++)
        if (cfg_item_value(dn, f)->set && (cfg_fields[f].dn_types & (1u << type_of(dn))) == 0)
            problem(j, i, f, "a DN of type %s has no %s; take it out", type_word(dn),
                    cfg_fields[f].yaml);
}

static void check_trunk(struct judge *j, size_t i, const struct cfg_item *dn)
{
    const struct cfg_value *sources = cfg_item_value(dn, FIELD_DN_SOURCES);
    const struct cfg_value *all = cfg_item_value(dn, FIELD_DN_CALLS_MAX);
    static const enum cfg_field_id parts[] = {FIELD_DN_CALLS_IN_MAX, FIELD_DN_CALLS_OUT_MAX};

    const bool hashed =
        cfg_item_value(dn, FIELD_DN_HA1_MD5)->set || cfg_item_value(dn, FIELD_DN_HA1_SHA256)->set;

    if (type_of(dn) == CFG_DN_TRUNK && hashed && !cfg_item_value(dn, FIELD_DN_DIGEST_REALM)->set)
        problem(j, i, FIELD_DN_DIGEST_REALM,
                "is missing: a password answers one realm only; write the carrier's");
    if (!hashed && cfg_item_value(dn, FIELD_DN_DIGEST_REALM)->set)
        problem(j, i, FIELD_DN_DIGEST_REALM,
                "has no effect without a password; write "
                "'password', or take it out");
    for (size_t s = 0; s < sources->count; s++) {
        const char *fault = form_net_fault(sources->texts[s]);
        if (fault != NULL)
            problem(j, i, FIELD_DN_SOURCES, "'%s' %s", sources->texts[s], fault);
    }
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        const struct cfg_value *part = cfg_item_value(dn, parts[p]);
        if (all->set && part->set && part->number > all->number)
            problem(j, i, parts[p], "%llu is above calls-max, %llu; write at most that",
                    (unsigned long long)part->number, (unsigned long long)all->number);
    }
}

/* has_prefix - some trunk has a prefix of NUMBER. */
static bool has_prefix(const struct judge *j, const char *number)
{
    for (size_t i = 0; i < j->set->count; i++) {
        const struct cfg_item *dn = &j->set->items[i];

        if (dn->type != CFG_DN || type_of(dn) != CFG_DN_TRUNK)
            continue;
        const struct cfg_value *prefixes = cfg_item_value(dn, FIELD_DN_PREFIXES);
        for (size_t p = 0; p < prefixes->count; p++)
            if (strncmp(prefixes->texts[p], number, strlen(prefixes->texts[p])) == 0)
                return true;
    }
    return false;
}

/* check_overflow - where calls of queue I go must be a number that can be called, and not I. */
static void check_overflow(struct judge *j, size_t i, enum cfg_field_id field,
                           enum cfg_field_id with)
{
    const struct cfg_item *queue = &j->set->items[i];
    const struct cfg_value *target = cfg_item_value(queue, field);

    if (!target->set)
        return;
    if (strcmp(target->text, cfg_item_id(queue)) == 0)
        problem(j, i, field, "is the queue itself; name another number");
    else if (judge_find(j, CFG_DN, target->text) != NULL ||
             (!has_prefix(j, target->text) && !judge_has_rule(j, target->text)))
        need_dn(j, i, field, target->text, FOR_NUMBER, "an extension, acd-queue or routing-point");
    if (with != field && !cfg_item_value(queue, with)->set)
        problem(j, i, field, "has no effect without %s; add that, or take it out",
                cfg_fields[with].yaml);
}

static void check_dn(struct judge *j, size_t i)
{
    const struct cfg_item *dn = &j->set->items[i];
    const struct cfg_value *targets = cfg_item_value(dn, FIELD_DN_TARGETS);
    const struct cfg_value *prefixes = cfg_item_value(dn, FIELD_DN_PREFIXES);
    const struct cfg_value *md5 = cfg_item_value(dn, FIELD_DN_HA1_MD5);
    const struct cfg_value *sha256 = cfg_item_value(dn, FIELD_DN_HA1_SHA256);

    if (cfg_word(KIND_TYPE, type_of(dn)) == NULL) {
        if (!cfg_item_value(dn, FIELD_DN_TYPE)->set) /* an unknown one is told by its range */
            problem(j, i, FIELD_DN_TYPE,
                    "is missing; write extension, acd-queue, routing-point, trunk or service");
        return;
    }
    check_dn_fields(j, i, dn);
    judge_sites(j, i, FIELD_DN_SITES);

    if (md5->set && !hex_sound(md5->text, 32))
        problem(j, i, FIELD_DN_HA1_MD5,
                "is not 32 lower-case hexadecimal digits; write "
                "'password' instead, it is hashed for you");
    if (sha256->set && !hex_sound(sha256->text, 64))
        problem(j, i, FIELD_DN_HA1_SHA256,
                "is not 64 lower-case hexadecimal digits; write "
                "'password' instead, it is hashed for you");
    switch (type_of(dn)) {
    case CFG_DN_EXTENSION:
        if (!md5->set && !sha256->set)
            problem(j, i, FIELD_DN_NUMBER, "an extension needs a password; write 'password'");
        break;
    case CFG_DN_ROUTING_POINT:
        if (targets->count == 0)
            problem(j, i, FIELD_DN_TARGETS,
                    "a routing-point needs targets; write targets: [NUMBER, ...]");
        for (size_t t = 0; t < targets->count; t++)
            need_dn(j, i, FIELD_DN_TARGETS, targets->texts[t], FOR_ALL & ~FOR_ROUTING_POINT,
                    "an extension, acd-queue, trunk or service");
        break;
    case CFG_DN_ACD_QUEUE:
        for (size_t m = 0; m < cfg_item_value(dn, FIELD_DN_MUSIC)->count; m++)
            need_dn(j, i, FIELD_DN_MUSIC, cfg_item_value(dn, FIELD_DN_MUSIC)->texts[m], FOR_SERVICE,
                    "a service");
        check_overflow(j, i, FIELD_DN_OVERFLOW_FULL, FIELD_DN_QUEUE_SIZE_MAX);
        check_overflow(j, i, FIELD_DN_OVERFLOW_WAIT, FIELD_DN_QUEUE_WAIT_MAX);
        check_overflow(j, i, FIELD_DN_OVERFLOW_NO_AGENT, FIELD_DN_OVERFLOW_NO_AGENT);
        break;
    case CFG_DN_TRUNK:
    case CFG_DN_SERVICE:
        if (!cfg_item_value(dn, FIELD_DN_CONTACT)->set)
            problem(j, i, FIELD_DN_CONTACT, "a %s needs a contact; write contact: \"sip:ADDRESS\"",
                    type_word(dn));
        else
            check_uri(j, i, cfg_item_value(dn, FIELD_DN_CONTACT)->text);
        break;
    }
    check_trunk(j, i, dn);
    for (size_t p = 0; p < prefixes->count; p++)
        if (prefixes->texts[p][strspn(prefixes->texts[p], "0123456789+*#")] != '\0')
            problem(j, i, FIELD_DN_PREFIXES,
                    "'%s' is not the beginning of a number; write digits "
                    "and + * #",
                    prefixes->texts[p]);
}

static void check_agent(struct judge *j, size_t i)
{
    const struct cfg_item *agent = &j->set->items[i];
    const struct cfg_value *dn = cfg_item_value(agent, FIELD_AGENT_DN);
    const struct cfg_value *queues = cfg_item_value(agent, FIELD_AGENT_QUEUES);
    const struct cfg_value *hash = cfg_item_value(agent, FIELD_AGENT_PASSWORD_HASH);

    if (!hash->set)
        problem(j, i, FIELD_AGENT_ID, "an agent needs a password; write 'password'");
    else if (!form_hash_sound(hash->text))
        problem(j, i, FIELD_AGENT_PASSWORD_HASH,
                "is not a whole scrypt$N$r$p$salt$hash; write "
                "'password' instead, it is hashed for you");
    if (dn->set)
        need_dn(j, i, FIELD_AGENT_DN, dn->text, FOR_EXTENSION, "an extension");
    for (size_t q = 0; q < queues->count; q++)
        need_dn(j, i, FIELD_AGENT_QUEUES, queues->texts[q], FOR_ACD_QUEUE, "an acd-queue");
}

static void check_options(struct judge *j, size_t i)
{
    const struct cfg_item *options = &j->set->items[i];
    const struct cfg_value *trunk = cfg_item_value(options, FIELD_OPTIONS_DR_PEER_TRUNK);
    const char *site = cfg_item_id(options);

    const struct cfg_value *servers = cfg_item_value(options, FIELD_OPTIONS_DNS_SERVERS);

    for (size_t s = 0; s < servers->count; s++) {
        const char *fault = form_server_fault(servers->texts[s]);
        if (fault != NULL)
            problem(j, i, FIELD_OPTIONS_DNS_SERVERS, "'%s' %s", servers->texts[s], fault);
    }
    if (site[0] != '\0' && !site_known(j, site))
        problem(j, i, FIELD_OPTIONS_SITE,
                "there is no site '%s'; name one of the bootstrap file's sites", site);
    if (site[0] != '\0' && cfg_item_value(options, FIELD_OPTIONS_REALM)->set)
        problem(j, i, FIELD_OPTIONS_REALM,
                "is one for every site, so that a phone has one password; set it under options");
    if (!trunk->set)
        return;
    const struct cfg_item *dn =
        need_dn(j, i, FIELD_OPTIONS_DR_PEER_TRUNK, trunk->text, FOR_TRUNK, "a trunk");
    if (dn == NULL)
        return;
    check_inter_site(j, i, site, dn);
    if (site[0] != '\0' && !exists_at(dn, site))
        problem(j, i, FIELD_OPTIONS_DR_PEER_TRUNK,
                "trunk '%s' does not exist at site '%s'; add '%s' to the trunk's sites",
                trunk->text, site, site);
    if (site[0] == '\0' && cfg_item_value(dn, FIELD_DN_SITES)->count > 0)
        problem(j, i, FIELD_OPTIONS_DR_PEER_TRUNK,
                "trunk '%s' exists at some sites only; set dr-peer-trunk under those sites",
                trunk->text);
}

/* check_inter_site - the trunk DN that ITEM's options name must not lead back to the site itself.
 */
static void check_inter_site(struct judge *j, size_t i, const char *site, const struct cfg_item *dn)
{
    const struct cfg_value *contact = cfg_item_value(dn, FIELD_DN_CONTACT);

    if (j->set->addresses == NULL || !contact->set ||
        form_contact_fault(contact->text, true) != NULL)
        return;
    for (size_t s = 0; s < j->set->site_count; s++) {
        if (site[0] != '\0' && strcmp(site, j->set->sites[s]) != 0)
            continue;
        if (form_contact_at(contact->text, j->set->addresses[s]))
            problem(
                j, i, FIELD_OPTIONS_DR_PEER_TRUNK,
                "trunk '%s' leads to %s, the address of site '%s' itself; name the trunk to the "
                "other site",
                cfg_item_id(dn), j->set->addresses[s], j->set->sites[s]);
    }
}

/* --- Timeouts against one another, at every site. --- */

/* Where options are looked for: in the judge's order, or, where there is none, in the set as it
 * stands. */
static const struct cfg_item *options_of(const struct judge *j, const char *site, size_t *ret_item)
{
    if (j->order != NULL) {
        size_t place = place_of(j, CFG_OPTIONS, site);
        if (place == j->set->count)
            return NULL;
        *ret_item = j->order[place];
        return &j->set->items[*ret_item];
    }
    for (size_t i = 0; i < j->set->count; i++) {
        const struct cfg_item *item = &j->set->items[i];
        if (item->type == CFG_OPTIONS && strcmp(cfg_item_id(item), site) == 0) {
            *ret_item = i;
            return item;
        }
    }
    return NULL;
}

/* effective - the value of FIELD at SITE, and the item that says so (left alone: the default does).
 */
static uint64_t effective(const struct judge *j, const char *site, enum cfg_field_id field,
                          size_t *ret_item)
{
    const char *const names[] = {site, ""};

    for (size_t n = 0; n < 2; n++) {
        size_t item = 0;
        const struct cfg_item *options = options_of(j, names[n], &item);
        if (options != NULL && cfg_item_value(options, field)->set) {
            *ret_item = item;
            return cfg_item_value(options, field)->number;
        }
    }
    return cfg_fields[field].fallback;
}

uint64_t cfg_option(const struct cfg_set *set, const char *site, enum cfg_field_id field)
{
    struct judge j = {.set = set};
    size_t item;

    return effective(&j, site, field, &item);
}

struct timeouts {
    uint64_t check, force, recovery, checks, hold_max, t1;
};

/* check_watch - the three rules of a trunk's OPTIONS watch (T-1, T-2). */
static void check_watch(struct judge *j, size_t item, const enum cfg_field_id fields[2],
                        const struct timeouts *t, const char *where)
{
    if (t->force < 2 * t->t1)
        problem(j, item, fields[0],
                "%llums%s leaves no time for one retransmission; write at least 2 x sip-t1, %llums",
                (unsigned long long)t->force, where, (unsigned long long)(2 * t->t1));
    if (t->recovery < (t->checks - 1) * t->check)
        problem(j, item, fields[1],
                "%llums%s is too short for recovery-checks %llu, one each oos-check of %llums; "
                "write at least %llums",
                (unsigned long long)t->recovery, where, (unsigned long long)t->checks,
                (unsigned long long)t->check, (unsigned long long)((t->checks - 1) * t->check));
}

static void timeouts_of(const struct judge *j, const char *site, struct timeouts *t, size_t *item)
{
    t->t1 = effective(j, site, FIELD_OPTIONS_SIP_T1, item);
    t->force = effective(j, site, FIELD_OPTIONS_OOS_FORCE, item);
    t->checks = effective(j, site, FIELD_OPTIONS_RECOVERY_CHECKS, item);
    t->check = effective(j, site, FIELD_OPTIONS_OOS_CHECK, item);
    t->recovery = effective(j, site, FIELD_OPTIONS_RECOVERY_TIMEOUT, item);
    t->hold_max = effective(j, site, FIELD_OPTIONS_RECOVERY_HOLD_MAX, item);
}

/* sets_timeouts - does ITEM, a site's options, say anything that the options of every site do not?
 */
static bool sets_timeouts(const struct cfg_item *item)
{
    static const enum cfg_field_id fields[] = {FIELD_OPTIONS_SIP_T1,
                                               FIELD_OPTIONS_OOS_FORCE,
                                               FIELD_OPTIONS_RECOVERY_CHECKS,
                                               FIELD_OPTIONS_OOS_CHECK,
                                               FIELD_OPTIONS_RECOVERY_TIMEOUT,
                                               FIELD_OPTIONS_RECOVERY_HOLD_MAX,
                                               FIELD_OPTIONS_TRUNK_TIMEOUT,
                                               FIELD_OPTIONS_DNS_TTL_MIN,
                                               FIELD_OPTIONS_DNS_TTL_MAX,
                                               FIELD_OPTIONS_REGISTRATION_EXPIRES_MIN,
                                               FIELD_OPTIONS_REGISTRATION_EXPIRES_MAX,
                                               FIELD_OPTIONS_RETRY_AFTER_MIN,
                                               FIELD_OPTIONS_RETRY_AFTER_MAX};

    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
        if (cfg_item_value(item, fields[f])->set)
            return true;
    return false;
}

static void check_site_timeouts(struct judge *j, size_t item, const char *site)
{
    static const enum cfg_field_id watch[2] = {FIELD_OPTIONS_OOS_FORCE,
                                               FIELD_OPTIONS_RECOVERY_TIMEOUT};
    struct timeouts t;
    size_t ignored = 0;

    timeouts_of(j, site, &t, &ignored);
    check_watch(j, item, watch, &t, "");
    uint64_t ttl_min = effective(j, site, FIELD_OPTIONS_DNS_TTL_MIN, &ignored);
    uint64_t ttl_max = effective(j, site, FIELD_OPTIONS_DNS_TTL_MAX, &ignored);
    if (ttl_min > ttl_max)
        problem(j, item, FIELD_OPTIONS_DNS_TTL_MIN,
                "%llus is above dns-ttl-max, %llus; write at most that",
                (unsigned long long)ttl_min, (unsigned long long)ttl_max);
    uint64_t silence = effective(j, site, FIELD_OPTIONS_TRUNK_TIMEOUT, &ignored);
    if (silence < 2 * t.t1)
        problem(j, item, FIELD_OPTIONS_TRUNK_TIMEOUT,
                "%llums leaves no time for one retransmission; write at least 2 x sip-t1, %llums",
                (unsigned long long)silence, (unsigned long long)(2 * t.t1));
    if (t.hold_max < t.recovery)
        problem(j, item, FIELD_OPTIONS_RECOVERY_HOLD_MAX,
                "%llums is below recovery-timeout, %llums; write at least that",
                (unsigned long long)t.hold_max, (unsigned long long)t.recovery);
    uint64_t least = effective(j, site, FIELD_OPTIONS_REGISTRATION_EXPIRES_MIN, &ignored);
    uint64_t most = effective(j, site, FIELD_OPTIONS_REGISTRATION_EXPIRES_MAX, &ignored);
    if (least > most)
        problem(j, item, FIELD_OPTIONS_REGISTRATION_EXPIRES_MIN,
                "%llus is above registration-expires-max, %llus; write at most that",
                (unsigned long long)least, (unsigned long long)most);
    uint64_t soonest = effective(j, site, FIELD_OPTIONS_RETRY_AFTER_MIN, &ignored);
    uint64_t latest = effective(j, site, FIELD_OPTIONS_RETRY_AFTER_MAX, &ignored);
    if (soonest > latest)
        problem(j, item, FIELD_OPTIONS_RETRY_AFTER_MIN,
                "%llus is above retry-after-max, %llus; write at most that",
                (unsigned long long)soonest, (unsigned long long)latest);
}

static uint64_t own_or(const struct cfg_item *dn, enum cfg_field_id field, uint64_t otherwise)
{
    const struct cfg_value *v = cfg_item_value(dn, field);

    return v->set ? v->number : otherwise;
}

static void check_dn_timeouts(struct judge *j, size_t i, const char *site)
{
    static const enum cfg_field_id watch[2] = {FIELD_DN_OOS_FORCE, FIELD_DN_RECOVERY_TIMEOUT};
    const struct cfg_item *dn = &j->set->items[i];
    struct timeouts t;
    size_t ignored = 0;
    char where[80];

    timeouts_of(j, site, &t, &ignored);
    t.check = own_or(dn, FIELD_DN_OOS_CHECK, t.check);
    t.force = own_or(dn, FIELD_DN_OOS_FORCE, t.force);
    t.recovery = own_or(dn, FIELD_DN_RECOVERY_TIMEOUT, t.recovery);
    where[0] = '\0';
    if (site[0] != '\0')
        (void)snprintf(where, sizeof where, " at site %s", site);
    check_watch(j, i, watch, &t, where);
}

/* check_dn_watch - a trunk's own timeouts, with those of each site where it exists. */
static void check_dn_watch(struct judge *j, size_t i)
{
    bool anywhere = false;

    for (size_t o = 0; o < j->set->count; o++) { /* options come first in the order */
        const struct cfg_item *options = &j->set->items[j->order[o]];
        if (options->type != CFG_OPTIONS)
            break;
        if (cfg_item_id(options)[0] != '\0' && exists_at(&j->set->items[i], cfg_item_id(options))) {
            anywhere = true;
            check_dn_timeouts(j, i, cfg_item_id(options));
        }
    }
    if (!anywhere)
        check_dn_timeouts(j, i, "");
}

/* Judged where they are set: for every site together, then for each site and trunk that overrides.
 */
static void check_timeouts(struct judge *j)
{
    for (size_t i = 0; i < j->set->count; i++) {
        const struct cfg_item *item = &j->set->items[i];
        if (item->type == CFG_OPTIONS && (cfg_item_id(item)[0] == '\0' || sets_timeouts(item)))
            check_site_timeouts(j, i, cfg_item_id(item));
        if (item->type == CFG_DN && (cfg_item_value(item, FIELD_DN_OOS_CHECK)->set ||
                                     cfg_item_value(item, FIELD_DN_OOS_FORCE)->set ||
                                     cfg_item_value(item, FIELD_DN_RECOVERY_TIMEOUT)->set))
            check_dn_watch(j, i);
    }
}
