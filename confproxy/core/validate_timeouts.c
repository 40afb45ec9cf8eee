/* Timeouts against one another, at every site. */
#include "confproxy/core/judge.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Where options are looked for: in the judge's order, or, where there is none, in the set as it
 * stands. */
static const struct cfg_item *options_of(const struct judge *j, const char *site, size_t *ret_item)
{
    if (j->order != NULL) {
        size_t place = judge_place(j, CFG_OPTIONS, site);
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
                                               FIELD_OPTIONS_REPLICA_PATIENCE,
                                               FIELD_OPTIONS_DNS_TTL_MIN,
                                               FIELD_OPTIONS_DNS_TTL_MAX,
                                               FIELD_OPTIONS_REGISTRATION_EXPIRES_MIN,
                                               FIELD_OPTIONS_REGISTRATION_EXPIRES_MAX,
                                               FIELD_OPTIONS_RETRY_AFTER_MIN,
                                               FIELD_OPTIONS_RETRY_AFTER_MAX,
                                               FIELD_OPTIONS_SESSION_EXPIRES,
                                               FIELD_OPTIONS_MIN_SE,
                                               FIELD_OPTIONS_CONNECTION_IDLE,
                                               FIELD_OPTIONS_FLOW_TIMER};

    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
        if (cfg_item_value(item, fields[f])->set)
            return true;
    return false;
}

/* check_patience - a phone that waits for a held answer must not repeat its request (H-14).  Not
 * set, the patience follows sip-t1. */
static void check_patience(struct judge *j, size_t item, const char *site, uint64_t t1)
{
    size_t says = SIZE_MAX;
    uint64_t patience = effective(j, site, FIELD_OPTIONS_REPLICA_PATIENCE, &says);

    if (says != SIZE_MAX && patience >= t1)
        problem(j, item, FIELD_OPTIONS_REPLICA_PATIENCE,
                "%llums is not below sip-t1, %llums: phones would repeat what waits for the backup",
                (unsigned long long)patience, (unsigned long long)t1);
}

/* check_idle - a connection must not be closed while its phone is as silent as we let it be. */
static void check_idle(struct judge *j, size_t item, const char *site, uint64_t expires)
{
    size_t ignored = 0;
    uint64_t idle = effective(j, site, FIELD_OPTIONS_CONNECTION_IDLE, &ignored);
    uint64_t flow = effective(j, site, FIELD_OPTIONS_FLOW_TIMER, &ignored);

    if (idle < 1000 * expires)
        problem(
            j, item, FIELD_OPTIONS_CONNECTION_IDLE,
            "%llums is below registration-expires-max, %llus: a phone would lose its connection "
            "before it registers again; write at least %llus",
            (unsigned long long)idle, (unsigned long long)expires, (unsigned long long)expires);
    else if (idle <= 1000 * flow)
        problem(
            j, item, FIELD_OPTIONS_CONNECTION_IDLE,
            "%llums is not above flow-timer, %llus: a phone would lose its connection before it "
            "shows life; write more than %llus",
            (unsigned long long)idle, (unsigned long long)flow, (unsigned long long)flow);
}

static void check_site_timeouts(struct judge *j, size_t item, const char *site)
{
    static const enum cfg_field_id watch[2] = {FIELD_OPTIONS_OOS_FORCE,
                                               FIELD_OPTIONS_RECOVERY_TIMEOUT};
    struct timeouts t;
    size_t ignored = 0;

    timeouts_of(j, site, &t, &ignored);
    check_watch(j, item, watch, &t, "");
    check_patience(j, item, site, t.t1);
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
    check_idle(j, item, site, most);
    uint64_t soonest = effective(j, site, FIELD_OPTIONS_RETRY_AFTER_MIN, &ignored);
    uint64_t latest = effective(j, site, FIELD_OPTIONS_RETRY_AFTER_MAX, &ignored);
    if (soonest > latest)
        problem(j, item, FIELD_OPTIONS_RETRY_AFTER_MIN,
                "%llus is above retry-after-max, %llus; write at most that",
                (unsigned long long)soonest, (unsigned long long)latest);
    uint64_t session = effective(j, site, FIELD_OPTIONS_SESSION_EXPIRES, &ignored);
    uint64_t shortest = effective(j, site, FIELD_OPTIONS_MIN_SE, &ignored);
    if (session < shortest)
        problem(
            j, item, FIELD_OPTIONS_SESSION_EXPIRES,
            "%llus is below min-se, %llus: we would ask for what we refuse; write at least that",
            (unsigned long long)session, (unsigned long long)shortest);
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
        if (cfg_item_id(options)[0] != '\0' &&
            judge_exists_at(&j->set->items[i], cfg_item_id(options))) {
            anywhere = true;
            check_dn_timeouts(j, i, cfg_item_id(options));
        }
    }
    if (!anywhere)
        check_dn_timeouts(j, i, "");
}

void judge_timeouts(struct judge *j)
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
