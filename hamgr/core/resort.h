/* resort - last-resort: probe.  The named host of a site that hears neither its pair's other host
 * nor the witness serves all the same, when the reference addresses answer, the site address does
 * not (ARP and SIP), and the old lease has run out twice over.  Nothing but the probes stands
 * behind it, so it is outside I1: alarmed while in use, and never a reason to write configuration.
 *
 *   in:  what ham sees in each step, the result of the probes, time      out: PROBE
 *
 * While it serves, its own vote alone carries the lease; every renewal asks the other voters too,
 * and the first majority ends it, as does a rival.
 *
 * Source: docs/failover.md, "Last resort".
 */
#ifndef HAMGR_RESORT_H
#define HAMGR_RESORT_H

#include "hamgr/core/conf.h"
#include "hamgr/core/out.h"

enum resort_state {
#define STATE(name, meaning) RESORT_##name,
#include "hamgr/core/resort.tbl.h"
    RESORT_STATES
};

enum resort_event {
#define EVENT(name, meaning) RESORT_EV_##name,
#include "hamgr/core/resort.tbl.h"
    RESORT_EVENTS
};

struct resort {
    uint8_t site, state;
    bool named; /* last-resort: probe, and this is the host */
    uint32_t twice_ms, probe_ms;
    mono_t wake; /* MONO_NEVER: nothing is timed */
};

/* What ham sees; MAY: this host may take the role now, as far as it concerns itself. */
struct resort_sight {
    bool heard, has_role, majority, rival, may;
};

void resort_init(struct resort *r, const struct ham_conf *c);

/* resort_look - after each step. */
void resort_look(struct resort *r, mono_t now, const struct resort_sight *sight,
                 struct ham_out *out);

/* resort_probed - REFERENCES: one of them answered; SITE: the site address did. */
void resort_probed(struct resort *r, mono_t now, bool references, bool site, struct ham_out *out);

/* resort_serves - the own vote is enough. */
bool resort_serves(const struct resort *r);

mono_t resort_deadline(const struct resort *r);
bool resort_sane(const struct resort *r);

#endif
