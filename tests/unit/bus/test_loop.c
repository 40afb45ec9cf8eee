/* The event loop with real timers, pipes, children, signals and ZeroMQ sockets. */
#include "common/loop.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

static struct loop *loop;
static char story[64]; /* what happened, one letter each */

static void note(char c)
{
    size_t n = strlen(story);

    if (n + 1 < sizeof story)
        story[n] = c;
}

static void setup(void)
{
    cr_assert_eq(loop_new(&loop), 0);
    memset(story, 0, sizeof story);
}

static void teardown(void)
{
    loop_destroy(&loop);
    cr_assert_null(loop);
    loop_destroy(&loop);
}

static void note_timer(void *arg, mono_t now)
{
    (void)now;
    note(*(const char *)arg);
}

static void exit_timer(void *arg, mono_t now)
{
    (void)now;
    loop_exit(loop, *(int *)arg);
}

static void run_for(int ms)
{
    struct loop_timer *t;
    int code = 7;

    cr_assert_eq(loop_timer_new(loop, LOOP_STATISTICS, exit_timer, &code, &t), 0);
    loop_timer_set(t, mono_add_ms(loop_now_exact(), ms));
    cr_assert_eq(loop_run(loop), 7);
    loop_timer_destroy(&t);
}

TestSuite(loop, .init = setup, .fini = teardown);

static void check_due(void *arg, mono_t now)
{
    cr_assert(mono_due(*(mono_t *)arg, now));
    cr_assert(mono_due(loop_now(loop), now) && mono_due(now, loop_now_exact()));
    note('t');
}

Test(loop, timer_runs_once_and_not_before_its_moment)
{
    mono_t due = mono_add_ms(loop_now_exact(), 20);
    struct loop_timer *t;

    cr_assert_eq(loop_timer_new(loop, LOOP_SIP, check_due, &due, &t), 0);
    loop_timer_set(t, due);
    run_for(60);
    cr_assert_str_eq(story, "t");
    loop_timer_set(t, MONO_ZERO); /* long past: at once */
    due = MONO_ZERO;
    loop_timer_set(t, MONO_ZERO);
    run_for(10);
    cr_assert_str_eq(story, "tt");
    loop_timer_set(t, mono_add_ms(loop_now_exact(), 1));
    loop_timer_set(t, MONO_NEVER);
    run_for(10);
    cr_assert_str_eq(story, "tt");
    loop_timer_destroy(&t);
}

static void note_turn(void *arg, mono_t now)
{
    (void)now;
    if (story[0] != '\0')
        note(*(const char *)arg);
}

Test(loop, a_turn_runs_by_priority_and_ends_in_order)
{
    struct loop_timer *low, *mid, *high;
    mono_t at = mono_add_ms(loop_now_exact(), 5);

    cr_assert_eq(loop_timer_new(loop, LOOP_STATISTICS, note_timer, "c", &low), 0);
    cr_assert_eq(loop_timer_new(loop, LOOP_SIP, note_timer, "b", &mid), 0);
    cr_assert_eq(loop_timer_new(loop, LOOP_LEASE, note_timer, "a", &high), 0);
    loop_timer_set(low, at);
    loop_timer_set(mid, at);
    loop_timer_set(high, at);
    cr_assert_eq(loop_turn_end(loop, 10, note_turn, "2"), 0);
    cr_assert_eq(loop_turn_end(loop, 5, note_turn, "1"), 0);
    cr_assert_eq(loop_turn_end(loop, 10, note_turn, "3"), 0);
    while (mono_before(loop_now_exact(), mono_add_ms(at, 1)))
        ; /* all three are due when the loop starts */
    run_for(10);
    story[6] = '\0'; /* the turn of run_for's own timer follows */
    cr_assert_str_eq(story, "abc123");
    loop_timer_destroy(&low);
    loop_timer_destroy(&mid);
    loop_timer_destroy(&high);
}

static struct loop_timer *self_destroyed;

static void destroy_self(void *arg, mono_t now)
{
    (void)arg;
    (void)now;
    note('d');
    loop_timer_destroy(&self_destroyed);
}

Test(loop, a_handle_may_be_destroyed_by_its_handler)
{
    cr_assert_eq(loop_timer_new(loop, LOOP_SIP, destroy_self, NULL, &self_destroyed), 0);
    loop_timer_set(self_destroyed, MONO_ZERO);
    run_for(10);
    cr_assert_str_eq(story, "d");
    cr_assert_null(self_destroyed);
}

