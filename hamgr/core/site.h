/* site - what this host believes about the other site, and on which evidence.
 *
 *   up      we, or the other host of our site, hear it
 *   cut     we do not, but the arbiter does: the link is cut
 *   dead    neither we nor the arbiter (whom we hear, and whose report is fresh) heard any of its
 *           hosts for site-dead-after
 *   silent  we do not hear it, and cannot tell
 *
 * Evidence has an age and expires.  The verdict may deny or hasten a promotion; it never makes one
 * safe - the ticket's lease does.  (NF-6, SF-6, C-5)
 */
#ifndef HAMGR_SITE_H
#define HAMGR_SITE_H

#include "hamgr/core/conf.h"
#include "hamgr/core/out.h"

enum site_state {
#define STATE(name, meaning) SITE_##name,
#include "hamgr/core/site.tbl.h"
    SITE_STATES
};

enum site_event {
#define EVENT(name, meaning) SITE_EV_##name,
#include "hamgr/core/site.tbl.h"
    SITE_EVENTS
};

struct site {
    uint8_t site; /* the one judged */
    uint32_t silent_ms, dead_ms;
    uint8_t state;         /* enum site_state */
    mono_t since;          /* of the state */
    mono_t started;        /* we began to listen */
    mono_t heard;          /* by us, or by our pair's other host; MONO_ZERO never */
    mono_t arbiter_report; /* the arbiter's last report arrived; MONO_ZERO never */
    mono_t arbiter_heard;  /* when the arbiter last heard the site, as told; MONO_ZERO never */
};

void site_init(struct site *s, const struct ham_conf *c, uint8_t site, mono_t now);

/* site_heard - a host of the site was heard AGE_MS ago, by us or by our pair's other host. */
void site_heard(struct site *s, mono_t now, uint32_t age_ms, struct ham_out *out);

/* site_reported - the arbiter reports that it heard the site AGE_MS ago (HAM_AGE_NEVER: never). */
void site_reported(struct site *s, mono_t now, uint32_t age_ms, struct ham_out *out);

void site_wake(struct site *s, mono_t now, struct ham_out *out);
mono_t site_deadline(const struct site *s);
bool site_sane(const struct site *s);

#endif
