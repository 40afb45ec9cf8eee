#include "hamgr/core/conf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool refuse(struct ham_conf_fault *fault, const char *option, const char *other,
                   const char *form, ...) __attribute__((format(printf, 4, 5)));
static bool check_deployment(const struct ham_conf *c, struct ham_conf_fault *fault);
static bool check_ranges(const struct ham_conf *c, struct ham_conf_fault *fault);
static bool check_lease(const struct ham_conf *c, const char *what, const char *renewal,
                        uint32_t ttl, uint32_t renew, struct ham_conf_fault *fault);

static const struct ham_option options[] = {
#define OPTION(field, name, unit, dflt, least, most, meaning)                                      \
    {name, unit, meaning, dflt, least, most, offsetof(struct ham_conf, field)},
#include "hamgr/core/conf.tbl.h"
};

const struct ham_option *ham_options(size_t *ret_n)
{
    *ret_n = sizeof options / sizeof options[0];
    return options;
}

void ham_conf_defaults(struct ham_conf *c)
{
#define OPTION(field, name, unit, dflt, least, most, meaning) c->field = dflt;
#include "hamgr/core/conf.tbl.h"
}

bool ham_conf_check(const struct ham_conf *c, struct ham_conf_fault *fault)
{
    if (!check_deployment(c, fault) || !check_ranges(c, fault) ||
        !check_lease(c, "lease-ttl", "renew-interval", c->lease_ttl_ms, c->renew_ms, fault) ||
        !check_lease(c, "ticket-ttl", "ticket-renew", c->ticket_ttl_ms, c->ticket_renew_ms, fault))
        return false;
    if (c->silent_after_ms < 3 * c->beat_ms)
        return refuse(fault, "silent-after", "beat-interval",
                      "silent-after %u ms is less than 3 beat-intervals of %u ms, so two lost "
                      "beats would silence a host; raise silent-after to %u ms",
                      c->silent_after_ms, c->beat_ms, 3 * c->beat_ms);
    if (c->dead_after_ms < c->silent_after_ms + 2 * c->beat_ms)
        return refuse(fault, "site-dead-after", "silent-after",
                      "site-dead-after %u ms must exceed silent-after %u ms by 2 beat-intervals of "
                      "%u ms, for the arbiter's report to arrive; raise site-dead-after to %u ms",
                      c->dead_after_ms, c->silent_after_ms, c->beat_ms,
                      c->silent_after_ms + 2 * c->beat_ms);
    if (c->tilt_after_ms < 2 * c->beat_ms)
        return refuse(fault, "tilt-after", "beat-interval",
                      "tilt-after %u ms is less than 2 beat-intervals of %u ms, the time between "
                      "two steps of an idle hamgr; raise tilt-after to %u ms",
                      c->tilt_after_ms, c->beat_ms, 2 * c->beat_ms);
    if (c->restart_most_ms < c->restart_ms)
        return refuse(fault, "restart-delay-most", "restart-delay",
                      "restart-delay-most %u ms is less than restart-delay %u ms; raise "
                      "restart-delay-most to at least that",
                      c->restart_most_ms, c->restart_ms);
    return true;
}

bool ham_conf_check_watchdog(const struct ham_conf *c, uint64_t watchdog_ms,
                             struct ham_conf_fault *fault)
{
    uint32_t least = c->beat_ms + c->tilt_after_ms;

    if (watchdog_ms >= least)
        return true;
    return refuse(
        fault, NULL, NULL,
        "the watchdog of %llu ms would end a hamgr that is only late: an idle one makes a "
        "turn every beat-interval of %u ms, and a turn may be late by tilt-after %u ms; "
        "raise WatchdogSec of its unit to %u ms",
        (unsigned long long)watchdog_ms, c->beat_ms, c->tilt_after_ms, least);
}

/* Losing the lease over two renewals lost in a row would make every short disturbance a failover.
 */
