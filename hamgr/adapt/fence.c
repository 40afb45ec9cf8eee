#include "hamgr/adapt/fence.h"

#include "common/log.h"
#include "hamgr/adapt/fence_inner.h"
#include "hamgr/adapt/realtime.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SET_UP_WAIT_MS    5000 /* at start and end, when nothing else waits */
#define TAKE_DOWN_WAIT_MS 1000

struct fence {
    struct loop *loop;
    struct loop_io *io;
    struct fence_subject subject;
    struct fence_view view;
    int fd; /* -1: there is no fence process */
    pid_t pid;
    uint64_t asked, answered; /* numbers of requests */
    mono_t asked_at;          /* the newest request */
    enum fence_order order;   /* what it was */
    mono_t deadline;          /* MONO_ZERO: shut */
    bool was_up;
    bool ended;        /* the fence process has */
    bool quiet;        /* the fence is taken down on purpose */
    uint32_t realtime; /* priority; 0: none */
};

static int start_process(struct fence *f);
static bool ask(struct fence *f, enum fence_order order, mono_t deadline, int wait_ms);
static bool take_replies(struct fence *f);
static void on_reply(void *arg, uint32_t events);
static void show(struct fence *f, bool up, const char *why_not);
static void end_process(struct fence *f);

int fence_new(const struct bootstrap *bootstrap, struct fence **ret_fence)
{
    const struct bootstrap_site *site = bootstrap_self_site(bootstrap);
    struct fence *f = calloc(1, sizeof(*f));
    int r = 0;

    if (f == NULL)
        return -ENOMEM;
    f->fd = -1;
    f->view.mode = site->fence;
    f->realtime = bootstrap->realtime_priority;
    snprintf(f->subject.table, sizeof(f->subject.table), "standfast_%s_%s", bootstrap->cluster,
             site->name);
    snprintf(f->subject.address, sizeof(f->subject.address), "%s", site->site_address);
    f->subject.v6 = strchr(site->site_address, ':') != NULL;
    if (site->address_mode == BOOTSTRAP_INTERFACE)
        r = start_process(f);
    else
        snprintf(f->view.why_not, sizeof(f->view.why_not), "address-mode: loopback");
    if (r < 0) {
        free(f);
        return r;
    }
    *ret_fence = f;
    return 0;
}

int fence_set_up(struct fence *f, struct loop *loop)
{
    f->loop = loop;
    if (f->fd < 0)
        return 0;
    /* Off: what an earlier life of this host left would silence the address for good. */
    if (f->view.mode == BOOTSTRAP_FENCE_OFF) {
        f->quiet = true;
        (void)ask(f, FENCE_TAKE_DOWN, MONO_ZERO, SET_UP_WAIT_MS);
        end_process(f);
        show(f, false, "fence: off");
        return 0;
    }
    if (!ask(f, FENCE_SET_UP, MONO_ZERO, SET_UP_WAIT_MS))
        show(f, false, f->ended ? "libnftables ends the process" : "the kernel has not answered");
    if (f->ended) {
        end_process(f);
        return 0;
    }
    return loop_io_new(loop, f->fd, EPOLLIN, LOOP_LEASE, on_reply, f, &f->io);
}

void fence_extend(struct fence *f, mono_t deadline)
{
    bool opened = f->deadline.ns == 0;

    if (f->fd < 0 || !mono_before(f->deadline, deadline))
        return;
    f->deadline = deadline;
    if (!f->was_up && !opened)
        return; /* it was not possible; the next time that the address is taken, it is tried again
                 */
    f->view.renewals++;
    if (!ask(f, FENCE_EXTEND, deadline, FENCE_WAIT_MS))
        f->view.late++;
}

void fence_shut(struct fence *f)
{
    if (f->fd < 0 || f->deadline.ns == 0)
        return;
    f->deadline = MONO_ZERO;
    if (f->was_up)
        (void)ask(f, FENCE_SHUT, MONO_ZERO, FENCE_WAIT_MS);
}

void fence_destroy(struct fence **fence)
{
    struct fence *f = *fence;

    if (f == NULL)
        return;
    loop_io_destroy(&f->io);
    f->quiet = true;
    if (f->fd >= 0 && f->was_up)
        (void)ask(f, FENCE_TAKE_DOWN, MONO_ZERO, TAKE_DOWN_WAIT_MS);
    end_process(f);
    free(f);
    *fence = NULL;
}

