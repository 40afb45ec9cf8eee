/* The real-time class of hamgr: who has it, who has not, and what ends a wedged one. */
#include "hamgr/adapt/realtime.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_PERMITTED 77 /* status of a child that may not, on this machine */

/* The status of a process that runs FN. */
static int in_process(int (*fn)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(fn());
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED)
        cr_skip_test("this user has no real-time priority");
    return status;
}

static void *policy_of_thread(void *arg)
{
    *(int *)arg = sched_getscheduler(0);
    return NULL;
}

static int inherits(void)
{
    struct rlimit limit;
    pthread_t thread;
    int policy = -1, status;
    pid_t pid;

    if (realtime_set(1) == -EPERM)
        return NOT_PERMITTED;
    if (sched_getscheduler(0) != (SCHED_RR | SCHED_RESET_ON_FORK))
        return 1;
    if (pthread_create(&thread, NULL, policy_of_thread, &policy) != 0 ||
        pthread_join(thread, NULL) != 0 || policy != SCHED_OTHER)
        return 2;
    pid = fork();
    if (pid == 0)
        _exit(sched_getscheduler(0) == SCHED_OTHER ? 0 : 1);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        return 3;
    if (getrlimit(RLIMIT_RTTIME, &limit) < 0 || limit.rlim_cur != REALTIME_TURN_MS * 1000)
        return 4;
    realtime_end();
    return (sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_OTHER ? 0 : 5;
}

Test(realtime, it_is_set_and_neither_threads_nor_processes_inherit_it)
{
    cr_assert_eq(in_process(inherits), 0);
}

/* A limit that is lower already stays, so this takes 0.1 s. */
static int turns_for_ever(void)
{
    const struct rlimit low = {.rlim_cur = 100000, .rlim_max = 1000000}, no_core = {0, 0};

    if (setrlimit(RLIMIT_RTTIME, &low) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
        return 1;
    if (realtime_set(1) == -EPERM)
        return NOT_PERMITTED;
    for (;;)
        __asm__ volatile("");
}

Test(realtime, a_loop_that_waits_for_nothing_is_ended, .timeout = 20)
{
    int status = in_process(turns_for_ever);

    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU, "status %x", (unsigned)status);
}

static int none_asked_for(void)
{
    return realtime_set(0) == 0 && sched_getscheduler(0) == SCHED_OTHER ? 0 : 1;
}

/* Without the right to it, as a unit without LimitRTPRIO. */
static int not_permitted(void)
{
    const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_RTPRIO, &none) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
        return geteuid() == 0 ? 1 : realtime_set(1) == -EPERM ? 0 : 2;
    return realtime_set(1) == -EPERM && sched_getscheduler(0) == SCHED_OTHER ? 0 : 3;
}

Test(realtime, priority_0_and_a_user_who_may_not_change_nothing)
{
    char text[320];

    cr_assert_eq(in_process(none_asked_for), 0);
    cr_assert_eq(in_process(not_permitted), 0);
    realtime_refused(1, -EPERM, text, sizeof(text));
    cr_assert_not_null(strstr(text, "LimitRTPRIO=1"), "%s", text);
}
