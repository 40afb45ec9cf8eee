/* conf - what a hamgr core is told at its start: the deployment, who it is, and its timeouts.
 *
 * The timeouts are listed once, in conf.tbl.h, with default and range.  The same deployment list
 * must be given to every host.
 */
#ifndef HAMGR_CONF_H
#define HAMGR_CONF_H

#include <stddef.h>

#include "hamgr/core/types.h"

enum ham_last_resort {
    LAST_RESORT_STOP,  /* without a majority nobody serves */
    LAST_RESORT_PROBE, /* the named host serves when the probes say that nobody else does */
};

struct ham_conf {
    uint8_t hosts;                    /* how many, arbiter included */
    uint8_t site_of[HAM_HOSTS_MAX];   /* site of each host; the arbiter: HAM_NONE */
    uint8_t self;                     /* which of them we are */
    uint8_t arbiter;                  /* host, or HAM_NONE */
    uint8_t witness[HAM_SITES_MAX];   /* third voice of each site's role: arbiter or a host of the
                                         other site; HAM_NONE: none */
    uint8_t preferred[HAM_SITES_MAX]; /* host that is to ask first */
    uint8_t ticket_site;              /* site that writes first after the foundation */
    bool auto_promote;                /* take the ticket of a dead site without an operator */
    uint8_t components;               /* supervised on this host: 0 .. this - 1 */
    uint8_t sync_mask;                /* those that must be able to serve for "ready" */
    uint8_t serve_mask; /* the one that must serve and has a replica: its end moves the
                           role at once if the other host is ready */
    enum ham_last_resort last_resort;   /* of our own site */
    uint8_t resort_host[HAM_SITES_MAX]; /* the one that may serve by it */
#define OPTION(field, name, unit, dflt, least, most, meaning) uint32_t field;
#include "hamgr/core/conf.tbl.h"
};

struct ham_option {
    const char *name, *unit, *meaning;
    uint32_t dflt, least, most;
    size_t offset; /* of the uint32_t in struct ham_conf */
};

/* ham_options - the table of conf.tbl.h; *RET_N is its length. */
const struct ham_option *ham_options(size_t *ret_n);

/* ham_conf_defaults - every timeout at its default; the deployment part is left alone. */
void ham_conf_defaults(struct ham_conf *c);

/* What is wrong, and which options it is about: OPTIONS[0], the one to change, and OPTIONS[1], one
 * that could be changed instead; NULL: none. */
struct ham_conf_fault {
    const char *options[2];
    char text[320];
};

/* ham_conf_check - refuse a deployment or timeouts that could not be safe or could not work.
 *
 * Returns: true; or false with one sentence in *RET_FAULT that shows the arithmetic and the mend.
 */
bool ham_conf_check(const struct ham_conf *c, struct ham_conf_fault *ret_fault);

/* ham_conf_check_watchdog - may a watchdog end a hamgr that has not finished a turn for
 * WATCHDOG_MS? Not sooner than hamgr itself calls a pause a freeze. */
bool ham_conf_check_watchdog(const struct ham_conf *c, uint64_t watchdog_ms,
                             struct ham_conf_fault *ret_fault);

/* ham_voters - bit mask of the hosts that vote on RIGHT; *RET_MAJORITY how many must grant. */
uint32_t ham_voters(const struct ham_conf *c, enum ham_right right, uint8_t *ret_majority);

/* ham_peer - the other host of HOST's site, or HAM_NONE. */
uint8_t ham_peer(const struct ham_conf *c, uint8_t host);

#endif
