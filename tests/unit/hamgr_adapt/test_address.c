/* The site address on a real interface, in a network namespace of the test's own. */
#include "hamgr/adapt/address.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static bool run(const char *command)
{
    return system(command) == 0;
}

/* A veth pair in a new namespace.  Without the privilege there is nothing to test on. */
static void in_namespace(void)
{
    if (unshare(CLONE_NEWNET) < 0)
        cr_skip_test("needs root for a network namespace");
    cr_assert(
        run("ip link add ha0 type veth peer name ha1 && ip link set ha0 up && ip link set ha1 up"));
    /* The kernel drops what is sent before it has seen the carrier, which takes it a moment. */
    cr_assert(run("for i in $(seq 500); do ip -br link show ha0 | grep -q ' UP ' && exit 0; "
                  "sleep 0.02; done; exit 1"));
}

static struct bootstrap_site site_of(const char *text, const char *interface, uint32_t prefix)
{
    struct bootstrap_site site = {.address_mode = BOOTSTRAP_INTERFACE, .prefix_length = prefix};

    snprintf(site.site_address, sizeof(site.site_address), "%s", text);
    snprintf(site.interface, sizeof(site.interface), "%s", interface);
    return site;
}

/* How many frames of ETHERTYPE have arrived at ha1. */
static int frames(int fd, uint16_t ethertype)
{
    unsigned char frame[200];
    ssize_t n;
    int count = 0;

    while ((n = recv(fd, frame, sizeof(frame), MSG_DONTWAIT)) > 0) {
        if (n < 42 || (frame[12] << 8 | frame[13]) != ethertype)
            continue;
        if (ethertype == ETH_P_ARP)
            count += memcmp(frame + 28, "\xc0\x00\x02\x09", 4) == 0 &&
                     memcmp(frame + 38, "\xc0\x00\x02\x09", 4) == 0;
        else
            count += frame[20] == 58 && frame[54] == 136; /* ICMPv6, neighbour advertisement */
    }
    return count;
}

static int listen_on_ha1(void)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_ALL),
                             .sll_ifindex = (int)if_nametoindex("ha1")};
    int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

    cr_assert_eq(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

/* What is awaited at ha1: three announcements, however slow the machine is. */
struct awaited {
    struct loop *loop;
    int fd;
    uint16_t ethertype;
    int seen;
};

static void frame_came(void *arg, uint32_t events)
{
    struct awaited *a = arg;

    (void)events;
    a->seen += frames(a->fd, a->ethertype);
    if (a->seen >= 3)
        loop_exit(a->loop, 1);
}

static void too_long(void *arg, mono_t now)
{
    (void)now;
    loop_exit(((struct awaited *)arg)->loop, 0);
}

static void take_and_drop(const char *text, uint32_t prefix, uint16_t ethertype, const char *shown)
{
    struct bootstrap_site site = site_of(text, "ha0", prefix);
    struct address *address;
    struct loop *loop;
    struct loop_timer *timer;
    struct loop_io *io;
    struct awaited awaited = {.ethertype = ethertype};
    char command[96];
    int fd;

    in_namespace();
    fd = listen_on_ha1();
    cr_assert_eq(loop_new(&loop), 0);
    cr_assert_eq(address_new(loop, &site, &address), 0);
    cr_assert_eq(address_remove(address), 0, "removing what is not there is no error");
    cr_assert_eq(address_add(address, MONO_NEVER), 0);
    cr_assert_eq(address_add(address, MONO_NEVER), 0, "taking it twice is no error");
    snprintf(command, sizeof(command), "ip addr show dev ha0 | grep -q 'inet6* %s'", shown);
    cr_assert(run(command));
    awaited.loop = loop;
    awaited.fd = fd;
    cr_assert_eq(loop_io_new(loop, fd, EPOLLIN, LOOP_SIP, frame_came, &awaited, &io), 0);
    cr_assert_eq(loop_timer_new(loop, LOOP_SIP, too_long, &awaited, &timer), 0);
    loop_timer_set(timer, mono_add_ms(loop_now_exact(), 20000));
    cr_assert_eq(loop_run(loop), 1, "the address was not announced three times, but %d times",
                 awaited.seen);
    cr_assert_eq(address_remove(address), 0);
    cr_assert_not(run(command), "the address is still there");
    loop_timer_destroy(&timer);
    loop_io_destroy(&io);
    address_destroy(&address);
    loop_destroy(&loop);
    close(fd);
}

Test(address, an_ipv4_site_address_is_added_announced_and_dropped)
{
    take_and_drop("192.0.2.9", 32, ETH_P_ARP, "192.0.2.9/32");
}

Test(address, an_ipv6_site_address_is_added_announced_and_dropped)
{
    take_and_drop("2001:db8::9", 128, ETH_P_IPV6, "2001:db8::9/128");
}

Test(address, an_interface_that_is_not_there_is_an_error)
{
    struct bootstrap_site site = site_of("192.0.2.9", "ha7", 32);
    struct address *address;
    struct loop *loop;

    in_namespace();
    cr_assert_eq(loop_new(&loop), 0);
    cr_assert_eq(address_new(loop, &site, &address), -ENODEV);
    loop_destroy(&loop);
}

Test(address, loopback_mode_touches_no_interface)
{
    struct bootstrap_site site = {.site_address = "127.0.1.100",
                                  .address_mode = BOOTSTRAP_LOOPBACK};
    struct address *address;
    struct loop *loop;

    cr_assert_eq(loop_new(&loop), 0);
    cr_assert_eq(address_new(loop, &site, &address), 0);
    cr_assert_eq(address_add(address, MONO_NEVER), 0);
    cr_assert(address_held(address));
    cr_assert_eq(address_remove(address), 0);
    cr_assert_not(address_held(address));
    address_destroy(&address);
    loop_destroy(&loop);
}
