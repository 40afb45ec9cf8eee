/* client - one agent's desktop without a screen: logs in, stays with its site through restarts and
 * switchovers, and moves to the other site with its last state when the site is lost (SF-5).
 * client.tbl.h is the whole behaviour.
 *
 *   loss of the connection, or no beat for silent-after --> connect to the same site again and
 * again
 *        ... answered (a session unknown there: log in there again)      --> nothing moved
 *        ... not answered for site-loss-after                             --> log in at the next
 * site
 *
 * Pure: time comes in, requests go out; one client per agent. */
#ifndef DESKTOP_CORE_CLIENT_H
#define DESKTOP_CORE_CLIENT_H

#include "common/mono.h"
#include "common/prng.h"

#include <stdbool.h>
#include <stdint.h>

#define CLIENT_SITES_MAX 4
#define CLIENT_TEXT_SIZE 160
#define CLIENT_OUT_MAX   4

enum client_state {
#define STATE(name, meaning) CLIENT_##name,
#include "desktop/core/client.tbl.h"
};

enum client_event_kind {
#define EVENT(name, meaning) CLIENT_EV_##name,
#include "desktop/core/client.tbl.h"
};

struct client_conf {
    uint32_t site_count;
    uint32_t silent_after_ms;    /* without a beat for so long: not heard */
    uint32_t site_loss_after_ms; /* not reached for so long: lost */
    uint32_t out_after_ms;       /* answers, but "later" for so long: lost as well */
    uint32_t attempt_ms;         /* one try to connect or to log in */
    uint32_t retry_ms;           /* between two tries that did not reach the site */
    uint32_t later_min_ms;       /* after "later": between these, doubling, with jitter */
    uint32_t later_max_ms;
    uint32_t spread_ms; /* a move is delayed by up to this, so that not all agents arrive at once */
};

enum client_action_kind {
    CLIENT_ACT_LOGIN,  /* at SITE */
    CLIENT_ACT_OPEN,   /* the event stream at SITE, with the token of the last login */
    CLIENT_ACT_CLOSE,  /* every transfer that is under way */
    CLIENT_ACT_LOGOUT, /* at SITE */
    CLIENT_ACT_DONE,   /* nothing follows any more */
    CLIENT_NOTE,       /* FROM, TO, WHY */
};

struct client_action {
    enum client_action_kind kind;
    uint32_t site;
    enum client_state from, to;
    const char *why;
};

struct client_out {
    struct client_action actions[CLIENT_OUT_MAX];
    uint32_t count;
};

struct client {
    struct client_conf conf;
    struct prng prng;
    enum client_state state;
    uint32_t site;
    bool again;         /* the last ENDED said so */
    bool refused;       /* stopped because a login was refused for good */
    mono_t due;         /* DUE of the state */
    mono_t lost_since;  /* since when the site has not been reached; NEVER: it is */
    mono_t later_since; /* since when it says "later"; NEVER: it does not */
    uint32_t laters;
    uint32_t moves;
};

/* client_init - starts with a login at site 0, at NOW. */
void client_init(struct client *client, const struct client_conf *conf, uint64_t seed, mono_t now);

/* client_step - apply time, then EVENT (DUE: only time).  AGAIN belongs to ENDED. */
void client_step(struct client *client, mono_t now, enum client_event_kind event, bool again,
                 struct client_out *ret_out);
mono_t client_deadline(const struct client *client);
bool client_sane(const struct client *client);

const char *client_state_name(enum client_state state);

#endif
