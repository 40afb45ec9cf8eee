#include "common/loop.h"

#include <assert.h>
#include <czmq.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <zmq.h>

/* A turn ends after so many handlers even when a source is ready without end. */
#define TURN_HANDLERS_MAX 1024

struct loop_turn {
    int order;
    loop_turn_fn *fn;
    void *arg;
};

struct loop_signal {
    struct loop_signal *next;
    sd_event_source *source;
    loop_signal_fn *fn;
    void *arg;
};

struct loop {
    sd_event *event;
    mono_t now;
    uint64_t turn;
    bool exit;
    int exit_code;
    struct loop_turn *turns;
    size_t turn_count;
    struct loop_signal *signals;
};

struct loop_timer {
    struct loop *loop;
    sd_event_source *source;
    loop_timer_fn *fn;
    void *arg;
};

struct loop_io {
    struct loop *loop;
    sd_event_source *source;
    loop_io_fn *fn;
    void *arg;
    void *zmq;              /* NULL: a plain descriptor */
    sd_event_source *ready; /* zmq: runs the handler */
    uint64_t turn;          /* zmq: in which it last ran */
};

struct loop_child {
    sd_event_source *source;
    loop_child_fn *fn;
    void *arg;
};

static void *take(size_t size)
{
    void *p = calloc(1, size);

    if (p == NULL)
        abort(); /* out of memory ends the process */
    return p;
}

mono_t loop_now_exact(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (mono_t){(int64_t)t.tv_sec * 1000000000 + t.tv_nsec};
}

int64_t loop_wall_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int loop_new(struct loop **ret_loop)
{
    struct loop *loop = take(sizeof *loop);
    int r;

    zsys_handler_set(NULL); /* czmq would take SIGINT and SIGTERM from us */
    r = sd_event_new(&loop->event);
    if (r < 0) {
        free(loop);
        return r;
    }
    loop->now = loop_now_exact();
    loop->turn = 1;
    *ret_loop = loop;
    return 0;
}

void loop_destroy(struct loop **loop)
{
    struct loop *l = *loop;

    *loop = NULL;
    if (l == NULL)
        return;
    while (l->signals != NULL) {
        struct loop_signal *s = l->signals;
        l->signals = s->next;
        sd_event_source_disable_unref(s->source);
        free(s);
    }
    free(l->turns);
    sd_event_unref(l->event);
    free(l);
}

/* run_turn - the ready handlers, each once, in order of priority; *PENDING says whether some are
 * ready before the call and after it.
 *
 * sd_event dispatches one source at a time and asks every source before each.  When none is left it
 * stands ready to wait, and only a wait brings it back to where sources may be changed. */
static int run_turn(struct loop *loop, int *pending)
{
    int r;

    for (int handlers = 0; *pending > 0 && handlers < TURN_HANDLERS_MAX; handlers++) {
        r = sd_event_dispatch(loop->event);
        if (r < 0)
            return r;
        *pending = sd_event_prepare(loop->event);
        if (*pending == 0) {
            *pending = sd_event_wait(loop->event, 0);
            break;
        }
    }
    if (*pending < 0)
        return *pending;
    for (size_t i = 0; i < loop->turn_count; i++)
        loop->turns[i].fn(loop->turns[i].arg, loop->now);
    return 0;
}

int loop_run(struct loop *loop)
{
    int pending = 0;
    int r;

    while (!loop->exit) {
        loop->turn++;
        if (pending == 0) {
            pending = sd_event_prepare(loop->event);
            if (pending == 0)
                pending = sd_event_wait(loop->event, UINT64_MAX);
            if (pending < 0)
                return pending;
        }
        loop->now = loop_now_exact();
        r = run_turn(loop, &pending);
        if (r < 0)
            return r;
    }
    if (pending > 0) /* leave the loop in a state from which it can run again */
        (void)sd_event_dispatch(loop->event);
    loop->exit = false;
    return loop->exit_code;
}

void loop_exit(struct loop *loop, int code)
{
    loop->exit = true;
    loop->exit_code = code;
}

mono_t loop_now(const struct loop *loop)
{
    return loop->now;
}

