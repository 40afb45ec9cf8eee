/* sipload - puts load on a SIP server and verifies every answer: many phones behind one socket, a
 * gateway that calls them behind another.
 *
 *     sipload SERVER GATEWAY PHONES REALM FIRST USERS DEVICES      addresses as address:port
 *
 * Orders come on stdin, one a line; each is answered by one line of JSON when it is done.  RATE is
 * per second, 0 as fast as WINDOW operations at once allow.
 *
 *     register FROM SPAN TOTAL RATE WINDOW    phones FROM to FROM+SPAN in turn, TOTAL times in all
 *     calls TOTAL RATE WINDOW HOLD_MS         whole calls
 *     hold TOTAL RATE WINDOW                  establish and keep
 *     release TOTAL RATE WINDOW               end what is kept
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/bench/tools/calls.h"
#include "tests/bench/tools/phones.h"

struct load {
    struct wire gateway, phones_wire;
    struct phase phase;
    struct phones phones;
    struct calls calls;
    void (*start)(struct load *l);
    int epoll;
};

static void start_register(struct load *l)
{
    phones_register(&l->phones);
}

static void start_call(struct load *l)
{
    calls_invite(&l->calls);
}

static void start_release(struct load *l)
{
    calls_release(&l->calls);
}

static void at_gateway(void *arg, const char *data, size_t len)
{
    struct load *l = arg;
    struct view v;

    if (view_read(&v, data, len))
        calls_at_gateway(&l->calls, &v, data, len);
    else
        phase_failed(&l->phase, "not a SIP message", data, len);
}

static void at_phones(void *arg, const char *data, size_t len)
{
    struct load *l = arg;
    struct view v;

    if (!view_read(&v, data, len))
        phase_failed(&l->phase, "not a SIP message", data, len);
    else if (v.status != 0)
        phones_answer(&l->phones, &v, data, len);
    else
        calls_at_phones(&l->calls, &v, data, len);
}

static void wait_for_messages(struct load *l, int64_t wait_ns)
{
    struct epoll_event events[2];
    struct timespec wait = {wait_ns / 1000000000, wait_ns % 1000000000};

    (void)epoll_pwait2(l->epoll, events, 2, &wait, NULL);
}

static int64_t sooner(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

static void turn(struct load *l)
{
    int64_t now = clock_ns(), next;
    unsigned n;

    for (long due = phase_due(&l->phase, now); due > 0; due--)
        l->start(l);
    next = calls_hang_up(&l->calls, now);
    wire_flush(&l->gateway);
    wire_flush(&l->phones_wire);
    n = wire_receive(&l->gateway, at_gateway, l) + wire_receive(&l->phones_wire, at_phones, l);
    wire_flush(&l->gateway);
    wire_flush(&l->phones_wire);
    if (n > 0)
        return;
    next = sooner(next, phase_wait_ns(&l->phase, now));
    wait_for_messages(l, sooner(next, 100000000));
}

static void run(struct load *l, void (*start)(struct load *l))
{
    l->start = start;
    while (!phase_over(&l->phase, clock_ns()))
        turn(l);
    phase_print(&l->phase);
}

/* False: not an order. */
static bool order(struct load *l, const char *line)
{
    long from, span, total, rate, window, hold_ms;

    if (sscanf(line, "register %ld %ld %ld %ld %ld", &from, &span, &total, &rate, &window) == 5 &&
        from >= 0 && span > 0 && from + span <= l->phones.phones_n) {
        l->phones.from = from;
        l->phones.span = span;
        phase_begin(&l->phase, total, rate, window);
        run(l, start_register);
        return true;
    }
    if (sscanf(line, "calls %ld %ld %ld %ld", &total, &rate, &window, &hold_ms) == 4 && total > 0) {
        l->calls.hold_ns = hold_ms * 1000000;
        if (calls_new(&l->calls, total) != 0)
            return false;
        phase_begin(&l->phase, total, rate, window);
        run(l, start_call);
        return true;
    }
    if (sscanf(line, "hold %ld %ld %ld", &total, &rate, &window) == 3 && total > 0) {
        l->calls.hold_ns = -1;
        if (calls_new(&l->calls, total) != 0)
            return false;
        phase_begin(&l->phase, total, rate, window);
        run(l, start_call);
        return true;
    }
    if (sscanf(line, "release %ld %ld %ld", &total, &rate, &window) == 3 && total > 0) {
        l->calls.releasing = true;
        phase_begin(&l->phase, total, rate, window);
        run(l, start_release);
        return true;
    }
    return false;
}

static int watch(struct load *l, const struct wire *w)
{
    struct epoll_event event = {.events = EPOLLIN};

    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, w->fd, &event);
}

static int open_all(struct load *l, char **argv)
{
    int r = wire_open(&l->gateway, argv[2], argv[1]);

    if (r == 0)
        r = wire_open(&l->phones_wire, argv[3], argv[1]);
    if (r != 0)
        return r;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0 || watch(l, &l->gateway) != 0 || watch(l, &l->phones_wire) != 0)
        return -errno;
    l->phones.wire = &l->phones_wire;
    l->phones.phase = l->calls.phase = &l->phase;
    l->calls.gateway = &l->gateway;
    l->calls.phones = &l->phones_wire;
    snprintf(l->phones.server, sizeof(l->phones.server), "%s", argv[1]);
    snprintf(l->calls.server, sizeof(l->calls.server), "%s", argv[1]);
    snprintf(l->phones.realm, sizeof(l->phones.realm), "%s", argv[4]);
    l->phones.run = l->calls.run = (unsigned)getpid() & 0xffff;
    l->phones.first = l->calls.first = atol(argv[5]);
    l->phones.users = l->calls.users = atol(argv[6]);
    return phones_new(&l->phones, l->phones.users * atol(argv[7]));
}

int main(int argc, char **argv)
{
    static struct load load;
    char line[256];
    int r;

    if (argc != 8 || atol(argv[6]) < 1 || atol(argv[7]) < 1) {
        fprintf(stderr, "usage: sipload SERVER GATEWAY PHONES REALM FIRST USERS DEVICES <orders\n");
        return 2;
    }
    r = open_all(&load, argv);
    if (r != 0) {
        fprintf(stderr, "sipload: %s\n", strerror(-r));
        return 1;
    }
    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (!order(&load, line)) {
            fprintf(stderr, "sipload: no such order: %s", line);
            return 2;
        }
    }
    return 0;
}
