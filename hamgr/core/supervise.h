/* supervise - one component of this host: is it started, ready, beating, wedged, crashed, hopeless?
 *
 * A beat counts only because the component sends it after a whole turn through its work path, so a
 * component that answers but does no work is seen (H-11).  Failures are restarted with a growing
 * pause; too many within the interval are a crash loop, left alone for a while, and the role moves
 * (H-2).
 *
 *   in:  READY, BEAT, EXITED, time      out: START, KILL, and a health that ham asks for
 */
#ifndef HAMGR_SUPERVISE_H
#define HAMGR_SUPERVISE_H

#include "hamgr/core/conf.h"
#include "hamgr/core/out.h"

enum supervise_state {
#define STATE(name, meaning) SUPERVISE_##name,
#include "hamgr/core/supervise.tbl.h"
    SUPERVISE_STATES
};

enum supervise_event {
#define EVENT(name, meaning) SUPERVISE_EV_##name,
#include "hamgr/core/supervise.tbl.h"
    SUPERVISE_EVENTS
};

#define SUPERVISE_FAILURES_MAX 8

struct supervise {
    uint8_t component;
    uint32_t start_ms, beat_ms, patience_ms, restart_ms, restart_most_ms, limit, limit_ms;
    bool hold;     /* told by ham: the role is being handed over; what has ended stays so */
    uint8_t state; /* enum supervise_state */
    mono_t away;   /* when it was last ready (or first wanted): patience counts from here */
    mono_t wake;
    uint32_t pause_ms;                       /* before the next restart */
    mono_t failures[SUPERVISE_FAILURES_MAX]; /* ring of the last ends, MONO_ZERO none */
    uint8_t failure_next;
};

void supervise_init(struct supervise *s, const struct ham_conf *c, uint8_t component, mono_t now);
void supervise_ready(struct supervise *s, mono_t now, struct ham_out *out);
void supervise_beat(struct supervise *s, mono_t now, struct ham_out *out);
void supervise_exited(struct supervise *s, mono_t now, struct ham_out *out);

/* supervise_jumped - we did not run for a while.  Call before supervise_wake. */
void supervise_jumped(struct supervise *s, mono_t now, struct ham_out *out);
void supervise_wake(struct supervise *s, mono_t now, struct ham_out *out);
mono_t supervise_deadline(const struct supervise *s);
bool supervise_sane(const struct supervise *s);

/* supervise_health - how this component makes the host look at NOW. */
enum ham_health supervise_health(const struct supervise *s, mono_t now);

#endif