struct sd_event *loop_sd_event(struct loop *loop)
{
    return loop->event;
}

/* ---- timers ---- */

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
    struct loop_timer *t = arg;

    (void)source;
    (void)usec;
    t->fn(t->arg, t->loop->now); /* may destroy T */
    return 0;
}

int loop_timer_new(struct loop *loop, enum loop_priority priority, loop_timer_fn *fn, void *arg,
                   struct loop_timer **ret_timer)
{
    struct loop_timer *t = take(sizeof *t);
    int r;

    *t = (struct loop_timer){.loop = loop, .fn = fn, .arg = arg};
    r = sd_event_add_time(loop->event, &t->source, CLOCK_BOOTTIME, 0, 1, on_timer, t);
    if (r >= 0)
        r = sd_event_source_set_enabled(t->source, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_source_set_priority(t->source, priority);
    if (r < 0) {
        loop_timer_destroy(&t);
        return r;
    }
    *ret_timer = t;
    return 0;
}

void loop_timer_set(struct loop_timer *timer, mono_t at)
{
    /* Rounded up, so that the moment has come when the handler runs. */
    uint64_t usec = at.ns <= 0 ? 1 : (uint64_t)at.ns / 1000 + 1;

    if (mono_is_never(at)) {
        (void)sd_event_source_set_enabled(timer->source, SD_EVENT_OFF);
        return;
    }
    (void)sd_event_source_set_time(timer->source, usec);
    (void)sd_event_source_set_enabled(timer->source, SD_EVENT_ONESHOT);
}

void loop_timer_destroy(struct loop_timer **timer)
{
    struct loop_timer *t = *timer;

    *timer = NULL;
    if (t == NULL)
        return;
    sd_event_source_disable_unref(t->source);
    free(t);
}

/* ---- descriptors and ZeroMQ sockets ---- */

static int on_io(sd_event_source *source, int fd, uint32_t events, void *arg)
{
    struct loop_io *io = arg;

    (void)source;
    (void)fd;
    io->fn(io->arg, events); /* may destroy IO */
    return 0;
}

int loop_io_new(struct loop *loop, int fd, uint32_t events, enum loop_priority priority,
                loop_io_fn *fn, void *arg, struct loop_io **ret_io)
{
    struct loop_io *io = take(sizeof *io);
    int r;

    *io = (struct loop_io){.loop = loop, .fn = fn, .arg = arg};
    r = sd_event_add_io(loop->event, &io->source, fd, events, on_io, io);
    if (r >= 0)
        r = sd_event_source_set_priority(io->source, priority);
    if (r < 0) {
        loop_io_destroy(&io);
        return r;
    }
    *ret_io = io;
    return 0;
}

int loop_io_set_events(struct loop_io *io, uint32_t events)
{
    int r = sd_event_source_set_io_events(io->source, events);

    return r < 0 ? r : 0;
}

void loop_io_destroy(struct loop_io **io)
{
    struct loop_io *i = *io;

    *io = NULL;
    if (i == NULL)
        return;
    sd_event_source_disable_unref(i->source);
    sd_event_source_disable_unref(i->ready);
    free(i);
}

/* ZMQ_FD only says "ask again"; zmq_prepare, which runs next, asks. */
static int on_zmq_fd(sd_event_source *source, int fd, uint32_t events, void *arg)
{
    (void)source;
    (void)fd;
    (void)events;
    (void)arg;
    return 0;
}

static int on_zmq_ready(sd_event_source *source, void *arg)
{
    struct loop_io *io = arg;

    (void)source;
    io->turn = io->loop->turn;
    io->fn(io->arg, EPOLLIN); /* may destroy IO */
    return 0;
}

/* zmq_prepare - before each wait: is there input?  Every use of the socket, a send too, may have
 * swallowed the edge on ZMQ_FD.  A socket is drained once per turn, so that none starves the
 * others. */
static int zmq_prepare(sd_event_source *source, void *arg)
{
    struct loop_io *io = arg;
    int events = 0;
    size_t size = sizeof events;

    (void)source;
    if (io->turn != io->loop->turn && zmq_getsockopt(io->zmq, ZMQ_EVENTS, &events, &size) == 0 &&
        (events & ZMQ_POLLIN) != 0)
        (void)sd_event_source_set_enabled(io->ready, SD_EVENT_ONESHOT);
    return 0;
}

int loop_zmq_new(struct loop *loop, void *zmq_socket, enum loop_priority priority, loop_io_fn *fn,
                 void *arg, struct loop_io **ret_io)
{
    struct loop_io *io = take(sizeof *io);
    int fd;
    size_t size = sizeof fd;
    int r;

    *io = (struct loop_io){.loop = loop, .fn = fn, .arg = arg, .zmq = zmq_socket};
    r = zmq_getsockopt(zmq_socket, ZMQ_FD, &fd, &size) == 0 ? 0 : -zmq_errno();
    if (r >= 0)
        r = sd_event_add_io(loop->event, &io->source, fd, EPOLLIN | EPOLLET, on_zmq_fd, io);
    if (r >= 0)
        r = sd_event_source_set_prepare(io->source, zmq_prepare);
    if (r >= 0)
        r = sd_event_source_set_priority(io->source, priority);
    if (r >= 0)
        r = sd_event_add_defer(loop->event, &io->ready, on_zmq_ready, io);
    if (r >= 0)
        r = sd_event_source_set_enabled(io->ready, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_source_set_priority(io->ready, priority);
    if (r < 0) {
        loop_io_destroy(&io);
        return r;
    }
    *ret_io = io;
    return 0;
}

/* ---- signals ---- */

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
    struct loop_signal *s = arg;

    (void)source;
    s->fn(s->arg, (int)info->ssi_signo);
    return 0;
}

static void block_signal(int signal)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, signal);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int loop_signal(struct loop *loop, int signal, loop_signal_fn *fn, void *arg)
{
    struct loop_signal *s = take(sizeof *s);
    int r;

    *s = (struct loop_signal){.next = loop->signals, .fn = fn, .arg = arg};
    block_signal(signal);
    r = sd_event_add_signal(loop->event, &s->source, signal, on_signal, s);
    if (r < 0) {
        free(s);
        return r;
    }
    loop->signals = s;
    return 0;
}

