#include "common/loop.h"

#include <assert.h>
#include <czmq.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "common/list.h"
#include "common/timer.h"

/* Descriptors that one wait reports; epoll hands out the others in turn at the next. */
#define WAIT_EVENTS_MAX 256
/* So often at most is the clock set to a later moment. */
#define CLOCK_MOVES_MS 50

/* Whatever can become ready: its handler runs once in the turn that finds it so. */
struct source {
    struct list_link in_ready;
    int priority;
    uint32_t events; /* seen by epoll since the handler last ran */
    void (*saw)(struct source *source, uint32_t events); /* epoll says so */
    void (*run)(struct source *source);                  /* may destroy the source */
};

struct loop_turn {
    int order;
    loop_turn_fn *fn;
    void *arg;
};

struct loop_signal {
    struct loop_signal *next;
    int signal;
    loop_signal_fn *fn;
    void *arg;
};

struct loop {
    int epoll;
    mono_t now;
    bool exit;
    int exit_code;
    struct list ready; /* by priority, then in the order in which they became so */
    struct list asked; /* ZeroMQ sockets whose ZMQ_EVENTS must be asked before the next wait */
    struct loop_turn *turns;
    size_t turn_count;

    struct source clock; /* the one timerfd */
    int clock_fd;
    mono_t clock_at; /* when it fires */
    mono_t clock_moved;
    struct timers timers;
    uint32_t timers_n; /* that exist */

    struct source signal;
    int signal_fd;
    sigset_t signal_set;
    struct loop_signal *signals;
};

struct loop_timer {
    struct source source;
    struct loop *loop;
    struct timer timer;
    loop_timer_fn *fn;
    void *arg;
};

struct loop_io {
    struct source source;
    struct loop *loop;
    int fd;
    loop_io_fn *fn;
    void *arg;
    void *zmq;                 /* NULL: a plain descriptor */
    struct list_link in_asked; /* zmq */
};

struct loop_child {
    struct source source;
    struct loop *loop;
    int fd; /* pidfd */
    pid_t pid;
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

/* ---- sources ---- */

static void make_ready(struct loop *loop, struct source *source)
{
    struct list_link *place = loop->ready.head.prev;

    if (list_linked(&source->in_ready))
        return;
    while (place != &loop->ready.head &&
           CONTAINER_OF(place, struct source, in_ready)->priority > source->priority)
        place = place->prev;
    list_insert_before(place->next, &source->in_ready);
}

static int watch(struct loop *loop, struct source *source, int fd, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = source};

    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : -errno;
}

