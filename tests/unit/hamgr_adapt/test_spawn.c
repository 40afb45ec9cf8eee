/* Children of hamgr: the contract of a supervisor, with real processes. */
#include "hamgr/adapt/spawn.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
    char dir[64];
    struct loop *loop;
    struct spawn *spawn;
    int ready, exited;
    char text[128];
    enum spawn_event until;
};

static void on_event(void *arg, enum process process, enum spawn_event event, const char *text)
{
    struct fixture *f = arg;

    cr_assert_eq(process, PROCESS_SIPSERVER);
    f->ready += event == SPAWN_READY;
    f->exited += event == SPAWN_EXITED;
    if (event == SPAWN_EXITED)
        snprintf(f->text, sizeof(f->text), "%s", text);
    if (event == f->until)
        loop_exit(f->loop, 7);
}

static void on_late(void *arg, mono_t now)
{
    struct fixture *f = arg;

    (void)now;
    loop_exit(f->loop, 8);
}

/* Runs until the event UNTIL has come; false after 5 s without it. */
static bool run(struct fixture *f, enum spawn_event until)
{
    struct loop_timer *timer;
    int r;

    f->until = until;
    cr_assert_eq(loop_timer_new(f->loop, LOOP_SIP, on_late, f, &timer), 0);
    loop_timer_set(timer, mono_add_ms(loop_now_exact(), 5000));
    r = loop_run(f->loop);
    loop_timer_destroy(&timer);
    return r == 7;
}

static void open_fixture(struct fixture *f, const char *what, uint32_t grace_ms)
{
    struct spawn_conf conf = {.config = "/nowhere", .self = "east.1", .stop_grace_ms = grace_ms};
    char path[128];

    *f = (struct fixture){.dir = "/tmp/spawn-XXXXXX"};
    cr_assert_not_null(mkdtemp(f->dir));
    snprintf(path, sizeof(path), "%s/sipserver", f->dir);
    cr_assert_eq(symlink(SPAWN_CHILD, path), 0);
    setenv("SPAWN_CHILD", what, 1);
    setenv("WATCHDOG_USEC", "2000000", 1); /* ours; no child's */
    conf.bin_dir = conf.run_dir = f->dir;
    cr_assert_eq(loop_new(&f->loop), 0);
    cr_assert_eq(spawn_new(f->loop, &conf, on_event, f, &f->spawn), 0);
}

static void close_fixture(struct fixture *f)
{
    char path[128];

    spawn_destroy(&f->spawn);
    loop_destroy(&f->loop);
    snprintf(path, sizeof(path), "%s/sipserver", f->dir);
    unlink(path);
    cr_assert_eq(rmdir(f->dir), 0, "the notify socket was left behind");
}

Test(spawn, a_child_says_ready_and_stops_when_asked)
{
    struct fixture f;

    open_fixture(&f, "obeys", 5000);
    cr_assert_eq(spawn_start(f.spawn, PROCESS_SIPSERVER), 0);
    cr_assert_eq(spawn_start(f.spawn, PROCESS_SIPSERVER), -EALREADY);
    cr_assert(run(&f, SPAWN_READY));
    cr_assert_eq(f.ready, 1);
    spawn_stop(f.spawn, PROCESS_SIPSERVER);
    cr_assert(run(&f, SPAWN_EXITED));
    cr_assert_not_null(strstr(f.text, "signal 15"), "%s", f.text);
    cr_assert_not(spawn_running(f.spawn, PROCESS_SIPSERVER));
    close_fixture(&f);
}

Test(spawn, a_child_that_ignores_sigterm_is_killed_after_the_grace)
{
    struct fixture f;
    mono_t begin;

    open_fixture(&f, "deaf", 300);
    cr_assert_eq(spawn_start(f.spawn, PROCESS_SIPSERVER), 0);
    cr_assert(run(&f, SPAWN_READY));
    begin = loop_now_exact();
    spawn_stop(f.spawn, PROCESS_SIPSERVER);
    cr_assert(run(&f, SPAWN_EXITED));
    cr_assert_geq(mono_diff_ms(loop_now_exact(), begin), 250);
    cr_assert_not_null(strstr(f.text, "signal 9"), "%s", f.text);
    close_fixture(&f);
}

Test(spawn, the_end_of_a_child_is_reported_with_its_status_and_it_can_start_again)
{
    struct fixture f;

    open_fixture(&f, "exits", 1000);
    for (int i = 1; i <= 2; i++) {
        cr_assert_eq(spawn_start(f.spawn, PROCESS_SIPSERVER), 0);
        cr_assert(run(&f, SPAWN_EXITED));
        cr_assert_eq(f.exited, i);
        cr_assert_not_null(strstr(f.text, "status 3"), "%s", f.text);
    }
    close_fixture(&f);
}

Test(spawn, nothing_is_left_running_when_the_supervisor_goes)
{
    struct fixture f;
    pid_t pid;

    open_fixture(&f, "deaf", 1000);
    cr_assert_eq(spawn_start(f.spawn, PROCESS_SIPSERVER), 0);
    pid = spawn_pid(f.spawn, PROCESS_SIPSERVER);
    close_fixture(&f);
    cr_assert_eq(kill(pid, 0), -1);
}

Test(spawn, a_program_that_is_not_there_is_an_error_value)
{
    struct fixture f;
    char path[128];

    open_fixture(&f, "obeys", 1000);
    snprintf(path, sizeof(path), "%s/sipserver", f.dir);
    unlink(path);
    cr_assert_eq(spawn_start(f.spawn, PROCESS_SIPSERVER), -ENOENT);
    cr_assert_not(spawn_running(f.spawn, PROCESS_SIPSERVER));
    close_fixture(&f);
}