/* ---- child processes ---- */

static int on_child(sd_event_source *source, const siginfo_t *info, void *arg)
{
    struct loop_child *c = arg;
    int status = info->si_code == CLD_EXITED   ? (info->si_status & 0xff) << 8
                 : info->si_code == CLD_DUMPED ? info->si_status | WCOREFLAG
                                               : info->si_status;

    (void)source;
    c->fn(c->arg, info->si_pid, status); /* may destroy C */
    return 0;
}

int loop_child_new(struct loop *loop, pid_t pid, loop_child_fn *fn, void *arg,
                   struct loop_child **ret_child)
{
    struct loop_child *c = take(sizeof *c);
    int r;

    *c = (struct loop_child){.fn = fn, .arg = arg};
    block_signal(SIGCHLD); /* sd_event insists, although it waits on a pidfd */
    r = sd_event_add_child(loop->event, &c->source, pid, WEXITED, on_child, c);
    if (r < 0) {
        free(c);
        return r;
    }
    *ret_child = c;
    return 0;
}

void loop_child_destroy(struct loop_child **child)
{
    struct loop_child *c = *child;

    *child = NULL;
    if (c == NULL)
        return;
    sd_event_source_disable_unref(c->source);
    free(c);
}

/* ---- end of turn ---- */

int loop_turn_end(struct loop *loop, int order, loop_turn_fn *fn, void *arg)
{
    struct loop_turn *turns =
        reallocarray(loop->turns, loop->turn_count + 1, sizeof loop->turns[0]);
    size_t place = loop->turn_count;

    if (turns == NULL)
        abort();
    for (; place > 0 && turns[place - 1].order > order; place--)
        turns[place] = turns[place - 1];
    turns[place] = (struct loop_turn){order, fn, arg};
    loop->turns = turns;
    loop->turn_count++;
    return 0;
}
