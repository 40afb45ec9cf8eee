#include "desktop/core/throttle.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S INT64_C(1000000000)

static int64_t cost_ns(const struct throttle *t)
{
    return NS_PER_S / t->conf.per_second;
}

void throttle_init(struct throttle *throttle, const struct throttle_conf *conf, mono_t now)
{
    assert(conf->burst > 0 && conf->per_second > 0 && conf->wait_min_ms > 0 &&
           conf->wait_min_ms <= conf->wait_max_ms);
    memset(throttle, 0, sizeof(*throttle));
    throttle->conf = *conf;
    throttle->filled = now;
    throttle->tokens_ns = cost_ns(throttle) * conf->burst;
}

static struct throttle_failed *find(struct throttle *t, const char *who)
{
    for (uint32_t i = 0; i < THROTTLE_FAILED_MAX; i++)
        if (t->failed[i].times > 0 && strcmp(t->failed[i].who, who) == 0)
            return &t->failed[i];
    return NULL;
}

static struct throttle_failed *oldest(struct throttle *t)
{
    struct throttle_failed *best = &t->failed[0];

    for (uint32_t i = 0; i < THROTTLE_FAILED_MAX && best->times > 0; i++)
        if (t->failed[i].times == 0 || mono_before(t->failed[i].last, best->last))
            best = &t->failed[i];
    return best;
}

static void fill(struct throttle *t, mono_t now)
{
    int64_t full = cost_ns(t) * t->conf.burst;

    if (now.ns - t->filled.ns >= full - t->tokens_ns)
        t->tokens_ns = full;
    else if (mono_before(t->filled, now))
        t->tokens_ns += now.ns - t->filled.ns;
    t->filled = now;
}

enum throttle_verdict throttle_ask(struct throttle *throttle, mono_t now, const char *who,
                                   int64_t *ret_wait_ms)
{
    const struct throttle_failed *failed = find(throttle, who);

    if (failed != NULL && !mono_due(failed->until, now)) {
        *ret_wait_ms = mono_diff_ms(failed->until, now) + 1;
        return THROTTLE_WAIT;
    }
    fill(throttle, now);
    if (throttle->tokens_ns < cost_ns(throttle)) {
        *ret_wait_ms = (cost_ns(throttle) - throttle->tokens_ns) / MONO_NS_PER_MS + 1;
        return THROTTLE_RATE;
    }
    throttle->tokens_ns -= cost_ns(throttle);
    return THROTTLE_GO;
}

void throttle_result(struct throttle *throttle, mono_t now, const char *who, bool right)
{
    struct throttle_failed *failed = find(throttle, who);
    int64_t wait_ms = throttle->conf.wait_min_ms;

    if (right) {
        if (failed != NULL)
            failed->times = 0;
        return;
    }
    if (failed == NULL) {
        failed = oldest(throttle);
        failed->times = 0;
        snprintf(failed->who, sizeof(failed->who), "%s", who);
    }
    for (uint32_t i = 0; i < failed->times && wait_ms < throttle->conf.wait_max_ms; i++)
        wait_ms *= 2;
    if (wait_ms > throttle->conf.wait_max_ms)
        wait_ms = throttle->conf.wait_max_ms;
    failed->times++;
    failed->last = now;
    failed->until = mono_add_ms(now, wait_ms);
}