static void on_child(void *arg, pid_t pid, int status)
{
    cr_assert_eq(pid, *(pid_t *)arg);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 3)
        note('e');
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        note('k');
}

Test(loop, children_are_waited_for_and_reaped)
{
    struct loop_child *a, *b;
    pid_t pids[2];

    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            if (i == 0)
                _exit(3);
            pause();
            _exit(0);
        }
    }
    cr_assert_eq(loop_child_new(loop, pids[0], on_child, &pids[0], &a), 0);
    cr_assert_eq(loop_child_new(loop, pids[1], on_child, &pids[1], &b), 0);
    run_for(50);
    cr_assert_str_eq(story, "e");
    kill(pids[1], SIGKILL);
    run_for(50);
    cr_assert_str_eq(story, "ek");
    cr_assert_eq(waitpid(pids[1], NULL, WNOHANG), -1, "already reaped");
    loop_child_destroy(&a);
    loop_child_destroy(&b);
}

static void on_lost_child(void *arg, pid_t pid, int status)
{
    cr_assert_eq(pid, *(pid_t *)arg);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), LOOP_CHILD_LOST);
    note('l');
}

static void on_turn(void *arg, mono_t now)
{
    (void)now;
    ++*(unsigned *)arg;
}

/* Its descriptor stays readable for ever: it must be told and left, not looked at again and again.
 */
Test(loop, a_child_that_was_reaped_elsewhere_is_told_once)
{
    struct loop_child *c;
    unsigned turns = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    cr_assert_eq(loop_child_new(loop, pid, on_lost_child, &pid, &c), 0);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    cr_assert_eq(loop_turn_end(loop, 0, on_turn, &turns), 0);
    run_for(50);
    cr_assert_str_eq(story, "l");
    cr_assert_leq(turns, 3, "%u turns", turns);
    loop_child_destroy(&c);
}

static void on_term(void *arg, int signal)
{
    (void)arg;
    cr_assert_eq(signal, SIGTERM);
    note('s');
    loop_exit(loop, 0);
}

Test(loop, signals_are_handled_in_the_loop)
{
    cr_assert_eq(loop_signal(loop, SIGTERM, on_term, NULL), 0);
    kill(getpid(), SIGTERM);
    cr_assert_eq(loop_run(loop), 0);
    cr_assert_str_eq(story, "s");
}

static void on_readable(void *arg, uint32_t events)
{
    char c;

    cr_assert(events & EPOLLIN);
    cr_assert_eq(read(*(int *)arg, &c, 1), 1);
    note(c);
}

Test(loop, a_descriptor_is_read_one_byte_a_turn)
{
    int fds[2];
    struct loop_io *io;

    cr_assert_eq(pipe(fds), 0);
    cr_assert_eq(write(fds[1], "xyz", 3), 3);
    cr_assert_eq(loop_io_new(loop, fds[0], EPOLLIN, LOOP_SIP, on_readable, &fds[0], &io), 0);
    run_for(10);
    cr_assert_str_eq(story, "xyz");
    loop_io_destroy(&io);
    close(fds[0]);
    close(fds[1]);
}

/* Two sockets that throw messages back and forth: every reception sends, which may swallow the edge
 * of ZMQ_FD. */
struct ball {
    void *socket;
    int received;
};

enum { BALLS = 5000, BATCH = 8 };

static void on_ball(void *arg, uint32_t events)
{
    struct ball *b = arg;
    char text[8];

    (void)events;
    for (int i = 0; i < BATCH; i++) {
        if (zmq_recv(b->socket, text, sizeof text, ZMQ_DONTWAIT) < 0)
            return;
        if (++b->received >= BALLS)
            loop_exit(loop, 0);
        cr_assert_eq(zmq_send(b->socket, text, 4, ZMQ_DONTWAIT), 4);
    }
}

static void too_long(void *arg, mono_t now)
{
    (void)arg;
    (void)now;
    cr_assert_fail("a wake-up was lost");
}

