/* upgrade - may the hosts be upgraded one after the other now, and in which order?
 *
 * A pure judgement of what the beats tell, for `hamgr upgrade-check`.  Each pair must be whole and
 * ready, every voter heard, and the wire versions of all processes adjacent: one host at a time is
 * then away, and nothing is lost with it.
 *
 * Source: docs/operations.md, "Upgrade".
 */
#ifndef HAMGR_UPGRADE_H
#define HAMGR_UPGRADE_H

#include "hamgr/core/types.h"

#define UPGRADE_PROCESSES 5 /* hamgr, then the components */

enum upgrade_reason {
#define REASON(name, text, mend) UPGRADE_##name,
#include "hamgr/core/upgrade.tbl.h"
    UPGRADE_REASONS
};

struct upgrade_host {
    uint8_t site; /* HAM_NONE: the arbiter */
    bool alive, primary, writer, ready, well, paused;
    uint32_t wire[UPGRADE_PROCESSES]; /* of each process; 0: it says none.  The arbiter: hamgr's */
};

struct upgrade_finding {
    uint8_t host;
    uint8_t reason; /* enum upgrade_reason */
};

struct upgrade_step {
    uint8_t host;
    bool switchover; /* to HOST; else: upgrade HOST */
};

struct upgrade_verdict {
    unsigned findings, steps;
    uint32_t oldest, newest; /* wire versions that are in use */
    struct upgrade_finding finding[HAM_HOSTS_MAX * UPGRADE_REASONS];
    struct upgrade_step step[HAM_HOSTS_MAX * 2];
};

/* upgrade_judge - no finding: it may be done now, in the order of the steps.  With hosts of two
 * versions it is under way, and the steps are what is left. */
void upgrade_judge(const struct upgrade_host *hosts, uint8_t n, struct upgrade_verdict *ret);

const char *upgrade_text(enum upgrade_reason reason); /* what is wrong, after the host's name */
const char *upgrade_mend(enum upgrade_reason reason); /* what to do */

#endif