static bool check_lease(const struct ham_conf *c, const char *what, const char *renewal,
                        uint32_t ttl, uint32_t renew, struct ham_conf_fault *fault)
{
    uint32_t drift = (uint32_t)((uint64_t)ttl * c->drift_ppm / 1000000) + 1;
    uint32_t taken = drift + c->margin_ms;
    if (taken < ttl && ttl - taken >= 3 * renew)
        return true;
    return refuse(
        fault, what, renewal,
        "%s %u ms less drift-margin %u ms less drift %u ms (%u drift-ppm) leaves %d ms to "
        "its holder, less than 3 times %s of %u ms; raise %s to %u ms or lower %s",
        what, ttl, c->margin_ms, drift, c->drift_ppm, (int)ttl - (int)taken, renewal, renew, what,
        3 * renew + taken + 1, renewal);
}

static bool check_ranges(const struct ham_conf *c, struct ham_conf_fault *fault)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const struct ham_option *o = &options[i];
        uint32_t value;
        memcpy(&value, (const char *)c + o->offset, sizeof value);
        if (value < o->least || value > o->most)
            return refuse(fault, o->name, NULL,
                          "%s %u %s is outside %u to %u (default %u); write one of them", o->name,
                          value, o->unit, o->least, o->most, o->dflt);
    }
    return true;
}

static bool check_deployment(const struct ham_conf *c, struct ham_conf_fault *fault)
{
    if (c->hosts == 0 || c->hosts > HAM_HOSTS_MAX || c->self >= c->hosts)
        return refuse(fault, NULL, NULL,
                      "%u hosts are configured and this is number %u; 1 to %d can be", c->hosts,
                      c->self, HAM_HOSTS_MAX);
    if (c->components > HAM_COMPONENTS_MAX)
        return refuse(fault, NULL, NULL, "%u components; at most %d can be supervised",
                      c->components, HAM_COMPONENTS_MAX);
    uint8_t in_site[HAM_SITES_MAX] = {0};
    for (uint8_t i = 0; i < c->hosts; i++) {
        if (i == c->arbiter ? c->site_of[i] != HAM_NONE : c->site_of[i] >= HAM_SITES_MAX)
            return refuse(fault, NULL, NULL, "host %u belongs to no site (or the arbiter to one)",
                          i);
        if (i != c->arbiter)
            in_site[c->site_of[i]]++;
    }
    for (uint8_t s = 0; s < HAM_SITES_MAX; s++) {
        if (in_site[s] > 2)
            return refuse(fault, NULL, NULL, "site %u has %u hosts; a pair has two", s, in_site[s]);
        if (c->witness[s] != HAM_NONE &&
            (c->witness[s] >= c->hosts || c->site_of[c->witness[s]] == s))
            return refuse(fault, NULL, NULL, "the witness of site %u must be outside the site", s);
    }
    return true;
}

static bool refuse(struct ham_conf_fault *fault, const char *option, const char *other,
                   const char *form, ...)
{
    va_list args;
    fault->options[0] = option;
    fault->options[1] = other;
    va_start(args, form);
    (void)vsnprintf(fault->text, sizeof fault->text, form, args);
    va_end(args);
    return false;
}

uint32_t ham_voters(const struct ham_conf *c, enum ham_right right, uint8_t *ret_majority)
{
    uint32_t mask = 0;
    for (uint8_t i = 0; i < c->hosts; i++)
        if (right == RIGHT_TICKET || c->site_of[i] == right || c->witness[right] == i)
            mask |= 1u << i;
    *ret_majority = (uint8_t)(__builtin_popcount(mask) / 2 + 1);
    return mask;
}

uint8_t ham_peer(const struct ham_conf *c, uint8_t host)
{
    for (uint8_t i = 0; i < c->hosts; i++)
        if (i != host && c->site_of[i] == c->site_of[host])
            return i;
    return HAM_NONE;
}
