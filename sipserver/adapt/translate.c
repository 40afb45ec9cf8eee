#include "sipserver/adapt/translate.h"

#include <stdio.h>
#include <string.h>

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

static bool fits(const char *text, size_t size)
{
    return strlen(text) < size;
}

/* Copies N texts into an array of MAX places of SIZE bytes; false: it does not hold them. */
static bool take_list(char *const *texts, size_t n, void *to, size_t max, size_t size,
                      uint32_t *ret_n)
{
    if (n > max)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!fits(texts[i], size))
            return false;
        copy((char *)to + i * size, size, texts[i]);
    }
    *ret_n = (uint32_t)n;
    return true;
}

#define TAKE_LIST(in, n, conf, member, count)                                                      \
    take_list(in, n, (conf)->member, sizeof((conf)->member) / sizeof((conf)->member[0]),           \
              sizeof((conf)->member[0]), &(conf)->count)

bool translate_here(char *const *sites, size_t n, const char *site)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(sites[i], site) == 0)
            return true;
    return n == 0;
}

static const char *take_trunk(const Sf__Dn *in, struct sc_dn_conf *dn)
{
    if (!TAKE_LIST(in->prefixes, in->n_prefixes, dn, prefixes, prefixes_n))
        return "it has too many prefixes, or one that is too long";
    if (!TAKE_LIST(in->sources, in->n_sources, dn, sources, sources_n))
        return "it has too many sources, or one that is too long";
    if (!fits(in->contact, sizeof(dn->contact)))
        return "its contact is too long";
    if (!fits(in->digest_realm, sizeof(dn->digest_realm)))
        return "its digest-realm is too long";
    copy(dn->digest_realm, sizeof(dn->digest_realm), in->digest_realm);
    copy(dn->contact, sizeof(dn->contact), in->contact);
    dn->oos_check_ms = in->oos_check_ms;
    dn->oos_force_ms = in->oos_force_ms;
    dn->recovery_timeout_ms = in->recovery_timeout_ms;
    dn->follows_redirect = in->follows_redirect;
    dn->priority = in->priority;
    dn->weight = in->weight;
    dn->calls_max = in->calls_max;
    dn->calls_in_max = in->calls_in_max;
    dn->calls_out_max = in->calls_out_max;
    dn->trusted = in->trusted;
    return NULL;
}

const char *translate_dn(const Sf__Dn *in, struct sc_dn_conf *ret_dn)
{
    struct sc_dn_conf *dn = ret_dn;

    memset(dn, 0, sizeof(*dn));
    dn->type = (enum sc_dn_type)in->type;
    if (in->number[0] == '\0' || !fits(in->number, sizeof(dn->number)))
        return "its number is missing or too long";
    if (!TAKE_LIST(in->targets, in->n_targets, dn, targets, targets_n))
        return "it has too many targets, or one that is too long";
    if (!fits(in->calling_class, sizeof(dn->calling_class)))
        return "its calling-class is too long";
    copy(dn->number, sizeof(dn->number), in->number);
    copy(dn->digest_user, sizeof(dn->digest_user),
         in->digest_user[0] != '\0' ? in->digest_user : in->number);
    copy(dn->ha1.md5, sizeof(dn->ha1.md5), in->ha1_md5);
    copy(dn->ha1.sha256, sizeof(dn->ha1.sha256), in->ha1_sha256);
    copy(dn->calling_class, sizeof(dn->calling_class), in->calling_class);
    if (fits(in->display_name, sizeof(dn->display)))
        copy(dn->display, sizeof(dn->display), in->display_name);
    dn->dr_forward = (enum sc_dr_forward)in->dr_forward;
    dn->queue_size_max = in->queue_size_max;
    dn->queue_wait_max_ms = in->queue_wait_max_ms;
    return take_trunk(in, dn);
}

const char *translate_rule(const Sf__DialRule *in, struct sc_rule_conf *ret_rule)
{
    struct sc_rule_conf *r = ret_rule;

    memset(r, 0, sizeof(*r));
    if (in->id[0] == '\0' || !fits(in->id, sizeof(r->id)))
        return "its id is missing or too long";
    if (!fits(in->pattern, sizeof(r->pattern)) || !fits(in->prepend, sizeof(r->prepend)))
        return "its pattern or prepend is too long";
    if (!TAKE_LIST(in->to, in->n_to, r, to, to_n) ||
        !TAKE_LIST(in->from, in->n_from, r, from, from_n))
        return "it has too many entries in to or from, or one that is too long";
    copy(r->id, sizeof(r->id), in->id);
    copy(r->pattern, sizeof(r->pattern), in->pattern);
    copy(r->prepend, sizeof(r->prepend), in->prepend);
    r->digits_min = in->digits_min;
    r->digits_max = in->digits_max;
    r->strip = in->strip;
    r->order = in->order != 0 ? in->order : 100;
    r->share = in->share;
    return NULL;
}
