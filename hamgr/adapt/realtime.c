#include "hamgr/adapt/realtime.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* The limit is on the time since a thread last waited.  A lower limit that is there already stays.
 */
static int limit_turn(void)
{
    const rlim_t most = (rlim_t)REALTIME_TURN_MS * 1000;
    struct rlimit limit;

    if (getrlimit(RLIMIT_RTTIME, &limit) < 0)
        return -errno;
    if (limit.rlim_max > most)
        limit.rlim_max = most;
    if (limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_RTTIME, &limit) < 0 ? -errno : 0;
}

int realtime_set(uint32_t priority)
{
    const struct sched_param param = {.sched_priority = (int)priority};
    int r;

    if (priority == 0)
        return 0;
    r = limit_turn();
    if (r < 0)
        return r;
    return sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param) < 0 ? -errno : 0;
}

void realtime_end(void)
{
    const struct sched_param param = {.sched_priority = 0};

    /* Without CAP_SYS_NICE the flag cannot be taken back. */
    (void)sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &param);
}

void realtime_refused(uint32_t priority, int error, char *text, size_t size)
{
    (void)snprintf(
        text, size,
        "realtime-priority %u: %s: on a host whose cores are taken the lease may be lost; give "
        "hamgr CAP_SYS_NICE or LimitRTPRIO=%u in its unit, or write realtime-priority: 0",
        (unsigned)priority, strerror(-error), (unsigned)priority);
}