static void throw_balls(int window)
{
    void *context = zmq_ctx_new();
    struct ball a = {zmq_socket(context, ZMQ_PAIR), 0};
    struct ball b = {zmq_socket(context, ZMQ_PAIR), 0};
    struct loop_io *ioa, *iob;
    struct loop_timer *limit;

    cr_assert_eq(zmq_bind(a.socket, "inproc://ball"), 0);
    cr_assert_eq(zmq_connect(b.socket, "inproc://ball"), 0);
    cr_assert_eq(loop_zmq_new(loop, a.socket, LOOP_SIP, on_ball, &a, &ioa), 0);
    cr_assert_eq(loop_zmq_new(loop, b.socket, LOOP_SIP, on_ball, &b, &iob), 0);
    cr_assert_eq(loop_timer_new(loop, LOOP_SIP, too_long, NULL, &limit), 0);
    loop_timer_set(limit, mono_add_ms(loop_now_exact(), 5000));
    for (int i = 0; i < window; i++)
        cr_assert_eq(zmq_send(a.socket, "ball", 4, ZMQ_DONTWAIT), 4);
    cr_assert_eq(loop_run(loop), 0);
    loop_timer_destroy(&limit);
    loop_io_destroy(&ioa);
    loop_io_destroy(&iob);
    zmq_close(a.socket);
    zmq_close(b.socket);
    zmq_ctx_term(context);
}

Test(loop, no_zmq_wake_up_is_lost)
{
    throw_balls(1);
    throw_balls(3);
    throw_balls(100);
}

/* Using a socket outside its handler, when a message has just come, takes the edge away. */
struct outside {
    void *near, *far;
    struct loop_io *io;
};

static void on_letter(void *arg, uint32_t events)
{
    struct outside *o = arg;
    char text[8];

    (void)events;
    cr_assert_eq(zmq_recv(o->near, text, sizeof text, ZMQ_DONTWAIT), 6);
    loop_exit(loop, 0);
}

static void use_outside(void *arg, mono_t now)
{
    struct outside *o = arg;
    int events;
    size_t size = sizeof events;

    (void)now;
    cr_assert_eq(zmq_send(o->far, "letter", 6, ZMQ_DONTWAIT), 6);
    cr_assert_eq(zmq_getsockopt(o->near, ZMQ_EVENTS, &events, &size), 0);
    loop_zmq_used(o->io);
}

Test(loop, a_message_is_seen_though_its_socket_was_used_outside_its_handler)
{
    void *context = zmq_ctx_new();
    struct outside o = {zmq_socket(context, ZMQ_PAIR), zmq_socket(context, ZMQ_PAIR), NULL};
    struct loop_timer *timer, *limit;

    cr_assert_eq(zmq_bind(o.near, "inproc://outside"), 0);
    cr_assert_eq(zmq_connect(o.far, "inproc://outside"), 0);
    cr_assert_eq(loop_zmq_new(loop, o.near, LOOP_SIP, on_letter, &o, &o.io), 0);
    cr_assert_eq(loop_timer_new(loop, LOOP_SIP, use_outside, &o, &timer), 0);
    cr_assert_eq(loop_timer_new(loop, LOOP_SIP, too_long, NULL, &limit), 0);
    run_for(5); /* the socket is at rest */
    loop_timer_set(timer, MONO_ZERO);
    loop_timer_set(limit, mono_add_ms(loop_now_exact(), 1000));
    cr_assert_eq(loop_run(loop), 0);
    loop_timer_destroy(&timer);
    loop_timer_destroy(&limit);
    loop_io_destroy(&o.io);
    zmq_close(o.near);
    zmq_close(o.far);
    zmq_ctx_term(context);
}

/* A message that came while the last handler ran, or before the socket was watched. */
Test(loop, a_message_from_before_the_socket_was_watched_is_seen)
{
    void *context = zmq_ctx_new();
    struct outside o = {zmq_socket(context, ZMQ_PAIR), zmq_socket(context, ZMQ_PAIR), NULL};
    struct loop_timer *limit;
    int events;
    size_t size = sizeof events;

    cr_assert_eq(zmq_bind(o.near, "inproc://before"), 0);
    cr_assert_eq(zmq_connect(o.far, "inproc://before"), 0);
    cr_assert_eq(zmq_send(o.far, "letter", 6, ZMQ_DONTWAIT), 6);
    cr_assert_eq(zmq_getsockopt(o.near, ZMQ_EVENTS, &events, &size), 0);
    cr_assert_eq(loop_zmq_new(loop, o.near, LOOP_SIP, on_letter, &o, &o.io), 0);
    cr_assert_eq(loop_timer_new(loop, LOOP_SIP, too_long, NULL, &limit), 0);
    loop_timer_set(limit, mono_add_ms(loop_now_exact(), 1000));
    cr_assert_eq(loop_run(loop), 0);
    loop_timer_destroy(&limit);
    loop_io_destroy(&o.io);
    zmq_close(o.near);
    zmq_close(o.far);
    zmq_ctx_term(context);
}

