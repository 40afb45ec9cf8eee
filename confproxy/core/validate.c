/* Judging a configuration: the items in order, each field by its schema, agents and options. */
#include "confproxy/core/judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "confproxy/core/forms.h"

static void check_item(struct judge *j, size_t i);
static void check_agent(struct judge *j, size_t i);
static void check_options(struct judge *j, size_t i);
static void check_inter_site(struct judge *j, size_t i, const char *site,
                             const struct cfg_item *dn);

/* ---- the items in order, so that a name is found fast ---- */

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

size_t judge_place(const struct judge *j, enum cfg_type type, const char *id)
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
    size_t place = judge_place(j, type, id);

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

/* ---- judging ---- */

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
        case CFG_DN: judge_dn(&j, i); break;
        case CFG_AGENT: check_agent(&j, i); break;
        case CFG_RULE: judge_rule(&j, i); break;
        }
    }
    judge_timeouts(&j);
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

bool judge_exists_at(const struct cfg_item *dn, const char *site)
{
    const struct cfg_value *sites = cfg_item_value(dn, FIELD_DN_SITES);

    for (size_t s = 0; s < sites->count; s++)
        if (strcmp(sites->texts[s], site) == 0)
            return true;
    return sites->count == 0;
}

enum cfg_dn_type judge_type_of(const struct cfg_item *dn)
{
    return (enum cfg_dn_type)cfg_item_value(dn, FIELD_DN_TYPE)->number;
}

const char *judge_type_word(const struct cfg_item *dn)
{
    const char *word = cfg_word(KIND_TYPE, judge_type_of(dn));

    return word != NULL ? word : "DN of no type";
}

const struct cfg_item *judge_need_dn(struct judge *j, size_t i, enum cfg_field_id field,
                                     const char *number, uint32_t dn_types, const char *wanted)
{
    const struct cfg_item *dn = judge_find(j, CFG_DN, number);

    if (dn == NULL) {
        problem(j, i, field, "there is no DN '%s'; add it under dns, or name %s that is there",
                number, wanted);
        return NULL;
    }
    if ((dn_types & (1u << judge_type_of(dn))) == 0) {
        problem(j, i, field, "'%s' is of type %s; name %s", number, judge_type_word(dn), wanted);
        return NULL;
    }
    return dn;
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
        judge_need_dn(j, i, FIELD_AGENT_DN, dn->text, FOR_EXTENSION, "an extension");
    for (size_t q = 0; q < queues->count; q++)
        judge_need_dn(j, i, FIELD_AGENT_QUEUES, queues->texts[q], FOR_ACD_QUEUE, "an acd-queue");
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
        judge_need_dn(j, i, FIELD_OPTIONS_DR_PEER_TRUNK, trunk->text, FOR_TRUNK, "a trunk");
    if (dn == NULL)
        return;
    check_inter_site(j, i, site, dn);
    if (site[0] != '\0' && !judge_exists_at(dn, site))
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