void fence_look(const struct fence *f, struct fence_view *ret_view)
{
    static const struct fence_view none = {.mode = BOOTSTRAP_FENCE_OFF,
                                           .why_not = "no site address"};

    *ret_view = f != NULL ? f->view : none;
}

static int start_process(struct fence *f)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    f->pid = fork();
    if (f->pid < 0) {
        int r = -errno;

        close(ends[0]);
        close(ends[1]);
        return r;
    }
    if (f->pid == 0) {
        close(ends[0]);
        (void)realtime_set(f->realtime); /* hamgr waits for it before each order */
        fence_process(&f->subject, ends[1]);
    }
    close(ends[1]);
    f->fd = ends[0];
    return 0;
}

static void end_process(struct fence *f)
{
    if (f->fd < 0)
        return;
    close(f->fd);
    f->fd = -1;
    while (waitpid(f->pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

/* Ask, and wait for the answer as long as WAIT_MS.  Returns: it has come. */
static bool ask(struct fence *f, enum fence_order order, mono_t deadline, int wait_ms)
{
    const struct fence_request request = {
        .number = ++f->asked, .deadline = deadline, .order = order};
    mono_t until;

    f->order = order;
    f->asked_at = loop_now_exact();
    until = mono_add_ms(f->asked_at, wait_ms);
    if (send(f->fd, &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return false; /* it has ended, which its socket says, or is so late that it does not matter
                       */
    while (f->answered < f->asked) {
        struct pollfd p = {.fd = f->fd, .events = POLLIN};
        int64_t left = mono_diff_ms(until, loop_now_exact());

        if (left <= 0 || !(poll(&p, 1, (int)left) >= 0 || errno == EINTR))
            return false;
        if (!take_replies(f))
            return false;
    }
    return true;
}

/* Returns: false when the fence process has ended. */
static bool take_replies(struct fence *f)
{
    struct fence_reply reply;
    ssize_t n;

    while ((n = recv(f->fd, &reply, sizeof(reply), MSG_DONTWAIT)) == (ssize_t)sizeof(reply)) {
        uint64_t took_us = (uint64_t)((loop_now_exact().ns - f->asked_at.ns) / 1000);

        f->answered = reply.number;
        f->view.failed += !reply.done;
        if (reply.number == f->asked && f->order == FENCE_EXTEND) {
            f->view.slow += took_us > FENCE_SLOW_US;
            if (took_us > f->view.slowest_us)
                f->view.slowest_us = took_us;
        }
        reply.error[sizeof(reply.error) - 1] = '\0';
        show(f, reply.up, reply.error);
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    f->ended = true;
    return false;
}

/* An answer that came after FENCE_WAIT_MS, or the end of the fence process.  Without it a fence
 * that stands would shut and stay so: this host is better off as one that died. */
static void on_reply(void *arg, uint32_t events)
{
    struct fence *f = arg;

    (void)events;
    if (take_replies(f))
        return;
    loop_io_destroy(&f->io);
    log_event(LEVEL_ERR, MSG_ADDRESS, NULL, "the fence process of %s has ended; hamgr ends, too",
              f->subject.address);
    loop_exit(f->loop, 1);
}

/* What is shown, and one line when it changes. */
static void show(struct fence *f, bool up, const char *why_not)
{
    bool on = f->view.mode == BOOTSTRAP_FENCE_ON;
    bool changed = up != f->view.up || (!up && f->view.why_not[0] == '\0');

    f->view.up = up;
    f->view.alarm = on && !up;
    f->was_up = f->was_up || up;
    snprintf(f->view.why_not, sizeof(f->view.why_not), "%s", up ? "" : why_not);
    if (!changed || f->quiet)
        return;
    if (up)
        log_event(LEVEL_NOTICE, MSG_ADDRESS, LOG_FIELDS(.event = "FENCE"),
                  "the kernel fences site address %s (table %s)", f->subject.address,
                  f->subject.table);
    else
        log_event(on ? LEVEL_ERR : LEVEL_WARNING, MSG_ADDRESS, LOG_FIELDS(.event = "FENCE"),
                  "site address %s is not fenced by the kernel: %s", f->subject.address, why_not);
}
