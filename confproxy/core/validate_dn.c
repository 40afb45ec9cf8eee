/* The DNs of a configuration: what each type needs, and where its calls may go. */
#include "confproxy/core/judge.h"

#include <string.h>

#include "confproxy/core/forms.h"

static bool hex_sound(const char *text, size_t length)
{
    return strlen(text) == length && text[strspn(text, "0123456789abcdef")] == '\0';
}

static void check_uri(struct judge *j, size_t i, const char *uri)
{
    bool trunk = judge_type_of(&j->set->items[i]) == CFG_DN_TRUNK;
    const char *fault = form_contact_fault(uri, trunk);

    if (fault != NULL)
        problem(j, i, FIELD_DN_CONTACT, "'%.100s' %s", uri, fault);
}

static void check_dn_fields(struct judge *j, size_t i, const struct cfg_item *dn)
{
    for (enum cfg_field_id f = FIELD_DN_NUMBER; f < cfg_field_end(CFG_DN); f++)
        if (cfg_item_value(dn, f)->set && (cfg_fields[f].dn_types & (1u << judge_type_of(dn))) == 0)
            problem(j, i, f, "a DN of type %s has no %s; take it out", judge_type_word(dn),
                    cfg_fields[f].yaml);
}

static void check_trunk(struct judge *j, size_t i, const struct cfg_item *dn)
{
    const struct cfg_value *sources = cfg_item_value(dn, FIELD_DN_SOURCES);
    const struct cfg_value *all = cfg_item_value(dn, FIELD_DN_CALLS_MAX);
    static const enum cfg_field_id parts[] = {FIELD_DN_CALLS_IN_MAX, FIELD_DN_CALLS_OUT_MAX};

    const bool hashed =
        cfg_item_value(dn, FIELD_DN_HA1_MD5)->set || cfg_item_value(dn, FIELD_DN_HA1_SHA256)->set;

    if (judge_type_of(dn) == CFG_DN_TRUNK && hashed &&
        !cfg_item_value(dn, FIELD_DN_DIGEST_REALM)->set)
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

        if (dn->type != CFG_DN || judge_type_of(dn) != CFG_DN_TRUNK)
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
        judge_need_dn(j, i, field, target->text, FOR_NUMBER,
                      "an extension, acd-queue or routing-point");
    if (with != field && !cfg_item_value(queue, with)->set)
        problem(j, i, field, "has no effect without %s; add that, or take it out",
                cfg_fields[with].yaml);
}

void judge_dn(struct judge *j, size_t i)
{
    const struct cfg_item *dn = &j->set->items[i];
    const struct cfg_value *targets = cfg_item_value(dn, FIELD_DN_TARGETS);
    const struct cfg_value *prefixes = cfg_item_value(dn, FIELD_DN_PREFIXES);
    const struct cfg_value *md5 = cfg_item_value(dn, FIELD_DN_HA1_MD5);
    const struct cfg_value *sha256 = cfg_item_value(dn, FIELD_DN_HA1_SHA256);
    const struct cfg_value *user = cfg_item_value(dn, FIELD_DN_DIGEST_USER);

    if (cfg_word(KIND_TYPE, judge_type_of(dn)) == NULL) {
        if (!cfg_item_value(dn, FIELD_DN_TYPE)->set) /* an unknown one is told by its range */
            problem(j, i, FIELD_DN_TYPE,
                    "is missing; write extension, acd-queue, routing-point, trunk or service");
        return;
    }
    check_dn_fields(j, i, dn);
    judge_sites(j, i, FIELD_DN_SITES);

    if (user->set && strchr(user->text, ':') != NULL)
        problem(j, i, FIELD_DN_DIGEST_USER,
                "'%s' has a colon, which parts user and realm in the hash (RFC 7616 3.4.2); take "
                "it out",
                user->text);
    if (md5->set && !hex_sound(md5->text, 32))
        problem(j, i, FIELD_DN_HA1_MD5,
                "is not 32 lower-case hexadecimal digits; write "
                "'password' instead, it is hashed for you");
    if (sha256->set && !hex_sound(sha256->text, 64))
        problem(j, i, FIELD_DN_HA1_SHA256,
                "is not 64 lower-case hexadecimal digits; write "
                "'password' instead, it is hashed for you");
    switch (judge_type_of(dn)) {
    case CFG_DN_EXTENSION:
        if (!md5->set && !sha256->set)
            problem(j, i, FIELD_DN_NUMBER, "an extension needs a password; write 'password'");
        break;
    case CFG_DN_ROUTING_POINT:
        if (targets->count == 0)
            problem(j, i, FIELD_DN_TARGETS,
                    "a routing-point needs targets; write targets: [NUMBER, ...]");
        for (size_t t = 0; t < targets->count; t++)
            judge_need_dn(j, i, FIELD_DN_TARGETS, targets->texts[t], FOR_ALL & ~FOR_ROUTING_POINT,
                          "an extension, acd-queue, trunk or service");
        break;
    case CFG_DN_ACD_QUEUE:
        for (size_t m = 0; m < cfg_item_value(dn, FIELD_DN_MUSIC)->count; m++)
            judge_need_dn(j, i, FIELD_DN_MUSIC, cfg_item_value(dn, FIELD_DN_MUSIC)->texts[m],
                          FOR_SERVICE, "a service");
        check_overflow(j, i, FIELD_DN_OVERFLOW_FULL, FIELD_DN_QUEUE_SIZE_MAX);
        check_overflow(j, i, FIELD_DN_OVERFLOW_WAIT, FIELD_DN_QUEUE_WAIT_MAX);
        check_overflow(j, i, FIELD_DN_OVERFLOW_NO_AGENT, FIELD_DN_OVERFLOW_NO_AGENT);
        break;
    case CFG_DN_TRUNK:
    case CFG_DN_SERVICE:
        if (!cfg_item_value(dn, FIELD_DN_CONTACT)->set)
            problem(j, i, FIELD_DN_CONTACT, "a %s needs a contact; write contact: \"sip:ADDRESS\"",
                    judge_type_word(dn));
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
