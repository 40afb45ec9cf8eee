/* throttle - how fast logins may be tried.  Checking a password costs about 50 ms of this process
 * on purpose, so the number of checks is bounded (a burst, then a rate), and who gave a wrong
 * password waits, each time twice as long.  A right password ends the wait.  Who: an agent's name
 * at one source address, so that nobody can keep an agent out from somewhere else.
 *
 * Pure: time is an argument, nothing is allocated. */
#ifndef DESKTOP_CORE_THROTTLE_H
#define DESKTOP_CORE_THROTTLE_H

#include "common/mono.h"

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_WHO_SIZE 320

/* Wrong passwords remembered; the oldest makes room. */
#define THROTTLE_FAILED_MAX 256

struct throttle_conf {
    uint32_t burst;       /* logins at once */
    uint32_t per_second;  /* and then */
    uint32_t wait_min_ms; /* after the first wrong password */
    uint32_t wait_max_ms;
};

struct throttle_failed {
    char who[THROTTLE_WHO_SIZE];
    uint32_t times;
    mono_t last;
    mono_t until;
};

struct throttle {
    struct throttle_conf conf;
    int64_t tokens_ns; /* saved-up time; one login costs 1 s / per_second of it */
    mono_t filled;
    struct throttle_failed failed[THROTTLE_FAILED_MAX];
};

enum throttle_verdict {
    THROTTLE_GO,
    THROTTLE_RATE, /* too many logins of all agents just now */
    THROTTLE_WAIT, /* the last password was wrong */
};

void throttle_init(struct throttle *throttle, const struct throttle_conf *conf, mono_t now);

/* throttle_ask - may a login of WHO be tried now?  GO has taken its share of the rate.  Otherwise
 * RET_WAIT_MS says when to ask again. */
enum throttle_verdict throttle_ask(struct throttle *throttle, mono_t now, const char *who,
                                   int64_t *ret_wait_ms);

/* throttle_result - was the password right? */
void throttle_result(struct throttle *throttle, mono_t now, const char *who, bool right);

#endif
