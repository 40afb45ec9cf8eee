/* How late a datagram is, as overload control sees it: the UDP file alone, with a real socket and
 * loop.  bind tells the test the socket (--wrap). */
#include "sipserver/adapt/server.h"
#include "sipserver/adapt/udp.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUTSTANDING 128 /* two batches: the socket is never read empty */

static struct component component;
static struct server server;
static struct udp *udp;
static int served, sender;
static struct sockaddr_in address;
static bool asks_again; /* whoever is served asks anew at once */
static unsigned steps;
static uint32_t latest_ms, first_ms;

int __real_bind(int fd, const struct sockaddr *to, socklen_t length);
int __wrap_bind(int fd, const struct sockaddr *to, socklen_t length);

int __wrap_bind(int fd, const struct sockaddr *to, socklen_t length)
{
    served = fd;
    return __real_bind(fd, to, length);
}

/* ---- the rest of the process ---- */

bool component_may_serve(const struct component *c)
{
    (void)c;
    return true;
}

static void ask(void)
{
    cr_assert_eq(sendto(sender, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)), 1);
}

void server_step(struct server *s, const struct sc_event *event)
{
    (void)s;
    if (steps++ == 0)
        first_ms = event->late_ms;
    if (event->late_ms > latest_ms)
        latest_ms = event->late_ms;
    if (asks_again)
        ask();
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

    cr_assert_eq(loop_timer_new(component.loop, LOOP_LEASE, on_end, NULL, &timer), 0);
    loop_timer_set(timer, mono_add_ms(loop_now_exact(), ms));
    cr_assert_eq(loop_run(component.loop), 0);
    loop_timer_destroy(&timer);
}

static void setup(void)
{
    socklen_t length = sizeof(address);

    cr_assert_eq(loop_new(&component.loop), 0);
    server.component = &component;
    cr_assert_eq(sip_addr_parse(SIP_STR("127.0.0.1"), 0, SIP_UDP, &server.conf.local), 0);
    cr_assert_eq(udp_new(&server, &udp), 0);
    udp_open(udp);
    cr_assert_null(udp_why_not(udp));
    cr_assert_eq(getsockname(served, (struct sockaddr *)&address, &length), 0);
    sender = socket(AF_INET, SOCK_DGRAM, 0);
}

static void teardown(void)
{
    close(sender);
    udp_destroy(&udp);
    loop_destroy(&component.loop);
}

TestSuite(late, .init = setup, .fini = teardown);

Test(late, who_always_has_something_to_read_but_answers_it_soon_is_not_late)
{
    asks_again = true;
    for (unsigned i = 0; i < OUTSTANDING; i++)
        ask();
    run_for(400);
    cr_assert_gt(steps, 2 * OUTSTANDING);
    cr_assert_lt(latest_ms, 200, "%u ms", latest_ms);
}

Test(late, whose_room_in_the_kernel_is_never_half_empty_is_late_since_then)
{
    int room = OUTSTANDING * 600; /* the kernel doubles it, and counts 768 and more for each */

    cr_assert_eq(setsockopt(served, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
    asks_again = true;
    for (unsigned i = 0; i < OUTSTANDING; i++)
        ask();
    run_for(400);
    cr_assert_geq(latest_ms, 200, "%u ms", latest_ms);
}

Test(late, a_datagram_is_as_late_as_it_has_waited)
{
    ask();
    usleep(150 * 1000); /* the process stands still */
    run_for(20);
    cr_assert_eq(steps, 1);
    cr_assert_geq(first_ms, 149);
    cr_assert_lt(first_ms, 60000);
}