static struct loop_timer *sooner, *later;

static void put_off(void *arg, mono_t now)
{
    (void)arg;
    note('1');
    loop_timer_set(later, mono_add_ms(now, 5));
}

Test(loop, a_timer_put_off_by_a_handler_of_the_same_turn_runs_at_its_new_moment)
{
    cr_assert_eq(loop_timer_new(loop, LOOP_LEASE, put_off, NULL, &sooner), 0);
    cr_assert_eq(loop_timer_new(loop, LOOP_SIP, note_timer, "2", &later), 0);
    loop_timer_set(sooner, MONO_ZERO);
    loop_timer_set(later, MONO_ZERO);
    cr_assert_eq(loop_turn_end(loop, 1, note_turn, "-"), 0);
    run_for(30);
    story[3] = '\0';
    cr_assert_str_eq(story, "1-2");
    loop_timer_destroy(&sooner);
    loop_timer_destroy(&later);
}

/* A socket that always has input must not keep a timer of lower priority from running. */
static void on_endless(void *arg, uint32_t events)
{
    char text[8];

    (void)events;
    cr_assert_eq(zmq_recv(arg, text, sizeof text, ZMQ_DONTWAIT), 4);
    cr_assert_eq(zmq_send(arg, text, 4, ZMQ_DONTWAIT), 4);
}

static void *echo(void *socket)
{
    char text[8];

    while (zmq_recv(socket, text, sizeof text, 0) == 4)
        if (zmq_send(socket, text, 4, 0) < 0)
            break;
    zmq_close(socket);
    return NULL;
}

Test(loop, a_busy_socket_starves_nobody)
{
    void *context = zmq_ctx_new();
    void *a = zmq_socket(context, ZMQ_PAIR);
    void *b = zmq_socket(context, ZMQ_PAIR);
    struct loop_io *io;
    pthread_t thread;

    cr_assert_eq(zmq_bind(a, "inproc://endless"), 0);
    cr_assert_eq(zmq_connect(b, "inproc://endless"), 0);
    cr_assert_eq(pthread_create(&thread, NULL, echo, b), 0);
    cr_assert_eq(loop_zmq_new(loop, a, LOOP_LEASE, on_endless, a, &io), 0);
    for (int i = 0; i < 500; i++)
        cr_assert_eq(zmq_send(a, "ball", 4, ZMQ_DONTWAIT), 4);
    run_for(50); /* its timer is LOOP_STATISTICS */
    loop_io_destroy(&io);
    zmq_close(a);
    zmq_ctx_shutdown(context);
    pthread_join(thread, NULL);
    zmq_ctx_term(context);
}

/* ---- wake-ups ---- */

static unsigned turns, pushed, fired;

static void count_turn(void *arg, mono_t now)
{
    (void)arg;
    (void)now;
    turns++;
}

static void count_timer(void *arg, mono_t now)
{
    (void)arg;
    (void)now;
    fired++;
}

static void push_off(void *arg, int signal)
{
    (void)signal;
    loop_timer_set(arg, mono_add_ms(loop_now(loop), 100));
    if (++pushed == 8)
        loop_exit(loop, 3);
}

/* As a beat that each order puts off: it wakes nobody while orders come. */
Test(loop, a_deadline_that_moves_away_wakes_nobody)
{
    const struct itimerval every = {{0, 60000}, {0, 60000}}, never = {{0, 0}, {0, 0}};
    struct loop_timer *t;

    cr_assert_eq(loop_timer_new(loop, LOOP_SIP, count_timer, NULL, &t), 0);
    cr_assert_eq(loop_signal(loop, SIGALRM, push_off, t), 0);
    cr_assert_eq(loop_turn_end(loop, 1, count_turn, NULL), 0);
    loop_timer_set(t, mono_add_ms(loop_now_exact(), 100));
    cr_assert_eq(setitimer(ITIMER_REAL, &every, NULL), 0);
    cr_assert_eq(loop_run(loop), 3);
    cr_assert_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
    cr_assert_leq(turns, pushed + fired, "%u turns, %u signals, %u timers", turns, pushed, fired);
    loop_timer_destroy(&t);
}