static void unwatch(struct loop *loop, struct source *source, int fd)
{
    list_remove(&source->in_ready);
    if (fd >= 0)
        (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* ---- the turn ---- */

/* Let the timerfd fire no later than the earliest timer.  One that would fire too early is set anew
 * only now and then: a deadline that moves away with every event costs neither one system call for
 * each event nor a spare wake-up for each interval of an idle process. */
static int wind_clock(struct loop *loop)
{
    mono_t at = timer_next(&loop->timers);
    struct itimerspec spec = {{0, 0}, {0, 0}};

    if (mono_is_never(at) || at.ns == loop->clock_at.ns ||
        (mono_before(loop->clock_at, at) &&
         mono_diff_ms(loop->now, loop->clock_moved) < CLOCK_MOVES_MS))
        return 0;
    loop->clock_moved = loop->now;
    if (at.ns < 1)
        at.ns = 1; /* zero would disarm it */
    spec.it_value.tv_sec = at.ns / 1000000000;
    spec.it_value.tv_nsec = at.ns % 1000000000;
    if (timerfd_settime(loop->clock_fd, TFD_TIMER_ABSTIME, &spec, NULL) != 0)
        return -errno;
    loop->clock_at = at;
    return 0;
}

/* It is edge-triggered: setting it anew clears what would be read. */
static void saw_clock(struct source *source, uint32_t events)
{
    struct loop *loop = CONTAINER_OF(source, struct loop, clock);

    (void)events;
    loop->clock_at = MONO_NEVER;
}

static void ready_timers(struct loop *loop)
{
    struct timer *t;

    while ((t = timer_pop(&loop->timers, loop->now)) != NULL)
        make_ready(loop, &CONTAINER_OF(t, struct loop_timer, timer)->source);
}

/* Is there input?  ZMQ_FD is edge-triggered and speaks of commands inside ZeroMQ, not of messages:
 * whoever uses the socket may take the edge away.  So ZMQ_EVENTS is asked after each edge, after
 * each run of the handler and after each use that loop_zmq_used reports; when it then says that
 * there is nothing, the next message makes an edge. */
static void ask_zmq(struct loop *loop)
{
    struct list_link *link;

    while ((link = list_pop(&loop->asked)) != NULL) {
        struct loop_io *io = CONTAINER_OF(link, struct loop_io, in_asked);
        int events = 0;
        size_t size = sizeof events;

        if (zmq_getsockopt(io->zmq, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN) != 0)
            make_ready(loop, &io->source);
    }
}

/* Wait until something is ready, and find out what. */
static int wait_ready(struct loop *loop)
{
    struct epoll_event events[WAIT_EVENTS_MAX];
    int n, r;

    ask_zmq(loop);
    r = wind_clock(loop);
    if (r < 0)
        return r;
    n = epoll_wait(loop->epoll, events, WAIT_EVENTS_MAX, list_empty(&loop->ready) ? -1 : 0);
    if (n < 0 && errno != EINTR)
        return -errno;
    loop->now = loop_now_exact();
    for (int i = 0; i < n; i++) {
        struct source *source = events[i].data.ptr;

        source->saw(source, events[i].events);
    }
    ask_zmq(loop);
    ready_timers(loop);
    return 0;
}

int loop_run(struct loop *loop)
{
    while (!loop->exit) {
        struct list run;
        struct list_link *link;
        int r = wait_ready(loop);

        if (r < 0)
            return r;
        /* What becomes ready from now on has its place in the next turn. */
        list_init(&run);
        while ((link = list_pop(&loop->ready)) != NULL)
            list_append(&run, link);
        while ((link = list_pop(&run)) != NULL) {
            struct source *source = CONTAINER_OF(link, struct source, in_ready);

            source->run(source);
        }
        for (size_t i = 0; i < loop->turn_count; i++)
            loop->turns[i].fn(loop->turns[i].arg, loop->now);
    }
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

/* ---- signals ---- */

static void on_signals(struct source *source)
{
    struct loop *loop = CONTAINER_OF(source, struct loop, signal);
    struct signalfd_siginfo info;

    while (read(loop->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        for (struct loop_signal *s = loop->signals; s != NULL; s = s->next)
            if (s->signal == (int)info.ssi_signo)
                s->fn(s->arg, s->signal);
}

static void saw_any(struct loop *loop, struct source *source, uint32_t events)
{
    source->events |= events;
    make_ready(loop, source);
}

static void saw_signal(struct source *source, uint32_t events)
{
    saw_any(CONTAINER_OF(source, struct loop, signal), source, events);
}

int loop_signal(struct loop *loop, int signal, loop_signal_fn *fn, void *arg)
{
    struct loop_signal *s = take(sizeof *s);

    *s = (struct loop_signal){loop->signals, signal, fn, arg};
    (void)sigaddset(&loop->signal_set, signal);
    (void)pthread_sigmask(SIG_BLOCK, &loop->signal_set, NULL);
    if (signalfd(loop->signal_fd, &loop->signal_set, 0) < 0) {
        int r = -errno;

        free(s);
        return r;
    }
    loop->signals = s;
    return 0;
}

/* ---- the loop itself ---- */

static int open_loop(struct loop *loop)
{
    int r;

    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0)
        return -errno;
    loop->clock_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (loop->clock_fd < 0)
        return -errno;
    loop->signal_fd = signalfd(-1, &loop->signal_set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (loop->signal_fd < 0)
        return -errno;
    r = watch(loop, &loop->clock, loop->clock_fd, EPOLLIN | EPOLLET);
    return r < 0 ? r : watch(loop, &loop->signal, loop->signal_fd, EPOLLIN);
}

int loop_new(struct loop **ret_loop)
{
    struct loop *loop = take(sizeof *loop);
    int r;

    zsys_handler_set(NULL); /* czmq would take SIGINT and SIGTERM from us */
    list_init(&loop->ready);
    list_init(&loop->asked);
    loop->epoll = loop->clock_fd = loop->signal_fd = -1;
    loop->clock_at = MONO_NEVER;
    loop->clock = (struct source){.saw = saw_clock};
    loop->signal = (struct source){.saw = saw_signal, .run = on_signals};
    list_link_init(&loop->clock.in_ready);
    list_link_init(&loop->signal.in_ready);
    (void)sigemptyset(&loop->signal_set);
    loop->now = loop_now_exact();
    r = open_loop(loop);
    if (r < 0) {
        loop_destroy(&loop);
        return r;
    }
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
        free(s);
    }
    if (l->signal_fd >= 0)
        close(l->signal_fd);
    if (l->clock_fd >= 0)
        close(l->clock_fd);
    if (l->epoll >= 0)
        close(l->epoll);
    free(l->timers.heap);
    free(l->turns);
    free(l);
}

/* ---- timers ---- */

static void run_timer(struct source *source)
{
    struct loop_timer *t = CONTAINER_OF(source, struct loop_timer, source);

    t->fn(t->arg, t->loop->now); /* may destroy T */
}

int loop_timer_new(struct loop *loop, enum loop_priority priority, loop_timer_fn *fn, void *arg,
                   struct loop_timer **ret_timer)
{
    struct loop_timer *t = take(sizeof *t);
    struct timers *timers = &loop->timers;

    *t = (struct loop_timer){.loop = loop, .fn = fn, .arg = arg};
    t->source = (struct source){.priority = priority, .run = run_timer};
    list_link_init(&t->source.in_ready);
    if (loop->timers_n == timers->capacity) { /* room for all, so that arming cannot fail */
        timers->capacity = timers->capacity > 0 ? 2 * timers->capacity : 16;
        timers->heap = realloc(timers->heap, timers_bytes(timers->capacity));
        if (timers->heap == NULL)
            abort();
    }
    loop->timers_n++;
    *ret_timer = t;
    return 0;
}

void loop_timer_set(struct loop_timer *timer, mono_t at)
{
    list_remove(&timer->source.in_ready);
    timer_arm(&timer->loop->timers, &timer->timer, at);
}

void loop_timer_destroy(struct loop_timer **timer)
{
    struct loop_timer *t = *timer;

    *timer = NULL;
    if (t == NULL)
        return;
    list_remove(&t->source.in_ready);
    timer_cancel(&t->loop->timers, &t->timer);
    t->loop->timers_n--;
    free(t);
}

/* ---- descriptors and ZeroMQ sockets ---- */

static void run_io(struct source *source)
{
    struct loop_io *io = CONTAINER_OF(source, struct loop_io, source);
    uint32_t events = source->events;

    source->events = 0;
    io->fn(io->arg, events); /* may destroy IO */
}

static void saw_io(struct source *source, uint32_t events)
{
    saw_any(CONTAINER_OF(source, struct loop_io, source)->loop, source, events);
}

static struct loop_io *new_io(struct loop *loop, int fd, enum loop_priority priority,
                              loop_io_fn *fn, void *arg)
{
    struct loop_io *io = take(sizeof *io);

    *io = (struct loop_io){.loop = loop, .fd = fd, .fn = fn, .arg = arg};
    io->source = (struct source){.priority = priority, .saw = saw_io, .run = run_io};
    list_link_init(&io->source.in_ready);
    list_link_init(&io->in_asked);
    return io;
}

int loop_io_new(struct loop *loop, int fd, uint32_t events, enum loop_priority priority,
                loop_io_fn *fn, void *arg, struct loop_io **ret_io)
{
    struct loop_io *io = new_io(loop, fd, priority, fn, arg);
    int r = watch(loop, &io->source, fd, events);

    if (r < 0) {
        free(io);
        return r;
    }
    *ret_io = io;
    return 0;
}

int loop_io_set_events(struct loop_io *io, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = &io->source};

    list_remove(&io->source.in_ready); /* what still holds is seen again */
    io->source.events = 0;
    return epoll_ctl(io->loop->epoll, EPOLL_CTL_MOD, io->fd, &e) == 0 ? 0 : -errno;
}

void loop_io_destroy(struct loop_io **io)
{
    struct loop_io *i = *io;

    *io = NULL;
    if (i == NULL)
        return;
    list_remove(&i->in_asked);
    unwatch(i->loop, &i->source, i->fd);
    free(i);
}

void loop_zmq_used(struct loop_io *io)
{
    if (io != NULL && !list_linked(&io->in_asked))
        list_append(&io->loop->asked, &io->in_asked);
}

static void saw_zmq(struct source *source, uint32_t events)
{
    (void)events;
    loop_zmq_used(CONTAINER_OF(source, struct loop_io, source));
}

static void run_zmq(struct source *source)
{
    struct loop_io *io = CONTAINER_OF(source, struct loop_io, source);

    loop_zmq_used(io);
    io->fn(io->arg, EPOLLIN); /* may destroy IO */
}

int loop_zmq_new(struct loop *loop, void *zmq_socket, enum loop_priority priority, loop_io_fn *fn,
                 void *arg, struct loop_io **ret_io)
{
    struct loop_io *io;
    int fd, r;
    size_t size = sizeof fd;

    if (zmq_getsockopt(zmq_socket, ZMQ_FD, &fd, &size) != 0)
        return -zmq_errno();
    io = new_io(loop, fd, priority, fn, arg);
    io->zmq = zmq_socket;
    io->source.saw = saw_zmq;
    io->source.run = run_zmq;
    r = watch(loop, &io->source, fd, EPOLLIN | EPOLLET);
    if (r < 0) {
        free(io);
        return r;
    }
    loop_zmq_used(io); /* what came before was no edge of ours */
    *ret_io = io;
    return 0;
}

/* ---- child processes ---- */

static void saw_child(struct source *source, uint32_t events)
{
    saw_any(CONTAINER_OF(source, struct loop_child, source)->loop, source, events);
}

/* The child is a zombie until its handler has returned: its process id, and that of a group that
 * it led, name nobody else meanwhile. */
static void run_child(struct source *source)
{
    struct loop_child *c = CONTAINER_OF(source, struct loop_child, source);
    pid_t pid = c->pid;
    siginfo_t info = {.si_pid = 0};
    bool lost = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0;
    int status;

    if (!lost && info.si_pid != pid)
        return;
    status = lost                         ? LOOP_CHILD_LOST << 8
             : info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8
             : info.si_code == CLD_DUMPED ? info.si_status | WCOREFLAG
                                          : info.si_status;
    unwatch(c->loop, source, c->fd);
    close(c->fd);
    c->fd = -1;
    c->fn(c->arg, pid, status); /* may destroy C */
    (void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG);
}

int loop_child_new(struct loop *loop, pid_t pid, loop_child_fn *fn, void *arg,
                   struct loop_child **ret_child)
{
    struct loop_child *c = take(sizeof *c);
    int r;

    *c = (struct loop_child){.loop = loop, .pid = pid, .fn = fn, .arg = arg};
    c->source = (struct source){.saw = saw_child, .run = run_child};
    list_link_init(&c->source.in_ready);
    c->fd = pidfd_open(pid, 0);
    r = c->fd < 0 ? -errno : watch(loop, &c->source, c->fd, EPOLLIN);
    if (r < 0) {
        loop_child_destroy(&c);
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
    unwatch(c->loop, &c->source, c->fd);
    if (c->fd >= 0)
        close(c->fd);
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
