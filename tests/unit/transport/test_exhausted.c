/* What the adapters do when the kernel has no room: for a datagram, for a connection.  The two
 * files alone, with real sockets and loop; sendmmsg and accept4 fail when told to (--wrap). */
#include "sipserver/adapt/stream_inner.h"
#include "sipserver/adapt/udp.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct component component;
static struct server server;
static struct stream stream;
static int send_error, accept_error; /* 0: as the kernel has it */
static unsigned sends, accepts, welcomed;
static uint64_t told[8]; /* transactions reported as unsent */
static unsigned told_n;
static uint64_t counts[STREAM_COUNTS];

/* ---- the kernel ---- */

int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags);
int __real_accept4(int fd, struct sockaddr *from, socklen_t *length, int flags);
int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *length, int flags);

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
    sends++;
    if (send_error == 0)
        return __real_sendmmsg(fd, messages, n, flags);
    errno = send_error;
    return -1;
}

int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *length, int flags)
{
    accepts++;
    if (accept_error == 0)
        return __real_accept4(fd, from, length, flags);
    errno = accept_error;
    return -1;
}

/* ---- the rest of the process ---- */

bool component_may_serve(const struct component *c)
{
    (void)c;
    return true;
}

void server_step(struct server *s, const struct sc_event *event)
{
    (void)s;
    if (event->kind == SC_EV_UNSENT && told_n < 8)
        told[told_n++] = event->txn;
}

void server_transmit(struct server *s)
{
    (void)s;
}

uint32_t server_late_ms(const struct server *s)
{
    (void)s;
    return 0;
}

struct loop *stream_loop(const struct stream *s)
{
    (void)s;
    return component.loop;
}

void stream_count(struct stream *s, enum stream_count which)
{
    (void)s;
    counts[which]++;
}

void stream_addr_text(const struct sip_addr *a, char *text, size_t size)
{
    (void)a;
    snprintf(text, size, "somewhere");
}

uint32_t flows_max(const struct stream *s)
{
    (void)s;
    return 10;
}

struct source *flow_source(struct stream *s, const struct sip_addr *peer)
{
    static struct source source;

    (void)s;
    (void)peer;
    return &source;
}

void flow_leave(struct stream *s, struct source *source)
{
    (void)s;
    (void)source;
}

int flow_enter(struct stream *s, struct connection *c)
{
    (void)s;
    welcomed++;
    loop_exit(component.loop, 0);
    close(c->fd);
    free(c);
    return 0;
}

SSL *tls_accept(struct tls *tls, int fd)
{
    (void)tls;
    (void)fd;
    return NULL;
}

/* ---- the tests ---- */

static void on_end(void *arg, mono_t now)
{
    (void)arg;
    (void)now;
    loop_exit(component.loop, 0);
}

static void run_for(int64_t ms)
{
    struct loop_timer *timer;

    cr_assert_eq(loop_timer_new(component.loop, LOOP_STATISTICS, on_end, NULL, &timer), 0);
    loop_timer_set(timer, mono_add_ms(loop_now_exact(), ms));
    cr_assert_eq(loop_run(component.loop), 0);
    loop_timer_destroy(&timer);
}

static void setup(void)
{
    cr_assert_eq(loop_new(&component.loop), 0);
    server.component = &component;
    cr_assert_eq(sip_addr_parse(SIP_STR("127.0.0.1"), 0, SIP_UDP, &server.conf.local), 0);
    stream.server = &server;
    stream.limits.per_source_max = 10;
}

static void teardown(void)
{
    loop_destroy(&component.loop);
}

TestSuite(exhausted, .init = setup, .fini = teardown);

/* Three datagrams of three transactions. */
static void send_three(struct udp *udp, uint64_t drops, uint64_t full)
{
    struct sip_dgram items[3];
    char arena[64];
    struct sip_out out;
    struct sip_addr to;

    cr_assert_eq(sip_addr_parse(SIP_STR("127.0.0.1"), 9, SIP_UDP, &to), 0);
    sip_out_init(&out, items, 3, arena, sizeof(arena));
    for (uint64_t txn = 1; txn <= 3; txn++)
        cr_assert_geq(sip_out_add(&out, &to, txn, SIP_STR("x")), 0);
    udp_send(udp, &out, 0, 3);
    udp_report_unsent(udp);
    cr_assert_eq(udp_drops(udp), drops);
    cr_assert_eq(udp_full(udp), full);
}

Test(exhausted,
     a_datagram_that_the_kernel_has_no_room_for_is_lost_on_its_way_and_no_transport_error)
{
    struct udp *udp;

    cr_assert_eq(udp_new(&server, &udp), 0);
    udp_open(udp);
    cr_assert_null(udp_why_not(udp));
    send_three(udp, 0, 0);
    send_error = EAGAIN;
    send_three(udp, 3, 3);
    send_error = ENOBUFS;
    send_three(udp, 6, 6);
    cr_assert_eq(told_n, 0);
    cr_assert_eq(sends, 3, "one look at a kernel without room is enough");
    send_error = EHOSTUNREACH; /* that one is */
    send_three(udp, 9, 6);
    cr_assert_eq(told_n, 3);
    cr_assert_eq(told[0], 1);
    udp_destroy(&udp);
}

/* A role that ends: the kernel's fence is shut, the site address has gone, and the order to stop is
 * on its way.  What is asked meanwhile must not be refused for it: the next primary answers. */
Test(exhausted, what_our_own_kernel_keeps_in_is_no_transport_error_h10)
{
    struct udp *udp;

    cr_assert_eq(udp_new(&server, &udp), 0);
    udp_open(udp);
    send_error = EPERM;
    send_three(udp, 3, 0);
    cr_assert_eq(told_n, 0);
    cr_assert_eq(sip_addr_parse(SIP_STR("192.0.2.1"), 0, SIP_UDP, &server.conf.local), 0);
    send_error = ENETUNREACH; /* from an address that this host does not have */
    send_three(udp, 6, 0);
    cr_assert_eq(told_n, 0);
    cr_assert_eq(sip_addr_parse(SIP_STR("127.0.0.1"), 0, SIP_UDP, &server.conf.local), 0);
    send_three(udp, 9, 0); /* from one that it has: there is no way to them */
    cr_assert_eq(told_n, 3);
    udp_destroy(&udp);
}

static int connect_to(int listening)
{
    struct sockaddr_in address;
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert_eq(getsockname(listening, (struct sockaddr *)&address, &length), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, length), 0);
    return fd;
}

static void on_retry(void *arg, mono_t now)
{
    struct listener *listener = arg;

    (void)now;
    if (listener->paused)
        listener_try(listener);
}

Test(exhausted, a_listener_without_descriptors_pauses_and_lets_in_who_waited)
{
    struct listener listener = {.stream = &stream, .fd = -1, .transport = SIP_TCP};
    int peer;

    cr_assert_eq(loop_timer_new(component.loop, LOOP_SIP, on_retry, &listener, &stream.retry), 0);
    listener_try(&listener);
    cr_assert_geq(listener.fd, 0, "%s", listener.why_not);
    peer = connect_to(listener.fd);
    accept_error = EMFILE;
    run_for(220);
    cr_assert_leq(accepts, 6, "%u times in 220 ms", accepts); /* at once, then each 50 ms */
    cr_assert_geq(accepts, 1);
    cr_assert_eq(counts[STREAM_N_PAUSES], accepts);
    accept_error = 0;
    run_for(10000); /* or until it is in */
    cr_assert_eq(welcomed, 1);
    cr_assert_not(listener.paused);
    close(peer);
    listener_close(&listener);
    loop_timer_destroy(&stream.retry);
}
