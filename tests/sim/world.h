/* world - what the files of the simulator share: sim.c (the world and its events), faults.c and
 * check.c.  For nobody else. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "tests/sim/sim.h"

enum kind {
    EV_TIMER,
    EV_MESSAGE,
    EV_PERSIST,
    EV_ADDRESS,
    EV_REPORT,
    EV_ORDER,
    EV_STARTED,
    EV_BEAT,
    EV_GONE,
    EV_TURN
};

struct sim_event {
    uint8_t kind, host, component;
    uint32_t life; /* of hamgr (most kinds) or of the component (STARTED, BEAT, GONE, ORDER) */
    union {
        struct ham_ev ev;
        struct ham_order order;
        struct {
            struct vote_record record;
            uint32_t id;
            uint8_t right;
        } persist;
    };
};

/* sim_own_clock - the host's clock at the true moment AT; sim_true_time - the first true moment at
 * which it has reached OWN. */
mono_t sim_own_clock(const struct sim_host *h, int64_t at);
int64_t sim_true_time(const struct sim_host *h, mono_t own);

bool sim_down(const struct sim_host *h); /* no hamgr runs */
void sim_boot(struct sim *s, int host);

/* sim_post - an event of HOST at AT, to be filled in; sim_push - the event in SLOT, again, at AT.
 */
struct sim_event *sim_post(struct sim *s, int64_t at, enum kind kind, int host);
struct sim_event *sim_post_component(struct sim *s, int64_t at, enum kind kind, int host,
                                     int component);
void sim_push(struct sim *s, int64_t at, uint32_t slot);

void sim_step(struct sim *s, int host, const struct ham_ev *ev);
void sim_obey(struct sim *s, int host, int component, const struct ham_order *o);
void sim_note(struct sim *s, int host, const char *what, const char *from, const char *to,
              uint64_t epoch, const char *why);

/* sim_report - COMPONENT of HOST says R to its hamgr. */
void sim_report(struct sim *s, int host, int component, enum ham_report r, uint64_t epoch);

/* pair.c: component 0 of two hosts of a site.  pair_turn - it works for a moment; pair_role - its
 * order has changed from PRIMARY to not, or the other way. */
void pair_turn(struct sim *s, int host);
void pair_taken(struct sim *s, int host); /* its hamgr has taken the role */
void pair_role(struct sim *s, int host, bool primary);

/* sim_check - the invariants, after each event; sim_violate - one does not hold: the first is kept.
 */
void sim_check(struct sim *s);
void sim_violate(struct sim *s, const char *what, int a, int b, uint64_t epoch);

#endif
